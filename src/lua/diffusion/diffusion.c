/*
 * assay.diffusion: noise schedules (core/schedule.h). The models are in denoiser.c, the samplers in
 * sampler.c.
 */
#include "lua/diffusion/diffusion.h"

#include "lua/args.h"
#include "lua/module.h"

#include <math.h>
#include <string.h>

#define SCHEDULE "assay.schedule"

/* ---- schedules ---- */

static const char *const beta_kinds[] = {"linear", "quad", "cosine", NULL};
static const char *const kinds[] = {"vp_linear", "vp_cosine", "edm", "discrete", NULL};

static int schedule_free(lua_State *L)
{
    assay_schedule_free(luaL_checkudata(L, 1, SCHEDULE));
    return 0;
}

/* The options of a kind; those of another are refused. */
static void check_options(lua_State *L, int at, assay_schedule_kind kind)
{
    static const char *const known[][8] = {{"kind", "beta_min", "beta_max", NULL},
        {"kind", "s", NULL}, {"kind", NULL},
        {"kind", "betas", "alphas_cumprod", "beta_kind", "N", "beta_start", "beta_end", NULL}};
    assay_opts_check(L, at, known[kind]);
}

static void read_discrete(lua_State *L, int at, assay_schedule_options *o)
{
    o->beta_kind = (assay_beta_kind)assay_opt_choice(L, at, "beta_kind", 0, beta_kinds);
    o->n = (size_t)assay_opt_integer(L, at, "N", (int64_t)o->n, 2, INT32_MAX);
    o->beta_start = assay_opt_number(L, at, "beta_start", o->beta_start, -INFINITY, INFINITY);
    o->beta_end = assay_opt_number(L, at, "beta_end", o->beta_end, -INFINITY, INFINITY);
    const bool betas = assay_opt_push(L, at, "betas");
    const int list = lua_gettop(L);
    const bool products = assay_opt_push(L, at, "alphas_cumprod");
    if (betas && products)
        assay_arg_error(L, "give either betas or alphas_cumprod, not both");
    if (betas)
        o->betas = assay_arg_vector(L, list, "betas", &o->n);
    else if (products)
        o->alphas_cumprod = assay_arg_vector(L, list + 1, "alphas_cumprod", &o->n);
}

/* Pushes the schedule that the table at `at` describes. */
static const assay_schedule *push_from_table(lua_State *L, int at, const char *name)
{
    at = lua_absindex(L, at);
    if (!lua_istable(L, at))
        assay_arg_error(
            L, "%s must be a schedule or a table {kind=...}, got a %s", name, luaL_typename(L, at));
    luaL_checkstack(L, 16, NULL);
    const int top = lua_gettop(L);
    assay_schedule *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (assay_schedule){0};
    luaL_setmetatable(L, SCHEDULE);
    const int kind = assay_opt_choice(L, at, "kind", -1, kinds);
    if (kind < 0)
        assay_arg_error(L, "kind must be given: vp_linear, vp_cosine, edm or discrete");
    check_options(L, at, (assay_schedule_kind)kind);
    assay_schedule_options o = assay_schedule_defaults((assay_schedule_kind)kind);
    o.beta_min = assay_opt_number(L, at, "beta_min", o.beta_min, -INFINITY, INFINITY);
    o.beta_max = assay_opt_number(L, at, "beta_max", o.beta_max, -INFINITY, INFINITY);
    o.s = assay_opt_number(L, at, "s", o.s, -INFINITY, INFINITY);
    if (o.kind == ASSAY_SCHEDULE_DISCRETE)
        read_discrete(L, at, &o);
    assay_arg_status(L, assay_schedule_init(s, &o));
    lua_settop(L, top + 1);
    return s;
}

const assay_schedule *assay_arg_schedule(lua_State *L, int at, const char *name)
{
    const assay_schedule *s = luaL_testudata(L, at, SCHEDULE);
    if (!s)
        return push_from_table(L, at, name);
    lua_pushvalue(L, at);
    return s;
}

static int schedule(lua_State *L)
{
    assay_arg_schedule(L, 1, "schedule");
    return 1;
}

/* schedule.kind, .T and, when discrete, .N */
static int schedule_index(lua_State *L)
{
    const assay_schedule *s = luaL_checkudata(L, 1, SCHEDULE);
    const char *key = luaL_checkstring(L, 2);
    if (strcmp(key, "kind") == 0)
        lua_pushstring(L, kinds[s->kind]);
    else if (strcmp(key, "T") == 0)
        lua_pushnumber(L, s->t_max);
    else if (strcmp(key, "N") == 0 && s->kind == ASSAY_SCHEDULE_DISCRETE)
        lua_pushinteger(L, (lua_Integer)s->n);
    else
        lua_pushnil(L);
    return 1;
}

static int schedule_tostring(lua_State *L)
{
    const assay_schedule *s = luaL_checkudata(L, 1, SCHEDULE);
    lua_pushfstring(L, "%s schedule", kinds[s->kind]);
    return 1;
}

/* Pushes a list, or the one number when the argument was one. */
static void push_like(lua_State *L, int at, const double *x, size_t n)
{
    if (lua_type(L, at) == LUA_TNUMBER)
        lua_pushnumber(L, x[0]);
    else
        assay_push_vector(L, x, n);
}

/* A number or a list; one value is pushed. */
static const double *numbers(lua_State *L, int at, const char *name, size_t *n)
{
    if (lua_type(L, at) != LUA_TNUMBER)
        return assay_arg_vector(L, at, name, n);
    *n = 1;
    return assay_arg_vector_of(L, at, name, 1);
}

/* schedule_at(schedule, t): {log_alpha=, alpha=, sigma=, lambda=}; lists for a list */
static int schedule_at(lua_State *L)
{
    static const char *const names[] = {"log_alpha", "alpha", "sigma", "lambda"};
    const assay_schedule *s = assay_arg_schedule(L, 1, "schedule");
    size_t n = 0;
    const double *t = numbers(L, 2, "t", &n);
    double *out[4];
    for (int j = 0; j < 4; j++)
        out[j] = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++) {
        assay_arg_status(L, assay_schedule_eval(s, t[i], &out[0][i], &out[2][i], &out[3][i]));
        out[1][i] = exp(out[0][i]);
    }
    lua_createtable(L, 0, 4);
    for (int j = 0; j < 4; j++) {
        push_like(L, 2, out[j], n);
        lua_setfield(L, -2, names[j]);
    }
    return 1;
}

/* inverse_lambda(schedule, lambda): t */
static int inverse_lambda(lua_State *L)
{
    const assay_schedule *s = assay_arg_schedule(L, 1, "schedule");
    size_t n = 0;
    const double *lambda = numbers(L, 2, "lambda", &n);
    double *t = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        assay_arg_status(L, assay_schedule_inverse_lambda(s, lambda[i], &t[i]));
    push_like(L, 2, t, n);
    return 1;
}

static const assay_schedule *discrete(lua_State *L)
{
    const assay_schedule *s = assay_arg_schedule(L, 1, "schedule");
    if (s->kind != ASSAY_SCHEDULE_DISCRETE)
        assay_arg_error(L, "schedule must be discrete, got %s (see schedule_at)", kinds[s->kind]);
    return s;
}

/* betas(schedule): the N steps' 1 - alpha_bar_n / alpha_bar_(n-1) */
static int betas(lua_State *L)
{
    const assay_schedule *s = discrete(L);
    double *beta = assay_lua_doubles(L, s->n);
    for (size_t i = 0; i < s->n; i++)
        beta[i] = -expm1(2 * (s->log_alpha[i] - (i ? s->log_alpha[i - 1] : 0)));
    assay_push_vector(L, beta, s->n);
    return 1;
}

/* A table of betas by their kind, which no step is dropped of. */
static bool is_beta_kind(lua_State *L, int at)
{
    if (!lua_istable(L, at) || lua_getfield(L, at, "kind") != LUA_TSTRING)
        return false;
    const char *kind = lua_tostring(L, -1);
    bool known = false;
    for (int i = 0; beta_kinds[i]; i++)
        known |= strcmp(kind, beta_kinds[i]) == 0;
    lua_pop(L, 1);
    return known;
}

/* alpha_bar{kind="linear", N=1000, beta_start=, beta_end=}: all N products of 1 - beta */
static int alpha_bar_of_kind(lua_State *L)
{
    static const char *const known[] = {"kind", "N", "beta_start", "beta_end", NULL};
    const assay_schedule_options o = assay_schedule_defaults(ASSAY_SCHEDULE_DISCRETE);
    assay_opts_check(L, 1, known);
    const int kind = assay_opt_choice(L, 1, "kind", 0, beta_kinds);
    const size_t n = (size_t)assay_opt_integer(L, 1, "N", (int64_t)o.n, 2, INT32_MAX);
    const double first = assay_opt_number(L, 1, "beta_start", o.beta_start, -INFINITY, INFINITY);
    const double last = assay_opt_number(L, 1, "beta_end", o.beta_end, -INFINITY, INFINITY);
    double *beta = assay_lua_doubles(L, n), sum = 0;
    assay_arg_status(L, assay_schedule_betas((assay_beta_kind)kind, first, last, n, beta));
    for (size_t i = 0; i < n; i++) {
        sum += log1p(-beta[i]);
        beta[i] = exp(sum);
    }
    assay_push_vector(L, beta, n);
    return 1;
}

/* alpha_bar(schedule): the N products of 1 - beta */
static int alpha_bar(lua_State *L)
{
    if (is_beta_kind(L, 1))
        return alpha_bar_of_kind(L);
    const assay_schedule *s = discrete(L);
    double *product = assay_lua_doubles(L, s->n);
    for (size_t i = 0; i < s->n; i++)
        product[i] = exp(2 * s->log_alpha[i]);
    assay_push_vector(L, product, s->n);
    return 1;
}

static const luaL_Reg functions[] = {
    {"schedule", schedule},
    {"schedule_at", schedule_at},
    {"inverse_lambda", inverse_lambda},
    {"betas", betas},
    {"alpha_bar", alpha_bar},
    {NULL, NULL},
};

static void new_type(lua_State *L, const char *registry, const char *name)
{
    luaL_newmetatable(L, registry);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
}

int assay_lua_diffusion(lua_State *L)
{
    new_type(L, SCHEDULE, "schedule");
    lua_pushcfunction(L, schedule_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, schedule_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, schedule_free);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_newtable(L);
    assay_lua_register(L, functions);
    assay_lua_denoiser(L);
    assay_lua_sampler(L);
    assay_lua_diffusion_metrics(L);
    assay_lua_usf(L);
    assay_lua_time_shift(L);
    assay_lua_gaussian(L);
    assay_lua_scores(L);
    assay_lua_teleport(L);
    return 1;
}
