/*
 * Greedy suppression (boxes.h). Boxes are laid out by descending score, coordinate by coordinate,
 * so that a kept one is compared with all that follow in vectors; this file has the network
 * engine's compiler flags for it.
 */
#include "methods/balance/boxes.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/balance/internal.h"

struct scored {
    double score;
    size_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

int assay_order_scores(const double *scores, size_t n, size_t *order)
{
    struct scored *sorted = malloc((n + 1) * sizeof *sorted);
    if (!sorted)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu scores", n);
    int status = ASSAY_OK;
    for (size_t i = 0; i < n && !status; i++) {
        sorted[i] = (struct scored){scores[i], i};
        if (isnan(scores[i]))
            status = assay_fail(ASSAY_EINVAL, "scores[%zu] must be a number, got nan", i + 1);
    }
    if (!status)
        qsort(sorted, n, sizeof *sorted, by_score);
    for (size_t i = 0; i < n && !status; i++)
        order[i] = sorted[i].index;
    free(sorted);
    return status;
}

/* Columns of boxes in the order of the scores. */
struct columns {
    double *x1, *y1, *x2, *y2, *area;
    unsigned char *gone;
};

/* Those of first..n - 1 go that overlap box `by` too much. 0 / 0, of boxes without area, is no
 * overlap: the comparison is false. */
static void suppress(const struct columns *c, size_t by, size_t first, size_t n, double iou)
{
    const double x1 = c->x1[by], y1 = c->y1[by], x2 = c->x2[by], y2 = c->y2[by];
    const double own = c->area[by];
    const double *restrict X1 = c->x1, *restrict Y1 = c->y1, *restrict X2 = c->x2,
                           *restrict Y2 = c->y2, *restrict area = c->area;
    unsigned char *restrict gone = c->gone;
    for (size_t i = first; i < n; i++) {
        double w = (X2[i] < x2 ? X2[i] : x2) - (X1[i] > x1 ? X1[i] : x1);
        double h = (Y2[i] < y2 ? Y2[i] : y2) - (Y1[i] > y1 ? Y1[i] : y1);
        w = w > 0 ? w : 0;
        h = h > 0 ? h : 0;
        const double common = w * h;
        gone[i] |= common / (own + area[i] - common) > iou;
    }
}

static void lay_out(const assay_matrix *boxes, const size_t *order, const struct columns *c)
{
    for (size_t i = 0; i < boxes->rows; i++) {
        const double *b = assay_matrix_row(boxes, order[i]);
        const double w = b[2] - b[0], h = b[3] - b[1];
        c->x1[i] = b[0];
        c->y1[i] = b[1];
        c->x2[i] = b[2];
        c->y2[i] = b[3];
        c->area[i] = w > 0 && h > 0 ? w * h : 0;
    }
}

int assay_nms(const assay_matrix *boxes, const double *scores, double iou, size_t most,
    size_t *keep, size_t *n_keep)
{
    const size_t n = boxes->rows;
    *n_keep = 0;
    if (!(iou >= 0 && iou <= 1))
        return assay_fail(ASSAY_EINVAL, "iou must be in 0..1, got %g", iou);
    int status = assay_check_boxes("boxes", boxes);
    if (status)
        return status;
    size_t *order = malloc((n + 1) * sizeof *order);
    double *at = malloc((5 * n + 1) * sizeof *at);
    unsigned char *gone = calloc(n + 1, 1);
    if (!order || !at || !gone)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu boxes", n);
    if (!status)
        status = assay_order_scores(scores, n, order);
    if (!status) {
        const struct columns c = {at, at + n, at + 2 * n, at + 3 * n, at + 4 * n, gone};
        lay_out(boxes, order, &c);
        for (size_t i = 0; i < n && *n_keep < most; i++)
            if (!gone[i]) {
                keep[(*n_keep)++] = order[i];
                suppress(&c, i, i + 1, n, iou);
            }
    }
    free(order);
    free(at);
    free(gone);
    return status;
}
