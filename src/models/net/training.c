/* Training steps; see training.h. */
#include "models/net/training.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "core/parallel.h"
#include "core/status.h"

/* ---- making ---- */

static int check_options(const assay_params *params, const assay_training_options *options)
{
    if (!(options->ema >= 0 && options->ema < 1))
        return assay_fail(ASSAY_EINVAL, "optimizer: ema must be at least 0 and less than 1, got %g",
            options->ema);
    for (size_t g = 0; g < options->n_groups; g++) {
        const assay_param_group *group = &options->groups[g];
        size_t matched = 0;
        for (size_t i = 0; i < params->count; i++)
            matched += fnmatch(group->pattern, params->at[i].name, 0) == 0;
        if (matched == 0)
            return assay_fail(
                ASSAY_EINVAL, "optimizer: no parameter's name matches \"%s\"", group->pattern);
        if (group->lr < 0 || group->weight_decay < 0 || isinf(group->lr) ||
            isinf(group->weight_decay))
            return assay_fail(ASSAY_EINVAL,
                "optimizer: lr and weight_decay of \"%s\" must be finite and at least 0, got %g, "
                "%g",
                group->pattern, group->lr, group->weight_decay);
    }
    return assay_optimiser_check(&options->optimiser);
}

static void set_rates(assay_training *t, const assay_training_options *options)
{
    for (size_t i = 0; i < t->params->count; i++) {
        size_t g = 0;
        while (g < options->n_groups &&
               fnmatch(options->groups[g].pattern, t->params->at[i].name, 0) != 0)
            g++;
        const assay_param_group *group = g < options->n_groups ? &options->groups[g] : NULL;
        t->lr[i] = group && !isnan(group->lr) ? group->lr : options->optimiser.lr;
        t->weight_decay[i] = group && !isnan(group->weight_decay) ? group->weight_decay
                                                                  : options->optimiser.weight_decay;
    }
}

static int make_buffers(assay_training *t)
{
    const assay_optimiser_options *o = &t->options.optimiser;
    int status = assay_params_buffer(t->params, &t->grad);
    if (status == ASSAY_OK && (o->kind != ASSAY_SGD || o->momentum > 0))
        status = assay_params_buffer(t->params, &t->m);
    if (status == ASSAY_OK && o->kind != ASSAY_SGD)
        status = assay_params_buffer(t->params, &t->v);
    if (status == ASSAY_OK && t->options.ema > 0)
        status = assay_params_buffer(t->params, &t->average);
    if (status == ASSAY_OK && t->average)
        memcpy(t->average, t->params->w, t->params->length * sizeof(float));
    t->lr = calloc(t->params->count, sizeof *t->lr);
    t->weight_decay = calloc(t->params->count, sizeof *t->weight_decay);
    if (status == ASSAY_OK && (!t->lr || !t->weight_decay))
        status =
            assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu parameters", t->params->count);
    return status;
}

int assay_training_new(
    assay_params *params, const assay_training_options *options, assay_training *out)
{
    *out = (assay_training){.options = *options, .params = params};
    out->options.groups = NULL;
    int status = check_options(params, options);
    if (status == ASSAY_OK)
        status = make_buffers(out);
    if (status == ASSAY_OK)
        set_rates(out, options);
    else
        assay_training_free(out);
    return status;
}

void assay_training_free(assay_training *t)
{
    free(t->m);
    free(t->v);
    free(t->average);
    free(t->grad);
    free(t->part);
    free(t->lr);
    free(t->weight_decay);
    *t = (assay_training){0};
}

/* ---- a step ---- */

static size_t rows_of(const assay_batch *batch)
{
    size_t rows = batch->rows ? 0 : batch->examples;
    for (size_t i = 0; batch->rows && i < batch->examples; i++)
        rows += batch->rows[i];
    return rows;
}

int assay_training_add(assay_training *t, assay_shards *shards, assay_build *build, void *user,
    const assay_batch *batch)
{
    double loss = 0;
    assay_batch own = *batch;
    own.step = t->step + 1;
    own.first_row = t->rows;
    if (t->added > 0 && !t->part) {
        const int status = assay_params_buffer(t->params, &t->part);
        if (status != ASSAY_OK)
            return status;
    }
    float *grad = t->added > 0 ? t->part : t->grad;
    const int status = assay_shards_loss(shards, t->params, build, user, &own, &loss, grad);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; t->added > 0 && i < t->params->length; i++)
        t->grad[i] += grad[i];
    t->loss = t->added > 0 ? t->loss + loss : loss;
    t->rows += rows_of(batch);
    t->added++;
    return ASSAY_OK;
}

int assay_training_add_judged(assay_training *t, assay_shards *shards, assay_build *build,
    void *user, const assay_batch *batch, size_t cols, assay_judge *judge, void *judge_user)
{
    assay_batch own = *batch;
    own.step = t->step + 1;
    if (t->added > 0)
        return assay_fail(ASSAY_EINVAL, "net: a loss of a whole batch must be the step's only one");
    const int status = assay_shards_judged(
        shards, t->params, build, user, &own, cols, judge, judge_user, &t->loss, t->grad);
    t->added = status == ASSAY_OK;
    t->rows = rows_of(batch);
    return status;
}

static int update_job(void *context, size_t i)
{
    assay_training *t = context;
    const assay_param *p = &t->params->at[i];
    float *w = t->params->w + p->off, *average = t->average ? t->average + p->off : NULL;
    if (!assay_param_learns(p))
        return ASSAY_OK;
    assay_optimiser_options o = t->options.optimiser;
    o.lr = t->lr[i];
    o.weight_decay = p->flags & ASSAY_PARAM_DECAY ? t->weight_decay[i] : 0;
    assay_optimiser_step(&o, t->step, p->size, w, t->grad + p->off, t->m ? t->m + p->off : NULL,
        t->v ? t->v + p->off : NULL, NULL);
    const float kept = (float)t->options.ema, taken = (float)(1 - t->options.ema);
    for (size_t k = 0; average && k < p->size; k++)
        average[k] = kept * average[k] + taken * w[k];
    return ASSAY_OK;
}

int assay_training_step(assay_training *t, assay_shards *shards, double *loss)
{
    if (t->added == 0)
        return assay_fail(ASSAY_EINVAL, "net: a training step needs at least one batch");
    const uint64_t step = t->step + 1;
    t->added = t->rows = 0;
    if (loss)
        *loss = t->loss;
    if (!isfinite(t->loss))
        return assay_fail(ASSAY_ECONVERGE,
            "net: the loss is %g at step %llu with learning rate %g: the training diverged (is the "
            "rate too high?)",
            t->loss, (unsigned long long)step, assay_learning_rate(&t->options.optimiser, step));
    if (isfinite(t->options.optimiser.clip))
        assay_clip_norm(t->grad, t->params->length, t->options.optimiser.clip);
    t->step = step;
    return assay_threads_run(assay_shards_pool(shards), t->params->count, update_job, t);
}

int assay_training_finish(const assay_training *t)
{
    for (size_t i = 0; i < t->params->count; i++) {
        const assay_param *p = &t->params->at[i];
        for (size_t k = 0; k < p->size; k++)
            if (!isfinite(t->params->w[p->off + k]))
                return assay_fail(ASSAY_ECONVERGE,
                    "net: \"%s\" has a weight of %g after step %llu with learning rate %g: the "
                    "training diverged (is the rate too high?)",
                    p->name, (double)t->params->w[p->off + k], (unsigned long long)t->step,
                    assay_learning_rate(&t->options.optimiser, t->step));
    }
    return ASSAY_OK;
}
