/*
 * assay.inference: the primitives of the inference family for Lua. Repeated sampling (monkeys.h);
 * selection curves over a log of samples are in selection.c.
 *
 * Vectors come and go as lists; a result with several names is a table. Where one number stands for
 * a list of one, as k may, the result still is a list; the functions of one variable (logpmf,
 * forecasts of k) answer a number with a number.
 */
#include "lua/args.h"
#include "lua/inference.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "methods/inference/monkeys.h"

/* ---- shared readers and writers ---- */

static void set_number(lua_State *L, const char *name, double x)
{
    lua_pushnumber(L, x);
    lua_setfield(L, -2, name);
}

static void set_whole(lua_State *L, const char *name, double x)
{
    lua_pushinteger(L, (lua_Integer)x);
    lua_setfield(L, -2, name);
}

static void set_vector(lua_State *L, const char *name, const double *x, size_t n)
{
    assay_push_vector(L, x, n);
    lua_setfield(L, -2, name);
}

static void push_whole_vector(lua_State *L, const double *x, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, (lua_Integer)x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void assay_lua_set_k(lua_State *L, const double *k, size_t nk)
{
    push_whole_vector(L, k, nk);
    lua_setfield(L, -2, "k");
}

/* A list, or one number as a list of one. Pushes one value. */
static const double *list_or_number(lua_State *L, int at, const char *name, size_t *n)
{
    if (lua_type(L, at) != LUA_TNUMBER)
        return assay_arg_vector(L, at, name, n);
    *n = 1;
    return assay_arg_vector_of(L, at, name, 1);
}

const double *assay_lua_k(lua_State *L, int at, double largest, size_t *nk)
{
    enum { POINTS = 40 };
    if (assay_opt_push(L, at, "k"))
        return list_or_number(L, -1, "k", nk);
    double *grid = assay_lua_doubles(L, POINTS);
    assay_arg_status(L, assay_coverage_grid(largest, POINTS, grid, nk));
    return grid;
}

/* The counts (n, c) at arguments 1 and 2, and the smallest n. */
typedef struct counts {
    const double *n, *c;
    size_t problems;
    double smallest;
} counts;

static counts counts_argument(lua_State *L)
{
    counts x = {.smallest = INFINITY};
    x.c = assay_arg_vector(L, 2, "c", &x.problems);
    if (x.problems == 0)
        assay_arg_error(L, "c must have at least 1 problem, got none");
    x.n = assay_arg_vector_of(L, 1, "n", x.problems);
    for (size_t i = 0; i < x.problems; i++)
        x.smallest = fmin(x.smallest, x.n[i]);
    return x;
}

/* ---- coverage ---- */

typedef int curve_primitive(const double *n, const double *c, size_t problems, const double *k,
    size_t nk, assay_matrix *per_problem, double *mean, double *se);

/* low and high into the table on top */
static void set_bootstrap(lua_State *L, int at, const assay_matrix *per_problem)
{
    const int64_t resamples = assay_opt_integer(L, at, "bootstrap", 0, 1, 1000000);
    if (resamples == 0)
        return;
    const double level = assay_opt_number(L, at, "level", 0.95, ASSAY_POSITIVE, ASSAY_BELOW_1);
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    const int result = lua_gettop(L);
    if (!rng)
        assay_arg_error(L, "rng must be given for the bootstrap");
    double *low = assay_lua_doubles(L, per_problem->cols);
    double *high = assay_lua_doubles(L, per_problem->cols);
    assay_arg_status(
        L, assay_coverage_bootstrap(per_problem, (size_t)resamples, level, rng, low, high));
    lua_pushvalue(L, result);
    set_vector(L, "low", low, per_problem->cols);
    set_vector(L, "high", high, per_problem->cols);
}

static int curve(lua_State *L, curve_primitive *primitive)
{
    static const char *const known[] = {"k", "bootstrap", "level", "rng", NULL};
    assay_opts_check(L, 3, known);
    const counts x = counts_argument(L);
    size_t nk = 0;
    const double *k = assay_lua_k(L, 3, x.smallest, &nk);
    double *mean = assay_lua_doubles(L, nk), *se = assay_lua_doubles(L, nk);
    lua_createtable(L, 0, 6);
    const int result = lua_gettop(L);
    assay_matrix per_problem = assay_push_matrix(L, x.problems, nk);
    assay_arg_status(L, primitive(x.n, x.c, x.problems, k, nk, &per_problem, mean, se));
    lua_setfield(L, result, "per_problem"); /* which keeps the memory of the view */
    assay_lua_set_k(L, k, nk);
    set_vector(L, "mean", mean, nk);
    set_vector(L, "se", se, nk);
    set_bootstrap(L, 3, &per_problem);
    lua_settop(L, result);
    return 1;
}

/* pass_at_k(n, c [, {k=, bootstrap=, level=, rng=}]) */
static int pass_at_k(lua_State *L)
{
    return curve(L, assay_pass_at_k);
}

static int pass_hat_k(lua_State *L)
{
    return curve(L, assay_pass_hat_k);
}

/* coverage_grid(n [, {points=40}]) */
static int coverage_grid(lua_State *L)
{
    static const char *const known[] = {"points", NULL};
    assay_opts_check(L, 2, known);
    const double n = assay_arg_number(L, 1, "n", 1, 0x1p53);
    const size_t points = (size_t)assay_opt_integer(L, 2, "points", 40, 2, 1000000);
    size_t count = 0;
    double *grid = assay_lua_doubles(L, points);
    assay_arg_status(L, assay_coverage_grid(n, points, grid, &count));
    push_whole_vector(L, grid, count);
    return 1;
}

/* samples_to_reach(n, c, {coverage=}) */
static int samples_to_reach(lua_State *L)
{
    static const char *const known[] = {"coverage", NULL};
    assay_opts_check(L, 3, known);
    const counts x = counts_argument(L);
    const double wanted = assay_opt_number(L, 3, "coverage", NAN, 0, 1);
    double k = 0, reached = 0;
    if (isnan(wanted))
        assay_arg_error(L, "coverage must be given, in 0..1");
    assay_arg_status(L, assay_samples_to_reach(x.n, x.c, x.problems, wanted, &k, &reached));
    lua_createtable(L, 0, 2);
    set_whole(L, "k", k);
    set_number(L, "coverage", reached);
    return 1;
}

/* coverage_overlay{{n=, c=}, ...}: {anchor=, shift={...}} */
static int coverage_overlay(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    const size_t count = (size_t)luaL_len(L, 1);
    assay_counts *models = assay_lua_scratch(L, count, sizeof *models);
    double *shift = assay_lua_doubles(L, count), anchor = 0;
    lua_createtable(L, 0, 0); /* keeps the models' memory */
    const int kept = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        size_t problems = 0;
        lua_geti(L, 1, (lua_Integer)i + 1);
        const int model = lua_gettop(L);
        if (!lua_istable(L, model))
            assay_arg_error(L, "model %zu must be {n=, c=}", i + 1);
        assay_opt_push(L, model, "c");
        models[i].c = assay_arg_vector(L, -1, "c", &problems);
        lua_rawseti(L, kept, (lua_Integer)(2 * i + 1));
        assay_opt_push(L, model, "n");
        models[i].n = assay_arg_vector_of(L, -1, "n", problems);
        lua_rawseti(L, kept, (lua_Integer)(2 * i + 2));
        models[i].problems = problems;
        lua_settop(L, kept);
    }
    assay_arg_status(L, assay_coverage_overlay(models, count, &anchor, shift));
    lua_createtable(L, 0, 2);
    set_number(L, "anchor", anchor);
    push_whole_vector(L, shift, count);
    lua_setfield(L, -2, "shift");
    return 1;
}

/* ---- laws ---- */

/* k and coverage at arguments 1 and 2 */
static const double *curve_argument(lua_State *L, const double **coverage, size_t *m)
{
    size_t points = 0;
    const double *k = assay_arg_vector(L, 1, "k", m);
    *coverage = assay_arg_vector(L, 2, "coverage", &points);
    if (points != *m)
        assay_arg_error(L, "coverage must have %zu values as k has, got %zu", *m, points);
    return k;
}

static void set_bounds(lua_State *L, const char *name, const double *bounds)
{
    if (isnan(bounds[0]))
        return; /* as many points as parameters: none */
    lua_createtable(L, 0, 2);
    set_number(L, "a", bounds[0]);
    set_number(L, "b", bounds[1]);
    lua_setfield(L, -2, name);
}

/* fit_power_law(k, coverage [, {space="log"|"coverage"|"loglog"}]) */
static int fit_power_law(lua_State *L)
{
    static const char *const known[] = {"space", NULL};
    static const char *const names[] = {"log", "coverage", "loglog", NULL};
    static const assay_fit_space spaces[] = {
        ASSAY_SPACE_LOG, ASSAY_SPACE_LINEAR, ASSAY_SPACE_LOGLOG};
    size_t m = 0;
    const double *coverage = NULL;
    assay_opts_check(L, 3, known);
    const double *k = curve_argument(L, &coverage, &m);
    const int space = assay_opt_choice(L, 3, "space", 0, names);
    assay_power_law law;
    assay_arg_status(L, assay_fit_power_law(k, coverage, m, spaces[space], &law));
    lua_createtable(L, 0, 13);
    lua_pushstring(L, names[space]);
    lua_setfield(L, -2, "space");
    set_number(L, "a", law.a);
    set_number(L, "b", law.b);
    set_bounds(L, "low", law.fit.low);
    set_bounds(L, "high", law.fit.high);
    set_number(L, "mean_abs_error", law.mean_abs_error);
    set_number(L, "sd_abs_error", law.sd_abs_error);
    set_number(L, "max_abs_error", law.max_abs_error);
    set_number(L, "aic", law.fit.aic);
    set_number(L, "r2", law.fit.r2);
    set_whole(L, "points", (double)law.fit.points);
    set_whole(L, "dropped", (double)law.dropped);
    set_whole(L, "iterations", law.iterations);
    return 1;
}

/* A number of a table of results, which must be there. */
static double field_number(lua_State *L, int at, const char *table, const char *key)
{
    luaL_checktype(L, at, LUA_TTABLE);
    assay_opt_push(L, at, key);
    const char *name = lua_pushfstring(L, "%s.%s", table, key);
    lua_insert(L, -2);
    const double x = assay_arg_number(L, -1, name, -ASSAY_FINITE, ASSAY_FINITE);
    lua_pop(L, 2);
    return x;
}

/* predict_power_law(fit, k): exp(a k^b) */
static int predict_power_law(lua_State *L)
{
    const double a = field_number(L, 1, "fit", "a"), b = field_number(L, 1, "fit", "b");
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_pushnumber(L, exp(a * pow(assay_arg_number(L, 2, "k", ASSAY_POSITIVE, INFINITY), b)));
        return 1;
    }
    size_t n = 0;
    const double *k = assay_arg_vector(L, 2, "k", &n);
    double *out = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++) {
        if (!(k[i] > 0))
            assay_arg_error(L, "k[%zu] must be greater than 0, got %.14g", i + 1, k[i]);
        out[i] = exp(a * pow(k[i], b));
    }
    assay_push_vector(L, out, n);
    return 1;
}

/* fit_log_linear(k, coverage [, {from=, to=}]): over the points with from <= k <= to */
static int fit_log_linear(lua_State *L)
{
    static const char *const known[] = {"from", "to", NULL};
    size_t m = 0, used = 0;
    const double *coverage = NULL;
    assay_opts_check(L, 3, known);
    const double *k = curve_argument(L, &coverage, &m);
    const double from = assay_opt_number(L, 3, "from", -INFINITY, -INFINITY, INFINITY);
    const double to = assay_opt_number(L, 3, "to", INFINITY, -INFINITY, INFINITY);
    double *x = assay_lua_doubles(L, m), *y = assay_lua_doubles(L, m), intercept, slope, r2;
    for (size_t i = 0; i < m; i++)
        if (k[i] >= from && k[i] <= to) {
            x[used] = k[i];
            y[used++] = coverage[i];
        }
    assay_arg_status(L, assay_fit_log_linear(x, y, used, &intercept, &slope, &r2));
    lua_createtable(L, 0, 4);
    set_number(L, "intercept", intercept);
    set_number(L, "slope", slope);
    set_number(L, "r2", r2);
    set_whole(L, "points", (double)used);
    return 1;
}

/* ---- distributions of pass@1 ---- */

typedef struct shape {
    double alpha, beta, scale;
} shape;

static double required_shape(lua_State *L, int at, const char *name)
{
    const double x = assay_opt_number(L, at, name, NAN, ASSAY_POSITIVE, ASSAY_FINITE);
    if (isnan(x))
        assay_arg_error(L, "%s must be given", name);
    return x;
}

static shape shape_options(lua_State *L, int at)
{
    static const char *const known[] = {"alpha", "beta", "scale", NULL};
    assay_opts_check(L, at, known);
    return (shape){required_shape(L, at, "alpha"), required_shape(L, at, "beta"),
        assay_opt_number(L, at, "scale", 1, ASSAY_POSITIVE, 1)};
}

/* logpmf(x, n, {alpha=, beta=, scale=1}) */
static int logpmf(lua_State *L, assay_pdist kind)
{
    const shape s = shape_options(L, 3);
    const bool single = lua_type(L, 1) == LUA_TNUMBER;
    size_t count = 0;
    const double *x = list_or_number(L, 1, "x", &count);
    const double *n = assay_arg_vector_of(L, 2, "n", count);
    double *out = assay_lua_doubles(L, count);
    for (size_t i = 0; i < count; i++)
        if (!(x[i] >= 0 && x[i] <= n[i] && x[i] == floor(x[i])))
            assay_arg_error(L, "x = %.14g (number %zu) must be a whole number in 0..n = %.14g",
                x[i], i + 1, n[i]);
    for (size_t i = 0; i < count; i++)
        assay_arg_status(
            L, assay_scaled_binomial_logpmf(kind, s.alpha, s.beta, s.scale, n[i], x[i], &out[i]));
    if (single)
        lua_pushnumber(L, out[0]);
    else
        assay_push_vector(L, out, count);
    return 1;
}

static int beta_binomial_logpmf(lua_State *L)
{
    return logpmf(L, ASSAY_PDIST_BETA);
}

static int kumaraswamy_binomial_logpmf(lua_State *L)
{
    return logpmf(L, ASSAY_PDIST_KUMARASWAMY);
}

/* nll(n, c, {alpha=, beta=, scale=1}) */
static int nll(lua_State *L, assay_pdist kind)
{
    const shape s = shape_options(L, 3);
    const counts x = counts_argument(L);
    double value = 0;
    assay_arg_status(
        L, assay_scaled_binomial_nll(kind, s.alpha, s.beta, s.scale, x.n, x.c, x.problems, &value));
    lua_createtable(L, 0, 1);
    set_number(L, "nll", value);
    return 1;
}

static int beta_binomial_nll(lua_State *L)
{
    return nll(L, ASSAY_PDIST_BETA);
}

static int kumaraswamy_binomial_nll(lua_State *L)
{
    return nll(L, ASSAY_PDIST_KUMARASWAMY);
}

/* fit(n, c [, {scale=, method="counts"|"discretised", bins_per_decade=10, progress=}]) */
static int fit_pdist(lua_State *L, assay_pdist kind)
{
    static const char *const known[] = {"scale", "method", "bins_per_decade", "progress", NULL};
    static const char *const methods[] = {"counts", "discretised", NULL};
    static const assay_pdist_method method_of[] = {ASSAY_PDIST_COUNTS, ASSAY_PDIST_DISCRETISED};
    assay_opts_check(L, 3, known);
    const counts x = counts_argument(L);
    assay_lua_report report;
    assay_pdist_fit fit;
    assay_pdist_opts o = {
        .method = method_of[assay_opt_choice(L, 3, "method", 0, methods)],
        .scale = assay_opt_number(L, 3, "scale", 0, ASSAY_POSITIVE, 1),
        .bins_per_decade = (size_t)assay_opt_integer(L, 3, "bins_per_decade", 0, 1, 10000),
        .progress = &report.progress,
    };
    if (o.bins_per_decade > 0 && o.method != ASSAY_PDIST_DISCRETISED)
        assay_arg_error(L, "bins_per_decade belongs to the method \"discretised\"");
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(&report, assay_fit_pdist(kind, x.n, x.c, x.problems, &o, &fit));
    lua_createtable(L, 0, 10);
    set_number(L, "alpha", fit.alpha);
    set_number(L, "beta", fit.beta);
    set_number(L, "scale", fit.scale);
    set_number(L, "nll", fit.nll);
    set_number(L, "power_law_exponent", fit.exponent);
    set_number(L, "power_law_prefactor", fit.prefactor);
    set_number(L, "refit_exponent", fit.refit_exponent);
    set_number(L, "refit_prefactor", fit.refit_prefactor);
    set_whole(L, "iterations", fit.iterations);
    lua_pushboolean(L, fit.at_bound);
    lua_setfield(L, -2, "at_bound");
    return 1;
}

static int fit_beta_binomial(lua_State *L)
{
    return fit_pdist(L, ASSAY_PDIST_BETA);
}

static int fit_kumaraswamy_binomial(lua_State *L)
{
    return fit_pdist(L, ASSAY_PDIST_KUMARASWAMY);
}

/* forecast(k, {alpha=, beta=, scale=1}) */
static int forecast(lua_State *L, assay_pdist kind)
{
    const shape s = shape_options(L, 2);
    const bool single = lua_type(L, 1) == LUA_TNUMBER;
    size_t nk = 0;
    const double *k = list_or_number(L, 1, "k", &nk);
    double *pass = assay_lua_doubles(L, nk), exponent = 0, prefactor = 0;
    assay_arg_status(L, assay_pass_at_k_pdist(kind, s.alpha, s.beta, s.scale, k, nk, pass));
    assay_arg_status(
        L, assay_pdist_asymptote(kind, s.alpha, s.beta, s.scale, &exponent, &prefactor));
    lua_createtable(L, 0, 3);
    if (single)
        set_number(L, "pass_at_k", pass[0]);
    else
        set_vector(L, "pass_at_k", pass, nk);
    set_number(L, "asymptotic_exponent", exponent);
    set_number(L, "asymptotic_prefactor", prefactor);
    return 1;
}

static int pass_at_k_beta(lua_State *L)
{
    return forecast(L, ASSAY_PDIST_BETA);
}

static int pass_at_k_kumaraswamy(lua_State *L)
{
    return forecast(L, ASSAY_PDIST_KUMARASWAMY);
}

/* ---- votes ---- */

/* An answer of 0 is an empty one: all of them are one more class, which is wrong. */
typedef struct ballot {
    const size_t *answer;
    const double *weight; /* or NULL */
    const unsigned char *correct;
    size_t n, classes;
} ballot;

static const size_t *classes_argument(lua_State *L, int at, size_t classes, size_t *n)
{
    const size_t *given = assay_arg_indices(L, at, "answers", 0, classes + 1, n);
    size_t *class = assay_lua_scratch(L, *n, sizeof *class);
    if (*n == 0)
        assay_arg_error(L, "answers must have at least 1 answer, got none");
    for (size_t i = 0; i < *n; i++)
        class[i] = given[i] > 0 ? given[i] - 1 : classes;
    return class;
}

static ballot ballot_arguments(lua_State *L, bool weighted)
{
    ballot b = {0};
    size_t classes = 0, weights = 0;
    const unsigned char *given = assay_arg_flags(L, weighted ? 3 : 2, "class_correct", &classes);
    unsigned char *correct = assay_lua_scratch(L, classes + 1, 1);
    memcpy(correct, given, classes);
    correct[classes] = 0;
    b.correct = correct;
    b.classes = classes + 1;
    b.answer = classes_argument(L, 1, classes, &b.n);
    if (weighted) {
        b.weight = assay_arg_vector(L, 2, "weights", &weights);
        if (weights != b.n)
            assay_arg_error(
                L, "weights must have %zu values as answers has, got %zu", b.n, weights);
    }
    return b;
}

typedef enum vote_method { EXACT, PERMUTATION, SUBSETS, ALL_SUBSETS } vote_method;

static const char *const vote_methods[] = {"exact", "permutation", "subsets", "all_subsets", NULL};

/* Option k, or 1..n. */
static const double *vote_k(lua_State *L, int at, size_t n, size_t *nk)
{
    if (assay_opt_push(L, at, "k"))
        return list_or_number(L, -1, "k", nk);
    double *all = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        all[i] = (double)(i + 1);
    *nk = n;
    return all;
}

static void check_vote_k(lua_State *L, const double *k, size_t nk, size_t n)
{
    for (size_t j = 0; j < nk; j++)
        if (!(k[j] >= 1 && k[j] <= (double)n && k[j] == floor(k[j])) || (j > 0 && k[j] < k[j - 1]))
            assay_arg_error(L, "k must be ascending whole numbers in 1..%zu, got %.14g", n, k[j]);
}

static assay_rng *draws_rng(lua_State *L, int at, const char *method)
{
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    if (!rng)
        assay_arg_error(L, "rng must be given for the method \"%s\"", method);
    return rng;
}

static size_t draws_option(lua_State *L, int at)
{
    return (size_t)assay_opt_integer(L, at, "draws", 100, 1, 10000000);
}

static void exact_vote(lua_State *L, const ballot *b, const double *k, size_t nk, double *acc)
{
    double *count = assay_lua_doubles(L, b->classes);
    memset(count, 0, b->classes * sizeof *count);
    for (size_t i = 0; i < b->n; i++)
        count[b->answer[i]]++;
    assay_arg_status(L, assay_majority_exact(count, b->correct, b->classes, k, nk, acc));
}

/* The permutations that are given (1-based rows), or NULL. */
static const size_t *permutations_option(lua_State *L, int at, size_t n, size_t *count)
{
    if (!assay_opt_push(L, at, "permutations"))
        return NULL;
    const assay_matrix given = assay_arg_matrix(L, -1, "permutations");
    if (given.cols != n)
        assay_arg_error(
            L, "permutations must have %zu columns, one an answer, got %zu", n, given.cols);
    size_t *perm = assay_lua_scratch(L, given.rows * n, sizeof *perm);
    for (size_t r = 0; r < given.rows; r++)
        for (size_t i = 0; i < n; i++) {
            const double x = *assay_matrix_at(&given, r, i);
            if (!(x >= 1 && x <= (double)n && x == floor(x)))
                assay_arg_error(L,
                    "permutations[%zu][%zu] must be a whole number in 1..%zu, got "
                    "%.14g",
                    r + 1, i + 1, n, x);
            perm[r * n + i] = (size_t)x - 1;
        }
    *count = given.rows;
    return perm;
}

static void permutation_vote(lua_State *L, int at, const ballot *b, const size_t *perm,
    size_t nperm, const double *k, size_t nk, double *acc, double *sd)
{
    double *all = assay_lua_doubles(L, b->n), *all_sd = assay_lua_doubles(L, b->n);
    if (perm)
        assay_arg_status(L, assay_vote_permutation(b->answer, b->weight, b->n, b->correct,
                                b->classes, perm, nperm, all, all_sd));
    else
        assay_arg_status(
            L, assay_vote_permutation_draw(b->answer, b->weight, b->n, b->correct, b->classes,
                   draws_option(L, at), draws_rng(L, at, "permutation"), all, all_sd));
    for (size_t j = 0; j < nk; j++) {
        acc[j] = all[(size_t)k[j] - 1];
        sd[j] = all_sd[(size_t)k[j] - 1];
    }
}

/* Without a method: permutations where they are given, else the exact expectation where it goes. */
static vote_method method_option(lua_State *L, int at, const ballot *b, bool permutations)
{
    const bool exact = !b->weight && b->n <= ASSAY_MAJORITY_EXACT_MAX && !permutations;
    const vote_method method =
        (vote_method)assay_opt_choice(L, at, "method", exact ? EXACT : PERMUTATION, vote_methods);
    const bool drawn = method == PERMUTATION || method == SUBSETS;
    if (method == EXACT && b->weight)
        assay_arg_error(L, "method \"exact\" is for plain votes; for weighted ones there are "
                           "\"permutation\", \"subsets\" and \"all_subsets\"");
    if (permutations && method != PERMUTATION)
        assay_arg_error(L, "permutations belong to the method \"permutation\"");
    if (assay_opt_push(L, at, "draws") && (!drawn || permutations))
        assay_arg_error(L, "draws belongs to the methods \"permutation\" (without permutations) "
                           "and \"subsets\"");
    lua_pop(L, 1);
    return method;
}

static int vote(lua_State *L, bool weighted)
{
    static const char *const known[] = {"k", "method", "draws", "permutations", "rng", NULL};
    const int at = weighted ? 4 : 3;
    assay_opts_check(L, at, known);
    const ballot b = ballot_arguments(L, weighted);
    size_t nk = 0, nperm = 0;
    const double *k = vote_k(L, at, b.n, &nk);
    check_vote_k(L, k, nk, b.n);
    const size_t *perm = permutations_option(L, at, b.n, &nperm);
    const vote_method method = method_option(L, at, &b, perm != NULL);
    double *acc = assay_lua_doubles(L, nk), *sd = assay_lua_doubles(L, nk);
    if (method == EXACT)
        exact_vote(L, &b, k, nk, acc);
    else if (method == PERMUTATION)
        permutation_vote(L, at, &b, perm, nperm, k, nk, acc, sd);
    else if (method == SUBSETS)
        assay_arg_status(L, assay_vote_subsets_draw(b.answer, b.weight, b.n, b.correct, b.classes,
                                k, nk, draws_option(L, at), draws_rng(L, at, "subsets"), acc, sd));
    else
        assay_arg_status(
            L, assay_vote_all_subsets(b.answer, b.weight, b.n, b.correct, b.classes, k, nk, acc));
    lua_createtable(L, 0, 4);
    assay_lua_set_k(L, k, nk);
    set_vector(L, "accuracy", acc, nk);
    if (method == PERMUTATION || method == SUBSETS)
        set_vector(L, "sd", sd, nk);
    lua_pushstring(L, vote_methods[method]);
    lua_setfield(L, -2, "method");
    return 1;
}

/* majority_vote(answers, class_correct [, {k=, method=, draws=, permutations=, rng=}]) */
static int majority_vote(lua_State *L)
{
    return vote(L, false);
}

/* weighted_vote(answers, weights, class_correct [, {..}]) */
static int weighted_vote(lua_State *L)
{
    return vote(L, true);
}

/* best_of_n(reward, correct [, {k=}]) */
static int best_of_n(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    assay_opts_check(L, 3, known);
    size_t n = 0, flags = 0, nk = 0;
    const double *reward = assay_arg_vector(L, 1, "reward", &n);
    const unsigned char *correct = assay_arg_flags(L, 2, "correct", &flags);
    if (flags != n)
        assay_arg_error(L, "correct must have %zu values as reward has, got %zu", n, flags);
    const double *k = vote_k(L, 3, n, &nk);
    double *acc = assay_lua_doubles(L, nk), *value = assay_lua_doubles(L, nk);
    double *oracle = assay_lua_doubles(L, nk), samples = (double)n, successes = 0;
    for (size_t i = 0; i < n; i++)
        successes += correct[i];
    assay_arg_status(L, assay_best_of_n(reward, correct, n, k, nk, acc, value));
    assay_arg_status(L, assay_pass_at_k(&samples, &successes, 1, k, nk, NULL, oracle, NULL));
    lua_createtable(L, 0, 4);
    assay_lua_set_k(L, k, nk);
    set_vector(L, "accuracy", acc, nk);
    set_vector(L, "value", value, nk);
    set_vector(L, "oracle", oracle, nk);
    return 1;
}

/* ---- cost ---- */

static double required_option(lua_State *L, int at, const char *key)
{
    const double x = assay_opt_number(L, at, key, NAN, 0, ASSAY_FINITE);
    if (isnan(x))
        assay_arg_error(L, "%s must be given", key);
    return x;
}

/* flops({params=, layers=, dim=}, {prompt=, decode=, completions=1}) */
static int flops(lua_State *L)
{
    static const char *const size_keys[] = {"params", "layers", "dim", NULL};
    static const char *const use_keys[] = {"prompt", "decode", "completions", NULL};
    assay_opts_check(L, 1, size_keys);
    assay_opts_check(L, 2, use_keys);
    const assay_lm_size size = {required_option(L, 1, "params"), required_option(L, 1, "layers"),
        required_option(L, 1, "dim")};
    const size_t prompt = (size_t)assay_opt_integer(L, 2, "prompt", 0, 0, (int64_t)1 << 40);
    const size_t decode = (size_t)assay_opt_integer(L, 2, "decode", 0, 0, (int64_t)1 << 40);
    const double completions = assay_opt_number(L, 2, "completions", 1, 0, ASSAY_FINITE);
    double total = 0, of_prompt = 0, with_one = 0, per_token = 0;
    assay_arg_status(L, assay_inference_flops(&size, prompt, decode, completions, &total));
    assay_arg_status(L, assay_inference_flops(&size, prompt, decode, 0, &of_prompt));
    assay_arg_status(L, assay_inference_flops(&size, prompt, decode, 1, &with_one));
    assay_arg_status(L, assay_flops_per_token(&size, 1, &per_token));
    lua_createtable(L, 0, 4);
    set_number(L, "total", total);
    set_number(L, "prompt", of_prompt);
    set_number(L, "per_completion", with_one - of_prompt);
    set_number(L, "per_token_at_1", per_token);
    return 1;
}

/* One option as numbers for `count` alternatives: one number for all, or a list. */
static const double *alternatives(
    lua_State *L, int at, const char *key, double absent, size_t count)
{
    double *same = assay_lua_doubles(L, count);
    for (size_t i = 0; i < count; i++)
        same[i] = absent;
    return assay_opt_push(L, at, key) ? assay_arg_vector_of(L, -1, key, count) : same;
}

/* How many alternatives the lists among the options have: 0 when all are single numbers. */
static size_t alternatives_count(lua_State *L, int at, const char *const *keys)
{
    size_t count = 0;
    for (; *keys; keys++) {
        if (assay_opt_push(L, at, *keys) && lua_type(L, -1) == LUA_TTABLE)
            count = (size_t)luaL_len(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

static void price_alternative(
    lua_State *L, const double *const *x, size_t i, bool per_attempt, bool cached, double *total)
{
    assay_token_price price = {.prompt = x[2][i],
        .completion = x[3][i],
        .prompt_tokens = x[4][i],
        .completion_tokens = x[5][i],
        .prompt_cached = cached};
    if (per_attempt) /* a million tokens a completion: the price is that of an attempt */
        price = (assay_token_price){.completion = x[6][i], .completion_tokens = 1e6};
    assay_arg_status(L, assay_api_cost(&price, x[0][i], x[1][i], total));
}

/*
 * api_cost{problems=, attempts=, cost_per_attempt=} or {problems=, attempts=, prompt_tokens=,
 * completion_tokens=, prompt_price=, completion_price=, prompt_cached=false} with prices for 10^6
 * tokens. Lists compare alternatives: then total is a list, and relative is total over the first.
 */
static int api_cost(lua_State *L)
{
    static const char *const keys[] = {"problems", "attempts", "prompt_price", "completion_price",
        "prompt_tokens", "completion_tokens", "cost_per_attempt", NULL};
    static const char *const known[] = {"problems", "attempts", "prompt_price", "completion_price",
        "prompt_tokens", "completion_tokens", "cost_per_attempt", "prompt_cached", NULL};
    static const char *const whole_price[] = {"problems", "attempts", "cost_per_attempt", NULL};
    assay_opts_check(L, 1, known);
    const bool cached = assay_opt_boolean(L, 1, "prompt_cached", false);
    const bool per_attempt = assay_opt_push(L, 1, "cost_per_attempt");
    if (per_attempt)
        assay_opts_check(
            L, 1, whole_price); /* the price of an attempt leaves nothing else to say */
    else if (!assay_opt_push(L, 1, "completion_price"))
        assay_arg_error(L, "either cost_per_attempt or completion_price must be given");
    const size_t listed = alternatives_count(L, 1, keys), count = listed ? listed : 1;
    const double *x[sizeof keys / sizeof *keys];
    for (size_t i = 0; keys[i]; i++)
        x[i] = alternatives(L, 1, keys[i], i < 2 ? 1 : 0, count);
    double *total = assay_lua_doubles(L, count), *relative = assay_lua_doubles(L, count);
    for (size_t i = 0; i < count; i++) {
        price_alternative(L, x, i, per_attempt, cached, &total[i]);
        relative[i] = total[i] / total[0];
    }
    lua_createtable(L, 0, 2);
    if (!listed) {
        set_number(L, "total", total[0]);
        return 1;
    }
    set_vector(L, "total", total, count);
    set_vector(L, "relative", relative, count);
    return 1;
}

/* cost_curve(k, coverage, {per_attempt=, fixed=0 [, at=]}): {cost=, coverage=} with
 * cost = fixed + k per_attempt; with `at`, the coverage at those costs (NaN outside the curve) */
static int cost_curve(lua_State *L)
{
    static const char *const known[] = {"per_attempt", "fixed", "at", NULL};
    assay_opts_check(L, 3, known);
    size_t m = 0, count = 0;
    const double *coverage = NULL, *k = curve_argument(L, &coverage, &m);
    const double per_attempt = required_option(L, 3, "per_attempt");
    const double fixed = assay_opt_number(L, 3, "fixed", 0, 0, ASSAY_FINITE);
    double *cost = assay_lua_doubles(L, m);
    for (size_t i = 0; i < m; i++)
        cost[i] = fixed + k[i] * per_attempt;
    const double *at = cost, *shown = coverage;
    size_t points = m;
    if (assay_opt_push(L, 3, "at")) {
        at = list_or_number(L, -1, "at", &count);
        points = count;
    }
    double *interpolated = assay_lua_doubles(L, points); /* checks the curve in either case */
    assay_arg_status(L, assay_cost_curve(cost, coverage, m, at, points, interpolated));
    if (at != cost)
        shown = interpolated;
    lua_createtable(L, 0, 2);
    set_vector(L, "cost", at, points);
    set_vector(L, "coverage", shown, points);
    return 1;
}

/* cost and coverage of the curve at argument `at`, whose name is `name` */
static const double *cost_argument(
    lua_State *L, int at, const char *name, const double **coverage, size_t *m)
{
    size_t points = 0;
    luaL_checktype(L, at, LUA_TTABLE);
    assay_opt_push(L, at, "cost");
    const char *cost_name = lua_pushfstring(L, "%s.cost", name);
    const double *cost = assay_arg_vector(L, -2, cost_name, m);
    assay_opt_push(L, at, "coverage");
    const char *coverage_name = lua_pushfstring(L, "%s.coverage", name);
    *coverage = assay_arg_vector(L, -2, coverage_name, &points);
    if (points != *m)
        assay_arg_error(
            L, "%s must have %zu values as %s has, got %zu", coverage_name, *m, cost_name, points);
    return cost;
}

/* cost_crossings(a, b): {{cost=, coverage=, better="a"|"b"}, ...}, better beyond that cost */
static int cost_crossings(lua_State *L)
{
    size_t ma = 0, mb = 0, count = 0;
    const double *coverage_a = NULL, *coverage_b = NULL;
    const double *a = cost_argument(L, 1, "a", &coverage_a, &ma);
    const double *b = cost_argument(L, 2, "b", &coverage_b, &mb);
    assay_crossing *crossing = assay_lua_scratch(L, ma + mb, sizeof *crossing);
    assay_arg_status(
        L, assay_cost_crossings(a, coverage_a, ma, b, coverage_b, mb, crossing, &count));
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        set_number(L, "cost", crossing[i].cost);
        set_number(L, "coverage", crossing[i].coverage);
        lua_pushstring(L, crossing[i].a_better ? "a" : "b");
        lua_setfield(L, -2, "better");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"pass_at_k", pass_at_k},
    {"pass_hat_k", pass_hat_k},
    {"coverage_grid", coverage_grid},
    {"samples_to_reach", samples_to_reach},
    {"coverage_overlay", coverage_overlay},
    {"fit_power_law", fit_power_law},
    {"predict_power_law", predict_power_law},
    {"fit_log_linear", fit_log_linear},
    {"beta_binomial_logpmf", beta_binomial_logpmf},
    {"beta_binomial_nll", beta_binomial_nll},
    {"kumaraswamy_binomial_logpmf", kumaraswamy_binomial_logpmf},
    {"kumaraswamy_binomial_nll", kumaraswamy_binomial_nll},
    {"fit_beta_binomial", fit_beta_binomial},
    {"fit_kumaraswamy_binomial", fit_kumaraswamy_binomial},
    {"pass_at_k_beta", pass_at_k_beta},
    {"pass_at_k_kumaraswamy", pass_at_k_kumaraswamy},
    {"majority_vote", majority_vote},
    {"weighted_vote", weighted_vote},
    {"best_of_n", best_of_n},
    {"selection_curves", assay_lua_selection_curves},
    {"flops", flops},
    {"api_cost", api_cost},
    {"cost_curve", cost_curve},
    {"cost_crossings", cost_crossings},
    {NULL, NULL},
};

int assay_lua_inference(lua_State *L)
{
    lua_createtable(L, 0, (int)(sizeof functions / sizeof *functions));
    assay_lua_register(L, functions);
    return 1;
}
