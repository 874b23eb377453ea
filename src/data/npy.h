/*
 * NumPy's files: NPY (one array, format versions 1 to 3) and NPZ (a zip archive of them, stored or
 * deflated, zip64 too). All types of assay_element, of either byte order, in C or Fortran order;
 * complex, half, text, structured and object arrays are refused by their descr.
 *
 * Written are version 1.0, this machine's byte order, C order, and archives that are not
 * compressed, so that equal arrays give equal files.
 */
#ifndef ASSAY_DATA_NPY_H
#define ASSAY_DATA_NPY_H

#include "core/progress.h"
#include "data/array.h"

/* ASSAY_EIO, ASSAY_EFORMAT (with file and offset), ASSAY_ENOMEM. `progress` may be NULL. */
int assay_npy_read(const char *path, const assay_progress *progress, assay_array *out);
int assay_npy_write(const char *path, const assay_array *array);

/* The same in parts: an item is one position of the first side, as in IDX (data/idx.h). `progress`
 * must live until the file is closed. */
typedef struct assay_npy assay_npy;
int assay_npy_open(const char *path, const assay_progress *progress, assay_npy **out);
void assay_npy_close(assay_npy *file);
assay_array assay_npy_shape(const assay_npy *file); /* the whole file's; data is NULL */

/* The next `items` items, fewer at the end (0 behind the last), as a new array; a single number is
 * read whole. ASSAY_EINVAL for a part of an array in Fortran order, whose items are scattered over
 * the file. */
int assay_npy_next(assay_npy *file, size_t items, assay_array *out);
int assay_npy_skip(assay_npy *file, size_t items); /* at most to the end */

/* Arrays by name, in the archive's order; names are without ".npy". */
typedef struct assay_npz {
    size_t count;
    char **names;
    assay_array *arrays;
} assay_npz;

int assay_npz_read(const char *path, const assay_progress *progress, assay_npz *out);
void assay_npz_free(assay_npz *archive);

/* One array of the archive; ASSAY_ENOTFOUND lists those there are. */
int assay_npz_read_one(
    const char *path, const char *name, const assay_progress *progress, assay_array *out);

/* ASSAY_EINVAL for empty or repeated names, and for arrays or archives of 4 GiB and more. */
int assay_npz_write(
    const char *path, size_t count, const char *const *names, const assay_array *arrays);

#endif
