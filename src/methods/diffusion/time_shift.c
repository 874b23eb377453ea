/*
 * Time-Shift Sampler; see time_shift.h. A step is one operation of its own, because its
 * coefficients differ from row to row.
 */
#include "methods/diffusion/time_shift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

assay_ts_options assay_ts_defaults(void)
{
    return (assay_ts_options){
        .mode = ASSAY_TS_PAPER, .steps = 10, .window = 40, .cutoff = 300, .eps_scale = 1};
}

void assay_ts_trace_free(assay_ts_trace *t)
{
    free(t->mean_time);
    free(t->mean_variance);
    free(t->picks);
    *t = (assay_ts_trace){0};
}

double assay_ts_inverted(const assay_ts_trace *t)
{
    const double all = (double)t->steps * (double)t->rows;
    return all > 0 ? (double)t->inversions / all : 0;
}

/* ---- labels ---- */

size_t assay_ts_timesteps_most(size_t n_train, size_t steps)
{
    if (steps < 2 || steps > n_train)
        return 0;
    const size_t uniform = (n_train - 1) / (n_train / steps) + 1;
    return uniform > steps ? uniform : steps;
}

int assay_ts_timesteps(size_t n_train, size_t steps, assay_ts_grid grid, size_t *out, size_t *n_out)
{
    if (steps < 2 || steps > n_train)
        return assay_fail(ASSAY_EINVAL, "steps must be in 2..%zu, got %zu", n_train, steps);
    size_t n = 0;
    const size_t k = n_train / steps;
    for (size_t i = 0; i < steps && grid == ASSAY_TS_QUAD; i++) {
        const double root = sqrt(0.8 * (double)n_train) * (double)i / (double)(steps - 1);
        const size_t label = (size_t)(root * root + 1e-9) + 1;
        if (n == 0 || label > out[n - 1])
            out[n++] = label;
    }
    for (size_t label = 1; label <= n_train && grid != ASSAY_TS_QUAD; label += k)
        out[n++] = label;
    n -= grid == ASSAY_TS_REFERENCE;
    while (n > 0 && out[n - 1] >= n_train)
        n--;
    if (n < 1)
        return assay_fail(ASSAY_EINVAL, "%zu steps of %zu labels leave none", steps, n_train);
    *n_out = n;
    return ASSAY_OK;
}

/* The sum of x - centre, or of its squares, in sums that do not wait for each other. */
static double powers(const double *x, size_t d, double centre, int power)
{
    enum { SUMS = 8 };
    double sum[SUMS] = {0}, total = 0;
    size_t j = 0;
    for (; j + SUMS <= d; j += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sum[k] += power == 1 ? x[j + k] - centre : (x[j + k] - centre) * (x[j + k] - centre);
    for (; j < d; j++)
        total += power == 1 ? x[j] - centre : (x[j] - centre) * (x[j] - centre);
    for (size_t k = 0; k < SUMS; k++)
        total += sum[k];
    return total;
}

int assay_ts_variance(const assay_matrix *x, double *out)
{
    const size_t d = x->cols;
    if (d < 2)
        return assay_fail(ASSAY_EINVAL, "a row's variance needs at least 2 columns, got %zu", d);
    for (size_t i = 0; i < x->rows; i++) {
        const double *row = assay_matrix_row(x, i);
        const double mean = powers(row, d, 0, 1) / (double)d;
        out[i] = powers(row, d, mean, 2) / (double)(d - 1);
    }
    return ASSAY_OK;
}

/* The least label in low..high with 1 - alpha_bar >= v, or high. */
static size_t first_above(const double *alpha_bar, size_t low, size_t high, double v)
{
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (1 - alpha_bar[middle] >= v)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static size_t pick(
    const double *alpha_bar, size_t n, double v, size_t j, size_t window, size_t cutoff)
{
    const size_t half = window / 2, low = j > half ? j - half : 0,
                 high = j + half < n - 1 ? j + half : n - 1;
    if (j <= cutoff || half == 0)
        return j;
    size_t best = first_above(alpha_bar, low, high, v);
    const double above = 1 - alpha_bar[best] - v;
    if (best > low) {
        const double below = v - (1 - alpha_bar[best - 1]);
        best -= above < 0 ? 0 : below * below <= above * above;
    }
    while (best > low && alpha_bar[best - 1] == alpha_bar[best])
        best--;
    return best;
}

static int check_labels(const double *alpha_bar, size_t n)
{
    if (n < 2)
        return assay_fail(ASSAY_EINVAL, "alpha_bar must have at least 2 values, got %zu", n);
    for (size_t i = 0; i < n; i++)
        if (!(alpha_bar[i] > 0 && alpha_bar[i] < 1 && (i == 0 || alpha_bar[i] <= alpha_bar[i - 1])))
            return assay_fail(ASSAY_EINVAL, "alpha_bar must fall within 0..1, got %g at label %zu",
                alpha_bar[i], i);
    return ASSAY_OK;
}

int assay_ts_pick(const double *alpha_bar, size_t n, const double *variance, size_t rows, size_t j,
    size_t window, size_t cutoff, size_t *out)
{
    const int status = check_labels(alpha_bar, n);
    if (status != ASSAY_OK)
        return status;
    if (j >= n)
        return assay_fail(ASSAY_EINVAL, "j must be a label in 0..%zu, got %zu", n - 1, j);
    for (size_t i = 0; i < rows; i++)
        out[i] = pick(alpha_bar, n, variance[i], j, window, cutoff);
    return ASSAY_OK;
}

/* ---- transfers ---- */

/* row of out = a x + b e + c z; z may be NULL */
static void blend(const double *x, const double *e, const double *z, double a, double b, double c,
    size_t d, double *out)
{
    for (size_t j = 0; j < d; j++)
        out[j] = a * x[j] + b * e[j] + (z ? c * z[j] : 0);
}

static void coefficients(double A, double to, double *a, double *b)
{
    const double root = sqrt(A), step = to - A;
    *a = 1 + step / (root * (root + sqrt(to)));
    *b = -step / (root * (sqrt((1 - to) * A) + sqrt((1 - A) * to)));
}

void assay_pndm_transfer(const assay_matrix *x, const assay_matrix *e, const double *from,
    const double *to, assay_matrix *out)
{
    for (size_t i = 0; i < x->rows; i++) {
        double a, b;
        coefficients(from[i], to[i], &a, &b);
        blend(assay_matrix_row(x, i), assay_matrix_row(e, i), NULL, a, b, 0, x->cols,
            assay_matrix_row(out, i));
    }
}

/* ---- the solver ---- */

enum { HISTORY = 4, STAGE = ASSAY_FREE + HISTORY, MEAN = STAGE + 3, POINT, TS_END };

typedef struct ts_run {
    const assay_ts_options *o;
    assay_ts_trace *trace;
    size_t *label;                            /* intervals + 1, falling to 0 */
    double *memory;                           /* the following, one a row */
    double *variance, *now;                   /* consistent: the label that a row is at */
    double *from, *to, *model_label, *middle; /* labels of the step */
    double *from_bar, *to_bar;
    double *past[2]; /* deis, dpmpp: the labels of the steps before, the newest first */
    void *quadrature; /* deis */
    assay_schedule by_label; /* deis: of alpha_bar, label l at (l + 1) / n */
    assay_noise_level *level;
    size_t rows;
} ts_run;

static double bar(const ts_run *ts, double label)
{
    return ts->o->alpha_bar[(size_t)label];
}

static assay_noise_level level_of(const ts_run *ts, double label)
{
    const size_t at = (size_t)label, next = at + 1 < ts->o->n ? at + 1 : at;
    const double low = ts->o->alpha_bar[at];
    const double A = low + (label - (double)at) * (ts->o->alpha_bar[next] - low);
    return (assay_noise_level){label, sqrt(A), sqrt(1 - A), (log(A) - log1p(-A)) / 2};
}

/* target = the scaled noise prediction at source with these labels */
static int predict(assay_run *run, unsigned source, const double *labels, unsigned target)
{
    ts_run *ts = run->own;
    bool equal = true;
    for (size_t i = 0; i < ts->rows; i++) {
        equal &= labels[i] == labels[0];
        ts->level[i] = level_of(ts, labels[i]);
    }
    const int status =
        assay_run_predict(run, source, ts->level, labels, equal ? 1 : ts->rows, false, target);
    const double scale = ts->o->eps_scale + ts->o->eps_scale_step * (double)run->turn;
    assay_matrix *e = &run->reg[target];
    for (size_t i = 0; i < e->rows * e->cols && scale != 1 && status == ASSAY_OK; i++)
        e->data[i] /= scale;
    return status;
}

/* target = the transfer of the state from `from` to `to` with noise e */
static void transfer(assay_run *run, unsigned e, const double *to, unsigned target)
{
    ts_run *ts = run->own;
    for (size_t i = 0; i < ts->rows; i++) {
        ts->from_bar[i] = bar(ts, ts->from[i]);
        ts->to_bar[i] = bar(ts, to[i]);
    }
    assay_pndm_transfer(
        &run->reg[ASSAY_STATE], &run->reg[e], ts->from_bar, ts->to_bar, &run->reg[target]);
}

static void mean_of(assay_run *run, size_t n, const unsigned *e, const double *weight)
{
    assay_matrix *out = &run->reg[MEAN];
    for (size_t i = 0; i < out->rows * out->cols; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += weight[k] * run->reg[e[k]].data[i];
        out->data[i] = sum;
    }
}

/* c = eta sqrt((1 - A/A')(1 - A')/(1 - A)), x = sqrt(A') x_0 + sqrt(1 - A' - c^2) e + c z */
static int ddim(assay_run *run, double eta)
{
    const ts_run *ts = run->own;
    assay_matrix *x = &run->reg[ASSAY_STATE];
    const int status = predict(run, ASSAY_STATE, ts->model_label, ASSAY_FREE);
    for (size_t i = 0; i < ts->rows && status == ASSAY_OK; i++) {
        const double A = bar(ts, ts->from[i]), to = bar(ts, ts->to[i]);
        double a, b, c = 0;
        coefficients(A, to, &a, &b);
        if (eta > 0) {
            c = eta * sqrt(fmax((1 - A / to) * (1 - to) / (1 - A), 0));
            b = sqrt(fmax(1 - to - c * c, 0)) - sqrt(to * (1 - A) / A);
        }
        double *row = assay_matrix_row(x, i);
        blend(row, assay_matrix_row(&run->reg[ASSAY_FREE], i),
            eta > 0 ? assay_matrix_row(&run->reg[ASSAY_NOISE], i) : NULL, a, b, c, x->cols, row);
    }
    return status;
}

static unsigned noise_at(size_t turn)
{
    return ASSAY_FREE + (unsigned)(turn % HISTORY);
}

/* e at the state, into the history; then the start of order 2 or 4, or extrapolation. */
static int s_pndm(assay_run *run)
{
    const ts_run *ts = run->own;
    const unsigned e[] = {noise_at(run->turn), run->turn ? noise_at(run->turn - 1) : STAGE};
    int status = predict(run, ASSAY_STATE, ts->model_label, e[0]);
    if (status == ASSAY_OK && run->turn == 0) {
        transfer(run, e[0], ts->to, POINT);
        status = predict(run, POINT, ts->to, STAGE);
    }
    mean_of(run, 2, e, run->turn == 0 ? (const double[]){.5, .5} : (const double[]){1.5, -.5});
    transfer(run, MEAN, ts->to, ASSAY_STATE);
    return status;
}

static int runge_kutta(assay_run *run, unsigned first)
{
    static const double sixths[] = {1. / 6, 2. / 6, 2. / 6, 1. / 6};
    const ts_run *ts = run->own;
    const unsigned e[] = {first, STAGE, STAGE + 1, STAGE + 2};
    int status = ASSAY_OK;
    for (size_t k = 1; k < 4 && status == ASSAY_OK; k++) {
        const double *at = k < 3 ? ts->middle : ts->to;
        transfer(run, e[k - 1], at, POINT);
        status = predict(run, POINT, at, e[k]);
    }
    mean_of(run, 4, e, sixths);
    return status;
}

static int f_pndm(assay_run *run)
{
    static const double weights[] = {55. / 24, -59. / 24, 37. / 24, -9. / 24};
    const ts_run *ts = run->own;
    const size_t k = run->turn;
    int status = predict(run, ASSAY_STATE, ts->model_label, noise_at(k));
    if (status == ASSAY_OK && k < 3) {
        status = runge_kutta(run, noise_at(k));
    } else if (status == ASSAY_OK) {
        const unsigned e[] = {noise_at(k), noise_at(k - 1), noise_at(k - 2), noise_at(k - 3)};
        mean_of(run, 4, e, weights);
    }
    transfer(run, MEAN, ts->to, ASSAY_STATE);
    return status;
}

/* DPM-Solver++(2M) from row to row: x = (sigma_t/sigma_s) x - alpha_t expm1(-h) (m_0 + D/2), D = (m_0 - m_1) h /
 * (lambda_0 - lambda_1); of order 1 at both ends, and where a row has not moved since. */
static int dpmpp(assay_run *run)
{
    ts_run *ts = run->own;
    const size_t k = run->turn;
    assay_matrix *x = &run->reg[ASSAY_STATE], *now = &run->reg[noise_at(k)],
                 *before = &run->reg[noise_at(k > 0 ? k - 1 : 0)];
    const int status = predict(run, ASSAY_STATE, ts->model_label, noise_at(k));
    for (size_t r = 0; r < ts->rows && status == ASSAY_OK; r++) {
        const assay_noise_level s = level_of(ts, ts->from[r]), t = level_of(ts, ts->to[r]);
        const bool second = k > 0 && k + 1 < run->intervals && ts->past[0][r] != ts->from[r];
        const double h = t.lambda - s.lambda, first = -t.alpha * expm1(-h);
        const double by =
            second ? first / 2 * h / (s.lambda - level_of(ts, ts->past[0][r]).lambda) : 0;
        double *row = assay_matrix_row(x, r), *m = assay_matrix_row(now, r);
        for (size_t j = 0; j < x->cols; j++) {
            m[j] = (row[j] - s.sigma * m[j]) / s.alpha;
            row[j] = t.sigma / s.sigma * row[j] + first * m[j];
            if (second)
                row[j] += by * (m[j] - *assay_matrix_at(before, r, j));
        }
        ts->past[0][r] = ts->from[r];
    }
    return status;
}

/* The nodes of a row's polynomial and the registers of their noise, the newest first, each label once. */
static size_t deis_nodes(const ts_run *ts, size_t k, size_t r, double *node, unsigned *reg)
{
    size_t n = 0;
    for (size_t back = 0; back <= 2 && back <= k; back++) {
        const double label = back == 0 ? ts->from[r] : ts->past[back - 1][r];
        const double t = (label + 1) / (double)ts->by_label.n;
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= node[i] == t;
        if (known)
            continue;
        node[n] = t;
        reg[n++] = noise_at(k - back);
    }
    return n;
}

/* DEIS from row to row: x = (alpha_t/alpha_s) x + alpha_t sum_j e_j int l_j drho. */
static int deis(assay_run *run)
{
    ts_run *ts = run->own;
    const size_t k = run->turn;
    assay_matrix *x = &run->reg[ASSAY_STATE];
    int status = predict(run, ASSAY_STATE, ts->model_label, noise_at(k));
    for (size_t r = 0; r < ts->rows && status == ASSAY_OK; r++) {
        const assay_noise_level s = level_of(ts, ts->from[r]), t = level_of(ts, ts->to[r]);
        double node[3], weight[3], *row = assay_matrix_row(x, r);
        unsigned reg[3];
        const size_t n = deis_nodes(ts, k, r, node, reg);
        status = assay_deis_weights(
            &ts->by_label, ts->quadrature, false, node, n, s.lambda, t.lambda, weight);
        for (size_t j = 0; j < x->cols && status == ASSAY_OK; j++) {
            row[j] *= t.alpha / s.alpha;
            for (size_t i = 0; i < n; i++)
                row[j] += t.alpha * weight[i] * *assay_matrix_at(&run->reg[reg[i]], r, j);
        }
        ts->past[1][r] = ts->past[0][r];
        ts->past[0][r] = ts->from[r];
    }
    return status;
}

/* The labels of this step, row by row, and what the trace keeps of them. */
static void shift(ts_run *ts, size_t k)
{
    const assay_ts_options *o = ts->o;
    const size_t i = ts->label[k], j = ts->label[k + 1];
    double time = 0, variance = 0;
    for (size_t r = 0; r < ts->rows; r++) {
        const size_t at = o->mode == ASSAY_TS_TARGET || o->mode == ASSAY_TS_CONSISTENT ? j : i;
        const double shifted =
            k == 0 || o->mode == ASSAY_TS_NONE
                ? (double)at
                : (double)pick(o->alpha_bar, o->n, ts->variance[r], at, o->window, o->cutoff);
        ts->from[r] = o->mode == ASSAY_TS_CONSISTENT ? ts->now[r] : (double)i;
        ts->to[r] = (double)j;
        ts->model_label[r] = ts->from[r];
        if (o->mode == ASSAY_TS_PAPER)
            ts->from[r] = ts->model_label[r] = shifted;
        else if (o->mode == ASSAY_TS_LABEL)
            ts->model_label[r] = shifted;
        else if (o->mode != ASSAY_TS_NONE)
            ts->to[r] = ts->now[r] = shifted;
        ts->middle[r] = (ts->model_label[r] + ts->to[r]) / 2;
        ts->trace->inversions += ts->from[r] <= ts->to[r];
        ts->trace->picks[k * ts->rows + r] = ts->model_label[r];
        time += ts->model_label[r] / (double)ts->rows;
        variance += ts->variance[r] / (double)ts->rows;
    }
    ts->trace->mean_time[k] = time;
    ts->trace->mean_variance[k] = variance;
}

/* x *= sqrt((1 - alpha_bar[i]) / v(x)) */
static void normalize(assay_run *run)
{
    ts_run *ts = run->own;
    assay_matrix *x = &run->reg[ASSAY_STATE];
    const double wanted = 1 - ts->o->alpha_bar[ts->label[run->turn]];
    for (size_t r = 0; r < ts->rows; r++) {
        const double by = ts->variance[r] > 0 ? sqrt(wanted / ts->variance[r]) : 1;
        for (size_t j = 0; j < x->cols; j++)
            *assay_matrix_at(x, r, j) *= by;
        ts->variance[r] *= by * by;
    }
}

static int step(assay_run *run)
{
    ts_run *ts = run->own;
    int status = assay_ts_variance(&run->reg[ASSAY_STATE], ts->variance);
    if (status != ASSAY_OK)
        return status;
    if (ts->o->normalize_variance)
        normalize(run);
    shift(ts, run->turn);
    switch (ts->o->method) {
    case ASSAY_TS_DDIM:
        return ddim(run, ts->o->eta);
    case ASSAY_TS_DDPM:
        return ddim(run, 1);
    case ASSAY_TS_S_PNDM:
        return s_pndm(run);
    case ASSAY_TS_F_PNDM:
        return f_pndm(run);
    case ASSAY_TS_DPMPP:
        return dpmpp(run);
    case ASSAY_TS_DEIS:
        return deis(run);
    }
    return ASSAY_OK;
}

static int next(assay_run *run, assay_turn *turn)
{
    const ts_run *ts = run->own;
    if (ts->o->method == ASSAY_TS_DDPM || (ts->o->method == ASSAY_TS_DDIM && ts->o->eta > 0))
        assay_add(assay_turn_combine(turn, POINT), ASSAY_NOISE, 1); /* draws it */
    turn->draw = run->turn;
    assay_turn_apply(turn, step);
    assay_turn_node(run, turn, run->turn + 1, 1);
    return ASSAY_OK;
}

static int fill_labels(assay_run *run, ts_run *ts)
{
    const assay_ts_options *o = ts->o;
    size_t n = 0;
    ts->label = calloc(assay_ts_timesteps_most(o->n, o->steps) + 1, sizeof *ts->label);
    if (!ts->label)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu labels", o->steps);
    const int status = assay_ts_timesteps(o->n, o->steps, o->grid, ts->label + 1, &n);
    if (status != ASSAY_OK)
        return status;
    ts->label[0] = 0;
    for (size_t i = 0; i <= n / 2; i++) { /* falling */
        const size_t kept = ts->label[i];
        ts->label[i] = ts->label[n - i];
        ts->label[n - i] = kept;
    }
    run->node = calloc(n + 1, sizeof *run->node);
    if (!run->node)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu labels", n);
    for (size_t i = 0; i <= n; i++)
        run->node[i] = level_of(ts, (double)ts->label[i]);
    run->intervals = n;
    return ASSAY_OK;
}

/* What DEIS integrates by: alpha_bar as a schedule of all its labels. */
static int open_deis(ts_run *ts)
{
    const size_t n = ts->o->n;
    ts->quadrature = assay_deis_quadrature();
    ts->by_label = (assay_schedule){
        .kind = ASSAY_SCHEDULE_DISCRETE, .t_max = 1, .n = n, .log_alpha = malloc(n * sizeof(double))};
    if (!ts->quadrature || !ts->by_label.log_alpha)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu labels", n);
    for (size_t i = 0; i < n; i++)
        ts->by_label.log_alpha[i] = log(ts->o->alpha_bar[i]) / 2;
    return ASSAY_OK;
}

static int begin(assay_run *run)
{
    ts_run *ts = run->o.ts;
    if (!ts)
        return assay_fail(ASSAY_EINVAL, "ts runs by ts_sample");
    run->own = ts;
    run->registers_used = TS_END - ASSAY_FREE;
    int status = fill_labels(run, ts);
    if (status == ASSAY_OK && ts->o->method == ASSAY_TS_DEIS)
        status = open_deis(ts);
    if (status != ASSAY_OK)
        return status;
    const size_t n = ts->rows, steps = run->intervals;
    ts->memory = calloc(10 * n + 1, sizeof *ts->memory);
    ts->level = calloc(n + 1, sizeof *ts->level);
    *ts->trace = (assay_ts_trace){.steps = steps,
        .rows = n,
        .mean_time = calloc(steps, sizeof(double)),
        .mean_variance = calloc(steps, sizeof(double)),
        .picks = calloc(steps * n + 1, sizeof(double))};
    if (!ts->memory || !ts->level || !ts->trace->mean_time || !ts->trace->mean_variance ||
        !ts->trace->picks)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", n);
    double **rows[] = {&ts->variance, &ts->now, &ts->from, &ts->to, &ts->model_label, &ts->middle,
        &ts->from_bar, &ts->to_bar, &ts->past[0], &ts->past[1]};
    for (size_t k = 0; k < 10; k++)
        *rows[k] = ts->memory + k * n;
    for (size_t r = 0; r < n; r++)
        ts->now[r] = (double)ts->label[0];
    return ASSAY_OK;
}

static void end(assay_run *run)
{
    ts_run *ts = run->own;
    if (!ts)
        return;
    assay_deis_quadrature_free(ts->quadrature);
    assay_schedule_free(&ts->by_label);
    free(ts->label);
    free(ts->memory);
    free(ts->level);
}

const assay_solver assay_solver_ts = {"ts", 1, 1, 1, 0, begin, next, end};

int assay_ts_sample(const assay_diffusion_model *model, const assay_ts_options *o, assay_matrix *x,
    assay_ts_trace *trace)
{
    *trace = (assay_ts_trace){0};
    int status = check_labels(o->alpha_bar, o->n);
    if (status != ASSAY_OK)
        return status;
    if (!(o->eta >= 0 && o->eta <= 1))
        return assay_fail(ASSAY_EINVAL, "eta must be in 0..1, got %g", o->eta);
    if (o->eta > 0 && o->method != ASSAY_TS_DDIM)
        return assay_fail(ASSAY_EINVAL, "eta is an option of ddim only, got %g", o->eta);
    if (!(o->eps_scale > 0 && isfinite(o->eps_scale_step)))
        return assay_fail(ASSAY_EINVAL, "eps_scale must be greater than 0, got %g", o->eps_scale);
    const bool random = o->method == ASSAY_TS_DDPM || o->eta > 0;
    if (random && !o->draws && !o->rng)
        return assay_fail(ASSAY_EINVAL, "noise needs draws or rng");
    if (x->cols < 2 && x->rows > 0)
        return assay_fail(ASSAY_EINVAL, "a row's variance needs at least 2 columns");
    ts_run ts = {.o = o, .trace = trace, .rows = x->rows};
    const assay_schedule none = {.kind = ASSAY_SCHEDULE_DISCRETE, .n = o->n, .t_max = 1};
    assay_diffusion_model by_label = *model;
    by_label.schedule = &none; /* levels come from alpha_bar; the driver asks for its kind only */
    assay_sampler_options s = assay_sampler_defaults();
    s.solver = "ts";
    s.ts = &ts;
    s.draws = o->draws;
    s.n_draws = o->n_draws;
    s.rng = o->rng;
    s.progress = o->progress;
    assay_sampler_result r;
    status = assay_diffusion_sample(&by_label, &s, x, &r);
    trace->nfe = r.nfe;
    assay_sampler_result_free(&r);
    return status;
}
