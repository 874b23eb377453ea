/* assay reproduce: run a stored run again and compare bitwise. */
#include "cli/running.h"

#include <stdio.h>

#include "core/status.h"

static int reproduce(const cli_command *self, int argc, char **argv)
{
    cli_run_flags flags = {0};
    const cli_option options[] = {CLI_RUN_OPTIONS(flags), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    assay_store *store;
    int64_t run, again = 0;
    status = cli_open_run(
        self, flags.database, ASSAY_STORE_WRITE, false, argc, argv, first, &store, &run);
    assay_store_close(store);
    if (status)
        return status;
    assay_run_options how = cli_run_options(&flags);
    bool equal = false;
    char difference[2048] = "";
    if (assay_run_reproduce(run, &how, &again, &equal, difference, sizeof difference))
        return cli_failed();
    if (equal)
        printf("run %lld reproduces run %lld: every row is bitwise equal\n", (long long)again,
            (long long)run);
    else
        printf(
            "run %lld differs from run %lld: %s\n", (long long)again, (long long)run, difference);
    return equal ? CLI_DONE : CLI_FAILED;
}

const cli_command cli_reproduce = {"reproduce", "RUN",
    "Run a stored run again and compare its rows bitwise",
    "The stored script, parameters and seed are used. Exit status 1 when a row differs; the first\n"
    "difference and its likely cause are named.",
    reproduce};
