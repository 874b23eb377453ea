/*
 * The measures of runs side by side (diff.h says what is compared with what).
 *
 * A run's rows are read once and reduced as they pass to points: one number for each measure,
 * group, set of parameters (key) and replicate. Measures, groups and keys are numbered over all
 * runs, so that a line of the comparison is a measure and a group, and the cells that belong
 * together are those with one key.
 */
#include "run/diff.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { MOST_WORDS = 50 }; /* distinct texts of a column that makes groups */

typedef struct point {
    size_t measure, group, key;
    double replicate; /* a replicate's number is exact in a double */
    double value;
    size_t count; /* of rows that it was made of; 0: the place is free */
} point;

/* A run's points: while rows pass a hash table, then sorted. */
typedef struct points {
    point *point;
    size_t count, room; /* room: a power of 2 */
} points;

typedef enum role { IGNORED, CELL, REPLICATE, KEY, GROUP, MEASURE } role;

typedef struct reducer {
    const assay_diff_options *options;
    assay_diff *diff;
    json_t *measures, *groups, *keys; /* name -> number */
    char **group_text;                /* by number */
    char **measure_text;
    json_t *keyed; /* parameters that are part of a cell's key */
    points points[ASSAY_DIFF_MOST];
} reducer;

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for the comparison of measures");
}

/* ---- numbers for names ----------------------------------------------------------------------- */

/* The number of a name, and a copy of it in `texts` (unless NULL) when it is new. */
static int number_of(json_t *names, const char *name, char ***texts, size_t *number)
{
    json_t *known = json_object_get(names, name);
    if (known) {
        *number = (size_t)json_integer_value(known);
        return ASSAY_OK;
    }
    *number = json_object_size(names);
    if (texts) {
        char **grown = realloc(*texts, (*number + 1) * sizeof *grown);
        if (!grown)
            return no_memory();
        *texts = grown;
        grown[*number] = strdup(name);
        if (!grown[*number])
            return no_memory();
    }
    return json_object_set_new_nocheck(names, name, json_integer((json_int_t)*number)) ? no_memory()
                                                                                       : ASSAY_OK;
}

/* Parameters of all the runs, but for those that are one value in each and differ: they are what is
 * compared. */
static int find_keyed(reducer *r)
{
    json_t *params[ASSAY_DIFF_MOST], *value;
    const char *name;
    size_t count = r->diff->count;
    for (size_t i = 0; i < count; i++)
        params[i] = json_loads(r->diff->runs[i].params, 0, NULL);
    json_object_foreach(params[0], name, value)
    {
        bool everywhere = true, swept = json_is_array(value), differs = false;
        for (size_t i = 1; i < count; i++) {
            json_t *other = json_object_get(params[i], name);
            everywhere = everywhere && other;
            swept = swept || json_is_array(other);
            differs = differs || !json_equal(value, other);
        }
        if (everywhere && (swept || !differs))
            json_object_set_new_nocheck(r->keyed, name, json_true());
    }
    for (size_t i = 0; i < count; i++)
        json_decref(params[i]);
    return ASSAY_OK;
}

/* ---- the roles of columns -------------------------------------------------------------------- */

static bool is_by(const reducer *r, const char *name)
{
    for (size_t i = 0; r->options && i < r->options->by_count; i++)
        if (strcmp(r->options->by[i], name) == 0)
            return true;
    return false;
}

/* Texts, but not so many that they are answers rather than names. */
static role role_of_values(const assay_table *rows, size_t column)
{
    json_t *words = json_object();
    role found = IGNORED;
    for (size_t row = 0; row < assay_table_rows(rows) && json_object_size(words) <= MOST_WORDS;
         row++) {
        assay_datum datum = assay_table_get(rows, row, column);
        if (datum.kind == ASSAY_DATUM_TEXT)
            json_object_set_new_nocheck(words, datum.text, json_true());
        else if (datum.kind != ASSAY_DATUM_MISSING)
            found = MEASURE;
    }
    size_t count = json_object_size(words);
    json_decref(words);
    if (count)
        return count <= MOST_WORDS ? GROUP : IGNORED;
    return found;
}

static role role_of(const reducer *r, const json_t *params, const assay_table *rows, size_t column)
{
    const char *name = assay_table_name(rows, column);
    if (strcmp(name, "cell") == 0)
        return CELL;
    if (strcmp(name, "replicate") == 0)
        return REPLICATE;
    if (is_by(r, name))
        return GROUP;
    if (json_object_get(params, name))
        return json_object_get(r->keyed, name) ? KEY : IGNORED;
    return role_of_values(rows, column);
}

/* ---- rows to points -------------------------------------------------------------------------- */

static size_t place_of(const points *all, const point *wanted)
{
    uint64_t bits;
    memcpy(&bits, &wanted->replicate, sizeof bits);
    uint64_t h = wanted->measure * UINT64_C(0x9e3779b97f4a7c15) ^
                 wanted->group * UINT64_C(0xc2b2ae3d27d4eb4f) ^
                 wanted->key * UINT64_C(0x165667b19e3779f9) ^ bits * UINT64_C(0xd6e8feb86659fd93);
    size_t at = (size_t)(h ^ h >> 29) & (all->room - 1);
    for (;; at = (at + 1) & (all->room - 1)) {
        const point *p = &all->point[at];
        if (!p->count || (p->measure == wanted->measure && p->group == wanted->group &&
                             p->key == wanted->key && p->replicate == wanted->replicate))
            return at;
    }
}

static int grow(points *all)
{
    points larger = {.room = all->room ? 2 * all->room : 256, .count = all->count};
    larger.point = calloc(larger.room, sizeof *larger.point);
    if (!larger.point)
        return no_memory();
    for (size_t i = 0; i < all->room; i++)
        if (all->point[i].count)
            larger.point[place_of(&larger, &all->point[i])] = all->point[i];
    free(all->point);
    *all = larger;
    return ASSAY_OK;
}

static int add_value(points *all, const point *place, double value, assay_diff_take take)
{
    if (2 * (all->count + 1) > all->room && grow(all) != ASSAY_OK)
        return ASSAY_ENOMEM;
    point *p = &all->point[place_of(all, place)];
    if (!p->count) {
        *p = *place;
        p->value = value;
        p->count = 1;
        all->count++;
        return ASSAY_OK;
    }
    p->count++;
    if (take == ASSAY_DIFF_LAST)
        p->value = value;
    else if (take == ASSAY_DIFF_MIN)
        p->value = fmin(p->value, value);
    else if (take == ASSAY_DIFF_MAX)
        p->value = fmax(p->value, value);
    else
        p->value += (value - p->value) / (double)p->count;
    return ASSAY_OK;
}

/* The row's values in the columns of a role: "smote, k = 10" of groups, as figures name series. */
static int text_of(const assay_table *rows, size_t row, const role *roles, role wanted, FILE *out)
{
    char text[64];
    bool first = true;
    rewind(out);
    for (size_t c = 0; c < assay_table_columns(rows); c++) {
        if (roles[c] != wanted)
            continue;
        assay_datum datum = assay_table_get(rows, row, c);
        if (datum.kind == ASSAY_DATUM_MISSING)
            continue;
        fputs(first ? "" : ", ", out);
        first = false;
        if (datum.kind == ASSAY_DATUM_TEXT && wanted == GROUP) {
            fputs(datum.text, out);
            continue;
        }
        assay_datum_text(&datum, text, sizeof text);
        fprintf(out, "%s = %s", assay_table_name(rows, c),
            datum.kind == ASSAY_DATUM_TEXT ? datum.text : text);
    }
    fputc('\0', out);
    return fflush(out) == 0 ? ASSAY_OK : no_memory();
}

typedef struct pass {
    reducer *r;
    const assay_table *rows;
    role *roles;
    size_t *measure; /* by column */
    points *out;
    char *text; /* of `buffer` */
    size_t size;
    FILE *buffer;
} pass;

static int number_of_row(pass *p, size_t row, role wanted, size_t *number)
{
    json_t *names = wanted == GROUP ? p->r->groups : p->r->keys;
    int status = text_of(p->rows, row, p->roles, wanted, p->buffer);
    return status ? status
                  : number_of(names, p->text, wanted == GROUP ? &p->r->group_text : NULL, number);
}

static int reduce_row(pass *p, size_t row, point *place)
{
    assay_diff_take take = p->r->options ? p->r->options->take : ASSAY_DIFF_LAST;
    int status = number_of_row(p, row, GROUP, &place->group);
    for (size_t c = 0; c < assay_table_columns(p->rows) && status == ASSAY_OK; c++) {
        if (p->roles[c] != MEASURE)
            continue;
        assay_datum datum = assay_table_get(p->rows, row, c);
        if (datum.kind == ASSAY_DATUM_MISSING || !isfinite(datum.number))
            continue;
        place->measure = p->measure[c];
        status = add_value(p->out, place, datum.number, take);
    }
    return status;
}

static int find_roles(pass *p, const json_t *params)
{
    int status = ASSAY_OK;
    for (size_t c = 0; c < assay_table_columns(p->rows) && status == ASSAY_OK; c++) {
        p->roles[c] = role_of(p->r, params, p->rows, c);
        if (p->roles[c] == MEASURE)
            status = number_of(
                p->r->measures, assay_table_name(p->rows, c), &p->r->measure_text, &p->measure[c]);
    }
    return status;
}

static size_t column_of(const pass *p, role wanted)
{
    size_t c = 0;
    while (c < assay_table_columns(p->rows) && p->roles[c] != wanted)
        c++;
    return c;
}

/* A cell's rows stand together, so its key is made once. */
static int reduce_rows(pass *p)
{
    size_t n = assay_table_columns(p->rows), cell = column_of(p, CELL),
           replicate = column_of(p, REPLICATE);
    double last = -1;
    point place = {0};
    int status = ASSAY_OK;
    if (cell == n || replicate == n)
        return ASSAY_OK; /* no rows */
    for (size_t row = 0; row < assay_table_rows(p->rows) && status == ASSAY_OK; row++) {
        double index = assay_table_get(p->rows, row, cell).number;
        place.replicate = assay_table_get(p->rows, row, replicate).number;
        if (index != last)
            status = number_of_row(p, row, KEY, &place.key);
        last = index;
        if (status == ASSAY_OK)
            status = reduce_row(p, row, &place);
    }
    return status;
}

static int check_by(const reducer *r, const assay_table *rows)
{
    size_t column;
    for (size_t i = 0; r->options && i < r->options->by_count; i++)
        if (assay_table_rows(rows) &&
            assay_table_find(rows, r->options->by[i], &column) != ASSAY_OK)
            return ASSAY_ENOTFOUND;
    return ASSAY_OK;
}

/* All that a cell has: the run's, and what its script adds by default. */
static json_t *read_params(assay_store *store, const assay_run_info *run)
{
    assay_cell_info cell;
    json_t *params = json_loads(run->params, 0, NULL), *more = NULL;
    if (assay_store_cell_get(store, run->id, 0, &cell) == ASSAY_OK) {
        more = json_loads(cell.params, 0, NULL);
        assay_cell_info_clear(&cell);
    }
    if (params && more)
        json_object_update_missing(params, more);
    json_decref(more);
    return params;
}

static int reduce_run(assay_store *store, reducer *r, size_t i)
{
    assay_table *rows = NULL;
    int status = assay_store_rows(store, r->diff->runs[i].id, NULL, 0, &rows);
    if (status == ASSAY_OK)
        status = check_by(r, rows);
    if (status != ASSAY_OK) {
        assay_table_free(rows);
        return status;
    }
    json_t *params = read_params(store, &r->diff->runs[i]);
    pass p = {.r = r, .rows = rows, .out = &r->points[i]};
    p.roles = calloc(assay_table_columns(rows) + 1, sizeof *p.roles);
    p.measure = calloc(assay_table_columns(rows) + 1, sizeof *p.measure);
    p.buffer = open_memstream(&p.text, &p.size);
    status = p.roles && p.measure && p.buffer ? find_roles(&p, params) : no_memory();
    if (status == ASSAY_OK)
        status = reduce_rows(&p);
    if (p.buffer)
        fclose(p.buffer);
    free(p.text);
    free(p.roles);
    free(p.measure);
    json_decref(params);
    assay_table_free(rows);
    return status;
}

static int compare_points(const void *left, const void *right)
{
    const point *a = left, *b = right;
    if (a->measure != b->measure)
        return a->measure < b->measure ? -1 : 1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->replicate != b->replicate)
        return a->replicate < b->replicate ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

static void sort_points(points *all)
{
    size_t n = 0;
    for (size_t i = 0; i < all->room; i++)
        if (all->point[i].count)
            all->point[n++] = all->point[i];
    if (n)
        qsort(all->point, n, sizeof *all->point, compare_points);
}

/* ---- points to intervals --------------------------------------------------------------------- */

/* A line: the points of each run with one measure and group. */
typedef struct line {
    const point *from[ASSAY_DIFF_MOST];
    size_t count[ASSAY_DIFF_MOST];
    bool *common; /* by key: all runs of the line have it */
} line;

/* Means of replicates, into arrays with room for all points. */
typedef struct means {
    double *value, *replicate;
    size_t count;
} means;

static const point *find_point(const point *from, size_t count, const point *wanted)
{
    return count ? bsearch(wanted, from, count, sizeof *from, compare_points) : NULL;
}

/* Over the keys in common; with a partner, only over points that it has, too. */
static void average(
    const line *l, size_t run, const point *partner, size_t partner_count, means *out)
{
    size_t n = 0;
    out->count = 0;
    for (size_t i = 0; i < l->count[run]; i++) {
        const point *p = &l->from[run][i];
        if (!l->common[p->key] || (partner && !find_point(partner, partner_count, p)))
            continue;
        if (!out->count || out->replicate[out->count - 1] != p->replicate) {
            out->replicate[out->count] = p->replicate;
            out->value[out->count++] = 0;
            n = 0;
        }
        double *mean = &out->value[out->count - 1];
        *mean += (p->value - *mean) / (double)++n;
    }
}

/* Are there keys in common? Without any, all of them count. */
static bool find_common(const reducer *r, line *l)
{
    size_t keys = json_object_size(r->keys);
    bool any = false;
    for (size_t k = 0; k < keys; k++)
        l->common[k] = true;
    for (size_t run = 0; run < r->diff->count; run++) {
        bool *has = calloc(keys + 1, sizeof *has);
        for (size_t i = 0; has && i < l->count[run]; i++)
            has[l->from[run][i].key] = true;
        for (size_t k = 0; has && l->count[run] && k < keys; k++)
            l->common[k] = l->common[k] && has[k];
        free(has);
    }
    for (size_t k = 0; k < keys; k++)
        any = any || l->common[k];
    for (size_t k = 0; !any && k < keys; k++)
        l->common[k] = true;
    return any;
}

static int find_mean(const means *x, double level, assay_interval *out)
{
    return x->count ? assay_t_interval(x->value, x->count, 0, level, out) : ASSAY_OK;
}

static int find_difference(const reducer *r, const line *l, size_t run, double level, bool matched,
    means *a, means *b, assay_interval *out)
{
    bool paired = r->diff->paired[run] && matched;
    if (!l->count[0] || !l->count[run])
        return ASSAY_OK;
    average(l, run, paired ? l->from[0] : NULL, l->count[0], a);
    average(l, 0, paired ? l->from[run] : NULL, l->count[run], b);
    if (!a->count || !b->count)
        return ASSAY_OK;
    if (paired)
        return assay_paired_interval(a->value, b->value, a->count, level, out);
    return assay_welch_interval(a->value, a->count, b->value, b->count, level, out);
}

static int fill_measure(const reducer *r, line *l, means *a, means *b, assay_diff_measure *out)
{
    double level = r->options && r->options->level > 0 ? r->options->level : 0.95;
    bool matched = find_common(r, l);
    int status = ASSAY_OK;
    r->diff->unmatched = r->diff->unmatched || !matched;
    for (size_t run = 0; run < r->diff->count && status == ASSAY_OK; run++) {
        average(l, run, NULL, 0, a);
        status = find_mean(a, level, &out->mean[run]);
        if (status == ASSAY_OK && run)
            status = find_difference(r, l, run, level, matched, a, b, &out->difference[run]);
    }
    return status;
}

/* Has every run the same values in the same cells? */
static bool is_same(const reducer *r, const line *l)
{
    for (size_t run = 1; run < r->diff->count; run++) {
        if (l->count[run] != l->count[0])
            return false;
        for (size_t i = 0; i < l->count[0]; i++)
            if (compare_points(&l->from[run][i], &l->from[0][i]) != 0 ||
                l->from[run][i].value != l->from[0][i].value)
                return false;
    }
    return true;
}

static int add_measure(reducer *r, line *l, size_t measure, size_t group, means *a, means *b)
{
    assay_diff *diff = r->diff;
    assay_diff_measure *grown =
        realloc(diff->measures, (diff->measure_count + 1) * sizeof *diff->measures);
    if (!grown)
        return no_memory();
    diff->measures = grown;
    assay_diff_measure *out = &grown[diff->measure_count++];
    *out = (assay_diff_measure){strdup(r->measure_text[measure]), strdup(r->group_text[group]),
        calloc(diff->count, sizeof *out->mean), calloc(diff->count, sizeof *out->difference),
        calloc(diff->count, sizeof *out->p_holm)};
    if (!out->name || !out->group || !out->mean || !out->difference || !out->p_holm)
        return no_memory();
    return fill_measure(r, l, a, b, out);
}

/* The points of one measure and group in each run; the runs' cursors move on. */
static bool next_line(const reducer *r, size_t *at, line *l, size_t *measure, size_t *group)
{
    bool found = false;
    for (size_t run = 0; run < r->diff->count; run++) {
        const point *p = &r->points[run].point[at[run]];
        if (at[run] == r->points[run].count)
            continue;
        if (!found || p->measure < *measure || (p->measure == *measure && p->group < *group)) {
            *measure = p->measure;
            *group = p->group;
        }
        found = true;
    }
    for (size_t run = 0; run < r->diff->count && found; run++) {
        const points *all = &r->points[run];
        l->from[run] = all->point + at[run];
        size_t start = at[run];
        while (at[run] < all->count && all->point[at[run]].measure == *measure &&
               all->point[at[run]].group == *group)
            at[run]++;
        l->count[run] = at[run] - start;
    }
    return found;
}

static int add_measures(reducer *r)
{
    size_t at[ASSAY_DIFF_MOST] = {0}, measure = 0, group = 0, most = 1;
    for (size_t i = 0; i < r->diff->count; i++) {
        sort_points(&r->points[i]);
        most = r->points[i].count > most ? r->points[i].count : most;
    }
    line l = {.common = calloc(json_object_size(r->keys) + 1, sizeof *l.common)};
    means a = {malloc(most * sizeof(double)), malloc(most * sizeof(double)), 0},
          b = {malloc(most * sizeof(double)), malloc(most * sizeof(double)), 0};
    int status =
        l.common && a.value && a.replicate && b.value && b.replicate ? ASSAY_OK : no_memory();
    while (status == ASSAY_OK && next_line(r, at, &l, &measure, &group)) {
        if (is_same(r, &l))
            r->diff->same_count++;
        else
            status = add_measure(r, &l, measure, group, &a, &b);
    }
    free(l.common);
    free(a.value);
    free(a.replicate);
    free(b.value);
    free(b.replicate);
    return status;
}

/* Of each run's tests against the base, for their number. */
static int adjust(assay_diff *diff)
{
    size_t n = diff->measure_count;
    double *p = malloc((2 * n + 1) * sizeof *p);
    int status = p ? ASSAY_OK : no_memory();
    for (size_t run = 1; run < diff->count && status == ASSAY_OK; run++) {
        for (size_t i = 0; i < n; i++) {
            const assay_interval *difference = &diff->measures[i].difference[run];
            p[i] = difference->n ? difference->p : NAN;
        }
        status = assay_holm(p, n, p + n);
        for (size_t i = 0; i < n && status == ASSAY_OK; i++)
            diff->measures[i].p_holm[run] = p[n + i];
    }
    free(p);
    return status;
}

int assay_diff_measure_runs(assay_store *store, const assay_diff_options *options, assay_diff *diff)
{
    reducer r = {.options = options,
        .diff = diff,
        .measures = json_object(),
        .groups = json_object(),
        .keys = json_object(),
        .keyed = json_object()};
    int status = r.measures && r.groups && r.keys && r.keyed ? find_keyed(&r) : no_memory();
    for (size_t i = 0; i < diff->count && status == ASSAY_OK; i++)
        status = reduce_run(store, &r, i);
    if (status == ASSAY_OK)
        status = add_measures(&r);
    if (status == ASSAY_OK && diff->measure_count)
        status = adjust(diff);
    for (size_t i = 0; i < json_object_size(r.groups); i++)
        free(r.group_text[i]);
    for (size_t i = 0; i < json_object_size(r.measures); i++)
        free(r.measure_text[i]);
    for (size_t i = 0; i < diff->count; i++)
        free(r.points[i].point);
    free(r.group_text);
    free(r.measure_text);
    json_decref(r.measures);
    json_decref(r.groups);
    json_decref(r.keys);
    json_decref(r.keyed);
    return status;
}
