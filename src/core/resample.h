/* Drawing with replacement by weight, from given uniform numbers. */
#ifndef ASSAY_CORE_RESAMPLE_H
#define ASSAY_CORE_RESAMPLE_H

#include <stddef.h>

#include "core/rng.h"

typedef enum assay_resample_kind {
    ASSAY_RESAMPLE_MULTINOMIAL, /* k independent draws */
    ASSAY_RESAMPLE_SYSTEMATIC   /* one draw u, points (j + u) / k: floor or ceil of k w copies */
} assay_resample_kind;

/* weights (n, finite, at least 0, not all 0) need no sum of 1. draws in [0, 1): k of them, or 1 for
 * systematic. index (k), each with the weight in which its point of the cumulative sum falls; a
 * weight of 0 is never drawn. O(n + k log n). */
int assay_resample(const double *weights, size_t n, size_t k, assay_resample_kind kind,
    const double *draws, size_t *index);

/* The same with draws of the stream. */
int assay_resample_draw(const double *weights, size_t n, size_t k, assay_resample_kind kind,
    assay_rng *rng, size_t *index);

/* w_i = exp(log_weight_i) / sum; -inf has weight 0, all -inf are equal, +inf share all equally. NaN
 * is an error. */
int assay_normalise_log_weights(const double *log_weight, size_t n, double *weight);

#endif
