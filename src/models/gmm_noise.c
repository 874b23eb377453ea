/* Mixtures that predict noise; see gmm_noise.h. */
#include "models/gmm_noise.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"

void assay_gmm_noise_free(assay_gmm_noise *m)
{
    assay_gmm_workspace_free(&m->workspace);
    free(m->levels);
    m->levels = NULL;
    m->rows = 0;
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

static int grow(assay_gmm_noise *m, size_t rows)
{
    if (rows <= m->rows)
        return ASSAY_OK;
    assay_gmm_level *larger = realloc(m->levels, rows * sizeof *larger);
    if (!larger)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", rows);
    m->levels = larger;
    m->rows = rows;
    return ASSAY_OK;
}

int assay_gmm_noise_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    assay_gmm_noise *m = context;
    assay_gmm_level one;
    if (x->rows == 0)
        return ASSAY_OK;
    int status = nt == 1 ? ASSAY_OK : grow(m, nt);
    assay_gmm_level *levels = nt == 1 ? &one : m->levels;
    bool equal = true;
    for (size_t i = 0; i < nt && status == ASSAY_OK; i++) {
        status = level_at(m, t[i], &levels[i]);
        equal &= t[i] == t[0];
    }
    return status == ASSAY_OK
               ? assay_gmm_evaluate_with(m->gmm, levels, equal ? 1 : nt, x,
                     &(assay_gmm_values){.eps = out, .progress = m->progress}, &m->workspace)
               : status;
}
