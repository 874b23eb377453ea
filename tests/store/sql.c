/* The user's SQL: what is printed, and what is refused. */
#include "fixture.h"

#include <locale.h>

#include "store/sql.h"

/* What the statements print; the status goes to *status. The caller frees it. */
static char *run_sql(assay_store *store, const char *sql, const char *format, int *status)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    *status = assay_store_sql(store, sql, format, out);
    fclose(out);
    return text;
}

static void expect(assay_store *store, const char *sql, const char *format, const char *expected)
{
    int status;
    char *text = run_sql(store, sql, format, &status);
    if (status != ASSAY_OK)
        fail_msg("%s: %s", sql, assay_errmsg());
    assert_string_equal(text, expected);
    free(text);
}

static void expect_error(assay_store *store, const char *sql, int expected, const char *words)
{
    int status;
    char *text = run_sql(store, sql, "csv", &status);
    free(text);
    assert_fails(status, expected, words);
}

static const char values[] =
    "SELECT 1 AS i, 1.0 AS r, 0.1 AS f, 1e999 AS inf, NULL AS none, 'a,\"b\"' AS t, x'00ff' AS b";

static void csv_is_rfc_4180(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    expect(store, values, "csv", "i,r,f,inf,none,t,b\n1,1.0,0.1,inf,,\"a,\"\"b\"\"\",00ff\n");
    expect(store,
        "SELECT 'two' || char(10) || 'lines' AS \"a,b\"; SELECT -0.0, 1e22, 123456789012345678",
        "csv",
        "\"a,b\"\n\"two\nlines\"\n-0.0,1e22,123456789012345678\n-0.0,1e+22,123456789012345678\n");
    expect(store, "SELECT 1 AS a WHERE 0", "csv", "a\n");
}

static void json_is_valid(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    expect(store, values, "json",
        "[\n{\"i\": 1, \"r\": 1.0, \"f\": 0.1, \"inf\": null, \"none\": null, "
        "\"t\": \"a,\\\"b\\\"\", \"b\": \"00ff\"}\n]\n");
    expect(store, "SELECT 1 AS a WHERE 0; SELECT 1 AS a UNION SELECT 2", "json",
        "[]\n[\n{\"a\": 1},\n{\"a\": 2}\n]\n");
    /* control characters, a lone continuation byte, an overlong slash, a surrogate, and good UTF-8
     */
    expect(store, "SELECT CAST(x'01090a5c80c0afeda080c3a9f09f9880' AS TEXT) AS t", "json",
        "[\n{\"t\": "
        "\"\\u0001\\t\\n\\\\\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\xc3\xa9\xf0\x9f\x98\x80\"}"
        "\n]\n");
}

static void a_table_is_aligned(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    expect(store,
        "SELECT 'a' AS name, 1 AS count UNION ALL SELECT 'longer', 100 UNION ALL SELECT NULL, 2.5",
        "table",
        "name    count\n"
        "------  -----\n"
        "a           1\n"
        "longer    100\n"
        "          2.5\n");
    /* a wide and a combining character; the escape of a terminal; a blob */
    expect(store,
        "SELECT 'e' || char(769) || char(28450) AS t, 1 AS n UNION ALL "
        "SELECT char(27) || '[31m', 22; SELECT x'0001' AS b, char(10, 9) AS nl",
        "table",
        "t          n\n"
        "--------  --\n"
        "e\xcc\x81\xe6\xbc\xa2        1\n"
        "\\x1b[31m  22\n"
        "\n"
        "b          nl\n"
        "---------  ----\n"
        "(2 bytes)  \\n\\t\n");
}

/* An entry of `length` letters comes out as `shown` letters and, when cut, dots. */
static void expect_cut(assay_store *store, int length, int shown)
{
    char letters[128], expected[512];
    memset(letters, 'x', sizeof letters);
    letters[length] = '\0';
    char statement[256];
    snprintf(statement, sizeof statement, "SELECT '%s' AS t", letters);
    letters[shown] = '\0';
    const char *dots = shown < length ? "..." : "";
    int width = shown + (int)strlen(dots);
    char rule[128];
    memset(rule, '-', sizeof rule);
    rule[width] = '\0';
    snprintf(expected, sizeof expected, "t\n%s\n%s%s\n", rule, letters, dots);
    expect(store, statement, "table", expected);
}

static void long_texts_are_cut(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    expect_cut(store, 79, 79);
    expect_cut(store, 80, 80);
    expect_cut(store, 81, 77);
    expect_cut(store, 120, 77);
    /* 2000 combining marks on one letter: bounded too */
    int status;
    char *text = run_sql(store,
        "SELECT 'e' || replace(printf('%.2000c', 'x'), 'x', char(769)) AS t", "table", &status);
    assert_ok(status);
    assert_true(strlen(text) < 500);
    free(text);
}

static void the_wide_view_is_read(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 1), k = metric(store, "k");
    assert_ok(assay_store_value_integer(store, run, 0, 0, k, 10));
    assert_ok(assay_store_value_number(store, run, 0, 1, k, 0.5));
    assert_ok(assay_store_view_refresh(store, "monkeys"));
    expect(store, "SELECT * FROM monkeys", "csv",
        "run,cell,replicate,size,k\n1,0,1,0,10\n1,0,1,0,0.5\n");
}

static void writing_needs_a_store_for_writing(void **state)
{
    fixture *f = *state;
    make_run(f->store, "monkeys", 1);
    expect(f->store,
        "CREATE TABLE mine (a); INSERT INTO mine VALUES (1), (2); SELECT count(*) AS n FROM mine",
        "csv", "n\n2\n");
    assay_store *reader;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_READ, &reader));
    expect(reader, "SELECT count(*) AS n FROM mine; PRAGMA user_version", "json",
        "[\n{\"n\": 2}\n]\n[\n{\"user_version\": 2}\n]\n");
    expect_error(reader, "DELETE FROM mine", ASSAY_EINVAL, "statement 1 writes");
    expect_error(reader, "SELECT 1; DROP TABLE mine", ASSAY_EINVAL, "statement 2 writes");
    /* the pragma is no way around */
    expect_error(
        reader, "PRAGMA query_only = 0; DELETE FROM mine", ASSAY_EINVAL, "statement 2 writes");
    assert_int_equal(query(reader, "SELECT count(*) FROM mine"), 2);
    assay_store_close(reader);
}

static void errors_are_told(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    expect_error(store, "SELECT 1;\nSELEC 2", ASSAY_EINVAL, "statement 2: near \"SELEC\"");
    expect_error(store, "SELECT * FROM nowhere", ASSAY_EINVAL, "no such table: nowhere");
    expect_error(store,
        "INSERT INTO cell (id, run, idx, replicate, params) VALUES (1, 1, 1, 1, '')", ASSAY_EINVAL,
        "CHECK");
    expect_error(store, "SELECT json('{')", ASSAY_EINVAL, "malformed JSON");
    expect_error(store, "BEGIN; CREATE TABLE left_over (a)", ASSAY_EINVAL, "not committed");
    expect_error(store, "SELECT * FROM left_over", ASSAY_EINVAL, "no such table");
    int status;
    free(run_sql(store, "SELECT 1", "xml", &status));
    assert_fails(status, ASSAY_EINVAL, "got \"xml\"");
    expect(store, " ; -- nothing\n", "table", "");
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        store_test(csv_is_rfc_4180),
        store_test(json_is_valid),
        store_test(a_table_is_aligned),
        store_test(long_texts_are_cut),
        store_test(the_wide_view_is_read),
        store_test(writing_needs_a_store_for_writing),
        store_test(errors_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
