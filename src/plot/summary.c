/*
 * Records to points. Rows of one unit are averaged before units are: a unit that logged a hundred
 * rows weighs as much as one that logged one, and the interval counts units, not rows.
 */
#include "plot/summary.h"

#include <math.h>
#include <stdlib.h>

#include "core/stats.h"
#include "core/status.h"

/* -1, 0 or 1; -0 and 0 are one x. */
static int compare_point(const assay_record *a, const assay_record *b)
{
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->x > b->x) - (a->x < b->x);
}

/* y comes last so that the order of rows, hence of workers, can't change the last bit of a mean. */
static int compare_record(const void *a, const void *b)
{
    const assay_record *x = a, *y = b;
    int order = compare_point(x, y);
    if (order)
        return order;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    return (x->y > y->y) - (x->y < y->y);
}

static int set_band(const double *units, size_t n, assay_band band, assay_point *point)
{
    point->low = point->high = point->y;
    if (n < 2 || band == ASSAY_BAND_NONE)
        return ASSAY_OK;
    if (band == ASSAY_BAND_CI95) {
        assay_interval interval;
        int status = assay_t_interval(units, n, 0, 0.95, &interval);
        if (!status) {
            point->low = interval.low;
            point->high = interval.high;
        }
        return status;
    }
    double sd = assay_sd(units, n);
    if (band == ASSAY_BAND_SD) {
        point->low = point->y - sd;
        point->high = point->y + sd;
        return ASSAY_OK;
    }
    for (size_t i = 0; i < n; i++) {
        point->low = fmin(point->low, units[i]);
        point->high = fmax(point->high, units[i]);
    }
    return ASSAY_OK;
}

/* The records of one (group, x), sorted by unit; `scratch` holds 2 n doubles. */
static int summarise_one(
    const assay_record *records, size_t n, assay_band band, double *scratch, assay_summary *out)
{
    double *units = scratch, *values = scratch + n;
    size_t count = 0;
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && records[j].unit == records[i].unit; j++)
            values[j - i] = records[j].y;
        units[count++] = assay_mean(values, j - i);
    }
    out->group = records->group;
    out->point =
        (assay_point){.x = records->x + 0.0, .y = assay_mean(units, count), .units = count};
    return set_band(units, count, band, &out->point);
}

int assay_summarise(
    assay_record *records, size_t n, assay_band band, assay_summary **out, size_t *count)
{
    int status = ASSAY_OK;
    double *scratch = malloc((2 * n + 1) * sizeof *scratch);
    assay_summary *summaries = malloc((n + 1) * sizeof *summaries);
    *count = 0;
    *out = NULL;
    if (!scratch || !summaries) {
        status = assay_fail(ASSAY_ENOMEM, "out of memory for the means of %zu rows", n);
        goto cleanup;
    }
    qsort(records, n, sizeof *records, compare_record);
    for (size_t i = 0, j; i < n && !status; i = j) {
        for (j = i; j < n && compare_point(&records[j], &records[i]) == 0;)
            j++;
        status = summarise_one(records + i, j - i, band, scratch, &summaries[(*count)++]);
    }
cleanup:
    free(scratch);
    if (status) {
        free(summaries);
        return status;
    }
    *out = summaries;
    return ASSAY_OK;
}
