/*
 * One run: a header, and below it the tab that is chosen as a list, with the whole text of the line
 * under the cursor (a failed cell's traceback, a claim's reason). Each tab is a file (run.h).
 */
#include "tui/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/words.h"

static const struct run_tab *const tabs[RUN_SECTIONS] = {
    [RUN_CELLS] = &run_cells_tab,
    [RUN_CLAIMS] = &run_claims_tab,
    [RUN_NOTES] = &run_notes_tab,
    [RUN_ROWS] = &run_rows_tab,
    [RUN_PARAMS] = &run_params_tab,
    [RUN_FIGURES] = &run_figures_tab,
    [RUN_ARTIFACTS] = &run_artifacts_tab,
    [RUN_SCRIPT] = &run_script_tab,
};

static void forget(struct run *self)
{
    if (self->known)
        assay_run_info_clear(&self->info);
    for (int i = 0; i < RUN_SECTIONS; i++)
        tabs[i]->clear(self);
    free(self->briefs);
    self->briefs = NULL;
    self->brief_count = 0;
    self->known = false;
    self->detail_known = false;
}

/* When what they count could not be read. */
static void empty_lists(struct run *self)
{
    for (int i = 0; i < RUN_SECTIONS; i++)
        tui_list_resize(&self->lists[i], 0);
}

static void read_swept(struct run *self)
{
    json_t *value;
    const char *name;
    void *next;
    json_decref(self->swept);
    self->swept = json_loads(self->info.params, 0, NULL);
    json_object_foreach_safe(self->swept, next, name, value) if (!json_is_array(value))
        json_object_del(self->swept, name);
}

static int read_title(struct run *self)
{
    char *json = NULL;
    int status = assay_store_run_describe(tui_store(self->view.tui), self->id, &json);
    if (status != ASSAY_OK)
        return status;
    self->declaration = json ? json_loads(json, 0, NULL) : NULL;
    self->title = strdup(tui_declared_text(self->declaration, "title"));
    free(json);
    return self->title ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
}

static int load(struct tui_view *view)
{
    struct run *self = (struct run *)view;
    assay_store *store = tui_store(view->tui);
    if (!store)
        return ASSAY_OK; /* what was read last stays on the screen */
    forget(self);
    int status = assay_store_run_get(store, self->id, &self->info);
    if (status != ASSAY_OK) {
        empty_lists(self);
        return status;
    }
    self->known = true;
    view->live = self->info.state <= ASSAY_RUN_RUNNING;
    read_swept(self);
    if (!self->title)
        status = read_title(self);
    if (status == ASSAY_OK)
        status = assay_store_cell_briefs(store, self->id, &self->briefs, &self->brief_count);
    for (int i = 0; i < RUN_SECTIONS && status == ASSAY_OK; i++)
        status = tabs[i]->load(self);
    if (status != ASSAY_OK)
        empty_lists(self);
    return status;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct run *self = (struct run *)view;
    assay_run_info info;
    self->id = target->run;
    view->list = &self->lists[RUN_CELLS];
    if (!tui_store(view->tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet, and no run");
    int status = assay_store_run_get(tui_store(view->tui), self->id, &info);
    if (status == ASSAY_OK)
        assay_run_info_clear(&info);
    return status;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    return ((struct run *)view)->id == target->run;
}

static void close_view(struct tui_view *view)
{
    struct run *self = (struct run *)view;
    forget(self);
    tui_detail_clear(&self->detail);
    for (size_t i = 0; i < self->column_count; i++)
        free(self->columns[i]);
    for (size_t i = 0; i < self->script_count; i++)
        free(self->script_lines[i]);
    free(self->columns);
    free(self->widths);
    free(self->script_lines);
    free(self->row_ends);
    free(self->title);
    json_decref(self->swept);
    json_decref(self->declaration);
}

/* ---- the header ---- */

static void draw_progress(const struct run *self, int y, int cols)
{
    const assay_run_info *info = &self->info;
    double left = tui_run_left(info);
    char rows[TUI_SHORT], elapsed[TUI_SHORT], duration[TUI_SHORT], eta[128] = "",
                                                                   failed[TUI_SHORT] = "";
    int width = cols >= 120 ? 40 : 20;
    const char *dot = tui_glyph(TUI_DOT);
    tui_format_count(info->rows, rows);
    tui_format_duration(info->elapsed, elapsed);
    if (!isnan(left)) {
        tui_format_duration(left, duration);
        snprintf(eta, sizeof eta, " %s ETA %s", dot, duration);
    }
    if (info->cells_failed)
        snprintf(failed, sizeof failed, " (%lld failed)", (long long)info->cells_failed);
    tui_put_bar(y, 0, width, tui_run_style(info->state), tui_run_fraction(info));
    tui_putf(y, width + 1, cols - width - 1, TUI_NORMAL, "%lld/%lld cells%s %s %s rows %s %s%s",
        (long long)(info->cells_done + info->cells_failed), (long long)info->cells, failed, dot,
        rows, dot, elapsed, eta);
}

char *run_settings_text(const char *json, const json_t *swept)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *object = json ? json_loads(json, 0, NULL) : NULL, *value;
    const char *name;
    if (!out)
        return NULL;
    json_object_foreach(object, name, value)
    {
        if (json_object_size(swept) && !json_object_get(swept, name))
            continue;
        char *words = tui_value_text(value);
        fprintf(out, "%s%s=%s", ftell(out) ? "  " : "", name, words ? words : "");
        free(words);
    }
    json_decref(object);
    fclose(out);
    return text;
}

static int draw_header(struct run *self, struct tui_area area)
{
    const assay_run_info *info = &self->info;
    int cols = area.cols, y = area.y, x;
    char date[TUI_SHORT], preset[128] = "";
    const char *dot = tui_glyph(TUI_DOT);
    if (info->preset)
        snprintf(preset, sizeof preset, "preset %.80s %s ", info->preset, dot);
    x = tui_putf(y, 0, cols, TUI_TITLE, "%s", info->experiment);
    x += tui_putf(y, x, cols - x, TUI_BOLD, "  run %lld  ", (long long)info->id);
    x += tui_put(y, x, cols - x, tui_run_style(info->state), assay_run_state_name(info->state));
    if (info->cancel_requested && self->view.live)
        x += tui_put(y, x, cols - x, TUI_WARN, " (asked to stop)");
    tui_putf(y, x, cols - x, TUI_NORMAL, "  %s", self->title ? self->title : "");
    draw_progress(self, ++y, cols);
    tui_format_date(info->created, date);
    tui_putf(++y, 0, cols, TUI_DIM, "%s on %s %s %sseed %llu %s %lld replicates %s %lld workers",
        date, info->host ? info->host : "?", dot, preset, (unsigned long long)info->seed, dot,
        (long long)info->replicates, dot, (long long)info->workers);
    char *settings = run_settings_text(info->params, NULL);
    int settings_lines = tui_put_wrapped(
        (struct tui_area){++y, 0, 2, cols}, 0, TUI_NORMAL, settings ? settings : "");
    y += settings_lines > 1;
    free(settings);
    if (info->error)
        tui_put(++y, 0, cols, TUI_BAD, info->error);
    return y + 1;
}

/* With their counts where there is room for all, else only of the one that is shown. */
static void draw_tabs(struct run *self, int y, int cols)
{
    char words[RUN_SECTIONS][64];
    int all = 0, x = 0;
    for (int i = 0; i < RUN_SECTIONS; i++)
        all +=
            3 + snprintf(words[i], sizeof words[i], "%s %zu", tabs[i]->name, self->lists[i].count);
    tui_fill(y, 0, cols, TUI_DIM, TUI_HLINE);
    for (int i = 0; i < RUN_SECTIONS; i++) {
        bool here = i == (int)self->section, counted = i != RUN_SCRIPT && (here || all <= cols);
        int used = 1 + tui_putf(y, x + 1, cols - x - 1, here ? TUI_BOLD | TUI_SELECTED : TUI_NORMAL,
                           "%s%s%s",
                           here          ? "["
                           : all <= cols ? " "
                                         : "",
                           counted ? words[i] : tabs[i]->name,
                           here          ? "]"
                           : all <= cols ? " "
                                         : "");
        tui_zone(&self->view, TUI_ZONE_TAB, (struct tui_area){y, x, 1, used}, i);
        x += used;
    }
}

/* ---- lines ---- */

/* The heading of the cells has the strip of their states, too. */
static int heading_lines(const struct run *self)
{
    return self->section == RUN_CELLS ? 2 : 1;
}

static void draw_lines(struct run *self, struct tui_area area)
{
    const struct run_tab *tab = tabs[self->section];
    struct tui_list *list = &self->lists[self->section];
    int above = heading_lines(self), lines = area.rows - above;
    tui_list_show(list, (size_t)lines);
    tui_zone(&self->view, TUI_ZONE_ROWS, (struct tui_area){area.y + above, 0, lines, area.cols}, 0);
    tab->heading(self, area.y, area.cols);
    for (int row = 0; row < lines && list->top + (size_t)row < list->count; row++) {
        size_t i = list->top + (size_t)row;
        int y = area.y + above + row, mark = i == list->cursor ? TUI_SELECTED : 0;
        tui_blank(y, 0, area.cols, TUI_NORMAL | mark);
        if (mark)
            tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
        tab->line(self, i, y, area.cols, mark);
    }
}

/* ---- the line under the cursor, in full ---- */

static void describe(struct run *self)
{
    struct tui_list *list = &self->lists[self->section];
    int skip = self->detail.skip;
    bool same = self->detailed == list->cursor;
    tui_detail_clear(&self->detail);
    self->detail.skip = same ? skip : 0;
    self->detailed = list->cursor;
    self->detail_known = true;
    tabs[self->section]->describe(self, &self->detail, list->cursor);
}

static void draw_detail(struct run *self, struct tui_area detail)
{
    if (!self->detail_known || self->detailed != self->lists[self->section].cursor)
        describe(self);
    tui_detail_draw(&self->detail, detail);
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct run *self = (struct run *)view;
    struct tui_list *list = &self->lists[self->section];
    if (!self->known) {
        tui_put(
            area.y + 1, 2, area.cols - 2, TUI_WARN, "This run is not in the database any more.");
        return;
    }
    int y = draw_header(self, area);
    draw_tabs(self, y++, area.cols);
    struct tui_area lines = {y, 0, area.rows - y, area.cols}, detail = lines;
    if (!list->count) {
        tui_put_wrapped((struct tui_area){y + 1, 2, area.rows - y - 1, area.cols - 4}, 0,
            TUI_NORMAL, tabs[self->section]->empty(self));
        return;
    }
    if (tabs[self->section]->plain) {
        draw_lines(self, lines);
        return;
    }
    int wanted = (int)(list->count < 1000 ? list->count : 1000) + heading_lines(self),
        most = lines.rows * 3 / 5;
    lines.rows = tui_split(view, lines, false, wanted < most ? wanted : most);
    detail.y = y + lines.rows + 1;
    detail.rows = area.rows - detail.y;
    draw_lines(self, lines);
    draw_detail(self, detail);
}

/* ---- files ---- */

static int write_section(struct run *self, const char *path)
{
    if (!tabs[self->section]->write)
        return assay_fail(ASSAY_EINVAL, "there is nothing to write here: rows and the script are");
    return tabs[self->section]->write(self, path);
}

/* ---- keys ---- */

static void turn_to(struct run *self, enum run_section section)
{
    self->section = section;
    self->view.list = &self->lists[section];
    self->detail_known = false;
    if (!tui_store(self->view.tui))
        return;
    tabs[section]->clear(self);
    if (tabs[section]->load(self) != ASSAY_OK) {
        empty_lists(self);
        tui_failed(self->view.tui);
    }
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct run *self = (struct run *)view;
    const struct run_tab *tab = tabs[self->section];
    if (!self->known)
        return false;
    if (request == TUI_BESIDE_LEFT || request == TUI_BESIDE_RIGHT) {
        int step = request == TUI_BESIDE_RIGHT ? 1 : RUN_SECTIONS - 1;
        turn_to(self, (enum run_section)(((int)self->section + step) % RUN_SECTIONS));
        return true;
    }
    if (request == TUI_WRITE) {
        if (write_section(self, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    }
    if (request == TUI_RETRY)
        tab = &run_cells_tab;
    if (tab->key && tab->key(self, request))
        return true;
    return !tab->plain && tui_detail_request(&self->detail, request);
}

static void select_line(struct tui_view *view)
{
    struct run *self = (struct run *)view;
    if (self->known && tabs[self->section]->select && self->lists[self->section].count)
        tabs[self->section]->select(self);
}

static void pick(struct tui_view *view, int index)
{
    struct run *self = (struct run *)view;
    if (self->known)
        turn_to(self, (enum run_section)index);
}

static int open_tab(struct run *self, const char *name)
{
    for (int i = 0; i < RUN_SECTIONS; i++)
        if (strcmp(tabs[i]->name, name) == 0) {
            turn_to(self, (enum run_section)i);
            return ASSAY_OK;
        }
    return assay_fail(ASSAY_EINVAL,
        "tab wants cells, claims, notes, rows, params, figures, artifacts or script, got \"%s\"",
        name);
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct run *self = (struct run *)view;
    if (strcmp(name, "tab") == 0)
        *status = self->known ? open_tab(self, argument) : ASSAY_OK;
    else if (strcmp(name, "write") == 0)
        *status = self->known ? write_section(self, argument) : ASSAY_OK;
    else
        return false;
    return true;
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    struct run *self = (struct run *)view;
    tabs[self->section]->text(self, index, out, size);
    return out;
}

static int64_t run(struct tui_view *view)
{
    return ((struct run *)view)->id;
}

static const char *experiment(struct tui_view *view)
{
    struct run *self = (struct run *)view;
    return self->known ? self->info.experiment : NULL;
}

static const char *path(struct tui_view *view)
{
    struct run *self = (struct run *)view;
    return self->known ? self->info.path : NULL;
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    (void)view;
    if (!*name) {
        tui_words_add(words, "tab");
        tui_words_add(words, "write");
    } else if (strcmp(name, "write") == 0) {
        tui_words_add_files(words, argument);
    }
    for (int i = 0; strcmp(name, "tab") == 0 && i < RUN_SECTIONS; i++)
        tui_words_add(words, tabs[i]->name);
}

const struct view_ops tui_run_view = {
    .name = "run",
    .hint = "Tab:section  f:figure  c:cancel  T:again",
    .size = sizeof(struct run),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .select = select_line,
    .close = close_view,
    .shows = shows,
    .text = text,
    .run = run,
    .experiment = experiment,
    .path = path,
    .command = command,
    .words = words,
    .pick = pick,
};
