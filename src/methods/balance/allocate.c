/* Allocation along known learning curves; see equitable.h. */
#include "methods/balance/equitable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/balance/equitable_checks.h"

enum { BISECTIONS = 200, STEPS_A_REPORT = 1 << 16 };

static const double least_performance = 1e-9;

/* ---- utility ---- */

static double utility(double v, double risk)
{
    if (risk == 0)
        return v;
    v = fmax(v, least_performance);
    return risk == 1 ? log(v) : pow(v, 1 - risk) / (1 - risk);
}

/* V, and below the least performance its tangent there. */
static double extended(double v, double risk)
{
    if (risk == 0 || v >= least_performance)
        return utility(v, risk);
    return utility(least_performance, risk) +
           pow(least_performance, -risk) * (v - least_performance);
}

static double extended_slope(double v, double risk)
{
    return risk == 0 ? 1 : pow(fmax(v, least_performance), -risk);
}

double assay_balance_effective_size(size_t k, const double *n, const double *transfer, size_t g)
{
    double size = n[g];
    for (size_t h = 0; transfer && h < k; h++)
        size += transfer[g * k + h] * n[h];
    return size;
}

/* ---- the problem ---- */

struct problem {
    const assay_learning_curve *curves;
    size_t k;
    const struct assay_allocate_options *o;
};

static double cost_of(const struct problem *p, size_t g)
{
    return p->o->cost ? p->o->cost[g] : 1;
}

static double weight_of(const struct problem *p, size_t g)
{
    return p->o->weight ? p->o->weight[g] : 1 / (double)p->k;
}

static double start_of(const struct problem *p, size_t g)
{
    return p->o->start ? p->o->start[g] : 0;
}

static bool is_flat(const assay_learning_curve *curve)
{
    return curve->decreasing ||
           (curve->law == ASSAY_CURVE_SATURATING ? curve->a <= 0 : curve->b <= 0);
}

static int check_curve(const assay_learning_curve *curve, size_t g)
{
    const bool finite =
        isfinite(curve->a) && isfinite(curve->b) && isfinite(curve->c) && isfinite(curve->s);
    if (!finite)
        return assay_fail(
            ASSAY_EINVAL, "allocate: the curve of group %zu must be of finite numbers", g + 1);
    if (curve->law == ASSAY_CURVE_POWER && curve->b != 0 && !(curve->c > 0))
        return assay_fail(ASSAY_EINVAL, "allocate: c of group %zu must be greater than 0, got %g",
            g + 1, curve->c);
    if (curve->law == ASSAY_CURVE_SATURATING && !(curve->s > 0))
        return assay_fail(ASSAY_EINVAL, "allocate: s of group %zu must be greater than 0, got %g",
            g + 1, curve->s);
    return ASSAY_OK;
}

static int check_problem(const struct problem *p)
{
    const struct assay_allocate_options *o = p->o;
    int status = assay_check_budget("allocate", p->k, o->budget, o->cost);
    if (!status)
        status = assay_check_not_negative("allocate", "start", o->start, p->k, false);
    if (!status)
        status = assay_check_not_negative("allocate", "weight", o->weight, p->k, true);
    for (size_t g = 0; g < p->k && !status; g++)
        status = check_curve(&p->curves[g], g);
    if (status)
        return status;
    if (!(o->risk >= 0 && isfinite(o->risk)))
        return assay_fail(ASSAY_EINVAL, "allocate: risk must be at least 0, got %g", o->risk);
    if (!(o->step >= 0 && isfinite(o->step)))
        return assay_fail(ASSAY_EINVAL, "allocate: step must be greater than 0, got %g", o->step);
    if (o->transfer && o->method != ASSAY_ALLOCATE_GREEDY)
        return assay_fail(ASSAY_EINVAL, "allocate: transfer is of the method greedy alone");
    return assay_check_not_negative(
        "allocate", "transfer", o->transfer, o->transfer ? p->k * p->k : 0, false);
}

/* ---- greedy ---- */

/* What group g, at effective size n, gains of `more`. */
static double gain_of(const struct problem *p, size_t g, double n, double more)
{
    const double w = weight_of(p, g);
    if (w == 0 || more == 0 || is_flat(&p->curves[g]))
        return 0;
    const double before = assay_balance_learning_curve(&p->curves[g], n),
                 after = assay_balance_learning_curve(&p->curves[g], n + more);
    return w * (extended(after, p->o->risk) - extended(before, p->o->risk));
}

/* Gain per cost of a step for group h. */
static double ratio_of(const struct problem *p, const double *n, size_t h, double step)
{
    const double *t = p->o->transfer;
    double gain = 0;
    for (size_t g = t ? 0 : h; g < (t ? p->k : h + 1); g++) {
        const double share = (g == h ? 1 : 0) + (t ? t[g * p->k + h] : 0);
        gain += gain_of(p, g, assay_balance_effective_size(p->k, n, t, g), share * step);
    }
    return gain / (step * cost_of(p, h));
}

/* Steps until none that gains fits into *left. ratio[k] is scratch. */
static int greedy(const struct problem *p, double step, double *n, double *left, double *ratio)
{
    const double slack = 1e-9 * (1 + *left);
    for (size_t g = 0; g < p->k; g++)
        ratio[g] = ratio_of(p, n, g, step);
    for (size_t taken = 0;; taken++) {
        size_t best = p->k;
        for (size_t g = 0; g < p->k; g++)
            if (ratio[g] > 0 && step * cost_of(p, g) <= *left + slack &&
                (best == p->k || ratio[g] > ratio[best]))
                best = g;
        if (best == p->k)
            return ASSAY_OK;
        n[best] += step;
        *left -= step * cost_of(p, best);
        for (size_t g = p->o->transfer ? 0 : best; g < (p->o->transfer ? p->k : best + 1); g++)
            ratio[g] = ratio_of(p, n, g, step);
        if (taken % STEPS_A_REPORT == STEPS_A_REPORT - 1) {
            const int status =
                assay_progress_report(p->o->progress, p->o->budget - *left, p->o->budget);
            if (status)
                return status;
        }
    }
}

/* ---- water: w V'(A(n)) A'(n) = mu c ---- */

static double marginal(const struct problem *p, size_t g, double n)
{
    const assay_learning_curve *curve = &p->curves[g];
    return weight_of(p, g) * extended_slope(assay_balance_learning_curve(curve, n), p->o->risk) *
           assay_balance_learning_slope(curve, n);
}

/* The size at which A'(n) = slope. */
static double size_of_slope(const assay_learning_curve *curve, double slope)
{
    switch (curve->law) {
    case ASSAY_CURVE_SATURATING:
        return sqrt(curve->a * curve->s / slope) - curve->s;
    case ASSAY_CURVE_LOG:
        return curve->b / slope;
    default:
        return pow(curve->b * curve->c / slope, 1 / (curve->c + 1));
    }
}

/* The size at which the marginal gain per cost is mu, not less than the start. */
static double size_of_multiplier(const struct problem *p, size_t g, double mu)
{
    const double start = start_of(p, g), price = mu * cost_of(p, g), w = weight_of(p, g);
    if (w == 0 || is_flat(&p->curves[g]))
        return start;
    if (p->o->risk == 0)
        return fmax(start, size_of_slope(&p->curves[g], price / w));
    double lo = fmax(start, 1e-9), hi = 2 * lo;
    if (marginal(p, g, lo) <= price)
        return start;
    for (; marginal(p, g, hi) > price && hi < 1e300; hi *= 2)
        lo = hi;
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = lo + (hi - lo) / 2;
        if (middle <= lo || middle >= hi)
            break;
        *(marginal(p, g, middle) > price ? &lo : &hi) = middle;
    }
    return lo;
}

static double spend_at(const struct problem *p, double mu)
{
    double spent = 0;
    for (size_t g = 0; g < p->k; g++)
        spent += cost_of(p, g) * (size_of_multiplier(p, g, mu) - start_of(p, g));
    return spent;
}

static void water(const struct problem *p, double *n, double *multiplier)
{
    double lo = -690, hi = 690; /* of log mu */
    *multiplier = 0;
    for (size_t g = 0; g < p->k; g++)
        n[g] = start_of(p, g);
    if (p->o->budget == 0 || spend_at(p, exp(lo)) <= 0)
        return;
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = lo + (hi - lo) / 2;
        if (middle <= lo || middle >= hi)
            break;
        *(spend_at(p, exp(middle)) > p->o->budget ? &lo : &hi) = middle;
    }
    *multiplier = exp(hi);
    for (size_t g = 0; g < p->k; g++)
        n[g] = size_of_multiplier(p, g, *multiplier);
}

/* ---- maxmin ---- */

/* The most that group g can come near to. */
static double ceiling_of(const struct problem *p, size_t g)
{
    const assay_learning_curve *curve = &p->curves[g];
    if (is_flat(curve))
        return assay_balance_learning_curve(curve, fmax(start_of(p, g), 1));
    return curve->law == ASSAY_CURVE_LOG ? INFINITY : curve->a;
}

static double size_of_level(const struct problem *p, size_t g, double level)
{
    const double start = start_of(p, g);
    if (is_flat(&p->curves[g]))
        return level <= ceiling_of(p, g) ? start : INFINITY;
    return fmax(start, assay_balance_learning_size(&p->curves[g], level));
}

static double spend_at_level(const struct problem *p, double level)
{
    double spent = 0;
    for (size_t g = 0; g < p->k; g++)
        spent += cost_of(p, g) * (size_of_level(p, g, level) - start_of(p, g));
    return spent;
}

static double highest_level(const struct problem *p)
{
    double lo = INFINITY, hi = INFINITY, stride = 1;
    for (size_t g = 0; g < p->k; g++) {
        hi = fmin(hi, ceiling_of(p, g));
        lo = fmin(lo,
            fmin(ceiling_of(p, g), assay_balance_learning_curve(&p->curves[g], start_of(p, g))));
    }
    if (spend_at_level(p, hi) <= p->o->budget)
        return hi;
    for (; !isfinite(lo) || spend_at_level(p, lo) > p->o->budget; stride *= 2)
        lo = (isfinite(hi) ? hi : 0) - stride;
    for (stride = 1; !isfinite(hi); stride *= 2)
        hi = spend_at_level(p, lo + stride) > p->o->budget ? lo + stride : INFINITY;
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = lo + (hi - lo) / 2;
        if (middle <= lo || middle >= hi)
            break;
        *(spend_at_level(p, middle) <= p->o->budget ? &lo : &hi) = middle;
    }
    return lo;
}

/* One by one to the lowest group whose next example fits and that it helps. */
static void lift_lowest(const struct problem *p, double *n, double *left)
{
    for (;;) {
        size_t lowest = p->k;
        double least = INFINITY;
        for (size_t g = 0; g < p->k; g++) {
            const double v = assay_balance_learning_curve(&p->curves[g], n[g]);
            if (v < least && !is_flat(&p->curves[g]) && cost_of(p, g) <= *left) {
                least = v;
                lowest = g;
            }
        }
        if (lowest == p->k)
            return;
        n[lowest] += 1;
        *left -= cost_of(p, lowest);
    }
}

/* ---- whole ---- */

static double left_of(const struct problem *p, const double *n)
{
    double spent = 0;
    for (size_t g = 0; g < p->k; g++)
        spent += cost_of(p, g) * (n[g] - start_of(p, g));
    return p->o->budget - spent;
}

static int round_down(const struct problem *p, double *n, double *scratch)
{
    for (size_t g = 0; g < p->k; g++) {
        const double start = start_of(p, g);
        n[g] = start + floor(n[g] - start + 1e-9);
    }
    double left = fmax(0, left_of(p, n));
    if (p->o->method == ASSAY_ALLOCATE_WATER)
        return greedy(p, 1, n, &left, scratch);
    lift_lowest(p, n, &left);
    return ASSAY_OK;
}

static int solve(const struct problem *p, double *n, double *scratch, assay_allocation *out)
{
    const struct assay_allocate_options *o = p->o;
    double left = o->budget;
    for (size_t g = 0; g < p->k; g++)
        n[g] = start_of(p, g);
    if (o->method == ASSAY_ALLOCATE_GREEDY)
        return greedy(p, o->step > 0 ? o->step : 1, n, &left, scratch);
    if (o->method == ASSAY_ALLOCATE_WATER) {
        water(p, n, &out->multiplier);
    } else {
        out->level = highest_level(p);
        for (size_t g = 0; g < p->k; g++)
            n[g] = size_of_level(p, g, out->level);
    }
    return o->whole ? round_down(p, n, scratch) : ASSAY_OK;
}

int assay_balance_allocate(const assay_learning_curve *curves, size_t k,
    const struct assay_allocate_options *options, double *n, assay_allocation *out)
{
    const struct problem p = {curves, k, options};
    int status = check_problem(&p);
    if (status)
        return status;
    double *scratch = malloc(k * sizeof *scratch);
    if (!scratch)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu groups", k);
    *out = (assay_allocation){0};
    status = solve(&p, n, scratch, out);
    free(scratch);
    out->spent = options->budget - left_of(&p, n);
    for (size_t g = 0; g < k; g++) {
        const double size = assay_balance_effective_size(k, n, options->transfer, g);
        const double w = weight_of(&p, g);
        if (w > 0)
            out->utility +=
                w * utility(assay_balance_learning_curve(&curves[g], size), options->risk);
    }
    return status;
}

/* ---- without curves ---- */

int assay_balance_allocate_equal(size_t k, double budget, const double *cost, double *n)
{
    double price = 0;
    const int status = assay_check_budget("allocate_equal", k, budget, cost);
    if (status)
        return status;
    for (size_t g = 0; g < k; g++)
        price += cost ? cost[g] : 1;
    for (size_t g = 0; g < k; g++)
        n[g] = budget / price;
    return ASSAY_OK;
}

int assay_balance_allocate_proportional(
    const double *share, size_t k, double budget, const double *cost, double *n)
{
    double price = 0;
    int status = assay_check_budget("allocate_proportional", k, budget, cost);
    if (!status)
        status = assay_check_not_negative("allocate_proportional", "share", share, k, true);
    if (status)
        return status;
    for (size_t g = 0; g < k; g++)
        price += share[g] * (cost ? cost[g] : 1);
    for (size_t g = 0; g < k; g++)
        n[g] = budget * share[g] / price;
    return ASSAY_OK;
}

/* All of the smallest groups at once, as far as the next level or the money goes; then one. */
int assay_balance_allocate_waterfill(
    const double *start, size_t k, double budget, const double *cost, double *n)
{
    int status = assay_check_budget("allocate_waterfill", k, budget, cost);
    if (!status)
        status = assay_check_not_negative("allocate_waterfill", "start", start, k, false);
    if (status)
        return status;
    memcpy(n, start, k * sizeof *n);
    for (;;) {
        size_t lowest = 0;
        double price = 0, next = INFINITY;
        for (size_t g = 1; g < k; g++)
            lowest = n[g] < n[lowest] ? g : lowest;
        for (size_t g = 0; g < k; g++) {
            if (n[g] == n[lowest])
                price += cost ? cost[g] : 1;
            else
                next = fmin(next, n[g]);
        }
        const double level = n[lowest], more = fmin(ceil(next - level), floor(budget / price));
        for (size_t g = 0; g < k && more >= 1; g++)
            if (n[g] == level) {
                n[g] += more;
                budget -= more * (cost ? cost[g] : 1);
            }
        if (more >= 1)
            continue;
        const double one = cost ? cost[lowest] : 1;
        if (one > budget)
            return ASSAY_OK;
        n[lowest] += 1;
        budget -= one;
    }
}
