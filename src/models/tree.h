/*
 * Decision trees of C4.5 release 8 (Quinlan 1993; 1996 for the penalty of thresholds).
 *
 * Splits of a continuous column are x <= t, where t is a value of the training set; a nominal
 * column splits by all its codes at once. Columns are sorted once, and a split divides the sorted
 * lists. Rows have no weights, and missing values are an error.
 */
#ifndef ASSAY_MODELS_TREE_H
#define ASSAY_MODELS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"

typedef struct assay_tree_options {
    double cf;          /* confidence of the pruning, in (0, 1] */
    size_t min_objects; /* rows of at least two branches; at least 1 */
    bool prune, subtree_raising;
    const unsigned char *nominal; /* flags of columns, or NULL */
    const assay_progress *progress;
} assay_tree_options;

assay_tree_options assay_tree_defaults(void); /* 0.25, 2, both, none */

typedef struct assay_tree_node {
    size_t children; /* 0: a leaf; 2 by a threshold: <= and >; else one for each code */
    size_t child;    /* the first of them */
    size_t feature;
    bool nominal;
    double threshold;
    size_t label; /* the most frequent class (equally frequent: the lowest) */
    double rows;
    size_t counts; /* rows of each class: tree->counts + counts */
} assay_tree_node;

typedef struct assay_tree {
    size_t classes, cols, nodes, minority; /* minority: the smallest class that has a row */
    assay_tree_node *node; /* node 0 is the root; not all of the others need be reached */
    double *counts;
} assay_tree;

/* X [n, d], n >= 1, finite; labels y[n]. */
int assay_tree_fit(
    const assay_matrix *X, const size_t *y, const assay_tree_options *options, assay_tree *out);
void assay_tree_free(assay_tree *tree);
size_t assay_tree_leaves(const assay_tree *tree);

/* The node that a row [cols] ends in: a leaf, or the last node before a code, or a branch, that no
 * row of the training set had. */
const assay_tree_node *assay_tree_find(const assay_tree *tree, const double *row);

/* Shares of the classes there: posterior [rows of Q, classes]. */
int assay_tree_posterior(const assay_tree *tree, const assay_matrix *Q, assay_matrix *posterior);

/* The most probable class; with threshold >= 0 the class `minority` wherever its share is greater
 * than it, else the most probable of the others. */
int assay_tree_predict(const assay_tree *tree, const assay_matrix *Q, double threshold,
    size_t minority, size_t *label);

/* The errors above E that a leaf of N rows, E of them wrong, is taken to make: the upper limit of a
 * binomial rate at confidence cf, by C4.5's approximation. N > 0, 0 <= E <= N, cf in (0, 1]. */
int assay_c45_add_errors(double n, double errors, double cf, double *more);

#endif
