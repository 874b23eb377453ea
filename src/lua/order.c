/*
 * What Lua leaves open, settled for experiments: the order of pairs, the places of equals in
 * table.sort, and where math.random begins.
 *
 * Lua visits keys in the order of a hash whose seed is drawn when a process starts, table.sort
 * draws pivots from the clock when a long list divides badly, and math.random begins anywhere. A
 * sum, a draw or a row that hangs on one of them would differ between a run and its reproduction or
 * its resumed half. The distribution's Lua has no way to set the seed, and a fixed one would still
 * order tables and functions by their addresses; so pairs itself is ordered: numbers by value, then
 * strings by their bytes, then false and true, and all else as Lua has it. Keys that stand in that
 * order already (every plain list) cost one pass more than Lua's pairs. table.sort is a merge sort:
 * equals stay as they were, and nothing is drawn. `next` is Lua's own.
 */
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lua/args.h"
#include "lua/script.h"

/* ---- pairs ---- */

typedef struct key {
    enum { NUMBER, STRING, BOOLEAN, OTHER } kind; /* in the order of the visit */
    bool is_integer;
    lua_Integer integer; /* a boolean's, too */
    lua_Number number;
    const char *text; /* the table keeps it */
    size_t size;
    size_t at; /* as Lua visits */
} key;

static key read_key(lua_State *L, int index, size_t at)
{
    key k = {.kind = OTHER, .at = at};
    int type = lua_type(L, index);
    if (type == LUA_TNUMBER) {
        k.kind = NUMBER;
        k.is_integer = lua_isinteger(L, index);
        k.integer = k.is_integer ? lua_tointeger(L, index) : 0;
        k.number = lua_tonumber(L, index);
    } else if (type == LUA_TSTRING) {
        k.kind = STRING;
        k.text = lua_tolstring(L, index, &k.size);
    } else if (type == LUA_TBOOLEAN) {
        k.kind = BOOLEAN;
        k.integer = lua_toboolean(L, index);
    }
    return k;
}

static int compare_numbers(const key *a, const key *b)
{
    if (a->is_integer && b->is_integer)
        return (a->integer > b->integer) - (a->integer < b->integer);
    return (a->number > b->number) - (a->number < b->number);
}

static int compare_strings(const key *a, const key *b)
{
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_keys(const key *a, const key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    switch (a->kind) {
    case NUMBER:
        return compare_numbers(a, b);
    case STRING:
        return compare_strings(a, b);
    case BOOLEAN:
        return (int)(a->integer - b->integer);
    default:
        return 0;
    }
}

static int by_key(const void *a, const void *b)
{
    const key *x = a, *y = b;
    int order = compare_keys(x, y);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Count the keys of the table at 1; do they stand in order as Lua visits them? */
static bool stand_in_order(lua_State *L, size_t *count)
{
    bool ordered = true;
    key before = {.kind = NUMBER};
    *count = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        key k = read_key(L, -2, ++*count);
        ordered = ordered && (*count == 1 || compare_keys(&before, &k) <= 0);
        before = k;
    }
    return ordered;
}

enum { FEW = 16 }; /* keys that need no memory to be sorted in */

/* Push the list of the table's keys in their order. */
static void push_ordered_keys(lua_State *L, size_t count)
{
    int size = count < INT_MAX ? (int)count : 0;
    key few[FEW], *keys = few;
    size_t at = 0;
    lua_createtable(L, size, 0);
    lua_createtable(L, size, 0); /* as Lua visits them */
    if (count > FEW)
        keys = assay_lua_scratch(L, count, sizeof *keys);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        keys[at] = read_key(L, -2, at);
        lua_pushvalue(L, -2);
        lua_rawseti(L, 3, (lua_Integer)++at);
    }
    qsort(keys, count, sizeof *keys, by_key);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 3, (lua_Integer)keys[i].at + 1);
        lua_rawseti(L, 2, (lua_Integer)i + 1);
    }
    lua_settop(L, 2);
}

/* Upvalues: 1 the list of keys, 2 how many of them were visited. Keys that the loop has emptied are
 * passed over. */
static int next_ordered(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2));
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    while (lua_rawgeti(L, lua_upvalueindex(1), ++at) != LUA_TNIL) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL)
            break;
        lua_settop(L, 1);
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(2));
    return lua_gettop(L) - 1;
}

/* Upvalue 1: Lua's own pairs. */
static int ordered_pairs(lua_State *L)
{
    size_t count;
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    bool plain = lua_istable(L, 1) && luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL;
    lua_settop(L, 1);
    if (!plain || stand_in_order(L, &count)) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    push_ordered_keys(L, count);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_ordered, 2);
    lua_pushvalue(L, 1);
    return 2;
}

/* ---- table.sort ---- */

enum { LEFT = 5, RIGHT = 6 }; /* on the stack, the next entries of two runs; the lists are below */

/* Is the entry at RIGHT to stand before that at LEFT? The comparison is at 2, or nil. */
static bool right_is_first(lua_State *L)
{
    if (lua_isnil(L, 2))
        return lua_compare(L, RIGHT, LEFT, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, RIGHT);
    lua_pushvalue(L, LEFT);
    lua_call(L, 2, 1);
    bool first = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return first;
}

static void fetch(lua_State *L, int from, lua_Integer at, lua_Integer end, int slot)
{
    if (at < end)
        lua_rawgeti(L, from, at);
    else
        lua_pushnil(L);
    lua_replace(L, slot);
}

/* Merge from[begin, middle) and from[middle, end) into to; of equals the left one goes first. */
static void merge(
    lua_State *L, int from, int to, lua_Integer begin, lua_Integer middle, lua_Integer end)
{
    lua_Integer left = begin, right = middle;
    fetch(L, from, left, middle, LEFT);
    fetch(L, from, right, end, RIGHT);
    for (lua_Integer i = begin; i < end; i++) {
        bool take_right = left == middle || (right < end && right_is_first(L));
        lua_pushvalue(L, take_right ? RIGHT : LEFT);
        lua_rawseti(L, to, i);
        if (take_right)
            fetch(L, from, ++right, end, RIGHT);
        else
            fetch(L, from, ++left, middle, LEFT);
    }
}

/* Sort the n entries of the list at 3 with that at 4 as room; which of them has the result. */
static int merge_sort(lua_State *L, lua_Integer n)
{
    int from = 3, to = 4;
    lua_settop(L, RIGHT);
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer begin = 1; begin <= n; begin += 2 * width) {
            lua_Integer middle = begin + width <= n ? begin + width : n + 1;
            lua_Integer end = begin + 2 * width <= n ? begin + 2 * width : n + 1;
            merge(L, from, to, begin, middle, end);
        }
        from = 7 - from;
        to = 7 - to;
    }
    return from;
}

/* Upvalue 1: Lua's own table.sort, which says what is wrong with the arguments. */
static int stable_sort(lua_State *L)
{
    bool usable = lua_istable(L, 1) && (lua_isnoneornil(L, 2) || lua_isfunction(L, 2));
    lua_Integer n = usable ? luaL_len(L, 1) : 0;
    if (!usable || n >= INT_MAX) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 0);
        return 0;
    }
    if (n < 2)
        return 0;
    lua_settop(L, 2);
    lua_createtable(L, (int)n, 0);
    lua_createtable(L, (int)n, 0);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, 1, i);
        lua_rawseti(L, 3, i);
    }
    int sorted = merge_sort(L, n);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, sorted, i);
        lua_seti(L, 1, i);
    }
    return 0;
}

/* ---- math.random ---- */

void assay_order_seed(lua_State *L, uint64_t seed, int64_t index)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_MATHLIBNAME);
    if (lua_getfield(L, -1, "randomseed") == LUA_TFUNCTION) {
        lua_pushinteger(L, (lua_Integer)seed);
        lua_pushinteger(L, index);
        lua_call(L, 2, 0);
        lua_pop(L, 2);
    } else {
        lua_pop(L, 3);
    }
}

/* ---- the whole ---- */

/* Put `by` over LIBRARY.NAME, which becomes its upvalue. */
static void replace(lua_State *L, const char *library, const char *name, lua_CFunction by)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, library);
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, by, 1);
    lua_setfield(L, -2, name);
    lua_pop(L, 2);
}

void assay_order_install(lua_State *L)
{
    replace(L, LUA_GNAME, "pairs", ordered_pairs);
    replace(L, LUA_TABLIBNAME, "sort", stable_sort);
    assay_order_seed(L, 0, 0);
}
