/* A figure's present settings, to be written back into the experiment's file. */
#ifndef ASSAY_TUI_DECLARE_H
#define ASSAY_TUI_DECLARE_H

#include <jansson.h>

#include "tui/detail.h"
#include "tui/view.h"

/* What the file would be, and what of it differs. */
struct tui_proposal {
    char *path, *before, *after;
    struct tui_detail diff;
};

/* Fails when nothing would change, too. */
int tui_proposal_make(
    struct tui_proposal *self, const char *path, const char *figure, const json_t *changes);
void tui_proposal_clear(struct tui_proposal *self);

/* Write it, unless the file has changed meanwhile. */
int tui_proposal_write(const struct tui_proposal *self, struct tui *tui);

#endif
