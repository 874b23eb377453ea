/*
 * A pool of processes, one forked for each cell, at most `workers` at a time.
 *
 * The pool forks, listens to all pipes in one poll loop, keeps the limits, recognises how a process
 * ended, and gives what it says to its owner only after it was checked. While a pool is open it
 * holds SIGCHLD, SIGINT, SIGTERM and SIGHUP of this thread (through a signalfd; those that were
 * ignored stay so), and SIGPIPE is ignored; closing it gives all of them back.
 *
 * A cell's process leads a process group of its own, so that what it has started goes with it, and
 * dies with the coordinator. What it prints arrives as lines.
 */
#ifndef ASSAY_RUN_POOL_H
#define ASSAY_RUN_POOL_H

#include <signal.h>
#include <stdint.h>

#include "run/frame.h"

typedef struct assay_pool assay_pool;

typedef struct assay_pool_limits {
    double time;     /* seconds, 0: none */
    uint64_t memory; /* bytes beyond what the coordinator has, 0: none */
} assay_pool_limits;

typedef enum assay_pool_outcome {
    ASSAY_POOL_DONE,
    ASSAY_POOL_FAILED,
    ASSAY_POOL_STOPPED /* by assay_pool_stop, before it was done */
} assay_pool_outcome;

typedef struct assay_pool_calls {
    void *context;
    /* In the cell's process: do the work, words through `out`. A failure's message is
     * assay_errmsg(). `interrupt` is called from a signal handler during the work and makes it fail
     * soon with `reason`. */
    int (*work)(void *context, int64_t cell, assay_frame_writer *out);
    void (*interrupt)(void *context, const char *reason);
    /* In the coordinator. A failure ends assay_pool_step with it. The names of a row are ids of
     * assay_pool_names; only rows, notes, artifacts and results come. A line is clean UTF-8. */
    int (*frame)(void *context, int64_t cell, assay_frame *frame);
    int (*line)(void *context, int64_t cell, const char *line);
    int (*end)(void *context, int64_t cell, assay_pool_outcome outcome, double elapsed,
        const char *error /* or NULL */);
} assay_pool_calls;

/* From here on a signal to stop waits for the pool that is opened next, so that none is lost, or
 * kills, between a run's claim and its first cell. *before is the mask to go back to afterwards. */
void assay_pool_hold(sigset_t *before);

/* held: what assay_pool_hold gave, which cells have and closing restores; NULL: it held nothing. */
int assay_pool_open(
    int workers, const assay_pool_calls *calls, const sigset_t *held, assay_pool **out);
void assay_pool_close(assay_pool *pool); /* kills what still runs, without a word about it */

size_t assay_pool_busy(const assay_pool *pool);
size_t assay_pool_idle(const assay_pool *pool);
/* What the running cells say they have done, in cells. */
double assay_pool_progress(const assay_pool *pool);
/* The names of measures that rows refer to. */
const assay_names *assay_pool_names(const assay_pool *pool);
/* The signal (SIGINT, SIGTERM, SIGHUP) that has asked to stop, 0: none. */
int assay_pool_signal(const assay_pool *pool);

/* Fork a process for a cell. ASSAY_EBUSY when the system has no process left: try again later. */
int assay_pool_start(assay_pool *pool, int64_t cell, const assay_pool_limits *limits);

/* Wait for at most `seconds` until something happens, and handle it. */
int assay_pool_step(assay_pool *pool, double seconds);

/* Make all running cells stop: softly now, by SIGKILL after half a second. */
void assay_pool_stop(assay_pool *pool);

#endif
