/*
 * What the prelude needs of C: assay.prelude, taken away from the table once the prelude is loaded.
 *
 * located(f) exists because an experiment is declared by `return assay.experiment {...}`, a tail
 * call: a Lua function would find its caller's frame gone, a C function still sees it and its line.
 */
#include <lauxlib.h>
#include <string.h>

#include "core/suggest.h"
#include "lua/args.h"
#include "lua/engine.h"
#include "lua/module.h"
#include "lua/script.h"

/* suggest(unknown, {known...}) -> text to add to a message about an unknown name. */
static int suggest(lua_State *L)
{
    const char *unknown = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    const char **known = assay_lua_scratch(L, count ? count : 1, sizeof *known);
    luaL_checkstack(L, 3, NULL);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        known[i] = luaL_checkstring(L, -1); /* the table keeps it */
        lua_pop(L, 1);
    }
    char text[512];
    assay_suggest(unknown, known, count, text, sizeof text);
    lua_pushstring(L, text);
    return 1;
}

/* Push "FILE:LINE:" of the caller of the running C function ("" when unknown) and its text or nil.
 */
static void push_caller(lua_State *L)
{
    lua_Debug caller;
    if (!lua_getstack(L, 1, &caller) || !lua_getinfo(L, "Sl", &caller) || caller.currentline < 0) {
        lua_pushliteral(L, "");
        lua_pushnil(L);
        return;
    }
    const char *file = caller.source[0] == '@' ? caller.source + 1 : caller.short_src;
    lua_pushfstring(L, "%s:%d:", file, caller.currentline);
    lua_getfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_NAME);
    bool known = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), caller.source) == 0;
    lua_pop(L, 1);
    if (known)
        lua_getfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_TEXT);
    else
        lua_pushnil(L);
}

static int call_located(lua_State *L)
{
    int arguments = lua_gettop(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    push_caller(L);
    lua_rotate(L, 1, 3);
    lua_call(L, arguments + 2, LUA_MULTRET);
    return lua_gettop(L);
}

/* located(f) -> a function that calls f(where, text, ...). */
static int located(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushcclosure(L, call_located, 1);
    return 1;
}

void assay_prelude_push(lua_State *L, const char *name)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    const char *key = lua_pushfstring(L, "assay.%s", name);
    lua_getfield(L, -2, key);
    lua_call(L, 0, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

const char *assay_experiment_template(void)
{
    const assay_prelude_source *source = assay_prelude;
    while (strcmp(source->name, ASSAY_PRELUDE_TEMPLATE) != 0)
        source++;
    return (const char *)source->text;
}

static const luaL_Reg functions[] = {
    {"suggest", suggest},
    {"located", located},
    {NULL, NULL},
};

int assay_lua_prelude(lua_State *L)
{
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
