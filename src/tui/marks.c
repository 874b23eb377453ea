/*
 * Marks, and what is done to runs. Writing to the store may have to wait for its turn, so it is
 * done aside, all runs in one transaction.
 */
#include "tui/marks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/frame.h"

struct tui_deleted {
    struct tui_deleted *before;
    size_t count;
    int64_t runs[];
};

/* ---- marks ---- */

static size_t position(const struct tui_marks *marks, int64_t run)
{
    size_t i = 0;
    while (i < marks->count && marks->runs[i] != run)
        i++;
    return i;
}

bool tui_marked(const struct tui *tui, int64_t run)
{
    return position(&tui->marks, run) < tui->marks.count;
}

const int64_t *tui_marks(const struct tui *tui, size_t *count)
{
    *count = tui->marks.count;
    return tui->marks.runs;
}

static void take_away(struct tui_marks *marks, size_t at)
{
    marks->count--;
    memmove(marks->runs + at, marks->runs + at + 1, (marks->count - at) * sizeof *marks->runs);
}

static int toggle(struct tui_marks *marks, int64_t run)
{
    size_t at = position(marks, run);
    if (at < marks->count) {
        take_away(marks, at);
        return ASSAY_OK;
    }
    if (marks->count == marks->room) {
        size_t room = marks->room ? 2 * marks->room : 16;
        int64_t *grown = realloc(marks->runs, room * sizeof *grown);
        if (!grown)
            return assay_fail(ASSAY_ENOMEM, "out of memory for marks");
        marks->runs = grown;
        marks->room = room;
    }
    marks->runs[marks->count++] = run;
    return ASSAY_OK;
}

void tui_marks_clear(struct tui *tui)
{
    struct tui_marks *marks = &tui->marks;
    for (struct tui_deleted *last; (last = marks->deleted) != NULL; free(last))
        marks->deleted = last->before;
    free(marks->runs);
    *marks = (struct tui_marks){0};
}

/* ---- changes, aside ---- */

struct change {
    struct tui_job job;
    enum tui_request what;
    bool on;
    char *database, *text;
    size_t count;
    int64_t runs[];
};

static int change_run(assay_store *store, const struct change *self, int64_t run)
{
    switch (self->what) {
    case TUI_PIN:
        return assay_store_run_pin(store, run, self->on);
    case TUI_LABEL:
        return assay_store_run_label(store, run, self->text);
    case TUI_TAG:
        return assay_store_run_tag(store, run, self->text, self->on);
    case TUI_NOTE:
        return assay_store_note(store, run, -1, self->text);
    default:
        return assay_store_run_discard(store, run, self->on);
    }
}

static int carry_out(struct tui_job *job)
{
    struct change *self = (struct change *)job;
    assay_store *store = NULL;
    int status = assay_store_open(self->database, ASSAY_STORE_WRITE, &store);
    if (status == ASSAY_OK)
        status = assay_store_begin(store);
    for (size_t i = 0; i < self->count && status == ASSAY_OK; i++)
        status = change_run(store, self, self->runs[i]);
    if (status == ASSAY_OK)
        status = assay_store_commit(store);
    assay_store_close(store); /* what was not committed is rolled back */
    return status;
}

static int remember_deleted(struct tui_marks *marks, const struct change *self)
{
    struct tui_deleted *deleted = malloc(sizeof *deleted + self->count * sizeof *deleted->runs);
    if (!deleted)
        return assay_fail(ASSAY_ENOMEM, "out of memory: these runs can be had back by "
                                        ":filter is:discarded only");
    deleted->before = marks->deleted;
    deleted->count = self->count;
    memcpy(deleted->runs, self->runs, self->count * sizeof *deleted->runs);
    marks->deleted = deleted;
    for (size_t i = 0; i < self->count; i++) {
        size_t at = position(marks, self->runs[i]);
        if (at < marks->count)
            take_away(marks, at);
    }
    return ASSAY_OK;
}

static void forget_deleted(struct tui_marks *marks)
{
    struct tui_deleted *last = marks->deleted;
    marks->deleted = last->before;
    free(last);
}

static void tell(struct tui *tui, const struct change *self)
{
    static const struct {
        enum tui_request what;
        bool on;
        const char *words;
    } all[] = {
        {TUI_PIN, true, "pinned"},
        {TUI_PIN, false, "no longer pinned"},
        {TUI_LABEL, true, "labelled"},
        {TUI_TAG, true, "tagged"},
        {TUI_TAG, false, "no longer tagged so"},
        {TUI_NOTE, true, "noted"},
        {TUI_DELETE, true, "deleted; u has it back"},
        {TUI_DELETE, false, "here again"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].what == self->what && all[i].on == self->on) {
            if (self->count == 1)
                tui_say(tui, TUI_GOOD, "run %lld: %s", (long long)self->runs[0], all[i].words);
            else
                tui_say(tui, TUI_GOOD, "%zu runs: %s", self->count, all[i].words);
        }
}

static void was_changed(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct change *self = (struct change *)job;
    int status = job->status;
    (void)view;
    if (status == ASSAY_OK && self->what == TUI_DELETE && self->on)
        status = remember_deleted(&tui->marks, self);
    if (status == ASSAY_OK)
        tell(tui, self);
    else
        tui_failed(tui);
    free(self->database);
    free(self->text);
    tui_look_at_store(tui);
}

/* The runs that are meant. */
static const int64_t *meant(const struct tui *tui, const int64_t *run, bool all, size_t *count)
{
    bool marked = all && tui->marks.count > 0;
    *count = marked ? tui->marks.count : *run != 0;
    return marked ? tui->marks.runs : run;
}

static int start_change(struct tui *tui, enum tui_request what, bool on, const char *text,
    const int64_t *runs, size_t count)
{
    struct change *self = calloc(1, sizeof *self + count * sizeof *runs);
    if (!self)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    self->job.work = carry_out;
    self->job.done = was_changed;
    self->what = what;
    self->on = on;
    self->count = count;
    memcpy(self->runs, runs, count * sizeof *runs);
    self->database = strdup(tui_database(tui));
    self->text = strdup(text ? text : "");
    if (!self->database || !self->text) {
        free(self->database);
        free(self->text);
        free(self);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    return tui_aside(tui, &self->job);
}

/* ---- keys ---- */

static void delete_marked(struct tui *tui, int64_t run)
{
    size_t count;
    const int64_t *runs = meant(tui, &run, run == 0, &count);
    if (start_change(tui, TUI_DELETE, true, NULL, runs, count) != ASSAY_OK)
        tui_failed(tui);
}

static void ask_delete(struct tui *tui, const int64_t *runs, size_t count)
{
    char question[128];
    if (count == 1)
        snprintf(question, sizeof question, "Delete run %lld?", (long long)runs[0]);
    else
        snprintf(question, sizeof question, "Delete the %zu marked runs?", count);
    tui_ask(tui, question, delete_marked, count == 1 ? runs[0] : 0);
}

static int undo(struct tui *tui)
{
    struct tui_deleted *last = tui->marks.deleted;
    if (!last)
        return assay_fail(ASSAY_ENOTFOUND, "nothing was deleted since this interface was opened");
    int status = start_change(tui, TUI_DELETE, false, NULL, last->runs, last->count);
    if (status == ASSAY_OK)
        forget_deleted(&tui->marks);
    return status;
}

static void ask_label(struct tui *tui, int64_t run)
{
    assay_run_info info;
    char text[512] = "label ";
    if (tui_store(tui) && assay_store_run_get(tui_store(tui), run, &info) == ASSAY_OK) {
        snprintf(text, sizeof text, "label %s", info.label ? info.label : "");
        assay_run_info_clear(&info);
    }
    tui_ask_command(tui, text);
}

static int pin(struct tui *tui, const int64_t *runs, size_t count)
{
    assay_run_info info;
    bool pinned = false;
    if (tui_store(tui) && assay_store_run_get(tui_store(tui), runs[0], &info) == ASSAY_OK) {
        pinned = info.pinned;
        assay_run_info_clear(&info);
    }
    return start_change(tui, TUI_PIN, !pinned, NULL, runs, count);
}

static int change_by_key(
    struct tui *tui, enum tui_request request, const int64_t *runs, size_t count)
{
    if (!count)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run here");
    switch (request) {
    case TUI_MARK:
        return toggle(&tui->marks, runs[0]);
    case TUI_PIN:
        return pin(tui, runs, count);
    case TUI_LABEL:
        ask_label(tui, runs[0]);
        return ASSAY_OK;
    case TUI_DELETE:
        ask_delete(tui, runs, count);
        return ASSAY_OK;
    default:
        tui_ask_command(tui, request == TUI_TAG ? "tag " : "note ");
        return ASSAY_OK;
    }
}

bool tui_marks_request(struct tui *tui, enum tui_request request, int64_t run, bool all)
{
    size_t count;
    const int64_t *runs = meant(tui, &run, all && request != TUI_MARK, &count);
    int status = ASSAY_OK;
    switch (request) {
    case TUI_UNMARK_ALL:
        tui->marks.count = 0;
        break;
    case TUI_UNDO:
        status = undo(tui);
        break;
    case TUI_MARK:
    case TUI_PIN:
    case TUI_LABEL:
    case TUI_TAG:
    case TUI_NOTE:
    case TUI_DELETE:
        status = change_by_key(tui, request, runs, count);
        break;
    default:
        return false;
    }
    if (status != ASSAY_OK)
        tui_failed(tui);
    return true;
}

int tui_marks_command(
    struct tui *tui, enum tui_request request, const char *text, int64_t run, bool all)
{
    size_t count;
    const int64_t *runs = meant(tui, &run, all, &count);
    bool off = request == TUI_TAG && *text == '-';
    if (!count)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run here");
    if (request != TUI_LABEL && !text[off])
        return assay_fail(
            ASSAY_EINVAL, "the %s's text is missing", request == TUI_TAG ? "tag" : "note");
    return start_change(tui, request, !off, text + off, runs, count);
}
