/*
 * Logs of graded samples, line by line.
 *
 * Repeated samples and the default numbering are found with one hash map from (problem, sample) to a
 * line or a count; problems are compared by the table's interned texts.
 */
#include "data/samples.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/status.h"
#include "data/lines.h"

enum { PROBLEM, SAMPLE, CORRECT, FIXED_COLUMNS };

enum kind { TEXT = 1, INTEGER = 2, REAL = 4, BOOLEAN = 8, EMPTY = 16 };

static const struct known_field {
    const char *name;
    unsigned kinds;
    const char *wanted;
} known_fields[] = {
    [PROBLEM] = {"problem", TEXT | INTEGER, "a text or an integer"},
    [SAMPLE] = {"sample", INTEGER | EMPTY, "an integer >= 0"},
    [CORRECT] = {"correct", BOOLEAN, "true or false"},
    {"answer", TEXT | INTEGER | REAL | EMPTY, "a text or a number"},
    {"reward", INTEGER | REAL | EMPTY, "a number"},
    {"logprob", INTEGER | REAL | EMPTY, "a number"},
    {"tokens", INTEGER | EMPTY, "an integer >= 0"},
    {"cost", INTEGER | REAL | EMPTY, "a number"},
    {"text", TEXT | EMPTY, "a text"},
};

static const struct known_field any_field = {
    NULL, TEXT | INTEGER | REAL | BOOLEAN | EMPTY, "a text, a number or a boolean"};

/* What is known of (problem, sample), or with sample -1 of a problem. */
struct slot {
    uint64_t problem;
    long long sample;
    size_t
        value; /* the sample's line; how many samples of the problem were met; 0: an empty slot */
};

struct reader {
    const char *path;
    size_t line;
    assay_table *table;
    assay_datum_kind problem_kind;
    struct slot *slots;
    size_t used, room; /* a power of two */
};

__attribute__((format(printf, 2, 3))) static int refuse(
    const struct reader *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return assay_fail(ASSAY_EFORMAT, "%s:%zu: %s", r->path, r->line, text);
}

/* ------------------------------------------------------------------ the map */

static struct slot *slot_of(struct slot *slots, size_t room, uint64_t problem, long long sample)
{
    uint64_t h = (problem ^ (uint64_t)sample * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    size_t i = (size_t)(h ^ h >> 32) & (room - 1);
    while (slots[i].value && (slots[i].problem != problem || slots[i].sample != sample))
        i = (i + 1) & (room - 1);
    return &slots[i];
}

static int make_room(struct reader *r)
{
    if (r->slots && 2 * (r->used + 2) < r->room)
        return ASSAY_OK;
    size_t room = r->room ? 2 * r->room : 1024;
    struct slot *slots = calloc(room, sizeof *slots);
    if (!slots)
        return assay_fail(ASSAY_ENOMEM, "%s:%zu: out of memory", r->path, r->line);
    for (size_t i = 0; i < r->room; i++)
        if (r->slots[i].value)
            *slot_of(slots, room, r->slots[i].problem, r->slots[i].sample) = r->slots[i];
    free(r->slots);
    r->slots = slots;
    r->room = room;
    return ASSAY_OK;
}

static struct slot *reach(struct reader *r, uint64_t problem, long long sample)
{
    struct slot *slot = slot_of(r->slots, r->room, problem, sample);
    if (slot->value == 0) {
        slot->problem = problem;
        slot->sample = sample;
        r->used++;
    }
    return slot;
}

/* ------------------------------------------------------------------ one object */

static unsigned kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return TEXT;
    case JSON_INTEGER:
        return INTEGER;
    case JSON_REAL:
        return REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return BOOLEAN;
    case JSON_NULL:
        return EMPTY;
    default:
        return 0;
    }
}

static const struct known_field *field_named(const char *name)
{
    for (size_t i = 0; i < sizeof known_fields / sizeof *known_fields; i++)
        if (strcmp(known_fields[i].name, name) == 0)
            return &known_fields[i];
    return &any_field;
}

static int set_field(struct reader *r, const char *name, const json_t *value)
{
    const struct known_field *field = field_named(name);
    unsigned kind = kind_of(value);
    bool negative = field->kinds == (INTEGER | EMPTY) && json_integer_value(value) < 0;
    if (!(field->kinds & kind))
        return refuse(r, "\"%s\" must be %s, got %s", name, field->wanted, assay_json_kind(value));
    if (negative)
        return refuse(r, "\"%s\" must be %s, got %lld", name, field->wanted,
            (long long)json_integer_value(value));
    return assay_json_entry(r->table, r->path, r->line, name, value);
}

/* A key that is equal for equal problems: an interned text's address or the integer. */
static int problem_key(struct reader *r, uint64_t *key)
{
    assay_datum problem = assay_table_get(r->table, assay_table_rows(r->table) - 1, PROBLEM);
    if (r->problem_kind == ASSAY_DATUM_MISSING)
        r->problem_kind = problem.kind;
    if (problem.kind != r->problem_kind)
        return refuse(r, "\"problem\" is %s here, but %s in the lines before",
            problem.kind == ASSAY_DATUM_TEXT ? "a text" : "an integer",
            problem.kind == ASSAY_DATUM_TEXT ? "an integer" : "a text");
    *key = problem.kind == ASSAY_DATUM_TEXT ? (uint64_t)(uintptr_t)problem.text
                                            : (uint64_t)(long long)problem.number;
    return ASSAY_OK;
}

/* Number the sample if it has no number, and see that it is new. */
static int identify(struct reader *r)
{
    uint64_t problem = 0;
    int status = problem_key(r, &problem);
    if (!status)
        status = make_room(r);
    if (status)
        return status;
    size_t number = ++reach(r, problem, -1)->value;
    size_t row = assay_table_rows(r->table) - 1;
    assay_datum sample = assay_table_get(r->table, row, SAMPLE);
    if (sample.kind == ASSAY_DATUM_MISSING) {
        status = assay_table_set_integer(r->table, SAMPLE, (long long)number);
        sample.number = (double)number;
    }
    if (status)
        return status;
    struct slot *seen = reach(r, problem, (long long)sample.number);
    if (seen->value) {
        char name[128];
        assay_datum entry = assay_table_get(r->table, row, PROBLEM);
        assay_datum_text(&entry, name, sizeof name);
        return refuse(r, "sample %.0f of problem \"%s\" was met before, in line %zu", sample.number,
            name, seen->value);
    }
    seen->value = r->line;
    return ASSAY_OK;
}

static int take_object(void *context, size_t line, json_t *object)
{
    struct reader *r = context;
    r->line = line;
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return refuse(r, "each line must be an object {\"problem\": ..., \"correct\": ...}, got %s",
            assay_json_kind(object));
    for (int i = PROBLEM; i <= CORRECT; i += CORRECT - PROBLEM)
        if (!json_object_get(object, known_fields[i].name))
            return refuse(
                r, "\"%s\" (%s) is missing", known_fields[i].name, known_fields[i].wanted);
    int status = assay_table_append(r->table);
    json_object_foreach(object, name, value)
    {
        if (!status)
            status = set_field(r, name, value);
    }
    return status ? status : identify(r);
}

/* ------------------------------------------------------------------ the file */

int assay_samples_read(const char *path, assay_table **out)
{
    struct reader r = {.path = path, .table = assay_table_new()};
    int status = r.table ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    for (int i = 0; i < FIXED_COLUMNS && !status; i++) {
        size_t column;
        status = assay_table_column(r.table, known_fields[i].name, &column);
    }
    if (!status)
        status = assay_json_lines(path, take_object, &r);
    if (!status && assay_table_rows(r.table) == 0)
        status = assay_fail(ASSAY_EFORMAT,
            "%s: holds no samples; each line must be an object {\"problem\": ..., \"correct\": "
            "...}",
            path);
    if (!status) {
        *out = r.table;
        r.table = NULL;
    }
    assay_table_free(r.table);
    free(r.slots);
    return status;
}
