/*
 * How good samples of a diffusion model are. Two kinds: paired, against the exact solution of the
 * same noises (rmse: the solver's error alone), and of distributions, against data or exact
 * samples. X is n x d, Y is m x d; rows must be finite.
 */
#ifndef ASSAY_METHODS_DIFFUSION_METRICS_H
#define ASSAY_METHODS_DIFFUSION_METRICS_H

#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* sqrt(sum (X - Xref)^2 / (n d)) */
int assay_diffusion_rmse(const assay_matrix *x, const assay_matrix *ref, double *out);

/* |m_1 - m_2|^2 + tr C_1 + tr C_2 - 2 tr (C_1^(1/2) C_2 C_1^(1/2))^(1/2): the squared 2-Wasserstein
 * distance of Gaussians with these moments (Dowson and Landau 1982). Covariances may be singular.
 * It sees two moments only: samples of one Gaussian fitted to a mixture are at no distance from it.
 */
int assay_diffusion_frechet_moments(const double *m1, const assay_matrix *c1, const double *m2,
    const assay_matrix *c2, double *out);
/* ... of the sample moments; ranks (2, or NULL) of the two covariances. n, m >= 2. */
int assay_diffusion_frechet(const assay_matrix *x, const assay_matrix *y,
    const assay_progress *progress, double *out, size_t *ranks);

/* int_0^1 |F_a^-1(q) - F_b^-1(q)|^p dq, the p-th power, exact for unequal sizes; p >= 1. */
int assay_diffusion_wasserstein_1d(
    const double *a, size_t n, const double *b, size_t m, double p, double *out);

/* (mean over the rows v of `directions`, of unit length, of W_p^p(X v, Y v))^(1/p) */
int assay_diffusion_sliced_wasserstein(const assay_matrix *x, const assay_matrix *y,
    const assay_matrix *directions, double p, const assay_progress *progress, double *out);
void assay_diffusion_directions(assay_rng *rng, assay_matrix *directions);

/* The unbiased estimate of MMD^2 with the mean of Gaussian kernels exp(-|x - y|^2 / (2 h^2))
 * (Gretton et al. 2012, eq. 3); it may be negative. n, m >= 2. */
int assay_diffusion_mmd2(const assay_matrix *x, const assay_matrix *y, const double *bandwidths,
    size_t count, const assay_progress *progress, double *out);
/* Of the pairs of the first `most` rows. */
int assay_diffusion_median_distance(const assay_matrix *y, size_t most, double *out);

/* KL(p_X, p_Y) by nearest neighbours (Wang, Kulkarni and Verdu 2009):
 * (d/n) sum ln(nu_k(i) / rho_k(i)) + ln(m / (n - 1)) with the distances of X_i to its k-th
 * neighbours in Y and in the rest of X. */
int assay_diffusion_knn_kl(const assay_matrix *x, const assay_matrix *y, size_t k,
    const assay_progress *progress, double *out);

/* The least-squares slope of ln err on ln nfe; at least 2 different nfe, all values > 0. */
int assay_loglog_slope(const double *nfe, const double *err, size_t n, double *out);

#endif
