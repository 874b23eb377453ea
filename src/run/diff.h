/*
 * Runs side by side: what differs between them, and how far their measures are apart. `assay diff`
 * and the comparing view show what this file finds.
 *
 * The first run is the base, the others are compared with it. Of each cell and measure one number
 * is taken (the last that it logged, unless said otherwise), separately for each group: the values
 * of the measures that are texts (a method's name), and of the columns that the caller names. Cells
 * belong together when they have the same parameters, apart from those that are one value in each
 * run: these are what is compared. A run's mean is over its cells whose parameters all the runs
 * have, averaged over each replicate first: replicates are the units of all intervals.
 *
 * Two runs of one experiment with the same seed draw the same numbers in cells of one replicate, so
 * their difference is paired over replicates, of the cells that both have; else it is Welch's.
 * While a run lacks cells, a paired difference is therefore not the difference of the two means.
 */
#ifndef ASSAY_RUN_DIFF_H
#define ASSAY_RUN_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/stats.h"
#include "plot/figure.h"
#include "store/store.h"

enum { ASSAY_DIFF_MOST = 32 }; /* runs */

typedef enum assay_diff_take {
    ASSAY_DIFF_LAST,
    ASSAY_DIFF_MEAN,
    ASSAY_DIFF_MIN,
    ASSAY_DIFF_MAX
} assay_diff_take;

typedef struct assay_diff_options {
    assay_diff_take take;  /* of a cell's rows */
    const char *const *by; /* columns that make groups, besides texts */
    size_t by_count;
    double level;       /* of intervals; 0: 0.95 */
    bool only_settings; /* leave the measures alone */
} assay_diff_options;

typedef struct assay_diff_setting {
    const char *kind; /* "run", "parameter", "version" or "script" */
    char *name;
    char **values; /* one a run; NULL: the run lacks it */
} assay_diff_setting;

typedef struct assay_diff_measure {
    char *name;
    char *group;                /* "smote", "k = 10", or "" */
    assay_interval *mean;       /* one a run; n = 0: it has none */
    assay_interval *difference; /* run less base, with its p; n = 0: there is none. [0] is unused */
    double *p_holm;             /* p, adjusted for the number of measures */
} assay_diff_measure;

typedef struct assay_diff {
    assay_run_info *runs;
    size_t count;
    char **labels;                /* what differs, in short; no two are equal */
    bool *paired;                 /* with the base */
    bool unmatched;               /* no cells belong together: all of each run count, unpaired */
    assay_diff_setting *settings; /* only what differs */
    size_t setting_count;
    assay_diff_measure *measures;
    size_t measure_count;
    size_t same_count; /* of those that are the same in all runs, cell by cell: not among them */
} assay_diff;

/* "last", "mean", "min" or "max"; ASSAY_EINVAL names them. */
int assay_diff_take_parse(const char *text, assay_diff_take *out);

/* Compare 2 to ASSAY_DIFF_MOST runs. Errors: ASSAY_EINVAL for another number or one run twice,
 * ASSAY_ENOTFOUND for a run or a `by` that is not there. */
int assay_diff_runs(assay_store *store, const int64_t *runs, size_t count,
    const assay_diff_options *options, assay_diff **out);
void assay_diff_free(assay_diff *diff);

/* The scripts of two runs as a unified diff; "" when they are equal. The caller frees. */
int assay_diff_script(assay_store *store, int64_t a, int64_t b, char **out);

/* A figure over all the runs: their series, each with its run's label before its own. Runs that
 * lack a column of the figure are left out unless all do (ASSAY_ENOTFOUND). */
int assay_diff_series(
    assay_store *store, const assay_diff *diff, const assay_figure *figure, assay_series_set **out);

/* A line a measure, group and run: measure, group, run, label, mean with its interval (low, high),
 * and of the others the difference from the base with its interval, p, p_holm and n (replicates).
 * What is not known is missing. The caller frees. */
int assay_diff_table(const assay_diff *diff, assay_table **out);

/* diff_measures.c: fill in the measures (runs, settings' absence and labels are there already). */
int assay_diff_measure_runs(
    assay_store *store, const assay_diff_options *options, assay_diff *diff);

#endif
