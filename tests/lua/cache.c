/*
 * cell:cache: values come back as they were, bit for bit; a warm cell gives the rows of a cold one;
 * what would make them differ is refused; and bytes that are no value are refused, every one of
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/status.h"
#include "lua/args.h"
#include "lua/engine.h"
#include "lua/serial.h"

/* ---- values ---- */

/* Upvalue 1: the function's name, as every function of the library has. (value) -> what is read
 * back, its bytes. */
static int round_trip(lua_State *L)
{
    size_t size;
    lua_settop(L, 1);
    const void *bytes = assay_serial_write(L, 1, "value", &size);
    lua_pushlstring(L, bytes, size);
    if (!assay_serial_read(L, bytes, size))
        return luaL_error(L, "was written and can't be read");
    lua_insert(L, -2);
    return 2;
}

/* (bytes) -> is it a value */
static int readable(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    char *copy = malloc(size ? size : 1); /* so that a sanitizer sees what lies beyond */
    memcpy(copy, bytes, size);
    lua_pushboolean(L, assay_serial_read(L, copy, size));
    free(copy);
    return 1;
}

static void run_lua(const char *text)
{
    lua_State *L = assay_lua_new();
    assert_non_null(L);
    lua_pushliteral(L, "keep");
    lua_pushcclosure(L, round_trip, 1);
    lua_setglobal(L, "keep");
    lua_pushcfunction(L, readable);
    lua_setglobal(L, "readable");
    if (luaL_dostring(L, text))
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

static void values_come_back(void **state)
{
    (void)state;
    run_lua(
        "local function bits(x) return string.pack(math.type(x) == 'integer' and 'j' or 'd', x) "
        "end\n"
        "local function same(a, b)\n"
        "  if type(a) ~= type(b) then return false end\n"
        "  if type(a) == 'number' then return math.type(a) == math.type(b) and bits(a) == bits(b) "
        "end\n"
        "  if type(a) ~= 'table' then return a == b end\n"
        "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
        "  for k in pairs(b) do if a[k] == nil then return false end end\n"
        "  return true\n"
        "end\n"
        "local nan = string.unpack('d', string.pack('j', 0x7ff4000000000123))\n"
        "local odd = { 0.0, -0.0, nan, -nan, 1/0, -1/0, 5e-324, 2^53 + 1.0, 1, 1.0, "
        "math.mininteger, math.maxinteger, true, false, '', 'a\\0b\\xff', ('x'):rep(70000) }\n"
        "for i, v in ipairs(odd) do assert(same(v, (keep(v))), i) end\n"
        "local t = { odd, {}, { {} }, [0] = 'zero', [-5] = 1, [1e300] = 2, [2.5] = 3, [true] = 4, "
        "[false] = 5, [''] = 6, ['a\\0'] = 7, [100] = 'far', hole = { 1, nil, 3 }, "
        "[math.mininteger] = 0, [1/0] = 8, [-1/0] = 9 }\n"
        "local back = keep(t)\n"
        "assert(same(t, back) and back ~= t and back[1] ~= t[1])\n"
        "assert(getmetatable(back) == nil and next(back[2]) == nil)\n"
        "local deep = 1 for i = 1, 99 do deep = { deep } end assert(same(deep, (keep(deep))))");
}

static void matrices_come_back(void **state)
{
    (void)state;
    run_lua("local nan = string.unpack('d', string.pack('j', 0xfff0000000000001))\n"
            "local m = assay.matrix { { 1, -0.0, nan }, { 1/0, 5e-324, 0.1 } }\n"
            "local back = keep({ m = m }).m\n"
            "assert(back ~= m and #back == 2 and #back[1] == 3)\n"
            "for i = 1, 2 do for j = 1, 3 do\n"
            "  assert(string.pack('d', m[i][j]) == string.pack('d', back[i][j])) end end\n"
            "back[1][1] = 7 assert(m[1][1] == 1)\n"
            "assert(#keep(assay.matrix(0, 0)) == 0)");
}

/* A net is cached whole: weights, and what is left of its training. */
static void nets_come_back(void **state)
{
    (void)state;
    run_lua("local x, y = {}, {}\n"
            "for i = 1, 40 do x[i] = { i % 7, i % 5, 1 } y[i] = i % 2 end\n"
            "local function net() return assay.net.mlp { 3, 6, 2, seed = 1 } end\n"
            "local options = { steps = 20, batch = 8, on_step = function(s) return s < 10 end }\n"
            "local a = net() a:train(x, y, options)\n"
            "local back = keep({ net = a, name = 'a' }).net\n"
            "assert(tostring(back) == tostring(a) and back:loss(x, y) == a:loss(x, y))\n"
            "options.on_step, options.resume = nil, true\n"
            "a:train(x, y, options) back:train(x, y, options)\n"
            "assert(back:get('dense1.weight')[2][3] == a:get('dense1.weight')[2][3])\n"
            "local _, bytes = keep(net())\n"
            "for i = 1, #bytes do assert(not readable(bytes:sub(1, i - 1))) end\n"
            "for i = 1, #bytes, 3 do readable(bytes:sub(1, i - 1) .. "
            "string.char(bytes:byte(i) ~ 1 << i % 8) .. bytes:sub(i + 1)) end");
}

static void equal_tables_have_equal_bytes(void **state)
{
    (void)state;
    run_lua("local function made(step) local t = {}\n"
            "  for i = step > 0 and 1 or 300, step > 0 and 300 or 1, step do\n"
            "    t['k' .. i] = i t[i + 0.5] = i t[-i] = i end return t end\n"
            "local _, a = keep(made(1)) local _, b = keep(made(-1)) assert(a == b)");
}

/* So is a language model, with the vocabulary and what is left of its training. */
static void language_models_come_back(void **state)
{
    (void)state;
    run_lua("local options = { data = { 'abc', 'bca' }, batch = 2, steps = 6,\n"
            "  on_step = function(s) return s.step < 3 end }\n"
            "local lm = assay.lm.new { preset = 'nano', ctx = 8, dropout = 0.1 }\n"
            "lm:train(options)\n"
            "local back = keep({ lm }) [1]\n"
            "assert(back:decode(back:encode 'cab') == 'cab')\n"
            "options.on_step, options.resume = nil, true\n"
            "lm:train(options) back:train(options)\n"
            "local _, a = keep(lm) local _, b = keep(back) assert(a == b)\n"
            "assert(lm:logits('ab')[2][7] == back:logits('ab')[2][7])");
}

static void other_values_are_refused(void **state)
{
    (void)state;
    run_lua(
        "local function refused(value, wanted)\n"
        "  local ok, message = pcall(keep, value)\n"
        "  assert(not ok and message:find(wanted, 1, true), message)\n"
        "end\n"
        "refused(print, 'value must be a number, a string, a boolean, a matrix, a net, a language "
        "model or a table of these, got a function')\n"
        "refused(nil, 'got nil')\n"
        "refused({ layers = { {}, { f = print } } }, 'value.layers[2].f must be')\n"
        "refused({ [true] = io.stdout }, 'value[true] must be')\n"
        "refused({ rng = assay.rng(1) }, 'value.rng must be a number')\n"
        "refused({ assay.matrix(2, 2)[1] }, 'value[1] must be a number, a string, a boolean, a "
        "matrix, a net, a language model or a table of these, got a row of a matrix')\n"
        "refused({ setmetatable({}, {}) }, 'value[1] is a table with a metatable')\n"
        "refused({ [{}] = 1 }, 'value has a key that is not a string')\n"
        "refused({ a = { [print] = 1 } }, 'value.a has a key that is not a string')\n"
        "local t = {} t.t = t refused(t, 'stands deeper than 100 tables')");
}

/* Every beginning, and every byte with every bit changed: an answer, and no crash. */
static void bytes_that_are_no_value_are_refused(void **state)
{
    (void)state;
    run_lua("local _, bytes = keep { 1, 2.5, 'text', true, { a = {}, [3] = false }, "
            "m = assay.matrix { { 1, 2 } } }\n"
            "assert(readable(bytes) and not readable(bytes .. 'T') and not readable '')\n"
            "for n = 0, #bytes - 1 do assert(not readable(bytes:sub(1, n)), n) end\n"
            "for i = 1, #bytes do for bit = 0, 7 do\n"
            "  readable(bytes:sub(1, i - 1) .. string.char(bytes:byte(i) ~ (1 << bit)) .. "
            "bytes:sub(i + 1))\n"
            "end end\n"
            "local huge = string.pack('i8', math.maxinteger)\n"
            "for _, letter in ipairs { 's', 't', 'm' } do\n"
            "  for _, a in ipairs { huge, string.pack('i8', 1 << 31), string.pack('i8', 1), "
            "string.pack('i8', -1) } do\n"
            "    assert(not readable(letter .. a)) assert(not readable(letter .. a .. huge))\n"
            "    assert(not readable(letter .. huge .. a .. ('x'):rep(64)))\n"
            "  end\n"
            "end\n"
            "local table0 = 't' .. string.pack('i8i8', 1, 0)\n"
            "assert(not readable(table0:rep(101) .. 'T') and readable(table0:rep(99) .. 'T'))\n"
            "local key = 't' .. string.pack('i8i8', 0, 1)\n"
            "assert(not readable(key .. 'n' .. string.pack('d', 0/0) .. 'T'))\n"
            "assert(not readable(key .. key .. 'TT' .. 'T'))\n"
            "assert(not readable 'x')");
}

/* ---- cells ---- */

typedef struct transcript {
    char text[8192];
    size_t used;
    double done, total;
} transcript;

static int add(void *context, const char *format, ...)
{
    transcript *t = context;
    va_list args;
    va_start(args, format);
    t->used += (size_t)vsnprintf(t->text + t->used, sizeof t->text - t->used, format, args);
    va_end(args);
    assert_true(t->used < sizeof t->text);
    return ASSAY_OK;
}

static int row_begin(void *context)
{
    return add(context, "row");
}

static int row_number(void *context, const char *name, double value)
{
    return add(context, " %s=%a", name, value);
}

static int row_integer(void *context, const char *name, int64_t value)
{
    return add(context, " %s=%lld", name, (long long)value);
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
    (void)data;
    return add(context, "artifact %s %s %zu\n", name, type, size);
}

static int progress(void *context, double done, double total)
{
    transcript *t = context;
    t->done = done;
    t->total = total;
    return ASSAY_OK;
}

static char home[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/assay-cell-cache-XXXXXX");
    assert_non_null(mkdtemp(home));
    return setenv("XDG_CACHE_HOME", home, 1);
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command);
}

static assay_experiment *interrupted;

static int run_script(const char *body, uint64_t seed, transcript *t)
{
    char text[4096];
    *t = (transcript){.used = 0};
    snprintf(text, sizeof text,
        "local assay = require 'assay'\nreturn assay.experiment { name = 'demo',\n"
        "params = { k = 1, x = 0.5 }, run = function(cell)\n%s\nend }",
        body);
    const assay_cell_sink sink = {
        t, row_begin, row_number, row_integer, row_text, row_end, note, artifact, progress, NULL};
    if (assay_experiment_open("demo.lua", text, ASSAY_LOAD_RUN, &interrupted) ||
        assay_experiment_plan(interrupted, NULL, NULL, 0, 0))
        fail_msg("%s", assay_errmsg());
    int status = assay_experiment_run_cell(interrupted, 0, seed, &sink);
    assay_experiment_close(interrupted);
    return status;
}

static void runs(const char *body, uint64_t seed, transcript *t)
{
    if (run_script(body, seed, t))
        fail_msg("%s", assay_errmsg());
}

static void errs(const char *body, const char *wanted)
{
    transcript t;
    assert_int_equal(run_script(body, 1, &t), ASSAY_ESCRIPT);
    if (!strstr(assay_errmsg(), wanted))
        fail_msg("\"%s\" is not in \"%s\"", wanted, assay_errmsg());
}

/* The transcript without notes. */
static const char *rows_of(const transcript *t, char out[8192])
{
    size_t used = 0;
    for (const char *line = t->text; *line; line = strchr(line, '\n') + 1) {
        size_t size = (size_t)(strchr(line, '\n') - line) + 1;
        if (strncmp(line, "note", 4) == 0)
            continue;
        memcpy(out + used, line, size);
        used += size;
    }
    out[used] = '\0';
    return out;
}

static bool built(const transcript *t)
{
    return strstr(t->text, "note built") != NULL;
}

static const char model[] =
    "local s, before = cell:rng 'task', math.random()\n"
    "cell:log { before = before, s = s:uniform() }\n"
    "local v = cell:cache({ what = 'model', k = cell.params.k }, function(rng)\n"
    "  cell:note 'built'\n"
    "  local m = assay.matrix(2, 3)\n"
    "  for i = 1, 2 do for j = 1, 3 do m[i][j] = rng:normal() end end\n"
    "  local both = {}\n"
    "  return { m = m, r = math.random(), u = rng:uniform(), a = both, b = both }\n"
    "end)\n"
    "cell:log { m = v.m[2][3], u = v.u, r = v.r, s = s:uniform(), own = cell:rng():uniform(),\n"
    "  new = cell:rng 'other':uniform(), after = math.random(), shared = v.a == v.b }";

static void warm_rows_are_cold_rows(void **state)
{
    (void)state;
    static char cold_rows[8192], warm_rows[8192];
    transcript cold, warm;
    runs(model, 1, &cold);
    assert_true(built(&cold));
    runs(model, 1, &warm);
    assert_false(built(&warm));
    assert_string_equal(rows_of(&cold, cold_rows), rows_of(&warm, warm_rows));
    assert_non_null(strstr(cold_rows, "after="));
    /* Another seed warm, and cold in another place: its own draws, the same model. */
    runs(model, 2, &warm);
    assert_false(built(&warm));
    rows_of(&warm, warm_rows);
    assert_string_not_equal(cold_rows, warm_rows);
    tear_down(state);
    set_up(state);
    runs(model, 2, &cold);
    assert_true(built(&cold));
    assert_string_equal(rows_of(&cold, cold_rows), warm_rows);
}

static void damage_is_built_again(void **state)
{
    (void)state;
    transcript first, second;
    char path[512];
    runs(model, 1, &first);
    snprintf(path, sizeof path, "%s/assay", home);
    DIR *directory = opendir(path);
    struct dirent *file;
    int entries = 0;
    while ((file = readdir(directory)))
        if (strstr(file->d_name, ".entry")) {
            snprintf(path, sizeof path, "%s/assay/%s", home, file->d_name);
            entries++;
        }
    closedir(directory);
    assert_int_equal(entries, 1);
    assert_int_equal(truncate(path, 200), 0);
    runs(model, 1, &second);
    assert_string_equal(first.text, second.text);
    /* a whole entry whose content is no value */
    char name[ASSAY_SHA256_HEX];
    snprintf(name, sizeof name, "%.64s", strrchr(path, '/') + 1);
    unlink(path);
    *strrchr(path, '/') = '\0';
    assay_cache_entry e;
    assert_int_equal(assay_cache_begin(path, name, NULL, &e), ASSAY_OK);
    assert_int_equal(assay_cache_put(&e, "xyz", 3), ASSAY_OK);
    assay_cache_end(&e);
    runs(model, 1, &second);
    assert_string_equal(first.text, second.text);
    runs(model, 1, &second);
    assert_false(built(&second));
}

#define BUILD "function() cell:note 'built' return 1 end"

static void keys_tell_entries_apart(void **state)
{
    (void)state;
    transcript t;
    static const char *const keys[] = {"1", "1.0", "'1'", "{1}", "{ a = 1 }", "{ a = 2 }",
        "{ a = { 1 } }", "{ a = true }", "''", "{}", "cell.params"};
    /* one script, so that only the keys differ */
    char body[2048];
    size_t used = 0, count = sizeof keys / sizeof *keys;
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(
            body + used, sizeof body - used, "cell:cache(%s, " BUILD ") ", keys[i]);
    runs(body, 1, &t);
    size_t builds = 0;
    for (const char *at = t.text; (at = strstr(at, "note built")); at++)
        builds++;
    assert_int_equal(builds, count);
    runs(body, 1, &t);
    assert_false(built(&t));
    /* another script builds its own, unless a version is named */
    runs("-- other\ncell:cache(1, " BUILD ")", 1, &t);
    assert_true(built(&t));
    runs("cell:cache(1, " BUILD ", { version = 'a' })", 1, &t);
    assert_true(built(&t));
    runs("-- other\ncell:cache(1, " BUILD ", { version = 'a' })", 1, &t);
    assert_false(built(&t));
    runs("-- other\ncell:cache(1, " BUILD ", { version = 'b' })", 1, &t);
    assert_true(built(&t));
}

static void mistakes_are_told(void **state)
{
    (void)state;
    errs("cell:cache('k')",
        "cell:cache: build must be a function (rng) that returns the value, got a nil");
    errs("cell:cache(nil, print)",
        "cell:cache: key: must be a text, a number, a boolean or a table");
    errs("cell:cache({ a = { f = print } }, print)", "cell:cache: key.a.f: must be a text");
    errs("cell:cache({ a = 0/0 }, print)", "cell:cache: key.a: must be a number, got NaN");
    errs("cell:cache({ 1, a = 2 }, print)",
        "cell:cache: key: must be a list without names or holes");
    errs("cell:cache({ [2] = 2, a = 1 }, print)", "cell:cache: key: ");
    errs("local t = {} t.t = t cell:cache(t, print)", "stands deeper than 16 tables");
    errs("cell:cache('k', print, { versoin = 'a' })", "did you mean \"version\"");
    errs("cell:cache('k', function() end)", "cell:cache: build must return a value, got nil");
    errs("cell:cache('k', function() return { f = print } end)",
        "cell:cache: the built value.f must be a number");
    errs("cell:cache('k', function() error('no corpus') end)", "no corpus\n  demo.lua:4: in ");
    errs("local s = cell:rng 'task' cell:cache('k', function() return s:uniform() end)",
        "cell:cache: build drew from the stream cell:rng(\"task\")");
    errs("cell:cache('k', function() return cell:rng():uniform() end)",
        "cell:rng: can't be called while cell:cache builds");
    errs(
        "cell:cache('k', function() cell:log { a = 1 } return 1 end)", "cell:log: can't be called");
    errs("cell:cache('k', function() cell:artifact('a', 'b') return 1 end)",
        "cell:artifact: can't be called");
    errs("cell:cache('k', function() return cell:cache('l', print) end)",
        "cell:cache: can't be called while cell:cache builds");
}

/* An error that the script catches leaves the cell as it was: not building, the lock free. */
static void a_caught_error_leaves_no_trace(void **state)
{
    (void)state;
    transcript t;
    runs("local a = math.random\n"
         "math.randomseed(1) local wanted = a() math.randomseed(1)\n"
         "local ok = pcall(cell.cache, cell, 'k', function() a() error 'x' end)\n"
         "cell:log { ok = ok, random = a() == wanted }\n"
         "cell:log { v = cell:cache('k', function() return 5 end) }",
        1, &t);
    assert_string_equal(t.text, "row ok=0 random=1\nrow v=5\n");
}

static void works_without_a_cache(void **state)
{
    (void)state;
    static char cold_rows[8192], rows[8192];
    transcript cold, t;
    runs(model, 1, &cold);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    for (int i = 0; i < 2; i++) {
        runs(model, 1, &t);
        assert_true(built(&t));
        assert_non_null(strstr(t.text, "note cell:cache: built, but not kept: the cache "
                                       "/dev/null/assay can't be written: Not a directory\n"));
        assert_string_equal(rows_of(&cold, cold_rows), rows_of(&t, rows));
    }
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    runs(model, 1, &t);
    assert_non_null(strstr(t.text, "not kept: there is no place for the cache"));
}

static void on_alarm(int signal)
{
    (void)signal;
    assay_experiment_interrupt(interrupted, "cancelled");
}

/* Another process builds and is at 3 of 8: the waiting cell says so, and can be cancelled. */
static void waiting_can_be_cancelled(void **state)
{
    (void)state;
    int said[2];
    char byte;
    assert_int_equal(pipe(said), 0);
    static char body[512];
    snprintf(body, sizeof body,
        "cell:cache('k', function() cell:progress(3, 8) local f = io.open('/proc/self/fd/%d', 'w') "
        "f:write 'x' f:close() while true do end end, { version = '1' })",
        said[1]);
    pid_t builder = fork();
    transcript t;
    if (builder == 0) {
        run_script(body, 1, &t);
        _exit(1);
    }
    assert_int_equal(read(said[0], &byte, 1), 1);
    signal(SIGALRM, on_alarm);
    const struct itimerval timer = {.it_value = {0, 200000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    assert_int_equal(
        run_script("cell:cache('k', " BUILD ", { version = '1' })", 1, &t), ASSAY_ESCRIPT);
    assert_non_null(strstr(assay_errmsg(), "cancelled"));
    assert_string_equal(t.text, "");
    assert_true(t.done == 3 && t.total == 8);
    kill(builder, SIGKILL);
    waitpid(builder, NULL, 0);
    close(said[0]);
    close(said[1]);
    runs("cell:cache('k', " BUILD ", { version = '1' })", 1, &t);
    assert_true(built(&t));
}

#define CELL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(matrices_come_back),
        cmocka_unit_test(nets_come_back),
        cmocka_unit_test(language_models_come_back),
        cmocka_unit_test(equal_tables_have_equal_bytes),
        cmocka_unit_test(other_values_are_refused),
        cmocka_unit_test(bytes_that_are_no_value_are_refused),
        CELL_TEST(warm_rows_are_cold_rows),
        CELL_TEST(damage_is_built_again),
        CELL_TEST(keys_tell_entries_apart),
        CELL_TEST(mistakes_are_told),
        CELL_TEST(a_caught_error_leaves_no_trace),
        CELL_TEST(waiting_can_be_cancelled),
        CELL_TEST(works_without_a_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
