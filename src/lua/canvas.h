/* Coarse-to-fine samplers as arguments of Lua calls. */
#ifndef ASSAY_LUA_CANVAS_H
#define ASSAY_LUA_CANVAS_H

#include <lua.h>

#include "models/canvas.h"

/* The sampler at `at`, or NULL when there is another value. */
assay_canvas *assay_lua_test_canvas(lua_State *L, int at);

/* canvas and softmax into the table on top of the stack, assay.models. */
void assay_lua_canvas(lua_State *L);

#endif
