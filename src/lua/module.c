/*
 * luaopen_assay: the table `assay` from its rooms, then the prelude.
 *
 * The prelude is Lua inside the library, not files beside it, so that assay.so and the program
 * carry their own and never meet one of another version. Its main chunk, init.lua, is called with
 * (assay, import) and adds to the table. import(NAME) runs src/lua/assay/NAME.lua once, with the
 * same two arguments, and returns its value; require "assay.NAME" gives the same value.
 */
#include "lua/module.h"

#include <cblas.h>
#include <gsl/gsl_errno.h>
#include <lauxlib.h>
#include <string.h>

#include "config.h"
#include "core/status.h"
#include "lua/args.h"
#include "models/machine.h"

static const luaL_Reg rooms[] = {
    {"prelude", assay_lua_prelude},
    {"rows", assay_lua_rows},
    {"matrix", assay_lua_matrix},
    {"rng", assay_lua_rng},
    {"stats", assay_lua_stats},
    {"topk", assay_lua_topk},
    {"fit", assay_lua_fit},
    {"pca", assay_lua_pca},
    {"json", assay_lua_json},
    {"data", assay_lua_data},
    {"inference", assay_lua_inference},
    {"rollout", assay_lua_rollout},
    {"models", assay_lua_models},
    {"gmm", assay_lua_gmm},
    {"diffusion", assay_lua_diffusion},
    {"balance", assay_lua_balance},
    {"net", assay_lua_net},
    {"lm", assay_lua_lm},
    {"vocab", assay_lua_vocab},
    {"task", assay_lua_task},
    {"tasks", assay_lua_tasks},
    {"catalogue", assay_lua_catalogue},
    {NULL, NULL},
};

static void open_rooms(lua_State *L)
{
    for (const luaL_Reg *room = rooms; room->name; room++) {
        lua_pushcfunction(L, room->func);
        lua_call(L, 0, 1);
        lua_setfield(L, -2, room->name);
    }
}

static const assay_prelude_source *find_source(const char *name)
{
    const assay_prelude_source *source = assay_prelude;
    while (source->name && strcmp(source->name, name) != 0)
        source++;
    return source->name ? source : NULL;
}

enum { VALUES = 1, ASSAY = 2 }; /* upvalues of import: name -> value, and the module's table */

static int import(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    if (lua_getfield(L, lua_upvalueindex(VALUES), name) != LUA_TNIL)
        return 1;
    const assay_prelude_source *source = find_source(name);
    if (!source)
        return luaL_error(L, "assay has no module \"%s\"", name);
    lua_pushfstring(L, "=assay/%s.lua", name);
    if (luaL_loadbufferx(L, (const char *)source->text, source->size, lua_tostring(L, -1), "t") !=
        LUA_OK)
        return lua_error(L);
    lua_pushvalue(L, lua_upvalueindex(ASSAY));
    lua_pushvalue(L, lua_upvalueindex(VALUES));
    lua_pushvalue(L, lua_upvalueindex(ASSAY));
    lua_pushcclosure(L, import, 2);
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(VALUES), name);
    return 1;
}

/* package.preload["assay.NAME"](...): upvalues are import and NAME. */
static int preload(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_call(L, 1, 1);
    return 1;
}

/* The module's table is on top of the stack, and stays. */
static void open_prelude(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, import, 2);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (const assay_prelude_source *source = assay_prelude; source->name; source++) {
        if (strcmp(source->name, "init") == 0 || strcmp(source->name, ASSAY_PRELUDE_TEMPLATE) == 0)
            continue;
        lua_pushvalue(L, -2);
        lua_pushstring(L, source->name);
        lua_pushcclosure(L, preload, 2);
        const char *key = lua_pushfstring(L, "assay.%s", source->name);
        lua_pushvalue(L, -2);
        lua_setfield(L, -4, key);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    if (find_source("init")) {
        lua_pushliteral(L, "init");
        lua_call(L, 1, 0);
    } else {
        lua_pop(L, 1);
    }
}

__attribute__((visibility("default"))) int luaopen_assay(lua_State *L)
{
    luaL_checkversion(L);
    if (assay_machine_check() != ASSAY_OK)
        return luaL_error(L, "%s", assay_errmsg());
    openblas_set_num_threads(1); /* results do not depend on OPENBLAS_NUM_THREADS */
    gsl_set_error_handler_off(); /* its default prints and aborts; every room reads the codes */
    lua_newtable(L);
    lua_pushliteral(L, PACKAGE_VERSION);
    lua_setfield(L, -2, "version");
    open_rooms(L);
    open_prelude(L);
    return 1;
}
