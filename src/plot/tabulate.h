/*
 * Rows as a table for a paper, a file or a terminal.
 *
 * Without `by`, a line a row. With `by`, a line a group: the columns named by `by`, then of each
 * measure the mean over units with the half width of its 95 % t interval, units being averaged
 * first as in figures. Rows that lack a column of `by`, or log none of the measures, make no group.
 */
#ifndef ASSAY_PLOT_TABULATE_H
#define ASSAY_PLOT_TABULATE_H

#include <stdio.h>

#include "data/table.h"

typedef struct assay_tabulate_options {
    const char *format;         /* "text" (NULL), "latex" (booktabs), "csv", "markdown", "json" */
    const char *const *columns; /* which, in this order; NULL: all. With `by`: the measures; NULL:
                                   every column with numbers but "cell", "replicate" and the unit */
    size_t column_count;
    const char *const *by;
    size_t by_count;
    const char
        *unit;  /* NULL: "replicate"; a table that lacks "replicate" has rows that are units */
    int digits; /* significant ones, 1..17, of numbers and, with `by`, of half widths. 0: exact
                   in csv and json; elsewhere 4, and 2 of a half width, which sets the mean's
                   decimals */
} assay_tabulate_options;

/*
 * With `by`, csv has the columns NAME, NAME_ci95 and NAME_units of a measure, json the object
 * {"mean", "ci95", "units"}; a group of one unit has no half width (empty, null). Values that are
 * not finite are left out of means; json writes them as null. ASSAY_ENOTFOUND for a column that the
 * table lacks; ASSAY_EINVAL for another format, digits out of range, or a mean of texts; ASSAY_EIO.
 */
int assay_tabulate(const assay_table *rows, const assay_tabulate_options *options, FILE *out);

/* ASSAY_EINVAL, with the formats there are, unless `name` is one of them. */
int assay_tabulate_check_format(const char *name);

/* The format that a file's name asks for: .tex is latex, .md markdown, .json json, .txt text, and
 * any other csv. */
const char *assay_tabulate_format_of(const char *path);

/* A table as a file (core/file.h), in the format that its name asks for. */
int assay_tabulate_file(const assay_table *rows, const char *path);

#endif
