/* Adaptive allocation while curves are unknown, and the strategies it is compared with; see
 * equitable.h. */
#include "methods/balance/equitable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fit.h"
#include "core/status.h"
#include "methods/balance/equitable_checks.h"

static const double parts[] = {0.4, 0.6, 0.8};
enum { PARTS = sizeof parts / sizeof *parts };

struct assay_equitable_options assay_equitable_defaults(void)
{
    return (struct assay_equitable_options){.start = 60,
        .rounds = 8,
        .repeats = 3,
        .floor = 0.1,
        .lookahead = true,
        .curve = {.prior = 1},
        .prior_rounds = 3,
        .lambda = 1,
        .change = ASSAY_CHANGE_MODERATE};
}

void assay_equitable_trace_free(assay_equitable_trace *trace)
{
    free(trace->n);
    free(trace->curves);
    free(trace->value);
    *trace = (assay_equitable_trace){0};
}

/* A run under way. */
struct run {
    const struct assay_collect *world;
    const struct assay_equitable_options *o;
    assay_equitable_trace *trace;
    size_t k, round; /* from 0 */
    size_t *n;       /* at hand, a row of the trace */
    size_t *sizes;
    double left; /* money */
    assay_rng rng;
    uint64_t calls;
    double *at, *v; /* points of a curve */
    double *start, *target, *more, *transfer;
    assay_learning_curve *curves; /* of this round, a row of the trace */
    double *value;
    assay_loss_curve *losses;
};

static double cost_of(const struct run *r, size_t g)
{
    return r->o->cost ? r->o->cost[g] : 1;
}

/* ---- points and curves ---- */

static int measure(struct run *r, size_t g, double *v)
{
    assay_rng rng = assay_rng_split(&r->rng, r->calls++);
    int status = assay_progress_report(r->o->progress, (double)r->round, (double)r->o->rounds);
    if (!status)
        status = r->world->performance(r->world->context, g, r->sizes, &rng, v);
    if (!status && !isfinite(*v))
        status = assay_fail(ASSAY_EINVAL,
            "equitable: the performance of group %zu must be finite, got %g", g + 1, *v);
    return status;
}

static void all_data(struct run *r)
{
    memcpy(r->sizes, r->n, r->k * sizeof *r->sizes);
}

/* Points of g's curve: parts of its data, then all, which is its value now. */
static int take_points(struct run *r, size_t g, size_t *points)
{
    int status = ASSAY_OK;
    *points = 0;
    all_data(r);
    for (size_t i = 0; i < PARTS * r->o->repeats && !status; i++) {
        r->sizes[g] = (size_t)fmax(1, floor(parts[i / r->o->repeats] * (double)r->n[g] + 0.5));
        r->at[*points] = (double)r->sizes[g];
        status = measure(r, g, &r->v[(*points)++]);
    }
    r->sizes[g] = r->n[g];
    r->at[*points] = (double)r->n[g];
    if (!status)
        status = measure(r, g, &r->v[*points]);
    r->value[g] = r->v[(*points)++];
    return status;
}

static int fit_curve(struct run *r, size_t g, size_t points)
{
    struct assay_curve_options o = r->o->curve;
    if (r->round >= r->o->prior_rounds)
        o.prior = 0;
    return assay_balance_learning_curve_fit(r->at, r->v, points, &o, &r->curves[g]);
}

/* What examples of the others are worth to g, in its own: those that g could lose before it were as
 * bad as without half of theirs. Its curve is then of the sum. */
static int estimate_transfer(struct run *r, size_t g, size_t points)
{
    double *rho = r->transfer + g * r->k, others = 0;
    int status = fit_curve(r, g, points);
    for (size_t h = 0; h < r->k && !status; h++) {
        double v = 0;
        rho[h] = 0;
        if (h == g || r->n[h] < 2)
            continue;
        all_data(r);
        r->sizes[h] = r->n[h] / 2;
        status = measure(r, g, &v);
        const double as = fmin(assay_balance_learning_size(&r->curves[g], v), (double)r->n[g]);
        rho[h] = fmin(1, ((double)r->n[g] - as) / (double)(r->n[h] - r->n[h] / 2));
        others += rho[h] * (double)r->n[h];
    }
    for (size_t i = 0; i < points; i++)
        r->at[i] += others;
    return status ? status : fit_curve(r, g, points);
}

static int estimate(struct run *r)
{
    int status = ASSAY_OK;
    for (size_t g = 0; g < r->k && !status; g++) {
        size_t points = 0;
        status = take_points(r, g, &points);
        if (!status)
            status = r->o->transfer ? estimate_transfer(r, g, points) : fit_curve(r, g, points);
    }
    return status;
}

/* ---- what to collect ---- */

static int allocate(struct run *r, const assay_learning_curve *curves, double budget, bool whole)
{
    const struct assay_equitable_options *o = r->o;
    const bool coupled = o->transfer && o->strategy == ASSAY_STRATEGY_ADAPTIVE && !o->maxmin;
    double price = 0;
    for (size_t g = 0; g < r->k; g++) {
        r->start[g] = (double)r->n[g];
        price += cost_of(r, g);
    }
    const struct assay_allocate_options a = {.method = o->maxmin ? ASSAY_ALLOCATE_MAXMIN
                                                       : coupled ? ASSAY_ALLOCATE_GREEDY
                                                                 : ASSAY_ALLOCATE_WATER,
        .start = r->start,
        .cost = o->cost,
        .weight = o->weight,
        .budget = budget,
        .step = whole ? 1 : fmax(1, floor(budget / price / 100)),
        .risk = o->risk,
        .whole = whole,
        .transfer = coupled ? r->transfer : NULL,
        .progress = o->progress};
    assay_allocation allocation;
    return assay_balance_allocate(curves, r->k, &a, r->target, &allocation);
}

/* Whole examples, none beyond the money. */
static int collect(struct run *r)
{
    for (size_t g = 0; g < r->k; g++) {
        const double most = floor(r->left / cost_of(r, g) + 1e-9);
        const size_t more = (size_t)fmax(0, fmin(most, floor(r->more[g] + 1e-9)));
        if (more == 0)
            continue;
        const int status = r->world->collect(r->world->context, g, more);
        if (status)
            return status;
        r->n[g] += more;
        r->left = fmax(0, r->left - (double)more * cost_of(r, g));
        r->trace->spent += (double)more * cost_of(r, g);
    }
    return ASSAY_OK;
}

static void increments(struct run *r, double share)
{
    for (size_t g = 0; g < r->k; g++)
        r->more[g] = share * (r->target[g] - (double)r->n[g]);
}

static int adaptive_round(struct run *r)
{
    const double rounds_left = (double)(r->o->rounds - r->round);
    const double batch = r->left / rounds_left, share = r->o->floor;
    double price = 0;
    int status = estimate(r);
    if (!status)
        status = allocate(r, r->curves, r->o->lookahead ? r->left : batch, false);
    if (status)
        return status;
    increments(r, r->o->lookahead ? 1 / rounds_left : 1);
    for (size_t g = 0; g < r->k; g++)
        price += cost_of(r, g);
    for (size_t g = 0; g < r->k; g++)
        r->more[g] = (1 - share) * r->more[g] + share * batch / price;
    status = collect(r);
    if (status || rounds_left > 1)
        return status;
    status = allocate(r, r->curves, r->left, true);
    increments(r, 1);
    return status ? status : collect(r);
}

static int fit_loss(struct run *r, size_t g)
{
    size_t points = 0;
    assay_fit fit;
    int status = take_points(r, g, &points);
    if (status)
        return status;
    for (size_t i = 0; i < points; i++)
        r->v[i] = fmax(1e-6, 1 - r->v[i]);
    status = assay_fit_law(
        ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, r->at, r->v, r->at, points, 0.95, NULL, &fit);
    const bool falls = !status && fit.value[0] > 0 && fit.value[1] < 0;
    r->losses[g].a = falls ? -fit.value[1] : 1e-6; /* losses that don't fall are flat */
    r->losses[g].b = falls ? fit.value[0] : r->v[points - 1];
    return ASSAY_OK;
}

static int slice_round(struct run *r)
{
    const double limits[] = {[ASSAY_CHANGE_ANY] = 0,
        [ASSAY_CHANGE_CONSERVATIVE] = 1,
        [ASSAY_CHANGE_MODERATE] = (double)r->round + 1,
        [ASSAY_CHANGE_AGGRESSIVE] = ldexp(1, (int)r->round)};
    const bool last = r->round + 1 == r->o->rounds;
    double objective = 0;
    int status = ASSAY_OK;
    for (size_t g = 0; g < r->k && !status; g++) {
        r->start[g] = (double)r->n[g];
        status = fit_loss(r, g);
    }
    const struct assay_slice_options o = {.start = r->start,
        .cost = r->o->cost,
        .budget = r->left,
        .lambda = r->o->lambda,
        .ratio_change = last ? 0 : limits[r->o->change]};
    if (!status)
        status = assay_balance_slice_tuner(r->losses, r->k, &o, r->target, NULL, &objective);
    increments(r, 1);
    return status ? status : collect(r);
}

/* The batch to one group. */
static int single_round(struct run *r, size_t g)
{
    memset(r->more, 0, r->k * sizeof *r->more);
    r->more[g] = r->left / (double)(r->o->rounds - r->round) / cost_of(r, g);
    return collect(r);
}

static int worst_round(struct run *r)
{
    size_t worst = 0;
    int status = ASSAY_OK;
    all_data(r);
    for (size_t g = 0; g < r->k && !status; g++) {
        status = measure(r, g, &r->value[g]);
        worst = r->value[g] < r->value[worst] ? g : worst;
    }
    return status ? status : single_round(r, worst);
}

/* All at once, without a look at performance. */
static int fixed_round(struct run *r)
{
    int status = ASSAY_OK;
    for (size_t g = 0; g < r->k; g++)
        r->start[g] = (double)r->n[g];
    switch (r->o->strategy) {
    case ASSAY_STRATEGY_EQUAL:
        status = assay_balance_allocate_equal(r->k, r->left, r->o->cost, r->target);
        break;
    case ASSAY_STRATEGY_PROPORTIONAL:
        status = r->o->share ? assay_balance_allocate_proportional(
                                   r->o->share, r->k, r->left, r->o->cost, r->target)
                             : assay_balance_allocate_equal(r->k, r->left, r->o->cost, r->target);
        break;
    case ASSAY_STRATEGY_WATERFILL:
        status = assay_balance_allocate_waterfill(r->start, r->k, r->left, r->o->cost, r->target);
        break;
    default:
        status = allocate(r, r->o->curves, r->left, true);
    }
    increments(r, 1);
    return status ? status : collect(r);
}

static int one_round(struct run *r)
{
    switch (r->o->strategy) {
    case ASSAY_STRATEGY_ADAPTIVE:
        return adaptive_round(r);
    case ASSAY_STRATEGY_SLICE_TUNER:
        return slice_round(r);
    case ASSAY_STRATEGY_WORST:
        return worst_round(r);
    case ASSAY_STRATEGY_RANDOM:
        return single_round(r, (size_t)assay_rng_below(&r->rng, r->k));
    default:
        return fixed_round(r);
    }
}

/* ---- the whole ---- */

static bool is_fixed(assay_strategy strategy)
{
    return strategy == ASSAY_STRATEGY_EQUAL || strategy == ASSAY_STRATEGY_PROPORTIONAL ||
           strategy == ASSAY_STRATEGY_WATERFILL || strategy == ASSAY_STRATEGY_ORACLE;
}

static int check_run(const struct assay_collect *world, const struct assay_equitable_options *o)
{
    const size_t k = world->groups;
    double start = 0;
    int status = assay_check_budget("equitable", k, o->budget, o->cost);
    if (!status)
        status = assay_check_not_negative("equitable", "weight", o->weight, k, true);
    if (!status)
        status = assay_check_not_negative("equitable", "share", o->share, k, true);
    if (status)
        return status;
    if (o->rounds == 0 || o->repeats == 0)
        return assay_fail(ASSAY_EINVAL, "equitable: rounds and repeats must be at least 1");
    if (!(o->floor >= 0 && o->floor <= 1))
        return assay_fail(ASSAY_EINVAL, "equitable: floor must be in 0..1, got %g", o->floor);
    if (o->strategy == ASSAY_STRATEGY_ORACLE && !o->curves)
        return assay_fail(ASSAY_EINVAL, "equitable: curves must be given for the strategy oracle");
    if (o->strategy == ASSAY_STRATEGY_EQUAL || o->strategy == ASSAY_STRATEGY_PROPORTIONAL)
        return ASSAY_OK;
    if (o->start == 0)
        return assay_fail(ASSAY_EINVAL, "equitable: start must be at least 1, got 0");
    for (size_t g = 0; g < k; g++)
        start += (double)o->start * (o->cost ? o->cost[g] : 1);
    if (start > o->budget * (1 + 1e-12))
        return assay_fail(ASSAY_EINVAL,
            "equitable: budget must pay for the start of %zu each, %g, got %g", o->start, start,
            o->budget);
    return ASSAY_OK;
}

static int reserve(struct run *r, size_t rounds)
{
    const size_t k = r->k, points = PARTS * r->o->repeats + 1;
    assay_equitable_trace *t = r->trace;
    t->n = calloc((rounds + 1) * k, sizeof *t->n);
    t->curves = calloc(rounds * k, sizeof *t->curves);
    t->value = malloc(rounds * k * sizeof *t->value);
    r->sizes = malloc(k * sizeof *r->sizes);
    r->at = malloc(2 * points * sizeof *r->at);
    r->start = calloc(k * (k + 3), sizeof *r->start);
    r->losses = malloc(k * sizeof *r->losses);
    if (!t->n || !t->curves || !t->value || !r->sizes || !r->at || !r->start || !r->losses)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rounds of %zu groups", rounds, k);
    r->v = r->at + points;
    r->target = r->start + k;
    r->more = r->start + 2 * k;
    r->transfer = r->start + 3 * k;
    for (size_t i = 0; i < rounds * k; i++)
        t->value[i] = NAN;
    return ASSAY_OK;
}

static int run_rounds(struct run *r, size_t rounds)
{
    const assay_strategy s = r->o->strategy;
    const bool starts = s != ASSAY_STRATEGY_EQUAL && s != ASSAY_STRATEGY_PROPORTIONAL;
    r->n = r->trace->n;
    for (size_t g = 0; g < r->k; g++)
        r->more[g] = starts ? (double)r->o->start : 0;
    int status = collect(r);
    for (r->round = 0; r->round < rounds && !status; r->round++) {
        size_t *next = r->trace->n + (r->round + 1) * r->k;
        memcpy(next, r->n, r->k * sizeof *next);
        r->n = next;
        r->curves = r->trace->curves + r->round * r->k;
        r->value = r->trace->value + r->round * r->k;
        status = one_round(r);
        r->trace->rounds = r->round + 1;
    }
    return status;
}

int assay_balance_equitable_run(const struct assay_collect *world,
    const struct assay_equitable_options *options, assay_rng *rng, assay_equitable_trace *out)
{
    struct run r = {.world = world, .o = options, .trace = out, .k = world->groups};
    const size_t rounds = is_fixed(options->strategy) ? 1 : options->rounds;
    *out = (assay_equitable_trace){.groups = world->groups};
    int status = check_run(world, options);
    if (status)
        return status;
    r.left = options->budget;
    r.rng = assay_rng_split(rng, assay_rng_u64(rng));
    status = reserve(&r, rounds);
    if (!status)
        status = run_rounds(&r, rounds);
    free(r.sizes);
    free(r.at);
    free(r.start);
    free(r.losses);
    if (status)
        assay_equitable_trace_free(out);
    return status;
}
