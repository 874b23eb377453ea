/* Killed anywhere: a coordinator, its resumption, one of its cells, all of them at once, the coordinator
 * while the claims are checked, or the terminal interface that watches gets SIGKILL at a random
 * moment, from before the database is there to after the run's end. Each time the database opens
 * and is sound, the run stands as interrupted, no process stays behind, and what resume adds makes
 * the rows those of a run that nothing disturbed.
 *
 * The kernel kills, by a timer that the victim set for itself; that all processes are gone is told
 * by the end of a pipe that they hold. ASSAY_KILLS is how many there are (50; scripts/soak: 1000).
 */
#include "fixture.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <sqlite3.h>
#include <time.h>

#include "core/rng.h"

/* Cells of several lengths, with enough rows that a batch may end in the midst of one. */
#define SCRIPT                                                                                     \
    "local assay = require 'assay'\n"                                                              \
    "return assay.experiment {\n"                                                                  \
    "  name = 'fragile', params = { a = { default = {1, 2, 3, 4} } }, replicates = 3,\n"           \
    "  run = function(cell)\n"                                                                     \
    "    local rng, sum = cell:rng('x'), 0\n"                                                      \
    "    for i = 1, 40 * cell.params.a do\n"                                                       \
    "      for j = 1, 50 do sum = sum + rng:uniform() end\n"                                       \
    "      cell:log { i = i, sum = sum, name = 'row' .. i }\n"                                     \
    "    end\n"                                                                                    \
    "    cell:note('sum %g', sum)\n"                                                               \
    "    cell:artifact('sum', ('%.17g'):format(sum))\n"                                            \
    "  end,\n"                                                                                     \
    "  figures = { { name = 'sum', x = 'i', y = 'sum', by = 'a', fit = 'power' } },\n"             \
    "  claims = { { name = 'grows', text = 'it grows', check = function(r)\n"                      \
    "    return r:estimate { measure = 'sum', above = 0 } end } } }\n"

#define EVERY_VALUE                                                                                \
    "SELECT group_concat(idx || ' ' || seq || ' ' || name || ' ' || quote(value), x'0a') FROM "    \
    "(SELECT * FROM value JOIN metric ON metric.id = value.metric "                                \
    "JOIN cell ON cell.id = value.cell ORDER BY idx, seq, name)"
#define EVERY_ARTIFACT                                                                             \
    "SELECT group_concat(cell || quote(data)) FROM (SELECT * FROM artifact ORDER BY cell)"

/* ---- the victim ---- */

enum { CELLS = 12, CHECK = CELLS + 1 /* the process that checks the claims */, ALL = -1 };

static double fuse;      /* seconds until a cell dies; 0: none is to die */
static int64_t fuse_for; /* which of the processes that are started; CHECK: its coordinator dies */
static double last_hour; /* when all processes die, 0: they don't */
static int64_t started;

/* At a moment of the monotonic clock. */
static void die_at(double moment)
{
    struct sigevent kill_me = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {
        .it_value = {(time_t)moment, (long)(1e9 * (moment - floor(moment))) + 1}};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &kill_me, &timer) ||
        timer_settime(timer, TIMER_ABSTIME, &when, NULL))
        _exit(98);
}

static void die_after(double seconds)
{
    die_at(assay_monotonic() + seconds);
}

static void count_start(void)
{
    started++;
}

static void light_fuse(void)
{
    if (last_hour > 0)
        die_at(last_hour);
    else if (fuse > 0 && started == fuse_for && fuse_for != CHECK)
        die_after(fuse);
}

static void light_own_fuse(void)
{
    if (fuse > 0 && started == fuse_for && fuse_for == CHECK)
        die_after(fuse);
}

/* argv: "start" or "resume", DATABASE, FILE, seconds until this process dies (0: never), seconds
 * until a cell does, which one; ALL: they die with this process, at the same moment. */
static int be_a_run(char **argv)
{
    assay_run_options options = {.database = argv[2], .workers = 3, .seed = 1, .quiet = true};
    int64_t run = 1;
    assay_run_state state = ASSAY_RUN_INTERRUPTED;
    fuse = atof(argv[5]);
    fuse_for = atoi(argv[6]);
    pthread_atfork(count_start, light_own_fuse, light_fuse);
    const double moment = assay_monotonic() + atof(argv[4]);
    if (atof(argv[4]) > 0)
        die_at(moment);
    if (fuse_for == ALL)
        last_hour = moment;
    int status = strcmp(argv[1], "resume") == 0 ? assay_run_resume(run, &options, &state)
                                                : assay_run_start(argv[3], &options, &run, &state);
    if (status)
        printf("# %s\n", assay_errmsg());
    fflush(stdout);
    return status ? 1 : 10 + (int)state;
}

/* ---- the test ---- */

typedef struct outcome {
    bool killed;
    int state; /* else: of the run, or below 0 */
} outcome;

/* Run it apart, and wait until none of its processes is left: their end of the pipe is closed. */
static outcome run_apart(const char *what, double own, double of_cell, int which)
{
    char file[96], text[3][32];
    int ends[2];
    snprintf(file, sizeof file, "%s/experiment.lua", directory);
    snprintf(text[0], sizeof text[0], "%.6f", own);
    snprintf(text[1], sizeof text[1], "%.6f", of_cell);
    snprintf(text[2], sizeof text[2], "%d", which);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        execl("/proc/self/exe", "kills", what, database, file, text[0], text[1], text[2], NULL);
        _exit(99);
    }
    close(ends[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    struct pollfd gone = {.fd = ends[0], .events = POLLIN};
    if (poll(&gone, 1, 10000) != 1 || !(gone.revents & POLLHUP))
        fail_msg("a process stays behind its coordinator");
    close(ends[0]);
    return WIFSIGNALED(status) ? (outcome){true, 0} : (outcome){false, WEXITSTATUS(status) - 10};
}

static char *ask(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(s, 0);
    char *copy = strdup(text ? text : "");
    sqlite3_finalize(s);
    sqlite3_close(db);
    return copy;
}

static void expect_answer(const char *sql, const char *expected)
{
    char *text = ask(sql);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: %.300s, not %.300s", sql, text, expected);
    free(text);
}

static void remove_database(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[128];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", database, ends[i]);
        unlink(path);
    }
}

/* What a kill has left: how the run stands, -1 when there is none. */
static int look(void)
{
    assay_store *store;
    bool sound;
    char found[256];
    int64_t count;
    if (access(database, F_OK)) /* it was killed before there was one */
        return -1;
    expect_ok(assay_store_open(database, ASSAY_STORE_CREATE, &store));
    expect_ok(assay_store_examine(store, &sound, found, sizeof found));
    if (!sound)
        fail_msg("%s", found);
    expect_ok(assay_store_run_count(store, NULL, &count));
    assay_run_info info = {.state = ASSAY_RUN_QUEUED};
    if (count == 1)
        expect_ok(assay_store_run_get(store, 1, &info));
    assay_run_state state = info.state;
    assay_run_info_clear(&info);
    assay_store_close(store);
    assert_true(count <= 1);
    return count ? (int)state : -1;
}

typedef struct tally {
    int kills, missed, without_run, resumed, cells, at_once, checks, interfaces;
} tally;

/* Kill resumptions, too, before the last is left in peace. */
static void resume_to_the_end(assay_rng *rng, double length, tally *seen)
{
    for (int i = 0; i < 2 && assay_rng_uniform(rng) < 0.5; i++) {
        outcome end = run_apart("resume", 1e-3 + length * assay_rng_uniform(rng), 0, 0);
        seen->kills += end.killed;
        int state = look();
        bool begun_or_not = state == ASSAY_RUN_INTERRUPTED || state == ASSAY_RUN_FAILED;
        if (end.killed && !begun_or_not && state != ASSAY_RUN_DONE)
            fail_msg("a killed resumption left a run that is %s", assay_run_state_name(state));
    }
    outcome end = run_apart("resume", 0, 0, 0);
    assert_false(end.killed);
    assert_int_equal(end.state, ASSAY_RUN_DONE);
    seen->resumed++;
}

static void kill_a_coordinator(assay_rng *rng, double length, tally *seen)
{
    bool all = assay_rng_below(rng, 2) == 0;
    outcome end = run_apart("start", 1e-3 + length * assay_rng_uniform(rng), 0, all ? ALL : 0);
    seen->kills += end.killed;
    seen->at_once += end.killed && all;
    seen->missed += !end.killed;
    int state = look();
    if (!end.killed)
        assert_int_equal(end.state, ASSAY_RUN_DONE);
    if (state < 0) {
        seen->without_run++;
        end = run_apart("start", 0, 0, 0);
        assert_int_equal(end.state, ASSAY_RUN_DONE);
    } else if (end.killed) {
        assert_true(state == ASSAY_RUN_INTERRUPTED || state == ASSAY_RUN_DONE);
        resume_to_the_end(rng, length, seen);
    }
}

/* The killed cell fails by name, the others don't, and the next try has all of them. (The process
 * that checks the claims, killed, leaves verdicts that say so: tests/run/bridge.c.) */
static void kill_a_cell(assay_rng *rng, double length, tally *seen)
{
    int which = 1 + (int)assay_rng_below(rng, CELLS);
    outcome end = run_apart("start", 0, 1e-6 + length / 20 * assay_rng_uniform(rng), which);
    assert_false(end.killed);
    assert_int_equal(look(), end.state);
    if (end.state == ASSAY_RUN_DONE) {
        seen->missed++;
        return;
    }
    seen->kills++;
    seen->cells++;
    assert_int_equal(end.state, ASSAY_RUN_FAILED);
    expect_answer("SELECT count(*) FROM cell WHERE state = 'failed'", "1");
    expect_answer("SELECT error LIKE 'killed by signal 9%' FROM cell WHERE state = 'failed'", "1");
    resume_to_the_end(rng, length, seen);
}

/* All cells are done, the claims are being checked: they are checked again by who resumes. */
static void kill_at_the_check(assay_rng *rng, double length, tally *seen)
{
    outcome end = run_apart("start", 0, 1e-6 + length / 50 * assay_rng_uniform(rng), CHECK);
    int state = look();
    if (!end.killed) {
        seen->missed++;
        assert_int_equal(state, ASSAY_RUN_DONE);
        return;
    }
    seen->kills++;
    seen->checks++;
    expect_answer("SELECT cells_done FROM run", "12");
    if (state == ASSAY_RUN_DONE) /* it was killed after its last word */
        return;
    assert_int_equal(state, ASSAY_RUN_INTERRUPTED);
    resume_to_the_end(rng, length, seen);
}

/* In a process of its own: the interface on a terminal, keys, and its end. */
static _Noreturn void type_and_kill(assay_rng *rng, double length)
{
    static const char keys[] = "rjk\rlhf?\tE";
    const char *builddir = getenv("builddir");
    char driver[4096], shown[4096];
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int terminal;
    snprintf(driver, sizeof driver, "%s/tests/tui/driver", builddir ? builddir : ".");
    pid_t child = forkpty(&terminal, NULL, NULL, &size);
    if (child == 0) {
        setenv("TERM", "xterm", 1);
        setenv("XDG_STATE_HOME", directory, 1);
        execl(driver, driver, "tui", database, NULL);
        _exit(99);
    }
    double until = assay_monotonic() + 1e-3 + length * assay_rng_uniform(rng);
    while (assay_monotonic() < until) {
        struct pollfd screen = {.fd = terminal, .events = POLLIN};
        if (poll(&screen, 1, 5) > 0 && read(terminal, shown, sizeof shown) <= 0)
            break;
        if (write(terminal, &keys[assay_rng_below(rng, sizeof keys - 1)], 1) != 1)
            break;
    }
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) == 99 ? 99 : WIFSIGNALED(status));
}

/* The interface that looks at a run is killed; the run hears nothing of that. */
static void kill_an_interface(assay_rng *rng, double length, tally *seen)
{
    int status;
    fflush(NULL);
    pid_t typist = fork();
    if (typist == 0)
        type_and_kill(rng, length);
    (void)assay_rng_uniform(rng); /* the typist's draws are not repeated here */
    outcome end = run_apart("start", 0, 0, 0);
    assert_int_equal(waitpid(typist, &status, 0), typist);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    assert_false(end.killed);
    assert_int_equal(end.state, ASSAY_RUN_DONE);
    assert_int_equal(look(), ASSAY_RUN_DONE);
    seen->kills += WEXITSTATUS(status);
    seen->interfaces += WEXITSTATUS(status);
    seen->missed += !WEXITSTATUS(status);
}

static double seconds_since(double from)
{
    return assay_monotonic() - from;
}

static void nothing_is_lost_by_kills(void **state)
{
    (void)state;
    const char *wanted = getenv("ASSAY_KILLS");
    int count = wanted ? atoi(wanted) : 50;
    assay_rng rng = assay_rng_seed((uint64_t)time(NULL));
    tally seen = {0};
    write_file("experiment.lua", SCRIPT);
    double from = assay_monotonic();
    assert_int_equal(run_apart("start", 0, 0, 0).state, ASSAY_RUN_DONE);
    double length = 1.2 * seconds_since(from);
    char *values = ask(EVERY_VALUE), *artifacts = ask(EVERY_ARTIFACT);
    char *claims = ask("SELECT verdict || estimate || low || high FROM claim");
    from = assay_monotonic();
    while (seen.kills < count && seen.kills + seen.missed < 4 * count) {
        remove_database();
        switch (assay_rng_below(&rng, 8)) {
        case 0:
        case 1:
            kill_a_cell(&rng, length, &seen);
            break;
        case 2:
            kill_at_the_check(&rng, length, &seen);
            break;
        case 3:
            kill_an_interface(&rng, length, &seen);
            break;
        default:
            kill_a_coordinator(&rng, length, &seen);
        }
        expect_answer("SELECT state FROM run", "done");
        expect_answer(EVERY_VALUE, values);
        expect_answer(EVERY_ARTIFACT, artifacts);
        expect_answer("SELECT verdict || estimate || low || high FROM claim", claims);
        expect_answer("SELECT count(*) FROM fit", "4");
        expect_answer("SELECT rows FROM run", "1200");
    }
    printf("# %d kills (%d of cells, %d of all at once, %d while claims were checked, %d of the interface, "
           "%d before there was a run), %d runs resumed, all rows equal; %d came too late; %.1f s\n",
        seen.kills, seen.cells, seen.at_once, seen.checks, seen.interfaces, seen.without_run,
        seen.resumed, seen.missed, seconds_since(from));
    free(values);
    free(artifacts);
    free(claims);
    assert_true(seen.kills >= count);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return be_a_run(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        nothing_is_lost_by_kills, make_directory, remove_directory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
