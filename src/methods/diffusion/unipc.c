/*
 * UniPC (Zhao et al. 2023, arXiv 2302.04867): a predictor through the stored predictions, and a
 * corrector through the same and the one just made, which costs no call because the next step needs
 * it anyway. With hh = -h (data) or h (noise) and B = hh (bh1) or expm1(hh) (bh2):
 *
 *   x_t = cx x - A expm1(hh) m_0 - A B sum_j rho_j D_j,   D_j = (m_-j - m_0) / r_j
 *   sum_j rho_j r_j^(i-1) = hh phi_(i+1)(hh) i! / B,      i = 1..order
 *
 * where the corrector has the point at t itself as the last one (r = 1), and the predictor leaves
 * out the last equation with it.
 */
#include <math.h>

#include "core/status.h"
#include "methods/diffusion/exponential.h"

enum { MOST = 3, SLOTS = MOST + 1, PREDICTED = ASSAY_FREE + SLOTS };

static unsigned slot(size_t i)
{
    return ASSAY_FREE + (unsigned)(i % SLOTS);
}

/* V rho = b for the Vandermonde matrix V_ij = r_j^i, i = 0..n-1, by the Lagrange basis: rho_j is
 * the functional b applied to the polynomial that is 1 at r_j and 0 at the others. */
static void solve_vandermonde(const double *r, const double *b, size_t n, double *rho)
{
    for (size_t j = 0; j < n; j++) {
        double c[MOST] = {1}, scale = 1; /* coefficients of prod (x - r_k), k != j */
        for (size_t k = 0; k < n; k++) {
            if (k == j)
                continue;
            for (size_t m = n - 1; m > 0; m--)
                c[m] = c[m - 1] - r[k] * c[m];
            c[0] *= -r[k];
            scale *= r[j] - r[k];
        }
        rho[j] = 0;
        for (size_t m = 0; m < n; m++)
            rho[j] += c[m] * b[m] / scale;
    }
}

typedef struct bh_step {
    assay_exponential e;
    double by;               /* -A B */
    double r[MOST], b[MOST]; /* order values; the last r is 1 */
} bh_step;

static bh_step make_step(const assay_run *run, size_t i, size_t order)
{
    const assay_noise_level *s = &run->node[i];
    bh_step step = {.e = assay_exponential_step(s, s + 1, run->o.predict_x0)};
    const double hh = step.e.z;
    const double B = run->o.variant == ASSAY_VARIANT_BH1 ? hh : expm1(hh);
    double factorial = 1;
    for (size_t k = 0; k < order; k++) {
        factorial *= (double)(k + 1);
        step.r[k] = k + 1 == order ? 1 : (s[-(long)(k + 1)].lambda - s->lambda) / step.e.h;
        step.b[k] = step.e.p[k + 2] * factorial / B; /* p_(k+2) = hh phi_(k+2) */
    }
    step.by = step.e.a * B;
    return step;
}

/* target = base - A B sum rho_j D_j over the n - 1 older nodes, and the new one with the corrector
 */
static void combine(assay_turn *turn, unsigned target, size_t i, const bh_step *step, size_t n,
    const double *rho, bool corrector)
{
    assay_operation *op = assay_exponential_base(turn, target, ASSAY_STATE, slot(i), &step->e);
    for (size_t j = 0; j + 1 < n; j++)
        assay_add_difference(op, slot(i - j - 1), slot(i), step->by * rho[j] / step->r[j]);
    if (corrector)
        assay_add_difference(op, slot(i + 1), slot(i), step->by * rho[n - 1]);
}

static int next(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn, order = (size_t)assay_multistep_order(run, i + 1);
    const bool last = i + 1 == run->intervals, corrector = run->o.corrector && !last;
    const bool data = run->o.predict_x0;
    const bh_step step = make_step(run, i, order);
    double rho[MOST];
    if (i == 0)
        assay_turn_predict(turn, slot(0), ASSAY_STATE, &run->node[0], data);
    solve_vandermonde(step.r, step.b, order - 1, rho);
    if (order == 2)
        rho[0] = 0.5;
    combine(turn, corrector ? PREDICTED : ASSAY_STATE, i, &step, order, rho, false);
    if (!last)
        assay_turn_predict(
            turn, slot(i + 1), corrector ? PREDICTED : ASSAY_STATE, &run->node[i + 1], data);
    if (corrector) {
        solve_vandermonde(step.r, step.b, order, rho);
        if (order == 1)
            rho[0] = 0.5;
        combine(turn, ASSAY_STATE, i, &step, order, rho, true);
    }
    assay_turn_node(run, turn, i + 1, (int)order);
    return ASSAY_OK;
}

static int begin(assay_run *run)
{
    if (run->o.variant == ASSAY_VARIANT_TAB || run->o.variant == ASSAY_VARIANT_RHOAB)
        return assay_fail(ASSAY_EINVAL, "variant of unipc must be bh1 or bh2");
    if (run->o.threshold != ASSAY_THRESHOLD_NONE && !run->o.predict_x0)
        return assay_fail(ASSAY_EINVAL, "threshold needs predict_x0");
    run->registers_used = SLOTS + 1;
    return assay_run_grid(run, run->o.steps);
}

const assay_solver assay_solver_unipc = {"unipc", 1, 3, 2,
    ASSAY_SOLVER_DATA | ASSAY_SOLVER_LOWER | ASSAY_SOLVER_VARIANT | ASSAY_SOLVER_CORRECTOR, begin,
    next, NULL};
