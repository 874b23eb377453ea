/*
 * assay.data.samples and write_samples: logs of samples as columns by name, from and to files.
 *
 *     local log = assay.data.samples "batch.jsonl"
 *     log.correct = {}
 *     for i, text in ipairs(log.text) do log.correct[i] = text:find "42" ~= nil end
 *     assay.data.write_samples("graded.jsonl", log)
 */
#include <lauxlib.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/samples.h"
#include "lua/args.h"
#include "lua/files.h"
#include "lua/module.h"
#include "lua/report.h"

#define LOG "assay.data.log"

static int read_samples(lua_State *L)
{
    static const char *const known[] = {"metric", "filter", "skip_failed", "progress", NULL};
    assay_table *table = NULL;
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 2, known);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    const assay_samples_options options = {assay_opt_string(L, 2, "metric", NULL),
        assay_opt_string(L, 2, "filter", NULL), assay_opt_boolean(L, 2, "skip_failed", false),
        &report.progress};
    assay_lua_report_end(&report, assay_samples_import(path, &options, &table, NULL));
    assay_push_table(L, table);
    return 1;
}

/* ---- writing ---- */

static int free_log(lua_State *L)
{
    assay_table **slot = lua_touserdata(L, 1);
    assay_table_free(*slot);
    *slot = NULL;
    return 0;
}

static assay_table *push_log(lua_State *L)
{
    assay_table **slot = lua_newuserdatauv(L, sizeof *slot, 0);
    *slot = NULL;
    if (luaL_newmetatable(L, LOG)) {
        lua_pushcfunction(L, free_log);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    *slot = assay_table_new();
    if (!*slot)
        luaL_error(L, "out of memory");
    return *slot;
}

static int rank(const char *name)
{
    static const char *const first[] = {"problem", "sample", "correct"};
    int at = 0;
    while (at < 3 && strcmp(first[at], name) != 0)
        at++;
    return at;
}

static int by_rank(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    return rank(x) != rank(y) ? rank(x) - rank(y) : strcmp(x, y);
}

/* The columns' names in an order that does not depend on Lua's. */
static const char **read_names(lua_State *L, int log, size_t *count)
{
    *count = 0;
    for (lua_pushnil(L); lua_next(L, log); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TTABLE)
            assay_arg_error(L,
                "log must be columns by name, { problem = list, ... }, got a %s as "
                "%s",
                luaL_typename(L, -1), luaL_tolstring(L, -2, NULL));
        ++*count;
    }
    const char **names = assay_lua_scratch(L, *count ? *count : 1, sizeof *names);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, log); lua_pop(L, 1))
        names[i++] = lua_tostring(L, -2);
    qsort(names, *count, sizeof *names, by_rank);
    return names;
}

static int set_text(lua_State *L, assay_table *table, size_t column, const char *name, size_t row)
{
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (strlen(text) != size)
        assay_arg_error(L, "%s of row %zu has a zero byte", name, row);
    return assay_table_set_text(table, column, text);
}

/* The entry on top, which is popped. Missing are nil, NaN and, but for a text, "". */
static void set_entry(lua_State *L, assay_table *table, size_t column, const char *name, size_t row)
{
    int type = lua_type(L, -1), status = ASSAY_OK;
    bool integer = lua_isinteger(L, -1);
    double number = lua_tonumber(L, -1);
    bool truth = strcmp(name, "correct") == 0 && type == LUA_TNUMBER && !isnan(number);
    if (truth && number != 0 && number != 1)
        assay_arg_error(L, "correct of row %zu must be true or false, got %g", row, number);
    if (type == LUA_TBOOLEAN)
        status = assay_table_set_integer(table, column, lua_toboolean(L, -1));
    else if (integer || truth)
        status = assay_table_set_integer(
            table, column, integer ? lua_tointeger(L, -1) : (long long)number);
    else if (type == LUA_TNUMBER && !isnan(number))
        status = assay_table_set_number(table, column, number);
    else if (type == LUA_TSTRING && (lua_rawlen(L, -1) > 0 || strcmp(name, "text") == 0))
        status = set_text(L, table, column, name, row);
    else if (type != LUA_TNIL && type != LUA_TNUMBER && type != LUA_TSTRING)
        assay_arg_error(L, "%s of row %zu must be a text, a number or a boolean, got a %s", name,
            row, luaL_typename(L, -1));
    assay_arg_status(L, status);
    lua_pop(L, 1);
}

static size_t count_rows(lua_State *L, int log)
{
    if (!lua_istable(L, log))
        assay_arg_error(L, "log must be columns by name, got a %s", luaL_typename(L, log));
    if (lua_getfield(L, log, "problem") != LUA_TTABLE)
        assay_arg_error(L, "log must have the column problem, got a %s", luaL_typename(L, -1));
    size_t rows = (size_t)luaL_len(L, -1);
    lua_pop(L, 1);
    return rows;
}

/* Lists may have holes, but not be longer than the problems. */
static void check_lengths(lua_State *L, int log, const char **names, size_t count, size_t rows)
{
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, log, names[i]);
        size_t length = (size_t)luaL_len(L, -1);
        if (length > rows)
            assay_arg_error(
                L, "%s has %zu entries, but there are %zu problems", names[i], length, rows);
        lua_pop(L, 1);
    }
}

static assay_table *read_log(lua_State *L, int log)
{
    size_t count, rows = count_rows(L, log), column;
    const char **names = read_names(L, log, &count);
    check_lengths(L, log, names, count, rows);
    assay_table *table = push_log(L);
    for (size_t i = 0; i < count; i++)
        assay_arg_status(L, assay_table_column(table, names[i], &column));
    for (size_t row = 0; row < rows; row++) {
        assay_arg_status(L, assay_table_append(table));
        for (size_t i = 0; i < count; i++) {
            lua_getfield(L, log, names[i]);
            lua_geti(L, -1, (lua_Integer)row + 1);
            set_entry(L, table, i, names[i], row + 1);
            lua_pop(L, 1);
        }
    }
    return table;
}

/* write_samples(path, log) */
static int write_samples(lua_State *L)
{
    const char *path = assay_arg_string(L, 1, "path");
    const assay_table *table = read_log(L, 2);
    FILE *file = fopen(path, "wb");
    if (!file)
        return assay_arg_error(L, "%s: %s", path, strerror(errno));
    int status = assay_samples_write(file, table);
    if (fclose(file) != 0 && !status)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    assay_arg_status(L, status);
    return 0;
}

const luaL_Reg assay_lua_samples[] = {
    {"samples", read_samples},        /* samples(path, {metric, filter, skip_failed}): columns */
    {"write_samples", write_samples}, /* write_samples(path, columns) */
    {NULL, NULL},
};
