/* JSON lines: one value a line. What samples and tables are read by. */
#ifndef ASSAY_DATA_LINES_H
#define ASSAY_DATA_LINES_H

#include <jansson.h>
#include <stddef.h>

#include "core/progress.h"

#include "data/table.h"

/* Calls `take` for the value of every line that is not blank, until one fails. Errors name file and
 * line; a file that gzip compressed is refused. `progress` may be NULL. */
int assay_json_lines(const char *path, const assay_progress *progress,
    int (*take)(void *context, size_t line, json_t *value), void *context);

/* The same for a file that may also be one list of objects, `take` gets the line where each begins.
 */
int assay_json_objects(const char *path, const assay_progress *progress,
    int (*take)(void *context, size_t line, json_t *value), void *context);

/* Set an entry of the table's last row: a text, a number or a boolean (1 or 0); null leaves it
 * missing. The column comes about when it is not there. Lists and objects are refused. */
int assay_json_entry(
    assay_table *table, const char *path, size_t line, const char *name, const json_t *value);

const char *assay_json_kind(const json_t *value); /* "a list", "null", ... */

#endif
