/*
 * Training a transformer on sequences that a source gives step by step, and the step of a policy
 * gradient.
 *
 *   ce        the next token's cross-entropy over the tokens that count, their mean; of a classify
 *             head the sequences' labels
 *   masked    masked diffusion (Sahoo et al., arXiv:2406.07524; Shi et al., arXiv:2406.04329): each
 *             sequence has a time t, each token that counts is MASK with probability 1 - alpha(t),
 *             and the loss is the sum over the masked of w(t) times the cross-entropy of what they
 *             were, over the number of tokens that count, which bounds the negative log-likelihood
 *             a token; a fixed rate with weight 1 is BERT's
 *   distil    KL(teacher || model), or with `reverse` KL(model || teacher), of the rows that
 * predict a token that counts, their mean squares   squared error of a regress head, the mean over
 * sequences and outputs
 */
#ifndef ASSAY_MODELS_LM_TRAIN_H
#define ASSAY_MODELS_LM_TRAIN_H

#include "models/lm/lm.h"
#include "models/net/training.h"

/* A growing list of sequences; begins as {0}. weight: of each token's loss, >= 0; 0: it doesn't
 * count. label (classify) and value (regress, `outputs` numbers) are of sequences. */
typedef struct assay_lm_examples {
    size_t sequences, tokens, values;
    size_t *length;
    int32_t *token, *label;
    double *weight, *value;
    size_t sequence_room, token_room, value_room;
} assay_lm_examples;

/* Begin another sequence, with its label (-1: none); then its tokens and values. */
int assay_lm_add_sequence(assay_lm_examples *examples, int32_t label);
int assay_lm_add_token(assay_lm_examples *examples, int32_t token, double weight);
int assay_lm_add_value(assay_lm_examples *examples, double value);
void assay_lm_examples_clear(assay_lm_examples *examples);
void assay_lm_examples_free(assay_lm_examples *examples);

/* Add the examples of step 1, 2, ... to an empty list. */
typedef int assay_lm_source(void *context, uint64_t step, assay_lm_examples *to);

/* Batches of a list, each pass over it in an order of its own; a source's context. */
typedef struct assay_lm_list {
    const assay_lm_examples *examples;
    size_t batch; /* >= 1 */
    size_t outputs;
    uint64_t seed;
    size_t *first_token, *order; /* made by assay_lm_list_begin */
    uint64_t pass;
} assay_lm_list;

int assay_lm_list_begin(assay_lm_list *list);
void assay_lm_list_end(assay_lm_list *list);
assay_lm_source assay_lm_list_source;

typedef enum assay_lm_loss {
    ASSAY_LM_LOSS_CE,
    ASSAY_LM_LOSS_MASKED,
    ASSAY_LM_LOSS_DISTIL,
    ASSAY_LM_LOSS_SQUARES
} assay_lm_loss;

/* Called on the caller's thread. alpha in [0, 1]: the chance that a token stays at time t; weight
 * > 0: of the loss. A NULL of either is that of the linear schedule, 1 - t and 1 / t. */
typedef struct assay_lm_masking {
    int (*alpha)(void *context, double t, double *alpha);
    int (*weight)(void *context, double t, double *weight);
    void *context;
    double rate; /* > 0: this share is masked at weight 1, whatever the time; 0: the schedule */
    bool spread; /* times (u + i) / B mod 1 of one u, not B independent ones */
} assay_lm_masking;

/* ASSAY_EINVAL when the schedule's alpha is not in 0..1. */
int assay_lm_alpha(const assay_lm_masking *masking, double t, double *alpha);

typedef struct assay_lm_step {
    uint64_t step;
    double loss, lr;
    size_t tokens; /* that counted */
} assay_lm_step;

typedef struct assay_lm_train_options {
    assay_training_options training;
    size_t steps;
    uint64_t seed; /* of dropout and masks */
    assay_lm_loss loss;
    double smoothing;
    assay_lm_masking masking;
    assay_lm *teacher; /* distil */
    bool reverse;
    bool resume; /* go on after the steps of the last call, with its optimiser's state */
    /* After each step; *stop ends the training. May be NULL. */
    int (*on_step)(void *context, const assay_lm_step *step, bool *stop);
    void *context;
} assay_lm_train_options;

/* losses[t - 1] of step t, for `steps` steps; *done is the last one's number. A loss that is not a
 * number is ASSAY_ECONVERGE, which names step and learning rate; no token that counts in a step is
 * ASSAY_EINVAL. */
int assay_lm_train(assay_lm *lm, assay_lm_source *source, void *context,
    const assay_lm_train_options *options, const assay_progress *progress, double *losses,
    uint64_t *done);

/* ---- policy gradient ---- */

typedef enum assay_lm_divisor {
    ASSAY_LM_BY_TOKENS,    /* the mean over all tokens that count */
    ASSAY_LM_BY_SEQUENCES, /* the mean over sequences of their means */
    ASSAY_LM_BY_CONSTANT   /* over sequences times `constant` (Dr. GRPO, arXiv:2503.20783) */
} assay_lm_divisor;

typedef struct assay_lm_policy_options {
    assay_training_options training;
    double clip, clip_high, kl, entropy;
    assay_lm_divisor divisor;
    double constant;     /* > 0 */
    size_t epochs;       /* steps over the same samples, >= 1 */
    assay_lm *reference; /* kl > 0 */
    uint64_t seed;
} assay_lm_policy_options;

/* After the last epoch, over the tokens that count. */
typedef struct assay_lm_policy_result {
    double loss;    /* of the first epoch */
    double ratio;   /* the mean of exp(logp - old) */
    double clipped; /* the share of ratios outside of the clip */
    double kl;      /* the mean of k3 to the reference; NAN without one */
} assay_lm_policy_result;

/* What each token's loss is multiplied by, 0 where the mask is. ASSAY_EINVAL when that is all. */
int assay_lm_policy_weights(assay_lm_divisor divisor, double constant, size_t sequences,
    const size_t *length, const unsigned char *mask, double *weight);

/* Sequences are whole, prompt and answer; mask marks the tokens that were drawn; old and advantage
 * have one number a token. The optimiser's state stays with the model from call to call. */
int assay_lm_policy_step(assay_lm *lm, const assay_lm_tokens *tokens, const unsigned char *mask,
    const double *old, const double *advantage, const assay_lm_policy_options *options,
    const assay_progress *progress, assay_lm_policy_result *out);

#endif
