/*
 * Logs of samples, line by line. Foreign forms become plain objects first (samples_forms.c), so
 * that all samples pass the same checks.
 *
 * Repeated samples and the default numbering are found with one hash map from (problem, sample) to
 * a line or a count; problems are compared by the table's interned texts.
 */
#include "data/samples.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/status.h"
#include "data/lines.h"
#include "data/samples_forms.h"

enum { PROBLEM, SAMPLE, FIXED_COLUMNS, CORRECT = FIXED_COLUMNS };
enum { COUNT = -1, LINES = -2 }; /* what is counted of a problem: samples, lines of the harness */

enum kind { TEXT = 1, INTEGER = 2, REAL = 4, BOOLEAN = 8, EMPTY = 16 };

static const struct known_field {
    const char *name;
    unsigned kinds;
    const char *wanted;
} known_fields[] = {
    [PROBLEM] = {"problem", TEXT | INTEGER, "a text or an integer"},
    [SAMPLE] = {"sample", INTEGER | EMPTY, "an integer >= 0"},
    [CORRECT] = {"correct", BOOLEAN | EMPTY, "true or false"},
    {"answer", TEXT | INTEGER | REAL | EMPTY, "a text or a number"},
    {"reward", INTEGER | REAL | EMPTY, "a number"},
    {"logprob", INTEGER | REAL | EMPTY, "a number"},
    {"tokens", INTEGER | EMPTY, "an integer >= 0"},
    {"cost", INTEGER | REAL | EMPTY, "a number"},
    {"text", TEXT | EMPTY, "a text"},
};

static const struct known_field any_field = {
    NULL, TEXT | INTEGER | REAL | BOOLEAN | EMPTY, "a text, a number or a boolean"};

/* What is known of (problem, sample), or with a negative sample of a problem. */
struct slot {
    uint64_t problem;
    long long sample;
    size_t value; /* the sample's line, or how many were counted; 0: an empty slot */
};

struct reader {
    const char *path;
    const assay_samples_options *options;
    assay_samples_found *found;
    size_t line, first; /* the present one, the one that told the form; 0: none yet */
    assay_samples_form form;
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
    size_t number = ++reach(r, problem, COUNT)->value;
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

static int take_plain(struct reader *r, json_t *object)
{
    const char *name;
    json_t *value, *correct = json_object_get(object, known_fields[CORRECT].name);
    bool graded = correct && !json_is_null(correct);
    if (!json_object_get(object, known_fields[PROBLEM].name))
        return refuse(r, "\"problem\" (%s) is missing", known_fields[PROBLEM].wanted);
    if (!graded && !json_object_get(object, "text") && !json_object_get(object, "answer"))
        return refuse(r, "\"correct\" (%s) is missing", known_fields[CORRECT].wanted);
    int status = assay_table_append(r->table);
    if (!status && graded)
        status = set_field(r, known_fields[CORRECT].name, correct);
    json_object_foreach(object, name, value)
    {
        if (!status && strcmp(name, known_fields[CORRECT].name) != 0)
            status = set_field(r, name, value);
    }
    r->found->ungraded += !graded;
    return status ? status : identify(r);
}

/* ------------------------------------------------------------------ other forms */

/* Is this line of the filter whose answers count? In logs that don't name their filters a
 * document's lines are told apart by their order. */
static int of_filter(struct reader *r, const json_t *object, bool *taken)
{
    const json_t *named = json_object_get(object, "filter");
    const json_t *document = json_object_get(object, "doc_id");
    char number[32];
    if (make_room(r))
        return ASSAY_ENOMEM;
    size_t nth = ++reach(r, (uint64_t)json_integer_value(document), LINES)->value;
    const char *name = json_string_value(named), *wanted = r->options->filter;
    if (!name && !wanted && nth > 1)
        return refuse(r,
            "doc_id %lld was met before: if these are filters, which this log does not name, the "
            "filter \"1\" takes the first line of every document, \"2\" the second",
            (long long)json_integer_value(document));
    snprintf(number, sizeof number, "%zu", nth);
    if (!name)
        name = wanted ? number : "";
    if (!wanted && !r->found->filter[0])
        snprintf(r->found->filter, sizeof r->found->filter, "%s", name);
    *taken = strcmp(name, wanted ? wanted : r->found->filter) == 0;
    r->found->filtered += !*taken;
    return ASSAY_OK;
}

static int take_document(struct reader *r, json_t *object, json_t *rows)
{
    bool taken = false;
    const char *metric;
    int status = of_filter(r, object, &taken);
    if (status || !taken)
        return status;
    if (assay_samples_metric(object, r->options->metric, &metric) ||
        assay_samples_harness(object, metric, rows))
        return refuse(r, "%s", assay_errmsg());
    snprintf(r->found->metric, sizeof r->found->metric, "%s", metric);
    return ASSAY_OK;
}

static int take_request(struct reader *r, json_t *object, json_t *rows)
{
    bool failed;
    int status = assay_samples_batch(object, &failed, rows);
    if (status && failed && r->options->skip_failed) {
        r->found->failed++;
        return ASSAY_OK;
    }
    return status ? refuse(r, "%s", assay_errmsg()) : ASSAY_OK;
}

static int take_foreign(struct reader *r, json_t *object)
{
    json_t *rows = json_array(), *row;
    size_t i;
    int status = !rows ? assay_fail(ASSAY_ENOMEM, "%s:%zu: out of memory", r->path, r->line)
                 : r->form == ASSAY_SAMPLES_HARNESS ? take_document(r, object, rows)
                                                    : take_request(r, object, rows);
    json_array_foreach(rows, i, row)
    {
        if (!status)
            status = take_plain(r, row);
    }
    json_decref(rows);
    return status;
}

static int take_object(void *context, size_t line, json_t *object)
{
    struct reader *r = context;
    r->line = line;
    if (!json_is_object(object))
        return refuse(r, "each line must be an object {\"problem\": ..., \"correct\": ...}, got %s",
            assay_json_kind(object));
    assay_samples_form form = assay_samples_form_of(object);
    if (r->first == 0) {
        r->first = line;
        r->form = form;
        r->found->form = assay_samples_form_name(form);
    }
    if (form != r->form && r->form != ASSAY_SAMPLES_PLAIN)
        return refuse(r, "is not of the form %s, which line %zu has", r->found->form, r->first);
    return r->form == ASSAY_SAMPLES_PLAIN ? take_plain(r, object) : take_foreign(r, object);
}

/* ------------------------------------------------------------------ the file */

int assay_samples_import(const char *path, const assay_samples_options *options, assay_table **out,
    assay_samples_found *found)
{
    static const assay_samples_options defaults;
    assay_samples_found unused;
    struct reader r = {.path = path,
        .options = options ? options : &defaults,
        .found = found ? found : &unused,
        .table = assay_table_new()};
    *r.found = (assay_samples_found){0};
    int status = r.table ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    for (int i = 0; i < FIXED_COLUMNS && !status; i++) {
        size_t column;
        status = assay_table_column(r.table, known_fields[i].name, &column);
    }
    if (!status)
        status = assay_json_objects(path, r.options->progress, take_object, &r);
    if (!status && assay_table_rows(r.table) == 0)
        status = assay_fail(ASSAY_EFORMAT,
            "%s: holds no samples; each line must be an object {\"problem\": ..., \"correct\": "
            "...}",
            path);
    if (r.options->filter && !status)
        snprintf(r.found->filter, sizeof r.found->filter, "%s", r.options->filter);
    if (!status) {
        *out = r.table;
        r.table = NULL;
    }
    assay_table_free(r.table);
    free(r.slots);
    return status;
}

int assay_samples_read(const char *path, assay_table **out)
{
    return assay_samples_import(path, NULL, out, NULL);
}

/* ------------------------------------------------------------------ writing */

static bool print_entry(FILE *out, const char *column, const assay_datum *datum)
{
    if (datum->kind != ASSAY_DATUM_TEXT && strcmp(column, known_fields[CORRECT].name) == 0)
        return fputs(datum->number != 0 ? "true" : "false", out) >= 0;
    return assay_jsonl_entry(out, datum);
}

/* Can the row be JSON? NaN counts as missing. */
static int check_row(const assay_table *table, size_t row)
{
    for (size_t j = 0; j < assay_table_columns(table); j++) {
        assay_datum datum = assay_table_get(table, row, j);
        const char *name = assay_table_name(table, j);
        json_t *text = datum.kind == ASSAY_DATUM_TEXT ? json_string(datum.text) : NULL;
        if (datum.kind == ASSAY_DATUM_TEXT && !text)
            return assay_fail(ASSAY_EINVAL, "samples: row %zu, \"%s\" is not UTF-8", row + 1, name);
        json_decref(text);
        if (datum.kind == ASSAY_DATUM_NUMBER && isinf(datum.number))
            return assay_fail(
                ASSAY_EINVAL, "samples: row %zu, \"%s\": JSON has no infinity", row + 1, name);
    }
    return ASSAY_OK;
}

static bool print_row(FILE *out, const assay_table *table, size_t row)
{
    const char *before = "{";
    bool ok = true;
    for (size_t j = 0; j < assay_table_columns(table) && ok; j++) {
        const char *column = assay_table_name(table, j);
        assay_datum datum = assay_table_get(table, row, j);
        if (datum.kind == ASSAY_DATUM_MISSING ||
            (datum.kind == ASSAY_DATUM_NUMBER && isnan(datum.number)))
            continue;
        ok = fputs(before, out) >= 0 && assay_jsonl_text(out, column) && fputs(": ", out) >= 0 &&
             print_entry(out, column, &datum);
        before = ", ";
    }
    return ok && fputs(*before == '{' ? "{}\n" : "}\n", out) >= 0;
}

int assay_samples_write(FILE *out, const assay_table *table)
{
    int status = ASSAY_OK;
    for (size_t row = 0; row < assay_table_rows(table) && !status; row++)
        status = check_row(table, row);
    for (size_t row = 0; row < assay_table_rows(table) && !status; row++)
        if (!print_row(out, table, row))
            status = assay_fail(ASSAY_EIO, "samples: cannot write: %s", strerror(errno));
    if (!status && fflush(out) != 0)
        status = assay_fail(ASSAY_EIO, "samples: cannot write: %s", strerror(errno));
    return status;
}
