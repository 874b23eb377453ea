/* How series look: the palette of Okabe and Ito (2008) and five colours more, markers, dashes. */
#ifndef ASSAY_PLOT_STYLE_H
#define ASSAY_PLOT_STYLE_H

#include <stdbool.h>
#include <stddef.h>

#include "plot/figure.h"

enum { ASSAY_PALETTE = 12 };

/*
 * Series i. Colours repeat after twelve series; markers and dashes change with each repetition, so
 * that (colour, marker) and (colour, dash) differ among the first 144 and 72 series.
 */
const char *assay_style_rgb(size_t series);    /* "#0072B2" */
int assay_style_marker(size_t series);         /* gnuplot's point type */
const char *assay_style_dash(size_t series);   /* gnuplot's dash type for lines without markers */
unsigned assay_style_glyph(size_t series);     /* marker as a character */
char assay_style_letter(size_t series);        /* and in ASCII */

/* Does the figure draw markers at its points, and lines between them? */
bool assay_style_has_markers(const assay_figure *figure, const assay_series_set *set);
bool assay_style_has_lines(const assay_figure *figure);

#endif
