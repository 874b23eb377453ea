/*
 * linear: Y = X W^T + b, and with LoRA (Hu et al., arXiv:2106.09685) + s (X A^T) B^T, s = alpha /
 * r. x [M, in], w [out, in], b [out], A [r, in], B [out, r].
 *
 * With options.count, the first rows and columns of larger w, b, A and B serve (elastic widths),
 * where they lie.
 *
 * Per-example gradient norms never form the gradient when an example has few rows: for its rows t,
 *     ||sum_t g_t x_t^T||^2 = sum_{t,t'} (g_t . g_t') (x_t . x_t')     ("ghost norm")
 * Each factor of LoRA is such a product of its own.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, W, B, LORA_A, LORA_B };

struct sizes {
    size_t rows, in, out, rank; /* rank 0: no LoRA */
    size_t w_in, a_in;          /* columns of w and of A, of which the first `in` are used */
    bool sliced;                /* w, b, A and B may be larger than what is used */
};

static struct sizes sizes_of(const assay_tape *tape, const assay_node *node)
{
    const assay_tensor *x = input(tape, node, X), *w = input(tape, node, W);
    const assay_tensor *a = has_input(node, LORA_A) ? input(tape, node, LORA_A) : NULL;
    const size_t count = node->options.count;
    return (struct sizes){tensor_rows(x), tensor_cols(x), count ? count : tensor_rows(w),
        a ? tensor_rows(a) : 0, tensor_cols(w), a ? tensor_cols(a) : 0, count > 0};
}

/* A slice takes the first of what there is. */
static bool fits(struct sizes n, size_t there, size_t used)
{
    return n.sliced ? there >= used : there == used;
}

static int check(const assay_tape *tape, const assay_node *node, struct sizes n)
{
    if (n.sliced && n.out > tensor_rows(input(tape, node, W)))
        return assay_node_fail(node, "count must be at most the %zu rows of w, got %zu",
            tensor_rows(input(tape, node, W)), n.out);
    if (!fits(n, n.w_in, n.in))
        return assay_node_mismatch(tape, node, X, W, "w must be outputs x columns of x");
    if (has_input(node, B) && !fits(n, tensor_size(input(tape, node, B)), n.out))
        return assay_node_mismatch(tape, node, W, B, "b must have one number a row of w");
    if (has_input(node, LORA_A) != has_input(node, LORA_B))
        return assay_node_fail(node, "A and B must be given together");
    if (n.rank && !fits(n, n.a_in, n.in))
        return assay_node_mismatch(tape, node, X, LORA_A, "A must be rank x columns of x");
    if (n.rank && (!fits(n, tensor_rows(input(tape, node, LORA_B)), n.out) ||
                      tensor_cols(input(tape, node, LORA_B)) != n.rank))
        return assay_node_mismatch(tape, node, LORA_A, LORA_B, "B must be outputs x rows of A");
    return ASSAY_OK;
}

/* x W^T + b where W is laid out for it; false: it is not, or others do the products. */
static bool multiply_packed(
    const assay_tape *tape, const assay_node *node, struct sizes n, const real *x, real *y)
{
#ifdef ASSAY_NET_DOUBLE
    (void)tape, (void)node, (void)n, (void)x, (void)y;
#else
    const real *const w = input(tape, node, W)->data;
    for (size_t i = 0; i < tape->packed_count && tape->gemm == ASSAY_GEMM_BLAS; i++) {
        const assay_packed *packed = &tape->packed[i];
        if (packed->w != w || packed->out != n.out || packed->in != n.w_in || n.in != n.w_in)
            continue;
        assay_packed_multiply(
            packed, x, n.rows, has_input(node, B) ? input(tape, node, B)->data : NULL, y);
        return true;
    }
#endif
    return false;
}

static void multiply(
    const assay_tape *tape, const assay_node *node, struct sizes n, const real *x, real *y)
{
    if (multiply_packed(tape, node, n, x, y))
        return;
    if (has_input(node, B))
        for (size_t r = 0; r < n.rows; r++)
            memcpy(y + r * n.out, input(tape, node, B)->data, n.out * sizeof *y);
    assay_gemm(tape->gemm, false, true, n.rows, n.out, n.in, 1, x, n.in, input(tape, node, W)->data,
        n.w_in, has_input(node, B), y, n.out);
}

static int linear_forward(assay_tape *tape, assay_node *node)
{
    const struct sizes n = sizes_of(tape, node);
    real *y;
    int status = check(tape, node, n);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, n.rows, n.out, &y);
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, X)->data;
    multiply(tape, node, n, x, y);
    if (!n.rank)
        return ASSAY_OK;
    real *down = assay_arena_alloc(&tape->arena, n.rows * n.rank, sizeof *down); /* X A^T */
    if (!down)
        return ASSAY_ENOMEM;
    assay_gemm(tape->gemm, false, true, n.rows, n.rank, n.in, 1, x, n.in,
        input(tape, node, LORA_A)->data, n.a_in, 0, down, n.rank);
    assay_gemm(tape->gemm, false, true, n.rows, n.out, n.rank, (real)node->options.scale, down,
        n.rank, input(tape, node, LORA_B)->data, n.rank, 1, y, n.out);
    node->saved[0] = down;
    return ASSAY_OK;
}

/* s g B [rows, rank], what A's outputs get */
static real *lora_upstream(assay_tape *tape, const assay_node *node, struct sizes n)
{
    real *up = assay_arena_alloc(&tape->arena, n.rows * n.rank, sizeof *up);
    if (up)
        assay_gemm(tape->gemm, false, false, n.rows, n.rank, n.out, (real)node->options.scale,
            output_grad(tape, node), n.out, input(tape, node, LORA_B)->data, n.rank, 0, up, n.rank);
    return up;
}

/* dB += s g^T (X A^T); dA += (s g B)^T X; dX += (s g B) A */
static int lora_backward(assay_tape *tape, const assay_node *node, struct sizes n)
{
    const real *g = output_grad(tape, node), *down = node->saved[0];
    real *dx = input_grad(tape, node, X), *da = input_grad(tape, node, LORA_A);
    real *db = input_grad(tape, node, LORA_B);
    const real *up = lora_upstream(tape, node, n);
    if (!up)
        return ASSAY_ENOMEM;
    if (db)
        assay_gemm(tape->gemm, true, false, n.out, n.rank, n.rows, (real)node->options.scale, g,
            n.out, down, n.rank, 1, db, n.rank);
    if (da)
        assay_gemm(tape->gemm, true, false, n.rank, n.in, n.rows, 1, up, n.rank,
            input(tape, node, X)->data, n.in, 1, da, n.a_in);
    if (dx)
        assay_gemm(tape->gemm, false, false, n.rows, n.in, n.rank, 1, up, n.rank,
            input(tape, node, LORA_A)->data, n.a_in, 1, dx, n.in);
    return ASSAY_OK;
}

static int linear_backward(assay_tape *tape, const assay_node *node)
{
    const struct sizes n = sizes_of(tape, node);
    const real *g = output_grad(tape, node);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    if (dx)
        assay_gemm(tape->gemm, false, false, n.rows, n.in, n.out, 1, g, n.out,
            input(tape, node, W)->data, n.w_in, !first, dx, n.in);
    real *dw = n.sliced ? input_grad(tape, node, W) : input_grad_first(tape, node, W, &first);
    if (dw)
        assay_gemm(tape->gemm, true, false, n.out, n.in, n.rows, 1, g, n.out,
            input(tape, node, X)->data, n.in, n.sliced || !first, dw, n.w_in);
    real *db = input_grad(tape, node, B);
    if (db)
        add_column_sums(g, n.rows, n.out, n.out, db);
    return n.rank ? lora_backward(tape, node, n) : ASSAY_OK;
}

static double dot(const real *a, const real *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* ||sum_t g_t x_t^T||^2 over `count` rows, by Gram products or by the matrix, whichever is less. */
static double product_norm2(
    const real *g, size_t out, const real *x, size_t in, const size_t *row, size_t count)
{
    double sum = 0;
    if (2 * count * count < in * out) {
        for (size_t s = 0; s < count; s++)
            for (size_t t = 0; t <= s; t++)
                sum += (s == t ? 1 : 2) * dot(g + row[s] * out, g + row[t] * out, out) *
                       dot(x + row[s] * in, x + row[t] * in, in);
        return sum;
    }
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++) {
            double element = 0;
            for (size_t t = 0; t < count; t++)
                element += (double)g[row[t] * out + o] * (double)x[row[t] * in + i];
            sum += element * element;
        }
    return sum;
}

static double bias_norm2(const real *g, size_t out, const size_t *row, size_t count)
{
    double sum = 0;
    for (size_t o = 0; o < out; o++) {
        double element = 0;
        for (size_t t = 0; t < count; t++)
            element += (double)g[row[t] * out + o];
        sum += element * element;
    }
    return sum;
}

static int linear_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    const struct sizes n = sizes_of(tape, node);
    const real *g = output_grad(tape, node), *x = input(tape, node, X)->data;
    const real *up = NULL;
    if (input_grad(tape, node, LORA_A) && !(up = lora_upstream(tape, node, n)))
        return ASSAY_ENOMEM;
    const double s2 = node->options.scale * node->options.scale;
    for (size_t e = 0; e < examples->n; e++) {
        const size_t *row = examples->row + examples->start[e];
        const size_t count = examples->start[e + 1] - examples->start[e];
        if (input_grad(tape, node, W))
            norm2[e] += product_norm2(g, n.out, x, n.in, row, count);
        if (input_grad(tape, node, B))
            norm2[e] += bias_norm2(g, n.out, row, count);
        if (up)
            norm2[e] += product_norm2(up, n.rank, x, n.in, row, count);
        if (input_grad(tape, node, LORA_B))
            norm2[e] += s2 * product_norm2(g, n.out, node->saved[0], n.rank, row, count);
    }
    return ASSAY_OK;
}

static double linear_flops(const assay_tape *tape, const assay_node *node)
{
    const struct sizes n = sizes_of(tape, node);
    return 2.0 * (double)n.rows *
           ((double)n.in * (double)n.out + (double)n.rank * (double)(n.in + n.out));
}

const assay_op assay_op_linear = {.name = "linear",
    .inputs = {"x", "w", "b", "A", "B"},
    .required = 2,
    .options = "scale count",
    .forward = linear_forward,
    .backward = linear_backward,
    .norm2 = linear_norm2,
    .flops = linear_flops};
