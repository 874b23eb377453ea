/* Starting a run with the parameters of an earlier one, and editing an experiment's file. */
#ifndef ASSAY_TUI_AGAIN_H
#define ASSAY_TUI_AGAIN_H

#include "tui/view.h"

/* A new run with the preset, parameters, replicates and seed of `run`, of its experiment as it is
 * now. */
int tui_run_again(struct tui *tui, struct tui_view *view, int64_t run);

/* $VISUAL, $EDITOR or vi on the file, in place of the interface, which waits. */
int tui_edit_file(struct tui *tui, const char *path);

#endif
