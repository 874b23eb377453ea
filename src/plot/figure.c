/*
 * Declarations of figures: JSON to assay_figure.
 *
 * A field is one line of the table at the end of the reading half, so that what is accepted, what a
 * message lists and what the manual says can be compared at a glance. Texts are plain: no markup of
 * gnuplot or LaTeX is read from them, hence any column name or value may stand in a label.
 */
#include "plot/figure.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"

struct field {
    const char *name;
    int (*read)(const struct field *field, const json_t *value, assay_figure *figure);
    size_t offset;
};

static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "a table with names";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

static int wrong(const assay_figure *figure, const char *name, const char *want, const json_t *got)
{
    if (json_is_string(got))
        return assay_fail(ASSAY_EINVAL, "figure \"%s\": %s must be %s, got \"%s\"", figure->name,
            name, want, json_string_value(got));
    return assay_fail(ASSAY_EINVAL, "figure \"%s\": %s must be %s, got %s", figure->name, name,
        want, type_of(got));
}

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for a figure");
}

static int set_text(char **slot, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return no_memory();
    free(*slot);
    *slot = copy;
    return ASSAY_OK;
}

static char **text_slot(assay_figure *figure, size_t offset)
{
    return (char **)((char *)figure + offset);
}

static int read_text(const struct field *field, const json_t *value, assay_figure *figure)
{
    if (!json_is_string(value))
        return wrong(figure, field->name, "a text", value);
    return set_text(text_slot(figure, field->offset), json_string_value(value));
}

static int read_column(const struct field *field, const json_t *value, assay_figure *figure)
{
    if (!json_is_string(value) || json_string_length(value) == 0)
        return wrong(figure, field->name, "the name of a column", value);
    return set_text(text_slot(figure, field->offset), json_string_value(value));
}

static int read_boolean(const struct field *field, const json_t *value, assay_figure *figure)
{
    if (!json_is_boolean(value))
        return wrong(figure, field->name, "true or false", value);
    *(bool *)((char *)figure + field->offset) = json_is_true(value);
    return ASSAY_OK;
}

static int add_by(const struct field *field, const json_t *value, assay_figure *figure)
{
    if (!json_is_string(value) || json_string_length(value) == 0)
        return wrong(figure, field->name, "the name of a column, or a list of names", value);
    int status = set_text(&figure->by[figure->by_count], json_string_value(value));
    if (!status)
        figure->by_count++;
    return status;
}

static int read_by(const struct field *field, const json_t *value, assay_figure *figure)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (json_is_object(value) && json_object_size(value) == 0)
        return ASSAY_OK;
    figure->by = calloc(count + 1, sizeof *figure->by);
    if (!figure->by)
        return no_memory();
    if (!json_is_array(value))
        return add_by(field, value, figure);
    int status = ASSAY_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = add_by(field, json_array_get(value, i), figure);
    return status;
}

/* One of `choices`; *index tells which. */
static int choose(const struct field *field, const json_t *value, const assay_figure *figure,
    const char *const *choices, size_t count, size_t *index)
{
    for (size_t i = 0; json_is_string(value) && i < count; i++)
        if (strcmp(json_string_value(value), choices[i]) == 0) {
            *index = i;
            return ASSAY_OK;
        }
    char want[128] = "";
    for (size_t i = 0, used = 0; i < count && used < sizeof want; i++)
        used += (size_t)snprintf(want + used, sizeof want - used, "%s\"%s\"",
            i == 0           ? ""
            : i + 1 == count ? " or "
                             : ", ",
            choices[i]);
    return wrong(figure, field->name, want, value);
}

static int read_band(const struct field *field, const json_t *value, assay_figure *figure)
{
    static const char *const names[] = {"ci95", "sd", "minmax", "none"};
    static const assay_band bands[] = {
        ASSAY_BAND_CI95, ASSAY_BAND_SD, ASSAY_BAND_MINMAX, ASSAY_BAND_NONE};
    size_t i = 0;
    int status = choose(field, value, figure, names, 4, &i);
    if (!status)
        figure->band = bands[i];
    return status;
}

static int read_style(const struct field *field, const json_t *value, assay_figure *figure)
{
    static const char *const names[] = {"lines", "points", "linespoints"};
    size_t i = 0;
    int status = choose(field, value, figure, names, 3, &i);
    return status ? status : set_text(&figure->style, names[i]);
}

static int read_key(const struct field *field, const json_t *value, assay_figure *figure)
{
    static const char *const names[] = {"left", "right", "below", "off"};
    size_t i = 0;
    int status = choose(field, value, figure, names, 4, &i);
    return status ? status : set_text(&figure->key, names[i]);
}

static int read_fit_space(const struct field *field, const json_t *value, assay_figure *figure)
{
    static const char *const names[] = {"linear", "log", "loglog"};
    size_t i = 0;
    int status = choose(field, value, figure, names, 3, &i);
    return status ? status : set_text(&figure->fit_space, names[i]);
}

static int read_fit(const struct field *field, const json_t *value, assay_figure *figure)
{
    assay_law law;
    if (!json_is_string(value))
        return wrong(figure, field->name, "the name of a law", value);
    if (assay_law_parse(json_string_value(value), &law))
        return assay_fail(
            ASSAY_EINVAL, "figure \"%s\": %s: %s", figure->name, field->name, assay_errmsg());
    return set_text(&figure->fit, json_string_value(value));
}

static bool read_bound(const json_t *value, double *out)
{
    if (json_is_number(value))
        *out = json_number_value(value);
    return (json_is_number(value) && isfinite(*out)) || json_is_null(value);
}

/* [lo, hi] into the two neighbouring doubles at the field's offset; null leaves one to the data. */
static int read_range(const struct field *field, const json_t *value, assay_figure *figure)
{
    double *bound = (double *)(void *)((char *)figure + field->offset);
    if (!json_is_array(value) || json_array_size(value) != 2 ||
        !read_bound(json_array_get(value, 0), &bound[0]) ||
        !read_bound(json_array_get(value, 1), &bound[1]))
        return wrong(figure, field->name, "a list of two numbers", value);
    if (bound[0] >= bound[1])
        return assay_fail(ASSAY_EINVAL, "figure \"%s\": %s must rise, got %g to %g", figure->name,
            field->name, bound[0], bound[1]);
    return ASSAY_OK;
}

static int add_where(
    const struct field *field, const char *column, const json_t *value, assay_figure *figure)
{
    char text[64];
    assay_datum number = {ASSAY_DATUM_NUMBER, json_number_value(value), NULL};
    assay_datum_text(&number, text, sizeof text);
    const char *shown = text;
    if (json_is_boolean(value))
        shown = json_is_true(value) ? "true" : "false";
    else if (json_is_string(value))
        shown = json_string_value(value);
    else if (!json_is_number(value))
        return wrong(figure, field->name, "numbers, texts and booleans by column", value);
    assay_figure_where *where = &figure->where[figure->where_count++];
    int status = set_text(&where->column, column);
    return status ? status : set_text(&where->value, shown);
}

static int read_where(const struct field *field, const json_t *value, assay_figure *figure)
{
    if (json_is_array(value) && json_array_size(value) == 0)
        return ASSAY_OK;
    if (!json_is_object(value))
        return wrong(figure, field->name, "values by column", value);
    figure->where = calloc(json_object_size(value) + 1, sizeof *figure->where);
    if (!figure->where)
        return no_memory();
    const char *column;
    json_t *entry;
    json_object_foreach((json_t *)value, column, entry)
    {
        int status = add_where(field, column, entry, figure);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static int add_line(const struct field *field, const json_t *value, assay_figure *figure)
{
    static const char want[] = "a list of numbers or of { y = number, label = text }";
    const json_t *y = json_is_object(value) ? json_object_get(value, "y") : value;
    const json_t *label = json_is_object(value) ? json_object_get(value, "label") : NULL;
    if (!json_is_number(y) || !isfinite(json_number_value(y)) || (label && !json_is_string(label)))
        return wrong(figure, field->name, want, value);
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)value, name, entry)
    {
        if (entry != y && entry != label)
            return assay_fail(ASSAY_EINVAL,
                "figure \"%s\": %s: there is no field \"%s\"; a line "
                "has y and label",
                figure->name, field->name, name);
    }
    assay_figure_line *line = &figure->lines[figure->line_count++];
    line->y = json_number_value(y);
    return set_text(&line->label, label ? json_string_value(label) : "");
}

static int read_lines(const struct field *field, const json_t *value, assay_figure *figure)
{
    if (json_is_object(value) && json_object_size(value) == 0)
        return ASSAY_OK;
    if (!json_is_array(value))
        return wrong(figure, field->name, "a list of { y = number, label = text }", value);
    figure->lines = calloc(json_array_size(value) + 1, sizeof *figure->lines);
    if (!figure->lines)
        return no_memory();
    int status = ASSAY_OK;
    for (size_t i = 0; i < json_array_size(value) && !status; i++)
        status = add_line(field, json_array_get(value, i), figure);
    return status;
}

#define AT(member) offsetof(assay_figure, member)

static const struct field fields[] = {
    {"name", read_text, AT(name)},
    {"title", read_text, AT(title)},
    {"x", read_column, AT(x)},
    {"y", read_column, AT(y)},
    {"by", read_by, AT(by)},
    {"facet", read_column, AT(facet)},
    {"unit", read_column, AT(unit)},
    {"xlabel", read_text, AT(xlabel)},
    {"ylabel", read_text, AT(ylabel)},
    {"logx", read_boolean, AT(logx)},
    {"logy", read_boolean, AT(logy)},
    {"xrange", read_range, AT(xmin)},
    {"yrange", read_range, AT(ymin)},
    {"band", read_band, AT(band)},
    {"fit", read_fit, AT(fit)},
    {"fit_space", read_fit_space, AT(fit_space)},
    {"style", read_style, AT(style)},
    {"key", read_key, AT(key)},
    {"where", read_where, AT(where)},
    {"lines", read_lines, AT(lines)},
};

enum { FIELDS = sizeof fields / sizeof *fields };

static int unknown_field(const assay_figure *figure, const char *name)
{
    char hint[512];
    const char *known[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        known[i] = fields[i].name;
    assay_suggest(name, known, FIELDS, hint, sizeof hint);
    return assay_fail(
        ASSAY_EINVAL, "figure \"%s\": there is no field \"%s\"%s", figure->name, name, hint);
}

/* The name comes first: every other message quotes it, and it becomes the name of files. */
static int read_name(const json_t *object, assay_figure *figure)
{
    const json_t *name = json_object_get(object, "name");
    if (!name)
        return assay_fail(ASSAY_EINVAL, "a figure has no name");
    const char *text = json_is_string(name) ? json_string_value(name) : "";
    if (text[0] == '\0' || text[0] == '.' || strlen(text) > 100)
        return assay_fail(ASSAY_EINVAL,
            "a figure's name must be a text of 1 to 100 characters that does not start with \".\"");
    for (const char *c = text; *c; c++)
        if (*c == '/' || (unsigned char)*c < ' ' || *c == 127)
            return assay_fail(ASSAY_EINVAL,
                "figure \"%s\": name must have no \"/\" and no control characters, since files are "
                "named after it",
                text);
    return set_text(&figure->name, text);
}

static int read_fields(const json_t *object, assay_figure *figure)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;
        while (i < FIELDS && strcmp(fields[i].name, name) != 0)
            i++;
        if (i == FIELDS)
            return unknown_field(figure, name);
        int status = json_is_null(value) ? ASSAY_OK : fields[i].read(&fields[i], value, figure);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static int need_positive(const assay_figure *figure, const char *range, const char *log, double lo)
{
    if (lo > 0 || isnan(lo))
        return ASSAY_OK;
    return assay_fail(ASSAY_EINVAL, "figure \"%s\": %s must be above 0 with %s, got %g",
        figure->name, range, log, lo);
}

/* What fields ask of each other; and defaults. */
static int complete(assay_figure *figure)
{
    int status = ASSAY_OK;
    if (!figure->x || !figure->y)
        return assay_fail(ASSAY_EINVAL, "figure \"%s\": %s is missing: the name of a column",
            figure->name, figure->x ? "y" : "x");
    if (figure->logx)
        status = need_positive(figure, "xrange", "logx", figure->xmin);
    if (!status && figure->logx)
        status = need_positive(figure, "xrange", "logx", figure->xmax);
    if (!status && figure->logy)
        status = need_positive(figure, "yrange", "logy", figure->ymin);
    if (!status && figure->logy)
        status = need_positive(figure, "yrange", "logy", figure->ymax);
    for (size_t i = 0; i < figure->line_count && figure->logy && !status; i++)
        status = need_positive(figure, "lines", "logy", figure->lines[i].y);
    if (!status && figure->fit_space && !figure->fit)
        return assay_fail(
            ASSAY_EINVAL, "figure \"%s\": fit_space needs fit, the name of a law", figure->name);
    if (!status && !figure->unit)
        status = set_text(&figure->unit, "replicate");
    return status;
}

int assay_figure_parse(const char *json, assay_figure **out)
{
    *out = NULL;
    json_error_t error;
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return assay_fail(ASSAY_EFORMAT, "a figure's declaration is not JSON: line %d: %s",
            error.line, error.text);
    int status;
    assay_figure *figure = calloc(1, sizeof *figure);
    if (!figure) {
        status = no_memory();
        goto cleanup;
    }
    figure->xmin = figure->xmax = figure->ymin = figure->ymax = NAN;
    if (!json_is_object(object)) {
        status = assay_fail(
            ASSAY_EINVAL, "a figure must be a table with names, got %s", type_of(object));
        goto cleanup;
    }
    status = read_name(object, figure);
    if (!status)
        status = read_fields(object, figure);
    if (!status)
        status = complete(figure);
cleanup:
    json_decref(object);
    if (status)
        assay_figure_free(figure);
    else
        *out = figure;
    return status;
}

void assay_figure_free(assay_figure *figure)
{
    if (!figure)
        return;
    for (size_t i = 0; i < figure->by_count; i++)
        free(figure->by[i]);
    for (size_t i = 0; i < figure->where_count; i++) {
        free(figure->where[i].column);
        free(figure->where[i].value);
    }
    for (size_t i = 0; i < figure->line_count; i++)
        free(figure->lines[i].label);
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].read == read_text || fields[i].read == read_column)
            free(*text_slot(figure, fields[i].offset));
    free(figure->fit);
    free(figure->fit_space);
    free(figure->style);
    free(figure->key);
    free(figure->by);
    free(figure->where);
    free(figure->lines);
    free(figure);
}
