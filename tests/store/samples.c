/* Sample logs read back as they were, column by column and kind by kind; importing twice is once.
 */
#include "fixture.h"

static void set(
    assay_table *table, const char *name, assay_datum_kind kind, double number, const char *text)
{
    size_t column;
    assert_ok(assay_table_column(table, name, &column));
    if (kind == ASSAY_DATUM_NUMBER)
        assert_ok(assay_table_set_number(table, column, number));
    else if (kind == ASSAY_DATUM_INTEGER)
        assert_ok(assay_table_set_integer(table, column, (long long)number));
    else if (kind == ASSAY_DATUM_TEXT)
        assert_ok(assay_table_set_text(table, column, text));
}

#define N ASSAY_DATUM_NUMBER
#define I ASSAY_DATUM_INTEGER
#define T ASSAY_DATUM_TEXT

/* Usual columns between others, each kind in each place, numbers that JSON and NULL can't hold. */
static assay_table *make_log(void)
{
    assay_table *table = assay_table_new();
    assert_non_null(table);
    assay_table_append(table);
    set(table, "model", T, 0, "llama \"8b\" \xc3\xa9");
    set(table, "problem", T, 0, "p1");
    set(table, "sample", I, 0, NULL);
    set(table, "correct", I, 1, NULL);
    set(table, "temperature", N, 1.0, NULL);
    set(table, "reward", N, 0.1, NULL);
    assay_table_append(table);
    set(table, "problem", I, 17, NULL);
    set(table, "reward", N, NAN, NULL);
    set(table, "logprob", N, -INFINITY, NULL);
    set(table, "temperature", N, NAN, NULL);
    set(table, "budget", N, INFINITY, NULL);
    set(table, "model", I, 9007199254740992.0, NULL);
    set(table, "answer", T, 0, "nan");
    assay_table_append(table); /* an empty line */
    assay_table_append(table);
    set(table, "reward", N, -0.0, NULL);
    set(table, "budget", N, -INFINITY, NULL);
    set(table, "temperature", N, -0.0, NULL);
    set(table, "text", T, 0, "line\nline");
    return table;
}

static void assert_same(const assay_table *a, const assay_table *b)
{
    assert_int_equal(assay_table_columns(a), assay_table_columns(b));
    assert_int_equal(assay_table_rows(a), assay_table_rows(b));
    for (size_t c = 0; c < assay_table_columns(a); c++) {
        assert_string_equal(assay_table_name(a, c), assay_table_name(b, c));
        for (size_t row = 0; row < assay_table_rows(a); row++) {
            assay_datum x = assay_table_get(a, row, c), y = assay_table_get(b, row, c);
            if (x.kind != y.kind)
                fail_msg("row %zu, %s: kind %d, %d", row, assay_table_name(a, c), x.kind, y.kind);
            if (x.kind == T)
                assert_string_equal(x.text, y.text);
            else if (isnan(x.number))
                assert_true(isnan(y.number));
            else
                assert_memory_equal(&x.number, &y.number, sizeof x.number);
        }
    }
}

static void a_log_reads_back_as_it_was(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    assay_table *log = make_log(), *back;
    bool already = true;
    assert_ok(assay_store_import_samples(store, "gsm8k", log, &already));
    assert_false(already);
    assert_ok(assay_store_samples(store, "gsm8k", &back));
    assert_same(log, back);
    assay_table_free(back);
    assay_table_free(log);
    /* what SQL sees */
    assert_int_equal(query(store, "SELECT count(*) FROM sample WHERE problem = 17"), 1);
    assert_int_equal(query(store, "SELECT sum(correct) FROM sample"), 1);
    assert_int_equal(query(store, "SELECT count(*) FROM sample WHERE extra IS NULL"), 1);
    assert_int_equal(
        query(store, "SELECT count(*) FROM sample WHERE extra ->> '$.model' LIKE 'llama%'"), 1);
}

static void importing_again_is_once(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    assay_table *log = make_log(), *again = make_log();
    bool already;
    assert_ok(assay_store_import_samples(store, "a", log, &already));
    assert_ok(assay_store_import_samples(store, "a", again, &already));
    assert_true(already);
    assert_int_equal(query(store, "SELECT count(*) FROM sample"), 4);
    assert_ok(assay_store_import_samples(store, "b", again, &already)); /* another name */
    assert_false(already);
    assert_int_equal(query(store, "SELECT count(*) FROM sample"), 8);

    size_t column;
    assert_ok(assay_table_find(again, "reward", &column));
    assert_ok(assay_table_set_number(again, column, 0.0)); /* it was -0.0 */
    assert_fails(assay_store_import_samples(store, "a", again, &already), ASSAY_EINVAL,
        "\"a\" with other content");
    assert_fails(assay_store_import_samples(store, "", again, &already), ASSAY_EINVAL, "a name");
    assert_int_equal(query(store, "SELECT count(*) FROM sample"), 8);

    assay_sample_log_list list;
    assert_ok(assay_store_sample_logs(store, &list));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.logs[0].name, "a");
    assert_int_equal(list.logs[1].rows, 4);
    assert_non_null(strstr(list.logs[0].columns, "[\"model\",\"problem\""));
    assert_true(list.logs[0].imported > 1.7e9);
    assay_sample_log_list_free(&list);

    assert_ok(assay_store_samples_delete(store, "a"));
    assert_int_equal(query(store, "SELECT count(*) FROM sample"), 4);
    assert_fails(assay_store_samples_delete(store, "a"), ASSAY_ENOTFOUND, "no sample log");
    assert_ok(assay_store_import_samples(store, "a", again, &already));
    assay_table *back;
    assert_fails(
        assay_store_samples(store, "mathematics", &back), ASSAY_ENOTFOUND, "there are: a, b");
    assert_null(back);
    assay_table_free(log);
    assay_table_free(again);
}

static void nothing_is_half_imported(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    assay_table *log = make_log();
    bool already;
    set(log, "model", T, 0, "not UTF-8: \xff");
    assert_fails(assay_store_import_samples(store, "a", log, &already), ASSAY_EINVAL,
        "row 4, column \"model\"");
    assert_int_equal(
        query(store, "SELECT count(*) + (SELECT count(*) FROM sample_log) FROM sample"), 0);
    assay_table_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_log_reads_back_as_it_was),
        store_test(importing_again_is_once),
        store_test(nothing_is_half_imported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
