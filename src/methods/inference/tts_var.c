/* Schedules, potentials, features and the diagnostic of a search over paths; see tts_var.h. */
#include "methods/inference/tts_var.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_eigen.h> /* brings the declarations of CBLAS, too */

#include "core/kmeans.h"
#include "core/rank.h"
#include "core/status.h"
#include "core/topk.h"

const size_t assay_tts_base[ASSAY_TTS_SCALES] = {8, 8, 6, 6, 6, 4, 2, 2, 2, 1, 1, 1, 1};

/* ---- schedules ---- */

static int check_schedule(const char *who, const char *name, const size_t *kept, size_t scales)
{
    if (scales == 0)
        return assay_fail(ASSAY_EINVAL, "%s: %s must have at least 1 scale, got none", who, name);
    for (size_t s = 0; s < scales; s++) {
        if (kept[s] == 0)
            return assay_fail(
                ASSAY_EINVAL, "%s: %s must be at least 1, got 0 at scale %zu", who, name, s);
        if (s > 0 && kept[s] > kept[s - 1])
            return assay_fail(ASSAY_EINVAL,
                "%s: %s must not increase, got %zu after %zu at scale %zu", who, name, kept[s],
                kept[s - 1], s);
    }
    return ASSAY_OK;
}

int assay_batch_schedule(const size_t *base, size_t scales, size_t n, size_t *kept)
{
    const int status = check_schedule("batch_schedule", "base", base, scales);
    if (status)
        return status;
    if (n == 0 || n > SIZE_MAX / 2 / base[0])
        return assay_fail(ASSAY_EINVAL, "batch_schedule: n must be at least 1, got %zu", n);
    for (size_t s = 0; s < scales; s++)
        kept[s] = n * base[s];
    return ASSAY_OK;
}

int assay_schedule_cost(
    const size_t *kept, const double *cost, size_t scales, size_t *generated, double *total)
{
    const int status = check_schedule("schedule_cost", "kept", kept, scales);
    *total = 0;
    for (size_t s = 0; s < scales && !status; s++) {
        if (!(cost[s] >= 0 && isfinite(cost[s])))
            return assay_fail(ASSAY_EINVAL,
                "schedule_cost: cost must be finite and at least 0, got %g at scale %zu",
                isnan(cost[s]) ? (double)NAN : cost[s], s);
        generated[s] = kept[s > 0 ? s - 1 : 0];
        *total += (double)generated[s] * cost[s];
    }
    return status;
}

/* ---- potentials ---- */

/* The sum of the `top` largest of x, which is reordered. */
static double sum_of_largest(double *x, size_t n, size_t top)
{
    double sum = 0;
    for (size_t t = 0; t < top && t < n; t++) {
        size_t largest = t;
        for (size_t i = t + 1; i < n; i++)
            largest = x[i] > x[largest] ? i : largest;
        const double value = x[largest];
        x[largest] = x[t];
        x[t] = value;
        sum += value;
    }
    return sum;
}

/* x: h earlier rewards of a path and then the present one. */
static double potential_of(double *x, size_t h, assay_potential_kind kind, size_t top)
{
    double value = x[h];
    if (kind == ASSAY_POTENTIAL_DIFF && h > 0)
        return x[h] == x[h - 1] ? 0 : x[h] - x[h - 1]; /* equal infinities, too */
    for (size_t j = 0; j < h && kind == ASSAY_POTENTIAL_MAX; j++)
        value = fmax(value, x[j]);
    for (size_t j = 0; j < h && kind == ASSAY_POTENTIAL_SUM; j++)
        value += x[j];
    return kind == ASSAY_POTENTIAL_TOPK ? sum_of_largest(x, h + 1, top) : value;
}

static int check_rewards(const double *reward, const assay_matrix *history, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(reward[i]))
            return assay_fail(
                ASSAY_EINVAL, "potential: reward[%zu] must be a number, got nan", i + 1);
        for (size_t j = 0; history && j < history->cols; j++)
            if (isnan(*assay_matrix_at(history, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "potential: history[%zu][%zu] must be a number, got nan", i + 1, j + 1);
    }
    return ASSAY_OK;
}

/* lambda J, where 0 times infinity is 0 */
static double tilt(double lambda, double potential)
{
    return lambda == 0 ? 0 : lambda * potential;
}

int assay_potential(const double *reward, const assay_matrix *history, size_t n,
    assay_potential_kind kind, double lambda, size_t top, double *potential, double *weights)
{
    const size_t h = history && history->cols > 0 ? history->cols : 0;
    if (h > 0 && history->rows != n)
        return assay_fail(ASSAY_EINVAL,
            "potential: history must have %zu rows, one a path, got %zu", n, history->rows);
    if (!isfinite(lambda))
        return assay_fail(ASSAY_EINVAL, "potential: lambda must be finite, got %g",
            isnan(lambda) ? (double)NAN : lambda);
    if (kind == ASSAY_POTENTIAL_TOPK && top == 0)
        return assay_fail(ASSAY_EINVAL, "potential: top must be at least 1, got 0");
    int status = check_rewards(reward, h > 0 ? history : NULL, n);
    if (status)
        return status;
    double *line = calloc(h + 1 + n, sizeof *line);
    if (!line)
        return assay_fail(ASSAY_ENOMEM, "potential: no memory for %zu paths", n);
    for (size_t i = 0; i < n && !status; i++) {
        if (h > 0)
            memcpy(line, assay_matrix_row(history, i), h * sizeof *line);
        line[h] = reward[i];
        potential[i] = potential_of(line, h, kind, top);
        if (isnan(potential[i]))
            status = assay_fail(ASSAY_EINVAL,
                "potential: that of path %zu is nan: its rewards hold both infinities", i + 1);
    }
    for (size_t i = 0; i < n && !status; i++)
        line[h + 1 + i] = tilt(lambda, potential[i]);
    if (!status)
        status = assay_normalise_log_weights(line + h + 1, n, weights);
    free(line);
    return status;
}

/* ---- clustering ---- */

/* Of each cluster the row of the least squared distance to its centre, the first on ties. */
static void nearest_rows(
    const size_t *label, const double *squared, size_t n, size_t k, size_t *index)
{
    for (size_t c = 0; c < k; c++)
        index[c] = SIZE_MAX;
    for (size_t i = 0; i < n; i++)
        if (index[label[i]] == SIZE_MAX || squared[i] < squared[index[label[i]]])
            index[label[i]] = i;
}

static int check_selection(const assay_matrix *features, size_t k, const size_t *init)
{
    const size_t n = features->rows;
    if (k == 0 || k > n)
        return assay_fail(ASSAY_EINVAL,
            "diversity_select: k must be in 1..%zu (the rows of features), got %zu", n, k);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < features->cols; j++)
            if (!isfinite(*assay_matrix_at(features, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "diversity_select: features[%zu][%zu] must be finite", i + 1, j + 1);
    for (size_t c = 0; c < k && init; c++) {
        if (init[c] >= n)
            return assay_fail(ASSAY_EINVAL,
                "diversity_select: init[%zu] must be in 1..%zu, got %zu", c + 1, n, init[c] + 1);
        for (size_t b = 0; b < c; b++)
            if (init[b] == init[c])
                return assay_fail(
                    ASSAY_EINVAL, "diversity_select: init has row %zu twice", init[c] + 1);
    }
    return ASSAY_OK;
}

static void keep_all(const assay_matrix *features, size_t *index, size_t *label,
    assay_matrix *centres, double *inertia)
{
    for (size_t i = 0; i < features->rows; i++) {
        index[i] = label[i] = i;
        memcpy(assay_matrix_row(centres, i), assay_matrix_row(features, i),
            features->cols * sizeof *features->data);
    }
    if (inertia)
        *inertia = 0;
}

int assay_diversity_select(const assay_matrix *features, size_t k, const size_t *init,
    size_t restarts, assay_rng *rng, size_t *index, size_t *label, assay_matrix *centres,
    double *inertia)
{
    const struct assay_kmeans_options o = {.max_iterations = 300, .restarts = restarts};
    struct assay_kmeans_result result;
    int status = check_selection(features, k, init);
    if (status)
        return status;
    if (k == features->rows) {
        keep_all(features, index, label, centres, inertia);
        return ASSAY_OK;
    }
    double *squared = calloc(features->rows, sizeof *squared);
    if (!squared)
        return assay_fail(ASSAY_ENOMEM, "diversity_select: no memory for %zu rows", features->rows);
    for (size_t c = 0; c < k && init; c++)
        memcpy(assay_matrix_row(centres, c), assay_matrix_row(features, init[c]),
            features->cols * sizeof *features->data);
    status = init ? assay_kmeans_lloyd(features, &o, centres, label, squared, &result)
                  : assay_kmeans(features, &o, rng, centres, label, squared, &result);
    if (!status)
        nearest_rows(label, squared, features->rows, k, index);
    if (!status && inertia)
        *inertia = result.inertia;
    free(squared);
    return status;
}

/* ---- features of patches ---- */

static void centre_columns(assay_matrix *x)
{
    for (size_t j = 0; j < x->cols; j++) {
        double mean = 0;
        for (size_t i = 0; i < x->rows; i++) /* exact where all are equal */
            mean += (*assay_matrix_at(x, i, j) - mean) / (double)(i + 1);
        for (size_t i = 0; i < x->rows; i++)
            *assay_matrix_at(x, i, j) -= mean;
    }
}

/* The eigenvector of the largest eigenvalue of x'x (or xx', whichever is smaller), of unit length.
 */
static int leading_vector(const assay_matrix *x, bool of_columns, gsl_vector **out)
{
    const size_t n = of_columns ? x->cols : x->rows;
    gsl_matrix *gram = gsl_matrix_alloc(n, n), *vectors = gsl_matrix_alloc(n, n);
    gsl_vector *values = gsl_vector_alloc(n);
    gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(n);
    int status = ASSAY_ENOMEM;
    *out = gsl_vector_alloc(n);
    if (gram && vectors && values && w && *out) {
        cblas_dgemm(CblasRowMajor, of_columns ? CblasTrans : CblasNoTrans,
            of_columns ? CblasNoTrans : CblasTrans, (int)n, (int)n,
            (int)(of_columns ? x->rows : x->cols), 1, x->data, (int)x->stride, x->data,
            (int)x->stride, 0, gram->data, (int)gram->tda);
        gsl_eigen_symmv(gram, values, vectors, w);
        gsl_matrix_get_col(*out, vectors, gsl_vector_max_index(values));
        status = ASSAY_OK;
    }
    gsl_matrix_free(gram);
    gsl_matrix_free(vectors);
    gsl_vector_free(values);
    gsl_eigen_symmv_free(w);
    return status ? assay_fail(status, "patch_pca: no memory for %zu patches", x->rows) : ASSAY_OK;
}

/* axis (cols of x): from the left vector, x' u, when that was found. */
static void right_vector(const assay_matrix *x, bool of_columns, const gsl_vector *v, double *axis)
{
    double length = 0;
    size_t largest = 0;
    for (size_t j = 0; j < x->cols; j++) {
        axis[j] = of_columns ? gsl_vector_get(v, j) : 0;
        for (size_t i = 0; i < x->rows && !of_columns; i++)
            axis[j] += gsl_vector_get(v, i) * *assay_matrix_at(x, i, j);
        length += axis[j] * axis[j];
        largest = fabs(axis[j]) > fabs(axis[largest]) ? j : largest;
    }
    length = copysign(sqrt(length), axis[largest]);
    for (size_t j = 0; j < x->cols; j++)
        axis[j] /= length;
}

static bool is_zero(const assay_matrix *x)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (*assay_matrix_at(x, i, j) != 0)
                return false;
    return true;
}

/* x is centred here. */
static int project(assay_matrix *x, double *score)
{
    const bool of_columns = x->cols <= x->rows;
    gsl_vector *v = NULL;
    centre_columns(x);
    memset(score, 0, x->rows * sizeof *score);
    if (is_zero(x))
        return ASSAY_OK;
    double *axis = calloc(x->cols, sizeof *axis);
    int status = axis ? leading_vector(x, of_columns, &v)
                      : assay_fail(ASSAY_ENOMEM, "patch_pca: no memory for %zu columns", x->cols);
    if (!status) {
        right_vector(x, of_columns, v, axis);
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)x->rows, (int)x->cols, 1, x->data,
            (int)x->stride, axis, 1, 0, score, 1);
    }
    gsl_vector_free(v);
    free(axis);
    return status;
}

static int check_patches(const assay_matrix *patches)
{
    if (patches->rows == 0 || patches->cols == 0)
        return assay_fail(ASSAY_EINVAL, "patch_pca: there must be at least 1 patch, got %zu x %zu",
            patches->rows, patches->cols);
    for (size_t i = 0; i < patches->rows; i++)
        for (size_t j = 0; j < patches->cols; j++)
            if (!isfinite(*assay_matrix_at(patches, i, j)))
                return assay_fail(
                    ASSAY_EINVAL, "patch_pca: patches[%zu][%zu] must be finite", i + 1, j + 1);
    return ASSAY_OK;
}

int assay_patch_pca(const assay_matrix *patches, double *score)
{
    assay_matrix copy;
    int status = check_patches(patches);
    if (status)
        return status;
    status = assay_matrix_alloc(patches->rows, patches->cols, &copy);
    if (status)
        return status;
    assay_matrix_copy(patches, &copy);
    status = project(&copy, score);
    assay_matrix_free(&copy);
    return status;
}

static void pool(const assay_matrix *patches, assay_matrix *out)
{
    const size_t each = patches->rows / out->rows;
    for (size_t i = 0; i < out->rows; i++)
        for (size_t j = 0; j < out->cols; j++) {
            double sum = 0;
            for (size_t l = 0; l < each; l++)
                sum += *assay_matrix_at(patches, i * each + l, j);
            *assay_matrix_at(out, i, j) = sum / (double)each;
        }
}

int assay_patch_features_of(
    const assay_matrix *patches, size_t images, assay_patch_features kind, assay_matrix *out)
{
    const size_t each = images > 0 ? patches->rows / images : 0;
    const size_t wanted = kind == ASSAY_PATCH_POOL ? patches->cols : each;
    int status = check_patches(patches);
    if (status)
        return status;
    if (images == 0 || patches->rows % images != 0)
        return assay_fail(ASSAY_EINVAL,
            "patch_features: images must have equally many patches, got %zu of %zu images",
            patches->rows, images);
    if (out->rows != images || out->cols != wanted)
        return assay_fail(
            ASSAY_EINVAL, "patch_features: the result must be %zu x %zu", images, wanted);
    if (kind == ASSAY_PATCH_POOL)
        pool(patches, out);
    for (size_t i = 0; i < images && kind == ASSAY_PATCH_PCA && !status; i++) {
        assay_matrix image;
        status = assay_matrix_sub(patches, i * each, each, 0, patches->cols, &image);
        if (!status)
            status = assay_patch_pca(&image, assay_matrix_row(out, i));
    }
    if (kind != ASSAY_PATCH_PCA_ALL)
        return status;
    double *score = calloc(patches->rows, sizeof *score);
    if (!score)
        return assay_fail(ASSAY_ENOMEM, "patch_features: no memory for %zu patches", patches->rows);
    status = assay_patch_pca(patches, score);
    for (size_t i = 0; i < images && !status; i++)
        memcpy(assay_matrix_row(out, i), score + i * each, each * sizeof *score);
    free(score);
    return status;
}

/* ---- the diagnostic ---- */

int assay_reward_consistency(const assay_matrix *history, double *spearman, double *pearson)
{
    const size_t n = history->rows, scales = history->cols;
    int status = ASSAY_OK;
    if (n == 0 || scales == 0)
        return assay_fail(ASSAY_EINVAL,
            "reward_consistency: history must have a path and a scale, got %zu x %zu", n, scales);
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < scales; s++)
            if (!isfinite(*assay_matrix_at(history, i, s)))
                return assay_fail(ASSAY_EINVAL,
                    "reward_consistency: history[%zu][%zu] must be finite", i + 1, s + 1);
    double *at = calloc(2 * n, sizeof *at), *last = at + n;
    if (!at)
        return assay_fail(ASSAY_ENOMEM, "reward_consistency: no memory for %zu paths", n);
    for (size_t i = 0; i < n; i++)
        last[i] = *assay_matrix_at(history, i, scales - 1);
    for (size_t s = 0; s < scales && !status; s++) {
        for (size_t i = 0; i < n; i++)
            at[i] = *assay_matrix_at(history, i, s);
        status = assay_spearman(at, last, n, &spearman[s]);
        if (!status)
            status = assay_pearson(at, last, n, &pearson[s]);
    }
    free(at);
    return status;
}
