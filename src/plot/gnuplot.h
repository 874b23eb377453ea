/* gnuplot as a process: found, run on a script, or kept and talked to. */
#ifndef ASSAY_PLOT_GNUPLOT_H
#define ASSAY_PLOT_GNUPLOT_H

#include <stddef.h>

/* The program to run: the environment's ASSAY_GNUPLOT, else the one that configure found, else the
 * one on PATH. ASSAY_ENOTFOUND says how to install it. */
int assay_gnuplot_path(char *out, size_t size);

/* Run `script` (a file's name) in `directory` to its end. ASSAY_EIO with gnuplot's words when it
 * fails. */
int assay_gnuplot_run(const char *directory, const char *script);

/* A gnuplot that waits for commands. It ends with its owner: its input is then closed. */
typedef struct assay_gnuplot assay_gnuplot;
int assay_gnuplot_start(assay_gnuplot **out);
void assay_gnuplot_stop(assay_gnuplot *gnuplot); /* NULL is fine */

/*
 * Send `size` bytes of commands and read exactly `want` bytes of what they print. ASSAY_EIO with
 * gnuplot's words when it died or stayed silent for five seconds: it is then of no further use.
 */
int assay_gnuplot_exchange(
    assay_gnuplot *gnuplot, const char *commands, size_t size, unsigned char *reply, size_t want);

#endif
