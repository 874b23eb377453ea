/*
 * Reading figures, aside and with a store handle of its own: a run's rows take as long as there are
 * rows, and so do their fits. A figure is what the experiment declares with the fields that were
 * changed since, so what is drawn on the screen is what is saved to a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "run/diff.h"
#include "tui/figure.h"

void figure_panels_free(struct figure_panel *panels, size_t count)
{
    for (size_t i = 0; panels && i < count; i++) {
        assay_figure_free(panels[i].figure);
        assay_series_set_free(panels[i].series);
        assay_screen_free(&panels[i].screen);
    }
    free(panels);
}

static void free_names(char **names)
{
    for (char **name = names; name && *name; name++)
        free(*name);
    free(names);
}

void figure_reading_clear(struct figure_reading *self)
{
    tui_sixel_free(&self->sixel);
    figure_panels_free(self->panels, self->panel_count);
    free_names(self->measures);
    free_names(self->params);
    json_decref(self->changes);
    free(self->database);
    free(self->runs);
    free(self->wanted);
    free(self->format);
    free(self->base);
}

/* Of one run, or of several beside each other. */
static int read_series(assay_store *store, const struct figure_reading *self,
    const assay_figure *figure, assay_series_set **out)
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

static int parse(const json_t *declared, assay_figure **out)
{
    char *text = json_dumps(declared, JSON_COMPACT | JSON_REAL_PRECISION(17));
    int status = text ? assay_figure_parse(text, out) : assay_fail(ASSAY_ENOMEM, "out of memory");
    free(text);
    return status;
}

/* Where several figures are shown, only changes that make sense for all of them count. */
static void change(json_t *declared, const json_t *changes, bool grid)
{
    static const char *const common[] = {"band", "key"};
    if (!grid)
        json_object_update(declared, (json_t *)changes);
    for (size_t i = 0; grid && i < sizeof common / sizeof *common; i++) {
        json_t *value = json_object_get(changes, common[i]);
        if (value)
            json_object_set(declared, common[i], value);
    }
}

static int add_panel(assay_store *store, struct figure_reading *self, const json_t *declared)
{
    struct figure_panel *panel = &self->panels[self->panel_count];
    json_t *figure = json_deep_copy(declared);
    if (!figure)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    change(figure, self->changes, self->grid);
    int status = parse(figure, &panel->figure);
    json_decref(figure);
    self->panel_count += status == ASSAY_OK;
    if (status == ASSAY_OK)
        status = read_series(store, self, panel->figure, &panel->series);
    if (status == ASSAY_OK && self->smooth > 1)
        assay_series_smooth(panel->series, self->smooth);
    return status;
}

static int add_grid(assay_store *store, struct figure_reading *self, const json_t *figures)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < self->count && i < FIGURE_PANELS && status == ASSAY_OK; i++)
        status = add_panel(store, self, json_array_get(figures, i));
    return status;
}

static size_t find_figure(const struct figure_reading *self, const json_t *figures)
{
    for (size_t i = 0; self->wanted && i < self->count; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(figures, i), "name"));
        if (name && strcmp(name, self->wanted) == 0)
            return i;
    }
    return self->index < self->count ? self->index : self->count - 1;
}

static int add_panels(assay_store *store, struct figure_reading *self, const json_t *figures)
{
    self->count = json_array_size(figures);
    self->panels = calloc(FIGURE_PANELS, sizeof *self->panels);
    if (!self->panels)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    if (!self->count)
        return ASSAY_OK;
    self->index = find_figure(self, figures);
    const json_t *declared = json_array_get(figures, self->index);
    if (self->grid)
        return add_grid(store, self, figures);
    return add_panel(store, self, declared);
}

/* The parameters' names, for choosing among them. */
static int read_params(assay_store *store, struct figure_reading *self)
{
    assay_run_info info;
    const char *name;
    json_t *value;
    size_t count = 0;
    int status = assay_store_run_get(store, self->runs[0], &info);
    if (status != ASSAY_OK)
        return status;
    json_t *params = json_loads(info.params, 0, NULL);
    assay_run_info_clear(&info);
    self->params = calloc(json_object_size(params) + 1, sizeof *self->params);
    json_object_foreach(params, name, value) if (self->params) self->params[count++] = strdup(name);
    json_decref(params);
    return self->params ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
}

/* In pixels, too. A picture that can't be made is none: it is drawn in characters. */
static void make_sixel(struct figure_reading *self)
{
    const struct figure_panel *panel = &self->panels[0];
    struct tui_picture picture;
    void *png = NULL;
    size_t size;
    if (assay_figure_png(panel->figure, panel->series, self->width, self->height, self->line, &png,
            &size) != ASSAY_OK)
        return;
    if (tui_picture_read(png, size, &picture)) {
        tui_sixel_encode(&picture, self->width, self->height, &self->sixel);
        tui_picture_free(&picture);
    }
    free(png);
}

int figure_read(struct tui_job *job)
{
    struct figure_reading *self = (struct figure_reading *)job;
    assay_store *store = NULL;
    char *describe = NULL;
    int status = assay_store_open(self->database, ASSAY_STORE_READ, &store);
    if (status == ASSAY_OK)
        status = assay_store_run_describe(store, self->runs[0], &describe);
    if (status == ASSAY_OK)
        status = assay_store_run_measures(store, self->runs[0], &self->measures);
    if (status == ASSAY_OK)
        status = read_params(store, self);
    json_t *declaration = describe ? json_loads(describe, 0, NULL) : NULL;
    if (status == ASSAY_OK)
        status = add_panels(store, self, json_object_get(declaration, "figures"));
    if (status == ASSAY_OK && self->width && self->panel_count == 1)
        make_sixel(self);
    if (status == ASSAY_OK && self->format && self->panel_count)
        status = assay_figure_export(
            self->panels[0].figure, self->panels[0].series, self->format, self->base);
    json_decref(declaration);
    free(describe);
    assay_store_close(store);
    return status;
}
