/*
 * Runs: one execution of an experiment, a process of its own.
 *
 * The coordinator hands out cells and is the one writer of its run's rows. Each cell runs in a
 * process forked from the coordinator after the script was loaded, so that a cell finds the globals
 * as the script left them, whatever earlier cells did; a crash, a runaway loop or a memory bomb ends
 * that process only. Its words come back as frames over a pipe. Cell processes die with the
 * coordinator (PR_SET_PDEATHSIG).
 */
#ifndef ASSAY_RUN_RUN_H
#define ASSAY_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lua/engine.h"
#include "plot/figure.h"
#include "store/store.h"

typedef struct assay_run_options {
    const char *database;       /* path */
    const char *preset;         /* or NULL */
    const assay_setting *settings;
    size_t setting_count;
    int64_t replicates;         /* 0: the declaration's */
    uint64_t seed;              /* default 1 is the CLI's */
    int workers;                /* 0: one a core */
    double cell_time;           /* seconds; 0: the declaration's, else none */
    uint64_t cell_memory;       /* bytes; 0: the declaration's, else 0.8 of physical memory /
                                 * workers */
    bool detach;
    bool quiet;                 /* no progress line; detached, nothing that the script prints while
                                 * it is loaded */
    bool one_cell;              /* resume: only `cell`, which is not done */
    int64_t cell;
    uint64_t order_seed;        /* 0: cells in their order; else shuffled, which changes no row */
} assay_run_options;

/* Start FILE. In the foreground it returns when the run has ended, `state` telling how; with detach
 * it returns as soon as the run stands in the store and its process has taken it. Errors are those
 * from before the run existed (bad file, parameters, database); later ones are in the run, but for
 * one that leaves no run to write to (the database is gone), which is returned too.
 *
 * Detaching forks: no store on that database may be open in the calling process, as SQLite's locks
 * do not cross a fork (ASSAY_EBUSY); close it before and open it again after. */
int assay_run_start(const char *file, const assay_run_options *options, int64_t *run, assay_run_state *state);

/* Redo what is unfinished (queued, running, failed cells) with the stored script and parameters.
 * A run that is done already stays as it is. Of the options, those of a run's content (preset,
 * settings, replicates, seed) do not count: they are the stored ones. */
int assay_run_resume(int64_t run, const assay_run_options *options, assay_run_state *state);

/* Run the stored script with the stored seed as a new run, compare bitwise. `difference` is the first
 * one (cell, row, measure, both values) and, on a line of its own, its likely cause: what of program,
 * libraries and processor has changed. ASSAY_ECANCELLED when it was cancelled before there was
 * something to compare. */
int assay_run_reproduce(int64_t run, const assay_run_options *options, int64_t *again, bool *equal, char *difference, size_t size);

/* Ask the run to stop: flag in the store, and SIGTERM when it is on this host. Waits up to `wait`
 * seconds for it to end (ASSAY_EBUSY when it has not; 0: does not wait). ASSAY_EINVAL for a run
 * that has ended already. */
int assay_run_cancel(const char *database, int64_t run, double wait);

/* A line about a running or ended run: "[######----] 120/200 cells  1.2e4 rows/s  ETA 0:42". */
void assay_run_progress_text(const assay_run_info *info, int width, char *out, size_t size);

/* Verdicts over a run's rows, with the stored script; stored again. */
int assay_run_check_claims(assay_store *store, int64_t run);

/* The figures a run declares (names in order), one of them with its rows read, grouped and fitted. */
int assay_run_figures(assay_store *store, int64_t run, assay_figure ***figures, size_t *count);
void assay_run_figures_free(assay_figure **figures, size_t count);
int assay_run_series(assay_store *store, int64_t run, const assay_figure *figure, assay_series_set **out);

/* Experiment files: those in ./experiments (and below), the user's directory
 * ($XDG_DATA_HOME/assay/experiments) and the installed ones, first of a name wins. */
typedef struct assay_found {
    char *path;
    char *name;     /* or the file's name when it does not load */
    char *family;   /* its directory */
    char *describe; /* JSON of the declaration, or NULL */
    char *error;    /* why it does not load, or NULL */
} assay_found;

typedef struct assay_found_list {
    assay_found *items;
    size_t count;
} assay_found_list;

int assay_run_discover(assay_found_list *out);

/* The user's directory of experiments, which need not exist; the caller frees. NULL: no home. */
char *assay_run_user_directory(void);
void assay_found_list_free(assay_found_list *list);
/* A path, or the name or slug of a discovered experiment, to a path (caller frees); "did you mean". */
int assay_run_locate(const char *text, char **path);

#endif
