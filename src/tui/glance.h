/* A run's first figure at the side of another view, read aside. */
#ifndef ASSAY_TUI_GLANCE_H
#define ASSAY_TUI_GLANCE_H

#include "tui/figure.h"

struct tui_glance {
    int64_t run, rows;       /* what is shown, or being read; run 0: nothing */
    int64_t next, next_rows; /* what is to be shown */
    struct figure_panel *panels;
    size_t panel_count;
    assay_raster *raster;
    bool reading, failed; /* failed: there is no gnuplot */
};

/* Where a view has its glance. */
typedef struct tui_glance *tui_glance_of(struct tui_view *view);

/* Show that run (0: none), which has logged so many rows by now. While another one is read, what is
 * asked for last comes next. */
void tui_glance_show(
    struct tui_glance *self, struct tui_view *view, tui_glance_of *of, int64_t run, int64_t rows);

/* Draw it where it has been read; false: there is nothing to draw (yet). */
bool tui_glance_draw(struct tui_glance *self, struct tui_area area);
void tui_glance_close(struct tui_glance *self);

#endif
