/* A line of text being typed: the `:` and `/` prompts, and the fields of the form. */
#ifndef ASSAY_TUI_PROMPT_H
#define ASSAY_TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

struct tui_line {
    char text[1024];
    size_t cursor; /* byte where the next character goes */
};

enum tui_typed { TUI_TYPING, TUI_TYPED, TUI_GIVEN_UP };

void tui_line_set(struct tui_line *line, const char *text); /* cursor at the end */
enum tui_typed tui_line_key(struct tui_line *line, int key);
/* Draw it scrolled so that the cursor is within; gives the cursor's column. */
int tui_line_draw(const struct tui_line *line, int y, int x, int width, int style);

#endif
