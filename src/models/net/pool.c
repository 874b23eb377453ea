/*
 * Pools over images, rows of [channels, height, width]: maxpool and avgpool of k x k windows, the
 * mean and the maximum over all positions of a channel, and upsampling x 2 by repetition. A maximum
 * keeps its first position on ties, and its gradient goes there alone; windows that would stick out
 * are left away.
 */
#include "models/net/kernel.h"

struct windows {
    size_t rows, channels, h, w, k_h, k_w, stride_h, stride_w, ho, wo;
};

static int windows_of(const assay_tape *tape, const assay_node *node, struct windows *p)
{
    const int status = assay_node_image(tape, node, &p->channels, &p->h, &p->w);
    if (status != ASSAY_OK)
        return status;
    p->rows = tensor_rows(input(tape, node, 0));
    const bool whole = node->op == &assay_op_globalmean || node->op == &assay_op_globalmax;
    const size_t k = node->options.k, stride = node->options.stride ? node->options.stride : k;
    p->k_h = whole ? p->h : k;
    p->k_w = whole ? p->w : k;
    p->stride_h = whole ? p->h : stride;
    p->stride_w = whole ? p->w : stride;
    if (p->k_h < 1 || p->k_h > p->h || p->k_w > p->w)
        return assay_node_fail(node, "k must be in 1..%zu for images of %zu x %zu, got %zu",
            p->h < p->w ? p->h : p->w, p->h, p->w, k);
    p->ho = (p->h - p->k_h) / p->stride_h + 1;
    p->wo = (p->w - p->k_w) / p->stride_w + 1;
    return ASSAY_OK;
}

static int begin(assay_tape *tape, assay_node *node, struct windows *p, real **y)
{
    const int status = windows_of(tape, node, p);
    return status != ASSAY_OK
               ? status
               : assay_node_output(tape, node, p->rows, p->channels * p->ho * p->wo, y);
}

/* Where window `out` of all rows begins in x. */
static size_t corner(const struct windows *p, size_t out)
{
    const size_t plane = out / (p->ho * p->wo), oy = out / p->wo % p->ho, ox = out % p->wo;
    return (plane * p->h + oy * p->stride_h) * p->w + ox * p->stride_w;
}

/* NaN counts as the largest, so that it is not hidden. */
static size_t largest(const struct windows *p, const real *x, size_t at)
{
    size_t best = at;
    for (size_t dy = 0; dy < p->k_h; dy++)
        for (size_t dx = 0; dx < p->k_w; dx++) {
            const size_t i = at + dy * p->w + dx;
            if (x[i] > x[best] || (isnan(x[i]) && !isnan(x[best])))
                best = i;
        }
    return best;
}

static int max_forward(assay_tape *tape, assay_node *node)
{
    struct windows p;
    real *y;
    const int status = begin(tape, node, &p, &y);
    if (status != ASSAY_OK)
        return status;
    const size_t size = tensor_size(output(tape, node));
    uint32_t *from = assay_arena_alloc(&tape->arena, size, sizeof *from);
    if (!from)
        return ASSAY_ENOMEM;
    const real *x = input(tape, node, 0)->data;
    for (size_t i = 0; i < size; i++) {
        const size_t best = largest(&p, x, corner(&p, i));
        from[i] = (uint32_t)best;
        y[i] = x[best];
    }
    node->saved[0] = from;
    return ASSAY_OK;
}

static int max_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    const uint32_t *from = node->saved[0];
    real *dx = input_grad(tape, node, 0);
    for (size_t i = 0; dx && i < tensor_size(output(tape, node)); i++)
        dx[from[i]] += g[i];
    return ASSAY_OK;
}

static int mean_forward(assay_tape *tape, assay_node *node)
{
    struct windows p;
    real *y;
    const int status = begin(tape, node, &p, &y);
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, 0)->data;
    for (size_t i = 0; i < tensor_size(output(tape, node)); i++) {
        const real *window = x + corner(&p, i);
        real sum = 0;
        for (size_t dy = 0; dy < p.k_h; dy++)
            for (size_t dx = 0; dx < p.k_w; dx++)
                sum += window[dy * p.w + dx];
        y[i] = sum / (real)(p.k_h * p.k_w);
    }
    return ASSAY_OK;
}

static int mean_backward(assay_tape *tape, const assay_node *node)
{
    struct windows p;
    windows_of(tape, node, &p);
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, 0);
    for (size_t i = 0; dx && i < tensor_size(output(tape, node)); i++)
        for (size_t y = 0; y < p.k_h; y++)
            for (size_t x = 0; x < p.k_w; x++)
                dx[corner(&p, i) + y * p.w + x] += g[i] / (real)(p.k_h * p.k_w);
    return ASSAY_OK;
}

/* Position of (y, x) / 2 in the small image, for element i of the large one. */
static size_t small(size_t i, size_t h, size_t w)
{
    const size_t plane = i / (4 * h * w), y = i / (2 * w) % (2 * h), x = i % (2 * w);
    return (plane * h + y / 2) * w + x / 2;
}

static int upsample_forward(assay_tape *tape, assay_node *node)
{
    size_t channels, h, w;
    real *y;
    int status = assay_node_image(tape, node, &channels, &h, &w);
    if (status == ASSAY_OK)
        status = assay_node_output(
            tape, node, tensor_rows(input(tape, node, 0)), 4 * channels * h * w, &y);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < tensor_size(output(tape, node)); i++)
        y[i] = input(tape, node, 0)->data[small(i, h, w)];
    return ASSAY_OK;
}

static int upsample_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, 0);
    for (size_t i = 0; dx && i < tensor_size(output(tape, node)); i++)
        dx[small(i, node->options.shape[1], node->options.shape[2])] += g[i];
    return ASSAY_OK;
}

#define POOL(op, kind, options_named)                                                              \
    const assay_op assay_op_##op = {.name = #op,                                                   \
        .inputs = {"x"},                                                                           \
        .required = 1,                                                                             \
        .options = options_named,                                                                  \
        .forward = kind##_forward,                                                                 \
        .backward = kind##_backward}

POOL(maxpool, max, "shape k stride");
POOL(avgpool, mean, "shape k stride");
POOL(globalmax, max, "shape");
POOL(globalmean, mean, "shape");
POOL(upsample, upsample, "shape");
