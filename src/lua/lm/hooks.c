/*
 * What stands between the weights of a language model and its forward pass:
 *
 *     lm:weight_hook("block1.qkv.weight", { forward=function(w, step) return ... end })
 *     lm:fakequant{ weights={bits=4, group=32}, acts={bits=8}, targets={"qkv", "o", "f1", "f2"} }
 *
 * Functions of hooks run in a Lua thread of the model's own, so that they need not know which
 * coroutine called the method that asks for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/engine.h"
#include "lua/lm/lm.h"
#include "models/lm/quantise.h"

enum { OPTIONS = 2 };

/* ---- hooks ---- */

typedef struct assay_lm_hook {
    struct assay_lm_hook *next;
    lua_State *thread; /* on whose stack, at 1, are the functions by parameter */
    size_t rows, cols;
    char name[ASSAY_PARAM_NAME];
} assay_lm_hook;

/* What a protected call works on: the function `which` of matrices a and b, and step, to out. */
struct hooked {
    const assay_lm_hook *hook;
    const char *which;
    const float *a, *b;
    float *out;
    uint64_t step;
};

static void push_floats(lua_State *L, const float *x, const assay_lm_hook *hook)
{
    const assay_matrix m = assay_push_matrix(L, hook->rows, hook->cols);
    for (size_t i = 0; i < hook->rows * hook->cols; i++)
        m.data[i] = (double)x[i];
}

static int call_hook(lua_State *L)
{
    const struct hooked *h = lua_touserdata(L, 1);
    const assay_lm_hook *hook = h->hook;
    lua_getfield(L, 2, hook->name);
    lua_getfield(L, -1, h->which);
    push_floats(L, h->a, hook);
    if (h->b)
        push_floats(L, h->b, hook);
    lua_pushinteger(L, (lua_Integer)h->step);
    lua_call(L, h->b ? 3 : 2, 1);
    const assay_matrix *m = assay_lua_test_matrix(L, -1);
    const assay_matrix got = m ? *m : assay_arg_matrix(L, lua_gettop(L), h->which);
    if (got.rows != hook->rows || got.cols != hook->cols)
        luaL_error(L, "lm: %s of the hook of %s must give %d x %d, got %d x %d", h->which,
            hook->name, (int)hook->rows, (int)hook->cols, (int)got.rows, (int)got.cols);
    for (size_t i = 0; i < hook->rows * hook->cols; i++)
        h->out[i] = (float)*assay_matrix_at(&got, i / hook->cols, i % hook->cols);
    return 0;
}

static int run_hook(struct hooked *h)
{
    lua_State *L = h->hook->thread;
    if (!lua_checkstack(L, 8))
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for the hook of %s", h->hook->name);
    lua_getfield(L, LUA_REGISTRYINDEX, ASSAY_LUA_LM_HOOK);
    lua_pushlightuserdata(L, h);
    lua_pushvalue(L, 1);
    if (assay_lua_pcall_beside(L, 2, 0) == LUA_OK)
        return ASSAY_OK;
    const char *words = lua_tostring(L, -1);
    const int status =
        assay_fail(ASSAY_ESCRIPT, "%s", words ? words : "a weight hook raised an error");
    lua_pop(L, 1);
    return status;
}

static int forward(void *context, uint64_t step, const float *w, float *effective, size_t n)
{
    (void)n;
    return run_hook(&(struct hooked){context, "forward", w, NULL, effective, step});
}

static int backward(void *context, uint64_t step, const float *w, float *grad, size_t n)
{
    (void)n;
    return run_hook(&(struct hooked){context, "backward", w, grad, grad, step});
}

void assay_lua_lm_free_hooks(assay_lm_handle *handle)
{
    while (handle->hooks) {
        assay_lm_hook *next = handle->hooks->next;
        free(handle->hooks);
        handle->hooks = next;
    }
}

/* The model's thread, made when it is first wanted; the functions by parameter are at 1. */
static lua_State *thread_of(lua_State *L)
{
    if (lua_getiuservalue(L, 1, 1) != LUA_TTHREAD) {
        lua_State *thread = lua_newthread(L);
        lua_newtable(thread);
        lua_setiuservalue(L, 1, 1);
        lua_getiuservalue(L, 1, 1);
    }
    lua_State *thread = lua_tothread(L, -1);
    lua_pop(L, 1);
    return thread;
}

static assay_lm_hook *hook_named(lua_State *L, assay_lm_handle *handle, const char *name)
{
    for (assay_lm_hook *hook = handle->hooks; hook; hook = hook->next)
        if (strcmp(hook->name, name) == 0)
            return hook;
    assay_lm_hook *hook = calloc(1, sizeof *hook);
    if (!hook)
        luaL_error(L, "not enough memory");
    snprintf(hook->name, sizeof hook->name, "%s", name);
    hook->next = handle->hooks;
    return handle->hooks = hook;
}

/* Check {forward=, backward=} at 3; is there a backward? */
static bool check_functions(lua_State *L)
{
    static const char *const known[] = {"forward", "backward", NULL};
    assay_opts_check(L, 3, known);
    if (!assay_opt_push(L, 3, "forward") || !lua_isfunction(L, -1))
        assay_arg_error(L, "forward must be a function");
    const bool both = assay_opt_push(L, 3, "backward");
    if (both && !lua_isfunction(L, -1))
        assay_arg_error(L, "backward must be a function");
    return both;
}

/* lm:weight_hook(name, {forward=, backward=} or nil) */
static int weight_hook(lua_State *L)
{
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    size_t index = 0;
    assay_arg_status(L, assay_params_find(&lm->params, assay_arg_string(L, 2, "name"), &index));
    assay_param *p = &lm->params.at[index];
    const bool on = !lua_isnil(L, 3), both = on && check_functions(L);
    p->hook = (assay_weight_hook){0};
    lua_State *thread = thread_of(L);
    lua_pushvalue(L, 3);
    lua_xmove(L, thread, 1);
    lua_setfield(thread, 1, p->name);
    if (on) {
        assay_lm_hook *hook = hook_named(L, lua_touserdata(L, 1), p->name);
        hook->thread = thread;
        hook->rows = p->rank > 1 ? p->n[0] : 1;
        hook->cols = p->size / hook->rows;
        p->hook = (assay_weight_hook){forward, both ? backward : NULL, hook};
    }
    return 0;
}

/* ---- quantisers ---- */

/* The bits of targets, qkv, o, f1 and f2 where none are given. */
static unsigned read_targets(lua_State *L)
{
    unsigned targets = 0;
    if (!assay_opt_push(L, OPTIONS, "targets"))
        return 15;
    const int at = lua_gettop(L);
    if (!lua_istable(L, at))
        return 1U << assay_arg_choice(L, at, "targets", assay_lm_quantised_names);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, at); i++) {
        lua_rawgeti(L, at, i);
        targets |= 1U << assay_arg_choice(L, lua_gettop(L), "targets", assay_lm_quantised_names);
        lua_pop(L, 1);
    }
    return targets;
}

/* The quantiser of the option `key`; absent: none. */
static assay_lm_quantiser read_quantiser(lua_State *L, const char *key)
{
    static const char *const known[] = {"bits", "clip", "exponent", "mantissa", "group", "block",
        "tensor", "symmetric", "mask", "noise", NULL};
    assay_lm_quantiser q = {false, ASSAY_OP_DEFAULTS};
    if (!assay_opt_push(L, OPTIONS, key))
        return q;
    const int at = lua_gettop(L);
    assay_opts_check(L, at, known);
    assay_op_options *o = &q.options;
    q.on = true;
    o->noise = assay_opt_boolean(L, at, "noise", false);
    o->bits = (double)assay_opt_integer(L, at, "bits", 8, o->noise ? 1 : 2, o->noise ? 24 : 16);
    o->clip = assay_opt_number(L, at, "clip", 1, ASSAY_POSITIVE, 1);
    o->exponent = (size_t)assay_opt_integer(L, at, "exponent", 0, 0, 8);
    o->mantissa = (size_t)assay_opt_integer(L, at, "mantissa", 0, 0, 10);
    o->group = (size_t)assay_opt_integer(L, at, "group", 0, 0, INT32_MAX);
    o->block = (size_t)assay_opt_integer(L, at, "block", 0, 0, INT32_MAX);
    o->tensor = assay_opt_boolean(L, at, "tensor", false);
    o->symmetric = assay_opt_boolean(L, at, "symmetric", true);
    o->mask = assay_opt_boolean(L, at, "mask", false);
    return q;
}

/* lm:fakequant{weights=, acts=, targets={"qkv", "o", "f1", "f2"}}; lm:fakequant() takes it back */
static int fakequant(lua_State *L)
{
    static const char *const known[] = {"weights", "acts", "targets", NULL};
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    assay_opts_check(L, OPTIONS, known);
    const unsigned targets = read_targets(L);
    const assay_lm_quantiser weights = read_quantiser(L, "weights");
    const assay_lm_quantiser acts = read_quantiser(L, "acts");
    assay_arg_status(L, assay_lm_quantise(lm, &weights, &acts, targets));
    return 0;
}

void assay_lua_lm_hooks(lua_State *L)
{
    assay_lua_push_function(L, "weight_hook", call_hook);
    lua_setfield(L, LUA_REGISTRYINDEX, ASSAY_LUA_LM_HOOK);
}

const luaL_Reg assay_lm_hook_methods[] = {
    {"weight_hook", weight_hook},
    {"fakequant", fakequant},
    {NULL, NULL},
};
