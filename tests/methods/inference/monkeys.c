/* Coverage against enumeration of all subsets, its laws against exact data and the published fit,
 * and costs against the sums they close and Table 1 of the paper. */
#include "methods/inference/monkeys.h"

#include "../check.h"

static double pass(double n, double c, double k)
{
    double mean;
    ok(assay_pass_at_k(&n, &c, 1, &k, 1, NULL, &mean, NULL));
    return mean;
}

static double hat(double n, double c, double k)
{
    double mean;
    ok(assay_pass_hat_k(&n, &c, 1, &k, 1, NULL, &mean, NULL));
    return mean;
}

static unsigned ones(unsigned bits)
{
    unsigned count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* Shares of the k-subsets of n samples, the first c correct, that have one, and only, correct. */
static void enumerate(unsigned n, unsigned c, unsigned k, double *any, double *all)
{
    const unsigned correct = (1u << c) - 1;
    double subsets = 0;
    *any = *all = 0;
    for (unsigned s = 0; s < 1u << n; s++) {
        if (ones(s) != k)
            continue;
        subsets++;
        *any += (s & correct) != 0;
        *all += (s & ~correct) == 0;
    }
    *any /= subsets;
    *all /= subsets;
}

static void equals_enumeration(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 12; n++)
        for (unsigned c = 0; c <= n; c++)
            for (unsigned k = 1; k <= n; k++) {
                double any, all;
                enumerate(n, c, k, &any, &all);
                close_to(pass(n, c, k), any, 1e-12);
                close_to(hat(n, c, k), all, 1e-12);
            }
}

/* The same number through the whole curve, by whichever product each point takes. */
static void curve_is_monotone_concave_and_pinned(void **state)
{
    (void)state;
    enum { N = 1000 };
    static const double corrects[] = {0, 1, 2, 17, 300, 999, 1000};
    double k[N], curve[N], n = N;
    for (int j = 0; j < N; j++)
        k[j] = j + 1;
    for (size_t i = 0; i < sizeof corrects / sizeof *corrects; i++) {
        const double c = corrects[i];
        ok(assay_pass_at_k(&n, &c, 1, k, N, NULL, curve, NULL));
        close_to(curve[0], c / N, 1e-15);
        assert_true(curve[N - 1] == (c > 0));
        for (int j = 1; j < N; j++) {
            assert_true(curve[j] >= curve[j - 1]);
            close_to(curve[j], pass(N, c, j + 1), 1e-13);
            if (j + 1 < N)
                assert_true(curve[j + 1] - 2 * curve[j] + curve[j - 1] <= 1e-12);
        }
    }
}

/* prod_{i<k} (n-c-i)/(n-i), term by term in long double. */
static double long_product(double n, double c, double k)
{
    long double miss = 1;
    for (double i = 0; i < k; i++)
        miss *= ((long double)n - c - i) / ((long double)n - i);
    return (double)(1 - miss);
}

static void holds_at_large_n(void **state)
{
    (void)state;
    static const double rows[][3] = {{10000, 1, 5000}, {10000, 3, 9997}, {10000, 9999, 1},
        {1000000, 5, 200000}, {1000000, 2000, 1000}, {10000, 500, 400}, {1e9, 1e5, 2e4},
        {9007199254740992.0, 1e12, 3000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        close_to(pass(rows[i][0], rows[i][1], rows[i][2]),
            long_product(rows[i][0], rows[i][1], rows[i][2]), 2e-13);
    close_to(pass(1e6, 5, 200000), 0.672320819201741, 1e-13); /* exact rational arithmetic */
    assert_true(pass(1e15, 5e14, 400) == 1);
    assert_true(hat(1e6, 5e5, 3) > 0.1249 && hat(1e6, 5e5, 3) < 0.125);
}

/* For p = 0.03, n = 200: the mean of many estimates of pass@50 is 1 - 0.97^50; that of the plug-in
 * 1 - (1 - c/n)^k lies below by more than 0.01. */
static void is_unbiased_where_the_plug_in_is_not(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    const double truth = 0.7819347137;
    assay_rng rng = assay_rng_seed(11);
    double sum = 0, squares = 0, plug_in = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double c = (double)assay_rng_binomial(&rng, 200, 0.03);
        const double x = pass(200, c, 50);
        sum += x;
        squares += x * x;
        plug_in += 1 - pow(1 - c / 200, 50);
    }
    const double mean = sum / DRAWS;
    const double se = sqrt((squares / DRAWS - mean * mean) / DRAWS);
    close_to(mean, truth, 4 * se);
    assert_true(plug_in / DRAWS < truth - 0.01);
}

/* Golden "pass_at_k small": mean and se from exact rational arithmetic. */
static void averages_over_problems(void **state)
{
    (void)state;
    const double n[] = {10, 10, 10, 10, 10}, c[] = {0, 1, 3, 9, 10}, k[] = {1, 2, 2, 5};
    double values[20], mean[4], se[4], one_se;
    assay_matrix m = assay_matrix_view(values, 5, 4);
    ok(assay_pass_at_k(n, c, 5, k, 4, &m, mean, se));
    close_to(*assay_matrix_at(&m, 2, 1), 8.0 / 15, 1e-15);
    close_to(*assay_matrix_at(&m, 2, 2), 8.0 / 15, 1e-15);
    close_to(mean[1], 0.546666666666667, 1e-14);
    close_to(se[1], 0.203742757199148, 1e-14);
    close_to(se[3], 0.19436506316151, 1e-14);
    ok(assay_pass_at_k(n, c, 1, k, 1, NULL, NULL, &one_se));
    assert_true(isnan(one_se));
    m.rows = 4;
    refuses(assay_pass_at_k(n, c, 5, k, 4, &m, mean, se), "per_problem must be 5 x 4");
}

static void names_bad_counts(void **state)
{
    (void)state;
    const double n[] = {10, 12, 10, 10}, c[] = {3, 1, 4, 0};
    double bad_c[] = {3, 13, 4, 0}, bad_n[] = {10, 12.5, 10, 10}, mean[2];
    const double k[] = {1, 11}, back[] = {3, 2}, zero[] = {0, 1}, half[] = {1.5, 2};
    refuses(assay_pass_at_k(n, c, 4, k, 2, NULL, mean, NULL),
        "k = 11 is larger than n = 10 of problem 1");
    refuses(assay_pass_at_k(n, bad_c, 4, k, 1, NULL, mean, NULL),
        "c = 13 of problem 2 must be a whole number in 0..12");
    bad_c[1] = -1;
    refuses(assay_pass_at_k(n, bad_c, 4, k, 1, NULL, mean, NULL), "c = -1 of problem 2");
    bad_c[1] = NAN;
    refuses(assay_pass_at_k(n, bad_c, 4, k, 1, NULL, mean, NULL), "of problem 2");
    refuses(assay_pass_at_k(bad_n, c, 4, k, 1, NULL, mean, NULL), "n = 12.5 of problem 2");
    refuses(
        assay_pass_at_k(n, c, 4, back, 2, NULL, mean, NULL), "k must be ascending, got 2 after 3");
    refuses(assay_pass_at_k(n, c, 4, zero, 2, NULL, mean, NULL), "k = 0 (number 1)");
    refuses(assay_pass_at_k(n, c, 4, half, 2, NULL, mean, NULL), "k = 1.5 (number 1)");
    refuses(assay_pass_at_k(n, c, 0, k, 1, NULL, mean, NULL), "at least 1 problem");
    refuses(assay_pass_hat_k(n, c, 4, k, 2, NULL, mean, NULL), "pass_hat_k: k = 11");
}

/* The paper's grid of 40 points to 10^4, as numpy's logspace(0, 4, 40).astype(int) gives it. */
static void grid_is_even_in_log_k(void **state)
{
    (void)state;
    static const double paper[] = {1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 21, 27, 34, 43, 55, 70, 88, 112,
        142, 180, 228, 289, 366, 464, 587, 744, 942, 1193, 1511, 1914, 2424, 3070, 3888, 4923, 6235,
        7896, 10000};
    double grid[100];
    size_t count;
    ok(assay_coverage_grid(10000, 40, grid, &count));
    assert_int_equal(count, sizeof paper / sizeof *paper);
    for (size_t i = 0; i < count; i++)
        assert_true(grid[i] == paper[i]);
    for (unsigned decades = 1; decades <= 15; decades++) { /* whole powers are not truncated */
        ok(assay_coverage_grid(pow(10, decades), decades + 1, grid, &count));
        assert_int_equal(count, decades + 1);
        for (unsigned i = 0; i <= decades; i++)
            assert_true(grid[i] == round(pow(10, i)));
    }
    ok(assay_coverage_grid(1, 40, grid, &count));
    assert_int_equal(count, 1);
    refuses(assay_coverage_grid(0, 40, grid, &count), "n = 0");
    refuses(assay_coverage_grid(10, 1, grid, &count), "points must be at least 2");
}

static double scan_for_closest(const double *n, const double *c, size_t problems, double coverage)
{
    double best = 0, distance = INFINITY;
    for (double k = 1; k <= 40; k++) {
        double mean;
        ok(assay_pass_at_k(n, c, problems, &k, 1, NULL, &mean, NULL));
        if (fabs(mean - coverage) < distance) {
            distance = fabs(mean - coverage);
            best = k;
        }
    }
    return best;
}

static void reaches_a_coverage_at_the_closest_k(void **state)
{
    (void)state;
    const double n[] = {40, 40, 40, 40, 40, 40}, c[] = {1, 2, 4, 8, 0, 20};
    const double solved_c[] = {39, 40, 40, 38, 40, 40};
    double k, coverage;
    for (double target = 0; target <= 1; target += 0.01) {
        ok(assay_samples_to_reach(n, c, 6, target, &k, &coverage));
        assert_true(k == scan_for_closest(n, c, 6, target));
        ok(assay_samples_to_reach(n, solved_c, 6, target, &k, &coverage));
        assert_true(k == scan_for_closest(n, solved_c, 6, target));
    }
    ok(assay_samples_to_reach(n, c, 6, 0.5, &k, &coverage));
    assert_true(k == 8); /* golden */
    ok(assay_samples_to_reach(n, c, 6, 1, &k, &coverage));
    assert_true(k == 40);
    close_to(coverage, 5.0 / 6, 1e-15);
    refuses(
        assay_samples_to_reach(n, c, 6, 1.5, &k, &coverage), "coverage must be in 0..1, got 1.5");
}

/* Two models of constant p = 0.5 and 0.1: the weaker needs k with 1 - 0.9^k closest to 0.5. */
static void overlays_a_family(void **state)
{
    (void)state;
    const double n = 1e9, strong = 5e8, weak = 1e8;
    const assay_counts models[] = {{&n, &weak, 1}, {&n, &strong, 1}};
    double anchor, shift[2];
    ok(assay_coverage_overlay(models, 2, &anchor, shift));
    close_to(anchor, 0.5, 1e-15);
    assert_true(shift[0] == 7 && shift[1] == 1);
    refuses(assay_coverage_overlay(models, 0, &anchor, shift), "at least 1 model");
}

/* For a mean of 0/1 values the percentile interval is close to the normal one. */
static void bootstraps_over_problems(void **state)
{
    (void)state;
    enum { PROBLEMS = 400 };
    double values[PROBLEMS][2], low[2], high[2], again_low[2], again_high[2];
    for (int i = 0; i < PROBLEMS; i++) {
        values[i][0] = i % 4 == 0;
        values[i][1] = 0.25;
    }
    const assay_matrix m = assay_matrix_view(&values[0][0], PROBLEMS, 2);
    assay_rng rng = assay_rng_seed(3), same = assay_rng_seed(3);
    const double half = 1.959964 * sqrt(0.25 * 0.75 / PROBLEMS);
    ok(assay_coverage_bootstrap(&m, 4000, 0.95, &rng, NULL, low, high));
    close_to(low[0], 0.25 - half, 0.004);
    close_to(high[0], 0.25 + half, 0.004);
    close_to(low[1], 0.25, 1e-14);
    close_to(high[1], 0.25, 1e-14);
    ok(assay_coverage_bootstrap(&m, 4000, 0.95, &same, NULL, again_low, again_high));
    assert_true(low[0] == again_low[0] && high[0] == again_high[0]);
    refuses(assay_coverage_bootstrap(&m, 0, 0.95, &rng, NULL, low, high), "resamples");
    refuses(assay_coverage_bootstrap(&m, 10, 1, &rng, NULL, low, high), "level");
}

static void recovers_an_exact_power_law(void **state)
{
    (void)state;
    static const assay_fit_space spaces[] = {
        ASSAY_SPACE_DEFAULT, ASSAY_SPACE_LOG, ASSAY_SPACE_LINEAR, ASSAY_SPACE_LOGLOG};
    double k[] = {1, 2, 5, 10, 100}, coverage[5];
    for (int i = 0; i < 5; i++)
        coverage[i] = exp(-2 * pow(k[i], -0.4));
    for (size_t s = 0; s < sizeof spaces / sizeof *spaces; s++) {
        assay_power_law law;
        ok(assay_fit_power_law(k, coverage, 5, spaces[s], &law));
        close_to(law.a, -2, 1e-8);
        close_to(law.b, -0.4, 1e-8);
        close_to(law.max_abs_error, 0, 1e-8);
        assert_int_equal(law.dropped, 0);
    }
    assay_power_law law;
    coverage[0] = 0;
    ok(assay_fit_power_law(k, coverage, 5, ASSAY_SPACE_LOG, &law));
    close_to(law.a, -2, 1e-8);
    assert_int_equal(law.dropped, 1);
}

/* The last column of the shipped counts: Pythia-12B, 128 problems, 10 000 samples each. */
static void read_12b(double *c)
{
    char path[1024], line[256];
    const char *source = getenv("srcdir");
    snprintf(path, sizeof path, "%s/experiments/data/monkeys/math_pythia_counts.csv",
        source ? source : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    for (int i = 0; i < 128; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        c[i] = strtod(strrchr(line, ',') + 1, NULL);
    }
    fclose(file);
}

/* In the space of the default, on real data, where the spaces differ: scipy's (a, b), which are
 * those of the paper (-3.92, -0.35); and log coverage is what is fitted. */
static void fits_the_published_counts(void **state)
{
    (void)state;
    double n[128], c[128], k[40], coverage[40];
    size_t m;
    assay_power_law law;
    for (int i = 0; i < 128; i++)
        n[i] = 10000;
    read_12b(c);
    ok(assay_coverage_grid(10000, 40, k, &m));
    ok(assay_pass_at_k(n, c, 128, k, m, NULL, coverage, NULL));
    close_to(coverage[m - 1], 0.875, 1e-15);
    ok(assay_fit_power_law(k, coverage, m, ASSAY_SPACE_DEFAULT, &law));
    close_to(law.a, -3.98565601850559, 1e-6);
    close_to(law.b, -0.35185032925554, 1e-6);
    close_to(law.mean_abs_error, 0.0171832538748374, 1e-6);
}

static void refuses_curves_without_a_law(void **state)
{
    (void)state;
    const double k[] = {1, 2, 4}, none[] = {0, 0, 0}, all[] = {1, 1, 1}, one[] = {0, 0, 0.5};
    const double wrong[] = {0.1, 1.2, 0.3};
    assay_power_law law;
    refuses(assay_fit_power_law(k, none, 3, ASSAY_SPACE_LOG, &law), "fit_power_law");
    refuses(assay_fit_power_law(k, all, 3, ASSAY_SPACE_LOG, &law), "fit_power_law");
    refuses(assay_fit_power_law(k, all, 3, ASSAY_SPACE_LINEAR, &law), "fit_power_law");
    refuses(assay_fit_power_law(k, one, 3, ASSAY_SPACE_LOGLOG, &law), "fit_power_law");
    refuses(assay_fit_power_law(k, wrong, 3, ASSAY_SPACE_LOG, &law),
        "coverage must be in 0..1, got 1.2 at number 2");
}

static void fits_a_line_in_log_k(void **state)
{
    (void)state;
    const double k[] = {1, 10, 100, 1000}, line[] = {0.1, 0.3, 0.5, 0.7}, bent[] = {0, 0, 1, 1};
    double intercept, slope, r2;
    ok(assay_fit_log_linear(k, line, 4, &intercept, &slope, &r2));
    close_to(intercept, 0.1, 1e-14);
    close_to(slope, 0.2, 1e-14);
    close_to(r2, 1, 1e-12);
    ok(assay_fit_log_linear(k, bent, 4, &intercept, &slope, &r2));
    close_to(slope, 0.4, 1e-14);
    close_to(r2, 0.8, 1e-14);
}

static void sums_flops_token_by_token(void **state)
{
    (void)state;
    const assay_lm_size llama = {8.03e9, 32, 4096}, flat = {1000, 0, 64};
    double total = 0, per_token, closed;
    for (int t = 1; t <= 120 + 256; t++) {
        ok(assay_flops_per_token(&llama, t, &per_token));
        total += t <= 120 ? per_token : 100 * per_token;
    }
    ok(assay_inference_flops(&llama, 120, 256, 100, &closed));
    close_to(closed / total, 1, 1e-14);
    close_to(closed, 416402316871680.0, 1);
    ok(assay_inference_flops(&flat, 7, 11, 13, &closed));
    close_to(closed, 2 * 1000.0 * (7 + 13 * 11), 1e-9);
    const assay_lm_size bad = {-1, 0, 0};
    refuses(assay_inference_flops(&bad, 1, 1, 1, &closed),
        "params must be a finite number of at least 0, got -1");
}

/* Table 1: 300 problems at 0.0072 (5 attempts), 0.13 and 0.17 USD an attempt. */
static void prices_attempts(void **state)
{
    (void)state;
    const assay_token_price deepseek = {.completion = 7200, .completion_tokens = 1};
    assay_token_price price = {
        .prompt = 2, .completion = 10, .prompt_tokens = 5e5, .completion_tokens = 1e5};
    double total;
    ok(assay_api_cost(&deepseek, 300, 5, &total));
    close_to(total, 10.8, 1e-12);
    ok(assay_api_cost(&price, 10, 4, &total)); /* a prompt costs 1, a completion 1 */
    close_to(total, 80, 1e-12);
    price.prompt_cached = true;
    ok(assay_api_cost(&price, 10, 4, &total));
    close_to(total, 50, 1e-12);
    price.prompt = -1;
    refuses(assay_api_cost(&price, 10, 4, &total), "prompt_price");
}

static void interpolates_in_log_cost(void **state)
{
    (void)state;
    const double cost[] = {1, 10, 1000}, coverage[] = {0.1, 0.3, 0.7};
    const double at[] = {0.5, 1, sqrt(10), 10, 100, 1000, 1001};
    const double wanted[] = {NAN, 0.1, 0.2, 0.3, 0.5, 0.7, NAN};
    double out[7];
    ok(assay_cost_curve(cost, coverage, 3, at, 7, out));
    for (int i = 0; i < 7; i++)
        if (isnan(wanted[i]))
            assert_true(isnan(out[i]));
        else
            close_to(out[i], wanted[i], 1e-14);
    const double back[] = {1, 1};
    refuses(assay_cost_curve(back, coverage, 2, at, 1, out), "cost must be ascending");
}

static void finds_where_the_better_model_changes(void **state)
{
    (void)state;
    assay_crossing found[8];
    size_t count;
    /* a = 0.1 + 0.2 log10 cost; b = 0.4 log10 cost: equal at cost sqrt(10), coverage 0.2 */
    const double cost_a[] = {1, 1000}, a[] = {0.1, 0.7}, cost_b[] = {1, 10, 100},
                 b[] = {0, 0.4, 0.8};
    ok(assay_cost_crossings(cost_a, a, 2, cost_b, b, 3, found, &count));
    assert_int_equal(count, 1);
    close_to(found[0].cost, sqrt(10), 1e-12);
    close_to(found[0].coverage, 0.2, 1e-12);
    assert_false(found[0].a_better);
    ok(assay_cost_crossings(cost_b, b, 3, cost_a, a, 2, found, &count));
    assert_int_equal(count, 1);
    assert_true(found[0].a_better);
    /* equal on 10..100, then parted: the change is where equality begins; touching is no change */
    const double cost[] = {1, 10, 100, 1000}, up[] = {0, 0.5, 0.6, 0.9},
                 down[] = {0.2, 0.5, 0.6, 0.7};
    const double touch[] = {0.2, 0.5, 0.7, 1};
    ok(assay_cost_crossings(cost, up, 4, cost, down, 4, found, &count));
    assert_int_equal(count, 1);
    close_to(found[0].cost, 10, 1e-12);
    assert_true(found[0].a_better);
    ok(assay_cost_crossings(cost, up, 4, cost, touch, 4, found, &count));
    assert_int_equal(count, 0);
    ok(assay_cost_crossings(cost, up, 4, cost, up, 4, found, &count));
    assert_int_equal(count, 0);
    const double apart[] = {1e6, 1e7};
    ok(assay_cost_crossings(cost, up, 4, apart, a, 2, found, &count));
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_enumeration),
        cmocka_unit_test(curve_is_monotone_concave_and_pinned),
        cmocka_unit_test(holds_at_large_n),
        cmocka_unit_test(is_unbiased_where_the_plug_in_is_not),
        cmocka_unit_test(averages_over_problems),
        cmocka_unit_test(names_bad_counts),
        cmocka_unit_test(grid_is_even_in_log_k),
        cmocka_unit_test(reaches_a_coverage_at_the_closest_k),
        cmocka_unit_test(overlays_a_family),
        cmocka_unit_test(bootstraps_over_problems),
        cmocka_unit_test(recovers_an_exact_power_law),
        cmocka_unit_test(fits_the_published_counts),
        cmocka_unit_test(refuses_curves_without_a_law),
        cmocka_unit_test(fits_a_line_in_log_k),
        cmocka_unit_test(sums_flops_token_by_token),
        cmocka_unit_test(prices_attempts),
        cmocka_unit_test(interpolates_in_log_cost),
        cmocka_unit_test(finds_where_the_better_model_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
