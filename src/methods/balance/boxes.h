/*
 * Boxes of dense detectors: overlaps, anchors matched with objects, codes of boxes relative to
 * anchors, suppression of overlapping detections.
 *
 *   Ren, He, Girshick, Sun 2015 (arXiv 1506.01497)     codes and matching, as maskrcnn-benchmark
 *   Chen, Liu, Xu, Wu, Cheng, Chen 2019 (arXiv 1909.04868)     whose reference code this follows
 *
 * A box is a row (x1, y1, x2, y2) of real numbers, its area (x2 - x1)(y2 - y1); one without width
 * or height overlaps nothing. Of equal overlaps and equal scores the lower index counts.
 */
#ifndef ASSAY_METHODS_BALANCE_BOXES_H
#define ASSAY_METHODS_BALANCE_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/matrix.h"

/* Intersection over union, 0 for a box without area. */
double assay_box_iou(const double a[4], const double b[4]);

/* iou [a->rows, b->rows] of boxes a and b, which have 4 columns of finite numbers. */
int assay_box_overlaps(const assay_matrix *a, const assay_matrix *b, assay_matrix *iou);

/* ---- anchors and objects ---- */

typedef struct assay_match_options {
    double foreground; /* an anchor with at least that overlap is positive, */
    double background; /* with less than that background, between them ignored; in 0..foreground */
    bool low_quality;  /* an anchor of an object's greatest overlap is positive in any case */
} assay_match_options;

#define ASSAY_MATCH_DEFAULTS                                                                       \
    {                                                                                              \
        .foreground = 0.5, .background = 0.4, .low_quality = true                                  \
    }

enum { ASSAY_TARGET_IGNORED = -1, ASSAY_TARGET_BACKGROUND = 0 };

/*
 * For each anchor target[A]: the label (>= 1) of the object that it overlaps most, or background or
 * ignored; and object[A], the row of that object, SIZE_MAX where the anchor is not positive (NULL:
 * not wanted). labels[boxes->rows] or NULL: 1 for every object. best[A] (or NULL): the greatest
 * overlap. With low_quality every anchor that attains an object's greatest overlap, equal ones all,
 * becomes positive for the object that this anchor overlaps most, which may be another one. No
 * object: all background. ASSAY_EINVAL: an object without area, a threshold out of its range.
 */
int assay_match_anchors(const assay_matrix *boxes, const int *labels, const assay_matrix *anchors,
    const assay_match_options *options, int *target, size_t *object, double *best);

/* ---- codes: weight (10, 10, 5, 5) times
 *     (gx - ax) / aw, (gy - ay) / ah, ln(gw / aw), ln(gh / ah)   of centres and sides ---- */

extern const double assay_box_code_weights[4];

/* code [n, 4] of box i by anchor i; both must have areas. weights: 4 numbers > 0. */
int assay_box_encode(const assay_matrix *boxes, const assay_matrix *anchors,
    const double weights[4], assay_matrix *code);

/* The boxes [n, 4]. Logarithms of sides are cut at ln(1000 / 16). */
int assay_box_decode(const assay_matrix *code, const assay_matrix *anchors, const double weights[4],
    assay_matrix *boxes);

/* |x| < beta: x^2 / (2 beta), else |x| - beta / 2. slope (or NULL) gets the derivative. beta > 0 is
 * the caller's to see to. */
double assay_smooth_l1(double x, double beta, double *slope);

/* ---- suppression ---- */

/*
 * Greedy: by descending score a box is kept unless it overlaps a kept one by more than `iou`, in
 * [0, 1]. keep[n] gets the kept indices in that order, at most `most` of them. ASSAY_EINVAL for a
 * score that is NaN.
 */
int assay_nms(const assay_matrix *boxes, const double *scores, double iou, size_t most,
    size_t *keep, size_t *n_keep);

#endif
