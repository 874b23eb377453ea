/* A run's figures: what the reading of them (figure_read.c) and the view (figure.c) share. */
#ifndef ASSAY_TUI_FIGURE_H
#define ASSAY_TUI_FIGURE_H

#include <jansson.h>

#include "run/run.h"
#include "tui/sixel.h"
#include "tui/view.h"

enum { FIGURE_PANELS = 16 };

/* One picture: a figure with its rows read, and how it was drawn last. */
struct figure_panel {
    assay_figure *figure;
    assay_series_set *series;
    assay_screen screen;
    bool drawn;
    size_t rows, cols;
};

void figure_panels_free(struct figure_panel *panels, size_t count);

/* figure_draw.c: put the picture on the screen; it is rasterised anew only when its size or what it
 * shows has changed. */
int figure_panel_draw(assay_raster *raster, struct figure_panel *panel, struct tui_area area);
bool figure_panel_is_drawn(const struct figure_panel *panel, struct tui_area area);
bool figure_has_points(const assay_series_set *series);

/* What is to be read, and what was. */
struct figure_reading {
    struct tui_job job;
    char *database;
    int64_t *runs; /* several: their series in one */
    size_t run_count;
    char *wanted;    /* name of the figure, or NULL: that at `index` */
    size_t index;
    json_t *changes; /* fields in place of the declared ones */
    size_t smooth;   /* points of a running mean, 0 and 1: none */
    bool grid;       /* all figures */
    size_t width, height; /* pixels of the first picture, 0: none are wanted */
    double line;          /* of a line of text */
    struct tui_sixel sixel;
    char *format, *base; /* a file to be written of the first picture, or NULL */

    struct figure_panel *panels;
    size_t panel_count;
    size_t count; /* figures that are declared */
    char **measures, **params; /* of the first run, NULL at the end */
};

int figure_read(struct tui_job *job);
void figure_reading_clear(struct figure_reading *reading);

#endif
