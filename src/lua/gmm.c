/*
 * assay.gmm: Gaussian mixtures (models/gmm.h) for Lua.
 *
 *     local g = assay.gmm.new{weights={.5, .5}, means={{0, 0}, {3, 0}}, vars={1, 2}}
 *     local score = assay.gmm.score(g, x, {alpha=.6, sigma=.8})
 *
 * Every function takes the table in place of the mixture.
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/status.h"

#define GMM "assay.gmm"

/* A slot that the collector frees, for the mixture that the caller makes. */
static assay_gmm **push_slot(lua_State *L)
{
    assay_gmm **slot = lua_newuserdatauv(L, sizeof(assay_gmm *), 0);
    *slot = NULL;
    luaL_setmetatable(L, GMM);
    return slot;
}

static int gmm_free(lua_State *L)
{
    assay_gmm **slot = luaL_checkudata(L, 1, GMM);
    assay_gmm_free(*slot);
    *slot = NULL;
    return 0;
}

/* ---- the table of a mixture ---- */

static const char *const fields[] = {
    "weights", "means", "covs", "diag", "vars", "tied", "factors", "classes", NULL};

/* The value of `key` must be rows x cols; copied to `out`. */
static void read_matrix(
    lua_State *L, int at, const char *name, size_t rows, size_t cols, double *out)
{
    const assay_matrix m = assay_arg_matrix(L, at, name);
    if (m.rows != rows || m.cols != cols)
        assay_arg_error(L, "%s must be %zu x %zu, got %zu x %zu", name, rows, cols, m.rows, m.cols);
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * cols, assay_matrix_row(&m, i), cols * sizeof *out);
    lua_pop(L, 1);
}

/* A list of `count` matrices, on top of the stack; cols 0: as many as the first has. Pushes the
 * numbers. */
static double *read_matrices(
    lua_State *L, const char *name, size_t count, size_t rows, size_t *cols)
{
    const int list = lua_gettop(L);
    if (!lua_istable(L, list) || (size_t)luaL_len(L, list) != count)
        assay_arg_error(L, "%s must be a list of %zu matrices", name, count);
    if (*cols == 0) {
        lua_geti(L, list, 1);
        *cols = assay_arg_matrix(L, -1, name).cols;
        lua_pop(L, 2);
    }
    double *out = assay_lua_scratch(L, count, rows * *cols * sizeof *out);
    for (size_t k = 0; k < count; k++) {
        char element[64];
        snprintf(element, sizeof element, "%s[%zu]", name, k + 1);
        lua_geti(L, list, (lua_Integer)k + 1);
        read_matrix(L, -1, element, rows, *cols, out + k * rows * *cols);
        lua_pop(L, 1);
    }
    return out;
}

static bool has(lua_State *L, int at, const char *key)
{
    const bool there = assay_opt_push(L, at, key);
    lua_pop(L, 1);
    return there;
}

/* K x d variances of `diag`, or of `vars` repeated. */
static const double *read_variances(lua_State *L, int at, const assay_gmm_parameters *p)
{
    double *out = assay_lua_scratch(L, p->components, p->dim * sizeof *out);
    if (assay_opt_push(L, at, "diag")) {
        read_matrix(L, -1, "diag", p->components, p->dim, out);
        return out;
    }
    lua_pop(L, 1);
    assay_opt_push(L, at, "vars");
    const double *variances = assay_arg_vector_of(L, -1, "vars", p->components);
    for (size_t i = 0; i < p->components * p->dim; i++)
        out[i] = variances[i / p->dim];
    return out;
}

static void read_covariances(lua_State *L, int at, assay_gmm_parameters *p)
{
    const bool covs = has(L, at, "covs"), diag = has(L, at, "diag"), vars = has(L, at, "vars"),
               tied = has(L, at, "tied"), factors = has(L, at, "factors");
    if (covs + diag + vars + tied != 1)
        assay_arg_error(L, "exactly one of covs, diag, vars and tied must be given, got %d",
            covs + diag + vars + tied);
    if (factors && !diag && !vars)
        assay_arg_error(L, "factors need diag or vars");
    size_t cols = p->dim;
    if (factors) {
        p->kind = ASSAY_COVARIANCE_LOW_RANK;
        p->covariances = read_variances(L, at, p);
        assay_opt_push(L, at, "factors");
        p->factors = read_matrices(L, "factors", p->components, p->dim, &p->rank);
    } else if (covs) {
        p->kind = ASSAY_COVARIANCE_FULL;
        assay_opt_push(L, at, "covs");
        p->covariances = read_matrices(L, "covs", p->components, p->dim, &cols);
    } else if (tied) {
        p->kind = ASSAY_COVARIANCE_TIED;
        double *s = assay_lua_scratch(L, p->dim, p->dim * sizeof *s);
        assay_opt_push(L, at, "tied");
        read_matrix(L, -1, "tied", p->dim, p->dim, s);
        p->covariances = s;
    } else {
        p->kind = diag ? ASSAY_COVARIANCE_DIAGONAL : ASSAY_COVARIANCE_SPHERICAL;
        p->covariances = read_variances(L, at, p);
        if (vars) {
            assay_opt_push(L, at, "vars");
            p->covariances = assay_arg_vector_of(L, -1, "vars", p->components);
        }
    }
}

/* Pushes the mixture that the table at `at` describes. */
static const assay_gmm *push_from_table(lua_State *L, int at, const char *name)
{
    at = lua_absindex(L, at);
    if (!lua_istable(L, at))
        assay_arg_error(L,
            "%s must be a mixture (assay.gmm.new) or a table {weights=, means=, ...}, "
            "got a %s",
            name, luaL_typename(L, at));
    assay_opts_check(L, at, fields);
    luaL_checkstack(L, 32, NULL);
    const int top = lua_gettop(L);
    assay_gmm **slot = push_slot(L);
    assay_gmm_parameters p = {0};
    assay_opt_push(L, at, "weights");
    p.weights = assay_arg_vector(L, -1, "weights", &p.components);
    assay_opt_push(L, at, "means");
    const assay_matrix m = assay_arg_matrix(L, -1, "means");
    if (p.components < 1 || m.rows != p.components || m.cols < 1)
        assay_arg_error(L, "means must have a row for each of the %zu weights, got %zu x %zu",
            p.components, m.rows, m.cols);
    p.dim = m.cols;
    double *means = assay_lua_scratch(L, p.components, p.dim * sizeof *means);
    for (size_t k = 0; k < p.components; k++)
        memcpy(means + k * p.dim, assay_matrix_row(&m, k), p.dim * sizeof *means);
    p.means = means;
    read_covariances(L, at, &p);
    if (assay_opt_push(L, at, "classes")) {
        size_t n = 0;
        p.classes = assay_arg_indices(L, -1, "classes", 1, INT32_MAX, &n);
        if (n != p.components)
            assay_arg_error(
                L, "classes must have %zu values, one a component, got %zu", p.components, n);
    }
    assay_arg_status(L, assay_gmm_new(&p, slot));
    lua_settop(L, top + 1);
    return *slot;
}

const assay_gmm *assay_arg_gmm(lua_State *L, int at, const char *name)
{
    assay_gmm **slot = luaL_testudata(L, at, GMM);
    if (!slot || !*slot)
        return push_from_table(L, at, name);
    lua_pushvalue(L, at);
    return *slot;
}

static int new (lua_State *L)
{
    push_from_table(L, 1, "mixture");
    return 1;
}

/* ---- what it is ---- */

static const assay_gmm *self(lua_State *L)
{
    assay_gmm **slot = luaL_testudata(L, 1, GMM);
    if (!slot || !*slot)
        assay_arg_error(L, "called on a %s instead of a mixture (use \":\")", luaL_typename(L, 1));
    return *slot;
}

static int gmm_components(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)assay_gmm_components(self(L)));
    return 1;
}

static int gmm_dim(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)assay_gmm_dim(self(L)));
    return 1;
}

static int gmm_weights(lua_State *L)
{
    const assay_gmm *g = self(L);
    assay_push_vector(L, assay_gmm_weights(g), assay_gmm_components(g));
    return 1;
}

static int gmm_means(lua_State *L)
{
    const assay_gmm *g = self(L);
    const assay_matrix m = assay_push_matrix(L, assay_gmm_components(g), assay_gmm_dim(g));
    memcpy(m.data, assay_gmm_means(g), m.rows * m.cols * sizeof *m.data);
    return 1;
}

/* g:covariance(k): d x d */
static int gmm_covariance(lua_State *L)
{
    const assay_gmm *g = self(L);
    const int64_t k = assay_arg_integer(L, 2, "k", 1, (int64_t)assay_gmm_components(g));
    assay_gmm_covariance(
        g, (size_t)k - 1, assay_push_matrix(L, assay_gmm_dim(g), assay_gmm_dim(g)).data);
    return 1;
}

static int gmm_tostring(lua_State *L)
{
    const assay_gmm *g = self(L);
    lua_pushfstring(L, "mixture of %I components in %I dimensions",
        (LUAI_UACINT)assay_gmm_components(g), (LUAI_UACINT)assay_gmm_dim(g));
    return 1;
}

/* moments(gmm): {mean=, cov=} of the whole */
static int moments(lua_State *L)
{
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const size_t d = assay_gmm_dim(g);
    double *mean = assay_lua_doubles(L, d);
    lua_createtable(L, 0, 2);
    assay_matrix covariance = assay_push_matrix(L, d, d);
    assay_arg_status(L, assay_gmm_moments(g, mean, &covariance));
    lua_setfield(L, -2, "cov");
    assay_push_vector(L, mean, d);
    lua_setfield(L, -2, "mean");
    return 1;
}

/* ---- densities and their gradients ---- */

static void read_class(lua_State *L, int at, const assay_gmm *g, assay_gmm_level *level)
{
    level->class = ASSAY_GMM_ALL;
    level->guidance = 1;
    if (!has(L, at, "class"))
        return;
    const int64_t classes = (int64_t)assay_gmm_classes(g);
    if (classes == 0)
        assay_arg_error(L, "class: the mixture has no classes");
    level->class = (int)assay_opt_integer(L, at, "class", 1, 1, classes) - 1;
}

void assay_opt_guidance(lua_State *L, int at, const assay_gmm *g, assay_gmm_level *level)
{
    read_class(L, at, g, level);
    level->guidance = assay_opt_number(L, at, "scale", 1, -ASSAY_FINITE, ASSAY_FINITE);
    if (has(L, at, "scale") && level->class == ASSAY_GMM_ALL)
        assay_arg_error(L, "scale needs a class");
}

/* Options alpha, sigma, class and, for what is linear in the score, scale. */
static assay_gmm_level read_level(lua_State *L, int at, const assay_gmm *g, bool linear)
{
    static const char *const of_density[] = {"alpha", "sigma", "class", "progress", NULL};
    static const char *const of_score[] = {"alpha", "sigma", "class", "scale", "progress", NULL};
    assay_opts_check(L, at, linear ? of_score : of_density);
    assay_gmm_level level;
    if (linear)
        assay_opt_guidance(L, at, g, &level);
    else
        read_class(L, at, g, &level);
    level.alpha = assay_opt_number(L, at, "alpha", 1, 0, ASSAY_FINITE);
    level.sigma = assay_opt_number(L, at, "sigma", 0, 0, ASSAY_FINITE);
    return level;
}

/* Into what was pushed before; options at 3. */
static void evaluate(lua_State *L, const assay_gmm *g, const assay_gmm_level *level,
    const assay_matrix *x, assay_gmm_values out)
{
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    out.progress = &report.progress;
    assay_lua_report_end(&report, assay_gmm_evaluate(g, level, x, &out));
}

/* logpdf(gmm, x [, {alpha=1, sigma=0, class=, progress=}]): one number a row */
static int logpdf(lua_State *L)
{
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    const assay_gmm_level level = read_level(L, 3, g, false);
    double *out = assay_lua_doubles(L, x.rows);
    evaluate(L, g, &level, &x, (assay_gmm_values){.log_density = out});
    assay_push_vector(L, out, x.rows);
    return 1;
}

/* responsibilities(gmm, x [, options]): n x K */
static int responsibilities(lua_State *L)
{
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    const assay_gmm_level level = read_level(L, 3, g, false);
    assay_matrix r = assay_push_matrix(L, x.rows, assay_gmm_components(g));
    const int result = lua_gettop(L);
    evaluate(L, g, &level, &x, (assay_gmm_values){.responsibilities = &r});
    lua_pushvalue(L, result);
    return 1;
}

enum { SCORE, EPS, DENOISED };

static int linear(lua_State *L, int what)
{
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    const assay_gmm_level level = read_level(L, 3, g, true);
    assay_matrix out = assay_push_matrix(L, x.rows, assay_gmm_dim(g));
    const int result = lua_gettop(L);
    evaluate(L, g, &level, &x,
        (assay_gmm_values){.score = what == SCORE ? &out : NULL,
            .eps = what == EPS ? &out : NULL,
            .denoised = what == DENOISED ? &out : NULL});
    lua_pushvalue(L, result);
    return 1;
}

static int score(lua_State *L)
{
    return linear(L, SCORE);
}

static int eps(lua_State *L)
{
    return linear(L, EPS);
}

static int denoise(lua_State *L)
{
    return linear(L, DENOISED);
}

/* sample(gmm, n, {rng=, alpha=1, sigma=0, class=, progress=}): n x d, and the component of each row
 */
static int sample(lua_State *L)
{
    static const char *const known[] = {"rng", "alpha", "sigma", "class", "progress", NULL};
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const size_t n = (size_t)assay_arg_integer(L, 2, "n", 0, INT32_MAX);
    assay_opts_check(L, 3, known);
    assay_rng *rng = assay_required_rng(L, 3);
    assay_gmm_level level;
    read_class(L, 3, g, &level);
    level.alpha = assay_opt_number(L, 3, "alpha", 1, 0, ASSAY_FINITE);
    level.sigma = assay_opt_number(L, 3, "sigma", 0, 0, ASSAY_FINITE);
    size_t *component = assay_lua_scratch(L, n, sizeof *component);
    assay_matrix x = assay_push_matrix(L, n, assay_gmm_dim(g));
    const int result = lua_gettop(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(
        &report, assay_gmm_sample(g, &level, rng, &report.progress, &x, component));
    lua_pushvalue(L, result);
    assay_push_indices(L, component, n, 1);
    return 2;
}

/* lift(gmm, pca [, {residual=0}]): the mixture of principal coordinates as one of the data */
static int lift(lua_State *L)
{
    static const char *const known[] = {"residual", NULL};
    assay_matrix components;
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const double *mean = assay_arg_pca(L, 2, &components);
    assay_opts_check(L, 3, known);
    const double residual = assay_opt_number(L, 3, "residual", 0, 0, ASSAY_FINITE);
    assay_gmm **slot = push_slot(L);
    assay_arg_status(L, assay_gmm_lift(g, mean, &components, residual, slot));
    return 1;
}

/* ---- fitting ---- */

/* Owns the fit's result while Lua may raise. */
static int fit_result_free(lua_State *L)
{
    assay_gmm_fit_free(lua_touserdata(L, 1));
    return 0;
}

static void push_fit(lua_State *L, assay_gmm_fit_result *r)
{
    lua_createtable(L, 0, 8);
    assay_set_number(L, "log_likelihood", r->log_likelihood);
    assay_set_number(L, "bic", r->bic);
    assay_set_integer(L, "parameters", (int64_t)r->parameters);
    assay_set_integer(L, "iterations", (int64_t)r->iterations);
    assay_set_integer(L, "repaired", (int64_t)r->repaired);
    lua_pushboolean(L, r->converged);
    lua_setfield(L, -2, "converged");
    assay_push_vector(L, r->trace, r->iterations + 1);
    lua_setfield(L, -2, "trace");
    assay_gmm **slot = push_slot(L);
    *slot = r->gmm;
    r->gmm = NULL;
    lua_setfield(L, -2, "gmm");
}

/* fit(x, {components=, rng=, ...}): {gmm=, log_likelihood=, bic=, ...} */
static int fit(lua_State *L)
{
    static const char *const known[] = {"components", "rng", "covariance", "max_iterations",
        "tolerance", "floor", "restarts", "start", "progress", NULL};
    static const char *const kinds[] = {"spherical", "diagonal", "full", "tied", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    assay_opts_check(L, 2, known);
    assay_gmm_fit_options o = assay_gmm_fit_defaults(0);
    o.components = (size_t)assay_opt_integer(L, 2, "components", 0, 1, INT32_MAX);
    assay_rng *rng = assay_opt_rng(L, 2, "rng");
    if (o.components == 0 || !rng)
        assay_arg_error(L, "components and rng must be given");
    o.kind = (assay_covariance)assay_opt_choice(L, 2, "covariance", o.kind, kinds);
    o.max_iterations =
        (size_t)assay_opt_integer(L, 2, "max_iterations", (int64_t)o.max_iterations, 1, 1000000);
    o.tolerance = assay_opt_number(L, 2, "tolerance", o.tolerance, 0, ASSAY_FINITE);
    o.floor = assay_opt_number(L, 2, "floor", o.floor, ASSAY_POSITIVE, ASSAY_FINITE);
    o.restarts = (size_t)assay_opt_integer(L, 2, "restarts", 1, 1, 1000000);
    if (assay_opt_push(L, 2, "start")) {
        double *start_means = assay_lua_scratch(L, o.components, x.cols * sizeof *start_means);
        read_matrix(L, -2, "start", o.components, x.cols, start_means);
        o.start = start_means;
    }
    assay_gmm_fit_result *result =
        assay_lua_owner(L, sizeof(assay_gmm_fit_result), fit_result_free);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    o.progress = &report.progress;
    assay_lua_report_end(&report, assay_gmm_fit(&x, &o, rng, result));
    push_fit(L, result);
    return 1;
}

static const luaL_Reg methods[] = {
    {"components", gmm_components},
    {"dim", gmm_dim},
    {"weights", gmm_weights},
    {"means", gmm_means},
    {"covariance", gmm_covariance},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"new", new},
    {"moments", moments},
    {"logpdf", logpdf},
    {"responsibilities", responsibilities},
    {"score", score},
    {"eps", eps},
    {"denoise", denoise},
    {"sample", sample},
    {"lift", lift},
    {"fit", fit},
    {NULL, NULL},
};

int assay_lua_gmm(lua_State *L)
{
    assay_lua_class(L, GMM, "gmm", methods, gmm_free, gmm_tostring);
    lua_newtable(L);
    assay_lua_register(L, functions);
    return 1;
}
