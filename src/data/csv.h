/*
 * Tables from and to comma-separated values (RFC 4180).
 *
 * Reading: the first row names the columns. A column of which every entry reads as an integer up to
 * 2^53 becomes integers, else one that reads as decimal numbers (or inf) becomes numbers, else texts.
 * An unquoted entry that is empty, NA or NaN (nan, na) is missing in any column. A quoted entry is a
 * text, whatever it looks like, and so is one with leading zeros ("007"), which are someone's id.
 * Spaces around unquoted entries do not count, blank lines are skipped, a UTF-8 byte order mark is
 * skipped, and lines end in LF, CRLF or CR.
 *
 * Writing: texts are quoted where reading would not give them back otherwise; missing entries are
 * empty (NA in a table of one column, where an empty line would vanish); NaN is written NaN and
 * hence read back as missing. Lines end in LF, which Unix tools expect, instead of CRLF.
 */
#ifndef ASSAY_DATA_CSV_H
#define ASSAY_DATA_CSV_H

#include <stdio.h>

#include "core/progress.h"
#include "data/table.h"

/* The whole file as a new table, which the caller frees. Progress (may be NULL) counts bytes, twice
 * where there are texts. Errors name file and line: ASSAY_EIO, ASSAY_EFORMAT (no header, empty
 * or repeated names, rows of another length, stray quotes, NUL bytes), ASSAY_ENOMEM,
 * ASSAY_ECANCELLED. */
int assay_csv_read(const char *path, const assay_progress *progress, assay_table **out);

/* ASSAY_EIO when the stream reports an error. */
int assay_csv_write(FILE *out, const assay_table *table);

#endif
