/*
 * make bench: training steps of small nets against PyTorch (net.py), one thread each, in turns
 * within one run. Both begin with the same weights and data, and their losses after the first steps
 * are compared before anything is timed, so that the same work is. Figures are CPU seconds of the
 * process, the best of many, because on a busy machine the others measure the neighbours.
 *
 * Then steps of two threads against one: the CPU seconds of the caller, who has half the shards,
 * the sum of the gradients and the optimiser's step, and waits for the other thread without any.
 * That is the speed-up on an idle machine but for waiting; the best wall time beside it is that of
 * this one.
 *
 *     net SOURCE-DIRECTORY [NET [alone]]
 */
#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/peer.h"
#include "core/status.h"
#include "models/net/training.h"

enum { TURNS = 15, FIRST_STEPS = 3, VOCABULARY = 64, HEADS = 4 };

static void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, assay_errmsg());
    exit(1);
}

static void must(int status, const char *what)
{
    if (status)
        die(what);
}

/* ---- what both sides begin with ---- */

/* Number i of [-1, 1) */
static float number(size_t i)
{
    const double x = sin((double)(i + 1) * 12.9898) * 43758.5453;
    return (float)(2 * (x - floor(x)) - 1);
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        die("out of memory");
    return memory;
}

static float *data(size_t rows, size_t cols)
{
    float *x = room(rows * cols, sizeof *x);
    for (size_t i = 0; i < rows * cols; i++)
        x[i] = number(((size_t)1 << 24) + i);
    return x;
}

static int32_t *classes(size_t rows, size_t step, size_t n)
{
    int32_t *labels = room(rows, sizeof *labels);
    for (size_t i = 0; i < rows; i++)
        labels[i] = (int32_t)(i * step % n);
    return labels;
}

/* ---- nets ---- */

typedef struct model model;
typedef struct pass pass;

struct model {
    const char *name, *title;
    double goal;            /* PyTorch's time over ours */
    double two;             /* one thread's time over two's; 0: not measured */
    int (*layers)(pass *p); /* the summed loss of the shard */
    size_t size[5], sizes;
    size_t batch, steps; /* examples; steps a turn */
    assay_op_id act;
    assay_optimiser_kind kind;

    /* in use */
    size_t rows_each; /* rows of activations an example */
    assay_params params;
    assay_shards *shards;
    assay_training training;
    float *x, *target;
    int32_t *labels, *tokens, *positions;
    size_t *lengths;
};

/* A walk through the layers: to add their parameters (no tape), or to build a shard. */
struct pass {
    model *m;
    assay_tape *tape;
    const int *param;
    const assay_shard *shard;
    size_t next, at; /* parameter; of the numbers that both sides begin with */
    int status;
};

static int apply(pass *p, assay_op_id op, int a, int b, int c, const assay_op_options *o)
{
    int value = -1;
    if (p->tape && p->status == ASSAY_OK)
        p->status = assay_tape_apply(p->tape, op, (const int[]){a, b, c, -1, -1}, o, &value);
    return value;
}

static int leaf(pass *p, float *x, size_t cols)
{
    int value = -1;
    if (p->tape && p->status == ASSAY_OK)
        p->status = assay_tape_leaf(p->tape,
            &(assay_tensor){x + p->shard->first_row * cols, {p->shard->rows, cols}, 2}, NULL,
            &value);
    return value;
}

/* Numbers of [-1, 1) / sqrt(cols), or all `start` where cols is 1. */
static int parameter(pass *p, size_t rows, size_t cols, float start)
{
    if (p->tape)
        return p->param[p->next++];
    char name[ASSAY_PARAM_NAME];
    size_t index;
    const unsigned flags = ASSAY_PARAM_TRAINABLE | ASSAY_PARAM_DECAY;
    snprintf(name, sizeof name, "parameter%zu", p->next++);
    must(assay_params_add(
             &p->m->params, name, cols > 1 ? 2 : 1, (size_t[]){rows, cols}, flags, &index),
        name);
    float *w = p->m->params.w + p->m->params.at[index].off;
    for (size_t i = 0; i < rows * cols; i++, p->at++)
        w[i] = cols > 1 ? number(p->at) * (float)(1 / sqrt((double)cols)) : start;
    return -1;
}

static int linear(pass *p, int x, size_t out, size_t in, bool bias)
{
    const assay_op_options o = ASSAY_OP_DEFAULTS;
    const int w = parameter(p, out, in, 0), b = bias ? parameter(p, out, 1, 0) : -1;
    return apply(p, ASSAY_OP_LINEAR, x, w, b, &o);
}

static int cross_entropy(pass *p, int x)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    if (!p->tape)
        return -1;
    o.sum = true;
    o.labels = p->m->labels + p->shard->first_row;
    o.n_labels = p->shard->rows;
    return apply(p, ASSAY_OP_SOFTMAX_CE, x, -1, -1, &o);
}

static int mlp(pass *p)
{
    const model *m = p->m;
    assay_op_options o = ASSAY_OP_DEFAULTS;
    int x = leaf(p, m->x, m->size[0]);
    for (size_t i = 0; i + 1 < m->sizes; i++) {
        x = linear(p, x, m->size[i + 1], m->size[i], true);
        if (i + 2 < m->sizes)
            x = apply(p, m->act, x, -1, -1, &o);
    }
    o.sum = true;
    return m->target ? apply(p, ASSAY_OP_MSE, x, leaf(p, m->target, m->size[m->sizes - 1]), -1, &o)
                     : cross_entropy(p, x);
}

static int cnn(pass *p)
{
    const model *m = p->m;
    assay_op_options o = ASSAY_OP_DEFAULTS;
    size_t side = 28, cin = 1;
    int x = leaf(p, m->x, 784);
    for (size_t i = 0; i < m->sizes; i++) {
        o.k = 3;
        o.pad = 1;
        o.shape[0] = cin;
        o.shape[1] = o.shape[2] = side;
        const int w = parameter(p, m->size[i], 9 * cin, 0), b = parameter(p, m->size[i], 1, 0);
        x = apply(p, ASSAY_OP_CONV2D, x, w, b, &o);
        o.shape[0] = cin = m->size[i];
        o.k = 2; /* relu after the pool, as the layers of a net are built */
        x = apply(p, ASSAY_OP_MAXPOOL, x, -1, -1, &o);
        x = apply(p, ASSAY_OP_RELU, x, -1, -1, &o);
        side /= 2;
    }
    return cross_entropy(p, linear(p, x, 10, cin * side * side, true));
}

static int norm(pass *p, int x)
{
    const assay_op_options o = ASSAY_OP_DEFAULTS;
    const int gain = parameter(p, p->m->size[0], 1, 1), bias = parameter(p, p->m->size[0], 1, 0);
    return apply(p, ASSAY_OP_LAYERNORM, x, gain, bias, &o);
}

static int embedding(pass *p, size_t table, const int32_t *row)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    const int rows = parameter(p, table, p->m->size[0], 0);
    if (!p->tape)
        return -1;
    o.labels = row + p->shard->first_row;
    o.n_labels = p->shard->rows;
    return apply(p, ASSAY_OP_EMBEDDING, rows, -1, -1, &o);
}

/* size: d, layers, context */
static int gpt(pass *p)
{
    const model *m = p->m;
    const size_t d = m->size[0];
    assay_op_options o = ASSAY_OP_DEFAULTS;
    const int tokens = embedding(p, VOCABULARY, m->tokens);
    const int positions = embedding(p, m->size[2], m->positions);
    int x = apply(p, ASSAY_OP_ADD, tokens, positions, -1, &o);
    o.heads = HEADS;
    o.causal = true;
    o.lengths = m->lengths;
    o.n_lengths = p->tape ? p->shard->count : 0;
    for (size_t i = 0; i < m->size[1]; i++) {
        int y = linear(p, norm(p, x), 3 * d, d, true);
        y = linear(p, apply(p, ASSAY_OP_ATTENTION, y, -1, -1, &o), d, d, true);
        x = apply(p, ASSAY_OP_ADD, x, y, -1, &o);
        y = linear(p, norm(p, x), 4 * d, d, true);
        y = linear(p, apply(p, ASSAY_OP_GELU, y, -1, -1, &o), d, 4 * d, true);
        x = apply(p, ASSAY_OP_ADD, x, y, -1, &o);
    }
    return cross_entropy(p, linear(p, norm(p, x), VOCABULARY, d, false));
}

/* ---- steps ---- */

static int build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value)
{
    pass p = {user, tape, param, shard, 0, 0, ASSAY_OK};
    *value = p.m->layers(&p);
    return p.status;
}

static void make(model *m)
{
    const bool words = m->layers == gpt;
    m->rows_each = words ? m->size[2] : 1;
    const size_t rows = m->batch * m->rows_each, out = m->size[m->sizes - 1];
    m->x = words ? NULL : data(rows, m->layers == cnn ? 784 : m->size[0]);
    m->target = m->act == ASSAY_OP_SILU ? data(rows, out) : NULL;
    m->labels = words ? classes(rows, 11, 59) : classes(rows, 7, 10);
    m->tokens = classes(rows, 7, 61);
    m->positions = classes(rows, 1, m->rows_each);
    m->lengths = room(m->batch, sizeof *m->lengths);
    for (size_t i = 0; i < m->batch; i++)
        m->lengths[i] = m->rows_each;
    m->layers(&(pass){.m = m});
    assay_training_options o = {.optimiser = ASSAY_OPTIMISER_DEFAULTS};
    o.optimiser.kind = m->kind;
    o.optimiser.lr = m->kind == ASSAY_SGD ? 0.05 : 1e-3;
    o.optimiser.momentum = m->kind == ASSAY_SGD ? 0.9 : 0;
    o.optimiser.weight_decay = m->kind == ASSAY_ADAMW ? 0.01 : 0;
    must(assay_training_new(&m->params, &o, &m->training), m->name);
    must(assay_shards_new(1, &m->shards), m->name);
}

static void drop(model *m)
{
    void *const owned[] = {m->x, m->target, m->labels, m->tokens, m->positions, m->lengths};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    assay_training_free(&m->training);
    assay_shards_free(m->shards);
    assay_params_free(&m->params);
}

/* CPU seconds a step, of `steps`. */
static double train(model *m, size_t steps, double *loss)
{
    const size_t terms = m->batch * m->rows_each * (m->target ? m->size[m->sizes - 1] : 1);
    const assay_batch batch = {.examples = m->batch,
        .rows = m->lengths,
        .positions = m->layers == cnn ? 784 : 1,
        .scale = 1 / (double)terms};
    const double start = bench_cpu_seconds();
    for (size_t i = 0; i < steps; i++) {
        must(assay_training_add(&m->training, m->shards, build, m, &batch), m->name);
        must(assay_training_step(&m->training, m->shards, loss), m->name);
    }
    return (bench_cpu_seconds() - start) / (double)steps;
}

static bool ask(bench_peer *p, const model *m, size_t steps, double *seconds, double *loss)
{
    char line[64];
    snprintf(line, sizeof line, "%s %zu", m->name, steps);
    return bench_peer_ask(p, line, seconds, loss);
}

static double clock_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The caller's CPU seconds and the wall's, the best of `turns` in turns with one thread. */
static void compare_threads(model *m)
{
    double cpu[2] = {INFINITY, INFINITY}, wall[2] = {INFINITY, INFINITY}, loss;
    assay_shards *shards[2] = {m->shards};
    must(assay_shards_new(2, &shards[1]), m->name);
    for (int i = 0; i < 2 * TURNS; i++) {
        m->shards = shards[i % 2];
        const double thread = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
        const double start = clock_seconds(CLOCK_MONOTONIC);
        train(m, m->steps, &loss);
        const double steps = (double)m->steps;
        const double now = (clock_seconds(CLOCK_THREAD_CPUTIME_ID) - thread) / steps;
        if (i > 1) { /* the first makes room on the tapes */
            cpu[i % 2] = fmin(cpu[i % 2], now);
            wall[i % 2] = fmin(wall[i % 2], (clock_seconds(CLOCK_MONOTONIC) - start) / steps);
        }
    }
    m->shards = shards[0];
    assay_shards_free(shards[1]);
    bench_report_ms("    two threads / one", cpu[1], cpu[0], m->two);
    printf("    wall %36.3g ms %11.3g ms %9.3g\n", 1e3 * wall[1], 1e3 * wall[0], wall[0] / wall[1]);
}

static void compare(model *m, bench_peer *p)
{
    double ours = INFINITY, theirs = INFINITY, loss, peer_loss = NAN, seconds = NAN;
    make(m);
    train(m, FIRST_STEPS, &loss);
    bool there = ask(p, m, FIRST_STEPS, &seconds, &peer_loss);
    if (there && !(fabs(loss - peer_loss) < 1e-3 * fabs(peer_loss)))
        printf("%-44s losses differ: %.6g and %.6g\n", m->title, loss, peer_loss);
    for (int i = 0; i < TURNS; i++) {
        ours = fmin(ours, train(m, m->steps, &loss));
        there = there && ask(p, m, m->steps, &seconds, &peer_loss);
        theirs = fmin(theirs, there ? seconds : INFINITY);
    }
    bench_report_ms(m->title, ours, theirs, m->goal);
    if (m->two > 0)
        compare_threads(m);
    drop(m);
}

int main(int argc, char **argv)
{
    model models[] = {
        {"mlp-256", "step of MLP 784-256-10, SGD, batch 64", 1.13 / 0.9, 0, mlp, {784, 256, 10}, 3,
            64, .steps = 20, .act = ASSAY_OP_RELU, .kind = ASSAY_SGD},
        {"mlp-64-64", "step of MLP 784-64-64-10, Adam, batch 64", 0.77 / 0.45, 0, mlp,
            {784, 64, 64, 10}, 4, 64, .steps = 30, .act = ASSAY_OP_RELU, .kind = ASSAY_ADAM},
        {"cnn-8-16", "step of CNN 8-16, Adam, batch 64", 9.6 / 5, 1.7, cnn, {8, 16}, 2, 64,
            .steps = 4, .kind = ASSAY_ADAM},
        {"cnn-16-32-64", "step of CNN 16-32-64, Adam, batch 64", 19.5 / 13, 1.7, cnn, {16, 32, 64},
            3, 64, .steps = 3, .kind = ASSAY_ADAM},
        {"score", "step of score MLP 2-128x3-10, Adam, batch 256", 1.54 / 1.1, 0, mlp,
            {2, 128, 128, 128, 10}, 5, 256, .steps = 20, .act = ASSAY_OP_SILU, .kind = ASSAY_ADAM},
        {"gpt-2-64", "step of GPT L2 d64 B64 T32, AdamW", 1.4, 1.8, gpt, {64, 2, 32}, 3, 64,
            .steps = 2, .kind = ASSAY_ADAMW},
        {"gpt-2-128", "step of GPT L2 d128 B64 T32, AdamW", 1.2, 1.8, gpt, {128, 2, 32}, 3, 64,
            .steps = 1, .kind = ASSAY_ADAMW},
        {"gpt-4-128", "step of GPT L4 d128 B64 T64, AdamW", 1.15, 1.8, gpt, {128, 4, 64}, 3, 64,
            .steps = 1, .kind = ASSAY_ADAMW},
    };
    if (argc < 2) {
        fprintf(stderr, "usage: net SOURCE-DIRECTORY [NET [alone]]\n");
        return 2;
    }
    openblas_set_num_threads(1);
    bench_peer p = argc > 3 ? (bench_peer){0} : bench_peer_start(argv[1], "net.py");
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (argc < 3 || strcmp(argv[2], models[i].name) == 0)
            compare(&models[i], &p);
    return 0;
}
