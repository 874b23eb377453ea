/* Adapters, sub-networks, frozen parameters; see adapters.h. */
#include "models/lm/adapters.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

const char *const assay_lm_target_names[ASSAY_LM_TARGETS + 1] = {"qkv", "o", "f1", "f2", NULL};

static size_t weight_of(const assay_lm_block *b, size_t target)
{
    const size_t weights[ASSAY_LM_TARGETS] = {b->qkv, b->o, b->f1, b->f2};
    return weights[target];
}

static void name_of(size_t layer, size_t target, size_t index, char factor, char *out)
{
    snprintf(out, ASSAY_PARAM_NAME, "block%u.%s.lora%u.%c", (unsigned)layer + 1,
        assay_lm_target_names[target], (unsigned)index + 1, factor);
}

/* ---- adding ---- */

static int add_factors(
    assay_lm *lm, size_t layer, size_t target, size_t index, const assay_rng *rng)
{
    char name[ASSAY_PARAM_NAME];
    const assay_lm_adapters *a = &lm->adapters;
    const assay_param *w = &lm->params.at[weight_of(&lm->layout.block[layer], target)];
    const size_t out = w->n[0], in = w->n[1], rank = a->rank;
    size_t at_a, at_b;
    const unsigned flags = ASSAY_PARAM_TRAINABLE | ASSAY_PARAM_DECAY;
    name_of(layer, target, index, 'A', name);
    int status = assay_params_add(&lm->params, name, 2, (const size_t[]){rank, in}, flags, &at_a);
    name_of(layer, target, index, 'B', name);
    if (status == ASSAY_OK)
        status = assay_params_add(&lm->params, name, 2, (const size_t[]){out, rank}, flags, &at_b);
    if (status != ASSAY_OK)
        return status;
    if (a->zero)
        assay_params_set(&lm->params, at_b, ASSAY_INIT_NORMAL, 1 / sqrt((double)rank), rng);
    else
        assay_params_set(&lm->params, at_a, ASSAY_INIT_NORMAL, 1 / sqrt((double)in), rng);
    return ASSAY_OK;
}

static int check(const assay_lm *lm, const assay_lm_adapters *a)
{
    if (lm->adapters.count > 0)
        return assay_fail(ASSAY_EINVAL, "lm: this model has adapters already");
    if (a->rank < 1 || a->rank > lm->config.d || a->count < 1 || a->count > 1 << 10)
        return assay_fail(ASSAY_EINVAL,
            "lm: rank must be in 1..%zu and count in 1..%d, got %zu and %zu", lm->config.d, 1 << 10,
            a->rank, a->count);
    if (!(isfinite(a->alpha)) || a->targets == 0 || a->targets >= 1U << ASSAY_LM_TARGETS)
        return assay_fail(ASSAY_EINVAL, "lm: alpha must be finite, targets some of qkv, o, f1, f2");
    return ASSAY_OK;
}

/* Moments of a training are as long as the parameters were. */
static void forget_training(assay_lm *lm)
{
    assay_training_free(&lm->training);
    assay_training_free(&lm->policy);
}

int assay_lm_add_adapters(assay_lm *lm, const assay_lm_adapters *adapters, uint64_t seed)
{
    const assay_rng root = assay_rng_seed(seed), rng = assay_rng_split_name(&root, "lora");
    int status = check(lm, adapters);
    if (status != ASSAY_OK)
        return status;
    size_t *active = malloc(lm->config.layers * sizeof *active);
    if (!active)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for adapters");
    lm->adapters = *adapters;
    lm->active = active;
    forget_training(lm);
    assay_params_flag(&lm->params, "*", ASSAY_PARAM_FROZEN, true);
    for (size_t layer = 0; layer < lm->config.layers; layer++)
        for (size_t target = 0; target < ASSAY_LM_TARGETS; target++)
            for (size_t i = 0; i < adapters->count && status == ASSAY_OK; i++)
                if (adapters->targets >> target & 1)
                    status = add_factors(lm, layer, target, i, &rng);
    lm->layout.lora_scale = adapters->alpha / (double)adapters->rank;
    return status == ASSAY_OK ? assay_lm_use_adapter(lm, SIZE_MAX, 0) : status;
}

/* ---- using ---- */

static int use_in_block(assay_lm *lm, size_t layer, size_t index)
{
    assay_lm_block *b = &lm->layout.block[layer];
    char name[ASSAY_PARAM_NAME];
    int status = ASSAY_OK;
    for (size_t target = 0; target < ASSAY_LM_TARGETS && status == ASSAY_OK; target++) {
        b->lora_a[target] = b->lora_b[target] = SIZE_MAX;
        if (!(lm->adapters.targets >> target & 1))
            continue;
        for (size_t i = 0; i < lm->adapters.count; i++) {
            name_of(layer, target, i, '?', name);
            assay_params_flag(&lm->params, name, ASSAY_PARAM_FROZEN, i != index);
        }
        if (index == SIZE_MAX)
            continue;
        name_of(layer, target, index, 'A', name);
        status = assay_params_find(&lm->params, name, &b->lora_a[target]);
        name_of(layer, target, index, 'B', name);
        if (status == ASSAY_OK)
            status = assay_params_find(&lm->params, name, &b->lora_b[target]);
    }
    lm->active[layer] = index;
    return status;
}

int assay_lm_use_adapter(assay_lm *lm, size_t layer, size_t index)
{
    if (lm->adapters.count == 0)
        return assay_fail(ASSAY_EINVAL, "lm: this model has no adapters");
    if (index != SIZE_MAX && index >= lm->adapters.count)
        return assay_fail(ASSAY_EINVAL, "lm: the adapter must be in 1..%zu, got %zu",
            lm->adapters.count, index + 1);
    if (layer != SIZE_MAX && layer >= lm->config.layers)
        return assay_fail(
            ASSAY_EINVAL, "lm: the layer must be in 1..%zu, got %zu", lm->config.layers, layer + 1);
    int status = ASSAY_OK;
    for (size_t i = 0; i < lm->config.layers && status == ASSAY_OK; i++)
        if (layer == SIZE_MAX || layer == i)
            status = use_in_block(lm, i, index);
    return status;
}

/* W += scale B A, then the factor that began as zero is zero again */
static void merge_layer(assay_lm *lm, size_t layer, size_t target)
{
    const assay_lm_block *b = &lm->layout.block[layer];
    if (b->lora_a[target] == SIZE_MAX)
        return;
    const assay_param *w = &lm->params.at[weight_of(b, target)];
    const assay_param *pa = &lm->params.at[b->lora_a[target]];
    const assay_param *pb = &lm->params.at[b->lora_b[target]];
    const assay_param *cleared = lm->adapters.zero ? pa : pb;
    float *base = lm->params.w;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)w->n[0], (int)w->n[1],
        (int)pa->n[0], (float)lm->layout.lora_scale, base + pb->off, (int)pa->n[0], base + pa->off,
        (int)w->n[1], 1, base + w->off, (int)w->n[1]);
    memset(base + cleared->off, 0, cleared->size * sizeof *base);
}

int assay_lm_merge(assay_lm *lm)
{
    if (lm->adapters.count == 0)
        return assay_fail(ASSAY_EINVAL, "lm: this model has no adapters");
    for (size_t layer = 0; layer < lm->config.layers; layer++)
        for (size_t target = 0; target < ASSAY_LM_TARGETS; target++)
            merge_layer(lm, layer, target);
    return assay_lm_use_adapter(lm, SIZE_MAX, SIZE_MAX);
}

/* ---- sub-networks, frozen parameters ---- */

int assay_lm_slice(assay_lm *lm, size_t d, size_t layers, size_t heads)
{
    const assay_lm_config *c = &lm->config;
    if (d > c->d || layers > c->layers || heads > c->heads)
        return assay_fail(ASSAY_EINVAL,
            "lm: a sub-network has at most d %zu, layers %zu and heads %zu, got %zu, %zu and %zu",
            c->d, c->layers, c->heads, d, layers, heads);
    lm->layout.sub_d = d == c->d ? 0 : d;
    lm->layout.sub_layers = layers == c->layers ? 0 : layers;
    lm->layout.sub_heads = heads == c->heads ? 0 : heads;
    return ASSAY_OK;
}

int assay_lm_freeze(assay_lm *lm, const char *pattern, bool frozen)
{
    return assay_params_flag(&lm->params, pattern, ASSAY_PARAM_FROZEN, frozen) > 0
               ? ASSAY_OK
               : assay_fail(ASSAY_ENOTFOUND, "lm: no parameter's name matches \"%s\"", pattern);
}
