/* Rows of plain numbers by vectors: a million of them as strtod reads them, among them ties, and
 * what is not plain is left where it begins. */
#include "data/csv_plain.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"

enum { COLUMNS = 7 };

static const unsigned char fractions[COLUMNS] = {1, 1, 1, 1, 1, 1, 1};

static const size_t widths[] = {4, 8};

/* The rows of `text` with nothing readable beyond what must be. */
static size_t take(size_t width, const char *text, size_t columns, const unsigned char *allowed,
    size_t most, double *out, size_t *behind)
{
    const size_t size = strlen(text);
    char *memory = calloc(1, ASSAY_CSV_BEFORE + size + ASSAY_CSV_BEHIND);
    assert_non_null(memory);
    char *const from = memory + ASSAY_CSV_BEFORE;
    const char *next;
    const locale_t plain = newlocale(LC_ALL_MASK, "C", NULL);
    memcpy(from, text, size);
    const assay_csv_plain rows = {from, from + size, columns, allowed, plain};
    const size_t taken = assay_csv_plain_for(width)(&rows, most, out, &next);
    *behind = (size_t)(next - from);
    freelocale(plain);
    free(memory);
    return taken;
}

/* Digits of any kind, with a point anywhere. */
static void write_digits(assay_rng *rng, char *text)
{
    const size_t whole = assay_rng_below(rng, 14), places = assay_rng_below(rng, 13);
    for (size_t i = 0; i < whole; i++)
        *text++ = (char)('0' + (i || whole == 1 ? 0 : 1) + (int)assay_rng_below(rng, i ? 10 : 9));
    *text++ = '.';
    for (size_t i = 0; i < places + !whole; i++)
        *text++ = (char)('0' + (int)assay_rng_below(rng, 10));
    *text = '\0';
}

/* A number as programs write it, halfway between two doubles, or of any digits. */
static void write_number(assay_rng *rng, char *text, size_t size)
{
    const double u = assay_rng_uniform(rng) - 0.5;
    const int places = 1 + (int)assay_rng_below(rng, 10);
    const uint64_t odd = (uint64_t)1 << 53 | assay_rng_below(rng, 1u << 31) << 22 | 1;
    switch (assay_rng_below(rng, 6)) {
    case 0:
        snprintf(text, size, "%.*g", places + 7, u < 0 ? u - 1e-3 : u + 1e-3);
        break;
    case 1:
        snprintf(text, size, "%.*f", places, u * pow(10, places - 3));
        break;
    case 2:
        snprintf(text, size, "%.17f", u);
        break;
    case 3: /* an odd number of 54 bits over 2^1, 2^2, 2^3 or 2^4 is a tie */
        snprintf(text, size, "%llu.%0*llu", (unsigned long long)odd >> places % 4,
            places % 4 ? places % 4 : 1,
            (unsigned long long)((odd & ((1u << places % 4) - 1)) * (uint64_t)pow(5, places % 4)));
        break;
    case 4:
        snprintf(text, size, "%lld", (long long)(u * pow(10, places + 4)));
        break;
    default:
        write_digits(rng, text);
    }
    if (strcmp(text, "-0") == 0)
        strcpy(text, "0");
}

/* Rows that end in `line_end`; `numbers` as strtod reads them. */
static char *write_rows(assay_rng *rng, size_t rows, const char *line_end, double *numbers)
{
    char *const text = malloc(rows * (COLUMNS * 40 + 2) + 1), *at = text;
    assert_non_null(text);
    for (size_t i = 0; i < rows * COLUMNS; i++) {
        write_number(rng, at, 40);
        numbers[i] = strtod(at, NULL);
        at += strlen(at);
        at = stpcpy(at, (i + 1) % COLUMNS ? "," : line_end);
    }
    return text;
}

static void numbers_are_those_of_strtod(void **state)
{
    (void)state;
    enum { TURNS = 50, ROWS = 3000 }; /* 1.05 million numbers */
    static double expected[ROWS * COLUMNS], got[ROWS * COLUMNS + ASSAY_CSV_BEYOND];
    assay_rng rng = assay_rng_seed(11);
    for (int turn = 0; turn < TURNS; turn++) {
        char *const text = write_rows(&rng, ROWS, turn % 2 ? "\r\n" : "\n", expected);
        for (size_t w = 0; w < 2; w++) {
            size_t behind;
            if (!assay_csv_plain_for(widths[w]))
                continue;
            memset(got, 0, sizeof got);
            assert_int_equal(take(widths[w], text, COLUMNS, fractions, ROWS, got, &behind), ROWS);
            assert_int_equal(behind, strlen(text));
            for (size_t i = 0; i < ROWS * COLUMNS; i++)
                if (memcmp(&got[i], &expected[i], sizeof *got) != 0)
                    fail_msg("number %zu was read as %.17g, not %.17g", i, got[i], expected[i]);
        }
        free(text);
    }
}

static void stops_in_front_of_what_is_not_plain(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "-", ".", "-.", "01", "-01", "00.5", "-0", "1e5", "1.5e5",
        "1.2.3", "1-2", "--1", "+1", "1 ", " 1", "1234567890123456", "123456789012345678901234567.",
        "1234567890123456789.12345678901234567890", "inf", "nan", "1.5x", "x1.5", "1/2.0", "1:2.0",
        "\"1\"", "1\r", "\r1", "1.5\r\r"};
    static const unsigned char two[] = {1, 1};
    for (size_t w = 0; w < 2; w++)
        for (size_t i = 0; i < 3 * sizeof odd / sizeof *odd; i++) {
            static const char *const forms[] = {
                "1.5,2\n%s,3\n", "1.5,2\n3,%s\n", "1.5,2\n3,%s\r\n"};
            char text[100];
            double out[4 + ASSAY_CSV_BEYOND] = {0};
            size_t behind;
            if (!assay_csv_plain_for(widths[w]))
                continue;
            snprintf(text, sizeof text, forms[i % 3], odd[i / 3]);
            if (strcmp(odd[i / 3], "1\r") == 0 && i % 3 == 1)
                continue; /* which is a row's end */
            if (take(widths[w], text, 2, two, 10, out, &behind) != 1 || behind != 6)
                fail_msg("%s was taken", text);
            assert_true(out[0] == 1.5 && out[1] == 2);
        }
}

static void takes_whole_rows_alone(void **state)
{
    (void)state;
    static const unsigned char two[] = {1, 0};
    static const struct {
        const char *text;
        size_t most, rows, behind;
    } cases[] = {{"", 9, 0, 0}, {"1.5", 9, 0, 0}, {"1.5,2", 9, 0, 0}, {"1.5\n", 9, 0, 0},
        {"1.5,2,3\n", 9, 0, 0}, {"1,2\n", 9, 1, 4}, {"1,2\n3,4\n5,6\n", 2, 2, 8},
        {"1,2\n", 0, 0, 0}, {"1,2\n3,4", 9, 1, 4}, {"1,2\n3\n", 9, 1, 4}, {"1,2\n3,4,5\n", 9, 1, 4},
        {"1,2\n1.5,2.5\n", 9, 1, 4}, {"1,2\n\n3,4\n", 9, 1, 4}, {",2\n", 9, 0, 0},
        {"-.5,0\n", 9, 1, 6}, {"5.,0\n", 9, 1, 5}};
    for (size_t w = 0; w < 2; w++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            double out[6 + ASSAY_CSV_BEYOND];
            size_t behind;
            if (!assay_csv_plain_for(widths[w]))
                continue;
            if (take(widths[w], cases[i].text, 2, two, cases[i].most, out, &behind) !=
                    cases[i].rows ||
                behind != cases[i].behind)
                fail_msg("rows of %s", cases[i].text);
        }
}

/* Rows longer than what is looked at together, and stretches of nothing but ends. */
static void takes_rows_of_any_length(void **state)
{
    (void)state;
    enum { WIDE = 5000, ROWS = 3 };
    static unsigned char all[WIDE];
    static double out[WIDE * ROWS + ASSAY_CSV_BEYOND];
    static char text[WIDE * ROWS * 10 + 1];
    char *at = text;
    memset(all, 1, sizeof all);
    for (int i = 0; i < WIDE * ROWS; i++)
        at += sprintf(at, "%d.25%c", i, (i + 1) % WIDE ? ',' : '\n');
    for (size_t w = 0; w < 2; w++) {
        size_t behind;
        if (!assay_csv_plain_for(widths[w]))
            continue;
        assert_int_equal(take(widths[w], text, WIDE, all, 10, out, &behind), ROWS);
        assert_int_equal(behind, strlen(text));
        for (int i = 0; i < WIDE * ROWS; i++)
            assert_true(out[i] == i + 0.25);
        char commas[5001];
        memset(commas, ',', 5000);
        commas[5000] = '\0';
        assert_int_equal(take(widths[w], commas, WIDE, all, 10, out, &behind), 0);
        assert_int_equal(behind, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_strtod),
        cmocka_unit_test(stops_in_front_of_what_is_not_plain),
        cmocka_unit_test(takes_whole_rows_alone),
        cmocka_unit_test(takes_rows_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
