/*
 * Rows for Lua: a table of C (data/table.h) seen through views, so that a million rows do not
 * become Lua tables. assay.rows(list) makes one of a script's own; a claim's check gets that of its
 * run.
 *
 * A view is the row numbers that it lets through, over a table that may go before the view does (a
 * check may keep its rows in a global): the table is then marked gone, and every access says so.
 * Methods that are statistics are written in Lua, in rows.lua, on top of these.
 */
#include "lua/rows.h"

#include <lauxlib.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/stats.h"
#include "core/status.h"
#include "lua/args.h"
#include "lua/module.h"

#define ROWS "assay.rows"
#define SOURCE "assay.rows.source"

enum { MOST_KEYS = 8 }; /* columns that a group may be named by */

typedef struct source {
    const assay_table *table; /* NULL once it is gone */
    assay_table *owned;       /* freed with the source */
} source;

typedef struct view {
    source *source; /* kept alive by user value 1 */
    size_t count;
    size_t row[];
} view;

static view *check_view(lua_State *L, int at)
{
    view *self = luaL_testudata(L, at, ROWS);
    if (!self)
        assay_arg_error(L, "must be called as a method of rows");
    else if (!self->source->table)
        assay_arg_error(L, "the rows are gone: they are there while a claim is checked");
    return self;
}

static size_t column_of(lua_State *L, const view *self, const char *name)
{
    size_t column = 0;
    assay_arg_status(L, assay_table_find(self->source->table, name, &column));
    return column;
}

static size_t column_argument(lua_State *L, const view *self, int at)
{
    return column_of(L, self, assay_arg_string(L, at, "column"));
}

/* Push a view of `count` rows, to be filled; the source is that of the view at `of`. */
static view *push_view(lua_State *L, int of, size_t count)
{
    of = lua_absindex(L, of);
    source *table = ((view *)lua_touserdata(L, of))->source;
    if (count > (SIZE_MAX - sizeof(view)) / sizeof(size_t))
        assay_arg_error(L, "too many rows");
    view *out = lua_newuserdatauv(L, sizeof *out + count * sizeof out->row[0], 1);
    out->source = table;
    out->count = count;
    lua_getiuservalue(L, of, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, ROWS);
    return out;
}

static void push_datum(lua_State *L, const assay_datum *datum)
{
    if (datum->kind == ASSAY_DATUM_NUMBER)
        lua_pushnumber(L, datum->number);
    else if (datum->kind == ASSAY_DATUM_INTEGER)
        lua_pushinteger(L, (lua_Integer)datum->number);
    else if (datum->kind == ASSAY_DATUM_TEXT)
        lua_pushstring(L, datum->text);
    else
        lua_pushnil(L);
}

static bool is_number(const assay_datum *datum)
{
    return datum->kind == ASSAY_DATUM_NUMBER || datum->kind == ASSAY_DATUM_INTEGER;
}

/* " (cell 12)" where the row tells it, for messages. */
static const char *place(lua_State *L, const assay_table *table, size_t row)
{
    size_t column;
    if (assay_table_find(table, "cell", &column) != ASSAY_OK)
        return lua_pushfstring(L, "row %d", (int)row + 1);
    assay_datum cell = assay_table_get(table, row, column);
    char text[64];
    assay_datum_text(&cell, text, sizeof text);
    return lua_pushfstring(L, "cell %s", text);
}

/* ---- reading ---- */

static int rows_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_view(L, 1)->count);
    return 1;
}

/* rows:columns() -> names */
static int rows_columns(lua_State *L)
{
    const assay_table *table = check_view(L, 1)->source->table;
    lua_newtable(L);
    for (size_t i = 0; i < assay_table_columns(table); i++) {
        lua_pushstring(L, assay_table_name(table, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* rows:get(i, column) -> the i-th row's value, nil when missing */
static int rows_get(lua_State *L)
{
    view *self = check_view(L, 1);
    int64_t i = assay_arg_integer(L, 2, "i", 1, (int64_t)self->count);
    size_t column = column_argument(L, self, 3);
    assay_datum datum = assay_table_get(self->source->table, self->row[i - 1], column);
    push_datum(L, &datum);
    return 1;
}

/* rows:values(column) -> list of those that are not missing */
static int rows_values(lua_State *L)
{
    view *self = check_view(L, 1);
    size_t column = column_argument(L, self, 2);
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < self->count; i++) {
        assay_datum datum = assay_table_get(self->source->table, self->row[i], column);
        if (datum.kind == ASSAY_DATUM_MISSING)
            continue;
        push_datum(L, &datum);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static double number_at(lua_State *L, const view *self, size_t i, size_t column)
{
    const assay_table *table = self->source->table;
    assay_datum datum = assay_table_get(table, self->row[i], column);
    if (!is_number(&datum))
        assay_arg_error(L, "%s is %s in %s, where a number is needed",
            assay_table_name(table, column), datum.kind == ASSAY_DATUM_TEXT ? "a text" : "missing",
            place(L, table, self->row[i]));
    return datum.number;
}

/* rows:column(column) -> matrix of one column; every row must have a number there */
static int rows_column(lua_State *L)
{
    view *self = check_view(L, 1);
    size_t column = column_argument(L, self, 2);
    assay_matrix out = assay_push_matrix(L, self->count, 1);
    for (size_t i = 0; i < self->count; i++)
        *assay_matrix_at(&out, i, 0) = number_at(L, self, i, column);
    return 1;
}

/* The least (sign 1) or greatest (sign -1) number; NaN and missing ones are passed over. */
static int push_extreme(lua_State *L, double sign)
{
    view *self = check_view(L, 1);
    size_t column = column_argument(L, self, 2);
    assay_datum best = {.kind = ASSAY_DATUM_MISSING};
    for (size_t i = 0; i < self->count; i++) {
        assay_datum datum = assay_table_get(self->source->table, self->row[i], column);
        if (is_number(&datum) && !isnan(datum.number) &&
            (best.kind == ASSAY_DATUM_MISSING || sign * datum.number < sign * best.number))
            best = datum;
    }
    if (best.kind == ASSAY_DATUM_MISSING)
        return assay_arg_error(
            L, "no row has a number in %s", assay_table_name(self->source->table, column));
    push_datum(L, &best);
    return 1;
}

static int rows_min(lua_State *L)
{
    return push_extreme(L, 1);
}

static int rows_max(lua_State *L)
{
    return push_extreme(L, -1);
}

/* Push the i-th row as a table. */
static void push_row(lua_State *L, const view *self, size_t i)
{
    const assay_table *table = self->source->table;
    lua_newtable(L);
    for (size_t column = 0; column < assay_table_columns(table); column++) {
        assay_datum datum = assay_table_get(table, self->row[i], column);
        if (datum.kind == ASSAY_DATUM_MISSING)
            continue;
        push_datum(L, &datum);
        lua_setfield(L, -2, assay_table_name(table, column));
    }
}

/* Upvalues: name, view, position. */
static int next_row(lua_State *L)
{
    view *self = check_view(L, lua_upvalueindex(2));
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
    if ((size_t)i >= self->count)
        return 0;
    lua_pushinteger(L, i + 1);
    lua_replace(L, lua_upvalueindex(3));
    push_row(L, self, (size_t)i);
    return 1;
}

/* for row in rows:rows() do ... row.k ... end */
static int rows_rows(lua_State *L)
{
    check_view(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_row, 3);
    return 1;
}

/* ---- choosing ---- */

/* Does the value at `at` name this entry? true is 1 and "true". */
static bool equals(lua_State *L, int at, const assay_datum *datum)
{
    switch (lua_type(L, at)) {
    case LUA_TNUMBER:
        return is_number(datum) && datum->number == lua_tonumber(L, at);
    case LUA_TSTRING:
        return datum->kind == ASSAY_DATUM_TEXT && strcmp(datum->text, lua_tostring(L, at)) == 0;
    case LUA_TBOOLEAN: {
        bool wanted = lua_toboolean(L, at);
        if (datum->kind == ASSAY_DATUM_TEXT)
            return strcmp(datum->text, wanted ? "true" : "false") == 0;
        return is_number(datum) && datum->number == wanted;
    }
    default:
        assay_arg_error(L,
            "a column is compared with numbers, strings, booleans, a list of them, or "
            "a function, got a %s",
            luaL_typename(L, at));
        return false;
    }
}

static bool in_list(lua_State *L, int at, const assay_datum *datum)
{
    bool found = false;
    size_t n = lua_rawlen(L, at);
    for (size_t i = 1; i <= n && !found; i++) {
        lua_rawgeti(L, at, (lua_Integer)i);
        found = equals(L, lua_gettop(L), datum);
        lua_pop(L, 1);
    }
    return found;
}

static bool holds(lua_State *L, int at, const assay_datum *datum)
{
    lua_pushvalue(L, at);
    push_datum(L, datum);
    lua_call(L, 1, 1);
    bool answer = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return answer;
}

/* Keep of `keep` the rows that the criterion at `at` lets through; how many. */
static size_t filter(
    lua_State *L, const view *self, size_t column, int at, size_t *keep, size_t count)
{
    size_t kept = 0;
    int kind = lua_type(L, at);
    for (size_t i = 0; i < count; i++) {
        assay_datum datum = assay_table_get(self->source->table, keep[i], column);
        bool yes = kind == LUA_TFUNCTION ? holds(L, at, &datum)
                   : kind == LUA_TTABLE  ? in_list(L, at, &datum)
                                         : equals(L, at, &datum);
        if (yes)
            keep[kept++] = keep[i];
    }
    return kept;
}

/* rows:where { column = value | {values...} | function(value) } -> rows for which all hold */
static int rows_where(lua_State *L)
{
    view *self = check_view(L, 1);
    if (!lua_istable(L, 2))
        return assay_arg_error(
            L, "needs a table, { column = value }, got a %s", luaL_typename(L, 2));
    lua_settop(L, 2);
    size_t count = self->count;
    size_t *keep = assay_lua_scratch(L, count ? count : 1, sizeof *keep);
    memcpy(keep, self->row, count * sizeof *keep);
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return assay_arg_error(
                L, "columns have names, got a %s as a key", luaL_typename(L, -2));
        size_t column = column_of(L, self, lua_tostring(L, -2));
        count = filter(L, self, column, lua_gettop(L), keep, count);
        lua_pop(L, 1);
    }
    memcpy(push_view(L, 1, count)->row, keep, count * sizeof *keep);
    return 1;
}

/* ---- grouping ---- */

typedef struct order {
    const assay_table *table;
    size_t column[MOST_KEYS], columns;
} order;

static int compare_keys(const order *by, size_t a, size_t b)
{
    int sign = 0;
    for (size_t i = 0; i < by->columns && sign == 0; i++) {
        assay_datum x = assay_table_get(by->table, a, by->column[i]);
        assay_datum y = assay_table_get(by->table, b, by->column[i]);
        sign = assay_datum_compare(&x, &y);
    }
    return sign;
}

/* Equal keys keep the order of the rows. */
static int compare_rows(const void *a, const void *b, void *context)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int sign = compare_keys(context, x, y);
    return sign ? sign : (x > y) - (x < y);
}

/* The columns that the arguments from `first` name: texts, or one list of texts. */
static order read_order(lua_State *L, const view *self, int at)
{
    order by = {.table = self->source->table};
    if (lua_type(L, at) == LUA_TSTRING) {
        by.column[by.columns++] = column_argument(L, self, at);
        return by;
    }
    if (!lua_istable(L, at) || lua_rawlen(L, at) == 0 || lua_rawlen(L, at) > MOST_KEYS)
        assay_arg_error(L, "needs a column or a list of up to %d columns", MOST_KEYS);
    for (size_t i = 1; i <= lua_rawlen(L, at); i++) {
        lua_rawgeti(L, at, (lua_Integer)i);
        by.column[by.columns++] = column_argument(L, self, lua_gettop(L));
        lua_pop(L, 1);
    }
    return by;
}

/* The view's rows sorted by key, as scratch on the stack. */
static size_t *sorted_rows(lua_State *L, const view *self, order *by)
{
    size_t *row = assay_lua_scratch(L, self->count ? self->count : 1, sizeof *row);
    memcpy(row, self->row, self->count * sizeof *row);
    qsort_r(row, self->count, sizeof *row, compare_rows, by);
    return row;
}

static size_t group_end(const order *by, const size_t *row, size_t count, size_t start)
{
    size_t end = start + 1;
    while (end < count && compare_keys(by, row[start], row[end]) == 0)
        end++;
    return end;
}

static void push_key(lua_State *L, const order *by, size_t row)
{
    lua_createtable(L, (int)by->columns, 0);
    for (size_t i = 0; i < by->columns; i++) {
        assay_datum datum = assay_table_get(by->table, row, by->column[i]);
        push_datum(L, &datum);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* rows:split(columns) -> list of rows, list of keys (each a list of values), sorted by key */
static int rows_split(lua_State *L)
{
    view *self = check_view(L, 1);
    order by = read_order(L, self, 2);
    size_t *row = sorted_rows(L, self, &by);
    lua_newtable(L);
    lua_newtable(L);
    lua_Integer n = 0;
    for (size_t start = 0, end; start < self->count; start = end) {
        end = group_end(&by, row, self->count, start);
        memcpy(push_view(L, 1, end - start)->row, row + start, (end - start) * sizeof *row);
        lua_rawseti(L, -3, ++n);
        push_key(L, &by, row[start]);
        lua_rawseti(L, -2, n);
    }
    return 2;
}

/* rows:distinct(column) -> sorted list of the values there are */
static int rows_distinct(lua_State *L)
{
    view *self = check_view(L, 1);
    order by = {self->source->table, {column_argument(L, self, 2)}, 1};
    size_t *row = sorted_rows(L, self, &by);
    lua_newtable(L);
    lua_Integer n = 0;
    for (size_t start = 0; start < self->count; start = group_end(&by, row, self->count, start)) {
        assay_datum datum = assay_table_get(by.table, row[start], by.column[0]);
        if (datum.kind == ASSAY_DATUM_MISSING)
            continue;
        push_datum(L, &datum);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* rows:resample(list of rows, list of positions in it) -> their rows, one after the other, as often
 * as they are named */
static int rows_resample(lua_State *L)
{
    check_view(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t picks, total = 0;
    const size_t *pick = assay_arg_indices(L, 3, "positions", 1, lua_rawlen(L, 2), &picks);
    for (size_t i = 0; i < picks; i++) {
        lua_rawgeti(L, 2, (lua_Integer)pick[i] + 1);
        total += check_view(L, lua_gettop(L))->count;
        lua_pop(L, 1);
    }
    view *out = push_view(L, 1, total);
    size_t used = 0;
    for (size_t i = 0; i < picks; i++) {
        lua_rawgeti(L, 2, (lua_Integer)pick[i] + 1);
        const view *part = lua_touserdata(L, -1);
        memcpy(out->row + used, part->row, part->count * sizeof part->row[0]);
        used += part->count;
        lua_pop(L, 1);
    }
    return 1;
}

/* ---- means over units ---- */

/* The rows, in the order of their units, that have the measure; values beside them. */
typedef struct measured {
    size_t *row;
    double *value;
    size_t count;
} measured;

static void check_unit(lua_State *L, const order *by, size_t row)
{
    for (size_t i = 0; i < by->columns; i++)
        if (assay_table_get(by->table, row, by->column[i]).kind == ASSAY_DATUM_MISSING)
            assay_arg_error(L, "%s is missing in %s, but it is the unit",
                assay_table_name(by->table, by->column[i]), place(L, by->table, row));
}

static measured read_measured(lua_State *L, const view *self, size_t column, order *by)
{
    measured out = {.row = sorted_rows(L, self, by)};
    out.value = assay_lua_doubles(L, self->count ? self->count : 1);
    for (size_t i = 0; i < self->count; i++) {
        size_t row = out.row[i];
        assay_datum datum = assay_table_get(by->table, row, column);
        if (datum.kind == ASSAY_DATUM_MISSING)
            continue;
        const char *name = assay_table_name(by->table, column);
        if (datum.kind == ASSAY_DATUM_TEXT)
            assay_arg_error(L, "%s is the text \"%.40s\" in %s, where a number is needed", name,
                datum.text, place(L, by->table, row));
        if (isnan(datum.number))
            assay_arg_error(L, "%s is NaN in %s", name, place(L, by->table, row));
        check_unit(L, by, row);
        out.row[out.count] = row;
        out.value[out.count++] = datum.number;
    }
    if (out.count == 0)
        assay_arg_error(L, "none of %zu rows has the measure %s", self->count,
            assay_table_name(by->table, column));
    return out;
}

static void push_key_text(lua_State *L, const order *by, size_t row)
{
    luaL_Buffer key;
    luaL_buffinit(L, &key);
    for (size_t i = 0; i < by->columns; i++) {
        char text[256];
        assay_datum datum = assay_table_get(by->table, row, by->column[i]);
        assay_datum_text(&datum, text, sizeof text);
        if (i > 0)
            luaL_addstring(&key, ", ");
        luaL_addstring(&key, text);
    }
    luaL_pushresult(&key);
}

/* rows:unit_means(measure, unit columns) -> means, names of the units: rows of one unit are one
 * observation, their mean. Rows without the measure are of another kind and passed over; NaN errs.
 */
static int rows_unit_means(lua_State *L)
{
    view *self = check_view(L, 1);
    size_t column = column_argument(L, self, 2);
    order by = read_order(L, self, 3);
    measured all = read_measured(L, self, column, &by);
    lua_newtable(L);
    lua_newtable(L);
    lua_Integer n = 0;
    for (size_t start = 0, end; start < all.count; start = end) {
        end = group_end(&by, all.row, all.count, start);
        lua_pushnumber(L, assay_mean(all.value + start, end - start));
        lua_rawseti(L, -3, ++n);
        push_key_text(L, &by, all.row[start]);
        lua_rawseti(L, -2, n);
    }
    return 2;
}

/* ---- making ---- */

/* Push a view of all rows; the source userdata is on top, and goes. */
static void push_all(lua_State *L)
{
    source *of = lua_touserdata(L, -1);
    size_t count = assay_table_rows(of->table);
    view *out = lua_newuserdatauv(L, sizeof *out + count * sizeof out->row[0], 1);
    out->source = of;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        out->row[i] = i;
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, ROWS);
}

static source *push_source(lua_State *L)
{
    source *of = lua_newuserdatauv(L, sizeof *of, 0);
    *of = (source){NULL, NULL};
    luaL_setmetatable(L, SOURCE);
    return of;
}

void assay_rows_push(lua_State *L, const assay_table *table)
{
    push_source(L)->table = table;
    push_all(L);
}

void assay_rows_forget(lua_State *L, int at)
{
    ((view *)lua_touserdata(L, at))->source->table = NULL;
}

static void set_entry(lua_State *L, assay_table *table, int key, int value)
{
    size_t column = 0;
    assay_arg_status(L, assay_table_column(table, lua_tostring(L, key), &column));
    if (lua_isinteger(L, value))
        assay_arg_status(L, assay_table_set_integer(table, column, lua_tointeger(L, value)));
    else if (lua_type(L, value) == LUA_TNUMBER)
        assay_arg_status(L, assay_table_set_number(table, column, lua_tonumber(L, value)));
    else if (lua_type(L, value) == LUA_TSTRING)
        assay_arg_status(L, assay_table_set_text(table, column, lua_tostring(L, value)));
    else if (lua_type(L, value) == LUA_TBOOLEAN)
        assay_arg_status(L, assay_table_set_integer(table, column, lua_toboolean(L, value)));
    else
        assay_arg_error(L, "%s must be a number, a boolean or a text, got a %s",
            lua_tostring(L, key), luaL_typename(L, value));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Append the row at `at`. Its columns come in the order of their names: Lua's order changes. */
static void append_row(lua_State *L, assay_table *table, int at)
{
    enum { MOST_COLUMNS = 256 };
    const char *name[MOST_COLUMNS];
    size_t columns = 0;
    assay_arg_status(L, assay_table_append(table));
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            assay_arg_error(L, "columns have names, got a %s as a key", luaL_typename(L, -2));
        if (columns == MOST_COLUMNS)
            assay_arg_error(L, "a row has at most %d columns", MOST_COLUMNS);
        name[columns++] = lua_tostring(L, -2);
    }
    qsort(name, columns, sizeof *name, compare_names);
    for (size_t i = 0; i < columns; i++) {
        lua_pushstring(L, name[i]);
        lua_pushvalue(L, -1);
        lua_rawget(L, at);
        set_entry(L, table, lua_gettop(L) - 1, lua_gettop(L));
        lua_pop(L, 2);
    }
}

/* assay.rows({ {column = value, ...}, ... }) -> rows */
static int new_rows(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    source *of = push_source(L);
    of->table = of->owned = assay_table_new();
    if (!of->owned)
        return luaL_error(L, "not enough memory");
    for (size_t i = 1; i <= lua_rawlen(L, 1); i++) {
        lua_rawgeti(L, 1, (lua_Integer)i);
        if (!lua_istable(L, -1))
            return assay_arg_error(
                L, "row %d must be a table, got a %s", (int)i, luaL_typename(L, -1));
        append_row(L, of->owned, lua_gettop(L));
        lua_pop(L, 1);
    }
    push_all(L);
    return 1;
}

static int free_source(lua_State *L)
{
    source *of = luaL_checkudata(L, 1, SOURCE);
    assay_table_free(of->owned);
    *of = (source){NULL, NULL};
    return 0;
}

static const luaL_Reg methods[] = {
    {"count", rows_count},
    {"columns", rows_columns},
    {"get", rows_get},
    {"values", rows_values},
    {"column", rows_column},
    {"min", rows_min},
    {"max", rows_max},
    {"rows", rows_rows},
    {"where", rows_where},
    {"split", rows_split},
    {"distinct", rows_distinct},
    {"resample", rows_resample},
    {"unit_means", rows_unit_means},
    {NULL, NULL},
};

/* Pushes assay.rows; rows.lua adds to the methods. */
int assay_lua_rows(lua_State *L)
{
    luaL_newmetatable(L, SOURCE);
    lua_pushcfunction(L, free_source);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newmetatable(L, ROWS);
    lua_newtable(L);
    assay_lua_register_methods(L, "rows", methods);
    lua_setfield(L, -2, "__index");
    lua_getfield(L, -1, "__index");
    lua_getfield(L, -1, "count");
    lua_setfield(L, -3, "__len");
    lua_pop(L, 2);
    assay_lua_push_function(L, "rows", new_rows);
    return 1;
}
