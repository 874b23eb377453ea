/* A figure as a gnuplot script and its table of data. */
#ifndef ASSAY_PLOT_SCRIPT_H
#define ASSAY_PLOT_SCRIPT_H

#include <stdio.h>

#include "plot/escape.h"
#include "plot/figure.h"

/* What a format asks of the script. */
typedef struct assay_terminal {
    const char *format, *extension;
    const char *needs;   /* what the author has to know about using the file */
    assay_markup markup; /* of labels */
    const char *set;     /* gnuplot's terminal, with %1$g x %2$g for the size */
    double unit;         /* of that size, in an inch */
} assay_terminal;

/* ASSAY_EINVAL lists the formats. "txt" has no terminal: it is drawn by assay_figure_draw. */
int assay_terminal_find(const char *format, const assay_terminal **out);

/* The script that reads NAME.dat and makes NAME.EXT in its own directory. */
int assay_script_write(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, const char *name, FILE *out);

/* The same in another size, in inches (0: as it is in a paper). */
int assay_script_write_sized(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, const char *name, double wide, double tall, FILE *out);

/* A block for each series (gnuplot's index), columns x y low high units. */
void assay_script_data(const assay_figure *figure, const assay_series_set *set, FILE *out);

/* A column's name as an axis shows it: "pass_at_k" as "pass at k". Caller frees; NULL without
 * memory. */
char *assay_readable(const char *column);

#endif
