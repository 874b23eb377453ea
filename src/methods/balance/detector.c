/* A detector's loss and detections (detector.h). */
#include "methods/balance/detector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/balance/internal.h"

/* Output `channel` of anchor `a` in an image's row. */
static size_t at(const assay_detector_head *head, size_t a, size_t channel)
{
    const size_t shape = a / head->positions;
    return (shape * (head->classes + 4) + channel) * head->positions + a % head->positions;
}

/* Logits of an image, a row an anchor; or back. */
static void exchange(const assay_detector_head *head, double *outputs, double *logits, bool back)
{
    const size_t C = head->classes, P = head->positions;
    for (size_t shape = 0; shape < head->shapes; shape++)
        for (size_t c = 0; c < C; c++) {
            double *plane = outputs + (shape * (C + 4) + c) * P;
            double *column = logits + shape * P * C + c;
            if (back)
                for (size_t p = 0; p < P; p++)
                    plane[p] = column[p * C];
            else
                for (size_t p = 0; p < P; p++)
                    column[p * C] = plane[p];
        }
}

static int check_shapes(const assay_detector_head *head, const assay_matrix *outputs,
    const assay_matrix *code, const assay_detector_loss_options *o)
{
    if (outputs->cols != assay_head_outputs(head))
        return assay_fail(ASSAY_EINVAL,
            "outputs must have %zu columns (%zu anchors of %zu classes and 4), got %zu",
            assay_head_outputs(head), assay_head_anchors(head), head->classes, outputs->cols);
    if (code->rows != outputs->rows || code->cols != 4 * assay_head_anchors(head))
        return assay_fail(ASSAY_EINVAL, "codes must be %zu x %zu, got %zu x %zu", outputs->rows,
            4 * assay_head_anchors(head), code->rows, code->cols);
    if (!(o->beta > 0 && isfinite(o->beta)))
        return assay_fail(ASSAY_EINVAL, "beta must be greater than 0 and finite, got %g", o->beta);
    return ASSAY_OK;
}

/* The boxes' loss, and its slope where slope is not NULL. */
static double box_loss(const assay_detector_head *head, const assay_matrix *outputs,
    const int *target, const assay_matrix *code, double beta, double n_pos, assay_matrix *slope)
{
    const size_t A = assay_head_anchors(head);
    const double share = 1 / fmax(1, 4 * n_pos);
    double sum = 0;
    for (size_t i = 0; i < outputs->rows; i++)
        for (size_t a = 0; a < A; a++)
            for (size_t k = 0; k < 4 && target[i * A + a] > 0; k++) {
                const size_t from = at(head, a, head->classes + k);
                double d = 0;
                sum += assay_smooth_l1(
                    *assay_matrix_at(outputs, i, from) - *assay_matrix_at(code, i, 4 * a + k), beta,
                    &d);
                *assay_matrix_at(slope, i, from) = d * share;
            }
    return sum * share;
}

static int join(const assay_detector_loss_options *o, assay_detector_loss_result *r)
{
    int status = ASSAY_OK;
    r->scale = 1;
    if (o->guided)
        status = assay_guided_scale(r->classes.loss, r->boxes, o->multiplier, &r->scale);
    r->loss = r->scale * r->classes.loss + r->boxes;
    return status;
}

int assay_detector_loss(const assay_detector_head *head, const assay_matrix *outputs,
    const int *target, const assay_matrix *code, const assay_detector_loss_options *options,
    double *accumulated, assay_detector_loss_result *result, assay_matrix *slope)
{
    const size_t n = outputs->rows, A = assay_head_anchors(head), C = head->classes;
    assay_det_loss_options o = options->classes;
    assay_matrix z = {0}, grad = {0};
    *result = (assay_detector_loss_result){0};
    o.images = n;
    int status = check_shapes(head, outputs, code, options);
    if (!status)
        status = assay_matrix_alloc(n * A, C, &z);
    if (!status)
        status = assay_matrix_alloc(n * A, C, &grad);
    for (size_t i = 0; i < n && !status; i++)
        exchange(head, assay_matrix_row(outputs, i), assay_matrix_row(&z, i * A), false);
    if (!status)
        status = assay_det_loss(
            options->kind, &z, target, &o, accumulated, &result->classes, &grad, NULL);
    for (size_t i = 0; i < n && !status; i++)
        memset(assay_matrix_row(slope, i), 0, slope->cols * sizeof(double));
    if (!status) {
        result->boxes = box_loss(
            head, outputs, target, code, options->beta, (double)result->classes.n_pos, slope);
        status = join(options, result);
    }
    for (size_t i = 0; i < n * A * C && !status; i++)
        grad.data[i] *= result->scale;
    for (size_t i = 0; i < n && !status; i++)
        exchange(head, assay_matrix_row(slope, i), assay_matrix_row(&grad, i * A), true);
    assay_matrix_free(&z);
    assay_matrix_free(&grad);
    return status;
}

/* ---- detections ---- */

struct search {
    const assay_detector_head *head;
    const double *outputs;
    const assay_matrix *anchors;
    const assay_detect_options *o;
    double *score;         /* of candidates, top of them used */
    size_t *anchor, *keep; /* of candidates; of those that stay */
    size_t *order;
    assay_matrix boxes;
    assay_detection *all; /* of all classes */
    size_t n;
};

static int decode(struct search *s, size_t candidates)
{
    double code[4];
    assay_matrix one = assay_matrix_view(code, 1, 4), box, anchor;
    int status = ASSAY_OK;
    for (size_t i = 0; i < candidates && !status; i++) {
        for (size_t k = 0; k < 4; k++)
            code[k] = s->outputs[at(s->head, s->anchor[i], s->head->classes + k)];
        anchor = assay_matrix_view(assay_matrix_row(s->anchors, s->anchor[i]), 1, 4);
        box = assay_matrix_view(assay_matrix_row(&s->boxes, i), 1, 4);
        status = assay_box_decode(&one, &anchor, assay_box_code_weights, &box);
    }
    return status;
}

/* Anchors whose score is above the threshold, the `top` best of them. */
static int find_candidates(struct search *s, size_t class, size_t *candidates)
{
    const size_t A = assay_head_anchors(s->head);
    const double least =
        s->o->threshold > 0 ? log(s->o->threshold / (1 - s->o->threshold)) : -INFINITY;
    size_t n = 0;
    for (size_t a = 0; a < A; a++) {
        const double z = s->outputs[at(s->head, a, class)];
        if (!isfinite(z))
            return assay_fail(ASSAY_ENONFINITE, "outputs must be finite, got %g", z);
        if (z > least) {
            s->score[n] = z;
            s->anchor[n++] = a;
        }
    }
    *candidates = n < s->o->top ? n : s->o->top;
    const int status = assay_order_scores(s->score, n, s->order);
    for (size_t i = 0; i < *candidates && !status; i++)
        s->keep[i] = s->anchor[s->order[i]];
    if (!status)
        memcpy(s->anchor, s->keep, *candidates * sizeof *s->anchor);
    for (size_t i = 0; i < *candidates && !status; i++)
        s->score[i] = 1 / (1 + exp(-s->outputs[at(s->head, s->anchor[i], class)]));
    return status;
}

static int detect_class(struct search *s, size_t class)
{
    size_t candidates = 0, kept = 0;
    int status = find_candidates(s, class, &candidates);
    if (!status)
        status = decode(s, candidates);
    s->boxes.rows = candidates;
    if (!status)
        status = assay_nms(&s->boxes, s->score, s->o->iou, s->o->most, s->keep, &kept);
    for (size_t i = 0; i < kept && !status; i++) {
        assay_detection *d = &s->all[s->n++];
        *d = (assay_detection){.label = class + 1, .score = s->score[s->keep[i]]};
        memcpy(d->box, assay_matrix_row(&s->boxes, s->keep[i]), sizeof d->box);
    }
    return status;
}

/* The best of all classes. */
static int choose_best(struct search *s, assay_detection *found, size_t *n_found)
{
    size_t *order = malloc((s->n + 1) * sizeof *order);
    double *score = malloc((s->n + 1) * sizeof *score);
    int status =
        order && score ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu detections", s->n);
    for (size_t i = 0; i < s->n && !status; i++)
        score[i] = s->all[i].score;
    if (!status)
        status = assay_order_scores(score, s->n, order);
    *n_found = status ? 0 : s->n < s->o->most ? s->n : s->o->most;
    for (size_t i = 0; i < *n_found; i++)
        found[i] = s->all[order[i]];
    free(order);
    free(score);
    return status;
}

int assay_detect(const assay_detector_head *head, const double *outputs,
    const assay_matrix *anchors, const assay_detect_options *o, assay_detection *found,
    size_t *n_found)
{
    const size_t A = assay_head_anchors(head);
    *n_found = 0;
    if (anchors->rows != A || anchors->cols != 4)
        return assay_fail(ASSAY_EINVAL, "anchors must be %zu x 4, got %zu x %zu", A, anchors->rows,
            anchors->cols);
    if (!(o->threshold >= 0 && o->threshold < 1))
        return assay_fail(
            ASSAY_EINVAL, "threshold must be at least 0 and less than 1, got %g", o->threshold);
    if (o->top < 1 || o->most < 1)
        return assay_fail(
            ASSAY_EINVAL, "top and most must be at least 1, got %zu and %zu", o->top, o->most);
    const size_t each = o->most < A ? o->most : A;
    struct search s = {.head = head,
        .outputs = outputs,
        .anchors = anchors,
        .o = o,
        .score = malloc((A + 1) * sizeof *s.score),
        .anchor = malloc((A + 1) * sizeof *s.anchor),
        .keep = malloc((A + 1) * sizeof *s.keep),
        .order = malloc((A + 1) * sizeof *s.order),
        .all = malloc((head->classes * each + 1) * sizeof *s.all)};
    int status = s.score && s.anchor && s.keep && s.order && s.all
                     ? assay_matrix_alloc(A, 4, &s.boxes)
                     : assay_fail(ASSAY_ENOMEM, "no memory for %zu anchors", A);
    for (size_t c = 0; c < head->classes && !status; c++)
        status = detect_class(&s, c);
    if (!status)
        status = choose_best(&s, found, n_found);
    free(s.score);
    free(s.anchor);
    free(s.keep);
    free(s.order);
    free(s.all);
    assay_matrix_free(&s.boxes);
    return status;
}
