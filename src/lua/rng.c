/*
 * assay.rng: random streams as Lua values, over core/rng.h.
 *
 * Every draw takes an optional count last: without it one value comes back, with it a list, which
 * is bitwise the values that as many single calls would give (but for categorical, whose lists use
 * the alias method).
 */
#include "lua/args.h"
#include "lua/module.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static assay_rng *self(lua_State *L)
{
    assay_rng *rng = luaL_testudata(L, 1, ASSAY_LUA_RNG);
    if (!rng)
        assay_arg_error(L, "call it with a colon: the first argument must be an rng, got a %s",
            luaL_typename(L, 1));
    return rng;
}

enum { MOST = INT32_MAX - 1 }; /* elements of a list */

/* ---- draws of one value or a list ---- */

typedef struct parameters {
    double a, b;
    uint64_t i, j, k;
} parameters;

typedef double (*real_draw)(assay_rng *rng, const parameters *p);
typedef lua_Integer (*whole_draw)(assay_rng *rng, const parameters *p);

/* The count at `at` says how many. */
static int push_reals(lua_State *L, assay_rng *rng, int at, real_draw draw, const parameters *p)
{
    if (lua_isnoneornil(L, at)) {
        lua_pushnumber(L, draw(rng, p));
        return 1;
    }
    int n = (int)assay_arg_integer(L, at, "n", 0, MOST);
    lua_createtable(L, n, 0);
    for (int i = 1; i <= n; i++) {
        lua_pushnumber(L, draw(rng, p));
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static int push_wholes(lua_State *L, assay_rng *rng, int at, whole_draw draw, const parameters *p)
{
    if (lua_isnoneornil(L, at)) {
        lua_pushinteger(L, draw(rng, p));
        return 1;
    }
    int n = (int)assay_arg_integer(L, at, "n", 0, MOST);
    lua_createtable(L, n, 0);
    for (int i = 1; i <= n; i++) {
        lua_pushinteger(L, draw(rng, p));
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static double positive(lua_State *L, int at, const char *name)
{
    return assay_arg_number(L, at, name, ASSAY_POSITIVE, ASSAY_FINITE);
}

static double draw_uniform(assay_rng *rng, const parameters *p)
{
    (void)p;
    return assay_rng_uniform(rng);
}

static int rng_uniform(lua_State *L)
{
    return push_reals(L, self(L), 2, draw_uniform, NULL);
}

static double draw_normal(assay_rng *rng, const parameters *p)
{
    (void)p;
    return assay_rng_normal(rng);
}

/* rng:normal([n [, d]]): with d an n x d matrix, the same draws row after row */
static int rng_normal(lua_State *L)
{
    assay_rng *rng = self(L);
    if (lua_isnoneornil(L, 3))
        return push_reals(L, rng, 2, draw_normal, NULL);
    const size_t n = (size_t)assay_arg_integer(L, 2, "n", 0, MOST);
    const size_t d = (size_t)assay_arg_integer(L, 3, "d", 0, MOST);
    const assay_matrix m = assay_push_matrix(L, n, d);
    for (size_t i = 0; i < n * d; i++)
        m.data[i] = assay_rng_normal(rng);
    return 1;
}

static double draw_exponential(assay_rng *rng, const parameters *p)
{
    return assay_rng_exponential(rng, p->a);
}

static int rng_exponential(lua_State *L)
{
    assay_rng *rng = self(L);
    parameters p = {.a = positive(L, 2, "rate")};
    return push_reals(L, rng, 3, draw_exponential, &p);
}

static double draw_gamma(assay_rng *rng, const parameters *p)
{
    return assay_rng_gamma(rng, p->a, p->b);
}

static int rng_gamma(lua_State *L)
{
    assay_rng *rng = self(L);
    parameters p = {.a = positive(L, 2, "shape"), .b = positive(L, 3, "scale")};
    return push_reals(L, rng, 4, draw_gamma, &p);
}

static double draw_beta(assay_rng *rng, const parameters *p)
{
    return assay_rng_beta(rng, p->a, p->b);
}

static int rng_beta(lua_State *L)
{
    assay_rng *rng = self(L);
    parameters p = {.a = positive(L, 2, "a"), .b = positive(L, 3, "b")};
    return push_reals(L, rng, 4, draw_beta, &p);
}

static lua_Integer draw_binomial(assay_rng *rng, const parameters *p)
{
    return (lua_Integer)assay_rng_binomial(rng, p->i, p->a);
}

static int rng_binomial(lua_State *L)
{
    assay_rng *rng = self(L);
    parameters p = {.i = (uint64_t)assay_arg_integer(L, 2, "trials", 0, INT64_MAX),
        .a = assay_arg_number(L, 3, "p", 0, 1)};
    return push_wholes(L, rng, 4, draw_binomial, &p);
}

static lua_Integer draw_poisson(assay_rng *rng, const parameters *p)
{
    return (lua_Integer)assay_rng_poisson(rng, p->a);
}

static int rng_poisson(lua_State *L)
{
    assay_rng *rng = self(L);
    parameters p = {.a = assay_arg_number(L, 2, "mean", 0, 0x1p62)};
    return push_wholes(L, rng, 3, draw_poisson, &p);
}

static lua_Integer draw_hypergeometric(assay_rng *rng, const parameters *p)
{
    return (lua_Integer)assay_rng_hypergeometric(rng, p->i, p->j, p->k);
}

static int rng_hypergeometric(lua_State *L)
{
    assay_rng *rng = self(L);
    parameters p = {.i = (uint64_t)assay_arg_integer(L, 2, "good", 0, INT64_MAX)};
    p.j = (uint64_t)assay_arg_integer(L, 3, "bad", 0, INT64_MAX - (int64_t)p.i);
    p.k = (uint64_t)assay_arg_integer(L, 4, "draws", 0, (int64_t)(p.i + p.j));
    return push_wholes(L, rng, 5, draw_hypergeometric, &p);
}

/* i is the lowest value, as bits; j how many there are, 0 for all 2^64. */
static lua_Integer draw_integer(assay_rng *rng, const parameters *p)
{
    return (lua_Integer)(p->i + (p->j ? assay_rng_below(rng, p->j) : assay_rng_u64(rng)));
}

static int rng_integer(lua_State *L)
{
    assay_rng *rng = self(L);
    int64_t low = assay_arg_integer(L, 2, "lo", INT64_MIN, INT64_MAX);
    int64_t high = assay_arg_integer(L, 3, "hi", low, INT64_MAX);
    parameters p = {.i = (uint64_t)low, .j = (uint64_t)high - (uint64_t)low + 1};
    return push_wholes(L, rng, 4, draw_integer, &p);
}

static int rng_categorical(lua_State *L)
{
    assay_rng *rng = self(L);
    size_t size = 0, index = 0;
    const double *weights = assay_arg_vector(L, 2, "weights", &size);
    for (size_t i = 0; i < size; i++)
        if (!(weights[i] >= 0 && weights[i] <= ASSAY_FINITE))
            assay_arg_error(
                L, "weights[%zu] must be at least 0 and finite, got %.14g", i + 1, weights[i]);
    if (lua_isnoneornil(L, 3)) {
        assay_arg_status(L, assay_rng_categorical(rng, weights, size, &index));
        lua_pushinteger(L, (lua_Integer)index + 1);
        return 1;
    }
    size_t n = (size_t)assay_arg_integer(L, 3, "n", 0, MOST);
    size_t *indices = assay_lua_scratch(L, n, sizeof *indices);
    assay_arg_status(L, assay_rng_categorical_many(rng, weights, size, n, indices));
    assay_push_indices(L, indices, n, 1);
    return 1;
}

/* ---- orders and subsets ---- */

static int rng_permutation(lua_State *L)
{
    assay_rng *rng = self(L);
    size_t n = (size_t)assay_arg_integer(L, 2, "n", 0, MOST);
    size_t *order = assay_lua_scratch(L, n, sizeof *order);
    assay_rng_permutation(rng, n, order);
    assay_push_indices(L, order, n, 1);
    return 1;
}

static int rng_sample(lua_State *L)
{
    assay_rng *rng = self(L);
    int64_t n = assay_arg_integer(L, 2, "n", 0, (int64_t)1 << 53);
    size_t k = (size_t)assay_arg_integer(L, 3, "k", 0, n < MOST ? n : MOST);
    size_t *chosen = assay_lua_scratch(L, k, sizeof *chosen);
    assay_arg_status(L, assay_rng_sample(rng, (size_t)n, k, chosen));
    assay_push_indices(L, chosen, k, 1);
    return 1;
}

/* Fisher-Yates in place, as assay_rng_permutation's; the list is returned too. */
static int rng_shuffle(lua_State *L)
{
    assay_rng *rng = self(L);
    if (!lua_istable(L, 2))
        assay_arg_error(L, "list must be a table, got a %s", luaL_typename(L, 2));
    lua_settop(L, 2);
    lua_Integer n = luaL_len(L, 2);
    for (lua_Integer i = 1; i < n; i++) {
        lua_Integer j = i + (lua_Integer)assay_rng_below(rng, (uint64_t)(n - i + 1));
        lua_geti(L, 2, i);
        lua_geti(L, 2, j);
        lua_seti(L, 2, i);
        lua_seti(L, 2, j);
    }
    return 1;
}

/* ---- streams ---- */

static int rng_split(lua_State *L)
{
    assay_rng *rng = self(L);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        int64_t id = assay_arg_integer(L, 2, "id", INT64_MIN, INT64_MAX);
        assay_push_rng(L, assay_rng_split(rng, (uint64_t)id));
    } else if (lua_type(L, 2) == LUA_TSTRING) {
        assay_push_rng(L, assay_rng_split_name(rng, assay_arg_string(L, 2, "id")));
    } else {
        assay_arg_error(L, "id must be an integer or a name, got a %s", luaL_typename(L, 2));
    }
    return 1;
}

static int rng_copy(lua_State *L)
{
    assay_push_rng(L, *self(L));
    return 1;
}

static int rng_tostring(lua_State *L)
{
    const assay_rng *rng = self(L);
    char text[96];
    snprintf(text, sizeof text, "rng %08x%08x%08x%08x at %llu", rng->key[0], rng->key[1],
        rng->nonce[0], rng->nonce[1], (unsigned long long)(4 * rng->block + rng->position - 4));
    lua_pushstring(L, text);
    return 1;
}

/* The same stream at the same place: equal draws from here on. */
static int rng_equal(lua_State *L)
{
    const assay_rng *a = self(L), *b = luaL_testudata(L, 2, ASSAY_LUA_RNG);
    lua_pushboolean(L, b && memcmp(a->key, b->key, sizeof a->key) == 0 &&
                           memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0 &&
                           4 * a->block + a->position == 4 * b->block + b->position);
    return 1;
}

static int rng(lua_State *L)
{
    int64_t seed = assay_arg_integer(L, 1, "seed", INT64_MIN, INT64_MAX);
    assay_push_rng(L, assay_rng_seed((uint64_t)seed));
    return 1;
}

static const luaL_Reg methods[] = {
    {"split", rng_split},
    {"copy", rng_copy},
    {"uniform", rng_uniform},
    {"normal", rng_normal},
    {"exponential", rng_exponential},
    {"gamma", rng_gamma},
    {"beta", rng_beta},
    {"binomial", rng_binomial},
    {"poisson", rng_poisson},
    {"hypergeometric", rng_hypergeometric},
    {"categorical", rng_categorical},
    {"integer", rng_integer},
    {"permutation", rng_permutation},
    {"sample", rng_sample},
    {"shuffle", rng_shuffle},
    {NULL, NULL},
};

int assay_lua_rng(lua_State *L)
{
    luaL_newmetatable(L, ASSAY_LUA_RNG);
    lua_newtable(L);
    assay_lua_register_methods(L, "rng", methods);
    lua_setfield(L, -2, "__index");
    assay_lua_push_function(L, "rng", rng_tostring);
    lua_setfield(L, -2, "__tostring");
    assay_lua_push_function(L, "rng", rng_equal);
    lua_setfield(L, -2, "__eq");
    lua_pushliteral(L, "rng");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    assay_lua_push_function(L, "rng", rng);
    return 1;
}
