/*
 * The training of a sequential net: minibatches of a permutation (fresh every epoch), of draws with
 * replacement, or of a sampler of the caller's; steps as training.h takes them.
 *
 * Everything random is a function of (seed, step): the permutation of an epoch, the sampler's
 * stream, dropout, the noise of a denoiser. So a training that goes on from a checkpoint is, bit by
 * bit, the one that was never interrupted.
 */
#ifndef ASSAY_MODELS_NET_FIT_H
#define ASSAY_MODELS_NET_FIT_H

#include "models/net/net.h"
#include "models/net/training.h"
#include "core/schedule.h"

typedef enum assay_fit_order { ASSAY_ORDER_PERMUTATION, ASSAY_ORDER_REPLACEMENT } assay_fit_order;

/* Denoising: the data are x alone; the net gets [x_t, t], t uniform in t_min..t_max, and its
 * outputs are compared with what they predict. */
typedef struct assay_fit_denoise {
    assay_net_prediction prediction;
    const assay_schedule *schedule;
    double t_min, t_max;
} assay_fit_denoise;

typedef struct assay_fit_options {
    assay_training_options training;
    assay_net_loss loss;
    size_t steps;      /* in all, also where a training goes on; optimiser schedules have it too */
    size_t batch;      /* examples, >= 1; at most as many as there are */
    size_t accumulate; /* batches a step, >= 1 */
    assay_fit_order order;
    uint64_t seed;
    bool resume;                      /* go on from net->state, whose seed then counts */
    const assay_fit_denoise *denoise; /* NULL: none */
    /* In place of `loss`, which is not looked at: the loss of step `step`'s examples and its slope,
     * n x outputs (zeroed), by their outputs. The data are x alone, without weights; accumulate is
     * 1. NULL: none. */
    int (*judge)(void *context, uint64_t step, const size_t *index, size_t n,
        const assay_matrix *outputs, double *loss, assay_matrix *slope);
    /* Replaces `order`: up to batch * accumulate indices (from 0), and weights, which are all 1
     * before. A failure's status ends the training. NULL: none. */
    int (*sample)(void *context, uint64_t step, assay_rng *rng, size_t most, size_t *index,
        double *weight, size_t *count);
    /* After each step; *stop ends the training. NULL: none. */
    int (*on_step)(void *context, uint64_t step, double loss, bool *stop);
    void *context;
    const assay_progress *progress;
} assay_fit_options;

#define ASSAY_FIT_DEFAULTS                                                                         \
    {                                                                                              \
        .training = {.optimiser = ASSAY_OPTIMISER_DEFAULTS}, .loss = ASSAY_NET_LOSS_DEFAULTS,      \
        .batch = 64, .accumulate = 1                                                               \
    }

/* Steps of an epoch of n examples. */
size_t assay_fit_epoch(const assay_fit_options *options, size_t n);

/* Train; net->state is what is left (also after a failure or a stop: the last whole step).
 * losses[t - 1] is the loss of step t (of this call's steps; steps numbers), or NULL. */
int assay_net_fit(
    assay_net *net, const assay_net_data *data, const assay_fit_options *options, double *losses);

#endif
