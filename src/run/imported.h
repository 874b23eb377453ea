/* Imported logs of samples, for a cell's process. */
#ifndef ASSAY_RUN_IMPORTED_H
#define ASSAY_RUN_IMPORTED_H

#include "data/table.h"

/* The `samples` of a cell's sink, whose context is its assay_frame_writer. */
int assay_imported_samples(void *context, const char *name, assay_table **out);

#endif
