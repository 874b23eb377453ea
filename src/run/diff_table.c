/* What runs' measures came to, as a table for a paper, a file or another program. */
#include "core/status.h"
#include "run/diff.h"

#include <math.h>

enum column {
    MEASURE,
    GROUP,
    RUN,
    LABEL,
    MEAN,
    LOW,
    HIGH,
    DIFFERENCE,
    DIFFERENCE_LOW,
    DIFFERENCE_HIGH,
    P,
    P_HOLM,
    UNITS,
    COLUMNS
};

static const char *const names[COLUMNS] = {"measure", "group", "run", "label", "mean", "low",
    "high", "difference", "difference_low", "difference_high", "p", "p_holm", "n"};

/* What is not known is missing. */
static int set_number(assay_table *table, enum column column, double number)
{
    return isfinite(number) ? assay_table_set_number(table, column, number) : ASSAY_OK;
}

static int set_interval(assay_table *table, enum column first, const assay_interval *x)
{
    int status = set_number(table, first, x->estimate);
    if (status == ASSAY_OK)
        status = set_number(table, first + 1, x->low);
    return status == ASSAY_OK ? set_number(table, first + 2, x->high) : status;
}

static int set_difference(assay_table *table, const assay_diff_measure *measure, size_t run)
{
    const assay_interval *d = &measure->difference[run];
    int status = set_interval(table, DIFFERENCE, d);
    if (status == ASSAY_OK)
        status = set_number(table, P, d->p);
    if (status == ASSAY_OK)
        status = set_number(table, P_HOLM, measure->p_holm[run]);
    return status == ASSAY_OK ? assay_table_set_integer(table, UNITS, (long long)d->n) : status;
}

static int add_run(
    assay_table *table, const assay_diff *diff, const assay_diff_measure *measure, size_t run)
{
    int status = assay_table_append(table);
    if (status == ASSAY_OK)
        status = assay_table_set_text(table, MEASURE, measure->name);
    if (status == ASSAY_OK)
        status = assay_table_set_text(table, GROUP, measure->group);
    if (status == ASSAY_OK)
        status = assay_table_set_integer(table, RUN, diff->runs[run].id);
    if (status == ASSAY_OK)
        status = assay_table_set_text(table, LABEL, diff->labels[run]);
    if (status == ASSAY_OK && measure->mean[run].n)
        status = set_interval(table, MEAN, &measure->mean[run]);
    if (status == ASSAY_OK && run && measure->difference[run].n)
        status = set_difference(table, measure, run);
    return status;
}

int assay_diff_table(const assay_diff *diff, assay_table **out)
{
    size_t at;
    assay_table *table = assay_table_new();
    int status = table ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory for a table");
    for (size_t i = 0; i < COLUMNS && status == ASSAY_OK; i++)
        status = assay_table_column(table, names[i], &at);
    for (size_t m = 0; m < diff->measure_count && status == ASSAY_OK; m++)
        for (size_t run = 0; run < diff->count && status == ASSAY_OK; run++)
            status = add_run(table, diff, &diff->measures[m], run);
    if (status == ASSAY_OK)
        *out = table;
    else
        assay_table_free(table);
    return status;
}
