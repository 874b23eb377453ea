/* assay diff: runs side by side. */
#include "cli/cli.h"
#include "run/diff.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/tabulate.h"

enum { MOST_NAMES = 64 };

/* ---- text ------------------------------------------------------------------------------------ */

static void number_text(double x, char out[32])
{
    if (isfinite(x))
        snprintf(out, 32, "%.4g", x);
    else
        out[0] = '\0';
}

static void interval_text(const assay_interval *x, char out[80])
{
    char low[32], high[32];
    number_text(x->low, low);
    number_text(x->high, high);
    out[0] = '\0';
    if (x->n && *low && *high)
        snprintf(out, 80, "[%s, %s]", low, high);
}

static void print_settings(const assay_diff *diff)
{
    const char *headings[ASSAY_DIFF_MOST + 2] = {"", ""};
    char names[ASSAY_DIFF_MOST][32];
    for (size_t i = 0; i < diff->count; i++) {
        snprintf(names[i], sizeof names[i], "RUN %lld", (long long)diff->runs[i].id);
        headings[i + 2] = names[i];
    }
    if (!diff->setting_count) {
        printf("Settings, parameters, scripts and versions are the same.\n");
        return;
    }
    cli_table *table = cli_table_new(diff->count + 2, headings);
    for (size_t s = 0; s < diff->setting_count; s++) {
        const assay_diff_setting *setting = &diff->settings[s];
        cli_table_cell(table, "%s", setting->kind);
        cli_table_cell(table, "%s", setting->name);
        for (size_t i = 0; i < diff->count; i++)
            cli_table_cell(table, "%.60s", setting->values[i] ? setting->values[i] : "-");
    }
    cli_table_print(table, 0);
}

static void print_measure(cli_table *table, const assay_diff *diff, const assay_diff_measure *m)
{
    char mean[32], difference[32], interval[80], p[32], holm[32];
    for (size_t i = 0; i < diff->count; i++) {
        const assay_interval *d = &m->difference[i];
        mean[0] = difference[0] = p[0] = holm[0] = '\0';
        if (m->mean[i].n)
            number_text(m->mean[i].estimate, mean);
        interval_text(d, interval);
        if (i && d->n) {
            number_text(d->estimate, difference);
            number_text(d->p, p);
            number_text(m->p_holm[i], holm);
        }
        cli_table_cell(table, "%s", i ? "" : m->name);
        cli_table_cell(table, "%s", i ? "" : m->group);
        cli_table_cell(table, "%lld", (long long)diff->runs[i].id);
        cli_table_cell(table, "%s", mean);
        cli_table_cell(table, "%s", difference);
        cli_table_cell(table, "%s", interval);
        cli_table_cell(table, "%s", p);
        cli_table_cell(table, "%s", holm);
        cli_table_cell(table, i && d->n ? "%zu" : "", d->n);
    }
}

static void print_measures(const assay_diff *diff)
{
    static const char *const headings[] = {
        "MEASURE", "", ">RUN", ">MEAN", ">DIFFERENCE", "INTERVAL", ">P", ">HOLM", ">N"};
    if (diff->measure_count) {
        cli_table *table = cli_table_new(9, headings);
        for (size_t i = 0; i < diff->measure_count; i++)
            print_measure(table, diff, &diff->measures[i]);
        printf("\n");
        cli_table_print(table, 0);
    }
    printf("\n");
    if (diff->same_count)
        printf("%zu %s the same in all, cell by cell.\n", diff->same_count,
            diff->same_count == 1 ? "measure is" : "measures are");
    if (diff->unmatched)
        printf("The runs have no cells in common: all cells of each are compared.\n");
    for (size_t i = 1; i < diff->count && diff->measure_count; i++)
        printf("Run %lld less run %lld: %s over replicates.\n", (long long)diff->runs[i].id,
            (long long)diff->runs[0].id,
            diff->paired[i] && !diff->unmatched ? "paired t" : "Welch's t");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *interval_json(const assay_interval *x)
{
    if (!x->n)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:I}", "estimate", cli_number_json(x->estimate), "low",
        cli_number_json(x->low), "high", cli_number_json(x->high), "n", (json_int_t)x->n);
}

static json_t *measure_json(const assay_diff *diff, const assay_diff_measure *m)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < diff->count; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "run", json_integer(diff->runs[i].id));
        json_object_set_new(one, "mean", interval_json(&m->mean[i]));
        if (i) {
            bool tested = m->difference[i].n > 0;
            json_object_set_new(one, "difference", interval_json(&m->difference[i]));
            json_object_set_new(
                one, "p", tested ? cli_number_json(m->difference[i].p) : json_null());
            json_object_set_new(
                one, "p_holm", tested ? cli_number_json(m->p_holm[i]) : json_null());
        }
        json_array_append_new(runs, one);
    }
    return json_pack("{s:s, s:s, s:o}", "measure", m->name, "group", m->group, "runs", runs);
}

static int print_json(const assay_diff *diff)
{
    json_t *runs = json_array(), *settings = json_array(), *measures = json_array();
    for (size_t i = 0; i < diff->count; i++)
        json_array_append_new(
            runs, json_pack("{s:I, s:s, s:b}", "run", (json_int_t)diff->runs[i].id, "label",
                      diff->labels[i], "paired", i && diff->paired[i] && !diff->unmatched));
    for (size_t s = 0; s < diff->setting_count; s++) {
        const assay_diff_setting *setting = &diff->settings[s];
        json_t *values = json_array();
        for (size_t i = 0; i < diff->count; i++)
            json_array_append_new(
                values, setting->values[i] ? json_string(setting->values[i]) : json_null());
        json_array_append_new(settings, json_pack("{s:s, s:s, s:o}", "kind", setting->kind, "name",
                                            setting->name, "values", values));
    }
    for (size_t i = 0; i < diff->measure_count; i++)
        json_array_append_new(measures, measure_json(diff, &diff->measures[i]));
    return cli_print_json(json_pack("{s:o, s:o, s:o, s:I}", "runs", runs, "settings", settings,
        "measures", measures, "same", (json_int_t)diff->same_count));
}

/* ---- the command ----------------------------------------------------------------------------- */

static int find_runs(const cli_command *self, assay_store *store, char **names, size_t count,
    int64_t runs[ASSAY_DIFF_MOST])
{
    if (count < 2 || count > ASSAY_DIFF_MOST)
        return cli_usage_error(self, "2 to %d runs are compared, got %zu", ASSAY_DIFF_MOST, count);
    for (size_t i = 0; i < count; i++)
        if (assay_store_run_find(store, names[i], &runs[i]))
            return cli_failed();
    return CLI_DONE;
}

static int print_scripts(assay_store *store, const int64_t *runs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        char *text = NULL;
        if (assay_diff_script(store, runs[0], runs[i], &text))
            return cli_failed();
        fputs(text, stdout);
        free(text);
    }
    return CLI_DONE;
}

static int print_table(const assay_diff *diff, const char *format)
{
    assay_table *table;
    if (assay_diff_table(diff, &table))
        return cli_failed();
    int status = assay_tabulate(table, &(assay_tabulate_options){.format = format}, stdout)
                     ? cli_failed()
                     : CLI_DONE;
    assay_table_free(table);
    return status;
}

static int print_diff(assay_store *store, const int64_t *runs, size_t count,
    const assay_diff_options *options, bool json, const char *format)
{
    assay_diff *diff;
    int status = CLI_DONE;
    if (assay_diff_runs(store, runs, count, options, &diff))
        return cli_failed();
    if (json) {
        status = print_json(diff);
    } else if (format) {
        status = print_table(diff, format);
    } else {
        print_settings(diff);
        print_measures(diff);
    }
    assay_diff_free(diff);
    return status;
}

static int diff(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *take = "last", *by = NULL, *format = NULL, *names[MOST_NAMES];
    bool json = false, script = false;
    assay_diff_options how = {.by = names};
    int64_t runs[ASSAY_DIFF_MOST];
    const cli_option options[] = {
        {"by", 'b', CLI_TEXT, "A,B,...", "a line a group: parameters or measures", &by},
        {"take", 't', CLI_TEXT, "WHICH", "of a cell's rows: last (default), mean, min or max",
            &take},
        {"format", 'f', CLI_TEXT, "FORMAT",
            "the measures as a table: text, latex, csv, markdown or json", &format},
        {"script", 0, CLI_FLAG, NULL, "the scripts instead, as a unified diff", &script},
        CLI_JSON(&json), CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (assay_diff_take_parse(take, &how.take))
        return cli_usage_error(self, "--take: %s", assay_errmsg());
    if (format && assay_tabulate_check_format(format))
        return cli_usage_error(self, "%s", assay_errmsg());
    char *words = by ? strdup(by) : NULL;
    for (char *word = words ? strtok(words, ",") : NULL; word && how.by_count < MOST_NAMES;
         word = strtok(NULL, ","))
        names[how.by_count++] = word;
    assay_store *store = NULL;
    size_t count = (size_t)(argc - first);
    status = cli_open(database, ASSAY_STORE_READ, &store);
    if (status == CLI_DONE)
        status = find_runs(self, store, argv + first, count, runs);
    if (status == CLI_DONE && script)
        status = print_scripts(store, runs, count);
    else if (status == CLI_DONE)
        status = print_diff(store, runs, count, &how, json, format);
    assay_store_close(store);
    free(words);
    return status;
}

const cli_command cli_diff = {"diff", "RUN RUN...",
    "Compare runs: what differs, and what came of it",
    "The first run is the base. Of each cell and measure the last value counts, separately for "
    "the\n"
    "values of measures that are texts (a method's name) and of the columns of --by. Cells with "
    "the\n"
    "same parameters belong together, apart from those that are one value in each run. "
    "Differences\n"
    "are paired over replicates where two runs of an experiment have the same seed, else Welch's;\n"
    "HOLM is p adjusted for the number of measures.",
    diff};
