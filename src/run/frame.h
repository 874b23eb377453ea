/*
 * Frames: the words of a cell's process, on their way to its coordinator through a pipe.
 *
 * A frame is a length (32 bits), a kind (8 bits) and a payload, in the machine's own byte order and
 * without a version: both ends are one program. The reading end trusts nothing that it reads, since
 * a script can scribble over the process that writes.
 *
 * Names of measures are interned: a NAME frame gives the next id (0, 1, ...) to a name, rows carry
 * ids. The writer buffers, but never for long: a cell that speaks rarely is heard at once, one that
 * pours is heard about a hundred times a second.
 */
#ifndef ASSAY_RUN_FRAME_H
#define ASSAY_RUN_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lua/engine.h"
#include "run/bytes.h"

typedef enum assay_frame_kind {
    ASSAY_FRAME_NAME = 1, /* the name's bytes */
    ASSAY_FRAME_ROW,      /* entries, see assay_row_next */
    ASSAY_FRAME_NOTE,     /* text */
    ASSAY_FRAME_ARTIFACT, /* see assay_frame_artifact */
    ASSAY_FRAME_PROGRESS, /* two doubles: done, total */
    ASSAY_FRAME_RESULT,   /* text: what a job other than a cell gives back */
    ASSAY_FRAME_DONE,     /* nothing: the cell is complete */
    ASSAY_FRAME_ERROR     /* text: why the cell failed */
} assay_frame_kind;

enum {
    ASSAY_FRAME_HEAD = 5,          /* bytes before the payload */
    ASSAY_FRAME_LIMIT = 256 << 20, /* bytes of a payload: an artifact may be as large as this */
    ASSAY_FRAME_NAME_SIZE = 256,   /* bytes of a measure's name */
    ASSAY_FRAME_NAMES = 1 << 16    /* different names of a cell */
};

typedef struct assay_frame {
    assay_frame_kind kind;
    unsigned char *payload;
    size_t size;
} assay_frame;

/* The frame at the start of `data`. ASSAY_OK with *used = 0 when its end has not come yet;
 * ASSAY_EFORMAT when no frame begins so. The payload points into `data`. */
int assay_frame_next(unsigned char *data, size_t size, assay_frame *out, size_t *used);

/* One entry of a row's payload. `id` may be written to: it is where the id stands. */
typedef struct assay_row_entry {
    uint32_t name;
    assay_datum_kind kind; /* number, integer or text */
    double number;
    int64_t integer;
    const char *text; /* not terminated */
    size_t size;
    unsigned char *id;
} assay_row_entry;

/* The entry at *at (0 at first), which moves on; false at the end. An entry that is cut short or of
 * no known kind sets *corrupt. */
bool assay_row_next(
    unsigned char *payload, size_t size, size_t *at, assay_row_entry *out, bool *corrupt);
void assay_row_set_name(const assay_row_entry *entry, uint32_t name);

typedef struct assay_frame_artifact {
    const char *name, *type; /* terminated */
    const void *data;
    size_t size;
} assay_frame_artifact;

/* ASSAY_EFORMAT when the payload is not an artifact (or two doubles). */
int assay_frame_read_artifact(const assay_frame *frame, assay_frame_artifact *out);
int assay_frame_read_progress(const assay_frame *frame, double *done, double *total);

typedef struct assay_frame_writer {
    int fd;
    assay_bytes out, row;
    assay_names names;
    double began, progressed; /* seconds */
    double flushes;
    const char *database; /* where imported logs of samples are, or NULL */
} assay_frame_writer;

int assay_frame_writer_open(assay_frame_writer *writer, int fd);
void assay_frame_writer_close(assay_frame_writer *writer); /* flushes nothing, keeps the fd */

/* Where a cell's words become frames; valid as long as the writer. */
assay_cell_sink assay_frame_sink(assay_frame_writer *writer);

/* Last words; each sends what is buffered before it. The error needs no memory. */
int assay_frame_result(assay_frame_writer *writer, const char *text);
int assay_frame_done(assay_frame_writer *writer);
int assay_frame_error(assay_frame_writer *writer, const char *message);

#endif
