/*
 * A table of named columns: what rows of a run, CSV files and sample logs become, and what figures,
 * claims and exports read. A column holds numbers, with texts interned beside them.
 *
 * An entry (assay_datum) is a number, a text or missing. Numbers are doubles; an integer that a
 * double can't hold exactly is an error where it enters. NaN is a number like others; missing is
 * its own state.
 */
#ifndef ASSAY_DATA_TABLE_H
#define ASSAY_DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum assay_datum_kind {
    ASSAY_DATUM_MISSING,
    ASSAY_DATUM_NUMBER,
    ASSAY_DATUM_INTEGER, /* a number that was an integer: printed without a point */
    ASSAY_DATUM_TEXT
} assay_datum_kind;

typedef struct assay_datum {
    assay_datum_kind kind;
    double number;
    const char *text; /* owned by the table, interned: equal texts have equal pointers */
} assay_datum;

typedef struct assay_table assay_table;

assay_table *assay_table_new(void); /* NULL when memory ran out */
void assay_table_free(assay_table *table);

size_t assay_table_rows(const assay_table *table);
size_t assay_table_columns(const assay_table *table);
const char *assay_table_name(const assay_table *table, size_t column);

/* The column's number by name, or ASSAY_ENOTFOUND with the names there are ("did you mean"). */
int assay_table_find(const assay_table *table, const char *name, size_t *column);

/* Find or add; entries of earlier rows are missing in a new column. */
int assay_table_column(assay_table *table, const char *name, size_t *column);

/* Append an empty row; set entries of the last row. */
int assay_table_append(assay_table *table);
int assay_table_set_number(assay_table *table, size_t column, double number);
int assay_table_set_integer(assay_table *table, size_t column, long long number);
int assay_table_set_text(assay_table *table, size_t column, const char *text);

/* All columns of a table without rows at once, for readers: `rows` numbers of kind[i] in column i
 * (or all MISSING, for what is set later), which begin at numbers + i * room, rows <= room. The
 * table takes the array over, which is from malloc or aligned_alloc. */
void assay_table_give(
    assay_table *table, const assay_datum_kind *kind, size_t rows, size_t room, double *numbers);

/* Entries of columns that were given so. */
int assay_table_put_text(assay_table *table, size_t row, size_t column, const char *text);
int assay_table_clear(assay_table *table, size_t row, size_t column); /* missing */

assay_datum assay_table_get(const assay_table *table, size_t row, size_t column);

/* Order and equality of entries: missing < numbers < texts; NaN after all other numbers. */
int assay_datum_compare(const assay_datum *a, const assay_datum *b);

/* A short text of the entry: "0.6", "100", "llama"; missing is "". Numbers print as "%.17g" would
 * round-trip but as short as possible. */
void assay_datum_text(const assay_datum *cell, char *out, size_t size);

#endif
