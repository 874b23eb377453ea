/* `assay lua`: scripts, one-liners and a read-eval-print loop with assay as a global. */
#ifndef ASSAY_LUA_REPL_H
#define ASSAY_LUA_REPL_H

#define ASSAY_LUA_REPL_USAGE                                                                        \
    "Usage: assay lua [-i] [-e CODE]... [SCRIPT [ARGUMENT]...]\n"                                   \
    "Run Lua code with `assay` loaded; without SCRIPT and CODE, read standard input (line by\n"    \
    "line when it is a terminal).\n"                                                                \
    "\n"                                                                                            \
    "  -e CODE   run CODE\n"                                                                        \
    "  -i        read lines after CODE and SCRIPT have run\n"                                       \
    "  SCRIPT    a file, or - for standard input; `arg` and ... hold the arguments\n"

/* argv[0] is the subcommand's own word. The exit status: 0 done, 1 the code failed (message and
 * traceback are on stderr), 2 usage. */
int assay_lua_repl(int argc, char **argv);

#endif
