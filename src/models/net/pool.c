/*
 * Pools over images, rows of [channels, height, width]: maxpool and avgpool of k x k windows, the
 * mean and the maximum over all positions of a channel, and upsampling x 2 by repetition. A maximum
 * keeps its first position on ties, and its gradient goes there alone; windows that would stick out
 * are left away.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

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

/* The largest of each window of a row of them and where it is, the first on ties; NaN counts as the
 * largest, so that it is not hidden. `x` is the corner of the first window, number `at` of all. */
static void max_row(const struct windows *p, const real *restrict x, uint32_t at, real *restrict y,
    uint32_t *restrict from)
{
    const size_t stride = p->stride_w;
    for (size_t o = 0; o < p->wo; o++) {
        y[o] = x[o * stride];
        from[o] = at + (uint32_t)(o * stride);
    }
    for (size_t dy = 0; dy < p->k_h; dy++)
        for (size_t dx = dy == 0; dx < p->k_w; dx++) {
            const real *restrict line = x + dy * p->w + dx;
            const uint32_t moved = at + (uint32_t)(dy * p->w + dx);
            for (size_t o = 0; o < p->wo; o++) {
                const real v = line[o * stride], best = y[o];
                const bool take = (v > best) | ((v != v) & (best == best));
                y[o] = take ? v : best;
                from[o] = take ? moved + (uint32_t)(o * stride) : from[o];
            }
        }
}

/* 2 x 2 windows side by side, which is nearly all of them, keep no positions: backward compares. */
static bool is_pairs(const struct windows *p)
{
    return p->k_h == 2 && p->k_w == 2 && p->stride_h == 2 && p->stride_w == 2;
}

/* Even and odd numbers of sixteen, and back. */
static inline void split(const real *x, lanes *even, lanes *odd)
{
    const lanes low = lanes_at(x), high = lanes_at(x + LANES);
    *even = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
    *odd = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}

static inline void join(lanes even, lanes odd, real *x)
{
    lanes_put(__builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11), x);
    lanes_put(__builtin_shufflevector(even, odd, 4, 12, 5, 13, 6, 14, 7, 15), x + LANES);
}

/* The larger, or v where it is NaN. */
static inline lanes larger(lanes best, lanes v)
{
    return lanes_pick((v > best) | (v != v), v, best);
}

/* The maxima of eight windows, whose upper halves are a and whose lower ones b. */
static inline lanes eight_maxima(const real *a, const real *b)
{
    lanes a0, a1, b0, b1;
    split(a, &a0, &a1);
    split(b, &b0, &b1);
    return larger(larger(a0, a1), larger(b0, b1));
}

/* Rows are done in eights; the last eight of a row may reach into what follows, which is written
 * after it. Where nothing follows they go through buffers. */
static void max_pairs(const struct windows *p, const real *x, real *y)
{
    const real *const end = x + p->rows * p->channels * p->h * p->w;
    const real *const y_end = y + p->rows * p->channels * p->ho * p->wo;
    for (size_t plane = 0; plane < p->rows * p->channels; plane++)
        for (size_t oy = 0; oy < p->ho; oy++, y += p->wo)
            for (size_t o = 0; o < p->wo; o += LANES) {
                const real *a = x + (plane * p->h + 2 * oy) * p->w + 2 * o, *b = a + p->w;
                if (b + 2 * LANES <= end && y + o + LANES <= y_end) {
                    lanes_put(eight_maxima(a, b), y + o);
                    continue;
                }
                const size_t left = p->wo - o < LANES ? p->wo - o : LANES;
                real upper[2 * LANES] = {0}, lower[2 * LANES] = {0}, most[LANES];
                memcpy(upper, a, 2 * left * sizeof *a);
                memcpy(lower, b, 2 * left * sizeof *b);
                lanes_put(eight_maxima(upper, lower), most);
                memcpy(y + o, most, left * sizeof *y);
            }
}

/* The gradients of eight windows whose upper halves are a, lower ones b, and maxima y: those of
 * `up` where x is the maximum (NaN is every maximum) and no earlier number of its window is. The
 * lower ones last, which may be where the upper ones reach. */
static inline void put_gradients(
    const real *a, const real *b, const real *y, lanes up, real *da, real *db)
{
    lanes a0, a1, b0, b1;
    const lanes best = lanes_at(y), none = {0};
    split(a, &a0, &a1);
    split(b, &b0, &b1);
    const marks first = (a0 == best) | (a0 != a0), second = (a1 == best) | (a1 != a1);
    const marks third = (b0 == best) | (b0 != b0), before = first | second;
    join(lanes_pick(first, up, none), lanes_pick(second & ~first, up, none), da);
    join(lanes_pick(third & ~before, up, none), lanes_pick(~(before | third), up, none), db);
}

/* The same for `left` windows at most, through buffers. */
static void put_last_gradients(const struct windows *p, size_t left, const real *a, const real *y,
    const real *g, real *dx, bool first)
{
    real upper[2 * LANES] = {0}, lower[2 * LANES] = {0}, maxima[LANES] = {0};
    real da[2 * LANES], db[2 * LANES];
    memcpy(upper, a, 2 * left * sizeof *a);
    memcpy(lower, a + p->w, 2 * left * sizeof *a);
    memcpy(maxima, y, left * sizeof *y);
    put_gradients(upper, lower, maxima, lanes_tail(g, left, 0), da, db);
    put_scaled(2 * left, 1, da, dx, first);
    put_scaled(2 * left, 1, db, dx + p->w, first);
}

/* Rows of windows in eights, the last eight of a row first: what they reach too far gets 0, and is
 * written later, or is of no window. */
static void max_pairs_backward(
    const struct windows *p, const real *x, const real *y, const real *g, real *dx, bool first)
{
    const lanes number = {0, 1, 2, 3, 4, 5, 6, 7}, none = {0};
    const size_t planes = p->rows * p->channels, image = p->h * p->w, size = planes * image;
    const size_t windows = planes * p->ho * p->wo, blocks = (p->wo + LANES - 1) / LANES;
    for (size_t plane = 0, out = 0; plane < planes; plane++) {
        if (first && (p->w % 2 || p->h % 2))
            memset(dx + plane * image, 0, image * sizeof *dx);
        for (size_t oy = 0; oy < p->ho; oy++, out += p->wo)
            for (size_t block = blocks; block-- > 0;) {
                const size_t o = block * LANES, a = plane * image + 2 * oy * p->w + 2 * o;
                const size_t left = p->wo - o < LANES ? p->wo - o : LANES, b = a + p->w;
                if (!first || b + 2 * LANES > size || out + o + LANES > windows) {
                    put_last_gradients(p, left, x + a, y + out + o, g + out + o, dx + a, first);
                    continue;
                }
                const lanes up = lanes_pick(number < (real)left, lanes_at(g + out + o), none);
                put_gradients(x + a, x + b, y + out + o, up, dx + a, dx + b);
            }
    }
}

static int max_forward(assay_tape *tape, assay_node *node)
{
    struct windows p;
    real *y;
    const int status = begin(tape, node, &p, &y);
    if (status != ASSAY_OK)
        return status;
    if (is_pairs(&p)) {
        max_pairs(&p, input(tape, node, 0)->data, y);
        return ASSAY_OK;
    }
    uint32_t *from = assay_arena_alloc(&tape->arena, tensor_size(output(tape, node)), sizeof *from);
    if (!from)
        return ASSAY_ENOMEM;
    node->saved[0] = from;
    const real *x = input(tape, node, 0)->data;
    for (size_t plane = 0; plane < p.rows * p.channels; plane++)
        for (size_t oy = 0; oy < p.ho; oy++, y += p.wo, from += p.wo) {
            const size_t at = (plane * p.h + oy * p.stride_h) * p.w;
            max_row(&p, x + at, (uint32_t)at, y, from);
        }
    return ASSAY_OK;
}

static int max_backward(assay_tape *tape, const assay_node *node)
{
    const real *restrict g = output_grad(tape, node);
    const uint32_t *restrict from = node->saved[0];
    const assay_tensor *x = input(tape, node, 0), *y = output(tape, node);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x), windows = tensor_cols(y);
    bool first;
    real *restrict dx = input_grad_first(tape, node, 0, &first);
    struct windows p;
    windows_of(tape, node, &p);
    if (dx && is_pairs(&p)) {
        max_pairs_backward(&p, x->data, y->data, g, dx, first);
        return ASSAY_OK;
    }
    for (size_t r = 0; dx && r < rows; r++) {
        if (first)
            memset(dx + r * cols, 0, cols * sizeof *dx);
        for (size_t i = r * windows; i < (r + 1) * windows; i++)
            dx[from[i]] += g[i];
    }
    return ASSAY_OK;
}

static int mean_forward(assay_tape *tape, assay_node *node)
{
    struct windows p;
    real *y;
    const int status = begin(tape, node, &p, &y);
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, 0)->data, share = 1 / (real)(p.k_h * p.k_w);
    for (size_t plane = 0; plane < p.rows * p.channels; plane++)
        for (size_t oy = 0; oy < p.ho; oy++, y += p.wo) {
            const real *corner = x + (plane * p.h + oy * p.stride_h) * p.w;
            for (size_t o = 0; o < p.wo; o++) {
                real sum = 0;
                for (size_t dy = 0; dy < p.k_h; dy++)
                    sum += row_sum(corner + dy * p.w + o * p.stride_w, p.k_w);
                y[o] = sum * share;
            }
        }
    return ASSAY_OK;
}

static int mean_backward(assay_tape *tape, const assay_node *node)
{
    struct windows p;
    windows_of(tape, node, &p);
    const real *g = output_grad(tape, node), share = 1 / (real)(p.k_h * p.k_w);
    real *dx = input_grad(tape, node, 0);
    for (size_t plane = 0; dx && plane < p.rows * p.channels; plane++)
        for (size_t oy = 0; oy < p.ho; oy++, g += p.wo) {
            real *corner = dx + (plane * p.h + oy * p.stride_h) * p.w;
            for (size_t o = 0; o < p.wo; o++)
                for (size_t dy = 0; dy < p.k_h; dy++)
                    for (size_t i = 0; i < p.k_w; i++)
                        corner[dy * p.w + o * p.stride_w + i] += g[o] * share;
        }
    return ASSAY_OK;
}

static int upsample_forward(assay_tape *tape, assay_node *node)
{
    size_t channels, h, w;
    real *y;
    int status = assay_node_image(tape, node, &channels, &h, &w);
    const size_t rows = tensor_rows(input(tape, node, 0));
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, rows, 4 * channels * h * w, &y);
    if (status != ASSAY_OK)
        return status;
    const real *restrict x = input(tape, node, 0)->data;
    for (size_t line = 0; line < rows * channels * h; line++, x += w, y += 4 * w) {
        for (size_t i = 0; i < w; i++)
            y[2 * i] = y[2 * i + 1] = x[i];
        memcpy(y + 2 * w, y, 2 * w * sizeof *y);
    }
    return ASSAY_OK;
}

static int upsample_backward(assay_tape *tape, const assay_node *node)
{
    const real *restrict g = output_grad(tape, node);
    const size_t w = node->options.shape[2], lines = tensor_size(input(tape, node, 0)) / w;
    real *restrict dx = input_grad(tape, node, 0);
    for (size_t line = 0; dx && line < lines; line++, dx += w, g += 4 * w)
        for (size_t i = 0; i < w; i++)
            dx[i] += (g[2 * i] + g[2 * i + 1]) + (g[2 * w + 2 * i] + g[2 * w + 2 * i + 1]);
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
