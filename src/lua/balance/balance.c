/* assay.balance: the family's functions from the tables of its files, and what these share. */
#include "lua/balance/balance.h"

#include <string.h>

#include "lua/args.h"
#include "lua/module.h"

assay_lua_set assay_lua_set_argument(lua_State *L)
{
    assay_lua_set set = {0};
    size_t n = 0;
    luaL_checkstack(L, 40, NULL);
    set.X = assay_arg_matrix(L, 1, "X");
    set.y = assay_arg_indices(L, 2, "y", 0, ASSAY_MOST_CLASSES, &n);
    if (n != set.X.rows)
        assay_arg_error(L, "y must have %zu labels as X has rows, got %zu", set.X.rows, n);
    return set;
}

static int pool_free(lua_State *L)
{
    assay_threads **pool = lua_touserdata(L, 1);
    assay_threads_free(*pool);
    *pool = NULL;
    return 0;
}

assay_threads *assay_lua_pool(lua_State *L, int at)
{
    const int64_t threads = assay_opt_integer(L, at, "threads", 1, 1, ASSAY_MOST_THREADS);
    assay_threads **pool = lua_newuserdatauv(L, sizeof *pool, 0);
    *pool = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, pool_free);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    if (threads > 1)
        assay_arg_status(L, assay_threads_new((size_t)threads, pool));
    return *pool;
}

assay_rng *assay_lua_stream(lua_State *L, int at)
{
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    if (!rng)
        assay_arg_error(L, "rng must be given");
    return rng;
}

const unsigned char *assay_lua_columns(lua_State *L, int at, const char *key, size_t cols)
{
    size_t n = 0;
    if (!assay_opt_push(L, at, key))
        return NULL;
    const size_t *column = assay_arg_indices(L, -1, key, 1, cols, &n);
    unsigned char *flags = assay_lua_scratch(L, cols + 1, 1);
    memset(flags, 0, cols + 1);
    for (size_t i = 0; i < n; i++)
        flags[column[i]] = 1;
    return flags;
}

void assay_lua_push_kept(lua_State *L, const assay_lua_set *set, const unsigned char *keep)
{
    const size_t n = set->X.rows, d = set->X.cols;
    size_t *row = assay_lua_scratch(L, 2 * n + 1, sizeof *row), rows = 0;
    for (size_t i = 0; i < n; i++)
        if (keep[i]) {
            row[n + rows] = set->y[i];
            row[rows++] = i;
        }
    lua_createtable(L, 0, 4);
    const assay_matrix X = assay_push_matrix(L, rows, d);
    for (size_t i = 0; i < rows; i++)
        memcpy(assay_matrix_row(&X, i), assay_matrix_row(&set->X, row[i]), d * sizeof *X.data);
    lua_setfield(L, -2, "X");
    assay_push_indices(L, row + n, rows, 0);
    lua_setfield(L, -2, "y");
    assay_push_indices(L, row, rows, 1);
    lua_setfield(L, -2, "keep");
}

/* One line a file. */
static const luaL_Reg *const tables[] = {
    assay_lua_resampling,
    assay_lua_cleaning,
    assay_lua_balance_cores,
    assay_lua_classifiers,
    assay_lua_roc,
    assay_lua_detection,
    assay_lua_allocation,
    assay_lua_equitable,
    assay_lua_polygenic,
    assay_lua_points,
    assay_lua_corruptions,
    assay_lua_detector,
    assay_lua_augment,
    assay_lua_saa,
};

int assay_lua_balance(lua_State *L)
{
    assay_lua_classifier_types(L);
    assay_lua_polygenic_type(L);
    assay_lua_saa_type(L);
    lua_newtable(L);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assay_lua_register(L, tables[i]);
    return 1;
}
