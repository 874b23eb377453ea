/* See cache.h. */
#include "lua/cache.h"

#include <lauxlib.h>
#include <lualib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "lua/args.h"
#include "lua/script.h"
#include "lua/serial.h"

#define USE "assay.cache.use"

enum { MOST_STATE = 64 }; /* bytes of math.random's state */

/* One call: closed when it is left, by an error too. User value 1 keeps math.random's state. */
typedef struct use {
    assay_cache_entry entry;
    const assay_cache_entry **building;
    void *random; /* NULL: there is nothing to restore */
    size_t random_size;
    unsigned char saved[MOST_STATE];
} use;

static int close_use(lua_State *L)
{
    use *self = luaL_checkudata(L, 1, USE);
    if (self->random)
        memcpy(self->random, self->saved, self->random_size);
    self->random = NULL;
    *self->building = NULL;
    assay_cache_end(&self->entry);
    return 0;
}

static use *push_use(lua_State *L, const assay_lua_cache *what)
{
    use *self = lua_newuserdatauv(L, sizeof *self, 1);
    *self = (use){.entry = {.directory = -1, .lock = -1}, .building = what->building};
    if (luaL_newmetatable(L, USE)) {
        lua_pushcfunction(L, close_use);
        lua_setfield(L, -2, "__close");
    }
    lua_setmetatable(L, -2);
    lua_toclose(L, -1);
    return self;
}

/* ---- the entry's name ---- */

/* A part with its length, so that no two lists of parts are one. */
static void add_part(assay_sha256 *sha, const char *part)
{
    uint64_t size = strlen(part);
    assay_sha256_update(sha, &size, sizeof size);
    assay_sha256_update(sha, part, size);
}

static void name_entry(lua_State *L, const assay_lua_cache *what, char name[ASSAY_SHA256_HEX])
{
    assay_sha256 sha;
    assay_sha256_init(&sha);
    add_part(&sha, "assay " PACKAGE_VERSION);
    add_part(&sha, what->version ? "version" : "script");
    lua_getfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_TEXT);
    const char *script = lua_tostring(L, -1);
    add_part(&sha, what->version ? what->version : script ? script : "");
    lua_pop(L, 1);
    add_part(&sha, what->key);
    assay_sha256_final_hex(&sha, name);
}

/* ---- math.random ---- */

/* Push Lua's own math.NAME, or nil. */
static void push_math(lua_State *L, const char *name)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_MATHLIBNAME);
    if (lua_istable(L, -1))
        lua_getfield(L, -1, name);
    else
        lua_pushnil(L);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* Its state is the userdata that math.random has as its upvalue. */
static void save_random(lua_State *L, use *self, int at)
{
    push_math(L, "random");
    if (lua_iscfunction(L, -1) && lua_getupvalue(L, -1, 1)) {
        if (lua_type(L, -1) == LUA_TUSERDATA && lua_rawlen(L, -1) <= MOST_STATE) {
            self->random = lua_touserdata(L, -1);
            self->random_size = lua_rawlen(L, -1);
            memcpy(self->saved, self->random, self->random_size);
            lua_pushvalue(L, -1);
            lua_setiuservalue(L, at, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void seed_random(lua_State *L, const assay_rng *rng)
{
    assay_rng own = assay_rng_split_name(rng, "math.random");
    push_math(L, "randomseed");
    if (!lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    lua_pushinteger(L, (lua_Integer)assay_rng_u64(&own));
    lua_pushinteger(L, (lua_Integer)assay_rng_u64(&own));
    lua_call(L, 2, 0);
}

/* ---- building ---- */

/* Push the value that build(rng) gives, and leave below it the bytes that it is read from. */
static const void *build(lua_State *L, const assay_lua_cache *what, use *self, int at, size_t *size)
{
    assay_rng root = assay_rng_seed(0), rng = assay_rng_split_name(&root, what->key);
    save_random(L, self, at);
    seed_random(L, &rng);
    *what->building = &self->entry;
    lua_pushvalue(L, what->build);
    assay_push_rng(L, rng);
    lua_call(L, 1, 1);
    *what->building = NULL;
    if (lua_isnil(L, -1))
        assay_arg_error(L, "build must return a value, got nil");
    int value = lua_gettop(L);
    const void *bytes = assay_serial_write(L, value, "the built value", size);
    lua_replace(L, value);
    lua_settop(L, value);
    return bytes;
}

/* What is there but can't be read (nobody writes such) is dropped once and built again. */
static int find(lua_State *L, const assay_lua_cache *what, use *self, const char *directory,
    const char *name, bool *found)
{
    *found = false;
    for (int attempt = 0; attempt < 2; attempt++) {
        int status = assay_cache_begin(directory, name, what->waiting, &self->entry);
        if (status != ASSAY_OK || !self->entry.data)
            return status;
        *found = assay_serial_read(L, self->entry.data, self->entry.size);
        if (*found)
            return ASSAY_OK;
        assay_cache_drop(&self->entry);
        assay_cache_end(&self->entry);
    }
    snprintf(self->entry.reason, sizeof self->entry.reason,
        "the cache's entry %.64s can't be read, nor replaced", name);
    return ASSAY_OK;
}

const char *assay_lua_cached(lua_State *L, const assay_lua_cache *what, int *status)
{
    char directory[PATH_MAX], name[ASSAY_SHA256_HEX];
    bool found = false;
    size_t size;
    lua_pushnil(L); /* why it is not kept */
    int reason = lua_gettop(L);
    use *self = push_use(L, what);
    name_entry(L, what, name);
    *status = ASSAY_OK;
    if (assay_cache_directory(directory, sizeof directory))
        snprintf(self->entry.reason, sizeof self->entry.reason, "%s", assay_errmsg());
    else
        *status = find(L, what, self, directory, name, &found);
    if (*status == ASSAY_OK && !found) {
        const void *bytes = build(L, what, self, reason + 1, &size);
        if (assay_cache_put(&self->entry, bytes, size))
            lua_pushstring(L, assay_errmsg());
        else
            lua_pushnil(L);
        lua_replace(L, reason);
        assay_serial_read(L, bytes, size);
    }
    if (*status == ASSAY_OK)
        lua_copy(L, -1, reason + 2);
    lua_settop(L, reason + 2);
    lua_closeslot(L, reason + 1);
    lua_remove(L, reason + 1);
    return lua_tostring(L, reason);
}
