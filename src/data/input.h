/*
 * Bytes of a file, or of a part of it, in order: plain, gzip (found by its first bytes) or the raw
 * deflate of zip. For readers of binary formats, whose headers must not be believed: assay_input_most
 * bounds what can still come before anything is allocated. Errors name file and offset.
 */
#ifndef ASSAY_DATA_INPUT_H
#define ASSAY_DATA_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct assay_input assay_input;

/* The whole file. ASSAY_EIO, also for what is not a regular file. */
int assay_input_open(const char *path, assay_input **out);

/* `stored` bytes from `offset` on, which hold `size` bytes with that CRC-32. `name` stands in errors
 * behind the path. */
int assay_input_open_part(const char *path, const char *name, uint64_t offset, uint64_t stored,
    bool deflated, uint64_t size, uint32_t crc, assay_input **out);

void assay_input_close(assay_input *input);

/* Exactly `size` bytes (NULL: skip them). ASSAY_EFORMAT with the offset where it ends early or is
 * corrupt. */
int assay_input_read(assay_input *input, void *out, size_t size);

/* Up to `size` bytes; fewer only at the end. */
int assay_input_read_some(assay_input *input, void *out, size_t size, size_t *got);

/* Nothing may follow; of a part also that its CRC is right. */
int assay_input_end(assay_input *input);

uint64_t assay_input_at(const assay_input *input); /* bytes read */
/* The most that can still come: exact for what is not compressed, else by deflate's best ratio. */
uint64_t assay_input_most(const assay_input *input);

/* ASSAY_EFORMAT with "FILE: byte N: " before the message, N where the reader stands. */
int assay_input_refuse(const assay_input *input, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
