/*
 * The balance family for Lua: a file for each concern, with the table of its functions; balance.c
 * has the list of the tables, and what the files share.
 */
#ifndef ASSAY_LUA_BALANCE_BALANCE_H
#define ASSAY_LUA_BALANCE_BALANCE_H

#include <lua.h>
#include <lauxlib.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/parallel.h"
#include "methods/balance/smote.h"

extern const luaL_Reg assay_lua_resampling[];
extern const luaL_Reg assay_lua_cleaning[];
extern const luaL_Reg assay_lua_balance_cores[];
extern const luaL_Reg assay_lua_classifiers[];
extern const luaL_Reg assay_lua_roc[];
extern const luaL_Reg assay_lua_detection[];
extern const luaL_Reg assay_lua_allocation[];
extern const luaL_Reg assay_lua_equitable[];
extern const luaL_Reg assay_lua_polygenic[];
extern const luaL_Reg assay_lua_points[];
extern const luaL_Reg assay_lua_corruptions[];
extern const luaL_Reg assay_lua_detector[];
extern const luaL_Reg assay_lua_augment[];
extern const luaL_Reg assay_lua_saa[];

/* Makes the classes of fitted classifiers. */
void assay_lua_classifier_types(lua_State *L);
/* Makes the class of populations. */
void assay_lua_polygenic_type(lua_State *L);
/* Makes the class of selections. */
void assay_lua_saa_type(lua_State *L);

/* X and y, as many labels as rows, at arguments 1 and 2. Pushes values that keep the memory. */
typedef struct assay_lua_set {
    assay_matrix X;
    const size_t *y;
} assay_lua_set;

assay_lua_set assay_lua_set_argument(lua_State *L);

/* A cloud of points at argument 1, checked. */
assay_matrix assay_lua_cloud_argument(lua_State *L);

/* Push the matrix of those rows of X. */
assay_matrix assay_lua_push_rows(
    lua_State *L, const assay_matrix *X, const size_t *row, size_t n);

/* Push an owner of a matrix that C allocates, empty at first. */
assay_matrix *assay_lua_own_matrix(lua_State *L);
/* Push its numbers as a matrix of Lua; what it held is freed. */
void assay_lua_push_owned(lua_State *L, assay_matrix *from);

/* Option `threads` (1) as a pool, NULL for one thread. Pushes a value that owns it. */
assay_threads *assay_lua_pool(lua_State *L, int at);

/* The stream of option `rng`, which must be given. */
assay_rng *assay_lua_stream(lua_State *L, int at);

/* Option `key`, a list of columns from 1, as flags; NULL when absent. Pushes up to two values. */
const unsigned char *assay_lua_columns(lua_State *L, int at, const char *key, size_t cols);

/* Pushes {X=, y=, keep=} of the rows that are kept. */
void assay_lua_push_kept(lua_State *L, const assay_lua_set *set, const unsigned char *keep);

#endif
