/*
 * assay.diffusion: one Gaussian in place of the data (methods/diffusion/gaussian.h) for Lua. A fit
 * is a plain table {mean=, eigenvalues=, vectors=, trace=, residual=}, so that a script may make
 * its own.
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/diffusion/gaussian.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/status.h"

static const char *const residuals[] = {"none", "isotropic", NULL};

/* ---- arguments ---- */

static int gaussian_free(lua_State *L)
{
    assay_gaussian_free(lua_touserdata(L, 1));
    return 0;
}

static assay_gaussian *push_owner(lua_State *L)
{
    return assay_lua_owner(L, sizeof(assay_gaussian), gaussian_free);
}

static void read_options(lua_State *L, int at, size_t most, assay_gaussian_options *o)
{
    const int64_t rank = assay_opt_integer(L, at, "rank", -1, 0, (int64_t)most);
    *o = (assay_gaussian_options){.truncate = rank >= 0,
        .rank = rank >= 0 ? (size_t)rank : 0,
        .isotropic = assay_opt_choice(L, at, "residual", 0, residuals) == 1};
}

/* {mean, cov}: the covariance is decomposed at each call. */
static assay_gaussian of_moments(
    lua_State *L, int at, const double *mean, size_t d, const char *name)
{
    const assay_matrix cov = assay_arg_matrix(L, -1, "cov");
    if (cov.rows != d || cov.cols != d)
        assay_arg_error(L, "%s: cov must be %zu x %zu as the mean, got %zu x %zu", name, d, d,
            cov.rows, cov.cols);
    assay_gaussian_options o;
    read_options(L, at, d, &o);
    assay_gaussian *g = push_owner(L);
    assay_arg_status(L, assay_gaussian_from_moments(mean, &cov, &o, g));
    return *g;
}

static assay_gaussian of_directions(
    lua_State *L, int at, const double *mean, size_t d, const char *name)
{
    size_t n = 0;
    assay_gaussian g = {.dim = d, .mean = (double *)(size_t)mean};
    g.vectors = assay_arg_matrix(L, -1, "vectors");
    if (!assay_opt_push(L, at, "eigenvalues"))
        assay_arg_error(L, "%s: vectors need eigenvalues", name);
    g.eigenvalues = (double *)(size_t)assay_arg_vector(L, -1, "eigenvalues", &n);
    if (n > 0 && (g.vectors.rows != d || g.vectors.cols != n))
        assay_arg_error(L,
            "%s: vectors must be %zu x %zu (columns of mean's length), got %zu x %zu", name, d, n,
            g.vectors.rows, g.vectors.cols);
    for (size_t k = 0; k < n; k++)
        if (!(g.eigenvalues[k] >= 0 && isfinite(g.eigenvalues[k])))
            assay_arg_error(L, "%s: eigenvalues[%zu] must be a variance, at least 0, got %f", name,
                k + 1, g.eigenvalues[k]);
    g.rank = (size_t)assay_opt_integer(L, at, "rank", (int64_t)n, 0, (int64_t)n);
    g.residual = assay_opt_number(L, at, "residual", 0, 0, ASSAY_FINITE);
    return g;
}

assay_gaussian assay_arg_gaussian(lua_State *L, int at, const char *name)
{
    static const char *const known[] = {
        "mean", "cov", "rank", "vectors", "eigenvalues", "residual", "trace", NULL};
    size_t d = 0;
    at = lua_absindex(L, at);
    luaL_checkstack(L, 16, NULL);
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a fit (gaussian_fit) or a table {mean=, cov=}, got a %s",
            name, luaL_typename(L, at));
    assay_opts_check(L, at, known);
    if (!assay_opt_push(L, at, "mean"))
        assay_arg_error(L, "%s has no mean", name);
    const double *mean = assay_arg_vector(L, -1, "mean", &d);
    if (assay_opt_push(L, at, "cov"))
        return of_moments(L, at, mean, d, name);
    if (assay_opt_push(L, at, "vectors"))
        return of_directions(L, at, mean, d, name);
    if (assay_opt_integer(L, at, "rank", -1, 0, 0) != 0)
        assay_arg_error(
            L, "%s must have cov, or vectors and eigenvalues, or rank = 0 beside mean", name);
    return (assay_gaussian){.dim = d,
        .mean = (double *)(size_t)mean,
        .vectors = assay_matrix_view(NULL, d, 0),
        .residual = assay_opt_number(L, at, "residual", 0, 0, ASSAY_FINITE)};
}

/* ---- fits ---- */

static void push_fit(lua_State *L, const assay_gaussian *g)
{
    lua_createtable(L, 0, 5);
    assay_set_vector(L, "mean", g->mean, g->dim);
    assay_set_vector(L, "eigenvalues", g->eigenvalues, g->rank);
    assay_set_number(L, "trace", g->trace);
    assay_set_number(L, "residual", g->residual);
    assay_matrix vectors = assay_push_matrix(L, g->dim, g->rank);
    assay_matrix_copy(&g->vectors, &vectors);
    lua_setfield(L, -2, "vectors");
}

/* The options of the call are at 2. */
static void push_fit_of(lua_State *L, const assay_matrix *x, const assay_gaussian_options *o)
{
    const int top = lua_gettop(L);
    assay_gaussian *g = push_owner(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    assay_lua_report_end(&report, assay_gaussian_fit(x, o, &report.progress, g));
    push_fit(L, g);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

/* A list of fits, one for the rows of each class. */
static void push_classes(lua_State *L, const assay_matrix *x, const assay_gaussian_options *o)
{
    size_t n = 0, classes = 0;
    const size_t *class = assay_arg_indices(L, -1, "classes", 1, INT32_MAX, &n);
    if (n != x->rows)
        assay_arg_error(L, "classes must have %zu values, one a row, got %zu", x->rows, n);
    for (size_t i = 0; i < n; i++)
        classes = class[i] + 1 > classes ? class[i] + 1 : classes;
    lua_createtable(L, (int)classes, 0);
    for (size_t k = 0; k < classes; k++) {
        size_t rows = 0;
        double *own = assay_lua_scratch(L, x->rows, (x->cols + 1) * sizeof *own);
        for (size_t i = 0; i < n; i++)
            if (class[i] == k)
                memcpy(own + rows++ * x->cols, assay_matrix_row(x, i), x->cols * sizeof *own);
        const assay_matrix part = assay_matrix_view(own, rows, x->cols);
        push_fit_of(L, &part, o);
        lua_rawseti(L, -3, (lua_Integer)k + 1);
        lua_pop(L, 1);
    }
}

/* gaussian_fit(X [, {rank=, residual="none", centre=true, classes=, progress=}]): {mean=,
 * eigenvalues=, vectors=, trace=, residual=}, or a list of them */
static int gaussian_fit(lua_State *L)
{
    static const char *const known[] = {"rank", "residual", "centre", "classes", "progress", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "X");
    assay_opts_check(L, 2, known);
    assay_gaussian_options o;
    read_options(L, 2, SIZE_MAX / 2, &o);
    o.centred = !assay_opt_boolean(L, 2, "centre", true);
    if (assay_opt_push(L, 2, "classes"))
        push_classes(L, &x, &o);
    else
        push_fit_of(L, &x, &o);
    return 1;
}

/* gaussian_from_moments(mean, cov [, {rank=, residual="none"}]): the same table */
static int gaussian_from_moments(lua_State *L)
{
    static const char *const known[] = {"rank", "residual", NULL};
    size_t d = 0;
    const double *mean = assay_arg_vector(L, 1, "mean", &d);
    const assay_matrix cov = assay_arg_matrix(L, 2, "cov");
    if (cov.rows != d || cov.cols != d)
        assay_arg_error(
            L, "cov must be %zu x %zu as the mean, got %zu x %zu", d, d, cov.rows, cov.cols);
    assay_opts_check(L, 3, known);
    assay_gaussian_options o;
    read_options(L, 3, d, &o);
    assay_gaussian *g = push_owner(L);
    assay_arg_status(L, assay_gaussian_from_moments(mean, &cov, &o, g));
    push_fit(L, g);
    return 1;
}

/* ---- flow ---- */

/* gaussian_flow(x, from, to, gauss [, {schedule=}]): n x d */
static int gaussian_flow(lua_State *L)
{
    static const char *const known[] = {"schedule", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double from = assay_arg_number(L, 2, "from", 0, ASSAY_FINITE);
    const double to = assay_arg_number(L, 3, "to", 0, ASSAY_FINITE);
    const assay_gaussian g = assay_arg_gaussian(L, 4, "gauss");
    assay_opts_check(L, 5, known);
    const assay_schedule *s =
        assay_opt_push(L, 5, "schedule") ? assay_arg_schedule(L, -1, "schedule") : NULL;
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    assay_arg_status(L, assay_gaussian_flow(&g, s, from, to, &x, &out));
    return 1;
}

/* gaussian_flow_path(xT, sigmas, gauss [, {schedule=}]): a matrix for each, the first is xT */
static int gaussian_flow_path(lua_State *L)
{
    static const char *const known[] = {"schedule", NULL};
    size_t n = 0;
    const assay_matrix x = assay_arg_matrix(L, 1, "xT");
    const double *sigmas = assay_arg_vector(L, 2, "sigmas", &n);
    const assay_gaussian g = assay_arg_gaussian(L, 3, "gauss");
    assay_opts_check(L, 4, known);
    const assay_schedule *s =
        assay_opt_push(L, 4, "schedule") ? assay_arg_schedule(L, -1, "schedule") : NULL;
    assay_matrix *out = assay_lua_scratch(L, n + 1, sizeof *out);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = assay_push_matrix(L, x.rows, x.cols);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    assay_arg_status(L, assay_gaussian_flow_path(&g, s, sigmas, n, &x, out));
    return 1;
}

/* ---- scores ---- */

/* gaussian_score(x, sigma, gauss [, {kind="exact", s0=0}]): n x d, {diverging=} */
static int gaussian_score(lua_State *L)
{
    static const char *const known[] = {"kind", "s0", NULL};
    static const char *const kinds[] = {
        "exact", "expand1", "expand2", "expand1_reg", "expand2_reg", "isotropic", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double sigma = assay_arg_number(L, 2, "sigma", 0, ASSAY_FINITE);
    assay_gaussian g = assay_arg_gaussian(L, 3, "gauss");
    assay_opts_check(L, 4, known);
    assay_gaussian_score_kind kind =
        (assay_gaussian_score_kind)assay_opt_choice(L, 4, "kind", 0, kinds);
    const double s0 = assay_opt_number(L, 4, "s0", 0, 0, ASSAY_FINITE);
    if (s0 > 0 && kind != ASSAY_SCORE_ISOTROPIC)
        assay_arg_error(L, "s0 is for the kind isotropic");
    if (s0 > 0) { /* one variance in all directions */
        g.rank = 0;
        g.residual = s0 * s0;
        kind = ASSAY_SCORE_EXACT;
    }
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    assay_arg_status(L, assay_gaussian_score(&g, kind, sigma, &x, &out));
    lua_createtable(L, 0, 1);
    assay_set_boolean(L, "diverging", assay_gaussian_score_diverges(&g, kind, sigma));
    return 2;
}

/* gaussian_denoise(x, sigma, gauss): n x d */
static int gaussian_denoise(lua_State *L)
{
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double sigma = assay_arg_number(L, 2, "sigma", 0, ASSAY_FINITE);
    const assay_gaussian g = assay_arg_gaussian(L, 3, "gauss");
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    assay_arg_status(L, assay_gaussian_denoise(&g, sigma, &x, &out));
    return 1;
}

/* ---- what trajectories are made of ---- */

/* gaussian_modes(sigmas, gauss): {state=, denoised=, perturbation=}, sigmas x r each; the first is
 * sigma_T */
static int gaussian_modes(lua_State *L)
{
    static const char *const names[] = {"state", "denoised", "perturbation"};
    size_t n = 0;
    const double *sigmas = assay_arg_vector(L, 1, "sigmas", &n);
    const assay_gaussian g = assay_arg_gaussian(L, 2, "gauss");
    if (n < 1)
        assay_arg_error(L, "sigmas must have at least 1 value, got none");
    lua_createtable(L, 0, 3);
    assay_matrix m[3];
    for (int k = 0; k < 3; k++) {
        m[k] = assay_push_matrix(L, n, g.rank);
        lua_setfield(L, -2, names[k]);
    }
    for (size_t i = 0; i < n; i++) {
        const assay_gaussian_modes row = {
            assay_matrix_row(&m[0], i), assay_matrix_row(&m[1], i), assay_matrix_row(&m[2], i)};
        assay_arg_status(L, assay_gaussian_modes_at(&g, sigmas[0], sigmas[i], &row));
    }
    return 1;
}

/* trajectory_plane(states): {fraction=, r2=, a=, b=} */
static int trajectory_plane(lua_State *L)
{
    if (!lua_istable(L, 1))
        assay_arg_error(
            L, "states must be a list of matrices, a time each, got a %s", luaL_typename(L, 1));
    const size_t n = (size_t)luaL_len(L, 1);
    luaL_checkstack(L, (int)n + 20, "states");
    assay_matrix *states = assay_lua_scratch(L, n + 1, sizeof *states);
    for (size_t i = 0; i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "states[%zu]", i + 1);
        lua_geti(L, 1, (lua_Integer)i + 1);
        states[i] = assay_arg_matrix(L, -1, name);
        lua_remove(L, -2);
    }
    const size_t rows = n > 0 ? states[0].rows : 0;
    double *fraction = assay_lua_doubles(L, rows), *r2 = assay_lua_doubles(L, rows);
    lua_createtable(L, 0, 4);
    assay_matrix a = assay_push_matrix(L, n, rows);
    lua_setfield(L, -2, "a");
    assay_matrix b = assay_push_matrix(L, n, rows);
    lua_setfield(L, -2, "b");
    const assay_trajectory_plane out = {fraction, r2, &a, &b};
    assay_arg_status(L, assay_trajectory_plane_of(states, n, &out));
    assay_set_vector(L, "fraction", fraction, rows);
    assay_set_vector(L, "r2", r2, rows);
    return 1;
}

static const luaL_Reg functions[] = {
    {"gaussian_fit", gaussian_fit},
    {"gaussian_from_moments", gaussian_from_moments},
    {"gaussian_flow", gaussian_flow},
    {"gaussian_flow_path", gaussian_flow_path},
    {"gaussian_score", gaussian_score},
    {"gaussian_denoise", gaussian_denoise},
    {"gaussian_modes", gaussian_modes},
    {"trajectory_plane", trajectory_plane},
    {NULL, NULL},
};

void assay_lua_gaussian(lua_State *L)
{
    assay_lua_register(L, functions);
}
