/* What lies around the rows of a class: Borderline-SMOTE, ADASYN and Safe-level-SMOTE (smote.h). */
#include <math.h>
#include <stdlib.h>

#include "core/neighbours.h"
#include "core/status.h"
#include "methods/balance/internal.h"

/* A search for k + 1 finds row i too, unless more than k lower rows have the same values; whichever
 * it is, that one is left out. */
int assay_neighbours_around(const assay_matrix *X, const size_t *row, size_t T, size_t k,
    assay_threads *pool, const assay_progress *progress, size_t *index)
{
    assay_matrix query = {0};
    const struct assay_neighbours_options how = {.pool = pool, .progress = progress};
    size_t *found = malloc(T * (k + 1) * sizeof *found);
    int status = found ? assay_matrix_gather(X, row, T, &query)
                       : assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", T * k);
    if (!status)
        status = assay_neighbours(&query, X, k + 1, &how, found, NULL);
    for (size_t i = 0; i < T && !status; i++) {
        size_t to = 0;
        for (size_t j = 0; j <= k && to < k; j++)
            if (found[i * (k + 1) + j] != row[i])
                index[i * k + to++] = found[i * (k + 1) + j];
    }
    assay_matrix_free(&query);
    free(found);
    return status;
}

int assay_foreign_neighbours(const assay_matrix *X, const size_t *y, const size_t *row, size_t T,
    size_t k, assay_threads *pool, const assay_progress *progress, size_t *foreign)
{
    size_t *index = malloc(T * k * sizeof *index + 1);
    if (!index)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", T * k);
    const int status = assay_neighbours_around(X, row, T, k, pool, progress, index);
    for (size_t i = 0; i < T && !status; i++) {
        foreign[i] = 0;
        for (size_t j = 0; j < k; j++)
            foreign[i] += y[index[i * k + j]] != y[row[i]];
    }
    free(index);
    return status;
}

assay_border assay_border_of(size_t foreign, size_t m)
{
    if (foreign == m)
        return ASSAY_BORDER_NOISE;
    return 2 * foreign >= m ? ASSAY_BORDER_DANGER : ASSAY_BORDER_SAFE;
}

int assay_adasyn_counts(
    const size_t *foreign, size_t T, size_t k, double n, double *r, double *density, size_t *count)
{
    double sum = 0;
    for (size_t i = 0; i < T; i++) {
        r[i] = (double)foreign[i] / (double)k;
        sum += r[i];
    }
    if (!(sum > 0))
        return assay_fail(ASSAY_EINVAL,
            "no minority row has a majority neighbour: the sum of r must be greater than 0, got 0 "
            "(k = %zu)",
            k);
    for (size_t i = 0; i < T; i++) {
        density[i] = r[i] / sum;
        count[i] = (size_t)nearbyint(density[i] * n); /* half to even */
    }
    return ASSAY_OK;
}

bool assay_safe_gap(size_t p, size_t q, double u, double *gap)
{
    if (p == 0 && q == 0)
        return false;
    if (q == 0)
        *gap = 0;
    else if (p >= q)
        *gap = u * (double)q / (double)p; /* up to 1 / ratio */
    else
        *gap = 1 - (double)p / (double)q * (1 - u); /* from 1 - ratio to 1 */
    return true;
}
