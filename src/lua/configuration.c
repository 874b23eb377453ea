/* Reading a configuration: an environment whose metatable hears of every global. */
#include "lua/configuration.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"
#include "lua/module.h"
#include "lua/script.h"

enum { MOST_BYTES = 256 << 10, DEEPEST = 8, MOST_NAMES = 64 };
static const size_t most_memory = (size_t)16 << 20;
static const uint64_t most_instructions = 1000000;
static const double most_seconds = 0.2;

typedef struct reading {
    const char *path;
    char *text;
    const assay_config_reader *reader;
} reading;

static reading *reading_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* ---- what is told, and where ---- */

static void tell(lua_State *L, const reading *self, const char *reason)
{
    lua_Debug at;
    int line = -1;
    for (int level = 0; line < 0 && lua_getstack(L, level, &at); level++)
        if (lua_getinfo(L, "Sl", &at) && at.source[0] == '@')
            line = at.currentline;
    char message[1024];
    if (line >= 0)
        snprintf(message, sizeof message, "%s:%d: %s", self->path, line, reason);
    else
        snprintf(message, sizeof message, "%s: %s", self->path, reason);
    self->reader->tell(self->reader->context, message);
}

/* ---- values ---- */

static json_t *to_json(lua_State *L, int at, int depth);

static json_t *list_to_json(lua_State *L, int at, int depth)
{
    json_t *list = json_array();
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, at); i++) {
        lua_rawgeti(L, at, i);
        json_array_append_new(list, to_json(L, lua_gettop(L), depth));
        lua_pop(L, 1);
    }
    return list;
}

static json_t *table_to_json(lua_State *L, int at, int depth)
{
    if (depth == DEEPEST || !lua_checkstack(L, 4))
        return NULL;
    if (lua_rawlen(L, at))
        return list_to_json(L, at, depth + 1);
    json_t *object = json_object();
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            json_object_set_new(object, lua_tostring(L, -2), to_json(L, lua_gettop(L), depth + 1));
    return object;
}

/* NULL, which no array or object takes, for what has no JSON. */
static json_t *to_json(lua_State *L, int at, int depth)
{
    switch (lua_type(L, at)) {
    case LUA_TNIL:
        return json_null();
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, at));
    case LUA_TNUMBER:
        return lua_isinteger(L, at) ? json_integer(lua_tointeger(L, at))
                                    : json_real(lua_tonumber(L, at));
    case LUA_TSTRING:
        return json_string(lua_tostring(L, at));
    case LUA_TTABLE:
        return table_to_json(L, at, depth);
    default:
        return NULL;
    }
}

static void hand_over(lua_State *L, const reading *self, const char *name, int first, int last)
{
    json_t *values = json_array();
    bool whole = true;
    for (int at = first; at <= last; at++)
        whole = json_array_append_new(values, to_json(L, at, 0)) == 0 && whole;
    if (!whole)
        assay_fail(
            ASSAY_EINVAL, "%s takes texts, numbers, true or false, and tables of them", name);
    if (!whole || self->reader->take(self->reader->context, name, values) != ASSAY_OK)
        tell(L, self, assay_errmsg());
    json_decref(values);
}

/* ---- names ---- */

static bool is_one_of(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static bool is_group(const reading *self, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *s = self->reader->settings; *s; s++)
        if (strncmp(*s, name, length) == 0 && (*s)[length] == '.')
            return true;
    return false;
}

static void tell_unknown(lua_State *L, const reading *self, const char *name)
{
    const char *known[MOST_NAMES];
    size_t count = 0;
    char hint[256], reason[512];
    for (const char *const *f = self->reader->functions; *f && count < MOST_NAMES; f++)
        known[count++] = *f;
    for (const char *const *s = self->reader->settings; *s && count < MOST_NAMES; s++)
        known[count++] = *s;
    assay_suggest(name, known, count, hint, sizeof hint);
    snprintf(reason, sizeof reason, "there is nothing called \"%.100s\"%s", name, hint);
    tell(L, self, reason);
}

/* ---- what the environment does ---- */

static int call_function(lua_State *L)
{
    hand_over(L, reading_of(L), lua_tostring(L, lua_upvalueindex(2)), 1, lua_gettop(L));
    return 0;
}

static int itself(lua_State *L)
{
    lua_settop(L, 1);
    return 1;
}

static int do_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* What there is not was told when its name was read: its members are as little, and a call or an
 * assignment does nothing. */
static int read_unknown(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__index", itself}, {"__newindex", do_nothing}, {"__call", itself}, {NULL, NULL}};
    tell_unknown(L, reading_of(L), luaL_tolstring(L, 2, NULL));
    lua_newtable(L);
    luaL_newlib(L, methods);
    lua_setmetatable(L, -2);
    return 1;
}

static void assign(lua_State *L, const reading *self, const char *name, int value)
{
    if (is_one_of(self->reader->settings, name))
        hand_over(L, self, name, value, value);
    else
        tell_unknown(L, self, name);
}

/* group.name = value; the second upvalue is the group's name. */
static int assign_member(lua_State *L)
{
    const char *name = lua_pushfstring(
        L, "%s.%s", lua_tostring(L, lua_upvalueindex(2)), luaL_tolstring(L, 2, NULL));
    assign(L, reading_of(L), name, 3);
    return 0;
}

/* group = { name = value, ... } */
static void assign_group(lua_State *L, const reading *self, const char *group, int value)
{
    for (lua_pushnil(L); lua_next(L, value); lua_pop(L, 3)) {
        lua_pushvalue(L, -2); /* the key itself stays what it is */
        const char *name = lua_pushfstring(L, "%s.%s", group, lua_tostring(L, -1));
        assign(L, self, name, lua_gettop(L) - 2);
    }
}

static int assign_global(lua_State *L)
{
    const reading *self = reading_of(L);
    const char *name = luaL_tolstring(L, 2, NULL);
    if (is_group(self, name) && lua_istable(L, 3))
        assign_group(L, self, name, 3);
    else
        assign(L, self, name, 3);
    return 0;
}

/* ---- the environment ---- */

static void push_metamethod(lua_State *L, reading *self, lua_CFunction function, const char *name)
{
    lua_pushlightuserdata(L, self);
    lua_pushstring(L, name);
    lua_pushcclosure(L, function, 2);
}

/* Make the table on top one whose unknown names are heard of. */
static void listen(lua_State *L, reading *self, lua_CFunction assigned, const char *name)
{
    lua_newtable(L);
    push_metamethod(L, self, assigned, name);
    lua_setfield(L, -2, "__newindex");
    push_metamethod(L, self, read_unknown, name);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

/* Groups stand in the table behind the environment: an assignment to one is heard of, too. */
static int read_global(lua_State *L)
{
    reading *self = reading_of(L);
    const char *name = luaL_tolstring(L, 2, NULL);
    if (!is_group(self, name))
        return read_unknown(L);
    lua_newtable(L);
    listen(L, self, assign_member, name);
    return 1;
}

static void push_environment(lua_State *L, reading *self)
{
    static const char *const removed[] = {"assay", "require", "import", "collectgarbage",
        "coroutine", "debug", "dofile", "io", "load", "loadfile", "os", "package", "warn"};
    assay_bare_environment(L);
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, removed[i]);
    }
    for (const char *const *f = self->reader->functions; *f; f++) {
        push_metamethod(L, self, call_function, *f);
        lua_setfield(L, -2, *f);
    }
    listen(L, self, assign_global, "");
    luaL_getmetafield(L, -1, "__metatable"); /* false: the metatable can't be had by Lua */
    lua_pop(L, 1);
    lua_getmetatable(L, -1);
    push_metamethod(L, self, read_global, "");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

static int run_file(lua_State *L)
{
    reading *self = lua_touserdata(L, 1);
    const char *text = self->text;
    assay_order_install(L);
    lua_pushcfunction(L, luaopen_assay);
    lua_call(L, 0, 0);
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    const char *name = lua_pushfstring(L, "@%s", self->path);
    if (luaL_loadbufferx(L, text, strlen(text), name, "t") != LUA_OK)
        return lua_error(L);
    push_environment(L, self);
    lua_setupvalue(L, -2, 1);
    assay_bare_arm(L, most_instructions, most_seconds, "a configuration", "");
    lua_call(L, 0, 0);
    return 0;
}

static int read_text(const char *path, char **out)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(MOST_BYTES + 1);
    int status = ASSAY_OK;
    if (!file)
        status = assay_fail(
            errno == ENOENT ? ASSAY_ENOTFOUND : ASSAY_EIO, "%s: %s", path, strerror(errno));
    else if (!text)
        status = assay_fail(ASSAY_ENOMEM, "%s: not enough memory", path);
    if (status == ASSAY_OK) {
        size_t size = fread(text, 1, MOST_BYTES + 1, file);
        if (ferror(file))
            status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
        else if (size > MOST_BYTES)
            status = assay_fail(ASSAY_ESCRIPT, "%s: is larger than %d KiB", path, MOST_BYTES >> 10);
        else
            text[size] = '\0';
    }
    if (file)
        fclose(file);
    if (status != ASSAY_OK) {
        free(text);
        return status;
    }
    *out = text;
    return ASSAY_OK;
}

int assay_config_read(const char *path, const assay_config_reader *reader)
{
    reading self = {.path = path, .reader = reader};
    assay_limits limits = {.most_memory = most_memory};
    int status = read_text(path, &self.text);
    if (status == ASSAY_ENOTFOUND)
        return status;
    lua_State *L = status == ASSAY_OK ? assay_bare_new(&limits) : NULL;
    if (status == ASSAY_OK && !L)
        status = assay_fail(ASSAY_ENOMEM, "%s: not enough memory", path);
    if (status == ASSAY_OK) {
        lua_pushcfunction(L, run_file);
        lua_pushlightuserdata(L, &self);
        if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
            const char *why = lua_tostring(L, -1);
            status = assay_fail(ASSAY_ESCRIPT, "%s", why ? why : "an error without words");
        }
    }
    if (status != ASSAY_OK)
        reader->tell(reader->context, assay_errmsg());
    if (L)
        lua_close(L);
    free(self.text);
    return status;
}
