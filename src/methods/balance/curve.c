/* Learning curves and their fits; see equitable.h. core/fit.h has power laws with an asymptote too,
 * but neither a limit on it nor a prior, without which curves of few noisy points promise the moon.
 */
#include "methods/balance/equitable.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"

enum { GRID = 200, REFINEMENTS = 80 };

static const double flattest = 1e-6; /* the b, or a, of data that do not grow */

double assay_balance_learning_curve(const assay_learning_curve *curve, double n)
{
    switch (curve->law) {
    case ASSAY_CURVE_SATURATING:
        return curve->a * n / (n + curve->s);
    case ASSAY_CURVE_LOG:
        return curve->b == 0 ? curve->a : curve->a + curve->b * log(n);
    default:
        return curve->b == 0 ? curve->a : curve->a - curve->b * pow(n, -curve->c);
    }
}

double assay_balance_learning_slope(const assay_learning_curve *curve, double n)
{
    switch (curve->law) {
    case ASSAY_CURVE_SATURATING:
        return curve->a * curve->s / ((n + curve->s) * (n + curve->s));
    case ASSAY_CURVE_LOG:
        return curve->b == 0 ? 0 : curve->b / n;
    default:
        return curve->b == 0 ? 0 : curve->b * curve->c * pow(n, -curve->c - 1);
    }
}

double assay_balance_learning_size(const assay_learning_curve *curve, double v)
{
    switch (curve->law) {
    case ASSAY_CURVE_SATURATING:
        return v <= 0 ? 0 : v < curve->a ? v * curve->s / (curve->a - v) : INFINITY;
    case ASSAY_CURVE_LOG:
        return curve->b == 0 ? (v <= curve->a ? 0 : INFINITY) : exp((v - curve->a) / curve->b);
    default:
        if (curve->b == 0)
            return v <= curve->a ? 0 : INFINITY;
        return v < curve->a ? pow(curve->b / (curve->a - v), 1 / curve->c) : INFINITY;
    }
}

/* ---- fits: v is linear in what law and shape make of n ---- */

struct points {
    const double *n, *v; /* weighted by n */
    size_t k;
    assay_curve_law law;
    double a_max;
    double penalty; /* of (log c - log 1/2)^2 */
    double *x;      /* scratch: the regressor of the shape at hand */
};

/* v = a + b' x with b' = -b of a power law */
static double regressor(assay_curve_law law, double shape, double n)
{
    return law == ASSAY_CURVE_POWER ? pow(n, -shape)
           : law == ASSAY_CURVE_LOG ? log(n)
                                    : n / (n + shape);
}

struct moments {
    double w, x, v, xx, xv; /* w: the sum of weights, x and v: means, the rest about them */
};

static struct moments moments_of(const struct points *p, double shape)
{
    struct moments m = {0};
    for (size_t i = 0; i < p->k; i++) {
        p->x[i] = regressor(p->law, shape, p->n[i]);
        m.w += p->n[i];
        m.x += p->n[i] * p->x[i];
        m.v += p->n[i] * p->v[i];
    }
    m.x /= m.w;
    m.v /= m.w;
    for (size_t i = 0; i < p->k; i++) {
        const double dx = p->x[i] - m.x;
        m.xx += p->n[i] * dx * dx;
        m.xv += p->n[i] * dx * (p->v[i] - m.v);
    }
    return m;
}

/* The line of least squares with an intercept, whose value at x = 0 is at most a_max. */
static void fit_line(const struct moments *m, double a_max, double *intercept, double *slope)
{
    *slope = m->xx > 0 ? m->xv / m->xx : 0;
    *intercept = m->v - *slope * m->x;
    if (*intercept > a_max) {
        *intercept = a_max;
        const double xx = m->xx + m->w * m->x * m->x, xv = m->xv + m->w * m->x * (m->v - a_max);
        *slope = xx > 0 ? xv / xx : 0;
    }
}

static assay_learning_curve curve_of_shape(const struct points *p, double shape)
{
    assay_learning_curve curve = {.law = p->law};
    const struct moments m = moments_of(p, shape);
    switch (p->law) {
    case ASSAY_CURVE_SATURATING:
        curve.s = shape;
        curve.a = fmin((m.xv + m.w * m.x * m.v) / (m.xx + m.w * m.x * m.x), p->a_max);
        break;
    case ASSAY_CURVE_LOG:
        fit_line(&m, INFINITY, &curve.a, &curve.b);
        break;
    default:
        curve.c = shape;
        fit_line(&m, p->a_max, &curve.a, &curve.b);
        curve.b = -curve.b;
    }
    return curve;
}

/* Of a curve of the shape that the regressor was made for. */
static double objective(const struct points *p, const assay_learning_curve *curve)
{
    const double intercept = p->law == ASSAY_CURVE_SATURATING ? 0 : curve->a;
    const double slope = p->law == ASSAY_CURVE_SATURATING ? curve->a
                         : p->law == ASSAY_CURVE_LOG      ? curve->b
                                                          : -curve->b;
    double sum = 0;
    for (size_t i = 0; i < p->k; i++) {
        const double r = p->v[i] - (intercept + slope * p->x[i]);
        sum += p->n[i] * r * r;
    }
    const double away = p->penalty > 0 ? log(curve->c / 0.5) : 0;
    return sum + p->penalty * away * away;
}

static double objective_at(const struct points *p, double log_shape)
{
    const assay_learning_curve curve = curve_of_shape(p, exp(log_shape));
    return objective(p, &curve);
}

/* Golden section between log shapes lo and hi. */
static double refine(const struct points *p, double lo, double hi)
{
    const double golden = (sqrt(5) - 1) / 2;
    double left = hi - golden * (hi - lo), right = lo + golden * (hi - lo);
    double at_left = objective_at(p, left), at_right = objective_at(p, right);
    for (int i = 0; i < REFINEMENTS && left < right; i++) {
        if (at_left <= at_right) {
            hi = right;
            right = left;
            at_right = at_left;
            left = hi - golden * (hi - lo);
            at_left = objective_at(p, left);
        } else {
            lo = left;
            left = right;
            at_left = at_right;
            right = lo + golden * (hi - lo);
            at_right = objective_at(p, right);
        }
    }
    return at_left <= at_right ? left : right;
}

/* The best curve with a shape between exp(lo) and exp(hi). */
static assay_learning_curve best_shape(const struct points *p, double lo, double hi)
{
    const double step = (hi - lo) / (GRID - 1);
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < GRID; i++) {
        const double at = objective_at(p, lo + (double)i * step);
        if (at < least) {
            least = at;
            best = i;
        }
    }
    const double middle = lo + (double)best * step;
    const double refined = refine(p, fmax(lo, middle - step), fmin(hi, middle + step));
    return curve_of_shape(p, exp(objective_at(p, refined) <= least ? refined : middle));
}

static size_t distinct_sizes(const struct points *p)
{
    size_t distinct = 0;
    for (size_t i = 0; i < p->k; i++) {
        size_t j = 0;
        while (j < i && p->n[j] != p->n[i])
            j++;
        distinct += j == i;
    }
    return distinct;
}

static assay_learning_curve fit_power(const struct points *p, double prior)
{
    const double lo = log(0.05), hi = log(2);
    const size_t distinct = distinct_sizes(p);
    assay_learning_curve curve = {.law = p->law};
    if (distinct >= 3) {
        curve = best_shape(p, lo, hi);
        if (prior > 0 && curve.b > 0 && p->k > 3) {
            struct points weighed = *p;
            weighed.penalty = objective(p, &curve) / (double)(p->k - 3) / (prior * prior);
            curve = best_shape(&weighed, lo, hi);
        }
        if (curve.b > 0)
            return curve;
    }
    curve = curve_of_shape(p, 0.5);
    curve.few = distinct < 3;
    curve.decreasing = distinct > 1 && curve.b <= 0;
    if (curve.b < flattest) {
        const struct moments m = moments_of(p, 0.5);
        curve.b = flattest;
        curve.a = fmin(m.v + curve.b * m.x, p->a_max);
    }
    return curve;
}

static assay_learning_curve fit_saturating(const struct points *p)
{
    double least = INFINITY, most = 0, mean = 0;
    for (size_t i = 0; i < p->k; i++) {
        least = fmin(least, p->n[i]);
        most = fmax(most, p->n[i]);
        mean += p->n[i] / (double)p->k;
    }
    struct points line = *p;
    line.law = ASSAY_CURVE_LOG;
    const struct moments m = moments_of(&line, 0);
    const bool few = least == most;
    assay_learning_curve curve =
        few ? curve_of_shape(p, mean) : best_shape(p, log(least / 100), log(most * 100));
    curve.few = few;
    curve.decreasing = (!few && m.xv <= 0) || curve.a <= 0;
    curve.a = fmax(curve.a, flattest);
    return curve;
}

static assay_learning_curve fit_log(const struct points *p)
{
    assay_learning_curve curve = curve_of_shape(p, 0);
    curve.few = distinct_sizes(p) < 2;
    curve.decreasing = !curve.few && curve.b <= 0;
    if (curve.b < flattest) {
        const struct moments m = moments_of(p, 0);
        curve.b = flattest;
        curve.a = m.v - curve.b * m.x;
    }
    return curve;
}

static int check_points(const double *n, const double *v, size_t k)
{
    if (k == 0)
        return assay_fail(ASSAY_EINVAL, "learning_curve_fit: n must have at least 1 size");
    for (size_t i = 0; i < k; i++) {
        if (!(n[i] > 0 && isfinite(n[i])))
            return assay_fail(ASSAY_EINVAL,
                "learning_curve_fit: n[%zu] must be greater than 0, got %g", i + 1, n[i]);
        if (!isfinite(v[i]))
            return assay_fail(
                ASSAY_EINVAL, "learning_curve_fit: v[%zu] must be finite, got %g", i + 1, v[i]);
    }
    return ASSAY_OK;
}

int assay_balance_learning_curve_fit(const double *n, const double *v, size_t k,
    const struct assay_curve_options *options, assay_learning_curve *out)
{
    static const struct assay_curve_options defaults = {0};
    const struct assay_curve_options *o = options ? options : &defaults;
    const int status = check_points(n, v, k);
    double *x = status ? NULL : malloc(k * sizeof *x);
    if (status)
        return status;
    if (!x)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu points", k);
    const struct points p = {n, v, k, o->law, o->a_max > 0 ? o->a_max : 1, 0, x};
    assay_learning_curve curve = o->law == ASSAY_CURVE_SATURATING ? fit_saturating(&p)
                                 : o->law == ASSAY_CURVE_LOG      ? fit_log(&p)
                                                                  : fit_power(&p, o->prior);
    for (size_t i = 0; i < k; i++) {
        const double r = v[i] - assay_balance_learning_curve(&curve, n[i]);
        curve.mse += r * r / (double)k;
    }
    free(x);
    *out = curve;
    return ASSAY_OK;
}
