/* assay methods: the catalogue. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "methods/catalogue.h"

static json_t *paper_json(const assay_paper *paper)
{
    if (!paper->title)
        return json_null();
    return json_pack("{s:s, s:s, s:i, s:s?}", "title", paper->title, "authors", paper->authors,
        "year", paper->year, "arxiv", paper->arxiv);
}

static json_t *method_json(const assay_method *m)
{
    json_t *functions = json_array();
    for (const char *const *f = m->functions; f && *f; f++)
        json_array_append_new(functions, json_string(*f));
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s?}", "slug", m->slug, "family", m->family,
        "summary", m->summary, "paper", paper_json(&m->paper), "companion",
        paper_json(&m->companion), "functions", functions, "experiment", m->experiment);
}

static void print_paper(const char *name, const assay_paper *paper)
{
    if (paper->title)
        printf("%-11s %s. %s, %d%s%s\n", name, paper->authors, paper->title, paper->year,
            paper->arxiv ? ", arXiv " : "", paper->arxiv ? paper->arxiv : "");
}

static int show_method(const char *slug, bool json)
{
    const assay_method *m;
    if (assay_method_find(slug, &m))
        return cli_failed();
    if (json)
        return cli_print_json(method_json(m));
    printf("%s%s%s (%s): %s\n", cli_paint("bold"), m->slug, cli_plain(), m->family, m->summary);
    print_paper("paper", &m->paper);
    print_paper("with", &m->companion);
    if (m->experiment)
        printf("%-11s experiments/%s\n", "experiment", m->experiment);
    printf("%-11s", "Lua");
    size_t column = 11;
    for (const char *const *f = m->functions; f && *f; f++) {
        if (column + strlen(*f) + 2 > 78)
            column = (size_t)printf("\n%11s", "") - 1;
        column += (size_t)printf(" %s%s", *f, f[1] ? "," : "");
    }
    printf("\n");
    return CLI_DONE;
}

static int list_methods(bool json)
{
    static const char *const headings[] = {"METHOD", "FAMILY", ">YEAR", "ARXIV", "WHAT IT IS"};
    json_t *all = json_array();
    cli_table *table = cli_table_new(5, headings);
    for (size_t i = 0; i < assay_method_count(); i++) {
        const assay_method *m = assay_method_at(i);
        json_array_append_new(all, method_json(m));
        cli_table_cell(table, "%s", m->slug);
        cli_table_cell(table, "%s", m->family);
        cli_table_cell(table, "%d", m->paper.year);
        cli_table_cell(table, "%s", m->paper.arxiv ? m->paper.arxiv : "-");
        cli_table_cell(table, "%s", m->summary);
    }
    return cli_print_list(table, all, json);
}

static int methods(const cli_command *self, int argc, char **argv)
{
    bool json = false;
    const cli_option options[] = {CLI_JSON(&json), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first > 1)
        return cli_usage_error(self, "one METHOD at a time, got \"%s\" too", argv[first + 1]);
    return argc > first ? show_method(argv[first], json) : list_methods(json);
}

const cli_command cli_methods = {
    "methods", "[METHOD]", "List the catalogue of methods, or show one", NULL, methods};
