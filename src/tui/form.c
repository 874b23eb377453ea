/*
 * The parameters form: the declaration's parameters as typed fields, and the start of a run.
 *
 * Values are checked while they are typed, by the declared type, range and choices; the run itself
 * checks them again, so what is said here is help and no gate of its own. A run is started by
 * asking the program for `run --detach` in a process of its own: nothing of it lives in the TUI.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"
#include "run/machine.h"
#include "tui/declaration.h"
#include "tui/expect.h"
#include "tui/launch.h"
#include "tui/prompt.h"
#include "tui/view.h"
#include "tui/words.h"

enum kind { PRESET, PARAM, REPLICATES, SEED, WORKERS };

struct field {
    enum kind kind;
    char *name;
    const json_t *param; /* the declaration's; made here for what is no parameter */
    char *text;
    bool touched; /* set by the user: no preset changes it */
    char error[512];
};

struct form {
    struct tui_view view;
    struct tui_list list;
    char *name, *path;
    json_t *declaration;
    json_t *extra; /* declarations of preset, replicates, seed and workers */
    struct field *fields;
    bool starting;
    struct tui_line line;
    char typed_error[512];
    struct tui_detail detail;
    struct tui_earlier earlier; /* runs of this experiment */
};

/* ---- checking ---- */

static bool is_choice(const json_t *choices, const char *word)
{
    size_t i;
    json_t *choice;
    char *end;
    double number = strtod(word, &end);
    json_array_foreach(choices, i, choice)
    {
        if (json_is_string(choice) ? strcmp(json_string_value(choice), word) == 0
                                   : *word && !*end && json_number_value(choice) == number)
            return true;
    }
    return false;
}

static bool is_boolean(const char *word)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], word) == 0)
            return true;
    return false;
}

/* One value against the declared type and range; `error` says what is allowed. */
static bool check_word(const json_t *param, const char *word, char *error, size_t size)
{
    const char *name = tui_declared_text(param, "name"), *type = tui_declared_text(param, "type");
    const json_t *least = json_object_get(param, "min"), *most = json_object_get(param, "max");
    char *end, range[256];
    double number = strtod(word, &end);
    bool is_number = *word && !*end && isfinite(number);
    tui_param_range(param, range, sizeof range);
    if (json_array_size(json_object_get(param, "choices"))) {
        if (is_choice(json_object_get(param, "choices"), word))
            return true;
    } else if (strcmp(type, "boolean") == 0) {
        if (is_boolean(word))
            return true;
        snprintf(range, sizeof range, "true or false");
    } else if (strcmp(type, "string") == 0) {
        return true;
    } else if (is_number && (strcmp(type, "integer") != 0 || number == floor(number)) &&
               (!json_is_number(least) || number >= json_number_value(least)) &&
               (!json_is_number(most) || number <= json_number_value(most))) {
        return true;
    }
    snprintf(error, size, "%.100s must be %s%.250s, got \"%.60s\"", name,
        range[0] == 'i'   ? "an "
        : range[0] == 'n' ? "a "
                          : "",
        range, word);
    return false;
}

static size_t count_words(const char *text)
{
    char word[1024];
    size_t count = 0;
    while (tui_next_value(&text, word, sizeof word))
        count++;
    return count;
}

/* Is the text good for the field? A parameter's list is a sweep; the others take one value. */
static bool check(const struct field *field, const char *text, char *error, size_t size)
{
    char word[1024];
    *error = '\0';
    if (field->kind == PRESET && !*text)
        return true;
    if (field->kind != PARAM && count_words(text) > 1) {
        snprintf(error, size, "%s is one value: only parameters are swept", field->name);
        return false;
    }
    while (tui_next_value(&text, word, sizeof word))
        if (!check_word(field->param, word, error, size))
            return false;
    return true;
}

/* ---- fields ---- */

static const char *preset_of(const struct form *self)
{
    return self->fields && *self->fields[0].text ? self->fields[0].text : NULL;
}

/* What a field holds when the user did not say: the preset's value, else the default. */
static char *default_text(const struct form *self, const struct field *field)
{
    const json_t *value = json_object_get(field->param, "default");
    if (field->kind == PARAM && preset_of(self)) {
        const json_t *presets = json_object_get(self->declaration, "presets");
        const json_t *preset =
            json_object_get(json_object_get(presets, preset_of(self)), field->name);
        value = preset ? preset : value;
    }
    return tui_value_text(value);
}

static void set_default(struct form *self, struct field *field)
{
    char *text = default_text(self, field);
    if (!text)
        return;
    free(field->text);
    field->text = text;
    field->touched = false;
    check(field, text, field->error, sizeof field->error);
}

static bool set_text(struct form *self, struct field *field, const char *text)
{
    char error[512];
    char *copy = check(field, text, error, sizeof error) ? strdup(text) : NULL;
    if (!copy)
        return assay_fail(ASSAY_EINVAL, "%s", error) == ASSAY_OK;
    free(field->text);
    field->text = copy;
    field->touched = true;
    field->error[0] = '\0';
    for (size_t i = 0; field->kind == PRESET && i < self->list.count; i++)
        if (!self->fields[i].touched)
            set_default(self, &self->fields[i]);
    return true;
}

static int add_field(struct form *self, enum kind kind, const json_t *param)
{
    struct field *field = &self->fields[self->list.count];
    field->kind = kind;
    field->param = param;
    field->name = strdup(tui_declared_text(param, "name"));
    field->text = strdup("");
    if (!field->name || !field->text)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    self->list.count++;
    set_default(self, field);
    return ASSAY_OK;
}

/* Preset, replicates, seed and workers are declared here in the same words as a parameter is. */
static json_t *declare_extra(const json_t *declaration)
{
    json_int_t replicates = json_integer_value(json_object_get(declaration, "replicates"));
    json_t *extra = json_pack(
        "[{s:s,s:s,s:s,s:[s],s:s}, {s:s,s:s,s:I,s:i,s:s}, {s:s,s:s,s:i,s:i,s:s},"
        " {s:s,s:s,s:i,s:i,s:s}]",
        "name", "preset", "type", "string", "default", "", "choices", "", "doc",
        "values to begin with; what is set below wins", /**/
        "name", "replicates", "type", "integer", "default", replicates > 0 ? replicates : 1, "min",
        1, "doc", "each point of the grid is run so often, with other random numbers", /**/
        "name", "seed", "type", "integer", "default", 1, "min", 0, "doc",
        "the same seed gives the same rows", /**/
        "name", "workers", "type", "integer", "default", 0, "min", 0, "doc",
        "cells that run at a time; 0: one a core");
    const char *name;
    json_t *preset, *choices = json_object_get(json_array_get(extra, 0), "choices");
    json_object_foreach(json_object_get(declaration, "presets"), name, preset)
        json_array_append_new(choices, json_string(name));
    return extra;
}

static int make_fields(struct form *self)
{
    static const enum kind kinds[] = {PRESET, REPLICATES, SEED, WORKERS};
    const json_t *params = json_object_get(self->declaration, "params");
    size_t i;
    json_t *param;
    self->extra = declare_extra(self->declaration);
    self->fields = calloc(json_array_size(params) + 4, sizeof *self->fields);
    if (!self->extra || !self->fields)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    int status = add_field(self, PRESET, json_array_get(self->extra, 0));
    json_array_foreach(params, i, param) if (status == ASSAY_OK) status =
        add_field(self, PARAM, param);
    for (i = 1; i < 4 && status == ASSAY_OK; i++)
        status = add_field(self, kinds[i], json_array_get(self->extra, i));
    return status;
}

static void close_view(struct tui_view *view)
{
    struct form *self = (struct form *)view;
    for (size_t i = 0; i < self->list.count; i++) {
        free(self->fields[i].name);
        free(self->fields[i].text);
    }
    free(self->fields);
    free(self->name);
    free(self->path);
    json_decref(self->declaration);
    json_decref(self->extra);
    tui_detail_clear(&self->detail);
    tui_earlier_clear(&self->earlier);
}

static int unknown_experiment(const struct tui *tui, const char *name)
{
    const assay_found_list *found = tui_found(tui);
    const char **known = calloc(found ? found->count + 1 : 1, sizeof *known);
    char hint[256] = "";
    for (size_t i = 0; known && found && i < found->count; i++)
        known[i] = found->items[i].name;
    if (known && found)
        assay_suggest(name, known, found->count, hint, sizeof hint);
    free(known);
    return assay_fail(ASSAY_ENOTFOUND, "there is no experiment \"%s\"%s", name, hint);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct form *self = (struct form *)view;
    const assay_found *found = target->name ? tui_find_experiment(view->tui, target->name) : NULL;
    if (!found)
        return unknown_experiment(view->tui, target->name ? target->name : "");
    if (!found->describe)
        return assay_fail(ASSAY_ESCRIPT, "%s", found->error ? found->error : found->path);
    view->list = &self->list;
    self->name = strdup(found->name);
    self->path = strdup(found->path);
    self->declaration = json_loads(found->describe, 0, NULL);
    int status = self->name && self->path && self->declaration
                     ? make_fields(self)
                     : assay_fail(ASSAY_ENOMEM, "can't read the declaration of %s", found->path);
    if (status != ASSAY_OK)
        close_view(view);
    return status;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    return target->name && strcmp(((struct form *)view)->name, target->name) == 0;
}

static int load(struct tui_view *view)
{
    struct form *self = (struct form *)view;
    assay_store *store = tui_store(view->tui);
    return store ? tui_earlier_load(&self->earlier, store, self->name) : ASSAY_OK;
}

/* ---- drawing ---- */

/* What is typed counts already, where it is good. */
static const char *text_now(const struct form *self, size_t i)
{
    bool typed = self->view.editing && i == self->list.cursor && !*self->typed_error;
    return typed ? self->line.text : self->fields[i].text;
}

/* "temperature 2 x replicates 5 = 10 cells"; gives their number. */
static double cells_text(const struct form *self, char *out, size_t size)
{
    double cells = 1;
    size_t used = 0;
    for (size_t i = 0; i < self->list.count; i++) {
        const struct field *field = &self->fields[i];
        double factor = field->kind == PARAM        ? (double)count_words(text_now(self, i))
                        : field->kind == REPLICATES ? strtod(text_now(self, i), NULL)
                                                    : 1;
        cells *= factor;
        if ((field->kind == REPLICATES || (field->kind == PARAM && factor > 1)) && used < size)
            used += (size_t)snprintf(
                out + used, size - used, "%s%s %g", used ? " x " : "", field->name, factor);
    }
    if (used < size)
        snprintf(out + used, size - used, " = %.0f %s", cells, cells == 1 ? "cell" : "cells");
    return cells;
}

static void expect_text(const struct form *self, double cells, char *out, size_t size)
{
    json_t *params = json_object();
    int workers = 0;
    for (size_t i = 0; i < self->list.count; i++) {
        const struct field *field = &self->fields[i];
        if (field->kind == PARAM)
            json_object_set_new(params, field->name, json_string(text_now(self, i)));
        else if (field->kind == WORKERS)
            workers = atoi(text_now(self, i));
    }
    tui_expect(
        &self->earlier, params, cells, workers > 0 ? workers : assay_machine_cores(), out, size);
    json_decref(params);
}

static int name_width(const struct form *self)
{
    int width = 10;
    for (size_t i = 0; i < self->list.count; i++)
        width = tui_width(self->fields[i].name) > width ? tui_width(self->fields[i].name) : width;
    return width > 20 ? 20 : width;
}

static bool has_choices(const struct field *field)
{
    return json_array_size(json_object_get(field->param, "choices")) > 0 ||
           strcmp(tui_declared_text(field->param, "type"), "boolean") == 0;
}

/* Where the columns of values and of what is said of them begin, and how wide values are. */
struct form_columns {
    int value, values, doc;
};

static struct form_columns lay_out(const struct form *self, int cols)
{
    int most = cols >= 120 ? 40 : 24, width = 12;
    for (size_t i = 0; i < self->list.count; i++) {
        int wanted = tui_width(self->fields[i].text) + (has_choices(&self->fields[i]) ? 4 : 0);
        width = wanted > width ? wanted : width;
    }
    width = width < most ? width : most;
    int value = 2 + name_width(self) + 2;
    return (struct form_columns){value, width, value + width + 3};
}

/* The field's error, else its range and what it is. */
static const char *words_of(const struct form *self, size_t i, char out[1024])
{
    const struct field *field = &self->fields[i];
    bool editing = i == self->list.cursor && self->view.editing;
    const char *error = editing ? self->typed_error : field->error;
    char range[256] = "";
    if (*error)
        return error;
    if (field->kind != PRESET)
        tui_param_range(field->param, range, sizeof range);
    snprintf(
        out, 1024, "%s%s%.700s", range, *range ? "  " : "", tui_declared_text(field->param, "doc"));
    return out;
}

/* Lines of a field when nothing of its words is cut. */
static int field_lines(const struct form *self, size_t i, struct form_columns c, int cols)
{
    char words[1024];
    int lines = tui_put_wrapped(
        (struct tui_area){0, 0, 0, cols - c.doc}, 0, TUI_DIM, words_of(self, i, words));
    return lines > 1 ? lines : 1;
}

static void draw_field(struct form *self, size_t i, struct form_columns c, struct tui_area area)
{
    struct field *field = &self->fields[i];
    bool here = i == self->list.cursor, editing = here && self->view.editing;
    int mark = here && !editing ? TUI_SELECTED : 0, y = area.y;
    const char *error = editing ? self->typed_error : field->error;
    char words[1024];
    for (int line = 0; line < area.rows; line++)
        tui_blank(y + line, 0, area.cols, TUI_NORMAL | mark);
    if (here)
        tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
    tui_put(y, 2, c.value - 4, TUI_BOLD | mark, field->name);
    if (editing) {
        self->view.cursor_x = tui_line_draw(&self->line, y, c.value, c.values, TUI_STATUS);
        self->view.cursor_y = y;
    } else if (here && has_choices(field)) {
        tui_putf(y, c.value, c.values, TUI_NORMAL | mark, "%s %s %s", tui_glyph(TUI_LEFT),
            *field->text ? field->text : "(none)", tui_glyph(TUI_RIGHT));
    } else {
        const char *none = field->kind == PRESET ? "(none)" : "";
        tui_put(y, c.value, c.values, (field->touched ? TUI_LIVE : TUI_NORMAL) | mark,
            *field->text ? field->text : none);
    }
    if (field->touched && !editing)
        tui_put(y, c.doc - 2, 1, TUI_NORMAL | mark, "*");
    int style = (*error ? TUI_BAD : TUI_DIM) | mark;
    if (area.rows > 1)
        tui_put_wrapped((struct tui_area){y, c.doc, area.rows, area.cols - c.doc}, 0, style,
            words_of(self, i, words));
    else
        tui_put(y, c.doc, area.cols - c.doc, style, words_of(self, i, words));
}

/* As many lines a field as its words take where all fit so, else one. Gives the lines used. */
static int draw_fields(struct form *self, struct tui_area area)
{
    struct form_columns c = lay_out(self, area.cols);
    int all = 0, y = 0;
    for (size_t i = 0; i < self->list.count; i++)
        all += field_lines(self, i, c, area.cols);
    bool whole = all <= area.rows;
    tui_list_show(&self->list, (size_t)(whole ? (int)self->list.count : area.rows));
    for (size_t i = self->list.top; i < self->list.count && y < area.rows; i++) {
        int lines = whole ? field_lines(self, i, c, area.cols) : 1;
        struct tui_area part = {area.y + y, 0, lines, area.cols};
        draw_field(self, i, c, part);
        part.rows = 1;
        tui_zone(&self->view, TUI_ZONE_ROWS, part, (int)(i - self->list.top));
        y += lines;
    }
    return y;
}

static void describe(struct form *self)
{
    const struct field *field = &self->fields[self->list.cursor];
    const char *error = self->view.editing ? self->typed_error : field->error;
    char range[256], *value = default_text(self, field);
    int skip = self->detail.skip;
    tui_detail_clear(&self->detail);
    self->detail.skip = skip;
    tui_param_range(field->param, range, sizeof range);
    if (*error)
        tui_detail_add(&self->detail, TUI_BAD, 0, "%s", error);
    tui_detail_add(&self->detail, TUI_NORMAL, 2, "%s: %s", field->name,
        tui_declared_text(field->param, "doc"));
    if (field->kind == PRESET && !json_object_size(json_object_get(self->declaration, "presets")))
        tui_detail_add(&self->detail, TUI_DIM, 2, "this experiment has no presets");
    else if (field->kind == PRESET)
        tui_detail_add(&self->detail, TUI_DIM, 2, "h/l: none%s", range + strlen("one of "));
    else
        tui_detail_add(&self->detail, TUI_DIM, 2, "%s; default %s%s", range, value ? value : "",
            field->kind == PARAM ? "; a list such as 1,2,4 is swept" : "");
    free(value);
    tui_detail_add(&self->detail, TUI_NORMAL, 0, "%s", "");
    if (*tui_declared_text(self->declaration, "description"))
        tui_detail_add(&self->detail, TUI_NORMAL, 0, "%s",
            tui_declared_text(self->declaration, "description"));
    tui_detail_claims(&self->detail, self->declaration, NULL);
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct form *self = (struct form *)view;
    int y = area.y + 2, x;
    char cells[512], expected[512];
    x = tui_put(area.y, 0, area.cols, TUI_TITLE, self->name);
    tui_putf(area.y, x, area.cols - x, TUI_NORMAL, "  %s",
        tui_declared_text(self->declaration, "title"));
    y += draw_fields(self, (struct tui_area){y, 0, area.rows - 9, area.cols});
    tui_fill(y, 0, area.cols, TUI_DIM, TUI_HLINE);
    expect_text(self, cells_text(self, cells, sizeof cells), expected, sizeof expected);
    tui_putf(y, 2, area.cols - 2, TUI_BOLD, " %s ", cells);
    tui_put(++y, 2, area.cols - 4, TUI_NORMAL, expected);
    describe(self);
    tui_detail_draw(
        &self->detail, (struct tui_area){y + 1, 2, area.y + area.rows - y - 1, area.cols - 4});
}

/* ---- starting ---- */

static void started(struct tui *tui, struct tui_view *view, int64_t run)
{
    struct form *form = (struct form *)view;
    if (!form)
        return;
    form->starting = false;
    if (!run)
        return;
    tui_say(tui, TUI_NORMAL, "%s", "");
    tui_look_at_store(tui);
    if (tui_open(tui, &tui_run_view, &(struct tui_target){.run = run}) != ASSAY_OK)
        tui_failed(tui);
}

static void add_word(char **words, size_t *count, const char *name, const char *value)
{
    if (asprintf(&words[*count], "%s%s", name, value) >= 0)
        ++*count;
}

/* run --detach --db=FILE ... EXPERIMENT NAME=VALUE ... : what the user set, no more. */
static char **command_words(const struct form *self)
{
    char **words = calloc(self->list.count + 10, sizeof *words);
    size_t count = 0;
    char name[256];
    if (!words)
        return NULL;
    add_word(words, &count, "run", "");
    add_word(words, &count, "--detach", "");
    add_word(words, &count, "--db=", tui_database(self->view.tui));
    for (size_t i = 0; i < self->list.count; i++) {
        const struct field *field = &self->fields[i];
        if (field->kind == PARAM || !field->touched || !*field->text)
            continue;
        snprintf(name, sizeof name, "--%s=", field->name);
        add_word(words, &count, name, field->text);
    }
    add_word(words, &count, self->path, "");
    for (size_t i = 0; i < self->list.count; i++) {
        const struct field *field = &self->fields[i];
        if (field->kind != PARAM || !field->touched)
            continue;
        snprintf(name, sizeof name, "%s=", field->name);
        add_word(words, &count, name, field->text);
    }
    return words;
}

static void start(struct form *self)
{
    struct tui *tui = self->view.tui;
    for (size_t i = 0; i < self->list.count; i++)
        if (*self->fields[i].error) {
            tui_list_move_to(&self->list, i);
            tui_say(tui, TUI_BAD, "%s", self->fields[i].error);
            return;
        }
    if (self->starting)
        return;
    char **words = command_words(self);
    if (!words) {
        tui_say(tui, TUI_BAD, "out of memory");
        return;
    }
    self->starting = tui_launch(tui, &self->view, (const char *const *)words, started) == ASSAY_OK;
    for (char **word = words; *word; word++)
        free(*word);
    free(words);
    if (self->starting)
        tui_say(tui, TUI_NORMAL, "starting %s...", self->name);
    else
        tui_failed(tui);
}

/* ---- keys ---- */

static struct field *current(struct form *self)
{
    return &self->fields[self->list.cursor];
}

static void type_checked(struct form *self)
{
    check(current(self), self->line.text, self->typed_error, sizeof self->typed_error);
}

static bool input(struct tui_view *view, int pressed)
{
    struct form *self = (struct form *)view;
    if (!self->view.editing)
        return false;
    switch (tui_line_key(&self->line, pressed)) {
    case TUI_TYPED:
        if (set_text(self, current(self), self->line.text))
            self->view.editing = false;
        else
            tui_failed(view->tui);
        break;
    case TUI_GIVEN_UP:
        self->view.editing = false;
        break;
    default:
        type_checked(self);
    }
    return true;
}

static void edit(struct tui_view *view)
{
    struct form *self = (struct form *)view;
    self->view.editing = true;
    tui_line_set(&self->line, current(self)->text);
    type_checked(self);
}

/* The choice before or after the one that is set; the preset may be none. */
static bool choose(struct form *self, int step)
{
    struct field *field = current(self);
    const json_t *choices = json_object_get(field->param, "choices");
    int count = (int)json_array_size(choices), at = 0;
    if (!has_choices(field))
        return false;
    if (!count)
        return set_text(self, field, strcmp(field->text, "true") == 0 ? "false" : "true");
    for (int i = 0; i < count; i++) {
        char *text = tui_value_text(json_array_get(choices, (size_t)i));
        at = text && strcmp(text, field->text) == 0 ? i : at;
        free(text);
    }
    char *chosen = tui_value_text(json_array_get(choices, (size_t)((at + step + count) % count)));
    bool set = chosen && set_text(self, field, chosen);
    free(chosen);
    return set;
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct form *self = (struct form *)view;
    switch (request) {
    case TUI_START:
        start(self);
        return true;
    case TUI_CLEAR:
        set_default(self, current(self));
        return true;
    case TUI_BESIDE_LEFT:
    case TUI_BESIDE_RIGHT:
        return choose(self, request == TUI_BESIDE_RIGHT ? 1 : -1);
    default:
        return tui_detail_request(&self->detail, request);
    }
}

static int set_param(struct form *self, const char *setting)
{
    size_t length = strcspn(setting, "=");
    if (!setting[length])
        return assay_fail(ASSAY_EINVAL, "param wants NAME=VALUE, got \"%s\"", setting);
    for (size_t i = 0; i < self->list.count; i++) {
        struct field *field = &self->fields[i];
        if (strlen(field->name) != length || strncmp(field->name, setting, length) != 0)
            continue;
        tui_list_move_to(&self->list, i);
        return set_text(self, field, setting + length + 1) ? ASSAY_OK : ASSAY_EINVAL;
    }
    return assay_fail(
        ASSAY_ENOTFOUND, "%s has no parameter \"%.*s\"", self->name, (int)length, setting);
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    if (strcmp(name, "param") != 0)
        return false;
    *status = set_param((struct form *)view, argument);
    return true;
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct field *field = &((struct form *)view)->fields[index];
    snprintf(
        out, size, "%s %s %s", field->name, field->text, tui_declared_text(field->param, "doc"));
    return out;
}

static const char *experiment(struct tui_view *view)
{
    return ((struct form *)view)->name;
}

static const char *path(struct tui_view *view)
{
    return ((struct form *)view)->path;
}

static void add_choices(const json_t *param, struct tui_words *words)
{
    size_t i;
    json_t *choice;
    words->separators = "=, ";
    json_array_foreach(json_object_get(param, "choices"), i, choice)
    {
        char *text = tui_value_text(choice);
        if (text)
            tui_words_add(words, text);
        free(text);
    }
    if (strcmp(tui_declared_text(param, "type"), "boolean") == 0) {
        tui_words_add(words, "true");
        tui_words_add(words, "false");
    }
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    const struct form *self = (const struct form *)view;
    const size_t length = strcspn(argument, "=");
    char text[256];
    if (!*name)
        tui_words_add(words, "param");
    for (size_t i = 0; strcmp(name, "param") == 0 && i < self->list.count; i++) {
        snprintf(text, sizeof text, "%s=", self->fields[i].name);
        if (!argument[length])
            tui_words_add(words, text);
        else if (strncmp(argument, text, length + 1) == 0 && strlen(text) == length + 1)
            add_choices(self->fields[i].param, words);
    }
}

const struct view_ops tui_form_view = {
    .name = "form",
    .hint = "s:start  Enter:edit  h/l:choose  x:default",
    .size = sizeof(struct form),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .select = edit,
    .close = close_view,
    .shows = shows,
    .text = text,
    .experiment = experiment,
    .path = path,
    .input = input,
    .command = command,
    .words = words,
};
