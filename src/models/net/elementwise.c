/*
 * Elementwise operations: add, sub, mul of equal shapes, or of x with one row y that stands for all
 * (broadcast over rows only); scale; bias; dropout; stop (the gradient).
 */
#include "core/rng.h"
#include "models/net/kernel.h"

enum { X, Y };

/* One row y under every row of x? */
static bool is_row(const assay_tape *tape, const assay_node *node)
{
    return tensor_rows(input(tape, node, Y)) == 1 && tensor_rows(input(tape, node, X)) > 1;
}

static int like_x(assay_tape *tape, assay_node *node, real **out)
{
    const assay_tensor *x = input(tape, node, X);
    return assay_node_output(tape, node, tensor_rows(x), tensor_cols(x), out);
}

static int begin_pair(assay_tape *tape, assay_node *node, real **out)
{
    const assay_tensor *x = input(tape, node, X), *y = input(tape, node, Y);
    const size_t rows = tensor_rows(y);
    if (tensor_cols(x) != tensor_cols(y) || (rows != tensor_rows(x) && rows != 1))
        return assay_node_mismatch(tape, node, X, Y, "equal shapes, or one row for all");
    return like_x(tape, node, out);
}

/* x + sign y */
static int sum_forward(assay_tape *tape, assay_node *node, real sign)
{
    real *out;
    const int status = begin_pair(tape, node, &out);
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, X)->data, *y = input(tape, node, Y)->data;
    const size_t size = tensor_size(output(tape, node)), cols = tensor_cols(output(tape, node));
    for (size_t i = 0; i < size; i++)
        out[i] = x[i] + sign * y[is_row(tape, node) ? i % cols : i];
    return ASSAY_OK;
}

static int sum_backward(assay_tape *tape, const assay_node *node, real sign)
{
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, X), *dy = input_grad(tape, node, Y);
    const size_t size = tensor_size(output(tape, node)), cols = tensor_cols(output(tape, node));
    for (size_t i = 0; dx && i < size; i++)
        dx[i] += g[i];
    for (size_t i = 0; dy && i < size; i++)
        dy[is_row(tape, node) ? i % cols : i] += sign * g[i];
    return ASSAY_OK;
}

static int add_forward(assay_tape *tape, assay_node *node)
{
    return sum_forward(tape, node, 1);
}

static int add_backward(assay_tape *tape, const assay_node *node)
{
    return sum_backward(tape, node, 1);
}

static int sub_forward(assay_tape *tape, assay_node *node)
{
    return sum_forward(tape, node, -1);
}

static int sub_backward(assay_tape *tape, const assay_node *node)
{
    return sum_backward(tape, node, -1);
}

static int mul_forward(assay_tape *tape, assay_node *node)
{
    real *out;
    const int status = begin_pair(tape, node, &out);
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, X)->data, *y = input(tape, node, Y)->data;
    const size_t size = tensor_size(output(tape, node)), cols = tensor_cols(output(tape, node));
    for (size_t i = 0; i < size; i++)
        out[i] = x[i] * y[is_row(tape, node) ? i % cols : i];
    return ASSAY_OK;
}

static int mul_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    const real *x = input(tape, node, X)->data, *y = input(tape, node, Y)->data;
    real *dx = input_grad(tape, node, X), *dy = input_grad(tape, node, Y);
    const size_t size = tensor_size(output(tape, node)), cols = tensor_cols(output(tape, node));
    for (size_t i = 0; i < size; i++) {
        const size_t j = is_row(tape, node) ? i % cols : i;
        if (dx)
            dx[i] += g[i] * y[j];
        if (dy)
            dy[j] += g[i] * x[i];
    }
    return ASSAY_OK;
}

static int scale_forward(assay_tape *tape, assay_node *node)
{
    real *out;
    const int status = like_x(tape, node, &out);
    if (status != ASSAY_OK)
        return status;
    const size_t size = tensor_size(output(tape, node));
    for (size_t i = 0; i < size; i++)
        out[i] = (real)node->options.scale * input(tape, node, X)->data[i];
    return ASSAY_OK;
}

static int scale_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, X);
    const size_t size = tensor_size(output(tape, node));
    for (size_t i = 0; dx && i < size; i++)
        dx[i] += (real)node->options.scale * g[i];
    return ASSAY_OK;
}

/* x + b in every row: add, whose second input is a parameter with norms of examples */
static int bias_forward(assay_tape *tape, assay_node *node)
{
    if (tensor_size(input(tape, node, Y)) != tensor_cols(input(tape, node, X)))
        return assay_node_mismatch(tape, node, X, Y, "b must have one number a column of x");
    return sum_forward(tape, node, 1);
}

static int bias_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    const real *g = output_grad(tape, node);
    const size_t cols = tensor_cols(output(tape, node));
    for (size_t e = 0; e < examples->n; e++)
        for (size_t c = 0; c < cols; c++) {
            double sum = 0;
            for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++)
                sum += (double)g[examples->row[i] * cols + c];
            norm2[e] += sum * sum;
        }
    return ASSAY_OK;
}

/* y = x m / (1 - p), m = 1 with probability 1 - p; the identity unless the tape has random keys. */
static int dropout_forward(assay_tape *tape, assay_node *node)
{
    const double p = node->options.p;
    if (!(p >= 0 && p < 1))
        return assay_node_fail(node, "p must be at least 0 and less than 1, got %g", p);
    real *out;
    const int status = like_x(tape, node, &out);
    if (status != ASSAY_OK)
        return status;
    const assay_tensor *x = input(tape, node, X);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x);
    real *factor = assay_arena_alloc(&tape->arena, rows * cols, sizeof *factor);
    if (!factor)
        return ASSAY_ENOMEM;
    const assay_rng root = assay_rng_seed(tape->seed), step = assay_rng_split(&root, tape->step);
    const assay_rng own = assay_rng_split(&step, (uint64_t)node->index);
    const real kept = (real)(1 / (1 - p));
    for (size_t r = 0; r < rows; r++) {
        assay_rng rng = assay_rng_split(&own, tape->first_row + r);
        for (size_t i = r * cols; i < (r + 1) * cols; i++) {
            factor[i] = !tape->random ? 1 : (assay_rng_uniform(&rng) < p ? 0 : kept);
            out[i] = x->data[i] * factor[i];
        }
    }
    node->saved[0] = factor;
    return ASSAY_OK;
}

static int dropout_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node), *factor = node->saved[0];
    real *dx = input_grad(tape, node, X);
    const size_t size = tensor_size(output(tape, node));
    for (size_t i = 0; dx && i < size; i++)
        dx[i] += g[i] * factor[i];
    return ASSAY_OK;
}

static int stop_forward(assay_tape *tape, assay_node *node)
{
    real *out;
    const int status = like_x(tape, node, &out);
    if (status == ASSAY_OK)
        memcpy(out, input(tape, node, X)->data, tensor_size(output(tape, node)) * sizeof *out);
    return status;
}

#define PAIR(op)                                                                                   \
    const assay_op assay_op_##op = {.name = #op,                                                   \
        .inputs = {"x", "y"},                                                                      \
        .required = 2,                                                                             \
        .options = "",                                                                             \
        .forward = op##_forward,                                                                   \
        .backward = op##_backward}

PAIR(add);
PAIR(sub);
PAIR(mul);

const assay_op assay_op_scale = {.name = "scale",
    .inputs = {"x"},
    .required = 1,
    .options = "scale",
    .forward = scale_forward,
    .backward = scale_backward};

const assay_op assay_op_bias = {.name = "bias",
    .inputs = {"x", "b"},
    .required = 2,
    .options = "",
    .forward = bias_forward,
    .backward = add_backward,
    .norm2 = bias_norm2};

const assay_op assay_op_dropout = {.name = "dropout",
    .inputs = {"x"},
    .required = 1,
    .options = "p",
    .forward = dropout_forward,
    .backward = dropout_backward};

const assay_op assay_op_stop = {
    .name = "stop", .inputs = {"x"}, .required = 1, .options = "", .forward = stop_forward};
