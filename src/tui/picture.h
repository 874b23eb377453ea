/* Images on the screen: in half blocks where there are colours, in braille dots where there are
 * none, in letters where there is only ASCII. */
#ifndef ASSAY_TUI_PICTURE_H
#define ASSAY_TUI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/screen.h"

struct tui_picture {
    size_t width, height;
    unsigned char *rgb; /* height x width x 3, from the upper left */
};

/* PGM or PPM (binary, samples of one or two bytes) or PNG. False: it is none, or no whole one. */
bool tui_picture_read(const void *data, size_t size, struct tui_picture *out);
void tui_picture_free(struct tui_picture *picture);

/* The same picture with at most so many pixels, as large as fits, whole pixels enlarged by a whole
 * number; false: no memory. */
bool tui_picture_fit(
    const struct tui_picture *picture, size_t width, size_t height, struct tui_picture *out);

/* As large as fits, whole pixels enlarged by a whole number. */
void tui_picture_draw(const struct tui_picture *picture, struct tui_area area);

#endif
