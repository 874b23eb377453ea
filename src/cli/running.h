/* What the subcommands that execute cells (run, resume, reproduce) share. */
#ifndef ASSAY_CLI_RUNNING_H
#define ASSAY_CLI_RUNNING_H

#include "cli/cli.h"
#include "run/run.h"

typedef struct cli_run_flags {
    const char *database;
    int64_t seed, workers;
    double cell_time;
    uint64_t cell_memory;
    bool quiet;
} cli_run_flags;

#define CLI_RUN_OPTIONS(flags)                                                                     \
    {"workers", 'j', CLI_COUNT, "N", "cells at a time (default: one a core)", &(flags).workers},   \
        {"cell-time", 0, CLI_SECONDS, "SECONDS", "end a cell that runs longer",                    \
            &(flags).cell_time},                                                                   \
        {"cell-memory", 0, CLI_BYTES, "SIZE",                                                      \
            "end a cell that needs more (default: 80 % of memory / workers)",                      \
            &(flags).cell_memory},                                                                 \
        {"quiet", 'q', CLI_FLAG, NULL, "no progress line and no report", &(flags).quiet},          \
        CLI_DB(&(flags).database)

assay_run_options cli_run_options(const cli_run_flags *flags);

/* Say how the run ended: state, cells, rows, failures, verdicts, what to type next. Returns the
 * exit status that the state asks for. */
int cli_report_run(const char *database, int64_t run, assay_run_state state, bool quiet);

#endif
