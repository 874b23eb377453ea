/*
 * lm:sample_mdm, and the noise schedules of masked diffusion.
 *
 *     local s = mdm:sample_mdm(100, { steps=32, rule="independent", rng=rng })     s.tokens, s.text
 */
#include <math.h>

#include "core/status.h"
#include "lua/lm/lm.h"
#include "lua/lm/masked.h"
#include "lua/report.h"

enum { COUNT = 2, OPTIONS = 3 };

/* ---- noise ---- */

/* cosine: alpha = 1 - cos(pi / 2 (1 - t)), w = -alpha' / (1 - alpha) */
static int cosine_alpha(void *context, double t, double *alpha)
{
    (void)context;
    *alpha = 1 - cos(1.57079632679489661923 * (1 - t));
    return ASSAY_OK;
}

static int cosine_weight(void *context, double t, double *weight)
{
    const double half = 1.57079632679489661923;
    (void)context;
    *weight = half * sin(half * (1 - t)) / cos(half * (1 - t));
    return ASSAY_OK;
}

int assay_lua_keep_error(lua_State *L, int error)
{
    lua_replace(L, error);
    return assay_fail(ASSAY_ECANCELLED, "an error in a function that was called");
}

static int call_number(assay_lua_noise *n, int function, double t, double *out)
{
    lua_State *L = n->L;
    lua_pushvalue(L, function);
    lua_pushnumber(L, t);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        return assay_lua_keep_error(L, *n->error);
    *out = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
    lua_pop(L, 1);
    return ASSAY_OK;
}

static int call_alpha(void *context, double t, double *alpha)
{
    assay_lua_noise *n = context;
    return call_number(n, n->alpha, t, alpha);
}

static int call_weight(void *context, double t, double *weight)
{
    assay_lua_noise *n = context;
    return call_number(n, n->weight, t, weight);
}

void assay_opt_noise(lua_State *L, int options, assay_lua_noise *n, assay_lm_masking *m)
{
    static const char *const known[] = {"alpha", "weight", NULL};
    static const char *const names[] = {"linear", "cosine", NULL};
    m->context = n;
    if (!assay_opt_push(L, options, "noise"))
        return;
    const int at = lua_gettop(L);
    if (!lua_istable(L, at)) {
        if (assay_arg_choice(L, at, "noise", names) == 1) {
            m->alpha = cosine_alpha;
            m->weight = cosine_weight;
        }
        return;
    }
    assay_opts_check(L, at, known);
    if (!assay_opt_push(L, at, "alpha") || !assay_opt_push(L, at, "weight"))
        assay_arg_error(L, "noise must have both functions, alpha and weight");
    if (!lua_isfunction(L, -1) || !lua_isfunction(L, -2))
        assay_arg_error(L, "noise.alpha and noise.weight must be functions");
    n->weight = lua_gettop(L);
    n->alpha = n->weight - 1;
    m->alpha = call_alpha;
    m->weight = call_weight;
}

/* ---- samples ---- */

static void push_samples(lua_State *L, const assay_lm *lm, const int32_t *token, size_t n,
    size_t length, const double *unmasked, size_t steps)
{
    lua_newtable(L);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_createtable(L, (int)length, 0);
        for (size_t j = 0; j < length; j++) {
            lua_pushinteger(L, token[i * length + j]);
            lua_rawseti(L, -2, (lua_Integer)j + 1);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "tokens");
    if (lm->vocab.size > 0) {
        lua_createtable(L, (int)n, 0);
        for (size_t i = 0; i < n; i++) {
            assay_push_text(L, lm, token + i * length, length);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_setfield(L, -2, "text");
    }
    assay_push_wholes(L, unmasked, steps);
    lua_setfield(L, -2, "unmasked");
}

/* lm:sample_mdm(n, {rng=, steps=32, length=ctx, rule="independent", noise="linear", temperature=1,
 * precision="float64", first=1, progress=}) */
static int sample_mdm(lua_State *L)
{
    static const char *const known[] = {"rng", "steps", "length", "rule", "noise", "temperature",
        "precision", "first", "progress", NULL};
    static const char *const rules[] = {"independent", "first_hitting", "topk_confidence", NULL};
    static const char *const precisions[] = {"float64", "float32", NULL};
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    const size_t n = (size_t)assay_arg_integer(L, COUNT, "n", 0, 1 << 24);
    luaL_checkstack(L, 32, NULL);
    assay_opts_check(L, OPTIONS, known);
    assay_lm_masked_options o = {0};
    o.length =
        (size_t)assay_opt_integer(L, OPTIONS, "length", (int64_t)lm->config.ctx, 1, INT32_MAX);
    o.steps = (size_t)assay_opt_integer(L, OPTIONS, "steps", 32, 1, 1 << 24);
    o.rule = (assay_lm_unmask)assay_opt_choice(L, OPTIONS, "rule", 0, rules);
    o.truncated = assay_opt_choice(L, OPTIONS, "precision", 0, precisions) == 1;
    o.temperature = assay_opt_number(L, OPTIONS, "temperature", 1, 0, ASSAY_FINITE);
    o.first = (uint64_t)assay_opt_integer(L, OPTIONS, "first", 1, 1, (int64_t)1 << 53) - 1;
    const assay_rng *rng = assay_opt_rng(L, OPTIONS, "rng");
    if (!rng)
        assay_arg_error(L, "rng must be given");
    int error = 0;
    assay_lua_noise noise = {.L = L, .error = &error};
    assay_opt_noise(L, OPTIONS, &noise, &o.masking);
    const size_t steps = o.rule == ASSAY_LM_FIRST_HITTING ? o.length : o.steps;
    int32_t *token = assay_lua_scratch(L, n * o.length + 1, sizeof *token);
    size_t *unmasked = assay_lua_scratch(L, steps, sizeof *unmasked);
    lua_pushnil(L);
    error = lua_gettop(L);
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    for (size_t i = 0; i < steps; i++)
        unmasked[i] = 0;
    const int status = assay_lm_sample_masked(lm, n, &o, rng, &report.progress, token, unmasked);
    if (!lua_isnil(L, error)) {
        lua_pushvalue(L, error);
        return lua_error(L);
    }
    assay_lua_report_end(&report, status);
    double *counts = assay_lua_doubles(L, steps);
    for (size_t i = 0; i < steps; i++)
        counts[i] = (double)unmasked[i];
    push_samples(L, lm, token, n, o.length, counts, steps);
    return 1;
}

const luaL_Reg assay_lm_masked_methods[] = {
    {"sample_mdm", sample_mdm},
    {NULL, NULL},
};
