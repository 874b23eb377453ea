/* assay.inference: the family's functions from the tables of its files, and what these share. */
#include "lua/inference/inference.h"

#include <math.h>

#include "lua/args.h"
#include "lua/module.h"
#include "methods/inference/monkeys.h"

void assay_lua_set_k(lua_State *L, const double *k, size_t nk)
{
    assay_push_wholes(L, k, nk);
    lua_setfield(L, -2, "k");
}

const double *assay_lua_k(lua_State *L, int at, double largest, size_t *nk)
{
    enum { POINTS = 40 };
    if (assay_opt_push(L, at, "k"))
        return assay_arg_numbers(L, -1, "k", nk);
    double *grid = assay_lua_doubles(L, POINTS);
    assay_arg_status(L, assay_coverage_grid(largest, POINTS, grid, nk));
    return grid;
}

assay_lua_counts assay_lua_counts_argument(lua_State *L)
{
    assay_lua_counts x = {.smallest = INFINITY};
    x.c = assay_arg_vector(L, 2, "c", &x.problems);
    if (x.problems == 0)
        assay_arg_error(L, "c must have at least 1 problem, got none");
    x.n = assay_arg_vector_of(L, 1, "n", x.problems);
    for (size_t i = 0; i < x.problems; i++)
        x.smallest = fmin(x.smallest, x.n[i]);
    return x;
}

const double *assay_lua_curve_argument(lua_State *L, const double **coverage, size_t *m)
{
    size_t points = 0;
    const double *k = assay_arg_vector(L, 1, "k", m);
    *coverage = assay_arg_vector(L, 2, "coverage", &points);
    if (points != *m)
        assay_arg_error(L, "coverage must have %zu values as k has, got %zu", *m, points);
    return k;
}

/* One line a file. */
static const luaL_Reg *const tables[] = {
    assay_lua_monkeys,
    assay_lua_monkeys_pdist,
    assay_lua_monkeys_vote,
    assay_lua_selection,
    assay_lua_monkeys_cost,
    assay_lua_binary_bias,
    assay_lua_onebench,
    assay_lua_multilingual,
    assay_lua_tts_var,
};

int assay_lua_inference(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assay_lua_register(L, tables[i]);
    return 1;
}
