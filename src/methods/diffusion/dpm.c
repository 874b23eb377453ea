/*
 * DPM-Solver (Lu et al. 2022, arXiv 2206.00927), which integrates the noise prediction, and
 * DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095), which integrates the data prediction: multistep,
 * singlestep and adaptive forms of order 1 to 3. The two differ in the numbers of one exponential
 * step (exponential.h) alone. The stochastic forms follow diffusers' DPMSolverMultistepScheduler.
 *
 * Multistep order 3 of every published code has half of the second derivative that Taylor's
 * expansion asks for, and so converges with order 2; the option d2 chooses.
 */
#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/diffusion/exponential.h"

static bool predicts_data(const assay_run *run)
{
    return run->solver->traits & ASSAY_SOLVER_DATA;
}

/* The prediction at node i lives in one of three registers that take turns. */
static unsigned history(size_t i)
{
    return ASSAY_FREE + (unsigned)(i % 3);
}

/* ---- multistep ---- */

/* D = (m_0 - m_1) / r_0, added as weight D. */
static void add_second(const assay_run *run, assay_operation *op, size_t i, double h, double weight)
{
    const double r0 = (run->node[i].lambda - run->node[i - 1].lambda) / h;
    assay_add_difference(op, history(i), history(i - 1), weight / r0);
}

/* a = (m_0 - m_1)/r_0, b = (m_1 - m_2)/r_1, D1 = a + r0/(r0+r1) (a - b), D2 = c (a - b)/(r0+r1) */
static void add_third(
    const assay_run *run, assay_operation *op, size_t i, const assay_exponential *e)
{
    const assay_noise_level *node = run->node;
    const double r0 = (node[i].lambda - node[i - 1].lambda) / e->h,
                 r1 = (node[i - 1].lambda - node[i - 2].lambda) / e->h;
    const double c = run->o.d2 == ASSAY_D2_EXACT ? 2 : 1;
    const double d1 = e->a * e->p[2], d2 = e->a * e->p[3] * c;
    const double a = d1 * (1 + r0 / (r0 + r1)) + d2 / (r0 + r1), b = -(d1 * r0 + d2) / (r0 + r1);
    assay_add_difference(op, history(i), history(i - 1), a / r0);
    assay_add_difference(op, history(i - 1), history(i - 2), b / r1);
}

static void multistep(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    const int order = assay_multistep_order(run, i + 1);
    const assay_exponential e = assay_exponential_step(s, t, predicts_data(run));
    assay_turn_predict(turn, history(i), ASSAY_STATE, s, predicts_data(run));
    assay_operation *op = assay_exponential_base(turn, ASSAY_STATE, ASSAY_STATE, history(i), &e);
    if (order == 2)
        add_second(run, op, i, e.h, e.a * (run->o.type == ASSAY_TYPE_TAYLOR ? e.p[2] : e.p[1] / 2));
    else if (order == 3)
        add_third(run, op, i, &e);
    assay_turn_node(run, turn, i + 1, order);
}

/* ---- singlestep ---- */

enum { M_S = ASSAY_FREE, M_1, M_2, U, LOW, HIGH, PREVIOUS, SINGLE_END };

static int level_at_lambda(const assay_run *run, double lambda, assay_noise_level *out)
{
    double t;
    const int status = assay_schedule_inverse_lambda(run->schedule, lambda, &t);
    return status == ASSAY_OK ? assay_noise_level_at(run->schedule, t, out) : status;
}

/* u = the point at lambda_s + r h, by order 1 */
static int intermediate(const assay_run *run, assay_turn *turn, const assay_noise_level *s,
    double r, double h, assay_noise_level *u)
{
    const int status = level_at_lambda(run, s->lambda + r * h, u);
    if (status != ASSAY_OK)
        return status;
    const assay_exponential e = assay_exponential_step(s, u, predicts_data(run));
    assay_exponential_base(turn, U, ASSAY_STATE, M_S, &e);
    return ASSAY_OK;
}

/* target = the step of order 2 from predictions at s and at s + r1 h */
static void second_order(
    const assay_run *run, assay_turn *turn, unsigned target, const assay_exponential *e, double r1)
{
    assay_operation *op = assay_exponential_base(turn, target, ASSAY_STATE, M_S, e);
    const double by = run->o.type == ASSAY_TYPE_TAYLOR ? e->p[2] : e->p[1] / 2;
    assay_add_difference(op, M_1, M_S, e->a * by / r1);
}

/* ... from predictions at s, s + r1 h and s + r2 h */
static void third_order(const assay_run *run, assay_turn *turn, unsigned target,
    const assay_exponential *e, double r1, double r2)
{
    assay_operation *op = assay_exponential_base(turn, target, ASSAY_STATE, M_S, e);
    if (run->o.type == ASSAY_TYPE_DPMSOLVER) {
        assay_add_difference(op, M_2, M_S, e->a * e->p[2] / r2);
        return;
    }
    /* D1 = (r2 a - r1 b)/(r2 - r1), D2 = 2 (b - a)/(r2 - r1), a = (m1 - m)/r1, b = (m2 - m)/r2 */
    const double d1 = e->a * e->p[2] / (r2 - r1), d2 = 2 * e->a * e->p[3] / (r2 - r1);
    assay_add_difference(op, M_1, M_S, (d1 * r2 - d2) / r1);
    assay_add_difference(op, M_2, M_S, (d2 - d1 * r1) / r2);
}

/* The predictions that a step of this order from s needs; M_S first. */
static int stages(const assay_run *run, assay_turn *turn, const assay_noise_level *s, double h,
    int order, double r1, double r2)
{
    const bool data = predicts_data(run);
    assay_noise_level u;
    int status = ASSAY_OK;
    assay_turn_predict(turn, M_S, ASSAY_STATE, s, data);
    if (order >= 2 && (status = intermediate(run, turn, s, r1, h, &u)) == ASSAY_OK)
        assay_turn_predict(turn, M_1, U, &u, data);
    if (order < 3 || status != ASSAY_OK || (status = level_at_lambda(run, s->lambda + r2 * h, &u)))
        return status;
    const assay_exponential e = assay_exponential_step(s, &u, data);
    assay_operation *op = assay_exponential_base(turn, U, ASSAY_STATE, M_S, &e);
    assay_add_difference(op, M_1, M_S, e.a * e.p[2] * r2 / r1);
    assay_turn_predict(turn, M_2, U, &u, data);
    return ASSAY_OK;
}

static void complete(const assay_run *run, assay_turn *turn, unsigned target, int order,
    const assay_exponential *e, double r1, double r2)
{
    if (order == 1)
        assay_exponential_base(turn, target, ASSAY_STATE, M_S, e);
    else if (order == 2)
        second_order(run, turn, target, e, r1);
    else
        third_order(run, turn, target, e, r1, r2);
}

/* r1 and r2 from the grid of the same spacing inside of the step. */
static int inner_grid(const assay_run *run, const assay_noise_level *s, const assay_noise_level *t,
    int order, double *r)
{
    double time[4], lambda;
    int status = assay_diffusion_timesteps(
        run->schedule, run->o.spacing, s->t, t->t, (size_t)order, run->o.rho, time);
    for (int k = 1; k < order && status == ASSAY_OK; k++) {
        status = assay_schedule_eval(run->schedule, time[k], NULL, NULL, &lambda);
        r[k - 1] = (lambda - s->lambda) / (t->lambda - s->lambda);
    }
    return status;
}

static int singlestep(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    const int *orders = run->own, order = orders[i];
    double r[2] = {0.5, 0};
    int status = inner_grid(run, s, t, order, r);
    const assay_exponential e = assay_exponential_step(s, t, predicts_data(run));
    if (status == ASSAY_OK)
        status = stages(run, turn, s, e.h, order, r[0], r[1]);
    if (status == ASSAY_OK)
        complete(run, turn, ASSAY_STATE, order, &e, r[0], r[1]);
    assay_turn_node(run, turn, i + 1, order);
    return status;
}

/* Outer times: for logsnr and steps of one order a grid of its own, else that of all calls, where
 * each step takes as many intervals as its order. */
static int outer_grid(assay_run *run, const int *orders, size_t n)
{
    const assay_sampler_options *o = &run->o;
    if (o->method == ASSAY_SINGLESTEP_FIXED || o->spacing == ASSAY_SPACING_LOGSNR)
        return assay_run_grid(run, n);
    double *t = calloc(o->steps + 1, sizeof *t);
    if (!t)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu steps", o->steps);
    int status = assay_diffusion_timesteps(
        run->schedule, o->spacing, o->t_start, o->t_end, o->steps, o->rho, t);
    size_t at = 0;
    for (size_t k = 0; k < n && status == ASSAY_OK; k++) {
        at += (size_t)orders[k];
        t[k + 1] = t[at];
    }
    if (status == ASSAY_OK)
        status = assay_run_times(run, t, n + 1);
    free(t);
    return status;
}

static int begin_singlestep(assay_run *run)
{
    const assay_sampler_options *o = &run->o;
    size_t n = o->steps / (size_t)o->order;
    int *orders = calloc(o->steps, sizeof *orders), status = ASSAY_OK;
    if (!orders)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu steps", o->steps);
    run->own = orders;
    run->registers_used = U + 1 - ASSAY_FREE;
    if (o->method == ASSAY_SINGLESTEP)
        status = assay_singlestep_orders(o->steps, o->order, orders, &n);
    for (size_t k = 0; k < n && o->method == ASSAY_SINGLESTEP_FIXED; k++)
        orders[k] = o->order;
    return status == ASSAY_OK ? outer_grid(run, orders, n) : status;
}

/* ---- adaptive ---- */

typedef struct adaptive {
    assay_noise_level at;
    double h;
    bool tried;
} adaptive;

static int begin_adaptive(assay_run *run)
{
    adaptive *a = calloc(1, sizeof *a);
    if (!a)
        return assay_fail(ASSAY_ENOMEM, "no memory for a step");
    run->own = a;
    run->registers_used = SINGLE_END - ASSAY_FREE;
    const int status = assay_run_grid(run, 1);
    a->at = run->node ? run->node[0] : a->at;
    a->h = run->o.h_init;
    return status;
}

/* A step of order and one of order - 1 from the same predictions. */
static int trial(assay_run *run, assay_turn *turn, adaptive *a)
{
    const int order = run->o.order;
    const double r1 = order == 2 ? 0.5 : 1.0 / 3, r2 = 2.0 / 3;
    assay_noise_level to;
    if (run->turn == 0)
        assay_add(assay_turn_combine(turn, PREVIOUS), ASSAY_STATE, 1);
    int status = level_at_lambda(run, a->at.lambda + a->h, &to);
    if (status == ASSAY_OK)
        status = stages(run, turn, &a->at, a->h, order, r1, r2);
    if (status != ASSAY_OK)
        return status;
    const assay_exponential e = assay_exponential_step(&a->at, &to, predicts_data(run));
    complete(run, turn, LOW, order - 1, &e, r1, r2);
    complete(run, turn, HIGH, order, &e, r1, r2);
    assay_turn_distance(turn, HIGH, LOW, PREVIOUS);
    a->tried = true;
    return ASSAY_OK;
}

/* Accept when E <= 1; h <- min(theta h E^(-1/order), what is left) */
static int decide(assay_run *run, assay_turn *turn, adaptive *a)
{
    const assay_noise_level *end = &run->node[1];
    const double error = run->distance;
    int status = ASSAY_OK;
    if (!isfinite(error))
        return assay_fail(
            ASSAY_ENONFINITE, "the state diverged at step %zu, t = %g", run->turn, a->at.t);
    if (error <= 1) {
        assay_add(assay_turn_combine(turn, ASSAY_STATE), HIGH, 1);
        assay_add(assay_turn_combine(turn, PREVIOUS), LOW, 1);
        status = level_at_lambda(run, a->at.lambda + a->h, &a->at);
        turn->node = true;
        turn->t = a->at.t;
        turn->order = run->o.order;
        turn->last = fabs(a->at.t - end->t) <= run->o.t_err;
    } else {
        run->result->rejected++;
    }
    const double wanted = run->o.theta * a->h * pow(error, -1.0 / run->o.order);
    a->h = fmin(wanted, end->lambda - a->at.lambda);
    a->tried = false;
    if (!turn->last && !(a->h > 1e-12))
        return assay_fail(
            ASSAY_ECONVERGE, "the step in lambda fell to %g at t = %g", a->h, a->at.t);
    return status;
}

/* ---- the entries ---- */

static int begin(assay_run *run)
{
    if (run->o.method == ASSAY_ADAPTIVE)
        return begin_adaptive(run);
    if (run->o.method != ASSAY_MULTISTEP)
        return begin_singlestep(run);
    run->registers_used = 3;
    return assay_run_grid(run, run->o.steps);
}

static int next(assay_run *run, assay_turn *turn)
{
    adaptive *a = run->own;
    if (run->o.method == ASSAY_ADAPTIVE)
        return a->tried ? decide(run, turn, a) : trial(run, turn, a);
    if (run->o.method != ASSAY_MULTISTEP)
        return singlestep(run, turn);
    multistep(run, turn);
    return ASSAY_OK;
}

static void end(assay_run *run)
{
    free(run->own);
}

const assay_solver assay_solver_dpmpp = {"dpmpp", 1, 3, 2,
    ASSAY_SOLVER_DATA | ASSAY_SOLVER_METHODS | ASSAY_SOLVER_FULL_ORDER | ASSAY_SOLVER_TYPE |
        ASSAY_SOLVER_LOWER,
    begin, next, end};
const assay_solver assay_solver_dpm = {"dpm", 1, 3, 2,
    ASSAY_SOLVER_METHODS | ASSAY_SOLVER_FULL_ORDER | ASSAY_SOLVER_TYPE | ASSAY_SOLVER_LOWER, begin,
    next, end};

/* ---- stochastic ---- */

/* With q = 1 - e^(-2h) (data) or the like of the noise form:
 *   sde_dpmpp  x = (sigma_t/sigma_s) e^-h x + alpha_t q (m_0 + D/2) + sigma_t sqrt(q) z, or
 *              alpha_t (q/(-2h) + 1) D for alpha_t q D/2 (taylor)
 *   sde_dpm    x = (alpha_t/alpha_s) x - 2 sigma_t expm1(h) (m_0 + D/2)
 *              + sigma_t sqrt(e^(2h) - 1) z, or - 2 sigma_t (expm1(h)/h - 1) D (taylor) */
static int next_sde(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    const bool data = predicts_data(run), taylor = run->o.type == ASSAY_TYPE_TAYLOR;
    const int order = assay_multistep_order(run, i + 1);
    const double h = t->lambda - s->lambda;
    double phi[2];
    assay_phi(data ? -2 * h : h, 2, phi);
    /* q = 2 h phi_1(-2h), q/(-2h) + 1 = 2 h phi_2(-2h); expm1(h) = h phi_1, .../h - 1 = h phi_2 */
    const double x = data ? t->sigma / s->sigma * exp(-h) : t->alpha / s->alpha;
    const double by = data ? t->alpha * 2 * h : -2 * t->sigma * h;
    const double z = t->sigma * sqrt(data ? 2 * h * phi[0] : expm1(2 * h));
    assay_turn_predict(turn, history(i), ASSAY_STATE, s, data);
    assay_operation *op = assay_turn_combine(turn, ASSAY_STATE);
    assay_add(op, ASSAY_STATE, x);
    assay_add(op, history(i), by * phi[0]);
    assay_add(op, ASSAY_NOISE, z);
    if (order == 2)
        add_second(run, op, i, h, by * (taylor ? phi[1] : phi[0] / 2));
    turn->draw = i;
    assay_turn_node(run, turn, i + 1, order);
    return ASSAY_OK;
}

const assay_solver assay_solver_sde_dpmpp = {"sde_dpmpp", 1, 2, 2,
    ASSAY_SOLVER_DATA | ASSAY_SOLVER_RANDOM | ASSAY_SOLVER_FULL_ORDER | ASSAY_SOLVER_TYPE |
        ASSAY_SOLVER_LOWER,
    begin, next_sde, end};
const assay_solver assay_solver_sde_dpm = {"sde_dpm", 1, 2, 2,
    ASSAY_SOLVER_RANDOM | ASSAY_SOLVER_FULL_ORDER | ASSAY_SOLVER_TYPE | ASSAY_SOLVER_LOWER, begin,
    next_sde, end};
