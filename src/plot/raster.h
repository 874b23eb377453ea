/* Lines and points to pixels, by the resident gnuplot. */
#ifndef ASSAY_PLOT_RASTER_H
#define ASSAY_PLOT_RASTER_H

#include "plot/axis.h"
#include "plot/figure.h"

/* What is drawn in one frame: polylines, separated by points whose x is NaN; or lone points. */
typedef struct assay_layer {
    double (*points)[2];
    size_t count;
    bool lines;
} assay_layer;

/*
 * Each layer becomes width * height bytes of 0 or 1, rows from the top, layer after layer, in
 * `pixels`. The first pixel of a row is the axis' lo, the last its hi. A gnuplot that died is
 * started again once.
 */
int assay_raster_draw(assay_raster *raster, const assay_axis *x, const assay_axis *y,
    const assay_layer *layers, size_t count, size_t width, size_t height, unsigned char *pixels);

#endif
