/*
 * k-means by Lloyd's iterations (1982), started by k-means++ (Arthur and Vassilvitskii 2007) or
 * from given centres.
 *
 * Assignments are exact: products in single precision leave, mostly, one centre that can be the
 * nearest (single.h), and where they leave more these are compared in double precision. Sums go by
 * fixed blocks of rows, so that the result has the same bits at any number of threads.
 */
#ifndef ASSAY_CORE_KMEANS_H
#define ASSAY_CORE_KMEANS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/rng.h"

struct assay_kmeans_options {
    size_t max_iterations; /* 0: 300 */
    size_t restarts;       /* of assay_kmeans; 0: 1 */
    bool keep_empty;       /* a cluster that loses its last row keeps its centre; else it is given
                              the row farthest from its own centre among clusters of several rows */
    assay_threads *pool;   /* NULL: this thread */
    const assay_progress *progress;
};

struct assay_kmeans_result {
    double inertia;    /* sum of squared distances of rows from their centres */
    size_t iterations; /* updates of the centres */
    bool converged;    /* the last assignment repeated the one before */
};

/* k different rows of x [n, d]: the first is floor(draws[0] n); each next is drawn by its squared
 * distance from the nearest before it, by inverse cumulative sum of draws[i] in [0, 1), rows in
 * order. Where all distances are 0 it is the lowest row that isn't chosen. */
int assay_kmeans_pp(const assay_matrix *x, size_t k, const double *draws, size_t *index);

/* From centres [k, d], which become those of the result. label[n] in 0..k-1 (equally near: the
 * lowest), squared[n] (NULL: not wanted) the squared distance from the row's centre.
 * An iteration: assign, mend empty clusters, stop if nothing changed, else take means. */
int assay_kmeans_lloyd(const assay_matrix *x, const struct assay_kmeans_options *options,
    assay_matrix *centres, size_t *label, double *squared, struct assay_kmeans_result *result);

/* The best, by inertia, of `restarts` such runs from k-means++ starts; centres [k, d] only out. */
int assay_kmeans(const assay_matrix *x, const struct assay_kmeans_options *options, assay_rng *rng,
    assay_matrix *centres, size_t *label, double *squared, struct assay_kmeans_result *result);

#endif
