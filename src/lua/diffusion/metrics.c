/*
 * assay.diffusion: metrics of samples (methods/diffusion/metrics.h) for Lua, and those that need a
 * mixture beside them. Where rows may be left out (drop_nonfinite) a second value tells how many.
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/engine.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/pca.h"
#include "core/status.h"
#include "methods/diffusion/metrics.h"

/* ---- rows that are finite ---- */

static bool is_finite_row(const assay_matrix *x, size_t i)
{
    for (size_t j = 0; j < x->cols; j++)
        if (!isfinite(*assay_matrix_at(x, i, j)))
            return false;
    return true;
}

/* The rows that are finite, in the memory of a new matrix, which is pushed. */
static assay_matrix push_finite(lua_State *L, const assay_matrix *x, size_t *dropped)
{
    assay_matrix kept = assay_push_matrix(L, x->rows, x->cols);
    size_t n = 0;
    for (size_t i = 0; i < x->rows; i++)
        if (is_finite_row(x, i))
            memcpy(assay_matrix_row(&kept, n++), assay_matrix_row(x, i), x->cols * sizeof(double));
    *dropped += x->rows - n;
    kept.rows = n;
    return kept;
}

typedef struct pair {
    assay_matrix x, y;
    size_t dropped;
} pair;

/* Project both by the option features, a fit of assay.pca. */
static void read_features(lua_State *L, int at, pair *p)
{
    if (!assay_opt_push(L, at, "features"))
        return;
    assay_matrix all;
    const double *mean = assay_arg_pca(L, lua_gettop(L), &all);
    const size_t d = all.cols;
    const size_t most = all.rows < 20 ? all.rows : 20;
    const size_t r = (size_t)assay_opt_integer(L, at, "rank", (int64_t)most, 1, (int64_t)all.rows);
    assay_matrix components, z[2];
    assay_arg_status(L, assay_matrix_sub(&all, 0, r, 0, d, &components));
    for (int k = 0; k < 2; k++) {
        const assay_matrix *x = k ? &p->y : &p->x;
        z[k] = assay_push_matrix(L, x->rows, r);
        assay_arg_status(L, assay_pca_project(mean, &components, x, assay_lua_progress(L), &z[k]));
    }
    p->x = z[0];
    p->y = z[1];
}

/* X and Y of a call with options at 3. Values are pushed that keep them. */
static pair read_pair(lua_State *L, const char *const *known)
{
    assay_opts_check(L, 3, known);
    luaL_checkstack(L, 24, NULL);
    pair p = {assay_arg_matrix(L, 1, "X"), assay_arg_matrix(L, 2, "Y"), 0};
    if (assay_opt_boolean(L, 3, "drop_nonfinite", false)) {
        p.x = push_finite(L, &p.x, &p.dropped);
        p.y = push_finite(L, &p.y, &p.dropped);
    }
    return p;
}

static void set_count(lua_State *L, const char *key, size_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, key);
}

/* The value, and {nonfinite=}. */
static int push_value(lua_State *L, double value, const pair *p)
{
    lua_pushnumber(L, value);
    lua_createtable(L, 0, 1);
    set_count(L, "nonfinite", p->dropped);
    return 2;
}

/* ---- paired, and of distributions ---- */

/* rmse(X, Xref [, {drop_nonfinite=false}]); rows drop out in pairs */
static int rmse(lua_State *L)
{
    static const char *const known[] = {"drop_nonfinite", NULL};
    assay_opts_check(L, 3, known);
    pair p = {assay_arg_matrix(L, 1, "X"), assay_arg_matrix(L, 2, "Xref"), 0};
    if (assay_opt_boolean(L, 3, "drop_nonfinite", false) && p.x.rows == p.y.rows) {
        assay_matrix x = assay_push_matrix(L, p.x.rows, p.x.cols);
        assay_matrix y = assay_push_matrix(L, p.y.rows, p.y.cols);
        size_t n = 0;
        for (size_t i = 0; i < p.x.rows; i++)
            if (is_finite_row(&p.x, i) && is_finite_row(&p.y, i)) {
                memcpy(assay_matrix_row(&x, n), assay_matrix_row(&p.x, i), x.cols * sizeof(double));
                memcpy(
                    assay_matrix_row(&y, n++), assay_matrix_row(&p.y, i), y.cols * sizeof(double));
            }
        p = (pair){x, y, p.x.rows - n};
        p.x.rows = p.y.rows = n;
    }
    double value = 0;
    assay_arg_status(L, assay_diffusion_rmse(&p.x, &p.y, &value));
    return push_value(L, value, &p);
}

/* frechet(X, Y [, {features=, rank=20, drop_nonfinite=false, progress=}]): value, {rank_x=,
 * rank_y=, nonfinite=} */
static int frechet(lua_State *L)
{
    static const char *const known[] = {"features", "rank", "drop_nonfinite", "progress", NULL};
    pair p = read_pair(L, known);
    read_features(L, 3, &p);
    double value = 0;
    size_t ranks[2];
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(
        &report, assay_diffusion_frechet(&p.x, &p.y, &report.progress, &value, ranks));
    push_value(L, value, &p);
    set_count(L, "rank_x", ranks[0]);
    set_count(L, "rank_y", ranks[1]);
    return 2;
}

/* frechet_moments(m1, C1, m2, C2) */
static int frechet_moments(lua_State *L)
{
    size_t d = 0, d2 = 0;
    const double *m1 = assay_arg_vector(L, 1, "m1", &d), *m2 = assay_arg_vector(L, 3, "m2", &d2);
    const assay_matrix c1 = assay_arg_matrix(L, 2, "C1"), c2 = assay_arg_matrix(L, 4, "C2");
    if (d2 != d || c1.rows != d || c1.cols != d || c2.rows != d || c2.cols != d)
        assay_arg_error(L, "C1 and C2 must be %zu x %zu and m2 of %zu values as m1", d, d, d);
    double value = 0;
    assay_arg_status(L, assay_diffusion_frechet_moments(m1, &c1, m2, &c2, &value));
    lua_pushnumber(L, value);
    return 1;
}

/* frechet_gmm(X, gmm [, {drop_nonfinite=false, progress=}]): against the exact moments */
static int frechet_gmm(lua_State *L)
{
    static const char *const known[] = {"drop_nonfinite", "progress", NULL};
    assay_opts_check(L, 3, known);
    pair p = {.x = assay_arg_matrix(L, 1, "X")};
    const assay_gmm *g = assay_arg_gmm(L, 2, "gmm");
    const size_t d = assay_gmm_dim(g);
    if (p.x.cols != d)
        assay_arg_error(
            L, "X must have %zu columns, the mixture's dimensions, got %zu", d, p.x.cols);
    if (assay_opt_boolean(L, 3, "drop_nonfinite", false))
        p.x = push_finite(L, &p.x, &p.dropped);
    double *m1 = assay_lua_doubles(L, d), *m2 = assay_lua_doubles(L, d), value = 0;
    assay_matrix c1 = assay_push_matrix(L, d, d), c2 = assay_push_matrix(L, d, d);
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(&report, assay_moments(&p.x, &report.progress, m1, &c1));
    assay_arg_status(L, assay_gmm_moments(g, m2, &c2));
    assay_arg_status(L, assay_diffusion_frechet_moments(m1, &c1, m2, &c2, &value));
    return push_value(L, value, &p);
}

/* wasserstein_1d(a, b [, {p=1}]): the p-th power */
static int wasserstein_1d(lua_State *L)
{
    static const char *const known[] = {"p", NULL};
    size_t n = 0, m = 0;
    const double *a = assay_arg_vector(L, 1, "a", &n), *b = assay_arg_vector(L, 2, "b", &m);
    assay_opts_check(L, 3, known);
    const double p = assay_opt_number(L, 3, "p", 1, 1, ASSAY_FINITE);
    double value = 0;
    assay_arg_status(L, assay_diffusion_wasserstein_1d(a, n, b, m, p, &value));
    lua_pushnumber(L, value);
    return 1;
}

/* Given directions, or so many drawn. One value is pushed. */
static assay_matrix read_directions(lua_State *L, int at, size_t d)
{
    if (assay_opt_push(L, at, "projections"))
        return assay_arg_matrix(L, -1, "projections");
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    const int64_t n = assay_opt_integer(L, at, "n_projections", 128, 1, INT32_MAX);
    if (!rng)
        assay_arg_error(L, "give projections or rng");
    assay_matrix directions = assay_push_matrix(L, (size_t)n, d);
    assay_diffusion_directions(rng, &directions);
    return directions;
}

/* sliced_wasserstein(X, Y, {p=2, n_projections=128, projections=, rng=, drop_nonfinite=false}) */
static int sliced_wasserstein(lua_State *L)
{
    static const char *const known[] = {
        "p", "n_projections", "projections", "rng", "drop_nonfinite", "progress", NULL};
    const pair in = read_pair(L, known);
    if (in.x.cols != in.y.cols)
        assay_arg_error(
            L, "X and Y must have as many columns, got %zu and %zu", in.x.cols, in.y.cols);
    const double p = assay_opt_number(L, 3, "p", 2, 1, ASSAY_FINITE);
    const assay_matrix directions = read_directions(L, 3, in.x.cols);
    double value = 0;
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(&report,
        assay_diffusion_sliced_wasserstein(&in.x, &in.y, &directions, p, &report.progress, &value));
    return push_value(L, value, &in);
}

/* mmd2(X, Y [, {bandwidths=, drop_nonfinite=false}]) */
static int mmd2(lua_State *L)
{
    static const char *const known[] = {"bandwidths", "drop_nonfinite", "progress", NULL};
    enum { MEDIAN_ROWS = 500 };
    const pair p = read_pair(L, known);
    double standard[3] = {0}, value = 0;
    const double *bandwidths = standard;
    size_t count = 3;
    if (assay_opt_push(L, 3, "bandwidths")) {
        bandwidths = assay_arg_vector(L, -1, "bandwidths", &count);
    } else {
        assay_arg_status(L, assay_diffusion_median_distance(&p.y, MEDIAN_ROWS, &standard[2]));
        standard[0] = standard[2] / 4;
        standard[1] = standard[2] / 2;
    }
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(
        &report, assay_diffusion_mmd2(&p.x, &p.y, bandwidths, count, &report.progress, &value));
    return push_value(L, value, &p);
}

/* ---- against a known mixture ---- */

/* X, checked against the mixture's dimensions, and without what is not finite if asked. */
static pair read_samples(lua_State *L, const assay_gmm *g)
{
    pair p = {.x = assay_arg_matrix(L, 1, "X")};
    if (p.x.cols != assay_gmm_dim(g))
        assay_arg_error(L, "X must have %zu columns, the mixture's dimensions, got %zu",
            assay_gmm_dim(g), p.x.cols);
    if (assay_opt_boolean(L, 3, "drop_nonfinite", false))
        p.x = push_finite(L, &p.x, &p.dropped);
    if (p.x.rows < 2)
        assay_arg_error(L, "X must have at least 2 rows, got %zu", p.x.rows);
    return p;
}

static assay_gmm_level read_level(lua_State *L)
{
    return (assay_gmm_level){assay_opt_number(L, 3, "alpha", 1, 0, ASSAY_FINITE),
        assay_opt_number(L, 3, "sigma", 0, 0, ASSAY_FINITE), ASSAY_GMM_ALL, 1};
}

/* n draws of the level, pushed. */
static assay_matrix push_draws(lua_State *L, const assay_gmm *g, const assay_gmm_level *level)
{
    assay_rng *rng = assay_required_rng(L, 3);
    const int64_t n = assay_opt_integer(L, 3, "n", 10000, 2, INT32_MAX);
    assay_matrix y = assay_push_matrix(L, (size_t)n, assay_gmm_dim(g));
    assay_arg_status(L, assay_gmm_sample(g, level, rng, assay_lua_progress(L), &y, NULL));
    return y;
}

static double mean_nll(
    lua_State *L, const assay_gmm *g, const assay_gmm_level *level, const assay_matrix *x)
{
    double *log_density = assay_lua_doubles(L, x->rows), sum = 0;
    const assay_gmm_values out = {.log_density = log_density, .progress = assay_lua_progress(L)};
    assay_arg_status(L, assay_gmm_evaluate(g, level, x, &out));
    for (size_t i = 0; i < x->rows; i++)
        sum -= log_density[i];
    return sum / (double)x->rows;
}

/* nll_gap(X, gmm, {rng=, n=10000, alpha=1, sigma=0}): mean of -ln p over X less that over exact
 * draws */
static int nll_gap(lua_State *L)
{
    static const char *const known[] = {"alpha", "sigma", "rng", "n", "drop_nonfinite", NULL};
    assay_opts_check(L, 3, known);
    const assay_gmm *g = assay_arg_gmm(L, 2, "gmm");
    const pair p = read_samples(L, g);
    const assay_gmm_level level = read_level(L);
    const assay_matrix y = push_draws(L, g, &level);
    return push_value(L, mean_nll(L, g, &level, &p.x) - mean_nll(L, g, &level, &y), &p);
}

/* kl_gmm(X, gmm, {rng=, n=10000, k=5, alpha=1, sigma=0}): KL(X, gmm) by nearest neighbours, d <= 8
 */
static int kl_gmm(lua_State *L)
{
    static const char *const known[] = {
        "alpha", "sigma", "rng", "n", "k", "drop_nonfinite", "progress", NULL};
    assay_opts_check(L, 3, known);
    const assay_gmm *g = assay_arg_gmm(L, 2, "gmm");
    if (assay_gmm_dim(g) > 8)
        assay_arg_error(L, "neighbours tell little in %zu dimensions: at most 8", assay_gmm_dim(g));
    const pair p = read_samples(L, g);
    const assay_gmm_level level = read_level(L);
    const assay_matrix y = push_draws(L, g, &level);
    const int64_t k = assay_opt_integer(L, 3, "k", 5, 1, 1000);
    double value = 0;
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(
        &report, assay_diffusion_knn_kl(&p.x, &y, (size_t)k, &report.progress, &value));
    return push_value(L, value, &p);
}

/* mode_weights(X, gmm [, {alpha=1, sigma=0}]): {weights=, tv=}, the responsibilities averaged over
 * X and their total variation from the mixture's weights */
static int mode_weights(lua_State *L)
{
    static const char *const known[] = {"alpha", "sigma", "drop_nonfinite", NULL};
    assay_opts_check(L, 3, known);
    const assay_gmm *g = assay_arg_gmm(L, 2, "gmm");
    const pair p = read_samples(L, g);
    const assay_gmm_level level = read_level(L);
    const size_t K = assay_gmm_components(g);
    assay_matrix r = assay_push_matrix(L, p.x.rows, K);
    double *weights = assay_lua_doubles(L, K), tv = 0;
    const assay_gmm_values out = {.responsibilities = &r, .progress = assay_lua_progress(L)};
    assay_arg_status(L, assay_gmm_evaluate(g, &level, &p.x, &out));
    for (size_t k = 0; k < K; k++) {
        weights[k] = 0;
        for (size_t i = 0; i < p.x.rows; i++)
            weights[k] += *assay_matrix_at(&r, i, k) / (double)p.x.rows;
        tv += fabs(weights[k] - assay_gmm_weights(g)[k]) / 2;
    }
    lua_createtable(L, 0, 3);
    assay_push_vector(L, weights, K);
    lua_setfield(L, -2, "weights");
    lua_pushnumber(L, tv);
    lua_setfield(L, -2, "tv");
    set_count(L, "nonfinite", p.dropped);
    return 1;
}

/* loglog_slope(nfe, err [, {accuracy=}]): of all points, or of the last 3 whose err exceeds 20
 * times the accuracy of the reference */
static int loglog_slope(lua_State *L)
{
    static const char *const known[] = {"accuracy", NULL};
    size_t n = 0, m = 0, kept = 0;
    const double *nfe = assay_arg_vector(L, 1, "nfe", &n), *err = assay_arg_vector(L, 2, "err", &m);
    assay_opts_check(L, 3, known);
    if (n != m)
        assay_arg_error(L, "nfe and err must be of one length, got %zu and %zu", n, m);
    double *x = assay_lua_doubles(L, n + 1), *y = assay_lua_doubles(L, n + 1), slope = 0;
    const bool asymptotic = assay_opt_push(L, 3, "accuracy");
    const double accuracy = asymptotic ? assay_opt_number(L, 3, "accuracy", 0, 0, ASSAY_FINITE) : 0;
    for (size_t i = 0; i < n; i++)
        if (!asymptotic || err[i] > 20 * accuracy) {
            x[kept] = nfe[i];
            y[kept++] = err[i];
        }
    const size_t first = asymptotic && kept > 3 ? kept - 3 : 0;
    assay_arg_status(L, assay_loglog_slope(x + first, y + first, kept - first, &slope));
    lua_pushnumber(L, slope);
    return 1;
}

static const luaL_Reg functions[] = {
    {"rmse", rmse},
    {"frechet", frechet},
    {"frechet_moments", frechet_moments},
    {"frechet_gmm", frechet_gmm},
    {"wasserstein_1d", wasserstein_1d},
    {"sliced_wasserstein", sliced_wasserstein},
    {"mmd2", mmd2},
    {"nll_gap", nll_gap},
    {"kl_gmm", kl_gmm},
    {"mode_weights", mode_weights},
    {"loglog_slope", loglog_slope},
    {NULL, NULL},
};

void assay_lua_diffusion_metrics(lua_State *L)
{
    assay_lua_register(L, functions);
}
