/* Learning curves and lists of groups as arguments of the balance family's functions. */
#ifndef ASSAY_LUA_BALANCE_CURVES_H
#define ASSAY_LUA_BALANCE_CURVES_H

#include <lua.h>
#include <stddef.h>

#include "methods/balance/equitable.h"

extern const char *const assay_lua_curve_laws[]; /* as assay_curve_law has them */

/* The list of curves at `at`, {kind="power", a=, b=, c= | s=} each. Pushes one value. */
const assay_learning_curve *assay_lua_curves(lua_State *L, int at, const char *name, size_t *k);
void assay_lua_push_curve(lua_State *L, const assay_learning_curve *curve);

/* Option `key`: a number for each of k groups, or one for all; NULL when absent. Pushes a value. */
const double *assay_lua_groups_option(lua_State *L, int at, const char *key, size_t k);

#endif
