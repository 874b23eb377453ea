/* Tables as JSON lines. */
#include "data/jsonl.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/status.h"
#include "data/lines.h"

struct reader {
    const char *path;
    assay_table *table;
};

static int take_object(void *context, size_t line, json_t *object)
{
    struct reader *r = context;
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return assay_fail(ASSAY_EFORMAT, "%s:%zu: each line must be an object, got %s", r->path,
            line, assay_json_kind(object));
    int status = assay_table_append(r->table);
    json_object_foreach(object, name, value)
    {
        if (!status)
            status = assay_json_entry(r->table, r->path, line, name, value);
    }
    return status;
}

int assay_jsonl_read(const char *path, const assay_progress *progress, assay_table **out)
{
    struct reader r = {path, assay_table_new()};
    int status = r.table ? assay_json_lines(path, progress, take_object, &r)
                         : assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    if (status)
        assay_table_free(r.table);
    else
        *out = r.table;
    return status;
}

static json_t *entry_json(const assay_datum *entry)
{
    if (entry->kind == ASSAY_DATUM_TEXT)
        return json_string(entry->text);
    if (entry->kind == ASSAY_DATUM_INTEGER)
        return json_integer((json_int_t)entry->number);
    return json_real(entry->number);
}

static int write_row(FILE *out, const assay_table *table, size_t row)
{
    json_t *object = json_object();
    int status = ASSAY_OK;
    for (size_t j = 0; j < assay_table_columns(table) && !status; j++) {
        assay_datum entry = assay_table_get(table, row, j);
        const char *name = assay_table_name(table, j);
        if (entry.kind == ASSAY_DATUM_MISSING)
            continue;
        if (entry.kind == ASSAY_DATUM_NUMBER && !isfinite(entry.number))
            status = assay_fail(ASSAY_EINVAL, "jsonl: row %zu, \"%s\": JSON has no %g", row + 1,
                name, entry.number);
        else if (json_object_set_new(object, name, entry_json(&entry)) != 0)
            status = assay_fail(ASSAY_EINVAL, "jsonl: row %zu, \"%s\" is not UTF-8", row + 1, name);
    }
    if (!status && (json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0 ||
                       fputc('\n', out) == EOF))
        status = assay_fail(ASSAY_EIO, "jsonl: cannot write: %s", strerror(errno));
    json_decref(object);
    return status;
}

int assay_jsonl_write(FILE *out, const assay_table *table)
{
    int status = ASSAY_OK;
    for (size_t row = 0; row < assay_table_rows(table) && !status; row++)
        status = write_row(out, table, row);
    if (!status && fflush(out) != 0)
        status = assay_fail(ASSAY_EIO, "jsonl: cannot write: %s", strerror(errno));
    return status;
}
