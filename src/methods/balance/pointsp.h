/*
 * Sampling of point clouds against corruptions: Li, Tang, Li, Liu, Li, "Enhancing Sampling Protocol
 * for Point Cloud Classification Against Corruptions" (2024, arXiv 2408.12062), with the
 * corruptions of ModelNet40-C (Sun et al. 2022, arXiv 2201.12296) in corrupt.h.
 *
 * A classifier reads a cloud of n points through m key points. The protocol changes how these are
 * chosen and how many points there are, not the classifier. Points get a weight by how crowded
 * their neighbourhood is: training draws key points by weight (WRS) from clouds that are thinned or
 * filled by a ratio in [1/2, 2); inference leaves the loneliest away before farthest point sampling
 * (FFPS) and fills sparse clouds by interpolation in tangent planes.
 *
 * The equations of the weight are those of the authors' code (github.com/tangsankou/PointSP,
 * PCT_Pytorch/sampling.py, interpolation.py). Two habits of its CUDA kernel are left out: points
 * near the origin are not passed over, and the start of FFPS is a point that was kept.
 *
 * Clouds are n x 3, finite; rows from 0. Neighbours of a point are its k nearest with itself
 * (distance 0), by rising distance, of equal ones the lower row; distances are squared throughout.
 */
#ifndef ASSAY_METHODS_BALANCE_POINTSP_H
#define ASSAY_METHODS_BALANCE_POINTSP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* ---- weights: section 3.2 of the paper, cal_weight of the code ---- */

/* nbr[n k] and d2[n k] of P's own points. k in 2..n. */
int assay_cloud_neighbours(
    const assay_matrix *P, size_t k, const assay_progress *progress, size_t *nbr, double *d2);

/*
 * a_i = mean of the k squared distances, tau = median of the a_i (of an even number: the mean of
 * the middle two), c_i = how many of the k are at most tau, in 1..k; weight_i = c_i / sum c,
 * isolation_i = 1 - c_i / k. All [n]; isolation, threshold (tau) and nbr (n k) may be NULL. k in
 * 2..n.
 */
int assay_keypoint_weights(const assay_matrix *P, size_t k, const assay_progress *progress,
    size_t *count, double *weight, double *isolation, double *threshold, size_t *nbr);

/* ---- key points ---- */

/* kept[n]: 1 for the floor(keep n) points of largest weight (equal ones: the lower rows), keep in
 * (0, 1]; *left of them. */
int assay_keypoint_filter(
    const double *weight, size_t n, double keep, unsigned char *kept, size_t *left);

/* Farthest points among those that the filter keeps: index[m], the first of which is `start`, a
 * kept point, or, with a stream, a kept one at random. kept[n] (or NULL) tells which are kept. */
int assay_ffps(const assay_matrix *P, size_t m, size_t k, double keep, size_t start, assay_rng *rng,
    const assay_progress *progress, size_t *index, unsigned char *kept);

/* m points by weight[n] (need not sum to 1). With replacement by inversion of the cumulative sum,
 * draws[m] in [0, 1). Without, the m smallest of -log(draws_i) / weight_i (Efraimidis and Spirakis
 * 2006), draws[n] in [0, 1); a weight of 0 is never drawn. */
int assay_wrs_core(
    const double *weight, size_t n, const double *draws, size_t m, bool replace, size_t *index);

/* The same with draws of the stream. */
int assay_wrs(
    const double *weight, size_t n, size_t m, bool replace, assay_rng *rng, size_t *index);

/* ---- numbers of points: section 3.3 ---- */

/* r = least (most / least)^u: log-uniform for uniform u; 2^(2u - 1) from 1/2 to 2. */
double assay_resample_ratio(double least, double most, double u);

/* drop = floor(n (1 - ratio)), pool = floor((n - drop) balance) + drop. ratio in (0.25, 1], balance
 * in [0, 1]. */
int assay_downsample_counts(size_t n, double ratio, double balance, size_t *drop, size_t *pool);

/*
 * Of the `pool` points nearest to the point `centre` (itself included), the `drop` of smallest key
 * go, keys[j] being that of the j-th nearest; keep[n] gets the others, rising, *kept of them.
 * balance 0 makes a hole around the centre, 1 thins all alike. keys: one for each of the pool.
 */
int assay_downsample_core(const assay_matrix *P, double ratio, double balance, size_t centre,
    const double *keys, size_t *keep, size_t *kept);

/* The same with a centre and keys of the stream. */
int assay_downsample(const assay_matrix *P, double ratio, double balance, assay_rng *rng,
    size_t *keep, size_t *kept);

/* N[n, 3]: unit eigenvectors of the smallest eigenvalue of the covariance of each point's k
 * neighbours, the component of largest size positive; (0, 0, 1) where all are one point. */
int assay_pc_normals(const assay_matrix *P, const size_t *nbr, size_t k, assay_matrix *N);

/*
 * One new point for each: out_i = x_i + s t / L with v = x_j - x_i, j = nbr[i k + pick_i],
 * t = v - (v . N_i) N_i, L = max(|t|, 1e-6), s = min(L / 2, sqrt(median d2_i)), the lower median
 * of the k. pick[n] in 0..k-1; a copy where j = i. out [n, 3] is not P.
 */
int assay_tangent_interpolate(const assay_matrix *P, const size_t *nbr, const double *d2, size_t k,
    const assay_matrix *N, const size_t *pick, assay_matrix *out);

typedef struct assay_upsample_options {
    size_t k;          /* neighbours, 20 */
    bool exclude_self; /* partners are other points only: never a copy of a lone point itself */
    const assay_progress *progress;
} assay_upsample_options;

/* *out, new and the caller's: P, then `more` new points: as many passes over all points as go into
 * it, then points of one more pass, drawn without replacement. */
int assay_upsample(const assay_matrix *P, size_t more, const assay_upsample_options *options,
    assay_rng *rng, assay_matrix *out);

/* *out: P where it has n points or more, else filled up to n by whole passes, cut. */
int assay_fill_up(const assay_matrix *P, size_t n, const assay_upsample_options *options,
    assay_rng *rng, assay_matrix *out);

/* ---- a descriptor, for classifiers that don't learn features ---- */

/* Numbers of a descriptor. */
static inline size_t assay_pc_descriptor_size(size_t bins)
{
    return 4 * bins + 3;
}

/* out: histograms of the pairs' distances on [0, 2 sqrt 3] and of each coordinate on [-1, 1], of
 * `bins` bins whose mean is 1, and the eigenvalues of the covariance, falling. At least 2 points. */
int assay_pc_descriptor(const assay_matrix *P, size_t bins, double *out);

#endif
