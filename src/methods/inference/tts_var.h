/*
 * Search over the paths of a coarse-to-fine sampler: many candidates on the cheap coarse scales,
 * few on the dear fine ones.
 *
 * Chen et al.: TTS-VAR: A Test-Time Scaling Framework for Visual Auto-Regressive Generation, 2025,
 * arXiv 2507.18537 [the paper]; its code is github.com/ali-vilab/TTS-VAR [code].
 *
 * Scales are numbered from 0, as in the paper. b_s paths are kept after scale s, b not increasing;
 * scale s is drawn for g_s = b_{s-1} paths, g_0 = b_0, so that the cost is sum_s g_s cost_s. On the
 * way down the population is thinned
 *   by clustering (coarse scales, where rewards can't tell yet): the paths nearest to the centres
 * of b_s clusters of their features; by resampling (fine scales): b_s draws with weights exp(lambda
 * J), J a potential made of the rewards of a path's own history; else uniformly at random (ours;
 * the paper's schedule has no such scale). At the end the path of the largest reward is the answer.
 */
#ifndef ASSAY_METHODS_INFERENCE_TTS_VAR_H
#define ASSAY_METHODS_INFERENCE_TTS_VAR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/resample.h"
#include "core/rng.h"

/* ---- Parts (tts_var.c) ---- */

enum { ASSAY_TTS_SCALES = 13 };
/* The paper's schedule for n = 1: 8 8 6 6 6 4 2 2 2 1 1 1 1. */
extern const size_t assay_tts_base[ASSAY_TTS_SCALES];

/* kept = n base; base not increasing, n and all entries at least 1. */
int assay_batch_schedule(const size_t *base, size_t scales, size_t n, size_t *kept);

/* generated (g, scales) and the total of generated[s] cost[s]; costs finite, at least 0. */
int assay_schedule_cost(
    const size_t *kept, const double *cost, size_t scales, size_t *generated, double *total);

typedef enum assay_potential_kind {
    ASSAY_POTENTIAL_VALUE, /* the reward */
    ASSAY_POTENTIAL_DIFF,  /* less the one before; without one the reward */
    ASSAY_POTENTIAL_MAX,   /* the largest so far */
    ASSAY_POTENTIAL_SUM,   /* of all so far */
    ASSAY_POTENTIAL_TOPK   /* of the `top` largest so far [code] */
} assay_potential_kind;

/* potential (n) of the rewards (n) and of the history, n x h earlier rewards of the same paths
 * (h may be 0; NULL: none); weights (n): exp(lambda potential) / sum, all equal for lambda = 0.
 * -inf has weight 0 (for lambda > 0), +inf share all. NaN is an error. */
int assay_potential(const double *reward, const assay_matrix *history, size_t n,
    assay_potential_kind kind, double lambda, size_t top, double *potential, double *weights);

/* k of the rows of features, one a cluster, in the order of the clusters: the row nearest to its
 * centre. label (n), centres (k x d), inertia (NULL: not wanted). init (k rows), or NULL for the
 * best of `restarts` k-means++ starts. k = n gives all rows in their order. */
int assay_diversity_select(const assay_matrix *features, size_t k, const size_t *init,
    size_t restarts, assay_rng *rng, size_t *index, size_t *label, assay_matrix *centres,
    double *inertia);

typedef enum assay_patch_features {
    ASSAY_PATCH_PCA,     /* of each image alone: its patches on their first principal axis */
    ASSAY_PATCH_PCA_ALL, /* on the first axis of all images' patches */
    ASSAY_PATCH_POOL     /* the mean patch */
} assay_patch_features;

/* Patches (L x D) centred and projected on their first right singular vector, whose element of
 * largest magnitude is made positive (the first on ties). score (L); equal patches have 0. */
int assay_patch_pca(const assay_matrix *patches, double *score);

/* A row of features an image; patches of image i are rows i L .. i L + L - 1 of `patches`. out is
 * images x L, for POOL images x D. */
int assay_patch_features_of(
    const assay_matrix *patches, size_t images, assay_patch_features kind, assay_matrix *out);

/* Spearman's and Pearson's correlation of each scale's rewards with the last scale's; history is
 * paths x scales. NaN where one is constant. */
int assay_reward_consistency(const assay_matrix *history, double *spearman, double *pearson);

/* ---- The search (tts_var_search.c) ---- */

/* What draws the paths. Paths are numbered from 0; each holds all of its state (canvas, caches).
 * Functions return ASSAY_OK or what ends the search. */
typedef struct assay_path_model {
    void *context;
    /* Begin `paths` empty ones. */
    int (*begin)(void *context, size_t paths, assay_rng *rng);
    /* Draw one scale of one path, with a stream of its own. */
    int (*step)(void *context, size_t path, size_t scale, assay_rng *rng);
    int (*reward)(void *context, size_t path, size_t scale, double *reward);
    /* n numbers, the same n for all paths, until the next call; NULL where nothing is clustered */
    int (*features)(void *context, size_t path, size_t scale, const double **x, size_t *n);
    /* The new path i is a copy of the old path parent[i], i = 0..n-1; others are gone. */
    int (*select)(void *context, const size_t *parent, size_t n);
} assay_path_model;

typedef struct assay_tts_opts {
    const size_t *kept; /* b, scales */
    const double *cost; /* of one path at a scale, or NULL: 1 each */
    size_t scales;
    const bool *extract;  /* scales with clustering, each with a reduction; NULL: none */
    const bool *resample; /* scales with resampling; NULL: none */
    const bool *reward;   /* scales with rewards, beside those of `resample` and the last;
                             NULL: all */
    assay_potential_kind kind;
    double lambda;
    size_t top;
    assay_resample_kind resampling;
    size_t restarts;  /* of k-means; 0: 10 */
    bool sample_last; /* the answer is drawn with weights exp(lambda reward), not the best */
    const assay_progress *progress;
} assay_tts_opts;

typedef struct assay_tts_result {
    size_t best;   /* a path of the last population */
    double reward; /* its */
    double cost;
    assay_matrix history; /* paths of the last population x scales: rewards of each one's line, NaN
                             where none was asked for */
    size_t *ancestor; /* scales x b_0: of path i kept after scale s, its number among the g_s drawn;
                         SIZE_MAX beyond b_s */
} assay_tts_result;

void assay_tts_result_free(assay_tts_result *result);

/* rng is not advanced. The stream of a step depends on the scale and the path's number alone, so
 * that copies of a path go separate ways, and searches are compared on common draws. */
int assay_tts_var(const assay_path_model *model, const assay_tts_opts *o, const assay_rng *rng,
    assay_tts_result *out);

#endif
