/*
 * The palette of Okabe and Ito, "Color Universal Design" (2008), told apart under every common
 * colour-blindness, ordered so that the first ones also differ in grey. Its yellow is left out:
 * thin yellow lines on white can't be seen.
 */
#include "plot/style.h"

#include <string.h>

static const struct {
    const char *rgb;
    int terminal; /* the nearest of the 256 terminal colours that reads on black and on white */
} palette[ASSAY_PALETTE] = {
    {"#0072B2", 32},  /* blue */
    {"#D55E00", 166}, /* vermillion */
    {"#009E73", 36},  /* bluish green */
    {"#CC79A7", 175}, /* reddish purple */
    {"#E69F00", 178}, /* orange */
    {"#56B4E9", 74},  /* sky blue */
    {"#000000", 245}, /* black; grey on a terminal of either background */
};

static const struct {
    int gnuplot;
    unsigned glyph;
    char letter;
} markers[] = {
    {7, 0x25cf, 'o'},  /* disc */
    {5, 0x25a0, 'x'},  /* square */
    {9, 0x25b2, '+'},  /* triangle */
    {13, 0x25c6, '*'}, /* diamond */
    {11, 0x25bc, '#'}, /* triangle, down */
    {15, 0x2b1f, '@'}, /* pentagon */
    {6, 0x25cb, '%'},  /* circle */
    {4, 0x25a1, '&'},  /* open square */
};

static const char *const dashes[] = {"1", "(12,4)", "(2,3)", "(12,4,2,4)", "(6,4)"};

enum { MARKERS = sizeof markers / sizeof *markers, DASHES = sizeof dashes / sizeof *dashes };

const char *assay_style_rgb(size_t series)
{
    return palette[series % ASSAY_PALETTE].rgb;
}

int assay_style_marker(size_t series)
{
    return markers[series % MARKERS].gnuplot;
}

const char *assay_style_dash(size_t series)
{
    return dashes[series % DASHES];
}

unsigned assay_style_glyph(size_t series)
{
    return markers[series % MARKERS].glyph;
}

char assay_style_letter(size_t series)
{
    return markers[series % MARKERS].letter;
}

int assay_plot_color256(size_t series)
{
    return palette[series % ASSAY_PALETTE].terminal;
}

bool assay_style_has_markers(const assay_figure *figure, const assay_series_set *set)
{
    if (figure->style)
        return strcmp(figure->style, "lines") != 0;
    return set->count > 1 || (set->count == 1 && set->series[0].count <= 30);
}

bool assay_style_has_lines(const assay_figure *figure)
{
    return !figure->style || strcmp(figure->style, "points") != 0;
}
