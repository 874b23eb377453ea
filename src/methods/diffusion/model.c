/* Models, guidance and thresholds; see model.h. */
#include "methods/diffusion/model.h"

#include <gsl/gsl_statistics_double.h>
#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>

#include "core/status.h"

int assay_noise_level_at(const assay_schedule *s, double t, assay_noise_level *out)
{
    double log_alpha;
    const int status = assay_schedule_eval(s, t, &log_alpha, &out->sigma, &out->lambda);
    out->t = t;
    out->alpha = exp(log_alpha);
    return status;
}

/* prediction = a x + b prediction */
static void blend_row(const double *restrict x, double a, double b, size_t d, double *restrict out)
{
    for (size_t j = 0; j < d; j++)
        out[j] = a * x[j] + b * out[j];
}

/* The wanted quantity is a x + b prediction. */
static int conversion(
    assay_prediction type, bool data, const assay_noise_level *l, double *a, double *b)
{
    *a = 0;
    *b = 1;
    switch (type) {
    case ASSAY_PREDICT_NOISE:
        if (data) {
            *a = 1 / l->alpha;
            *b = -l->sigma / l->alpha;
        }
        break;
    case ASSAY_PREDICT_X_START:
        if (!data) {
            *a = 1 / l->sigma;
            *b = -l->alpha / l->sigma;
        }
        break;
    case ASSAY_PREDICT_V:
        if (fabs(l->alpha * l->alpha + l->sigma * l->sigma - 1) > 1e-6)
            return assay_fail(ASSAY_EINVAL,
                "a model of type v needs a variance-preserving schedule: at t = %g "
                "alpha^2 + sigma^2 is %g, not 1",
                l->t, l->alpha * l->alpha + l->sigma * l->sigma);
        *a = data ? l->alpha : l->sigma;
        *b = data ? -l->sigma : l->alpha;
        break;
    case ASSAY_PREDICT_SCORE: /* x_0 = (x + sigma^2 s) / alpha */
        *a = data ? 1 / l->alpha : 0;
        *b = data ? l->sigma * l->sigma / l->alpha : -l->sigma;
        break;
    }
    return ASSAY_OK;
}

int assay_prediction_convert(assay_prediction type, bool data, const assay_matrix *x,
    const assay_noise_level *levels, size_t n, assay_matrix *prediction)
{
    double a = 0, b = 1;
    for (size_t i = 0; i < x->rows; i++) {
        const int status = i < n ? conversion(type, data, &levels[i], &a, &b) : ASSAY_OK;
        if (status != ASSAY_OK)
            return status;
        if (a != 0 || b != 1)
            blend_row(assay_matrix_row(x, i), a, b, x->cols, assay_matrix_row(prediction, i));
    }
    return ASSAY_OK;
}

int assay_diffusion_noise(const assay_diffusion_model *m, const assay_matrix *x, const double *t,
    size_t nt, assay_matrix *out)
{
    if (m->type != ASSAY_PREDICT_NOISE && !m->schedule)
        return assay_fail(ASSAY_EINVAL,
            "the model is called with labels and predicts no noise: its samplers alone can tell it");
    int status = m->predict(m->context, x, t, nt, out);
    for (size_t i = 0; i < x->rows && status == ASSAY_OK && m->type != ASSAY_PREDICT_NOISE; i++) {
        assay_noise_level level;
        assay_matrix from, to;
        if ((status = assay_noise_level_at(m->schedule, t[nt == 1 ? 0 : i], &level)) == ASSAY_OK &&
            (status = assay_matrix_sub(x, i, 1, 0, x->cols, &from)) == ASSAY_OK &&
            (status = assay_matrix_sub(out, i, 1, 0, x->cols, &to)) == ASSAY_OK)
            status = assay_prediction_convert(m->type, false, &from, &level, 1, &to);
    }
    return status;
}

/* ---- guidance ---- */

static int grow(double **memory, size_t *capacity, const assay_matrix *x, assay_matrix *out)
{
    const size_t needed = x->rows * x->cols;
    if (needed > *capacity) {
        double *larger = realloc(*memory, needed * sizeof *larger);
        if (!larger)
            return assay_fail(ASSAY_ENOMEM, "no memory to guide %zu rows", x->rows);
        *memory = larger;
        *capacity = needed;
    }
    *out = assay_matrix_view(*memory, x->rows, x->cols);
    return ASSAY_OK;
}

static int check_scale(double scale)
{
    if (!isfinite(scale))
        return assay_fail(ASSAY_EINVAL, "scale must be finite, got %g", scale);
    return ASSAY_OK;
}

int assay_cfg_init(assay_cfg_model *g, const assay_diffusion_model *unconditional,
    const assay_diffusion_model *conditional, double scale)
{
    *g = (assay_cfg_model){
        .unconditional = *unconditional, .conditional = *conditional, .scale = scale};
    return check_scale(scale);
}

void assay_cfg_free(assay_cfg_model *g)
{
    free(g->memory);
    g->memory = NULL;
    g->capacity = 0;
}

static int cfg_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    assay_cfg_model *g = context;
    assay_matrix with;
    if (g->scale == 0 || g->scale == 1)
        return assay_diffusion_noise(
            g->scale == 0 ? &g->unconditional : &g->conditional, x, t, nt, out);
    int status = assay_diffusion_noise(&g->unconditional, x, t, nt, out);
    if (status == ASSAY_OK && (status = grow(&g->memory, &g->capacity, x, &with)) == ASSAY_OK)
        status = assay_diffusion_noise(&g->conditional, x, t, nt, &with);
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++)
        blend_row(
            assay_matrix_row(&with, i), g->scale, 1 - g->scale, x->cols, assay_matrix_row(out, i));
    return status;
}

assay_diffusion_model assay_cfg_view(assay_cfg_model *g)
{
    const size_t u = g->scale == 1 ? 0 : g->unconditional.cost,
                 c = g->scale == 0 ? 0 : g->conditional.cost;
    return (assay_diffusion_model){
        cfg_predict, g, ASSAY_PREDICT_NOISE, g->conditional.schedule, u + c};
}

int assay_classifier_init(assay_classifier_model *g, const assay_diffusion_model *model,
    assay_model_fn gradient, void *context, double scale)
{
    *g = (assay_classifier_model){
        .model = *model, .gradient = gradient, .context = context, .scale = scale};
    return check_scale(scale);
}

void assay_classifier_free(assay_classifier_model *g)
{
    free(g->memory);
    g->memory = NULL;
    g->capacity = 0;
}

static int classifier_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    assay_classifier_model *g = context;
    assay_matrix gradient;
    int status = assay_diffusion_noise(&g->model, x, t, nt, out);
    if (status != ASSAY_OK || g->scale == 0 ||
        (status = grow(&g->memory, &g->capacity, x, &gradient)) != ASSAY_OK)
        return status;
    status = g->gradient(g->context, x, t, nt, &gradient);
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++) {
        assay_noise_level level;
        status = assay_noise_level_at(g->model.schedule, t[nt == 1 ? 0 : i], &level);
        if (status == ASSAY_OK)
            blend_row(assay_matrix_row(&gradient, i), -g->scale * level.sigma, 1, x->cols,
                assay_matrix_row(out, i));
    }
    return status;
}

assay_diffusion_model assay_classifier_view(assay_classifier_model *g)
{
    return (assay_diffusion_model){
        classifier_predict, g, ASSAY_PREDICT_NOISE, g->model.schedule, g->model.cost};
}

/* ---- thresholds ---- */

int assay_dynamic_threshold(assay_matrix *x0, double ratio, double max_val, double *scratch)
{
    if (!(ratio > 0 && ratio <= 1))
        return assay_fail(
            ASSAY_EINVAL, "ratio must be greater than 0 and at most 1, got %g", ratio);
    if (!(max_val > 0 && isfinite(max_val)))
        return assay_fail(ASSAY_EINVAL, "max_val must be greater than 0, got %g", max_val);
    for (size_t i = 0; i < x0->rows && x0->cols > 0; i++) {
        double *row = assay_matrix_row(x0, i);
        for (size_t j = 0; j < x0->cols; j++)
            scratch[j] = fabs(row[j]);
        gsl_sort(scratch, 1, x0->cols);
        const double q =
            fmax(gsl_stats_quantile_from_sorted_data(scratch, 1, x0->cols, ratio), max_val);
        for (size_t j = 0; j < x0->cols; j++)
            row[j] = fmin(fmax(row[j], -q), q) / q;
    }
    return ASSAY_OK;
}

void assay_static_threshold(assay_matrix *x0, double clip)
{
    for (size_t i = 0; i < x0->rows; i++) {
        double *row = assay_matrix_row(x0, i);
        for (size_t j = 0; j < x0->cols; j++)
            row[j] = fmin(fmax(row[j], -clip), clip);
    }
}
