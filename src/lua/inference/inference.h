/*
 * The inference family for Lua: a file for each method, or for each concern of a large one, with
 * the table of its functions; inference.c has the list of the tables, and what the files share.
 */
#ifndef ASSAY_LUA_INFERENCE_INFERENCE_H
#define ASSAY_LUA_INFERENCE_INFERENCE_H

#include <lua.h>
#include <lauxlib.h>
#include <stddef.h>

#include "methods/inference/multilingual.h"

extern const luaL_Reg assay_lua_monkeys[];
extern const luaL_Reg assay_lua_monkeys_pdist[];
extern const luaL_Reg assay_lua_monkeys_vote[];
extern const luaL_Reg assay_lua_selection[];
extern const luaL_Reg assay_lua_monkeys_cost[];
extern const luaL_Reg assay_lua_binary_bias[];
extern const luaL_Reg assay_lua_onebench[];
extern const luaL_Reg assay_lua_multilingual[];
extern const luaL_Reg assay_lua_tts_var[];

/* Option k of the table at `at`, a list or one number, or else the grid of the paper: 40 points to
 * `largest`. Pushes values that keep the memory. */
const double *assay_lua_k(lua_State *L, int at, double largest, size_t *nk);

/* Set k as a list of integers in the table on top. */
void assay_lua_set_k(lua_State *L, const double *k, size_t nk);

/* A list of texts, which keeps them. Pushes one value that keeps the pointers. */
const char **assay_lua_texts(lua_State *L, int at, const char *name, size_t *n);

/* An option that names a utility; chrf by default. */
assay_utility assay_lua_utility(lua_State *L, int at, const char *key);

/* The counts (n, c) of at least one problem at arguments 1 and 2, and the smallest n. Pushes
 * values that keep the memory. */
typedef struct assay_lua_counts {
    const double *n, *c;
    size_t problems;
    double smallest;
} assay_lua_counts;

assay_lua_counts assay_lua_counts_argument(lua_State *L);

/* k and coverage, of equal length, at arguments 1 and 2. Pushes values that keep the memory. */
const double *assay_lua_curve_argument(lua_State *L, const double **coverage, size_t *m);

#endif
