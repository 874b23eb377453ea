/* assay.balance: a population whose groups differ in heredity (models/polygenic.h). */
#include "lua/balance/polygenic.h"

#include <string.h>

#include "lua/args.h"
#include "lua/balance/balance.h"
#include "lua/balance/curves.h"

#define WORLD "assay.polygenic"

struct world {
    assay_polygenic *polygenic;
    assay_rng draws; /* of draw without a stream */
};

assay_polygenic *assay_lua_test_polygenic(lua_State *L, int at)
{
    struct world *world = luaL_testudata(L, at, WORLD);
    return world ? world->polygenic : NULL;
}

static struct world *check_world(lua_State *L)
{
    return luaL_checkudata(L, 1, WORLD);
}

static int world_free(lua_State *L)
{
    struct world *world = check_world(L);
    assay_polygenic_free(world->polygenic);
    world->polygenic = NULL;
    return 0;
}

static int world_tostring(lua_State *L)
{
    const assay_polygenic *w = check_world(L)->polygenic;
    lua_pushfstring(L, "population of %d groups and %d loci", (int)assay_polygenic_groups(w),
        (int)assay_polygenic_loci(w));
    return 1;
}

static size_t size_option(lua_State *L, const char *key, size_t absent, int64_t min)
{
    return (size_t)assay_opt_integer(L, 1, key, (int64_t)absent, min, INT32_MAX);
}

static void read_scores(lua_State *L, struct assay_polygenic_options *o)
{
    static const char *const scores[] = {"ridge", "marginal", NULL};
    static const char *const measures[] = {"r2", "health", NULL};
    o->score = (assay_score_kind)assay_opt_choice(L, 1, "score", 0, scores);
    o->others = assay_opt_number(L, 1, "others", o->others, 0, ASSAY_FINITE);
    o->ridge = assay_opt_number(L, 1, "ridge", o->ridge, ASSAY_POSITIVE, ASSAY_FINITE);
    o->threshold = assay_opt_number(L, 1, "threshold", o->threshold, 0, ASSAY_FINITE);
    o->standardise = assay_opt_boolean(L, 1, "standardise", o->standardise);
    o->measure = (assay_health_kind)assay_opt_choice(L, 1, "measure", 0, measures);
    o->treated = assay_opt_number(L, 1, "treated", o->treated, ASSAY_POSITIVE, 1);
    o->validation = size_option(L, "validation", o->validation, 0);
    o->test = size_option(L, "test", o->test, 0);
}

/* polygenic_world{groups=, loci=250, causal=60, fst=, h2=, rho=0.3, ..., rng=} */
static int polygenic_world(lua_State *L)
{
    static const char *const known[] = {"groups", "loci", "causal", "fst", "h2", "rho", "score",
        "others", "ridge", "threshold", "standardise", "measure", "treated", "validation", "test",
        "rng", NULL};
    assay_opts_check(L, 1, known);
    luaL_checkstack(L, 20, NULL);
    struct assay_polygenic_options o = assay_polygenic_defaults();
    o.groups = size_option(L, "groups", 1, 1);
    o.loci = size_option(L, "loci", o.loci, 1);
    o.causal = size_option(L, "causal", o.causal < o.loci ? o.causal : o.loci, 1);
    o.rho = assay_opt_number(L, 1, "rho", o.rho, 0, 1);
    o.fst = assay_lua_groups_option(L, 1, "fst", o.groups);
    o.h2 = assay_lua_groups_option(L, 1, "h2", o.groups);
    if (!o.fst || !o.h2)
        assay_arg_error(L, "%s must be given", o.fst ? "h2" : "fst");
    read_scores(L, &o);
    assay_rng *rng = assay_required_rng(L, 1);
    struct world *world = lua_newuserdatauv(L, sizeof *world, 0);
    *world = (struct world){0};
    luaL_setmetatable(L, WORLD);
    assay_arg_status(L, assay_polygenic_new(&o, rng, &world->polygenic));
    world->draws = assay_rng_split(rng, assay_rng_u64(rng));
    return 1;
}

static size_t group_argument(lua_State *L, const struct world *world)
{
    const size_t groups = assay_polygenic_groups(world->polygenic);
    return (size_t)assay_arg_integer(L, 2, "g", 1, (int64_t)groups) - 1;
}

/* world:draw(g, n [, rng]): {X=, y=} */
static int world_draw(lua_State *L)
{
    struct world *world = check_world(L);
    const size_t g = group_argument(L, world), loci = assay_polygenic_loci(world->polygenic);
    const size_t n = (size_t)assay_arg_integer(L, 3, "n", 1, INT32_MAX);
    assay_rng *rng = lua_isnil(L, 4) ? &world->draws : assay_arg_rng(L, 4, "rng");
    double *y = assay_lua_doubles(L, n);
    lua_createtable(L, 0, 2);
    assay_matrix X = assay_push_matrix(L, n, loci);
    assay_arg_status(L, assay_polygenic_draw(world->polygenic, g, n, rng, &X, y));
    lua_setfield(L, -2, "X");
    assay_set_vector(L, "y", y, n);
    return 1;
}

/* world:collect(g, n) */
static int world_collect(lua_State *L)
{
    struct world *world = check_world(L);
    const size_t g = group_argument(L, world);
    const size_t n = (size_t)assay_arg_integer(L, 3, "n", 0, INT32_MAX);
    assay_arg_status(L, assay_polygenic_collect(world->polygenic, g, n));
    return 0;
}

/* The sizes at hand. Pushes one value. */
static size_t *own_sizes(lua_State *L, const assay_polygenic *world)
{
    const size_t k = assay_polygenic_groups(world);
    size_t *sizes = assay_lua_scratch(L, k, sizeof *sizes);
    for (size_t g = 0; g < k; g++)
        sizes[g] = assay_polygenic_size(world, g);
    return sizes;
}

/* world:sizes() */
static int world_sizes(lua_State *L)
{
    const assay_polygenic *world = check_world(L)->polygenic;
    assay_push_indices(L, own_sizes(L, world), assay_polygenic_groups(world), 0);
    return 1;
}

/* world:performance(g [, sizes, rng]) on people for validation */
static int world_performance(lua_State *L)
{
    struct world *world = check_world(L);
    const size_t g = group_argument(L, world), k = assay_polygenic_groups(world->polygenic);
    const size_t *sizes = NULL;
    size_t n = k;
    double value = 0;
    assay_rng *rng = lua_isnil(L, 4) ? &world->draws : assay_arg_rng(L, 4, "rng");
    if (lua_isnil(L, 3))
        sizes = own_sizes(L, world->polygenic);
    else
        sizes = assay_arg_indices(L, 3, "sizes", 0, SIZE_MAX, &n);
    if (n != k)
        assay_arg_error(L, "sizes must have %zu numbers as there are groups, got %zu", k, n);
    assay_arg_status(
        L, assay_polygenic_performance(world->polygenic, g, sizes, rng, false, &value));
    lua_pushnumber(L, value);
    return 1;
}

/* world:report(): a list, of all data on people for test */
static int world_report(lua_State *L)
{
    struct world *world = check_world(L);
    const size_t k = assay_polygenic_groups(world->polygenic);
    const size_t *sizes = own_sizes(L, world->polygenic);
    double *value = assay_lua_doubles(L, k);
    for (size_t g = 0; g < k; g++)
        assay_arg_status(L, assay_polygenic_performance(
                                world->polygenic, g, sizes, &world->draws, true, value + g));
    assay_push_vector(L, value, k);
    return 1;
}

static const luaL_Reg methods[] = {
    {"draw", world_draw},
    {"collect", world_collect},
    {"sizes", world_sizes},
    {"performance", world_performance},
    {"report", world_report},
    {NULL, NULL},
};

void assay_lua_polygenic_type(lua_State *L)
{
    assay_lua_class(L, WORLD, "world", methods, world_free, world_tostring);
}

/* prs_expected_r2(n, {h2=, segments=, refined=false}): a list */
static int prs_expected_r2(lua_State *L)
{
    static const char *const known[] = {"h2", "segments", "refined", NULL};
    size_t k = 0;
    const double *n = assay_arg_numbers(L, 1, "n", &k);
    assay_opts_check(L, 2, known);
    const double h2 = assay_opt_required(L, 2, "h2", 0, 1);
    const double segments = assay_opt_required(L, 2, "segments", ASSAY_POSITIVE, ASSAY_FINITE);
    const bool refined = assay_opt_boolean(L, 2, "refined", false);
    double *r2 = assay_lua_doubles(L, k);
    for (size_t i = 0; i < k; i++)
        assay_arg_status(L, assay_prs_expected_r2(n[i], h2, segments, refined, r2 + i));
    assay_push_vector(L, r2, k);
    return 1;
}

/* targeting_benefit(score, benefit, {share=}) */
static int targeting_benefit(lua_State *L)
{
    static const char *const known[] = {"share", NULL};
    size_t n = 0, benefits = 0;
    const double *score = assay_arg_vector(L, 1, "score", &n);
    const double *benefit = assay_arg_vector(L, 2, "benefit", &benefits);
    assay_opts_check(L, 3, known);
    if (benefits != n)
        assay_arg_error(L, "benefit must have %zu values as score has, got %zu", n, benefits);
    double out = 0;
    assay_arg_status(L,
        assay_targeting_benefit(score, benefit, n, assay_opt_required(L, 3, "share", 0, 1), &out));
    lua_createtable(L, 0, 1);
    assay_set_number(L, "benefit", out);
    return 1;
}

const luaL_Reg assay_lua_polygenic[] = {
    {"polygenic_world", polygenic_world},
    {"prs_expected_r2", prs_expected_r2},
    {"targeting_benefit", targeting_benefit},
    {NULL, NULL},
};
