/* Readers of what others wrote, as functions of bytes. Whatever the bytes, a target returns: it
 * must not crash, hang, leak, or take memory that the bytes do not account for. */
#ifndef TESTS_FUZZ_TARGETS_H
#define TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_target {
    const char *name; /* of its corpus, too */
    void (*run)(const uint8_t *data, size_t size);
} fuzz_target;

extern const fuzz_target fuzz_targets[];
extern const size_t fuzz_target_count;

const fuzz_target *fuzz_find(const char *name); /* NULL: there is none */
void fuzz_prepare(void);                        /* once, before the first target runs */
void fuzz_clean(void);                          /* removes the file through which targets read */

#endif
