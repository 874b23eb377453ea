/*
 * Loss and gradient of a batch, the same bits at any number of threads. A batch of B examples with
 * R rows (of images, times their positions) is cut into S = clamp(ceil(R / 256), 1, min(B, 16))
 * contiguous shards, which depend on the batch alone. Each shard has a tape and a gradient buffer
 * of its own; thread k of P takes shards k, k + P, ... Gradients are then summed in pairs, ((0 + 1)
 * + (2 + 3)) + ..., each chunk of 4096 parameters by one thread; losses in double in the order of
 * the shards. 256 rows also stay in the second-level cache.
 *
 * How an architecture plugs in. It owns a table of parameters (params.h) and gives one function:
 *
 *     int build(void *user, assay_tape *tape, const int *param, const assay_shard *shard,
 *               int *value);
 *
 * which appends the nodes of the examples shard->first .. shard->first + shard->count - 1 of the
 * batch that `user` knows. param[i] is the value on this tape of parameter i of the table. It is
 * called from several threads at once, each with another tape and shard, and must write nothing
 * that they share; memory that has to live as long as the tape comes from assay_tape_alloc.
 *   - For a loss, *value is one number: the SUM of the terms of this shard's examples (losses with
 *     options.sum = true), not divided by any count. batch.scale divides: 1 / (rows, tokens or
 *     sequences that count in the whole batch). So a mean over counted tokens is right whatever the
 *     shards are. Terms with other denominators are scaled by nodes (ASSAY_OP_SCALE, or weights).
 *   - For outputs (assay_shards_forward), *value is what `take` is to copy.
 * The tape has its random keys already when batch.random: masks are keyed by (seed, step, node,
 * row of the batch), so neither shards nor threads change them.
 */
#ifndef ASSAY_MODELS_NET_SHARDS_H
#define ASSAY_MODELS_NET_SHARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/net/params.h"
#include "models/net/tape.h"

enum { ASSAY_SHARD_ROWS = 256, ASSAY_MOST_SHARDS = 16 };

typedef struct assay_batch {
    size_t examples;    /* >= 1 */
    const size_t *rows; /* of each example; NULL: one each */
    size_t positions;   /* of an image: a row counts as so many when the batch is cut; 0: one */
    double scale;       /* of the summed loss and its gradient */
    bool random;        /* dropout is on, keyed by seed and step */
    bool whole;         /* one shard, for operations that mix examples */
    uint64_t seed, step;
    size_t first_row; /* of the keys: rows of the same step in batches before this one */
} assay_batch;

typedef struct assay_shard {
    size_t first, count;    /* examples of the batch, from 0 */
    size_t first_row, rows; /* rows of the batch */
    size_t index;           /* of the shard */
} assay_shard;

typedef int assay_build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value);

/* Called from several threads at once, for different shards. */
typedef int assay_take(void *user, const assay_shard *shard, const assay_tensor *value);

/* Threads, tapes and gradient buffers, kept from batch to batch. */
typedef struct assay_shards assay_shards;

/* threads in 1..ASSAY_MOST_THREADS; 1 starts none. */
int assay_shards_new(size_t threads, assay_shards **out);
void assay_shards_free(assay_shards *shards);

/* Whose matrix products those of later batches are; BLAS's to begin with. */
void assay_shards_gemm(assay_shards *shards, assay_gemm_kind kind);

/* The threads, for work of the caller's that doesn't depend on who does it. */
struct assay_threads;
struct assay_threads *assay_shards_pool(assay_shards *shards);

/* S of the formula above. */
size_t assay_shards_of(const assay_batch *batch);

/* *loss = scale * sum; grad, of params->length, is overwritten by the gradient of *loss (NULL: only
 * the loss). Parameters that don't learn get zeros. The message of a failure is that of the first
 * shard that failed. */
int assay_shards_loss(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, double *loss, float *grad);

/*
 * The same of a loss that looks at the whole batch: *value is outputs, `cols` numbers for each
 * example, and `judge`, called once by the caller's thread when all shards have theirs, gives the
 * loss and its slope by them (both examples x cols; slope is zeroed). Neither is scaled.
 */
typedef int assay_judge(
    void *user, size_t examples, size_t cols, const float *outputs, double *loss, float *slope);
int assay_shards_judged(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, size_t cols, assay_judge *judge, void *judge_user,
    double *loss, float *grad);

/* After the loss of a batch that was whole and random: the means and variances of its batchnorm
 * nodes that are parameters move by a tenth towards those of the batch (PyTorch's momentum 0.1). */
void assay_shards_track(assay_shards *shards, assay_params *params);

/* Outputs, without gradients. */
int assay_shards_forward(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, assay_take *take, void *taker);

/* norm2[e] = ||gradient of scale * (the terms of example e) by all parameters that learn||^2, in
 * one walk back (see assay_tape_norm2); *loss may be NULL. Hooked weights are EINVAL: their
 * gradients by example would need the hook once an example. */
int assay_shards_norm2(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, double *norm2);

/* The gradient of each example by itself, each a shard of its own: `each` gets example e, the
 * scaled sum of its terms and its gradient of params->length, from several threads at once, in no
 * order. Buffers number as many as threads. */
typedef int assay_each(void *user, size_t example, double loss, float *grad);
int assay_shards_each(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, assay_each *each, void *taker);

#endif
