/* Databases of every version that was written: opened, brought up to date and read, their runs
 * resumed and reproduced by this program.
 *
 * tests/store/old/version-N.db was made by the assay of that version, from coins.lua there: run 1
 * is done, in run 2 the cells with bias 0.5 failed, run 3 was killed (SIGKILL) after two of its
 * cells, and the log of samples "graded" was imported. Whoever adds a migration keeps a file of the
 * version before it, made like that. */
#include "fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/internal.h"

/* Copy the file of a version to `database`. */
static bool take_old(int version)
{
    char path[4096], command[9000];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/store/old/version-%d.db", srcdir ? srcdir : ".", version);
    if (access(path, R_OK))
        return false;
    snprintf(command, sizeof command, "cp '%s' '%s' && chmod u+w '%s'", path, database, database);
    assert_int_equal(system(command), 0);
    return true;
}

/* What a query of one value gives, as text, by SQLite alone. The caller frees. */
static char *ask(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open_v2(database, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(db);
    return text;
}

static void expect_answer(const char *sql, const char *expected)
{
    char *text = ask(sql);
    assert_string_equal(text, expected);
    free(text);
}

#define EVERY_VALUE                                                                                \
    "SELECT group_concat(cell || ' ' || seq || ' ' || name || ' ' || quote(value), x'0a') FROM "   \
    "(SELECT * FROM value JOIN metric ON metric.id = value.metric ORDER BY cell, seq, name)"

static void expect_runs(assay_store *store)
{
    static const char *const states[] = {"interrupted", "failed", "done"}; /* newest first */
    static const int64_t rows[] = {32, 24, 48};
    assay_run_list runs;
    expect_ok(assay_store_run_list(store, NULL, 0, 0, &runs));
    assert_int_equal(runs.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(runs.runs[i].experiment, "coins");
        assert_string_equal(assay_run_state_name(runs.runs[i].state), states[i]);
        assert_int_equal(runs.runs[i].rows, rows[i]);
        assert_int_equal(runs.runs[i].cells, 6);
    }
    assay_run_list_free(&runs);
}

static void expect_what_belongs_to_run_1(assay_store *store)
{
    assay_note_list notes;
    assay_claim_list claims;
    assay_artifact_list artifacts;
    assay_table *rows;
    char *fit;
    expect_ok(assay_store_notes(store, 1, 0, &notes));
    assert_int_equal(notes.count, 6);
    assay_note_list_free(&notes);
    expect_ok(assay_store_artifacts(store, 1, &artifacts));
    assert_int_equal(artifacts.count, 6);
    assay_artifact_list_free(&artifacts);
    expect_ok(assay_store_claims_get(store, 1, &claims));
    assert_int_equal(claims.count, 1);
    assert_string_equal(claims.claims[0].verdict, "inconclusive");
    assay_claim_list_clear(&claims);
    expect_ok(assay_store_fit_get(store, 1, "share", "bias = 0.3", &fit));
    assert_non_null(strstr(fit, "0.552 x^-0.206"));
    free(fit);
    expect_ok(assay_store_rows(store, 1, NULL, 0, &rows));
    assert_int_equal(assay_table_rows(rows), 48);
    assay_table_free(rows);
    expect_ok(assay_store_samples(store, "graded", &rows));
    assert_int_equal(assay_table_rows(rows), 2);
    assay_table_free(rows);
}

static void an_old_file_is_read(int version)
{
    char number[16], *before = ask(EVERY_VALUE);
    snprintf(number, sizeof number, "%d", version);
    expect_answer("PRAGMA user_version", number);
    assay_store *store;
    expect_ok(assay_store_open(database, ASSAY_STORE_READ, &store));
    expect_runs(store);
    expect_what_belongs_to_run_1(store);
    assay_store_close(store);
    expect_cell_error(2, 1, "the coin broke");
    snprintf(number, sizeof number, "%d", store_version);
    expect_answer("PRAGMA user_version", number);
    expect_answer("SELECT integrity_check FROM pragma_integrity_check", "ok");
    expect_answer("SELECT count(*) FROM pragma_foreign_key_check", "0");
    expect_answer(EVERY_VALUE, before);
    free(before);
}

static void an_old_run_is_resumed(void)
{
    assay_run_options options = options_with(4);
    assay_run_state state;
    int64_t again;
    bool equal;
    char difference[2048];
    expect_ok(assay_run_resume(3, &options, &state));
    assert_int_equal(state, ASSAY_RUN_DONE);
    for (int64_t run = 1; run <= 3; run += 2) {
        expect_ok(
            assay_run_reproduce(run, &options, &again, &equal, difference, sizeof difference));
        if (!equal)
            fail_msg("run %d: %s", (int)run, difference);
    }
    expect_answer("SELECT count(*) FROM coins WHERE run = 3", "48");
}

static void every_version_is_read_and_resumed(void **state)
{
    (void)state;
    for (int version = 1; version <= store_version; version++) {
        if (!take_old(version)) {
            if (version < store_version)
                fail_msg("tests/store/old/version-%d.db is not there", version);
            continue;
        }
        an_old_file_is_read(version);
        an_old_run_is_resumed();
    }
}

static char *read_bytes(size_t *size)
{
    struct stat file;
    assert_int_equal(stat(database, &file), 0);
    char *bytes = malloc((size_t)file.st_size);
    FILE *in = fopen(database, "rb");
    assert_non_null(in);
    assert_int_equal(fread(bytes, 1, (size_t)file.st_size, in), file.st_size);
    fclose(in);
    *size = (size_t)file.st_size;
    return bytes;
}

/* By readers, writers and a run alike. */
static void a_newer_file_stays_as_it_is(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_true(take_old(store_version) || take_old(store_version - 1));
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", store_version + 1);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), 0);
    sqlite3_close(db);
    size_t size, size_after;
    char *before = read_bytes(&size);
    assay_store *store;
    for (assay_store_mode mode = ASSAY_STORE_READ; mode <= ASSAY_STORE_CREATE; mode++) {
        assert_int_equal(assay_store_open(database, mode, &store), ASSAY_EVERSION);
        assert_non_null(strstr(assay_errmsg(), "was written by a newer assay"));
    }
    assay_run_options options = options_with(1);
    int64_t run;
    assay_run_state end;
    assert_int_equal(
        assay_run_start(write_file("x.lua", PLAIN), &options, &run, &end), ASSAY_EVERSION);
    char *after = read_bytes(&size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

/* A program killed between two migrations leaves the version it began with: they are one
 * transaction. */
static void a_migration_that_fails_changes_nothing(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_true(take_old(1));
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    assert_int_equal(/* version 2's table, taken */
        sqlite3_exec(db, "CREATE TABLE tag (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    char *before = ask("SELECT group_concat(sql) FROM sqlite_schema");
    assay_store *store;
    assert_int_not_equal(assay_store_open(database, ASSAY_STORE_READ, &store), ASSAY_OK);
    assert_int_not_equal(assay_store_open(database, ASSAY_STORE_WRITE, &store), ASSAY_OK);
    expect_answer("PRAGMA user_version", "1");
    expect_answer("SELECT group_concat(sql) FROM sqlite_schema", before);
    free(before);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_version_is_read_and_resumed),
        TEST(a_newer_file_stays_as_it_is),
        TEST(a_migration_that_fails_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
