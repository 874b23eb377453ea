/*
 * Runs side by side: what differs between them, the means of their measures with the differences
 * from the first, and what their scripts differ in. All of it is one list; below stands the line
 * under the cursor in full. What is shown was found by run/diff.h, aside.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/tabulate.h"
#include "run/diff.h"
#include "tui/detail.h"
#include "tui/format.h"
#include "tui/view.h"
#include "tui/words.h"

enum { NAMES = 16, MOST_BY = 8 };

enum kind { HEADING, SETTING, MEASURE, SCRIPT };
enum sorting { BY_ORDER, BY_NAME, BY_DIFFERENCE, BY_P, SORTINGS };

static const char *const sortings[SORTINGS] = {"order", "name", "difference", "p"};

struct item {
    enum kind kind;
    size_t index; /* of the setting or measure */
    char *text;   /* of a heading or a script's line */
};

struct compare {
    struct tui_view view;
    struct tui_list list;
    struct tui_detail detail;
    size_t detailed;
    bool detail_known;
    int64_t *runs;
    size_t run_count, first; /* first: the run that stands beside the base */
    assay_diff *diff;
    char **scripts; /* differences from the base's, one a run */
    struct item *items;
    enum sorting sorting;
    bool reversed;
    assay_diff_take take;
    char by[512];
    char *trouble;
    bool reading, again;
};

/* ---- reading, aside ---- */

struct reading {
    struct tui_job job;
    char *database;
    int64_t *runs;
    size_t run_count;
    assay_diff_take take;
    char by[512];
    assay_diff *diff;
    char **scripts;
};

static size_t split_names(char *text, const char *names[MOST_BY])
{
    size_t count = 0;
    for (char *word = strtok(text, ", "); word && count < MOST_BY; word = strtok(NULL, ", "))
        names[count++] = word;
    return count;
}

static int compare_runs(struct tui_job *job)
{
    struct reading *self = (struct reading *)job;
    assay_store *store = NULL;
    const char *names[MOST_BY];
    size_t count = split_names(self->by, names);
    assay_diff_options options = {.take = self->take, .by = names, .by_count = count};
    int status = assay_store_open(self->database, ASSAY_STORE_READ, &store);
    if (status == ASSAY_OK)
        status = assay_diff_runs(store, self->runs, self->run_count, &options, &self->diff);
    for (size_t i = 1; i < self->run_count && status == ASSAY_OK; i++)
        status = assay_diff_script(store, self->runs[0], self->runs[i], &self->scripts[i]);
    assay_store_close(store);
    return status;
}

static void free_scripts(char **scripts, size_t count)
{
    for (size_t i = 0; scripts && i < count; i++)
        free(scripts[i]);
    free(scripts);
}

static void forget_reading(struct reading *self)
{
    free_scripts(self->scripts, self->run_count);
    assay_diff_free(self->diff);
    free(self->database);
    free(self->runs);
}

static void forget_items(struct compare *self)
{
    for (size_t i = 0; i < self->list.count; i++)
        free(self->items[i].text);
    free(self->items);
    self->items = NULL;
    self->list.count = 0;
}

static int fill(struct compare *self);

static void take(struct compare *self, struct reading *reading)
{
    size_t cursor = self->list.cursor;
    free(self->trouble);
    self->trouble = NULL;
    if (reading->job.status != ASSAY_OK) {
        if (self->diff)
            tui_failed(self->view.tui);
        else
            self->trouble = strdup(reading->job.message);
        return;
    }
    forget_items(self);
    free_scripts(self->scripts, self->run_count);
    assay_diff_free(self->diff);
    self->diff = reading->diff;
    self->scripts = reading->scripts;
    reading->diff = NULL;
    reading->scripts = NULL;
    self->view.live = false;
    for (size_t i = 0; i < self->diff->count; i++)
        self->view.live = self->view.live || self->diff->runs[i].state <= ASSAY_RUN_RUNNING;
    self->list.cursor = cursor;
    if (fill(self) != ASSAY_OK)
        tui_failed(self->view.tui);
}

static int start_reading(struct compare *self);

static void was_compared(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct compare *self = (struct compare *)view;
    if (self) {
        bool again = self->again;
        self->reading = self->again = false;
        take(self, (struct reading *)job);
        if (again && start_reading(self) != ASSAY_OK)
            tui_failed(tui);
    }
    forget_reading((struct reading *)job);
}

static int start_reading(struct compare *self)
{
    if (self->reading) {
        self->again = true;
        return ASSAY_OK;
    }
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    reading->job.work = compare_runs;
    reading->job.done = was_compared;
    reading->job.view = self->view.serial;
    reading->take = self->take;
    memcpy(reading->by, self->by, sizeof reading->by);
    reading->run_count = self->run_count;
    reading->database = strdup(tui_database(self->view.tui));
    reading->runs = malloc(self->run_count * sizeof *reading->runs);
    reading->scripts = calloc(self->run_count, sizeof *reading->scripts);
    if (!reading->database || !reading->runs || !reading->scripts) {
        forget_reading(reading);
        free(reading);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    memcpy(reading->runs, self->runs, self->run_count * sizeof *reading->runs);
    self->reading = true;
    return tui_aside(self->view.tui, &reading->job);
}

/* ---- the list ---- */

static int add(struct compare *self, enum kind kind, size_t index, const char *text, size_t length)
{
    struct item *grown = realloc(self->items, (self->list.count + 1) * sizeof *grown);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    self->items = grown;
    grown[self->list.count++] = (struct item){kind, index, text ? strndup(text, length) : NULL};
    return ASSAY_OK;
}

static int add_heading(struct compare *self, const char *text)
{
    return add(self, HEADING, 0, text, strlen(text));
}

/* The largest difference from the base, and the smallest p, of any run. */
static double sort_key(const struct compare *self, const assay_diff_measure *measure)
{
    double key = self->sorting == BY_P ? INFINITY : -1;
    for (size_t i = 1; i < self->diff->count; i++) {
        const assay_interval *d = &measure->difference[i];
        if (!d->n)
            continue;
        if (self->sorting == BY_P)
            key = fmin(key, isnan(d->p) ? INFINITY : d->p);
        else
            key = fmax(key, fabs(d->estimate));
    }
    return self->sorting == BY_P ? key : -key;
}

static bool comes_before(const struct compare *self, size_t a, size_t b)
{
    const assay_diff_measure *x = &self->diff->measures[a], *y = &self->diff->measures[b];
    if (self->sorting == BY_ORDER)
        return a < b;
    if (self->sorting == BY_NAME)
        return strcmp(x->name, y->name) < 0;
    return sort_key(self, x) < sort_key(self, y);
}

/* Insertion keeps the order of equals; there are few measures. */
static int add_measures(struct compare *self)
{
    size_t n = self->diff->measure_count;
    size_t *order = malloc((n + 1) * sizeof *order);
    int status = order ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t i = 0; order && i < n; i++) {
        size_t at = i;
        for (; at > 0 && comes_before(self, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        status = add(self, MEASURE, order[self->reversed ? n - 1 - i : i], NULL, 0);
    free(order);
    return status;
}

static int add_script(struct compare *self, const char *text)
{
    int status = ASSAY_OK;
    while (*text && status == ASSAY_OK) {
        size_t length = strcspn(text, "\n");
        status = add(self, SCRIPT, 0, text, length);
        text += length + (text[length] == '\n');
    }
    return status;
}

static int fill(struct compare *self)
{
    static const char *const takes[] = {"last", "mean", "min", "max"};
    char text[768];
    size_t cursor = self->list.cursor;
    forget_items(self);
    snprintf(text, sizeof text, "%s",
        self->diff->setting_count ? "What differs"
                                  : "No setting, parameter, script or "
                                    "version differs");
    int status = add_heading(self, text);
    for (size_t i = 0; i < self->diff->setting_count && status == ASSAY_OK; i++)
        status = add(self, SETTING, i, NULL, 0);
    snprintf(text, sizeof text, "Measures: means over replicates of each cell's %s value%s%s%s%s",
        takes[self->take], *self->by ? ", by " : "", self->by,
        self->sorting || self->reversed ? ", sorted by " : "",
        self->sorting || self->reversed ? sortings[self->sorting] : "");
    if (status == ASSAY_OK)
        status = add_heading(self, text);
    if (status == ASSAY_OK)
        status = add_measures(self);
    if (self->diff->same_count && status == ASSAY_OK) {
        snprintf(text, sizeof text, "%zu %s the same in all, cell by cell", self->diff->same_count,
            self->diff->same_count == 1 ? "measure is" : "measures are");
        status = add(self, SCRIPT, 0, text, strlen(text));
    }
    for (size_t i = 1; i < self->diff->count && status == ASSAY_OK; i++) {
        if (!*self->scripts[i])
            continue;
        snprintf(text, sizeof text, "Script of run %lld", (long long)self->diff->runs[i].id);
        status = add_heading(self, text);
        if (status == ASSAY_OK)
            status = add_script(self, self->scripts[i]);
    }
    self->list.cursor = cursor;
    tui_list_resize(&self->list, self->list.count);
    self->detail_known = false;
    return status;
}

/* ---- the view ---- */

static int load(struct tui_view *view)
{
    struct compare *self = (struct compare *)view;
    bool due = view->live || (!self->diff && !self->trouble);
    return due && tui_store(view->tui) ? start_reading(self) : ASSAY_OK;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct compare *self = (struct compare *)view;
    if (!tui_store(view->tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet, and no run");
    if (target->run_count < 2 || target->run_count > ASSAY_DIFF_MOST)
        return assay_fail(
            ASSAY_EINVAL, "2 to %d runs are compared, got %zu", ASSAY_DIFF_MOST, target->run_count);
    self->runs = malloc(target->run_count * sizeof *self->runs);
    if (!self->runs)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    memcpy(self->runs, target->runs, target->run_count * sizeof *self->runs);
    self->run_count = target->run_count;
    self->first = 1;
    view->list = &self->list;
    return ASSAY_OK;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    const struct compare *self = (struct compare *)view;
    return self->run_count == target->run_count &&
           memcmp(self->runs, target->runs, self->run_count * sizeof *self->runs) == 0;
}

static void close_view(struct tui_view *view)
{
    struct compare *self = (struct compare *)view;
    forget_items(self);
    tui_detail_clear(&self->detail);
    free_scripts(self->scripts, self->run_count);
    assay_diff_free(self->diff);
    free(self->runs);
    free(self->trouble);
}

/* ---- drawing ---- */

/* Columns: the names, the base, then as many other runs as there is room for. */
struct columns {
    int name, run;
    size_t count; /* of the other runs */
};

static struct columns lay_out(struct compare *self, int cols)
{
    struct columns c = {NAMES, 0, self->diff->count - 1};
    for (size_t i = 0; i < self->diff->measure_count; i++) {
        const assay_diff_measure *m = &self->diff->measures[i];
        int width = 1 + tui_width(m->name) + (*m->group ? 1 + tui_width(m->group) : 0);
        c.name = width > c.name ? width : c.name;
    }
    c.name = c.name > cols / 3 ? cols / 3 : c.name;
    size_t most = (size_t)((cols - 2 - c.name) / 20);
    c.count = most < 2 ? 1 : c.count < most ? c.count : most - 1;
    c.run = (cols - 2 - c.name) / (int)(c.count + 1);
    c.run = c.run > 32 ? 32 : c.run;
    if (self->first + c.count > self->diff->count)
        self->first = self->diff->count - c.count;
    return c;
}

/* The run in a column: 0 is the base. */
static size_t run_in(const struct compare *self, size_t column)
{
    return column ? self->first + column - 1 : 0;
}

static void draw_heads(struct compare *self, struct columns c, int y)
{
    for (size_t i = 0; i <= c.count; i++) {
        size_t run = run_in(self, i);
        int x = 2 + c.name + (int)i * c.run;
        tui_putf(y, x + 1, c.run - 2, TUI_BOLD, "run %lld%s", (long long)self->diff->runs[run].id,
            i ? "" : " (base)");
        tui_put(y + 1, x + 1, c.run - 2, TUI_SERIES + (int)run % TUI_SERIES_COUNT,
            self->diff->labels[run]);
    }
    if (c.count + 1 < self->diff->count)
        tui_putf(y, 2, c.name, TUI_DIM, "h/l: %zu more", self->diff->count - 1 - c.count);
}

static void draw_setting(
    struct compare *self, const assay_diff_setting *setting, struct columns c, int y, int mark)
{
    tui_put(y, 2, c.name, TUI_NORMAL | mark, setting->name);
    for (size_t i = 0; i <= c.count; i++) {
        const char *value = setting->values[run_in(self, i)];
        tui_put(y, 3 + c.name + (int)i * c.run, c.run - 2, (value ? TUI_NORMAL : TUI_DIM) | mark,
            value ? value : "-");
    }
}

/* The highest and the lowest mean get a mark: which of them is best is the reader's to say. */
static const char *extreme(const struct compare *self, const assay_diff_measure *m, size_t run)
{
    bool highest = m->mean[run].n > 0, lowest = highest;
    for (size_t i = 0; i < self->diff->count; i++) {
        highest = highest && !(m->mean[i].n && m->mean[i].estimate > m->mean[run].estimate);
        lowest = lowest && !(m->mean[i].n && m->mean[i].estimate < m->mean[run].estimate);
    }
    if (highest == lowest)
        return " ";
    return tui_glyph(highest ? TUI_ASCENDING : TUI_DESCENDING);
}

static void draw_measure(
    struct compare *self, const assay_diff_measure *m, struct columns c, int y, int mark)
{
    char mean[TUI_SHORT], difference[TUI_SHORT];
    int x = tui_put(y, 2, c.name - 1, TUI_NORMAL | mark, m->name);
    if (*m->group)
        tui_putf(y, 3 + x, c.name - x - 2, TUI_DIM | mark, "%s", m->group);
    for (size_t i = 0; i <= c.count; i++) {
        size_t run = run_in(self, i);
        const assay_interval *d = &m->difference[run];
        bool clear = run && d->n && m->p_holm[run] < 0.05;
        x = 2 + c.name + (int)i * c.run;
        tui_format_estimate(m->mean[run].n ? m->mean[run].estimate : NAN, mean);
        tui_put(y, x, 1, TUI_KEY | mark, extreme(self, m, run));
        x += 1 + tui_put(y, x + 1, c.run - 2, TUI_NORMAL | mark, mean);
        if (!run || !d->n)
            continue;
        tui_format_estimate(d->estimate, difference);
        tui_putf(y, x + 1, 2 + c.name + (int)(i + 1) * c.run - x - 2,
            (clear ? TUI_BOLD : TUI_DIM) | mark, "(%s%s)", d->estimate > 0 ? "+" : "", difference);
    }
}

static int script_style(const char *text)
{
    return *text == '+' ? TUI_GOOD : *text == '-' ? TUI_BAD : *text == '@' ? TUI_KEY : TUI_NORMAL;
}

static void draw_item(struct compare *self, size_t index, struct columns c, int y, int cols)
{
    const struct item *item = &self->items[index];
    int mark = index == self->list.cursor ? TUI_SELECTED : 0;
    tui_blank(y, 0, cols, TUI_NORMAL | mark);
    if (mark)
        tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
    if (item->kind == SETTING)
        draw_setting(self, &self->diff->settings[item->index], c, y, mark);
    else if (item->kind == MEASURE)
        draw_measure(self, &self->diff->measures[item->index], c, y, mark);
    else
        tui_put(y, item->kind == HEADING ? 1 : 2, cols - 2,
            (item->kind == HEADING ? TUI_TITLE : script_style(item->text)) | mark, item->text);
}

/* ---- the line under the cursor, in full ---- */

static void describe_setting(struct compare *self, const assay_diff_setting *setting)
{
    tui_detail_add(&self->detail, TUI_BOLD, 0, "%s: %s", setting->kind, setting->name);
    for (size_t i = 0; i < self->diff->count; i++)
        tui_detail_add(&self->detail, TUI_NORMAL, 4, "run %lld: %s",
            (long long)self->diff->runs[i].id, setting->values[i] ? setting->values[i] : "none");
}

static void interval_text(const assay_interval *x, char out[4 * TUI_SHORT])
{
    char estimate[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT];
    tui_format_estimate(x->n ? x->estimate : NAN, estimate);
    tui_format_estimate(x->low, low);
    tui_format_estimate(x->high, high);
    if (x->n && isfinite(x->low))
        snprintf(out, 4 * TUI_SHORT, "%s [%s, %s]", estimate, low, high);
    else
        snprintf(out, 4 * TUI_SHORT, "%s", estimate);
}

static void describe_measure(struct compare *self, const assay_diff_measure *m)
{
    char mean[4 * TUI_SHORT], difference[4 * TUI_SHORT], p[TUI_SHORT], holm[TUI_SHORT];
    tui_detail_add(&self->detail, TUI_BOLD, 0, "%s%s%s, with 95 %% intervals", m->name,
        *m->group ? ", " : "", m->group);
    for (size_t i = 0; i < self->diff->count; i++) {
        const assay_interval *d = &m->difference[i];
        interval_text(&m->mean[i], mean);
        interval_text(d, difference);
        tui_format_estimate(d->p, p);
        tui_format_estimate(m->p_holm[i], holm);
        if (!i || !d->n)
            tui_detail_add(&self->detail, TUI_NORMAL, 4, "run %lld: %s",
                (long long)self->diff->runs[i].id, mean);
        else
            tui_detail_add(&self->detail, m->p_holm[i] < 0.05 ? TUI_BOLD : TUI_NORMAL, 4,
                "run %lld: %s  less base: %s  p %s, Holm %s (%s, n %zu)",
                (long long)self->diff->runs[i].id, mean, difference, p, holm,
                self->diff->paired[i] && !self->diff->unmatched ? "paired t" : "Welch's t", d->n);
    }
    for (size_t i = 0; i < self->diff->count; i++)
        if (self->diff->runs[i].cells_done < self->diff->runs[i].cells) {
            tui_detail_add(&self->detail, TUI_WARN, 0,
                "Run %lld lacks cells: paired differences are over the cells that both runs have.",
                (long long)self->diff->runs[i].id);
            break;
        }
    if (self->diff->unmatched)
        tui_detail_add(&self->detail, TUI_WARN, 0,
            "Some measures have no cells in common: all cells of each run count for them.");
}

static void describe(struct compare *self)
{
    const struct item *item = &self->items[self->list.cursor];
    int skip = self->detailed == self->list.cursor ? self->detail.skip : 0;
    tui_detail_clear(&self->detail);
    self->detail.skip = skip;
    self->detailed = self->list.cursor;
    self->detail_known = true;
    if (item->kind == SETTING)
        describe_setting(self, &self->diff->settings[item->index]);
    else if (item->kind == MEASURE)
        describe_measure(self, &self->diff->measures[item->index]);
    else
        tui_detail_add(&self->detail, TUI_DIM, 0,
            "f: their figures in one   o: sort the measures   :by NAME: a line for each value   "
            ":take mean: of a cell's rows   w: the measures as CSV (:write FILE.tex: LaTeX)");
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct compare *self = (struct compare *)view;
    if (!self->diff) {
        tui_put_wrapped((struct tui_area){area.y + 1, 2, area.rows - 1, area.cols - 4}, 0,
            TUI_NORMAL, self->trouble ? self->trouble : "Comparing the runs...");
        return;
    }
    struct columns c = lay_out(self, area.cols);
    int below = (int)self->diff->count + 3, most = area.rows / 3;
    below = below > most ? most : below;
    int lines = area.rows - 2 - below;
    draw_heads(self, c, area.y);
    struct tui_area body = {area.y + 2, 0, area.rows - 2, area.cols};
    lines = tui_split(view, body, false, lines);
    below = body.rows - lines;
    tui_list_show(&self->list, (size_t)lines);
    tui_zone(view, TUI_ZONE_ROWS, (struct tui_area){body.y, 0, lines, area.cols}, 0);
    for (int row = 0; row < lines && self->list.top + (size_t)row < self->list.count; row++)
        draw_item(self, self->list.top + (size_t)row, c, area.y + 2 + row, area.cols);
    if (!self->detail_known || self->detailed != self->list.cursor)
        describe(self);
    tui_detail_draw(
        &self->detail, (struct tui_area){area.y + 3 + lines, 1, below - 1, area.cols - 2});
}

/* ---- a file ---- */

/* Named after the runs unless a path says otherwise. */
static int write_table(struct compare *self, const char *path)
{
    char name[256] = "compare";
    assay_table *table = NULL;
    if (!self->diff || !self->diff->measure_count)
        return assay_fail(ASSAY_ENOTFOUND, "there are no measures to write");
    for (size_t i = 0; i < self->diff->count; i++) {
        size_t used = strlen(name);
        snprintf(name + used, sizeof name - used - strlen(".csv"), "-%lld",
            (long long)self->diff->runs[i].id);
    }
    strcat(name, ".csv");
    path = path && *path ? path : name;
    int status = assay_diff_table(self->diff, &table);
    if (status == ASSAY_OK)
        status = assay_tabulate_file(table, path);
    assay_table_free(table);
    if (status == ASSAY_OK)
        tui_say(self->view.tui, TUI_GOOD, "wrote %s", path);
    return status;
}

/* ---- keys ---- */

static void resort(struct compare *self)
{
    if (self->diff && fill(self) != ASSAY_OK)
        tui_failed(self->view.tui);
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct compare *self = (struct compare *)view;
    switch (request) {
    case TUI_SORT:
        self->sorting = (self->sorting + 1) % SORTINGS;
        resort(self);
        return true;
    case TUI_REVERSE:
        self->reversed = !self->reversed;
        resort(self);
        return true;
    case TUI_BESIDE_RIGHT:
        self->first += self->first + 1 < self->run_count;
        return true;
    case TUI_BESIDE_LEFT:
        self->first -= self->first > 1;
        return true;
    case TUI_WRITE:
        if (write_table(self, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    case TUI_REFRESH:
        if (start_reading(self) != ASSAY_OK)
            tui_failed(view->tui);
        return false; /* and all else */
    default:
        return tui_detail_request(&self->detail, request);
    }
}

static int sort_by(struct compare *self, const char *name)
{
    for (int i = 0; i < SORTINGS; i++)
        if (strcmp(sortings[i], name) == 0) {
            self->sorting = (enum sorting)i;
            resort(self);
            return ASSAY_OK;
        }
    return assay_fail(
        ASSAY_EINVAL, "measures are sorted by order, name, difference or p, got \"%s\"", name);
}

static int group_by(struct compare *self, const char *names)
{
    if (strlen(names) >= sizeof self->by)
        return assay_fail(ASSAY_EINVAL, "by: that is too long");
    snprintf(self->by, sizeof self->by, "%s", names);
    return start_reading(self);
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct compare *self = (struct compare *)view;
    if (strcmp(name, "sort") == 0 && *argument) {
        *status = sort_by(self, argument);
    } else if (strcmp(name, "by") == 0) {
        *status = group_by(self, argument);
    } else if (strcmp(name, "write") == 0) {
        *status = write_table(self, argument);
    } else if (strcmp(name, "take") == 0) {
        *status = assay_diff_take_parse(argument, &self->take);
        if (*status == ASSAY_OK)
            *status = start_reading(self);
    } else {
        return false;
    }
    return true;
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct compare *self = (struct compare *)view;
    const struct item *item = &self->items[index];
    if (item->kind == SETTING)
        snprintf(out, size, "%s %s", self->diff->settings[item->index].kind,
            self->diff->settings[item->index].name);
    else if (item->kind == MEASURE)
        snprintf(out, size, "%s %s", self->diff->measures[item->index].name,
            self->diff->measures[item->index].group);
    else
        snprintf(out, size, "%s", item->text);
    return out;
}

static const int64_t *runs(struct tui_view *view, size_t *count)
{
    const struct compare *self = (struct compare *)view;
    *count = self->run_count;
    return self->runs;
}

/* The parameters of the first of the runs. */
static void add_params(const struct compare *self, struct tui_words *words)
{
    assay_run_info info;
    if (!self->run_count ||
        assay_store_run_get(tui_store(self->view.tui), self->runs[0], &info) != ASSAY_OK)
        return;
    json_t *params = json_loads(info.params, 0, NULL);
    tui_words_add_keys(words, params, "");
    json_decref(params);
    assay_run_info_clear(&info);
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    static const char *const own[] = {"sort", "by", "write", "take", NULL};
    static const char *const takes[] = {"last", "mean", "min", "max", NULL};
    const struct compare *self = (const struct compare *)view;
    if (!*name)
        tui_words_add_all(words, own);
    else if (strcmp(name, "sort") == 0)
        for (int i = 0; i < SORTINGS; i++)
            tui_words_add(words, sortings[i]);
    else if (strcmp(name, "take") == 0)
        tui_words_add_all(words, takes);
    else if (strcmp(name, "write") == 0)
        tui_words_add_files(words, argument);
    else if (strcmp(name, "by") == 0)
        add_params(self, words);
}

const struct view_ops tui_compare_view = {
    .name = "compare",
    .hint = "f:figures  o:sort  w:table  h/l:runs  J/K:scroll",
    .size = sizeof(struct compare),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .close = close_view,
    .shows = shows,
    .text = text,
    .runs = runs,
    .command = command,
    .words = words,
};
