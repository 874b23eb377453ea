/*
 * assay.models.canvas and assay.models.softmax: exact coarse-to-fine sampling and softmax
 * regression (models/canvas.h) for Lua.
 *
 *     local c = assay.models.canvas{gmm=g, blocks={1, 2, 4}, reward=assay.models.softmax.fit(x,
 * labels), class=0} local r = assay.inference.tts_var{model=c, base={4, 2, 1}, ...}          r.best
 * is the list x
 */
#include "lua/canvas.h"

#include <math.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/report.h"

#define CANVAS "assay.canvas"

assay_canvas *assay_lua_test_canvas(lua_State *L, int at)
{
    assay_canvas **slot = luaL_testudata(L, at, CANVAS);
    return slot ? *slot : NULL;
}

static int canvas_free(lua_State *L)
{
    assay_canvas **slot = luaL_checkudata(L, 1, CANVAS);
    assay_canvas_free(*slot);
    *slot = NULL;
    return 0;
}

static int canvas_tostring(lua_State *L)
{
    const assay_canvas *c = assay_lua_test_canvas(L, 1);
    if (c)
        lua_pushfstring(L, "canvas of %d coordinates in %d scales", (int)assay_canvas_dim(c),
            (int)assay_canvas_scales(c));
    else
        lua_pushliteral(L, "canvas");
    return 1;
}

/* Field weights (classes x d) and bias of the table at `at`, as softmax.fit gives them. Pushes two
 * values. */
static assay_matrix softmax_argument(lua_State *L, int at, const char *name, const double **bias)
{
    size_t n = 0;
    char field[64];
    if (!lua_istable(L, at))
        assay_arg_error(
            L, "%s must be {weights=, bias=} (softmax.fit), got a %s", name, luaL_typename(L, at));
    lua_getfield(L, at, "weights");
    snprintf(field, sizeof field, "%s.weights", name);
    const assay_matrix weights = assay_arg_matrix(L, -1, field);
    lua_remove(L, -2);
    lua_getfield(L, at, "bias");
    snprintf(field, sizeof field, "%s.bias", name);
    *bias = assay_arg_vector(L, -1, field, &n);
    lua_remove(L, -2);
    if (n != weights.rows)
        assay_arg_error(
            L, "%s must have %zu numbers, one a class, got %zu", field, weights.rows, n);
    return weights;
}

/* canvas{gmm=, blocks=, reward={weights=, bias=}, class=, noise=}: a model for tts_var */
static int canvas(lua_State *L)
{
    static const char *const known[] = {"gmm", "blocks", "reward", "class", "noise", NULL};
    assay_opts_check(L, 1, known);
    assay_canvas_parameters p = {0};
    size_t scales = 0;
    assay_opt_push(L, 1, "gmm");
    p.gmm = assay_arg_gmm(L, lua_gettop(L), "gmm");
    assay_opt_push(L, 1, "blocks");
    p.blocks = assay_arg_indices(L, -1, "blocks", 0, SIZE_MAX, &p.scales);
    assay_opt_push(L, 1, "reward");
    const assay_matrix weights = softmax_argument(L, lua_gettop(L), "reward", &p.bias);
    p.weights = &weights;
    const int64_t class = assay_opt_integer(L, 1, "class", -1, 0, (int64_t)weights.rows - 1);
    if (class < 0)
        assay_arg_error(L, "class must be given");
    p.class = (size_t) class;
    if (assay_opt_push(L, 1, "noise")) {
        p.noise = assay_arg_vector(L, -1, "noise", &scales);
        if (scales != p.scales)
            assay_arg_error(
                L, "noise must have %zu numbers as blocks has, got %zu", p.scales, scales);
    }
    assay_canvas **slot = lua_newuserdatauv(L, sizeof(assay_canvas *), 0);
    *slot = NULL;
    luaL_setmetatable(L, CANVAS);
    assay_arg_status(L, assay_canvas_new(&p, slot));
    return 1;
}

/* fit(x, labels [, {classes=, ridge=0, steps=1000, tol=1e-6, progress=}]): {weights=, bias=,
 * gradient=}; labels from 0 */
static int softmax_fit(lua_State *L)
{
    static const char *const known[] = {"classes", "ridge", "steps", "tol", "progress", NULL};
    assay_opts_check(L, 3, known);
    size_t n = 0, classes = (size_t)assay_opt_integer(L, 3, "classes", 0, 1, 100000);
    const double ridge = assay_opt_number(L, 3, "ridge", 0, 0, ASSAY_FINITE);
    const double tol = assay_opt_number(L, 3, "tol", 1e-6, 0, ASSAY_FINITE);
    const size_t steps = (size_t)assay_opt_integer(L, 3, "steps", 1000, 1, INT32_MAX);
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const size_t *label = assay_arg_indices(L, 2, "labels", 0, classes ? classes : 100000, &n);
    double gradient = 0;
    if (n != x.rows)
        assay_arg_error(L, "labels must have %zu entries, one a row of x, got %zu", x.rows, n);
    for (size_t i = 0; i < n; i++)
        classes = label[i] + 1 > classes ? label[i] + 1 : classes;
    lua_createtable(L, 0, 3);
    const int result = lua_gettop(L);
    assay_matrix weights = assay_push_matrix(L, classes, x.cols);
    double *bias = assay_lua_doubles(L, classes);
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(&report, assay_softmax_fit(&x, label, ridge, steps, tol, &report.progress,
                                      &weights, bias, &gradient));
    lua_pushvalue(L, result + 1);
    lua_setfield(L, result, "weights");
    lua_settop(L, result + 2); /* bias stays */
    lua_pushvalue(L, result);
    assay_set_vector(L, "bias", bias, classes);
    assay_set_number(L, "gradient", gradient);
    return 1;
}

/* log_probability(fit, x): a matrix, a row a row of x and a column a class */
static int softmax_log_probability(lua_State *L)
{
    const double *bias = NULL;
    const assay_matrix weights = softmax_argument(L, 1, "fit", &bias);
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    assay_matrix out = assay_push_matrix(L, x.rows, weights.rows);
    assay_arg_status(L, assay_softmax_log_probability(&x, &weights, bias, &out));
    return 1;
}

static const luaL_Reg methods[] = {{NULL, NULL}};

static const luaL_Reg softmax[] = {
    {"fit", softmax_fit},
    {"log_probability", softmax_log_probability},
    {NULL, NULL},
};

void assay_lua_canvas(lua_State *L)
{
    assay_lua_class(L, CANVAS, "canvas", methods, canvas_free, canvas_tostring);
    assay_lua_push_function(L, "canvas", canvas);
    lua_setfield(L, -2, "canvas");
    lua_newtable(L);
    assay_lua_register(L, softmax);
    lua_setfield(L, -2, "softmax");
}
