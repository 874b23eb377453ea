/* Fits against exact curves, NIST's certified values, published counts fitted by another program,
 * brute force, and what intervals promise. GSL's error handler is made to fail the test: the
 * library must never reach it. */
#include "core/fit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <gsl/gsl_errno.h>

#include "core/rng.h"
#include "core/status.h"

/* Coverage of pass@k on 128 MATH problems x 10,000 samples (counts published by Brown et al. 2024)
 * and fits of scipy.optimize.least_squares to it. */
static const double k37[] = {1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 21, 27, 34, 43, 55, 70, 88, 112, 142,
    180, 228, 289, 366, 464, 587, 744, 942, 1193, 1511, 1914, 2424, 3070, 3888, 4923, 6235, 7896,
    10000};
static const double coverage_70m[] = {0.000646874999999983, 0.00128187818781876,
    0.00190535873066826, 0.00251765442648527, 0.0031190920854108, 0.00370998789835306,
    0.00486136777820507, 0.00597412444172128, 0.00757557597280838, 0.00959489228195639,
    0.011494751601113, 0.0141477339261887, 0.0169867073176789, 0.0203020530754195,
    0.0242575506092908, 0.0286353135976119, 0.0332812392699538, 0.038744548934597,
    0.0447512784513653, 0.0514440166448422, 0.0588645514244205, 0.0671105897562972,
    0.0761697643322265, 0.0861438192587387, 0.0968930190651265, 0.108556818507164,
    0.120907045415198, 0.133873016025069, 0.147274919528527, 0.160936510585808, 0.174703211153105,
    0.188564702940739, 0.202658166287649, 0.217260969718365, 0.232688375993283, 0.248953315447553,
    0.265625};
static const double coverage_12b[] = {0.0231914062499997, 0.0439118868136813, 0.0625716228743047,
    0.0795020213477179, 0.0949717691359843, 0.109199514884928, 0.13461150269366, 0.156818885982185,
    0.185678326334492, 0.218189850860933, 0.24586319592286, 0.280984063608828, 0.315047331366778,
    0.3511617011155, 0.389962653474308, 0.428210407549617, 0.463967877118323, 0.500240500521888,
    0.533733102859176, 0.564445430812563, 0.592128959242274, 0.617150762939824, 0.639825325398312,
    0.660916440454174, 0.680684037739756, 0.699885674374366, 0.718569905929807, 0.736977501546213,
    0.75503632492302, 0.772518005434262, 0.78911989096026, 0.804718689242304, 0.819438004454612,
    0.83362776446896, 0.847667786376965, 0.861587795468944, 0.875};

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.17g, expected %.17g within %g", got, expected, tolerance);
}

static void near_relative(double got, double expected, double tolerance)
{
    near(got, expected, tolerance * fabs(expected));
}

static void fits_the_published_counts(void **state)
{
    (void)state;
    const struct {
        const double *coverage;
        assay_fit_space space;
        double a, b, mean, sd, max;
    } cases[] = {
        {coverage_70m, ASSAY_SPACE_LOGLOG, -7.88430590878392, -0.191709817326554,
            0.00200089180129713, 0.00162940173886253, 0.00605463360790576},
        {coverage_70m, ASSAY_SPACE_LOG, -7.67393151455841, -0.184274498141202, 0.00491724112083466,
            0.0063232983020042, 0.0204512917725118},
        {coverage_70m, ASSAY_SPACE_LINEAR, -8.28864741162962, -0.199242175341092,
            0.000792484946271723, 0.000461196487875903, 0.00196064962064377},
        {coverage_12b, ASSAY_SPACE_LOGLOG, -4.16199045867685, -0.370945747548465,
            0.00783810190214259, 0.0056398653108266, 0.0191031031948206},
        {coverage_12b, ASSAY_SPACE_LOG, -3.98565601850559, -0.35185032925554, 0.0171832538748374,
            0.0102782869878093, 0.0378074357470842},
        {coverage_12b, ASSAY_SPACE_LINEAR, -4.31387042636499, -0.379006536537805,
            0.00771269110088053, 0.00425485039355888, 0.0171157778856763},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_fit fit;
        assert_int_equal(assay_fit_law(ASSAY_LAW_EXP_POWER, cases[i].space, k37, cases[i].coverage,
                             NULL, 37, 0.95, NULL, &fit),
            ASSAY_OK);
        near(fit.value[0], cases[i].a, 1e-6);
        near(fit.value[1], cases[i].b, 1e-6);
        near(fit.mean_abs_error, cases[i].mean, 1e-6);
        near(fit.sd_abs_error, cases[i].sd, 1e-6);
        near(fit.max_abs_error, cases[i].max, 1e-6);
        assert_int_equal(fit.points, 37);
        assert_int_equal(fit.dropped, 0);
    }
}

static void fits_log_linear_to_the_published_counts(void **state)
{
    (void)state;
    assay_fit fit;
    assert_int_equal(assay_fit_law(ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_DEFAULT, k37, coverage_70m,
                         NULL, 37, 0.95, NULL, &fit),
        ASSAY_OK);
    near(fit.value[0], -0.065261791589486, 1e-9);
    near(fit.value[1], 0.0673831572084644, 1e-9);
    near(fit.r2, 0.864377831391401, 1e-9);
    assert_int_equal(fit.space, ASSAY_SPACE_LINEAR);
    assert_int_equal(assay_fit_law(ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LINEAR, k37, coverage_12b,
                         NULL, 37, 0.95, NULL, &fit),
        ASSAY_OK);
    near(fit.value[0], -0.0451451410682106, 1e-9);
    near(fit.value[1], 0.24738500262898, 1e-9);
    near(fit.r2, 0.981836247975804, 1e-9);
}

static double se(const assay_fit *fit, size_t i)
{
    return sqrt(fit->covariance[i][i]);
}

/* NIST StRD, nonlinear regression, DanWood (y = b1 x^b2): certified estimates and standard
 * deviations. The t quantile of 4 degrees of freedom at 0.975 is 2.776445 in any table. */
static void fits_danwood_as_certified(void **state)
{
    (void)state;
    const double x[] = {1.309, 1.471, 1.490, 1.565, 1.611, 1.680};
    const double y[] = {2.138, 3.421, 3.597, 4.340, 4.882, 5.660};
    assay_fit fit;
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, x, y, NULL, 6, 0.95, NULL, &fit),
        ASSAY_OK);
    near_relative(fit.value[0], 7.6886226176E-01, 1e-10);
    near_relative(fit.value[1], 3.8604055871E+00, 1e-10);
    near_relative(se(&fit, 0), 1.8281973860E-02, 1e-9);
    near_relative(se(&fit, 1), 5.1726610913E-02, 1e-9);
    near_relative(fit.rss, 4.3173084083E-03, 1e-10);
    near_relative(fit.high[1] - fit.value[1], 2.776445 * 5.1726610913E-02, 1e-6);
    near_relative(fit.value[0] - fit.low[0], 2.776445 * 1.8281973860E-02, 1e-6);
    near_relative(fit.aic, 6 * log(4.3173084083E-03 / 6) + 6, 1e-10);
    /* at x = 1 the law is a, and so are its errors */
    assay_interval forecast;
    assert_int_equal(assay_fit_forecast(&fit, 1, &forecast), ASSAY_OK);
    near_relative(forecast.estimate, fit.value[0], 1e-15);
    near_relative(forecast.low, fit.low[0], 1e-14);
    near_relative(forecast.high, fit.high[0], 1e-14);
    near(forecast.df, 4, 0);
}

/* NIST StRD, linear regression, Norris: certified estimates and standard deviations; here its x is
 * 1000 log10 x. */
static void fits_norris_as_certified(void **state)
{
    (void)state;
    const double y[] = {0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2,
        0.3, 0.1, 778.1, 668.8, 339.3, 448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6,
        557.6, 339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4, 449.2, 0.2};
    const double log_x[] = {0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0,
        558.2, 0.4, 0.6, 775.5, 666.9, 338.0, 447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3,
        0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2, 669.1, 448.9, 0.5};
    double x[36];
    for (int i = 0; i < 36; i++)
        x[i] = pow(10, log_x[i] / 1000);
    assay_fit fit;
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LINEAR, x, y, NULL, 36, 0.95, NULL, &fit),
        ASSAY_OK);
    near_relative(fit.value[0], -0.262323073774029, 1e-9);
    near_relative(fit.value[1], 1.00211681802045e3, 1e-12);
    near_relative(se(&fit, 0), 0.232818234301152, 1e-10);
    near_relative(se(&fit, 1), 0.429796848199937, 1e-10);
    near_relative(sqrt(fit.rss / 34), 0.884796396144373, 1e-10);
    near_relative(fit.r2, 0.999993745883712, 1e-12);
}

struct example {
    assay_law law;
    assay_fit_space space;
    double a, b, c;
};

static double law_at(const struct example *e, double x)
{
    switch (e->law) {
    case ASSAY_LAW_POWER:
        return e->a * pow(x, e->b);
    case ASSAY_LAW_EXP_POWER:
        return exp(e->a * pow(x, e->b));
    case ASSAY_LAW_LOG_LINEAR:
        return e->a + e->b * log10(x);
    default:
        return e->c + e->a * pow(x, e->b);
    }
}

static const struct example examples[] = {
    {ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, 3, -0.5, 0},
    {ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, -1e-9, 1.7, 0},
    {ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, 1e12, 0, 0},
    {ASSAY_LAW_POWER, ASSAY_SPACE_LOG, 3, -0.5, 0},
    {ASSAY_LAW_POWER, ASSAY_SPACE_LOGLOG, 1e-7, 2, 0},
    {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LINEAR, -2, -0.4, 0},
    {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOG, -2, -0.4, 0},
    {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOGLOG, -2, -0.4, 0},
    {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LINEAR, -30, -0.8, 0},
    {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOG, -0.01, 0.3, 0},
    {ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LINEAR, -4, 0.25, 0},
    {ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LOG, 0.1, 0.25, 0},
    {ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LOG, 5, -1, 0},
    {ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, -2, -0.4, 5},
    {ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, 3, -1.5, -0.2},
    {ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, 4e5, -0.34, 1.69e6},
    {ASSAY_LAW_SATURATING, ASSAY_SPACE_LOG, 406.4, -0.34, 1.69},
    {ASSAY_LAW_SATURATING, ASSAY_SPACE_LOG, -0.9, -0.5, 1},
};

/* Residuals of rounding errors only: parameters to 1e-8, and intervals that collapse on them. */
static void recovers_exact_curves(void **state)
{
    (void)state;
    const double x[] = {1, 2, 5, 10, 100, 150, 1000, 3000};
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *e = &examples[i];
        double y[8];
        for (int j = 0; j < 8; j++)
            y[j] = law_at(e, x[j]);
        assay_fit fit;
        if (assay_fit_law(e->law, e->space, x, y, NULL, 8, 0.95, NULL, &fit))
            fail_msg("example %zu: %s", i, assay_errmsg());
        const double truth[] = {e->a, e->b, e->c};
        for (size_t j = 0; j < fit.parameters; j++) {
            near(fit.value[j], truth[j], 1e-8 * fmax(fabs(truth[j]), j == 1));
            near(fit.high[j], fit.low[j], 1e-7 * fmax(fabs(truth[j]), j == 1));
        }
        near_relative(assay_fit_value(&fit, 1e5), law_at(e, 1e5), 1e-7);
        assay_interval forecast;
        assert_int_equal(assay_fit_forecast(&fit, 1e5, &forecast), ASSAY_OK);
        near(forecast.low, forecast.estimate, 1e-6 * fabs(forecast.estimate));
        if (e->b != 0)
            near(fit.r2, 1, 1e-12);
        assert_true(fit.aic < -200 || fabs(e->a) > 1e4);
    }
}

static void drops_what_a_space_cannot_hold(void **state)
{
    (void)state;
    const double x[] = {1, 2, 5, 10, 100, 7, 8, NAN};
    double y[8] = {0, 0, 0, 0, 0, 1, NAN, 0.5};
    const struct example e = {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOGLOG, -2, -0.4, 0};
    for (int i = 1; i < 5; i++)
        y[i] = law_at(&e, x[i]);
    assay_fit fit;
    assert_int_equal(assay_fit_law(e.law, e.space, x, y, NULL, 8, 0.95, NULL, &fit), ASSAY_OK);
    near(fit.value[0], -2, 1e-8);
    near(fit.value[1], -0.4, 1e-8);
    assert_int_equal(fit.points, 4); /* y = 0, y = 1, NaN and x = NaN are gone */
    assert_int_equal(fit.dropped, 4);
    assert_int_equal(
        assay_fit_law(e.law, ASSAY_SPACE_LOG, x, y, NULL, 8, 0.95, NULL, &fit), ASSAY_OK);
    assert_int_equal(fit.dropped, 3); /* log 1 is a number */
    assert_int_equal(
        assay_fit_law(e.law, ASSAY_SPACE_LINEAR, x, y, NULL, 8, 0.95, NULL, &fit), ASSAY_OK);
    assert_int_equal(fit.dropped, 2);
}

/* A weight of 3 is the point three times, but for the degrees of freedom; 0 is its absence. */
static void weights_are_repetitions(void **state)
{
    (void)state;
    enum { N = 12 };
    assay_rng rng = assay_rng_seed(3);
    double x[3 * N], y[3 * N], weights[N], rx[3 * N], ry[3 * N];
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++) {
        size_t repeated = 0;
        for (size_t i = 0; i < N; i++) {
            x[i] = pow(2, (double)i);
            y[i] = law_at(&examples[e], x[i]) * (1 + 0.02 * assay_rng_normal(&rng));
            weights[i] = (double)(i % 4);
            for (size_t j = 0; j < i % 4; j++) {
                rx[repeated] = x[i];
                ry[repeated++] = y[i];
            }
        }
        assay_fit weighted, copied;
        int status = assay_fit_law(
            examples[e].law, examples[e].space, x, y, weights, N, 0.95, NULL, &weighted);
        assert_int_equal(assay_fit_law(examples[e].law, examples[e].space, rx, ry, NULL, repeated,
                             0.95, NULL, &copied),
            status);
        if (status)
            continue;
        assert_int_equal(weighted.points, 9 - (repeated - copied.points) / 3);
        for (size_t i = 0; i < weighted.parameters; i++) {
            near(weighted.value[i], copied.value[i], 1e-5 * se(&copied, i));
            double df_ratio = (double)(copied.points - copied.parameters) /
                              (double)(weighted.points - weighted.parameters);
            near_relative(se(&weighted, i), se(&copied, i) * sqrt(df_ratio), 1e-5);
        }
    }
}

/* Residual sum of squares of example e's law with other parameters. */
static double rss_of(const struct example *e, const double *x, const double *y, size_t n)
{
    double rss = 0;
    for (size_t i = 0; i < n; i++) {
        double f = law_at(e, x[i]), t = y[i];
        if (e->space == ASSAY_SPACE_LOG) {
            f = log(f);
            t = log(t);
        }
        rss += (f - t) * (f - t);
    }
    return rss;
}

/* On noisy data no point of a cloud around the fit, 1e-4 to 10 standard errors wide, fits better.
 */
static void no_neighbour_fits_better(void **state)
{
    (void)state;
    enum { N = 20 };
    assay_rng rng = assay_rng_seed(8);
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++) {
        double x[N], y[N];
        for (size_t i = 0; i < N; i++) {
            x[i] = pow(1.6, (double)i);
            y[i] = law_at(&examples[e], x[i]) * (1 + 0.003 * assay_rng_normal(&rng));
        }
        if (examples[e].space == ASSAY_SPACE_LOGLOG)
            continue; /* closed forms, as Norris is */
        assay_fit fit;
        if (assay_fit_law(examples[e].law, examples[e].space, x, y, NULL, N, 0.95, NULL, &fit))
            fail_msg("example %zu: %s", e, assay_errmsg());
        struct example at = {
            examples[e].law, examples[e].space, fit.value[0], fit.value[1], fit.value[2]};
        size_t used = fit.points;
        if (used < N)
            continue;
        double best = rss_of(&at, x, y, N);
        near_relative(fit.rss, best, 1e-9);
        for (int j = 0; j < 2000; j++) {
            double size = pow(10, -4 + 5 * assay_rng_uniform(&rng));
            struct example other = at;
            other.a += size * se(&fit, 0) * assay_rng_normal(&rng);
            other.b += size * se(&fit, 1) * assay_rng_normal(&rng);
            if (fit.parameters == 3)
                other.c += size * se(&fit, 2) * assay_rng_normal(&rng);
            assert_false(rss_of(&other, x, y, N) < best * (1 - 1e-12));
        }
    }
}

/* 500 data sets for each of some examples, 5 % noise where it is natural: 95 % intervals of every
 * parameter and of a forecast contain the truth in 92 to 98 %. */
static void intervals_contain_the_truth(void **state)
{
    (void)state;
    const size_t chosen[] = {0, 3, 5, 6, 7, 10, 13, 14, 16};
    enum { SETS = 500, N = 24 };
    for (size_t c = 0; c < sizeof chosen / sizeof *chosen; c++) {
        const struct example *e = &examples[chosen[c]];
        const double truth[] = {e->a, e->b, e->c};
        int covered[4] = {0};
        for (uint64_t s = 0; s < SETS; s++) {
            assay_rng root = assay_rng_seed(s), rng = assay_rng_split(&root, c);
            double x[N], y[N];
            for (size_t i = 0; i < N; i++) {
                x[i] = pow(1.4, (double)i);
                double noise = assay_rng_normal(&rng), f = law_at(e, x[i]);
                if (e->space == ASSAY_SPACE_LINEAR)
                    y[i] = f + 0.01 * noise;
                else if (e->space == ASSAY_SPACE_LOG || e->law == ASSAY_LAW_POWER)
                    y[i] = f * exp(0.01 * noise);
                else
                    y[i] = exp(log(f) * exp(0.01 * noise));
            }
            assay_fit fit;
            if (assay_fit_law(e->law, e->space, x, y, NULL, N, 0.95, NULL, &fit))
                fail_msg("example %zu, set %d: %s", chosen[c], (int)s, assay_errmsg());
            for (size_t i = 0; i < fit.parameters; i++)
                covered[i] += fit.low[i] <= truth[i] && truth[i] <= fit.high[i];
            assay_interval forecast;
            assert_int_equal(assay_fit_forecast(&fit, 1e5, &forecast), ASSAY_OK);
            covered[3] += forecast.low <= law_at(e, 1e5) && law_at(e, 1e5) <= forecast.high;
        }
        size_t parameters = e->law == ASSAY_LAW_SATURATING ? 3 : 2;
        for (size_t i = 0; i < 4; i++)
            if (i < parameters || i == 3) {
                double share = covered[i] / (double)SETS;
                if (share < 0.92 || share > 0.98)
                    fail_msg("example %zu, parameter %zu: covered %g", chosen[c], i, share);
            }
    }
}

static double between(assay_rng *rng, double low, double high)
{
    return low + (high - low) * assay_rng_uniform(rng);
}

/* Laws over many decades of amplitude and exponent with noise of up to 3 % of the curve's range (in
 * its space): each must converge, to a fit no worse than the truth. */
static void converges_over_wide_ranges(void **state)
{
    (void)state;
    enum { ROUNDS = 250 };
    assay_rng rng = assay_rng_seed(77);
    for (int round = 0; round < ROUNDS; round++)
        for (assay_law law = ASSAY_LAW_POWER; law <= ASSAY_LAW_SATURATING; law++)
            for (assay_fit_space space = ASSAY_SPACE_LINEAR; space <= ASSAY_SPACE_LOG; space++) {
                size_t n = 8 + (size_t)assay_rng_below(&rng, 40);
                double decades = between(&rng, 1.5, 5), first = pow(10, between(&rng, -6, 6));
                double x[64], y[64], low = INFINITY, high = -INFINITY;
                double size = pow(10, between(&rng, -8, 8)), far = first * pow(10, decades);
                struct example e = {law, space, size, between(&rng, -2, 2), 0};
                if (law == ASSAY_LAW_POWER) {
                    e.a = size * pow(first, -e.b);
                    if (space == ASSAY_SPACE_LINEAR && round % 2)
                        e.a = -e.a;
                } else if (law == ASSAY_LAW_EXP_POWER) { /* from nearly 0 to nearly 1, either way */
                    double up = between(&rng, 0.7, 2.5), down = between(&rng, -2.5, -0.7);
                    e.b = (round % 2 ? up - down : down - up) / (log(far) - log(first));
                    e.a = -exp(round % 2 ? down : up) * pow(first, -e.b);
                } else if (law == ASSAY_LAW_LOG_LINEAR) {
                    e.a = size * (5 + fabs(e.b) * (7 + decades) * 2);
                    e.b *= size;
                } else {
                    e.b = -between(&rng, 0.5, 5) / decades;
                    e.a = (round % 2 ? 1 : -0.8) * size * pow(first, -e.b);
                    e.c = size * (space == ASSAY_SPACE_LOG ? between(&rng, 1, 3)
                                                           : between(&rng, -100, 100));
                }
                for (size_t i = 0; i < n; i++) {
                    x[i] = first * pow(10, decades * (double)i / (double)(n - 1));
                    y[i] = law_at(&e, x[i]);
                    low = fmin(low, y[i]);
                    high = fmax(high, y[i]);
                }
                double noise = pow(10, between(&rng, -6, -1.5));
                for (size_t i = 0; i < n; i++)
                    y[i] = space == ASSAY_SPACE_LOG
                               ? y[i] * exp(noise * log(high / low) * assay_rng_normal(&rng))
                               : y[i] + noise * (high - low) * assay_rng_normal(&rng);
                assay_fit fit;
                if (assay_fit_law(law, space, x, y, NULL, n, 0.95, NULL, &fit))
                    fail_msg(
                        "round %d, %s, a = %g, b = %g, c = %g, x from %g over %g decades, noise "
                        "%g: %s",
                        round, assay_law_name(law), e.a, e.b, e.c, first, decades, noise,
                        assay_errmsg());
                if (fit.dropped == 0)
                    assert_true(fit.rss <= rss_of(&e, x, y, n) * (1 + 1e-9));
                assert_true(fit.iterations <= 500);
            }
}

/* Noise of a fifth of the range makes several valleys. Against the best of a grid of curves, over
 * 200 data sets: the fit is beaten in none but those where ever steeper curves fit ever better,
 * towards a step that has no minimum (the grid's best then lies at its steep end). */
static void finds_the_deepest_valley(void **state)
{
    (void)state;
    enum { STEPS = 60 };
    assay_rng rng = assay_rng_seed(19);
    int beaten = 0, failed = 0;
    for (int round = 0; round < 200; round++) {
        size_t n = 5 + (size_t)assay_rng_below(&rng, 12);
        double x[16], y[16], from = between(&rng, -4, -0.5), to = between(&rng, -1, 3);
        double decades = between(&rng, 0.5, 4), spread = decades * log(10);
        double b = (round % 2 ? to - from : from - to) / spread;
        double p0 = exp(round % 2 ? from : to);
        for (size_t i = 0; i < n; i++) {
            x[i] = pow(10, decades * (double)i / (double)(n - 1));
            y[i] = exp(-p0 * pow(x[i], b)) + 0.2 * assay_rng_normal(&rng);
        }
        double best = INFINITY, steep = 0;
        for (int i = 0; i <= STEPS; i++)
            for (int j = 0; j <= STEPS; j++) {
                struct example e = {ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LINEAR, 0, 0, 0};
                e.b = 20 * (2.0 * i / STEPS - 1) / spread;
                e.a = -exp(between(&rng, -8, 4)) * pow(10, -e.b * decades * j / STEPS);
                double rss = rss_of(&e, x, y, n);
                if (rss < best) {
                    best = rss;
                    steep = fabs(e.b * spread);
                }
            }
        assay_fit fit;
        if (assay_fit_law(ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LINEAR, x, y, NULL, n, 0.95, NULL, &fit))
            failed += steep < 15;
        else
            beaten += best < fit.rss && steep < 15;
    }
    assert_int_equal(beaten, 0);
    assert_int_equal(failed, 0);
}

/* Values of all sizes and signs, ties, NaN and infinities: an answer in finite numbers or an error.
 */
static void survives_any_numbers(void **state)
{
    (void)state;
    const double odd[] = {0, 1, -1, NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, 1e-200};
    assay_rng rng = assay_rng_seed(5);
    int fitted = 0;
    for (int round = 0; round < 1500; round++) {
        double x[12], y[12], w[12];
        size_t n = 2 + (size_t)assay_rng_below(&rng, 11);
        double wide = round % 3 ? 2 : 300;
        for (size_t i = 0; i < n; i++) {
            x[i] = pow(10, between(&rng, -wide, wide));
            y[i] = pow(10, between(&rng, -wide, wide)) * (assay_rng_below(&rng, 4) ? 1 : -1);
            w[i] = (double)assay_rng_below(&rng, 3);
            if (round % 2 && assay_rng_below(&rng, 8) == 0)
                y[i] = odd[assay_rng_below(&rng, 10)];
            if (i > 0 && assay_rng_below(&rng, 5) == 0)
                x[i] = x[i - 1];
        }
        for (int law = 0; law < 4; law++)
            for (assay_fit_space space = ASSAY_SPACE_LINEAR; space <= ASSAY_SPACE_LOGLOG; space++) {
                assay_fit fit;
                int status = assay_fit_law(
                    (assay_law)law, space, x, y, round % 5 ? NULL : w, n, 0.9, NULL, &fit);
                assert_true(
                    status == ASSAY_OK || status == ASSAY_EINVAL || status == ASSAY_ECONVERGE);
                for (size_t i = 0; i < fit.parameters && status == ASSAY_OK; i++)
                    assert_true(isfinite(fit.value[i]));
                fitted += status == ASSAY_OK;
            }
    }
    assert_true(fitted > 5000);
}

static void needs_points_that_tell_something(void **state)
{
    (void)state;
    const double x[] = {1, 2, 4}, same[] = {2, 2, 2}, zero[] = {0, 0, 0}, one[] = {1, 1, 1};
    const double y[] = {0.2, 0.3, 0.5}, negative[] = {1, -2, 3};
    assay_fit fit = {.points = 99};
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOG, x, zero, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "fit: exp_power needs at least 2 points; of 3, 0 can be used in log space");
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOG, x, one, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "fit: all y are 0 or 1, which tells nothing about exp_power");
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LINEAR, x, zero, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, x, zero, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, same, y, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "fit: power needs points at 2 different x, got 1");
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, x, y, NULL, 2, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LOGLOG, x, y, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_LOG_LINEAR, ASSAY_SPACE_LOGLOG, x, y, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, negative, y, NULL, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "fit: x must be positive, point 1 (from 0) has -2");
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, x, y, negative, 3, 0.95, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, x, y, NULL, 3, 1, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LINEAR, x, y, NULL, 0, 0.9, NULL, &fit),
        ASSAY_EINVAL);
    assert_int_equal(fit.points, 99); /* a failed fit leaves the result alone */
}

/* Straight or accelerating curves have no level to saturate at, and what grows above 1 is no
 * exponentiated power: said, not invented. */
static void says_when_there_is_no_minimum(void **state)
{
    (void)state;
    double x[12], straight[12], accelerating[12], constant[12], above[12], step[12];
    for (int i = 0; i < 12; i++) {
        x[i] = i + 1;
        straight[i] = 2 + 3 * log10(x[i]);
        accelerating[i] = x[i] * x[i];
        constant[i] = 7;
        above[i] = 2 + i;
        step[i] = i == 0 ? 5 : 1;
    }
    assay_fit fit;
    assert_int_equal(assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, x, straight, NULL, 12,
                         0.95, NULL, &fit),
        ASSAY_ECONVERGE);
    assert_non_null(strstr(assay_errmsg(), "saturating in linear space does not converge"));
    assert_int_equal(assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, x, accelerating, NULL,
                         12, 0.95, NULL, &fit),
        ASSAY_ECONVERGE);
    assert_int_equal(assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, x, constant, NULL, 12,
                         0.95, NULL, &fit),
        ASSAY_ECONVERGE);
    assert_int_equal(assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, x, step, NULL, 12,
                         0.95, NULL, &fit),
        ASSAY_ECONVERGE);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_EXP_POWER, ASSAY_SPACE_LOG, x, above, NULL, 12, 0.95, NULL, &fit),
        ASSAY_ECONVERGE);
}

/* The half-width of a forecast is t sqrt(g' C g), here with g by central differences of the law and
 * t from a parameter's interval. */
static void forecasts_by_the_delta_rule(void **state)
{
    (void)state;
    enum { N = 20 };
    assay_rng rng = assay_rng_seed(61);
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++) {
        double x[N], y[N];
        for (size_t i = 0; i < N; i++) {
            x[i] = pow(1.6, (double)i);
            y[i] = law_at(&examples[e], x[i]) * (1 + 0.003 * assay_rng_normal(&rng));
        }
        assay_fit fit;
        if (assay_fit_law(examples[e].law, examples[e].space, x, y, NULL, N, 0.8, NULL, &fit))
            fail_msg("example %zu: %s", e, assay_errmsg());
        double t = (fit.high[1] - fit.value[1]) / se(&fit, 1);
        for (double at = 0.5; at < 1e5; at *= 7) {
            double g[3], variance = 0;
            for (size_t i = 0; i < fit.parameters; i++) {
                double step = 1e-5 * fmax(fabs(fit.value[i]), i == 1);
                assay_fit up = fit, down = fit;
                up.value[i] += step;
                down.value[i] -= step;
                g[i] = (assay_fit_value(&up, at) - assay_fit_value(&down, at)) / (2 * step);
            }
            for (size_t i = 0; i < fit.parameters; i++)
                for (size_t j = 0; j < fit.parameters; j++)
                    variance += g[i] * fit.covariance[i][j] * g[j];
            assay_interval f;
            assert_int_equal(assay_fit_forecast(&fit, at, &f), ASSAY_OK);
            near(f.high - f.low, 2 * t * sqrt(variance), 1e-4 * (f.high - f.low) + 1e-300);
            near(f.high - f.estimate, f.estimate - f.low, 1e-12 * fabs(f.estimate));
        }
    }
}

/* As many points as parameters: the curve passes through them, and nothing is known of its errors.
 */
static void passes_through_as_many_points_as_parameters(void **state)
{
    (void)state;
    const double x[] = {1, 10, 100}, y[] = {0.9, 0.4, 0.25};
    assay_fit fit;
    assay_interval forecast;
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_SATURATING, ASSAY_SPACE_LINEAR, x, y, NULL, 3, 0.95, NULL, &fit),
        ASSAY_OK);
    near(fit.value[1], log10(0.15 / 0.5), 1e-8); /* ratios of successive differences */
    near(fit.value[2], 0.4 - 0.15 / 0.7, 1e-8);
    assert_true(isnan(fit.low[0]) && isnan(fit.high[2]));
    assert_int_equal(assay_fit_forecast(&fit, 1000, &forecast), ASSAY_OK);
    assert_true(isnan(forecast.low) && isnan(forecast.high) && forecast.df == 0);
    assert_int_equal(assay_fit_forecast(&fit, 0, &forecast), ASSAY_EINVAL);
    assert_int_equal(
        assay_fit_law(ASSAY_LAW_POWER, ASSAY_SPACE_LOG, x, y, NULL, 2, 0.95, NULL, &fit), ASSAY_OK);
    near(fit.value[1], log10(0.4 / 0.9), 1e-14);
}

static void names_and_texts(void **state)
{
    (void)state;
    const char *const names[] = {"power", "exp_power", "log_linear", "saturating"};
    const char *const plain[] = {
        "-3.99 x^-0.352", "exp(-3.99 x^-0.352)", "-3.99 - 0.352 log10 x", "0.25 - 3.99 x^-0.352"};
    const char *const gnuplot[] = {"-3.99 x^{-0.352}", "exp(-3.99 x^{-0.352})",
        "-3.99 - 0.352 log_{10} x", "0.25 - 3.99 x^{-0.352}"};
    for (int i = 0; i < 4; i++) {
        assay_law law;
        char text[64];
        assert_int_equal(assay_law_parse(names[i], &law), ASSAY_OK);
        assert_int_equal(law, i);
        assert_string_equal(assay_law_name(law), names[i]);
        assay_fit fit = {.law = law, .value = {-3.98566, -0.35185, 0.25}};
        assay_fit_text(&fit, "plain", text, sizeof text);
        assert_string_equal(text, plain[i]);
        assay_fit_text(&fit, "gnuplot", text, sizeof text);
        assert_string_equal(text, gnuplot[i]);
    }
    assay_law law;
    assert_int_equal(assay_law_parse("cubic", &law), ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "law must be power, exp_power, log_linear or saturating, got \"cubic\"");
    assert_string_equal(assay_law_parameter(ASSAY_LAW_SATURATING, 2), "c");
}

static void gsl_must_not_complain(const char *reason, const char *file, int line, int number)
{
    fail_msg("GSL's error handler was called: %s (%s:%d, %d)", reason, file, line, number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_the_published_counts),
        cmocka_unit_test(fits_log_linear_to_the_published_counts),
        cmocka_unit_test(fits_danwood_as_certified),
        cmocka_unit_test(fits_norris_as_certified),
        cmocka_unit_test(recovers_exact_curves),
        cmocka_unit_test(drops_what_a_space_cannot_hold),
        cmocka_unit_test(weights_are_repetitions),
        cmocka_unit_test(no_neighbour_fits_better),
        cmocka_unit_test(intervals_contain_the_truth),
        cmocka_unit_test(converges_over_wide_ranges),
        cmocka_unit_test(finds_the_deepest_valley),
        cmocka_unit_test(survives_any_numbers),
        cmocka_unit_test(needs_points_that_tell_something),
        cmocka_unit_test(says_when_there_is_no_minimum),
        cmocka_unit_test(forecasts_by_the_delta_rule),
        cmocka_unit_test(passes_through_as_many_points_as_parameters),
        cmocka_unit_test(names_and_texts),
    };
    gsl_set_error_handler(gsl_must_not_complain);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
