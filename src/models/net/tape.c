/*
 * The tape: values, nodes, the walk back and the squared norms of examples; see tape.h. A node's
 * gradient memory is made when the walk begins, so a forward pass alone pays nothing for it.
 */
#include "models/net/tape.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/machine.h"
#include "models/net/kernel.h"

const assay_op *const assay_ops[ASSAY_OPS] = {
    [ASSAY_OP_LINEAR] = &assay_op_linear,
    [ASSAY_OP_LAYERNORM] = &assay_op_layernorm,
    [ASSAY_OP_RMSNORM] = &assay_op_rmsnorm,
    [ASSAY_OP_GROUPNORM] = &assay_op_groupnorm,
    [ASSAY_OP_RELU] = &assay_op_relu,
    [ASSAY_OP_LEAKY] = &assay_op_leaky,
    [ASSAY_OP_GELU] = &assay_op_gelu,
    [ASSAY_OP_GELU_EXACT] = &assay_op_gelu_exact,
    [ASSAY_OP_SILU] = &assay_op_silu,
    [ASSAY_OP_TANH] = &assay_op_tanh,
    [ASSAY_OP_SIGMOID] = &assay_op_sigmoid,
    [ASSAY_OP_SOFTPLUS] = &assay_op_softplus,
    [ASSAY_OP_SWIGLU] = &assay_op_swiglu,
    [ASSAY_OP_ADD] = &assay_op_add,
    [ASSAY_OP_SUB] = &assay_op_sub,
    [ASSAY_OP_MUL] = &assay_op_mul,
    [ASSAY_OP_SCALE] = &assay_op_scale,
    [ASSAY_OP_BIAS] = &assay_op_bias,
    [ASSAY_OP_DROPOUT] = &assay_op_dropout,
    [ASSAY_OP_STOP] = &assay_op_stop,
    [ASSAY_OP_EMBEDDING] = &assay_op_embedding,
    [ASSAY_OP_GATHER] = &assay_op_gather,
    [ASSAY_OP_CONCAT] = &assay_op_concat,
    [ASSAY_OP_SLICE] = &assay_op_slice,
    [ASSAY_OP_TRANSPOSE] = &assay_op_transpose,
    [ASSAY_OP_CONV2D] = &assay_op_conv2d,
    [ASSAY_OP_MAXPOOL] = &assay_op_maxpool,
    [ASSAY_OP_AVGPOOL] = &assay_op_avgpool,
    [ASSAY_OP_GLOBALMEAN] = &assay_op_globalmean,
    [ASSAY_OP_GLOBALMAX] = &assay_op_globalmax,
    [ASSAY_OP_UPSAMPLE] = &assay_op_upsample,
    [ASSAY_OP_ATTENTION] = &assay_op_attention,
    [ASSAY_OP_SOFTMAX_CE] = &assay_op_softmax_ce,
    [ASSAY_OP_BCE_LOGITS] = &assay_op_bce_logits,
    [ASSAY_OP_MSE] = &assay_op_mse,
    [ASSAY_OP_HUBER] = &assay_op_huber,
    [ASSAY_OP_CONV2D_TRANSPOSE] = &assay_op_conv2d_transpose,
    [ASSAY_OP_SINUSOIDAL] = &assay_op_sinusoidal,
    [ASSAY_OP_GAUSSIAN_NLL] = &assay_op_gaussian_nll,
    [ASSAY_OP_KL] = &assay_op_kl,
    [ASSAY_OP_REVERSE_KL] = &assay_op_reverse_kl,
    [ASSAY_OP_FAKEQUANT] = &assay_op_fakequant,
    [ASSAY_OP_HOOK] = &assay_op_hook,
    [ASSAY_OP_ROPE] = &assay_op_rope,
    [ASSAY_OP_POLICY] = &assay_op_policy,
    [ASSAY_OP_MEANROWS] = &assay_op_meanrows,
    [ASSAY_OP_BATCHNORM] = &assay_op_batchnorm,
};

/* ---- what kernels ask ---- */

int assay_node_fail(const assay_node *node, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return assay_fail(ASSAY_EINVAL, "net: node %d (%s): %s", node->index, node->op->name, text);
}

static void print_shape(const assay_tensor *x, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < x->rank && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%zu", i ? ", " : "", x->n[i]);
    if (at < size)
        snprintf(out + at, size - at, "]");
}

int assay_node_mismatch(
    const assay_tape *tape, const assay_node *node, int a, int b, const char *rule)
{
    char first[96], second[96];
    print_shape(input(tape, node, a), first, sizeof first);
    print_shape(input(tape, node, b), second, sizeof second);
    return assay_node_fail(node, "%s %s and %s %s don't fit: %s", node->op->inputs[a], first,
        node->op->inputs[b], second, rule);
}

int assay_node_output(assay_tape *tape, assay_node *node, size_t rows, size_t cols, real **y)
{
    *y = assay_arena_alloc(&tape->arena, rows * cols, sizeof(real));
    if (!*y)
        return ASSAY_ENOMEM;
    tape->value[node->out].x = (assay_tensor){*y, {rows, cols}, 2};
    return ASSAY_OK;
}

int assay_node_image(
    const assay_tape *tape, const assay_node *node, size_t *channels, size_t *height, size_t *width)
{
    const size_t *shape = node->options.shape, cols = tensor_cols(input(tape, node, 0));
    for (int i = 0; i < 3; i++)
        if (shape[i] < 1 || shape[i] > cols)
            return assay_node_fail(node,
                "shape must be channels, height and width of a row of x of "
                "%zu, got %zu, %zu, %zu",
                cols, shape[0], shape[1], shape[2]);
    *channels = shape[0];
    *height = shape[1];
    *width = shape[2];
    if (cols / shape[0] / shape[1] != shape[2] || *channels * *height * *width != cols)
        return assay_node_fail(node, "rows of x have %zu numbers, shape %zu x %zu x %zu has %zu",
            cols, shape[0], shape[1], shape[2], shape[0] * shape[1] * shape[2]);
    return ASSAY_OK;
}

/* ---- making ---- */

int assay_tape_new(assay_tape **out)
{
    const int status = assay_machine_check();
    if (status != ASSAY_OK)
        return status;
    *out = calloc(1, sizeof **out);
    return *out ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "net: out of memory for a tape");
}

void assay_tape_free(assay_tape *tape)
{
    if (!tape)
        return;
    assay_arena_free(&tape->arena);
    free(tape->node);
    free(tape->value);
    free(tape);
}

void assay_tape_gemm(assay_tape *tape, assay_gemm_kind kind)
{
    tape->gemm = kind;
}

void assay_tape_packed(assay_tape *tape, const assay_packed *packed, size_t count)
{
    tape->packed = packed;
    tape->packed_count = count;
}

void assay_tape_reset(assay_tape *tape)
{
    assay_arena_reset(&tape->arena);
    tape->nodes = tape->values = 0;
    tape->random = tape->walked = false;
}

void *assay_tape_alloc(assay_tape *tape, size_t count, size_t size)
{
    return assay_arena_alloc(&tape->arena, count, size);
}

void assay_tape_random(assay_tape *tape, uint64_t seed, uint64_t step, uint64_t first_row)
{
    tape->random = true;
    tape->seed = seed;
    tape->step = step;
    tape->first_row = first_row;
}

/* Room for one more in a growing array. */
static int make_room(void **array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return ASSAY_OK;
    if (count >= INT_MAX / 2)
        return assay_fail(ASSAY_EINVAL, "net: a tape holds at most %d nodes", INT_MAX / 2);
    const size_t wanted = *room ? 2 * *room : 32;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for a tape of %zu nodes", wanted);
    *array = grown;
    *room = wanted;
    return ASSAY_OK;
}

static int add_value(assay_tape *tape, assay_value value, int *id)
{
    const int status =
        make_room((void **)&tape->value, tape->values, &tape->value_room, sizeof *tape->value);
    if (status != ASSAY_OK)
        return status;
    *id = (int)tape->values;
    tape->value[tape->values++] = value;
    return ASSAY_OK;
}

int assay_tape_leaf(assay_tape *tape, const assay_tensor *x, real *grad, int *value)
{
    if (!x || !x->data || x->rank < 1 || x->rank > 4)
        return assay_fail(ASSAY_EINVAL, "net: a leaf must have data of 1 to 4 dimensions");
    size_t size = 1;
    for (int i = 0; i < x->rank; i++) {
        if (x->n[i] < 1 || x->n[i] > INT_MAX / size)
            return assay_fail(ASSAY_EINVAL,
                "net: dimension %d of a leaf must be at least 1, and all of them at most %d "
                "numbers, "
                "got %zu",
                i + 1, INT_MAX, x->n[i]);
        size *= x->n[i];
    }
    return add_value(tape, (assay_value){*x, grad, grad != NULL, true, false, -1}, value);
}

static int check_inputs(const assay_tape *tape, const assay_node *node)
{
    for (int i = 0; i < ASSAY_NODE_INPUTS; i++) {
        const char *name = node->op->inputs[i];
        if (node->in[i] >= (int)tape->values || (node->in[i] >= 0 && !name))
            return assay_node_fail(
                node, "input %d must be a value of this tape, got %d", i, node->in[i]);
        if (i < node->op->required && node->in[i] < 0)
            return assay_node_fail(node, "%s must be given", name);
    }
    return ASSAY_OK;
}

int assay_tape_apply(assay_tape *tape, assay_op_id op, const int in[ASSAY_NODE_INPUTS],
    const assay_op_options *options, int *value)
{
    static const assay_op_options defaults = ASSAY_OP_DEFAULTS;
    if ((int)op < 0 || op >= ASSAY_OPS)
        return assay_fail(ASSAY_EINVAL, "net: there is no operation %d", (int)op);
    int status = make_room((void **)&tape->node, tape->nodes, &tape->node_room, sizeof *tape->node);
    if (status != ASSAY_OK)
        return status;
    assay_node *node = &tape->node[tape->nodes];
    *node = (assay_node){
        .op = assay_ops[op], .options = options ? *options : defaults, .index = (int)tape->nodes};
    memcpy(node->in, in, sizeof node->in);
    status = check_inputs(tape, node);
    if (status != ASSAY_OK)
        return status;
    bool wants_grad = false;
    for (int i = 0; i < ASSAY_NODE_INPUTS; i++)
        wants_grad = wants_grad || (has_input(node, i) && tape->value[node->in[i]].wants_grad);
    const assay_value made = {.wants_grad = wants_grad && node->op->backward, .node = node->index};
    status = add_value(tape, made, &node->out);
    if (status != ASSAY_OK)
        return status;
    status = node->op->forward(tape, node);
    if (status != ASSAY_OK) {
        tape->values--;
        return status;
    }
    *value = node->out;
    tape->nodes++;
    return ASSAY_OK;
}

assay_tensor assay_tape_value(const assay_tape *tape, int value)
{
    return tape->value[value].x;
}

const real *assay_tape_grad(const assay_tape *tape, int value)
{
    return tape->value[value].grad;
}

double assay_tape_loss(const assay_tape *tape, int value)
{
    const assay_value *v = &tape->value[value];
    return v->node >= 0 && tape->node[v->node].op->loss ? tape->node[v->node].loss
                                                        : (double)v->x.data[0];
}

/* ---- the walk back ---- */

/* Memory for the gradients of values up to the result, which hold nothing yet. */
static int make_gradients(assay_tape *tape, int result)
{
    for (int i = 0; i <= result; i++) {
        assay_value *v = &tape->value[i];
        if (v->leaf || !v->wants_grad)
            continue;
        const size_t size = tensor_size(&v->x);
        v->grad = assay_arena_alloc(&tape->arena, size, sizeof(real));
        if (!v->grad)
            return ASSAY_ENOMEM;
        v->fresh = true;
    }
    return ASSAY_OK;
}

int assay_tape_backward(assay_tape *tape, int value, const real *upstream)
{
    if (value < 0 || value >= (int)tape->values || tape->value[value].leaf)
        return assay_fail(
            ASSAY_EINVAL, "net: gradients are of the value of a node, got value %d", value);
    if (tape->walked)
        return assay_fail(ASSAY_EINVAL, "net: this tape was walked back already");
    tape->walked = true;
    assay_value *last = &tape->value[value];
    if (!last->wants_grad)
        return ASSAY_OK;
    int status = make_gradients(tape, value);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < tensor_size(&last->x); i++)
        last->grad[i] = upstream ? upstream[i] : 1;
    last->fresh = false;
    for (int i = last->node; i >= 0; i--) {
        const assay_node *node = &tape->node[i];
        assay_value *out = &tape->value[node->out];
        if (!out->grad)
            continue;
        if (out->fresh) { /* the result doesn't depend on it */
            memset(out->grad, 0, tensor_size(&out->x) * sizeof(real));
            out->fresh = false;
            continue;
        }
        status = node->op->backward(tape, node);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

/* ---- per-example gradient norms ---- */

/* Inputs from 1 on are weights, input 0 is x, but for a table's. */
static bool is_weight(const assay_tape *tape, const assay_node *node, int slot)
{
    return (slot > 0 || node->op->table) && has_input(node, slot) &&
           tape->value[node->in[slot]].wants_grad;
}

/* Is there another node that reads this node's weight? */
static int check_tied(const assay_tape *tape, const assay_node *node, int slot)
{
    for (size_t i = 0; i < tape->nodes; i++)
        for (int j = 0; j < ASSAY_NODE_INPUTS; j++)
            if ((int)i != node->index && tape->node[i].in[j] == node->in[slot])
                return assay_node_fail(node,
                    "tied parameter: %s is used by node %zu too; take the "
                    "explicit gradients of examples",
                    node->op->inputs[slot], i);
    return ASSAY_OK;
}

static int check_weights(const assay_tape *tape, const assay_node *node, size_t rows, bool *any)
{
    *any = false;
    for (int slot = 0; slot < ASSAY_NODE_INPUTS; slot++) {
        if (!is_weight(tape, node, slot))
            continue;
        const bool leaf = tape->value[node->in[slot]].leaf;
        if (leaf && !node->op->norm2)
            return assay_node_fail(node, "has no gradient norms of examples");
        if (!leaf && node->op->norm2 && !node->op->branches)
            return assay_node_fail(node,
                "%s is made by node %d: gradient norms of examples are of "
                "parameters themselves",
                node->op->inputs[slot], tape->value[node->in[slot]].node);
        const int status = leaf ? check_tied(tape, node, slot) : ASSAY_OK;
        if (status != ASSAY_OK)
            return status;
        *any = *any || leaf;
    }
    if (*any && tensor_rows(output(tape, node)) != rows)
        return assay_node_fail(node, "example must have one entry for each of %zu rows, got %zu",
            tensor_rows(output(tape, node)), rows);
    return ASSAY_OK;
}

/* Rows in the order of their examples (counting sort, which keeps the order within one). */
static void sort_rows(
    const size_t *example, size_t rows, size_t examples, size_t *start, size_t *row)
{
    memset(start, 0, (examples + 1) * sizeof *start);
    for (size_t r = 0; r < rows; r++)
        start[example[r] + 1]++;
    for (size_t e = 0; e < examples; e++)
        start[e + 1] += start[e];
    for (size_t r = 0; r < rows; r++)
        row[start[example[r]]++] = r;
    for (size_t e = examples; e > 0; e--)
        start[e] = start[e - 1];
    start[0] = 0;
}

int assay_tape_norm2(
    assay_tape *tape, const size_t *example, size_t rows, size_t examples, double *norm2)
{
    for (size_t r = 0; r < rows; r++)
        if (example[r] >= examples)
            return assay_fail(ASSAY_EINVAL,
                "net: example of row %zu must be less than %zu, got %zu", r, examples, example[r]);
    size_t *start = assay_arena_alloc(&tape->arena, examples + 1, sizeof *start);
    size_t *row = assay_arena_alloc(&tape->arena, rows, sizeof *row);
    if (!start || !row)
        return ASSAY_ENOMEM;
    sort_rows(example, rows, examples, start, row);
    const struct assay_examples sorted = {examples, start, row};
    memset(norm2, 0, examples * sizeof *norm2);
    for (size_t i = 0; i < tape->nodes; i++) {
        bool any = false;
        const assay_node *node = &tape->node[i];
        if (!tape->value[node->out].grad)
            continue;
        int status = check_weights(tape, node, rows, &any);
        if (status == ASSAY_OK && any)
            status = node->op->norm2(tape, node, &sorted, norm2);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

double assay_tape_flops(const assay_tape *tape)
{
    double flops = 0;
    for (size_t i = 0; i < tape->nodes; i++)
        if (tape->node[i].op->flops)
            flops += tape->node[i].op->flops(tape, &tape->node[i]);
    return flops;
}

size_t assay_tape_memory(const assay_tape *tape)
{
    return tape->arena.held;
}
