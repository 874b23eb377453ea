/*
 * A run's rows as a table: cells and their values are read side by side, both in the order of their
 * keys, and each cell's parameters are parsed once.
 *
 * An integer that no double holds exactly becomes the nearest number here; the store, `assay sql`
 * and the comparison of runs keep all of it.
 */
#include "store/internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t nowhere = SIZE_MAX;

/* A parameter of the present cell. */
typedef struct parameter {
    size_t column;
    assay_datum value; /* text: of the JSON */
} parameter;

typedef struct reader {
    assay_store *store;
    assay_table *table;
    const char *const *wanted;
    size_t wanted_count;
    size_t cell_column, replicate_column;
    size_t *metric_column; /* by metric id; nowhere: not seen, or not wanted */
    char **metric_name;
    size_t metric_count;
    json_t *params; /* of the present cell */
    parameter *parameters;
    size_t parameter_count, parameter_room;
    char **texts; /* of parameters that are lists or objects */
    size_t text_count;
    int64_t index, replicate;
    bool failed; /* the cell at hand: what it logged is no row */
} reader;

static bool is_wanted(const reader *r, const char *name)
{
    if (!r->wanted)
        return true;
    for (size_t i = 0; i < r->wanted_count; i++)
        if (strcmp(r->wanted[i], name) == 0)
            return true;
    return false;
}

static int add_column(reader *r, const char *name, size_t *column)
{
    *column = nowhere;
    return is_wanted(r, name) ? assay_table_column(r->table, name, column) : ASSAY_OK;
}

static int set_integer(assay_table *table, size_t column, int64_t value)
{
    const int64_t exact = INT64_C(1) << 53;
    if (value > exact || value < -exact)
        return assay_table_set_number(table, column, (double)value);
    return assay_table_set_integer(table, column, value);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static int reach_metric(reader *r, int64_t id)
{
    size_t need = (size_t)id + 1;
    if (need <= r->metric_count)
        return ASSAY_OK;
    size_t *columns = realloc(r->metric_column, need * sizeof *columns);
    if (columns)
        r->metric_column = columns;
    char **names = realloc(r->metric_name, need * sizeof *names);
    if (names)
        r->metric_name = names;
    if (!columns || !names)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu metrics", need);
    for (; r->metric_count < need; r->metric_count++) {
        r->metric_column[r->metric_count] = nowhere;
        r->metric_name[r->metric_count] = NULL;
    }
    return ASSAY_OK;
}

static int read_metrics(reader *r, int64_t run)
{
    sqlite3_stmt *s;
    bool row = true;
    int status = store_bind(r->store, STORE_METRIC_NAMES, &s, "ii", run, run);
    while (status == ASSAY_OK) {
        status = store_step(r->store, s, &row);
        if (status || !row)
            break;
        int64_t id = sqlite3_column_int64(s, 0);
        status = reach_metric(r, id);
        if (status == ASSAY_OK && is_wanted(r, (const char *)sqlite3_column_text(s, 1)))
            status = store_text(s, 1, &r->metric_name[id]);
    }
    sqlite3_reset(s);
    return status;
}

/* The column of a metric, made when it first appears. */
static int metric_column(reader *r, int64_t id, size_t *column)
{
    *column = nowhere;
    if ((size_t)id >= r->metric_count || !r->metric_name[id])
        return ASSAY_OK;
    int status = ASSAY_OK;
    if (r->metric_column[id] == nowhere)
        status = assay_table_column(r->table, r->metric_name[id], &r->metric_column[id]);
    *column = r->metric_column[id];
    return status;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void forget_parameters(reader *r)
{
    while (r->text_count > 0)
        free(r->texts[--r->text_count]);
    json_decref(r->params);
    r->params = NULL;
    r->parameter_count = 0;
}

/* A parameter that is a list or an object, as its JSON. */
static int keep_json(reader *r, const json_t *value, const char **text)
{
    int status = store_grow((void **)&r->texts, r->text_count, sizeof *r->texts);
    if (status)
        return status;
    char *dump = json_dumps(value, JSON_COMPACT);
    if (!dump)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a parameter");
    r->texts[r->text_count++] = dump;
    *text = dump;
    return ASSAY_OK;
}

static int to_datum(reader *r, const json_t *value, assay_datum *out)
{
    *out = (assay_datum){ASSAY_DATUM_MISSING, NAN, NULL};
    switch (json_typeof(value)) {
    case JSON_NULL:
        return ASSAY_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = (assay_datum){ASSAY_DATUM_INTEGER, json_is_true(value) ? 1 : 0, NULL};
        return ASSAY_OK;
    case JSON_INTEGER:
        *out = (assay_datum){ASSAY_DATUM_INTEGER, (double)json_integer_value(value), NULL};
        if (fabs(out->number) > 0x1p53)
            out->kind = ASSAY_DATUM_NUMBER;
        return ASSAY_OK;
    case JSON_REAL:
        *out = (assay_datum){ASSAY_DATUM_NUMBER, json_real_value(value), NULL};
        return ASSAY_OK;
    case JSON_STRING:
        *out = (assay_datum){ASSAY_DATUM_TEXT, NAN, json_string_value(value)};
        return ASSAY_OK;
    default:
        out->kind = ASSAY_DATUM_TEXT;
        return keep_json(r, value, &out->text);
    }
}

static int add_parameter(reader *r, const char *name, const json_t *value)
{
    size_t column;
    if (strcmp(name, "cell") == 0 || strcmp(name, "replicate") == 0)
        return ASSAY_OK; /* the row's own columns */
    int status = add_column(r, name, &column);
    if (status || column == nowhere)
        return status;
    if (r->parameter_count == r->parameter_room) {
        size_t room = r->parameter_room ? 2 * r->parameter_room : 16;
        parameter *grown = realloc(r->parameters, room * sizeof *grown);
        if (!grown)
            return assay_fail(ASSAY_ENOMEM, "out of memory for %zu parameters", room);
        r->parameters = grown;
        r->parameter_room = room;
    }
    parameter *p = &r->parameters[r->parameter_count++];
    p->column = column;
    return to_datum(r, value, &p->value);
}

/* The present row of a statement over cells becomes the present cell. */
static int read_cell(reader *r, sqlite3_stmt *s)
{
    forget_parameters(r);
    r->index = sqlite3_column_int64(s, 0);
    r->replicate = sqlite3_column_int64(s, 1);
    r->failed = strcmp((const char *)sqlite3_column_text(s, 3),
                    assay_cell_state_name(ASSAY_CELL_FAILED)) == 0;
    r->params = json_loads((const char *)sqlite3_column_text(s, 2), 0, NULL);
    if (!json_is_object(r->params))
        return assay_fail(
            ASSAY_EFORMAT, "cell %lld: its parameters are not a JSON object", (long long)r->index);
    const char *name;
    json_t *value;
    int status = ASSAY_OK;
    json_object_foreach(r->params, name, value) if (status == ASSAY_OK) status =
        add_parameter(r, name, value);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int set_datum(assay_table *table, size_t column, const assay_datum *value)
{
    switch (value->kind) {
    case ASSAY_DATUM_NUMBER:
        return assay_table_set_number(table, column, value->number);
    case ASSAY_DATUM_INTEGER:
        return assay_table_set_integer(table, column, (long long)value->number);
    case ASSAY_DATUM_TEXT:
        return assay_table_set_text(table, column, value->text);
    default:
        return ASSAY_OK;
    }
}

static int begin_row(reader *r)
{
    int status = assay_table_append(r->table);
    if (status == ASSAY_OK && r->cell_column != nowhere)
        status = assay_table_set_integer(r->table, r->cell_column, r->index);
    if (status == ASSAY_OK && r->replicate_column != nowhere)
        status = set_integer(r->table, r->replicate_column, r->replicate);
    for (size_t i = 0; status == ASSAY_OK && i < r->parameter_count; i++)
        status = set_datum(r->table, r->parameters[i].column, &r->parameters[i].value);
    return status;
}

static int set_value(reader *r, sqlite3_stmt *s)
{
    size_t column;
    int status = metric_column(r, sqlite3_column_int64(s, 2), &column);
    if (status || column == nowhere)
        return status;
    switch (sqlite3_column_type(s, 3)) {
    case SQLITE_INTEGER:
        return set_integer(r->table, column, sqlite3_column_int64(s, 3));
    case SQLITE_FLOAT:
        return assay_table_set_number(r->table, column, sqlite3_column_double(s, 3));
    case SQLITE_NULL:
        return assay_table_set_number(r->table, column, NAN);
    default:
        return assay_table_set_text(r->table, column, (const char *)sqlite3_column_text(s, 3));
    }
}

/* Advance the cells to the one that holds the value. */
static int advance_cell(reader *r, sqlite3_stmt *cells, int64_t index)
{
    bool row = true;
    while (r->index < index) {
        int status = store_step(r->store, cells, &row);
        if (status)
            return status;
        if (!row)
            return assay_fail(
                ASSAY_EFORMAT, "values of a cell %lld, which is missing", (long long)index);
        if (sqlite3_column_int64(cells, 0) == index) {
            status = read_cell(r, cells);
            if (status)
                return status;
        }
    }
    return ASSAY_OK;
}

static int read_rows(reader *r, sqlite3_stmt *cells, sqlite3_stmt *values)
{
    int64_t key = -1, seq = -1;
    bool row = true;
    for (;;) {
        int status = store_step(r->store, values, &row);
        if (status || !row)
            return status;
        int64_t now_key = sqlite3_column_int64(values, 0),
                now_seq = sqlite3_column_int64(values, 1);
        if (now_key != key || now_seq != seq) {
            int64_t index = now_key & ((INT64_C(1) << STORE_CELL_BITS) - 1);
            status = now_key == key ? ASSAY_OK : advance_cell(r, cells, index);
            if (status == ASSAY_OK && !r->failed)
                status = begin_row(r);
            key = now_key;
            seq = now_seq;
        }
        if (status == ASSAY_OK && !r->failed)
            status = set_value(r, values);
        if (status)
            return status;
    }
}

/* Where to read: from one place to another, both included. */
typedef struct range {
    int64_t cell, seq, last_cell, last_seq;
} range;

static int read_run(reader *r, int64_t run, const range *where)
{
    sqlite3_stmt *cells, *values;
    int64_t id;
    bool found;
    int status = store_integer(r->store, STORE_RUN_EXISTS, &id, &found, "i", run);
    if (status == ASSAY_OK && !found)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run %lld", (long long)run);
    if (status == ASSAY_OK)
        status = read_metrics(r, run);
    if (status == ASSAY_OK)
        status = add_column(r, "cell", &r->cell_column);
    if (status == ASSAY_OK)
        status = add_column(r, "replicate", &r->replicate_column);
    if (status == ASSAY_OK)
        status = store_bind(r->store, STORE_CELL_FROM, &cells, "ii", run, where->cell);
    if (status == ASSAY_OK)
        status = store_bind(r->store, STORE_VALUE_BETWEEN, &values, "iiii",
            store_cell_key(run, where->cell), where->seq, store_cell_key(run, where->last_cell),
            where->last_seq);
    if (status)
        return status;
    status = read_rows(r, cells, values);
    sqlite3_reset(cells);
    sqlite3_reset(values);
    return status;
}

static void close_reader(reader *r)
{
    forget_parameters(r);
    for (size_t i = 0; i < r->metric_count; i++)
        free(r->metric_name[i]);
    free(r->metric_name);
    free(r->metric_column);
    free(r->parameters);
    free(r->texts);
}

static int read_range(assay_store *store, int64_t run, const char *const *columns, size_t count,
    const range *where, assay_table **out)
{
    bool own = false;
    reader r = {.store = store, .wanted = columns, .wanted_count = count, .index = where->cell - 1};
    *out = NULL;
    r.table = assay_table_new();
    if (!r.table)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a table");
    int status = store_read_enter(store, &own);
    if (status == ASSAY_OK) {
        status = read_run(&r, run, where);
        store_read_leave(store, own);
    }
    close_reader(&r);
    if (status) {
        assay_table_free(r.table);
        return status;
    }
    *out = r.table;
    return ASSAY_OK;
}

int assay_store_rows(
    assay_store *store, int64_t run, const char *const *columns, size_t count, assay_table **out)
{
    const range all = {0, 0, (INT64_C(1) << STORE_CELL_BITS) - 1, INT64_MAX};
    return read_range(store, run, columns, count, &all, out);
}

int assay_store_rows_between(assay_store *store, int64_t run, int64_t cell, int64_t seq,
    int64_t last_cell, int64_t last_seq, assay_table **out)
{
    const range where = {cell, seq, last_cell, last_seq};
    *out = NULL;
    if (cell < 0 || last_cell >= 1 << STORE_CELL_BITS || cell > last_cell || seq < 0)
        return assay_fail(ASSAY_EINVAL, "run %lld has no rows from cell %lld to cell %lld",
            (long long)run, (long long)cell, (long long)last_cell);
    return read_range(store, run, NULL, 0, &where, out);
}
