/*
 * The keymap table, the names of keys, and the bindings. A binding's scope is a set of views, so
 * that a key that is bound in one of them loses its old meaning there and keeps it elsewhere.
 */
#define NCURSES_WIDECHAR 1
#include "tui/keymap.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/status.h"
#include "core/suggest.h"
#include "tui/screen.h"

#define FUNCTION(code) (TUI_KEY_FUNCTION + (code))

static const struct {
    const char *name;
    int key;
} names[] = {
    {"Enter", TUI_ENTER},
    {"Enter", '\n'},
    {"Enter", FUNCTION(KEY_ENTER)},
    {"Esc", TUI_ESCAPE},
    {"Tab", '\t'},
    {"S-Tab", FUNCTION(KEY_BTAB)},
    {"Space", ' '},
    {"BS", TUI_BACKSPACE},
    {"BS", '\b'},
    {"BS", FUNCTION(KEY_BACKSPACE)},
    {"Del", FUNCTION(KEY_DC)},
    {"Up", FUNCTION(KEY_UP)},
    {"Down", FUNCTION(KEY_DOWN)},
    {"Left", FUNCTION(KEY_LEFT)},
    {"Right", FUNCTION(KEY_RIGHT)},
    {"PgUp", FUNCTION(KEY_PPAGE)},
    {"PgDn", FUNCTION(KEY_NPAGE)},
    {"Home", FUNCTION(KEY_HOME)},
    {"End", FUNCTION(KEY_END)},
    {"lt", '<'},
    {"F1", FUNCTION(KEY_F(1))},
    {"F2", FUNCTION(KEY_F(2))},
    {"F3", FUNCTION(KEY_F(3))},
    {"F4", FUNCTION(KEY_F(4))},
    {"F5", FUNCTION(KEY_F(5))},
    {"F6", FUNCTION(KEY_F(6))},
    {"F7", FUNCTION(KEY_F(7))},
    {"F8", FUNCTION(KEY_F(8))},
    {"F9", FUNCTION(KEY_F(9))},
    {"F10", FUNCTION(KEY_F(10))},
    {"F11", FUNCTION(KEY_F(11))},
    {"F12", FUNCTION(KEY_F(12))},
};

static const char *const views[] = {"experiments", "form", "compose", "runs", "run", "figure",
    "compare", "artifact", "sql", "messages", "help"};
enum { VIEWS = sizeof views / sizeof *views, EVERYWHERE = (1 << VIEWS) - 1 };

size_t tui_key_parse(const char *text, int *key)
{
    const char *end = text[0] == '<' ? strchr(text, '>') : NULL;
    unsigned code;
    size_t n = tui_decode(text, &code);
    if (!end) {
        *key = (int)code;
        return n;
    }
    size_t length = (size_t)(end - text - 1);
    if (length == 3 && strncmp(text + 1, "C-", 2) == 0 && text[3] >= 'a' && text[3] <= 'z') {
        *key = text[3] & 0x1f;
        return length + 2;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, text + 1, length) == 0) {
            *key = names[i].key;
            return length + 2;
        }
    return 0;
}

/* Several codes have one name: the first of them stands for all. */
static int canonical(int key)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t j = 0; names[i].key == key && j <= i; j++)
            if (strcmp(names[j].name, names[i].name) == 0)
                return names[j].key;
    return key;
}

static void key_text(int key, char out[16])
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].key == key) {
            snprintf(out, 16, "<%s>", names[i].name);
            return;
        }
    if (key > 0 && key < ' ')
        snprintf(out, 16, "<C-%c>", key | 0x60);
    else
        tui_encode((unsigned)key, out);
}

const struct tui_key tui_keymap[] = {
    {"j <Down>", TUI_DOWN, "down", NULL, "next line"},
    {"k <Up>", TUI_UP, "up", NULL, "line before"},
    {"<PgDn> <C-f>", TUI_PAGE_DOWN, "page-down", NULL, "next page"},
    {"<PgUp> <C-b>", TUI_PAGE_UP, "page-up", NULL, "page before"},
    {"<C-d>", TUI_HALF_DOWN, "half-down", NULL, "half a page down"},
    {"<C-u>", TUI_HALF_UP, "half-up", NULL, "half a page up"},
    {"g <Home>", TUI_FIRST, "first", NULL, "first line"},
    {"G <End>", TUI_LAST, "last", NULL, "last line"},
    {"<Enter>", TUI_OPEN, "open", NULL, "open or edit what the cursor is on"},
    {"/", TUI_SEARCH, "search", NULL, "search (or :search TEXT)"},
    {"n", TUI_SEARCH_NEXT, "search-next", NULL, "next match"},
    {"N", TUI_SEARCH_PREVIOUS, "search-previous", NULL, "match before"},
    {":", TUI_PROMPT, "prompt", NULL, "ask for a command"},
    {"<C-l>", TUI_REFRESH, "refresh", NULL, "read everything anew and redraw"},
    {"q", TUI_CLOSE, "close", NULL, "close the view (the last one: quit)"},
    {"Q", TUI_QUIT, "quit", NULL, "quit; runs go on"},
    {"? <F1>", TUI_HELP, "help", NULL, "this help"},
    {"E", TUI_EXPERIMENTS, "experiments", NULL, "the experiments"},
    {"r", TUI_RUNS, "runs", NULL, "the runs (of the experiment here), or all"},
    {";", TUI_SQL, "sql", NULL, "ask the database (or :sql QUERY)"},
    {"M", TUI_MESSAGES, "messages", NULL, "what was said"},
    {"R", TUI_AGAIN, "again", "experiments runs run", "start a run as the last one was"},
    {"e", TUI_EDIT, "edit", "experiments runs run form", "edit the experiment's file ($EDITOR)"},
    {"f", TUI_FIGURE, "figure", "experiments runs run compare",
        "figures of the run (or the last one)"},
    {"c", TUI_CANCEL, "cancel", "runs run figure sql",
        "cancel the run, after a question; stop the query"},
    {"<Space>", TUI_MARK, "mark", "runs run compose",
        "mark the run or choice, or take the mark away"},
    {"U", TUI_UNMARK_ALL, "unmark-all", "runs run", "take all marks away"},
    {"C", TUI_COMPARE, "compare", "runs run", "compare the marked runs (and this one)"},
    {"F", TUI_FILTER, "filter", "runs experiments", "show only some (:filter alone: all again)"},
    {"o", TUI_SORT, "sort", "runs compare experiments", "sort by the next column (or :sort NAME)"},
    {"O", TUI_REVERSE, "reverse", "runs compare experiments", "the other way round"},
    {"*", TUI_PIN, "pin", "runs run", "keep the run at the top, or no longer"},
    {"L", TUI_LABEL, "label", "runs run", "call the run so (:label alone: no longer)"},
    {"t", TUI_TAG, "tag", "runs run", "put a tag on the run (-TAG: take it off)"},
    {"a", TUI_NOTE, "note", "runs run", "add a note to the run"},
    {"D", TUI_DELETE, "delete", "runs run", "delete the run, after a question"},
    {"u", TUI_UNDO, "undo", "runs run", "have back what was deleted last"},
    {"T", TUI_RETRY, "retry", "run", "run the failed cell (or all that are left)"},
    {"w", TUI_WRITE, "write", "run artifact sql compose compare figure",
        "save rows, script, artifact, table, composed experiment (or :write FILE), or the figure's "
        "settings"},
    {"]", TUI_SHIFT_RIGHT, "shift-right", "run sql artifact", "columns further right; turn points"},
    {"[", TUI_SHIFT_LEFT, "shift-left", "run sql artifact", "further left; turn them back"},
    {"J", TUI_DETAIL_DOWN, "detail-down", "experiments form compose run compare artifact",
        "scroll the text below or beside; tilt points"},
    {"K", TUI_DETAIL_UP, "detail-up", "experiments form compose run compare artifact",
        "scroll it back"},
    {"l <Right> <Tab>", TUI_BESIDE_RIGHT, "right",
        "form compose run figure compare artifact experiments", "next choice, section or figure"},
    {"h <Left> <S-Tab>", TUI_BESIDE_LEFT, "left",
        "form compose run figure compare artifact experiments", "the one before"},
    {"A", TUI_COMPOSE, "compose", NULL, "compose an experiment without writing Lua"},
    {"s", TUI_START, "start", "form compose", "start the run (composing: go to its form)"},
    {"x", TUI_CLEAR, "clear", "form figure compose artifact",
        "back to the default, or as declared"},
    {"p", TUI_SAVE_PNG, "png", "figure", "save the figure as PNG"},
    {"P", TUI_SAVE_PDF, "pdf", "figure", "save the figure as PDF"},
    {"S", TUI_SAVE_SVG, "svg", "figure", "save the figure as SVG"},
    {"W", TUI_SAVE_TEX, "tex", "figure", "save the figure as LaTeX"},
    {"X", TUI_LOG_X, "logx", "figure", "logarithmic x axis, or not"},
    {"Y", TUI_LOG_Y, "logy", "figure", "logarithmic y axis, or not"},
    {"b", TUI_BAND, "band", "figure", "band: ci95, sd, minmax, none"},
    {"i", TUI_FIT, "law", "figure", "fitted law, or none (or :fit LAW)"},
    {"d", TUI_LEGEND, "legend", "figure", "legend, or none"},
    {"z", TUI_SMOOTH, "smooth", "figure", "smooth over 3, 5, 9, 17 points, or not"},
    {"v", TUI_NEXT_Y, "next-y", "figure", "next measure as y (or :y NAME)"},
    {"V", TUI_NEXT_X, "next-x", "figure", "next measure as x (or :x NAME)"},
    {"B", TUI_NEXT_BY, "next-by", "figure", "next parameter as group (or :by NAME)"},
    {"H", TUI_NEXT_FACET, "next-facet", "figure",
        "next parameter as facets, on the same axes (or :facet NAME)"},
    {".", TUI_POINT, "point", "figure", "read values: h and l move along x"},
    {"+", TUI_ZOOM_IN, "zoom-in", "figure artifact", "zoom into the middle"},
    {"-", TUI_ZOOM_OUT, "zoom-out", "figure artifact", "zoom out"},
    {"<lt>", TUI_PAN_LEFT, "pan-left", "figure artifact",
        "move to smaller x; to the artifact before of the cell"},
    {">", TUI_PAN_RIGHT, "pan-right", "figure artifact",
        "move to larger x; to the next artifact of the cell"},
    {"y", TUI_AS, "as", "artifact", "show it as the next thing that it can be (or :as WAY)"},
    {"I", TUI_PIXELS, "pixels", "figure artifact",
        "pictures in pixels (sixels) or in characters (or :set sixel=on|off)"},
    {"m", TUI_GRID, "grid", "figure artifact",
        "all figures of the run, or one; artifacts of cells side by side"},
};
const size_t tui_keymap_size = sizeof tui_keymap / sizeof *tui_keymap;

const struct tui_key *tui_keymap_find(const char *name)
{
    for (size_t i = 0; i < tui_keymap_size; i++)
        if (strcmp(tui_keymap[i].name, name) == 0)
            return &tui_keymap[i];
    return NULL;
}

/* ---- views ---- */

bool tui_view_known(const char *name, char *hint, size_t size)
{
    for (size_t i = 0; i < VIEWS; i++)
        if (strcmp(views[i], name) == 0)
            return true;
    assay_suggest(name, views, VIEWS, hint, size);
    return false;
}

static unsigned view_bit(const char *name)
{
    for (unsigned i = 0; i < VIEWS; i++)
        if (strcmp(views[i], name) == 0)
            return 1u << i;
    return 0;
}

/* The views that know an action. */
static unsigned scope_of(const struct tui_key *entry)
{
    char list[256], *rest = list, *name;
    unsigned scope = 0;
    if (!entry->views)
        return EVERYWHERE;
    snprintf(list, sizeof list, "%s", entry->views);
    while ((name = strsep(&rest, " ")) != NULL)
        scope |= view_bit(name);
    return scope;
}

/* ---- bindings ---- */

struct binding {
    int key;
    unsigned scope;
    bool own;                    /* made for one view */
    const struct tui_key *entry; /* or NULL: */
    char *command;
};

static struct {
    struct binding *items;
    size_t count, room;
    bool filled;
} bindings;

static int add_binding(struct binding binding)
{
    if (bindings.count == bindings.room) {
        size_t room = bindings.room ? 2 * bindings.room : 128;
        struct binding *grown = realloc(bindings.items, room * sizeof *grown);
        if (!grown)
            return assay_fail(ASSAY_ENOMEM, "out of memory for keys");
        bindings.items = grown;
        bindings.room = room;
    }
    bindings.items[bindings.count++] = binding;
    return ASSAY_OK;
}

/* The table's keys; without memory for them there are none. */
static void fill(void)
{
    if (bindings.filled)
        return;
    bindings.filled = true;
    for (size_t i = 0; i < tui_keymap_size; i++)
        for (const char *name = tui_keymap[i].keys; *name;) {
            int key;
            name += tui_key_parse(name, &key);
            name += strspn(name, " ");
            if (add_binding((struct binding){.key = canonical(key),
                    .scope = scope_of(&tui_keymap[i]),
                    .entry = &tui_keymap[i]}) != ASSAY_OK)
                return;
        }
}

void tui_keymap_reset(void)
{
    for (size_t i = 0; i < bindings.count; i++)
        free(bindings.items[i].command);
    free(bindings.items);
    memset(&bindings, 0, sizeof bindings);
}

static const struct binding *find_binding(const char *view, int key)
{
    unsigned bit = view_bit(view);
    fill();
    key = canonical(key);
    for (size_t i = 0; i < bindings.count; i++)
        if (bindings.items[i].key == key && bindings.items[i].scope & bit)
            return &bindings.items[i];
    return NULL;
}

/* A key that other views know asks for the same here, so that it can be said that it does nothing
 * in this view. */
enum tui_request tui_keymap_request(const char *view, int key, const char **command)
{
    const struct binding *binding = find_binding(view, key);
    *command = binding ? binding->command : NULL;
    if (binding)
        return binding->entry ? binding->entry->request : TUI_NOTHING;
    key = canonical(key);
    for (size_t i = 0; i < bindings.count; i++)
        if (bindings.items[i].key == key && bindings.items[i].scope && bindings.items[i].entry &&
            bindings.items[i].entry->views)
            return bindings.items[i].entry->request;
    return TUI_NOTHING;
}

static int parse_whole(const char *text, int *key)
{
    size_t length = tui_key_parse(text, key);
    if (length == 0 || text[length])
        return assay_fail(ASSAY_EINVAL,
            "no key has the name \"%s\": a key is a character, <C-a>..<C-z>, <F1>..<F12>, <Enter>, "
            "<Tab>, <S-Tab>, <Space>, <BS>, <Del>, <Up>, <Down>, <Left>, <Right>, <PgUp>, <PgDn>, "
            "<Home>, <End> or <lt>",
            text);
    *key = canonical(*key);
    if (*key == TUI_ESCAPE || *key == ('C' & 0x1f))
        return assay_fail(ASSAY_EINVAL, "<Esc> and <C-c> always leave what is being done");
    return ASSAY_OK;
}

static int known_view(const char *view)
{
    char hint[256];
    if (!view || tui_view_known(view, hint, sizeof hint))
        return ASSAY_OK;
    return assay_fail(ASSAY_ENOTFOUND, "there is no view \"%s\"%s", view, hint);
}

static int unknown_action(const char *action)
{
    const char *known[256];
    char hint[256];
    size_t count = 0;
    while (count < tui_keymap_size && count < 256) {
        known[count] = tui_keymap[count].name;
        count++;
    }
    assay_suggest(action, known, count, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "there is no action \"%s\"%s", action, hint);
}

static const char *meaning(const struct binding *binding)
{
    return binding->entry ? binding->entry->name : binding->command;
}

/* Take a key away from what it means within a scope; says what, when that is another thing. */
static bool displace(int key, unsigned scope, const char *action, char *warning, size_t size)
{
    bool found = false;
    for (size_t i = 0; i < bindings.count; i++) {
        struct binding *binding = &bindings.items[i];
        if (binding->key != key || !(binding->scope & scope))
            continue;
        found = true;
        binding->scope &= ~scope;
        if (strcmp(meaning(binding), action) != 0)
            snprintf(warning, size, "%s", meaning(binding));
    }
    return found;
}

int tui_keymap_bind(
    const char *key, const char *action, const char *view, char *warning, size_t size)
{
    struct binding binding = {.own = view != NULL};
    char before[128] = "", name[16];
    *warning = '\0';
    fill();
    int status = parse_whole(key, &binding.key);
    if (status == ASSAY_OK)
        status = known_view(view);
    if (status != ASSAY_OK)
        return status;
    binding.entry = *action == ':' ? NULL : tui_keymap_find(action);
    if (*action != ':' && !binding.entry)
        return unknown_action(action);
    binding.scope = binding.entry ? scope_of(binding.entry) : EVERYWHERE;
    if (view && !(binding.scope &= view_bit(view)))
        return assay_fail(ASSAY_EINVAL, "%s does nothing in the view %s, only in %s", action, view,
            binding.entry->views);
    binding.command = binding.entry ? NULL : strdup(action);
    if (!binding.entry && !binding.command)
        return assay_fail(ASSAY_ENOMEM, "out of memory for keys");
    displace(binding.key, binding.scope, action, before, sizeof before);
    key_text(binding.key, name);
    if (*before)
        snprintf(
            warning, size, "%s meant %s before; unbind it first if that is meant", name, before);
    status = add_binding(binding);
    if (status != ASSAY_OK)
        free(binding.command);
    return status;
}

int tui_keymap_unbind(const char *key, const char *view)
{
    int code, status = parse_whole(key, &code);
    char before[128];
    fill();
    if (status == ASSAY_OK)
        status = known_view(view);
    if (status != ASSAY_OK)
        return status;
    if (!displace(code, view ? view_bit(view) : EVERYWHERE, "", before, sizeof before))
        return assay_fail(ASSAY_ENOTFOUND, "%s means nothing%s%s already", key, view ? " in " : "",
            view ? view : "");
    return ASSAY_OK;
}

/* ---- what the bindings are ---- */

void tui_keymap_keys(
    const struct tui_key *entry, const char *view, bool own, char *out, size_t size)
{
    unsigned scope = view ? view_bit(view) : EVERYWHERE;
    char name[16];
    fill();
    *out = '\0';
    for (size_t i = 0; i < bindings.count; i++) {
        const struct binding *binding = &bindings.items[i];
        size_t used = strlen(out);
        bool meant = view ? binding->own || !own : !binding->own;
        if (binding->entry != entry || !(binding->scope & scope) || !meant)
            continue;
        key_text(binding->key, name);
        snprintf(out + used, size - used, "%s%s", used ? " " : "", name);
    }
}

const char *tui_keymap_command(const char *view, size_t index, char *key, size_t size)
{
    char name[16];
    fill();
    for (size_t i = 0; i < bindings.count; i++) {
        const struct binding *binding = &bindings.items[i];
        if (!binding->command || !(view ? binding->own && binding->scope & view_bit(view)
                                        : !binding->own && binding->scope))
            continue;
        if (index-- > 0)
            continue;
        key_text(binding->key, name);
        snprintf(key, size, "%s", name);
        return binding->command;
    }
    return NULL;
}

/* The entry that a key belongs to in the table, in that view. */
static const struct tui_key *table_entry(const char *view, int key)
{
    unsigned bit = view_bit(view);
    for (size_t i = 0; i < tui_keymap_size; i++)
        for (const char *name = tui_keymap[i].keys; *name && scope_of(&tui_keymap[i]) & bit;) {
            int one;
            name += tui_key_parse(name, &one);
            name += strspn(name, " ");
            if (canonical(one) == key)
                return &tui_keymap[i];
        }
    return NULL;
}

/* The key that now does what the key `word` did in the beginning. */
static void hint_key(const char *view, const char *word, size_t length, char *out, size_t size)
{
    char name[32], keys[128];
    int key;
    snprintf(name, sizeof name, length > 1 ? "<%.*s>" : "%.*s", (int)length, word);
    snprintf(out, size, "%.*s", (int)length, word);
    if (!tui_key_parse(name, &key))
        return;
    const struct tui_key *entry = table_entry(view, canonical(key));
    const struct binding *now = find_binding(view, key);
    if (!entry || (now && now->entry == entry))
        return;
    tui_keymap_keys(entry, view, false, keys, sizeof keys);
    keys[strcspn(keys, " ")] = '\0';
    if (*keys)
        snprintf(out, size, "%s", keys);
    else
        snprintf(out, size, ":%s", entry->name);
}

/* One item, "h/l:other figure". */
static void put_hint(const char *view, const char *item, size_t length, FILE *out)
{
    const char *colon = memchr(item, ':', length);
    size_t keys = colon ? (size_t)(colon - item) : 0;
    char key[128];
    for (size_t at = 0; at < keys;) {
        size_t one = keys == 1 ? 1 : strcspn(item + at, "/:");
        hint_key(view, item + at, one, key, sizeof key);
        fputs(key, out);
        at += one;
        if (at++ < keys)
            fputc('/', out);
    }
    fprintf(out, "%.*s", (int)(length - keys), item + keys);
}

void tui_keymap_hint(const char *view, const char *hint, char *out, size_t size)
{
    FILE *stream = fmemopen(out, size, "w");
    *out = '\0';
    if (!stream)
        return;
    while (*hint) {
        const char *end = strstr(hint, "  ");
        size_t length = end ? (size_t)(end - hint) : strlen(hint);
        put_hint(view, hint, length, stream);
        hint += length;
        size_t gap = strspn(hint, " ");
        fprintf(stream, "%.*s", (int)gap, hint);
        hint += gap;
    }
    fclose(stream);
    out[size - 1] = '\0';
}
