/*
 * JSON lines by jansson.
 *
 * The lines are collected here instead of by getline, which would take all memory for a file
 * without line ends before its length could be judged.
 */
#include "data/lines.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/jsonl.h"

struct walk {
    const char *path;
    size_t line;
    int (*take)(void *context, size_t line, json_t *value);
    void *context;
};

const char *assay_json_kind(const json_t *value)
{
    static const char *const names[] = {[JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "a list",
        [JSON_STRING] = "a text",
        [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number",
        [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",
        [JSON_NULL] = "null"};
    return names[json_typeof(value)];
}

static int set_integer(assay_table *table, const char *path, size_t line, const char *name,
    size_t column, long long number)
{
    if (assay_table_set_integer(table, column, number) == ASSAY_EINVAL)
        return assay_fail(ASSAY_EINVAL, "%s:%zu: \"%s\": %s", path, line, name, assay_errmsg());
    return ASSAY_OK;
}

int assay_json_entry(
    assay_table *table, const char *path, size_t line, const char *name, const json_t *value)
{
    size_t column;
    int status = assay_table_column(table, name, &column);
    if (status)
        return status;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return assay_table_set_text(table, column, json_string_value(value));
    case JSON_REAL:
        return assay_table_set_number(table, column, json_real_value(value));
    case JSON_INTEGER:
        return set_integer(table, path, line, name, column, (long long)json_integer_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return set_integer(table, path, line, name, column, json_is_true(value));
    case JSON_NULL:
        return ASSAY_OK;
    default:
        return assay_fail(ASSAY_EFORMAT,
            "%s:%zu: \"%s\" must be a text, a number or a boolean, got %s", path, line, name,
            assay_json_kind(value));
    }
}

static int take_line(const struct walk *w, const char *line, size_t length)
{
    if (w->line == 1 && length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        length -= 3;
    }
    size_t blank = 0;
    while (blank < length && strchr(" \t\r", line[blank]) && line[blank])
        blank++;
    if (blank == length)
        return ASSAY_OK;
    json_error_t error;
    json_t *value = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value)
        return assay_fail(
            ASSAY_EFORMAT, "%s:%zu: %s (at column %d)", w->path, w->line, error.text, error.column);
    int status = w->take(w->context, w->line, value);
    json_decref(value);
    return status;
}

/* The next line without its end; *length is SIZE_MAX behind the last. */
static int read_line(const struct walk *w, FILE *file, char **line, size_t *room, size_t *length)
{
    int byte = getc_unlocked(file);
    *length = byte == EOF ? SIZE_MAX : 0;
    for (; byte != EOF && byte != '\n'; byte = getc_unlocked(file)) {
        if (*length == ASSAY_JSONL_LONGEST_LINE)
            return assay_fail(ASSAY_EFORMAT, "%s:%zu: this line is longer than %zu MiB", w->path,
                w->line, ASSAY_JSONL_LONGEST_LINE >> 20);
        if (*length == *room) {
            size_t wanted = *room ? 2 * *room : 4096;
            char *grown = realloc(*line, wanted);
            if (!grown)
                return assay_fail(ASSAY_ENOMEM, "%s:%zu: out of memory", w->path, w->line);
            *line = grown;
            *room = wanted;
        }
        (*line)[(*length)++] = (char)byte;
    }
    if (ferror(file))
        return assay_fail(ASSAY_EIO, "%s: %s", w->path, strerror(errno));
    return ASSAY_OK;
}

int assay_json_lines(
    const char *path, int (*take)(void *context, size_t line, json_t *value), void *context)
{
    struct walk w = {path, 0, take, context};
    char *line = NULL;
    size_t room = 0, length = 0;
    int status = ASSAY_OK;
    FILE *file = fopen(path, "rb");
    if (!file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    while (!status) {
        w.line++;
        status = read_line(&w, file, &line, &room, &length);
        if (status || length == SIZE_MAX)
            break;
        if (length > 0)
            status = take_line(&w, line, length);
    }
    free(line);
    fclose(file);
    return status;
}
