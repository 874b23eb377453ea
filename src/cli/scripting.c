/* Lua within a command. A signal handler has no other way to the state than a global. */
#include "cli/scripting.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>

#include "cli/cli.h"
#include "lua/engine.h"
#include "lua/script.h"

static volatile sig_atomic_t ended;
static const char *why;
static assay_interrupt interrupt;

static void end(int number)
{
    (void)number;
    ended = 1;
    assay_interrupt_raise(&interrupt, why);
}

lua_State *cli_lua_new(const char *reason)
{
    struct sigaction action = {.sa_handler = end};
    lua_State *L = assay_lua_new();
    if (!L) {
        cli_failed();
        return NULL;
    }
    why = reason;
    assay_interrupt_install(L, &interrupt);
    assay_interrupt_clear(L, &interrupt);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    return L;
}

bool cli_lua_ended(void)
{
    return ended != 0;
}

int cli_lua_failed(lua_State *L)
{
    fprintf(stderr, "assay: %s\n", ended ? why : luaL_tolstring(L, -1, NULL));
    return CLI_FAILED;
}
