/*
 * What a mixture computes in blocks of 64 points, by vectors of the processor that runs it. Points
 * are columns: row j of a block is 64 consecutive numbers, coordinate j of all points.
 */
#ifndef ASSAY_MODELS_GMM_BLOCK_H
#define ASSAY_MODELS_GMM_BLOCK_H

#include <stddef.h>

enum { ASSAY_GMM_BLOCK = 64 };

typedef struct assay_gmm_kernels {
    size_t width; /* numbers in a vector: 2, 4 or 8 */
    /* difference (d blocks) = x - alpha mean, z (d) = axes (d x d) difference, and
     * log_joint (1) = log_constant - sum of z^2 precision / 2 */
    void (*project)(const double *axes, size_t d, const double *x, double alpha, const double *mean,
        const double *precision, double log_constant, double *difference, double *z,
        double *log_joint);
    /* out (d) = axes^T diag(precision) axes; scaled (d): memory */
    void (*invert)(
        const double *axes, size_t d, const double *precision, double *scaled, double *out);
    /* as project, where z (d) = inverse (d x d) difference and log_joint (1) = log_constant -
     * difference^T z / 2; -inf where that overflows */
    void (*solve)(const double *inverse, size_t d, const double *x, double alpha,
        const double *mean, double log_constant, double *difference, double *z, double *log_joint);
    /* out (d) -= z weight (1) */
    void (*take)(size_t d, const double *weight, const double *z, double *out);
    /* out (d) += axes^T scaled, where scaled (d) = by z weight: a factor `by` a row, a weight (1) a
     * point */
    void (*lift)(const double *axes, size_t d, const double *by, const double *weight,
        const double *z, double *scaled, double *out);
    /* largest (1) = the maximum over the `rows` of joint */
    void (*maximum)(const double *joint, size_t rows, double *largest);
    /* joint = exp(joint - largest) / sum, sum (1) = sum of exp(joint - largest); a numerator below
     * 1e-307 is 0 */
    void (*normalise)(double *joint, size_t rows, const double *largest, double *sum);
} assay_gmm_kernels;

/* The widest, of at most `width` numbers in a vector, that the processor at hand can run. */
const assay_gmm_kernels *assay_gmm_kernels_for(size_t width);

#endif
