/* Sequential nets; see net.h. Data go through in blocks, so that memory doesn't grow with them. */
#include "models/net/net.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/net/graph.h"

enum { BLOCK = 4096 };

/* ---- making ---- */

static int make(const char *spec_json, uint64_t seed, size_t most, assay_net *net)
{
    const assay_rng root = assay_rng_seed(seed), rng = assay_rng_split_name(&root, "net");
    net->seed = seed;
    net->spec = strdup(spec_json);
    if (!net->spec)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for a description");
    return assay_layers_parse(spec_json, &rng, most, &net->params, &net->layers);
}

int assay_net_new(const char *spec_json, uint64_t seed, size_t most, assay_net **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for a net");
    const int status = make(spec_json, seed, most, *out);
    if (status != ASSAY_OK) {
        assay_net_free(*out);
        *out = NULL;
    }
    return status;
}

void assay_net_state_free(assay_net_state *state)
{
    free(state->m);
    free(state->v);
    free(state->average);
    *state = (assay_net_state){0};
}

void assay_net_free(assay_net *net)
{
    if (!net)
        return;
    assay_params_free(&net->params);
    assay_layers_free(&net->layers);
    assay_net_state_free(&net->state);
    assay_shards_free(net->shards);
    free(net->spec);
    free(net);
}

static int copy_buffer(const assay_params *params, const float *from, float **to)
{
    if (!from)
        return ASSAY_OK;
    const int status = assay_params_buffer(params, to);
    if (status == ASSAY_OK)
        memcpy(*to, from, params->length * sizeof *from);
    return status;
}

int assay_net_clone(const assay_net *net, assay_net **out)
{
    int status = assay_net_new(net->spec, net->seed, SIZE_MAX, out);
    if (status != ASSAY_OK)
        return status;
    assay_net *copy = *out;
    memcpy(copy->params.w, net->params.w, net->params.length * sizeof(float));
    for (size_t i = 0; i < net->params.count; i++)
        copy->params.at[i].flags = net->params.at[i].flags;
    copy->prediction = net->prediction;
    copy->gemm = net->gemm;
    copy->state.step = net->state.step;
    copy->state.seed = net->state.seed;
    status = copy_buffer(&net->params, net->state.m, &copy->state.m);
    if (status == ASSAY_OK)
        status = copy_buffer(&net->params, net->state.v, &copy->state.v);
    if (status == ASSAY_OK)
        status = copy_buffer(&net->params, net->state.average, &copy->state.average);
    if (status != ASSAY_OK) {
        assay_net_free(copy);
        *out = NULL;
    }
    return status;
}

size_t assay_net_inputs(const assay_net *net)
{
    return assay_layer_size(&net->layers.input);
}

size_t assay_net_outputs(const assay_net *net)
{
    return assay_layer_size(&net->layers.output);
}

size_t assay_net_time_inputs(const assay_net *net, size_t dim)
{
    const assay_layer_shape *in = &net->layers.input;
    const size_t extra = in->image ? in->n[1] * in->n[2] : 1;
    return assay_net_inputs(net) == dim + extra && assay_net_outputs(net) == dim ? extra : 0;
}

int assay_net_refuse_denoiser(const assay_net *net, size_t dim)
{
    return assay_fail(ASSAY_EINVAL,
        "net: to denoise x of %zu columns a net takes %zu numbers (x and the time; an image one "
        "more "
        "channel) and gives %zu, this one takes %zu and gives %zu",
        dim, dim + 1, dim, assay_net_inputs(net), assay_net_outputs(net));
}

int assay_net_threads(assay_net *net, size_t threads)
{
    assay_shards *shards;
    const int status = assay_shards_new(threads, &shards);
    if (status != ASSAY_OK)
        return status;
    assay_shards_free(net->shards);
    net->shards = shards;
    assay_shards_gemm(shards, net->gemm);
    return ASSAY_OK;
}

void assay_net_set_gemm(assay_net *net, assay_gemm_kind kind)
{
    net->gemm = kind;
    if (net->shards)
        assay_shards_gemm(net->shards, kind);
}

static int ready(assay_net *net)
{
    return net->shards ? ASSAY_OK : assay_net_threads(net, 1);
}

/* ---- data ---- */

static const assay_op_id loss_ops[] = {[ASSAY_LOSS_CE] = ASSAY_OP_SOFTMAX_CE,
    [ASSAY_LOSS_BCE] = ASSAY_OP_BCE_LOGITS,
    [ASSAY_LOSS_MSE] = ASSAY_OP_MSE,
    [ASSAY_LOSS_HUBER] = ASSAY_OP_HUBER,
    [ASSAY_LOSS_GAUSSIAN_NLL] = ASSAY_OP_GAUSSIAN_NLL,
    [ASSAY_LOSS_KL] = ASSAY_OP_KL,
    [ASSAY_LOSS_REVERSE_KL] = ASSAY_OP_REVERSE_KL};

size_t assay_net_targets(const assay_net *net, const assay_net_loss *loss)
{
    const size_t outputs = assay_net_outputs(net);
    return loss->kind == ASSAY_LOSS_CE             ? 0
           : loss->kind == ASSAY_LOSS_GAUSSIAN_NLL ? outputs / 2
                                                   : outputs;
}

double assay_net_share(const assay_net *net, const assay_net_loss *loss)
{
    const bool rows = loss->kind == ASSAY_LOSS_CE || loss->kind == ASSAY_LOSS_KL ||
                      loss->kind == ASSAY_LOSS_REVERSE_KL;
    return rows ? 1 : 1 / (double)assay_net_targets(net, loss);
}

static int check_matrix(const char *name, const assay_matrix *m)
{
    for (size_t i = 0; i < m->rows; i++) {
        const double *row = assay_matrix_row(m, i);
        for (size_t j = 0; j < m->cols; j++)
            if (!isfinite(row[j]))
                return assay_fail(ASSAY_EINVAL, "net: %s[%zu][%zu] must be finite, got %g", name,
                    i + 1, j + 1, row[j]);
    }
    return ASSAY_OK;
}

static int check_x(const assay_net *net, const assay_matrix *x)
{
    if (x->rows == 0)
        return assay_fail(ASSAY_EINVAL, "net: x has no examples");
    if (x->cols != assay_net_inputs(net))
        return assay_fail(ASSAY_EINVAL,
            "net: x is %zu x %zu, the net's input has %zu numbers: one row an example", x->rows,
            x->cols, assay_net_inputs(net));
    return check_matrix("x", x);
}

static int check_labels(const assay_net *net, const assay_net_data *data)
{
    const size_t outputs = assay_net_outputs(net);
    bool any = false;
    if (data->n_labels != data->x.rows)
        return assay_fail(ASSAY_EINVAL,
            "net: y must have one label for each of %zu rows of x, got %zu", data->x.rows,
            data->n_labels);
    for (size_t i = 0; i < data->n_labels; i++) {
        if (data->labels[i] < -1 || data->labels[i] >= (int64_t)outputs)
            return assay_fail(ASSAY_EINVAL,
                "net: y[%zu] must be a class in 0..%zu (the net has %zu outputs), or -1 to ignore "
                "it, got %d",
                i + 1, outputs - 1, outputs, (int)data->labels[i]);
        any = any || data->labels[i] >= 0;
    }
    return any ? ASSAY_OK : assay_fail(ASSAY_EINVAL, "net: y is all -1: no example is counted");
}

static int check_targets(
    const assay_net *net, const assay_net_loss *loss, const assay_net_data *data)
{
    const assay_matrix *y = &data->targets;
    const size_t cols = assay_net_targets(net, loss);
    if (loss->kind == ASSAY_LOSS_GAUSSIAN_NLL && assay_net_outputs(net) % 2 != 0)
        return assay_fail(ASSAY_EINVAL,
            "net: gaussian_nll needs an even number of outputs (means, then log-variances), the "
            "net has %zu",
            assay_net_outputs(net));
    if (y->rows != data->x.rows || y->cols != cols)
        return assay_fail(ASSAY_EINVAL,
            "net: y must be %zu x %zu for this loss and net, got %zu x %zu", data->x.rows, cols,
            y->rows, y->cols);
    const int status = check_matrix("y", y);
    for (size_t i = 0; status == ASSAY_OK && loss->kind == ASSAY_LOSS_BCE && i < y->rows; i++)
        for (size_t j = 0; j < cols; j++)
            if (*assay_matrix_at(y, i, j) < 0 || *assay_matrix_at(y, i, j) > 1)
                return assay_fail(ASSAY_EINVAL, "net: y[%zu][%zu] must be in 0..1, got %g", i + 1,
                    j + 1, *assay_matrix_at(y, i, j));
    return status;
}

static int check_weights(const assay_net_data *data)
{
    if (!data->weights)
        return ASSAY_OK;
    if (data->n_weights != data->x.rows)
        return assay_fail(ASSAY_EINVAL,
            "net: weights must have one number for each of %zu rows of x, got %zu", data->x.rows,
            data->n_weights);
    for (size_t i = 0; i < data->n_weights; i++)
        if (!(data->weights[i] >= 0 && data->weights[i] <= 3e38))
            return assay_fail(ASSAY_EINVAL,
                "net: weights[%zu] must be finite and at least 0, got %g", i + 1, data->weights[i]);
    return ASSAY_OK;
}

int assay_net_check(const assay_net *net, const assay_net_loss *loss, const assay_net_data *data)
{
    int status = check_x(net, &data->x);
    if (status != ASSAY_OK || !loss)
        return status;
    status = loss->kind == ASSAY_LOSS_CE ? check_labels(net, data) : check_targets(net, loss, data);
    return status == ASSAY_OK ? check_weights(data) : status;
}

double assay_net_counted(const assay_net_loss *loss, const assay_net_data *data)
{
    size_t n = 0;
    if (loss->kind != ASSAY_LOSS_CE)
        return (double)data->x.rows;
    for (size_t i = 0; i < data->n_labels; i++)
        n += data->labels[i] >= 0;
    return (double)n;
}

assay_graph assay_net_graph(
    const assay_net *net, const assay_net_loss *loss, const assay_net_data *data)
{
    return (assay_graph){.layers = &net->layers,
        .stop = net->layers.count,
        .x = data->x,
        .loss = true,
        .loss_op = loss_ops[loss->kind],
        .smoothing = loss->smoothing,
        .delta = loss->delta,
        .labels = data->labels,
        .targets = data->targets};
}

/* ---- outputs ---- */

struct taker {
    assay_matrix *out;
    size_t first;
};

static int take(void *user, const assay_shard *shard, const assay_tensor *value)
{
    const struct taker *taker = user;
    const size_t cols = taker->out->cols;
    for (size_t e = 0; e < shard->count; e++) {
        double *row = assay_matrix_row(taker->out, taker->first + shard->first + e);
        for (size_t i = 0; i < cols; i++)
            row[i] = (double)value->data[e * cols + i];
    }
    return ASSAY_OK;
}

static size_t block_of(size_t n, size_t first)
{
    return n - first < BLOCK ? n - first : BLOCK;
}

static int predict(assay_net *net, const assay_matrix *x, size_t stop,
    const assay_progress *progress, assay_matrix *out)
{
    assay_graph graph = {.layers = &net->layers, .stop = stop, .x = *x};
    int status = ready(net);
    for (size_t first = 0; first < x->rows && status == ASSAY_OK; first += BLOCK) {
        graph.first = first;
        const assay_batch batch = {.examples = block_of(x->rows, first), .scale = 1};
        status = assay_shards_forward(net->shards, &net->params, assay_graph_build, &graph, &batch,
            take, &(struct taker){out, first});
        if (status == ASSAY_OK)
            status =
                assay_progress_report(progress, (double)(first + batch.examples), (double)x->rows);
    }
    return status;
}

int assay_net_predict(assay_net *net, const assay_matrix *x, size_t stop,
    const assay_progress *progress, assay_matrix *out)
{
    const int status = check_x(net, x);
    return status == ASSAY_OK ? predict(net, x, stop, progress, out) : status;
}

/* Loss and, in `slope`, its gradient by the outputs of one example. */
static int row_loss(
    assay_graph *graph, assay_tape *tape, size_t i, double scale, float *slope, double *loss)
{
    int value = -1;
    const float upstream = (float)scale;
    graph->first = i;
    graph->input_grad = slope;
    if (slope)
        memset(slope, 0, graph->x.cols * sizeof *slope);
    assay_tape_reset(tape);
    int status = assay_graph_build(graph, tape, NULL, &(assay_shard){0, 1, 0, 1, 0}, &value);
    if (status != ASSAY_OK)
        return status;
    *loss = scale * assay_tape_loss(tape, value);
    return slope ? assay_tape_backward(tape, value, &upstream) : ASSAY_OK;
}

static int losses_of(const assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_matrix *outputs, double *mean, double *each, assay_matrix *slope)
{
    static const assay_layers none = {0};
    assay_tape *tape = NULL;
    assay_graph graph = assay_net_graph(net, loss, data);
    graph.layers = &none;
    graph.x = *outputs;
    float *row = malloc((outputs->cols + 1) * sizeof *row);
    int status = row ? assay_tape_new(&tape) : assay_fail(ASSAY_ENOMEM, "net: out of memory");
    double sum = 0;
    for (size_t i = 0; i < outputs->rows && status == ASSAY_OK; i++) {
        double own = 0;
        status = row_loss(&graph, tape, i, assay_net_share(net, loss), slope ? row : NULL, &own);
        sum += own * (data->weights ? data->weights[i] : 1);
        if (each)
            each[i] = own;
        for (size_t j = 0; slope && j < outputs->cols; j++)
            *assay_matrix_at(slope, i, j) = (double)row[j];
    }
    *mean = sum / assay_net_counted(loss, data);
    assay_tape_free(tape);
    free(row);
    return status;
}

int assay_net_losses(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, double *mean, double *each, assay_matrix *slope)
{
    assay_matrix outputs = {0};
    int status = assay_net_check(net, loss, data);
    if (status == ASSAY_OK)
        status = assay_matrix_alloc(data->x.rows, assay_net_outputs(net), &outputs);
    if (status == ASSAY_OK)
        status = predict(net, &data->x, net->layers.count, progress, &outputs);
    if (status == ASSAY_OK)
        status = losses_of(net, loss, data, &outputs, mean, each, slope);
    assay_matrix_free(&outputs);
    return status;
}

/* ---- gradients ---- */

/* Loss and gradient added up over blocks. */
struct sweep {
    assay_net *net;
    assay_graph graph;
    const assay_net_data *data;
    double scale, loss;
    float *grad, *part; /* flat */
};

static int sweep_block(struct sweep *s, size_t first, size_t n)
{
    double loss = 0;
    s->graph.first = first;
    s->graph.weights = s->data->weights ? s->data->weights + first : NULL;
    float *grad = first == 0 ? s->grad : s->part;
    const assay_batch batch = {.examples = n, .scale = s->scale};
    const int status = assay_shards_loss(
        s->net->shards, &s->net->params, assay_graph_build, &s->graph, &batch, &loss, grad);
    for (size_t i = 0; first > 0 && status == ASSAY_OK && i < s->net->params.length; i++)
        s->grad[i] += grad[i];
    s->loss += loss;
    return status;
}

int assay_net_grad(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, double *mean, float *grad)
{
    struct sweep s = {.net = net, .data = data, .grad = grad};
    int status = assay_net_check(net, loss, data);
    if (status == ASSAY_OK)
        status = ready(net);
    if (status == ASSAY_OK)
        status = assay_params_buffer(&net->params, &s.part);
    if (status != ASSAY_OK)
        return status;
    s.graph = assay_net_graph(net, loss, data);
    s.scale = assay_net_share(net, loss) / assay_net_counted(loss, data);
    for (size_t first = 0; first < data->x.rows && status == ASSAY_OK; first += BLOCK) {
        const size_t n = block_of(data->x.rows, first);
        status = sweep_block(&s, first, n);
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)(first + n), (double)data->x.rows);
    }
    free(s.part);
    if (mean)
        *mean = s.loss;
    return status;
}

int assay_net_input_grad(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, assay_matrix *out)
{
    const size_t cols = data->x.cols;
    double unused;
    float *grad = NULL, *rows = NULL;
    int status = assay_net_check(net, loss, data);
    if (status == ASSAY_OK)
        status = ready(net);
    if (status == ASSAY_OK)
        status = assay_params_buffer(&net->params, &grad);
    if (status == ASSAY_OK && !(rows = malloc(BLOCK * cols * sizeof *rows)))
        status = assay_fail(ASSAY_ENOMEM, "net: out of memory for %d examples", BLOCK);
    assay_graph graph = assay_net_graph(net, loss, data);
    graph.input_grad = rows;
    for (size_t first = 0; first < data->x.rows && status == ASSAY_OK; first += BLOCK) {
        const assay_batch batch = {
            .examples = block_of(data->x.rows, first), .scale = assay_net_share(net, loss)};
        graph.first = first;
        memset(rows, 0, batch.examples * cols * sizeof *rows);
        status = assay_shards_loss(
            net->shards, &net->params, assay_graph_build, &graph, &batch, &unused, grad);
        for (size_t i = 0; status == ASSAY_OK && i < batch.examples * cols; i++)
            *assay_matrix_at(out, first + i / cols, i % cols) = (double)rows[i];
        if (status == ASSAY_OK)
            status = assay_progress_report(
                progress, (double)(first + batch.examples), (double)data->x.rows);
    }
    free(rows);
    free(grad);
    return status;
}

int assay_net_example_norms(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, double *norm)
{
    int status = assay_net_check(net, loss, data);
    if (status == ASSAY_OK)
        status = ready(net);
    assay_graph graph = assay_net_graph(net, loss, data);
    for (size_t first = 0; first < data->x.rows && status == ASSAY_OK; first += BLOCK) {
        const assay_batch batch = {
            .examples = block_of(data->x.rows, first), .scale = assay_net_share(net, loss)};
        graph.first = first;
        status = assay_shards_norm2(
            net->shards, &net->params, assay_graph_build, &graph, &batch, norm + first);
        for (size_t i = first; status == ASSAY_OK && i < first + batch.examples; i++)
            norm[i] = sqrt(norm[i]);
        if (status == ASSAY_OK)
            status = assay_progress_report(
                progress, (double)(first + batch.examples), (double)data->x.rows);
    }
    return status;
}

int assay_net_gradcheck(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    double eps, size_t most, const assay_progress *progress, assay_gradcheck_result *out)
{
    const int status = assay_net_check(net, loss, data);
    if (status != ASSAY_OK)
        return status;
    assay_graph graph = assay_net_graph(net, loss, data);
    graph.weights = data->weights;
    const assay_batch batch = {.examples = data->x.rows,
        .scale = assay_net_share(net, loss) / assay_net_counted(loss, data)};
    return assay_gradcheck(&net->params, assay_graph_build, assay_graph_build_double, &graph,
        &batch, eps, most, progress, out);
}
