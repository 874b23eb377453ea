/* Point clouds; see cloud.h. */
#include "core/cloud.h"

#include <math.h>

#include "core/distance.h"
#include "core/status.h"
#include "core/topk.h"

int assay_cloud_check(const assay_matrix *P)
{
    if (P->rows == 0)
        return assay_fail(ASSAY_EINVAL, "P must have at least 1 point, got none");
    if (P->cols != 3)
        return assay_fail(ASSAY_EINVAL, "P must have 3 columns, got %zu", P->cols);
    for (size_t i = 0; i < P->rows; i++)
        for (size_t j = 0; j < 3; j++)
            if (!isfinite(*assay_matrix_at(P, i, j)))
                return assay_fail(ASSAY_EINVAL, "P must be finite, got %g in row %zu, column %zu",
                    *assay_matrix_at(P, i, j), i + 1, j + 1);
    return ASSAY_OK;
}

int assay_cloud_normalize(const assay_matrix *P, assay_matrix *out)
{
    double middle[3], longest = 0;
    const int status = assay_cloud_check(P);
    if (status)
        return status;
    for (size_t j = 0; j < 3; j++) {
        double least = INFINITY, most = -INFINITY;
        for (size_t i = 0; i < P->rows; i++) {
            least = fmin(least, *assay_matrix_at(P, i, j));
            most = fmax(most, *assay_matrix_at(P, i, j));
        }
        middle[j] = (most + least) / 2;
        longest = fmax(longest, most - least);
    }
    if (!(longest > 0 && isfinite(2 / longest) && isfinite(longest)))
        return assay_fail(ASSAY_EINVAL, "extent is %s: P must have points that differ",
            longest > 0 ? "beyond doubles" : "zero");
    for (size_t i = 0; i < P->rows; i++)
        for (size_t j = 0; j < 3; j++)
            *assay_matrix_at(out, i, j) = (*assay_matrix_at(P, i, j) - middle[j]) * (2 / longest);
    return ASSAY_OK;
}

int assay_cloud_nearest(
    const assay_matrix *P, const double *centre, size_t rows, double *scratch, size_t *index)
{
    for (size_t i = 0; i < P->rows; i++)
        scratch[i] = -assay_squared_distance(assay_matrix_row(P, i), centre, 3);
    return assay_topk(scratch, P->rows, rows, index);
}
