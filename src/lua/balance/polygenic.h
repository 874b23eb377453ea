/* The world of polygenic scores, for functions that take one. */
#ifndef ASSAY_LUA_BALANCE_POLYGENIC_H
#define ASSAY_LUA_BALANCE_POLYGENIC_H

#include <lua.h>

#include "models/polygenic.h"

/* NULL when the value at `at` is none. */
assay_polygenic *assay_lua_test_polygenic(lua_State *L, int at);

#endif
