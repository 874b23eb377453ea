/*
 * conv2d by im2col, one example at a time so that the columns stay in cache: x rows of [cin, h, w],
 * w [cout, cin k k], b [cout], y rows of [cout, ho, wo] with ho = (h + 2 pad - side) / stride + 1
 * and side = (k - 1) dilation + 1.
 * With options.count, the first output and input channels of larger w and b serve, where they lie.
 * With the columns U [cin k k, ho wo] of an example, Y = W U, dW += G U^T, dU = W^T G, dX += col2im
 * dU. The columns are made again in backward rather than kept: they are k k times the image. A 1 x
 * 1 window of stride 1 has U = X.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, W, B };

struct geometry {
    size_t rows, cin, h, w, cout, k, stride, pad, dilation, ho, wo;
    size_t patch, area; /* cin k k, ho wo */
    size_t w_cols;      /* of w: more than patch in a slice of larger weights */
    bool direct;
    assay_gemm_kind gemm;
};

static int geometry_of(const assay_tape *tape, const assay_node *node, struct geometry *c)
{
    const assay_op_options *o = &node->options;
    const int status = assay_node_image(tape, node, &c->cin, &c->h, &c->w);
    if (status != ASSAY_OK)
        return status;
    c->gemm = tape->gemm;
    c->rows = tensor_rows(input(tape, node, X));
    c->cout = o->count ? o->count : tensor_rows(input(tape, node, W));
    c->w_cols = tensor_cols(input(tape, node, W));
    c->k = o->k;
    c->stride = o->stride ? o->stride : 1;
    c->pad = o->pad;
    c->dilation = o->dilation ? o->dilation : 1;
    if (c->k < 1 || c->k > 1 << 15 || c->dilation > 1 << 15)
        return assay_node_fail(node,
            "k must be in 1..32768 and dilation at most 32768, got k %zu, dilation %zu", c->k,
            c->dilation);
    const size_t side = (c->k - 1) * c->dilation + 1;
    if (c->pad >= side)
        return assay_node_fail(node,
            "k must be at least 1 and pad less than k (dilated: %zu), got k %zu, pad %zu", side,
            c->k, c->pad);
    if (c->h + 2 * c->pad < side || c->w + 2 * c->pad < side)
        return assay_node_fail(node,
            "a window of %zu doesn't fit an image of %zu x %zu with pad %zu", side, c->h, c->w,
            c->pad);
    c->ho = (c->h + 2 * c->pad - side) / c->stride + 1;
    c->wo = (c->w + 2 * c->pad - side) / c->stride + 1;
    c->patch = c->cin * c->k * c->k;
    c->area = c->ho * c->wo;
    c->direct = c->k == 1 && c->stride == 1;
    return ASSAY_OK;
}

static int check(const assay_tape *tape, const assay_node *node, const struct geometry *c)
{
    const bool sliced = node->options.count > 0;
    if (sliced && c->cout > tensor_rows(input(tape, node, W)))
        return assay_node_fail(node, "count must be at most the %zu rows of w, got %zu",
            tensor_rows(input(tape, node, W)), c->cout);
    if (sliced ? c->w_cols < c->patch : c->w_cols != c->patch)
        return assay_node_mismatch(
            tape, node, X, W, "w must be output channels x input channels * k * k");
    const size_t biases = has_input(node, B) ? tensor_size(input(tape, node, B)) : c->cout;
    if (sliced ? biases < c->cout : biases != c->cout)
        return assay_node_mismatch(tape, node, W, B, "b must have one number a row of w");
    return ASSAY_OK;
}

/* The outputs o in [*low, *high) whose input o stride + at - pad lies in [0, size). */
static void inside(
    size_t at, size_t stride, size_t pad, size_t size, size_t outputs, size_t *low, size_t *high)
{
    *low = at < pad ? (pad - at + stride - 1) / stride : 0;
    *high = at < size + pad ? (size + pad - at - 1) / stride + 1 : 0;
    *high = *high < outputs ? *high : outputs;
    *low = *low < *high ? *low : *high;
}

/* Where row p of the columns comes from: its channel's plane, shifted by (dy - pad, dx - pad).
 * Outputs from low to below high lie inside; `source` is the input under the first of them, `step`
 * on for each further row. */
struct shift {
    size_t low_y, high_y, low_x, high_x, source, step;
};

/* Of each row p; in the arena, NULL: out of memory. */
static struct shift *shifts_of(assay_tape *tape, const struct geometry *c)
{
    struct shift *shifts = assay_arena_alloc(&tape->arena, c->patch, sizeof *shifts);
    for (size_t p = 0; shifts && p < c->patch; p++) {
        const size_t dy = p / c->k % c->k * c->dilation, dx = p % c->k * c->dilation;
        struct shift *s = &shifts[p];
        inside(dy, c->stride, c->pad, c->h, c->ho, &s->low_y, &s->high_y);
        inside(dx, c->stride, c->pad, c->w, c->wo, &s->low_x, &s->high_x);
        s->step = c->stride * c->w;
        s->source = p / (c->k * c->k) * c->h * c->w + (s->low_y * c->stride + dy - c->pad) * c->w +
                    s->low_x * c->stride + dx - c->pad;
    }
    return shifts;
}

/* Where outputs lie under inputs one to one, a whole plane moves at once, from its first number
 * inside to its last; what wraps around its sides is padding. */
static bool is_flat(const struct geometry *c)
{
    return c->stride == 1 && c->wo == c->w;
}

static size_t flat_length(const struct geometry *c, const struct shift *s)
{
    return (s->high_y - s->low_y - 1) * c->w + s->high_x - s->low_x;
}

/* 0 in column ox of u. Down a column: along a row of one or two numbers compilers call memset. */
static void clear_column(const struct geometry *c, const struct shift *s, size_t ox, real *u)
{
    for (size_t oy = s->low_y; oy < s->high_y; oy++)
        u[oy * c->wo + ox] = 0;
}

/* 0 in the columns of u that are padding. */
static void clear_sides(const struct geometry *c, const struct shift *s, real *u)
{
    for (size_t ox = 0; ox < s->low_x; ox++)
        clear_column(c, s, ox, u);
    for (size_t ox = s->high_x; ox < c->wo; ox++)
        clear_column(c, s, ox, u);
}

static void shift_rows(
    const struct geometry *c, const struct shift *s, const real *restrict from, real *restrict to)
{
    const size_t width = s->high_x - s->low_x;
    for (size_t oy = s->low_y; oy < s->high_y; oy++, from += s->step, to += c->wo)
        if (c->stride == 1)
            memcpy(to, from, width * sizeof *to);
        else
            for (size_t ox = 0; ox < width; ox++)
                to[ox] = from[ox * c->stride];
}

static void im2col(const struct geometry *c, const struct shift *s, const real *x, real *u)
{
    for (size_t p = 0; p < c->patch; p++, s++, u += c->area) {
        if (s->low_y == s->high_y || s->low_x == s->high_x) {
            memset(u, 0, c->area * sizeof *u);
            continue;
        }
        real *to = u + s->low_y * c->wo + s->low_x;
        if (s->low_y > 0)
            memset(u, 0, s->low_y * c->wo * sizeof *u);
        if (s->high_y < c->ho)
            memset(u + s->high_y * c->wo, 0, (c->ho - s->high_y) * c->wo * sizeof *u);
        if (is_flat(c))
            memcpy(to, x + s->source, flat_length(c, s) * sizeof *u);
        else
            shift_rows(c, s, x + s->source, to);
        clear_sides(c, s, u);
    }
}

/* x (+)= the adjoint of im2col of u, whose padding is overwritten. A plane's own place, which
 * covers it, is written first where nothing is there yet. */
static void put_col2im(
    const struct geometry *c, const struct shift *s, real *u, real *x, bool first)
{
    const size_t middle = c->pad / c->dilation, centre = middle * c->k + middle,
                 square = c->k * c->k, plane = c->h * c->w;
    const bool covered = first && is_flat(c) && c->pad % c->dilation == 0;
    if (first && !covered)
        memset(x, 0, c->cin * plane * sizeof *x);
    for (size_t channel = 0; covered && channel < c->cin; channel++)
        memcpy(x + channel * plane, u + (channel * square + centre) * plane, plane * sizeof *x);
    for (size_t p = 0; p < c->patch; p++, s++, u += c->area) {
        if (s->low_y == s->high_y || s->low_x == s->high_x || (covered && p % square == centre))
            continue;
        const real *restrict from = u + s->low_y * c->wo + s->low_x;
        real *restrict to = x + s->source;
        if (is_flat(c)) {
            clear_sides(c, s, u);
            put_scaled(flat_length(c, s), 1, from, to, false);
            continue;
        }
        for (size_t oy = s->low_y; oy < s->high_y; oy++, from += c->wo, to += s->step)
            for (size_t ox = 0; ox < s->high_x - s->low_x; ox++)
                to[ox * c->stride] += from[ox];
    }
}

/* `planes` planes of `area` numbers, each all b of its plane (NULL: 0) */
static void fill_planes(const real *b, size_t planes, size_t area, real *restrict y)
{
    for (size_t p = 0; p < planes; p++, y += area)
        for (size_t i = 0; i < area; i++)
            y[i] = b ? b[p] : 0;
}

/* db += the sums of the planes of g */
static void add_plane_sums(const real *g, size_t planes, size_t area, real *db)
{
    for (size_t p = 0; p < planes; p++)
        db[p] += row_sum(g + p * area, area);
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
    struct shift *shifts = NULL;
    if (!c.direct && (!(u = assay_arena_alloc(&tape->arena, c.patch * c.area, sizeof *u)) ||
                         !(shifts = shifts_of(tape, &c))))
        return ASSAY_ENOMEM;
    const real *w = input(tape, node, W)->data;
    const real *b = has_input(node, B) ? input(tape, node, B)->data : NULL;
    for (size_t r = 0; r < c.rows; r++) {
        const real *x = input(tape, node, X)->data + r * c.cin * c.h * c.w;
        real *out = y + r * c.cout * c.area;
        if (u)
            im2col(&c, shifts, x, u);
        if (b)
            fill_planes(b, c.cout, c.area, out);
        assay_gemm(c.gemm, false, false, c.cout, c.area, c.patch, 1, w, c.w_cols, u ? u : x, c.area,
            b != NULL, out, c.area);
    }
    node->saved[0] = u;
    node->saved[1] = shifts;
    return ASSAY_OK;
}

/* dW += G U^T and db += the sums of G, of one example */
static void weight_grads(const struct geometry *c, const struct shift *shifts, const real *g,
    const real *x, real *u, real *dw, real *db)
{
    if (dw && u)
        im2col(c, shifts, x, u);
    if (dw)
        assay_gemm(c->gemm, false, true, c->cout, c->patch, c->area, 1, g, c->area, u ? u : x,
            c->area, 1, dw, c->w_cols);
    if (db)
        add_plane_sums(g, c->cout, c->area, db);
}

static int conv2d_backward(assay_tape *tape, const assay_node *node)
{
    struct geometry c;
    geometry_of(tape, node, &c);
    real *u = node->saved[0], *dw = input_grad(tape, node, W), *db = input_grad(tape, node, B);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    const real *w = input(tape, node, W)->data;
    const size_t image = c.cin * c.h * c.w;
    for (size_t r = 0, at = 0; r < c.rows; r++, at += image) {
        const real *g = output_grad(tape, node) + r * c.cout * c.area;
        weight_grads(&c, node->saved[1], g, input(tape, node, X)->data + at, u, dw, db);
        if (!dx)
            continue;
        assay_gemm(c.gemm, true, false, c.patch, c.area, c.cout, 1, w, c.w_cols, g, c.area,
            !u && !first, u ? u : dx + at, c.area);
        if (u)
            put_col2im(&c, node->saved[1], u, dx + at, first);
    }
    return ASSAY_OK;
}

static double sum_of_squares(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
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
    c.w_cols = c.patch; /* of dw here */
    for (size_t e = 0; e < examples->n; e++) {
        memset(dw, 0, size * sizeof *dw);
        for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++)
            weight_grads(&c, node->saved[1],
                output_grad(tape, node) + examples->row[i] * c.cout * c.area,
                input(tape, node, X)->data + examples->row[i] * c.cin * c.h * c.w, node->saved[0],
                input_grad(tape, node, W) ? dw : NULL,
                input_grad(tape, node, B) ? dw + c.cout * c.patch : NULL);
        norm2[e] += sum_of_squares(dw, size);
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
    .options = "shape k stride pad dilation count",
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
    c->gemm = tape->gemm;
    c->rows = tensor_rows(input(tape, node, X));
    c->cout = cin;
    c->k = o->k;
    c->stride = o->stride ? o->stride : 1;
    c->pad = o->pad;
    c->dilation = 1;
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
    struct shift *shifts = node->saved[1] = shifts_of(tape, &c);
    if (!u || !shifts)
        return ASSAY_ENOMEM;
    const real *b = has_input(node, B) ? input(tape, node, B)->data : NULL;
    for (size_t r = 0; r < c.rows; r++) {
        assay_gemm(c.gemm, true, false, c.patch, c.area, c.cout, 1, input(tape, node, W)->data,
            c.patch, input(tape, node, X)->data + r * c.cout * c.area, c.area, 0, u, c.area);
        fill_planes(b, c.cin, c.h * c.w, y + r * image);
        put_col2im(&c, shifts, u, y + r * image, false);
    }
    return ASSAY_OK;
}

/* dW += X dU^T and db += the sums of G of one example; leaves dU in u */
static void adjoint_weight_grads(const struct geometry *c, const struct shift *shifts,
    const real *g, const real *x, real *u, real *dw, real *db)
{
    im2col(c, shifts, g, u);
    if (dw)
        assay_gemm(c->gemm, false, true, c->cout, c->patch, c->area, 1, x, c->area, u, c->area, 1,
            dw, c->patch);
    if (db)
        add_plane_sums(g, c->cin, c->h * c->w, db);
}

static int adjoint_backward(assay_tape *tape, const assay_node *node)
{
    struct geometry c;
    adjoint_of(tape, node, &c);
    real *u = node->saved[0], *dw = input_grad(tape, node, W), *db = input_grad(tape, node, B);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    for (size_t r = 0; r < c.rows; r++) {
        const size_t at = r * c.cout * c.area;
        adjoint_weight_grads(&c, node->saved[1], output_grad(tape, node) + r * c.cin * c.h * c.w,
            input(tape, node, X)->data + at, u, dw, db);
        if (dx)
            assay_gemm(c.gemm, false, false, c.cout, c.area, c.patch, 1, input(tape, node, W)->data,
                c.patch, u, c.area, !first, dx + at, c.area);
    }
    return ASSAY_OK;
}

static int adjoint_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    struct geometry c;
    adjoint_of(tape, node, &c);
    const size_t weights = c.cout * c.patch, size = weights + c.cin, image = c.cin * c.h * c.w;
    real *dw = assay_arena_alloc(&tape->arena, size, sizeof *dw);
    if (!dw)
        return ASSAY_ENOMEM;
    for (size_t e = 0; e < examples->n; e++) {
        memset(dw, 0, size * sizeof *dw);
        for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++)
            adjoint_weight_grads(&c, node->saved[1],
                output_grad(tape, node) + examples->row[i] * image,
                input(tape, node, X)->data + examples->row[i] * c.cout * c.area, node->saved[0],
                input_grad(tape, node, W) ? dw : NULL,
                input_grad(tape, node, B) ? dw + weights : NULL);
        norm2[e] += sum_of_squares(dw, size);
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
    .norm2 = adjoint_norm2,
    .flops = adjoint_flops};
