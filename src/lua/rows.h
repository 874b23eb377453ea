/* A run's rows for its claims; see rows.c. */
#ifndef ASSAY_LUA_ROWS_H
#define ASSAY_LUA_ROWS_H

#include <lua.h>

#include "data/table.h"

/* Push all rows of a table that outlives the object, or that is forgotten before it goes. */
void assay_rows_push(lua_State *L, const assay_table *table);
/* The rows at `at`, and all that was taken from them, err from now on. */
void assay_rows_forget(lua_State *L, int at);

#endif
