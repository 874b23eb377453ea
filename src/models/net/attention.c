/*
 * Scaled dot-product attention (Vaswani et al., arXiv:1706.03762) of packed sequences: rows of x
 * are [q, k, v], each of `heads` heads of d numbers, and rows of one sequence see each other
 * (causal: the earlier ones and themselves). For a head of a sequence of T rows,
 *
 *     P = softmax(Q K^T / sqrt d),  Y = P V;
 *     dV += P^T G,  dP = G V^T,  dS = P (dP - rowsum(dP P)),  dQ += dS K / sqrt d,  dK += dS^T Q /
 * sqrt d.
 *
 * P is kept for backward (T x T a head), which at these lengths costs less than to make it again.
 */
#include "models/net/kernel.h"

struct shape {
    size_t rows, width, heads, d, sequences; /* width = heads d; rows of x have 3 width */
    const size_t *length;
    size_t squares; /* sum of length^2 */
};

static int shape_of(const assay_tape *tape, const assay_node *node, struct shape *s)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t cols = tensor_cols(x);
    s->rows = tensor_rows(x);
    s->heads = node->options.heads;
    if (s->heads < 1 || cols % 3 != 0 || cols / 3 % s->heads != 0)
        return assay_node_fail(node,
            "x must have 3 * heads * d columns (q, k, v), got %zu for %zu heads", cols, s->heads);
    s->width = cols / 3;
    s->d = s->width / s->heads;
    s->length = node->options.lengths ? node->options.lengths : &s->rows;
    s->sequences = node->options.lengths ? node->options.n_lengths : 1;
    size_t sum = 0;
    s->squares = 0;
    for (size_t i = 0; i < s->sequences; i++) {
        if (s->length[i] < 1 || s->length[i] > s->rows - sum)
            break;
        sum += s->length[i];
        s->squares += s->length[i] * s->length[i];
    }
    if (sum != s->rows)
        return assay_node_fail(
            node, "lengths must be at least 1 and sum to the %zu rows of x", s->rows);
    return ASSAY_OK;
}

/* A row of scores to probabilities; those from `seen` on are 0. */
static void softmax(real *p, size_t seen, size_t n)
{
    real high = p[0], sum = 0;
    for (size_t i = 1; i < seen; i++)
        high = p[i] > high ? p[i] : high;
    for (size_t i = 0; i < seen; i++)
        sum += p[i] = real_exp(p[i] - high);
    for (size_t i = 0; i < seen; i++)
        p[i] /= sum;
    for (size_t i = seen; i < n; i++)
        p[i] = 0;
}

static int attention_forward(assay_tape *tape, assay_node *node)
{
    struct shape s;
    real *y;
    int status = shape_of(tape, node, &s);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, s.rows, s.width, &y);
    if (status != ASSAY_OK)
        return status;
    real *p = assay_arena_alloc(&tape->arena, s.heads * s.squares, sizeof *p);
    if (!p)
        return ASSAY_ENOMEM;
    node->saved[0] = p;
    const real *x = input(tape, node, 0)->data, factor = 1 / real_sqrt((real)s.d);
    const size_t stride = 3 * s.width;
    for (size_t i = 0; i < s.sequences; i++) {
        const size_t n = s.length[i];
        for (size_t h = 0; h < s.heads; h++, p += n * n) {
            const real *q = x + h * s.d, *k = q + s.width, *v = k + s.width;
            assay_gemm(false, true, n, n, s.d, factor, q, stride, k, stride, 0, p, n);
            for (size_t t = 0; t < n; t++)
                softmax(p + t * n, node->options.causal ? t + 1 : n, n);
            assay_gemm(false, false, n, s.d, n, 1, p, n, v, stride, 0, y + h * s.d, s.width);
        }
        x += n * stride;
        y += n * s.width;
    }
    return ASSAY_OK;
}

/* dS from dP in place, by rows */
static void softmax_backward(real *dp, const real *p, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        real sum = 0;
        for (size_t i = t * n; i < (t + 1) * n; i++)
            sum += dp[i] * p[i];
        for (size_t i = t * n; i < (t + 1) * n; i++)
            dp[i] = p[i] * (dp[i] - sum);
    }
}

static int attention_backward(assay_tape *tape, const assay_node *node)
{
    struct shape s;
    shape_of(tape, node, &s);
    const real *x = input(tape, node, 0)->data, *g = output_grad(tape, node), *p = node->saved[0];
    real *dx = input_grad(tape, node, 0);
    const real factor = 1 / real_sqrt((real)s.d);
    size_t longest = 0;
    for (size_t i = 0; i < s.sequences; i++)
        longest = s.length[i] > longest ? s.length[i] : longest;
    real *ds = assay_arena_alloc(&tape->arena, longest * longest, sizeof *ds);
    if (!ds)
        return ASSAY_ENOMEM;
    const size_t stride = 3 * s.width;
    for (size_t i = 0; i < s.sequences; i++) {
        const size_t n = s.length[i];
        for (size_t h = 0; h < s.heads; h++, p += n * n) {
            const real *q = x + h * s.d, *k = q + s.width, *v = k + s.width, *gh = g + h * s.d;
            real *dq = dx + h * s.d, *dk = dq + s.width, *dv = dk + s.width;
            assay_gemm(true, false, n, s.d, n, 1, p, n, gh, s.width, 1, dv, stride);
            assay_gemm(false, true, n, n, s.d, 1, gh, s.width, v, stride, 0, ds, n);
            softmax_backward(ds, p, n);
            assay_gemm(false, false, n, s.d, n, factor, ds, n, k, stride, 1, dq, stride);
            assay_gemm(true, false, n, s.d, n, factor, ds, n, q, stride, 1, dk, stride);
        }
        x += n * stride;
        dx += n * stride;
        g += n * s.width;
    }
    return ASSAY_OK;
}

static double attention_flops(const assay_tape *tape, const assay_node *node)
{
    struct shape s;
    return shape_of(tape, node, &s) == ASSAY_OK ? 4.0 * (double)s.squares * (double)s.width : 0;
}

const assay_op assay_op_attention = {.name = "attention",
    .inputs = {"x"},
    .required = 1,
    .options = "heads causal lengths",
    .forward = attention_forward,
    .backward = attention_backward,
    .flops = attention_flops};
