/* Figures of a run: its declaration's, over its rows. */
#include "run/run.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

void assay_run_figures_free(assay_figure **figures, size_t count)
{
    for (size_t i = 0; figures && i < count; i++)
        assay_figure_free(figures[i]);
    free(figures);
}

static int parse_figure(const json_t *declared, assay_figure **out)
{
    char *text = json_dumps(declared, JSON_COMPACT);
    int status = text ? assay_figure_parse(text, out)
                      : assay_fail(ASSAY_ENOMEM, "not enough memory for a figure");
    free(text);
    return status;
}

static int parse_figures(const json_t *declared, assay_figure ***out, size_t *count)
{
    size_t n = json_array_size(declared);
    assay_figure **figures = calloc(n + 1, sizeof *figures);
    if (!figures)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for %zu figures", n);
    for (size_t i = 0; i < n; i++) {
        int status = parse_figure(json_array_get(declared, i), &figures[i]);
        if (status) {
            assay_run_figures_free(figures, i);
            return status;
        }
    }
    *out = figures;
    *count = n;
    return ASSAY_OK;
}

int assay_run_figures(assay_store *store, int64_t run, assay_figure ***figures, size_t *count)
{
    char *describe = NULL;
    json_error_t error;
    *figures = NULL;
    *count = 0;
    int status = assay_store_run_describe(store, run, &describe);
    if (status)
        return status;
    json_t *declaration = json_loads(describe, 0, &error);
    status = declaration ? parse_figures(json_object_get(declaration, "figures"), figures, count)
                         : assay_fail(ASSAY_EFORMAT, "run %lld: its declaration is not JSON: %s",
                               (long long)run, error.text);
    json_decref(declaration);
    free(describe);
    return status;
}

/* The columns that a figure reads, as a list that the caller frees (not its texts). */
static const char **needed_columns(const assay_figure *figure, size_t *count)
{
    const char **columns = calloc(4 + figure->by_count + figure->where_count, sizeof *columns);
    size_t n = 0;
    if (!columns)
        return NULL;
    columns[n++] = figure->x;
    columns[n++] = figure->y;
    if (figure->unit)
        columns[n++] = figure->unit;
    if (figure->facet)
        columns[n++] = figure->facet;
    for (size_t i = 0; i < figure->by_count; i++)
        columns[n++] = figure->by[i];
    for (size_t i = 0; i < figure->where_count; i++)
        columns[n++] = figure->where[i].column;
    *count = n;
    return columns;
}

static int series_over(assay_store *store, int64_t run, const assay_figure *figure,
    const char *const *columns, size_t count, assay_series_set **out)
{
    assay_table *rows = NULL;
    int status = assay_store_rows(store, run, columns, count, &rows);
    if (!status)
        status = assay_figure_series(figure, rows, out);
    assay_table_free(rows);
    return status;
}

int assay_run_series(
    assay_store *store, int64_t run, const assay_figure *figure, assay_series_set **out)
{
    size_t count;
    *out = NULL;
    const char **columns = needed_columns(figure, &count);
    if (!columns)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a figure's columns");
    int status = series_over(store, run, figure, columns, count, out);
    free(columns);
    if (status == ASSAY_ENOTFOUND) /* again with all columns, so that the message lists them */
        status = series_over(store, run, figure, NULL, 0, out);
    return status;
}
