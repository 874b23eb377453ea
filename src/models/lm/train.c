/*
 * Training; see train.h. Everything random in a step is keyed by its number, so that a training
 * that stopped goes on with the same bits.
 */
#include "models/lm/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* ---- one step's rows ---- */

/* What the model reads and predicts in a step: rows of the examples, for an objective. */
struct rows {
    assay_lm_objective objective;
    size_t counted; /* what the loss is divided by */
    size_t *length, sequence_room, row_room;
    int32_t *token, *position, *label;
    double *weight, *time;
    float *teacher;
    size_t teacher_room;
};

static void free_rows(struct rows *r)
{
    free(r->length);
    free(r->token);
    free(r->position);
    free(r->label);
    free(r->weight);
    free(r->time);
    free(r->teacher);
}

static int hold_rows(struct rows *r, const assay_lm_examples *e)
{
    if (r->sequence_room >= e->sequences && r->row_room >= e->tokens)
        return ASSAY_OK;
    free_rows(r);
    *r = (struct rows){.sequence_room = e->sequences, .row_room = e->tokens};
    r->length = malloc((e->sequences + 1) * sizeof *r->length);
    r->time = malloc((e->sequences + 1) * sizeof *r->time);
    r->token = malloc((e->tokens + 1) * sizeof *r->token);
    r->position = malloc((e->tokens + 1) * sizeof *r->position);
    r->label = malloc((e->tokens + e->sequences + 1) * sizeof *r->label);
    r->weight = malloc((e->tokens + 1) * sizeof *r->weight);
    return r->length && r->time && r->token && r->position && r->label && r->weight
               ? ASSAY_OK
               : assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu tokens", e->tokens);
}

static void begin_rows(struct rows *r, const assay_lm *lm)
{
    r->counted = 0;
    r->objective = (assay_lm_objective){.config = &lm->config,
        .layout = &lm->layout,
        .length = r->length,
        .token = r->token,
        .position = r->position,
        .label = r->label};
}

/* Row j of a sequence reads token j and predicts token j + 1. */
static void next_token_rows(struct rows *r, const assay_lm_examples *e)
{
    assay_lm_objective *o = &r->objective;
    o->weight = r->weight;
    for (size_t i = 0, at = 0; i < e->sequences; at += e->length[i++]) {
        for (size_t j = 0; j + 1 < e->length[i]; j++, o->rows++) {
            const double weight = e->weight[at + j + 1];
            r->token[o->rows] = e->token[at + j];
            r->position[o->rows] = (int32_t)j;
            r->label[o->rows] = weight > 0 ? e->token[at + j + 1] : -1;
            r->weight[o->rows] = weight;
            r->counted += weight > 0;
        }
        if (e->length[i] > 1)
            r->length[o->sequences++] = e->length[i] - 1;
    }
}

/* Row j reads token j; what is said is of the sequence. */
static void whole_rows(struct rows *r, const assay_lm_examples *e)
{
    assay_lm_objective *o = &r->objective;
    for (size_t i = 0, at = 0; i < e->sequences; at += e->length[i++]) {
        if (e->length[i] == 0)
            continue;
        for (size_t j = 0; j < e->length[i]; j++, o->rows++) {
            r->token[o->rows] = e->token[at + j];
            r->position[o->rows] = (int32_t)j;
        }
        r->label[o->sequences] = e->label[i];
        r->counted += e->label[i] >= 0;
        r->length[o->sequences++] = e->length[i];
    }
}

int assay_lm_alpha(const assay_lm_masking *m, double t, double *alpha)
{
    *alpha = 1 - t;
    const int status = m->alpha ? m->alpha(m->context, t, alpha) : ASSAY_OK;
    return status != ASSAY_OK || (*alpha >= 0 && *alpha <= 1)
               ? status
               : assay_fail(ASSAY_EINVAL, "lm: alpha(%g) must be in 0..1, got %g", t, *alpha);
}

static int weight_at(const assay_lm_masking *m, double t, double *weight)
{
    *weight = 1 / t;
    const int status = m->weight ? m->weight(m->context, t, weight) : ASSAY_OK;
    return status != ASSAY_OK || (*weight >= 0 && isfinite(*weight))
               ? status
               : assay_fail(ASSAY_EINVAL,
                     "lm: the weight of time %g must be finite and at least 0, got %g", t, *weight);
}

/* Rows read MASK or their token, and predict the token where it is masked. */
static int masked_rows(struct rows *r, const assay_lm_examples *e, const assay_lm *lm,
    const assay_lm_masking *m, assay_rng rng)
{
    assay_lm_objective *o = &r->objective;
    const double shared = assay_rng_uniform(&rng);
    whole_rows(r, e);
    o->weight = r->weight;
    o->time = lm->config.cond != ASSAY_LM_NO_COND ? r->time : NULL;
    r->counted = 0;
    for (size_t i = 0, row = 0, s = 0; i < e->sequences; i++) {
        assay_rng own = assay_rng_split(&rng, i);
        const double place = ((double)i + shared) / (double)e->sequences;
        const double t = m->spread ? fmax(place, 1e-9) : assay_rng_uniform_open(&own);
        double stays = 1 - m->rate, weight = 1;
        int status = m->rate > 0 ? ASSAY_OK : assay_lm_alpha(m, t, &stays);
        if (status == ASSAY_OK && m->rate <= 0)
            status = weight_at(m, t, &weight);
        if (status != ASSAY_OK)
            return status;
        if (e->length[i] > 0)
            r->time[s++] = t;
        for (size_t j = 0; j < e->length[i]; j++, row++) {
            const bool counts = e->weight[row] > 0;
            const bool masked = assay_rng_uniform(&own) >= stays && counts;
            r->label[row] = masked ? e->token[row] : -1;
            r->token[row] = masked ? ASSAY_MASK : e->token[row];
            r->weight[row] = weight * e->weight[row];
            r->counted += counts;
        }
    }
    return ASSAY_OK;
}

/* The teacher's logits for the rows. */
static int ask_teacher(struct rows *r, assay_lm *teacher)
{
    const size_t size = r->objective.rows * teacher->config.vocab;
    if (r->teacher_room < size) {
        free(r->teacher);
        r->teacher = malloc(size * sizeof *r->teacher);
        r->teacher_room = r->teacher ? size : 0;
        if (!r->teacher)
            return assay_fail(ASSAY_ENOMEM, "lm: out of memory for the teacher's logits");
    }
    const assay_lm_tokens tokens = {
        .sequences = r->objective.sequences, .length = r->length, .token = r->token};
    r->objective.teacher = r->teacher;
    for (size_t i = 0; i < r->objective.rows; i++)
        r->weight[i] = r->label[i] >= 0 ? r->weight[i] : 0;
    return assay_lm_logits(teacher, &tokens, NULL, r->teacher);
}

static int make_rows(assay_lm *lm, const assay_lm_examples *e, uint64_t step,
    const assay_lm_train_options *options, struct rows *r)
{
    const assay_rng root = assay_rng_seed(options->seed);
    const assay_rng masks = assay_rng_split_name(&root, "mask");
    int status = hold_rows(r, e);
    if (status != ASSAY_OK)
        return status;
    begin_rows(r, lm);
    r->objective.smoothing = options->smoothing;
    const bool pooled = lm->config.head != ASSAY_LM_TOKENS;
    switch (options->loss) {
    case ASSAY_LM_LOSS_CE:
        r->objective.goal = ASSAY_LM_CE;
        if (pooled)
            whole_rows(r, e);
        else
            next_token_rows(r, e);
        break;
    case ASSAY_LM_LOSS_MASKED:
        r->objective.goal = ASSAY_LM_CE;
        status = masked_rows(r, e, lm, &options->masking, assay_rng_split(&masks, step));
        break;
    case ASSAY_LM_LOSS_DISTIL:
        r->objective.goal = options->reverse ? ASSAY_LM_REVERSE : ASSAY_LM_DISTIL;
        next_token_rows(r, e);
        status = ask_teacher(r, options->teacher);
        break;
    case ASSAY_LM_LOSS_SQUARES:
        r->objective.goal = ASSAY_LM_SQUARES;
        whole_rows(r, e);
        r->objective.value = e->value;
        r->counted = e->values;
        if (r->objective.sequences != e->sequences ||
            e->values != e->sequences * lm->config.outputs)
            return assay_fail(ASSAY_EINVAL, "lm: each sequence must have a token and %zu values",
                lm->config.outputs);
        break;
    }
    if (status == ASSAY_OK && (r->counted == 0 || r->objective.sequences == 0))
        return assay_fail(
            ASSAY_EINVAL, "lm: nothing counts in the batch of step %llu", (unsigned long long)step);
    return status;
}

/* ---- the loop ---- */

static int check(const assay_lm *lm, const assay_lm_train_options *o)
{
    const assay_lm_head head = lm->config.head;
    const bool pooled = head != ASSAY_LM_TOKENS;
    if (o->steps < 1)
        return assay_fail(ASSAY_EINVAL, "lm: steps must be at least 1, got 0");
    if ((o->loss == ASSAY_LM_LOSS_SQUARES) != (head == ASSAY_LM_REGRESS))
        return assay_fail(ASSAY_EINVAL,
            "lm: a regress head is trained by the loss \"regress\", and no other head is");
    if (o->loss != ASSAY_LM_LOSS_CE && o->loss != ASSAY_LM_LOSS_SQUARES && pooled)
        return assay_fail(ASSAY_EINVAL, "lm: this loss needs a head of tokens");
    if (o->loss == ASSAY_LM_LOSS_MASKED && (lm->config.causal || lm->config.vocab <= ASSAY_MASK))
        return assay_fail(ASSAY_EINVAL,
            "lm: masked training needs causal = false and a vocabulary with MASK, %d", ASSAY_MASK);
    if (o->loss == ASSAY_LM_LOSS_DISTIL &&
        (!o->teacher || o->teacher->config.vocab != lm->config.vocab ||
            o->teacher->config.ctx < lm->config.ctx))
        return assay_fail(ASSAY_EINVAL,
            "lm: distillation needs a teacher with the same vocabulary and as much context");
    if (o->loss != ASSAY_LM_LOSS_MASKED && lm->config.cond != ASSAY_LM_NO_COND)
        return assay_fail(ASSAY_EINVAL, "lm: a model with a time input is trained by \"mdm\"");
    return ASSAY_OK;
}

static int check_examples(const assay_lm *lm, const assay_lm_examples *e)
{
    size_t total = 0;
    const assay_lm_tokens tokens = {
        .sequences = e->sequences, .length = e->length, .token = e->token};
    return assay_lm_check_tokens(lm, &tokens, &total);
}

static assay_batch batch_of(const struct rows *r, uint64_t seed)
{
    return (assay_batch){.examples = r->objective.sequences,
        .rows = r->length,
        .scale = 1 / (double)r->counted,
        .random = r->objective.config->dropout > 0 || r->objective.layout->weights.options.noise,
        .seed = seed};
}

static int one_step(assay_lm *lm, const assay_lm_train_options *options, uint64_t step,
    const assay_lm_examples *examples, struct rows *rows, double *loss)
{
    int status = check_examples(lm, examples);
    if (status == ASSAY_OK)
        status = make_rows(lm, examples, step, options, rows);
    if (status != ASSAY_OK)
        return status;
    const assay_batch batch = batch_of(rows, options->seed);
    status =
        assay_training_add(&lm->training, lm->shards, assay_lm_build, &rows->objective, &batch);
    return status == ASSAY_OK ? assay_training_step(&lm->training, lm->shards, loss) : status;
}

/* A new training with these options goes on from the last one's moments and step. */
static int resume_training(assay_lm *lm, const assay_training_options *options)
{
    assay_training last = lm->training, next;
    int status = assay_training_new(&lm->params, options, &next);
    if (status != ASSAY_OK)
        return status;
    float **const from[] = {&last.m, &last.v, &last.average};
    float **const to[] = {&next.m, &next.v, &next.average};
    for (size_t i = 0; i < 3 && status == ASSAY_OK; i++)
        if ((*from[i] == NULL) != (*to[i] == NULL))
            status = assay_fail(ASSAY_EINVAL,
                "lm: a resumed training has the optimizer, momentum and ema that it began with");
    for (size_t i = 0; i < 3 && status == ASSAY_OK; i++)
        if (*to[i])
            memcpy(*to[i], *from[i], lm->params.length * sizeof(float));
    next.step = last.step;
    assay_training_free(status == ASSAY_OK ? &last : &next);
    if (status == ASSAY_OK)
        lm->training = next;
    return status;
}

static int begin_training(assay_lm *lm, const assay_lm_train_options *o)
{
    if (o->resume)
        return lm->training.params ? resume_training(lm, &o->training)
                                   : assay_fail(ASSAY_EINVAL, "lm: there is no training to resume");
    assay_training_free(&lm->training);
    return assay_training_new(&lm->params, &o->training, &lm->training);
}

int assay_lm_train(assay_lm *lm, assay_lm_source *source, void *context,
    const assay_lm_train_options *o, const assay_progress *progress, double *losses, uint64_t *done)
{
    struct rows rows = {0};
    assay_lm_examples examples = {0};
    int status = check(lm, o);
    if (status == ASSAY_OK)
        status = begin_training(lm, o);
    bool stop = false;
    while (status == ASSAY_OK && !stop && lm->training.step < o->steps) {
        const uint64_t step = lm->training.step + 1;
        double loss = 0;
        assay_lm_examples_clear(&examples);
        status = source(context, step, &examples);
        if (status == ASSAY_OK)
            status = one_step(lm, o, step, &examples, &rows, &loss);
        if (status != ASSAY_OK)
            break;
        losses[step - 1] = loss;
        const assay_lm_step told = {
            step, loss, assay_learning_rate(&o->training.optimiser, step), rows.counted};
        if (o->on_step)
            status = o->on_step(o->context, &told, &stop);
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)step, (double)o->steps);
    }
    if (status == ASSAY_OK)
        status = assay_training_finish(&lm->training);
    *done = lm->training.step;
    free_rows(&rows);
    assay_lm_examples_free(&examples);
    return status;
}
