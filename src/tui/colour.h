/*
 * Colours as they are asked for, and as a terminal of 8, 16, 256 or all colours can show them: the
 * nearest that it has.
 */
#ifndef ASSAY_TUI_COLOUR_H
#define ASSAY_TUI_COLOUR_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/screen.h"

/* The terminal's own, one of the 256 of xterm, or red, green and blue as 0xrrggbb. */
struct tui_colour {
    enum tui_colour_kind { TUI_COLOUR_OWN, TUI_COLOUR_INDEX, TUI_COLOUR_RGB } kind;
    unsigned value;
};

/* "default", a name ("red", "bright-red"), "0".."255", or "#rrggbb". */
int tui_colour_parse(const char *text, struct tui_colour *out);

/* The number that a terminal with so many colours knows it by; -1: its own. With 1 << 24 colours a
 * number below 8 is one of the eight and any other 0xrrggbb, as terminfo's RGB flag has it. */
int tui_colour_resolve(struct tui_colour colour, int colours);

/* What a configuration says of a style; what is not set stays as the theme has it. */
struct tui_look {
    bool has_text, has_ground;
    struct tui_colour text, ground;
    int bold, underline, reverse; /* 1, 0, or -1: not set */
};

struct tui_colours {
    enum tui_theme { TUI_THEME_AUTO, TUI_THEME_DARK, TUI_THEME_LIGHT } theme;
    int depth; /* at most so many colours; 0: as many as the terminal has */
    struct tui_look looks[TUI_STYLES], selected;
};

void tui_colours_init(struct tui_colours *colours);
/* The look of "title", "series3", "selected"...; ASSAY_ENOTFOUND names all. */
int tui_colours_find(struct tui_colours *colours, const char *role, struct tui_look **look);

/* From now on, and when the terminal is opened; copied. */
void tui_screen_colours(const struct tui_colours *colours);

#endif
