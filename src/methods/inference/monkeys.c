/*
 * Repeated sampling: coverage and its laws (equations and paper in monkeys.h).
 *
 * The textbook way to a whole curve is one lgamma formula a point, wrong in the eleventh digit at
 * n = 10^4 and useless beyond 10^7. Here every point is a product of exact small ratios, and it is
 * cheap because of three facts. The chance that k samples miss,
 *
 *   miss(k) = C(n-c, k) / C(n, k) = prod_{i<k} (n-c-i)/(n-i) = prod_{i<c} (n-k-i)/(n-i),
 *
 * is symmetric in c and k, so the shorter product serves; along a curve it continues from the k
 * before; and it falls at least as fast as (1 - c/n)^k, so that min(c, k) factors are cut off after
 * about 42 n/c of them, when 1 - miss is 1 in double precision. A point thus costs O(sqrt(n)) at
 * most.
 */
#include "methods/inference/monkeys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* 2^-60: 1 - miss is 1 in double precision well before. */
static const double negligible_miss = 0x1p-60;

static const double largest_count = 0x1p53;

/* ---- The product ---- */

enum { LANES = 4, BLOCK = 16 };

/* prod_{i < BLOCK} (a-i)/(b-i) with one division; 16 factors below 2^53 stay below 2^848. */
static double falling_block(double a, double b)
{
    double above[LANES], below[LANES];
    for (int l = 0; l < LANES; l++) {
        above[l] = a - l;
        below[l] = b - l;
    }
    for (int i = LANES; i < BLOCK; i += LANES)
        for (int l = 0; l < LANES; l++) {
            above[l] *= a - (i + l);
            below[l] *= b - (i + l);
        }
    return (above[0] * above[1]) * (above[2] * above[3]) /
           ((below[0] * below[1]) * (below[2] * below[3]));
}

/* prod_{i < m} (a-i)/(b-i) for m - 1 < a <= b, or 0 once it is down to `negligible`. */
static double falling_ratio(double a, double b, double m, double negligible)
{
    double ratio = 1, i = 0;
    for (; i + BLOCK <= m; i += BLOCK) {
        ratio *= falling_block(a - i, b - i);
        if (ratio <= negligible)
            return 0;
    }
    double above = 1, below = 1;
    for (; i < m; i++) {
        above *= a - i;
        below *= b - i;
    }
    return ratio * (above / below);
}

/* miss[j] = C(n-c, k[j]) / C(n, k[j]), k ascending. */
static void miss_curve(
    double n, double c, const double *k, size_t nk, double negligible, double *miss)
{
    double at = 0, value = 1; /* value = C(n-c, at) / C(n, at) */
    for (size_t j = 0; j < nk; j++) {
        if (k[j] > n - c)
            value = 0;
        else if (value > 0 && k[j] - at <= c)
            value *= falling_ratio(n - c - at, n - at, k[j] - at, negligible);
        else if (value > 0)
            value = falling_ratio(n - k[j], n, c, negligible);
        at = k[j];
        miss[j] = value;
    }
}

/* ---- Checks ---- */

static bool whole(double x)
{
    return x == floor(x) && x >= -largest_count && x <= largest_count;
}

static int check_counts(const char *who, const double *n, const double *c, size_t problems)
{
    if (problems == 0)
        return assay_fail(ASSAY_EINVAL, "%s: there must be at least 1 problem, got 0", who);
    for (size_t i = 0; i < problems; i++) {
        if (!whole(n[i]) || n[i] < 1)
            return assay_fail(ASSAY_EINVAL,
                "%s: n = %.17g of problem %zu must be a whole number in 1..2^53", who, n[i], i + 1);
        if (!whole(c[i]) || c[i] < 0 || c[i] > n[i])
            return assay_fail(ASSAY_EINVAL,
                "%s: c = %.17g of problem %zu must be a whole number in 0..%.0f (its n)", who, c[i],
                i + 1, n[i]);
    }
    return ASSAY_OK;
}

/* k whole, >= 1 and ascending. */
static int check_attempts(const char *who, const double *k, size_t nk)
{
    for (size_t j = 0; j < nk; j++) {
        if (!whole(k[j]) || k[j] < 1)
            return assay_fail(ASSAY_EINVAL,
                "%s: k = %.17g (number %zu) must be a whole number of at least 1", who, k[j],
                j + 1);
        if (j > 0 && k[j] < k[j - 1])
            return assay_fail(
                ASSAY_EINVAL, "%s: k must be ascending, got %.0f after %.0f", who, k[j], k[j - 1]);
    }
    return ASSAY_OK;
}

static int check_within(const char *who, const double *n, size_t problems, double largest_k)
{
    for (size_t i = 0; i < problems; i++)
        if (largest_k > n[i])
            return assay_fail(ASSAY_EINVAL,
                "%s: k = %.0f is larger than n = %.0f of problem %zu; k must be in 1..n", who,
                largest_k, n[i], i + 1);
    return ASSAY_OK;
}

static int check_curve(
    const char *who, const double *n, const double *c, size_t problems, const double *k, size_t nk)
{
    int status = check_counts(who, n, c, problems);
    if (status == ASSAY_OK)
        status = check_attempts(who, k, nk);
    if (status == ASSAY_OK && nk > 0)
        status = check_within(who, n, problems, k[nk - 1]);
    return status;
}

/* ---- Curves over problems ---- */

/* Running mean and sum of squared deviations of each column (Welford 1962). */
static void accumulate(const double *row, size_t nk, size_t seen, double *mean, double *squares)
{
    const double weight = 1.0 / (double)seen;
    for (size_t j = 0; j < nk; j++) {
        const double delta = row[j] - mean[j];
        mean[j] += delta * weight;
        squares[j] += delta * (row[j] - mean[j]);
    }
}

static void pass_row(double n, double c, const double *k, size_t nk, double *row)
{
    miss_curve(n, c, k, nk, negligible_miss, row);
    for (size_t j = 0; j < nk; j++)
        row[j] = 1 - row[j];
}

/* All k are correct when they miss the n - c wrong ones. */
static void hat_row(double n, double c, const double *k, size_t nk, double *row)
{
    miss_curve(n, n - c, k, nk, 0, row);
}

static int curve_over_problems(const char *who,
    void (*row_of)(double n, double c, const double *k, size_t nk, double *row), const double *n,
    const double *c, size_t problems, const double *k, size_t nk, assay_matrix *per_problem,
    double *mean, double *se)
{
    int status = check_curve(who, n, c, problems, k, nk);
    if (status != ASSAY_OK)
        return status;
    if (per_problem && (per_problem->rows != problems || per_problem->cols != nk))
        return assay_fail(ASSAY_EINVAL, "%s: per_problem must be %zu x %zu, got %zu x %zu", who,
            problems, nk, per_problem->rows, per_problem->cols);
    double *scratch = calloc(3 * nk + 1, sizeof *scratch);
    if (!scratch)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu values of k", who, nk);
    double *average = scratch, *squares = scratch + nk, *row = scratch + 2 * nk;
    for (size_t i = 0; i < problems; i++) {
        if (per_problem)
            row = assay_matrix_row(per_problem, i);
        row_of(n[i], c[i], k, nk, row);
        accumulate(row, nk, i + 1, average, squares);
    }
    const double p = (double)problems;
    for (size_t j = 0; j < nk; j++) {
        if (mean)
            mean[j] = average[j];
        if (se)
            se[j] = problems > 1 ? sqrt(squares[j] / (p - 1) / p) : (double)NAN;
    }
    free(scratch);
    return ASSAY_OK;
}

int assay_pass_at_k(const double *n, const double *c, size_t problems, const double *k, size_t nk,
    assay_matrix *per_problem, double *mean, double *se)
{
    return curve_over_problems("pass_at_k", pass_row, n, c, problems, k, nk, per_problem, mean, se);
}

int assay_pass_hat_k(const double *n, const double *c, size_t problems, const double *k, size_t nk,
    assay_matrix *per_problem, double *mean, double *se)
{
    return curve_over_problems("pass_hat_k", hat_row, n, c, problems, k, nk, per_problem, mean, se);
}

/* mean[j] of `rows` drawn with replacement from m. */
static void resampled_mean(const assay_matrix *m, assay_rng *rng, double *mean)
{
    memset(mean, 0, m->cols * sizeof *mean);
    for (size_t i = 0; i < m->rows; i++) {
        const double *row = assay_matrix_row(m, assay_rng_below(rng, m->rows));
        for (size_t j = 0; j < m->cols; j++)
            mean[j] += row[j];
    }
    for (size_t j = 0; j < m->cols; j++)
        mean[j] /= (double)m->rows;
}

enum { BOOTSTRAP_STEP = 1 << 20 }; /* entries between two reports */

int assay_coverage_bootstrap(const assay_matrix *per_problem, size_t resamples, double level,
    assay_rng *rng, const assay_progress *progress, double *low, double *high)
{
    const size_t nk = per_problem->cols;
    if (per_problem->rows == 0)
        return assay_fail(
            ASSAY_EINVAL, "coverage_bootstrap: there must be at least 1 problem, got 0");
    if (resamples < 1)
        return assay_fail(ASSAY_EINVAL, "coverage_bootstrap: resamples must be at least 1, got 0");
    if (!(level > 0 && level < 1))
        return assay_fail(
            ASSAY_EINVAL, "coverage_bootstrap: level must be between 0 and 1, got %g", level);
    if (nk == 0)
        return ASSAY_OK;
    assay_matrix means = {0};
    double *column = NULL;
    int status = assay_matrix_alloc(resamples, nk, &means);
    if (status != ASSAY_OK)
        return status;
    column = malloc(resamples * sizeof *column);
    if (!column) {
        status =
            assay_fail(ASSAY_ENOMEM, "coverage_bootstrap: no memory for %zu resamples", resamples);
        goto cleanup;
    }
    for (size_t r = 0, work = 0; r < resamples && status == ASSAY_OK; r++) {
        resampled_mean(per_problem, rng, assay_matrix_row(&means, r));
        if ((work += per_problem->rows * nk) >= BOOTSTRAP_STEP) {
            status = assay_progress_report(progress, (double)r, (double)resamples);
            work = 0;
        }
    }
    const double tails[2] = {(1 - level) / 2, (1 + level) / 2};
    for (size_t j = 0; j < nk && status == ASSAY_OK; j++) {
        double ends[2];
        for (size_t r = 0; r < resamples; r++)
            column[r] = *assay_matrix_at(&means, r, j);
        status = assay_quantiles(column, resamples, tails, 2, ends);
        if (status == ASSAY_OK) {
            low[j] = ends[0];
            high[j] = ends[1];
        }
    }
cleanup:
    free(column);
    assay_matrix_free(&means);
    return status;
}

/* A point that should be whole, such as 10 on a grid to 10^4, may come out a rounding below. */
static double truncated(double x)
{
    const double nearest = round(x);
    return fabs(x - nearest) <= 1e-12 * x ? nearest : floor(x);
}

int assay_coverage_grid(double n, size_t points, double *grid, size_t *count)
{
    if (!whole(n) || n < 1)
        return assay_fail(
            ASSAY_EINVAL, "coverage_grid: n = %.17g must be a whole number in 1..2^53", n);
    if (points < 2)
        return assay_fail(
            ASSAY_EINVAL, "coverage_grid: points must be at least 2, got %zu", points);
    size_t m = 0;
    for (size_t i = 0; i < points; i++) {
        const double k = truncated(pow(n, (double)i / (double)(points - 1)));
        if (m == 0 || k > grid[m - 1])
            grid[m++] = k;
    }
    *count = m;
    return ASSAY_OK;
}

/* ---- Reaching a coverage ---- */

static double coverage_at(const double *n, const double *c, size_t problems, double k)
{
    double sum = 0;
    for (size_t i = 0; i < problems; i++) {
        double pass;
        pass_row(n[i], c[i], &k, 1, &pass);
        sum += pass;
    }
    return sum / (double)problems;
}

/* The smallest k with coverage(k) >= target <= coverage(largest). */
static double first_to_reach(
    const double *n, const double *c, size_t problems, double target, double largest)
{
    double below = 0, reached = largest;
    while (reached - below > 1) {
        const double middle = floor(below + (reached - below) / 2);
        if (coverage_at(n, c, problems, middle) >= target)
            reached = middle;
        else
            below = middle;
    }
    return reached;
}

static double closest_k(const double *n, const double *c, size_t problems, double coverage)
{
    double largest = n[0];
    for (size_t i = 1; i < problems; i++)
        largest = fmin(largest, n[i]);
    const double target = fmin(coverage, coverage_at(n, c, problems, largest));
    const double k = first_to_reach(n, c, problems, target, largest);
    if (k > 1 && fabs(coverage_at(n, c, problems, k - 1) - coverage) <=
                     fabs(coverage_at(n, c, problems, k) - coverage))
        return k - 1;
    return k;
}

int assay_samples_to_reach(const double *n, const double *c, size_t problems, double coverage,
    double *k, double *coverage_at_k)
{
    int status = check_counts("samples_to_reach", n, c, problems);
    if (status != ASSAY_OK)
        return status;
    if (!(coverage >= 0 && coverage <= 1))
        return assay_fail(
            ASSAY_EINVAL, "samples_to_reach: coverage must be in 0..1, got %g", coverage);
    *k = closest_k(n, c, problems, coverage);
    *coverage_at_k = coverage_at(n, c, problems, *k);
    return ASSAY_OK;
}

int assay_coverage_overlay(const assay_counts *models, size_t count, double *anchor, double *shift)
{
    if (count == 0)
        return assay_fail(ASSAY_EINVAL, "coverage_overlay: there must be at least 1 model, got 0");
    *anchor = 0;
    for (size_t i = 0; i < count; i++) {
        int status = check_counts("coverage_overlay", models[i].n, models[i].c, models[i].problems);
        if (status != ASSAY_OK)
            return status;
        *anchor = fmax(*anchor, coverage_at(models[i].n, models[i].c, models[i].problems, 1));
    }
    for (size_t i = 0; i < count; i++)
        shift[i] = closest_k(models[i].n, models[i].c, models[i].problems, *anchor);
    return ASSAY_OK;
}

/* ---- Laws ---- */

int assay_fit_power_law(
    const double *k, const double *coverage, size_t m, assay_fit_space space, assay_power_law *out)
{
    if (space == ASSAY_SPACE_DEFAULT)
        space = ASSAY_SPACE_LOG;
    for (size_t i = 0; i < m; i++)
        if (!(coverage[i] >= 0 && coverage[i] <= 1))
            return assay_fail(ASSAY_EINVAL,
                "fit_power_law: coverage must be in 0..1, got %g at number %zu", coverage[i],
                i + 1);
    int status =
        assay_fit_law(ASSAY_LAW_EXP_POWER, space, k, coverage, NULL, m, 0.95, NULL, &out->fit);
    if (status != ASSAY_OK)
        return assay_fail(status, "fit_power_law: %s", assay_errmsg());
    out->a = out->fit.value[0];
    out->b = out->fit.value[1];
    out->mean_abs_error = out->fit.mean_abs_error;
    out->sd_abs_error = out->fit.sd_abs_error;
    out->max_abs_error = out->fit.max_abs_error;
    out->dropped = out->fit.dropped;
    out->iterations = out->fit.iterations;
    return ASSAY_OK;
}

int assay_fit_log_linear(
    const double *k, const double *coverage, size_t m, double *intercept, double *slope, double *r2)
{
    assay_fit fit;
    int status = assay_fit_law(
        ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LINEAR, k, coverage, NULL, m, 0.95, NULL, &fit);
    if (status != ASSAY_OK)
        return assay_fail(status, "fit_log_linear: %s", assay_errmsg());
    *intercept = fit.value[0];
    *slope = fit.value[1];
    *r2 = fit.r2;
    return ASSAY_OK;
}
