/*
 * Optimisers over flat buffers, and schedules of the learning rate. State (m, v) belongs to the
 * caller, as long as the parameters and zero before step 1, so that a checkpoint is a copy of
 * buffers.
 *
 * sgd     g += wd w; m = mu m + g; w -= lr (nesterov: g + mu m; else m)         (dampening 0)
 * adam    g += wd w; then Adam (Kingma and Ba, arXiv:1412.6980)
 * adamw   w -= lr wd w; then Adam (Loshchilov and Hutter, arXiv:1711.05101)
 * with m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
 *      w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
 */
#ifndef ASSAY_MODELS_NET_OPTIMISER_H
#define ASSAY_MODELS_NET_OPTIMISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/net/real.h"

typedef enum assay_optimiser_kind { ASSAY_SGD, ASSAY_ADAM, ASSAY_ADAMW } assay_optimiser_kind;
typedef enum assay_rate_schedule {
    ASSAY_RATE_CONSTANT,
    ASSAY_RATE_COSINE, /* to `last` of the rate over the steps after the warm-up */
    ASSAY_RATE_LINEAR, /* the same on a line */
    ASSAY_RATE_STEPS   /* times `factor` every `every` steps, or after each of `milestones` */
} assay_rate_schedule;

typedef struct assay_optimiser_options {
    assay_optimiser_kind kind;
    double lr;           /* >= 0 */
    double momentum;     /* sgd, in [0, 1) */
    bool nesterov;       /* sgd with momentum */
    double beta1, beta2; /* adam, adamw, in [0, 1) */
    double eps;          /* adam, adamw, > 0 */
    double weight_decay; /* >= 0 */
    double clip;         /* the largest norm of a gradient, > 0; infinity: none */
    assay_rate_schedule schedule;
    size_t warmup; /* steps of linear warm-up: step t has t / warmup of the rate */
    size_t steps;  /* in all; cosine, linear */
    double last;   /* cosine, linear: of the rate, in [0, 1] */
    size_t every;  /* steps: >= 1 */
    double factor; /* steps: in (0, 1] */
    const size_t *milestones; /* steps: whole steps, warm-up included, before each change; NULL: every */
    size_t n_milestones;
} assay_optimiser_options;

#define ASSAY_OPTIMISER_DEFAULTS                                                                   \
    {                                                                                              \
        .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = INFINITY, .every = 1, .factor = 1       \
    }

/* ASSAY_EINVAL names the option that is out of its range. */
int assay_optimiser_check(const assay_optimiser_options *options);

/* The learning rate of step t = 1, 2, ... */
double assay_learning_rate(const assay_optimiser_options *options, uint64_t step);

/* Step t = 1, 2, ... of n parameters. decay[i] = 0 takes parameter i out of weight decay; NULL:
 * none is. m is unused without momentum, v by sgd. The gradient isn't clipped here. */
void assay_optimiser_step(const assay_optimiser_options *options, uint64_t step, size_t n, real *w,
    const real *grad, real *m, real *v, const unsigned char *decay);

/* The norm of n numbers in double, by chunks of 4096 that are summed in pairs, so that it does not
 * depend on who sums them; g is scaled to `most` when it is longer. */
double assay_clip_norm(real *g, size_t n, double most);

#endif
