/*
 * Noise schedules of diffusion models: x_t = alpha_t x_0 + sigma_t eps, with the half log
 * signal-to-noise ratio lambda_t = ln(alpha_t / sigma_t), which falls as t grows.
 *
 *   vp_linear   ln alpha = -t^2 (beta_max - beta_min) / 4 - t beta_min / 2, up to t = 1
 *   vp_cosine   ln alpha = ln cos((t + s) / (1 + s) pi / 2) - ln cos(s / (1 + s) pi / 2), up to
 *               t = 0.9946
 *   edm         alpha = 1, sigma = t (variance exploding), up to t = 80
 *   discrete    ln alpha_n = sum of ln(1 - beta) / 2 at t = n / N, n = 1..N; linear in t between
 *               and beyond
 *
 * The first three and the discrete one's interpolation are those of DPM-Solver (Lu et al. 2022).
 */
#ifndef ASSAY_CORE_SCHEDULE_H
#define ASSAY_CORE_SCHEDULE_H

#include <stddef.h>

typedef enum assay_schedule_kind {
    ASSAY_SCHEDULE_VP_LINEAR,
    ASSAY_SCHEDULE_VP_COSINE,
    ASSAY_SCHEDULE_EDM,
    ASSAY_SCHEDULE_DISCRETE
} assay_schedule_kind;

typedef enum assay_beta_kind { ASSAY_BETA_LINEAR, ASSAY_BETA_QUAD, ASSAY_BETA_COSINE } assay_beta_kind;

typedef struct assay_schedule_options {
    assay_schedule_kind kind;
    double beta_min, beta_max; /* vp_linear: 0 < beta_min <= beta_max */
    double s;                  /* vp_cosine: 0 <= s < 1 */
    /* discrete: n betas, each in (0, 1), or n products of 1 - beta, falling within (0, 1); when
     * both are NULL, n betas of the kind: from start to end linearly, or their square roots so;
     * cosine takes neither */
    size_t n;
    const double *betas, *alphas_cumprod;
    assay_beta_kind beta_kind;
    double beta_start, beta_end;
} assay_schedule_options;

typedef struct assay_schedule {
    assay_schedule_kind kind;
    double beta_min, beta_max, s;
    double t_max;
    size_t n;          /* discrete: the steps kept, else 0 */
    double *log_alpha; /* discrete: n, owned */
} assay_schedule;

/* {0.1, 20}, 0.008, 1000 linear betas from 1e-4 to 0.02. */
assay_schedule_options assay_schedule_defaults(assay_schedule_kind kind);

/* Of a discrete schedule the steps with lambda < -5.1 at its end are dropped, as in DPM-Solver;
 * fewer than 2 that remain are refused. */
int assay_schedule_init(assay_schedule *s, const assay_schedule_options *o);
void assay_schedule_free(assay_schedule *s);

/* n betas. */
int assay_schedule_betas(
    assay_beta_kind kind, double beta_start, double beta_end, size_t n, double *betas);

/* Where sigma would be 0 (t = 0), lambda is infinite. t < 0, t >= 1 of vp_cosine and a t of a
 * discrete schedule before alpha = 1 give ASSAY_EINVAL. Each result may be NULL. */
int assay_schedule_eval(
    const assay_schedule *s, double t, double *log_alpha, double *sigma, double *lambda);

/* The t of a finite lambda. */
int assay_schedule_inverse_lambda(const assay_schedule *s, double lambda, double *t);

#endif
