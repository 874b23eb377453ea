/*
 * Repeated sampling for Lua (methods/inference/monkeys.h): coverage and its laws. Where one number
 * stands for a list of one, as k may, the result still is a list; a function of one variable
 * (predict_power_law) answers a number with a number.
 */
#include "lua/args.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>

#include "core/status.h"
#include "methods/inference/monkeys.h"

/* ---- coverage ---- */

typedef int curve_primitive(const double *n, const double *c, size_t problems, const double *k,
    size_t nk, assay_matrix *per_problem, double *mean, double *se);

/* low and high into the table on top */
static void set_bootstrap(lua_State *L, int at, const assay_matrix *per_problem)
{
    const int64_t resamples = assay_opt_integer(L, at, "bootstrap", 0, 1, 1000000);
    if (resamples == 0)
        return;
    const double level = assay_opt_number(L, at, "level", 0.95, ASSAY_POSITIVE, ASSAY_BELOW_1);
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    const int result = lua_gettop(L);
    if (!rng)
        assay_arg_error(L, "rng must be given for the bootstrap");
    double *low = assay_lua_doubles(L, per_problem->cols);
    double *high = assay_lua_doubles(L, per_problem->cols);
    assay_lua_report report;
    assay_lua_report_begin(L, at, &report);
    assay_lua_report_end(&report, assay_coverage_bootstrap(per_problem, (size_t)resamples, level,
                                      rng, &report.progress, low, high));
    lua_pushvalue(L, result);
    assay_set_vector(L, "low", low, per_problem->cols);
    assay_set_vector(L, "high", high, per_problem->cols);
}

static int curve(lua_State *L, curve_primitive *primitive)
{
    static const char *const known[] = {"k", "bootstrap", "level", "rng", "progress", NULL};
    assay_opts_check(L, 3, known);
    const assay_lua_counts x = assay_lua_counts_argument(L);
    size_t nk = 0;
    const double *k = assay_lua_k(L, 3, x.smallest, &nk);
    double *mean = assay_lua_doubles(L, nk), *se = assay_lua_doubles(L, nk);
    lua_createtable(L, 0, 6);
    const int result = lua_gettop(L);
    assay_matrix per_problem = assay_push_matrix(L, x.problems, nk);
    assay_arg_status(L, primitive(x.n, x.c, x.problems, k, nk, &per_problem, mean, se));
    lua_setfield(L, result, "per_problem"); /* which keeps the memory of the view */
    assay_lua_set_k(L, k, nk);
    assay_set_vector(L, "mean", mean, nk);
    assay_set_vector(L, "se", se, nk);
    set_bootstrap(L, 3, &per_problem);
    lua_settop(L, result);
    return 1;
}

/* pass_at_k(n, c [, {k=, bootstrap=, level=, rng=, progress=}]) */
static int pass_at_k(lua_State *L)
{
    return curve(L, assay_pass_at_k);
}

static int pass_hat_k(lua_State *L)
{
    return curve(L, assay_pass_hat_k);
}

/* coverage_grid(n [, {points=40}]) */
static int coverage_grid(lua_State *L)
{
    static const char *const known[] = {"points", NULL};
    assay_opts_check(L, 2, known);
    const double n = assay_arg_number(L, 1, "n", 1, 0x1p53);
    const size_t points = (size_t)assay_opt_integer(L, 2, "points", 40, 2, 1000000);
    size_t count = 0;
    double *grid = assay_lua_doubles(L, points);
    assay_arg_status(L, assay_coverage_grid(n, points, grid, &count));
    assay_push_wholes(L, grid, count);
    return 1;
}

/* samples_to_reach(n, c, {coverage=}) */
static int samples_to_reach(lua_State *L)
{
    static const char *const known[] = {"coverage", NULL};
    assay_opts_check(L, 3, known);
    const assay_lua_counts x = assay_lua_counts_argument(L);
    const double wanted = assay_opt_number(L, 3, "coverage", NAN, 0, 1);
    double k = 0, reached = 0;
    if (isnan(wanted))
        assay_arg_error(L, "coverage must be given, in 0..1");
    assay_arg_status(L, assay_samples_to_reach(x.n, x.c, x.problems, wanted, &k, &reached));
    lua_createtable(L, 0, 2);
    assay_set_integer(L, "k", (int64_t)k);
    assay_set_number(L, "coverage", reached);
    return 1;
}

/* coverage_overlay{{n=, c=}, ...}: {anchor=, shift={...}} */
static int coverage_overlay(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    const size_t count = (size_t)luaL_len(L, 1);
    assay_counts *models = assay_lua_scratch(L, count, sizeof *models);
    double *shift = assay_lua_doubles(L, count), anchor = 0;
    lua_createtable(L, 0, 0); /* keeps the models' memory */
    const int kept = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        size_t problems = 0;
        lua_geti(L, 1, (lua_Integer)i + 1);
        const int model = lua_gettop(L);
        if (!lua_istable(L, model))
            assay_arg_error(L, "model %zu must be {n=, c=}", i + 1);
        assay_opt_push(L, model, "c");
        models[i].c = assay_arg_vector(L, -1, "c", &problems);
        lua_rawseti(L, kept, (lua_Integer)(2 * i + 1));
        assay_opt_push(L, model, "n");
        models[i].n = assay_arg_vector_of(L, -1, "n", problems);
        lua_rawseti(L, kept, (lua_Integer)(2 * i + 2));
        models[i].problems = problems;
        lua_settop(L, kept);
    }
    assay_arg_status(L, assay_coverage_overlay(models, count, &anchor, shift));
    lua_createtable(L, 0, 2);
    assay_set_number(L, "anchor", anchor);
    assay_push_wholes(L, shift, count);
    lua_setfield(L, -2, "shift");
    return 1;
}

/* ---- laws ---- */

static void set_bounds(lua_State *L, const char *name, const double *bounds)
{
    if (isnan(bounds[0]))
        return; /* as many points as parameters: none */
    lua_createtable(L, 0, 2);
    assay_set_number(L, "a", bounds[0]);
    assay_set_number(L, "b", bounds[1]);
    lua_setfield(L, -2, name);
}

/* fit_power_law(k, coverage [, {space="log"|"coverage"|"loglog"}]) */
static int fit_power_law(lua_State *L)
{
    static const char *const known[] = {"space", NULL};
    static const char *const names[] = {"log", "coverage", "loglog", NULL};
    static const assay_fit_space spaces[] = {
        ASSAY_SPACE_LOG, ASSAY_SPACE_LINEAR, ASSAY_SPACE_LOGLOG};
    size_t m = 0;
    const double *coverage = NULL;
    assay_opts_check(L, 3, known);
    const double *k = assay_lua_curve_argument(L, &coverage, &m);
    const int space = assay_opt_choice(L, 3, "space", 0, names);
    assay_power_law law;
    assay_arg_status(L, assay_fit_power_law(k, coverage, m, spaces[space], &law));
    lua_createtable(L, 0, 13);
    assay_set_text(L, "space", names[space]);
    assay_set_number(L, "a", law.a);
    assay_set_number(L, "b", law.b);
    set_bounds(L, "low", law.fit.low);
    set_bounds(L, "high", law.fit.high);
    assay_set_number(L, "mean_abs_error", law.mean_abs_error);
    assay_set_number(L, "sd_abs_error", law.sd_abs_error);
    assay_set_number(L, "max_abs_error", law.max_abs_error);
    assay_set_number(L, "aic", law.fit.aic);
    assay_set_number(L, "r2", law.fit.r2);
    assay_set_integer(L, "points", (int64_t)law.fit.points);
    assay_set_integer(L, "dropped", (int64_t)law.dropped);
    assay_set_integer(L, "iterations", law.iterations);
    return 1;
}

/* A number of a table of results, which must be there. */
static double field_number(lua_State *L, int at, const char *table, const char *key)
{
    luaL_checktype(L, at, LUA_TTABLE);
    assay_opt_push(L, at, key);
    const char *name = lua_pushfstring(L, "%s.%s", table, key);
    lua_insert(L, -2);
    const double x = assay_arg_number(L, -1, name, -ASSAY_FINITE, ASSAY_FINITE);
    lua_pop(L, 2);
    return x;
}

/* predict_power_law(fit, k): exp(a k^b) */
static int predict_power_law(lua_State *L)
{
    const double a = field_number(L, 1, "fit", "a"), b = field_number(L, 1, "fit", "b");
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_pushnumber(L, exp(a * pow(assay_arg_number(L, 2, "k", ASSAY_POSITIVE, INFINITY), b)));
        return 1;
    }
    size_t n = 0;
    const double *k = assay_arg_vector(L, 2, "k", &n);
    double *out = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++) {
        if (!(k[i] > 0))
            assay_arg_error(L, "k[%zu] must be greater than 0, got %.14g", i + 1, k[i]);
        out[i] = exp(a * pow(k[i], b));
    }
    assay_push_vector(L, out, n);
    return 1;
}

/* fit_log_linear(k, coverage [, {from=, to=}]): over the points with from <= k <= to */
static int fit_log_linear(lua_State *L)
{
    static const char *const known[] = {"from", "to", NULL};
    size_t m = 0, used = 0;
    const double *coverage = NULL;
    assay_opts_check(L, 3, known);
    const double *k = assay_lua_curve_argument(L, &coverage, &m);
    const double from = assay_opt_number(L, 3, "from", -INFINITY, -INFINITY, INFINITY);
    const double to = assay_opt_number(L, 3, "to", INFINITY, -INFINITY, INFINITY);
    double *x = assay_lua_doubles(L, m), *y = assay_lua_doubles(L, m), intercept, slope, r2;
    for (size_t i = 0; i < m; i++)
        if (k[i] >= from && k[i] <= to) {
            x[used] = k[i];
            y[used++] = coverage[i];
        }
    assay_arg_status(L, assay_fit_log_linear(x, y, used, &intercept, &slope, &r2));
    lua_createtable(L, 0, 4);
    assay_set_number(L, "intercept", intercept);
    assay_set_number(L, "slope", slope);
    assay_set_number(L, "r2", r2);
    assay_set_integer(L, "points", (int64_t)used);
    return 1;
}

const luaL_Reg assay_lua_monkeys[] = {
    {"pass_at_k", pass_at_k},
    {"pass_hat_k", pass_hat_k},
    {"coverage_grid", coverage_grid},
    {"samples_to_reach", samples_to_reach},
    {"coverage_overlay", coverage_overlay},
    {"fit_power_law", fit_power_law},
    {"predict_power_law", predict_power_law},
    {"fit_log_linear", fit_log_linear},
    {NULL, NULL},
};
