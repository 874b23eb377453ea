/*
 * The bare state in which experiments are listed: what a hostile file can't get out of.
 *
 * Memory is limited by the allocator, instructions and processor time by a count hook that keeps
 * erring once a limit is passed. The hook does not run inside C functions, so those that can work
 * for long on little input (patterns, string.rep, the table library over made-up lengths) are
 * guarded here: by the size of their arguments, and the clock at every call. There are no
 * coroutines (a hook belongs to one thread), no __gc (it runs without hooks), no __len (it makes up
 * lengths), and nothing that compiles, reads or starts anything.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/args.h"
#include "lua/module.h"
#include "lua/script.h"

enum {
    HOOK_PERIOD = 100,
    MOST_BYTES = 1 << 20,   /* of a string that goes to the string library */
    MOST_REPEATS = 1 << 20, /* of string.rep */
    MOST_ENTRIES = 1 << 17  /* of a list that goes to the table library, and of pairs */
};
static const double most_pattern_steps = 2e8;

static assay_limits *limits_of(lua_State *L)
{
    return *(assay_limits **)lua_getextraspace(L);
}

static void *allocate(void *context, void *old, size_t old_size, size_t size)
{
    assay_limits *limits = context;
    size_t held = old ? old_size : 0; /* for a new object, old_size is its kind */
    if (size == 0) {
        free(old);
        limits->memory -= held;
        return NULL;
    }
    if (size > held && size - held > limits->most_memory - limits->memory)
        return NULL;
    void *block = realloc(old, size);
    if (block)
        limits->memory += size - held;
    return block;
}

static double thread_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void limit_hook(lua_State *L, lua_Debug *at);

/* Once a limit is passed the hook errs at every instruction: a pcall can't go on behind it. */
static void check_limits(lua_State *L)
{
    assay_limits *limits = limits_of(L);
    if (limits->instructions > limits->most_instructions || thread_time() > limits->deadline)
        limits->interrupt.reason = limits->message;
    if (limits->interrupt.reason) {
        lua_sethook(L, limit_hook, LUA_MASKCOUNT, 1);
        assay_interrupt_error(L);
    }
}

static void limit_hook(lua_State *L, lua_Debug *at)
{
    (void)at;
    limits_of(L)->instructions += HOOK_PERIOD;
    check_limits(L);
}

void assay_bare_arm(
    lua_State *L, uint64_t instructions, double seconds, const char *what, const char *advice)
{
    assay_limits *limits = limits_of(L);
    limits->instructions = 0;
    limits->most_instructions = instructions;
    limits->deadline = thread_time() + seconds;
    limits->interrupt.reason = NULL;
    snprintf(limits->message, sizeof limits->message,
        "%s may take %d million instructions and %g s%s", what, (int)(instructions / 1000000), seconds,
        advice);
    lua_sethook(L, limit_hook, LUA_MASKCOUNT, HOOK_PERIOD);
}

static const luaL_Reg libraries[] = {
    {LUA_GNAME, luaopen_base},
    {LUA_STRLIBNAME, luaopen_string},
    {LUA_TABLIBNAME, luaopen_table},
    {LUA_MATHLIBNAME, luaopen_math},
    {LUA_UTF8LIBNAME, luaopen_utf8},
    {NULL, NULL},
};

static int open_libraries(lua_State *L)
{
    for (const luaL_Reg *library = libraries; library->name; library++) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
    assay_interrupt_guard_handlers(L, &limits_of(L)->interrupt);
    return 0;
}

lua_State *assay_bare_new(assay_limits *limits)
{
    lua_State *L = lua_newstate(allocate, limits);
    if (!L)
        return NULL;
    *(assay_limits **)lua_getextraspace(L) = limits;
    lua_pushcfunction(L, open_libraries);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_close(L);
        return NULL;
    }
    return L;
}

/* ---- guards ---- */

/* Upvalues: 1 the function's name, 2 the guarded function. */
static int call_guarded(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void guard_strings(lua_State *L)
{
    check_limits(L);
    for (int at = 1; at <= lua_gettop(L); at++)
        if (lua_type(L, at) == LUA_TSTRING && lua_rawlen(L, at) > MOST_BYTES)
            assay_arg_error(L, "takes texts of at most %d bytes in a declaration", MOST_BYTES);
}

static int any_string(lua_State *L)
{
    guard_strings(L);
    return call_guarded(L);
}

static int rep(lua_State *L)
{
    guard_strings(L);
    if (luaL_optinteger(L, 2, 0) > MOST_REPEATS)
        assay_arg_error(L, "n must be at most %d in a declaration", MOST_REPEATS);
    return call_guarded(L);
}

/* Past a set "[...]" that begins at p. */
static const char *skip_set(const char *p, const char *end)
{
    p++;
    if (p < end && *p == '^')
        p++;
    do { /* a "]" that stands first is a member */
        if (p < end && *p == '%')
            p++;
        p++;
    } while (p < end && *p != ']');
    return p;
}

/* How many places of the pattern a match may have to try at every length. */
static int backtracking_places(const char *p, const char *end)
{
    int places = 0;
    for (; p < end; p++) {
        if (*p == '%')
            p++;
        else if (*p == '[')
            p = skip_set(p, end);
        else if (strchr("*+-?", *p) && *p)
            places++;
    }
    return places;
}

/* A bound of the steps of matching: |pattern| (|subject| + 1)^places, each start anew. */
static double pattern_steps(size_t subject, const char *pattern, size_t size)
{
    bool anchored = size > 0 && *pattern == '^';
    int factors = backtracking_places(pattern, pattern + size) + (anchored ? 0 : 1);
    double steps = (double)size + 1;
    for (int i = 0; i < factors && steps <= most_pattern_steps; i++)
        steps *= (double)subject + 1;
    return steps;
}

static int pattern(lua_State *L)
{
    guard_strings(L);
    size_t subject, size;
    luaL_checklstring(L, 1, &subject);
    const char *text = luaL_checklstring(L, 2, &size);
    if (pattern_steps(subject, text, size) > most_pattern_steps)
        assay_arg_error(
            L, "this pattern may take too long on %d bytes in a declaration", (int)subject);
    return call_guarded(L);
}

/* The length that the table library works over: the list's own. A __len that was put into the
 * metatable after setmetatable had seen it is refused here. */
static int any_list(lua_State *L)
{
    check_limits(L);
    if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
        assay_arg_error(L, "__len is not available in a declaration");
    if (lua_istable(L, 1) && lua_rawlen(L, 1) > MOST_ENTRIES)
        assay_arg_error(L, "takes lists of at most %d entries in a declaration", MOST_ENTRIES);
    return call_guarded(L);
}

/* table.concat(list, sep, i, j), table.move(list, first, last, to), table.unpack(list, i, j): the
 * range is the arguments' word, whatever the list holds. */
static int list_range(lua_State *L, int first)
{
    lua_Integer from = luaL_optinteger(L, first, 1);
    lua_Integer to = luaL_optinteger(L, first + 1, 0);
    if (to > from && (lua_Unsigned)to - (lua_Unsigned)from > MOST_ENTRIES)
        assay_arg_error(L, "goes over at most %d entries in a declaration", MOST_ENTRIES);
    return any_list(L);
}

static int list_range_2(lua_State *L)
{
    return list_range(L, 2);
}

static int list_range_3(lua_State *L)
{
    return list_range(L, 3);
}

/* pairs: keys are put in order within one call. */
static int ordered(lua_State *L)
{
    check_limits(L);
    int entries = 0;
    if (lua_istable(L, 1))
        for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
            if (++entries > MOST_ENTRIES)
                assay_arg_error(
                    L, "goes over at most %d entries in a declaration", MOST_ENTRIES);
    return call_guarded(L);
}

static int set_metatable(lua_State *L)
{
    static const char *const refused[] = {"__gc", "__len", "__close", NULL};
    for (int i = 0; lua_istable(L, 2) && refused[i]; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            assay_arg_error(L, "%s is not available in a declaration", refused[i]);
        lua_pop(L, 1);
    }
    return call_guarded(L);
}

typedef struct guard {
    const char *library, *name;
    lua_CFunction function;
} guard;

static const guard guards[] = {
    {LUA_STRLIBNAME, "byte", any_string},
    {LUA_STRLIBNAME, "char", any_string},
    {LUA_STRLIBNAME, "find", pattern},
    {LUA_STRLIBNAME, "format", any_string},
    {LUA_STRLIBNAME, "gmatch", pattern},
    {LUA_STRLIBNAME, "gsub", pattern},
    {LUA_STRLIBNAME, "len", any_string},
    {LUA_STRLIBNAME, "lower", any_string},
    {LUA_STRLIBNAME, "match", pattern},
    {LUA_STRLIBNAME, "rep", rep},
    {LUA_STRLIBNAME, "reverse", any_string},
    {LUA_STRLIBNAME, "sub", any_string},
    {LUA_STRLIBNAME, "upper", any_string},
    {LUA_TABLIBNAME, "concat", list_range_3},
    {LUA_TABLIBNAME, "insert", any_list},
    {LUA_TABLIBNAME, "move", list_range_2},
    {LUA_TABLIBNAME, "pack", any_list},
    {LUA_TABLIBNAME, "remove", any_list},
    {LUA_TABLIBNAME, "sort", any_list},
    {LUA_TABLIBNAME, "unpack", list_range_2},
    {LUA_UTF8LIBNAME, "char", any_string},
    {LUA_UTF8LIBNAME, "codepoint", any_string},
    {LUA_UTF8LIBNAME, "codes", any_string},
    {LUA_UTF8LIBNAME, "len", any_string},
    {LUA_UTF8LIBNAME, "offset", any_string},
    {LUA_GNAME, "pairs", ordered},
    {LUA_GNAME, "setmetatable", set_metatable},
    {NULL, NULL, NULL},
};

/* Set environment[library][name] (for _G: environment[name]); the environment is on top. */
static void push_guard(lua_State *L, const guard *g)
{
    bool global = strcmp(g->library, LUA_GNAME) == 0;
    if (global)
        lua_pushvalue(L, -1);
    else
        luaL_getsubtable(L, -1, g->library);
    lua_pushfstring(L, "%s%s%s", global ? "" : g->library, global ? "" : ".", g->name);
    lua_getglobal(L, g->library);
    lua_getfield(L, -1, g->name);
    lua_remove(L, -2);
    lua_pushcclosure(L, g->function, 2);
    lua_setfield(L, -2, g->name);
    lua_pop(L, 1);
}

/* The methods of strings are the guarded ones, and their table can't be had. */
static void guard_string_methods(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -3, LUA_STRLIBNAME);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void assay_bare_environment(lua_State *L)
{
    lua_newtable(L);
    for (const guard *g = guards; g->name; g++)
        push_guard(L, g);
    guard_string_methods(L);
    assay_prelude_push(L, "bare"); /* adds what is safe as it is */
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}
