/* What differs between runs: settings, parameters, versions and scripts; and figures over all of
 * them. */
#include "run/diff.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/linediff.h"
#include "core/status.h"
#include "run/run.h"

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for the comparison of runs");
}

int assay_diff_take_parse(const char *text, assay_diff_take *out)
{
    static const char *const names[] = {"last", "mean", "min", "max"};
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], text) == 0) {
            *out = (assay_diff_take)i;
            return ASSAY_OK;
        }
    return assay_fail(
        ASSAY_EINVAL, "of a cell's rows there are last, mean, min and max, got \"%s\"", text);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* A value as the command line writes it: 0.6,1.0 for a list. */
static char *value_text(const json_t *value)
{
    if (!value)
        return NULL;
    if (json_is_string(value))
        return strdup(json_string_value(value));
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    size_t length = text ? strlen(text) : 0;
    if (json_is_array(value) && length >= 2) {
        memmove(text, text + 1, length - 2);
        text[length - 2] = '\0';
    }
    return text;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

void assay_diff_free(assay_diff *diff)
{
    if (!diff)
        return;
    for (size_t i = 0; diff->runs && i < diff->count; i++)
        assay_run_info_clear(&diff->runs[i]);
    for (size_t i = 0; i < diff->setting_count; i++) {
        free(diff->settings[i].name);
        free_texts(diff->settings[i].values, diff->count);
    }
    for (size_t i = 0; i < diff->measure_count; i++) {
        free(diff->measures[i].name);
        free(diff->measures[i].group);
        free(diff->measures[i].mean);
        free(diff->measures[i].difference);
        free(diff->measures[i].p_holm);
    }
    free_texts(diff->labels, diff->count);
    free(diff->runs);
    free(diff->paired);
    free(diff->settings);
    free(diff->measures);
    free(diff);
}

/* ---- settings -------------------------------------------------------------------------------- */

/* Takes `values` over. Nothing is added when they are all the same. */
static int add_setting(assay_diff *diff, const char *kind, const char *name, char **values)
{
    bool differs = false;
    for (size_t i = 1; i < diff->count; i++)
        differs = differs || !same(values[0], values[i]);
    if (!differs) {
        free_texts(values, diff->count);
        return ASSAY_OK;
    }
    assay_diff_setting *grown =
        realloc(diff->settings, (diff->setting_count + 1) * sizeof *diff->settings);
    char *copy = strdup(name);
    if (grown)
        diff->settings = grown;
    if (!grown || !copy) {
        free(copy);
        free_texts(values, diff->count);
        return no_memory();
    }
    diff->settings[diff->setting_count++] = (assay_diff_setting){kind, copy, values};
    return ASSAY_OK;
}

static char *number_text(unsigned long long number)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", number);
    return strdup(text);
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static char *read_experiment(const assay_run_info *run)
{
    return copy(run->experiment);
}

static char *read_label(const assay_run_info *run)
{
    return copy(run->label);
}

static char *read_state(const assay_run_info *run)
{
    return copy(assay_run_state_name(run->state));
}

static char *read_preset(const assay_run_info *run)
{
    return copy(run->preset);
}

static char *read_seed(const assay_run_info *run)
{
    return number_text(run->seed);
}

static char *read_replicates(const assay_run_info *run)
{
    return number_text((unsigned long long)run->replicates);
}

static char *read_host(const assay_run_info *run)
{
    return copy(run->host);
}

static const struct {
    const char *name;
    char *(*read)(const assay_run_info *run);
} facts[] = {{"experiment", read_experiment}, {"label", read_label}, {"state", read_state},
    {"preset", read_preset}, {"seed", read_seed}, {"replicates", read_replicates},
    {"host", read_host}};

static int add_facts(assay_diff *diff)
{
    int status = ASSAY_OK;
    for (size_t f = 0; f < sizeof facts / sizeof *facts && status == ASSAY_OK; f++) {
        char **values = calloc(diff->count, sizeof *values);
        for (size_t i = 0; values && i < diff->count; i++)
            values[i] = facts[f].read(&diff->runs[i]);
        status = values ? add_setting(diff, "run", facts[f].name, values) : no_memory();
    }
    return status;
}

/* One setting for each name that an object of any run has. */
static int add_objects(assay_diff *diff, const char *kind, json_t *const *objects)
{
    json_t *seen = json_object(), *value;
    const char *name;
    int status = seen ? ASSAY_OK : no_memory();
    for (size_t i = 0; i < diff->count && status == ASSAY_OK; i++)
        json_object_foreach(objects[i], name, value)
        {
            if (json_object_get(seen, name) || status != ASSAY_OK)
                continue;
            json_object_set_new_nocheck(seen, name, json_true());
            char **values = calloc(diff->count, sizeof *values);
            for (size_t j = 0; values && j < diff->count; j++)
                values[j] = value_text(json_object_get(objects[j], name));
            status = values ? add_setting(diff, kind, name, values) : no_memory();
        }
    json_decref(seen);
    return status;
}

static int add_json(assay_diff *diff, const char *kind)
{
    json_t *objects[ASSAY_DIFF_MOST];
    bool versions = strcmp(kind, "version") == 0;
    for (size_t i = 0; i < diff->count; i++)
        objects[i] = json_loads(versions ? diff->runs[i].versions : diff->runs[i].params, 0, NULL);
    int status = add_objects(diff, kind, objects);
    for (size_t i = 0; i < diff->count; i++)
        json_decref(objects[i]);
    return status;
}

/* Lines added and removed since the base's script. */
static int add_scripts(assay_store *store, assay_diff *diff)
{
    char *base = NULL, *other = NULL, *text = NULL, words[64], **values;
    size_t added, removed;
    int status = assay_store_run_script(store, diff->runs[0].id, &base);
    values = calloc(diff->count, sizeof *values);
    if (status == ASSAY_OK && !values)
        status = no_memory();
    for (size_t i = 0; i < diff->count && status == ASSAY_OK; i++) {
        status = assay_store_run_script(store, diff->runs[i].id, &other);
        if (status == ASSAY_OK)
            status = assay_line_diff(base, other, "", "", 0, &text, &added, &removed);
        if (status == ASSAY_OK) {
            snprintf(words, sizeof words, "+%zu -%zu lines", added, removed);
            values[i] = strdup(added || removed ? words : "base");
        }
        free(other);
        free(text);
        other = text = NULL;
    }
    free(base);
    if (status == ASSAY_OK)
        return add_setting(diff, "script", "script", values);
    free_texts(values, diff->count);
    return status;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* "lr=0.1, n=5" of the settings of one kind. */
static char *join_settings(const assay_diff *diff, size_t run, const char *kind)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool first = true;
    for (size_t i = 0; out && i < diff->setting_count; i++) {
        const assay_diff_setting *setting = &diff->settings[i];
        bool said = strcmp(setting->kind, kind) == 0 && setting->values[run] &&
                    strcmp(setting->name, "label") != 0 && strcmp(setting->name, "state") != 0 &&
                    strcmp(setting->name, "host") != 0;
        if (!said)
            continue;
        fprintf(out, "%s%s=%.24s", first ? "" : ", ", setting->name, setting->values[run]);
        first = false;
    }
    if (out)
        fclose(out);
    return text;
}

static bool is_taken(const assay_diff *diff, size_t run)
{
    for (size_t i = 0; i < diff->count; i++)
        if (i != run && same(diff->labels[i], diff->labels[run]))
            return true;
    return false;
}

/* Labels that are equal, or say nothing, get the run's number. */
static int distinguish(assay_diff *diff)
{
    bool taken[ASSAY_DIFF_MOST];
    for (size_t i = 0; i < diff->count; i++)
        taken[i] = !*diff->labels[i] || is_taken(diff, i);
    for (size_t i = 0; i < diff->count; i++) {
        char number[32], *longer = NULL;
        if (!taken[i])
            continue;
        snprintf(number, sizeof number, "run %lld", (long long)diff->runs[i].id);
        size_t size = strlen(diff->labels[i]) + strlen(number) + 4;
        longer = malloc(size);
        if (!longer)
            return no_memory();
        snprintf(longer, size, "%s%s%s%s", number, *diff->labels[i] ? " (" : "", diff->labels[i],
            *diff->labels[i] ? ")" : "");
        free(diff->labels[i]);
        diff->labels[i] = longer;
    }
    return ASSAY_OK;
}

static int label_runs(assay_diff *diff)
{
    diff->labels = calloc(diff->count, sizeof *diff->labels);
    if (!diff->labels)
        return no_memory();
    for (size_t i = 0; i < diff->count; i++) {
        char *label =
            diff->runs[i].label ? strdup(diff->runs[i].label) : join_settings(diff, i, "parameter");
        if (label && !*label) {
            free(label);
            label = join_settings(diff, i, "run");
        }
        if (!label)
            return no_memory();
        diff->labels[i] = label;
    }
    return distinguish(diff);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_runs(assay_store *store, const int64_t *runs, assay_diff *diff)
{
    int status = ASSAY_OK;
    diff->runs = calloc(diff->count, sizeof *diff->runs);
    diff->paired = calloc(diff->count, sizeof *diff->paired);
    if (!diff->runs || !diff->paired)
        return no_memory();
    for (size_t i = 0; i < diff->count && status == ASSAY_OK; i++)
        status = assay_store_run_get(store, runs[i], &diff->runs[i]);
    for (size_t i = 0; i < diff->count && status == ASSAY_OK; i++)
        diff->paired[i] = diff->runs[i].seed == diff->runs[0].seed &&
                          same(diff->runs[i].experiment, diff->runs[0].experiment);
    return status;
}

static int check_runs(const int64_t *runs, size_t count)
{
    if (count < 2 || count > ASSAY_DIFF_MOST)
        return assay_fail(
            ASSAY_EINVAL, "2 to %d runs are compared, got %zu", ASSAY_DIFF_MOST, count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (runs[i] == runs[j])
                return assay_fail(
                    ASSAY_EINVAL, "run %lld can't be compared with itself", (long long)runs[i]);
    return ASSAY_OK;
}

int assay_diff_runs(assay_store *store, const int64_t *runs, size_t count,
    const assay_diff_options *options, assay_diff **out)
{
    *out = NULL;
    int status = check_runs(runs, count);
    if (status)
        return status;
    assay_diff *diff = calloc(1, sizeof *diff);
    if (!diff)
        return no_memory();
    diff->count = count;
    status = read_runs(store, runs, diff);
    if (status == ASSAY_OK)
        status = add_facts(diff);
    if (status == ASSAY_OK)
        status = add_json(diff, "parameter");
    if (status == ASSAY_OK)
        status = add_scripts(store, diff);
    if (status == ASSAY_OK)
        status = add_json(diff, "version");
    if (status == ASSAY_OK)
        status = label_runs(diff);
    if (status == ASSAY_OK && !(options && options->only_settings))
        status = assay_diff_measure_runs(store, options, diff);
    if (status == ASSAY_OK)
        *out = diff;
    else
        assay_diff_free(diff);
    return status;
}

int assay_diff_script(assay_store *store, int64_t a, int64_t b, char **out)
{
    char *text_a = NULL, *text_b = NULL, name_a[64], name_b[64];
    *out = NULL;
    snprintf(name_a, sizeof name_a, "run %lld", (long long)a);
    snprintf(name_b, sizeof name_b, "run %lld", (long long)b);
    int status = assay_store_run_script(store, a, &text_a);
    if (status == ASSAY_OK)
        status = assay_store_run_script(store, b, &text_b);
    if (status == ASSAY_OK)
        status = assay_line_diff(text_a, text_b, name_a, name_b, 3, out, NULL, NULL);
    free(text_a);
    free(text_b);
    return status;
}

/* ---- figures --------------------------------------------------------------------------------- */

/* The series go over, with the run's label before theirs. */
static int take_series(assay_series_set *all, assay_series_set *one, const char *label)
{
    assay_series *grown = realloc(all->series, (all->count + one->count + 1) * sizeof *all->series);
    if (!grown)
        return no_memory();
    all->series = grown;
    for (size_t i = 0; i < one->count; i++) {
        assay_series *series = &one->series[i];
        size_t size = strlen(label) + strlen(series->label) + 3;
        char *longer = malloc(size);
        if (!longer)
            return no_memory();
        snprintf(longer, size, "%s%s%s", label, *series->label ? ", " : "", series->label);
        free(series->label);
        series->label = longer;
        all->series[all->count++] = *series;
        *series = (assay_series){0};
    }
    all->skipped += one->skipped;
    return ASSAY_OK;
}

/* Series without points, so that a facet has as many as there are before `end`. */
static int pad_facet(assay_series_set *facet, const assay_series_set *all, size_t end)
{
    assay_series *grown = realloc(facet->series, (end + 1) * sizeof *grown);
    if (!grown)
        return no_memory();
    facet->series = grown;
    while (facet->count < end) {
        assay_series series = {.label = strdup(all->series[facet->count].label),
            .points = malloc(sizeof *series.points)};
        facet->series[facet->count++] = series;
        if (!series.label || !series.points)
            return no_memory();
    }
    return ASSAY_OK;
}

/* The facet of that label, new when there is none. */
static assay_facet *find_facet(assay_series_set *all, const char *label)
{
    for (size_t i = 0; i < all->facet_count; i++)
        if (strcmp(all->facets[i].label, label) == 0)
            return &all->facets[i];
    assay_facet *grown = realloc(all->facets, (all->facet_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    all->facets = grown;
    grown[all->facet_count] =
        (assay_facet){strdup(label), calloc(1, sizeof *grown[all->facet_count].set)};
    assay_facet *new = &grown[all->facet_count++];
    return new->label && new->set ? new : NULL;
}

/* Before the series of `one` go over, those of its facets do. */
static int take_facets(assay_series_set *all, assay_series_set *one, const char *label)
{
    int status = ASSAY_OK;
    for (size_t f = 0; f < one->facet_count && status == ASSAY_OK; f++) {
        assay_facet *facet = find_facet(all, one->facets[f].label);
        status = facet ? pad_facet(facet->set, all, all->count) : no_memory();
        if (status == ASSAY_OK)
            status = take_series(facet->set, one->facets[f].set, label);
    }
    return status;
}

int assay_diff_series(
    assay_store *store, const assay_diff *diff, const assay_figure *figure, assay_series_set **out)
{
    assay_series_set *all = calloc(1, sizeof *all), *one = NULL;
    size_t lacking = 0;
    int status = all ? ASSAY_OK : no_memory();
    *out = NULL;
    for (size_t i = 0; i < diff->count && status == ASSAY_OK; i++) {
        status = assay_run_series(store, diff->runs[i].id, figure, &one);
        if (status == ASSAY_ENOTFOUND && ++lacking < diff->count)
            status = ASSAY_OK;
        else if (status == ASSAY_OK)
            status = take_facets(all, one, diff->labels[i]);
        if (status == ASSAY_OK && one)
            status = take_series(all, one, diff->labels[i]);
        assay_series_set_free(one);
        one = NULL;
    }
    for (size_t f = 0; status == ASSAY_OK && f < all->facet_count; f++)
        status = pad_facet(all->facets[f].set, all, all->count);
    if (status == ASSAY_OK)
        *out = all;
    else
        assay_series_set_free(all);
    return status;
}
