/*
 * Means, quantiles and intervals.
 *
 * Sums are pairwise, so that their error grows with log n. The mean of equal values is that value
 * exactly: a constant sample then has variance 0 and not the square of a rounding error, which the
 * intervals' "p = 0 or 1" rests on. Quantiles of t come from the upper tail: GSL's lower-tail
 * inverse loses its digits at levels near 1 and calls GSL's error handler there.
 */
#include "core/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "core/status.h"

enum { PAIRWISE_BLOCK = 64 };

static double sum(const double *x, size_t n)
{
    if (n > PAIRWISE_BLOCK)
        return sum(x, n / 2) + sum(x + n / 2, n - n / 2);
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

/* sum (x - mean)^2 */
static double sum_of_squares(const double *x, size_t n, double mean)
{
    if (n > PAIRWISE_BLOCK)
        return sum_of_squares(x, n / 2, mean) + sum_of_squares(x + n / 2, n - n / 2, mean);
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (x[i] - mean) * (x[i] - mean);
    return total;
}

double assay_mean(const double *x, size_t n)
{
    if (n == 0)
        return NAN;
    size_t equal = 1;
    while (equal < n && x[equal] == x[0])
        equal++;
    return equal == n ? x[0] : sum(x, n) / (double)n;
}

double assay_variance(const double *x, size_t n)
{
    return n < 2 ? NAN : sum_of_squares(x, n, assay_mean(x, n)) / (double)(n - 1);
}

double assay_sd(const double *x, size_t n)
{
    return sqrt(assay_variance(x, n));
}

static int refuse_nan(const char *what, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return assay_fail(ASSAY_EINVAL, "%s: value %zu (from 0) is NaN", what, i);
    return ASSAY_OK;
}

static int check_level(const char *what, double level)
{
    if (!(level > 0 && level < 1))
        return assay_fail(ASSAY_EINVAL, "%s: level must lie between 0 and 1, got %g", what, level);
    return ASSAY_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Type 7 of Hyndman and Fan (1996): at (n - 1) q between order statistics, counted from 0. */
static double sorted_quantile(const double *sorted, size_t n, double q)
{
    double at = (double)(n - 1) * q;
    size_t i = (size_t)at;
    double fraction = at - (double)i;
    if (fraction == 0 || sorted[i] == sorted[i + 1])
        return sorted[i];
    return sorted[i] + fraction * (sorted[i + 1] - sorted[i]);
}

int assay_quantiles(const double *x, size_t n, const double *q, size_t nq, double *out)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "quantile: there are no values");
    for (size_t i = 0; i < nq; i++)
        if (!(q[i] >= 0 && q[i] <= 1))
            return assay_fail(ASSAY_EINVAL, "quantile: q must lie in 0..1, got %g", q[i]);
    int status = refuse_nan("quantile", x, n);
    if (status)
        return status;
    double *sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return assay_fail(ASSAY_ENOMEM, "quantile: out of memory for %zu values", n);
    memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    for (size_t i = 0; i < nq; i++)
        out[i] = sorted_quantile(sorted, n, q[i]);
    free(sorted);
    return ASSAY_OK;
}

int assay_quantile(const double *x, size_t n, double q, double *out)
{
    return assay_quantiles(x, n, &q, 1, out);
}

/* estimate +- t_df se and the p of `null`. Without degrees of freedom or with infinite values
 * nothing is excluded; without error everything else is. */
static assay_interval student(
    double estimate, double se, double df, double null, double level, size_t n)
{
    assay_interval out = {.estimate = estimate, .df = df, .n = n};
    if (!(df > 0) || !isfinite(se)) {
        out.low = -INFINITY;
        out.high = INFINITY;
        out.p = NAN;
    } else if (se == 0) {
        out.low = out.high = estimate;
        out.p = estimate == null;
    } else {
        double reach = gsl_cdf_tdist_Qinv((1 - level) / 2, df) * se;
        out.low = estimate - reach;
        out.high = estimate + reach;
        out.p = 2 * gsl_cdf_tdist_Q(fabs(estimate - null) / se, df);
    }
    return out;
}

int assay_t_interval(const double *x, size_t n, double mu0, double level, assay_interval *out)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "t_interval: there are no values");
    int status = check_level("t_interval", level);
    if (!status)
        status = refuse_nan("t_interval", x, n);
    if (status)
        return status;
    double se = assay_sd(x, n) / sqrt((double)n);
    *out = student(assay_mean(x, n), se, (double)(n - 1), mu0, level, n);
    return ASSAY_OK;
}

int assay_paired_interval(
    const double *a, const double *b, size_t n, double level, assay_interval *out)
{
    int status = refuse_nan("paired_interval: first sample", a, n);
    if (!status)
        status = refuse_nan("paired_interval: second sample", b, n);
    if (status)
        return status;
    double *difference = malloc((n ? n : 1) * sizeof *difference);
    if (!difference)
        return assay_fail(ASSAY_ENOMEM, "paired_interval: out of memory for %zu pairs", n);
    for (size_t i = 0; i < n; i++)
        difference[i] = a[i] - b[i];
    status = assay_t_interval(difference, n, 0, level, out);
    free(difference);
    return status;
}

/* Welch (1947): se^2 = va / na + vb / nb, df = se^4 / sum((v / n)^2 / (n - 1)). */
int assay_welch_interval(
    const double *a, size_t na, const double *b, size_t nb, double level, assay_interval *out)
{
    if (na == 0 || nb == 0)
        return assay_fail(ASSAY_EINVAL, "welch_interval: the %s sample has no values",
            na == 0 ? "first" : "second");
    int status = check_level("welch_interval", level);
    if (!status)
        status = refuse_nan("welch_interval: first sample", a, na);
    if (!status)
        status = refuse_nan("welch_interval: second sample", b, nb);
    if (status)
        return status;
    double ea = assay_variance(a, na) / (double)na, eb = assay_variance(b, nb) / (double)nb;
    double df = (double)(na + nb - 2);
    if (na < 2 || nb < 2)
        df = NAN;
    else if (ea + eb > 0) {
        double share = ea / (ea + eb); /* of the variance; no squares of tiny numbers */
        df = 1 / (share * share / (double)(na - 1) + (1 - share) * (1 - share) / (double)(nb - 1));
    }
    *out = student(assay_mean(a, na) - assay_mean(b, nb), sqrt(ea + eb), df, 0, level, na + nb);
    return ASSAY_OK;
}

int assay_wilson_interval(double successes, double trials, double level, assay_interval *out)
{
    int status = check_level("wilson_interval", level);
    if (status)
        return status;
    if (!(trials > 0) || isinf(trials))
        return assay_fail(ASSAY_EINVAL, "wilson_interval: trials must be positive, got %g", trials);
    if (!(successes >= 0 && successes <= trials))
        return assay_fail(ASSAY_EINVAL, "wilson_interval: successes must lie in 0..%g, got %g",
            trials, successes);
    double p = successes / trials, z = gsl_cdf_ugaussian_Qinv((1 - level) / 2);
    double z2 = z * z / trials;
    double centre = (p + z2 / 2) / (1 + z2);
    double reach = sqrt(z2 * (p * (1 - p) + z2 / 4)) / (1 + z2);
    *out = (assay_interval){.estimate = p,
        .low = successes == 0 ? 0 : centre - reach,
        .high = successes == trials ? 1 : centre + reach,
        .p = NAN,
        .df = NAN,
        .n = (size_t)trials};
    return ASSAY_OK;
}

typedef struct ranked_p {
    double p;
    size_t at;
} ranked_p;

static int by_p(const void *a, const void *b)
{
    const ranked_p *x = a, *y = b;
    return (x->p > y->p) - (x->p < y->p);
}

/* adjusted_(i) = max over j <= i of min(1, (n - j + 1) p_(j))   (Holm 1979) */
int assay_holm(const double *p, size_t n, double *adjusted)
{
    ranked_p *tests = malloc((n + 1) * sizeof *tests);
    size_t count = 0;
    double largest = 0;
    if (!tests)
        return assay_fail(ASSAY_ENOMEM, "holm: out of memory");
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = p[i];
        if (!isnan(p[i]))
            tests[count++] = (ranked_p){p[i], i};
    }
    qsort(tests, count, sizeof *tests, by_p);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fmin(1, (double)(count - i) * tests[i].p));
        adjusted[tests[i].at] = largest;
    }
    free(tests);
    return ASSAY_OK;
}

/* The statistic of every resample; `index` has room for n. */
enum { BOOTSTRAP_STEP = 1 << 18 }; /* draws between two reports */

static int resample(assay_statistic statistic, void *context, size_t n, size_t resamples,
    assay_rng *rng, const assay_progress *progress, size_t *index, double *value)
{
    size_t drawn = 0;
    for (size_t r = 0; r < resamples; r++) {
        if ((drawn += n) >= BOOTSTRAP_STEP) {
            const int status = assay_progress_report(progress, (double)r, (double)resamples);
            if (status)
                return status;
            drawn = 0;
        }
        for (size_t i = 0; i < n; i++)
            index[i] = (size_t)assay_rng_below(rng, n);
        value[r] = statistic(context, index, n);
        if (isnan(value[r]))
            return assay_fail(
                ASSAY_EINVAL, "bootstrap: the statistic of resample %zu (from 0) is NaN", r);
    }
    return ASSAY_OK;
}

int assay_bootstrap_interval(assay_statistic statistic, void *context, size_t n, size_t resamples,
    double level, assay_rng *rng, const assay_progress *progress, assay_interval *out)
{
    int status = check_level("bootstrap", level);
    if (status)
        return status;
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "bootstrap: there are no observations");
    if (resamples == 0)
        return assay_fail(ASSAY_EINVAL, "bootstrap: resamples must be at least 1, got 0");
    size_t *index = calloc(n, sizeof *index);
    double *value = calloc(resamples, sizeof *value);
    if (!index || !value) {
        status = assay_fail(ASSAY_ENOMEM,
            "bootstrap: out of memory for %zu observations and %zu resamples", n, resamples);
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++)
        index[i] = i;
    double estimate = statistic(context, index, n);
    if (isnan(estimate)) {
        status = assay_fail(ASSAY_EINVAL, "bootstrap: the statistic of the observations is NaN");
        goto cleanup;
    }
    status = resample(statistic, context, n, resamples, rng, progress, index, value);
    if (status)
        goto cleanup;
    const double tails[2] = {0.5 - level / 2, 0.5 + level / 2};
    double ends[2];
    status = assay_quantiles(value, resamples, tails, 2, ends);
    if (!status)
        *out = (assay_interval){estimate, ends[0], ends[1], NAN, NAN, n};
cleanup:
    free(index);
    free(value);
    return status;
}

struct gathered {
    const double *x;
    double *chosen; /* room for one resample, so that the mean is the pairwise one */
};

static double mean_of_chosen(void *context, const size_t *index, size_t n)
{
    struct gathered *g = context;
    for (size_t i = 0; i < n; i++)
        g->chosen[i] = g->x[index[i]];
    return assay_mean(g->chosen, n);
}

int assay_bootstrap_mean(const double *x, size_t n, size_t resamples, double level, assay_rng *rng,
    const assay_progress *progress, assay_interval *out)
{
    int status = refuse_nan("bootstrap", x, n);
    if (status)
        return status;
    double *chosen = malloc((n ? n : 1) * sizeof *chosen);
    if (!chosen)
        return assay_fail(ASSAY_ENOMEM, "bootstrap: out of memory for %zu values", n);
    struct gathered context = {x, chosen};
    status =
        assay_bootstrap_interval(mean_of_chosen, &context, n, resamples, level, rng, progress, out);
    free(chosen);
    return status;
}
