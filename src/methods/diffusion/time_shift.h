/*
 * Time-Shift Sampler (Li, Qu, Yao, Sun and Moens 2023, arXiv 2305.15583): while sampling, a network sees
 * its own imperfect states, whose noise may not be that of their time. Without training, the label near
 * the scheduled one is taken whose noise level fits the measured variance of the state, row by row.
 *
 * Labels are 0..N-1, alpha_bar[t] = prod_{i <= t} (1 - beta_i). A row's variance is that over its d
 * coordinates, divisor d - 1: it means something where they are exchangeable in scale (pixels).
 */
#ifndef ASSAY_METHODS_DIFFUSION_TIME_SHIFT_H
#define ASSAY_METHODS_DIFFUSION_TIME_SHIFT_H

#include <stdbool.h>
#include <stddef.h>

#include "methods/diffusion/sample.h"

typedef enum assay_ts_grid { ASSAY_TS_REFERENCE, ASSAY_TS_FULL, ASSAY_TS_QUAD } assay_ts_grid;
typedef enum assay_ts_method {
    ASSAY_TS_DDIM,
    ASSAY_TS_DDPM,
    ASSAY_TS_S_PNDM,
    ASSAY_TS_F_PNDM,
    ASSAY_TS_DPMPP, /* DPM-Solver++(2M), the last step of order 1 */
    ASSAY_TS_DEIS   /* tAB of order 2 */
} assay_ts_method;

/* Where the shifted label t_s enters the step from i to j. */
typedef enum assay_ts_mode {
    ASSAY_TS_NONE,
    ASSAY_TS_PAPER,     /* in place of i, for the model and the transfer (algorithm 3) */
    ASSAY_TS_TARGET,    /* in place of j, which the next step starts from again (published code) */
    ASSAY_TS_LABEL,     /* in place of i, for the model alone */
    ASSAY_TS_CONSISTENT /* in place of j, and kept: the next step starts from t_s */
} assay_ts_mode;

typedef struct assay_ts_options {
    const double *alpha_bar; /* n, falling, within (0, 1) */
    size_t n;
    assay_ts_method method;
    assay_ts_mode mode;
    assay_ts_grid grid;
    size_t steps, window, cutoff;
    double eta;                             /* ddim: 0..1; ddpm is 1 */
    double eps_scale, eps_scale_step;       /* predictions are divided by scale + step k at step k */
    bool normalize_variance;                /* states are scaled to the variance 1 - alpha_bar */
    const assay_matrix *draws;
    size_t n_draws;
    assay_rng *rng;
    const assay_progress *progress;
} assay_ts_options;

assay_ts_options assay_ts_defaults(void); /* window 40, cutoff 300, 10 steps of ddim */

/* What happened in each step; owned. */
typedef struct assay_ts_trace {
    size_t steps, rows, nfe;
    double *mean_time;     /* steps: the labels that the model was called with */
    double *mean_variance; /* steps: of the states */
    double *picks;         /* steps x rows: those labels */
    size_t inversions;     /* rows and steps that do not go down in label */
} assay_ts_trace;

void assay_ts_trace_free(assay_ts_trace *t);
/* The share of rows and steps that do not go down in label, 0..1. Above ASSAY_TS_INVERSIONS the
 * window is too large for so many steps: half of it reaches beyond their spacing, and the chain
 * goes back and forth. */
double assay_ts_inverted(const assay_ts_trace *t);
#define ASSAY_TS_INVERSIONS 0.01

/* The labels of so many requested steps, rising from 1: 1, 1 + k, .. with k = N / steps, of which the
 * reference code leaves out the last (full keeps it); quad: floor(linspace(0, sqrt(0.8 N))^2) + 1.
 * 2 <= steps <= N. */
int assay_ts_timesteps(
    size_t n_train, size_t steps, assay_ts_grid grid, size_t *out, size_t *n_out);
/* How many labels out holds on the way: more than were asked for where k is rounded much (600 steps of 1000
 * labels are one by one, 1000). 0 for what assay_ts_timesteps refuses. */
size_t assay_ts_timesteps_most(size_t n_train, size_t steps);

int assay_ts_variance(const assay_matrix *x, double *out /* rows */);

/* The label in j - window/2 .. j + window/2 whose 1 - alpha_bar is nearest to the variance, the smallest
 * of equals; j itself when j <= cutoff. */
int assay_ts_pick(const double *alpha_bar, size_t n, const double *variance, size_t rows, size_t j,
    size_t window, size_t cutoff, size_t *out);

/* out = x + (A' - A)(x / (sqrt A (sqrt A + sqrt A')) - e / (sqrt A (sqrt((1 - A') A) +
 * sqrt((1 - A) A')))), the step of DDIM; A and A' one a row. */
void assay_pndm_transfer(const assay_matrix *x, const assay_matrix *e, const double *from,
    const double *to, assay_matrix *out);

/* The model is called with labels (one, or one a row). x: the state at the first label. */
int assay_ts_sample(const assay_diffusion_model *model, const assay_ts_options *o, assay_matrix *x,
    assay_ts_trace *trace);

#endif
