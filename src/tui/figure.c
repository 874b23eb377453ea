/*
 * A run's figures in characters, live while rows arrive.
 *
 * Reading a run's rows and fitting them takes as long as there are rows, so it is done aside, with
 * a store handle of its own; the figure on the screen stays until the next one is ready. Drawing it
 * takes milliseconds and is kept until the data or the size change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "run/diff.h"
#include "tui/format.h"
#include "tui/view.h"

struct figure {
    struct tui_view view;
    int64_t run;   /* the first of `runs` */
    int64_t *runs; /* whose series are drawn */
    size_t run_count;
    char *wanted; /* name that it was opened on, until it was found */
    size_t index, count;
    assay_run_info info;
    bool info_known;

    assay_figure **figures; /* of the last reading */
    size_t figure_count, figure_index;
    assay_series_set *series;
    char *trouble; /* why there is none */
    bool reading, again;

    assay_raster *raster;
    char *raster_trouble;
    assay_screen screen;
    bool drawn;
    size_t rows, cols;
};

/* ---- reading, aside ---- */

struct reading {
    struct tui_job job;
    char *database, *wanted;
    char *format, *base; /* to export instead of showing */
    int64_t *runs;
    size_t run_count;
    size_t index;
    assay_figure **figures;
    size_t count;
    assay_series_set *series;
};

static size_t find_figure(const struct reading *self)
{
    for (size_t i = 0; self->wanted && i < self->count; i++)
        if (strcmp(self->figures[i]->name, self->wanted) == 0)
            return i;
    return self->index < self->count ? self->index : self->count - 1;
}

/* Of one run, or of several beside each other. */
static int read_series(assay_store *store, const struct reading *self, const assay_figure *figure,
    assay_series_set **out)
{
    assay_diff *diff = NULL;
    if (self->run_count == 1)
        return assay_run_series(store, self->runs[0], figure, out);
    int status = assay_diff_runs(
        store, self->runs, self->run_count, &(assay_diff_options){.only_settings = true}, &diff);
    if (status == ASSAY_OK)
        status = assay_diff_series(store, diff, figure, out);
    assay_diff_free(diff);
    return status;
}

static int read_figure(struct tui_job *job)
{
    struct reading *self = (struct reading *)job;
    assay_store *store = NULL;
    int status = assay_store_open(self->database, ASSAY_STORE_READ, &store);
    if (status == ASSAY_OK)
        status = assay_run_figures(store, self->runs[0], &self->figures, &self->count);
    if (status == ASSAY_OK && self->count) {
        self->index = find_figure(self);
        status = read_series(store, self, self->figures[self->index], &self->series);
    }
    if (status == ASSAY_OK && self->format && self->count)
        status =
            assay_figure_export(self->figures[self->index], self->series, self->format, self->base);
    assay_store_close(store);
    return status;
}

static void forget_reading(struct reading *self)
{
    assay_run_figures_free(self->figures, self->count);
    assay_series_set_free(self->series);
    free(self->runs);
    free(self->database);
    free(self->wanted);
    free(self->format);
    free(self->base);
}

static void forget_figures(struct figure *self)
{
    assay_run_figures_free(self->figures, self->figure_count);
    assay_series_set_free(self->series);
    free(self->trouble);
    self->figures = NULL;
    self->figure_count = 0;
    self->series = NULL;
    self->trouble = NULL;
}

static int start_reading(struct figure *self, const char *format, const char *base);

/* What was read becomes the view's. A failure keeps what is on the screen, when something is. */
static void take(struct figure *self, struct reading *reading)
{
    if (reading->job.status != ASSAY_OK && reading->count && self->figure_count) {
        tui_failed(self->view.tui);
        return;
    }
    forget_figures(self);
    self->drawn = false;
    self->figures = reading->figures;
    self->figure_count = reading->count;
    self->figure_index = self->index = reading->index;
    self->series = reading->series;
    self->count = reading->count;
    if (reading->job.status != ASSAY_OK)
        self->trouble = strdup(reading->job.message);
    reading->figures = NULL;
    reading->count = 0;
    reading->series = NULL;
    free(self->wanted);
    self->wanted = NULL;
}

static void was_read(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct figure *self = (struct figure *)view;
    (void)tui;
    if (self) {
        bool again = self->again;
        self->reading = self->again = false;
        if (!again || self->index == ((struct reading *)job)->index)
            take(self, (struct reading *)job);
        if (again && start_reading(self, NULL, NULL) != ASSAY_OK)
            tui_failed(view->tui);
    }
    forget_reading((struct reading *)job);
}

static void was_exported(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct reading *self = (struct reading *)job;
    (void)view;
    if (job->status != ASSAY_OK)
        tui_failed(tui);
    else
        tui_say(tui, TUI_GOOD, "wrote %s.%s, with its .gp and .dat beside it", self->base,
            strcmp(self->format, "tikz") == 0 ? "tex" : self->format);
    forget_reading(self);
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int64_t *copy_runs(const int64_t *runs, size_t count)
{
    int64_t *out = malloc((count + 1) * sizeof *out);
    if (out)
        memcpy(out, runs, count * sizeof *out);
    return out;
}

static int start_reading(struct figure *self, const char *format, const char *base)
{
    struct tui *tui = self->view.tui;
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    reading->job.work = read_figure;
    reading->job.done = format ? was_exported : was_read;
    reading->job.view = self->view.serial;
    reading->database = strdup(tui_database(tui));
    reading->wanted = format ? NULL : copy(self->wanted);
    reading->format = copy(format);
    reading->base = copy(base);
    reading->run_count = self->run_count;
    reading->runs = copy_runs(self->runs, self->run_count);
    reading->index = self->index;
    if (!reading->database || !reading->runs || (format && (!reading->format || !reading->base))) {
        forget_reading(reading);
        free(reading);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    if (!format)
        self->reading = true;
    return tui_aside(tui, &reading->job);
}

/* ---- the view ---- */

static int load(struct tui_view *view)
{
    struct figure *self = (struct figure *)view;
    assay_store *store = tui_store(view->tui);
    assay_run_info info;
    if (!store)
        return ASSAY_OK;
    int status = assay_store_run_get(store, self->run, &info);
    if (status != ASSAY_OK)
        return status;
    if (self->info_known)
        assay_run_info_clear(&self->info);
    self->info = info;
    self->info_known = true;
    view->live = info.state <= ASSAY_RUN_RUNNING;
    if (self->reading) {
        self->again = true;
        return ASSAY_OK;
    }
    return start_reading(self, NULL, NULL);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct figure *self = (struct figure *)view;
    if (!tui_store(view->tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet, and no run");
    self->run_count = target->run_count ? target->run_count : 1;
    self->runs = copy_runs(target->run_count ? target->runs : &target->run, self->run_count);
    if (!self->runs)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    self->run = self->runs[0];
    self->wanted = copy(target->name);
    if (assay_raster_open(&self->raster) != ASSAY_OK)
        self->raster_trouble = strdup(assay_errmsg());
    return ASSAY_OK;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    const struct figure *self = (struct figure *)view;
    if (target->run_count)
        return self->run_count == target->run_count &&
               memcmp(self->runs, target->runs, self->run_count * sizeof *self->runs) == 0;
    return self->run_count == 1 && self->run == target->run && !target->name;
}

static void close_view(struct tui_view *view)
{
    struct figure *self = (struct figure *)view;
    forget_figures(self);
    assay_screen_free(&self->screen);
    if (self->raster)
        assay_raster_close(self->raster);
    if (self->info_known)
        assay_run_info_clear(&self->info);
    free(self->raster_trouble);
    free(self->wanted);
    free(self->runs);
}

/* ---- drawing ---- */

/* The figure's title is drawn with it. */
static void draw_header(const struct figure *self, int y, int cols)
{
    int x = 0;
    if (!self->info_known)
        return;
    x += tui_put(y, x, cols - x, TUI_TITLE, self->info.experiment);
    if (self->run_count > 1)
        x += tui_putf(y, x, cols - x, TUI_BOLD, "  %zu runs  ", self->run_count);
    else
        x += tui_putf(y, x, cols - x, TUI_BOLD, "  run %lld  ", (long long)self->run);
    x += tui_put(
        y, x, cols - x, tui_run_style(self->info.state), assay_run_state_name(self->info.state));
    if (self->view.live)
        x += tui_putf(y, x, cols - x, TUI_LIVE, " %.0f%%", 100 * tui_run_fraction(&self->info));
    if (self->figure_count)
        tui_putf(y, x, cols - x, TUI_NORMAL, "  figure %s, %zu of %zu",
            self->figures[self->figure_index]->name, self->index + 1, self->count);
}

static int glyph_style(const assay_glyph *glyph)
{
    if (glyph->series >= 0)
        return TUI_SERIES + glyph->series % TUI_SERIES_COUNT;
    return glyph->bold ? TUI_BOLD : TUI_NORMAL;
}

static void put_screen(const assay_screen *screen, struct tui_area area)
{
    for (size_t row = 0; row < screen->rows && (int)row < area.rows; row++)
        for (size_t col = 0; col < screen->cols && (int)col < area.cols; col++) {
            const assay_glyph *glyph = &screen->cells[row * screen->cols + col];
            if (glyph->code > ' ')
                tui_put_code(area.y + (int)row, area.x + (int)col, glyph_style(glyph), glyph->code);
        }
}

static int render(struct figure *self, struct tui_area area)
{
    size_t rows = (size_t)area.rows, cols = (size_t)area.cols;
    if (self->drawn && self->rows == rows && self->cols == cols)
        return ASSAY_OK;
    assay_screen_free(&self->screen);
    self->screen = (assay_screen){0};
    self->drawn = false;
    int status = assay_figure_draw(self->raster, self->figures[self->figure_index], self->series,
        rows, cols, tui_screen_ascii(), &self->screen);
    self->drawn = status == ASSAY_OK;
    self->rows = rows;
    self->cols = cols;
    return status;
}

static bool has_points(const assay_series_set *series)
{
    for (size_t i = 0; series && i < series->count; i++)
        if (series->series[i].count)
            return true;
    return false;
}

/* Why there is nothing to draw, and what to do about it; NULL when there is. */
static const char *emptiness(const struct figure *self)
{
    if (self->raster_trouble)
        return self->raster_trouble;
    if (self->trouble)
        return self->trouble;
    if (!self->figures && !self->count)
        return self->reading
                   ? "Reading the rows..."
                   : "This experiment declares no figures: add some to the `figures` of its "
                     "file (man 5 assay-experiment) and run it again.";
    if (has_points(self->series))
        return NULL;
    return self->view.live ? "No rows yet: the figure appears when the first arrive."
                           : "The run logged no rows that this figure could show.";
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct figure *self = (struct figure *)view;
    struct tui_area body = {area.y + 1, area.x, area.rows - 1, area.cols};
    const char *empty = emptiness(self);
    draw_header(self, area.y, area.cols);
    if (!empty && render(self, body) != ASSAY_OK)
        empty = assay_errmsg();
    if (empty)
        tui_put_wrapped(
            (struct tui_area){body.y + 1, 2, body.rows - 1, body.cols - 4}, 0, TUI_NORMAL, empty);
    else
        put_screen(&self->screen, body);
}

/* ---- keys ---- */

static void turn_to(struct figure *self, int step)
{
    if (self->count < 2) {
        tui_say(self->view.tui, TUI_DIM, "there is no other figure");
        return;
    }
    self->index = (self->index + self->count + (size_t)step) % self->count;
    self->view.stale = true;
}

static int export_figure(struct figure *self, const char *format, const char *base)
{
    char path[512];
    if (!self->figure_count || !has_points(self->series))
        return assay_fail(ASSAY_ENOTFOUND, "there is nothing to save yet");
    if (!base || !*base) {
        snprintf(path, sizeof path, "%s-%lld%s-%s", self->info.experiment, (long long)self->run,
            self->run_count > 1 ? "-and-others" : "", self->figures[self->figure_index]->name);
        base = path;
    }
    tui_say(self->view.tui, TUI_NORMAL, "saving %s...", base);
    return start_reading(self, format, base);
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct figure *self = (struct figure *)view;
    switch (request) {
    case TUI_BESIDE_LEFT:
    case TUI_BESIDE_RIGHT:
        turn_to(self, request == TUI_BESIDE_RIGHT ? 1 : -1);
        return true;
    case TUI_SAVE_PNG:
    case TUI_SAVE_PDF:
        if (export_figure(self, request == TUI_SAVE_PNG ? "png" : "pdf", NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    default:
        return false;
    }
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    static const char *const formats[] = {"png", "svg", "pdf", "tex", "tikz", "txt"};
    size_t length = strcspn(argument, " "), i = 0;
    if (strcmp(name, "export") != 0)
        return false;
    while (i < 6 && (strlen(formats[i]) != length || strncmp(formats[i], argument, length) != 0))
        i++;
    if (i == 6)
        *status = assay_fail(
            ASSAY_EINVAL, "export wants png, svg, pdf, tex, tikz or txt, got \"%s\"", argument);
    else
        *status = export_figure(
            (struct figure *)view, formats[i], argument + length + strspn(argument + length, " "));
    return true;
}

static int64_t run(struct tui_view *view)
{
    return ((struct figure *)view)->run;
}

static const char *experiment(struct tui_view *view)
{
    struct figure *self = (struct figure *)view;
    return self->info_known ? self->info.experiment : NULL;
}

const struct view_ops tui_figure_view = {
    .name = "figure",
    .hint = "h/l:other figure  p:PNG  P:PDF  c:cancel",
    .size = sizeof(struct figure),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .close = close_view,
    .shows = shows,
    .run = run,
    .experiment = experiment,
    .command = command,
};
