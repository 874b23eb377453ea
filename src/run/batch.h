/*
 * A batch: what has happened since the store was last written, in order, so that the database is
 * locked for one short transaction and not while the coordinator waits for cells.
 */
#ifndef ASSAY_RUN_BATCH_H
#define ASSAY_RUN_BATCH_H

#include "run/frame.h"
#include "store/store.h"

typedef struct assay_batch {
    assay_store *store;
    int64_t run;
    assay_bytes events;
    double since;     /* of the oldest event; INFINITY: none */
    int64_t *metrics; /* the store's number of each interned name, 0: not asked yet */
    size_t metric_count;
} assay_batch;

void assay_batch_init(assay_batch *batch, assay_store *store, int64_t run);
void assay_batch_free(assay_batch *batch);

int assay_batch_start(assay_batch *batch, int64_t cell);
int assay_batch_row(assay_batch *batch, int64_t cell, int64_t seq, const assay_frame *row);
int assay_batch_note(assay_batch *batch, int64_t cell, const char *text, size_t size);
int assay_batch_artifact(assay_batch *batch, int64_t cell, const assay_frame *artifact);
int assay_batch_finish(assay_batch *batch, int64_t cell, assay_cell_state state, double elapsed,
    const char *error /* or NULL */);

/* Write all of it, in one transaction; `names` are those of the rows. */
int assay_batch_flush(assay_batch *batch, const assay_names *names);

#endif
