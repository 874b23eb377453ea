/* Overlaps, matching, codes (boxes.h). */
#include "methods/balance/boxes.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/balance/internal.h"

const double assay_box_code_weights[4] = {10, 10, 5, 5};

/* The greatest logarithm of a side relative to its anchor that is decoded. */
static const double widest = 4.135166556742356; /* ln(1000 / 16) */

static double area(const double b[4])
{
    const double w = b[2] - b[0], h = b[3] - b[1];
    return w > 0 && h > 0 ? w * h : 0;
}

double assay_box_iou(const double a[4], const double b[4])
{
    const double w = fmin(a[2], b[2]) - fmax(a[0], b[0]);
    const double h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    const double common = w > 0 && h > 0 ? w * h : 0;
    return area(a) > 0 && area(b) > 0 ? common / (area(a) + area(b) - common) : 0;
}

int assay_check_boxes(const char *name, const assay_matrix *boxes)
{
    if (boxes->rows > 0 && boxes->cols != 4)
        return assay_fail(
            ASSAY_EINVAL, "%s must have 4 columns x1, y1, x2, y2, got %zu", name, boxes->cols);
    for (size_t i = 0; i < boxes->rows; i++)
        for (size_t j = 0; j < 4; j++)
            if (!isfinite(*assay_matrix_at(boxes, i, j)))
                return assay_fail(ASSAY_EINVAL, "%s[%zu][%zu] must be finite, got %g", name, i + 1,
                    j + 1, *assay_matrix_at(boxes, i, j));
    return ASSAY_OK;
}

static int check_areas(const char *name, const assay_matrix *boxes)
{
    const int status = assay_check_boxes(name, boxes);
    for (size_t i = 0; i < boxes->rows && !status; i++) {
        const double *b = assay_matrix_row(boxes, i);
        if (!(b[2] > b[0] && b[3] > b[1]))
            return assay_fail(ASSAY_EINVAL,
                "%s[%zu] must have a width and a height greater than 0, got %g and %g", name, i + 1,
                b[2] - b[0], b[3] - b[1]);
    }
    return status;
}

int assay_box_overlaps(const assay_matrix *a, const assay_matrix *b, assay_matrix *iou)
{
    int status = assay_check_boxes("boxes", a);
    if (!status)
        status = assay_check_boxes("anchors", b);
    for (size_t i = 0; i < a->rows && !status; i++)
        for (size_t j = 0; j < b->rows; j++)
            *assay_matrix_at(iou, i, j) =
                assay_box_iou(assay_matrix_row(a, i), assay_matrix_row(b, j));
    return status;
}

/* ---- matching ---- */

static int check_match(const assay_matrix *boxes, const int *labels, const assay_matrix *anchors,
    const assay_match_options *o)
{
    if (!(o->foreground >= 0 && o->foreground <= 1))
        return assay_fail(ASSAY_EINVAL, "foreground must be in 0..1, got %g", o->foreground);
    if (!(o->background >= 0 && o->background <= o->foreground))
        return assay_fail(ASSAY_EINVAL, "background must be in 0..%g (foreground), got %g",
            o->foreground, o->background);
    int status = check_areas("boxes", boxes);
    if (!status)
        status = assay_check_boxes("anchors", anchors);
    for (size_t i = 0; labels && i < boxes->rows && !status; i++)
        if (labels[i] < 1)
            status = assay_fail(
                ASSAY_EINVAL, "labels[%zu] must be at least 1, got %d", i + 1, labels[i]);
    return status;
}

/* The object that the anchor overlaps most, and by how much. `most` of each object grows to its
 * greatest overlap. */
static size_t most_overlapped(
    const assay_matrix *boxes, const double *anchor, double *most, double *best)
{
    size_t object = 0;
    *best = -1;
    for (size_t i = 0; i < boxes->rows; i++) {
        const double iou = assay_box_iou(assay_matrix_row(boxes, i), anchor);
        most[i] = fmax(most[i], iou);
        if (iou > *best) {
            *best = iou;
            object = i;
        }
    }
    return object;
}

static bool attains_most(const assay_matrix *boxes, const double *anchor, const double *most)
{
    for (size_t i = 0; i < boxes->rows; i++)
        if (most[i] > 0 && assay_box_iou(assay_matrix_row(boxes, i), anchor) == most[i])
            return true;
    return false;
}

int assay_match_anchors(const assay_matrix *boxes, const int *labels, const assay_matrix *anchors,
    const assay_match_options *o, int *target, size_t *object, double *best)
{
    const size_t n = boxes->rows, A = anchors->rows;
    int status = check_match(boxes, labels, anchors, o);
    if (status)
        return status;
    double *most = calloc(n + 1, sizeof *most);
    size_t *own = malloc((A + 1) * sizeof *own);
    double *overlap = malloc((A + 1) * sizeof *overlap);
    if (!most || !own || !overlap)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu anchors", A);
    for (size_t a = 0; a < A && !status; a++)
        own[a] = most_overlapped(boxes, assay_matrix_row(anchors, a), most, &overlap[a]);
    for (size_t a = 0; a < A && !status; a++) {
        const bool positive =
            n > 0 &&
            (overlap[a] >= o->foreground ||
                (o->low_quality && attains_most(boxes, assay_matrix_row(anchors, a), most)));
        target[a] = positive                               ? labels ? labels[own[a]] : 1
                    : overlap[a] < o->background || n == 0 ? ASSAY_TARGET_BACKGROUND
                                                           : ASSAY_TARGET_IGNORED;
        if (object)
            object[a] = positive ? own[a] : SIZE_MAX;
        if (best)
            best[a] = n > 0 ? overlap[a] : 0;
    }
    free(most);
    free(own);
    free(overlap);
    return status;
}

/* ---- codes ---- */

static int check_pairs(
    const char *name, const assay_matrix *a, const assay_matrix *anchors, const double weights[4])
{
    if (a->rows != anchors->rows)
        return assay_fail(ASSAY_EINVAL, "%s must have %zu rows as anchors has, got %zu", name,
            anchors->rows, a->rows);
    for (int i = 0; i < 4; i++)
        if (!(weights[i] > 0 && isfinite(weights[i])))
            return assay_fail(ASSAY_EINVAL, "weights[%d] must be greater than 0 and finite, got %g",
                i + 1, weights[i]);
    return check_areas("anchors", anchors);
}

int assay_box_encode(const assay_matrix *boxes, const assay_matrix *anchors,
    const double weights[4], assay_matrix *code)
{
    int status = check_pairs("boxes", boxes, anchors, weights);
    if (!status)
        status = check_areas("boxes", boxes);
    for (size_t i = 0; i < boxes->rows && !status; i++) {
        const double *g = assay_matrix_row(boxes, i), *a = assay_matrix_row(anchors, i);
        double *d = assay_matrix_row(code, i);
        for (int k = 0; k < 2; k++) {
            const double side = a[k + 2] - a[k], other = g[k + 2] - g[k];
            d[k] = weights[k] * (g[k] + other / 2 - a[k] - side / 2) / side;
            d[k + 2] = weights[k + 2] * log(other / side);
        }
    }
    return status;
}

int assay_box_decode(const assay_matrix *code, const assay_matrix *anchors, const double weights[4],
    assay_matrix *boxes)
{
    int status = check_pairs("delta", code, anchors, weights);
    if (!status)
        status = assay_check_boxes("delta", code);
    for (size_t i = 0; i < code->rows && !status; i++) {
        const double *d = assay_matrix_row(code, i), *a = assay_matrix_row(anchors, i);
        double *b = assay_matrix_row(boxes, i);
        for (int k = 0; k < 2; k++) {
            const double side = a[k + 2] - a[k];
            const double centre = a[k] + side / 2 + d[k] / weights[k] * side;
            const double half = side * exp(fmin(d[k + 2] / weights[k + 2], widest)) / 2;
            b[k] = centre - half;
            b[k + 2] = centre + half;
        }
    }
    return status;
}

double assay_smooth_l1(double x, double beta, double *slope)
{
    const double size = fabs(x);
    const bool round = size < beta;
    if (slope)
        *slope = round ? x / beta : x > 0 ? 1 : -1;
    return round ? x * x / (2 * beta) : size - beta / 2;
}
