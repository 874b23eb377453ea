/*
 * assay.data: files as tables of columns.
 *
 *     local counts = assay.data.csv(assay.data.find "monkeys/math_pythia_counts.csv")
 *     counts.pythia_12b[1]
 *
 * A column is a list. Lists have no holes, so a missing entry is NaN in a column that has numbers and
 * "" in one of texts.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/status.h"
#include "data/csv.h"
#include "data/samples.h"
#include "lua/args.h"
#include "lua/module.h"
#include "lua/script.h"

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

void assay_push_table(lua_State *L, assay_table *table)
{
    lua_pushcfunction(L, push_columns);
    lua_pushlightuserdata(L, table);
    int status = lua_pcall(L, 1, 1, 0); /* memory may run out: the table is freed first */
    assay_table_free(table);
    if (status != LUA_OK)
        lua_error(L);
}

static int csv(lua_State *L)
{
    assay_table *table = NULL;
    assay_arg_status(L, assay_csv_read(assay_arg_string(L, 1, "path"), &table));
    assay_push_table(L, table);
    return 1;
}

static int samples(lua_State *L)
{
    assay_table *table = NULL;
    assay_arg_status(L, assay_samples_read(assay_arg_string(L, 1, "path"), &table));
    assay_push_table(L, table);
    return 1;
}

/* The directory of the script that this state was made for, with its slash; "" when there is none. */
static const char *script_directory(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_NAME);
    const char *name = lua_tostring(L, -1);
    const char *slash = name && *name == '@' ? strrchr(name, '/') : NULL;
    return slash ? lua_pushlstring(L, name + 1, (size_t)(slash - name)) : lua_pushliteral(L, "");
}

/* Experiments and their data are installed as they stand in the source, so that a script's data are
 * at the same place from it. */
static int find(lua_State *L)
{
    const char *name = assay_arg_string(L, 1, "name");
    const char *script = script_directory(L);
    const char *const directories[] = {lua_pushfstring(L, "%s../data/", script),
        lua_pushfstring(L, "%sdata/", script), "experiments/data/", ASSAY_DATADIR "/experiments/data/"};
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        const char *path = lua_pushfstring(L, "%s%s", directories[i], name);
        if (access(path, R_OK) == 0)
            return 1;
    }
    return assay_arg_error(L, "there is no %s in %s, %s, %s or %s", name, directories[0], directories[1],
        directories[2], directories[3]);
}

static const luaL_Reg functions[] = {
    {"csv", csv},         /* csv(path): columns by name */
    {"find", find},       /* find(name): the path of a file of experiments/data */
    {"samples", samples}, /* samples(path): a log of graded samples, columns by name */
    {NULL, NULL},
};

int assay_lua_data(lua_State *L)
{
    lua_newtable(L);
    assay_lua_register(L, functions);
    return 1;
}
