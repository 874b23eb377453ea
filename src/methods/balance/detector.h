/*
 * A one-stage detector on the outputs of a network: the loss of a batch with its gradient, and the
 * detections of an image.
 *
 * Outputs of an image are, for each of `shapes` anchor shapes, classes + 4 channels (the logits of
 * the classes, the code of the box), each over the `positions` of the grid: what a convolution with
 * shapes (classes + 4) filters gives. Anchors go shape by shape, and position by position in each.
 */
#ifndef ASSAY_METHODS_BALANCE_DETECTOR_H
#define ASSAY_METHODS_BALANCE_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "methods/balance/average_precision.h"
#include "methods/balance/detection.h"

typedef struct assay_detector_head {
    size_t classes, shapes, positions;
} assay_detector_head;

static inline size_t assay_head_anchors(const assay_detector_head *head)
{
    return head->shapes * head->positions;
}

static inline size_t assay_head_outputs(const assay_detector_head *head)
{
    return assay_head_anchors(head) * (head->classes + 4);
}

typedef struct assay_detector_loss_options {
    assay_det_loss_kind kind;
    assay_det_loss_options classes; /* its images are not looked at */
    bool guided;                    /* the classes' loss is scaled to multiplier times the boxes' */
    double multiplier;              /* > 0 */
    double beta;                    /* of smooth L1, > 0 */
} assay_detector_loss_options;

#define ASSAY_DETECTOR_LOSS_DEFAULTS                                                               \
    {                                                                                              \
        .classes = ASSAY_DET_LOSS_DEFAULTS, .multiplier = 1, .beta = 0.11                          \
    }

typedef struct assay_detector_loss_result {
    double loss;                   /* scale x classes' + boxes' */
    assay_det_loss_result classes; /* before it is scaled */
    double boxes, scale;
} assay_detector_loss_result;

/*
 * outputs [n, assay_head_outputs], target[n anchors] as in detection.h, code [n, 4 anchors] the
 * codes that positive anchors are to have. The boxes' loss is the sum of smooth L1 over positives
 * and coordinates over max(1, 4 N+); slope, shaped as outputs, is overwritten by the gradient of
 * the loss, in which the scale is a constant.
 */
int assay_detector_loss(const assay_detector_head *head, const assay_matrix *outputs,
    const int *target, const assay_matrix *code, const assay_detector_loss_options *options,
    double *accumulated, assay_detector_loss_result *result, assay_matrix *slope);

typedef struct assay_detect_options {
    double threshold; /* of scores, in [0, 1) */
    size_t top;       /* of each class, before suppression */
    double iou;       /* of suppression */
    size_t most;      /* of an image */
} assay_detect_options;

#define ASSAY_DETECT_DEFAULTS                                                                      \
    {                                                                                              \
        .threshold = 0.05, .top = 200, .iou = 0.5, .most = 50                                      \
    }

/* found[most] of the outputs of one image, by descending score; their image is 0. */
int assay_detect(const assay_detector_head *head, const double *outputs,
    const assay_matrix *anchors, const assay_detect_options *options, assay_detection *found,
    size_t *n_found);

#endif
