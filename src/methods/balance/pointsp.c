/* Weights of points and what is drawn by them; see pointsp.h. */
#include "methods/balance/pointsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cloud.h"
#include "core/fps.h"
#include "core/neighbours.h"
#include "core/resample.h"
#include "core/stats.h"
#include "core/status.h"
#include "core/topk.h"

/* ---- weights ---- */

static int check_k(const assay_matrix *P, size_t k)
{
    const int status = assay_cloud_check(P);
    return !status && (k < 2 || k > P->rows)
               ? assay_fail(ASSAY_EINVAL, "k must be in 2..%zu (points), got %zu", P->rows, k)
               : status;
}

int assay_cloud_neighbours(
    const assay_matrix *P, size_t k, const assay_progress *progress, size_t *nbr, double *d2)
{
    const struct assay_neighbours_options how = {.progress = progress};
    const int status = check_k(P, k);
    return status ? status : assay_neighbours(P, P, k, &how, nbr, d2);
}

/* Of each point the mean squared distance, and the median of these. */
static int threshold_of(const double *d2, size_t n, size_t k, double *mean, double *tau)
{
    for (size_t i = 0; i < n; i++) {
        mean[i] = 0;
        for (size_t j = 0; j < k; j++)
            mean[i] += d2[i * k + j];
        mean[i] /= (double)k;
    }
    return assay_quantile(mean, n, 0.5, tau);
}

/* c_i, w_i and what is lacking of c_i to k. */
static void weigh(const double *d2, size_t n, size_t k, double tau, size_t *count, double *weight,
    double *isolation)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        count[i] = 0;
        for (size_t j = 0; j < k; j++)
            count[i] += d2[i * k + j] <= tau;
        sum += count[i];
    }
    for (size_t i = 0; i < n; i++) {
        weight[i] = (double)count[i] / (double)sum;
        if (isolation)
            isolation[i] = 1 - (double)count[i] / (double)k;
    }
}

int assay_keypoint_weights(const assay_matrix *P, size_t k, const assay_progress *progress,
    size_t *count, double *weight, double *isolation, double *threshold, size_t *nbr)
{
    const size_t n = P->rows;
    int status = check_k(P, k);
    if (status)
        return status;
    double tau = 0, *d2 = calloc(n * k, sizeof *d2);
    size_t *own = nbr ? nbr : calloc(n * k, sizeof *own);
    status = d2 && own ? assay_cloud_neighbours(P, k, progress, own, d2)
                       : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    if (!status)
        status = threshold_of(d2, n, k, weight, &tau);
    if (!status)
        weigh(d2, n, k, tau, count, weight, isolation);
    if (threshold)
        *threshold = tau;
    if (own != nbr)
        free(own);
    free(d2);
    return status;
}

/* ---- key points ---- */

int assay_keypoint_filter(
    const double *weight, size_t n, double keep, unsigned char *kept, size_t *left)
{
    if (!(keep > 0 && keep <= 1))
        return assay_fail(ASSAY_EINVAL, "keep must be greater than 0 and at most 1, got %g", keep);
    *left = (size_t)floor(keep * (double)n);
    size_t *best = calloc(*left + 1, sizeof *best);
    if (!best)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    const int status = assay_topk(weight, n, *left, best);
    memset(kept, 0, n);
    for (size_t i = 0; i < *left && !status; i++)
        kept[best[i]] = 1;
    free(best);
    return status;
}

/* The kept point that `which` kept ones come before. */
static size_t kept_point(const unsigned char *kept, size_t which)
{
    size_t i = 0;
    while (!kept[i] || which-- > 0)
        i++;
    return i;
}

int assay_ffps(const assay_matrix *P, size_t m, size_t k, double keep, size_t start, assay_rng *rng,
    const assay_progress *progress, size_t *index, unsigned char *kept)
{
    const size_t n = P->rows;
    size_t left = 0, *count = calloc(n + 1, sizeof *count);
    double *weight = calloc(n + 1, sizeof *weight);
    unsigned char *own = kept ? kept : calloc(n + 1, 1);
    int status = count && weight && own
                     ? assay_keypoint_weights(P, k, progress, count, weight, NULL, NULL, NULL)
                     : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    if (!status)
        status = assay_keypoint_filter(weight, n, keep, own, &left);
    if (!status && (m < 1 || m > left))
        status = assay_fail(ASSAY_EINVAL,
            "m must be in 1..%zu (of %zu points those that are kept), got %zu", left, n, m);
    if (!status)
        status = assay_fps(P, m, rng ? kept_point(own, (size_t)assay_rng_below(rng, left)) : start,
            own, progress, index, NULL);
    if (own != kept)
        free(own);
    free(weight);
    free(count);
    return status;
}

/* ---- by weight ---- */

static int check_weights(const double *weight, size_t n, size_t *positive)
{
    *positive = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] >= 0 && isfinite(weight[i])))
            return assay_fail(ASSAY_EINVAL, "weights[%zu] must be finite and at least 0, got %g",
                i + 1, weight[i]);
        *positive += weight[i] > 0;
    }
    return ASSAY_OK;
}

static int check_draws(const double *draws, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(draws[i] >= 0 && draws[i] < 1))
            return assay_fail(
                ASSAY_EINVAL, "draws[%zu] must be in [0, 1), got %g", i + 1, draws[i]);
    return ASSAY_OK;
}

/* The m smallest keys: the largest log(u) / w. */
static int without_replacement(
    const double *weight, size_t n, const double *draws, size_t m, size_t *index)
{
    double *key = calloc(n + 1, sizeof *key);
    size_t *row = calloc(n + 1, sizeof *row), rows = 0;
    int status = key && row ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    for (size_t i = 0; i < n && !status; i++)
        if (weight[i] > 0) {
            key[rows] = log(draws[i]) / weight[i];
            row[rows++] = i;
        }
    if (!status)
        status = assay_topk(key, rows, m, index);
    for (size_t i = 0; i < m && !status; i++)
        index[i] = row[index[i]];
    free(key);
    free(row);
    return status;
}

int assay_wrs_core(
    const double *weight, size_t n, const double *draws, size_t m, bool replace, size_t *index)
{
    size_t positive = 0;
    int status = check_weights(weight, n, &positive);
    if (!status)
        status = check_draws(draws, replace ? m : n);
    if (status)
        return status;
    if (positive == 0)
        return assay_fail(ASSAY_EINVAL, "weights must have one above 0");
    if (!replace && m > positive)
        return assay_fail(
            ASSAY_EINVAL, "m must be in 1..%zu (weights above 0), got %zu", positive, m);
    return replace ? assay_resample(weight, n, m, ASSAY_RESAMPLE_MULTINOMIAL, draws, index)
                   : without_replacement(weight, n, draws, m, index);
}

int assay_wrs(const double *weight, size_t n, size_t m, bool replace, assay_rng *rng, size_t *index)
{
    const size_t count = replace ? m : n;
    double *draws = calloc(count + 1, sizeof *draws);
    if (!draws)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu draws", count);
    assay_rng_fill_uniform(rng, draws, count);
    const int status = assay_wrs_core(weight, n, draws, m, replace, index);
    free(draws);
    return status;
}
