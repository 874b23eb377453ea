/*
 * The figure in characters.
 *
 * The curves are dots: 2 x 4 of them in a character (braille), or one letter of the series in a
 * character (ASCII). The mean is a full line; a band is its two edges, dotted, since a filled band
 * would hide the lines it belongs to; a fitted law is dashed, a reference line dotted in no series'
 * colour. A character has one colour: that of the series with the most dots in it, where a dot of a
 * mean counts four times one of a band. Series also carry markers, so that they are told apart
 * without colours. Axes, ticks, title, labels and legend are text around the dots; where rows are
 * few, they give way in the order legend, title, labels.
 *
 * Facets are drawn each as a figure of its own, on a screen of its own, with the axes of all; only
 * those at the left side have numbers beside the y axis, and those with nothing below them at the x
 * axis.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/axis.h"
#include "plot/escape.h"
#include "plot/figure.h"
#include "plot/raster.h"
#include "plot/script.h"
#include "plot/style.h"

enum { LEAST_ROWS = 6, LEAST_COLS = 24 };

/* A figure being drawn. The plot is the rectangle of dots: its first row and column, and size. */
typedef struct drawing {
    const assay_figure *figure;
    const assay_series_set *set;
    assay_screen *screen;
    bool ascii;
    assay_axis x, y;
    size_t top, left, rows, cols;
    assay_tick y_ticks[ASSAY_AXIS_TICKS];
    size_t y_tick_count;
    size_t head_rows, legend_rows;
    bool laws;   /* in the legend */
    bool xlabel; /* has a row */
    bool facet;  /* one of several: its label is all that stands around it, but */
    bool x_numbers, y_numbers;
} drawing;

/* The palette has seven colours, so 126 keeps them in a signed char. */
static signed char colour_of(size_t series)
{
    return (signed char)(series % 126);
}

static assay_glyph *cell_at(const drawing *d, size_t row, size_t col)
{
    return &d->screen->cells[row * d->screen->cols + col];
}

/* Characters that take two columns, or none, do not fit into one cell. */
static bool is_narrow(unsigned c)
{
    static const unsigned ranges[][2] = {{0x300, 0x36f}, {0x1100, 0x115f}, {0x200b, 0x200f},
        {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe00, 0xfe6f}, {0xff00, 0xff60},
        {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return false;
    return c >= ' ' && (c < 0x7f || c >= 0xa0);
}

static unsigned decode(const char *text, size_t n)
{
    const unsigned char *c = (const unsigned char *)text;
    static const unsigned lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = c[0] & lead[n];
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (c[i] & 0x3f);
    return n ? code : '?';
}

/* Write a text from a column on, up to `end`; returns the column after it. */
static size_t put_text(
    const drawing *d, size_t row, size_t col, size_t end, const char *text, int series, bool bold)
{
    for (; *text && col < end; col++) {
        size_t n = assay_utf8_length(text);
        unsigned code = decode(text, n);
        if (!is_narrow(code) || (d->ascii && code > 126))
            code = '?';
        *cell_at(d, row, col) = (assay_glyph){code, (signed char)series, bold};
        text += n ? n : 1;
    }
    return col;
}

static size_t centred(size_t start, size_t end, size_t length)
{
    return length < end - start ? start + (end - start - length) / 2 : start;
}

/* "10" and the exponent in superscript digits. */
static void tick_text(const drawing *d, const assay_tick *tick, char *out, size_t size)
{
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    if (d->ascii || !tick->decade) {
        snprintf(out, size, "%s", tick->label);
        return;
    }
    char exponent[16];
    snprintf(exponent, sizeof exponent, "%d", abs(tick->exponent));
    size_t used = (size_t)snprintf(out, size, "10%s", tick->exponent < 0 ? "⁻" : "");
    for (const char *c = exponent; *c && used < size; c++)
        used += (size_t)snprintf(out + used, size - used, "%s", digits[*c - '0']);
}

/* --- the layout ------------------------------------------------------------------------------- */

static void law_text(const assay_series *series, char *out, size_t size)
{
    out[0] = '\0';
    if (series->fitted)
        assay_fit_text(&series->fit, "plain", out, size);
}

/* Columns of a legend entry: "● label  law". */
static size_t entry_columns(const drawing *d, size_t s, bool laws)
{
    char law[256] = "";
    const assay_series *series = &d->set->series[s];
    if (laws)
        law_text(series, law, sizeof law);
    size_t label = assay_utf8_columns(series->label), both = assay_utf8_columns(law);
    return label + both == 0 ? 0 : 3 + label + both + (label && both ? 2 : 0);
}

/* Columns of the legend's grid: the widest entry and a gap. */
static size_t legend_pitch(const drawing *d, bool laws)
{
    size_t widest = 0;
    for (size_t s = 0; s < d->set->count; s++) {
        size_t columns = entry_columns(d, s, laws);
        widest = columns > widest ? columns : widest;
    }
    return widest == 0 ? 0 : widest + 2 < d->screen->cols ? widest + 2 : d->screen->cols;
}

static size_t legend_rows(const drawing *d, bool laws)
{
    size_t pitch = legend_pitch(d, laws);
    if (pitch == 0 || (d->figure->key && strcmp(d->figure->key, "off") == 0))
        return 0;
    size_t across = (d->screen->cols + 1) / pitch;
    across = across ? across : 1;
    return (d->set->count + across - 1) / across;
}

/* Take rows from what the plot can spare. */
static size_t take(size_t wanted, size_t *spare)
{
    size_t taken = wanted < *spare ? wanted : *spare;
    *spare -= taken;
    return taken;
}

static const char *or_name(const char *label, const char *column)
{
    return label ? label : column;
}

/* Columns of the numbers at the y axis. */
static size_t number_columns(const drawing *d)
{
    size_t widest = 1;
    for (size_t i = 0; i < d->y_tick_count; i++) {
        char text[64];
        tick_text(d, &d->y_ticks[i], text, sizeof text);
        size_t columns = assay_utf8_columns(text);
        widest = columns > widest ? columns : widest;
    }
    return widest < d->screen->cols / 3 ? widest : d->screen->cols / 3;
}

/* A facet's label above, its axes, and numbers where it has them. */
static void lay_out_facet(drawing *d)
{
    d->head_rows = d->top = 1;
    d->rows = d->screen->rows - 2 - d->x_numbers;
    d->y_tick_count = assay_axis_ticks(&d->y, d->rows / 3, d->y_ticks);
    d->left = d->y_numbers ? number_columns(d) + 1 : 0;
    d->cols = d->screen->cols - d->left - 1;
}

static void lay_out(drawing *d)
{
    size_t rows = d->screen->rows - 2; /* x axis and its tick labels */
    size_t least = rows / 2 > 4 ? rows / 2 : 4, spare = rows - (least < rows ? least : rows);
    bool title = d->figure->title && d->figure->title[0];
    d->laws = legend_rows(d, true) <= (rows + 2) / 3;
    d->legend_rows = take(legend_rows(d, d->laws), &spare);
    d->head_rows = take(title, &spare);
    d->xlabel = take(1, &spare) > 0;
    size_t side = assay_utf8_columns(or_name(d->figure->ylabel, d->figure->y));
    /* the y label shares the title's row when both fit, with the title in the middle */
    bool shares = title && 2 * side + 4 + assay_utf8_columns(d->figure->title) < d->screen->cols;
    if (!shares || d->head_rows == 0)
        d->head_rows += take(1, &spare);
    d->top = d->head_rows;
    d->rows = rows - d->head_rows - d->legend_rows - d->xlabel;
    d->y_tick_count = assay_axis_ticks(&d->y, d->rows / 3, d->y_ticks);
    d->left = number_columns(d) + 1;
    d->cols = d->screen->cols - d->left - 1;
}

/* --- the dots --------------------------------------------------------------------------------- */

typedef enum layer_kind { MEAN, FIT, BAND, REFERENCE } layer_kind;

typedef struct stack {
    assay_layer *layers;
    layer_kind *kinds;
    size_t *series;
    size_t count;
} stack;

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for a drawing");
}

static int add_layer(stack *st, layer_kind kind, size_t series, size_t room, assay_layer **out)
{
    assay_layer *layer = &st->layers[st->count];
    layer->points = malloc((room + 1) * sizeof *layer->points);
    if (!layer->points)
        return no_memory();
    layer->lines = true;
    st->kinds[st->count] = kind;
    st->series[st->count++] = series;
    *out = layer;
    return ASSAY_OK;
}

static void add_point(assay_layer *layer, double x, double y)
{
    layer->points[layer->count][0] = x;
    layer->points[layer->count++][1] = y;
}

static int add_mean(const drawing *d, stack *st, size_t s)
{
    const assay_series *series = &d->set->series[s];
    assay_layer *layer;
    int status = add_layer(st, MEAN, s, series->count, &layer);
    if (status)
        return status;
    layer->lines = assay_style_has_lines(d->figure) && series->count > 1;
    for (size_t i = 0; i < series->count; i++)
        add_point(layer, series->points[i].x, series->points[i].y);
    return ASSAY_OK;
}

/* Both edges; a band that reaches beyond a log axis ends there. Lone points have a bar instead. */
static int add_band(const drawing *d, stack *st, size_t s)
{
    const assay_series *series = &d->set->series[s];
    bool edges = assay_style_has_lines(d->figure) && series->count > 1;
    assay_layer *layer;
    int status = add_layer(st, BAND, s, 3 * series->count + 1, &layer);
    if (status)
        return status;
    for (size_t edge = 0; edges && edge < 2; edge++) {
        for (size_t i = 0; i < series->count; i++) {
            const assay_point *p = &series->points[i];
            double v = edge ? p->high : p->low;
            add_point(layer, p->x, d->y.log && v <= 0 ? d->y.lo : v);
        }
        add_point(layer, NAN, NAN);
    }
    for (size_t i = 0; !edges && i < series->count; i++) {
        const assay_point *p = &series->points[i];
        add_point(layer, p->x, d->y.log && p->low <= 0 ? d->y.lo : p->low);
        add_point(layer, p->x, p->high);
        add_point(layer, NAN, NAN);
    }
    return ASSAY_OK;
}

/* A point in every third column of dots. */
static int add_fit(const drawing *d, stack *st, size_t s)
{
    size_t points = 2 * d->cols / 3 + 1;
    assay_layer *layer;
    int status = add_layer(st, FIT, s, points, &layer);
    if (status)
        return status;
    for (size_t i = 0; i <= points; i++) {
        double x = assay_axis_value(&d->x, (double)i / (double)points);
        double y = x > 0 ? assay_fit_value(&d->set->series[s].fit, x) : NAN;
        if (isfinite(y) && (!d->y.log || y > 0))
            add_point(layer, x, y);
    }
    return ASSAY_OK;
}

static int add_references(const drawing *d, stack *st)
{
    assay_layer *layer;
    int status = add_layer(st, REFERENCE, 0, 3 * d->figure->line_count, &layer);
    for (size_t i = 0; !status && i < d->figure->line_count; i++) {
        add_point(layer, d->x.lo, d->figure->lines[i].y);
        add_point(layer, d->x.hi, d->figure->lines[i].y);
        add_point(layer, NAN, NAN);
    }
    return status;
}

static int build_stack(const drawing *d, stack *st)
{
    size_t most = 3 * d->set->count + 1;
    st->layers = calloc(most, sizeof *st->layers);
    st->kinds = calloc(most, sizeof *st->kinds);
    st->series = calloc(most, sizeof *st->series);
    if (!st->layers || !st->kinds || !st->series)
        return no_memory();
    int status = d->figure->line_count ? add_references(d, st) : ASSAY_OK;
    for (size_t s = 0; s < d->set->count && !status; s++) {
        if (!d->set->series[s].count)
            continue;
        if (d->figure->band != ASSAY_BAND_NONE)
            status = add_band(d, st, s);
        if (!status && d->set->series[s].fitted)
            status = add_fit(d, st, s);
        if (!status)
            status = add_mean(d, st, s);
    }
    return status;
}

static void free_stack(stack *st)
{
    for (size_t i = 0; st->layers && i < st->count; i++)
        free(st->layers[i].points);
    free(st->layers);
    free(st->kinds);
    free(st->series);
}

/* Which of a layer's dots show: dotted and dashed lines are made here. */
static bool shows(layer_kind kind, size_t x, size_t y, bool lone)
{
    switch (kind) {
    case BAND:
        return lone || x % 4 == 0;
    case FIT:
        return x % 6 < 3;
    case REFERENCE:
        return x % 3 == 0;
    default:
        (void)y;
        return true;
    }
}

/* What the dots of one character come to. */
typedef struct cell_dots {
    unsigned char braille; /* bits of U+2800 */
    size_t weight[4];      /* dots by kind, of the series that has the most */
    size_t best;
    int series; /* -1: only a reference line */
} cell_dots;

/* Dots of one layer in a character's 2 x 4 pixels. */
static unsigned char gather(const drawing *d, const unsigned char *pixels, layer_kind kind,
    bool lone, size_t row, size_t col, size_t *dots)
{
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    unsigned char braille = 0;
    *dots = 0;
    for (size_t y = 0; y < 4; y++)
        for (size_t x = 0; x < 2; x++) {
            size_t px = 2 * col + x, py = 4 * row + y;
            if (!pixels[py * 2 * d->cols + px] || !shows(kind, px, py, lone))
                continue;
            braille |= bits[y][x];
            ++*dots;
        }
    return braille;
}

/* One letter a character: the mean's letter, "-" for a law, "." for a band, "_" for a reference. */
static unsigned ascii_of(layer_kind kind, size_t series)
{
    return kind == MEAN   ? (unsigned char)assay_style_letter(series)
           : kind == FIT  ? '-'
           : kind == BAND ? '.'
                          : '_';
}

static void fill_cell(
    const drawing *d, const stack *st, const unsigned char *pixels, size_t row, size_t col)
{
    static const size_t weight[] = {[MEAN] = 16, [FIT] = 6, [BAND] = 4, [REFERENCE] = 1};
    size_t frame = 8 * d->cols * d->rows, best = 0;
    unsigned char braille = 0;
    assay_glyph glyph = {' ', -1, false};
    for (size_t i = 0; i < st->count; i++) {
        size_t dots, s = st->series[i];
        bool lone =
            !assay_style_has_lines(d->figure) || d->set->count == 0 || d->set->series[s].count == 1;
        braille |= gather(d, pixels + i * frame, st->kinds[i], lone, row, col, &dots);
        if (dots * weight[st->kinds[i]] <= best)
            continue;
        best = dots * weight[st->kinds[i]];
        glyph.series = st->kinds[i] == REFERENCE ? -1 : colour_of(s);
        glyph.code = ascii_of(st->kinds[i], s);
    }
    if (!best)
        return;
    if (!d->ascii)
        glyph.code = 0x2800u + braille;
    *cell_at(d, d->top + row, d->left + 1 + col) = glyph;
}

static int draw_dots(const drawing *d, assay_raster *raster)
{
    stack st = {NULL, NULL, NULL, 0};
    unsigned char *pixels = NULL;
    int status = build_stack(d, &st);
    if (status || st.count == 0)
        goto cleanup;
    pixels = malloc(st.count * 8 * d->cols * d->rows);
    status = pixels ? assay_raster_draw(raster, &d->x, &d->y, st.layers, st.count, 2 * d->cols,
                          4 * d->rows, pixels)
                    : no_memory();
    for (size_t row = 0; row < d->rows && !status; row++)
        for (size_t col = 0; col < d->cols; col++)
            fill_cell(d, &st, pixels, row, col);
cleanup:
    free(pixels);
    free_stack(&st);
    return status;
}

/* --- text over and around the dots ------------------------------------------------------------ */

/* The plot's column and row of a place on an axis; false outside. */
static bool to_col(const drawing *d, double x, size_t *col)
{
    double place = assay_axis_place(&d->x, x);
    if (!(place >= -1e-9 && place <= 1 + 1e-9))
        return false;
    *col = d->left + 1 + (size_t)lround(fabs(place) * (double)(2 * d->cols - 1)) / 2;
    return true;
}

static bool to_row(const drawing *d, double y, size_t *row)
{
    double place = assay_axis_place(&d->y, y);
    if (!(place >= -1e-9 && place <= 1 + 1e-9))
        return false;
    *row = d->top + (size_t)lround(fabs(1 - place) * (double)(4 * d->rows - 1)) / 4;
    return true;
}

/* A few markers a series, each series starting elsewhere so that close curves don't hide theirs. */
static void draw_markers(const drawing *d)
{
    for (size_t s = 0; s < d->set->count && d->set->count > 1 && !d->ascii; s++) {
        const assay_series *series = &d->set->series[s];
        size_t step = series->count > 5 ? series->count / 5 : 1, row, col;
        for (size_t i = s % step; i < series->count; i += step)
            if (to_col(d, series->points[i].x, &col) && to_row(d, series->points[i].y, &row))
                *cell_at(d, row, col) = (assay_glyph){assay_style_glyph(s), colour_of(s), false};
    }
}

static bool is_free(const drawing *d, size_t row, size_t col, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (cell_at(d, row, col + i)->code != ' ')
            return false;
    return true;
}

/* Beside its line, where nothing is; else over the line's own right end. */
static void draw_reference_labels(const drawing *d)
{
    for (size_t i = 0; i < d->figure->line_count; i++) {
        const char *label = d->figure->lines[i].label;
        size_t row, length = assay_utf8_columns(label);
        if (length == 0 || length + 1 > d->cols || !to_row(d, d->figure->lines[i].y, &row))
            continue;
        size_t left = d->left + 2, right = d->left + 1 + d->cols - length;
        const size_t places[][2] = {
            {row - 1, right}, {row - 1, left}, {row + 1, right}, {row + 1, left}};
        size_t best = 4;
        for (size_t p = 0; p < 4 && best == 4; p++)
            if (places[p][0] >= d->top && places[p][0] < d->top + d->rows &&
                is_free(d, places[p][0], places[p][1], length))
                best = p;
        put_text(d, best < 4 ? places[best][0] : row, best < 4 ? places[best][1] : right,
            d->left + 1 + d->cols, label, -1, false);
    }
}

static void draw_y_axis(const drawing *d)
{
    for (size_t row = 0; row < d->rows; row++)
        cell_at(d, d->top + row, d->left)->code = d->ascii ? '|' : 0x2502;
    for (size_t i = 0; i < d->y_tick_count; i++) {
        char text[64];
        size_t row;
        if (!to_row(d, d->y_ticks[i].value, &row))
            continue;
        tick_text(d, &d->y_ticks[i], text, sizeof text);
        size_t length = assay_utf8_columns(text);
        if (d->y_numbers)
            put_text(d, row, length < d->left ? d->left - length : 0, d->left, text, -1, false);
        cell_at(d, row, d->left)->code = d->ascii ? '+' : 0x2524;
    }
}

static void draw_x_axis(const drawing *d)
{
    assay_tick ticks[ASSAY_AXIS_TICKS];
    size_t axis = d->top + d->rows, count = assay_axis_ticks(&d->x, d->cols / 9, ticks), next = 0;
    cell_at(d, axis, d->left)->code = d->ascii ? '+' : 0x2514;
    for (size_t col = 0; col < d->cols; col++)
        cell_at(d, axis, d->left + 1 + col)->code = d->ascii ? '-' : 0x2500;
    for (size_t i = 0; i < count; i++) {
        char text[64];
        size_t col;
        if (!to_col(d, ticks[i].value, &col))
            continue;
        cell_at(d, axis, col)->code = d->ascii ? '+' : 0x252c;
        if (!d->x_numbers)
            continue;
        tick_text(d, &ticks[i], text, sizeof text);
        size_t length = assay_utf8_columns(text), start = col > length / 2 ? col - length / 2 : 0;
        if (start + length > d->screen->cols)
            start = d->screen->cols > length ? d->screen->cols - length : 0;
        if (start < next)
            continue;
        next = put_text(d, axis + 1, start, d->screen->cols, text, -1, false) + 1;
    }
}

static int draw_names(const drawing *d)
{
    const assay_figure *figure = d->figure;
    char skipped[64] = "";
    char *x = figure->xlabel ? strdup(figure->xlabel) : assay_readable(figure->x);
    char *y = figure->ylabel ? strdup(figure->ylabel) : assay_readable(figure->y);
    int status = x && y ? ASSAY_OK : no_memory();
    size_t end = d->screen->cols, row = d->top + d->rows + 2;
    bool title = figure->title && figure->title[0];
    if (!status && d->xlabel) {
        size_t start = centred(d->left + 1, end, assay_utf8_columns(x));
        size_t stop = put_text(d, row, start, end, x, -1, false);
        if (d->set->skipped)
            snprintf(skipped, sizeof skipped, "(%zu rows not shown)", d->set->skipped);
        if (d->set->skipped && stop + 2 + strlen(skipped) <= end)
            put_text(d, row, end - strlen(skipped), end, skipped, -1, false);
    }
    if (!status && title && d->head_rows > 0)
        put_text(
            d, 0, centred(0, end, assay_utf8_columns(figure->title)), end, figure->title, -1, true);
    bool alone = d->head_rows == 2 || (d->head_rows == 1 && !title);
    bool shared = d->head_rows == 1 && title &&
                  2 * assay_utf8_columns(y) + 4 + assay_utf8_columns(figure->title) < end;
    if (!status && (alone || shared))
        put_text(d, d->head_rows - 1, 0, end, y, -1, false);
    free(x);
    free(y);
    return status;
}

/* "● label  law", in a grid that is read down its columns. */
static void draw_entry(const drawing *d, size_t s, size_t row, size_t col, size_t end)
{
    const assay_series *series = &d->set->series[s];
    char law[256] = "";
    char letter[2] = {assay_style_letter(s), '\0'};
    if (d->laws)
        law_text(series, law, sizeof law);
    if (!series->label[0] && !law[0])
        return;
    if (d->ascii)
        put_text(d, row, col, end, letter, colour_of(s), false);
    else
        *cell_at(d, row, col) =
            (assay_glyph){d->set->count > 1 ? assay_style_glyph(s) : 0x2500, colour_of(s), false};
    col = put_text(d, row, col + 2, end, series->label, -1, false);
    put_text(d, row, col + (series->label[0] ? 2 : 0), end, law, -1, false);
}

static void draw_legend(const drawing *d)
{
    size_t pitch = legend_pitch(d, d->laws);
    if (d->legend_rows == 0 || pitch == 0)
        return;
    size_t first = d->screen->rows - d->legend_rows, across = (d->screen->cols + 1) / pitch;
    across = across ? across : 1;
    size_t room = across * d->legend_rows, count = d->set->count;
    size_t needed = (count + d->legend_rows - 1) / d->legend_rows; /* columns that are used */
    needed = needed < across ? needed : across;
    size_t start = centred(0, d->screen->cols, needed * pitch - 2);
    for (size_t s = 0; s < count && s < room; s++) {
        size_t row = first + s % d->legend_rows, col = start + s / d->legend_rows * pitch;
        size_t end = col + pitch - 2 < d->screen->cols ? col + pitch - 2 : d->screen->cols;
        char more[32];
        snprintf(more, sizeof more, "+ %zu more", count - s);
        if (s + 1 == room && count > room)
            put_text(d, row, col, d->screen->cols, more, -1, false);
        else
            draw_entry(d, s, row, col, end);
    }
}

static void draw_message(const drawing *d, const char *text)
{
    size_t row = d->top + d->rows / 2, start = d->left + 1, end = start + d->cols;
    put_text(d, row, centred(start, end, strlen(text)), end, text, -1, false);
}

static int start_screen(size_t rows, size_t cols, assay_screen *screen)
{
    *screen = (assay_screen){.rows = rows,
        .cols = cols,
        .cells = malloc(rows * cols * sizeof(assay_glyph)),
        .plots = malloc((ASSAY_FIGURE_FACETS + 1) * sizeof *screen->plots)};
    if (!screen->cells || !screen->plots) {
        assay_screen_free(screen);
        return no_memory();
    }
    for (size_t i = 0; i < rows * cols; i++)
        screen->cells[i] = (assay_glyph){' ', -1, false};
    return ASSAY_OK;
}

/* Where curves are, in a picture that stands at this row and column. */
static void add_plot(const drawing *d, assay_screen *screen, size_t row, size_t col)
{
    screen->plots[screen->plot_count++] =
        (struct assay_plot_place){row + d->top, col + d->left + 1, d->rows, d->cols};
    screen->x_low = d->x.lo;
    screen->x_high = d->x.hi;
    screen->x_log = d->x.log;
}

/* Curves, axes and what stands within them. */
static int draw_plot(const drawing *d, assay_raster *raster)
{
    int status = d->set->count ? draw_dots(d, raster) : ASSAY_OK;
    if (status)
        return status;
    if (assay_style_has_markers(d->figure, d->set))
        draw_markers(d);
    draw_reference_labels(d);
    draw_y_axis(d);
    draw_x_axis(d);
    return ASSAY_OK;
}

static int draw_single(drawing *d, assay_raster *raster)
{
    d->x_numbers = d->y_numbers = true;
    lay_out(d);
    add_plot(d, d->screen, 0, 0);
    int status = draw_plot(d, raster);
    if (!status)
        status = draw_names(d);
    draw_legend(d);
    if (d->set->count == 0)
        draw_message(d, "no data yet");
    return status;
}

/* --- facets ----------------------------------------------------------------------------------- */

enum { LEAST_WIDE = 10, LEAST_HIGH = 2 };

typedef struct grid {
    size_t across, down, shown;
    size_t top, numbers; /* the first row, and the columns beside the first column of pictures */
    size_t wide, high;   /* of the curves of each */
} grid;

/* The arrangement with the largest pictures that are about as high as wide; with too little room,
 * as many pictures as there is room for. `rows` and `cols` are for all of them. */
static bool arrange(size_t n, size_t rows, size_t cols, grid *g)
{
    double best = 0;
    size_t most_across = cols / (LEAST_WIDE + 2), most_down = (rows - 1) / (LEAST_HIGH + 2);
    if (!most_across || !most_down)
        return false;
    g->shown = n < most_across * most_down ? n : most_across * most_down;
    for (size_t across = 1; across <= most_across && across <= g->shown; across++) {
        size_t down = (g->shown + across - 1) / across;
        if (down > most_down)
            continue;
        size_t wide = cols / across - 2, high = (rows - 1) / down - 2;
        double side =
            fmin((double)wide / 2, (double)high); /* a character is twice as high as wide */
        if (side <= best)
            continue;
        best = side;
        g->across = across;
        g->down = down;
        g->wide = wide;
        g->high = high;
    }
    return true;
}

/* Rows and columns around all pictures as around a single one. */
static bool lay_out_facets(drawing *d, grid *g)
{
    bool title = d->figure->title && d->figure->title[0];
    size_t spare = d->screen->rows > 8 ? d->screen->rows - 8 : 0;
    d->xlabel = true;
    d->legend_rows = take(legend_rows(d, false), &spare);
    d->head_rows = take(title, &spare) + take(1, &spare);
    size_t rows = d->screen->rows - d->head_rows - d->legend_rows - 1;
    d->y_tick_count = assay_axis_ticks(&d->y, 3, d->y_ticks);
    g->numbers = number_columns(d);
    g->top = d->head_rows;
    if (d->screen->cols <= g->numbers ||
        !arrange(d->set->facet_count, rows, d->screen->cols - g->numbers, g))
        return false;
    d->y_tick_count = assay_axis_ticks(&d->y, g->high / 3, d->y_ticks);
    size_t numbers = number_columns(d);
    if (numbers > g->numbers && arrange(d->set->facet_count, rows, d->screen->cols - numbers, g))
        g->numbers = numbers;
    /* as draw_names and draw_legend find their rows */
    d->top = d->head_rows;
    d->rows = d->screen->rows - d->legend_rows - d->head_rows - 3;
    d->left = g->numbers;
    d->cols = d->screen->cols - d->left - 1;
    return true;
}

static void copy_picture(const assay_screen *from, assay_screen *to, size_t row, size_t col)
{
    for (size_t y = 0; y < from->rows && row + y < to->rows; y++)
        for (size_t x = 0; x < from->cols && col + x < to->cols; x++)
            to->cells[(row + y) * to->cols + col + x] = from->cells[y * from->cols + x];
}

static int draw_facet(
    const drawing *all, const grid *g, size_t f, assay_raster *raster, assay_screen *screen)
{
    const assay_facet *facet = &all->set->facets[f];
    size_t row = f / g->across, col = f % g->across;
    bool x_numbers = f + g->across >= g->shown, y_numbers = col == 0;
    size_t numbers = y_numbers ? g->numbers : 0;
    assay_screen part;
    int status = start_screen(g->high + 2 + x_numbers, g->wide + 1 + numbers, &part);
    if (status)
        return status;
    drawing d = {.figure = all->figure,
        .set = facet->set,
        .screen = &part,
        .ascii = all->ascii,
        .x = all->x,
        .y = all->y,
        .facet = true,
        .x_numbers = x_numbers,
        .y_numbers = y_numbers};
    lay_out_facet(&d);
    d.left = numbers; /* alike in each row */
    d.cols = g->wide;
    status = draw_plot(&d, raster);
    put_text(&d, 0, centred(d.left + 1, part.cols, assay_utf8_columns(facet->label)), part.cols,
        facet->label, -1, true);
    if (!status) {
        size_t y = g->top + row * (g->high + 2), x = g->numbers - numbers + col * (g->wide + 2);
        copy_picture(&part, screen, y, x);
        add_plot(&d, screen, y, x);
    }
    assay_screen_free(&part);
    return status;
}

static int draw_facets(drawing *d, assay_raster *raster)
{
    grid g;
    char more[48];
    if (!lay_out_facets(d, &g))
        return assay_fail(ASSAY_EINVAL, "there is no room for %zu pictures", d->set->facet_count);
    int status = ASSAY_OK;
    for (size_t f = 0; f < g.shown && !status; f++)
        status = draw_facet(d, &g, f, raster, d->screen);
    if (!status)
        status = draw_names(d);
    draw_legend(d);
    if (g.shown < d->set->facet_count) {
        snprintf(more, sizeof more, "+ %zu more", d->set->facet_count - g.shown);
        put_text(d, d->top + d->rows + 2, 0, d->screen->cols, more, -1, false);
    }
    return status;
}

int assay_figure_draw(assay_raster *raster, const assay_figure *figure, const assay_series_set *set,
    size_t rows, size_t cols, bool ascii, assay_screen *out)
{
    *out = (assay_screen){0};
    if (rows < LEAST_ROWS || cols < LEAST_COLS)
        return assay_fail(ASSAY_EINVAL,
            "a figure needs at least %d rows and %d columns of characters, here are %zu x %zu",
            LEAST_ROWS, LEAST_COLS, rows, cols);
    if (rows > 4096 || cols > 4096)
        return assay_fail(ASSAY_EINVAL,
            "a figure has at most 4096 rows and columns of characters, asked for %zu x %zu", rows,
            cols);
    assay_screen screen;
    int status = start_screen(rows, cols, &screen);
    if (status)
        return status;
    drawing d = {.figure = figure, .set = set, .screen = &screen, .ascii = ascii};
    assay_axis_ranges(figure, set, &d.x, &d.y);
    status = set->facet_count ? draw_facets(&d, raster) : draw_single(&d, raster);
    if (status)
        assay_screen_free(&screen);
    else
        *out = screen;
    return status;
}
