/* assay data: the data sets that are known by name. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/dataset.h"

/* Where the files of a part are: the first's path, or NULL when one of them is not there. */
static char *part_path(const assay_dataset *set, const assay_dataset_part *part)
{
    char *first = NULL;
    for (size_t i = 0; i < assay_dataset_files(part); i++) {
        char *path = NULL;
        if (assay_dataset_file(set, part, i, NULL, &path)) {
            free(first);
            return NULL;
        }
        if (i == 0)
            first = path;
        else
            free(path);
    }
    return first;
}

static bool is_there(const assay_dataset *set)
{
    for (size_t i = 0; i < set->part_count; i++) {
        char *path = part_path(set, &set->parts[i]);
        free(path);
        if (!path)
            return false;
    }
    return true;
}

/* "right", "differs", "unknown" (to the registry), "absent" */
static const char *checksum_state(const assay_dataset *set, const assay_dataset_part *part)
{
    int status = assay_dataset_verify(set, part, NULL, NULL);
    if (status == ASSAY_ENOTFOUND)
        return "absent";
    if (status)
        return "differs";
    return part->sha256 ? "right" : "unknown";
}

static json_t *part_json(const assay_dataset *set, const assay_dataset_part *part)
{
    char *path = part_path(set, part);
    json_t *out = json_pack("{s:s, s:s, s:s, s:i, s:s?, s:s, s:s?}", "split", part->split, "what",
        part->what, "file", part->name, "files", (int)assay_dataset_files(part), "sha256",
        part->sha256, "checksum", checksum_state(set, part), "path", path);
    free(path);
    return out;
}

static json_t *set_json(const assay_dataset *set, bool whole)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "name", set->name, "summary",
        set->summary, "format", assay_dataset_format_name(set->format), "origin", set->origin,
        "licence", set->licence, "obtain", set->obtain, "there", is_there(set));
    if (set->rows) {
        json_object_set_new(out, "rows", json_integer((json_int_t)set->rows));
        json_object_set_new(out, "columns", json_integer((json_int_t)set->columns));
    }
    json_t *parts = json_array();
    for (size_t i = 0; i < set->part_count && whole; i++)
        json_array_append_new(parts, part_json(set, &set->parts[i]));
    if (whole)
        json_object_set(out, "parts", parts);
    json_decref(parts);
    return out;
}

static void print_part(const assay_dataset *set, const assay_dataset_part *part)
{
    char *path = part_path(set, part);
    const char *state = checksum_state(set, part);
    printf("%-10s %s, %zu file%s: %s\n", part->split, part->what, assay_dataset_files(part),
        assay_dataset_files(part) == 1 ? "" : "s", path ? path : part->name);
    if (part->sha256)
        printf("%-10s SHA-256 %s, %s%s%s\n", "", part->sha256,
            cli_paint(strcmp(state, "right") == 0 ? "good" : "bad"), state, cli_plain());
    else
        printf("%-10s SHA-256 not known, %s\n", "", path ? "unchecked" : "absent");
    free(path);
}

static int describe(const char *name, bool json)
{
    const assay_dataset *set;
    if (assay_dataset_find(name, &set))
        return cli_failed();
    if (json)
        return cli_print_json(set_json(set, true));
    printf("%s%s%s: %s\n", cli_paint("bold"), set->name, cli_plain(), set->summary);
    printf("%-10s %s\n%-10s %s\n", "origin", set->origin, "licence", set->licence);
    printf("%-10s %s", "format", assay_dataset_format_name(set->format));
    if (set->rows)
        printf(", %zu rows, %zu columns", set->rows, set->columns);
    printf("\n");
    for (size_t i = 0; i < set->part_count; i++)
        print_part(set, &set->parts[i]);
    printf("%-10s %s\n", is_there(set) ? "came by" : "get it by", set->obtain);
    return CLI_DONE;
}

static int list(bool json)
{
    static const char *const headings[] = {"SET", "FORMAT", "LICENCE", "HERE", "WHAT IT IS"};
    json_t *all = json_array();
    cli_table *table = cli_table_new(5, headings);
    for (size_t i = 0; i < assay_dataset_count(); i++) {
        const assay_dataset *set = assay_dataset_at(i);
        json_array_append_new(all, set_json(set, false));
        cli_table_cell(table, "%s", set->name);
        cli_table_cell(table, "%s", assay_dataset_format_name(set->format));
        cli_table_cell(table, "%.*s", (int)strcspn(set->licence, ",("), set->licence);
        cli_table_cell(table, "%s", is_there(set) ? "yes" : "no");
        cli_table_cell(table, "%s", set->summary);
    }
    return cli_print_list(table, all, json);
}

static int data(const cli_command *self, int argc, char **argv)
{
    bool json = false;
    const cli_option options[] = {CLI_JSON(&json), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first > 1)
        return cli_usage_error(self, "one SET at a time, got \"%s\" too", argv[first + 1]);
    return argc > first ? describe(argv[first], json) : list(json);
}

const cli_command cli_data = {"data", "[SET]", "List the data sets, or describe one",
    "Files are looked for in the directories of $ASSAY_DATA, in $XDG_DATA_HOME/assay/data, in\n"
    "./experiments/data, in the installed experiments' data, and where Debian's packages put them.",
    data};
