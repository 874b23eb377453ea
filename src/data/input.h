/*
 * Bytes of a file, or of a part of it, in order: plain, gzip (found by its first bytes) or the raw
 * deflate of zip. For readers of binary formats, whose headers must not be believed:
 * assay_input_most bounds what can still come before anything is allocated. Errors name file and
 * offset.
 */
#ifndef ASSAY_DATA_INPUT_H
#define ASSAY_DATA_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/progress.h"

typedef struct assay_input assay_input;

/* The whole file. ASSAY_EIO, also for what is not a regular file. `progress`, which may be NULL, is
 * told of each MiB how far into the file it is, and must live as long as the input. */
int assay_input_open(const char *path, const assay_progress *progress, assay_input **out);

/* `stored` bytes from `offset` on, which hold `size` bytes with that CRC-32. `name` stands in
 * errors behind the path. */
int assay_input_open_part(const char *path, const char *name, uint64_t offset, uint64_t stored,
    bool deflated, uint64_t size, uint32_t crc, const assay_progress *progress, assay_input **out);

void assay_input_close(assay_input *input);

/* Exactly `size` bytes (NULL: skip them). ASSAY_EFORMAT with the offset where it ends early or is
 * corrupt. */
int assay_input_read(assay_input *input, void *out, size_t size);

/* Up to `size` bytes; fewer only at the end. */
int assay_input_read_some(assay_input *input, void *out, size_t size, size_t *got);

/* All that is left, with a NUL behind it; the caller frees it. */
int assay_input_read_rest(assay_input *input, char **bytes, size_t *size);

/* Nothing may follow; of a part also that its CRC is right. */
int assay_input_end(assay_input *input);

uint64_t assay_input_at(const assay_input *input); /* bytes read */
/* The most that can still come: exact for what is not compressed, else by deflate's best ratio. */
uint64_t assay_input_most(const assay_input *input);

/* For readers of texts that have no use for gzip: ASSAY_EFORMAT when the file, which stands at its
 * start, is one, and what to do. */
int assay_input_refuse_gzip(FILE *file, const char *path);

/* ASSAY_EFORMAT with "FILE: byte N: " before the message, N where the reader stands. */
int assay_input_refuse(const assay_input *input, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
