/* The keymap table, and the names of keys. */
#define NCURSES_WIDECHAR 1
#include "tui/keymap.h"

#include <curses.h>
#include <string.h>
#include <strings.h>

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
};

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

/* Is `key` the one that the first `length` bytes of `text` name? A name may stand for several
 * codes. */
static bool names_key(const char *text, size_t length, int key)
{
    int named;
    if (text[0] == '<' && length > 2)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i].key == key && strlen(names[i].name) == length - 2 &&
                strncasecmp(names[i].name, text + 1, length - 2) == 0)
                return true;
    return tui_key_parse(text, &named) == length && named == key;
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
    {"c", TUI_CANCEL, "cancel", "runs run figure", "cancel the run, after a question"},
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
    {"w", TUI_WRITE, "write", "run artifact sql compose compare",
        "save rows, script, artifact, table or composed experiment (or :write FILE)"},
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
    {".", TUI_POINT, "point", "figure", "read values: h and l move along x"},
    {"+", TUI_ZOOM_IN, "zoom-in", "figure artifact", "zoom into the middle"},
    {"-", TUI_ZOOM_OUT, "zoom-out", "figure artifact", "zoom out"},
    {"<lt>", TUI_PAN_LEFT, "pan-left", "figure artifact",
        "move to smaller x; to the artifact before of the cell"},
    {">", TUI_PAN_RIGHT, "pan-right", "figure artifact",
        "move to larger x; to the next artifact of the cell"},
    {"y", TUI_AS, "as", "artifact", "show it as the next thing that it can be (or :as WAY)"},
    {"m", TUI_GRID, "grid", "figure artifact",
        "all figures of the run, or one; artifacts of cells side by side"},
};
const size_t tui_keymap_size = sizeof tui_keymap / sizeof *tui_keymap;

enum tui_request tui_keymap_request(int key)
{
    for (size_t i = 0; i < tui_keymap_size; i++)
        for (const char *name = tui_keymap[i].keys; *name;) {
            size_t length = strcspn(name, " ");
            if (names_key(name, length, key))
                return tui_keymap[i].request;
            name += length;
            name += strspn(name, " ");
        }
    return TUI_NOTHING;
}

const struct tui_key *tui_keymap_find(const char *name)
{
    for (size_t i = 0; i < tui_keymap_size; i++)
        if (strcmp(tui_keymap[i].name, name) == 0)
            return &tui_keymap[i];
    return NULL;
}
