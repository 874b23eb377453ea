/* The distributions of pass@1 over problems for Lua (methods/inference/monkeys.h). */
#include "lua/args.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>

#include "methods/inference/monkeys.h"

typedef struct shape {
    double alpha, beta, scale;
} shape;

static shape shape_options(lua_State *L, int at)
{
    static const char *const known[] = {"alpha", "beta", "scale", NULL};
    assay_opts_check(L, at, known);
    return (shape){assay_opt_required(L, at, "alpha", ASSAY_POSITIVE, ASSAY_FINITE),
        assay_opt_required(L, at, "beta", ASSAY_POSITIVE, ASSAY_FINITE),
        assay_opt_number(L, at, "scale", 1, ASSAY_POSITIVE, 1)};
}

/* logpmf(x, n, {alpha=, beta=, scale=1}) */
static int logpmf(lua_State *L, assay_pdist kind)
{
    const shape s = shape_options(L, 3);
    const bool single = lua_type(L, 1) == LUA_TNUMBER;
    size_t count = 0;
    const double *x = assay_arg_numbers(L, 1, "x", &count);
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
    const assay_lua_counts x = assay_lua_counts_argument(L);
    double value = 0;
    assay_arg_status(
        L, assay_scaled_binomial_nll(kind, s.alpha, s.beta, s.scale, x.n, x.c, x.problems, &value));
    lua_createtable(L, 0, 1);
    assay_set_number(L, "nll", value);
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
    const assay_lua_counts x = assay_lua_counts_argument(L);
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
    assay_set_number(L, "alpha", fit.alpha);
    assay_set_number(L, "beta", fit.beta);
    assay_set_number(L, "scale", fit.scale);
    assay_set_number(L, "nll", fit.nll);
    assay_set_number(L, "power_law_exponent", fit.exponent);
    assay_set_number(L, "power_law_prefactor", fit.prefactor);
    assay_set_number(L, "refit_exponent", fit.refit_exponent);
    assay_set_number(L, "refit_prefactor", fit.refit_prefactor);
    assay_set_integer(L, "iterations", fit.iterations);
    assay_set_boolean(L, "at_bound", fit.at_bound);
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
    const double *k = assay_arg_numbers(L, 1, "k", &nk);
    double *pass = assay_lua_doubles(L, nk), exponent = 0, prefactor = 0;
    assay_arg_status(L, assay_pass_at_k_pdist(kind, s.alpha, s.beta, s.scale, k, nk, pass));
    assay_arg_status(
        L, assay_pdist_asymptote(kind, s.alpha, s.beta, s.scale, &exponent, &prefactor));
    lua_createtable(L, 0, 3);
    if (single)
        assay_set_number(L, "pass_at_k", pass[0]);
    else
        assay_set_vector(L, "pass_at_k", pass, nk);
    assay_set_number(L, "asymptotic_exponent", exponent);
    assay_set_number(L, "asymptotic_prefactor", prefactor);
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

const luaL_Reg assay_lua_monkeys_pdist[] = {
    {"beta_binomial_logpmf", beta_binomial_logpmf},
    {"beta_binomial_nll", beta_binomial_nll},
    {"kumaraswamy_binomial_logpmf", kumaraswamy_binomial_logpmf},
    {"kumaraswamy_binomial_nll", kumaraswamy_binomial_nll},
    {"fit_beta_binomial", fit_beta_binomial},
    {"fit_kumaraswamy_binomial", fit_kumaraswamy_binomial},
    {"pass_at_k_beta", pass_at_k_beta},
    {"pass_at_k_kumaraswamy", pass_at_k_kumaraswamy},
    {NULL, NULL},
};
