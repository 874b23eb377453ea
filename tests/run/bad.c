/* Bad scripts: in each run two of six cells do something that no script should. It is stopped, its
 * message names the script and the line, the other cells are as they would have been, and nothing
 * of it stays behind. */
#include "fixture.h"

/* Line 8 of the script is the bad one's. */
#define BAD(WHAT)                                                                                  \
    WITH_RUN("bad", "if cell.params.a == 2 then\n" WHAT "\nend\ncell:log { x = cell.params.a }")
#define LINE "experiment.lua:8: "

static const struct {
    const char *what, *body, *error;
} scripts[] = {
    {"an error that is a table", "error({ code = 7 })", "(the error is a table value)"},
    {"an error that tells itself",
        "error(setmetatable({}, { __tostring = function() return 'mine' end }))", "mine"},
    {"an error whose telling errs",
        "error(setmetatable({}, { __tostring = function() error('twice') end }))", "twice"},
    {"an error that is nil", "error(nil)", "(the error is a nil value)"},
    {"an error of 10 MB", "error(('e'):rep(1e7))", "eeee"},
    {"deep recursion", "local function f(n) return 1 + f(n + 1) end f(1)", LINE "stack overflow"},
    {"deep recursion through C", "local function f(s) return (s:gsub('.', f)) end f('x')",
        "C stack overflow"},
    {"a deep pattern", "(('a'):rep(300)):find(('a?'):rep(300))", LINE "pattern too complex"},
    {"a text of 10 MB as a measure", "cell:log { text = ('t'):rep(1e7) }",
        LINE "cell:log: text is a text of 10000000 bytes; at most 4096 are a measure"},
    {"a measure that is a table", "cell:log { x = {} }", LINE "cell:log: x must be a number"},
    {"a yield out of run", "coroutine.yield(1)", "attempt to yield"},
    {"a coroutine that is dead", "local co = coroutine.wrap(function() end) co() co()",
        "cannot resume dead coroutine"},
    {"a coroutine that resumes itself",
        "local co co = coroutine.create(function() return coroutine.resume(co) end)\n"
        "assert(select(3, coroutine.resume(co)) == 'cannot resume non-suspended coroutine')\n"
        "error('it was told')",
        "it was told"},
    {"an error in a coroutine",
        "coroutine.wrap(function() coroutine.wrap(function() error('deep inside') end)() end)()",
        LINE "deep inside"},
    {"os.exit", "os.exit(0)", LINE "os.exit can't be called in an experiment"},
    {"os.exit that is caught", "pcall(os.exit, 0) error('caught')", LINE "caught"},
    {"processes without end",
        "local open = {} while true do open[#open + 1] = assert(io.popen('sleep 76543')) end",
        "Too many open files"},
    {"files without end",
        "local open = {} while true do open[#open + 1] = assert(io.open('/dev/null')) end",
        "Too many open files"},
    {"a cell that is kept", "kept = cell error('and used later')", "and used later"},
    {"closed output",
        "io.stdout:close() io.stderr:close() print('into nothing') error('told still')",
        "told still"},
    {"a pipe that is not its own",
        "for fd = 3, 9 do os.execute(('echo nonsense >&%d'):format(fd) .. ' 2>/dev/null') end\n"
        "error('told still')",
        "told still"},
    {"globals taken away", "for name in pairs(_G) do _G[name] = nil end cell.params.a.b = 1", LINE},
    {"a metatable for texts",
        "getmetatable('').__index = function() error('no method') end local s = ('x'):rep(2)",
        LINE "no method"},
};

static void expect_bad_cells(int64_t run, const char *error)
{
    assay_run_info info = get_info(run);
    assert_int_equal(info.cells_done, 4);
    assert_int_equal(info.cells_failed, 2);
    assert_int_equal(info.rows, 4);
    assay_run_info_clear(&info);
    expect_cell_error(run, 1, error);
    expect_cell_error(run, 4, error);
    expect_cell_error(run, 0, "");
}

static void bad_scripts_harm_their_cell_only(void **state)
{
    (void)state;
    assay_run_options options = options_with(2);
    options.cell_time = 20;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        char text[2048];
        snprintf(text, sizeof text, BAD("%s"), scripts[i].body);
        print_message("# %s\n", scripts[i].what);
        expect_bad_cells(run_script(text, &options, ASSAY_RUN_FAILED), scripts[i].error);
    }
    assert_int_not_equal(system("pgrep -f '[s]leep 76543' >/dev/null"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            bad_scripts_harm_their_cell_only, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
