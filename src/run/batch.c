/* Events of cells are queued as bytes and written to the store together. */
#include "run/batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum {
    NOTE_SIZE = 1 << 20, /* of a longer note only the beginning is kept */
    KEPT = 1 << 20       /* memory that stays after a flush */
};

typedef enum event_kind {
    EVENT_START,
    EVENT_ROW,
    EVENT_NOTE,
    EVENT_ARTIFACT,
    EVENT_FINISH
} event_kind;

struct event {
    event_kind kind;
    assay_cell_state state; /* of a finish */
    int64_t cell, seq;
    double elapsed;
    size_t size; /* bytes that follow; those of a note and a finish end with NUL */
};

void assay_batch_init(assay_batch *batch, assay_store *store, int64_t run)
{
    *batch = (assay_batch){.store = store, .run = run, .since = INFINITY};
}

void assay_batch_free(assay_batch *batch)
{
    assay_bytes_free(&batch->events);
    free(batch->metrics);
    batch->metrics = NULL;
}

static int append(assay_batch *batch, const struct event *event, const void *payload)
{
    int status = assay_bytes_reserve(&batch->events, sizeof *event + event->size);
    if (status)
        return status;
    if (batch->events.size == 0)
        batch->since = assay_monotonic();
    assay_bytes_append(&batch->events, event, sizeof *event);
    return assay_bytes_append(&batch->events, payload, event->size);
}

int assay_batch_start(assay_batch *batch, int64_t cell)
{
    return append(batch, &(struct event){.kind = EVENT_START, .cell = cell}, "");
}

int assay_batch_row(assay_batch *batch, int64_t cell, int64_t seq, const assay_frame *row)
{
    return append(batch,
        &(struct event){.kind = EVENT_ROW, .cell = cell, .seq = seq, .size = row->size},
        row->payload);
}

int assay_batch_note(assay_batch *batch, int64_t cell, const char *text, size_t size)
{
    if (size > NOTE_SIZE)
        size = NOTE_SIZE;
    char *clean = malloc(3 * size + 1);
    if (!clean)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a note of %zu bytes", size);
    assay_text_clean(text, size, clean, 3 * size + 1);
    int status = append(
        batch, &(struct event){.kind = EVENT_NOTE, .cell = cell, .size = strlen(clean) + 1}, clean);
    free(clean);
    return status;
}

int assay_batch_artifact(assay_batch *batch, int64_t cell, const assay_frame *artifact)
{
    return append(batch,
        &(struct event){.kind = EVENT_ARTIFACT, .cell = cell, .size = artifact->size},
        artifact->payload);
}

int assay_batch_finish(
    assay_batch *batch, int64_t cell, assay_cell_state state, double elapsed, const char *error)
{
    return append(batch,
        &(struct event){.kind = EVENT_FINISH,
            .cell = cell,
            .state = state,
            .elapsed = elapsed,
            .size = error ? strlen(error) + 1 : 0},
        error ? error : "");
}

static int know_names(assay_batch *batch, const assay_names *names)
{
    if (names->count <= batch->metric_count)
        return ASSAY_OK;
    int64_t *metrics = realloc(batch->metrics, names->count * sizeof *metrics);
    if (!metrics)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for %zu names", names->count);
    memset(
        metrics + batch->metric_count, 0, (names->count - batch->metric_count) * sizeof *metrics);
    batch->metrics = metrics;
    batch->metric_count = names->count;
    return ASSAY_OK;
}

static int write_entry(assay_batch *batch, const struct event *event, const assay_names *names,
    const assay_row_entry *entry)
{
    int64_t *metric = &batch->metrics[entry->name];
    int status =
        *metric ? ASSAY_OK : assay_store_metric(batch->store, names->names[entry->name], metric);
    if (status)
        return status;
    if (entry->kind == ASSAY_DATUM_NUMBER)
        return assay_store_value_number(
            batch->store, batch->run, event->cell, event->seq, *metric, entry->number);
    if (entry->kind == ASSAY_DATUM_INTEGER)
        return assay_store_value_integer(
            batch->store, batch->run, event->cell, event->seq, *metric, entry->integer);
    return assay_store_value_text(
        batch->store, batch->run, event->cell, event->seq, *metric, entry->text, entry->size);
}

static int write_row(
    assay_batch *batch, const struct event *event, unsigned char *payload, const assay_names *names)
{
    size_t at = 0;
    bool corrupt;
    assay_row_entry entry;
    int status = ASSAY_OK;
    while (!status && assay_row_next(payload, event->size, &at, &entry, &corrupt))
        status = write_entry(batch, event, names, &entry);
    return status;
}

static int write_artifact(assay_batch *batch, const struct event *event, unsigned char *payload)
{
    assay_frame_artifact artifact;
    assay_frame frame = {ASSAY_FRAME_ARTIFACT, payload, event->size};
    int status = assay_frame_read_artifact(&frame, &artifact);
    return status ? status
                  : assay_store_artifact(batch->store, batch->run, event->cell, artifact.name,
                        artifact.type, artifact.data, artifact.size);
}

static int write_event(
    assay_batch *batch, const struct event *event, unsigned char *payload, const assay_names *names)
{
    switch (event->kind) {
    case EVENT_START:
        return assay_store_cell_start(batch->store, batch->run, event->cell);
    case EVENT_ROW:
        return write_row(batch, event, payload, names);
    case EVENT_NOTE:
        return assay_store_note(batch->store, batch->run, event->cell, (const char *)payload);
    case EVENT_ARTIFACT:
        return write_artifact(batch, event, payload);
    case EVENT_FINISH:
        break;
    }
    return assay_store_cell_finish(batch->store, batch->run, event->cell, event->state,
        event->elapsed, event->size ? (const char *)payload : NULL);
}

static int write_events(assay_batch *batch, const assay_names *names)
{
    int status = know_names(batch, names);
    for (size_t at = 0; !status && at < batch->events.size;) {
        struct event event;
        memcpy(&event, batch->events.data + at, sizeof event);
        at += sizeof event;
        status = write_event(batch, &event, batch->events.data + at, names);
        at += event.size;
    }
    return status;
}

int assay_batch_flush(assay_batch *batch, const assay_names *names)
{
    if (batch->events.size == 0)
        return ASSAY_OK;
    int status = assay_store_begin(batch->store);
    if (status)
        return status;
    status = write_events(batch, names);
    if (!status)
        status = assay_store_commit(batch->store);
    if (status) {
        assay_store_rollback(batch->store);
        return status;
    }
    assay_bytes_clear(&batch->events, KEPT);
    batch->since = INFINITY;
    return ASSAY_OK;
}
