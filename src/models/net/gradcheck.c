/* Gradients of architectures checked; see gradcheck.h. The double build of this file is the loss in
 * double, the single build what calls it. */
#include <stdlib.h>

#include "core/status.h"
#include "models/net/shards.h"

#ifdef ASSAY_NET_DOUBLE

int assay_loss_double(const assay_params *params, assay_build *build, void *user,
    const assay_batch *batch, const assay_shard *shard, double *w, double *grad, double *loss);

static int leaves(const assay_params *params, assay_tape *tape, double *w, double *grad, int *param)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < params->count && status == ASSAY_OK; i++) {
        const assay_param *p = &params->at[i];
        assay_tensor x = {w + p->off, {0}, p->rank};
        memcpy(x.n, p->n, sizeof x.n);
        status = assay_tape_leaf(
            tape, &x, grad && assay_param_learns(p) ? grad + p->off : NULL, &param[i]);
    }
    return status;
}

int assay_loss_double(const assay_params *params, assay_build *build, void *user,
    const assay_batch *batch, const assay_shard *shard, double *w, double *grad, double *loss)
{
    assay_tape *tape = NULL;
    int value = -1, *param = malloc((params->count + 1) * sizeof *param);
    int status = param ? assay_tape_new(&tape) : assay_fail(ASSAY_ENOMEM, "net: out of memory");
    if (status == ASSAY_OK && batch->random)
        assay_tape_random(tape, batch->seed, batch->step, batch->first_row);
    if (status == ASSAY_OK)
        status = leaves(params, tape, w, grad, param);
    if (status == ASSAY_OK)
        status = build(user, tape, param, shard, &value);
    if (status == ASSAY_OK) {
        *loss = batch->scale * assay_tape_loss(tape, value);
        status = grad ? assay_tape_backward(tape, value, &batch->scale) : ASSAY_OK;
    }
    assay_tape_free(tape);
    free(param);
    return status;
}

#else

#include "models/net/gradcheck.h"

struct check {
    const assay_params *params;
    assay_build_double *build;
    void *user;
    const assay_batch *batch;
    assay_shard shard;
    double *w, *grad;
    double eps, largest;
    size_t most, done, total; /* numbers */
    const assay_progress *progress;
};

static int loss_at(struct check *c, double *at, double value, double *loss)
{
    const double kept = *at;
    *at = value;
    const int status =
        assay_loss_double(c->params, c->build, c->user, c->batch, &c->shard, c->w, NULL, loss);
    *at = kept;
    return status;
}

static size_t stride_of(const struct check *c, const assay_param *p)
{
    return c->most && p->size > c->most ? p->size / c->most : 1;
}

/* How many numbers are checked. */
static size_t count_numbers(const struct check *c)
{
    size_t total = 0;
    for (size_t i = 0; i < c->params->count; i++) {
        const assay_param *p = &c->params->at[i];
        const size_t stride = stride_of(c, p);
        total += assay_param_learns(p) ? (p->size + stride - 1) / stride : 0;
    }
    return total;
}

static int check_param(struct check *c, size_t index, assay_gradcheck_result *out)
{
    const assay_param *p = &c->params->at[index];
    const size_t stride = stride_of(c, p);
    int status = ASSAY_OK;
    for (size_t i = 0; i < p->size && assay_param_learns(p); i += stride) {
        double *at = &c->w[p->off + i], above = 0, below = 0;
        status = loss_at(c, at, *at + c->eps, &above);
        if (status == ASSAY_OK)
            status = loss_at(c, at, *at - c->eps, &below);
        if (status == ASSAY_OK)
            status = assay_progress_report(c->progress, (double)++c->done, (double)c->total);
        if (status != ASSAY_OK)
            return status;
        const double error =
            fabs((above - below) / (2 * c->eps) - c->grad[p->off + i]) / c->largest;
        if (error > out->differences || isnan(error)) {
            out->differences = error;
            out->worst = index;
        }
    }
    return status;
}

static size_t rows_of(const assay_batch *batch)
{
    size_t rows = batch->rows ? 0 : batch->examples;
    for (size_t i = 0; batch->rows && i < batch->examples; i++)
        rows += batch->rows[i];
    return rows;
}

/* Single precision against double, and the scale of both errors. */
static void compare(struct check *c, const float *single, assay_gradcheck_result *out)
{
    const size_t n = c->params->length;
    for (size_t i = 0; i < n; i++)
        c->largest = fmax(c->largest, fabs(c->grad[i]));
    c->largest = c->largest > 0 ? c->largest : 1;
    for (size_t i = 0; i < n; i++)
        out->single = fmax(out->single, fabs((double)single[i] - c->grad[i]) / c->largest);
}

int assay_gradcheck(const assay_params *params, assay_build *build,
    assay_build_double *build_double, void *user, const assay_batch *batch, double eps, size_t most,
    const assay_progress *progress, assay_gradcheck_result *out)
{
    const size_t n = params->length;
    struct check c = {params, build_double, user, batch, {0, batch->examples, 0, rows_of(batch), 0},
        calloc(2 * n + 1, sizeof(double)), NULL, eps, 0, most, 0, 0, progress};
    assay_shards *shards = NULL;
    double loss = 0;
    float *single = NULL;
    *out = (assay_gradcheck_result){0};
    int status = c.w ? assay_shards_new(1, &shards)
                     : assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu numbers", 2 * n);
    c.grad = c.w ? c.w + n : NULL;
    c.total = count_numbers(&c);
    if (status == ASSAY_OK)
        status = assay_params_buffer(params, &single);
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        c.w[i] = (double)params->w[i];
    if (status == ASSAY_OK)
        status = assay_shards_loss(shards, params, build, user, batch, &loss, single);
    if (status == ASSAY_OK)
        status = assay_loss_double(params, build_double, user, batch, &c.shard, c.w, c.grad, &loss);
    if (status == ASSAY_OK)
        compare(&c, single, out);
    for (size_t i = 0; i < params->count && status == ASSAY_OK; i++)
        status = check_param(&c, i, out);
    assay_shards_free(shards);
    free(single);
    free(c.w);
    return status;
}

#endif
