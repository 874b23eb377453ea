/*
 * The palette of Okabe and Ito, "Color Universal Design" (2008), told apart under every common
 * colour-blindness, ordered so that the first ones also differ in grey. Its yellow is left out:
 * thin yellow lines on white can't be seen.
 *
 * Five more follow, each as far as a colour between dark and middling can be from all before it,
 * for normal sight and under protanopia, deuteranopia and tritanopia (Machado, Oliveira, Fernandes
 * 2009): no pair is nearer (CIEDE2000, least of the four) than the nearest of Okabe and Ito's own,
 * blue and purple by 11. Their markers are open, so that they differ from the first ones twice.
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
    {"#583000", 94},  /* brown */
    {"#485050", 242}, /* slate */
    {"#400080", 91},  /* indigo */
    {"#885840", 137}, /* tan */
    {"#0000E0", 27},  /* bright blue */
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
    {8, 0x25b3, '$'},  /* open triangle */
    {12, 0x25c7, '='}, /* open diamond */
    {10, 0x25bd, '~'}, /* open triangle, down */
    {14, 0x2b20, '^'}, /* open pentagon */
};

static const char *const dashes[] = {
    "1", "(12,4)", "(2,3)", "(12,4,2,4)", "(6,4)", "(12,4,2,4,2,4)"};

enum { MARKERS = sizeof markers / sizeof *markers, DASHES = sizeof dashes / sizeof *dashes };

/* Which of `kinds` series i has, when those that share a colour are to differ. */
static size_t shifted(size_t series, size_t kinds)
{
    return (series + series / ASSAY_PALETTE) % kinds;
}

const char *assay_style_rgb(size_t series)
{
    return palette[series % ASSAY_PALETTE].rgb;
}

int assay_style_marker(size_t series)
{
    return markers[shifted(series, MARKERS)].gnuplot;
}

const char *assay_style_dash(size_t series)
{
    return dashes[shifted(series, DASHES)];
}

unsigned assay_style_glyph(size_t series)
{
    return markers[shifted(series, MARKERS)].glyph;
}

char assay_style_letter(size_t series)
{
    return markers[shifted(series, MARKERS)].letter;
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
