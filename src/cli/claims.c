/* assay claims: the verdicts of a run. */
#include "cli/cli.h"

#include <stdio.h>

#include "core/status.h"
#include "run/run.h"

static int claims(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    bool json = false, again = false;
    const cli_option options[] = {
        {"again", 0, CLI_FLAG, NULL, "check again over the rows there are now", &again},
        CLI_JSON(&json), CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    assay_store *store;
    int64_t run;
    assay_claim_list list = {0};
    status = cli_open_run(self, database, again ? ASSAY_STORE_WRITE : ASSAY_STORE_READ, true, argc,
        argv, first, &store, &run);
    if (status == CLI_DONE && ((again && assay_run_check_claims(store, run)) ||
                                  assay_store_claims_get(store, run, &list)))
        status = cli_failed();
    else if (status == CLI_DONE && json)
        status = cli_print_json(cli_claims_json(&list));
    else if (status == CLI_DONE && list.count == 0)
        printf(
            "run %lld has no checked claims ('--again' checks those of its script over its rows)\n",
            (long long)run);
    else if (status == CLI_DONE)
        cli_print_claims(&list, 0);
    assay_claim_list_clear(&list);
    assay_store_close(store);
    return status;
}

const cli_command cli_claims = {"claims", "[RUN]", "Print the verdicts on a run's claims",
    "Each claim is supported, not supported or inconclusive, by an interval over replicates. RUN "
    "is\n\"last\" unless named.",
    claims};
