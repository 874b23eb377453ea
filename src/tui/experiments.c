/*
 * The experiments: those that were found, each with how its last run went and what its claims came
 * to; the declaration of the one under the cursor stands below the list, or beside it on a wide
 * screen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/declaration.h"
#include "tui/format.h"
#include "tui/view.h"

struct experiment {
    const assay_found *found; /* the frame's */
    char *title;
    bool ran;
    assay_run_info last;
    assay_claim_list claims;
};

struct experiments {
    struct tui_view view;
    struct tui_list list;
    struct experiment *items;
    struct tui_detail detail;
    size_t detailed; /* the item that the detail is of */
    bool detail_known;
};

static void clear_items(struct experiments *self)
{
    for (size_t i = 0; i < self->list.count; i++) {
        free(self->items[i].title);
        assay_run_info_clear(&self->items[i].last);
        assay_claim_list_clear(&self->items[i].claims);
    }
    free(self->items);
    self->items = NULL;
    self->list.count = 0;
    self->detail_known = false;
}

static int compare_items(const void *left, const void *right)
{
    const assay_found *a = ((const struct experiment *)left)->found;
    const assay_found *b = ((const struct experiment *)right)->found;
    int order = strcmp(a->family, b->family);
    return order ? order : strcmp(a->name, b->name);
}

/* The last run, and the verdicts of the last one whose claims were checked, among a few. */
static int load_last_run(struct experiments *self, struct experiment *item)
{
    assay_store *store = tui_store(self->view.tui);
    assay_run_list runs = {0};
    if (!store)
        return ASSAY_OK;
    int status = assay_store_run_list(store, item->found->name, 8, 0, &runs);
    for (size_t i = 0; i < runs.count && status == ASSAY_OK && !item->claims.count; i++)
        status = assay_store_claims_get(store, runs.runs[i].id, &item->claims);
    if (runs.count) {
        item->last = runs.runs[0];
        item->ran = true;
        runs.runs[0] = (assay_run_info){0}; /* taken over */
    }
    assay_run_list_free(&runs);
    return status;
}

static int load(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    const assay_found_list *found = tui_found(view->tui);
    size_t cursor = self->list.cursor;
    int status = ASSAY_OK;
    int skip = self->detail.skip;
    clear_items(self);
    view->live = false;
    if (!found || !found->count)
        return ASSAY_OK;
    self->items = calloc(found->count, sizeof *self->items);
    if (!self->items)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t i = 0; i < found->count; i++)
        self->items[i].found = &found->items[i];
    qsort(self->items, found->count, sizeof *self->items, compare_items);
    tui_list_resize(&self->list, found->count);
    self->list.cursor = cursor < found->count ? cursor : found->count - 1;
    for (size_t i = 0; i < found->count && status == ASSAY_OK; i++) {
        struct experiment *item = &self->items[i];
        json_t *declaration =
            item->found->describe ? json_loads(item->found->describe, 0, NULL) : NULL;
        item->title = strdup(declaration ? tui_declared_text(declaration, "title") : "");
        json_decref(declaration);
        status = load_last_run(self, item);
        view->live = view->live || (item->ran && item->last.state <= ASSAY_RUN_RUNNING);
    }
    if (self->detailed == self->list.cursor)
        self->detail.skip = skip;
    return status;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    (void)target;
    view->list = &((struct experiments *)view)->list;
    return ASSAY_OK;
}

static void close_view(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    clear_items(self);
    tui_detail_clear(&self->detail);
}

static struct experiment *current(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    return self->list.count ? &self->items[self->list.cursor] : NULL;
}

/* ---- drawing ---- */

/* Columns: family, name, title, last run, claims. */
struct widths {
    int family, name, title, last, claims;
};

static struct widths measure(const struct experiments *self, int cols)
{
    struct widths w = {6, 10, 0, 20, 6};
    for (size_t i = 0; i < self->list.count; i++) {
        int family = tui_width(self->items[i].found->family),
            name = tui_width(self->items[i].found->name);
        int claims = (int)self->items[i].claims.count;
        w.family = family > w.family ? family : w.family;
        w.name = name > w.name ? name : w.name;
        w.claims = claims > w.claims ? claims : w.claims;
    }
    w.family = w.family > 12 ? 12 : w.family;
    w.name = w.name > 20 ? 20 : w.name;
    w.claims = w.claims > 12 ? 12 : w.claims;
    w.title = cols - 2 - w.family - w.name - w.last - w.claims - 5;
    return w;
}

static void draw_last(
    struct tui_view *view, const struct experiment *item, int y, int x, int width, int mark)
{
    char ago[TUI_SHORT];
    if (item->found->error) {
        tui_put(y, x, width, TUI_BAD | mark, "does not load");
    } else if (!item->ran) {
        tui_put(y, x, width, TUI_DIM | mark, "never run");
    } else {
        const assay_run_info *run = &item->last;
        int used = tui_put(
            y, x, width, tui_run_style(run->state) | mark, assay_run_state_name(run->state));
        if (run->state == ASSAY_RUN_RUNNING)
            snprintf(ago, sizeof ago, "%.0f%%", 100 * tui_run_fraction(run));
        else
            tui_format_ago(
                run->finished > 0 ? run->finished : run->created, tui_now(view->tui), ago);
        tui_put(y, x + used + 1, width - used - 1, TUI_DIM | mark, ago);
    }
}

static void draw_row(struct tui_view *view, const struct experiment *item, struct widths w, int y,
    int x, int cols, bool here)
{
    int mark = here ? TUI_SELECTED : 0;
    tui_blank(y, x, cols, TUI_NORMAL | mark);
    if (here)
        tui_put(y, x, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
    x += 2;
    tui_put(y, x, w.family, TUI_DIM | mark, item->found->family);
    tui_put(y, x += w.family + 1, w.name, TUI_BOLD | mark, item->found->name);
    tui_put(y, x += w.name + 1, w.title, TUI_NORMAL | mark, item->title ? item->title : "");
    draw_last(view, item, y, x += w.title + 1, w.last, mark);
    x += w.last + 1;
    bool more = item->claims.count > (size_t)w.claims;
    for (int i = 0; i < w.claims - more && (size_t)i < item->claims.count; i++) {
        const char *verdict = item->claims.claims[i].verdict;
        tui_put(y, x + i, 1, tui_verdict_style(verdict) | mark, tui_verdict_mark(verdict));
    }
    if (more)
        tui_put(y, x + w.claims - 1, 1, TUI_DIM | mark, tui_glyph(TUI_ELLIPSIS));
}

static void draw_list(struct tui_view *view, struct tui_area area)
{
    struct experiments *self = (struct experiments *)view;
    struct widths w = measure(self, area.cols);
    int x = area.x + 2;
    tui_put(area.y, x, w.family, TUI_DIM, "FAMILY");
    tui_put(area.y, x += w.family + 1, w.name, TUI_DIM, "EXPERIMENT");
    tui_put(area.y, x += w.name + 1, w.title, TUI_DIM, "TITLE");
    tui_put(area.y, x += w.title + 1, w.last, TUI_DIM, "LAST RUN");
    tui_put(area.y, x + w.last + 1, w.claims, TUI_DIM, "CLAIMS");
    tui_list_show(&self->list, (size_t)(area.rows - 1));
    for (int row = 0; row < area.rows - 1 && self->list.top + (size_t)row < self->list.count;
         row++) {
        size_t i = self->list.top + (size_t)row;
        draw_row(
            view, &self->items[i], w, area.y + 1 + row, area.x, area.cols, i == self->list.cursor);
    }
}

static void describe_last(struct tui_detail *detail, const struct experiment *item)
{
    char date[TUI_SHORT], elapsed[TUI_SHORT], rows[TUI_SHORT];
    if (!item->ran) {
        tui_detail_add(
            detail, TUI_NORMAL, 0, "Never run: Enter opens its parameters, and s starts it.");
        return;
    }
    tui_format_date(item->last.created, date);
    tui_format_duration(item->last.elapsed, elapsed);
    tui_format_count(item->last.rows, rows);
    tui_detail_add(detail, tui_run_style(item->last.state), 2,
        "Last run: %lld, %s, %s, %lld of %lld cells, %s rows, %s", (long long)item->last.id,
        assay_run_state_name(item->last.state), date, (long long)item->last.cells_done,
        (long long)item->last.cells, rows, elapsed);
}

static void describe(struct experiments *self, const struct experiment *item)
{
    int skip = self->detail.skip;
    bool same = self->detailed == self->list.cursor;
    tui_detail_clear(&self->detail);
    self->detail.skip = same ? skip : 0;
    self->detailed = self->list.cursor;
    self->detail_known = true;
    if (item->found->error) {
        tui_detail_add(&self->detail, TUI_BAD, 0, "%s", item->found->error);
        tui_detail_add(&self->detail, TUI_DIM, 2, "%s", item->found->path);
        return;
    }
    json_t *declaration = item->found->describe ? json_loads(item->found->describe, 0, NULL) : NULL;
    tui_detail_add(&self->detail, TUI_TITLE, 0, "%s", item->title ? item->title : "");
    if (*tui_declared_text(declaration, "description"))
        tui_detail_add(
            &self->detail, TUI_NORMAL, 0, "%s", tui_declared_text(declaration, "description"));
    describe_last(&self->detail, item);
    tui_detail_claims(&self->detail, declaration, &item->claims);
    tui_detail_params(&self->detail, declaration);
    tui_detail_add(&self->detail, TUI_DIM, 2, "%s", item->found->path);
    json_decref(declaration);
}

static void draw_detail(struct tui_view *view, struct tui_area area)
{
    struct experiments *self = (struct experiments *)view;
    if (!self->detail_known || self->detailed != self->list.cursor)
        describe(self, current(view));
    tui_detail_draw(&self->detail, area);
}

static void draw_empty(struct tui_view *view, struct tui_area area)
{
    static const char nothing[] =
        "No experiments were found in ./experiments, in your own directory "
        "(~/.local/share/assay/experiments) or among the installed ones.\n\n"
        "  assay new NAME    writes a documented one that runs\n"
        "  R                 looks again\n"
        "  r                 the runs of the database";
    const char *error = tui_found_error(view->tui);
    struct tui_area inner = {area.y + 1, area.x + 2, area.rows - 1, area.cols - 4};
    if (!tui_found(view->tui))
        tui_put(inner.y, inner.x, inner.cols, TUI_DIM, "Looking for experiments...");
    else if (error)
        tui_put_wrapped(inner, 0, TUI_BAD, error);
    else
        tui_put_wrapped(inner, 0, TUI_NORMAL, nothing);
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct experiments *self = (struct experiments *)view;
    struct tui_area list = area, detail = area;
    if (!self->list.count) {
        draw_empty(view, area);
        return;
    }
    if (area.cols >= 120) {
        list.cols = area.cols * 3 / 5;
        detail.x = list.cols + 2;
        detail.cols = area.cols - detail.x;
        for (int y = area.y; y < area.y + area.rows; y++)
            tui_fill(y, list.cols, 1, TUI_DIM, TUI_VLINE);
    } else {
        int wanted = (int)self->list.count + 1, half = area.rows / 2;
        list.rows = wanted < half ? wanted : half;
        detail.y = list.rows + 1;
        detail.rows = area.rows - detail.y;
        tui_fill(list.rows, area.x, area.cols, TUI_DIM, TUI_HLINE);
    }
    draw_list(view, list);
    draw_detail(view, detail);
}

/* ---- keys ---- */

static bool key(struct tui_view *view, enum tui_request request)
{
    return tui_detail_request(&((struct experiments *)view)->detail, request);
}

static void select_item(struct tui_view *view)
{
    struct experiment *item = current(view);
    if (!item)
        return;
    if (item->found->error)
        tui_say(view->tui, TUI_BAD, "%s", item->found->error);
    else if (tui_open(view->tui, &tui_form_view, &(struct tui_target){.name = item->found->name}))
        tui_failed(view->tui);
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct experiment *item = &((struct experiments *)view)->items[index];
    snprintf(out, size, "%s %s %s %s", item->found->family, item->found->name,
        item->title ? item->title : "",
        item->found->error ? "does not load"
        : item->ran        ? assay_run_state_name(item->last.state)
                           : "never run");
    return out;
}

static int64_t run(struct tui_view *view)
{
    const struct experiment *item = current(view);
    return item && item->ran ? item->last.id : 0;
}

static const char *experiment(struct tui_view *view)
{
    const struct experiment *item = current(view);
    return item ? item->found->name : NULL;
}

const struct view_ops tui_experiments_view = {
    .name = "experiments",
    .hint = "Enter:parameters  r:runs  f:figure",
    .size = sizeof(struct experiments),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .select = select_item,
    .close = close_view,
    .text = text,
    .run = run,
    .experiment = experiment,
};
