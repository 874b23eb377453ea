/*
 * The frame: the stack of views, the loop, the status bar and the prompt.
 *
 * The loop sleeps in ppoll for a key, a job that ended, or the next look at the store (250 ms while
 * something goes on, else a second), and draws only when one of them gave reason to. Curses sends
 * only what differs, so a live screen does not flicker.
 */
#include "run/bytes.h"
#include "tui/tui.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"
#include "tui/again.h"
#include "tui/frame.h"
#include "tui/terminal.h"

/* ---- what views ask of the frame ---- */

assay_store *tui_store(struct tui *tui)
{
    return tui->store;
}

const char *tui_store_reason(const struct tui *tui)
{
    return tui->reason;
}

const char *tui_database(const struct tui *tui)
{
    return tui->options.database;
}

const char *tui_label(const struct tui *tui)
{
    return *tui->label ? tui->label : tui->options.database;
}

const char *tui_program(const struct tui *tui)
{
    return tui->options.program ? tui->options.program : "/proc/self/exe";
}

double tui_now(const struct tui *tui)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return tui->clock > 0 ? tui->clock : (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const assay_found_list *tui_found(const struct tui *tui)
{
    return tui->found_known ? &tui->found : NULL;
}

const char *tui_found_error(const struct tui *tui)
{
    return *tui->found_error ? tui->found_error : NULL;
}

const assay_found *tui_find_experiment(const struct tui *tui, const char *name)
{
    for (size_t i = 0; i < tui->found.count; i++)
        if (strcmp(tui->found.items[i].name, name) == 0)
            return &tui->found.items[i];
    return NULL;
}

struct tui_view *tui_top(const struct tui *tui)
{
    return tui->top;
}

struct tui_view *tui_view_by_serial(const struct tui *tui, uint64_t serial)
{
    struct tui_view *view = tui->top;
    while (view && view->serial != serial)
        view = view->below;
    return view;
}

void tui_dirty(struct tui *tui)
{
    tui->dirty = true;
}

/* Hints and what is only under way are not worth keeping. */
static void remember_message(struct tui *tui)
{
    size_t length = strlen(tui->message);
    bool passing = tui->message_style == TUI_DIM || length == 0 ||
                   (length > 3 && strcmp(tui->message + length - 3, "...") == 0);
    struct tui_message *message = &tui->log[tui->log_end % TUI_LOG];
    if (passing)
        return;
    message->time = tui_now(tui);
    message->style = tui->message_style;
    memcpy(message->text, tui->message, sizeof message->text);
    tui->log_end++;
}

void tui_say(struct tui *tui, int style, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tui->message, sizeof tui->message, format, arguments);
    va_end(arguments);
    tui->message_style = style;
    tui->dirty = true;
    remember_message(tui);
}

void tui_failed(struct tui *tui)
{
    tui_say(tui, TUI_BAD, "%s", assay_errmsg());
}

void tui_ask(
    struct tui *tui, const char *question, void (*yes)(struct tui *, int64_t), int64_t what)
{
    snprintf(tui->question, sizeof tui->question, "%s", question);
    tui->asking = TUI_ASKS_YES;
    tui->yes = yes;
    tui->what = what;
    tui->dirty = true;
}

bool tui_asks(const struct tui *tui)
{
    return tui->asking == TUI_ASKS_YES;
}

void tui_ask_command(struct tui *tui, const char *text)
{
    tui->asking = TUI_ASKS_COMMAND;
    tui->history_at = tui->history_count;
    *tui->choices = '\0';
    tui_line_set(&tui->line, text);
    tui->dirty = true;
}

int tui_aside(struct tui *tui, struct tui_job *job)
{
    int status = tui_queue_start(tui->queue, job);
    if (status != ASSAY_OK)
        free(job);
    tui->dirty = true;
    return status;
}

/* ---- the stack ---- */

static struct tui_view **link_to(struct tui *tui, const struct tui_view *view)
{
    struct tui_view **link = &tui->top;
    while (*link && *link != view)
        link = &(*link)->below;
    return link;
}

static struct tui_view *find_open(
    struct tui *tui, const struct view_ops *ops, const struct tui_target *target)
{
    struct tui_view *view = tui->top;
    while (view && !(view->ops == ops && (!ops->shows || ops->shows(view, target))))
        view = view->below;
    return view;
}

int tui_open(struct tui *tui, const struct view_ops *ops, const struct tui_target *target)
{
    static const struct tui_target nothing;
    target = target ? target : &nothing;
    struct tui_view *view = find_open(tui, ops, target);
    tui->dirty = true;
    if (view) {
        *link_to(tui, view) = view->below;
    } else {
        view = calloc(1, ops->size);
        if (!view)
            return assay_fail(ASSAY_ENOMEM, "out of memory");
        view->ops = ops;
        view->tui = tui;
        view->serial = ++tui->serials;
        int status = ops->open(view, target);
        if (status != ASSAY_OK) {
            free(view);
            return status;
        }
    }
    view->stale = true;
    view->below = tui->top;
    tui->top = view;
    return ASSAY_OK;
}

const struct tui_config *tui_configuration(const struct tui *tui)
{
    return &tui->config;
}

void tui_close(struct tui *tui, struct tui_view *view)
{
    *link_to(tui, view) = view->below;
    view->ops->close(view);
    free(view);
    tui->quit = tui->quit || !tui->top;
    tui->dirty = true;
}

/* ---- the store ---- */

static void all_stale(struct tui *tui)
{
    for (struct tui_view *view = tui->top; view; view = view->below)
        view->stale = true;
}

/* Whatever the view: runs that can't be shown must not look like runs that are not there. */
static void say_why_not(struct tui *tui, int status)
{
    bool news = strcmp(tui->reason, assay_errmsg()) != 0;
    snprintf(tui->reason, sizeof tui->reason, "%s", assay_errmsg());
    if (news && status != ASSAY_ENOTFOUND) /* an empty file is one to be filled */
        tui_failed(tui);
}

static void open_store(struct tui *tui)
{
    const char *path = tui->options.database;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        snprintf(tui->reason, sizeof tui->reason, "%s", "");
        return;
    }
    int status = assay_store_open(path, ASSAY_STORE_READ, &tui->store);
    if (status == ASSAY_OK)
        status = assay_store_data_version(tui->store, &tui->version);
    if (status != ASSAY_OK)
        say_why_not(tui, status);
    else
        *tui->reason = '\0';
    all_stale(tui);
    tui->dirty = true;
}

void tui_look_at_store(struct tui *tui)
{
    int64_t version = tui->version;
    if (tui->store && assay_store_check_file(tui->store) != ASSAY_OK) {
        tui_failed(tui);
        assay_store_close(tui->store);
        tui->store = NULL;
    }
    if (!tui->store) {
        open_store(tui);
        return;
    }
    if (assay_store_data_version(tui->store, &version) != ASSAY_OK)
        tui_failed(tui);
    bool overdue = tui->top && tui->top->live && assay_monotonic() >= tui->reload;
    if (version == tui->version && !overdue)
        return;
    tui->version = version;
    tui->reload = assay_monotonic() + 1;
    all_stale(tui);
    tui->dirty = true;
}

static void end_jobs(struct tui *tui)
{
    for (struct tui_job *job; (job = tui_queue_take(tui->queue)) != NULL; free(job)) {
        if (job->status != ASSAY_OK)
            assay_fail(job->status, "%s", job->message);
        job->done(tui, tui_view_by_serial(tui, job->view), job);
        tui->dirty = true;
    }
}

void tui_frame_look(struct tui *tui)
{
    end_jobs(tui);
    tui_look_at_store(tui);
}

/* ---- experiments are looked for aside: each file has to be loaded ---- */

struct discovery {
    struct tui_job job;
    assay_found_list found;
};

static int discover(struct tui_job *job)
{
    return assay_run_discover(&((struct discovery *)job)->found);
}

/* The file that was edited: does it load, and if not, where is it wrong? */
static void tell_edited(struct tui *tui)
{
    for (size_t i = 0; i < tui->found.count; i++) {
        const assay_found *found = &tui->found.items[i];
        if (strcmp(found->path, tui->edited) != 0)
            continue;
        if (found->error)
            tui_say(tui, TUI_BAD, "%s", found->error);
        else
            tui_say(tui, TUI_GOOD, "%s loads", found->name);
    }
    *tui->edited = '\0';
}

static void discovered(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    (void)view;
    assay_found_list_free(&tui->found);
    tui->found = ((struct discovery *)job)->found;
    tui->found_known = true;
    snprintf(tui->found_error, sizeof tui->found_error, "%s", job->message);
    all_stale(tui);
    if (*tui->edited)
        tell_edited(tui);
}

static void start_discovery(struct tui *tui)
{
    struct discovery *discovery = calloc(1, sizeof *discovery);
    if (!discovery)
        return;
    discovery->job.work = discover;
    discovery->job.done = discovered;
    tui_aside(tui, &discovery->job);
}

void tui_look_for_experiments(struct tui *tui, const char *edited)
{
    snprintf(tui->edited, sizeof tui->edited, "%s", edited ? edited : "");
    start_discovery(tui);
}

/* ---- drawing ---- */

static void draw_status(struct tui *tui, int rows, int cols)
{
    const struct tui_view *view = tui->top;
    const char *label = tui_label(tui);
    char position[64] = "", hint[256], keys[512];
    int y = rows - 2, room = cols - tui_width(label) - 2;
    if (room < cols / 2)
        room = cols / 2;
    if (view->list)
        snprintf(position, sizeof position, "  %zu/%zu",
            view->list->count ? view->list->cursor + 1 : (size_t)0, view->list->count);
    tui_blank(y, 0, cols, TUI_STATUS);
    if (tui->asking == TUI_ASKS_COMMAND && *tui->choices) {
        tui_put(y, 0, cols, TUI_STATUS, tui->choices);
        return;
    }
    int x = 1 + tui_put(y, 1, room - 1, TUI_STATUS, view->ops->name);
    x += tui_put(y, x, room - x, TUI_STATUS, position);
    snprintf(hint, sizeof hint, "?:help  %s", view->ops->hint);
    tui_keymap_hint(view->ops->name, hint, keys, sizeof keys);
    x += tui_putf(y, x, room - x - 1, TUI_STATUS, "   %s", keys);
    tui_put_right(y, x + 1, cols - x - 2, TUI_STATUS, label);
}

/* The last line: what is asked, else what was said. Gives the cursor's column, or -1. */
static int draw_prompt(struct tui *tui, int y, int cols)
{
    if (tui->asking == TUI_ASKS_YES) {
        int x = tui_putf(y, 0, cols - 1, TUI_WARN, "%s (y/n) ", tui->question);
        return x;
    }
    if (tui->asking != TUI_ASKS_NOTHING) {
        tui_put(y, 0, 1, TUI_BOLD, tui->asking == TUI_ASKS_COMMAND ? ":" : "/");
        return tui_line_draw(&tui->line, y, 1, cols - 1, TUI_NORMAL);
    }
    if (*tui->message)
        tui_put(y, 0, cols, tui->message_style, tui->message);
    else if (tui_queue_busy(tui->queue))
        tui_put(y, 0, cols, TUI_DIM, "working...");
    return -1;
}

static void draw_too_small(int rows, int cols)
{
    tui_put(rows / 2, 0, cols, TUI_WARN, "terminal too small");
    if (rows / 2 + 1 < rows)
        tui_putf(rows / 2 + 1, 0, cols, TUI_NORMAL, "%dx%d; needs %dx%d", cols, rows, TUI_MIN_COLS,
            TUI_MIN_ROWS);
    if (rows / 2 + 2 < rows)
        tui_put(rows / 2 + 2, 0, cols, TUI_DIM, "q quits");
}

void tui_frame_load(struct tui *tui)
{
    while (tui->top->stale) { /* a view may open another when it is loaded */
        struct tui_view *view = tui->top;
        view->stale = false;
        if (view->ops->load(view) != ASSAY_OK)
            tui_failed(tui);
    }
}

void tui_frame_draw(struct tui *tui)
{
    int rows, cols, y = -1, x = -1;
    tui_screen_size(&rows, &cols);
    tui_frame_load(tui);
    tui_screen_begin();
    tui->pointing.count = 0;
    tui->pointing.divides = false;
    if (rows < TUI_MIN_ROWS || cols < TUI_MIN_COLS) {
        draw_too_small(rows, cols);
    } else {
        tui->top->unfinished = false;
        tui->top->ops->draw(tui->top, (struct tui_area){0, 0, rows - 2, cols});
        draw_status(tui, rows, cols);
        x = draw_prompt(tui, rows - 1, cols);
        y = x < 0 ? -1 : rows - 1;
        if (y < 0 && tui->top->editing) {
            y = tui->top->cursor_y;
            x = tui->top->cursor_x;
        }
    }
    tui_screen_end(y, x);
    tui->dirty = tui->top->unfinished;
}

void tui_frame_draw_whole(struct tui *tui)
{
    do
        tui_frame_draw(tui);
    while (tui->top->unfinished);
}

/* ---- keys ---- */

static bool contains(const char *text, const char *needle)
{
    for (const char *c = needle; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            return strstr(text, needle) != NULL;
    return strcasestr(text, needle) != NULL;
}

int tui_frame_search(struct tui *tui, bool forward)
{
    struct tui_view *view = tui->top;
    struct tui_list *list = view->list;
    char text[4096];
    if (!list || !view->ops->text)
        return assay_fail(ASSAY_EINVAL, "there is nothing to search in this view");
    if (!*tui->needle)
        return assay_fail(ASSAY_EINVAL, "nothing was searched yet: / asks for a text");
    for (size_t i = 1; i <= list->count; i++) {
        size_t at = (forward ? list->cursor + i : list->cursor + list->count - i) % list->count;
        if (contains(view->ops->text(view, at, text, sizeof text), tui->needle)) {
            tui_list_move_to(list, at);
            return ASSAY_OK;
        }
    }
    return assay_fail(ASSAY_ENOTFOUND, "no line has \"%s\"", tui->needle);
}

static void ask_line(struct tui *tui, enum tui_asking asking)
{
    tui->asking = asking;
    tui->history_at = tui->history_count;
    *tui->choices = '\0';
    tui_line_set(&tui->line, "");
}

static void refresh_all(struct tui *tui)
{
    tui_screen_redraw();
    start_discovery(tui);
    all_stale(tui);
}

static const char *experiment_here(struct tui *tui)
{
    return tui->top->ops->experiment ? tui->top->ops->experiment(tui->top) : NULL;
}

static int64_t run_here(struct tui *tui)
{
    return tui->top->ops->run ? tui->top->ops->run(tui->top) : 0;
}

/* Asking a run to stop writes to the store, which may have to wait for its turn: done aside too. */
struct cancelling {
    struct tui_job job;
    char *database;
    int64_t run;
};

static int cancel(struct tui_job *job)
{
    struct cancelling *self = (struct cancelling *)job;
    return assay_run_cancel(self->database, self->run, 0);
}

static void cancelled(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct cancelling *self = (struct cancelling *)job;
    (void)view;
    if (job->status == ASSAY_OK)
        tui_say(tui, TUI_NORMAL, "run %lld was asked to stop", (long long)self->run);
    else
        tui_failed(tui);
    free(self->database);
    all_stale(tui);
}

static void start_cancel(struct tui *tui, int64_t run)
{
    struct cancelling *self = calloc(1, sizeof *self);
    if (!self || !(self->database = strdup(tui->options.database))) {
        free(self);
        return;
    }
    self->job.work = cancel;
    self->job.done = cancelled;
    self->run = run;
    if (tui_aside(tui, &self->job) != ASSAY_OK)
        tui_failed(tui);
}

static bool ask_cancel(struct tui *tui)
{
    int64_t run = run_here(tui);
    assay_run_info info;
    char question[128];
    if (!run || !tui->store || assay_store_run_get(tui->store, run, &info) != ASSAY_OK)
        return false;
    if (info.state != ASSAY_RUN_RUNNING && info.state != ASSAY_RUN_QUEUED) {
        tui_say(tui, TUI_WARN, "run %lld is not running: it is %s", (long long)run,
            assay_run_state_name(info.state));
    } else {
        snprintf(
            question, sizeof question, "Cancel run %lld (%.60s)?", (long long)run, info.experiment);
        tui_ask(tui, question, start_cancel, run);
    }
    assay_run_info_clear(&info);
    return true;
}

/* The marked runs, and the one here where it is not among them. */
static int open_compare(struct tui *tui)
{
    size_t count;
    const int64_t *marks = tui_marks(tui, &count);
    int64_t *runs = malloc((count + 1) * sizeof *runs), here = run_here(tui);
    if (!runs)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    if (count)
        memcpy(runs, marks, count * sizeof *runs);
    if (here && count < 2 && !tui_marked(tui, here))
        runs[count++] = here;
    struct tui_target target = {.runs = runs, .run_count = count};
    int status = count < 2 ? assay_fail(ASSAY_EINVAL, "two runs at least are compared: Space marks "
                                                      "them")
                           : tui_open(tui, &tui_compare_view, &target);
    free(runs);
    return status;
}

static int open_figure(struct tui *tui)
{
    struct tui_target target = {.run = run_here(tui)};
    if (tui->top->ops->runs)
        target.runs = tui->top->ops->runs(tui->top, &target.run_count);
    if (!target.run && !target.runs)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run here to draw");
    return tui_open(tui, &tui_figure_view, &target);
}

static int edit_here(struct tui *tui)
{
    const char *path = tui->top->ops->path ? tui->top->ops->path(tui->top) : NULL;
    char copy[4096];
    if (!path)
        return assay_fail(
            ASSAY_ENOTFOUND, "there is no experiment here whose file could be edited");
    snprintf(copy, sizeof copy, "%s", path);
    return tui_edit_file(tui, copy);
}

static int open_here(struct tui *tui, enum tui_request request)
{
    const char *name = experiment_here(tui);
    switch (request) {
    case TUI_EXPERIMENTS:
        return tui_open(tui, &tui_experiments_view, NULL);
    case TUI_RUNS:
        return tui_open(tui, &tui_runs_view, &(struct tui_target){.name = name});
    case TUI_COMPARE:
        return open_compare(tui);
    case TUI_SQL:
        return tui_open(tui, &tui_sql_view, NULL);
    case TUI_MESSAGES:
        return tui_open(tui, &tui_messages_view, NULL);
    case TUI_AGAIN:
        if (!run_here(tui))
            return assay_fail(ASSAY_ENOTFOUND,
                "there is no run to be started again; Enter opens the parameters of the first");
        return tui_run_again(tui, tui->top, run_here(tui));
    case TUI_EDIT:
        return edit_here(tui);
    case TUI_COMPOSE:
        return tui_open(tui, &tui_compose_view, NULL);
    case TUI_HELP:
        return tui_open(tui, &tui_help_view, &(struct tui_target){.name = tui->top->ops->name});
    default:
        return tui->top->ops == &tui_figure_view ? ASSAY_OK : open_figure(tui);
    }
}

static void turn_sixels(struct tui *tui)
{
    if (!tui_screen_has_sixels()) {
        tui_say(tui, TUI_DIM, "this terminal does not say that it shows pixels (sixels)");
        return;
    }
    tui_screen_want_sixels(!tui_screen_sixels());
    tui_say(tui, TUI_DIM, "pictures in %s", tui_screen_sixels() ? "pixels" : "characters");
}

bool tui_frame_request(struct tui *tui, enum tui_request request)
{
    struct tui_view *view = tui->top;
    tui->dirty = true;
    if (view->ops->key && view->ops->key(view, request))
        return true;
    if (view->list && tui_list_request(view->list, request))
        return true;
    if ((view->ops == &tui_runs_view || view->ops == &tui_run_view) &&
        tui_marks_request(tui, request, run_here(tui), view->ops == &tui_runs_view))
        return true;
    switch (request) {
    case TUI_OPEN:
        if (view->ops->select)
            view->ops->select(view);
        return view->ops->select != NULL;
    case TUI_PROMPT:
        ask_line(tui, TUI_ASKS_COMMAND);
        return true;
    case TUI_SEARCH:
        ask_line(tui, TUI_ASKS_SEARCH);
        return true;
    case TUI_SEARCH_NEXT:
    case TUI_SEARCH_PREVIOUS:
        if (tui_frame_search(tui, request == TUI_SEARCH_NEXT) != ASSAY_OK)
            tui_failed(tui);
        return true;
    case TUI_REFRESH:
        refresh_all(tui);
        return true;
    case TUI_CLOSE:
        tui_close(tui, view);
        return true;
    case TUI_QUIT:
        tui->quit = true;
        return true;
    case TUI_CANCEL:
        return ask_cancel(tui);
    case TUI_PIXELS:
        turn_sixels(tui);
        return true;
    case TUI_EXPERIMENTS:
    case TUI_RUNS:
    case TUI_COMPOSE:
    case TUI_HELP:
    case TUI_COMPARE:
    case TUI_SQL:
    case TUI_MESSAGES:
    case TUI_AGAIN:
    case TUI_EDIT:
    case TUI_FIGURE:
        if (open_here(tui, request) != ASSAY_OK)
            tui_failed(tui);
        return true;
    default:
        return false;
    }
}

static void remember_command(struct tui *tui, const char *text)
{
    if (tui->history_count == TUI_HISTORY) {
        free(tui->history[0]);
        memmove(tui->history, tui->history + 1, (TUI_HISTORY - 1) * sizeof *tui->history);
        tui->history_count--;
    }
    tui->history[tui->history_count] = strdup(text);
    if (tui->history[tui->history_count])
        tui->history_count++;
    tui_frame_keep_history(tui);
}

/* Up and Down walk the history. Was it one of these? */
static bool helped(struct tui *tui, enum tui_request request)
{
    if (tui->asking != TUI_ASKS_COMMAND)
        return false;
    if (request == TUI_UP && tui->history_at > 0)
        tui_line_set(&tui->line, tui->history[--tui->history_at]);
    else if (request == TUI_DOWN && tui->history_at + 1 < tui->history_count)
        tui_line_set(&tui->line, tui->history[++tui->history_at]);
    else
        return request == TUI_UP || request == TUI_DOWN;
    return true;
}

static void answered(struct tui *tui)
{
    char text[sizeof tui->line.text];
    enum tui_asking asking = tui->asking;
    int status = ASSAY_OK;
    memcpy(text, tui->line.text, sizeof text);
    tui->asking = TUI_ASKS_NOTHING;
    if (asking == TUI_ASKS_COMMAND && *text) {
        remember_command(tui, text);
        status = tui_command(tui, text);
    } else if (asking == TUI_ASKS_SEARCH) {
        if (*text)
            snprintf(tui->needle, sizeof tui->needle, "%s", text);
        status = tui_frame_search(tui, true);
    }
    if (status != ASSAY_OK)
        tui_failed(tui);
}

static void type(struct tui *tui, int key)
{
    const char *command;
    *tui->choices = '\0';
    if (key == '\t') {
        if (tui->asking == TUI_ASKS_COMMAND)
            tui_command_complete(tui, &tui->line, tui->choices, sizeof tui->choices);
        return;
    }
    if (key >= TUI_KEY_FUNCTION &&
        helped(tui, tui_keymap_request(tui->top->ops->name, key, &command)))
        return;
    switch (tui_line_key(&tui->line, key)) {
    case TUI_TYPED:
        answered(tui);
        break;
    case TUI_GIVEN_UP:
        tui->asking = TUI_ASKS_NOTHING;
        break;
    default:
        break;
    }
}

/* A command that a key is bound to; it may bind anew. */
static void carry_out(struct tui *tui, const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "%s", command);
    if (tui_command(tui, line) != ASSAY_OK)
        tui_failed(tui);
}

void tui_frame_key(struct tui *tui, int key)
{
    struct tui_view *view = tui->top;
    const char *command;
    int rows, cols;
    tui->dirty = true;
    tui_screen_size(&rows, &cols);
    if (key == TUI_KEY_RESIZE)
        return;
    if (key == TUI_KEY_MOUSE) {
        tui_frame_mouse(tui, tui_screen_mouse());
        return;
    }
    *tui->message = '\0';
    tui_frame_load(tui); /* what it holds may be gone since it was drawn */
    if (rows < TUI_MIN_ROWS || cols < TUI_MIN_COLS) {
        enum tui_request request = tui_keymap_request(view->ops->name, key, &command);
        tui->quit = request == TUI_QUIT || request == TUI_CLOSE;
    } else if (tui->asking == TUI_ASKS_YES) {
        tui->asking = TUI_ASKS_NOTHING;
        if (key == 'y')
            tui->yes(tui, tui->what);
    } else if (tui->asking != TUI_ASKS_NOTHING) {
        type(tui, key);
    } else if (!view->ops->input || !view->ops->input(view, key)) {
        enum tui_request request = tui_keymap_request(view->ops->name, key, &command);
        if (key == TUI_ESCAPE)
            return;
        if (command)
            carry_out(tui, command);
        else if (request == TUI_NOTHING)
            tui_say(tui, TUI_DIM, "that key means nothing; ? lists the keys");
        else if (!tui_frame_request(tui, request))
            tui_say(tui, TUI_DIM, "that key does nothing in this view; ? lists the keys");
    }
}

int tui_frame_settle(struct tui *tui, int milliseconds)
{
    double end = assay_monotonic() + milliseconds * 1e-3;
    tui_frame_look(tui);
    while (!tui->quit) {
        tui_frame_draw_whole(tui); /* may begin something aside */
        if (!tui_queue_busy(tui->queue))
            return ASSAY_OK;
        if (assay_monotonic() >= end)
            return assay_fail(
                ASSAY_EBUSY, "after %d ms something is still done aside", milliseconds);
        poll(&(struct pollfd){.fd = tui_queue_wake(tui->queue), .events = POLLIN}, 1, 20);
        tui_frame_look(tui);
    }
    return ASSAY_OK;
}

/* ---- the configuration ---- */

/* The first error stays in sight; all are among the messages. */
static void tell_config(void *context, const char *message)
{
    struct tui *tui = context;
    char first[sizeof tui->message];
    snprintf(first, sizeof first, "%s", tui->message);
    tui_say(tui, TUI_BAD, "%s", message);
    if (tui->config_errors++)
        snprintf(tui->message, sizeof tui->message, "%s", first);
}

int tui_frame_configure(struct tui *tui, const char *path)
{
    char own[4096];
    int status = ASSAY_OK;
    tui_config_reset(&tui->config);
    tui->config_errors = 0;
    if (!path)
        status = tui_config_path(own, sizeof own);
    if (status == ASSAY_OK)
        status = tui_config_read(&tui->config, path ? path : own, tell_config, tui);
    if (status == ASSAY_ENOTFOUND && !path)
        status = ASSAY_OK; /* nothing has to be configured */
    tui_screen_colours(&tui->config.colours);
    tui_screen_want_sixels(tui->config.sixel);
    if (tui->top) /* there is a screen */
        tui_screen_listen(tui->config.mouse);
    tui->dirty = true;
    return status;
}

static void remember_own(struct tui *tui)
{
    char path[4096];
    if (tui_memory_path(path, sizeof path) == ASSAY_OK)
        tui_frame_remember(tui, path);
}

/* On top of the experiments. */
static int open_start(struct tui *tui)
{
    static const struct view_ops *const views[] = {
        &tui_runs_view, &tui_compose_view, &tui_sql_view, &tui_messages_view, &tui_help_view};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i]->name, tui->config.start) == 0)
            return tui_open(tui, views[i], NULL);
    return ASSAY_OK;
}

/* ---- from the first screen to the last ---- */

int tui_frame_open(const struct assay_tui_options *options, struct tui **out)
{
    struct tui *tui = calloc(1, sizeof *tui);
    if (!tui)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    tui->options = *options;
    tui_config_reset(&tui->config);
    tui_screen_colours(&tui->config.colours);
    if (!options->script) /* a script shows the same to everybody */
        tui_frame_configure(tui, NULL);
    int status = tui_queue_new(&tui->queue);
    if (status == ASSAY_OK)
        status = tui_screen_open(options->script != NULL, options->ascii);
    if (status != ASSAY_OK) {
        if (tui->queue)
            tui_queue_free(tui->queue);
        tui_config_clear(&tui->config);
        tui_keymap_reset();
        free(tui);
        return status;
    }
    tui_screen_listen(tui->config.mouse);
    if (!options->script && tui->config.remember)
        remember_own(tui);
    open_store(tui);
    start_discovery(tui);
    status = tui_open(tui, &tui_experiments_view, NULL);
    if (status == ASSAY_OK && open_start(tui) != ASSAY_OK)
        tui_failed(tui);
    if (status != ASSAY_OK)
        tui_frame_close(tui);
    else
        *out = tui;
    return status;
}

void tui_frame_close(struct tui *tui)
{
    while (tui->top)
        tui_close(tui, tui->top);
    tui_frame_save(tui, true);
    tui_memory_clear(&tui->memory);
    tui_screen_close();
    for (int i = 0; i < 100 && tui_queue_busy(tui->queue); i++) {
        end_jobs(tui);
        poll(&(struct pollfd){.fd = tui_queue_wake(tui->queue), .events = POLLIN}, 1, 10);
    }
    end_jobs(tui);
    tui_queue_free(tui->queue);
    assay_store_close(tui->store);
    assay_found_list_free(&tui->found);
    tui_marks_clear(tui);
    tui_config_clear(&tui->config);
    tui_keymap_reset();
    for (size_t i = 0; i < tui->history_count; i++)
        free(tui->history[i]);
    free(tui);
}

/* Sleep until a key, a job, a signal or the time for a look. Signals that ask to leave are open
 * only here, so none is missed between the question and the sleep. */
static bool wait_for_input(struct tui *tui)
{
    struct pollfd fds[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = tui_queue_wake(tui->queue), .events = POLLIN},
    };
    long nanoseconds = tui->top->unfinished ? 0 : tui->top->live ? 250000000 : 999999999;
    sigset_t leaving, before;
    sigemptyset(&leaving);
    sigaddset(&leaving, SIGINT);
    sigaddset(&leaving, SIGTERM);
    sigaddset(&leaving, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &leaving, &before);
    int ready =
        tui_terminal_signal() ? -1 : ppoll(fds, 2, &(struct timespec){0, nanoseconds}, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ready == 0 && tui->top->live)
        tui->dirty = true;
    return !(fds[0].revents & (POLLERR | POLLNVAL)) &&
           !((fds[0].revents & POLLHUP) && !(fds[0].revents & POLLIN));
}

static void loop(struct tui *tui)
{
    double next_look = 0;
    while (!tui->quit && !tui_terminal_signal()) {
        end_jobs(tui);
        if (assay_monotonic() >= next_look) {
            tui_look_at_store(tui);
            tui_frame_save(tui, false);
            next_look = assay_monotonic() + (tui->top->live ? 0.24 : 0.9);
        }
        double began = assay_monotonic();
        if (tui->dirty)
            tui_frame_draw(tui);
        /* what takes long to read, as the states of a million cells, is read less often */
        next_look = fmax(next_look, assay_monotonic() + 4 * (assay_monotonic() - began));
        if (!wait_for_input(tui))
            return;
        for (int key; !tui->quit && (key = tui_screen_key()) != TUI_NO_KEY;)
            tui_frame_key(tui, key);
    }
}

int assay_tui(const struct assay_tui_options *options)
{
    struct tui *tui;
    int code = 0;
    if (tui_frame_open(options, &tui) != ASSAY_OK) {
        fprintf(stderr, "assay: %s\n", assay_errmsg());
        return 2;
    }
    if (options->script)
        code = tui_script(tui, options->script);
    else
        loop(tui);
    int number = options->script ? 0 : tui_terminal_signal();
    tui_frame_close(tui);
    if (number)
        raise(number);
    return code;
}
