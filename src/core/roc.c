/* ROC tools; see roc.h. */
#include "core/roc.h"

#include <math.h>
#include <stdlib.h>

#include "core/rank.h"
#include "core/status.h"

int assay_roc_auc(const double *score, const unsigned char *label, size_t n, double *auc)
{
    size_t positive = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        positive += label[i] != 0;
    if (positive == 0 || positive == n)
        return assay_fail(ASSAY_EINVAL,
            "roc_auc: label must have both 0 and 1, got %zu of %zu ones", positive, n);
    double *rank = malloc(n * sizeof *rank);
    if (!rank)
        return assay_fail(ASSAY_ENOMEM, "roc_auc: no memory for %zu scores", n);
    const int status = assay_ranks(score, n, rank);
    for (size_t i = 0; i < n && !status; i++)
        sum += label[i] ? rank[i] : 0;
    free(rank);
    const double p = (double)positive, q = (double)(n - positive);
    *auc = (sum - p * (p + 1) / 2) / (p * q);
    return status;
}

struct point {
    double x, y;
    size_t row;
};

static int left_to_right(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

/* The points and both ends, sorted. */
static int sorted_points(const assay_matrix *points, bool origin, struct point **out, size_t *n)
{
    if (points->rows > 0 && points->cols != 2)
        return assay_fail(ASSAY_EINVAL,
            "points must have 2 columns, false and true positive rate, got %zu", points->cols);
    for (size_t i = 0; i < points->rows; i++)
        for (size_t j = 0; j < 2; j++)
            if (!(*assay_matrix_at(points, i, j) >= 0 && *assay_matrix_at(points, i, j) <= 1))
                return assay_fail(ASSAY_EINVAL, "points must be in 0..1, got %g in row %zu",
                    *assay_matrix_at(points, i, j), i + 1);
    struct point *p = malloc((points->rows + 2) * sizeof *p);
    if (!p)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu points", points->rows);
    *n = points->rows;
    for (size_t i = 0; i < *n; i++)
        p[i] = (struct point){*assay_matrix_at(points, i, 0), *assay_matrix_at(points, i, 1), i};
    if (origin)
        p[(*n)++] = (struct point){0, 0, points->rows};
    p[(*n)++] = (struct point){1, 1, points->rows + 1};
    qsort(p, *n, sizeof *p, left_to_right);
    *out = p;
    return ASSAY_OK;
}

static double trapezoids(const struct point *p, size_t n)
{
    double area = 0;
    for (size_t i = 1; i < n; i++)
        area += (p[i].x - p[i - 1].x) * (p[i].y + p[i - 1].y) / 2;
    return area;
}

int assay_roc_area(const assay_matrix *points, bool origin, double *area)
{
    struct point *p = NULL;
    size_t n = 0;
    const int status = sorted_points(points, origin, &p, &n);
    if (!status)
        *area = trapezoids(p, n);
    free(p);
    return status;
}

/* b lies on or below the line from a to c, up to rounding. */
static bool is_below(const struct point *a, const struct point *b, const struct point *c)
{
    return (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x) >= -1e-15;
}

int assay_roc_hull(const assay_matrix *points, size_t *index, size_t *vertices, double *area)
{
    struct point *p = NULL;
    size_t n = 0, top = 0;
    const int status = sorted_points(points, true, &p, &n);
    if (status)
        return status;
    for (size_t i = 0; i < n; i++) {
        if (top > 0 && p[top - 1].x == p[i].x && p[top - 1].y == p[i].y)
            continue;
        while (top > 1 && is_below(&p[top - 2], &p[top - 1], &p[i]))
            top--;
        p[top++] = p[i];
    }
    for (size_t i = 0; i < top; i++)
        index[i] = p[i].row;
    *vertices = top;
    *area = trapezoids(p, top);
    free(p);
    return ASSAY_OK;
}
