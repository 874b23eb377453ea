/*
 * Pools of items: thinned out, made up, searched; see onebench.h.
 */
#include "methods/inference/onebench.h"

#include <math.h>
#include <stdlib.h>

#include "core/rank.h"
#include "core/status.h"
#include "core/topk.h"
#include "methods/inference/onebench_checks.h"

/* ---- missing measurements ---- */

/* ceil(f n) and floor((1 - f) n) of the decimal that f is meant to be: 0.7 * 10 is 7, and
 * not 7.0...1 */
static size_t ceil_share(double f, size_t n)
{
    return (size_t)fmax(ceil(f * (double)n - 1e-9), 0);
}

static size_t floor_share(double f, size_t n)
{
    return (size_t)floor((1 - f) * (double)n + 1e-9);
}

static void drop_cells(assay_matrix *scores, double fraction, assay_rng *rng, size_t *memory)
{
    size_t *at = memory, *drawn = memory + scores->cols;
    for (size_t i = 0; i < scores->rows; i++) {
        double *row = assay_matrix_row(scores, i);
        size_t n = 0;
        for (size_t j = 0; j < scores->cols; j++)
            if (!isnan(row[j]))
                at[n++] = j;
        const size_t dropped = ceil_share(fraction, n);
        assay_rng_sample(rng, n, dropped, drawn);
        for (size_t d = 0; d < dropped; d++)
            row[at[drawn[d]]] = NAN;
    }
}

static void drop_items(assay_matrix *scores, double fraction, assay_rng *rng, size_t *memory)
{
    const size_t dropped = scores->cols - floor_share(fraction, scores->cols);
    assay_rng_sample(rng, scores->cols, dropped, memory);
    for (size_t d = 0; d < dropped; d++)
        for (size_t i = 0; i < scores->rows; i++)
            *assay_matrix_at(scores, i, memory[d]) = NAN;
}

static bool in_group(const size_t *group, size_t j, size_t wanted)
{
    return !group || group[j] == wanted;
}

static bool is_in(const assay_matrix *scores, size_t i, const size_t *group, size_t wanted)
{
    for (size_t j = 0; j < scores->cols; j++)
        if (in_group(group, j, wanted) && !isnan(*assay_matrix_at(scores, i, j)))
            return true;
    return false;
}

static void drop_models_of(assay_matrix *scores, const size_t *group, size_t wanted,
    double fraction, assay_rng *rng, size_t *memory)
{
    size_t *at = memory, *drawn = memory + scores->rows, n = 0;
    for (size_t i = 0; i < scores->rows; i++)
        if (is_in(scores, i, group, wanted))
            at[n++] = i;
    const size_t dropped = ceil_share(fraction, n);
    assay_rng_sample(rng, n, dropped, drawn);
    for (size_t d = 0; d < dropped; d++)
        for (size_t j = 0; j < scores->cols; j++)
            if (in_group(group, j, wanted))
                *assay_matrix_at(scores, at[drawn[d]], j) = NAN;
}

static void drop_models(
    assay_matrix *scores, const assay_sparsify_opts *o, assay_rng *rng, size_t *memory)
{
    for (size_t j = 0; j < scores->cols; j++) {
        size_t before = 0;
        while (before < j && !in_group(o->group, before, o->group ? o->group[j] : 0))
            before++;
        if (before == j)
            drop_models_of(scores, o->group, o->group ? o->group[j] : 0, o->fraction, rng, memory);
    }
}

static double mean_of(const assay_matrix *scores, size_t at, bool of_row)
{
    const size_t n = of_row ? scores->cols : scores->rows;
    double sum = 0, count = 0;
    for (size_t k = 0; k < n; k++) {
        const double y = of_row ? *assay_matrix_at(scores, at, k) : *assay_matrix_at(scores, k, at);
        sum += isnan(y) ? 0 : y;
        count += !isnan(y);
    }
    return count > 0 ? sum / count : (double)NAN;
}

/* Ranks of the means, in (-1/2, 1/2); what has no mean is in the middle. mean is scratch. */
static int centred_ranks(const assay_matrix *scores, bool of_row, double *mean, double *rank)
{
    const size_t n = of_row ? scores->rows : scores->cols;
    size_t with = 0;
    for (size_t i = 0; i < n; i++) {
        const double m = mean_of(scores, i, of_row);
        rank[i] = 0;
        if (!isnan(m))
            mean[with++] = m;
    }
    double *ranked = mean + n;
    const int status = assay_ranks(mean, with, ranked);
    for (size_t i = 0, k = 0; i < n && !status; i++)
        if (!isnan(mean_of(scores, i, of_row)))
            rank[i] = (ranked[k++] - 0.5) / (double)with - 0.5;
    return status;
}

static int drop_confounded(assay_matrix *scores, const assay_sparsify_opts *o, assay_rng *rng)
{
    const size_t models = scores->rows, items = scores->cols;
    double *memory = calloc(3 * (models + items) + 1, sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "sparsify: no memory for %zu items", items);
    double *strength = memory, *ease = memory + models, *scratch = ease + items;
    int status = centred_ranks(scores, true, scratch, strength);
    if (!status)
        status = centred_ranks(scores, false, scratch, ease);
    for (size_t i = 0; i < models && !status; i++)
        for (size_t j = 0; j < items; j++) {
            double *y = assay_matrix_at(scores, i, j);
            const double kept =
                2 * (1 - o->fraction) / (1 + exp(4 * o->kappa * strength[i] * ease[j]));
            if (!isnan(*y) && assay_rng_uniform(rng) >= kept)
                *y = NAN;
        }
    free(memory);
    return status;
}

int assay_sparsify(assay_matrix *scores, const assay_sparsify_opts *o, assay_rng *rng)
{
    const int status = assay_scores_check("sparsify", scores);
    if (status)
        return status;
    if (!(o->fraction >= 0 && o->fraction <= 1))
        return assay_fail(ASSAY_EINVAL, "sparsify: fraction must be in 0..1, got %g",
            isnan(o->fraction) ? (double)NAN : o->fraction);
    if (!isfinite(o->kappa))
        return assay_fail(ASSAY_EINVAL, "sparsify: kappa must be finite, got %g",
            isnan(o->kappa) ? (double)NAN : o->kappa);
    if (o->mode == ASSAY_SPARSIFY_CONFOUNDED)
        return drop_confounded(scores, o, rng);
    size_t *memory = calloc(2 * (scores->rows + scores->cols) + 1, sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "sparsify: no memory for %zu items", scores->cols);
    if (o->mode == ASSAY_SPARSIFY_CELLS)
        drop_cells(scores, o->fraction, rng, memory);
    else if (o->mode == ASSAY_SPARSIFY_ITEMS)
        drop_items(scores, o->fraction, rng, memory);
    else
        drop_models(scores, o, rng, memory);
    free(memory);
    return ASSAY_OK;
}

/* ---- informative items ---- */

int assay_informative_items(const assay_matrix *scores, size_t m, size_t factor, double middle,
    assay_rng *rng, size_t *index)
{
    const size_t items = scores->cols;
    int status = assay_scores_check("informative_items", scores);
    if (status)
        return status;
    double *nearness = calloc(items + 1, sizeof *nearness);
    size_t *memory = calloc(2 * items + 1, sizeof *memory), with = 0;
    if (!nearness || !memory) {
        status = assay_fail(ASSAY_ENOMEM, "informative_items: no memory for %zu items", items);
        goto cleanup;
    }
    size_t *measured = memory, *nearest = memory + items;
    for (size_t j = 0; j < items; j++) {
        const double mean = mean_of(scores, j, false);
        if (isnan(mean))
            continue;
        nearness[with] = -fabs(mean - middle);
        measured[with++] = j;
    }
    if (m == 0 || m > with) {
        status = assay_fail(ASSAY_EINVAL,
            "informative_items: m must be in 1..%zu (items with a score), got %zu", with, m);
        goto cleanup;
    }
    const size_t candidates = factor == 0 || m > with / factor ? with : factor * m;
    status = assay_topk(nearness, with, candidates, nearest);
    if (!status)
        status = assay_rng_sample(rng, candidates, m, index);
    for (size_t k = 0; k < m && !status; k++)
        index[k] = measured[nearest[index[k]]];
cleanup:
    free(nearness);
    free(memory);
    return status;
}

/* ---- synthetic pools ---- */

static int by_value(const void *p, const void *q)
{
    const double x = *(const double *)p, y = *(const double *)q;
    return (x > y) - (x < y);
}

/* A threshold uniform between the item's extremes makes it binary. */
static void make_binary(assay_matrix *scores, size_t j, assay_rng *rng)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < scores->rows; i++) {
        least = fmin(least, *assay_matrix_at(scores, i, j));
        most = fmax(most, *assay_matrix_at(scores, i, j));
    }
    const double threshold = least + assay_rng_uniform(rng) * (most - least);
    for (size_t i = 0; i < scores->rows; i++)
        *assay_matrix_at(scores, i, j) = *assay_matrix_at(scores, i, j) > threshold;
}

int assay_synthetic_pool(assay_pool_distribution distribution, double dispersion, double binary,
    assay_rng *rng, assay_matrix *scores, double *truth)
{
    const size_t models = scores->rows;
    if (!(dispersion >= 0 && isfinite(dispersion)))
        return assay_fail(ASSAY_EINVAL,
            "synthetic_pool: dispersion must be finite and at least 0, got %g",
            isnan(dispersion) ? (double)NAN : dispersion);
    if (!(binary >= 0 && binary <= 1))
        return assay_fail(ASSAY_EINVAL, "synthetic_pool: binary must be in 0..1, got %g",
            isnan(binary) ? (double)NAN : binary);
    double *sd = calloc(models + 1, sizeof *sd);
    if (!sd)
        return assay_fail(ASSAY_ENOMEM, "synthetic_pool: no memory for %zu models", models);
    const bool gaussian = distribution == ASSAY_POOL_GAUSSIAN;
    for (size_t i = 0; i < models; i++) {
        truth[i] = gaussian ? assay_rng_uniform(rng) : dispersion * (double)i;
        sd[i] = gaussian ? dispersion * assay_rng_uniform(rng) : 0;
    }
    qsort(truth, models, sizeof *truth, by_value);
    for (size_t j = 0; j < scores->cols; j++) {
        const bool threshold = assay_rng_uniform(rng) < binary;
        for (size_t i = 0; i < models; i++)
            *assay_matrix_at(scores, i, j) =
                truth[i] + (gaussian ? sd[i] * assay_rng_normal(rng)
                                     : -log(-log(assay_rng_uniform_open(rng))));
        if (threshold && models > 0)
            make_binary(scores, j, rng);
    }
    free(sd);
    return ASSAY_OK;
}

/* ---- search ---- */

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

int assay_item_search(const assay_matrix *embeddings, const double *query, size_t k, size_t *index,
    double *similarity)
{
    const size_t items = embeddings->rows, dim = embeddings->cols;
    const double length = sqrt(dot(query, query, dim));
    if (k == 0 || k > items)
        return assay_fail(ASSAY_EINVAL, "item_search: k must be in 1..%zu, got %zu", items, k);
    if (!(length > 0 && isfinite(length)))
        return assay_fail(
            ASSAY_EINVAL, "item_search: query must have finite numbers that are not all 0");
    double *cosine = calloc(items, sizeof *cosine);
    if (!cosine)
        return assay_fail(ASSAY_ENOMEM, "item_search: no memory for %zu items", items);
    int status = ASSAY_OK;
    for (size_t j = 0; j < items && !status; j++) {
        const double *row = assay_matrix_row(embeddings, j);
        const double norm = sqrt(dot(row, row, dim));
        if (!isfinite(norm))
            status = assay_fail(
                ASSAY_EINVAL, "item_search: embeddings[%zu] must have finite numbers", j + 1);
        cosine[j] = norm > 0 ? dot(row, query, dim) / norm / length : 0;
    }
    if (!status)
        status = assay_topk(cosine, items, k, index);
    for (size_t i = 0; i < k && !status; i++)
        similarity[i] = cosine[index[i]];
    free(cosine);
    return status;
}
