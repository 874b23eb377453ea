/*
 * The corruptions of ModelNet40-C: Sun, Zhang, Kailkhura, Yu, Xiao, Mao, "Benchmarking Robustness
 * of 3D Point Cloud Recognition Against Common Corruptions" (2022, arXiv 2201.12296), as its
 * generator makes them (data/generate_c.py), deformations by free-form lattices (Sederberg and
 * Parry 1986) and radial basis functions (Buhmann 2003) as in PyGeM. Those that need the surface
 * itself, occlusion and LiDAR, are in data/mesh_view.h.
 *
 * Clouds are n x 3, normalised (core/cloud.h). Where said, the result is normalised again.
 */
#ifndef ASSAY_METHODS_BALANCE_CORRUPT_H
#define ASSAY_METHODS_BALANCE_CORRUPT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/rng.h"

typedef enum assay_corruption {
    ASSAY_CORRUPT_ROTATION,    /* three angles of size amount +- 2.5 degrees; normalised */
    ASSAY_CORRUPT_SHEAR,       /* four factors of size amount +- 0.05; normalised */
    ASSAY_CORRUPT_SCALE,       /* two axes by 1 + amount and 1 - amount; normalised */
    ASSAY_CORRUPT_UNIFORM,     /* U(-amount, amount) on every coordinate; normalised */
    ASSAY_CORRUPT_GAUSSIAN,    /* N(0, amount^2), clipped to [-1, 1] */
    ASSAY_CORRUPT_BACKGROUND,  /* amount uniform points of the cube behind P's; normalised */
    ASSAY_CORRUPT_UPSAMPLING,  /* amount points of P + U(-0.05, 0.05) behind P's; normalised */
    ASSAY_CORRUPT_IMPULSE,     /* amount points, +- 0.1 on every coordinate; normalised */
    ASSAY_CORRUPT_CUTOUT,      /* amount times the 30 points nearest to a random one go */
    ASSAY_CORRUPT_DENSITY,     /* amount times 75 random ones of the 100 nearest go */
    ASSAY_CORRUPT_DENSITY_INC, /* amount clusters of 100 nearest stay, the rest is drawn with
                                  replacement up to 1024; P has more points than that */
    ASSAY_CORRUPT_FFD,         /* 5^3 lattice, displacements U(-amount, amount); normalised */
    ASSAY_CORRUPT_RBF,         /* 5^3 control points moved by amount, multiquadric; normalised */
    ASSAY_CORRUPT_RBF_INV,     /* the same, inverse multiquadric */
    ASSAY_CORRUPTIONS
} assay_corruption;

enum {
    ASSAY_SEVERITIES = 5,
    ASSAY_CUTOUT_POINTS = 30,
    ASSAY_DENSITY_POINTS = 100,
    ASSAY_DENSITY_DROPPED = 75,
    ASSAY_DENSITY_INC_POINTS = 1024,
    ASSAY_LATTICE = 5 /* points of a side */
};
#define ASSAY_ROTATION_HALF_WIDTH 2.5 /* degrees */
#define ASSAY_SHEAR_HALF_WIDTH 0.05
#define ASSAY_IMPULSE_SIZE 0.1
#define ASSAY_RBF_RADIUS 0.5

/* "rotation", "density_inc", ...; ASSAY_ENOTFOUND lists them. */
const char *assay_corruption_name(assay_corruption kind);
int assay_corruption_find(const char *name, assay_corruption *kind);

/* The amount of a severity in 1..5 for n points: degrees, factors, or a whole number of points or
 * times. */
int assay_corruption_amount(assay_corruption kind, int severity, size_t n, double *amount);

/* *out, new and the caller's. ASSAY_EINVAL: what the amount can't be, such as more points than P
 * has. */
int assay_corrupt_by(
    const assay_matrix *P, assay_corruption kind, double amount, assay_rng *rng, assay_matrix *out);
int assay_corrupt(
    const assay_matrix *P, assay_corruption kind, int severity, assay_rng *rng, assay_matrix *out);

/* ---- the same without chance; out [n, 3] may be P where not said otherwise ---- */

/* Rows times Rx(angle[0]) Ry(angle[1]) Rz(angle[2]), in radians; normalised. */
int assay_corrupt_rotation(const assay_matrix *P, const double angle[3], assay_matrix *out);

/* Rows times [[1, 0, b], [d, 1, e], [f, 0, 1]]; normalised. factor: b, d, e, f. */
int assay_corrupt_shear(const assay_matrix *P, const double factor[4], assay_matrix *out);

/* gone[n]: for each centre (a row of P; where it is gone already, the first that isn't) the `size`
 * nearest of those left, itself included. Some must be left at the end. */
int assay_corrupt_cutout(
    const assay_matrix *P, const size_t *centre, size_t centres, size_t size, unsigned char *gone);

/*
 * x + 2 sum_{ijk} B_i(u) B_j(v) B_k(w) mu_ijk with (u, v, w) = (x + 1) / 2 and the Bernstein
 * polynomials B of degree side - 1; points outside [-1, 1]^3 stay. mu: displacements in units of
 * the box's length, of lattice point (i, j, k) the row (i side[1] + j) side[2] + k, 3 columns. Not
 * normalised.
 */
int assay_corrupt_ffd(
    const assay_matrix *P, const size_t side[3], const assay_matrix *mu, assay_matrix *out);

/*
 * The map with displacement sum_c w_c phi(|x - x_c|) + affine part that moves control point c of
 * the lattice side^3 on [-1, 1]^3 (x fastest) by move_c: phi(d) = sqrt(d^2 + R^2), or its inverse,
 * R = 0.5. move [side^3, 3], side >= 2. Not normalised.
 */
int assay_corrupt_rbf(
    const assay_matrix *P, bool inverse, size_t side, const assay_matrix *move, assay_matrix *out);

/* move_c = amplitude (cos alpha sin gamma, sin alpha sin gamma, cos gamma), rows of out. */
void assay_rbf_moves(const double *alpha, const double *gamma, double amplitude, assay_matrix *out);

#endif
