/*
 * assay.data.table and write_table: tables whose columns have an order, from and to files.
 *
 *     local t = assay.data.table "in.csv"        -- { names = {"a", "b"}, columns = { a = {...} } }
 *     assay.data.write_table("out.jsonl", t)
 *
 * The format is CSV, JSON lines or a log of samples, by the name's end or the option `format`.
 */
#include <lauxlib.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "data/csv.h"
#include "data/jsonl.h"
#include "data/samples.h"
#include "lua/args.h"
#include "lua/files.h"
#include "lua/module.h"
#include "lua/report.h"

enum { CSV, JSONL, SAMPLES };

static const char *const formats[] = {"csv", "jsonl", "samples", NULL};

/* Option format, else by the end of the name. */
static int take_format(lua_State *L, int options, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *end = dot ? dot + 1 : "";
    if (assay_opt_push(L, options, "format")) {
        lua_pop(L, 1);
        return assay_opt_choice(L, options, "format", CSV, formats);
    }
    if (strcmp(end, "csv") == 0)
        return CSV;
    if (strcmp(end, "jsonl") != 0 && strcmp(end, "ndjson") != 0)
        assay_arg_error(
            L, "%s: a name that doesn't end in .csv or .jsonl needs the option format", path);
    return JSONL;
}

static int read_table(lua_State *L)
{
    static const char *const known[] = {
        "format", "metric", "filter", "skip_failed", "progress", NULL};
    const char *path = assay_arg_string(L, 1, "path");
    assay_table *table = NULL;
    assay_lua_report report;
    assay_opts_check(L, 2, known);
    const int format = take_format(L, 2, path);
    const assay_samples_options options = {assay_opt_string(L, 2, "metric", NULL),
        assay_opt_string(L, 2, "filter", NULL), assay_opt_boolean(L, 2, "skip_failed", false),
        &report.progress};
    assay_lua_report_begin(L, 2, &report);
    if (format == CSV)
        assay_lua_report_end(&report, assay_csv_read(path, &report.progress, &table));
    else if (format == JSONL)
        assay_lua_report_end(&report, assay_jsonl_read(path, &report.progress, &table));
    else
        assay_lua_report_end(&report, assay_samples_import(path, &options, &table, NULL));
    assay_push_named_table(L, table);
    return 1;
}

/* ---- writing ---- */

static int free_table(lua_State *L)
{
    assay_table **slot = lua_touserdata(L, 1);
    assay_table_free(*slot);
    *slot = NULL;
    return 0;
}

/* The entry on top, which is popped. Missing are nil, NaN and "". */
static void set_entry(lua_State *L, assay_table *table, size_t column, const char *name, size_t row)
{
    const int type = lua_type(L, -1);
    int status = ASSAY_OK;
    size_t size = 0;
    const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    if (text && strlen(text) != size)
        assay_arg_error(L, "%s of row %zu has a zero byte", name, row);
    if (type == LUA_TBOOLEAN)
        status = assay_table_set_integer(table, column, lua_toboolean(L, -1));
    else if (lua_isinteger(L, -1))
        status = assay_table_set_integer(table, column, lua_tointeger(L, -1));
    else if (type == LUA_TNUMBER && !isnan(lua_tonumber(L, -1)))
        status = assay_table_set_number(table, column, lua_tonumber(L, -1));
    else if (text && size > 0)
        status = assay_table_set_text(table, column, text);
    else if (type != LUA_TNIL && type != LUA_TNUMBER && !text)
        assay_arg_error(L, "%s of row %zu must be a text, a number or a boolean, got a %s", name,
            row, luaL_typename(L, -1));
    assay_arg_status(L, status);
    lua_pop(L, 1);
}

/* Push the columns of the names, which stand in the list at `names`; the rows of the longest. */
static size_t push_lists(lua_State *L, int names, int columns, size_t count)
{
    size_t rows = 0;
    luaL_checkstack(L, (int)count + 8, "too many columns");
    for (size_t j = 0; j < count; j++) {
        lua_geti(L, names, (lua_Integer)j + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            assay_arg_error(L, "names must be a list of texts, got a %s", luaL_typename(L, -1));
        const char *name = lua_tostring(L, -1); /* the list keeps it */
        lua_pop(L, 1);
        if (lua_getfield(L, columns, name) != LUA_TTABLE)
            assay_arg_error(
                L, "columns must have the list %s, got a %s", name, luaL_typename(L, -1));
        const size_t length = (size_t)luaL_len(L, -1);
        rows = length > rows ? length : rows;
    }
    return rows;
}

static const char *name_at(lua_State *L, int names, size_t j)
{
    lua_geti(L, names, (lua_Integer)j + 1);
    const char *name = lua_tostring(L, -1);
    lua_pop(L, 1);
    return name;
}

/* {names=, columns=} at index 2 as a table that a value on the stack owns. */
static assay_table *take_table(lua_State *L)
{
    luaL_argexpected(L, lua_istable(L, 2), 2, "table {names=, columns=}");
    assay_table **slot = assay_lua_owner(L, sizeof *slot, free_table);
    if (lua_getfield(L, 2, "names") != LUA_TTABLE)
        assay_arg_error(L, "table must have a list names, got a %s", luaL_typename(L, -1));
    const int names = lua_gettop(L);
    if (lua_getfield(L, 2, "columns") != LUA_TTABLE)
        assay_arg_error(L, "table must have columns by name, got a %s", luaL_typename(L, -1));
    const size_t count = (size_t)luaL_len(L, names);
    const size_t rows = push_lists(L, names, names + 1, count);
    size_t column = 0;
    *slot = assay_table_new();
    if (!*slot)
        assay_arg_error(L, "out of memory");
    for (size_t j = 0; j < count; j++)
        assay_arg_status(L, assay_table_column(*slot, name_at(L, names, j), &column));
    if (assay_table_columns(*slot) < count)
        assay_arg_error(L, "names must differ");
    for (size_t i = 0; i < rows; i++) {
        assay_arg_status(L, assay_table_append(*slot));
        for (size_t j = 0; j < count; j++) {
            lua_geti(L, names + 2 + (int)j, (lua_Integer)i + 1);
            set_entry(L, *slot, j, assay_table_name(*slot, j), i + 1);
        }
    }
    return *slot;
}

static int write_table(lua_State *L)
{
    static const char *const known[] = {"format", NULL};
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 3, known);
    const int format = take_format(L, 3, path);
    const assay_table *table = take_table(L);
    FILE *file = fopen(path, "wb");
    if (!file)
        return assay_arg_error(L, "%s: %s", path, strerror(errno));
    int status = format == CSV     ? assay_csv_write(file, table)
                 : format == JSONL ? assay_jsonl_write(file, table)
                                   : assay_samples_write(file, table);
    if (fclose(file) != 0 && !status)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    assay_arg_status(L, status);
    return 0;
}

const luaL_Reg assay_lua_tables[] = {
    {"table", read_table},        /* table(path, {format}): {names=, columns=} */
    {"write_table", write_table}, /* write_table(path, {names=, columns=}, {format}) */
    {NULL, NULL},
};
