/*
 * Samples from a masked diffusion model: from MASK everywhere to no MASK, in steps of time from 1
 * to 0. At time t a token is not masked with probability alpha(t).
 *
 *   independent      from t to s each MASK is replaced with probability
 *                    (alpha(s) - alpha(t)) / (1 - alpha(t)), by a draw from the model (Sahoo et
 * al., arXiv:2406.07524) first_hitting    one MASK at a time, any with equal chance, at the time of
 * the next replacement: with n left, 1 - alpha(s) = (1 - alpha(t)) u^(1/n) (Zheng et al.,
 *                    arXiv:2409.02908); as many steps as tokens
 *   topk_confidence  as many as are expected at each step, those whose drawn token is the most
 *                    probable, the first of equal ones
 *
 * A draw is the largest of log p + Gumbel noise, from uniform numbers of 53 bits, or of 24 bits in
 * single precision (`truncated`), whose noise can't exceed 16.6: that lowers the temperature of the
 * samples (arXiv:2409.02908, section 4). MASK itself is never drawn.
 */
#ifndef ASSAY_MODELS_LM_MASKED_H
#define ASSAY_MODELS_LM_MASKED_H

#include "models/lm/lm.h"
#include "models/lm/train.h"

typedef enum assay_lm_unmask {
    ASSAY_LM_INDEPENDENT,
    ASSAY_LM_FIRST_HITTING,
    ASSAY_LM_TOPK_CONFIDENCE
} assay_lm_unmask;

typedef struct assay_lm_masked_options {
    size_t length; /* of each sample, in 1..ctx */
    size_t steps;  /* >= 1; first_hitting: unused */
    assay_lm_unmask rule;
    bool truncated;
    double temperature;       /* of the draws, >= 0; 0: the most probable token */
    assay_lm_masking masking; /* its alpha */
    uint64_t first;           /* the first sample's number, of its stream */
} assay_lm_masked_options;

/* token: n x length; unmasked: of each of `steps` steps (first_hitting: `length`), over all
 * samples. Sample i draws from rng / its number, so that it does not depend on the others. Samples
 * walk in batches of the size that assay_lm_logits takes: memory doesn't grow with n, and each step
 * of each batch reports. */
int assay_lm_sample_masked(assay_lm *lm, size_t n, const assay_lm_masked_options *options,
    const assay_rng *rng, const assay_progress *progress, int32_t *token, size_t *unmasked);

#endif
