/*
 * Activations. Each is one function that gives y and dy/dx; forward stores the derivative, so that
 * backward is one product and no exponential is taken twice.
 *
 * gelu is the tanh form (Hendrycks and Gimpel, arXiv:1606.08415), gelu_exact that with erf; they
 * are about 1e-3 apart. swiglu (Shazeer, arXiv:2002.05202) takes rows [a, b] of 2 n to silu(a) b of
 * n.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

typedef real activation(real x, real slope, real *derivative);

/* Compiled anew for each f, so that f is a part of the loops. */
static inline __attribute__((always_inline)) int apply(
    assay_tape *tape, assay_node *node, activation *f)
{
    const size_t size = tensor_size(input(tape, node, 0));
    const real slope = (real)node->options.slope;
    real *out;
    const int status = assay_node_output(
        tape, node, tensor_rows(input(tape, node, 0)), tensor_cols(input(tape, node, 0)), &out);
    if (status != ASSAY_OK)
        return status;
    const real *restrict x = input(tape, node, 0)->data;
    real *restrict y = out;
    node->saved[0] = NULL;
    if (!tape->value[node->in[0]].wants_grad) {
        for (size_t i = 0; i < size; i++) {
            real unused;
            y[i] = f(x[i], slope, &unused);
        }
        return ASSAY_OK;
    }
    real *restrict d = node->saved[0] = assay_arena_alloc(&tape->arena, size, sizeof *d);
    if (!d)
        return ASSAY_ENOMEM;
    for (size_t i = 0; i < size; i++) {
        real derivative;
        y[i] = f(x[i], slope, &derivative);
        d[i] = derivative;
    }
    return ASSAY_OK;
}

static int activation_backward(assay_tape *tape, const assay_node *node)
{
    bool first;
    real *dx = input_grad_first(tape, node, 0, &first);
    if (dx)
        put_product(
            tensor_size(output(tape, node)), output_grad(tape, node), node->saved[0], dx, first);
    return ASSAY_OK;
}

/* relu's derivative is in its value. */
static int relu_forward(assay_tape *tape, assay_node *node)
{
    const size_t size = tensor_size(input(tape, node, 0));
    real *out;
    const int status = assay_node_output(
        tape, node, tensor_rows(input(tape, node, 0)), tensor_cols(input(tape, node, 0)), &out);
    if (status != ASSAY_OK)
        return status;
    const real *restrict x = input(tape, node, 0)->data;
    real *restrict y = out;
    for (size_t i = 0; i < size; i++)
        y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays */
    return ASSAY_OK;
}

static int relu_backward(assay_tape *tape, const assay_node *node)
{
    const size_t size = tensor_size(output(tape, node));
    const real *restrict g = output_grad(tape, node), *restrict y = output(tape, node)->data;
    bool first;
    real *restrict dx = input_grad_first(tape, node, 0, &first);
    if (first)
        for (size_t i = 0; i < size; i++)
            dx[i] = y[i] > 0 ? g[i] : 0;
    else
        for (size_t i = 0; dx && i < size; i++)
            dx[i] += y[i] > 0 ? g[i] : 0;
    return ASSAY_OK;
}

static inline real leaky(real x, real slope, real *d)
{
    *d = x > 0 ? 1 : slope;
    return x * *d;
}

static inline real gelu(real x, real slope, real *d)
{
    (void)slope;
    const real c = (real)0.79788456080286536, k = (real)0.044715; /* sqrt(2 / pi) */
    const real t = real_tanh(c * (x + k * x * x * x)), half = (real)0.5;
    *d = half * (1 + t) + half * x * (1 - t * t) * c * (1 + 3 * k * x * x);
    return half * x * (1 + t);
}

static inline real gelu_exact(real x, real slope, real *d)
{
    (void)slope;
    const real half = (real)0.5, cdf = half * (1 + real_erf(x * (real)0.70710678118654752));
    *d = cdf + x * (real)0.39894228040143268 * real_exp(-half * x * x);
    return x * cdf;
}

static inline real silu(real x, real slope, real *d)
{
    (void)slope;
    const real s = real_sigmoid(x);
    *d = s * (1 + x * (1 - s));
    return x * s;
}

static inline real tanh_of(real x, real slope, real *d)
{
    (void)slope;
    const real t = real_tanh(x);
    *d = 1 - t * t;
    return t;
}

static inline real sigmoid(real x, real slope, real *d)
{
    (void)slope;
    const real s = real_sigmoid(x);
    *d = s * (1 - s);
    return s;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
static inline real softplus(real x, real slope, real *d)
{
    (void)slope;
    *d = real_sigmoid(x);
    return (x > 0 ? x : 0) + real_log1p(real_exp(x > 0 ? -x : x));
}

#define ACTIVATION(op, function, options_named)                                                    \
    static int op##_forward(assay_tape *tape, assay_node *node)                                    \
    {                                                                                              \
        return apply(tape, node, function);                                                        \
    }                                                                                              \
    const assay_op assay_op_##op = {.name = #op,                                                   \
        .inputs = {"x"},                                                                           \
        .required = 1,                                                                             \
        .options = options_named,                                                                  \
        .forward = op##_forward,                                                                   \
        .backward = activation_backward}

const assay_op assay_op_relu = {.name = "relu",
    .inputs = {"x"},
    .required = 1,
    .options = "",
    .forward = relu_forward,
    .backward = relu_backward};

ACTIVATION(leaky, leaky, "slope");
ACTIVATION(gelu, gelu, "");
ACTIVATION(gelu_exact, gelu_exact, "");
ACTIVATION(silu, silu, "");
ACTIVATION(tanh, tanh_of, "");
ACTIVATION(sigmoid, sigmoid, "");
ACTIVATION(softplus, softplus, "");

static int swiglu_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x), n = cols / 2;
    if (cols % 2 != 0)
        return assay_node_fail(node, "x must have an even number of columns, got %zu", cols);
    real *y;
    const int status = assay_node_output(tape, node, rows, n, &y);
    if (status != ASSAY_OK)
        return status;
    const real *data = input(tape, node, 0)->data;
    for (size_t r = 0; r < rows; r++) {
        const real *restrict a = data + r * cols, *restrict gate = a + n;
        real *restrict out = y + r * n;
        for (size_t i = 0; i < n; i++) {
            real unused;
            out[i] = silu(a[i], 0, &unused) * gate[i];
        }
    }
    return ASSAY_OK;
}

static int swiglu_backward(assay_tape *tape, const assay_node *node)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x), n = cols / 2;
    real *dx = input_grad(tape, node, 0);
    for (size_t r = 0; dx && r < rows; r++) {
        const real *restrict a = x->data + r * cols, *restrict gate = a + n;
        const real *restrict g = output_grad(tape, node) + r * n;
        real *restrict da = dx + r * cols, *restrict dgate = da + n;
        for (size_t i = 0; i < n; i++) {
            real d;
            const real s = silu(a[i], 0, &d);
            da[i] += g[i] * gate[i] * d;
            dgate[i] += g[i] * s;
        }
    }
    return ASSAY_OK;
}

const assay_op assay_op_swiglu = {.name = "swiglu",
    .inputs = {"x"},
    .required = 1,
    .options = "",
    .forward = swiglu_forward,
    .backward = swiglu_backward};
