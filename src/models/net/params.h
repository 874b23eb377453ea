/*
 * The parameters of a net: a table of names, shapes and flags over one flat buffer of floats.
 * Gradients, moments and averages are buffers of the same length, so that optimisers, sums over
 * shards and checkpoints are loops over one array.
 *
 * Each tensor begins at a multiple of 16 floats; what is between tensors is zero in every buffer
 * and stays so. An architecture adds its parameters in the order of its forward pass, keeps their
 * positions, and sets their values.
 */
#ifndef ASSAY_MODELS_NET_PARAMS_H
#define ASSAY_MODELS_NET_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"

enum {
    ASSAY_PARAM_TRAINABLE = 1, /* has a gradient, unless it is frozen */
    ASSAY_PARAM_DECAY = 2,     /* weight decay applies: matrices, not biases, norms, embeddings */
    ASSAY_PARAM_FROZEN = 4,    /* for now, without a gradient */
    ASSAY_PARAM_QUANT = 8      /* one of those that quantisers mean by "the weights" */
};

enum { ASSAY_PARAM_NAME = 48 };

/*
 * A weight as the forward pass sees it: w_eff = forward(w), once before the shards of every batch
 * start, and the gradient by w of the one by w_eff, once after their sum. Quantisers, noise and
 * sub-networks plug in here. `step` counts optimisation steps from 1; 0 outside of training.
 */
typedef struct assay_weight_hook {
    int (*forward)(void *context, uint64_t step, const float *w, float *effective, size_t n);
    /* grad: in by w_eff, out by w. NULL: the same (straight through). */
    int (*backward)(void *context, uint64_t step, const float *w, float *grad, size_t n);
    void *context;
} assay_weight_hook;

typedef struct assay_param {
    char name[ASSAY_PARAM_NAME];
    size_t n[4];
    int rank;
    size_t off, size; /* in the flat buffers, in floats */
    unsigned flags;
    assay_weight_hook hook; /* .forward NULL: none */
} assay_param;

typedef struct assay_params {
    assay_param *at;
    size_t count, length; /* of parameters; of a flat buffer in floats */
    float *w;             /* 64-byte aligned; moves when a parameter is added */
    size_t room, w_room;
} assay_params;

/* A table begins as {0}. */
void assay_params_free(assay_params *params);

/* Zeros, rank 1..4. ASSAY_EINVAL for a name that is empty, too long or there already, and for sizes
 * that are 0 or too large. *index may be NULL. */
int assay_params_add(assay_params *params, const char *name, int rank, const size_t *n,
    unsigned flags, size_t *index);

/* ASSAY_ENOTFOUND says which names there are. */
int assay_params_find(const assay_params *params, const char *name, size_t *index);

/* A deep copy, without hooks, whose contexts are others'; *out is set in any case. */
int assay_params_copy(const assay_params *params, assay_params *out);

/* Has a gradient? */
static inline bool assay_param_learns(const assay_param *param)
{
    return (param->flags & ASSAY_PARAM_TRAINABLE) && !(param->flags & ASSAY_PARAM_FROZEN);
}

/* Numbers in all tensors, and in those that learn. */
size_t assay_params_size(const assay_params *params);
size_t assay_params_learning(const assay_params *params);

/* Set the flag of the parameters whose name matches the pattern of a shell ("head.*"), or clear it;
 * returns how many match. */
size_t assay_params_flag(assay_params *params, const char *pattern, unsigned flag, bool on);

/* A zeroed flat buffer of params->length floats; free it with free. */
int assay_params_buffer(const assay_params *params, float **out);

/*
 * Initial values, each parameter from its own stream, rng split by its name, so that they depend on
 * no other parameter.
 *   uniform   in [-scale, scale]; PyTorch's linear and convolution, weight and bias: scale 1 /
 *             sqrt(inputs), which is its Kaiming-uniform with a = sqrt(5)
 *   normal    N(0, scale^2); He et al. (arXiv:1502.01852): scale sqrt(2 / inputs)
 *   constant  scale
 */
typedef enum assay_param_init {
    ASSAY_INIT_CONSTANT,
    ASSAY_INIT_UNIFORM,
    ASSAY_INIT_NORMAL
} assay_param_init;

void assay_params_set(
    assay_params *params, size_t index, assay_param_init init, double scale, const assay_rng *rng);

#endif
