/*
 * Solver schedules (Liu, Ning, Yang and Wang 2023, arXiv 2312.07243): a sampler as a list of
 * decisions. Every step is an exponential Taylor step in lambda from one node of the history, whose
 * derivatives are estimated from differences of stored predictions, and may be corrected after its
 * end point has been evaluated. DDIM, DPM-Solver(++) and UniPC are special cases; a search may
 * choose freely.
 *
 * Nodes of the history are counted back from the newest, -1.
 */
#ifndef ASSAY_METHODS_DIFFUSION_USF_H
#define ASSAY_METHODS_DIFFUSION_USF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/progress.h"
#include "core/rng.h"
#include "methods/diffusion/sample.h"

enum {
    ASSAY_USF_ORDER = 4,  /* of a predictor; a corrector has one more */
    ASSAY_USF_ACTIVE = 6, /* nodes that a derivative is estimated from */
    ASSAY_USF_DEPTH = 8   /* how far back a node may be */
};

typedef enum assay_usf_relax {
    ASSAY_RELAX_NONE,
    ASSAY_RELAX_DPMSOLVER_2, /* 0.5 h expm1(h) / (expm1(h) - h) */
    ASSAY_RELAX_UNIPC_BH1,   /* 0.5 h^2 / (expm1(h) - h) */
    ASSAY_RELAX_UNIPC_BH2,   /* as dpmsolver-2 */
    ASSAY_RELAX_HALF_EXP,    /* 1 + expm1(h) / 2 */
    ASSAY_RELAX_MINUS_HALF,  /* 1 - expm1(h) / 2 */
    ASSAY_RELAX_LINEAR       /* 1 + coef h */
} assay_usf_relax;

typedef enum assay_usf_corrector_kind {
    ASSAY_CORRECTOR_NONE,
    ASSAY_CORRECTOR_PSEUDO,  /* keeps the prediction at the uncorrected point */
    ASSAY_CORRECTOR_IMPLICIT /* evaluates again */
} assay_usf_corrector_kind;

typedef enum assay_usf_afs { /* what stands for the first prediction of the model */
    ASSAY_AFS_NONE,
    ASSAY_AFS_ZERO_X0,
    ASSAY_AFS_MEAN_X0
} assay_usf_afs;

typedef struct assay_usf_derivative {
    size_t n;
    int active[ASSAY_USF_ACTIVE];
    assay_usf_relax relax; /* of the first derivative */
    double coef;
} assay_usf_derivative;

typedef struct assay_usf_taylor {
    int order; /* terms: the prediction and order - 1 derivatives */
    int start;
    assay_usf_derivative derivative[ASSAY_USF_ORDER];
} assay_usf_taylor;

typedef struct assay_usf_step {
    bool data; /* integrates x_0, else the noise */
    assay_usf_taylor predictor;
    assay_usf_corrector_kind corrector;
    assay_usf_taylor correction;
} assay_usf_step;

typedef struct assay_usf_schedule {
    size_t n;
    double *t; /* n + 1, falling */
    assay_usf_step *step;
    assay_usf_afs afs;
} assay_usf_schedule;

/* Weights w of prediction_a - prediction_start, one an active node, that give the derivative-th
 * derivative by lambda at start: sum_j w_j d_j^i / i! = [i = derivative], i = 1..m, with d_j the
 * differences of lambda (m of them, not 0, different). */
int assay_usf_taylor_weights(const double *d, size_t m, int derivative, double *w);

/* The factor of the first derivative; 1 + O(h). h: lambda's step for noise, less it for data, and
 * lambda's step for linear. */
double assay_usf_relax_factor(assay_usf_relax kind, double h, double coef);

/* The correction that follows from a predictor: one order more, from the node before the new one,
 * which joins the active ones. */
void assay_usf_correct(const assay_usf_taylor *predictor, assay_usf_taylor *correction);

/* Default active nodes -2..-order for each derivative, no relaxation, from -1. */
void assay_usf_full_order(int order, assay_usf_taylor *out);

/* ASSAY_EINVAL names the step (from 1). */
int assay_usf_check(const assay_usf_schedule *s);

/* Model calls: n, less an analytic first step, one more for each implicit corrector that is not the
 * last and for a corrector in the last step. */
size_t assay_usf_nfe(const assay_usf_schedule *s);

/* Through assay_diffusion_sample. mean_x0 (d): for ASSAY_AFS_MEAN_X0. */
int assay_usf_sample(const assay_diffusion_model *model, const assay_usf_schedule *s,
    const double *mean_x0, const assay_progress *progress, assay_matrix *x,
    assay_sampler_result *result);

/* ---- schedules of known solvers ---- */

typedef enum assay_usf_solver {
    ASSAY_USF_MULTISTEP,  /* of order 1 (DDIM), 2, 3, 4 */
    ASSAY_USF_SINGLESTEP, /* of order 2: n calls are n / 2 steps */
    ASSAY_USF_UNIPC
} assay_usf_solver;

typedef struct assay_usf_plan {
    assay_usf_solver solver;
    bool data;
    int order;
    assay_usf_relax relax; /* of steps of order 2, and of UniPC's corrector of order 2 */
    assay_usf_corrector_kind corrector; /* multistep, of steps beyond the first; UniPC has pseudo */
    bool lower_order_final;
    double t_start, t_end;
    assay_spacing spacing;
    double rho;
} assay_usf_plan;

/* s->t and s->step hold n + 1 and n elements; s->n is set. */
int assay_usf_from(
    const assay_schedule *schedule, const assay_usf_plan *plan, size_t n, assay_usf_schedule *s);

/* ---- search (usf_search.c) ---- */

enum { ASSAY_USF_STEPS = 16 }; /* the most of a schedule that is searched */

/* A schedule that owns itself. */
typedef struct assay_usf_genome {
    assay_usf_schedule schedule; /* its arrays are those below */
    double t[ASSAY_USF_STEPS + 1];
    assay_usf_step step[ASSAY_USF_STEPS];
    double value; /* of the objective: less is better, INFINITY when it is not finite */
} assay_usf_genome;

typedef struct assay_usf_search_options {
    const assay_schedule *schedule;
    size_t nfe; /* model calls of every schedule */
    double t_start, t_end;
    size_t evaluations; /* of the objective, the hand-made included */
    size_t rank_bar;    /* parents come from so many of the best */
    double evo_prob;    /* of each kind of change */
    bool afs;           /* analytic first steps are allowed */
    bool free;          /* of mutate and crossover: a child has as many calls as it will */
    bool select;        /* false: parents are hand-made ones, whatever they are worth (control) */
    bool predictor;     /* in stages, a predictor chooses which children are tried (S^3) */
    const assay_progress *progress;
} assay_usf_search_options;

assay_usf_search_options assay_usf_search_defaults(const assay_schedule *schedule, size_t nfe);

/* Less is better; what is not finite is ranked last. */
typedef int (*assay_usf_objective_fn)(void *context, const assay_usf_schedule *s, double *value);

void assay_usf_copy(const assay_usf_schedule *from, assay_usf_genome *to);

/* out may be the input; it passes assay_usf_check, and has as many model calls unless they are
 * free: then a step comes with a chance of 0.2, one goes with a chance of 0.2, and at least one
 * call is left. */
int assay_usf_mutate(const assay_usf_schedule *in, const assay_usf_search_options *o,
    assay_rng *rng, assay_usf_genome *out);
/* With unequal steps: a copy of a. */
int assay_usf_crossover(const assay_usf_schedule *a, const assay_usf_schedule *b,
    const assay_usf_search_options *o, assay_rng *rng, assay_usf_genome *out);

typedef struct assay_usf_population {
    assay_usf_genome *genome; /* n, the best first; owned */
    size_t n, handmade;       /* handmade: how many of the first evaluations were */
    double *history;          /* n: the best value after each evaluation; owned */
    double *values;           /* n: in the order of evaluation; owned */
    double best_handmade;
    assay_usf_genome *best_by_hand; /* owned */
} assay_usf_population;

/* Evolution: the hand-made schedules (4 spacings x noise, data x orders 1..3, with and without
 * correctors, as far as they have so many calls), then children of the best. */
int assay_usf_search(assay_usf_objective_fn f, void *context, const assay_usf_search_options *o,
    assay_rng *rng, assay_usf_population *out);
void assay_usf_population_free(assay_usf_population *p);

/* ---- a predictor of a schedule's worth (usf_predictor.c) ---- */

/* A recurrent network over the steps whose scores order schedules as the objective does: less is better,
 * the numbers mean nothing else. It looks at times, lambdas, orders, predictions, correctors, relaxations
 * and numbers of nodes of each step. */
typedef struct assay_usf_predictor assay_usf_predictor;

typedef struct assay_usf_predictor_options {
    size_t steps; /* of Adam; 0: 350 */
    size_t pairs; /* compared in a step; 0: 256 */
    double rate;  /* 0: 3e-3 */
    const assay_progress *progress;
} assay_usf_predictor_options;

/* Borrows the schedule of noise. Weights are drawn. */
int assay_usf_predictor_new(
    const assay_schedule *schedule, assay_rng *rng, assay_usf_predictor **out);
void assay_usf_predictor_free(assay_usf_predictor *p);

/* Goes on from where it is, on n >= 2 schedules and what they are worth (INFINITY: the worst). o may be
 * NULL. *loss (NULL: not wanted): the mean of max(0, 0.1 - sign(y_i - y_j)(s_i - s_j)) over the last
 * step's pairs. */
int assay_usf_predictor_train(assay_usf_predictor *p, const assay_usf_schedule *const *schedules,
    const double *value, size_t n, const assay_usf_predictor_options *o, assay_rng *rng,
    double *loss);
int assay_usf_predictor_score(const assay_usf_predictor *p,
    const assay_usf_schedule *const *schedules, size_t n, double *score);

/* *worst: |difference - gradient| / (1 + |difference|) of any `every`-th weight, with differences over 2 h of the
 * sum of (1 + i) score_i. */
int assay_usf_predictor_gradcheck(assay_usf_predictor *p,
    const assay_usf_schedule *const *schedules, size_t n, size_t every, double h, double *worst);

#endif
