/* Noise schedules; see schedule.h. Products of (1 - beta) live as logarithms, and sigma comes from
 * expm1, because alpha is 1 to all digits at the times where a solver ends. */
#include "core/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"

#define CLIPPED_LAMBDA (-5.1)

assay_schedule_options assay_schedule_defaults(assay_schedule_kind kind)
{
    return (assay_schedule_options){.kind = kind,
        .beta_min = 0.1,
        .beta_max = 20,
        .s = 0.008,
        .n = 1000,
        .beta_kind = ASSAY_BETA_LINEAR,
        .beta_start = 1e-4,
        .beta_end = 0.02};
}

/* ---- alpha, sigma, lambda ---- */

static double sigma_of(double log_alpha)
{
    return sqrt(-expm1(2 * log_alpha));
}

static double lambda_of(double log_alpha)
{
    return log_alpha - log(sigma_of(log_alpha));
}

/* ln alpha of a variance-preserving schedule: -log(1 + e^{-2 lambda}) / 2 */
static double log_alpha_of(double lambda)
{
    const double x = -2 * lambda;
    return -(fmax(x, 0) + log1p(exp(-fabs(x)))) / 2;
}

static double cosine_angle(const assay_schedule *s, double t)
{
    return (t + s->s) / (1 + s->s) * M_PI_2;
}

/* The line through two points of (x, y), at x. */
static double line(double x, double x0, double y0, double x1, double y1)
{
    return y0 + (x - x0) * (y1 - y0) / (x1 - x0);
}

static double discrete_time(const assay_schedule *s, size_t i)
{
    return (double)(i + 1) / (double)s->n;
}

static double discrete_log_alpha(const assay_schedule *s, double t)
{
    const double at = fmin(fmax(floor(t * (double)s->n) - 1, 0), (double)(s->n - 2));
    const size_t i = (size_t)at;
    return line(
        t, discrete_time(s, i), s->log_alpha[i], discrete_time(s, i + 1), s->log_alpha[i + 1]);
}

static double discrete_inverse(const assay_schedule *s, double log_alpha)
{
    size_t low = 0, high = s->n - 1; /* log_alpha falls */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (s->log_alpha[middle] > log_alpha)
            low = middle;
        else
            high = middle;
    }
    return line(log_alpha, s->log_alpha[low], discrete_time(s, low), s->log_alpha[high],
        discrete_time(s, high));
}

static double log_alpha_at(const assay_schedule *s, double t)
{
    switch (s->kind) {
    case ASSAY_SCHEDULE_VP_LINEAR:
        return -t * t * (s->beta_max - s->beta_min) / 4 - t * s->beta_min / 2;
    case ASSAY_SCHEDULE_VP_COSINE:
        return log(cos(cosine_angle(s, t))) - log(cos(cosine_angle(s, 0)));
    case ASSAY_SCHEDULE_DISCRETE:
        return discrete_log_alpha(s, t);
    case ASSAY_SCHEDULE_EDM:
        break;
    }
    return 0;
}

int assay_schedule_eval(
    const assay_schedule *s, double t, double *log_alpha, double *sigma, double *lambda)
{
    if (!(t >= 0 && isfinite(t)))
        return assay_fail(ASSAY_EINVAL, "t must be finite and at least 0, got %g", t);
    if (s->kind == ASSAY_SCHEDULE_VP_COSINE && t >= 1)
        return assay_fail(ASSAY_EINVAL, "t of vp_cosine must be less than 1, got %g", t);
    const double la = log_alpha_at(s, t);
    if (la > 0)
        return assay_fail(ASSAY_EINVAL,
            "t = %g is before the start of the discrete schedule: its first step is at %g", t,
            discrete_time(s, 0));
    const double noise = s->kind == ASSAY_SCHEDULE_EDM ? t : sigma_of(la);
    if (log_alpha)
        *log_alpha = la;
    if (sigma)
        *sigma = noise;
    if (lambda)
        *lambda = la - log(noise);
    return ASSAY_OK;
}

int assay_schedule_inverse_lambda(const assay_schedule *s, double lambda, double *t)
{
    if (!isfinite(lambda))
        return assay_fail(ASSAY_EINVAL, "lambda must be finite, got %g", lambda);
    const double log_alpha = log_alpha_of(lambda);
    switch (s->kind) {
    case ASSAY_SCHEDULE_VP_LINEAR: {
        const double b0 = s->beta_min, slope = s->beta_max - b0, q = -4 * log_alpha;
        *t = q / (sqrt(b0 * b0 + slope * q) + b0);
        break;
    }
    case ASSAY_SCHEDULE_VP_COSINE:
        *t = acos(exp(log_alpha) * cos(cosine_angle(s, 0))) * (1 + s->s) / M_PI_2 - s->s;
        break;
    case ASSAY_SCHEDULE_EDM:
        *t = exp(-lambda);
        break;
    case ASSAY_SCHEDULE_DISCRETE:
        *t = discrete_inverse(s, log_alpha);
        break;
    }
    return ASSAY_OK;
}

/* ---- making ---- */

static double cosine_alpha_bar(double u)
{
    const double c = cos((u + 0.008) / 1.008 * M_PI_2);
    return c * c;
}

int assay_schedule_betas(
    assay_beta_kind kind, double beta_start, double beta_end, size_t n, double *betas)
{
    if (n < 2)
        return assay_fail(ASSAY_EINVAL, "N must be at least 2, got %zu", n);
    if (kind != ASSAY_BETA_COSINE && !(beta_start > 0 && beta_start <= beta_end && beta_end < 1))
        return assay_fail(ASSAY_EINVAL, "0 < beta_start <= beta_end < 1 is needed, got %g and %g",
            beta_start, beta_end);
    for (size_t i = 0; i < n; i++) {
        const double u = (double)i / (double)(n - 1);
        if (kind == ASSAY_BETA_COSINE) {
            const double from = cosine_alpha_bar((double)i / (double)n);
            betas[i] = fmin(1 - cosine_alpha_bar((double)(i + 1) / (double)n) / from, 0.999);
        } else if (kind == ASSAY_BETA_LINEAR) {
            betas[i] = beta_start + u * (beta_end - beta_start);
        } else {
            const double root = sqrt(beta_start) + u * (sqrt(beta_end) - sqrt(beta_start));
            betas[i] = root * root;
        }
    }
    return ASSAY_OK;
}

static int sum_betas(const double *betas, size_t n, double *log_alpha)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(betas[i] > 0 && betas[i] < 1))
            return assay_fail(
                ASSAY_EINVAL, "betas[%zu] must lie between 0 and 1, got %g", i + 1, betas[i]);
        sum += log1p(-betas[i]) / 2;
        log_alpha[i] = sum;
    }
    return ASSAY_OK;
}

static int log_products(const double *product, size_t n, double *log_alpha)
{
    double before = 1;
    for (size_t i = 0; i < n; i++) {
        if (!(product[i] > 0 && product[i] < before))
            return assay_fail(ASSAY_EINVAL,
                "alphas_cumprod[%zu] must lie between 0 and the one before, %g, got %g", i + 1,
                before, product[i]);
        before = product[i];
        log_alpha[i] = log(product[i]) / 2;
    }
    return ASSAY_OK;
}

static int fill_log_alpha(const assay_schedule_options *o, double *log_alpha)
{
    if (o->betas)
        return sum_betas(o->betas, o->n, log_alpha);
    if (o->alphas_cumprod)
        return log_products(o->alphas_cumprod, o->n, log_alpha);
    const int status =
        assay_schedule_betas(o->beta_kind, o->beta_start, o->beta_end, o->n, log_alpha);
    return status == ASSAY_OK ? sum_betas(log_alpha, o->n, log_alpha) : status;
}

static int init_discrete(assay_schedule *s, const assay_schedule_options *o)
{
    if (o->n < 2)
        return assay_fail(ASSAY_EINVAL, "N must be at least 2, got %zu", o->n);
    double *log_alpha = calloc(o->n, sizeof *log_alpha);
    if (!log_alpha)
        return assay_fail(ASSAY_ENOMEM, "no memory for a schedule of %zu steps", o->n);
    int status = fill_log_alpha(o, log_alpha);
    size_t kept = o->n;
    while (kept > 0 && lambda_of(log_alpha[kept - 1]) < CLIPPED_LAMBDA)
        kept--;
    if (status == ASSAY_OK && kept < 2)
        status = assay_fail(ASSAY_EINVAL,
            "a discrete schedule needs 2 steps with lambda >= %g, got %zu", CLIPPED_LAMBDA, kept);
    if (status != ASSAY_OK) {
        free(log_alpha);
        return status;
    }
    s->n = kept;
    s->log_alpha = log_alpha;
    return ASSAY_OK;
}

int assay_schedule_init(assay_schedule *s, const assay_schedule_options *o)
{
    static const double t_max[] = {1, 0.9946, 80, 1};
    *s = (assay_schedule){.kind = o->kind,
        .beta_min = o->beta_min,
        .beta_max = o->beta_max,
        .s = o->s,
        .t_max = t_max[o->kind]};
    if (o->kind == ASSAY_SCHEDULE_VP_LINEAR &&
        !(o->beta_min > 0 && o->beta_min <= o->beta_max && isfinite(o->beta_max)))
        return assay_fail(ASSAY_EINVAL, "0 < beta_min <= beta_max is needed, got %g and %g",
            o->beta_min, o->beta_max);
    if (o->kind == ASSAY_SCHEDULE_VP_COSINE && !(o->s >= 0 && o->s < 1))
        return assay_fail(ASSAY_EINVAL, "s must be at least 0 and less than 1, got %g", o->s);
    return o->kind == ASSAY_SCHEDULE_DISCRETE ? init_discrete(s, o) : ASSAY_OK;
}

void assay_schedule_free(assay_schedule *s)
{
    free(s->log_alpha);
    s->log_alpha = NULL;
}
