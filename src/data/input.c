/*
 * Bytes of files through zlib. One z_stream serves gzip and zip; gzopen would do for gzip alone,
 * but it calls a cut file complete when asked the wrong way, and takes what is not gzip for plain
 * bytes.
 */
#include "data/input.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "core/status.h"

/* Deflate spends at least 1 bit on 129 bytes (RFC 1951: 258 by a length and a distance code). */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* the convention of fuzzers: the same, sooner */
#define BEST_RATIO 16u
#else
#define BEST_RATIO 1032u
#endif

enum { STEP = 1 << 20 }; /* bytes between two reports */

enum packing { PLAIN, GZIP, DEFLATE };

struct assay_input {
    char *name;
    FILE *file;
    enum packing packing;
    bool started, ended; /* inflate's stream */
    uint64_t left;       /* bytes of the file that are still unread */
    uint64_t end, whole; /* where in the file the last of them are, and its size */
    const assay_progress *progress;
    uint64_t at;
    bool is_part;
    uint64_t size;          /* of a part */
    uint32_t crc, read_crc; /* of a part */
    z_stream stream;
    unsigned char buffer[65536];
};

int assay_input_refuse(const assay_input *input, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return assay_fail(
        ASSAY_EFORMAT, "%s: byte %llu: %s", input->name, (unsigned long long)input->at, text);
}

static int start(assay_input *input, const char *path, const char *name)
{
    struct stat about;
    int length =
        snprintf(NULL, 0, "%s%s%s%s", path, name ? "(" : "", name ? name : "", name ? ")" : "");
    input->name = malloc((size_t)length + 1);
    if (!input->name)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    sprintf(input->name, "%s%s%s%s", path, name ? "(" : "", name ? name : "", name ? ")" : "");
    input->file = fopen(path, "rb");
    if (!input->file || fstat(fileno(input->file), &about) != 0)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return assay_fail(ASSAY_EIO, "%s: is not a regular file", path);
    input->left = input->end = input->whole = (uint64_t)about.st_size;
    return ASSAY_OK;
}

static int start_inflate(assay_input *input)
{
    int bits = input->packing == GZIP ? 15 + 16 : -15;
    if (inflateInit2(&input->stream, bits) != Z_OK)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", input->name);
    input->started = true;
    return ASSAY_OK;
}

static int finish_open(assay_input *input, int status, assay_input **out)
{
    if (!status && input->packing != PLAIN)
        status = start_inflate(input);
    if (status)
        assay_input_close(input);
    else
        *out = input;
    return status;
}

int assay_input_open(const char *path, const assay_progress *progress, assay_input **out)
{
    assay_input *input = calloc(1, sizeof *input);
    if (!input)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    int status = start(input, path, NULL);
    if (!status) {
        unsigned char magic[2] = {0};
        bool gzip = fread(magic, 1, 2, input->file) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
        input->packing = gzip ? GZIP : PLAIN;
        input->progress = progress;
        rewind(input->file);
    }
    return finish_open(input, status, out);
}

int assay_input_open_part(const char *path, const char *name, uint64_t offset, uint64_t stored,
    bool deflated, uint64_t size, uint32_t crc, const assay_progress *progress, assay_input **out)
{
    assay_input *input = calloc(1, sizeof *input);
    if (!input)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    int status = start(input, path, name);
    if (!status && (offset > input->left || stored > input->left - offset))
        status = assay_fail(ASSAY_EFORMAT, "%s: %llu bytes at %llu are beyond the file's %llu",
            input->name, (unsigned long long)stored, (unsigned long long)offset,
            (unsigned long long)input->left);
    if (!status && (deflated ? size / BEST_RATIO > stored + 1 : size != stored))
        status = assay_fail(ASSAY_EFORMAT, "%s: %llu bytes cannot come of %llu stored ones",
            input->name, (unsigned long long)size, (unsigned long long)stored);
    if (!status && fseeko(input->file, (off_t)offset, SEEK_SET) != 0)
        status = assay_fail(ASSAY_EIO, "%s: %s", input->name, strerror(errno));
    input->packing = deflated ? DEFLATE : PLAIN;
    input->left = stored;
    input->end = offset + stored;
    input->progress = progress;
    input->is_part = true;
    input->size = size;
    input->crc = crc;
    return finish_open(input, status, out);
}

void assay_input_close(assay_input *input)
{
    if (!input)
        return;
    if (input->started)
        inflateEnd(&input->stream);
    if (input->file)
        fclose(input->file);
    free(input->name);
    free(input);
}

uint64_t assay_input_at(const assay_input *input)
{
    return input->at;
}

uint64_t assay_input_most(const assay_input *input)
{
    if (input->is_part)
        return input->size - input->at;
    if (input->packing == PLAIN)
        return input->left;
    uint64_t packed = input->left + input->stream.avail_in;
    return packed > UINT64_MAX / (2 * BEST_RATIO) ? UINT64_MAX
                                                  : (packed + sizeof input->buffer) * BEST_RATIO;
}

/* Up to `size` bytes of the file; fewer only at its end. */
static int read_file(assay_input *input, void *out, size_t size, size_t *got)
{
    size_t wanted = size < input->left ? size : (size_t)input->left;
    *got = fread(out, 1, wanted, input->file);
    if (*got < wanted && ferror(input->file))
        return assay_fail(ASSAY_EIO, "%s: %s", input->name, strerror(errno));
    input->left = *got < wanted ? 0 : input->left - *got;
    return ASSAY_OK;
}

/* A gzip file may hold several members, one behind the other (RFC 1952, 2.2). */
static int end_of_stream(assay_input *input)
{
    bool more = input->packing == GZIP && (input->stream.avail_in > 0 || input->left > 0);
    input->ended = !more;
    if (more && inflateReset(&input->stream) != Z_OK)
        return assay_input_refuse(input, "the gzip stream cannot go on");
    return ASSAY_OK;
}

static int inflate_some(assay_input *input, void *out, size_t size, size_t *got)
{
    z_stream *z = &input->stream;
    uInt room = size > 1u << 30 ? 1u << 30 : (uInt)size;
    z->next_out = out;
    z->avail_out = room;
    while (z->avail_out > 0 && !input->ended) {
        size_t filled = 0;
        int status = ASSAY_OK;
        if (z->avail_in == 0 && input->left > 0) {
            status = read_file(input, input->buffer, sizeof input->buffer, &filled);
            z->next_in = input->buffer;
            z->avail_in = (uInt)filled;
        }
        if (status)
            return status;
        int code = inflate(z, Z_NO_FLUSH);
        if (code == Z_STREAM_END)
            status = end_of_stream(input);
        else if (code == Z_BUF_ERROR && z->avail_in == 0 && input->left == 0)
            status = assay_input_refuse(input, "the compressed data end early; is the file cut?");
        else if (code != Z_OK && code != Z_BUF_ERROR)
            status = assay_input_refuse(
                input, "the compressed data are corrupt (%s)", z->msg ? z->msg : zError(code));
        if (status)
            return status;
    }
    *got = room - z->avail_out;
    return ASSAY_OK;
}

static int read_some(assay_input *input, void *out, size_t size, size_t *got)
{
    if (input->packing == PLAIN)
        return read_file(input, out, size, got);
    return inflate_some(input, out, size, got);
}

static void count(assay_input *input, const unsigned char *bytes, size_t size)
{
    input->at += size;
    if (!input->is_part)
        return;
    for (size_t i = 0; i < size; i += 1u << 30)
        input->read_crc = (uint32_t)crc32(
            input->read_crc, bytes + i, (uInt)(size - i < 1u << 30 ? size - i : 1u << 30));
}

/* `size` bytes were read; tells it of each STEP. */
static int report(const assay_input *input, size_t size)
{
    if (input->at / STEP == (input->at - size) / STEP)
        return ASSAY_OK;
    return assay_progress_report(
        input->progress, (double)(input->end - input->left), (double)input->whole);
}

int assay_input_read_some(assay_input *input, void *out, size_t size, size_t *got)
{
    int status = ASSAY_OK;
    *got = 0;
    while (*got < size && !status) {
        size_t now = 0, wanted = size - *got < STEP ? size - *got : STEP;
        status = read_some(input, (unsigned char *)out + *got, wanted, &now);
        if (status || now == 0)
            break;
        count(input, (unsigned char *)out + *got, now);
        *got += now;
        status = report(input, now);
    }
    return status;
}

static int read_all(assay_input *input, void *out, size_t size)
{
    size_t got;
    int status = assay_input_read_some(input, out, size, &got);
    if (!status && got < size)
        status =
            assay_input_refuse(input, "the file ends here, but %zu bytes more are due", size - got);
    return status;
}

int assay_input_read(assay_input *input, void *out, size_t size)
{
    unsigned char scratch[16384];
    if (out)
        return read_all(input, out, size);
    int status = ASSAY_OK;
    for (size_t left = size; left > 0 && !status;) {
        size_t now = left < sizeof scratch ? left : sizeof scratch;
        status = read_all(input, scratch, now);
        left -= now;
    }
    return status;
}

/* Gzip does not tell its size, so that the memory doubles. */
int assay_input_read_rest(assay_input *input, char **bytes, size_t *size)
{
    size_t room = input->packing == PLAIN ? (size_t)input->left + 1 : 65536;
    int status = ASSAY_OK;
    char *all = NULL;
    for (*size = 0; !status; room *= 2) {
        size_t got = 0;
        char *grown = room < SIZE_MAX / 2 ? realloc(all, room + 1) : NULL;
        if (!grown)
            status = assay_fail(ASSAY_ENOMEM, "%s: out of memory", input->name);
        else
            status = assay_input_read_some(input, (all = grown) + *size, room - *size, &got);
        *size += got;
        if (*size < room)
            break;
    }
    if (status) {
        free(all);
        return status;
    }
    all[*size] = '\0';
    *bytes = all;
    return ASSAY_OK;
}

/* One byte, which a pipe takes back; no text begins with it. */
int assay_input_refuse_gzip(FILE *file, const char *path)
{
    const int byte = getc(file);
    if (byte != EOF)
        ungetc(byte, file);
    return byte != 0x1f
               ? ASSAY_OK
               : assay_fail(ASSAY_EFORMAT,
                     "%s: is compressed by gzip, which is not read here; gunzip it first", path);
}

int assay_input_end(assay_input *input)
{
    unsigned char byte;
    size_t got = 0;
    int status = read_some(input, &byte, 1, &got);
    if (status)
        return status;
    if (got > 0)
        return assay_input_refuse(input, "more bytes follow than the header speaks of");
    if (input->is_part && input->read_crc != input->crc)
        return assay_input_refuse(input, "the checksum (CRC-32) is %08x, but should be %08x",
            (unsigned)input->read_crc, (unsigned)input->crc);
    return ASSAY_OK;
}
