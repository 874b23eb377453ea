/*
 * One Gaussian in place of a diffusion model's data, after Wang and Vastola, The Unreasonable
 * Effectiveness of Gaussian Score Approximation for Diffusion Models and its Applications (2024,
 * arXiv 2412.09726).
 *
 * At moderate and high noise a trained score is nearly that of the Gaussian with the data's
 * moments, whose probability-flow ODE has a closed solution. So here are the Gaussian's flow,
 * scores and denoiser, and the other approximations of a score that it is compared with:
 * expansions, one variance, the training rows, mixtures of low rank. teleport.h samples with it.
 *
 * x = x_0 + sigma z unless a schedule is given; its noise prediction is -sigma score. Points are
 * n x d. With C = U diag(L) U^T and y = x - mu:
 *
 *   flow      mu + U diag(sqrt((b^2 + L) / (a^2 + L))) U^T y + (b / a) y_perp    from sigma a to b
 *   score     -(C + sigma^2 I)^-1 y
 *   denoised  mu + U diag(L / (L + sigma^2)) U^T y
 */
#ifndef ASSAY_METHODS_DIFFUSION_GAUSSIAN_H
#define ASSAY_METHODS_DIFFUSION_GAUSSIAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"
#include "core/schedule.h"

/* ---- the Gaussian (gaussian.c) ---- */

typedef struct assay_gaussian {
    size_t dim, rank;
    double *mean;         /* d */
    double *eigenvalues;  /* r variances, falling, >= 0 */
    assay_matrix vectors; /* d x r, orthonormal columns */
    double residual;      /* the variance of the other d - r directions */
    double trace;         /* of a fit: the variances of all d directions, the left-out ones too */
} assay_gaussian;

typedef struct assay_gaussian_options {
    bool truncate; /* keep `rank` directions, else all that rows can tell: min(d, n - 1) */
    size_t rank;
    bool centred;   /* of a fit: the rows' mean was removed before, and the Gaussian's is 0 */
    bool isotropic; /* the left-out directions have their mean variance (probabilistic PCA), else 0
                     */
} assay_gaussian_options;

/* The rows' mean and covariance (divisor n - 1). n >= 2, finite, rank <= min(d, n - 1). With n < d
 * or d > 4096 by singular values of the centred rows, else by the covariance's eigenvalues. */
int assay_gaussian_fit(const assay_matrix *x, const assay_gaussian_options *o,
    const assay_progress *progress, assay_gaussian *g);
/* Of moments: mean (d), a symmetric covariance (d x d) whose negative eigenvalues become 0;
 * rank <= d. */
int assay_gaussian_from_moments(const double *mean, const assay_matrix *covariance,
    const assay_gaussian_options *o, assay_gaussian *g);
void assay_gaussian_free(assay_gaussian *g); /* of what the two above made */

/* x, a state at time `from`, on its flow to `to`, either of which may be larger. s NULL: times are
 * sigmas; else of the schedule, in x / alpha the same with sigma / alpha. Sigma 0 at `to` is
 * allowed; at `from` it is where it is 0 at `to` as well, or no direction has variance 0. out: n x
 * d, not x. */
int assay_gaussian_flow(const assay_gaussian *g, const assay_schedule *s, double from, double to,
    const assay_matrix *x, assay_matrix *out);
/* The flow from times[0] to each of n_times, out: as many n x d matrices. */
int assay_gaussian_flow_path(const assay_gaussian *g, const assay_schedule *s, const double *times,
    size_t n_times, const assay_matrix *x, assay_matrix *out);

/* With y = x - mu; C s^-2 expanded in powers where sigma^2 exceeds C's eigenvalues. */
typedef enum assay_gaussian_score_kind {
    ASSAY_SCORE_EXACT,
    ASSAY_SCORE_EXPAND1,     /* -(I - C / sigma^2) y / sigma^2 */
    ASSAY_SCORE_EXPAND2,     /* -(I - C / sigma^2 + C^2 / sigma^4) y / sigma^2 */
    ASSAY_SCORE_EXPAND1_REG, /* the same in C / (sigma^2 + tr C / 2) */
    ASSAY_SCORE_EXPAND2_REG,
    ASSAY_SCORE_ISOTROPIC /* -y / sigma^2 */
} assay_gaussian_score_kind;

/* sigma > 0; the exact one also 0 where no direction has variance 0. */
int assay_gaussian_score(const assay_gaussian *g, assay_gaussian_score_kind kind, double sigma,
    const assay_matrix *x, assay_matrix *out);
/* The powers of this expansion do not converge at this sigma: the score is far off. */
bool assay_gaussian_score_diverges(
    const assay_gaussian *g, assay_gaussian_score_kind kind, double sigma);

/* E[x_0 | x], sigma >= 0. */
int assay_gaussian_denoise(
    const assay_gaussian *g, double sigma, const assay_matrix *x, assay_matrix *out);

/* What becomes of coordinate k (of r) along the flow from sigma_T, in units of its value there, and
 * of a kick along it. Each result (r) may be NULL. */
typedef struct assay_gaussian_modes {
    double *state;        /* sqrt((sigma^2 + L) / (sigma_T^2 + L)) */
    double *denoised;     /* L / sqrt((L + sigma^2) (L + sigma_T^2)): half its end at sqrt(3 L) */
    double *perturbation; /* a kick at sigma, as it ends at 0: sqrt(L / (L + sigma^2)) */
} assay_gaussian_modes;

/* sigma_T > 0, sigma >= 0. */
int assay_gaussian_modes_at(
    const assay_gaussian *g, double sigma_T, double sigma, const assay_gaussian_modes *out);

/* ---- other scores of the same data (scores.c) ---- */

/* Of the training rows (m x d), each a point mass: (sum_i w_i X_i - x) / sigma^2 with w = softmax(
 * -|x - X_i|^2 / (2 sigma^2)). sigma > 0, m >= 1. */
int assay_delta_score(
    const assay_matrix *train, double sigma, const assay_matrix *x, assay_matrix *out);

/* Components N(m_k, U_k diag(L_k) U_k^T), singular unless r = d. */
typedef struct assay_gmm_lowrank {
    size_t components, dim, rank;
    double *weights;     /* K, >= 0 */
    double *means;       /* K x d */
    double *vectors;     /* K x d x r, orthonormal columns */
    double *eigenvalues; /* K x r, >= 0 */
} assay_gmm_lowrank;

/* The score at sigma > 0, in O(K d r) a row. */
int assay_gmm_lowrank_score(
    const assay_gmm_lowrank *m, double sigma, const assay_matrix *x, assay_matrix *out);
/* ln p_sigma(x), one a row. */
int assay_gmm_lowrank_logpdf(
    const assay_gmm_lowrank *m, double sigma, const assay_matrix *x, double *out);

/* The flow of x from sigma `from` to `to`, both > 0, by an adaptive Runge-Kutta-Fehlberg method of
 * orders 4 and 5 in ln sigma, row by row: a reference, for which there is no closed form. */
int assay_gmm_flow(const assay_gmm_lowrank *m, double from, double to, double rtol, double atol,
    const assay_matrix *x, const assay_progress *progress, assay_matrix *out);

typedef struct assay_gmm_lowrank_options {
    size_t components, rank; /* 1..n, 1..d */
    double ridge;            /* added to every cluster's variances; of expectation-maximisation the
                                variance of the directions that are left out. 0: 1e-5 */
    size_t iterations;       /* of expectation-maximisation after k-means; 0: none */
    const assay_progress *progress;
} assay_gmm_lowrank_options;

/* k-means, then the principal components of each cluster; x finite. */
int assay_gmm_lowrank_fit(const assay_matrix *x, const assay_gmm_lowrank_options *o, assay_rng *rng,
    assay_gmm_lowrank *out);
void assay_gmm_lowrank_free(assay_gmm_lowrank *m);

/* ---- how alike (scores.c) ---- */

/* 1 - sum |a - b|^2 / sum |a|^2 over all rows; ASSAY_EINVAL where a is 0 everywhere. */
int assay_explained_variance(const assay_matrix *a, const assay_matrix *b, double *out);
/* The same of each row; NaN for a row of a that is 0. out: n */
int assay_explained_variance_rows(const assay_matrix *a, const assay_matrix *b, double *out);

/* Of a trajectory of n_states >= 3 states (n x d each, in order, the start first): how much of each
 * row's variance its first two principal components hold; and the fit x_t ~ a_t x_first + b_t
 * x_last by least squares, whose share of explained squares is r2. fraction, r2: n; a, b: n_states
 * x n. Each may be NULL. */
typedef struct assay_trajectory_plane {
    double *fraction, *r2;
    assay_matrix *a, *b;
} assay_trajectory_plane;
int assay_trajectory_plane_of(
    const assay_matrix *states, size_t n_states, const assay_trajectory_plane *out);

#endif
