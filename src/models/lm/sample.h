/*
 * Samples from a causal model, many at once: prompts are read once for all their samples, then all
 * that are not finished go one token further together, with the keys and values of what they have
 * so far in a cache.
 *
 * Samples are cut into groups of `batch`, in order, and a group is one thread's. Sample s of prompt
 * p draws token i with a uniform number of the stream rng / p's id / s / i, and what is beside it
 * in its group touches its logits in the last bits at most: not where weights are laid out once for
 * all tokens (net/packed.h), but in the products that are BLAS's, as those of adapters and of
 * weights seen as if quantised are, which it blocks by rows. So results are the same at any number
 * of threads, and at another width but for rare ties.
 */
#ifndef ASSAY_MODELS_LM_SAMPLE_H
#define ASSAY_MODELS_LM_SAMPLE_H

#include "models/lm/lm.h"
#include "models/lm/pick.h"

typedef struct assay_lm_sample_options {
    assay_pick_options pick;
    size_t n;            /* samples a prompt, >= 1 */
    size_t max_tokens;   /* of each sample, >= 1 */
    int32_t stop;        /* a sample ends with this token; -1: none does */
    size_t batch;        /* >= 1 */
    const uint64_t *ids; /* of each prompt, of its stream; NULL: 0, 1, ... */
    uint64_t first;      /* the first sample's number */
} assay_lm_sample_options;

#define ASSAY_LM_SAMPLE_DEFAULTS                                                                   \
    {                                                                                              \
        .pick = ASSAY_PICK_DEFAULTS, .n = 1, .max_tokens = 16, .stop = ASSAY_EOS, .batch = 64      \
    }

/* Sample s of prompt p is at i = p * n + s; its token j at i * max_tokens + j, j < length[i], with
 * the token that stopped it. logp_policy is of what was drawn from, logp_model of the softmax
 * itself, whose entropy before the token is `entropy`. */
typedef struct assay_lm_samples {
    size_t count, max_tokens;
    int32_t *token;
    size_t *length;
    unsigned char *stopped;
    double *logp_policy, *logp_model, *entropy;
} assay_lm_samples;

/* An empty prompt stands for BOS. ASSAY_EINVAL for a prompt that with max_tokens is longer than the
 * context (both numbers are named), options out of range, a model that is not causal; non-finite
 * logits. *out is set in any case. */
int assay_lm_sample(assay_lm *lm, const assay_lm_tokens *prompts,
    const assay_lm_sample_options *options, const assay_rng *rng, const assay_progress *progress,
    assay_lm_samples *out);
void assay_lm_samples_free(assay_lm_samples *samples);

#endif
