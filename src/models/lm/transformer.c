/* The forward pass; see transformer.h. Compiled in both precisions, as the engine is. */
#include "models/lm/transformer.h"

#include "core/status.h"

/* The pass in the making; after a failure every step does nothing. */
struct pass {
    assay_tape *tape;
    const assay_lm_config *config;
    const assay_lm_layout *layout;
    const int *param;
    const assay_lm_rows *rows;
    int status;
    int cond; /* the embedded time, before its last use; -1: none */
};

enum { NONE = -1 };

static const assay_op_options defaults = ASSAY_OP_DEFAULTS;

static int parameter(const struct pass *p, size_t index)
{
    return index == SIZE_MAX ? NONE : p->param[index];
}

static int apply(struct pass *p, assay_op_id op, int a, int b, int c, const assay_op_options *o)
{
    int value = NONE;
    if (p->status == ASSAY_OK)
        p->status = assay_tape_apply(p->tape, op, (const int[]){a, b, c, NONE, NONE}, o, &value);
    return value;
}

static int linear(struct pass *p, int x, size_t weight, size_t bias)
{
    const int w = parameter(p, weight), b = parameter(p, bias);
    return apply(p, ASSAY_OP_LINEAR, x, w, b, &defaults);
}

static int normalise(struct pass *p, int x, size_t gain, size_t bias)
{
    const bool centred = p->config->norm == ASSAY_LM_LAYERNORM;
    const int g = parameter(p, gain), b = parameter(p, bias);
    return apply(p, centred ? ASSAY_OP_LAYERNORM : ASSAY_OP_RMSNORM, x, g, b, &defaults);
}

static int drop(struct pass *p, int x)
{
    assay_op_options o = defaults;
    o.p = p->config->dropout;
    return o.p > 0 ? apply(p, ASSAY_OP_DROPOUT, x, NONE, NONE, &o) : x;
}

static int pick_rows(struct pass *p, assay_op_id op, int x, const int32_t *index, size_t n)
{
    assay_op_options o = defaults;
    o.labels = index;
    o.n_labels = n;
    return apply(p, op, x, NONE, NONE, &o);
}

/* ---- time ---- */

/* One row a sequence to one a row of the batch. */
static int spread(struct pass *p, int x)
{
    return p->rows->rows_apart ? x
                               : pick_rows(p, ASSAY_OP_GATHER, x, p->rows->owner, p->rows->rows);
}

/* silu(F(sin, cos of 1000 t)), whose linear images are what time does */
static int embed_time(struct pass *p)
{
    const assay_lm_rows *r = p->rows;
    const assay_lm_config *c = p->config;
    const size_t n = r->rows_apart ? r->rows : r->sequences;
    real *t = assay_tape_alloc(p->tape, n, sizeof *t);
    if (!t) {
        p->status = ASSAY_ENOMEM;
        return NONE;
    }
    for (size_t i = 0; i < n; i++)
        t[i] = (real)(1000 * r->time[r->rows_apart ? (size_t)r->owner[i] : i]);
    int x = NONE;
    if (p->status == ASSAY_OK)
        p->status = assay_tape_leaf(p->tape, &(assay_tensor){t, {n, 1}, 2}, NULL, &x);
    assay_op_options o = defaults;
    o.count = c->d;
    x = apply(p, ASSAY_OP_SINUSOIDAL, x, NONE, NONE, &o);
    x = linear(p, x, p->layout->time1, p->layout->time1_bias);
    x = apply(p, ASSAY_OP_SILU, x, NONE, NONE, &defaults);
    return linear(p, x, p->layout->time2, p->layout->time2_bias);
}

static int columns(struct pass *p, int x, size_t first, size_t count)
{
    assay_op_options o = defaults;
    o.first = first;
    o.count = count;
    return apply(p, ASSAY_OP_SLICE, x, NONE, NONE, &o);
}

/* x (1 + scale) + shift, with scale and shift the columns of `mod` from `first` on */
static int modulate(struct pass *p, int x, int mod, size_t first)
{
    const size_t d = p->config->d;
    const int scaled = apply(p, ASSAY_OP_MUL, x, columns(p, mod, first, d), NONE, &defaults);
    x = apply(p, ASSAY_OP_ADD, x, scaled, NONE, &defaults);
    return apply(p, ASSAY_OP_ADD, x, columns(p, mod, first + d, d), NONE, &defaults);
}

/* ---- blocks ---- */

static int embed(struct pass *p)
{
    const assay_lm_layout *l = p->layout;
    const assay_lm_rows *r = p->rows;
    int x = pick_rows(p, ASSAY_OP_EMBEDDING, parameter(p, l->wte), r->token, r->rows);
    if (l->wpe != SIZE_MAX) {
        const int at = pick_rows(p, ASSAY_OP_EMBEDDING, parameter(p, l->wpe), r->position, r->rows);
        x = apply(p, ASSAY_OP_ADD, x, at, NONE, &defaults);
    }
    if (p->config->cond != ASSAY_LM_NO_COND)
        p->cond = embed_time(p);
    if (p->config->cond == ASSAY_LM_TIME)
        x = apply(p, ASSAY_OP_ADD, x, spread(p, p->cond), NONE, &defaults);
    return drop(p, x);
}

static int attend(struct pass *p, int x, size_t layer)
{
    const assay_lm_config *c = p->config;
    const assay_lm_rows *r = p->rows;
    const assay_lm_block *b = &p->layout->block[layer];
    assay_op_options o = defaults;
    o.heads = c->heads;
    x = linear(p, x, b->qkv, b->qkv_bias);
    if (c->pos == ASSAY_LM_ROPE) {
        o.labels = r->position;
        o.n_labels = r->rows;
        x = apply(p, ASSAY_OP_ROPE, x, NONE, NONE, &o);
    }
    o.lengths = r->length;
    o.n_lengths = r->sequences;
    o.causal = c->causal && !r->mask;
    o.block = r->mask ? 0 : c->block;
    o.mask = r->mask;
    o.mask_side = r->mask_side;
    o.cache = r->cache ? &r->cache[layer] : NULL;
    x = apply(p, ASSAY_OP_ATTENTION, x, NONE, NONE, &o);
    return linear(p, x, b->o, b->o_bias);
}

static int feed_forward(struct pass *p, int x, size_t layer)
{
    static const assay_op_id acts[] = {
        [ASSAY_LM_GELU] = ASSAY_OP_GELU,
        [ASSAY_LM_SILU] = ASSAY_OP_SILU,
        [ASSAY_LM_SWIGLU] = ASSAY_OP_SWIGLU,
        [ASSAY_LM_RELU] = ASSAY_OP_RELU,
    };
    const assay_lm_block *b = &p->layout->block[layer];
    x = linear(p, x, b->f1, b->f1_bias);
    x = apply(p, acts[p->config->act], x, NONE, NONE, &defaults);
    return linear(p, x, b->f2, b->f2_bias);
}

static int block(struct pass *p, int x, size_t layer)
{
    const assay_lm_config *c = p->config;
    const assay_lm_block *b = &p->layout->block[layer];
    int mod = NONE;
    if (c->cond == ASSAY_LM_ADALN) {
        mod = apply(p, ASSAY_OP_SILU, p->cond, NONE, NONE, &defaults);
        mod = spread(p, linear(p, mod, b->mod, b->mod_bias));
    }
    int y = normalise(p, x, b->ln1_gain, b->ln1_bias);
    y = attend(p, mod == NONE ? y : modulate(p, y, mod, 0), layer);
    x = apply(p, ASSAY_OP_ADD, x, drop(p, y), NONE, &defaults);
    y = normalise(p, x, b->ln2_gain, b->ln2_bias);
    y = feed_forward(p, mod == NONE ? y : modulate(p, y, mod, 2 * c->d), layer);
    return apply(p, ASSAY_OP_ADD, x, drop(p, y), NONE, &defaults);
}

/* One row a sequence for heads that read sequences. */
static int pool(struct pass *p, int x)
{
    const assay_lm_rows *r = p->rows;
    const assay_lm_config *c = p->config;
    if (c->head == ASSAY_LM_TOKENS)
        return x;
    if (c->pool == ASSAY_LM_LAST)
        return pick_rows(p, ASSAY_OP_GATHER, x, r->last, r->sequences);
    assay_op_options o = defaults;
    o.lengths = r->length;
    o.n_lengths = r->sequences;
    return apply(p, ASSAY_OP_MEANROWS, x, NONE, NONE, &o);
}

/* ---- checks ---- */

static int check_rows(const assay_lm_config *c, const assay_lm_rows *r)
{
    size_t row = 0;
    for (size_t i = 0; i < r->sequences; i++)
        for (size_t j = 0; j < r->length[i]; j++, row++) {
            if (row >= r->rows || r->token[row] < 0 || (size_t)r->token[row] >= c->vocab)
                return assay_fail(ASSAY_EINVAL,
                    "lm: token %zu of sequence %zu must be in 0..%zu, got %d", j + 1, i + 1,
                    c->vocab - 1, row < r->rows ? (int)r->token[row] : -1);
            if (r->position[row] < 0 || (size_t)r->position[row] >= c->ctx)
                return assay_fail(ASSAY_EINVAL,
                    "lm: sequence %zu has position %d, the context is of %zu tokens", i + 1,
                    (int)r->position[row] + 1, c->ctx);
        }
    if (row == 0 || row != r->rows)
        return assay_fail(
            ASSAY_EINVAL, "lm: lengths must sum to the %zu rows, got %zu", r->rows, row);
    if (c->cond != ASSAY_LM_NO_COND && !r->time)
        return assay_fail(ASSAY_EINVAL, "lm: this model has a time input: times must be given");
    for (size_t i = 0; c->cond != ASSAY_LM_NO_COND && i < r->sequences; i++)
        if (!(r->time[i] >= 0 && r->time[i] <= 1))
            return assay_fail(ASSAY_EINVAL, "lm: time of sequence %zu must be in 0..1, got %g",
                i + 1, r->time[i]);
    return ASSAY_OK;
}

int assay_lm_forward(assay_tape *tape, const assay_lm_config *config, const assay_lm_layout *layout,
    const int *param, const assay_lm_rows *rows, assay_lm_values *values)
{
    struct pass p = {tape, config, layout, param, rows, check_rows(config, rows), NONE};
    int x = embed(&p);
    if (values->features)
        values->features[0] = x;
    for (size_t i = 0; i < config->layers; i++) {
        x = block(&p, x, i);
        if (values->features)
            values->features[i + 1] = x;
    }
    x = normalise(&p, x, layout->lnf_gain, layout->lnf_bias);
    values->normed = pool(&p, x);
    values->logits = linear(&p, values->normed, layout->head, layout->head_bias);
    return p.status;
}
