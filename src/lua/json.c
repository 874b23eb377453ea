/*
 * assay.json: encode and decode.
 *
 * Decoding is jansson's parser; encoding writes its own text, because doubles should print in the
 * fewest digits that read back the same (jansson prints 17), and whole doubles as "1.0", so that
 * integers and floats survive the round trip.
 *
 * An empty table is an object unless assay.json.array marked it; decoded arrays are marked. JSON's
 * null is assay.json.null, or NaN with the option null = "nan". NaN and infinities have no JSON:
 * they are an error that names where they are, or null with nan = "null".
 */
#include "lua/args.h"
#include "lua/module.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY "assay.json.array"
#define DOCUMENT "assay.json.document"

enum { DEEPEST = 1000 };

/* ---- encoding ---- */

/* Text that grows in a userdata at a fixed place of the stack: a luaL_Buffer would want the stack
 * for itself. */
typedef struct writer {
    lua_State *L;
    int slot;
    char *text;
    size_t used, room;
    int indent;
    bool sort, nan_is_null;
} writer;

/* Where in the value the encoder is, from the inside out. */
typedef struct place {
    const struct place *parent;
    const char *key;
    lua_Integer index;
    int depth;
} place;

static void put(writer *w, const char *text, size_t size)
{
    if (size > w->room - w->used) {
        size_t room = 2 * w->room + size;
        char *grown = lua_newuserdatauv(w->L, room, 0);
        if (w->used)
            memcpy(grown, w->text, w->used);
        lua_replace(w->L, w->slot);
        w->text = grown;
        w->room = room;
    }
    memcpy(w->text + w->used, text, size);
    w->used += size;
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_newline(writer *w, int depth)
{
    if (w->indent == 0)
        return;
    put(w, "\n", 1);
    for (int i = 0; i < depth * w->indent; i++)
        put(w, " ", 1);
}

/* "value.rows[3].x" */
static const char *push_place(lua_State *L, const place *at)
{
    if (!at)
        return lua_pushliteral(L, "value");
    const char *outer = push_place(L, at->parent);
    const char *whole = at->key ? lua_pushfstring(L, "%s.%s", outer, at->key)
                                : lua_pushfstring(L, "%s[%I]", outer, (LUAI_UACINT)at->index);
    lua_remove(L, -2);
    return whole;
}

static void put_value(writer *w, const place *at);

static void put_double(writer *w, double x, const place *at)
{
    if (!isfinite(x)) {
        if (!w->nan_is_null) {
            const char *text = isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
            assay_arg_error(w->L, "%s is %s, which JSON lacks (nan = \"null\" writes null)",
                push_place(w->L, at), text);
        }
        put_text(w, "null");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    put_text(w, text);
    if (!strpbrk(text, ".e"))
        put(w, ".0", 2);
}

/* Bytes of the UTF-8 character at text (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t utf8_size(const unsigned char *text, size_t left)
{
    static const struct {
        unsigned char from, to;
        size_t size;
        unsigned char second_from, second_to;
    } forms[] = {{0x00, 0x7F, 1, 0, 0}, {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
        {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
        {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text[0] < forms[i].from || text[0] > forms[i].to)
            continue;
        if (left < forms[i].size)
            return 0;
        if (forms[i].size > 1 && (text[1] < forms[i].second_from || text[1] > forms[i].second_to))
            return 0;
        for (size_t j = 2; j < forms[i].size; j++)
            if (text[j] < 0x80 || text[j] > 0xBF)
                return 0;
        return forms[i].size;
    }
    return 0;
}

static void put_string(writer *w, const char *text, size_t size, const place *at)
{
    put(w, "\"", 1);
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)text[i];
        size_t bytes = utf8_size((const unsigned char *)text + i, size - i);
        if (bytes == 0)
            assay_arg_error(w->L, "%s is a string that is not UTF-8 (byte %zu is 0x%02x)",
                push_place(w->L, at), i + 1, c);
        if (c == '"' || c == '\\') {
            put(w, "\\", 1);
            put(w, text + i, 1);
        } else if (c == '\n') {
            put(w, "\\n", 2);
        } else if (c == '\t') {
            put(w, "\\t", 2);
        } else if (c < 0x20 || c == 0x7F) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", c);
            put_text(w, escape);
        } else {
            put(w, text + i, bytes);
        }
        i += bytes;
    }
    put(w, "\"", 1);
}

/* Between an array's or object's elements: `open` before the first. */
static void put_separator(writer *w, bool first, const char *open, int depth)
{
    put_text(w, first ? open : ",");
    put_newline(w, depth + 1);
}

static void put_close(writer *w, bool empty, const char *both, const char *close, int depth)
{
    if (empty) {
        put_text(w, both);
        return;
    }
    put_newline(w, depth);
    put_text(w, close);
}

static int depth_of(const place *at)
{
    return at ? at->depth : 0;
}

static void put_array(writer *w, int table, lua_Integer n, const place *at)
{
    place here = {at, NULL, 0, depth_of(at) + 1};
    for (lua_Integer i = 1; i <= n; i++) {
        put_separator(w, i == 1, "[", depth_of(at));
        here.index = i;
        lua_rawgeti(w->L, table, i);
        put_value(w, &here);
        lua_pop(w->L, 1);
    }
    put_close(w, n == 0, "[]", "]", depth_of(at));
}

static void put_numbers(writer *w, const double *x, size_t n, const place *at)
{
    place here = {at, NULL, 0, depth_of(at) + 1};
    put(w, "[", 1);
    for (size_t i = 0; i < n; i++) {
        if (i)
            put(w, ",", 1);
        here.index = (lua_Integer)i + 1;
        put_double(w, x[i], &here);
    }
    put(w, "]", 1);
}

static void put_matrix(writer *w, const assay_matrix *m, const place *at)
{
    place here = {at, NULL, 0, depth_of(at) + 1};
    for (size_t i = 0; i < m->rows; i++) {
        put_separator(w, i == 0, "[", depth_of(at));
        here.index = (lua_Integer)i + 1;
        put_numbers(w, assay_matrix_row(m, i), m->cols, &here);
    }
    put_close(w, m->rows == 0, "[]", "]", depth_of(at));
}

static void put_member(writer *w, bool first, const place *at)
{
    lua_State *L = w->L; /* key, value on top */
    size_t size = 0;
    const char *key = lua_tolstring(L, -2, &size);
    place here = {at, key, 0, depth_of(at) + 1};
    put_separator(w, first, "{", depth_of(at));
    put_string(w, key, size, &here);
    put_text(w, w->indent ? ": " : ":");
    put_value(w, &here);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys point into the table's own strings. */
static void put_sorted(writer *w, int table, size_t n, const place *at)
{
    lua_State *L = w->L;
    size_t i = 0;
    const char **keys = lua_newuserdatauv(L, n * sizeof *keys, 0);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        keys[i++] = lua_tostring(L, -2);
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (i = 0; i < n; i++) {
        lua_pushstring(L, keys[i]);
        lua_pushvalue(L, -1);
        lua_rawget(L, table);
        put_member(w, i == 0, at);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static void put_object(writer *w, int table, size_t n, const place *at)
{
    lua_State *L = w->L;
    bool first = true;
    if (w->sort && n > 0) {
        put_sorted(w, table, n, at);
        first = false;
    }
    if (!w->sort)
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            put_member(w, first, at);
            first = false;
        }
    put_close(w, first, "{}", "}", depth_of(at));
}

static bool is_marked(lua_State *L, int table)
{
    if (!lua_getmetatable(L, table))
        return false;
    luaL_getmetatable(L, ARRAY);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

/* What __pairs of the table on top gives, as a plain table in its place. */
static void resolve_pairs(lua_State *L)
{
    if (luaL_getmetafield(L, -1, "__pairs") == LUA_TNIL)
        return;
    lua_pushvalue(L, -2);
    lua_call(L, 1, 3);
    lua_newtable(L);
    lua_insert(L, -4); /* table, plain, iterator, state, control */
    for (;;) {
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        lua_call(L, 2, 2);
        if (lua_isnil(L, -2))
            break;
        lua_pushvalue(L, -2); /* plain, iterator, state, control, key, value, key */
        lua_insert(L, -2);
        lua_rawset(L, -7);
        lua_replace(L, -2);
    }
    lua_pop(L, 5);
    lua_replace(L, -2);
}

static void put_table(writer *w, const place *at)
{
    lua_State *L = w->L;
    if (depth_of(at) >= DEEPEST)
        assay_arg_error(
            L, "value is nested deeper than %d tables (does one contain itself?)", DEEPEST);
    resolve_pairs(L);
    int table = lua_gettop(L);
    size_t positions = 0, names = 0;
    lua_Integer n = (lua_Integer)lua_rawlen(L, table), last = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            names++;
            if (strlen(lua_tostring(L, -2)) != lua_rawlen(L, -2))
                assay_arg_error(L, "%s has a key with an embedded zero", push_place(L, at));
        } else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1) {
            positions++;
            last = lua_tointeger(L, -2) > last ? lua_tointeger(L, -2) : last;
        } else {
            const char *key = luaL_tolstring(L, -2, NULL);
            assay_arg_error(L, "%s has the key %s: keys must be names or positions from 1",
                push_place(L, at), key);
        }
    }
    bool array = is_marked(L, table) || positions > 0;
    if (array && names > 0)
        assay_arg_error(L, "%s has both positions and names: it is neither an array nor an object",
            push_place(L, at));
    if (array && ((size_t)last != positions || n != last))
        assay_arg_error(L,
            "%s has %zu elements but the last position is %lld: an array has no holes",
            push_place(L, at), positions, (long long)last);
    if (array)
        put_array(w, table, n, at);
    else
        put_object(w, table, names, at);
}

/* The value on top of the stack. */
static void put_value(writer *w, const place *at)
{
    lua_State *L = w->L;
    luaL_checkstack(L, 16, "value is nested too deep");
    const assay_matrix *m = NULL;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        put_text(w, lua_toboolean(L, -1) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) {
            char text[32];
            snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(L, -1));
            put_text(w, text);
        } else {
            put_double(w, lua_tonumber(L, -1), at);
        }
        return;
    case LUA_TSTRING: {
        size_t size = 0;
        const char *text = lua_tolstring(L, -1, &size);
        put_string(w, text, size, at);
        return;
    }
    case LUA_TTABLE:
        put_table(w, at);
        return;
    case LUA_TNIL:
        put_text(w, "null");
        return;
    default:
        if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == NULL) {
            put_text(w, "null");
        } else if ((m = luaL_testudata(L, -1, ASSAY_LUA_MATRIX))) {
            put_matrix(w, m, at);
        } else if ((m = luaL_testudata(L, -1, ASSAY_LUA_ROW))) {
            put_numbers(w, m->data, m->cols, at);
        } else {
            const char *kind = luaL_typename(L, -1);
            assay_arg_error(L, "%s is a %s, which JSON lacks", push_place(L, at), kind);
        }
    }
}

int assay_lua_json_encode(lua_State *L)
{
    static const char *const known[] = {"indent", "sort", "nan", NULL};
    static const char *const nan_choices[] = {"error", "null", NULL};
    assay_opts_check(L, 2, known);
    writer w = {.L = L, .slot = 3};
    w.indent = (int)assay_opt_integer(L, 2, "indent", 0, 0, 16);
    w.sort = assay_opt_boolean(L, 2, "sort", true);
    w.nan_is_null = assay_opt_choice(L, 2, "nan", 0, nan_choices) == 1;
    lua_settop(L, 3);
    lua_pushvalue(L, 1);
    put_value(&w, NULL);
    lua_pushlstring(L, w.used ? w.text : "", w.used);
    return 1;
}

/* ---- decoding ---- */

static int document_free(lua_State *L)
{
    json_t **document = lua_touserdata(L, 1);
    json_decref(*document);
    *document = NULL;
    return 0;
}

static void push_json(lua_State *L, const json_t *value, bool null_is_nan);

static void push_json_array(lua_State *L, const json_t *value, bool null_is_nan)
{
    size_t n = json_array_size(value);
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        push_json(L, json_array_get(value, i), null_is_nan);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    luaL_setmetatable(L, ARRAY);
}

static void push_json_object(lua_State *L, const json_t *value, bool null_is_nan)
{
    json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators only read it */
    lua_createtable(L, 0, (int)json_object_size(object));
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        lua_pushstring(L, json_object_iter_key(i));
        push_json(L, json_object_iter_value(i), null_is_nan);
        lua_rawset(L, -3);
    }
}

static void push_json(lua_State *L, const json_t *value, bool null_is_nan)
{
    luaL_checkstack(L, 8, "text is nested too deep");
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        push_json_object(L, value, null_is_nan);
        break;
    case JSON_ARRAY:
        push_json_array(L, value, null_is_nan);
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(value));
        break;
    case JSON_NULL:
        if (null_is_nan)
            lua_pushnumber(L, (lua_Number)NAN);
        else
            lua_pushlightuserdata(L, NULL);
        break;
    }
}

/* The recursion is jansson's and ours: refuse before either goes too deep. */
static void check_depth(lua_State *L, const char *text, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (quoted) {
            i += text[i] == '\\';
            quoted = i < size && text[i] != '"';
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == '[' || text[i] == '{') {
            if (++depth > DEEPEST)
                assay_arg_error(L, "text is nested deeper than %d levels", DEEPEST);
        } else if (text[i] == ']' || text[i] == '}') {
            depth--;
        }
    }
}

static int decode(lua_State *L)
{
    static const char *const known[] = {"null", NULL};
    static const char *const null_choices[] = {"null", "nan", NULL};
    if (lua_type(L, 1) != LUA_TSTRING)
        assay_arg_string(L, 1, "text");
    size_t size = 0;
    const char *text = lua_tolstring(L, 1, &size);
    assay_opts_check(L, 2, known);
    bool null_is_nan = assay_opt_choice(L, 2, "null", 0, null_choices) == 1;
    check_depth(L, text, size);

    json_t **document = lua_newuserdatauv(L, sizeof *document, 0);
    *document = NULL;
    luaL_setmetatable(L, DOCUMENT);
    json_error_t error;
    *document =
        json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!*document)
        return assay_arg_error(L, "line %d, column %d: %s", error.line, error.column, error.text);
    push_json(L, *document, null_is_nan);
    json_decref(*document);
    *document = NULL;
    return 1;
}

/* array([t]): t, or a new table, marked as an array. */
static int array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
    } else if (!lua_istable(L, 1)) {
        return assay_arg_error(L, "list must be a table, got a %s", luaL_typename(L, 1));
    }
    luaL_setmetatable(L, ARRAY);
    return 1;
}

int assay_lua_json(lua_State *L)
{
    luaL_newmetatable(L, ARRAY);
    luaL_newmetatable(L, DOCUMENT);
    lua_pushcfunction(L, document_free);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    assay_lua_push_function(L, "json.encode", assay_lua_json_encode);
    lua_setfield(L, -2, "encode");
    assay_lua_push_function(L, "json.decode", decode);
    lua_setfield(L, -2, "decode");
    assay_lua_push_function(L, "json.array", array);
    lua_setfield(L, -2, "array");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
