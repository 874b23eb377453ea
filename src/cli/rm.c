/* assay rm: delete runs with all that they hold. */
#include "cli/cli.h"

#include <stdio.h>

#include "core/status.h"

static int rm(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    const cli_option options[] = {CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first == argc)
        return cli_usage_error(self, "which RUN?");
    assay_store *store = NULL;
    status = cli_open(database, ASSAY_STORE_WRITE, &store);
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
