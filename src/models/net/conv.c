/*
 * conv2d by im2col, one example at a time so that the columns stay in cache: x rows of [cin, h, w],
 * w [cout, cin k k], b [cout], y rows of [cout, ho, wo] with ho = (h + 2 pad - k) / stride + 1.
 * With the columns U [cin k k, ho wo] of an example, Y = W U, dW += G U^T, dU = W^T G, dX += col2im
 * dU. The columns are made again in backward rather than kept: they are k k times the image. A 1 x
 * 1 window of stride 1 has U = X.
 */
#include "models/net/kernel.h"

enum { X, W, B };

struct geometry {
    size_t rows, cin, h, w, cout, k, stride, pad, ho, wo;
    size_t patch, area; /* cin k k, ho wo */
    bool direct;
};

static int geometry_of(const assay_tape *tape, const assay_node *node, struct geometry *c)
{
    const assay_op_options *o = &node->options;
    const int status = assay_node_image(tape, node, &c->cin, &c->h, &c->w);
    if (status != ASSAY_OK)
        return status;
    c->rows = tensor_rows(input(tape, node, X));
    c->cout = tensor_rows(input(tape, node, W));
    c->k = o->k;
    c->stride = o->stride ? o->stride : 1;
    c->pad = o->pad;
    if (c->k < 1 || c->k > 1 << 15 || c->pad >= c->k)
        return assay_node_fail(
            node, "k must be at least 1 and pad less than k, got k %zu, pad %zu", c->k, c->pad);
    if (c->h + 2 * c->pad < c->k || c->w + 2 * c->pad < c->k)
        return assay_node_fail(node,
            "a window of %zu doesn't fit an image of %zu x %zu with pad %zu", c->k, c->h, c->w,
            c->pad);
    c->ho = (c->h + 2 * c->pad - c->k) / c->stride + 1;
    c->wo = (c->w + 2 * c->pad - c->k) / c->stride + 1;
    c->patch = c->cin * c->k * c->k;
    c->area = c->ho * c->wo;
    c->direct = c->k == 1 && c->stride == 1;
    return ASSAY_OK;
}

static int check(const assay_tape *tape, const assay_node *node, const struct geometry *c)
{
    if (tensor_cols(input(tape, node, W)) != c->patch)
        return assay_node_mismatch(
            tape, node, X, W, "w must be output channels x input channels * k * k");
    if (has_input(node, B) && tensor_size(input(tape, node, B)) != c->cout)
        return assay_node_mismatch(tape, node, W, B, "b must have one number a row of w");
    return ASSAY_OK;
}

/* The input position under output `o` and window offset `at`; false in the padding. */
static bool source(size_t o, size_t at, size_t stride, size_t pad, size_t size, size_t *position)
{
    *position = o * stride + at;
    if (*position < pad || *position - pad >= size)
        return false;
    *position -= pad;
    return true;
}

static void im2col(const struct geometry *c, const real *x, real *u)
{
    for (size_t p = 0; p < c->patch; p++) {
        const size_t channel = p / (c->k * c->k), dy = p / c->k % c->k, dx = p % c->k;
        for (size_t oy = 0; oy < c->ho; oy++) {
            real *row = u + p * c->area + oy * c->wo;
            size_t iy, ix;
            if (!source(oy, dy, c->stride, c->pad, c->h, &iy)) {
                memset(row, 0, c->wo * sizeof *row);
                continue;
            }
            const real *line = x + (channel * c->h + iy) * c->w;
            for (size_t ox = 0; ox < c->wo; ox++)
                row[ox] = source(ox, dx, c->stride, c->pad, c->w, &ix) ? line[ix] : 0;
        }
    }
}

static void col2im_add(const struct geometry *c, const real *u, real *x)
{
    for (size_t p = 0; p < c->patch; p++) {
        const size_t channel = p / (c->k * c->k), dy = p / c->k % c->k, dx = p % c->k;
        for (size_t oy = 0; oy < c->ho; oy++) {
            size_t iy, ix;
            if (!source(oy, dy, c->stride, c->pad, c->h, &iy))
                continue;
            for (size_t ox = 0; ox < c->wo; ox++)
                if (source(ox, dx, c->stride, c->pad, c->w, &ix))
                    x[(channel * c->h + iy) * c->w + ix] += u[p * c->area + oy * c->wo + ox];
        }
    }
}

static int conv2d_forward(assay_tape *tape, assay_node *node)
{
    struct geometry c;
    real *y, *u = NULL;
    int status = geometry_of(tape, node, &c);
    if (status == ASSAY_OK)
        status = check(tape, node, &c);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, c.rows, c.cout * c.area, &y);
    if (status != ASSAY_OK)
        return status;
    if (!c.direct && !(u = assay_arena_alloc(&tape->arena, c.patch * c.area, sizeof *u)))
        return ASSAY_ENOMEM;
    const real *w = input(tape, node, W)->data;
    const real *b = has_input(node, B) ? input(tape, node, B)->data : NULL;
    for (size_t r = 0; r < c.rows; r++) {
        const real *x = input(tape, node, X)->data + r * c.cin * c.h * c.w;
        real *out = y + r * c.cout * c.area;
        if (u)
            im2col(&c, x, u);
        for (size_t i = 0; b && i < c.cout * c.area; i++)
            out[i] = b[i / c.area];
        assay_gemm(false, false, c.cout, c.area, c.patch, 1, w, c.patch, u ? u : x, c.area,
            b != NULL, out, c.area);
    }
    node->saved[0] = u;
    return ASSAY_OK;
}

/* dW += G U^T and db += the sums of G, of one example */
static void weight_grads(
    const struct geometry *c, const real *g, const real *x, real *u, real *dw, real *db)
{
    if (dw && u)
        im2col(c, x, u);
    if (dw)
        assay_gemm(false, true, c->cout, c->patch, c->area, 1, g, c->area, u ? u : x, c->area, 1,
            dw, c->patch);
    for (size_t i = 0; db && i < c->cout * c->area; i++)
        db[i / c->area] += g[i];
}

static int conv2d_backward(assay_tape *tape, const assay_node *node)
{
    struct geometry c;
    geometry_of(tape, node, &c);
    real *u = node->saved[0], *dx = input_grad(tape, node, X);
    const real *w = input(tape, node, W)->data;
    for (size_t r = 0; r < c.rows; r++) {
        const size_t at = r * c.cin * c.h * c.w;
        const real *g = output_grad(tape, node) + r * c.cout * c.area;
        weight_grads(&c, g, input(tape, node, X)->data + at, u, input_grad(tape, node, W),
            input_grad(tape, node, B));
        if (!dx)
            continue;
        assay_gemm(true, false, c.patch, c.area, c.cout, 1, w, c.patch, g, c.area, !u,
            u ? u : dx + at, c.area);
        if (u)
            col2im_add(&c, u, dx + at);
    }
    return ASSAY_OK;
}

static int conv2d_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    struct geometry c;
    geometry_of(tape, node, &c);
    const size_t size = c.cout * (c.patch + 1);
    real *dw = assay_arena_alloc(&tape->arena, size, sizeof *dw);
    if (!dw)
        return ASSAY_ENOMEM;
    for (size_t e = 0; e < examples->n; e++) {
        memset(dw, 0, size * sizeof *dw);
        for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++)
            weight_grads(&c, output_grad(tape, node) + examples->row[i] * c.cout * c.area,
                input(tape, node, X)->data + examples->row[i] * c.cin * c.h * c.w, node->saved[0],
                input_grad(tape, node, W) ? dw : NULL,
                input_grad(tape, node, B) ? dw + c.cout * c.patch : NULL);
        for (size_t i = 0; i < size; i++)
            norm2[e] += (double)dw[i] * (double)dw[i];
    }
    return ASSAY_OK;
}

static double conv2d_flops(const assay_tape *tape, const assay_node *node)
{
    struct geometry c;
    if (geometry_of(tape, node, &c) != ASSAY_OK)
        return 0;
    return 2.0 * (double)c.rows * (double)c.cout * (double)c.patch * (double)c.area;
}

const assay_op assay_op_conv2d = {.name = "conv2d",
    .inputs = {"x", "w", "b"},
    .required = 2,
    .options = "shape k stride pad",
    .forward = conv2d_forward,
    .backward = conv2d_backward,
    .norm2 = conv2d_norm2,
    .flops = conv2d_flops};

/* ---- the adjoint ---- */

/* The geometry of the convolution whose adjoint this is: its image is our output. */
static int adjoint_of(const assay_tape *tape, const assay_node *node, struct geometry *c)
{
    const assay_op_options *o = &node->options;
    size_t cin;
    const int status = assay_node_image(tape, node, &cin, &c->ho, &c->wo);
    if (status != ASSAY_OK)
        return status;
    c->rows = tensor_rows(input(tape, node, X));
    c->cout = cin;
    c->k = o->k;
    c->stride = o->stride ? o->stride : 1;
    c->pad = o->pad;
    if (c->k < 1 || c->k > 1 << 15 || c->pad >= c->k || c->stride > 1 << 15)
        return assay_node_fail(node,
            "k must be at least 1, pad less than k and stride at most 32768, "
            "got k %zu, pad %zu, stride %zu",
            c->k, c->pad, c->stride);
    c->h = (c->ho - 1) * c->stride + c->k;
    c->w = (c->wo - 1) * c->stride + c->k;
    if (c->h <= 2 * c->pad || c->w <= 2 * c->pad)
        return assay_node_fail(
            node, "a pad of %zu leaves nothing of %zu x %zu", c->pad, c->h, c->w);
    c->h -= 2 * c->pad;
    c->w -= 2 * c->pad;
    c->patch = tensor_cols(input(tape, node, W));
    c->cin = c->patch / (c->k * c->k);
    c->area = c->ho * c->wo;
    if (tensor_rows(input(tape, node, W)) != cin || c->cin * c->k * c->k != c->patch)
        return assay_node_mismatch(
            tape, node, X, W, "w must be input channels x output channels * k * k");
    if (has_input(node, B) && tensor_size(input(tape, node, B)) != c->cin)
        return assay_node_mismatch(tape, node, W, B, "b must have one number an output channel");
    return ASSAY_OK;
}

static int adjoint_forward(assay_tape *tape, assay_node *node)
{
    struct geometry c;
    real *y;
    int status = adjoint_of(tape, node, &c);
    const size_t image = status == ASSAY_OK ? c.cin * c.h * c.w : 0;
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, c.rows, image, &y);
    if (status != ASSAY_OK)
        return status;
    real *u = node->saved[0] = assay_arena_alloc(&tape->arena, c.patch * c.area, sizeof *u);
    if (!u)
        return ASSAY_ENOMEM;
    const real *b = has_input(node, B) ? input(tape, node, B)->data : NULL;
    for (size_t r = 0; r < c.rows; r++) {
        assay_gemm(true, false, c.patch, c.area, c.cout, 1, input(tape, node, W)->data, c.patch,
            input(tape, node, X)->data + r * c.cout * c.area, c.area, 0, u, c.area);
        for (size_t i = 0; i < image; i++)
            y[r * image + i] = b ? b[i / (c.h * c.w)] : 0;
        col2im_add(&c, u, y + r * image);
    }
    return ASSAY_OK;
}

/* dW += X dU^T and db += the sums of G of one example; leaves dU in u */
static void adjoint_weight_grads(
    const struct geometry *c, const real *g, const real *x, real *u, real *dw, real *db)
{
    im2col(c, g, u);
    if (dw)
        assay_gemm(
            false, true, c->cout, c->patch, c->area, 1, x, c->area, u, c->area, 1, dw, c->patch);
    for (size_t i = 0; db && i < c->cin * c->h * c->w; i++)
        db[i / (c->h * c->w)] += g[i];
}

static int adjoint_backward(assay_tape *tape, const assay_node *node)
{
    struct geometry c;
    adjoint_of(tape, node, &c);
    real *u = node->saved[0], *dx = input_grad(tape, node, X);
    for (size_t r = 0; r < c.rows; r++) {
        const size_t at = r * c.cout * c.area;
        adjoint_weight_grads(&c, output_grad(tape, node) + r * c.cin * c.h * c.w,
            input(tape, node, X)->data + at, u, input_grad(tape, node, W),
            input_grad(tape, node, B));
        if (dx)
            assay_gemm(false, false, c.cout, c.area, c.patch, 1, input(tape, node, W)->data,
                c.patch, u, c.area, 1, dx + at, c.area);
    }
    return ASSAY_OK;
}

static double adjoint_flops(const assay_tape *tape, const assay_node *node)
{
    struct geometry c;
    if (adjoint_of(tape, node, &c) != ASSAY_OK)
        return 0;
    return 2.0 * (double)c.rows * (double)c.cout * (double)c.patch * (double)c.area;
}

const assay_op assay_op_conv2d_transpose = {.name = "conv2d_transpose",
    .inputs = {"x", "w", "b"},
    .required = 2,
    .options = "shape k stride pad",
    .forward = adjoint_forward,
    .backward = adjoint_backward,
    .flops = adjoint_flops};
