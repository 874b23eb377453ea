/* Cells, values, rows: bits round trip, counters agree with counting, the first difference is told.
 */
#include "fixture.h"

static uint64_t bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* The stored value of row seq of cell 0. */
static sqlite3_stmt *stored(assay_store *store, int seq)
{
    sqlite3_stmt *s;
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT value FROM value WHERE seq = %d", seq);
    assert_int_equal(sqlite3_prepare_v2(assay_store_sqlite(store), sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    return s;
}

static void numbers_keep_their_bits(void **state)
{
    fixture *f = *state;
    const double values[] = {0.0, -0.0, 1.0, -3.0, 0.1, 1e15, 9007199254740993.0, INFINITY,
        -INFINITY, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e300,
        4503599627370496.0};
    const int count = sizeof values / sizeof *values;
    int64_t run = make_run(f->store, "monkeys", 1), k = metric(f->store, "k");
    for (int i = 0; i < count; i++)
        assert_ok(assay_store_value_number(f->store, run, 0, i, k, values[i]));
    assert_ok(assay_store_value_number(f->store, run, 0, count, k, NAN));
    /* from the file, not from a cache */
    assay_store_close(f->store);
    f->store = NULL;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_READ, &f->store));
    assay_table *table;
    assert_ok(assay_store_rows(f->store, run, NULL, 0, &table));
    size_t column;
    assert_ok(assay_table_find(table, "k", &column));
    assert_int_equal(assay_table_rows(table), count + 1);
    for (int i = 0; i < count; i++) {
        sqlite3_stmt *s = stored(f->store, i);
        assert_int_equal(sqlite3_column_type(s, 0), SQLITE_FLOAT);
        assert_true(bits(sqlite3_column_double(s, 0)) == bits(values[i]));
        sqlite3_finalize(s);
        assay_datum datum = assay_table_get(table, (size_t)i, column);
        assert_int_equal(datum.kind, ASSAY_DATUM_NUMBER);
        assert_true(bits(datum.number) == bits(values[i]));
    }
    assay_datum datum = assay_table_get(table, (size_t)count, column);
    assert_int_equal(datum.kind, ASSAY_DATUM_NUMBER);
    assert_true(isnan(datum.number));
    assay_table_free(table);
}

static void integers_and_texts_keep_theirs(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, (INT64_C(1) << 53) + 1};
    int64_t run = make_run(store, "monkeys", 1), k = metric(store, "k");
    for (int i = 0; i < 6; i++)
        assert_ok(assay_store_value_integer(store, run, 0, i, k, values[i]));
    assert_ok(assay_store_value_text(store, run, 0, 6, k, "nan\0!", 5));
    assert_ok(assay_store_value_text(store, run, 0, 7, k, NULL, 0));
    for (int i = 0; i < 6; i++) {
        sqlite3_stmt *s = stored(store, i);
        assert_int_equal(sqlite3_column_type(s, 0), SQLITE_INTEGER);
        assert_true(sqlite3_column_int64(s, 0) == values[i]);
        sqlite3_finalize(s);
    }
    sqlite3_stmt *s = stored(store, 6);
    assert_int_equal(sqlite3_column_bytes(s, 0), 5);
    assert_memory_equal(sqlite3_column_text(s, 0), "nan\0!", 5);
    sqlite3_finalize(s);

    assay_table *table;
    assert_ok(assay_store_rows(store, run, NULL, 0, &table));
    size_t column;
    assert_ok(assay_table_find(table, "k", &column));
    assert_int_equal(assay_table_get(table, 1, column).kind, ASSAY_DATUM_INTEGER);
    assert_int_equal(assay_table_get(table, 3, column).kind, ASSAY_DATUM_NUMBER); /* 2^63 - 1 */
    assert_true(assay_table_get(table, 3, column).number == 0x1p63);
    assert_string_equal(assay_table_get(table, 7, column).text, "");
    assay_table_free(table);
}

static void expect(const assay_table *table, size_t row, const char *name, const char *text)
{
    char buffer[128];
    size_t column;
    assert_ok(assay_table_find(table, name, &column));
    assay_datum datum = assay_table_get(table, row, column);
    assay_datum_text(&datum, buffer, sizeof buffer);
    assert_string_equal(buffer, text);
}

static void rows_are_a_table(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t other = make_run(store, "other", 1);
    int64_t late = metric(store, "late"), k = metric(store, "k"), size = metric(store, "size");
    int64_t run = make_run(store, "monkeys", 0);
    assert_ok(assay_store_value_integer(store, other, 0, 0, k, 77));
    assert_ok(assay_store_cell_create(store, run, 0,
        "{\"flag\":true,\"list\":[1,2],\"name\":\"a b\",\"none\":null,\"rate\":0.5,\"size\":3}",
        1));
    assert_ok(assay_store_cell_create(
        store, run, 1, "{\"cell\":7,\"rate\":1.0,\"replicate\":7,\"zeal\":2}", 2));
    assert_ok(assay_store_cell_create(store, run, 2, "{\"rate\":9}", 1)); /* logs nothing */
    /* written out of order; `late` is a new key in the second row, `size` shadows the parameter */
    assert_ok(assay_store_value_integer(store, run, 1, 0, k, 30));
    assert_ok(assay_store_value_integer(store, run, 0, 1, late, 5));
    assert_ok(assay_store_value_integer(store, run, 0, 1, k, 20));
    assert_ok(assay_store_value_integer(store, run, 0, 0, k, 10));
    assert_ok(assay_store_value_integer(store, run, 1, 0, size, 99));
    assay_table *table;
    assert_ok(assay_store_rows(store, run, NULL, 0, &table));
    static const char *const names[] = {
        "cell", "replicate", "flag", "list", "name", "none", "rate", "size", "k", "late", "zeal"};
    assert_int_equal(assay_table_columns(table), 11);
    for (size_t i = 0; i < 11; i++)
        assert_string_equal(assay_table_name(table, i), names[i]);
    assert_int_equal(assay_table_rows(table), 3);
    static const struct {
        size_t row;
        const char *name, *text;
    } entries[] = {{0, "cell", "0"}, {0, "replicate", "1"}, {0, "flag", "1"}, {0, "list", "[1,2]"},
        {0, "name", "a b"}, {0, "none", ""}, {0, "rate", "0.5"}, {0, "size", "3"}, {0, "k", "10"},
        {0, "late", ""}, {1, "k", "20"}, {1, "late", "5"}, {1, "size", "3"}, {1, "zeal", ""},
        {2, "cell", "1"}, {2, "replicate", "2"}, {2, "rate", "1"}, {2, "size", "99"},
        {2, "k", "30"}, {2, "zeal", "2"}, {2, "flag", ""}};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        expect(table, entries[i].row, entries[i].name, entries[i].text);
    assay_table_free(table);

    static const char *const wanted[] = {"k", "cell", "rate", "absent"};
    assert_ok(assay_store_rows(store, run, wanted, 4, &table));
    assert_int_equal(assay_table_columns(table), 3);
    assert_int_equal(assay_table_rows(table), 3);
    expect(table, 2, "k", "30");
    expect(table, 1, "rate", "0.5");
    expect(table, 2, "cell", "1");
    assay_table_free(table);
    assert_fails(assay_store_rows(store, 99, NULL, 0, &table), ASSAY_ENOTFOUND, "no run 99");
    assert_null(table);
}

/* Cells of a single row have the same row number. */
static void a_row_ends_with_its_cell(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 3), k = metric(store, "k");
    for (int64_t cell = 0; cell < 3; cell++)
        assert_ok(assay_store_value_integer(store, run, cell, 0, k, 10 + cell));
    assay_table *table;
    assert_ok(assay_store_rows(store, run, NULL, 0, &table));
    assert_int_equal(assay_table_rows(table), 3);
    expect(table, 1, "k", "11");
    expect(table, 1, "replicate", "2");
    expect(table, 2, "size", "2");
    assay_table_free(table);
}

static void parameters_that_are_no_json_are_told(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 0);
    assay_table *table;
    assert_ok(assay_store_cell_create(store, run, 0, "{broken", 1));
    assert_ok(assay_store_value_integer(store, run, 0, 0, metric(store, "k"), 1));
    assert_fails(assay_store_rows(store, run, NULL, 0, &table), ASSAY_EFORMAT, "JSON");
}

static void values_need_their_cell_and_metric(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 1), k = metric(store, "k");
    assert_int_equal(metric(store, "k"), k);
    assert_int_not_equal(metric(store, "K"), k);
    assert_fails(assay_store_value_number(store, run, 1, 0, k, 1), ASSAY_ENOTFOUND, "no cell 1");
    assert_fails(assay_store_value_number(store, 99, 0, 0, k, 1), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_value_number(store, run, 0, 0, 99, 1), ASSAY_ENOTFOUND, "metric 99");
    assert_fails(assay_store_value_number(store, run, 0, -1, k, 1), ASSAY_EINVAL, "row -1");
    assert_fails(assay_store_value_number(store, run, 1 << 24, 0, k, 1), ASSAY_EINVAL, "no value");
    assert_ok(assay_store_value_number(store, run, 0, 0, k, 1));
    assert_fails(assay_store_value_number(store, run, 0, 0, k, 2), ASSAY_EINVAL, "row 0 already");
    int64_t id;
    assert_fails(assay_store_metric(store, "replicate", &id), ASSAY_EINVAL, "can't be named");
    assert_int_equal(query(store, "SELECT count(*) FROM value"), 1);
    assert_fails(assay_store_cell_create(store, run, 0, "{}", 1), ASSAY_EINVAL, "UNIQUE");
    assert_fails(assay_store_cell_create(store, 99, 0, "{}", 1), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_cell_create(store, run, 1 << 24, "{}", 1), ASSAY_EINVAL, "16777215");
}

/* The counters of runs and cells are what counting gives. */
static void check_counters(assay_store *store)
{
    assert_int_equal(
        query(store, "SELECT count(*) FROM run r WHERE cells != (SELECT count(*) FROM cell "
                     "WHERE run = r.id) OR cells_done != (SELECT count(*) FROM cell WHERE run "
                     "= r.id AND state = 'done') OR cells_failed != (SELECT count(*) FROM cell "
                     "WHERE run = r.id AND state = 'failed') OR rows != (SELECT count(DISTINCT "
                     "v.cell || ' ' || v.seq) FROM value v WHERE v.cell >> 24 = r.id)"),
        0);
    assert_int_equal(
        query(store, "SELECT count(*) FROM cell c WHERE rows != (SELECT count(DISTINCT "
                     "seq) FROM value WHERE cell = c.id)"),
        0);
}

static void log_rows(assay_store *store, int64_t run, int64_t index, int64_t from, int64_t to)
{
    int64_t k = metric(store, "k"), c = metric(store, "coverage");
    for (int64_t seq = from; seq < to; seq++) {
        assert_ok(assay_store_value_integer(store, run, index, seq, k, seq));
        assert_ok(assay_store_value_number(store, run, index, seq, c, 0.5));
    }
}

static void counters_follow_the_cells(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 3), other = make_run(store, "other", 1);
    assay_cell_info cell;
    assert_ok(assay_store_begin(store));
    for (int64_t i = 0; i < 3; i++) {
        assert_ok(assay_store_cell_start(store, run, i));
        log_rows(store, run, i, 0, 4);
    }
    log_rows(store, other, 0, 0, 2);
    log_rows(store, run, 1, 4, 6);
    assert_ok(assay_store_cell_finish(store, run, 0, ASSAY_CELL_DONE, 0.25, NULL));
    assert_ok(assay_store_cell_finish(store, run, 1, ASSAY_CELL_FAILED, 0.5, "no luck"));
    assert_ok(assay_store_commit(store));
    check_counters(store);
    assert_int_equal(query(store, "SELECT rows FROM run WHERE id = 1"), 14);
    assert_ok(assay_store_cell_get(store, run, 1, &cell));
    assert_int_equal(cell.state, ASSAY_CELL_FAILED);
    assert_int_equal(cell.rows, 6);
    assert_int_equal(cell.attempts, 1);
    assert_int_equal(cell.replicate, 2);
    assert_float_equal(cell.elapsed, 0.5, 0);
    assert_string_equal(cell.error, "no luck");
    assert_string_equal(cell.params, "{\"size\":1}");
    assay_cell_info_clear(&cell);

    /* again: what the first attempt left is gone */
    assert_ok(assay_store_note(store, run, 1, "left"));
    assert_ok(assay_store_note(store, run, 2, "stays"));
    assert_ok(assay_store_artifact(store, run, 1, "left", "text/plain", "x", 1));
    assert_ok(assay_store_begin(store));
    log_rows(store, run, 1, 6, 7);
    assert_ok(assay_store_cell_start(store, run, 1));
    log_rows(store, run, 1, 0, 2);
    assert_ok(assay_store_commit(store));
    check_counters(store);
    assert_int_equal(query(store, "SELECT count(*) FROM note"), 1);
    assert_int_equal(query(store, "SELECT count(*) FROM artifact"), 0);
    assert_ok(assay_store_cell_get(store, run, 1, &cell));
    assert_int_equal(cell.attempts, 2);
    assert_null(cell.error);
    assay_cell_info_clear(&cell);
    assert_ok(assay_store_cell_finish(store, run, 1, ASSAY_CELL_DONE, 0.5, NULL));
    assert_ok(assay_store_cell_start(store, run, 0)); /* a finished one too */
    check_counters(store);

    assay_cell_list list;
    assert_ok(assay_store_cells(store, run, 0, 0, &list));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.cells[2].index, 2);
    assay_cell_list_free(&list);
    assert_ok(assay_store_cells(store, run, 1, 1, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.cells[0].state, ASSAY_CELL_DONE);
    assay_cell_list_free(&list);
    assert_fails(assay_store_cell_get(store, run, 3, &cell), ASSAY_ENOTFOUND, "no cell 3");
    assert_fails(assay_store_cell_start(store, run, 3), ASSAY_ENOTFOUND, "no cell 3");
    assert_fails(assay_store_cell_finish(store, run, 3, ASSAY_CELL_DONE, 0, NULL), ASSAY_ENOTFOUND,
        "no cell 3");
}

static void failed_cells_have_no_rows(void **state)
{
    fixture *f = *state;
    int64_t run = make_run(f->store, "demo", 3);
    assay_table *table;
    for (int64_t index = 0; index < 3; index++) {
        assert_ok(assay_store_cell_start(f->store, run, index));
        log_rows(f->store, run, index, 0, 2);
    }
    assert_ok(assay_store_cell_finish(f->store, run, 0, ASSAY_CELL_DONE, 1, NULL));
    assert_ok(assay_store_cell_finish(f->store, run, 1, ASSAY_CELL_FAILED, 1, "fell over"));
    assert_ok(assay_store_rows(f->store, run, NULL, 0, &table));
    assert_int_equal(assay_table_rows(table), 4);
    expect(table, 1, "cell", "0");
    expect(table, 2, "cell", "2"); /* it still runs */
    assay_table_free(table);
}

static void a_rollback_takes_all_back(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 1);
    assert_ok(assay_store_begin(store));
    assert_fails(assay_store_begin(store), ASSAY_EINVAL, "already open");
    log_rows(store, run, 0, 0, 3);
    assay_store_rollback(store);
    assert_fails(assay_store_commit(store), ASSAY_EINVAL, "no transaction");
    check_counters(store);
    assert_int_equal(
        query(store, "SELECT count(*) + (SELECT count(*) FROM measure) FROM value"), 0);
    /* what was remembered of the transaction is forgotten too */
    log_rows(store, run, 0, 0, 2);
    check_counters(store);
    assert_int_equal(query(store, "SELECT count(*) FROM measure"), 2);
    assert_int_equal(query(store, "SELECT rows FROM run"), 2);
}

static void expect_difference(assay_store *store, int64_t a, int64_t b, const char *words)
{
    bool equal = false;
    char difference[512];
    assert_ok(assay_store_rows_compare(store, a, b, &equal, difference, sizeof difference));
    assert_string_equal(difference, words);
    assert_int_equal(equal, words[0] == '\0');
}

/* Two runs with one cell and a value in row 5, as written by the two functions. */
static void compare_is_bitwise(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t k = metric(store, "k");
    int64_t zero = make_run(store, "a", 1), minus = make_run(store, "a", 1),
            whole = make_run(store, "a", 1), text = make_run(store, "a", 1),
            nan1 = make_run(store, "a", 1), nan2 = make_run(store, "a", 1),
            none = make_run(store, "a", 1), long1 = make_run(store, "a", 1),
            long2 = make_run(store, "a", 1);
    assert_ok(assay_store_value_number(store, zero, 0, 5, k, 0.0));
    assert_ok(assay_store_value_number(store, minus, 0, 5, k, -0.0));
    assert_ok(assay_store_value_integer(store, whole, 0, 5, k, 0));
    assert_ok(assay_store_value_text(store, text, 0, 5, k, "0", 1));
    assert_ok(assay_store_value_number(store, nan1, 0, 5, k, NAN));
    assert_ok(assay_store_value_number(store, nan2, 0, 5, k, -NAN));
    assert_ok(assay_store_value_integer(store, long1, 0, 5, k, INT64_MAX));
    assert_ok(assay_store_value_integer(store, long2, 0, 5, k, INT64_MAX - 1));
    expect_difference(store, zero, zero, "");
    expect_difference(store, nan1, nan2, "");
    expect_difference(store, none, none, "");
    expect_difference(
        store, zero, minus, "cell 0, row 5, k: number 0 in run 1, number -0 in run 2");
    expect_difference(
        store, zero, whole, "cell 0, row 5, k: number 0 in run 1, integer 0 in run 3");
    expect_difference(store, text, whole, "cell 0, row 5, k: \"0\" in run 4, integer 0 in run 3");
    expect_difference(store, nan1, none, "cell 0, row 5, k: nan in run 5, absent in run 7");
    expect_difference(store, none, nan1, "cell 0, row 5, k: absent in run 7, nan in run 5");
    expect_difference(store, long1, long2,
        "cell 0, row 5, k: integer 9223372036854775807 in run 8, "
        "integer 9223372036854775806 in run 9");
    bool equal;
    char words[64];
    assert_fails(assay_store_rows_compare(store, 1, 99, &equal, words, sizeof words),
        ASSAY_ENOTFOUND, "no run 99");
    assert_false(equal);
}

static void compare_tells_the_first_difference(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t a = make_run(store, "a", 3), b = make_run(store, "a", 3);
    int64_t k = metric(store, "k"), c = metric(store, "coverage");
    for (int64_t index = 0; index < 3; index++) {
        log_rows(store, a, index, 0, 3);
        log_rows(store, b, index, 0, index == 2 ? 2 : 3);
    }
    expect_difference(store, a, b, "cell 2, row 2, k: integer 2 in run 1, absent in run 2");
    assert_ok(assay_store_value_integer(store, b, 2, 2, k, 2));
    expect_difference(store, b, a, "cell 2, row 2, coverage: absent in run 2, number 0.5 in run 1");
    assert_ok(assay_store_value_number(store, b, 2, 2, c, 0.5));
    expect_difference(store, a, b, "");

    int64_t fewer = make_run(store, "a", 2), other = make_run(store, "a", 0);
    expect_difference(store, a, fewer, "run 3 has 2 cells, run 1 has more");
    assert_ok(assay_store_cell_create(store, other, 0, "{\"size\":7}", 1));
    expect_difference(
        store, fewer, other, "cell 0: parameters {\"size\":0} in run 3, {\"size\":7} in run 4");
    int64_t replicate = make_run(store, "a", 0);
    assert_ok(assay_store_cell_create(store, replicate, 0, "{\"size\":0}", 2));
    expect_difference(store, fewer, replicate, "cell 0: replicate 1 in run 3, 2 in run 5");
}

/* Every page of the rows is what stands there among all of them, whatever its size. */
static void pages_are_the_rows(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "paged", 7), a = metric(store, "a");
    struct {
        int64_t cell, seq;
    } place[64];
    size_t count = 0, n;
    assay_cell_brief *briefs;
    for (int64_t cell = 0; cell < 7; cell++) {
        int64_t rows = cell == 2 ? 0 : cell + 1;
        assert_ok(assay_store_cell_start(store, run, cell));
        for (int64_t seq = 0; seq < rows; seq++)
            assert_ok(assay_store_value_integer(store, run, cell, seq, a, 100 * cell + seq));
        assert_ok(assay_store_cell_finish(
            store, run, cell, cell == 4 ? ASSAY_CELL_FAILED : ASSAY_CELL_DONE, 1, NULL));
        for (int64_t seq = 0; cell != 4 && seq < rows; seq++) {
            place[count].cell = cell;
            place[count++].seq = seq;
        }
    }
    assert_ok(assay_store_cell_briefs(store, run, &briefs, &n));
    assert_int_equal(n, 7);
    assert_int_equal(briefs[4].state, ASSAY_CELL_FAILED);
    assert_int_equal(briefs[6].rows, 7);
    free(briefs);
    for (size_t from = 0; from < count; from++)
        for (size_t to = from; to < count; to++) {
            assay_table *rows;
            size_t column;
            assert_ok(assay_store_rows_between(store, run, place[from].cell, place[from].seq,
                place[to].cell, place[to].seq, &rows));
            assert_int_equal(assay_table_rows(rows), to - from + 1);
            assert_ok(assay_table_find(rows, "a", &column));
            for (size_t i = from; i <= to; i++)
                assert_int_equal((int64_t)assay_table_get(rows, i - from, column).number,
                    100 * place[i].cell + place[i].seq);
            assay_table_free(rows);
        }
    assay_table *rows;
    assert_fails(
        assay_store_rows_between(store, run, 3, 0, 2, 0, &rows), ASSAY_EINVAL, "has no rows from");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(numbers_keep_their_bits),
        store_test(integers_and_texts_keep_theirs),
        store_test(rows_are_a_table),
        store_test(a_row_ends_with_its_cell),
        store_test(parameters_that_are_no_json_are_told),
        store_test(values_need_their_cell_and_metric),
        store_test(counters_follow_the_cells),
        store_test(failed_cells_have_no_rows),
        store_test(a_rollback_takes_all_back),
        store_test(compare_is_bitwise),
        store_test(compare_tells_the_first_difference),
        store_test(pages_are_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
