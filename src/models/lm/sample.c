/* Sampling with a cache of keys and values; see sample.h. */
#include "models/lm/sample.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/parallel.h"
#include "core/status.h"

/* ---- the call ---- */

struct call {
    assay_lm *lm;
    const float *w;
    assay_packed *packed; /* its matrices */
    size_t packed_count;
    const assay_lm_tokens *prompts;
    const size_t *first; /* where each prompt's tokens begin */
    const assay_lm_sample_options *options;
    const assay_rng *rng;
    const assay_progress *progress;
    assay_lm_samples *out;
    size_t threads;
    atomic_bool stop;
    atomic_size_t drawn;
};

static const int32_t bos = ASSAY_BOS;

static size_t prompt_length(const struct call *c, size_t prompt)
{
    return c->prompts->length[prompt] > 0 ? c->prompts->length[prompt] : 1;
}

static const int32_t *prompt_tokens(const struct call *c, size_t prompt)
{
    return c->prompts->length[prompt] > 0 ? c->prompts->token + c->first[prompt] : &bos;
}

/* ---- a group ---- */

/* Samples first .. first + count - 1, each with its slot of the caches; memory for one forward pass
 * over `room` rows. */
struct group {
    struct call *call;
    size_t first, count, room;
    assay_tape *tape;
    assay_kv *kv; /* one a layer, of one memory */
    float *memory;
    assay_rng *stream;
    size_t active, *sample; /* those that are not finished, by slot, ascending */
    size_t *slot, *past, *length;
    int32_t *token, *position;
    int *param;
    double *z;
};

static void free_group(struct group *g)
{
    assay_tape_free(g->tape);
    free(g->kv);
    free(g->memory);
    free(g->stream);
    free(g->sample);
    free(g->slot);
    free(g->past);
    free(g->length);
    free(g->token);
    free(g->position);
    free(g->param);
    free(g->z);
}

static int make_caches(struct group *g)
{
    const assay_lm *lm = g->call->lm;
    const assay_lm_sizes c = assay_lm_sizes_of(&lm->config, &lm->layout);
    assay_kv shape = {g->count, c.heads, c.head_d, lm->config.ctx, NULL, NULL, g->slot, g->past};
    const size_t keys = g->count * assay_kv_keys(&shape);
    const size_t values = g->count * assay_kv_values(&shape);
    g->kv = calloc(c.layers, sizeof *g->kv);
    g->memory = calloc(c.layers * (keys + values), sizeof *g->memory);
    if (!g->kv || !g->memory)
        return ASSAY_ENOMEM;
    for (size_t i = 0; i < c.layers; i++) {
        g->kv[i] = shape;
        g->kv[i].k = g->memory + i * (keys + values);
        g->kv[i].v = g->memory + i * (keys + values) + keys;
    }
    return ASSAY_OK;
}

/* Rows of the largest pass: the group's prompts, or one row a sample. */
static size_t largest_pass(const struct group *g)
{
    size_t rows = 0;
    const size_t n = g->call->options->n;
    for (size_t p = g->first / n; p <= (g->first + g->count - 1) / n; p++)
        rows += prompt_length(g->call, p);
    return rows > g->count ? rows : g->count;
}

static int make_group(struct call *c, size_t index, struct group *g)
{
    const size_t batch = c->options->batch, left = c->out->count - index * batch;
    *g = (struct group){.call = c, .first = index * batch, .count = left < batch ? left : batch};
    g->room = largest_pass(g);
    g->stream = malloc(g->count * sizeof *g->stream);
    g->sample = malloc(g->count * sizeof *g->sample);
    g->slot = malloc(g->count * sizeof *g->slot);
    g->past = malloc(g->count * sizeof *g->past);
    g->length = malloc(g->count * sizeof *g->length);
    g->token = malloc(g->room * sizeof *g->token);
    g->position = malloc(g->room * sizeof *g->position);
    g->param = malloc((c->lm->params.count + 1) * sizeof *g->param);
    g->z = malloc(c->lm->config.vocab * sizeof *g->z);
    if (!g->stream || !g->sample || !g->slot || !g->past || !g->length || !g->token ||
        !g->position || !g->param || !g->z || make_caches(g) != ASSAY_OK)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu samples", g->count);
    for (size_t i = 0; i < g->count; i++) {
        const size_t prompt = (g->first + i) / c->options->n, s = (g->first + i) % c->options->n;
        const assay_rng own =
            assay_rng_split(c->rng, c->options->ids ? c->options->ids[prompt] : prompt);
        g->stream[i] = assay_rng_split(&own, c->options->first + s);
    }
    const int status = assay_tape_new(&g->tape);
    if (status == ASSAY_OK) {
        assay_tape_gemm(g->tape, c->lm->gemm);
        assay_tape_packed(g->tape, c->packed, c->packed_count);
    }
    return status;
}

/* One pass over what the group's arrays say; *logits are on the tape. */
static int forward(struct group *g, size_t sequences, size_t rows, const float **logits)
{
    const assay_lm *lm = g->call->lm;
    assay_tape_reset(g->tape);
    for (size_t i = 0; i < lm->params.count; i++) {
        const assay_param *p = &lm->params.at[i];
        assay_tensor x = {(float *)g->call->w + p->off, {0}, p->rank}; /* a leaf is only read */
        memcpy(x.n, p->n, sizeof x.n);
        const int status = assay_tape_leaf(g->tape, &x, NULL, &g->param[i]);
        if (status != ASSAY_OK)
            return status;
    }
    const assay_lm_rows batch = {.sequences = sequences,
        .rows = rows,
        .length = g->length,
        .token = g->token,
        .position = g->position,
        .cache = g->kv};
    assay_lm_values values = {0};
    const int status =
        assay_lm_forward(g->tape, &lm->config, &lm->layout, g->param, &batch, &values);
    if (status == ASSAY_OK)
        *logits = assay_tape_value(g->tape, values.logits).data;
    return status;
}

/* Draw token j of the sample in `slot`; *ended tells that it was its last. */
static int draw(struct group *g, size_t slot, size_t j, const float *logits, bool *ended)
{
    const struct call *c = g->call;
    const size_t i = g->first + slot, at = i * c->out->max_tokens + j;
    assay_picked picked;
    for (size_t k = 0; k < c->lm->config.vocab; k++)
        g->z[k] = (double)logits[k];
    assay_rng rng = assay_rng_split(&g->stream[slot], j);
    const double u = c->options->pick.temperature > 0 ? assay_rng_uniform(&rng) : 0;
    if (assay_lm_pick(g->z, c->lm->config.vocab, &c->options->pick, u, &picked) != ASSAY_OK) {
        char why[256];
        strncpy(why, assay_errmsg(), sizeof why - 1);
        why[sizeof why - 1] = '\0';
        return assay_fail(ASSAY_EINVAL, "%s (token %zu of sample %zu of prompt %zu)", why, j + 1,
            i % c->options->n + 1, i / c->options->n + 1);
    }
    c->out->token[at] = (int32_t)picked.token;
    c->out->logp_policy[at] = picked.logp_policy;
    c->out->logp_model[at] = picked.logp_model;
    c->out->entropy[at] = picked.entropy;
    c->out->length[i] = j + 1;
    c->out->stopped[i] = (int32_t)picked.token == c->options->stop;
    *ended = c->out->stopped[i] || j + 1 == c->out->max_tokens;
    return ASSAY_OK;
}

static void copy_slot(const struct group *g, size_t from, size_t to)
{
    const assay_lm *lm = g->call->lm;
    const size_t layers = assay_lm_sizes_of(&lm->config, &lm->layout).layers;
    for (size_t i = 0; i < layers; i++) {
        const size_t keys = assay_kv_keys(&g->kv[i]), values = assay_kv_values(&g->kv[i]);
        float *k = g->kv[i].k, *v = g->kv[i].v;
        memcpy(k + to * keys, k + from * keys, keys * sizeof *k);
        memcpy(v + to * values, v + from * values, values * sizeof *v);
    }
}

/* Read each prompt once, into the slot of its first sample here, copy that for the others, and draw
 * the first tokens. */
static int prefill(struct group *g)
{
    const struct call *c = g->call;
    const size_t n = c->options->n;
    size_t sequences = 0, rows = 0;
    for (size_t slot = 0; slot < g->count; slot++) {
        const size_t prompt = (g->first + slot) / n;
        if (slot > 0 && (g->first + slot) % n != 0)
            continue;
        const size_t length = prompt_length(c, prompt);
        memcpy(g->token + rows, prompt_tokens(c, prompt), length * sizeof *g->token);
        for (size_t j = 0; j < length; j++)
            g->position[rows + j] = (int32_t)j;
        g->slot[sequences] = slot;
        g->past[sequences] = 0;
        g->length[sequences++] = length;
        rows += length;
    }
    const float *logits = NULL;
    int status = forward(g, sequences, rows, &logits);
    const size_t vocab = c->lm->config.vocab;
    for (size_t i = 0, slot = 0; status == ASSAY_OK && i < sequences; i++) {
        logits += g->length[i] * vocab;
        const size_t end = i + 1 < sequences ? g->slot[i + 1] : g->count;
        for (const size_t from = slot; slot < end && status == ASSAY_OK; slot++) {
            bool ended = false;
            if (slot > from)
                copy_slot(g, from, slot);
            status = draw(g, slot, 0, logits - vocab, &ended);
            if (status == ASSAY_OK && !ended)
                g->sample[g->active++] = slot;
        }
    }
    return status;
}

/* All that are not finished, one token further: their token j. */
static int advance(struct group *g, size_t j)
{
    const struct call *c = g->call;
    for (size_t i = 0; i < g->active; i++) {
        const size_t sample = g->first + g->sample[i];
        g->slot[i] = g->sample[i];
        g->past[i] = prompt_length(c, sample / c->options->n) + j - 1;
        g->length[i] = 1;
        g->token[i] = c->out->token[sample * c->out->max_tokens + j - 1];
        g->position[i] = (int32_t)g->past[i];
    }
    const float *logits = NULL;
    const size_t rows = g->active;
    int status = forward(g, rows, rows, &logits);
    g->active = 0;
    for (size_t i = 0; i < rows && status == ASSAY_OK; i++) {
        bool ended = false;
        const size_t slot = g->slot[i];
        status = draw(g, slot, j, logits + i * c->lm->config.vocab, &ended);
        if (status == ASSAY_OK && !ended)
            g->sample[g->active++] = slot;
    }
    return status;
}

/* Only the caller's thread reports; it stops the others. */
static int tell(struct call *c, size_t group)
{
    const double all = (double)c->out->count;
    if (group % c->threads == 0 &&
        assay_progress_report(c->progress, (double)atomic_load(&c->drawn), all) != ASSAY_OK)
        atomic_store(&c->stop, true);
    return atomic_load(&c->stop) ? assay_fail(ASSAY_ECANCELLED, "cancelled") : ASSAY_OK;
}

static int run_group(void *context, size_t index)
{
    struct call *c = context;
    struct group g;
    int status = make_group(c, index, &g);
    if (status == ASSAY_OK)
        status = prefill(&g);
    for (size_t j = 1; status == ASSAY_OK && g.active > 0; j++) {
        status = tell(c, index);
        if (status == ASSAY_OK)
            status = advance(&g, j);
    }
    atomic_fetch_add(&c->drawn, g.count);
    if (status == ASSAY_OK)
        status = tell(c, index);
    free_group(&g);
    return status;
}

/* ---- the whole ---- */

static int check(const assay_lm *lm, const assay_lm_tokens *prompts,
    const assay_lm_sample_options *o, size_t *total)
{
    if (!lm->config.causal || lm->config.head != ASSAY_LM_TOKENS ||
        lm->config.cond != ASSAY_LM_NO_COND)
        return assay_fail(ASSAY_EINVAL,
            "lm: samples are of a causal model with a head of tokens and no time input");
    int status = assay_pick_check(&o->pick);
    if (status == ASSAY_OK && (o->n < 1 || o->max_tokens < 1 || o->batch < 1))
        status = assay_fail(ASSAY_EINVAL,
            "lm: n, max_tokens and batch must be at least 1, got %zu, %zu and %zu", o->n,
            o->max_tokens, o->batch);
    if (status == ASSAY_OK)
        status = assay_lm_check_tokens(lm, prompts, total);
    for (size_t i = 0; status == ASSAY_OK && i < prompts->sequences; i++) {
        const size_t length = prompts->length[i] > 0 ? prompts->length[i] : 1;
        if (o->max_tokens > lm->config.ctx || length > lm->config.ctx - o->max_tokens)
            status = assay_fail(ASSAY_EINVAL,
                "lm: prompt %zu has %zu tokens, with max_tokens %zu more than the context of %zu",
                i + 1, length, o->max_tokens, lm->config.ctx);
    }
    return status;
}

static int make_samples(size_t count, size_t max_tokens, assay_lm_samples *out)
{
    const size_t cells = count * max_tokens + 1;
    if (count > SIZE_MAX / 64 / (max_tokens + 1))
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu samples", count);
    *out = (assay_lm_samples){.count = count,
        .max_tokens = max_tokens,
        .token = calloc(cells, sizeof *out->token),
        .length = calloc(count + 1, sizeof *out->length),
        .stopped = calloc(count + 1, 1),
        .logp_policy = calloc(cells, sizeof(double)),
        .logp_model = calloc(cells, sizeof(double)),
        .entropy = calloc(cells, sizeof(double))};
    if (out->token && out->length && out->stopped && out->logp_policy && out->logp_model &&
        out->entropy)
        return ASSAY_OK;
    return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu samples", count);
}

void assay_lm_samples_free(assay_lm_samples *s)
{
    free(s->token);
    free(s->length);
    free(s->stopped);
    free(s->logp_policy);
    free(s->logp_model);
    free(s->entropy);
    *s = (assay_lm_samples){0};
}

/* The weights as hooks have them; *owned is to be freed. */
static int see_weights(const assay_lm *lm, float **owned, const float **w)
{
    int status = ASSAY_OK;
    *owned = NULL;
    *w = lm->params.w;
    for (size_t i = 0; i < lm->params.count && status == ASSAY_OK; i++) {
        const assay_param *p = &lm->params.at[i];
        if (!p->hook.forward)
            continue;
        if (!*owned) {
            status = assay_params_buffer(&lm->params, owned);
            if (status != ASSAY_OK)
                return status;
            memcpy(*owned, lm->params.w, lm->params.length * sizeof **owned);
            *w = *owned;
        }
        status =
            p->hook.forward(p->hook.context, 0, lm->params.w + p->off, *owned + p->off, p->size);
    }
    return status;
}

/* All matrices, once for all steps. */
static int pack_weights(struct call *c)
{
    const assay_params *params = &c->lm->params;
    c->packed = calloc(params->count + 1, sizeof *c->packed);
    int status =
        c->packed ? ASSAY_OK
                  : assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu parameters", params->count);
    for (size_t i = 0; i < params->count && status == ASSAY_OK; i++) {
        const assay_param *p = &params->at[i];
        if (p->rank == 2)
            status =
                assay_packed_make(c->w + p->off, p->n[0], p->n[1], &c->packed[c->packed_count++]);
    }
    return status;
}

static void free_packed(struct call *c)
{
    for (size_t i = 0; i < c->packed_count; i++)
        assay_packed_free(&c->packed[i]);
    free(c->packed);
}

static size_t *starts(const assay_lm_tokens *t)
{
    size_t *first = malloc((t->sequences + 1) * sizeof *first);
    for (size_t i = 0, at = 0; first && i < t->sequences; at += t->length[i++])
        first[i] = at;
    return first;
}

int assay_lm_sample(assay_lm *lm, const assay_lm_tokens *prompts,
    const assay_lm_sample_options *options, const assay_rng *rng, const assay_progress *progress,
    assay_lm_samples *out)
{
    *out = (assay_lm_samples){0};
    size_t total = 0;
    int status = check(lm, prompts, options, &total);
    if (status == ASSAY_OK && prompts->sequences > SIZE_MAX / 64 / options->n)
        status = assay_fail(ASSAY_ENOMEM, "lm: out of memory for samples");
    if (status == ASSAY_OK)
        status = make_samples(prompts->sequences * options->n, options->max_tokens, out);
    float *owned = NULL;
    const float *w = NULL;
    if (status == ASSAY_OK)
        status = see_weights(lm, &owned, &w);
    size_t *first = starts(prompts);
    if (status == ASSAY_OK && !first)
        status = assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu prompts", prompts->sequences);
    struct call call = {.lm = lm,
        .w = w,
        .prompts = prompts,
        .first = first,
        .options = options,
        .rng = rng,
        .progress = progress,
        .out = out,
        .threads = lm->threads};
    if (status == ASSAY_OK && lm->gemm == ASSAY_GEMM_BLAS)
        status = pack_weights(&call);
    if (status == ASSAY_OK)
        status = assay_threads_run(assay_shards_pool(lm->shards),
            (out->count + options->batch - 1) / options->batch, run_group, &call);
    free_packed(&call);
    free(first);
    free(owned);
    if (status != ASSAY_OK)
        assay_lm_samples_free(out);
    return status;
}
