/* Means over units with their bands: the one place where rows become points. */
#ifndef ASSAY_PLOT_SUMMARY_H
#define ASSAY_PLOT_SUMMARY_H

#include "plot/figure.h"

typedef struct assay_record {
    size_t group, unit;
    double x, y; /* finite */
} assay_record;

typedef struct assay_summary {
    size_t group;
    assay_point point;
} assay_summary;

/*
 * One summary for each (group, x), in that order: the mean over units of each unit's mean of y, and
 * its band: the t interval of the mean at 95 % (CI95), mean +- the standard deviation of the units
 * (SD), or their extremes (MINMAX). One unit has no band: low = high = y. Sorts the records.
 */
int assay_summarise(assay_record *records, size_t n, assay_band band, assay_summary **out, size_t *count);

#endif
