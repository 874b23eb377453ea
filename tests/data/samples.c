/* Sample logs: the fields, their types and defaults, and that every bad line is named and nothing
 * of its file is kept. */
#include "data/samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/status.h"
#include "scratch.h"

static assay_table *read_text(const char *text)
{
    assay_table *table = NULL;
    write_bytes(text, strlen(text));
    if (assay_samples_read(path, &table))
        fail_msg("%s", assay_errmsg());
    return table;
}

static void assert_entry(
    const assay_table *table, size_t row, const char *name, assay_datum_kind kind, const char *text)
{
    char got[256];
    size_t column;
    assert_int_equal(assay_table_find(table, name, &column), ASSAY_OK);
    assay_datum entry = assay_table_get(table, row, column);
    assay_datum_text(&entry, got, sizeof got);
    assert_int_equal(entry.kind, kind);
    assert_string_equal(got, text);
}

static void reads_every_field(void **state)
{
    (void)state;
    assay_table *t = read_text(
        "{\"problem\": \"MATH/7\", \"correct\": true, \"sample\": 4, \"answer\": \"1/2\", "
        "\"reward\": "
        "0.25, \"logprob\": -12, \"tokens\": 317, \"cost\": 1e-4, \"text\": \"so \\u00bd\\n\", "
        "\"seed\": 5, \"cached\": false, \"note\": \"x\"}\n"
        "{\"correct\": false, \"problem\": \"MATH/7\", \"answer\": 12, \"reward\": null}\n"
        "{\"problem\": \"b\", \"correct\": false, \"answer\": 0.5, \"late\": 2.5}");
    assert_int_equal(assay_table_rows(t), 3);
    assert_int_equal(assay_table_columns(t), 13);
    assert_string_equal(assay_table_name(t, 0), "problem");
    assert_string_equal(assay_table_name(t, 1), "sample");
    assert_string_equal(assay_table_name(t, 2), "correct");
    assert_string_equal(assay_table_name(t, 3), "answer");
    assert_entry(t, 0, "problem", ASSAY_DATUM_TEXT, "MATH/7");
    assert_entry(t, 0, "sample", ASSAY_DATUM_INTEGER, "4");
    assert_entry(t, 0, "correct", ASSAY_DATUM_INTEGER, "1");
    assert_entry(t, 0, "answer", ASSAY_DATUM_TEXT, "1/2");
    assert_entry(t, 0, "reward", ASSAY_DATUM_NUMBER, "0.25");
    assert_entry(t, 0, "logprob", ASSAY_DATUM_INTEGER, "-12");
    assert_entry(t, 0, "tokens", ASSAY_DATUM_INTEGER, "317");
    assert_entry(t, 0, "cost", ASSAY_DATUM_NUMBER, "0.0001");
    assert_entry(t, 0, "text", ASSAY_DATUM_TEXT, "so \xc2\xbd\n");
    assert_entry(t, 0, "seed", ASSAY_DATUM_INTEGER, "5");
    assert_entry(t, 0, "cached", ASSAY_DATUM_INTEGER, "0");
    assert_entry(t, 0, "late", ASSAY_DATUM_MISSING, "");
    assert_entry(t, 1, "correct", ASSAY_DATUM_INTEGER, "0");
    assert_entry(t, 1, "answer", ASSAY_DATUM_INTEGER, "12");
    assert_entry(t, 1, "reward", ASSAY_DATUM_MISSING, "");
    assert_entry(t, 1, "note", ASSAY_DATUM_MISSING, "");
    assert_entry(t, 2, "answer", ASSAY_DATUM_NUMBER, "0.5");
    assert_entry(t, 2, "late", ASSAY_DATUM_NUMBER, "2.5");
    assay_table_free(t);
}

static void numbers_samples_within_their_problem(void **state)
{
    (void)state;
    assay_table *t = read_text("\xef\xbb\xbf{\"problem\": 3, \"correct\": true}\n"
                               "\n  \t\r\n"
                               "{\"problem\": -1, \"correct\": true}\r\n"
                               "{\"problem\": 3, \"correct\": true, \"sample\": null}\n"
                               "{\"problem\": 3, \"correct\": true, \"sample\": 0}\n"
                               "{\"problem\": 3, \"correct\": true}\n");
    const char *const problems[] = {"3", "-1", "3", "3", "3"}, *const numbers[] = {
                                                                   "1", "1", "2", "0", "4"};
    assert_int_equal(assay_table_rows(t), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_entry(t, i, "problem", ASSAY_DATUM_INTEGER, problems[i]);
        assert_entry(t, i, "sample", ASSAY_DATUM_INTEGER, numbers[i]);
    }
    assay_table_free(t);
}

/* 30,000 samples of 300 problems, interleaved: the map grows, and each problem counts to 100. */
static void counts_many_problems(void **state)
{
    (void)state;
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < 30000; i++)
        fprintf(
            file, "{\"problem\": \"p%d\", \"correct\": %s}\n", i % 300, i % 7 ? "false" : "true");
    fclose(file);
    assay_table *t = NULL;
    assert_int_equal(assay_samples_read(path, &t), ASSAY_OK);
    assert_int_equal(assay_table_rows(t), 30000);
    for (size_t i = 0; i < 30000; i++)
        assert_true(assay_table_get(t, i, 1).number == (double)(i / 300 + 1));
    assay_table_free(t);
}

static void assert_refused(const char *bytes, size_t length, int status, const char *message)
{
    assay_table *table = NULL;
    char expected[512];
    write_bytes(bytes, length);
    assert_int_equal(assay_samples_read(path, &table), status);
    assert_null(table);
    snprintf(expected, sizeof expected, "%s%s", path, message);
    assert_string_equal(assay_errmsg(), expected);
}

#define GOOD "{\"problem\": 1, \"correct\": true}\n"
#define REFUSED(text, message) assert_refused(text, sizeof(text) - 1, ASSAY_EFORMAT, message)

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    REFUSED(GOOD "\n{\"problem\": 1, \"correct\": tru}\n",
        ":3: invalid token near 'tru' (at column 29)");
    REFUSED(GOOD "{\"problem\": 1", ":2: '}' expected near end of file (at column 13)");
    REFUSED(GOOD GOOD "{\"problem\": 1, \"correct\": true} x\n",
        ":3: end of file expected near 'x' (at column 33)");
    REFUSED("{\"problem\": 1, \"problem\": 2, \"correct\": true}\n",
        ":1: duplicate object key near '\"problem\"' (at column 24)");
    REFUSED("\0\n", ":1: invalid token near end of file (at column 1)");
}

static void refuses_wrong_shapes_and_types(void **state)
{
    (void)state;
    REFUSED(GOOD "[1, 2]\n",
        ":2: each line must be an object {\"problem\": ..., \"correct\": ...}, got a list");
    REFUSED(GOOD "7\n",
        ":2: each line must be an object {\"problem\": ..., \"correct\": ...}, got an integer");
    REFUSED("{\"correct\": true}\n", ":1: \"problem\" (a text or an integer) is missing");
    REFUSED("{\"problem\": 1}\n", ":1: \"correct\" (true or false) is missing");
    REFUSED("{\"problem\": 1, \"correct\": 1}\n",
        ":1: \"correct\" must be true or false, got an integer");
    REFUSED("{\"problem\": 1, \"correct\": null}\n", ":1: \"correct\" (true or false) is missing");
    REFUSED("{\"problem\": 1.5, \"correct\": true}\n",
        ":1: \"problem\" must be a text or an integer, got a number");
    REFUSED("{\"problem\": null, \"correct\": true}\n",
        ":1: \"problem\" must be a text or an integer, got null");
    REFUSED("{\"problem\": 1, \"correct\": true, \"sample\": \"a\"}\n",
        ":1: \"sample\" must be an integer >= 0, got a text");
    REFUSED("{\"problem\": 1, \"correct\": true, \"sample\": -1}\n",
        ":1: \"sample\" must be an integer >= 0, got -1");
    REFUSED("{\"problem\": 1, \"correct\": true, \"tokens\": 1.5}\n",
        ":1: \"tokens\" must be an integer >= 0, got a number");
    REFUSED("{\"problem\": 1, \"correct\": true, \"reward\": \"high\"}\n",
        ":1: \"reward\" must be a number, got a text");
    REFUSED("{\"problem\": 1, \"correct\": true, \"answer\": true}\n",
        ":1: \"answer\" must be a text or a number, got true");
    REFUSED("{\"problem\": 1, \"correct\": true, \"text\": 5}\n",
        ":1: \"text\" must be a text, got an integer");
    REFUSED("{\"problem\": 1, \"correct\": true, \"meta\": {\"a\": 1}}\n",
        ":1: \"meta\" must be a text, a number or a boolean, got an object");
    REFUSED("{\"problem\": 1, \"correct\": true, \"logprobs\": [1]}\n",
        ":1: \"logprobs\" must be a text, a number or a boolean, got a list");
    REFUSED(GOOD "{\"problem\": \"1\", \"correct\": true}\n",
        ":2: \"problem\" is a text here, but an integer in the lines before");
    assert_refused(GOOD "{\"problem\": 9007199254740993, \"correct\": true}\n", strlen(GOOD) + 47,
        ASSAY_EINVAL,
        ":2: \"problem\": the integer 9007199254740993 is beyond 2^53, where doubles are not "
        "exact");
}

static void refuses_samples_met_before(void **state)
{
    (void)state;
    REFUSED(GOOD "{\"problem\": 2, \"correct\": true, \"sample\": 1}\n\n"
                 "{\"problem\": 1, \"correct\": false, \"sample\": 1}\n",
        ":4: sample 1 of problem \"1\" was met before, in line 1");
    REFUSED("\n{\"problem\": \"a\", \"correct\": true, \"sample\": 2}\n"
            "{\"problem\": \"a\", \"correct\": true}\n",
        ":3: sample 2 of problem \"a\" was met before, in line 2");
}

static void refuses_empty_files(void **state)
{
    (void)state;
    const char *const message =
        ": holds no samples; each line must be an object {\"problem\": ..., \"correct\": ...}";
    REFUSED("", message);
    REFUSED("\n \n", message);
    assay_table *table = NULL;
    assert_int_equal(assay_samples_read("/nonexistent/log.jsonl", &table), ASSAY_EIO);
    assert_string_equal(assay_errmsg(), "/nonexistent/log.jsonl: No such file or directory");
    assert_int_equal(assay_samples_read("/tmp", &table), ASSAY_EIO);
    assert_string_equal(assay_errmsg(), "/tmp: Is a directory");
}

/* A line of 100 MB is refused with its number; one of exactly 64 MiB is read. */
static void refuses_endless_lines(void **state)
{
    (void)state;
    assay_table *table = NULL;
    FILE *file = fopen(path, "wb");
    fputs(GOOD "{\"problem\": 2, \"correct\": true, \"text\": \"", file);
    fflush(file);
    assert_int_equal(ftruncate(fileno(file), 100 * 1000 * 1000), 0);
    fclose(file);
    assert_int_equal(assay_samples_read(path, &table), ASSAY_EFORMAT);
    assert_null(table);
    char expected[128];
    snprintf(expected, sizeof expected, "%s:2: this line is longer than 64 MiB", path);
    assert_string_equal(assay_errmsg(), expected);

    static const char head[] = "{\"problem\": 2, \"correct\": true, \"text\": \"", tail[] = "\"}\n";
    size_t filler = ASSAY_SAMPLES_LONGEST_LINE - (sizeof head - 1) - (sizeof tail - 2);
    char *text = malloc(filler);
    memset(text, 'x', filler);
    file = fopen(path, "wb");
    fputs(head, file);
    fwrite(text, 1, filler, file);
    fputs(tail, file);
    fclose(file);
    free(text);
    assert_int_equal(assay_samples_read(path, &table), ASSAY_OK);
    assert_int_equal(strlen(assay_table_get(table, 0, 3).text), filler);
    assay_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(numbers_samples_within_their_problem),
        cmocka_unit_test(counts_many_problems),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(refuses_wrong_shapes_and_types),
        cmocka_unit_test(refuses_samples_met_before),
        cmocka_unit_test(refuses_empty_files),
        cmocka_unit_test(refuses_endless_lines),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
