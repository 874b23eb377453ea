/*
 * A tape: a forward call appends nodes, each a fused layer kernel; assay_tape_backward walks them
 * backwards. Coarse nodes with hand-written backwards keep the bookkeeping far below the arithmetic
 * while every architecture shares the same few kernels; a node alone can be checked by finite
 * differences. One tape serves one shard in one thread; several run side by side.
 *
 * A value is a leaf (the caller's memory: data, or a parameter of a flat buffer) or a node's output
 * (the tape's arena). Gradients accumulate: the caller zeroes the gradients of leaves.
 */
#ifndef ASSAY_MODELS_NET_TAPE_H
#define ASSAY_MODELS_NET_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "models/net/op.h"
#include "models/net/packed.h"
#include "models/net/real.h"

/* Contiguous, row-major. A vector [n] is one row; of more dimensions the first are the rows. */
typedef struct assay_tensor {
    real *data;
    size_t n[4];
    int rank;
} assay_tensor;

typedef struct assay_tape assay_tape;

int assay_tape_new(assay_tape **out);
void assay_tape_free(assay_tape *tape);

/* Forget nodes and values, keep the memory. */
void assay_tape_reset(assay_tape *tape);

/* Memory that lives until the tape is reset, 64-byte aligned; NULL: ASSAY_ENOMEM is set. */
void *assay_tape_alloc(assay_tape *tape, size_t count, size_t size);

/* Whose matrix products the tape's are, also after a reset. */
void assay_tape_gemm(assay_tape *tape, assay_gemm_kind kind);

/* Which weights of linear are laid out for products (packed.h), also after a reset: used where a
 * leaf of that very memory is one, forward and by BLAS. They must outlive the tape's use. */
void assay_tape_packed(assay_tape *tape, const assay_packed *packed, size_t count);

/* Dropout is on with these keys (and off after a reset): node i draws for row r from (seed, step,
 * i, first_row + r), so that neither shards nor threads change a mask. */
void assay_tape_random(assay_tape *tape, uint64_t seed, uint64_t step, uint64_t first_row);

/* A leaf, whose gradient goes to `grad` (as many numbers as x); NULL: it has none. */
int assay_tape_leaf(assay_tape *tape, const assay_tensor *x, real *grad, int *value);

/* Append a node. in[i] is a value or -1 for an input that is left out. ASSAY_EINVAL names the node,
 * the operation and the shapes. */
int assay_tape_apply(assay_tape *tape, assay_op_id op, const int in[ASSAY_NODE_INPUTS],
    const assay_op_options *options, int *value);

/* The value; its gradient after assay_tape_backward (NULL: it has none). */
assay_tensor assay_tape_value(const assay_tape *tape, int value);
const real *assay_tape_grad(const assay_tape *tape, int value);

/* The value of a loss, summed in double. */
double assay_tape_loss(const assay_tape *tape, int value);

/* Gradients of sum(upstream * value), all ones for NULL. Once a tape between resets. */
int assay_tape_backward(assay_tape *tape, int value, const real *upstream);

/* After backward: norm2[e] = squared norm of the gradient that the rows of example e contribute to
 * all leaves with gradients that are weights (not the x of a node). example[r] < examples, for
 * every row r. A parameter that two nodes share is ASSAY_EINVAL: its cross terms are not in the
 * sum. */
int assay_tape_norm2(
    assay_tape *tape, const size_t *example, size_t rows, size_t examples, double *norm2);

/* Multiplications and additions of the forward pass in matrix products. */
double assay_tape_flops(const assay_tape *tape);

/* Bytes that the arena holds. */
size_t assay_tape_memory(const assay_tape *tape);

#endif
