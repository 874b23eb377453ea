/*
 * assay.diffusion: scores of training rows and of mixtures of low rank, and how alike scores are
 * (methods/diffusion/gaussian.h), for Lua.
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/pca.h"
#include "core/status.h"
#include "methods/diffusion/gaussian.h"

/* delta_score(x, sigma, X): n x d */
static int delta_score(lua_State *L)
{
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double sigma = assay_arg_number(L, 2, "sigma", ASSAY_POSITIVE, ASSAY_FINITE);
    const assay_matrix train = assay_arg_matrix(L, 3, "X");
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    assay_arg_status(L, assay_delta_score(&train, sigma, &x, &out));
    return 1;
}

/* ---- mixtures of low rank ---- */

/* The matrices of `vectors`, one behind the other; the first tells the rank. */
static void read_vectors(lua_State *L, assay_gmm_lowrank *m)
{
    const int list = lua_gettop(L);
    if (!lua_istable(L, list) || (size_t)luaL_len(L, list) != m->components)
        assay_arg_error(
            L, "vectors must be a list of %zu matrices, one a component", m->components);
    for (size_t k = 0; k < m->components; k++) {
        char name[40];
        snprintf(name, sizeof name, "vectors[%zu]", k + 1);
        lua_geti(L, list, (lua_Integer)k + 1);
        const assay_matrix u = assay_arg_matrix(L, -1, name);
        if (k == 0) {
            m->rank = u.cols;
            m->vectors = assay_lua_scratch(L, m->components, m->dim * m->rank * sizeof(double));
            lua_insert(L, list + 1);
        }
        if (u.rows != m->dim || u.cols != m->rank)
            assay_arg_error(
                L, "%s must be %zu x %zu, got %zu x %zu", name, m->dim, m->rank, u.rows, u.cols);
        assay_matrix own = assay_matrix_view(m->vectors + k * m->dim * m->rank, m->dim, m->rank);
        assay_matrix_copy(&u, &own);
        lua_settop(L, list + 1);
    }
}

static double *read_rows(lua_State *L, const char *name, size_t rows, size_t cols)
{
    const assay_matrix given = assay_arg_matrix(L, -1, name);
    if (given.rows != rows || given.cols != cols)
        assay_arg_error(
            L, "%s must be %zu x %zu, got %zu x %zu", name, rows, cols, given.rows, given.cols);
    double *own = assay_lua_doubles(L, rows * cols);
    assay_matrix to = assay_matrix_view(own, rows, cols);
    assay_matrix_copy(&given, &to);
    return own;
}

static assay_gmm_lowrank of_table(lua_State *L, int at)
{
    static const char *const known[] = {"weights", "means", "vectors", "eigenvalues", NULL};
    assay_gmm_lowrank m = {0};
    assay_opts_check(L, at, known);
    assay_opt_push(L, at, "weights");
    m.weights = (double *)(size_t)assay_arg_vector(L, -1, "weights", &m.components);
    if (m.components < 1)
        assay_arg_error(L, "weights must have at least 1 value, got none");
    assay_opt_push(L, at, "means");
    m.dim = assay_arg_matrix(L, -1, "means").cols;
    m.means = read_rows(L, "means", m.components, m.dim);
    assay_opt_push(L, at, "vectors");
    read_vectors(L, &m);
    assay_opt_push(L, at, "eigenvalues");
    m.eigenvalues = read_rows(L, "eigenvalues", m.components, m.rank);
    return m;
}

/* Any mixture is one of full rank in the axes of its covariances. */
static assay_gmm_lowrank of_mixture(lua_State *L, int at)
{
    const assay_gmm *g = assay_arg_gmm(L, at, "gmm");
    const size_t K = assay_gmm_components(g), d = assay_gmm_dim(g);
    assay_gmm_lowrank m = {.components = K, .dim = d, .rank = d};
    m.weights = (double *)(size_t)assay_gmm_weights(g);
    m.means = (double *)(size_t)assay_gmm_means(g);
    m.vectors = assay_lua_scratch(L, K, d * d * sizeof(double));
    m.eigenvalues = assay_lua_doubles(L, K * d);
    assay_matrix covariance = assay_matrix_view(assay_lua_doubles(L, d * d), d, d);
    assay_matrix axes = assay_matrix_view(assay_lua_doubles(L, d * d), d, d);
    for (size_t k = 0; k < K; k++) {
        assay_gmm_covariance(g, k, covariance.data);
        assay_arg_status(L, assay_symmetric_eigen(&covariance, m.eigenvalues + k * d, &axes));
        for (size_t h = 0; h < d; h++) {
            m.eigenvalues[k * d + h] = fmax(m.eigenvalues[k * d + h], 0);
            for (size_t j = 0; j < d; j++)
                m.vectors[(k * d + j) * d + h] = *assay_matrix_at(&axes, h, j);
        }
    }
    return m;
}

/* {weights, means, vectors, eigenvalues}, or any mixture. Pushes values that keep it. */
static assay_gmm_lowrank arg_lowrank(lua_State *L, int at)
{
    bool table = lua_istable(L, at);
    luaL_checkstack(L, 20, NULL);
    if (table) {
        table = lua_getfield(L, at, "vectors") != LUA_TNIL;
        lua_pop(L, 1);
    }
    return table ? of_table(L, at) : of_mixture(L, at);
}

/* gmm_lowrank_score(x, sigma, gmm): n x d */
static int gmm_lowrank_score(lua_State *L)
{
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double sigma = assay_arg_number(L, 2, "sigma", ASSAY_POSITIVE, ASSAY_FINITE);
    const assay_gmm_lowrank m = arg_lowrank(L, 3);
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    assay_arg_status(L, assay_gmm_lowrank_score(&m, sigma, &x, &out));
    return 1;
}

/* gmm_lowrank_logpdf(x, sigma, gmm): one a row */
static int gmm_lowrank_logpdf(lua_State *L)
{
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double sigma = assay_arg_number(L, 2, "sigma", ASSAY_POSITIVE, ASSAY_FINITE);
    const assay_gmm_lowrank m = arg_lowrank(L, 3);
    double *out = assay_lua_doubles(L, x.rows);
    assay_arg_status(L, assay_gmm_lowrank_logpdf(&m, sigma, &x, out));
    assay_push_vector(L, out, x.rows);
    return 1;
}

/* gmm_flow(x, from, to, gmm [, {rtol=1e-6, atol=1e-9, progress=}]): n x d */
static int gmm_flow(lua_State *L)
{
    static const char *const known[] = {"rtol", "atol", "progress", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    const double from = assay_arg_number(L, 2, "from", ASSAY_POSITIVE, ASSAY_FINITE);
    const double to = assay_arg_number(L, 3, "to", ASSAY_POSITIVE, ASSAY_FINITE);
    const assay_gmm_lowrank m = arg_lowrank(L, 4);
    assay_opts_check(L, 5, known);
    const double rtol = assay_opt_number(L, 5, "rtol", 1e-6, 0, ASSAY_BELOW_1);
    const double atol = assay_opt_number(L, 5, "atol", 1e-9, 0, ASSAY_FINITE);
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    const int matrix = lua_gettop(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 5, &report);
    assay_lua_report_end(
        &report, assay_gmm_flow(&m, from, to, rtol, atol, &x, &report.progress, &out));
    lua_pushvalue(L, matrix);
    return 1;
}

static int lowrank_free(lua_State *L)
{
    assay_gmm_lowrank_free(lua_touserdata(L, 1));
    return 0;
}

static void push_lowrank(lua_State *L, const assay_gmm_lowrank *m)
{
    lua_createtable(L, 0, 4);
    assay_set_vector(L, "weights", m->weights, m->components);
    assay_matrix to = assay_push_matrix(L, m->components, m->dim);
    memcpy(to.data, m->means, m->components * m->dim * sizeof *m->means);
    lua_setfield(L, -2, "means");
    to = assay_push_matrix(L, m->components, m->rank);
    memcpy(to.data, m->eigenvalues, m->components * m->rank * sizeof *m->eigenvalues);
    lua_setfield(L, -2, "eigenvalues");
    lua_createtable(L, (int)m->components, 0);
    for (size_t k = 0; k < m->components; k++) {
        to = assay_push_matrix(L, m->dim, m->rank);
        memcpy(to.data, m->vectors + k * m->dim * m->rank, m->dim * m->rank * sizeof *m->vectors);
        lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
    lua_setfield(L, -2, "vectors");
}

/* gmm_lowrank_fit(X, {components=, rank=, rng=, ridge=1e-5, iterations=0, progress=}) */
static int gmm_lowrank_fit(lua_State *L)
{
    static const char *const known[] = {
        "components", "rank", "rng", "ridge", "iterations", "progress", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "X");
    assay_opts_check(L, 2, known);
    assay_rng *rng = assay_required_rng(L, 2);
    assay_gmm_lowrank_options o = {
        .components = (size_t)assay_opt_required(L, 2, "components", 1, 1e9),
        .rank = (size_t)assay_opt_required(L, 2, "rank", 1, 1e9)};
    o.ridge = assay_opt_number(L, 2, "ridge", 1e-5, ASSAY_POSITIVE, ASSAY_FINITE);
    o.iterations = (size_t)assay_opt_integer(L, 2, "iterations", 0, 0, 1000000);
    assay_gmm_lowrank *m = assay_lua_owner(L, sizeof(assay_gmm_lowrank), lowrank_free);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    o.progress = &report.progress;
    assay_lua_report_end(&report, assay_gmm_lowrank_fit(&x, &o, rng, m));
    push_lowrank(L, m);
    return 1;
}

/* ---- how alike ---- */

/* explained_variance(a, b [, {per_sample=false, reverse=false}]): a number, or a list */
static int explained_variance(lua_State *L)
{
    static const char *const known[] = {"per_sample", "reverse", NULL};
    assay_matrix a = assay_arg_matrix(L, 1, "a"), b = assay_arg_matrix(L, 2, "b");
    assay_opts_check(L, 3, known);
    if (assay_opt_boolean(L, 3, "reverse", false)) {
        const assay_matrix kept = a;
        a = b;
        b = kept;
    }
    if (assay_opt_boolean(L, 3, "per_sample", false)) {
        double *each = assay_lua_doubles(L, a.rows);
        assay_arg_status(L, assay_explained_variance_rows(&a, &b, each));
        assay_push_vector(L, each, a.rows);
        return 1;
    }
    double value;
    assay_arg_status(L, assay_explained_variance(&a, &b, &value));
    lua_pushnumber(L, value);
    return 1;
}

static const luaL_Reg functions[] = {
    {"delta_score", delta_score},
    {"gmm_lowrank_fit", gmm_lowrank_fit},
    {"gmm_lowrank_score", gmm_lowrank_score},
    {"gmm_lowrank_logpdf", gmm_lowrank_logpdf},
    {"gmm_flow", gmm_flow},
    {"explained_variance", explained_variance},
    {NULL, NULL},
};

void assay_lua_scores(lua_State *L)
{
    assay_lua_register(L, functions);
}
