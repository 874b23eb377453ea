/*
 * Comma-separated values by libcsv.
 *
 * Bytes are fed to libcsv one at a time. It has no other way of telling that a field was quoted,
 * which decides between the text "NA" and a missing entry, and on which line a row began. A
 * column's type depends on all of its entries, so that the fields are kept as text until the file
 * has been read.
 */
#include "data/csv.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <csv.h>

#include "core/status.h"

typedef struct field {
    size_t text; /* offset into the reader's texts */
    bool quoted;
} field;

typedef struct reader {
    const char *path;
    struct csv_parser parser;
    int status;
    char *texts; /* all fields' texts, each with its NUL */
    size_t text_size, text_room;
    field *fields; /* row by row, the header's first */
    size_t count, room;
    size_t columns;  /* 0: the header has not ended */
    size_t in_row;   /* fields of the current row so far */
    size_t line;     /* of the byte that is being read */
    size_t row_line; /* where the current row began */
    bool in_a_row;
    unsigned char previous; /* byte */
    bool quoted;            /* the field that is being read */
} reader;

__attribute__((format(printf, 2, 3))) static void fail_format(reader *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (r->status == ASSAY_OK)
        r->status = assay_fail(ASSAY_EFORMAT, "%s:%zu: %s", r->path, r->row_line, text);
}

static void *grow(reader *r, void *memory, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return memory;
    size_t wanted = *room ? *room : 1024;
    while (wanted < needed)
        wanted *= 2;
    void *grown = realloc(memory, wanted * size);
    if (grown)
        *room = wanted;
    else
        r->status = assay_fail(ASSAY_ENOMEM, "%s: out of memory", r->path);
    return grown ? grown : memory;
}

static void take_field(void *text, size_t length, void *context)
{
    reader *r = context;
    if (r->status)
        return;
    if (length > 0 && memchr(text, 0, length)) {
        fail_format(r, "a field holds a NUL byte; is this a text file?");
        return;
    }
    r->texts = grow(r, r->texts, &r->text_room, r->text_size + length + 1, 1);
    r->fields = grow(r, r->fields, &r->room, r->count + 1, sizeof *r->fields);
    if (r->status)
        return;
    r->fields[r->count++] = (field){r->text_size, r->quoted};
    if (length > 0)
        memcpy(r->texts + r->text_size, text, length);
    r->text_size += length;
    r->texts[r->text_size++] = '\0';
    r->in_row++;
}

static void end_row(int terminator, void *context)
{
    (void)terminator;
    reader *r = context;
    r->in_a_row = false;
    if (r->status)
        return;
    if (r->columns == 0)
        r->columns = r->in_row;
    else if (r->in_row != r->columns)
        fail_format(r, "this row has %zu fields where the header has %zu", r->in_row, r->columns);
    r->in_row = 0;
}

/* A line ends behind LF, and behind CR that no LF follows; a row begins with its first byte that
 * does not end a line. */
static void feed(reader *r, unsigned char byte)
{
    if (r->previous == '\n' || (r->previous == '\r' && byte != '\n'))
        r->line++;
    r->previous = byte;
    if (!r->in_a_row && byte != '\n' && byte != '\r') {
        r->in_a_row = true;
        r->row_line = r->line;
    }
    r->quoted = r->parser.quoted != 0;
    if (csv_parse(&r->parser, &byte, 1, take_field, end_row, r) == 1)
        return;
    if (csv_error(&r->parser) == CSV_EPARSE)
        fail_format(r, "a quote within a field, or text behind a closing quote");
    else
        r->status =
            assay_fail(ASSAY_ENOMEM, "%s: %s", r->path, csv_strerror(csv_error(&r->parser)));
}

static void finish(reader *r)
{
    r->quoted = r->parser.quoted != 0;
    if (csv_fini(&r->parser, take_field, end_row, r) != 0)
        fail_format(r, "the quote that opens in this row is never closed");
    if (r->status == ASSAY_OK && r->columns == 0)
        r->status =
            assay_fail(ASSAY_EFORMAT, "%s: is empty; its first row must name the columns", r->path);
}

static void read_fields(reader *r, FILE *file)
{
    static const char mark[] = "\xef\xbb\xbf";
    unsigned char bytes[65536];
    bool first = true;
    while (r->status == ASSAY_OK) {
        size_t got = fread(bytes, 1, sizeof bytes, file);
        size_t start = first && got >= 3 && memcmp(bytes, mark, 3) == 0 ? 3 : 0;
        first = false;
        for (size_t i = start; i < got && r->status == ASSAY_OK; i++)
            feed(r, bytes[i]);
        if (ferror(file))
            r->status = assay_fail(ASSAY_EIO, "%s: %s", r->path, strerror(errno));
        if (got == 0)
            break;
    }
    if (r->status == ASSAY_OK)
        finish(r);
}

static bool is_missing(const char *text)
{
    return *text == '\0' || strcasecmp(text, "na") == 0 || strcasecmp(text, "nan") == 0;
}

/* -?(0|[1-9][0-9]*), at most 2^53 in size. */
static bool is_integer(const char *text)
{
    const char *digits = text + (*text == '-');
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || digits[length] != '\0' || (digits[0] == '0' && length > 1) || length > 16)
        return false;
    long long size = strtoll(digits, NULL, 10);
    return size <= 1LL << 53 && !(size == 0 && digits != text);
}

/* Decimal numbers and infinities; "007" and integers that doubles do not hold are texts. */
static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-');
    if (*text == '+')
        return isalnum((unsigned char)text[1]) && is_number(text + 1);
    if (is_integer(text) || strcasecmp(digits, "inf") == 0 || strcmp(text, "-0") == 0)
        return true;
    size_t length = strspn(digits, "0123456789");
    if (digits[length] == '\0' || (digits[0] == '0' && length > 1) || strspn(digits, "+-") > 0 ||
        strspn(digits, "0123456789.eE+-") != strlen(digits))
        return false;
    char *end;
    double number = strtod(digits, &end);
    return *end == '\0' && end != digits && isfinite(number);
}

enum type { INTEGERS, NUMBERS, TEXTS };

static enum type type_of_column(const reader *r, size_t column)
{
    enum type type = INTEGERS;
    for (size_t i = r->columns + column; i < r->count && type != TEXTS; i += r->columns) {
        const char *text = r->texts + r->fields[i].text;
        if (r->fields[i].quoted)
            type = TEXTS;
        else if (is_missing(text))
            continue;
        else if (!is_number(text))
            type = TEXTS;
        else if (!is_integer(text))
            type = NUMBERS;
    }
    return type;
}

static int add_columns(reader *r, assay_table *table, enum type *types)
{
    for (size_t i = 0; i < r->columns; i++) {
        const char *name = r->texts + r->fields[i].text;
        size_t at;
        if (*name == '\0')
            return assay_fail(ASSAY_EFORMAT, "%s: column %zu has no name", r->path, i + 1);
        int status = assay_table_column(table, name, &at);
        if (status)
            return status;
        if (at != i)
            return assay_fail(ASSAY_EFORMAT, "%s: columns %zu and %zu are both named \"%s\"",
                r->path, at + 1, i + 1, name);
        types[i] = type_of_column(r, i);
    }
    return ASSAY_OK;
}

static int set_entry(assay_table *table, size_t column, enum type type, const char *text)
{
    if (type == TEXTS)
        return assay_table_set_text(table, column, text);
    if (type == INTEGERS)
        return assay_table_set_integer(table, column, strtoll(text, NULL, 10));
    return assay_table_set_number(table, column, strtod(text, NULL));
}

static int fill_table(reader *r, assay_table *table)
{
    enum type *types = calloc(r->columns, sizeof *types);
    if (!types)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", r->path);
    int status = add_columns(r, table, types);
    for (size_t i = r->columns; i < r->count && !status; i++) {
        size_t column = i % r->columns;
        const char *text = r->texts + r->fields[i].text;
        if (column == 0)
            status = assay_table_append(table);
        if (!status && (r->fields[i].quoted || !is_missing(text)))
            status = set_entry(table, column, types[column], text);
    }
    free(types);
    return status;
}

int assay_csv_read(const char *path, assay_table **out)
{
    reader r = {.path = path, .line = 1, .row_line = 1};
    assay_table *table = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    if (csv_init(&r.parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        fclose(file);
        return assay_fail(ASSAY_EIO, "%s: libcsv does not start", path);
    }
    read_fields(&r, file);
    if (r.status)
        goto cleanup;
    table = assay_table_new();
    r.status = table ? fill_table(&r, table) : assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    if (r.status == ASSAY_OK) {
        *out = table;
        table = NULL;
    }
cleanup:
    assay_table_free(table);
    csv_free(&r.parser);
    free(r.texts);
    free(r.fields);
    fclose(file);
    return r.status;
}

/* ------------------------------------------------------------------ writing */

static bool needs_quotes(const char *text)
{
    size_t length = strlen(text);
    return is_missing(text) || is_number(text) || strpbrk(text, ",\"\r\n") || text[0] == ' ' ||
           text[0] == '\t' || text[length - 1] == ' ' || text[length - 1] == '\t';
}

static void write_text(FILE *out, const char *text)
{
    if (needs_quotes(text))
        csv_fwrite(out, text, strlen(text));
    else
        fputs(text, out);
}

static void write_entry(FILE *out, const assay_datum *entry, bool alone)
{
    char number[64];
    if (entry->kind == ASSAY_DATUM_TEXT) {
        write_text(out, entry->text);
    } else if (entry->kind == ASSAY_DATUM_MISSING) {
        fputs(alone ? "NA" : "", out);
    } else if (isnan(entry->number)) {
        fputs("NaN", out);
    } else {
        assay_datum_text(entry, number, sizeof number);
        fputs(number, out);
    }
}

int assay_csv_write(FILE *out, const assay_table *table)
{
    size_t columns = assay_table_columns(table);
    for (size_t i = 0; i < columns; i++) {
        fputs(i ? "," : "", out);
        write_text(out, assay_table_name(table, i));
    }
    fputc('\n', out);
    for (size_t row = 0; row < assay_table_rows(table); row++) {
        for (size_t i = 0; i < columns; i++) {
            assay_datum entry = assay_table_get(table, row, i);
            fputs(i ? "," : "", out);
            write_entry(out, &entry, columns == 1);
        }
        fputc('\n', out);
    }
    if (fflush(out) != 0 || ferror(out))
        return assay_fail(ASSAY_EIO, "csv: cannot write: %s", strerror(errno));
    return ASSAY_OK;
}
