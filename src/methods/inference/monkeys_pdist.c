/*
 * Distributions of pass@1: likelihoods, fits and forecasts (equations in monkeys.h).
 *
 * With p = scale u everything here is one integral,
 *
 *   I(c, m) = E[u^c (1 - scale u)^m],     Pr(c of n) = C(n, c) scale^c I(c, n-c),
 *                                         coverage(k) = 1 - I(0, k).
 *
 * The reference sums the series of 2F1(-(n-c), c+alpha; c+alpha+beta; scale), whose terms
 * alternate: no digit survives in double precision, so it needs hundreds of bits. Quadrature of the
 * positive integrand needs none of that. A density that is singular at an end (alpha < 1, beta < 1)
 * is made flat there: the lower half is integrated over v = u^min(alpha, 1), the upper over w =
 * (1-u)^min(beta, 1). Each half is cut at the decades of u and around the binomial's mode, because
 * a peak that no first node sees would be lost, and then bisected where the error is largest. The
 * rule is GSL's qk21 and the bisection ours, not qagp: that one calls GSL's process-wide error
 * handler, which aborts, whenever rounding keeps it from its tolerance.
 */
#include "methods/inference/monkeys.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_multimin.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* ---- Adaptive quadrature ---- */

enum { MAX_BREAKS = 80, MAX_PIECES = 400 };

static const double tolerance = 1e-11, acceptable = 1e-8; /* relative */

typedef struct piece {
    double low, high, area, error;
} piece;

static piece measure(const gsl_function *f, double low, double high)
{
    piece p = {low, high, 0, 0};
    double absolute, deviation;
    gsl_integration_qk21(f, low, high, &p.area, &p.error, &absolute, &deviation);
    return p;
}

/* The integral over the pieces between `count` ascending break points, without those to skip. */
static int integrate(
    const gsl_function *f, const double *breaks, const bool *skip, size_t count, double *area)
{
    piece pieces[MAX_PIECES];
    size_t used = 0;
    for (size_t i = 0; i + 1 < count; i++)
        if (!skip[i])
            pieces[used++] = measure(f, breaks[i], breaks[i + 1]);
    for (;;) {
        double error = 0;
        size_t worst = 0;
        *area = 0;
        for (size_t i = 0; i < used; i++) {
            *area += pieces[i].area;
            error += pieces[i].error;
            if (pieces[i].error > pieces[worst].error)
                worst = i;
        }
        const piece p = pieces[worst];
        const double middle = p.low + (p.high - p.low) / 2;
        if (error <= tolerance * *area)
            return ASSAY_OK;
        if (used == MAX_PIECES || middle <= p.low || middle >= p.high)
            return error <= acceptable * *area
                       ? ASSAY_OK
                       : assay_fail(ASSAY_ECONVERGE, "relative error %g", error / *area);
        pieces[worst] = measure(f, p.low, middle);
        pieces[used++] = measure(f, middle, p.high);
    }
}

/* ---- The integrand ---- */

typedef struct integrand {
    assay_pdist kind;
    double alpha, beta, scale;
    double c, misses;
    bool upper;
    double power;   /* min(alpha, 1) below, min(beta, 1) above */
    double largest; /* the log integrand's maximum over the break points, taken out */
} integrand;

static double times(double coefficient, double x)
{
    return coefficient == 0 ? 0 : coefficient * x;
}

/* log(1 - u^alpha) from y = 1 - u, which may be too small for a double. */
static double log_one_less_power(double alpha, double log_u, double log_y)
{
    return log_y < -600 ? log(alpha) + log_y : log(-expm1(alpha * log_u));
}

/* log of u^c (1 - scale u)^misses, the density of u, and du/dv = u^(1-power) / power (above: the
 * same of 1 - u). */
static double log_integrand(const integrand *f, double variable)
{
    const double near = log(variable) / f->power;
    const double far = log1p(-exp(near));
    const double log_u = f->upper ? far : near, log_y = f->upper ? near : far;
    double value = times(f->c, log_u) + times(f->misses, log1p(-f->scale * exp(log_u)));
    const double u_power = f->alpha - (f->upper ? 1 : f->power);
    double y_power = f->beta - (f->upper ? f->power : 1);
    if (f->kind == ASSAY_PDIST_KUMARASWAMY) {
        value += times(f->beta - 1, log_one_less_power(f->alpha, log_u, log_y));
        y_power = f->upper ? 1 - f->power : 0;
    }
    return value + times(u_power, log_u) + times(y_power, log_y);
}

static double integrand_value(double variable, void *context)
{
    const integrand *f = context;
    return exp(log_integrand(f, variable) - f->largest);
}

static double log_constant(const integrand *f)
{
    if (f->kind == ASSAY_PDIST_KUMARASWAMY)
        return log(f->alpha) + log(f->beta) - log(f->power);
    return -gsl_sf_lnbeta(f->alpha, f->beta) - log(f->power);
}

/* ---- Break points ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where u of interest lies on the variable's axis, if it is in this half. */
static void add_break(const integrand *f, double u, double *breaks, size_t *count)
{
    const double near = f->upper ? 1 - u : u;
    if (near > 0 && near < 0.5)
        breaks[(*count)++] = pow(near, f->power);
}

static void add_peak(const integrand *f, double mode, double width, double *breaks, size_t *count)
{
    static const double widths[] = {-40, -20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20, 40, 80};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        add_break(f, mode + widths[i] * width, breaks, count);
}

/* 0, the points of interest, and the variable at u = 1/2; ascending and distinct. */
static size_t break_points(const integrand *f, double *breaks)
{
    const double n = (f->c + f->misses) * f->scale;
    const double end = pow(0.5, f->power);
    size_t count = 0, distinct = 1;
    breaks[count++] = 0;
    for (double decade = 1e-8; decade < 0.5; decade *= 10) {
        breaks[count++] = pow(decade, f->power);
        breaks[count++] = pow(3 * decade, f->power);
    }
    add_peak(f, f->c / n, sqrt(f->c + 1) / n, breaks, &count);
    if (f->alpha > 1 || f->beta > 1) { /* then the density moves the peak */
        const double total = n + fmax(f->beta - 1, 0) + fmax(f->alpha - 1, 0);
        const double hits = f->c + fmax(f->alpha - 1, 0);
        add_peak(f, hits / total, sqrt(hits + 1) / total, breaks, &count);
    }
    breaks[count++] = end;
    qsort(breaks, count, sizeof *breaks, compare_doubles);
    for (size_t i = 1; i < count; i++)
        if (breaks[i] > breaks[distinct - 1] * (1 + 1e-6) && breaks[i] <= end)
            breaks[distinct++] = breaks[i];
    breaks[distinct - 1] = end;
    return distinct;
}

/* The largest log of the integrand at the break points and midway; pieces that are nothing beside
 * it are marked. (The integrand falls steadily from its peak, which has break points around it.) */
static double survey(const integrand *f, const double *breaks, size_t count, bool *skip)
{
    static const double nothing = -90; /* e^-90 = 10^-39 */
    double top[MAX_BREAKS], largest = -INFINITY;
    for (size_t i = 0; i + 1 < count; i++) {
        const double middle = breaks[i] + (breaks[i + 1] - breaks[i]) / 2;
        const double low = i > 0 ? log_integrand(f, breaks[i]) : -INFINITY;
        top[i] = fmax(fmax(low, log_integrand(f, middle)), log_integrand(f, breaks[i + 1]));
        largest = fmax(largest, top[i]);
    }
    for (size_t i = 0; i + 1 < count; i++)
        skip[i] = i > 0 && top[i] < largest + nothing;
    return largest;
}

/* log of one half of I. */
static int log_half(integrand f, bool upper, double *log_value)
{
    double breaks[MAX_BREAKS], area;
    bool skip[MAX_BREAKS];
    f.upper = upper;
    f.power = fmin(upper ? f.beta : f.alpha, 1);
    const size_t count = break_points(&f, breaks);
    f.largest = survey(&f, breaks, count, skip);
    const gsl_function function = {integrand_value, &f};
    int status = integrate(&function, breaks, skip, count, &area);
    if (status != ASSAY_OK)
        return assay_fail(status,
            "quadrature for alpha = %g, beta = %g, scale = %g, c = %g, n - c = %g did not "
            "converge: %s",
            f.alpha, f.beta, f.scale, f.c, f.misses, assay_errmsg());
    *log_value = log(area) + f.largest + log_constant(&f);
    return ASSAY_OK;
}

typedef struct distribution {
    assay_pdist kind;
    double alpha, beta, scale;
} distribution;

/* log I(c, misses) */
static int log_moment(const distribution *d, double c, double misses, double *log_value)
{
    if (c == 0 && misses == 0) {
        *log_value = 0;
        return ASSAY_OK;
    }
    if (d->kind == ASSAY_PDIST_BETA && (d->scale == 1 || misses == 0)) {
        *log_value =
            gsl_sf_lnbeta(d->alpha + c, d->beta + misses) - gsl_sf_lnbeta(d->alpha, d->beta);
        return ASSAY_OK;
    }
    const integrand f = {.kind = d->kind,
        .alpha = d->alpha,
        .beta = d->beta,
        .scale = d->scale,
        .c = c,
        .misses = misses};
    double lower, upper;
    int status = log_half(f, false, &lower);
    if (status == ASSAY_OK)
        status = log_half(f, true, &upper);
    if (status == ASSAY_OK) {
        const double largest = fmax(lower, upper);
        *log_value = largest + log(exp(lower - largest) + exp(upper - largest));
    }
    return status;
}

/* ---- Likelihood and forecast ---- */

/* Messages name the function as scripts know it. */
static const char *name_for(assay_pdist kind, const char *beta, const char *kumaraswamy)
{
    return kind == ASSAY_PDIST_BETA ? beta : kumaraswamy;
}

static int check_positive(const char *who, const char *name, double value)
{
    if (value > 0 && isfinite(value))
        return ASSAY_OK;
    return assay_fail(ASSAY_EINVAL, "%s: %s must be positive and finite, got %g", who, name, value);
}

static int check_distribution(const char *who, const distribution *d)
{
    int status = check_positive(who, "alpha", d->alpha);
    if (status == ASSAY_OK)
        status = check_positive(who, "beta", d->beta);
    if (status == ASSAY_OK && !(d->scale > 0 && d->scale <= 1))
        status = assay_fail(ASSAY_EINVAL, "%s: scale must be in (0, 1], got %g", who, d->scale);
    return status;
}

static int check_count(const char *who, double n, double c, size_t problem)
{
    if (!(n >= 1 && n == floor(n) && n <= 0x1p53))
        return assay_fail(ASSAY_EINVAL,
            "%s: n = %.17g of problem %zu must be a whole number in 1..2^53", who, n, problem);
    if (!(c >= 0 && c <= n && c == floor(c)))
        return assay_fail(ASSAY_EINVAL,
            "%s: c = %.17g of problem %zu must be a whole number in 0..%.0f (its n)", who, c,
            problem, n);
    return ASSAY_OK;
}

/* C(n, c) = 1 / ((n+1) B(c+1, n-c+1)) */
static int logpmf(const distribution *d, double n, double c, double *out)
{
    double moment;
    int status = log_moment(d, c, n - c, &moment);
    if (status == ASSAY_OK)
        *out = moment + c * log(d->scale) - log(n + 1) - gsl_sf_lnbeta(c + 1, n - c + 1);
    return status;
}

int assay_scaled_binomial_logpmf(
    assay_pdist kind, double alpha, double beta, double scale, double n, double c, double *out)
{
    const distribution d = {kind, alpha, beta, scale};
    const char *who = name_for(kind, "beta_binomial_logpmf", "kumaraswamy_binomial_logpmf");
    int status = check_distribution(who, &d);
    if (status == ASSAY_OK)
        status = check_count(who, n, c, 1);
    return status == ASSAY_OK ? logpmf(&d, n, c, out) : status;
}

int assay_pass_at_k_pdist(assay_pdist kind, double alpha, double beta, double scale,
    const double *k, size_t nk, double *pass)
{
    const distribution d = {kind, alpha, beta, scale};
    const char *who = name_for(kind, "pass_at_k_beta", "pass_at_k_kumaraswamy");
    int status = check_distribution(who, &d);
    for (size_t j = 0; j < nk && status == ASSAY_OK; j++) {
        double log_miss;
        if (!(k[j] >= 1 && isfinite(k[j])))
            return assay_fail(ASSAY_EINVAL,
                "%s: k must be finite and at least 1, got %g at number %zu", who, k[j], j + 1);
        status = log_moment(&d, 0, k[j], &log_miss);
        if (status == ASSAY_OK)
            pass[j] = -expm1(log_miss);
    }
    return status;
}

int assay_pdist_asymptote(
    assay_pdist kind, double alpha, double beta, double scale, double *exponent, double *prefactor)
{
    const distribution d = {kind, alpha, beta, scale};
    int status = check_distribution("pdist_asymptote", &d);
    if (status != ASSAY_OK)
        return status;
    const double log_prefactor = kind == ASSAY_PDIST_BETA
                                     ? gsl_sf_lngamma(alpha + beta) - gsl_sf_lngamma(beta)
                                     : log(alpha) + log(beta) + gsl_sf_lngamma(alpha);
    *exponent = alpha;
    *prefactor = exp(log_prefactor - alpha * log(scale));
    return ASSAY_OK;
}

/* ---- Observations: distinct (n, c), or bins, with how many problems each has ---- */

typedef struct observation {
    double n, c;      /* counts */
    double low, high; /* or the edges of a bin of p */
    double weight;
} observation;

typedef struct sample {
    observation *seen;
    size_t count;
    double problems;
    assay_pdist_method method;
} sample;

static int compare_observations(const void *a, const void *b)
{
    const observation *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return (x->c > y->c) - (x->c < y->c);
}

static int sample_counts(
    const char *who, const double *n, const double *c, size_t problems, sample *out)
{
    if (problems == 0)
        return assay_fail(ASSAY_EINVAL, "%s: there must be at least 1 problem, got 0", who);
    for (size_t i = 0; i < problems; i++) {
        int status = check_count(who, n[i], c[i], i + 1);
        if (status != ASSAY_OK)
            return status;
    }
    observation *seen = calloc(problems, sizeof *seen);
    if (!seen)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu problems", who, problems);
    for (size_t i = 0; i < problems; i++)
        seen[i] = (observation){.n = n[i], .c = c[i], .weight = 1};
    qsort(seen, problems, sizeof *seen, compare_observations);
    size_t distinct = 0;
    for (size_t i = 1; i < problems; i++)
        if (compare_observations(&seen[i], &seen[distinct]) == 0)
            seen[distinct].weight += 1;
        else
            seen[++distinct] = seen[i];
    *out = (sample){seen, distinct + 1, (double)problems, ASSAY_PDIST_COUNTS};
    return ASSAY_OK;
}

/* Edges 0, r/2, and `per_decade` a decade from r to 1, as the reference has them; only bins with
 * problems in them are kept. */
static int sample_bins(const char *who, const sample *from, size_t per_decade, sample *out)
{
    double resolution = 1;
    for (size_t i = 0; i < from->count; i++)
        resolution = fmin(resolution, 1 / from->seen[i].n);
    if (resolution == 1)
        return assay_fail(
            ASSAY_EINVAL, "%s: the discretised variant needs n of at least 2, got 1", who);
    const double decades = -log10(resolution);
    const size_t steps = (size_t)fmax(floor(decades * (double)per_decade + 1e-9), 1);
    observation *seen = calloc(steps + 2, sizeof *seen);
    if (!seen)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu bins", who, steps + 2);
    for (size_t j = 0; j < steps + 2; j++) {
        seen[j].low = j == 0   ? 0
                      : j == 1 ? resolution / 2
                               : pow(resolution, 1 - (double)(j - 2) / (double)steps);
        if (j > 0)
            seen[j - 1].high = seen[j].low;
    }
    seen[steps + 1].high = 1;
    for (size_t i = 0; i < from->count; i++) {
        const double p = from->seen[i].c / from->seen[i].n * (1 + 1e-12); /* edges are rounded */
        size_t j = 0;
        while (j < steps + 1 && p >= seen[j].high)
            j++;
        seen[j].weight += from->seen[i].weight;
    }
    size_t kept = 0;
    for (size_t j = 0; j < steps + 2; j++)
        if (seen[j].weight > 0)
            seen[kept++] = seen[j];
    *out = (sample){seen, kept, from->problems, ASSAY_PDIST_DISCRETISED};
    return ASSAY_OK;
}

static void cdf(const distribution *d, double p, double *below, double *above)
{
    const double u = fmin(p / d->scale, 1);
    if (d->kind == ASSAY_PDIST_BETA) {
        *below = gsl_cdf_beta_P(u, d->alpha, d->beta);
        *above = gsl_cdf_beta_Q(u, d->alpha, d->beta);
    } else { /* F = 1 - (1 - u^alpha)^beta */
        const double log_above = d->beta * log1p(-pow(u, d->alpha));
        *below = -expm1(log_above);
        *above = exp(log_above);
    }
}

/* The mass of a bin from the tail in which it cancels less; never below the reference's 1e-16. */
static double log_mass(const distribution *d, double low, double high)
{
    double below_low, above_low, below_high, above_high;
    cdf(d, low, &below_low, &above_low);
    cdf(d, high, &below_high, &above_high);
    const double mass = below_low > 0.5 ? above_low - above_high : below_high - below_low;
    return log(fmax(mass, 0) + 1e-16);
}

static int mean_nll(const distribution *d, const sample *s, double *nll)
{
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const observation *o = &s->seen[i];
        double value;
        if (s->method == ASSAY_PDIST_DISCRETISED) {
            value = log_mass(d, o->low, o->high);
        } else {
            int status = logpmf(d, o->n, o->c, &value);
            if (status != ASSAY_OK)
                return status;
        }
        sum += o->weight * value;
    }
    *nll = -sum / s->problems;
    return ASSAY_OK;
}

int assay_scaled_binomial_nll(assay_pdist kind, double alpha, double beta, double scale,
    const double *n, const double *c, size_t problems, double *nll)
{
    const distribution d = {kind, alpha, beta, scale};
    sample s;
    const char *who = name_for(kind, "beta_binomial_nll", "kumaraswamy_binomial_nll");
    int status = check_distribution(who, &d);
    if (status == ASSAY_OK)
        status = sample_counts(who, n, c, problems, &s);
    if (status != ASSAY_OK)
        return status;
    status = mean_nll(&d, &s, nll);
    free(s.seen);
    return status;
}

/* ---- Maximum likelihood ---- */

static const double least_shape = 0.01, most_shape = 100;

typedef struct search {
    const sample *sample;
    distribution d;
    const assay_progress *progress;
    int evaluations;
    int status;
} search;

static double clamp(double x)
{
    return fmin(fmax(x, least_shape), most_shape);
}

/* Beyond the bounds the objective is the one at the bound and a slope that leads back. */
static double objective(const gsl_vector *x, void *context)
{
    search *s = context;
    const double a = exp(gsl_vector_get(x, 0)), b = exp(gsl_vector_get(x, 1));
    double nll = INFINITY, excess = 0;
    s->d.alpha = clamp(a);
    s->d.beta = clamp(b);
    excess = fabs(log(a / s->d.alpha)) + fabs(log(b / s->d.beta));
    if (s->status == ASSAY_OK)
        s->status = assay_progress_report(s->progress, s->evaluations++, 0);
    if (s->status == ASSAY_OK)
        s->status = mean_nll(&s->d, s->sample, &nll);
    return isfinite(nll) ? nll + excess : 1e300; /* GSL's error handler is called for infinity */
}

/* Beta's alpha and beta from mean and variance of c / (n scale); (0.35, 3.5) when they have none.
 */
static void moment_start(const sample *counts, double scale, double *alpha, double *beta)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < counts->count; i++)
        mean += counts->seen[i].weight * counts->seen[i].c / (counts->seen[i].n * scale);
    mean /= counts->problems;
    for (size_t i = 0; i < counts->count; i++) {
        const double x = counts->seen[i].c / (counts->seen[i].n * scale) - mean;
        variance += counts->seen[i].weight * x * x;
    }
    variance /= counts->problems;
    const double total = mean * (1 - mean) / variance - 1;
    const bool usable = isfinite(total) && total > 0 && mean > 0 && mean < 1;
    *alpha = usable ? clamp(mean * total) : 0.35;
    *beta = usable ? clamp((1 - mean) * total) : 3.5;
}

/* One descent from (x0, x1), which it moves, until the simplex is smaller than `precision`, or no
 * longer shrinks because the values at its corners differ by roundings only. (nmsimplex2 updates
 * the size by differences, whose own rounding is above 1e-8.) */
static int descend(search *s, double *x, double precision, int *iterations)
{
    enum { LIMIT = 1000, STALLED = 20 };
    gsl_vector_view start = gsl_vector_view_array(x, 2);
    double steps[2] = {0.3, 0.3};
    gsl_vector_view step = gsl_vector_view_array(steps, 2);
    gsl_multimin_function function = {objective, 2, s};
    gsl_multimin_fminimizer *m =
        gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex, 2);
    if (!m)
        return assay_fail(ASSAY_ENOMEM, "fit_pdist: no memory for the minimiser");
    int code = gsl_multimin_fminimizer_set(m, &function, &start.vector, &step.vector);
    bool done = false;
    double smallest = INFINITY;
    for (int i = 0, stalled = 0; i < LIMIT && code == GSL_SUCCESS && !done && s->status == ASSAY_OK;
         i++) {
        code = gsl_multimin_fminimizer_iterate(m);
        const double size = gsl_multimin_fminimizer_size(m);
        stalled = size < smallest ? 0 : stalled + 1;
        smallest = fmin(smallest, size);
        done = smallest < precision || (smallest < 1e-6 && stalled == STALLED);
        ++*iterations;
    }
    x[0] = gsl_vector_get(gsl_multimin_fminimizer_x(m), 0);
    x[1] = gsl_vector_get(gsl_multimin_fminimizer_x(m), 1);
    gsl_multimin_fminimizer_free(m);
    if (s->status != ASSAY_OK)
        return s->status;
    return done ? ASSAY_OK
                : assay_fail(ASSAY_ECONVERGE, "fit_pdist: no convergence in %d iterations", LIMIT);
}

static bool is_at_bound(double a, double b)
{
    const double edge = 1 + 1e-6;
    return a < least_shape * edge || a * edge > most_shape || b < least_shape * edge ||
           b * edge > most_shape;
}

/* So near that Newton's stencil would look beyond the bounds. */
static bool is_near_bound(const double *x)
{
    const double margin = 0.1;
    return fmin(x[0], x[1]) < log(least_shape) + margin ||
           fmax(x[0], x[1]) > log(most_shape) - margin;
}

static int nll_at(search *s, const double *x, double *nll)
{
    distribution d = s->d;
    d.alpha = exp(x[0]);
    d.beta = exp(x[1]);
    return mean_nll(&d, s->sample, nll);
}

/* nll at x + (i, j) h for the i, j that the differences below use; the others are left 0. */
static int stencil(search *s, const double *x, double h, double f[5][5])
{
    for (int i = -2; i <= 2; i++)
        for (int j = -2; j <= 2; j++) {
            const bool axis = i == 0 || j == 0, corner = abs(i) == 1 && abs(j) == 1;
            const double at[2] = {x[0] + i * h, x[1] + j * h};
            int status = ASSAY_OK;
            f[i + 2][j + 2] = 0;
            if (axis || corner)
                status = nll_at(s, at, &f[i + 2][j + 2]);
            if (status != ASSAY_OK)
                return status;
        }
    return ASSAY_OK;
}

/*
 * One step of Newton's method in the logarithms; *length is infinite where the curvature is not
 * that of a minimum. A minimum found by comparing values is uncertain by the square root of their
 * rounding, which reaches the fifth digit of beta; differences over a wide stencil (fourth order,
 * h = 0.01) have no such limit.
 */
static int newton_step(search *s, double *x, double *length)
{
    static const double h = 0.01;
    double f[5][5];
    int status = stencil(s, x, h, f);
    if (status != ASSAY_OK)
        return status;
    const double gx = (f[0][2] - 8 * f[1][2] + 8 * f[3][2] - f[4][2]) / (12 * h);
    const double gy = (f[2][0] - 8 * f[2][1] + 8 * f[2][3] - f[2][4]) / (12 * h);
    const double xx =
        (-f[0][2] + 16 * f[1][2] - 30 * f[2][2] + 16 * f[3][2] - f[4][2]) / (12 * h * h);
    const double yy =
        (-f[2][0] + 16 * f[2][1] - 30 * f[2][2] + 16 * f[2][3] - f[2][4]) / (12 * h * h);
    const double xy = (f[3][3] - f[3][1] - f[1][3] + f[1][1]) / (4 * h * h);
    const double determinant = xx * yy - xy * xy;
    const double dx = -(yy * gx - xy * gy) / determinant, dy = -(xx * gy - xy * gx) / determinant;
    *length = xx > 0 && determinant > 0 ? hypot(dx, dy) : (double)INFINITY;
    x[0] += dx;
    x[1] += dy;
    return ASSAY_OK;
}

/* Newton's method to 1e-8; *done tells whether it stayed near and converged. */
static int polish(search *s, double *x, bool *done)
{
    enum { MOST = 6 };
    static const double farthest = 0.05;
    double length = 0;
    *done = false;
    for (int i = 0; i < MOST && !*done; i++) {
        int status = newton_step(s, x, &length);
        if (status != ASSAY_OK || !(length < farthest))
            return status;
        *done = length < 1e-8;
    }
    return ASSAY_OK;
}

/* Where Newton's method does not go, as at a bound, descents go on to 1e-8; the one that starts
 * anew from the end of another undoes a simplex that collapsed early. */
static int maximise(search *s, assay_pdist_fit *out)
{
    double x[2] = {log(s->d.alpha), log(s->d.beta)};
    bool done = false;
    out->iterations = 0;
    int status = descend(s, x, 1e-4, &out->iterations);
    double polished[2] = {x[0], x[1]};
    if (status == ASSAY_OK && !is_near_bound(x))
        status = polish(s, polished, &done);
    if (done)
        memcpy(x, polished, sizeof x);
    for (int i = 0; i < 2 && status == ASSAY_OK && !done; i++)
        status = descend(s, x, 1e-8, &out->iterations);
    if (status != ASSAY_OK)
        return status;
    s->d.alpha = clamp(exp(x[0]));
    s->d.beta = clamp(exp(x[1]));
    out->kind = s->d.kind;
    out->alpha = s->d.alpha;
    out->beta = s->d.beta;
    out->scale = s->d.scale;
    out->at_bound = is_at_bound(out->alpha, out->beta);
    return mean_nll(&s->d, s->sample, &out->nll);
}

/* The second way of [S25]: the exponent as a power law through the forecast shows it. */
static int refit(assay_pdist_fit *out)
{
    enum { POINTS = 20 };
    double k[POINTS], pass[POINTS];
    size_t count;
    assay_power_law law;
    int status = assay_coverage_grid(1e4, POINTS, k, &count);
    if (status == ASSAY_OK)
        status =
            assay_pass_at_k_pdist(out->kind, out->alpha, out->beta, out->scale, k, count, pass);
    if (status == ASSAY_OK)
        status = assay_fit_power_law(k, pass, count, ASSAY_SPACE_LOGLOG, &law);
    out->refit_exponent = status == ASSAY_OK ? -law.b : (double)NAN;
    out->refit_prefactor = status == ASSAY_OK ? -law.a : (double)NAN;
    return ASSAY_OK; /* a forecast that is 1 everywhere has no law, which is no failure of the fit
                      */
}

static int choose_scale(
    const char *who, const assay_pdist_opts *o, const sample *counts, double *scale)
{
    double largest = 0;
    if (!(o->scale >= 0 && o->scale <= 1))
        return assay_fail(ASSAY_EINVAL, "%s: scale must be in (0, 1], or 0 to estimate it, got %g",
            who, o->scale);
    for (size_t i = 0; i < counts->count; i++)
        largest = fmax(largest, counts->seen[i].c / counts->seen[i].n);
    if (largest == 0)
        return assay_fail(ASSAY_EINVAL, "%s: no successes: every c is 0", who);
    if (o->scale > 0)
        *scale = o->scale;
    else if (o->method == ASSAY_PDIST_DISCRETISED)
        *scale = largest;
    else
        *scale = fmin(1, (counts->problems + 1) / counts->problems * largest);
    return ASSAY_OK;
}

int assay_fit_pdist(assay_pdist kind, const double *n, const double *c, size_t problems,
    const assay_pdist_opts *o, assay_pdist_fit *out)
{
    static const assay_pdist_opts defaults;
    sample counts = {0}, bins = {0};
    if (!o)
        o = &defaults;
    const char *who = name_for(kind, "fit_beta_binomial", "fit_kumaraswamy_binomial");
    int status = sample_counts(who, n, c, problems, &counts);
    if (status != ASSAY_OK)
        return status;
    search s = {.sample = &counts, .d.kind = kind, .progress = o->progress};
    if ((status = choose_scale(who, o, &counts, &s.d.scale)) != ASSAY_OK)
        goto cleanup;
    moment_start(&counts, s.d.scale, &s.d.alpha, &s.d.beta);
    if (o->method == ASSAY_PDIST_DISCRETISED) {
        status = sample_bins(who, &counts, o->bins_per_decade ? o->bins_per_decade : 10, &bins);
        if (status != ASSAY_OK)
            goto cleanup;
        s.sample = &bins;
    }
    if ((status = maximise(&s, out)) != ASSAY_OK)
        goto cleanup;
    status = assay_pdist_asymptote(
        kind, out->alpha, out->beta, out->scale, &out->exponent, &out->prefactor);
    if (status == ASSAY_OK)
        status = refit(out);
cleanup:
    free(counts.seen);
    free(bins.seen);
    return status;
}
