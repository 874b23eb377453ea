/* What the doctor says of file systems that this machine may not have, of a log that a reader
 * holds, and that it leaves what lives alone. tests/cli/doctor.sh has the rest. */
#include "fixture.h"

#include <sqlite3.h>

#include "run/doctor.h"

/* From linux/magic.h and the programs' own headers. */
static void file_systems_are_known_by_number(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        assay_filesystem kind;
        const char *name;
    } known[] = {{0x6969, ASSAY_FILESYSTEM_NETWORK, "NFS"},
        {0xff534d42, ASSAY_FILESYSTEM_NETWORK, "CIFS"},
        {0x65735546, ASSAY_FILESYSTEM_NETWORK, "FUSE (sshfs and others)"},
        {0x0bd00bd0, ASSAY_FILESYSTEM_NETWORK, "Lustre"},
        {0x01021994, ASSAY_FILESYSTEM_MEMORY, "tmpfs"}, {0xef53, ASSAY_FILESYSTEM_LOCAL, "ext4"},
        {0x12345, ASSAY_FILESYSTEM_LOCAL, "a local file system"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *name;
        assert_int_equal(assay_doctor_filesystem(known[i].number, &name), known[i].kind);
        assert_string_equal(name, known[i].name);
    }
}

static void expect_finding(
    const assay_doctor_options *options, const char *check, assay_finding_state expected)
{
    assay_finding_list list;
    size_t seen = 0;
    expect_ok(assay_doctor(options, &list));
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.findings[i].check, check) == 0) {
            seen++;
            if (list.findings[i].state != expected)
                fail_msg("%s is %s (%s)", check, assay_finding_state_name(list.findings[i].state),
                    list.findings[i].found);
        }
    assert_int_equal(seen, 1);
    assay_finding_list_free(&list);
}

/* A statement that has not ended keeps the log as it was when it began. */
static void a_reader_keeps_the_log(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    const assay_doctor_options how = {.database = database, .fix = true};
    run_script(PLAIN, &options, ASSAY_RUN_DONE);
    sqlite3 *reader;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(database, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT * FROM value", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assay_store *store = open_store();
    expect_ok(assay_store_note(store, 1, -1, "a page for the log"));
    assay_store_set_patience(store, 0.1);
    int64_t size;
    bool emptied;
    char holders[256];
    expect_ok(assay_store_log_size(store, &size));
    assert_true(size > 0);
    expect_ok(assay_store_empty_log(store, &emptied, holders, sizeof holders));
    assert_false(emptied);
    sqlite3_finalize(s);
    expect_ok(assay_store_empty_log(store, &emptied, holders, sizeof holders));
    assert_true(emptied);
    expect_ok(assay_store_log_size(store, &size));
    assert_int_equal(size, 0);
    expect_ok(assay_store_note(store, 1, -1, "another one"));
    expect_finding(&how, "log", ASSAY_FINDING_FIXED);
    expect_finding(&how, "log", ASSAY_FINDING_GOOD);
    sqlite3_close(reader);
    assay_store_close(store);
}

static void a_live_run_is_left_alone(void **state)
{
    (void)state;
    assay_store *store;
    int64_t run;
    const assay_run_new new_run = {.experiment = "x", .script = "return 1"};
    const assay_doctor_options how = {.database = database, .fix = true};
    expect_ok(assay_store_open(database, ASSAY_STORE_CREATE, &store));
    expect_ok(assay_store_run_create(store, &new_run, &run));
    expect_ok(assay_store_run_claim(store, run, 1)); /* by this process */
    expect_finding(&how, "runs", ASSAY_FINDING_GOOD);
    expect_ok(assay_store_run_settle(store, run));
    assay_run_info info;
    expect_ok(assay_store_run_get(store, run, &info));
    assert_int_equal(info.state, ASSAY_RUN_RUNNING);
    assay_run_info_clear(&info);
    assay_store_close(store);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_systems_are_known_by_number),
        TEST(a_reader_keeps_the_log),
        TEST(a_live_run_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
