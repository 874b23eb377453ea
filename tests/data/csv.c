/* CSV: what RFC 4180 says of quotes and line ends, the types of columns, round trips of every kind
 * of entry, and errors that name the line. */
#include "data/csv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/rng.h"
#include "core/status.h"
#include "scratch.h"

static assay_table *read_text(const char *text)
{
    assay_table *table = NULL;
    write_bytes(text, strlen(text));
    if (assay_csv_read(path, NULL, &table))
        fail_msg("%s", assay_errmsg());
    return table;
}

static void assert_entry(
    const assay_table *table, size_t row, size_t column, assay_datum_kind kind, const char *text)
{
    char got[256];
    assay_datum entry = assay_table_get(table, row, column);
    assay_datum_text(&entry, got, sizeof got);
    assert_int_equal(entry.kind, kind);
    assert_string_equal(got, text);
}

static void reads_typed_columns(void **state)
{
    (void)state;
    assay_table *t = read_text("id,n,rate,name,mixed,zeros,none\n"
                               "1,10,0.5,llama,1,007,\n"
                               "-2,,1e-3,NA,x,000,NaN\n"
                               "9007199254740992,0,-inf,b c,3,1,na\n");
    assert_int_equal(assay_table_rows(t), 3);
    assert_int_equal(assay_table_columns(t), 7);
    assert_string_equal(assay_table_name(t, 2), "rate");
    assert_entry(t, 0, 0, ASSAY_DATUM_INTEGER, "1");
    assert_entry(t, 1, 0, ASSAY_DATUM_INTEGER, "-2");
    assert_entry(t, 2, 0, ASSAY_DATUM_INTEGER, "9007199254740992");
    assert_entry(t, 0, 1, ASSAY_DATUM_INTEGER, "10");
    assert_entry(t, 1, 1, ASSAY_DATUM_MISSING, "");
    assert_entry(t, 1, 2, ASSAY_DATUM_NUMBER, "0.001");
    assert_entry(t, 2, 2, ASSAY_DATUM_NUMBER, "-inf");
    assert_entry(t, 0, 3, ASSAY_DATUM_TEXT, "llama");
    assert_entry(t, 1, 3, ASSAY_DATUM_MISSING, "");
    assert_entry(t, 2, 3, ASSAY_DATUM_TEXT, "b c");
    assert_entry(t, 0, 4, ASSAY_DATUM_TEXT, "1");
    assert_entry(t, 0, 5, ASSAY_DATUM_TEXT, "007");
    assert_entry(t, 2, 5, ASSAY_DATUM_TEXT, "1");
    for (size_t row = 0; row < 3; row++)
        assert_entry(t, row, 6, ASSAY_DATUM_MISSING, "");
    assay_table_free(t);
}

static void tells_numbers_from_texts(void **state)
{
    (void)state;
    const struct {
        const char *text;
        assay_datum_kind kind;
    } cases[] = {{"0", ASSAY_DATUM_INTEGER}, {"-0", ASSAY_DATUM_NUMBER}, {"+5", ASSAY_DATUM_NUMBER},
        {"5.", ASSAY_DATUM_NUMBER}, {".5", ASSAY_DATUM_NUMBER}, {"-1.5E+10", ASSAY_DATUM_NUMBER},
        {"0.5", ASSAY_DATUM_NUMBER}, {"Inf", ASSAY_DATUM_NUMBER}, {"1e999", ASSAY_DATUM_TEXT},
        {"9007199254740993", ASSAY_DATUM_TEXT}, {"99999999999999999999", ASSAY_DATUM_TEXT},
        {"00", ASSAY_DATUM_TEXT}, {"01.5", ASSAY_DATUM_TEXT}, {"0x10", ASSAY_DATUM_TEXT},
        {"1-2", ASSAY_DATUM_TEXT}, {"--1", ASSAY_DATUM_TEXT}, {"+-1", ASSAY_DATUM_TEXT},
        {"e", ASSAY_DATUM_TEXT}, {"-", ASSAY_DATUM_TEXT}, {"+", ASSAY_DATUM_TEXT},
        {".", ASSAY_DATUM_TEXT}, {"infinite", ASSAY_DATUM_TEXT}, {"1 2", ASSAY_DATUM_TEXT},
        {"\"5\"", ASSAY_DATUM_TEXT}, {"\"NA\"", ASSAY_DATUM_TEXT}, {"\"\"", ASSAY_DATUM_TEXT},
        {"NA", ASSAY_DATUM_MISSING}, {"nan", ASSAY_DATUM_MISSING}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        snprintf(text, sizeof text, "v,w\n%s,1\n", cases[i].text);
        assay_table *t = read_text(text);
        if (assay_table_get(t, 0, 0).kind != cases[i].kind)
            fail_msg("%s became kind %d", cases[i].text, (int)assay_table_get(t, 0, 0).kind);
        assay_table_free(t);
    }
}

/* The examples of RFC 4180, section 2: line ends, a last line without one, quotes, commas and line
 * ends within quotes, doubled quotes. */
static void follows_the_rfc(void **state)
{
    (void)state;
    assay_table *t = read_text("\xef\xbb\xbf"
                               "a , \"b\"\"c\",c\r\n"
                               "aaa,\"b\r\nb,b\",\" ccc \"\r\n"
                               "\r\n"
                               "zzz,\"y\"\"y\"\"\",  x  \r"
                               "\"\",,last");
    assert_int_equal(assay_table_rows(t), 3);
    assert_string_equal(assay_table_name(t, 0), "a");
    assert_string_equal(assay_table_name(t, 1), "b\"c");
    assert_entry(t, 0, 1, ASSAY_DATUM_TEXT, "b\r\nb,b");
    assert_entry(t, 0, 2, ASSAY_DATUM_TEXT, " ccc ");
    assert_entry(t, 1, 1, ASSAY_DATUM_TEXT, "y\"y\"");
    assert_entry(t, 1, 2, ASSAY_DATUM_TEXT, "x");
    assert_entry(t, 2, 0, ASSAY_DATUM_TEXT, "");
    assert_entry(t, 2, 1, ASSAY_DATUM_MISSING, "");
    assert_entry(t, 2, 2, ASSAY_DATUM_TEXT, "last");
    assay_table_free(t);
    t = read_text("a,b\n");
    assert_int_equal(assay_table_rows(t), 0);
    assert_int_equal(assay_table_columns(t), 2);
    assay_table_free(t);
}

static void assert_refused(const char *bytes, size_t length, int status, const char *message)
{
    assay_table *table = NULL;
    char expected[512];
    write_bytes(bytes, length);
    assert_int_equal(assay_csv_read(path, NULL, &table), status);
    assert_null(table);
    snprintf(expected, sizeof expected, "%s%s", path, message);
    assert_string_equal(assay_errmsg(), expected);
}

#define REFUSED(text, message) assert_refused(text, sizeof(text) - 1, ASSAY_EFORMAT, message)

static void names_the_line_of_what_it_refuses(void **state)
{
    (void)state;
    REFUSED("", ": is empty; its first row must name the columns");
    REFUSED("\n\r\n", ": is empty; its first row must name the columns");
    REFUSED("a,b\n1,2\n3\n", ":3: this row has 1 fields where the header has 2");
    REFUSED("a,b\r\n\"1\r\n1\",2\r\n\r\n3,4,5", ":5: this row has 3 fields where the header has 2");
    REFUSED("a,b\r1,2\r3\r", ":3: this row has 1 fields where the header has 2");
    REFUSED("a,b\n1,2\n3,x\"y\n", ":3: a quote within a field, or text behind a closing quote");
    REFUSED("a,b\n1,\"2\"x\n", ":2: a quote within a field, or text behind a closing quote");
    REFUSED("a,b\n1,2\n\n3,\"x\n\n\n", ":4: the quote that opens in this row is never closed");
    REFUSED("a,b\n \t\n1\n", ":3: this row has 1 fields where the header has 2");
    REFUSED("a,b\n1,2,\n", ":2: this row has 3 fields where the header has 2");
    REFUSED("a,b\n1,2,3,4", ":2: this row has 4 fields where the header has 2");
    REFUSED("a,,b\n1,2,3\n", ": column 2 has no name");
    REFUSED("a,b,a\n1,2,3\n", ": columns 1 and 3 are both named \"a\"");
    REFUSED("a,b\n1,x\0y\n", ":2: a field holds a NUL byte; is this a text file?");
}

/* Numbers of every length and size are those that strtod reads: whole columns of them, several
 * blocks long. */
static void reads_numbers_exactly(void **state)
{
    (void)state;
    enum { N = 30000 };
    static char texts[N][64];
    assay_rng rng = assay_rng_seed(5);
    FILE *file = fopen(path, "wb");
    assay_table *t = NULL;
    assert_non_null(file);
    fputs("a,b\n", file);
    for (size_t i = 0; i < N; i++) {
        const double u = assay_rng_uniform(&rng);
        const int digits = 1 + (int)assay_rng_below(&rng, 20), e = (int)assay_rng_below(&rng, 60);
        const double x = (u - 0.5) * pow(10, e - 30);
        switch (assay_rng_below(&rng, 3)) {
        case 0:
            snprintf(texts[i], sizeof texts[i], "%.*e", digits, x);
            break;
        case 1:
            snprintf(texts[i], sizeof texts[i], "%.*f", digits, x * 1e-20);
            break;
        default: /* 17 digits, and halfway between two doubles */
            snprintf(texts[i], sizeof texts[i], "%.17g", u);
            if (i % 2)
                snprintf(texts[i], sizeof texts[i], "%.1f",
                    9007199254740993.0 + 2 * floor(u * 1e15) + 0.5);
        }
        fprintf(file, "%zu,%s\n", i, texts[i]);
    }
    fclose(file);
    if (assay_csv_read(path, NULL, &t))
        fail_msg("%s", assay_errmsg());
    assert_int_equal(assay_table_rows(t), N);
    for (size_t i = 0; i < N; i++) {
        const assay_datum a = assay_table_get(t, i, 0), b = assay_table_get(t, i, 1);
        const double expected = strtod(texts[i], NULL);
        assert_true(a.kind == ASSAY_DATUM_INTEGER && a.number == (double)i);
        if (b.kind != ASSAY_DATUM_NUMBER || memcmp(&b.number, &expected, sizeof expected) != 0)
            fail_msg("%s was read as %.17g", texts[i], b.number);
    }
    assay_table_free(t);
}

/* Wide rows of integers of up to ten digits, among them signs, numbers with a point, and entries
 * that are missing, at every place of the 64 bytes that are looked at together. */
static void reads_integers_of_every_width(void **state)
{
    (void)state;
    enum { ROWS = 400, COLUMNS = 150 };
    static long long whole[ROWS][COLUMNS];
    static int odd[ROWS][COLUMNS];
    assay_rng rng = assay_rng_seed(6);
    FILE *file = fopen(path, "wb");
    assay_table *t = NULL;
    assert_non_null(file);
    for (int c = 0; c < COLUMNS; c++)
        fprintf(file, "%sc%d", c ? "," : "", c);
    for (int row = 0; row < ROWS; row++)
        for (int c = 0; c < COLUMNS; c++) {
            static const char *const form[] = {"%c%lld", "%c-%lld", "%c%lld.5", "%c"};
            const double most = pow(10, 1 + (double)assay_rng_below(&rng, row % 3 ? 3 : 10));
            whole[row][c] = 1 + (long long)(assay_rng_uniform(&rng) * (most - 1));
            odd[row][c] = assay_rng_below(&rng, 80) ? 0 : 1 + (int)assay_rng_below(&rng, 3);
            fprintf(file, form[odd[row][c]], c ? ',' : '\n', whole[row][c]);
        }
    fclose(file);
    if (assay_csv_read(path, NULL, &t))
        fail_msg("%s", assay_errmsg());
    assert_int_equal(assay_table_rows(t), ROWS);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t c = 0; c < COLUMNS; c++) {
            const assay_datum got = assay_table_get(t, row, c);
            const double size = (double)whole[row][c];
            const double expected[] = {size, -size, size + 0.5};
            if (odd[row][c] == 3 ? got.kind != ASSAY_DATUM_MISSING
                                 : got.number != expected[odd[row][c]])
                fail_msg("row %zu, column %zu: %.17g for %.17g", row, c, got.number, size);
        }
    assay_table_free(t);
}

/* Integers of exactly the widths between eights, and halfway cases by hand. */
static void reads_awkward_numbers(void **state)
{
    (void)state;
    const char *const texts[] = {"9007199254740993.0", "9007199254740995.0", "0.30000000000000004",
        "12345678", "123456789", "1234567.8", "123456789012345", "1234567890123456",
        "0.000000000000000000000000001", "18446744073709551615e-27", "1844674407370955161.5",
        "-0.0", "1e22", "1e23", "4.35", "0e0", "-9007199254740992", "5e-324",
        "1.7976931348623157e308", "0.1e1", "8.5e-0010", "4503599627370497.5", "4503599627370498.5",
        "1125899906842624.125", "1125899906842624.375", "562949953421312.0625",
        "562949953421312.1875"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[80];
        snprintf(text, sizeof text, "a,b\n%s,%s\n", texts[i], texts[i]);
        assay_table *t = read_text(text);
        const double expected = strtod(texts[i], NULL);
        for (size_t column = 0; column < 2; column++) {
            const assay_datum entry = assay_table_get(t, 0, column);
            assert_true(entry.kind != ASSAY_DATUM_TEXT);
            if (memcmp(&entry.number, &expected, sizeof expected) != 0)
                fail_msg("%s was read as %.17g", texts[i], entry.number);
        }
        assay_table_free(t);
    }
}

/* What was read is a table like others: rows can follow. */
static void grows_behind_what_was_read(void **state)
{
    (void)state;
    assay_table *t = read_text("a,b\n1,x\n2,y\n");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(assay_table_append(t), ASSAY_OK);
        assert_int_equal(assay_table_set_number(t, 0, i), ASSAY_OK);
    }
    assert_entry(t, 1, 0, ASSAY_DATUM_INTEGER, "2");
    assert_entry(t, 101, 0, ASSAY_DATUM_NUMBER, "99");
    assert_entry(t, 1, 1, ASSAY_DATUM_TEXT, "y");
    assert_entry(t, 101, 1, ASSAY_DATUM_MISSING, "");
    assay_table_free(t);
}

/* Files of many windows: rows, quoted line ends, and the line's number in a message. */
enum { LONG_ROWS = 60000 };

static void write_long(const char *line_end, const char *last)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "i,half,name%s", line_end);
    for (int i = 0; i < LONG_ROWS; i++) /* the first rows are long, so that they tell too few */
        fprintf(
            file, "%d,%d.5,\"n%s%d%*s\"%s", i, i, line_end, i % 7, i < 2000 ? 90 : 0, "", line_end);
    fprintf(file, "%s", last);
    assert_int_equal(fclose(file), 0);
}

static void assert_long(const assay_table *t, const char *line_end)
{
    assert_int_equal(assay_table_rows(t), LONG_ROWS);
    for (size_t i = 0; i < LONG_ROWS; i++) {
        char name[128];
        const assay_datum text = assay_table_get(t, i, 2);
        snprintf(name, sizeof name, "n%s%zu%*s", line_end, i % 7, i < 2000 ? 90 : 0, "");
        assert_true(assay_table_get(t, i, 0).number == (double)i);
        assert_true(assay_table_get(t, i, 1).number == (double)i + 0.5);
        assert_string_equal(text.text, name);
    }
}

static void reads_through_many_windows(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (int i = 0; i < 3; i++) {
        assay_table *t = NULL;
        write_long(ends[i], "");
        if (assay_csv_read(path, NULL, &t))
            fail_msg("%s", assay_errmsg());
        assert_long(t, ends[i]);
        assay_table_free(t);
        write_long(ends[i], "1,2");
        char expected[200];
        snprintf(expected, sizeof expected, "%s:%d: this row has 2 fields where the header has 3",
            path, 2 * LONG_ROWS + 2);
        assert_int_equal(assay_csv_read(path, NULL, &t), ASSAY_EFORMAT);
        assert_string_equal(assay_errmsg(), expected);
    }
}

/* One field, and a header, that are longer than any window at first. */
static void reads_fields_of_any_length(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    for (int i = 0; i < SIZE; i++)
        text[i] = i % 100 == 99 ? '\n' : 'x';
    text[SIZE] = '\0';
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "\"%s\",b\n1,\"%s\"\n2,short\n", text, text);
    assert_int_equal(fclose(file), 0);
    assay_table *t = NULL;
    if (assay_csv_read(path, NULL, &t))
        fail_msg("%s", assay_errmsg());
    assert_int_equal(assay_table_rows(t), 2);
    assert_string_equal(assay_table_name(t, 0), text);
    assert_string_equal(assay_table_get(t, 0, 1).text, text);
    assert_entry(t, 1, 0, ASSAY_DATUM_INTEGER, "2");
    assert_entry(t, 1, 1, ASSAY_DATUM_TEXT, "short");
    assay_table_free(t);
    free(text);
}

/* A pipe, which can't be walked twice. */
static void reads_a_pipe(void **state)
{
    (void)state;
    char fifo[sizeof path + 8];
    snprintf(fifo, sizeof fifo, "%s.fifo", path);
    write_long("\n", "");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        char command[3 * sizeof path];
        snprintf(command, sizeof command, "cat %s > %s", path, fifo);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assay_table *t = NULL;
    const int status = assay_csv_read(fifo, NULL, &t);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    unlink(fifo);
    if (status)
        fail_msg("%s", assay_errmsg());
    assert_long(t, "\n");
    assay_table_free(t);
}

typedef struct watch {
    double last;
    int calls, stop_at;
} watch;

static int watched(void *context, double done, double total)
{
    watch *w = context;
    assert_true(done >= 0 && done <= total);
    assert_true(w->calls < 2 || done / total >= w->last); /* the first does not know of texts */
    w->last = done / total;
    return ++w->calls == w->stop_at;
}

static void tells_how_far_it_is_and_stops(void **state)
{
    (void)state;
    watch w = {0};
    const assay_progress progress = {watched, &w};
    assay_table *t = NULL;
    write_long("\n", "");
    assert_int_equal(assay_csv_read(path, &progress, &t), ASSAY_OK);
    assert_true(w.calls > 8 && w.last == 1);
    assay_table_free(t);
    for (int stop = 1; stop <= w.calls; stop += 3) {
        watch again = {.stop_at = stop};
        const assay_progress stopping = {watched, &again};
        t = NULL;
        assert_int_equal(assay_csv_read(path, &stopping, &t), ASSAY_ECANCELLED);
        assert_null(t);
    }
}

static void says_what_it_cannot_open(void **state)
{
    (void)state;
    assay_table *table = NULL;
    assert_int_equal(assay_csv_read("/nonexistent/x.csv", NULL, &table), ASSAY_EIO);
    assert_string_equal(assay_errmsg(), "/nonexistent/x.csv: No such file or directory");
    assert_int_equal(assay_csv_read("/tmp", NULL, &table), ASSAY_EIO);
    assert_string_equal(assay_errmsg(), "/tmp: Is a directory");
}

static void says_that_gzip_is_not_read(void **state)
{
    (void)state;
    REFUSED("\x1f\x8b\x08rest", ": is compressed by gzip, which is not read here; gunzip it first");
}

static void write_table(const assay_table *table)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(assay_csv_write(file, table), ASSAY_OK);
    assert_int_equal(fclose(file), 0);
}

static void assert_file_is(const char *expected)
{
    char got[1024];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, expected);
}

static void writes_what_the_rfc_says(void **state)
{
    (void)state;
    assay_table *t = assay_table_new();
    size_t a, b;
    assert_int_equal(assay_table_column(t, "a,1", &a), ASSAY_OK);
    assert_int_equal(assay_table_column(t, "b", &b), ASSAY_OK);
    assert_int_equal(assay_table_append(t), ASSAY_OK);
    assert_int_equal(assay_table_set_text(t, a, "say \"no\",\nthen"), ASSAY_OK);
    assert_int_equal(assay_table_set_number(t, b, 0.1), ASSAY_OK);
    assert_int_equal(assay_table_append(t), ASSAY_OK);
    assert_int_equal(assay_table_set_text(t, a, "12"), ASSAY_OK);
    assert_int_equal(assay_table_set_number(t, b, NAN), ASSAY_OK);
    assert_int_equal(assay_table_append(t), ASSAY_OK);
    assert_int_equal(assay_table_set_integer(t, b, -3), ASSAY_OK);
    write_table(t);
    assert_file_is("\"a,1\",b\n\"say \"\"no\"\",\nthen\",0.1\n\"12\",NaN\n,-3\n");
    assay_table_free(t);
}

/* Tables of one kind a column, with awkward texts and numbers, come back as they went. */
static void round_trips(void **state)
{
    (void)state;
    const char *const texts[] = {"", "NA", "nan", "12", "-1e5", "007", " lead", "trail\t", "a,b",
        "\"", "\"\"x", "line\nbreak", "cr\rcr", "\xc3\xa9", "plain", "+5", "inf", "#"};
    assay_rng rng = assay_rng_seed(13);
    for (int columns = 1; columns <= 3; columns++) {
        assay_table *t = assay_table_new(), *back = NULL;
        size_t at[3];
        const char *const names[] = {"text", "number", "integer"};
        for (int i = 0; i < columns; i++)
            assert_int_equal(assay_table_column(t, names[i], &at[i]), ASSAY_OK);
        for (size_t row = 0; row < 200; row++) {
            assert_int_equal(assay_table_append(t), ASSAY_OK);
            if (assay_rng_below(&rng, 6))
                assert_int_equal(
                    assay_table_set_text(t, at[0], texts[assay_rng_below(&rng, 18)]), ASSAY_OK);
            if (columns > 1 && assay_rng_below(&rng, 6))
                assert_int_equal(assay_table_set_number(t, at[1],
                                     0.5 + ldexp(assay_rng_normal(&rng), (int)row * 9 - 900)),
                    ASSAY_OK);
            if (columns > 2 && assay_rng_below(&rng, 6))
                assert_int_equal(assay_table_set_integer(t, at[2],
                                     (long long)assay_rng_below(&rng, 1ull << 53) - (1ll << 52)),
                    ASSAY_OK);
        }
        write_table(t);
        if (assay_csv_read(path, NULL, &back))
            fail_msg("%s", assay_errmsg());
        assert_int_equal(assay_table_rows(back), 200);
        for (size_t row = 0; row < 200; row++)
            for (size_t i = 0; i < (size_t)columns; i++) {
                assay_datum went = assay_table_get(t, row, i), came = assay_table_get(back, row, i);
                assert_int_equal(went.kind, came.kind);
                if (went.kind == ASSAY_DATUM_TEXT)
                    assert_string_equal(went.text, came.text);
                else if (went.kind != ASSAY_DATUM_MISSING)
                    assert_true(went.number == came.number);
            }
        assay_table_free(t);
        assay_table_free(back);
    }
}

static void says_when_it_cannot_write(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    assay_table *t = read_text("a\n1\n");
    assert_int_equal(assay_csv_write(full, t), ASSAY_EIO);
    assert_string_equal(assay_errmsg(), "csv: cannot write: No space left on device");
    fclose(full);
    assay_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_typed_columns),
        cmocka_unit_test(tells_numbers_from_texts),
        cmocka_unit_test(follows_the_rfc),
        cmocka_unit_test(names_the_line_of_what_it_refuses),
        cmocka_unit_test(reads_numbers_exactly),
        cmocka_unit_test(reads_integers_of_every_width),
        cmocka_unit_test(reads_awkward_numbers),
        cmocka_unit_test(grows_behind_what_was_read),
        cmocka_unit_test(reads_through_many_windows),
        cmocka_unit_test(reads_fields_of_any_length),
        cmocka_unit_test(reads_a_pipe),
        cmocka_unit_test(tells_how_far_it_is_and_stops),
        cmocka_unit_test(says_what_it_cannot_open),
        cmocka_unit_test(says_that_gzip_is_not_read),
        cmocka_unit_test(writes_what_the_rfc_says),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(says_when_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
