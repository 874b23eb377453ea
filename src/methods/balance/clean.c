/* Thinning and cleaning (smote.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/neighbours.h"
#include "core/status.h"
#include "methods/balance/internal.h"

int assay_undersample_size(size_t n_minor, size_t n_major, double percent, size_t *size)
{
    if (!(percent > 0 && isfinite(percent)))
        return assay_fail(
            ASSAY_EINVAL, "percent must be greater than 0 and finite, got %g", percent);
    const double rows = floor(100 * (double)n_minor / percent + 0.5);
    *size = rows >= (double)n_major ? n_major : rows < 1 ? 1 : (size_t)rows;
    return ASSAY_OK;
}

int assay_undersample(const size_t *y, size_t n, size_t size, assay_rng *rng, unsigned char *keep)
{
    size_t *sizes = NULL, classes = 0, largest = 0, smallest = 0;
    int status = assay_class_sizes(y, n, &sizes, &classes, &largest, &smallest);
    if (status)
        return status;
    memset(keep, 1, n);
    const size_t most = sizes[largest];
    size_t *row = malloc(2 * n * sizeof *row), found = 0;
    if (!row)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", n);
    if (!status && size < most) {
        assay_class_rows(y, n, largest, row, &found);
        for (size_t i = 0; i < found; i++)
            keep[row[i]] = 0;
        status = assay_rng_sample(rng, found, size, row + n);
        for (size_t i = 0; i < size && !status; i++)
            keep[row[row[n + i]]] = 1;
    }
    free(row);
    free(sizes);
    return status;
}

/* Error where a class has lost all its rows. */
static int check_kept(const size_t *y, size_t n, const unsigned char *keep, bool allow_empty)
{
    size_t *sizes = NULL, classes = 0, largest = 0, smallest = 0;
    int status = assay_class_sizes(y, n, &sizes, &classes, &largest, &smallest);
    for (size_t i = 0; i < n && !status; i++)
        if (keep[i])
            sizes[y[i]] = SIZE_MAX;
    for (size_t c = 0; c < classes && !status && !allow_empty; c++)
        if (sizes[c] != 0 && sizes[c] != SIZE_MAX)
            status = assay_fail(ASSAY_EINVAL,
                "cleaning takes all %zu rows of class %zu, needs at least 1 (or allow_empty)",
                sizes[c], c);
    free(sizes);
    return status;
}

/* ---- Tomek links ---- */

int assay_tomek_links(const assay_matrix *X, const size_t *y, assay_threads *pool,
    const assay_progress *progress, size_t *pair, size_t *pairs)
{
    *pairs = 0;
    if (X->rows < 2)
        return assay_fail(ASSAY_EINVAL, "X must have at least 2 rows, got %zu", X->rows);
    size_t *nearest = malloc(X->rows * sizeof *nearest);
    if (!nearest)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", X->rows);
    const struct assay_neighbours_options how = {
        .exclude_self = true, .pool = pool, .progress = progress};
    const int status = assay_neighbours(X, X, 1, &how, nearest, NULL);
    for (size_t i = 0; i < X->rows && !status; i++) {
        const size_t j = nearest[i];
        if (i < j && nearest[j] == i && y[i] != y[j]) {
            pair[2 * *pairs] = i;
            pair[2 * (*pairs)++ + 1] = j;
        }
    }
    free(nearest);
    return status;
}

int assay_tomek_clean(const size_t *y, size_t n, const size_t *pair, size_t pairs, bool both,
    bool allow_empty, unsigned char *keep)
{
    size_t *sizes = NULL, classes = 0, largest = 0, smallest = 0;
    const int status = assay_class_sizes(y, n, &sizes, &classes, &largest, &smallest);
    free(sizes);
    if (status)
        return status;
    memset(keep, 1, n);
    for (size_t i = 0; i < 2 * pairs; i++)
        if (both || y[pair[i]] == largest)
            keep[pair[i]] = 0;
    return check_kept(y, n, keep, allow_empty);
}

/* ---- edited nearest neighbours ---- */

/* Whether the k neighbours speak against class `own`; votes[classes] is scratch. */
static bool refuted(const size_t *y, const size_t *neighbour, size_t k, size_t own,
    assay_enn_rule rule, size_t *votes, size_t classes)
{
    size_t best = 0;
    memset(votes, 0, classes * sizeof *votes);
    for (size_t j = 0; j < k; j++)
        votes[y[neighbour[j]]]++;
    if (rule == ASSAY_ENN_ALL)
        return votes[own] < k;
    for (size_t c = 1; c < classes; c++)
        best = votes[c] > votes[best] ? c : best;
    return best != own;
}

int assay_enn(const assay_matrix *X, const size_t *y, size_t k, assay_enn_rule rule,
    const unsigned char *cleaned, size_t classes, bool allow_empty, assay_threads *pool,
    const assay_progress *progress, unsigned char *keep)
{
    size_t *neighbour = NULL, *votes = NULL;
    int status = assay_check_k("k", &k, X->rows - 1, false, "other rows");
    if (status)
        return status;
    for (size_t i = 0; i < X->rows; i++)
        if (y[i] >= classes)
            return assay_fail(ASSAY_EINVAL, "y must be below %zu, got %zu", classes, y[i]);
    neighbour = malloc(X->rows * k * sizeof *neighbour);
    votes = malloc(classes * sizeof *votes);
    if (!neighbour || !votes) {
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", X->rows * k);
        goto cleanup;
    }
    const struct assay_neighbours_options how = {
        .exclude_self = true, .pool = pool, .progress = progress};
    status = assay_neighbours(X, X, k, &how, neighbour, NULL);
    for (size_t i = 0; i < X->rows && !status; i++)
        keep[i] = !(cleaned[y[i]] && refuted(y, neighbour + i * k, k, y[i], rule, votes, classes));
    if (!status)
        status = check_kept(y, X->rows, keep, allow_empty);
cleanup:
    free(neighbour);
    free(votes);
    return status;
}

/* ---- one-sided selection ---- */

/* Tomek links among kept rows: those of the largest class go. */
static int drop_links(const assay_matrix *X, const size_t *y, size_t largest, assay_threads *pool,
    const assay_progress *progress, unsigned char *keep)
{
    const size_t n = X->rows;
    size_t *row = malloc(4 * n * sizeof *row), rows = 0, pairs = 0;
    assay_matrix kept = {0};
    if (!row)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", n);
    size_t *label = row + n, *pair = row + 2 * n;
    for (size_t i = 0; i < n; i++)
        if (keep[i]) {
            label[rows] = y[i];
            row[rows++] = i;
        }
    int status = assay_matrix_gather(X, row, rows, &kept);
    if (!status)
        status = assay_tomek_links(&kept, label, pool, progress, pair, &pairs);
    for (size_t i = 0; i < 2 * pairs && !status; i++)
        if (label[pair[i]] == largest)
            keep[row[pair[i]]] = 0;
    assay_matrix_free(&kept);
    free(row);
    return status;
}

int assay_one_sided_selection(const assay_matrix *X, const size_t *y, size_t seed, bool allow_empty,
    assay_threads *pool, const assay_progress *progress, unsigned char *keep)
{
    const size_t n = X->rows;
    size_t *sizes = NULL, *row = NULL, classes = 0, largest = 0, smallest = 0, rows = 0;
    assay_matrix store = {0};
    int status = assay_class_sizes(y, n, &sizes, &classes, &largest, &smallest);
    free(sizes);
    if (status)
        return status;
    if (seed >= n || y[seed] != largest)
        return assay_fail(ASSAY_EINVAL, "seed must be a row of the largest class %zu, got %zu",
            largest, seed + 1);
    row = malloc(2 * n * sizeof *row);
    if (!row)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        keep[i] = y[i] != largest || i == seed;
        if (keep[i])
            row[rows++] = i;
    }
    size_t *nearest = row + n;
    const struct assay_neighbours_options how = {.pool = pool, .progress = progress};
    status = assay_matrix_gather(X, row, rows, &store);
    if (!status)
        status = assay_neighbours(X, &store, 1, &how, nearest, NULL);
    for (size_t i = 0; i < n && !status; i++)
        if (!keep[i] && y[row[nearest[i]]] != largest)
            keep[i] = 1;
    if (!status)
        status = drop_links(X, y, largest, pool, progress, keep);
    if (!status)
        status = check_kept(y, n, keep, allow_empty);
    assay_matrix_free(&store);
    free(row);
    return status;
}
