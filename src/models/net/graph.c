/* The layers of a net, one after the other, on a tape; see graph.h. */
#ifdef ASSAY_NET_DOUBLE
#define assay_graph_build assay_graph_build_double
#endif
#include "models/net/graph.h"

#include "core/status.h"

static size_t row_of(const assay_graph *g, size_t example)
{
    return g->index ? g->index[example] : g->first + example;
}

/* Rows of doubles as a leaf of the shard. */
static int gather(const assay_graph *g, assay_tape *tape, const assay_matrix *from,
    const assay_shard *shard, real *grad, int *value)
{
    const size_t cols = from->cols;
    real *x = assay_tape_alloc(tape, shard->count * cols, sizeof *x);
    if (!x)
        return ASSAY_ENOMEM;
    for (size_t e = 0; e < shard->count; e++) {
        const double *row = assay_matrix_row(from, row_of(g, shard->first + e));
        for (size_t i = 0; i < cols; i++)
            x[e * cols + i] = (real)row[i];
    }
    return assay_tape_leaf(tape, &(assay_tensor){x, {shard->count, cols}, 2}, grad, value);
}

static int apply(
    assay_tape *tape, assay_op_id op, int a, int b, int c, const assay_op_options *o, int *value)
{
    return assay_tape_apply(tape, op, (const int[]){a, b, c, -1, -1}, o, value);
}

/* [x, t] to [x, embedding of scale t] */
static int apply_time(assay_tape *tape, const assay_layer *layer, int *value)
{
    int x, t;
    assay_op_options o = layer->options;
    o.first = 0;
    o.count = layer->in.n[0] - 1;
    int status = apply(tape, ASSAY_OP_SLICE, *value, -1, -1, &o, &x);
    o.first = o.count;
    o.count = 1;
    if (status == ASSAY_OK)
        status = apply(tape, ASSAY_OP_SLICE, *value, -1, -1, &o, &t);
    if (status == ASSAY_OK)
        status = apply(tape, ASSAY_OP_SCALE, t, -1, -1, &layer->options, &t);
    if (status == ASSAY_OK)
        status = apply(tape, ASSAY_OP_SINUSOIDAL, t, -1, -1, &layer->options, &t);
    return status == ASSAY_OK ? apply(tape, ASSAY_OP_CONCAT, x, t, -1, NULL, value) : status;
}

enum { DEEPEST = 8 };

struct walk {
    int open[DEEPEST], depth;
};

static int apply_hook(assay_tape *tape, const assay_layer *layer, int *value)
{
    assay_op_options o = layer->options;
    o.hook = layer->hook;
    return apply(tape, ASSAY_OP_HOOK, *value, -1, -1, &o, value);
}

static int apply_layer(
    struct walk *walk, assay_tape *tape, const assay_layer *layer, const int *param, int *value)
{
    switch (layer->role) {
    case ASSAY_LAYER_FLATTEN:
        return ASSAY_OK;
    case ASSAY_LAYER_OPEN:
        walk->open[walk->depth++] = *value;
        return ASSAY_OK;
    case ASSAY_LAYER_ADD:
    case ASSAY_LAYER_CONCAT:
        return apply(tape, layer->op, walk->open[--walk->depth], *value, -1, NULL, value);
    case ASSAY_LAYER_TIME:
        return apply_time(tape, layer, value);
    case ASSAY_LAYER_OP:
        break;
    }
    const int status = layer->hook ? apply_hook(tape, layer, value) : ASSAY_OK;
    const int own[] = {layer->w, layer->b, layer->mean, layer->variance};
    int in[ASSAY_NODE_INPUTS] = {*value};
    for (int i = 0; i < 4; i++)
        in[i + 1] = own[i] < 0 ? -1 : param[own[i]];
    return status == ASSAY_OK ? assay_tape_apply(tape, layer->op, in, &layer->options, value)
                              : status;
}

/* A relu before the largest of windows does the same after it, gradients too, on fewer numbers:
 * both keep the order. Nobody must want to see what lies between. */
static bool can_wait(const assay_graph *g, size_t i)
{
    const assay_layer *relu = &g->layers->at[i], *pool = relu + 1;
    return i + 1 < g->layers->count && i < g->stop && relu->role == ASSAY_LAYER_OP &&
           relu->op == ASSAY_OP_RELU && !relu->hook && pool->role == ASSAY_LAYER_OP &&
           !pool->hook && (pool->op == ASSAY_OP_MAXPOOL || pool->op == ASSAY_OP_GLOBALMAX);
}

static int apply_layers(const assay_graph *g, assay_tape *tape, const int *param, int *value)
{
    struct walk walk = {.depth = 0};
    int status = ASSAY_OK;
    for (size_t i = 0; i < g->layers->count && i <= g->stop && status == ASSAY_OK; i++) {
        const assay_layer *layer = &g->layers->at[i];
        const bool waits = can_wait(g, i);
        status = apply_layer(&walk, tape, layer + waits, param, value);
        if (status == ASSAY_OK && waits)
            status = apply_layer(&walk, tape, layer, param, value);
        i += waits;
    }
    return status;
}

/* ---- losses ---- */

/* The loss of a shard whose labels are all ignored: 0, without a gradient. */
static int nothing(assay_tape *tape, int *value)
{
    real *zero = assay_tape_alloc(tape, 1, sizeof *zero);
    if (!zero)
        return ASSAY_ENOMEM;
    *zero = 0;
    const int status = assay_tape_leaf(tape, &(assay_tensor){zero, {1, 1}, 2}, NULL, value);
    return status == ASSAY_OK ? apply(tape, ASSAY_OP_SCALE, *value, -1, -1, NULL, value) : status;
}

static int classes(const assay_graph *g, assay_tape *tape, const assay_shard *shard,
    assay_op_options *o, int *value)
{
    int32_t *labels = assay_tape_alloc(tape, shard->count, sizeof *labels);
    if (!labels)
        return ASSAY_ENOMEM;
    bool any = false;
    for (size_t e = 0; e < shard->count; e++) {
        labels[e] = g->labels[row_of(g, shard->first + e)];
        any = any || labels[e] >= 0;
    }
    o->labels = labels;
    o->n_labels = shard->count;
    o->smoothing = g->smoothing;
    return any ? apply(tape, ASSAY_OP_SOFTMAX_CE, *value, -1, -1, o, value) : nothing(tape, value);
}

/* mean and log-variance, the halves of the output */
static int halves(assay_tape *tape, size_t cols, int value, int *mean, int *log_variance)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    o.count = cols / 2;
    const int status = apply(tape, ASSAY_OP_SLICE, value, -1, -1, &o, mean);
    o.first = cols / 2;
    return status == ASSAY_OK ? apply(tape, ASSAY_OP_SLICE, value, -1, -1, &o, log_variance)
                              : status;
}

static int apply_loss(const assay_graph *g, assay_tape *tape, const assay_shard *shard, int *value)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    o.sum = true;
    o.delta = g->delta;
    if (g->weights) {
        o.weights = g->weights + shard->first;
        o.n_weights = shard->count;
    }
    if (g->loss_op == ASSAY_OP_SOFTMAX_CE)
        return classes(g, tape, shard, &o, value);
    int target = -1, log_variance = -1;
    int status = gather(g, tape, &g->targets, shard, NULL, &target);
    if (status == ASSAY_OK && g->loss_op == ASSAY_OP_GAUSSIAN_NLL)
        status = halves(tape, 2 * g->targets.cols, *value, value, &log_variance);
    return status == ASSAY_OK ? apply(tape, g->loss_op, *value, target, log_variance, &o, value)
                              : status;
}

int assay_graph_build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value)
{
    const assay_graph *g = user;
    real *grad = NULL;
#ifndef ASSAY_NET_DOUBLE
    if (g->input_grad)
        grad = g->input_grad + shard->first * g->x.cols;
#endif
    int status = gather(g, tape, &g->x, shard, grad, value);
    if (status == ASSAY_OK)
        status = apply_layers(g, tape, param, value);
    return status == ASSAY_OK && g->loss ? apply_loss(g, tape, shard, value) : status;
}
