/*
 * assay.lm: the language-model testbed for Lua (models/lm).
 *
 *     local lm = assay.lm.new{ preset="micro", ctx=32, seed=1 }
 *     lm:train{ task=task, steps=2000, batch=64, lr=1e-3 }            (train.c)
 *     local s = lm:sample({"37+45="}, {n=100, max_tokens=4, rng=rng})  (sample.c)
 *     lm:logits(tokens)  lm:score(tokens)  lm:features(tokens)
 *
 * Tokens and labels are data, from 0; positions and layers count from 1.
 */
#include "lua/lm/lm.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/status.h"
#include "lua/module.h"
#include "lua/report.h"
#include "lua/tasks.h"
#include "models/lm/train.h"

/* ---- models ---- */

assay_lm *assay_arg_lm(lua_State *L, int at, const char *name)
{
    assay_lm **lm = luaL_testudata(L, at, ASSAY_LUA_LM);
    if (!lm || !*lm)
        assay_arg_error(L, "%s must be a language model, got a %s", name, luaL_typename(L, at));
    return *lm;
}

assay_lm *assay_opt_lm(lua_State *L, int at, const char *key)
{
    return assay_opt_push(L, at, key) ? assay_arg_lm(L, lua_gettop(L), key) : NULL;
}

const assay_task *assay_opt_task(lua_State *L, int at, const char *key, const assay_lm *lm)
{
    if (!assay_opt_push(L, at, key))
        return NULL;
    const assay_task *task = assay_lua_test_task(L, lua_gettop(L));
    if (!task)
        assay_arg_error(L, "%s must be a task, got a %s", key, luaL_typename(L, -1));
    if (lm->vocab.size == 0)
        assay_arg_error(L, "a task's texts need a model with a vocabulary of texts");
    return task;
}

assay_lm **assay_push_lm(lua_State *L)
{
    assay_lm_handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
    *handle = (assay_lm_handle){0};
    luaL_setmetatable(L, ASSAY_LUA_LM);
    return &handle->lm;
}

static assay_lm *self(lua_State *L)
{
    assay_lm **lm = luaL_testudata(L, 1, ASSAY_LUA_LM);
    if (!lm || !*lm)
        assay_arg_error(
            L, "called on a %s instead of a language model (use \":\")", luaL_typename(L, 1));
    return *lm;
}

/* ---- configs ---- */

static size_t size_option(lua_State *L, int at, const char *name, size_t absent)
{
    return (size_t)assay_opt_integer(L, at, name, (int64_t)absent, 0, INT32_MAX);
}

/* vocab = "tasks", a number of tokens, or a vocabulary (task:vocab()) */
static void read_vocab(lua_State *L, int at, assay_lm_config *config, assay_vocab *vocab)
{
    static const char *const names[] = {"tasks", NULL};
    vocab->size = 0;
    const bool given = assay_opt_push(L, at, "vocab");
    const int top = lua_gettop(L);
    if (given && lua_type(L, top) == LUA_TNUMBER) {
        config->vocab = (size_t)assay_arg_integer(L, top, "vocab", 1, 1 << 20);
        return;
    }
    const assay_vocab *own = given ? assay_lua_test_vocab(L, top) : NULL;
    if (given && !own)
        assay_arg_choice(L, top, "vocab", names);
    *vocab = own ? *own : assay_vocab_tasks();
    config->vocab = vocab->size;
}

void assay_opt_lm_config(lua_State *L, int at, assay_lm_config *c, assay_vocab *vocab)
{
    *c = (assay_lm_config)ASSAY_LM_CONFIG_DEFAULTS;
    const char *preset = assay_opt_string(L, at, "preset", NULL);
    if (preset)
        assay_arg_status(L, assay_lm_preset(preset, c));
    read_vocab(L, at, c, vocab);
    c->d = size_option(L, at, "d", c->d);
    c->layers = size_option(L, at, "layers", c->layers);
    c->heads = size_option(L, at, "heads", c->heads);
    c->ctx = size_option(L, at, "ctx", c->ctx);
    c->block = size_option(L, at, "block", 0);
    c->causal = assay_opt_boolean(L, at, "causal", c->block == 0);
    c->norm = (assay_lm_norm)assay_opt_choice(L, at, "norm", 0, assay_lm_norm_names);
    c->act = (assay_lm_act)assay_opt_choice(L, at, "act", 0, assay_lm_act_names);
    c->pos = (assay_lm_pos)assay_opt_choice(L, at, "pos", 0, assay_lm_pos_names);
    c->cond = (assay_lm_cond)assay_opt_choice(L, at, "cond", 0, assay_lm_cond_names);
    c->tie = assay_opt_boolean(L, at, "tie", false);
    c->bias = assay_opt_boolean(L, at, "bias", true);
    c->dropout = assay_opt_number(L, at, "dropout", 0, 0, ASSAY_BELOW_1);
    c->mlp_ratio = assay_opt_number(L, at, "mlp_ratio", c->mlp_ratio, ASSAY_POSITIVE, 64);
    c->head = (assay_lm_head)assay_opt_choice(L, at, "head", 0, assay_lm_head_names);
    c->pool = (assay_lm_pool)assay_opt_choice(L, at, "pool", 0, assay_lm_pool_names);
    c->outputs = size_option(L, at, "outputs", 0);
    assay_arg_status(L, assay_lm_config_check(c));
}

/* new{preset=, vocab="tasks", ..., seed=0, threads=1, gemm="blas"} */
static int new (lua_State *L)
{
    static const char *const known[] = {ASSAY_LM_CONFIG_OPTIONS, "seed", "threads", "gemm", NULL};
    assay_lm_config config;
    assay_vocab vocab;
    assay_opts_check(L, 1, known);
    assay_opt_lm_config(L, 1, &config, &vocab);
    const uint64_t seed = (uint64_t)assay_opt_integer(L, 1, "seed", 0, INT64_MIN, INT64_MAX);
    const size_t threads = (size_t)assay_opt_integer(L, 1, "threads", 1, 1, ASSAY_MOST_THREADS);
    const assay_gemm_kind gemm =
        (assay_gemm_kind)assay_opt_choice(L, 1, "gemm", 0, assay_gemm_names);
    assay_lm **slot = assay_push_lm(L);
    assay_arg_status(L, assay_lm_new(&config, seed, threads, slot));
    (*slot)->vocab = vocab;
    assay_lm_set_gemm(*slot, gemm);
    return 1;
}

/* count{...}: how many parameters such a model has */
static int count(lua_State *L)
{
    static const char *const known[] = {ASSAY_LM_CONFIG_OPTIONS, NULL};
    assay_lm_config config;
    assay_vocab vocab;
    size_t n = 0;
    assay_opts_check(L, 1, known);
    assay_opt_lm_config(L, 1, &config, &vocab);
    assay_arg_status(L, assay_lm_count(&config, &n));
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

static int clone(lua_State *L)
{
    const assay_lm *lm = self(L);
    assay_arg_status(L, assay_lm_clone(lm, assay_push_lm(L)));
    return 1;
}

static int set_threads(lua_State *L)
{
    assay_lm *lm = self(L);
    const size_t threads = (size_t)assay_arg_integer(L, 2, "threads", 1, ASSAY_MOST_THREADS);
    assay_arg_status(L, assay_lm_set_threads(lm, threads));
    return 0;
}

static int set_gemm(lua_State *L)
{
    assay_lm *lm = self(L);
    assay_lm_set_gemm(lm, (assay_gemm_kind)assay_arg_choice(L, 2, "gemm", assay_gemm_names));
    return 0;
}

static int end(lua_State *L)
{
    assay_lm_handle *handle = luaL_checkudata(L, 1, ASSAY_LUA_LM);
    assay_lm_free(handle->lm);
    handle->lm = NULL;
    assay_lua_lm_free_hooks(handle);
    return 0;
}

static int text(lua_State *L)
{
    const assay_lm *lm = self(L);
    lua_pushfstring(L, "language model of %I parameters (d %d, layers %d, heads %d, context %d)",
        (LUAI_UACINT)assay_params_size(&lm->params), (int)lm->config.d, (int)lm->config.layers,
        (int)lm->config.heads, (int)lm->config.ctx);
    return 1;
}

/* lm:config(): what `new` takes, without a preset */
static int push_config(lua_State *L)
{
    const assay_lm_config *c = &self(L)->config;
    lua_newtable(L);
    assay_set_integer(L, "vocab", (int64_t)c->vocab);
    assay_set_integer(L, "d", (int64_t)c->d);
    assay_set_integer(L, "layers", (int64_t)c->layers);
    assay_set_integer(L, "heads", (int64_t)c->heads);
    assay_set_integer(L, "ctx", (int64_t)c->ctx);
    assay_set_integer(L, "block", (int64_t)c->block);
    assay_set_boolean(L, "causal", c->causal);
    assay_set_text(L, "norm", assay_lm_norm_names[c->norm]);
    assay_set_text(L, "act", assay_lm_act_names[c->act]);
    assay_set_text(L, "pos", assay_lm_pos_names[c->pos]);
    assay_set_text(L, "cond", assay_lm_cond_names[c->cond]);
    assay_set_boolean(L, "tie", c->tie);
    assay_set_boolean(L, "bias", c->bias);
    assay_set_number(L, "dropout", c->dropout);
    assay_set_number(L, "mlp_ratio", c->mlp_ratio);
    assay_set_text(L, "head", assay_lm_head_names[c->head]);
    assay_set_text(L, "pool", assay_lm_pool_names[c->pool]);
    assay_set_integer(L, "outputs", (int64_t)c->outputs);
    return 1;
}

/* ---- parameters ---- */

static const assay_param *find_parameter(lua_State *L, const assay_lm *lm)
{
    size_t index = 0;
    assay_arg_status(L, assay_params_find(&lm->params, assay_arg_string(L, 2, "name"), &index));
    return &lm->params.at[index];
}

/* lm:params(): a list of {name=, shape=} in their order */
static int list_params(lua_State *L)
{
    const assay_params *params = &self(L)->params;
    lua_createtable(L, (int)params->count, 0);
    for (size_t i = 0; i < params->count; i++) {
        lua_newtable(L);
        assay_set_text(L, "name", params->at[i].name);
        lua_newtable(L);
        for (int k = 0; k < params->at[i].rank; k++) {
            lua_pushinteger(L, (lua_Integer)params->at[i].n[k]);
            lua_rawseti(L, -2, k + 1);
        }
        lua_setfield(L, -2, "shape");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* lm:get(name): a list for a vector, else a matrix */
static int get(lua_State *L)
{
    const assay_lm *lm = self(L);
    const assay_param *p = find_parameter(L, lm);
    const float *w = lm->params.w + p->off;
    double *x = p->rank == 1 ? assay_lua_doubles(L, p->size)
                             : assay_push_matrix(L, p->n[0], p->size / p->n[0]).data;
    for (size_t i = 0; i < p->size; i++)
        x[i] = (double)w[i];
    if (p->rank == 1)
        assay_push_vector(L, x, p->size);
    return 1;
}

/* lm:set(name, values) */
static int set(lua_State *L)
{
    assay_lm *lm = self(L);
    const assay_param *p = find_parameter(L, lm);
    float *w = lm->params.w + p->off;
    if (p->rank == 1) {
        size_t n = 0;
        const double *x = assay_arg_vector(L, 3, "values", &n);
        if (n != p->size)
            assay_arg_error(L, "%s has %zu numbers, got %zu", p->name, p->size, n);
        for (size_t i = 0; i < n; i++)
            w[i] = (float)x[i];
        return 0;
    }
    const assay_matrix m = assay_arg_matrix(L, 3, "values");
    if (m.rows != p->n[0] || m.cols != p->n[1])
        assay_arg_error(
            L, "%s is %zu x %zu, got %zu x %zu", p->name, p->n[0], p->n[1], m.rows, m.cols);
    for (size_t i = 0; i < p->size; i++)
        w[i] = (float)*assay_matrix_at(&m, i / m.cols, i % m.cols);
    return 0;
}

/* ---- outputs ---- */

enum { TOKENS = 2, OPTIONS = 3 };

/* Options that calls with sequences share: time of each, mask [T, T]. */
static void read_conditions(lua_State *L, const assay_lm *lm, assay_lua_tokens *t)
{
    size_t n = 0;
    if (assay_opt_push(L, OPTIONS, "time")) {
        t->tokens.time = assay_arg_vector_of(L, lua_gettop(L), "time", t->tokens.sequences);
        if (lm->config.cond == ASSAY_LM_NO_COND)
            assay_arg_error(L, "this model has no time input");
    }
    if (!assay_opt_push(L, OPTIONS, "attend"))
        return;
    const assay_matrix m = assay_arg_matrix(L, lua_gettop(L), "attend");
    n = m.rows;
    if (n == 0 || n != m.cols)
        assay_arg_error(L, "attend must be square, got %zu x %zu", m.rows, m.cols);
    unsigned char *mask = assay_lua_scratch(L, n * n, 1);
    for (size_t i = 0; i < n * n; i++)
        mask[i] = *assay_matrix_at(&m, i / n, i % n) != 0;
    t->tokens.mask = mask;
    t->tokens.mask_side = n;
}

static void push_rows(lua_State *L, const float *x, size_t rows, size_t cols)
{
    const assay_matrix m = assay_push_matrix(L, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        m.data[i] = (double)x[i];
}

/* One matrix for a single sequence, else a list of one each. */
static void push_by_sequence(lua_State *L, const assay_lua_tokens *t, const float *x, size_t cols)
{
    if (t->single) {
        push_rows(L, x, t->total, cols);
        return;
    }
    lua_newtable(L);
    for (size_t i = 0; i < t->tokens.sequences; x += t->tokens.length[i++] * cols) {
        push_rows(L, x, t->tokens.length[i], cols);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* lm:logits(tokens [, {time=, attend=, progress=}]) */
static int logits(lua_State *L)
{
    static const char *const known[] = {"time", "attend", "progress", NULL};
    assay_lm *lm = self(L);
    assay_lua_tokens t;
    assay_opts_check(L, OPTIONS, known);
    assay_arg_tokens(L, TOKENS, "tokens", lm, &t);
    read_conditions(L, lm, &t);
    const bool pooled = lm->config.head != ASSAY_LM_TOKENS;
    const size_t rows = pooled ? t.tokens.sequences : t.total, cols = assay_lm_outputs(&lm->config);
    float *out = assay_lua_scratch(L, rows * cols + 1, sizeof *out);
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    assay_lua_report_end(&report, assay_lm_logits(lm, &t.tokens, &report.progress, out));
    if (pooled)
        push_rows(L, out, rows, cols);
    else
        push_by_sequence(L, &t, out, cols);
    return 1;
}

/* lm:features(tokens [, {layer=-1, pool="mean", time=, attend=, progress=}]): layer 0 is the
 * embedding, -1 what the head reads; pool "mean" and "last" give a row a sequence, "none" a row a
 * token */
static int features(lua_State *L)
{
    static const char *const known[] = {"layer", "pool", "time", "attend", "progress", NULL};
    static const char *const ways[] = {"mean", "last", "none", NULL};
    assay_lm *lm = self(L);
    assay_lua_tokens t;
    assay_opts_check(L, OPTIONS, known);
    const int64_t layers = (int64_t)assay_lm_sizes_of(&lm->config, &lm->layout).layers;
    const int64_t layer = assay_opt_integer(L, OPTIONS, "layer", -1, -1, layers);
    const int way = assay_opt_choice(L, OPTIONS, "pool", 0, ways);
    assay_arg_tokens(L, TOKENS, "tokens", lm, &t);
    read_conditions(L, lm, &t);
    const assay_lm_sizes size = assay_lm_sizes_of(&lm->config, &lm->layout);
    const size_t d = size.d, n = t.tokens.sequences;
    float *out = assay_lua_scratch(L, (t.total + n) * d + 1, sizeof *out);
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    assay_lua_report_end(
        &report, assay_lm_features(lm, &t.tokens, (size_t)(layer < 0 ? layers + 1 : layer),
                     &report.progress, out));
    if (layer < 0 && lm->config.head != ASSAY_LM_TOKENS) {
        push_rows(L, out, n, d);
        return 1;
    }
    if (way == 2) {
        push_by_sequence(L, &t, out, d);
        return 1;
    }
    const assay_matrix pooled = assay_push_matrix(L, n, d);
    for (size_t i = 0; i < n; out += t.tokens.length[i++] * d) {
        const size_t length = t.tokens.length[i], first = way == 1 && length > 0 ? length - 1 : 0;
        for (size_t j = first; j < length; j++)
            for (size_t k = 0; k < d; k++)
                *assay_matrix_at(&pooled, i, k) +=
                    (double)out[j * d + k] / (double)(length - first);
    }
    return 1;
}

static void set_lists(lua_State *L, const char *name, const assay_lua_tokens *t, const double *x)
{
    lua_newtable(L);
    for (size_t i = 0; i < t->tokens.sequences; x += t->tokens.length[i++]) {
        assay_push_vector(L, x, t->tokens.length[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

/* lm:score(tokens [, {mask=, progress=}]): logp of each sequence, the sum over its tokens but the
 * first, or over those of the mask; token_logp and entropy of each token */
static int score(lua_State *L)
{
    static const char *const known[] = {"mask", "progress", NULL};
    assay_lm *lm = self(L);
    assay_lua_tokens t;
    assay_opts_check(L, OPTIONS, known);
    assay_arg_tokens(L, TOKENS, "tokens", lm, &t);
    const double *mask = NULL;
    if (assay_opt_push(L, OPTIONS, "mask"))
        mask = assay_arg_of_tokens(L, lua_gettop(L), "mask", &t, 0);
    double *logp = assay_lua_doubles(L, t.total + 1), *entropy = assay_lua_doubles(L, t.total + 1);
    double *sum = assay_lua_doubles(L, t.tokens.sequences + 1);
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    assay_lua_report_end(&report, assay_lm_score(lm, &t.tokens, &report.progress, logp, entropy));
    for (size_t i = 0, at = 0; i < t.tokens.sequences; i++) {
        sum[i] = 0;
        for (size_t j = 0; j < t.tokens.length[i]; j++, at++)
            sum[i] += !mask || mask[at] != 0 ? logp[at] : 0;
    }
    lua_newtable(L);
    assay_set_vector(L, "logp", sum, t.tokens.sequences);
    set_lists(L, "token_logp", &t, logp);
    set_lists(L, "entropy", &t, entropy);
    return 1;
}

/* lm:example_grad_norms(tokens [, {progress=}]) */
static int example_grad_norms(lua_State *L)
{
    static const char *const known[] = {"progress", NULL};
    assay_lm *lm = self(L);
    assay_lua_tokens t;
    assay_opts_check(L, OPTIONS, known);
    assay_arg_tokens(L, TOKENS, "tokens", lm, &t);
    double *norm = assay_lua_doubles(L, t.tokens.sequences + 1);
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    assay_lua_report_end(&report, assay_lm_example_norms(lm, &t.tokens, &report.progress, norm));
    assay_push_vector(L, norm, t.tokens.sequences);
    return 1;
}

/* lm:encode(text), lm:decode(tokens) */
static int encode(lua_State *L)
{
    assay_lua_tokens t;
    const assay_lm *lm = self(L);
    assay_arg_string(L, 2, "text");
    assay_arg_tokens(L, 2, "text", lm, &t);
    lua_createtable(L, (int)t.total, 0);
    for (size_t i = 0; i < t.total; i++) {
        lua_pushinteger(L, t.tokens.token[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int decode(lua_State *L)
{
    assay_lua_tokens t;
    const assay_lm *lm = self(L);
    assay_arg_tokens(L, 2, "tokens", lm, &t);
    if (!t.single)
        assay_arg_error(L, "tokens must be a list of tokens");
    assay_push_text(L, lm, t.tokens.token, t.total);
    return 1;
}

static const luaL_Reg methods[] = {
    {"clone", clone},
    {"config", push_config},
    {"set_threads", set_threads},
    {"set_gemm", set_gemm},
    {"params", list_params},
    {"get", get},
    {"set", set},
    {"logits", logits},
    {"features", features},
    {"score", score},
    {"example_grad_norms", example_grad_norms},
    {"encode", encode},
    {"decode", decode},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"new", new},
    {"count", count},
    {NULL, NULL},
};

/* The methods of all files in one list, which the class keeps no longer than this call. */
static void make_class(lua_State *L)
{
    const luaL_Reg *const parts[] = {methods, assay_lm_train_methods, assay_lm_sample_methods,
        assay_lm_masked_methods, assay_lm_adapter_methods, assay_lm_hook_methods};
    luaL_Reg all[64] = {{NULL, NULL}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const luaL_Reg *m = parts[i]; m->name; m++)
            all[n++] = *m;
    assay_lua_class(L, ASSAY_LUA_LM, "lm", all, end, text);
}

int assay_lua_lm(lua_State *L)
{
    make_class(L);
    assay_lua_lm_hooks(L);
    lua_newtable(L);
    assay_lua_register(L, functions);
    assay_lua_register(L, assay_lm_cores);
    assay_lua_register(L, assay_lm_files);
    return 1;
}
