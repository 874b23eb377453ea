/* assay sql: ask the database. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/status.h"
#include "store/sql.h"

static int sql(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *format = isatty(STDOUT_FILENO) ? "table" : "csv";
    bool json = false, write = false;
    const cli_option options[] = {
        {"format", 'f', CLI_TEXT, "FORMAT",
            "table (default on a terminal), csv (default elsewhere) or json", &format},
        {"write", 0, CLI_FLAG, NULL, "allow statements that change the database", &write},
        CLI_JSON(&json), CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first != 1)
        return cli_usage_error(self, "give one QUERY, quoted");
    if (strcmp(format, "table") != 0 && strcmp(format, "csv") != 0 && strcmp(format, "json") != 0)
        return cli_usage_error(self, "--format must be table, csv or json, got \"%s\"", format);
    assay_store *store = NULL;
    status = cli_open(database, write ? ASSAY_STORE_WRITE : ASSAY_STORE_READ, &store);
    if (status == CLI_DONE && assay_store_sql(store, argv[first], json ? "json" : format, stdout))
        status = cli_failed();
    assay_store_close(store);
    return status;
}

const cli_command cli_sql = {"sql", "QUERY", "Query the database",
    "Each experiment that was run has a view of its name: a row a line, with the columns run, "
    "cell,\n"
    "replicate, its parameters and its measures. 'SELECT name, sql FROM sqlite_schema' shows all "
    "there is.",
    sql};
