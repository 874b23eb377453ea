/*
 * Models and what is read off them; see lm.h. Long lists of sequences go through the shards in
 * batches of about ASSAY_LM_BATCH_ROWS tokens, which bounds memory and is where progress is
 * reported.
 */
#include "models/lm/lm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/lm/adapters.h"

int assay_lm_new(const assay_lm_config *config, uint64_t seed, size_t threads, assay_lm **out)
{
    *out = NULL;
    assay_lm *lm = calloc(1, sizeof *lm);
    if (!lm)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory");
    lm->config = *config;
    lm->threads = threads;
    const assay_rng root = assay_rng_seed(seed), rng = assay_rng_split_name(&root, "lm");
    int status = assay_lm_parameters(config, &lm->params, &lm->layout);
    if (status == ASSAY_OK)
        status = assay_shards_new(threads, &lm->shards);
    if (status == ASSAY_OK)
        assay_lm_initialise(config, &lm->layout, &lm->params, &rng);
    else
        assay_lm_free(lm);
    *out = status == ASSAY_OK ? lm : NULL;
    return status;
}

void assay_lm_free(assay_lm *lm)
{
    if (!lm)
        return;
    assay_training_free(&lm->training);
    assay_training_free(&lm->policy);
    assay_shards_free(lm->shards);
    assay_lm_layout_free(&lm->layout);
    assay_params_free(&lm->params);
    free(lm->active);
    free(lm);
}

/* Adapters, flags and the sub-network as the other has them; weights are the caller's to copy. */
static int copy_shape(const assay_lm *from, assay_lm *to)
{
    int status = ASSAY_OK;
    if (from->adapters.count > 0)
        status = assay_lm_add_adapters(to, &from->adapters, 0);
    for (size_t i = 0; from->adapters.count > 0 && status == ASSAY_OK && i < from->config.layers;
         i++)
        status = assay_lm_use_adapter(to, i, from->active[i]);
    for (size_t i = 0; status == ASSAY_OK && i < from->params.count; i++)
        to->params.at[i].flags = from->params.at[i].flags;
    to->layout.sub_d = from->layout.sub_d;
    to->layout.sub_layers = from->layout.sub_layers;
    to->layout.sub_heads = from->layout.sub_heads;
    to->layout.weights = from->layout.weights;
    to->layout.inputs = from->layout.inputs;
    to->layout.quantised = from->layout.quantised;
    return status;
}

int assay_lm_clone(const assay_lm *lm, assay_lm **out)
{
    int status = assay_lm_new(&lm->config, 0, lm->threads, out);
    if (status == ASSAY_OK)
        status = copy_shape(lm, *out);
    if (status != ASSAY_OK) {
        assay_lm_free(*out);
        *out = NULL;
        return status;
    }
    (*out)->vocab = lm->vocab;
    assay_lm_set_gemm(*out, lm->gemm);
    memcpy((*out)->params.w, lm->params.w, lm->params.length * sizeof(float));
    return ASSAY_OK;
}

int assay_lm_set_threads(assay_lm *lm, size_t threads)
{
    assay_shards *shards = NULL;
    if (threads == lm->threads)
        return ASSAY_OK;
    const int status = assay_shards_new(threads, &shards);
    if (status != ASSAY_OK)
        return status;
    assay_shards_free(lm->shards);
    lm->shards = shards;
    lm->threads = threads;
    assay_shards_gemm(shards, lm->gemm);
    return ASSAY_OK;
}

void assay_lm_set_gemm(assay_lm *lm, assay_gemm_kind kind)
{
    lm->gemm = kind;
    assay_shards_gemm(lm->shards, kind);
}

int assay_lm_check_tokens(const assay_lm *lm, const assay_lm_tokens *t, size_t *total)
{
    *total = 0;
    for (size_t i = 0; i < t->sequences; i++) {
        if (t->length[i] > lm->config.ctx)
            return assay_fail(ASSAY_EINVAL,
                "lm: sequence %zu has %zu tokens, the context is of %zu", i + 1, t->length[i],
                lm->config.ctx);
        for (size_t j = 0; j < t->length[i]; j++) {
            const int32_t token = t->token[*total + j];
            if (token < 0 || (size_t)token >= lm->config.vocab)
                return assay_fail(ASSAY_EINVAL,
                    "lm: token %zu of sequence %zu must be in 0..%zu, got %d", j + 1, i + 1,
                    lm->config.vocab - 1, (int)token);
        }
        *total += t->length[i];
    }
    return ASSAY_OK;
}

/* ---- batches of sequences ---- */

/* A part of a call's sequences, without the empty ones. */
struct part {
    assay_lm_objective objective;
    size_t *length;
    int32_t *position, *label;
    double *time, *weight;
    size_t *sequence, *first; /* which of the call's, where its tokens begin */
};

static void free_part(struct part *p)
{
    free(p->length);
    free(p->position);
    free(p->label);
    free(p->time);
    free(p->weight);
    free(p->sequence);
    free(p->first);
}

static int make_part(const assay_lm *lm, const assay_lm_tokens *t, struct part *p)
{
    const size_t rows = ASSAY_LM_BATCH_ROWS + lm->config.ctx, sequences = t->sequences + 1;
    *p = (struct part){.length = malloc(sequences * sizeof *p->length),
        .position = malloc(rows * sizeof *p->position),
        .label = malloc(rows * sizeof *p->label),
        .time = malloc(sequences * sizeof *p->time),
        .weight = malloc(rows * sizeof *p->weight),
        .sequence = malloc(sequences * sizeof *p->sequence),
        .first = malloc(sequences * sizeof *p->first)};
    if (p->length && p->position && p->label && p->time && p->weight && p->sequence && p->first)
        return ASSAY_OK;
    free_part(p);
    return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu sequences", t->sequences);
}

/* Fill the part with sequences from *at on, whose tokens begin at *first; false: none is left. The
 * tokens of a part are contiguous in the call's, because empty sequences have none. */
static bool next_part(
    const assay_lm *lm, const assay_lm_tokens *t, struct part *p, size_t *at, size_t *first)
{
    assay_lm_objective *o = &p->objective;
    *o = (assay_lm_objective){.config = &lm->config,
        .layout = &lm->layout,
        .length = p->length,
        .token = t->token + *first,
        .position = p->position,
        .time = t->time ? p->time : NULL,
        .mask = t->mask,
        .mask_side = t->mask_side};
    for (; *at < t->sequences && o->rows < ASSAY_LM_BATCH_ROWS; ++*at) {
        const size_t n = t->length[*at];
        if (n == 0)
            continue;
        for (size_t j = 0; j < n; j++)
            p->position[o->rows + j] = (int32_t)j;
        p->length[o->sequences] = n;
        p->sequence[o->sequences] = *at;
        p->first[o->sequences] = *first;
        if (t->time)
            p->time[o->sequences] = t->time[*at];
        o->sequences++;
        o->rows += n;
        *first += n;
    }
    return o->sequences > 0;
}

static assay_batch batch_of(const assay_lm_objective *o)
{
    return (assay_batch){.examples = o->sequences, .rows = o->length, .scale = 1};
}

/* What is done with a part. */
typedef int part_work(assay_lm *lm, struct part *part, void *context);

static int each_part(assay_lm *lm, const assay_lm_tokens *t, const assay_progress *progress,
    part_work *work, void *context)
{
    struct part part;
    size_t total = 0, at = 0, first = 0;
    int status = assay_lm_check_tokens(lm, t, &total);
    if (status == ASSAY_OK)
        status = make_part(lm, t, &part);
    if (status != ASSAY_OK)
        return status;
    while (status == ASSAY_OK && next_part(lm, t, &part, &at, &first)) {
        status = work(lm, &part, context);
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)first, (double)total);
    }
    free_part(&part);
    return status;
}

/* ---- outputs ---- */

struct copying {
    const struct part *part;
    size_t cols;
    bool pooled;
    float *out;
};

static int copy_rows(void *user, const assay_shard *shard, const assay_tensor *value)
{
    const struct copying *c = user;
    for (size_t i = 0, row = 0; i < shard->count; i++) {
        const size_t at = shard->first + i, rows = c->pooled ? 1 : c->part->length[at];
        const size_t to = c->pooled ? c->part->sequence[at] : c->part->first[at];
        memcpy(c->out + to * c->cols, value->data + row * c->cols, rows * c->cols * sizeof *c->out);
        row += rows;
    }
    return ASSAY_OK;
}

struct outputs {
    assay_lm_goal goal;
    size_t layer, cols;
    bool pooled;
    float *out;
};

static int output_part(assay_lm *lm, struct part *part, void *context)
{
    const struct outputs *o = context;
    struct copying copying = {part, o->cols, o->pooled, o->out};
    part->objective.goal = o->goal;
    part->objective.layer = o->layer;
    const assay_batch batch = batch_of(&part->objective);
    return assay_shards_forward(
        lm->shards, &lm->params, assay_lm_build, &part->objective, &batch, copy_rows, &copying);
}

int assay_lm_logits(
    assay_lm *lm, const assay_lm_tokens *tokens, const assay_progress *progress, float *out)
{
    const bool pooled = lm->config.head != ASSAY_LM_TOKENS;
    struct outputs o = {ASSAY_LM_LOGITS, 0, assay_lm_outputs(&lm->config), pooled, out};
    if (pooled)
        memset(out, 0, tokens->sequences * o.cols * sizeof *out);
    return each_part(lm, tokens, progress, output_part, &o);
}

int assay_lm_features(assay_lm *lm, const assay_lm_tokens *tokens, size_t layer,
    const assay_progress *progress, float *out)
{
    const assay_lm_sizes size = assay_lm_sizes_of(&lm->config, &lm->layout);
    if (layer > size.layers + 1)
        return assay_fail(
            ASSAY_EINVAL, "lm: layer must be in 0..%zu, got %zu", size.layers + 1, layer);
    const bool pooled = layer > size.layers && lm->config.head != ASSAY_LM_TOKENS;
    struct outputs o = {ASSAY_LM_FEATURES, layer, size.d, pooled, out};
    return each_part(lm, tokens, progress, output_part, &o);
}

/* ---- scores ---- */

struct scores {
    const struct part *part;
    size_t vocab;
    double *logp, *entropy;
};

/* log p of a token, and the entropy of its row, summed in double. */
static double score_row(const float *z, size_t n, size_t token, double *entropy)
{
    double high = (double)z[0], sum = 0, mean = 0;
    for (size_t i = 1; i < n; i++)
        high = fmax(high, (double)z[i]);
    for (size_t i = 0; i < n; i++) {
        const double e = exp((double)z[i] - high);
        sum += e;
        mean += e > 0 ? e * ((double)z[i] - high) : 0;
    }
    *entropy = log(sum) - mean / sum;
    return (double)z[token] - high - log(sum);
}

static int score_rows(void *user, const assay_shard *shard, const assay_tensor *value)
{
    const struct scores *s = user;
    const int32_t *token = s->part->objective.token + shard->first_row;
    const float *z = value->data;
    for (size_t i = 0, row = 0; i < shard->count; i++) {
        const size_t n = s->part->length[shard->first + i];
        double *logp = s->logp + s->part->first[shard->first + i];
        double *entropy = s->entropy ? s->entropy + s->part->first[shard->first + i] : NULL;
        for (size_t j = 0; j < n; j++, row++) {
            double h = 0;
            logp[j] =
                j == 0 ? 0 : score_row(z + (row - 1) * s->vocab, s->vocab, (size_t)token[row], &h);
            if (entropy)
                entropy[j] = h;
        }
    }
    return ASSAY_OK;
}

static int score_part(assay_lm *lm, struct part *part, void *context)
{
    struct scores *s = context;
    s->part = part;
    part->objective.goal = ASSAY_LM_LOGITS;
    const assay_batch batch = batch_of(&part->objective);
    return assay_shards_forward(
        lm->shards, &lm->params, assay_lm_build, &part->objective, &batch, score_rows, s);
}

int assay_lm_score(assay_lm *lm, const assay_lm_tokens *tokens, const assay_progress *progress,
    double *logp, double *entropy)
{
    if (!lm->config.causal || lm->config.head != ASSAY_LM_TOKENS)
        return assay_fail(
            ASSAY_EINVAL, "lm: scores of tokens are of a causal model with a head of tokens");
    struct scores s = {NULL, lm->config.vocab, logp, entropy};
    return each_part(lm, tokens, progress, score_part, &s);
}

/* ---- gradient norms of examples ---- */

struct norms {
    double *norm;
};

/* Row j predicts token j + 1; the last row predicts nothing. */
static void label_rows(struct part *part)
{
    for (size_t i = 0, row = 0; i < part->objective.sequences; i++)
        for (size_t j = 0, n = part->length[i]; j < n; j++, row++) {
            part->label[row] = j + 1 < n ? part->objective.token[row + 1] : -1;
            part->weight[row] = n > 1 ? 1 / (double)(n - 1) : 0;
        }
}

static int norm_part(assay_lm *lm, struct part *part, void *context)
{
    const struct norms *n = context;
    label_rows(part);
    assay_lm_objective *o = &part->objective;
    o->goal = ASSAY_LM_CE;
    o->label = part->label;
    o->weight = part->weight;
    o->rows_apart = true;
    double *own = malloc(o->sequences * sizeof *own);
    if (!own)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu norms", o->sequences);
    const assay_batch batch = batch_of(o);
    const int status = assay_shards_norm2(lm->shards, &lm->params, assay_lm_build, o, &batch, own);
    for (size_t i = 0; status == ASSAY_OK && i < o->sequences; i++)
        n->norm[part->sequence[i]] = sqrt(fmax(0, own[i]));
    free(own);
    return status;
}

int assay_lm_example_norms(
    assay_lm *lm, const assay_lm_tokens *tokens, const assay_progress *progress, double *norm)
{
    if (lm->config.head != ASSAY_LM_TOKENS)
        return assay_fail(ASSAY_EINVAL, "lm: gradient norms of examples need a head of tokens");
    struct norms n = {norm};
    memset(norm, 0, tokens->sequences * sizeof *norm);
    return each_part(lm, tokens, progress, norm_part, &n);
}
