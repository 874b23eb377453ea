/* Axes: ranges and ticks, the same for a file and for the terminal. */
#ifndef ASSAY_PLOT_AXIS_H
#define ASSAY_PLOT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#include "plot/figure.h"

typedef struct assay_axis {
    double lo, hi; /* lo < hi; both above 0 when log */
    bool log;
    bool whole; /* of whole numbers, which have no ticks between them */
} assay_axis;

typedef struct assay_tick {
    double value;
    char label[64]; /* plain: "0.25", "1000", "1e6" */
    bool decade;    /* value = 10^exponent of a log axis that is labelled in powers */
    int exponent;
} assay_tick;

enum { ASSAY_AXIS_TICKS = 64 };

/* From the data, bands and reference lines included, of all facets, with 4 % of room on sides that the figure
 * leaves to the data. x is whole where every x is. A single value gets a range around it; no data, 0..1 (1..10 when log). */
void assay_axis_ranges(
    const assay_figure *figure, const assay_series_set *set, assay_axis *x, assay_axis *y);

/* Where v lies: 0 at lo, 1 at hi; NaN for v <= 0 on a log axis. */
double assay_axis_place(const assay_axis *axis, double v);
double assay_axis_value(const assay_axis *axis, double place); /* its inverse */

/* Round values inside of the axis, about `target` of them (at least 2), rising. At most
 * ASSAY_AXIS_TICKS. */
size_t assay_axis_ticks(const assay_axis *axis, size_t target, assay_tick *ticks);

/* Does the axis span enough decades to be labelled in powers of ten? */
bool assay_axis_decades(const assay_axis *axis);

#endif
