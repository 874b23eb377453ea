/*
 * make bench: training steps of small nets against PyTorch (net.py), one thread each, in turns
 * within one run. Both begin with the same weights and data, and their losses after the first steps
 * are compared before anything is timed, so that the same work is. Figures are CPU seconds of the
 * process, the best of many, because on a busy machine the others measure the neighbours.
 *
 *     net SOURCE-DIRECTORY [NET]
 */
#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"
#include "models/net/optimiser.h"
#include "models/net/tape.h"

enum {
    TURNS = 15,
    FIRST_STEPS = 3,
    VOCABULARY = 64,
    HEADS = 4,
    SHARD_ROWS = 256,
    MOST_SHARDS = 16
};

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

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

/* ---- nets on the tape ---- */

typedef struct model model;

struct model {
    const char *name, *title;
    double goal;                                       /* PyTorch's time over ours */
    int (*build)(model *m, size_t first, size_t rows); /* the summed loss of rows of the batch */
    size_t size[5], sizes;
    size_t batch, rows, steps; /* examples, rows of activations; steps a turn */
    assay_op_id act;
    assay_optimiser_kind kind;

    /* in use */
    assay_tape *tape;
    float *w, *grad, *m, *v, *x, *target;
    int32_t *labels, *tokens, *positions;
    size_t *lengths;
    unsigned char *decay;
    size_t at, count;
    bool making; /* the first pass counts the parameters */
    uint64_t step;
};

static int apply(model *m, assay_op_id op, int a, int b, int c, const assay_op_options *o)
{
    int value;
    must(assay_tape_apply(m->tape, op, (const int[]){a, b, c, -1, -1}, o, &value), m->name);
    return value;
}

static int leaf(model *m, float *x, size_t rows, size_t cols, float *grad)
{
    int value;
    must(assay_tape_leaf(m->tape, &(assay_tensor){x, {rows, cols}, 2}, grad, &value), m->name);
    return value;
}

static int parameter(model *m, size_t rows, size_t cols)
{
    const int value = leaf(m, m->w + m->at, rows, cols, m->grad + m->at);
    if (m->making)
        for (size_t i = 0; i < rows * cols; i++)
            m->w[m->at + i] = number(m->at + i) * (float)(1 / sqrt((double)cols));
    m->at += rows * cols;
    return value;
}

static int constant(model *m, float start, size_t n)
{
    const int value = leaf(m, m->w + m->at, 1, n, m->grad + m->at);
    if (m->making)
        for (size_t i = 0; i < n; i++)
            m->w[m->at + i] = start;
    m->at += n;
    return value;
}

static int linear(model *m, int x, size_t out, size_t in, bool bias, const assay_op_options *o)
{
    const int w = parameter(m, out, in), b = bias ? constant(m, 0, out) : -1;
    return apply(m, ASSAY_OP_LINEAR, x, w, b, o);
}

static int mlp(model *m, size_t first, size_t rows)
{
    const assay_op_options plain = ASSAY_OP_DEFAULTS;
    assay_op_options o = ASSAY_OP_DEFAULTS;
    int x = leaf(m, m->x + first * m->size[0], rows, m->size[0], NULL);
    for (size_t i = 0; i + 1 < m->sizes; i++) {
        x = linear(m, x, m->size[i + 1], m->size[i], true, &plain);
        if (i + 2 < m->sizes)
            x = apply(m, m->act, x, -1, -1, &plain);
    }
    const size_t out = m->size[m->sizes - 1];
    o.sum = true;
    o.labels = m->labels + first;
    o.n_labels = rows;
    if (!m->target)
        return apply(m, ASSAY_OP_SOFTMAX_CE, x, -1, -1, &o);
    return apply(m, ASSAY_OP_MSE, x, leaf(m, m->target + first * out, rows, out, NULL), -1, &o);
}

static int cnn(model *m, size_t first, size_t rows)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    size_t side = 28, cin = 1;
    int x = leaf(m, m->x + first * 784, rows, 784, NULL);
    for (size_t i = 0; i < m->sizes; i++) {
        o.k = 3;
        o.pad = 1;
        o.shape[0] = cin;
        o.shape[1] = o.shape[2] = side;
        const int w = parameter(m, m->size[i], 9 * cin), b = constant(m, 0, m->size[i]);
        x = apply(m, ASSAY_OP_CONV2D, x, w, b, &o);
        x = apply(m, ASSAY_OP_RELU, x, -1, -1, &o);
        o.shape[0] = cin = m->size[i];
        o.k = 2;
        x = apply(m, ASSAY_OP_MAXPOOL, x, -1, -1, &o);
        side /= 2;
    }
    x = linear(m, x, 10, cin * side * side, true, &o);
    o.sum = true;
    o.labels = m->labels + first;
    o.n_labels = rows;
    return apply(m, ASSAY_OP_SOFTMAX_CE, x, -1, -1, &o);
}

static int norm(model *m, int x)
{
    const assay_op_options o = ASSAY_OP_DEFAULTS;
    const int gain = constant(m, 1, m->size[0]), bias = constant(m, 0, m->size[0]);
    return apply(m, ASSAY_OP_LAYERNORM, x, gain, bias, &o);
}

static int embedding(model *m, size_t rows_of_table, const int32_t *row, size_t rows)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    o.labels = row;
    o.n_labels = rows;
    return apply(m, ASSAY_OP_EMBEDDING, parameter(m, rows_of_table, m->size[0]), -1, -1, &o);
}

/* size: d, layers, context */
static int gpt(model *m, size_t first, size_t rows)
{
    const size_t d = m->size[0], ctx = m->size[2];
    assay_op_options o = ASSAY_OP_DEFAULTS;
    const int tokens = embedding(m, VOCABULARY, m->tokens + first, rows);
    const int positions = embedding(m, ctx, m->positions + first, rows);
    int x = apply(m, ASSAY_OP_ADD, tokens, positions, -1, &o);
    o.heads = HEADS;
    o.causal = true;
    o.lengths = m->lengths;
    o.n_lengths = rows / ctx;
    for (size_t i = 0; i < m->size[1]; i++) {
        const int n1[2] = {constant(m, 1, d), constant(m, 0, d)};
        int y = apply(m, ASSAY_OP_LAYERNORM, x, n1[0], n1[1], &o);
        y = linear(m, y, 3 * d, d, true, &o);
        y = apply(m, ASSAY_OP_ATTENTION, y, -1, -1, &o);
        const int wo = parameter(m, d, d), bo = constant(m, 0, d);
        x = apply(m, ASSAY_OP_ADD, x, apply(m, ASSAY_OP_LINEAR, y, wo, bo, &o), -1, &o);
        const int n2[2] = {constant(m, 1, d), constant(m, 0, d)};
        y = apply(m, ASSAY_OP_LAYERNORM, x, n2[0], n2[1], &o);
        y = apply(m, ASSAY_OP_GELU, linear(m, y, 4 * d, d, true, &o), -1, -1, &o);
        x = apply(m, ASSAY_OP_ADD, x, linear(m, y, d, 4 * d, true, &o), -1, &o);
    }
    x = linear(m, norm(m, x), VOCABULARY, d, false, &o);
    o.sum = true;
    o.labels = m->labels + first;
    o.n_labels = rows;
    return apply(m, ASSAY_OP_SOFTMAX_CE, x, -1, -1, &o);
}

/* ---- a step ---- */

static size_t shards_of(const model *m)
{
    size_t shards = (m->rows + SHARD_ROWS - 1) / SHARD_ROWS;
    shards = shards > MOST_SHARDS ? MOST_SHARDS : shards;
    return shards > m->batch ? m->batch : shards;
}

static double one_step(model *m)
{
    const size_t shards = shards_of(m), rows = m->rows / shards;
    const double terms = (double)m->rows * (m->target ? (double)m->size[m->sizes - 1] : 1);
    double loss = 0;
    memset(m->grad, 0, m->count * sizeof *m->grad);
    const float share = (float)(1 / terms);
    for (size_t s = 0; s < shards; s++) {
        assay_tape_reset(m->tape);
        m->at = 0;
        const int value = m->build(m, s * rows, rows);
        loss += assay_tape_loss(m->tape, value) / terms;
        must(assay_tape_backward(m->tape, value, &share), m->name);
    }
    assay_optimiser_options o = ASSAY_OPTIMISER_DEFAULTS;
    o.kind = m->kind;
    o.lr = m->kind == ASSAY_SGD ? 0.05 : 1e-3;
    o.momentum = 0.9;
    o.weight_decay = m->kind == ASSAY_ADAMW ? 0.01 : 0;
    assay_optimiser_step(&o, ++m->step, m->count, m->w, m->grad, m->m, m->v, NULL);
    return loss;
}

static void make(model *m)
{
    enum { MOST = 1 << 20 };
    const bool images = m->build == cnn, words = m->build == gpt;
    must(assay_tape_new(&m->tape), m->name);
    m->rows = words ? m->batch * m->size[2] : m->batch;
    m->w = room(MOST, sizeof *m->w);
    m->grad = room(MOST, sizeof *m->grad);
    m->m = room(MOST, sizeof *m->m);
    m->v = room(MOST, sizeof *m->v);
    m->x = data(m->rows, images ? 784 : m->size[0]);
    m->target = m->act == ASSAY_OP_SILU ? data(m->rows, m->size[m->sizes - 1]) : NULL;
    m->labels = words ? classes(m->rows, 11, 59) : classes(m->rows, 7, 10);
    m->tokens = classes(m->rows, 7, 61);
    m->positions = classes(m->rows, 1, words ? m->size[2] : 1);
    m->lengths = room(m->batch, sizeof *m->lengths);
    for (size_t i = 0; i < m->batch; i++)
        m->lengths[i] = words ? m->size[2] : 1;
    m->making = true;
    m->build(m, 0, m->rows / shards_of(m));
    m->count = m->at;
    m->making = false;
}

static void drop(model *m)
{
    void *const owned[] = {
        m->w, m->grad, m->m, m->v, m->x, m->target, m->labels, m->tokens, m->positions, m->lengths};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    assay_tape_free(m->tape);
}

/* CPU seconds a step, of `steps`. */
static double train(model *m, size_t steps, double *loss)
{
    const double start = cpu_seconds();
    for (size_t i = 0; i < steps; i++)
        *loss = one_step(m);
    return (cpu_seconds() - start) / (double)steps;
}

/* ---- the peer ---- */

typedef struct peer {
    FILE *to, *from;
} peer;

static bool start_peer(const char *source, peer *p)
{
    int to[2], from[2];
    char script[4096];
    snprintf(script, sizeof script, "%s/tests/bench/net.py", source);
    if (pipe(to) || pipe(from))
        return false;
    const pid_t child = fork();
    if (child == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        close(from[0]);
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        setenv("OMP_NUM_THREADS", "1", 1);
        execl("/usr/bin/python3", "python3", script, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->to = fdopen(to[1], "w");
    p->from = fdopen(from[0], "r");
    return child > 0 && p->to && p->from;
}

static bool ask(peer *p, const model *m, size_t steps, double *seconds, double *loss)
{
    fprintf(p->to, "%s %zu\n", m->name, steps);
    return fflush(p->to) == 0 && fscanf(p->from, "%lf %lf", seconds, loss) == 2;
}

static void compare(model *m, peer *p)
{
    double ours = INFINITY, theirs = INFINITY, loss, peer_loss = NAN, seconds = NAN;
    make(m);
    train(m, FIRST_STEPS, &loss);
    bool there = p->to && ask(p, m, FIRST_STEPS, &seconds, &peer_loss);
    if (there && !(fabs(loss - peer_loss) < 1e-3 * fabs(peer_loss)))
        printf("%-44s losses differ: %.6g and %.6g\n", m->title, loss, peer_loss);
    for (int i = 0; i < TURNS; i++) {
        ours = fmin(ours, train(m, m->steps, &loss));
        there = there && ask(p, m, m->steps, &seconds, &peer_loss);
        theirs = fmin(theirs, there ? seconds : INFINITY);
    }
    char us[32], them[32];
    snprintf(us, sizeof us, "%.3g ms", 1e3 * ours);
    snprintf(them, sizeof them, there ? "%.3g ms" : "no PyTorch", 1e3 * theirs);
    printf("%-44s %14s %14s %9.3g   >= %.2f%s\n", m->title, us, them, there ? theirs / ours : NAN,
        m->goal, there && theirs / ours < m->goal ? "   missed" : "");
    fflush(stdout);
    drop(m);
}

int main(int argc, char **argv)
{
    model models[] = {
        {"mlp-256", "step of MLP 784-256-10, SGD, batch 64", 1.13 / 0.9, mlp, {784, 256, 10}, 3, 64,
            .steps = 20, .act = ASSAY_OP_RELU, .kind = ASSAY_SGD},
        {"mlp-64-64", "step of MLP 784-64-64-10, Adam, batch 64", 0.77 / 0.45, mlp,
            {784, 64, 64, 10}, 4, 64, .steps = 30, .act = ASSAY_OP_RELU, .kind = ASSAY_ADAM},
        {"cnn-8-16", "step of CNN 8-16, Adam, batch 64", 9.6 / 5, cnn, {8, 16}, 2, 64, .steps = 4,
            .kind = ASSAY_ADAM},
        {"cnn-16-32-64", "step of CNN 16-32-64, Adam, batch 64", 19.5 / 13, cnn, {16, 32, 64}, 3,
            64, .steps = 3, .kind = ASSAY_ADAM},
        {"score", "step of score MLP 2-128x3-10, Adam, batch 256", 1.54 / 1.1, mlp,
            {2, 128, 128, 128, 10}, 5, 256, .steps = 20, .act = ASSAY_OP_SILU, .kind = ASSAY_ADAM},
        {"gpt-2-64", "step of GPT L2 d64 B64 T32, AdamW", 1.4, gpt, {64, 2, 32}, 3, 64, .steps = 2,
            .kind = ASSAY_ADAMW},
        {"gpt-2-128", "step of GPT L2 d128 B64 T32, AdamW", 1.2, gpt, {128, 2, 32}, 3, 64,
            .steps = 1, .kind = ASSAY_ADAMW},
        {"gpt-4-128", "step of GPT L4 d128 B64 T64, AdamW", 1.15, gpt, {128, 4, 64}, 3, 64,
            .steps = 1, .kind = ASSAY_ADAMW},
    };
    if (argc < 2) {
        fprintf(stderr, "usage: net SOURCE-DIRECTORY [NET]\n");
        return 2;
    }
    peer p = {0};
    openblas_set_num_threads(1);
    if (!getenv("NOPEER") && !start_peer(argv[1], &p))
        p = (peer){0};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (argc < 3 || strcmp(argv[2], models[i].name) == 0)
            compare(&models[i], &p);
    return 0;
}
