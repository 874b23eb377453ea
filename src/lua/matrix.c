/*
 * assay.matrix: matrices of doubles as Lua values.
 *
 * A matrix userdata holds an assay_matrix and, behind it, its numbers. m[i] is a row: a userdata
 * with a view into the matrix, which it keeps alive. Reading one element past the end gives nil, so
 * that ipairs and table.unpack end there; all else outside is an error.
 */
#include "lua/args.h"
#include "lua/module.h"

#include <stdio.h>
#include <string.h>

#include "core/status.h"

static assay_matrix *self(lua_State *L, const char *what)
{
    assay_matrix *m = assay_lua_test_matrix(L, 1);
    if (!m)
        assay_arg_error(L, "call it with a colon: the first argument must be a %s, got a %s", what,
            luaL_typename(L, 1));
    return m;
}

static assay_matrix *self_matrix(lua_State *L)
{
    return self(L, "matrix");
}

/* 1-based `name` within 1..limit, as 0-based. */
static size_t position(lua_State *L, int at, const char *name, size_t limit)
{
    if (limit == 0)
        assay_arg_error(L, "%s: the matrix is empty", name);
    return (size_t)assay_arg_integer(L, at, name, 1, (int64_t)limit) - 1;
}

/* Any number may be an element, NaN too. */
static double element(lua_State *L, int at)
{
    if (lua_type(L, at) != LUA_TNUMBER)
        assay_arg_number(L, at, "value", 0, 0);
    return lua_tonumber(L, at);
}

/* ---- making ---- */

static int filled(lua_State *L)
{
    int64_t most = (int64_t)1 << 48; /* far beyond memory; their product is checked */
    size_t rows = (size_t)assay_arg_integer(L, 1, "rows", 0, most);
    size_t cols = (size_t)assay_arg_integer(L, 2, "cols", 0, most);
    double value = lua_isnoneornil(L, 3) ? 0 : element(L, 3);
    assay_matrix m = assay_push_matrix(L, rows, cols);
    for (size_t i = 0; i < rows * cols && value != 0; i++)
        m.data[i] = value;
    return 1;
}

static int matrix_copy(lua_State *L)
{
    assay_matrix *from = self_matrix(L);
    assay_matrix to = assay_push_matrix(L, from->rows, from->cols);
    for (size_t i = 0; i < to.rows; i++)
        memcpy(assay_matrix_row(&to, i), assay_matrix_row(from, i), to.cols * sizeof(double));
    return 1;
}

static int matrix(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TNUMBER)
        return filled(L);
    if (assay_lua_test_matrix(L, 1))
        return matrix_copy(L);
    assay_arg_matrix(L, 1, "rows");
    return 1;
}

static int matrix_transpose(lua_State *L)
{
    assay_matrix *from = self_matrix(L);
    assay_matrix to = assay_push_matrix(L, from->cols, from->rows);
    for (size_t i = 0; i < from->rows; i++)
        for (size_t j = 0; j < from->cols; j++)
            *assay_matrix_at(&to, j, i) = *assay_matrix_at(from, i, j);
    return 1;
}

/* matrix:gather(rows): those rows */
static int matrix_gather(lua_State *L)
{
    const assay_matrix *from = self_matrix(L);
    size_t n = 0;
    const size_t *row = assay_arg_indices(L, 2, "rows", 1, from->rows, &n);
    const assay_matrix to = assay_push_matrix(L, n, from->cols);
    for (size_t i = 0; i < n; i++)
        memcpy(assay_matrix_row(&to, i), assay_matrix_row(from, row[i]), to.cols * sizeof(double));
    return 1;
}

/* matrix:flat(): one row of all numbers, row after row */
static int matrix_flat(lua_State *L)
{
    const assay_matrix *from = self_matrix(L);
    const assay_matrix to = assay_push_matrix(L, 1, from->rows * from->cols);
    for (size_t i = 0; i < from->rows; i++)
        memcpy(to.data + i * from->cols, assay_matrix_row(from, i), from->cols * sizeof(double));
    return 1;
}

/* ---- reading and writing ---- */

static void push_row_view(lua_State *L, int parent, const assay_matrix *m, size_t i)
{
    assay_matrix *row = lua_newuserdatauv(L, sizeof *row, 1);
    *row = assay_matrix_view(assay_matrix_row(m, i), 1, m->cols);
    luaL_setmetatable(L, ASSAY_LUA_ROW);
    lua_pushvalue(L, parent);
    lua_setiuservalue(L, -2, 1);
}

/* True when `key` (stack index 2) is n + 1: the end that ipairs looks for. */
static bool is_past_end(lua_State *L, size_t n)
{
    int whole = 0;
    lua_Integer i = lua_tointegerx(L, 2, &whole);
    return lua_type(L, 2) == LUA_TNUMBER && whole && i == (lua_Integer)n + 1;
}

static int method_or_nil(lua_State *L)
{
    lua_getmetatable(L, 1);
    lua_getfield(L, -1, "methods");
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
}

static int matrix_index(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    if (lua_type(L, 2) == LUA_TSTRING)
        return method_or_nil(L);
    if (is_past_end(L, m->rows))
        lua_pushnil(L);
    else
        push_row_view(L, 1, m, position(L, 2, "i", m->rows));
    return 1;
}

/* m[i] = list */
static int matrix_newindex(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    size_t i = position(L, 2, "i", m->rows), n = 0;
    const double *x = assay_arg_vector(L, 3, "row", &n);
    if (n != m->cols)
        assay_arg_error(L, "row must have %zu numbers, got %zu", m->cols, n);
    memmove(assay_matrix_row(m, i), x, n * sizeof *x);
    return 0;
}

static int row_index(lua_State *L)
{
    assay_matrix *row = self(L, "row");
    if (lua_type(L, 2) == LUA_TSTRING)
        return method_or_nil(L);
    if (is_past_end(L, row->cols))
        lua_pushnil(L);
    else
        lua_pushnumber(L, row->data[position(L, 2, "j", row->cols)]);
    return 1;
}

static int row_newindex(lua_State *L)
{
    assay_matrix *row = self(L, "row");
    size_t j = position(L, 2, "j", row->cols);
    row->data[j] = element(L, 3);
    return 0;
}

static int matrix_get(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    size_t i = position(L, 2, "i", m->rows), j = position(L, 3, "j", m->cols);
    lua_pushnumber(L, *assay_matrix_at(m, i, j));
    return 1;
}

static int matrix_set(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    size_t i = position(L, 2, "i", m->rows), j = position(L, 3, "j", m->cols);
    *assay_matrix_at(m, i, j) = element(L, 4);
    return 0;
}

static int matrix_rows(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)self_matrix(L)->rows);
    return 1;
}

static int matrix_cols(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)self_matrix(L)->cols);
    return 1;
}

static int matrix_row(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    assay_push_vector(L, assay_matrix_row(m, position(L, 2, "i", m->rows)), m->cols);
    return 1;
}

static int matrix_column(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    size_t j = position(L, 2, "j", m->cols);
    lua_createtable(L, m->rows < INT32_MAX ? (int)m->rows : 0, 0);
    for (size_t i = 0; i < m->rows; i++) {
        lua_pushnumber(L, *assay_matrix_at(m, i, j));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int matrix_totable(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    lua_createtable(L, m->rows < INT32_MAX ? (int)m->rows : 0, 0);
    for (size_t i = 0; i < m->rows; i++) {
        assay_push_vector(L, assay_matrix_row(m, i), m->cols);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int row_totable(lua_State *L)
{
    assay_matrix *row = self(L, "row");
    assay_push_vector(L, row->data, row->cols);
    return 1;
}

/* ---- metamethods ---- */

static int row_length(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)self(L, "row")->cols);
    return 1;
}

static int matrix_tostring(lua_State *L)
{
    assay_matrix *m = self_matrix(L);
    char text[64];
    snprintf(text, sizeof text, "matrix %zu x %zu", m->rows, m->cols);
    lua_pushstring(L, text);
    return 1;
}

/* A row as its first numbers: "{1.0, 2.0, ...}". */
static int row_tostring(lua_State *L)
{
    enum { SHOWN = 8 };
    assay_matrix *row = self(L, "row");
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    luaL_addchar(&text, '{');
    for (size_t j = 0; j < row->cols && j < SHOWN; j++) {
        if (j)
            luaL_addstring(&text, ", ");
        lua_pushnumber(L, row->data[j]);
        luaL_addvalue(&text);
    }
    luaL_addstring(&text, row->cols > SHOWN ? ", ...}" : "}");
    luaL_pushresult(&text);
    return 1;
}

/* Shapes and numbers are equal; a NaN equals nothing, as elsewhere. */
static int matrix_equal(lua_State *L)
{
    const assay_matrix *a = assay_lua_test_matrix(L, 1), *b = assay_lua_test_matrix(L, 2);
    bool equal = a && b && a->rows == b->rows && a->cols == b->cols;
    for (size_t i = 0; equal && i < a->rows; i++)
        for (size_t j = 0; equal && j < a->cols; j++)
            equal = *assay_matrix_at(a, i, j) == *assay_matrix_at(b, i, j);
    lua_pushboolean(L, equal);
    return 1;
}

static const luaL_Reg matrix_methods[] = {
    {"rows", matrix_rows},
    {"cols", matrix_cols},
    {"get", matrix_get},
    {"set", matrix_set},
    {"row", matrix_row},
    {"column", matrix_column},
    {"copy", matrix_copy},
    {"totable", matrix_totable},
    {"transpose", matrix_transpose},
    {"gather", matrix_gather},
    {"flat", matrix_flat},
    {NULL, NULL},
};

static const luaL_Reg matrix_meta[] = {
    {"__index", matrix_index},
    {"__newindex", matrix_newindex},
    {"__len", matrix_rows},
    {"__tostring", matrix_tostring},
    {"__eq", matrix_equal},
    {NULL, NULL},
};

static const luaL_Reg row_methods[] = {
    {"totable", row_totable},
    {NULL, NULL},
};

static const luaL_Reg row_meta[] = {
    {"__index", row_index},
    {"__newindex", row_newindex},
    {"__len", row_length},
    {"__tostring", row_tostring},
    {"__eq", matrix_equal},
    {NULL, NULL},
};

/* Metamethods complain by the type's name: "matrix: i must be in 1..3, got 4". */
static void new_type(lua_State *L, const char *registry, const char *name, const luaL_Reg *meta,
    const luaL_Reg *methods)
{
    luaL_newmetatable(L, registry);
    for (; meta->name; meta++) {
        assay_lua_push_function(L, name, meta->func);
        lua_setfield(L, -2, meta->name);
    }
    lua_newtable(L);
    assay_lua_register_methods(L, name, methods);
    lua_setfield(L, -2, "methods");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable"); /* what getmetatable shows: scripts can't change the type */
    lua_pop(L, 1);
}

int assay_lua_matrix(lua_State *L)
{
    new_type(L, ASSAY_LUA_MATRIX, "matrix", matrix_meta, matrix_methods);
    new_type(L, ASSAY_LUA_ROW, "row", row_meta, row_methods);
    assay_lua_push_function(L, "matrix", matrix);
    return 1;
}
