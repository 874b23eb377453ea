/*
 * The operations of the network engine: their numbers and their options, which are the same in both
 * precisions. Activations are matrices of rows (examples, or tokens of packed sequences) by
 * columns; a row that is an image holds channels x height x width numbers, and the node's options
 * say so.
 */
#ifndef ASSAY_MODELS_NET_OP_H
#define ASSAY_MODELS_NET_OP_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_NODE_INPUTS = 5 };

/* Who does matrix products: BLAS, in one thread; or loops whose sums are in ascending order, with
 * the same bits on any machine and for a row in any batch, some times slower. */
typedef enum assay_gemm_kind { ASSAY_GEMM_BLAS, ASSAY_GEMM_PORTABLE } assay_gemm_kind;
extern const char *const assay_gemm_names[]; /* in their order, ending with NULL */

typedef enum assay_op_id {
    ASSAY_OP_LINEAR,
    ASSAY_OP_LAYERNORM,
    ASSAY_OP_RMSNORM,
    ASSAY_OP_GROUPNORM,
    ASSAY_OP_RELU,
    ASSAY_OP_LEAKY,
    ASSAY_OP_GELU,
    ASSAY_OP_GELU_EXACT,
    ASSAY_OP_SILU,
    ASSAY_OP_TANH,
    ASSAY_OP_SIGMOID,
    ASSAY_OP_SOFTPLUS,
    ASSAY_OP_SWIGLU,
    ASSAY_OP_ADD,
    ASSAY_OP_SUB,
    ASSAY_OP_MUL,
    ASSAY_OP_SCALE,
    ASSAY_OP_BIAS,
    ASSAY_OP_DROPOUT,
    ASSAY_OP_STOP,
    ASSAY_OP_EMBEDDING,
    ASSAY_OP_GATHER,
    ASSAY_OP_CONCAT,
    ASSAY_OP_SLICE,
    ASSAY_OP_TRANSPOSE,
    ASSAY_OP_CONV2D,
    ASSAY_OP_MAXPOOL,
    ASSAY_OP_AVGPOOL,
    ASSAY_OP_GLOBALMEAN,
    ASSAY_OP_GLOBALMAX,
    ASSAY_OP_UPSAMPLE,
    ASSAY_OP_ATTENTION,
    ASSAY_OP_SOFTMAX_CE,
    ASSAY_OP_BCE_LOGITS,
    ASSAY_OP_MSE,
    ASSAY_OP_HUBER,
    ASSAY_OP_CONV2D_TRANSPOSE,
    ASSAY_OP_SINUSOIDAL,
    ASSAY_OP_GAUSSIAN_NLL,
    ASSAY_OP_KL,
    ASSAY_OP_REVERSE_KL,
    ASSAY_OP_FAKEQUANT,
    ASSAY_OP_HOOK,
    ASSAY_OP_ROPE,
    ASSAY_OP_POLICY,
    ASSAY_OP_MEANROWS,
    ASSAY_OP_BATCHNORM,
    ASSAY_OPS
} assay_op_id;

/* Where a hook is called: the step of the tape's keys (0: none), the batch's row that is the first
 * of x, and how large x is. */
typedef struct assay_hook_place {
    uint64_t step;
    size_t first_row, rows, cols;
} assay_hook_place;

/* y = forward(x); dx = backward(x, dy), or NULL: dx = dy (straight through). */
typedef struct assay_value_hook {
    int (*forward)(void *context, const assay_hook_place *place, const float *x, float *y);
    int (*backward)(
        void *context, const assay_hook_place *place, const float *x, const float *dy, float *dx);
    void *context;
} assay_value_hook;

/* Keys and values of the positions that sequences have so far, for attention one position at a
 * time. Slot s holds for each head the keys transposed, [d][positions], and the values,
 * [positions][d], both with their rows padded to 8 numbers (assay_kv_keys, assay_kv_values). A
 * call's sequence i is slot[i], of which past[i] positions are held. */
typedef struct assay_kv {
    size_t slots, heads, d, positions;
    void *k, *v; /* of the engine's number, zeroed before their first use */
    const size_t *slot, *past;
} assay_kv;

/* Numbers that one slot's keys, and its values, take. */
static inline size_t assay_kv_keys(const assay_kv *kv)
{
    return kv->heads * kv->d * ((kv->positions + 7) / 8 * 8);
}

static inline size_t assay_kv_values(const assay_kv *kv)
{
    return kv->heads * kv->positions * ((kv->d + 7) / 8 * 8);
}

/* What a node may be told. An operation reads those that its entry in the table names; arrays must
 * live until the tape is reset. Messages count their entries from 1. */
typedef struct assay_op_options {
    double eps;       /* norms: added to the variance; > 0 */
    double scale;     /* linear: alpha / r of LoRA; scale: the factor */
    double p;         /* dropout: the probability of a zero, in [0, 1) */
    double slope;     /* leaky: of negative inputs */
    double smoothing; /* softmax_ce: label smoothing, in [0, 1) */
    double delta;     /* huber: where it becomes linear; > 0 */
    size_t shape[3];  /* channels, height and width of an image row */
    size_t k;         /* conv2d, pools: the side of the window */
    size_t stride;    /* 0: 1 for conv2d, k for pools */
    size_t pad;       /* conv2d: zeros around, less than the window's side */
    size_t dilation;  /* conv2d: from one number of the window to the next; 0: 1 */
    size_t groups;    /* groupnorm */
    size_t heads;     /* attention, rope */
    size_t first;     /* slice: the first column, from 0 */
    size_t count;  /* slice: columns; sinusoidal: of the output, even, >= 4; linear, conv2d: outputs
                      of a slice of larger weights, 0: of all */
    bool causal;   /* attention: no position sees a later one */
    size_t blocks; /* attention: positions see their block of so many, and earlier ones; 0: no */
    const unsigned char
        *attend; /* attention: position i sees j where attend[i * attend_side + j]; NULL: no mask */
    size_t attend_side;
    const assay_kv *cache; /* attention: rows are the next positions; no gradients */
    bool sum;              /* losses: the sum, not the mean */
    const int32_t *labels; /* softmax_ce, policy: a class a row, -1: ignored; embedding, gather:
                              rows of the table; rope: positions, >= 0 */
    size_t n_labels;
    const double *weights; /* losses: a weight a row; NULL: 1 */
    size_t n_weights;
    const double *old, *advantage, *reference; /* policy: of each of n_labels rows; see policy.h */
    double clip_low, clip_high, kl, entropy;   /* policy */
    const size_t *lengths; /* attention, meanrows: of the sequences, whose sum is the rows; NULL:
                              one sequence */
    size_t n_lengths;
    double bits;               /* fakequant: of uniform steps, 2..16; of noise, 1..24 */
    double clip;               /* fakequant: of the range that uniform steps cover, in (0, 1] */
    size_t exponent, mantissa; /* fakequant: bits of a floating format, 2..8 and 1..10; 0: none */
    size_t group, block;       /* fakequant: columns, or the side of a square, that share a scale */
    bool tensor;               /* fakequant: all shares a scale */
    bool symmetric, mask, noise;  /* fakequant, see there */
    const assay_value_hook *hook; /* hook */
} assay_op_options;

#define ASSAY_OP_DEFAULTS                                                                          \
    {                                                                                              \
        .eps = 1e-5, .scale = 1, .p = 0.5, .slope = 0.01, .delta = 1, .k = 1, .groups = 1,         \
        .heads = 1, .bits = 8, .clip = 1, .symmetric = true, .clip_low = INFINITY,                 \
        .clip_high = INFINITY                                                                      \
    }

/* The table, in words: an operation by name (ASSAY_ENOTFOUND lists them), its name, the names of
 * its inputs (NULL: it has fewer) and of its options (spaces between), whether it is a loss. */
int assay_op_parse(const char *name, assay_op_id *op);
const char *assay_op_name(assay_op_id op);
const char *assay_op_input(assay_op_id op, int slot);
const char *assay_op_option_names(assay_op_id op);
bool assay_op_is_loss(assay_op_id op);

#endif
