/* Nets as models of samplers; see net_noise.h. */
#include "models/net_noise.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

void assay_net_noise_free(assay_net_noise *m)
{
    free(m->memory);
    m->memory = NULL;
    m->capacity = 0;
}

static int grow(assay_net_noise *m, size_t rows, size_t columns)
{
    const size_t needed = rows * columns;
    if (needed > m->capacity) {
        double *larger = realloc(m->memory, needed * sizeof *larger);
        if (!larger)
            return assay_fail(ASSAY_ENOMEM, "no memory to denoise %zu rows", rows);
        m->memory = larger;
        m->capacity = needed;
    }
    return ASSAY_OK;
}

int assay_net_noise_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    assay_net_noise *m = context;
    const size_t d = x->cols, extra = assay_net_time_inputs(m->net, d), all = d + extra;
    if (x->rows == 0)
        return ASSAY_OK;
    if (extra == 0)
        return assay_net_refuse_denoiser(m->net, d);
    const int status = grow(m, x->rows, all);
    if (status != ASSAY_OK)
        return status;
    const assay_matrix in = assay_matrix_view(m->memory, x->rows, all);
    for (size_t i = 0; i < x->rows; i++) {
        const double given = t[nt == 1 ? 0 : i];
        const double time = m->labels > 0 ? (given + 1) / (double)m->labels : given;
        double *row = assay_matrix_row(&in, i);
        memcpy(row, assay_matrix_row(x, i), d * sizeof *row);
        for (size_t j = d; j < all; j++)
            row[j] = time;
    }
    return assay_net_predict(m->net, &in, SIZE_MAX, m->progress, out);
}
