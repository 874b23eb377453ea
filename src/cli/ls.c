/* assay ls: the runs of a database, or the experiments that can be run. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "run/run.h"

static void print_runs(const assay_run_list *list)
{
    static const char *const headings[] = {
        ">RUN", "EXPERIMENT", "STATE", ">CELLS", ">ROWS", ">TIME", "CREATED", "PRESET", ">SEED"};
    cli_table *table = cli_table_new(9, headings);
    for (size_t i = 0; i < list->count; i++) {
        const assay_run_info *r = &list->runs[i];
        char took[32], when[32];
        cli_duration_text(r->elapsed, took, sizeof took);
        cli_time_text(r->created, when, sizeof when);
        cli_table_cell(table, "%lld", (long long)r->id);
        cli_table_cell(table, "%s", r->experiment);
        cli_table_cell(table, "%s%s%s", cli_state_paint(r->state), assay_run_state_name(r->state),
            cli_plain());
        cli_table_cell(table, "%lld/%lld", (long long)r->cells_done, (long long)r->cells);
        cli_table_cell(table, "%lld", (long long)r->rows);
        cli_table_cell(table, "%s", took);
        cli_table_cell(table, "%s", when);
        cli_table_cell(table, "%s", r->preset ? r->preset : "-");
        cli_table_cell(table, "%llu", (unsigned long long)r->seed);
    }
    cli_table_print(table, 0);
}

/* The first `limit` (0: all) of the runs that the query selects. */
static int read_runs(
    assay_store *store, const assay_run_query *query, size_t limit, assay_run_list *out)
{
    int64_t *ids = NULL;
    size_t count = 0;
    int status = assay_store_run_select(store, query, &ids, &count);
    count = limit && limit < count ? limit : count;
    out->runs = calloc(count + 1, sizeof *out->runs);
    if (!status && !out->runs)
        status = assay_fail(ASSAY_ENOMEM, "out of memory for %zu runs", count);
    for (size_t i = 0; i < count && !status; i++) {
        status = assay_store_run_get(store, ids[i], &out->runs[out->count]);
        if (status == ASSAY_ENOTFOUND) /* deleted meanwhile */
            status = ASSAY_OK;
        else
            out->count++;
    }
    free(ids);
    return status;
}

static int list_runs(const char *database, const assay_run_query *query, int64_t limit, bool json)
{
    assay_store *store = NULL;
    assay_run_list list = {0};
    const char *experiment = query->experiment;
    int status = cli_open(database, ASSAY_STORE_READ, &store);
    if (status)
        return status;
    if (read_runs(store, query, limit > 0 ? (size_t)limit : 0, &list)) {
        status = cli_failed();
    } else if (json) {
        json_t *runs = json_array();
        for (size_t i = 0; i < list.count; i++)
            json_array_append_new(runs, cli_run_json(&list.runs[i]));
        status = cli_print_json(runs);
    } else if (list.count == 0 && query->filter) {
        printf("No run%s%s in %s is one of which this holds: %s\n", experiment ? " of " : "",
            experiment ? experiment : "", cli_database(database), query->filter);
    } else if (list.count == 0) {
        printf("No runs%s%s in %s yet. 'assay ls --experiments' shows what can be run.\n",
            experiment ? " of " : "", experiment ? experiment : "", cli_database(database));
    } else {
        print_runs(&list);
    }
    assay_run_list_free(&list);
    assay_store_close(store);
    return status;
}

static json_t *experiment_json(const assay_found *found)
{
    json_t *o = json_object();
    json_t *about = found->describe ? json_loads(found->describe, 0, NULL) : NULL;
    json_object_set_new(o, "name", json_string(found->name));
    json_object_set_new(o, "family", json_string(found->family ? found->family : ""));
    json_object_set_new(o, "path", json_string(found->path));
    json_object_set_new(o, "declaration", about ? about : json_null());
    json_object_set_new(o, "error", found->error ? json_string(found->error) : json_null());
    return o;
}

static void print_experiment(cli_table *table, const assay_found *found)
{
    json_t *about = found->describe ? json_loads(found->describe, 0, NULL) : NULL;
    const char *title = json_string_value(json_object_get(about, "title"));
    cli_table_cell(table, "%s", found->name);
    cli_table_cell(table, "%s", found->family ? found->family : "");
    if (found->error)
        cli_table_cell(table, "%sdoes not load: %s%s", cli_paint("bad"), found->error, cli_plain());
    else
        cli_table_cell(table, "%s", title ? title : "");
    cli_table_cell(table, "%s", found->path);
    json_decref(about);
}

static int list_experiments(bool json, bool names)
{
    static const char *const headings[] = {"EXPERIMENT", "FAMILY", "TITLE", "FILE"};
    assay_found_list list = {0};
    if (assay_run_discover(&list))
        return cli_failed();
    json_t *all = json_array();
    cli_table *table = cli_table_new(4, headings);
    for (size_t i = 0; i < list.count; i++) {
        json_array_append_new(all, experiment_json(&list.items[i]));
        if (names)
            printf("%s\n", list.items[i].name);
        else if (!json)
            print_experiment(table, &list.items[i]);
    }
    if (list.count == 0 && !json && !names)
        printf("No experiments here. 'assay new NAME' writes a first one.\n");
    int status = CLI_DONE;
    if (list.count > 0 && !json && !names)
        cli_table_print(table, 0);
    else
        cli_table_drop(table);
    if (json)
        status = cli_print_json(json_incref(all));
    json_decref(all);
    assay_found_list_free(&list);
    return status;
}

static int ls(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL, *experiment = NULL;
    bool json = false, experiments = false, names = false, reverse = false;
    assay_run_query query = {0};
    int64_t limit = 0;
    const cli_option options[] = {
        {"experiments", 'e', CLI_FLAG, NULL, "list the experiments that can be run", &experiments},
        {"names", 0, CLI_FLAG, NULL, "with --experiments: only the names", &names},
        {"experiment", 'x', CLI_TEXT, "NAME", "only runs of this experiment", &experiment},
        {"filter", 'f', CLI_TEXT, "QUERY", "only runs of which it holds: \"state:done lr<0.1\"",
            &query.filter},
        {"sort", 's', CLI_TEXT, "NAME", "by a field, parameter or measure, the largest first",
            &query.sort},
        {"reverse", 'r', CLI_FLAG, NULL, "the smallest (or the oldest) first", &reverse},
        {"limit", 'n', CLI_COUNT, "N", "only the first N runs", &limit}, CLI_JSON(&json),
        CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage_error(self, "unexpected \"%s\"", argv[first]);
    if (limit < 0)
        return cli_usage_error(self, "--limit must be at least 1, got %lld", (long long)limit);
    if (experiments || names)
        return list_experiments(json, names);
    query.experiment = experiment;
    query.ascending = reverse;
    return list_runs(database, &query, limit, json);
}

const cli_command cli_ls = {"ls", "", "List runs, or experiments", NULL, ls};
