/*
 * Figures: a declared plot over a table of rows becomes series (one a group, a point for each x with
 * its band), and series become a gnuplot script with a data table, a file, or braille.
 *
 * Rows that share x and group are one point: the mean of y over its units. A unit is what is
 * replicated, the column `unit` ("replicate" unless the figure says otherwise): rows of one unit are
 * averaged first, so that many rows of one replicate do not pass for many replicates.
 */
#ifndef ASSAY_PLOT_FIGURE_H
#define ASSAY_PLOT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/fit.h"
#include "data/table.h"

typedef enum assay_band { ASSAY_BAND_NONE, ASSAY_BAND_CI95, ASSAY_BAND_SD, ASSAY_BAND_MINMAX } assay_band;

/* What an experiment declares. Strings are owned by the struct. */
typedef struct assay_figure {
    char *name, *title;
    char *x, *y;
    char **by;         /* columns whose values name a series; several: joined by ", " */
    size_t by_count;
    char *facet;       /* a column: a picture for each of its values, all on the same axes; or NULL */
    char *unit;        /* "replicate"; a table that lacks "replicate" has rows that are units */
    char *xlabel, *ylabel; /* NULL: the column's name, "_" shown as a space */
    char *fit;         /* a law's name, or NULL */
    char *fit_space;   /* "linear", "log", "loglog", or NULL */
    bool logx, logy;
    assay_band band;
    char *style;       /* "lines", "points", "linespoints", or NULL: lines, with markers where they help */
    char *key;         /* "left", "right", "below", "off", or NULL: where it hides least */
    double xmin, xmax, ymin, ymax; /* NaN: from the data */
    struct assay_figure_where *where; /* only rows where column equals value */
    size_t where_count;
    struct assay_figure_line *lines;  /* horizontal reference lines */
    size_t line_count;
} assay_figure;

typedef struct assay_figure_where {
    char *column;
    char *value; /* as assay_datum_text prints it */
} assay_figure_where;

typedef struct assay_figure_line {
    double y;
    char *label;
} assay_figure_line;

/* Texts are plain: gnuplot's and LaTeX's special characters show as they are, in every format. */

/* From the JSON object of a declaration: {"name", "x", "y", "by": text or list, "facet", "unit", "title",
 * "xlabel", "ylabel", "logx", "logy", "band": "ci95"|"sd"|"minmax"|"none", "fit", "fit_space",
 * "style", "key", "xrange": [lo, hi], "yrange", "where": {column: value},
 * "lines": [{"y", "label"}]}. A null field counts as absent, and so does null in a range: that end
 * is the data's. Errors name the figure and the field. */
int assay_figure_parse(const char *json, assay_figure **out);
void assay_figure_free(assay_figure *figure);

typedef struct assay_point {
    double x, y, low, high; /* low = high = y without a band, or with one unit only */
    size_t units;
} assay_point;

typedef struct assay_series {
    char *label; /* "" when there is no `by`; a text value as it is, a number as "name = value" */
    assay_point *points;
    size_t count;
    bool fitted; /* when the figure asks for a fit and it converged */
    assay_fit fit;
    char *fit_error; /* why not, or NULL */
} assay_series;

typedef struct assay_series_set {
    assay_series *series; /* by group: numbers by size, texts by first appearance */
    size_t count;
    size_t skipped; /* rows whose x or y was logged but is not finite, or not positive on a log axis */
    /* of a figure with facets, one for each value that has rows. Each has all groups, in the same order,
     * some of them without points; `series` above then has labels only */
    struct assay_facet *facets;
    size_t facet_count;
} assay_series_set;

typedef struct assay_facet {
    char *label; /* as that of a series */
    assay_series_set *set;
} assay_facet;

enum { ASSAY_FIGURE_FACETS = 36 };

/* Group, average and fit. Errors: a column that the table lacks (lists what there is), more than
 * ASSAY_FIGURE_FACETS values of the facet's column. An empty table gives zero series. */
int assay_figure_series(const assay_figure *figure, const assay_table *rows, assay_series_set **out);
void assay_series_set_free(assay_series_set *set);

/* In place of each point's mean and band the means over the `window` points around it (fewer at the
 * ends, as many on either side). Fits stay those of the points as they were. window: 1 or an odd
 * number. */
void assay_series_smooth(assay_series_set *set, size_t window);

/*
 * Export to base.EXT: "png", "svg", "pdf", "tex" (cairolatex; its picture is base.pdf), "tikz" or
 * "txt" (our own drawing, 100 x 30). `base` is the path without extension. Beside it stand base.dat,
 * the points, and base.gp, the script that makes the file again when run in its directory ("txt"
 * has none: gnuplot could not make it). Nothing is written, and nothing replaced, unless all of it
 * worked. ASSAY_EINVAL for a set without series and for another format; ASSAY_ENOTFOUND when
 * gnuplot is missing (says how to install it); ASSAY_EIO with gnuplot's words when it fails.
 */
int assay_figure_export(const assay_figure *figure, const assay_series_set *set, const char *format,
    const char *base);

/* A PNG of so many pixels, for a screen whose lines of text are `line` pixels high; nothing is left in
 * files. *data: freed by the caller. Errors as those of an export. */
int assay_figure_png(const assay_figure *figure, const assay_series_set *set, size_t width,
    size_t height, double line, void **data, size_t *size);

/* The 256-colour code of a series on a terminal: the palette of the exported figures. */
int assay_plot_color256(size_t series);

/*
 * The figure in characters. One resident gnuplot rasterises; axes, ticks and legend are text.
 */
typedef struct assay_raster assay_raster; /* the resident gnuplot; not to be shared by threads */
int assay_raster_open(assay_raster **out);
void assay_raster_close(assay_raster *raster);

typedef struct assay_glyph {
    unsigned code;         /* Unicode code point; 0x2800..0x28ff are braille */
    signed char series;    /* which series colours it, -1: none (axes and text) */
    bool bold;
} assay_glyph;

typedef struct assay_screen {
    size_t rows, cols;
    assay_glyph *cells; /* rows * cols */
    struct assay_plot_place {
        size_t top, left, height, width;
    } *plots; /* where the curves are, of each facet that there was room for; else of the one plot */
    size_t plot_count;
    double x_low, x_high; /* at the sides of each */
    bool x_log;
} assay_screen;

/* Draw into rows x cols characters (at least 6 x 24, else ASSAY_EINVAL). ascii: no code above 127. */
int assay_figure_draw(assay_raster *raster, const assay_figure *figure, const assay_series_set *set,
    size_t rows, size_t cols, bool ascii, assay_screen *out);
void assay_screen_free(assay_screen *screen);

/* Print it, a line a row without trailing blanks; colour: by ANSI 256-colour sequences. */
int assay_screen_print(const assay_screen *screen, FILE *out, bool colour);

#endif
