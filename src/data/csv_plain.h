/*
 * Rows of plain decimal numbers in the text of a CSV file, by the vectors of the processor at hand.
 * Private to this directory.
 *
 * A number is 17 digits of a random length and place of the point, so that reading it digit by
 * digit, or eight of them at a time, is a chain of steps of which each waits for the one before
 * (where are the point and the end?), and a mispredicted branch or two. Here the ends of many
 * fields are found first; then each number's 32 bytes up to its end are taken without a branch: the
 * point is closed by taking what stands before it from one byte further left, and products of
 * neighbours make 2, 4 and 8 digits at a time. What is left, m 10^-k, is rounded for eight numbers
 * together where there is AVX-512.
 */
#ifndef ASSAY_DATA_CSV_PLAIN_H
#define ASSAY_DATA_CSV_PLAIN_H

#include <locale.h>
#include <stddef.h>

enum {
    ASSAY_CSV_BEFORE = 34, /* bytes in front of the text that must be readable */
    ASSAY_CSV_BEHIND = 64, /* bytes behind it */
    ASSAY_CSV_BEYOND = 8   /* numbers that may be written behind the last row */
};

typedef struct assay_csv_plain {
    const char *from, *end; /* the text; rows begin at `from`, *end is not read as a part of one */
    size_t columns;
    const unsigned char *fractions; /* of each column, 0: numbers with a point are not taken */
    locale_t locale;                /* the C one, for what strtod_l has to read */
} assay_csv_plain;

/* Takes up to `most` rows from text->from on, each of numbers -?d*(.d*)? in all columns (at least
 * one digit, no leading zeros; without a point at most 15 digits, and not -0) and ended by LF or
 * CRLF, into out
 * [rows, columns], exactly rounded. Stops in front of the first row that is another. Returns how
 * many rows, and in *behind where the next begins. */
typedef size_t assay_csv_plain_take(
    const assay_csv_plain *text, size_t most, double *out, const char **behind);

/* For vectors of at most `width` doubles (8 or 4) if the processor has them, else NULL. */
assay_csv_plain_take *assay_csv_plain_for(size_t width);

#endif
