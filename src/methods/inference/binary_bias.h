/*
 * Are yes/no answers coin flips? A battery of tests for 0/1 series from any sampler.
 *
 * Vidler, Walsh: Evaluating Binary Decision Biases in Large Language Models: Implications for Fair
 * Agent-Based Financial Simulations, 2025, arXiv 2501.16356. The paper asks whether the share of
 * yes is uniform, whether answers are independent or at least Markovian, and whether they switch
 * too often (negative recency, as people's do). Its exact statistics are not published: the tests
 * here are the standard ones.
 *
 *   uniform       exact binomial test of y of n against 1/2
 *   independent   G = 2 sum N_ab ln(N_ab / E_ab) over transitions a -> b, 1 degree of freedom
 *   Markov        the same within each middle b over triples a b c, 2 degrees of freedom
 *   runs          R against 2 n1 n0 / n + 1 (Wald and Wolfowitz 1940), normal and exact
 *   recency       NR = switches / transitions - sum(E[R] - 1) / transitions
 *
 * NR compares with what the counts of yes and no let expect, since a coin of rate p switches at
 * 2 p (1 - p) and not at 1/2. It is the runs test in other units, so its p is the upper tail of R.
 *
 * A series is one or more batches (one call each) of 0 (no) and 1 (yes), one behind the other in x;
 * no transition, run, block or lag crosses from one batch to the next. Empty batches are skipped.
 * n is at most 10^8. What has no value (a test without observations, a z without variance) is NaN,
 * and the p of such a test is 1, unless said otherwise. Messages count from 1.
 *
 * GSL's distributions are used; see monkeys.h on its error handler.
 */
#ifndef ASSAY_METHODS_INFERENCE_BINARY_BIAS_H
#define ASSAY_METHODS_INFERENCE_BINARY_BIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* ---- The battery (binary_bias.c) ---- */

enum {
    ASSAY_BINARY_STREAK_MAX = 64,
    ASSAY_BINARY_LAGS_MAX = 64,
    ASSAY_BINARY_BLOCK_MAX = 12,
    ASSAY_RUNS_EXACT_MAX = 5000 /* the longest series with an exact runs test */
};

/* Zero is the default: 4, 3, 3. */
typedef struct assay_binary_opts {
    size_t streak_max; /* bins of the streak table, the last one open */
    size_t lags;       /* autocorrelations */
    size_t block;      /* length of the blocks */
} assay_binary_opts;

/* The 2 x 2 (or two 2 x 2) tables of a likelihood ratio test. */
typedef struct assay_binary_table {
    double g, chi2; /* likelihood ratio and Pearson's */
    size_t dof;     /* 0: a row or column is empty, both are 0 */
    double p_g, p_chi2;
} assay_binary_table;

typedef struct assay_binary_report {
    size_t n, yes;
    double rate, low, high; /* Wilson, 95 % */
    double p_uniform;
    size_t transition[2][2];   /* [previous][next] */
    double rate_after[2];      /* P(yes | previous) */
    assay_binary_table order1; /* order 0 against 1: independence */
    assay_binary_table order2; /* order 1 against 2: Markov */
    size_t runs;
    double runs_expected, runs_variance, runs_z;
    double p_runs;       /* normal, two-sided */
    double p_runs_exact; /* sum of probabilities <= that of the runs; NaN for several batches, or
                            more than ASSAY_RUNS_EXACT_MAX answers */
    size_t transitions, switches;
    double alternation;   /* switches / transitions */
    double p_alternation; /* exact binomial against 1/2 */
    double alternation_expected, recency;
    double p_recency; /* one-sided, NR > 0; exact where the runs test is */
    size_t streak_bins;
    size_t streak[ASSAY_BINARY_STREAK_MAX]; /* transitions from a run of r + 1 answers so far */
    size_t streak_switches[ASSAY_BINARY_STREAK_MAX]; /* those that end it */
    double streak_slope; /* of the switch rate on r, weighted by transitions */
    size_t lags;
    double autocorrelation[ASSAY_BINARY_LAGS_MAX]; /* lag 1, ..; divisor n */
    double ljung_box, p_ljung_box;                 /* Q = n (n + 2) sum r_l^2 / (pairs at lag l) */
    size_t block;
    size_t blocks; /* non-overlapping ones within batches */
    size_t block_count[(size_t)1 << ASSAY_BINARY_BLOCK_MAX]; /* by value, first answer highest */
    double block_chi2,
        p_block;          /* against uniform, 2^block - 1 degrees of freedom; p NaN for none */
    double block_entropy; /* bits a block, at most `block` */
    size_t longest_run;
    double p_longest_run; /* of a fair coin having one so long in any batch */
} assay_binary_report;

/* x holds the batches one behind the other; o may be NULL. ASSAY_EINVAL: no answers, one that is
 * neither 0 nor 1. */
int assay_binary_battery(const unsigned char *x, const size_t *batch_length, size_t batches,
    const assay_binary_opts *o, assay_binary_report *out);

/* A report's numbers by name, for envelopes: assay_binary_statistic_name says which. */
enum { ASSAY_BINARY_STATISTICS = 13, ASSAY_BINARY_TESTS = 7 };
const char *assay_binary_statistic_name(size_t i);
void assay_binary_statistics(
    const assay_binary_report *report, double values[ASSAY_BINARY_STATISTICS]);
/* Its tests: uniform, independence, markov, runs (exact where there is one), negative_recency,
 * ljung_box, blocks. */
const char *assay_binary_test_name(size_t i);
void assay_binary_p_values(const assay_binary_report *report, double p[ASSAY_BINARY_TESTS]);

/* The verdicts of one condition after Holm's correction over its four questions, in this order:
 * uniform, independent, Markov, without negative recency. */
enum { ASSAY_BINARY_QUESTIONS = 4 };
int assay_binary_verdict(const assay_binary_report *report, double alpha,
    double adjusted[ASSAY_BINARY_QUESTIONS], bool holds[ASSAY_BINARY_QUESTIONS]);

/* ---- Exact distributions (binary_bias_exact.c) ---- */

/* P(R = r) of a random order of n1 ones and n0 zeros; pmf has n1 + n0 + 1 numbers, r = 0, 1, ..
 * n1 + n0 in 1..10^7. */
int assay_runs_pmf(size_t n1, size_t n0, double *pmf);

/* P(the longest run of either side among n fair flips <= m[i]); 1 <= n <= 10^8. */
int assay_longest_run_cdf(size_t n, const size_t *m, size_t nm, double *cdf);
/* P(it is >= m), without loss where that is tiny. */
int assay_longest_run_tail(size_t n, size_t m, double *p);

/* Two-sided exact p of y of n against 1/2, 0 <= y <= n <= 10^9. */
double assay_fair_coin_p(size_t y, size_t n);

/* ---- Rates and temperature (binary_bias_rates.c) ---- */

/* Share of yes at a temperature, when it is p at temperature 1 and there are two answers:
 * 1 / (1 + ((1-p)/p)^(1/T)). T = 0: 0, 1/2 or 1; T infinite: 1/2, also for p = 0 or 1. */
int assay_temperature_rate(double p, double temperature, double *rate);

typedef struct assay_temperature_fit {
    double delta, se; /* logit p(T) = delta / T */
    double chi2, p;   /* lack of fit; large: other answers take part */
    size_t dof;       /* temperatures - 1 */
} assay_temperature_fit;

/* Weighted least squares through the origin of ln((y + 1/2) / (n - y + 1/2)) on 1/T, with the
 * weights n p (1-p) of p = (y + 1/2) / (n + 1). 0 < T < infinity. */
int assay_fit_temperature(const double *temperature, const double *y, const double *n, size_t m,
    assay_temperature_fit *out);

typedef struct assay_rate_test {
    double difference; /* y1/n1 - y2/n2 */
    double z, p_z;     /* pooled; NaN and 1 when all answers are equal */
    double p_fisher;   /* two-sided: tables no likelier than the one seen; its relative
                        error grows with n to 10^-5 at 10^9 */
} assay_rate_test;

/* Two conditions: y of n answers are yes; n in 1..10^9. */
int assay_compare_rates(double y1, double n1, double y2, double n2, assay_rate_test *out);

/* Pearson's chi-square of a table of counts (conditions x answers); empty rows and columns do not
 * count. dof 0: chi2 0, p 1. */
int assay_homogeneity(const assay_matrix *counts, double *chi2, size_t *dof, double *p);

/* ---- Replies (binary_bias_text.c) ---- */

/* yes and no end with NULL. A reply says yes when one of those words stands in it as a whole word,
 * whatever the case (of ASCII letters), and none of no's: value 1, 0, or -1 when it says neither or
 * both. Words are of letters, digits, _ and bytes beyond ASCII. ASSAY_EINVAL: an empty word. */
int assay_parse_binary(const char *text, const char *const *yes, const char *const *no, int *value);

/* All answers of a reply that lists them, in their order: the first `cap` into x (which may be NULL
 * for cap 0), *n is how many there are. *other, unless NULL, is how many pieces between line ends,
 * commas and semicolons have letters but no answer: refusals, and any words around the list. */
int assay_parse_binary_list(const char *text, const char *const *yes, const char *const *no,
    unsigned char *x, size_t cap, size_t *n, size_t *other);

/* ---- Series (binary_bias_series.c) ---- */

/* u has n uniforms in [0, 1). x[0] = u[0] < p_first; then x switches when u <
 * switch_by_streak[r-1], r the length of the run so far, at most `levels`. {1/2}: a fair coin;
 * {0.6}: the alternating chain;
 * {.55, .6, .65, .7}: people's streaks. */
int assay_binary_chain_core(const double *u, size_t n, double p_first,
    const double *switch_by_streak, size_t levels, unsigned char *x);
int assay_binary_chain(assay_rng *rng, size_t n, double p_first, const double *switch_by_streak,
    size_t levels, unsigned char *x);

/* Fair flips: from rng, or (rng NULL) from the operating system's entropy (ASSAY_EIO). */
int assay_fair_flips(assay_rng *rng, unsigned char *x, size_t n);

/* Statistics (reps x ASSAY_BINARY_STATISTICS) and p values (reps x ASSAY_BINARY_TESTS) of `reps`
 * reference series of the given shape; either may be NULL. Series come from rng, from the operating
 * system (rng and series NULL), or are consecutive pieces of `series` (whose length is reps times
 * that of the shape at least). */
int assay_binary_reference(const size_t *batch_length, size_t batches, const assay_binary_opts *o,
    size_t reps, assay_rng *rng, const unsigned char *series, const assay_progress *progress,
    assay_matrix *statistics, assay_matrix *p);

#endif
