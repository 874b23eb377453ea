/* Statistics against R's published output (help pages t.test and sleep), Newcombe's table of Wilson
 * intervals, numpy's quantiles, exact enumeration, and the coverage that intervals promise. */
#include "core/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <gsl/gsl_cdf.h>

#include "core/status.h"

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.17g, expected %.17g within %g", got, expected, tolerance);
}

/* Student's sleep data (1908), R's data set `sleep`: extra hours under two drugs, 10 patients. */
static const double drug1[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double drug2[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

static void t_interval_is_that_of_r(void **state)
{
    (void)state;
    assay_interval t;
    assert_int_equal(assay_t_interval(drug1, 10, 0, 0.95, &t), ASSAY_OK);
    near(t.estimate, 0.75, 1e-15);
    near(t.low, -0.5297804, 5e-8);
    near(t.high, 2.0297804, 5e-8);
    near(t.p, 0.2176, 5e-5);
    near(t.df, 9, 0);
    assert_int_equal(t.n, 10);
    assert_int_equal(assay_t_interval(drug1, 10, t.high, 0.95, &t), ASSAY_OK);
    near(t.p, 0.05, 1e-12); /* an interval ends where its test rejects */
}

static void paired_interval_is_that_of_r(void **state)
{
    (void)state;
    assay_interval t;
    assert_int_equal(assay_paired_interval(drug1, drug2, 10, 0.95, &t), ASSAY_OK);
    near(t.estimate, -1.58, 1e-15);
    near(t.low, -2.4598858, 5e-8);
    near(t.high, -0.7001142, 5e-8);
    near(t.p, 0.002833, 5e-7);
    assert_int_equal(t.n, 10);
}

static void welch_interval_is_that_of_r(void **state)
{
    (void)state;
    assay_interval t;
    assert_int_equal(assay_welch_interval(drug1, 10, drug2, 10, 0.95, &t), ASSAY_OK);
    near(t.estimate, -1.58, 1e-15);
    near(t.low, -3.3654832, 5e-8);
    near(t.high, 0.2054832, 5e-8);
    near(t.p, 0.07939, 5e-6);
    near(t.df, 17.776, 5e-4);
    /* df lies between the smaller sample's and the pooled: equal variances and sizes give 2 (n - 1)
     */
    assert_int_equal(assay_welch_interval(drug1, 10, drug1, 10, 0.9, &t), ASSAY_OK);
    near(t.df, 18, 1e-12);
    near(t.p, 1, 1e-12);
}

static void intervals_without_spread_or_replicates(void **state)
{
    (void)state;
    const double same[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    assay_interval t;
    assert_int_equal(assay_t_interval(same, 10, 0.1, 0.95, &t), ASSAY_OK);
    assert_true(t.low == 0.1 && t.high == 0.1 && t.p == 1);
    assert_int_equal(assay_t_interval(same, 10, 0, 0.95, &t), ASSAY_OK);
    assert_true(t.low == 0.1 && t.high == 0.1 && t.p == 0);
    assert_int_equal(assay_t_interval(same, 1, 0, 0.95, &t), ASSAY_OK);
    assert_true(t.estimate == 0.1 && t.low == -INFINITY && t.high == INFINITY && isnan(t.p));
    assert_int_equal(assay_welch_interval(same, 10, same, 9, 0.95, &t), ASSAY_OK);
    assert_true(t.low == 0 && t.high == 0 && t.p == 1);
    assert_int_equal(assay_welch_interval(drug1, 10, drug2, 1, 0.95, &t), ASSAY_OK);
    assert_true(t.low == -INFINITY && t.high == INFINITY && isnan(t.p));
    const double infinite[] = {1, INFINITY, 2};
    assert_int_equal(assay_t_interval(infinite, 3, 0, 0.95, &t), ASSAY_OK);
    assert_true(t.estimate == INFINITY && t.low == -INFINITY && isnan(t.p));
}

/* Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3. */
static void wilson_interval_is_newcombes(void **state)
{
    (void)state;
    const double cases[][4] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605},
        {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}};
    assay_interval w;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(assay_wilson_interval(cases[i][0], cases[i][1], 0.95, &w), ASSAY_OK);
        near(w.low, cases[i][2], 5e-5);
        near(w.high, cases[i][3], 5e-5);
        near(w.estimate, cases[i][0] / cases[i][1], 1e-15);
        assay_interval mirror; /* failures are as good as successes */
        assert_int_equal(
            assay_wilson_interval(cases[i][1] - cases[i][0], cases[i][1], 0.95, &mirror), ASSAY_OK);
        near(mirror.low, 1 - w.high, 1e-15);
        near(mirror.high, 1 - w.low, 1e-15);
    }
    for (int trials = 1; trials <= 200; trials++) { /* none and all reach the ends exactly */
        assert_int_equal(assay_wilson_interval(0, trials, 0.9, &w), ASSAY_OK);
        assert_true(w.low == 0 && w.high < 1);
        assert_int_equal(assay_wilson_interval(trials, trials, 0.9, &w), ASSAY_OK);
        assert_true(w.low > 0 && w.high == 1);
    }
    assert_int_equal(assay_wilson_interval(0, 20, 0.95, &w), ASSAY_OK);
    assert_true(w.low == 0 && w.n == 20 && isnan(w.p));
}

/* numpy.quantile, default method */
static void quantiles_are_numpys(void **state)
{
    (void)state;
    const double x[] = {3.7, -1.2, 8.05, 0.4, 3.7, 12.5, -7.25, 2.0};
    const double q[] = {0, 0.025, 0.1, 0.25, 0.5, 0.77, 0.9, 1};
    const double expected[] = {
        -7.25, -6.19125, -3.0149999999999997, 0.0, 2.85, 5.396500000000003, 9.385, 12.5};
    double got[8], one;
    assert_int_equal(assay_quantiles(x, 8, q, 8, got), ASSAY_OK);
    for (int i = 0; i < 8; i++) {
        near(got[i], expected[i], 1e-14);
        assert_int_equal(assay_quantile(x, 8, q[i], &one), ASSAY_OK);
        assert_true(one == got[i]);
    }
    near(assay_mean(x, 8), 2.7375, 1e-15);
    near(assay_variance(x, 8), 35.23482142857143, 1e-13);
    near(assay_sd(x, 8) * assay_sd(x, 8), 35.23482142857143, 1e-13);
    const double infinite[] = {-INFINITY, INFINITY, 1, INFINITY};
    assert_int_equal(assay_quantile(infinite, 4, 0.9, &one), ASSAY_OK);
    assert_true(one == INFINITY);
    assert_int_equal(assay_quantile(infinite, 4, 0, &one), ASSAY_OK);
    assert_true(one == -INFINITY);
}

/* A running sum of four million tenths loses five digits; the pairwise one is good to the last. */
static void means_of_long_arrays_are_exact(void **state)
{
    (void)state;
    enum { N = 1 << 22 };
    double *x = malloc(N * sizeof *x);
    for (size_t i = 0; i < N; i++)
        x[i] = i % 2 ? 0.1 : 0.3;
    near(assay_mean(x, N), 0.2, 3e-16);
    near(assay_variance(x, N), 0.01 * N / (N - 1.0), 1e-16);
    for (size_t i = 0; i < N; i++) /* a large offset does not eat the variance */
        x[i] = 1e9 + (double)(i % 2);
    near(assay_variance(x, N), 0.25 * N / (N - 1.0), 1e-15);
    free(x);
    assert_true(isnan(assay_mean(NULL, 0)));
    assert_true(isnan(assay_variance(drug1, 1)));
}

/* All 4^4 resamples of four values have known means; 50,000 random ones find their quantiles. */
static void bootstrap_agrees_with_enumeration(void **state)
{
    (void)state;
    const double x[] = {1, 2, 4, 8};
    double all[256], low, high;
    for (int i = 0; i < 256; i++)
        all[i] = (x[i & 3] + x[i >> 2 & 3] + x[i >> 4 & 3] + x[i >> 6]) / 4;
    assert_int_equal(assay_quantile(all, 256, 0.05, &low), ASSAY_OK);
    assert_int_equal(assay_quantile(all, 256, 0.95, &high), ASSAY_OK);
    assay_rng rng = assay_rng_seed(4), again = rng;
    assay_interval b, twin;
    assert_int_equal(assay_bootstrap_mean(x, 4, 50000, 0.9, &rng, NULL, &b), ASSAY_OK);
    near(b.low, low, 0.25); /* one step of the lattice of means */
    near(b.high, high, 0.25);
    near(b.estimate, 3.75, 0);
    assert_int_equal(b.n, 4);
    assert_true(isnan(b.p) && isnan(b.df));
    assert_int_equal(assay_bootstrap_mean(x, 4, 50000, 0.9, &again, NULL, &twin), ASSAY_OK);
    assert_true(twin.low == b.low && twin.high == b.high);
}

/* Large normal samples: the percentile interval is mean -+ z sd_n / sqrt(n). */
static void bootstrap_tends_to_the_normal_interval(void **state)
{
    (void)state;
    enum { N = 2000 };
    double x[N];
    assay_rng rng = assay_rng_seed(6);
    assay_rng_fill_normal(&rng, x, N);
    assay_interval b;
    assert_int_equal(assay_bootstrap_mean(x, N, 4000, 0.95, &rng, NULL, &b), ASSAY_OK);
    double reach = gsl_cdf_ugaussian_Pinv(0.975) * assay_sd(x, N) * sqrt((N - 1.0) / N / N);
    near(b.high - b.estimate, reach, 0.06 * reach);
    near(b.estimate - b.low, reach, 0.06 * reach);
}

static void intervals_cover_as_promised(void **state)
{
    (void)state;
    enum { SETS = 2000, N = 8 };
    int t_covers = 0, welch_covers = 0, wilson_covers = 0;
    for (uint64_t s = 0; s < SETS; s++) {
        assay_rng rng = assay_rng_seed(s);
        double a[N], b[N / 2];
        assay_interval i;
        assay_rng_fill_normal(&rng, a, N);
        for (int j = 0; j < N / 2; j++)
            b[j] = 3 * assay_rng_normal(&rng) + 1;
        assert_int_equal(assay_t_interval(a, N, 0, 0.9, &i), ASSAY_OK);
        t_covers += i.low <= 0 && 0 <= i.high;
        assert_int_equal((i.low <= 0 && 0 <= i.high), i.p >= 0.1);
        assert_int_equal(assay_welch_interval(a, N, b, N / 2, 0.9, &i), ASSAY_OK);
        welch_covers += i.low <= -1 && -1 <= i.high;
        double successes = (double)assay_rng_binomial(&rng, 100, 0.2);
        assert_int_equal(assay_wilson_interval(successes, 100, 0.9, &i), ASSAY_OK);
        wilson_covers += i.low <= 0.2 && 0.2 <= i.high;
    }
    near(t_covers / (double)SETS, 0.9, 0.02);
    near(welch_covers / (double)SETS, 0.9, 0.025);
    near(wilson_covers / (double)SETS, 0.9, 0.03);
}

static double nan_statistic(void *context, const size_t *index, size_t n)
{
    (void)index;
    (void)n;
    return ++*(int *)context > 3 ? NAN : 0;
}

static void refuses_bad_arguments(void **state)
{
    (void)state;
    const double bad[] = {1, 2, NAN};
    double q = 0.5, out;
    int calls = 0;
    assay_interval i;
    assay_rng rng = assay_rng_seed(0);
    assert_int_equal(assay_t_interval(bad, 3, 0, 0.95, &i), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "t_interval: value 2 (from 0) is NaN");
    assert_int_equal(assay_t_interval(bad, 0, 0, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_t_interval(bad, 2, 0, 1, &i), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "t_interval: level must lie between 0 and 1, got 1");
    assert_int_equal(assay_t_interval(bad, 2, 0, NAN, &i), ASSAY_EINVAL);
    assert_int_equal(assay_paired_interval(drug1, bad, 3, 0.95, &i), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "paired_interval: second sample: value 2 (from 0) is NaN");
    assert_int_equal(assay_paired_interval(drug1, drug2, 0, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_welch_interval(drug1, 0, drug2, 3, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_welch_interval(bad, 3, drug2, 3, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_welch_interval(drug1, 3, drug2, 3, 0, &i), ASSAY_EINVAL);
    assert_int_equal(assay_wilson_interval(3, 2, 0.95, &i), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "wilson_interval: successes must lie in 0..2, got 3");
    assert_int_equal(assay_wilson_interval(-1, 2, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_wilson_interval(0, 0, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_wilson_interval(NAN, 2, 0.95, &i), ASSAY_EINVAL);
    assert_int_equal(assay_quantile(bad, 3, 0.5, &out), ASSAY_EINVAL);
    assert_int_equal(assay_quantile(bad, 0, 0.5, &out), ASSAY_EINVAL);
    q = 1.5;
    assert_int_equal(assay_quantiles(bad, 2, &q, 1, &out), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "quantile: q must lie in 0..1, got 1.5");
    assert_int_equal(assay_bootstrap_mean(bad, 3, 10, 0.95, &rng, NULL, &i), ASSAY_EINVAL);
    assert_int_equal(assay_bootstrap_mean(bad, 2, 0, 0.95, &rng, NULL, &i), ASSAY_EINVAL);
    assert_int_equal(assay_bootstrap_mean(bad, 0, 10, 0.95, &rng, NULL, &i), ASSAY_EINVAL);
    assert_int_equal(
        assay_bootstrap_interval(nan_statistic, &calls, 5, 10, 0.95, &rng, NULL, &i), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "bootstrap: the statistic of resample 2 (from 0) is NaN");
}

static int stop_second(void *context, double done, double total)
{
    int *calls = context;
    assert_true(done > 0 && done <= total);
    return ++*calls == 2;
}

static void bootstrap_is_stopped(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double x[N];
    assay_rng rng = assay_rng_seed(9);
    int calls = 0;
    const assay_progress progress = {stop_second, &calls};
    assay_interval i;
    assert_int_equal(
        assay_bootstrap_mean(x, N, 1000000, 0.95, &rng, &progress, &i), ASSAY_ECANCELLED);
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_interval_is_that_of_r),
        cmocka_unit_test(paired_interval_is_that_of_r),
        cmocka_unit_test(welch_interval_is_that_of_r),
        cmocka_unit_test(intervals_without_spread_or_replicates),
        cmocka_unit_test(wilson_interval_is_newcombes),
        cmocka_unit_test(quantiles_are_numpys),
        cmocka_unit_test(means_of_long_arrays_are_exact),
        cmocka_unit_test(bootstrap_agrees_with_enumeration),
        cmocka_unit_test(bootstrap_tends_to_the_normal_interval),
        cmocka_unit_test(bootstrap_is_stopped),
        cmocka_unit_test(intervals_cover_as_promised),
        cmocka_unit_test(refuses_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
