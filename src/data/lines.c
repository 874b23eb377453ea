/*
 * JSON lines by jansson.
 *
 * The lines are collected here instead of by getline, which would take all memory for a file
 * without line ends before its length could be judged.
 */
#include "data/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/status.h"
#include "data/input.h"
#include "data/jsonl.h"

struct walk {
    const char *path;
    size_t line;
    int (*take)(void *context, size_t line, json_t *value);
    void *context;
    const assay_progress *progress;
    double size; /* of the file */
};

enum { STEP = 256 }; /* lines or objects between two reports */

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

static int report(const struct walk *w, FILE *file)
{
    return assay_progress_report(w->progress, (double)ftello(file), w->size);
}

/* Of a file that was just opened. */
static int start(struct walk *w, FILE *file)
{
    struct stat about;
    w->size = fstat(fileno(file), &about) == 0 ? (double)about.st_size : 0;
    return assay_input_refuse_gzip(file, w->path);
}

static int walk_lines(struct walk *w, FILE *file)
{
    char *line = NULL;
    size_t room = 0, length = 0;
    int status = ASSAY_OK;
    while (!status) {
        w->line++;
        status = read_line(w, file, &line, &room, &length);
        if (status || length == SIZE_MAX)
            break;
        if (length > 0)
            status = take_line(w, line, length);
        if (!status && w->line % STEP == 0)
            status = report(w, file);
    }
    free(line);
    return status;
}

int assay_json_lines(const char *path, const assay_progress *progress,
    int (*take)(void *context, size_t line, json_t *value), void *context)
{
    struct walk w = {path, 0, take, context, progress, 0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    int status = start(&w, file);
    if (!status)
        status = walk_lines(&w, file);
    fclose(file);
    return status;
}

/* ---- one list of objects ---- */

/* What jansson reads from, one byte at a time: behind an object nothing of the file is used up. */
struct source {
    FILE *file;
    size_t line, bytes;
};

static size_t next_byte(void *buffer, size_t size, void *context)
{
    struct source *source = context;
    int byte =
        size > 0 && source->bytes < ASSAY_JSONL_LONGEST_LINE ? getc_unlocked(source->file) : EOF;
    if (byte == EOF)
        return 0;
    source->line += byte == '\n';
    source->bytes++;
    *(char *)buffer = (char)byte;
    return 1;
}

/* The next byte that is no blank, which stays in the file; EOF at its end. */
static int peek(struct source *source)
{
    int byte = getc_unlocked(source->file);
    for (; byte != EOF && strchr(" \t\r\n", byte) && byte; byte = getc_unlocked(source->file))
        source->line += byte == '\n';
    return byte == EOF ? EOF : ungetc(byte, source->file);
}

static int take_next(const struct walk *w, struct source *source)
{
    json_error_t error;
    size_t line = source->line;
    source->bytes = 0;
    json_t *value = json_load_callback(
        next_byte, source, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
    if (!value && source->bytes == ASSAY_JSONL_LONGEST_LINE)
        return assay_fail(ASSAY_EFORMAT, "%s:%zu: this object is longer than %zu MiB", w->path,
            line, ASSAY_JSONL_LONGEST_LINE >> 20);
    if (!value)
        return assay_fail(ASSAY_EFORMAT, "%s:%zu: %s", w->path, source->line, error.text);
    int status = w->take(w->context, line, value);
    json_decref(value);
    return status;
}

static int misplaced(const struct walk *w, const struct source *source, const char *what)
{
    return assay_fail(ASSAY_EFORMAT, "%s:%zu: %s", w->path, source->line, what);
}

/* From the '[' on. */
static int walk_list(const struct walk *w, struct source *source)
{
    getc_unlocked(source->file);
    int status = ASSAY_OK, next = peek(source);
    size_t objects = 0;
    while (next != ']') {
        if (next != '{')
            return misplaced(w, source, "the list must hold objects");
        status = take_next(w, source);
        if (!status && ++objects % STEP == 0)
            status = report(w, source->file);
        if (status)
            return status;
        next = peek(source);
        if (next == ',') {
            getc_unlocked(source->file);
            next = peek(source) == ']' ? ',' : peek(source);
        } else if (next != ']')
            return misplaced(w, source, "',' or ']' must follow an object");
    }
    getc_unlocked(source->file);
    return peek(source) == EOF ? ASSAY_OK : misplaced(w, source, "nothing may follow the list");
}

/* Past a byte order mark. */
static int skip_mark(const struct walk *w, FILE *file)
{
    int byte = getc_unlocked(file);
    if (byte != 0xef)
        return byte == EOF || ungetc(byte, file) != EOF ? ASSAY_OK : ASSAY_EIO;
    if (getc_unlocked(file) == 0xbb && getc_unlocked(file) == 0xbf)
        return ASSAY_OK;
    return assay_fail(ASSAY_EFORMAT, "%s:1: is not UTF-8 text", w->path);
}

int assay_json_objects(const char *path, const assay_progress *progress,
    int (*take)(void *context, size_t line, json_t *value), void *context)
{
    struct walk w = {path, 0, take, context, progress, 0};
    struct source source = {fopen(path, "rb"), 1, 0};
    if (!source.file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    int status = start(&w, source.file);
    if (!status)
        status = skip_mark(&w, source.file);
    if (!status && peek(&source) == '[') {
        status = walk_list(&w, &source);
        if (ferror(source.file))
            status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    } else if (!status) {
        w.line = source.line - 1;
        status = walk_lines(&w, source.file);
    }
    fclose(source.file);
    return status;
}
