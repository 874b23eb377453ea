/* assay import, assay export: logs of graded samples into the database and out of it. */
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "data/samples.h"

static int check_kind(
    const cli_command *self, int argc, char **argv, int first, const char *operand)
{
    if (argc - first != 2)
        return cli_usage_error(self, "give 'samples' and one %s", operand);
    if (strcmp(argv[first], "samples") != 0)
        return cli_usage_error(self, "only 'samples' can be taken, got \"%s\"", argv[first]);
    return CLI_DONE;
}

/* "runs/mine.jsonl" is called "mine" unless --name says otherwise. */
static const char *name_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out)
        *dot = '\0';
    return out;
}

static int import_samples(const char *database, const char *path, const char *name)
{
    assay_table *samples = NULL;
    assay_store *store = NULL;
    bool already = false;
    if (assay_samples_read(path, &samples))
        return cli_failed();
    int status = cli_open(database, ASSAY_STORE_CREATE, &store);
    if (status == CLI_DONE && assay_store_import_samples(store, name, samples, &already))
        status = cli_failed();
    else if (status == CLI_DONE && already)
        printf("%s: %zu samples were there already as \"%s\"\n", path, assay_table_rows(samples),
            name);
    else if (status == CLI_DONE)
        printf(
            "%s: %zu samples are now the log \"%s\"; 'assay run monkeys data=file file=samples:%s' "
            "reads it\n",
            path, assay_table_rows(samples), name, name);
    assay_store_close(store);
    assay_table_free(samples);
    return status;
}

static int import(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *name = NULL;
    char own[256];
    const cli_option options[] = {
        {"name", 'n', CLI_TEXT, "NAME", "what the log is called (default: the file's name)", &name},
        CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    status = check_kind(self, argc, argv, first, "FILE");
    if (status)
        return status;
    const char *path = argv[first + 1];
    return import_samples(database, path, name ? name : name_of(path, own, sizeof own));
}

const cli_command cli_import = {"import", "samples FILE", "Take over a log of graded samples",
    "FILE holds a JSON object a line with \"problem\", \"correct\" and, if wanted, \"sample\", "
    "\"answer\",\n"
    "\"reward\", \"logprob\", \"tokens\", \"cost\", \"text\" and more; see assay-experiment(5). "
    "All or nothing:\n"
    "a wrong line is named and nothing is kept. The same file again changes nothing.",
    import};

static bool print_text(const char *text)
{
    json_t *value = json_string(text);
    bool ok = value && json_dumpf(value, stdout, JSON_ENCODE_ANY) == 0;
    json_decref(value);
    return ok;
}

/* Numbers in as few digits as read back the same, with a point where they were not integers. */
static bool print_entry(const char *column, const assay_datum *datum)
{
    char text[64];
    if (datum->kind == ASSAY_DATUM_TEXT)
        return print_text(datum->text);
    if (strcmp(column, "correct") == 0)
        return fputs(datum->number != 0 ? "true" : "false", stdout) >= 0;
    assay_datum_text(datum, text, sizeof text);
    bool whole = datum->kind == ASSAY_DATUM_NUMBER && !strpbrk(text, ".en");
    return printf("%s%s", text, whole ? ".0" : "") > 0;
}

/* One sample a line; what is missing is left out. */
static int print_samples(const assay_table *samples)
{
    bool ok = true;
    for (size_t i = 0; i < assay_table_rows(samples) && ok; i++) {
        const char *before = "{";
        for (size_t j = 0; j < assay_table_columns(samples) && ok; j++) {
            const char *column = assay_table_name(samples, j);
            assay_datum datum = assay_table_get(samples, i, j);
            if (datum.kind == ASSAY_DATUM_MISSING)
                continue;
            ok = fputs(before, stdout) >= 0 && print_text(column) && fputs(": ", stdout) >= 0 &&
                 print_entry(column, &datum);
            before = ", ";
        }
        ok = ok && fputs("}\n", stdout) >= 0;
    }
    return ok && fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
}

static int export(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    const cli_option options[] = {CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    status = check_kind(self, argc, argv, first, "NAME");
    if (status)
        return status;
    assay_store *store = NULL;
    assay_table *samples = NULL;
    status = cli_open(database, ASSAY_STORE_READ, &store);
    if (status == CLI_DONE && assay_store_samples(store, argv[first + 1], &samples))
        status = cli_failed();
    if (status == CLI_DONE)
        status = print_samples(samples);
    assay_table_free(samples);
    assay_store_close(store);
    return status;
}

const cli_command cli_export = {
    "export", "samples NAME", "Print a log of graded samples as JSON lines", NULL, export};
