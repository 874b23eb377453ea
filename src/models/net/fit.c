/* Training loops; see fit.h. */
#include "models/net/fit.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/net/graph.h"

struct fit {
    assay_net *net;
    const assay_net_data *data;
    const assay_fit_options *o;
    assay_training training;
    assay_rng order, samplers, noise;
    size_t n, most;             /* examples of the data, at most of a step */
    size_t *permutation, epoch; /* of which epoch, from 1; 0: none yet */
    size_t *index;
    double *weight;
    size_t count;
    assay_matrix noised, target; /* of a denoiser's step: most x inputs, most x outputs */
    assay_matrix outputs, slope; /* of a step that is judged: most x outputs */
};

size_t assay_fit_epoch(const assay_fit_options *o, size_t n)
{
    const size_t whole = o->batch * o->accumulate;
    return (n + whole - 1) / whole;
}

/* ---- checks ---- */

static int check_denoise(const assay_net *net, const assay_fit_options *o, const assay_matrix *x)
{
    const assay_fit_denoise *d = o->denoise;
    if (assay_net_time_inputs(net, x->cols) == 0)
        return assay_net_refuse_denoiser(net, x->cols);
    if (o->loss.kind != ASSAY_LOSS_MSE && o->loss.kind != ASSAY_LOSS_HUBER)
        return assay_fail(ASSAY_EINVAL, "net: the loss of a denoiser is mse or huber");
    if (!(d->t_min > 0 && d->t_min < d->t_max && d->t_max <= d->schedule->t_max))
        return assay_fail(ASSAY_EINVAL,
            "net: t_min and t_max must be in order and in (0, %g], got %g and %g",
            d->schedule->t_max, d->t_min, d->t_max);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL, "net: x[%zu][%zu] must be finite, got %g", i + 1,
                    j + 1, *assay_matrix_at(x, i, j));
    return x->rows ? ASSAY_OK : assay_fail(ASSAY_EINVAL, "net: x has no examples");
}

static int check_resume(const assay_net *net, const assay_fit_options *o)
{
    const assay_optimiser_options *opt = &o->training.optimiser;
    const bool needs_m = opt->kind != ASSAY_SGD || opt->momentum > 0,
               needs_v = opt->kind != ASSAY_SGD;
    if (!o->resume)
        return ASSAY_OK;
    if (net->state.step == 0)
        return assay_fail(ASSAY_EINVAL, "net: there is no training to resume");
    if (needs_m != (net->state.m != NULL) || needs_v != (net->state.v != NULL) ||
        (o->training.ema > 0) != (net->state.average != NULL))
        return assay_fail(ASSAY_EINVAL,
            "net: the training to resume was by another optimizer, or with another use of ema");
    return net->state.step <= o->steps
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "net: the training to resume is at step %llu of %zu",
                     (unsigned long long)net->state.step, o->steps);
}

static int check(const assay_net *net, const assay_net_data *data, const assay_fit_options *o)
{
    if (o->steps < 1 || o->batch < 1 || o->accumulate < 1 ||
        o->batch > SIZE_MAX / o->accumulate / 64)
        return assay_fail(ASSAY_EINVAL,
            "net: steps, batch and accumulate must be at least 1, got %zu, %zu and %zu", o->steps,
            o->batch, o->accumulate);
    const int status = o->denoise ? check_denoise(net, o, &data->x)
                                  : assay_net_check(net, o->judge ? NULL : &o->loss, data);
    if (status == ASSAY_OK && o->judge && (o->denoise || data->weights || o->accumulate > 1))
        return assay_fail(
            ASSAY_EINVAL, "net: a loss of one's own is without a denoiser, weights and accumulate");
    return status == ASSAY_OK ? check_resume(net, o) : status;
}

/* ---- what a step sees ---- */

static void permute(struct fit *f, size_t epoch)
{
    if (f->epoch == epoch)
        return;
    assay_rng rng = assay_rng_split(&f->order, epoch);
    assay_rng_permutation(&rng, f->n, f->permutation);
    f->epoch = epoch;
}

static void draw(struct fit *f, uint64_t step)
{
    const size_t steps = assay_fit_epoch(f->o, f->n),
                 first = (size_t)((step - 1) % steps) * f->most;
    f->count = f->n - first < f->most ? f->n - first : f->most;
    if (f->o->order == ASSAY_ORDER_REPLACEMENT) {
        assay_rng rng = assay_rng_split(&f->order, step);
        f->count = f->most;
        for (size_t i = 0; i < f->count; i++)
            f->index[i] = (size_t)assay_rng_below(&rng, f->n);
        return;
    }
    permute(f, (size_t)((step - 1) / steps) + 1);
    memcpy(f->index, f->permutation + first, f->count * sizeof *f->index);
}

static int ask_sampler(struct fit *f, uint64_t step)
{
    assay_rng rng = assay_rng_split(&f->samplers, step);
    f->count = 0;
    const int status =
        f->o->sample(f->o->context, step, &rng, f->most, f->index, f->weight, &f->count);
    if (status != ASSAY_OK)
        return status;
    if (f->count < 1 || f->count > f->most)
        return assay_fail(ASSAY_EINVAL,
            "net: sampler must give 1..%zu indices at step %llu, got %zu", f->most,
            (unsigned long long)step, f->count);
    for (size_t i = 0; i < f->count; i++) {
        if (f->index[i] >= f->n)
            return assay_fail(ASSAY_EINVAL,
                "net: sampler: index %zu at step %llu must be in 1..%zu", i + 1,
                (unsigned long long)step, f->n);
        if (!(f->weight[i] >= 0 && f->weight[i] <= 3e38))
            return assay_fail(ASSAY_EINVAL,
                "net: sampler: weight %zu at step %llu must be finite and at least 0, got %g",
                i + 1, (unsigned long long)step, f->weight[i]);
    }
    return ASSAY_OK;
}

static int choose(struct fit *f, uint64_t step)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < f->most; i++)
        f->weight[i] = 1;
    if (f->o->sample)
        status = ask_sampler(f, step);
    else
        draw(f, step);
    for (size_t i = 0; i < f->count && f->data->weights && status == ASSAY_OK; i++)
        f->weight[i] *= f->data->weights[f->index[i]];
    return status;
}

/* [x_t, t] and the target of example i of the step */
static int add_noise(struct fit *f, const assay_rng *rng, size_t i)
{
    const assay_fit_denoise *d = f->o->denoise;
    const double *x = assay_matrix_row(&f->data->x, f->index[i]);
    double *noised = assay_matrix_row(&f->noised, i), *target = assay_matrix_row(&f->target, i);
    double log_alpha, sigma;
    assay_rng own = assay_rng_split(rng, i);
    const size_t dim = f->data->x.cols;
    const double t = d->t_min + (d->t_max - d->t_min) * assay_rng_uniform(&own);
    const int status = assay_schedule_eval(d->schedule, t, &log_alpha, &sigma, NULL);
    const double alpha = exp(log_alpha);
    for (size_t j = 0; j < dim; j++) {
        const double eps = assay_rng_normal(&own);
        noised[j] = alpha * x[j] + sigma * eps;
        target[j] = d->prediction == ASSAY_NET_PREDICTS_EPS  ? eps
                    : d->prediction == ASSAY_NET_PREDICTS_X0 ? x[j]
                                                             : alpha * eps - sigma * x[j];
    }
    for (size_t j = dim; j < f->noised.cols; j++)
        noised[j] = t;
    return status;
}

static int prepare(struct fit *f, uint64_t step, assay_graph *graph)
{
    *graph = assay_net_graph(f->net, &f->o->loss, f->data);
    graph->index = f->index;
    if (!f->o->denoise)
        return ASSAY_OK;
    const assay_rng rng = assay_rng_split(&f->noise, step);
    int status = ASSAY_OK;
    for (size_t i = 0; i < f->count && status == ASSAY_OK; i++)
        status = add_noise(f, &rng, i);
    graph->index = NULL;
    graph->x = f->noised;
    graph->targets = f->target;
    return status;
}

static double counted(const struct fit *f)
{
    size_t n = 0;
    if (f->o->loss.kind != ASSAY_LOSS_CE)
        return (double)f->count;
    for (size_t i = 0; i < f->count; i++)
        n += f->data->labels[f->index[i]] >= 0;
    return n ? (double)n : 1; /* labels that are all ignored: a loss of 0 */
}

/* ---- steps ---- */

static bool weighted(const struct fit *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->weight[i] != 1)
            return true;
    return false;
}

static int judge(
    void *user, size_t examples, size_t cols, const float *outputs, double *loss, float *slope)
{
    struct fit *f = user;
    const size_t size = examples * cols;
    assay_matrix y = f->outputs, dy = f->slope;
    y.rows = dy.rows = examples;
    for (size_t i = 0; i < size; i++)
        y.data[i] = (double)outputs[i];
    memset(dy.data, 0, size * sizeof *dy.data);
    const int status =
        f->o->judge(f->o->context, f->training.step + 1, f->index, examples, &y, loss, &dy);
    for (size_t i = 0; i < size; i++)
        slope[i] = (float)dy.data[i];
    return status;
}

/* All examples of the step as one batch, whose loss is the caller's. */
static int take_judged_step(struct fit *f, double *loss)
{
    assay_graph graph = {.layers = &f->net->layers,
        .stop = f->net->layers.count,
        .x = f->data->x,
        .index = f->index};
    const assay_batch batch = {
        .examples = f->count, .scale = 1, .random = true, .seed = f->net->state.seed};
    if (weighted(f))
        return assay_fail(ASSAY_EINVAL, "net: sampler: weights are not for a loss of one's own");
    const int status = assay_training_add_judged(&f->training, f->net->shards, assay_graph_build,
        &graph, &batch, assay_net_outputs(f->net), judge, f);
    return status == ASSAY_OK ? assay_training_step(&f->training, f->net->shards, loss) : status;
}

static int take_step(struct fit *f, double *loss)
{
    assay_graph graph;
    const uint64_t step = f->training.step + 1;
    int status = choose(f, step);
    if (status == ASSAY_OK && f->o->judge)
        return take_judged_step(f, loss);
    if (status == ASSAY_OK)
        status = prepare(f, step, &graph);
    if (status != ASSAY_OK)
        return status;
    assay_batch batch = {.scale = assay_net_share(f->net, &f->o->loss) / counted(f),
        .random = true,
        .whole = assay_layers_mix(&f->net->layers),
        .seed = f->net->state.seed};
    const bool uses_weights = weighted(f);
    for (size_t first = 0; first < f->count && status == ASSAY_OK; first += f->o->batch) {
        const size_t left = f->count - first;
        batch.examples = left < f->o->batch ? left : f->o->batch;
        graph.index = f->o->denoise ? NULL : f->index + first;
        graph.first = first;
        graph.weights = uses_weights ? f->weight + first : NULL;
        status =
            assay_training_add(&f->training, f->net->shards, assay_graph_build, &graph, &batch);
    }
    if (status == ASSAY_OK)
        status = assay_training_step(&f->training, f->net->shards, loss);
    if (status == ASSAY_OK && batch.whole)
        assay_shards_track(f->net->shards, &f->net->params);
    return status;
}

/* While the caller looks at the net, it has the state that it would have had if this step were the
 * last. */
static int tell(struct fit *f, double loss, bool *stop)
{
    assay_net_state *state = &f->net->state;
    state->step = f->training.step;
    state->m = f->training.m;
    state->v = f->training.v;
    state->average = f->training.average;
    const int status = f->o->on_step(f->o->context, f->training.step, loss, stop);
    state->m = state->v = state->average = NULL;
    return status;
}

static int run(struct fit *f, double *losses)
{
    bool stop = false;
    double loss = 0;
    int status = ASSAY_OK;
    const uint64_t start = f->training.step;
    while (f->training.step < f->o->steps && !stop && status == ASSAY_OK) {
        status = take_step(f, &loss);
        if (status == ASSAY_OK && losses)
            losses[f->training.step - start - 1] = loss;
        if (status == ASSAY_OK && f->o->on_step)
            status = tell(f, loss, &stop);
        if (status == ASSAY_OK)
            status = assay_progress_report(
                f->o->progress, (double)f->training.step, (double)f->o->steps);
    }
    return status == ASSAY_OK ? assay_training_finish(&f->training) : status;
}

/* ---- beginning and end ---- */

static int make_buffers(struct fit *f)
{
    f->permutation = calloc(f->n, sizeof *f->permutation);
    f->index = calloc(f->most, sizeof *f->index);
    f->weight = calloc(f->most, sizeof *f->weight);
    if (!f->permutation || !f->index || !f->weight)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for batches of %zu examples", f->most);
    const size_t cols = assay_net_outputs(f->net);
    if (f->o->judge) {
        const int status = assay_matrix_alloc(f->most, cols, &f->outputs);
        return status == ASSAY_OK ? assay_matrix_alloc(f->most, cols, &f->slope) : status;
    }
    if (!f->o->denoise)
        return ASSAY_OK;
    const int status = assay_matrix_alloc(f->most, assay_net_inputs(f->net), &f->noised);
    return status == ASSAY_OK ? assay_matrix_alloc(f->most, f->data->x.cols, &f->target) : status;
}

static void move(float **to, float **from)
{
    free(*to);
    *to = *from;
    *from = NULL;
}

/* The moments are the net's between trainings, the training's while it runs. */
static int begin(struct fit *f)
{
    assay_net_state *state = &f->net->state;
    int status = f->net->shards ? ASSAY_OK : assay_net_threads(f->net, 1);
    if (status == ASSAY_OK)
        status = make_buffers(f);
    if (status == ASSAY_OK)
        status = assay_training_new(&f->net->params, &f->o->training, &f->training);
    if (status != ASSAY_OK)
        return status;
    if (f->o->resume) {
        f->training.step = state->step;
        move(&f->training.m, &state->m);
        move(&f->training.v, &state->v);
        move(&f->training.average, &state->average);
    } else {
        assay_net_state_free(state);
        state->seed = f->o->seed;
    }
    const assay_rng root = assay_rng_seed(state->seed);
    f->order = assay_rng_split_name(&root, "order");
    f->samplers = assay_rng_split_name(&root, "sampler");
    f->noise = assay_rng_split_name(&root, "noise");
    return ASSAY_OK;
}

static void end(struct fit *f)
{
    if (f->training.params) {
        f->net->state.step = f->training.step;
        move(&f->net->state.m, &f->training.m);
        move(&f->net->state.v, &f->training.v);
        move(&f->net->state.average, &f->training.average);
    }
    assay_training_free(&f->training);
    assay_matrix_free(&f->noised);
    assay_matrix_free(&f->target);
    assay_matrix_free(&f->outputs);
    assay_matrix_free(&f->slope);
    free(f->permutation);
    free(f->index);
    free(f->weight);
}

int assay_net_fit(
    assay_net *net, const assay_net_data *data, const assay_fit_options *options, double *losses)
{
    struct fit f = {.net = net, .data = data, .o = options, .n = data->x.rows};
    if (net->busy)
        return assay_fail(ASSAY_EBUSY, "net: this net is being trained");
    int status = check(net, data, options);
    if (status != ASSAY_OK)
        return status;
    net->busy = true;
    if (options->denoise)
        net->prediction = options->denoise->prediction;
    f.most = options->batch * options->accumulate;
    if (f.most > f.n && !options->sample && options->order == ASSAY_ORDER_PERMUTATION)
        f.most = f.n;
    status = begin(&f);
    if (status == ASSAY_OK)
        status = run(&f, losses);
    end(&f);
    net->busy = false;
    return status;
}
