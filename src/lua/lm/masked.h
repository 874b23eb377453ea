/* Noise schedules from Lua, and errors of functions that a primitive calls; see masked.c. */
#ifndef ASSAY_LUA_LM_MASKED_H
#define ASSAY_LUA_LM_MASKED_H

#include "models/lm/masked.h"

/* Functions at stack indices; *error is where an error is kept, a nil so far. */
typedef struct assay_lua_noise {
    lua_State *L;
    int alpha, weight;
    const int *error;
} assay_lua_noise;

/* noise = "linear", "cosine" or {alpha=function, weight=function}; pushes what it needs. */
void assay_opt_noise(lua_State *L, int options, assay_lua_noise *noise, assay_lm_masking *masking);

/* Move the error on top to its place; the status to give up with. */
int assay_lua_keep_error(lua_State *L, int error);

#endif
