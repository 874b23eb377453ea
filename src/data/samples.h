/*
 * Logs of graded samples: one JSON object a line, one sample an object.
 *
 *   problem   text or integer (the same in all lines)   required
 *   correct   true or false                             required; stored as 1 or 0
 *   sample    integer >= 0        default: 1, 2, ... within the problem, in the order of the file
 *   answer    text or number      the final answer that votes compare
 *   reward, logprob, cost         numbers
 *   tokens    integer >= 0
 *   text      text                the whole completion
 *
 * Other fields that hold a text, a number or a boolean (stored as 1 or 0) become columns of their own;
 * lists and objects are refused. null is a missing entry. Blank lines are skipped.
 */
#ifndef ASSAY_DATA_SAMPLES_H
#define ASSAY_DATA_SAMPLES_H

#include "data/jsonl.h"
#include "data/table.h"

/* The longest line that is read, in bytes. */
#define ASSAY_SAMPLES_LONGEST_LINE ASSAY_JSONL_LONGEST_LINE

/*
 * The whole log as a new table, one row a sample in the order of the file, which the caller frees. Its
 * first columns are problem, sample and correct, then come the others as they appear. All or nothing:
 * any error names file and line. ASSAY_EIO; ASSAY_EFORMAT (not JSON, not an object, a field missing or
 * of the wrong type, a (problem, sample) met before, a line too long, no samples); ASSAY_EINVAL
 * (integers beyond 2^53); ASSAY_ENOMEM.
 */
int assay_samples_read(const char *path, assay_table **out);

#endif
