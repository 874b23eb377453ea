/* assay.balance: learning curves and allocations along them (methods/balance/equitable.h). */
#include <math.h>
#include <stdio.h>

#include "lua/args.h"
#include "lua/balance/balance.h"
#include "lua/balance/curves.h"
#include "lua/report.h"

enum { FIELD = 64 };

const char *const assay_lua_curve_laws[] = {"power", "saturating", "log", NULL};

/* ---- curves ---- */

/* The field of the curve on top, which is called `curve` in errors. */
static double number_field(lua_State *L, const char *curve, const char *field, double min)
{
    const char *name = lua_pushfstring(L, "%s.%s", curve, field);
    lua_getfield(L, -2, field);
    const double x = assay_arg_number(L, -1, name, min, ASSAY_FINITE);
    lua_pop(L, 2);
    return x;
}

static void check_table(lua_State *L, const char *name)
{
    if (!lua_istable(L, -1))
        assay_arg_error(L, "%s must be a table, got a %s", name, luaL_typename(L, -1));
}

static assay_learning_curve read_curve(lua_State *L, const char *name)
{
    check_table(L, name);
    assay_learning_curve curve = {0};
    curve.law =
        (assay_curve_law)assay_opt_choice(L, lua_gettop(L), "kind", 0, assay_lua_curve_laws);
    curve.a = number_field(L, name, "a", -ASSAY_FINITE);
    if (curve.law == ASSAY_CURVE_SATURATING)
        curve.s = number_field(L, name, "s", ASSAY_POSITIVE);
    else
        curve.b = number_field(L, name, "b", -ASSAY_FINITE);
    if (curve.law == ASSAY_CURVE_POWER)
        curve.c = number_field(L, name, "c", ASSAY_POSITIVE);
    curve.decreasing = assay_opt_boolean(L, lua_gettop(L), "decreasing", false);
    return curve;
}

const assay_learning_curve *assay_lua_curves(lua_State *L, int at, const char *name, size_t *k)
{
    at = lua_absindex(L, at);
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a list of curves, got a %s", name, luaL_typename(L, at));
    *k = lua_rawlen(L, at);
    assay_learning_curve *curves = assay_lua_scratch(L, *k + 1, sizeof *curves);
    for (size_t g = 0; g < *k; g++) {
        char element[FIELD];
        snprintf(element, sizeof element, "%s[%zu]", name, g + 1);
        lua_rawgeti(L, at, (lua_Integer)g + 1);
        curves[g] = read_curve(L, element);
        lua_pop(L, 1);
    }
    return curves;
}

void assay_lua_push_curve(lua_State *L, const assay_learning_curve *curve)
{
    lua_createtable(L, 0, 7);
    assay_set_text(L, "kind", assay_lua_curve_laws[curve->law]);
    assay_set_number(L, "a", curve->a);
    if (curve->law == ASSAY_CURVE_SATURATING)
        assay_set_number(L, "s", curve->s);
    else
        assay_set_number(L, "b", curve->b);
    if (curve->law == ASSAY_CURVE_POWER)
        assay_set_number(L, "c", curve->c);
    assay_set_number(L, "mse", curve->mse);
    assay_set_boolean(L, "few", curve->few);
    assay_set_boolean(L, "decreasing", curve->decreasing);
}

/* learning_curve(n, law): a list */
static int learning_curve(lua_State *L)
{
    size_t k = 0;
    const double *n = assay_arg_numbers(L, 1, "n", &k);
    lua_pushvalue(L, 2);
    const assay_learning_curve curve = read_curve(L, "law");
    double *value = assay_lua_doubles(L, k);
    for (size_t i = 0; i < k; i++) {
        if (!(n[i] >= 0))
            assay_arg_error(L, "n[%d] must be at least 0, got %g", (int)i + 1, n[i]);
        value[i] = assay_balance_learning_curve(&curve, n[i]);
    }
    assay_push_vector(L, value, k);
    return 1;
}

/* learning_curve_fit(n, v [, {law="power", a_max=1, prior=}]) */
static int learning_curve_fit(lua_State *L)
{
    static const char *const known[] = {"law", "a_max", "prior", NULL};
    size_t k = 0, values = 0;
    const double *n = assay_arg_vector(L, 1, "n", &k), *v = assay_arg_vector(L, 2, "v", &values);
    assay_opts_check(L, 3, known);
    if (values != k)
        assay_arg_error(L, "v must have %zu values as n has, got %zu", k, values);
    const struct assay_curve_options o = {
        .law = (assay_curve_law)assay_opt_choice(L, 3, "law", 0, assay_lua_curve_laws),
        .a_max = assay_opt_number(L, 3, "a_max", 1, ASSAY_POSITIVE, INFINITY),
        .prior = assay_opt_number(L, 3, "prior", 0, ASSAY_POSITIVE, ASSAY_FINITE)};
    assay_learning_curve curve;
    assay_arg_status(L, assay_balance_learning_curve_fit(n, v, k, &o, &curve));
    assay_lua_push_curve(L, &curve);
    return 1;
}

/* ---- allocations ---- */

const double *assay_lua_groups_option(lua_State *L, int at, const char *key, size_t k)
{
    return assay_opt_push(L, at, key) ? assay_arg_vector_of(L, -1, key, k) : NULL;
}

static double budget_option(lua_State *L, int at)
{
    return assay_opt_required(L, at, "budget", 0, ASSAY_FINITE);
}

static void read_transfer(lua_State *L, struct assay_allocate_options *o, size_t k)
{
    if (!assay_opt_push(L, 2, "transfer"))
        return;
    const assay_matrix m = assay_arg_matrix(L, -1, "transfer");
    if (m.rows != k || m.cols != k)
        assay_arg_error(L, "transfer must be %zu x %zu, got %zu x %zu", k, k, m.rows, m.cols);
    double *transfer = assay_lua_doubles(L, k * k);
    for (size_t g = 0; g < k; g++)
        for (size_t h = 0; h < k; h++)
            transfer[g * k + h] = *assay_matrix_at(&m, g, h);
    o->transfer = transfer;
}

static struct assay_allocate_options read_options(lua_State *L, size_t k)
{
    static const char *const known[] = {"start", "cost", "weight", "budget", "step", "risk",
        "method", "whole", "transfer", "progress", NULL};
    static const char *const methods[] = {"greedy", "water", "maxmin", NULL};
    assay_opts_check(L, 2, known);
    struct assay_allocate_options o = {
        .method = (assay_allocate_method)assay_opt_choice(L, 2, "method", 0, methods),
        .budget = budget_option(L, 2),
        .step = assay_opt_number(L, 2, "step", 1, ASSAY_POSITIVE, ASSAY_FINITE),
        .risk = assay_opt_number(L, 2, "risk", 0, 0, ASSAY_FINITE),
        .whole = assay_opt_boolean(L, 2, "whole", false)};
    o.start = assay_lua_groups_option(L, 2, "start", k);
    o.cost = assay_lua_groups_option(L, 2, "cost", k);
    o.weight = assay_lua_groups_option(L, 2, "weight", k);
    read_transfer(L, &o, k);
    return o;
}

/* allocate(curves, {...}): {n=, spent=, utility=, value= [, multiplier= | level=]} */
static int allocate(lua_State *L)
{
    size_t k = 0;
    luaL_checkstack(L, 20, NULL);
    const assay_learning_curve *curves = assay_lua_curves(L, 1, "curves", &k);
    struct assay_allocate_options o = read_options(L, k);
    double *n = assay_lua_doubles(L, k), *value = assay_lua_doubles(L, k);
    assay_allocation out;
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    o.progress = &report.progress;
    assay_lua_report_end(&report, assay_balance_allocate(curves, k, &o, n, &out));
    for (size_t g = 0; g < k; g++)
        value[g] = assay_balance_learning_curve(
            &curves[g], assay_balance_effective_size(k, n, o.transfer, g));
    lua_createtable(L, 0, 5);
    assay_set_vector(L, "n", n, k);
    assay_set_vector(L, "value", value, k);
    assay_set_number(L, "spent", out.spent);
    assay_set_number(L, "utility", out.utility);
    if (o.method == ASSAY_ALLOCATE_WATER)
        assay_set_number(L, "multiplier", out.multiplier);
    else if (o.method == ASSAY_ALLOCATE_MAXMIN)
        assay_set_number(L, "level", out.level);
    return 1;
}

static const char *const priced[] = {"budget", "cost", NULL};

/* allocate_equal(k, {budget=, cost=}): a list */
static int allocate_equal(lua_State *L)
{
    const size_t k = (size_t)assay_arg_integer(L, 1, "k", 1, INT32_MAX);
    assay_opts_check(L, 2, priced);
    const double budget = budget_option(L, 2), *cost = assay_lua_groups_option(L, 2, "cost", k);
    double *n = assay_lua_doubles(L, k);
    assay_arg_status(L, assay_balance_allocate_equal(k, budget, cost, n));
    assay_push_vector(L, n, k);
    return 1;
}

/* allocate_proportional(share, {budget=, cost=}): a list */
static int allocate_proportional(lua_State *L)
{
    size_t k = 0;
    const double *share = assay_arg_vector(L, 1, "share", &k);
    assay_opts_check(L, 2, priced);
    const double budget = budget_option(L, 2), *cost = assay_lua_groups_option(L, 2, "cost", k);
    double *n = assay_lua_doubles(L, k);
    assay_arg_status(L, assay_balance_allocate_proportional(share, k, budget, cost, n));
    assay_push_vector(L, n, k);
    return 1;
}

/* allocate_waterfill(start, {budget=, cost=}): a list of whole numbers */
static int allocate_waterfill(lua_State *L)
{
    size_t k = 0;
    const size_t *whole = assay_arg_indices(L, 1, "start", 0, SIZE_MAX, &k);
    assay_opts_check(L, 2, priced);
    const double budget = budget_option(L, 2), *cost = assay_lua_groups_option(L, 2, "cost", k);
    double *n = assay_lua_doubles(L, k), *start = assay_lua_doubles(L, k);
    for (size_t g = 0; g < k; g++)
        start[g] = (double)whole[g];
    assay_arg_status(L, assay_balance_allocate_waterfill(start, k, budget, cost, n));
    assay_push_wholes(L, n, k);
    return 1;
}

static const assay_loss_curve *loss_curves(lua_State *L, size_t *k)
{
    if (!lua_istable(L, 1))
        assay_arg_error(L, "curves must be a list of curves, got a %s", luaL_typename(L, 1));
    *k = lua_rawlen(L, 1);
    assay_loss_curve *curves = assay_lua_scratch(L, *k + 1, sizeof *curves);
    for (size_t g = 0; g < *k; g++) {
        char name[FIELD];
        snprintf(name, sizeof name, "curves[%zu]", g + 1);
        lua_rawgeti(L, 1, (lua_Integer)g + 1);
        check_table(L, name);
        curves[g].a = number_field(L, name, "a", ASSAY_POSITIVE);
        curves[g].b = number_field(L, name, "b", ASSAY_POSITIVE);
        lua_pop(L, 1);
    }
    return curves;
}

/* slice_tuner(curves, {start=, cost=, budget=, lambda=1, ratio_change=}): {n=, real=, objective=}
 */
static int slice_tuner(lua_State *L)
{
    static const char *const known[] = {"start", "cost", "budget", "lambda", "ratio_change", NULL};
    size_t k = 0;
    const assay_loss_curve *curves = loss_curves(L, &k);
    assay_opts_check(L, 2, known);
    struct assay_slice_options o = {.budget = budget_option(L, 2),
        .lambda = assay_opt_number(L, 2, "lambda", 1, 0, ASSAY_FINITE),
        .ratio_change = assay_opt_number(L, 2, "ratio_change", 0, ASSAY_POSITIVE, ASSAY_FINITE)};
    o.start = assay_lua_groups_option(L, 2, "start", k);
    o.cost = assay_lua_groups_option(L, 2, "cost", k);
    if (!o.start)
        assay_arg_error(L, "start must be given");
    double *n = assay_lua_doubles(L, k), *real = assay_lua_doubles(L, k), objective = 0;
    assay_arg_status(L, assay_balance_slice_tuner(curves, k, &o, n, real, &objective));
    lua_createtable(L, 0, 3);
    assay_set_vector(L, "n", n, k);
    assay_set_vector(L, "real", real, k);
    assay_set_number(L, "objective", objective);
    return 1;
}

const luaL_Reg assay_lua_allocation[] = {
    {"learning_curve", learning_curve},
    {"learning_curve_fit", learning_curve_fit},
    {"allocate", allocate},
    {"allocate_equal", allocate_equal},
    {"allocate_proportional", allocate_proportional},
    {"allocate_waterfill", allocate_waterfill},
    {"slice_tuner", slice_tuner},
    {NULL, NULL},
};
