/* Clouds as vectors of histograms; see pointsp.h. */
#include "methods/balance/pointsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cloud.h"
#include "core/distance.h"
#include "core/pca.h"
#include "core/status.h"

/* x in 0..1 adds `weight` to its bin; what is outside goes into the bins at the ends. */
static void count(double x, size_t bins, double weight, double *histogram)
{
    const double bin = floor(x * (double)bins);
    histogram[bin < 0 ? 0 : bin >= (double)bins ? bins - 1 : (size_t)bin] += weight;
}

static void count_distances(const assay_matrix *P, size_t bins, double *histogram)
{
    const size_t n = P->rows;
    const double longest = 2 * sqrt(3.0), each = 2.0 * (double)bins / ((double)n * (double)(n - 1));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            count(sqrt(assay_squared_distance(assay_matrix_row(P, i), assay_matrix_row(P, j), 3)) /
                      longest,
                bins, each, histogram);
}

static void count_coordinates(const assay_matrix *P, size_t bins, double *histogram)
{
    for (size_t a = 0; a < 3; a++)
        for (size_t i = 0; i < P->rows; i++)
            count((*assay_matrix_at(P, i, a) + 1) / 2, bins, (double)bins / (double)P->rows,
                histogram + a * bins);
}

int assay_pc_descriptor(const assay_matrix *P, size_t bins, double *out)
{
    double mean[3], s[9];
    assay_matrix S = assay_matrix_view(s, 3, 3);
    int status = assay_cloud_check(P);
    if (status)
        return status;
    if (P->rows < 2)
        return assay_fail(ASSAY_EINVAL, "P must have at least 2 points, got %zu", P->rows);
    if (bins < 1)
        return assay_fail(ASSAY_EINVAL, "bins must be at least 1, got 0");
    memset(out, 0, assay_pc_descriptor_size(bins) * sizeof *out);
    count_distances(P, bins, out);
    count_coordinates(P, bins, out + bins);
    status = assay_moments(P, NULL, mean, &S);
    return status ? status : assay_symmetric_eigen(&S, out + 4 * bins, NULL);
}
