/*
 * Ranks and rank correlations. NaN among the inputs is an error (ASSAY_EINVAL, naming the position
 * from 1); infinities are ordered as numbers.
 */
#ifndef ASSAY_CORE_RANK_H
#define ASSAY_CORE_RANK_H

#include <stddef.h>

/* Ranks 1..n by rising value; equal values share the mean of their ranks. O(n log n). */
int assay_ranks(const double *x, size_t n, double *rank);

/* Kendall's tau-b, in O(n log n) (Knight 1966). NaN where a vector is constant, or n < 2. */
int assay_kendall_tau(const double *a, const double *b, size_t n, double *tau);

/* Pearson's correlation; NaN where a vector is constant, or n < 2. Values must be finite. */
int assay_pearson(const double *a, const double *b, size_t n, double *r);

/* Spearman's: Pearson's of the ranks. */
int assay_spearman(const double *a, const double *b, size_t n, double *rho);

#endif
