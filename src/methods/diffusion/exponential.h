/* One step of an exponential integrator, from level s to level t, in the notation of DPM-Solver:
 * x_t = cx x_s + a (p1 m + p2 m' + p3 m'' ...) with m the data prediction (DPM-Solver++) or the
 * noise prediction (DPM-Solver), h = lambda_t - lambda_s and p_k = z phi_k(z), z = -h | h. */
#ifndef ASSAY_METHODS_DIFFUSION_EXPONENTIAL_H
#define ASSAY_METHODS_DIFFUSION_EXPONENTIAL_H

#include "methods/diffusion/solver.h"

typedef struct assay_exponential {
    double h, z, cx, a;
    double p[6]; /* p[1]..p[5] */
} assay_exponential;

static inline assay_exponential assay_exponential_step(
    const assay_noise_level *s, const assay_noise_level *t, bool data)
{
    assay_exponential e;
    e.h = t->lambda - s->lambda;
    e.z = data ? -e.h : e.h;
    e.cx = data ? t->sigma / s->sigma : t->alpha / s->alpha;
    e.a = data ? -t->alpha : -t->sigma;
    e.p[0] = 1;
    assay_phi(e.z, 5, e.p + 1); /* levels are finite, so it does not fail */
    for (int k = 1; k <= 5; k++)
        e.p[k] *= e.z;
    return e;
}

/* target = cx x + a p1 m, the step of order 1 (DDIM); more terms may follow. */
static inline assay_operation *assay_exponential_base(
    assay_turn *turn, unsigned target, unsigned x, unsigned m, const assay_exponential *e)
{
    assay_operation *op = assay_turn_combine(turn, target);
    assay_add(op, x, e->cx);
    assay_add(op, m, e->a * e->p[1]);
    return op;
}

/* weight (reg - from), a difference of predictions. */
static inline void assay_add_difference(
    assay_operation *op, unsigned reg, unsigned from, double weight)
{
    assay_add(op, reg, weight);
    assay_add(op, from, -weight);
}

#endif
