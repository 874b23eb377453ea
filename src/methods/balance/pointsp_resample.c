/* Clouds thinned and filled; see pointsp.h. */
#include "methods/balance/pointsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cloud.h"
#include "core/distance.h"
#include "core/pca.h"
#include "core/status.h"
#include "core/topk.h"

double assay_resample_ratio(double least, double most, double u)
{
    return least * pow(most / least, u);
}

/* ---- thinning ---- */

int assay_downsample_counts(size_t n, double ratio, double balance, size_t *drop, size_t *pool)
{
    if (!(ratio > 0.25 && ratio <= 1))
        return assay_fail(
            ASSAY_EINVAL, "ratio must be greater than 0.25 and at most 1, got %g", ratio);
    if (!(balance >= 0 && balance <= 1))
        return assay_fail(ASSAY_EINVAL, "balance must be in 0..1, got %g", balance);
    *drop = (size_t)floor((double)n * (1 - ratio));
    *pool = (size_t)floor((double)(n - *drop) * balance) + *drop;
    return ASSAY_OK;
}

/* Those that aren't `gone`, rising. */
static size_t list_kept(const unsigned char *gone, size_t n, size_t *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!gone[i])
            keep[kept++] = i;
    return kept;
}

/* gone[n]: the `drop` of smallest key of the `pool` points nearest to `centre`. */
static int drop_points(const assay_matrix *P, const double *centre, const double *keys, size_t drop,
    size_t pool, unsigned char *gone)
{
    const size_t n = P->rows;
    double *scratch = calloc(n, sizeof *scratch);
    size_t *near = calloc(n, sizeof *near), *first = calloc(n, sizeof *first);
    int status = scratch && near && first ? assay_cloud_nearest(P, centre, pool, scratch, near)
                                          : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    for (size_t j = 0; j < pool && !status; j++) {
        scratch[j] = -keys[j];
        if (isnan(keys[j]))
            status = assay_fail(ASSAY_EINVAL, "keys[%zu] must be a number, got NaN", j + 1);
    }
    if (!status)
        status = assay_topk(scratch, pool, drop, first);
    for (size_t j = 0; j < drop && !status; j++)
        gone[near[first[j]]] = 1;
    free(scratch);
    free(near);
    free(first);
    return status;
}

int assay_downsample_core(const assay_matrix *P, double ratio, double balance, size_t centre,
    const double *keys, size_t *keep, size_t *kept)
{
    const size_t n = P->rows;
    size_t drop = 0, pool = 0;
    int status = assay_cloud_check(P);
    if (!status)
        status = assay_downsample_counts(n, ratio, balance, &drop, &pool);
    if (!status && centre >= n)
        status =
            assay_fail(ASSAY_EINVAL, "center must be in 1..%zu (points), got %zu", n, centre + 1);
    if (status)
        return status;
    unsigned char *gone = calloc(n, 1);
    status = gone ? drop_points(P, assay_matrix_row(P, centre), keys, drop, pool, gone)
                  : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    *kept = status ? 0 : list_kept(gone, n, keep);
    free(gone);
    return status;
}

int assay_downsample(
    const assay_matrix *P, double ratio, double balance, assay_rng *rng, size_t *keep, size_t *kept)
{
    const size_t n = P->rows;
    double *keys = calloc(n + 1, sizeof *keys);
    if (!keys)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    const size_t centre = n ? (size_t)assay_rng_below(rng, n) : 0;
    assay_rng_fill_uniform(rng, keys, n);
    const int status = assay_downsample_core(P, ratio, balance, centre, keys, keep, kept);
    free(keys);
    return status;
}

/* ---- normals ---- */

/* The covariance of the k points of nbr, row by row. */
static void covariance(const assay_matrix *P, const size_t *nbr, size_t k, double s[9])
{
    double mean[3] = {0};
    for (size_t i = 0; i < k; i++)
        for (size_t a = 0; a < 3; a++)
            mean[a] += *assay_matrix_at(P, nbr[i], a) / (double)k;
    memset(s, 0, 9 * sizeof *s);
    for (size_t i = 0; i < k; i++) {
        const double *x = assay_matrix_row(P, nbr[i]);
        for (size_t a = 0; a < 3; a++)
            for (size_t b = 0; b < 3; b++)
                s[3 * a + b] += (x[a] - mean[a]) * (x[b] - mean[b]) / (double)k;
    }
}

static bool is_one_point(const assay_matrix *P, const size_t *nbr, size_t k)
{
    for (size_t i = 1; i < k; i++)
        if (assay_squared_distance(assay_matrix_row(P, nbr[i]), assay_matrix_row(P, nbr[0]), 3) > 0)
            return false;
    return true;
}

/* The sign by which the component of largest size is positive. */
static void fix_sign(double *v)
{
    size_t largest = 0;
    for (size_t a = 1; a < 3; a++)
        if (fabs(v[a]) > fabs(v[largest]))
            largest = a;
    const double sign = v[largest] < 0 ? -1 : 1;
    for (size_t a = 0; a < 3; a++)
        v[a] *= sign;
}

int assay_pc_normals(const assay_matrix *P, const size_t *nbr, size_t k, assay_matrix *N)
{
    double s[9], values[3], vectors[9];
    for (size_t i = 0; i < P->rows; i++) {
        double *normal = assay_matrix_row(N, i);
        memcpy(normal, (const double[]){0, 0, 1}, 3 * sizeof *normal);
        if (is_one_point(P, nbr + i * k, k))
            continue;
        assay_matrix S = assay_matrix_view(s, 3, 3), V = assay_matrix_view(vectors, 3, 3);
        covariance(P, nbr + i * k, k, s);
        const int status = assay_symmetric_eigen(&S, values, &V);
        if (status)
            return status;
        memcpy(normal, vectors + 6, 3 * sizeof *normal);
        fix_sign(normal);
    }
    return ASSAY_OK;
}

/* ---- tangent planes ---- */

/* x + s t / L */
static void step(
    const double *x, const double *partner, const double *normal, double median, double *out)
{
    double t[3], along = 0, length = 0;
    for (size_t a = 0; a < 3; a++)
        along += (partner[a] - x[a]) * normal[a];
    for (size_t a = 0; a < 3; a++) {
        t[a] = partner[a] - x[a] - along * normal[a];
        length += t[a] * t[a];
    }
    length = fmax(sqrt(length), 1e-6);
    const double s = fmin(length / 2, sqrt(median));
    for (size_t a = 0; a < 3; a++)
        out[a] = x[a] + s * t[a] / length;
}

int assay_tangent_interpolate(const assay_matrix *P, const size_t *nbr, const double *d2, size_t k,
    const assay_matrix *N, const size_t *pick, assay_matrix *out)
{
    for (size_t i = 0; i < P->rows; i++) {
        if (pick[i] >= k)
            return assay_fail(ASSAY_EINVAL, "neighbor[%zu] must be in 1..%zu (k), got %zu", i + 1,
                k, pick[i] + 1);
        step(assay_matrix_row(P, i), assay_matrix_row(P, nbr[i * k + pick[i]]),
            assay_matrix_row(N, i), d2[i * k + (k - 1) / 2], assay_matrix_row(out, i));
    }
    return ASSAY_OK;
}

/* ---- filling ---- */

/* What every pass over a cloud needs. */
struct tangents {
    size_t k, *nbr, *pick;
    double *d2;
    assay_matrix N, candidates;
};

static void tangents_free(struct tangents *t)
{
    free(t->nbr);
    free(t->pick);
    free(t->d2);
    assay_matrix_free(&t->N);
    assay_matrix_free(&t->candidates);
}

static int tangents_of(
    const assay_matrix *P, size_t k, const assay_progress *progress, struct tangents *t)
{
    const size_t n = P->rows;
    *t = (struct tangents){.k = k};
    int status = assay_cloud_check(P);
    if (!status && (k < 2 || k > n))
        status = assay_fail(ASSAY_EINVAL, "k must be in 2..%zu (points), got %zu", n, k);
    if (status)
        return status;
    t->nbr = calloc(n * k, sizeof *t->nbr);
    t->pick = calloc(n, sizeof *t->pick);
    t->d2 = calloc(n * k, sizeof *t->d2);
    if (!t->nbr || !t->pick || !t->d2)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    status = assay_matrix_alloc(n, 3, &t->N);
    if (!status)
        status = assay_matrix_alloc(n, 3, &t->candidates);
    if (!status)
        status = assay_cloud_neighbours(P, k, progress, t->nbr, t->d2);
    return status ? status : assay_pc_normals(P, t->nbr, k, &t->N);
}

/* A partner for each point. Among more copies of a point than it has neighbours, these are all at
 * distance 0, and any of them is as good as itself. */
static void pick_partners(struct tangents *t, size_t n, bool exclude_self, assay_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        size_t own = t->k;
        for (size_t j = 0; exclude_self && j < t->k; j++)
            own = t->nbr[i * t->k + j] == i ? j : own;
        const size_t others = t->k - (own < t->k);
        t->pick[i] = (size_t)assay_rng_below(rng, others);
        t->pick[i] += t->pick[i] >= own;
    }
}

static int pass(struct tangents *t, const assay_matrix *P, bool exclude_self, assay_rng *rng)
{
    pick_partners(t, P->rows, exclude_self, rng);
    return assay_tangent_interpolate(P, t->nbr, t->d2, t->k, &t->N, t->pick, &t->candidates);
}

/* Rows first.. of out, `rows` of them: candidates, drawn or (`cut`) the first ones. */
static int take(struct tangents *t, size_t n, size_t first, size_t rows, bool cut, assay_rng *rng,
    assay_matrix *out)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < n; i++)
        t->pick[i] = i;
    if (rows < n && !cut)
        status = assay_rng_sample(rng, n, rows, t->pick);
    for (size_t i = 0; i < rows && !status; i++)
        memcpy(assay_matrix_row(out, first + i), assay_matrix_row(&t->candidates, t->pick[i]),
            3 * sizeof *out->data);
    return status;
}

/* Rows of out behind those of P. */
static int add_points(const assay_matrix *P, bool cut, const assay_upsample_options *o,
    assay_rng *rng, assay_matrix *out)
{
    const size_t n = P->rows;
    struct tangents t;
    int status = tangents_of(P, o->k, o->progress, &t);
    for (size_t done = n; done < out->rows && !status; done += n) {
        const size_t rows = out->rows - done < n ? out->rows - done : n;
        status = pass(&t, P, o->exclude_self, rng);
        if (!status)
            status = take(&t, n, done, rows, cut, rng, out);
    }
    tangents_free(&t);
    return status;
}

/* P, then `more` points. */
static int fill(const assay_matrix *P, size_t more, bool cut, const assay_upsample_options *o,
    assay_rng *rng, assay_matrix *out)
{
    *out = (assay_matrix){0};
    int status = assay_cloud_check(P);
    if (!status)
        status = assay_matrix_alloc(P->rows + more, 3, out);
    for (size_t i = 0; i < P->rows && !status; i++)
        memcpy(assay_matrix_row(out, i), assay_matrix_row(P, i), 3 * sizeof *P->data);
    if (!status && more > 0)
        status = add_points(P, cut, o, rng, out);
    if (status)
        assay_matrix_free(out);
    return status;
}

int assay_upsample(const assay_matrix *P, size_t more, const assay_upsample_options *options,
    assay_rng *rng, assay_matrix *out)
{
    return fill(P, more, false, options, rng, out);
}

int assay_fill_up(const assay_matrix *P, size_t n, const assay_upsample_options *options,
    assay_rng *rng, assay_matrix *out)
{
    return fill(P, P->rows < n ? n - P->rows : 0, true, options, rng, out);
}
