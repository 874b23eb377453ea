/*
 * The driver: runs the operations that a solver asks for; see sample.h and solver.h.
 *
 * All registers are taken at once, before the first step. A combination runs over pieces of 512
 * numbers, so that its target stays in the first cache while the terms are added one by one.
 */
#include "methods/diffusion/sample.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

enum { PIECE = 512 };

#define DIVERGED 1e100

assay_sampler_options assay_sampler_defaults(void)
{
    return (assay_sampler_options){.solver = "dpmpp",
        .steps = 20,
        .rho = 7,
        .t_start = NAN,
        .t_end = NAN,
        .ratio = 0.995,
        .max_val = 1,
        .clip = 1,
        .predict_x0 = true,
        .corrector = true,
        .atol = 0.0078,
        .rtol = 0.05,
        .h_init = 0.05,
        .theta = 0.9,
        .t_err = 1e-5,
        .sigma_min = 0.002,
        .sigma_max = 80,
        .s_tmax = INFINITY,
        .s_noise = 1};
}

void assay_sampler_result_free(assay_sampler_result *r)
{
    free(r->timesteps);
    free(r->orders);
    free(r->trajectory);
    *r = (assay_sampler_result){0};
}

/* ---- a turn, as solvers write it ---- */

static assay_operation *add_operation(assay_turn *turn, assay_operation_kind kind)
{
    assay_operation *op = &turn->op[turn->n++];
    *op = (assay_operation){.kind = kind};
    return op;
}

void assay_turn_predict(
    assay_turn *turn, unsigned target, unsigned source, const assay_noise_level *level, bool data)
{
    assay_operation *op = add_operation(turn, ASSAY_OP_PREDICT);
    op->target = target;
    op->source = source;
    op->level = *level;
    op->data = data;
}

assay_operation *assay_turn_combine(assay_turn *turn, unsigned target)
{
    assay_operation *op = add_operation(turn, ASSAY_OP_COMBINE);
    op->target = target;
    return op;
}

void assay_add(assay_operation *op, unsigned reg, double weight)
{
    for (size_t i = 0; i < op->terms; i++)
        if (op->term[i].reg == reg) {
            op->term[i].weight += weight;
            return;
        }
    if (weight != 0)
        op->term[op->terms++] = (assay_term){reg, weight};
}

void assay_turn_distance(assay_turn *turn, unsigned high, unsigned low, unsigned previous)
{
    assay_operation *op = add_operation(turn, ASSAY_OP_DISTANCE);
    op->target = high;
    op->source = low;
    op->previous = previous;
}

void assay_turn_apply(assay_turn *turn, int (*apply)(assay_run *run))
{
    add_operation(turn, ASSAY_OP_APPLY)->apply = apply;
}

void assay_turn_node(const assay_run *run, assay_turn *turn, size_t i, int order)
{
    turn->node = true;
    turn->t = run->node[i].t;
    turn->order = order;
    turn->last = i == run->intervals;
}

int assay_multistep_order(const assay_run *run, size_t i)
{
    const assay_lower_order rule = run->o.lower_order_final;
    const size_t left = run->intervals + 1 - i;
    size_t order = (size_t)run->o.order < i ? (size_t)run->o.order : i;
    const bool lower =
        rule == ASSAY_LOWER_ALWAYS || (rule == ASSAY_LOWER_AUTO10 && run->intervals < 10);
    if (lower && i >= (size_t)run->o.order && left < order)
        order = left;
    return (int)order;
}

/* ---- operations ---- */

static bool is_bounded(const assay_matrix *m, double limit)
{
    bool bounded = true;
    for (size_t i = 0; i < m->rows * m->cols; i++)
        bounded &= fabs(m->data[i]) <= limit; /* false for NaN */
    return bounded;
}

static double first_outside(const assay_matrix *m, double limit)
{
    size_t i = 0;
    while (fabs(m->data[i]) <= limit)
        i++;
    return m->data[i];
}

static int threshold(const assay_run *run, assay_matrix *x0)
{
    if (run->o.threshold == ASSAY_THRESHOLD_DYNAMIC)
        return assay_dynamic_threshold(x0, run->o.ratio, run->o.max_val, run->scratch);
    if (run->o.threshold == ASSAY_THRESHOLD_STATIC)
        assay_static_threshold(x0, run->o.clip);
    return ASSAY_OK;
}

int assay_run_predict(assay_run *run, unsigned source, const assay_noise_level *levels,
    const double *t, size_t nt, bool data, unsigned target)
{
    const assay_diffusion_model *m = run->model;
    const assay_matrix *x = &run->reg[source];
    assay_matrix *out = &run->reg[target];
    int status = m->predict(m->context, x, t, nt, out);
    if (status != ASSAY_OK)
        return status;
    run->result->nfe++;
    run->result->nfe_net += m->cost;
    if (!is_bounded(out, DBL_MAX))
        return assay_fail(ASSAY_ENONFINITE,
            "the model's prediction is not finite at step %zu, t = %g: it holds %g", run->turn + 1,
            t[0], first_outside(out, DBL_MAX));
    status = assay_prediction_convert(m->type, data, x, levels, nt, out);
    return status == ASSAY_OK && data ? threshold(run, out) : status;
}

static int take_noise(assay_run *run, size_t draw)
{
    const assay_sampler_options *o = &run->o;
    assay_matrix *noise = &run->reg[ASSAY_NOISE];
    if (run->noise_ready && run->noise_draw == draw)
        return ASSAY_OK;
    run->noise_ready = true;
    run->noise_draw = draw;
    if (!o->draws) {
        assay_rng_fill_normal(o->rng, noise->data, noise->rows * noise->cols);
        return ASSAY_OK;
    }
    if (draw >= o->n_draws)
        return assay_fail(
            ASSAY_EINVAL, "draws must have a matrix for each step: step %zu has none", draw + 1);
    const assay_matrix *given = &o->draws[draw];
    if (given->rows != noise->rows || given->cols != noise->cols)
        return assay_fail(ASSAY_EINVAL, "draws[%zu] must be %zu x %zu as x, got %zu x %zu",
            draw + 1, noise->rows, noise->cols, given->rows, given->cols);
    return assay_matrix_copy(given, noise);
}

/* out = w x, or out += w x */
static void add_piece(
    double *restrict out, const double *restrict x, double w, size_t n, bool first)
{
    if (first)
        for (size_t i = 0; i < n; i++)
            out[i] = w * x[i];
    else
        for (size_t i = 0; i < n; i++)
            out[i] += w * x[i];
}

static int combine(assay_run *run, const assay_operation *op, size_t draw)
{
    const assay_matrix *target = &run->reg[op->target];
    const size_t total = target->rows * target->cols;
    for (size_t k = 0; k < op->terms; k++)
        if (op->term[k].reg == ASSAY_NOISE) {
            const int status = take_noise(run, draw);
            if (status != ASSAY_OK)
                return status;
        }
    for (size_t first = 0; first < total; first += PIECE) {
        const size_t n = total - first < PIECE ? total - first : PIECE;
        double sum[PIECE];
        memset(sum, 0, op->terms == 0 ? sizeof sum : 0);
        for (size_t k = 0; k < op->terms; k++)
            add_piece(sum, run->reg[op->term[k].reg].data + first, op->term[k].weight, n, k == 0);
        memcpy(target->data + first, sum, n * sizeof *sum);
    }
    return ASSAY_OK;
}

/* E = max over rows of the rms over coordinates of (high - low) / max(atol, rtol max(|low|,
 * |previous|)) */
static void measure(assay_run *run, const assay_operation *op)
{
    const assay_matrix *high = &run->reg[op->target];
    const double *low = run->reg[op->source].data, *previous = run->reg[op->previous].data;
    run->distance = 0;
    for (size_t i = 0; i < high->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < high->cols; j++) {
            const size_t at = i * high->cols + j;
            const double size = run->o.rtol * fmax(fabs(low[at]), fabs(previous[at]));
            const double e = (high->data[at] - low[at]) / fmax(run->o.atol, size);
            sum += e * e;
        }
        run->distance = fmax(run->distance, sqrt(sum / (double)high->cols));
    }
}

static int run_operation(assay_run *run, const assay_operation *op, size_t draw)
{
    switch (op->kind) {
    case ASSAY_OP_PREDICT:
        return assay_run_predict(
            run, op->source, &op->level, &op->level.t, 1, op->data, op->target);
    case ASSAY_OP_COMBINE:
        return combine(run, op, draw);
    case ASSAY_OP_DISTANCE:
        measure(run, op);
        return ASSAY_OK;
    case ASSAY_OP_APPLY:
        return op->apply(run);
    }
    return ASSAY_OK;
}

/* ---- the record of nodes ---- */

static int reserve(assay_run *run, size_t nodes)
{
    assay_sampler_result *r = run->result;
    const size_t state = run->reg[ASSAY_STATE].rows * run->reg[ASSAY_STATE].cols;
    if (nodes <= r->capacity)
        return ASSAY_OK;
    double *t = realloc(r->timesteps, nodes * sizeof *t);
    if (t)
        r->timesteps = t;
    int *orders = realloc(r->orders, nodes * sizeof *orders);
    if (orders)
        r->orders = orders;
    double *kept = r->trajectory;
    if (run->o.trajectory && state > 0 && nodes <= SIZE_MAX / sizeof *kept / state)
        kept = realloc(r->trajectory, nodes * state * sizeof *kept);
    if (kept)
        r->trajectory = kept;
    if (!t || !orders || (run->o.trajectory && state > 0 && !kept))
        return assay_fail(ASSAY_ENOMEM, "no memory to record %zu steps", nodes);
    r->capacity = nodes;
    return ASSAY_OK;
}

static int record(assay_run *run, double t, int order)
{
    assay_sampler_result *r = run->result;
    const assay_matrix *x = &run->reg[ASSAY_STATE];
    if (r->nodes == r->capacity) { /* only where the number of steps is not known before */
        const int status = reserve(run, 2 * r->capacity);
        if (status != ASSAY_OK)
            return status;
    }
    if (r->trajectory)
        memcpy(r->trajectory + r->nodes * x->rows * x->cols, x->data,
            x->rows * x->cols * sizeof *x->data);
    if (r->nodes > 0)
        r->orders[r->nodes - 1] = order;
    r->timesteps[r->nodes++] = t;
    return ASSAY_OK;
}

/* ---- checks ---- */

static int check_positive(const char *name, double value)
{
    if (!(value > 0 && isfinite(value)))
        return assay_fail(ASSAY_EINVAL, "%s must be greater than 0, got %g", name, value);
    return ASSAY_OK;
}

static int check_adaptive(const assay_sampler_options *o)
{
    int status = check_positive("atol", o->atol);
    if (status == ASSAY_OK && (status = check_positive("h_init", o->h_init)) == ASSAY_OK &&
        (status = check_positive("t_err", o->t_err)) == ASSAY_OK)
        status = check_positive("theta", o->theta);
    if (status == ASSAY_OK && !(o->rtol >= 0 && isfinite(o->rtol)))
        status = assay_fail(ASSAY_EINVAL, "rtol must be at least 0, got %g", o->rtol);
    if (status == ASSAY_OK && o->invert)
        status = assay_fail(ASSAY_EINVAL, "invert has no adaptive method");
    if (status == ASSAY_OK && o->order == 1)
        status = assay_fail(ASSAY_EINVAL, "order must be 2 or 3 for the adaptive method, got 1");
    return status;
}

static int check_method(const assay_run *run)
{
    const assay_sampler_options *o = &run->o;
    const unsigned traits = run->solver->traits;
    if (o->method != ASSAY_MULTISTEP && !(traits & ASSAY_SOLVER_METHODS))
        return assay_fail(ASSAY_EINVAL, "%s has the method multistep only", run->solver->name);
    if (o->timesteps && o->method != ASSAY_MULTISTEP)
        return assay_fail(ASSAY_EINVAL,
            "timesteps are for the multistep method and not for the others, which choose their own");
    if (o->method == ASSAY_ADAPTIVE)
        return check_adaptive(o);
    if (o->steps < 1)
        return assay_fail(ASSAY_EINVAL, "steps must be at least 1, got %zu", o->steps);
    const bool whole = (traits & ASSAY_SOLVER_FULL_ORDER && o->method == ASSAY_MULTISTEP) ||
                       o->method == ASSAY_SINGLESTEP_FIXED;
    if (whole && o->steps < (size_t)o->order)
        return assay_fail(
            ASSAY_EINVAL, "steps must be at least the order, %d, got %zu", o->order, o->steps);
    return ASSAY_OK;
}

static int check_noise(const assay_run *run)
{
    const assay_sampler_options *o = &run->o;
    if (!(o->eta >= 0 && o->eta <= 1))
        return assay_fail(ASSAY_EINVAL, "eta must be in 0..1, got %g", o->eta);
    const unsigned traits = run->solver->traits;
    if (o->eta > 0 && !(traits & ASSAY_SOLVER_ETA))
        return assay_fail(ASSAY_EINVAL, "eta is an option of ddim, not of %s", run->solver->name);
    const bool random = traits & ASSAY_SOLVER_RANDOM || o->eta > 0 ||
                        (traits & ASSAY_SOLVER_SIGMAS && o->s_churn > 0);
    if (!random)
        return ASSAY_OK;
    if (o->invert)
        return assay_fail(
            ASSAY_EINVAL, "%s adds noise, which cannot be inverted", run->solver->name);
    if (!o->draws && !o->rng)
        return assay_fail(ASSAY_EINVAL, "%s needs draws or rng", run->solver->name);
    return ASSAY_OK;
}

static int check_options(const assay_run *run)
{
    const assay_sampler_options *o = &run->o;
    const assay_solver *s = run->solver;
    if (o->order < s->least_order || o->order > s->most_order)
        return assay_fail(ASSAY_EINVAL, "order must be in %d..%d for %s, got %d", s->least_order,
            s->most_order, s->name, o->order);
    if (o->threshold != ASSAY_THRESHOLD_NONE && !(s->traits & ASSAY_SOLVER_DATA))
        return assay_fail(ASSAY_EINVAL,
            "threshold needs a solver that predicts data, and %s predicts noise", s->name);
    if (o->threshold == ASSAY_THRESHOLD_DYNAMIC && !(o->ratio > 0 && o->ratio <= 1))
        return assay_fail(
            ASSAY_EINVAL, "ratio must be greater than 0 and at most 1, got %g", o->ratio);
    if (o->threshold == ASSAY_THRESHOLD_DYNAMIC && check_positive("max_val", o->max_val))
        return ASSAY_EINVAL;
    if (o->threshold == ASSAY_THRESHOLD_STATIC && check_positive("clip", o->clip))
        return ASSAY_EINVAL;
    if (s->traits & ASSAY_SOLVER_SIGMAS && run->schedule->kind != ASSAY_SCHEDULE_EDM)
        return assay_fail(ASSAY_EINVAL, "%s needs the schedule edm", s->name);
    const int status = check_method(run);
    return status == ASSAY_OK ? check_noise(run) : status;
}

double assay_sampler_t_end(const assay_schedule *s)
{
    return s->kind == ASSAY_SCHEDULE_DISCRETE ? 1 / (double)s->n
           : s->kind == ASSAY_SCHEDULE_EDM    ? 0.002
                                              : 1e-3;
}

static void fill_ends(assay_run *run)
{
    assay_sampler_options *o = &run->o;
    const double low = assay_sampler_t_end(run->schedule), high = run->schedule->t_max;
    if (isnan(o->t_start))
        o->t_start = o->invert ? low : high;
    if (isnan(o->t_end))
        o->t_end = o->invert ? high : low;
    if (o->order == 0)
        o->order = run->solver->default_order;
    if (o->timesteps && o->n_timesteps > 0)
        o->steps = o->n_timesteps - 1;
}

/* ---- the run ---- */

static int open_run(assay_run *run, const assay_matrix *x)
{
    const size_t n = x->rows * x->cols, own = run->registers_used + ASSAY_FREE;
    if (n > 0 && own > SIZE_MAX / sizeof(double) / n)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu matrices of %zu numbers", own, n);
    run->memory = malloc((own * n + x->cols + 1) * sizeof *run->memory);
    if (!run->memory)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu matrices of %zu numbers", own, n);
    for (size_t r = 0; r < own; r++)
        run->reg[r] = assay_matrix_view(run->memory + r * n, x->rows, x->cols);
    run->scratch = run->memory + own * n;
    for (size_t i = 0; i < x->rows; i++)
        memcpy(assay_matrix_row(&run->reg[ASSAY_STATE], i), assay_matrix_row(x, i),
            x->cols * sizeof(double));
    if (!is_bounded(&run->reg[ASSAY_STATE], DIVERGED))
        return assay_fail(ASSAY_EINVAL, "xT must be finite, it holds %g",
            first_outside(&run->reg[ASSAY_STATE], DIVERGED));
    return reserve(run, run->intervals + 2);
}

static int take_turn(assay_run *run, assay_turn *turn)
{
    *turn = (assay_turn){0};
    run->noise_ready = false;
    int status = run->solver->next(run, turn);
    for (size_t i = 0; i < turn->n && status == ASSAY_OK; i++)
        status = run_operation(run, &turn->op[i], turn->draw);
    if (status != ASSAY_OK || !turn->node)
        return status;
    if (!is_bounded(&run->reg[ASSAY_STATE], DIVERGED))
        return assay_fail(ASSAY_ENONFINITE, "the state diverged at step %zu, t = %g: it holds %g",
            run->turn + 1, turn->t, first_outside(&run->reg[ASSAY_STATE], DIVERGED));
    return record(run, turn->t, turn->order);
}

static int run_turns(assay_run *run)
{
    assay_turn *turn = malloc(sizeof *turn);
    if (!turn)
        return assay_fail(ASSAY_ENOMEM, "no memory for a step");
    int status = record(run, run->node[0].t, 0);
    do {
        if (status == ASSAY_OK)
            status = take_turn(run, turn);
        if (status == ASSAY_OK)
            status = assay_progress_report(run->o.progress,
                fmin((double)(run->turn + 1), (double)run->intervals), (double)run->intervals);
        run->turn++;
    } while (status == ASSAY_OK && !turn->last);
    free(turn);
    return status;
}

static int finish(assay_run *run, assay_matrix *x)
{
    const assay_matrix *state = &run->reg[ASSAY_STATE];
    int status = ASSAY_OK;
    if (run->o.denoise_to_zero) {
        assay_noise_level end;
        status = assay_noise_level_at(
            run->schedule, run->result->timesteps[run->result->nodes - 1], &end);
        if (status == ASSAY_OK && !(end.sigma > 0))
            status = assay_fail(ASSAY_EINVAL, "denoise_to_zero: sigma is 0 already");
        if (status == ASSAY_OK)
            status = assay_run_predict(run, ASSAY_STATE, &end, &end.t, 1, true, ASSAY_NOISE);
        state = &run->reg[ASSAY_NOISE];
    }
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++)
        memcpy(assay_matrix_row(x, i), assay_matrix_row(state, i), x->cols * sizeof(double));
    return status;
}

int assay_diffusion_sample(const assay_diffusion_model *model, const assay_sampler_options *o,
    assay_matrix *x, assay_sampler_result *result)
{
    *result = (assay_sampler_result){0};
    assay_run run = {.solver = assay_solver_find(o->solver),
        .model = model,
        .schedule = model->schedule,
        .o = *o,
        .result = result};
    if (!run.solver)
        return assay_fail(ASSAY_ENOTFOUND, "there is no solver \"%.60s\"", o->solver);
    if (!run.schedule)
        return assay_fail(ASSAY_EINVAL, "the model has no schedule: it is called with labels");
    fill_ends(&run);
    int status = check_options(&run);
    if (status == ASSAY_OK)
        status = run.solver->begin(&run);
    if (status == ASSAY_OK)
        status = open_run(&run, x);
    if (status == ASSAY_OK && x->rows > 0)
        status = run_turns(&run);
    if (status == ASSAY_OK && x->rows > 0)
        status = finish(&run, x);
    if (run.solver->end)
        run.solver->end(&run);
    free(run.node);
    free(run.memory);
    return status;
}
