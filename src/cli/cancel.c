/* assay cancel: stop runs. */
#include "cli/cli.h"

#include <stdio.h>

#include "core/status.h"
#include "run/run.h"

static int cancel(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    double wait = 10;
    const cli_option options[] = {{"wait", 'w', CLI_NUMBER, "SECONDS",
                                      "wait so long for the run to end (default: 10)", &wait},
        CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    assay_store *store;
    int64_t run;
    status =
        cli_open_run(self, database, ASSAY_STORE_WRITE, false, argc, argv, first, &store, &run);
    assay_store_close(store);
    if (status)
        return status;
    if (assay_run_cancel(cli_database(database), run, wait))
        return cli_failed();
    printf("run %lld is cancelled; 'assay resume %lld' would finish it\n", (long long)run,
        (long long)run);
    return CLI_DONE;
}

const cli_command cli_cancel = {"cancel", "RUN", "Stop a run cleanly", NULL, cancel};
