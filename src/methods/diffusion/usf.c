/* Solver schedules; see usf.h. Each node of the history keeps its state and what the steps ask for
 * of the two predictions. The value of a pseudo-corrected node stays that of the uncorrected point.
 */
#include "methods/diffusion/usf.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/exponential.h"

/* ---- derivatives ---- */

/* LU with partial pivoting of a (m x m, in rows of ASSAY_USF_ACTIVE), b overwritten by the
 * solution. */
static bool solve(double a[][ASSAY_USF_ACTIVE], double *b, size_t m)
{
    for (size_t k = 0; k < m; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < m; i++)
            pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
        if (a[pivot][k] == 0)
            return false;
        for (size_t j = 0; j < m; j++) {
            const double kept = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = kept;
        }
        const double kept = b[k];
        b[k] = b[pivot];
        b[pivot] = kept;
        for (size_t i = k + 1; i < m; i++) {
            const double by = a[i][k] / a[k][k];
            for (size_t j = k; j < m; j++)
                a[i][j] -= by * a[k][j];
            b[i] -= by * b[k];
        }
    }
    for (size_t k = m; k-- > 0;) {
        for (size_t j = k + 1; j < m; j++)
            b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
    return true;
}

int assay_usf_taylor_weights(const double *d, size_t m, int derivative, double *w)
{
    double a[ASSAY_USF_ACTIVE][ASSAY_USF_ACTIVE];
    if (m < 1 || m > ASSAY_USF_ACTIVE)
        return assay_fail(
            ASSAY_EINVAL, "active must have 1..%d nodes, got %zu", ASSAY_USF_ACTIVE, m);
    if (derivative < 1 || derivative > (int)m)
        return assay_fail(
            ASSAY_EINVAL, "derivative must be in 1..%zu, the active nodes, got %d", m, derivative);
    for (size_t j = 0; j < m; j++) {
        double power = 1;
        for (size_t i = 0; i < m; i++)
            a[i][j] = power *= d[j] / (double)(i + 1);
    }
    for (size_t i = 0; i < m; i++)
        w[i] = (int)i + 1 == derivative;
    if (!solve(a, w, m))
        return assay_fail(ASSAY_EINVAL, "two of the nodes have one lambda");
    return ASSAY_OK;
}

/* expm1(h) - h */
static double expm1_less_h(double h)
{
    return fabs(h) < 1e-4 ? h * h / 2 * (1 + h / 3 + h * h / 12) : expm1(h) - h;
}

double assay_usf_relax_factor(assay_usf_relax kind, double h, double coef)
{
    switch (kind) {
    case ASSAY_RELAX_NONE:
        return 1;
    case ASSAY_RELAX_DPMSOLVER_2:
    case ASSAY_RELAX_UNIPC_BH2:
        return h == 0 ? 1 : 0.5 * h * expm1(h) / expm1_less_h(h);
    case ASSAY_RELAX_UNIPC_BH1:
        return h == 0 ? 1 : 0.5 * h * h / expm1_less_h(h);
    case ASSAY_RELAX_HALF_EXP:
        return 1 + expm1(h) / 2;
    case ASSAY_RELAX_MINUS_HALF:
        return 1 - expm1(h) / 2;
    case ASSAY_RELAX_LINEAR:
        return 1 + coef * h;
    }
    return 1;
}

void assay_usf_full_order(int order, assay_usf_taylor *out)
{
    *out = (assay_usf_taylor){.order = order, .start = -1};
    for (int k = 0; k + 1 < order; k++) {
        out->derivative[k].n = (size_t)order - 1;
        for (int j = 0; j + 1 < order; j++)
            out->derivative[k].active[j] = -2 - j;
    }
}

void assay_usf_correct(const assay_usf_taylor *predictor, assay_usf_taylor *correction)
{
    const int order = predictor->order;
    *correction = (assay_usf_taylor){.order = order + 1, .start = predictor->start - 1};
    if (order == 1) {
        correction->derivative[0] = (assay_usf_derivative){.n = 1, .active = {-1}};
        return;
    }
    for (int k = 0; k < order; k++) {
        const assay_usf_derivative *from = &predictor->derivative[k + 1 < order ? k : order - 2];
        assay_usf_derivative *to = &correction->derivative[k];
        *to = (assay_usf_derivative){.n = from->n + 1};
        for (size_t j = 0; j < from->n; j++)
            to->active[j] = from->active[j] - 1;
        to->active[from->n] = -1;
    }
}

/* ---- checks ---- */

static int bad_node(size_t step, const char *what, int node, size_t there)
{
    return assay_fail(ASSAY_EINVAL, "step %zu: %s must be in -%zu..-1, got %d", step, what,
        there < ASSAY_USF_DEPTH ? there : (size_t)ASSAY_USF_DEPTH, node);
}

static bool is_there(int node, size_t there)
{
    return node <= -1 && node >= -(int)there && node >= -ASSAY_USF_DEPTH;
}

static int check_derivative(
    const assay_usf_taylor *f, int k, size_t step, size_t there, bool relaxed)
{
    const assay_usf_derivative *d = &f->derivative[k];
    if (d->n < (size_t)k + 1 || d->n > ASSAY_USF_ACTIVE)
        return assay_fail(ASSAY_EINVAL,
            "step %zu: derivative %d needs %d..%d active nodes, got %zu", step, k + 1, k + 1,
            ASSAY_USF_ACTIVE, d->n);
    for (size_t j = 0; j < d->n; j++) {
        if (!is_there(d->active[j], there))
            return bad_node(step, "an active node", d->active[j], there);
        if (d->active[j] == f->start)
            return assay_fail(
                ASSAY_EINVAL, "step %zu: the start, %d, must not be active", step, f->start);
        for (size_t i = 0; i < j; i++)
            if (d->active[i] == d->active[j])
                return assay_fail(
                    ASSAY_EINVAL, "step %zu: node %d is active twice", step, d->active[j]);
    }
    if (!relaxed && d->relax != ASSAY_RELAX_NONE)
        return assay_fail(ASSAY_EINVAL, "step %zu: relax is for the first derivative only", step);
    if (!isfinite(d->coef))
        return assay_fail(ASSAY_EINVAL, "step %zu: coef must be finite, got %g", step, d->coef);
    return ASSAY_OK;
}

static int check_taylor(
    const assay_usf_taylor *f, const char *name, size_t step, size_t there, int most)
{
    int status = ASSAY_OK;
    if (f->order < 1 || f->order > most)
        return assay_fail(ASSAY_EINVAL, "step %zu: the order of the %s must be in 1..%d, got %d",
            step, name, most, f->order);
    if (!is_there(f->start, there))
        return bad_node(step, "the start", f->start, there);
    for (int k = 0; k + 1 < f->order && status == ASSAY_OK; k++)
        status = check_derivative(f, k, step, there, k == 0);
    return status;
}

int assay_usf_check(const assay_usf_schedule *s)
{
    int status = ASSAY_OK;
    if (s->n < 1)
        return assay_fail(ASSAY_EINVAL, "a schedule needs at least one step");
    for (size_t i = 1; i <= s->n; i++)
        if (!(s->t[i] < s->t[i - 1]))
            return assay_fail(ASSAY_EINVAL,
                "step %zu: timesteps must be strictly decreasing, %g comes after %g", i, s->t[i],
                s->t[i - 1]);
    for (size_t i = 0; i < s->n && status == ASSAY_OK; i++) {
        const assay_usf_step *step = &s->step[i];
        const int most = i + 1 < ASSAY_USF_ORDER ? (int)i + 1 : ASSAY_USF_ORDER;
        status = check_taylor(&step->predictor, "predictor", i + 1, i + 1, most);
        if (status == ASSAY_OK && step->corrector != ASSAY_CORRECTOR_NONE)
            status =
                check_taylor(&step->correction, "corrector", i + 1, i + 2, ASSAY_USF_ORDER + 1);
    }
    return status;
}

size_t assay_usf_nfe(const assay_usf_schedule *s)
{
    size_t nfe = s->n - (s->afs != ASSAY_AFS_NONE);
    for (size_t i = 0; i + 1 < s->n; i++)
        nfe += s->step[i].corrector == ASSAY_CORRECTOR_IMPLICIT;
    return nfe + (s->step[s->n - 1].corrector != ASSAY_CORRECTOR_NONE);
}

/* ---- the solver ---- */

enum { SLOTS = ASSAY_USF_DEPTH + 1, KINDS = 3, X = 0, NOISE = 1, DATA = 2 };

static unsigned slot(size_t node, unsigned kind)
{
    return ASSAY_FREE + (unsigned)(node % SLOTS) * KINDS + kind;
}

static int begin(assay_run *run)
{
    const assay_usf_schedule *s = run->o.usf;
    if (!s)
        return assay_fail(ASSAY_EINVAL, "usf runs a schedule of decisions (usf_sample)");
    if (s->afs == ASSAY_AFS_MEAN_X0 && !run->o.mean_x0)
        return assay_fail(ASSAY_EINVAL, "afs mean_x0 needs mean_x0");
    const int status = assay_usf_check(s);
    run->registers_used = SLOTS * KINDS;
    return status == ASSAY_OK ? assay_run_grid(run, s->n) : status;
}

/* data = (x - sigma noise) / alpha */
static void keep_data(assay_turn *turn, const assay_noise_level *at, size_t node)
{
    assay_operation *op = assay_turn_combine(turn, slot(node, DATA));
    assay_add(op, ASSAY_STATE, 1 / at->alpha);
    assay_add(op, slot(node, NOISE), -at->sigma / at->alpha);
}

static void evaluate(const assay_run *run, assay_turn *turn, size_t node)
{
    const assay_noise_level *at = &run->node[node];
    assay_turn_predict(turn, slot(node, NOISE), ASSAY_STATE, at, false);
    keep_data(turn, at, node);
}

static void keep_state(assay_turn *turn, size_t node)
{
    assay_add(assay_turn_combine(turn, slot(node, X)), ASSAY_STATE, 1);
}

static int fill_mean(assay_run *run)
{
    assay_matrix *data = &run->reg[slot(0, DATA)];
    for (size_t i = 0; i < data->rows; i++)
        memcpy(assay_matrix_row(data, i), run->o.mean_x0, data->cols * sizeof(double));
    return ASSAY_OK;
}

/* The first prediction without the model: x_0 is 0 or the mean, noise = (x - alpha x_0) / sigma. */
static void analytic_start(const assay_run *run, assay_turn *turn)
{
    const assay_noise_level *at = &run->node[0];
    const bool mean = run->o.usf->afs == ASSAY_AFS_MEAN_X0;
    if (mean)
        assay_turn_apply(turn, fill_mean);
    else
        assay_turn_combine(turn, slot(0, DATA)); /* no terms: 0 */
    assay_operation *op = assay_turn_combine(turn, slot(0, NOISE));
    assay_add(op, ASSAY_STATE, 1 / at->sigma);
    if (mean)
        assay_add(op, slot(0, DATA), -at->alpha / at->sigma);
}

/* The state at node `to` by the Taylor step f; `newest` is node -1 of its counting. */
static int taylor_step(const assay_run *run, assay_turn *turn, const assay_usf_taylor *f, bool data,
    size_t newest, size_t to)
{
    const size_t start = newest + 1 - (size_t)-f->start;
    const unsigned kind = data ? DATA : NOISE;
    const assay_exponential e = assay_exponential_step(&run->node[start], &run->node[to], data);
    assay_operation *op =
        assay_exponential_base(turn, ASSAY_STATE, slot(start, X), slot(start, kind), &e);
    double power = 1;
    for (int k = 1; k < f->order; k++) {
        const assay_usf_derivative *d = &f->derivative[k - 1];
        double difference[ASSAY_USF_ACTIVE], w[ASSAY_USF_ACTIVE];
        size_t node[ASSAY_USF_ACTIVE];
        for (size_t j = 0; j < d->n; j++) {
            node[j] = newest + 1 - (size_t)-d->active[j];
            difference[j] = run->node[node[j]].lambda - run->node[start].lambda;
        }
        const int status = assay_usf_taylor_weights(difference, d->n, k, w);
        if (status != ASSAY_OK)
            return status;
        const double relax =
            assay_usf_relax_factor(d->relax, d->relax == ASSAY_RELAX_LINEAR ? e.h : e.z, d->coef);
        power *= e.h;
        for (size_t j = 0; j < d->n; j++)
            assay_add_difference(op, slot(node[j], kind), slot(start, kind),
                power * e.a * e.p[k + 1] * relax * w[j]);
    }
    return ASSAY_OK;
}

static int next(assay_run *run, assay_turn *turn)
{
    const size_t i = run->turn;
    const assay_usf_schedule *s = run->o.usf;
    const assay_usf_step *step = &s->step[i];
    const bool last = i + 1 == s->n, corrected = step->corrector != ASSAY_CORRECTOR_NONE;
    if (i == 0) {
        keep_state(turn, 0);
        if (s->afs == ASSAY_AFS_NONE)
            evaluate(run, turn, 0);
        else
            analytic_start(run, turn);
    }
    int status = taylor_step(run, turn, &step->predictor, step->data, i, i + 1);
    if (!last || corrected)
        evaluate(run, turn, i + 1);
    if (status == ASSAY_OK && corrected)
        status = taylor_step(run, turn, &step->correction, step->data, i + 1, i + 1);
    if (!last && step->corrector == ASSAY_CORRECTOR_IMPLICIT)
        evaluate(run, turn, i + 1);
    keep_state(turn, i + 1);
    assay_turn_node(run, turn, i + 1, step->predictor.order);
    return status;
}

const assay_solver assay_solver_usf = {"usf", 1, ASSAY_USF_ORDER, 1, 0, begin, next, NULL};

int assay_usf_sample(const assay_diffusion_model *model, const assay_usf_schedule *s,
    const double *mean_x0, const assay_progress *progress, assay_matrix *x,
    assay_sampler_result *result)
{
    assay_sampler_options o = assay_sampler_defaults();
    o.solver = "usf";
    o.usf = s;
    o.mean_x0 = mean_x0;
    o.timesteps = s->t;
    o.n_timesteps = s->n + 1;
    o.progress = progress;
    return assay_diffusion_sample(model, &o, x, result);
}

/* ---- schedules of known solvers ---- */

static int order_of(const assay_usf_plan *plan, size_t i, size_t n)
{
    size_t order = (size_t)plan->order < i ? (size_t)plan->order : i;
    const size_t left = n + 1 - i;
    if (plan->lower_order_final && left < order)
        order = left;
    return (int)order;
}

static void multistep(const assay_usf_plan *plan, size_t n, assay_usf_schedule *s)
{
    const bool unipc = plan->solver == ASSAY_USF_UNIPC;
    for (size_t i = 1; i <= n; i++) {
        assay_usf_step *step = &s->step[i - 1];
        *step = (assay_usf_step){.data = plan->data};
        assay_usf_full_order(order_of(plan, i, n), &step->predictor);
        const int order = step->predictor.order;
        if (i < n)
            step->corrector = unipc ? ASSAY_CORRECTOR_PSEUDO : plan->corrector;
        if (step->corrector != ASSAY_CORRECTOR_NONE)
            assay_usf_correct(&step->predictor, &step->correction);
        if (order == 2)
            step->predictor.derivative[0].relax = plan->relax;
        else if (order == 1 && unipc)
            step->correction.derivative[0].relax = plan->relax;
    }
}

/* Nodes come in pairs: the midpoint in lambda by order 1, the end by order 2 from the same start.
 */
static int singlestep(
    const assay_schedule *schedule, const assay_usf_plan *plan, size_t n, assay_usf_schedule *s)
{
    int status = ASSAY_OK;
    for (size_t i = n; i-- > 0 && status == ASSAY_OK;) { /* the outer times stand in t[0..n/2] */
        assay_usf_step *step = &s->step[i];
        *step = (assay_usf_step){.data = plan->data};
        assay_usf_full_order(i % 2 ? 2 : 1, &step->predictor);
        if (i % 2) {
            step->predictor.start = -2;
            step->predictor.derivative[0] =
                (assay_usf_derivative){.n = 1, .active = {-1}, .relax = plan->relax};
        }
    }
    for (size_t k = n / 2; k > 0 && status == ASSAY_OK; k--) {
        double a, b;
        const double end = s->t[k], begins = s->t[k - 1];
        s->t[2 * k] = end;
        if ((status = assay_schedule_eval(schedule, begins, NULL, NULL, &a)) == ASSAY_OK &&
            (status = assay_schedule_eval(schedule, end, NULL, NULL, &b)) == ASSAY_OK)
            status = assay_schedule_inverse_lambda(schedule, (a + b) / 2, &s->t[2 * k - 1]);
    }
    return status;
}

int assay_usf_from(
    const assay_schedule *schedule, const assay_usf_plan *plan, size_t n, assay_usf_schedule *s)
{
    const bool pairs = plan->solver == ASSAY_USF_SINGLESTEP;
    if (plan->order < 1 || plan->order > ASSAY_USF_ORDER)
        return assay_fail(
            ASSAY_EINVAL, "order must be in 1..%d, got %d", ASSAY_USF_ORDER, plan->order);
    if (pairs && (plan->order != 2 || n % 2 != 0))
        return assay_fail(
            ASSAY_EINVAL, "singlestep schedules have order 2 and an even number of steps");
    int status = assay_diffusion_timesteps(
        schedule, plan->spacing, plan->t_start, plan->t_end, pairs ? n / 2 : n, plan->rho, s->t);
    if (status != ASSAY_OK)
        return status;
    s->n = n;
    s->afs = ASSAY_AFS_NONE;
    if (pairs)
        status = singlestep(schedule, plan, n, s);
    else
        multistep(plan, n, s);
    return status == ASSAY_OK ? assay_usf_check(s) : status;
}
