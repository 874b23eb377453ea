/*
 * Classification losses of dense detectors: training with all anchors, none sampled, against the
 * heuristics that sample or weigh them.
 *
 *   Sampling-Free        Chen, Liu, Xu, Wu, Cheng, Chen 2019 (arXiv 1909.04868)
 *   focal loss           Lin, Goyal, Girshick, He, Dollar 2017 (arXiv 1708.02002)
 *   GHM                  Li, Liu, Wang 2019 (arXiv 1811.05181)
 *   OHEM                 Shrivastava, Gupta, Girshick 2016 (arXiv 1604.03540); one stage: Liu et
 *                        al. 2016 (arXiv 1512.02325)
 *   biased sampling      Ren, He, Girshick, Sun 2015 (arXiv 1506.01497)
 *   IoU-balanced         Pang, Chen, Shi, Feng, Ouyang, Lin 2019 (arXiv 1904.02701)
 *   effective numbers    Cui, Jia, Lin, Song, Belongie 2019 (arXiv 1901.05555)
 *
 * Logits z [A, C] are those of C independent classes of A anchors; target[a] is 0 for background,
 * the class 1..C, or -1 for an anchor that is ignored. With y the one-hot rows of targets (zeros
 * for background), p = 1 / (1 + e^-z) and
 *     BCE(z, y) = max(z, 0) - z y + ln(1 + e^-|z|),
 * every loss is sum of weight x BCE over anchors and classes, divided by a normaliser:
 *
 *   plain    weight 1, N+ + images                           (N+ positive anchors of the batch)
 *   focal    alpha (1 - p)^gamma or (1 - alpha) p^gamma, N+ + images
 *   GHM      n / (S_bin M'), n = anchor-class pairs, which is also the normaliser
 *   OHEM     1 for positives and ratio N+ background anchors of largest loss of each image, N+
 *   biased   1 for a random choice in each image; their number, or N+ chosen
 *
 * The normaliser is a learning rate in disguise: it is given back.
 */
#ifndef ASSAY_METHODS_BALANCE_DETECTION_H
#define ASSAY_METHODS_BALANCE_DETECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "methods/balance/boxes.h"

/* ---- the method ---- */

/*
 * From anchors that are foreground and background over the data, ignored ones left out: the prior
 * of one class pi = n_fg / ((n_fg + n_bg) classes), the bias -ln((1 - pi) / pi) of all classes,
 * which minimises the expected initial loss, and the threshold pi classes of scores to be kept.
 * ASSAY_EINVAL: no foreground, no class, a prior of 1.
 */
int assay_optimal_bias(
    double n_fg, double n_bg, size_t classes, double *prior, double *bias, double *threshold);

/* The expected loss of an anchor whose logits are all `bias`: classes (pi ln(1 + e^-b) + (1 - pi)
 * ln(1 + e^b)), prior in [0, 1]. */
int assay_initial_bce(double prior, double bias, size_t classes, double *loss);

/* scale = multiplier reg / cls, 0 where cls or reg is 0 (no positive anchor: no step). It is a
 * constant to the gradient. ASSAY_ENONFINITE for losses that are not finite, ASSAY_EINVAL for
 * negative ones. */
int assay_guided_scale(double cls, double reg, double multiplier, double *scale);

/* ---- losses ---- */

typedef enum assay_det_loss_kind {
    ASSAY_DET_BCE,
    ASSAY_DET_FOCAL,
    ASSAY_DET_GHM,
    ASSAY_DET_OHEM,
    ASSAY_DET_BIASED
} assay_det_loss_kind;

typedef struct assay_det_loss_options {
    size_t images;       /* equal blocks of anchors: A is a multiple */
    double gamma, alpha; /* focal: >= 0; in [0, 1] */
    size_t bins;         /* GHM: M of equal width on [0, 1] */
    double momentum;     /* GHM: in [0, 1) */
    size_t *bin_of_pair; /* GHM: room for A C; gets the bin, from 0, of each pair whose anchor is
                            not ignored, row by row; or NULL */
    double ratio;        /* OHEM: background anchors for a positive one, >= 0 */
    size_t hardest;      /* OHEM: this many of largest loss of both kinds of each image
                            instead, after suppression (regions); 0: no */
    const assay_matrix *boxes;  /* of the suppression, [A / images, 4] or [A, 4] */
    double overlap;             /* of the suppression, in [0, 1] */
    size_t size;                /* biased: anchors of an image */
    double fraction;            /* biased: at most that part of them positive, in [0, 1] */
    bool by_positive;           /* biased: N+ chosen is the normaliser, not all that are chosen */
    const double *draws;        /* biased: A uniform numbers */
    const double *iou;          /* biased: greatest overlap of each anchor; balances background */
    size_t iou_bins;            /* in so many bins */
    double iou_most;            /* on [0, iou_most) */
    const double *class_weight; /* C: factors of all terms of an anchor by its class; background: 1
                                 */
} assay_det_loss_options;

#define ASSAY_DET_LOSS_DEFAULTS                                                                    \
    {                                                                                              \
        .images = 1, .gamma = 2, .alpha = 0.25, .bins = 30, .momentum = 0.75, .ratio = 3,          \
        .overlap = 0.7, .size = 256, .fraction = 0.5, .iou_bins = 3, .iou_most = 0.5               \
    }

typedef struct assay_det_loss_result {
    double loss, normaliser;
    size_t n_pos;    /* positive anchors */
    size_t n_valid;  /* anchors that are not ignored */
    size_t n_chosen; /* of these: of OHEM and biased sampling; else all */
} assay_det_loss_result;

/*
 * grad [A, C] gets the gradient of the loss by the logits, with weights taken for constants in all
 * but focal, whose weight is differentiated; weight [A, C] what stands before each BCE (0 where an
 * anchor does not take part). Either may be NULL. accumulated[bins] holds S of GHM from batch to
 * batch, 0 at first (NULL: a first batch). Logits that are not finite are ASSAY_ENONFINITE.
 */
int assay_det_loss(assay_det_loss_kind kind, const assay_matrix *logits, const int *target,
    const assay_det_loss_options *options, double *accumulated, assay_det_loss_result *result,
    assay_matrix *grad, assay_matrix *weight);

/*
 * GHM-R, of boxes: x [n, d] differences of codes, loss = sum w (sqrt(x^2 + mu^2) - mu) / n d with
 * gradient norms |x| / sqrt(x^2 + mu^2) in bins as above. grad, weight: as above.
 */
int assay_ghm_box_loss(const assay_matrix *x, double mu, size_t bins, double momentum,
    double *accumulated, double *loss, assay_matrix *grad, assay_matrix *weight);

/* ---- choices ---- */

/*
 * chosen[n]: at most floor(size fraction) positive anchors, those of the smallest draws, and
 * background up to `size`; all that are not ignored where there are no more than size.
 */
int assay_sample_anchors(const int *target, const double *draws, size_t n, size_t size,
    double fraction, unsigned char *chosen);

/* The same with floor(background / bins) of each of `bins` equal bins of overlaps on [0, most),
 * and by the smallest draws of the rest what these lack. */
int assay_sample_anchors_by_iou(const int *target, const double *draws, const double *iou, size_t n,
    size_t size, double fraction, size_t bins, double most, unsigned char *chosen);

/* Positives and the ratio N+ (rounded down) background anchors of largest loss[n]. */
int assay_choose_hard(
    const int *target, const double *loss, size_t n, double ratio, unsigned char *chosen);

/* The k of largest loss that are not ignored, without those that overlap one of larger loss. */
int assay_choose_hard_regions(const int *target, const double *loss, const assay_matrix *boxes,
    size_t n, size_t k, double overlap, unsigned char *chosen);

/* weight[classes] = (1 - beta) / (1 - beta^count), scaled to the sum `classes`; beta in [0, 1), or
 * 1 for 1 / count. Counts are at least 1. */
int assay_effective_weights(const double *count, size_t classes, double beta, double *weight);

#endif
