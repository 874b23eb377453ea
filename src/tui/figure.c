/*
 * A run's figures in characters, live while rows arrive; or those of several runs in one.
 *
 * Reading is done aside (figure_read.c); the picture on the screen stays until the next one is
 * ready. Drawing it takes milliseconds and is kept until the data or the size change. What the keys
 * change are fields of the figure's declaration, kept here as JSON; zooming only changes the range
 * that is drawn.
 */
#include "run/bytes.h"
#include "tui/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/axis.h"
#include "tui/declare.h"
#include "tui/format.h"
#include "tui/words.h"

struct figure {
    struct tui_view view;
    int64_t run;   /* the first of `runs` */
    int64_t *runs; /* whose series are drawn */
    size_t run_count;
    char *wanted; /* name that it was opened on, until it was found */
    size_t index, count;
    assay_run_info info;
    bool info_known;

    json_t *changes; /* fields in place of the declared ones */
    json_t *shown;   /* those of what is on the screen */
    size_t smooth;
    bool grid;

    struct figure_panel *panels;     /* of the last reading */
    size_t panel_count, panel_index; /* panel_index: of the figure that they show */
    char **measures, **params;
    char *trouble; /* why there are none */
    bool reading, again;
    char *save_format, *save_base; /* of what is saved once it was read, NULL: nothing is */
    size_t restored; /* 1 + index of the figure whose changes were recalled, 0: none yet */

    assay_raster *raster;
    char *raster_trouble;

    struct tui_proposal proposal; /* what is asked about, while it is */

    struct tui_sixel sixel; /* of what is shown, when text is not NULL */
    size_t width, height;   /* in pixels, that are wanted; 0: none */
    double line;
    bool tried; /* to make them so */

    bool pointing; /* a cursor reads values */
    size_t point;

    struct tui_area drawn; /* where the picture is, for the mouse */
    bool held, moved;      /* the mouse holds it, and has moved it */
    int held_x;
};

/* ---- reading, aside ---- */

static void free_names(char **names)
{
    for (char **name = names; name && *name; name++)
        free(*name);
    free(names);
}

static void forget_panels(struct figure *self)
{
    figure_panels_free(self->panels, self->panel_count);
    free_names(self->measures);
    free_names(self->params);
    free(self->trouble);
    self->panels = NULL;
    self->panel_count = 0;
    self->measures = self->params = NULL;
    self->trouble = NULL;
}

static int start_reading(struct figure *self, const char *format, const char *base);
static int export_figure(struct figure *self, const char *format, const char *base);
static void keep(struct figure *self);

/* A change that can't be drawn is taken back. */
static void take_back(struct figure *self, const struct figure_reading *reading)
{
    tui_failed(self->view.tui);
    if (self->shown && json_equal(self->changes, reading->changes)) {
        json_decref(self->changes);
        self->changes = json_deep_copy(self->shown);
    }
}

/* The same picture as before is not sent again. */
static void take_sixel(struct figure *self, struct figure_reading *reading)
{
    struct tui_sixel *old = &self->sixel, *new = &reading->sixel;
    if (old->text && new->text && old->size == new->size &&
        memcmp(old->text, new->text, old->size) == 0)
        return;
    tui_sixel_free(old);
    *old = *new;
    new->text = NULL;
}

/* What was read becomes the view's. A failure keeps what is on the screen, when something is. */
static void take(struct figure *self, struct figure_reading *reading)
{
    if (reading->job.status != ASSAY_OK && self->panel_count) {
        take_back(self, reading);
        return;
    }
    if (reading->job.status != ASSAY_OK && json_object_size(self->changes)) {
        json_object_clear(self->changes); /* what is remembered fits the figure no longer */
        self->smooth = 0;
        if (start_reading(self, NULL, NULL) == ASSAY_OK)
            return;
    }
    json_decref(self->shown);
    self->shown = reading->changes;
    reading->changes = NULL;
    forget_panels(self);
    take_sixel(self, reading);
    self->measures = reading->measures;
    self->params = reading->params;
    self->count = reading->count;
    self->panel_index = self->index = reading->index;
    reading->measures = reading->params = NULL;
    if (reading->job.status != ASSAY_OK) {
        self->trouble = strdup(reading->job.message);
    } else {
        self->panels = reading->panels;
        self->panel_count = reading->panel_count;
        reading->panels = NULL;
        reading->panel_count = 0;
        keep(self);
    }
    free(self->wanted);
    self->wanted = NULL;
    self->restored = self->index + 1;
}

static void forget_save(struct figure *self)
{
    free(self->save_format);
    free(self->save_base);
    self->save_format = self->save_base = NULL;
}

/* It was asked for before there was a figure. */
static int save_later(struct figure *self, const char *format, const char *base)
{
    forget_save(self);
    self->save_format = strdup(format);
    self->save_base = strdup(base ? base : "");
    if (!self->save_format || !self->save_base) {
        forget_save(self);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    tui_say(self->view.tui, TUI_DIM, "saved once it was read ...");
    return ASSAY_OK;
}

static void save_now(struct figure *self)
{
    if (self->save_format && export_figure(self, self->save_format, self->save_base) != ASSAY_OK)
        tui_failed(self->view.tui);
    forget_save(self);
}

static void was_read(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct figure *self = (struct figure *)view;
    (void)tui;
    if (self) {
        bool again = self->again;
        self->reading = self->again = false;
        if (!again || self->index == ((struct figure_reading *)job)->index)
            take(self, (struct figure_reading *)job);
        if (again && start_reading(self, NULL, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        if (!self->reading)
            save_now(self);
    }
    figure_reading_clear((struct figure_reading *)job);
}

static void was_exported(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct figure_reading *self = (struct figure_reading *)job;
    (void)view;
    if (job->status != ASSAY_OK)
        tui_failed(tui);
    else
        tui_say(tui, TUI_GOOD, "wrote %s.%s, with its .gp and .dat beside it", self->base,
            strcmp(self->format, "tikz") == 0 ? "tex" : self->format);
    figure_reading_clear(self);
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
    if (!format && self->reading) {
        self->again = true;
        return ASSAY_OK;
    }
    struct figure_reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    reading->job.work = figure_read;
    reading->job.done = format ? was_exported : was_read;
    reading->job.view = self->view.serial;
    reading->database = strdup(tui_database(tui));
    reading->runs = copy_runs(self->runs, self->run_count);
    reading->run_count = self->run_count;
    reading->wanted = format ? NULL : copy(self->wanted);
    reading->index = self->index;
    reading->changes = json_deep_copy(self->changes);
    reading->smooth = self->smooth;
    reading->grid = self->grid && !format;
    reading->width = format ? 0 : self->width;
    reading->height = self->height;
    reading->line = self->line;
    reading->format = copy(format);
    reading->base = copy(base);
    if (!reading->database || !reading->runs || !reading->changes ||
        (format && (!reading->format || !reading->base))) {
        figure_reading_clear(reading);
        free(reading);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    if (!format)
        self->reading = true;
    return tui_aside(tui, &reading->job);
}

/* ---- what is remembered: how a figure of one run of an experiment was changed ---- */

static void begin_changes(struct figure *self, const json_t *kept)
{
    const struct tui_config *config = tui_configuration(self->view.tui);
    const json_t *changes = json_object_get(kept, "changes");
    json_decref(self->changes);
    self->changes = json_deep_copy(json_is_object(changes) ? changes : config->figure);
    self->smooth =
        kept ? (size_t)json_integer_value(json_object_get(kept, "smooth")) : (size_t)config->smooth;
    if (self->smooth > 99 || (self->smooth && self->smooth % 2 == 0))
        self->smooth = 0;
}

static void memory_name(const struct figure *self, const char *figure, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", self->info.experiment, figure);
}

/* The name of the figure that is to be read, by the run's declaration. */
static bool find_name(const struct figure *self, char *out, size_t size)
{
    char *text = NULL;
    if (assay_store_run_describe(tui_store(self->view.tui), self->run, &text) != ASSAY_OK)
        return false;
    json_t *declaration = text ? json_loads(text, 0, NULL) : NULL;
    const char *name =
        self->wanted
            ? self->wanted
            : json_string_value(json_object_get(
                  json_array_get(json_object_get(declaration, "figures"), self->index), "name"));
    snprintf(out, size, "%s", name ? name : "");
    json_decref(declaration);
    free(text);
    return *out != '\0';
}

static void restore(struct figure *self)
{
    char name[256], key[512];
    if (self->restored == self->index + 1 || self->grid)
        return;
    self->restored = self->index + 1;
    begin_changes(self, NULL);
    if (self->run_count > 1 || !find_name(self, name, sizeof name))
        return;
    memory_name(self, name, key, sizeof key);
    const json_t *kept = tui_recall(self->view.tui, self->view.ops, key);
    if (kept)
        begin_changes(self, kept);
}

/* A range is of what was looked at, not of the figure. */
static void keep(struct figure *self)
{
    const struct tui_config *config = tui_configuration(self->view.tui);
    char key[512];
    if (self->run_count > 1 || self->grid || !self->panel_count || !self->info_known)
        return;
    memory_name(self, self->panels[0].figure->name, key, sizeof key);
    json_t *changes = json_deep_copy(self->changes);
    json_object_del(changes, "xrange");
    json_object_del(changes, "yrange");
    bool usual = json_equal(changes, config->figure) &&
                 (self->smooth > 1 ? (int)self->smooth : 0) == config->smooth;
    tui_remember(self->view.tui, self->view.ops, key,
        usual ? NULL
              : json_pack("{s:O, s:I}", "changes", changes, "smooth", (json_int_t)self->smooth));
    json_decref(changes);
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
    restore(self);
    return start_reading(self, NULL, NULL);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct figure *self = (struct figure *)view;
    if (!tui_store(view->tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet, and no run");
    self->run_count = target->run_count ? target->run_count : 1;
    self->runs = copy_runs(target->run_count ? target->runs : &target->run, self->run_count);
    self->changes = json_object();
    if (!self->runs || !self->changes) {
        free(self->runs);
        json_decref(self->changes);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
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
    forget_panels(self);
    tui_proposal_clear(&self->proposal);
    forget_save(self);
    tui_sixel_free(&self->sixel);
    if (self->raster)
        assay_raster_close(self->raster);
    if (self->info_known)
        assay_run_info_clear(&self->info);
    json_decref(self->changes);
    json_decref(self->shown);
    free(self->raster_trouble);
    free(self->wanted);
    free(self->runs);
}

/* ---- drawing ---- */

/* "logx=true  band=sd": what differs from the declaration. */
static int draw_changes(const struct figure *self, int y, int x, int cols)
{
    const char *name;
    json_t *value;
    json_object_foreach(self->changes, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(4));
        if (text && !json_is_null(value) && x < cols)
            x += tui_putf(y, x, cols - x, TUI_WARN, "  %s=%s", name, text);
        free(text);
    }
    if (self->smooth > 1 && x < cols)
        x += tui_putf(y, x, cols - x, TUI_WARN, "  smooth=%zu", self->smooth);
    return x;
}

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
    if (self->panel_count && self->grid && self->count > 1)
        x += tui_putf(y, x, cols - x, TUI_NORMAL, "  all %zu figures", self->count);
    else if (self->panel_count)
        x += tui_putf(y, x, cols - x, TUI_NORMAL, "  figure %s, %zu of %zu",
            self->panels[0].figure->name, self->index + 1, self->count);
    draw_changes(self, y, x, cols);
}

/* Why there is nothing to draw, and what to do about it; NULL when there is. */
static const char *emptiness(const struct figure *self)
{
    if (self->raster_trouble)
        return self->raster_trouble;
    if (self->trouble)
        return self->trouble;
    if (!self->panel_count && (self->reading || self->count))
        return "Reading the rows...";
    if (!self->panel_count)
        return "This experiment declares no figures: add some to the `figures` of its file "
               "(man 5 assay-experiment) and run it again.";
    for (size_t i = 0; i < self->panel_count; i++)
        if (figure_has_points(self->panels[i].series))
            return NULL;
    return self->view.live ? "No rows yet: the figure appears when the first arrive."
                           : "The run logged no rows that this figure could show.";
}

/* One figure whose run has ended, and that no cursor reads, is drawn in pixels where the terminal
 * shows them; until they are made, in characters. */
static void draw_pixels(struct figure *self, struct tui_area area)
{
    enum { MOST_WIDE = 2400, MOST_HIGH = 1600 };
    size_t width, height;
    if (!tui_screen_sixels() || self->panel_count != 1 || self->grid || self->pointing ||
        self->view.live) {
        self->width = 0;
        return;
    }
    tui_screen_pixel_size(area, &width, &height, &self->line);
    width = width < MOST_WIDE ? width : MOST_WIDE;
    height = height < MOST_HIGH ? height : MOST_HIGH;
    if (self->sixel.text && self->sixel.width == width && self->sixel.height == height) {
        tui_put_sixels(area, self->sixel.text, self->sixel.size, self->sixel.id);
        return;
    }
    if (width != self->width || height != self->height)
        self->tried = false;
    self->width = width;
    self->height = height;
    if (!self->tried && !self->reading) {
        self->tried = true;
        if (start_reading(self, NULL, NULL) != ASSAY_OK)
            tui_failed(self->view.tui);
    }
}

/* Several pictures side by side and below each other, about square. Those that no time is left for
 * follow when no key waits. */
static const char *draw_panels(struct figure *self, struct tui_area area)
{
    const double end = assay_monotonic() + 8e-3;
    int n = (int)self->panel_count, across = 1;
    while (across * across < n && area.cols / (across + 1) >= 36)
        across++;
    int down = (n + across - 1) / across, width = area.cols / across, height = area.rows / down;
    for (int i = 0; i < n; i++) {
        struct tui_area part = {area.y + i / across * height, area.x + i % across * width, height,
            across > 1 ? width - 1 : width};
        const bool drawn = figure_panel_is_drawn(&self->panels[i], part);
        if (height >= 6 && !drawn && assay_monotonic() > end) {
            tui_put(part.y + height / 2, part.x + part.cols / 2 - 5, 11, TUI_DIM, "drawing ...");
            self->view.unfinished = true;
            continue;
        }
        if (height < 6)
            return "there is no room for so many figures: m shows one, a larger screen all";
        if (figure_panel_draw(self->raster, &self->panels[i], part) != ASSAY_OK)
            return assay_errmsg();
    }
    return NULL;
}

/* ---- the cursor that reads values ---- */

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static size_t count_points(const assay_series_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->count; i++)
        n += set->series[i].count;
    for (size_t i = 0; i < set->facet_count; i++)
        n += count_points(set->facets[i].set);
    return n;
}

static size_t collect_x(const assay_series_set *set, double *x, size_t n)
{
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < set->series[i].count; j++)
            x[n++] = set->series[i].points[j].x;
    for (size_t i = 0; i < set->facet_count; i++)
        n = collect_x(set->facets[i].set, x, n);
    return n;
}

/* The x of all series, in order and once; the caller frees. */
static double *all_x(const assay_series_set *set, size_t *count)
{
    double *x = malloc((count_points(set) + 1) * sizeof *x);
    size_t n = x ? collect_x(set, x, 0) : 0;
    *count = 0;
    if (n)
        qsort(x, n, sizeof *x, compare_numbers);
    for (size_t i = 0; i < n; i++)
        if (!*count || x[i] != x[*count - 1])
            x[(*count)++] = x[i];
    return x;
}

static const assay_point *point_at(const assay_series *series, double x)
{
    for (size_t i = 0; i < series->count; i++)
        if (series->points[i].x == x)
            return &series->points[i];
    return NULL;
}

/* Words one after another, and on in the next line. */
struct words {
    struct tui_area area;
    int line, at;
};

static void put_words(struct words *self, int style, const char *text)
{
    if (self->at > 0 && self->at + tui_width(text) > self->area.cols) {
        self->at = 0;
        self->line++;
    }
    if (self->line < self->area.rows)
        self->at += tui_put(self->area.y + self->line, self->area.x + self->at,
            self->area.cols - self->at, style, text);
}

static void put_values(const assay_series_set *set, double x, struct words *out)
{
    char number[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT], words[512];
    for (size_t i = 0; i < set->count; i++) {
        const assay_series *series = &set->series[i];
        const assay_point *point = point_at(series, x);
        const char *colon = *series->label ? ": " : "";
        if (!point)
            continue;
        tui_format_estimate(point->y, number);
        tui_format_estimate(point->low, low);
        tui_format_estimate(point->high, high);
        if (point->low < point->high)
            snprintf(words, sizeof words, "%.200s%s%s [%s, %s]  ", series->label, colon, number,
                low, high);
        else
            snprintf(words, sizeof words, "%.200s%s%s  ", series->label, colon, number);
        put_words(out, TUI_SERIES + (int)(i % TUI_SERIES_COUNT), words);
    }
}

static bool has_point(const assay_series_set *set, double x)
{
    for (size_t i = 0; i < set->count; i++)
        if (point_at(&set->series[i], x))
            return true;
    return false;
}

static void draw_values(const struct figure_panel *panel, double x, struct tui_area area)
{
    struct words out = {.area = area};
    char number[TUI_SHORT], words[512];
    tui_format_estimate(x, number);
    snprintf(words, sizeof words, "%.200s = %s  ", panel->figure->x, number);
    put_words(&out, TUI_BOLD, words);
    put_values(panel->series, x, &out);
    for (size_t f = 0; f < panel->series->facet_count; f++) {
        if (!has_point(panel->series->facets[f].set, x))
            continue;
        snprintf(words, sizeof words, "%.200s:  ", panel->series->facets[f].label);
        put_words(&out, TUI_BOLD, words);
        put_values(panel->series->facets[f].set, x, &out);
    }
}

/* A line through a plot, where no curve is. */
static void draw_line(const assay_screen *screen, const struct assay_plot_place *plot, double place,
    struct tui_area area)
{
    size_t col = plot->left + (size_t)lround(place * (double)(2 * plot->width - 1)) / 2;
    for (size_t row = plot->top; row < plot->top + plot->height; row++)
        if (screen->cells[row * screen->cols + col].code <= ' ')
            tui_put(area.y + (int)row, area.x + (int)col, 1, TUI_DIM, tui_glyph(TUI_VLINE));
}

/* A line through the plots at the cursor's x, and the values of all series there. */
static void draw_pointer(struct figure *self, struct tui_area area, struct tui_area below)
{
    struct figure_panel *panel = &self->panels[0];
    const assay_screen *screen = &panel->screen;
    size_t count;
    double *x = all_x(panel->series, &count);
    if (x && count) {
        self->point = self->point < count ? self->point : count - 1;
        assay_axis axis = {screen->x_low, screen->x_high, screen->x_log, false};
        double place = assay_axis_place(&axis, x[self->point]);
        for (size_t i = 0; i < screen->plot_count && place >= 0 && place <= 1; i++)
            draw_line(screen, &screen->plots[i], place, area);
        draw_values(panel, x[self->point], below);
    }
    free(x);
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct figure *self = (struct figure *)view;
    struct tui_area body = {area.y + 1, area.x, area.rows - 1, area.cols}, below = body;
    const char *empty = emptiness(self);
    draw_header(self, area.y, area.cols);
    if (!tui_asks(view->tui)) /* it was answered */
        tui_proposal_clear(&self->proposal);
    if (self->proposal.path) {
        tui_detail_draw(&self->proposal.diff, body);
        return;
    }
    if (self->pointing && !empty) {
        below.rows = self->panels[0].series->facet_count ? 4 : 2;
        body.rows -= below.rows;
        below.y = body.y + body.rows;
    }
    self->drawn = body;
    if (!empty)
        empty = draw_panels(self, body);
    if (!empty)
        draw_pixels(self, body); /* over what the cursor and the mouse know */
    if (empty)
        tui_put_wrapped(
            (struct tui_area){body.y + 1, 2, body.rows - 1, body.cols - 4}, 0, TUI_NORMAL, empty);
    else if (self->pointing && self->panel_count == 1)
        draw_pointer(self, body, below);
}

/* ---- changes ---- */

static void read_anew(struct figure *self)
{
    if (start_reading(self, NULL, NULL) != ASSAY_OK)
        tui_failed(self->view.tui);
}

static void change(struct figure *self, const char *field, json_t *value)
{
    json_object_set_new(self->changes, field, value);
    read_anew(self);
}

/* Another column has another name, and its own range. */
static void change_column(struct figure *self, const char *axis, const char *name)
{
    char field[16];
    snprintf(field, sizeof field, "%slabel", axis);
    json_object_set_new(self->changes, field, json_null());
    snprintf(field, sizeof field, "%srange", axis);
    json_object_set_new(self->changes, field, json_null());
    json_object_set_new(self->changes, "title", json_null());
    if (strcmp(axis, "y") == 0)
        json_object_set_new(self->changes, "lines", json_null());
    change(self, axis, json_string(name));
}

static void turn_band(struct figure *self, const assay_figure *figure)
{
    static const char *const bands[] = {"none", "ci95", "sd", "minmax"};
    change(self, "band", json_string(bands[((int)figure->band + 1) % 4]));
}

/* Off, else what is declared, else a power law. */
static void turn_fit(struct figure *self, const assay_figure *figure)
{
    if (figure->fit) {
        json_object_set_new(self->changes, "fit_space", json_null());
        change(self, "fit", json_null());
    } else if (json_object_get(self->changes, "fit")) {
        json_object_del(self->changes, "fit");
        json_object_del(self->changes, "fit_space");
        read_anew(self);
    } else {
        change(self, "fit", json_string("power"));
    }
}

static size_t count_names(char *const *names)
{
    size_t n = 0;
    while (names && names[n])
        n++;
    return n;
}

/* The next name after `now` among the measures and, for x, the parameters. */
static const char *next_name(const struct figure *self, const char *now, bool params)
{
    size_t measures = count_names(self->measures),
           n = measures + (params ? count_names(self->params) : 0), at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = i < measures ? self->measures[i] : self->params[i - measures];
        if (now && strcmp(name, now) == 0)
            at = i + 1;
    }
    if (!n)
        return NULL;
    at %= n;
    return at < measures ? self->measures[at] : self->params[at - measures];
}

/* None, then each parameter, then none again. */
static void turn_by(struct figure *self, const assay_figure *figure)
{
    size_t n = count_names(self->params), at = 0;
    for (size_t i = 0; figure->by_count && i < n; i++)
        if (strcmp(self->params[i], figure->by[0]) == 0)
            at = i + 1;
    json_object_set_new(self->changes, "title", json_null());
    change(self, "by", at < n ? json_string(self->params[at]) : json_null());
}

/* NULL: one picture again. */
static void change_facet(struct figure *self, const char *name)
{
    self->grid = false;
    change(self, "facet", name ? json_string(name) : json_null());
}

/* None, then each parameter of which the run has several values, then none again. */
static void turn_facet(struct figure *self, const assay_figure *figure)
{
    json_t *params = json_loads(self->info.params, 0, NULL), *value;
    const char *name, *next = NULL;
    bool passed = !figure->facet, any = false;
    json_object_foreach(params, name, value)
    {
        if (json_array_size(value) < 2)
            continue;
        any = true;
        if (passed && !next)
            next = name;
        passed = passed || strcmp(name, figure->facet) == 0;
    }
    if (any || figure->facet)
        change_facet(self, next);
    else
        tui_say(self->view.tui, TUI_DIM, "no parameter has several values in this run");
    json_decref(params);
}

static void turn_smooth(struct figure *self)
{
    static const size_t steps[] = {3, 5, 9, 17};
    size_t i = 0;
    while (i < 4 && steps[i] <= self->smooth)
        i++;
    self->smooth = i < 4 ? steps[i] : 1;
    read_anew(self);
}

/* ---- zoom ---- */

static void set_range(struct figure *self, double low, double high)
{
    struct figure_panel *panel = &self->panels[0];
    panel->figure->xmin = low;
    panel->figure->xmax = high;
    panel->drawn = false;
    tui_sixel_free(&self->sixel);
    self->tried = false;
    json_object_set_new(
        self->changes, "xrange", isnan(low) ? json_null() : json_pack("[f, f]", low, high));
}

/* The part of the axis between two places becomes all of it. */
static void zoom(struct figure *self, double from, double to)
{
    if (self->panel_count != 1 || !self->panels[0].drawn)
        return;
    const assay_screen *screen = &self->panels[0].screen;
    assay_axis axis = {screen->x_low, screen->x_high, screen->x_log, false};
    double low = assay_axis_value(&axis, from), high = assay_axis_value(&axis, to);
    if (isfinite(low) && isfinite(high) && low < high && (!axis.log || low > 0) &&
        high - low > 1e-12 * fmax(fabs(low), fabs(high)))
        set_range(self, low, high);
}

static void reset(struct figure *self)
{
    json_object_clear(self->changes);
    self->smooth = 0;
    self->grid = self->pointing = false;
    read_anew(self);
}

/* ---- keys ---- */

static void turn_to(struct figure *self, int step)
{
    if (self->pointing) {
        self->point = step < 0 ? self->point - (self->point > 0) : self->point + 1;
        return;
    }
    if (self->count < 2) {
        tui_say(self->view.tui, TUI_DIM, "there is no other figure");
        return;
    }
    self->index = (self->index + self->count + (size_t)step) % self->count;
    json_object_clear(self->changes);
    self->view.stale = true;
}

static int export_figure(struct figure *self, const char *format, const char *base)
{
    char path[512];
    if (!self->panel_count && (self->reading || self->view.stale))
        return save_later(self, format, base);
    if (!self->panel_count || !figure_has_points(self->panels[0].series))
        return assay_fail(ASSAY_ENOTFOUND, "there is nothing to save yet");
    if (!base || !*base) {
        snprintf(path, sizeof path, "%s-%lld%s-%s", self->info.experiment, (long long)self->run,
            self->run_count > 1 ? "-and-others" : "", self->panels[0].figure->name);
        base = path;
    }
    tui_say(self->view.tui, TUI_NORMAL, "saving %s...", base);
    return start_reading(self, format, base);
}

/* Keys that change what is drawn; they need a figure to start from. */
static bool change_key(struct figure *self, enum tui_request request)
{
    const assay_figure *figure = self->panels[0].figure;
    const char *name;
    switch (request) {
    case TUI_LOG_X:
        json_object_set_new(self->changes, "xrange", json_null());
        change(self, "logx", json_boolean(!figure->logx));
        return true;
    case TUI_LOG_Y:
        json_object_set_new(self->changes, "yrange", json_null());
        change(self, "logy", json_boolean(!figure->logy));
        return true;
    case TUI_BAND:
        turn_band(self, figure);
        return true;
    case TUI_FIT:
        turn_fit(self, figure);
        return true;
    case TUI_LEGEND:
        change(self, "key",
            figure->key && strcmp(figure->key, "off") == 0 ? json_null() : json_string("off"));
        return true;
    case TUI_SMOOTH:
        turn_smooth(self);
        return true;
    case TUI_NEXT_Y:
        name = next_name(self, figure->y, false);
        if (name && strcmp(name, figure->x) == 0) /* not against itself */
            name = next_name(self, name, false);
        if (name)
            change_column(self, "y", name);
        return true;
    case TUI_NEXT_X:
        name = next_name(self, figure->x, true);
        if (name && strcmp(name, figure->y) == 0)
            name = next_name(self, name, true);
        if (name)
            change_column(self, "x", name);
        return true;
    case TUI_NEXT_BY:
        turn_by(self, figure);
        return true;
    case TUI_NEXT_FACET:
        turn_facet(self, figure);
        return true;
    default:
        return false;
    }
}

static bool zoom_key(struct figure *self, enum tui_request request)
{
    switch (request) {
    case TUI_ZOOM_IN:
        zoom(self, 0.25, 0.75);
        return true;
    case TUI_ZOOM_OUT:
        zoom(self, -0.5, 1.5);
        return true;
    case TUI_PAN_LEFT:
        zoom(self, -0.25, 0.75);
        return true;
    case TUI_PAN_RIGHT:
        zoom(self, 0.25, 1.25);
        return true;
    case TUI_POINT:
        self->pointing = !self->pointing;
        return true;
    case TUI_GRID:
        self->grid = !self->grid;
        read_anew(self);
        return true;
    case TUI_CLEAR:
        reset(self);
        return true;
    default:
        return false;
    }
}

/* ---- the mouse: the wheel zooms where it is, a drag pans, a click reads values ---- */

static const struct assay_plot_place *plot_at(const struct figure *self, struct tui_mouse mouse)
{
    const assay_screen *screen = &self->panels[0].screen;
    int y = mouse.y - self->drawn.y, x = mouse.x - self->drawn.x;
    for (size_t i = 0; i < screen->plot_count; i++) {
        const struct assay_plot_place *plot = &screen->plots[i];
        if (y >= (int)plot->top && y < (int)(plot->top + plot->height) && x >= (int)plot->left &&
            x < (int)(plot->left + plot->width))
            return plot;
    }
    return NULL;
}

/* The x that is nearest on the screen. */
static void point_to(struct figure *self, double place)
{
    const assay_screen *screen = &self->panels[0].screen;
    assay_axis axis = {screen->x_low, screen->x_high, screen->x_log, false};
    size_t count, nearest = 0;
    double *x = all_x(self->panels[0].series, &count);
    for (size_t i = 1; x && i < count; i++)
        if (fabs(assay_axis_place(&axis, x[i]) - place) <
            fabs(assay_axis_place(&axis, x[nearest]) - place))
            nearest = i;
    self->pointing = true;
    self->point = nearest;
    free(x);
}

static void drag(struct figure *self, int x)
{
    double by = (double)(x - self->held_x) / (double)self->panels[0].screen.plots[0].width;
    if (x == self->held_x)
        return;
    zoom(self, -by, 1 - by);
    self->held_x = x;
    self->moved = true;
}

static bool mouse(struct tui_view *view, struct tui_mouse mouse)
{
    struct figure *self = (struct figure *)view;
    if (self->panel_count != 1 || !self->panels[0].drawn)
        return false;
    const struct assay_plot_place *plot = plot_at(self, mouse);
    double place =
        plot ? (mouse.x - self->drawn.x - (int)plot->left + 0.5) / (double)plot->width : 0;
    bool wheel = mouse.kind == TUI_MOUSE_WHEEL_UP || mouse.kind == TUI_MOUSE_WHEEL_DOWN;
    if (self->held && mouse.kind == TUI_MOUSE_DRAG) {
        drag(self, mouse.x);
    } else if (self->held && mouse.kind == TUI_MOUSE_RELEASE) {
        drag(self, mouse.x);
        self->held = false;
        if (!self->moved && plot)
            point_to(self, place);
    } else if (plot && wheel) {
        double part = mouse.kind == TUI_MOUSE_WHEEL_UP ? 0.8 : 1.25;
        zoom(self, place * (1 - part), place * (1 - part) + part);
    } else if (plot && mouse.kind == TUI_MOUSE_PRESS) {
        self->held = true;
        self->moved = false;
        self->held_x = mouse.x;
    } else {
        return false;
    }
    return true;
}

/* ---- the declaration ---- */

static void declare_now(struct tui *tui, int64_t serial)
{
    struct figure *self = (struct figure *)tui_view_by_serial(tui, (uint64_t)serial);
    if (self && self->proposal.path && tui_proposal_write(&self->proposal, tui) != ASSAY_OK)
        tui_failed(tui);
}

/* What differs from the declaration, without what is the same with and without it. */
static json_t *declared_changes(const struct figure *self)
{
    json_t *changes = json_object(), *value;
    const char *field;
    json_object_foreach(self->changes, field, value)
        json_object_set_new(changes, field, json_is_false(value) ? json_null() : json_copy(value));
    return changes;
}

/* The settings into the experiment's file, after a look at what changes there and a question. */
static int declare(struct figure *self)
{
    struct tui *tui = self->view.tui;
    const assay_found *found = tui_find_experiment(tui, self->info.experiment);
    char question[256];
    if (!self->panel_count || self->grid)
        return assay_fail(ASSAY_EINVAL, "one figure's settings are written: m shows one");
    if (!json_object_size(self->changes))
        return assay_fail(ASSAY_EINVAL, "no setting differs from the declaration");
    json_t *changes = declared_changes(self);
    int status = tui_proposal_make(&self->proposal, found ? found->path : self->info.path,
        self->panels[0].figure->name, changes);
    json_decref(changes);
    if (status != ASSAY_OK)
        return status;
    const char *slash = strrchr(self->proposal.path, '/');
    snprintf(question, sizeof question, "Write this into %.200s?",
        slash ? slash + 1 : self->proposal.path);
    tui_ask(tui, question, declare_now, (int64_t)self->view.serial);
    return ASSAY_OK;
}

static const char *export_format(enum tui_request request)
{
    static const struct {
        enum tui_request request;
        const char *format;
    } keys[] = {
        {TUI_SAVE_PNG, "png"}, {TUI_SAVE_PDF, "pdf"}, {TUI_SAVE_SVG, "svg"}, {TUI_SAVE_TEX, "tex"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].request == request)
            return keys[i].format;
    return NULL;
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct figure *self = (struct figure *)view;
    const char *format = export_format(request);
    if (format) {
        if (export_figure(self, format, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    }
    if (request == TUI_WRITE) {
        if (declare(self) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    }
    if (request == TUI_BESIDE_LEFT || request == TUI_BESIDE_RIGHT) {
        turn_to(self, request == TUI_BESIDE_RIGHT ? 1 : -1);
        return true;
    }
    return (self->panel_count && change_key(self, request)) || zoom_key(self, request);
}

/* ---- commands ---- */

static int export_as(struct figure *self, const char *argument)
{
    static const char *const formats[] = {"png", "svg", "pdf", "tex", "tikz", "txt"};
    size_t length = strcspn(argument, " "), i = 0;
    while (i < 6 && (strlen(formats[i]) != length || strncmp(formats[i], argument, length) != 0))
        i++;
    if (i == 6)
        return assay_fail(
            ASSAY_EINVAL, "export wants png, svg, pdf, tex, tikz or txt, got \"%s\"", argument);
    return export_figure(self, formats[i], argument + length + strspn(argument + length, " "));
}

static json_t *list_json(const char *names)
{
    json_t *list = json_array();
    for (const char *at = names; *(at += strspn(at, ", "));) {
        size_t length = strcspn(at, ", ");
        json_array_append_new(list, json_stringn(at, length));
        at += length;
    }
    return list;
}

static int change_where(struct figure *self, const char *setting)
{
    size_t length = strcspn(setting, "=");
    char name[256];
    if (!*setting) {
        change(self, "where", json_null());
        return ASSAY_OK;
    }
    if (!setting[length] || length >= sizeof name)
        return assay_fail(ASSAY_EINVAL, "where wants COLUMN=VALUE, got \"%s\"", setting);
    snprintf(name, sizeof name, "%.*s", (int)length, setting);
    json_t *value = json_loads(setting + length + 1, JSON_DECODE_ANY, NULL);
    if (!value || json_is_object(value) || json_is_array(value)) {
        json_decref(value);
        value = json_string(setting + length + 1);
    }
    change(self, "where", json_pack("{s:o}", name, value));
    return ASSAY_OK;
}

static int change_range(struct figure *self, const char *field, const char *range)
{
    double low, high;
    int used = 0;
    if (*range && (sscanf(range, "%lf %lf%n", &low, &high, &used) != 2 || range[used]))
        return assay_fail(ASSAY_EINVAL, "%s wants LOW HIGH, got \"%s\"", field, range);
    change(self, field, *range ? json_pack("[f, f]", low, high) : json_null());
    return ASSAY_OK;
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct figure *self = (struct figure *)view;
    *status = ASSAY_OK;
    if (strcmp(name, "export") == 0)
        *status = export_as(self, argument);
    else if ((strcmp(name, "x") == 0 || strcmp(name, "y") == 0) && *argument)
        change_column(self, name, argument);
    else if (strcmp(name, "by") == 0)
        change(self, name, *argument ? list_json(argument) : json_null());
    else if (strcmp(name, "where") == 0)
        *status = change_where(self, argument);
    else if (strcmp(name, "xrange") == 0 || strcmp(name, "yrange") == 0)
        *status = change_range(self, name, argument);
    else if (strcmp(name, "fit") == 0 && *argument)
        change(self, name, strcmp(argument, "off") == 0 ? json_null() : json_string(argument));
    else if (strcmp(name, "facet") == 0)
        change_facet(self, *argument ? argument : NULL);
    else
        return false;
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

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    static const char *const own[] = {
        "export", "x", "y", "by", "facet", "where", "xrange", "yrange", "fit", NULL};
    static const char *const formats[] = {"png", "svg", "pdf", "tex", "tikz", "txt", NULL};
    static const char *const laws[] = {
        "power", "exp_power", "log_linear", "saturating", "off", NULL};
    const struct figure *self = (const struct figure *)view;
    const char *const *measures = (const char *const *)self->measures;
    const char *const *params = (const char *const *)self->params;
    if (!*name)
        tui_words_add_all(words, own);
    else if (strcmp(name, "export") == 0 && strchr(argument, ' ')) {
        tui_words_add_files(words, strchr(argument, ' ') + 1);
        words->separators = " ";
    } else if (strcmp(name, "export") == 0)
        tui_words_add_all(words, formats);
    else if (strcmp(name, "fit") == 0)
        tui_words_add_all(words, laws);
    if (strcmp(name, "x") == 0 || strcmp(name, "y") == 0)
        tui_words_add_all(words, measures);
    if (strcmp(name, "x") == 0 || strcmp(name, "by") == 0 || strcmp(name, "facet") == 0 ||
        (strcmp(name, "where") == 0 && !strchr(argument, '=')))
        tui_words_add_all(words, params);
}

const struct view_ops tui_figure_view = {
    .name = "figure",
    .hint = "h/l:other figure  b:band  .:read values  v:next y  p:PNG",
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
    .words = words,
    .mouse = mouse,
};
