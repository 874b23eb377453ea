/*
 * assay.data: files as tables of columns.
 *
 *     local counts = assay.data.csv(assay.data.find "monkeys/math_pythia_counts.csv")
 *     counts.pythia_12b[1]
 *
 * A column is a list. Lists have no holes, so a missing entry is NaN in a column that has numbers
 * and
 * "" in one of texts.
 */
#include <lauxlib.h>
#include <stdbool.h>

#include "core/status.h"
#include "data/csv.h"
#include "data/jsonl.h"
#include "lua/args.h"
#include "lua/files.h"
#include "lua/module.h"
#include "lua/report.h"

static bool has_numbers(const assay_table *table, size_t column)
{
    for (size_t i = 0; i < assay_table_rows(table); i++) {
        assay_datum_kind kind = assay_table_get(table, i, column).kind;
        if (kind == ASSAY_DATUM_NUMBER || kind == ASSAY_DATUM_INTEGER)
            return true;
    }
    return false;
}

static void push_datum(lua_State *L, const assay_datum *datum, bool numbers)
{
    if (datum->kind == ASSAY_DATUM_TEXT || (datum->kind == ASSAY_DATUM_MISSING && !numbers))
        lua_pushstring(L, datum->text ? datum->text : "");
    else if (datum->kind == ASSAY_DATUM_INTEGER)
        lua_pushinteger(L, (lua_Integer)datum->number);
    else
        lua_pushnumber(L, datum->number); /* NaN where missing */
}

static void push_column(lua_State *L, const assay_table *table, size_t column)
{
    bool numbers = has_numbers(table, column);
    lua_createtable(L, (int)assay_table_rows(table), 0);
    for (size_t i = 0; i < assay_table_rows(table); i++) {
        assay_datum datum = assay_table_get(table, i, column);
        push_datum(L, &datum, numbers);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int push_columns(lua_State *L)
{
    const assay_table *table = lua_touserdata(L, 1);
    lua_createtable(L, 0, (int)assay_table_columns(table));
    for (size_t j = 0; j < assay_table_columns(table); j++) {
        push_column(L, table, j);
        lua_setfield(L, -2, assay_table_name(table, j));
    }
    return 1;
}

/* {names = list, columns = {name = list}} */
static int push_named_columns(lua_State *L)
{
    const assay_table *table = lua_touserdata(L, 1);
    lua_createtable(L, 0, 2);
    lua_createtable(L, (int)assay_table_columns(table), 0);
    for (size_t j = 0; j < assay_table_columns(table); j++) {
        lua_pushstring(L, assay_table_name(table, j));
        lua_rawseti(L, -2, (lua_Integer)j + 1);
    }
    lua_setfield(L, -2, "names");
    push_columns(L);
    lua_setfield(L, -2, "columns");
    return 1;
}

/* Memory may run out: the table is freed before the error goes on. */
static void push_and_free(lua_State *L, assay_table *table, lua_CFunction push)
{
    lua_pushcfunction(L, push);
    lua_pushlightuserdata(L, table);
    int status = lua_pcall(L, 1, 1, 0);
    assay_table_free(table);
    if (status != LUA_OK)
        lua_error(L);
}

void assay_push_table(lua_State *L, assay_table *table)
{
    push_and_free(L, table, push_columns);
}

void assay_push_named_table(lua_State *L, assay_table *table)
{
    push_and_free(L, table, push_named_columns);
}

typedef int table_reader(const char *path, const assay_progress *progress, assay_table **out);

static int read_table(lua_State *L, table_reader *read)
{
    static const char *const known[] = {"progress", NULL};
    assay_table *table = NULL;
    assay_lua_report report;
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 2, known);
    assay_lua_report_begin(L, 2, &report);
    assay_lua_report_end(&report, read(path, &report.progress, &table));
    assay_push_table(L, table);
    return 1;
}

int assay_lua_read_csv(lua_State *L)
{
    return read_table(L, assay_csv_read);
}

int assay_lua_read_jsonl(lua_State *L)
{
    return read_table(L, assay_jsonl_read);
}

static const luaL_Reg functions[] = {
    {"csv", assay_lua_read_csv},     /* csv(path, {progress}): columns by name */
    {"jsonl", assay_lua_read_jsonl}, /* jsonl(path, {progress}): columns by name */
    {NULL, NULL},
};

int assay_lua_data(lua_State *L)
{
    lua_newtable(L);
    assay_lua_register(L, functions);
    assay_lua_register(L, assay_lua_samples);
    assay_lua_register(L, assay_lua_tables);
    assay_lua_register(L, assay_lua_files);
    assay_lua_register(L, assay_lua_datasets);
    return 1;
}
