/* pairs, table.sort and math.random in the program's own states: the same order in every state,
 * though each has a hash seed of its own, and else what the manual of Lua says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "lua/engine.h"

enum { STATES = 4 };

static lua_State *state_with(const char *script)
{
    lua_State *L = assay_lua_new();
    assert_non_null(L);
    if (luaL_dostring(L, script) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    return L;
}

/* The text that a script returns is one text in all states. */
static void expect_same(const char *script, const char *wanted)
{
    char first[8192] = "";
    for (int i = 0; i < STATES; i++) {
        lua_State *L = state_with(script);
        const char *text = lua_tostring(L, -1);
        assert_non_null(text);
        if (i == 0)
            snprintf(first, sizeof first, "%s", text);
        assert_string_equal(text, first);
        lua_close(L);
    }
    if (wanted)
        assert_string_equal(first, wanted);
}

static void expect_true(const char *script)
{
    lua_State *L = state_with(script);
    lua_close(L);
}

#define VISIT                                                                                      \
    "local function visit(t) local seen = {} for k, v in pairs(t) do "                             \
    "seen[#seen + 1] = tostring(k) .. '=' .. tostring(v) end "                                     \
    "return (table.concat(seen, ' '):gsub('%z', '~')) end "

static void pairs_goes_by_the_order_of_keys(void **state)
{
    (void)state;
    expect_same(VISIT
        "return visit { pear = 1, apple = 2, fig = 3, [true] = 4, [false] = 5, "
        "[10] = 6, [2] = 7, [-1.5] = 8, [2^53] = 9, [math.mininteger] = 10, "
        "[1e300] = 11, ['apple pie'] = 12, ['Zoo'] = 13, ['a\\0b'] = 14, ['a'] = 15 }",
        "-9223372036854775808=10 -1.5=8 2=7 10=6 9007199254740992=9 1e+300=11 Zoo=13 a=15 "
        "a~b=14 apple=2 apple pie=12 fig=3 pear=1 false=5 true=4");
    expect_same(VISIT "return visit { 'x', 'y', n = 2 }", "1=x 2=y n=2");
    expect_same(VISIT "return visit {}", "");
    expect_same("local t, out = {}, {} for i = 1, 200 do t['k' .. i * 7919 % 200] = i end "
                "for k in pairs(t) do out[#out + 1] = k end return table.concat(out, ' ')",
        NULL);
}

static void keys_may_change_under_the_visit(void **state)
{
    (void)state;
    expect_true("local t = {} for i = 1, 50 do t['k' .. i] = i end local n = 0\n"
                "for k in pairs(t) do t[k] = nil n = n + 1 end\n"
                "assert(n == 50 and next(t) == nil)");
    expect_true("local t = { c = 1, b = 1, a = 1, d = 1 } local seen = ''\n"
                "for k, v in pairs(t) do seen = seen .. k .. v t.c = nil t.d = 2 end\n"
                "assert(seen == 'a1b1d2', seen)");
    expect_true("for k in pairs(setmetatable({}, { __mode = 'k' })) do error() end");
}

static void other_keys_and_values_are_visited_once(void **state)
{
    (void)state;
    expect_true("local t, n = { z = 1, a = 2 }, 0 for i = 1, 20 do t[{}] = i end t[print] = 0\n"
                "local sum = 0 for k, v in pairs(t) do n = n + 1\n"
                "  if type(k) ~= 'string' then sum = sum + v end end\n"
                "assert(n == 23 and sum == 210)");
    expect_true("local t = setmetatable({}, { __pairs = function() return function(_, k)\n"
                "  if not k then return 'mine', 1 end end, nil, nil end })\n"
                "for k, v in pairs(t) do assert(k == 'mine' and v == 1) end");
    expect_true("local hidden = setmetatable({ b = 1, a = 2 }, { __index = { c = 3 } })\n"
                "local n = 0 for k in pairs(hidden) do n = n + 1 end assert(n == 2)");
    expect_true("local ok, why = pcall(function() for k in pairs(nil) do end end)\n"
                "assert(not ok and why:find('table expected, got nil', 1, true), why)");
    expect_true("local ok, why = pcall(pairs) assert(not ok and why:find 'bad argument #1', why)");
}

/* Places of equal keys are those that they had: against sorting by (key, place). */
static void sort_is_stable(void **state)
{
    (void)state;
    expect_true("for n = 0, 40 do for keys = 1, 7 do\n"
                "  local list = {}\n"
                "  for i = 1, n do list[i] = { key = i * 31 % keys, place = i } end\n"
                "  table.sort(list, function(a, b) return a.key < b.key end)\n"
                "  for i = 2, n do local a, b = list[i - 1], list[i]\n"
                "    assert(a.key < b.key or (a.key == b.key and a.place < b.place)) end\n"
                "end end");
    expect_true("local t = { 3, 1, 2.5, -1 } table.sort(t)\n"
                "assert(table.concat(t, ' ') == '-1 1 2.5 3')\n"
                "t = { 'b', 'a', 'B' } table.sort(t) assert(table.concat(t) == 'Bab')\n"
                "t = { 1, 2, 3 } table.sort(t, function(a, b) return a > b end)\n"
                "assert(table.concat(t) == '321')");
}

/* The two smallest are where Lua's own sort looks for a median, so that it divides badly and asks
 * the clock for its next pivots. */
static void sort_of_many_equals_is_the_same(void **state)
{
    (void)state;
    expect_same("local list, out = {}, {}\n"
                "for i = 1, 20000 do list[i] = { i * 7919 % 97, i } end\n"
                "list[1][1], list[10000][1] = -2, -1\n"
                "table.sort(list, function(a, b) return a[1] < b[1] end)\n"
                "for i = 1, 1000 do out[i] = list[i][2] end return table.concat(out, ' ')",
        NULL);
}

static void sort_says_what_is_wrong(void **state)
{
    (void)state;
    expect_true("local ok, why = pcall(table.sort, 3)\n"
                "assert(not ok and why:find('table expected, got number', 1, true), why)");
    expect_true("local ok, why = pcall(table.sort, { 2, 1 }, 3)\n"
                "assert(not ok and why:find('function expected, got number', 1, true), why)");
    expect_true("local ok, why = pcall(table.sort, { 2, 'a' })\n"
                "assert(not ok and why:find('attempt to compare', 1, true), why)");
    expect_true("local t = { 3, 2, 1 }\n"
                "local ok, why = pcall(table.sort, t, function() error 'no' end)\n"
                "assert(not ok and why:find 'no' and table.concat(t) == '321')");
    expect_true("local t = setmetatable({}, { __len = function() return 3 end,\n"
                "  __index = function(_, i) return -i end })\n"
                "table.sort(t) assert(rawget(t, 1) == -3 and rawget(t, 3) == -1)");
}

static void random_numbers_begin_at_one_place(void **state)
{
    (void)state;
    expect_same(
        "return table.concat({ math.random(1e9), math.random(), math.random(6) }, ' ')", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_goes_by_the_order_of_keys),
        cmocka_unit_test(keys_may_change_under_the_visit),
        cmocka_unit_test(other_keys_and_values_are_visited_once),
        cmocka_unit_test(sort_is_stable),
        cmocka_unit_test(sort_of_many_equals_is_the_same),
        cmocka_unit_test(sort_says_what_is_wrong),
        cmocka_unit_test(random_numbers_begin_at_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
