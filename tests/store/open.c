/* Opening: new files, files that are refused (and left as they were), files that go away. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *data = malloc(1 << 20);
    assert_non_null(data);
    *size = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

static void write_whole(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Opened in each mode the file is refused with these words, and has the same bytes after. */
static void expect_refused(const char *path, int status, const char *words)
{
    size_t size, size_after;
    char *before = read_whole(path, &size);
    for (int mode = ASSAY_STORE_READ; mode <= ASSAY_STORE_CREATE; mode++) {
        assay_store *store;
        assert_fails(assay_store_open(path, (assay_store_mode)mode, &store), status, words);
        assert_null(store);
    }
    char *after = read_whole(path, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void change(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static void create_makes_and_others_do_not(void **state)
{
    fixture *f = *state;
    assay_store *store;
    assert_fails(assay_store_open(f->path, ASSAY_STORE_READ, &store), ASSAY_ENOTFOUND, "No such");
    assert_fails(assay_store_open(f->path, ASSAY_STORE_WRITE, &store), ASSAY_ENOTFOUND, "creates");
    assert_int_equal(access(f->path, F_OK), -1);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    assert_string_equal(assay_store_path(store), f->path);
    assert_int_equal(query(store, "PRAGMA user_version"), 2);
    assert_int_equal(query(store, "PRAGMA application_id"), 0x41535359);
    assert_int_equal(query(store, "PRAGMA foreign_keys"), 1);
    assert_int_equal(query(store, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    /* every table of ours is STRICT */
    assert_int_equal(query(store, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' "
                                  "AND type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'"),
        0);
    assay_store_close(store);
    for (int mode = ASSAY_STORE_READ; mode <= ASSAY_STORE_CREATE; mode++) {
        assert_ok(assay_store_open(f->path, (assay_store_mode)mode, &store));
        assay_store_close(store);
    }
    assay_store_close(NULL);
    assert_fails(assay_store_open("", ASSAY_STORE_CREATE, &store), ASSAY_EINVAL, "not the name");
    assert_fails(
        assay_store_open(":memory:", ASSAY_STORE_CREATE, &store), ASSAY_EINVAL, "not the name");
    assert_fails(
        assay_store_open(f->directory, ASSAY_STORE_CREATE, &store), ASSAY_EIO, "not a file");
    assert_fails(assay_store_open("/no/such/place/x.db", ASSAY_STORE_CREATE, &store), ASSAY_EIO,
        "directory exists");
}

static void an_odd_name_is_only_a_name(void **state)
{
    fixture *f = *state;
    assay_store *store;
    snprintf(f->path, sizeof f->path, "%s/a b?mode=ro#%%20", f->directory);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    assay_store_close(store);
    assert_int_equal(access(f->path, F_OK), 0);
}

static void what_is_not_ours_is_refused(void **state)
{
    fixture *f = *state;
    char text[4097];
    memset(text, 'x', 4096);
    text[4096] = '\0';
    write_whole(f->path, text);
    expect_refused(f->path, ASSAY_EFORMAT, "is not a database");
    write_whole(f->path, "short");
    expect_refused(f->path, ASSAY_EFORMAT, "is not a database");

    unlink(f->path);
    change(f->path, "CREATE TABLE song (title TEXT)");
    expect_refused(f->path, ASSAY_EFORMAT, "of another program");
    unlink(f->path);
    change(f->path, "PRAGMA application_id = 7");
    expect_refused(f->path, ASSAY_EFORMAT, "application_id 7");
}

static void what_is_newer_is_refused(void **state)
{
    fixture *f = *state;
    assay_store *store;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    assay_store_close(store);
    change(f->path, "PRAGMA user_version = 3");
    expect_refused(f->path, ASSAY_EVERSION, "a newer assay");
}

/* No file that a program wrote has such a version: it would be an index before the first migration. */
static void a_version_below_zero_is_refused(void **state)
{
    fixture *f = *state;
    assay_store *store;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    assay_store_close(store);
    change(f->path, "PRAGMA user_version = -1000000");
    expect_refused(f->path, ASSAY_EFORMAT, "its version is -1000000, where 0 to 2 were expected");
    unlink(f->path);
    change(f->path, "PRAGMA user_version = -1"); /* of a file that is empty otherwise */
    expect_refused(f->path, ASSAY_EFORMAT, "its version is -1,");
}

static void an_empty_file_becomes_a_store(void **state)
{
    fixture *f = *state;
    assay_store *store;
    write_whole(f->path, "");
    assert_fails(assay_store_open(f->path, ASSAY_STORE_READ, &store), ASSAY_ENOTFOUND, "is empty");
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    assay_store_close(store);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_READ, &store));
    assay_store_close(store);
}

/* A file that a creation left in the middle (its version is the last thing that is written). */
static void an_older_file_is_migrated_by_readers_too(void **state)
{
    fixture *f = *state;
    assay_store *store;
    int64_t count;
    change(f->path, "PRAGMA application_id = 0x41535359");
    assert_ok(assay_store_open(f->path, ASSAY_STORE_READ, &store));
    assert_ok(assay_store_run_count(store, NULL, &count));
    assert_int_equal(count, 0);
    assert_fails(assay_store_begin(store), ASSAY_EINVAL, "for reading only");
    assay_store_close(store);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_WRITE, &store));
    assert_int_equal(make_run(store, "monkeys", 1), 1);
    assay_store_close(store);
}

static void a_damaged_file_is_told(void **state)
{
    fixture *f = *state;
    assay_store *store;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    assay_store_close(store);
    int file = open(f->path, O_WRONLY | O_CLOEXEC);
    char noise[512];
    memset(noise, 0xa5, sizeof noise);
    assert_int_equal(pwrite(file, noise, sizeof noise, 100), sizeof noise);
    close(file);
    assert_fails(assay_store_open(f->path, ASSAY_STORE_READ, &store), ASSAY_EFORMAT, "is damaged");
}

static void reading_writes_nothing(void **state)
{
    fixture *f = *state;
    assay_store *store;
    int64_t version;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    make_run(store, "monkeys", 1);
    assay_store_close(store);
    assert_ok(assay_store_open(f->path, ASSAY_STORE_READ, &store));
    assert_fails(assay_store_begin(store), ASSAY_EINVAL, "for reading only");
    assert_fails(assay_store_note(store, 1, -1, "x"), ASSAY_EINVAL, "for reading only");
    assert_fails(assay_store_run_claim(store, 1, 1), ASSAY_EINVAL, "for reading only");
    assert_fails(assay_store_view_refresh(store, "monkeys"), ASSAY_EINVAL, "for reading only");
    assert_ok(assay_store_data_version(store, &version));
    assay_store_close(store);
}

static void data_version_tells_of_others(void **state)
{
    fixture *f = *state;
    assay_store *a, *b;
    int64_t before, after;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &a));
    assert_ok(assay_store_open(f->path, ASSAY_STORE_WRITE, &b));
    assert_ok(assay_store_data_version(a, &before));
    assert_ok(assay_store_data_version(a, &after));
    assert_true(before == after);
    make_run(b, "monkeys", 0);
    assert_ok(assay_store_data_version(a, &after));
    assert_true(before != after);
    assay_store_close(a);
    assay_store_close(b);
}

static void a_file_that_goes_away_is_noticed(void **state)
{
    fixture *f = *state;
    char other[192];
    assay_store *store;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    int64_t run = make_run(store, "monkeys", 1);
    assert_ok(assay_store_check_file(store));
    snprintf(other, sizeof other, "%s/other.db", f->directory);
    assert_int_equal(rename(f->path, other), 0);
    assert_fails(assay_store_check_file(store), ASSAY_EIO, "deleted or moved");
    /* no row is written into a file that has no name any more */
    assert_fails(assay_store_note(store, run, -1, "lost"), ASSAY_EIO, "deleted or moved");
    write_whole(f->path, "");
    assert_fails(assay_store_check_file(store), ASSAY_EIO, "replaced");
    assert_fails(assay_store_note(store, run, -1, "lost"), ASSAY_EIO, "replaced");
    assert_int_equal(rename(other, f->path), 0);
    assert_ok(assay_store_check_file(store));
    assert_ok(assay_store_note(store, run, -1, "kept"));
    assert_int_equal(query(store, "SELECT count(*) FROM note"), 1);
    assay_store_close(store);
}

/* Run `check` in a child that is nobody, since root may write everywhere. Its exit status tells. */
static void as_nobody(const char *path, int (*check)(const char *path))
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        int at = check(path);
        if (at)
            printf("# step %d: %s\n", at, assay_errmsg());
        fflush(stdout);
        _exit(at);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
}

static bool said(const char *words)
{
    return strstr(assay_errmsg(), words) != NULL;
}

/* Reads the one run of the file; 0 when all went well, else the step that did not. */
static int reads(const char *path)
{
    assay_store *store;
    assay_run_list list;
    if (assay_store_open(path, ASSAY_STORE_READ, &store) != ASSAY_OK)
        return 1;
    if (assay_store_run_list(store, NULL, 0, 0, &list) != ASSAY_OK || list.count != 1)
        return 2;
    assay_run_list_free(&list);
    assay_store_close(store);
    return 0;
}

static int reads_but_does_not_write(const char *path)
{
    assay_store *store;
    if (reads(path) != 0)
        return 1;
    if (assay_store_open(path, ASSAY_STORE_WRITE, &store) != ASSAY_EIO ||
        !said("read-only for you"))
        return 2;
    return 0;
}

/* The file is ours to write, its directory is not: SQLite says so at one point or another. */
static int writes_nothing(const char *path)
{
    assay_store *store;
    int status = assay_store_open(path, ASSAY_STORE_WRITE, &store);
    if (status == ASSAY_OK) {
        status = assay_store_note(store, 1, -1, "x");
        assay_store_close(store);
    }
    return status == ASSAY_EIO && (said("read-only for you") || said("may write in it")) ? 0 : 1;
}

static int needs_a_copy(const char *path)
{
    assay_store *store;
    return assay_store_open(path, ASSAY_STORE_READ, &store) == ASSAY_EIO && said("copy both") ? 0
                                                                                              : 1;
}

static int can_not_be_read(const char *path)
{
    assay_store *store;
    return assay_store_open(path, ASSAY_STORE_READ, &store) == ASSAY_EIO && said("can't be read")
               ? 0
               : 1;
}

static void what_can_not_be_written_can_be_read(void **state)
{
    fixture *f = *state;
    assay_store *store;
    assert_ok(assay_store_open(f->path, ASSAY_STORE_CREATE, &store));
    make_run(store, "monkeys", 1);
    assay_store_close(store);
    chmod(f->directory, 0777);
    chmod(f->path, 0444);
    as_nobody(f->path, reads_but_does_not_write);
    chmod(f->directory, 0555);
    as_nobody(f->path, reads_but_does_not_write);
    chmod(f->path, 0666);
    as_nobody(f->path, reads);
    as_nobody(f->path, writes_nothing);
    chmod(f->path, 0000);
    as_nobody(f->path, can_not_be_read);
}

/* The writer died and left its log; then the directory became read-only. */
static void a_pending_log_is_not_passed_over(void **state)
{
    fixture *f = *state;
    char shm[192];
    pid_t child = fork();
    if (child == 0) {
        assay_store *store;
        if (assay_store_open(f->path, ASSAY_STORE_CREATE, &store) != ASSAY_OK)
            _exit(1);
        make_run(store, "monkeys", 1);
        kill(getpid(), SIGKILL);
    }
    int result;
    waitpid(child, &result, 0);
    assert_true(WIFSIGNALED(result));
    snprintf(shm, sizeof shm, "%s-shm", f->path);
    unlink(shm);
    chmod(f->path, 0444);
    chmod(f->directory, 0555);
    as_nobody(f->path, needs_a_copy);
    chmod(f->directory, 0777);
    chmod(f->path, 0666);
    assert_int_equal(reads(f->path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        directory_test(create_makes_and_others_do_not),
        directory_test(an_odd_name_is_only_a_name),
        directory_test(what_is_not_ours_is_refused),
        directory_test(what_is_newer_is_refused),
        directory_test(a_version_below_zero_is_refused),
        directory_test(an_empty_file_becomes_a_store),
        directory_test(an_older_file_is_migrated_by_readers_too),
        directory_test(a_damaged_file_is_told),
        directory_test(reading_writes_nothing),
        directory_test(data_version_tells_of_others),
        directory_test(a_file_that_goes_away_is_noticed),
        directory_test(what_can_not_be_written_can_be_read),
        directory_test(a_pending_log_is_not_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
