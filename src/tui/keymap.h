/*
 * Keys, what they ask for, and the names by which the `:` prompt asks for the same. One table; the
 * help view prints it, so what it says is what happens. A request has one key in every view.
 */
#ifndef ASSAY_TUI_KEYMAP_H
#define ASSAY_TUI_KEYMAP_H

#include <stddef.h>

enum tui_request {
    TUI_NOTHING,
    TUI_UP,
    TUI_DOWN,
    TUI_PAGE_UP,
    TUI_PAGE_DOWN,
    TUI_HALF_UP,
    TUI_HALF_DOWN,
    TUI_FIRST,
    TUI_LAST,
    TUI_BESIDE_LEFT,
    TUI_BESIDE_RIGHT,
    TUI_DETAIL_UP,
    TUI_DETAIL_DOWN,
    TUI_OPEN,
    TUI_SEARCH,
    TUI_SEARCH_NEXT,
    TUI_SEARCH_PREVIOUS,
    TUI_PROMPT,
    TUI_REFRESH,
    TUI_CLOSE,
    TUI_QUIT,
    TUI_HELP,
    TUI_EXPERIMENTS,
    TUI_RUNS,
    TUI_FIGURE,
    TUI_START,
    TUI_COMPOSE,
    TUI_CANCEL,
    TUI_CLEAR,
    TUI_SAVE_PNG,
    TUI_SAVE_PDF,
    TUI_MARK,
    TUI_UNMARK_ALL,
    TUI_COMPARE,
    TUI_FILTER,
    TUI_SORT,
    TUI_REVERSE,
    TUI_PIN,
    TUI_LABEL,
    TUI_TAG,
    TUI_NOTE,
    TUI_DELETE,
    TUI_UNDO,
    TUI_WRITE,
    TUI_RETRY,
    TUI_SHIFT_LEFT,
    TUI_SHIFT_RIGHT,
    TUI_SAVE_SVG,
    TUI_SAVE_TEX,
    TUI_LOG_X,
    TUI_LOG_Y,
    TUI_BAND,
    TUI_FIT,
    TUI_LEGEND,
    TUI_SMOOTH,
    TUI_NEXT_X,
    TUI_NEXT_Y,
    TUI_NEXT_BY,
    TUI_POINT,
    TUI_ZOOM_IN,
    TUI_ZOOM_OUT,
    TUI_PAN_LEFT,
    TUI_PAN_RIGHT,
    TUI_GRID,
    TUI_AS,
    TUI_SQL,
    TUI_MESSAGES,
    TUI_AGAIN,
    TUI_EDIT
};

struct tui_key {
    const char *keys; /* names, separated by spaces: "j <Down>" */
    enum tui_request request;
    const char *name;  /* for the prompt */
    const char *views; /* names of the views that answer to it, or NULL: all */
    const char *help;
};

extern const struct tui_key tui_keymap[];
extern const size_t tui_keymap_size;

enum tui_request tui_keymap_request(int key);
const struct tui_key *tui_keymap_find(const char *name);

/* The key that a text begins with ("<Enter>", "x"); gives its bytes, 0 when a name is not known. */
size_t tui_key_parse(const char *text, int *key);

enum {
    TUI_CTRL_L = 'L' & 0x1f,
    TUI_ESCAPE = 0x1b,
    TUI_ENTER = '\r',
    TUI_BACKSPACE = 0x7f
};

#endif
