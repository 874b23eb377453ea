/* The wide view: a row a line, whatever the names are. */
#include "fixture.h"

/* All rows of a query, as "a|b;c|d" ("-" is NULL), with its column names before a ":". */
static void expect_view(assay_store *store, const char *sql, const char *expected)
{
    char text[4096] = "";
    size_t used = 0;
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(assay_store_sqlite(store), sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(assay_store_sqlite(store)));
    int columns = sqlite3_column_count(s);
    for (int i = 0; i < columns; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%c", sqlite3_column_name(s, i),
            i + 1 < columns ? '|' : ':');
    while (sqlite3_step(s) == SQLITE_ROW)
        for (int i = 0; i < columns; i++) {
            const char *value = (const char *)sqlite3_column_text(s, i);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%c", value ? value : "-",
                i + 1 < columns ? '|' : ';');
        }
    sqlite3_finalize(s);
    assert_string_equal(text, expected);
}

static void a_row_is_a_line(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t other = make_run(store, "other", 1), run = make_run(store, "monkeys", 2);
    int64_t k = metric(store, "k"), c = metric(store, "coverage");
    assert_ok(assay_store_value_integer(store, other, 0, 0, k, 7));
    for (int64_t cell = 0; cell < 2; cell++)
        for (int64_t seq = 0; seq < 2; seq++) {
            assert_ok(assay_store_value_integer(store, run, cell, seq, k, 10 * cell + seq));
            if (cell == 0)
                assert_ok(assay_store_value_number(store, run, cell, seq, c, 0.5));
        }
    assert_ok(assay_store_view_refresh(store, "monkeys"));
    expect_view(store, "SELECT * FROM monkeys",
        "run|cell|replicate|size|k|coverage:2|0|1|0|0|0.5;2|0|1|0|1|0.5;2|1|2|1|10|-;2|1|2|1|11|-"
        ";");
    expect_view(store, "SELECT k FROM monkeys WHERE run = 2 AND cell = 1", "k:10;11;");
    expect_view(store, "SELECT k FROM monkeys WHERE run = 1", "k:");

    /* new columns bring a new view, the same ones leave it as it is */
    int64_t before = query(store, "PRAGMA schema_version");
    assert_ok(assay_store_view_refresh(store, "monkeys"));
    assert_int_equal(query(store, "PRAGMA schema_version"), before);
    assert_ok(assay_store_value_text(store, run, 1, 2, metric(store, "late"), "x", 1));
    assert_ok(assay_store_view_refresh(store, "monkeys"));
    expect_view(store, "SELECT k, late FROM monkeys WHERE cell = 1", "k|late:10|-;11|-;-|x;");
    assert_fails(assay_store_view_refresh(store, "nobody"), ASSAY_ENOTFOUND, "no experiment");
}

static void a_condition_reads_only_its_range(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 1);
    assert_ok(assay_store_value_integer(store, run, 0, 0, metric(store, "k"), 1));
    assert_ok(assay_store_view_refresh(store, "monkeys"));
    sqlite3_stmt *s;
    char plan[4096] = "";
    assert_int_equal(sqlite3_prepare_v2(assay_store_sqlite(store),
                         "EXPLAIN QUERY PLAN SELECT * FROM monkeys WHERE run = 7", -1, &s, NULL),
        SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        snprintf(plan + strlen(plan), sizeof plan - strlen(plan), "%s\n",
            (const char *)sqlite3_column_text(s, 3));
    sqlite3_finalize(s);
    if (strstr(plan, "SCAN v") || strstr(plan, "SCAN c") || strstr(plan, "SCAN r") ||
        strstr(plan, "TEMP B-TREE"))
        fail_msg("%s", plan);
}

static void names_are_quoted_and_kept_apart(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    static const struct {
        const char *experiment, *view;
    } names[] = {{"Robert'); DROP TABLE \"run\"; --", "Robert'); DROP TABLE \"\"run\"\"; --"},
        {"run", "run_rows"}, {"run_rows", "run_rows_rows"}, {"Value", "Value_rows"},
        {"sqlite_x", "experiment_sqlite_x"}, {"two words", "two words"}, {"select", "select"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char sql[256];
        int64_t run = make_run(store, names[i].experiment, 1);
        assert_ok(assay_store_value_integer(store, run, 0, 0, metric(store, "k"), run));
        assert_ok(assay_store_view_refresh(store, names[i].experiment));
        snprintf(sql, sizeof sql, "SELECT k FROM \"%s\"", names[i].view);
        assert_int_equal(query(store, sql), run);
    }
    assert_int_equal(query(store, "SELECT count(*) FROM run"), 7);
}

static void odd_columns_work(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    assay_run_new new = {.experiment = "odd",
        .script = "",
        .params = "{\"a b\":1,\"cell\":2,\"it's\":3,\"q\\\"\\\\\":4,\"k\":5}"};
    int64_t run;
    assert_ok(assay_store_run_create(store, &new, &run));
    assert_ok(assay_store_cell_create(store, run, 0, new.params, 3));
    assert_ok(assay_store_value_integer(store, run, 0, 0, metric(store, "k"), 50));
    assert_ok(assay_store_value_integer(store, run, 0, 0, metric(store, "pass@k \"'"), 60));
    assert_ok(assay_store_view_refresh(store, "odd"));
    expect_view(store, "SELECT * FROM odd",
        "run|cell|replicate|a b|it's|q\"\\|k|pass@k \"':1|0|3|1|3|4|50|60;");
}

static void too_many_columns_are_told(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "many", 1);
    assert_ok(assay_store_begin(store));
    for (int i = 0; i < 1997; i++) {
        char name[32];
        snprintf(name, sizeof name, "m%d", i);
        assert_ok(assay_store_value_integer(store, run, 0, 0, metric(store, name), i));
        if (i == 1995) /* with run, cell, replicate and size: 2000 */
            assert_ok(assay_store_view_refresh(store, "many"));
    }
    assert_fails(assay_store_view_refresh(store, "many"), ASSAY_EINVAL, "2001 columns");
    assert_ok(assay_store_commit(store));
    assert_int_equal(query(store, "SELECT m1995 FROM many"), 1995);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_row_is_a_line),
        store_test(a_condition_reads_only_its_range),
        store_test(names_are_quoted_and_kept_apart),
        store_test(odd_columns_work),
        store_test(too_many_columns_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
