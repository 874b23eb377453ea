/* The coordinator: gives the cells of a run to processes and writes what they say. For the other
 * files of this room. */
#ifndef ASSAY_RUN_COORDINATOR_H
#define ASSAY_RUN_COORDINATOR_H

#include "run/pool.h"
#include "run/run.h"

typedef struct assay_coordination {
    assay_experiment *experiment; /* with its plan */
    assay_store *store;
    int64_t run; /* claimed by this process */
    uint64_t seed;
    const int64_t *cells; /* to be done, in the order in which they are given out */
    size_t cell_count;
    int64_t total;  /* cells of the run */
    int64_t before; /* of them done already */
    int64_t left;   /* of them not to be done now: the run ends as `left_as`, when there are any */
    assay_run_state left_as;
    int workers;
    assay_pool_limits limits;
    bool show_progress;   /* on stderr */
    const sigset_t *held; /* of assay_pool_hold, before the run was claimed */
} assay_coordination;

/* Until the run's end, which is in the store when this returns ASSAY_OK. A failure is one of the
 * coordinator itself (the database is gone, memory ran out); the run is interrupted then. */
int assay_coordinate(const assay_coordination *what, assay_run_state *state);

/* "[######----] 120/200 cells  1.2e4 rows/s  ETA 0:42"; `finished` may count parts of cells, eta <
 * 0 is unknown. */
typedef struct assay_progress_line {
    double finished;
    int64_t done, failed, cells;
    double rate; /* rows a second, < 0: do not show */
    double eta;  /* seconds, < 0: do not show */
    double took; /* seconds, < 0: do not show */
} assay_progress_line;

void assay_progress_format(const assay_progress_line *line, int width, char *out, size_t size);

#endif
