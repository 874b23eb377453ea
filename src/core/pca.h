/*
 * Principal components: the directions in which rows vary most. Signs are fixed (the entry of
 * largest size is positive), so that equal data give equal components. progress may be NULL and
 * counts rows.
 */
#ifndef ASSAY_CORE_PCA_H
#define ASSAY_CORE_PCA_H

#include "core/matrix.h"
#include "core/progress.h"

/* mean (d) and covariance (d x d, divisor n - 1) of the rows of x (n x d); n >= 2. */
int assay_moments(
    const assay_matrix *x, const assay_progress *progress, double *mean, assay_matrix *covariance);

/* s (n x n, symmetric, overwritten) = V^T diag(values) V, the rows of V (n x n) orthonormal, values
 * falling. V may be NULL. */
int assay_symmetric_eigen(assay_matrix *s, double *values, assay_matrix *vectors);

/* mean: d; components: r x d, orthonormal rows, r <= d; variances: r, falling; total: the sum of
 * all d variances, or NULL. n >= 2, finite x. */
int assay_pca_fit(const assay_matrix *x, const assay_progress *progress, double *mean,
    assay_matrix *components, double *variances, double *total);

/* out (n x r) = (x - mean) components^T */
int assay_pca_project(const double *mean, const assay_matrix *components, const assay_matrix *x,
    const assay_progress *progress, assay_matrix *out);

/* out (n x d) = z components + mean */
int assay_pca_reconstruct(const double *mean, const assay_matrix *components, const assay_matrix *z,
    const assay_progress *progress, assay_matrix *out);

#endif
