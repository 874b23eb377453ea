/* `assay lua` in a child process: what it prints and how it ends. */
#include "lua/repl.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Exit status, standard output and standard error of the last command. */
static int status;
static char out[8192], err[8192];

static void slurp(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

static int wait_for(pid_t child)
{
    int how = 0;
    waitpid(child, &how, 0);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

/* At the file's own offset, which the child shares, nothing changes. */
static bool has_printed(FILE *output, const char *text)
{
    char seen[1024];
    ssize_t size = pread(fileno(output), seen, sizeof seen - 1, 0);
    seen[size > 0 ? size : 0] = 0;
    return strstr(seen, text) != NULL;
}

/* Run argv (ends with NULL) on `input`; with `interrupt_at`, SIGINT follows as soon as the child
 * has printed that. */
static void run(const char *const *argv, const char *input, const char *interrupt_at)
{
    FILE *in = tmpfile(), *output = tmpfile(), *errors = tmpfile();
    assert_true(in && output && errors);
    fputs(input, in);
    fflush(in);
    rewind(in);
    int argc = 0;
    while (argv[argc])
        argc++;
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        dup2(fileno(in), STDIN_FILENO);
        dup2(fileno(output), STDOUT_FILENO);
        dup2(fileno(errors), STDERR_FILENO);
        exit(assay_lua_repl(argc, (char **)(uintptr_t)argv)); /* as main's */
    }
    while (interrupt_at && !has_printed(output, interrupt_at))
        usleep(1000);
    if (interrupt_at)
        kill(child, SIGINT);
    status = wait_for(child);
    fclose(in);
    slurp(output, out, sizeof out);
    slurp(errors, err, sizeof err);
}

#define RUN(input, ...) run((const char *[]){"lua", __VA_ARGS__, NULL}, input, NULL)

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void runs_code(void **state)
{
    (void)state;
    RUN("", "-e", "x = assay.matrix(2, 3)", "-e", "print(x, require 'assay' == assay)");
    assert_string_equal(out, "matrix 2 x 3\ttrue\n");
    assert_int_equal(status, 0);
    RUN("", "-e", "local function f() error 'mine' end f()", "-e", "print 'not reached'");
    assert_int_equal(status, 1);
    assert_string_equal(out, "");
    assert_has(err, "assay lua: (command line):1: mine\nstack traceback:");
    assert_has(err, "in local 'f'");
    RUN("", "-e", "x = ");
    assert_int_equal(status, 1);
    assert_has(err, "near <eof>");
    RUN("", "-e", "error(setmetatable({}, {__tostring = function() return 'an object' end}))");
    assert_string_equal(err, "assay lua: an object\n");
    RUN("", "-e", "error {}");
    assert_has(err, "(error object is a table value)");
}

static void runs_scripts(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-repl-XXXXXX";
    int file = mkstemp(path);
    const char *text = "#!/usr/bin/env -S assay lua\nprint(arg[0] ~= nil, #arg, arg[1], ...)\n"
                       "if ... == 'fail' then error 'script' end\n";
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    RUN("", path, "-e", "b c");
    assert_string_equal(out, "true\t2\t-e\t-e\tb c\n");
    assert_int_equal(status, 0);
    RUN("", "--", path);
    assert_string_equal(out, "true\t0\tnil\n");
    RUN("", "-e", "y = 1", path, "fail");
    assert_int_equal(status, 1);
    assert_has(err, ":3: script\nstack traceback:");
    unlink(path);
    RUN("", path);
    assert_int_equal(status, 1);
    assert_has(err, "cannot open");
    RUN("print('from standard input', ...)", "-", "a");
    assert_string_equal(out, "from standard input\ta\n");
    run((const char *[]){"lua", NULL}, "print(1 + 1)", NULL);
    assert_string_equal(out, "2\n");
}

/* What the loop prints, from the first prompt on. */
static const char *session(const char *input)
{
    RUN(input, "-i");
    assert_int_equal(status, 0);
    const char *prompt = strstr(out, "> ");
    assert_non_null(prompt);
    return prompt;
}

static void reads_lines(void **state)
{
    (void)state;
    assert_string_equal(session("1 + 1, 'x'\n"), "> 2\tx\n> \n");
    assert_string_equal(session("= 3 * 4\n"), "> 12\n> \n");
    assert_string_equal(session("a = 5\na\nprint(a)\n"), "> > 5\n> 5\n> \n");
    assert_string_equal(session("for i = 1, 2 do\nprint(i)\nend\n"), "> >> >> 1\n2\n> \n");
    assert_string_equal(session("{1,\n2}\n"), "> > > \n");
    assert_has(err, "unexpected symbol near '{'");
    assert_string_equal(session("\n\n7"), "> > > 7\n> \n");
    assert_string_equal(session("x = \"a\n1"), "> >> > \n");
    assert_has(err, "unfinished string near '\"a'");
    assert_string_equal(session("if true then"), "> >> > \n");
    assert_has(err, "'end' expected near <eof>");
}

static void goes_on_after_errors(void **state)
{
    (void)state;
    assert_string_equal(
        session("error 'one'\nnil + 1\nassay.matrix(-1, 1)\n'on'\n"), "> > > > on\n> \n");
    assert_has(err, "assay lua: stdin:1: one\nstack traceback:");
    assert_has(err, "attempt to perform arithmetic on a nil value");
    assert_has(err, "matrix: rows must be in");
    assert_string_equal(session("setmetatable({}, {__tostring = function() error 'shown' end})\n"
                                "'on'\n"),
        "> > on\n> \n");
    assert_has(err, "shown");
}

static void stops_at_an_interrupt(void **state)
{
    (void)state;
    const char *code[] = {"lua", "-e", "io.stdout:write('go'):flush() while true do end", NULL};
    run(code, "", "go");
    assert_int_equal(status, 1);
    assert_has(err, "interrupted!");
    const char *lines[] = {"lua", "-i", NULL};
    run(lines, "io.stdout:write('go'):flush() while true do end\n'on'\n", "go");
    assert_int_equal(status, 0);
    assert_has(err, "interrupted!");
    assert_has(out, "on\n");
}

/* In a coroutine, in a hook of a model (which has a thread of its own), and in a primitive. */
static void stops_whatever_runs(void **state)
{
    (void)state;
    static const char *const loops[] = {
        "coroutine.wrap(function() io.stdout:write('go'):flush() while true do end end)()\n'on'\n",
        "lm = assay.lm.new { d = 8, heads = 2, layers = 1, ctx = 4 }\n"
        "lm:weight_hook('head.weight', { forward = function(w) io.stdout:write('go'):flush() "
        "while true do end end })\n"
        "lm:logits { 1, 2 }\n'on'\n",
        "io.stdout:write('go'):flush() assay.lm.new { preset = 'nano' }:train { task = "
        "assay.task('copy'), steps = 10000000 }\n'on'\n"};
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        const char *lines[] = {"lua", "-i", NULL};
        run(lines, loops[i], "go");
        assert_int_equal(status, 0);
        if (!strstr(err, "interrupted!") && !strstr(err, "cancelled"))
            fail_msg("%s", err);
        assert_has(out, "on\n");
    }
}

static void refuses_usage(void **state)
{
    (void)state;
    RUN("", "-x");
    assert_int_equal(status, 2);
    assert_has(err, "assay lua: unknown option -x\nUsage: assay lua");
    RUN("", "-e");
    assert_int_equal(status, 2);
    assert_has(err, "-e needs code");
    RUN("", "--help");
    assert_int_equal(status, 0);
    assert_has(out, "Usage: assay lua");
}

int main(void)
{
    signal(SIGINT, SIG_DFL); /* which a shell's background ignores, as nohup does SIGHUP */
    signal(SIGHUP, SIG_DFL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_code),
        cmocka_unit_test(runs_scripts),
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(goes_on_after_errors),
        cmocka_unit_test(stops_at_an_interrupt),
        cmocka_unit_test(stops_whatever_runs),
        cmocka_unit_test(refuses_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
