/* Many runs started at once on one database, which they race to create or to bring up to date,
 * while others read it: every row is there once, nobody is told of a lock, and nobody waits for
 * ever. A reader that stays in the midst of a query holds no writer up.
 *
 * ASSAY_WRITERS runs (12) log ASSAY_ROWS rows each (600); scripts/soak has 64 with 100000. */
#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>

enum { CELLS = 4 };

#define SCRIPT                                                                                     \
    "local assay = require 'assay'\n"                                                              \
    "return assay.experiment {\n"                                                                  \
    "  name = 'many', params = { part = { default = {1, 2, 3, 4} }, rows = { default = 1 } },\n"   \
    "  run = function(cell)\n"                                                                     \
    "    for i = 1, cell.params.rows do cell:log { i = i, half = i / 2, name = 'x' } end\n"        \
    "  end }\n"

static int number_of(const char *name, int usual)
{
    const char *text = getenv(name);
    return text ? atoi(text) : usual;
}

/* ---- the processes ---- */

static pid_t start_process(const char *role, int gate)
{
    char file[96], fd[16];
    snprintf(file, sizeof file, "%s/experiment.lua", directory);
    snprintf(fd, sizeof fd, "%d", gate);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "writers", role, database, file, fd, NULL);
        _exit(99);
    }
    assert_true(child > 0);
    return child;
}

/* Wait until the gate opens: its other end is closed. */
static void pass_gate(const char *fd)
{
    struct pollfd gate = {.fd = atoi(fd), .events = POLLIN};
    poll(&gate, 1, 60000);
}

static bool gate_is_open(const char *fd)
{
    struct pollfd gate = {.fd = atoi(fd), .events = POLLIN};
    return poll(&gate, 1, 0) > 0;
}

static int be_a_writer(char **argv)
{
    char rows[32];
    snprintf(rows, sizeof rows, "%d", number_of("ASSAY_ROWS", 600) / CELLS);
    assay_setting setting = {"rows", rows};
    assay_run_options options = {.database = argv[2],
        .workers = 2,
        .seed = 1,
        .quiet = true,
        .settings = &setting,
        .setting_count = 1};
    int64_t run;
    assay_run_state state;
    pass_gate(argv[4]);
    int status = assay_run_start(argv[3], &options, &run, &state);
    if (status)
        printf("# a writer: %s\n", assay_errmsg());
    fflush(stdout);
    return status ? 1 : state != ASSAY_RUN_DONE;
}

/* As `assay watch` and the terminal interface do: look, again and again. */
static int look_once(const char *path)
{
    assay_store *store;
    assay_run_list runs;
    int64_t version;
    if (access(path, F_OK))
        return ASSAY_OK;
    int status = assay_store_open(path, ASSAY_STORE_READ, &store);
    if (status == ASSAY_ENOTFOUND) /* it is empty yet */
        return ASSAY_OK;
    if (status)
        return status;
    for (int i = 0; i < 5 && !status; i++) {
        status = assay_store_run_list(store, NULL, 0, 0, &runs);
        assay_run_list_free(&runs);
        if (!status)
            status = assay_store_data_version(store, &version);
    }
    assay_store_close(store);
    return status;
}

/* Until the second gate opens; the longest look goes into the exit status, in tenths of a second.
 */
static int be_a_reader(char **argv)
{
    double longest = 0;
    while (!gate_is_open(argv[4])) {
        double from = assay_monotonic();
        if (look_once(argv[2])) {
            printf("# a reader: %s\n", assay_errmsg());
            fflush(stdout);
            return 255;
        }
        double took = assay_monotonic() - from;
        longest = took > longest ? took : longest;
        usleep(1000); /* it leaves some of the processor to the others */
    }
    return longest < 25 ? (int)(10 * longest) : 254;
}

/* ---- the test ---- */

static int64_t ask(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

/* The last run that was there before, and how many rows the new ones have. */
static void expect_every_row(int64_t before, int writers)
{
    int64_t rows = number_of("ASSAY_ROWS", 600) / CELLS;
    char sql[512];
    snprintf(sql, sizeof sql,
        "SELECT count(*) FROM run WHERE id > %lld AND state = 'done' AND cells_done = %d AND "
        "rows = %lld",
        (long long)before, CELLS, (long long)(CELLS * rows));
    assert_int_equal(ask(sql), writers);
    snprintf(sql, sizeof sql,
        "SELECT count(*) FROM (SELECT cell FROM value JOIN metric ON metric.id = value.metric "
        "WHERE cell >= (%lld + 1) << 24 AND name = 'i' GROUP BY cell HAVING count(*) = %lld AND "
        "min(value) = 1 AND max(value) = %lld AND sum(value) = %lld)",
        (long long)before, (long long)rows, (long long)rows, (long long)(rows * (rows + 1) / 2));
    assert_int_equal(ask(sql), CELLS * writers);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM value WHERE cell >= (%lld + 1) << 24",
        (long long)before);
    assert_int_equal(ask(sql), 3 * CELLS * rows * writers);
    assert_int_equal(
        ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'"), 0);
}

static int exit_status(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

/* A query that has begun and does not go on, on what is there before the writers come. */
static sqlite3_stmt *stay_in_a_query(sqlite3 **db)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(database, db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(*db, "SELECT * FROM value", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    return s;
}

static void run_all_at_once(int64_t before, bool with_query)
{
    enum { MOST = 256, READERS = 2 };
    int writers = number_of("ASSAY_WRITERS", 12), start[2], stop[2], longest = 0;
    pid_t writer[MOST], reader[READERS];
    sqlite3 *db = NULL;
    sqlite3_stmt *query = with_query ? stay_in_a_query(&db) : NULL;
    assert_true(writers <= MOST);
    write_file("experiment.lua", SCRIPT);
    assert_int_equal(pipe2(start, O_CLOEXEC), 0);
    assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
    fcntl(start[0], F_SETFD, 0);
    fcntl(stop[0], F_SETFD, 0);
    for (int i = 0; i < writers; i++)
        writer[i] = start_process("writer", start[0]);
    for (int i = 0; i < READERS; i++)
        reader[i] = start_process("reader", stop[0]);
    double from = assay_monotonic();
    close(start[1]);
    for (int i = 0; i < writers; i++)
        assert_int_equal(exit_status(writer[i]), 0);
    double took = assay_monotonic() - from;
    close(stop[1]);
    for (int i = 0; i < READERS; i++) {
        int tenths = exit_status(reader[i]);
        assert_true(tenths < 254);
        longest = tenths > longest ? tenths : longest;
    }
    close(start[0]);
    close(stop[0]);
    sqlite3_finalize(query);
    sqlite3_close(db);
    printf("# %d runs of %d rows at once: %.1f s; the longest look at them %.1f s\n", writers,
        number_of("ASSAY_ROWS", 600), took, longest / 10.0);
    expect_every_row(before, writers);
}

static void all_create_the_database(void **state)
{
    (void)state;
    run_all_at_once(0, false);
}

static void all_bring_the_database_up_to_date(void **state)
{
    (void)state;
    char command[9000];
    const char *srcdir = getenv("srcdir");
    snprintf(command, sizeof command, "cp '%s/tests/store/old/version-1.db' '%s' && chmod u+w '%s'",
        srcdir ? srcdir : ".", database, database);
    assert_int_equal(system(command), 0);
    run_all_at_once(3, false);
}

static void a_query_that_stays_holds_nobody_up(void **state)
{
    (void)state;
    write_file("experiment.lua", SCRIPT);
    assay_run_options options = options_with(1);
    run_script(PLAIN, &options, ASSAY_RUN_DONE);
    run_all_at_once(1, true);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_directory, remove_directory)

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "writer") == 0 ? be_a_writer(argv) : be_a_reader(argv);
    const struct CMUnitTest tests[] = {
        TEST(all_create_the_database),
        TEST(all_bring_the_database_up_to_date),
        TEST(a_query_that_stays_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
