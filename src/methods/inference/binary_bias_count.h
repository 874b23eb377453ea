/*
 * The counts that the battery's tests are arithmetic on. Private to the battery.
 */
#ifndef ASSAY_METHODS_INFERENCE_BINARY_BIAS_COUNT_H
#define ASSAY_METHODS_INFERENCE_BINARY_BIAS_COUNT_H

#include "methods/inference/binary_bias.h"

/* What is counted beyond the report. */
typedef struct assay_binary_tally {
    size_t triple[2][2][2];                                           /* [x_{t-2}][x_{t-1}][x_t] */
    size_t pairs[ASSAY_BINARY_LAGS_MAX], both[ASSAY_BINARY_LAGS_MAX]; /* within a batch; of ones */
    size_t first[ASSAY_BINARY_LAGS_MAX], second[ASSAY_BINARY_LAGS_MAX]; /* sums over pairs */
    size_t answered; /* batches that are not empty */
} assay_binary_tally;

/* Adds a batch of n answers, each 0 or 1, to the counts of `out`, whose streak_bins, lags and block
 * are set, and to `counts`. */
void assay_binary_count(
    const unsigned char *x, size_t n, assay_binary_report *out, assay_binary_tally *counts);

#endif
