/* Drawing with replacement by weight; see resample.h. */
#include "core/resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/status.h"

static int check_draws(const double *draws, size_t n)
{
    for (size_t j = 0; j < n; j++)
        if (!(draws[j] >= 0 && draws[j] < 1))
            return assay_fail(ASSAY_EINVAL, "resample: draws[%zu] must be in [0, 1), got %g", j + 1,
                isnan(draws[j]) ? (double)NAN : draws[j]);
    return ASSAY_OK;
}

/* cumulative[i] = w_0 + .. + w_i; the last positive weight's position. */
static int add_up(const double *weights, size_t n, double *cumulative, size_t *last)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0 && isfinite(weights[i])))
            return assay_fail(ASSAY_EINVAL,
                "resample: weights[%zu] must be finite and at least 0, got %g", i + 1,
                isnan(weights[i]) ? (double)NAN : weights[i]);
        sum += weights[i];
        cumulative[i] = sum;
        *last = weights[i] > 0 ? i : *last;
    }
    if (!(sum > 0 && isfinite(sum)))
        return assay_fail(
            ASSAY_EINVAL, "resample: weights must have a finite sum greater than 0, got %g", sum);
    return ASSAY_OK;
}

/* The first position whose cumulative weight is above the point, and at most `last`. */
static size_t find(const double *cumulative, size_t last, double point)
{
    size_t low = 0, high = last;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (cumulative[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int assay_resample(const double *weights, size_t n, size_t k, assay_resample_kind kind,
    const double *draws, size_t *index)
{
    const bool systematic = kind == ASSAY_RESAMPLE_SYSTEMATIC;
    size_t last = 0;
    int status = check_draws(draws, systematic ? 1 : k);
    if (status)
        return status;
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "resample: there must be at least 1 weight, got none");
    double *cumulative = calloc(n, sizeof *cumulative);
    if (!cumulative)
        return assay_fail(ASSAY_ENOMEM, "resample: no memory for %zu weights", n);
    status = add_up(weights, n, cumulative, &last);
    for (size_t j = 0; j < k && !status; j++) {
        const double u = systematic ? ((double)j + draws[0]) / (double)k : draws[j];
        index[j] = find(cumulative, last, u * cumulative[n - 1]);
    }
    free(cumulative);
    return status;
}

int assay_resample_draw(const double *weights, size_t n, size_t k, assay_resample_kind kind,
    assay_rng *rng, size_t *index)
{
    const size_t count = kind == ASSAY_RESAMPLE_SYSTEMATIC ? 1 : k;
    double *draws = calloc(count + 1, sizeof *draws);
    if (!draws)
        return assay_fail(ASSAY_ENOMEM, "resample: no memory for %zu draws", count);
    assay_rng_fill_uniform(rng, draws, count);
    const int status = assay_resample(weights, n, k, kind, draws, index);
    free(draws);
    return status;
}

int assay_normalise_log_weights(const double *log_weight, size_t n, double *weight)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(log_weight[i]))
            return assay_fail(ASSAY_EINVAL, "log weight %zu must be a number, got nan", i + 1);
        largest = fmax(largest, log_weight[i]);
    }
    for (size_t i = 0; i < n; i++) {
        /* infinite ones share alike, and infinity less itself is no number */
        weight[i] = isinf(largest) ? log_weight[i] == largest : exp(log_weight[i] - largest);
        sum += weight[i];
    }
    for (size_t i = 0; i < n; i++)
        weight[i] /= sum;
    return ASSAY_OK;
}
