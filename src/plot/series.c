/*
 * Rows to series: select, group, average over units, fit.
 *
 * A row counts when its x and y are finite numbers (and positive on a log axis). One that lacks
 * either is a row of other measures; what was logged but can't be shown is counted as skipped. A
 * figure whose every x (or y) is a text is one: it would stay empty for ever.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/figure.h"
#include "plot/group.h"
#include "plot/summary.h"

/* The columns that a figure reads. */
typedef struct columns {
    size_t x, y, unit, facet;
    bool has_unit;
    size_t *by, *where;
} columns;

static int find_column(const assay_figure *figure, const assay_table *rows, const char *field,
    const char *name, size_t *at)
{
    if (assay_table_find(rows, name, at) == ASSAY_OK)
        return ASSAY_OK;
    return assay_fail(
        ASSAY_ENOTFOUND, "figure \"%s\": %s: %s", figure->name, field, assay_errmsg());
}

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for a figure's series");
}

static int allocate(const assay_figure *figure, columns *c)
{
    c->by = calloc(figure->by_count + 1, sizeof *c->by);
    c->where = calloc(figure->where_count + 1, sizeof *c->where);
    return c->by && c->where ? ASSAY_OK : no_memory();
}

static int find_where(const assay_figure *figure, const assay_table *rows, columns *c)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < figure->where_count && !status; i++)
        status = find_column(figure, rows, "where", figure->where[i].column, &c->where[i]);
    return status;
}

static int find_columns(const assay_figure *figure, const assay_table *rows, columns *c)
{
    int status = find_column(figure, rows, "x", figure->x, &c->x);
    if (!status)
        status = find_column(figure, rows, "y", figure->y, &c->y);
    for (size_t i = 0; i < figure->by_count && !status; i++)
        status = find_column(figure, rows, "by", figure->by[i], &c->by[i]);
    if (!status && figure->facet)
        status = find_column(figure, rows, "facet", figure->facet, &c->facet);
    if (status)
        return status;
    c->has_unit = assay_table_find(rows, figure->unit, &c->unit) == ASSAY_OK;
    /* "replicate" is what nobody declared: a table without it has rows that are units. */
    if (!c->has_unit && strcmp(figure->unit, "replicate") != 0)
        return find_column(figure, rows, "unit", figure->unit, &c->unit);
    return ASSAY_OK;
}

static bool selected(
    const assay_figure *figure, const assay_table *rows, const columns *c, size_t row)
{
    char text[256];
    for (size_t i = 0; i < figure->where_count; i++) {
        assay_datum datum = assay_table_get(rows, row, c->where[i]);
        assay_datum_text(&datum, text, sizeof text);
        if (strcmp(datum.kind == ASSAY_DATUM_TEXT ? datum.text : text, figure->where[i].value) != 0)
            return false;
    }
    return true;
}

static bool selects_any(const assay_figure *figure, const assay_table *rows, const columns *c)
{
    for (size_t row = 0; row < assay_table_rows(rows); row++)
        if (selected(figure, rows, c, row))
            return true;
    return false;
}

static bool usable(const assay_datum *datum, bool log)
{
    return (datum->kind == ASSAY_DATUM_NUMBER || datum->kind == ASSAY_DATUM_INTEGER) &&
           isfinite(datum->number) && (!log || datum->number > 0);
}

/* The rows that count, into `kept`; *texts: which of x and y held texts. */
static size_t keep_rows(const assay_figure *figure, const assay_table *rows, const columns *c,
    size_t *kept, size_t *skipped, const char **texts)
{
    size_t n = 0;
    for (size_t row = 0; row < assay_table_rows(rows); row++) {
        if (!selected(figure, rows, c, row))
            continue;
        assay_datum x = assay_table_get(rows, row, c->x), y = assay_table_get(rows, row, c->y);
        if (usable(&x, figure->logx) && usable(&y, figure->logy)) {
            kept[n++] = row;
            continue;
        }
        if (x.kind == ASSAY_DATUM_MISSING || y.kind == ASSAY_DATUM_MISSING)
            continue; /* a row of other measures */
        ++*skipped;
        if (x.kind == ASSAY_DATUM_TEXT)
            *texts = figure->x;
        else if (y.kind == ASSAY_DATUM_TEXT)
            *texts = figure->y;
    }
    return n;
}

/* "llama", "temperature = 0.6", "no temperature" */
static void put_value(const assay_table *rows, size_t row, size_t column, FILE *out)
{
    char text[64];
    const char *name = assay_table_name(rows, column);
    assay_datum datum = assay_table_get(rows, row, column);
    assay_datum_text(&datum, text, sizeof text);
    if (datum.kind == ASSAY_DATUM_TEXT)
        fputs(datum.text, out);
    else if (datum.kind == ASSAY_DATUM_MISSING)
        fprintf(out, "no %s", name);
    else
        fprintf(out, "%s = %s", name, text);
}

/* The values in these columns: "llama, temperature = 0.6". */
static char *label_of(const assay_table *rows, size_t row, const size_t *of, size_t count)
{
    char *label = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&label, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        put_value(rows, row, of[i], out);
    }
    if (fclose(out)) {
        free(label);
        return NULL;
    }
    return label;
}

static int to_records(const assay_figure *figure, const assay_table *rows, const columns *c,
    const size_t *kept, size_t n, assay_record **out, size_t *groups)
{
    int status = no_memory();
    size_t distinct;
    size_t *group = malloc((n + 1) * sizeof *group), *unit = malloc((n + 1) * sizeof *unit);
    assay_record *records = malloc((n + 1) * sizeof *records);
    if (!group || !unit || !records)
        goto cleanup;
    status = assay_group_rank_all(rows, c->by, figure->by_count, kept, n, group, groups);
    for (size_t i = 0; i < n; i++)
        unit[i] = i;
    if (!status && c->has_unit)
        status = assay_group_rank(rows, c->unit, kept, n, unit, &distinct);
    for (size_t i = 0; i < n && !status; i++)
        records[i] = (assay_record){group[i], unit[i], assay_table_get(rows, kept[i], c->x).number,
            assay_table_get(rows, kept[i], c->y).number};
    if (status)
        goto cleanup;
    *out = records;
    records = NULL;
cleanup:
    free(group);
    free(unit);
    free(records);
    return status;
}

static assay_fit_space space_of(const char *name)
{
    if (!name)
        return ASSAY_SPACE_DEFAULT;
    if (strcmp(name, "log") == 0)
        return ASSAY_SPACE_LOG;
    return strcmp(name, "loglog") == 0 ? ASSAY_SPACE_LOGLOG : ASSAY_SPACE_LINEAR;
}

/* A law that does not fit is told in the series, not an error: the points are still worth seeing.
 */
static int fit_series(const assay_figure *figure, assay_law law, assay_series *series)
{
    double *x = malloc((2 * series->count + 1) * sizeof *x);
    if (!x)
        return no_memory();
    double *y = x + series->count;
    for (size_t i = 0; i < series->count; i++) {
        x[i] = series->points[i].x;
        y[i] = series->points[i].y;
    }
    series->fitted = assay_fit_law(law, space_of(figure->fit_space), x, y, NULL, series->count,
                         0.95, NULL, &series->fit) == ASSAY_OK;
    if (!series->fitted)
        series->fit_error = strdup(assay_errmsg());
    free(x);
    return series->fitted || series->fit_error ? ASSAY_OK : no_memory();
}

/* The label of each group, by its first row; NULL without memory. */
static char **label_groups(const assay_figure *figure, const assay_table *rows, const columns *c,
    const size_t *kept, const assay_record *records, size_t n, size_t groups)
{
    char **labels = calloc(groups + 1, sizeof *labels);
    for (size_t i = 0; labels && i < n; i++) {
        char **label = &labels[records[i].group];
        if (!*label && !(*label = label_of(rows, kept[i], c->by, figure->by_count)))
            return labels;
    }
    return labels;
}

static void free_labels(char **labels, size_t groups)
{
    for (size_t i = 0; labels && i < groups; i++)
        free(labels[i]);
    free(labels);
}

/* A series for every group, with room for its points. */
static int start_series(char *const *labels, size_t groups, const assay_record *records, size_t n,
    assay_series_set *set)
{
    set->series = calloc(groups + 1, sizeof *set->series);
    if (!set->series)
        return no_memory();
    set->count = groups;
    for (size_t i = 0; i < n; i++)
        set->series[records[i].group].count++; /* at most so many points */
    for (size_t s = 0; s < groups; s++) {
        assay_series *series = &set->series[s];
        series->points = malloc((series->count + 1) * sizeof *series->points);
        series->label = labels[s] ? strdup(labels[s]) : NULL;
        series->count = 0;
        if (!series->points || !series->label)
            return no_memory();
    }
    return ASSAY_OK;
}

/* The series of these records, which are sorted for it. */
static int fill_set(const assay_figure *figure, char *const *labels, size_t groups,
    assay_record *records, size_t n, assay_series_set *set)
{
    assay_summary *summaries = NULL;
    size_t count = 0;
    assay_law law = ASSAY_LAW_POWER;
    int status = start_series(labels, groups, records, n, set);
    if (!status)
        status = assay_summarise(records, n, figure->band, &summaries, &count);
    for (size_t i = 0; i < count && !status; i++) {
        assay_series *series = &set->series[summaries[i].group];
        series->points[series->count++] = summaries[i].point;
    }
    if (!status && figure->fit)
        status = assay_law_parse(figure->fit, &law);
    for (size_t s = 0; s < set->count && figure->fit && !status; s++)
        if (set->series[s].count)
            status = fit_series(figure, law, &set->series[s]);
    free(summaries);
    return status;
}

static int too_many(const assay_figure *figure, size_t count)
{
    return assay_fail(ASSAY_EINVAL,
        "figure \"%s\": facet: \"%s\" has %zu values, and there are at most %d pictures",
        figure->name, figure->facet, count, ASSAY_FIGURE_FACETS);
}

/* The set of the facet whose rank the records have; its label is that of their first row. */
static int fill_facet(const assay_figure *figure, const assay_table *rows, const columns *c,
    const size_t *kept, const size_t *rank, const assay_record *records, size_t n,
    char *const *labels, assay_series_set *set)
{
    size_t facet = set->facet_count, count = 0;
    assay_facet *out = &set->facets[set->facet_count++];
    assay_record *own = malloc((n + 1) * sizeof *own);
    out->set = calloc(1, sizeof *out->set);
    for (size_t i = 0; own && i < n; i++) {
        if (rank[i] != facet)
            continue;
        if (!count)
            out->label = label_of(rows, kept[i], &c->facet, 1);
        own[count++] = records[i];
    }
    int status = own && out->set && out->label
                     ? fill_set(figure, labels, set->count, own, count, out->set)
                     : no_memory();
    free(own);
    return status;
}

static int fill_facets(const assay_figure *figure, const assay_table *rows, const columns *c,
    const size_t *kept, const assay_record *records, size_t n, char *const *labels, size_t groups,
    assay_series_set *set)
{
    size_t count = 0, *rank = malloc((n + 1) * sizeof *rank);
    int status = rank ? assay_group_rank(rows, c->facet, kept, n, rank, &count) : no_memory();
    if (!status && count > ASSAY_FIGURE_FACETS)
        status = too_many(figure, count);
    if (!status)
        status = start_series(labels, groups, NULL, 0, set);
    if (!status && !(set->facets = calloc(count + 1, sizeof *set->facets)))
        status = no_memory();
    for (size_t f = 0; f < count && !status; f++)
        status = fill_facet(figure, rows, c, kept, rank, records, n, labels, set);
    free(rank);
    return status;
}

static int fill_series(const assay_figure *figure, const assay_table *rows, const columns *c,
    const size_t *kept, size_t n, assay_series_set *set)
{
    assay_record *records = NULL;
    size_t groups = 0;
    int status = to_records(figure, rows, c, kept, n, &records, &groups);
    if (status)
        return status;
    char **labels = label_groups(figure, rows, c, kept, records, n, groups);
    if (!labels)
        status = no_memory();
    else if (figure->facet && n)
        status = fill_facets(figure, rows, c, kept, records, n, labels, groups, set);
    else
        status = fill_set(figure, labels, groups, records, n, set);
    free_labels(labels, groups);
    free(records);
    return status;
}

int assay_figure_series(const assay_figure *figure, const assay_table *rows, assay_series_set **out)
{
    columns c = {0};
    size_t *kept = NULL, n;
    const char *texts = NULL;
    int status = ASSAY_OK;
    assay_series_set *set = calloc(1, sizeof *set);
    *out = NULL;
    if (!set)
        return no_memory();
    if (assay_table_rows(rows) == 0)
        goto cleanup;
    status = allocate(figure, &c);
    if (!status)
        status = find_where(figure, rows, &c);
    /* rows of a part that didn't run may have brought the other columns, too */
    if (status || !selects_any(figure, rows, &c))
        goto cleanup;
    status = find_columns(figure, rows, &c);
    if (status)
        goto cleanup;
    kept = malloc(assay_table_rows(rows) * sizeof *kept);
    if (!kept) {
        status = no_memory();
        goto cleanup;
    }
    n = keep_rows(figure, rows, &c, kept, &set->skipped, &texts);
    if (n == 0 && texts)
        status = assay_fail(ASSAY_EINVAL,
            "figure \"%s\": the column \"%s\" holds texts, and an axis needs numbers; texts can "
            "name series (by)",
            figure->name, texts);
    else
        status = fill_series(figure, rows, &c, kept, n, set);
cleanup:
    free(c.by);
    free(c.where);
    free(kept);
    if (status)
        assay_series_set_free(set);
    else
        *out = set;
    return status;
}

void assay_series_set_free(assay_series_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; set->series && i < set->count; i++) {
        free(set->series[i].label);
        free(set->series[i].points);
        free(set->series[i].fit_error);
    }
    for (size_t i = 0; i < set->facet_count; i++) {
        free(set->facets[i].label);
        assay_series_set_free(set->facets[i].set);
    }
    free(set->facets);
    free(set->series);
    free(set);
}

/* y, low and high of one series. */
static void smooth(assay_series *series, size_t half, assay_point *old)
{
    memcpy(old, series->points, series->count * sizeof *old);
    for (size_t i = 0; i < series->count; i++) {
        assay_point *point = &series->points[i];
        size_t reach = half < i ? half : i;
        reach = reach < series->count - 1 - i ? reach : series->count - 1 - i;
        point->y = point->low = point->high = 0;
        for (size_t j = i - reach; j <= i + reach; j++) {
            point->y += old[j].y / (double)(2 * reach + 1);
            point->low += old[j].low / (double)(2 * reach + 1);
            point->high += old[j].high / (double)(2 * reach + 1);
        }
    }
}

void assay_series_smooth(assay_series_set *set, size_t window)
{
    for (size_t i = 0; i < set->count; i++) {
        assay_point *old = malloc((set->series[i].count + 1) * sizeof *old);
        if (old && set->series[i].count)
            smooth(&set->series[i], window / 2, old);
        free(old);
    }
    for (size_t i = 0; i < set->facet_count; i++)
        assay_series_smooth(set->facets[i].set, window);
}
