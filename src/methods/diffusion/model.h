/*
 * What a diffusion sampler asks of a model: one callback, a batch in and a batch out. Mixtures,
 * networks and Lua functions stand behind it alike; a runtime of another format plugs in here.
 *
 * A model predicts one of four things of x_t = alpha x_0 + sigma eps, and the conversions between
 * them live here and nowhere else:
 *
 *   noise     eps
 *   x_start   x_0     eps = (x - alpha x_0) / sigma
 *   v         v       eps = alpha v + sigma x, x_0 = alpha x - sigma v   (alpha^2 + sigma^2 = 1)
 *   score     s       eps = -sigma s
 */
#ifndef ASSAY_METHODS_DIFFUSION_MODEL_H
#define ASSAY_METHODS_DIFFUSION_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/schedule.h"

/* out (n x d, contiguous, never x) is the prediction at x (n x d). t: one time of all rows
 * (nt = 1), or one a row (nt = x->rows). */
typedef int (*assay_model_fn)(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out);

typedef enum assay_prediction {
    ASSAY_PREDICT_NOISE,
    ASSAY_PREDICT_X_START,
    ASSAY_PREDICT_V,
    ASSAY_PREDICT_SCORE
} assay_prediction;

typedef struct assay_diffusion_model {
    assay_model_fn predict;
    void *context;
    assay_prediction type;
    const assay_schedule *schedule;
    size_t cost; /* networks run in one call: 2 with classifier-free guidance */
} assay_diffusion_model;

/* Everything of the schedule at one time. */
typedef struct assay_noise_level {
    double t, alpha, sigma, lambda;
} assay_noise_level;

int assay_noise_level_at(const assay_schedule *s, double t, assay_noise_level *out);

/* Rows predicted as `type` at x into noise, or into data (x_0), in place. levels: one (n = 1) or
 * one a row. v needs alpha^2 + sigma^2 = 1, data needs alpha > 0: both hold on every schedule but
 * for v on edm, which is refused. */
int assay_prediction_convert(assay_prediction type, bool data, const assay_matrix *x,
    const assay_noise_level *levels, size_t n, assay_matrix *prediction);

/* The noise prediction of the model, one call. */
int assay_diffusion_noise(const assay_diffusion_model *m, const assay_matrix *x, const double *t,
    size_t nt, assay_matrix *out);

/* ---- guidance: models made of models ---- */

/* Classifier-free (Ho and Salimans 2022): eps = u + scale (c - u) for the noise predictions u
 * without and c with the condition; scale 1 calls only c, 0 only u. */
typedef struct assay_cfg_model {
    assay_diffusion_model unconditional, conditional;
    double scale;
    double *memory; /* of one batch, grows when a larger one comes */
    size_t capacity;
} assay_cfg_model;

int assay_cfg_init(assay_cfg_model *g, const assay_diffusion_model *unconditional,
    const assay_diffusion_model *conditional, double scale);
void assay_cfg_free(assay_cfg_model *g);
/* A view of g, which must outlive it. */
assay_diffusion_model assay_cfg_view(assay_cfg_model *g);

/* By a classifier (Dhariwal and Nichol 2021): eps = e - scale sigma grad_x ln p(c | x_t); the
 * gradient is a callback of the same type. */
typedef struct assay_classifier_model {
    assay_diffusion_model model;
    assay_model_fn gradient;
    void *context;
    double scale;
    double *memory;
    size_t capacity;
} assay_classifier_model;

int assay_classifier_init(assay_classifier_model *g, const assay_diffusion_model *model,
    assay_model_fn gradient, void *context, double scale);
void assay_classifier_free(assay_classifier_model *g);
assay_diffusion_model assay_classifier_view(assay_classifier_model *g);

/* ---- thresholds of predicted data ---- */

/* Dynamic (Saharia et al. 2022): with q = max(the ratio-quantile of |x_0| over a row's coordinates,
 * max_val), linear between order statistics, the row becomes clip(x_0, -q, q) / q. 0 < ratio <= 1,
 * max_val > 0. scratch: x0->cols doubles. */
int assay_dynamic_threshold(assay_matrix *x0, double ratio, double max_val, double *scratch);
void assay_static_threshold(assay_matrix *x0, double clip);

#endif
