/*
 * Approximations of a score other than the Gaussian's, and how alike scores are; see gaussian.h.
 *
 * Rows go through in blocks. A mixture's responsibilities are taken as they come: sums are kept in
 * units of the largest joint density so far, so that no component is visited twice.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/pca.h"
#include "core/status.h"
#include "methods/diffusion/gaussian.h"

enum { BLOCK = 64 };

static int check_sigma(double sigma)
{
    if (!(sigma > 0 && isfinite(sigma)))
        return assay_fail(ASSAY_EINVAL, "sigma must be greater than 0, got %g", sigma);
    return ASSAY_OK;
}

static int check_columns(const char *name, const assay_matrix *x, size_t wanted)
{
    if (x->rows > 0 && x->cols != wanted)
        return assay_fail(
            ASSAY_EINVAL, "x must have %zu columns as %s, got %zu", wanted, name, x->cols);
    return ASSAY_OK;
}

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "no memory for a score");
}

/* ---- training rows ---- */

/* w = softmax(w); the largest is exactly e^0 */
static void softmax(double *w, size_t n)
{
    double largest = w[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        largest = fmax(largest, w[i]);
    for (size_t i = 0; i < n; i++)
        sum += w[i] = exp(w[i] - largest);
    for (size_t i = 0; i < n; i++)
        w[i] /= sum;
}

/* The mean of the rows, the rows less it, and half their squared lengths: distances stay the same,
 * and their products lose fewer digits. */
static void centre_rows(const assay_matrix *train, double *mean, double *rows, double *half)
{
    const size_t m = train->rows, d = train->cols;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += *assay_matrix_at(train, i, j) / (double)m;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < d; j++) {
            const double value = rows[i * d + j] = *assay_matrix_at(train, i, j) - mean[j];
            half[i] += value * value / 2;
        }
}

typedef struct delta {
    size_t m, d;
    double sigma;
    double *mean, *rows, *half; /* d, m x d, m */
    double *y, *weight, *pull;  /* of a block: x - mean, m weights, their mean row */
} delta;

static void delta_block(
    const delta *k, const assay_matrix *x, size_t first, size_t rows, assay_matrix *out)
{
    const size_t m = k->m, d = k->d;
    const double square = k->sigma * k->sigma;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            k->y[i * d + j] = *assay_matrix_at(x, first + i, j) - k->mean[j];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)m, (int)d, 1, k->y, (int)d,
        k->rows, (int)d, 0, k->weight, (int)m);
    for (size_t i = 0; i < rows; i++) {
        for (size_t r = 0; r < m; r++)
            k->weight[i * m + r] = (k->weight[i * m + r] - k->half[r]) / square;
        softmax(k->weight + i * m, m);
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)d, (int)m, 1, k->weight,
        (int)m, k->rows, (int)d, 0, k->pull, (int)d);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            *assay_matrix_at(out, first + i, j) = (k->pull[i * d + j] - k->y[i * d + j]) / square;
}

int assay_delta_score(
    const assay_matrix *train, double sigma, const assay_matrix *x, assay_matrix *out)
{
    const size_t m = train->rows, d = train->cols;
    int status = check_sigma(sigma);
    if (status == ASSAY_OK && m < 1)
        status = assay_fail(ASSAY_EINVAL, "a training row is needed, got none");
    if (status == ASSAY_OK)
        status = check_columns("the training rows", x, d);
    if (status != ASSAY_OK)
        return status;
    double *memory = calloc(d + m * (d + 1) + BLOCK * (2 * d + m) + 1, sizeof *memory);
    if (!memory)
        return no_memory();
    delta k = {.m = m, .d = d, .sigma = sigma, .mean = memory, .rows = memory + d};
    k.half = k.rows + m * d;
    k.y = k.half + m;
    k.pull = k.y + BLOCK * d;
    k.weight = k.pull + BLOCK * d;
    centre_rows(train, k.mean, k.rows, k.half);
    for (size_t first = 0; first < x->rows; first += BLOCK)
        delta_block(&k, x, first, x->rows - first < BLOCK ? x->rows - first : BLOCK, out);
    free(memory);
    return ASSAY_OK;
}

/* ---- mixtures of low rank ---- */

typedef struct workspace {
    double *memory;
    double *difference; /* BLOCK x d: x - m_k */
    double *c;          /* BLOCK x r: U_k^T of it, then times L / (L + sigma^2) */
    double *largest, *sum,
        *factor;   /* BLOCK: the largest joint density, the others in units of it */
    double *score; /* BLOCK x d */
} workspace;

static int open_workspace(const assay_gmm_lowrank *m, workspace *w)
{
    w->memory = malloc(BLOCK * (2 * m->dim + m->rank + 3) * sizeof *w->memory);
    if (!w->memory)
        return no_memory();
    w->difference = w->memory;
    w->c = w->difference + BLOCK * m->dim;
    w->score = w->c + BLOCK * m->rank;
    w->largest = w->score + BLOCK * m->dim;
    w->sum = w->largest + BLOCK;
    w->factor = w->sum + BLOCK;
    return ASSAY_OK;
}

/* ln w_k - (sum ln(L + s^2) + (d - r) ln s^2 + (|R|^2 - sum q^2 Lt) / s^2) / 2, and q Lt in c */
static double log_joint(
    const assay_gmm_lowrank *m, size_t k, double sigma, const double *R, double *q)
{
    const double square = sigma * sigma, *L = m->eigenvalues + k * m->rank;
    double length = 0, explained = 0, logs = (double)(m->dim - m->rank) * log(square);
    for (size_t j = 0; j < m->dim; j++)
        length += R[j] * R[j];
    for (size_t h = 0; h < m->rank; h++) {
        const double shrunk = q[h] * L[h] / (L[h] + square);
        explained += q[h] * shrunk;
        logs += log(L[h] + square);
        q[h] = shrunk;
    }
    return log(m->weights[k]) - (logs + (length - explained) / square) / 2;
}

/* Rows' sums so far come to be in units of the larger density; the new one's weight is in factor.
 */
static void admit(workspace *w, size_t i, double joint, double *score, size_t d)
{
    if (joint > w->largest[i]) {
        const double shrink = exp(w->largest[i] - joint);
        w->sum[i] *= shrink;
        for (size_t j = 0; j < d && score; j++)
            score[j] *= shrink;
        w->largest[i] = joint;
    }
    w->factor[i] = exp(joint - w->largest[i]);
    w->sum[i] += w->factor[i];
}

static void add_component(const assay_gmm_lowrank *m, size_t k, double sigma, const assay_matrix *x,
    size_t first, size_t rows, workspace *w, bool score)
{
    const size_t d = m->dim, r = m->rank;
    const double *mean = m->means + k * d, *U = m->vectors + k * d * r;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            w->difference[i * d + j] = *assay_matrix_at(x, first + i, j) - mean[j];
    if (r > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)r, (int)d, 1,
            w->difference, (int)d, U, (int)r, 0, w->c, (int)r);
    for (size_t i = 0; i < rows; i++) {
        const double joint = log_joint(m, k, sigma, w->difference + i * d, w->c + i * r);
        admit(w, i, joint, score ? w->score + i * d : NULL, d);
        for (size_t j = 0; j < d && score; j++)
            w->score[i * d + j] -= w->factor[i] * w->difference[i * d + j];
        for (size_t h = 0; h < r; h++)
            w->c[i * r + h] *= w->factor[i];
    }
    if (score && r > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)d, (int)r, 1, w->c,
            (int)r, U, (int)r, 1, w->score, (int)d);
}

/* The sums of a block over all components. */
static void mix(const assay_gmm_lowrank *m, double sigma, const assay_matrix *x, size_t first,
    size_t rows, workspace *w, bool score)
{
    for (size_t i = 0; i < rows; i++) {
        w->largest[i] = -INFINITY;
        w->sum[i] = 0;
    }
    memset(w->score, 0, rows * m->dim * sizeof *w->score);
    for (size_t k = 0; k < m->components; k++)
        if (m->weights[k] > 0)
            add_component(m, k, sigma, x, first, rows, w, score);
}

static int check_mixture(const assay_gmm_lowrank *m, double sigma, const assay_matrix *x)
{
    double sum = 0;
    for (size_t k = 0; k < m->components; k++) {
        if (!(m->weights[k] >= 0 && isfinite(m->weights[k])))
            return assay_fail(
                ASSAY_EINVAL, "weights[%zu] must be at least 0, got %g", k + 1, m->weights[k]);
        sum += m->weights[k];
    }
    for (size_t i = 0; i < m->components * m->rank; i++)
        if (!(m->eigenvalues[i] >= 0 && isfinite(m->eigenvalues[i])))
            return assay_fail(ASSAY_EINVAL, "eigenvalues[%zu][%zu] must be at least 0, got %g",
                i / m->rank + 1, i % m->rank + 1, m->eigenvalues[i]);
    if (!(sum > 0))
        return assay_fail(ASSAY_EINVAL, "weights must have a sum above 0, got %g", sum);
    const int status = check_sigma(sigma);
    return status == ASSAY_OK ? check_columns("the mixture", x, m->dim) : status;
}

int assay_gmm_lowrank_score(
    const assay_gmm_lowrank *m, double sigma, const assay_matrix *x, assay_matrix *out)
{
    workspace w;
    int status = check_mixture(m, sigma, x);
    if (status == ASSAY_OK)
        status = open_workspace(m, &w);
    if (status != ASSAY_OK)
        return status;
    for (size_t first = 0; first < x->rows; first += BLOCK) {
        const size_t rows = x->rows - first < BLOCK ? x->rows - first : BLOCK;
        mix(m, sigma, x, first, rows, &w, true);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < m->dim; j++)
                *assay_matrix_at(out, first + i, j) =
                    w.score[i * m->dim + j] / w.sum[i] / (sigma * sigma);
    }
    free(w.memory);
    return ASSAY_OK;
}

int assay_gmm_lowrank_logpdf(
    const assay_gmm_lowrank *m, double sigma, const assay_matrix *x, double *out)
{
    workspace w;
    double total = 0;
    int status = check_mixture(m, sigma, x);
    if (status == ASSAY_OK)
        status = open_workspace(m, &w);
    if (status != ASSAY_OK)
        return status;
    for (size_t k = 0; k < m->components; k++)
        total += m->weights[k];
    const double constant = log(total) + (double)m->dim / 2 * log(2 * M_PI);
    for (size_t first = 0; first < x->rows; first += BLOCK) {
        const size_t rows = x->rows - first < BLOCK ? x->rows - first : BLOCK;
        mix(m, sigma, x, first, rows, &w, false);
        for (size_t i = 0; i < rows; i++)
            out[first + i] = w.largest[i] + log(w.sum[i]) - constant;
    }
    free(w.memory);
    return ASSAY_OK;
}

/* ---- how alike ---- */

static int check_pair(const assay_matrix *a, const assay_matrix *b)
{
    if (a->rows != b->rows || a->cols != b->cols)
        return assay_fail(ASSAY_EINVAL, "a and b must have one shape, got %zu x %zu and %zu x %zu",
            a->rows, a->cols, b->rows, b->cols);
    return ASSAY_OK;
}

/* sums of |a - b|^2 and |a|^2 of row i */
static void add_squares(
    const assay_matrix *a, const assay_matrix *b, size_t i, double *error, double *total)
{
    for (size_t j = 0; j < a->cols; j++) {
        const double value = *assay_matrix_at(a, i, j), off = value - *assay_matrix_at(b, i, j);
        *error += off * off;
        *total += value * value;
    }
}

int assay_explained_variance(const assay_matrix *a, const assay_matrix *b, double *out)
{
    double error = 0, total = 0;
    const int status = check_pair(a, b);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < a->rows; i++)
        add_squares(a, b, i, &error, &total);
    if (!(total > 0))
        return assay_fail(ASSAY_EINVAL, "the first matrix is 0: there is no variance to explain");
    *out = 1 - error / total;
    return ASSAY_OK;
}

int assay_explained_variance_rows(const assay_matrix *a, const assay_matrix *b, double *out)
{
    const int status = check_pair(a, b);
    for (size_t i = 0; i < a->rows && status == ASSAY_OK; i++) {
        double error = 0, total = 0;
        add_squares(a, b, i, &error, &total);
        out[i] = total > 0 ? 1 - error / total : NAN;
    }
    return status;
}
