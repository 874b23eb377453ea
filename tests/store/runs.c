/* Runs: what is stored is read back, one process has a run at a time, a dead one is recognised. */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>

static void reads_back_what_was_stored(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t id = make_run(store, "monkeys", 3);
    assay_run_info run;
    assert_ok(assay_store_run_get(store, id, &run));
    assert_int_equal(run.id, id);
    assert_int_equal(strlen(run.uuid), 36);
    assert_int_equal(run.uuid[14], '4'); /* the version of a random UUID */
    assert_string_equal(run.experiment, "monkeys");
    assert_string_equal(run.path, "/tmp/x.lua");
    assert_string_equal(run.method, "monkeys");
    assert_string_equal(run.preset, "quick");
    assert_string_equal(run.params, "{\"size\":1}");
    assert_string_equal(run.versions, "{\"assay\":\"0.1.0\"}");
    assert_true(run.seed == UINT64_MAX);
    assert_int_equal(run.replicates, 2);
    assert_int_equal(run.workers, 4);
    assert_int_equal(run.cells, 3);
    assert_int_equal(run.cells_done, 0);
    assert_int_equal(run.state, ASSAY_RUN_QUEUED);
    assert_int_equal(run.pid, getpid());
    assert_true(run.created > 1.7e9 && run.started == 0 && run.finished == 0);
    assert_null(run.error);
    assay_run_info_clear(&run);

    char *text;
    assert_ok(assay_store_run_script(store, id, &text));
    assert_string_equal(text, "return 1");
    free(text);
    assert_ok(assay_store_run_describe(store, id, &text));
    assert_non_null(strstr(text, "coverage"));
    free(text);
    assert_fails(assay_store_run_get(store, 99, &run), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_run_script(store, 99, &text), ASSAY_ENOTFOUND, "no run 99");
}

static void keeps_a_script_once(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    make_run(store, "a", 0);
    make_run(store, "a", 0);
    assert_int_equal(query(store, "SELECT count(*) FROM experiment"), 1);
    make_run(store, "b", 0);
    assert_int_equal(query(store, "SELECT count(*) FROM experiment"), 2);
    /* sha256sum of "return 1" */
    assert_int_equal(
        query(store, "SELECT count(*) FROM experiment WHERE sha = "
                     "'486d9affb60dbb0063b03d8e23a6ccf6364ce203dc3a9f56f20e750eb41ecade'"),
        2);
    assert_int_equal(query(store, "SELECT count(*) FROM figure WHERE name = 'coverage'"), 2);
}

static void lists_newest_first(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    for (int i = 0; i < 6; i++)
        make_run(store, i % 2 ? "odd" : "even", 0);
    assay_run_list list;
    assert_ok(assay_store_run_list(store, NULL, 0, 0, &list));
    assert_int_equal(list.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(list.runs[i].id, 6 - i);
    assay_run_list_free(&list);
    assert_ok(assay_store_run_list(store, NULL, 2, 1, &list));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.runs[0].id, 5);
    assay_run_list_free(&list);
    assert_ok(assay_store_run_list(store, "odd", 2, 1, &list));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.runs[0].id, 4);
    assert_string_equal(list.runs[0].experiment, "odd");
    assert_int_equal(list.runs[1].id, 2);
    assay_run_list_free(&list);
    assert_ok(assay_store_run_list(store, "none", 0, 0, &list));
    assert_int_equal(list.count, 0);
    int64_t count;
    assert_ok(assay_store_run_count(store, NULL, &count));
    assert_int_equal(count, 6);
    assert_ok(assay_store_run_count(store, "odd", &count));
    assert_int_equal(count, 3);
    assert_ok(assay_store_run_count(store, "none", &count));
    assert_int_equal(count, 0);
    assay_run_list_free(&list);
}

static void finds_by_number_uuid_and_last(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t id;
    assert_fails(assay_store_run_find(store, "last", &id), ASSAY_ENOTFOUND, "holds no run yet");
    make_run(store, "monkeys", 0);
    make_run(store, "smote", 0);
    assert_ok(assay_store_run_find(store, "1", &id));
    assert_int_equal(id, 1);
    assert_ok(assay_store_run_find(store, "last", &id));
    assert_int_equal(id, 2);
    assert_ok(assay_store_run_find(store, "last:monkeys", &id));
    assert_int_equal(id, 1);
    assert_fails(assay_store_run_find(store, "last:monkys", &id), ASSAY_ENOTFOUND,
        "did you mean \"monkeys\"");
    assert_fails(assay_store_run_find(store, "3", &id), ASSAY_ENOTFOUND, "no run 3");
    assert_fails(assay_store_run_find(store, "", &id), ASSAY_EINVAL, "names no run");
    assert_fails(assay_store_run_find(store, "abc", &id), ASSAY_EINVAL, "names no run");

    sqlite3_exec(assay_store_sqlite(store),
        "UPDATE run SET uuid = 'abcd1000-0000-4000-8000-00000000000' || id;", NULL, NULL, NULL);
    assert_fails(assay_store_run_find(store, "abcd", &id), ASSAY_EINVAL, "several runs");
    sqlite3_exec(assay_store_sqlite(store), "UPDATE run SET uuid = '1234ef00-1' WHERE id = 2;",
        NULL, NULL, NULL);
    assert_ok(assay_store_run_find(store, "ABCD", &id));
    assert_int_equal(id, 1);
    assert_ok(assay_store_run_find(store, "1234", &id)); /* no run has this number */
    assert_int_equal(id, 2);
    assert_fails(assay_store_run_find(store, "beef", &id), ASSAY_ENOTFOUND, "begins with");
}

static void lives_through_its_states(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t id = make_run(store, "monkeys", 2);
    bool cancel = true;
    assay_run_info run;
    assert_fails(assay_store_run_heartbeat(store, id, &cancel), ASSAY_EINVAL, "has not claimed");
    assert_ok(assay_store_run_claim(store, id, 7));
    assert_ok(assay_store_run_heartbeat(store, id, &cancel));
    assert_false(cancel);
    assert_ok(assay_store_run_get(store, id, &run));
    assert_int_equal(run.state, ASSAY_RUN_RUNNING);
    assert_int_equal(run.workers, 7);
    assert_true(run.started >= run.created && run.heartbeat >= run.started);
    assay_run_info_clear(&run);

    assert_ok(assay_store_run_request_cancel(store, id));
    assert_ok(assay_store_run_heartbeat(store, id, &cancel));
    assert_true(cancel);
    assert_fails(
        assay_store_run_finish(store, id, ASSAY_RUN_RUNNING, 1, NULL), ASSAY_EINVAL, "can't end");
    assert_ok(assay_store_run_finish(store, id, ASSAY_RUN_CANCELLED, 1.5, "by hand"));
    assert_ok(assay_store_run_get(store, id, &run));
    assert_int_equal(run.state, ASSAY_RUN_CANCELLED);
    assert_string_equal(run.error, "by hand");
    assert_float_equal(run.elapsed, 1.5, 0);
    assert_true(run.finished >= run.started);
    assay_run_info_clear(&run);
    assert_fails(assay_store_run_request_cancel(store, id), ASSAY_EINVAL, "it is cancelled");

    /* resumed: the old request is forgotten, the seconds add up */
    assert_ok(assay_store_run_claim(store, id, 1));
    assert_ok(assay_store_run_heartbeat(store, id, &cancel));
    assert_false(cancel);
    assert_ok(assay_store_run_finish(store, id, ASSAY_RUN_DONE, 2, NULL));
    assert_ok(assay_store_run_get(store, id, &run));
    assert_float_equal(run.elapsed, 3.5, 0);
    assert_null(run.error);
    assay_run_info_clear(&run);
    assert_fails(
        assay_store_run_finish(store, 99, ASSAY_RUN_DONE, 0, NULL), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_run_claim(store, 99, 1), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_run_heartbeat(store, 99, &cancel), ASSAY_ENOTFOUND, "no run 99");
}

static void a_request_before_the_claim_is_heard(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t id = make_run(store, "monkeys", 0);
    bool cancel = false;
    assert_ok(assay_store_run_request_cancel(store, id));
    assert_ok(assay_store_run_claim(store, id, 1));
    assert_ok(assay_store_run_heartbeat(store, id, &cancel));
    assert_true(cancel);
}

/* A child that claims the run, says so over the pipe, and waits to be killed. */
static pid_t start_owner(const char *path, int64_t run)
{
    int ends[2];
    char word = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        assay_store *store;
        bool good = assay_store_open(path, ASSAY_STORE_WRITE, &store) == ASSAY_OK &&
                    assay_store_run_claim(store, run, 1) == ASSAY_OK &&
                    assay_store_cell_start(store, run, 0) == ASSAY_OK;
        word = good ? 'y' : 'n';
        if (write(ends[1], &word, 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &word, 1), 1);
    assert_int_equal(word, 'y');
    close(ends[0]);
    close(ends[1]);
    return child;
}

static assay_run_state state_of(assay_store *store, int64_t id)
{
    assay_run_info run;
    assert_ok(assay_store_run_get(store, id, &run));
    assay_run_state state = run.state;
    assay_run_info_clear(&run);
    return state;
}

static void a_dead_run_is_interrupted(void **state)
{
    fixture *f = *state;
    int64_t id = make_run(f->store, "monkeys", 1);
    assay_store_close(f->store); /* no connection is open across the fork */
    f->store = NULL;
    pid_t child = start_owner(f->path, id);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_WRITE, &f->store));
    assert_int_equal(state_of(f->store, id), ASSAY_RUN_RUNNING);
    assert_fails(assay_store_run_claim(f->store, id, 1), ASSAY_EBUSY, "belongs to process");
    assert_fails(assay_store_run_delete(f->store, id), ASSAY_EBUSY, "belongs to process");
    bool cancel;
    assert_fails(assay_store_run_heartbeat(f->store, id, &cancel), ASSAY_EBUSY, "belongs to");

    kill(child, SIGKILL);
    /* a zombie, whose pid still answers to kill, is dead too */
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(state_of(f->store, id), ASSAY_RUN_INTERRUPTED);
    waitpid(child, NULL, 0);
    assert_int_equal(state_of(f->store, id), ASSAY_RUN_INTERRUPTED);
    assay_run_list list;
    assert_ok(assay_store_run_list(f->store, NULL, 0, 0, &list));
    assert_int_equal(list.runs[0].state, ASSAY_RUN_INTERRUPTED);
    assay_run_list_free(&list);
    assert_fails(assay_store_run_request_cancel(f->store, id), ASSAY_EINVAL, "interrupted");

    assert_ok(assay_store_run_claim(f->store, id, 1));
    assert_int_equal(state_of(f->store, id), ASSAY_RUN_RUNNING);
    assay_cell_info cell;
    assert_ok(assay_store_cell_get(f->store, id, 0, &cell));
    assert_int_equal(cell.state, ASSAY_CELL_QUEUED); /* it was running when its process died */
    assert_int_equal(cell.attempts, 1);
    assay_cell_info_clear(&cell);
}

/* What the row says, set by hand: another start time, another host. */
static void tells_processes_apart(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    sqlite3 *db = assay_store_sqlite(store);
    int64_t id = make_run(store, "monkeys", 0);
    assert_ok(assay_store_run_claim(store, id, 1));
    assert_int_equal(state_of(store, id), ASSAY_RUN_RUNNING);
    sqlite3_exec(db, "UPDATE run SET pid_start = pid_start - 1", NULL, NULL, NULL);
    assert_int_equal(state_of(store, id), ASSAY_RUN_INTERRUPTED);
    sqlite3_exec(db, "UPDATE run SET host = 'elsewhere.invalid'", NULL, NULL, NULL);
    assert_int_equal(state_of(store, id), ASSAY_RUN_RUNNING);
    assert_fails(assay_store_run_claim(store, id, 1), ASSAY_EBUSY, "elsewhere.invalid");
    sqlite3_exec(db, "UPDATE run SET heartbeat = heartbeat - 61", NULL, NULL, NULL);
    assert_int_equal(state_of(store, id), ASSAY_RUN_INTERRUPTED);
    /* what was asked of the dead process is not asked of the next one */
    bool cancel = true;
    sqlite3_exec(db, "UPDATE run SET cancel_requested = 1", NULL, NULL, NULL);
    assert_ok(assay_store_run_claim(store, id, 1));
    assert_ok(assay_store_run_heartbeat(store, id, &cancel));
    assert_false(cancel);
}

static void deleting_leaves_nothing(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t kept = make_run(store, "monkeys", 2), gone = make_run(store, "smote", 2);
    int64_t k = metric(store, "k");
    for (int64_t run = kept; run <= gone; run++) {
        assert_ok(assay_store_value_integer(store, run, 0, 0, k, 1));
        assert_ok(assay_store_value_integer(store, run, 1, 0, k, 1));
        assert_ok(assay_store_note(store, run, 0, "note"));
        assert_ok(assay_store_artifact(store, run, -1, "a", "text/plain", "x", 1));
        assert_ok(assay_store_fit_put(store, run, "f", "s", "{}"));
        assert_ok(assay_store_view_refresh(store, run == kept ? "monkeys" : "smote"));
    }
    assert_fails(assay_store_run_delete(store, gone), ASSAY_EBUSY, "belongs to");
    assert_ok(assay_store_run_finish(store, gone, ASSAY_RUN_DONE, 0, NULL));
    assert_ok(assay_store_run_delete(store, gone));
    static const char *const tables[] = {"run", "experiment", "measure", "note", "artifact", "fit",
        "wide", "sqlite_schema WHERE name IN ('monkeys', 'smote')"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
        if (query(store, sql) != 1)
            fail_msg("%s: %d", tables[i], (int)query(store, sql));
    }
    assert_int_equal(query(store, "SELECT count(*) FROM cell"), 2);
    assert_int_equal(query(store, "SELECT count(*) FROM value"), 2);
    assert_int_equal(query(store, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_fails(assay_store_run_delete(store, gone), ASSAY_ENOTFOUND, "no run");
    /* its number isn't given again */
    assert_int_equal(make_run(store, "smote", 0), gone + 1);
}

/* More than goes at once, of every kind, beside a run that stays. */
static void a_large_run_goes_by_parts(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t kept = make_run(store, "monkeys", 2), gone = make_run(store, "smote", 3);
    int64_t k = metric(store, "k");
    char sql[1024];
    assert_ok(assay_store_value_integer(store, kept, 0, 0, k, 1));
    assert_ok(assay_store_value_integer(store, gone, 0, 0, k, 1));
    for (int64_t run = kept; run <= gone; run++)
        assert_ok(assay_store_run_finish(store, run, ASSAY_RUN_DONE, 0, NULL));
    snprintf(sql, sizeof sql,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450000) "
        "INSERT INTO value SELECT (%d << 24) + i / 225000, i, %d, i FROM n;"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
        "INSERT INTO note (run, cell, time, text) SELECT %d, 0, 0, '' FROM n;"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70) "
        "INSERT INTO artifact (run, cell, name, type, data) SELECT %d, 0, i, '', x'00' FROM n;",
        (int)gone, (int)k, (int)gone, (int)gone);
    assert_int_equal(sqlite3_exec(assay_store_sqlite(store), sql, NULL, NULL, NULL), SQLITE_OK);
    assert_ok(assay_store_run_delete(store, gone));
    static const char *const tables[] = {"run", "value", "measure", "experiment"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
        assert_int_equal(query(store, sql), 1);
    }
    assert_int_equal(query(store, "SELECT count(*) FROM cell"), 2);
    assert_int_equal(query(store, "SELECT count(*) FROM note"), 0);
    assert_int_equal(query(store, "SELECT count(*) FROM artifact"), 0);
    assert_int_equal(query(store, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static void names_its_states(void **state)
{
    (void)state;
    assert_string_equal(assay_run_state_name(ASSAY_RUN_INTERRUPTED), "interrupted");
    assert_string_equal(assay_run_state_name(ASSAY_RUN_QUEUED), "queued");
    assert_string_equal(assay_cell_state_name(ASSAY_CELL_FAILED), "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(reads_back_what_was_stored),
        store_test(keeps_a_script_once),
        store_test(lists_newest_first),
        store_test(finds_by_number_uuid_and_last),
        store_test(lives_through_its_states),
        store_test(a_request_before_the_claim_is_heard),
        store_test(a_dead_run_is_interrupted),
        store_test(tells_processes_apart),
        store_test(deleting_leaves_nothing),
        store_test(a_large_run_goes_by_parts),
        cmocka_unit_test(names_its_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
