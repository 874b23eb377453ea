/*
 * Files of a command: an output that appears whole or not at all, and an input that may be a pipe.
 */
#ifndef ASSAY_CLI_OUTPUT_H
#define ASSAY_CLI_OUTPUT_H

#include <stdbool.h>

typedef struct cli_output {
    char *temporary; /* write here; its name ends in the suffix */
    char *path;      /* where it goes; NULL: to the standard output or a device */
    int stream;      /* that one, or -1 */
    bool replace;
} cli_output;

/* "-" is the standard output. A file that exists is refused without `replace`. ASSAY_EIO when it
 * can't be made there, which is known before anything is computed. */
int cli_output_open(const char *path, const char *suffix, bool replace, cli_output *out);
/* Move what was written to its place, or copy it to the stream; frees. ASSAY_EIO, and ASSAY_EINVAL
 * when the file came to exist meanwhile: nothing is left then. */
int cli_output_publish(cli_output *out);
void cli_output_drop(cli_output *out); /* leaves nothing; frees */

/* The file itself, or for "-" (the standard input) and what is no regular file a copy, which the
 * caller unlinks when *copied; frees the path in any case. */
int cli_input_open(const char *path, const char *suffix, char **out, bool *copied);

#endif
