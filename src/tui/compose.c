/*
 * Composing an experiment: fields on one side, the Lua that they make on the other.
 *
 * What may be chosen, and why the rest may not, is the composer's business (lua/composer.h); here a
 * field is shown, changed, and the composer asked again. Writing makes a file in the user's
 * directory of experiments, which from then on is edited like any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "core/directory.h"
#include "core/file.h"
#include "core/status.h"
#include "lua/composer.h"
#include "tui/detail.h"
#include "tui/prompt.h"
#include "tui/view.h"
#include "tui/words.h"

enum { WIDE = 110 }; /* columns from which the two sides stand beside each other */

struct compose {
    struct tui_view view;
    struct tui_list fields, options; /* the name and the composer's fields; the choices of one */
    assay_composer *composer;
    char name[64];
    json_t *chosen; /* what the user chose, by field */
    json_t *result; /* what the composer made of it */
    bool choosing;  /* among the options of the field that the cursor is on */
    bool written;   /* the file holds what is shown */
    bool starting;  /* the form opens when the experiments have been looked through */
    struct tui_line line;
    struct tui_detail preview;
};

static const char *text_of(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    return text ? text : "";
}

/* Row 0 is the name; the others are the composer's fields. */
static const json_t *field_at(const struct compose *self, size_t row)
{
    return row ? json_array_get(json_object_get(self->result, "fields"), row - 1) : NULL;
}

static const json_t *current(const struct compose *self)
{
    return field_at(self, self->fields.cursor);
}

static const char *problem_of(const struct compose *self)
{
    const char *problem = text_of(self->result, "problem");
    return *problem ? problem : NULL;
}

/* ---- asking the composer ---- */

/* The first line of the Lua that is another than before, apart from comments: 1 is the first, 0
 * none. */
static size_t changed_line(const struct tui_detail *before, const struct tui_detail *now)
{
    for (size_t i = 0; before->count && i < now->count; i++) {
        const char *text = now->paragraphs[i].text;
        if (strncmp(text, "--", 2) != 0 &&
            (i >= before->count || strcmp(before->paragraphs[i].text, text) != 0))
            return i + 1;
    }
    return 0;
}

static void fill_preview(struct compose *self)
{
    const char *text = text_of(self->result, "text");
    struct tui_detail now = {.skip = self->preview.skip};
    if (problem_of(self))
        tui_detail_add(&now, TUI_WARN, 2, "Not an experiment yet: %s", problem_of(self));
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        size_t blank = strspn(text, " ");
        bool comment = strncmp(text + blank, "--", 2) == 0 || strncmp(text, "#!", 2) == 0;
        tui_detail_add(
            &now, comment ? TUI_DIM : TUI_NORMAL, (int)blank + 4, "%.*s", (int)length, text);
    }
    now.shown = changed_line(&self->preview, &now);
    tui_detail_clear(&self->preview);
    self->preview = now;
}

static int ask_composer(struct compose *self)
{
    const char *text;
    char *asked = json_dumps(self->chosen, JSON_COMPACT);
    int status = asked ? assay_composer_apply(self->composer, self->name, asked, &text)
                       : assay_fail(ASSAY_ENOMEM, "out of memory");
    json_t *result = status == ASSAY_OK ? json_loads(text, 0, NULL) : NULL;
    free(asked);
    if (status != ASSAY_OK)
        return status;
    json_decref(self->result);
    self->result = result;
    self->written = false;
    tui_list_resize(&self->fields, 1 + json_array_size(json_object_get(result, "fields")));
    fill_preview(self);
    return ASSAY_OK;
}

/* `value` (its reference is taken; NULL: out of memory) for a field. */
static void choose(struct compose *self, const char *field, json_t *value)
{
    char name[64];
    snprintf(name, sizeof name, "%s", field); /* the composer's answer is replaced */
    if (!value || json_object_set_new(self->chosen, name, value) != 0)
        tui_say(self->view.tui, TUI_BAD, "out of memory, or not UTF-8 text");
    else if (ask_composer(self) != ASSAY_OK)
        tui_failed(self->view.tui);
}

/* ---- opening ---- */

static void close_view(struct tui_view *view)
{
    struct compose *self = (struct compose *)view;
    assay_composer_close(self->composer);
    json_decref(self->chosen);
    json_decref(self->result);
    tui_detail_clear(&self->preview);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct compose *self = (struct compose *)view;
    (void)target;
    view->list = &self->fields;
    snprintf(self->name, sizeof self->name, "my-experiment");
    self->chosen = json_object();
    int status = self->chosen ? assay_composer_open(&self->composer)
                              : assay_fail(ASSAY_ENOMEM, "out of memory");
    if (status == ASSAY_OK)
        status = ask_composer(self);
    if (status != ASSAY_OK)
        close_view(view);
    self->fields.cursor = 1; /* the methods */
    self->written = true;    /* nothing to lose yet */
    return status;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    (void)view;
    (void)target;
    return true; /* one at a time */
}

static void open_form(struct compose *self)
{
    struct tui *tui = self->view.tui;
    self->starting = false;
    if (!self->written || problem_of(self)) {
        tui_say(tui, TUI_WARN, "%s", problem_of(self) ? problem_of(self) : "w writes it first");
    } else if (!tui_find_experiment(tui, self->name)) {
        self->starting = true;
        tui_say(tui, TUI_DIM, "the experiments are being looked through ...");
    } else if (tui_open(tui, &tui_form_view, &(struct tui_target){.name = self->name}) !=
               ASSAY_OK) {
        tui_failed(tui);
    }
}

/* It is about what will be, not about the store; but the form may wait for what was just written to
 * be found. */
static int load(struct tui_view *view)
{
    struct compose *self = (struct compose *)view;
    if (self->starting && tui_find_experiment(view->tui, self->name))
        open_form(self);
    return ASSAY_OK;
}

/* ---- drawing ---- */

/* A list as "a, b, c". */
static void value_text(const json_t *value, char *out, size_t size)
{
    size_t i, used = 0;
    json_t *one;
    snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : "");
    json_array_foreach(value, i, one) if (used < size) used +=
        (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", json_string_value(one));
}

static void draw_name(struct compose *self, int y, int x, int width, int mark)
{
    tui_put(y, x, 12, TUI_BOLD | mark, "name");
    if (self->view.editing && self->fields.cursor == 0) {
        self->view.cursor_x = tui_line_draw(&self->line, y, x + 12, width - 12, TUI_STATUS);
        self->view.cursor_y = y;
    } else {
        tui_putf(y, x + 12, width - 12, TUI_NORMAL | mark, "%s", self->name);
    }
}

static void draw_field(struct compose *self, size_t row, int y, int width)
{
    bool here = row == self->fields.cursor;
    int mark = here && !self->view.editing ? TUI_SELECTED : 0;
    const json_t *field = field_at(self, row);
    char value[512];
    tui_blank(y, 0, width, TUI_NORMAL | mark);
    if (here)
        tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
    if (!field) {
        draw_name(self, y, 2, width - 2, mark);
        return;
    }
    bool wrong = *text_of(field, "error"),
         own = json_object_get(self->chosen, text_of(field, "name")) != NULL;
    tui_put(y, 2, 11, TUI_BOLD | mark, text_of(field, "name"));
    if (here && self->view.editing) {
        self->view.cursor_x = tui_line_draw(&self->line, y, 14, width - 14, TUI_STATUS);
        self->view.cursor_y = y;
        return;
    }
    value_text(json_object_get(field, "value"), value, sizeof value);
    tui_put(y, 14, width - 14,
        (wrong    ? TUI_BAD
            : own ? TUI_LIVE
                  : TUI_NORMAL) |
            mark,
        *value ? value : "(none)");
}

/* The columns of the options' values, and of the methods that they belong to. */
static void option_widths(const struct compose *self, int *values, int *groups)
{
    const json_t *option;
    size_t i;
    *values = *groups = 0;
    json_array_foreach(json_object_get(current(self), "choices"), i, option)
    {
        int value = tui_width(text_of(option, "value")),
            group = tui_width(text_of(option, "group"));
        *values = value > *values ? value : *values;
        *groups = group > *groups ? group : *groups;
    }
    *values = *values > 26 ? 26 : *values;
    *groups = *groups > 20 ? 0 : *groups; /* those of testbeds are sentences: not in a column */
}

static void draw_option(struct compose *self, size_t row, int y, int width)
{
    const json_t *field = current(self);
    const json_t *option = json_array_get(json_object_get(field, "choices"), row);
    bool many = strcmp(text_of(field, "kind"), "many") == 0;
    bool on = assay_composer_holds(json_object_get(field, "value"), text_of(option, "value"));
    const char *why = text_of(option, "why");
    int mark = row == self->options.cursor ? TUI_SELECTED : 0, values, groups, x = 5;
    option_widths(self, &values, &groups);
    tui_blank(y, 0, width, TUI_NORMAL | mark);
    tui_put(y, 1, 3, TUI_KEY | mark,
        on     ? many ? "[x]" : "(*)"
        : *why ? " - "
        : many ? "[ ]"
               : "( )");
    tui_put(y, x, groups, TUI_DIM | mark, text_of(option, "group"));
    x += groups + (groups ? 2 : 0);
    if (!*text_of(option, "doc") && !*why) /* nothing comes after it */
        values = width - x;
    tui_put(y, x, values, (*why ? TUI_DIM : TUI_BOLD) | mark, text_of(option, "value"));
    x += values + 2;
    tui_put(y, x, width - x, TUI_DIM | mark, *why ? why : text_of(option, "doc"));
}

/* A line of what the cursor is on, below the list. */
static void draw_about(const struct compose *self, int y, int width)
{
    const json_t *field = current(self);
    const json_t *option =
        self->choosing ? json_array_get(json_object_get(field, "choices"), self->options.cursor)
                       : NULL;
    const char *why = option ? text_of(option, "why") : text_of(field, "error");
    tui_fill(y, 0, width, TUI_DIM, TUI_HLINE);
    if (!field)
        tui_put(y + 1, 1, width - 1, TUI_DIM, "the experiment's name, and its file's");
    else if (*why)
        tui_putf(y + 1, 1, width - 1, TUI_WARN, "%s%s%s", option ? text_of(option, "value") : "",
            option ? " " : "", why);
    else
        tui_put(y + 1, 1, width - 1, TUI_DIM, text_of(option ? option : field, "doc"));
}

static void draw_list(struct compose *self, struct tui_area area)
{
    struct tui_list *list = self->choosing ? &self->options : &self->fields;
    int rows = area.rows - 2;
    tui_list_show(list, (size_t)rows);
    tui_zone(&self->view, TUI_ZONE_ROWS, (struct tui_area){area.y, area.x, rows, area.cols}, 0);
    for (int row = 0; row < rows && list->top + (size_t)row < list->count; row++)
        if (self->choosing)
            draw_option(self, list->top + (size_t)row, area.y + row, area.cols);
        else
            draw_field(self, list->top + (size_t)row, area.y + row, area.cols);
    draw_about(self, area.y + rows, area.cols);
}

static void draw_title(const struct compose *self, struct tui_area area)
{
    int x = tui_put(area.y, 0, area.cols, TUI_TITLE, "Compose an experiment");
    if (self->choosing)
        tui_putf(area.y, x, area.cols - x, TUI_NORMAL, "  %s", text_of(current(self), "doc"));
    else if (problem_of(self))
        tui_putf(area.y, x, area.cols - x, TUI_WARN, "  %s", problem_of(self));
    else
        tui_putf(area.y, x, area.cols - x, TUI_GOOD, "  %s",
            self->written ? "written: s starts it" : "w writes it");
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct compose *self = (struct compose *)view;
    struct tui_area list = {area.y + 1, 0, area.rows - 1, area.cols}, preview = list;
    bool wide = area.cols >= WIDE;
    draw_title(self, area);
    if (wide) {
        list.cols = tui_split(view, list, true, area.cols * (self->choosing ? 3 : 2) / 5);
        preview.x = list.cols + 2;
        preview.cols = area.cols - preview.x;
    } else {
        list.rows = tui_split(view, list, false, list.rows * 3 / 5);
        preview =
            (struct tui_area){list.y + list.rows + 1, 1, area.rows - list.rows - 2, area.cols - 2};
        tui_put(preview.y - 1, 2, area.cols - 4, TUI_DIM, " the experiment (J/K scrolls) ");
    }
    draw_list(self, list);
    tui_detail_draw(&self->preview, preview);
}

/* ---- changing ---- */

static void leave_options(struct compose *self)
{
    self->choosing = false;
    self->view.list = &self->fields;
}

static void show_options(struct compose *self)
{
    const json_t *choices = json_object_get(current(self), "choices"),
                 *value = json_object_get(current(self), "value");
    size_t i;
    json_t *option;
    self->options = (struct tui_list){.count = json_array_size(choices)};
    json_array_foreach(
        choices, i, option) if (assay_composer_holds(value, text_of(option, "value")))
    {
        tui_list_move_to(&self->options, i);
        break;
    }
    self->choosing = true;
    self->view.list = &self->options;
}

/* A list with the choice taken in, or out. */
static json_t *toggled(const json_t *value, const char *choice)
{
    json_t *list = json_array(), *one;
    size_t i;
    bool had = false;
    json_array_foreach(value, i, one)
    {
        if (strcmp(json_string_value(one), choice) == 0)
            had = true;
        else
            json_array_append(list, one);
    }
    if (!had)
        json_array_append_new(list, json_string(choice));
    return list;
}

/* Take the option that the cursor is on, or take it back. */
static void take(struct compose *self)
{
    const json_t *field = current(self), *value = json_object_get(field, "value");
    const json_t *option = json_array_get(json_object_get(field, "choices"), self->options.cursor);
    const char *choice = text_of(option, "value"), *why = text_of(option, "why");
    bool on = assay_composer_holds(value, choice),
         many = strcmp(text_of(field, "kind"), "many") == 0;
    if (*why && !on) {
        tui_say(self->view.tui, TUI_WARN, "%s %s", choice, why);
        return;
    }
    json_t *next = many ? toggled(value, choice) : json_string(choice);
    choose(self, text_of(field, "name"), next);
    tui_list_resize(&self->options, json_array_size(json_object_get(current(self), "choices")));
    if (!many)
        leave_options(self);
}

static void edit(struct compose *self)
{
    self->view.editing = true;
    tui_line_set(&self->line, current(self) ? text_of(current(self), "value") : self->name);
}

static void select_row(struct tui_view *view)
{
    struct compose *self = (struct compose *)view;
    if (self->choosing)
        take(self);
    else if (current(self) && json_array_size(json_object_get(current(self), "choices")))
        show_options(self);
    else
        edit(self);
}

/* The next choice that can be chosen. */
static bool step(struct compose *self, int by)
{
    const json_t *field = current(self), *choices = json_object_get(field, "choices");
    size_t count = json_array_size(choices), at = 0;
    if (self->choosing || !count || strcmp(text_of(field, "kind"), "many") == 0)
        return false;
    while (at < count &&
           strcmp(text_of(json_array_get(choices, at), "value"), text_of(field, "value")) != 0)
        at++;
    for (size_t tried = 0; tried < count; tried++) {
        at = by > 0 ? (at + 1) % count : (at + count - 1) % count;
        const json_t *option = json_array_get(choices, at);
        if (!*text_of(option, "why")) {
            choose(self, text_of(field, "name"), json_string(text_of(option, "value")));
            return true;
        }
    }
    return true;
}

static void set_default(struct compose *self)
{
    if (!current(self))
        return;
    json_object_del(self->chosen, text_of(current(self), "name"));
    if (ask_composer(self) != ASSAY_OK)
        tui_failed(self->view.tui);
}

static bool good_name(const char *name)
{
    return *name && strlen(name) < sizeof((struct compose *)0)->name &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

static void rename_to(struct compose *self, const char *name)
{
    if (!good_name(name)) {
        tui_say(self->view.tui, TUI_BAD, "a name is of a-z, 0-9, - and _, at most 63 of them");
        return;
    }
    snprintf(self->name, sizeof self->name, "%s", name);
    self->view.editing = false;
    if (ask_composer(self) != ASSAY_OK)
        tui_failed(self->view.tui);
}

static bool input(struct tui_view *view, int pressed)
{
    struct compose *self = (struct compose *)view;
    if (!view->editing)
        return false;
    switch (tui_line_key(&self->line, pressed)) {
    case TUI_TYPED:
        if (self->fields.cursor == 0) {
            rename_to(self, self->line.text);
        } else {
            view->editing = false;
            choose(self, text_of(current(self), "name"), json_string(self->line.text));
        }
        break;
    case TUI_GIVEN_UP:
        view->editing = false;
        break;
    default:
        break;
    }
    return true;
}

/* ---- writing ---- */

/* The experiment, to be run as it is. */
static int write_file(const struct compose *self, int directory, const char *path)
{
    const char *text = text_of(self->result, "text");
    return assay_file_write(directory, path, text, strlen(text), 0777);
}

/* :write FILE, anywhere. */
static int write_to(const struct compose *self, const char *path)
{
    if (problem_of(self))
        return assay_fail(ASSAY_EINVAL, "%s", problem_of(self));
    int status = write_file(self, AT_FDCWD, path);
    if (status == ASSAY_OK)
        tui_say(self->view.tui, TUI_GOOD, "%s", path);
    return status;
}

static void write_now(struct compose *self)
{
    char *place = assay_run_user_directory(), file[80];
    snprintf(file, sizeof file, "%s.lua", self->name);
    int directory = place ? assay_directory_make(place) : -1;
    int status = directory < 0
                     ? assay_fail(ASSAY_EIO, "%s: %s", place ? place : "no home directory",
                           place ? strerror(errno) : "set HOME or XDG_DATA_HOME")
                     : write_file(self, directory, file);
    if (status == ASSAY_OK) {
        self->written = true;
        tui_look_for_experiments(self->view.tui, NULL);
        tui_say(self->view.tui, TUI_GOOD, "%s/%s.lua", place, self->name);
    } else {
        tui_failed(self->view.tui);
    }
    if (directory >= 0)
        close(directory);
    free(place);
}

static struct compose *by_serial(struct tui *tui, int64_t serial)
{
    return (struct compose *)tui_view_by_serial(tui, (uint64_t)serial);
}

static void overwrite(struct tui *tui, int64_t serial)
{
    if (by_serial(tui, serial))
        write_now(by_serial(tui, serial));
}

static void ask_to_write(struct compose *self)
{
    char *place = assay_run_user_directory(), path[4096], question[128];
    struct stat file;
    snprintf(path, sizeof path, "%s/%s.lua", place ? place : "", self->name);
    free(place);
    if (problem_of(self)) {
        tui_say(self->view.tui, TUI_BAD, "%s", problem_of(self));
    } else if (stat(path, &file) == 0) {
        snprintf(question, sizeof question, "%s.lua is there: write over it?", self->name);
        tui_ask(self->view.tui, question, overwrite, (int64_t)self->view.serial);
    } else {
        write_now(self);
    }
}

static void leave(struct tui *tui, int64_t serial)
{
    if (by_serial(tui, serial))
        tui_close(tui, &by_serial(tui, serial)->view);
}

/* ---- keys ---- */

static bool close_key(struct compose *self)
{
    if (self->choosing)
        leave_options(self);
    else if (!self->written && json_object_size(self->chosen))
        tui_ask(self->view.tui, "Leave without writing it?", leave, (int64_t)self->view.serial);
    else
        return false;
    return true;
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct compose *self = (struct compose *)view;
    self->starting = false;
    switch (request) {
    case TUI_MARK:
        if (self->choosing)
            take(self);
        return self->choosing;
    case TUI_WRITE:
        ask_to_write(self);
        return true;
    case TUI_START:
        open_form(self);
        return true;
    case TUI_CLEAR:
        set_default(self);
        return true;
    case TUI_CLOSE:
        return close_key(self);
    case TUI_BESIDE_LEFT:
        if (self->choosing) {
            leave_options(self);
            return true;
        }
        return step(self, -1);
    case TUI_BESIDE_RIGHT:
        return step(self, 1);
    default:
        return tui_detail_request(&self->preview, request);
    }
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct compose *self = (const struct compose *)view;
    const json_t *field = field_at(self, index);
    char value[512];
    if (self->choosing) {
        const json_t *option = json_array_get(json_object_get(current(self), "choices"), index);
        snprintf(out, size, "%s %s %s", text_of(option, "value"), text_of(option, "doc"),
            text_of(option, "group"));
        return out;
    }
    value_text(json_object_get(field, "value"), value, sizeof value);
    snprintf(out, size, "%s %s %s", field ? text_of(field, "name") : "name",
        field ? value : self->name, text_of(field, "doc"));
    return out;
}

/* :param FIELD=VALUE and :write FILE */
static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct compose *self = (struct compose *)view;
    size_t length = strcspn(argument, "=");
    if (strcmp(name, "write") == 0 && *argument) {
        *status = write_to(self, argument);
        return true;
    }
    if (strcmp(name, "param") != 0)
        return false;
    if (!argument[length]) {
        *status = assay_fail(ASSAY_EINVAL, "param wants FIELD=VALUE, got \"%s\"", argument);
    } else if (strncmp(argument, "name=", 5) == 0) {
        rename_to(self, argument + 5);
    } else {
        char field[64];
        snprintf(field, sizeof field, "%.*s", (int)length, argument);
        choose(self, field, json_string(argument + length + 1));
        const char *unknown = text_of(self->result, "unknown");
        if (*unknown)
            *status = assay_fail(ASSAY_ENOTFOUND, "%s", unknown);
    }
    return true;
}

/* The values of one field of the composer that may be chosen. */
static void add_choices(const json_t *field, struct tui_words *words)
{
    size_t i;
    json_t *choice;
    words->separators = "=,"; /* names have blanks */
    json_array_foreach(json_object_get(field, "choices"), i, choice) if (!*text_of(choice, "why"))
        tui_words_add(words, text_of(choice, "value"));
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    static const char *const own[] = {"param", "write", NULL};
    const struct compose *self = (const struct compose *)view;
    const size_t length = strcspn(argument, "=");
    const json_t *field;
    char text[256];
    if (!*name)
        tui_words_add_all(words, own);
    else if (strcmp(name, "write") == 0)
        tui_words_add_files(words, argument);
    for (size_t i = 1; strcmp(name, "param") == 0 && (field = field_at(self, i)); i++) {
        snprintf(text, sizeof text, "%s=", text_of(field, "name"));
        if (!argument[length])
            tui_words_add(words, text);
        else if (strncmp(argument, text, length + 1) == 0 && strlen(text) == length + 1)
            add_choices(field, words);
    }
    if (strcmp(name, "param") == 0 && !argument[length])
        tui_words_add(words, "name=");
}

const struct view_ops tui_compose_view = {
    .name = "compose",
    .hint = "Enter:choose  w:write  s:start  J/K:Lua",
    .size = sizeof(struct compose),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .select = select_row,
    .close = close_view,
    .shows = shows,
    .text = text,
    .input = input,
    .command = command,
    .words = words,
};
