/*
 * Shards of a batch; see shards.h. A single shard writes its gradient where the caller wants it,
 * several into buffers that a tree of sums then adds into the caller's.
 */
#include "models/net/shards.h"

#include <cblas.h>
#include <stdlib.h>

#include "core/parallel.h"
#include "core/status.h"
#include "models/net/kernel.h"

enum { CHUNK = 4096 };

struct shard_state {
    assay_tape *tape;
    float *grad; /* of `length` floats */
    size_t length;
    int *param;
    size_t room;
    size_t *example; /* of each row, for norms */
    size_t example_room;
    double loss;
    int value; /* of a loss that is judged outside */
};

struct assay_shards {
    assay_threads *pool;
    float *effective; /* weights after hooks */
    size_t effective_length;
    assay_gemm_kind gemm;
    float *outputs, *slope; /* of a batch that is judged; of `judged` numbers each */
    size_t judged;
    struct shard_state state[ASSAY_MOST_SHARDS];
};

int assay_shards_new(size_t threads, assay_shards **out)
{
    openblas_set_num_threads(1);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for shards");
    const int status = assay_threads_new(threads, &(*out)->pool);
    if (status != ASSAY_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

void assay_shards_gemm(assay_shards *shards, assay_gemm_kind kind)
{
    shards->gemm = kind;
}

void assay_shards_free(assay_shards *shards)
{
    if (!shards)
        return;
    assay_threads_free(shards->pool);
    for (size_t s = 0; s < ASSAY_MOST_SHARDS; s++) {
        assay_tape_free(shards->state[s].tape);
        free(shards->state[s].grad);
        free(shards->state[s].param);
        free(shards->state[s].example);
    }
    free(shards->effective);
    free(shards->outputs);
    free(shards->slope);
    free(shards);
}

assay_threads *assay_shards_pool(assay_shards *shards)
{
    return shards->pool;
}

/* ---- cutting ---- */

static size_t rows_between(const assay_batch *batch, size_t first, size_t last)
{
    if (!batch->rows)
        return last - first;
    size_t rows = 0;
    for (size_t i = first; i < last; i++)
        rows += batch->rows[i];
    return rows;
}

size_t assay_shards_of(const assay_batch *batch)
{
    const size_t rows =
        rows_between(batch, 0, batch->examples) * (batch->positions ? batch->positions : 1);
    size_t shards = (rows + ASSAY_SHARD_ROWS - 1) / ASSAY_SHARD_ROWS;
    if (batch->whole || shards < 1)
        return 1;
    if (shards > ASSAY_MOST_SHARDS)
        shards = ASSAY_MOST_SHARDS;
    return shards < batch->examples ? shards : batch->examples;
}

/* Shard i of n has the examples from i B / n to (i + 1) B / n. */
static assay_shard cut(const assay_batch *batch, size_t n, size_t i)
{
    const size_t first = i * batch->examples / n, last = (i + 1) * batch->examples / n;
    const size_t before = rows_between(batch, 0, first);
    return (assay_shard){first, last - first, before, rows_between(batch, first, last), i};
}

/* ---- memory ---- */

static int hold(float **buffer, size_t *held, const assay_params *params)
{
    if (*held == params->length && *buffer)
        return ASSAY_OK;
    free(*buffer);
    *buffer = NULL;
    *held = params->length;
    return assay_params_buffer(params, buffer);
}

static int prepare(
    const assay_shards *shards, struct shard_state *state, const assay_params *params)
{
    int status = state->tape ? ASSAY_OK : assay_tape_new(&state->tape);
    if (state->tape)
        assay_tape_gemm(state->tape, shards->gemm);
    if (status != ASSAY_OK || state->room >= params->count)
        return status;
    int *param = realloc(state->param, params->count * sizeof *param);
    if (!param)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu parameters", params->count);
    state->param = param;
    state->room = params->count;
    return status;
}

/* ---- hooks ---- */

static bool has_hooks(const assay_params *params)
{
    for (size_t i = 0; i < params->count; i++)
        if (params->at[i].hook.forward)
            return true;
    return false;
}

/* The weights that the tapes are to see. */
static int apply_hooks(
    assay_shards *shards, const assay_params *params, uint64_t step, const float **w)
{
    *w = params->w;
    if (!has_hooks(params))
        return ASSAY_OK;
    int status = hold(&shards->effective, &shards->effective_length, params);
    if (status == ASSAY_OK)
        memcpy(shards->effective, params->w, params->length * sizeof(float));
    for (size_t i = 0; i < params->count && status == ASSAY_OK; i++) {
        const assay_param *p = &params->at[i];
        if (p->hook.forward)
            status = p->hook.forward(
                p->hook.context, step, params->w + p->off, shards->effective + p->off, p->size);
    }
    *w = shards->effective;
    return status;
}

static int map_gradients(const assay_params *params, uint64_t step, float *grad)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < params->count && status == ASSAY_OK; i++) {
        const assay_param *p = &params->at[i];
        if (p->hook.backward && assay_param_learns(p))
            status =
                p->hook.backward(p->hook.context, step, params->w + p->off, grad + p->off, p->size);
    }
    return status;
}

/* ---- one shard ---- */

struct call {
    assay_shards *shards;
    const assay_params *params;
    const float *w;
    assay_build *build;
    void *user;
    const assay_batch *batch;
    size_t n;
    float *grad; /* NULL: none */
    assay_take *take;
    assay_each *each;
    void *taker;
    double *norm2;
    size_t cols; /* of outputs that are judged */
};

/* A tape with the parameters as leaves and what the architecture builds. */
static int build_shard(const struct call *c, struct shard_state *state, const assay_shard *shard,
    float *grad, int *value)
{
    assay_tape_reset(state->tape);
    if (c->batch->random)
        assay_tape_random(
            state->tape, c->batch->seed, c->batch->step, c->batch->first_row + shard->first_row);
    for (size_t i = 0; i < c->params->count; i++) {
        const assay_param *p = &c->params->at[i];
        assay_tensor x = {(float *)c->w + p->off, {0}, p->rank}; /* a leaf is only read */
        memcpy(x.n, p->n, sizeof x.n);
        const int status = assay_tape_leaf(state->tape, &x,
            grad && assay_param_learns(p) ? grad + p->off : NULL, &state->param[i]);
        if (status != ASSAY_OK)
            return status;
    }
    return c->build(c->user, state->tape, state->param, shard, value);
}

static int check_loss(const assay_tape *tape, int value)
{
    const assay_tensor y = assay_tape_value(tape, value);
    size_t size = 1;
    for (int i = 0; i < y.rank; i++)
        size *= y.n[i];
    return size == 1 ? ASSAY_OK
                     : assay_fail(ASSAY_EINVAL, "net: a loss must be one number, got %zu", size);
}

/* Loss and, into a zeroed `grad`, gradient of a shard. */
static int loss_of_shard(
    const struct call *c, struct shard_state *state, const assay_shard *shard, float *grad)
{
    int value = -1;
    const float scale = (float)c->batch->scale;
    if (grad)
        memset(grad, 0, c->params->length * sizeof *grad);
    int status = build_shard(c, state, shard, grad, &value);
    if (status == ASSAY_OK)
        status = check_loss(state->tape, value);
    if (status != ASSAY_OK)
        return status;
    state->loss = assay_tape_loss(state->tape, value);
    return grad ? assay_tape_backward(state->tape, value, &scale) : ASSAY_OK;
}

static float *grad_of(const struct call *c, struct shard_state *state)
{
    return !c->grad ? NULL : c->n == 1 ? c->grad : state->grad;
}

/* A tape and, where there are several shards, a gradient of its own. */
static int ready_shard(const struct call *c, struct shard_state *state)
{
    const int status = prepare(c->shards, state, c->params);
    return status == ASSAY_OK && c->grad && c->n > 1 ? hold(&state->grad, &state->length, c->params)
                                                     : status;
}

static int loss_job(void *context, size_t i)
{
    const struct call *c = context;
    struct shard_state *state = &c->shards->state[i];
    const assay_shard shard = cut(c->batch, c->n, i);
    const int status = ready_shard(c, state);
    return status == ASSAY_OK ? loss_of_shard(c, state, &shard, grad_of(c, state)) : status;
}

/* One chunk of the tree of sums; the last level goes into the caller's gradient. */
static int sum_job(void *context, size_t chunk)
{
    const struct call *c = context;
    const size_t first = chunk * CHUNK, left = c->params->length - first;
    const size_t n = left < CHUNK ? left : CHUNK;
    for (size_t stride = 1; stride < c->n; stride *= 2)
        for (size_t s = 0; s + stride < c->n; s += 2 * stride) {
            const float *a = c->shards->state[s].grad + first;
            const float *b = c->shards->state[s + stride].grad + first;
            float *sum = 2 * stride < c->n ? c->shards->state[s].grad + first : c->grad + first;
            for (size_t i = 0; i < n; i++)
                sum[i] = a[i] + b[i];
        }
    return ASSAY_OK;
}

static int begin(struct call *c)
{
    if (c->batch->examples < 1)
        return assay_fail(ASSAY_EINVAL, "net: a batch must have at least one example");
    c->n = assay_shards_of(c->batch);
    return apply_hooks(c->shards, c->params, c->batch->step, &c->w);
}

/* The shards' gradients added into the caller's, and through the hooks. */
static int finish_grad(struct call *c)
{
    int status = ASSAY_OK;
    if (c->n > 1)
        status =
            assay_threads_run(c->shards->pool, (c->params->length + CHUNK - 1) / CHUNK, sum_job, c);
    return status == ASSAY_OK ? map_gradients(c->params, c->batch->step, c->grad) : status;
}

int assay_shards_loss(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, double *loss, float *grad)
{
    struct call c = {.shards = shards,
        .params = params,
        .build = build,
        .user = user,
        .batch = batch,
        .grad = grad};
    int status = begin(&c);
    if (status == ASSAY_OK)
        status = assay_threads_run(shards->pool, c.n, loss_job, &c);
    if (status != ASSAY_OK)
        return status;
    double sum = 0;
    for (size_t s = 0; s < c.n; s++)
        sum += shards->state[s].loss;
    *loss = batch->scale * sum;
    return grad ? finish_grad(&c) : status;
}

/* ---- losses of whole batches ---- */

static int outputs_job(void *context, size_t i)
{
    const struct call *c = context;
    struct shard_state *state = &c->shards->state[i];
    const assay_shard shard = cut(c->batch, c->n, i);
    int status = ready_shard(c, state);
    if (status != ASSAY_OK)
        return status;
    memset(grad_of(c, state), 0, c->params->length * sizeof(float));
    status = build_shard(c, state, &shard, grad_of(c, state), &state->value);
    if (status != ASSAY_OK)
        return status;
    const assay_tensor y = assay_tape_value(state->tape, state->value);
    size_t size = 1;
    for (int k = 0; k < y.rank; k++)
        size *= y.n[k];
    if (size != shard.count * c->cols)
        return assay_fail(ASSAY_EINVAL,
            "net: outputs must be %zu numbers an example, got %zu of "
            "%zu examples",
            c->cols, size, shard.count);
    memcpy(c->shards->outputs + shard.first * c->cols, y.data, size * sizeof(float));
    return ASSAY_OK;
}

static int slope_job(void *context, size_t i)
{
    const struct call *c = context;
    struct shard_state *state = &c->shards->state[i];
    const assay_shard shard = cut(c->batch, c->n, i);
    return assay_tape_backward(state->tape, state->value, c->shards->slope + shard.first * c->cols);
}

/* Room for what is judged, slopes zeroed. */
static int hold_judged(assay_shards *shards, size_t numbers)
{
    if (shards->judged < numbers) {
        free(shards->outputs);
        free(shards->slope);
        shards->judged = 0;
        shards->outputs = malloc(numbers * sizeof *shards->outputs);
        shards->slope = malloc(numbers * sizeof *shards->slope);
        if (!shards->outputs || !shards->slope)
            return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu outputs", numbers);
        shards->judged = numbers;
    }
    memset(shards->slope, 0, numbers * sizeof *shards->slope);
    return ASSAY_OK;
}

int assay_shards_judged(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, size_t cols, assay_judge *judge, void *judge_user,
    double *loss, float *grad)
{
    struct call c = {.shards = shards,
        .params = params,
        .build = build,
        .user = user,
        .batch = batch,
        .grad = grad,
        .cols = cols};
    int status = begin(&c);
    if (status == ASSAY_OK)
        status = hold_judged(shards, batch->examples * cols);
    if (status == ASSAY_OK)
        status = assay_threads_run(shards->pool, c.n, outputs_job, &c);
    if (status == ASSAY_OK)
        status = judge(judge_user, batch->examples, cols, shards->outputs, loss, shards->slope);
    if (status == ASSAY_OK)
        status = assay_threads_run(shards->pool, c.n, slope_job, &c);
    return status == ASSAY_OK ? finish_grad(&c) : status;
}

/* ---- statistics of batches ---- */

/* The parameter that is `value` on the tape moves towards `batch`. */
static void track(
    const struct shard_state *state, assay_params *params, int value, const float *batch)
{
    static const float momentum = 0.1F;
    for (size_t p = 0; value >= 0 && p < params->count; p++) {
        if (state->param[p] != value)
            continue;
        float *w = params->w + params->at[p].off;
        for (size_t i = 0; i < params->at[p].size; i++)
            w[i] += momentum * (batch[i] - w[i]);
    }
}

void assay_shards_track(assay_shards *shards, assay_params *params)
{
    enum { MEAN = 3, VARIANCE = 4 };
    const struct shard_state *state = &shards->state[0];
    for (size_t i = 0; i < state->tape->nodes; i++) {
        const assay_node *node = &state->tape->node[i];
        const float *batch = assay_batchnorm_statistics(node);
        if (!batch)
            continue;
        const size_t channels = node->in[MEAN] < 0 ? 0 : tensor_size(input(state->tape, node, MEAN));
        track(state, params, node->in[MEAN], batch);
        track(state, params, node->in[VARIANCE], batch + channels);
    }
}

/* ---- outputs ---- */

static int forward_job(void *context, size_t i)
{
    const struct call *c = context;
    struct shard_state *state = &c->shards->state[i];
    const assay_shard shard = cut(c->batch, c->n, i);
    int value = -1, status = prepare(c->shards, state, c->params);
    if (status == ASSAY_OK)
        status = build_shard(c, state, &shard, NULL, &value);
    if (status != ASSAY_OK)
        return status;
    const assay_tensor y = assay_tape_value(state->tape, value);
    return c->take(c->taker, &shard, &y);
}

int assay_shards_forward(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, assay_take *take, void *taker)
{
    struct call c = {.shards = shards,
        .params = params,
        .build = build,
        .user = user,
        .batch = batch,
        .take = take,
        .taker = taker};
    const int status = begin(&c);
    return status == ASSAY_OK ? assay_threads_run(shards->pool, c.n, forward_job, &c) : status;
}

/* ---- gradients of examples ---- */

static int map_rows(struct shard_state *state, const assay_batch *batch, const assay_shard *shard)
{
    if (state->example_room < shard->rows) {
        size_t *example = realloc(state->example, shard->rows * sizeof *example);
        if (!example)
            return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu rows", shard->rows);
        state->example = example;
        state->example_room = shard->rows;
    }
    for (size_t e = 0, r = 0; e < shard->count; e++)
        for (size_t k = batch->rows ? batch->rows[shard->first + e] : 1; k > 0; k--)
            state->example[r++] = e;
    return ASSAY_OK;
}

static int norm2_job(void *context, size_t i)
{
    const struct call *c = context;
    struct shard_state *state = &c->shards->state[i];
    const assay_shard shard = cut(c->batch, c->n, i);
    int status = loss_job(context, i);
    if (status == ASSAY_OK)
        status = map_rows(state, c->batch, &shard);
    return status == ASSAY_OK ? assay_tape_norm2(state->tape, state->example, shard.rows,
                                    shard.count, c->norm2 + shard.first)
                              : status;
}

static int refuse_hooks(const assay_params *params)
{
    for (size_t i = 0; i < params->count; i++)
        if (params->at[i].hook.forward && params->at[i].hook.backward &&
            assay_param_learns(&params->at[i]))
            return assay_fail(ASSAY_EINVAL,
                "net: gradient norms of examples can't be had for \"%s\", whose gradient a hook "
                "maps: take the explicit gradients of examples",
                params->at[i].name);
    return ASSAY_OK;
}

int assay_shards_norm2(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, double *norm2)
{
    struct call c = {.shards = shards,
        .params = params,
        .build = build,
        .user = user,
        .batch = batch,
        .norm2 = norm2};
    int status = refuse_hooks(params);
    if (status == ASSAY_OK)
        status = assay_params_buffer(params, &c.grad);
    if (status == ASSAY_OK)
        status = begin(&c);
    if (status == ASSAY_OK)
        status = assay_threads_run(shards->pool, c.n, norm2_job, &c);
    free(c.grad);
    return status;
}

/* Examples i, i + P, ... for i < P <= 16: state i serves them one after the other. */
static int each_job(void *context, size_t i)
{
    const struct call *c = context;
    struct shard_state *state = &c->shards->state[i];
    int status = prepare(c->shards, state, c->params);
    if (status == ASSAY_OK)
        status = hold(&state->grad, &state->length, c->params);
    for (size_t e = i; e < c->batch->examples && status == ASSAY_OK; e += c->n) {
        const assay_shard shard = cut(c->batch, c->batch->examples, e);
        status = loss_of_shard(c, state, &shard, state->grad);
        if (status == ASSAY_OK)
            status = map_gradients(c->params, c->batch->step, state->grad);
        if (status == ASSAY_OK)
            status = c->each(c->taker, e, c->batch->scale * state->loss, state->grad);
    }
    return status;
}

int assay_shards_each(assay_shards *shards, const assay_params *params, assay_build *build,
    void *user, const assay_batch *batch, assay_each *each, void *taker)
{
    struct call c = {.shards = shards,
        .params = params,
        .build = build,
        .user = user,
        .batch = batch,
        .each = each,
        .taker = taker};
    const int status = begin(&c);
    if (status != ASSAY_OK)
        return status;
    c.n = assay_threads_count(shards->pool);
    if (c.n > ASSAY_MOST_SHARDS)
        c.n = ASSAY_MOST_SHARDS;
    return assay_threads_run(shards->pool, c.n, each_job, &c);
}
