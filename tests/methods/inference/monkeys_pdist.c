/* Scaled binomials against 40-digit quadrature (mpmath), closed forms and each other; fits against
 * the parameters that data were drawn from. */
#include "methods/inference/monkeys.h"

#include "../check.h"

static double logpmf(assay_pdist kind, double alpha, double beta, double scale, double n, double c)
{
    double value;
    if (assay_scaled_binomial_logpmf(kind, alpha, beta, scale, n, c, &value) != ASSAY_OK)
        fail_msg("%s", assay_errmsg());
    return value;
}

static const assay_pdist kinds[] = {ASSAY_PDIST_BETA, ASSAY_PDIST_KUMARASWAMY};

/* Over shapes that are singular at either end, flat, and sharply peaked. */
static void sums_to_one(void **state)
{
    (void)state;
    enum { N = 12 };
    static const double shapes[] = {0.001, 0.3, 1, 2.5, 100}, scales[] = {1e-3, 0.4, 0.999, 1};
    for (int kind = 0; kind < 2; kind++)
        for (int a = 0; a < 5; a++)
            for (int b = 0; b < 5; b++)
                for (int s = 0; s < 4; s++) {
                    double sum = 0;
                    for (int c = 0; c <= N; c++)
                        sum += exp(logpmf(kinds[kind], shapes[a], shapes[b], scales[s], N, c));
                    close_to(sum, 1, 1e-9);
                }
}

/* And where the binomial is a needle. */
static void sums_to_one_at_large_n(void **state)
{
    (void)state;
    enum { N = 1000 };
    for (int kind = 0; kind < 2; kind++) {
        double sum = 0;
        for (int c = 0; c <= N; c++)
            sum += exp(logpmf(kinds[kind], 0.2, 2, 0.25, N, c));
        close_to(sum, 1, 1e-9);
    }
}

/* The quadrature, at a scale that is 1 but for the last digits, against the closed form at 1. */
static void scale_one_is_the_closed_form(void **state)
{
    (void)state;
    static const double shapes[][2] = {{0.3, 12}, {0.35, 0.5}, {5, 0.02}, {1, 1}, {40, 70}};
    static const double counts[][2] = {{50, 0}, {50, 1}, {50, 17}, {50, 50}, {10000, 300}};
    const double almost = nextafter(1, 0);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            const double a = shapes[i][0], b = shapes[i][1], n = counts[j][0], c = counts[j][1];
            const double closed = lgamma(n + 1) - lgamma(c + 1) - lgamma(n - c + 1) +
                                  lgamma(c + a) + lgamma(n - c + b) - lgamma(n + a + b) +
                                  lgamma(a + b) - lgamma(a) - lgamma(b);
            close_to(logpmf(ASSAY_PDIST_BETA, a, b, 1, n, c), closed, 1e-9);
            close_to(logpmf(ASSAY_PDIST_BETA, a, b, almost, n, c), closed, 1e-9);
        }
}

/* Needles: of the binomial, of the density, and of both at odds. */
static void finds_needles(void **state)
{
    (void)state;
    static const double rows[][4] = {{0.3, 0.5, 1e7, 3456789}, {0.3, 2, 1e7, 54321},
        {1e6, 3e6, 20, 4}, {1e6, 1e7, 20, 20}, {100, 100, 1e7, 20}, {1e4, 1e6, 1e6, 900000}};
    const double almost = nextafter(1, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double a = rows[i][0], b = rows[i][1], n = rows[i][2], c = rows[i][3];
        const double closed = logpmf(ASSAY_PDIST_BETA, a, b, 1, n, c);
        close_to(logpmf(ASSAY_PDIST_BETA, a, b, almost, n, c) / closed, 1, 1e-7);
    }
}

static void uniform_gives_every_count_alike(void **state)
{
    (void)state;
    double k[] = {1, 2, 7, 1000}, pass[4];
    for (int kind = 0; kind < 2; kind++) {
        for (int c = 0; c <= 40; c++)
            close_to(logpmf(kinds[kind], 1, 1, 1, 40, c), -log(41), 1e-10);
        ok(assay_pass_at_k_pdist(kinds[kind], 1, 1, 1, k, 4, pass));
        for (int j = 0; j < 4; j++)
            close_to(pass[j], k[j] / (k[j] + 1), 1e-10);
    }
}

static void kumaraswamy_of_alpha_1_is_beta(void **state)
{
    (void)state;
    static const double betas[] = {0.05, 0.7, 1, 4, 60};
    for (size_t b = 0; b < sizeof betas / sizeof *betas; b++)
        for (int c = 0; c <= 30; c += 5)
            close_to(logpmf(ASSAY_PDIST_KUMARASWAMY, 1, betas[b], 0.6, 30, c),
                logpmf(ASSAY_PDIST_BETA, 1, betas[b], 0.6, 30, c), 1e-9);
}

/* Beta(alpha, 1) and Kumaraswamy(alpha, 1) both have density alpha u^(alpha-1). */
static void kumaraswamy_of_beta_1_is_beta(void **state)
{
    (void)state;
    static const double alphas[] = {0.02, 0.7, 3, 80};
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++)
        for (int c = 0; c <= 30; c += 5)
            close_to(logpmf(ASSAY_PDIST_KUMARASWAMY, alphas[a], 1, 0.6, 30, c),
                logpmf(ASSAY_PDIST_BETA, alphas[a], 1, 0.6, 30, c), 1e-9);
}

/* mpmath, 40 digits */
static void equals_high_precision(void **state)
{
    (void)state;
    static const struct {
        double alpha, beta, scale, n, c, of_beta, of_kumaraswamy;
    } rows[] = {
        {0.35, 3.5, 0.4, 50, 0, -0.689022316822721, -0.364625457139892},
        {0.35, 3.5, 0.4, 50, 1, -1.86094497120244, -2.00577996710546},
        {0.35, 3.5, 0.4, 50, 17, -7.03205397560458, -8.57348535353276},
        {0.2, 2.0, 0.25, 1000, 0, -1.00826404934077, -0.671134101771478},
        {0.2, 2.0, 0.25, 1000, 240, -9.96107761495846, -11.0231677083276},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double n = rows[i].n, c = rows[i].c;
        const double a = rows[i].alpha, b = rows[i].beta, scale = rows[i].scale;
        close_to(logpmf(ASSAY_PDIST_BETA, a, b, scale, n, c), rows[i].of_beta, 1e-9);
        close_to(logpmf(ASSAY_PDIST_KUMARASWAMY, a, b, scale, n, c), rows[i].of_kumaraswamy, 1e-9);
    }
}

/* pass@k is 1 - Pr(0 of k). */
static void forecast_is_one_minus_no_success(void **state)
{
    (void)state;
    const double k[] = {1, 10, 1000, 100000};
    double pass[4];
    for (int kind = 0; kind < 2; kind++) {
        ok(assay_pass_at_k_pdist(kinds[kind], 0.25, 4, 0.3, k, 4, pass));
        for (int j = 0; j < 4; j++)
            close_to(pass[j], 1 - exp(logpmf(kinds[kind], 0.25, 4, 0.3, k[j], 0)), 1e-12);
    }
    ok(assay_pass_at_k_pdist(ASSAY_PDIST_BETA, 0.25, 4, 0.3, k, 1, pass));
    close_to(pass[0], 0.3 * 0.25 / 4.25, 1e-12); /* the mean */
}

/* Test 5 of the specification: the slope of log(1 - pass@k) between 10^5 and 10^6. */
static void tail_has_slope_minus_alpha(void **state)
{
    (void)state;
    const double k[] = {1e5, 1e6, 1e10};
    double pass[3], exponent, prefactor;
    ok(assay_pdist_asymptote(ASSAY_PDIST_BETA, 0.25, 4, 0.3, &exponent, &prefactor));
    close_to(prefactor, 1.8658013877062, 1e-12);
    for (double scale = 0.3; scale <= 1; scale += 0.7) {
        ok(assay_pass_at_k_pdist(ASSAY_PDIST_BETA, 0.25, 4, scale, k, 3, pass));
        close_to(log((1 - pass[1]) / (1 - pass[0])) / log(10), -0.25, 1e-4);
        ok(assay_pdist_asymptote(ASSAY_PDIST_BETA, 0.25, 4, scale, &exponent, &prefactor));
        close_to(exponent, 0.25, 0);
        close_to((1 - pass[2]) / (prefactor * pow(k[2], -exponent)), 1, 1e-6);
    }
}

/* For whole beta the density is a sum of powers, alpha beta sum_j C(beta-1, j) (-1)^j
 * u^(alpha(j+1)-1), and E[exp(-k scale u)] a sum of Gamma functions; (1 - scale u)^k differs by
 * O(1/k). The first term is the asymptote. */
static void kumaraswamy_has_its_gamma_series(void **state)
{
    (void)state;
    const double alpha = 0.25, scale = 0.3, k = 1e7;
    static const double signed_choose[] = {1, -3, 3, -1};
    double pass, miss = 0, exponent, prefactor;
    for (int j = 0; j < 4; j++)
        miss += alpha * 4 * signed_choose[j] * tgamma(alpha * (j + 1)) *
                pow(k * scale, -alpha * (j + 1));
    ok(assay_pass_at_k_pdist(ASSAY_PDIST_KUMARASWAMY, alpha, 4, scale, &k, 1, &pass));
    close_to((1 - pass) / miss, 1, 1e-6);
    ok(assay_pdist_asymptote(ASSAY_PDIST_KUMARASWAMY, alpha, 4, scale, &exponent, &prefactor));
    close_to(exponent, alpha, 0);
    close_to(prefactor, 4 * alpha * tgamma(alpha) * pow(scale, -alpha), 1e-12);
}

static void nll_is_the_mean_over_problems(void **state)
{
    (void)state;
    const double n[] = {50, 50, 50, 20}, c[] = {3, 0, 3, 3};
    double sum = 0, nll;
    for (int i = 0; i < 4; i++)
        sum += logpmf(ASSAY_PDIST_KUMARASWAMY, 0.4, 2, 0.5, n[i], c[i]);
    ok(assay_scaled_binomial_nll(ASSAY_PDIST_KUMARASWAMY, 0.4, 2, 0.5, n, c, 4, &nll));
    close_to(nll, -sum / 4, 1e-12);
}

enum { PROBLEMS = 2000 };

static void draw_counts(
    double alpha, double beta, double scale, double trials, double *n, double *c)
{
    assay_rng rng = assay_rng_seed(5);
    for (int i = 0; i < PROBLEMS; i++) {
        n[i] = trials;
        c[i] = (double)assay_rng_binomial(
            &rng, (uint64_t)trials, scale * assay_rng_beta(&rng, alpha, beta));
    }
}

/* No neighbour does better, and the truth is within sampling error (a few percent at 2000). */
static void finds_the_maximum(void **state)
{
    (void)state;
    static double n[PROBLEMS], c[PROBLEMS];
    assay_pdist_fit fit;
    const assay_pdist_opts whole = {.scale = 1}, part = {.scale = 0.4};
    draw_counts(0.3, 5, 1, 500, n, c);
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, PROBLEMS, &whole, &fit));
    close_to(fit.alpha, 0.3, 0.03);
    close_to(fit.beta, 5, 0.7);
    close_to(fit.exponent, fit.alpha, 0);
    assert_false(fit.at_bound);
    for (int i = 0; i < 4; i++) {
        static const double steps[][2] = {{1.003, 1}, {0.997, 1}, {1, 1.003}, {1, 0.997}};
        double nll;
        ok(assay_scaled_binomial_nll(ASSAY_PDIST_BETA, fit.alpha * steps[i][0],
            fit.beta * steps[i][1], 1, n, c, PROBLEMS, &nll));
        assert_true(nll > fit.nll);
    }
    draw_counts(0.5, 2, 0.4, 100, n, c);
    for (int kind = 0; kind < 2; kind++) {
        ok(assay_fit_pdist(kinds[kind], n, c, PROBLEMS, &part, &fit));
        close_to(fit.alpha, kind == 0 ? 0.5 : 0.55, 0.08);
        assert_true(fit.scale == 0.4);
    }
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, PROBLEMS, NULL, &fit));
    assert_true(fit.scale > 0.35 && fit.scale < 0.5);
    close_to(fit.alpha, 0.5, 0.05);
}

/* The root of the gradient, which has no such rounding as the likelihood, by Newton's method in
 * another language (digamma functions): six counts of 10^4. */
static void is_exact_beyond_the_rounding_of_the_likelihood(void **state)
{
    (void)state;
    const double n[] = {1e4, 1e4, 1e4, 1e4, 1e4, 1e4}, c[] = {0, 3, 17, 120, 900, 4000};
    const assay_pdist_opts whole = {.scale = 1};
    assay_pdist_fit fit;
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 6, &whole, &fit));
    close_to(fit.alpha, 0.1913725011540132, 1e-9);
    close_to(fit.beta, 2.2173554943015876, 1e-7);
}

static void estimates_the_scale_from_the_largest_rate(void **state)
{
    (void)state;
    const double n[] = {10, 20, 10, 10}, c[] = {1, 8, 0, 3}, all[] = {10, 8, 0, 3};
    const assay_pdist_opts binned = {.method = ASSAY_PDIST_DISCRETISED};
    assay_pdist_fit fit;
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 4, NULL, &fit));
    close_to(fit.scale, 5.0 / 4 * 0.4, 1e-15);
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, all, 4, NULL, &fit));
    assert_true(fit.scale == 1);
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 4, &binned, &fit));
    assert_true(fit.scale == 0.4);
}

/* [S25]: 10^4 samples a problem resolve the left tail, so the bins find the exponent too. */
static void discretised_variant_finds_the_exponent(void **state)
{
    (void)state;
    static double n[PROBLEMS], c[PROBLEMS];
    assay_pdist_fit fit;
    assay_pdist_opts o = {.method = ASSAY_PDIST_DISCRETISED, .scale = 1};
    draw_counts(0.3, 5, 1, 10000, n, c);
    for (int kind = 0; kind < 2; kind++) {
        ok(assay_fit_pdist(kinds[kind], n, c, PROBLEMS, &o, &fit));
        close_to(fit.exponent, 0.3, kind == 0 ? 0.03 : 0.1); /* Kumaraswamy is not what they are */
    }
    o.bins_per_decade = 3;
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, PROBLEMS, &o, &fit));
    close_to(fit.exponent, 0.3, 0.03);
}

/* Every problem alike: all mass in one bin, for a distribution as narrow as the bounds let it be.
 */
static void stops_at_the_bounds(void **state)
{
    (void)state;
    double n[40], c[40];
    const assay_pdist_opts whole = {.scale = 1};
    assay_pdist_fit fit;
    for (int i = 0; i < 40; i++) {
        n[i] = 1000;
        c[i] = 500;
    }
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 40, &whole, &fit));
    assert_true(fit.at_bound);
    close_to(fit.alpha, 100, 1e-4);
    close_to(fit.beta, 100, 1e-4);
}

/* The second way: -log of the forecast, through 20 points of k in 1..10^4, as least squares has it.
 */
static void refits_the_forecast(void **state)
{
    (void)state;
    const double n[] = {100, 100, 100, 100, 100, 100}, c[] = {0, 0, 1, 2, 9, 30};
    const assay_pdist_opts whole = {.scale = 1};
    assay_pdist_fit fit;
    double k[20], pass[20], intercept, slope, sx = 0, sy = 0, sxx = 0, sxy = 0;
    size_t m;
    ok(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 6, &whole, &fit));
    ok(assay_coverage_grid(1e4, 20, k, &m));
    ok(assay_pass_at_k_pdist(ASSAY_PDIST_BETA, fit.alpha, fit.beta, 1, k, m, pass));
    for (size_t i = 0; i < m; i++) {
        const double x = log(k[i]), y = log(-log(pass[i]));
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    slope = ((double)m * sxy - sx * sy) / ((double)m * sxx - sx * sx);
    intercept = (sy - slope * sx) / (double)m;
    close_to(fit.refit_exponent, -slope, 1e-9);
    close_to(fit.refit_prefactor, exp(intercept), 1e-8);
}

static int stop(void *context, double done, double total)
{
    (void)total;
    return done >= *(double *)context;
}

static void can_be_cancelled(void **state)
{
    (void)state;
    const double n[] = {10, 20, 10, 10}, c[] = {1, 8, 0, 3};
    double after = 5;
    const assay_progress progress = {stop, &after};
    const assay_pdist_opts o = {.progress = &progress};
    assay_pdist_fit fit;
    assert_int_equal(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 4, &o, &fit), ASSAY_ECANCELLED);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    const double n[] = {10, 10}, c[] = {0, 0}, over[] = {1, 11}, k[] = {1, 0.5}, one[] = {1, 1};
    const assay_pdist_opts scale = {.scale = 2}, binned = {.method = ASSAY_PDIST_DISCRETISED};
    double out[2];
    assay_pdist_fit fit;
    refuses(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 2, NULL, &fit), "no successes");
    refuses(assay_fit_pdist(ASSAY_PDIST_BETA, n, over, 2, NULL, &fit),
        "c = 11 of problem 2 must be a whole number in 0..10");
    refuses(assay_fit_pdist(ASSAY_PDIST_BETA, n, over, 1, &scale, &fit), "scale must be in (0, 1]");
    refuses(assay_fit_pdist(ASSAY_PDIST_BETA, one, one, 2, &binned, &fit), "n of at least 2");
    refuses(assay_fit_pdist(ASSAY_PDIST_BETA, n, c, 0, NULL, &fit), "at least 1 problem");
    refuses(assay_scaled_binomial_logpmf(ASSAY_PDIST_BETA, 0, 1, 1, 10, 1, out),
        "alpha must be positive");
    refuses(assay_scaled_binomial_logpmf(ASSAY_PDIST_BETA, 1, INFINITY, 1, 10, 1, out),
        "beta must be positive");
    refuses(assay_scaled_binomial_logpmf(ASSAY_PDIST_BETA, 1, 1, 0, 10, 1, out),
        "scale must be in (0, 1], got 0");
    refuses(assay_pass_at_k_pdist(ASSAY_PDIST_BETA, 1, 1, 1, k, 2, out),
        "k must be finite and at least 1, got 0.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_to_one),
        cmocka_unit_test(sums_to_one_at_large_n),
        cmocka_unit_test(scale_one_is_the_closed_form),
        cmocka_unit_test(finds_needles),
        cmocka_unit_test(uniform_gives_every_count_alike),
        cmocka_unit_test(kumaraswamy_of_alpha_1_is_beta),
        cmocka_unit_test(kumaraswamy_of_beta_1_is_beta),
        cmocka_unit_test(equals_high_precision),
        cmocka_unit_test(forecast_is_one_minus_no_success),
        cmocka_unit_test(tail_has_slope_minus_alpha),
        cmocka_unit_test(kumaraswamy_has_its_gamma_series),
        cmocka_unit_test(nll_is_the_mean_over_problems),
        cmocka_unit_test(finds_the_maximum),
        cmocka_unit_test(is_exact_beyond_the_rounding_of_the_likelihood),
        cmocka_unit_test(estimates_the_scale_from_the_largest_rate),
        cmocka_unit_test(discretised_variant_finds_the_exponent),
        cmocka_unit_test(stops_at_the_bounds),
        cmocka_unit_test(refits_the_forecast),
        cmocka_unit_test(can_be_cancelled),
        cmocka_unit_test(names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
