/*
 * Writing and reading frames. The writer lives in a cell's process, perhaps under a memory limit,
 * so its last word (the error) is written from the stack.
 */
#include "run/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/status.h"

enum {
    SEND_SIZE = 32 << 10, /* buffered bytes that are sent at once */
    SENDS_A_SECOND = 100,
    ENTRY_HEAD = 5 /* a row entry's kind (8 bits) and name (32 bits) */
};

static int is_frame_kind(int kind)
{
    return kind >= ASSAY_FRAME_NAME && kind <= ASSAY_FRAME_ERROR;
}

int assay_frame_next(unsigned char *data, size_t size, assay_frame *out, size_t *used)
{
    *used = 0;
    if (size < ASSAY_FRAME_HEAD)
        return ASSAY_OK;
    uint32_t length;
    memcpy(&length, data, sizeof length);
    if (length > ASSAY_FRAME_LIMIT || !is_frame_kind(data[4]))
        return assay_fail(ASSAY_EFORMAT, "a frame of kind %d and %u bytes", data[4], length);
    if (size - ASSAY_FRAME_HEAD < length)
        return ASSAY_OK;
    *out = (assay_frame){(assay_frame_kind)data[4], data + ASSAY_FRAME_HEAD, length};
    *used = ASSAY_FRAME_HEAD + length;
    return ASSAY_OK;
}

bool assay_row_next(
    unsigned char *payload, size_t size, size_t *at, assay_row_entry *out, bool *corrupt)
{
    *corrupt = false;
    if (*at == size)
        return false;
    *corrupt = true;
    if (size - *at < ENTRY_HEAD + 8)
        return false;
    unsigned char *entry = payload + *at;
    *out = (assay_row_entry){.kind = (assay_datum_kind)entry[0], .id = entry + 1};
    memcpy(&out->name, entry + 1, sizeof out->name);
    const unsigned char *value = entry + ENTRY_HEAD;
    *at += ENTRY_HEAD + 8;
    if (out->kind == ASSAY_DATUM_NUMBER) {
        memcpy(&out->number, value, 8);
    } else if (out->kind == ASSAY_DATUM_INTEGER) {
        memcpy(&out->integer, value, 8);
    } else if (out->kind == ASSAY_DATUM_TEXT) {
        uint64_t length;
        memcpy(&length, value, 8);
        if (length > size - *at)
            return false;
        out->text = (const char *)value + 8;
        out->size = length;
        *at += length;
    } else {
        return false;
    }
    *corrupt = false;
    return true;
}

void assay_row_set_name(const assay_row_entry *entry, uint32_t name)
{
    memcpy(entry->id, &name, sizeof name);
}

/* An artifact is its name and its type, each ended by NUL, then the data. */
int assay_frame_read_artifact(const assay_frame *frame, assay_frame_artifact *out)
{
    const char *name = (const char *)frame->payload;
    const char *end = name + frame->size;
    const char *name_end = frame->size ? memchr(name, '\0', frame->size) : NULL;
    const char *type = name_end ? name_end + 1 : end;
    const char *type_end = type < end ? memchr(type, '\0', (size_t)(end - type)) : NULL;
    if (!type_end)
        return assay_fail(ASSAY_EFORMAT, "an artifact without a name or a type");
    *out = (assay_frame_artifact){name, type, type_end + 1, (size_t)(end - type_end - 1)};
    return ASSAY_OK;
}

int assay_frame_read_progress(const assay_frame *frame, double *done, double *total)
{
    if (frame->size != 2 * sizeof(double))
        return assay_fail(ASSAY_EFORMAT, "a progress frame of %zu bytes", frame->size);
    memcpy(done, frame->payload, sizeof *done);
    memcpy(total, frame->payload + sizeof *done, sizeof *total);
    return ASSAY_OK;
}

static int write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return assay_fail(ASSAY_EIO, "can't reach the run's coordinator: %s", strerror(errno));
        at += n;
        size -= (size_t)n;
    }
    return ASSAY_OK;
}

static int send_buffered(assay_frame_writer *writer)
{
    int status = write_all(writer->fd, writer->out.data, writer->out.size);
    writer->out.size = 0;
    writer->flushes++;
    return status;
}

static int send_when_due(assay_frame_writer *writer)
{
    double due = SENDS_A_SECOND * (assay_monotonic() - writer->began);
    if (writer->out.size < SEND_SIZE && writer->flushes + 1 > due)
        return ASSAY_OK;
    return send_buffered(writer);
}

static void put_head(unsigned char head[ASSAY_FRAME_HEAD], assay_frame_kind kind, size_t size)
{
    uint32_t length = (uint32_t)size;
    memcpy(head, &length, sizeof length);
    head[4] = (unsigned char)kind;
}

static int put_frame(
    assay_frame_writer *writer, assay_frame_kind kind, const void *payload, size_t size)
{
    if (size > ASSAY_FRAME_LIMIT)
        return assay_fail(ASSAY_EINVAL, "%zu bytes at once are more than a cell may log (%d MiB)",
            size, ASSAY_FRAME_LIMIT >> 20);
    int status = assay_bytes_reserve(&writer->out, ASSAY_FRAME_HEAD + size);
    if (status)
        return status;
    unsigned char head[ASSAY_FRAME_HEAD];
    put_head(head, kind, size);
    assay_bytes_append(&writer->out, head, sizeof head);
    return assay_bytes_append(&writer->out, payload, size);
}

int assay_frame_writer_open(assay_frame_writer *writer, int fd)
{
    *writer = (assay_frame_writer){.fd = fd, .began = assay_monotonic()};
    return assay_bytes_reserve(&writer->out, 2 * SEND_SIZE);
}

void assay_frame_writer_close(assay_frame_writer *writer)
{
    assay_bytes_free(&writer->out);
    assay_bytes_free(&writer->row);
    assay_names_free(&writer->names);
}

static int row_begin(void *context)
{
    assay_frame_writer *writer = context;
    writer->row.size = 0;
    return ASSAY_OK;
}

static int row_entry(assay_frame_writer *writer, const char *name, assay_datum_kind kind,
    const void *value /* 8 bytes */)
{
    uint32_t id;
    bool added;
    size_t size = strlen(name);
    int status = size > 0 && size <= ASSAY_FRAME_NAME_SIZE
                     ? assay_names_intern(&writer->names, name, size, &id, &added)
                     : assay_fail(ASSAY_EINVAL, "a measure's name must have 1..%d bytes, got %zu",
                           ASSAY_FRAME_NAME_SIZE, size);
    if (!status && id >= ASSAY_FRAME_NAMES)
        status = assay_fail(ASSAY_EINVAL,
            "a cell can log at most %d different measures, \"%s\" is one more", ASSAY_FRAME_NAMES,
            name);
    if (!status && added)
        status = put_frame(writer, ASSAY_FRAME_NAME, name, size);
    if (!status)
        status = assay_bytes_reserve(&writer->row, ENTRY_HEAD + 8);
    if (status)
        return status;
    unsigned char head[ENTRY_HEAD] = {(unsigned char)kind};
    memcpy(head + 1, &id, sizeof id);
    assay_bytes_append(&writer->row, head, sizeof head);
    return assay_bytes_append(&writer->row, value, 8);
}

static int row_number(void *context, const char *name, double value)
{
    return row_entry(context, name, ASSAY_DATUM_NUMBER, &value);
}

static int row_integer(void *context, const char *name, int64_t value)
{
    return row_entry(context, name, ASSAY_DATUM_INTEGER, &value);
}

static int row_text(void *context, const char *name, const char *text, size_t size)
{
    assay_frame_writer *writer = context;
    uint64_t length = size;
    int status = row_entry(writer, name, ASSAY_DATUM_TEXT, &length);
    return status ? status : assay_bytes_append(&writer->row, text, size);
}

static int row_end(void *context)
{
    assay_frame_writer *writer = context;
    int status = put_frame(writer, ASSAY_FRAME_ROW, writer->row.data, writer->row.size);
    return status ? status : send_when_due(writer);
}

static int note(void *context, const char *text)
{
    assay_frame_writer *writer = context;
    int status = put_frame(writer, ASSAY_FRAME_NOTE, text, strlen(text));
    return status ? status : send_when_due(writer);
}

/* The data go from where they lie into the pipe: a large artifact is not copied. */
static int artifact(
    void *context, const char *name, const char *type, const void *data, size_t size)
{
    assay_frame_writer *writer = context;
    size_t name_size = strlen(name) + 1;
    size_t type_size = strlen(type) + 1;
    size_t names = name_size + type_size;
    if (size > ASSAY_FRAME_LIMIT || names > ASSAY_FRAME_LIMIT - size)
        return assay_fail(ASSAY_EINVAL, "artifact \"%s\" has %zu bytes, the limit is %d MiB", name,
            size, ASSAY_FRAME_LIMIT >> 20);
    unsigned char head[ASSAY_FRAME_HEAD];
    put_head(head, ASSAY_FRAME_ARTIFACT, names + size);
    int status = assay_bytes_reserve(&writer->out, sizeof head + names);
    if (status)
        return status;
    assay_bytes_append(&writer->out, head, sizeof head);
    assay_bytes_append(&writer->out, name, name_size);
    assay_bytes_append(&writer->out, type, type_size);
    status = send_buffered(writer);
    return status ? status : write_all(writer->fd, data, size);
}

static int progress(void *context, double done, double total)
{
    assay_frame_writer *writer = context;
    double now = assay_monotonic();
    if (now - writer->progressed < 0.1)
        return ASSAY_OK;
    writer->progressed = now;
    double payload[2] = {done, total};
    int status = put_frame(writer, ASSAY_FRAME_PROGRESS, payload, sizeof payload);
    return status ? status : send_when_due(writer);
}

assay_cell_sink assay_frame_sink(assay_frame_writer *writer)
{
    return (assay_cell_sink){
        .context = writer,
        .row_begin = row_begin,
        .row_number = row_number,
        .row_integer = row_integer,
        .row_text = row_text,
        .row_end = row_end,
        .note = note,
        .artifact = artifact,
        .progress = progress,
    };
}

int assay_frame_result(assay_frame_writer *writer, const char *text)
{
    int status = put_frame(writer, ASSAY_FRAME_RESULT, text, strlen(text));
    return status ? status : send_buffered(writer);
}

int assay_frame_done(assay_frame_writer *writer)
{
    int status = put_frame(writer, ASSAY_FRAME_DONE, "", 0);
    return status ? status : send_buffered(writer);
}

int assay_frame_error(assay_frame_writer *writer, const char *message)
{
    size_t size = strlen(message);
    unsigned char head[ASSAY_FRAME_HEAD];
    put_head(head, ASSAY_FRAME_ERROR, size);
    int status = send_buffered(writer);
    if (!status)
        status = write_all(writer->fd, head, sizeof head);
    return status ? status : write_all(writer->fd, message, size);
}
