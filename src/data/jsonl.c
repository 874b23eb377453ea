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

bool assay_jsonl_text(FILE *out, const char *text)
{
    json_t *value = json_string(text);
    bool ok = value && json_dumpf(value, out, JSON_ENCODE_ANY) == 0;
    json_decref(value);
    return ok;
}

bool assay_jsonl_entry(FILE *out, const assay_datum *entry)
{
    char text[64];
    if (entry->kind == ASSAY_DATUM_TEXT)
        return assay_jsonl_text(out, entry->text);
    assay_datum_text(entry, text, sizeof text);
    const bool whole = entry->kind == ASSAY_DATUM_NUMBER && !strpbrk(text, ".en");
    return fprintf(out, "%s%s", text, whole ? ".0" : "") > 0;
}

/* Can it be JSON? */
static int check_entry(const assay_datum *entry, size_t row, const char *name)
{
    json_t *text = entry->kind == ASSAY_DATUM_TEXT ? json_string(entry->text) : NULL;
    if (entry->kind == ASSAY_DATUM_TEXT && !text)
        return assay_fail(ASSAY_EINVAL, "jsonl: row %zu, \"%s\" is not UTF-8", row + 1, name);
    json_decref(text);
    if (entry->kind == ASSAY_DATUM_NUMBER && !isfinite(entry->number))
        return assay_fail(
            ASSAY_EINVAL, "jsonl: row %zu, \"%s\": JSON has no %g", row + 1, name, entry->number);
    return ASSAY_OK;
}

static int write_row(FILE *out, const assay_table *table, size_t row)
{
    const char *before = "{";
    for (size_t j = 0; j < assay_table_columns(table); j++) {
        const assay_datum entry = assay_table_get(table, row, j);
        const char *name = assay_table_name(table, j);
        if (entry.kind == ASSAY_DATUM_MISSING)
            continue;
        const int status = check_entry(&entry, row, name);
        if (status)
            return status;
        if (fputs(before, out) < 0 || !assay_jsonl_text(out, name) || fputc(':', out) == EOF ||
            !assay_jsonl_entry(out, &entry))
            return assay_fail(ASSAY_EIO, "jsonl: cannot write: %s", strerror(errno));
        before = ",";
    }
    return fputs(*before == '{' ? "{}\n" : "}\n", out) < 0
               ? assay_fail(ASSAY_EIO, "jsonl: cannot write: %s", strerror(errno))
               : ASSAY_OK;
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
