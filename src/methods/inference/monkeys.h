/*
 * Repeated sampling: coverage and precision of many independent attempts at a problem.
 *
 * Brown, Juravsky, Ehrlich, Clark, Le, Re, Mirhoseini: Large Language Monkeys: Scaling Inference
 * Compute with Repeated Sampling, 2024, arXiv 2407.21787 v3 [the paper]; the distributional view is
 * Schaeffer et al.: How Do Large Language Monkeys Get Their Power (Laws)?, ICML 2025, arXiv
 * 2502.17578 [S25].
 *
 *   pass_i@k = 1 - C(n_i - c_i, k) / C(n_i, k)    unbiased; coverage(k) = mean over i  (eq. 1)
 *   log coverage(k) ~ a k^b,  a < 0, b < 0                                             (eq. 2-3)
 *   coverage(k) = 1 - E[(1 - p)^k],  p ~ D         a left tail p^(alpha-1) of D gives
 *                                                  -log coverage ~ k^-alpha            [S25]
 *
 * n (samples), c (correct ones) and k (attempts) are whole numbers kept in doubles, 1 <= n <= 2^53,
 * 0 <= c <= n, 1 <= k <= the smallest n. Curves over k want k ascending; equal neighbours are fine.
 * Messages count problems and samples from 1.
 *
 * The quadratures call GSL. Its error handler is process-wide, so it belongs to the program: one
 * that links libassay should call gsl_set_error_handler_off() at its start, as assay and assay.so
 * do. Arguments are checked before GSL sees them, and failures come back as a status.
 */
#ifndef ASSAY_METHODS_INFERENCE_MONKEYS_H
#define ASSAY_METHODS_INFERENCE_MONKEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fit.h"
#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* ---- Coverage (monkeys.c) ---- */

/* pass_i@k of every problem and k. Any output may be NULL: per_problem is problems x nk, mean and
 * se (sd over problems with divisor problems - 1, over sqrt(problems); NaN for one problem) have
 * nk. */
int assay_pass_at_k(const double *n, const double *c, size_t problems, const double *k, size_t nk,
    assay_matrix *per_problem, double *mean, double *se);

/* The chance that all k are correct: C(c, k) / C(n, k). Otherwise as assay_pass_at_k. */
int assay_pass_hat_k(const double *n, const double *c, size_t problems, const double *k, size_t nk,
    assay_matrix *per_problem, double *mean, double *se);

/* Percentile bootstrap over the rows of per_problem (problems x nk) of the column means: low and
 * high have nk. One resample draws the problems once for the whole curve, so that the band is
 * joint. */
int assay_coverage_bootstrap(const assay_matrix *per_problem, size_t resamples, double level,
    assay_rng *rng, const assay_progress *progress, double *low, double *high);

/* `points` >= 2 values even in log k from 1 to n, truncated to integers, duplicates removed
 * (App. C.1); grid holds at least `points`, *count of them are set. */
int assay_coverage_grid(double n, size_t points, double *grid, size_t *count);

/* The natural k whose coverage is closest to `coverage` (0..1), the smallest on ties, and that
 * coverage. A target above the curve gives the smallest k of the curve's largest coverage. */
int assay_samples_to_reach(const double *n, const double *c, size_t problems, double coverage,
    double *k, double *coverage_at_k);

typedef struct assay_counts {
    const double *n, *c; /* one per problem */
    size_t problems;
} assay_counts;

/* Overlay of a family's S-curves (Sec. 3.2): the anchor is the largest pass@1 of the models, and
 * shift[i] the natural k at which model i comes closest to it; k / shift is the common axis. */
int assay_coverage_overlay(const assay_counts *models, size_t count, double *anchor, double *shift);

/* ---- Laws of the curve (monkeys.c) ---- */

typedef struct assay_power_law {
    double a, b;                                        /* coverage = exp(a k^b) */
    double mean_abs_error, sd_abs_error, max_abs_error; /* of |fit - coverage|, used points */
    size_t dropped; /* points with coverage 0, and in loglog also 1 */
    int iterations;
    assay_fit fit; /* intervals, AIC; for assay_fit_value and assay_fit_forecast */
} assay_power_law;

/* Least squares in one of three spaces: ASSAY_SPACE_LOG (default; what gives the paper's numbers),
 * ASSAY_SPACE_LINEAR ("coverage") and ASSAY_SPACE_LOGLOG ([S25], with A = -a and B = -b). */
int assay_fit_power_law(
    const double *k, const double *coverage, size_t m, assay_fit_space space, assay_power_law *out);

/* coverage = intercept + slope log10 k by ordinary least squares. */
int assay_fit_log_linear(const double *k, const double *coverage, size_t m, double *intercept,
    double *slope, double *r2);

/* ---- Distributions of pass@1 (monkeys_pdist.c) ---- */

/* Densities of p on [0, scale], u = p / scale:
 *   Beta         u^(alpha-1) (1-u)^(beta-1) / (scale B(alpha, beta))
 *   Kumaraswamy  alpha beta u^(alpha-1) (1 - u^alpha)^(beta-1) / scale */
typedef enum assay_pdist { ASSAY_PDIST_BETA, ASSAY_PDIST_KUMARASWAMY } assay_pdist;

/* log Pr(c of n) for p of that distribution; alpha, beta > 0, 0 < scale <= 1. Where it takes
 * quadrature (scale < 1, or Kumaraswamy), its error is the rounding of n log p, 10^-16 n: with n
 * far beyond 10^7 it is ASSAY_ECONVERGE. */
int assay_scaled_binomial_logpmf(
    assay_pdist kind, double alpha, double beta, double scale, double n, double c, double *out);

/* Minus the mean over problems of the above; each distinct (n, c) is computed once. */
int assay_scaled_binomial_nll(assay_pdist kind, double alpha, double beta, double scale,
    const double *n, const double *c, size_t problems, double *nll);

typedef enum assay_pdist_method {
    ASSAY_PDIST_COUNTS,     /* maximum likelihood of the counts */
    ASSAY_PDIST_DISCRETISED /* of pass@1 = c/n in bins; the reference of [S25] */
} assay_pdist_method;

/*
 * Zero is the default everywhere. scale 0: min(1, (P+1)/P max c/n) for the counts, max c/n for the
 * discretised variant; else fixed. Its bins have the edges 0, r/2 and log-even ones from r to 1,
 * r = 1 / max n; bins_per_decade 0 means 10.
 */
typedef struct assay_pdist_opts {
    assay_pdist_method method;
    double scale;
    size_t bins_per_decade;
    const assay_progress *progress;
} assay_pdist_opts;

typedef struct assay_pdist_fit {
    assay_pdist kind;
    double alpha, beta, scale;
    double nll; /* mean over problems (the discretised variant: of the bins' masses) */
    double exponent, prefactor;             /* -log coverage ~ prefactor k^-exponent as k grows */
    double refit_exponent, refit_prefactor; /* the second way of [S25]: a loglog fit of the forecast
                                               at 20 log-even k in 1..10^4 */
    int iterations;
    bool at_bound; /* alpha or beta ended at 0.01 or 100 */
} assay_pdist_fit;

/* alpha and beta within [0.01, 100] by Nelder-Mead in their logarithms. o may be NULL.
 * ASSAY_EINVAL: "no successes" when every c is 0. */
int assay_fit_pdist(assay_pdist kind, const double *n, const double *c, size_t problems,
    const assay_pdist_opts *o, assay_pdist_fit *out);

/* Expected pass@k, 1 - E[(1-p)^k], for real k >= 1. */
int assay_pass_at_k_pdist(assay_pdist kind, double alpha, double beta, double scale,
    const double *k, size_t nk, double *pass);

/* -log coverage ~ prefactor k^-exponent as k grows: exponent alpha, prefactor
 * Gamma(alpha+beta) / (Gamma(beta) scale^alpha) (Beta), alpha beta Gamma(alpha) / scale^alpha. */
int assay_pdist_asymptote(
    assay_pdist kind, double alpha, double beta, double scale, double *exponent, double *prefactor);

/* ---- Selection without an oracle (monkeys_vote.c) ----
 *
 * answer[j] < classes is sample j's class of equal answers, class_correct says which classes are
 * right. Success of k samples is the mean over random k-subsets; the plurality class wins, tied
 * classes with equal chance (our definition; the paper has none). Weights are >= 0 and finite; sums
 * that differ by less than 1 in 10^12 count as tied. */

enum { ASSAY_MAJORITY_EXACT_MAX = 400 };

/* Majority vote, expectation over all k-subsets; count[w] samples of class w, their sum at most
 * ASSAY_MAJORITY_EXACT_MAX. acc has nk. */
int assay_majority_exact(const double *count, const unsigned char *correct, size_t classes,
    const double *k, size_t nk, double *acc);

/* acc[k-1] is the mean success of the first k samples of nperm permutations of 0..n-1 (perm is
 * nperm x n): unbiased for every k at once. sd, or NULL, is over permutations (divisor nperm - 1).
 * weight NULL: a plain vote. */
int assay_vote_permutation(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const size_t *perm, size_t nperm,
    double *acc, double *sd);

/* The same with nperm permutations drawn from rng. */
int assay_vote_permutation_draw(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, size_t nperm, assay_rng *rng, double *acc,
    double *sd);

/* Success of each given subset (count x k indices of samples): the deterministic core of the
 * next two. */
int assay_vote_subsets(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const size_t *subset, size_t k,
    size_t count, double *success);

/* Mean and sd over `draws` random k-subsets for each k, as the paper does (100 draws). */
int assay_vote_subsets_draw(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const double *k, size_t nk, size_t draws,
    assay_rng *rng, double *acc, double *sd);

/* Every one of the C(n, k) <= 10^6 subsets. */
int assay_vote_all_subsets(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const double *k, size_t nk, double *acc);

/* The sample of the largest reward among k, exactly: acc its mean correctness, value the expected
 * largest reward (either may be NULL). Equal rewards are chosen with equal chance. A NaN or +inf
 * reward is an error; -inf ranks last. */
int assay_best_of_n(const double *reward, const unsigned char *correct, size_t n, const double *k,
    size_t nk, double *acc, double *value);

/* One problem of a graded log. */
typedef struct assay_graded {
    uint64_t id; /* names the problem's random stream */
    size_t samples;
    const unsigned char *correct;       /* per sample */
    const double *reward;               /* per sample, or NULL */
    const size_t *answer;               /* class per sample, or NULL: no votes */
    const unsigned char *class_correct; /* per class */
    size_t classes;
} assay_graded;

/* Success per problem (problems x nk each); the members that are NULL are not computed. */
typedef struct assay_selection {
    assay_matrix *coverage;
    assay_matrix *majority;  /* exact up to ASSAY_MAJORITY_EXACT_MAX samples, else permutations */
    assay_matrix *best_of_n; /* needs rewards */
    assay_matrix *weighted_majority; /* needs rewards >= 0 as weights; permutations */
} assay_selection;

/* Problem i's permutations come from the child problem[i].id of rng, so that the result depends
 * neither on the order of the problems nor on who computes which. permutations 0: 100. */
int assay_selection_curves(const assay_graded *problem, size_t problems, const double *k, size_t nk,
    size_t permutations, const assay_rng *rng, const assay_progress *progress,
    assay_selection *out);

/* ---- Cost (monkeys_cost.c) ---- */

typedef struct assay_lm_size {
    double params, layers, dim;
} assay_lm_size;

/* FLOPs of one token at context length t: 2 (params + 2 layers dim t) (Sec. 2.3). */
int assay_flops_per_token(const assay_lm_size *m, double t, double *flops);

/* FLOPs of `completions` completions of `decode` tokens for one prompt of `prompt` tokens, which is
 * processed once. */
int assay_inference_flops(
    const assay_lm_size *m, size_t prompt, size_t decode, double completions, double *total);

typedef struct assay_token_price {
    double prompt, completion; /* money for 10^6 tokens */
    double prompt_tokens, completion_tokens;
    bool prompt_cached; /* the prompt is charged once a problem, not once an attempt */
} assay_token_price;

/* problems x attempts completions at those prices. */
int assay_api_cost(const assay_token_price *price, double problems, double attempts, double *total);

/* Coverage at total cost `at`, linear in log cost between the points of a curve (cost > 0,
 * ascending); NaN outside of it. */
int assay_cost_curve(const double *cost, const double *coverage, size_t m, const double *at,
    size_t count, double *out);

typedef struct assay_crossing {
    double cost, coverage;
    bool a_better; /* beyond this cost */
} assay_crossing;

/* Where the better of two curves changes, on the costs that both cover. crossing holds at least
 * ma + mb. */
int assay_cost_crossings(const double *cost_a, const double *coverage_a, size_t ma,
    const double *cost_b, const double *coverage_b, size_t mb, assay_crossing *crossing,
    size_t *count);

#endif
