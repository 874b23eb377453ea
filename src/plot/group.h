/* Groups of rows: ranks of a column's values, shared by figures and tables. */
#ifndef ASSAY_PLOT_GROUP_H
#define ASSAY_PLOT_GROUP_H

#include <stddef.h>

#include "data/table.h"

/*
 * rank[i] of the value in row rows[i] of the column among the column's distinct values: missing
 * first, numbers by size, then texts by first appearance (the order in which an experiment lists
 * them, which is the one its author means: small, medium, large). *count: distinct values.
 */
int assay_group_rank(const assay_table *table, size_t column, const size_t *rows, size_t n,
    size_t *rank, size_t *count);

/* The same of tuples of columns, in lexicographic order; no columns: one group. */
int assay_group_rank_all(const assay_table *table, const size_t *columns, size_t column_count,
    const size_t *rows, size_t n, size_t *rank, size_t *count);

#endif
