/* The battery against plain loops, enumeration of all short series, published values and the size
 * and power that closed forms give. */
#include "methods/inference/binary_bias.h"

#include <float.h>

#include "../check.h"

enum { LONG = 100000 };

static assay_binary_report report; /* 32 KiB of counts: not on every test's stack */

static void battery(const unsigned char *x, size_t n)
{
    ok(assay_binary_battery(x, &n, 1, NULL, &report));
}

static void bits_of(unsigned value, size_t n, unsigned char *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value >> i & 1;
}

static size_t count_runs(const unsigned char *x, size_t n)
{
    size_t runs = 1;
    for (size_t i = 1; i < n; i++)
        runs += x[i] != x[i - 1];
    return runs;
}

static size_t longest(const unsigned char *x, size_t n)
{
    size_t best = 0, run = 0;
    for (size_t i = 0; i < n; i++) {
        run = i > 0 && x[i] == x[i - 1] ? run + 1 : 1;
        best = run > best ? run : best;
    }
    return best;
}

/* ---- exact distributions ---- */

static void runs_are_those_of_all_strings(void **state)
{
    (void)state;
    unsigned char x[14];
    for (size_t n = 1; n <= 14; n++) {
        double seen[15][15] = {{0}}, all[15] = {0}, pmf[15];
        for (unsigned value = 0; value < 1u << n; value++) {
            size_t ones = 0;
            bits_of(value, n, x);
            for (size_t i = 0; i < n; i++)
                ones += x[i];
            seen[ones][count_runs(x, n)]++;
            all[ones]++;
        }
        for (size_t ones = 0; ones <= n; ones++) {
            double sum = 0;
            ok(assay_runs_pmf(ones, n - ones, pmf));
            for (size_t r = 0; r <= n; r++) {
                close_to(pmf[r], seen[ones][r] / all[ones], 1e-12);
                sum += pmf[r];
            }
            close_to(sum, 1, 1e-12);
        }
    }
    double long_pmf[5001], sum = 0;
    ok(assay_runs_pmf(2400, 2600, long_pmf));
    for (size_t r = 0; r <= 5000; r++)
        sum += long_pmf[r];
    close_to(sum, 1, 1e-9);
    refuses(assay_runs_pmf(0, 0, long_pmf), "n1 + n0 must be in 1..10^7");
}

static void longest_runs_are_those_of_all_strings(void **state)
{
    (void)state;
    unsigned char x[14];
    for (size_t n = 1; n <= 14; n++) {
        double at_most[16] = {0}, cdf[16];
        size_t m[16];
        for (unsigned value = 0; value < 1u << n; value++) {
            bits_of(value, n, x);
            for (size_t k = longest(x, n); k < 16; k++)
                at_most[k]++;
        }
        for (size_t k = 0; k < 16; k++)
            m[k] = k;
        ok(assay_longest_run_cdf(n, m, 16, cdf));
        for (size_t k = 0; k < 16; k++)
            close_to(cdf[k], at_most[k] / (double)(1u << n), 1e-12);
    }
    double p;
    ok(assay_longest_run_tail(1000, 1000, &p));
    close_to(p / ldexp(1, -999), 1, 1e-12); /* not lost beside 1 */
    ok(assay_longest_run_tail(100000, 3000, &p));
    close_to(p, 0, 0);
    refuses(assay_longest_run_tail(0, 1, &p), "n must be in 1..10^8, got 0");
}

/* The recurrence in long double, where one loop takes the place of a root. */
static void longest_runs_of_many_flips(void **state)
{
    (void)state;
    enum { FLIPS = 20000 };
    static long double g[FLIPS];
    for (size_t m = 2; m <= 400; m += m < 30 ? 1 : 37) {
        const size_t a = m - 1;
        for (size_t flags = 0; flags < FLIPS; flags++) {
            g[flags] = flags < a ? 0 : ldexpl(1, -(int)a);
            if (flags > a)
                g[flags] = g[flags - 1] + (1 - g[flags - a - 1]) * ldexpl(1, -(int)a - 1);
        }
        for (size_t flags = 0; flags < FLIPS; flags += flags < 1000 ? 1 : 487) {
            double p;
            ok(assay_longest_run_tail(flags + 1, m, &p));
            assert_true(fabsl(p - g[flags]) <= 1e-13L * g[flags]);
        }
    }
}

/* Sum over all outcomes no likelier. */
static void fair_coin_is_a_sum(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 60; n++) {
        double pmf[61];
        pmf[0] = ldexp(1, -(int)n);
        for (size_t y = 1; y <= n; y++)
            pmf[y] = pmf[y - 1] * (double)(n - y + 1) / (double)y;
        for (size_t y = 0; y <= n; y++) {
            double sum = 0;
            for (size_t z = 0; z <= n; z++)
                sum += pmf[z] <= pmf[y] * (1 + 1e-9) ? pmf[z] : 0;
            close_to(assay_fair_coin_p(y, n) / sum, 1, 1e-10);
        }
    }
    close_to(assay_fair_coin_p(0, 1000) / ldexp(1, -999), 1, 1e-9);
}

/* ---- the battery ---- */

/* n (ad - bc)^2 / (the product of the margins), or 0 where one is empty */
static double table_chi2(size_t cell[2][2])
{
    const double a = (double)cell[0][0], b = (double)cell[0][1], c = (double)cell[1][0],
                 d = (double)cell[1][1];
    const double margins = (a + b) * (c + d) * (a + c) * (b + d);
    return margins > 0 ? (a + b + c + d) * (a * d - b * c) * (a * d - b * c) / margins : 0;
}

/* Counts by their definitions, batch by batch: first short batches, then long ones with long runs.
 */
static void counts_are_those_of_plain_loops(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    for (int round = 0; round < 300; round++) {
        const bool large = round >= 200;
        const size_t bins = large ? 1 + assay_rng_below(&rng, ASSAY_BINARY_STREAK_MAX) : 3;
        const size_t lags = large ? 1 + assay_rng_below(&rng, ASSAY_BINARY_LAGS_MAX) : 4;
        const size_t size = large ? 1 + assay_rng_below(&rng, 6) : 2;
        unsigned char x[4 * 400];
        size_t length[4], batches = 1 + assay_rng_below(&rng, 4), n = 0;
        for (size_t b = 0; b < batches; b++)
            n += length[b] = assay_rng_below(&rng, large ? 400 : 20);
        if (n == 0)
            continue;
        for (size_t i = 0; i < n; i++)
            x[i] = large && i > 0 && assay_rng_below(&rng, 50) > 0
                       ? x[i - 1]
                       : (unsigned char)(assay_rng_below(&rng, 3) > 0);
        const assay_binary_opts o = {.streak_max = bins, .lags = lags, .block = size};
        ok(assay_binary_battery(x, length, batches, &o, &report));
        size_t yes = 0, runs = 0, most = 0, pair[2][2] = {{0}};
        size_t streak[ASSAY_BINARY_STREAK_MAX] = {0}, ended[ASSAY_BINARY_STREAK_MAX] = {0};
        size_t block[64] = {0}, triple[2][2][2] = {{{0}}}, first = 0;
        double none_longer = 1;
        double lag[ASSAY_BINARY_LAGS_MAX] = {0}, spread = 0, mean = 0;
        for (size_t i = 0; i < n; i++)
            yes += x[i];
        mean = (double)yes / (double)n;
        for (size_t i = 0; i < n; i++)
            spread += (x[i] - mean) * (x[i] - mean);
        for (size_t b = 0; b < batches; first += length[b++]) {
            const unsigned char *y = x + first;
            if (length[b] == 0)
                continue;
            runs += count_runs(y, length[b]);
            most = longest(y, length[b]) > most ? longest(y, length[b]) : most;
            for (size_t i = 1; i < length[b]; i++) {
                size_t before = 1;
                while (before < i && y[i - 1 - before] == y[i - 1])
                    before++;
                const size_t bin = before > bins ? bins - 1 : before - 1;
                pair[y[i - 1]][y[i]]++;
                streak[bin]++;
                ended[bin] += y[i] != y[i - 1];
            }
            for (size_t i = 2; i < length[b]; i++)
                triple[y[i - 1]][y[i - 2]][y[i]]++;
            for (size_t i = 0; i + size <= length[b]; i += size) {
                size_t value = 0;
                for (size_t j = 0; j < size; j++)
                    value = 2 * value + y[i + j];
                block[value]++;
            }
            for (size_t l = 1; l <= lags; l++)
                for (size_t i = 0; i + l < length[b]; i++)
                    lag[l - 1] += (y[i] - mean) * (y[i + l] - mean);
        }
        for (size_t b = 0; b < batches; b++) {
            double tail = 0;
            if (length[b] > 0)
                ok(assay_longest_run_tail(length[b], most, &tail));
            none_longer *= 1 - tail;
        }
        close_to(report.p_longest_run, 1 - none_longer, 1e-12);
        close_to(report.order2.chi2, table_chi2(triple[0]) + table_chi2(triple[1]), 1e-9);
        close_to(report.order1.chi2, table_chi2(pair), 1e-9);
        assert_int_equal(report.n, n);
        assert_int_equal(report.yes, yes);
        assert_int_equal(report.runs, runs);
        assert_int_equal(report.longest_run, most);
        assert_memory_equal(report.transition, pair, sizeof pair);
        assert_memory_equal(report.streak, streak, sizeof streak);
        assert_memory_equal(report.streak_switches, ended, sizeof ended);
        assert_memory_equal(report.block_count, block, sizeof block);
        for (size_t l = 0; l < lags; l++)
            if (!isnan(report.autocorrelation[l]))
                close_to(report.autocorrelation[l], lag[l] / spread, 1e-12);
    }
}

/* E[R] and Var[R] are those of the distribution. */
static void runs_have_their_moments(void **state)
{
    (void)state;
    unsigned char x[12];
    for (size_t ones = 0; ones <= 12; ones++) {
        double pmf[13], mean = 0, variance = 0;
        for (size_t i = 0; i < 12; i++)
            x[i] = i < ones;
        battery(x, 12);
        ok(assay_runs_pmf(ones, 12 - ones, pmf));
        for (size_t r = 1; r <= 12; r++)
            mean += pmf[r] * (double)r;
        for (size_t r = 1; r <= 12; r++)
            variance += pmf[r] * ((double)r - mean) * ((double)r - mean);
        close_to(report.runs_expected, mean, 1e-12);
        close_to(report.runs_variance, variance, 1e-12);
    }
}

/* Alternating and constant series. */
static void extremes(void **state)
{
    (void)state;
    unsigned char x[20];
    for (int i = 0; i < 20; i++)
        x[i] = (unsigned char)(i % 2);
    battery(x, 20);
    assert_int_equal(report.runs, 20);
    close_to(report.alternation, 1, 0);
    assert_true(report.recency > 0.45);
    assert_true(report.p_runs_exact < 1e-4);
    close_to(
        report.p_runs_exact, 4.0 / 184756, 1e-15); /* 2 or 20 runs, two orders each, of C(20, 10) */
    close_to(report.p_recency, 2.0 / 184756, 1e-15);
    memset(x, 1, 20);
    battery(x, 20);
    assert_int_equal(report.runs, 1);
    close_to(report.runs_variance, 0, 0);
    assert_true(
        isnan(report.runs_z) && isnan(report.autocorrelation[0]) && isnan(report.ljung_box));
    assert_int_equal(report.order1.dof, 0);
    close_to(report.p_runs + report.order1.p_g + report.order2.p_g + report.p_ljung_box, 4, 0);
    close_to(report.p_uniform, ldexp(1, -19), 1e-18);
    assert_true(isnan(report.rate_after[0]));
}

static void one_answer_and_short_blocks(void **state)
{
    (void)state;
    const unsigned char x[] = {1, 0};
    battery(x, 1);
    assert_int_equal(report.transitions, 0);
    close_to(report.p_uniform + report.p_runs + report.p_alternation + report.order1.p_g, 4, 0);
    assert_true(isnan(report.alternation) && isnan(report.recency) && isnan(report.streak_slope));
    assert_int_equal(report.blocks, 0);
    assert_true(isnan(report.p_block) && isnan(report.block_entropy));
    const size_t length[] = {0, 1, 0, 1};
    ok(assay_binary_battery(x, length, 4, NULL, &report)); /* empty batches, batches of one */
    assert_int_equal(report.n, 2);
    assert_int_equal(report.transitions, 0);
    assert_int_equal(report.runs, 2);
    close_to(report.runs_expected, 2, 0);
}

static void what_is_refused(void **state)
{
    (void)state;
    const unsigned char x[] = {1, 0, 2};
    const size_t length[] = {2, 1}, none = 0;
    refuses(assay_binary_battery(x, length, 2, NULL, &report),
        "answer 1 of batch 2 must be 0 or 1, got 2");
    refuses(assay_binary_battery(x, &none, 1, NULL, &report), "at least 1 answer");
    refuses(assay_binary_battery(x, length, 0, NULL, &report), "at least 1 answer");
    refuses(assay_binary_battery(x, length, 1, &(assay_binary_opts){.block = 13}, &report),
        "block must be in 1..12, got 13");
    refuses(
        assay_binary_battery(x, length, 1, &(assay_binary_opts){.lags = 65}, &report), "lags must");
    refuses(assay_binary_battery(x, length, 1, &(assay_binary_opts){.streak_max = 65}, &report),
        "streak_max must");
    const size_t beyond[] = {60000000, 60000000};
    unsigned char *zeros = calloc(120000000, 1);
    refuses(assay_binary_battery(zeros, beyond, 2, NULL, &report), "at most 10^8 answers");
    free(zeros);
}

static void splitting_reversing_complementing(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (int round = 0; round < 50; round++) {
        unsigned char x[60], backwards[60], other[60];
        for (int i = 0; i < 60; i++)
            x[i] = (unsigned char)(assay_rng_below(&rng, 5) < 2);
        for (int i = 0; i < 60; i++) {
            backwards[i] = x[59 - i];
            other[i] = !x[i];
        }
        battery(x, 60);
        const assay_binary_report whole = report;
        const size_t halves[] = {23, 37};
        ok(assay_binary_battery(x, halves, 2, NULL, &report));
        assert_int_equal(report.transitions, whole.transitions - 1);
        close_to(report.rate, whole.rate, 0);
        assert_true(isnan(report.p_runs_exact));
        battery(backwards, 60);
        assert_int_equal(report.runs, whole.runs);
        close_to(report.alternation, whole.alternation, 0);
        close_to(report.order1.g, whole.order1.g, 1e-10);
        battery(other, 60);
        close_to(report.rate, 1 - whole.rate, 1e-15);
        close_to(report.order1.g, whole.order1.g, 1e-10);
        close_to(report.order2.g, whole.order2.g, 1e-10);
        close_to(report.p_uniform, whole.p_uniform, 1e-12);
    }
}

/* ---- size and power ---- */

static double rejected_share(
    assay_rng *rng, size_t n, const double *chance, size_t levels, size_t reps, size_t test)
{
    unsigned char x[1000];
    double count = 0, p[ASSAY_BINARY_TESTS];
    for (size_t r = 0; r < reps; r++) {
        ok(assay_binary_chain(rng, n, 0.5, chance, levels, x));
        battery(x, n);
        assay_binary_p_values(&report, p);
        if (test == ASSAY_BINARY_TESTS) /* the normal runs test */
            p[0] = report.p_runs;
        count += p[test % ASSAY_BINARY_TESTS] <= 0.05;
    }
    return count / (double)reps;
}

static void between(double x, double low, double high)
{
    if (!(x >= low && x <= high))
        fail_msg("%g is not in %g..%g", x, low, high);
}

static void fair_coins_are_rejected_as_often_as_they_should(void **state)
{
    (void)state;
    const double fair = 0.5;
    assay_rng rng = assay_rng_seed(3);
    between(rejected_share(&rng, 200, &fair, 1, 2000, 0), 0.02, 0.06);
    between(rejected_share(&rng, 200, &fair, 1, 2000, 1), 0.03, 0.07);
    between(rejected_share(&rng, 200, &fair, 1, 2000, ASSAY_BINARY_TESTS), 0.03, 0.07);
    between(rejected_share(&rng, 200, &fair, 1, 2000, 2), 0.03, 0.07);
}

/* The normal runs test of a chain that switches at .6. */
static void power_grows_with_n(void **state)
{
    (void)state;
    const double alternating = 0.6;
    assay_rng rng = assay_rng_seed(4);
    between(rejected_share(&rng, 20, &alternating, 1, 1000, ASSAY_BINARY_TESTS), 0.06, 0.18);
    between(rejected_share(&rng, 100, &alternating, 1, 1000, ASSAY_BINARY_TESTS), 0.43, 0.59);
    between(rejected_share(&rng, 300, &alternating, 1, 1000, ASSAY_BINARY_TESTS), 0.90, 0.98);
    between(rejected_share(&rng, 1000, &alternating, 1, 300, ASSAY_BINARY_TESTS), 0.99, 1);
}

/* Biased but independent: it switches at 2 p (1 - p), and that is no recency. */
static void biased_coins_have_no_recency(void **state)
{
    (void)state;
    unsigned char *x = malloc(LONG);
    assay_rng rng = assay_rng_seed(5);
    for (size_t i = 0; i < LONG; i++)
        x[i] = assay_rng_uniform(&rng) < 0.9;
    battery(x, LONG);
    close_to(report.alternation, 0.18, 0.005);
    close_to(report.recency, 0, 0.005);
    assert_true(isnan(report.p_runs_exact)); /* too long for it */
    assert_true(report.p_runs > 0.001);
    free(x);
}

/* x_t = x_{t-2} with chance .7: no correlation at lag 1, and not Markovian. */
static void second_order_is_told_from_first(void **state)
{
    (void)state;
    enum { N = 2000, REPS = 100 };
    unsigned char x[N];
    assay_rng rng = assay_rng_seed(6);
    double independence = 0, markov = 0;
    for (int r = 0; r < REPS; r++) {
        for (size_t i = 0; i < N; i++)
            x[i] = (unsigned char)(i < 2 ? assay_rng_below(&rng, 2)
                                         : x[i - 2] ^ (assay_rng_uniform(&rng) >= 0.7));
        battery(x, N);
        assert_int_equal(report.order2.dof, 2);
        independence += report.order1.p_g <= 0.05;
        markov += report.order2.p_g <= 0.05;
    }
    assert_true(markov == REPS);
    assert_true(
        independence < 0.25 * REPS); /* its own size is off: the series is not independent */
}

static void streaks_slope(void **state)
{
    (void)state;
    const double people[] = {0.55, 0.6, 0.65, 0.7}, coin = 0.5;
    unsigned char *x = malloc(LONG);
    assay_rng rng = assay_rng_seed(7);
    ok(assay_binary_chain(&rng, LONG, 0.5, people, 4, x));
    battery(x, LONG);
    for (size_t i = 0; i < 4; i++)
        close_to((double)report.streak_switches[i] / (double)report.streak[i], people[i], 0.02);
    close_to(report.streak_slope, 0.05, 0.01);
    ok(assay_binary_chain(&rng, LONG, 0.5, &coin, 1, x));
    battery(x, LONG);
    close_to(report.streak_slope, 0, 0.01);
    free(x);
}

static void verdicts_are_holms(void **state)
{
    (void)state;
    double adjusted[ASSAY_BINARY_QUESTIONS];
    bool holds[ASSAY_BINARY_QUESTIONS];
    report.p_uniform = 0.02;
    report.order1.p_g = 0.011;
    report.order2.p_g = 0.5;
    report.p_recency = 0.9;
    ok(assay_binary_verdict(&report, 0.05, adjusted, holds));
    close_to(adjusted[0], 0.06, 1e-15);
    close_to(adjusted[1], 0.044, 1e-15);
    close_to(adjusted[2], 1, 0);
    assert_true(holds[0] && !holds[1] && holds[2] && holds[3]);
    refuses(assay_binary_verdict(&report, 0, adjusted, holds), "alpha must be between 0 and 1");
}

/* ---- rates ---- */

static void temperatures_multiply(void **state)
{
    (void)state;
    const double p[] = {0.02, 0.35, 0.7, 0.98}, t[] = {0.3, 0.8, 2.5};
    for (size_t i = 0; i < 4; i++)
        for (size_t a = 0; a < 3; a++)
            for (size_t b = 0; b < 3; b++) {
                double once, twice, both;
                ok(assay_temperature_rate(p[i], t[a], &once));
                ok(assay_temperature_rate(once, t[b], &twice));
                ok(assay_temperature_rate(p[i], t[a] * t[b], &both));
                close_to(twice, both, 1e-12);
                close_to(log(once / (1 - once)), log(p[i] / (1 - p[i])) / t[a], 1e-9);
            }
    double rate;
    ok(assay_temperature_rate(1, 0.5, &rate));
    close_to(rate, 1, 0);
    ok(assay_temperature_rate(0, 7, &rate));
    close_to(rate, 0, 0);
    ok(assay_temperature_rate(0, INFINITY, &rate));
    close_to(rate, 0.5, 0);
    refuses(assay_temperature_rate(0.5, -1, &rate), "temperature must be at least 0, got -1");
    refuses(assay_temperature_rate(0.5, NAN, &rate), "temperature must be at least 0");
    refuses(assay_temperature_rate(1.5, 1, &rate), "p must be in 0..1, got 1.5");
}

/* Exact rates give delta back without lack of fit; a third answer that takes mass is a lack. */
static void temperature_fits(void **state)
{
    (void)state;
    const double t[] = {0.5, 1, 2, 4};
    double y[4], n[4];
    assay_temperature_fit fit;
    for (int i = 0; i < 4; i++) {
        n[i] = 1e6;
        y[i] = 1e6 / (1 + exp(-0.8 / t[i]));
    }
    ok(assay_fit_temperature(t, y, n, 4, &fit));
    close_to(fit.delta, 0.8, 1e-5);
    assert_true(fit.p > 0.99 && fit.dof == 3 && fit.se < 0.005);
    y[3] *= 0.8;
    ok(assay_fit_temperature(t, y, n, 4, &fit));
    assert_true(fit.p < 1e-6);
    ok(assay_fit_temperature(t, y, n, 1, &fit));
    close_to(fit.p, 1, 0);
    ok(assay_fit_temperature((double[]){2}, (double[]){1}, (double[]){3}, 1, &fit));
    close_to(fit.delta, 2 * log(1.5 / 2.5), 1e-15); /* half an answer is added to each side */
    n[0] = 0;
    refuses(assay_fit_temperature(t, y, n, 4, &fit), "n 1 must be at least 1, got 0");
    refuses(assay_fit_temperature(t, y, n, 0, &fit), "at least 1 temperature");
    refuses(assay_fit_temperature((double[]){0}, y, n, 1, &fit),
        "temperature 1 must be greater than 0");
    n[0] = 3;
    refuses(assay_fit_temperature(t, (double[]){4}, n, 1, &fit), "yes 1 must be in 0..3, got 4");
}

/* All tables of small margins. */
static void fisher_is_a_sum_over_tables(void **state)
{
    (void)state;
    for (int n1 = 1; n1 <= 9; n1++)
        for (int n2 = 1; n2 <= 9; n2++)
            for (int y1 = 0; y1 <= n1; y1++)
                for (int y2 = 0; y2 <= n2; y2++) {
                    const int d = y1 + y2, low = d > n2 ? d - n2 : 0, high = d < n1 ? d : n1;
                    double p[10], sum = 0, all = 0;
                    for (int x = low; x <= high; x++)
                        all += p[x] =
                            exp(lgamma(n1 + 1) - lgamma(x + 1) - lgamma(n1 - x + 1) +
                                lgamma(n2 + 1) - lgamma(d - x + 1) - lgamma(n2 - d + x + 1));
                    for (int x = low; x <= high; x++)
                        sum += p[x] <= p[y1] * (1 + 1e-7) ? p[x] : 0;
                    assay_rate_test test;
                    ok(assay_compare_rates(y1, n1, y2, n2, &test));
                    close_to(test.p_fisher, sum / all, 1e-11);
                }
}

static void comparisons(void **state)
{
    (void)state;
    assay_rate_test test;
    ok(assay_compare_rates(5, 5, 7, 7, &test));
    assert_true(isnan(test.z) && test.p_z == 1 && test.p_fisher == 1);
    ok(assay_compare_rates(3000000, 10000000, 3010000, 10000000, &test));
    close_to(test.p_fisher / test.p_z, 1, 0.01); /* large tables: Fisher's nears the normal p */
    refuses(assay_compare_rates(6, 5, 7, 7, &test), "yes of the first condition");
    refuses(assay_compare_rates(5, 5, 0.5, 7, &test),
        "yes of the second condition must be a whole number");
    refuses(assay_compare_rates(0, 0, 0, 7, &test),
        "n of the first condition must be a whole number in 1..10^9");
    double cells[] = {10, 20, 0, 0, 30, 40}, chi2, p;
    assay_matrix counts = assay_matrix_view(cells, 3, 2);
    size_t dof;
    ok(assay_homogeneity(&counts, &chi2, &dof, &p)); /* the empty condition does not count */
    assert_int_equal(dof, 1);
    ok(assay_compare_rates(10, 30, 30, 70, &test));
    close_to(chi2, test.z * test.z, 1e-12);
    close_to(p, test.p_z, 1e-12);
    cells[1] = cells[5] = 0;
    ok(assay_homogeneity(&counts, &chi2, &dof, &p));
    assert_true(dof == 0 && chi2 == 0 && p == 1);
    cells[0] = -1;
    refuses(assay_homogeneity(&counts, &chi2, &dof, &p), "counts[1][1] must be at least 0");
    cells[0] = cells[4] = 0;
    refuses(assay_homogeneity(&counts, &chi2, &dof, &p), "must not all be 0");
}

/* ---- replies ---- */

static const char *const yes[] = {"yes", "ja", NULL}, *const no[] = {"no", "no way", NULL};

static void replies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int value;
    } cases[] = {{"Yes.", 1}, {"NO!", 0}, {"no way", 0}, {"yes or no", -1}, {"yesterday", -1},
        {"not_no", -1}, {"no-one", 0}, {"Ja, yes", 1}, {"", -1}, {"jaé", -1}, {"(yes)", 1},
        {"noyes", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int value = 7;
        ok(assay_parse_binary(cases[i].text, yes, no, &value));
        if (value != cases[i].value)
            fail_msg("\"%s\" is %d", cases[i].text, value);
    }
    int value;
    refuses(assay_parse_binary("", (const char *const[]){"", NULL}, no, &value),
        "yes must not be empty");
    refuses(
        assay_parse_binary("", (const char *const[]){"No", NULL}, no, &value), "must not be both");
}

static void lists_of_replies(void **state)
{
    (void)state;
    unsigned char x[3];
    size_t n, other;
    ok(assay_parse_binary_list(
        "My answers\n1. yes\n2. I refuse\n3) No way; 4 yes yes, 5 -\n", yes, no, x, 3, &n, &other));
    assert_int_equal(n, 4);
    assert_int_equal(other, 2); /* the preface and the refusal */
    assert_memory_equal(x, ((unsigned char[]){1, 0, 1}), 3);
    ok(assay_parse_binary_list("well, yes", yes, no, NULL, 0, &n, &other));
    assert_true(n == 1 && other == 1);
    ok(assay_parse_binary_list("I say yes", yes, no, NULL, 0, &n, &other));
    assert_true(n == 1 && other == 0);
    ok(assay_parse_binary_list("", yes, no, NULL, 0, &n, NULL));
    assert_int_equal(n, 0);
}

/* ---- series ---- */

static void chains_follow_their_uniforms(void **state)
{
    (void)state;
    const double u[] = {0.3, 0.54, 0.56, 0.59, 0.9, 0.9, 0.9, 0.69},
                 chance[] = {0.55, 0.6, 0.65, 0.7};
    unsigned char x[8], expected[] = {1, 0, 0, 1, 1, 1, 1, 0};
    ok(assay_binary_chain_core(u, 8, 0.5, chance, 4, x));
    assert_memory_equal(x, expected, 8);
    ok(assay_binary_chain_core(u, 0, 0.5, chance, 4, x));
    refuses(assay_binary_chain_core(u, 8, 1.5, chance, 4, x), "p_first must be in 0..1");
    refuses(assay_binary_chain_core(u, 8, 0.5, chance, 0, x), "at least 1 value");
    refuses(
        assay_binary_chain_core(u, 8, 0.5, (double[]){0.5, -1}, 2, x), "switch[2] must be in 0..1");
    assay_rng one = assay_rng_seed(8), two = assay_rng_seed(8);
    double drawn[50];
    unsigned char a[50], b[50];
    assay_rng_fill_uniform(&one, drawn, 50);
    ok(assay_binary_chain_core(drawn, 50, 0.5, chance, 4, a));
    ok(assay_binary_chain(&two, 50, 0.5, chance, 4, b));
    assert_memory_equal(a, b, 50);
}

/* Entropy of the system and Philox pass their own battery at about its size. */
static void references_pass(void **state)
{
    (void)state;
    enum { REPS = 1000, N = 400 };
    const size_t length[] = {150, 250};
    assay_matrix statistics, p;
    assay_rng rng = assay_rng_seed(9);
    ok(assay_matrix_alloc(REPS, ASSAY_BINARY_STATISTICS, &statistics));
    ok(assay_matrix_alloc(REPS, ASSAY_BINARY_TESTS, &p));
    for (int source = 0; source < 2; source++) {
        ok(assay_binary_reference(
            length, 2, NULL, REPS, source ? &rng : NULL, NULL, NULL, &statistics, &p));
        for (size_t j = 0; j < ASSAY_BINARY_TESTS; j++) {
            double count = 0;
            for (size_t i = 0; i < REPS; i++)
                count += *assay_matrix_at(&p, i, j) <= 0.05;
            between(count / REPS, 0.02, 0.085); /* 0.05 +- 5 standard errors below: chance 10^-6 */
        }
        double mean = 0;
        for (size_t i = 0; i < REPS; i++)
            mean += *assay_matrix_at(&statistics, i, 0) / REPS;
        close_to(mean, 0.5, 5 * 0.5 / sqrt(REPS * N));
    }
    unsigned char alternating[2 * N];
    for (size_t i = 0; i < sizeof alternating; i++)
        alternating[i] = i < N ? 1 : i % 2;
    ok(assay_binary_reference(length, 2, NULL, 2, NULL, alternating, NULL, &statistics, NULL));
    close_to(*assay_matrix_at(&statistics, 1, 5), 1, 0); /* alternation of the second piece */
    assert_string_equal(assay_binary_statistic_name(5), "alternation");
    assert_null(assay_binary_statistic_name(ASSAY_BINARY_STATISTICS));
    assert_null(assay_binary_test_name(ASSAY_BINARY_TESTS));
    assay_matrix_free(&statistics);
    assay_matrix_free(&p);
}

static int stop(void *context, double done, double total)
{
    (void)total;
    *(double *)context = done;
    return done == 3;
}

static void references_can_be_stopped(void **state)
{
    (void)state;
    const size_t length = 10;
    double done = 0;
    assay_rng rng = assay_rng_seed(1);
    const assay_progress progress = {stop, &done};
    assert_int_equal(
        assay_binary_reference(&length, 1, NULL, 10, &rng, NULL, &progress, NULL, NULL),
        ASSAY_ECANCELLED);
    close_to(done, 3, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_those_of_all_strings),
        cmocka_unit_test(longest_runs_are_those_of_all_strings),
        cmocka_unit_test(longest_runs_of_many_flips),
        cmocka_unit_test(fair_coin_is_a_sum),
        cmocka_unit_test(counts_are_those_of_plain_loops),
        cmocka_unit_test(runs_have_their_moments),
        cmocka_unit_test(extremes),
        cmocka_unit_test(one_answer_and_short_blocks),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(splitting_reversing_complementing),
        cmocka_unit_test(fair_coins_are_rejected_as_often_as_they_should),
        cmocka_unit_test(power_grows_with_n),
        cmocka_unit_test(biased_coins_have_no_recency),
        cmocka_unit_test(second_order_is_told_from_first),
        cmocka_unit_test(streaks_slope),
        cmocka_unit_test(verdicts_are_holms),
        cmocka_unit_test(temperatures_multiply),
        cmocka_unit_test(temperature_fits),
        cmocka_unit_test(fisher_is_a_sum_over_tables),
        cmocka_unit_test(comparisons),
        cmocka_unit_test(replies),
        cmocka_unit_test(lists_of_replies),
        cmocka_unit_test(chains_follow_their_uniforms),
        cmocka_unit_test(references_pass),
        cmocka_unit_test(references_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
