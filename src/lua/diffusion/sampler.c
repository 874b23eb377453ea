/*
 * assay.diffusion: sampling (methods/diffusion/sample.h) and what belongs to it, for Lua.
 *
 *     local model = assay.diffusion.gmm_eps(mixture, {kind="vp_linear"})
 *     local r = assay.diffusion.sample(model, xT, {solver="dpmpp", order=2, steps=15})
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/sample.h"
#include "methods/diffusion/solver.h"

static const char *const spacings[] = {"time_uniform", "logsnr", "time_quadratic", "karras", NULL};

/* ---- grids ---- */

/* timesteps(schedule, n [, {spacing=, t_start=, t_end=, rho=7}]): n + 1 times */
static int timesteps(lua_State *L)
{
    static const char *const known[] = {"spacing", "t_start", "t_end", "rho", NULL};
    const assay_schedule *s = assay_arg_schedule(L, 1, "schedule");
    const size_t n = (size_t)assay_arg_integer(L, 2, "n", 1, INT32_MAX);
    assay_opts_check(L, 3, known);
    const int spacing = assay_opt_choice(L, 3, "spacing", 0, spacings);
    const double t0 = assay_opt_number(L, 3, "t_start", s->t_max, -INFINITY, INFINITY);
    const double t1 = assay_opt_number(L, 3, "t_end", assay_sampler_t_end(s), -INFINITY, INFINITY);
    const double rho = assay_opt_number(L, 3, "rho", 7, ASSAY_POSITIVE, ASSAY_FINITE);
    double *t = assay_lua_doubles(L, n + 1);
    assay_arg_status(L, assay_diffusion_timesteps(s, (assay_spacing)spacing, t0, t1, n, rho, t));
    assay_push_vector(L, t, n + 1);
    return 1;
}

/* karras_sigmas(n [, {sigma_min=.002, sigma_max=80, rho=7, append_zero=true}]) */
static int karras_sigmas(lua_State *L)
{
    static const char *const known[] = {"sigma_min", "sigma_max", "rho", "append_zero", NULL};
    const size_t n = (size_t)assay_arg_integer(L, 1, "n", 1, INT32_MAX);
    assay_opts_check(L, 2, known);
    const double low = assay_opt_number(L, 2, "sigma_min", 0.002, ASSAY_POSITIVE, ASSAY_FINITE);
    const double high = assay_opt_number(L, 2, "sigma_max", 80, ASSAY_POSITIVE, ASSAY_FINITE);
    const double rho = assay_opt_number(L, 2, "rho", 7, ASSAY_POSITIVE, ASSAY_FINITE);
    const bool zero = assay_opt_boolean(L, 2, "append_zero", true);
    double *sigma = assay_lua_doubles(L, n + 1);
    assay_arg_status(L, assay_karras_sigmas(low, high, rho, n, sigma));
    sigma[n] = 0;
    assay_push_vector(L, sigma, n + (zero ? 1 : 0));
    return 1;
}

static void push_orders(lua_State *L, const int *orders, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, orders[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* singlestep_orders(nfe, order): the orders of the outer steps */
static int singlestep_orders(lua_State *L)
{
    const size_t nfe = (size_t)assay_arg_integer(L, 1, "nfe", 1, 1000000);
    const int order = (int)assay_arg_integer(L, 2, "order", 1, 3);
    int *orders = assay_lua_scratch(L, nfe, sizeof *orders);
    size_t n = 0;
    assay_arg_status(L, assay_singlestep_orders(nfe, order, orders, &n));
    push_orders(L, orders, n);
    return 1;
}

/* phi(h, kmax): phi_1..phi_kmax */
static int phi(lua_State *L)
{
    const double h = assay_arg_number(L, 1, "h", -ASSAY_FINITE, ASSAY_FINITE);
    const int kmax = (int)assay_arg_integer(L, 2, "kmax", 1, 12);
    double value[12];
    assay_arg_status(L, assay_phi(h, kmax, value));
    assay_push_vector(L, value, (size_t)kmax);
    return 1;
}

/* A copy of the matrix at `at`, pushed. */
static assay_matrix push_copy(lua_State *L, int at, const char *name)
{
    const assay_matrix from = assay_arg_matrix(L, at, name);
    const assay_matrix to = assay_push_matrix(L, from.rows, from.cols);
    for (size_t i = 0; i < from.rows; i++)
        memcpy(assay_matrix_row(&to, i), assay_matrix_row(&from, i), from.cols * sizeof(double));
    return to;
}

/* dynamic_threshold(x0 [, {ratio=.995, max_val=1}]): x0 clipped and scaled, row by row */
static int dynamic_threshold(lua_State *L)
{
    static const char *const known[] = {"ratio", "max_val", NULL};
    assay_opts_check(L, 2, known);
    const double ratio = assay_opt_number(L, 2, "ratio", 0.995, ASSAY_POSITIVE, 1);
    const double max_val = assay_opt_number(L, 2, "max_val", 1, ASSAY_POSITIVE, ASSAY_FINITE);
    assay_matrix x = push_copy(L, 1, "x0");
    const int result = lua_gettop(L);
    double *scratch = assay_lua_doubles(L, x.cols + 1);
    assay_arg_status(L, assay_dynamic_threshold(&x, ratio, max_val, scratch));
    lua_settop(L, result);
    return 1;
}

/* solvers(): the names */
static int solvers(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < assay_solver_count(); i++) {
        lua_pushstring(L, assay_solver_name(i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- the options of sample ---- */

static void read_solver(lua_State *L, int at, assay_sampler_options *o)
{
    static const char *const methods[] = {
        "multistep", "singlestep", "singlestep_fixed", "adaptive", NULL};
    const char **names = assay_lua_scratch(L, assay_solver_count() + 1, sizeof *names);
    for (size_t i = 0; i <= assay_solver_count(); i++)
        names[i] = assay_solver_name(i);
    int absent = 0;
    while (names[absent] && strcmp(names[absent], o->solver) != 0)
        absent++;
    o->solver = names[assay_opt_choice(L, at, "solver", absent, names)];
    o->method = (assay_sampler_method)assay_opt_choice(L, at, "method", 0, methods);
    o->order = (int)assay_opt_integer(L, at, "order", 0, 1, 4);
    o->steps = (size_t)assay_opt_integer(L, at, "steps", (int64_t)o->steps, 1, INT32_MAX);
}

static void read_grid(lua_State *L, int at, assay_sampler_options *o)
{
    o->spacing = (assay_spacing)assay_opt_choice(L, at, "spacing", (int)o->spacing, spacings);
    o->rho = assay_opt_number(L, at, "rho", o->rho, ASSAY_POSITIVE, ASSAY_FINITE);
    o->t_start = assay_opt_number(L, at, "t_start", NAN, -INFINITY, INFINITY);
    o->t_end = assay_opt_number(L, at, "t_end", NAN, -INFINITY, INFINITY);
    o->invert = assay_opt_boolean(L, at, "invert", false);
    if (assay_opt_push(L, at, "timesteps")) {
        o->timesteps = assay_arg_vector(L, -1, "timesteps", &o->n_timesteps);
        if (o->n_timesteps < 2)
            assay_arg_error(L, "timesteps must be at least 2, got %zu", o->n_timesteps);
    }
}

static void read_forms(lua_State *L, int at, assay_sampler_options *o)
{
    static const char *const solver_types[] = {"dpmsolver", "taylor", NULL};
    static const char *const d2s[] = {"reference", "exact", NULL};
    static const char *const variants[] = {"default", "bh1", "bh2", "tab", "rhoab", NULL};
    o->type = (assay_solver_type)assay_opt_choice(L, at, "solver_type", 0, solver_types);
    o->d2 = (assay_d2)assay_opt_choice(L, at, "d2", 0, d2s);
    o->variant = (assay_variant)assay_opt_choice(L, at, "variant", 0, variants);
    if (assay_opt_push(L, at, "lower_order_final")) {
        if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "auto10") == 0)
            o->lower_order_final = ASSAY_LOWER_AUTO10;
        else if (lua_isboolean(L, -1))
            o->lower_order_final = lua_toboolean(L, -1) ? ASSAY_LOWER_ALWAYS : ASSAY_LOWER_NEVER;
        else
            assay_arg_error(L, "lower_order_final must be true, false or \"auto10\"");
    }
    lua_pop(L, 1);
    o->denoise_to_zero = assay_opt_boolean(L, at, "denoise_to_zero", false);
    o->predict_x0 = assay_opt_boolean(L, at, "predict_x0", true);
    o->corrector = assay_opt_boolean(L, at, "corrector", true);
    o->trajectory = assay_opt_boolean(L, at, "trajectory", false);
}

static void read_numbers(lua_State *L, int at, assay_sampler_options *o)
{
    o->eta = assay_opt_number(L, at, "eta", 0, 0, 1);
    o->atol = assay_opt_number(L, at, "atol", o->atol, ASSAY_POSITIVE, ASSAY_FINITE);
    o->rtol = assay_opt_number(L, at, "rtol", o->rtol, 0, ASSAY_FINITE);
    o->h_init = assay_opt_number(L, at, "h_init", o->h_init, ASSAY_POSITIVE, ASSAY_FINITE);
    o->theta = assay_opt_number(L, at, "theta", o->theta, ASSAY_POSITIVE, ASSAY_BELOW_1);
    o->t_err = assay_opt_number(L, at, "t_err", o->t_err, ASSAY_POSITIVE, ASSAY_FINITE);
    o->sigma_min = assay_opt_number(L, at, "sigma_min", o->sigma_min, ASSAY_POSITIVE, ASSAY_FINITE);
    o->sigma_max = assay_opt_number(L, at, "sigma_max", o->sigma_max, ASSAY_POSITIVE, ASSAY_FINITE);
    o->s_churn = assay_opt_number(L, at, "s_churn", 0, 0, ASSAY_FINITE);
    o->s_tmin = assay_opt_number(L, at, "s_tmin", 0, 0, ASSAY_FINITE);
    o->s_tmax = assay_opt_number(L, at, "s_tmax", INFINITY, 0, INFINITY);
    o->s_noise = assay_opt_number(L, at, "s_noise", 1, 0, ASSAY_FINITE);
}

static void read_threshold(lua_State *L, int at, assay_sampler_options *o)
{
    static const char *const fields[] = {"ratio", "max_val", "clip", NULL};
    if (!assay_opt_push(L, at, "threshold"))
        return;
    const int table = lua_gettop(L);
    assay_opts_check(L, table, fields);
    const bool fixed = assay_opt_push(L, table, "clip");
    if (fixed && (assay_opt_push(L, table, "ratio") || assay_opt_push(L, table, "max_val")))
        assay_arg_error(L, "threshold takes either clip, or ratio and max_val");
    o->threshold = fixed ? ASSAY_THRESHOLD_STATIC : ASSAY_THRESHOLD_DYNAMIC;
    o->clip = assay_opt_number(L, table, "clip", 1, ASSAY_POSITIVE, ASSAY_FINITE);
    o->ratio = assay_opt_number(L, table, "ratio", 0.995, ASSAY_POSITIVE, 1);
    o->max_val = assay_opt_number(L, table, "max_val", 1, ASSAY_POSITIVE, ASSAY_FINITE);
}

void assay_opt_draws(
    lua_State *L, int at, const assay_matrix **draws, size_t *n_draws, assay_rng **rng)
{
    *rng = assay_opt_rng(L, at, "rng");
    if (!assay_opt_push(L, at, "draws"))
        return;
    const int list = lua_gettop(L);
    if (!lua_istable(L, list) || *rng)
        assay_arg_error(L, *rng ? "give either draws or rng, not both"
                                : "draws must be a list of matrices, one a step");
    *n_draws = (size_t)luaL_len(L, list);
    luaL_checkstack(L, (int)*n_draws + 20, "draws");
    assay_matrix *all = assay_lua_scratch(L, *n_draws + 1, sizeof *all);
    for (size_t i = 0; i < *n_draws; i++) {
        char name[40];
        snprintf(name, sizeof name, "draws[%zu]", i + 1);
        lua_geti(L, list, (lua_Integer)i + 1);
        all[i] = assay_arg_matrix(L, -1, name);
        lua_remove(L, -2);
    }
    *draws = all;
}

/* ---- options that would not be read ---- */

static bool is_given(lua_State *L, int at, const char *key)
{
    const bool given = assay_opt_push(L, at, key);
    lua_pop(L, 1);
    return given;
}

/* What only some of the methods of one solver read. lower_order_final is not here: it says how a
 * multistep solver ends, and is the same setting for others, whose steps have their orders. */
static void check_method_options(lua_State *L, int at, const assay_sampler_options *o)
{
    enum { MULTI = 1 << ASSAY_MULTISTEP, ADAPTIVE = 1 << ASSAY_ADAPTIVE, FIXED = 7 };
    static const struct {
        const char *option, *methods;
        unsigned set;
    } readers[] = {
        {"atol", "adaptive", ADAPTIVE},
        {"rtol", "adaptive", ADAPTIVE},
        {"h_init", "adaptive", ADAPTIVE},
        {"theta", "adaptive", ADAPTIVE},
        {"t_err", "adaptive", ADAPTIVE},
        {"d2", "multistep", MULTI},
        {"steps", "those but adaptive, which chooses its steps", FIXED},
        {"n", "those but adaptive, which chooses its steps", FIXED},
        {"spacing", "those but adaptive, which chooses its steps", FIXED},
        {"rho", "those but adaptive, which chooses its steps", FIXED},
    };
    static const char *const names[] = {"multistep", "singlestep", "singlestep_fixed", "adaptive"};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (!(readers[i].set & 1u << o->method) && is_given(L, at, readers[i].option))
            assay_arg_error(L, "%s is not an option of %s's method %s; methods that read it: %s",
                readers[i].option, o->solver, names[o->method], readers[i].methods);
}

/* Given times leave nothing to say about the grid, which rho shapes where its spacing is karras. */
static void check_grid_options(lua_State *L, int at, const assay_sampler_options *o)
{
    static const char *const grid[] = {
        "steps", "spacing", "rho", "t_start", "t_end", "sigma_min", "sigma_max"};
    for (size_t i = 0; i < sizeof grid / sizeof *grid && o->timesteps; i++)
        if (is_given(L, at, grid[i]))
            assay_arg_error(
                L, "%s is not read where timesteps are given: they are the grid", grid[i]);
    const bool sigmas = assay_solver_check_option(o->solver, "sigma_max") == ASSAY_OK;
    if (!sigmas && o->spacing != ASSAY_SPACING_KARRAS && is_given(L, at, "rho"))
        assay_arg_error(L,
            "rho is not an option of spacing %s; it is read by spacing karras, and by "
            "solvers whose grid is of sigmas: euler, heun",
            spacings[o->spacing]);
}

static bool is_end(const char *option)
{
    return strncmp(option, "sigma_", 6) == 0 || strcmp(option, "t_start") == 0 ||
           strcmp(option, "t_end") == 0;
}

/* An option that is there and that nothing would read is a mistake of the caller. `ends`: he reads
 * these himself. */
static void check_read(lua_State *L, int at, const assay_sampler_options *o, bool ends)
{
    static const char *const options[] = {ASSAY_SAMPLER_OPTIONS};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!(ends && is_end(options[i])) && is_given(L, at, options[i]))
            assay_arg_status(L, assay_solver_check_option(o->solver, options[i]));
    check_method_options(L, at, o);
    check_grid_options(L, at, o);
}

void assay_opt_sampler(lua_State *L, int at, bool ends, assay_sampler_options *o)
{
    luaL_checkstack(L, 40, NULL);
    read_solver(L, at, o);
    read_grid(L, at, o);
    read_forms(L, at, o);
    read_numbers(L, at, o);
    read_threshold(L, at, o);
    assay_opt_draws(L, at, &o->draws, &o->n_draws, &o->rng);
    check_read(L, at, o, ends);
}

/* ---- sampling ---- */

static int result_free(lua_State *L)
{
    assay_sampler_result_free(lua_touserdata(L, 1));
    return 0;
}

assay_sampler_result *assay_lua_sampler_result(lua_State *L)
{
    return assay_lua_owner(L, sizeof(assay_sampler_result), result_free);
}

static void set_count(lua_State *L, const char *key, size_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, key);
}

static void set_trajectory(lua_State *L, const assay_sampler_result *r, const assay_matrix *x)
{
    lua_createtable(L, (int)r->nodes, 0);
    for (size_t i = 0; i < r->nodes; i++) {
        const assay_matrix m = assay_push_matrix(L, x->rows, x->cols);
        const size_t n = x->rows * x->cols;
        memcpy(m.data, r->trajectory + i * n, n * sizeof *m.data);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "trajectory");
}

void assay_push_sampled(
    lua_State *L, const assay_sampler_result *r, const assay_matrix *x, int matrix)
{
    lua_createtable(L, 0, 8);
    lua_pushvalue(L, matrix);
    lua_setfield(L, -2, "x");
    set_count(L, "nfe", r->nfe);
    set_count(L, "nfe_net", r->nfe_net);
    set_count(L, "rejected", r->rejected);
    assay_push_vector(L, r->timesteps, r->nodes);
    lua_setfield(L, -2, "timesteps");
    push_orders(L, r->orders, r->nodes > 0 ? r->nodes - 1 : 0);
    lua_setfield(L, -2, "orders");
    if (r->trajectory)
        set_trajectory(L, r, x);
}

/* sample(model, xT [, options]): {x=, nfe=, nfe_net=, timesteps=, orders=, ...} */
static int sample(lua_State *L)
{
    static const char *const known[] = {ASSAY_SAMPLER_OPTIONS, NULL};
    assay_opts_check(L, 3, known);
    const assay_diffusion_model *model = assay_opt_denoiser(L, 1, 3);
    assay_sampler_options o = assay_sampler_defaults();
    assay_opt_sampler(L, 3, false, &o);
    assay_matrix x = push_copy(L, 2, "xT");
    const int matrix = lua_gettop(L);
    assay_sampler_result *r = assay_lua_sampler_result(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    o.progress = &report.progress;
    const int status = assay_diffusion_sample(model, &o, &x, r);
    if (status == ASSAY_ESCRIPT)
        assay_lua_denoiser_status(L, status);
    assay_lua_report_end(&report, status);
    assay_push_sampled(L, r, &x, matrix);
    return 1;
}

static const luaL_Reg functions[] = {
    {"timesteps", timesteps},
    {"karras_sigmas", karras_sigmas},
    {"singlestep_orders", singlestep_orders},
    {"phi", phi},
    {"dynamic_threshold", dynamic_threshold},
    {"solvers", solvers},
    {"sample", sample},
    {NULL, NULL},
};

void assay_lua_sampler(lua_State *L)
{
    assay_lua_register(L, functions);
}
