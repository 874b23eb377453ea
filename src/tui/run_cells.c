/*
 * A run's cells: a strip with the states of all of them, a line for each, and of the one under the
 * cursor its parameters and its error with the traceback.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/launch.h"
#include "tui/run.h"

static int read_page(struct run *self, size_t index)
{
    assay_store *store = tui_store(self->view.tui);
    assay_cell_list_free(&self->page);
    self->page = (assay_cell_list){0};
    self->first = index / RUN_PAGE * RUN_PAGE;
    return store ? assay_store_cells(store, self->id, RUN_PAGE, self->first, &self->page)
                 : ASSAY_OK;
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

static void clear(struct run *self)
{
    assay_cell_list_free(&self->page);
    self->page = (assay_cell_list){0};
}

static int load(struct run *self)
{
    tui_list_resize(&self->lists[RUN_CELLS], (size_t)self->info.cells);
    return read_page(self, self->lists[RUN_CELLS].cursor);
}

/* ---- drawing ---- */

/* Of several cells in one place the state that matters most is shown. */
static enum tui_glyph strip_glyph(const struct run *self, size_t from, size_t to, int *style)
{
    static const struct {
        assay_cell_state state;
        enum tui_glyph glyph;
    } order[] = {{ASSAY_CELL_FAILED, TUI_CROSS}, {ASSAY_CELL_RUNNING, TUI_RIGHT},
        {ASSAY_CELL_QUEUED, TUI_DOT}, {ASSAY_CELL_DONE, TUI_BLOCK}};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t i = from; i < to; i++)
            if (self->briefs[i].state == order[k].state) {
                *style = tui_cell_style(order[k].state);
                return order[k].glyph;
            }
    *style = TUI_DIM;
    return TUI_DOT;
}

/* The states of all cells in one line; the cursor's place is marked. */
static void draw_strip(const struct run *self, int y, int cols)
{
    size_t places = (size_t)(cols - 4), n = self->brief_count;
    size_t cursor = self->lists[RUN_CELLS].cursor;
    places = n < places ? n : places;
    for (size_t p = 0; p < places; p++) {
        size_t from = p * n / places, to = (p + 1) * n / places;
        int style;
        enum tui_glyph glyph = strip_glyph(self, from, to, &style);
        bool here = cursor >= from && cursor < to;
        tui_put(y, 2 + (int)p, 1, style | (here ? TUI_SELECTED : 0), tui_glyph(glyph));
    }
}

static void heading(struct run *self, int y, int cols)
{
    draw_strip(self, y++, cols);
    tui_put_right(y, 2, 6, TUI_DIM, "CELL");
    tui_put(y, 9, 8, TUI_DIM, "STATE");
    tui_put_right(y, 18, 4, TUI_DIM, "REPL");
    tui_put_right(y, 23, 8, TUI_DIM, "ELAPSED");
    tui_put_right(y, 32, 6, TUI_DIM, "ROWS");
    tui_put(y, 40, cols - 40, TUI_DIM, "PARAMETERS");
}

/* An error without the directories of the file that it begins with. */
static const char *first_words(const char *error)
{
    size_t place = strcspn(error, ": ");
    const char *file = error[place] == ':' ? memrchr(error, '/', place) : NULL;
    return file ? file + 1 : error;
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
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
    char *settings = run_settings_text(cell->params, self->swept);
    int used = tui_put(y, 40, cols - 40, TUI_NORMAL | mark, settings ? settings : "");
    if (cell->error)
        tui_put(y, 42 + used, cols - 42 - used, TUI_BAD | mark, first_words(cell->error));
    free(settings);
}

static void describe(struct run *self, struct tui_detail *detail, size_t index)
{
    const assay_cell_info *cell = cell_at(self, index);
    if (!cell)
        return;
    char *settings = run_settings_text(cell->params, NULL);
    tui_detail_add(detail, TUI_NORMAL, 2, "%s  replicate %lld, %lld %s", settings ? settings : "",
        (long long)cell->replicate, (long long)cell->attempts,
        cell->attempts == 1 ? "attempt" : "attempts");
    free(settings);
    if (cell->error)
        tui_detail_add(detail, TUI_BAD, 2, "%s", cell->error);
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    const assay_cell_info *cell = cell_at(self, index);
    char *settings = cell ? run_settings_text(cell->params, NULL) : NULL;
    snprintf(out, size, "%zu %s %s %s", index, cell ? assay_cell_state_name(cell->state) : "",
        settings ? settings : "", cell && cell->error ? cell->error : "");
    free(settings);
}

static const char *empty(const struct run *self)
{
    (void)self;
    return "No cells yet.";
}

/* ---- again ---- */

static void retried(struct tui *tui, struct tui_view *view, int64_t run)
{
    (void)view;
    tui_say(tui, TUI_GOOD, "run %lld goes on", (long long)run);
    tui_look_at_store(tui);
}

/* What to do again is a cell's number, or -1 for all that are not done. */
static void retry(struct tui *tui, int64_t index)
{
    struct run *self = (struct run *)tui_top(tui);
    char database[4096], cell[64], id[32];
    if (self->view.ops != &tui_run_view)
        return;
    snprintf(database, sizeof database, "--db=%s", tui_database(tui));
    snprintf(cell, sizeof cell, "--cell=%lld", (long long)index);
    snprintf(id, sizeof id, "%lld", (long long)self->id);
    const char *words[] = {"resume", "--detach", database, id, index >= 0 ? cell : NULL, NULL};
    tui_say(tui, TUI_NORMAL, "starting run %s...", id);
    if (tui_launch(tui, &self->view, words, retried) != ASSAY_OK)
        tui_failed(tui);
}

static void ask_retry(struct run *self)
{
    const assay_cell_info *cell =
        self->info.cells ? cell_at(self, self->lists[RUN_CELLS].cursor) : NULL;
    char question[160];
    if (self->info.state <= ASSAY_RUN_RUNNING) {
        tui_say(self->view.tui, TUI_WARN, "run %lld still goes on", (long long)self->id);
    } else if (cell && cell->state == ASSAY_CELL_FAILED) {
        snprintf(question, sizeof question, "Run the failed cell %lld of run %lld again?",
            (long long)cell->index, (long long)self->id);
        tui_ask(self->view.tui, question, retry, cell->index);
    } else if (self->info.cells_done < self->info.cells) {
        snprintf(question, sizeof question, "Run the %lld cells of run %lld that are not done?",
            (long long)(self->info.cells - self->info.cells_done), (long long)self->id);
        tui_ask(self->view.tui, question, retry, -1);
    } else {
        tui_say(self->view.tui, TUI_WARN, "all cells of run %lld are done", (long long)self->id);
    }
}

static bool key(struct run *self, enum tui_request request)
{
    if (request == TUI_RETRY)
        ask_retry(self);
    return request == TUI_RETRY;
}

const struct run_tab run_cells_tab = {
    .name = "cells",
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .describe = describe,
    .text = text,
    .empty = empty,
    .key = key,
};
