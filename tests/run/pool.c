/* The pool, with cells written in C: each way for a process to end is told apart, limits hold, what
 * is printed arrives, and nothing is left behind. */
#include "fixture.h"

#include "run/pool.h"

#include <errno.h>
#include <signal.h>

enum { CELLS = 64 };

typedef struct observed {
    volatile const char *interrupted; /* in the cell's process */
    assay_pool *pool;
    int ended, rows, lines;
    assay_pool_outcome outcome[CELLS];
    double elapsed[CELLS];
    char error[CELLS][512];
    char last_line[512];
    double sum;
} observed;

static void on_interrupt(void *context, const char *reason)
{
    ((observed *)context)->interrupted = reason;
}

static int on_frame(void *context, int64_t cell, assay_frame *frame)
{
    (void)cell;
    observed *seen = context;
    size_t at = 0;
    bool corrupt;
    assay_row_entry entry;
    if (frame->kind == ASSAY_FRAME_ROW)
        seen->rows++;
    while (frame->kind == ASSAY_FRAME_ROW &&
           assay_row_next(frame->payload, frame->size, &at, &entry, &corrupt))
        seen->sum +=
            strcmp(assay_pool_names(seen->pool)->names[entry.name], "x") ? 0 : entry.number;
    return ASSAY_OK;
}

static int on_line(void *context, int64_t cell, const char *line)
{
    (void)cell;
    observed *seen = context;
    seen->lines++;
    snprintf(seen->last_line, sizeof seen->last_line, "%s", line);
    return ASSAY_OK;
}

static int on_end(
    void *context, int64_t cell, assay_pool_outcome outcome, double elapsed, const char *error)
{
    observed *seen = context;
    seen->ended++;
    seen->outcome[cell] = outcome;
    seen->elapsed[cell] = elapsed;
    snprintf(seen->error[cell], sizeof seen->error[cell], "%s", error ? error : "");
    return ASSAY_OK;
}

typedef int (*work_function)(void *context, int64_t cell, assay_frame_writer *out);

/* Run `cells` cells on `workers` processes to their ends. */
static void run_cells(
    observed *seen, work_function work, int workers, int cells, const assay_pool_limits *limits)
{
    *seen = (observed){0};
    assay_pool_calls calls = {seen, work, on_interrupt, on_frame, on_line, on_end};
    assert_int_equal(assay_pool_open(workers, &calls, NULL, &seen->pool), ASSAY_OK);
    for (int next = 0; seen->ended < cells;) {
        while (next < cells && assay_pool_idle(seen->pool))
            assert_int_equal(assay_pool_start(seen->pool, next++, limits), ASSAY_OK);
        assert_int_equal(assay_pool_step(seen->pool, 5), ASSAY_OK);
    }
    assert_int_equal(assay_pool_busy(seen->pool), 0);
    assay_pool_close(seen->pool);
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static const assay_pool_limits no_limits = {0};

static int log_x(assay_frame_writer *out, double x)
{
    assay_cell_sink sink = assay_frame_sink(out);
    int status = sink.row_begin(sink.context);
    if (!status)
        status = sink.row_number(sink.context, "x", x);
    return status ? status : sink.row_end(sink.context);
}

static int logs_much(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context;
    for (int i = 0; i < 20000; i++) {
        int status = log_x(out, (double)cell + 1);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static void all_that_is_logged_arrives(void **state)
{
    (void)state;
    observed seen;
    run_cells(&seen, logs_much, 3, 7, &no_limits);
    assert_int_equal(seen.rows, 7 * 20000);
    assert_true(seen.sum == 20000.0 * (1 + 2 + 3 + 4 + 5 + 6 + 7));
    for (int i = 0; i < 7; i++)
        assert_int_equal(seen.outcome[i], ASSAY_POOL_DONE);
}

static int ends_in_its_way(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context;
    log_x(out, 1);
    switch (cell) {
    case 0:
        return ASSAY_OK;
    case 1:
        return assay_fail(ASSAY_ESCRIPT, "no such luck");
    case 2:
        exit(3);
    case 3:
        raise(SIGSEGV);
        return ASSAY_OK;
    case 4:
        raise(SIGKILL);
        return ASSAY_OK;
    default:
        if (write(out->fd, "\xff\xff\xff\xff\xff garbage", 13) < 0)
            return ASSAY_EIO;
        pause();
        return ASSAY_OK;
    }
}

static void each_end_is_told_apart(void **state)
{
    (void)state;
    observed seen;
    run_cells(&seen, ends_in_its_way, 2, 6, &no_limits);
    assert_int_equal(seen.outcome[0], ASSAY_POOL_DONE);
    for (int i = 1; i < 6; i++)
        assert_int_equal(seen.outcome[i], ASSAY_POOL_FAILED);
    assert_string_equal(seen.error[1], "no such luck");
    assert_string_equal(
        seen.error[2], "the script ended the process (exit status 3) before the cell was done");
    assert_non_null(strstr(seen.error[3], "killed by signal 11 (SIGSEGV: "));
    assert_non_null(strstr(seen.error[4], "killed by signal 9 (SIGKILL)"));
    assert_non_null(strstr(seen.error[5], "what is no frame"));
}

/* Cell 0 heeds the interrupt, cell 1 does not. */
static int loops(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)out;
    observed *self = context;
    while (cell || !self->interrupted)
        usleep(1000);
    return assay_fail(ASSAY_ESCRIPT, "script.lua:7: %s", (const char *)self->interrupted);
}

static void time_is_limited(void **state)
{
    (void)state;
    observed seen;
    run_cells(&seen, loops, 2, 2, &(assay_pool_limits){.time = 0.2});
    assert_string_equal(seen.error[0], "script.lua:7: time limit of 0.2 s exceeded");
    assert_true(seen.elapsed[0] >= 0.2 && seen.elapsed[0] < 10);
    assert_non_null(strstr(seen.error[1], "time limit of 0.2 s exceeded (the cell did not stop"));
    assert_true(seen.elapsed[1] >= 1.2 && seen.elapsed[1] < 10);
}

static void a_stop_takes_less_than_a_second(void **state)
{
    (void)state;
    observed seen = {0};
    assay_pool_calls calls = {&seen, loops, on_interrupt, on_frame, on_line, on_end};
    assert_int_equal(assay_pool_open(2, &calls, NULL, &seen.pool), ASSAY_OK);
    assay_pool_start(seen.pool, 0, &no_limits);
    assay_pool_start(seen.pool, 1, &no_limits);
    assert_int_equal(assay_pool_step(seen.pool, 0.1), ASSAY_OK);
    double began = assay_monotonic();
    raise(SIGINT);
    while (!assay_pool_signal(seen.pool))
        assert_int_equal(assay_pool_step(seen.pool, 1), ASSAY_OK);
    assay_pool_stop(seen.pool);
    while (assay_pool_busy(seen.pool))
        assert_int_equal(assay_pool_step(seen.pool, 1), ASSAY_OK);
    assert_true(assay_monotonic() - began < 10);
    assert_int_equal(seen.outcome[0], ASSAY_POOL_STOPPED);
    assert_int_equal(seen.outcome[1], ASSAY_POOL_STOPPED);
    assay_pool_close(seen.pool);
}

static int says_its_mask(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context, (void)cell, (void)out;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    return sigismember(&mask, SIGTERM) ? assay_fail(ASSAY_EINVAL, "blocked") : ASSAY_OK;
}

static void a_signal_waits_for_the_pool(void **state)
{
    (void)state;
    observed seen = {0};
    sigset_t held, mask;
    assay_pool_calls calls = {&seen, says_its_mask, on_interrupt, on_frame, on_line, on_end};
    assay_pool_hold(&held);
    raise(SIGTERM);
    assert_int_equal(assay_pool_open(1, &calls, &held, &seen.pool), ASSAY_OK);
    assert_int_equal(assay_pool_start(seen.pool, 0, &no_limits), ASSAY_OK);
    while (assay_pool_busy(seen.pool))
        assert_int_equal(assay_pool_step(seen.pool, 1), ASSAY_OK);
    assert_int_equal(assay_pool_signal(seen.pool), SIGTERM);
    assert_int_equal(seen.outcome[0], ASSAY_POOL_DONE);
    assay_pool_close(seen.pool);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM));
}

static int eats_memory(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context, (void)out;
    size_t size = cell ? (size_t)8 << 20 : (size_t)64 << 20;
    char *memory = malloc(size);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "not enough memory");
    memset(memory, 1, size);
    free(memory);
    return ASSAY_OK;
}

static void memory_is_limited(void **state)
{
    (void)state;
    if (!memory_can_be_limited())
        skip();
    observed seen;
    run_cells(&seen, eats_memory, 1, 2, &(assay_pool_limits){.memory = (uint64_t)32 << 20});
    assert_string_equal(seen.error[0], "not enough memory\n(the memory limit of a cell is 32 MiB)");
    assert_int_equal(seen.outcome[1], ASSAY_POOL_DONE);
}

static int prints(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context, (void)out;
    if (cell == 0) {
        printf("one\n");
        fprintf(stderr, "two\n");
        printf("thr\x1b\xff"
               "ee");
    } else {
        for (int i = 0; i < 30000; i++)
            printf("%d\n", i);
    }
    return ASSAY_OK;
}

static void what_is_printed_arrives_as_lines(void **state)
{
    (void)state;
    observed seen;
    run_cells(&seen, prints, 1, 1, &no_limits);
    assert_int_equal(seen.lines, 3);
    assert_string_equal(seen.last_line, "thr?\xef\xbf\xbd"
                                        "ee");
    run_cells(&seen, prints, 1, 2, &no_limits);
    assert_int_equal(seen.lines, 3 + 10000 + 1);
    assert_non_null(strstr(seen.last_line, "the rest is not kept"));
}

/* The cell leaves a child behind that holds its output open. */
static int leaves_a_child(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context, (void)cell;
    int status = system("sleep 60 & echo $!");
    log_x(out, 1);
    return status ? assay_fail(ASSAY_EIO, "no shell") : ASSAY_OK;
}

static void children_of_a_cell_go_with_it(void **state)
{
    (void)state;
    observed seen;
    double began = assay_monotonic();
    run_cells(&seen, leaves_a_child, 1, 1, &no_limits);
    assert_true(assay_monotonic() - began < 10);
    int pid = atoi(seen.last_line);
    assert_true(pid > 1);
    for (int i = 0; i < 200 && kill(pid, 0) == 0; i++)
        usleep(10000); /* init reaps it */
    char path[64], word[64] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *stat = fopen(path, "r");
    if (stat) { /* a zombie where init does not reap */
        assert_int_equal(fscanf(stat, "%*d %*s %63s", word), 1);
        fclose(stat);
        assert_string_equal(word, "Z");
    }
}

static int does_nothing(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)context, (void)cell, (void)out;
    return ASSAY_OK;
}

static void signals_are_given_back(void **state)
{
    (void)state;
    sigset_t before, after;
    sigprocmask(SIG_SETMASK, NULL, &before);
    signal(SIGPIPE, SIG_DFL);
    observed seen;
    run_cells(&seen, does_nothing, 2, 10, &no_limits);
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++)
        assert_int_equal(sigismember(&before, i), sigismember(&after, i));
    struct sigaction action;
    sigaction(SIGPIPE, NULL, &action);
    assert_true(action.sa_handler == SIG_DFL);
}

int main(void)
{
    signal(SIGINT, SIG_DFL); /* which a shell's background ignores, as nohup does SIGHUP */
    signal(SIGHUP, SIG_DFL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_logged_arrives),
        cmocka_unit_test(each_end_is_told_apart),
        cmocka_unit_test(time_is_limited),
        cmocka_unit_test(a_stop_takes_less_than_a_second),
        cmocka_unit_test(a_signal_waits_for_the_pool),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(what_is_printed_arrives_as_lines),
        cmocka_unit_test(children_of_a_cell_go_with_it),
        cmocka_unit_test(signals_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
