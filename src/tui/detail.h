/* Text below or beside a list: paragraphs with a style each, wrapped to whatever width there is. */
#ifndef ASSAY_TUI_DETAIL_H
#define ASSAY_TUI_DETAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/keymap.h"
#include "tui/screen.h"

struct tui_paragraph {
    int style;
    int indent; /* of the lines after the first */
    char *text;
};

struct tui_detail {
    struct tui_paragraph *paragraphs;
    size_t count;
    size_t shown; /* the next drawing scrolls to the paragraph before this one; 0: to none */
    int skip;     /* lines scrolled away */
    int lines;    /* in all, as of the last drawing */
};

void tui_detail_clear(struct tui_detail *detail); /* scrolled back to the top, too */
void tui_detail_add(struct tui_detail *detail, int style, int indent, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void tui_detail_draw(struct tui_detail *detail, struct tui_area area);
bool tui_detail_request(struct tui_detail *detail, enum tui_request request);

#endif
