/*
 * The engine's number, and the two builds of it. Every source of this directory is compiled twice:
 * in single precision, which is the engine, and in double (ASSAY_NET_DOUBLE), whose names end in
 * _double, for gradient checks and for assay.net.op. So what is checked is what runs.
 *
 * exp, tanh, erf, log1p on [0, 1] and the logistic function in single precision are polynomials of
 * our own, without a branch, because libm's can't be vectorised and differ between machines;
 * relative errors are at most 2 ulp for exp within [-87, 88] and 4 ulp for the others. Below it exp
 * is 0, above it stays at exp(88).
 */
#ifndef ASSAY_MODELS_NET_REAL_H
#define ASSAY_MODELS_NET_REAL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef ASSAY_NET_DOUBLE
typedef double real;
#define assay_tensor assay_tensor_double
#define assay_tape assay_tape_double
#define assay_node assay_node_double
#define assay_op assay_op_double
#define assay_value assay_value_double
#define assay_ops assay_ops_double
#define assay_arena assay_arena_double
#define assay_arena_alloc assay_arena_alloc_double
#define assay_arena_reset assay_arena_reset_double
#define assay_arena_free assay_arena_free_double
#define assay_tape_new assay_tape_new_double
#define assay_tape_free assay_tape_free_double
#define assay_tape_reset assay_tape_reset_double
#define assay_tape_alloc assay_tape_alloc_double
#define assay_tape_gemm assay_tape_gemm_double
#define assay_tape_packed assay_tape_packed_double
#define assay_tape_random assay_tape_random_double
#define assay_tape_leaf assay_tape_leaf_double
#define assay_tape_apply assay_tape_apply_double
#define assay_tape_value assay_tape_value_double
#define assay_tape_grad assay_tape_grad_double
#define assay_tape_loss assay_tape_loss_double
#define assay_tape_backward assay_tape_backward_double
#define assay_tape_norm2 assay_tape_norm2_double
#define assay_tape_flops assay_tape_flops_double
#define assay_tape_memory assay_tape_memory_double
#define assay_node_fail assay_node_fail_double
#define assay_node_mismatch assay_node_mismatch_double
#define assay_node_output assay_node_output_double
#define assay_node_image assay_node_image_double
#define assay_gemm assay_gemm_double
#define assay_op_alone assay_op_alone_double
#define assay_optimiser_step assay_optimiser_step_double
#define assay_clip_norm assay_clip_norm_double
#define assay_op_linear assay_op_linear_double
#define assay_op_layernorm assay_op_layernorm_double
#define assay_op_rmsnorm assay_op_rmsnorm_double
#define assay_op_groupnorm assay_op_groupnorm_double
#define assay_op_batchnorm assay_op_batchnorm_double
#define assay_batchnorm_statistics assay_batchnorm_statistics_double
#define assay_op_relu assay_op_relu_double
#define assay_op_leaky assay_op_leaky_double
#define assay_op_gelu assay_op_gelu_double
#define assay_op_gelu_exact assay_op_gelu_exact_double
#define assay_op_silu assay_op_silu_double
#define assay_op_tanh assay_op_tanh_double
#define assay_op_sigmoid assay_op_sigmoid_double
#define assay_op_softplus assay_op_softplus_double
#define assay_op_swiglu assay_op_swiglu_double
#define assay_op_add assay_op_add_double
#define assay_op_sub assay_op_sub_double
#define assay_op_mul assay_op_mul_double
#define assay_op_scale assay_op_scale_double
#define assay_op_bias assay_op_bias_double
#define assay_op_dropout assay_op_dropout_double
#define assay_op_stop assay_op_stop_double
#define assay_op_embedding assay_op_embedding_double
#define assay_op_gather assay_op_gather_double
#define assay_op_concat assay_op_concat_double
#define assay_op_slice assay_op_slice_double
#define assay_op_transpose assay_op_transpose_double
#define assay_op_conv2d assay_op_conv2d_double
#define assay_op_maxpool assay_op_maxpool_double
#define assay_op_avgpool assay_op_avgpool_double
#define assay_op_globalmean assay_op_globalmean_double
#define assay_op_globalmax assay_op_globalmax_double
#define assay_op_upsample assay_op_upsample_double
#define assay_op_attention assay_op_attention_double
#define assay_op_softmax_ce assay_op_softmax_ce_double
#define assay_op_bce_logits assay_op_bce_logits_double
#define assay_op_mse assay_op_mse_double
#define assay_op_huber assay_op_huber_double
#define assay_op_conv2d_transpose assay_op_conv2d_transpose_double
#define assay_op_sinusoidal assay_op_sinusoidal_double
#define assay_op_gaussian_nll assay_op_gaussian_nll_double
#define assay_op_kl assay_op_kl_double
#define assay_op_reverse_kl assay_op_reverse_kl_double
#define assay_op_fakequant assay_op_fakequant_double
#define assay_op_hook assay_op_hook_double
#define assay_op_rope assay_op_rope_double
#define assay_op_policy assay_op_policy_double
#define assay_op_meanrows assay_op_meanrows_double

static inline real real_exp(real x)
{
    return exp(x);
}

static inline real real_tanh(real x)
{
    return tanh(x);
}

static inline real real_sqrt(real x)
{
    return sqrt(x);
}

static inline real real_rint(real x)
{
    return rint(x);
}

static inline real real_log1p(real x)
{
    return log1p(x);
}

static inline real real_erf(real x)
{
    return erf(x);
}
#else
typedef float real;

/* e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2; n is read from the bits of x / ln 2
 * + 1.5 2^23, so that NaN passes without an undefined conversion. Coefficients: Cephes' expf. */
static inline real real_exp(real x)
{
    const real high = 88.0f, low = -87.0f, shift = 12582912.0f;
    const real y = x > high ? high : (x < low ? low : x);
    const real shifted = y * 1.44269504089f + shift, n = shifted - shift;
    const real r = (y - n * 0.693359375f) - n * -2.12194440e-4f;
    real p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000u + 127u) << 23;
    real power;
    memcpy(&power, &bits, sizeof power);
    return x < low ? 0 : p * power;
}

/* Near 0 Cephes' odd polynomial, else 1 - 2 / (1 + e^2x). */
static inline real real_tanh(real x)
{
    const real z = x * x;
    real p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const real near = p * z * x + x, far = 1 - 2 / (1 + real_exp(2 * x));
    return z < 0.390625f ? near : far;
}

static inline real real_sqrt(real x)
{
    return sqrtf(x);
}

static inline real real_rint(real x)
{
    return rintf(x);
}

/* For x in [0, 1] alone: 2 artanh f with f = x / (2 + x) <= 1/3, by its series. */
static inline real real_log1p(real x)
{
    const real f = x / (2 + x), z = f * f;
    real p = 1.0f / 15;
    p = p * z + 1.0f / 13;
    p = p * z + 1.0f / 11;
    p = p * z + 1.0f / 9;
    p = p * z + 1.0f / 7;
    p = p * z + 1.0f / 5;
    p = p * z + 1.0f / 3;
    return 2 * (f + f * z * p);
}

/* Near 0 an odd polynomial, else 1 - e^q(|x|); minimax coefficients. */
static inline real real_erf(real x)
{
    const real t = fabsf(x) < 4 ? fabsf(x) : 4, s = x * x;
    real near = -5.96761703e-4f;
    near = near * s + 4.99119423e-3f;
    near = near * s - 2.67681349e-2f;
    near = near * s + 1.12819925e-1f;
    near = near * s - 3.76125336e-1f;
    near = near * s + 1.28379166e-1f;
    near = near * x + x;
    real far = -1.72853470e-5f;
    far = far * t + 3.83197126e-4f;
    far = far * t - 3.88396438e-3f;
    far = far * t + 2.42546219e-2f;
    far = far * t - 1.06777877e-1f;
    far = far * t - 6.34846687e-1f;
    far = far * t - 1.28717512e-1f;
    far = 1 - real_exp(far * t - t);
    return x != x ? x : (t > 0.927734375f ? (x < 0 ? -far : far) : near);
}
#endif

static inline real real_sigmoid(real x)
{
    return 1 / (1 + real_exp(-x));
}

#endif
