/*
 * IDX files, the format of MNIST: big-endian, plain or gzip.
 *
 *   byte 0, 1   0
 *   byte 2      type: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64
 *   byte 3      rank
 *   4 bytes a side, then the elements, the last position varying fastest
 *
 * An item is one position of the first side: an image, a label.
 */
#ifndef ASSAY_DATA_IDX_H
#define ASSAY_DATA_IDX_H

#include "core/progress.h"
#include "data/array.h"

typedef struct assay_idx assay_idx;

/* Reads the header and sees that the file can hold what it says. ASSAY_EIO, ASSAY_EFORMAT (with
 * file and offset), ASSAY_ENOMEM. `progress`, which may be NULL, is told while items are read or
 * skipped, and must live until the file is closed. */
int assay_idx_open(const char *path, const assay_progress *progress, assay_idx **out);
void assay_idx_close(assay_idx *file);

/* The whole file's shape; data is NULL. */
assay_array assay_idx_shape(const assay_idx *file);

/* The next `items` items, fewer at the end (shape[0] says how many; 0 behind the last), as a new
 * array. Behind the last item the file must end. Rank 0 is not allowed. */
int assay_idx_next(assay_idx *file, size_t items, assay_array *out);
int assay_idx_skip(assay_idx *file, size_t items); /* at most to the end */

int assay_idx_read(const char *path, const assay_progress *progress, assay_array *out);

/* Compressed when the path ends in ".gz". ASSAY_EINVAL when IDX lacks the array's type or a side
 * exceeds 2^32 - 1; bool becomes u8. */
int assay_idx_write(const char *path, const assay_array *array);

#endif
