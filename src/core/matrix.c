/* Owned matrices and views of parts of them. An empty matrix has memory too, so that its `data` may
 * be offset and compared like any other. */
#include "core/matrix.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/status.h"

void assay_matrix_advise(void *data, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    enum { HUGE_PAGE = 1 << 21 };
    const size_t before = -(uintptr_t)data % HUGE_PAGE;
    if (bytes >= before && bytes - before >= 2 * (size_t)HUGE_PAGE)
        madvise((char *)data + before, (bytes - before) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#else
    (void)data;
    (void)bytes;
#endif
}

int assay_matrix_alloc(size_t rows, size_t cols, assay_matrix *out)
{
    *out = (assay_matrix){0, 0, 0, NULL};
    if (cols > 0 && rows > SIZE_MAX / sizeof(double) / cols)
        return assay_fail(
            ASSAY_ENOMEM, "a matrix of %zu x %zu doubles does not fit in memory", rows, cols);
    size_t count = rows * cols;
    double *data = calloc(count ? count : 1, sizeof *data);
    if (!data)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a matrix of %zu x %zu", rows, cols);
    assay_matrix_advise(data, count * sizeof *data);
    *out = assay_matrix_view(data, rows, cols);
    return ASSAY_OK;
}

void assay_matrix_free(assay_matrix *m)
{
    if (!m)
        return;
    free(m->data);
    *m = (assay_matrix){0, 0, 0, NULL};
}

int assay_matrix_sub(const assay_matrix *m, size_t first, size_t rows, size_t first_col,
    size_t cols, assay_matrix *out)
{
    if (first > m->rows || rows > m->rows - first)
        return assay_fail(ASSAY_EINVAL, "%zu rows from row %zu (from 0) leave a matrix of %zu rows",
            rows, first, m->rows);
    if (first_col > m->cols || cols > m->cols - first_col)
        return assay_fail(ASSAY_EINVAL,
            "%zu columns from column %zu (from 0) leave a matrix of %zu columns", cols, first_col,
            m->cols);
    /* An empty part points to the matrix' start: one behind its last row may be outside. */
    double *data = rows && cols ? assay_matrix_at(m, first, first_col) : m->data;
    *out = (assay_matrix){rows, cols, m->stride, data};
    return ASSAY_OK;
}

int assay_matrix_copy(const assay_matrix *from, assay_matrix *to)
{
    if (from->rows != to->rows || from->cols != to->cols)
        return assay_fail(ASSAY_EINVAL, "cannot copy a matrix of %zu x %zu to one of %zu x %zu",
            from->rows, from->cols, to->rows, to->cols);
    for (size_t i = 0; i < from->rows && from->cols > 0; i++)
        memmove(assay_matrix_row(to, i), assay_matrix_row(from, i), from->cols * sizeof(double));
    return ASSAY_OK;
}

int assay_matrix_gather(const assay_matrix *m, const size_t *row, size_t rows, assay_matrix *out)
{
    const int status = assay_matrix_alloc(rows, m->cols, out);
    for (size_t i = 0; i < rows && !status; i++)
        memcpy(assay_matrix_row(out, i), assay_matrix_row(m, row[i]), m->cols * sizeof *m->data);
    return status;
}
