/*
 * Rates of conditions: temperature, comparisons, homogeneity.
 *
 * Fisher's two-sided p adds the tables of the same margins that are no likelier than the one seen.
 * The hypergeometric probabilities fall on both sides of their mode, so those tables are two tails:
 * the one that begins at the table seen, and on the other side of the mode the one that begins
 * where bisection finds the first table no likelier. Each tail is summed by the ratio of neighbours
 * until its terms vanish, which takes some standard deviations of steps for counts of any size.
 */
#include "methods/inference/binary_bias.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "core/status.h"

/* ---- temperature ---- */

int assay_temperature_rate(double p, double temperature, double *rate)
{
    if (!(p >= 0 && p <= 1))
        return assay_fail(ASSAY_EINVAL, "temperature_rate: p must be in 0..1, got %g", p);
    if (!(temperature >= 0))
        return assay_fail(
            ASSAY_EINVAL, "temperature_rate: temperature must be at least 0, got %g", temperature);
    if (temperature == 0)
        *rate = p > 0.5 ? 1 : p < 0.5 ? 0 : 0.5;
    else if (isinf(temperature))
        *rate = 0.5;
    else
        *rate = 1 / (1 + exp((log1p(-p) - log(p)) / temperature));
    return ASSAY_OK;
}

static int check_temperature_fit(
    const double *temperature, const double *y, const double *n, size_t m)
{
    if (m == 0)
        return assay_fail(
            ASSAY_EINVAL, "fit_temperature: there must be at least 1 temperature, got none");
    for (size_t i = 0; i < m; i++) {
        if (!(temperature[i] > 0 && isfinite(temperature[i])))
            return assay_fail(ASSAY_EINVAL,
                "fit_temperature: temperature %zu must be greater than 0 and finite, got %g", i + 1,
                temperature[i]);
        if (!(n[i] >= 1 && isfinite(n[i])))
            return assay_fail(
                ASSAY_EINVAL, "fit_temperature: n %zu must be at least 1, got %g", i + 1, n[i]);
        if (!(y[i] >= 0 && y[i] <= n[i]))
            return assay_fail(ASSAY_EINVAL, "fit_temperature: yes %zu must be in 0..%g, got %g",
                i + 1, n[i], y[i]);
    }
    return ASSAY_OK;
}

static double observed_logit(double y, double n)
{
    return log((y + 0.5) / (n - y + 0.5));
}

static double logit_weight(double y, double n)
{
    const double p = (y + 0.5) / (n + 1);
    return n * p * (1 - p);
}

int assay_fit_temperature(const double *temperature, const double *y, const double *n, size_t m,
    assay_temperature_fit *out)
{
    const int status = check_temperature_fit(temperature, y, n, m);
    if (status)
        return status;
    double above = 0, below = 0;
    for (size_t i = 0; i < m; i++) {
        const double w = logit_weight(y[i], n[i]);
        above += w * observed_logit(y[i], n[i]) / temperature[i];
        below += w / (temperature[i] * temperature[i]);
    }
    *out = (assay_temperature_fit){.delta = above / below, .se = sqrt(1 / below), .dof = m - 1};
    for (size_t i = 0; i < m; i++) {
        const double off = observed_logit(y[i], n[i]) - out->delta / temperature[i];
        out->chi2 += logit_weight(y[i], n[i]) * off * off;
    }
    out->p = out->dof > 0 ? gsl_cdf_chisq_Q(out->chi2, (double)out->dof) : 1;
    return ASSAY_OK;
}

/* ---- two conditions ---- */

/* P(x) = C(a, x) C(b, d - x) / C(a + b, d) */
typedef struct hypergeometric {
    double a, b, d;
} hypergeometric;

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

static double log_probability(const hypergeometric *h, double x)
{
    return log_choose(h->a, x) + log_choose(h->b, h->d - x) - log_choose(h->a + h->b, h->d);
}

/* P(x + 1) / P(x) */
static double ratio(const hypergeometric *h, double x)
{
    return (h->a - x) * (h->d - x) / ((x + 1) * (h->b - h->d + x + 1));
}

/* Sum of P over x, x + step, .. in units of P(x), falling all the way. */
static double falling_tail(const hypergeometric *h, double x, double step)
{
    double term = 1, sum = 1;
    while (term > 1e-18 * sum) { /* at either end of the support the next term is 0 */
        term *= step > 0 ? ratio(h, x) : 1 / ratio(h, x - 1);
        sum += term;
        x += step;
    }
    return sum;
}

/* The x between the mode and `end` that is nearest to the mode and has log P <= limit; end + step
 * when there is none. */
static double first_unlikely(
    const hypergeometric *h, double mode, double end, double step, double limit)
{
    double likely = mode, unlikely = end + step;
    while (fabs(unlikely - likely) > 1) {
        const double middle = likely + step * floor(fabs(unlikely - likely) / 2);
        if (log_probability(h, middle) <= limit)
            unlikely = middle;
        else
            likely = middle;
    }
    return unlikely;
}

static double fisher_p(double y1, double n1, double y2, double n2)
{
    const hypergeometric h = {n1, n2, y1 + y2};
    const double low = fmax(0, h.d - h.b), high = fmin(h.a, h.d);
    const double mode = floor((h.d + 1) * (h.a + 1) / (h.a + h.b + 2));
    const double step = y1 >= mode ? 1 : -1, seen = log_probability(&h, y1);
    const double limit = seen + 1e-7; /* equal ones differ by rounding */
    if (limit >= log_probability(&h, fmin(fmax(mode, low), high)))
        return 1;
    const double far_end = step > 0 ? low : high;
    const double other = first_unlikely(&h, mode, far_end, -step, limit);
    double p = exp(seen) * falling_tail(&h, y1, step);
    if (other >= low && other <= high)
        p += exp(log_probability(&h, other)) * falling_tail(&h, other, -step);
    return fmin(1, p);
}

static int check_condition(const char *which, double y, double n)
{
    if (!(n >= 1 && n <= 1e9 && n == floor(n)))
        return assay_fail(ASSAY_EINVAL,
            "compare_rates: n of the %s condition must be a whole number in 1..10^9, got %g", which,
            n);
    if (!(y >= 0 && y <= n && y == floor(y)))
        return assay_fail(ASSAY_EINVAL,
            "compare_rates: yes of the %s condition must be a whole number in 0..%g, got %g", which,
            n, y);
    return ASSAY_OK;
}

int assay_compare_rates(double y1, double n1, double y2, double n2, assay_rate_test *out)
{
    int status = check_condition("first", y1, n1);
    if (!status)
        status = check_condition("second", y2, n2);
    if (status)
        return status;
    const double pooled = (y1 + y2) / (n1 + n2);
    const double se = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
    out->difference = y1 / n1 - y2 / n2;
    out->z = se > 0 ? out->difference / se : (double)NAN;
    out->p_z = se > 0 ? fmin(1, 2 * gsl_cdf_ugaussian_Q(fabs(out->z))) : 1;
    out->p_fisher = fisher_p(y1, n1, y2, n2);
    return ASSAY_OK;
}

/* ---- several conditions ---- */

static double row_sum(const assay_matrix *m, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < m->cols; j++)
        sum += *assay_matrix_at(m, i, j);
    return sum;
}

static double column_sum(const assay_matrix *m, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < m->rows; i++)
        sum += *assay_matrix_at(m, i, j);
    return sum;
}

static int check_table(const assay_matrix *m, double *total)
{
    *total = 0;
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++) {
            const double x = *assay_matrix_at(m, i, j);
            if (!(x >= 0 && isfinite(x)))
                return assay_fail(ASSAY_EINVAL,
                    "homogeneity: counts[%zu][%zu] must be at least 0 and finite, got %g", i + 1,
                    j + 1, x);
            *total += x;
        }
    return *total > 0 ? ASSAY_OK
                      : assay_fail(ASSAY_EINVAL, "homogeneity: counts must not all be 0");
}

int assay_homogeneity(const assay_matrix *counts, double *chi2, size_t *dof, double *p)
{
    double total, sum = 0;
    size_t rows = 0, columns = 0;
    const int status = check_table(counts, &total);
    if (status)
        return status;
    for (size_t j = 0; j < counts->cols; j++)
        columns += column_sum(counts, j) > 0;
    for (size_t i = 0; i < counts->rows; i++) {
        const double row = row_sum(counts, i);
        rows += row > 0;
        for (size_t j = 0; j < counts->cols; j++) {
            const double expected = row * column_sum(counts, j) / total;
            const double off = *assay_matrix_at(counts, i, j) - expected;
            sum += expected > 0 ? off * off / expected : 0;
        }
    }
    *dof = (rows - 1) * (columns - 1);
    *chi2 = *dof > 0 ? sum : 0;
    *p = *dof > 0 ? gsl_cdf_chisq_Q(sum, (double)*dof) : 1;
    return ASSAY_OK;
}
