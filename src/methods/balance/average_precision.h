/*
 * Average precision of detections: Everingham, Van Gool, Williams, Winn, Zisserman, The PASCAL
 * Visual Object Classes Challenge (2010); over several overlaps as COCO (arXiv 1405.0312).
 *
 * Of each class, detections of all images are taken by descending score (equal ones by index). One
 * is right if the object of its class and image that it overlaps most is overlapped by at least
 * `iou` and not taken yet; a second hit of an object is wrong.
 */
#ifndef ASSAY_METHODS_BALANCE_AVERAGE_PRECISION_H
#define ASSAY_METHODS_BALANCE_AVERAGE_PRECISION_H

#include <stddef.h>

#include "core/matrix.h"

typedef struct assay_detection {
    size_t image, label;
    double score;
    double box[4];
} assay_detection;

typedef struct assay_object {
    size_t image, label;
    double box[4];
} assay_object;

typedef struct assay_average_precision {
    double area, eleven; /* means over the classes that have objects */
    size_t classes;
} assay_average_precision;

/* hit[n_detections] (or NULL) is 1 for right ones. Of class `curve_of`, if it has objects, *curve,
 * which the caller frees, gets a row {recall, precision, score} a detection by rank (NULL: not
 * wanted). ASSAY_EINVAL: iou not in (0, 1], no object, an object without area, numbers that are not
 * finite. */
int assay_detection_precision(const assay_detection *detections, size_t n_detections,
    const assay_object *objects, size_t n_objects, double iou, assay_average_precision *out,
    unsigned char *hit, size_t curve_of, assay_matrix *curve);

#endif
