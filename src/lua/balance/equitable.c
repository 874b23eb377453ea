/*
 * assay.balance: allocation along learning curves that are yet to be learnt
 * (methods/balance/equitable.h).
 *
 * A world is a population of assay.balance.polygenic_world, or a table with `groups`, their number,
 * and the functions collect(g, n) and performance(g, sizes, rng).
 */
#include <math.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/balance/balance.h"
#include "lua/balance/curves.h"
#include "lua/balance/polygenic.h"
#include "lua/report.h"

/* ---- worlds ---- */

static int polygenic_collect(void *context, size_t g, size_t n)
{
    return assay_polygenic_collect(context, g, n);
}

static int polygenic_performance(
    void *context, size_t g, const size_t *sizes, assay_rng *rng, double *value)
{
    return assay_polygenic_performance(context, g, sizes, rng, false, value);
}

/* A world of Lua functions, at argument 1. An error of one is kept at `error`. */
struct lua_world {
    lua_State *L;
    size_t groups;
    int error;
    bool failed;
};

static int call(struct lua_world *w, int arguments)
{
    if (lua_pcall(w->L, arguments, 1, 0) == LUA_OK)
        return ASSAY_OK;
    w->failed = true;
    lua_replace(w->L, w->error);
    return assay_fail(ASSAY_ESCRIPT, "a function of the world failed");
}

static int lua_collect(void *context, size_t g, size_t n)
{
    struct lua_world *w = context;
    lua_getfield(w->L, 1, "collect");
    lua_pushinteger(w->L, (lua_Integer)g + 1);
    lua_pushinteger(w->L, (lua_Integer)n);
    const int status = call(w, 2);
    if (!status)
        lua_pop(w->L, 1);
    return status;
}

static int lua_performance(
    void *context, size_t g, const size_t *sizes, assay_rng *rng, double *value)
{
    struct lua_world *w = context;
    lua_getfield(w->L, 1, "performance");
    lua_pushinteger(w->L, (lua_Integer)g + 1);
    assay_push_indices(w->L, sizes, w->groups, 0);
    assay_push_rng(w->L, *rng);
    const int status = call(w, 3);
    if (status)
        return status;
    const bool number = lua_type(w->L, -1) == LUA_TNUMBER;
    *value = number ? lua_tonumber(w->L, -1) : NAN;
    if (!number)
        assay_fail(ASSAY_EINVAL, "equitable: world.performance must return a number, got a %s",
            luaL_typename(w->L, -1));
    lua_pop(w->L, 1);
    return number ? ASSAY_OK : ASSAY_EINVAL;
}

static struct assay_collect world_argument(lua_State *L, struct lua_world *w)
{
    assay_polygenic *polygenic = assay_lua_test_polygenic(L, 1);
    if (polygenic)
        return (struct assay_collect){
            polygenic, assay_polygenic_groups(polygenic), polygenic_collect, polygenic_performance};
    if (!lua_istable(L, 1))
        assay_arg_error(L, "world must be a table or a population, got a %s", luaL_typename(L, 1));
    static const char *const functions[] = {"collect", "performance"};
    for (size_t i = 0; i < 2; i++) {
        if (lua_getfield(L, 1, functions[i]) != LUA_TFUNCTION)
            assay_arg_error(
                L, "world.%s must be a function, got a %s", functions[i], luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    lua_getfield(L, 1, "groups");
    w->groups = (size_t)assay_arg_integer(L, -1, "world.groups", 1, INT32_MAX);
    lua_pushnil(L);
    w->error = lua_gettop(L);
    return (struct assay_collect){w, w->groups, lua_collect, lua_performance};
}

/* ---- options ---- */

static void read_curve_options(lua_State *L, struct assay_curve_options *o)
{
    o->law = (assay_curve_law)assay_opt_choice(L, 2, "law", 0, assay_lua_curve_laws);
    o->a_max = assay_opt_number(L, 2, "a_max", 1, ASSAY_POSITIVE, INFINITY);
    o->prior = assay_opt_number(L, 2, "prior", o->prior, 0, ASSAY_FINITE);
}

static size_t count_option(lua_State *L, const char *key, size_t absent)
{
    return (size_t)assay_opt_integer(L, 2, key, (int64_t)absent, 1, INT32_MAX);
}

static void read_groups(lua_State *L, struct assay_equitable_options *o, size_t k)
{
    size_t n = 0;
    o->cost = assay_lua_groups_option(L, 2, "cost", k);
    o->weight = assay_lua_groups_option(L, 2, "weight", k);
    o->share = assay_lua_groups_option(L, 2, "share", k);
    if (!assay_opt_push(L, 2, "curves"))
        return;
    o->curves = assay_lua_curves(L, lua_gettop(L), "curves", &n);
    if (n != k)
        assay_arg_error(L, "curves must have %zu curves as there are groups, got %zu", k, n);
}

static struct assay_equitable_options read_options(lua_State *L, size_t k)
{
    static const char *const known[] = {"strategy", "budget", "cost", "weight", "share", "curves",
        "risk", "objective", "start", "rounds", "repeats", "floor", "lookahead", "transfer", "law",
        "a_max", "prior", "prior_rounds", "lambda", "change", "rng", "progress", NULL};
    static const char *const strategies[] = {"adaptive", "equal", "proportional", "waterfill",
        "worst", "random", "slice_tuner", "oracle", "one-shot", NULL};
    static const char *const changes[] = {"any", "conservative", "moderate", "aggressive", NULL};
    static const char *const objectives[] = {"utility", "maxmin", NULL};
    enum { ONE_SHOT = ASSAY_STRATEGY_ORACLE + 1 };
    assay_opts_check(L, 2, known);
    struct assay_equitable_options o = assay_equitable_defaults();
    const int strategy = assay_opt_choice(L, 2, "strategy", 0, strategies);
    o.strategy = strategy == ONE_SHOT ? ASSAY_STRATEGY_ADAPTIVE : (assay_strategy)strategy;
    o.budget = assay_opt_required(L, 2, "budget", 0, ASSAY_FINITE);
    o.risk = assay_opt_number(L, 2, "risk", 0, 0, ASSAY_FINITE);
    o.maxmin = assay_opt_choice(L, 2, "objective", 0, objectives) == 1;
    o.start = count_option(L, "start", o.start);
    o.rounds = count_option(L, "rounds", o.rounds);
    o.rounds = strategy == ONE_SHOT ? 1 : o.rounds;
    o.repeats = count_option(L, "repeats", o.repeats);
    o.floor = assay_opt_number(L, 2, "floor", o.floor, 0, 1);
    o.lookahead = assay_opt_boolean(L, 2, "lookahead", o.lookahead);
    o.transfer = assay_opt_boolean(L, 2, "transfer", o.transfer);
    read_curve_options(L, &o.curve);
    o.prior_rounds =
        (size_t)assay_opt_integer(L, 2, "prior_rounds", (int64_t)o.prior_rounds, 0, INT32_MAX);
    o.lambda = assay_opt_number(L, 2, "lambda", o.lambda, 0, ASSAY_FINITE);
    o.change = (assay_slice_change)assay_opt_choice(L, 2, "change", (int)o.change, changes);
    read_groups(L, &o, k);
    return o;
}

/* ---- the trace ---- */

static int trace_free(lua_State *L)
{
    assay_equitable_trace_free(lua_touserdata(L, 1));
    return 0;
}

static void push_round(lua_State *L, const assay_equitable_trace *t, size_t round)
{
    const size_t k = t->groups;
    const assay_learning_curve *curves = t->curves + round * k;
    lua_createtable(L, 0, 3);
    assay_push_indices(L, t->n + round * k, k, 0);
    lua_setfield(L, -2, "n");
    if (!isnan(t->value[round * k]))
        assay_set_vector(L, "value", t->value + round * k, k);
    if (curves[0].a == 0 && curves[0].mse == 0)
        return; /* none was fitted */
    lua_createtable(L, (int)k, 0);
    for (size_t g = 0; g < k; g++) {
        assay_lua_push_curve(L, &curves[g]);
        lua_rawseti(L, -2, (lua_Integer)g + 1);
    }
    lua_setfield(L, -2, "curves");
}

static void push_trace(lua_State *L, const assay_equitable_trace *t)
{
    lua_createtable(L, 0, 3);
    assay_push_indices(L, t->n + t->rounds * t->groups, t->groups, 0);
    lua_setfield(L, -2, "n");
    assay_set_number(L, "spent", t->spent);
    lua_createtable(L, (int)t->rounds, 0);
    for (size_t round = 0; round < t->rounds; round++) {
        push_round(L, t, round);
        lua_rawseti(L, -2, (lua_Integer)round + 1);
    }
    lua_setfield(L, -2, "rounds");
}

/* equitable(world, {...}): {n=, spent=, rounds={{n= [, value=, curves=]} ..}} */
static int equitable(lua_State *L)
{
    luaL_checkstack(L, 40, NULL);
    struct lua_world lua = {.L = L};
    const struct assay_collect world = world_argument(L, &lua);
    struct assay_equitable_options o = read_options(L, world.groups);
    assay_rng *rng = assay_required_rng(L, 2);
    assay_equitable_trace *trace = assay_lua_owner(L, sizeof *trace, trace_free);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    o.progress = &report.progress;
    const int status = assay_balance_equitable_run(&world, &o, rng, trace);
    if (lua.failed) {
        lua_pushvalue(L, lua.error);
        return lua_error(L);
    }
    assay_lua_report_end(&report, status);
    push_trace(L, trace);
    return 1;
}

const luaL_Reg assay_lua_equitable[] = {
    {"equitable", equitable},
    {NULL, NULL},
};
