/* assay.rollout: the family's functions from the tables of its files. */
#include "lua/rollout/rollout.h"

#include "lua/args.h"
#include "lua/module.h"

/* One line a file. */
static const luaL_Reg *const tables[] = {
    assay_lua_rollout_advantage,
};

int assay_lua_rollout(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assay_lua_register(L, tables[i]);
    return 1;
}
