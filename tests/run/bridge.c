/* What stands between a run and its neighbours: experiment files that are found, figures over a
 * run's rows, fits and verdicts. */
#include "fixture.h"

#include <math.h>
#include <sys/stat.h>

#include <sqlite3.h>

/* y = a x^-2 exactly, for a = 1, 2, 3 and x = 1..8, in two replicates. */
#define LAWFUL                                                                                     \
    "local assay = require 'assay'\n"                                                              \
    "return assay.experiment {\n"                                                                  \
    "  name = 'lawful', params = { a = { default = {1, 2, 3} } }, replicates = 2,\n"               \
    "  run = function(cell)\n"                                                                     \
    "    for x = 1, 8 do cell:log { x = x, y = cell.params.a / x ^ 2 } end\n"                      \
    "  end,\n"                                                                                     \
    "  figures = {\n"                                                                              \
    "    { name = 'law', x = 'x', y = 'y', by = 'a', logx = true, logy = true, fit = 'power' },\n" \
    "    { name = 'lost', x = 'x', y = 'never_logged' },\n"                                        \
    "  },\n"                                                                                       \
    "  claims = {\n"                                                                               \
    "    { name = 'first', text = 'as it may be', check = function(rows) %s end },\n"              \
    "    { name = 'second', text = 'as it may be too', check = function(rows) %s end },\n"         \
    "  } }\n"

static int64_t run_lawful(const char *first, const char *second)
{
    static char script[2048];
    snprintf(script, sizeof script, LAWFUL, first, second);
    assay_run_options options = options_with(2);
    return run_script(script, &options, ASSAY_RUN_DONE);
}

static void a_figure_gets_its_rows(void **state)
{
    (void)state;
    int64_t run = run_lawful("error('x')", "error('y')");
    assay_store *store = open_store();
    assay_figure **figures;
    size_t count;
    expect_ok(assay_run_figures(store, run, &figures, &count));
    assert_int_equal(count, 2);
    assert_string_equal(figures[0]->name, "law");
    assay_series_set *set;
    expect_ok(assay_run_series(store, run, figures[0], &set));
    assert_int_equal(set->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(set->series[i].count, 8);
        for (size_t j = 0; j < 8; j++) {
            double x = (double)(j + 1), a = (double)(i + 1);
            assert_true(set->series[i].points[j].x == x);
            assert_true(fabs(set->series[i].points[j].y - a / (x * x)) < 1e-15);
            assert_int_equal(set->series[i].points[j].units, 2);
        }
        assert_true(set->series[i].fitted);
        assert_true(fabs(set->series[i].fit.value[1] + 2) < 1e-6);
    }
    assay_series_set_free(set);
    assert_int_equal(assay_run_series(store, run, figures[1], &set), ASSAY_ENOTFOUND);
    assert_non_null(strstr(assay_errmsg(), "never_logged"));
    assert_non_null(strstr(assay_errmsg(), "replicate")); /* all the columns that there are */
    assay_run_figures_free(figures, count);
    assay_store_close(store);
}

static void fits_are_stored(void **state)
{
    (void)state;
    int64_t run = run_lawful("error('x')", "error('y')");
    assay_store *store = open_store();
    sqlite3_stmt *query;
    assert_int_equal(sqlite3_prepare_v2(assay_store_sqlite(store),
                         "SELECT series, json_extract(json, '$.parameters.a.value'), "
                         "json_extract(json, '$.parameters.b.value'), json_extract(json, '$.law') "
                         "FROM fit WHERE run = ? AND figure = 'law' ORDER BY series",
                         -1, &query, NULL),
        SQLITE_OK);
    sqlite3_bind_int64(query, 1, run);
    for (int a = 1; a <= 3; a++) {
        assert_int_equal(sqlite3_step(query), SQLITE_ROW);
        assert_non_null(strchr((const char *)sqlite3_column_text(query, 0), '0' + a));
        assert_true(fabs(sqlite3_column_double(query, 1) - a) < 1e-6);
        assert_true(fabs(sqlite3_column_double(query, 2) + 2) < 1e-6);
        assert_string_equal((const char *)sqlite3_column_text(query, 3), "power");
    }
    assert_int_equal(sqlite3_step(query), SQLITE_DONE);
    sqlite3_finalize(query);
    assay_store_close(store);
}

static void expect_verdicts(int64_t run, const char *verdict, const char *first, const char *second)
{
    assay_store *store = open_store();
    assay_claim_list list;
    expect_ok(assay_store_claims_get(store, run, &list));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.claims[0].name, "first");
    assert_string_equal(list.claims[1].text, "as it may be too");
    assert_string_equal(list.claims[0].verdict, verdict);
    assert_string_equal(list.claims[1].verdict, verdict);
    if (!strstr(list.claims[0].message, first) || !strstr(list.claims[1].message, second))
        fail_msg("\"%s\" and \"%s\"", list.claims[0].message, list.claims[1].message);
    assay_claim_list_clear(&list);
    assay_store_close(store);
}

static void a_check_that_errs_is_a_verdict(void **state)
{
    (void)state;
    int64_t run = run_lawful("error('no luck')", "error('nor here')");
    expect_verdicts(run, "error", "no luck", "nor here");
}

static void a_check_that_dies_is_a_verdict_too(void **state)
{
    (void)state;
    int64_t run = run_lawful("error('no luck')", "os.execute('kill -9 $PPID')");
    expect_verdicts(run, "error", "killed by signal 9", "killed by signal 9");
}

static void verdicts_can_be_made_again(void **state)
{
    (void)state;
    int64_t run = run_lawful("error('no luck')", "error('nor here')");
    assay_store *store = open_store();
    assay_claim_list none = {0};
    expect_ok(assay_store_claims_put(store, run, &none));
    expect_ok(assay_run_check_claims(store, run));
    assay_store_close(store);
    expect_verdicts(run, "error", "no luck", "nor here");
}

/* ---- experiment files ---- */

#define NAMED(NAME) "return require('assay').experiment { name = '" NAME "', run = print }\n"

static char before[4096];

/* experiments/mixing/{first,broken}.lua here, another first and a second in the user's directory.
 */
static int make_files(void **state)
{
    static const char *const directories[] = {"experiments", "experiments/mixing",
        "experiments/.hidden", "data", "data/assay", "data/assay/experiments"};
    char path[160];
    if (make_directory(state) || !getcwd(before, sizeof before))
        return -1;
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, directories[i]);
        if (mkdir(path, 0700))
            return -1;
    }
    write_file("experiments/mixing/first-file.lua", NAMED("first"));
    write_file("experiments/mixing/broken.lua", "return {\n\n} +");
    write_file("experiments/mixing/README", "not a script");
    write_file("experiments/.hidden/hidden.lua", NAMED("hidden"));
    write_file("data/assay/experiments/shadowed.lua", NAMED("first"));
    write_file("data/assay/experiments/second.lua", NAMED("second"));
    snprintf(path, sizeof path, "%s/data", directory);
    return setenv("XDG_DATA_HOME", path, 1) || chdir(directory);
}

static int remove_files(void **state)
{
    return chdir(before) || remove_directory(state);
}

static const assay_found *find_by_name(const assay_found_list *list, const char *name)
{
    const assay_found *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            assert_null(found);
            found = &list->items[i];
        }
    }
    return found;
}

static void files_are_found_and_described(void **state)
{
    (void)state;
    assay_found_list list;
    expect_ok(assay_run_discover(&list));
    const assay_found *first = find_by_name(&list, "first");
    assert_non_null(first);
    assert_string_equal(first->path, "experiments/mixing/first-file.lua");
    assert_string_equal(first->family, "mixing");
    assert_non_null(strstr(first->describe, "\"first\""));
    assert_null(first->error);
    const assay_found *broken = find_by_name(&list, "broken");
    assert_non_null(broken);
    assert_non_null(strstr(broken->error, "broken.lua:3"));
    assert_null(broken->describe);
    assert_non_null(find_by_name(&list, "second"));
    assert_null(find_by_name(&list, "hidden"));
    for (size_t i = 1; i < list.count; i++)
        assert_true(strcmp(list.items[i - 1].family, list.items[i].family) <= 0);
    assay_found_list_free(&list);
}

static void expect_located(const char *text, const char *expected)
{
    char *path;
    expect_ok(assay_run_locate(text, &path));
    assert_non_null(strstr(path, expected));
    free(path);
}

static void an_experiment_is_located(void **state)
{
    (void)state;
    expect_located("first", "mixing/first-file.lua");
    expect_located("first-file", "mixing/first-file.lua");
    expect_located("experiments/mixing/broken.lua", "experiments/mixing/broken.lua");
    expect_located("second", "data/assay/experiments/second.lua");
    char *path;
    assert_int_equal(assay_run_locate("secnod", &path), ASSAY_ENOTFOUND);
    assert_non_null(strstr(assay_errmsg(), "did you mean \"second\"?"));
    assert_int_equal(assay_run_locate("experiments/none.lua", &path), ASSAY_ENOTFOUND);
    assert_string_equal(assay_errmsg(), "there is no file experiments/none.lua");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_figure_gets_its_rows),
        TEST(fits_are_stored),
        TEST(a_check_that_errs_is_a_verdict),
        TEST(a_check_that_dies_is_a_verdict_too),
        TEST(verdicts_can_be_made_again),
        cmocka_unit_test_setup_teardown(files_are_found_and_described, make_files, remove_files),
        cmocka_unit_test_setup_teardown(an_experiment_is_located, make_files, remove_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
