/*
 * What the operations are written against: nodes, their entry in the table, the arena. Private to
 * this directory.
 */
#ifndef ASSAY_MODELS_NET_KERNEL_H
#define ASSAY_MODELS_NET_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "models/net/op.h"
#include "models/net/tape.h"

/* A bump allocator of 64-byte aligned blocks; reset keeps what it has, as one block. */
typedef struct assay_arena {
    struct arena_block *block;
    size_t held;
} assay_arena;

void *assay_arena_alloc(
    assay_arena *arena, size_t count, size_t size); /* NULL: ASSAY_ENOMEM is set */
void assay_arena_reset(assay_arena *arena);
void assay_arena_free(assay_arena *arena);

typedef struct assay_value {
    assay_tensor x;
    real *grad; /* in the arena, or the caller's */
    bool wants_grad, leaf;
    bool fresh; /* grad holds nothing yet: who writes first need not add */
    int node;   /* that made it, or -1 */
} assay_value;

typedef struct assay_op assay_op;

typedef struct assay_node {
    const assay_op *op;
    assay_op_options options;
    int index;
    int in[ASSAY_NODE_INPUTS], out;
    void *saved[3]; /* from forward to backward, in the arena */
    double loss;
} assay_node;

/* The rows of each example: row[start[e]] .. row[start[e + 1] - 1]. */
struct assay_examples {
    size_t n;
    const size_t *start, *row;
};

struct assay_op {
    const char *name;
    const char *inputs[ASSAY_NODE_INPUTS]; /* their names; the first `required` must be given */
    int required;
    const char *options; /* names of fields of assay_op_options, with spaces between */
    bool table;          /* its first input is a parameter, too */
    bool branches;       /* its second input may be a value like x, which is no weight */
    bool loss;           /* its value is one number, kept in double too */
    int (*forward)(assay_tape *tape, assay_node *node);
    int (*backward)(assay_tape *tape, const assay_node *node); /* NULL: no gradient passes */
    /* Adds to norm2[e]; NULL: has no weights, or can't. */
    int (*norm2)(assay_tape *tape, const assay_node *node, const struct assay_examples *examples,
        double *norm2);
    double (*flops)(const assay_tape *tape, const assay_node *node);
};

struct assay_tape {
    assay_arena arena;
    assay_node *node;
    assay_value *value;
    size_t nodes, values, node_room, value_room;
    bool random, walked;
    assay_gemm_kind gemm;
    const assay_packed *packed; /* what weights of linear are laid out as */
    size_t packed_count;
    uint64_t seed, step, first_row;
};

extern const assay_op *const assay_ops[ASSAY_OPS];

static inline size_t tensor_rows(const assay_tensor *x)
{
    return x->rank == 1 ? 1 : x->n[0];
}

static inline size_t tensor_size(const assay_tensor *x)
{
    size_t size = 1;
    for (int i = 0; i < x->rank; i++)
        size *= x->n[i];
    return size;
}

static inline size_t tensor_cols(const assay_tensor *x)
{
    return tensor_size(x) / tensor_rows(x);
}

static inline bool has_input(const assay_node *node, int slot)
{
    return node->in[slot] >= 0;
}

static inline const assay_tensor *input(const assay_tape *tape, const assay_node *node, int slot)
{
    return &tape->value[node->in[slot]].x;
}

/* Where the gradient of an input goes; NULL for one that is left out or needs none. *first: nothing
 * is there yet, and the caller writes all of it; else it adds. Each gradient is asked for when it
 * is written, since two inputs may be one value. */
static inline real *input_grad_first(
    const assay_tape *tape, const assay_node *node, int slot, bool *first)
{
    assay_value *value = has_input(node, slot) ? &tape->value[node->in[slot]] : NULL;
    *first = value && value->fresh;
    if (value)
        value->fresh = false;
    return value ? value->grad : NULL;
}

/* The same for those who always add. */
static inline real *input_grad(const assay_tape *tape, const assay_node *node, int slot)
{
    bool first;
    real *grad = input_grad_first(tape, node, slot, &first);
    if (first)
        memset(grad, 0, tensor_size(input(tape, node, slot)) * sizeof *grad);
    return grad;
}

static inline const assay_tensor *output(const assay_tape *tape, const assay_node *node)
{
    return &tape->value[node->out].x;
}

static inline const real *output_grad(const assay_tape *tape, const assay_node *node)
{
    return tape->value[node->out].grad;
}

/* ASSAY_EINVAL: "net: node 3 (linear): ..." */
int assay_node_fail(const assay_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "...: x [4, 5] and w [3, 6] don't fit: RULE" for two inputs that are there. */
int assay_node_mismatch(
    const assay_tape *tape, const assay_node *node, int a, int b, const char *rule);

/* The node's value, not set to anything. */
int assay_node_output(assay_tape *tape, assay_node *node, size_t rows, size_t cols, real **y);

/* options.shape, checked against the columns of x. */
int assay_node_image(const assay_tape *tape, const assay_node *node, size_t *channels,
    size_t *height, size_t *width);

/* C = alpha op(A) op(B) + beta C, op(A) m x k, op(B) k x n. beta 0 overwrites whatever C holds. */
void assay_gemm(assay_gemm_kind kind, bool transpose_a, bool transpose_b, size_t m, size_t n,
    size_t k, real alpha, const real *a, size_t lda, const real *b, size_t ldb, real beta, real *c,
    size_t ldc);

extern const assay_op assay_op_linear, assay_op_layernorm, assay_op_rmsnorm, assay_op_groupnorm,
    assay_op_relu, assay_op_leaky, assay_op_gelu, assay_op_gelu_exact, assay_op_silu, assay_op_tanh,
    assay_op_sigmoid, assay_op_softplus, assay_op_swiglu, assay_op_add, assay_op_sub, assay_op_mul,
    assay_op_scale, assay_op_bias, assay_op_dropout, assay_op_stop, assay_op_embedding,
    assay_op_gather, assay_op_concat, assay_op_slice, assay_op_transpose, assay_op_conv2d,
    assay_op_maxpool, assay_op_avgpool, assay_op_globalmean, assay_op_globalmax, assay_op_upsample,
    assay_op_attention, assay_op_softmax_ce, assay_op_bce_logits, assay_op_mse, assay_op_huber,
    assay_op_conv2d_transpose, assay_op_sinusoidal, assay_op_gaussian_nll, assay_op_kl,
    assay_op_reverse_kl, assay_op_fakequant, assay_op_hook, assay_op_rope, assay_op_policy,
    assay_op_meanrows, assay_op_batchnorm;

/* Of a batchnorm in training: the channels' means, then their variances (by one less); NULL: it was
 * not, or is another operation. */
const real *assay_batchnorm_statistics(const assay_node *node);

#endif
