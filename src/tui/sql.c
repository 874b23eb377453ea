/*
 * SQL over the database: a line to type in, with the names of tables and columns completed and what
 * was asked before, and the result as a table that scrolls both ways. It is the text of `assay
 * sql`.
 *
 * A query reads aside and may take as long as it likes; what it gives beyond a limit is not kept.
 */
#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "store/sql.h"
#include "tui/prompt.h"
#include "tui/view.h"
#include "tui/words.h"

enum { MOST_BYTES = 1 << 24, HEAD = 2, HISTORY = 100, SHIFT = 16 };

struct sql {
    struct tui_view view;
    struct tui_list list; /* lines of the result below its head */
    struct tui_line line;
    char *asked; /* the query whose result is shown */
    char *result;
    char **lines;
    size_t count, widest, shift;
    bool cut; /* there was more */
    char *history[HISTORY];
    size_t history_count, history_at;
    char **names;          /* of tables and columns, to be completed */
    struct query *running; /* or NULL */
};

/* ---- carried out aside ---- */

struct query {
    struct tui_job job;
    char *database, *sql, *path; /* path: a CSV file to be written, or NULL */
    char *result;
    size_t size, room;
    bool cut;
    atomic_bool cancel;
};

/* What does not fit is not kept, but the statement goes on to its end. */
static ssize_t keep(void *cookie, const char *data, size_t size)
{
    struct query *self = cookie;
    size_t wanted = size;
    if (self->size + size > MOST_BYTES) {
        self->cut = true;
        size = MOST_BYTES - self->size;
    }
    if (self->size + size + 1 > self->room) {
        size_t room = 2 * (self->size + size) + 4096;
        char *grown = realloc(self->result, room);
        if (!grown)
            return 0;
        self->result = grown;
        self->room = room;
    }
    memcpy(self->result + self->size, data, size);
    self->size += size;
    self->result[self->size] = '\0';
    return (ssize_t)wanted;
}

static int run_query(struct tui_job *job)
{
    struct query *self = (struct query *)job;
    assay_store *store = NULL;
    FILE *out = self->path ? fopen(self->path, "we")
                           : fopencookie(self, "w", (cookie_io_functions_t){.write = keep});
    int status = out ? assay_store_open(self->database, ASSAY_STORE_READ, &store)
                     : assay_fail(ASSAY_EIO, "can't write %s", self->path ? self->path : "");
    if (status == ASSAY_OK) {
        assay_store_sql_heed(store, &self->cancel);
        status = assay_store_sql(store, self->sql, self->path ? "csv" : "table", out);
    }
    if (out && fclose(out) != 0 && status == ASSAY_OK)
        status = assay_fail(ASSAY_EIO, "the result could not be written");
    assay_store_close(store);
    return status;
}

static void forget_result(struct sql *self)
{
    free(self->result);
    free(self->lines);
    free(self->asked);
    self->result = self->asked = NULL;
    self->lines = NULL;
    self->count = self->widest = self->shift = 0;
    self->list = (struct tui_list){0};
}

static int split_lines(struct sql *self)
{
    size_t lines = 0;
    for (const char *c = self->result; *c; c++)
        lines += *c == '\n';
    self->lines = calloc(lines + 1, sizeof *self->lines);
    if (!self->lines)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a result");
    for (char *at = self->result; *at && self->count <= lines;) {
        size_t length = strcspn(at, "\n");
        self->lines[self->count++] = at;
        at += length + (at[length] == '\n');
        at[-1] = '\0';
        size_t width = (size_t)tui_width(self->lines[self->count - 1]);
        self->widest = width > self->widest ? width : self->widest;
    }
    tui_list_resize(&self->list, self->count > HEAD ? self->count - HEAD : 0);
    return ASSAY_OK;
}

static void take(struct sql *self, struct query *query)
{
    forget_result(self);
    self->asked = query->sql;
    query->sql = NULL;
    self->result = query->result ? query->result : strdup("");
    query->result = NULL;
    self->cut = query->cut;
    if (!self->result || split_lines(self) != ASSAY_OK)
        tui_failed(self->view.tui);
    else if (!self->count)
        tui_say(self->view.tui, TUI_NORMAL, "done; there is no result to show");
    self->view.editing = !self->list.count;
}

static void was_run(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct sql *self = (struct sql *)view;
    struct query *query = (struct query *)job;
    if (self && self->running == query)
        self->running = NULL;
    if (job->status != ASSAY_OK)
        tui_failed(tui);
    else if (query->path)
        tui_say(tui, TUI_GOOD, "wrote %s", query->path);
    else if (self)
        take(self, query);
    free(query->database);
    free(query->sql);
    free(query->path);
    free(query->result);
}

static int start_query(struct sql *self, const char *sql, const char *path)
{
    struct query *query = calloc(1, sizeof *query);
    if (!query)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    query->job.work = run_query;
    query->job.done = was_run;
    query->job.view = self->view.serial;
    query->database = strdup(tui_database(self->view.tui));
    query->sql = strdup(sql);
    query->path = path ? strdup(path) : NULL;
    if (!query->database || !query->sql || (path && !query->path)) {
        free(query->database);
        free(query->sql);
        free(query);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    int status = tui_aside(self->view.tui, &query->job);
    self->running = status == ASSAY_OK ? query : NULL;
    return status;
}

/* ---- what was asked before, in other sessions too ---- */

static void keep_history(struct sql *self)
{
    json_t *list = json_array();
    for (size_t i = 0; i < self->history_count; i++)
        json_array_append_new(list, json_string(self->history[i]));
    tui_remember(self->view.tui, self->view.ops, "history", list);
}

static void recall_history(struct sql *self)
{
    const json_t *list = tui_recall(self->view.tui, self->view.ops, "history"), *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one) || self->history_count == HISTORY)
            continue;
        self->history[self->history_count] = strdup(json_string_value(one));
        self->history_count += self->history[self->history_count] != NULL;
    }
    self->history_at = self->history_count;
}

/* ---- the view ---- */

static void free_names(struct sql *self)
{
    for (char **name = self->names; name && *name; name++)
        free(*name);
    free(self->names);
    self->names = NULL;
}

static int load(struct tui_view *view)
{
    struct sql *self = (struct sql *)view;
    if (!tui_store(view->tui))
        return ASSAY_OK;
    free_names(self);
    return assay_store_sql_names(tui_store(view->tui), &self->names);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct sql *self = (struct sql *)view;
    if (!tui_store(view->tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet");
    tui_line_set(&self->line, target->name ? target->name : "SELECT ");
    view->list = &self->list;
    view->editing = true;
    recall_history(self);
    return ASSAY_OK;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    (void)view;
    (void)target;
    return true; /* there is one */
}

static void close_view(struct tui_view *view)
{
    struct sql *self = (struct sql *)view;
    if (self->running)
        atomic_store(&self->running->cancel, true);
    forget_result(self);
    free_names(self);
    for (size_t i = 0; i < self->history_count; i++)
        free(self->history[i]);
}

/* ---- drawing ---- */

/* The text from a column on. */
static const char *shifted(const char *text, size_t columns)
{
    unsigned code;
    while (columns-- && *text)
        text += tui_decode(text, &code);
    return text;
}

static void draw_help(struct sql *self, struct tui_area area)
{
    static const char words[] =
        "Queries over the database. Besides the tables there is a view named after each "
        "experiment, a "
        "row a line, with run, cell, replicate, parameters and measures as columns.\n\n"
        "  Enter     runs it                 Tab      completes tables and columns\n"
        "  up, down  what was asked before   Esc      stops it; to the result, q closes it\n\n"
        "  SELECT r.id, e.name, r.state FROM run r JOIN experiment e ON e.id = r.experiment";
    (void)self;
    tui_put_wrapped(area, 0, TUI_DIM, words);
}

static void draw_result(struct sql *self, struct tui_area area)
{
    int head = self->count < HEAD ? (int)self->count : HEAD, rows = area.rows - head;
    for (int i = 0; i < head; i++)
        tui_put(area.y + i, area.x + 1, area.cols - 1, i ? TUI_DIM : TUI_BOLD,
            shifted(self->lines[i], self->shift));
    tui_list_show(&self->list, (size_t)rows);
    tui_zone(&self->view, TUI_ZONE_ROWS, (struct tui_area){area.y + head, 0, rows, area.cols}, 0);
    for (int row = 0; row < rows && self->list.top + (size_t)row < self->list.count; row++) {
        size_t i = self->list.top + (size_t)row;
        int y = area.y + head + row, mark = i == self->list.cursor ? TUI_SELECTED : 0;
        tui_blank(y, 0, area.cols, TUI_NORMAL | mark);
        tui_put(y, area.x + 1, area.cols - 1, TUI_NORMAL | mark,
            shifted(self->lines[HEAD + i], self->shift));
    }
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct sql *self = (struct sql *)view;
    struct tui_area body = {area.y + 2, 0, area.rows - 2, area.cols};
    tui_put(area.y, 0, 5, TUI_TITLE, "sql>");
    view->cursor_y = area.y;
    view->cursor_x = tui_line_draw(&self->line, area.y, 5, area.cols - 5, TUI_NORMAL);
    tui_fill(area.y + 1, 0, area.cols, TUI_DIM, TUI_HLINE);
    if (self->running)
        tui_put(area.y + 1, 2, area.cols - 2, TUI_LIVE, " running; Esc or c stops it ");
    else if (self->asked)
        tui_putf(area.y + 1, 2, area.cols - 4, TUI_DIM, " %zu lines%s of: %.300s ",
            self->list.count, self->cut ? " (cut)" : "", self->asked);
    if (self->result)
        draw_result(self, body);
    else
        draw_help(self, (struct tui_area){body.y + 1, 2, body.rows - 1, body.cols - 4});
}

/* ---- typing ---- */

static void remember(struct sql *self, const char *text)
{
    if (self->history_count && strcmp(self->history[self->history_count - 1], text) == 0)
        return;
    if (self->history_count == HISTORY) {
        free(self->history[0]);
        memmove(self->history, self->history + 1, (HISTORY - 1) * sizeof *self->history);
        self->history_count--;
    }
    self->history[self->history_count] = strdup(text);
    self->history_count += self->history[self->history_count] != NULL;
    keep_history(self);
}

static void recall(struct sql *self, bool older)
{
    if (older && self->history_at > 0)
        self->history_at--;
    else if (!older && self->history_at < self->history_count)
        self->history_at++;
    tui_line_set(&self->line,
        self->history_at < self->history_count ? self->history[self->history_at] : "SELECT ");
}

/* What stands between names. */
static const char *const in_sql = " ,()=<>+-*/.;'\"";

static void complete(struct sql *self)
{
    struct tui_words words = {0};
    char choices[512];
    words.separators = in_sql;
    tui_words_add_all(&words, (const char *const *)self->names);
    const size_t count = tui_words_complete(&words, &self->line, 0, choices, sizeof choices);
    if (!count)
        tui_say(self->view.tui, TUI_DIM, "no table or column begins so");
    else if (count > 1)
        tui_say(self->view.tui, TUI_DIM, "%zu:%s", count, choices);
    tui_words_clear(&words);
}

static void ask(struct sql *self)
{
    if (!self->line.text[strspn(self->line.text, " ")])
        return;
    if (self->running) {
        tui_say(self->view.tui, TUI_WARN, "a query is running: Esc stops it");
        return;
    }
    remember(self, self->line.text);
    self->history_at = self->history_count;
    if (start_query(self, self->line.text, NULL) != ASSAY_OK)
        tui_failed(self->view.tui);
}

/* Was there one to stop? */
static bool cancel_query(struct sql *self)
{
    if (!self->running)
        return false;
    atomic_store(&self->running->cancel, true);
    return true;
}

static bool input(struct tui_view *view, int pressed)
{
    struct sql *self = (struct sql *)view;
    const char *command;
    enum tui_request request = tui_keymap_request("sql", pressed, &command);
    if (pressed == TUI_ESCAPE && cancel_query(self))
        return true;
    if (!view->editing)
        return false;
    if (pressed == '\t') {
        complete(self);
        return true;
    }
    if (pressed >= TUI_KEY_FUNCTION && (request == TUI_UP || request == TUI_DOWN)) {
        recall(self, request == TUI_UP);
        return true;
    }
    switch (tui_line_key(&self->line, pressed)) {
    case TUI_TYPED:
        ask(self);
        break;
    case TUI_GIVEN_UP:
        view->editing = false;
        break;
    default:
        break;
    }
    return true;
}

/* ---- keys ---- */

static int write_result(struct sql *self, const char *path)
{
    if (!self->asked)
        return assay_fail(ASSAY_ENOTFOUND, "nothing was asked yet");
    return start_query(self, self->asked, path && *path ? path : "query.csv");
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct sql *self = (struct sql *)view;
    switch (request) {
    case TUI_CANCEL:
        if (!cancel_query(self))
            tui_say(view->tui, TUI_DIM, "no query is running");
        return true;
    case TUI_SHIFT_RIGHT:
        self->shift += self->shift + SHIFT < self->widest ? SHIFT : 0;
        return true;
    case TUI_SHIFT_LEFT:
        self->shift -= self->shift < SHIFT ? self->shift : SHIFT;
        return true;
    case TUI_WRITE:
        if (write_result(self, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    default:
        return false;
    }
}

static void edit(struct tui_view *view)
{
    view->editing = true;
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct sql *self = (struct sql *)view;
    if (strcmp(name, "write") == 0) {
        *status = write_result(self, argument);
    } else if (strcmp(name, "sql") == 0 && *argument) {
        tui_line_set(&self->line, argument);
        ask(self);
        *status = ASSAY_OK;
    } else {
        return false;
    }
    return true;
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    snprintf(out, size, "%s", ((struct sql *)view)->lines[HEAD + index]);
    return out;
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    const struct sql *self = (const struct sql *)view;
    if (!*name) {
        tui_words_add(words, "write");
    } else if (strcmp(name, "write") == 0) {
        tui_words_add_files(words, argument);
    } else if (strcmp(name, "sql") == 0) {
        words->separators = in_sql;
        tui_words_add_all(words, (const char *const *)self->names);
    }
}

const struct view_ops tui_sql_view = {
    .name = "sql",
    .hint = "Enter:edit  [/]:columns  w:CSV  q:close",
    .size = sizeof(struct sql),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .select = edit,
    .close = close_view,
    .shows = shows,
    .text = text,
    .input = input,
    .command = command,
    .words = words,
};
