/*
 * A k-d tree over rows: boxes halved at the median of their widest side down to leaves of at most
 * `leaf` rows. Rows that fall together lie together in memory, which is what makes neighbours and
 * farthest points of large clouds fast.
 *
 * A box's squared distance from a point is computed as a row's is: dimension by dimension, the
 * squares added in order. Rounding is monotone, so it is never above the computed distance of any
 * row in the box, and whoever prunes by it finds exactly what a loop over all rows finds.
 */
#ifndef ASSAY_CORE_KDTREE_H
#define ASSAY_CORE_KDTREE_H

#include <stddef.h>

#include "core/matrix.h"

typedef struct assay_kdtree_node {
    size_t first, count; /* its rows are order[first] .. order[first + count - 1] */
    size_t left;         /* its children are left and left + 1; 0: a leaf */
} assay_kdtree_node;

typedef struct assay_kdtree {
    size_t rows, cols, nodes;
    assay_kdtree_node *node; /* node 0 is the root; children come after their parent */
    double *box;             /* nodes x 2 x cols: least, then greatest, of each column */
    size_t *order;           /* rows of the data, leaf by leaf */
    double *points;          /* of a leaf: cols x count from first * cols on, columns first; a few
                                more may be read behind the last */
} assay_kdtree;

/* data: at least one row, finite. leaf >= 1. The tree copies what it needs of the data. */
int assay_kdtree_new(const assay_matrix *data, size_t leaf, assay_kdtree **out);
void assay_kdtree_free(assay_kdtree *tree);

static inline const double *assay_kdtree_points(
    const assay_kdtree *tree, const assay_kdtree_node *leaf)
{
    return tree->points + leaf->first * tree->cols;
}

/* The squared distance of point[cols] from a node's box; 0 inside. */
static inline double assay_kdtree_box(const assay_kdtree *tree, size_t node, const double *point)
{
    const double *least = tree->box + 2 * tree->cols * node, *greatest = least + tree->cols;
    double sum = 0;
    for (size_t j = 0; j < tree->cols; j++) {
        const double below = least[j] - point[j], above = point[j] - greatest[j];
        double gap = below > above ? below : above;
        gap = gap > 0 ? gap : 0; /* a maximum, no branch */
        sum += gap * gap;
    }
    return sum;
}

/* The squared distance of another box (least, then greatest, of each column) from a node's; 0 where
 * they meet. */
static inline double assay_kdtree_boxes(const assay_kdtree *tree, size_t node, const double *other)
{
    const double *least = tree->box + 2 * tree->cols * node, *greatest = least + tree->cols;
    double sum = 0;
    for (size_t j = 0; j < tree->cols; j++) {
        const double below = least[j] - other[tree->cols + j], above = other[j] - greatest[j];
        double gap = below > above ? below : above;
        gap = gap > 0 ? gap : 0;
        sum += gap * gap;
    }
    return sum;
}

/* Squared distances of point[cols] from the rows of a leaf, in their order. */
static inline void assay_kdtree_leaf(
    const assay_kdtree *tree, const assay_kdtree_node *leaf, const double *point, double *squared)
{
    const double *x = assay_kdtree_points(tree, leaf);
    for (size_t i = 0; i < leaf->count; i++)
        squared[i] = 0;
    for (size_t j = 0; j < tree->cols; j++, x += leaf->count)
        for (size_t i = 0; i < leaf->count; i++) {
            const double gap = point[j] - x[i];
            squared[i] += gap * gap;
        }
}

#endif
