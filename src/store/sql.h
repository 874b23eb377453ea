/* What `assay sql` runs: statements of the user's, their results as text. */
#ifndef ASSAY_STORE_SQL_H
#define ASSAY_STORE_SQL_H

#include <stdatomic.h>
#include <stdio.h>

#include "store/store.h"

/*
 * Run the statements in `sql` one after another, each result set written as
 *   "table"  columns aligned by width, numbers to the right, NULL empty, long texts cut, what would
 *            move the cursor escaped: for a terminal;
 *   "csv"    RFC 4180, a line of names first, NULL empty, blobs in hexadecimal;
 *   "json"   an array of objects, NULL and numbers that are not finite as null.
 * A store that was opened with ASSAY_STORE_READ runs only statements that write nothing: another
 * one is refused (ASSAY_EINVAL) before it runs. Errors in the SQL are ASSAY_EINVAL with SQLite's
 * words and the statement's number; what came before stays done.
 */
int assay_store_sql(assay_store *store, const char *sql, const char *format, FILE *out);

/* From now on statements end soon (ASSAY_ECANCELLED) once *cancel is set, by whatever thread; NULL:
 * no longer. */
void assay_store_sql_heed(assay_store *store, const atomic_bool *cancel);

/* The names of tables, views and their columns, each once, NULL at the end: for completing what is
 * typed. The caller frees each and the array. */
int assay_store_sql_names(assay_store *store, char ***names);

#endif
