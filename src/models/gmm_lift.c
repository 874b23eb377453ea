/*
 * A mixture of principal coordinates as one of the data: x = mean + C^T z for z of the mixture and
 * noise of one variance in the directions that the coordinates leave out. The result has a low
 * rank.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/pca.h"
#include "core/status.h"
#include "models/gmm.h"

/* factors (d x r) of component k: C^T V^T diag(sqrt(l - residual)) */
static int lift_factors(const assay_gmm *g, size_t k, const assay_matrix *components,
    double residual, double *work, double *factors)
{
    const size_t r = components->rows, d = components->cols;
    assay_matrix covariance = assay_matrix_view(work, r, r);
    assay_matrix vectors = assay_matrix_view(work + r * r, r, r);
    double *values = work + 2 * r * r;
    assay_gmm_covariance(g, k, covariance.data);
    const int status = assay_symmetric_eigen(&covariance, values, &vectors);
    memset(factors, 0, d * r * sizeof *factors);
    for (size_t h = 0; h < r && status == ASSAY_OK; h++) {
        const double size = sqrt(fmax(values[h] - residual, 0));
        for (size_t i = 0; i < r; i++)
            for (size_t j = 0; j < d; j++)
                factors[j * r + h] +=
                    size * *assay_matrix_at(&vectors, h, i) * *assay_matrix_at(components, i, j);
    }
    return status;
}

int assay_gmm_lift(const assay_gmm *g, const double *mean, const assay_matrix *components,
    double residual, assay_gmm **out)
{
    const size_t K = assay_gmm_components(g), r = components->rows, d = components->cols;
    if (assay_gmm_dim(g) != r)
        return assay_fail(ASSAY_EINVAL,
            "the mixture has %zu dimensions, and there are %zu components", assay_gmm_dim(g), r);
    if (!(residual >= 0 && isfinite(residual)))
        return assay_fail(ASSAY_EINVAL, "residual must be at least 0, got %g", residual);
    double *memory = calloc(K * (2 * d + d * r) + 2 * r * r + r, sizeof *memory);
    size_t *classes = calloc(K, sizeof *classes);
    int status = memory && classes
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "no memory to lift %zu components", K);
    double *means = memory, *variances = means + K * d, *factors = variances + K * d;
    if (status == ASSAY_OK) {
        assay_matrix z = assay_matrix_view((double *)(size_t)assay_gmm_means(g), K, r);
        assay_matrix lifted = assay_matrix_view(means, K, d);
        status = assay_pca_reconstruct(mean, components, &z, NULL, &lifted);
    }
    for (size_t i = 0; i < K * d && status == ASSAY_OK; i++)
        variances[i] = residual;
    for (size_t k = 0; k < K && status == ASSAY_OK; k++) {
        classes[k] = assay_gmm_class(g, k);
        status = lift_factors(g, k, components, residual, factors + K * d * r, factors + k * d * r);
    }
    if (status == ASSAY_OK) {
        const assay_gmm_parameters p = {.components = K,
            .dim = d,
            .weights = assay_gmm_weights(g),
            .means = means,
            .kind = ASSAY_COVARIANCE_LOW_RANK,
            .covariances = variances,
            .factors = factors,
            .rank = r,
            .classes = assay_gmm_classes(g) > 0 ? classes : NULL};
        status = assay_gmm_new(&p, out);
    }
    free(classes);
    free(memory);
    return status;
}
