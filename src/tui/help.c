/* The help: the keymap table and the prompt's commands, as they are. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/frame.h"
#include "tui/view.h"

struct line {
    char *left, *right; /* a heading has no right */
};

struct help {
    struct tui_view view;
    struct tui_list list;
    char *from; /* the view that it was asked in */
    struct line *lines;
    size_t room;
};

static void add(struct help *self, const char *left, const char *right)
{
    if (self->list.count == self->room) {
        size_t room = self->room ? 2 * self->room : 64;
        struct line *grown = realloc(self->lines, room * sizeof *grown);
        if (!grown)
            return;
        self->lines = grown;
        self->room = room;
    }
    struct line line = {strdup(left), right ? strdup(right) : NULL};
    if (line.left && (line.right || !right)) {
        self->lines[self->list.count++] = line;
    } else {
        free(line.left);
        free(line.right);
    }
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at && (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static void add_keys(struct help *self, const char *view)
{
    char words[512], keys[256];
    for (size_t i = 0; i < tui_keymap_size; i++) {
        const struct tui_key *key = &tui_keymap[i];
        bool listed = view ? has_word(key->views, view) : !key->views;
        tui_keymap_keys(key, view, !listed, keys, sizeof keys);
        if (!listed && !(view && !key->views && *keys)) /* one for all views, but its own here */
            continue;
        snprintf(words, sizeof words, "%-15s %s", key->name, key->help);
        add(self, *keys ? keys : "-", words);
    }
    for (size_t i = 0;; i++) {
        const char *command = tui_keymap_command(view, i, keys, sizeof keys);
        if (!command)
            break;
        add(self, keys, command);
    }
}

static void add_commands(struct help *self)
{
    const char *usage, *help;
    add(self, ":param NAME=VALUE", "in the form: set a field");
    add(self, ":export FORMAT [BASE]", "in a figure: png, svg, pdf, tex, tikz or txt");
    add(self, ":filter [QUERY]", "runs of which it holds; experiments with a text");
    add(self, ":sort NAME [asc|desc]", "in the runs: by a column, parameter or measure");
    add(self, ":columns [NAME ...]", "in the runs: parameters and measures beside the others");
    add(self, ":x NAME :y NAME", "in a figure: another column");
    add(self, ":where [NAME=VALUE]", "in a figure: only such rows");
    add(self, ":facet [NAME]", "in a figure: a picture for each of its values");
    add(self, ":xrange [LOW HIGH]", "in a figure: that part (:yrange, too)");
    add(self, ":fit LAW|off", "in a figure: another law");
    add(self, ":tab NAME", "in a run: cells, claims, notes, rows, params, figures...");
    add(self, ":by [NAME ...]", "in a comparison or figure: groups");
    add(self, ":take last|mean|min|max", "in a comparison: of a cell's rows");
    for (size_t i = 0; (help = tui_command_help(i, &usage)) != NULL; i++)
        add(self, usage, help);
}

static void fill(struct help *self)
{
    static const char *const views[] = {"experiments", "form", "compose", "runs", "run", "figure",
        "compare", "artifact", "sql", "messages"};
    char heading[64];
    if (!has_word("help", self->from)) {
        snprintf(heading, sizeof heading, "In this view (%s)", self->from);
        add(self, heading, NULL);
        add_keys(self, self->from);
        add(self, "", NULL);
    }
    add(self, "Everywhere", NULL);
    add_keys(self, NULL);
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        if (strcmp(views[i], self->from) == 0)
            continue;
        add(self, "", NULL);
        snprintf(heading, sizeof heading, "In the view %s", views[i]);
        add(self, heading, NULL);
        add_keys(self, views[i]);
    }
    add(self, "", NULL);
    add(self, "Commands of the prompt; the second column above is one too (:down, :quit)", NULL);
    add_commands(self);
    add(self, "", NULL);
    add(self, "Marks of claims", NULL);
    add(self, tui_glyph(TUI_CHECK), "supported");
    add(self, tui_glyph(TUI_CROSS), "not supported");
    add(self, tui_glyph(TUI_UNSURE), "inconclusive");
    add(self, tui_glyph(TUI_TROUBLE), "its check failed");
}

static void forget(struct help *self)
{
    for (size_t i = 0; i < self->list.count; i++) {
        free(self->lines[i].left);
        free(self->lines[i].right);
    }
    free(self->lines);
    free(self->from);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct help *self = (struct help *)view;
    self->from = strdup(target->name ? target->name : "experiments");
    if (!self->from)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    view->list = &self->list;
    self->list.pager = true;
    fill(self);
    return ASSAY_OK;
}

static int load(struct tui_view *view)
{
    (void)view;
    return ASSAY_OK;
}

static void close_view(struct tui_view *view)
{
    forget((struct help *)view);
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    const struct help *self = (const struct help *)view;
    return target->name &&
           (strcmp(target->name, "help") == 0 || strcmp(target->name, self->from) == 0);
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct help *self = (struct help *)view;
    tui_list_show(&self->list, (size_t)area.rows);
    for (int row = 0; row < area.rows && self->list.top + (size_t)row < self->list.count; row++) {
        const struct line *line = &self->lines[self->list.top + (size_t)row];
        int y = area.y + row;
        if (!line->right) {
            tui_put(y, 1, area.cols - 2, TUI_TITLE, line->left);
            continue;
        }
        int used = tui_put(y, 3, area.cols - 4, TUI_KEY, line->left), x = used > 18 ? used + 5 : 22;
        tui_put(y, x, area.cols - x - 1, TUI_NORMAL, line->right);
    }
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct line *line = &((struct help *)view)->lines[index];
    snprintf(out, size, "%s %s", line->left, line->right ? line->right : "");
    return out;
}

const struct view_ops tui_help_view = {
    .name = "help",
    .hint = "j/k:scroll  /:search  q:close",
    .size = sizeof(struct help),
    .open = open_view,
    .load = load,
    .draw = draw,
    .close = close_view,
    .shows = shows,
    .text = text,
};
