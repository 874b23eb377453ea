/*
 * Lua within a command: a state that signals stop, whatever it runs.
 */
#ifndef ASSAY_CLI_SCRIPTING_H
#define ASSAY_CLI_SCRIPTING_H

#include <lua.h>
#include <stdbool.h>

/* A new state in which SIGTERM, SIGINT and SIGHUP raise `reason`, which must outlive it; one at a
 * time. NULL: it can't be made, which was printed. */
lua_State *cli_lua_new(const char *reason);
/* Did one of these signals come? */
bool cli_lua_ended(void);
/* Print the error on top of the stack, or the reason if a signal came; CLI_FAILED. */
int cli_lua_failed(lua_State *L);

#endif
