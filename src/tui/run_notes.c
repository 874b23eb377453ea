/* A run's notes, oldest first. While the run goes on and the cursor is on the last one, it stays on
 * the last one. */
#include <stdio.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"

enum { NOTES_READ = 10000 };

static void clear(struct run *self)
{
    assay_note_list_free(&self->notes);
    self->notes = (assay_note_list){0};
}

static int load(struct run *self)
{
    struct tui_list *list = &self->lists[RUN_NOTES];
    bool at_end = list->count > 0 && list->cursor + 1 == list->count;
    int status = assay_store_notes(tui_store(self->view.tui), self->id, NOTES_READ, &self->notes);
    tui_list_resize(list, self->notes.count);
    if (at_end && self->view.live)
        tui_list_move_to(list, list->count - 1);
    return status;
}

static void heading(struct run *self, int y, int cols)
{
    (void)self;
    tui_put(y, 2, 16, TUI_DIM, "TIME");
    tui_put(y, 19, 10, TUI_DIM, "FROM");
    tui_put(y, 30, cols - 30, TUI_DIM, "NOTE");
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_note *note = &self->notes.notes[index];
    char date[TUI_SHORT], cell[TUI_SHORT] = "run";
    tui_format_date(note->time, date);
    if (note->index >= 0)
        snprintf(cell, sizeof cell, "cell %lld", (long long)note->index);
    tui_put(y, 2, 16, TUI_DIM | mark, date);
    tui_put(y, 19, 10, TUI_NORMAL | mark, cell);
    tui_put(y, 30, cols - 30, TUI_NORMAL | mark, note->text);
}

static void describe(struct run *self, struct tui_detail *detail, size_t index)
{
    tui_detail_add(detail, TUI_NORMAL, 0, "%s", self->notes.notes[index].text);
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    snprintf(out, size, "%s", self->notes.notes[index].text);
}

static const char *empty(const struct run *self)
{
    (void)self;
    return "No notes: cell:note(\"...\") in the experiment's run function writes one, a adds one.";
}

const struct run_tab run_notes_tab = {
    .name = "notes",
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .describe = describe,
    .text = text,
    .empty = empty,
};
