/*
 * Comma-separated values.
 *
 * The file is read whole and walked once: a plain number goes straight from its bytes into its
 * column, anything else (quotes, spaces, texts, signs, missing entries) is cut out and looked at. A
 * column's type depends on all of its entries, so that columns that turn out to be of texts are
 * walked a second time. A library that calls back for every field took four times as long as
 * pandas' reader; this takes a tenth to a quarter of it.
 */
#include "data/csv.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/status.h"
#include "data/decimal.h"
#include "data/input.h"

/* Zeros behind the file's bytes; bytes read at once; numbers in a block; how many more than its row
 * has take_integers may write. */
enum { AHEAD = 64, CHUNK = 1 << 18, BLOCK = 1 << 17, BEYOND = 32 };

enum type { INTEGERS, NUMBERS, TEXTS };

typedef struct reader {
    const char *path;
    int status;
    char *bytes;
    const char *at, *end; /* where the reader stands */
    size_t line;          /* of what is read */
    size_t row_line;      /* where the current row began */
    size_t line_ends;     /* LF and CR in the file */
    char *text;           /* the last field that was cut out, with its NUL */
    size_t text_size, text_room;
    bool quoted; /* that field was */
    locale_t plain;

    char **names; /* of the columns; 0 of them: the header has not been read */
    size_t columns;
    double *numbers; /* column by column, `room` of each */
    double *block;   /* of the last rows, row by row */
    size_t block_rows;
    enum type *types;
    size_t rows, room;
    size_t *missing; /* row * columns + column */
    size_t missing_count, missing_room;
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

static void fail_memory(reader *r)
{
    if (r->status == ASSAY_OK)
        r->status = assay_fail(ASSAY_ENOMEM, "%s: out of memory", r->path);
}

/* Room for `needed` things in a growing array. */
static bool grow(reader *r, void *array, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return true;
    size_t wanted = *room ? *room : 64;
    while (wanted < needed)
        wanted *= 2;
    void *kept, *grown;
    memcpy(&kept, array, sizeof kept);
    grown = wanted <= PTRDIFF_MAX / size ? realloc(kept, wanted * size) : NULL;
    if (!grown) {
        fail_memory(r);
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

/* ---- bytes ---- */

/* Memory that is worth large pages, without which its first touch costs more than reading it. */
static void *large(size_t size)
{
    enum { PAGE = 1 << 21 };
    if (size < 2 * PAGE)
        return malloc(size);
    size = (size + PAGE - 1) / PAGE * PAGE;
    void *memory = aligned_alloc(PAGE, size);
#ifdef MADV_HUGEPAGE
    if (memory)
        madvise(memory, size, MADV_HUGEPAGE); /* advice: it may fail */
#endif
    return memory;
}

/* How many LF and CR there are. */
static size_t count_line_ends(const char *p, size_t size)
{
    size_t count = 0, i = 0;
#ifdef __SSE2__
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r'), zero = _mm_setzero_si128();
    while (size - i >= 16) {
        __m128i sums = zero;
        for (size_t left = 255; left > 0 && size - i >= 16; left--, i += 16) {
            const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
            sums = _mm_sub_epi8(sums, _mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, cr)));
        }
        const __m128i halves = _mm_sad_epu8(sums, zero);
        count += (size_t)(_mm_cvtsi128_si32(halves) + _mm_extract_epi16(halves, 4));
    }
#endif
    for (; i < size; i++)
        count += p[i] == '\n' || p[i] == '\r';
    return count;
}

static void read_bytes(reader *r, FILE *file)
{
    struct stat about;
    size_t size = 0, room = 1 << 16;
    if (fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0)
        room = (size_t)about.st_size + AHEAD + 1;
    r->bytes = large(room);
    if (!r->bytes)
        fail_memory(r);
    while (r->status == ASSAY_OK) {
        if (size + AHEAD == room && !grow(r, &r->bytes, &room, 2 * room, 1))
            return;
        const size_t left = room - AHEAD - size;
        const size_t got = fread(r->bytes + size, 1, left < CHUNK ? left : CHUNK, file);
        if (ferror(file))
            r->status = assay_fail(ASSAY_EIO, "%s: %s", r->path, strerror(errno));
        r->line_ends += count_line_ends(r->bytes + size, got);
        size += got;
        if (got == 0)
            break;
    }
    if (r->status)
        return;
    memset(r->bytes + size, 0, AHEAD);
    r->at = r->bytes;
    r->end = r->bytes + size;
    if (size >= 3 && memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0)
        r->at += 3;
}

/* ---- fields and rows ---- */

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static const char *behind_spaces(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

/* LF, CRLF or CR at p */
static const char *behind_line(reader *r, const char *p)
{
    r->line++;
    return p + 1 + (p[0] == '\r' && p + 1 < r->end && p[1] == '\n');
}

static void keep_text(reader *r, const char *from, size_t size)
{
    if (!grow(r, &r->text, &r->text_room, r->text_size + size + 1, 1))
        return;
    memcpy(r->text + r->text_size, from, size);
    r->text_size += size;
    r->text[r->text_size] = '\0';
}

static void cut_quoted(reader *r)
{
    const char *p = r->at + 1, *start = p;
    for (;;) {
        while (p < r->end && *p != '"' && !ends_line(*p))
            p++;
        if (p == r->end) {
            fail_format(r, "the quote that opens in this row is never closed");
            return;
        }
        if (ends_line(*p)) {
            p = behind_line(r, p);
            continue;
        }
        keep_text(r, start, (size_t)(p - start) + (p[1] == '"')); /* of two quotes the first */
        if (p[1] != '"')
            break;
        start = p += 2;
    }
    r->at = behind_spaces(p + 1, r->end);
    if (r->at < r->end && *r->at != ',' && !ends_line(*r->at))
        fail_format(r, "a quote within a field, or text behind a closing quote");
}

static void cut_unquoted(reader *r)
{
    const char *p = r->at, *last;
    while (p < r->end && *p != ',' && *p != '"' && !ends_line(*p))
        p++;
    if (p < r->end && *p == '"') {
        fail_format(r, "a quote within a field, or text behind a closing quote");
        return;
    }
    for (last = p; last > r->at && is_space(last[-1]); last--)
        continue;
    keep_text(r, r->at, (size_t)(last - r->at));
    r->at = p;
}

/* The field at r->at into r->text; r->at is then at what ended it: a comma, a line's end, the end.
 */
static void cut_field(reader *r)
{
    r->at = behind_spaces(r->at, r->end);
    r->text_size = 0;
    r->quoted = r->at < r->end && *r->at == '"';
    if (r->quoted)
        cut_quoted(r);
    else
        cut_unquoted(r);
    if (r->status == ASSAY_OK && memchr(r->text, 0, r->text_size))
        fail_format(r, "a field holds a NUL byte; is this a text file?");
}

/* To the first field of the next row that is not blank; false: there is none. */
static bool next_row(reader *r)
{
    for (;;) {
        const char *p = behind_spaces(r->at, r->end);
        if (p == r->end)
            return false;
        r->row_line = r->line;
        if (!ends_line(*p))
            return true;
        r->at = behind_line(r, p);
    }
}

/* Behind a field: is there another in this row? */
static bool next_field(reader *r)
{
    if (r->at == r->end)
        return false;
    if (*r->at == ',') {
        r->at++;
        return true;
    }
    r->at = behind_line(r, r->at);
    return false;
}

static void read_header(reader *r)
{
    size_t room = 0;
    if (!next_row(r)) {
        r->status =
            assay_fail(ASSAY_EFORMAT, "%s: is empty; its first row must name the columns", r->path);
        return;
    }
    do {
        cut_field(r);
        if (r->status || !grow(r, &r->names, &room, r->columns + 1, sizeof *r->names))
            return;
        r->names[r->columns] = strdup(r->text);
        if (!r->names[r->columns])
            fail_memory(r);
        else
            r->columns++;
    } while (r->status == ASSAY_OK && next_field(r));
}

/* ---- what an entry is ---- */

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
static bool is_number(locale_t plain, const char *text)
{
    const char *digits = text + (*text == '-');
    if (*text == '+')
        return isalnum((unsigned char)text[1]) && is_number(plain, text + 1);
    if (is_integer(text) || strcasecmp(digits, "inf") == 0 || strcmp(text, "-0") == 0)
        return true;
    size_t length = strspn(digits, "0123456789");
    if (digits[length] == '\0' || (digits[0] == '0' && length > 1) || strspn(digits, "+-") > 0 ||
        strspn(digits, "0123456789.eE+-") != strlen(digits))
        return false;
    char *end;
    double number = strtod_l(digits, &end, plain);
    return *end == '\0' && end != digits && isfinite(number);
}

/* ---- the columns ---- */

/* Rows are at most as many as line ends, and none has fewer bytes than columns. */
static void make_columns(reader *r)
{
    const size_t lines = r->line_ends + 1;
    const size_t most = (size_t)(r->end - r->at) / r->columns + 1;
    r->room = lines < most ? lines : most;
    r->block_rows = BLOCK / r->columns > 0 ? BLOCK / r->columns : 1;
    r->numbers = large(r->columns * r->room * sizeof *r->numbers);
    r->block = malloc((r->block_rows * r->columns + BEYOND) * sizeof *r->block);
    r->types = calloc(r->columns, sizeof *r->types);
    if (!r->numbers || !r->block || !r->types)
        fail_memory(r);
}

/* What decimal_number left, already in r->text. */
static void take_entry(reader *r, size_t column, double *number)
{
    if (!r->quoted && is_missing(r->text)) {
        if (grow(r, &r->missing, &r->missing_room, r->missing_count + 1, sizeof *r->missing))
            r->missing[r->missing_count++] = r->rows * r->columns + column;
        return;
    }
    const bool is_one = !r->quoted && is_number(r->plain, r->text);
    const enum type type = !is_one ? TEXTS : (is_integer(r->text) ? INTEGERS : NUMBERS);
    if (type > r->types[column])
        r->types[column] = type;
    if (is_one)
        *number = strtod_l(r->text, NULL, r->plain);
}

#ifdef __SSE2__

/* Which of 64 bytes are digits, digits 0, and commas, the first in the lowest bit. */
static void classify(const char *p, uint64_t *digits, uint64_t *zeros, uint64_t *commas)
{
    const __m128i nought = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9), comma = _mm_set1_epi8(',');
    uint64_t d = 0, z = 0, c = 0;
    for (int i = 0; i < 4; i++) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        const __m128i from = _mm_sub_epi8(x, nought);
        const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(from, nine), from);
        d |= (uint64_t)(unsigned)_mm_movemask_epi8(digit) << (16 * i);
        z |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, nought)) << (16 * i);
        c |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, comma)) << (16 * i);
    }
    *digits = d;
    *zeros = z;
    *commas = c;
}

/* Integers of up to eight digits without a sign, each with a comma behind it, within the 64 bytes
 * at *at, into row[0] and on (at most BEYOND of them); returns how many. That commas are known
 * before any number is lets a processor work at several at a time. */
static size_t take_integers(const char **at, double *restrict row)
{
    const char *p = *at;
    uint64_t digits, zeros, commas;
    classify(p, &digits, &zeros, &commas);
    const uint64_t starts = commas << 1 | 1;
    uint64_t nines = digits & digits >> 1; /* where runs of nine digits begin */
    nines &= nines >> 2;
    nines &= nines >> 4;
    nines &= digits >> 8;
    const uint64_t others =
        ~(digits | commas) | (starts & commas) | (starts & zeros & digits >> 1) | nines;
    if (others)
        commas &= (others & -others) - 1;
    size_t count = 0;
    unsigned start = 0;
    for (; commas; commas &= commas - 1) {
        const unsigned end = (unsigned)__builtin_ctzll(commas);
        uint64_t bytes;
        memcpy(&bytes, p + start, sizeof bytes);
        bytes ^= 0x3030303030303030;
        row[count++] = (double)(int64_t)decimal_eight(bytes << (64 - 8 * (end - start)));
        start = end + 1;
    }
    *at = p + start;
    return count;
}

#else

static size_t take_integers(const char **at, double *restrict row)
{
    (void)at;
    (void)row;
    return 0;
}

#endif

/* Plain numbers, from field `column` on, into `row`, until something else comes (which r->at is
 * then at) or the line ends (which sets *ended). Returns how many fields of the row are done. */
static size_t take_numbers(reader *r, size_t column, double *restrict row, bool *ended)
{
    const char *at = r->at;
    enum type *const types = r->types;
    const size_t columns = r->columns;
    bool whole = true;
    *ended = false;
    while (column < columns) {
        if (whole && types[column] == INTEGERS) {
            const size_t taken = take_integers(&at, row + column);
            column += taken;
            if (column >= columns)
                break;
        }
        const char *behind = decimal_number(at, &row[column], &whole);
        if (!behind || (*behind != ',' && !ends_line(*behind)))
            break;
        if (!whole && types[column] == INTEGERS)
            types[column] = NUMBERS;
        column++;
        at = behind + 1;
        if (*behind != ',') {
            at = behind_line(r, behind);
            *ended = true;
            break;
        }
    }
    r->at = at;
    return column;
}

/* One row into the block; returns how many fields it has. */
static size_t take_row(reader *r, double *row)
{
    for (size_t column = 0;;) {
        bool ended;
        column = take_numbers(r, column, row, &ended);
        if (ended)
            return column;
        cut_field(r);
        if (r->status == ASSAY_OK && column < r->columns)
            take_entry(r, column, &row[column]);
        column++;
        if (r->status || !next_field(r))
            return column;
    }
}

/* The last `count` rows from the block into the columns, eight columns at a time. */
static void move_block(reader *r, size_t count)
{
    enum { SIDE = 8 };
    const size_t before = r->rows - count;
    for (size_t first = 0; first < r->columns; first += SIDE) {
        const size_t beyond = first + SIDE < r->columns ? first + SIDE : r->columns;
        for (size_t c = first; c < beyond; c++)
            for (size_t row = 0; row < count; row++)
                r->numbers[c * r->room + before + row] = r->block[row * r->columns + c];
    }
}

static void read_rows(reader *r)
{
    size_t in_block = 0;
    while (r->status == ASSAY_OK && next_row(r)) {
        const size_t fields = take_row(r, r->block + in_block * r->columns);
        if (r->status == ASSAY_OK && fields != r->columns)
            fail_format(r, "this row has %zu fields where the header has %zu", fields, r->columns);
        r->rows++;
        if (++in_block == r->block_rows) {
            move_block(r, in_block);
            in_block = 0;
        }
    }
    move_block(r, in_block);
}

static int name_columns(const reader *r, assay_table *table)
{
    for (size_t i = 0; i < r->columns; i++) {
        size_t at;
        if (*r->names[i] == '\0')
            return assay_fail(ASSAY_EFORMAT, "%s: column %zu has no name", r->path, i + 1);
        const int status = assay_table_column(table, r->names[i], &at);
        if (status)
            return status;
        if (at != i)
            return assay_fail(ASSAY_EFORMAT, "%s: columns %zu and %zu are both named \"%s\"",
                r->path, at + 1, i + 1, r->names[i]);
    }
    return ASSAY_OK;
}

/* Each column with all its entries, but for texts, which are missing still. */
static int give_numbers(reader *r, assay_table *table)
{
    static const assay_datum_kind kind_of[] = {
        ASSAY_DATUM_INTEGER, ASSAY_DATUM_NUMBER, ASSAY_DATUM_MISSING};
    assay_datum_kind *kinds = malloc(r->columns * sizeof *kinds);
    if (!kinds)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", r->path);
    for (size_t i = 0; i < r->columns; i++)
        kinds[i] = kind_of[r->types[i]];
    assay_table_give(table, kinds, r->rows, r->room, r->numbers);
    free(kinds);
    r->numbers = NULL;
    for (size_t i = 0; i < r->missing_count; i++) {
        const size_t at = r->missing[i];
        if (assay_table_clear(table, at / r->columns, at % r->columns))
            return ASSAY_ENOMEM;
    }
    return ASSAY_OK;
}

/* The second walk, for columns of texts. */
static int give_texts(reader *r, assay_table *table)
{
    int status = ASSAY_OK;
    for (size_t row = 0; status == ASSAY_OK && next_row(r); row++) {
        size_t column = 0;
        do {
            cut_field(r);
            if (r->status == ASSAY_OK && r->types[column] == TEXTS &&
                (r->quoted || !is_missing(r->text)))
                status = assay_table_put_text(table, row, column, r->text);
            column++;
        } while (status == ASSAY_OK && r->status == ASSAY_OK && next_field(r));
        if (r->status != ASSAY_OK)
            status = r->status;
    }
    return status;
}

static int fill_table(reader *r, const char *body, assay_table *table)
{
    bool texts = false;
    for (size_t i = 0; i < r->columns; i++)
        texts = texts || r->types[i] == TEXTS;
    int status = name_columns(r, table);
    if (status == ASSAY_OK)
        status = give_numbers(r, table);
    r->at = body;
    return status == ASSAY_OK && texts ? give_texts(r, table) : status;
}

static void drop(reader *r)
{
    for (size_t i = 0; r->names && i < r->columns; i++)
        free(r->names[i]);
    free(r->names);
    free(r->numbers);
    free(r->block);
    free(r->types);
    free(r->missing);
    free(r->text);
    free(r->bytes);
    if (r->plain)
        freelocale(r->plain);
}

int assay_csv_read(const char *path, assay_table **out)
{
    reader r = {.path = path, .line = 1, .row_line = 1};
    assay_table *table = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    setvbuf(file, NULL, _IONBF, 0);
    r.status = assay_input_refuse_gzip(file, path);
    if (r.status == ASSAY_OK)
        read_bytes(&r, file);
    fclose(file);
    r.plain = newlocale(LC_ALL_MASK, "C", NULL);
    if (!r.plain)
        fail_memory(&r);
    if (r.status == ASSAY_OK)
        read_header(&r);
    const char *const body = r.at;
    if (r.status == ASSAY_OK)
        make_columns(&r);
    if (r.status == ASSAY_OK)
        read_rows(&r);
    if (r.status == ASSAY_OK) {
        table = assay_table_new();
        if (!table)
            fail_memory(&r);
        else
            r.status = fill_table(&r, body, table);
    }
    if (r.status == ASSAY_OK) {
        *out = table;
        table = NULL;
    }
    assay_table_free(table);
    drop(&r);
    return r.status;
}

/* ------------------------------------------------------------------ writing */

static bool needs_quotes(locale_t plain, const char *text)
{
    size_t length = strlen(text);
    return is_missing(text) || is_number(plain, text) || strpbrk(text, ",\"\r\n") ||
           text[0] == ' ' || text[0] == '\t' || text[length - 1] == ' ' || text[length - 1] == '\t';
}

static void write_text(FILE *out, locale_t plain, const char *text)
{
    if (!needs_quotes(plain, text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, '\0'}, out);
    fputc('"', out);
}

static void write_entry(FILE *out, locale_t plain, const assay_datum *entry, bool alone)
{
    char number[64];
    if (entry->kind == ASSAY_DATUM_TEXT) {
        write_text(out, plain, entry->text);
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
    const locale_t plain = newlocale(LC_ALL_MASK, "C", NULL);
    if (!plain)
        return assay_fail(ASSAY_ENOMEM, "csv: out of memory");
    for (size_t i = 0; i < columns; i++) {
        fputs(i ? "," : "", out);
        write_text(out, plain, assay_table_name(table, i));
    }
    fputc('\n', out);
    for (size_t row = 0; row < assay_table_rows(table); row++) {
        for (size_t i = 0; i < columns; i++) {
            assay_datum entry = assay_table_get(table, row, i);
            fputs(i ? "," : "", out);
            write_entry(out, plain, &entry, columns == 1);
        }
        fputc('\n', out);
    }
    freelocale(plain);
    if (fflush(out) != 0 || ferror(out))
        return assay_fail(ASSAY_EIO, "csv: cannot write: %s", strerror(errno));
    return ASSAY_OK;
}
