/*
 * What a schedule will be worth, learned from those that were tried; see usf.h. Each step's
 * decisions are 21 numbers; x -> 32 ReLU -> LSTM(32) over the steps -> 32 ReLU -> score, trained by
 * Adam on a pairwise hinge. Written out here, forward and backward side by side, because all
 * schedules go through at once: a step is a few products of matrices with a row a schedule. Shorter
 * schedules begin later: until then their state is 0.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/usf.h"

enum { FEATURES = 21, HIDDEN = 32, GATES = 4 * HIDDEN, INPUT = 2 * HIDDEN };

/* Where weights are in the flat buffer: out x in each, then biases. */
enum {
    EMBED_W = 0,
    EMBED_B = EMBED_W + HIDDEN * FEATURES,
    LSTM_W = EMBED_B + HIDDEN,
    LSTM_B = LSTM_W + GATES * INPUT,
    DENSE_W = LSTM_B + GATES,
    DENSE_B = DENSE_W + HIDDEN * HIDDEN,
    SCORE_W = DENSE_B + HIDDEN,
    SCORE_B = SCORE_W + HIDDEN,
    WEIGHTS = SCORE_B + 1
};

struct assay_usf_predictor {
    const assay_schedule *schedule;
    size_t step; /* of Adam */
    double w[WEIGHTS], m[WEIGHTS], v[WEIGHTS], gradient[WEIGHTS];
};

static void draw(assay_rng *rng, double *w, size_t n, size_t inputs)
{
    for (size_t i = 0; i < n; i++)
        w[i] = (2 * assay_rng_uniform(rng) - 1) / sqrt((double)inputs);
}

int assay_usf_predictor_new(
    const assay_schedule *schedule, assay_rng *rng, assay_usf_predictor **out)
{
    assay_usf_predictor *p = *out = calloc(1, sizeof *p);
    if (!p)
        return assay_fail(ASSAY_ENOMEM, "no memory for a predictor");
    p->schedule = schedule;
    draw(rng, p->w + EMBED_W, LSTM_W - EMBED_W, FEATURES);
    draw(rng, p->w + LSTM_W, DENSE_W - LSTM_W, INPUT);
    draw(rng, p->w + DENSE_W, WEIGHTS - DENSE_W, HIDDEN);
    return ASSAY_OK;
}

void assay_usf_predictor_free(assay_usf_predictor *p)
{
    free(p);
}

/* ---- what a step looks like ---- */

/* sin, cos of the time at pi {1, 2, 4, 8, 16}; lambda / 5, h / 2; order; prediction, corrector,
 * linear coefficient, whether relaxed, nodes of the first derivative / 3 */
static int describe(const assay_usf_predictor *p, const assay_usf_schedule *s, size_t i, double *x)
{
    const assay_usf_step *step = &s->step[i];
    const assay_usf_derivative *first = &step->predictor.derivative[0];
    const double t = s->t[i + 1] / p->schedule->t_max;
    double from, to;
    int status = assay_schedule_eval(p->schedule, s->t[i], NULL, NULL, &from);
    if (status == ASSAY_OK)
        status = assay_schedule_eval(p->schedule, s->t[i + 1], NULL, NULL, &to);
    if (status != ASSAY_OK)
        return status;
    memset(x, 0, FEATURES * sizeof *x);
    for (size_t k = 0; k < 5; k++) {
        x[2 * k] = sin(M_PI * ldexp(t, (int)k));
        x[2 * k + 1] = cos(M_PI * ldexp(t, (int)k));
    }
    x[10] = to / 5;
    x[11] = (to - from) / 2;
    x[11 + step->predictor.order] = 1;
    x[16] = step->data;
    x[17] = step->corrector != ASSAY_CORRECTOR_NONE;
    if (step->predictor.order > 1) {
        x[18] = first->relax == ASSAY_RELAX_LINEAR ? first->coef : 0;
        x[19] = first->relax != ASSAY_RELAX_NONE;
        x[20] = (double)first->n / 3;
    }
    return ASSAY_OK;
}

/* ---- a batch: n schedules of at most `steps` steps ---- */

typedef struct batch {
    size_t n, steps;
    double *memory;
    double *x;             /* steps x n x FEATURES */
    double *in;            /* steps x n x INPUT: embedding, state before */
    double *gate;          /* steps x n x GATES: input, forget, cell, output, activated */
    double *cell, *state;  /* (steps + 1) x n x HIDDEN, the first 0 */
    double *dense, *score; /* n x HIDDEN, n */
    double *slope, *down, *d_state, *d_cell; /* of the way back */
    bool *there;                             /* steps x n: the schedule has begun */
} batch;

static void close_batch(batch *b)
{
    free(b->memory);
    free(b->there);
}

static void lay_out(batch *b, double *at)
{
    const size_t n = b->n, all = b->steps * n;
    b->x = at;
    b->in = b->x + all * FEATURES;
    b->gate = b->in + all * INPUT;
    b->cell = b->gate + all * GATES;
    b->state = b->cell + (all + n) * HIDDEN;
    b->dense = b->state + (all + n) * HIDDEN;
    b->score = b->dense + n * HIDDEN;
    b->slope = b->score + n;
    b->down = b->slope + n * GATES;
    b->d_state = b->down + n * INPUT;
    b->d_cell = b->d_state + n * HIDDEN;
}

static int open_batch(
    const assay_usf_predictor *p, const assay_usf_schedule *const *schedules, size_t n, batch *b)
{
    *b = (batch){.n = n};
    int status = ASSAY_OK;
    for (size_t i = 0; i < n; i++)
        b->steps = schedules[i]->n > b->steps ? schedules[i]->n : b->steps;
    const size_t all = b->steps * n;
    b->memory = calloc(
        all * (FEATURES + INPUT + GATES + 2 * HIDDEN) + n * (5 * HIDDEN + GATES + INPUT + 1) + 1,
        sizeof *b->memory);
    b->there = calloc(all + 1, sizeof *b->there);
    if (!b->memory || !b->there)
        return assay_fail(ASSAY_ENOMEM, "no memory to score %zu schedules", n);
    lay_out(b, b->memory);
    for (size_t i = 0; i < n && status == ASSAY_OK; i++) {
        const size_t late = b->steps - schedules[i]->n;
        for (size_t s = 0; s < schedules[i]->n && status == ASSAY_OK; s++) {
            const size_t at = (late + s) * n + i;
            b->there[at] = true;
            status = describe(p, schedules[i], s, b->x + at * FEATURES);
        }
    }
    return status;
}

/* out (n x rows, `stride` apart) = x (n x cols) w^T + b */
static void affine(const double *x, size_t n, size_t cols, const double *w, const double *b,
    size_t rows, double *out, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * stride, b, rows * sizeof *out);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)rows, (int)cols, 1, x,
        (int)cols, w, (int)cols, 1, out, (int)stride);
}

/* Gradients of w and b from that of out, and that of x (NULL: not wanted). */
static void affine_back(const double *x, size_t n, size_t cols, const double *w, size_t rows,
    const double *slope, size_t stride, double *dw, double *db, double *dx)
{
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows, (int)cols, (int)n, 1, slope,
        (int)stride, x, (int)cols, 1, dw, (int)cols);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < rows; j++)
            db[j] += slope[i * stride + j];
    if (dx)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)cols, (int)rows, 1,
            slope, (int)stride, w, (int)cols, 0, dx, (int)cols);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void cell_forward(
    double *gate, const double *before, bool there, double *cell, double *state)
{
    for (size_t j = 0; j < HIDDEN; j++) {
        double *i = gate + j, *f = i + HIDDEN, *g = f + HIDDEN, *o = g + HIDDEN;
        *i = sigmoid(*i);
        *f = sigmoid(*f);
        *g = tanh(*g);
        *o = sigmoid(*o);
        cell[j] = there ? *f * before[j] + *i * *g : 0;
        state[j] = there ? *o * tanh(cell[j]) : 0;
    }
}

/* d_state and d_cell of this step become slopes of its gates, and d_cell of the step before. */
static void cell_back(const double *gate, const double *before, const double *cell, bool there,
    const double *d_state, double *d_cell, double *slope)
{
    for (size_t j = 0; j < HIDDEN; j++) {
        const double i = gate[j], f = gate[HIDDEN + j], g = gate[2 * HIDDEN + j],
                     o = gate[3 * HIDDEN + j], t = tanh(cell[j]);
        const double up = there ? d_state[j] : 0, dc = there ? d_cell[j] + up * o * (1 - t * t) : 0;
        slope[j] = dc * g * i * (1 - i);
        slope[HIDDEN + j] = dc * before[j] * f * (1 - f);
        slope[2 * HIDDEN + j] = dc * i * (1 - g * g);
        slope[3 * HIDDEN + j] = up * t * o * (1 - o);
        d_cell[j] = dc * f;
    }
}

static void relu(double *x, size_t n, size_t columns, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < columns; j++)
            x[i * stride + j] = fmax(x[i * stride + j], 0);
}

static void forward(const double *w, batch *b)
{
    const size_t n = b->n, row = n * HIDDEN;
    for (size_t s = 0; s < b->steps; s++) {
        double *in = b->in + s * n * INPUT, *gate = b->gate + s * n * GATES;
        affine(b->x + s * n * FEATURES, n, FEATURES, w + EMBED_W, w + EMBED_B, HIDDEN, in, INPUT);
        relu(in, n, HIDDEN, INPUT);
        for (size_t i = 0; i < n; i++)
            memcpy(in + i * INPUT + HIDDEN, b->state + s * row + i * HIDDEN, HIDDEN * sizeof *in);
        affine(in, n, INPUT, w + LSTM_W, w + LSTM_B, GATES, gate, GATES);
        for (size_t i = 0; i < n; i++) {
            const size_t at = s * row + i * HIDDEN;
            cell_forward(gate + i * GATES, b->cell + at, b->there[s * n + i], b->cell + at + row,
                b->state + at + row);
        }
    }
    affine(
        b->state + b->steps * row, n, HIDDEN, w + DENSE_W, w + DENSE_B, HIDDEN, b->dense, HIDDEN);
    relu(b->dense, n, HIDDEN, HIDDEN);
    affine(b->dense, n, HIDDEN, w + SCORE_W, w + SCORE_B, 1, b->score, 1);
}

/* gradient += that of sum d_score score */
static void backward(const double *w, batch *b, const double *d_score, double *gradient)
{
    const size_t n = b->n, row = n * HIDDEN;
    affine_back(b->dense, n, HIDDEN, w + SCORE_W, 1, d_score, 1, gradient + SCORE_W,
        gradient + SCORE_B, b->down);
    for (size_t i = 0; i < row; i++)
        b->down[i] *= b->dense[i] > 0;
    affine_back(b->state + b->steps * row, n, HIDDEN, w + DENSE_W, HIDDEN, b->down, HIDDEN,
        gradient + DENSE_W, gradient + DENSE_B, b->d_state);
    memset(b->d_cell, 0, row * sizeof *b->d_cell);
    for (size_t s = b->steps; s-- > 0;) {
        const double *in = b->in + s * n * INPUT;
        for (size_t i = 0; i < n; i++) {
            const size_t at = s * row + i * HIDDEN;
            cell_back(b->gate + (s * n + i) * GATES, b->cell + at, b->cell + at + row,
                b->there[s * n + i], b->d_state + i * HIDDEN, b->d_cell + i * HIDDEN,
                b->slope + i * GATES);
        }
        affine_back(in, n, INPUT, w + LSTM_W, GATES, b->slope, GATES, gradient + LSTM_W,
            gradient + LSTM_B, b->down);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < HIDDEN; j++) {
                b->d_state[i * HIDDEN + j] = b->down[i * INPUT + HIDDEN + j];
                b->down[i * INPUT + j] *= in[i * INPUT + j] > 0;
            }
        affine_back(b->x + s * n * FEATURES, n, FEATURES, w + EMBED_W, HIDDEN, b->down, INPUT,
            gradient + EMBED_W, gradient + EMBED_B, NULL);
    }
}

/* ---- scores and training ---- */

int assay_usf_predictor_score(const assay_usf_predictor *p,
    const assay_usf_schedule *const *schedules, size_t n, double *score)
{
    batch b;
    int status = open_batch(p, schedules, n, &b);
    if (status == ASSAY_OK && n > 0) {
        forward(p->w, &b);
        memcpy(score, b.score, n * sizeof *score);
    }
    close_batch(&b);
    return status;
}

/* max(0, 0.1 - sign(y_i - y_j)(s_i - s_j)), the mean over pairs; slopes of the scores */
static double hinge(
    const double *y, const double *score, size_t n, size_t pairs, assay_rng *rng, double *slope)
{
    double loss = 0;
    memset(slope, 0, n * sizeof *slope);
    for (size_t k = 0; k < pairs; k++) {
        const size_t i = assay_rng_below(rng, n), j = assay_rng_below(rng, n);
        if (y[i] == y[j])
            continue;
        const double sign = y[i] > y[j] ? 1 : -1, short_by = 0.1 - sign * (score[i] - score[j]);
        if (short_by <= 0)
            continue;
        loss += short_by / (double)pairs;
        slope[i] -= sign / (double)pairs;
        slope[j] += sign / (double)pairs;
    }
    return loss;
}

static void adam(assay_usf_predictor *p, double rate)
{
    p->step++;
    const double first = 1 - pow(0.9, (double)p->step), second = 1 - pow(0.999, (double)p->step);
    for (size_t i = 0; i < WEIGHTS; i++) {
        const double g = p->gradient[i];
        p->m[i] = 0.9 * p->m[i] + 0.1 * g;
        p->v[i] = 0.999 * p->v[i] + 0.001 * g * g;
        p->w[i] -= rate * (p->m[i] / first) / (sqrt(p->v[i] / second) + 1e-8);
    }
}

int assay_usf_predictor_train(assay_usf_predictor *p, const assay_usf_schedule *const *schedules,
    const double *value, size_t n, const assay_usf_predictor_options *o, assay_rng *rng,
    double *loss)
{
    const size_t steps = o && o->steps ? o->steps : 350, pairs = o && o->pairs ? o->pairs : 256;
    const double rate = o && o->rate > 0 ? o->rate : 3e-3;
    batch b;
    if (n < 2)
        return assay_fail(ASSAY_EINVAL, "a predictor learns from at least 2 schedules, got %zu", n);
    for (size_t i = 0; i < n; i++)
        if (isnan(value[i]))
            return assay_fail(ASSAY_EINVAL, "values[%zu] must be a number", i + 1);
    int status = open_batch(p, schedules, n, &b);
    double *slope = calloc(n, sizeof *slope);
    if (status == ASSAY_OK && !slope)
        status = assay_fail(ASSAY_ENOMEM, "no memory to train on %zu schedules", n);
    for (size_t step = 0; step < steps && status == ASSAY_OK; step++) {
        forward(p->w, &b);
        const double now = hinge(value, b.score, n, pairs, rng, slope);
        memset(p->gradient, 0, sizeof p->gradient);
        backward(p->w, &b, slope, p->gradient);
        adam(p, rate);
        if (loss)
            *loss = now;
        status = assay_progress_report(o ? o->progress : NULL, (double)(step + 1), (double)steps);
    }
    free(slope);
    close_batch(&b);
    return status;
}

int assay_usf_predictor_gradcheck(assay_usf_predictor *p,
    const assay_usf_schedule *const *schedules, size_t n, size_t every, double h, double *worst)
{
    batch b;
    int status = open_batch(p, schedules, n, &b);
    double *slope = calloc(n + 1, sizeof *slope);
    if (status == ASSAY_OK && !slope)
        status = assay_fail(ASSAY_ENOMEM, "no memory to check %zu schedules", n);
    *worst = 0;
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        slope[i] = 1 + (double)i;
    if (status == ASSAY_OK) {
        memset(p->gradient, 0, sizeof p->gradient);
        forward(p->w, &b);
        backward(p->w, &b, slope, p->gradient);
    }
    for (size_t k = 0; k < WEIGHTS && status == ASSAY_OK; k += every) {
        const double kept = p->w[k];
        double difference = 0;
        for (int side = -1; side <= 1; side += 2) {
            p->w[k] = kept + side * h;
            forward(p->w, &b);
            for (size_t i = 0; i < n; i++)
                difference += side * slope[i] * b.score[i] / (2 * h);
        }
        p->w[k] = kept;
        *worst = fmax(*worst, fabs(difference - p->gradient[k]) / (1 + fabs(difference)));
    }
    free(slope);
    close_batch(&b);
    return status;
}
