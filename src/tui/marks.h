/* Runs that were marked, in whatever view, and what is done to them or to the one under the cursor:
 * pinned, labelled, tagged, noted, deleted and had back. */
#ifndef ASSAY_TUI_MARKS_H
#define ASSAY_TUI_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/keymap.h"

struct tui;

struct tui_marks {
    int64_t *runs; /* in the order in which they were marked */
    size_t count, room;
    struct tui_deleted *deleted; /* what undo has back, newest first */
};

bool tui_marked(const struct tui *tui, int64_t run);
const int64_t *tui_marks(const struct tui *tui, size_t *count);
void tui_marks_clear(struct tui *tui); /* with what undo remembers */

/* A key of this room; was it one? `run` is under the cursor (0: none). The marked runs are meant
 * where `all` says so and there are some, else `run`. */
bool tui_marks_request(struct tui *tui, enum tui_request request, int64_t run, bool all);

/* The same by a command: label, tag or note, with its text. */
int tui_marks_command(
    struct tui *tui, enum tui_request request, const char *text, int64_t run, bool all);

#endif
