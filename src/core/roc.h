/*
 * Receiver operating characteristics: points (false positive rate, true positive rate), the area
 * under a curve of them, and their upper convex hull (Provost and Fawcett 2001).
 */
#ifndef ASSAY_CORE_ROC_H
#define ASSAY_CORE_ROC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"

/* The probability that a row of label 1 scores above one of label 0, ties as 1/2 (Mann and Whitney
 * 1947). Both labels must be there, and no score NaN. O(n log n). */
int assay_roc_auc(const double *score, const unsigned char *label, size_t n, double *auc);

/* points [n, 2] in [0, 1], in any order, are sorted by their first and second coordinate and joined
 * by straight lines together with (1, 1) and, with `origin`, (0, 0). Without it the area begins at
 * the first point: values of different settings are not to be compared. */
int assay_roc_area(const assay_matrix *points, bool origin, double *area);

/* The upper convex hull of the points with (0, 0) and (1, 1), from left to right, without those
 * that lie on a line between others. index[n + 2]: rows of points, or n for (0, 0) and n + 1 for
 * (1, 1); of equal points the lowest row. */
int assay_roc_hull(const assay_matrix *points, size_t *index, size_t *vertices, double *area);

#endif
