/*
 * Gaussian mixtures whose diffusion is known in closed form: with x = alpha x_0 + sigma eps, a
 * component N(mu_k, S_k) of x_0 becomes N(alpha mu_k, alpha^2 S_k + sigma^2 I). Densities, scores,
 * posterior means and samples are exact at every (alpha, sigma); (1, 0) is the mixture itself.
 *
 * Matrices of points are n x d. Components may belong to classes 0, 1, ...; a class is the mixture
 * of its components.
 */
#ifndef ASSAY_MODELS_GMM_H
#define ASSAY_MODELS_GMM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

typedef enum assay_covariance {
    ASSAY_COVARIANCE_SPHERICAL, /* K variances */
    ASSAY_COVARIANCE_DIAGONAL,  /* K x d variances */
    ASSAY_COVARIANCE_FULL,      /* K x d x d */
    ASSAY_COVARIANCE_TIED,      /* d x d, of all components */
    ASSAY_COVARIANCE_LOW_RANK   /* K x d variances, plus F F^T with factors F, K x d x rank */
} assay_covariance;

typedef struct assay_gmm_parameters {
    size_t components, dim;
    const double *weights; /* K, >= 0, of sum 1 to 1e-6 (and normalised) */
    const double *means;   /* K x d */
    assay_covariance kind;
    const double *covariances; /* as the kind says; symmetric, positive semidefinite */
    const double *factors;     /* low rank */
    size_t rank;               /* low rank: 1..d */
    const size_t *classes;     /* K, or NULL */
    double floor;              /* >= 0: variances in any direction below it are raised to it */
} assay_gmm_parameters;

typedef struct assay_gmm assay_gmm;

/* Takes copies. A low-rank covariance whose K x d variances are equal within each component is
 * evaluated in O(d rank), others in O(d^2). */
int assay_gmm_new(const assay_gmm_parameters *p, assay_gmm **out);
void assay_gmm_free(assay_gmm *g);

size_t assay_gmm_components(const assay_gmm *g);
size_t assay_gmm_dim(const assay_gmm *g);
size_t assay_gmm_classes(const assay_gmm *g); /* the largest class + 1, or 0 */
const double *assay_gmm_weights(const assay_gmm *g);
const double *assay_gmm_means(const assay_gmm *g);
size_t assay_gmm_class(const assay_gmm *g, size_t component); /* 0 without classes */
void assay_gmm_covariance(const assay_gmm *g, size_t component, double *out /* d x d */);

/* mean (d) and covariance (d x d) of the whole, by the law of total variance. */
int assay_gmm_moments(const assay_gmm *g, double *mean, assay_matrix *covariance);

enum { ASSAY_GMM_ALL = -1 }; /* no class */

typedef struct assay_gmm_level {
    double alpha, sigma; /* >= 0, finite, not both 0 */
    int class;           /* ASSAY_GMM_ALL, or the class that x_0 belongs to */
    /* With a class, what is linear in the score is s c + (1 - s) u for its values c with the class
     * and u without (classifier-free guidance); 1: the class alone. */
    double guidance;
} assay_gmm_level;

/* Each may be NULL. */
typedef struct assay_gmm_values {
    double *log_density;            /* n: ln p_level(x), of the class when there is one */
    assay_matrix *responsibilities; /* n x K: p(k | x), 0 outside of the class */
    assay_matrix *score;            /* n x d: grad ln p */
    assay_matrix *eps;              /* n x d: -sigma score, the noise prediction */
    assay_matrix *denoised;         /* n x d: E[x_0 | x] */
    const assay_progress *progress; /* told of rows */
} assay_gmm_values;

/* ASSAY_EINVAL for x that is not finite (the first is named), a component that is singular at this
 * level, and a class without components. Equal rows of x give equal rows at equal places in their
 * block of 64. */
int assay_gmm_evaluate(const assay_gmm *g, const assay_gmm_level *level, const assay_matrix *x,
    const assay_gmm_values *out);

/* Memory that calls of equal mixtures share; grows to what the largest needs. Starts as {0}. */
typedef struct assay_gmm_workspace {
    double *memory;
    size_t capacity;
} assay_gmm_workspace;

void assay_gmm_workspace_free(assay_gmm_workspace *w);
/* levels: one of all rows (n = 1), or one a row (n = x->rows), of which class and guidance are the
 * first's. */
int assay_gmm_evaluate_with(const assay_gmm *g, const assay_gmm_level *levels, size_t n,
    const assay_matrix *x, const assay_gmm_values *out, assay_gmm_workspace *workspace);

int assay_gmm_logpdf(const assay_gmm *g, const assay_matrix *x, double *out /* n */);

/* Rows of x become draws of the level (guidance counts for nothing); component and progress, told
 * of rows, may be NULL. */
int assay_gmm_sample(const assay_gmm *g, const assay_gmm_level *level, assay_rng *rng,
    const assay_progress *progress, assay_matrix *x, size_t *component);

/* The mixture of x = mean + C^T z for z of g, with `residual` as the variance of the directions
 * that the rows of C (components, r x d, orthonormal) leave out, and the least variance of any.
 * gmm_lift.c */
int assay_gmm_lift(const assay_gmm *g, const double *mean, const assay_matrix *components,
    double residual, assay_gmm **out);

/* ---- fitting (gmm_fit.c) ---- */

typedef struct assay_gmm_fit_options {
    size_t components;
    assay_covariance kind;          /* not low rank */
    size_t max_iterations;          /* >= 1 */
    double tolerance;               /* of the mean log-likelihood's gain in an iteration */
    double floor;                   /* > 0: the least variance in any direction */
    size_t restarts;                /* >= 1: fits from so many starts, the likeliest is kept */
    const double *start;            /* K x d means to start from, or NULL: k-means++ */
    const assay_progress *progress; /* told of iterations and two more a start */
} assay_gmm_fit_options;

typedef struct assay_gmm_fit_result {
    assay_gmm *gmm;
    double log_likelihood; /* the sum over x */
    double bic;            /* parameters ln n - 2 log_likelihood: less is better */
    size_t parameters;
    size_t iterations; /* of the start that was kept */
    bool converged;
    size_t repaired; /* components that lost their points and were set on an unlikely one */
    double *trace;   /* iterations + 1: the mean log-likelihood before and after each; owned */
} assay_gmm_fit_result;

assay_gmm_fit_options assay_gmm_fit_defaults(size_t components);

/* Expectation-maximisation from k-means++ and Lloyd's iterations; rng is not advanced. The floor
 * bounds the maximisation (eigenvalues below it are raised to it), so that the likelihood never
 * falls but for repairs. ASSAY_EINVAL: fewer different points than components, values that are not
 * finite. */
int assay_gmm_fit(const assay_matrix *x, const assay_gmm_fit_options *options, assay_rng *rng,
    assay_gmm_fit_result *out);
void assay_gmm_fit_free(assay_gmm_fit_result *result);

#endif
