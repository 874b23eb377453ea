/* Mixtures that predict noise; see gmm_noise.h. */
#include "models/gmm_noise.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

void assay_gmm_noise_free(assay_gmm_noise *m)
{
    assay_gmm_workspace_free(&m->workspace);
    free(m->gathered);
    free(m->order);
    m->gathered = NULL;
    m->order = NULL;
    m->capacity = m->rows = 0;
}

static int level_of_label(const assay_gmm_noise *m, double t, assay_gmm_level *level)
{
    if (!(t >= 0 && t <= (double)(m->n - 1)))
        return assay_fail(ASSAY_EINVAL, "t must be a label in 0..%zu, got %g", m->n - 1, t);
    const size_t at = (size_t)fmin(floor(t), (double)(m->n - (m->n > 1 ? 2 : 1)));
    const double u = t - (double)at;
    const double next = m->alpha_bar[at + 1 < m->n ? at + 1 : at];
    const double product = m->alpha_bar[at] + u * (next - m->alpha_bar[at]);
    level->alpha = sqrt(product);
    level->sigma = sqrt(1 - product);
    return ASSAY_OK;
}

static int level_at(const assay_gmm_noise *m, double t, assay_gmm_level *level)
{
    *level = m->level;
    if (m->alpha_bar)
        return level_of_label(m, t, level);
    const int status = assay_schedule_eval(m->schedule, t, &level->alpha, &level->sigma, NULL);
    level->alpha = exp(level->alpha);
    return status;
}

static int predict_at(assay_gmm_noise *m, double t, const assay_matrix *x, assay_matrix *out)
{
    assay_gmm_level level;
    const int status = level_at(m, t, &level);
    if (status != ASSAY_OK)
        return status;
    return assay_gmm_evaluate_with(
        m->gmm, &level, x, &(assay_gmm_values){.eps = out}, &m->workspace);
}

static int grow(assay_gmm_noise *m, const assay_matrix *x)
{
    const size_t needed = 2 * x->rows * x->cols;
    if (needed > m->capacity || x->rows > m->rows) {
        free(m->gathered);
        free(m->order);
        m->gathered = malloc(needed * sizeof *m->gathered);
        m->order = malloc(x->rows * sizeof *m->order);
        m->capacity = m->gathered && m->order ? needed : 0;
        m->rows = m->capacity ? x->rows : 0;
    }
    return m->capacity >= needed ? ASSAY_OK
                                 : assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", x->rows);
}

/* Rows first..end - 1 of the order, which share a time. */
static int predict_group(assay_gmm_noise *m, double t, const assay_matrix *x, size_t first,
    size_t end, assay_matrix *out)
{
    const size_t rows = end - first, d = x->cols;
    const assay_matrix points = assay_matrix_view(m->gathered, rows, d);
    assay_matrix noise = assay_matrix_view(m->gathered + x->rows * d, rows, d);
    for (size_t i = 0; i < rows; i++)
        memcpy(assay_matrix_row(&points, i), assay_matrix_row(x, m->order[first + i]),
            d * sizeof(double));
    const int status = predict_at(m, t, &points, &noise);
    for (size_t i = 0; i < rows && status == ASSAY_OK; i++)
        memcpy(assay_matrix_row(out, m->order[first + i]), assay_matrix_row(&noise, i),
            d * sizeof(double));
    return status;
}

int assay_gmm_noise_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    assay_gmm_noise *m = context;
    if (nt == 1 || x->rows == 0)
        return x->rows == 0 ? ASSAY_OK : predict_at(m, t[0], x, out);
    int status = grow(m, x);
    if (status != ASSAY_OK)
        return status;
    gsl_sort_index(m->order, t, 1, x->rows);
    for (size_t first = 0, end; first < x->rows && status == ASSAY_OK; first = end) {
        for (end = first + 1; end < x->rows && t[m->order[end]] == t[m->order[first]];)
            end++;
        status = predict_group(m, t[m->order[first]], x, first, end, out);
    }
    return status;
}
