/*
 * The battery: binary_bias_count.c counts a batch's pairs, triples, runs, streaks and blocks; the
 * tests then are arithmetic on counts, so that a series of 10^7 answers costs a few passes over
 * bytes.
 *
 * Autocorrelations are those of counts too: with S the sum over all x, m = S/n, and the sums over
 * the pairs (x_t, x_{t+l}) that lie within a batch,
 *
 *   sum (x_t - m)(x_{t+l} - m) = N11 - m (S_first + S_second) + m^2 pairs
 *
 * and sum (x_t - m)^2 = n m (1 - m).
 */
#include "methods/inference/binary_bias.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "core/stats.h"
#include "core/status.h"
#include "methods/inference/binary_bias_count.h"

/* ---- arguments ---- */

static int check_options(const assay_binary_opts *o)
{
    if (o->streak_max > ASSAY_BINARY_STREAK_MAX)
        return assay_fail(ASSAY_EINVAL, "binary_battery: streak_max must be in 1..%d, got %zu",
            ASSAY_BINARY_STREAK_MAX, o->streak_max);
    if (o->lags > ASSAY_BINARY_LAGS_MAX)
        return assay_fail(ASSAY_EINVAL, "binary_battery: lags must be in 1..%d, got %zu",
            ASSAY_BINARY_LAGS_MAX, o->lags);
    if (o->block > ASSAY_BINARY_BLOCK_MAX)
        return assay_fail(ASSAY_EINVAL, "binary_battery: block must be in 1..%d, got %zu",
            ASSAY_BINARY_BLOCK_MAX, o->block);
    return ASSAY_OK;
}

/* The first of n bytes that is neither 0 nor 1; n: all are. */
static size_t first_other(const unsigned char *x, size_t n)
{
    size_t i = 0;
    for (uint64_t eight; i + sizeof eight <= n; i += sizeof eight) {
        memcpy(&eight, x + i, sizeof eight);
        if (eight & 0xFEFEFEFEFEFEFEFE)
            break;
    }
    while (i < n && x[i] <= 1)
        i++;
    return i;
}

static int check_answers(
    const unsigned char *x, const size_t *batch_length, size_t batches, size_t *n)
{
    *n = 0;
    for (size_t b = 0; b < batches; b++) {
        if (batch_length[b] > 100000000 - *n)
            return assay_fail(
                ASSAY_EINVAL, "binary_battery: there may be at most 10^8 answers, got more");
        const size_t other = first_other(x + *n, batch_length[b]);
        if (other < batch_length[b])
            return assay_fail(ASSAY_EINVAL,
                "binary_battery: answer %zu of batch %zu must be 0 or 1, got %d", other + 1, b + 1,
                x[*n + other]);
        *n += batch_length[b];
    }
    return *n > 0 ? ASSAY_OK
                  : assay_fail(ASSAY_EINVAL, "binary_battery: there must be at least 1 answer");
}

/* ---- tests on counts ---- */

/* Adds one 2 x 2 table to a test. */
static void add_table(size_t n00, size_t n01, size_t n10, size_t n11, assay_binary_table *test)
{
    const size_t cell[2][2] = {{n00, n01}, {n10, n11}};
    double row[2], column[2], g = 0, chi2 = 0;
    for (int i = 0; i < 2; i++) {
        row[i] = (double)cell[i][0] + (double)cell[i][1];
        column[i] = (double)cell[0][i] + (double)cell[1][i];
    }
    const double all = row[0] + row[1];
    if (row[0] == 0 || row[1] == 0 || column[0] == 0 || column[1] == 0)
        return;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            const double seen = (double)cell[i][j], expected = row[i] * column[j] / all;
            g += seen > 0 ? 2 * seen * log(seen / expected) : 0;
            chi2 += (seen - expected) * (seen - expected) / expected;
        }
    test->g += fmax(g, 0); /* rounding of equal logs */
    test->chi2 += chi2;
    test->dof++;
}

static double chi2_tail(double chi2, size_t dof)
{
    return dof > 0 ? gsl_cdf_chisq_Q(chi2, (double)dof) : 1;
}

static void finish_table(assay_binary_table *test)
{
    test->p_g = chi2_tail(test->g, test->dof);
    test->p_chi2 = chi2_tail(test->chi2, test->dof);
}

static void test_dependence(assay_binary_report *out, const assay_binary_tally *counts)
{
    for (int a = 0; a < 2; a++) {
        const double from = (double)out->transition[a][0] + (double)out->transition[a][1];
        out->rate_after[a] = from > 0 ? (double)out->transition[a][1] / from : (double)NAN;
    }
    add_table(out->transition[0][0], out->transition[0][1], out->transition[1][0],
        out->transition[1][1], &out->order1);
    finish_table(&out->order1);
    for (int b = 0; b < 2; b++)
        add_table(counts->triple[0][b][0], counts->triple[0][b][1], counts->triple[1][b][0],
            counts->triple[1][b][1], &out->order2);
    finish_table(&out->order2);
}

/* The exact p of the runs test, two-sided and of too many runs, for one batch. */
static int exact_runs(const assay_binary_report *out, double *two_sided, double *upper)
{
    double pmf[ASSAY_RUNS_EXACT_MAX + 1];
    const int status = assay_runs_pmf(out->yes, out->n - out->yes, pmf);
    if (status)
        return status;
    *two_sided = *upper = 0;
    for (size_t r = 1; r <= out->n; r++) {
        if (pmf[r] <= pmf[out->runs] * (1 + 1e-9)) /* equal ones by symmetry differ by rounding */
            *two_sided += pmf[r];
        if (r >= out->runs)
            *upper += pmf[r];
    }
    *two_sided = fmin(*two_sided, 1);
    *upper = fmin(*upper, 1);
    return ASSAY_OK;
}

static int test_runs(assay_binary_report *out, size_t answered)
{
    const double sd = sqrt(out->runs_variance), more = (double)out->runs - out->runs_expected;
    out->runs_z = sd > 0 ? more / sd : (double)NAN;
    out->p_runs = sd > 0 ? fmin(1, 2 * gsl_cdf_ugaussian_Q(fabs(out->runs_z))) : 1;
    out->p_recency = sd > 0 ? gsl_cdf_ugaussian_Q(out->runs_z) : 1;
    out->p_runs_exact = (double)NAN;
    if (answered == 1 && out->n <= ASSAY_RUNS_EXACT_MAX)
        return exact_runs(out, &out->p_runs_exact, &out->p_recency);
    return ASSAY_OK;
}

static void test_alternation(assay_binary_report *out, size_t answered)
{
    const double transitions = (double)out->transitions;
    out->switches = out->transition[0][1] + out->transition[1][0];
    out->alternation = (double)out->switches / transitions; /* NaN without transitions */
    out->alternation_expected = (out->runs_expected - (double)answered) / transitions;
    out->recency = out->alternation - out->alternation_expected;
    out->p_alternation = assay_fair_coin_p(out->switches, out->transitions);
}

/* Weighted least squares of switches / n on r = 1, .. over the bins with transitions. */
static double streak_slope(const assay_binary_report *out)
{
    double weight = 0, mean_r = 0, mean_rate = 0, above = 0, below = 0;
    for (size_t i = 0; i < out->streak_bins; i++) {
        weight += (double)out->streak[i];
        mean_r += (double)out->streak[i] * (double)(i + 1);
        mean_rate += (double)out->streak_switches[i];
    }
    for (size_t i = 0; i < out->streak_bins; i++) {
        const double w = (double)out->streak[i], r = (double)(i + 1) - mean_r / weight;
        if (w > 0) {
            above += w * r * ((double)out->streak_switches[i] / w - mean_rate / weight);
            below += w * r * r;
        }
    }
    return below > 0 ? above / below : (double)NAN;
}

static void test_lags(assay_binary_report *out, const assay_binary_tally *counts)
{
    const double n = (double)out->n, m = (double)out->yes / n, spread = n * m * (1 - m);
    size_t dof = 0;
    double q = 0;
    for (size_t l = 0; l < out->lags; l++) {
        const double pairs = (double)counts->pairs[l];
        const double together = (double)counts->both[l] -
                                m * ((double)counts->first[l] + (double)counts->second[l]) +
                                m * m * pairs;
        const bool defined = spread > 0 && pairs > 0;
        out->autocorrelation[l] = defined ? together / spread : (double)NAN;
        if (defined) {
            q += n * (n + 2) * out->autocorrelation[l] * out->autocorrelation[l] / pairs;
            dof++;
        }
    }
    out->ljung_box = dof > 0 ? q : (double)NAN;
    out->p_ljung_box = chi2_tail(q, dof);
}

static void test_blocks(assay_binary_report *out)
{
    const size_t values = (size_t)1 << out->block;
    const double expected = (double)out->blocks / (double)values;
    out->block_chi2 = out->block_entropy = 0;
    for (size_t v = 0; v < values; v++) {
        const double seen = (double)out->block_count[v], share = seen / (double)out->blocks;
        out->block_chi2 += (seen - expected) * (seen - expected) / expected;
        out->block_entropy -= seen > 0 ? share * log2(share) : 0;
    }
    out->p_block = out->blocks > 0 ? chi2_tail(out->block_chi2, values - 1) : (double)NAN;
    if (out->blocks == 0)
        out->block_chi2 = out->block_entropy = (double)NAN;
}

/* P(some batch has a run this long) = 1 - prod (1 - P of each). */
static int test_longest_run(const size_t *batch_length, size_t batches, assay_binary_report *out)
{
    double log_none = 0;
    size_t length = 0;
    double tail = 0;
    for (size_t b = 0; b < batches; b++) {
        if (batch_length[b] == 0)
            continue;
        if (batch_length[b] != length) { /* batches mostly are of one length */
            length = batch_length[b];
            const int status = assay_longest_run_tail(length, out->longest_run, &tail);
            if (status)
                return status;
        }
        log_none += log1p(-tail);
    }
    out->p_longest_run = -expm1(log_none);
    return ASSAY_OK;
}

static int test_rate(assay_binary_report *out)
{
    assay_interval wilson;
    const int status = assay_wilson_interval((double)out->yes, (double)out->n, 0.95, &wilson);
    out->rate = wilson.estimate;
    out->low = wilson.low;
    out->high = wilson.high;
    out->p_uniform = assay_fair_coin_p(out->yes, out->n);
    return status;
}

int assay_binary_battery(const unsigned char *x, const size_t *batch_length, size_t batches,
    const assay_binary_opts *o, assay_binary_report *out)
{
    static const assay_binary_opts defaults;
    assay_binary_tally counts = {0};
    size_t n = 0, first = 0;
    if (!o)
        o = &defaults;
    int status = check_options(o);
    if (!status)
        status = check_answers(x, batch_length, batches, &n);
    if (status)
        return status;
    memset(out, 0, sizeof *out);
    out->streak_bins = o->streak_max ? o->streak_max : 4;
    out->lags = o->lags ? o->lags : 3;
    out->block = o->block ? o->block : 3;
    for (size_t b = 0; b < batches; first += batch_length[b++])
        assay_binary_count(x + first, batch_length[b], out, &counts);
    test_dependence(out, &counts);
    test_alternation(out, counts.answered);
    out->streak_slope = streak_slope(out);
    test_lags(out, &counts);
    test_blocks(out);
    status = test_rate(out);
    if (!status)
        status = test_runs(out, counts.answered);
    if (!status)
        status = test_longest_run(batch_length, batches, out);
    return status;
}

/* ---- a report as lists ---- */

static const char *const statistic_names[ASSAY_BINARY_STATISTICS] = {"yes_rate", "independence_G",
    "markov_G", "runs", "runs_z", "alternation", "negative_recency", "streak_slope",
    "autocorrelation", "ljung_box", "block_chi2", "block_entropy", "longest_run"};

const char *assay_binary_statistic_name(size_t i)
{
    return i < ASSAY_BINARY_STATISTICS ? statistic_names[i] : NULL;
}

void assay_binary_statistics(const assay_binary_report *r, double values[ASSAY_BINARY_STATISTICS])
{
    const double all[ASSAY_BINARY_STATISTICS] = {r->rate, r->order1.g, r->order2.g, (double)r->runs,
        r->runs_z, r->alternation, r->recency, r->streak_slope, r->autocorrelation[0], r->ljung_box,
        r->block_chi2, r->block_entropy, (double)r->longest_run};
    memcpy(values, all, sizeof all);
}

static const char *const test_names[ASSAY_BINARY_TESTS] = {
    "uniform", "independence", "markov", "runs", "negative_recency", "ljung_box", "blocks"};

const char *assay_binary_test_name(size_t i)
{
    return i < ASSAY_BINARY_TESTS ? test_names[i] : NULL;
}

void assay_binary_p_values(const assay_binary_report *r, double p[ASSAY_BINARY_TESTS])
{
    const double all[ASSAY_BINARY_TESTS] = {r->p_uniform, r->order1.p_g, r->order2.p_g,
        isnan(r->p_runs_exact) ? r->p_runs : r->p_runs_exact, r->p_recency, r->p_ljung_box,
        r->p_block};
    memcpy(p, all, sizeof all);
}

int assay_binary_verdict(const assay_binary_report *r, double alpha,
    double adjusted[ASSAY_BINARY_QUESTIONS], bool holds[ASSAY_BINARY_QUESTIONS])
{
    const double p[ASSAY_BINARY_QUESTIONS] = {
        r->p_uniform, r->order1.p_g, r->order2.p_g, r->p_recency};
    if (!(alpha > 0 && alpha < 1))
        return assay_fail(
            ASSAY_EINVAL, "binary_battery: alpha must be between 0 and 1, got %g", alpha);
    const int status = assay_holm(p, ASSAY_BINARY_QUESTIONS, adjusted);
    for (int i = 0; i < ASSAY_BINARY_QUESTIONS; i++)
        holds[i] = adjusted[i] > alpha;
    return status;
}
