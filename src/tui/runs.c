/*
 * The runs: those of which a filter holds, in an order, pinned ones first. Their numbers are read
 * aside, all of them; of what stands on the screen only a page is in memory, so a database of ten
 * thousand runs opens as fast as one of ten. When runs are added the cursor stays on its run.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/status.h"
#include "tui/declaration.h"
#include "tui/format.h"
#include "tui/marks.h"
#include "tui/view.h"
#include "tui/words.h"

enum { PAGE = 64, CHOSEN = 8, FOOTER = 3 };

struct order {
    char sort[128];
    bool ascending;
    char filter[512];
};

struct runs {
    struct tui_view view;
    struct tui_list list;
    char *experiment;          /* whose runs, or NULL: all */
    struct order order, tried; /* what is shown, and what is being read */
    int64_t *ids;
    bool known, reading, again;
    assay_run_info page[PAGE];
    size_t first, page_count; /* index of the page's first run */
    char *chosen[CHOSEN];     /* parameters and measures that are columns */
    size_t chosen_count;
    double values[PAGE][CHOSEN]; /* of those that are measures */
};

/* ---- columns ---- */

struct column {
    const char *title, *sort; /* sort: what it is called in a query */
    int width;                /* -1: no room */
    bool right;
};

enum {
    ID,
    EXPERIMENT,
    LABEL,
    PRESET,
    STATE,
    PROGRESS,
    CELLS,
    ELAPSED,
    LEFT,
    RATE,
    ROWS,
    CREATED,
    HOST,
    FIXED,
    COLUMNS = FIXED + CHOSEN
};

static const struct column fixed[FIXED] = {
    [ID] = {"RUN", "id", 6, true},
    [EXPERIMENT] = {"EXPERIMENT", "exp", 0, false},
    [LABEL] = {"LABEL", "label", 0, false},
    [PRESET] = {"PRESET", "preset", 8, false},
    [STATE] = {"STATE", "state", 11, false},
    [PROGRESS] = {"PROGRESS", NULL, 10, false},
    [CELLS] = {"CELLS", "cells", 9, true},
    [ELAPSED] = {"ELAPSED", "elapsed", 8, true},
    [LEFT] = {"ETA", NULL, 6, true},
    [RATE] = {"RATE", NULL, 7, true},
    [ROWS] = {"ROWS", "rows", 6, true},
    [CREATED] = {"CREATED", "created", 16, false},
    [HOST] = {"HOST", "host", 10, false},
};

static bool is_fixed(const char *name)
{
    for (int i = 0; i < FIXED; i++)
        if (fixed[i].sort && strcasecmp(fixed[i].sort, name) == 0)
            return true;
    return false;
}

/* A parameter or measure becomes a column, the last one where there is no more room for them. */
static int choose(struct runs *self, const char *name)
{
    size_t at = self->chosen_count < CHOSEN ? self->chosen_count : CHOSEN - 1;
    for (size_t i = 0; i < self->chosen_count; i++)
        if (strcmp(self->chosen[i], name) == 0)
            return ASSAY_OK;
    char *copy = strdup(name);
    if (!copy)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    free(self->chosen[at]);
    self->chosen[at] = copy;
    self->chosen_count = at + 1;
    self->view.stale = true;
    return ASSAY_OK;
}

/* ---- which runs, and in what order: read aside ---- */

struct selection {
    struct tui_job job;
    char *database, *experiment;
    struct order order;
    int64_t *ids;
    size_t count;
};

static int select_runs(struct tui_job *job)
{
    struct selection *self = (struct selection *)job;
    assay_store *store = NULL;
    int status = assay_store_open(self->database, ASSAY_STORE_READ, &store);
    assay_run_query query = {
        self->experiment, self->order.filter, self->order.sort, self->order.ascending};
    if (status == ASSAY_OK)
        status = assay_store_run_select(store, &query, &self->ids, &self->count);
    assay_store_close(store);
    return status;
}

static void forget_page(struct runs *self)
{
    for (size_t i = 0; i < self->page_count; i++)
        assay_run_info_clear(&self->page[i]);
    self->page_count = 0;
}

static int64_t cursor_run(const struct runs *self)
{
    return self->list.count ? self->ids[self->list.cursor] : 0;
}

static bool same_order(const struct order *a, const struct order *b)
{
    return strcmp(a->sort, b->sort) == 0 && a->ascending == b->ascending &&
           strcmp(a->filter, b->filter) == 0;
}

static void keep(struct runs *self);

/* The cursor stays on its run, as far from the top as it was; in another order it goes to the top.
 */
static void take(struct runs *self, struct selection *selection)
{
    bool same = same_order(&self->order, &selection->order);
    int64_t here = cursor_run(self);
    size_t from_top = self->list.cursor - self->list.top, i = 0;
    forget_page(self);
    free(self->ids);
    self->ids = selection->ids;
    selection->ids = NULL;
    self->order = selection->order;
    if (!is_fixed(self->order.sort) && choose(self, self->order.sort) != ASSAY_OK)
        tui_failed(self->view.tui);
    tui_list_resize(&self->list, selection->count);
    if (!same) {
        self->list.cursor = self->list.top = 0;
        keep(self);
    }
    while (same && i < selection->count && self->ids[i] != here)
        i++;
    if (same && i < selection->count) {
        self->list.cursor = i;
        self->list.top = i > from_top ? i - from_top : 0;
    }
}

static int start_selection(struct runs *self);

static void was_selected(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct runs *self = (struct runs *)view;
    struct selection *selection = (struct selection *)job;
    if (self) {
        bool again = self->again;
        self->reading = self->again = false;
        if (job->status == ASSAY_OK)
            take(self, selection);
        else
            self->tried = self->order; /* what was asked for can't be */
        self->known = true;
        if (again && start_selection(self) != ASSAY_OK)
            tui_failed(tui);
    }
    if (job->status != ASSAY_OK)
        tui_failed(tui);
    free(selection->ids);
    free(selection->database);
    free(selection->experiment);
}

static int start_selection(struct runs *self)
{
    struct selection *selection;
    if (self->reading) {
        self->again = true;
        return ASSAY_OK;
    }
    selection = calloc(1, sizeof *selection);
    if (!selection)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    selection->job.work = select_runs;
    selection->job.done = was_selected;
    selection->job.view = self->view.serial;
    selection->order = self->tried;
    selection->database = strdup(tui_database(self->view.tui));
    selection->experiment = self->experiment ? strdup(self->experiment) : NULL;
    if (!selection->database || (self->experiment && !selection->experiment)) {
        free(selection->database);
        free(selection);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    self->reading = true;
    return tui_aside(self->view.tui, &selection->job);
}

/* ---- the page around the cursor ---- */

static int read_values(struct runs *self, size_t i)
{
    int status = ASSAY_OK;
    for (size_t c = 0; c < self->chosen_count && status == ASSAY_OK; c++)
        status = assay_store_run_measure(
            tui_store(self->view.tui), self->page[i].id, self->chosen[c], &self->values[i][c]);
    return status;
}

/* A run that was deleted since its number was read leaves an empty line until the next reading. */
static int read_page(struct runs *self, size_t index)
{
    assay_store *store = tui_store(self->view.tui);
    int status = ASSAY_OK;
    forget_page(self);
    self->first = index / PAGE * PAGE;
    for (size_t i = 0; store && i < PAGE && self->first + i < self->list.count; i++) {
        status = assay_store_run_get(store, self->ids[self->first + i], &self->page[i]);
        self->page_count++;
        if (status == ASSAY_OK)
            status = read_values(self, i);
        if (status != ASSAY_OK && status != ASSAY_ENOTFOUND)
            return status;
    }
    return ASSAY_OK;
}

static bool on_page(const struct runs *self, size_t index)
{
    return index >= self->first && index - self->first < self->page_count;
}

/* The run at an index, or NULL when it is gone. */
static const assay_run_info *run_at(struct runs *self, size_t index)
{
    if (!on_page(self, index) && read_page(self, index) != ASSAY_OK)
        tui_failed(self->view.tui);
    if (!on_page(self, index) || !self->page[index - self->first].id)
        return NULL;
    return &self->page[index - self->first];
}

static const assay_run_info *current(struct runs *self)
{
    return self->list.count ? run_at(self, self->list.cursor) : NULL;
}

static int load(struct tui_view *view)
{
    struct runs *self = (struct runs *)view;
    if (!tui_store(view->tui))
        return ASSAY_OK;
    int status = read_page(self, self->list.cursor);
    view->live = false;
    for (size_t i = 0; i < self->page_count; i++)
        view->live = view->live || (self->page[i].id && self->page[i].state <= ASSAY_RUN_RUNNING);
    return status ? status : start_selection(self);
}

/* ---- how it begins: as it was left, else as it is configured ---- */

/* "NAME", "NAME asc" or "NAME desc". */
static int parse_sort(struct order *order, const char *text)
{
    char name[128] = "", direction[16] = "";
    sscanf(text, "%127s %15s", name, direction);
    if (!*name)
        return assay_fail(ASSAY_EINVAL, "sort: by which column, parameter or measure?");
    if (*direction && strcmp(direction, "asc") != 0 && strcmp(direction, "desc") != 0)
        return assay_fail(ASSAY_EINVAL, "sort NAME takes asc or desc, got \"%s\"", direction);
    snprintf(order->sort, sizeof order->sort, "%s", name);
    order->ascending = strcmp(direction, "asc") == 0;
    return ASSAY_OK;
}

/* The names of a list with commas or spaces; none: no columns besides the fixed ones. */
static int choose_columns(struct runs *self, const char *names)
{
    char name[128];
    int used, status = ASSAY_OK;
    while (self->chosen_count)
        free(self->chosen[--self->chosen_count]);
    memset(self->chosen, 0, sizeof self->chosen);
    while (status == ASSAY_OK &&
           sscanf(names += strspn(names, ", "), "%127[^, ]%n", name, &used) == 1) {
        names += used;
        status = choose(self, name);
    }
    self->view.stale = true;
    return status;
}

static const char *remembered_as(const struct runs *self)
{
    return self->experiment ? self->experiment : "*";
}

static int begin(struct runs *self)
{
    const struct tui_config *config = tui_configuration(self->view.tui);
    const json_t *kept = tui_recall(self->view.tui, self->view.ops, remembered_as(self));
    const char *sort = json_string_value(json_object_get(kept, "sort")),
               *filter = json_string_value(json_object_get(kept, "filter")),
               *columns = json_string_value(json_object_get(kept, "columns"));
    int status = ASSAY_OK;
    sort = sort ? sort : config->runs_sort;
    if (*sort)
        status = parse_sort(&self->tried, sort);
    snprintf(
        self->tried.filter, sizeof self->tried.filter, "%s", filter ? filter : config->runs_filter);
    if (status == ASSAY_OK)
        status = choose_columns(self, columns ? columns : config->runs_columns);
    return status;
}

static void keep(struct runs *self)
{
    char sort[160], columns[CHOSEN * 129] = "";
    const struct tui_config *config = tui_configuration(self->view.tui);
    size_t used = 0;
    for (size_t i = 0; i < self->chosen_count && used < sizeof columns; i++)
        used += (size_t)snprintf(
            columns + used, sizeof columns - used, "%s%s", i ? " " : "", self->chosen[i]);
    snprintf(sort, sizeof sort, "%s %s", self->order.sort, self->order.ascending ? "asc" : "desc");
    bool usual = strcmp(sort, "id desc") == 0 && !*self->order.filter && !*columns &&
                 !*config->runs_sort && !*config->runs_filter && !*config->runs_columns;
    tui_remember(self->view.tui, self->view.ops, remembered_as(self),
        usual ? NULL
              : json_pack("{s:s, s:s, s:s}", "sort", sort, "filter", self->order.filter, "columns",
                    columns));
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct runs *self = (struct runs *)view;
    if (target->name && !(self->experiment = strdup(target->name)))
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    view->list = &self->list;
    strcpy(self->tried.sort, "id");
    self->order = self->tried;
    if (begin(self) != ASSAY_OK)
        tui_failed(view->tui);
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
    forget_page(self);
    for (size_t i = 0; i < self->chosen_count; i++)
        free(self->chosen[i]);
    free(self->ids);
    free(self->experiment);
}

/* ---- where the columns go ---- */

/* What is left when the columns have their room. */
static int room_left(const struct column *columns, int cols)
{
    int left = cols - 3;
    for (int i = 0; i < COLUMNS; i++)
        left -= columns[i].width > 0 ? columns[i].width + 1 : 0;
    return left;
}

/* Columns give way in this order when the screen is narrow, the first so that names of usual length
 * are whole; names get what is left. */
static void lay_out(const struct runs *self, int cols, struct column columns[COLUMNS])
{
    static const int yielding[] = {
        HOST, RATE, PRESET, CREATED, PROGRESS, LEFT, ROWS, ELAPSED, CELLS};
    memcpy(columns, fixed, sizeof fixed);
    for (size_t i = 0; i < CHOSEN; i++)
        columns[FIXED + i] = (struct column){
            self->chosen[i], self->chosen[i], i < self->chosen_count ? 10 : -1, true};
    for (size_t i = 0;
         i < sizeof yielding / sizeof *yielding && room_left(columns, cols) < (i ? 12 : 28); i++)
        columns[yielding[i]].width = -1;
    int left = room_left(columns, cols) - 1;
    columns[EXPERIMENT].width = left < 24 ? left : left / 2 > 24 ? 24 : left / 2;
    left -= columns[EXPERIMENT].width + 1;
    columns[LABEL].width = left >= 8 ? (left > 24 ? 24 : left) : -1;
    left -= columns[LABEL].width + 1;
    if (columns[PROGRESS].width > 0 && left > 0)
        columns[PROGRESS].width += left > 20 ? 20 : left;
}

/* ---- drawing ---- */

/* A parameter as it was given, else a measure. */
static void chosen_text(struct runs *self, const assay_run_info *run, size_t c, char out[TUI_SHORT])
{
    json_t *params = json_loads(run->params, 0, NULL);
    const json_t *value = json_object_get(params, self->chosen[c]);
    char *words = value ? tui_value_text(value) : NULL;
    if (words)
        snprintf(out, TUI_SHORT, "%.60s", words);
    else
        tui_format_estimate(self->values[run - self->page][c], out);
    free(words);
    json_decref(params);
}

static void field(struct runs *self, int i, const assay_run_info *run, char out[TUI_SHORT])
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
    case LABEL:
        snprintf(out, TUI_SHORT, "%.60s", run->label ? run->label : "");
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
        if (run->state != ASSAY_RUN_QUEUED)
            tui_format_duration(run->elapsed, out);
        break;
    case LEFT:
        if (!isnan(tui_run_left(run)))
            tui_format_duration(tui_run_left(run), out);
        break;
    case RATE:
        tui_run_rate(run, out);
        break;
    case ROWS:
        tui_format_count(run->rows, out);
        break;
    case CREATED:
        tui_format_date(run->created, out);
        break;
    case HOST:
        snprintf(out, TUI_SHORT, "%.60s", run->host ? run->host : "");
        break;
    default:
        chosen_text(self, run, (size_t)(i - FIXED), out);
    }
}

static int column_style(int i, const assay_run_info *run)
{
    if (i == STATE || i == PROGRESS)
        return tui_run_style(run->state);
    return i == EXPERIMENT ? TUI_BOLD : TUI_NORMAL;
}

static void draw_run(struct runs *self, const assay_run_info *run, const struct column *columns,
    int y, int cols, bool here)
{
    int select = here ? TUI_SELECTED : 0, x = 3;
    char value[TUI_SHORT];
    tui_blank(y, 0, cols, TUI_NORMAL | select);
    if (here)
        tui_put(y, 0, 1, TUI_NORMAL | select, tui_glyph(TUI_POINTER));
    if (tui_marked(self->view.tui, run->id))
        tui_put(y, 1, 1, TUI_WARN | select, tui_glyph(TUI_MARKED));
    if (run->pinned)
        tui_put(y, 2, 1, TUI_KEY | select, tui_glyph(TUI_PINNED));
    for (int i = 0; i<COLUMNS; x += columns[i].width> 0 ? columns[i].width + 1 : 0, i++) {
        int style = column_style(i, run) | select;
        if (columns[i].width <= 0)
            continue;
        if (i == PROGRESS) {
            tui_put_bar(y, x, columns[i].width, style, tui_run_fraction(run));
            continue;
        }
        field(self, i, run, value);
        if (columns[i].right)
            tui_put_right(y, x, columns[i].width, style, value);
        else
            tui_put(y, x, columns[i].width, style, value);
    }
}

static void draw_heading(const struct runs *self, const struct column *columns, int y)
{
    int x = 3;
    char title[160];
    for (int i = 0; i<COLUMNS; x += columns[i].width> 0 ? columns[i].width + 1 : 0, i++) {
        if (columns[i].width <= 0)
            continue;
        bool sorted = columns[i].sort && strcasecmp(columns[i].sort, self->order.sort) == 0;
        snprintf(title, sizeof title, "%.128s%s", columns[i].title,
            sorted ? tui_glyph(self->order.ascending ? TUI_ASCENDING : TUI_DESCENDING) : "");
        if (columns[i].right)
            tui_put_right(y, x, columns[i].width, sorted ? TUI_BOLD : TUI_DIM, title);
        else
            tui_put(y, x, columns[i].width, sorted ? TUI_BOLD : TUI_DIM, title);
    }
}

/* What of the runs is shown, when it is not all in the usual order; else how they are narrowed. */
static void draw_ruler(struct runs *self, int y, int cols)
{
    size_t marked;
    int x = 2;
    tui_marks(self->view.tui, &marked);
    tui_fill(y, 0, cols, TUI_DIM, TUI_HLINE);
    if (self->experiment)
        x += tui_putf(y, x, cols - x, TUI_NORMAL, " of %s ", self->experiment);
    if (*self->order.filter)
        x += tui_putf(y, x, cols - x, TUI_WARN, " filter: %s ", self->order.filter);
    if (strcmp(self->order.sort, "id") != 0)
        x += tui_putf(y, x, cols - x, TUI_NORMAL, " by %s %s ", self->order.sort,
            tui_glyph(self->order.ascending ? TUI_ASCENDING : TUI_DESCENDING));
    if (marked)
        tui_putf(y, x, cols - x, TUI_WARN, " %zu marked ", marked);
}

/* {"a": 1, "b": [1, 2]} as "a=1  b=1,2". */
static void draw_settings(const char *params, int y, int cols)
{
    json_t *object = json_loads(params, 0, NULL), *value;
    const char *name;
    int x = 3;
    json_object_foreach(object, name, value)
    {
        char *words = tui_value_text(value);
        if (x < cols)
            x += tui_putf(y, x, cols - x, TUI_NORMAL, "%s=%s  ", name, words ? words : "");
        free(words);
    }
    json_decref(object);
}

/* The run under the cursor, in two lines. */
static void draw_footer(struct runs *self, struct tui_area area)
{
    const assay_run_info *run = current(self);
    char date[TUI_SHORT], rate[TUI_SHORT];
    int y = area.y, x = 3;
    draw_ruler(self, y++, area.cols);
    if (!run)
        return;
    tui_format_date(run->created, date);
    tui_run_rate(run, rate);
    if (run->label)
        x += tui_putf(y, x, area.cols - x, TUI_BOLD, "%s  ", run->label);
    if (run->tags)
        x += tui_putf(y, x, area.cols - x, TUI_KEY, "[%s]  ", run->tags);
    x += tui_putf(y, x, area.cols - x, TUI_DIM, "%s  %s%sseed %llu  %lld replicates  %s  %s", date,
        run->preset ? run->preset : "", run->preset ? "  " : "", (unsigned long long)run->seed,
        (long long)run->replicates, run->host ? run->host : "", *rate ? rate : "");
    if (run->error)
        tui_putf(y, x, area.cols - x, TUI_BAD, "  %s", run->error);
    draw_settings(run->params, y + 1, area.cols);
}

static void draw_empty(struct runs *self, struct tui_area area)
{
    const char *reason = tui_store_reason(self->view.tui);
    struct tui_area inner = {area.y + 1, area.x + 2, area.rows - 1, area.cols - 4};
    char words[1024];
    if (!tui_store(self->view.tui) && *reason)
        snprintf(words, sizeof words, "%s", reason);
    else if (tui_store(self->view.tui) && !self->known)
        snprintf(words, sizeof words, "Reading the runs...");
    else if (*self->order.filter)
        snprintf(words, sizeof words,
            "No run%s%s is one of which this holds: %s\n\n"
            "  F              another filter\n"
            "  :filter        none",
            self->experiment ? " of " : "", self->experiment ? self->experiment : "",
            self->order.filter);
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
    int lines = area.rows - 1 - FOOTER;
    if (!self->list.count) {
        draw_empty(self, area);
        return;
    }
    lay_out(self, area.cols, columns);
    draw_heading(self, columns, area.y);
    tui_list_show(&self->list, (size_t)lines);
    tui_zone(view, TUI_ZONE_ROWS, (struct tui_area){area.y + 1, 0, lines, area.cols}, 0);
    for (int row = 0; row < lines && self->list.top + (size_t)row < self->list.count; row++) {
        size_t i = self->list.top + (size_t)row;
        const assay_run_info *run = run_at(self, i);
        if (run)
            draw_run(self, run, columns, area.y + 1 + row, area.cols, i == self->list.cursor);
    }
    draw_footer(self, (struct tui_area){area.y + 1 + lines, 0, FOOTER, area.cols});
}

/* ---- sorting and filtering ---- */

static int sort_by(struct runs *self, const char *argument)
{
    int status = parse_sort(&self->tried, argument);
    return status == ASSAY_OK ? start_selection(self) : status;
}

static int filter_by(struct runs *self, const char *filter)
{
    if (strlen(filter) >= sizeof self->tried.filter)
        return assay_fail(
            ASSAY_EINVAL, "a filter is at most %zu characters long", sizeof self->tried.filter - 1);
    snprintf(self->tried.filter, sizeof self->tried.filter, "%s", filter);
    return start_selection(self);
}

static int choose_and_keep(struct runs *self, const char *names)
{
    int status = choose_columns(self, names);
    if (status == ASSAY_OK)
        keep(self);
    return status;
}

/* The next of the columns that runs can be sorted by. */
static int sort_next(struct runs *self)
{
    const char *names[COLUMNS];
    int count = 0, at = 0;
    for (int i = 0; i < FIXED; i++)
        if (fixed[i].sort)
            names[count++] = fixed[i].sort;
    for (size_t i = 0; i < self->chosen_count; i++)
        names[count++] = self->chosen[i];
    while (at < count && strcasecmp(names[at], self->tried.sort) != 0)
        at++;
    snprintf(self->tried.sort, sizeof self->tried.sort, "%s", names[(at + 1) % count]);
    self->tried.ascending = false;
    return start_selection(self);
}

/* ---- keys ---- */

static bool key(struct tui_view *view, enum tui_request request)
{
    struct runs *self = (struct runs *)view;
    char text[600];
    int status = ASSAY_OK;
    switch (request) {
    case TUI_FILTER:
        snprintf(text, sizeof text, "filter %s", self->order.filter);
        tui_ask_command(view->tui, text);
        return true;
    case TUI_SORT:
        status = sort_next(self);
        break;
    case TUI_REVERSE:
        self->tried.ascending = !self->tried.ascending;
        status = start_selection(self);
        break;
    case TUI_MARK: /* and on to the next */
        tui_marks_request(view->tui, request, cursor_run(self), false);
        tui_list_request(&self->list, TUI_DOWN);
        break;
    default:
        return false;
    }
    if (status != ASSAY_OK)
        tui_failed(view->tui);
    return true;
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct runs *self = (struct runs *)view;
    if (strcmp(name, "filter") == 0)
        *status = filter_by(self, argument);
    else if (strcmp(name, "sort") == 0 && *argument)
        *status = sort_by(self, argument);
    else if (strcmp(name, "columns") == 0)
        *status = choose_and_keep(self, argument);
    else
        return false;
    return true;
}

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
    *out = '\0';
    if (run)
        snprintf(out, size, "%lld %s %s %s %s %s %s", (long long)run->id, run->experiment,
            run->label ? run->label : "", run->tags ? run->tags : "",
            run->preset ? run->preset : "", assay_run_state_name(run->state), run->params);
    return out;
}

static const char *path(struct tui_view *view)
{
    const assay_run_info *here = current((struct runs *)view);
    return here ? here->path : NULL;
}

/* What can be chosen among: of the run that the cursor is on. */
static void add_columns(struct runs *self, const char *ending, struct tui_words *words)
{
    const assay_run_info *run = self->list.count ? run_at(self, self->list.cursor) : NULL;
    char **measures = NULL, name[256];
    json_t *params = run && run->params ? json_loads(run->params, 0, NULL) : NULL;
    tui_words_add_keys(words, params, ending);
    json_decref(params);
    if (!run || assay_store_run_measures(tui_store(self->view.tui), run->id, &measures) != ASSAY_OK)
        return;
    for (size_t i = 0; measures && measures[i]; i++) {
        snprintf(name, sizeof name, "%s%s", measures[i], ending);
        tui_words_add(words, name);
        free(measures[i]);
    }
    free(measures);
}

/* FIELD:VALUE, of which some values are known. */
static void add_filters(struct runs *self, const char *argument, struct tui_words *words)
{
    static const char *const fields[] = {"state:", "exp:", "preset:", "method:", "host:", "label:",
        "tag:", "note:", "error:", "verdict:", "seed=", "cells=", "done=", "failed=", "rows=",
        "workers=", "replicates=", "elapsed=", "created:", "is:live", "is:pinned", "is:labelled",
        "is:discarded", NULL};
    const char *space = strrchr(argument, ' '), *word = space ? space + 1 : argument;
    const assay_found_list *found = tui_found(self->view.tui);
    words->separators = " :=<>!";
    word += *word == '-';
    if (strncmp(word, "state", 5) == 0 && strpbrk(word, ":="))
        for (int i = ASSAY_RUN_QUEUED; i <= ASSAY_RUN_INTERRUPTED; i++)
            tui_words_add(words, assay_run_state_name((assay_run_state)i));
    else if (strncmp(word, "exp", 3) == 0 && strpbrk(word, ":="))
        for (size_t i = 0; found && i < found->count; i++)
            tui_words_add(words, found->items[i].name);
    else if (!strpbrk(word, ":=<>")) {
        tui_words_add_all(words, fields);
        add_columns(self, "=", words);
    }
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    static const char *const own[] = {"filter", "sort", "columns", NULL};
    struct runs *self = (struct runs *)view;
    if (!*name)
        tui_words_add_all(words, own);
    else if (strcmp(name, "filter") == 0)
        add_filters(self, argument, words);
    for (int i = 0; i < FIXED && strcmp(name, "sort") == 0; i++)
        if (fixed[i].sort)
            tui_words_add(words, fixed[i].sort);
    if (strcmp(name, "sort") == 0 || strcmp(name, "columns") == 0)
        add_columns(self, "", words);
}

const struct view_ops tui_runs_view = {
    .name = "runs",
    .hint = "Enter:open  Space:mark  F:filter  o:sort",
    .size = sizeof(struct runs),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .select = select_run,
    .close = close_view,
    .shows = shows,
    .text = text,
    .run = run,
    .experiment = experiment,
    .path = path,
    .command = command,
    .words = words,
};
