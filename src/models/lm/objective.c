/* A shard of a batch on a tape; see objective.h. Compiled in both precisions. */
#include "models/lm/objective.h"

#include <stdlib.h>

#include "core/status.h"

enum { NONE = -1 };

/* The shard's part of what is said of sequences and rows. */
static int cut_rows(
    const assay_lm_objective *o, assay_tape *tape, const assay_shard *shard, assay_lm_rows *out)
{
    *out = (assay_lm_rows){.sequences = shard->count,
        .rows = shard->rows,
        .length = o->length + shard->first,
        .token = o->token + shard->first_row,
        .position = o->position + shard->first_row,
        .time = o->time ? o->time + shard->first : NULL,
        .mask = o->mask,
        .mask_side = o->mask_side,
        .rows_apart = o->rows_apart};
    if (o->config->cond == ASSAY_LM_NO_COND && o->config->head == ASSAY_LM_TOKENS)
        return ASSAY_OK;
    int32_t *owner = assay_tape_alloc(tape, shard->rows, sizeof *owner);
    int32_t *last = assay_tape_alloc(tape, shard->count, sizeof *last);
    if (!owner || !last)
        return ASSAY_ENOMEM;
    for (size_t i = 0, row = 0; i < shard->count; i++) {
        for (size_t j = 0; j < out->length[i] && row < shard->rows; j++)
            owner[row++] = (int32_t)i;
        last[i] = (int32_t)row - 1;
    }
    out->owner = owner;
    out->last = last;
    return ASSAY_OK;
}

/* A leaf of numbers that are given as floats or doubles. */
static int data_leaf(assay_tape *tape, const float *singles, const double *doubles, size_t rows,
    size_t cols, int *value)
{
    real *x = assay_tape_alloc(tape, rows * cols, sizeof *x);
    if (!x)
        return ASSAY_ENOMEM;
    for (size_t i = 0; i < rows * cols; i++)
        x[i] = singles ? (real)singles[i] : (real)doubles[i];
    return assay_tape_leaf(tape, &(assay_tensor){x, {rows, cols}, 2}, NULL, value);
}

static int apply(
    assay_tape *tape, assay_op_id op, int a, int b, const assay_op_options *options, int *value)
{
    return assay_tape_apply(tape, op, (const int[]){a, b, NONE, NONE, NONE}, options, value);
}

static int divergence(const assay_lm_objective *o, assay_tape *tape, const assay_shard *shard,
    int logits, const assay_op_options *options, int *value)
{
    int teacher = NONE;
    const size_t vocab = o->config->vocab;
    const int status =
        data_leaf(tape, o->teacher + shard->first_row * vocab, NULL, shard->rows, vocab, &teacher);
    return status != ASSAY_OK
               ? status
               : apply(tape, o->goal == ASSAY_LM_DISTIL ? ASSAY_OP_KL : ASSAY_OP_REVERSE_KL, logits,
                     teacher, options, value);
}

static int squares(const assay_lm_objective *o, assay_tape *tape, const assay_shard *shard,
    int outputs, const assay_op_options *options, int *value)
{
    int target = NONE;
    const size_t n = assay_lm_outputs(o->config);
    const int status = data_leaf(tape, NULL, o->value + shard->first * n, shard->count, n, &target);
    return status != ASSAY_OK ? status : apply(tape, ASSAY_OP_MSE, outputs, target, options, value);
}

static int loss(
    const assay_lm_objective *o, assay_tape *tape, const assay_shard *shard, int logits, int *value)
{
    const bool pooled = o->config->head != ASSAY_LM_TOKENS;
    const size_t first = pooled ? shard->first : shard->first_row;
    assay_op_options options = ASSAY_OP_DEFAULTS;
    options.sum = true;
    options.n_labels = options.n_weights = pooled ? shard->count : shard->rows;
    options.labels = o->label ? o->label + first : NULL;
    options.weights = o->weight ? o->weight + first : NULL;
    options.smoothing = o->smoothing;
    if (o->goal == ASSAY_LM_SQUARES)
        return squares(o, tape, shard, logits, &options, value);
    if (o->goal == ASSAY_LM_DISTIL || o->goal == ASSAY_LM_REVERSE)
        return divergence(o, tape, shard, logits, &options, value);
    if (o->goal == ASSAY_LM_CE)
        return apply(tape, ASSAY_OP_SOFTMAX_CE, logits, NONE, &options, value);
    options.old = o->old + first;
    options.advantage = o->advantage + first;
    options.reference = o->reference ? o->reference + first : NULL;
    options.clip_low = o->clip;
    options.clip_high = o->clip_high;
    options.kl = o->kl;
    options.entropy = o->entropy;
    return apply(tape, ASSAY_OP_POLICY, logits, NONE, &options, value);
}

int assay_lm_build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value)
{
    const assay_lm_objective *o = user;
    assay_lm_rows rows;
    assay_lm_values values = {.logits = NONE};
    int status = cut_rows(o, tape, shard, &rows);
    if (status == ASSAY_OK && o->goal == ASSAY_LM_FEATURES &&
        !(values.features = assay_tape_alloc(tape, o->config->layers + 1, sizeof(int))))
        status = ASSAY_ENOMEM;
    if (status == ASSAY_OK)
        status = assay_lm_forward(tape, o->config, o->layout, param, &rows, &values);
    if (status != ASSAY_OK)
        return status;
    if (o->goal == ASSAY_LM_FEATURES) {
        const size_t layers = assay_lm_sizes_of(o->config, o->layout).layers;
        *value = o->layer <= layers ? values.features[o->layer] : values.normed;
        return ASSAY_OK;
    }
    *value = values.logits;
    return o->goal == ASSAY_LM_LOGITS ? ASSAY_OK : loss(o, tape, shard, values.logits, value);
}

/* ---- a batch alone ---- */

struct alone {
    assay_tape *tape;
    real *w, *grad;
    int *param;
};

static int add_leaves(const assay_params *params, const struct alone *a)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < params->count && status == ASSAY_OK; i++) {
        const assay_param *p = &params->at[i];
        assay_tensor x = {a->w + p->off, {0}, p->rank};
        memcpy(x.n, p->n, sizeof x.n);
        status = assay_tape_leaf(
            a->tape, &x, a->grad && assay_param_learns(p) ? a->grad + p->off : NULL, &a->param[i]);
    }
    return status;
}

static void copy_out(const real *from, size_t n, double *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

static int evaluate(const assay_params *params, const assay_lm_objective *o, struct alone *a,
    double scale, double *loss, double *grad, double *logits)
{
    const assay_shard whole = {0, o->sequences, 0, o->rows, 0};
    assay_lm_objective outputs = *o;
    const real upstream = (real)scale;
    int value = NONE;
    int status = add_leaves(params, a);
    if (status == ASSAY_OK)
        status = assay_lm_build((void *)o, a->tape, a->param, &whole, &value);
    if (status != ASSAY_OK)
        return status;
    *loss = scale * assay_tape_loss(a->tape, value);
    if (grad)
        status = assay_tape_backward(a->tape, value, &upstream);
    if (status == ASSAY_OK && grad)
        copy_out(a->grad, params->length, grad);
    if (status != ASSAY_OK || !logits)
        return status;
    outputs.goal = ASSAY_LM_LOGITS;
    status = assay_lm_build(&outputs, a->tape, a->param, &whole, &value);
    if (status != ASSAY_OK)
        return status;
    const assay_tensor x = assay_tape_value(a->tape, value);
    copy_out(x.data, x.n[0] * x.n[1], logits);
    return ASSAY_OK;
}

int assay_lm_evaluate(const assay_params *params, const assay_lm_objective *objective,
    const double *w, double scale, double *loss, double *grad, double *logits)
{
    struct alone a = {.w = malloc(params->length * sizeof *a.w),
        .grad = grad ? calloc(params->length, sizeof *a.grad) : NULL,
        .param = malloc((params->count + 1) * sizeof *a.param)};
    int status = assay_tape_new(&a.tape);
    if (status == ASSAY_OK && (!a.w || !a.param || (grad && !a.grad)))
        status = assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu numbers", params->length);
    for (size_t i = 0; status == ASSAY_OK && i < params->length; i++)
        a.w[i] = (real)w[i];
    if (status == ASSAY_OK)
        status = evaluate(params, objective, &a, scale, loss, grad, logits);
    assay_tape_free(a.tape);
    free(a.w);
    free(a.grad);
    free(a.param);
    return status;
}
