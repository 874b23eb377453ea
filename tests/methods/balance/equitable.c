/* Allocations against exhaustive search and the conditions of their optima, fits against
 * core/fit.h, the population against its moments, and the adaptive strategy where curves are exact.
 */
#include "methods/balance/equitable.h"

#include "../check.h"

#include <float.h>
#include <stdlib.h>

#include "core/fit.h"
#include "core/stats.h"
#include "models/polygenic.h"

enum { K = 3 };
static const assay_learning_curve mixed[K] = {{ASSAY_CURVE_POWER, .a = 0.9, .b = 1.2, .c = 0.4},
    {ASSAY_CURVE_POWER, .a = 0.7, .b = 0.9, .c = 0.25},
    {ASSAY_CURVE_SATURATING, .a = 0.5, .s = 400}};
static const double sixty[K] = {60, 60, 60}, costs[K] = {1, 1, 3};

static assay_learning_curve random_curve(assay_rng *rng)
{
    assay_learning_curve curve = {.a = 0.5 + 0.5 * assay_rng_uniform(rng)};
    curve.law = assay_rng_below(rng, 2) ? ASSAY_CURVE_POWER : ASSAY_CURVE_SATURATING;
    curve.b = 0.2 + assay_rng_uniform(rng);
    curve.c = 0.1 + assay_rng_uniform(rng);
    curve.s = 20 + 500 * assay_rng_uniform(rng);
    return curve;
}

static double value_of(const assay_learning_curve *curves, const double *weight, const double *n)
{
    double sum = 0;
    for (size_t g = 0; g < K; g++)
        sum += weight[g] * assay_balance_learning_curve(&curves[g], n[g]);
    return sum;
}

static double best_of_all(const assay_learning_curve *curves, const double *weight, size_t steps)
{
    double best = -INFINITY;
    for (size_t a = 0; a <= steps; a++)
        for (size_t b = 0; a + b <= steps; b++) {
            const double n[K] = {
                20 + 10 * (double)a, 20 + 10 * (double)b, 20 + 10 * (double)(steps - a - b)};
            best = fmax(best, value_of(curves, weight, n));
        }
    return best;
}

static void greedy_is_the_best_of_all(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(4);
    const double start[K] = {20, 20, 20};
    for (int trial = 0; trial < 40; trial++) {
        assay_learning_curve curves[K];
        double weight[K], n[K];
        for (size_t g = 0; g < K; g++) {
            curves[g] = random_curve(&rng);
            weight[g] = assay_rng_uniform(&rng);
        }
        const size_t steps = 5 + (size_t)trial % 11;
        const struct assay_allocate_options o = {
            .start = start, .weight = weight, .budget = 10 * (double)steps, .step = 10};
        assay_allocation out;
        ok(assay_balance_allocate(curves, K, &o, n, &out));
        close_to(out.utility, best_of_all(curves, weight, steps), 1e-12);
        close_to(out.spent, o.budget, 1e-9);
    }
}

static double utility_slope(double v, double risk)
{
    return pow(v, -risk);
}

static void water_is_level(void **state)
{
    (void)state;
    for (int risk = 0; risk <= 2; risk++) {
        const struct assay_allocate_options o = {.method = ASSAY_ALLOCATE_WATER,
            .start = sixty,
            .cost = costs,
            .budget = 1500,
            .risk = risk};
        double n[K];
        assay_allocation out;
        ok(assay_balance_allocate(mixed, K, &o, n, &out));
        close_to(out.spent, 1500, 1500 * 1e-9);
        for (size_t g = 0; g < K; g++) {
            const double v = assay_balance_learning_curve(&mixed[g], n[g]);
            const double gain = utility_slope(v, risk) *
                                assay_balance_learning_slope(&mixed[g], n[g]) / 3 / costs[g];
            assert_true(n[g] > 60);
            close_to(gain / out.multiplier, 1, 1e-9);
        }
    }
}

static void small_steps_tend_to_water(void **state)
{
    (void)state;
    struct assay_allocate_options o = {.start = sixty, .cost = costs, .budget = 1500, .step = 1};
    double small[K], level[K], whole[K];
    assay_allocation out;
    for (int risk = 0; risk <= 2; risk++) {
        o.risk = risk;
        o.method = ASSAY_ALLOCATE_GREEDY;
        ok(assay_balance_allocate(mixed, K, &o, small, &out));
        o.method = ASSAY_ALLOCATE_WATER;
        ok(assay_balance_allocate(mixed, K, &o, level, &out));
        const double real = out.utility;
        o.whole = true;
        ok(assay_balance_allocate(mixed, K, &o, whole, &out));
        o.whole = false;
        assert_true(out.utility <= real + 1e-12 && real - out.utility < 1e-5);
        assert_true(out.spent <= 1500 + 1e-6 && out.spent > 1497);
        for (size_t g = 0; g < K; g++) {
            close_to(small[g], level[g], 2);
            close_to(whole[g], floor(whole[g]), 0);
            close_to(whole[g], level[g], 3);
        }
    }
}

static void equals_get_the_same(void **state)
{
    (void)state;
    const assay_learning_curve same[K] = {mixed[0], mixed[0], mixed[0]};
    for (int method = ASSAY_ALLOCATE_GREEDY; method <= ASSAY_ALLOCATE_MAXMIN; method++) {
        const struct assay_allocate_options o = {
            .method = (assay_allocate_method)method, .start = sixty, .budget = 300};
        double n[K];
        assay_allocation out;
        ok(assay_balance_allocate(same, K, &o, n, &out));
        for (size_t g = 0; g < K; g++)
            close_to(n[g], 160, 1e-9);
    }
}

static void great_aversion_is_maxmin(void **state)
{
    (void)state;
    struct assay_allocate_options o = {
        .method = ASSAY_ALLOCATE_MAXMIN, .start = sixty, .cost = costs, .budget = 4000};
    double n[K], lowest = INFINITY;
    assay_allocation maxmin, out;
    ok(assay_balance_allocate(mixed, K, &o, n, &maxmin));
    close_to(maxmin.spent, 4000, 1e-6);
    o.method = ASSAY_ALLOCATE_WATER;
    o.risk = 50;
    ok(assay_balance_allocate(mixed, K, &o, n, &out));
    for (size_t g = 0; g < K; g++)
        lowest = fmin(lowest, assay_balance_learning_curve(&mixed[g], n[g]));
    close_to(lowest / maxmin.level, 1, 0.01);
}

static void dearer_groups_get_no_more(void **state)
{
    (void)state;
    for (size_t g = 0; g < K; g++)
        for (int method = ASSAY_ALLOCATE_GREEDY; method <= ASSAY_ALLOCATE_WATER; method++) {
            double doubled[K] = {1, 1, 3}, before[K], after[K];
            doubled[g] *= 2;
            struct assay_allocate_options o = {.method = (assay_allocate_method)method,
                .start = sixty,
                .cost = costs,
                .budget = 1500};
            assay_allocation out;
            ok(assay_balance_allocate(mixed, K, &o, before, &out));
            o.cost = doubled;
            ok(assay_balance_allocate(mixed, K, &o, after, &out));
            assert_true(after[g] <= before[g]);
        }
}

static void allocations_have_edges(void **state)
{
    (void)state;
    double n[K];
    assay_allocation out;
    struct assay_allocate_options o = {.start = sixty, .cost = costs, .budget = 0.5};
    ok(assay_balance_allocate(mixed, K, &o, n, &out)); /* below the cheapest step */
    close_to(n[0] + n[1] + n[2], 180, 0);
    o.budget = 7;
    o.step = 10;
    ok(assay_balance_allocate(mixed, K, &o, n, &out));
    close_to(out.spent, 0, 0);
    for (int method = ASSAY_ALLOCATE_GREEDY; method <= ASSAY_ALLOCATE_MAXMIN; method++) {
        o = (struct assay_allocate_options){.method = (assay_allocate_method)method,
            .start = sixty,
            .cost = costs + 2,
            .budget = 30};
        ok(assay_balance_allocate(mixed, 1, &o, n, &out)); /* one group: all to it */
        close_to(n[0], 70, 1e-9);
    }
    assay_learning_curve flat[2] = {mixed[0], {ASSAY_CURVE_POWER, .a = 0.1, .b = 0, .c = 0.5}};
    o = (struct assay_allocate_options){.start = sixty, .budget = 50};
    ok(assay_balance_allocate(flat, 2, &o, n, &out));
    close_to(n[1], 60, 0);
    flat[1] = mixed[1];
    flat[1].decreasing = true;
    ok(assay_balance_allocate(flat, 2, &o, n, &out));
    close_to(n[1], 60, 0);
    flat[0].decreasing = true;
    o.method = ASSAY_ALLOCATE_WATER;
    ok(assay_balance_allocate(flat, 2, &o, n, &out)); /* nobody gains */
    close_to(out.spent, 0, 0);
    /* the lowest is bounded by the nearest asymptote */
    o = (struct assay_allocate_options){
        .method = ASSAY_ALLOCATE_MAXMIN, .start = sixty, .cost = costs, .budget = 1e9};
    ok(assay_balance_allocate(mixed, K, &o, n, &out));
    assert_true(out.level < 0.5 && out.level > 0.499);
    /* below 1e-9 the utility is finite, and gains go on */
    const assay_learning_curve below[2] = {
        {ASSAY_CURVE_POWER, .a = 0.5, .b = 30, .c = 0.5}, mixed[0]};
    o = (struct assay_allocate_options){.start = sixty, .budget = 100, .risk = 1};
    ok(assay_balance_allocate(below, 2, &o, n, &out));
    assert_true(isfinite(out.utility));
    close_to(n[0], 160, 0);
    /* from nothing: the law is -infinity there */
    o = (struct assay_allocate_options){.budget = 30};
    ok(assay_balance_allocate(mixed, K, &o, n, &out));
    assert_true(n[0] > 0 && n[1] > 0);
}

static void allocations_refuse_nonsense(void **state)
{
    (void)state;
    double n[K];
    assay_allocation out;
    const double none[K] = {0, 0, 0}, negative[K] = {1, -1, 0};
    struct assay_allocate_options o = {.cost = none, .budget = 1};
    refuses(
        assay_balance_allocate(mixed, K, &o, n, &out), "cost of group 1 must be greater than 0");
    o = (struct assay_allocate_options){.weight = negative, .budget = 1};
    refuses(assay_balance_allocate(mixed, K, &o, n, &out), "weight of group 2 must be at least 0");
    o = (struct assay_allocate_options){.weight = none, .budget = 1};
    refuses(assay_balance_allocate(mixed, K, &o, n, &out), "weight must not be 0 for every group");
    o = (struct assay_allocate_options){.budget = -1};
    refuses(assay_balance_allocate(mixed, K, &o, n, &out), "budget must be at least 0, got -1");
    refuses(assay_balance_allocate(mixed, 0, &o, n, &out), "at least 1 group");
    o = (struct assay_allocate_options){.budget = 1, .risk = NAN};
    refuses(assay_balance_allocate(mixed, K, &o, n, &out), "risk must be at least 0");
    refuses(assay_balance_allocate_proportional(none, K, 1, NULL, n), "share must not be 0");
    const assay_learning_curve wrong = {ASSAY_CURVE_POWER, .a = NAN, .b = 1, .c = 1};
    o = (struct assay_allocate_options){.budget = 1};
    refuses(assay_balance_allocate(&wrong, 1, &o, n, &out), "the curve of group 1");
}

/* Group 2 is learnt as well from group 1's examples: they serve twice. */
static void transfer_counts(void **state)
{
    (void)state;
    const assay_learning_curve same[2] = {mixed[0], mixed[0]};
    const double transfer[4] = {0, 0, 1, 0};
    const struct assay_allocate_options o = {.start = sixty, .budget = 200, .transfer = transfer};
    double n[2], best = -INFINITY;
    assay_allocation out;
    ok(assay_balance_allocate(same, 2, &o, n, &out));
    for (int a = 0; a <= 200; a++)
        best = fmax(best, (assay_balance_learning_curve(same, 60 + a) +
                              assay_balance_learning_curve(same, 60 + a + 60 + 200 - a)) /
                              2);
    close_to(out.utility, best, 1e-12);
    close_to(n[0], 260, 0);
}

static void waterfill_is_one_by_one(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(8);
    for (int trial = 0; trial < 50; trial++) {
        double start[5], cost[5], n[5], slow[5];
        double left = (double)assay_rng_below(&rng, 200);
        const double budget = left;
        for (size_t g = 0; g < 5; g++) {
            slow[g] = start[g] = (double)assay_rng_below(&rng, 20);
            cost[g] = 1 + (double)assay_rng_below(&rng, 3);
        }
        for (;;) {
            size_t lowest = 0;
            for (size_t g = 1; g < 5; g++)
                lowest = slow[g] < slow[lowest] ? g : lowest;
            if (cost[lowest] > left)
                break;
            slow[lowest] += 1;
            left -= cost[lowest];
        }
        ok(assay_balance_allocate_waterfill(start, 5, budget, cost, n));
        for (size_t g = 0; g < 5; g++)
            close_to(n[g], slow[g], 0);
    }
}

/* Losses without a penalty are power laws of asymptote 0. */
static void slice_tuner_without_penalty_is_water(void **state)
{
    (void)state;
    const assay_loss_curve losses[K] = {{0.4, 1.2}, {0.25, 0.9}, {0.6, 2}};
    const double start[K] = {300, 150, 200}, price[K] = {1, 1, 2}, ones[K] = {1, 1, 1};
    assay_learning_curve curves[K];
    double n[K], real[K], level[K], objective = 0;
    for (size_t g = 0; g < K; g++)
        curves[g] =
            (assay_learning_curve){ASSAY_CURVE_POWER, .a = 1, .b = losses[g].b, .c = losses[g].a};
    const struct assay_slice_options s = {.start = start, .cost = price, .budget = 800};
    ok(assay_balance_slice_tuner(losses, K, &s, n, real, &objective));
    const struct assay_allocate_options o = {.method = ASSAY_ALLOCATE_WATER,
        .start = start,
        .cost = price,
        .weight = ones,
        .budget = 800};
    assay_allocation out;
    ok(assay_balance_allocate(curves, K, &o, level, &out));
    close_to(objective, 3 - out.utility, 1e-12);
    for (size_t g = 0; g < K; g++) {
        close_to(real[g], level[g], 1e-6);
        close_to(n[g], start[g] + floor(level[g] - start[g] + 0.5), 0);
    }
}

/* No exchange of money between two groups is better, with penalty and kink. */
static void slice_tuner_is_stationary(void **state)
{
    (void)state;
    const assay_loss_curve losses[K] = {{0.4, 1.2}, {0.25, 0.9}, {0.6, 2}};
    const double start[K] = {300, 150, 200}, price[K] = {1, 1, 2};
    for (int trial = 0; trial < 10; trial++) {
        const double lambda = 0.1 * pow(3, trial / 2), budget = trial % 2 ? 800 : 5000;
        struct assay_slice_options s = {
            .start = start, .cost = price, .budget = budget, .lambda = lambda};
        double n[K], real[K], best = 0, average = 0;
        ok(assay_balance_slice_tuner(losses, K, &s, n, real, &best));
        close_to(real[0] + real[1] + 2 * real[2], 850 + budget, 1e-6);
        for (size_t g = 0; g < K; g++)
            average += losses[g].b * pow(start[g], -losses[g].a) / K;
        for (size_t from = 0; from < K; from++)
            for (size_t to = 0; to < K; to++)
                for (double money = 0.01; money < 200; money *= 2) {
                    double moved[K], sum = 0;
                    memcpy(moved, real, sizeof moved);
                    moved[from] -= money / price[from];
                    moved[to] += money / price[to];
                    for (size_t g = 0; g < K; g++) {
                        const double l = losses[g].b * pow(moved[g], -losses[g].a);
                        sum += l + lambda * fmax(0, l / average - 1);
                    }
                    if (from != to && moved[from] >= start[from])
                        assert_true(sum >= best - 1e-12);
                }
        s.ratio_change = 0.1;
        ok(assay_balance_slice_tuner(losses, K, &s, n, NULL, &best));
        const double most = fmax(n[0], fmax(n[1], n[2])), least = fmin(n[0], fmin(n[1], n[2]));
        close_to(most / least, 2, 0.1 + 0.02);
    }
}

/* ---- fits ---- */

static void fits_agree_with_core(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(5);
    for (int trial = 0; trial < 10; trial++) {
        const assay_learning_curve truth = {
            ASSAY_CURVE_POWER, .a = 0.9, .b = 1.2, .c = 0.3 + 0.08 * trial};
        double n[8], v[8];
        for (size_t i = 0; i < 8; i++) {
            n[i] = 20 * pow(2, (double)i);
            v[i] = assay_balance_learning_curve(&truth, n[i]) +
                   0.1 * assay_rng_normal(&rng) / sqrt(n[i]);
        }
        assay_fit fit;
        assay_learning_curve curve;
        const struct assay_curve_options o = {.a_max = INFINITY};
        ok(assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, n, v, n, 8, 0.95, NULL, &fit));
        ok(assay_balance_learning_curve_fit(n, v, 8, &o, &curve));
        close_to(curve.c, -fit.value[1], 1e-5);
        close_to(curve.a, fit.value[2], 1e-6);
        close_to(assay_balance_learning_curve(&curve, 1e5), assay_fit_value(&fit, 1e5), 1e-6);
        assert_false(curve.few || curve.decreasing);
    }
}

static void fits_of_other_laws(void **state)
{
    (void)state;
    const assay_learning_curve truth = {ASSAY_CURVE_SATURATING, .a = 0.5, .s = 400};
    double n[6], v[6];
    for (size_t i = 0; i < 6; i++) {
        n[i] = 20 * pow(2, (double)i);
        v[i] = assay_balance_learning_curve(&truth, n[i]);
    }
    struct assay_curve_options o = {.law = ASSAY_CURVE_SATURATING};
    assay_learning_curve curve;
    ok(assay_balance_learning_curve_fit(n, v, 6, &o, &curve));
    close_to(curve.a, 0.5, 1e-6);
    close_to(curve.s, 400, 1e-3);
    for (size_t i = 0; i < 6; i++)
        v[i] = 0.1 + 0.05 * log(n[i]);
    o.law = ASSAY_CURVE_LOG;
    ok(assay_balance_learning_curve_fit(n, v, 6, &o, &curve));
    close_to(curve.a, 0.1, 1e-12);
    close_to(curve.b, 0.05, 1e-12);
}

static void fits_have_edges(void **state)
{
    (void)state;
    const double n[6] = {20, 40, 80, 160, 320, 640}, falls[6] = {0.6, 0.5, 0.45, 0.4, 0.3, 0.2},
                 two[4] = {20, 20, 80, 80}, grows[4] = {0.3, 0.32, 0.4, 0.42};
    assay_learning_curve curve;
    for (int law = ASSAY_CURVE_POWER; law <= ASSAY_CURVE_LOG; law++) {
        const struct assay_curve_options o = {.law = (assay_curve_law)law};
        ok(assay_balance_learning_curve_fit(n, falls, 6, &o, &curve));
        assert_true(curve.decreasing && !curve.few);
    }
    ok(assay_balance_learning_curve_fit(two, grows, 4, NULL, &curve));
    assert_true(curve.few && !curve.decreasing);
    close_to(curve.c, 0.5, 0);
    close_to(assay_balance_learning_curve(&curve, 20), 0.31, 1e-12);
    close_to(assay_balance_learning_curve(&curve, 80), 0.41, 1e-12);
    ok(assay_balance_learning_curve_fit(n, falls, 1, NULL, &curve));
    assert_true(curve.few && !curve.decreasing);
    close_to(assay_balance_learning_curve(&curve, 20), 0.6, 1e-12);
    close_to(curve.b, 1e-6, 0);
    /* a line in log n has no asymptote: a stays at its limit */
    const double line[6] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    ok(assay_balance_learning_curve_fit(n, line, 6, NULL, &curve));
    assert_true(curve.a <= 1);
    const double zero[1] = {0}, bad[1] = {NAN};
    refuses(assay_balance_learning_curve_fit(zero, grows, 1, NULL, &curve), "n[1] must be greater");
    refuses(assay_balance_learning_curve_fit(n, bad, 1, NULL, &curve), "v[1] must be finite");
    refuses(assay_balance_learning_curve_fit(n, falls, 0, NULL, &curve), "at least 1");
}

/* Few noisy points: the prior draws the exponent towards 1/2. */
static void the_prior_holds_back(void **state)
{
    (void)state;
    const assay_learning_curve truth = {ASSAY_CURVE_POWER, .a = 0.9, .b = 1.2, .c = 0.4};
    assay_rng rng = assay_rng_seed(2);
    double without = 0, with = 0;
    for (int trial = 0; trial < 40; trial++) {
        double n[10], v[10];
        for (size_t i = 0; i < 10; i++) {
            n[i] = 24 + 12 * (double)(i / 3);
            v[i] = assay_balance_learning_curve(&truth, n[i]) + 0.03 * assay_rng_normal(&rng);
        }
        assay_learning_curve curve;
        struct assay_curve_options o = {0};
        ok(assay_balance_learning_curve_fit(n, v, 10, &o, &curve));
        without += curve.decreasing ? 0 : pow(log(curve.c / 0.5), 2);
        o.prior = 1;
        ok(assay_balance_learning_curve_fit(n, v, 10, &o, &curve));
        with += curve.decreasing ? 0 : pow(log(curve.c / 0.5), 2);
    }
    assert_true(with < 0.5 * without);
}

/* ---- the population ---- */

static void frequencies_have_their_moments(void **state)
{
    (void)state;
    enum { LOCI = 20000 };
    const double fst[2] = {0.05, 0.15};
    assay_matrix freq;
    assay_rng rng = assay_rng_seed(1);
    ok(assay_matrix_alloc(2, LOCI, &freq));
    ok(assay_balance_balding_nichols(LOCI, 2, fst, &rng, &freq));
    /* E p = 1/2; E (p_1 - p_2)^2 = (F_1 + F_2) E p0 (1 - p0), and that is 1/2 (1 - 1/2) - 0.9^2 /
     * 12 */
    double *difference = malloc(LOCI * sizeof *difference);
    for (size_t l = 0; l < LOCI; l++)
        difference[l] = pow(*assay_matrix_at(&freq, 0, l) - *assay_matrix_at(&freq, 1, l), 2);
    const double spread = 0.2 * (0.25 - 0.81 / 12);
    close_to(assay_mean(difference, LOCI), spread, 4 * assay_sd(difference, LOCI) / sqrt(LOCI));
    for (size_t g = 0; g < 2; g++) {
        const double *p = assay_matrix_row(&freq, g);
        const double variance = 0.81 / 12 + fst[g] * (0.25 - 0.81 / 12);
        close_to(assay_mean(p, LOCI), 0.5, 4 * sqrt(variance / LOCI));
        /* the fourth moment of a law on an interval of length 1 is at most variance / 4 */
        close_to(assay_variance(p, LOCI), variance, 4 * sqrt(variance / 4 / LOCI));
    }
    free(difference);
    assay_matrix_free(&freq);
    const double one = 1;
    freq = assay_matrix_view(NULL, 1, 0);
    refuses(assay_balance_balding_nichols(0, 1, &one, &rng, &freq), "fst of group 1");
}

static void genotypes_have_their_moments(void **state)
{
    (void)state;
    enum { N = 20000 };
    const double p[3] = {0.1, 0.5, 0.9};
    assay_matrix X;
    assay_rng rng = assay_rng_seed(3);
    ok(assay_matrix_alloc(N, 3, &X));
    ok(assay_balance_genotypes(p, 3, N, &rng, &X));
    for (size_t l = 0; l < 3; l++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < N; i++) {
            sum += *assay_matrix_at(&X, i, l);
            squares += pow(*assay_matrix_at(&X, i, l) - 2 * p[l], 2);
        }
        const double variance = 2 * p[l] * (1 - p[l]);
        close_to(sum / N, 2 * p[l], 4 * sqrt(variance / N));
        close_to(squares / N, variance, 4 * sqrt(variance / N));
    }
    assay_matrix_free(&X);
}

static assay_polygenic *small_world(struct assay_polygenic_options o, uint64_t seed)
{
    assay_polygenic *world = NULL;
    assay_rng rng = assay_rng_seed(seed);
    ok(assay_polygenic_new(&o, &rng, &world));
    return world;
}

static void heritability_is_realised(void **state)
{
    (void)state;
    enum { N = 20000, LOCI = 50 };
    const double fst[2] = {0.05, 0.1}, h2[2] = {0.8, 0.3};
    struct assay_polygenic_options o = assay_polygenic_defaults();
    o.groups = 2;
    o.fst = fst;
    o.h2 = h2;
    o.loci = LOCI;
    o.causal = 20;
    assay_polygenic *world = small_world(o, 6);
    for (size_t g = 0; g < 2; g++) {
        /* what a regression on the genotypes of very many people explains */
        size_t sizes[2] = {0, 0};
        double r2 = 0;
        sizes[g] = N;
        assay_rng rng = assay_rng_seed(1);
        ok(assay_polygenic_collect(world, g, N));
        ok(assay_polygenic_performance(world, g, sizes, &rng, true, &r2));
        close_to(r2, h2[g], 0.04);
        assay_matrix X;
        double *y = malloc(N * sizeof *y);
        ok(assay_matrix_alloc(N, LOCI, &X));
        ok(assay_polygenic_draw(world, g, N, &rng, &X, y));
        close_to(assay_variance(y, N), 1, 0.04);
        assay_matrix_free(&X);
        free(y);
    }
    assay_polygenic_free(world);
}

/* Ridge with lambda = M (1 - h2) / h2 on standardised genotypes: the refined expectation. */
static void scores_are_as_good_as_expected(void **state)
{
    (void)state;
    static const size_t n[] = {200, 1000, 5000};
    const double fst = 0.1, h2 = 0.6;
    double mean[3] = {0};
    enum { SEEDS = 6 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct assay_polygenic_options o = assay_polygenic_defaults();
        o.groups = 1;
        o.fst = &fst;
        o.h2 = &h2;
        o.causal = 0;
        o.standardise = true;
        o.ridge = 250 * 0.4 / 0.6;
        assay_polygenic *world = small_world(o, seed);
        ok(assay_polygenic_collect(world, 0, 5000));
        for (size_t i = 0; i < 3; i++) {
            double r2 = 0;
            assay_rng rng = assay_rng_seed(seed);
            ok(assay_polygenic_performance(world, 0, &n[i], &rng, true, &r2));
            mean[i] += r2 / SEEDS;
        }
        assay_polygenic_free(world);
    }
    for (size_t i = 0; i < 3; i++) {
        double refined = 0;
        ok(assay_prs_expected_r2((double)n[i], h2, 250, true, &refined));
        close_to(mean[i], refined, 0.03);
    }
}

/* A part of a group, from its sums less the rest, is that of a group that has no more. */
static void parts_are_of_their_own(void **state)
{
    (void)state;
    const double fst[2] = {0.05, 0.1}, h2[2] = {0.8, 0.3};
    struct assay_polygenic_options o = assay_polygenic_defaults();
    o.groups = 2;
    o.fst = fst;
    o.h2 = h2;
    assay_polygenic *at_once = small_world(o, 9), *in_turns = small_world(o, 9);
    ok(assay_polygenic_collect(at_once, 0, 300));
    ok(assay_polygenic_collect(at_once, 1, 200));
    for (int turn = 0; turn < 10; turn++) {
        ok(assay_polygenic_collect(in_turns, 1, 20));
        ok(assay_polygenic_collect(in_turns, 0, 30));
    }
    static const size_t sizes[][2] = {{300, 200}, {180, 200}, {100, 0}, {299, 1}};
    for (size_t i = 0; i < 4; i++) {
        double a = 0, b = 0;
        assay_rng first = assay_rng_seed(i), second = assay_rng_seed(i);
        ok(assay_polygenic_performance(at_once, 0, sizes[i], &first, false, &a));
        ok(assay_polygenic_performance(in_turns, 0, sizes[i], &second, false, &b));
        close_to(a, b, 1e-10);
    }
    const size_t many[2] = {301, 0};
    double a = 0;
    assay_rng rng = assay_rng_seed(1);
    refuses(assay_polygenic_performance(at_once, 0, many, &rng, false, &a), "must be in 0..300");
    assay_polygenic_free(at_once);
    assay_polygenic_free(in_turns);
    o.validation = 1;
    assay_polygenic *world = NULL;
    refuses(assay_polygenic_new(&o, &rng, &world), "people for validation");
}

/* ---- strategies where curves are exact ---- */

struct exact {
    const assay_learning_curve *curves;
    size_t n[K];
    bool broken;
};

static int exact_collect(void *context, size_t g, size_t n)
{
    ((struct exact *)context)->n[g] += n;
    return ASSAY_OK;
}

static int exact_performance(
    void *context, size_t g, const size_t *sizes, assay_rng *rng, double *value)
{
    struct exact *world = context;
    (void)rng;
    if (world->broken && g == 1)
        *value = NAN;
    else
        *value = assay_balance_learning_curve(&world->curves[g], (double)sizes[g]);
    return ASSAY_OK;
}

static double run_exact(const struct assay_equitable_options *o, assay_equitable_trace *trace)
{
    struct exact exact = {.curves = mixed};
    const struct assay_collect world = {&exact, K, exact_collect, exact_performance};
    const double ones[K] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
    assay_rng rng = assay_rng_seed(1);
    double n[K];
    ok(assay_balance_equitable_run(&world, o, &rng, trace));
    for (size_t g = 0; g < K; g++) {
        n[g] = (double)trace->n[trace->rounds * K + g];
        assert_int_equal(trace->n[trace->rounds * K + g], exact.n[g]);
    }
    assert_true(trace->spent <= o->budget + 1e-9);
    return value_of(mixed, ones, n);
}

static void adaptive_with_exact_curves_is_the_oracle(void **state)
{
    (void)state;
    struct assay_equitable_options o = assay_equitable_defaults();
    assay_equitable_trace trace;
    o.budget = 1800;
    o.cost = costs;
    o.strategy = ASSAY_STRATEGY_ORACLE;
    o.curves = mixed;
    const double oracle = run_exact(&o, &trace);
    assay_equitable_trace_free(&trace);
    o.strategy = ASSAY_STRATEGY_ADAPTIVE;
    o.curve.prior = 0;
    for (int lookahead = 0; lookahead < 2; lookahead++) {
        o.lookahead = lookahead;
        const double adaptive = run_exact(&o, &trace);
        assert_true(adaptive >= 0.99 * oracle && adaptive <= oracle + 1e-9);
        assert_true(trace.spent > 1797);
        assert_int_equal(trace.rounds, 8);
        assay_equitable_trace_free(&trace);
    }
    o.maxmin = true; /* the third group is the lowest: all but the floor goes to it */
    o.lookahead = true;
    run_exact(&o, &trace);
    assert_true(trace.n[8 * K + 2] > 500);
    assay_equitable_trace_free(&trace);
    o.maxmin = false;
    o.transfer = true; /* there is none */
    assert_true(run_exact(&o, &trace) >= 0.99 * oracle);
    assay_equitable_trace_free(&trace);
}

static void strategies_spend_as_they_say(void **state)
{
    (void)state;
    const double share[K] = {0.7, 0.2, 0.1};
    struct assay_equitable_options o = assay_equitable_defaults();
    assay_equitable_trace t;
    o.budget = 1000;
    o.cost = costs;
    o.share = share;
    o.strategy = ASSAY_STRATEGY_EQUAL;
    run_exact(&o, &t);
    assert_int_equal(t.n[K], 200);
    assert_int_equal(t.n[K + 2], 200);
    assay_equitable_trace_free(&t);
    o.strategy = ASSAY_STRATEGY_PROPORTIONAL;
    run_exact(&o, &t);
    assert_int_equal(t.n[K], 583);
    assert_int_equal(t.n[K + 1], 166);
    assert_int_equal(t.n[K + 2], 83);
    assay_equitable_trace_free(&t);
    o.strategy = ASSAY_STRATEGY_WORST; /* the third curve is always the lowest */
    run_exact(&o, &t);
    assert_int_equal(t.n[8 * K], 60);
    assert_true(t.n[8 * K + 2] >= 60 + 700 / 3 - 8);
    assay_equitable_trace_free(&t);
    o.strategy = ASSAY_STRATEGY_RANDOM;
    run_exact(&o, &t);
    assert_true(t.spent > 990);
    assay_equitable_trace_free(&t);
    o.strategy = ASSAY_STRATEGY_WATERFILL;
    run_exact(&o, &t);
    assert_int_equal(t.n[K], 200);
    assay_equitable_trace_free(&t);
    o.strategy = ASSAY_STRATEGY_SLICE_TUNER;
    for (int change = ASSAY_CHANGE_ANY; change <= ASSAY_CHANGE_AGGRESSIVE; change++) {
        o.change = (assay_slice_change)change;
        run_exact(&o, &t);
        assert_true(t.spent > 990);
        assay_equitable_trace_free(&t);
    }
}

static void runs_refuse_nonsense(void **state)
{
    (void)state;
    struct exact exact = {.curves = mixed};
    const struct assay_collect world = {&exact, K, exact_collect, exact_performance};
    struct assay_equitable_options o = assay_equitable_defaults();
    assay_equitable_trace t;
    assay_rng rng = assay_rng_seed(1);
    o.budget = 100;
    refuses(assay_balance_equitable_run(&world, &o, &rng, &t), "pay for the start of 60 each, 180");
    o.budget = 1000;
    o.floor = 2;
    refuses(assay_balance_equitable_run(&world, &o, &rng, &t), "floor must be in 0..1");
    o = assay_equitable_defaults();
    o.budget = 1000;
    o.strategy = ASSAY_STRATEGY_ORACLE;
    refuses(assay_balance_equitable_run(&world, &o, &rng, &t), "curves must be given");
    o.strategy = ASSAY_STRATEGY_ADAPTIVE;
    exact.broken = true;
    refuses(
        assay_balance_equitable_run(&world, &o, &rng, &t), "performance of group 2 must be finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_is_the_best_of_all),
        cmocka_unit_test(water_is_level),
        cmocka_unit_test(small_steps_tend_to_water),
        cmocka_unit_test(equals_get_the_same),
        cmocka_unit_test(great_aversion_is_maxmin),
        cmocka_unit_test(dearer_groups_get_no_more),
        cmocka_unit_test(allocations_have_edges),
        cmocka_unit_test(allocations_refuse_nonsense),
        cmocka_unit_test(transfer_counts),
        cmocka_unit_test(waterfill_is_one_by_one),
        cmocka_unit_test(slice_tuner_without_penalty_is_water),
        cmocka_unit_test(slice_tuner_is_stationary),
        cmocka_unit_test(fits_agree_with_core),
        cmocka_unit_test(fits_of_other_laws),
        cmocka_unit_test(fits_have_edges),
        cmocka_unit_test(the_prior_holds_back),
        cmocka_unit_test(frequencies_have_their_moments),
        cmocka_unit_test(genotypes_have_their_moments),
        cmocka_unit_test(heritability_is_realised),
        cmocka_unit_test(scores_are_as_good_as_expected),
        cmocka_unit_test(parts_are_of_their_own),
        cmocka_unit_test(adaptive_with_exact_curves_is_the_oracle),
        cmocka_unit_test(strategies_spend_as_they_say),
        cmocka_unit_test(runs_refuse_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
