/*
 * Few samples, well drawn and well chosen: temperatures, hedged pools, and selection by evidence.
 *
 * Khairi, D'souza, Shen, Kreutzer, Hooker: When Life Gives You Samples: The Benefits of Scaling up
 * Inference Compute for Multilingual LLMs, 2025, arXiv 2506.20544. With some five samples a prompt,
 * high temperatures raise the best of them and lower the worst, the more so in languages with
 * little training data. The paper hedges the pool (one greedy answer always in it, min-p on the
 * others) and selects by MBR with evidence from another language (X-MBR) or by one call of a judge
 * that writes a checklist first (CHOPS).
 *
 *   p_tau = softmax(logits / tau);  min-p keeps p >= min_p max p                [Nguyen et al.
 * 2024] MBR    s(y) = mean over evidence e of u(y, e) X-MBR  s(y) = (sum over candidates u + w sum
 * over cross evidence u) / (N + w M) hope = mean over prompts of max_j q(y_j) - q(greedy);  risk:
 * the same of min_j
 *
 * Positions are from 0 here; messages count from 1. Of equal scores the first wins, so that a pool
 * with its greedy answer first falls back to that.
 */
#ifndef ASSAY_METHODS_INFERENCE_MULTILINGUAL_H
#define ASSAY_METHODS_INFERENCE_MULTILINGUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* ---- Tokens and plans (multilingual.c) ---- */

/* p[i] in proportion to exp(logits[i] / temperature). Temperature 0: all on the first largest
 * logit; infinite: uniform over the finite logits. Infinite logits share everything, -inf gets
 * nothing. ASSAY_EINVAL: a NaN, all -inf. p may be logits. */
int assay_temperature_softmax(const double *logits, size_t n, double temperature, double *p);

/* The entries >= min_p max p, made to sum to 1; *kept of them. 0 <= min_p <= 1; 1 keeps all ties of
 * the mode. p is >= 0 with a positive sum. out may be p. */
int assay_min_p_filter(const double *p, size_t n, double min_p, double *out, size_t *kept);

/* The fewest most probable entries (first ones on ties) whose sum reaches top_p of the whole, made
 * to sum to 1. 0 < top_p <= 1. out may be p. */
int assay_top_p_filter(const double *p, size_t n, double top_p, double *out, size_t *kept);

typedef struct assay_token_opts {
    double temperature; /* as it stands: 0 is greedy */
    double min_p;       /* 0: no filter */
    double top_p;       /* 0 or 1: no filter; after min-p */
    bool min_p_first;   /* min-p before the temperature (another set; for comparison) */
} assay_token_opts;

int assay_token_probabilities(const double *logits, size_t n, const assay_token_opts *o, double *p);

/* The first i whose cumulative p exceeds u sum(p); u in [0, 1). */
int assay_sample_index(const double *p, size_t n, double u, size_t *index);

typedef enum assay_plan_strategy {
    ASSAY_PLAN_SINGLE,         /* all at `temperature` */
    ASSAY_PLAN_MULTI,          /* one at each of `temperatures` */
    ASSAY_PLAN_SCHEDULE,       /* linear from t_min to t_max; one sample: t_min */
    ASSAY_PLAN_HEDGED,         /* one greedy (first), the others at `temperature` */
    ASSAY_PLAN_HEDGED_SCHEDULE /* one greedy, the others as the schedule */
} assay_plan_strategy;

typedef struct assay_plan_opts {
    size_t n; /* at least 1 */
    assay_plan_strategy strategy;
    double temperature, t_min, t_max; /* >= 0; those that the strategy uses */
    const double *temperatures;       /* n, for ASSAY_PLAN_MULTI */
} assay_plan_opts;

/* The n temperatures; 0 is greedy. */
int assay_sampling_plan(const assay_plan_opts *o, double *temperatures);

/* ---- Utilities (multilingual_utility.c) ---- */

/* All in [0, 1]; two empty texts have utility 1, an empty and another one 0. Characters are Unicode
 * code points of UTF-8; a byte that is none of any stands for itself. */
typedef enum assay_utility {
    ASSAY_UTILITY_EXACT,    /* equal bytes */
    ASSAY_UTILITY_TOKEN_F1, /* F1 of the words between white space, with their multiplicity */
    ASSAY_UTILITY_CHRF,     /* F2 of the means, over the orders 1..6 that both texts have, of the
                               precision     and recall of character n-grams without white space (Popovic
                               2015) */
    ASSAY_UTILITY_EDIT      /* 1 - Levenshtein distance / the longer length */
} assay_utility;

/* out (nh x nr) is the utility of each hypothesis for each reference. progress may be NULL. */
int assay_utility_matrix(const char *const *hyp, size_t nh, const char *const *ref, size_t nr,
    assay_utility u, const assay_progress *progress, assay_matrix *out);

/* ---- Selection (multilingual_select.c) ---- */

/*
 * scores (one a candidate) and the first best. u_cand is N x E: the candidates' utilities for the
 * evidence, N x N with include_self = false, where the diagonal is not looked at. u_cross is N x M,
 * or NULL; its columns only vote, cross_weight >= 0 each. ASSAY_EINVAL: utilities that are not
 * finite, no evidence at all.
 */
int assay_mbr(const assay_matrix *u_cand, const assay_matrix *u_cross, double cross_weight,
    bool include_self, double *scores, size_t *index);

/* checks (N x Q) in 0..1, weights (Q) >= 0 with a positive sum or NULL for equal ones: scores are
 * weighted means. */
int assay_checklist_select(
    const assay_matrix *checks, const double *weights, double *scores, size_t *index);

/* The first largest reward; a NaN is an error. */
int assay_select_best(const double *rewards, size_t n, size_t *index);

/* ---- Curves over the number of samples (multilingual_curve.c) ---- */

/*
 * Mean quality of the MBR choice among the first k of nperm permutations (nperm x n) of n
 * candidates, at every k = 1..n: unbiased for a random k-subset. u_cand is n x n, u_cross n x M or
 * NULL, votes as in assay_mbr; where the first k have no evidence (k = 1 without itself and without
 * cross evidence) the one candidate is the choice. mean has n.
 */
int assay_mbr_curve(const assay_matrix *u_cand, const assay_matrix *u_cross, double cross_weight,
    bool include_self, const double *quality, const size_t *perm, size_t nperm,
    const assay_progress *progress, double *mean);

/* The same with nperm permutations drawn from rng. */
int assay_mbr_curve_draw(const assay_matrix *u_cand, const assay_matrix *u_cross,
    double cross_weight, bool include_self, const double *quality, size_t nperm, assay_rng *rng,
    const assay_progress *progress, double *mean);

/* ---- Pools and comparisons (multilingual_select.c) ---- */

typedef struct assay_hope_risk_result {
    double hope, risk, mean_gain;      /* mean over prompts of max, min, mean quality - greedy */
    double hope_percent, risk_percent; /* of the mean greedy quality; NaN where that is 0 */
} assay_hope_risk_result;

/* quality is prompts x samples, greedy has prompts; all finite. */
int assay_hope_risk(const assay_matrix *quality, const double *greedy, assay_hope_risk_result *out);

typedef struct assay_win_rate_result {
    double win_rate;  /* (wins + ties / 2) / all */
    double low, high; /* Wilson, 95 % */
    double win_minus_loss;
} assay_win_rate_result;

/* Counts >= 0, not all 0. */
int assay_win_rate(double wins, double ties, double losses, assay_win_rate_result *out);

typedef struct assay_swapped_result {
    double wins, ties, losses; /* prompts whose mean over both orders is above, at, below 1/2 */
    double position_bias;      /* mean(shown first) - mean(shown second) */
    double consistent;         /* share of prompts with equal scores in both orders */
} assay_swapped_result;

/* The scores (0..1) of one system on n >= 1 prompts, shown first and shown second. */
int assay_win_rate_swapped(
    const double *first, const double *second, size_t n, assay_swapped_result *out);

/* ---- CHOPS: a judge's checklist, then its choice, in one call (multilingual_chops.c) ---- */

/* The message for the judge, which the caller frees: the task, the candidates in the order
 * order[place] = candidate (a permutation of 0..n-1; NULL: as they stand), and what to do. */
int assay_chops_prompt(const char *task, const char *const *candidate, size_t n,
    const uint32_t *order, size_t max_points, char **out);

/* The candidate that the reply chooses: the last [[k]] (blanks allowed), without one the last JSON
 * object with an integer field "choice"; k counts the places of `order` from 1. Without a valid
 * choice it is `fallback`, and *parsed false. */
int assay_chops_parse(const char *reply, size_t n, const uint32_t *order, size_t fallback,
    size_t *index, bool *parsed);

#endif
