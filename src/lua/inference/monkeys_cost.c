/* What samples cost, for Lua (methods/inference/monkeys.h). */
#include "lua/args.h"
#include "lua/inference/inference.h"

#include <math.h>

#include "methods/inference/monkeys.h"

/* flops({params=, layers=, dim=}, {prompt=, decode=, completions=1}) */
static int flops(lua_State *L)
{
    static const char *const size_keys[] = {"params", "layers", "dim", NULL};
    static const char *const use_keys[] = {"prompt", "decode", "completions", NULL};
    assay_opts_check(L, 1, size_keys);
    assay_opts_check(L, 2, use_keys);
    const assay_lm_size size = {assay_opt_required(L, 1, "params", 0, ASSAY_FINITE),
        assay_opt_required(L, 1, "layers", 0, ASSAY_FINITE),
        assay_opt_required(L, 1, "dim", 0, ASSAY_FINITE)};
    const size_t prompt = (size_t)assay_opt_integer(L, 2, "prompt", 0, 0, (int64_t)1 << 40);
    const size_t decode = (size_t)assay_opt_integer(L, 2, "decode", 0, 0, (int64_t)1 << 40);
    const double completions = assay_opt_number(L, 2, "completions", 1, 0, ASSAY_FINITE);
    double total = 0, of_prompt = 0, with_one = 0, per_token = 0;
    assay_arg_status(L, assay_inference_flops(&size, prompt, decode, completions, &total));
    assay_arg_status(L, assay_inference_flops(&size, prompt, decode, 0, &of_prompt));
    assay_arg_status(L, assay_inference_flops(&size, prompt, decode, 1, &with_one));
    assay_arg_status(L, assay_flops_per_token(&size, 1, &per_token));
    lua_createtable(L, 0, 4);
    assay_set_number(L, "total", total);
    assay_set_number(L, "prompt", of_prompt);
    assay_set_number(L, "per_completion", with_one - of_prompt);
    assay_set_number(L, "per_token_at_1", per_token);
    return 1;
}

/* One option as numbers for `count` alternatives: one number for all, or a list. */
static const double *alternatives(
    lua_State *L, int at, const char *key, double absent, size_t count)
{
    double *same = assay_lua_doubles(L, count);
    for (size_t i = 0; i < count; i++)
        same[i] = absent;
    return assay_opt_push(L, at, key) ? assay_arg_vector_of(L, -1, key, count) : same;
}

/* How many alternatives the lists among the options have: 0 when all are single numbers. */
static size_t alternatives_count(lua_State *L, int at, const char *const *keys)
{
    size_t count = 0;
    for (; *keys; keys++) {
        if (assay_opt_push(L, at, *keys) && lua_type(L, -1) == LUA_TTABLE)
            count = (size_t)luaL_len(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

static void price_alternative(
    lua_State *L, const double *const *x, size_t i, bool per_attempt, bool cached, double *total)
{
    assay_token_price price = {.prompt = x[2][i],
        .completion = x[3][i],
        .prompt_tokens = x[4][i],
        .completion_tokens = x[5][i],
        .prompt_cached = cached};
    if (per_attempt) /* a million tokens a completion: the price is that of an attempt */
        price = (assay_token_price){.completion = x[6][i], .completion_tokens = 1e6};
    assay_arg_status(L, assay_api_cost(&price, x[0][i], x[1][i], total));
}

/*
 * api_cost{problems=, attempts=, cost_per_attempt=} or {problems=, attempts=, prompt_tokens=,
 * completion_tokens=, prompt_price=, completion_price=, prompt_cached=false} with prices for 10^6
 * tokens. Lists compare alternatives: then total is a list, and relative is total over the first.
 */
static int api_cost(lua_State *L)
{
    static const char *const keys[] = {"problems", "attempts", "prompt_price", "completion_price",
        "prompt_tokens", "completion_tokens", "cost_per_attempt", NULL};
    static const char *const known[] = {"problems", "attempts", "prompt_price", "completion_price",
        "prompt_tokens", "completion_tokens", "cost_per_attempt", "prompt_cached", NULL};
    static const char *const whole_price[] = {"problems", "attempts", "cost_per_attempt", NULL};
    assay_opts_check(L, 1, known);
    const bool cached = assay_opt_boolean(L, 1, "prompt_cached", false);
    const bool per_attempt = assay_opt_push(L, 1, "cost_per_attempt");
    if (per_attempt)
        assay_opts_check(
            L, 1, whole_price); /* the price of an attempt leaves nothing else to say */
    else if (!assay_opt_push(L, 1, "completion_price"))
        assay_arg_error(L, "either cost_per_attempt or completion_price must be given");
    const size_t listed = alternatives_count(L, 1, keys), count = listed ? listed : 1;
    const double *x[sizeof keys / sizeof *keys];
    for (size_t i = 0; keys[i]; i++)
        x[i] = alternatives(L, 1, keys[i], i < 2 ? 1 : 0, count);
    double *total = assay_lua_doubles(L, count), *relative = assay_lua_doubles(L, count);
    for (size_t i = 0; i < count; i++) {
        price_alternative(L, x, i, per_attempt, cached, &total[i]);
        relative[i] = total[i] / total[0];
    }
    lua_createtable(L, 0, 2);
    if (!listed) {
        assay_set_number(L, "total", total[0]);
        return 1;
    }
    assay_set_vector(L, "total", total, count);
    assay_set_vector(L, "relative", relative, count);
    return 1;
}

/* cost_curve(k, coverage, {per_attempt=, fixed=0 [, at=]}): {cost=, coverage=} with
 * cost = fixed + k per_attempt; with `at`, the coverage at those costs (NaN outside the curve) */
static int cost_curve(lua_State *L)
{
    static const char *const known[] = {"per_attempt", "fixed", "at", NULL};
    assay_opts_check(L, 3, known);
    size_t m = 0, count = 0;
    const double *coverage = NULL, *k = assay_lua_curve_argument(L, &coverage, &m);
    const double per_attempt = assay_opt_required(L, 3, "per_attempt", 0, ASSAY_FINITE);
    const double fixed = assay_opt_number(L, 3, "fixed", 0, 0, ASSAY_FINITE);
    double *cost = assay_lua_doubles(L, m);
    for (size_t i = 0; i < m; i++)
        cost[i] = fixed + k[i] * per_attempt;
    const double *at = cost, *shown = coverage;
    size_t points = m;
    if (assay_opt_push(L, 3, "at")) {
        at = assay_arg_numbers(L, -1, "at", &count);
        points = count;
    }
    double *interpolated = assay_lua_doubles(L, points); /* checks the curve in either case */
    assay_arg_status(L, assay_cost_curve(cost, coverage, m, at, points, interpolated));
    if (at != cost)
        shown = interpolated;
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "cost", at, points);
    assay_set_vector(L, "coverage", shown, points);
    return 1;
}

/* cost and coverage of the curve at argument `at`, whose name is `name` */
static const double *cost_argument(
    lua_State *L, int at, const char *name, const double **coverage, size_t *m)
{
    size_t points = 0;
    luaL_checktype(L, at, LUA_TTABLE);
    assay_opt_push(L, at, "cost");
    const char *cost_name = lua_pushfstring(L, "%s.cost", name);
    const double *cost = assay_arg_vector(L, -2, cost_name, m);
    assay_opt_push(L, at, "coverage");
    const char *coverage_name = lua_pushfstring(L, "%s.coverage", name);
    *coverage = assay_arg_vector(L, -2, coverage_name, &points);
    if (points != *m)
        assay_arg_error(
            L, "%s must have %zu values as %s has, got %zu", coverage_name, *m, cost_name, points);
    return cost;
}

/* cost_crossings(a, b): {{cost=, coverage=, better="a"|"b"}, ...}, better beyond that cost */
static int cost_crossings(lua_State *L)
{
    size_t ma = 0, mb = 0, count = 0;
    const double *coverage_a = NULL, *coverage_b = NULL;
    const double *a = cost_argument(L, 1, "a", &coverage_a, &ma);
    const double *b = cost_argument(L, 2, "b", &coverage_b, &mb);
    assay_crossing *crossing = assay_lua_scratch(L, ma + mb, sizeof *crossing);
    assay_arg_status(
        L, assay_cost_crossings(a, coverage_a, ma, b, coverage_b, mb, crossing, &count));
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        assay_set_number(L, "cost", crossing[i].cost);
        assay_set_number(L, "coverage", crossing[i].coverage);
        lua_pushstring(L, crossing[i].a_better ? "a" : "b");
        lua_setfield(L, -2, "better");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg assay_lua_monkeys_cost[] = {
    {"flops", flops},
    {"api_cost", api_cost},
    {"cost_curve", cost_curve},
    {"cost_crossings", cost_crossings},
    {NULL, NULL},
};
