/*
 * The clipped policy-gradient loss of one token (Schulman et al., arXiv:1707.06347; asymmetric
 * clipping: DAPO, arXiv:2503.14476), with the k3 estimate of the divergence from a reference
 * (Schulman 2020; GRPO, arXiv:2402.03300):
 *
 *     r = exp(logp - old),  loss = -min(r A, clip(r, 1 - clip, 1 + clip_high) A)
 *                                  + kl (exp(q) - q - 1),  q = reference - logp.
 */
#ifndef ASSAY_MODELS_NET_POLICY_H
#define ASSAY_MODELS_NET_POLICY_H

#include <math.h>

typedef struct assay_policy_token {
    double logp, old, advantage;
    double reference;           /* read when kl > 0 */
    double clip, clip_high, kl; /* infinite clips: none */
} assay_policy_token;

/* The loss of a token, and its slope by logp. No advantage and no kl: both are exactly 0. */
static inline double assay_policy_loss(const assay_policy_token *t, double *slope)
{
    const double ratio = exp(t->logp - t->old), low = 1 - t->clip, high = 1 + t->clip_high;
    const double clipped = ratio < low ? low : (ratio > high ? high : ratio);
    const double free_gain = ratio * t->advantage, bound_gain = clipped * t->advantage;
    double loss = 0;
    *slope = 0;
    if (t->advantage != 0) {
        loss = -(free_gain <= bound_gain ? free_gain : bound_gain);
        *slope = free_gain <= bound_gain ? -free_gain : 0;
    }
    if (t->kl > 0) {
        const double q = t->reference - t->logp;
        loss += t->kl * (exp(q) - q - 1);
        *slope += t->kl * (1 - exp(q));
    }
    return loss;
}

#endif
