/*
 * The wide view of an experiment's rows: long form in the table, a row a line for people.
 *
 * The view's columns are text, made anew when a run brings new ones; `wide` remembers which view is
 * whose. A view takes the experiment's name unless a table or another view has it. The joins are
 * in the order of the keys (CROSS JOIN keeps it), so that rows stream out grouped and a condition
 * on run or cell reads only their range.
 */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int most_columns = 2000; /* SQLITE_MAX_COLUMN */

/* SELECT's head: the columns, then what they are read from. */
static void add_columns_of_row(sqlite3_str *sql)
{
    sqlite3_str_appendall(sql, "SELECT r.id AS run, c.idx AS cell, c.replicate AS replicate");
}

static bool is_fixed(const char *name)
{
    return sqlite3_stricmp(name, "run") == 0 || sqlite3_stricmp(name, "cell") == 0 ||
           sqlite3_stricmp(name, "replicate") == 0;
}

/* A name that a JSON path can't quote is looked up by comparing keys. */
static void add_parameter(sqlite3_str *sql, const char *name)
{
    if (strpbrk(name, "\"\\"))
        sqlite3_str_appendf(sql,
            ", (SELECT j.value FROM json_each(c.params) j WHERE j.key = %Q) AS \"%w\"", name, name);
    else
        sqlite3_str_appendf(sql, ", json_extract(c.params, '$.\"%q\"') AS \"%w\"", name, name);
}

static void add_measure(sqlite3_str *sql, int64_t id, const char *name)
{
    sqlite3_str_appendf(
        sql, ", MAX(CASE v.metric WHEN %lld THEN v.value END) AS \"%w\"", (long long)id, name);
}

/* Is there a measure of this name? It takes the parameter's place. */
static int has_measure(assay_store *store, const char *experiment, const char *name, bool *has)
{
    sqlite3_stmt *s;
    bool row = true;
    *has = false;
    int status = store_bind(store, STORE_WIDE_METRICS, &s, "s", experiment);
    while (status == ASSAY_OK && row && !*has) {
        status = store_step(store, s, &row);
        if (status == ASSAY_OK && row)
            *has = sqlite3_stricmp((const char *)sqlite3_column_text(s, 1), name) == 0;
    }
    sqlite3_reset(s);
    return status;
}

static int add_parameters(assay_store *store, const char *experiment, sqlite3_str *sql, int *count)
{
    sqlite3_stmt *s;
    bool row = true, shadowed = false;
    int status = store_bind(store, STORE_WIDE_PARAMS, &s, "s", experiment);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        const char *name = (const char *)sqlite3_column_text(s, 0);
        status = has_measure(store, experiment, name, &shadowed);
        if (status || shadowed || is_fixed(name))
            continue;
        add_parameter(sql, name);
        (*count)++;
    }
    sqlite3_reset(s);
    return status;
}

static int add_measures(assay_store *store, const char *experiment, sqlite3_str *sql, int *count)
{
    sqlite3_stmt *s;
    bool row = true;
    int status = store_bind(store, STORE_WIDE_METRICS, &s, "s", experiment);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        add_measure(sql, sqlite3_column_int64(s, 0), (const char *)sqlite3_column_text(s, 1));
        (*count)++;
    }
    sqlite3_reset(s);
    return status;
}

/* The view's SELECT; the caller frees it with sqlite3_free. */
static int compose(assay_store *store, const char *experiment, char **out)
{
    int count = 3;
    sqlite3_str *sql = sqlite3_str_new(store->db);
    add_columns_of_row(sql);
    int status = add_parameters(store, experiment, sql, &count);
    if (status == ASSAY_OK)
        status = add_measures(store, experiment, sql, &count);
    sqlite3_str_appendf(sql,
        " FROM run r CROSS JOIN cell c ON c.run = r.id CROSS JOIN value v ON v.cell = c.id"
        " WHERE r.discarded = 0 AND r.experiment IN (SELECT id FROM experiment WHERE name = %Q)"
        " GROUP BY r.id, c.idx, v.seq",
        experiment);
    *out = sqlite3_str_finish(sql);
    if (status == ASSAY_OK && !*out)
        status = assay_fail(ASSAY_ENOMEM, "out of memory for a view");
    if (status == ASSAY_OK && count > most_columns)
        status = assay_fail(ASSAY_EINVAL,
            "\"%s\" has %d columns, more than the %d that a view can have: read its rows from the "
            "table `value`",
            experiment, count, most_columns);
    return status;
}

/* The experiment's name, with as many "_rows" as it takes to be free. */
static int free_name(assay_store *store, const char *experiment, char **out)
{
    bool taken = true;
    /* names that begin with sqlite_ are SQLite's */
    bool reserved = sqlite3_strnicmp(experiment, "sqlite_", 7) == 0;
    char *name = sqlite3_mprintf(reserved ? "experiment_%s" : "%s", experiment);
    int status = ASSAY_OK;
    while (name && status == ASSAY_OK) {
        int64_t one;
        status = store_integer(store, STORE_WIDE_TAKEN, &one, &taken, "s", name);
        if (status || !taken)
            break;
        char *longer = sqlite3_mprintf("%s_rows", name);
        sqlite3_free(name);
        name = longer;
    }
    *out = name;
    return status || name ? status : assay_fail(ASSAY_ENOMEM, "out of memory for a view's name");
}

/* What stands in `wide`: the caller frees both with free; NULL when the experiment has no view. */
static int read_wide(assay_store *store, const char *experiment, char **view, char **sql)
{
    sqlite3_stmt *s;
    bool row = false;
    *view = *sql = NULL;
    int status = store_bind(store, STORE_WIDE_GET, &s, "s", experiment);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status || !row)
        return status;
    status = store_text(s, 0, view);
    if (status == ASSAY_OK)
        status = store_text(s, 1, sql);
    sqlite3_reset(s);
    return status;
}

static int execute_format(assay_store *store, char *sql)
{
    int status = sql ? store_execute(store, sql) : assay_fail(ASSAY_ENOMEM, "out of memory");
    sqlite3_free(sql);
    return status;
}

int store_view_drop(assay_store *store, const char *experiment)
{
    char *view, *sql;
    int status = read_wide(store, experiment, &view, &sql);
    if (status == ASSAY_OK && view)
        status = execute_format(store, sqlite3_mprintf("DROP VIEW IF EXISTS \"%w\"", view));
    if (status == ASSAY_OK && view)
        status = store_run(store, STORE_WIDE_DELETE, "s", experiment);
    free(view);
    free(sql);
    return status;
}

static int make_view(assay_store *store, const char *experiment, const char *sql)
{
    char *name = NULL;
    int status = free_name(store, experiment, &name);
    if (status == ASSAY_OK)
        status = execute_format(store, sqlite3_mprintf("CREATE VIEW \"%w\" AS %s", name, sql));
    if (status == ASSAY_OK)
        status = store_run(store, STORE_WIDE_PUT, "sss", experiment, name, sql);
    sqlite3_free(name);
    return status;
}

static int refresh(assay_store *store, const char *experiment)
{
    char *view = NULL, *old = NULL, *sql = NULL;
    int64_t one;
    bool exists;
    int status = store_integer(store, STORE_EXPERIMENT_EXISTS, &one, &exists, "s", experiment);
    if (status || !exists)
        return status ? status
                      : assay_fail(ASSAY_ENOTFOUND, "there is no experiment \"%s\"", experiment);
    status = read_wide(store, experiment, &view, &old);
    if (status == ASSAY_OK)
        status = compose(store, experiment, &sql);
    if (status == ASSAY_OK && !(old && strcmp(old, sql) == 0)) {
        status = store_view_drop(store, experiment);
        if (status == ASSAY_OK)
            status = make_view(store, experiment, sql);
    }
    free(view);
    free(old);
    sqlite3_free(sql);
    return status;
}

int assay_store_view_refresh(assay_store *store, const char *experiment)
{
    bool own;
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, refresh(store, experiment));
}
