/*
 * DEIS (Zhang and Chen 2023, arXiv 2204.13902): the noise prediction is extrapolated by a
 * polynomial through the last order + 1 nodes and integrated against drho, rho = sigma/alpha:
 *
 *   x_t = (alpha_t/alpha_s) x + alpha_t sum_j e_j int_s^t l_j drho
 *
 * with l_j the Lagrange basis in t (tab), or in rho (rhoab, where the integrand is a polynomial).
 * The integral is taken in lambda, where drho = -e^-lambda dlambda on every schedule, by 64 points
 * of Gauss and Legendre, which is exact to rounding; the reference sums 10,000 rectangles. On a
 * discrete schedule, whose t has a kink at each of its steps, it is exact to some 1e-6.
 */
#include <gsl/gsl_integration.h>
#include <math.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

enum { POINTS = 64, SLOTS = 4 };

static unsigned slot(size_t i)
{
    return ASSAY_FREE + (unsigned)(i % SLOTS);
}

void *assay_deis_quadrature(void)
{
    return gsl_integration_glfixed_table_alloc(POINTS);
}

void assay_deis_quadrature_free(void *quadrature)
{
    if (quadrature)
        gsl_integration_glfixed_table_free(quadrature);
}

static int begin(assay_run *run)
{
    if (run->o.variant == ASSAY_VARIANT_BH1 || run->o.variant == ASSAY_VARIANT_BH2)
        return assay_fail(ASSAY_EINVAL, "variant of deis must be tab or rhoab");
    run->own = assay_deis_quadrature();
    if (!run->own)
        return assay_fail(ASSAY_ENOMEM, "no memory for a quadrature");
    run->registers_used = SLOTS;
    return assay_run_grid(run, run->o.steps);
}

static void end(assay_run *run)
{
    assay_deis_quadrature_free(run->own);
}

/* The Lagrange polynomial that is 1 at node[j] and 0 at the others. */
static double lagrange(const double *node, size_t n, size_t j, double at)
{
    double l = 1;
    for (size_t k = 0; k < n; k++)
        l *= k == j ? 1 : (at - node[k]) / (node[j] - node[k]);
    return l;
}

int assay_deis_weights(const assay_schedule *s, const void *quadrature, bool in_rho, const double *node,
    size_t n, double from, double to, double *weight)
{
    for (size_t j = 0; j < n; j++)
        weight[j] = 0;
    for (size_t q = 0; q < POINTS; q++) {
        double lambda, w, at;
        gsl_integration_glfixed_point(from, to, q, &lambda, &w, quadrature);
        const double rho = exp(-lambda);
        at = rho;
        const int status = in_rho ? ASSAY_OK : assay_schedule_inverse_lambda(s, lambda, &at);
        if (status != ASSAY_OK)
            return status;
        for (size_t j = 0; j < n; j++)
            weight[j] -= w * rho * lagrange(node, n, j, at);
    }
    return ASSAY_OK;
}

/* weight[j] = int l_j drho over step i, j = 0 the newest of n nodes */
static int integrate(const assay_run *run, size_t i, size_t n, double *weight)
{
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    const bool in_rho = run->o.variant == ASSAY_VARIANT_RHOAB;
    double node[SLOTS];
    for (size_t j = 0; j < n; j++)
        node[j] = in_rho ? exp(-run->node[i - j].lambda) : run->node[i - j].t;
    return assay_deis_weights(
        run->schedule, run->own, in_rho, node, n, s->lambda, t->lambda, weight);
}

static int next(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn, most = (size_t)run->o.order + 1, n = i + 1 < most ? i + 1 : most;
    const assay_noise_level *s = &run->node[i], *t = &run->node[i + 1];
    double weight[SLOTS];
    const int status = integrate(run, i, n, weight);
    assay_turn_predict(turn, slot(i), ASSAY_STATE, s, false);
    assay_operation *op = assay_turn_combine(turn, ASSAY_STATE);
    assay_add(op, ASSAY_STATE, t->alpha / s->alpha);
    for (size_t j = 0; j < n && status == ASSAY_OK; j++)
        assay_add(op, slot(i - j), t->alpha * weight[j]);
    assay_turn_node(run, turn, i + 1, (int)n);
    return status;
}

const assay_solver assay_solver_deis = {"deis", 1, 3, 2, ASSAY_SOLVER_VARIANT, begin, next, end};
