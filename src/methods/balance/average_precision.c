/* Average precision (average_precision.h). */
#include "methods/balance/average_precision.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/precision.h"
#include "core/status.h"
#include "methods/balance/boxes.h"

/* Detections by class and rank, objects by class and image; both by pointers. */
struct ranking {
    const assay_detection **detection;
    const assay_object **object;
    unsigned char *taken, *hit; /* of objects; of detections; in these orders */
    double *recall, *precision;
    size_t n, m;
};

static int by_rank(const void *a, const void *b)
{
    const assay_detection *x = *(const assay_detection *const *)a,
                          *y = *(const assay_detection *const *)b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x < y ? -1 : 1;
}

static int by_image(const void *a, const void *b)
{
    const assay_object *x = *(const assay_object *const *)a, *y = *(const assay_object *const *)b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->image != y->image)
        return x->image < y->image ? -1 : 1;
    return x < y ? -1 : 1;
}

static bool finite_box(const double box[4])
{
    return isfinite(box[0]) && isfinite(box[1]) && isfinite(box[2]) && isfinite(box[3]);
}

static int check(const assay_detection *d, size_t n, const assay_object *o, size_t m, double iou)
{
    if (!(iou > 0 && iou <= 1))
        return assay_fail(ASSAY_EINVAL, "iou must be greater than 0 and at most 1, got %g", iou);
    if (m == 0)
        return assay_fail(ASSAY_EINVAL, "objects must have at least 1, got 0");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(d[i].score) || !finite_box(d[i].box))
            return assay_fail(
                ASSAY_EINVAL, "detections[%zu] must have a finite score and box", i + 1);
    for (size_t i = 0; i < m; i++)
        if (!finite_box(o[i].box) || !(o[i].box[2] > o[i].box[0] && o[i].box[3] > o[i].box[1]))
            return assay_fail(ASSAY_EINVAL,
                "objects[%zu].box must be finite with a width and a height greater than 0", i + 1);
    return ASSAY_OK;
}

/* The first object of class and image among [from, to), or `to`. */
static size_t first_of(const struct ranking *r, size_t from, size_t to, size_t image)
{
    size_t end = to;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (r->object[middle]->image < image)
            from = middle + 1;
        else
            to = middle;
    }
    return from < end && r->object[from]->image == image ? from : end;
}

/* Whether detection d is right, given objects [from, to) of its class; takes its object. */
static unsigned char judge(
    struct ranking *r, const assay_detection *d, size_t from, size_t to, double iou)
{
    size_t best = to;
    double most = -1;
    for (size_t i = first_of(r, from, to, d->image); i < to && r->object[i]->image == d->image;
         i++) {
        const double overlap = assay_box_iou(r->object[i]->box, d->box);
        if (overlap > most) {
            most = overlap;
            best = i;
        }
    }
    if (best == to || !(most >= iou) || r->taken[best])
        return 0;
    return r->taken[best] = 1;
}

static int push_curve(const struct ranking *r, size_t first, size_t n, assay_matrix *curve)
{
    const int status = assay_matrix_alloc(n, 3, curve);
    for (size_t i = 0; i < n && !status; i++) {
        double *row = assay_matrix_row(curve, i);
        row[0] = r->recall[first + i];
        row[1] = r->precision[first + i];
        row[2] = r->detection[first + i]->score;
    }
    return status;
}

/* Class by class: objects [from, to), detections [first, last). */
static int walk(struct ranking *r, double iou, assay_average_precision *out, size_t curve_of,
    assay_matrix *curve)
{
    int status = ASSAY_OK;
    for (size_t from = 0, to, first = 0, last; from < r->m && !status; from = to, first = last) {
        const size_t label = r->object[from]->label;
        for (to = from; to < r->m && r->object[to]->label == label;)
            to++;
        while (first < r->n && r->detection[first]->label < label)
            first++;
        for (last = first; last < r->n && r->detection[last]->label == label; last++)
            r->hit[last] = judge(r, r->detection[last], from, to, iou);
        const size_t n = last - first;
        assay_precision_curve(
            r->hit + first, n, to - from, r->recall + first, r->precision + first);
        out->area += assay_precision_area(r->recall + first, r->precision + first, n);
        out->eleven += assay_precision_eleven(r->recall + first, r->precision + first, n);
        out->classes++;
        if (curve && label == curve_of)
            status = push_curve(r, first, n, curve);
    }
    out->area /= (double)out->classes;
    out->eleven /= (double)out->classes;
    return status;
}

int assay_detection_precision(const assay_detection *detections, size_t n_detections,
    const assay_object *objects, size_t n_objects, double iou, assay_average_precision *out,
    unsigned char *hit, size_t curve_of, assay_matrix *curve)
{
    const size_t n = n_detections, m = n_objects;
    *out = (assay_average_precision){0};
    if (curve)
        *curve = (assay_matrix){0};
    int status = check(detections, n, objects, m, iou);
    if (status)
        return status;
    struct ranking r = {.detection = malloc((n + 1) * sizeof *r.detection),
        .object = malloc((m + 1) * sizeof *r.object),
        .taken = calloc(m + 1, 1),
        .hit = calloc(n + 1, 1),
        .recall = malloc((n + 1) * sizeof *r.recall),
        .precision = malloc((n + 1) * sizeof *r.precision),
        .n = n,
        .m = m};
    if (!r.detection || !r.object || !r.taken || !r.hit || !r.recall || !r.precision)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu detections", n);
    if (!status) {
        for (size_t i = 0; i < n; i++)
            r.detection[i] = &detections[i];
        for (size_t i = 0; i < m; i++)
            r.object[i] = &objects[i];
        qsort(r.detection, n, sizeof *r.detection, by_rank);
        qsort(r.object, m, sizeof *r.object, by_image);
        status = walk(&r, iou, out, curve_of, curve);
    }
    for (size_t i = 0; i < n && hit && !status; i++)
        hit[r.detection[i] - detections] = r.hit[i];
    free(r.detection);
    free(r.object);
    free(r.taken);
    free(r.hit);
    free(r.recall);
    free(r.precision);
    return status;
}
