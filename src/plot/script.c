/*
 * The script writer: a figure in the size and manner of a two-column paper.
 *
 * 3.25 inch wide (with more than two facets, 6.75: both columns), text of 6 to 7 points, a light
 * grid behind, border left and bottom only. The mean is drawn over its translucent band; a fitted
 * law is a gnuplot function, drawn dashed in the colour of its series, so that an author can change
 * it without us. Series differ by colour and marker (by dash where a style has no markers and no
 * fit needs the dashes). The script only reads NAME.dat, and names nothing outside of its
 * directory.
 */
#include "plot/script.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"
#include "plot/axis.h"
#include "plot/style.h"

static const double width = 3.25, height = 2.4; /* inches */
static const double both_columns = 6.75;
static const double line_height = 0.117; /* of the key, inches */
static const double foot = 0.39;       /* tick labels and an x label of one line over a key below */
static const double label_line = 0.14; /* another line of a label */
static const double character = 0.053; /* mean width of a law in the key, inches */
static const double em = 0.107;        /* of a label there */
static const double sample = 0.40;     /* a key entry's sample and gaps, inches */
static const double slot = 0.0678;     /* what gnuplot keeps for a character of the longest */

static const assay_terminal terminals[] = {
    {"png", "png", "1200 pixels wide: 369 dots an inch in a column", ASSAY_MARKUP_ENHANCED,
        "pngcairo enhanced size %1$.0f,%2$.0f background '#ffffff' font 'Sans,6.5' fontscale 5.13 "
        "linewidth 4 pointscale 4 dashlength 0.8",
        1200 / 3.25},
    {"svg", "svg", "", ASSAY_MARKUP_ENHANCED,
        "svg enhanced size %1$.0f,%2$.0f dynamic background '#ffffff' font 'Sans,8.7' linewidth 1 "
        "dashlength 0.8",
        96},
    {"pdf", "pdf", "", ASSAY_MARKUP_ENHANCED,
        "pdfcairo enhanced size %1$.3fin,%2$.3fin font 'Sans,6.5' fontscale 1 linewidth 1.25 "
        "pointscale 0.9 dashlength 0.8",
        1},
    {"tex", "tex", "\\input it; its picture is the PDF of the same name (needs graphicx, xcolor)",
        ASSAY_MARKUP_LATEX,
        "cairolatex pdf input colortext header '\\fontsize{7}{8.4}\\selectfont' size "
        "%1$.3fin,%2$.3fin linewidth 1 dashlength "
        "0.8",
        1},
    {"tikz", "tikz", "\\input it; needs \\usepackage{gnuplot-lua-tikz}, which comes with gnuplot",
        ASSAY_MARKUP_LATEX, "tikz size %1$.3fin,%2$.3fin font '\\scriptsize' linewidth 1", 1},
};

enum { TERMINALS = sizeof terminals / sizeof *terminals };

int assay_terminal_find(const char *format, const assay_terminal **out)
{
    char hint[256];
    const char *known[TERMINALS + 1];
    for (size_t i = 0; i < TERMINALS; i++) {
        if (strcmp(terminals[i].format, format) == 0) {
            *out = &terminals[i];
            return ASSAY_OK;
        }
        known[i] = terminals[i].format;
    }
    known[TERMINALS] = "txt";
    assay_suggest(format, known, TERMINALS + 1, hint, sizeof hint);
    return assay_fail(ASSAY_EINVAL, "figures have no format \"%s\"%s", format, hint);
}

char *assay_readable(const char *column)
{
    char *text = strdup(column);
    for (char *c = text; c && *c; c++)
        if (*c == '_')
            *c = ' ';
    return text;
}

/* A number that gnuplot takes for a real one, whatever its value. */
static void put_number(double v, FILE *out)
{
    char text[40];
    assay_datum datum = {ASSAY_DATUM_NUMBER, v, NULL};
    assay_datum_text(&datum, text, sizeof text);
    fputs(text, out);
    if (!strpbrk(text, ".en"))
        fputs(".0", out);
}

/* A block of the table; empty ones are left out, since gnuplot would not count them. */
static void put_block(const char *facet, const assay_series *series, size_t block, FILE *out)
{
    fprintf(out, "%s# series %zu: ", block ? "\n\n" : "", block);
    if (facet) {
        assay_escape(facet, ASSAY_MARKUP_PLAIN, out);
        fputs(series->label[0] ? ": " : "", out);
    }
    assay_escape(series->label, ASSAY_MARKUP_PLAIN, out);
    fprintf(out, "\n# x y low high units\n");
    for (size_t i = 0; i < series->count; i++) {
        const assay_point *p = &series->points[i];
        const double row[] = {p->x, p->y, p->low, p->high};
        for (size_t c = 0; c < 4; c++) {
            put_number(row[c], out);
            fputc(' ', out);
        }
        fprintf(out, "%zu\n", p->units);
    }
}

static void put_blocks(const char *facet, const assay_series_set *set, size_t *block, FILE *out)
{
    for (size_t s = 0; s < set->count; s++)
        if (set->series[s].count)
            put_block(facet, &set->series[s], (*block)++, out);
}

void assay_script_data(const assay_figure *figure, const assay_series_set *set, FILE *out)
{
    size_t block = 0;
    fprintf(out, "# %s: %s against %s\n", figure->name, figure->y, figure->x);
    fprintf(out, "# A block for each series%s; columns: x, y (mean over units), low, high, units\n",
        set->facet_count ? " of each facet" : "");
    if (set->skipped)
        fprintf(out, "# rows without a finite x or y that the axes can show, left out: %zu\n",
            set->skipped);
    put_blocks(NULL, set, &block, out);
    for (size_t f = 0; f < set->facet_count; f++)
        put_blocks(set->facets[f].label, set->facets[f].set, &block, out);
}

static void put_quoted(const char *text, assay_markup markup, FILE *out)
{
    fputc('\'', out);
    if (markup == ASSAY_MARKUP_ENHANCED) {
        assay_escape(text, markup, out);
    } else {
        char *escaped = NULL;
        size_t size = 0;
        FILE *memory = open_memstream(&escaped, &size);
        if (memory) {
            assay_escape(text, markup, memory);
            fclose(memory);
        }
        for (const char *c = escaped; c && *c; c++)
            fputs(*c == '\'' ? "''" : (char[]){*c, '\0'}, out);
        free(escaped);
    }
    fputc('\'', out);
}

/* The "e-05" of a number as a power of ten; returns the characters read, 0 where there is none. */
static size_t put_power(const char *c, const char *times, FILE *out)
{
    if (c[0] != 'e' || (c[1] != '-' && c[1] != '+') || !isdigit((unsigned char)c[2]))
        return 0;
    char *end;
    long exponent = strtol(c + 1, &end, 10);
    fprintf(out, "%s10^{%s%ld}", times, exponent < 0 ? "-" : "", labs(exponent));
    return (size_t)(end - c);
}

/* The law of assay_fit_text in LaTeX's math: functions upright, products with a thin space. */
static void put_law_latex(const char *text, FILE *out)
{
    fputc('$', out);
    for (const char *c = text; *c;) {
        size_t power = put_power(c, "\\times", out);
        bool sum = c[0] == ' ' && (strchr("+-", c[1]) || strchr("+-", c[-1]));
        if (power) {
            c += power;
        } else if (strncmp(c, "exp", 3) == 0 || strncmp(c, "log", 3) == 0) {
            fprintf(out, "\\%.3s", c);
            c += 3;
        } else {
            fputs(*c == ' ' && !sum ? "\\," : (char[]){*c, '\0'}, out);
            c++;
        }
    }
    fputc('$', out);
}

/* In enhanced text: with a minus sign instead of a hyphen. */
static void put_law_enhanced(const char *text, FILE *out)
{
    for (const char *c = text; *c;) {
        size_t power = put_power(c, "×", out);
        if (!power)
            fputs(*c == '-' ? "−" : (char[]){*c, '\0'}, out);
        c += power ? power : 1;
    }
}

static void put_law(const assay_series *series, assay_markup markup, FILE *out)
{
    char text[256];
    assay_fit_text(&series->fit, "gnuplot", text, sizeof text);
    if (markup == ASSAY_MARKUP_LATEX)
        put_law_latex(text, out);
    else
        put_law_enhanced(text, out);
}

/* Labels that are wider than the figure lose their middle: what tells them apart is mostly at an
 * end. Caller frees. */
static char *shortened(const char *label, size_t columns)
{
    size_t length = assay_utf8_columns(label), at = 0, bytes;
    char *text = NULL;
    FILE *out = length > columns ? open_memstream(&text, &bytes) : NULL;
    if (!out)
        return strdup(label);
    for (size_t column = 0; label[at]; column++) {
        size_t n = assay_utf8_length(label + at);
        n = n ? n : 1;
        if (column < columns / 2 || column >= length - (columns - columns / 2 - 3))
            fwrite(label + at, 1, n, out);
        else if (column == columns / 2)
            fputs("...", out);
        at += n;
    }
    fclose(out);
    return text;
}

enum { KEY_COLUMNS = 50 };

static size_t law_columns(const assay_series *series)
{
    char text[256] = "";
    if (series->fitted)
        assay_fit_text(&series->fit, "plain", text, sizeof text);
    return assay_utf8_columns(text);
}

/* The entry of a series in the key: its label and its law. A series without a label has its law at
 * the curve of the law. */
static void put_title(const assay_series *series, assay_markup markup, FILE *out)
{
    char *label = shortened(series->label, KEY_COLUMNS - law_columns(series));
    if (!label || !label[0]) {
        free(label);
        fputs("notitle", out);
        return;
    }
    fputs("title ", out);
    put_quoted(label, markup, out);
    free(label);
    if (!series->fitted)
        return;
    fputs(".': ", out);
    put_law(series, markup, out);
    fputc('\'', out);
}

static void put_fit_title(const assay_series *series, assay_markup markup, FILE *out)
{
    if (series->label[0]) {
        fputs("notitle", out);
        return;
    }
    fputs("title '", out);
    put_law(series, markup, out);
    fputc('\'', out);
}

/* Widths as in DejaVu Sans, which Debian's Sans is. */
static double text_width(const char *text)
{
    static const struct {
        const char *letters;
        double width;
    } classes[] = {{"ijl.,:;|!' ", 0.3}, {"frt()[]-/\"", 0.39}, {"mMwW%@+=<>~", 0.87}};
    double sum = 0;
    for (const char *c = text; *c; c++) {
        double wide = isupper((unsigned char)*c) ? 0.69 : 0.62;
        for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
            if (strchr(classes[i].letters, *c))
                wide = classes[i].width;
        sum += ((unsigned char)*c & 0xC0) == 0x80 ? 0 : wide; /* one width a code point */
    }
    return em * sum;
}

/* Characters of a series' entry, whose label is cut to what its law leaves. */
static size_t title_columns(const assay_series *series)
{
    const size_t law = law_columns(series), columns = assay_utf8_columns(series->label);
    const size_t room = KEY_COLUMNS - (law < KEY_COLUMNS ? law : KEY_COLUMNS);
    return (columns < room ? columns : room) + law + (columns && law ? 2 : 0);
}

/* Inches of a series' entry; 0: it has none. */
static double title_width(const assay_series *series)
{
    const size_t law = law_columns(series), columns = assay_utf8_columns(series->label);
    const size_t room = KEY_COLUMNS - (law < KEY_COLUMNS ? law : KEY_COLUMNS);
    double label = text_width(series->label);
    if (columns > room)
        label *= (double)room / (double)columns;
    return label + character * (double)(law + (columns && law ? 2 : 0));
}

/*
 * Where the key stands: in the corner that hides least of the curves, and below the plot when every
 * corner hides something or the key would fill more than half of the plot.
 */
typedef struct key {
    const char *position; /* gnuplot's words; NULL: no key */
    size_t entries, columns, rows;
    bool below;
} key;

static const char *const corners[] = {"left top", "right bottom", "right top", "left bottom"};

/* Does (u, v), places on the axes, lie in a box of w x h in the corner? */
static bool covered(size_t corner, double u, double v, double w, double h)
{
    bool right = corner == 1 || corner == 2, top = corner == 0 || corner == 2;
    return (right ? u > 1 - w : u < w) && (top ? v > 1 - h : v < h);
}

/* How much of a series lies under the box: 16 places of each segment, with its band's edges. */
static size_t hidden(const assay_series *series, const assay_axis *x, const assay_axis *y,
    size_t corner, double w, double h)
{
    size_t count = 0, step = series->count / 400 + 1;
    for (size_t i = 0; i < series->count; i += step) {
        size_t next = i + step < series->count ? i + step : i;
        const assay_point *a = &series->points[i], *b = &series->points[next];
        for (int j = 0; j < 16; j++) {
            double t = j / 16.0;
            double u = (1 - t) * assay_axis_place(x, a->x) + t * assay_axis_place(x, b->x);
            const double edges[][2] = {{a->y, b->y}, {a->low, b->low}, {a->high, b->high}};
            for (size_t e = 0; e < 3; e++) {
                double v = (1 - t) * assay_axis_place(y, edges[e][0]) +
                           t * assay_axis_place(y, edges[e][1]);
                count += covered(corner, u, v, w, h);
            }
        }
    }
    return count;
}

static key place_key(const assay_figure *figure, const assay_series_set *set, const assay_axis *x,
    const assay_axis *y)
{
    key k = {NULL, 0, 1, 0, false};
    double longest = 0, slots = 0;
    for (size_t s = 0; s < set->count; s++) {
        const double title = title_width(&set->series[s]);
        k.entries += title > 0;
        longest = fmax(longest, title);
        slots = fmax(slots, slot * (double)title_columns(&set->series[s]));
    }
    if (k.entries == 0 || (figure->key && strcmp(figure->key, "off") == 0))
        return k;
    double entry = sample + longest;
    double w = entry / (width - 0.55), h = ((double)k.entries + 0.5) * line_height / (height - 0.5);
    bool left = figure->key && strcmp(figure->key, "left") == 0;
    bool right = figure->key && strcmp(figure->key, "right") == 0;
    size_t best = 0, least = (size_t)-1;
    for (size_t c = 0; c < 4; c++) {
        bool is_right = c == 1 || c == 2;
        if ((left && is_right) || (right && !is_right))
            continue;
        size_t count = 0;
        for (size_t s = 0; s < set->count; s++)
            count += hidden(&set->series[s], x, y, c, w, h);
        for (size_t l = 0; l < figure->line_count; l++)
            count +=
                covered(c, c == 1 || c == 2 ? 1 : 0, assay_axis_place(y, figure->lines[l].y), w, h);
        if (count < least) {
            least = count;
            best = c;
        }
    }
    k.below = !left && !right && (least > 0 || w > 0.75 || h > 0.55);
    if (figure->key && strcmp(figure->key, "below") == 0)
        k.below = true;
    k.position = k.below ? "below" : corners[best];
    if (k.below) {
        k.columns = (size_t)fmax(1, floor(width / (sample + fmax(longest, slots))));
        k.columns = k.columns > 4 ? 4 : k.columns;
        k.columns = k.columns > k.entries ? k.entries : k.columns;
    }
    k.rows = (k.entries + k.columns - 1) / k.columns;
    return k;
}

enum { TICKS = 6, FEW_TICKS = 4 };

/* The step and the decimals of the ticks that a terminal shows, so that 0.4 beside 0.38 is 0.40;
 * gnuplot's own where numbers need an exponent. */
static void put_linear_ticks(
    const char *which, const assay_axis *axis, size_t target, assay_markup markup, FILE *out)
{
    const char *dollar = markup == ASSAY_MARKUP_LATEX ? "$" : "";
    assay_tick ticks[ASSAY_AXIS_TICKS];
    size_t n = assay_axis_ticks(axis, target, ticks);
    if (n < 2 || strpbrk(ticks[n - 1].label, "e") || strpbrk(ticks[0].label, "e")) {
        fprintf(out, "set format %s '%s%%h%s'\n", which, dollar, dollar);
        return;
    }
    const char *point = strchr(ticks[n - 1].label, '.');
    fprintf(out, "set %stics %.12g\nset format %s '%s%%.%zuf%s'\n", which,
        ticks[1].value - ticks[0].value, which, dollar, point ? strlen(point) - 1 : 0, dollar);
}

/* `named`: with numbers at the ticks. */
static void put_axis(const char *which, const assay_axis *axis, size_t target, bool named,
    assay_markup markup, FILE *out)
{
    fprintf(out, "set %srange [", which);
    put_number(axis->lo, out);
    fputc(':', out);
    put_number(axis->hi, out);
    fputs("]\n", out);
    if (!axis->log) {
        put_linear_ticks(which, axis, target, markup, out);
        fprintf(out, named ? "" : "set format %s ''\n", which);
        return;
    }
    fprintf(out, "set logscale %s\n", which);
    if (assay_axis_decades(axis)) {
        fprintf(out, "set format %s %s\nset m%stics 10\n", which,
            !named                         ? "''"
            : markup == ASSAY_MARKUP_LATEX ? "'$10^{%L}$'"
                                           : "'10^{%L}'",
            which);
        return;
    }
    assay_tick ticks[ASSAY_AXIS_TICKS];
    size_t n = assay_axis_ticks(axis, target, ticks);
    fprintf(out, "unset m%stics\nset %stics (", which, which);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s'%s' %.17g", i ? ", " : "", named ? ticks[i].label : "", ticks[i].value);
    fputs(")\n", out);
}

/* The bytes of the first line of `text`, at most `columns` characters, cut at a space if it has
 * one. */
static size_t first_line(const char *text, size_t columns)
{
    size_t bytes = 0, space = 0;
    for (size_t column = 0; column < columns && text[bytes]; column++) {
        if (text[bytes] == ' ')
            space = bytes;
        size_t n = assay_utf8_length(text + bytes);
        bytes += n ? n : 1;
    }
    return text[bytes] && space ? space : bytes;
}

/* A label in lines of at most `columns` characters. */
static int put_wrapped(const char *text, size_t columns, assay_markup markup, FILE *out)
{
    bool stack = markup == ASSAY_MARKUP_LATEX && text[first_line(text, columns)];
    fputs(stack ? "'\\shortstack{'." : "", out);
    do {
        size_t n = first_line(text, columns);
        char *line = strndup(text, n);
        if (!line)
            return assay_fail(ASSAY_ENOMEM, "out of memory for labels");
        put_quoted(line, markup, out);
        free(line);
        text += n;
        while (*text == ' ')
            text++;
        if (*text)
            fputs(stack ? ".'\\\\'." : ".\"\\n\".", out);
    } while (*text);
    fputs(stack ? ".'}'" : "", out);
    return ASSAY_OK;
}

/* Characters that fit beside each other, and the room a title takes, at 6.5 point. */
enum { TITLE_COLUMNS = 50, LABEL_COLUMNS = 46, SIDE_COLUMNS = 34 };

/* Of the columns that fit in a paper's column, those in a figure so wide. */
static size_t room(size_t columns, double wide)
{
    return (size_t)fmax(8, (double)columns * wide / width);
}

/* Lines that put_wrapped makes of a text. */
static size_t lines_of(const char *text, size_t columns)
{
    size_t lines = 0;
    do {
        text += first_line(text, columns);
        while (*text == ' ')
            text++;
        lines++;
    } while (*text);
    return lines;
}

/* Inches that the x label's lines but the first take; the column's name has one. */
static double label_height(const assay_figure *figure, size_t columns)
{
    return figure->xlabel ? label_line * (double)(lines_of(figure->xlabel, columns) - 1) : 0;
}

/* Characters of an x label in a figure so wide. */
static size_t label_room(double wide)
{
    return room(LABEL_COLUMNS, wide);
}

/* Characters of a title in a figure so wide. */
static size_t title_room(double wide)
{
    return room(TITLE_COLUMNS, wide);
}

static double title_height(const assay_figure *figure, double wide)
{
    if (!figure->title || !figure->title[0])
        return 0;
    return 0.14 * ceil((double)assay_utf8_columns(figure->title) / (double)(title_room(wide) - 6));
}

static int put_label(const char *which, const char *text, const char *column, size_t columns,
    const char *offset, assay_markup markup, FILE *out)
{
    char *readable = text ? strdup(text) : assay_readable(column);
    if (!readable)
        return assay_fail(ASSAY_ENOMEM, "out of memory for labels");
    fprintf(out, "set %s ", which);
    int status = put_wrapped(readable, columns, markup, out);
    fprintf(out, " offset %s\n", offset);
    free(readable);
    return status;
}

static int put_labels(const assay_figure *figure, double wide, assay_markup markup, FILE *out)
{
    int status = ASSAY_OK;
    if (title_height(figure, wide) > 0)
        status = put_label("title", figure->title, "", title_room(wide), "0,-0.6", markup, out);
    if (!status)
        status =
            put_label("xlabel", figure->xlabel, figure->x, label_room(wide), "0,0.8", markup, out);
    if (!status)
        status = put_label("ylabel", figure->ylabel, figure->y, SIDE_COLUMNS, "0.8,0", markup, out);
    return status;
}

static void put_styles(const assay_figure *figure, const assay_series_set *set, FILE *out)
{
    bool dashed = !assay_style_has_markers(figure, set) && !figure->fit;
    fputs("# series n: line style n + 1 for the mean, 101 + n for its fitted law\n", out);
    for (size_t s = 0; s < set->count; s++) {
        const char *rgb = assay_style_rgb(s);
        fprintf(out, "set style line %zu lc rgb '%s' lw 1.2 dt %s pt %d ps %s\n", s + 1, rgb,
            dashed ? assay_style_dash(s) : "1", assay_style_marker(s),
            set->series[s].count > 300 && !assay_style_has_lines(figure) ? "0.15" : "0.45");
        if (set->series[s].fitted || (set->facet_count && figure->fit))
            fprintf(out, "set style line %zu lc rgb '%s' lw 1.1 dt (8,5)\n", 101 + s, rgb);
    }
}

/* The fitted laws as functions, the parameters first so that they are easily changed; `block` is
 * that of the set's first series. */
static void put_laws(const assay_series_set *set, size_t block, FILE *out)
{
    static const char *const formulas[] = {[ASSAY_LAW_POWER] = "a%1$zu*x**b%1$zu",
        [ASSAY_LAW_EXP_POWER] = "exp(a%1$zu*x**b%1$zu)",
        [ASSAY_LAW_LOG_LINEAR] = "a%1$zu + b%1$zu*log10(x)",
        [ASSAY_LAW_SATURATING] = "c%1$zu + a%1$zu*x**b%1$zu"};
    for (size_t s = 0; s < set->count; s++) {
        const assay_series *series = &set->series[s];
        size_t n = block;
        block += series->count > 0;
        if (!series->fitted)
            continue;
        fprintf(out, "# %s fitted to series %zu over %zu points\n", assay_law_name(series->fit.law),
            n, series->fit.points);
        for (size_t i = 0; i < series->fit.parameters; i++) {
            fprintf(out, "%s%zu = ", assay_law_parameter(series->fit.law, i), n);
            put_number(series->fit.value[i], out);
            fputs("; ", out);
        }
        fprintf(out, "law%zu(x) = x > 0 ? ", n);
        fprintf(out, formulas[series->fit.law], n);
        fputs(" : NaN\n", out);
    }
}

static bool banded(const assay_series *series)
{
    for (size_t i = 0; i < series->count; i++)
        if (series->points[i].low < series->points[i].high)
            return true;
    return false;
}

static void start_element(bool *first, FILE *out)
{
    fputs(*first ? "plot " : ", \\\n    ", out);
    *first = false;
}

/* Bands that reach zero or below on a log axis end at the axis. */
static const char *band_columns(const assay_figure *figure)
{
    return figure->logy ? "1:(shown($3)):(shown($4))" : "1:3:4";
}

/* What is drawn in one place: a figure's series, or those of a facet, of which the others' blocks
 * come before. */
typedef struct part {
    const assay_figure *figure;
    const assay_series_set *set;
    size_t block; /* of the first series */
    bool markers;
    bool titles; /* entries of a key */
} part;

static void put_bands(const part *p, bool *first, FILE *out)
{
    size_t block = p->block;
    for (size_t s = 0; s < p->set->count; s++) {
        const assay_series *series = &p->set->series[s];
        size_t n = block;
        block += series->count > 0;
        if (!banded(series))
            continue;
        start_element(first, out);
        if (assay_style_has_lines(p->figure) && series->count > 1)
            fprintf(out,
                "data index %zu using %s with filledcurves fillcolor rgb '%s' "
                "fillstyle transparent solid 0.2 noborder notitle",
                n, band_columns(p->figure), assay_style_rgb(s));
        else
            fprintf(out,
                "data index %zu using 1:2:%s with yerrorbars linestyle %zu pointsize 0 notitle", n,
                band_columns(p->figure) + 2, s + 1);
    }
}

static const char *mean_style(bool points, bool markers)
{
    return points ? "points" : markers ? "linespoints" : "lines";
}

static void put_means(const part *p, assay_markup markup, bool *first, FILE *out)
{
    size_t block = p->block;
    for (size_t s = 0; s < p->set->count; s++) {
        const assay_series *series = &p->set->series[s];
        bool points = !assay_style_has_lines(p->figure) || series->count == 1;
        if (!series->count)
            continue;
        start_element(first, out);
        fprintf(out, "data index %zu using 1:2 with %s linestyle %zu ", block++,
            mean_style(points, p->markers), s + 1);
        if (!points && p->markers && series->count > 12)
            fprintf(out, "pointinterval %zu ", series->count / 8);
        if (p->titles)
            put_title(series, markup, out);
        else
            fputs("notitle", out);
    }
}

static void put_references(const assay_figure *figure, bool *first, FILE *out)
{
    for (size_t i = 0; i < figure->line_count; i++) {
        start_element(first, out);
        put_number(figure->lines[i].y, out);
        fputs(" with lines linecolor rgb '#555555' linewidth 0.8 dashtype (2,3) notitle", out);
    }
}

/* A reference line's label stands over its line, at the end where fewer curves pass. */
static void put_reference_labels(const assay_figure *figure, const assay_series_set *set,
    const assay_axis *x, const assay_axis *y, double wide, assay_markup markup, FILE *out)
{
    for (size_t i = 0; i < figure->line_count; i++) {
        const assay_figure_line *line = &figure->lines[i];
        double place = assay_axis_place(y, line->y);
        if (!line->label[0] || !(place >= 0 && place <= 1))
            continue;
        size_t near[2] = {0, 0};
        bool under = place > 0.92;
        double w = text_width(line->label) / wide;
        for (size_t s = 0; s < set->count; s++)
            for (size_t p = 0; p < set->series[s].count; p++) {
                double u = assay_axis_place(x, set->series[s].points[p].x);
                double v = assay_axis_place(y, set->series[s].points[p].y) - place;
                bool close = under ? v < 0.02 && v > -0.1 : v > -0.02 && v < 0.1;
                near[0] += close && u < w;
                near[1] += close && u > 1 - w;
            }
        bool right = near[1] <= near[0];
        fputs("set label ", out);
        put_quoted(line->label, markup, out);
        fprintf(out, " at graph %s, first ", right ? "0.99" : "0.01");
        put_number(line->y, out);
        fprintf(out, " %s offset 0,%s textcolor rgb '#444444'%s\n", right ? "right" : "left",
            under ? "-0.6" : "0.5", markup == ASSAY_MARKUP_LATEX ? "" : " font ',5.8'");
    }
}

static void put_fits(const part *p, assay_markup markup, bool *first, FILE *out)
{
    size_t block = p->block;
    for (size_t s = 0; s < p->set->count; s++) {
        const assay_series *series = &p->set->series[s];
        size_t n = block;
        block += series->count > 0;
        if (!series->fitted)
            continue;
        start_element(first, out);
        fprintf(out, "law%zu(x) with lines linestyle %zu ", n, 101 + s);
        if (p->titles)
            put_fit_title(series, markup, out);
        else
            fputs("notitle", out);
    }
}

static void put_curves(const part *p, assay_markup markup, FILE *out)
{
    bool first = true;
    put_bands(p, &first, out);
    put_references(p->figure, &first, out);
    put_means(p, markup, &first, out);
    put_fits(p, markup, &first, out);
    fputc('\n', out);
}

/* `label`: inches that the x label needs beyond its first line. */
static void put_key(const key *k, double high, double label, assay_markup markup, FILE *out)
{
    const char *font = markup == ASSAY_MARKUP_LATEX ? "" : " font ',5.8'";
    double top = line_height * (double)k->rows + 0.03 + label;
    if (!k->position)
        fputs("unset key\n", out);
    else if (k->below)
        fprintf(out,
            "set bmargin at screen %.4f\nset key bmargin center vertical Left reverse "
            "width 2 samplen 1.2 spacing 0.92 maxrows %zu%s\n",
            (top + foot) / high, k->rows, font);
    else
        fprintf(out, "set key %s %s samplen 1.2 spacing 0.92%s\n", k->position,
            strstr(k->position, "left") ? "Left reverse" : "Right noreverse", font);
}

static void put_band_comment(const assay_figure *figure, FILE *out)
{
    static const char *const meaning[] = {[ASSAY_BAND_CI95] = "95 % t interval of the mean over",
        [ASSAY_BAND_SD] = "mean +- standard deviation of",
        [ASSAY_BAND_MINMAX] = "least and largest of"};
    if (figure->band != ASSAY_BAND_NONE)
        fprintf(out, "# The bands: %s the units (%s).\n", meaning[figure->band], figure->unit);
}

static void put_head(const assay_figure *figure, const assay_terminal *terminal, const char *name,
    double wide, double high, FILE *out)
{
    fprintf(out,
        "# %s: written by assay. Run \"gnuplot %s.gp\" in this directory to make %s.%s again.\n",
        figure->name, name, name, terminal->extension);
    if (terminal->needs[0])
        fprintf(out, "# %s.%s: %s.\n", name, terminal->extension, terminal->needs);
    put_band_comment(figure, out);
    fputs("set encoding utf8\nset terminal ", out);
    fprintf(out, terminal->set, wide * terminal->unit, high * terminal->unit);
    fputs("\nset output ", out);
    char *quoted = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&quoted, &size);
    if (memory) {
        for (const char *c = name; *c; c++)
            fputs(*c == '\'' ? "''" : (char[]){*c, '\0'}, memory);
        fclose(memory);
        fprintf(out, "'%s.%s'\ndata = '%s.dat'\n\n", quoted, terminal->extension, quoted);
    }
    free(quoted);
    fputs("set border 3 linecolor rgb '#444444' linewidth 0.8\n"
          "set tics nomirror out scale 0.5,0.25 textcolor rgb '#222222'\n"
          "set xtics offset 0,0.3\nset ytics offset 0.4,0\n"
          "set grid back linecolor rgb '#e4e4e4' linewidth 0.6 linetype 1\n"
          "set samples 400\n",
        out);
    if (terminal->markup == ASSAY_MARKUP_ENHANCED)
        fputs("set minussign\n", out);
}

/* ---- facets ---- */

/* Inches. The pictures stand in rows below each other, each `wide` x `high` beneath its label; axes
 * are labelled at the left and the lower side of all. */
typedef struct grid {
    size_t across, down;
    double left, right, title, label, wide, high, gap, foot, key;
    double width, height; /* of all */
    size_t key_entries, key_columns;
} grid;

static void lay_out_key(const assay_series_set *set, grid *g)
{
    double longest = 0;
    for (size_t s = 0; s < set->count; s++) {
        double slots = slot * (double)title_columns(&set->series[s]);
        g->key_entries += set->series[s].label[0] != '\0';
        longest = fmax(longest, fmax(title_width(&set->series[s]), slots));
    }
    if (!g->key_entries)
        return;
    g->key_columns = (size_t)fmax(1, floor(g->width / (sample + longest)));
    g->key_columns = g->key_columns < g->key_entries ? g->key_columns : g->key_entries;
    size_t rows = (g->key_entries + g->key_columns - 1) / g->key_columns;
    g->key = line_height * (double)rows + 0.06;
}

/* In a given size the pictures fill it, about as high as they are wide. */
static grid fill_size(
    const assay_figure *figure, const assay_series_set *set, double wide, double high)
{
    grid g = {.left = 0.5, .right = 0.1, .label = 0.17, .gap = 0.1, .foot = 0.37};
    double best = 0;
    g.width = wide;
    g.height = high;
    g.foot += label_height(figure, label_room(wide));
    g.title = title_height(figure, wide) + 0.03;
    if (!figure->key || strcmp(figure->key, "off") != 0)
        lay_out_key(set, &g);
    for (size_t across = 1; across <= set->facet_count; across++) {
        size_t down = (set->facet_count + across - 1) / across;
        double w = (wide - g.left - g.right - g.gap * (double)(across - 1)) / (double)across;
        double h = (high - g.title - g.foot - g.key) / (double)down - g.label;
        if (across > 1 && fmin(w, 1.5 * h) <= best)
            continue;
        best = fmin(w, 1.5 * h);
        g.across = across;
        g.down = down;
        g.wide = fmax(w, 0.1);
        g.high = fmax(h, 0.1);
    }
    return g;
}

static grid lay_out_facets(const assay_figure *figure, const assay_series_set *set)
{
    size_t n = set->facet_count;
    grid g = {.left = 0.5, .right = 0.1, .label = 0.17, .gap = 0.1, .foot = 0.37};
    g.across = n <= 4 ? n : n <= 6 ? 3 : 4;
    g.down = (n + g.across - 1) / g.across;
    g.width = n <= 2 ? width : both_columns;
    g.foot += label_height(figure, label_room(g.width));
    g.title = title_height(figure, g.width) + 0.03;
    g.wide = (g.width - g.left - g.right - g.gap * (double)(g.across - 1)) / (double)g.across;
    g.high = fmin(1.5, 0.85 * g.wide);
    if (!figure->key || strcmp(figure->key, "off") != 0)
        lay_out_key(set, &g);
    g.height = g.title + (double)g.down * (g.label + g.high) + g.foot + g.key;
    return g;
}

/* The names of the axes and the title belong to all pictures. */
static int put_common_labels(
    const assay_figure *figure, const grid *g, assay_markup markup, FILE *out)
{
    char *x = figure->xlabel ? strdup(figure->xlabel) : assay_readable(figure->x);
    char *y = figure->ylabel ? strdup(figure->ylabel) : assay_readable(figure->y);
    double middle = g->left + (g->width - g->left - g->right) / 2;
    double label = label_height(figure, label_room(g->width));
    double centre = g->key + g->foot + (g->height - g->key - g->foot - g->title) / 2;
    int status = x && y ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory for labels");
    if (!status) {
        fputs("set label ", out);
        status = put_wrapped(x, label_room(g->width), markup, out);
        fprintf(out, " at screen %.4f,%.4f center\n", middle / g->width,
            (g->key + 0.09 + label) / g->height);
    }
    if (!status) {
        fputs("set label ", out);
        status = put_wrapped(y, (size_t)(SIDE_COLUMNS * g->height / height), markup, out);
        fprintf(
            out, " at screen %.4f,%.4f center rotate by 90\n", 0.09 / g->width, centre / g->height);
    }
    if (!status && g->title > 0.04) {
        fputs("set label ", out);
        status = put_wrapped(figure->title, title_room(g->width), markup, out);
        fprintf(out, " at screen %.4f,%.4f center\n", middle / g->width, 1 - 0.09 / g->height);
    }
    free(x);
    free(y);
    return status;
}

/* A picture's place, and which of its axes have numbers: those at the side, and those that nothing
 * stands below. */
static void put_place(const assay_series_set *set, size_t f, const grid *g, const assay_axis *x,
    const assay_axis *y, assay_markup markup, FILE *out)
{
    size_t row = f / g->across, col = f % g->across;
    double left = g->left + (double)col * (g->wide + g->gap);
    double top = g->height - g->title - (double)row * (g->label + g->high) - g->label;
    fprintf(out, "set lmargin at screen %.4f\nset rmargin at screen %.4f\n", left / g->width,
        (left + g->wide) / g->width);
    fprintf(out, "set tmargin at screen %.4f\nset bmargin at screen %.4f\n", top / g->height,
        (top - g->high) / g->height);
    fputs("set title ", out);
    put_quoted(set->facets[f].label, markup, out);
    fprintf(out, " offset 0,-0.8%s\n", markup == ASSAY_MARKUP_LATEX ? "" : " font ',5.8'");
    put_axis("x", x, FEW_TICKS, f + g->across >= set->facet_count, markup, out);
    put_axis("y", y, FEW_TICKS, col == 0, markup, out);
}

/* A plot of nothing but its key, below the others. */
static void put_common_key(const part *all, const grid *g, assay_markup markup, FILE *out)
{
    bool lines = assay_style_has_lines(all->figure), first = true;
    if (!g->key_entries)
        return;
    size_t rows = (g->key_entries + g->key_columns - 1) / g->key_columns;
    fprintf(out,
        "\nunset title\nunset border\nunset tics\nunset logscale\nset xrange [0:1]\nset yrange "
        "[0:1]\nset lmargin at screen 0\nset rmargin at screen 1\nset tmargin at screen "
        "%.4f\nset bmargin at screen 0\n",
        g->key / g->height);
    fprintf(out,
        "set key center center vertical Left reverse width 2 samplen 1.2 spacing 0.92 maxrows "
        "%zu%s\n",
        rows, markup == ASSAY_MARKUP_LATEX ? "" : " font ',5.8'");
    for (size_t s = 0; s < all->set->count; s++) {
        start_element(&first, out);
        fprintf(out, "NaN with %s linestyle %zu ", mean_style(!lines, all->markers), s + 1);
        put_title(&all->set->series[s], markup, out);
    }
    fputc('\n', out);
}

/* Whatever the facet, the pictures look alike. */
static bool facets_have_markers(const assay_figure *figure, const assay_series_set *set)
{
    for (size_t f = 0; f < set->facet_count; f++)
        if (!assay_style_has_markers(figure, set->facets[f].set))
            return false;
    return true;
}

static size_t count_blocks(const assay_series_set *set)
{
    size_t count = 0;
    for (size_t s = 0; s < set->count; s++)
        count += set->series[s].count > 0;
    return count;
}

/* One picture a facet, in a multiplot. */
static int write_facets(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, const char *name, double wide, double tall, FILE *out)
{
    assay_axis x, y;
    grid g = wide > 0 ? fill_size(figure, set, wide, tall) : lay_out_facets(figure, set);
    part one = {figure, set, 0, facets_have_markers(figure, set), false};
    assay_axis_ranges(figure, set, &x, &y);
    put_head(figure, terminal, name, g.width, g.height, out);
    if (figure->logy)
        fprintf(out, "axis_end = %.17g\nshown(v) = v > axis_end ? v : axis_end\n", y.lo);
    put_styles(figure, set, out);
    fputs("unset key\nset multiplot\n", out);
    int status = put_common_labels(figure, &g, terminal->markup, out);
    for (size_t f = 0; f < set->facet_count && !status; f++) {
        one.set = set->facets[f].set;
        fputc('\n', out);
        put_place(set, f, &g, &x, &y, terminal->markup, out);
        if (f == 0)
            put_reference_labels(figure, one.set, &x, &y, g.wide, terminal->markup, out);
        put_laws(one.set, one.block, out);
        put_curves(&one, terminal->markup, out);
        fputs(f == 0 ? "unset label\n" : "", out);
        one.block += count_blocks(one.set);
    }
    one.set = set;
    if (!status)
        put_common_key(&one, &g, terminal->markup, out);
    fputs("unset multiplot\n", out);
    if (!status && ferror(out))
        status = assay_fail(ASSAY_EIO, "the script could not be written");
    return status;
}

int assay_script_write_sized(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, const char *name, double wide, double tall, FILE *out)
{
    assay_axis x, y;
    assay_axis_ranges(figure, set, &x, &y);
    key k = place_key(figure, set, &x, &y);
    if (set->facet_count)
        return write_facets(figure, set, terminal, name, wide, tall, out);
    wide = wide > 0 ? wide : width;
    const double label = label_height(figure, label_room(wide));
    double high = tall > 0 ? tall
                           : height + (k.below ? line_height * (double)k.rows : 0) + label +
                                 title_height(figure, wide);
    put_head(figure, terminal, name, wide, high, out);
    fprintf(out, "set tmargin at screen %.4f\n", 1 - (0.07 + title_height(figure, wide)) / high);
    put_key(&k, high, label, terminal->markup, out);
    int status = put_labels(figure, wide, terminal->markup, out);
    if (status)
        return status;
    put_axis("x", &x, TICKS, true, terminal->markup, out);
    put_axis("y", &y, TICKS, true, terminal->markup, out);
    if (figure->logy)
        fprintf(out, "axis_end = %.17g\nshown(v) = v > axis_end ? v : axis_end\n", y.lo);
    put_reference_labels(figure, set, &x, &y, wide - 0.55, terminal->markup, out);
    fputc('\n', out);
    put_styles(figure, set, out);
    put_laws(set, 0, out);
    fputc('\n', out);
    part all = {figure, set, 0, assay_style_has_markers(figure, set), true};
    put_curves(&all, terminal->markup, out);
    return ferror(out) ? assay_fail(ASSAY_EIO, "the script could not be written") : ASSAY_OK;
}

int assay_script_write(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, const char *name, FILE *out)
{
    return assay_script_write_sized(figure, set, terminal, name, 0, 0, out);
}
