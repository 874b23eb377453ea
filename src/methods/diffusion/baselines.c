/*
 * The samplers that newer ones are measured against:
 *
 *   ddim, ddpm     Song, Meng and Ermon 2021; ddpm is ddim with eta = 1
 *   euler, heun    Karras et al. 2022, algorithms 1 and 2, with churn
 *   ipndm          the DDIM step with Adams-Bashforth extrapolation of the noise
 *   s_pndm, f_pndm Liu et al. 2022: the same, started by Heun's or Runge-Kutta steps
 */
#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/diffusion/exponential.h"

/* ---- ddim ---- */

/* x_t = alpha_t x_0 + sqrt(sigma_t^2 - g^2) e + g z, e = (x - alpha_s x_0)/sigma_s, and
 * g = eta sigma_t sqrt(1 - e^(-2h)), which on a variance-preserving schedule is the usual
 * eta (sigma_t/sigma_s) sqrt(1 - (alpha_s/alpha_t)^2). */
static int next_ddim(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    const double eta = run->solver == &assay_solver_ddpm ? 1 : run->o.eta;
    const double h = t->lambda - s->lambda;
    const double g = eta > 0 ? eta * t->sigma * sqrt(-expm1(-2 * h)) : 0;
    const double e = sqrt(fmax(t->sigma * t->sigma - g * g, 0)) / s->sigma;
    assay_turn_predict(turn, ASSAY_FREE, ASSAY_STATE, s, true);
    assay_operation *op = assay_turn_combine(turn, ASSAY_STATE);
    assay_add(op, ASSAY_STATE, e);
    assay_add(op, ASSAY_FREE, t->alpha - e * s->alpha);
    assay_add(op, ASSAY_NOISE, g);
    turn->draw = i;
    assay_turn_node(run, turn, i + 1, 1);
    return ASSAY_OK;
}

static int begin_ddim(assay_run *run)
{
    run->registers_used = 1;
    return assay_run_grid(run, run->o.steps);
}

const assay_solver assay_solver_ddim = {
    "ddim", 1, 1, 1, ASSAY_SOLVER_DATA | ASSAY_SOLVER_ETA, begin_ddim, next_ddim, NULL};
const assay_solver assay_solver_ddpm = {
    "ddpm", 1, 1, 1, ASSAY_SOLVER_DATA | ASSAY_SOLVER_RANDOM, begin_ddim, next_ddim, NULL};

/* ---- euler and heun ---- */

enum { SLOPE = ASSAY_FREE, SLOPE_THERE, THERE, EDM_END };

static int begin_edm(assay_run *run)
{
    const assay_sampler_options *o = &run->o;
    const size_t n = o->steps;
    run->registers_used = EDM_END - ASSAY_FREE;
    if (!(o->s_churn >= 0 && o->s_noise >= 0 && o->s_tmin >= 0 && isfinite(o->s_churn)))
        return assay_fail(ASSAY_EINVAL,
            "s_churn, s_noise and s_tmin must be at least 0, got %g, %g and %g", o->s_churn,
            o->s_noise, o->s_tmin);
    if (o->invert)
        return assay_fail(
            ASSAY_EINVAL, "%s cannot be inverted: it ends at sigma 0", run->solver->name);
    if (o->timesteps)
        return assay_run_times(run, o->timesteps, o->n_timesteps);
    double *sigma = calloc(n + 1, sizeof *sigma);
    if (!sigma)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu steps", n);
    int status = assay_karras_sigmas(o->sigma_min, o->sigma_max, o->rho, n, sigma);
    if (status == ASSAY_OK)
        status = assay_run_times(run, sigma, n + 1); /* the last is 0 */
    free(sigma);
    return status;
}

/* Noise is raised from sigma to sigma (1 + gamma): x += sqrt(sh^2 - sigma^2) s_noise z */
static double churn(const assay_run *run, assay_turn *turn, double sigma)
{
    const assay_sampler_options *o = &run->o;
    if (o->s_churn == 0 || sigma < o->s_tmin || sigma > o->s_tmax)
        return sigma;
    const double gamma = fmin(o->s_churn / (double)o->steps, M_SQRT2 - 1);
    const double raised = sigma * (1 + gamma);
    assay_operation *op = assay_turn_combine(turn, ASSAY_STATE);
    assay_add(op, ASSAY_STATE, 1);
    assay_add(op, ASSAY_NOISE, sqrt(raised * raised - sigma * sigma) * o->s_noise);
    return raised;
}

/* On this schedule the slope (x - D)/sigma is the noise prediction. */
static int next_edm(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_noise_level *to = &run->node[i + 1];
    const bool twice = run->solver == &assay_solver_heun && to->sigma > 0;
    assay_noise_level from;
    turn->draw = i;
    const int status =
        assay_noise_level_at(run->schedule, churn(run, turn, run->node[i].sigma), &from);
    if (status != ASSAY_OK)
        return status;
    const double step = to->sigma - from.sigma;
    assay_turn_predict(turn, SLOPE, ASSAY_STATE, &from, false);
    assay_operation *op = assay_turn_combine(turn, twice ? THERE : ASSAY_STATE);
    assay_add(op, ASSAY_STATE, 1);
    assay_add(op, SLOPE, step);
    if (twice) {
        assay_turn_predict(turn, SLOPE_THERE, THERE, to, false);
        op = assay_turn_combine(turn, ASSAY_STATE);
        assay_add(op, ASSAY_STATE, 1);
        assay_add(op, SLOPE, step / 2);
        assay_add(op, SLOPE_THERE, step / 2);
    }
    assay_turn_node(run, turn, i + 1, twice ? 2 : 1);
    return ASSAY_OK;
}

const assay_solver assay_solver_euler = {
    "euler", 1, 1, 1, ASSAY_SOLVER_SIGMAS, begin_edm, next_edm, NULL};
const assay_solver assay_solver_heun = {
    "heun", 2, 2, 2, ASSAY_SOLVER_SIGMAS, begin_edm, next_edm, NULL};

/* ---- Adams-Bashforth ---- */

static const double adams_bashforth[4][4] = {{1}, {3. / 2, -1. / 2}, {23. / 12, -16. / 12, 5. / 12},
    {55. / 24, -59. / 24, 37. / 24, -9. / 24}};

enum { STAGE_2 = ASSAY_FREE + 4, STAGE_3, STAGE_4, POINT, PNDM_END };

/* The noise prediction at node i. */
static unsigned noise_at(size_t i)
{
    return ASSAY_FREE + (unsigned)(i % 4);
}

/* target = the DDIM step from the state at s to t with a mean of noise predictions */
static void transfer(assay_turn *turn, unsigned target, const assay_noise_level *s,
    const assay_noise_level *t, size_t n, const unsigned *noise, const double *weight)
{
    const assay_exponential e = assay_exponential_step(s, t, false);
    assay_operation *op = assay_turn_combine(turn, target);
    assay_add(op, ASSAY_STATE, e.cx);
    for (size_t k = 0; k < n; k++)
        assay_add(op, noise[k], e.a * e.p[1] * weight[k]);
}

static void extrapolate(const assay_run *run, assay_turn *turn, size_t i, size_t order)
{
    const assay_noise_level *node = run->node;
    unsigned noise[4];
    for (size_t k = 0; k < order; k++)
        noise[k] = noise_at(i - k);
    transfer(turn, ASSAY_STATE, &node[i], &node[i + 1], order, noise, adams_bashforth[order - 1]);
}

static int next_ipndm(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn, most = (size_t)run->o.order, order = i + 1 < most ? i + 1 : most;
    assay_turn_predict(turn, noise_at(i), ASSAY_STATE, &run->node[i], false);
    extrapolate(run, turn, i, order);
    assay_turn_node(run, turn, i + 1, (int)order);
    return ASSAY_OK;
}

static int next_s_pndm(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    assay_turn_predict(turn, noise_at(i), ASSAY_STATE, s, false);
    if (i > 0) {
        extrapolate(run, turn, i, 2);
    } else {
        const unsigned both[] = {noise_at(0), STAGE_2};
        transfer(turn, POINT, s, t, 1, both, (const double[]){1});
        assay_turn_predict(turn, STAGE_2, POINT, t, false);
        transfer(turn, ASSAY_STATE, s, t, 2, both, (const double[]){.5, .5});
    }
    assay_turn_node(run, turn, i + 1, 2);
    return ASSAY_OK;
}

/* The classical Runge-Kutta method in place of the noise, with DDIM as the step. */
static int runge_kutta(const assay_run *run, assay_turn *turn, size_t i)
{
    static const double whole[] = {1}, sixths[] = {1. / 6, 2. / 6, 2. / 6, 1. / 6};
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    const unsigned e[] = {noise_at(i), STAGE_2, STAGE_3, STAGE_4};
    assay_noise_level middle;
    const int status = assay_noise_level_at(run->schedule, (s->t + t->t) / 2, &middle);
    if (status != ASSAY_OK)
        return status;
    for (size_t k = 1; k < 4; k++) {
        const assay_noise_level *at = k < 3 ? &middle : t;
        transfer(turn, POINT, s, at, 1, &e[k - 1], whole);
        assay_turn_predict(turn, e[k], POINT, at, false);
    }
    transfer(turn, ASSAY_STATE, s, t, 4, e, sixths);
    return ASSAY_OK;
}

static int next_f_pndm(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    int status = ASSAY_OK;
    assay_turn_predict(turn, noise_at(i), ASSAY_STATE, &run->node[i], false);
    if (i < 3)
        status = runge_kutta(run, turn, i);
    else
        extrapolate(run, turn, i, 4);
    assay_turn_node(run, turn, i + 1, 4);
    return status;
}

static int begin_pndm(assay_run *run)
{
    run->registers_used = PNDM_END - ASSAY_FREE;
    return assay_run_grid(run, run->o.steps);
}

static int begin_ipndm(assay_run *run)
{
    run->registers_used = 4;
    return assay_run_grid(run, run->o.steps);
}

const assay_solver assay_solver_ipndm = {"ipndm", 1, 4, 4, 0, begin_ipndm, next_ipndm, NULL};
const assay_solver assay_solver_s_pndm = {"s_pndm", 2, 2, 2, 0, begin_pndm, next_s_pndm, NULL};
const assay_solver assay_solver_f_pndm = {"f_pndm", 4, 4, 4, 0, begin_pndm, next_f_pndm, NULL};
