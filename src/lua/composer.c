/* Composing experiments: a Lua state that runs the prelude's compose.lua. */
#include "lua/composer.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/engine.h"
#include "lua/script.h"

struct assay_composer {
    lua_State *L;
    char *result;
};

int assay_composer_open(assay_composer **out)
{
    assay_composer *composer = calloc(1, sizeof *composer);
    *out = NULL;
    if (!composer)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    composer->L = assay_lua_new();
    if (!composer->L) {
        free(composer);
        return ASSAY_ESCRIPT;
    }
    *out = composer;
    return ASSAY_OK;
}

void assay_composer_close(assay_composer *composer)
{
    if (!composer)
        return;
    lua_close(composer->L);
    free(composer->result);
    free(composer);
}

struct call {
    const char *name, *choices;
    char *result;
};

static int do_apply(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    assay_prelude_push(L, "compose");
    lua_getfield(L, -1, "apply_json");
    lua_pushstring(L, call->name);
    lua_pushstring(L, call->choices);
    lua_call(L, 2, 1);
    call->result = strdup(luaL_checkstring(L, -1));
    return call->result ? 0 : luaL_error(L, "out of memory");
}

int assay_composer_apply(
    assay_composer *composer, const char *name, const char *choices, const char **result)
{
    struct call call = {.name = name, .choices = choices};
    lua_State *L = composer->L;
    lua_pushcfunction(L, do_apply);
    lua_pushlightuserdata(L, &call);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        const char *why = lua_tostring(L, -1);
        int status = assay_fail(ASSAY_ESCRIPT, "%s", why ? why : "an error without words");
        lua_pop(L, 1);
        return status;
    }
    free(composer->result);
    composer->result = call.result;
    *result = call.result;
    return ASSAY_OK;
}

bool assay_composer_holds(const json_t *value, const char *choice)
{
    size_t i;
    json_t *one;
    json_array_foreach(value, i, one) if (strcmp(json_string_value(one), choice) == 0) return true;
    return json_is_string(value) && strcmp(json_string_value(value), choice) == 0;
}
