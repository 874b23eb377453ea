/*
 * assay.fit: scaling laws fitted to a curve, over core/fit.h.
 *
 *     local f = assay.fit("power", x, y, {space = "loglog"})
 *     f.a, f.low.a, f.high.a, f.aic, f:predict(1e4), f:forecast(1e4).low
 *
 * The result is plain data with two methods. They hang on a metatable of their own, whose closures
 * keep the fit, so that the table itself encodes as JSON.
 */
#include "lua/args.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/fit.h"
#include "core/status.h"

static assay_law law_argument(lua_State *L, int at)
{
    assay_law law = ASSAY_LAW_POWER;
    assay_arg_status(L, assay_law_parse(assay_arg_string(L, at, "law"), &law));
    return law;
}

/* ---- the methods: upvalue 1 their name, upvalue 2 the fit ---- */

static const assay_fit *fit_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(2));
}

/* One x is given as a number and answered by one result, a list by a list. */
static void for_each_x(lua_State *L, void (*push)(lua_State *L, const assay_fit *fit, double x))
{
    if (lua_type(L, 2) == LUA_TNUMBER) {
        push(L, fit_of(L), assay_arg_number(L, 2, "x", ASSAY_POSITIVE, ASSAY_FINITE));
        return;
    }
    size_t n = 0;
    const double *x = assay_arg_vector(L, 2, "x", &n);
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] > 0 && x[i] <= ASSAY_FINITE))
            assay_arg_error(L, "x[%zu] must be greater than 0 and finite, got %.14g", i + 1, x[i]);
        push(L, fit_of(L), x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_prediction(lua_State *L, const assay_fit *fit, double x)
{
    lua_pushnumber(L, assay_fit_value(fit, x));
}

static int predict(lua_State *L)
{
    for_each_x(L, push_prediction);
    return 1;
}

static void push_forecast(lua_State *L, const assay_fit *fit, double x)
{
    assay_interval interval;
    assay_arg_status(L, assay_fit_forecast(fit, x, &interval));
    assay_push_interval(L, &interval);
}

static int forecast(lua_State *L)
{
    for_each_x(L, push_forecast);
    return 1;
}

static void push_method(lua_State *L, const char *name, lua_CFunction function, int fit)
{
    lua_pushfstring(L, "fit:%s", name);
    lua_pushvalue(L, fit);
    lua_pushcclosure(L, function, 2);
    lua_setfield(L, -2, name);
}

/* Give the table on top the methods; the fit is a userdata at `fit`. */
static void set_methods(lua_State *L, int fit)
{
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 2);
    push_method(L, "predict", predict, fit);
    push_method(L, "forecast", forecast, fit);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* ---- the result ---- */

static void set_unless_nan(lua_State *L, const char *name, double x)
{
    if (isnan(x))
        return;
    lua_pushnumber(L, x);
    lua_setfield(L, -2, name);
}

/* The law's parameters by name from `values`. */
static void set_parameters(lua_State *L, const assay_fit *fit, const double *values)
{
    for (size_t i = 0; i < fit->parameters; i++)
        set_unless_nan(L, assay_law_parameter(fit->law, i), values[i]);
}

static const char *const space_names[] = {"linear", "log", "loglog", NULL};
static const assay_fit_space spaces[] = {ASSAY_SPACE_LINEAR, ASSAY_SPACE_LOG, ASSAY_SPACE_LOGLOG};

static const char *space_name(assay_fit_space space)
{
    return space == ASSAY_SPACE_LOG ? "log" : space == ASSAY_SPACE_LOGLOG ? "loglog" : "linear";
}

static void push_result(lua_State *L, const assay_fit *fit)
{
    char text[256];
    assay_fit_text(fit, "plain", text, sizeof text);
    lua_createtable(L, 0, 18);
    assay_set_text(L, "law", assay_law_name(fit->law));
    assay_set_text(L, "space", space_name(fit->space));
    assay_set_text(L, "text", text);
    set_parameters(L, fit, fit->value);
    lua_createtable(L, 0, ASSAY_FIT_MAX_PARAMETERS);
    set_parameters(L, fit, fit->low);
    lua_setfield(L, -2, "low");
    lua_createtable(L, 0, ASSAY_FIT_MAX_PARAMETERS);
    set_parameters(L, fit, fit->high);
    lua_setfield(L, -2, "high");
    set_unless_nan(L, "level", fit->level);
    set_unless_nan(L, "rss", fit->rss);
    set_unless_nan(L, "aic", fit->aic);
    set_unless_nan(L, "r2", fit->r2);
    set_unless_nan(L, "mean_abs_error", fit->mean_abs_error);
    set_unless_nan(L, "sd_abs_error", fit->sd_abs_error);
    set_unless_nan(L, "max_abs_error", fit->max_abs_error);
    assay_set_integer(L, "points", (int64_t)fit->points);
    assay_set_integer(L, "dropped", (int64_t)fit->dropped);
    assay_set_integer(L, "iterations", fit->iterations);
}

/* fit(law, x, y [, {space=, weights=, level=, progress=}]) */
static int fit(lua_State *L)
{
    static const char *const known[] = {"space", "weights", "level", "progress", NULL};
    size_t n = 0, ny = 0;
    assay_law law = law_argument(L, 1);
    const double *x = assay_arg_vector(L, 2, "x", &n);
    const double *y = assay_arg_vector(L, 3, "y", &ny);
    if (n != ny)
        assay_arg_error(L, "y must have %zu values as x has, got %zu", n, ny);
    assay_opts_check(L, 4, known);
    int space = assay_opt_choice(L, 4, "space", 0, space_names);
    double level = assay_opt_number(L, 4, "level", 0.95, ASSAY_POSITIVE, ASSAY_BELOW_1);
    const double *weights = NULL;
    if (assay_opt_push(L, 4, "weights")) {
        weights = assay_arg_vector_of(L, -1, "weights", n);
        for (size_t i = 0; i < n; i++)
            if (!(weights[i] >= 0 && weights[i] <= ASSAY_FINITE))
                assay_arg_error(
                    L, "weights[%zu] must be at least 0 and finite, got %.14g", i + 1, weights[i]);
    }
    assay_fit *result = lua_newuserdatauv(L, sizeof *result, 0);
    int at = lua_gettop(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 4, &report);
    assay_lua_report_end(&report,
        assay_fit_law(law, spaces[space], x, y, weights, n, level, &report.progress, result));
    push_result(L, result);
    set_methods(L, at);
    return 1;
}

int assay_lua_fit(lua_State *L)
{
    assay_lua_push_function(L, "fit", fit);
    return 1;
}
