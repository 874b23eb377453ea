/* assay lua: scripts and a prompt with assay loaded. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "lua/repl.h"

static int lua(const cli_command *self, int argc, char **argv)
{
    (void)self;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(ASSAY_LUA_REPL_USAGE, stdout);
        return CLI_DONE;
    }
    return assay_lua_repl(argc, argv);
}

const cli_command cli_lua = {
    "lua", "[SCRIPT [ARGUMENT]...]", "Run Lua with assay loaded, or a prompt", NULL, lua};
