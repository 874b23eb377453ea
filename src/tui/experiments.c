/*
 * The experiments: those that were found, by family, each with how its last run went and what its
 * claims came to; the declaration of the one under the cursor stands below the list, or beside it
 * on a wide screen. Families fold; a filter and another order make one flat list of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/catalogue.h"
#include "tui/declaration.h"
#include "tui/format.h"
#include "tui/glance.h"
#include "tui/view.h"
#include "tui/words.h"

struct experiment {
    const assay_found *found; /* the frame's */
    char *title;
    bool ran;
    assay_run_info last;
    assay_claim_list claims;
};

enum sorting { BY_FAMILY, BY_NAME, BY_LAST_RUN, BY_STATE, SORTINGS };
static const char *const sortings[SORTINGS] = {"family", "name", "last", "state"};

enum { MOST_FOLDED = 32, LEAST_FIGURE = 12 /* rows */ };

struct experiments {
    struct tui_view view;
    struct tui_list list; /* of lines */
    struct experiment *items;
    size_t item_count;
    /* A line is an item's index, or that of the first of a family, whose heading it is. */
    struct line {
        size_t item;
        bool heading;
    } * lines;
    bool placed;    /* the cursor was put on the first experiment */
    char here[128]; /* the experiment under the cursor, as it was drawn last */
    enum sorting sorting;
    bool reversed;
    char filter[256];
    char *folded[MOST_FOLDED];
    size_t folded_count;
    struct tui_detail detail;
    size_t detailed; /* the item that the detail is of */
    bool detail_known;
    struct tui_glance glance; /* at the last run's figure, where there is room */
};

static void clear_items(struct experiments *self)
{
    for (size_t i = 0; i < self->item_count; i++) {
        free(self->items[i].title);
        assay_run_info_clear(&self->items[i].last);
        assay_claim_list_clear(&self->items[i].claims);
    }
    free(self->items);
    free(self->lines);
    self->items = NULL;
    self->lines = NULL;
    self->item_count = self->list.count = 0;
    self->detail_known = false;
}

/* ---- order, filter and folds ---- */

static double last_moment(const struct experiment *item)
{
    return item->ran ? item->last.created : 0;
}

static int state_rank(const struct experiment *item)
{
    return item->found->error ? -1 : item->ran ? (int)item->last.state : 100;
}

static int compare_items(const void *left, const void *right, void *context)
{
    const struct experiments *self = context;
    const struct experiment *a = left, *b = right;
    int order = 0;
    if (self->sorting == BY_FAMILY)
        order = strcmp(a->found->family, b->found->family);
    else if (self->sorting == BY_LAST_RUN)
        order = (last_moment(a) < last_moment(b)) - (last_moment(a) > last_moment(b));
    else if (self->sorting == BY_STATE)
        order = state_rank(a) - state_rank(b);
    if (self->reversed)
        order = -order;
    if (!order)
        order = strcmp(a->found->name, b->found->name);
    return order;
}

/* Besides names and title: the description, parameters and claims. */
static const char *declared(const struct experiment *item)
{
    return item->found->describe ? item->found->describe : "";
}

static bool passes(const struct experiments *self, const struct experiment *item)
{
    return !*self->filter || strcasestr(item->found->name, self->filter) ||
           strcasestr(item->found->family, self->filter) ||
           (item->title && strcasestr(item->title, self->filter)) ||
           strcasestr(declared(item), self->filter);
}

static size_t find_fold(const struct experiments *self, const char *family)
{
    size_t i = 0;
    while (i < self->folded_count && strcmp(self->folded[i], family) != 0)
        i++;
    return i;
}

static bool is_folded(const struct experiments *self, const char *family)
{
    return find_fold(self, family) < self->folded_count;
}

static void add_line(struct experiments *self, size_t item, bool heading)
{
    self->lines[self->list.count].item = item;
    self->lines[self->list.count++].heading = heading;
}

static int build_lines(struct experiments *self)
{
    const char *family = NULL;
    bool tree = self->sorting == BY_FAMILY && !*self->filter;
    if (self->item_count)
        qsort_r(self->items, self->item_count, sizeof *self->items, compare_items, self);
    free(self->lines);
    self->lines = calloc(2 * self->item_count + 1, sizeof *self->lines);
    self->list.count = 0;
    self->detail_known = false;
    if (!self->lines)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t i = 0; i < self->item_count; i++) {
        const char *now = self->items[i].found->family;
        if (!passes(self, &self->items[i]))
            continue;
        if (tree && (!family || strcmp(now, family) != 0))
            add_line(self, i, true);
        family = now;
        if (!tree || !is_folded(self, now))
            add_line(self, i, false);
    }
    tui_list_resize(&self->list, self->list.count);
    return ASSAY_OK;
}

/* On the experiment of that name, wherever it stands now. */
static void put_cursor(struct experiments *self, const char *name)
{
    for (size_t i = 0; name && *name && i < self->list.count; i++)
        if (!self->lines[i].heading &&
            strcmp(self->items[self->lines[i].item].found->name, name) == 0) {
            self->list.cursor = i;
            return;
        }
    if (!self->placed && self->list.count > 1) {
        self->list.cursor = self->lines[0].heading;
        self->placed = true;
    }
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

static struct experiment *current(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    if (!self->list.count || self->lines[self->list.cursor].heading)
        return NULL;
    return &self->items[self->lines[self->list.cursor].item];
}

static int load_item(struct experiments *self, struct experiment *item)
{
    json_t *declaration = item->found->describe ? json_loads(item->found->describe, 0, NULL) : NULL;
    item->title = strdup(declaration ? tui_declared_text(declaration, "title") : "");
    json_decref(declaration);
    int status = load_last_run(self, item);
    self->view.live = self->view.live || (item->ran && item->last.state <= ASSAY_RUN_RUNNING);
    return status;
}

static int load(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    const assay_found_list *found = tui_found(view->tui);
    size_t cursor = self->list.cursor;
    int status = ASSAY_OK, skip = self->detail.skip;
    clear_items(self);
    view->live = false;
    if (found && found->count) {
        self->items = calloc(found->count, sizeof *self->items);
        status = self->items ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    for (size_t i = 0; found && self->items && i < found->count && status == ASSAY_OK; i++) {
        self->items[i].found = &found->items[i];
        self->item_count++;
        status = load_item(self, &self->items[i]);
    }
    if (status == ASSAY_OK && self->items)
        status = build_lines(self);
    self->list.cursor = cursor < self->list.count ? cursor : 0;
    put_cursor(self, self->here); /* what was found before may be gone with its names */
    if (self->detailed == self->list.cursor)
        self->detail.skip = skip;
    return status;
}

/* In the order in which it was left, else that of the configuration; families stay folded. */
static void begin(struct experiments *self)
{
    const json_t *kept = tui_recall(self->view.tui, self->view.ops, "list"), *family;
    const char *sort = json_string_value(json_object_get(kept, "sort"));
    size_t i;
    sort = sort ? sort : tui_configuration(self->view.tui)->experiments_sort;
    for (int s = 0; s < SORTINGS; s++)
        if (strcmp(sortings[s], sort) == 0)
            self->sorting = (enum sorting)s;
    self->reversed = json_is_true(json_object_get(kept, "reversed"));
    json_array_foreach(json_object_get(kept, "folded"), i, family)
    {
        if (!json_is_string(family) || self->folded_count == MOST_FOLDED)
            continue;
        self->folded[self->folded_count] = strdup(json_string_value(family));
        self->folded_count += self->folded[self->folded_count] != NULL;
    }
}

static void keep(struct experiments *self)
{
    json_t *folded = json_array();
    for (size_t i = 0; i < self->folded_count; i++)
        json_array_append_new(folded, json_string(self->folded[i]));
    tui_remember(self->view.tui, self->view.ops, "list",
        json_pack("{s:s, s:b, s:o}", "sort", sortings[self->sorting], "reversed", self->reversed,
            "folded", folded));
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    (void)target;
    view->list = &((struct experiments *)view)->list;
    begin((struct experiments *)view);
    return ASSAY_OK;
}

static void close_view(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    clear_items(self);
    tui_detail_clear(&self->detail);
    tui_glance_close(&self->glance);
    while (self->folded_count)
        free(self->folded[--self->folded_count]);
}

/* ---- drawing ---- */

/* Columns: family, name, title, last run, claims. */
struct widths {
    int family, name, title, last, claims;
};

static struct widths measure(const struct experiments *self, int cols)
{
    struct widths w = {0, 10, 0, 20, 6};
    bool tree = self->sorting == BY_FAMILY && !*self->filter;
    for (size_t i = 0; i < self->item_count; i++) {
        int family = tree ? 0 : tui_width(self->items[i].found->family),
            name = tui_width(self->items[i].found->name);
        int claims = (int)self->items[i].claims.count;
        w.family = family > w.family ? family : w.family;
        w.name = name > w.name ? name : w.name;
        w.claims = claims > w.claims ? claims : w.claims;
    }
    w.family = w.family > 12 ? 12 : w.family;
    w.name = w.name > 20 ? 20 : w.name;
    w.claims = w.claims > 12 ? 12 : w.claims;
    w.title = cols - 2 - w.family - w.name - w.last - w.claims - 6;
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
    tui_put(y, x += w.family + 2, w.name, TUI_BOLD | mark, item->found->name);
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

/* A family: its name, how many there are, and the verdicts of all of them. */
static void draw_family(struct experiments *self, size_t line, int y, int x, int cols)
{
    const char *family = self->items[self->lines[line].item].found->family;
    int mark = line == self->list.cursor ? TUI_SELECTED : 0;
    size_t count = 0, supported = 0, others = 0;
    for (size_t i = 0; i < self->item_count; i++) {
        const struct experiment *item = &self->items[i];
        if (strcmp(item->found->family, family) != 0)
            continue;
        count++;
        for (size_t c = 0; c < item->claims.count; c++)
            if (strcmp(item->claims.claims[c].verdict, "supported") == 0)
                supported++;
            else
                others++;
    }
    tui_blank(y, x, cols, TUI_NORMAL | mark);
    x += tui_put(
        y, x, 1, TUI_KEY | mark, tui_glyph(is_folded(self, family) ? TUI_RIGHT : TUI_DESCENDING));
    x += 1 + tui_putf(y, x + 1, cols - 2, TUI_TITLE | mark, "%s", *family ? family : "here");
    x += tui_putf(y, x, cols - x, TUI_DIM | mark, "  %zu", count);
    if (supported + others)
        tui_putf(y, x, cols - x, TUI_DIM | mark, "  %s%zu of %zu claims", tui_glyph(TUI_CHECK),
            supported, supported + others);
}

static void draw_list(struct tui_view *view, struct tui_area area)
{
    struct experiments *self = (struct experiments *)view;
    struct widths w = measure(self, area.cols);
    int x = area.x + 2;
    bool tree = self->sorting == BY_FAMILY && !*self->filter;
    tui_put(area.y, x, w.family, TUI_DIM, "FAMILY");
    x += tree ? 0 : w.family + 2;
    tui_put(area.y, tree ? x + 2 : x, w.name, TUI_DIM, "EXPERIMENT");
    x = area.x + 2 + w.family + 2;
    tui_put(area.y, x += w.name + 1, w.title, TUI_DIM, "TITLE");
    tui_put(area.y, x += w.title + 1, w.last, TUI_DIM, "LAST RUN");
    tui_put(area.y, x + w.last + 1, w.claims, TUI_DIM, "CLAIMS");
    tui_list_show(&self->list, (size_t)(area.rows - 1));
    tui_zone(
        view, TUI_ZONE_ROWS, (struct tui_area){area.y + 1, area.x, area.rows - 1, area.cols}, 0);
    for (int row = 0; row < area.rows - 1 && self->list.top + (size_t)row < self->list.count;
         row++) {
        size_t i = self->list.top + (size_t)row;
        if (self->lines[i].heading)
            draw_family(self, i, area.y + 1 + row, area.x, area.cols);
        else
            draw_row(view, &self->items[self->lines[i].item], w, area.y + 1 + row, area.x,
                area.cols, i == self->list.cursor);
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

/* The papers of the methods that it is about. */
static void describe_papers(struct tui_detail *detail, const json_t *declaration)
{
    json_t *methods = json_object_get(declaration, "method"), *one;
    json_t *list = json_is_array(methods) ? json_incref(methods) : json_pack("[O*]", methods);
    size_t i;
    json_array_foreach(list, i, one)
    {
        const assay_method *method;
        if (!json_is_string(one) || assay_method_find(json_string_value(one), &method) != ASSAY_OK)
            continue;
        tui_detail_add(detail, TUI_KEY, 2, "%s (%s, %d, arXiv %s)", method->paper.title,
            method->paper.authors, method->paper.year, method->paper.arxiv);
    }
    json_decref(list);
}

static void describe_family(struct experiments *self)
{
    const char *name = self->items[self->lines[self->list.cursor].item].found->family;
    for (size_t i = 0; i < assay_family_count(); i++)
        if (strcmp(assay_family_at(i)->name, name) == 0)
            tui_detail_add(&self->detail, TUI_TITLE, 0, "%s", assay_family_at(i)->title);
    tui_detail_add(&self->detail, TUI_DIM, 0, "Enter folds the family, and unfolds it.");
}

static void describe(struct experiments *self, const struct experiment *item)
{
    int skip = self->detail.skip;
    bool same = self->detailed == self->list.cursor;
    tui_detail_clear(&self->detail);
    self->detail.skip = same ? skip : 0;
    self->detailed = self->list.cursor;
    self->detail_known = true;
    if (!item) {
        describe_family(self);
        return;
    }
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
    describe_papers(&self->detail, declaration);
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
        "  C-l               looks again\n"
        "  r                 the runs of the database";
    const char *error = tui_found_error(view->tui);
    struct tui_area inner = {area.y + 1, area.x + 2, area.rows - 1, area.cols - 4};
    const struct experiments *self = (struct experiments *)view;
    if (self->item_count)
        tui_putf(inner.y, inner.x, inner.cols, TUI_NORMAL,
            "No experiment says \"%s\" anywhere; :filter alone shows all again.", self->filter);
    else if (!tui_found(view->tui))
        tui_put(inner.y, inner.x, inner.cols, TUI_DIM, "Looking for experiments...");
    else if (error)
        tui_put_wrapped(inner, 0, TUI_BAD, error);
    else
        tui_put_wrapped(inner, 0, TUI_NORMAL, nothing);
}

static struct tui_glance *glance_of(struct tui_view *view)
{
    return &((struct experiments *)view)->glance;
}

/* The last run's first figure below what is said of the experiment; what is left of the room. */
static struct tui_area draw_glance(struct tui_view *view, struct tui_area area)
{
    struct experiments *self = (struct experiments *)view;
    const struct experiment *item = current(view);
    int rows = area.rows * 2 / 5;
    struct tui_area figure = {area.y + area.rows - rows, area.x, rows, area.cols};
    bool ran = item && item->ran && rows >= LEAST_FIGURE;
    tui_glance_show(
        &self->glance, view, glance_of, ran ? item->last.id : 0, ran ? item->last.rows : 0);
    if (ran && tui_glance_draw(&self->glance, figure))
        area.rows -= rows;
    return area;
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
        list.cols = tui_split(view, area, true, area.cols * 3 / 5);
        detail.x = list.cols + 2;
        detail.cols = area.cols - detail.x;
        detail = draw_glance(view, detail);
    } else {
        int wanted = (int)self->list.count + 1, half = area.rows / 2;
        list.rows = tui_split(view, area, false, wanted < half ? wanted : half);
        detail.y = list.rows + 1;
        detail.rows = area.rows - detail.y;
    }
    draw_list(view, list);
    draw_detail(view, detail);
    snprintf(self->here, sizeof self->here, "%s", current(view) ? current(view)->found->name : "");
}

/* ---- keys ---- */

static void fold(struct experiments *self, bool folded)
{
    const char *family = self->items[self->lines[self->list.cursor].item].found->family;
    size_t at = find_fold(self, family);
    if (folded && at == self->folded_count && at < MOST_FOLDED) {
        self->folded[at] = strdup(family);
        self->folded_count += self->folded[at] != NULL;
    } else if (!folded && at < self->folded_count) {
        free(self->folded[at]);
        self->folded[at] = self->folded[--self->folded_count];
    }
    keep(self);
    if (build_lines(self) != ASSAY_OK)
        tui_failed(self->view.tui);
    for (size_t i = 0; i < self->list.count; i++) /* the family may have moved under the cursor */
        if (self->lines[i].heading &&
            strcmp(self->items[self->lines[i].item].found->family, family) == 0)
            self->list.cursor = i;
}

static void rebuild(struct experiments *self)
{
    const struct experiment *here = current(&self->view);
    const char *name = here ? here->found->name : NULL;
    if (build_lines(self) != ASSAY_OK)
        tui_failed(self->view.tui);
    put_cursor(self, name);
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct experiments *self = (struct experiments *)view;
    char text[300];
    bool tree = self->list.count && self->sorting == BY_FAMILY && !*self->filter;
    switch (request) {
    case TUI_FILTER:
        snprintf(text, sizeof text, "filter %s", self->filter);
        tui_ask_command(view->tui, text);
        return true;
    case TUI_SORT:
        self->sorting = (self->sorting + 1) % SORTINGS;
        tui_say(view->tui, TUI_DIM, "by %s", sortings[self->sorting]);
        keep(self);
        rebuild(self);
        return true;
    case TUI_REVERSE:
        self->reversed = !self->reversed;
        keep(self);
        rebuild(self);
        return true;
    case TUI_BESIDE_LEFT:
    case TUI_BESIDE_RIGHT:
        if (tree)
            fold(self, request == TUI_BESIDE_LEFT);
        return true;
    default:
        return tui_detail_request(&self->detail, request);
    }
}

static int sort_by(struct experiments *self, const char *name)
{
    for (int i = 0; i < SORTINGS; i++)
        if (strcmp(sortings[i], name) == 0) {
            self->sorting = (enum sorting)i;
            keep(self);
            rebuild(self);
            return ASSAY_OK;
        }
    return assay_fail(
        ASSAY_EINVAL, "experiments are sorted by family, name, last or state, got \"%s\"", name);
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct experiments *self = (struct experiments *)view;
    *status = ASSAY_OK;
    if (strcmp(name, "filter") == 0) {
        snprintf(self->filter, sizeof self->filter, "%s", argument);
        rebuild(self);
    } else if (strcmp(name, "sort") == 0 && *argument) {
        *status = sort_by(self, argument);
    } else {
        return false;
    }
    return true;
}

static void select_item(struct tui_view *view)
{
    struct experiments *self = (struct experiments *)view;
    struct experiment *item = current(view);
    if (!self->list.count)
        return;
    if (!item)
        fold(
            self, !is_folded(self, self->items[self->lines[self->list.cursor].item].found->family));
    else if (item->found->error)
        tui_say(view->tui, TUI_BAD, "%s", item->found->error);
    else if (tui_open(view->tui, &tui_form_view, &(struct tui_target){.name = item->found->name}))
        tui_failed(view->tui);
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct experiments *self = (struct experiments *)view;
    const struct experiment *item = &self->items[self->lines[index].item];
    if (self->lines[index].heading) {
        snprintf(out, size, "%s", item->found->family);
        return out;
    }
    snprintf(out, size, "%s %s %s %s %s", item->found->family, item->found->name,
        item->title ? item->title : "",
        item->found->error ? "does not load"
        : item->ran        ? assay_run_state_name(item->last.state)
                           : "never run",
        declared(item));
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

static const char *path(struct tui_view *view)
{
    const struct experiment *item = current(view);
    return item ? item->found->path : NULL;
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    (void)view;
    (void)argument;
    if (!*name) {
        tui_words_add(words, "filter");
        tui_words_add(words, "sort");
    }
    for (int i = 0; strcmp(name, "sort") == 0 && i < SORTINGS; i++)
        tui_words_add(words, sortings[i]);
}

const struct view_ops tui_experiments_view = {
    .name = "experiments",
    .hint = "Enter:parameters  R:again  r:runs  f:figure  e:edit",
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
    .path = path,
    .command = command,
    .words = words,
};
