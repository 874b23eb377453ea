/*
 * A value is a letter and what follows:
 *
 *     T F                        true, false
 *     i, n   8 bytes             an integer, a float
 *     s      size, bytes         a string
 *     m      rows, cols, floats  a matrix
 *     t      n, k, values, pairs a table: values of 1..n, then k pairs of key and value
 *     N      size, bytes         a net, as the file that it saves
 *     L      size, bytes         a language model, likewise
 *
 * Sizes and counts are 64 bits. The pairs stand sorted (integers, floats, texts, false, true), so
 * that equal tables have equal bytes: Lua's own order differs from process to process.
 *
 * Writing goes through the value twice, to measure and to write, so that the memory is one block
 * that Lua owns; raw accesses only, so that no script runs in between.
 */
#include "lua/serial.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/args.h"
#include "lua/lm/lm.h"
#include "lua/net.h"

enum { DEEPEST = 100, STACK = 12 };

/* ---- where a value stands, for messages ---- */

typedef struct place {
    const struct place *parent;
    int key; /* stack index, 0: the value at the top */
    int depth;
} place;

typedef struct writer {
    lua_State *L;
    const char *name;
    unsigned char *out; /* NULL: only measure */
    size_t size;
} writer;

static void add_path(lua_State *L, luaL_Buffer *out, const place *at)
{
    char text[64];
    if (!at->parent)
        return;
    add_path(L, out, at->parent);
    if (lua_type(L, at->key) == LUA_TSTRING)
        snprintf(text, sizeof text, ".%.60s", lua_tostring(L, at->key));
    else if (lua_isinteger(L, at->key))
        snprintf(text, sizeof text, "[%lld]", (long long)lua_tointeger(L, at->key));
    else if (lua_type(L, at->key) == LUA_TNUMBER)
        snprintf(text, sizeof text, "[%.14g]", lua_tonumber(L, at->key));
    else
        snprintf(text, sizeof text, "[%s]",
            lua_type(L, at->key) == LUA_TBOOLEAN ? lua_toboolean(L, at->key) ? "true" : "false"
                                                 : luaL_typename(L, at->key));
    luaL_addstring(out, text);
}

static void refuse(const writer *w, const place *at, const char *what)
{
    luaL_Buffer path;
    luaL_checkstack(w->L, STACK, NULL);
    luaL_buffinit(w->L, &path);
    luaL_addstring(&path, w->name);
    add_path(w->L, &path, at);
    luaL_pushresult(&path);
    assay_arg_error(w->L, "%.256s %s", lua_tostring(w->L, -1), what);
}

/* ---- writing ---- */

static void put(writer *w, const void *bytes, size_t size)
{
    if (w->out)
        memcpy(w->out + w->size, bytes, size);
    w->size += size;
}

static void put_letter(writer *w, char letter)
{
    put(w, &letter, 1);
}

static void put_count(writer *w, size_t count)
{
    put(w, &(uint64_t){count}, sizeof(uint64_t));
}

static void put_number(writer *w, int at)
{
    bool whole = lua_isinteger(w->L, at);
    put_letter(w, whole ? 'i' : 'n');
    if (whole)
        put(w, &(int64_t){lua_tointeger(w->L, at)}, sizeof(int64_t));
    else
        put(w, &(double){lua_tonumber(w->L, at)}, sizeof(double));
}

static void put_text(writer *w, int at)
{
    size_t size;
    const char *text = lua_tolstring(w->L, at, &size);
    put_letter(w, 's');
    put_count(w, size);
    put(w, text, size);
}

static void put_matrix(writer *w, const assay_matrix *m)
{
    put_letter(w, 'm');
    put_count(w, m->rows);
    put_count(w, m->cols);
    for (size_t i = 0; i < m->rows && m->cols > 0; i++)
        put(w, assay_matrix_row(m, i), m->cols * sizeof(double));
}

/* Nothing between making and freeing the bytes raises. */
static bool put_model(writer *w, int at)
{
    size_t size = 0;
    unsigned char *bytes = assay_lua_net_bytes(w->L, at, &size);
    const char letter = bytes ? 'N' : 'L';
    if (!bytes)
        bytes = assay_lua_lm_bytes(w->L, at, &size);
    if (!bytes)
        return false;
    put_letter(w, letter);
    put_count(w, size);
    put(w, bytes, size);
    free(bytes);
    return true;
}

static void put_value(writer *w, int at, const place *where);

/* What stands beside 1..n, to be sorted. */
typedef struct key {
    enum { INTEGER, FLOAT, TEXT, BOOLEAN } kind;
    union {
        lua_Integer integer;
        lua_Number number;
        int boolean;
        struct {
            const char *text; /* the table keeps it */
            size_t size;
        };
    };
} key;

static int by_text(const key *a, const key *b)
{
    size_t shared = a->size < b->size ? a->size : b->size;
    int order = shared ? memcmp(a->text, b->text, shared) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int by_key(const void *x, const void *y)
{
    const key *a = x, *b = y;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    switch (a->kind) {
    case INTEGER:
        return (a->integer > b->integer) - (a->integer < b->integer);
    case FLOAT:
        return (a->number > b->number) - (a->number < b->number);
    case BOOLEAN:
        return a->boolean - b->boolean;
    case TEXT:
        break;
    }
    return by_text(a, b);
}

/* 1..n of the table at `at` that are there. */
static lua_Integer sequence(lua_State *L, int at)
{
    lua_Integer n = 0;
    while (lua_rawgeti(L, at, n + 1) != LUA_TNIL) {
        lua_pop(L, 1);
        n++;
    }
    lua_pop(L, 1);
    return n;
}

/* The key at the top, unless it is one of 1..n. */
static bool read_key(writer *w, lua_Integer n, const place *where, key *out)
{
    lua_State *L = w->L;
    int at = lua_gettop(L);
    switch (lua_type(L, at)) {
    case LUA_TSTRING:
        out->kind = TEXT;
        out->text = lua_tolstring(L, at, &out->size);
        return true;
    case LUA_TBOOLEAN:
        out->kind = BOOLEAN;
        out->boolean = lua_toboolean(L, at);
        return true;
    case LUA_TNUMBER:
        out->kind = lua_isinteger(L, at) ? INTEGER : FLOAT;
        if (out->kind == FLOAT)
            out->number = lua_tonumber(L, at);
        else
            out->integer = lua_tointeger(L, at);
        return out->kind == FLOAT || out->integer < 1 || out->integer > n;
    default:
        refuse(w, where, "has a key that is not a string, a number or a boolean");
        return false;
    }
}

/* Push the sorted keys beside 1..n. */
static key *other_keys(writer *w, int at, lua_Integer n, const place *where, size_t *count)
{
    lua_State *L = w->L;
    key found;
    *count = 0;
    for (lua_pushnil(L); lua_next(L, at);) {
        lua_pop(L, 1);
        *count += read_key(w, n, where, &found);
    }
    key *keys = assay_lua_scratch(L, *count ? *count : 1, sizeof *keys);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, at);) {
        lua_pop(L, 1);
        if (read_key(w, n, where, &found))
            keys[i++] = found;
    }
    if (*count)
        qsort(keys, *count, sizeof *keys, by_key);
    return keys;
}

static void push_key(lua_State *L, const key *k)
{
    switch (k->kind) {
    case INTEGER:
        lua_pushinteger(L, k->integer);
        break;
    case FLOAT:
        lua_pushnumber(L, k->number);
        break;
    case BOOLEAN:
        lua_pushboolean(L, k->boolean);
        break;
    case TEXT:
        lua_pushlstring(L, k->text, k->size);
    }
}

/* Push and write t[key] for the key at the top; pop both. */
static void put_entry(writer *w, int table, const place *inside)
{
    lua_pushvalue(w->L, -1);
    lua_rawget(w->L, table);
    put_value(w, lua_gettop(w->L), inside);
    lua_pop(w->L, 2);
}

static void put_table(writer *w, int at, const place *where)
{
    lua_State *L = w->L;
    size_t count;
    if (where->depth == DEEPEST)
        refuse(w, where, "stands deeper than 100 tables (is a table within itself?)");
    if (lua_getmetatable(L, at))
        refuse(w, where, "is a table with a metatable, which can't be kept");
    lua_Integer n = sequence(L, at);
    const key *keys = other_keys(w, at, n, where, &count);
    const place inside = {where, lua_gettop(L) + 1, where->depth + 1};
    put_letter(w, 't');
    put_count(w, (size_t)n);
    put_count(w, count);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_pushinteger(L, i);
        put_entry(w, at, &inside);
    }
    for (size_t i = 0; i < count; i++) {
        push_key(L, &keys[i]);
        put_value(w, inside.key, &inside);
        put_entry(w, at, &inside);
    }
    lua_pop(L, 1); /* the keys */
}

static void put_value(writer *w, int at, const place *where)
{
    luaL_checkstack(w->L, STACK, NULL);
    switch (lua_type(w->L, at)) {
    case LUA_TBOOLEAN:
        put_letter(w, lua_toboolean(w->L, at) ? 'T' : 'F');
        return;
    case LUA_TNUMBER:
        put_number(w, at);
        return;
    case LUA_TSTRING:
        put_text(w, at);
        return;
    case LUA_TTABLE:
        put_table(w, at, where);
        return;
    case LUA_TUSERDATA:
        if (luaL_testudata(w->L, at, ASSAY_LUA_MATRIX)) {
            put_matrix(w, assay_lua_test_matrix(w->L, at));
            return;
        }
        if (put_model(w, at))
            return;
    }
    char what[128];
    bool row = luaL_testudata(w->L, at, ASSAY_LUA_ROW) != NULL;
    snprintf(what, sizeof what,
        "must be a number, a string, a boolean, a matrix, a net, a language model or a table of "
        "these, got %s%s",
        row                   ? "a row of a matrix"
        : lua_isnil(w->L, at) ? ""
                              : "a ",
        row ? "" : luaL_typename(w->L, at));
    refuse(w, where, what);
}

const void *assay_serial_write(lua_State *L, int at, const char *name, size_t *size)
{
    writer w = {.L = L, .name = name};
    const place whole = {0};
    put_value(&w, at, &whole);
    void *out = assay_lua_scratch(L, w.size, 1);
    w.out = out;
    w.size = 0;
    put_value(&w, at, &whole);
    *size = w.size;
    return out;
}

/* ---- reading ---- */

typedef struct reader {
    lua_State *L;
    const unsigned char *data;
    size_t left;
} reader;

static bool take(reader *r, void *out, size_t size)
{
    if (size > r->left)
        return false;
    if (size)
        memcpy(out, r->data, size);
    r->data += size;
    r->left -= size;
    return true;
}

/* A count of things that take at least `each` bytes. */
static bool take_count(reader *r, size_t each, size_t *out)
{
    uint64_t count;
    if (!take(r, &count, sizeof count) || count > r->left / each)
        return false;
    *out = (size_t)count;
    return true;
}

static bool take_text(reader *r)
{
    size_t size;
    if (!take_count(r, 1, &size))
        return false;
    lua_pushlstring(r->L, (const char *)r->data, size);
    r->data += size;
    r->left -= size;
    return true;
}

/* A matrix of no rows or no columns has no bytes that bound the other count. */
static bool take_matrix(reader *r)
{
    uint64_t rows, cols;
    if (!take(r, &rows, sizeof rows) || !take(r, &cols, sizeof cols))
        return false;
    if (rows > PTRDIFF_MAX || cols > PTRDIFF_MAX ||
        (cols && rows > r->left / sizeof(double) / cols))
        return false;
    assay_matrix m = assay_push_matrix(r->L, (size_t)rows, (size_t)cols);
    return take(r, m.data, m.rows * m.cols * sizeof(double));
}

static bool take_model(reader *r, bool (*from_bytes)(lua_State *, const void *, size_t))
{
    size_t size;
    if (!take_count(r, 1, &size) || !from_bytes(r->L, r->data, size))
        return false;
    r->data += size;
    r->left -= size;
    return true;
}

static bool take_value(reader *r, int depth);

/* rawset raises an error for nil and NaN, which can't come of what was written. */
static bool is_key(lua_State *L)
{
    int type = lua_type(L, -1);
    return type == LUA_TSTRING || type == LUA_TBOOLEAN ||
           (type == LUA_TNUMBER && lua_tonumber(L, -1) == lua_tonumber(L, -1));
}

static bool take_table(reader *r, int depth)
{
    size_t n, k;
    if (depth == DEEPEST || !take_count(r, 1, &n) || !take_count(r, 2, &k) || n > INT_MAX ||
        k > INT_MAX)
        return false;
    lua_createtable(r->L, (int)n, (int)k);
    int table = lua_gettop(r->L);
    for (size_t i = 1; i <= n; i++) {
        if (!take_value(r, depth + 1))
            return false;
        lua_rawseti(r->L, table, (lua_Integer)i);
    }
    for (size_t i = 0; i < k; i++) {
        if (!take_value(r, depth + 1) || !is_key(r->L) || !take_value(r, depth + 1))
            return false;
        lua_rawset(r->L, table);
    }
    return true;
}

/* Push a value; false leaves the stack as it may be. */
static bool take_value(reader *r, int depth)
{
    unsigned char letter;
    int64_t integer;
    double number;
    luaL_checkstack(r->L, STACK, NULL);
    if (!take(r, &letter, 1))
        return false;
    switch (letter) {
    case 'T':
    case 'F':
        lua_pushboolean(r->L, letter == 'T');
        return true;
    case 'i':
        if (!take(r, &integer, sizeof integer))
            return false;
        lua_pushinteger(r->L, integer);
        return true;
    case 'n':
        if (!take(r, &number, sizeof number))
            return false;
        lua_pushnumber(r->L, number);
        return true;
    case 's':
        return take_text(r);
    case 'm':
        return take_matrix(r);
    case 'N':
        return take_model(r, assay_lua_net_from_bytes);
    case 'L':
        return take_model(r, assay_lua_lm_from_bytes);
    case 't':
        return take_table(r, depth);
    }
    return false;
}

bool assay_serial_read(lua_State *L, const void *data, size_t size)
{
    reader r = {L, data, size};
    int top = lua_gettop(L);
    if (take_value(&r, 0) && r.left == 0)
        return true;
    lua_settop(L, top);
    return false;
}
