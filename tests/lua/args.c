/* The readers of arguments, through small Lua functions: what they take, and their words. */
#include "lua/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <lualib.h>

#include "core/status.h"
#include "lua/module.h"

/* ---- functions under test ---- */

static int indices(lua_State *L)
{
    size_t n = 0;
    size_t base = (size_t)assay_arg_integer(L, 2, "base", 0, 10);
    size_t limit = lua_isnil(L, 3) ? SIZE_MAX : (size_t)assay_arg_integer(L, 3, "limit", 0, 100);
    int top = lua_gettop(L);
    const size_t *x = assay_arg_indices(L, 1, "labels", base, limit, &n);
    assert_int_equal(lua_gettop(L), top + 1);
    assay_push_indices(L, x, n, 0);
    return 1;
}

static int vector_of(lua_State *L)
{
    int top = lua_gettop(L);
    const double *x = assay_arg_vector_of(L, 1, "n", 3);
    assert_int_equal(lua_gettop(L), top + 1);
    assay_push_vector(L, x, 3);
    return 1;
}

static int flags(lua_State *L)
{
    size_t n = 0;
    int top = lua_gettop(L);
    const unsigned char *x = assay_arg_flags(L, 1, "correct", &n);
    assert_int_equal(lua_gettop(L), top + 1);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int column(lua_State *L)
{
    size_t n = 0;
    const double *x = assay_arg_vector(L, 1, "x", &n);
    assay_push_vector(L, x, n);
    return 1;
}

static int shape(lua_State *L)
{
    int top = lua_gettop(L);
    assay_matrix m = assay_arg_matrix(L, 1, "m");
    assert_int_equal(lua_gettop(L), top + 1);
    lua_pushinteger(L, (lua_Integer)(m.rows * 100 + m.cols));
    return 1;
}

static int options(lua_State *L)
{
    static const char *const known[] = {"number", "integer", "flag", "text", "choice", "rng", NULL};
    static const char *const choices[] = {"alpha", "beta", NULL};
    assay_opts_check(L, 1, known);
    int top = lua_gettop(L);
    lua_pushnumber(L, assay_opt_number(L, 1, "number", -1, 0, 1));
    lua_pushinteger(L, assay_opt_integer(L, 1, "integer", -1, 1, INT64_MAX));
    lua_pushboolean(L, assay_opt_boolean(L, 1, "flag", true));
    lua_pushstring(L, assay_opt_string(L, 1, "text", "none"));
    lua_pushinteger(L, assay_opt_choice(L, 1, "choice", -1, choices));
    lua_pushboolean(L, assay_opt_rng(L, 1, "rng") != NULL);
    assert_int_equal(lua_gettop(L), top + 6);
    return 6;
}

static int in_range(lua_State *L)
{
    lua_pushnumber(L, assay_arg_number(L, 1, "x", lua_tonumber(L, 2), lua_tonumber(L, 3)));
    return 1;
}

static int fails(lua_State *L)
{
    assay_arg_status(L, ASSAY_OK);
    assay_arg_status(L, assay_fail(ASSAY_EINVAL, "%s", lua_tostring(L, 1)));
    return 0;
}

/* A reader pushes; the argument behind the last given one is still nil. */
static int vector_then_option(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    size_t n = 0;
    assay_arg_vector(L, 1, "x", &n);
    assay_opts_check(L, 2, known);
    lua_pushinteger(L, assay_opt_integer(L, 2, "k", 5, 0, 9));
    return 1;
}

static const luaL_Reg functions[] = {
    {"indices", indices},
    {"vector_of", vector_of},
    {"flags", flags},
    {"column", column},
    {"shape", shape},
    {"options", options},
    {"in_range", in_range},
    {"fails", fails},
    {"vector_then_option", vector_then_option},
    {NULL, NULL},
};

/* ---- running them ---- */

static int open_state(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_requiref(L, "assay", luaopen_assay, 1);
    lua_pushglobaltable(L);
    assay_lua_register(L, functions);
    int status = luaL_dostring(L, "inf, nan = math.huge, 0 / 0\n"
                                  "function text(x)\n"
                                  "  if type(x) ~= 'table' then return tostring(x) end\n"
                                  "  local out = {}\n"
                                  "  for i, v in ipairs(x) do out[i] = text(v) end\n"
                                  "  return '{' .. table.concat(out, ' ') .. '}'\n"
                                  "end\n"
                                  "function all(...) return text {...} end\n");
    lua_settop(L, 0);
    *state = L;
    return status;
}

static int close_state(void **state)
{
    lua_close(*state);
    return 0;
}

static const char *result(lua_State *L, const char *expression)
{
    lua_settop(L, 0);
    lua_pushfstring(L, "return all(%s)", expression);
    if (luaL_loadbuffer(L, lua_tostring(L, 1), strlen(lua_tostring(L, 1)), "=test") == LUA_OK)
        lua_pcall(L, 0, 1, 0);
    return lua_tostring(L, -1);
}

#define GIVES(expression, expected) assert_string_equal(result(*state, expression), expected)
#define REFUSES(expression, message) GIVES(expression, "test:1: " message)

static void reads_indices(void **state)
{
    GIVES("indices({1, 3, 2}, 1, 3)", "{{0 2 1}}");
    GIVES("indices({0, 2}, 0, 3)", "{{0 2}}");
    GIVES("indices({5, 9007199254740991}, 1)", "{{4 9007199254740990}}");
    GIVES("indices(assay.matrix{{1}, {2}}, 1, 2)", "{{0 1}}");
    GIVES("indices({}, 1, 0)", "{{}}");
    REFUSES("indices({1, 4}, 1, 3)", "indices: labels[2] must be in 1..3, got 4");
    REFUSES("indices({0}, 1, 3)", "indices: labels[1] must be in 1..3, got 0");
    REFUSES("indices({3}, 0, 3)", "indices: labels[1] must be in 0..2, got 3");
    REFUSES("indices({0}, 1)", "indices: labels[1] must be at least 1, got 0");
    REFUSES("indices({1.5}, 1, 3)", "indices: labels[1] must be an integer, got 1.5");
    REFUSES("indices({inf}, 1)", "indices: labels[1] must be an integer, got inf");
    REFUSES("indices({1}, 1, 0)", "indices: labels must be empty, got 1");
    REFUSES("indices(1, 1, 3)", "indices: labels must be a list of numbers, got 1");
}

static void reads_vectors(void **state)
{
    GIVES("vector_of(2)", "{{2.0 2.0 2.0}}");
    GIVES("vector_of({1, 2, 3})", "{{1.0 2.0 3.0}}");
    GIVES("vector_of(assay.matrix{{1, 2, 3}}[1])", "{{1.0 2.0 3.0}}");
    REFUSES("vector_of({1, 2})", "vector_of: n must be a number or a list of 3 numbers, got 2");
    REFUSES("vector_of('2')", "vector_of: n must be a number or a list of numbers, got a string");
    GIVES("column(assay.matrix{{1}, {2}})", "{{1.0 2.0}}");
    GIVES("column({nan ~= nan and 1 or 2})", "{{1.0}}");
    REFUSES("column(assay.matrix(2, 3))", "column: x must be a vector, got a matrix of 2 x 3");
    REFUSES("column({1, nil, 3})", "column: x[2] must be a number, got nil");
    REFUSES("column({1, {2}})", "column: x[2] must be a number, got a table");
    REFUSES(
        "column({k = 1})", "column: x must be a list of numbers, got a table with the key \"k\"");
    REFUSES("column(assay.rng(1))", "column: x must be a list of numbers, got an rng");
    GIVES("column(setmetatable({}, {__index = {4, 5}, __len = function() return 2 end}))",
        "{{4.0 5.0}}");
}

static void reads_flags(void **state)
{
    GIVES("flags({true, false, 1, 0, 1.0})", "{{1 0 1 0 1}}");
    GIVES("flags(assay.matrix{{1, 0, 1}}[1])", "{{1 0 1}}");
    GIVES("flags({})", "{{}}");
    REFUSES("flags({1, 2})", "flags: correct[2] must be true or false (or 1 or 0), got 2");
    REFUSES("flags({'true'})", "flags: correct[1] must be true or false (or 1 or 0), got a string");
    REFUSES("flags(true)", "flags: correct must be a list of true or false (or 1 or 0), got true");
    REFUSES("flags(assay.matrix{{0, nan}})",
        "flags: correct[2] must be true or false (or 1 or 0), got nan");
}

static void reads_matrices(void **state)
{
    GIVES("shape{{1, 2, 3}, {4, 5, 6}}", "{203}");
    GIVES("shape(assay.matrix(4, 5))", "{405}");
    GIVES("shape(assay.matrix(4, 5)[1])", "{105}");
    GIVES("shape{assay.matrix(4, 5)[1], {1, 2, 3, 4, 5}}", "{205}");
    GIVES("shape{}", "{0}");
    GIVES("shape{{}, {}}", "{200}");
    REFUSES(
        "shape{{1, 2}, {3, 4}, {5}}", "shape: m[3] must have 2 numbers as the first row, got 1");
    REFUSES("shape{{1, 2}, {3, 'x'}}", "shape: m[2][2] must be a number, got a string");
    REFUSES("shape{1, 2}", "shape: m[1] must be a list of numbers (a row), got 1");
    REFUSES("shape()", "shape: m must be a matrix or a list of rows, got nil");
}

static void reads_options(void **state)
{
    GIVES("options()", "{-1.0 -1 true none -1 false}");
    GIVES("options{}", "{-1.0 -1 true none -1 false}");
    GIVES("options{number = 0.5, integer = 3.0, flag = false, text = 'x', choice = 'beta', "
          "rng = assay.rng(1)}",
        "{0.5 3 false x 1 true}");
    REFUSES("options{number = 2}", "options: number must be in 0..1, got 2");
    REFUSES("options{integer = 0}", "options: integer must be at least 1, got 0");
    REFUSES("options{flag = 1}", "options: flag must be true or false, got 1");
    REFUSES("options{text = 1}", "options: text must be a string, got 1");
    REFUSES("options{choice = 'bta'}", "options: choice must be one of \"alpha\", \"beta\", got "
                                       "\"bta\" (did you mean \"beta\"?)");
    REFUSES("options{choice = 'zzz'}",
        "options: choice must be one of \"alpha\", \"beta\", got \"zzz\"");
    REFUSES("options{rng = 7}", "options: rng must be an rng (assay.rng(seed)), got 7");
    REFUSES("options{nubmer = 2}", "options: unknown option \"nubmer\" (did you mean \"number\"?)");
    REFUSES("options{[1] = 2}", "options: options must have names, got the key 1");
    REFUSES("options(3)", "options: options must be a table, got 3");
    GIVES("vector_then_option({1, 2})", "{5}");
    GIVES("vector_then_option({1, 2}, {k = 7})", "{7}");
}

static void says_ranges(void **state)
{
    GIVES("in_range(inf, 0, inf)", "{inf}");
    REFUSES("in_range(-1, 0, inf)", "in_range: x must be at least 0, got -1");
    REFUSES("in_range(2, -inf, 1)", "in_range: x must be at most 1, got 2");
    REFUSES("in_range(nan, -inf, inf)", "in_range: x must be a number, got nan");
    REFUSES("in_range(0, 0x1p-1074, 1.7976931348623157e308)",
        "in_range: x must be greater than 0 and finite, got 0");
    REFUSES("in_range(1, 0x1p-1074, 1 - 0x1p-53)",
        "in_range: x must be greater than 0 and less than 1, got 1");
    REFUSES("in_range(inf, -1.7976931348623157e308, 1.7976931348623157e308)",
        "in_range: x must be finite, got inf");
    REFUSES("in_range('1', 0, 1)", "in_range: x must be a number, got a string");
    REFUSES("in_range(true, 0, 1)", "in_range: x must be a number, got true");
}

static void passes_statuses_on(void **state)
{
    REFUSES("fails('k is wrong')", "fails: k is wrong");
    REFUSES("fails('fails: k is wrong')", "fails: k is wrong");
    REFUSES("fails('failsafe: k')", "fails: failsafe: k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_indices),
        cmocka_unit_test(reads_vectors),
        cmocka_unit_test(reads_flags),
        cmocka_unit_test(reads_matrices),
        cmocka_unit_test(reads_options),
        cmocka_unit_test(says_ranges),
        cmocka_unit_test(passes_statuses_on),
    };
    return cmocka_run_group_tests(tests, open_state, close_state);
}
