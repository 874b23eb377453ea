/* "Did you mean": the known name that is nearest to one that is not known. */
#ifndef ASSAY_CORE_SUGGEST_H
#define ASSAY_CORE_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap of neighbours) between two names, without regard to case. */
size_t assay_edit_distance(const char *a, const char *b);

/*
 * Write what to add to a message about an unknown name: " (did you mean "k"?)" when a known one is
 * within a third of its length, else " (there are: a, b, c)", shortened with "..." to `size`, else
 * "" when nothing is known.
 */
void assay_suggest(
    const char *unknown, const char *const *known, size_t count, char *out, size_t size);

#endif
