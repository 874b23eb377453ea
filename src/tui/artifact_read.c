/*
 * What an artifact's bytes are. Tables are CSV, tab-separated, JSON lines, a JSON list of lists of
 * numbers, or a NumPy array of two sides; the readers of files (src/data) read them from a file in
 * memory. Sets of points are tables with columns of numbers.
 */
#include "tui/artifact.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/status.h"
#include "data/csv.h"
#include "data/jsonl.h"
#include "data/npy.h"

enum { LARGEST_TABLE = 64 << 20 };

const char *artifact_way_name(enum artifact_way way)
{
    static const char *const names[ARTIFACT_WAYS] = {"image", "table", "points", "text", "bytes"};
    return names[way];
}

enum artifact_way artifact_first_way(const struct artifact_content *content)
{
    enum artifact_way way = AS_IMAGE;
    if (content->can[AS_POINTS] && strcasecmp(content->points.names[0], "x") == 0)
        return AS_POINTS;
    while (!content->can[way])
        way++;
    return way;
}

/* ---- tables ---- */

/* A file in memory with these bytes, and its path; -1: there is none. */
static int open_memory(const void *data, size_t size, char path[64])
{
    int file = memfd_create("artifact", MFD_CLOEXEC);
    size_t written = 0;
    while (file >= 0 && written < size) {
        ssize_t n = write(file, (const char *)data + written, size - written);
        if (n <= 0) {
            close(file);
            return -1;
        }
        written += (size_t)n;
    }
    snprintf(path, 64, "/proc/self/fd/%d", file);
    return file;
}

typedef int reader(const char *path, const assay_progress *progress, assay_table **out);

static assay_table *read_table(const void *data, size_t size, reader *read)
{
    char path[64];
    assay_table *table = NULL;
    int file = open_memory(data, size, path);
    if (file < 0)
        return NULL;
    if (read(path, NULL, &table) != ASSAY_OK)
        table = NULL;
    close(file);
    return table;
}

/* Tabs become commas, and entries with commas or quotes are quoted. */
static assay_table *read_tabs(const char *data, size_t size)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && !strchr("\t\r\n", data[end]))
            end++;
        bool quote = memchr(data + at, ',', end - at) || memchr(data + at, '"', end - at);
        fputs(quote ? "\"" : "", out);
        for (; at < end; at++)
            fputs(data[at] == '"' ? "\"\"" : (char[]){data[at], '\0'}, out);
        fputs(quote ? "\"" : "", out);
        if (at < size)
            fputc(data[at] == '\t' ? ',' : data[at], out);
        at++;
    }
    bool good = fclose(out) == 0;
    assay_table *table = good ? read_table(text, length, assay_csv_read) : NULL;
    free(text);
    return table;
}

/* Columns without names: x, y and z, or 1, 2, 3, ... */
static assay_table *new_table(size_t columns)
{
    char name[32];
    size_t at;
    assay_table *table = assay_table_new();
    for (size_t i = 0; table && i < columns; i++) {
        snprintf(name, sizeof name, "%zu", i + 1);
        if (columns == 2 || columns == 3)
            snprintf(name, sizeof name, "%c", (int)('x' + i));
        if (assay_table_column(table, name, &at) != ASSAY_OK) {
            assay_table_free(table);
            return NULL;
        }
    }
    return table;
}

/* A list of lists, each of as many numbers. */
static assay_table *read_json(const char *data, size_t size)
{
    json_t *rows = json_loadb(data, size, 0, NULL), *row, *number;
    size_t i, j, columns = json_array_size(json_array_get(rows, 0));
    assay_table *table = columns ? new_table(columns) : NULL;
    bool good = table != NULL;
    json_array_foreach(rows, i, row)
    {
        good = good && json_array_size(row) == columns && assay_table_append(table) == ASSAY_OK;
        if (!good)
            break;
        json_array_foreach(row, j, number) good =
            good && json_is_number(number) &&
            assay_table_set_number(table, j, json_number_value(number)) == ASSAY_OK;
    }
    json_decref(rows);
    if (good)
        return table;
    assay_table_free(table);
    return NULL;
}

static assay_table *read_array(const void *data, size_t size)
{
    char path[64];
    assay_array array = {0};
    assay_table *table = NULL;
    int file = open_memory(data, size, path);
    bool good = file >= 0 && assay_npy_read(path, NULL, &array) == ASSAY_OK && array.rank == 2 &&
                array.shape[1] > 0;
    if (good)
        table = new_table(array.shape[1]);
    for (size_t i = 0; table && i < array.shape[0]; i++) {
        bool added = assay_table_append(table) == ASSAY_OK;
        for (size_t j = 0; added && j < array.shape[1]; j++)
            added = assay_table_set_number(
                        table, j, assay_array_at(&array, i * array.shape[1] + j)) == ASSAY_OK;
        if (!added) {
            assay_table_free(table);
            table = NULL;
        }
    }
    assay_array_free(&array);
    if (file >= 0)
        close(file);
    return table;
}

/* A text that is called no table is one when it has two columns and two rows. */
static bool is_table(const assay_table *table, const char *type)
{
    bool called = strstr(type, "csv") || strstr(type, "tab-separated") || strstr(type, "json");
    return assay_table_columns(table) >= (called ? 1 : 2) &&
           assay_table_rows(table) >= (called ? 1 : 2);
}

static assay_table *find_table(const struct artifact_content *self, const char *type)
{
    const char *text = (const char *)self->data;
    size_t size = self->size, line = 0;
    assay_table *table = NULL;
    if (!size || size > LARGEST_TABLE)
        return NULL;
    if (size > 6 && memcmp(text, "\x93NUMPY", 6) == 0)
        return read_array(text, size);
    while (line < size && text[line] != '\n')
        line++;
    if (!self->can[AS_TEXT])
        return NULL;
    if (text[0] == '{')
        table = read_table(text, size, assay_jsonl_read);
    else if (text[0] == '[')
        table = read_json(text, size);
    else if (memchr(text, '\t', line))
        table = read_tabs(text, size);
    else
        table = read_table(text, size, assay_csv_read);
    if (table && !is_table(table, type)) {
        assay_table_free(table);
        table = NULL;
    }
    return table;
}

/* ---- texts ---- */

static bool is_text(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] < ' ' && !(data[i] && strchr("\n\r\t\f", data[i])))
            return false;
    return true;
}

static int find_lines(struct artifact_content *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->size; i++)
        count += self->data[i] == '\n';
    self->lines = malloc((count + 2) * sizeof *self->lines);
    if (!self->lines)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    self->lines[0] = 0;
    for (size_t i = 0; i < self->size; i++)
        if (self->data[i] == '\n' || i + 1 == self->size)
            self->lines[++self->line_count] = i + 1;
    return ASSAY_OK;
}

/* ---- all of it ---- */

int artifact_content_read(void *data, size_t size, const char *type, struct artifact_content *out)
{
    *out = (struct artifact_content){.data = data, .size = size};
    out->can[AS_BYTES] = true;
    out->can[AS_TEXT] = is_text(data, size);
    out->can[AS_IMAGE] = tui_picture_read(data, size, &out->picture);
    out->table = out->can[AS_IMAGE] ? NULL : find_table(out, type);
    out->can[AS_TABLE] = out->table != NULL;
    out->can[AS_POINTS] = out->table && tui_points_read(out->table, &out->points);
    return out->can[AS_TEXT] ? find_lines(out) : ASSAY_OK;
}

void artifact_content_clear(struct artifact_content *content)
{
    tui_picture_free(&content->picture);
    tui_points_free(&content->points);
    assay_table_free(content->table);
    free(content->lines);
    free(content->data);
    *content = (struct artifact_content){0};
}
