/* Ranks and rank correlations against counting all pairs, and closed forms. */
#include "core/rank.h"

#include <stdbool.h>

#include "../methods/check.h"
#include "core/rng.h"

/* By definition: concordant less discordant pairs, over the root of the pairs not tied in each. */
static double tau_by_pairs(const double *a, const double *b, size_t n)
{
    double sum = 0, ordered_a = 0, ordered_b = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const int x = (a[i] > a[j]) - (a[i] < a[j]), y = (b[i] > b[j]) - (b[i] < b[j]);
            sum += x * y;
            ordered_a += x != 0;
            ordered_b += y != 0;
        }
    return sum / sqrt(ordered_a * ordered_b);
}

static void tau_is_the_count_of_pairs(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    double a[40], b[40], tau;
    for (int trial = 0; trial < 200; trial++) {
        const size_t n = 2 + assay_rng_below(&rng, 39), values = 2 + assay_rng_below(&rng, 20);
        for (size_t i = 0; i < n; i++) {
            a[i] = (double)assay_rng_below(&rng, values);
            b[i] = (double)assay_rng_below(&rng, values) + (trial % 2 ? a[i] : 0);
        }
        const double wanted = tau_by_pairs(a, b, n);
        ok(assay_kendall_tau(a, b, n, &tau));
        if (isnan(wanted))
            assert_true(isnan(tau));
        else
            close_to(tau, wanted, 1e-12);
    }
}

static void tau_ends(void **state)
{
    (void)state;
    const double a[] = {3, 1, 2, 5, 4}, minus[] = {-3, -1, -2, -5, -4}, same[] = {1, 1, 1, 1, 1};
    const double far[] = {INFINITY, -INFINITY, 2, 5, 4}, bad[] = {1, 2, NAN, 4, 5};
    double tau;
    ok(assay_kendall_tau(a, a, 5, &tau));
    assert_true(tau == 1);
    ok(assay_kendall_tau(a, minus, 5, &tau));
    assert_true(tau == -1);
    ok(assay_kendall_tau(a, same, 5, &tau));
    assert_true(isnan(tau));
    ok(assay_kendall_tau(same, a, 5, &tau));
    assert_true(isnan(tau));
    ok(assay_kendall_tau(a, a, 1, &tau));
    assert_true(isnan(tau));
    ok(assay_kendall_tau(a, a, 0, &tau));
    assert_true(isnan(tau));
    ok(assay_kendall_tau(far, a, 5, &tau));
    close_to(tau, 0.6, 1e-15); /* 2 of 10 pairs are in opposite order */
    refuses(assay_kendall_tau(a, bad, 5, &tau), "kendall_tau: b[3] must be a number, got nan");
    refuses(assay_kendall_tau(bad, a, 5, &tau), "a[3]");
}

static void ranks_share_ties(void **state)
{
    (void)state;
    const double x[] = {2, 1, 2, 7, 2}, wanted[] = {3, 1, 3, 5, 3};
    double rank[5];
    ok(assay_ranks(x, 5, rank));
    assert_memory_equal(rank, wanted, sizeof wanted);
    ok(assay_ranks(x, 0, rank));
    refuses(assay_ranks((double[]){0, NAN}, 2, rank), "ranks: x[2]");
}

/* Without ties Spearman's rho is 1 - 6 sum d^2 / (n (n^2 - 1)). */
static void spearman_has_its_closed_form(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (int trial = 0; trial < 50; trial++) {
        size_t order[12];
        double a[12], b[12], squares = 0, rho;
        assay_rng_permutation(&rng, 12, order);
        for (size_t i = 0; i < 12; i++) {
            a[i] = (double)i;
            b[i] = exp((double)order[i]); /* only the order counts */
            squares += (a[i] - (double)order[i]) * (a[i] - (double)order[i]);
        }
        ok(assay_spearman(a, b, 12, &rho));
        close_to(rho, 1 - 6 * squares / (12 * 143), 1e-12);
    }
}

static void pearson_of_a_line(void **state)
{
    (void)state;
    const double x[] = {1, 2, 4, 8}, y[] = {5, 3, -1, -9}, z[] = {1, 0, 0, 1},
                 same[] = {2, 2, 2, 2};
    double r;
    ok(assay_pearson(x, y, 4, &r));
    close_to(r, -1, 1e-15);
    ok(assay_pearson(x, z, 4, &r)); /* deviations -2.75 -1.75 .25 4.25: 1.5 / sqrt(28.75 * 1) */
    close_to(r, 1.5 / sqrt(28.75), 1e-15);
    ok(assay_pearson(x, same, 4, &r));
    assert_true(isnan(r));
    ok(assay_pearson(x, x, 1, &r));
    assert_true(isnan(r));
    refuses(assay_pearson(x, (double[]){1, 2, 3, INFINITY}, 4, &r), "b[4] must be finite");
    refuses(assay_spearman((double[]){NAN}, x, 1, &r), "spearman: a[1]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tau_is_the_count_of_pairs),
        cmocka_unit_test(tau_ends),
        cmocka_unit_test(ranks_share_ties),
        cmocka_unit_test(spearman_has_its_closed_form),
        cmocka_unit_test(pearson_of_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
