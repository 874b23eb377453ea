/*
 * assay.stats and assay.topk: core's statistics for Lua.
 *
 * Intervals are tables {estimate, low, high, p, n, df} by name; p and df are absent where there is
 * none, so that a script does not compare with a NaN unawares.
 */
#include "lua/args.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>

#include "core/stats.h"
#include "core/status.h"
#include "core/topk.h"

static void set_unless_nan(lua_State *L, const char *name, double x)
{
    if (isnan(x))
        return;
    lua_pushnumber(L, x);
    lua_setfield(L, -2, name);
}

void assay_push_interval(lua_State *L, const assay_interval *interval)
{
    lua_createtable(L, 0, 6);
    set_unless_nan(L, "estimate", interval->estimate);
    set_unless_nan(L, "low", interval->low);
    set_unless_nan(L, "high", interval->high);
    set_unless_nan(L, "p", interval->p);
    set_unless_nan(L, "df", interval->df);
    lua_pushinteger(L, (lua_Integer)interval->n);
    lua_setfield(L, -2, "n");
}

/* Observations: a vector without NaN, of at least `least`. */
static const double *observations(lua_State *L, int at, const char *name, size_t least, size_t *n)
{
    const double *x = assay_arg_vector(L, at, name, n);
    if (*n < least)
        assay_arg_error(L, "%s must have at least %zu value%s, got %zu", name, least,
            least == 1 ? "" : "s", *n);
    for (size_t i = 0; i < *n; i++)
        if (isnan(x[i]))
            assay_arg_error(L, "%s[%zu] must be a number, got nan", name, i + 1);
    return x;
}

static double level_option(lua_State *L, int at)
{
    return assay_opt_number(L, at, "level", 0.95, ASSAY_POSITIVE, ASSAY_BELOW_1);
}

static int mean(lua_State *L)
{
    size_t n = 0;
    const double *x = observations(L, 1, "x", 1, &n);
    lua_pushnumber(L, assay_mean(x, n));
    return 1;
}

static int variance(lua_State *L)
{
    size_t n = 0;
    const double *x = observations(L, 1, "x", 2, &n);
    lua_pushnumber(L, assay_variance(x, n));
    return 1;
}

static int sd(lua_State *L)
{
    size_t n = 0;
    const double *x = observations(L, 1, "x", 2, &n);
    lua_pushnumber(L, assay_sd(x, n));
    return 1;
}

/* quantile(x, q): q is a number, or a list and so is the result. */
static int quantile(lua_State *L)
{
    size_t n = 0, nq = 0;
    const double *x = observations(L, 1, "x", 1, &n);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        double out = 0;
        assay_arg_status(L, assay_quantile(x, n, assay_arg_number(L, 2, "q", 0, 1), &out));
        lua_pushnumber(L, out);
        return 1;
    }
    const double *q = assay_arg_vector(L, 2, "q", &nq);
    for (size_t i = 0; i < nq; i++)
        if (!(q[i] >= 0 && q[i] <= 1))
            assay_arg_error(L, "q[%zu] must be in 0..1, got %.14g", i + 1, q[i]);
    double *out = assay_lua_doubles(L, nq);
    assay_arg_status(L, assay_quantiles(x, n, q, nq, out));
    assay_push_vector(L, out, nq);
    return 1;
}

static int t_interval(lua_State *L)
{
    static const char *const known[] = {"level", "mu", NULL};
    size_t n = 0;
    assay_interval out;
    const double *x = observations(L, 1, "x", 1, &n);
    assay_opts_check(L, 2, known);
    double mu = assay_opt_number(L, 2, "mu", 0, -ASSAY_FINITE, ASSAY_FINITE);
    assay_arg_status(L, assay_t_interval(x, n, mu, level_option(L, 2), &out));
    assay_push_interval(L, &out);
    return 1;
}

static int paired(lua_State *L)
{
    static const char *const known[] = {"level", NULL};
    size_t n = 0, nb = 0;
    assay_interval out;
    const double *a = observations(L, 1, "a", 1, &n);
    const double *b = observations(L, 2, "b", 1, &nb);
    if (n != nb)
        assay_arg_error(L, "b must have %zu values as a has, got %zu", n, nb);
    assay_opts_check(L, 3, known);
    assay_arg_status(L, assay_paired_interval(a, b, n, level_option(L, 3), &out));
    assay_push_interval(L, &out);
    return 1;
}

static int welch(lua_State *L)
{
    static const char *const known[] = {"level", NULL};
    size_t na = 0, nb = 0;
    assay_interval out;
    const double *a = observations(L, 1, "a", 1, &na);
    const double *b = observations(L, 2, "b", 1, &nb);
    assay_opts_check(L, 3, known);
    assay_arg_status(L, assay_welch_interval(a, na, b, nb, level_option(L, 3), &out));
    assay_push_interval(L, &out);
    return 1;
}

static int wilson(lua_State *L)
{
    static const char *const known[] = {"level", NULL};
    assay_interval out;
    double trials = assay_arg_number(L, 2, "trials", ASSAY_POSITIVE, 0x1p53);
    double successes = assay_arg_number(L, 1, "successes", 0, trials);
    assay_opts_check(L, 3, known);
    assay_arg_status(L, assay_wilson_interval(successes, trials, level_option(L, 3), &out));
    assay_push_interval(L, &out);
    return 1;
}

/* ---- bootstrap ---- */

/* A statistic that is a Lua function of a list. Its errors are kept (on top of the stack) until
 * libassay has freed its memory. */
typedef struct lua_statistic {
    lua_State *L;
    const double *x;
    int function;
    bool failed;
} lua_statistic;

static double call_statistic(void *context, const size_t *index, size_t n)
{
    lua_statistic *s = context;
    lua_State *L = s->L;
    lua_pushvalue(L, s->function);
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, s->x[index[i]]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        s->failed = true;
        return NAN;
    }
    double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
    lua_pop(L, 1);
    return value;
}

/* bootstrap(x [, statistic] [, options]): the mean, or a function of the resampled list. */
static int bootstrap(lua_State *L)
{
    static const char *const known[] = {"resamples", "level", "rng", "progress", NULL};
    size_t n = 0;
    assay_interval out;
    assay_lua_report report;
    bool has_function = lua_isfunction(L, 2);
    int opts = has_function ? 3 : 2;
    const double *x = observations(L, 1, "x", 1, &n);
    assay_opts_check(L, opts, known);
    size_t resamples = (size_t)assay_opt_integer(L, opts, "resamples", 1000, 1, 100000000);
    double level = level_option(L, opts);
    assay_rng *given = assay_opt_rng(L, opts, "rng"), fixed = assay_rng_seed(1);
    assay_rng *rng = given ? given : &fixed;
    assay_lua_report_begin(L, opts, &report);
    const assay_progress *progress = &report.progress;
    if (!has_function) {
        assay_lua_report_end(
            &report, assay_bootstrap_mean(x, n, resamples, level, rng, progress, &out));
    } else {
        lua_statistic context = {L, x, 2, false};
        int status = assay_bootstrap_interval(
            call_statistic, &context, n, resamples, level, rng, progress, &out);
        if (context.failed)
            return lua_error(L);
        if (status == ASSAY_EINVAL)
            return assay_arg_error(L,
                "the statistic must return a number (and not nan) for "
                "every resample: %s",
                assay_errmsg());
        assay_lua_report_end(&report, status);
    }
    assay_push_interval(L, &out);
    return 1;
}

/* holm(p): a list */
static int holm(lua_State *L)
{
    size_t n = 0;
    const double *p = assay_arg_vector(L, 1, "p", &n);
    double *adjusted = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        if (p[i] < 0 || p[i] > 1)
            assay_arg_error(L, "p[%zu] must be in 0..1 (or nan: no test), got %.14g", i + 1, p[i]);
    assay_arg_status(L, assay_holm(p, n, adjusted));
    assay_push_vector(L, adjusted, n);
    return 1;
}

static const luaL_Reg functions[] = {
    {"mean", mean},
    {"variance", variance},
    {"sd", sd},
    {"quantile", quantile},
    {"t_interval", t_interval},
    {"paired", paired},
    {"welch", welch},
    {"wilson", wilson},
    {"bootstrap", bootstrap},
    {"holm", holm},
    {NULL, NULL},
};

int assay_lua_stats(lua_State *L)
{
    lua_newtable(L);
    assay_lua_register(L, functions);
    return 1;
}

/* topk(x, k): positions of the k largest, largest first, and their values. */
static int topk(lua_State *L)
{
    size_t n = 0;
    const double *x = observations(L, 1, "x", 0, &n);
    size_t k = (size_t)assay_arg_integer(L, 2, "k", 0, (int64_t)n);
    size_t *index = assay_lua_scratch(L, k, sizeof *index);
    assay_arg_status(L, assay_topk(x, n, k, index));
    assay_push_indices(L, index, k, 1);
    lua_createtable(L, (int)k, 0);
    for (size_t i = 0; i < k; i++) {
        lua_pushnumber(L, x[index[i]]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 2;
}

int assay_lua_topk(lua_State *L)
{
    assay_lua_push_function(L, "topk", topk);
    return 1;
}
