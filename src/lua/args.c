/*
 * Arguments of Lua calls, read and range-checked; see args.h.
 *
 * Messages are built in Lua strings, because a Lua error never returns here to free anything.
 * Tables with a metatable are read through it (the prelude's parameter tables are proxies), plain
 * ones raw.
 */
#include "lua/args.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"

/* ---- functions and their names ---- */

/* Every function runs behind this one, which makes absent arguments nil. Without it, a reader that
 * pushes its memory would put it where an absent argument is looked for next. */
static int call_with_all_arguments(lua_State *L)
{
    if (lua_gettop(L) < ASSAY_ARGUMENTS)
        lua_settop(L, ASSAY_ARGUMENTS);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    return lua_tocfunction(L, lua_upvalueindex(2))(L);
}

/* The name is on top, and is replaced by the function. */
static void push_named(lua_State *L, lua_CFunction function)
{
    lua_pushcfunction(L, function);
    lua_pushcclosure(L, call_with_all_arguments, 2);
}

void assay_lua_push_function(lua_State *L, const char *name, lua_CFunction function)
{
    lua_pushstring(L, name);
    push_named(L, function);
}

void assay_lua_register(lua_State *L, const luaL_Reg *functions)
{
    for (; functions->name; functions++) {
        assay_lua_push_function(L, functions->name, functions->func);
        lua_setfield(L, -2, functions->name);
    }
}

void assay_lua_register_methods(lua_State *L, const char *of, const luaL_Reg *methods)
{
    for (; methods->name; methods++) {
        lua_pushfstring(L, "%s:%s", of, methods->name);
        push_named(L, methods->func);
        lua_setfield(L, -2, methods->name);
    }
}

void assay_lua_class(lua_State *L, const char *key, const char *of, const luaL_Reg *methods,
    lua_CFunction end, lua_CFunction text)
{
    luaL_newmetatable(L, key);
    lua_newtable(L);
    assay_lua_register_methods(L, of, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, end);
    lua_setfield(L, -2, "__gc");
    assay_lua_push_function(L, of, text);
    lua_setfield(L, -2, "__tostring");
    lua_pushstring(L, of);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

static const char *function_name(lua_State *L)
{
    int at = lua_upvalueindex(1);
    return lua_type(L, at) == LUA_TSTRING ? lua_tostring(L, at) : NULL;
}

int assay_arg_error(lua_State *L, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *function = function_name(L);
    return function ? luaL_error(L, "%s: %s", function, text) : luaL_error(L, "%s", text);
}

void assay_arg_status(lua_State *L, int status)
{
    if (status == ASSAY_OK)
        return;
    const char *function = function_name(L), *message = assay_errmsg();
    size_t length = function ? strlen(function) : 0;
    if (!function || (strncmp(message, function, length) == 0 && message[length] == ':'))
        luaL_error(L, "%s", message);
    luaL_error(L, "%s: %s", function, message);
}

/* ---- what was got ---- */

/* "a string", "nil", "2.5": numbers by value, the rest by kind. Left on the stack. */
static const char *got(lua_State *L, int at)
{
    if (luaL_testudata(L, at, ASSAY_LUA_MATRIX))
        return lua_pushliteral(L, "a matrix");
    if (luaL_testudata(L, at, ASSAY_LUA_ROW))
        return lua_pushliteral(L, "a row of a matrix");
    if (luaL_testudata(L, at, ASSAY_LUA_RNG))
        return lua_pushliteral(L, "an rng");
    switch (lua_type(L, at)) {
    case LUA_TNONE:
    case LUA_TNIL:
        return lua_pushliteral(L, "nil");
    case LUA_TBOOLEAN:
        return lua_pushstring(L, lua_toboolean(L, at) ? "true" : "false");
    case LUA_TNUMBER:
        if (isnan(lua_tonumber(L, at)))
            return lua_pushliteral(L, "nan"); /* printf may put a sign before it */
        return luaL_tolstring(L, at, NULL);
    default:
        return lua_pushfstring(L, "a %s", luaL_typename(L, at));
    }
}

static void refuse(lua_State *L, int at, const char *name, const char *wanted)
{
    at = lua_absindex(L, at);
    const char *value = got(L, at);
    assay_arg_error(L, "%s must be %s, got %s", name, wanted, value);
}

/* ---- single values ---- */

/* "in 0..1", "greater than 0 and finite", "at least 2" */
static void range_text(double min, double max, char *out, size_t size)
{
    bool plain_min = isfinite(min) && min != ASSAY_POSITIVE && min != -ASSAY_FINITE;
    bool plain_max = isfinite(max) && max != ASSAY_BELOW_1 && max != ASSAY_FINITE;
    char low[64] = "", high[64] = "";
    if (plain_min && plain_max) {
        snprintf(out, size, "in %.14g..%.14g", min, max);
        return;
    }
    if (plain_min)
        snprintf(low, sizeof low, "at least %.14g", min);
    else if (min == ASSAY_POSITIVE)
        snprintf(low, sizeof low, "greater than 0");
    if (plain_max)
        snprintf(high, sizeof high, "at most %.14g", max);
    else if (max == ASSAY_BELOW_1)
        snprintf(high, sizeof high, "less than 1");
    else if (max == ASSAY_FINITE)
        snprintf(high, sizeof high, "finite");
    if (!*low && !*high)
        snprintf(out, size, "a number");
    else
        snprintf(out, size, "%s%s%s", low, *low && *high ? " and " : "", high);
}

double assay_arg_number(lua_State *L, int at, const char *name, double min, double max)
{
    if (lua_type(L, at) != LUA_TNUMBER)
        refuse(L, at, name, "a number");
    double x = lua_tonumber(L, at);
    if (!(x >= min && x <= max)) {
        char range[160];
        range_text(min, max, range, sizeof range);
        refuse(L, at, name, range);
    }
    return x;
}

int64_t assay_arg_integer(lua_State *L, int at, const char *name, int64_t min, int64_t max)
{
    int whole = 0;
    int64_t i = 0;
    if (lua_type(L, at) != LUA_TNUMBER || (i = lua_tointegerx(L, at, &whole), !whole))
        refuse(L, at, name, "an integer");
    if (i < min || i > max) {
        char range[96];
        if (max == INT64_MAX)
            snprintf(range, sizeof range, "at least %lld", (long long)min);
        else if (min == INT64_MIN)
            snprintf(range, sizeof range, "at most %lld", (long long)max);
        else
            snprintf(range, sizeof range, "in %lld..%lld", (long long)min, (long long)max);
        refuse(L, at, name, range);
    }
    return i;
}

bool assay_arg_boolean(lua_State *L, int at, const char *name)
{
    if (!lua_isboolean(L, at))
        refuse(L, at, name, "true or false");
    return lua_toboolean(L, at);
}

const char *assay_arg_bytes(lua_State *L, int at, const char *name, size_t *size)
{
    if (lua_type(L, at) != LUA_TSTRING)
        refuse(L, at, name, "a string");
    return lua_tolstring(L, at, size);
}

const char *assay_arg_string(lua_State *L, int at, const char *name)
{
    size_t length = 0;
    const char *text = assay_arg_bytes(L, at, name, &length);
    if (strlen(text) != length)
        assay_arg_error(L, "%s must be a string without embedded zeros", name);
    return text;
}

static size_t count_names(const char *const *names)
{
    size_t n = 0;
    while (names[n])
        n++;
    return n;
}

int assay_arg_choice(lua_State *L, int at, const char *name, const char *const *choices)
{
    const char *text = assay_arg_string(L, at, name);
    for (int i = 0; choices[i]; i++)
        if (strcmp(text, choices[i]) == 0)
            return i;
    char list[512] = "", hint[512];
    size_t used = 0;
    for (size_t i = 0; choices[i] && used < sizeof list; i++)
        used += (size_t)snprintf(
            list + used, sizeof list - used, "%s\"%s\"", i ? ", " : "", choices[i]);
    assay_suggest(text, choices, count_names(choices), hint, sizeof hint);
    return assay_arg_error(L, "%s must be one of %s, got \"%.100s\"%s", name, list, text,
        strncmp(hint, " (did", 5) == 0 ? hint : "");
}

assay_rng *assay_arg_rng(lua_State *L, int at, const char *name)
{
    assay_rng *rng = luaL_testudata(L, at, ASSAY_LUA_RNG);
    if (!rng)
        refuse(L, at, name, "an rng (assay.rng(seed))");
    return rng;
}

/* ---- memory of a call ---- */

void *assay_lua_owner(lua_State *L, size_t size, lua_CFunction end)
{
    void *owner = lua_newuserdatauv(L, size, 0);
    memset(owner, 0, size);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, end);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return owner;
}

void *assay_lua_scratch(lua_State *L, size_t count, size_t size)
{
    if (size && count > PTRDIFF_MAX / size)
        assay_arg_error(L, "out of memory for %zu values of %zu bytes", count, size);
    luaL_checkstack(L, 8, NULL);
    return lua_newuserdatauv(L, count * size, 0);
}

double *assay_lua_doubles(lua_State *L, size_t n)
{
    return assay_lua_scratch(L, n, sizeof(double));
}

/* ---- lists ---- */

/* A table whose elements come through its metatable. */
static bool is_proxied(lua_State *L, int at)
{
    if (luaL_getmetafield(L, at, "__index") == LUA_TNIL)
        return false;
    lua_pop(L, 1);
    return true;
}

/* Element i from 1; returns its type. */
static int push_element(lua_State *L, int at, bool proxied, size_t i)
{
    return proxied ? lua_geti(L, at, (lua_Integer)i) : lua_rawgeti(L, at, (lua_Integer)i);
}

/* The length of a list; a table with other keys only is not one. */
static size_t list_length(lua_State *L, int at, const char *name, const char *wanted)
{
    if (!lua_istable(L, at))
        refuse(L, at, name, wanted);
    lua_Integer n = luaL_len(L, at);
    if (n > 0)
        return (size_t)n;
    lua_pushnil(L);
    if (lua_next(L, at)) {
        lua_pop(L, 1);
        const char *key = luaL_tolstring(L, -1, NULL);
        assay_arg_error(L, "%s must be %s, got a table with the key \"%s\"", name, wanted, key);
    }
    return 0;
}

static void element_refuse(lua_State *L, const char *name, size_t i, const char *wanted)
{
    const char *value = got(L, lua_gettop(L));
    assay_arg_error(L, "%s[%zu] must be %s, got %s", name, i, wanted, value);
}

static void read_numbers(lua_State *L, int at, const char *name, double *out, size_t n)
{
    const bool proxied = is_proxied(L, at);
    for (size_t i = 0; i < n; i++) {
        if (push_element(L, at, proxied, i + 1) != LUA_TNUMBER)
            element_refuse(L, name, i + 1, "a number");
        out[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

/* ---- vectors and matrices ---- */

assay_matrix *assay_lua_test_matrix(lua_State *L, int at)
{
    assay_matrix *m = luaL_testudata(L, at, ASSAY_LUA_MATRIX);
    return m ? m : luaL_testudata(L, at, ASSAY_LUA_ROW);
}

static const double *vector_of_matrix(
    lua_State *L, int at, const assay_matrix *m, const char *name, size_t *n)
{
    if (m->rows != 1 && m->cols != 1)
        assay_arg_error(
            L, "%s must be a vector, got a matrix of %zu x %zu", name, m->rows, m->cols);
    *n = m->rows * m->cols;
    if (m->rows == 1 || m->stride == 1) {
        lua_pushvalue(L, at);
        return m->data;
    }
    double *copy = assay_lua_doubles(L, *n);
    for (size_t i = 0; i < *n; i++)
        copy[i] = *assay_matrix_at(m, i, 0);
    return copy;
}

const double *assay_arg_vector(lua_State *L, int at, const char *name, size_t *n)
{
    at = lua_absindex(L, at);
    luaL_checkstack(L, 8, NULL);
    const assay_matrix *m = assay_lua_test_matrix(L, at);
    if (m)
        return vector_of_matrix(L, at, m, name, n);
    *n = list_length(L, at, name, "a list of numbers");
    double *x = assay_lua_doubles(L, *n);
    read_numbers(L, at, name, x, *n);
    return x;
}

const double *assay_arg_numbers(lua_State *L, int at, const char *name, size_t *n)
{
    if (lua_type(L, at) != LUA_TNUMBER)
        return assay_arg_vector(L, at, name, n);
    *n = 1;
    return assay_arg_vector_of(L, at, name, 1);
}

const double *assay_arg_vector_of(lua_State *L, int at, const char *name, size_t n)
{
    if (lua_type(L, at) == LUA_TNUMBER) {
        double value = lua_tonumber(L, at);
        double *x = assay_lua_doubles(L, n);
        for (size_t i = 0; i < n; i++)
            x[i] = value;
        return x;
    }
    if (!lua_istable(L, at) && !assay_lua_test_matrix(L, at))
        refuse(L, at, name, "a number or a list of numbers");
    size_t length = 0;
    const double *x = assay_arg_vector(L, at, name, &length);
    if (length != n)
        assay_arg_error(
            L, "%s must be a number or a list of %zu numbers, got %zu", name, n, length);
    return x;
}

const size_t *assay_arg_indices(
    lua_State *L, int at, const char *name, size_t base, size_t limit, size_t *n)
{
    at = lua_absindex(L, at);
    const double *x = assay_arg_vector(L, at, name, n);
    size_t *out = assay_lua_scratch(L, *n, sizeof *out);
    double first = (double)base, count = (double)limit;
    for (size_t i = 0; i < *n; i++) {
        char value[32];
        snprintf(value, sizeof value, "%.14g", x[i]);
        if (!(x[i] == floor(x[i]) && fabs(x[i]) <= 0x1p53))
            assay_arg_error(L, "%s[%zu] must be an integer, got %s", name, i + 1, value);
        if (x[i] < first || x[i] - first >= count) {
            if (limit == 0)
                assay_arg_error(L, "%s must be empty, got %s", name, value);
            if (limit > SIZE_MAX - base)
                assay_arg_error(
                    L, "%s[%zu] must be at least %zu, got %s", name, i + 1, base, value);
            assay_arg_error(L, "%s[%zu] must be in %zu..%zu, got %s", name, i + 1, base,
                base + limit - 1, value);
        }
        out[i] = (size_t)(x[i] - first);
    }
    lua_remove(L, -2);
    return out;
}

/* The flag on top of the stack, the i-th of its list. */
static unsigned char flag_on_top(lua_State *L, int type, const char *name, size_t i)
{
    const double number = type == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    if (type == LUA_TBOOLEAN)
        return (unsigned char)lua_toboolean(L, -1);
    const unsigned char one = number > 0.5;
    if (number != one)
        element_refuse(L, name, i, "true or false (or 1 or 0)");
    return one;
}

static void flags_of_matrix(
    lua_State *L, const assay_matrix *m, const char *name, unsigned char *out)
{
    for (size_t row = 0, i = 0; row < m->rows; row++)
        for (const double *x = assay_matrix_row(m, row), *end = x + m->cols; x < end; x++) {
            out[i] = *x > 0.5; /* no branch on it, which would be mispredicted */
            if (*x != out[i++]) {
                lua_pushnumber(L, *x);
                element_refuse(L, name, i, "true or false (or 1 or 0)");
            }
        }
}

static void flags_of_list(lua_State *L, int at, const char *name, unsigned char *out, size_t n)
{
    const bool proxied = is_proxied(L, at);
    for (size_t i = 0; i < n; i++) {
        const int type = push_element(L, at, proxied, i + 1);
        out[i] = flag_on_top(L, type, name, i + 1);
        lua_pop(L, 1);
    }
}

const unsigned char *assay_arg_flags(lua_State *L, int at, const char *name, size_t *n)
{
    at = lua_absindex(L, at);
    luaL_checkstack(L, 8, NULL);
    const assay_matrix *m = assay_lua_test_matrix(L, at);
    *n = m ? m->rows * m->cols : list_length(L, at, name, "a list of true or false (or 1 or 0)");
    unsigned char *out = assay_lua_scratch(L, *n, 1);
    if (m)
        flags_of_matrix(L, m, name, out);
    else
        flags_of_list(L, at, name, out, *n);
    return out;
}

/* Row i (0-based) of a nested list is on top of the stack: its length, and its numbers into `out`
 * when that is not NULL. */
static size_t nested_row(lua_State *L, const char *name, size_t i, double *out)
{
    int at = lua_gettop(L);
    const assay_matrix *row = assay_lua_test_matrix(L, at);
    if (!row && !lua_istable(L, at))
        element_refuse(L, name, i + 1, "a list of numbers (a row)");
    char row_name[96];
    snprintf(row_name, sizeof row_name, "%s[%zu]", name, i + 1);
    size_t n = 0;
    if (row) {
        const double *x = vector_of_matrix(L, at, row, row_name, &n);
        if (out)
            memcpy(out, x, n * sizeof *out);
        lua_pop(L, 1);
        return n;
    }
    n = list_length(L, at, row_name, "a list of numbers (a row)");
    if (out)
        read_numbers(L, at, row_name, out, n);
    return n;
}

assay_matrix assay_arg_matrix(lua_State *L, int at, const char *name)
{
    at = lua_absindex(L, at);
    luaL_checkstack(L, 8, NULL);
    const assay_matrix *given = assay_lua_test_matrix(L, at);
    if (given) {
        lua_pushvalue(L, at);
        return *given;
    }
    size_t rows = list_length(L, at, name, "a matrix or a list of rows"), cols = 0;
    if (rows) {
        push_element(L, at, is_proxied(L, at), 1);
        cols = nested_row(L, name, 0, NULL);
        lua_pop(L, 1);
    }
    assay_matrix m = assay_push_matrix(L, rows, cols);
    for (size_t i = 0; i < rows; i++) {
        push_element(L, at, is_proxied(L, at), i + 1);
        size_t n = nested_row(L, name, i, NULL);
        if (n != cols)
            assay_arg_error(
                L, "%s[%zu] must have %zu numbers as the first row, got %zu", name, i + 1, cols, n);
        nested_row(L, name, i, assay_matrix_row(&m, i));
        lua_pop(L, 1);
    }
    return m;
}

/* The last position in the row (a table, or a row of a matrix) on top of the stack. */
static size_t last_position(lua_State *L, const char *name, size_t i)
{
    const int at = lua_gettop(L);
    const assay_matrix *row = assay_lua_test_matrix(L, at);
    size_t last = 0;
    if (row)
        return row->rows * row->cols;
    if (!lua_istable(L, at))
        element_refuse(L, name, i + 1, "a list of numbers (a row)");
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        const lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (key < 1)
            assay_arg_error(L, "%s[%zu] must be a list of numbers (a row), got the key \"%s\"",
                name, i + 1, luaL_tolstring(L, -2, NULL));
        if ((size_t)key > last)
            last = (size_t)key;
    }
    return last;
}

/* The row on top of the stack into out, which is all NaN. */
static void read_gappy_row(lua_State *L, const char *name, size_t i, double *out)
{
    const int at = lua_gettop(L);
    if (assay_lua_test_matrix(L, at)) {
        nested_row(L, name, i, out);
        return;
    }
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -1) != LUA_TNUMBER) {
            char row_name[96];
            snprintf(row_name, sizeof row_name, "%s[%zu]", name, i + 1);
            element_refuse(L, row_name, (size_t)lua_tointeger(L, -2), "a number");
        }
        out[lua_tointeger(L, -2) - 1] = lua_tonumber(L, -1);
    }
}

assay_matrix assay_arg_matrix_with_gaps(lua_State *L, int at, const char *name)
{
    at = lua_absindex(L, at);
    luaL_checkstack(L, 8, NULL);
    if (assay_lua_test_matrix(L, at))
        return assay_arg_matrix(L, at, name);
    const size_t rows = list_length(L, at, name, "a matrix or a list of rows");
    size_t cols = 0;
    for (size_t i = 0; i < rows; i++) {
        push_element(L, at, is_proxied(L, at), i + 1);
        const size_t last = last_position(L, name, i);
        cols = last > cols ? last : cols;
        lua_pop(L, 1);
    }
    assay_matrix m = assay_push_matrix(L, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        m.data[i] = NAN;
    for (size_t i = 0; i < rows; i++) {
        push_element(L, at, is_proxied(L, at), i + 1);
        read_gappy_row(L, name, i, assay_matrix_row(&m, i));
        lua_pop(L, 1);
    }
    return m;
}

const size_t *assay_arg_groups(lua_State *L, int at, const char *name, size_t *n)
{
    at = lua_absindex(L, at);
    luaL_checkstack(L, 8, NULL);
    *n = list_length(L, at, name, "a list of texts or numbers");
    size_t *group = assay_lua_scratch(L, *n, sizeof *group), next = 0;
    lua_newtable(L);
    const int numbers = lua_gettop(L);
    for (size_t i = 0; i < *n; i++) {
        push_element(L, at, is_proxied(L, at), i + 1);
        if (lua_type(L, -1) != LUA_TNUMBER && lua_type(L, -1) != LUA_TSTRING)
            element_refuse(L, name, i + 1, "a text or a number");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, numbers) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_pushinteger(L, (lua_Integer)next++);
            lua_rawset(L, numbers);
            group[i] = next - 1;
        } else {
            group[i] = (size_t)lua_tointeger(L, -1);
        }
        lua_settop(L, numbers);
    }
    lua_pop(L, 1);
    return group;
}

/* ---- options ---- */

void assay_opts_check(lua_State *L, int at, const char *const *known)
{
    if (lua_isnoneornil(L, at))
        return;
    at = lua_absindex(L, at);
    if (!lua_istable(L, at))
        refuse(L, at, "options", "a table");
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            assay_arg_error(
                L, "options must have names, got the key %s", luaL_tolstring(L, -2, NULL));
        const char *key = lua_tostring(L, -2);
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i]) {
            char hint[512];
            assay_suggest(key, known, i, hint, sizeof hint);
            assay_arg_error(L, "unknown option \"%.100s\"%s", key, hint);
        }
    }
}

bool assay_opt_push(lua_State *L, int at, const char *key)
{
    luaL_checkstack(L, 8, NULL);
    if (lua_isnoneornil(L, at)) {
        lua_pushnil(L);
        return false;
    }
    return lua_getfield(L, at, key) != LUA_TNIL;
}

double assay_opt_number(
    lua_State *L, int at, const char *key, double absent, double min, double max)
{
    bool there = assay_opt_push(L, at, key);
    double x = there ? assay_arg_number(L, -1, key, min, max) : absent;
    lua_pop(L, 1);
    return x;
}

double assay_opt_required(lua_State *L, int at, const char *key, double min, double max)
{
    const double x = assay_opt_number(L, at, key, NAN, min, max);
    if (isnan(x)) /* a number that is given is not NaN */
        assay_arg_error(L, "%s must be given", key);
    return x;
}

int64_t assay_opt_integer(
    lua_State *L, int at, const char *key, int64_t absent, int64_t min, int64_t max)
{
    bool there = assay_opt_push(L, at, key);
    int64_t x = there ? assay_arg_integer(L, -1, key, min, max) : absent;
    lua_pop(L, 1);
    return x;
}

bool assay_opt_boolean(lua_State *L, int at, const char *key, bool absent)
{
    bool there = assay_opt_push(L, at, key);
    bool x = there ? assay_arg_boolean(L, -1, key) : absent;
    lua_pop(L, 1);
    return x;
}

/* The table keeps the string alive after the pop. */
const char *assay_opt_string(lua_State *L, int at, const char *key, const char *absent)
{
    bool there = assay_opt_push(L, at, key);
    const char *x = there ? assay_arg_string(L, -1, key) : absent;
    lua_pop(L, 1);
    return x;
}

int assay_opt_choice(lua_State *L, int at, const char *key, int absent, const char *const *choices)
{
    bool there = assay_opt_push(L, at, key);
    int x = there ? assay_arg_choice(L, -1, key, choices) : absent;
    lua_pop(L, 1);
    return x;
}

assay_rng *assay_opt_rng(lua_State *L, int at, const char *key)
{
    bool there = assay_opt_push(L, at, key);
    assay_rng *x = there ? assay_arg_rng(L, -1, key) : NULL;
    lua_pop(L, 1);
    return x;
}

assay_rng *assay_required_rng(lua_State *L, int at)
{
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    if (!rng)
        assay_arg_error(L, "rng must be given (assay.rng(seed))");
    return rng;
}

/* ---- results ---- */

/* Whole doubles stay floats: a list of results has one type, whatever its values. */
void assay_push_vector(lua_State *L, const double *x, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void assay_push_indices(lua_State *L, const size_t *x, size_t n, size_t base)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, (lua_Integer)(x[i] + base));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void assay_push_wholes(lua_State *L, const double *x, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, (lua_Integer)x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void assay_set_number(lua_State *L, const char *name, double x)
{
    lua_pushnumber(L, x);
    lua_setfield(L, -2, name);
}

void assay_set_integer(lua_State *L, const char *name, int64_t x)
{
    lua_pushinteger(L, x);
    lua_setfield(L, -2, name);
}

void assay_set_boolean(lua_State *L, const char *name, bool x)
{
    lua_pushboolean(L, x);
    lua_setfield(L, -2, name);
}

void assay_set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void assay_set_vector(lua_State *L, const char *name, const double *x, size_t n)
{
    assay_push_vector(L, x, n);
    lua_setfield(L, -2, name);
}

assay_matrix assay_push_matrix(lua_State *L, size_t rows, size_t cols)
{
    if (cols && rows > (PTRDIFF_MAX - sizeof(assay_matrix)) / sizeof(double) / cols)
        assay_arg_error(L, "out of memory for a matrix of %zu x %zu", rows, cols);
    size_t bytes = rows * cols * sizeof(double);
    assay_matrix *m = lua_newuserdatauv(L, sizeof *m + bytes, 0);
    *m = assay_matrix_view((double *)(void *)(m + 1), rows, cols);
    assay_matrix_advise(m->data, bytes);
    memset(m->data, 0, bytes);
    luaL_setmetatable(L, ASSAY_LUA_MATRIX);
    return *m;
}

void assay_push_rng(lua_State *L, assay_rng rng)
{
    assay_rng *kept = lua_newuserdatauv(L, sizeof *kept, 0);
    *kept = rng;
    luaL_setmetatable(L, ASSAY_LUA_RNG);
}
