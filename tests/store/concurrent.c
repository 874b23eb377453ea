/* Many processes, one file: nothing is lost, nobody sees a lock. */
#include "fixture.h"

#include <sys/wait.h>
#include <time.h>

enum { PROCESSES = 16, ROWS = 40, OPENERS = 64 };

static void wait_for_all(int count)
{
    for (int i = 0; i < count; i++) {
        int result;
        assert_true(wait(&result) > 0);
        assert_true(WIFEXITED(result));
        if (WEXITSTATUS(result) != 0)
            fail_msg("a process failed at step %d", WEXITSTATUS(result));
    }
}

static int failed(int step)
{
    printf("# step %d: %s\n", step, assay_errmsg());
    fflush(stdout);
    return step;
}

/* A process of its own: opens the file that isn't there yet, makes a run, logs rows one transaction
 * each, and uses a metric that all want to add. 0, or the step that failed. */
static int log_rows(const char *path)
{
    assay_store *store;
    int64_t run, k;
    bool cancel;
    assay_run_new new = {.experiment = "monkeys", .script = "return 1", .params = "{}"};
    if (assay_store_open(path, ASSAY_STORE_CREATE, &store))
        return failed(1);
    if (assay_store_run_create(store, &new, &run) || assay_store_run_claim(store, run, 1))
        return failed(2);
    if (assay_store_cell_create(store, run, 0, "{}", 1) || assay_store_cell_start(store, run, 0))
        return failed(3);
    if (assay_store_metric(store, "k", &k))
        return failed(4);
    for (int64_t seq = 0; seq < ROWS; seq++)
        if (assay_store_value_integer(store, run, 0, seq, k, seq) ||
            assay_store_run_heartbeat(store, run, &cancel))
            return failed(5);
    if (assay_store_view_refresh(store, "monkeys"))
        return failed(6);
    if (assay_store_cell_finish(store, run, 0, ASSAY_CELL_DONE, 0, NULL) ||
        assay_store_run_finish(store, run, ASSAY_RUN_DONE, 0, NULL))
        return failed(7);
    assay_store_close(store);
    return 0;
}

static void nothing_is_lost(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            _exit(log_rows(f->path));
    wait_for_all(PROCESSES);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_READ, &f->store));
    assert_int_equal(query(f->store, "SELECT count(*) FROM run WHERE rows = 40 AND state = 'done' "
                                     "AND cells_done = 1"),
        PROCESSES);
    assert_int_equal(query(f->store, "SELECT count(*) FROM value"), PROCESSES * ROWS);
    assert_int_equal(query(f->store, "SELECT count(*) FROM experiment"), 1);
    assert_int_equal(query(f->store, "SELECT count(*) FROM metric"), 1);
    assert_int_equal(query(f->store, "SELECT count(*) FROM monkeys"), PROCESSES * ROWS);
    assert_int_equal(query(f->store, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                     "integrity_check != 'ok'"),
        0);
}

static int open_and_read(const char *path)
{
    assay_store *store;
    assay_run_list list;
    if (assay_store_open(path, ASSAY_STORE_CREATE, &store))
        return failed(1);
    if (assay_store_run_list(store, NULL, 0, 0, &list))
        return failed(2);
    assay_run_list_free(&list);
    assay_store_close(store);
    return 0;
}

/* Opening, migrating, and the last one's closing all at once. */
static void all_open_a_new_file_at_once(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < OPENERS; i++)
        if (fork() == 0)
            _exit(open_and_read(f->path));
    wait_for_all(OPENERS);
}

/* A child that keeps the file for itself for so many milliseconds; it says when it has it. */
static void hold_file(const char *path, int milliseconds)
{
    int ends[2];
    char word;
    assert_int_equal(pipe(ends), 0);
    if (fork() == 0) {
        sqlite3 *db;
        struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
        bool good = sqlite3_open(path, &db) == SQLITE_OK &&
                    sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK;
        word = good ? 'y' : 'n';
        if (write(ends[1], &word, 1) != 1)
            _exit(1);
        nanosleep(&pause, NULL);
        _exit(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK);
    }
    assert_int_equal(read(ends[0], &word, 1), 1);
    assert_int_equal(word, 'y');
    close(ends[0]);
    close(ends[1]);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void a_writer_waits_for_its_turn(void **state)
{
    fixture *f = *state;
    hold_file(f->path, 2000);
    double from = seconds();
    assay_run_list list;
    /* readers don't wait */
    assert_ok(assay_store_run_list(f->store, NULL, 0, 0, &list));
    assay_run_list_free(&list);
    assert_true(seconds() - from < 1.9);
    int64_t run = make_run(f->store, "monkeys", 1);
    assert_true(seconds() - from > 1);
    wait_for_all(1);
    assert_int_equal(run, 1);
}

static void patience_ends_with_words(void **state)
{
    fixture *f = *state;
    int64_t run = make_run(f->store, "monkeys", 1);
    hold_file(f->path, 900);
    assay_store_set_patience(f->store, 0.2);
    double from = seconds();
    int status = assay_store_note(f->store, run, -1, "x");
    double waited = seconds() - from;
    assert_int_equal(status, ASSAY_EBUSY);
    assert_non_null(strstr(assay_errmsg(), f->path));
    assert_non_null(strstr(assay_errmsg(), "another process keeps the file for itself"));
    assert_null(strstr(assay_errmsg(), "locked"));
    assert_true(waited > 0.15 && waited < 0.8);
    assay_store_set_patience(f->store, 60);
    assert_ok(assay_store_note(f->store, run, -1, "x"));
    wait_for_all(1);
}

/* A file that isn't in WAL mode yet, held by its maker: opening waits as well. */
static void opening_waits_too(void **state)
{
    fixture *f = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_close(db);
    hold_file(f->path, 500);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &f->store));
    wait_for_all(1);
    make_run(f->store, "monkeys", 1);
}

/* Two processes resume one run: one of them gets it. */
static void one_of_two_claims(void **state)
{
    fixture *f = *state;
    int64_t run = make_run(f->store, "monkeys", 1);
    assay_store_close(f->store);
    f->store = NULL;
    int ends[2];
    char word;
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            assay_store *store;
            close(ends[1]);
            if (assay_store_open(f->path, ASSAY_STORE_WRITE, &store))
                _exit(9);
            int status = assay_store_run_claim(store, run, 1);
            if (read(ends[0], &word, 1) != 0) /* stay until both have tried */
                _exit(9);
            _exit(status == ASSAY_OK ? 1 : status == ASSAY_EBUSY ? 2 : 8);
        }
    struct timespec pause = {0, 300000000};
    nanosleep(&pause, NULL);
    close(ends[1]);
    close(ends[0]);
    int sum = 0;
    for (int i = 0; i < 2; i++) {
        int result;
        assert_true(wait(&result) > 0);
        sum += WEXITSTATUS(result);
    }
    assert_int_equal(sum, 3);
}

/* Closing in a forked child must leave the parent's transaction alone, also what of it has gone
 * from the (tiny) page cache to the log already. */
static void a_child_may_close_its_copy(void **state)
{
    enum { HALF = 5000 };
    fixture *f = *state;
    int64_t run = make_run(f->store, "monkeys", 1), k = metric(f->store, "k");
    sqlite3_exec(assay_store_sqlite(f->store), "PRAGMA cache_size = 5", NULL, NULL, NULL);
    assert_ok(assay_store_begin(f->store));
    for (int64_t seq = 0; seq < HALF; seq++)
        assert_ok(assay_store_value_integer(f->store, run, 0, seq, k, seq));
    if (fork() == 0) {
        assay_store_close(f->store);
        _exit(0);
    }
    wait_for_all(1);
    for (int64_t seq = HALF; seq < 2 * HALF; seq++)
        assert_ok(assay_store_value_integer(f->store, run, 0, seq, k, seq));
    assert_ok(assay_store_commit(f->store));
    assert_int_equal(query(f->store, "SELECT count(*) FROM value"), 2 * HALF);
    assert_int_equal(query(f->store, "SELECT rows FROM run"), 2 * HALF);
    assert_int_equal(query(f->store, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                     "integrity_check != 'ok'"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        directory_test(nothing_is_lost),
        directory_test(all_open_a_new_file_at_once),
        store_test(a_writer_waits_for_its_turn),
        store_test(patience_ends_with_words),
        directory_test(opening_waits_too),
        store_test(one_of_two_claims),
        store_test(a_child_may_close_its_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
