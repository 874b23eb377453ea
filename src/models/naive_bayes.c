/* Naive Bayes; see naive_bayes.h. */
#include "models/naive_bayes.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

static const double LOG_2_PI = 1.8378770664093454836;
enum { MOST_CLASSES = 1 << 16, MOST_CODES = 1 << 20 };

void assay_naive_bayes_free(assay_naive_bayes *model)
{
    free(model->log_prior);
    free(model->mean);
    free(model->variance);
    free(model->codes);
    free(model->first);
    free(model->log_code);
    free(model->log_unseen);
    *model = (assay_naive_bayes){0};
}

/* ---- shapes ---- */

static int read_classes(
    const size_t *y, size_t n, double prior_odds, assay_naive_bayes *m, double **counts)
{
    size_t present = 0, most = 0;
    for (size_t i = 0; i < n; i++)
        most = y[i] > most ? y[i] : most;
    if (most >= MOST_CLASSES)
        return assay_fail(ASSAY_EINVAL, "y must be in 0..%d, got %zu", MOST_CLASSES - 1, most);
    m->classes = most + 1;
    *counts = calloc(m->classes, sizeof **counts);
    if (!*counts)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu classes", m->classes);
    for (size_t i = 0; i < n; i++)
        (*counts)[y[i]]++;
    m->minority = SIZE_MAX;
    for (size_t c = 0; c < m->classes; c++) {
        present += (*counts)[c] > 0;
        if ((*counts)[c] > 0 && (m->minority == SIZE_MAX || (*counts)[c] <= (*counts)[m->minority]))
            m->minority = c;
    }
    if (present < 2)
        return assay_fail(ASSAY_EINVAL, "y must have at least 2 classes, got %zu", present);
    if (prior_odds > 0 && present != 2)
        return assay_fail(ASSAY_EINVAL, "prior_odds must be of 2 classes, y has %zu", present);
    return ASSAY_OK;
}

static int read_codes(
    const assay_matrix *X, const unsigned char *nominal, assay_naive_bayes *m, size_t *tables)
{
    *tables = 0;
    for (size_t i = 0; i < X->rows; i++)
        for (size_t j = 0; j < X->cols; j++) {
            const double x = *assay_matrix_at(X, i, j);
            const bool is_code = nominal && nominal[j];
            if (!isfinite(x) || (is_code && !(x >= 0 && x < MOST_CODES && x == floor(x))))
                return assay_fail(ASSAY_EINVAL, "X must be finite%s, got %g in row %zu, column %zu",
                    is_code ? " and codes whole numbers from 0" : "", x, i + 1, j + 1);
            if (is_code && (size_t)x >= m->codes[j])
                m->codes[j] = (size_t)x + 1;
        }
    for (size_t j = 0; j < X->cols; j++) {
        m->first[j] = *tables;
        *tables += m->classes * m->codes[j];
    }
    return ASSAY_OK;
}

static int allocate(assay_naive_bayes *m)
{
    m->log_prior = calloc(m->classes, sizeof *m->log_prior);
    m->mean = calloc(m->classes * m->cols + 1, sizeof *m->mean);
    m->variance = calloc(m->classes * m->cols + 1, sizeof *m->variance);
    m->codes = calloc(m->cols + 1, sizeof *m->codes);
    m->first = calloc(m->cols + 1, sizeof *m->first);
    m->log_unseen = calloc(m->classes * m->cols + 1, sizeof *m->log_unseen);
    if (!m->log_prior || !m->mean || !m->variance || !m->codes || !m->first || !m->log_unseen)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu classes", m->classes);
    return ASSAY_OK;
}

/* ---- fitting ---- */

static double largest_variance(const assay_matrix *X, const assay_naive_bayes *m)
{
    double largest = 0;
    for (size_t j = 0; j < X->cols; j++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < X->rows; i++)
            mean += *assay_matrix_at(X, i, j);
        mean /= (double)X->rows;
        for (size_t i = 0; i < X->rows; i++)
            squares += pow(*assay_matrix_at(X, i, j) - mean, 2);
        if (m->codes[j] == 0)
            largest = fmax(largest, squares / (double)X->rows);
    }
    return largest;
}

static void fit_gaussians(
    const assay_matrix *X, const size_t *y, const double *counts, assay_naive_bayes *m)
{
    const size_t d = m->cols;
    const double least = 1e-9 * largest_variance(X, m);
    for (size_t i = 0; i < X->rows; i++)
        for (size_t j = 0; j < d; j++)
            m->mean[y[i] * d + j] += *assay_matrix_at(X, i, j) / counts[y[i]];
    for (size_t i = 0; i < X->rows; i++)
        for (size_t j = 0; j < d; j++) {
            const double gap = *assay_matrix_at(X, i, j) - m->mean[y[i] * d + j];
            m->variance[y[i] * d + j] += gap * gap / counts[y[i]];
        }
    for (size_t i = 0; i < m->classes * d; i++)
        m->variance[i] = m->variance[i] + least > 0 ? m->variance[i] + least : 1;
}

static void fit_codes(
    const assay_matrix *X, const size_t *y, const double *counts, assay_naive_bayes *m)
{
    for (size_t j = 0; j < m->cols; j++) {
        const size_t codes = m->codes[j];
        double *table = m->log_code + m->first[j];
        for (size_t i = 0; i < X->rows && codes > 0; i++)
            table[y[i] * codes + (size_t)*assay_matrix_at(X, i, j)]++;
        for (size_t c = 0; c < m->classes; c++)
            for (size_t a = 0; a < codes; a++)
                table[c * codes + a] =
                    log((table[c * codes + a] + 1) / (counts[c] + (double)codes));
        for (size_t c = 0; c < m->classes && codes > 0; c++)
            m->log_unseen[c * m->cols + j] = -log(counts[c] + (double)codes);
    }
}

static void set_priors(const double *counts, size_t n, double prior_odds, assay_naive_bayes *m)
{
    for (size_t c = 0; c < m->classes; c++) {
        m->log_prior[c] = log(counts[c] / (double)n);
        if (prior_odds > 0 && counts[c] > 0)
            m->log_prior[c] = log((c == m->minority ? prior_odds : 1) / (1 + prior_odds));
    }
}

int assay_naive_bayes_fit(const assay_matrix *X, const size_t *y, const unsigned char *nominal,
    double prior_odds, assay_naive_bayes *out)
{
    *out = (assay_naive_bayes){.cols = X->cols};
    double *counts = NULL;
    size_t tables = 0;
    int status = ASSAY_OK;
    if (!(prior_odds >= 0 && isfinite(prior_odds)))
        status = assay_fail(
            ASSAY_EINVAL, "prior_odds must be greater than 0 and finite, got %g", prior_odds);
    if (!status)
        status = read_classes(y, X->rows, prior_odds, out, &counts);
    if (!status)
        status = allocate(out);
    if (!status)
        status = read_codes(X, nominal, out, &tables);
    if (!status && !(out->log_code = calloc(tables + 1, sizeof *out->log_code)))
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu codes", tables);
    if (!status) {
        fit_gaussians(X, y, counts, out);
        fit_codes(X, y, counts, out);
        set_priors(counts, X->rows, prior_odds, out);
    } else {
        assay_naive_bayes_free(out);
    }
    free(counts);
    return status;
}

/* ---- posterior ---- */

static double log_likelihood(const assay_naive_bayes *m, size_t c, size_t j, double x)
{
    if (m->codes[j] == 0) {
        const double v = m->variance[c * m->cols + j], gap = x - m->mean[c * m->cols + j];
        return -0.5 * (LOG_2_PI + log(v) + gap * gap / v);
    }
    const double *table = m->log_code + m->first[j] + c * m->codes[j];
    return x < (double)m->codes[j] ? table[(size_t)x] : m->log_unseen[c * m->cols + j];
}

static int check_query(const assay_naive_bayes *m, const assay_matrix *Q)
{
    if (Q->rows > 0 && Q->cols != m->cols)
        return assay_fail(ASSAY_EINVAL, "Q must have %zu columns, got %zu", m->cols, Q->cols);
    for (size_t i = 0; i < Q->rows; i++)
        for (size_t j = 0; j < Q->cols; j++) {
            const double x = *assay_matrix_at(Q, i, j);
            if (!isfinite(x) || (m->codes[j] > 0 && !(x >= 0 && x == floor(x))))
                return assay_fail(ASSAY_EINVAL,
                    "Q must be finite, and codes whole numbers from 0, got %g in row %zu, column "
                    "%zu",
                    x, i + 1, j + 1);
        }
    return ASSAY_OK;
}

int assay_naive_bayes_posterior(
    const assay_naive_bayes *m, const assay_matrix *Q, assay_matrix *posterior)
{
    const int status = check_query(m, Q);
    for (size_t i = 0; i < Q->rows && !status; i++) {
        double *p = assay_matrix_row(posterior, i), most = -INFINITY, sum = 0;
        for (size_t c = 0; c < m->classes; c++) {
            p[c] = m->log_prior[c];
            for (size_t j = 0; j < m->cols && p[c] > -INFINITY; j++)
                p[c] += log_likelihood(m, c, j, *assay_matrix_at(Q, i, j));
            most = fmax(most, p[c]);
        }
        for (size_t c = 0; c < m->classes; c++)
            sum += p[c] = exp(p[c] - most);
        for (size_t c = 0; c < m->classes; c++)
            p[c] /= sum;
    }
    return status;
}
