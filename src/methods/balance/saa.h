/*
 * Sample adaptive augmentation (Gui, Zhao, Qi, Zhou, Wang, Shi 2023, arXiv 2309.03598) and what it
 * stands on: losses of FixMatch (Sohn et al. 2020) and class thresholds of FlexMatch (Zhang et al.
 * 2021).
 *
 * Every unlabelled image has a running loss; once an epoch Otsu's threshold on these splits the
 * images, and those below, which teach nothing, get a more diverse augmentation (core/augment.h).
 * In the published code the weight 0.999 is that of the new loss, so that the history is nearly the
 * last loss; the text could not be read, and the weight is an option.
 */
#ifndef ASSAY_METHODS_BALANCE_SAA_H
#define ASSAY_METHODS_BALANCE_SAA_H

#include <stdbool.h>
#include <stddef.h>

/* h[index] = (1 - weight) h[index] + weight loss for each of m <= n, in order; index[m] below n,
 * loss[m] finite, weight in [0, 1]. Nothing changes on errors. */
int assay_history_update(
    double *history, size_t n, const size_t *index, const double *loss, size_t m, double weight);

/* Otsu's threshold of n finite numbers on `bins` >= 2 equal bins of [min, max]: the centre of the
 * last bin below the first split of the largest variance between; the value where all are equal. */
int assay_otsu(const double *x, size_t n, size_t bins, double *threshold);

/* flag[i] = 1 where history[i] < threshold, 0 where above, as it was where equal; *count of 1 in
 * all. */
int assay_naive_update(
    unsigned char *flag, const double *history, size_t n, double threshold, size_t *count);

struct assay_fixmatch_options {
    double tau;               /* in (0, 1]; 0: 0.95 */
    const double *thresholds; /* of each class, instead of tau; or NULL */
    double lambda;            /* weight of the loss; 0: 1 */
    double temperature;       /* > 0: soft labels softmax(weak / temperature); 0: hard */
};

/* weak[n, classes] and strong: logits. *loss = lambda / n sum mask CE(label, strong), where label
 * is the class of the largest weak probability (ties: the lowest) and mask whether that is at least
 * its threshold; grad_strong[n, classes] (or NULL) is its gradient, 0 in masked rows.
 * sample_loss[n]: CE without mask; confidence[n] (or NULL): the largest probability. n >= 1,
 * classes >= 2. */
int assay_fixmatch_loss(const double *weak, const double *strong, size_t n, size_t classes,
    const struct assay_fixmatch_options *options, double *loss, double *grad_strong,
    unsigned char *mask, size_t *label, double *sample_loss, double *confidence);

typedef enum assay_flexmatch_map {
    ASSAY_FLEXMATCH_CONVEX, /* beta / (2 - beta) */
    ASSAY_FLEXMATCH_LINEAR, /* beta */
    ASSAY_FLEXMATCH_CONCAVE /* log(beta + 1) / log 2 */
} assay_flexmatch_map;

struct assay_flexmatch_options {
    double tau; /* in (0, 1]; 0: 0.95 */
    bool no_warmup;
    assay_flexmatch_map map;
};

/* state[n]: 0 until an image was confident, then its last confident class 1..classes. beta[c] is
 * the number of images of c over the largest such number, or over that of state 0 where that is
 * larger (warm-up); 0 / 0 is 0. threshold[c] = tau map(beta[c]). Before the first confident image
 * all thresholds are 0, as published. */
int assay_flexmatch_thresholds(const size_t *state, size_t n, size_t classes,
    const struct assay_flexmatch_options *options, double *beta, double *threshold);

/* The average of weights takes alpha = min(1 - 1 / (it + 1), m) of itself at step it = 0, 1, .. */
double assay_ema_alpha(double it, double m);
/* The factor of the learning rate, cos(7 pi it / (16 total)). */
double assay_cosine_7_16(double it, double total);

#endif
