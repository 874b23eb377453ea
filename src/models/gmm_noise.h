/*
 * A mixture as a model that predicts noise: what a diffusion sampler calls in place of a network.
 * The prediction is exact at every time.
 */
#ifndef ASSAY_MODELS_GMM_NOISE_H
#define ASSAY_MODELS_GMM_NOISE_H

#include <stddef.h>

#include "core/matrix.h"
#include "core/schedule.h"
#include "models/gmm.h"

typedef struct assay_gmm_noise {
    const assay_gmm *gmm;
    /* Times are of the schedule, or, with alpha_bar (n products of 1 - beta), labels 0..n-1, real
     * numbers between which alpha_bar is linear. */
    const assay_schedule *schedule;
    const double *alpha_bar;
    size_t n;
    assay_gmm_level level;          /* class and guidance */
    const assay_progress *progress; /* within a call, told of its rows; may be NULL */
    /* its own, starts as {0}, freed by assay_gmm_noise_free */
    assay_gmm_workspace workspace;
    assay_gmm_level *levels; /* one a row */
    size_t rows;
} assay_gmm_noise;

void assay_gmm_noise_free(assay_gmm_noise *m);

/* A model callback: context is an assay_gmm_noise. */
int assay_gmm_noise_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out);

#endif
