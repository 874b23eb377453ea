/* See expect.h. */
#include "tui/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/declaration.h"
#include "tui/format.h"

enum { MOST_EARLIER = 50, MOST_NAMED = 3 };

/* Cells that a run does at a time. */
static double at_a_time(double workers, double cells)
{
    return fmax(1, fmin(workers, cells));
}

static json_t *texts_of(const char *params)
{
    json_t *values = json_loads(params ? params : "{}", 0, NULL), *texts = json_object(), *value;
    const char *name;
    json_object_foreach(values, name, value)
    {
        char *text = tui_value_text(value);
        json_object_set_new(texts, name, json_string(text ? text : ""));
        free(text);
    }
    json_decref(values);
    return texts;
}

int tui_earlier_load(struct tui_earlier *self, assay_store *store, const char *experiment)
{
    assay_run_list runs = {0};
    tui_earlier_clear(self);
    int status = assay_store_run_list(store, experiment, MOST_EARLIER, 0, &runs);
    if (status == ASSAY_OK && !(self->runs = calloc(runs.count + 1, sizeof *self->runs)))
        status = assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t i = 0; i < runs.count && status == ASSAY_OK; i++) {
        const assay_run_info *run = &runs.runs[i];
        double ended = (double)(run->cells_done + run->cells_failed);
        if (ended < 1 || !(run->elapsed > 0))
            continue;
        struct tui_earlier_run *one = &self->runs[self->count++];
        one->id = run->id;
        one->params = texts_of(run->params);
        one->cell_seconds =
            run->elapsed * at_a_time((double)run->workers, (double)run->cells) / ended;
    }
    assay_run_list_free(&runs);
    return status;
}

void tui_earlier_clear(struct tui_earlier *self)
{
    for (size_t i = 0; i < self->count; i++)
        json_decref(self->runs[i].params);
    free(self->runs);
    *self = (struct tui_earlier){0};
}

/* Do two lists hold the same values? 1.0 is 1. */
static bool same_values(const char *a, const char *b)
{
    char one[1024], other[1024], *end, *other_end;
    while (a && b) {
        tui_next_value(&a, one, sizeof one);
        tui_next_value(&b, other, sizeof other);
        double x = strtod(one, &end), y = strtod(other, &other_end);
        bool numbers = *one && !*end && *other && !*other_end;
        if (numbers ? x != y : strcmp(one, other) != 0)
            return false;
    }
    return !a && !b;
}

/* How many parameters are not what they were; their names, where there is room for them. */
static size_t differing(const json_t *now, const json_t *then, char *names, size_t size)
{
    const char *name;
    json_t *value;
    size_t count = 0, used = 0;
    json_object_foreach((json_t *)now, name, value)
    {
        const char *text = json_string_value(json_object_get(then, name));
        if (text && same_values(json_string_value(value), text))
            continue;
        if (count++ < MOST_NAMED && used < size)
            used += (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
    }
    if (count > MOST_NAMED && used < size)
        snprintf(names + used, size - used, " and others");
    return count;
}

void tui_expect(const struct tui_earlier *self, const json_t *params, double cells, int workers,
    char *out, size_t size)
{
    char names[256] = "", most_alike[256] = "", time[TUI_SHORT];
    const struct tui_earlier_run *nearest = NULL;
    size_t fewest = 0;
    for (size_t i = 0; i < self->count; i++) {
        size_t count = differing(params, self->runs[i].params, names, sizeof names);
        if (nearest && count >= fewest)
            continue;
        nearest = &self->runs[i];
        fewest = count;
        snprintf(most_alike, sizeof most_alike, "%s", names);
    }
    if (!nearest) {
        snprintf(out, size, "takes an unknown time: it never ran here");
        return;
    }
    tui_format_duration(nearest->cell_seconds * cells / at_a_time(workers, cells), time);
    snprintf(out, size, "about %s on %d %s, by run %lld%s%s%s", time, workers,
        workers == 1 ? "worker" : "workers", (long long)nearest->id, fewest ? " (there " : "",
        most_alike,
        fewest == 1 ? " differs)"
        : fewest    ? " differ)"
                    : "");
}
