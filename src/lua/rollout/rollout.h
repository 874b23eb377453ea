/* The rollout family for Lua: a file for each concern, with the table of its functions; rollout.c
 * has the list of the tables. */
#ifndef ASSAY_LUA_ROLLOUT_ROLLOUT_H
#define ASSAY_LUA_ROLLOUT_ROLLOUT_H

#include <lauxlib.h>
#include <lua.h>

extern const luaL_Reg assay_lua_rollout_advantage[];

#endif
