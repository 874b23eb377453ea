/* Runs, from an experiment's file to its rows: the rows are those that the script logs, whatever
 * the number of workers and the order; bad cells are recorded and harm no other. */
#include "fixture.h"

#include <math.h>
#include <sqlite3.h>

static double number_at(const assay_table *rows, size_t row, const char *name)
{
    size_t column;
    expect_ok(assay_table_find(rows, name, &column));
    return assay_table_get(rows, row, column).number;
}

/* Replicates vary slowest, so row i of cell c has a = c % 3 + 1. */
static void rows_are_those_that_are_logged(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run = run_script(PLAIN, &options, ASSAY_RUN_DONE);
    assay_store *store = open_store();
    assay_table *rows;
    expect_ok(assay_store_rows(store, run, NULL, 0, &rows));
    assert_int_equal(assay_table_rows(rows), 12 * 6);
    for (size_t row = 0; row < 12 * 6; row++) {
        double i = (double)(row % 6 + 1), a = (double)(row / 6 % 3 + 1);
        assert_true(number_at(rows, row, "cell") == row / 6);
        assert_true(number_at(rows, row, "replicate") == row / 18 + 1);
        assert_true(number_at(rows, row, "a") == a);
        assert_true(number_at(rows, row, "i") == i);
        assert_true(number_at(rows, row, "square") == a * i * i);
        assert_in_range((int)(number_at(rows, row, "u") * 1000), 0, 999);
    }
    assay_table_free(rows);
    assay_run_info info;
    expect_ok(assay_store_run_get(store, run, &info));
    assert_int_equal(info.cells, 12);
    assert_int_equal(info.cells_done, 12);
    assert_int_equal(info.rows, 72);
    assert_non_null(strstr(info.versions, "\"sqlite\""));
    assay_run_info_clear(&info);
    assay_store_close(store);
}

static void rows_depend_on_neither_workers_nor_order(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    int64_t first = run_script(PLAIN, &options, ASSAY_RUN_DONE);
    static const struct {
        int workers;
        uint64_t order;
    } ways[] = {{2, 0}, {4, 0}, {1, 7}, {3, 8}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        options.workers = ways[i].workers;
        options.order_seed = ways[i].order;
        expect_equal_rows(first, run_script(PLAIN, &options, ASSAY_RUN_DONE));
    }
    options.seed = 2;
    int64_t other = run_script(PLAIN, &options, ASSAY_RUN_DONE);
    assay_store *store = open_store();
    bool equal;
    char difference[512];
    expect_ok(assay_store_rows_compare(store, first, other, &equal, difference, sizeof difference));
    assert_false(equal);
    assay_store_close(store);
}

/* Cells 1 and 4 have a = 2 and do `bad`; the others log a row. */
static void expect_bad_cells(int64_t run, const char *error)
{
    assay_run_info info = get_info(run);
    assert_int_equal(info.cells_done, 4);
    assert_int_equal(info.cells_failed, 2);
    assert_int_equal(info.rows, 4);
    assay_run_info_clear(&info);
    expect_cell_error(run, 1, error);
    expect_cell_error(run, 4, error);
    expect_cell_error(run, 0, "");
}

#define BAD(NAME, WHAT)                                                                            \
    WITH_RUN(NAME, "if cell.params.a == 2 then " WHAT " end cell:log { x = cell.params.a }")

static void an_error_is_kept_with_its_traceback(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run =
        run_script(BAD("errs", "error('no luck ' .. cell.replicate)"), &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "no luck");
    expect_cell_error(run, 4, "experiment.lua:7: no luck 2\n");
    expect_cell_error(run, 4, "experiment.lua:7: in ");
}

static void an_endless_loop_meets_the_time_limit(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    options.cell_time = 0.3;
    int64_t run = run_script(BAD("loops", "while true do end"), &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "time limit of 0.3 s exceeded");
    expect_cell_error(run, 1, "experiment.lua:7: in ");
}

static void limits_may_be_declared(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run =
        run_script("local assay = require 'assay'\n"
                   "return assay.experiment { name = 'limited', limits = { time = 0.2 },\n"
                   "  run = function(cell) while true do end end }\n",
            &options, ASSAY_RUN_FAILED);
    expect_cell_error(run, 0, "time limit of 0.2 s exceeded");
}

static void a_memory_bomb_meets_the_limit(void **state)
{
    (void)state;
    if (!memory_can_be_limited())
        skip();
    assay_run_options options = options_with(2);
    options.cell_memory = 64 << 20;
    int64_t run =
        run_script(BAD("bomb", "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(10000) .. i end"),
            &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "not enough memory");
    expect_cell_error(run, 1, "(the memory limit of a cell is 64 MiB)");
}

static void a_crash_is_recorded(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run =
        run_script(BAD("crash", "os.execute('kill -SEGV $PPID')"), &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "killed by signal 11 (SIGSEGV: ");
    run = run_script(BAD("killed", "os.execute('kill -KILL $PPID')"), &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "killed by signal 9 (SIGKILL)");
    run = run_script(BAD("exit", "os.exit(3)"), &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "exit");
}

static void a_cell_sees_the_globals_as_the_script_left_them(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    int64_t run =
        run_script(WITH_RUN("globals", "count = (count or 0) + 1 cell:log { count = count }"),
            &options, ASSAY_RUN_DONE);
    assay_store *store = open_store();
    assay_table *rows;
    expect_ok(assay_store_rows(store, run, NULL, 0, &rows));
    for (size_t row = 0; row < 6; row++)
        assert_true(number_at(rows, row, "count") == 1);
    assay_table_free(rows);
    assay_store_close(store);
}

/* The first measure of each cell has another name. */
static void cells_may_log_different_measures(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run = run_script(WITH_RUN("names", "local a = cell.params.a\n"
                                               "cell:log { ['m' .. a] = a }\n"
                                               "cell:log { m1 = 10 * a, z = 'text' }"),
        &options, ASSAY_RUN_DONE);
    assay_store *store = open_store();
    assay_table *rows;
    expect_ok(assay_store_rows(store, run, NULL, 0, &rows));
    assert_int_equal(assay_table_rows(rows), 12);
    for (size_t row = 0; row < 12; row++) {
        double a = (double)(row / 2 % 3 + 1);
        char name[16];
        snprintf(name, sizeof name, "m%d", row % 2 ? 1 : (int)a);
        assert_true(number_at(rows, row, name) == (row % 2 ? 10 * a : a));
    }
    assay_table_free(rows);
    assay_store_close(store);
}

static void what_is_printed_becomes_notes(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    int64_t run =
        run_script(WITH_RUN("prints", "if cell.params.a == 1 and cell.replicate == 1 then\n"
                                      "print('hello', 1)\n"
                                      "io.stderr:write('warned\\n')\n"
                                      "io.write('\\27[2J\\255\\n')\n"
                                      "cell:note('noted') end"),
            &options, ASSAY_RUN_DONE);
    assay_store *store = open_store();
    assay_note_list list;
    expect_ok(assay_store_notes(store, run, 0, &list));
    assert_int_equal(list.count, 4);
    static const char *const texts[] = {"hello\t1", "warned", "?[2J\xef\xbf\xbd", "noted"};
    for (size_t i = 0; i < 4; i++) {
        size_t found = 0;
        for (size_t j = 0; j < list.count; j++)
            found += strcmp(list.notes[j].text, texts[i]) == 0 && list.notes[j].index == 0;
        assert_int_equal(found, 1);
    }
    assay_note_list_free(&list);
    assay_store_close(store);
}

static void a_large_artifact_arrives_whole(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run = run_script(
        WITH_RUN("large", "cell:artifact('blob', ('0123456789'):rep(2^20) .. cell.params.a)"),
        &options, ASSAY_RUN_DONE);
    assay_store *store = open_store();
    for (int64_t cell = 0; cell < 6; cell++) {
        void *data;
        size_t size;
        expect_ok(assay_store_artifact_get(store, run, cell, "blob", &data, &size));
        assert_int_equal(size, 10 * (1 << 20) + 1);
        assert_memory_equal((char *)data + size - 11, "0123456789", 10);
        assert_int_equal(((char *)data)[size - 1], '1' + cell % 3);
        free(data);
    }
    assay_store_close(store);
}

/* Run it in a process of its own, whose memory may grow by so many MiB. */
static void run_in_memory(const char *script, long most)
{
    struct rusage used;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        assay_run_options options = options_with(3);
        int64_t run = run_script(script, &options, ASSAY_RUN_DONE);
        getrusage(RUSAGE_SELF, &used);
        _exit(run == 1 ? (int)(used.ru_maxrss / 1024 / 2) : 255); /* in units of 2 MiB */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    getrusage(RUSAGE_SELF, &used);
    long grown = 2L * WEXITSTATUS(status) - used.ru_maxrss / 1024;
    assert_true(WEXITSTATUS(status) < 255 && grown < most);
}

/* 6 x 8000 rows of 1000 bytes: what the cells pour out at once must not pile up in the coordinator.
 */
static void the_coordinator_stays_small(void **state)
{
    (void)state;
    if (!memory_can_be_limited()) /* tools that watch memory also keep it */
        skip();
    run_in_memory(
        WITH_RUN("pours", "local s = ('s'):rep(1000) for i = 1, 8000 do cell:log { s = s } end"),
        40);
    assay_run_info info = get_info(1);
    assert_int_equal(info.rows, 48000);
    assay_run_info_clear(&info);
}

/* ASSAY_CELL_ROWS rows (200,000; scripts/soak: ten million) from one cell. */
static void a_cell_may_have_very_many_rows(void **state)
{
    (void)state;
    if (!memory_can_be_limited())
        skip();
    const char *wanted = getenv("ASSAY_CELL_ROWS");
    int64_t rows = wanted ? atoll(wanted) : 200000;
    char script[512], sql[256];
    snprintf(script, sizeof script,
        WITH_RUN("tall", "if cell.params.a > 1 or cell.replicate > 1 then return end\n"
                         "for i = 1, %lld do cell:log { i = i } end"),
        (long long)rows);
    double from = assay_monotonic();
    run_in_memory(script, 40);
    printf("# %lld rows from one cell: %.1f s\n", (long long)rows, assay_monotonic() - from);
    assay_store *store = open_store();
    sqlite3_stmt *query;
    snprintf(sql, sizeof sql,
        "SELECT count(*) = %lld AND sum(value) = %lld AND sum(value = seq + 1) = %lld AND "
        "(SELECT rows FROM run) = %lld FROM value",
        (long long)rows, (long long)(rows * (rows + 1) / 2), (long long)rows, (long long)rows);
    assert_int_equal(
        sqlite3_prepare_v2(assay_store_sqlite(store), sql, -1, &query, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(query), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(query, 0), 1);
    sqlite3_finalize(query);
    assay_store_close(store);
}

static void errors_before_the_run_are_returned(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    int64_t run;
    assay_run_state end;
    assert_int_equal(assay_run_start("/nonexistent/x.lua", &options, &run, &end), ASSAY_EIO);
    const char *path = write_file("experiment.lua", "return 1 +");
    assert_int_equal(assay_run_start(path, &options, &run, &end), ASSAY_ESCRIPT);
    assert_non_null(strstr(assay_errmsg(), "experiment.lua:1"));
    path = write_file("experiment.lua", PLAIN);
    options.settings = &(assay_setting){"b", "1"};
    options.setting_count = 1;
    assert_true(assay_run_start(path, &options, &run, &end) != ASSAY_OK);
    assert_non_null(strstr(assay_errmsg(), "b"));
    options.setting_count = 0;
    options.workers = -1;
    assert_int_equal(assay_run_start(path, &options, &run, &end), ASSAY_EINVAL);
    assert_int_not_equal(access(database, F_OK), 0);
}

static void expect_prefix(const char *text, const char *prefix)
{
    if (strncmp(text, prefix, strlen(prefix)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", text, prefix);
}

static void a_reproduction_is_equal_and_a_forged_value_is_found(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    int64_t run = run_script(PLAIN, &options, ASSAY_RUN_DONE), again;
    write_file("experiment.lua", "the file of today does not count");
    bool equal;
    char difference[2048] = "";
    options.seed = 99; /* nor does this */
    expect_ok(assay_run_reproduce(run, &options, &again, &equal, difference, sizeof difference));
    assert_true(equal);
    assert_int_not_equal(run, again);
    assay_store *store = open_store();
    assert_int_equal(
        sqlite3_exec(assay_store_sqlite(store),
            "UPDATE value SET value = value + 1e-15 WHERE seq = 3 AND cell = (1 << 24) + 7 AND "
            "metric = (SELECT id FROM metric WHERE name = 'u')",
            NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_changes(assay_store_sqlite(store)), 1);
    assay_store_close(store);
    expect_ok(assay_run_reproduce(run, &options, &again, &equal, difference, sizeof difference));
    assert_false(equal);
    double was, is;
    int run_was, run_is, used = 0;
    assert_int_equal(
        sscanf(difference, "cell 7, row 3, u: number %lf in run %d, number %lf in run %d\n%n", &was,
            &run_was, &is, &run_is, &used),
        4);
    assert_true(
        run_was == 1 && run_is == again && was != is && was - is < 2e-15 && is - was < 2e-15);
    expect_prefix(
        difference + used, "likely cause: program, libraries and processor are those of ");
    store = open_store();
    assert_int_equal(
        sqlite3_exec(assay_store_sqlite(store),
            "UPDATE run SET versions = json_set(versions, '$.cpu', 'Abacus', '$.libc', '1.0') "
            "WHERE id = 1",
            NULL, NULL, NULL),
        SQLITE_OK);
    assay_store_close(store);
    expect_ok(assay_run_reproduce(run, &options, &again, &equal, difference, sizeof difference));
    assert_non_null(strstr(difference, "\nlikely cause: the C library was 1.0 and is 2."));
    assert_non_null(strstr(difference, "; the processor was Abacus and is "));
}

static void failed_cells_are_redone_by_resume(void **state)
{
    (void)state;
    char script[1024];
    snprintf(script, sizeof script,
        BAD("mends", "local f = io.open('%s/mended') if not f then error('broken') end f:close()"),
        directory);
    assay_run_options options = options_with(2);
    int64_t run = run_script(script, &options, ASSAY_RUN_FAILED);
    expect_bad_cells(run, "broken");
    write_file("mended", "");
    assay_run_state end;
    expect_ok(assay_run_resume(run, &options, &end));
    assert_int_equal(end, ASSAY_RUN_DONE);
    assay_run_info info = get_info(run);
    assert_int_equal(info.cells_done, 6);
    assert_int_equal(info.cells_failed, 0);
    assert_int_equal(info.rows, 6);
    assay_run_info_clear(&info);
    expect_ok(assay_run_resume(run, &options, &end)); /* nothing is left to do */
    assert_int_equal(end, ASSAY_RUN_DONE);
    assert_int_equal(assay_run_resume(99, &options, &end), ASSAY_ENOTFOUND);
}

static void progress_is_put_in_a_line(void **state)
{
    (void)state;
    char text[128];
    assay_run_info info = {.state = ASSAY_RUN_RUNNING,
        .cells = 200,
        .cells_done = 118,
        .cells_failed = 2,
        .rows = 756000,
        .elapsed = 63};
    assay_run_progress_text(&info, 70, text, sizeof text);
    assert_string_equal(
        text, "[############--------] 120/200 cells  2 failed  1.2e4 rows/s  ETA 0:42");
    assay_run_progress_text(&info, 20, text, sizeof text);
    assert_string_equal(text, "120/200 cells  2 fai");
    info.state = ASSAY_RUN_DONE;
    info.cells_done = 200;
    info.cells_failed = 0;
    info.elapsed = 3723;
    assay_run_progress_text(&info, 200, text, sizeof text);
    assert_string_equal(text, "[########################################] 200/200 cells  203 "
                              "rows/s  took 1:02:03");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_those_that_are_logged),
        TEST(rows_depend_on_neither_workers_nor_order),
        TEST(an_error_is_kept_with_its_traceback),
        TEST(an_endless_loop_meets_the_time_limit),
        TEST(limits_may_be_declared),
        TEST(a_memory_bomb_meets_the_limit),
        TEST(a_crash_is_recorded),
        TEST(a_cell_sees_the_globals_as_the_script_left_them),
        TEST(cells_may_log_different_measures),
        TEST(what_is_printed_becomes_notes),
        TEST(a_large_artifact_arrives_whole),
        TEST(the_coordinator_stays_small),
        TEST(a_cell_may_have_very_many_rows),
        TEST(errors_before_the_run_are_returned),
        TEST(a_reproduction_is_equal_and_a_forged_value_is_found),
        TEST(failed_cells_are_redone_by_resume),
        TEST(progress_is_put_in_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
