/* What frames and batches are made of: bytes that grow, names that become numbers, and the clock.
 */
#ifndef ASSAY_RUN_BYTES_H
#define ASSAY_RUN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct assay_bytes {
    unsigned char *data;
    size_t size, capacity;
} assay_bytes;

/* Room for `more` bytes after the end. ASSAY_ENOMEM. */
int assay_bytes_reserve(assay_bytes *bytes, size_t more);
int assay_bytes_append(assay_bytes *bytes, const void *data, size_t size);
/* Drop the first `size` bytes. */
void assay_bytes_consume(assay_bytes *bytes, size_t size);
/* Empty it; memory beyond `keep` bytes is given back. */
void assay_bytes_clear(assay_bytes *bytes, size_t keep);
void assay_bytes_free(assay_bytes *bytes);

/* Names in the order of their first appearance, found by hash. */
typedef struct assay_names {
    char **names;
    size_t count;
    uint32_t *slots; /* id + 1, 0: empty; a power of two of them, at most half full */
    size_t slot_count;
} assay_names;

/* The name's id, and whether it is new. ASSAY_ENOMEM. */
int assay_names_intern(
    assay_names *names, const char *name, size_t size, uint32_t *id, bool *added);
void assay_names_free(assay_names *names);

/* Copy text, with what is no UTF-8 (and NUL) as U+FFFD and control characters other than newline
 * and tab as '?'. At most `size` - 1 bytes, never cut within a character. */
void assay_text_clean(const char *text, size_t length, char *out, size_t size);

double assay_monotonic(void); /* seconds; only differences mean anything */

#endif
