/* meanrows: the mean of the rows of each of packed sequences. */
#include "models/net/kernel.h"

static int meanrows_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x), n = node->options.n_lengths;
    const size_t *length = node->options.lengths;
    size_t sum = 0;
    for (size_t i = 0; length && i < n && length[i] >= 1 && length[i] <= rows - sum; i++)
        sum += length[i];
    if (!length || sum != rows)
        return assay_node_fail(
            node, "lengths must be at least 1 and sum to the %zu rows of x", rows);
    real *y;
    const int status = assay_node_output(tape, node, n, cols, &y);
    if (status != ASSAY_OK)
        return status;
    const real *from = input(tape, node, 0)->data;
    memset(y, 0, n * cols * sizeof *y);
    for (size_t i = 0; i < n; i++, y += cols) {
        for (size_t r = 0; r < length[i]; r++, from += cols)
            for (size_t c = 0; c < cols; c++)
                y[c] += from[c];
        for (size_t c = 0; c < cols; c++)
            y[c] /= (real)length[i];
    }
    return ASSAY_OK;
}

static int meanrows_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    const size_t cols = tensor_cols(output(tape, node));
    real *dx = input_grad(tape, node, 0);
    for (size_t i = 0; i < node->options.n_lengths; i++, g += cols) {
        const real share = 1 / (real)node->options.lengths[i];
        for (size_t r = 0; r < node->options.lengths[i]; r++, dx += cols)
            for (size_t c = 0; c < cols; c++)
                dx[c] += share * g[c];
    }
    return ASSAY_OK;
}

const assay_op assay_op_meanrows = {.name = "meanrows",
    .inputs = {"x"},
    .required = 1,
    .options = "lengths",
    .forward = meanrows_forward,
    .backward = meanrows_backward};
