/*
 * Ranks of values and of tuples of values.
 *
 * Sorting instead of hashing: the ranks have to be in order anyway, and a figure's rows number
 * thousands, seldom millions.
 */
#include "plot/group.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/status.h"

typedef struct entry {
    assay_datum datum;
    size_t at;    /* index into rows */
    size_t first; /* where the value appears first; set on the first of its class */
} entry;

static int by_value(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = assay_datum_compare(&x->datum, &y->datum);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Classes: texts by first appearance, all else as by value. */
static int by_class(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->datum.kind == ASSAY_DATUM_TEXT && y->datum.kind == ASSAY_DATUM_TEXT)
        return (x->at > y->at) - (x->at < y->at);
    return by_value(a, b);
}

static int no_memory(size_t n)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for groups of %zu rows", n);
}

int assay_group_rank(const assay_table *table, size_t column, const size_t *rows, size_t n,
    size_t *rank, size_t *count)
{
    entry *entries = malloc((n + 1) * sizeof *entries);
    entry *classes = malloc((n + 1) * sizeof *classes);
    int status = entries && classes ? ASSAY_OK : no_memory(n);
    *count = 0;
    if (status)
        goto cleanup;
    for (size_t i = 0; i < n; i++)
        entries[i] = (entry){assay_table_get(table, rows[i], column), i, i};
    qsort(entries, n, sizeof *entries, by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || assay_datum_compare(&entries[i].datum, &entries[i - 1].datum) != 0) {
            classes[*count] = entries[i];
            classes[(*count)++].first = i; /* where the class starts among the entries */
        }
    qsort(classes, *count, sizeof *classes, by_class);
    for (size_t c = 0; c < *count; c++)
        for (size_t i = classes[c].first;
             i < n && assay_datum_compare(&entries[i].datum, &classes[c].datum) == 0; i++)
            rank[entries[i].at] = c;
cleanup:
    free(entries);
    free(classes);
    return status;
}

typedef struct pair {
    size_t major, minor, at;
} pair;

static int by_pair(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->major != y->major)
        return x->major < y->major ? -1 : 1;
    return (x->minor > y->minor) - (x->minor < y->minor);
}

/* rank becomes the rank of (rank, minor). */
static int refine(size_t *rank, const size_t *minor, size_t n, size_t *count)
{
    pair *pairs = malloc((n + 1) * sizeof *pairs);
    if (!pairs)
        return no_memory(n);
    for (size_t i = 0; i < n; i++)
        pairs[i] = (pair){rank[i], minor[i], i};
    qsort(pairs, n, sizeof *pairs, by_pair);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || by_pair(&pairs[i - 1], &pairs[i]) != 0)
            ++*count;
        rank[pairs[i].at] = *count - 1;
    }
    free(pairs);
    return ASSAY_OK;
}

int assay_group_rank_all(const assay_table *table, const size_t *columns, size_t column_count,
    const size_t *rows, size_t n, size_t *rank, size_t *count)
{
    for (size_t i = 0; i < n; i++)
        rank[i] = 0;
    *count = n > 0;
    if (column_count == 0)
        return ASSAY_OK;
    int status = assay_group_rank(table, columns[0], rows, n, rank, count);
    size_t *minor = malloc((n + 1) * sizeof *minor);
    if (!minor && !status)
        status = no_memory(n);
    for (size_t c = 1; c < column_count && !status; c++) {
        size_t distinct;
        status = assay_group_rank(table, columns[c], rows, n, minor, &distinct);
        if (!status)
            status = refine(rank, minor, n, count);
    }
    free(minor);
    return status;
}
