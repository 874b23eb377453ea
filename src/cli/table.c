/* assay table: a run's rows, or their means, for a terminal, a paper or another program. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/tabulate.h"

enum { MOST_NAMES = 64 };

typedef struct names {
    const char *name[MOST_NAMES];
    size_t count;
} names;

/* "a,b,c" in place. */
static int split(const cli_command *self, const char *option, char *text, names *out)
{
    for (char *word = text ? strtok(text, ",") : NULL; word; word = strtok(NULL, ",")) {
        if (out->count == MOST_NAMES)
            return cli_usage_error(self, "--%s takes at most %d names", option, MOST_NAMES);
        out->name[out->count++] = word;
    }
    return CLI_DONE;
}

static int print_table(assay_store *store, int64_t run, const assay_tabulate_options *how)
{
    assay_table *rows = NULL;
    if (assay_store_rows(store, run, NULL, 0, &rows))
        return cli_failed();
    int status = assay_tabulate(rows, how, stdout) ? cli_failed() : CLI_DONE;
    assay_table_free(rows);
    return status;
}

static int table(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *unit = NULL, *format = "text", *columns = NULL, *by = NULL;
    int64_t digits = 0;
    const cli_option options[] = {{"format", 'f', CLI_TEXT, "FORMAT",
                                      "text (default), latex, csv, markdown or json", &format},
        {"columns", 'c', CLI_TEXT, "A,B,...", "only these columns, in this order", &columns},
        {"by", 'b', CLI_TEXT, "A,B,...", "a line a group: means over units with 95 % half widths",
            &by},
        {"unit", 'u', CLI_TEXT, "COLUMN", "with --by: what is replicated (default: replicate)",
            &unit},
        {"digits", 0, CLI_COUNT, "N", "significant digits", &digits}, CLI_DB(&database),
        CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (assay_tabulate_check_format(format))
        return cli_usage_error(self, "%s", assay_errmsg());
    if (digits > 17)
        return cli_usage_error(self, "--digits must be in 1..17, got %lld", (long long)digits);
    names chosen = {0}, groups = {0};
    char *chosen_text = columns ? strdup(columns) : NULL, *groups_text = by ? strdup(by) : NULL;
    assay_store *store = NULL;
    int64_t run;
    status = split(self, "columns", chosen_text, &chosen);
    if (status == CLI_DONE)
        status = split(self, "by", groups_text, &groups);
    if (status == CLI_DONE)
        status =
            cli_open_run(self, database, ASSAY_STORE_READ, true, argc, argv, first, &store, &run);
    const assay_tabulate_options how = {.format = format,
        .columns = columns ? chosen.name : NULL,
        .column_count = chosen.count,
        .by = groups.name,
        .by_count = groups.count,
        .unit = unit,
        .digits = (int)digits};
    if (status == CLI_DONE)
        status = print_table(store, run, &how);
    assay_store_close(store);
    free(chosen_text);
    free(groups_text);
    return status;
}

const cli_command cli_table_command = {
    "table", "[RUN]", "Print a run's rows, or their means", "RUN is \"last\" unless named.", table};
