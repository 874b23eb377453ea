/*
 * One run: a header, and below it the section that is chosen - cells, claims or notes - as a list
 * with the whole text of the line under the cursor (a failed cell's traceback, a claim's reason).
 * Cells come from the store a page at a time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/declaration.h"
#include "tui/format.h"
#include "tui/view.h"

enum section { CELLS, CLAIMS, NOTES, SECTIONS };
enum { PAGE = 200, NOTES_READ = 10000 };

static const char *const section_names[SECTIONS] = {"cells", "claims", "notes"};

struct run {
    struct tui_view view;
    int64_t id;
    assay_run_info info;
    bool known;
    char *title;
    json_t *swept; /* the parameters of which the run has several values */
    enum section section;
    struct tui_list lists[SECTIONS];
    assay_cell_list page; /* of cells */
    size_t first;         /* index of its first */
    assay_claim_list claims;
    assay_note_list notes;
    struct tui_detail detail;
    size_t detailed; /* the line that the detail is of */
    bool detail_known;
};

static void forget(struct run *self)
{
    if (self->known)
        assay_run_info_clear(&self->info);
    assay_cell_list_free(&self->page);
    assay_claim_list_clear(&self->claims);
    assay_note_list_free(&self->notes);
    self->known = false;
    self->page = (assay_cell_list){0};
    self->claims = (assay_claim_list){0};
    self->notes = (assay_note_list){0};
    self->detail_known = false;
}

static int read_page(struct run *self, size_t index)
{
    assay_store *store = tui_store(self->view.tui);
    assay_cell_list_free(&self->page);
    self->page = (assay_cell_list){0};
    self->first = index / PAGE * PAGE;
    return store ? assay_store_cells(store, self->id, PAGE, self->first, &self->page) : ASSAY_OK;
}

static bool on_page(const struct run *self, size_t index)
{
    return index >= self->first && index - self->first < self->page.count;
}

static const assay_cell_info *cell_at(struct run *self, size_t index)
{
    if (!on_page(self, index) && read_page(self, index) != ASSAY_OK)
        tui_failed(self->view.tui);
    return on_page(self, index) ? &self->page.cells[index - self->first] : NULL;
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
    json_t *declaration = json ? json_loads(json, 0, NULL) : NULL;
    self->title = strdup(tui_declared_text(declaration, "title"));
    json_decref(declaration);
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
    if (status != ASSAY_OK)
        return status;
    self->known = true;
    view->live = self->info.state <= ASSAY_RUN_RUNNING;
    tui_list_resize(&self->lists[CELLS], (size_t)self->info.cells);
    read_swept(self);
    if (!self->title)
        status = read_title(self);
    if (status == ASSAY_OK)
        status = read_page(self, self->lists[CELLS].cursor);
    if (status == ASSAY_OK)
        status = assay_store_claims_get(store, self->id, &self->claims);
    if (status == ASSAY_OK)
        status = assay_store_notes(store, self->id, NOTES_READ, &self->notes);
    tui_list_resize(&self->lists[CLAIMS], self->claims.count);
    tui_list_resize(&self->lists[NOTES], self->notes.count);
    return status;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct run *self = (struct run *)view;
    assay_run_info info;
    self->id = target->run;
    view->list = &self->lists[CELLS];
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
    free(self->title);
    json_decref(self->swept);
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

/* {"a": 1, "b": [1, 2]} as "a=1  b=1,2"; of a cell, only what its run sweeps, when it does. */
static char *settings_text(const char *json, const json_t *swept)
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
    char *settings = settings_text(info->params, NULL);
    int settings_lines = tui_put_wrapped(
        (struct tui_area){++y, 0, 2, cols}, 0, TUI_NORMAL, settings ? settings : "");
    y += settings_lines > 1;
    free(settings);
    if (info->error)
        tui_put(++y, 0, cols, TUI_BAD, info->error);
    return y + 1;
}

static void draw_tabs(const struct run *self, int y, int cols)
{
    int x = 0;
    tui_fill(y, 0, cols, TUI_DIM, TUI_HLINE);
    for (int i = 0; i < SECTIONS; i++) {
        bool here = i == (int)self->section;
        x += 1 + tui_putf(y, x + 1, cols - x - 1, here ? TUI_BOLD | TUI_SELECTED : TUI_NORMAL,
                     "%s%s %zu%s", here ? "[" : " ", section_names[i], self->lists[i].count,
                     here ? "]" : " ");
    }
}

/* ---- lines ---- */

/* An error without the directories of the file that it begins with. */
static const char *first_words(const char *error)
{
    size_t place = strcspn(error, ": ");
    const char *file = error[place] == ':' ? memrchr(error, '/', place) : NULL;
    return file ? file + 1 : error;
}

static void draw_cell(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_cell_info *cell = cell_at(self, index);
    char elapsed[TUI_SHORT] = "", rows[TUI_SHORT] = "", number[TUI_SHORT];
    if (!cell)
        return;
    if (cell->state == ASSAY_CELL_DONE || cell->state == ASSAY_CELL_FAILED)
        tui_format_duration(cell->elapsed, elapsed);
    tui_format_count(cell->rows, rows);
    snprintf(number, sizeof number, "%lld", (long long)cell->index);
    tui_put_right(y, 2, 6, TUI_NORMAL | mark, number);
    tui_put(y, 9, 8, tui_cell_style(cell->state) | mark, assay_cell_state_name(cell->state));
    snprintf(number, sizeof number, "%lld", (long long)cell->replicate);
    tui_put_right(y, 18, 4, TUI_NORMAL | mark, number);
    tui_put_right(y, 23, 8, TUI_NORMAL | mark, elapsed);
    tui_put_right(y, 32, 6, TUI_NORMAL | mark, rows);
    char *settings = settings_text(cell->params, self->swept);
    int used = tui_put(y, 40, cols - 40, TUI_NORMAL | mark, settings ? settings : "");
    if (cell->error)
        tui_put(y, 42 + used, cols - 42 - used, TUI_BAD | mark, first_words(cell->error));
    free(settings);
}

static void draw_claim(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_claim_result *claim = &self->claims.claims[index];
    char estimate[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT], words[256];
    int style = tui_verdict_style(claim->verdict) | mark, right = cols >= 76 ? 34 : 26;
    tui_format_estimate(claim->estimate, estimate);
    tui_format_estimate(claim->low, low);
    tui_format_estimate(claim->high, high);
    tui_put(y, 2, 1, style, tui_verdict_mark(claim->verdict));
    tui_put(y, 4, 13, style, claim->verdict);
    tui_put(
        y, 18, cols - 18 - right - 1, TUI_NORMAL | mark, claim->text ? claim->text : claim->name);
    if (!isnan(claim->low) || !isnan(claim->high))
        snprintf(words, sizeof words, "%s  [%s, %s]", estimate, low, high);
    else
        snprintf(words, sizeof words, "%s", estimate);
    tui_put_right(y, cols - right, right, TUI_NORMAL | mark, words);
}

static void draw_note(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_note *note = &self->notes.notes[index];
    char date[TUI_SHORT], cell[TUI_SHORT] = "run";
    tui_format_date(note->time, date);
    if (note->index >= 0)
        snprintf(cell, sizeof cell, "cell %lld", (long long)note->index);
    tui_put(y, 2, 16, TUI_DIM | mark, date);
    tui_put(y, 19, 10, TUI_NORMAL | mark, cell);
    tui_put(y, 30, cols - 30, TUI_NORMAL | mark, note->text);
}

static void draw_heading(const struct run *self, int y, int cols)
{
    if (self->section == CELLS) {
        tui_put_right(y, 2, 6, TUI_DIM, "CELL");
        tui_put(y, 9, 8, TUI_DIM, "STATE");
        tui_put_right(y, 18, 4, TUI_DIM, "REPL");
        tui_put_right(y, 23, 8, TUI_DIM, "ELAPSED");
        tui_put_right(y, 32, 6, TUI_DIM, "ROWS");
        tui_put(y, 40, cols - 40, TUI_DIM, "PARAMETERS");
    } else if (self->section == CLAIMS) {
        tui_put(y, 2, 15, TUI_DIM, "VERDICT");
        tui_put(y, 18, cols - 18, TUI_DIM, "CLAIM");
        tui_put_right(y, cols - 30, 30, TUI_DIM, "ESTIMATE  [INTERVAL]");
    } else {
        tui_put(y, 2, 16, TUI_DIM, "TIME");
        tui_put(y, 19, 10, TUI_DIM, "FROM");
        tui_put(y, 30, cols - 30, TUI_DIM, "NOTE");
    }
}

static void draw_lines(struct run *self, struct tui_area area)
{
    static void (*const draw_line[SECTIONS])(struct run *, size_t, int, int, int) = {
        draw_cell, draw_claim, draw_note};
    struct tui_list *list = &self->lists[self->section];
    draw_heading(self, area.y, area.cols);
    tui_list_show(list, (size_t)(area.rows - 1));
    for (int row = 0; row < area.rows - 1 && list->top + (size_t)row < list->count; row++) {
        size_t i = list->top + (size_t)row;
        int y = area.y + 1 + row, mark = i == list->cursor ? TUI_SELECTED : 0;
        tui_blank(y, 0, area.cols, TUI_NORMAL | mark);
        if (mark)
            tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
        draw_line[self->section](self, i, y, area.cols, mark);
    }
}

/* ---- the line under the cursor, in full ---- */

static void describe_cell(struct run *self, struct tui_detail *detail, size_t index)
{
    const assay_cell_info *cell = cell_at(self, index);
    if (!cell)
        return;
    char *settings = settings_text(cell->params, NULL);
    tui_detail_add(detail, TUI_NORMAL, 2, "%s  replicate %lld, %lld %s", settings ? settings : "",
        (long long)cell->replicate, (long long)cell->attempts,
        cell->attempts == 1 ? "attempt" : "attempts");
    free(settings);
    if (cell->error)
        tui_detail_add(detail, TUI_BAD, 2, "%s", cell->error);
}

static void describe_claim(struct run *self, struct tui_detail *detail, size_t index)
{
    const assay_claim_result *claim = &self->claims.claims[index];
    char estimate[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT], p[TUI_SHORT];
    tui_format_estimate(claim->estimate, estimate);
    tui_format_estimate(claim->low, low);
    tui_format_estimate(claim->high, high);
    tui_format_estimate(claim->p, p);
    tui_detail_add(detail, TUI_BOLD, 2, "%s: %s", claim->name, claim->text ? claim->text : "");
    tui_detail_add(detail, tui_verdict_style(claim->verdict), 2, "%s", claim->verdict);
    tui_detail_add(detail, TUI_NORMAL, 2, "estimate %s, interval %s to %s, p %s, n %lld%s%s",
        estimate, low, high, p, (long long)claim->n, claim->test ? ", " : "",
        claim->test ? claim->test : "");
    if (claim->message)
        tui_detail_add(detail, TUI_NORMAL, 2, "%s", claim->message);
}

static void describe(struct run *self)
{
    struct tui_list *list = &self->lists[self->section];
    int skip = self->detail.skip;
    bool same = self->detailed == list->cursor;
    tui_detail_clear(&self->detail);
    self->detail.skip = same ? skip : 0;
    self->detailed = list->cursor;
    self->detail_known = true;
    if (self->section == CELLS)
        describe_cell(self, &self->detail, list->cursor);
    else if (self->section == CLAIMS)
        describe_claim(self, &self->detail, list->cursor);
    else
        tui_detail_add(&self->detail, TUI_NORMAL, 0, "%s", self->notes.notes[list->cursor].text);
}

static const char *empty_words(const struct run *self)
{
    if (self->section == CELLS)
        return "No cells yet.";
    if (self->section == NOTES)
        return "No notes: cell:note(\"...\") in the experiment's run function writes one.";
    return self->view.live ? "Claims are checked when the run has ended."
                           : "No claims: the experiment declares none, or they were not checked. "
                             "assay claims checks them anew.";
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
        tui_put(y + 1, 2, area.cols - 2, TUI_NORMAL, empty_words(self));
        return;
    }
    int wanted = (int)(list->count < 1000 ? list->count : 1000) + 1, most = lines.rows * 3 / 5;
    lines.rows = wanted < most ? wanted : most;
    detail.y = y + lines.rows + 1;
    detail.rows = area.rows - detail.y;
    draw_lines(self, lines);
    tui_fill(detail.y - 1, 0, area.cols, TUI_DIM, TUI_HLINE);
    if (!self->detail_known || self->detailed != list->cursor)
        describe(self);
    tui_detail_draw(&self->detail, detail);
}

/* ---- keys ---- */

static bool key(struct tui_view *view, enum tui_request request)
{
    struct run *self = (struct run *)view;
    if (request == TUI_BESIDE_LEFT || request == TUI_BESIDE_RIGHT) {
        int step = request == TUI_BESIDE_RIGHT ? 1 : SECTIONS - 1;
        self->section = (enum section)(((int)self->section + step) % SECTIONS);
        view->list = &self->lists[self->section];
        self->detail_known = false;
        return true;
    }
    return tui_detail_request(&self->detail, request);
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    struct run *self = (struct run *)view;
    if (self->section == CELLS) {
        const assay_cell_info *cell = cell_at(self, index);
        char *settings = cell ? settings_text(cell->params, NULL) : NULL;
        snprintf(out, size, "%zu %s %s %s", index,
            cell ? assay_cell_state_name(cell->state) : "", settings ? settings : "",
            cell && cell->error ? cell->error : "");
        free(settings);
    } else if (self->section == CLAIMS) {
        const assay_claim_result *claim = &self->claims.claims[index];
        snprintf(
            out, size, "%s %s %s", claim->name, claim->verdict, claim->text ? claim->text : "");
    } else {
        snprintf(out, size, "%s", self->notes.notes[index].text);
    }
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

const struct view_ops tui_run_view = {
    .name = "run",
    .hint = "Tab:section  f:figure  c:cancel  J/K:scroll",
    .size = sizeof(struct run),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .close = close_view,
    .shows = shows,
    .text = text,
    .run = run,
    .experiment = experiment,
};
