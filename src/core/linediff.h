/* What differs between two texts, line by line, as `diff -u` writes it. */
#ifndef ASSAY_CORE_LINEDIFF_H
#define ASSAY_CORE_LINEDIFF_H

#include <stddef.h>

/*
 * The shortest edit that makes b of a (Myers 1986), as a unified diff with `context` lines around
 * each change, under the heads "--- name_a" and "+++ name_b"; "" when the texts are equal. Lines end
 * in \n; a last line without one is followed by "\ No newline at end of file". Texts that differ in
 * more than 5000 lines are given as one change. *added and *removed (which may be NULL) count lines.
 * The caller frees *out. Errors: ASSAY_ENOMEM.
 */
int assay_line_diff(const char *a, const char *b, const char *name_a, const char *name_b,
    size_t context, char **out, size_t *added, size_t *removed);

#endif
