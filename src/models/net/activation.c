/*
 * Activations. Each is one function that gives y and dy/dx; forward stores the derivative, so that
 * backward is one product and no exponential is taken twice.
 *
 * gelu is the tanh form (Hendrycks and Gimpel, arXiv:1606.08415), gelu_exact that with erf; they
 * are about 1e-3 apart. swiglu (Shazeer, arXiv:2002.05202) takes rows [a, b] of 2 n to silu(a) b of
 * n.
 */
#include "models/net/kernel.h"

typedef real activation(real x, double slope, real *derivative);

static int apply(assay_tape *tape, assay_node *node, activation *f)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t size = tensor_size(x);
    const bool learns = tape->value[node->in[0]].wants_grad;
    real *y, *d = NULL, unused;
    const int status = assay_node_output(tape, node, tensor_rows(x), tensor_cols(x), &y);
    if (status != ASSAY_OK)
        return status;
    x = input(tape, node, 0);
    if (learns && !(d = assay_arena_alloc(&tape->arena, size, sizeof *d)))
        return ASSAY_ENOMEM;
    for (size_t i = 0; i < size; i++)
        y[i] = f(x->data[i], node->options.slope, d ? d + i : &unused);
    node->saved[0] = d;
    return ASSAY_OK;
}

static int activation_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node), *d = node->saved[0];
    real *dx = input_grad(tape, node, 0);
    const size_t size = tensor_size(output(tape, node));
    for (size_t i = 0; dx && i < size; i++)
        dx[i] += g[i] * d[i];
    return ASSAY_OK;
}

static inline real relu(real x, double slope, real *d)
{
    (void)slope;
    *d = x > 0;
    return x < 0 ? 0 : x; /* NaN stays */
}

static inline real leaky(real x, double slope, real *d)
{
    *d = x > 0 ? 1 : (real)slope;
    return x * *d;
}

static inline real gelu(real x, double slope, real *d)
{
    (void)slope;
    const real c = (real)0.79788456080286536, k = (real)0.044715; /* sqrt(2 / pi) */
    const real t = real_tanh(c * (x + k * x * x * x)), half = (real)0.5;
    *d = half * (1 + t) + half * x * (1 - t * t) * c * (1 + 3 * k * x * x);
    return half * x * (1 + t);
}

static inline real gelu_exact(real x, double slope, real *d)
{
    (void)slope;
    const real half = (real)0.5, cdf = half * (1 + real_erf(x * (real)0.70710678118654752));
    *d = cdf + x * (real)0.39894228040143268 * real_exp(-half * x * x);
    return x * cdf;
}

static inline real silu(real x, double slope, real *d)
{
    (void)slope;
    const real s = real_sigmoid(x);
    *d = s * (1 + x * (1 - s));
    return x * s;
}

static inline real tanh_of(real x, double slope, real *d)
{
    (void)slope;
    const real t = real_tanh(x);
    *d = 1 - t * t;
    return t;
}

static inline real sigmoid(real x, double slope, real *d)
{
    (void)slope;
    const real s = real_sigmoid(x);
    *d = s * (1 - s);
    return s;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
static inline real softplus(real x, double slope, real *d)
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

ACTIVATION(relu, relu, "");
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
    real *y, unused;
    const int status = assay_node_output(tape, node, rows, n, &y);
    if (status != ASSAY_OK)
        return status;
    x = input(tape, node, 0);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            y[r * n + i] = silu(x->data[r * cols + i], 0, &unused) * x->data[r * cols + n + i];
    return ASSAY_OK;
}

static int swiglu_backward(assay_tape *tape, const assay_node *node)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t rows = tensor_rows(x), cols = tensor_cols(x), n = cols / 2;
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, 0);
    for (size_t r = 0; dx && r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            real d;
            const real s = silu(x->data[r * cols + i], 0, &d);
            dx[r * cols + i] += g[r * n + i] * x->data[r * cols + n + i] * d;
            dx[r * cols + n + i] += g[r * n + i] * s;
        }
    return ASSAY_OK;
}

const assay_op assay_op_swiglu = {.name = "swiglu",
    .inputs = {"x"},
    .required = 1,
    .options = "",
    .forward = swiglu_forward,
    .backward = swiglu_backward};
