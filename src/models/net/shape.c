/*
 * Rows and columns: embedding (a row of a parameter by label), gather (rows of any value, also by
 * options.labels), concat and slice of columns (for images: of channels), transpose; sinusoidal
 * makes columns of one.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, Y };

/* ---- rows by index: y_m = x[label_m]; dx[label_m] += g_m in row order ---- */

static int gather_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *table = input(tape, node, X);
    const size_t rows = tensor_rows(table), cols = tensor_cols(table), n = node->options.n_labels;
    const int32_t *label = node->options.labels;
    if (!label || n == 0)
        return assay_node_fail(node, "%s must be given, at least one", node->op->options);
    for (size_t m = 0; m < n; m++)
        if (label[m] < 0 || (size_t)label[m] >= rows)
            return assay_node_fail(node, "%s[%zu] must be a row of %s, in 0..%zu, got %d",
                node->op->options, m + 1, node->op->inputs[X], rows - 1, (int)label[m]);
    real *y;
    const int status = assay_node_output(tape, node, n, cols, &y);
    if (status != ASSAY_OK)
        return status;
    for (size_t m = 0; m < n; m++)
        memcpy(y + m * cols, table->data + (size_t)label[m] * cols, cols * sizeof *y);
    return ASSAY_OK;
}

static int gather_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    const size_t cols = tensor_cols(output(tape, node));
    real *dx = input_grad(tape, node, X);
    for (size_t m = 0; dx && m < node->options.n_labels; m++)
        put_scaled(cols, 1, g + m * cols, dx + (size_t)node->options.labels[m] * cols, false);
    return ASSAY_OK;
}

/* Rows of equal label are summed first: the sum of g_s . g_t over pairs of equal labels. */
static int embedding_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    const real *g = output_grad(tape, node);
    const size_t cols = tensor_cols(output(tape, node)), *row = examples->row;
    const int32_t *label = node->options.labels;
    for (size_t e = 0; e < examples->n; e++)
        for (size_t s = examples->start[e]; s < examples->start[e + 1]; s++)
            for (size_t t = examples->start[e]; t < examples->start[e + 1]; t++)
                for (size_t c = 0; label[row[s]] == label[row[t]] && c < cols; c++)
                    norm2[e] += (double)g[row[s] * cols + c] * (double)g[row[t] * cols + c];
    return ASSAY_OK;
}

/* ---- columns ---- */

static int concat_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, X), *z = input(tape, node, Y);
    const size_t rows = tensor_rows(x), a = tensor_cols(x), b = tensor_cols(z);
    if (tensor_rows(z) != rows)
        return assay_node_mismatch(tape, node, X, Y, "equal numbers of rows");
    real *y;
    const int status = assay_node_output(tape, node, rows, a + b, &y);
    for (size_t r = 0; status == ASSAY_OK && r < rows; r++) {
        memcpy(y + r * (a + b), x->data + r * a, a * sizeof *y);
        memcpy(y + r * (a + b) + a, z->data + r * b, b * sizeof *y);
    }
    return status;
}

/* to[r][c] (+)= from[r][c] for blocks of `cols` columns in rows of other widths */
static void put_block(real *to, size_t to_width, const real *from, size_t from_width, size_t rows,
    size_t cols, bool first)
{
    for (size_t r = 0; to && r < rows; r++)
        put_scaled(cols, 1, from + r * from_width, to + r * to_width, first);
}

static int concat_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    const size_t rows = tensor_rows(output(tape, node));
    const size_t a = tensor_cols(input(tape, node, X)), b = tensor_cols(input(tape, node, Y));
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    put_block(dx, a, g, a + b, rows, a, first);
    real *dy = input_grad_first(tape, node, Y, &first);
    put_block(dy, b, g + a, a + b, rows, b, first);
    return ASSAY_OK;
}

static int slice_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, X);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x);
    const size_t first = node->options.first, count = node->options.count;
    if (count < 1 || first >= cols || count > cols - first)
        return assay_node_fail(
            node, "x has %zu columns, the slice is %zu of them from %zu", cols, count, first + 1);
    real *y;
    const int status = assay_node_output(tape, node, rows, count, &y);
    for (size_t r = 0; status == ASSAY_OK && r < rows; r++)
        memcpy(y + r * count, x->data + r * cols + first, count * sizeof *y);
    return status;
}

static int slice_backward(assay_tape *tape, const assay_node *node)
{
    const assay_tensor *x = input(tape, node, X);
    real *dx = input_grad(tape, node, X);
    if (dx)
        put_block(dx + node->options.first, tensor_cols(x), output_grad(tape, node),
            node->options.count, tensor_rows(x), node->options.count, false);
    return ASSAY_OK;
}

static int transpose_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, X);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x);
    real *y;
    const int status = assay_node_output(tape, node, cols, rows, &y);
    for (size_t r = 0; status == ASSAY_OK && r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            y[c * rows + r] = x->data[r * cols + c];
    return status;
}

static int transpose_backward(assay_tape *tape, const assay_node *node)
{
    const assay_tensor *x = input(tape, node, X);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x);
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, X);
    for (size_t r = 0; dx && r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            dx[r * cols + c] += g[c * rows + r];
    return ASSAY_OK;
}

/* y = [sin(w_i t), cos(w_i t)] for a column of t, w_i = 10^4^(-i / (h - 1)), i = 0..h-1; dt = sum_i
 * w_i (g_i cos(w_i t) - g_(h+i) sin(w_i t)) */
static double frequency(size_t i, size_t half)
{
    return pow(1e4, -(double)i / (double)(half - 1));
}

static int sinusoidal_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, X);
    const size_t rows = tensor_size(x), count = node->options.count, half = count / 2;
    if (tensor_cols(x) != 1)
        return assay_node_fail(node, "x must have one column, got %zu", tensor_cols(x));
    if (count < 4 || count % 2 != 0)
        return assay_node_fail(node, "count must be even and at least 4, got %zu", count);
    real *y;
    const int status = assay_node_output(tape, node, rows, count, &y);
    for (size_t r = 0; status == ASSAY_OK && r < rows; r++)
        for (size_t i = 0; i < half; i++) {
            const double angle = frequency(i, half) * (double)x->data[r];
            y[r * count + i] = (real)sin(angle);
            y[r * count + half + i] = (real)cos(angle);
        }
    return status;
}

static int sinusoidal_backward(assay_tape *tape, const assay_node *node)
{
    const assay_tensor *y = output(tape, node);
    const real *g = output_grad(tape, node);
    const size_t count = y->n[1], half = count / 2;
    real *dx = input_grad(tape, node, X);
    for (size_t r = 0; dx && r < y->n[0]; r++)
        for (size_t i = 0; i < half; i++) {
            const size_t sine = r * count + i, cosine = sine + half;
            dx[r] +=
                (real)frequency(i, half) * (g[sine] * y->data[cosine] - g[cosine] * y->data[sine]);
        }
    return ASSAY_OK;
}

const assay_op assay_op_sinusoidal = {.name = "sinusoidal",
    .inputs = {"x"},
    .required = 1,
    .options = "count",
    .forward = sinusoidal_forward,
    .backward = sinusoidal_backward};

const assay_op assay_op_embedding = {.name = "embedding",
    .inputs = {"table"},
    .required = 1,
    .options = "labels",
    .table = true,
    .forward = gather_forward,
    .backward = gather_backward,
    .norm2 = embedding_norm2};

const assay_op assay_op_gather = {.name = "gather",
    .inputs = {"x"},
    .required = 1,
    .options = "rows",
    .forward = gather_forward,
    .backward = gather_backward};

const assay_op assay_op_concat = {.name = "concat",
    .inputs = {"x", "y"},
    .required = 2,
    .options = "",
    .forward = concat_forward,
    .backward = concat_backward};

const assay_op assay_op_slice = {.name = "slice",
    .inputs = {"x"},
    .required = 1,
    .options = "first count",
    .forward = slice_forward,
    .backward = slice_backward};

const assay_op assay_op_transpose = {.name = "transpose",
    .inputs = {"x"},
    .required = 1,
    .options = "",
    .forward = transpose_forward,
    .backward = transpose_backward};
