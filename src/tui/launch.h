/* Asking the program to start or go on with a run that outlives the interface. */
#ifndef ASSAY_TUI_LAUNCH_H
#define ASSAY_TUI_LAUNCH_H

#include "tui/view.h"

/* Run `program words...` aside; it has to print "run NUMBER ...". `started` is called then, `view`
 * being NULL when that was closed meanwhile. A failure is told with the program's own words, and
 * `started` is called with run 0. */
int tui_launch(struct tui *tui, struct tui_view *view, const char *const *words,
    void (*started)(struct tui *tui, struct tui_view *view, int64_t run));

#endif
