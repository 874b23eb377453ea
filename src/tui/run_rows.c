/*
 * A run's rows as a table, of which only the page around the cursor is read: a row's number leads
 * to its cell and its place there by the cells' counts. Rows of failed cells are none (store.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/tabulate.h"
#include "tui/format.h"
#include "tui/run.h"

enum { WIDEST = 20 };

static void clear(struct run *self)
{
    assay_table_free(self->rows);
    self->rows = NULL;
}

static int load(struct run *self)
{
    struct tui_list *list = &self->lists[RUN_ROWS];
    bool at_end = list->count > 0 && list->cursor + 1 == list->count;
    size_t *ends = realloc(self->row_ends, (self->brief_count + 1) * sizeof *ends), sum = 0;
    if (!ends)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu cells", self->brief_count);
    self->row_ends = ends;
    for (size_t i = 0; i < self->brief_count; i++) {
        if (self->briefs[i].state != ASSAY_CELL_FAILED)
            sum += (size_t)self->briefs[i].rows;
        ends[i] = sum;
    }
    tui_list_resize(list, sum);
    if (at_end && self->view.live && sum)
        tui_list_move_to(list, sum - 1);
    return ASSAY_OK;
}

/* ---- a page ---- */

/* The cell that holds a row, and the row's number there. */
static size_t find_cell(const struct run *self, size_t row, int64_t *seq)
{
    size_t low = 0, high = self->brief_count;
    while (low < high) { /* the first whose end is beyond the row */
        size_t middle = low + (high - low) / 2;
        if (self->row_ends[middle] > row)
            high = middle;
        else
            low = middle + 1;
    }
    *seq = (int64_t)(row - (low ? self->row_ends[low - 1] : 0));
    return low;
}

static int add_column(struct run *self, const char *name)
{
    for (size_t i = 0; i < self->column_count; i++)
        if (strcmp(self->columns[i], name) == 0)
            return ASSAY_OK;
    char **columns = realloc(self->columns, (self->column_count + 1) * sizeof *columns);
    if (columns)
        self->columns = columns;
    int *widths = realloc(self->widths, (self->column_count + 1) * sizeof *widths);
    if (widths)
        self->widths = widths;
    char *copy = columns && widths ? strdup(name) : NULL;
    if (!copy)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a column");
    self->columns[self->column_count] = copy;
    self->widths[self->column_count++] = tui_width(name);
    return ASSAY_OK;
}

/* Parameters that are one value in the run stand in the header. */
static bool is_fixed(const struct run *self, const char *name)
{
    json_t *params = json_loads(self->info.params, 0, NULL);
    bool fixed = json_object_get(params, name) && !json_object_get(self->swept, name);
    json_decref(params);
    return fixed;
}

static void entry_text(const assay_table *rows, size_t row, size_t column, char out[TUI_SHORT])
{
    assay_datum datum = assay_table_get(rows, row, column);
    if (datum.kind == ASSAY_DATUM_TEXT)
        snprintf(out, TUI_SHORT, "%.60s", datum.text);
    else if (datum.kind == ASSAY_DATUM_NUMBER)
        snprintf(out, TUI_SHORT, "%.7g", datum.number); /* a file has all digits */
    else
        assay_datum_text(&datum, out, TUI_SHORT);
}

/* Columns keep their place and never grow narrower, so that paging doesn't make them jump. */
static int fit_columns(struct run *self)
{
    char text[TUI_SHORT];
    int status = ASSAY_OK;
    for (size_t c = 0; c < assay_table_columns(self->rows) && status == ASSAY_OK; c++)
        if (!is_fixed(self, assay_table_name(self->rows, c)))
            status = add_column(self, assay_table_name(self->rows, c));
    for (size_t i = 0; i < self->column_count && status == ASSAY_OK; i++) {
        size_t c;
        if (assay_table_find(self->rows, self->columns[i], &c) != ASSAY_OK)
            continue;
        for (size_t row = 0; row < assay_table_rows(self->rows); row++) {
            entry_text(self->rows, row, c, text);
            int width = tui_width(text);
            self->widths[i] = width > self->widths[i] ? width : self->widths[i];
        }
        self->widths[i] = self->widths[i] > WIDEST ? WIDEST : self->widths[i];
    }
    return status;
}

static int read_page(struct run *self, size_t index)
{
    size_t first = index / RUN_ROW_PAGE * RUN_ROW_PAGE, last = first + RUN_ROW_PAGE - 1;
    size_t count = self->lists[RUN_ROWS].count;
    int64_t seq, last_seq;
    clear(self);
    if (last >= count)
        last = count - 1;
    size_t cell = find_cell(self, first, &seq), last_cell = find_cell(self, last, &last_seq);
    self->first_row = first;
    int status = assay_store_rows_between(tui_store(self->view.tui), self->id, (int64_t)cell, seq,
        (int64_t)last_cell, last_seq, &self->rows);
    return status ? status : fit_columns(self);
}

/* Is the row read? */
static bool reach(struct run *self, size_t index)
{
    bool there = self->rows && index >= self->first_row && index < self->first_row + RUN_ROW_PAGE;
    if (!there && tui_store(self->view.tui) && read_page(self, index) != ASSAY_OK)
        tui_failed(self->view.tui);
    return self->rows && index - self->first_row < assay_table_rows(self->rows);
}

/* ---- drawing ---- */

static void heading(struct run *self, int y, int cols)
{
    int x = 2;
    if (self->lists[RUN_ROWS].count)
        reach(self, self->lists[RUN_ROWS].cursor);
    for (size_t i = self->column_shift; i < self->column_count && x < cols; i++) {
        tui_put_right(y, x, self->widths[i] < cols - x ? self->widths[i] : cols - x, TUI_DIM,
            self->columns[i]);
        x += self->widths[i] + 2;
    }
    if (self->column_shift)
        tui_put(y, 0, 1, TUI_DIM, tui_glyph(TUI_LEFT));
    if (x > cols)
        tui_put(y, cols - 1, 1, TUI_DIM, tui_glyph(TUI_RIGHT));
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    char text[TUI_SHORT];
    int x = 2;
    if (!reach(self, index))
        return;
    for (size_t i = self->column_shift; i < self->column_count && x < cols; i++) {
        size_t c;
        int width = self->widths[i] < cols - x ? self->widths[i] : cols - x;
        if (assay_table_find(self->rows, self->columns[i], &c) == ASSAY_OK) {
            entry_text(self->rows, index - self->first_row, c, text);
            tui_put_right(y, x, width, TUI_NORMAL | mark, text);
        }
        x += self->widths[i] + 2;
    }
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    char entry[TUI_SHORT];
    size_t length = 0;
    *out = '\0';
    for (size_t c = 0; reach(self, index) && c < assay_table_columns(self->rows); c++) {
        entry_text(self->rows, index - self->first_row, c, entry);
        if (length + 2 * TUI_SHORT < size)
            length += (size_t)snprintf(out + length, size - length, "%s ", entry);
    }
}

static const char *empty(const struct run *self)
{
    return self->view.live ? "No rows yet." : "No rows: cell:log { ... } writes one.";
}

static bool key(struct run *self, enum tui_request request)
{
    if (request == TUI_SHIFT_RIGHT)
        self->column_shift += self->column_shift + 1 < self->column_count;
    else if (request == TUI_SHIFT_LEFT)
        self->column_shift -= self->column_shift > 0;
    else
        return false;
    return true;
}

/* ---- all rows to a file, aside ---- */

struct export
{
    struct tui_job job;
    char *database, *path;
    int64_t run;
};

static int export_rows(struct tui_job *job)
{
    struct export *self = (struct export *)job;
    assay_store *store = NULL;
    assay_table *rows = NULL;
    int status = assay_store_open(self->database, ASSAY_STORE_READ, &store);
    if (status == ASSAY_OK)
        status = assay_store_rows(store, self->run, NULL, 0, &rows);
    if (status == ASSAY_OK)
        status = assay_tabulate_file(rows, self->path);
    assay_table_free(rows);
    assay_store_close(store);
    return status;
}

static void was_exported(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct export *self = (struct export *)job;
    (void)view;
    if (job->status == ASSAY_OK)
        tui_say(tui, TUI_GOOD, "wrote %s", self->path);
    else
        tui_failed(tui);
    free(self->database);
    free(self->path);
}

static int write_rows(struct run *self, const char *path)
{
    char name[256];
    struct export *job = calloc(1, sizeof *job);
    if (!path || !*path) {
        snprintf(name, sizeof name, "%.120s-%lld.csv", self->info.experiment, (long long)self->id);
        path = name;
    }
    if (!job)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    job->job.work = export_rows;
    job->job.done = was_exported;
    job->run = self->id;
    job->database = strdup(tui_database(self->view.tui));
    job->path = strdup(path);
    if (!job->database || !job->path) {
        free(job->database);
        free(job->path);
        free(job);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    return tui_aside(self->view.tui, &job->job);
}

const struct run_tab run_rows_tab = {
    .name = "rows",
    .plain = true,
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .text = text,
    .empty = empty,
    .key = key,
    .write = write_rows,
};
