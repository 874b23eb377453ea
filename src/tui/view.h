/*
 * What a view is, and what the frame around it offers.
 *
 * A view is one file with a `struct view_ops` at its end; nothing else knows its inside. The frame
 * (tui.c) keeps the stack of views, moves the cursor of the view's list, searches it, and draws the
 * status bar; it calls load when the store has changed and draw when anything has.
 */
#ifndef ASSAY_TUI_VIEW_H
#define ASSAY_TUI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "run/run.h"
#include "store/store.h"
#include "tui/config.h"
#include "tui/keymap.h"
#include "tui/list.h"
#include "tui/screen.h"

struct tui;
struct tui_job;
struct tui_words;
struct view_ops;

/* What a view is opened on. */
struct tui_target {
    int64_t run;      /* 0: none */
    int64_t index;    /* of the cell that an artifact is of, -1: the run */
    const char *name; /* of an experiment, for the runs and the form; or of a figure or an artifact; or NULL */
    const int64_t *runs; /* several, to be compared; NULL: none */
    size_t run_count;
};

struct tui_view {
    const struct view_ops *ops;
    struct tui *tui;
    struct tui_view *below;
    struct tui_list *list; /* the list that moving and searching work on, or NULL */
    uint64_t serial;       /* tells views apart after one was closed */
    bool stale;            /* to be loaded before it is drawn */
    bool live;             /* shows something that goes on now */
    bool unfinished;       /* set by draw: it took its time, and goes on when no key waits */
    int cursor_y, cursor_x; /* where it edits text, when `editing` */
    bool editing;
};

/* A view's own struct begins with its struct tui_view; `size` is that of the whole. The optional
 * functions may be NULL. Failures leave their reason in assay_errmsg(). */
struct view_ops {
    const char *name;
    const char *hint; /* its main keys, for the status bar */
    size_t size;
    int (*open)(struct tui_view *view, const struct tui_target *target);
    int (*load)(struct tui_view *view);                       /* read the store anew */
    void (*draw)(struct tui_view *view, struct tui_area area);
    bool (*key)(struct tui_view *view, enum tui_request request); /* was it meant for this view? */
    void (*select)(struct tui_view *view);                    /* Enter; optional */
    void (*close)(struct tui_view *view);
    /* optional: */
    bool (*shows)(struct tui_view *view, const struct tui_target *target); /* is that what it is on? */
    const char *(*text)(struct tui_view *view, size_t index, char *out, size_t size); /* searched */
    int64_t (*run)(struct tui_view *view);                    /* the run that the cursor is on, or 0 */
    const char *(*experiment)(struct tui_view *view);         /* the experiment, or NULL */
    const char *(*path)(struct tui_view *view); /* of the experiment's file, to be edited, or NULL */
    bool (*input)(struct tui_view *view, int key); /* a key while it edits; false: not editing */
    const int64_t *(*runs)(struct tui_view *view, size_t *count); /* several that it is on */
    void (*pick)(struct tui_view *view, int index); /* a tab was clicked */
    /* What the mouse does to what it draws; false: nothing of its own. */
    bool (*mouse)(struct tui_view *view, struct tui_mouse mouse);
    /* A command of the prompt; false: not one of this view's. */
    bool (*command)(struct tui_view *view, const char *name, const char *argument, int *status);
    /* What may be typed there: the names of its commands when `name` is "", else what may follow
     * `argument`, of which the last word is unfinished. */
    void (*words)(
        struct tui_view *view, const char *name, const char *argument, struct tui_words *words);
};

extern const struct view_ops tui_experiments_view, tui_form_view, tui_runs_view, tui_run_view,
    tui_figure_view, tui_compose_view, tui_help_view, tui_compare_view, tui_artifact_view, tui_sql_view,
    tui_messages_view;

/* ---- the frame ---- */

/* The open store (read only), or NULL with the reason in tui_store_reason. */
assay_store *tui_store(struct tui *tui);
const char *tui_store_reason(const struct tui *tui);
const char *tui_database(const struct tui *tui);
const char *tui_label(const struct tui *tui); /* what the screen calls it */
const char *tui_program(const struct tui *tui);
double tui_now(const struct tui *tui); /* Unix seconds, or the script's clock */

/* The experiments that were found; NULL while they are still looked for. */
const assay_found_list *tui_found(const struct tui *tui);
const assay_found *tui_find_experiment(const struct tui *tui, const char *name);
const char *tui_found_error(const struct tui *tui); /* why looking for them failed, or NULL */

/* Look for them again; what becomes of the one in the file `edited` (or NULL) is told. */
void tui_look_for_experiments(struct tui *tui, const char *edited);

/* Open a view, or bring the one that is already open on the target to the top. */
int tui_open(struct tui *tui, const struct view_ops *ops, const struct tui_target *target);
void tui_close(struct tui *tui, struct tui_view *view);
struct tui_view *tui_top(const struct tui *tui);
struct tui_view *tui_view_by_serial(const struct tui *tui, uint64_t serial);

/* A line under the status bar, until the next key. tui_failed shows assay_errmsg(). */
void tui_say(struct tui *tui, int style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tui_failed(struct tui *tui);
void tui_dirty(struct tui *tui); /* draw again */
void tui_look_at_store(struct tui *tui); /* now: something is known to have been written */

/* Where the mouse finds what, told while a view is drawn: rows of its list (index: of the first, from
 * the top one), a tab. */
enum tui_zone_kind { TUI_ZONE_ROWS, TUI_ZONE_TAB, TUI_ZONE_DETAIL, TUI_ZONE_DIVIDER };
void tui_zone(struct tui_view *view, enum tui_zone_kind kind, struct tui_area area, int index);

/*
 * Draw the divider of an area into a list and, beside or below it, the text about its line. Gives
 * the columns or rows of the list: where the user put the divider, else `usual`. The divider takes
 * the one after them.
 */
int tui_split(struct tui_view *view, struct tui_area area, bool beside, int usual);

/* What is remembered between sessions, under the name of a view and whatever tells apart what it
 * shows; NULL: nothing, and in tui_remember: no longer. The value is taken over. */
const json_t *tui_recall(struct tui *tui, const struct view_ops *ops, const char *what);
void tui_remember(struct tui *tui, const struct view_ops *ops, const char *what, json_t *value);

/* The user's configuration. */
const struct tui_config *tui_configuration(const struct tui *tui);

/* Ask a question to be answered by y; `yes` is called then. */
void tui_ask(struct tui *tui, const char *question, void (*yes)(struct tui *tui, int64_t what),
    int64_t what);

bool tui_asks(const struct tui *tui); /* is a question open? */

/* Open the prompt with a command that is to be finished. */
void tui_ask_command(struct tui *tui, const char *text);

/* Do something aside. `work` runs in a thread of its own, with nothing shared but the job; `done`
 * afterwards in the frame's thread, `view` being NULL when it was closed meanwhile. The job is freed
 * after done. A failure's message is carried over: assay_errmsg() gives it in `done`. */
struct tui_job {
    int (*work)(struct tui_job *job);
    void (*done)(struct tui *tui, struct tui_view *view, struct tui_job *job);
    uint64_t view; /* serial */
    int status;    /* what work returned */
    char message[512];
    struct tui_job *next;
};
int tui_aside(struct tui *tui, struct tui_job *job);

#endif
