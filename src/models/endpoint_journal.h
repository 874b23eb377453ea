/* What a server has answered, kept in files. Part of endpoint.c; not installed. */
#ifndef ASSAY_MODELS_ENDPOINT_JOURNAL_H
#define ASSAY_MODELS_ENDPOINT_JOURNAL_H

#include <jansson.h>

/*
 * The journal of this identity in the directory, made if it is not there, locked until it is closed
 * (*file is a descriptor). ASSAY_EBUSY while another process has it; ASSAY_EIO.
 */
int assay_journal_open(const char *directory, const char *identity, int *file);
void assay_journal_close(int file);

/* Every answer in it: a list of objects, as it was added. What a killed process wrote by half goes.
 * `take` fails only for want of memory. */
int assay_journal_read(
    int file, const char *identity, int (*take)(void *context, json_t *rows), void *context);

/* Keep an answer, on disk when this returns. ASSAY_EIO: it is not kept, the journal is as before.
 */
int assay_journal_add(int file, const json_t *rows);

#endif
