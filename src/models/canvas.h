/*
 * Exact coarse-to-fine sampling: a testbed for searches over paths.
 *
 * The coordinates of a Gaussian mixture are cut into blocks, one a scale. Scale s draws its block
 * given those before it: a component by its probability given the coarser blocks, then the
 * conditional Gaussian. Whole paths are thus exact draws of the mixture, and nothing once drawn
 * changes.
 *
 * The reward of a path at any scale is the log-probability of a class in a softmax regression on
 * what is drawn, missing coordinates being 0, plus normal noise with a standard deviation for each
 * scale.
 */
#ifndef ASSAY_MODELS_CANVAS_H
#define ASSAY_MODELS_CANVAS_H

#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"
#include "models/gmm.h"

/* ---- softmax regression ---- */

/* p(c | x) ~ exp(weights[c] . x + bias[c]). label[i] < weights->rows. Minimises the mean negative
 * log-likelihood + ridge / 2 |weights|^2 by descent (Barzilai and Borwein's steps) until
 * the gradient's largest entry is at most tol, or `steps` are done; *gradient tells it. */
int assay_softmax_fit(const assay_matrix *x, const size_t *label, double ridge, size_t steps,
    double tol, const assay_progress *progress, assay_matrix *weights, double *bias,
    double *gradient);

/* log p(c | x) of every row of x: out is n x classes. */
int assay_softmax_log_probability(
    const assay_matrix *x, const assay_matrix *weights, const double *bias, assay_matrix *out);

/* ---- the canvas ---- */

typedef struct assay_canvas assay_canvas;

typedef struct assay_canvas_parameters {
    const assay_gmm *gmm; /* of full rank */
    const size_t *blocks; /* scales: coordinates of each, at least 1; their sum is the dimension */
    size_t scales;
    const assay_matrix *weights; /* of the reward, classes x dimension */
    const double *bias;          /* classes */
    size_t class;                /* whose probability it is */
    const double *noise;         /* scales, at least 0, or NULL: none */
} assay_canvas_parameters;

/* Takes copies. */
int assay_canvas_new(const assay_canvas_parameters *p, assay_canvas **out);
void assay_canvas_free(assay_canvas *c);

size_t assay_canvas_scales(const assay_canvas *c);
size_t assay_canvas_dim(const assay_canvas *c);

/* Begin so many empty paths; those there were are gone. */
int assay_canvas_begin(assay_canvas *c, size_t paths);
/* Draw one scale of a path; scales in their order. */
int assay_canvas_step(assay_canvas *c, size_t path, size_t scale, const assay_rng *rng);
/* Of what the path has drawn, the noise of its last scale included. */
double assay_canvas_reward(const assay_canvas *c, size_t path);
/* The coordinates drawn (count), and zeros to the dimension; valid until the next begin or select.
 */
const double *assay_canvas_state(const assay_canvas *c, size_t path, size_t *count);
/* ln p of what the path has drawn. */
double assay_canvas_log_density(const assay_canvas *c, size_t path);
/* The new path i is a copy of the old path parent[i]. n is at most the paths there were. */
void assay_canvas_select(assay_canvas *c, const size_t *parent, size_t n);

#endif
