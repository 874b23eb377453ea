/* Runs that are interrupted: by a signal, by `assay cancel`, by death, by the loss of the database.
 * Each ends in time, leaves no process behind, and resumes to the rows of a run that nothing
 * disturbed. */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>

/* 12 cells of about 40 ms, each telling its process's number in a file; half the rows of a cell are
 * logged before its sleep. */
#define SLOW                                                                                       \
    "local assay = require 'assay'\n"                                                              \
    "return assay.experiment {\n"                                                                  \
    "  name = 'slow', params = { a = { default = {1, 2, 3, 4, 5, 6} } }, replicates = 2,\n"        \
    "  run = function(cell)\n"                                                                     \
    "    local pid = io.open('/proc/self/stat'):read('n')\n"                                       \
    "    local f = io.open('%s/pids', 'a') f:write(pid, '\\n') f:close()\n"                        \
    "    local rng = cell:rng('x')\n"                                                              \
    "    for i = 1, 20 do\n"                                                                       \
    "      if i == 10 then os.execute('sleep 0.04') end\n"                                         \
    "      cell:log { i = i, u = rng:uniform() }\n"                                                \
    "    end\n"                                                                                    \
    "  end }\n"

static const char *slow_script(void)
{
    static char script[2048];
    snprintf(script, sizeof script, SLOW, directory);
    return script;
}

/* A run in a process of its own, as the command line has it. It exits with 10 + the state, or with
 * the status's number and its message in the file "message". */
static pid_t start_apart(const char *script, const assay_run_options *options)
{
    static int number; /* a file each: another may still be reading the last one */
    char name[32];
    snprintf(name, sizeof name, "experiment-%d.lua", ++number);
    const char *path = write_file(name, script);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int64_t run;
        assay_run_state state;
        int status = assay_run_start(path, options, &run, &state);
        if (status)
            write_file("message", assay_errmsg());
        _exit(status ? -status : 10 + (int)state);
    }
    assert_true(child > 0);
    return child;
}

static int await_process(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Wait until so many cells of run 1 are done. */
static void await_cells(int64_t done)
{
    double until = assay_monotonic() + 20;
    for (;;) {
        assay_store *store;
        assay_run_info info = {0};
        bool reached = false;
        if (assay_store_open(database, ASSAY_STORE_READ, &store) == ASSAY_OK) {
            reached = assay_store_run_get(store, 1, &info) == ASSAY_OK && info.cells_done >= done &&
                      info.state == ASSAY_RUN_RUNNING;
            assay_run_info_clear(&info);
            assay_store_close(store);
        }
        if (reached)
            return;
        assert_true(assay_monotonic() < until);
        usleep(5000);
    }
}

static bool is_alive(long pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        state = 'Z';
    fclose(file);
    return state != 'Z';
}

/* All processes of cells are gone, within a moment. */
static void expect_no_cells(void)
{
    char path[96];
    long pid, count = 0;
    snprintf(path, sizeof path, "%s/pids", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fscanf(file, "%ld", &pid) == 1) {
        for (int i = 0; i < 200 && is_alive(pid); i++)
            usleep(5000);
        assert_false(is_alive(pid));
        count++;
    }
    fclose(file);
    assert_true(count > 0);
}

static void expect_state(int64_t run, assay_run_state expected)
{
    assay_run_info info = get_info(run);
    assert_string_equal(assay_run_state_name(info.state), assay_run_state_name(expected));
    assay_run_info_clear(&info);
}

static void expect_cells_queued_or_done(void)
{
    assay_store *store = open_store();
    assay_cell_list list;
    size_t queued = 0;
    expect_ok(assay_store_cells(store, 1, 0, 0, &list));
    for (size_t i = 0; i < list.count; i++) {
        assert_true(
            list.cells[i].state == ASSAY_CELL_QUEUED || list.cells[i].state == ASSAY_CELL_DONE);
        queued += list.cells[i].state == ASSAY_CELL_QUEUED;
    }
    assert_true(queued > 0);
    assay_cell_list_free(&list);
    assay_store_close(store);
}

/* Resume run 1; its rows are those of a run that nothing has disturbed. */
static void expect_resume(const assay_run_options *options)
{
    assay_run_state state;
    expect_ok(assay_run_resume(1, options, &state));
    assert_int_equal(state, ASSAY_RUN_DONE);
    expect_equal_rows(1, run_script(slow_script(), options, ASSAY_RUN_DONE));
}

static void stop_and_resume(int signal)
{
    assay_run_options options = options_with(2);
    pid_t child = start_apart(slow_script(), &options);
    await_cells(2);
    double began = assay_monotonic();
    kill(child, signal);
    assert_int_equal(await_process(child), 10 + ASSAY_RUN_CANCELLED);
    assert_true(assay_monotonic() - began < 10);
    expect_no_cells();
    expect_state(1, ASSAY_RUN_CANCELLED);
    expect_cells_queued_or_done();
    options.workers = 3;
    expect_resume(&options);
}

static void ctrl_c_cancels(void **state)
{
    (void)state;
    stop_and_resume(SIGINT);
}

static void a_lost_terminal_cancels(void **state)
{
    (void)state;
    stop_and_resume(SIGHUP);
}

/* The pattern backtracks for ages inside one call of C, where no hook of Lua comes. */
static void cancel_ends_a_cell_inside_c(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    pid_t child =
        start_apart(WITH_RUN("deep", "if cell.params.a == 1 then cell:log { x = 1 } else\n"
                                     "(('a'):rep(40)):find(('a*'):rep(30) .. 'b') end"),
            &options);
    await_cells(1);
    double began = assay_monotonic();
    expect_ok(assay_run_cancel(database, 1, 5));
    assert_true(assay_monotonic() - began < 10);
    assert_int_equal(await_process(child), 10 + ASSAY_RUN_CANCELLED);
    expect_state(1, ASSAY_RUN_CANCELLED);
    assert_int_equal(assay_run_cancel(database, 1, 1), ASSAY_EINVAL);
}

/* Wait until run 1 has a note: its cells say so before they do what matters. */
static void await_note(void)
{
    double until = assay_monotonic() + 20;
    size_t count = 0;
    while (count == 0) {
        assay_store *store = open_store();
        assay_note_list list;
        expect_ok(assay_store_notes(store, 1, 1, &list));
        count = list.count;
        assay_note_list_free(&list);
        assay_store_close(store);
        assert_true(assay_monotonic() < until);
        usleep(5000);
    }
}

/* One call of LAPACK that takes half a minute; nothing in it looks whether somebody cancels. */
static void cancel_ends_a_long_primitive(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    pid_t child =
        start_apart(WITH_RUN("long", "if cell.params.a == 1 then cell:log { x = 1 } else\n"
                                     "local n = 3000 local m = assay.matrix(n, n)\n"
                                     "for i = 1, n do m[i][i], m[i][n + 1 - i] = i, i % 7 end\n"
                                     "cell:note 'begins' assay.pca.fit(m, { components = n }) end"),
            &options);
    await_cells(1);
    await_note();
    double began = assay_monotonic();
    expect_ok(assay_run_cancel(database, 1, 10));
    double took = assay_monotonic() - began;
    printf("# cancelled within %.2f s\n", took);
    assert_true(took < 3); /* one second, on a machine that has nothing else to do */
    assert_int_equal(await_process(child), 10 + ASSAY_RUN_CANCELLED);
    expect_state(1, ASSAY_RUN_CANCELLED);
}

static void a_killed_run_is_interrupted_and_resumes(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    pid_t child = start_apart(slow_script(), &options);
    await_cells(3);
    kill(child, SIGKILL);
    assert_int_equal(await_process(child), 1000 + SIGKILL);
    expect_no_cells();
    expect_state(1, ASSAY_RUN_INTERRUPTED);
    expect_resume(&options);
}

/* Cells that neither end nor say anything, so that no broken pipe ends them, and what one started. */
static void cells_die_with_their_coordinator(void **state)
{
    (void)state;
    char script[1024], path[96];
    snprintf(script, sizeof script,
        WITH_RUN("silent", "local pid = io.open('/proc/self/stat'):read('n')\n"
                           "local f = io.open('%s/pids', 'a') f:write(pid, '\\n') f:close()\n"
                           "if cell.params.a == 2 then\n"
                           "  os.execute('sleep 60 & echo $! >>%s/pids; echo >%s/both; wait')\n"
                           "end\n"
                           "while true do end"),
        directory, directory, directory);
    snprintf(path, sizeof path, "%s/both", directory);
    assay_run_options options = options_with(2);
    pid_t child = start_apart(script, &options);
    for (int i = 0; i < 1000 && access(path, F_OK); i++)
        usleep(5000);
    usleep(50000);
    kill(child, SIGKILL);
    assert_int_equal(await_process(child), 1000 + SIGKILL);
    expect_no_cells();
}

/* 60000 cells are made a part at a time; killed in the midst of that, the run has its other cells
 * when it is resumed, here for one of them. */
static void cells_are_completed(void **state)
{
    (void)state;
    static const char script[] = "local assay = require 'assay'\n"
                                 "return assay.experiment { name = 'many', replicates = 60000,\n"
                                 "  params = { a = { default = 7 } },\n"
                                 "  run = function(cell) cell:log { r = cell.replicate } end }";
    assay_run_options options = options_with(1);
    pid_t child = start_apart(script, &options);
    int64_t cells = 0;
    for (int i = 0; i < 20000 && cells == 0; i++) {
        usleep(500);
        if (access(database, F_OK))
            continue;
        assay_store *store;
        expect_ok(assay_store_open(database, ASSAY_STORE_CREATE, &store));
        assay_run_info info = {0};
        if (assay_store_run_get(store, 1, &info) == ASSAY_OK)
            cells = info.cells;
        assay_run_info_clear(&info);
        assay_store_close(store);
    }
    kill(child, SIGKILL);
    assert_int_equal(await_process(child), 1000 + SIGKILL);
    assay_run_info info = get_info(1);
    assert_int_equal(info.state, ASSAY_RUN_INTERRUPTED);
    printf("# killed with %lld cells made\n", (long long)info.cells);
    assert_true(info.cells % 20000 == 0);
    assay_run_info_clear(&info);
    options.one_cell = true;
    options.cell = 59999;
    assay_run_state end;
    expect_ok(assay_run_resume(1, &options, &end));
    info = get_info(1);
    assert_int_equal(info.cells, 60000);
    assert_int_equal(info.cells_done, 1);
    assert_int_equal(info.rows, 1);
    assay_run_info_clear(&info);
    assay_store *store = open_store();
    assay_cell_info cell;
    expect_ok(assay_store_cell_get(store, 1, 59999, &cell));
    assert_int_equal(cell.replicate, 60000);
    assert_string_equal(cell.params, "{\"a\":7}");
    assay_cell_info_clear(&cell);
    assay_store_close(store);
}

static void a_live_run_is_not_resumed(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    pid_t child = start_apart(slow_script(), &options);
    await_cells(1);
    assay_run_state end;
    assert_int_equal(assay_run_resume(1, &options, &end), ASSAY_EBUSY);
    assert_int_equal(await_process(child), 10 + ASSAY_RUN_DONE);
}

static void two_runs_share_a_database(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    pid_t a = start_apart(slow_script(), &options);
    pid_t b = start_apart(slow_script(), &options);
    assert_int_equal(await_process(a), 10 + ASSAY_RUN_DONE);
    assert_int_equal(await_process(b), 10 + ASSAY_RUN_DONE);
    expect_equal_rows(1, 2);
    assay_run_info info = get_info(2);
    assert_int_equal(info.rows, 240);
    assay_run_info_clear(&info);
}

static void a_deleted_database_stops_the_run(void **state)
{
    (void)state;
    char script[256];
    snprintf(
        script, sizeof script, WITH_RUN("long", "cell:log { x = 1 } os.execute('sleep %d')"), 20);
    assay_run_options options = options_with(2);
    pid_t child = start_apart(script, &options);
    await_cells(0);
    double began = assay_monotonic();
    assert_int_equal(unlink(database), 0);
    assert_int_equal(await_process(child), -ASSAY_EIO);
    assert_true(assay_monotonic() - began < 15);
    char path[96], message[1024] = "";
    snprintf(path, sizeof path, "%s/message", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(message, 1, sizeof message - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(message, "assay.db was deleted"));
    assert_int_not_equal(access(database, F_OK), 0); /* and not made anew */
}

/* The starter ends at once; its run goes on in another session. */
static void a_detached_run_survives_its_starter(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    options.detach = true;
    pid_t child = start_apart(slow_script(), &options);
    assert_int_equal(await_process(child), 10 + ASSAY_RUN_RUNNING);
    assay_run_info info = get_info(1);
    assert_int_equal(info.state, ASSAY_RUN_RUNNING);
    assert_true(getsid((pid_t)info.pid) != getsid(0));
    assay_run_info_clear(&info);
    for (int i = 0; i < 1000; i++) {
        info = get_info(1);
        bool ended = info.state != ASSAY_RUN_RUNNING;
        assay_run_info_clear(&info);
        if (ended)
            break;
        usleep(10000);
    }
    expect_state(1, ASSAY_RUN_DONE);
    expect_no_cells();
}

static void detaching_tells_errors_at_the_prompt(void **state)
{
    (void)state;
    assay_run_options options = options_with(1);
    options.detach = true;
    int64_t run;
    assay_run_state end;
    const char *path = write_file("experiment.lua", "error('not today')");
    assert_int_equal(assay_run_start(path, &options, &run, &end), ASSAY_ESCRIPT);
    assert_non_null(strstr(assay_errmsg(), "not today"));
    path = write_file("experiment.lua", PLAIN);
    assay_store *store;
    expect_ok(assay_store_open(database, ASSAY_STORE_CREATE, &store));
    assert_int_equal(assay_run_start(path, &options, &run, &end), ASSAY_EBUSY);
    assay_store_close(store);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_directory, remove_directory)

int main(void)
{
    signal(SIGINT, SIG_DFL); /* which a shell's background ignores, as nohup does SIGHUP */
    signal(SIGHUP, SIG_DFL);
    const struct CMUnitTest tests[] = {
        TEST(ctrl_c_cancels),
        TEST(a_lost_terminal_cancels),
        TEST(cancel_ends_a_cell_inside_c),
        TEST(cancel_ends_a_long_primitive),
        TEST(a_killed_run_is_interrupted_and_resumes),
        TEST(cells_die_with_their_coordinator),
        TEST(cells_are_completed),
        TEST(a_live_run_is_not_resumed),
        TEST(two_runs_share_a_database),
        TEST(a_deleted_database_stops_the_run),
        TEST(a_detached_run_survives_its_starter),
        TEST(detaching_tells_errors_at_the_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
