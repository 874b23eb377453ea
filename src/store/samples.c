/*
 * Graded-sample logs: what `assay import samples` puts into the file, and what experiments read.
 *
 * The usual columns have places of their own, others go into one JSON object a row. A NaN and a
 * missing entry would both be NULL, and JSON has no infinity: such numbers stand in the object as
 * {"number": "nan"}, which no entry of a table can be otherwise. So a log reads back exactly.
 */
#include "store/internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/sha256.h"
#include "core/suggest.h"

static const char *const usual[] = {
    "problem", "sample", "correct", "answer", "reward", "logprob", "tokens", "cost", "text"};
enum { USUAL = sizeof usual / sizeof *usual, FIRST = 3 /* parameter of the first usual column */ };

static int usual_of(const char *name)
{
    for (int i = 0; i < USUAL; i++)
        if (strcmp(usual[i], name) == 0)
            return i;
    return -1;
}

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for a sample log");
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Shape, names, then entries row by row, each with its kind and its end: no two tables agree. */
static void digest(const assay_table *samples, char hex[ASSAY_SHA256_HEX])
{
    assay_sha256 sha;
    size_t columns = assay_table_columns(samples);
    uint64_t shape[2] = {columns, assay_table_rows(samples)};
    assay_sha256_init(&sha);
    assay_sha256_update(&sha, shape, sizeof shape);
    for (size_t c = 0; c < columns; c++) {
        const char *name = assay_table_name(samples, c);
        assay_sha256_update(&sha, name, strlen(name) + 1);
    }
    for (size_t row = 0; row < assay_table_rows(samples); row++)
        for (size_t c = 0; c < columns; c++) {
            assay_datum d = assay_table_get(samples, row, c);
            unsigned char kind = (unsigned char)d.kind;
            double number = isnan(d.number) ? NAN : d.number;
            assay_sha256_update(&sha, &kind, 1);
            if (d.kind == ASSAY_DATUM_TEXT)
                assay_sha256_update(&sha, d.text, strlen(d.text) + 1);
            else if (d.kind != ASSAY_DATUM_MISSING)
                assay_sha256_update(&sha, &number, sizeof number);
        }
    assay_sha256_final_hex(&sha, hex);
}

static json_t *names_of(const assay_table *samples)
{
    json_t *names = json_array();
    for (size_t c = 0; names && c < assay_table_columns(samples); c++)
        if (json_array_append_new(names, json_string(assay_table_name(samples, c))) != 0) {
            json_decref(names);
            names = NULL;
        }
    return names;
}

static json_t *datum_to_json(const assay_datum *d)
{
    if (d->kind == ASSAY_DATUM_TEXT)
        return json_string(d->text);
    if (d->kind == ASSAY_DATUM_INTEGER)
        return json_integer((json_int_t)d->number);
    if (isfinite(d->number))
        return json_real(d->number);
    return json_pack("{s:s}", "number", isnan(d->number) ? "nan" : d->number > 0 ? "inf" : "-inf");
}

static int bind_usual(assay_store *store, sqlite3_stmt *s, int at, const assay_datum *d)
{
    int code = d->kind == ASSAY_DATUM_TEXT ? sqlite3_bind_text(s, at, d->text, -1, SQLITE_STATIC)
               : d->kind == ASSAY_DATUM_INTEGER ? sqlite3_bind_int64(s, at, (int64_t)d->number)
                                                : sqlite3_bind_double(s, at, d->number);
    return code == SQLITE_OK ? ASSAY_OK : store_fail(store, code);
}

/* Bind what has a place and gather the rest. */
static int place_entries(
    assay_store *store, sqlite3_stmt *s, const assay_table *samples, size_t row, json_t *extra)
{
    int status = ASSAY_OK;
    for (size_t c = 0; status == ASSAY_OK && c < assay_table_columns(samples); c++) {
        const char *name = assay_table_name(samples, c);
        assay_datum d = assay_table_get(samples, row, c);
        int at = usual_of(name);
        bool nan = d.kind == ASSAY_DATUM_NUMBER && isnan(d.number);
        if (d.kind == ASSAY_DATUM_MISSING)
            continue;
        if (at >= 0 && !nan)
            status = bind_usual(store, s, FIRST + at, &d);
        else if (json_object_set_new(extra, name, datum_to_json(&d)) != 0)
            status = assay_fail(
                ASSAY_EINVAL, "row %zu, column \"%s\": a text is not valid UTF-8", row + 1, name);
    }
    return status;
}

static int add_sample(assay_store *store, int64_t log, const assay_table *samples, size_t row)
{
    sqlite3_stmt *s;
    bool more;
    char *text = NULL;
    json_t *extra = json_object();
    if (!extra)
        return no_memory();
    int status = store_bind(store, STORE_SAMPLE_ADD, &s, "ii", log, (int64_t)row);
    if (status == ASSAY_OK) {
        for (int i = FIRST; i <= FIRST + USUAL; i++)
            sqlite3_bind_null(s, i);
        status = place_entries(store, s, samples, row, extra);
    }
    if (status == ASSAY_OK && json_object_size(extra) > 0) {
        text = json_dumps(extra, JSON_COMPACT);
        if (!text || sqlite3_bind_text(s, FIRST + USUAL, text, -1, SQLITE_STATIC) != SQLITE_OK)
            status = no_memory();
    }
    if (status == ASSAY_OK)
        status = store_step(store, s, &more);
    free(text);
    json_decref(extra);
    return status;
}

static int add_log(
    assay_store *store, const char *name, const char *sha, const assay_table *samples)
{
    bool found;
    int64_t log;
    json_t *names = names_of(samples);
    char *columns = names ? json_dumps(names, JSON_COMPACT) : NULL;
    json_decref(names);
    if (!columns)
        return assay_fail(
            ASSAY_EINVAL, "sample log \"%s\": a column's name is not valid UTF-8", name);
    int status = store_integer(store, STORE_LOG_ADD, &log, &found, "sssid", name, sha, columns,
        (int64_t)assay_table_rows(samples), store_now());
    free(columns);
    for (size_t row = 0; status == ASSAY_OK && row < assay_table_rows(samples); row++)
        status = add_sample(store, log, samples, row);
    return status;
}

/* What is stored under the name: *same says whether it has this digest. */
static int find_log(assay_store *store, const char *name, const char *sha, bool *exists, bool *same)
{
    sqlite3_stmt *s;
    int status = store_bind(store, STORE_LOG_FIND, &s, "s", name);
    if (status == ASSAY_OK)
        status = store_step(store, s, exists);
    if (status || !*exists)
        return status;
    *same = strcmp((const char *)sqlite3_column_text(s, 1), sha) == 0;
    sqlite3_reset(s);
    return ASSAY_OK;
}

int assay_store_import_samples(
    assay_store *store, const char *name, const assay_table *samples, bool *already)
{
    char sha[ASSAY_SHA256_HEX];
    bool own, exists = false, same = false;
    *already = false;
    if (!name[0])
        return assay_fail(ASSAY_EINVAL, "a sample log needs a name");
    digest(samples, sha);
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = find_log(store, name, sha, &exists, &same);
    if (status == ASSAY_OK && !exists)
        status = add_log(store, name, sha, samples);
    else if (status == ASSAY_OK && !same)
        status = assay_fail(ASSAY_EINVAL,
            "there is a sample log \"%s\" with other content: choose another name", name);
    *already = exists && same;
    return store_leave(store, own, status);
}

int assay_store_samples_delete(assay_store *store, const char *name)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_LOG_DELETE, "s", name);
    if (status == ASSAY_OK && sqlite3_changes(store->db) == 0)
        status = assay_fail(ASSAY_ENOTFOUND, "there is no sample log \"%s\"", name);
    return store_leave(store, own, status);
}

/* ---- reading --------------------------------------------------------------------------------- */

void assay_sample_log_list_free(assay_sample_log_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->logs[i].name);
        free(list->logs[i].columns);
    }
    free(list->logs);
    *list = (assay_sample_log_list){0};
}

int assay_store_sample_logs(assay_store *store, assay_sample_log_list *out)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = (assay_sample_log_list){0};
    int status = store_bind(store, STORE_LOG_LIST, &s, "");
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)&out->logs, out->count, sizeof *out->logs);
        if (status)
            break;
        assay_sample_log *log = &out->logs[out->count++];
        *log = (assay_sample_log){
            .rows = sqlite3_column_int64(s, 2), .imported = sqlite3_column_double(s, 3)};
        status = store_text(s, 0, &log->name);
        if (status == ASSAY_OK)
            status = store_text(s, 1, &log->columns);
    }
    if (status) {
        sqlite3_reset(s);
        assay_sample_log_list_free(out);
    }
    return status;
}

/* The columns in their order; place[i] is where usual column i stands, or SIZE_MAX. */
static int make_columns(assay_table *table, const char *text, size_t place[USUAL])
{
    json_t *names = json_loads(text, 0, NULL), *name;
    size_t i, column;
    int status = ASSAY_OK;
    for (i = 0; i < USUAL; i++)
        place[i] = SIZE_MAX;
    if (!json_is_array(names))
        status = assay_fail(ASSAY_EFORMAT, "a sample log's columns are not a JSON array");
    json_array_foreach(names, i, name)
    {
        if (status == ASSAY_OK)
            status = assay_table_column(table, json_string_value(name), &column);
        int at = usual_of(json_string_value(name));
        if (status == ASSAY_OK && at >= 0)
            place[at] = column;
    }
    json_decref(names);
    return status;
}

static int set_json(assay_table *table, size_t column, const json_t *value)
{
    if (json_is_string(value))
        return assay_table_set_text(table, column, json_string_value(value));
    if (json_is_integer(value))
        return assay_table_set_integer(table, column, json_integer_value(value));
    if (json_is_real(value))
        return assay_table_set_number(table, column, json_real_value(value));
    const char *word = json_string_value(json_object_get(value, "number"));
    return assay_table_set_number(table, column, word ? strtod(word, NULL) : NAN);
}

static int set_extra(assay_table *table, const char *text)
{
    json_t *extra = json_loads(text, 0, NULL), *value;
    const char *name;
    size_t column;
    int status = extra
                     ? ASSAY_OK
                     : assay_fail(ASSAY_EFORMAT, "a sample's other columns are not JSON: %s", text);
    json_object_foreach(extra, name, value)
    {
        if (status == ASSAY_OK)
            status = assay_table_column(table, name, &column);
        if (status == ASSAY_OK)
            status = set_json(table, column, value);
    }
    json_decref(extra);
    return status;
}

static int set_usual(assay_table *table, size_t column, sqlite3_stmt *s, int at)
{
    switch (sqlite3_column_type(s, at)) {
    case SQLITE_NULL:
        return ASSAY_OK;
    case SQLITE_INTEGER:
        return assay_table_set_integer(table, column, sqlite3_column_int64(s, at));
    case SQLITE_FLOAT:
        return assay_table_set_number(table, column, sqlite3_column_double(s, at));
    default:
        return assay_table_set_text(table, column, (const char *)sqlite3_column_text(s, at));
    }
}

static int read_sample(assay_table *table, sqlite3_stmt *s, const size_t place[USUAL])
{
    int status = assay_table_append(table);
    for (int i = 0; status == ASSAY_OK && i < USUAL; i++)
        if (place[i] != SIZE_MAX)
            status = set_usual(table, place[i], s, i);
    if (status == ASSAY_OK && sqlite3_column_type(s, USUAL) != SQLITE_NULL)
        status = set_extra(table, (const char *)sqlite3_column_text(s, USUAL));
    return status;
}

static int unknown_log(assay_store *store, const char *name)
{
    char hint[512] = "";
    assay_sample_log_list list;
    if (assay_store_sample_logs(store, &list) == ASSAY_OK) {
        const char **names = malloc((list.count + 1) * sizeof *names);
        for (size_t i = 0; names && i < list.count; i++)
            names[i] = list.logs[i].name;
        if (names)
            assay_suggest(name, names, list.count, hint, sizeof hint);
        free(names);
        assay_sample_log_list_free(&list);
    }
    return assay_fail(ASSAY_ENOTFOUND, "there is no sample log \"%s\"%s", name, hint);
}

static int read_log(assay_store *store, const char *name, assay_table *table)
{
    sqlite3_stmt *s;
    bool row = false;
    size_t place[USUAL];
    int status = store_bind(store, STORE_LOG_FIND, &s, "s", name);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return unknown_log(store, name);
    int64_t log = sqlite3_column_int64(s, 0);
    status = make_columns(table, (const char *)sqlite3_column_text(s, 2), place);
    sqlite3_reset(s);
    if (status == ASSAY_OK)
        status = store_bind(store, STORE_SAMPLE_LIST, &s, "i", log);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = read_sample(table, s, place);
    }
    sqlite3_reset(s);
    return status;
}

int assay_store_samples(assay_store *store, const char *name, assay_table **out)
{
    bool own;
    *out = NULL;
    assay_table *table = assay_table_new();
    if (!table)
        return no_memory();
    int status = store_read_enter(store, &own);
    if (status == ASSAY_OK) {
        status = read_log(store, name, table);
        store_read_leave(store, own);
    }
    if (status) {
        assay_table_free(table);
        return status;
    }
    *out = table;
    return ASSAY_OK;
}
