/*
 * assay.net.new and its kin: a table of layers becomes the JSON that models/net/layers.h reads, so
 * that one parser checks scripts and files.
 */
#include <jansson.h>
#include <string.h>

#include "lua/args.h"
#include "lua/net.h"
#include "models/net/checkpoint.h"

#define DESCRIPTION "assay.net.description"

enum { OPTIONS = 1, DEEPEST = 10 };

/* ---- JSON that the collector owns ---- */

static int description_free(lua_State *L)
{
    json_t **json = lua_touserdata(L, 1);
    json_decref(*json);
    *json = NULL;
    return 0;
}

/* A new object as a userdata on top. */
static json_t *push_description(lua_State *L)
{
    json_t **slot = lua_newuserdatauv(L, sizeof(json_t *), 0);
    *slot = NULL;
    if (luaL_newmetatable(L, DESCRIPTION)) {
        lua_pushcfunction(L, description_free);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return *slot = json_object();
}

/* Put a new value into an object or a list that is owned already, and give it back. */
static json_t *give(json_t *owner, const char *key, json_t *value)
{
    if (key)
        json_object_set_new(owner, key, value);
    else
        json_array_append_new(owner, value);
    return value;
}

/* ---- layers ---- */

static void read_list(lua_State *L, int at, const char *name, json_t *owner, int depth);

static json_t *plain_value(lua_State *L, const char *layer, const char *key)
{
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        return lua_isinteger(L, -1) ? json_integer(lua_tointeger(L, -1))
                                    : json_real(lua_tonumber(L, -1));
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, -1));
    case LUA_TSTRING:
        return json_string(lua_tostring(L, -1));
    default:
        assay_arg_error(
            L, "%s.%s must be a number, true or false, got a %s", layer, key, luaL_typename(L, -1));
        return NULL;
    }
}

/* { "conv", out = 8 }, { "residual", { ... } } at the top */
static void read_layer(lua_State *L, const char *name, json_t *list, int depth)
{
    const int at = lua_gettop(L);
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a table, got a %s", name, luaL_typename(L, at));
    json_t *layer = give(list, NULL, json_object());
    if (lua_rawgeti(L, at, 1) != LUA_TSTRING)
        assay_arg_error(L, "%s[1] must be the name of a layer", name);
    give(layer, "type", json_string(lua_tostring(L, -1)));
    lua_pop(L, 1);
    if (lua_rawgeti(L, at, 2) != LUA_TNIL)
        read_list(L, at + 1, lua_pushfstring(L, "%s[2]", name), layer, depth + 1);
    lua_settop(L, at);
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TNUMBER && lua_tointeger(L, -2) <= 2 &&
            lua_tointeger(L, -2) >= 1)
            continue;
        if (lua_type(L, -2) != LUA_TSTRING)
            assay_arg_error(L, "%s may have names and two positions", name);
        const char *key = lua_tostring(L, -2);
        give(layer, key, plain_value(L, name, key));
    }
}

static void read_list(lua_State *L, int at, const char *name, json_t *owner, int depth)
{
    luaL_checkstack(L, 16, NULL);
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a list of layers, got a %s", name, luaL_typename(L, at));
    if (depth > DEEPEST)
        assay_arg_error(L, "%s stands deeper than %d blocks", name, DEEPEST);
    json_t *list = give(owner, "layers", json_array());
    const lua_Integer n = luaL_len(L, at);
    for (lua_Integer i = 1; i <= n; i++) {
        const int top = lua_gettop(L);
        const char *layer = lua_pushfstring(L, "%s[%I]", name, (LUAI_UACINT)i);
        lua_geti(L, at, i);
        read_layer(L, layer, list, depth);
        lua_settop(L, top);
    }
}

/* ---- making ---- */

static uint64_t read_seed(lua_State *L)
{
    return (uint64_t)assay_opt_integer(L, OPTIONS, "seed", 0, 0, INT64_MAX);
}

static int make(lua_State *L, const json_t *description, uint64_t seed)
{
    const assay_gemm_kind gemm =
        (assay_gemm_kind)assay_opt_choice(L, OPTIONS, "gemm", 0, assay_gemm_names);
    assay_net_handle *self = assay_lua_push_net(L);
    char *text = json_dumps(description, JSON_COMPACT);
    const int status = assay_net_new(text ? text : "", seed, SIZE_MAX, &self->net);
    free(text);
    assay_arg_status(L, status);
    assay_net_set_gemm(self->net, gemm);
    return 1;
}

static void check_table(lua_State *L)
{
    if (!lua_istable(L, OPTIONS))
        assay_arg_error(L, "the argument must be a table, got a %s", luaL_typename(L, OPTIONS));
}

/* new{input=, layers=, seed=0, gemm="blas"} */
static int new (lua_State *L)
{
    static const char *const known[] = {"input", "layers", "seed", "gemm", NULL};
    size_t n = 0;
    assay_opts_check(L, OPTIONS, known);
    json_t *description = push_description(L);
    if (!assay_opt_push(L, OPTIONS, "input"))
        assay_arg_error(L, "input must be given");
    const size_t *input = assay_arg_indices(L, -1, "input", 0, SIZE_MAX, &n);
    json_t *sides = give(description, "input", json_array());
    for (size_t i = 0; i < n; i++)
        give(sides, NULL, json_integer((json_int_t)input[i]));
    assay_opt_push(L, OPTIONS, "layers");
    read_list(L, lua_gettop(L), "layers", description, 0);
    return make(L, description, read_seed(L));
}

static void add_layer(json_t *layers, const char *type, const char *key, size_t value)
{
    json_t *layer = give(layers, NULL, json_object());
    give(layer, "type", json_string(type));
    if (key)
        give(layer, key, json_integer((json_int_t)value));
}

/* The table's positions 1, 2, ...: sizes of layers. Checks its names, too. */
static const size_t *read_sizes(
    lua_State *L, const char *const *known, size_t least, size_t most, size_t *n)
{
    check_table(L);
    *n = (size_t)luaL_len(L, OPTIONS);
    if (*n < least || *n > most)
        assay_arg_error(L, "the table must begin with %zu or more sizes, got %zu", least, *n);
    size_t *sizes = assay_lua_scratch(L, *n, sizeof *sizes);
    lua_newtable(L);
    const int named = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, OPTIONS);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        if (lua_isinteger(L, -2))
            lua_pop(L, 2);
        else
            lua_settable(L, named);
    }
    assay_opts_check(L, named, known);
    for (size_t i = 0; i < *n; i++) {
        lua_geti(L, OPTIONS, (lua_Integer)i + 1);
        const int at = lua_gettop(L);
        const char *name = lua_pushfstring(L, "size %d", (int)i + 1);
        sizes[i] = (size_t)assay_arg_integer(L, at, name, 1, INT32_MAX);
    }
    return sizes;
}

static const char *const activations[] = {
    "relu", "leaky", "gelu", "gelu_exact", "silu", "tanh", "sigmoid", "softplus", NULL};

/* mlp{784, 256, 10, act="relu", seed=0, gemm="blas"} */
static int mlp(lua_State *L)
{
    static const char *const known[] = {"act", "seed", "gemm", NULL};
    size_t n = 0;
    const size_t *sizes = read_sizes(L, known, 2, 64, &n);
    const char *act = activations[assay_opt_choice(L, OPTIONS, "act", 0, activations)];
    json_t *description = push_description(L);
    give(give(description, "input", json_array()), NULL, json_integer((json_int_t)sizes[0]));
    json_t *layers = give(description, "layers", json_array());
    for (size_t i = 1; i < n; i++) {
        add_layer(layers, "dense", "out", sizes[i]);
        if (i + 1 < n)
            add_layer(layers, act, NULL, 0);
    }
    return make(L, description, read_seed(L));
}

/* logistic{d, k, seed=0, gemm="blas"}: one dense layer from zeros, as the loss is convex */
static int logistic(lua_State *L)
{
    static const char *const known[] = {"seed", "gemm", NULL};
    size_t n = 0;
    const size_t *sizes = read_sizes(L, known, 2, 2, &n);
    json_t *description = push_description(L);
    give(give(description, "input", json_array()), NULL, json_integer((json_int_t)sizes[0]));
    add_layer(give(description, "layers", json_array()), "dense", "out", sizes[1]);
    make(L, description, read_seed(L));
    const assay_net_handle *self = lua_touserdata(L, -1);
    memset(self->net->params.w, 0, self->net->params.length * sizeof(float));
    return 1;
}

/* denoiser{dim=, hidden={128, 128, 128}, act="silu", time="sinusoidal", count=32, scale=1000} */
static int denoiser(lua_State *L)
{
    static const char *const known[] = {
        "dim", "hidden", "act", "time", "count", "scale", "seed", "gemm", NULL};
    static const char *const times[] = {"sinusoidal", "plain", NULL};
    static const size_t usual[] = {128, 128, 128};
    size_t n = 3;
    check_table(L);
    assay_opts_check(L, OPTIONS, known);
    const int64_t dim = assay_opt_integer(L, OPTIONS, "dim", 0, 1, INT32_MAX);
    if (dim == 0)
        assay_arg_error(L, "dim must be given");
    const char *act = activations[assay_opt_choice(L, OPTIONS, "act", 4, activations)];
    const bool embeds = assay_opt_choice(L, OPTIONS, "time", 0, times) == 0;
    const int64_t count = assay_opt_integer(L, OPTIONS, "count", 32, 4, 1 << 16);
    const double scale = assay_opt_number(L, OPTIONS, "scale", 1000, 1e-6, 1e9);
    const size_t *hidden = usual;
    if (assay_opt_push(L, OPTIONS, "hidden"))
        hidden = assay_arg_indices(L, -1, "hidden", 0, SIZE_MAX, &n);
    json_t *description = push_description(L);
    give(give(description, "input", json_array()), NULL, json_integer(dim + 1));
    json_t *layers = give(description, "layers", json_array());
    if (embeds) {
        add_layer(layers, "time", "count", (size_t)count);
        give(json_array_get(layers, 0), "scale", json_real(scale));
    }
    for (size_t i = 0; i < n; i++) {
        add_layer(layers, "dense", "out", hidden[i]);
        add_layer(layers, act, NULL, 0);
    }
    add_layer(layers, "dense", "out", (size_t)dim);
    return make(L, description, read_seed(L));
}

/* load(path) */
static int load(lua_State *L)
{
    const char *path = assay_arg_string(L, 1, "path");
    assay_net_handle *self = assay_lua_push_net(L);
    assay_arg_status(L, assay_net_load(path, &self->net));
    return 1;
}

const luaL_Reg assay_lua_net_builders[] = {
    {"new", new},
    {"mlp", mlp},
    {"logistic", logistic},
    {"denoiser", denoiser},
    {"load", load},
    {NULL, NULL},
};
