/*
 * MBR over the number of samples. Along a permutation each new candidate brings its utility to the
 * sums of those before it and gets its own sum, so that all prefixes together cost n^2 additions.
 */
#include "methods/inference/multilingual.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"

static int check_curve(const assay_matrix *u, const assay_matrix *cross, double weight,
    bool include_self, const double *quality)
{
    if (u->rows == 0 || u->rows != u->cols)
        return assay_fail(ASSAY_EINVAL, "mbr_curve: u must be square and not empty, got %zu x %zu",
            u->rows, u->cols);
    if (cross && cross->cols > 0 && cross->rows != u->rows)
        return assay_fail(ASSAY_EINVAL, "mbr_curve: u_cross must have %zu rows as u has, got %zu",
            u->rows, cross->rows);
    if (!(weight >= 0 && isfinite(weight)))
        return assay_fail(
            ASSAY_EINVAL, "mbr_curve: cross_weight must be at least 0 and finite, got %g", weight);
    for (size_t i = 0; i < u->rows; i++) {
        if (!isfinite(quality[i]))
            return assay_fail(
                ASSAY_EINVAL, "mbr_curve: quality[%zu] must be finite, got %g", i + 1, quality[i]);
        for (size_t j = 0; j < u->cols; j++)
            if ((include_self || i != j) && !isfinite(*assay_matrix_at(u, i, j)))
                return assay_fail(ASSAY_EINVAL, "mbr_curve: u[%zu][%zu] must be finite, got %g",
                    i + 1, j + 1, *assay_matrix_at(u, i, j));
        for (size_t j = 0; cross && j < cross->cols; j++)
            if (!isfinite(*assay_matrix_at(cross, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "mbr_curve: u_cross[%zu][%zu] must be finite, got %g", i + 1, j + 1,
                    *assay_matrix_at(cross, i, j));
    }
    return ASSAY_OK;
}

/* What a candidate has before any other: its cross evidence and itself. */
static void first_sums(const assay_matrix *u, const assay_matrix *cross, double weight,
    bool include_self, double *base)
{
    for (size_t i = 0; i < u->rows; i++) {
        double sum = 0;
        for (size_t j = 0; cross && j < cross->cols; j++)
            sum += *assay_matrix_at(cross, i, j);
        base[i] = weight * sum + (include_self ? *assay_matrix_at(u, i, i) : 0);
    }
}

/* Adds the quality of each prefix's choice. sum (n) is by place in the permutation. All candidates
 * have equally much evidence, so the largest sum is the largest mean. */
static void walk(const assay_matrix *u, const double *base, const double *quality,
    const size_t *order, double *sum, double *total)
{
    for (size_t k = 0; k < u->rows; k++) {
        size_t best = 0;
        sum[k] = base[order[k]];
        for (size_t i = 0; i < k; i++) {
            sum[i] += *assay_matrix_at(u, order[i], order[k]);
            sum[k] += *assay_matrix_at(u, order[k], order[i]);
        }
        for (size_t i = 1; i <= k; i++)
            if (sum[i] > sum[best])
                best = i;
        total[k] += quality[order[best]];
    }
}

typedef int next_order(void *source, size_t n, size_t r, const size_t **order);

static int curve(const assay_matrix *u, const assay_matrix *cross, double weight, bool include_self,
    const double *quality, next_order *next, void *source, size_t nperm,
    const assay_progress *progress, double *mean)
{
    const size_t n = u->rows;
    int status = check_curve(u, cross, weight, include_self, quality);
    if (!status && nperm == 0)
        status = assay_fail(ASSAY_EINVAL, "mbr_curve: there must be at least 1 permutation, got 0");
    double *base = status ? NULL : malloc(2 * n * sizeof *base);
    if (!status && !base)
        status = assay_fail(ASSAY_ENOMEM, "mbr_curve: no memory for %zu candidates", n);
    if (!status)
        first_sums(u, cross, weight, include_self, base);
    for (size_t k = 0; !status && k < n; k++)
        mean[k] = 0;
    for (size_t r = 0; !status && r < nperm; r++) {
        const size_t *order = NULL;
        status = next(source, n, r, &order);
        if (!status)
            walk(u, base, quality, order, base + n, mean);
        if (!status)
            status = assay_progress_report(progress, (double)(r + 1), (double)nperm);
    }
    for (size_t k = 0; !status && k < n; k++)
        mean[k] /= (double)nperm;
    free(base);
    return status;
}

static int given_order(void *source, size_t n, size_t r, const size_t **order)
{
    *order = (const size_t *)source + r * n;
    for (size_t i = 0; i < n; i++)
        if ((*order)[i] >= n)
            return assay_fail(ASSAY_EINVAL,
                "mbr_curve: permutation %zu must hold numbers in 1..%zu, got %zu", r + 1, n,
                (*order)[i] + 1);
    return ASSAY_OK;
}

int assay_mbr_curve(const assay_matrix *u, const assay_matrix *cross, double weight,
    bool include_self, const double *quality, const size_t *perm, size_t nperm,
    const assay_progress *progress, double *mean)
{
    return curve(u, cross, weight, include_self, quality, given_order, (void *)(uintptr_t)perm,
        nperm, progress, mean);
}

/* Every candidate comes first equally often (to within one), which makes k = 1 exact where n divides the
 * number of permutations; what follows is random, and the first k still are a random subset. */
typedef struct shuffler {
    assay_rng *rng;
    size_t *order, *first;
} shuffler;

static int drawn_order(void *source, size_t n, size_t r, const size_t **order)
{
    const shuffler *s = source;
    size_t at = 0;
    if (r % n == 0)
        assay_rng_permutation(s->rng, n, s->first);
    assay_rng_permutation(s->rng, n, s->order);
    while (s->order[at] != s->first[r % n])
        at++;
    s->order[at] = s->order[0];
    s->order[0] = s->first[r % n];
    *order = s->order;
    return ASSAY_OK;
}

int assay_mbr_curve_draw(const assay_matrix *u, const assay_matrix *cross, double weight,
    bool include_self, const double *quality, size_t nperm, assay_rng *rng,
    const assay_progress *progress, double *mean)
{
    shuffler s = {.rng = rng, .order = malloc((2 * u->rows + 1) * sizeof(size_t))};
    if (!s.order)
        return assay_fail(ASSAY_ENOMEM, "mbr_curve: no memory for %zu candidates", u->rows);
    s.first = s.order + u->rows;
    const int status =
        curve(u, cross, weight, include_self, quality, drawn_order, &s, nperm, progress, mean);
    free(s.order);
    return status;
}
