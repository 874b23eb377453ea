/* The report at the end of a run. */
#include "cli/running.h"

#include <stdio.h>
#include <string.h>

#include "core/status.h"

assay_run_options cli_run_options(const cli_run_flags *flags)
{
    return (assay_run_options){.database = cli_database(flags->database),
        .seed = (uint64_t)flags->seed,
        .workers = flags->workers > 0 ? (int)flags->workers : 0,
        .cell_time = flags->cell_time,
        .cell_memory = flags->cell_memory,
        .quiet = flags->quiet};
}

/* The first line of the error and how many cells share it would hide the rest; the first failed
 * cell with its whole message shows most. */
static void print_first_failure(assay_store *store, int64_t run, const assay_run_info *info)
{
    assay_cell_list cells = {0};
    if (assay_store_cells_failed(store, run, 1, &cells))
        return;
    for (size_t i = 0; i < cells.count; i++) {
        const assay_cell_info *c = &cells.cells[i];
        fprintf(stderr, "%lld of %lld cells failed; the first, cell %lld with %s:\n%s\n",
            (long long)info->cells_failed, (long long)info->cells, (long long)c->index, c->params,
            c->error ? c->error : "no message");
    }
    assay_cell_list_free(&cells);
}

static void print_end(const assay_run_info *info)
{
    char took[32];
    cli_duration_text(info->elapsed, took, sizeof took);
    printf("run %lld  %s  %s%s%s  %lld cell%s, %lld row%s, %s\n", (long long)info->id,
        info->experiment, cli_state_paint(info->state), assay_run_state_name(info->state),
        cli_plain(), (long long)info->cells_done, info->cells_done == 1 ? "" : "s",
        (long long)info->rows, info->rows == 1 ? "" : "s", took);
}

static void print_next(const assay_run_info *info, const char *database)
{
    char db[256] = "";
    if (strcmp(database, "assay.db") != 0)
        snprintf(db, sizeof db, " --db %s", database);
    long long id = (long long)info->id;
    if (info->state == ASSAY_RUN_DONE)
        printf("\nNext: assay plot %lld%s    assay table %lld%s    assay%s\n", id, db, id, db, db);
    else
        printf("\nNext: assay show %lld%s    assay resume %lld%s\n", id, db, id, db);
}

int cli_report_run(const char *database, int64_t run, assay_run_state state, bool quiet)
{
    int exit_status = state == ASSAY_RUN_DONE ? CLI_DONE : CLI_FAILED;
    assay_store *store = NULL;
    assay_run_info info = {0};
    assay_claim_list claims = {0};
    if (assay_store_open(database, ASSAY_STORE_READ, &store))
        return cli_failed();
    if (assay_store_run_get(store, run, &info)) {
        assay_store_close(store);
        return cli_failed();
    }
    if (info.cells_failed > 0)
        print_first_failure(store, run, &info);
    if (info.error && *info.error)
        fprintf(stderr, "assay: %s\n", info.error);
    if (!quiet) {
        print_end(&info);
        if (assay_store_claims_get(store, run, &claims) == ASSAY_OK && claims.count > 0) {
            printf("\n");
            cli_print_claims(&claims, 2);
        }
        print_next(&info, database);
    }
    assay_claim_list_clear(&claims);
    assay_run_info_clear(&info);
    assay_store_close(store);
    return exit_status;
}
