/*
 * One token from one row of logits z. In this order:
 *
 *   1. z / temperature (0: the largest, the lowest token on ties, and nothing is drawn);
 *   2. top-k: the k largest, of equal ones the lowest tokens;
 *   3. top-p: of those in descending order the shortest beginning with mass >= p (Holtzman et al.,
 *      arXiv:1904.09751), at least one;
 *   4. min-p: of those the ones with at least min_p times the largest probability
 *      (arXiv:2407.01082);
 *   5. renormalise;
 *   6. the first token, in the order of tokens, whose cumulative probability exceeds u.
 *
 * Masses of 3 and 4 are of what the step before left, renormalised.
 */
#ifndef ASSAY_MODELS_LM_PICK_H
#define ASSAY_MODELS_LM_PICK_H

#include <stddef.h>

typedef struct assay_pick_options {
    double temperature; /* >= 0 */
    size_t top_k;       /* 0: all */
    double top_p;       /* in (0, 1] */
    double min_p;       /* in [0, 1] */
} assay_pick_options;

#define ASSAY_PICK_DEFAULTS                                                                        \
    {                                                                                              \
        .temperature = 1, .top_p = 1                                                               \
    }

typedef struct assay_picked {
    size_t token;
    double logp_policy; /* under what was drawn from */
    double logp_model;  /* under the softmax of z itself */
    double entropy;     /* of the softmax of z itself, in nats */
} assay_picked;

/* ASSAY_EINVAL names the option. */
int assay_pick_check(const assay_pick_options *options);

/* u in [0, 1). ASSAY_EINVAL for options, n = 0, logits that are NaN or +infinity ("non-finite
 * logits") or all -infinity. */
int assay_lm_pick(
    const double *logits, size_t n, const assay_pick_options *options, double u, assay_picked *out);

#endif
