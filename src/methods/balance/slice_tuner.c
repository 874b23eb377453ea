/*
 * Slice Tuner (Tae, Whang 2021; github systemT2021/SliceTuner, AdultCensus/system_t.py): a convex
 * problem that is separable but for its budget. With a multiplier mu on money group g stops where
 *
 *   -l'(n) (1 + lambda / avg [l(n) > avg]) = mu c,   l(n) = b n^(-a),  -l'(n) = a b n^(-a-1)
 *
 * whose left side falls with n and drops at l = avg: the size lies before the drop, at it, or
 * behind, and the bisection on mu is exact where a general solver is not.
 */
#include "methods/balance/equitable.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/balance/equitable_checks.h"

enum { BISECTIONS = 200 };

struct slices {
    const assay_loss_curve *curves;
    size_t k;
    const struct assay_slice_options *o;
    double average;
};

static double loss(const assay_loss_curve *curve, double n)
{
    return curve->b * pow(n, -curve->a);
}

static double cost_of(const struct slices *p, size_t g)
{
    return p->o->cost ? p->o->cost[g] : 1;
}

static double size_at(const struct slices *p, size_t g, double mu)
{
    const assay_loss_curve *curve = &p->curves[g];
    const double start = p->o->start[g], price = mu * cost_of(p, g);
    const double kink = pow(curve->b / p->average, 1 / curve->a); /* l = avg */
    const double steep = 1 + p->o->lambda / p->average;
    const double before = pow(curve->a * curve->b * steep / price, 1 / (curve->a + 1));
    const double behind = pow(curve->a * curve->b / price, 1 / (curve->a + 1));
    return fmax(start, before < kink ? before : fmax(behind, kink));
}

static double spend_at(const struct slices *p, double mu)
{
    double spent = 0;
    for (size_t g = 0; g < p->k; g++)
        spent += cost_of(p, g) * (size_at(p, g, mu) - p->o->start[g]);
    return spent;
}

static void solve(const struct slices *p, double *n)
{
    double lo = -690, hi = 690;
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = lo + (hi - lo) / 2;
        if (middle <= lo || middle >= hi)
            break;
        *(spend_at(p, exp(middle)) > p->o->budget ? &lo : &hi) = middle;
    }
    for (size_t g = 0; g < p->k; g++)
        n[g] = size_at(p, g, exp(hi));
}

static double objective_of(const struct slices *p, const double *n)
{
    double sum = 0;
    for (size_t g = 0; g < p->k; g++) {
        const double l = loss(&p->curves[g], n[g]);
        sum += l + p->o->lambda * fmax(0, l / p->average - 1);
    }
    return sum;
}

/* max n / min n with a share of the increments */
static double ratio_at(const struct slices *p, const double *n, double share)
{
    double least = INFINITY, most = 0;
    for (size_t g = 0; g < p->k; g++) {
        const double size = p->o->start[g] + share * (n[g] - p->o->start[g]);
        least = fmin(least, size);
        most = fmax(most, size);
    }
    return most / least;
}

/* The largest share of the increments up to which the ratio has not moved farther than allowed. */
static double allowed_share(const struct slices *p, const double *n)
{
    const double limit = p->o->ratio_change, now = ratio_at(p, n, 0);
    double lo = 0, hi = 1;
    if (limit <= 0 || fabs(ratio_at(p, n, 1) - now) <= limit)
        return 1;
    for (int i = 0; i < BISECTIONS && hi - lo > 1e-15; i++) {
        const double middle = (lo + hi) / 2;
        *(fabs(ratio_at(p, n, middle) - now) <= limit ? &lo : &hi) = middle;
    }
    return lo;
}

static int check_slices(
    const assay_loss_curve *curves, size_t k, const struct assay_slice_options *o)
{
    const int status = assay_check_budget("slice_tuner", k, o->budget, o->cost);
    if (status)
        return status;
    for (size_t g = 0; g < k; g++) {
        if (!(curves[g].a > 0 && isfinite(curves[g].a) && curves[g].b > 0 && isfinite(curves[g].b)))
            return assay_fail(ASSAY_EINVAL,
                "slice_tuner: a and b of group %zu must be greater than 0, got %g and %g", g + 1,
                curves[g].a, curves[g].b);
        if (!(o->start[g] > 0 && isfinite(o->start[g])))
            return assay_fail(ASSAY_EINVAL,
                "slice_tuner: start of group %zu must be greater than 0, got %g", g + 1,
                o->start[g]);
    }
    if (!(o->lambda >= 0 && isfinite(o->lambda)))
        return assay_fail(
            ASSAY_EINVAL, "slice_tuner: lambda must be at least 0, got %g", o->lambda);
    if (!(o->ratio_change >= 0))
        return assay_fail(
            ASSAY_EINVAL, "slice_tuner: ratio_change must be at least 0, got %g", o->ratio_change);
    return ASSAY_OK;
}

int assay_balance_slice_tuner(const assay_loss_curve *curves, size_t k,
    const struct assay_slice_options *options, double *n, double *real, double *objective)
{
    struct slices p = {curves, k, options, 0};
    const int status = check_slices(curves, k, options);
    if (status)
        return status;
    for (size_t g = 0; g < k; g++)
        p.average += loss(&curves[g], options->start[g]) / (double)k;
    solve(&p, n);
    *objective = objective_of(&p, n);
    for (size_t g = 0; g < k && real; g++)
        real[g] = n[g];
    const double share = allowed_share(&p, n);
    for (size_t g = 0; g < k; g++) {
        const double start = options->start[g];
        n[g] = start + floor(share * (n[g] - start) + 0.5);
    }
    return ASSAY_OK;
}
