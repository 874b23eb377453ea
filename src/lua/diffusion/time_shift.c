/*
 * assay.diffusion: the Time-Shift Sampler (methods/diffusion/time_shift.h) for Lua. Labels are
 * 0-based, as everywhere: alpha_bar of label t is alpha_bar[t + 1].
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/time_shift.h"

/* ts_timesteps(N, S [, {grid="reference"}]): labels, rising */
static int ts_timesteps(lua_State *L)
{
    static const char *const known[] = {"grid", NULL};
    static const char *const grids[] = {"reference", "full", "quad", NULL};
    const size_t n = (size_t)assay_arg_integer(L, 1, "N", 2, 1 << 24);
    const size_t steps = (size_t)assay_arg_integer(L, 2, "S", 1, 1 << 24);
    assay_opts_check(L, 3, known);
    const int grid = assay_opt_choice(L, 3, "grid", 0, grids);
    size_t count = 0;
    size_t *labels = assay_lua_scratch(L, assay_ts_timesteps_most(n, steps) + 1, sizeof *labels);
    assay_arg_status(L, assay_ts_timesteps(n, steps, (assay_ts_grid)grid, labels, &count));
    assay_push_indices(L, labels, count, 0);
    return 1;
}

/* ts_variance(x): one a row */
static int ts_variance(lua_State *L)
{
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    double *variance = assay_lua_doubles(L, x.rows);
    assay_arg_status(L, assay_ts_variance(&x, variance));
    assay_push_vector(L, variance, x.rows);
    return 1;
}

/* ts_pick(alpha_bar, var, j [, {window=40, cutoff=300}]): a label for each variance */
static int ts_pick(lua_State *L)
{
    static const char *const known[] = {"window", "cutoff", NULL};
    size_t n = 0, rows = 0;
    const double *alpha_bar = assay_arg_vector(L, 1, "alpha_bar", &n);
    const double *variance = assay_arg_vector(L, 2, "var", &rows);
    const size_t j = (size_t)assay_arg_integer(L, 3, "j", 0, 1 << 24);
    assay_opts_check(L, 4, known);
    const assay_ts_options o = assay_ts_defaults();
    const int64_t window = assay_opt_integer(L, 4, "window", (int64_t)o.window, 0, 1 << 24);
    const int64_t cutoff = assay_opt_integer(L, 4, "cutoff", (int64_t)o.cutoff, 0, 1 << 24);
    size_t *picks = assay_lua_scratch(L, rows + 1, sizeof *picks);
    assay_arg_status(
        L, assay_ts_pick(alpha_bar, n, variance, rows, j, (size_t)window, (size_t)cutoff, picks));
    assay_push_indices(L, picks, rows, 0);
    return 1;
}

/* ---- sampling ---- */

static int trace_free(lua_State *L)
{
    assay_ts_trace_free(lua_touserdata(L, 1));
    return 0;
}

/* eps_scale: a number, or {first, step} */
static void read_scale(lua_State *L, int at, assay_ts_options *o)
{
    if (!assay_opt_push(L, at, "eps_scale"))
        return;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        o->eps_scale = assay_arg_number(L, -1, "eps_scale", ASSAY_POSITIVE, ASSAY_FINITE);
        return;
    }
    size_t n = 0;
    const double *pair = assay_arg_vector(L, -1, "eps_scale", &n);
    if (n != 2)
        assay_arg_error(L, "eps_scale must be a number or {first, step}, got %zu values", n);
    o->eps_scale = pair[0];
    o->eps_scale_step = pair[1];
}

/* Noise is of ddim (with eta) and ddpm alone. */
static void check_noise(lua_State *L, int at, const char *const *methods, int method)
{
    static const char *const options[] = {"eta", "draws", "rng"};
    for (int i = 0; i < 3; i++) {
        const bool read = method == ASSAY_TS_DDIM || (method == ASSAY_TS_DDPM && i > 0);
        if (!read && assay_opt_push(L, at, options[i]))
            assay_arg_error(L, "%s is not an option of %s; methods that read it: %s", options[i],
                methods[method], i == 0 ? "ddim" : "ddim, ddpm");
    }
}

static assay_ts_options read_options(lua_State *L, int at)
{
    static const char *const methods[] = {"ddim", "ddpm", "s_pndm", "f_pndm", "dpmpp", "deis", NULL};
    static const char *const modes[] = {
        "none", "paper", "target", "label", "consistent", "source", NULL};
    static const char *const grids[] = {"reference", "full", "quad", NULL};
    assay_ts_options o = assay_ts_defaults();
    o.method = (assay_ts_method)assay_opt_choice(L, at, "method", 0, methods);
    check_noise(L, at, methods, (int)o.method);
    const int mode = assay_opt_choice(L, at, "mode", ASSAY_TS_PAPER, modes);
    o.mode = mode == 5 ? ASSAY_TS_PAPER : (assay_ts_mode)mode;
    o.grid = (assay_ts_grid)assay_opt_choice(L, at, "grid", 0, grids);
    o.window = (size_t)assay_opt_integer(L, at, "window", (int64_t)o.window, 0, 1 << 24);
    o.cutoff = (size_t)assay_opt_integer(L, at, "cutoff", (int64_t)o.cutoff, 0, 1 << 24);
    o.steps = (size_t)assay_opt_integer(L, at, "steps", (int64_t)o.steps, 2, 1 << 24);
    o.eta = assay_opt_number(L, at, "eta", 0, 0, 1);
    o.normalize_variance = assay_opt_boolean(L, at, "normalize_variance", false);
    read_scale(L, at, &o);
    assay_opt_draws(L, at, &o.draws, &o.n_draws, &o.rng);
    return o;
}

static void push_sampled(lua_State *L, const assay_ts_trace *t, int matrix, bool trace)
{
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, matrix);
    lua_setfield(L, -2, "x");
    lua_pushinteger(L, (lua_Integer)t->nfe);
    lua_setfield(L, -2, "nfe");
    lua_pushinteger(L, (lua_Integer)t->inversions);
    lua_setfield(L, -2, "inversions");
    const double inverted = assay_ts_inverted(t);
    if (inverted > ASSAY_TS_INVERSIONS) {
        lua_pushfstring(L,
            "%d of %d steps of rows do not go down: the window is too large for so many steps",
            (int)t->inversions, (int)(t->steps * t->rows));
        lua_setfield(L, -2, "warning");
    }
    if (!trace)
        return;
    assay_push_vector(L, t->mean_time, t->steps);
    lua_setfield(L, -2, "mean_time");
    assay_push_vector(L, t->mean_variance, t->steps);
    lua_setfield(L, -2, "mean_variance");
    const assay_matrix picks = assay_push_matrix(L, t->steps, t->rows);
    memcpy(picks.data, t->picks, t->steps * t->rows * sizeof *t->picks);
    lua_setfield(L, -2, "picks");
}

/* ts_sample(model, xT, alpha_bar [, options]): {x=, nfe=, inversions=, mean_time=, ...} */
static int ts_sample(lua_State *L)
{
    static const char *const known[] = {"method", "mode", "window", "cutoff", "steps", "grid",
        "eta", "eps_scale", "normalize_variance", "draws", "rng", "trace", "progress", NULL};
    assay_opts_check(L, 4, known);
    luaL_checkstack(L, 40, NULL);
    const assay_diffusion_model *model = assay_arg_denoiser(L, 1, "model", ASSAY_BY_LABEL);
    const assay_matrix from = assay_arg_matrix(L, 2, "xT");
    size_t n = 0;
    const double *alpha_bar = assay_arg_vector(L, 3, "alpha_bar", &n);
    assay_ts_options o = read_options(L, 4);
    o.alpha_bar = alpha_bar;
    o.n = n;
    assay_matrix x = assay_push_matrix(L, from.rows, from.cols);
    const int matrix = lua_gettop(L);
    for (size_t i = 0; i < x.rows; i++)
        memcpy(assay_matrix_row(&x, i), assay_matrix_row(&from, i), x.cols * sizeof(double));
    assay_ts_trace *trace = assay_lua_owner(L, sizeof(assay_ts_trace), trace_free);
    assay_lua_report report;
    assay_lua_report_begin(L, 4, &report);
    o.progress = &report.progress;
    const int status = assay_ts_sample(model, &o, &x, trace);
    if (status == ASSAY_ESCRIPT)
        assay_lua_denoiser_status(L, status);
    assay_lua_report_end(&report, status);
    push_sampled(L, trace, matrix, assay_opt_boolean(L, 4, "trace", true));
    return 1;
}

static const luaL_Reg functions[] = {
    {"ts_timesteps", ts_timesteps},
    {"ts_variance", ts_variance},
    {"ts_pick", ts_pick},
    {"ts_sample", ts_sample},
    {NULL, NULL},
};

void assay_lua_time_shift(lua_State *L)
{
    assay_lua_register(L, functions);
}
