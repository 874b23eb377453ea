/*
 * Logs of samples: one JSON object a line (or one list of objects), in one of three forms.
 *
 * Plain, one sample an object:
 *   problem   text or integer (the same in all lines)   required
 *   correct   true or false       stored as 1 or 0; may be absent where there is a text or an
 * answer sample    integer >= 0        default: 1, 2, ... within the problem, in the order of the
 * file answer    text or number      the final answer that votes compare reward, logprob, cost
 * numbers tokens    integer >= 0 text      text                the whole completion Other fields
 * that hold a text, a number or a boolean (stored as 1 or 0) become columns of their own; lists and
 * objects are refused. null is a missing entry. Blank lines are skipped.
 *
 * lm-evaluation-harness, what it logs of a task (version 0.4 and later; files of 0.4.0 are one
 * list): doc_id is the problem, resps the text, filtered_resps the answer, one of the metrics says
 * what is correct, the others are columns. The same doc_id again is a further sample.
 *
 * The output of a batch of an OpenAI-compatible server: custom_id is the problem, every choice a
 * sample, see data/completion.h. What is correct is not in it.
 */
#ifndef ASSAY_DATA_SAMPLES_H
#define ASSAY_DATA_SAMPLES_H

#include <stdbool.h>

#include "data/jsonl.h"
#include "data/table.h"

/* The longest line that is read, in bytes. */
#define ASSAY_SAMPLES_LONGEST_LINE ASSAY_JSONL_LONGEST_LINE

enum { ASSAY_SAMPLES_NAME = 64 };

typedef struct assay_samples_options {
    const char *metric; /* of the harness: 1 is correct, 0 is not. NULL: exact_match, acc, pass@1,
                         * or the only one that is 0 or 1 */
    const char *filter; /* of the harness: whose answers count. NULL: the first line's. Logs before
                         * 0.4.6 don't name them: "1", "2", ... in the order of the file */
    bool skip_failed;   /* leave out a batch's requests that failed, instead of refusing them */
    const struct assay_progress *progress; /* may be NULL */
} assay_samples_options;

typedef struct assay_samples_found {
    const char *form; /* "plain", "lm-evaluation-harness", "batch" */
    size_t failed;    /* requests left out */
    size_t filtered;  /* lines of other filters, left out */
    size_t ungraded;  /* samples that are neither correct nor wrong */
    char filter[ASSAY_SAMPLES_NAME], metric[ASSAY_SAMPLES_NAME]; /* that were taken, or "" */
} assay_samples_found;

/*
 * The whole log as a new table, one row a sample in the order of the file, which the caller frees.
 * Its first columns are problem and sample, then correct if the first sample has it, then the
 * others as they appear. All or nothing: any error names file and line. `options` and `found` may
 * be NULL. ASSAY_EIO; ASSAY_EFORMAT (not JSON, not an object, a field missing or of the wrong type,
 * a (problem, sample) met before, two forms in one file, a line too long, no samples); ASSAY_EINVAL
 * (integers beyond 2^53); ASSAY_ENOMEM.
 */
int assay_samples_import(const char *path, const assay_samples_options *options, assay_table **out,
    assay_samples_found *found);

/* The same with the defaults. */
int assay_samples_read(const char *path, assay_table **out);

/* Write such a table in the plain form; missing entries and NaN are left out. `correct` is written
 * as true or false, numbers in as few digits as read back the same. ASSAY_EINVAL for infinities and
 * texts that are not UTF-8 (the row is named; nothing is written), ASSAY_EIO. */
int assay_samples_write(FILE *out, const assay_table *table);

#endif
