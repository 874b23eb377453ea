/* Distributions of the next token, and the temperatures that a pool is drawn at. */
#include "methods/inference/multilingual.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* ---- softmax at a temperature ---- */

static int largest_logit(const double *logits, size_t n, size_t *at)
{
    *at = 0;
    if (n == 0)
        return assay_fail(
            ASSAY_EINVAL, "temperature_softmax: logits must have at least 1 value, got none");
    for (size_t i = 0; i < n; i++) {
        if (isnan(logits[i]))
            return assay_fail(
                ASSAY_EINVAL, "temperature_softmax: logits[%zu] must be a number, got nan", i + 1);
        if (logits[i] > logits[*at])
            *at = i;
    }
    if (logits[*at] == -INFINITY)
        return assay_fail(
            ASSAY_EINVAL, "temperature_softmax: logits must not all be -inf, got %zu of them", n);
    return ASSAY_OK;
}

/* Equal shares for the logits that are at least `least`. */
static void share_equally(const double *logits, size_t n, double least, double *p)
{
    double count = 0;
    for (size_t i = 0; i < n; i++)
        count += p[i] = logits[i] >= least;
    for (size_t i = 0; i < n; i++)
        p[i] /= count;
}

int assay_temperature_softmax(const double *logits, size_t n, double temperature, double *p)
{
    size_t mode;
    double sum = 0;
    if (!(temperature >= 0))
        return assay_fail(ASSAY_EINVAL,
            "temperature_softmax: temperature must be at least 0, got %g", temperature);
    const int status = largest_logit(logits, n, &mode);
    if (status)
        return status;
    const double most = logits[mode];
    if (temperature == 0) {
        for (size_t i = 0; i < n; i++)
            p[i] = i == mode;
    } else if (isinf(most)) {
        share_equally(logits, n, INFINITY, p);
    } else if (isinf(temperature)) {
        share_equally(logits, n, -DBL_MAX, p);
    } else {
        for (size_t i = 0; i < n; i++)
            sum += p[i] = exp((logits[i] - most) / temperature);
        for (size_t i = 0; i < n; i++)
            p[i] /= sum;
    }
    return ASSAY_OK;
}

/* ---- filters ---- */

static int check_probabilities(const char *who, const double *p, size_t n, double *sum)
{
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(p[i] >= 0 && isfinite(p[i])))
            return assay_fail(
                ASSAY_EINVAL, "%s: p[%zu] must be at least 0 and finite, got %g", who, i + 1, p[i]);
        *sum += p[i];
    }
    return *sum > 0 && isfinite(*sum)
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "%s: p must have a positive, finite sum", who);
}

static void normalise(double *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

int assay_min_p_filter(const double *p, size_t n, double min_p, double *out, size_t *kept)
{
    double sum, most = 0;
    const int status = check_probabilities("min_p_filter", p, n, &sum);
    if (status)
        return status;
    if (!(min_p >= 0 && min_p <= 1))
        return assay_fail(ASSAY_EINVAL, "min_p_filter: min_p must be in 0..1, got %g", min_p);
    for (size_t i = 0; i < n; i++)
        most = fmax(most, p[i]);
    *kept = 0;
    for (size_t i = 0; i < n; i++) {
        const bool keep = p[i] >= min_p * most;
        out[i] = keep ? p[i] : 0;
        *kept += keep;
    }
    normalise(out, n);
    return ASSAY_OK;
}

typedef struct ranked {
    double p;
    size_t at;
} ranked;

static int likeliest_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->p != y->p ? (x->p < y->p) - (x->p > y->p) : (x->at > y->at) - (x->at < y->at);
}

int assay_top_p_filter(const double *p, size_t n, double top_p, double *out, size_t *kept)
{
    double sum, reached = 0;
    const int status = check_probabilities("top_p_filter", p, n, &sum);
    if (status)
        return status;
    if (!(top_p > 0 && top_p <= 1))
        return assay_fail(ASSAY_EINVAL,
            "top_p_filter: top_p must be greater than 0 and at most 1, got %g", top_p);
    ranked *order = malloc(n * sizeof *order);
    if (!order)
        return assay_fail(ASSAY_ENOMEM, "top_p_filter: no memory for %zu tokens", n);
    for (size_t i = 0; i < n; i++)
        order[i] = (ranked){p[i], i};
    qsort(order, n, sizeof *order, likeliest_first);
    *kept = 0;
    while (*kept < n && (top_p == 1 || reached < top_p * sum))
        reached += order[(*kept)++].p;
    for (size_t i = 0; i < n; i++)
        out[order[i].at] = i < *kept ? order[i].p : 0;
    free(order);
    normalise(out, n);
    return ASSAY_OK;
}

static int filter(double *p, size_t n, const assay_token_opts *o, bool with_min_p)
{
    size_t kept;
    int status = ASSAY_OK;
    if (with_min_p && o->min_p != 0)
        status = assay_min_p_filter(p, n, o->min_p, p, &kept);
    if (!status && o->top_p != 0 && o->top_p != 1)
        status = assay_top_p_filter(p, n, o->top_p, p, &kept);
    return status;
}

/* min-p at temperature 1, then the temperature among the logits that are left */
static int min_p_first(const double *logits, size_t n, const assay_token_opts *o, double *p)
{
    size_t kept;
    int status = assay_temperature_softmax(logits, n, 1, p);
    if (!status)
        status = assay_min_p_filter(p, n, o->min_p, p, &kept);
    for (size_t i = 0; !status && i < n; i++)
        p[i] = p[i] > 0 ? logits[i] : -INFINITY;
    if (!status)
        status = assay_temperature_softmax(p, n, o->temperature, p);
    return status ? status : filter(p, n, o, false);
}

int assay_token_probabilities(const double *logits, size_t n, const assay_token_opts *o, double *p)
{
    if (o->min_p_first)
        return min_p_first(logits, n, o, p);
    const int status = assay_temperature_softmax(logits, n, o->temperature, p);
    return status ? status : filter(p, n, o, true);
}

/* ---- a token ---- */

int assay_sample_index(const double *p, size_t n, double u, size_t *index)
{
    double sum, below = 0;
    const int status = check_probabilities("sample_token", p, n, &sum);
    if (status)
        return status;
    if (!(u >= 0 && u < 1))
        return assay_fail(ASSAY_EINVAL, "sample_token: u must be in 0..1 without 1, got %g", u);
    for (size_t i = 0; i < n; i++) {
        if (p[i] > 0)
            *index = i; /* the last one stands where rounding leaves the sum below u */
        below += p[i];
        if (below > u * sum)
            break;
    }
    return ASSAY_OK;
}

/* ---- plans ---- */

static int check_temperature(const char *name, double temperature)
{
    return temperature >= 0
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "sampling_plan: %s must be at least 0, got %g", name,
                     temperature);
}

static int constant(double temperature, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = temperature;
    return check_temperature("temperature", temperature);
}

static int schedule(const assay_plan_opts *o, double *out, size_t n)
{
    const int status = check_temperature("t_min", o->t_min);
    for (size_t i = 0; i < n; i++)
        out[i] = i == 0 ? o->t_min : o->t_min + (o->t_max - o->t_min) * (double)i / (double)(n - 1);
    return status ? status : check_temperature("t_max", o->t_max);
}

static int given(const assay_plan_opts *o, double *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const int status = check_temperature("each of temperatures", o->temperatures[i]);
        if (status)
            return status;
        out[i] = o->temperatures[i];
    }
    return ASSAY_OK;
}

int assay_sampling_plan(const assay_plan_opts *o, double *temperatures)
{
    if (o->n == 0)
        return assay_fail(ASSAY_EINVAL, "sampling_plan: n must be at least 1, got 0");
    temperatures[0] = 0; /* of the hedged ones */
    switch (o->strategy) {
    case ASSAY_PLAN_SINGLE:
        return constant(o->temperature, temperatures, o->n);
    case ASSAY_PLAN_MULTI:
        return given(o, temperatures);
    case ASSAY_PLAN_SCHEDULE:
        return schedule(o, temperatures, o->n);
    case ASSAY_PLAN_HEDGED:
        return constant(o->temperature, temperatures + 1, o->n - 1);
    case ASSAY_PLAN_HEDGED_SCHEDULE:
        return schedule(o, temperatures + 1, o->n - 1);
    }
    return assay_fail(ASSAY_EINVAL, "sampling_plan: no strategy %d", (int)o->strategy);
}
