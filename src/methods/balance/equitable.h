/*
 * Training sets under a budget that groups of a population share fairly: how many examples of each
 * group to collect when groups differ in price and in how fast they are learnt.
 *
 *   adaptive allocation   Cai, Encarnacion, Chern, Corbett-Davies, Bogen, Bergman, Goel 2022
 *                         (arXiv 2202.01327): the framework is of its abstract, which is what could
 * be read; the formulas are reconstructed Slice Tuner           Tae, Whang 2021: the published
 * algorithm next to it
 *
 * Group g of k has n_g examples at cost c_g > 0 each and performance A_g(n_g), an accuracy or R^2,
 * along a learning curve; with weights w_g >= 0 the allocation maximises
 *
 *   sum_g w_g V(A_g(n_g))   subject to   sum_g c_g (n_g - start_g) <= budget,  n_g >= start_g
 *
 * for a utility V that is more or less averse to inequality: V(v) = v^(1-r) / (1-r), log v at r =
 * 1, with v no less than 1e-9 (r = 0: v itself), and the limit r -> infinity, the lowest group's
 * performance. Sizes are doubles, whole where so said. Where a curve is below 1e-9 (fits can be
 * there) V would be flat and the group worst off would get nothing: marginal gains go on with the
 * slope that V has at 1e-9, and only the utility that is reported has the floor.
 */
#ifndef ASSAY_METHODS_BALANCE_EQUITABLE_H
#define ASSAY_METHODS_BALANCE_EQUITABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/progress.h"
#include "core/rng.h"

/* ---- learning curves ---- */

typedef enum assay_curve_law {
    ASSAY_CURVE_POWER,      /* a - b n^(-c), b >= 0, c > 0 */
    ASSAY_CURVE_SATURATING, /* a n / (n + s), s > 0 */
    ASSAY_CURVE_LOG         /* a + b log n */
} assay_curve_law;

typedef struct assay_learning_curve {
    assay_curve_law law;
    double a, b, c, s;
    double mse;      /* of a fit: the mean squared residual, without weights */
    bool few;        /* a fit of too few sizes (power: 3, others: 2): c = 1/2, or s the mean size */
    bool decreasing; /* the data do not grow with n; allocations take the curve as flat */
} assay_learning_curve;

/* Zeros are the defaults. */
struct assay_curve_options {
    assay_curve_law law;
    double a_max; /* a is at most this: 0 is 1; INFINITY is no limit */
    double prior; /* power: log c is normal about log 1/2 with this deviation; 0: no prior */
};

/* A(n), n >= 0; a power law is -infinity at 0. */
double assay_balance_learning_curve(const assay_learning_curve *curve, double n);
/* A'(n), n > 0; and the n at which A reaches v: 0 where it begins above, INFINITY if never. */
double assay_balance_learning_slope(const assay_learning_curve *curve, double n);
double assay_balance_learning_size(const assay_learning_curve *curve, double v);

/* Least squares of k points (n > 0, v) with residuals weighted by sqrt(n), as if their deviation
 * were n^(-1/2). For each exponent the rest is linear; the exponent is the best of 200 between 0.05
 * and 2 (s: between 1/100 of the smallest and 100 times the largest n), refined between its
 * neighbours. The prior is weighed against the variance of the residuals of the fit without it. */
int assay_balance_learning_curve_fit(const double *n, const double *v, size_t k,
    const struct assay_curve_options *options, assay_learning_curve *out);

/* ---- allocation along known curves ---- */

typedef enum assay_allocate_method {
    ASSAY_ALLOCATE_GREEDY, /* step by step to the largest gain per cost that still fits; ties:
                              lowest index. Optimal for concave gains and equal costs (Fox 1966) */
    ASSAY_ALLOCATE_WATER,  /* real sizes of equal marginal gain per cost, the multiplier */
    ASSAY_ALLOCATE_MAXMIN  /* real sizes that lift the lowest groups to one level; weights and risk
                              have no part */
} assay_allocate_method;

struct assay_allocate_options {
    assay_allocate_method method;
    const double *start;  /* NULL: 0 each */
    const double *cost;   /* NULL: 1 each */
    const double *weight; /* NULL: 1/k each */
    double budget;        /* beyond the start, >= 0 */
    double step;          /* greedy: examples a step; 0: 1 */
    double risk;          /* r >= 0 */
    bool whole;           /* water, maxmin: round down, the rest goes one by one to the largest gain
                             per cost (maxmin: the lowest group) */
    /* Greedy: examples of group h count as transfer[g k + h] of g's, NULL: none. */
    const double *transfer;
    const assay_progress *progress;
};

typedef struct assay_allocation {
    double spent, utility;
    double multiplier; /* water: gain per cost at the margin; 0 where no group gains */
    double level;      /* maxmin: of the lowest group */
} assay_allocation;

/* n[k]. Weights must not all be 0. */
int assay_balance_allocate(const assay_learning_curve *curves, size_t k,
    const struct assay_allocate_options *options, double *n, assay_allocation *out);

/* n_g + sum_h transfer[g k + h] n_h; transfer may be NULL */
double assay_balance_effective_size(size_t k, const double *n, const double *transfer, size_t g);

/* C / sum c each; C s_g / (s . c). cost NULL: 1 each. */
int assay_balance_allocate_equal(size_t k, double budget, const double *cost, double *n);
int assay_balance_allocate_proportional(
    const double *share, size_t k, double budget, const double *cost, double *n);
/* One example to the smallest group (ties: lowest index) until the next one does not fit; whole
 * sizes. */
int assay_balance_allocate_waterfill(
    const double *start, size_t k, double budget, const double *cost, double *n);

/* ---- Slice Tuner: losses b n^(-a) ---- */

typedef struct assay_loss_curve {
    double a, b;
} assay_loss_curve;

struct assay_slice_options {
    const double *start; /* > 0 */
    const double *cost;  /* NULL: 1 each */
    double budget;       /* all is spent */
    double lambda;       /* weight of losses above the mean */
    double ratio_change; /* 0: no limit, else how far max n / min n may move from the start's */
};

/* Minimises  sum_g l_g(n_g) + lambda max(0, l_g(n_g) / avg - 1)  over n_g >= start_g, avg the mean
 * loss at the start. n[k]: start and the increments rounded by + 1/2 down, after they were scaled
 * down to the limit of ratio_change. *objective: of the real optimum before that; real[k] (or
 * NULL): its sizes. */
int assay_balance_slice_tuner(const assay_loss_curve *curves, size_t k,
    const struct assay_slice_options *options, double *n, double *real, double *objective);

/* ---- unknown curves: estimate, collect, repeat ---- */

/* What examples come from. */
struct assay_collect {
    void *context;
    size_t groups;
    /* n more examples of g are at hand */
    int (*collect)(void *context, size_t g, size_t n);
    /* The performance on g's validation set of a model of so many random examples of each group */
    int (*performance)(void *context, size_t g, const size_t *sizes, assay_rng *rng, double *value);
};

typedef enum assay_strategy {
    ASSAY_STRATEGY_ADAPTIVE,
    ASSAY_STRATEGY_EQUAL,        /* C / sum c of each, at once */
    ASSAY_STRATEGY_PROPORTIONAL, /* by share, at once */
    ASSAY_STRATEGY_WATERFILL,    /* the smallest group first; as `equal`, but for the rest */
    ASSAY_STRATEGY_WORST,        /* each batch to the group of the lowest performance */
    ASSAY_STRATEGY_RANDOM,       /* each batch to a random group */
    ASSAY_STRATEGY_SLICE_TUNER,
    ASSAY_STRATEGY_ORACLE /* known curves */
} assay_strategy;

/* Limits of Slice Tuner to how max n / min n moves in round t = 1, 2, ..: none, 1, t, 2^(t-1). */
typedef enum assay_slice_change {
    ASSAY_CHANGE_ANY,
    ASSAY_CHANGE_CONSERVATIVE,
    ASSAY_CHANGE_MODERATE,
    ASSAY_CHANGE_AGGRESSIVE
} assay_slice_change;

struct assay_equitable_options {
    assay_strategy strategy;
    double budget;                      /* for all examples, those of the start too */
    const double *cost;                 /* NULL: 1 each */
    const double *weight;               /* NULL: 1/k each */
    const double *share;                /* proportional; NULL: 1/k each */
    const assay_learning_curve *curves; /* oracle */
    double risk;
    bool maxmin;    /* the utility is the lowest group's */
    size_t start;   /* examples of each group before the first round; not of equal, proportional */
    size_t rounds;  /* 1: one-shot */
    size_t repeats; /* of the three parts of a group's data; the whole is learnt once */
    double floor;   /* share of each batch that is split by number */
    bool lookahead; /* solve for the whole remaining budget, not for the batch */
    bool transfer;  /* estimate what groups learn from each other, and allocate by it */
    struct assay_curve_options curve;
    size_t prior_rounds; /* the prior is of the first rounds */
    double lambda;       /* Slice Tuner */
    assay_slice_change change;
    const assay_progress *progress;
};

/* adaptive, start 60, 8 rounds, 3 repeats, floor 0.1, lookahead, prior 1 in 3 rounds, lambda 1 */
struct assay_equitable_options assay_equitable_defaults(void);

typedef struct assay_equitable_trace {
    size_t groups, rounds; /* rounds that were made */
    size_t *n;             /* (rounds + 1) x groups: sizes before each round and at the end */
    assay_learning_curve *curves; /* rounds x groups; of strategies that fit none: zeros */
    double *value;                /* rounds x groups: performance before the round, or NaN */
    double spent;
} assay_equitable_trace;

void assay_equitable_trace_free(assay_equitable_trace *trace);

/* Round t of R: fractions 0.4, 0.6, 0.8 (`repeats` times) and 1 of each group's data, with all data
 * of the others, give points of its curve; the curves are fitted and the allocation of the whole
 * remaining budget solved, 1 / (R - t + 1) of which is collected after the floor's share. What
 * rounding leaves over goes to later rounds, and after the last to the largest gains. The budget
 * must pay for the start. Each call of performance has its own stream, split from one draw of
 * `rng`. */
int assay_balance_equitable_run(const struct assay_collect *world,
    const struct assay_equitable_options *options, assay_rng *rng, assay_equitable_trace *out);

#endif
