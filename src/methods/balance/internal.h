/* What the files of balance share among themselves. */
#ifndef ASSAY_METHODS_BALANCE_INTERNAL_H
#define ASSAY_METHODS_BALANCE_INTERNAL_H

#include "methods/balance/smote.h"

int assay_check_finite(const assay_matrix *X);
int assay_check_minority(size_t T);
/* *k in 1..most, or clipped to most. */
int assay_check_k(const char *name, size_t *k, size_t most, bool clip, const char *of);

/* Rows wanted of a class of T rows with so many bases; per_base is 0 where bases are drawn. */
int assay_wanted(const assay_smote_options *o, size_t bases, size_t T, size_t largest,
    size_t *total, size_t *per_base);
int assay_bases_by_percent(
    size_t bases, size_t total, size_t per_base, double amount, assay_rng *rng, size_t *which);

/* index[T, k]: the k nearest of all other rows of X to each of the given ones; ties to the lower.
 */
int assay_neighbours_around(const assay_matrix *X, const size_t *row, size_t T, size_t k,
    assay_threads *pool, const assay_progress *progress, size_t *index);

int assay_synthetic_reserve(assay_synthetic *s, size_t more);

/* ---- detection ---- */

/* Four columns of finite numbers, or no row at all. */
int assay_check_boxes(const char *name, const assay_matrix *boxes);

/* order[n]: indices by descending score, equal scores by index. ASSAY_EINVAL for NaN. */
int assay_order_scores(const double *scores, size_t n, size_t *order);

/* p = 1 / (1 + e^-z), q = 1 - p and l = ln(1 + e^-|z|), each to a few ulp, none overflowing. */
void assay_logistic_terms(
    const double *z, size_t n, double *restrict p, double *restrict q, double *restrict l);

#endif
