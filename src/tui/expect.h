/* How long a run will take, by what earlier runs of the experiment took. */
#ifndef ASSAY_TUI_EXPECT_H
#define ASSAY_TUI_EXPECT_H

#include <jansson.h>

#include "store/store.h"

/* Earlier runs that ended at least one cell, newest first. */
struct tui_earlier {
    struct tui_earlier_run {
        int64_t id;
        json_t *params;      /* a text each, as the command line writes it */
        double cell_seconds; /* of one worker */
    } * runs;
    size_t count;
};

int tui_earlier_load(struct tui_earlier *self, assay_store *store, const char *experiment);
void tui_earlier_clear(struct tui_earlier *self);

/*
 * "about 12s on 2 workers, as run 5": by the run whose parameters differ least from `params` (a
 * text each), the newest of them; those that differ are named, since cells may take another time
 * there.
 */
void tui_expect(const struct tui_earlier *self, const json_t *params, double cells, int workers,
    char *out, size_t size);

#endif
