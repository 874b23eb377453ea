/*
 * assay.pca: principal components (core/pca.h). A fit is a plain table {mean, components,
 * variances, total}, so that a cell can keep it (cell:cache).
 */
#include "lua/args.h"
#include "lua/module.h"
#include "lua/report.h"

#include "core/pca.h"

/* fit(x, {components=, progress=}): {mean=, components= (r x d), variances=, total=} */
static int fit(lua_State *L)
{
    static const char *const known[] = {"components", "progress", NULL};
    const assay_matrix x = assay_arg_matrix(L, 1, "x");
    assay_opts_check(L, 2, known);
    const int64_t r = assay_opt_integer(L, 2, "components", 0, 1, INT32_MAX);
    if (r == 0)
        assay_arg_error(L, "components must be given");
    if (r > (int64_t)x.cols)
        assay_arg_error(
            L, "components must be in 1..%zu, the columns of x, got %lld", x.cols, (long long)r);
    double *mean = assay_lua_doubles(L, x.cols), *variances = assay_lua_doubles(L, (size_t)r);
    double total = 0;
    assay_matrix components = assay_push_matrix(L, (size_t)r, x.cols);
    const int matrix = lua_gettop(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    assay_lua_report_end(
        &report, assay_pca_fit(&x, &report.progress, mean, &components, variances, &total));
    lua_createtable(L, 0, 4);
    assay_push_vector(L, mean, x.cols);
    lua_setfield(L, -2, "mean");
    lua_pushvalue(L, matrix);
    lua_setfield(L, -2, "components");
    assay_push_vector(L, variances, (size_t)r);
    lua_setfield(L, -2, "variances");
    lua_pushnumber(L, total);
    lua_setfield(L, -2, "total");
    return 1;
}

const double *assay_arg_pca(lua_State *L, int at, assay_matrix *components)
{
    size_t d = 0;
    at = lua_absindex(L, at);
    if (!lua_istable(L, at))
        assay_arg_error(L, "pca must be a fit (assay.pca.fit), got a %s", luaL_typename(L, at));
    luaL_checkstack(L, 8, NULL);
    lua_getfield(L, at, "components");
    *components = assay_arg_matrix(L, -1, "components");
    lua_remove(L, -2);
    lua_getfield(L, at, "mean");
    const double *mean = assay_arg_vector(L, -1, "mean", &d);
    lua_remove(L, -2);
    if (components->cols != d)
        assay_arg_error(
            L, "components must have %zu columns as mean, got %zu", d, components->cols);
    return mean;
}

static const char *const of_rows[] = {"progress", NULL};

/* project(pca, x [, {progress=}]): n x r */
static int project(lua_State *L)
{
    assay_matrix components;
    assay_lua_report report;
    assay_opts_check(L, 3, of_rows);
    assay_lua_report_begin(L, 3, &report);
    const double *mean = assay_arg_pca(L, 1, &components);
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    assay_matrix out = assay_push_matrix(L, x.rows, components.rows);
    assay_lua_report_end(&report, assay_pca_project(mean, &components, &x, &report.progress, &out));
    return 1;
}

/* reconstruct(pca, z [, {progress=}]): n x d */
static int reconstruct(lua_State *L)
{
    assay_matrix components;
    assay_lua_report report;
    assay_opts_check(L, 3, of_rows);
    assay_lua_report_begin(L, 3, &report);
    const double *mean = assay_arg_pca(L, 1, &components);
    const assay_matrix z = assay_arg_matrix(L, 2, "z");
    assay_matrix out = assay_push_matrix(L, z.rows, components.cols);
    assay_lua_report_end(
        &report, assay_pca_reconstruct(mean, &components, &z, &report.progress, &out));
    return 1;
}

static const luaL_Reg functions[] = {
    {"fit", fit},
    {"project", project},
    {"reconstruct", reconstruct},
    {NULL, NULL},
};

int assay_lua_pca(lua_State *L)
{
    lua_newtable(L);
    assay_lua_register(L, functions);
    return 1;
}
