/*
 * Layer-norm, RMS-norm and group-norm, with n = (x - mu) r over each row (layer-norm), n = x r
 * (RMS) or n over each group of channels of an image row, y = gain n + bias, biased variance.
 *
 * Backward, with t = gain g and means over what was normalised:
 *     dx = r (t - mean(t) - n mean(t n)),      RMS-norm drops mean(t).
 * Group-norm is layer-norm over spans of the row with a gain a channel; one kernel serves all
 * three: a row is `spans` spans of `length`, and element i of the row has gain[i / area].
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, GAIN, BIAS };

struct layout {
    size_t rows, cols, spans, length, area;
    bool centred;
};

static int layout_of(const assay_tape *tape, const assay_node *node, struct layout *l)
{
    const assay_tensor *x = input(tape, node, X);
    *l = (struct layout){tensor_rows(x), tensor_cols(x), 1, tensor_cols(x), 1, true};
    if (node->op == &assay_op_rmsnorm)
        l->centred = false;
    if (node->op != &assay_op_groupnorm)
        return ASSAY_OK;
    size_t channels, height, width;
    const int status = assay_node_image(tape, node, &channels, &height, &width);
    if (status != ASSAY_OK)
        return status;
    const size_t groups = node->options.groups;
    if (groups < 1 || channels % groups != 0)
        return assay_node_fail(
            node, "groups must divide the %zu channels, got %zu", channels, groups);
    l->spans = groups;
    l->length = l->cols / groups;
    l->area = height * width;
    return ASSAY_OK;
}

static int check(const assay_tape *tape, const assay_node *node, const struct layout *l)
{
    for (int slot = GAIN; slot <= BIAS; slot++)
        if (has_input(node, slot) && tensor_size(input(tape, node, slot)) != l->cols / l->area)
            return assay_node_mismatch(
                tape, node, X, slot, "one number a column (or channel) of x");
    if (!(node->options.eps > 0))
        return assay_node_fail(node, "eps must be greater than 0, got %g", node->options.eps);
    return ASSAY_OK;
}

/* n and r of one span. */
static void normalise(
    const real *restrict x, size_t length, real eps, bool centred, real *restrict n, real *r)
{
    const real mean = centred ? row_sum(x, length) / (real)length : 0;
    for (size_t i = 0; i < length; i++)
        n[i] = x[i] - mean;
    const real rate = 1 / real_sqrt(row_dot(n, n, length) / (real)length + eps);
    for (size_t i = 0; i < length; i++)
        n[i] *= rate;
    *r = rate;
}

/* y = gain n + bias of a row; NULL: a gain of 1, a bias of 0 */
static void gain_and_bias(const struct layout *l, const real *restrict n, const real *restrict gain,
    const real *restrict bias, real *restrict y)
{
    const size_t channels = l->cols / l->area;
    if (!gain && !bias) {
        memcpy(y, n, l->cols * sizeof *y);
    } else if (l->area == 1 && gain && bias) {
        for (size_t c = 0; c < channels; c++)
            y[c] = gain[c] * n[c] + bias[c];
    } else if (l->area == 1 && gain) {
        for (size_t c = 0; c < channels; c++)
            y[c] = gain[c] * n[c];
    } else {
        for (size_t c = 0; c < channels; c++) {
            const real a = gain ? gain[c] : 1, b = bias ? bias[c] : 0;
            for (size_t i = c * l->area; i < (c + 1) * l->area; i++)
                y[i] = a * n[i] + b;
        }
    }
}

static int norm_forward(assay_tape *tape, assay_node *node)
{
    struct layout l;
    real *y;
    int status = layout_of(tape, node, &l);
    if (status == ASSAY_OK)
        status = check(tape, node, &l);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, l.rows, l.cols, &y);
    if (status != ASSAY_OK)
        return status;
    real *n = assay_arena_alloc(&tape->arena, l.rows * l.cols, sizeof *n);
    real *r = assay_arena_alloc(&tape->arena, l.rows * l.spans, sizeof *r);
    if (!n || !r)
        return ASSAY_ENOMEM;
    const real *x = input(tape, node, X)->data;
    const real *gain = has_input(node, GAIN) ? input(tape, node, GAIN)->data : NULL;
    const real *bias = has_input(node, BIAS) ? input(tape, node, BIAS)->data : NULL;
    for (size_t s = 0; s < l.rows * l.spans; s++)
        normalise(x + s * l.length, l.length, (real)node->options.eps, l.centred, n + s * l.length,
            r + s);
    for (size_t row = 0; row < l.rows; row++)
        gain_and_bias(&l, n + row * l.cols, gain, bias, y + row * l.cols);
    node->saved[0] = n;
    node->saved[1] = r;
    return ASSAY_OK;
}

/* dgain += g n and dbias += g, of a row */
static void parameter_grads(const struct layout *l, const real *restrict g, const real *restrict n,
    real *restrict dgain, real *restrict dbias)
{
    const size_t channels = l->cols / l->area;
    if (l->area == 1) {
        for (size_t c = 0; dgain && c < channels; c++)
            dgain[c] += g[c] * n[c];
        for (size_t c = 0; dbias && c < channels; c++)
            dbias[c] += g[c];
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        if (dgain)
            dgain[c] += row_dot(g + c * l->area, n + c * l->area, l->area);
        if (dbias)
            dbias[c] += row_sum(g + c * l->area, l->area);
    }
}

/* dx (+)= r (t - mean(t) - n mean(t n)) of a span */
static void span_grad(const struct layout *l, const real *restrict t, const real *restrict n,
    real r, real *restrict dx, bool first)
{
    const real length = (real)l->length;
    const real mean_t = l->centred ? row_sum(t, l->length) / length : 0;
    const real mean_tn = row_dot(t, n, l->length) / length;
    if (first)
        for (size_t i = 0; i < l->length; i++)
            dx[i] = r * (t[i] - mean_t - n[i] * mean_tn);
    else
        for (size_t i = 0; i < l->length; i++)
            dx[i] += r * (t[i] - mean_t - n[i] * mean_tn);
}

static int norm_backward(assay_tape *tape, const assay_node *node)
{
    struct layout l;
    layout_of(tape, node, &l);
    const real *g = output_grad(tape, node), *n = node->saved[0], *r = node->saved[1];
    const real *gain = has_input(node, GAIN) ? input(tape, node, GAIN)->data : NULL;
    real *dgain = input_grad(tape, node, GAIN), *dbias = input_grad(tape, node, BIAS);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    real *t = assay_arena_alloc(&tape->arena, l.cols, sizeof *t);
    if (!t)
        return ASSAY_ENOMEM;
    for (size_t row = 0; row < l.rows; row++, g += l.cols, n += l.cols) {
        if (dgain || dbias)
            parameter_grads(&l, g, n, dgain, dbias);
        if (!dx)
            continue;
        gain_and_bias(&l, g, gain, NULL, t);
        for (size_t s = 0; s < l.spans; s++, dx += l.length)
            span_grad(&l, t + s * l.length, n + s * l.length, *r++, dx, first);
    }
    return ASSAY_OK;
}

static int norm_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    struct layout l;
    layout_of(tape, node, &l);
    const size_t channels = l.cols / l.area;
    real *sums = assay_arena_alloc(&tape->arena, 2 * channels, sizeof *sums);
    if (!sums)
        return ASSAY_ENOMEM;
    real *dgain = input_grad(tape, node, GAIN) ? sums : NULL;
    real *dbias = input_grad(tape, node, BIAS) ? sums + channels : NULL;
    for (size_t e = 0; e < examples->n; e++) {
        memset(sums, 0, 2 * channels * sizeof *sums);
        for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++)
            parameter_grads(&l, output_grad(tape, node) + examples->row[i] * l.cols,
                (const real *)node->saved[0] + examples->row[i] * l.cols, dgain, dbias);
        for (size_t c = 0; c < 2 * channels; c++)
            norm2[e] += (double)sums[c] * (double)sums[c];
    }
    return ASSAY_OK;
}

const assay_op assay_op_layernorm = {.name = "layernorm",
    .inputs = {"x", "gain", "bias"},
    .required = 1,
    .options = "eps",
    .forward = norm_forward,
    .backward = norm_backward,
    .norm2 = norm_norm2};

const assay_op assay_op_rmsnorm = {.name = "rmsnorm",
    .inputs = {"x", "gain"},
    .required = 1,
    .options = "eps",
    .forward = norm_forward,
    .backward = norm_backward,
    .norm2 = norm_norm2};

const assay_op assay_op_groupnorm = {.name = "groupnorm",
    .inputs = {"x", "gain", "bias"},
    .required = 1,
    .options = "eps groups shape",
    .forward = norm_forward,
    .backward = norm_backward,
    .norm2 = norm_norm2};
