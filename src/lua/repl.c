/*
 * What `assay lua` runs, after the model of the stock interpreter's lua.c: the same prompts, the
 * same rule for unfinished lines (a syntax error at <eof>). An interrupt is that of cells
 * (interrupt.c), which reaches coroutines and primitives, too. No line editing: a terminal user has
 * rlwrap.
 */
#include "lua/repl.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/engine.h"
#include "lua/script.h"

/* What a signal stops: its handler has no other way to it. */
static assay_interrupt interruptible;

/* A second interrupt kills, in case a C function does not come back to Lua. */
static void on_interrupt(int signal_number)
{
    signal(signal_number, SIG_DFL);
    assay_interrupt_raise(&interruptible, "interrupted!");
}

/* Error objects that are not strings are shown by __tostring or by their type. */
static int with_traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);
    if (!message && luaL_callmeta(L, 1, "__tostring") && lua_isstring(L, -1))
        return 1;
    if (!message)
        message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    luaL_traceback(L, L, message, 1);
    return 1;
}

static bool report(lua_State *L, int status)
{
    if (status != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        fflush(stdout);
        fprintf(stderr, "assay lua: %s\n", message ? message : "(no message)");
        lua_pop(L, 1);
    }
    return status == LUA_OK;
}

/* Call the function below `arguments` values. */
static int call(lua_State *L, int arguments, int results)
{
    int base = lua_gettop(L) - arguments;
    lua_pushcfunction(L, with_traceback);
    lua_insert(L, base);
    signal(SIGINT, on_interrupt);
    int status = lua_pcall(L, arguments, results, base);
    signal(SIGINT, SIG_DFL);
    assay_interrupt_clear(L, &interruptible);
    lua_remove(L, base);
    return status;
}

static bool run_code(lua_State *L, const char *code)
{
    int status = luaL_loadbuffer(L, code, strlen(code), "=(command line)");
    return report(L, status == LUA_OK ? call(L, 0, 0) : status);
}

/* argv[0] is the script ("-": standard input), the rest its arguments. */
static bool run_script(lua_State *L, int argc, char **argv)
{
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "arg");
    int status = luaL_loadfile(L, strcmp(argv[0], "-") == 0 ? NULL : argv[0]);
    if (status != LUA_OK)
        return report(L, status);
    luaL_checkstack(L, argc, "too many arguments");
    for (int i = 1; i < argc; i++)
        lua_pushstring(L, argv[i]);
    return report(L, call(L, argc - 1, 0));
}

/* ---- the loop ---- */

/* A line, without its newline, on the stack; false at the end of input. */
static bool read_line(lua_State *L, const char *prompt)
{
    char *line = NULL;
    size_t room = 0;
    fputs(prompt, stdout);
    fflush(stdout);
    ssize_t size = getline(&line, &room, stdin);
    if (size > 0 && line[size - 1] == '\n')
        size--;
    if (size >= 0)
        lua_pushlstring(L, line, (size_t)size);
    free(line);
    return size >= 0;
}

static int load_text(lua_State *L, const char *text)
{
    return luaL_loadbuffer(L, text, strlen(text), "=stdin");
}

/* Push the chunk of "return TEXT", when TEXT is an expression. */
static bool load_expression(lua_State *L, const char *text)
{
    const char *wrapped = lua_pushfstring(L, "return %s", text[0] == '=' ? text + 1 : text);
    int status = load_text(L, wrapped);
    lua_remove(L, -2);
    if (status != LUA_OK)
        lua_pop(L, 1);
    return status == LUA_OK;
}

static bool is_unfinished(lua_State *L, int status)
{
    size_t size = 0;
    const char *message = status == LUA_ERRSYNTAX ? lua_tolstring(L, -1, &size) : NULL;
    return message && size >= 5 && strcmp(message + size - 5, "<eof>") == 0;
}

/* Replace the line, which is alone on the stack, by the chunk that starts with it, reading on while
 * that is unfinished. A load's status; on failure the message is there instead. */
static int load_chunk(lua_State *L)
{
    int status = LUA_OK;
    if (!load_expression(L, lua_tostring(L, 1))) {
        while (status = load_text(L, lua_tostring(L, 1)), is_unfinished(L, status)) {
            if (!read_line(L, ">> "))
                break;
            lua_pushfstring(L, "%s\n%s", lua_tostring(L, 1), lua_tostring(L, -1));
            lua_replace(L, 1);
            lua_settop(L, 1);
        }
    }
    lua_remove(L, 1);
    return status;
}

/* print what is on the stack */
static void print_results(lua_State *L)
{
    int n = lua_gettop(L);
    if (n == 0)
        return;
    luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
    lua_getglobal(L, "print");
    lua_insert(L, 1);
    report(L, call(L, n, 0));
}

static void loop(lua_State *L)
{
    lua_settop(L, 0);
    while (read_line(L, "> ")) {
        int status = load_chunk(L);
        if (report(L, status == LUA_OK ? call(L, 0, LUA_MULTRET) : status))
            print_results(L);
        lua_settop(L, 0);
    }
    putchar('\n');
    fflush(stdout);
}

/* ---- the command ---- */

typedef struct request {
    bool interactive, code;
    int script; /* its place in argv, or argc */
} request;

/* False: a usage error, which was said. */
static bool parse(int argc, char **argv, request *out)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        } else if (strcmp(argv[i], "-i") == 0) {
            out->interactive = true;
        } else if (strcmp(argv[i], "-e") == 0 && i + 1 < argc) {
            out->code = true;
            i++;
        } else {
            bool lacks_code = strcmp(argv[i], "-e") == 0;
            fprintf(stderr, "assay lua: %s%s%s\n%s", lacks_code ? "" : "unknown option ", argv[i],
                lacks_code ? " needs code" : "", ASSAY_LUA_REPL_USAGE);
            return false;
        }
    }
    out->script = i;
    return true;
}

static bool run_codes(lua_State *L, int argc, char **argv)
{
    for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-e") == 0 && !run_code(L, argv[++i]))
            return false;
    return true;
}

static bool run(lua_State *L, const request *what, int argc, char **argv)
{
    char dash[] = "-", *standard_input[] = {dash, NULL};
    if (!run_codes(L, what->script, argv))
        return false;
    if (what->script < argc && !run_script(L, argc - what->script, argv + what->script))
        return false;
    bool asked = what->code || what->script < argc;
    if (what->interactive || (!asked && isatty(STDIN_FILENO))) {
        puts(LUA_RELEASE " with assay; end with Ctrl-D");
        loop(L);
    } else if (!asked) {
        return run_script(L, 1, standard_input);
    }
    return true;
}

int assay_lua_repl(int argc, char **argv)
{
    request what = {.script = argc};
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(ASSAY_LUA_REPL_USAGE, stdout);
        return 0;
    }
    if (!parse(argc, argv, &what))
        return 2;
    lua_State *L = assay_lua_new();
    if (!L) {
        fputs("assay lua: out of memory\n", stderr);
        return 1;
    }
    assay_interrupt_install(L, &interruptible);
    bool done = run(L, &what, argc, argv);
    lua_close(L);
    return done ? 0 : 1;
}
