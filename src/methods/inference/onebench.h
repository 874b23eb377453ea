/*
 * One pool of test items for all benchmarks: every item orders the models that were measured on it,
 * and a random-utility model turns the orders into one score a model.
 *
 * Ghosh, Dziadzio, Prabhu, Udandarao, Albanie, Bethge: ONEBench to Test Them All: Sample-Level
 * Benchmarking Over Open-Ended Capabilities, 2024, arXiv 2412.06745 [the paper]; its code is
 * github.com/bethgelab/onebench [code], which calls choix (Maystre) [choix]; the spectral estimator
 * is Maystre and Grossglauser: Fast and Accurate Inference of Plackett-Luce Models, 2015.
 *
 *   P(i1 > i2 > ... > ik) = prod_a  exp theta_{i_a} / sum_{b >= a} exp theta_{i_b},   sum theta = 0
 *
 * Scores are a matrix models x items, higher is better (negate others), NaN is "not measured"; an
 * infinity is an error. Only the order within an item counts, so that items need no common metric.
 * Counts are models x models: counts[i][j] is how often i beat j, any number >= 0; its diagonal is
 * 0. Models and items are numbered from 0 here, from 1 in messages.
 */
#ifndef ASSAY_METHODS_INFERENCE_ONEBENCH_H
#define ASSAY_METHODS_INFERENCE_ONEBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* ---- Measurements to orders (onebench_orders.c) ---- */

/* wins[i][j]: items on which i scores above j; ties[i][j]: equal scores (symmetric, diagonal 0).
 * Both models x models. O(models^2 items). */
int assay_to_pairwise(const assay_matrix *scores, assay_matrix *wins, assay_matrix *ties);

/* One is preferred to each of `n` others. */
typedef struct assay_top1 {
    size_t winner;
    const size_t *losers;
    size_t n;
} assay_top1;

/* Models from the first to the last, all different. */
typedef struct assay_ranking {
    const size_t *order;
    size_t n;
} assay_ranking;

/* Lists that own what they point to: one allocation each, freed by the function of their name. */
typedef struct assay_top1_list {
    assay_top1 *record;
    size_t count;
} assay_top1_list;

typedef struct assay_ranking_list {
    assay_ranking *ranking;
    size_t count;
} assay_ranking_list;

/* For every item and every level of score from the highest, each model on the level is a winner
 * over all lower ones; items in their order, winners and losers by number within. */
int assay_to_top1(const assay_matrix *scores, assay_top1_list *out);
void assay_top1_free(assay_top1_list *list);

/* For every item with at least two models: these by falling score, equal ones by number (a bias
 * where ties are common: top-1 records or pairs have none). */
int assay_to_rankings(const assay_matrix *scores, assay_ranking_list *out);
void assay_ranking_free(assay_ranking_list *list);

/* A match of i and j: result 1 (i won), 0.5 (a tie) or 0. */
typedef struct assay_match {
    size_t i, j;
    double result;
} assay_match;

/* Every pair of models on every item, item by item, i < j. *count is set; match may be NULL, to
 * learn it. */
int assay_to_matches(const assay_matrix *scores, assay_match *match, size_t *count);

/* Strongly connected components of the graph of wins (i -> j where counts[i][j] > 0), numbered by
 * their first member. */
int assay_comparison_components(const assay_matrix *counts, size_t *component, size_t *n);

/* Deal the comparisons into two random halves (the first gets the smaller when their number is
 * odd); counts must be whole. Every deal is equally likely. */
int assay_comparisons_split(
    const assay_matrix *counts, assay_rng *rng, assay_matrix *first, assay_matrix *second);

/* ---- Plackett-Luce (onebench_luce.c) ---- */

typedef enum assay_pl_method {
    ASSAY_PL_ILSR,  /* iterative Luce spectral ranking: maximum likelihood for alpha = 0 */
    ASSAY_PL_LSR,   /* one step of it */
    ASSAY_PL_MM,    /* minorisation-maximisation (Hunter 2004): O(models^2) a step, many steps */
    ASSAY_PL_NEWTON /* Newton's method with step halving: the same optimum as MM */
} assay_pl_method;

/* Zero is the default. alpha makes the result finite on any graph. For the spectral methods it is a
 * rate added between every two states of the Markov chain, as choix does; for MM and Newton a
 * gamma prior, + alpha sum(theta_i - exp theta_i). They agree at 0. */
typedef struct assay_pl_opts {
    assay_pl_method method;
    double alpha;       /* >= 0; 0 needs a strongly connected graph of wins */
    double tol;         /* ends when sum |change of theta| <= tol * models; 0: 1e-8 */
    size_t max_iter;    /* 0: 1000 */
    const double *init; /* theta to start from (models), or NULL: all 0 */
    const assay_progress *progress;
} assay_pl_opts;

typedef struct assay_pl_info {
    size_t iterations;
    double change;         /* sum |change of theta| of the last step; NaN after one step of LSR */
    double log_likelihood; /* of the data, without the prior */
    double *se;            /* models, or NULL: standard errors, see below */
    bool *unmeasured;      /* models, or NULL: no comparison; its theta says nothing */
} assay_pl_info;

/* theta has a value a model, of sum 0. info may be NULL; se is from the inverse of the observed
 * information (with the prior's curvature) on the space of sum 0. ASSAY_ECONVERGE when the steps do
 * not suffice, or when theta spreads so far that the chain's probabilities underflow. */
int assay_pl_pairwise_dense(
    const assay_matrix *counts, const assay_pl_opts *o, double *theta, assay_pl_info *info);
int assay_pl_top1(size_t models, const assay_top1 *record, size_t records, const assay_pl_opts *o,
    double *theta, assay_pl_info *info);
int assay_pl_rankings(size_t models, const assay_ranking *ranking, size_t rankings,
    const assay_pl_opts *o, double *theta, assay_pl_info *info);

/* ---- Baselines (onebench_baselines.c) ---- */

/* LMArena's rating: Bradley-Terry with weight 2 a win and 1 for each side of a tie,
 * scale theta / ln base + init, of mean init. alpha as in assay_pl_opts (Newton). */
int assay_bradley_terry_rating(const assay_matrix *wins, const assay_matrix *ties, double scale,
    double base, double init, double alpha, double *rating);

typedef struct assay_elo_opts {
    double k, scale, base, init; /* the reference: 4, 400, 10, 1000 */
} assay_elo_opts;

/* Matches one after another; the result depends on their order. */
int assay_elo(const assay_match *match, size_t matches, size_t models, const assay_elo_opts *o,
    double *rating);

/* Wins; and win 1, tie 0.75, loss 0.5. Both grow with the number of measurements. */
int assay_borda(const assay_matrix *wins, const assay_matrix *ties, double *score);
int assay_dowdall(const assay_matrix *wins, const assay_matrix *ties, double *score);

/* mean[i] over what model i was measured on. normalized[i] (or NULL) averages, over the groups that
 * model i has, its mean in the group, scaled to 0..1 over the models there (0.5 where all are
 * equal). group[j] of each item (NULL: one group). NaN for a model without a score. */
int assay_mean_score(
    const assay_matrix *scores, const size_t *group, double *mean, double *normalized);

/* ---- Agreement (onebench_baselines.c); Kendall's tau is in core/rank.h ---- */

/* |top k of a and of b| / k; equal scores by number. */
int assay_top_k_precision(const double *a, const double *b, size_t n, size_t k, double *precision);

/* Mean |difference of ranks|, equal scores sharing their mean rank. */
int assay_rank_distance(const double *a, const double *b, size_t n, double *distance);

/* Of the pairs of models that `first` and `second` order alike (consistent), the share that `full`
 * orders so, too. NaN when there is none. */
int assay_separability(const double *first, const double *second, const double *full, size_t n,
    double *share, size_t *consistent);

/* ---- Pools (onebench_pool.c) ---- */

typedef enum assay_sparsify_mode {
    ASSAY_SPARSIFY_CELLS,  /* of each model's n scores, ceil(f n) */
    ASSAY_SPARSIFY_ITEMS,  /* all but floor((1 - f) n) of the n items */
    ASSAY_SPARSIFY_MODELS, /* in each group, the scores of ceil(f n) of its n models */
    ASSAY_SPARSIFY_CONFOUNDED
} assay_sparsify_mode;

/* Confounded (ours): a score stays with probability
 *     min(1, (1 - f) 2 / (1 + exp(-4 kappa s_i d_j)))
 * where s and d are the ranks of the models by mean score and of the items by difficulty, centred
 * and scaled to (-1/2, 1/2): weak models are measured on easy items. */
typedef struct assay_sparsify_opts {
    assay_sparsify_mode mode;
    double fraction;     /* f, 0..1 */
    double kappa;        /* confounded: its strength */
    const size_t *group; /* models: of each item; NULL: one group */
} assay_sparsify_opts;

/* Sets scores to NaN. */
int assay_sparsify(assay_matrix *scores, const assay_sparsify_opts *o, assay_rng *rng);

/* m of the `factor` m items whose mean score is nearest `middle`, at random. Items without a score
 * are left out; index has m. */
int assay_informative_items(const assay_matrix *scores, size_t m, size_t factor, double middle,
    assay_rng *rng, size_t *index);

typedef enum assay_pool_distribution {
    ASSAY_POOL_GAUSSIAN, /* mean U(0, 1), sorted; sd U(0, dispersion) of each model */
    ASSAY_POOL_GUMBEL    /* location dispersion * (0, 1, ...), scale 1 */
} assay_pool_distribution;

/* A score a model and item; an item is made binary with probability `binary`, by a threshold
 * uniform between its least and greatest score. scores is models x items; truth (models): the means
 * or locations, ascending. */
int assay_synthetic_pool(assay_pool_distribution distribution, double dispersion, double binary,
    assay_rng *rng, assay_matrix *scores, double *truth);

/* The k rows of `embeddings` most similar to the query by cosine, most similar first (a row of
 * zeros has 0). */
int assay_item_search(const assay_matrix *embeddings, const double *query, size_t k, size_t *index,
    double *similarity);

#endif
