/*
 * lm:lora, use_adapter, merge, slice, freeze; lm:save and assay.lm.load.
 *
 *     lm:lora{ rank=4, targets={"qkv", "o"} }     the model's function stays; only the adapter
 * learns lm:train{ task=task, steps=200 } lm:merge()
 */
#include <string.h>

#include "core/status.h"
#include "lua/lm/lm.h"
#include "models/lm/adapters.h"
#include "models/lm/checkpoint.h"

enum { OPTIONS = 2 };

/* A list of names, or one. */
static unsigned read_targets(lua_State *L)
{
    unsigned targets = 0;
    if (!assay_opt_push(L, OPTIONS, "targets"))
        return 3; /* qkv and o */
    const int at = lua_gettop(L);
    if (!lua_istable(L, at))
        return 1U << assay_arg_choice(L, at, "targets", assay_lm_target_names);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, at); i++) {
        lua_rawgeti(L, at, i);
        targets |= 1U << assay_arg_choice(L, lua_gettop(L), "targets", assay_lm_target_names);
        lua_pop(L, 1);
    }
    if (targets == 0)
        assay_arg_error(L, "targets must be some of qkv, o, f1 and f2");
    return targets;
}

/* lm:lora{rank=4, alpha=rank, targets={"qkv", "o"}, init="kaiming", count=1, seed=0} */
static int lora(lua_State *L)
{
    static const char *const known[] = {"rank", "alpha", "targets", "init", "count", "seed", NULL};
    static const char *const inits[] = {"kaiming", "zero", NULL};
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    assay_opts_check(L, OPTIONS, known);
    assay_lm_adapters a = {0};
    a.rank = (size_t)assay_opt_integer(L, OPTIONS, "rank", 4, 1, INT32_MAX);
    a.alpha = assay_opt_number(L, OPTIONS, "alpha", (double)a.rank, -ASSAY_FINITE, ASSAY_FINITE);
    a.targets = read_targets(L);
    a.zero = assay_opt_choice(L, OPTIONS, "init", 0, inits) == 1;
    a.count = (size_t)assay_opt_integer(L, OPTIONS, "count", 1, 1, INT32_MAX);
    const int64_t seed = assay_opt_integer(L, OPTIONS, "seed", 0, INT64_MIN, INT64_MAX);
    assay_arg_status(L, assay_lm_add_adapters(lm, &a, (uint64_t)seed));
    return 0;
}

/* Adapter numbers count from 1; 0 is none. */
static void use(lua_State *L, assay_lm *lm, int at, size_t layer)
{
    const int64_t index = assay_arg_integer(L, at, "adapter", 0, INT32_MAX);
    assay_arg_status(L, assay_lm_use_adapter(lm, layer, index > 0 ? (size_t)index - 1 : SIZE_MAX));
}

/* lm:use_adapter(i), or a list with one for each layer */
static int use_adapter(lua_State *L)
{
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    if (!lua_istable(L, 2)) {
        use(L, lm, 2, SIZE_MAX);
        return 0;
    }
    if (lua_rawlen(L, 2) != lm->config.layers)
        assay_arg_error(L, "adapter must be one for each of %zu layers, got %zu", lm->config.layers,
            (size_t)lua_rawlen(L, 2));
    for (size_t i = 0; i < lm->config.layers; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        use(L, lm, lua_gettop(L), i);
        lua_pop(L, 1);
    }
    return 0;
}

static int merge(lua_State *L)
{
    assay_arg_status(L, assay_lm_merge(assay_arg_lm(L, 1, "the model")));
    return 0;
}

/* lm:slice{d=, layers=, heads=} (L and H stand for the last two); lm:slice() is the whole again */
static int slice(lua_State *L)
{
    static const char *const known[] = {"d", "layers", "heads", "L", "H", NULL};
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    const assay_lm_config *c = &lm->config;
    assay_opts_check(L, OPTIONS, known);
    int64_t layers =
        assay_opt_integer(L, OPTIONS, "layers", (int64_t)c->layers, 1, (int64_t)c->layers);
    int64_t heads = assay_opt_integer(L, OPTIONS, "heads", (int64_t)c->heads, 1, (int64_t)c->heads);
    layers = assay_opt_integer(L, OPTIONS, "L", layers, 1, (int64_t)c->layers);
    heads = assay_opt_integer(L, OPTIONS, "H", heads, 1, (int64_t)c->heads);
    const int64_t d = assay_opt_integer(L, OPTIONS, "d", (int64_t)c->d, 1, (int64_t)c->d);
    assay_arg_status(L, assay_lm_slice(lm, (size_t)d, (size_t)layers, (size_t)heads));
    return 0;
}

/* lm:freeze(pattern [, frozen=true]) */
static int freeze(lua_State *L)
{
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    const char *pattern = assay_arg_string(L, 2, "pattern");
    const bool frozen = lua_isnil(L, 3) || assay_arg_boolean(L, 3, "frozen");
    assay_arg_status(L, assay_lm_freeze(lm, pattern, frozen));
    return 0;
}

static int save(lua_State *L)
{
    const assay_lm *lm = assay_arg_lm(L, 1, "the model");
    assay_arg_status(L, assay_lm_save(lm, assay_arg_string(L, 2, "path")));
    return 0;
}

static int load(lua_State *L)
{
    const char *path = assay_arg_string(L, 1, "path");
    assay_arg_status(L, assay_lm_load(path, assay_push_lm(L)));
    return 1;
}

unsigned char *assay_lua_lm_bytes(lua_State *L, int at, size_t *size)
{
    unsigned char *bytes = NULL;
    assay_lm **lm = luaL_testudata(L, at, ASSAY_LUA_LM);
    if (!lm || !*lm)
        return NULL;
    assay_arg_status(L, assay_lm_encode(*lm, &bytes, size));
    return bytes;
}

bool assay_lua_lm_from_bytes(lua_State *L, const void *bytes, size_t size)
{
    if (assay_lm_decode(bytes, size, "what is kept", assay_push_lm(L)) == ASSAY_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

const luaL_Reg assay_lm_adapter_methods[] = {
    {"lora", lora},
    {"use_adapter", use_adapter},
    {"merge", merge},
    {"slice", slice},
    {"freeze", freeze},
    {"save", save},
    {NULL, NULL},
};

const luaL_Reg assay_lm_files[] = {
    {"load", load},
    {NULL, NULL},
};
