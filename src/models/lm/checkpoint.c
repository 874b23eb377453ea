/* Models in files; see checkpoint.h. */
#include "models/lm/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/lm/adapters.h"
#include "models/net/safetensors.h"

#define FORMAT "assay.lm"
enum { VERSION = 1, STATE = 3 };

static const char *const state_names[STATE] = {"opt.m", "opt.v", "average"};

/* ---- writing ---- */

static json_t *config_json(const assay_lm_config *c)
{
    return json_pack("{sI sI sI sI sI sb sI ss ss ss ss sb sb sf sf ss ss sI}", "vocab",
        (json_int_t)c->vocab, "d", (json_int_t)c->d, "layers", (json_int_t)c->layers, "heads",
        (json_int_t)c->heads, "ctx", (json_int_t)c->ctx, "causal", c->causal, "block",
        (json_int_t)c->block, "norm", assay_lm_norm_names[c->norm], "act",
        assay_lm_act_names[c->act], "pos", assay_lm_pos_names[c->pos], "cond",
        assay_lm_cond_names[c->cond], "tie", c->tie, "bias", c->bias, "dropout", c->dropout,
        "mlp_ratio", c->mlp_ratio, "head", assay_lm_head_names[c->head], "pool",
        assay_lm_pool_names[c->pool], "outputs", (json_int_t)c->outputs);
}

/* Numbers of adapters, of which block uses which (0: none), frozen ones by position, the
 * sub-network. */
static json_t *state_json(const assay_lm *lm)
{
    json_t *active = json_array(), *frozen = json_array();
    for (size_t i = 0; lm->active && i < lm->config.layers; i++)
        json_array_append_new(
            active, json_integer(lm->active[i] == SIZE_MAX ? 0 : (json_int_t)lm->active[i] + 1));
    for (size_t i = 0; i < lm->params.count; i++)
        if (lm->params.at[i].flags & ASSAY_PARAM_FROZEN)
            json_array_append_new(frozen, json_integer((json_int_t)i));
    const assay_lm_adapters *a = &lm->adapters;
    return json_pack("{sI sI sf sI sb so so sI sI sI sI}", "rank", (json_int_t)a->rank, "count",
        (json_int_t)a->count, "alpha", a->alpha, "targets", (json_int_t)a->targets, "zero", a->zero,
        "active", active, "frozen", frozen, "sub_d", (json_int_t)lm->layout.sub_d, "sub_layers",
        (json_int_t)lm->layout.sub_layers, "sub_heads", (json_int_t)lm->layout.sub_heads, "step",
        (json_int_t)lm->training.step);
}

/* The vocabulary's bytes in hexadecimal. */
static void symbols_of(const assay_vocab *vocab, char *out)
{
    *out = '\0';
    for (size_t i = ASSAY_VOCAB_SPECIALS; i < vocab->size; i++, out += 2)
        snprintf(out, 3, "%02x", vocab->symbol[i]);
}

static size_t sources_of(const assay_lm *lm, assay_tensor_source *tensors)
{
    size_t n = 0;
    const float *const state[STATE] = {lm->training.m, lm->training.v, lm->training.average};
    for (size_t i = 0; i < lm->params.count; i++) {
        const assay_param *p = &lm->params.at[i];
        tensors[n++] = (assay_tensor_source){p->name, p->rank, p->n, lm->params.w + p->off};
    }
    for (int i = 0; i < STATE; i++)
        if (state[i])
            tensors[n++] = (assay_tensor_source){state_names[i], 1, &lm->params.length, state[i]};
    return n;
}

int assay_lm_encode(const assay_lm *lm, unsigned char **bytes, size_t *size)
{
    char version[8], symbols[2 * ASSAY_VOCAB_MAX + 1];
    json_t *config = config_json(&lm->config), *state = state_json(lm);
    char *config_text = config ? json_dumps(config, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    char *state_text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    assay_tensor_source *tensors = calloc(lm->params.count + STATE, sizeof *tensors);
    int status = config_text && state_text && tensors
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "lm: out of memory for a checkpoint");
    snprintf(version, sizeof version, "%d", VERSION);
    symbols_of(&lm->vocab, symbols);
    if (status == ASSAY_OK) {
        const assay_metadata_source metadata[] = {{"format", FORMAT}, {"version", version},
            {"architecture", config_text}, {"state", state_text}, {"vocabulary", symbols}};
        status = assay_safetensors_encode(tensors, sources_of(lm, tensors), metadata,
            sizeof metadata / sizeof *metadata, bytes, size);
    }
    json_decref(config);
    json_decref(state);
    free(config_text);
    free(state_text);
    free(tensors);
    return status;
}

int assay_lm_save(const assay_lm *lm, const char *path)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    int status = assay_lm_encode(lm, &bytes, &size);
    if (status == ASSAY_OK)
        status = assay_safetensors_write(path, bytes, size);
    free(bytes);
    return status;
}

/* ---- reading: everything in a file is checked before it is believed ---- */

/* A description that is being read: the first failure stays. */
struct fields {
    const json_t *object;
    const char *what;
    int status;
};

static json_t *field(struct fields *f, const char *key)
{
    json_t *value = json_object_get(f->object, key);
    if (!value && f->status == ASSAY_OK)
        f->status = assay_fail(ASSAY_EFORMAT, "%s: the metadata lacks \"%s\"", f->what, key);
    return value;
}

static size_t whole(struct fields *f, const char *key)
{
    const json_t *value = field(f, key);
    const json_int_t x = json_integer_value(value);
    if (f->status == ASSAY_OK && (!json_is_integer(value) || x < 0 || x > (json_int_t)1 << 40))
        f->status = assay_fail(
            ASSAY_EFORMAT, "%s: the metadata's \"%s\" is no number of its kind", f->what, key);
    return f->status == ASSAY_OK ? (size_t)x : 0;
}

static double number(struct fields *f, const char *key)
{
    const json_t *value = field(f, key);
    if (f->status == ASSAY_OK && !json_is_number(value))
        f->status =
            assay_fail(ASSAY_EFORMAT, "%s: the metadata's \"%s\" is no number", f->what, key);
    return json_number_value(value);
}

static bool truth(struct fields *f, const char *key)
{
    return json_is_true(field(f, key));
}

static int choice(struct fields *f, const char *key, const char *const *names)
{
    const char *text = json_string_value(field(f, key));
    for (int i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    if (f->status == ASSAY_OK)
        f->status = assay_fail(
            ASSAY_EFORMAT, "%s: the metadata's \"%s\" is none of its kinds", f->what, key);
    return 0;
}

static void read_config(struct fields *f, assay_lm_config *c)
{
    *c = (assay_lm_config){.vocab = whole(f, "vocab"),
        .d = whole(f, "d"),
        .layers = whole(f, "layers"),
        .heads = whole(f, "heads"),
        .ctx = whole(f, "ctx"),
        .causal = truth(f, "causal"),
        .block = whole(f, "block"),
        .norm = (assay_lm_norm)choice(f, "norm", assay_lm_norm_names),
        .act = (assay_lm_act)choice(f, "act", assay_lm_act_names),
        .pos = (assay_lm_pos)choice(f, "pos", assay_lm_pos_names),
        .cond = (assay_lm_cond)choice(f, "cond", assay_lm_cond_names),
        .tie = truth(f, "tie"),
        .bias = truth(f, "bias"),
        .dropout = number(f, "dropout"),
        .mlp_ratio = number(f, "mlp_ratio"),
        .head = (assay_lm_head)choice(f, "head", assay_lm_head_names),
        .pool = (assay_lm_pool)choice(f, "pool", assay_lm_pool_names),
        .outputs = whole(f, "outputs")};
}

/* A model can't have more parameters than the file has numbers, whatever its description says. */
static int check_size(const assay_safetensors *s, const char *what, const assay_lm_config *c)
{
    double numbers = 0;
    int status = assay_lm_config_check(c);
    if (status != ASSAY_OK)
        return assay_fail(ASSAY_EFORMAT, "%s: its description is of no model", what);
    for (size_t i = 0; i < s->count; i++)
        numbers += (double)s->at[i].count;
    const double d = (double)c->d;
    const double least = (double)c->layers * 4 * d * d + (double)c->vocab * d +
                         (c->pos == ASSAY_LM_LEARNED ? (double)c->ctx * d : 0);
    return numbers >= least
               ? ASSAY_OK
               : assay_fail(ASSAY_EFORMAT, "%s: holds %.0f numbers, its model at least %.0f", what,
                     numbers, least);
}

static int read_symbols(const char *text, const char *what, size_t size, assay_vocab *vocab)
{
    *vocab = (assay_vocab){0};
    const size_t n = text ? strlen(text) : 0;
    if (n == 0)
        return ASSAY_OK;
    if (n % 2 != 0 || n / 2 + ASSAY_VOCAB_SPECIALS != size || size > ASSAY_VOCAB_MAX)
        return assay_fail(ASSAY_EFORMAT, "%s: its vocabulary is not of %zu tokens", what, size);
    *vocab = assay_vocab_specials();
    for (size_t i = 0; i < n / 2; i++) {
        unsigned byte = 256;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1 || byte > 255 || vocab->token[byte] >= 0)
            return assay_fail(ASSAY_EFORMAT, "%s: its vocabulary is malformed", what);
        assay_vocab_append(vocab, (unsigned char)byte);
    }
    return ASSAY_OK;
}

static int add_adapters(struct fields *f, assay_lm *lm)
{
    const assay_lm_adapters a = {.rank = whole(f, "rank"),
        .count = whole(f, "count"),
        .alpha = number(f, "alpha"),
        .targets = (unsigned)whole(f, "targets"),
        .zero = truth(f, "zero")};
    const json_t *active = field(f, "active");
    if (f->status != ASSAY_OK || a.count == 0)
        return f->status;
    int status = assay_lm_add_adapters(lm, &a, 0);
    if (status == ASSAY_OK && json_array_size(active) != lm->config.layers)
        status = assay_fail(ASSAY_EFORMAT, "%s: its adapters are malformed", f->what);
    for (size_t i = 0; i < lm->config.layers && status == ASSAY_OK; i++) {
        const json_int_t index = json_integer_value(json_array_get(active, i));
        status = assay_lm_use_adapter(lm, i, index > 0 ? (size_t)index - 1 : SIZE_MAX);
    }
    return status == ASSAY_EINVAL
               ? assay_fail(ASSAY_EFORMAT, "%s: its adapters are malformed", f->what)
               : status;
}

static int read_training(
    const assay_safetensors *s, struct fields *f, assay_lm *lm, size_t *tensors)
{
    float **const state[STATE] = {&lm->training.m, &lm->training.v, &lm->training.average};
    int status = ASSAY_OK;
    const uint64_t step = whole(f, "step");
    for (int i = 0; i < STATE && status == ASSAY_OK; i++) {
        if (!assay_safetensors_find(s, state_names[i]))
            continue;
        status = assay_params_buffer(&lm->params, state[i]);
        if (status == ASSAY_OK)
            status = assay_safetensors_floats(
                s, f->what, state_names[i], 1, &lm->params.length, *state[i]);
        ++*tensors;
    }
    if (step > 0)
        lm->training.params = &lm->params;
    lm->training.step = step;
    return status == ASSAY_OK ? f->status : status;
}

static int fill(const assay_safetensors *s, struct fields *f, assay_lm *lm)
{
    int status = add_adapters(f, lm);
    size_t tensors = lm->params.count;
    const json_t *frozen = field(f, "frozen");
    for (size_t i = 0; i < lm->params.count && status == ASSAY_OK; i++) {
        const assay_param *p = &lm->params.at[i];
        status =
            assay_safetensors_floats(s, f->what, p->name, p->rank, p->n, lm->params.w + p->off);
        lm->params.at[i].flags &= ~(unsigned)ASSAY_PARAM_FROZEN;
    }
    for (size_t i = 0; i < json_array_size(frozen) && status == ASSAY_OK; i++) {
        const json_int_t at = json_integer_value(json_array_get(frozen, i));
        if (at >= 0 && (size_t)at < lm->params.count)
            lm->params.at[at].flags |= ASSAY_PARAM_FROZEN;
    }
    if (status == ASSAY_OK)
        status =
            assay_lm_slice(lm, whole(f, "sub_d"), whole(f, "sub_layers"), whole(f, "sub_heads"));
    if (status == ASSAY_OK)
        status = read_training(s, f, lm, &tensors);
    return status != ASSAY_OK    ? status
           : tensors == s->count ? ASSAY_OK
                                 : assay_fail(ASSAY_EFORMAT, "%s: has %zu tensors, its model %zu",
                                       f->what, s->count, tensors);
}

static int check_format(const assay_safetensors *s, const char *what)
{
    const char *format = assay_safetensors_metadata(s, "format");
    const char *version = assay_safetensors_metadata(s, "version");
    if (!format || strcmp(format, FORMAT) != 0 || !version)
        return assay_fail(ASSAY_EFORMAT,
            "%s: holds no language model (its format is \"%.64s\", not " FORMAT ")", what,
            format ? format : "");
    const long number = strtol(version, NULL, 10);
    if (number > VERSION)
        return assay_fail(ASSAY_EVERSION, "%s: written by a newer version (%ld)", what, number);
    return ASSAY_OK;
}

static int decode(const assay_safetensors *s, const char *what, void *model)
{
    assay_lm **const out = model;
    int status = check_format(s, what);
    if (status != ASSAY_OK)
        return status;
    const char *architecture = assay_safetensors_metadata(s, "architecture");
    const char *state = assay_safetensors_metadata(s, "state");
    struct fields f = {json_loads(architecture ? architecture : "", 0, NULL), what, ASSAY_OK};
    struct fields g = {json_loads(state ? state : "", 0, NULL), what, ASSAY_OK};
    assay_lm_config config;
    read_config(&f, &config);
    status = f.status == ASSAY_OK ? check_size(s, what, &config) : f.status;
    if (status == ASSAY_OK)
        status = assay_lm_new(&config, 0, 1, out);
    if (status == ASSAY_OK)
        status = read_symbols(
            assay_safetensors_metadata(s, "vocabulary"), what, config.vocab, &(*out)->vocab);
    if (status == ASSAY_OK)
        status = fill(s, &g, *out);
    json_decref((json_t *)f.object);
    json_decref((json_t *)g.object);
    if (status != ASSAY_OK) {
        assay_lm_free(*out);
        *out = NULL;
    }
    return status;
}

int assay_lm_decode(const void *bytes, size_t size, const char *what, assay_lm **out)
{
    *out = NULL;
    return assay_safetensors_decode(bytes, size, what, decode, out);
}

int assay_lm_load(const char *path, assay_lm **out)
{
    *out = NULL;
    return assay_safetensors_load(path, decode, out);
}
