/*
 * A list with a cursor: where it stands and which lines are on the screen. What the lines hold is
 * the view's; only the lines that are shown have to be in memory.
 */
#ifndef ASSAY_TUI_LIST_H
#define ASSAY_TUI_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/keymap.h"

struct tui_list {
    size_t count, cursor, top;
    size_t height; /* lines on the screen, as of the last drawing */
    bool pager;    /* text to be read: moving scrolls it */
};

void tui_list_resize(struct tui_list *list, size_t count); /* the cursor stays within */
void tui_list_show(struct tui_list *list, size_t height);  /* about to be drawn: find the top */
void tui_list_move_to(struct tui_list *list, size_t index);
bool tui_list_request(struct tui_list *list, enum tui_request request); /* was it a movement? */

#endif
