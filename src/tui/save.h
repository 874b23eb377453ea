/* Files that a view writes where the user asks for them. */
#ifndef ASSAY_TUI_SAVE_H
#define ASSAY_TUI_SAVE_H

#include "tui/view.h"

/* Write a file, whole or not at all, and say so. */
int tui_save(struct tui *tui, const char *path, const void *data, size_t size);

#endif
