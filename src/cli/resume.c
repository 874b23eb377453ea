/* assay resume: redo what a run left unfinished. */
#include "cli/running.h"

#include <stdio.h>

#include "core/status.h"

static int resume(const cli_command *self, int argc, char **argv)
{
    cli_run_flags flags = {0};
    int64_t cell = -1;
    bool detach = false;
    const cli_option options[] = {
        {"cell", 'c', CLI_INTEGER, "N", "only this cell, which is not done", &cell},
        {"detach", 0, CLI_FLAG, NULL, "return at once; the run outlives the terminal", &detach},
        CLI_RUN_OPTIONS(flags), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    assay_store *store;
    int64_t run;
    status = cli_open_run(
        self, flags.database, ASSAY_STORE_WRITE, false, argc, argv, first, &store, &run);
    assay_store_close(store);
    if (status)
        return status;
    assay_run_options how = cli_run_options(&flags);
    assay_run_state state = ASSAY_RUN_QUEUED;
    how.one_cell = cell >= 0;
    how.cell = cell;
    how.detach = detach;
    how.quiet = how.quiet || detach;
    if (assay_run_resume(run, &how, &state))
        return cli_failed();
    if (detach) {
        printf("run %lld goes on\n", (long long)run);
        return CLI_DONE;
    }
    return cli_report_run(how.database, run, state, flags.quiet);
}

const cli_command cli_resume = {"resume", "RUN",
    "Finish a run that was cancelled, interrupted or failed",
    "Cells that are done stay; the others are run again with the stored script, parameters and "
    "seed.\n"
    "The rows are bitwise those of a run that was never stopped.",
    resume};
