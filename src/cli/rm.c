/* assay rm: delete runs with all that they hold. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/status.h"

/* What was thrown away in the interface is kept until here, so that it could be had back. */
static int remove_discarded(assay_store *store)
{
    int64_t *runs;
    size_t count, i = 0;
    if (assay_store_run_discarded(store, &runs, &count))
        return cli_failed();
    while (i < count && !assay_store_run_delete(store, runs[i]))
        i++;
    printf("%zu %s deleted\n", i, i == 1 ? "run is" : "runs are");
    free(runs);
    return i == count ? CLI_DONE : cli_failed();
}

static int rm(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    bool discarded = false;
    const cli_option options[] = {
        {"discarded", 0, CLI_FLAG, NULL, "those that were deleted in the terminal interface",
            &discarded},
        CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first == argc && !discarded)
        return cli_usage_error(self, "which RUN?");
    assay_store *store = NULL;
    status = cli_open(database, ASSAY_STORE_WRITE, &store);
    if (status == CLI_DONE && discarded)
        status = remove_discarded(store);
    for (int i = first; i < argc && status == CLI_DONE; i++) {
        int64_t run;
        if (assay_store_run_find(store, argv[i], &run) || assay_store_run_delete(store, run))
            status = cli_failed();
        else
            printf("run %lld is deleted\n", (long long)run);
    }
    assay_store_close(store);
    return status;
}

const cli_command cli_rm = {"rm", "RUN...", "Delete runs with their rows", NULL, rm};
