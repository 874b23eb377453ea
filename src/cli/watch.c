/* assay watch: follow a run until it ends. Reads the store only, so any number may watch. */
#include "cli/running.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"

static bool ended(assay_run_state state)
{
    return state != ASSAY_RUN_QUEUED && state != ASSAY_RUN_RUNNING;
}

static void print_line(const assay_run_info *info, bool terminal)
{
    char line[256];
    assay_run_progress_text(info, 79, line, sizeof line);
    fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line);
    fflush(stderr);
}

static int follow(assay_store *store, int64_t run, assay_run_state *state)
{
    bool terminal = isatty(STDERR_FILENO);
    const struct timespec pause = {terminal ? 0 : 2, terminal ? 250000000 : 0};
    for (;;) {
        assay_run_info info = {0};
        if (assay_store_run_get(store, run, &info))
            return cli_failed();
        *state = info.state;
        if (terminal || !ended(info.state))
            print_line(&info, terminal);
        assay_run_info_clear(&info);
        if (ended(*state)) {
            fprintf(stderr, terminal ? "\n" : "");
            return CLI_DONE;
        }
        nanosleep(&pause, NULL);
    }
}

static int watch(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    const cli_option options[] = {CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    assay_store *store;
    int64_t run;
    assay_run_state state = ASSAY_RUN_QUEUED;
    status = cli_open_run(self, database, ASSAY_STORE_READ, true, argc, argv, first, &store, &run);
    if (status == CLI_DONE)
        status = follow(store, run, &state);
    assay_store_close(store);
    return status ? status : cli_report_run(cli_database(database), run, state, false);
}

const cli_command cli_watch = {"watch", "[RUN]", "Follow a run until it ends",
    "RUN is \"last\" unless named. Leaving with Ctrl-C does not stop the run. The exit status is "
    "the\nrun's: 0 when every cell is done.",
    watch};
