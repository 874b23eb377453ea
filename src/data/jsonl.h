/*
 * Tables from and to JSON lines: an object a line, a row an object. Texts and numbers become
 * entries, true and false 1 and 0, null and absent fields missing ones; columns come as they
 * appear. Lists and objects within are refused, and so are keys that repeat.
 */
#ifndef ASSAY_DATA_JSONL_H
#define ASSAY_DATA_JSONL_H

#include <stdbool.h>
#include <stdio.h>

#include "core/progress.h"
#include "data/table.h"

/* The longest line that is read, in bytes. */
#define ASSAY_JSONL_LONGEST_LINE ((size_t)64 << 20)

/* The caller frees the table. All or nothing; errors name file and line: ASSAY_EIO, ASSAY_EFORMAT,
 * ASSAY_EINVAL (integers beyond 2^53), ASSAY_ENOMEM. */
int assay_jsonl_read(const char *path, const assay_progress *progress, assay_table **out);

/* A text, or an entry that isn't missing, as JSON. Numbers have as few digits as read back the same,
 * and a point where they were not integers. False when it can't be: not UTF-8, not written. */
bool assay_jsonl_text(FILE *out, const char *text);
bool assay_jsonl_entry(FILE *out, const assay_datum *entry);

/* Missing entries are left out. ASSAY_EINVAL for NaN and infinities, which JSON lacks (what stands
 * before that row is written), ASSAY_EIO. */
int assay_jsonl_write(FILE *out, const assay_table *table);

#endif
