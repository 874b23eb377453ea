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
    assay_lm_sizes size; /* of the network in use */
    int status;
    int cond; /* the embedded time, before its last use; -1: none */
};

enum { NONE = -1 };
#define NO_LORA SIZE_MAX, SIZE_MAX
enum { QKV, O, F1, F2 }; /* targets of adapters */

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

static int pick_rows(struct pass *p, assay_op_id op, int x, const int32_t *index, size_t n)
{
    assay_op_options o = defaults;
    o.labels = index;
    o.n_labels = n;
    return apply(p, op, x, NONE, NONE, &o);
}

static int columns(struct pass *p, int x, size_t first, size_t count)
{
    assay_op_options o = defaults;
    o.first = first;
    o.count = count;
    return apply(p, ASSAY_OP_SLICE, x, NONE, NONE, &o);
}

/* ---- weights of the network in use ---- */

/* The first `count` rows of each of `parts` equal parts of a matrix, and its first `cols` columns.
 */
static int matrix(struct pass *p, size_t index, size_t parts, size_t count, size_t cols)
{
    int value = parameter(p, index);
    if (value == NONE || p->status != ASSAY_OK)
        return value;
    const assay_tensor whole = assay_tape_value(p->tape, value);
    if (parts * count < whole.n[0]) {
        int32_t *row = assay_tape_alloc(p->tape, parts * count, sizeof *row);
        if (!row) {
            p->status = ASSAY_ENOMEM;
            return NONE;
        }
        for (size_t i = 0; i < parts * count; i++)
            row[i] = (int32_t)(i / count * (whole.n[0] / parts) + i % count);
        value = pick_rows(p, ASSAY_OP_GATHER, value, row, parts * count);
    }
    return cols < whole.n[1] ? columns(p, value, 0, cols) : value;
}

/* The same of a vector, which is one row. */
static int vector(struct pass *p, size_t index, size_t parts, size_t count)
{
    const int whole = parameter(p, index);
    if (whole == NONE || p->status != ASSAY_OK)
        return whole;
    const size_t n = assay_tape_value(p->tape, whole).n[0];
    if (parts * count == n)
        return whole;
    int value = columns(p, whole, 0, count);
    for (size_t i = 1; i < parts; i++)
        value = apply(
            p, ASSAY_OP_CONCAT, value, columns(p, whole, i * (n / parts), count), NONE, &defaults);
    return value;
}

/* A linear layer from the first `in` to the first `out` numbers of each of `parts`. */
struct layer {
    size_t weight, bias, parts, out, in;
    size_t lora_a, lora_b;
    bool quantised;
};

static bool is_quantised(const struct pass *p, unsigned target)
{
    return p->layout->quantised >> target & 1;
}

static int quantise(struct pass *p, int x, const assay_lm_quantiser *q)
{
    return q->on ? apply(p, ASSAY_OP_FAKEQUANT, x, NONE, NONE, &q->options) : x;
}

static int linear(struct pass *p, int x, struct layer l)
{
    assay_op_options o = defaults;
    const bool adapted = l.lora_a != SIZE_MAX;
    o.scale = adapted ? p->layout->lora_scale : 1;
    int w = matrix(p, l.weight, l.parts, l.out, l.in);
    const int b = vector(p, l.bias, l.parts, l.out);
    int down = NONE, up = NONE, value = NONE;
    if (l.quantised) {
        w = quantise(p, w, &p->layout->weights);
        x = quantise(p, x, &p->layout->inputs);
    }
    if (adapted && p->status == ASSAY_OK) {
        const size_t rank = assay_tape_value(p->tape, p->param[l.lora_a]).n[0];
        down = matrix(p, l.lora_a, 1, rank, l.in);
        up = matrix(p, l.lora_b, l.parts, l.out, rank);
    }
    if (p->status == ASSAY_OK)
        p->status = assay_tape_apply(
            p->tape, ASSAY_OP_LINEAR, (const int[]){x, w, b, down, up}, &o, &value);
    return value;
}

static int normalise(struct pass *p, int x, size_t gain, size_t bias)
{
    const bool centred = p->config->norm == ASSAY_LM_LAYERNORM;
    const int g = vector(p, gain, 1, p->size.d), b = vector(p, bias, 1, p->size.d);
    return apply(p, centred ? ASSAY_OP_LAYERNORM : ASSAY_OP_RMSNORM, x, g, b, &defaults);
}

static int drop(struct pass *p, int x)
{
    assay_op_options o = defaults;
    o.p = p->config->dropout;
    return o.p > 0 ? apply(p, ASSAY_OP_DROPOUT, x, NONE, NONE, &o) : x;
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
    x = linear(p, x,
        (struct layer){p->layout->time1, p->layout->time1_bias, 1, c->d, c->d, NO_LORA, false});
    x = apply(p, ASSAY_OP_SILU, x, NONE, NONE, &defaults);
    return linear(p, x,
        (struct layer){p->layout->time2, p->layout->time2_bias, 1, c->d, c->d, NO_LORA, false});
}

/* x (1 + scale) + shift, with scale and shift the columns of `mod` from `first` on */
static int modulate(struct pass *p, int x, int mod, size_t first)
{
    const size_t d = p->size.d;
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
    return drop(p, p->size.d < p->config->d ? columns(p, x, 0, p->size.d) : x);
}

static int attend(struct pass *p, int x, size_t layer)
{
    const assay_lm_config *c = p->config;
    const assay_lm_rows *r = p->rows;
    const assay_lm_block *b = &p->layout->block[layer];
    assay_op_options o = defaults;
    const size_t d = p->size.d, wide = p->size.heads * p->size.head_d;
    o.heads = p->size.heads;
    x = linear(p, x,
        (struct layer){
            b->qkv, b->qkv_bias, 3, wide, d, b->lora_a[QKV], b->lora_b[QKV], is_quantised(p, QKV)});
    if (c->pos == ASSAY_LM_ROPE) {
        o.labels = r->position;
        o.n_labels = r->rows;
        x = apply(p, ASSAY_OP_ROPE, x, NONE, NONE, &o);
    }
    o.lengths = r->length;
    o.n_lengths = r->sequences;
    o.causal = c->causal && !r->mask;
    o.blocks = r->mask ? 0 : c->block;
    o.attend = r->mask;
    o.attend_side = r->mask_side;
    o.cache = r->cache ? &r->cache[layer] : NULL;
    x = apply(p, ASSAY_OP_ATTENTION, x, NONE, NONE, &o);
    return linear(p, x,
        (struct layer){
            b->o, b->o_bias, 1, d, wide, b->lora_a[O], b->lora_b[O], is_quantised(p, O)});
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
    const size_t d = p->size.d, hidden = p->size.hidden;
    const size_t parts = p->config->act == ASSAY_LM_SWIGLU ? 2 : 1;
    x = linear(p, x,
        (struct layer){b->f1, b->f1_bias, parts, hidden, d, b->lora_a[F1], b->lora_b[F1],
            is_quantised(p, F1)});
    x = apply(p, acts[p->config->act], x, NONE, NONE, &defaults);
    return linear(p, x,
        (struct layer){
            b->f2, b->f2_bias, 1, d, hidden, b->lora_a[F2], b->lora_b[F2], is_quantised(p, F2)});
}

static int block(struct pass *p, int x, size_t layer)
{
    const assay_lm_config *c = p->config;
    const assay_lm_block *b = &p->layout->block[layer];
    int mod = NONE;
    if (c->cond == ASSAY_LM_ADALN) {
        mod = apply(p, ASSAY_OP_SILU, p->cond, NONE, NONE, &defaults);
        mod =
            linear(p, mod, (struct layer){b->mod, b->mod_bias, 4, p->size.d, c->d, NO_LORA, false});
        mod = spread(p, mod);
    }
    int y = normalise(p, x, b->ln1_gain, b->ln1_bias);
    y = attend(p, mod == NONE ? y : modulate(p, y, mod, 0), layer);
    x = apply(p, ASSAY_OP_ADD, x, drop(p, y), NONE, &defaults);
    y = normalise(p, x, b->ln2_gain, b->ln2_bias);
    y = feed_forward(p, mod == NONE ? y : modulate(p, y, mod, 2 * p->size.d), layer);
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
    struct pass p = {tape, config, layout, param, rows, assay_lm_sizes_of(config, layout),
        check_rows(config, rows), NONE};
    int x = embed(&p);
    if (values->features)
        values->features[0] = x;
    for (size_t i = 0; i < p.size.layers; i++) {
        x = block(&p, x, i);
        if (values->features)
            values->features[i + 1] = x;
    }
    x = normalise(&p, x, layout->lnf_gain, layout->lnf_bias);
    values->normed = pool(&p, x);
    const struct layer head = {layout->head, layout->head_bias, 1, assay_lm_outputs(config),
        p.size.d, NO_LORA, is_quantised(&p, ASSAY_LM_QUANTISED_HEAD)};
    values->logits = linear(&p, values->normed, head);
    return p.status;
}
