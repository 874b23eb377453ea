/*
 * Sampling from a diffusion model: from noise at t_start to data at t_end in as few model calls as
 * possible. One driver (sample.c) runs every solver of one table (solvers.c); see solver.h for how
 * a solver is written.
 */
#ifndef ASSAY_METHODS_DIFFUSION_SAMPLE_H
#define ASSAY_METHODS_DIFFUSION_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"
#include "core/schedule.h"
#include "methods/diffusion/model.h"

/* ---- time grids ---- */

/* With u = i / n: uniform in t; in sqrt(t); in lambda; in (sigma/alpha)^(1/rho) (Karras et al.
 * 2022, eq. 5). */
typedef enum assay_spacing {
    ASSAY_SPACING_TIME_UNIFORM,
    ASSAY_SPACING_LOGSNR,
    ASSAY_SPACING_TIME_QUADRATIC,
    ASSAY_SPACING_KARRAS
} assay_spacing;

/* Where the published samplers end: 1/N of a discrete schedule, 0.002 of edm, else 1e-3. */
double assay_sampler_t_end(const assay_schedule *s);

/* n intervals from t0 to t1, both > 0, n >= 1; out: n + 1 times, the ends exactly as given. */
int assay_diffusion_timesteps(const assay_schedule *s, assay_spacing spacing, double t0, double t1,
    size_t n, double rho, double *out);

/* n sigmas from sigma_max to sigma_min, out: n. */
int assay_karras_sigmas(double sigma_min, double sigma_max, double rho, size_t n, double *out);

/* The orders of the outer steps of a singlestep solver of order 1..3 that spends exactly nfe calls;
 * out: nfe at most. */
int assay_singlestep_orders(size_t nfe, int order, int *out, size_t *n);

/* ---- options ---- */

typedef enum assay_sampler_method {
    ASSAY_MULTISTEP,
    ASSAY_SINGLESTEP,
    ASSAY_SINGLESTEP_FIXED,
    ASSAY_ADAPTIVE
} assay_sampler_method;

typedef enum assay_solver_type { ASSAY_TYPE_DPMSOLVER, ASSAY_TYPE_TAYLOR } assay_solver_type;

/* The second derivative of multistep order 3: as every published code has it (which converges with
 * order 2 only), or as Taylor's expansion has it. */
typedef enum assay_d2 { ASSAY_D2_REFERENCE, ASSAY_D2_EXACT } assay_d2;

typedef enum assay_lower_order {
    ASSAY_LOWER_ALWAYS, /* the last steps fall to order 1 */
    ASSAY_LOWER_AUTO10, /* with fewer than 10 steps */
    ASSAY_LOWER_NEVER
} assay_lower_order;

typedef enum assay_variant {
    ASSAY_VARIANT_DEFAULT, /* bh2, tab */
    ASSAY_VARIANT_BH1,     /* unipc */
    ASSAY_VARIANT_BH2,
    ASSAY_VARIANT_TAB, /* deis: Lagrange basis in t */
    ASSAY_VARIANT_RHOAB
} assay_variant;

typedef enum assay_threshold {
    ASSAY_THRESHOLD_NONE,
    ASSAY_THRESHOLD_DYNAMIC,
    ASSAY_THRESHOLD_STATIC
} assay_threshold;

typedef struct assay_sampler_options {
    const char *solver; /* a name of the table */
    assay_sampler_method method;
    int order;    /* 0: the solver's default */
    size_t steps; /* model calls of multistep and singlestep; steps of euler and heun */
    assay_spacing spacing;
    double rho;
    /* n_timesteps >= 2 of them in place of spacing (of euler and heun sigmas, which may end in 0), or
     * NULL. */
    const double *timesteps;
    size_t n_timesteps;
    double t_start, t_end; /* NAN: the schedule's T, and 1/N (1e-3; 0.002 of edm) */
    assay_solver_type type;
    assay_d2 d2;
    assay_lower_order lower_order_final;
    bool denoise_to_zero; /* ends with the data prediction at t_end, one call more */
    bool invert;          /* from data to noise: t grows, the defaults of the ends trade places */
    assay_threshold threshold;
    double ratio, max_val; /* dynamic */
    double clip;           /* static */
    double eta;            /* ddim: 0..1 */
    assay_variant variant;
    bool predict_x0, corrector;              /* unipc */
    double atol, rtol, h_init, theta, t_err; /* adaptive */
    double sigma_min, sigma_max;             /* euler, heun */
    double s_churn, s_tmin, s_tmax, s_noise; /* euler, heun */
    bool trajectory;                         /* keep the state at every node */
    /* The noise of random solvers: draws[i] (n x d) in step i, or a generator. */
    const assay_matrix *draws;
    size_t n_draws;
    assay_rng *rng;
    /* What a solver runs that is more than options; set by assay_usf_sample and assay_ts_sample. */
    const struct assay_usf_schedule *usf;
    const double *mean_x0; /* usf: d, or NULL */
    void *ts;
    const assay_progress *progress; /* may be NULL */
} assay_sampler_options;

/* dpmpp, multistep, 20 steps, uniform in t. */
assay_sampler_options assay_sampler_defaults(void);

typedef struct assay_sampler_result {
    size_t nfe;         /* calls of the model, counted where it is called */
    size_t nfe_net;     /* networks run: nfe times the model's cost */
    size_t rejected;    /* trials of the adaptive method that were thrown away */
    size_t nodes;       /* times visited, the start included */
    double *timesteps;  /* nodes; owned */
    int *orders;        /* nodes - 1; owned */
    double *trajectory; /* nodes x n x d when asked for; owned */
    size_t capacity;
} assay_sampler_result;

void assay_sampler_result_free(assay_sampler_result *r);

/* x (n x d) is the state at t_start, not scaled, and becomes the one at t_end. Rows do not depend
 * on each other, but for the step sizes of the adaptive method. ASSAY_ENONFINITE when a prediction
 * is not finite or the state exceeds 1e100, with step and t. A batch of no rows calls nothing.
 * Memory: the solver's registers, taken once. */
int assay_diffusion_sample(const assay_diffusion_model *model, const assay_sampler_options *o,
    assay_matrix *x, assay_sampler_result *result);

size_t assay_solver_count(void);
const char *assay_solver_name(size_t i); /* NULL at the end */

/* ASSAY_EINVAL when the solver does not read the option of this name (eta, variant, atol, ...),
 * with a message that names those that do. What all read passes, as do unknown names. */
int assay_solver_check_option(const char *solver, const char *option);

#endif
