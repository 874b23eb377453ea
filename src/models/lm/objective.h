/*
 * What a transformer is asked for a batch, as the engine's shards build it (net/shards.h): one of
 * the losses, or outputs. A batch is packed; a row is a token that the model reads, and what is
 * said of rows (labels, weights, ...) has one entry a row.
 */
#ifndef ASSAY_MODELS_LM_OBJECTIVE_H
#define ASSAY_MODELS_LM_OBJECTIVE_H

#include "models/lm/transformer.h"
#include "models/net/shards.h"

#ifdef ASSAY_NET_DOUBLE
#define assay_lm_build assay_lm_build_double
#define assay_lm_evaluate assay_lm_evaluate_double
#endif

typedef enum assay_lm_goal {
    ASSAY_LM_CE,      /* cross-entropy of labels; rows, or sequences with a classify head */
    ASSAY_LM_POLICY,  /* clipped policy gradient (net/policy.h) */
    ASSAY_LM_DISTIL,  /* KL(teacher || model) of rows */
    ASSAY_LM_REVERSE, /* KL(model || teacher) */
    ASSAY_LM_SQUARES, /* squared error of the regress head, summed over outputs */
    ASSAY_LM_LOGITS,  /* outputs, no loss */
    ASSAY_LM_FEATURES /* what block `layer` gives; layers + 1: what the head reads */
} assay_lm_goal;

typedef struct assay_lm_objective {
    const assay_lm_config *config;
    const assay_lm_layout *layout;
    assay_lm_goal goal;
    size_t sequences, rows;
    const size_t *length;    /* of each sequence, >= 1 */
    const int32_t *token;    /* rows */
    const int32_t *position; /* rows */
    const double *time;      /* sequences; with a time input */
    const unsigned char *mask;
    size_t mask_side;
    bool rows_apart; /* for gradient norms of examples */

    const int32_t *label; /* rows, or sequences of a classify head; -1: not counted */
    const double *weight; /* rows; NULL: 1 */
    double smoothing;     /* cross-entropy */
    const double *old, *advantage, *reference; /* rows; policy */
    double clip, clip_high, kl, entropy;       /* policy */
    const float *teacher;                      /* rows x vocab logits; distil */
    const double *value;                       /* sequences x outputs; squares */
    size_t layer;                              /* features */
} assay_lm_objective;

/* assay_build of these, for `user` an assay_lm_objective; in both precisions. */
int assay_lm_build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value);

/* Loss, gradient and outputs of a batch as one shard, without hooks and dropout, from doubles and
 * to doubles in either precision: what tests and assay.lm.check look at. w and grad are flat
 * buffers of params->length; grad, loss and logits (rows of outputs) may be NULL. `scale` as a
 * batch's. */
int assay_lm_evaluate(const assay_params *params, const assay_lm_objective *objective,
    const double *w, double scale, double *loss, double *grad, double *logits);

/* Loss, gradient and outputs of a batch as one shard, without hooks and dropout, from doubles and
 * to doubles in either precision: what tests and assay.lm.check look at. w and grad are flat
 * buffers of params->length; `scale` is a batch's. grad and logits (as many numbers as the head
 * gives) may be NULL. assay_lm_evaluate_double is the double build. */
int assay_lm_evaluate(const assay_params *params, const assay_lm_objective *objective,
    const double *w, double scale, double *loss, double *grad, double *logits);
#ifndef ASSAY_NET_DOUBLE
struct assay_tape_double;
int assay_lm_build_double(void *user, struct assay_tape_double *tape, const int *param,
    const assay_shard *shard, int *value);
int assay_lm_evaluate_double(const assay_params *params, const assay_lm_objective *objective,
    const double *w, double scale, double *loss, double *grad, double *logits);
#endif

#endif
