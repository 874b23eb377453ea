/* assay tui: the terminal interface; what `assay` alone opens. */
#include "cli/cli.h"

#include "core/status.h"
#include "tui/tui.h"

static int tui(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *script = NULL;
    bool ascii = false;
    const cli_option options[] = {
        {"script", 0, CLI_TEXT, "FILE",
            "do what FILE says (keys and : commands, one a line) and leave", &script},
        {"ascii", 0, CLI_FLAG, NULL, "no characters beyond ASCII", &ascii}, CLI_DB(&database),
        CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage_error(self, "unexpected \"%s\"", argv[first]);
    const struct assay_tui_options how = {
        .database = cli_database(database), .script = script, .ascii = ascii};
    return assay_tui(&how);
}

const cli_command cli_tui = {"tui", "", "Open the terminal interface (the default)",
    "Keys are in its help (?). With --script it needs no terminal.", tui};
