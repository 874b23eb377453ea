/*
 * Views of row-major matrices of doubles. A view owns nothing; assay_matrix_alloc and
 * assay_matrix_free are for the callers that do own their memory.
 */
#ifndef ASSAY_CORE_MATRIX_H
#define ASSAY_CORE_MATRIX_H

#include <stddef.h>

typedef struct assay_matrix {
    size_t rows, cols;
    size_t stride; /* doubles from one row to the next, >= cols */
    double *data;
} assay_matrix;

static inline assay_matrix assay_matrix_view(double *data, size_t rows, size_t cols)
{
    return (assay_matrix){rows, cols, cols, data};
}

static inline double *assay_matrix_row(const assay_matrix *m, size_t i)
{
    return m->data + i * m->stride;
}

static inline double *assay_matrix_at(const assay_matrix *m, size_t i, size_t j)
{
    return m->data + i * m->stride + j;
}

/* Zeroed, stride = cols; rows * cols that do not fit in memory give ASSAY_ENOMEM. */
int assay_matrix_alloc(size_t rows, size_t cols, assay_matrix *out);
void assay_matrix_free(assay_matrix *m); /* a NULL or empty matrix is fine */

/* Ask for large pages for memory that was not written yet and is many megabytes: the first writing
 * of a large matrix is mostly the system's handing out pages. */
void assay_matrix_advise(void *data, size_t bytes);

/* The rows [first, first + rows) and columns [first_col, first_col + cols) of m, same memory. */
int assay_matrix_sub(const assay_matrix *m, size_t first, size_t rows, size_t first_col, size_t cols,
    assay_matrix *out);

int assay_matrix_copy(const assay_matrix *from, assay_matrix *to); /* equal shapes */

/* *out, which is the caller's and new: rows row[0 .. rows - 1] of m. */
int assay_matrix_gather(
    const assay_matrix *m, const size_t *row, size_t rows, assay_matrix *out);

#endif
