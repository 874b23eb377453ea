/* Sizes, kinds and parameters of a transformer; see config.h. */
#include "models/lm/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

const char *const assay_lm_norm_names[] = {"layernorm", "rmsnorm", NULL};
const char *const assay_lm_act_names[] = {"gelu", "silu", "swiglu", "relu", NULL};
const char *const assay_lm_pos_names[] = {"learned", "rope", "none", NULL};
const char *const assay_lm_cond_names[] = {"none", "time", "adaln", NULL};
const char *const assay_lm_head_names[] = {"tokens", "classify", "regress", NULL};
const char *const assay_lm_pool_names[] = {"mean", "last", NULL};

static const struct {
    const char *name;
    size_t d, layers, heads;
} presets[] = {
    {"nano", 48, 1, 4},
    {"micro", 64, 2, 4},
    {"tiny", 128, 2, 4},
    {"small", 128, 4, 4},
    {"base", 256, 4, 8},
};

int assay_lm_preset(const char *name, assay_lm_config *config)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0) {
            config->d = presets[i].d;
            config->layers = presets[i].layers;
            config->heads = presets[i].heads;
            return ASSAY_OK;
        }
    return assay_fail(ASSAY_ENOTFOUND,
        "lm: there is no preset \"%s\" (there are: nano, micro, tiny, small, base)", name);
}

size_t assay_lm_hidden(const assay_lm_config *c)
{
    const double wide = c->mlp_ratio * (double)c->d;
    return c->act == ASSAY_LM_SWIGLU ? 8 * (size_t)ceil(wide * 2 / 3 / 8 - 1e-9)
                                     : (size_t)llround(wide);
}

size_t assay_lm_outputs(const assay_lm_config *c)
{
    return c->head == ASSAY_LM_TOKENS ? c->vocab : c->outputs;
}

assay_lm_sizes assay_lm_sizes_of(const assay_lm_config *c, const assay_lm_layout *l)
{
    assay_lm_config narrow = *c;
    narrow.d = l->sub_d ? l->sub_d : c->d;
    const size_t hidden = assay_lm_hidden(&narrow), whole = assay_lm_hidden(c);
    return (assay_lm_sizes){narrow.d, l->sub_layers ? l->sub_layers : c->layers,
        l->sub_heads ? l->sub_heads : c->heads, c->d / c->heads,
        hidden < 1       ? 1
        : hidden < whole ? hidden
                         : whole};
}

static int check_sizes(const assay_lm_config *c)
{
    const struct {
        const char *name;
        size_t value, most;
    } sizes[] = {{"vocab", c->vocab, 1 << 20}, {"d", c->d, 1 << 14}, {"layers", c->layers, 1 << 10},
        {"heads", c->heads, c->d}, {"ctx", c->ctx, 1 << 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].most)
            return assay_fail(ASSAY_EINVAL, "lm: %s must be in 1..%zu, got %zu", sizes[i].name,
                sizes[i].most, sizes[i].value);
    return ASSAY_OK;
}

int assay_lm_config_check(const assay_lm_config *c)
{
    const int status = check_sizes(c);
    if (status != ASSAY_OK)
        return status;
    if (c->d % c->heads != 0)
        return assay_fail(ASSAY_EINVAL, "lm: heads must divide d, %zu, got %zu", c->d, c->heads);
    if (c->pos == ASSAY_LM_ROPE && c->d / c->heads % 2 != 0)
        return assay_fail(ASSAY_EINVAL,
            "lm: rope turns pairs: d / heads must be even, got %zu / %zu", c->d, c->heads);
    if (c->cond != ASSAY_LM_NO_COND && (c->d < 4 || c->d % 2 != 0))
        return assay_fail(
            ASSAY_EINVAL, "lm: with a time input d must be even and at least 4, got %zu", c->d);
    if (c->causal && c->block > 0)
        return assay_fail(ASSAY_EINVAL, "lm: block needs causal = false");
    if (!(c->dropout >= 0 && c->dropout < 1))
        return assay_fail(
            ASSAY_EINVAL, "lm: dropout must be at least 0 and less than 1, got %g", c->dropout);
    if (!(c->mlp_ratio * (double)c->d >= 1 && c->mlp_ratio <= 64))
        return assay_fail(ASSAY_EINVAL, "lm: mlp_ratio must be in 1/d..64, got %g", c->mlp_ratio);
    if (c->head != ASSAY_LM_TOKENS && c->outputs < 1)
        return assay_fail(ASSAY_EINVAL, "lm: outputs must be at least 1, got %zu", c->outputs);
    if (c->head != ASSAY_LM_TOKENS && c->tie)
        return assay_fail(ASSAY_EINVAL, "lm: only a head of tokens can be tied");
    return ASSAY_OK;
}

/* ---- the table ---- */

enum { MATRIX = ASSAY_PARAM_TRAINABLE | ASSAY_PARAM_DECAY | ASSAY_PARAM_QUANT };

/* What is added to: the table, the prefix of the names, the first failure. */
struct adding {
    assay_params *params;
    char prefix[32];
    int status;
};

static size_t add(
    struct adding *to, const char *name, int rank, size_t rows, size_t cols, unsigned flags)
{
    char full[ASSAY_PARAM_NAME];
    size_t index = SIZE_MAX;
    snprintf(full, sizeof full, "%s%s", to->prefix, name);
    if (to->status == ASSAY_OK)
        to->status = assay_params_add(to->params, full, rank,
            rank == 1 ? &cols : (const size_t[]){rows, cols}, flags, &index);
    return index;
}

static size_t add_vector(struct adding *to, const char *name, size_t n, bool there)
{
    return there ? add(to, name, 1, 1, n, ASSAY_PARAM_TRAINABLE) : SIZE_MAX;
}

static size_t add_matrix(struct adding *to, const char *name, size_t rows, size_t cols)
{
    return add(to, name, 2, rows, cols, MATRIX);
}

static void add_block(struct adding *to, const assay_lm_config *c, assay_lm_block *b)
{
    const size_t hidden = assay_lm_hidden(c), d = c->d;
    const bool shift = c->bias && c->norm == ASSAY_LM_LAYERNORM;
    b->ln1_gain = add_vector(to, "ln1.gain", d, true);
    b->ln1_bias = add_vector(to, "ln1.bias", d, shift);
    b->qkv = add_matrix(to, "qkv.weight", 3 * d, d);
    b->qkv_bias = add_vector(to, "qkv.bias", 3 * d, c->bias);
    b->o = add_matrix(to, "o.weight", d, d);
    b->o_bias = add_vector(to, "o.bias", d, c->bias);
    b->ln2_gain = add_vector(to, "ln2.gain", d, true);
    b->ln2_bias = add_vector(to, "ln2.bias", d, shift);
    const size_t wide = c->act == ASSAY_LM_SWIGLU ? 2 * hidden : hidden;
    b->f1 = add_matrix(to, "f1.weight", wide, d);
    b->f1_bias = add_vector(to, "f1.bias", wide, c->bias);
    b->f2 = add_matrix(to, "f2.weight", d, hidden);
    b->f2_bias = add_vector(to, "f2.bias", d, c->bias);
    b->mod = b->mod_bias = SIZE_MAX;
    for (size_t i = 0; i < ASSAY_LM_TARGETS; i++)
        b->lora_a[i] = b->lora_b[i] = SIZE_MAX;
    if (c->cond == ASSAY_LM_ADALN) {
        b->mod = add_matrix(to, "mod.weight", 4 * d, d);
        b->mod_bias = add_vector(to, "mod.bias", 4 * d, true);
    }
}

static void add_time(struct adding *to, const assay_lm_config *c, assay_lm_layout *l)
{
    l->time1 = l->time1_bias = l->time2 = l->time2_bias = SIZE_MAX;
    if (c->cond == ASSAY_LM_NO_COND)
        return;
    l->time1 = add_matrix(to, "time1.weight", c->d, c->d);
    l->time1_bias = add_vector(to, "time1.bias", c->d, true);
    l->time2 = add_matrix(to, "time2.weight", c->d, c->d);
    l->time2_bias = add_vector(to, "time2.bias", c->d, true);
}

static void fill(assay_params *params, size_t index, float value)
{
    if (index == SIZE_MAX)
        return;
    const assay_param *p = &params->at[index];
    for (size_t i = 0; i < p->size; i++)
        params->w[p->off + i] = value;
}

static void set_gains(assay_params *params, const assay_lm_config *c, const assay_lm_layout *l)
{
    fill(params, l->lnf_gain, 1);
    for (size_t i = 0; i < c->layers; i++) {
        fill(params, l->block[i].ln1_gain, 1);
        fill(params, l->block[i].ln2_gain, 1);
    }
}

int assay_lm_parameters(const assay_lm_config *c, assay_params *params, assay_lm_layout *l)
{
    *l = (assay_lm_layout){0};
    int status = assay_lm_config_check(c);
    if (status != ASSAY_OK)
        return status;
    l->block = calloc(c->layers, sizeof *l->block);
    if (!l->block)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu layers", c->layers);
    struct adding to = {params, "", ASSAY_OK};
    const bool tokens = c->head == ASSAY_LM_TOKENS;
    l->wte = add(&to, "wte", 2, c->vocab, c->d, ASSAY_PARAM_TRAINABLE);
    l->wpe = c->pos == ASSAY_LM_LEARNED ? add(&to, "wpe", 2, c->ctx, c->d, ASSAY_PARAM_TRAINABLE)
                                        : SIZE_MAX;
    add_time(&to, c, l);
    for (size_t i = 0; i < c->layers; i++) {
        snprintf(to.prefix, sizeof to.prefix, "block%zu.", i + 1);
        add_block(&to, c, &l->block[i]);
    }
    to.prefix[0] = '\0';
    l->lnf_gain = add_vector(&to, "lnf.gain", c->d, true);
    l->lnf_bias = add_vector(&to, "lnf.bias", c->d, c->bias && c->norm == ASSAY_LM_LAYERNORM);
    l->head = c->tie ? l->wte : add_matrix(&to, "head.weight", assay_lm_outputs(c), c->d);
    l->head_bias = add_vector(&to, "head.bias", assay_lm_outputs(c), !tokens);
    if (to.status == ASSAY_OK)
        set_gains(params, c, l);
    else
        assay_lm_layout_free(l);
    return to.status;
}

void assay_lm_layout_free(assay_lm_layout *layout)
{
    free(layout->block);
    *layout = (assay_lm_layout){0};
}

static void draw(assay_params *params, size_t index, double scale, const assay_rng *rng)
{
    if (index != SIZE_MAX)
        assay_params_set(params, index, ASSAY_INIT_NORMAL, scale, rng);
}

void assay_lm_initialise(
    const assay_lm_config *c, const assay_lm_layout *l, assay_params *params, const assay_rng *rng)
{
    const double scale = 0.02, added = scale / sqrt(2 * (double)c->layers);
    const size_t plain[] = {l->wte, l->wpe, l->time1, l->time2, c->tie ? SIZE_MAX : l->head};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        draw(params, plain[i], scale, rng);
    for (size_t i = 0; i < c->layers; i++) {
        const assay_lm_block *b = &l->block[i];
        draw(params, b->qkv, scale, rng);
        draw(params, b->o, added, rng);
        draw(params, b->f1, scale, rng);
        draw(params, b->f2, added, rng);
        draw(params, b->mod, scale, rng);
    }
}

int assay_lm_count(const assay_lm_config *config, size_t *count)
{
    assay_params params = {0};
    assay_lm_layout layout;
    const int status = assay_lm_parameters(config, &params, &layout);
    *count = status == ASSAY_OK ? assay_params_size(&params) : 0;
    assay_lm_layout_free(&layout);
    assay_params_free(&params);
    return status;
}
