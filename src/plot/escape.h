/* Plain text into the markup of what prints it. */
#ifndef ASSAY_PLOT_ESCAPE_H
#define ASSAY_PLOT_ESCAPE_H

#include <stdio.h>

typedef enum assay_markup {
    ASSAY_MARKUP_PLAIN,
    ASSAY_MARKUP_ENHANCED, /* gnuplot's enhanced text, inside of single quotes */
    ASSAY_MARKUP_LATEX,
    ASSAY_MARKUP_MARKDOWN /* a cell of a table */
} assay_markup;

/* Write `text` so that it shows as it is. Control characters become spaces, and bytes that are not
 * UTF-8 become "?". */
void assay_escape(const char *text, assay_markup markup, FILE *out);

/* The bytes of the character at `text`, 1..4; 0 where they are not UTF-8. */
size_t assay_utf8_length(const char *text);

/* Characters of a text, one column each. */
size_t assay_utf8_columns(const char *text);

#endif
