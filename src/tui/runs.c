/*
 * The runs, newest first. Only the page of them around the cursor is in memory: a database of ten
 * thousand runs opens as fast as one of ten. When runs are added the cursor stays on its run.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/view.h"

enum { PAGE = 200 };

struct runs {
    struct tui_view view;
    struct tui_list list;
    char *experiment; /* whose runs, or NULL: all */
    assay_run_list page;
    size_t first; /* index of the page's first run */
    int64_t cursor_run;
};

static int read_page(struct runs *self, size_t index)
{
    assay_store *store = tui_store(self->view.tui);
    assay_run_list_free(&self->page);
    self->page = (assay_run_list){0};
    self->first = index / PAGE * PAGE;
    if (!store)
        return ASSAY_OK;
    return assay_store_run_list(store, self->experiment, PAGE, self->first, &self->page);
}

static bool on_page(const struct runs *self, size_t index)
{
    return index >= self->first && index - self->first < self->page.count;
}

/* The run at an index, or NULL when it is gone. */
static const assay_run_info *run_at(struct runs *self, size_t index)
{
    if (!on_page(self, index) && read_page(self, index) != ASSAY_OK)
        tui_failed(self->view.tui);
    return on_page(self, index) ? &self->page.runs[index - self->first] : NULL;
}

static const assay_run_info *current(struct runs *self)
{
    return self->list.count ? run_at(self, self->list.cursor) : NULL;
}

/* Runs that were added push the others down by as many. */
static void follow_cursor(struct runs *self, size_t before)
{
    const assay_run_info *run = current(self);
    size_t now = self->list.count;
    if (!run || run->id == self->cursor_run || now <= before)
        return;
    const assay_run_info *moved = run_at(self, self->list.cursor + now - before);
    if (moved && moved->id == self->cursor_run) {
        self->list.cursor += now - before;
        self->list.top += now - before;
    }
}

static int load(struct tui_view *view)
{
    struct runs *self = (struct runs *)view;
    assay_store *store = tui_store(view->tui);
    size_t before = self->list.count;
    int64_t count = 0;
    int status = store ? assay_store_run_count(store, self->experiment, &count) : ASSAY_OK;
    if (status == ASSAY_OK)
        status = read_page(self, self->list.cursor);
    if (status != ASSAY_OK)
        return status;
    tui_list_resize(&self->list, (size_t)count);
    if (before)
        follow_cursor(self, before);
    view->live = false;
    for (size_t i = 0; i < self->page.count; i++)
        view->live = view->live || self->page.runs[i].state <= ASSAY_RUN_RUNNING;
    return ASSAY_OK;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct runs *self = (struct runs *)view;
    if (target->name && !(self->experiment = strdup(target->name)))
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    view->list = &self->list;
    return ASSAY_OK;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    const char *experiment = ((struct runs *)view)->experiment;
    return target->name ? experiment && strcmp(experiment, target->name) == 0 : !experiment;
}

static void close_view(struct tui_view *view)
{
    struct runs *self = (struct runs *)view;
    assay_run_list_free(&self->page);
    free(self->experiment);
}

/* ---- drawing ---- */

struct column {
    const char *title;
    int width; /* 0: what is left */
    bool right;
};

enum { ID, EXPERIMENT, PRESET, STATE, PROGRESS, CELLS, ELAPSED, LEFT, ROWS, STARTED, COLUMNS };

/* A column that the screen has no room for has the width -1. */
static void lay_out(int cols, struct column columns[COLUMNS])
{
    static const struct column all[COLUMNS] = {
        [ID] = {"RUN", 6, true},
        [EXPERIMENT] = {"EXPERIMENT", 0, false},
        [PRESET] = {"PRESET", 10, false},
        [STATE] = {"STATE", 11, false},
        [PROGRESS] = {"PROGRESS", 10, false},
        [CELLS] = {"CELLS", 9, true},
        [ELAPSED] = {"ELAPSED", 7, true},
        [LEFT] = {"ETA", 6, true},
        [ROWS] = {"ROWS", 6, true},
        [STARTED] = {"CREATED", 16, false},
    };
    int left = cols - 2;
    memcpy(columns, all, sizeof all);
    if (cols < 110)
        columns[PRESET].width = columns[STARTED].width = -1;
    else
        columns[PROGRESS].width = 10 + (cols - 110) / 2 > 30 ? 30 : 10 + (cols - 110) / 2;
    if (cols < 76)
        columns[PROGRESS].width = -1;
    for (int i = 0; i < COLUMNS; i++)
        left -= columns[i].width >= 0 ? columns[i].width + 1 : 0;
    columns[EXPERIMENT].width = left > 30 ? 30 : left;
}

static void field(int i, const assay_run_info *run, char out[TUI_SHORT])
{
    int64_t ended = run->cells_done + run->cells_failed;
    out[0] = '\0';
    switch (i) {
    case ID:
        snprintf(out, TUI_SHORT, "%lld", (long long)run->id);
        break;
    case EXPERIMENT:
        snprintf(out, TUI_SHORT, "%.60s", run->experiment);
        break;
    case PRESET:
        snprintf(out, TUI_SHORT, "%.60s", run->preset ? run->preset : "");
        break;
    case STATE:
        snprintf(out, TUI_SHORT, "%s", assay_run_state_name(run->state));
        break;
    case CELLS:
        snprintf(out, TUI_SHORT, "%lld/%lld", (long long)ended, (long long)run->cells);
        break;
    case ELAPSED:
        tui_format_duration(run->elapsed, out);
        break;
    case LEFT:
        if (!isnan(tui_run_left(run)))
            tui_format_duration(tui_run_left(run), out);
        break;
    case ROWS:
        tui_format_count(run->rows, out);
        break;
    default:
        tui_format_date(run->created, out);
    }
}

static void draw_run(
    const assay_run_info *run, const struct column *columns, int y, int cols, bool here)
{
    int mark = here ? TUI_SELECTED : 0, x = 2;
    char value[TUI_SHORT];
    tui_blank(y, 0, cols, TUI_NORMAL | mark);
    if (here)
        tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
    for (int i = 0; i < COLUMNS; x += columns[i].width >= 0 ? columns[i].width + 1 : 0, i++) {
        int style = i == STATE || i == PROGRESS ? tui_run_style(run->state)
                    : i == EXPERIMENT           ? TUI_BOLD
                                                : TUI_NORMAL;
        if (columns[i].width < 0)
            continue;
        field(i, run, value);
        if (i == PROGRESS)
            tui_put_bar(y, x, columns[i].width, style | mark, tui_run_fraction(run));
        else if (columns[i].right)
            tui_put_right(y, x, columns[i].width, style | mark, value);
        else
            tui_put(y, x, columns[i].width, style | mark, value);
    }
}

static void draw_empty(struct runs *self, struct tui_area area)
{
    const char *reason = tui_store_reason(self->view.tui);
    struct tui_area inner = {area.y + 1, area.x + 2, area.rows - 1, area.cols - 4};
    char words[1024];
    if (!tui_store(self->view.tui) && *reason)
        snprintf(words, sizeof words, "%s", reason);
    else
        snprintf(words, sizeof words,
            "No runs%s%s in %s yet.\n\n"
            "  E, Enter, s                    starts one from here\n"
            "  assay run FILE NAME=VALUE ...  starts one from the shell",
            self->experiment ? " of " : "", self->experiment ? self->experiment : "",
            tui_label(self->view.tui));
    tui_put_wrapped(inner, 0, TUI_NORMAL, words);
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct runs *self = (struct runs *)view;
    struct column columns[COLUMNS];
    int x = 2;
    if (!self->list.count) {
        draw_empty(self, area);
        return;
    }
    lay_out(area.cols, columns);
    for (int i = 0; i < COLUMNS; x += columns[i].width >= 0 ? columns[i].width + 1 : 0, i++) {
        if (columns[i].right)
            tui_put_right(area.y, x, columns[i].width, TUI_DIM, columns[i].title);
        else
            tui_put(area.y, x, columns[i].width, TUI_DIM, columns[i].title);
    }
    tui_list_show(&self->list, (size_t)(area.rows - 1));
    for (int row = 0; row < area.rows - 1 && self->list.top + (size_t)row < self->list.count;
         row++) {
        size_t i = self->list.top + (size_t)row;
        const assay_run_info *run = run_at(self, i);
        if (run)
            draw_run(run, columns, area.y + 1 + row, area.cols, i == self->list.cursor);
    }
    const assay_run_info *here = current(self);
    self->cursor_run = here ? here->id : 0;
}

/* ---- keys ---- */

static int64_t run(struct tui_view *view)
{
    const assay_run_info *here = current((struct runs *)view);
    return here ? here->id : 0;
}

static const char *experiment(struct tui_view *view)
{
    struct runs *self = (struct runs *)view;
    const assay_run_info *here = current(self);
    return self->experiment ? NULL : here ? here->experiment : NULL; /* r: narrower, then all */
}

static void select_run(struct tui_view *view)
{
    struct tui_target target = {.run = run(view)};
    if (target.run && tui_open(view->tui, &tui_run_view, &target) != ASSAY_OK)
        tui_failed(view->tui);
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const assay_run_info *run = run_at((struct runs *)view, index);
    snprintf(out, size, "%lld %s %s %s %s", run ? (long long)run->id : 0,
        run ? run->experiment : "", run && run->preset ? run->preset : "",
        run ? assay_run_state_name(run->state) : "", run ? run->params : "");
    return out;
}

const struct view_ops tui_runs_view = {
    .name = "runs",
    .hint = "Enter:open  f:figure  c:cancel  r:these/all",
    .size = sizeof(struct runs),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = NULL,
    .select = select_run,
    .close = close_view,
    .shows = shows,
    .text = text,
    .run = run,
    .experiment = experiment,
};
