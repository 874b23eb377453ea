/* See rewrite.h. */
#include "lua/rewrite.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/engine.h"
#include "lua/script.h"

struct call {
    const char *text, *figure, *changes;
    char *result, *why;
};

static int do_rewrite(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    assay_prelude_push(L, "rewrite");
    lua_getfield(L, -1, "figure_json");
    lua_pushstring(L, call->text);
    lua_pushstring(L, call->figure);
    lua_pushstring(L, call->changes);
    lua_call(L, 3, 2);
    if (lua_isnil(L, -2))
        call->why = strdup(luaL_checkstring(L, -1));
    else
        call->result = strdup(luaL_checkstring(L, -2));
    return call->why || call->result ? 0 : luaL_error(L, "out of memory");
}

static int change_text(struct call *call)
{
    lua_State *L = assay_lua_new();
    int status = ASSAY_OK;
    if (!L)
        return ASSAY_ESCRIPT;
    lua_pushcfunction(L, do_rewrite);
    lua_pushlightuserdata(L, call);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        const char *why = lua_tostring(L, -1);
        status = assay_fail(ASSAY_ESCRIPT, "%s", why ? why : "an error without words");
    } else if (call->why) {
        status = assay_fail(ASSAY_EINVAL, "%s", call->why);
    }
    lua_close(L);
    return status;
}

static int declaration_of(const char *path, const char *text, json_t **out)
{
    assay_experiment *experiment = NULL;
    int status = assay_experiment_open(path, text, ASSAY_LOAD_LIST, &experiment);
    const char *describe = status == ASSAY_OK ? assay_experiment_describe(experiment) : NULL;
    *out = describe ? json_loads(describe, 0, NULL) : NULL;
    assay_experiment_close(experiment);
    if (status == ASSAY_OK && !*out)
        status = assay_fail(ASSAY_ENOMEM, "out of memory");
    return status;
}

/* The declaration without the fields of the figure that may have changed. */
static void strip(json_t *declaration, const char *figure, const json_t *changes)
{
    size_t i;
    json_t *one, *value;
    const char *field;
    json_array_foreach(json_object_get(declaration, "figures"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && strcmp(name, figure) == 0)
            json_object_foreach((json_t *)changes, field, value) json_object_del(one, field);
    }
}

static int check(const char *path, const char *before, const char *after, const char *figure,
    const json_t *changes)
{
    json_t *old = NULL, *new = NULL;
    int status = declaration_of(path, before, &old);
    if (status == ASSAY_OK)
        status = declaration_of(path, after, &new);
    if (status == ASSAY_OK) {
        strip(old, figure, changes);
        strip(new, figure, changes);
        if (!json_equal(old, new))
            status = assay_fail(ASSAY_EINVAL,
                "%s: figure %s can't be changed alone: other parts of the declaration would "
                "change with it",
                path, figure);
    }
    json_decref(old);
    json_decref(new);
    return status;
}

int assay_rewrite_figure(
    const char *path, const char *text, const char *figure, const json_t *changes, char **out)
{
    char *asked = json_dumps(changes, JSON_COMPACT | JSON_REAL_PRECISION(15));
    struct call call = {.text = text, .figure = figure, .changes = asked};
    int status = asked ? change_text(&call) : assay_fail(ASSAY_ENOMEM, "out of memory");
    if (status == ASSAY_OK)
        status = check(path, text, call.result, figure, changes);
    *out = NULL;
    if (status == ASSAY_OK)
        *out = call.result;
    else
        free(call.result);
    free(call.why);
    free(asked);
    return status;
}
