/* assay import, assay export: logs of samples into the database and out of it. */
#include "cli/cli.h"

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

/* What was not taken, or is not known: nobody should learn it from a curve. */
static void tell_found(const char *path, const assay_samples_found *found)
{
    if (found->metric[0])
        fprintf(stderr, "assay: %s: of lm-evaluation-harness; correct is its metric \"%s\"%s%s%s\n",
            path, found->metric, found->filter[0] ? ", filter \"" : "", found->filter,
            found->filter[0] ? "\"" : "");
    if (found->filtered)
        fprintf(stderr, "assay: %s: %zu lines of other filters were left out (--filter)\n", path,
            found->filtered);
    if (found->failed)
        fprintf(stderr, "assay: %s: %zu requests that failed were left out\n", path, found->failed);
    if (found->ungraded)
        fprintf(stderr,
            "assay: %s: %zu samples are not graded: neither correct nor wrong; assay-lua(3) shows "
            "how to\n",
            path, found->ungraded);
}

static int import_samples(
    const char *database, const char *path, const char *name, const assay_samples_options *options)
{
    assay_table *samples = NULL;
    assay_store *store = NULL;
    assay_samples_found found;
    bool already = false;
    if (assay_samples_import(path, options, &samples, &found))
        return cli_failed();
    int status = cli_open(database, ASSAY_STORE_CREATE, &store);
    if (status == CLI_DONE && assay_store_import_samples(store, name, samples, &already))
        status = cli_failed();
    if (status == CLI_DONE)
        tell_found(path, &found);
    if (status == CLI_DONE && already)
        printf("%s: %zu samples were there already as \"%s\"\n", path, assay_table_rows(samples),
            name);
    else if (status == CLI_DONE && found.ungraded)
        printf("%s: %zu samples are now the log \"%s\"\n", path, assay_table_rows(samples), name);
    else if (status == CLI_DONE)
        printf(
            "%s: %zu samples are now the log \"%s\"; 'assay run selection log=samples:%s' "
            "reads it\n",
            path, assay_table_rows(samples), name, name);
    assay_store_close(store);
    assay_table_free(samples);
    return status;
}

static int import(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *name = NULL;
    assay_samples_options how = {0};
    char own[256];
    const cli_option options[] = {
        {"name", 'n', CLI_TEXT, "NAME", "what the log is called (default: the file's name)", &name},
        {"metric", 0, CLI_TEXT, "NAME",
            "of lm-evaluation-harness: what is 1 for correct samples (default: exact_match, acc or "
            "pass@1)",
            &how.metric},
        {"filter", 0, CLI_TEXT, "NAME",
            "of lm-evaluation-harness: whose answers count (default: the first line's)",
            &how.filter},
        {"skip-failed", 0, CLI_FLAG, NULL, "leave out what failed in a batch", &how.skip_failed},
        CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    status = check_kind(self, argc, argv, first, "FILE");
    if (status)
        return status;
    const char *path = argv[first + 1];
    return import_samples(database, path, name ? name : name_of(path, own, sizeof own), &how);
}

const cli_command cli_import = {"import", "samples FILE", "Take over a log of samples",
    "FILE holds a JSON object a line: plain samples with \"problem\", \"correct\" and, if wanted, "
    "\"sample\",\n"
    "\"answer\", \"reward\", \"logprob\", \"tokens\", \"cost\", \"text\" and more; or what "
    "lm-evaluation-harness\n"
    "logs of a task; or the output of a batch of an OpenAI-compatible server. See "
    "assay-experiment(5). All or\n"
    "nothing: a wrong line is named and nothing is kept. The same file again changes nothing.",
    import};

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
    if (status == CLI_DONE && assay_samples_write(stdout, samples))
        status = cli_failed();
    assay_table_free(samples);
    assay_store_close(store);
    return status;
}

const cli_command cli_export = {
    "export", "samples NAME", "Print a log of samples as JSON lines", NULL, export};
