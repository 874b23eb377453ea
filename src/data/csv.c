/*
 * Comma-separated values.
 *
 * The file is walked once, through a window that holds whole rows and stays in the processor's
 * cache: rows of plain numbers, of which most have fractions, are taken by vectors where the
 * processor has them (csv_plain.h); else a plain number goes straight from its bytes into its
 * column, and anything else (quotes, spaces, texts, signs, missing entries) is cut out and looked
 * at. A column's type depends on all of its entries, so that columns that turn out to be of texts
 * are walked a second time; what can't be read twice, a pipe, is held whole. A library that calls
 * back for every field took four times as long as pandas' reader; this takes about a tenth of it, a
 * third of which is copying bytes out of the system and fresh pages. Pandas rounds doubles without
 * care, where every one here is the nearest.
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
#include "data/csv_plain.h"
#include "data/decimal.h"
#include "data/input.h"

/* Zeros behind the window's bytes; bytes of a window; numbers in a block; how many more than its
 * row has take_integers may write. */
enum { AHEAD = 64, WINDOW = 1 << 18, BLOCK = 1 << 15, BEYOND = 32 };

/* Of reader.status: the row does not end within the window. */
enum { CUT_ROW = 1 };

enum type { INTEGERS, NUMBERS, TEXTS };

typedef struct reader {
    const char *path;
    const assay_progress *progress;
    int status;
    FILE *file;
    bool once;              /* it can't be read twice */
    bool again;             /* it is */
    bool all;               /* its end is in the window */
    uint64_t size, fetched; /* of the file, 0: unknown; bytes that were in the window so far */
    char *bytes;            /* the window */
    size_t filled, space;   /* bytes in it and room for them; AHEAD zeros follow */
    const char *at, *end;   /* where the reader stands, behind which line */
    size_t line;            /* of what is read */
    size_t row_line;        /* where the current row began */
    const char *body;       /* behind the header, in a window that holds all */
    size_t body_line;
    char *text; /* the last field that was cut out, with its NUL */
    size_t text_size, text_room;
    bool quoted; /* that field was */
    locale_t plain;

    char **names; /* of the columns; 0 of them: the header has not been read */
    size_t columns, names_room;
    double *numbers; /* column by column, `room` of each */
    double *block;   /* of the last rows, row by row */
    size_t block_rows;
    unsigned char *types; /* of enum type */
    size_t rows, room;
    assay_csv_plain_take *plain_rows; /* NULL: the processor has none */
    size_t pause, paused;             /* rows for which it is not tried */
    size_t *missing;                  /* row * columns + column */
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

/* Behind the last line in the window. A CR is a line's end if no LF follows. */
static const char *behind_last_line(const reader *r)
{
    if (r->all)
        return r->bytes + r->filled;
    const char *end = memrchr(r->at, '\n', r->filled - (size_t)(r->at - r->bytes));
    if (!end && r->filled > 0)
        end = memrchr(r->at, '\r', r->filled - (size_t)(r->at - r->bytes) - 1);
    return end ? end + 1 : r->at;
}

/* What is unread goes to the front. */
static void make_space(reader *r)
{
    const size_t unread = r->filled - (size_t)(r->at - r->bytes);
    memmove(r->bytes, r->at, unread);
    r->filled = unread;
    if (2 * unread >= r->space) {
        size_t room = r->space + AHEAD;
        if (!grow(r, &r->bytes, &room, 2 * r->space + AHEAD, 1))
            return;
        r->space = room - AHEAD;
    }
    r->at = r->end = r->bytes;
}

static void fill_window(reader *r)
{
    while (r->status == ASSAY_OK && !r->all && r->filled < r->space) {
        const size_t got = fread(r->bytes + r->filled, 1, r->space - r->filled, r->file);
        if (ferror(r->file))
            r->status = assay_fail(ASSAY_EIO, "%s: %s", r->path, strerror(errno));
        r->filled += got;
        r->fetched += got;
        r->all = got == 0;
    }
    memset(r->bytes + r->filled, 0, AHEAD);
}

static bool has_texts(const reader *r)
{
    for (size_t i = 0; r->types && i < r->columns; i++)
        if (r->types[i] == TEXTS)
            return true;
    return false;
}

/* More whole rows, from r->at on; or the rest of the file, where they end there. */
static void refill(reader *r)
{
    do {
        make_space(r);
        if (r->status == ASSAY_OK)
            fill_window(r);
        if (r->status)
            return;
        r->end = behind_last_line(r);
    } while (!r->all && (r->once || r->end == r->at));
    const double size = (double)(r->size > r->fetched ? r->size : r->fetched);
    r->status = assay_progress_report(r->progress, (double)r->fetched + (r->again ? size : 0),
        r->again || has_texts(r) ? 2 * size : size);
}

/* To the file's first row. */
static void begin(reader *r)
{
    r->at = r->end = r->bytes;
    r->filled = 0;
    r->fetched = 0;
    r->all = false;
    r->line = r->row_line = 1;
    refill(r);
    if (r->filled >= 3 && memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0)
        r->at += 3;
}

static void open_window(reader *r)
{
    struct stat about;
    const bool plain = fstat(fileno(r->file), &about) == 0 && S_ISREG(about.st_mode);
    r->once = !plain;
    r->size = plain && about.st_size > 0 ? (uint64_t)about.st_size : 0;
    r->space = WINDOW;
    r->bytes = malloc(r->space + AHEAD);
    if (!r->bytes)
        fail_memory(r);
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
        if (p == r->end && !r->all) {
            r->status = CUT_ROW;
            return;
        }
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

/* To the first field of the next row that is not blank; false: there is none, or an error. */
static bool next_row(reader *r)
{
    for (;;) {
        const char *p = behind_spaces(r->at, r->end);
        if (p == r->end) {
            if (r->all)
                return false;
            refill(r);
            if (r->status)
                return false;
            continue;
        }
        r->row_line = r->line;
        if (!ends_line(*p))
            return true;
        r->at = behind_line(r, p);
    }
}

/* Back to the row's first byte, with more of the file behind it, when it did not end in the window.
 */
static bool row_was_cut(reader *r, size_t from_end)
{
    if (r->status != CUT_ROW)
        return false;
    r->status = ASSAY_OK;
    r->at = r->bytes + r->filled - from_end;
    r->line = r->row_line;
    refill(r);
    return true;
}

/* How far the reader is from the end of the window, which row_was_cut wants. */
static size_t from_end(const reader *r)
{
    return r->filled - (size_t)(r->at - r->bytes);
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

static void drop_names(reader *r)
{
    for (size_t i = 0; i < r->columns; i++)
        free(r->names[i]);
    r->columns = 0;
}

static void read_names(reader *r)
{
    do {
        cut_field(r);
        if (r->status || !grow(r, &r->names, &r->names_room, r->columns + 1, sizeof *r->names))
            return;
        r->names[r->columns] = strdup(r->text);
        if (!r->names[r->columns])
            fail_memory(r);
        else
            r->columns++;
    } while (r->status == ASSAY_OK && next_field(r));
}

static void read_header(reader *r)
{
    size_t start;
    if (!next_row(r)) {
        if (r->status == ASSAY_OK)
            r->status = assay_fail(
                ASSAY_EFORMAT, "%s: is empty; its first row must name the columns", r->path);
        return;
    }
    do {
        drop_names(r);
        start = from_end(r);
        read_names(r);
    } while (row_was_cut(r, start));
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

/* Rows are at most as many as line ends, and none has fewer bytes than columns. Where only a part
 * of the file has been seen, the rest is taken to have lines as long, and a tenth more of them. */
static size_t likely_rows(const reader *r)
{
    const size_t seen = (size_t)(r->bytes + r->filled - r->at);
    const size_t lines = count_line_ends(r->at, seen) + 1, most = seen / r->columns + 1;
    const double rows = (double)(lines < most ? lines : most);
    if (r->all)
        return (size_t)rows;
    const double rest = (double)(r->size > r->fetched ? r->size - r->fetched : 0);
    return (size_t)(rows + 1.1 * rows * rest / (double)(seen > 0 ? seen : 1)) + 64;
}

static void make_columns(reader *r)
{
    r->room = likely_rows(r);
    r->block_rows = BLOCK / r->columns > 0 ? BLOCK / r->columns : 1;
    r->numbers = r->room <= PTRDIFF_MAX / sizeof *r->numbers / r->columns
                     ? large(r->columns * r->room * sizeof *r->numbers)
                     : NULL;
    r->block = malloc((r->block_rows * r->columns + BEYOND) * sizeof *r->block);
    r->types = calloc(r->columns, sizeof *r->types);
    if (!r->numbers || !r->block || !r->types)
        fail_memory(r);
}

/* Room for more rows than were likely. */
static void widen_columns(reader *r, size_t done)
{
    const size_t room = r->room + r->room / 2 + r->rows;
    double *wider = room <= PTRDIFF_MAX / sizeof *wider / r->columns
                        ? large(r->columns * room * sizeof *wider)
                        : NULL;
    if (!wider) {
        fail_memory(r);
        return;
    }
    for (size_t c = 0; c < r->columns; c++)
        memcpy(wider + c * room, r->numbers + c * r->room, done * sizeof *wider);
    free(r->numbers);
    r->numbers = wider;
    r->room = room;
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
        r->types[column] = (unsigned char)type;
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

/* The numbers that end at the commas, of at most eight digits each (four: not wide), from *start
 * on, into row; returns how many. */
static inline size_t take_digits(
    const char *p, uint64_t commas, bool wide, unsigned *start, double *restrict row)
{
    size_t count = 0;
    for (; commas; commas &= commas - 1) {
        const unsigned end = (unsigned)__builtin_ctzll(commas), n = end - *start;
        uint64_t eight;
        uint32_t four;
        memcpy(&eight, p + *start, sizeof eight);
        memcpy(&four, p + *start, sizeof four);
        row[count++] =
            wide ? (double)(int64_t)decimal_eight((eight ^ 0x3030303030303030) << (64 - 8 * n))
                 : (double)decimal_four((four ^ 0x30303030) << (32 - 8 * n));
        *start = end + 1;
    }
    return count;
}

/* Integers of up to eight digits without a sign, each with a comma behind it, within the 64 bytes
 * at *at, into row[0] and on (at most BEYOND of them); returns how many. That commas are known
 * before any number is lets a processor work at several at a time. */
static size_t take_integers(const char **at, double *restrict row)
{
    const char *const p = *at;
    uint64_t digits, zeros, commas;
    classify(p, &digits, &zeros, &commas);
    const uint64_t starts = commas << 1 | 1;
    uint64_t fours = digits & digits >> 1; /* where runs of four digits begin */
    fours &= fours >> 2;
    const uint64_t nines = fours & fours >> 4 & digits >> 8;
    const uint64_t others =
        ~(digits | commas) | (starts & commas) | (starts & zeros & digits >> 1) | nines;
    if (others)
        commas &= (others & -others) - 1;
    unsigned start = 0;
    const size_t count = fours & digits >> 4 ? take_digits(p, commas, true, &start, row)
                                             : take_digits(p, commas, false, &start, row);
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
    unsigned char *const types = r->types;
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

/* Rows [from, to) of the block behind `before` others, of columns [first, beyond). */
static void move_tile(reader *r, size_t before, size_t from, size_t to, size_t first, size_t beyond)
{
    for (size_t c = first; c < beyond; c++) {
        double *restrict column = r->numbers + c * r->room + before;
        for (size_t row = from; row < to; row++)
            column[row] = r->block[row * r->columns + c];
    }
}

/* The last `count` rows from the block into the columns, by tiles that the nearest cache holds. */
static void move_block(reader *r, size_t count)
{
    enum { SIDE = 8, LENGTH = 64 };
    const size_t before = r->rows - count;
    if (r->rows > r->room)
        widen_columns(r, before);
    if (r->status)
        return;
    for (size_t first = 0; first < r->columns; first += SIDE) {
        const size_t beyond = first + SIDE < r->columns ? first + SIDE : r->columns;
        for (size_t from = 0; from < count; from += LENGTH)
            move_tile(
                r, before, from, from + LENGTH < count ? from + LENGTH : count, first, beyond);
    }
}

/* The next row into the block; a row that has to be read again leaves nothing behind, for what a
 * column's type became it becomes again. */
static void read_row(reader *r, double *row)
{
    const size_t missing = r->missing_count;
    size_t start, fields;
    do {
        r->missing_count = missing;
        start = from_end(r);
        fields = take_row(r, row);
    } while (row_was_cut(r, start));
    if (r->status == ASSAY_OK && fields != r->columns)
        fail_format(r, "this row has %zu fields where the header has %zu", fields, r->columns);
}

/* Worth it: most columns have fractions, and none has texts. */
static bool may_be_plain(const reader *r)
{
    size_t fractions = 0;
    for (size_t c = 0; c < r->columns; c++) {
        if (r->types[c] == TEXTS)
            return false;
        fractions += r->types[c] == NUMBERS;
    }
    return 2 * fractions >= r->columns;
}

/* Up to `most` rows of plain numbers into `rows`; returns how many. Where there are none, more and
 * more rows pass before the next try. */
static size_t take_plain_rows(reader *r, size_t most, double *rows)
{
    size_t taken = 0;
    if (!r->plain_rows || r->at - r->bytes < ASSAY_CSV_BEFORE)
        return 0;
    if (r->paused > 0) {
        r->paused--;
        return 0;
    }
    if (may_be_plain(r)) {
        const assay_csv_plain text = {r->at, r->end, r->columns, r->types, r->plain};
        taken = r->plain_rows(&text, most, rows, &r->at);
        r->line += taken;
    }
    r->pause = taken ? 0 : r->pause < 64 ? 2 * r->pause + 1 : r->pause;
    r->paused = r->pause;
    return taken;
}

static void read_rows(reader *r)
{
    size_t in_block = 0;
    while (r->status == ASSAY_OK && next_row(r)) {
        double *const row = r->block + in_block * r->columns;
        const size_t plain = take_plain_rows(r, r->block_rows - in_block, row);
        if (!plain)
            read_row(r, row);
        r->rows += plain ? plain : 1;
        in_block += plain ? plain : 1;
        if (in_block == r->block_rows) {
            move_block(r, in_block);
            in_block = 0;
        }
    }
    if (r->status == ASSAY_OK)
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

/* One row of the second walk; returns how many fields it has. */
static size_t give_row(reader *r, size_t row, assay_table *table)
{
    size_t column = 0;
    do {
        cut_field(r);
        if (r->status == ASSAY_OK && column < r->columns && r->types[column] == TEXTS &&
            (r->quoted || !is_missing(r->text)))
            r->status = assay_table_put_text(table, row, column, r->text);
        column++;
    } while (r->status == ASSAY_OK && next_field(r));
    return column;
}

/* The second walk, for columns of texts, from behind the header on. */
static void give_texts(reader *r, assay_table *table)
{
    size_t row = 0;
    for (; r->status == ASSAY_OK && next_row(r) && row < r->rows; row++) {
        size_t start, fields;
        do {
            start = from_end(r);
            fields = give_row(r, row, table);
        } while (row_was_cut(r, start));
        if (r->status == ASSAY_OK && fields != r->columns)
            break;
    }
    if (r->status == ASSAY_OK && (row < r->rows || next_row(r)))
        fail_format(r, "the file changed while it was read");
}

/* To the first row behind the header once more. */
static void begin_again(reader *r)
{
    if (r->once) {
        r->at = r->body;
        r->line = r->body_line;
        return;
    }
    r->again = true;
    if (fseek(r->file, 0, SEEK_SET))
        r->status = assay_fail(ASSAY_EIO, "%s: %s", r->path, strerror(errno));
    if (r->status == ASSAY_OK)
        begin(r);
    if (r->status == ASSAY_OK)
        read_header(r);
}

static void fill_table(reader *r, assay_table *table)
{
    r->status = name_columns(r, table);
    if (r->status == ASSAY_OK)
        r->status = give_numbers(r, table);
    if (r->status || !has_texts(r))
        return;
    const size_t columns = r->columns;
    begin_again(r);
    if (r->status == ASSAY_OK && r->columns != columns)
        fail_format(r, "the file changed while it was read");
    if (r->status == ASSAY_OK)
        give_texts(r, table);
}

static void drop(reader *r)
{
    drop_names(r);
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

static void read_table(reader *r, assay_table *table)
{
    r->status = assay_input_refuse_gzip(r->file, r->path);
    if (r->status == ASSAY_OK)
        open_window(r);
    if (r->status == ASSAY_OK)
        begin(r);
    if (r->status == ASSAY_OK)
        read_header(r);
    r->body = r->at;
    r->body_line = r->line;
    if (r->status == ASSAY_OK)
        make_columns(r);
    if (r->status == ASSAY_OK)
        read_rows(r);
    if (r->status == ASSAY_OK)
        fill_table(r, table);
}

int assay_csv_read(const char *path, const assay_progress *progress, assay_table **out)
{
    reader r = {.path = path, .progress = progress};
    r.file = fopen(path, "rb");
    if (!r.file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    setvbuf(r.file, NULL, _IONBF, 0);
    r.plain = newlocale(LC_ALL_MASK, "C", NULL);
    r.plain_rows = assay_csv_plain_for(8);
    assay_table *table = assay_table_new();
    if (!r.plain || !table)
        fail_memory(&r);
    else
        read_table(&r, table);
    fclose(r.file);
    if (r.status == ASSAY_OK)
        *out = table;
    else
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
