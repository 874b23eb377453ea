/*
 * Rows in single precision, for products of blocks that rule out most pairs of rows before the rest
 * are compared in double precision. Private to core.
 *
 * Rows are taken from a mean and scaled by a power of two, so that what is far from 0 or tiny loses
 * nothing. With c = cols, u = 2^-24, the value |q|^2 + |x|^2 - 2 q.x of two converted rows is off
 * the scaled squared distance of the rows by at most
 *     error (|q|^2 + |x|^2) + 1e-30,  error = (c + 16) u,
 * where products, sums and conversions each err by at most u |q||x| <= u (|q|^2 + |x|^2) / 2 and 16
 * covers conversions, norms and the last sums.
 */
#ifndef ASSAY_CORE_SINGLE_H
#define ASSAY_CORE_SINGLE_H

#include <stddef.h>

#include "core/matrix.h"

typedef struct assay_single {
    size_t cols;
    double *mean;
    double scale, error;
} assay_single;

/* For rows of a and of b (NULL: none), which are finite. */
int assay_single_new(const assay_matrix *a, const assay_matrix *b, assay_single *out);
void assay_single_free(assay_single *single);

/* rows[i * cols + j]; norm[i] = |rows[i]|^2 */
void assay_single_convert(
    const assay_single *single, const assay_matrix *x, float *rows, double *norm);

#endif
