/* Rows in single precision; see single.h. */
#include "core/single.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"

static double farthest(const assay_matrix *x, const double *mean)
{
    double most = 0;
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            most = fmax(most, fabs(*assay_matrix_at(x, i, j) - mean[j]));
    return most;
}

int assay_single_new(const assay_matrix *a, const assay_matrix *b, assay_single *out)
{
    *out = (assay_single){.cols = a->cols,
        .mean = calloc(a->cols, sizeof *out->mean),
        .scale = 1,
        .error = ((double)a->cols + 16) * 0x1p-24};
    if (!out->mean)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu columns", a->cols);
    for (size_t i = 0; i < a->rows; i++)
        for (size_t j = 0; j < a->cols; j++)
            out->mean[j] += *assay_matrix_at(a, i, j) / (double)a->rows;
    const double most = fmax(farthest(a, out->mean), b ? farthest(b, out->mean) : 0);
    if (most > 0)
        out->scale = ldexp(1, -ilogb(most));
    return ASSAY_OK;
}

void assay_single_free(assay_single *single)
{
    free(single->mean);
    single->mean = NULL;
}

void assay_single_convert(
    const assay_single *single, const assay_matrix *x, float *rows, double *norm)
{
    for (size_t i = 0; i < x->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < x->cols; j++) {
            const float value =
                (float)((*assay_matrix_at(x, i, j) - single->mean[j]) * single->scale);
            rows[i * x->cols + j] = value;
            sum += (double)value * (double)value;
        }
        norm[i] = sum;
    }
}
