/* JSON lines as tables: kinds of entries, round trips, errors that name the line. */
#include "data/jsonl.h"

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

static char path[] = "/tmp/assay-jsonl-XXXXXX";

static int make_path(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 || close(file);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static int read_text(const char *text, assay_table **table)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return assay_jsonl_read(path, NULL, table);
}

static void kinds(void **state)
{
    (void)state;
    assay_table *table = NULL;
    assert_int_equal(
        read_text("\xef\xbb\xbf{\"a\": 1, \"b\": \"x\"}\r\n\n{\"c\": true, \"a\": 0.5}\n"
                  "{\"b\": null, \"c\": false, \"a\": 9007199254740992}",
            &table),
        ASSAY_OK);
    assert_int_equal(assay_table_rows(table), 3);
    assert_int_equal(assay_table_columns(table), 3);
    assert_int_equal(assay_table_get(table, 0, 0).kind, ASSAY_DATUM_INTEGER);
    assert_int_equal(assay_table_get(table, 1, 0).kind, ASSAY_DATUM_NUMBER);
    assert_true(assay_table_get(table, 1, 0).number == 0.5);
    assert_true(assay_table_get(table, 2, 0).number == 9007199254740992.0);
    assert_string_equal(assay_table_get(table, 0, 1).text, "x");
    assert_int_equal(assay_table_get(table, 1, 1).kind, ASSAY_DATUM_MISSING);
    assert_int_equal(assay_table_get(table, 2, 1).kind, ASSAY_DATUM_MISSING);
    assert_int_equal(assay_table_get(table, 0, 2).kind, ASSAY_DATUM_MISSING);
    assert_true(assay_table_get(table, 1, 2).number == 1);
    assay_table_free(table);
}

static void round_trip(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":1,\"b\":\"\\\"\xc3\xa9\\n\"}\n{\"a\":0.30000000000000004}\n{}\n"
        "{\"a\":1e+300,\"b\":\"\"}\n";
    char got[sizeof text + 64] = "";
    assay_table *table = NULL;
    assert_int_equal(read_text(text, &table), ASSAY_OK);
    FILE *file = fopen(path, "w+");
    assert_int_equal(assay_jsonl_write(file, table), ASSAY_OK);
    rewind(file);
    assert_true(fread(got, 1, sizeof got - 1, file) > 0);
    assert_string_equal(got, text);
    assert_int_equal(assay_table_set_number(table, 0, NAN), ASSAY_OK);
    assert_int_equal(assay_jsonl_write(file, table), ASSAY_EINVAL);
    assert_non_null(strstr(assay_errmsg(), "row 4, \"a\""));
    fclose(file);
    assay_table_free(table);
}

static void bad(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        const char *message;
    } cases[] = {
        {"{}\n[1]\n", ASSAY_EFORMAT, ":2: each line must be an object, got a list"},
        {"{\"a\": [1]}", ASSAY_EFORMAT,
            ":1: \"a\" must be a text, a number or a boolean, got a list"},
        {"{\"a\": {}}", ASSAY_EFORMAT, "got an object"},
        {"{\"a\": 1, \"a\": 2}", ASSAY_EFORMAT, ":1: duplicate"},
        {"\n{\"a\": 1", ASSAY_EFORMAT, ":2: "},
        {"{\"a\": 9007199254740993}", ASSAY_EINVAL, ":1: \"a\""},
        {"{\"a\": \"\xff\"}", ASSAY_EFORMAT, ":1: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_table *table = NULL;
        assert_int_equal(read_text(cases[i].text, &table), cases[i].status);
        assert_null(table);
        assert_non_null(strstr(assay_errmsg(), path));
        if (!strstr(assay_errmsg(), cases[i].message))
            fail_msg("\"%s\" does not hold \"%s\"", assay_errmsg(), cases[i].message);
    }
    assay_table *none = NULL;
    assert_int_equal(assay_jsonl_read("/nowhere.jsonl", NULL, &none), ASSAY_EIO);
    assert_int_equal(read_text("\x1f\x8b\x08", &none), ASSAY_EFORMAT);
    assert_non_null(strstr(assay_errmsg(), "compressed by gzip"));
}

static int stop(void *context, double done, double total)
{
    int *calls = context;
    assert_true(done > 0 && done <= total);
    return ++*calls == 2;
}

static void long_files_tell_and_stop(void **state)
{
    (void)state;
    assay_table *table = NULL;
    char *text = malloc(1000 * 9 + 1);
    assert_non_null(text);
    for (size_t i = 0; i < 1000; i++)
        sprintf(text + 9 * i, "{\"a\": %zu}\n", i % 10);
    assert_int_equal(read_text(text, &table), ASSAY_OK);
    assay_table_free(table);
    table = NULL;
    int calls = 0;
    const assay_progress progress = {stop, &calls};
    assert_int_equal(assay_jsonl_read(path, &progress, &table), ASSAY_ECANCELLED);
    assert_int_equal(calls, 2);
    assert_null(table);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds), cmocka_unit_test(round_trip),
        cmocka_unit_test(bad), cmocka_unit_test(long_files_tell_and_stop)};
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
