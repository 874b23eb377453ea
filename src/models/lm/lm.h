/*
 * The language-model testbed: a transformer (config.h) with its weights, and what is asked of it.
 * Training is in train.h, sampling in sample.h.
 *
 * Sequences are packed: the tokens of all of them, one after the other, and their lengths. Where a
 * call makes a number a token, the result has one entry for each packed token. Sequences of length
 * 0 are skipped.
 */
#ifndef ASSAY_MODELS_LM_LM_H
#define ASSAY_MODELS_LM_LM_H

#include "core/progress.h"
#include "models/lm/config.h"
#include "models/lm/objective.h"
#include "models/net/training.h"
#include "models/vocab.h"

/* Low-rank adapters, see adapters.h; count 0: none. */
typedef struct assay_lm_adapters {
    size_t rank, count;
    double alpha;
    unsigned targets; /* bit i: assay_lm_target_names[i] */
    bool zero;        /* A begins as 0, not B */
} assay_lm_adapters;

typedef struct assay_lm {
    assay_lm_config config;
    assay_lm_layout layout;
    assay_params params;
    assay_vocab vocab; /* size 0: tokens are numbers only */
    assay_shards *shards;
    size_t threads;
    assay_gemm_kind gemm;    /* see assay_lm_set_gemm */
    assay_training training; /* of the last assay_lm_train, for one that resumes it */
    assay_training policy;   /* of assay_lm_policy_step */
    assay_lm_adapters adapters;
    size_t *active; /* the adapter that each block uses; SIZE_MAX: none */
} assay_lm;

typedef struct assay_lm_tokens {
    size_t sequences;
    const size_t *length;      /* of each, in 0..ctx */
    const int32_t *token;      /* their sum */
    const double *time;        /* of each sequence; with a time input */
    const unsigned char *mask; /* position i sees j where mask[i * mask_side + j]; NULL: config's */
    size_t mask_side;
} assay_lm_tokens;

/* Initial weights depend on (config, seed) alone. threads >= 1. *out is set in any case. */
int assay_lm_new(const assay_lm_config *config, uint64_t seed, size_t threads, assay_lm **out);
void assay_lm_free(assay_lm *lm);
int assay_lm_clone(const assay_lm *lm, assay_lm **out);

/* How many threads work for it from now on; results don't depend on it. */
int assay_lm_set_threads(assay_lm *lm, size_t threads);

/* Whose matrix products its passes are made of from now on, BLAS's to begin with; not a part of
 * what is saved. With the portable ones a sample's bits are the same in a batch of any width. */
void assay_lm_set_gemm(assay_lm *lm, assay_gemm_kind kind);

/* ASSAY_EINVAL names the sequence and position of a token outside of the vocabulary, or the
 * sequence that is longer than the context. *total is the sum of the lengths. */
int assay_lm_check_tokens(const assay_lm *lm, const assay_lm_tokens *tokens, size_t *total);

/* What is asked of many sequences is done in batches, each of which ends with the sequence that
 * fills so many tokens. */
enum { ASSAY_LM_BATCH_ROWS = 4096 };

/* Logits [tokens, vocab] (other heads: [sequences, outputs], rows of empty ones zero). */
int assay_lm_logits(
    assay_lm *lm, const assay_lm_tokens *tokens, const assay_progress *progress, float *out);

/* log p(token | those before it) of each token; 0 for the first of each sequence. entropy, of the
 * distribution that the token came from, may be NULL. Causal models only. */
int assay_lm_score(assay_lm *lm, const assay_lm_tokens *tokens, const assay_progress *progress,
    double *logp, double *entropy);

/* What block `layer` gives, 0 the embedding, layers + 1 the last norm's: [tokens, d], with the
 * layers and d of the network in use. */
int assay_lm_features(assay_lm *lm, const assay_lm_tokens *tokens, size_t layer,
    const assay_progress *progress, float *out);

/* The norm of the gradient of each sequence's mean next-token cross-entropy (0 for sequences of
 * less than two tokens), from one walk back. ASSAY_EINVAL for a tied head. */
int assay_lm_example_norms(
    assay_lm *lm, const assay_lm_tokens *tokens, const assay_progress *progress, double *norm);

#endif
