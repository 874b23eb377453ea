/* Runs by a query, and what people say about runs. What holds of a run is said in a table here, and
 * each query is compared with the runs of which it holds. */
#include "fixture.h"

#include "store/internal.h"

static int64_t add_run(
    assay_store *store, const char *experiment, const char *params, double last, int cells)
{
    assay_run_new new = {.experiment = experiment,
        .path = "/x.lua",
        .script = "return 1",
        .preset = "quick",
        .params = params,
        .describe = "{}",
        .versions = "{}",
        .seed = 7,
        .replicates = 2,
        .workers = 1};
    int64_t run, share = metric(store, "share");
    assert_ok(assay_store_run_create(store, &new, &run));
    for (int i = 0; i < cells; i++)
        assert_ok(assay_store_cell_create(store, run, i, params, i + 1));
    assert_ok(assay_store_run_claim(store, run, 1));
    for (int i = 0; i < cells; i++) {
        assert_ok(assay_store_cell_start(store, run, i));
        assert_ok(assay_store_value_number(store, run, i, 0, share, 100));
        assert_ok(assay_store_value_number(store, run, i, 1, share, last + i));
        assert_ok(assay_store_cell_finish(store, run, i, ASSAY_CELL_DONE, 1, NULL));
    }
    return run;
}

/* Five runs: 1 done, 2 failed, 3 cancelled, 4 done, 5 live (this process). */
static void add_runs(assay_store *store)
{
    add_run(store, "monkeys", "{\"lr\":0.05,\"kind\":\"own\",\"on\":true}", 3, 2);
    add_run(store, "monkeys", "{\"lr\":[0.5,0.01],\"kind\":\"shared\",\"on\":false}", 1, 2);
    add_run(store, "urn", "{\"lr\":0.5,\"kind\":\"sha_ed\"}", 2, 1);
    add_run(store, "urn", "{\"size\":4}", 9, 0);
    add_run(store, "coin", "{\"lr\":1}", 5, 1);
    assert_ok(assay_store_run_finish(store, 1, ASSAY_RUN_DONE, 10, NULL));
    assert_ok(assay_store_run_finish(store, 2, ASSAY_RUN_FAILED, 20, "the disk is full"));
    assert_ok(assay_store_run_finish(store, 3, ASSAY_RUN_CANCELLED, 30, NULL));
    assert_ok(assay_store_run_finish(store, 4, ASSAY_RUN_DONE, 40, NULL));
    assert_ok(assay_store_run_label(store, 2, "the 100% try"));
    assert_ok(assay_store_run_tag(store, 2, "paper", true));
    assert_ok(assay_store_run_tag(store, 4, "paper", true));
    assert_ok(assay_store_run_tag(store, 4, "old", true));
    assert_ok(assay_store_note(store, 3, -1, "look at this again"));
}

/* The ids as a text: "4 2 1". */
static void select_text(assay_store *store, const assay_run_query *query, char *out, size_t size)
{
    int64_t *ids;
    size_t count, length = 0;
    out[0] = '\0';
    assert_ok(assay_store_run_select(store, query, &ids, &count));
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(
            out + length, size - length, "%s%lld", i ? " " : "", (long long)ids[i]);
    free(ids);
}

static void a_query_gives_the_runs_of_which_it_holds(void **state)
{
    static const struct {
        const char *filter, *runs;
    } expected[] = {
        {NULL, "5 4 3 2 1"},
        {"", "5 4 3 2 1"},
        {"exp:monk", "2 1"},
        {"exp=monk", ""},
        {"experiment=MONKEYS", "2 1"},
        {"exp!=monkeys", "5 4 3"},
        {"-exp:monkeys -exp:coin", "4 3"},
        {"state:done", "4 1"},
        {"state:run", "5"},
        {"-state:done", "5 3 2"},
        {"is:live", "5"},
        {"-is:live state:c", "3"},
        {"lr<0.1", "2 1"},
        {"lr<=0.05", "2 1"},
        {"lr>0.1", "5 3 2"},
        {"lr=0.5", "3 2"},
        {"-lr=0.5", "5 4 1"},
        {"lr>0.1 state:failed", "2"},
        {"kind:own", "1"},
        {"kind:sha", "3 2"},
        {"kind:sha_", "3"},
        {"kind=shared", "2"},
        {"kind!=shared", "3 1"},
        {"on=true", "1"},
        {"size=4", "4"},
        {"share>3", "5 1"}, /* means of the cells' last values: 3.5, 1.5, 2, none, 5 */
        {"share=1.5", "2"},
        {"label:100%", "2"},
        {"label:\"0% t\"", "2"},
        {"label:10%%", ""},
        {"is:labelled", "2"},
        {"tag:paper", "4 2"},
        {"tag:paper -tag:old", "2"},
        {"tag:pape", "4 2"},
        {"tag=pape", ""},
        {"note:again", "3"},
        {"error:disk", "2"},
        {"elapsed>=30", "4 3"},
        {"rows>=4", "2 1"},
        {"id<3", "2 1"},
        {"created>2020-01-01", "5 4 3 2 1"},
        {"created<2020-01-01", ""},
        {"seed=7 preset:qui", "5 4 3 2 1"},
        {"monk", "2 1"},
        {"try", "2"},
        {"paper", "4 2"},
        {"shared", "2"},
        {"-monk -paper", "5 3"},
        {"\"no such words\"", ""},
    };
    assay_store *store = ((fixture *)*state)->store;
    char runs[256];
    add_runs(store);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assay_run_query query = {.filter = expected[i].filter};
        select_text(store, &query, runs, sizeof runs);
        if (strcmp(runs, expected[i].runs) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", expected[i].filter, runs, expected[i].runs);
    }
    select_text(store, &(assay_run_query){.experiment = "urn", .filter = "state:d"}, runs, 256);
    assert_string_equal(runs, "4");
}

static void runs_are_sorted_and_pinned_ones_stand_first(void **state)
{
    static const struct {
        const char *sort;
        bool ascending;
        const char *runs;
    } expected[] = {
        {"id", true, "1 2 3 4 5"},
        {"exp", true, "5 2 1 4 3"},
        {"exp", false, "4 3 2 1 5"},
        {"elapsed", true, "5 1 2 3 4"},
        {"lr", true, "2 1 3 5 4"}, /* 0.01, 0.05, 0.5, 1, none */
        {"lr", false, "5 3 1 2 4"},
        {"share", false, "5 1 3 2 4"},
        {"tag", true, "4 2 5 3 1"},
        {"label", true, "2 5 4 3 1"},
    };
    assay_store *store = ((fixture *)*state)->store;
    char runs[256];
    add_runs(store);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assay_run_query query = {.sort = expected[i].sort, .ascending = expected[i].ascending};
        select_text(store, &query, runs, sizeof runs);
        if (strcmp(runs, expected[i].runs) != 0)
            fail_msg("by %s: \"%s\", not \"%s\"", expected[i].sort, runs, expected[i].runs);
    }
    assert_ok(assay_store_run_pin(store, 3, true));
    select_text(store, &(assay_run_query){0}, runs, sizeof runs);
    assert_string_equal(runs, "3 5 4 2 1");
    select_text(store, &(assay_run_query){.filter = "is:pinned"}, runs, sizeof runs);
    assert_string_equal(runs, "3");
    select_text(store, &(assay_run_query){.sort = "lr", .ascending = true}, runs, sizeof runs);
    assert_string_equal(runs, "3 2 1 5 4");
    assert_ok(assay_store_run_pin(store, 3, false));
    select_text(store, &(assay_run_query){0}, runs, sizeof runs);
    assert_string_equal(runs, "5 4 3 2 1");
}

static void a_bad_query_is_told(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t *ids;
    size_t count;
    static const struct {
        const char *filter;
        int status;
        const char *words;
    } bad[] = {
        {"lrr<1", ASSAY_ENOTFOUND, "did you mean \"lr\""},
        {"statte:done", ASSAY_ENOTFOUND, "did you mean \"state\""},
        {"rows<many", ASSAY_EINVAL, "rows is a number, got \"many\""},
        {"lr<", ASSAY_EINVAL, "lr<: what stands after it is missing"},
        {"lr=<1", ASSAY_EINVAL, "there are the operators"},
        {"is:dead", ASSAY_EINVAL, "no run is \"dead\""},
    };
    add_runs(store);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assay_run_query query = {.filter = bad[i].filter};
        assert_fails(
            assay_store_run_select(store, &query, &ids, &count), bad[i].status, bad[i].words);
        assert_null(ids);
    }
    assert_fails(assay_store_run_select(store, &(assay_run_query){.sort = "note"}, &ids, &count),
        ASSAY_EINVAL, "not one value");
    assert_fails(assay_store_run_select(store, &(assay_run_query){.sort = "nope"}, &ids, &count),
        ASSAY_ENOTFOUND, "\"nope\"");
}

static void labels_and_tags_are_read_back(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    assay_run_info run;
    double value;
    add_runs(store);
    assert_ok(assay_store_run_get(store, 4, &run));
    assert_string_equal(run.tags, "old paper");
    assert_null(run.label);
    assay_run_info_clear(&run);
    assert_ok(assay_store_run_tag(store, 4, "paper", true)); /* again: nothing new */
    assert_ok(assay_store_run_tag(store, 4, "old", false));
    assert_ok(assay_store_run_label(store, 2, ""));
    assert_ok(assay_store_run_get(store, 4, &run));
    assert_string_equal(run.tags, "paper");
    assay_run_info_clear(&run);
    assert_ok(assay_store_run_get(store, 2, &run));
    assert_null(run.label);
    assay_run_info_clear(&run);
    assert_fails(assay_store_run_tag(store, 2, "two words", true), ASSAY_EINVAL, "one word");
    assert_fails(assay_store_run_tag(store, 99, "x", true), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_run_label(store, 99, "x"), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_run_pin(store, 99, true), ASSAY_ENOTFOUND, "no run 99");
    assert_ok(assay_store_run_measure(store, 1, "share", &value));
    assert_true(value == 3.5);
    char **names;
    assert_ok(assay_store_run_measures(store, 1, &names));
    assert_string_equal(names[0], "share");
    assert_null(names[1]);
    free(names[0]);
    free(names);
    assert_ok(assay_store_run_measures(store, 4, &names));
    assert_null(names[0]);
    free(names);
    assert_ok(assay_store_run_measure(store, 4, "share", &value));
    assert_true(isnan(value));
}

static void what_is_discarded_is_gone_until_it_is_had_back(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    assay_run_list list;
    char runs[256];
    int64_t count, *ids, last;
    size_t n;
    add_runs(store);
    assert_ok(assay_store_view_refresh(store, "monkeys"));
    assert_int_equal(query(store, "SELECT count(*) FROM monkeys"), 8);
    assert_fails(assay_store_run_discard(store, 5, true), ASSAY_EBUSY, "cancel it before");
    assert_fails(assay_store_run_discard(store, 99, true), ASSAY_ENOTFOUND, "no run 99");
    assert_ok(assay_store_run_discard(store, 2, true));
    assert_ok(assay_store_run_discard(store, 4, true));
    assert_ok(assay_store_run_count(store, NULL, &count));
    assert_int_equal(count, 3);
    assert_ok(assay_store_run_count(store, "monkeys", &count));
    assert_int_equal(count, 1);
    assert_ok(assay_store_run_list(store, NULL, 0, 0, &list));
    assert_int_equal(list.count, 3);
    assay_run_list_free(&list);
    assert_ok(assay_store_run_list(store, "urn", 0, 0, &list));
    assert_int_equal(list.count, 1);
    assay_run_list_free(&list);
    assert_ok(assay_store_run_find(store, "last:urn", &last));
    assert_int_equal(last, 3);
    assert_int_equal(query(store, "SELECT count(*) FROM monkeys"), 4);
    select_text(store, &(assay_run_query){0}, runs, sizeof runs);
    assert_string_equal(runs, "5 3 1");
    select_text(store, &(assay_run_query){.filter = "is:discarded"}, runs, sizeof runs);
    assert_string_equal(runs, "4 2");
    assert_ok(assay_store_run_discarded(store, &ids, &n));
    assert_int_equal(n, 2);
    assert_int_equal(ids[0], 2);
    free(ids);
    assert_ok(assay_store_run_discard(store, 2, false));
    select_text(store, &(assay_run_query){0}, runs, sizeof runs);
    assert_string_equal(runs, "5 3 2 1");
    assert_int_equal(query(store, "SELECT count(*) FROM monkeys"), 8);
}

/* A file of version 1, as the first programs wrote it. */
static void a_file_of_version_1_keeps_its_runs(void **state)
{
    fixture *f = *state;
    assay_store *store;
    sqlite3 *db;
    char runs[256];
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, store_migrations[0], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
            "PRAGMA application_id = 0x41535359; PRAGMA user_version = 1;"
            "INSERT INTO experiment VALUES (1, 'old', 'x', 'return 1', '{}');"
            "INSERT INTO run (uuid, experiment, state, seed, replicates, workers, host, pid,"
            " pid_start, created, heartbeat, path, params, versions)"
            " VALUES ('u', 1, 'done', 1, 1, 1, 'h', 1, 1, 1, 1, '/x', '{\"a\":2}', '{}')",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_WRITE, &store));
    select_text(store, &(assay_run_query){.filter = "exp=old a=2"}, runs, sizeof runs);
    assert_string_equal(runs, "1");
    assert_ok(assay_store_run_tag(store, 1, "kept", true));
    assay_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_query_gives_the_runs_of_which_it_holds),
        store_test(runs_are_sorted_and_pinned_ones_stand_first),
        store_test(a_bad_query_is_told),
        store_test(labels_and_tags_are_read_back),
        store_test(what_is_discarded_is_gone_until_it_is_had_back),
        directory_test(a_file_of_version_1_keeps_its_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
