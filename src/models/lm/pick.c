/* Choosing a token; see pick.h. */
#include "models/lm/pick.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

struct candidate {
    double p;
    size_t token;
};

int assay_pick_check(const assay_pick_options *o)
{
    if (!(o->temperature >= 0 && isfinite(o->temperature)))
        return assay_fail(
            ASSAY_EINVAL, "lm: temperature must be finite and at least 0, got %g", o->temperature);
    if (!(o->top_p > 0 && o->top_p <= 1))
        return assay_fail(
            ASSAY_EINVAL, "lm: top_p must be greater than 0 and at most 1, got %g", o->top_p);
    if (!(o->min_p >= 0 && o->min_p <= 1))
        return assay_fail(ASSAY_EINVAL, "lm: min_p must be in 0..1, got %g", o->min_p);
    return ASSAY_OK;
}

/* The lowest token of the largest logit. */
static int find_largest(const double *z, size_t n, size_t *largest)
{
    *largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(z[i]) || z[i] == INFINITY)
            return assay_fail(ASSAY_EINVAL, "lm: non-finite logits: token %zu has %g", i, z[i]);
        if (z[i] > z[*largest])
            *largest = i;
    }
    return n > 0 && z[*largest] > -INFINITY
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "lm: empty support: all logits are -infinity");
}

/* log of the sum of e^(z - high), and the entropy of the softmax */
static double log_sum(const double *z, size_t n, double high, double *entropy)
{
    double sum = 0, mean = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = z[i] > -INFINITY ? exp(z[i] - high) : 0;
        sum += e;
        mean += e > 0 ? e * (z[i] - high) : 0;
    }
    *entropy = fmax(0, log(sum) - mean / sum);
    return log(sum);
}

static int descending(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? 1 : -1;
    return x->token < y->token ? -1 : x->token > y->token;
}

/* How many of the sorted candidates stay, whose first `kept` do so far. */
static size_t truncate_mass(const struct candidate *sorted, size_t kept, double top_p)
{
    double whole = 0, mass = 0;
    for (size_t i = 0; i < kept; i++)
        whole += sorted[i].p;
    for (size_t i = 0; i < kept; i++)
        if ((mass += sorted[i].p) >= top_p * whole)
            return i + 1;
    return kept;
}

static size_t truncate_ratio(const struct candidate *sorted, size_t kept, double min_p)
{
    while (kept > 1 && sorted[kept - 1].p < min_p * sorted[0].p)
        kept--;
    return kept;
}

/* p[i] becomes 0 for what is truncated. */
static int truncate_tokens(double *p, size_t n, const assay_pick_options *o)
{
    if ((o->top_k == 0 || o->top_k >= n) && o->top_p >= 1 && o->min_p <= 0)
        return ASSAY_OK;
    struct candidate few[256], *sorted = n <= 256 ? few : malloc(n * sizeof *sorted);
    if (!sorted)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu tokens", n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct candidate){p[i], i};
    qsort(sorted, n, sizeof *sorted, descending);
    size_t kept = o->top_k > 0 && o->top_k < n ? o->top_k : n;
    if (o->top_p < 1)
        kept = truncate_mass(sorted, kept, o->top_p);
    kept = truncate_ratio(sorted, kept, o->min_p);
    for (size_t i = kept; i < n; i++)
        p[sorted[i].token] = 0;
    if (sorted != few)
        free(sorted);
    return ASSAY_OK;
}

/* The first whose cumulative mass exceeds u, else the last that has any. */
static size_t invert(const double *p, size_t n, double u, double *whole)
{
    double mass = 0;
    size_t last = 0;
    *whole = 0;
    for (size_t i = 0; i < n; i++)
        *whole += p[i];
    for (size_t i = 0; i < n; i++) {
        if (p[i] > 0)
            last = i;
        if (p[i] > 0 && (mass += p[i]) > u * *whole)
            return i;
    }
    return last;
}

static int draw(const double *z, size_t n, double high, const assay_pick_options *o, double u,
    assay_picked *out)
{
    double few[256], whole, *p = n <= 256 ? few : malloc(n * sizeof *p);
    if (!p)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu tokens", n);
    for (size_t i = 0; i < n; i++)
        p[i] = z[i] > -INFINITY ? exp((z[i] - high) / o->temperature) : 0;
    const int status = truncate_tokens(p, n, o);
    if (status == ASSAY_OK) {
        out->token = invert(p, n, u, &whole);
        out->logp_policy = (z[out->token] - high) / o->temperature - log(whole);
    }
    if (p != few)
        free(p);
    return status;
}

int assay_lm_pick(
    const double *logits, size_t n, const assay_pick_options *o, double u, assay_picked *out)
{
    size_t largest = 0;
    int status = assay_pick_check(o);
    if (status == ASSAY_OK && !(u >= 0 && u < 1))
        status = assay_fail(ASSAY_EINVAL, "lm: u must be at least 0 and less than 1, got %g", u);
    if (status == ASSAY_OK)
        status = find_largest(logits, n, &largest);
    if (status != ASSAY_OK)
        return status;
    const double high = logits[largest], z = log_sum(logits, n, high, &out->entropy);
    *out = (assay_picked){largest, 0, -z, out->entropy};
    if (o->temperature > 0)
        status = draw(logits, n, high, o, u, out);
    out->logp_model = logits[out->token] - high - z;
    return status;
}
