/*
 * Exact nearest neighbours by Euclidean distance. Equal distances go to the lower row.
 *
 * Two ways give the same answer to the bit. With few columns a k-d tree (kdtree.h) is searched.
 * With many, single-precision matrix products of blocks say which rows can be among the nearest,
 * by a bound on their rounding error, and only those are compared in double precision.
 */
#ifndef ASSAY_CORE_NEIGHBOURS_H
#define ASSAY_CORE_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/parallel.h"
#include "core/progress.h"

typedef enum assay_neighbours_method {
    ASSAY_NEIGHBOURS_AUTO,
    ASSAY_NEIGHBOURS_BLOCKS,
    ASSAY_NEIGHBOURS_TREE
} assay_neighbours_method;

struct assay_neighbours_options {
    assay_neighbours_method method;
    bool exclude_self;   /* query is the data: row i is no neighbour of its own; another row with
                            the same values is one, at distance 0 */
    assay_threads *pool; /* NULL: this thread; any pool gives the same bits */
    const assay_progress *progress;
};

/* index[i * k + j] is the row (from 0) of data that is the j-th nearest to row i of query,
 * squared[i * k + j] its squared distance (NULL: not wanted). ASSAY_EINVAL: k not in 1 .. rows of
 * data (less one with exclude_self), other columns than data's, a number that isn't finite. */
int assay_neighbours(const assay_matrix *query, const assay_matrix *data, size_t k,
    const struct assay_neighbours_options *options, size_t *index, double *squared);

#endif
