/* What the files of the inference family's bindings share. */
#ifndef ASSAY_LUA_INFERENCE_H
#define ASSAY_LUA_INFERENCE_H

#include <lua.h>
#include <stddef.h>

/* Option k of the table at `at`, a list or one number, or else the grid of the paper: 40 points to
 * `largest`. Pushes values that keep the memory. */
const double *assay_lua_k(lua_State *L, int at, double largest, size_t *nk);

/* Set k as a list of integers in the table on top. */
void assay_lua_set_k(lua_State *L, const double *k, size_t nk);

/* selection_curves, of selection.c */
int assay_lua_selection_curves(lua_State *L);

#endif
