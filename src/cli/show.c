/* assay show: all about one run. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

static void print_field(const char *name, const char *text)
{
    if (text && *text)
        printf("%-11s %s\n", name, text);
}

static void print_header(const assay_run_info *r)
{
    char created[32], took[32], cells[96], where[192];
    cli_time_text(r->created, created, sizeof created);
    cli_duration_text(r->elapsed, took, sizeof took);
    snprintf(cells, sizeof cells, "%lld done, %lld failed, of %lld; %lld rows in %s",
        (long long)r->cells_done, (long long)r->cells_failed, (long long)r->cells,
        (long long)r->rows, took);
    snprintf(where, sizeof where, "%s, process %lld, %lld workers", r->host ? r->host : "?",
        (long long)r->pid, (long long)r->workers);
    printf("%-11s %lld  %s%s%s\n", "run", (long long)r->id, cli_state_paint(r->state),
        assay_run_state_name(r->state), cli_plain());
    print_field("uuid", r->uuid);
    print_field("experiment", r->experiment);
    print_field("method", r->method);
    print_field("script", r->path);
    print_field("preset", r->preset);
    print_field("parameters", r->params);
    printf("%-11s %llu, %lld replicates\n", "seed", (unsigned long long)r->seed,
        (long long)r->replicates);
    print_field("created", created);
    print_field("cells", cells);
    print_field("host", where);
    print_field("versions", r->versions);
    print_field("error", r->error);
}

static void print_cells(const assay_cell_list *list)
{
    static const char *const headings[] = {
        ">CELL", "STATE", ">REPLICATE", ">ROWS", ">TIME", ">TRIES", "PARAMETERS"};
    cli_table *table = cli_table_new(7, headings);
    for (size_t i = 0; i < list->count; i++) {
        const assay_cell_info *c = &list->cells[i];
        char took[32];
        cli_duration_text(c->elapsed, took, sizeof took);
        cli_table_cell(table, "%lld", (long long)c->index);
        cli_table_cell(table, "%s%s%s", c->state == ASSAY_CELL_FAILED ? cli_paint("bad") : "",
            assay_cell_state_name(c->state), cli_plain());
        cli_table_cell(table, "%lld", (long long)c->replicate);
        cli_table_cell(table, "%lld", (long long)c->rows);
        cli_table_cell(table, "%s", took);
        cli_table_cell(table, "%lld", (long long)c->attempts);
        cli_table_cell(table, "%s", c->params ? c->params : "");
    }
    cli_table_print(table, 0);
}

static void print_failures(const assay_cell_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const assay_cell_info *c = &list->cells[i];
        printf("\n%scell %lld failed%s with %s\n%s\n", cli_paint("bad"), (long long)c->index,
            cli_plain(), c->params ? c->params : "{}", c->error ? c->error : "no message");
    }
}

static void print_notes(const assay_note_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const assay_note *n = &list->notes[i];
        if (n->index >= 0)
            printf("cell %-6lld %s\n", (long long)n->index, n->text);
        else
            printf("%-11s %s\n", "run", n->text);
    }
}

static json_t *cells_json(const assay_cell_list *list)
{
    json_t *all = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const assay_cell_info *c = &list->cells[i];
        json_t *params = c->params ? json_loads(c->params, 0, NULL) : NULL;
        json_t *o = json_pack("{s:I, s:s, s:I, s:I, s:f, s:I, s:o, s:s?}", "index",
            (json_int_t)c->index, "state", assay_cell_state_name(c->state), "replicate",
            (json_int_t)c->replicate, "rows", (json_int_t)c->rows, "elapsed", c->elapsed,
            "attempts", (json_int_t)c->attempts, "params", params ? params : json_null(), "error",
            c->error);
        json_array_append_new(all, o);
    }
    return all;
}

typedef struct show_flags {
    bool json, cells, notes, script;
} show_flags;

static int print_script(assay_store *store, int64_t run)
{
    char *text = NULL;
    if (assay_store_run_script(store, run, &text))
        return cli_failed();
    fputs(text, stdout);
    free(text);
    return CLI_DONE;
}

/* Only what is shown is read: a run may have millions of cells and of notes. */
static int read_what(assay_store *store, int64_t run, const show_flags *flags,
    const assay_run_info *info, assay_cell_list *cells, assay_note_list *notes,
    assay_claim_list *claims)
{
    int status = ASSAY_OK;
    bool brief = !flags->json && !flags->cells && !flags->notes;
    if (flags->json || flags->cells)
        status = assay_store_cells(store, run, 0, 0, cells);
    else if (brief && info->cells_failed > 0)
        status = assay_store_cells_failed(store, run, 3, cells);
    if (!status && flags->notes && !flags->json && !flags->cells)
        status = assay_store_notes(store, run, 0, notes);
    if (!status && (flags->json || brief))
        status = assay_store_claims_get(store, run, claims);
    return status;
}

static int print_all(assay_store *store, int64_t run, const show_flags *flags)
{
    assay_run_info info = {0};
    assay_cell_list cells = {0};
    assay_note_list notes = {0};
    assay_claim_list claims = {0};
    int status = CLI_DONE;
    if (assay_store_run_get(store, run, &info) ||
        read_what(store, run, flags, &info, &cells, &notes, &claims)) {
        status = cli_failed();
    } else if (flags->json) {
        json_t *o = cli_run_json(&info);
        json_object_set_new(o, "claims", cli_claims_json(&claims));
        json_object_set_new(o, "cell", cells_json(&cells));
        status = cli_print_json(o);
    } else if (flags->cells) {
        print_cells(&cells);
    } else if (flags->notes) {
        print_notes(&notes);
    } else {
        print_header(&info);
        print_failures(&cells);
        if (claims.count > 0) {
            printf("\n");
            cli_print_claims(&claims, 0);
        }
    }
    assay_claim_list_clear(&claims);
    assay_note_list_free(&notes);
    assay_cell_list_free(&cells);
    assay_run_info_clear(&info);
    return status;
}

static int show(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    show_flags flags = {0};
    const cli_option options[] = {{"cells", 'c', CLI_FLAG, NULL, "list the cells", &flags.cells},
        {"notes", 'n', CLI_FLAG, NULL, "print the notes and what cells printed", &flags.notes},
        {"script", 0, CLI_FLAG, NULL, "print the script as it was run", &flags.script},
        CLI_JSON(&flags.json), CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    assay_store *store;
    int64_t run;
    status = cli_open_run(self, database, ASSAY_STORE_READ, true, argc, argv, first, &store, &run);
    if (status == CLI_DONE)
        status = flags.script ? print_script(store, run) : print_all(store, run, &flags);
    assay_store_close(store);
    return status;
}

const cli_command cli_show = {"show", "[RUN]", "Show a run: parameters, failures, claims, versions",
    "RUN is an id of 'assay ls', the beginning of a uuid, \"last\" (the default) "
    "or\n\"last:EXPERIMENT\".",
    show};
