/*
 * Keys, what they ask for, and the names by which the `:` prompt asks for the same. One table says
 * what there is, with the keys of the beginning; bindings, made of it and changed by the user's
 * configuration, say what a key does in a view. The help view prints them, so what it says is what
 * happens. A key has one meaning in a view. There is one keyboard, and so the bindings are one.
 */
#ifndef ASSAY_TUI_KEYMAP_H
#define ASSAY_TUI_KEYMAP_H

#include <stdbool.h>
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
    TUI_NEXT_FACET,
    TUI_POINT,
    TUI_ZOOM_IN,
    TUI_ZOOM_OUT,
    TUI_PAN_LEFT,
    TUI_PAN_RIGHT,
    TUI_GRID,
    TUI_AS,
    TUI_SQL,
    TUI_MESSAGES,
    TUI_PIXELS,
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

const struct tui_key *tui_keymap_find(const char *name);

/* What a key does in a view: a request, or, where *command is set, a command of the prompt. */
enum tui_request tui_keymap_request(const char *view, int key, const char **command);

/*
 * Bind a key ("x", "<C-n>") to the action of that name, or to a command (":sort share"), in a view
 * (NULL: in all that know the action). What the key meant there before it means no longer; where
 * that was something else, `warning` says what, else it is "". Errors name what there is.
 */
int tui_keymap_bind(
    const char *key, const char *action, const char *view, char *warning, size_t size);
int tui_keymap_unbind(const char *key, const char *view); /* NULL: everywhere */
void tui_keymap_reset(void); /* as in the table */

/* The keys of an entry, separated by spaces, "" when it has none. view NULL: those of all its views;
 * else those of that view, without the former when `own`. */
void tui_keymap_keys(
    const struct tui_key *entry, const char *view, bool own, char *out, size_t size);
/* The keys that are bound to commands in a view, one after another; NULL at the end. */
const char *tui_keymap_command(const char *view, size_t index, char *key, size_t size);
/* A view's hint ("Enter:open  Space:mark") with the keys as they are bound now. */
void tui_keymap_hint(const char *view, const char *hint, char *out, size_t size);

/* The key that a text begins with ("<Enter>", "x"); gives its bytes, 0 when a name is not known. */
size_t tui_key_parse(const char *text, int *key);
bool tui_view_known(const char *name, char *hint, size_t size); /* hint: the names that there are */

enum {
    TUI_CTRL_L = 'L' & 0x1f,
    TUI_ESCAPE = 0x1b,
    TUI_ENTER = '\r',
    TUI_BACKSPACE = 0x7f
};

#endif
