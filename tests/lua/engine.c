/*
 * The engine: opening, describing, planning and running experiments, and what a hostile file gets
 * when it is listed. Every script of the latter would hang, eat the machine or touch the disk if
 * one guard were missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"
#include "lua/engine.h"

#define HEAD "local assay = require 'assay'\nreturn assay.experiment { name = 'demo',\n"

/* ---- a sink that writes down what it gets ---- */

typedef struct transcript {
    char text[16384];
    size_t used;
    int refuse_after; /* rows; 0: never */
    int rows;
} transcript;

static int add(void *context, const char *format, ...)
{
    transcript *t = context;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->used, sizeof t->text - t->used, format, args);
    va_end(args);
    t->used += (size_t)n;
    assert_true(t->used < sizeof t->text);
    return ASSAY_OK;
}

static int row_begin(void *context)
{
    transcript *t = context;
    if (t->refuse_after && t->rows++ == t->refuse_after)
        return assay_fail(ASSAY_EIO, "the pipe is gone");
    return add(t, "row");
}

static int row_number(void *context, const char *name, double value)
{
    return add(context, " %s=%.17g", name, value);
}

static int row_integer(void *context, const char *name, int64_t value)
{
    return add(context, " %s=%lldi", name, (long long)value);
}

static int row_text(void *context, const char *name, const char *text, size_t size)
{
    return add(context, " %s='%.*s'", name, (int)size, text);
}

static int row_end(void *context)
{
    return add(context, "\n");
}

static int note(void *context, const char *text)
{
    return add(context, "note %s\n", text);
}

static int artifact(
    void *context, const char *name, const char *type, const void *data, size_t size)
{
    add(context, "artifact %s %s %zu:", name, type, size);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = ((const unsigned char *)data)[i];
        if (byte >= 32 && byte < 127)
            add(context, "%c", byte);
        else
            add(context, "\\%d", byte);
    }
    return add(context, "\n");
}

static int progress(void *context, double done, double total)
{
    return add(context, "progress %g/%g\n", done, total);
}

static assay_cell_sink sink_of(transcript *t)
{
    return (assay_cell_sink){
        t, row_begin, row_number, row_integer, row_text, row_end, note, artifact, progress, NULL};
}

/* ---- shorthands ---- */

static assay_experiment *open_ok(const char *text, assay_load mode)
{
    assay_experiment *e = NULL;
    if (assay_experiment_open("demo.lua", text, mode, &e) != ASSAY_OK)
        fail_msg("%s", assay_errmsg());
    return e;
}

static assay_experiment *plan_ok(const char *text)
{
    assay_experiment *e = open_ok(text, ASSAY_LOAD_RUN);
    if (assay_experiment_plan(e, NULL, NULL, 0, 0) != ASSAY_OK)
        fail_msg("%s", assay_errmsg());
    return e;
}

static void assert_message(const char *wanted)
{
    if (!strstr(assay_errmsg(), wanted))
        fail_msg("\"%s\" is not in \"%s\"", wanted, assay_errmsg());
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void assert_not_listed(const char *text, const char *wanted)
{
    assay_experiment *e = NULL;
    double start = now();
    int status = assay_experiment_open("hostile.lua", text, ASSAY_LOAD_LIST, &e);
    if (status != ASSAY_ESCRIPT)
        fail_msg("status %d for: %s", status, text);
    assert_null(e);
    assert_message(wanted);
    if (now() - start > 20)
        fail_msg("took %g s: %s", now() - start, text);
}

/* Run cell 0 of the plan of a script whose run function has this body. */
static int run_body(const char *body, transcript *t, int64_t index, uint64_t seed)
{
    char text[8192];
    snprintf(text, sizeof text,
        HEAD "replicates = 2, params = { k = {1, 2}, x = 0.5 },\nrun = function(cell)\n%s\nend }",
        body);
    assay_experiment *e = plan_ok(text);
    assay_cell_sink sink = sink_of(t);
    int status = assay_experiment_run_cell(e, index, seed, &sink);
    assay_experiment_close(e);
    return status;
}

static void assert_runs(const char *body, const char *wanted)
{
    transcript *t = calloc(1, sizeof *t);
    if (run_body(body, t, 0, 1) != ASSAY_OK)
        fail_msg("%s", assay_errmsg());
    assert_string_equal(t->text, wanted);
    free(t);
}

/* The cell errs with these words, and no part of a row was sent. */
static void assert_errs(const char *body, const char *wanted)
{
    transcript *t = calloc(1, sizeof *t);
    assert_int_equal(run_body(body, t, 0, 1), ASSAY_ESCRIPT);
    assert_message(wanted);
    assert_string_equal(t->text, "");
    free(t);
}

/* ---- opening ---- */

static void opens_files(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-engine-XXXXXX";
    int file = mkstemp(path);
    const char *text = "#!/usr/bin/env -S assay run\n" HEAD "run = function() end }\n";
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    assay_experiment *e;
    assert_int_equal(assay_experiment_open(path, NULL, ASSAY_LOAD_LIST, &e), ASSAY_OK);
    assert_string_equal(assay_experiment_name(e), "demo");
    assert_string_equal(assay_experiment_path(e), path);
    assert_string_equal(assay_experiment_script(e), text);
    assay_experiment_close(e);
    unlink(path);
    assert_int_equal(assay_experiment_open(path, NULL, ASSAY_LOAD_RUN, &e), ASSAY_EIO);
    assert_message("No such file");
    assert_int_equal(assay_experiment_open("/tmp", NULL, ASSAY_LOAD_LIST, &e), ASSAY_EIO);
    assert_message("is a directory");
    assert_int_equal(assay_experiment_open("/dev/zero", NULL, ASSAY_LOAD_LIST, &e), ASSAY_EIO);
    assert_message("not a regular file");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(assay_experiment_open(path, NULL, ASSAY_LOAD_LIST, &e), ASSAY_EIO);
    assert_message("not a regular file");
    unlink(path);
}

static void refuses_what_is_no_experiment(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", "demo.lua: must return assay.experiment {...}, but it returned nothing"},
        {"return 7", "demo.lua: must return assay.experiment {...}, but it returned number"},
        {"return {", "demo.lua:1: unexpected symbol near <eof>"},
        {"#!x\n\nlocal = 3", "demo.lua:3: <name> expected near '='"},
        {"local x = nil\nprint(x.y)", "demo.lua:2: attempt to index a nil value (local 'x')"},
        {"error({})", "(the error is a table value)"},
        {HEAD "run = 3 }", "demo.lua:3: run: must be a function, got 3"},
        {HEAD "runs = print, run = print }",
            "demo.lua:3: runs: unknown field (did you mean \"run\"?)"},
        {"\033Lua", "attempt to load a binary chunk"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (assay_load mode = ASSAY_LOAD_LIST; mode <= ASSAY_LOAD_RUN; mode++) {
            assay_experiment *e = NULL;
            assert_int_equal(
                assay_experiment_open("demo.lua", cases[i].text, mode, &e), ASSAY_ESCRIPT);
            assert_null(e);
            assert_message(cases[i].wanted);
        }
}

/* ---- describing and planning, the same in both modes ---- */

static const char *const sweep = HEAD
    "params = { k = {1, 2}, t = { default = 0.5, min = 0 } }, presets = { quick = { t = 1 } },\n"
    "replicates = 3, run = function() end, filter = function(p) return p.k ~= 9 end }";

static void plans(void **state)
{
    (void)state;
    for (assay_load mode = ASSAY_LOAD_LIST; mode <= ASSAY_LOAD_RUN; mode++) {
        assay_experiment *e = open_ok(sweep, mode);
        assert_string_equal(assay_experiment_describe(e),
            "{\"claims\":[],\"figures\":[],\"limits\":{},\"method\":[],\"name\":\"demo\","
            "\"params\":["
            "{\"default\":[1,2],\"name\":\"k\",\"type\":\"integer\"},"
            "{\"default\":0.5,\"min\":0,\"name\":\"t\",\"type\":\"number\"}],"
            "\"presets\":{\"quick\":{\"t\":1.0}},\"replicates\":3,\"title\":\"demo\"}");
        const char *params;
        int64_t replicate;
        assert_int_equal(assay_experiment_cell(e, 0, &params, &replicate), ASSAY_EINVAL);
        assert_message("there is no plan");
        assay_setting settings[] = {{"k", "7,8,9"}};
        assert_int_equal(assay_experiment_plan(e, "quick", settings, 1, 2), ASSAY_OK);
        assert_string_equal(assay_experiment_params(e), "{\"k\":[7,8,9],\"t\":1.0}");
        assert_int_equal(assay_experiment_cells(e), 4);
        assert_int_equal(assay_experiment_replicates(e), 2);
        assert_int_equal(assay_experiment_cell(e, 3, &params, &replicate), ASSAY_OK);
        assert_string_equal(params, "{\"k\":8,\"t\":1.0}");
        assert_int_equal(replicate, 2);
        assert_int_equal(assay_experiment_cell(e, 4, &params, &replicate), ASSAY_EINVAL);
        assert_message("cell must be in 0..3, got 4");
        settings[0].value = "1.5";
        assert_int_equal(assay_experiment_plan(e, NULL, settings, 1, 0), ASSAY_ESCRIPT);
        assert_string_equal(assay_errmsg(), "k: must be an integer, got 1.5");
        assert_int_equal(assay_experiment_cells(e), 4);
        assay_experiment_close(e);
    }
}

static void restores_plans(void **state)
{
    (void)state;
    assay_experiment *e = open_ok(sweep, ASSAY_LOAD_LIST);
    const char *stored = "{\"k\":[7,8],\"t\":1.0}";
    assert_int_equal(assay_experiment_plan_restore(e, stored, 5), ASSAY_OK);
    assert_string_equal(assay_experiment_params(e), stored);
    assert_int_equal(assay_experiment_cells(e), 10);
    assert_int_equal(assay_experiment_plan_restore(e, "{\"k\":7}", 1), ASSAY_ESCRIPT);
    assert_message("t: the stored run has no value for it");
    assert_int_equal(
        assay_experiment_plan_restore(e, "{\"k\":7,\"t\":1.0,\"u\":1}", 1), ASSAY_ESCRIPT);
    assert_message("u: unknown parameter");
    assert_int_equal(assay_experiment_plan_restore(e, "{", 1), ASSAY_ESCRIPT);
    assay_experiment_close(e);
}

/* ---- cells ---- */

static void cells_speak_through_the_sink(void **state)
{
    (void)state;
    assert_runs("cell:log { z = 1, a = 0.25, b = true, s = 'text é' }",
        "row a=0.25 b=1i s='text é' z=1i\n");
    assert_runs("cell:log { a = 0/0 } cell:log { a = -math.huge }", "row a=-nan\nrow a=-inf\n");
    assert_runs("cell:note('100%') cell:note('%d of %s', 3, 'x')", "note 100%\nnote 3 of x\n");
    assert_runs("cell:progress(1, 4)", "progress 1/4\n");
    assert_runs("cell:artifact('log', 'plain') cell:artifact('b', '\\xff\\0') cell:artifact('c', "
                "'x', 'a/b')",
        "artifact log text/plain 5:plain\n"
        "artifact b application/octet-stream 2:\\255\\0\n"
        "artifact c a/b 1:x\n");
    assert_runs("cell:artifact('grid', require('assay').matrix { {0, 1}, {2, 4} })",
        "artifact grid image/x-portable-graymap 40:P5\\10# black is 0, white is 4\\10"
        "2 2\\10255\\10\\0@\\128\\255\n");
    assert_runs(
        "local p = cell.params cell:log { k = p.k, x = p.x, r = cell.replicate, i = cell.index }",
        "row i=0i k=1i r=1i x=0.5\n");
}

static void cells_refuse_bad_words(void **state)
{
    (void)state;
    assert_errs("cell:log { a = 1, b = {} }",
        "cell:log: b must be a number, a boolean or a short text, got a table");
    assert_errs("cell:log { 1 }", "cell:log: measures have names, got a number as a key (1)");
    assert_errs("cell:log { ['a b'] = 1 }",
        "a measure's name is made of letters, digits and _, got \"a b\"");
    assert_errs("cell:log { ['1a'] = 1 }", "got \"1a\"");
    assert_errs("cell:log { cell = 1 }", "cell is a column that every row has");
    assert_errs("cell:log { a = 1, n = 2^53|0 + 1 }", "n = 9007199254740993 is beyond 2^53");
    assert_errs("cell:log { s = ('x'):rep(4097) }", "s is a text of 4097 bytes; at most 4096");
    assert_errs("cell:log { s = '\\xc0\\x80' }", "s must be UTF-8 text without zero bytes");
    assert_errs("cell:log {}", "cell:log: needs at least one measure");
    assert_errs("cell:log(3)", "cell:log: needs a table of measures");
    assert_errs("cell.log { a = 1 }", "cell:log: must be called as a method of the cell");
    assert_errs("cell:lgo { a = 1 }", "a cell has no \"lgo\"");
    assert_errs("local k = cell.params.kk", "there is no parameter \"kk\" (did you mean \"k\"?)");
    assert_errs("cell:progress(1, 0)", "cell:progress: total must be greater than 0");
    assert_errs("cell:artifact('', 'x')", "cell:artifact: name must be UTF-8 text, not empty");
    assert_errs("cell:artifact('x', print)", "cell:artifact: value must be");
    assert_errs("cell:rng('')", "cell:rng: name must not be empty");
    assert_errs("os.exit(0)", "os.exit can't be called in an experiment");
}

static void errors_have_tracebacks(void **state)
{
    (void)state;
    transcript t = {.used = 0};
    assert_int_equal(
        run_body("local function inner() error('broken') end\ninner() return 1", &t, 0, 1),
        ASSAY_ESCRIPT);
    assert_string_equal(
        assay_errmsg(), "demo.lua:5: broken\n  demo.lua:5: in inner\n  demo.lua:6: in a function");
    assert_int_equal(run_body("error({ code = 3 })", &t, 0, 1), ASSAY_ESCRIPT);
    assert_message("(the error is a table value)");
    assert_int_equal(
        run_body("error(setmetatable({}, {__tostring = function() return 'mine' end}))", &t, 0, 1),
        ASSAY_ESCRIPT);
    assert_message("mine");
}

static void streams(void **state)
{
    (void)state;
    static const char *const body =
        "cell:log { task = cell:rng('task'):uniform(), own = cell:rng():uniform(), "
        "again = cell:rng():uniform(), other = cell:rng('other'):uniform(), "
        "lua = math.random() }";
    double v[4][5], first[5];
    for (int i = 0; i < 4; i++) {
        transcript t = {.used = 0};
        assert_int_equal(run_body(body, &t, i, 7), ASSAY_OK);
        assert_int_equal(sscanf(t.text, "row again=%lf lua=%lf other=%lf own=%lf task=%lf",
                             &v[i][0], &v[i][1], &v[i][2], &v[i][3], &v[i][4]),
            5);
    }
    /* cells 0 and 1 are replicate 1, cells 2 and 3 replicate 2 */
    assert_true(v[0][4] == v[1][4] && v[2][4] == v[3][4] && v[0][4] != v[2][4]);
    assert_true(v[0][2] == v[1][2] && v[0][2] != v[0][4]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_true(v[i][3] != v[j][3] && v[i][1] != v[j][1]);
    assert_true(v[0][0] != v[0][3]);
    transcript t = {.used = 0};
    assert_int_equal(run_body(body, &t, 0, 7), ASSAY_OK);
    sscanf(t.text, "row again=%lf lua=%lf other=%lf own=%lf task=%lf", &first[0], &first[1],
        &first[2], &first[3], &first[4]);
    assert_memory_equal(first, v[0], sizeof first);
    t.used = 0;
    assert_int_equal(run_body(body, &t, 0, 8), ASSAY_OK);
    sscanf(t.text, "row again=%lf lua=%lf other=%lf own=%lf task=%lf", &first[0], &first[1],
        &first[2], &first[3], &first[4]);
    assert_true(first[3] != v[0][3] && first[4] != v[0][4]);
}

/* The own stream belongs to the parameters: it is the same where they are cell 1 and cell 0. */
static void own_stream_does_not_move(void **state)
{
    (void)state;
    static const char *const format = HEAD
        "params = { k = %s }, run = function(cell) cell:log { u = cell:rng():uniform() } end }";
    char text[2][512];
    transcript t[2] = {{.used = 0}, {.used = 0}};
    snprintf(text[0], sizeof text[0], format, "{ 1, 2 }");
    snprintf(text[1], sizeof text[1], format, "{ 2, 3, 4 }");
    for (int i = 0; i < 2; i++) {
        assay_experiment *e = plan_ok(text[i]);
        assay_cell_sink sink = sink_of(&t[i]);
        assert_int_equal(assay_experiment_run_cell(e, 1 - i, 3, &sink), ASSAY_OK);
        assay_experiment_close(e);
    }
    assert_string_equal(t[0].text, t[1].text);
}

static void a_failing_sink_ends_the_cell(void **state)
{
    (void)state;
    transcript t = {.refuse_after = 2};
    int status = run_body("while true do pcall(cell.log, cell, { a = 1 }) end", &t, 0, 1);
    assert_int_equal(status, ASSAY_EIO);
    assert_string_equal(assay_errmsg(), "the pipe is gone");
    assert_string_equal(t.text, "row a=1i\nrow a=1i\n");
}

static void a_cell_that_is_over_is_silent(void **state)
{
    (void)state;
    assay_experiment *e = plan_ok(HEAD "params = { k = {1, 2} }, run = function(cell)\n"
                                       "if kept then kept:log { a = 1 } end kept = cell end }");
    transcript t = {.used = 0};
    assay_cell_sink sink = sink_of(&t);
    assert_int_equal(assay_experiment_run_cell(e, 0, 1, &sink), ASSAY_OK);
    assert_int_equal(assay_experiment_run_cell(e, 1, 1, &sink), ASSAY_ESCRIPT);
    assert_message("cell:log: the cell is over");
    assay_experiment_close(e);
    e = open_ok(sweep, ASSAY_LOAD_LIST);
    assert_int_equal(assay_experiment_plan(e, NULL, NULL, 0, 0), ASSAY_OK);
    assert_int_equal(assay_experiment_run_cell(e, 0, 1, &sink), ASSAY_EINVAL);
    assert_message("to be listed, not to be run");
    assay_experiment_close(e);
}

/* ---- interrupts ---- */

static assay_experiment *interrupted;

static void on_alarm(int signal)
{
    (void)signal;
    assay_experiment_interrupt(interrupted, "the time limit of 0.05 s has passed");
}

static void interrupts(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "for co in coroutine.wrap(function() while true do end end) do end",
        "while true do local co = coroutine.create(function() while true do pcall(coroutine.yield) "
        "end end) "
        "while true do coroutine.resume(co) end end",
        "local function deep() while true do pcall(coroutine.wrap(deep)) end end deep()",
        "coroutine.wrap(function() coroutine.wrap(function() end)() while true do end end)()",
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
        "while true do co() end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "setmetatable({}, { __index = function(t, k) while true do end end }).x = setmetatable({}, "
        "{ __index = function(t, k) while true do end end }).y",
    };
    signal(SIGALRM, on_alarm);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char text[1024];
        snprintf(text, sizeof text, HEAD "run = function(cell)\n%s\nend }", bodies[i]);
        interrupted = plan_ok(text);
        transcript t = {.used = 0};
        assay_cell_sink sink = sink_of(&t);
        struct itimerval timer = {.it_value = {0, 50000}};
        setitimer(ITIMER_REAL, &timer, NULL);
        assert_int_equal(assay_experiment_run_cell(interrupted, 0, 1, &sink), ASSAY_ESCRIPT);
        assert_message("the time limit of 0.05 s has passed");
        assay_experiment_close(interrupted);
    }
    signal(SIGALRM, SIG_DFL);
}

static void coroutines_work_as_ever(void **state)
{
    (void)state;
    assert_runs(
        "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) return c, "
        "'end' end)\n"
        "local _, s = coroutine.resume(co, 1, 2) local _, c, e = coroutine.resume(co, 5)\n"
        "local dead, why = coroutine.resume(co)\n"
        "cell:log { s = s, c = c, e = e, dead = dead, why = why, state = coroutine.status(co) }\n"
        "local total = 0 for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end "
        "end) do total = total + v end\n"
        "local ok, err = pcall(coroutine.wrap(function() error({ code = 9 }) end))\n"
        "cell:log { total = total, ok = ok, code = err.code }",
        "row c=5i dead=0i e='end' s=3i state='dead' why='cannot resume dead coroutine'\n"
        "row code=9i ok=0i total=6i\n");
}

/* ---- claims ---- */

/* Replicates 1..n with y = replicate. */
static assay_table *table_of(int n)
{
    assay_table *table = assay_table_new();
    size_t replicate, y;
    assert_int_equal(assay_table_column(table, "replicate", &replicate), ASSAY_OK);
    assert_int_equal(assay_table_column(table, "y", &y), ASSAY_OK);
    for (int i = 1; i <= n; i++) {
        assert_int_equal(assay_table_append(table), ASSAY_OK);
        assert_int_equal(assay_table_set_integer(table, replicate, i), ASSAY_OK);
        assert_int_equal(assay_table_set_number(table, y, i), ASSAY_OK);
    }
    return table;
}

static void claims_are_checked(void **state)
{
    (void)state;
    static const char *const script = HEAD
        "run = function() end, claims = {\n"
        "{ name = 'up', text = 'y > 1', check = function(r) return r:estimate { measure = 'y', "
        "above = 1 } end },\n"
        "{ name = 'not', text = 'no', check = function(r) return r:count() == 3 end },\n"
        "} }";
    assay_experiment *e = open_ok(script, ASSAY_LOAD_RUN);
    assay_table *table = table_of(5);
    const char *json;
    assert_int_equal(assay_experiment_check_claims(e, table, 1, &json), ASSAY_OK);
    /* 3 +- 2.776445105 sqrt(2.5 / 5) */
    const char *start = "[{\"estimate\":3.0,\"high\":4.96324316", *low = "\"low\":1.03675683";
    assert_memory_equal(json, start, strlen(start));
    assert_non_null(strstr(json, low));
    assert_non_null(strstr(json, "\"name\":\"not\",\"p\":null,\"test\":null,\"text\":\"no\","
                                 "\"verdict\":\"not supported\"}"));
    assay_experiment_close(e);
    e = open_ok(script, ASSAY_LOAD_LIST);
    assert_int_equal(assay_experiment_check_claims(e, table, 1, &json), ASSAY_EINVAL);
    assert_message("to be listed, not to be checked");
    assay_experiment_close(e);
    assay_table_free(table);
}

static void rows_do_not_outlive_their_table(void **state)
{
    (void)state;
    assay_experiment *e = open_ok(HEAD
        "run = function() end, claims = { { name = 'a', text = 'b', check = function(r)\n"
        "local seen = kept and kept:count() or 0 kept = r:where { y = 1 } return seen == 0 end } } "
        "}",
        ASSAY_LOAD_RUN);
    const char *json;
    for (int i = 0; i < 2; i++) {
        assay_table *table = table_of(3);
        assert_int_equal(assay_experiment_check_claims(e, table, 1, &json), ASSAY_OK);
        assay_table_free(table);
        assert_non_null(
            strstr(json, i == 0 ? "\"verdict\":\"supported\"" : "rows:count: the rows are gone"));
    }
    assay_experiment_close(e);
}

static void checks_are_interrupted(void **state)
{
    (void)state;
    interrupted = open_ok(HEAD "run = function() end, claims = { { name = 'a', text = 'b', check = "
                               "function(r) while true do end end } } }",
        ASSAY_LOAD_RUN);
    assay_table *table = table_of(3);
    const char *json = NULL;
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50000}}, NULL);
    assert_int_equal(assay_experiment_check_claims(interrupted, table, 1, &json), ASSAY_ESCRIPT);
    assert_message("the time limit of 0.05 s has passed");
    signal(SIGALRM, SIG_DFL);
    assay_experiment_close(interrupted);
    assay_table_free(table);
}

/* ---- the template ---- */

/* A sink that keeps a row's measures as columns of a table, with the cell's own beside them. */
typedef struct gathering {
    assay_table *table;
    assay_experiment *experiment;
    int64_t index;
} gathering;

static int gather_begin(void *context)
{
    gathering *g = context;
    const char *params;
    int64_t replicate;
    size_t points, column;
    long long value;
    assert_int_equal(assay_experiment_cell(g->experiment, g->index, &params, &replicate), ASSAY_OK);
    assert_int_equal(sscanf(strstr(params, "points"), "points\":%lld", &value), 1);
    assert_int_equal(assay_table_column(g->table, "replicate", &column), ASSAY_OK);
    assert_int_equal(assay_table_column(g->table, "points", &points), ASSAY_OK);
    assert_int_equal(assay_table_append(g->table), ASSAY_OK);
    assert_int_equal(assay_table_set_integer(g->table, column, replicate), ASSAY_OK);
    return assay_table_set_integer(g->table, points, value);
}

static int gather_number(void *context, const char *name, double value)
{
    gathering *g = context;
    size_t column;
    assert_int_equal(assay_table_column(g->table, name, &column), ASSAY_OK);
    return assay_table_set_number(g->table, column, value);
}

static int gather_end(void *context)
{
    (void)context;
    return ASSAY_OK;
}

static int gather_progress(void *context, double done, double total)
{
    (void)context;
    return done <= total ? ASSAY_OK : ASSAY_EINVAL;
}

/* The template with its name put in. */
static char *named_template(const char *name)
{
    const char *from = assay_experiment_template(), *mark;
    char *text = calloc(1, strlen(from) * 2), *to = text;
    while ((mark = strstr(from, "@NAME@"))) {
        to = mempcpy(to, from, (size_t)(mark - from));
        to = stpcpy(to, name);
        from = mark + 6;
    }
    strcpy(to, from);
    return text;
}

/* It lists, runs, and its two claims, both of which are theorems, hold. */
static void the_template_runs(void **state)
{
    (void)state;
    char *text = named_template("my-first");
    assay_experiment *e = open_ok(text, ASSAY_LOAD_LIST);
    assert_string_equal(assay_experiment_name(e), "my-first");
    assert_non_null(assay_experiment_describe(e));
    assay_experiment_close(e);
    e = open_ok(text, ASSAY_LOAD_RUN);
    assert_int_equal(assay_experiment_plan(e, "quick", NULL, 0, 0), ASSAY_OK);
    assert_int_equal(assay_experiment_cells(e), 30);
    gathering g = {assay_table_new(), e, 0};
    assay_cell_sink sink = {.context = &g,
        .row_begin = gather_begin,
        .row_number = gather_number,
        .row_end = gather_end,
        .progress = gather_progress};
    for (; g.index < assay_experiment_cells(e); g.index++)
        assert_int_equal(assay_experiment_run_cell(e, g.index, 1, &sink), ASSAY_OK);
    const char *json;
    assert_int_equal(assay_experiment_check_claims(e, g.table, 1, &json), ASSAY_OK);
    const char *first = strstr(json, "\"verdict\":\"supported\"");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "\"verdict\":\"supported\""));
    assay_table_free(g.table);
    assay_experiment_close(e);
    free(text);
}

/* ---- listing what is hostile ---- */

#define LIMIT "a declaration may take"

static void listing_limits_time(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(error) end",
        "repeat until not xpcall(function() while true do end end, function() while true do end "
        "end)",
        "local function f() return f() end f()",
        "setmetatable({}, { __index = function() while true do end end }).x = 1 "
        "local y = setmetatable({}, { __index = function() while true do end end }).x",
        "for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end",
        "for _ in string.gmatch(('x'):rep(1000), '') do while true do end end",
        "string.gsub('x', 'x', function() while true do end end)",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "return setmetatable({}, { __index = function() while true do end end }).x",
        "table.sort({ 1, 2, 3 }, function() while true do end end)",
        "local s = ('a'):rep(1000) while true do s:find('b') end",
        "local t = {} for i = 1, 1e5 do t[i] = i % 7 end while true do pcall(table.sort, t) end",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        assert_not_listed(scripts[i], LIMIT);
}

/* A table of 70 entries whose length is 2^61: every place where Lua looks for its end is taken. */
#define FALSE_LENGTH                                                                               \
    "local t = {1, 2, 3, 4, 5, 6, 7, 8} t[9], t[17] = 9, 17 for i = 4, 61 do t[1 << i] = i end "

/* What would stay inside one C function, where no hook runs. */
static void listing_guards_c_functions(void **state)
{
    (void)state;
    assert_not_listed(
        "local s = ('a'):rep(30) s:find(('a?'):rep(30) .. s)", "pattern may take too long");
    assert_not_listed("(('a'):rep(300)):match('.-.-.-.-b')", "pattern may take too long");
    assert_not_listed(
        "local s = ('a'):rep(1e6) string.find(s .. s, s, 1, true)", "at most 1048576 bytes");
    assert_not_listed(
        "local s = ('a'):rep(5e5) string.find(s, s .. 'b', 1, true)", "pattern may take too long");
    assert_not_listed("string.rep('', 1 << 62)", "string.rep: n must be at most");
    assert_not_listed("table.move({}, 1, math.maxinteger - 1, 2)", "table.move: goes over at most");
    assert_not_listed(
        "table.move({}, math.mininteger, math.maxinteger, 2)", "table.move: goes over at most");
    assert_not_listed(FALSE_LENGTH "table.insert(t, 1, 0)", "table.insert: takes lists of at most");
    assert_not_listed(FALSE_LENGTH "table.remove(t, 1)", "table.remove: takes lists of at most");
    assert_not_listed(FALSE_LENGTH "table.sort(t, rawequal)", "table.sort: takes lists of at most");
    static const char *const late = "local m = {} local t = setmetatable({}, m) "
                                    "m.__len = function() return 1 << 60 end ";
    static const char *const uses[] = {"table.insert(t, 1, 0)", "table.remove(t)", "table.sort(t)",
        "table.concat(t)", "table.unpack(t)"};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        char script[256];
        snprintf(script, sizeof script, "%s%s", late, uses[i]);
        assert_not_listed(script, "__len is not available");
    }
    assert_not_listed(
        "setmetatable({}, { __len = function() return 1 << 60 end })", "__len is not available");
    assert_not_listed(
        "table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, 1 << 60)",
        "table.concat: goes over at most");
}

/* Under valgrind the clock is faster than the memory; what counts is that the memory stays small.
 */
static void listing_limits_memory(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end",
        "local function f(...) return f(1, ...) end f()",
    };
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        assay_experiment *e;
        assert_int_equal(
            assay_experiment_open("hostile.lua", scripts[i], ASSAY_LOAD_LIST, &e), ASSAY_ESCRIPT);
        assert_true(strstr(assay_errmsg(), "not enough memory") || strstr(assay_errmsg(), LIMIT) ||
                    strstr(assay_errmsg(), "stack overflow"));
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 1L << 20); /* KiB */
}

static void listing_has_no_world(void **state)
{
    (void)state;
    unlink("/tmp/assay-engine-touched");
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"os.execute('touch /tmp/assay-engine-touched')",
            "os.execute is not available while an experiment is only listed"},
        {"io.open('/tmp/assay-engine-touched', 'w')", "io.open is not available"},
        {"local x = os.getenv('HOME')", "os.getenv is not available"},
        {"load('return 1')()", "load is not available"},
        {"load('\\27Lua')", "load is not available"},
        {"loadfile('/etc/passwd')", "loadfile is not available"},
        {"dofile('/etc/passwd')", "dofile is not available"},
        {"string.dump(print)", "attempt to call a nil value (field 'dump')"},
        {"debug.sethook()", "debug.sethook is not available"},
        {"require('os').execute('x')", "require \"os\".execute is not available"},
        {"package.loadlib('x', '*')", "package.loadlib is not available"},
        {"coroutine.wrap(function() while true do end end)()", "coroutine.wrap is not available"},
        {"collectgarbage('stop')", "collectgarbage is not available"},
        {"setmetatable({}, { __gc = function() while true do end end })", "__gc is not available"},
        {"local x <close> = setmetatable({}, { __close = print })", "__close is not available"},
        {"getmetatable('').__index = 1", "attempt to index a boolean value"},
        {"require('assay').stats.mean({ 1 })", "assay.stats.mean is not available"},
        {"require('assay').experiment = 1", ""},
        {"os.exit(0)", "os.exit is not available"},
        {"os.x = 1", "os can't be changed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_not_listed(cases[i].text, cases[i].wanted);
    assert_int_equal(access("/tmp/assay-engine-touched", F_OK), -1);
}

/* The state behind the limits still does what it must after them, and says so. */
static void listing_limits_filters(void **state)
{
    (void)state;
    assay_experiment *e = open_ok(HEAD
        "run = print, params = { k = {1, 2} }, filter = function() while true do end end }",
        ASSAY_LOAD_LIST);
    assert_int_equal(assay_experiment_plan(e, NULL, NULL, 0, 0), ASSAY_ESCRIPT);
    assert_message(LIMIT);
    assert_non_null(assay_experiment_describe(e));
    assay_experiment_close(e);
}

static void listing_lets_usual_scripts_pass(void **state)
{
    (void)state;
    assay_experiment *e = open_ok(
        "local assay = require 'assay'\n"
        "local mean, clock = assay.stats.mean, os.clock\n"
        "local helper = require 'helper'\n"
        "local f = helper.deep.function_of_mine\n"
        "print('hello')\n"
        "local ks = {}\nfor i = 0, 9 do ks[#ks + 1] = 2 ^ i // 1 | 0 end\ntable.insert(ks, 1000)\n"
        "for k, v in assay.sorted_pairs { b = 1, a = 2 } do assert(k ~= 'a' or v == 2) end\n"
        "local name = ('De%s'):format('mo'):lower():gsub('[^a-z]+', '')\n"
        "local Class = setmetatable({}, { __index = math, __call = function() return 1 end })\n"
        "assert(Class.floor(2.5) == 2 and Class() == 1 and #ks == 11 and utf8.len('é') == 1)\n"
        "assert(select('#', table.unpack(ks)) == 11 and table.concat({1, 2}, ',') == '1,2')\n"
        "local ok, why = pcall(error, 'x') assert(not ok and why == 'x')\n"
        "return assay.experiment { name = name, run = function(cell) mean({}) end, params = { k = "
        "ks } }",
        ASSAY_LOAD_LIST);
    assert_string_equal(assay_experiment_name(e), "demo");
    assay_experiment_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_files),
        cmocka_unit_test(refuses_what_is_no_experiment),
        cmocka_unit_test(plans),
        cmocka_unit_test(restores_plans),
        cmocka_unit_test(cells_speak_through_the_sink),
        cmocka_unit_test(cells_refuse_bad_words),
        cmocka_unit_test(errors_have_tracebacks),
        cmocka_unit_test(streams),
        cmocka_unit_test(own_stream_does_not_move),
        cmocka_unit_test(a_failing_sink_ends_the_cell),
        cmocka_unit_test(a_cell_that_is_over_is_silent),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(coroutines_work_as_ever),
        cmocka_unit_test(claims_are_checked),
        cmocka_unit_test(rows_do_not_outlive_their_table),
        cmocka_unit_test(checks_are_interrupted),
        cmocka_unit_test(the_template_runs),
        cmocka_unit_test(listing_limits_time),
        cmocka_unit_test(listing_guards_c_functions),
        cmocka_unit_test(listing_limits_memory),
        cmocka_unit_test(listing_has_no_world),
        cmocka_unit_test(listing_limits_filters),
        cmocka_unit_test(listing_lets_usual_scripts_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
