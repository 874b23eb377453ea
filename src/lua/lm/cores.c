/*
 * assay.lm.pick, pg_loss and check: the deterministic cores, for tests and teaching.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/lm/lm.h"
#include "lua/report.h"
#include "models/lm/pick.h"
#include "models/lm/train.h"
#include "models/net/gradcheck.h"
#include "models/net/policy.h"

/* ---- pick ---- */

/* pick(logits [, {temperature=1, top_k=0, top_p=1, min_p=0, u=}]) */
static int pick(lua_State *L)
{
    static const char *const known[] = {"temperature", "top_k", "top_p", "min_p", "u", NULL};
    assay_opts_check(L, 2, known);
    assay_pick_options o = ASSAY_PICK_DEFAULTS;
    o.temperature = assay_opt_number(L, 2, "temperature", 1, 0, ASSAY_FINITE);
    o.top_k = (size_t)assay_opt_integer(L, 2, "top_k", 0, 0, INT32_MAX);
    o.top_p = assay_opt_number(L, 2, "top_p", 1, ASSAY_POSITIVE, 1);
    o.min_p = assay_opt_number(L, 2, "min_p", 0, 0, 1);
    const double u = assay_opt_number(L, 2, "u", NAN, 0, ASSAY_BELOW_1);
    if (isnan(u) && o.temperature > 0)
        assay_arg_error(L, "u must be given (temperature 0 needs none)");
    size_t n = 0;
    const double *logits = assay_arg_vector(L, 1, "logits", &n);
    assay_picked picked;
    assay_arg_status(L, assay_lm_pick(logits, n, &o, isnan(u) ? 0 : u, &picked));
    lua_newtable(L);
    assay_set_integer(L, "token", (int64_t)picked.token);
    assay_set_number(L, "logp_policy", picked.logp_policy);
    assay_set_number(L, "logp_model", picked.logp_model);
    assay_set_number(L, "entropy", picked.entropy);
    return 1;
}

/* ---- pg_loss ---- */

static assay_matrix same_shape(lua_State *L, int at, const char *name, assay_matrix like)
{
    const assay_matrix m = assay_arg_matrix(L, at, name);
    if (m.rows != like.rows || m.cols != like.cols)
        assay_arg_error(L, "%s must be %zu x %zu as logp is, got %zu x %zu", name, like.rows,
            like.cols, m.rows, m.cols);
    return m;
}

static bool is_vector(lua_State *L, int at)
{
    if (!lua_istable(L, at))
        return false;
    const bool number = lua_rawgeti(L, at, 1) == LUA_TNUMBER;
    lua_pop(L, 1);
    return number;
}

/* pg_loss(logp, old, mask, advantage [, {clip=, clip_high=clip, kl=0, ref=, norm="tokens",
 * constant=}]): matrices of sequences by tokens; advantage a number a sequence, or a matrix */
static int pg_loss(lua_State *L)
{
    static const char *const known[] = {"clip", "clip_high", "kl", "ref", "norm", "constant", NULL};
    static const char *const divisors[] = {"tokens", "sequences", "constant", NULL};
    enum { AT = 5 };
    assay_opts_check(L, AT, known);
    const assay_matrix logp = assay_arg_matrix(L, 1, "logp");
    const assay_matrix old = same_shape(L, 2, "old", logp), mask = same_shape(L, 3, "mask", logp);
    assay_policy_token t = {0};
    t.clip = assay_opt_number(L, AT, "clip", INFINITY, 0, INFINITY);
    t.clip_high = assay_opt_number(L, AT, "clip_high", t.clip, 0, INFINITY);
    t.kl = assay_opt_number(L, AT, "kl", 0, 0, ASSAY_FINITE);
    const int divisor = assay_opt_choice(L, AT, "norm", 0, divisors);
    const double constant = assay_opt_number(
        L, AT, "constant", logp.cols > 0 ? (double)logp.cols : 1, ASSAY_POSITIVE, ASSAY_FINITE);
    assay_matrix reference = logp;
    if (assay_opt_push(L, AT, "ref"))
        reference = same_shape(L, lua_gettop(L), "ref", logp);
    else if (t.kl > 0)
        assay_arg_error(L, "kl needs ref, the reference's log-probabilities");
    const bool each_sequence = is_vector(L, 4);
    size_t n = logp.rows;
    const double *one = each_sequence ? assay_arg_vector(L, 4, "advantage", &n) : NULL;
    const assay_matrix each = each_sequence ? logp : same_shape(L, 4, "advantage", logp);
    if (n != logp.rows)
        assay_arg_error(
            L, "advantage must have a number for each of %zu sequences, got %zu", logp.rows, n);
    const size_t cells = logp.rows * logp.cols;
    size_t *length = assay_lua_scratch(L, logp.rows + 1, sizeof *length);
    unsigned char *counts = assay_lua_scratch(L, cells + 1, 1);
    double *weight = assay_lua_doubles(L, cells + 1);
    for (size_t i = 0; i < logp.rows; i++)
        length[i] = logp.cols;
    for (size_t k = 0; k < cells; k++)
        counts[k] = *assay_matrix_at(&mask, k / logp.cols, k % logp.cols) != 0;
    assay_arg_status(L, assay_lm_policy_weights((assay_lm_divisor)divisor, constant, logp.rows,
                            length, counts, weight));
    lua_newtable(L);
    const assay_matrix slopes = assay_push_matrix(L, logp.rows, logp.cols);
    double loss = 0;
    for (size_t k = 0; k < cells; k++) {
        const size_t i = k / logp.cols, j = k % logp.cols;
        if (!counts[k])
            continue;
        double slope;
        t.logp = *assay_matrix_at(&logp, i, j);
        t.old = *assay_matrix_at(&old, i, j);
        t.reference = *assay_matrix_at(&reference, i, j);
        t.advantage = one ? one[i] : *assay_matrix_at(&each, i, j);
        loss += weight[k] * assay_policy_loss(&t, &slope);
        *assay_matrix_at(&slopes, i, j) = weight[k] * slope;
    }
    lua_setfield(L, -2, "dlogp");
    assay_set_number(L, "loss", loss);
    return 1;
}

/* ---- check ---- */

/* A model, weights in double, a batch: of assay.lm.check. */
struct checked {
    assay_lm *lm;
    assay_lua_tokens tokens;
    assay_lm_objective objective;
    double *w, *grad, *logits, loss, scale;
};

/* The name in `params`: as in the table; blocks of a model of one layer go by their bare names. */
static const char *bare_name(const assay_lm *lm, const assay_param *p)
{
    return lm->config.layers == 1 && strncmp(p->name, "block1.", 7) == 0 ? p->name + 7 : p->name;
}

static void read_parameter(lua_State *L, int table, struct checked *c, const assay_param *p)
{
    const int top = lua_gettop(L);
    const char *name = bare_name(c->lm, p);
    if (lua_getfield(L, table, name) == LUA_TNIL)
        assay_arg_error(L, "params.%s must be given", name);
    if (p->rank == 1) {
        size_t n = 0;
        const double *x = assay_arg_vector(L, top + 1, name, &n);
        if (n != p->size)
            assay_arg_error(L, "params.%s has %zu numbers, got %zu", name, p->size, n);
        memcpy(c->w + p->off, x, n * sizeof *x);
    } else {
        const assay_matrix m = assay_arg_matrix(L, top + 1, name);
        if (m.rows != p->n[0] || m.cols != p->n[1])
            assay_arg_error(
                L, "params.%s is %zu x %zu, got %zu x %zu", name, p->n[0], p->n[1], m.rows, m.cols);
        for (size_t i = 0; i < p->size; i++)
            c->w[p->off + i] = *assay_matrix_at(&m, i / m.cols, i % m.cols);
    }
    lua_settop(L, top);
}

/* params, or the initial ones of option seed. */
static void read_parameters(lua_State *L, struct checked *c)
{
    const assay_params *params = &c->lm->params;
    c->w = assay_lua_doubles(L, params->length);
    for (size_t i = 0; i < params->length; i++)
        c->w[i] = (double)params->w[i];
    if (!assay_opt_push(L, 1, "params"))
        return;
    const int table = lua_gettop(L);
    const char **known = assay_lua_scratch(L, params->count + 1, sizeof *known);
    for (size_t i = 0; i < params->count; i++)
        known[i] = bare_name(c->lm, &params->at[i]);
    known[params->count] = NULL;
    assay_opts_check(L, table, known);
    for (size_t i = 0; i < params->count; i++)
        read_parameter(L, table, c, &params->at[i]);
}

/* targets: a label a token, -1 ignored. They may be below 0, so not tokens. */
static void read_targets(lua_State *L, struct checked *c)
{
    const size_t total = c->tokens.total;
    assay_opt_push(L, 1, "targets");
    const double *x = assay_arg_of_tokens(L, lua_gettop(L), "targets", &c->tokens, -1);
    int32_t *label = assay_lua_scratch(L, total + 1, sizeof *label);
    size_t counted = 0;
    for (size_t i = 0; i < total; i++) {
        if (!(x[i] >= -1 && x[i] < (double)c->lm->config.vocab && x[i] == floor(x[i])))
            assay_arg_error(L, "targets must be tokens or -1, got %.14g", x[i]);
        label[i] = (int32_t)x[i];
        counted += label[i] >= 0;
    }
    if (counted == 0)
        assay_arg_error(L, "targets are all -1: no token counts");
    c->objective.label = label;
    c->scale = 1 / (double)counted;
}

static void read_batch(lua_State *L, struct checked *c)
{
    if (!assay_opt_push(L, 1, "tokens"))
        assay_arg_error(L, "tokens must be given");
    assay_arg_tokens(L, lua_gettop(L), "tokens", c->lm, &c->tokens);
    int32_t *position = assay_lua_scratch(L, c->tokens.total + 1, sizeof *position);
    for (size_t i = 0, row = 0; i < c->tokens.tokens.sequences; i++) {
        if (c->tokens.tokens.length[i] < 1)
            assay_arg_error(L, "tokens: sequence %zu is empty", i + 1);
        for (size_t j = 0; j < c->tokens.tokens.length[i]; j++)
            position[row++] = (int32_t)j;
    }
    c->objective = (assay_lm_objective){.config = &c->lm->config,
        .layout = &c->lm->layout,
        .goal = ASSAY_LM_CE,
        .sequences = c->tokens.tokens.sequences,
        .rows = c->tokens.total,
        .length = c->tokens.tokens.length,
        .token = c->tokens.tokens.token,
        .position = position};
    if (assay_opt_push(L, 1, "time"))
        c->objective.time =
            assay_arg_vector_of(L, lua_gettop(L), "time", c->tokens.tokens.sequences);
    if (assay_opt_push(L, 1, "attend")) {
        const assay_matrix m = assay_arg_matrix(L, lua_gettop(L), "attend");
        unsigned char *mask = assay_lua_scratch(L, m.rows * m.cols + 1, 1);
        for (size_t i = 0; i < m.rows * m.cols; i++)
            mask[i] = *assay_matrix_at(&m, i / m.cols, i % m.cols) != 0;
        c->objective.mask = mask;
        c->objective.mask_side = m.rows < m.cols ? m.rows : m.cols;
    }
    read_targets(L, c);
}

static void push_parameter(lua_State *L, const double *x, const assay_param *p)
{
    if (p->rank == 1) {
        assay_push_vector(L, x, p->size);
        return;
    }
    const assay_matrix m = assay_push_matrix(L, p->n[0], p->size / p->n[0]);
    memcpy(m.data, x, p->size * sizeof *x);
}

/* What a one-look comparison of gradients asks for: all of the embedding's, grad_wte, and the first
 * row of the first block's qkv, grad_qkv_row1. The table is on top. */
static void set_gradient_extract(lua_State *L, const struct checked *c)
{
    const assay_params *params = &c->lm->params;
    size_t wte = 0, qkv = 0;
    assay_arg_status(L, assay_params_find(params, "wte", &wte));
    assay_arg_status(L, assay_params_find(params, "block1.qkv.weight", &qkv));
    push_parameter(L, c->grad + params->at[wte].off, &params->at[wte]);
    lua_setfield(L, -2, "grad_wte");
    assay_push_vector(L, c->grad + params->at[qkv].off, params->at[qkv].n[1]);
    lua_setfield(L, -2, "grad_qkv_row1");
}

static void push_check(lua_State *L, const struct checked *c)
{
    const assay_params *params = &c->lm->params;
    lua_newtable(L);
    assay_set_number(L, "loss", c->loss);
    const size_t first = c->tokens.tokens.sequences > 0 ? c->tokens.tokens.length[0] : 0;
    const assay_matrix m = assay_push_matrix(L, first, c->lm->config.vocab);
    memcpy(m.data, c->logits, first * c->lm->config.vocab * sizeof *m.data);
    lua_setfield(L, -2, "logits");
    lua_newtable(L);
    lua_newtable(L);
    for (size_t i = 0; i < params->count; i++) {
        const assay_param *p = &params->at[i];
        double sum = 0;
        for (size_t k = 0; k < p->size; k++)
            sum += c->grad[p->off + k] * c->grad[p->off + k];
        lua_pushnumber(L, sqrt(sum));
        lua_setfield(L, -3, bare_name(c->lm, p));
        push_parameter(L, c->grad + p->off, p);
        lua_setfield(L, -2, bare_name(c->lm, p));
    }
    lua_setfield(L, -3, "grad");
    lua_setfield(L, -2, "grad_norm");
    set_gradient_extract(L, c);
}

/* The largest error of the gradient against central differences, over `most` numbers of each
 * parameter; see net/gradcheck.h. */
static void set_differences(lua_State *L, const struct checked *c, size_t most)
{
    const int top = lua_gettop(L);
    assay_gradcheck_result result;
    assay_params *params = &c->lm->params;
    for (size_t i = 0; i < params->length; i++)
        params->w[i] = (float)c->w[i];
    const assay_batch batch = {
        .examples = c->objective.sequences, .rows = c->objective.length, .scale = c->scale};
    assay_lua_report report;
    assay_lua_report_begin(L, 1, &report);
    assay_lua_report_end(
        &report, assay_gradcheck(params, assay_lm_build, assay_lm_build_double,
                     (void *)&c->objective, &batch, 1e-5, most, &report.progress, &result));
    lua_settop(L, top);
    assay_set_number(L, "differences", result.differences);
    assay_set_number(L, "single", result.single);
    assay_set_text(L, "worst", params->at[result.worst].name);
}

/* check{config=, params=, tokens=, targets=, precision="double", seed=0, time=, attend=,
 * differences=, progress=}: a forward and backward pass; grad_norm and grad by parameter, grad_wte,
 * grad_qkv_row1 */
static int check(lua_State *L)
{
    static const char *const known[] = {"config", "params", "tokens", "targets", "precision",
        "seed", "time", "attend", "differences", "progress", NULL};
    static const char *const config_options[] = {ASSAY_LM_CONFIG_OPTIONS, NULL};
    static const char *const precisions[] = {"double", "single", NULL};
    assay_opts_check(L, 1, known);
    luaL_checkstack(L, 64, NULL);
    if (!assay_opt_push(L, 1, "config") || !lua_istable(L, -1))
        assay_arg_error(L, "config must be a table");
    struct checked c = {0};
    assay_lm_config config;
    assay_vocab vocab;
    const int config_at = lua_gettop(L);
    assay_opts_check(L, config_at, config_options);
    assay_opt_lm_config(L, config_at, &config, &vocab);
    const int precision = assay_opt_choice(L, 1, "precision", 0, precisions);
    const uint64_t seed = (uint64_t)assay_opt_integer(L, 1, "seed", 0, INT64_MIN, INT64_MAX);
    assay_lm **slot = assay_push_lm(L);
    assay_arg_status(L, assay_lm_new(&config, seed, 1, slot));
    c.lm = *slot;
    c.lm->vocab = vocab;
    read_parameters(L, &c);
    read_batch(L, &c);
    c.grad = assay_lua_doubles(L, c.lm->params.length);
    c.logits = assay_lua_doubles(L, c.tokens.total * config.vocab + 1);
    assay_arg_status(L, (precision == 0 ? assay_lm_evaluate_double : assay_lm_evaluate)(
                            &c.lm->params, &c.objective, c.w, c.scale, &c.loss, c.grad, c.logits));
    push_check(L, &c);
    const int64_t most = assay_opt_integer(L, 1, "differences", 0, 1, INT32_MAX);
    if (most > 0)
        set_differences(L, &c, (size_t)most);
    return 1;
}

const luaL_Reg assay_lm_cores[] = {
    {"pick", pick},
    {"pg_loss", pg_loss},
    {"check", check},
    {NULL, NULL},
};
