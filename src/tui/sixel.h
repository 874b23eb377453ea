/* Pictures as sixels: what terminals that show pixels are sent. */
#ifndef ASSAY_TUI_SIXEL_H
#define ASSAY_TUI_SIXEL_H

#include "tui/picture.h"

/* An encoded picture that fills so many pixels of the screen at most. */
struct tui_sixel {
    char *text; /* NULL: there is none */
    size_t size;
    size_t width, height; /* that were asked for */
    unsigned long id;     /* another one for each */
};

/* The picture as large as fits, in 256 colours at most: its own where there are no more, else the
 * most frequent ones and the nearest to the others. False: no memory. */
bool tui_sixel_encode(
    const struct tui_picture *picture, size_t width, size_t height, struct tui_sixel *out);
void tui_sixel_free(struct tui_sixel *sixel);

#endif
