/*
 * Farthest point sampling (Gonzalez 1985; Eldar et al. 1997): each next point is the one farthest
 * from those chosen; of equally far ones the lowest row.
 *
 * Exact, and much faster than its O(n m): every node of a k-d tree knows its farthest row, and a
 * new point goes down only into boxes that it is near enough to change.
 */
#ifndef ASSAY_CORE_FPS_H
#define ASSAY_CORE_FPS_H

#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"

/*
 * index[m]: rows of points [n, d], the first of which is `start`; no row comes twice. radius[m]
 * (NULL: not wanted): the largest distance of a row from the first 1, 2, ... chosen. keep[n] (NULL:
 * all) says which rows take part. ASSAY_EINVAL: m more than take part, or 0; start that isn't a row
 * that takes part; a number that isn't finite.
 */
int assay_fps(const assay_matrix *points, size_t m, size_t start, const unsigned char *keep,
    const assay_progress *progress, size_t *index, double *radius);

#endif
