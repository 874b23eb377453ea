/* Mixtures and noise schedules as arguments of Lua calls. */
#ifndef ASSAY_LUA_DIFFUSION_H
#define ASSAY_LUA_DIFFUSION_H

#include <lua.h>

#include "models/gmm.h"
#include "models/schedule.h"

/* A userdata, or a table that becomes one. Pushes one value that keeps it. */
const assay_gmm *assay_arg_gmm(lua_State *L, int at, const char *name);
const assay_schedule *assay_arg_schedule(lua_State *L, int at, const char *name);

/* Options class and scale of the table at `at` into a level. */
void assay_opt_guidance(lua_State *L, int at, const assay_gmm *g, assay_gmm_level *level);

#endif
