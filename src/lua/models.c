/*
 * assay.models: the testbeds for Lua. models.endpoint is in endpoint.c; models.sat, random 3-SAT
 * and WalkSAT (models/sat.h), is here:
 *
 *     local p = assay.models.sat.problem{variables=50, ratio=4.26, rng=rng}
 *     local s = p:sample{samples=1000, flips=150, noise=0.5, rng=rng}      s.correct, s.flips,
 * s.solved
 */
#include "lua/args.h"
#include "lua/canvas.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>

#include "core/status.h"
#include "models/sat.h"

#define SAT "assay.sat"

/* ---- problems ---- */

static assay_sat_problem *self(lua_State *L)
{
    assay_sat_problem **p = luaL_testudata(L, 1, SAT);
    if (!p || !*p)
        assay_arg_error(
            L, "called on a %s instead of a SAT problem (use \":\")", luaL_typename(L, 1));
    return *p;
}

/* A slot that the collector frees, for the problem that the caller makes. */
static assay_sat_problem **push_slot(lua_State *L)
{
    assay_sat_problem **slot = lua_newuserdatauv(L, sizeof(assay_sat_problem *), 0);
    *slot = NULL;
    luaL_setmetatable(L, SAT);
    return slot;
}

static size_t variables_option(lua_State *L)
{
    const int64_t variables = assay_opt_integer(L, 1, "variables", 0, 3, ASSAY_SAT_MAX_VARIABLES);
    if (variables == 0)
        assay_arg_error(L, "variables must be given, in 3..%d", ASSAY_SAT_MAX_VARIABLES);
    return (size_t)variables;
}

/* Option clauses, or ratio times the variables (4.26, the threshold, when neither is given). */
static size_t clauses_option(lua_State *L, size_t variables)
{
    const int64_t clauses = assay_opt_integer(L, 1, "clauses", -1, 0, ASSAY_SAT_MAX_CLAUSES);
    const double ratio = assay_opt_number(L, 1, "ratio", NAN, 0, 1000);
    if (clauses >= 0 && !isnan(ratio))
        assay_arg_error(L, "give either clauses or ratio, not both");
    return clauses >= 0 ? (size_t)clauses
                        : (size_t)llround((isnan(ratio) ? 4.26 : ratio) * (double)variables);
}

/* problem{variables=, clauses= or ratio=4.26, rng=}: a random formula */
static int problem(lua_State *L)
{
    static const char *const known[] = {"variables", "clauses", "ratio", "rng", NULL};
    assay_opts_check(L, 1, known);
    const size_t variables = variables_option(L), clauses = clauses_option(L, variables);
    assay_rng *rng = assay_required_rng(L, 1);
    assay_arg_status(L, assay_sat_problem_new(rng, variables, clauses, push_slot(L)));
    return 1;
}

/* formula{variables=, clauses={{1, -2, 3}, ...}}: a given one, literals as in DIMACS */
static int formula(lua_State *L)
{
    static const char *const known[] = {"variables", "clauses", NULL};
    assay_opts_check(L, 1, known);
    const size_t variables = variables_option(L);
    assay_opt_push(L, 1, "clauses");
    const assay_matrix clauses = assay_arg_matrix(L, -1, "clauses");
    if (clauses.rows > 0 && clauses.cols != 3)
        assay_arg_error(L, "clauses must have 3 literals each, got %zu", clauses.cols);
    int *literals = assay_lua_scratch(L, 3 * clauses.rows, sizeof *literals);
    for (size_t i = 0; i < clauses.rows; i++)
        for (size_t j = 0; j < 3; j++) {
            const double x = *assay_matrix_at(&clauses, i, j);
            if (!(fabs(x) <= ASSAY_SAT_MAX_VARIABLES && x == floor(x)))
                assay_arg_error(
                    L, "clauses[%zu][%zu] must be a whole number, got %.14g", i + 1, j + 1, x);
            literals[3 * i + j] = (int)x;
        }
    assay_arg_status(L, assay_sat_problem_from(literals, variables, clauses.rows, push_slot(L)));
    return 1;
}

static int problem_free(lua_State *L)
{
    assay_sat_problem **p = luaL_checkudata(L, 1, SAT);
    assay_sat_problem_free(*p);
    *p = NULL;
    return 0;
}

static int problem_variables(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)assay_sat_variables(self(L)));
    return 1;
}

static int problem_clauses(lua_State *L)
{
    const assay_sat_problem *p = self(L);
    lua_createtable(L, (int)assay_sat_clauses(p), 0);
    for (size_t i = 0; i < assay_sat_clauses(p); i++) {
        lua_createtable(L, 3, 0);
        for (size_t j = 0; j < 3; j++) {
            lua_pushinteger(L, assay_sat_literal(p, i, j));
            lua_rawseti(L, -2, (lua_Integer)j + 1);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int problem_tostring(lua_State *L)
{
    const assay_sat_problem *p = self(L);
    lua_pushfstring(L, "3-SAT problem of %I variables and %I clauses",
        (LUAI_UACINT)assay_sat_variables(p), (LUAI_UACINT)assay_sat_clauses(p));
    return 1;
}

/* p:verify(assignment): a list of true/false or 1/0, one a variable */
static int problem_verify(lua_State *L)
{
    const assay_sat_problem *p = self(L);
    size_t n = 0;
    const unsigned char *value = assay_arg_flags(L, 2, "assignment", &n);
    if (n != assay_sat_variables(p))
        assay_arg_error(L, "assignment must have %zu values, one a variable, got %zu",
            assay_sat_variables(p), n);
    lua_pushboolean(L, assay_sat_verify(p, value));
    return 1;
}

/* ---- samples ---- */

static void set_integers(
    lua_State *L, const char *name, const unsigned char *bits, const double *numbers, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, bits ? bits[i] : (lua_Integer)numbers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

/* The columns of a log of samples: the verdict and, as their cost, the flips of each walk. */
static void set_log(lua_State *L, const char *problem, int64_t first, size_t n)
{
    const int at = lua_gettop(L);
    lua_createtable(L, 0, 4);
    lua_createtable(L, (int)n, 0);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushstring(L, problem);
        lua_rawseti(L, -3, (lua_Integer)i + 1);
        lua_pushinteger(L, first + (int64_t)i);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, at + 1, "sample");
    lua_setfield(L, at + 1, "problem");
    lua_getfield(L, at, "correct");
    lua_setfield(L, at + 1, "correct");
    lua_getfield(L, at, "flips");
    lua_setfield(L, at + 1, "cost");
    lua_setfield(L, at, "samples");
}

/*
 * p:sample{samples=, rng=, flips=3 * variables, noise=0.5, first=1, problem=, progress=}: that many
 * walks from random starts; correct (1 or 0) and flips of each, solved = the number of correct
 * ones, samples = the columns of a log when the problem is named. Sample s, which counts from
 * `first`, depends on (problem, rng, s) alone; rng is not advanced.
 */
static int problem_sample(lua_State *L)
{
    static const char *const known[] = {
        "samples", "rng", "flips", "noise", "first", "problem", "progress", NULL};
    const assay_sat_problem *p = self(L);
    assay_opts_check(L, 2, known);
    const int64_t samples = assay_opt_integer(L, 2, "samples", -1, 1, INT32_MAX);
    const int64_t three_each = 3 * (int64_t)assay_sat_variables(p);
    const int64_t flips = assay_opt_integer(L, 2, "flips", three_each, 0, (int64_t)1 << 53);
    const double noise = assay_opt_number(L, 2, "noise", 0.5, 0, 1);
    const int64_t first = assay_opt_integer(L, 2, "first", 1, 1, (int64_t)1 << 53);
    if (samples < 0)
        assay_arg_error(L, "samples must be given, at least 1");
    const assay_rng *rng = assay_required_rng(L, 2);
    const char *problem = assay_opt_string(L, 2, "problem", NULL);
    const size_t n = (size_t)samples;
    unsigned char *correct = assay_lua_scratch(L, n, 1);
    double *used = assay_lua_doubles(L, n);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    assay_lua_report_end(&report, assay_sat_sample(p, rng, (uint64_t)first - 1, n, (size_t)flips,
                                      noise, &report.progress, correct, used));
    lua_Integer successes = 0;
    for (size_t i = 0; i < n; i++)
        successes += correct[i];
    lua_createtable(L, 0, problem ? 4 : 3);
    set_integers(L, "correct", correct, NULL, n);
    set_integers(L, "flips", NULL, used, n);
    lua_pushinteger(L, successes);
    lua_setfield(L, -2, "solved");
    if (problem)
        set_log(L, problem, first, n);
    return 1;
}

static const luaL_Reg methods[] = {
    {"variables", problem_variables},
    {"clauses", problem_clauses},
    {"sample", problem_sample},
    {"verify", problem_verify},
    {NULL, NULL},
};

static const luaL_Reg sat[] = {
    {"problem", problem},
    {"formula", formula},
    {NULL, NULL},
};

int assay_lua_models(lua_State *L)
{
    assay_lua_class(L, SAT, "sat", methods, problem_free, problem_tostring);
    lua_newtable(L);
    lua_newtable(L);
    assay_lua_register(L, sat);
    lua_setfield(L, -2, "sat");
    assay_lua_canvas(L);
    assay_lua_endpoint(L);
    lua_setfield(L, -2, "endpoint");
    return 1;
}
