/*
 * How a solver is written. A solver is one entry of the table in solvers.c: it tells the driver,
 * turn by turn, which operations to run on registers (matrices of the batch's shape), and the
 * driver does all that solvers have in common: it calls and counts the model, converts and
 * thresholds what it predicts, combines registers in one pass, draws noise, refuses what is not
 * finite, keeps the trajectory, and reports progress.
 *
 * A turn is usually one step of the time grid: a few operations of scalar coefficients, so that the
 * cost of any solver is that of its model calls and of one pass over memory for each combination.
 * History is registers that a solver rotates by name. What is no linear combination (a choice per
 * row, a rotation, resampling of particles) is an operation of its own function.
 */
#ifndef ASSAY_METHODS_DIFFUSION_SOLVER_H
#define ASSAY_METHODS_DIFFUSION_SOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include "methods/diffusion/sample.h"

enum {
    ASSAY_STATE = 0, /* the register of x */
    ASSAY_NOISE = 1, /* a standard normal matrix, new in each turn that asks for it */
    ASSAY_FREE = 2,  /* the first register of the solver's own */
    ASSAY_REGISTERS = 32,
    ASSAY_TERMS = 12,
    ASSAY_OPERATIONS = 16
};

typedef struct assay_run assay_run;

typedef enum assay_operation_kind {
    ASSAY_OP_PREDICT,  /* target = prediction at source */
    ASSAY_OP_COMBINE,  /* target = sum of weight register */
    ASSAY_OP_DISTANCE, /* run->distance, for step size control */
    ASSAY_OP_APPLY     /* a function of the run */
} assay_operation_kind;

typedef struct assay_term {
    unsigned reg;
    double weight;
} assay_term;

typedef struct assay_operation {
    assay_operation_kind kind;
    unsigned target, source, previous; /* previous: DISTANCE scales by it, too */
    bool data;                         /* PREDICT: x_0, else eps */
    assay_noise_level level;           /* PREDICT: of source */
    size_t terms;
    assay_term term[ASSAY_TERMS];
    int (*apply)(assay_run *run);
} assay_operation;

/* What a solver asks for in one turn. */
typedef struct assay_turn {
    size_t n;
    assay_operation op[ASSAY_OPERATIONS];
    size_t draw; /* the matrix of draws when an operation reads ASSAY_NOISE */
    bool node;   /* the state is a node at t afterwards, reached with this order */
    double t;
    int order;
    bool last;
} assay_turn;

enum {                           /* what an entry can take */
    ASSAY_SOLVER_DATA = 1,       /* predicts data: thresholds are allowed */
    ASSAY_SOLVER_RANDOM = 2,     /* needs draws or rng */
    ASSAY_SOLVER_METHODS = 4,    /* has singlestep and adaptive forms */
    ASSAY_SOLVER_FULL_ORDER = 8, /* needs steps >= order */
    ASSAY_SOLVER_ETA = 16,       /* ddim */
    ASSAY_SOLVER_SIGMAS = 32,    /* edm only, its grid is of Karras sigmas and ends at 0 */
    ASSAY_SOLVER_TYPE = 64,      /* reads type */
    ASSAY_SOLVER_LOWER = 128,    /* reads lower_order_final */
    ASSAY_SOLVER_VARIANT = 256,  /* reads variant */
    ASSAY_SOLVER_CORRECTOR = 512 /* reads predict_x0 and corrector */
};

typedef struct assay_solver {
    const char *name;
    int least_order, most_order, default_order;
    unsigned traits;
    /* Checks what only it knows, sets run->registers_used and its grid (run_grid of the run's own
     * options unless it has another). */
    int (*begin)(assay_run *run);
    /* Fills the turn, which comes in zeroed. */
    int (*next)(assay_run *run, assay_turn *turn);
    void (*end)(assay_run *run); /* frees run->own; may be NULL */
} assay_solver;

struct assay_run {
    const assay_solver *solver;
    const assay_diffusion_model *model;
    const assay_schedule *schedule;
    assay_sampler_options o; /* with the defaults filled in */
    assay_noise_level *node; /* intervals + 1 levels of the grid */
    size_t intervals;
    size_t turn;             /* turns taken */
    unsigned registers_used; /* of the solver's own */
    assay_matrix reg[ASSAY_REGISTERS];
    double distance;
    void *own;
    /* of the driver */
    assay_sampler_result *result;
    double *memory, *scratch;
    bool noise_ready;
    size_t noise_draw;
};

/* The grid of n intervals: the user's timesteps, else by spacing from t_start to t_end. */
int assay_run_grid(assay_run *run, size_t n);
/* The grid of given times. */
int assay_run_times(assay_run *run, const double *t, size_t n_times);

/* One more operation of the turn. */
void assay_turn_predict(
    assay_turn *turn, unsigned target, unsigned source, const assay_noise_level *level, bool data);
assay_operation *assay_turn_combine(assay_turn *turn, unsigned target);
void assay_add(assay_operation *op, unsigned reg, double weight); /* weight 0 adds nothing */
void assay_turn_distance(assay_turn *turn, unsigned high, unsigned low, unsigned previous);
void assay_turn_apply(assay_turn *turn, int (*apply)(assay_run *run));
/* The turn ends at node i of the grid, its last one ends the run. */
void assay_turn_node(const assay_run *run, assay_turn *turn, size_t i, int order);

/* For operations of their own function: the one place that calls the model. target = the
 * prediction, checked to be finite, noise or data, at source; levels and t: one, or one a row. */
int assay_run_predict(assay_run *run, unsigned source, const assay_noise_level *levels,
    const double *t, size_t nt, bool data, unsigned target);

/* phi_1..phi_kmax of z: phi_0 = e^z, phi_k = (phi_{k-1} - 1/(k-1)!) / z; by series for |z| <= 2. */
int assay_phi(double z, int kmax, double *out);

/* weight[j] = int l_j drho, rho = sigma/alpha, from one lambda to another, with l_j the Lagrange basis in t
 * (in_rho: in rho) through n different nodes; quadrature: of the first function, NULL without memory. */
void *assay_deis_quadrature(void);
void assay_deis_quadrature_free(void *quadrature);
int assay_deis_weights(const assay_schedule *s, const void *quadrature, bool in_rho, const double *node,
    size_t n, double from, double to, double *weight);

/* The order of step i (1-based) of so many: min(i, order), lower at the end as the options say. */
int assay_multistep_order(const assay_run *run, size_t i);

/* ---- the entries ---- */

extern const assay_solver assay_solver_dpmpp, assay_solver_dpm, assay_solver_sde_dpmpp,
    assay_solver_sde_dpm, assay_solver_ddim, assay_solver_ddpm, assay_solver_euler,
    assay_solver_heun, assay_solver_ipndm, assay_solver_s_pndm, assay_solver_f_pndm,
    assay_solver_deis, assay_solver_unipc, assay_solver_usf, assay_solver_ts;

const assay_solver *assay_solver_find(const char *name); /* NULL when there is none */

#endif
