/*
 * The frame's inside, for the files that make it up (tui.c, command.c, script.c, aside.c) and for
 * the tests that press its keys. Views see view.h only.
 */
#ifndef ASSAY_TUI_FRAME_H
#define ASSAY_TUI_FRAME_H

#include "tui/config.h"
#include "tui/marks.h"
#include "tui/memory.h"
#include "tui/prompt.h"
#include "tui/tui.h"
#include "tui/view.h"

enum tui_asking { TUI_ASKS_NOTHING, TUI_ASKS_COMMAND, TUI_ASKS_SEARCH, TUI_ASKS_YES };

enum { TUI_HISTORY = 50, TUI_MIN_ROWS = 12, TUI_MIN_COLS = 60 };

struct tui_queue; /* of jobs (aside.c) */

enum { TUI_LOG = 200, TUI_ZONES = 32 };

/* What was said, for the view of messages. */
struct tui_message {
    double time;
    int style;
    char text[1024];
};

/* What of the view on top the mouse can hit, as it was drawn last, and what it is about. */
struct tui_pointing {
    struct tui_zone {
        enum tui_zone_kind kind;
        struct tui_area area;
        int index;
    } zones[TUI_ZONES];
    size_t count;
    uint64_t view; /* serial of whose they are */
    struct tui_area divided;
    bool beside, divides, dragging;
    struct tui_mouse last; /* press */
    double pressed;        /* when that was */
};

struct tui {
    struct assay_tui_options options;
    assay_store *store;
    char reason[512]; /* why there is no store */
    int64_t version;  /* of the store's data, as last seen */
    double reload;    /* when what goes on is read anew although nothing was written */

    struct tui_view *top;
    uint64_t serials;
    bool dirty, quit;

    assay_found_list found;
    bool found_known;
    char found_error[512];

    enum tui_asking asking;
    struct tui_line line;
    char choices[768]; /* what the word in it may become, shown in place of the status */
    char *history[TUI_HISTORY]; /* of commands, newest last */
    size_t history_count, history_at;
    char needle[1024]; /* last searched */
    char question[256];
    void (*yes)(struct tui *tui, int64_t what);
    int64_t what;

    char message[1024];
    int message_style;
    struct tui_message log[TUI_LOG]; /* a ring */
    size_t log_end;                  /* messages in all */
    char edited[4096];               /* a file whose experiment is to be looked at, or "" */

    struct tui_marks marks;

    struct tui_config config;
    size_t config_errors; /* told of the last reading */
    struct tui_memory memory;
    struct tui_pointing pointing;

    double clock;    /* 0: the real one */
    char label[256]; /* of the database in the status bar */
    struct tui_queue *queue;
};

int tui_frame_open(const struct assay_tui_options *options, struct tui **out);
void tui_frame_close(struct tui *tui);
void tui_frame_key(struct tui *tui, int key);
bool tui_frame_request(struct tui *tui, enum tui_request request); /* was it answered? */
int tui_frame_search(struct tui *tui, bool forward);
void tui_frame_look(struct tui *tui); /* has the store changed, has a job ended? */
void tui_frame_load(struct tui *tui); /* the view on top, when it is stale */
void tui_frame_draw(struct tui *tui);
void tui_frame_draw_whole(struct tui *tui); /* what a view draws in parts, too */
int tui_frame_settle(struct tui *tui, int milliseconds); /* until nothing is done aside; draw */

/* Read a configuration anew (NULL: the user's own, where there is one); what is wrong is told. */
int tui_frame_configure(struct tui *tui, const char *path);

/* mouse.c */
void tui_frame_mouse(struct tui *tui, struct tui_mouse mouse);
int tui_divide(struct tui *tui, double fraction); /* the divider of the view on top */

/* remember.c */
int tui_frame_remember(struct tui *tui, const char *path); /* from now on, what is in that file */
void tui_frame_keep_history(struct tui *tui);
void tui_frame_save(struct tui *tui, bool last); /* `last`: there is no later */

/* command.c: a line of the `:` prompt. */
int tui_command(struct tui *tui, const char *line);
/* Tab in the prompt: the word before the cursor goes on; what it may become is written to `told`. */
void tui_command_complete(struct tui *tui, struct tui_line *line, char *told, size_t size);
/* Commands that are not keys, for the help view; NULL at the end. */
const char *tui_command_help(size_t index, const char **usage);

/* script.c */
int tui_script(struct tui *tui, const char *path); /* exit code */

/* aside.c */
int tui_queue_new(struct tui_queue **out);
void tui_queue_free(struct tui_queue *queue);
int tui_queue_start(struct tui_queue *queue, struct tui_job *job);
struct tui_job *tui_queue_take(struct tui_queue *queue); /* an ended job, or NULL */
size_t tui_queue_busy(struct tui_queue *queue);          /* jobs that go on or wait to be taken */
int tui_queue_wake(const struct tui_queue *queue);       /* readable when a job has ended */

#endif
