/*
 * Tables in five formats. A sheet is what is printed: either the rows themselves or their means by
 * group; the writers at the end know formats and nothing of where a value comes from. Rows are
 * formatted as they are written, never all at once: a run may have millions.
 */
#include "plot/tabulate.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/status.h"
#include "core/suggest.h"
#include "plot/escape.h"
#include "plot/group.h"
#include "plot/summary.h"

typedef struct value {
    assay_datum datum; /* the entry, or the mean */
    bool mean;
    double half; /* of its interval; NaN with one unit */
    size_t units;
} value;

typedef struct sheet {
    const assay_table *rows;
    size_t *columns;    /* of the table; with groups: the `by` columns first, then the measures */
    size_t count, keys; /* how many columns, and how many of them are `by` */
    size_t lines;
    value *means;  /* lines x (count - keys); NULL: a line a row */
    size_t *first; /* a row of each group */
    int digits;
} sheet;

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for a table");
}

static bool is_number(const assay_datum *datum)
{
    return datum->kind == ASSAY_DATUM_NUMBER || datum->kind == ASSAY_DATUM_INTEGER;
}

/* --- what is printed -------------------------------------------------------------------------- */

static value value_at(const sheet *s, size_t line, size_t column)
{
    if (column >= s->keys && s->means)
        return s->means[line * (s->count - s->keys) + column - s->keys];
    size_t row = s->means ? s->first[line] : line;
    return (value){assay_table_get(s->rows, row, s->columns[column]), false, NAN, 1};
}

static const char *name_of(const sheet *s, size_t column)
{
    return assay_table_name(s->rows, s->columns[column]);
}

/* The kinds of entries in a column. */
static void survey(const assay_table *rows, size_t column, bool *numbers, bool *texts)
{
    *numbers = *texts = false;
    for (size_t row = 0; row < assay_table_rows(rows); row++) {
        assay_datum datum = assay_table_get(rows, row, column);
        *numbers = *numbers || is_number(&datum);
        *texts = *texts || datum.kind == ASSAY_DATUM_TEXT;
    }
}

static bool holds(const size_t *columns, size_t count, size_t column)
{
    for (size_t i = 0; i < count; i++)
        if (columns[i] == column)
            return true;
    return false;
}

static int find_all(
    const assay_table *rows, const char *const *names, size_t count, size_t *columns)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = assay_table_find(rows, names[i], &columns[i]);
    return status;
}

/* The measures that nobody named: numbers that are neither keys nor the names of units. */
static void default_measures(const assay_table *rows, const char *unit, sheet *s)
{
    for (size_t c = 0; c < assay_table_columns(rows); c++) {
        const char *name = assay_table_name(rows, c);
        bool numbers, texts;
        survey(rows, c, &numbers, &texts);
        if (numbers && !texts && !holds(s->columns, s->keys, c) && strcmp(name, "cell") != 0 &&
            strcmp(name, "replicate") != 0 && strcmp(name, unit) != 0)
            s->columns[s->count++] = c;
    }
}

static int choose_columns(
    const assay_table *rows, const assay_tabulate_options *options, const char *unit, sheet *s)
{
    size_t room = options->by_count + options->column_count + assay_table_columns(rows) + 1;
    s->columns = malloc(room * sizeof *s->columns);
    if (!s->columns)
        return no_memory();
    s->keys = s->count = options->by_count;
    int status = find_all(rows, options->by, options->by_count, s->columns);
    if (!status && options->column_count) {
        status = find_all(rows, options->columns, options->column_count, s->columns + s->keys);
        s->count += options->column_count;
    } else if (!status && s->keys) {
        default_measures(rows, unit, s);
    } else {
        for (size_t c = 0; c < assay_table_columns(rows); c++)
            s->columns[s->count++] = c;
    }
    for (size_t c = s->keys; c < s->count && s->keys && !status; c++) {
        bool numbers, texts;
        survey(rows, s->columns[c], &numbers, &texts);
        if (texts)
            status = assay_fail(ASSAY_EINVAL,
                "the column \"%s\" holds texts, which have no mean; name it among the columns to "
                "group by",
                name_of(s, c));
    }
    return status;
}

/* The means of one measure over all groups. */
static int mean_measure(const sheet *s, size_t measure, const size_t *group, const size_t *unit)
{
    size_t n = 0, rows = assay_table_rows(s->rows), count = 0, width = s->count - s->keys;
    assay_summary *summaries = NULL;
    assay_record *records = malloc((rows + 1) * sizeof *records);
    if (!records)
        return no_memory();
    for (size_t row = 0; row < rows; row++) {
        assay_datum datum = assay_table_get(s->rows, row, s->columns[s->keys + measure]);
        if (is_number(&datum) && isfinite(datum.number))
            records[n++] = (assay_record){group[row], unit[row], 0, datum.number};
    }
    int status = assay_summarise(records, n, ASSAY_BAND_CI95, &summaries, &count);
    for (size_t i = 0; i < count && !status; i++) {
        const assay_point *p = &summaries[i].point;
        s->means[summaries[i].group * width + measure] = (value){{ASSAY_DATUM_NUMBER, p->y, NULL},
            true, p->units > 1 ? (p->high - p->low) / 2 : NAN, p->units};
    }
    free(summaries);
    free(records);
    return status;
}

static int rank_units(const assay_table *rows, const char *unit, const size_t *all, size_t *rank)
{
    size_t column, distinct;
    if (assay_table_find(rows, unit, &column) == ASSAY_OK)
        return assay_group_rank(rows, column, all, assay_table_rows(rows), rank, &distinct);
    if (strcmp(unit, "replicate") != 0)
        return assay_table_find(rows, unit, &column); /* for its message */
    for (size_t row = 0; row < assay_table_rows(rows); row++)
        rank[row] = row;
    return ASSAY_OK;
}

/* Does the row name a group and log one of the measures? */
static bool belongs(const sheet *s, size_t row)
{
    bool logged = s->count == s->keys;
    for (size_t c = 0; c < s->count; c++) {
        bool there = assay_table_get(s->rows, row, s->columns[c]).kind != ASSAY_DATUM_MISSING;
        if (!there && c < s->keys)
            return false;
        logged = logged || (there && c >= s->keys);
    }
    return logged;
}

/* Leave out the groups to which only rows of other measures belong. */
static int drop_groups(sheet *s, const size_t *group)
{
    size_t width = s->count - s->keys, kept = 0;
    bool *real = calloc(s->lines + 1, sizeof *real);
    if (!real)
        return no_memory();
    for (size_t row = 0; row < assay_table_rows(s->rows); row++)
        real[group[row]] = real[group[row]] || belongs(s, row);
    for (size_t line = 0; line < s->lines; line++) {
        if (!real[line])
            continue;
        s->first[kept] = s->first[line];
        memmove(s->means + kept * width, s->means + line * width, width * sizeof *s->means);
        kept++;
    }
    s->lines = kept;
    free(real);
    return ASSAY_OK;
}

static int take_means(sheet *s, const char *unit)
{
    size_t n = assay_table_rows(s->rows), width = s->count - s->keys;
    size_t *all = malloc((3 * n + 1) * sizeof *all);
    if (!all)
        return no_memory();
    size_t *group = all + n, *units = group + n;
    for (size_t row = 0; row < n; row++)
        all[row] = row;
    int status = assay_group_rank_all(s->rows, s->columns, s->keys, all, n, group, &s->lines);
    if (!status)
        status = rank_units(s->rows, unit, all, units);
    if (!status) {
        s->means = calloc(s->lines * width + 1, sizeof *s->means);
        s->first = calloc(s->lines + 1, sizeof *s->first);
        status = s->means && s->first ? ASSAY_OK : no_memory();
    }
    for (size_t row = n; row-- > 0 && !status;)
        s->first[group[row]] = row;
    for (size_t m = 0; m < s->lines * width && !status; m++)
        s->means[m] = (value){{ASSAY_DATUM_MISSING, NAN, NULL}, true, NAN, 0};
    for (size_t m = 0; m < width && !status; m++)
        status = mean_measure(s, m, group, units);
    if (!status)
        status = drop_groups(s, group);
    free(all);
    return status;
}

/* --- numbers as text -------------------------------------------------------------------------- */

/* `digits` significant ones, without zeros behind them; 0: exact. */
static void number_text(const assay_datum *datum, int digits, char *out, size_t size)
{
    if (digits == 0 || datum->kind == ASSAY_DATUM_INTEGER || !isfinite(datum->number))
        assay_datum_text(datum, out, size);
    else
        snprintf(out, size, "%.*g", digits, datum->number);
}

/* Mean and half width with equal decimals: "0.342", "0.012". Both in powers of ten where decimals
 * would be many. */
static void mean_text(const value *v, int digits, char *mean, char *half, size_t size)
{
    half[0] = '\0';
    if (!isfinite(v->half)) {
        number_text(&v->datum, digits ? digits : 4, mean, size);
        return;
    }
    int significant = digits ? digits : 2;
    if (v->half == 0) {
        number_text(&v->datum, digits ? digits : 4, mean, size);
        snprintf(half, size, "0");
        return;
    }
    char rounded[64];
    snprintf(rounded, sizeof rounded, "%.*e", significant - 1, v->half);
    int exponent = (int)strtol(strchr(rounded, 'e') + 1, NULL, 10);
    int decimals = significant - 1 - exponent;
    if (decimals > 8 || exponent > 8) {
        double leading = v->datum.number != 0 ? fabs(v->datum.number) : v->half;
        int places = (int)floor(log10(leading)) + decimals;
        snprintf(mean, size, "%.*e", places < 0 ? 0 : places > 16 ? 16 : places, v->datum.number);
        snprintf(half, size, "%s", rounded);
        return;
    }
    decimals = decimals < 0 ? 0 : decimals;
    snprintf(mean, size, "%.*f", decimals, v->datum.number);
    snprintf(half, size, "%.*f", decimals, v->half);
}

/* "1.2e-05" as $1.2 \times 10^{-5}$, without the dollars. */
static void put_math(const char *number, FILE *out)
{
    const char *e = strpbrk(number, "e");
    if (strcmp(number, "nan") == 0)
        fputs("\\mathrm{NaN}", out);
    else if (strstr(number, "inf"))
        fputs(number[0] == '-' ? "-\\infty" : "\\infty", out);
    else if (e)
        fprintf(out, "%.*s \\times 10^{%ld}", (int)(e - number), number, strtol(e + 1, NULL, 10));
    else
        fputs(number, out);
}

static void put_number(const value *v, int digits, assay_markup markup, FILE *out)
{
    char mean[512], half[512] = "";
    if (v->mean)
        mean_text(v, digits, mean, half, sizeof mean);
    else
        number_text(&v->datum, digits ? digits : 4, mean, sizeof mean);
    if (markup != ASSAY_MARKUP_LATEX) {
        fprintf(out, "%s%s%s", mean, half[0] ? " ± " : "", half);
        return;
    }
    fputc('$', out);
    put_math(mean, out);
    fputs(half[0] ? " \\pm " : "", out);
    put_math(half, out);
    fputc('$', out);
}

/* A value for the eye. */
static void put_value(const value *v, int digits, assay_markup markup, FILE *out)
{
    if (v->datum.kind == ASSAY_DATUM_MISSING)
        fputs(markup == ASSAY_MARKUP_LATEX ? "--" : "-", out);
    else if (v->datum.kind == ASSAY_DATUM_TEXT)
        assay_escape(v->datum.text, markup, out);
    else
        put_number(v, digits, markup, out);
}

/* --- the formats ------------------------------------------------------------------------------ */

/* Numbers stand at the right of their column; a column with a text anywhere is a column of texts.
 */
static bool *right_columns(const sheet *s)
{
    bool *right = malloc(s->count + 1);
    for (size_t c = 0; right && c < s->count; c++) {
        bool numbers, texts;
        survey(s->rows, s->columns[c], &numbers, &texts);
        right[c] = numbers && !texts;
    }
    return right;
}

static int write_latex(const sheet *s, FILE *out)
{
    bool *right = right_columns(s);
    if (!right)
        return no_memory();
    fputs("% needs \\usepackage{booktabs}\n\\begin{tabular}{", out);
    for (size_t c = 0; c < s->count; c++)
        fputc(right[c] ? 'r' : 'l', out);
    fputs("}\n\\toprule\n", out);
    for (size_t c = 0; c < s->count; c++) {
        fputs(c ? " & " : "", out);
        assay_escape(name_of(s, c), ASSAY_MARKUP_LATEX, out);
    }
    fputs(" \\\\\n\\midrule\n", out);
    for (size_t line = 0; line < s->lines; line++) {
        for (size_t c = 0; c < s->count; c++) {
            value v = value_at(s, line, c);
            fputs(c ? " & " : "", out);
            put_value(&v, s->digits, ASSAY_MARKUP_LATEX, out);
        }
        fputs(" \\\\\n", out);
    }
    fputs("\\bottomrule\n\\end{tabular}\n", out);
    free(right);
    return ASSAY_OK;
}

static int write_markdown(const sheet *s, FILE *out)
{
    bool *right = right_columns(s);
    if (!right)
        return no_memory();
    for (size_t c = 0; c < s->count; c++) {
        fputs(c ? " | " : "| ", out);
        assay_escape(name_of(s, c), ASSAY_MARKUP_MARKDOWN, out);
    }
    fputs(" |\n", out);
    for (size_t c = 0; c < s->count; c++)
        fputs(right[c] ? "|---:" : "|:---", out);
    fputs("|\n", out);
    for (size_t line = 0; line < s->lines; line++) {
        for (size_t c = 0; c < s->count; c++) {
            value v = value_at(s, line, c);
            fputs(c ? " | " : "| ", out);
            put_value(&v, s->digits, ASSAY_MARKUP_MARKDOWN, out);
        }
        fputs(" |\n", out);
    }
    free(right);
    return ASSAY_OK;
}

/* One entry of a column of the text format as a string; line s->lines is the header. Caller frees.
 */
static char *text_at(const sheet *s, size_t line, size_t column)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return NULL;
    if (line == s->lines) {
        assay_escape(name_of(s, column), ASSAY_MARKUP_PLAIN, memory);
    } else {
        value v = value_at(s, line, column);
        put_value(&v, s->digits, ASSAY_MARKUP_PLAIN, memory);
    }
    fclose(memory);
    return text;
}

static int measure_widths(const sheet *s, size_t *widths)
{
    for (size_t c = 0; c < s->count; c++)
        for (size_t line = 0; line <= s->lines; line++) {
            char *text = text_at(s, line, c);
            if (!text)
                return no_memory();
            size_t width = assay_utf8_columns(text);
            widths[c] = width > widths[c] ? width : widths[c];
            free(text);
        }
    return ASSAY_OK;
}

static int write_text_line(
    const sheet *s, size_t line, const size_t *widths, const bool *right, FILE *out)
{
    for (size_t c = 0; c < s->count; c++) {
        char *text = text_at(s, line, c);
        if (!text)
            return no_memory();
        int pad = (int)(widths[c] - assay_utf8_columns(text));
        bool last = c + 1 == s->count; /* no blanks at the end of a line */
        fprintf(out, "%s%*s%s%*s", c ? "  " : "", right[c] ? pad : 0, "", text,
            right[c] || last ? 0 : pad, "");
        free(text);
    }
    fputc('\n', out);
    return ASSAY_OK;
}

static int write_text(const sheet *s, FILE *out)
{
    size_t *widths = calloc(s->count + 1, sizeof *widths);
    bool *right = right_columns(s);
    int status = widths && right ? measure_widths(s, widths) : no_memory();
    if (!status)
        status = write_text_line(s, s->lines, widths, right, out);
    for (size_t line = 0; line < s->lines && !status; line++)
        status = write_text_line(s, line, widths, right, out);
    free(widths);
    free(right);
    return status;
}

/* RFC 4180: quoted where it has to be. */
static void put_csv(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c; c++)
        fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, out);
    fputc('"', out);
}

static void put_csv_number(double number, int digits, FILE *out)
{
    char text[64];
    assay_datum datum = {ASSAY_DATUM_NUMBER, number, NULL};
    number_text(&datum, digits, text, sizeof text);
    fputs(text, out);
}

static void put_csv_value(const value *v, int digits, FILE *out)
{
    char text[64];
    if (v->datum.kind == ASSAY_DATUM_TEXT) {
        put_csv(v->datum.text, out);
    } else if (v->datum.kind != ASSAY_DATUM_MISSING) {
        number_text(&v->datum, digits, text, sizeof text);
        fputs(text, out);
    }
    if (!v->mean)
        return;
    fputc(',', out);
    if (isfinite(v->half))
        put_csv_number(v->half, digits, out);
    fprintf(out, ",%zu", v->units);
}

static void put_csv_name(const sheet *s, size_t column, const char *suffix, FILE *out)
{
    char *name = NULL;
    if (asprintf(&name, "%s%s", name_of(s, column), suffix) < 0)
        return;
    put_csv(name, out);
    free(name);
}

static int write_csv(const sheet *s, FILE *out)
{
    for (size_t c = 0; c < s->count; c++) {
        fputs(c ? "," : "", out);
        put_csv_name(s, c, "", out);
        if (s->means && c >= s->keys) {
            fputc(',', out);
            put_csv_name(s, c, "_ci95", out);
            fputc(',', out);
            put_csv_name(s, c, "_units", out);
        }
    }
    fputc('\n', out);
    for (size_t line = 0; line < s->lines; line++) {
        for (size_t c = 0; c < s->count; c++) {
            value v = value_at(s, line, c);
            fputs(c ? "," : "", out);
            put_csv_value(&v, s->digits, out);
        }
        fputc('\n', out);
    }
    return ASSAY_OK;
}

static int put_json_text(const char *text, FILE *out)
{
    json_t *string = json_string(text);
    char *clean = NULL;
    size_t size;
    if (!string) { /* not UTF-8 */
        FILE *memory = open_memstream(&clean, &size);
        if (memory) {
            assay_escape(text, ASSAY_MARKUP_PLAIN, memory);
            fclose(memory);
            string = json_string(clean);
        }
        free(clean);
    }
    int failed = !string || json_dumpf(string, out, JSON_ENCODE_ANY);
    json_decref(string);
    return failed ? no_memory() : ASSAY_OK;
}

static void put_json_number(double number, int digits, FILE *out)
{
    if (isfinite(number))
        put_csv_number(number, digits, out);
    else
        fputs("null", out);
}

static int put_json_value(const value *v, int digits, FILE *out)
{
    if (v->datum.kind == ASSAY_DATUM_TEXT)
        return put_json_text(v->datum.text, out);
    if (!v->mean) {
        put_json_number(v->datum.number, v->datum.kind == ASSAY_DATUM_INTEGER ? 0 : digits, out);
        return ASSAY_OK;
    }
    fputs("{\"mean\": ", out);
    put_json_number(v->datum.number, digits, out);
    fputs(", \"ci95\": ", out);
    put_json_number(v->half, digits, out);
    fprintf(out, ", \"units\": %zu}", v->units);
    return ASSAY_OK;
}

static int write_json(const sheet *s, FILE *out)
{
    int status = ASSAY_OK;
    fputs("[", out);
    for (size_t line = 0; line < s->lines && !status; line++) {
        fputs(line ? ",\n {" : "\n {", out);
        for (size_t c = 0; c < s->count && !status; c++) {
            value v = value_at(s, line, c);
            fputs(c ? ", " : "", out);
            status = put_json_text(name_of(s, c), out);
            fputs(": ", out);
            if (!status)
                status = put_json_value(&v, s->digits, out);
        }
        fputc('}', out);
    }
    fputs(s->lines ? "\n]\n" : "]\n", out);
    return status;
}

static const struct {
    const char *name;
    int (*write)(const sheet *sheet, FILE *out);
} formats[] = {
    {"text", write_text},
    {"latex", write_latex},
    {"csv", write_csv},
    {"markdown", write_markdown},
    {"json", write_json},
};

enum { FORMATS = sizeof formats / sizeof *formats };

static int find_format(const char *name, size_t *format)
{
    const char *known[FORMATS];
    char hint[256];
    for (size_t i = 0; i < FORMATS; i++) {
        known[i] = formats[i].name;
        *format = i;
        if (strcmp(name, known[i]) == 0)
            return ASSAY_OK;
    }
    assay_suggest(name, known, FORMATS, hint, sizeof hint);
    return assay_fail(ASSAY_EINVAL, "tables have no format \"%s\"%s", name, hint);
}

int assay_tabulate_check_format(const char *name)
{
    size_t format;
    return find_format(name, &format);
}

const char *assay_tabulate_format_of(const char *path)
{
    static const char *const endings[][2] = {
        {".tex", "latex"}, {".md", "markdown"}, {".json", "json"}, {".txt", "text"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcmp(dot, endings[i][0]) == 0)
            return endings[i][1];
    return "csv";
}

int assay_tabulate_file(const assay_table *rows, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return no_memory();
    int status = assay_tabulate(
        rows, &(assay_tabulate_options){.format = assay_tabulate_format_of(path)}, out);
    if (fclose(out) != 0 && status == ASSAY_OK)
        status = no_memory();
    if (status == ASSAY_OK)
        status = assay_file_write(AT_FDCWD, path, text, size, 0666);
    free(text);
    return status;
}

int assay_tabulate(const assay_table *rows, const assay_tabulate_options *options, FILE *out)
{
    size_t format;
    const char *unit = options->unit ? options->unit : "replicate";
    int status = find_format(options->format ? options->format : "text", &format);
    if (status)
        return status;
    if (options->digits < 0 || options->digits > 17)
        return assay_fail(
            ASSAY_EINVAL, "the digits of a table must be in 1..17, got %d", options->digits);
    sheet s = {.rows = rows, .lines = assay_table_rows(rows), .digits = options->digits};
    status = choose_columns(rows, options, unit, &s);
    if (!status && s.keys)
        status = take_means(&s, unit);
    if (!status)
        status = formats[format].write(&s, out);
    if (!status && (fflush(out) || ferror(out)))
        status = assay_fail(ASSAY_EIO, "the table could not be written");
    free(s.columns);
    free(s.means);
    free(s.first);
    return status;
}
