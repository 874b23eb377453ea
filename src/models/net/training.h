/*
 * The training step: gradients of one or several batches added up, clipped, given to the optimiser
 * with the learning rate of the step, averaged weights. What it keeps between steps is here, so
 * that a checkpoint is a copy of these buffers and the count.
 *
 *     assay_training_new(&params, &options, &training);
 *     for each step {
 *         assay_training_add(&training, shards, build, user, &batch);     once, or once a part of
 * it assay_training_step(&training, shards, &loss);
 *     }
 *
 * A loss that is not a number stops: ASSAY_ECONVERGE names the step and the learning rate, and the
 * weights are those before the step.
 */
#ifndef ASSAY_MODELS_NET_TRAINING_H
#define ASSAY_MODELS_NET_TRAINING_H

#include "models/net/optimiser.h"
#include "models/net/shards.h"

/* Parameters whose name matches (as a shell matches "head.*"); the first group that does counts.
 * NAN: as all others. */
typedef struct assay_param_group {
    const char *pattern;
    double lr, weight_decay;
} assay_param_group;

typedef struct assay_training_options {
    assay_optimiser_options optimiser; /* weight decay on parameters with ASSAY_PARAM_DECAY only */
    const assay_param_group *groups;   /* only read by assay_training_new */
    size_t n_groups;
    double ema; /* averaged = ema averaged + (1 - ema) w after each step, in [0, 1); 0: none */
} assay_training_options;

typedef struct assay_training {
    assay_training_options options;
    assay_params *params;      /* the caller's; as long as this lives, with no parameter added */
    uint64_t step;             /* done */
    float *m, *v, *average;    /* flat; NULL where the options have no use for it */
    float *grad, *part;        /* flat: of this step so far; of one more batch */
    double *lr, *weight_decay; /* of each parameter */
    double loss;
    size_t added, rows; /* batches since the last step, their rows */
} assay_training;

/* *out is set in any case. ASSAY_EINVAL names the option, or a pattern that matches nothing. */
int assay_training_new(
    assay_params *params, const assay_training_options *options, assay_training *out);
void assay_training_free(assay_training *training);

/* Add loss and gradient of a batch, whose step and first_row are set here; batch->scale says how
 * much it counts (1 / 2 of a mean for the first of two equal halves). */
int assay_training_add(assay_training *training, assay_shards *shards, assay_build *build,
    void *user, const assay_batch *batch);

/* The same of a loss that looks at the whole batch (shards.h), which is the step's only one. */
int assay_training_add_judged(assay_training *training, assay_shards *shards, assay_build *build,
    void *user, const assay_batch *batch, size_t cols, assay_judge *judge, void *judge_user);

/* Take the step: *loss of what was added (may be NULL). shards lends its threads. */
int assay_training_step(assay_training *training, assay_shards *shards, double *loss);

/* Weights of not a number or infinite are ASSAY_ECONVERGE: a last step can leave them with no loss
 * after it to tell. */
int assay_training_finish(const assay_training *training);

#endif
