/*
 * lm:sample and lm:sample_mdm.
 *
 *     local s = lm:sample({"37+45=", "12+30="}, { n=100, temperature=0.8, max_tokens=4, rng=rng })
 *     s.text[i], s.tokens[i], s.logp[i], ...       of sample i = (p - 1) n + s
 *     local s = lm:sample(prompts, { task=task, ... })
 *     assay.inference.selection_curves(s.samples)
 */
#include <string.h>

#include "core/status.h"
#include "lua/lm/lm.h"
#include "lua/report.h"
#include "models/lm/sample.h"

#define SAMPLES "assay.lm.samples"

enum { PROMPTS = 2, OPTIONS = 3 };

static int free_samples(lua_State *L)
{
    assay_lm_samples_free(lua_touserdata(L, 1));
    return 0;
}

static assay_lm_samples *push_samples(lua_State *L)
{
    assay_lm_samples *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (assay_lm_samples){0};
    if (luaL_newmetatable(L, SAMPLES)) {
        lua_pushcfunction(L, free_samples);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return s;
}

static void push_tokens(lua_State *L, const int32_t *token, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, token[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static double sum_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

/* ---- what is said of each sample ---- */

struct result {
    const assay_lm *lm;
    const assay_lua_tokens *prompts;
    const assay_lm_samples *s;
    size_t n, *first; /* samples a prompt; where each prompt's tokens begin */
    uint64_t first_sample;
};

typedef void push_one(lua_State *L, const struct result *r, size_t i);

static void set_list(lua_State *L, const char *name, const struct result *r, push_one *push)
{
    lua_createtable(L, (int)r->s->count, 0);
    for (size_t i = 0; i < r->s->count; i++) {
        push(L, r, i);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

static const int32_t *tokens_of(const struct result *r, size_t i)
{
    return r->s->token + i * r->s->max_tokens;
}

static void push_sample_tokens(lua_State *L, const struct result *r, size_t i)
{
    push_tokens(L, tokens_of(r, i), r->s->length[i]);
}

/* As the model read it: an empty one is BOS. */
static void push_prompt(lua_State *L, const struct result *r, size_t i)
{
    static const int32_t bos = ASSAY_BOS;
    const size_t p = i / r->n, n = r->prompts->tokens.length[p];
    push_tokens(L, n > 0 ? r->prompts->tokens.token + r->first[p] : &bos, n > 0 ? n : 1);
}

static void push_sample_text(lua_State *L, const struct result *r, size_t i)
{
    assay_push_text(L, r->lm, tokens_of(r, i), r->s->length[i]);
}

static void push_finish(lua_State *L, const struct result *r, size_t i)
{
    lua_pushstring(L, r->s->stopped[i] ? "stop" : "length");
}

static void push_length(lua_State *L, const struct result *r, size_t i)
{
    lua_pushinteger(L, (lua_Integer)r->s->length[i]);
}

static void push_problem(lua_State *L, const struct result *r, size_t i)
{
    lua_pushinteger(L, (lua_Integer)(i / r->n) + 1);
}

static void push_number(lua_State *L, const struct result *r, size_t i)
{
    lua_pushinteger(L, (lua_Integer)(r->first_sample + i % r->n) + 1);
}

static void push_logp(lua_State *L, const struct result *r, size_t i)
{
    lua_pushnumber(L, sum_of(r->s->logp_model + i * r->s->max_tokens, r->s->length[i]));
}

static void push_logp_policy(lua_State *L, const struct result *r, size_t i)
{
    lua_pushnumber(L, sum_of(r->s->logp_policy + i * r->s->max_tokens, r->s->length[i]));
}

static void push_token_logp(lua_State *L, const struct result *r, size_t i)
{
    assay_push_vector(L, r->s->logp_model + i * r->s->max_tokens, r->s->length[i]);
}

static void push_token_logp_policy(lua_State *L, const struct result *r, size_t i)
{
    assay_push_vector(L, r->s->logp_policy + i * r->s->max_tokens, r->s->length[i]);
}

static void push_entropy(lua_State *L, const struct result *r, size_t i)
{
    assay_push_vector(L, r->s->entropy + i * r->s->max_tokens, r->s->length[i]);
}

/* ---- verdicts ---- */

/* Verdicts of all samples: lists correct, reward, answer and error below the result on top. */
static void push_verdicts(lua_State *L, const struct result *r, const assay_task *task)
{
    static const char *const names[] = {"correct", "reward", "answer", "error"};
    const int at = lua_gettop(L);
    assay_verdict *v = assay_lua_scratch(L, 1, sizeof *v);
    char *prompt = assay_lua_scratch(L, r->lm->config.ctx + 1, 1);
    for (int k = 0; k < 4; k++)
        lua_newtable(L);
    for (size_t i = 0; i < r->s->count; i++) {
        size_t size = 0, text_size = 0;
        const size_t p = i / r->n;
        assay_arg_status(
            L, assay_vocab_decode(&r->lm->vocab, r->prompts->tokens.token + r->first[p],
                   r->prompts->tokens.length[p], prompt, &size));
        push_sample_text(L, r, i);
        const char *text = lua_tolstring(L, -1, &text_size);
        assay_arg_status(L, assay_task_verify(task, prompt, size, text, text_size, v));
        lua_pop(L, 1);
        lua_pushinteger(L, v->correct);
        lua_rawseti(L, at + 3, (lua_Integer)i + 1);
        lua_pushnumber(L, v->reward);
        lua_rawseti(L, at + 4, (lua_Integer)i + 1);
        lua_pushstring(L, v->answer);
        lua_rawseti(L, at + 5, (lua_Integer)i + 1);
        const char *error = assay_task_error_name(v->error);
        lua_pushstring(L, error ? error : "");
        lua_rawseti(L, at + 6, (lua_Integer)i + 1);
    }
    for (int k = 3; k >= 0; k--)
        lua_setfield(L, at, names[k]);
    lua_settop(L, at);
}

/* result.samples: the columns of a samples table, with what verdicts say when there are any. */
static void set_table(lua_State *L, const struct result *r, bool judged)
{
    const int at = lua_gettop(L);
    static const char *const verdicts[] = {"correct", "answer", "reward"};
    lua_newtable(L);
    for (size_t k = 0; judged && k < 3; k++) {
        lua_getfield(L, at, verdicts[k]);
        lua_setfield(L, -2, verdicts[k]);
    }
    set_list(L, "problem", r, push_problem);
    set_list(L, "sample", r, push_number);
    set_list(L, "tokens", r, push_length);
    set_list(L, "logprob", r, push_logp);
    if (r->lm->vocab.size > 0)
        set_list(L, "text", r, push_sample_text);
    lua_setfield(L, at, "samples");
}

/* ---- sampling ---- */

static void read_pick(lua_State *L, int at, assay_pick_options *o)
{
    *o = (assay_pick_options)ASSAY_PICK_DEFAULTS;
    o->temperature = assay_opt_number(L, at, "temperature", 1, 0, ASSAY_FINITE);
    o->top_k = (size_t)assay_opt_integer(L, at, "top_k", 0, 0, INT32_MAX);
    o->top_p = assay_opt_number(L, at, "top_p", 1, ASSAY_POSITIVE, 1);
    o->min_p = assay_opt_number(L, at, "min_p", 0, 0, 1);
}

/* stop = "EOS" (the default), another token, or false */
static int32_t read_stop(lua_State *L, const assay_lm *lm)
{
    if (!assay_opt_push(L, OPTIONS, "stop"))
        return lm->config.vocab > ASSAY_EOS ? ASSAY_EOS : -1;
    return lua_isboolean(L, -1) && !lua_toboolean(L, -1)
               ? -1
               : assay_arg_token(L, lua_gettop(L), "stop", lm);
}

static const uint64_t *read_ids(lua_State *L, size_t prompts)
{
    size_t n = 0;
    if (!assay_opt_push(L, OPTIONS, "ids"))
        return NULL;
    const size_t *id = assay_arg_indices(L, lua_gettop(L), "ids", 1, SIZE_MAX, &n);
    if (n != prompts)
        assay_arg_error(L, "ids must have a number for each of %zu prompts, got %zu", prompts, n);
    uint64_t *out = assay_lua_scratch(L, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = id[i];
    return out;
}

static void push_result(lua_State *L, const struct result *r, const assay_task *task, bool entropy)
{
    lua_newtable(L);
    set_list(L, "prompt", r, push_prompt);
    set_list(L, "tokens", r, push_sample_tokens);
    set_list(L, "length", r, push_length);
    set_list(L, "finish", r, push_finish);
    set_list(L, "problem", r, push_problem);
    set_list(L, "sample", r, push_number);
    set_list(L, "logp", r, push_logp);
    set_list(L, "logp_policy", r, push_logp_policy);
    set_list(L, "token_logp", r, push_token_logp);
    set_list(L, "token_logp_policy", r, push_token_logp_policy);
    if (entropy)
        set_list(L, "entropy", r, push_entropy);
    if (r->lm->vocab.size > 0)
        set_list(L, "text", r, push_sample_text);
    if (task)
        push_verdicts(L, r, task);
    set_table(L, r, task != NULL);
}

/* lm:sample(prompts, {n=1, temperature=1, top_k=0, top_p=1, min_p=0, max_tokens=16, stop="EOS",
 * rng=, ids=, first=1, batch=64, entropy=false, task=, progress=}) */
static int sample(lua_State *L)
{
    static const char *const known[] = {"n", "temperature", "top_k", "top_p", "min_p", "max_tokens",
        "stop", "rng", "ids", "first", "batch", "entropy", "task", "progress", NULL};
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    luaL_checkstack(L, 64, NULL);
    assay_opts_check(L, OPTIONS, known);
    assay_lm_sample_options o = ASSAY_LM_SAMPLE_DEFAULTS;
    read_pick(L, OPTIONS, &o.pick);
    o.n = (size_t)assay_opt_integer(L, OPTIONS, "n", 1, 1, INT32_MAX);
    o.max_tokens = (size_t)assay_opt_integer(L, OPTIONS, "max_tokens", 16, 1, INT32_MAX);
    o.batch = (size_t)assay_opt_integer(L, OPTIONS, "batch", 64, 1, 1 << 16);
    o.first = (uint64_t)assay_opt_integer(L, OPTIONS, "first", 1, 1, (int64_t)1 << 53) - 1;
    o.stop = read_stop(L, lm);
    const bool entropy = assay_opt_boolean(L, OPTIONS, "entropy", false);
    const assay_task *task = assay_opt_task(L, OPTIONS, "task", lm);
    const assay_rng *rng = assay_opt_rng(L, OPTIONS, "rng");
    const assay_rng none = assay_rng_seed(0);
    if (!rng && o.pick.temperature > 0)
        assay_arg_error(L, "rng must be given (temperature 0 needs none)");
    assay_lua_tokens prompts;
    assay_arg_tokens(L, PROMPTS, "prompts", lm, &prompts);
    o.ids = read_ids(L, prompts.tokens.sequences);
    size_t *first = assay_lua_scratch(L, prompts.tokens.sequences + 1, sizeof *first);
    for (size_t i = 0, at = 0; i < prompts.tokens.sequences; at += prompts.tokens.length[i++])
        first[i] = at;
    assay_lm_samples *s = push_samples(L);
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    assay_lua_report_end(
        &report, assay_lm_sample(lm, &prompts.tokens, &o, rng ? rng : &none, &report.progress, s));
    const struct result r = {lm, &prompts, s, o.n, first, o.first};
    push_result(L, &r, task, entropy);
    return 1;
}

const luaL_Reg assay_lm_sample_methods[] = {
    {"sample", sample},
    {NULL, NULL},
};
