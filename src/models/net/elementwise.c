/*
 * Elementwise operations: add, sub, mul of equal shapes, or of x with one row y that stands for all
 * (broadcast over rows only); scale; bias; dropout; stop (the gradient).
 */
#include "core/rng.h"
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, Y };

/* x and y by rows; y is one row under all of x where `step` is 0, otherwise step = cols. */
struct pair {
    size_t rows, cols, step;
    const real *x, *y;
};

static struct pair pair_of(const assay_tape *tape, const assay_node *node)
{
    const assay_tensor *x = input(tape, node, X), *y = input(tape, node, Y);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x);
    return (struct pair){rows, cols, tensor_size(y) < tensor_size(x) ? 0 : cols, x->data, y->data};
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
    const struct pair p = pair_of(tape, node);
    for (size_t r = 0; r < p.rows; r++, out += p.cols) {
        const real *restrict x = p.x + r * p.cols, *restrict y = p.y + r * p.step;
        real *restrict z = out;
        for (size_t i = 0; i < p.cols; i++)
            z[i] = x[i] + sign * y[i];
    }
    return ASSAY_OK;
}

static int sum_backward(assay_tape *tape, const assay_node *node, real sign)
{
    const real *g = output_grad(tape, node);
    const struct pair p = pair_of(tape, node);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    if (dx)
        put_scaled(p.rows * p.cols, 1, g, dx, first);
    if (!p.step) {
        real *dy = input_grad(tape, node, Y),
             *sums = assay_arena_alloc(&tape->arena, p.cols, sizeof *sums);
        if (!sums)
            return ASSAY_ENOMEM;
        memset(sums, 0, p.cols * sizeof *sums);
        if (dy)
            add_column_sums(g, p.rows, p.cols, p.cols, sums);
        for (size_t i = 0; dy && i < p.cols; i++)
            dy[i] += sign * sums[i];
        return ASSAY_OK;
    }
    real *dy = input_grad_first(tape, node, Y, &first);
    if (dy)
        put_scaled(p.rows * p.cols, sign, g, dy, first);
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
    const struct pair p = pair_of(tape, node);
    for (size_t r = 0; r < p.rows; r++)
        put_product(p.cols, p.x + r * p.cols, p.y + r * p.step, out + r * p.cols, true);
    return ASSAY_OK;
}

static int mul_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    const struct pair p = pair_of(tape, node);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    for (size_t r = 0; dx && r < p.rows; r++)
        put_product(p.cols, g + r * p.cols, p.y + r * p.step, dx + r * p.cols, first);
    real *dy = p.step ? input_grad_first(tape, node, Y, &first) : input_grad(tape, node, Y);
    for (size_t r = 0; dy && r < p.rows; r++)
        put_product(p.cols, g + r * p.cols, p.x + r * p.cols, dy + r * p.step, first && p.step);
    return ASSAY_OK;
}

/* Of y: what an example's rows add to a row that stands for all, or each row alone. */
static int pair_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    const real *g = output_grad(tape, node);
    const struct pair p = pair_of(tape, node);
    const bool product = node->op == &assay_op_mul;
    for (size_t e = 0; e < examples->n; e++)
        for (size_t c = 0; c < p.cols; c++) {
            double sum = 0, squares = 0;
            for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++) {
                const size_t at = examples->row[i] * p.cols + c;
                const double part = (double)g[at] * (product ? (double)p.x[at] : 1);
                sum += part;
                squares += part * part;
            }
            norm2[e] += p.step ? squares : sum * sum;
        }
    return ASSAY_OK;
}

static int scale_forward(assay_tape *tape, assay_node *node)
{
    real *out;
    const int status = like_x(tape, node, &out);
    if (status != ASSAY_OK)
        return status;
    put_scaled(tensor_size(output(tape, node)), (real)node->options.scale,
        input(tape, node, X)->data, out, true);
    return ASSAY_OK;
}

static int scale_backward(assay_tape *tape, const assay_node *node)
{
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    if (dx)
        put_scaled(tensor_size(output(tape, node)), (real)node->options.scale,
            output_grad(tape, node), dx, first);
    return ASSAY_OK;
}

/* x + b in every row: add that takes nothing else for b */
static int bias_forward(assay_tape *tape, assay_node *node)
{
    if (tensor_size(input(tape, node, Y)) != tensor_cols(input(tape, node, X)))
        return assay_node_mismatch(tape, node, X, Y, "b must have one number a column of x");
    return sum_forward(tape, node, 1);
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
    node->saved[0] = NULL; /* no mask: backward passes g */
    if (!tape->random) {
        memcpy(out, x->data, rows * cols * sizeof *out);
        return ASSAY_OK;
    }
    real *factor = assay_arena_alloc(&tape->arena, rows * cols, sizeof *factor);
    if (!factor)
        return ASSAY_ENOMEM;
    const assay_rng root = assay_rng_seed(tape->seed), step = assay_rng_split(&root, tape->step);
    const assay_rng own = assay_rng_split(&step, (uint64_t)node->index);
    const real kept = (real)(1 / (1 - p));
    for (size_t r = 0; r < rows; r++) {
        assay_rng rng = assay_rng_split(&own, tape->first_row + r);
        for (size_t i = r * cols; i < (r + 1) * cols; i++)
            factor[i] = assay_rng_uniform(&rng) < p ? 0 : kept;
    }
    put_product(rows * cols, x->data, factor, out, true);
    node->saved[0] = factor;
    return ASSAY_OK;
}

static int dropout_backward(assay_tape *tape, const assay_node *node)
{
    const size_t size = tensor_size(output(tape, node));
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    if (dx && node->saved[0])
        put_product(size, output_grad(tape, node), node->saved[0], dx, first);
    else if (dx)
        put_scaled(size, 1, output_grad(tape, node), dx, first);
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
        .branches = true,                                                                          \
        .forward = op##_forward,                                                                   \
        .backward = op##_backward,                                                                 \
        .norm2 = pair_norm2}

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
    .norm2 = pair_norm2};

const assay_op assay_op_dropout = {.name = "dropout",
    .inputs = {"x"},
    .required = 1,
    .options = "p",
    .forward = dropout_forward,
    .backward = dropout_backward};

const assay_op assay_op_stop = {
    .name = "stop", .inputs = {"x"}, .required = 1, .options = "", .forward = stop_forward};
