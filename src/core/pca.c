/* Principal components by the eigenvectors of the covariance; see pca.h. Rows are centred in blocks
 * before they are multiplied, because a sum of squares minus a squared sum loses the digits of what
 * varies little about a large mean. */
#include "core/pca.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { BLOCK = 256 };

static int check_rows(const assay_matrix *x)
{
    if (x->rows < 2)
        return assay_fail(ASSAY_EINVAL, "a covariance needs at least 2 rows, got %zu", x->rows);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL, "x[%zu][%zu] must be finite, got %g", i + 1, j + 1,
                    *assay_matrix_at(x, i, j));
    return ASSAY_OK;
}

static void column_means(const assay_matrix *x, double *mean)
{
    memset(mean, 0, x->cols * sizeof *mean);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            mean[j] += *assay_matrix_at(x, i, j);
    for (size_t j = 0; j < x->cols; j++)
        mean[j] /= (double)x->rows;
}

/* Rows first.. of x less the mean, as many as a block has. */
static size_t centre(const assay_matrix *x, size_t first, const double *mean, double *out)
{
    const size_t rows = x->rows - first < BLOCK ? x->rows - first : BLOCK;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            out[i * x->cols + j] = *assay_matrix_at(x, first + i, j) - mean[j];
    return rows;
}

int assay_moments(
    const assay_matrix *x, const assay_progress *progress, double *mean, assay_matrix *covariance)
{
    const size_t d = x->cols;
    int status = check_rows(x);
    if (status != ASSAY_OK)
        return status;
    double *block = malloc((BLOCK * d + 1) * sizeof *block);
    if (!block)
        return assay_fail(ASSAY_ENOMEM, "no memory for a covariance of %zu columns", d);
    column_means(x, mean);
    for (size_t i = 0; i < d; i++)
        memset(assay_matrix_row(covariance, i), 0, d * sizeof(double));
    for (size_t first = 0; first < x->rows && status == ASSAY_OK; first += BLOCK) {
        const size_t rows = centre(x, first, mean, block);
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, (int)rows,
            1 / (double)(x->rows - 1), block, (int)d, 1, covariance->data, (int)covariance->stride);
        status = assay_progress_report(progress, (double)(first + rows), (double)x->rows);
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++)
            *assay_matrix_at(covariance, i, j) = *assay_matrix_at(covariance, j, i);
    free(block);
    return status;
}

/* The row's entry of largest size becomes positive. */
static void fix_sign(double *row, size_t n)
{
    size_t largest = 0;
    for (size_t j = 1; j < n; j++)
        largest = fabs(row[j]) > fabs(row[largest]) ? j : largest;
    for (size_t j = 0; j < n && row[largest] < 0; j++)
        row[j] = j == largest ? row[j] : -row[j];
    row[largest] = fabs(row[largest]);
}

int assay_symmetric_eigen(assay_matrix *s, double *values, assay_matrix *vectors)
{
    const size_t n = s->rows;
    int status = ASSAY_OK;
    gsl_matrix_view of = gsl_matrix_view_array_with_tda(s->data, n, n, s->stride);
    gsl_vector_view eigenvalues = gsl_vector_view_array(values, n);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(n);
    gsl_matrix *columns = gsl_matrix_alloc(n, n);
    if (!work || !columns) {
        status = assay_fail(ASSAY_ENOMEM, "no memory to decompose %zu x %zu numbers", n, n);
        goto cleanup;
    }
    if (gsl_eigen_symmv(&of.matrix, &eigenvalues.vector, columns, work)) {
        status = assay_fail(ASSAY_ECONVERGE, "the eigenvalues of a matrix did not converge");
        goto cleanup;
    }
    gsl_eigen_symmv_sort(&eigenvalues.vector, columns, GSL_EIGEN_SORT_VAL_DESC);
    for (size_t i = 0; i < n && vectors; i++) {
        for (size_t j = 0; j < n; j++)
            *assay_matrix_at(vectors, i, j) = gsl_matrix_get(columns, j, i);
        fix_sign(assay_matrix_row(vectors, i), n);
    }
cleanup:
    gsl_matrix_free(columns);
    gsl_eigen_symmv_free(work);
    return status;
}

int assay_pca_fit(const assay_matrix *x, const assay_progress *progress, double *mean,
    assay_matrix *components, double *variances, double *total)
{
    const size_t d = x->cols, r = components->rows;
    assay_matrix covariance = {0}, vectors = {0};
    if (r < 1 || r > d || components->cols != d)
        return assay_fail(ASSAY_EINVAL, "components must be in 1..%zu, got %zu", d, r);
    double *values = calloc(d, sizeof *values);
    int status = values ? assay_matrix_alloc(d, d, &covariance)
                        : assay_fail(ASSAY_ENOMEM, "no memory for %zu variances", d);
    if (status == ASSAY_OK)
        status = assay_matrix_alloc(d, d, &vectors);
    if (status == ASSAY_OK)
        status = assay_moments(x, progress, mean, &covariance);
    if (status == ASSAY_OK)
        status = assay_symmetric_eigen(&covariance, values, &vectors);
    for (size_t k = 0; k < r && status == ASSAY_OK; k++) {
        variances[k] = fmax(values[k], 0);
        memcpy(assay_matrix_row(components, k), assay_matrix_row(&vectors, k), d * sizeof(double));
    }
    if (status == ASSAY_OK && total) {
        *total = 0;
        for (size_t k = 0; k < d; k++)
            *total += fmax(values[k], 0);
    }
    assay_matrix_free(&covariance);
    assay_matrix_free(&vectors);
    free(values);
    return status;
}

static int check_width(const assay_matrix *x, size_t wanted)
{
    if (x->rows > 0 && x->cols != wanted)
        return assay_fail(ASSAY_EINVAL, "x must have %zu columns, got %zu", wanted, x->cols);
    return ASSAY_OK;
}

int assay_pca_project(const double *mean, const assay_matrix *components, const assay_matrix *x,
    const assay_progress *progress, assay_matrix *out)
{
    const size_t d = components->cols;
    int status = check_width(x, d);
    if (status != ASSAY_OK)
        return status;
    double *block = malloc((BLOCK * d + 1) * sizeof *block);
    if (!block)
        return assay_fail(ASSAY_ENOMEM, "no memory to project");
    for (size_t first = 0; first < x->rows && status == ASSAY_OK; first += BLOCK) {
        const size_t rows = centre(x, first, mean, block);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)components->rows,
            (int)d, 1, block, (int)d, components->data, (int)components->stride, 0,
            assay_matrix_row(out, first), (int)out->stride);
        status = assay_progress_report(progress, (double)(first + rows), (double)x->rows);
    }
    free(block);
    return status;
}

int assay_pca_reconstruct(const double *mean, const assay_matrix *components, const assay_matrix *z,
    const assay_progress *progress, assay_matrix *out)
{
    int status = check_width(z, components->rows);
    for (size_t first = 0; first < z->rows && status == ASSAY_OK; first += BLOCK) {
        const size_t rows = z->rows - first < BLOCK ? z->rows - first : BLOCK;
        for (size_t i = first; i < first + rows; i++)
            memcpy(assay_matrix_row(out, i), mean, components->cols * sizeof *mean);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)components->cols,
            (int)components->rows, 1, assay_matrix_row(z, first), (int)z->stride, components->data,
            (int)components->stride, 1, assay_matrix_row(out, first), (int)out->stride);
        status = assay_progress_report(progress, (double)(first + rows), (double)z->rows);
    }
    return status;
}
