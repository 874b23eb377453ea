/*
 * Fits of scaling laws by (weighted) least squares.
 *
 * Work is done in coordinates u that keep signs and are nearly uncorrelated. With m the mean of
 * log x over the used points and z = log x - m,
 *
 *   power, exp_power   a x^b = P = s exp(u0 + u1 z)         s = sign of a (-1 for exp_power), b =
 * u1 saturating         a x^b = P = s exp(u0 + b z)          b = -exp(u1), c = u2 log_linear a + b
 * log10 x = u0 + u1 z            z and m in log10
 *
 * Where the target (y, log y or log(-log y)) is linear in u the answer is closed. Elsewhere GSL's
 * Levenberg-Marquardt polishes several starts and the best is kept. Starts come from variable
 * projection: for a given exponent the other parameters are linear, so a scan over exponents shows
 * every valley. GSL's own tests of convergence compare gradients with 1, which depends on the units
 * of y; the test here is MINPACK's, the cosine between the residuals and each column of the
 * Jacobian.
 *
 * Nothing here can reach GSL's error handler, but for memory that runs out inside GSL.
 */
#include "core/fit.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>

#include "core/status.h"

enum { MAX_ITERATIONS = 500, MAX_STARTS = 12, P_MAX = ASSAY_FIT_MAX_PARAMETERS };

static const struct {
    const char *name;
    size_t parameters;
} laws[] = {
    [ASSAY_LAW_POWER] = {"power", 2},
    [ASSAY_LAW_EXP_POWER] = {"exp_power", 2},
    [ASSAY_LAW_LOG_LINEAR] = {"log_linear", 2},
    [ASSAY_LAW_SATURATING] = {"saturating", 3},
};

static const char *const space_names[] = {"default", "linear", "log", "loglog"};

int assay_law_parse(const char *name, assay_law *law)
{
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++)
        if (strcmp(laws[i].name, name) == 0) {
            *law = (assay_law)i;
            return ASSAY_OK;
        }
    return assay_fail(
        ASSAY_EINVAL, "law must be power, exp_power, log_linear or saturating, got \"%s\"", name);
}

const char *assay_law_name(assay_law law)
{
    return laws[law].name;
}

const char *assay_law_parameter(assay_law law, size_t i)
{
    static const char *const names[P_MAX] = {"a", "b", "c"};
    assert(i < laws[law].parameters);
    return names[i];
}

/* The used points of one fit; arrays of n in one block of memory. */
struct problem {
    assay_law law;
    assay_fit_space space;
    size_t n, parameters;
    double *x, *y, *weight; /* as given */
    double *z, *target;     /* centred log x, and what is fitted */
    double *scratch;        /* n * P_MAX */
    double centre;          /* m */
    double target_mean, tss;
    double sign; /* s, of the start that is being polished */
    const assay_progress *progress;
    double from, to; /* the stretch of it that is being worked on */
    int status;      /* ASSAY_ECANCELLED once it was told to stop */
};

/* Whether to stop, at `share` (0..1) of the stretch. */
static bool stops(struct problem *p, double share)
{
    if (p->status == ASSAY_OK)
        p->status = assay_progress_report(p->progress, p->from + (p->to - p->from) * share, 1);
    return p->status != ASSAY_OK;
}

/* ------------------------------------------------------------------ the law in coordinates u */

static bool is_linear(const struct problem *p)
{
    switch (p->law) {
    case ASSAY_LAW_POWER:
        return p->space != ASSAY_SPACE_LINEAR;
    case ASSAY_LAW_EXP_POWER:
        return p->space == ASSAY_SPACE_LOGLOG;
    case ASSAY_LAW_LOG_LINEAR:
        return p->space == ASSAY_SPACE_LINEAR;
    default:
        return false;
    }
}

/* The fitted target at point i and its gradient by u; NaN outside the law's domain. */
static double model(const struct problem *p, const double *u, size_t i, double *gradient)
{
    double z = p->z[i], value, chain;
    if (is_linear(p) || p->law == ASSAY_LAW_LOG_LINEAR) {
        gradient[0] = 1;
        gradient[1] = z;
        value = u[0] + u[1] * z;
    } else if (p->law == ASSAY_LAW_SATURATING) {
        double b = -exp(u[1]), power = p->sign * exp(u[0] + b * z);
        gradient[0] = power;
        gradient[1] = power * z * b;
        gradient[2] = 1;
        value = u[2] + power;
    } else {
        value = p->sign * exp(u[0] + u[1] * z);
        gradient[0] = value;
        gradient[1] = value * z;
    }
    if (is_linear(p))
        return value;
    if (p->law == ASSAY_LAW_EXP_POWER) {
        if (p->space == ASSAY_SPACE_LOG)
            return value;
        value = chain = exp(value);
    } else if (p->space == ASSAY_SPACE_LOG) {
        chain = value > 0 ? 1 / value : NAN;
        value = value > 0 ? log(value) : NAN;
    } else {
        return value;
    }
    for (size_t j = 0; j < p->parameters; j++)
        gradient[j] *= chain;
    return value;
}

/* (a, b, c) and their derivatives by u, rows of t. */
static void natural(const struct problem *p, const double *u, double *value, double t[P_MAX][P_MAX])
{
    memset(t, 0, P_MAX * sizeof *t);
    t[1][1] = 1;
    value[1] = u[1];
    if (p->law == ASSAY_LAW_LOG_LINEAR) {
        value[0] = u[0] - u[1] * p->centre;
        t[0][0] = 1;
        t[0][1] = -p->centre;
        return;
    }
    if (p->law == ASSAY_LAW_SATURATING) {
        value[1] = t[1][1] = -exp(u[1]);
        value[2] = u[2];
        t[2][2] = 1;
    }
    value[0] = t[0][0] = p->sign * exp(u[0] - value[1] * p->centre);
    t[0][1] = -p->centre * value[0] * t[1][1];
}

/* sqrt(weight) (model - target) into residual and sqrt(weight) gradient into rows of jacobian;
 * false when the model is not finite everywhere. Either may be NULL. */
static bool residuals(
    const struct problem *p, const double *u, double *residual, double *jacobian, double *rss)
{
    bool finite = true;
    *rss = 0;
    for (size_t i = 0; i < p->n; i++) {
        double gradient[P_MAX], root = sqrt(p->weight[i]);
        double r = root * (model(p, u, i, gradient) - p->target[i]);
        finite = finite && isfinite(r);
        *rss += r * r;
        if (residual)
            residual[i] = r;
        for (size_t j = 0; jacobian && j < p->parameters; j++)
            jacobian[i * p->parameters + j] = root * gradient[j];
    }
    return finite && isfinite(*rss);
}

/* ------------------------------------------------------------------ linear algebra of a few
 * columns */

/* The Jacobian (n x k, overwritten) = Q R by modified Gram-Schmidt on columns scaled to length 1,
 * so that r[j][j] is the sine of the angle between column j and those before it. */
static void orthogonalise(
    double *jacobian, size_t n, size_t k, double r[P_MAX][P_MAX], double *norm)
{
    memset(r, 0, P_MAX * sizeof *r);
    for (size_t j = 0; j < k; j++) {
        norm[j] = 0;
        for (size_t i = 0; i < n; i++)
            norm[j] = hypot(norm[j], jacobian[i * k + j]);
        for (size_t i = 0; i < n && norm[j] > 0; i++)
            jacobian[i * k + j] /= norm[j];
    }
    for (size_t j = 0; j < k; j++) {
        double square = 0;
        for (size_t i = 0; i < n; i++)
            square += jacobian[i * k + j] * jacobian[i * k + j];
        r[j][j] = sqrt(square);
        for (size_t i = 0; i < n && square > 0; i++)
            jacobian[i * k + j] /= r[j][j];
        for (size_t l = j + 1; l < k; l++) {
            for (size_t i = 0; i < n; i++)
                r[j][l] += jacobian[i * k + j] * jacobian[i * k + l];
            for (size_t i = 0; i < n; i++)
                jacobian[i * k + l] -= r[j][l] * jacobian[i * k + j];
        }
    }
}

/* (J^T J)^-1 from R and the column norms. */
static void inverse_gram(
    size_t k, double r[P_MAX][P_MAX], const double *norm, double out[P_MAX][P_MAX])
{
    double inverse[P_MAX][P_MAX] = {{0}};
    for (size_t j = 0; j < k; j++) {
        inverse[j][j] = 1 / r[j][j];
        for (size_t i = j; i-- > 0;) {
            double sum = 0;
            for (size_t l = i + 1; l <= j; l++)
                sum += r[i][l] * inverse[l][j];
            inverse[i][j] = -sum / r[i][i];
        }
    }
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            out[i][j] = 0;
            for (size_t l = 0; l < k; l++)
                out[i][j] += inverse[i][l] * inverse[j][l] / (norm[i] * norm[j]);
        }
}

/* A column nearly in the span of the others: the data do not determine the parameters. */
static const double smallest_angle = 1e-7;

static bool is_determined(size_t k, double r[P_MAX][P_MAX], const double *norm)
{
    for (size_t j = 0; j < k; j++)
        if (!(r[j][j] > smallest_angle) || !(norm[j] > 0))
            return false;
    return true;
}

/* ------------------------------------------------------------------ starts */

struct start {
    double u[P_MAX];
    double sign;
    double rss;
};

struct starts {
    size_t count;
    struct start at[MAX_STARTS];
};

static void add_start(struct starts *starts, const double *u, double sign)
{
    assert(starts->count < MAX_STARTS);
    struct start *s = &starts->at[starts->count++];
    memcpy(s->u, u, sizeof s->u);
    s->sign = sign;
}

/* Weighted least squares of t on u0 + u1 z. z need not have weighted mean 0. */
static void straight_line(const double *z, const double *t, const double *w, size_t n, double *u)
{
    double sw = 0, mz = 0, mt = 0, zz = 0, zt = 0;
    for (size_t i = 0; i < n; i++) {
        sw += w[i];
        mz += w[i] * z[i];
        mt += w[i] * t[i];
    }
    mz /= sw;
    mt /= sw;
    for (size_t i = 0; i < n; i++) {
        zz += w[i] * (z[i] - mz) * (z[i] - mz);
        zt += w[i] * (z[i] - mz) * (t[i] - mt);
    }
    u[1] = zt / zz;
    u[0] = mt - u[1] * mz;
}

/* The best of sum w (t - c - A e_i)^2 over A (and c, where `offset`), e_i = exp(b z_i - peak).
 * Points of weight 0 count for nothing. */
static double project(const struct problem *p, const double *t, const double *w, double b,
    bool offset, double *amplitude, double *peak, double *c)
{
    double sw = 0, me = 0, mt = 0, ee = 0, et = 0, rss = 0, *e = p->scratch;
    *peak = -INFINITY;
    for (size_t i = 0; i < p->n; i++)
        *peak = fmax(*peak, b * p->z[i]);
    for (size_t i = 0; i < p->n; i++) {
        e[i] = exp(b * p->z[i] - *peak);
        sw += w[i];
        me += w[i] * e[i];
        mt += w[i] * t[i];
    }
    me = offset ? me / sw : 0;
    mt = offset ? mt / sw : 0;
    for (size_t i = 0; i < p->n; i++) {
        ee += w[i] * (e[i] - me) * (e[i] - me);
        et += w[i] * (e[i] - me) * (t[i] - mt);
    }
    *amplitude = ee > 0 ? et / ee : 0;
    *c = mt - *amplitude * me;
    for (size_t i = 0; i < p->n; i++) {
        double r = t[i] - *c - *amplitude * e[i];
        rss += w[i] * r * r;
    }
    return rss;
}

/* Exponents in ascending order: between -200 and 200 (saturating: below 0), in units of one over
 * the spread of log x. */
enum { EXPONENTS = 40 };

static double exponent(const struct problem *p, int i, bool negative)
{
    double spread = p->z[0], least = p->z[0];
    for (size_t j = 1; j < p->n; j++) {
        spread = fmax(spread, p->z[j]);
        least = fmin(least, p->z[j]);
    }
    spread -= least;
    int step = negative ? EXPONENTS - i : abs(i - EXPONENTS);
    double size = step ? 0.02 * pow(1e4, (step - 1.0) / (EXPONENTS - 1)) : 0;
    return (i < EXPONENTS ? -size : size) / spread;
}

/* Every valley of the profile over the exponent, the deepest three, as starts of sign `sign` (0:
 * any) for the fit of t with weights w. */
static void scan_exponents(
    struct problem *p, const double *t, const double *w, double sign, struct starts *starts)
{
    bool offset = p->law == ASSAY_LAW_SATURATING;
    int count = offset ? EXPONENTS : 2 * EXPONENTS + 1;
    double rss[2 * EXPONENTS + 1];
    struct start found[2 * EXPONENTS + 1];
    for (int i = 0; i < count && !stops(p, (double)i / count); i++) {
        double b = exponent(p, i, offset), amplitude, peak;
        rss[i] = project(p, t, w, b, offset, &amplitude, &peak, &found[i].u[2]);
        found[i].sign = amplitude < 0 ? -1 : 1;
        found[i].u[0] = log(fabs(amplitude)) - peak;
        found[i].u[1] = offset ? log(-b) : b;
        if (amplitude == 0 || (sign != 0 && found[i].sign != sign) || !isfinite(rss[i]))
            rss[i] = INFINITY;
    }
    for (int taken = 0; taken < 3 && p->status == ASSAY_OK; taken++) {
        int best = -1;
        for (int i = 0; i < count; i++) {
            bool valley = (i == 0 || rss[i] <= rss[i - 1]) &&
                          (i == count - 1 || rss[i] <= rss[i + 1]) && rss[i] < INFINITY;
            if (valley && (best < 0 || rss[i] < rss[best]))
                best = i;
        }
        if (best < 0)
            break;
        add_start(starts, found[best].u, found[best].sign);
        rss[best] = INFINITY;
    }
}

/* log(s y') = u0 + u1 z over the points where s y' > 0, y' being y (power) or log y (exp_power). */
static void loglog_start(const struct problem *p, double sign, struct starts *starts)
{
    double *z = p->scratch, *t = z + p->n, *w = t + p->n;
    size_t n = 0;
    bool spread = false;
    for (size_t i = 0; i < p->n; i++) {
        double y = p->law == ASSAY_LAW_EXP_POWER ? log(p->y[i]) : p->y[i];
        if (!(sign * y > 0) || isinf(y))
            continue;
        z[n] = p->z[i];
        t[n] = log(sign * y);
        w[n] = p->weight[i];
        spread = spread || z[n] != z[0];
        n++;
    }
    if (!spread)
        return;
    double u[P_MAX] = {0};
    straight_line(z, t, w, n, u);
    add_start(starts, u, sign);
}

/* exp(P) in linear space: the best of a grid of P at the centre and exponents. */
static void grid_start(struct problem *p, struct starts *starts)
{
    struct start best = {.rss = INFINITY};
    p->sign = -1;
    for (int i = 0; i <= 2 * EXPONENTS && !stops(p, i / (2.0 * EXPONENTS)); i += 2)
        for (int j = 0; j <= 32; j++) {
            double u[P_MAX] = {-12 + 0.5 * j, exponent(p, i, false)}, rss;
            if (residuals(p, u, NULL, NULL, &rss) && rss < best.rss) {
                best.rss = rss;
                memcpy(best.u, u, sizeof u);
            }
        }
    add_start(starts, best.u, -1);
}

/* To first order a residual of f(y) is f'(y) times that of y: scanning y instead of log y takes
 * weights w / y^2, scanning log y instead of y takes w y^2. */
static void reweigh(const struct problem *p, int power, double *weight)
{
    for (size_t i = 0; i < p->n; i++)
        weight[i] = p->weight[i] * (power < 0 ? 1 / (p->y[i] * p->y[i]) : p->y[i] * p->y[i]);
}

static void find_starts(struct problem *p, double *t, double *w, struct starts *starts)
{
    starts->count = 0;
    if (p->law == ASSAY_LAW_LOG_LINEAR) { /* in log: a line through y, and a constant one */
        double u[P_MAX] = {exp(p->target_mean), 0};
        add_start(starts, u, 1);
        reweigh(p, -1, w);
        straight_line(p->z, p->y, w, p->n, u);
        add_start(starts, u, 1);
    } else if (p->law == ASSAY_LAW_SATURATING) {
        scan_exponents(p, p->y, p->weight, 0, starts);
        if (p->space == ASSAY_SPACE_LOG) {
            reweigh(p, -1, w);
            scan_exponents(p, p->y, w, 0, starts);
        }
    } else if (p->law == ASSAY_LAW_POWER) {
        scan_exponents(p, p->y, p->weight, 0, starts);
        loglog_start(p, 1, starts);
        loglog_start(p, -1, starts);
    } else {
        bool in_log = p->space == ASSAY_SPACE_LOG;
        for (size_t i = 0; i < p->n; i++) {
            bool positive = p->y[i] > 0;
            t[i] = positive ? log(p->y[i]) : 0;
            w[i] = positive ? p->weight[i] : 0;
        }
        scan_exponents(p, t, w, -1, starts);
        loglog_start(p, -1, starts);
        if (in_log)
            return;
        for (size_t i = 0; i < p->n; i++)
            w[i] *= p->y[i] * p->y[i];
        scan_exponents(p, t, w, -1, starts);
        grid_start(p, starts);
    }
}

/* ------------------------------------------------------------------ Levenberg-Marquardt */

/* Where the model leaves its domain the step is made to look bad, so that the trust region shrinks.
 */
static const double outside = 1e100;

static int gsl_residuals(const gsl_vector *u, void *context, gsl_vector *f)
{
    double rss;
    if (!residuals(context, u->data, f->data, NULL, &rss))
        gsl_vector_set_all(f, outside);
    return GSL_SUCCESS;
}

static int gsl_jacobian(const gsl_vector *u, void *context, gsl_matrix *jacobian)
{
    double rss;
    residuals(context, u->data, NULL, jacobian->data, &rss);
    return GSL_SUCCESS;
}

/* The largest |cosine| between the residuals and a column of the Jacobian: 0 at a minimum.
 * Residuals within `rounding` of the target have no direction and count as 0. */
static double slope(
    const struct problem *p, const gsl_vector *f, const gsl_matrix *jacobian, double rounding)
{
    double largest = 0, rr = 0, tt = 0;
    for (size_t i = 0; i < p->n; i++) {
        rr += f->data[i] * f->data[i];
        tt += p->weight[i] * p->target[i] * p->target[i];
    }
    if (rr <= rounding * rounding * tt)
        return 0;
    for (size_t j = 0; j < p->parameters; j++) {
        double jr = 0, jj = 0;
        for (size_t i = 0; i < p->n; i++) {
            double column = jacobian->data[i * jacobian->tda + j];
            jr += column * f->data[i];
            jj += column * column;
        }
        if (jj > 0)
            largest = fmax(largest, fabs(jr) / sqrt(jj * rr));
    }
    return largest;
}

/* Polish one start in place; true when it ended in a minimum. */
static bool polish(
    struct problem *p, gsl_multifit_nlinear_workspace *lm, struct start *start, int *iterations)
{
    gsl_multifit_nlinear_fdf fdf = {
        .f = gsl_residuals, .df = gsl_jacobian, .n = p->n, .p = p->parameters, .params = p};
    p->sign = start->sign;
    *iterations = 0;
    if (!residuals(p, start->u, NULL, NULL, &start->rss))
        return false;
    gsl_vector_const_view u = gsl_vector_const_view_array(start->u, p->parameters);
    gsl_multifit_nlinear_init(&u.vector, &fdf, lm);
    for (int status = GSL_SUCCESS, reason = 0; *iterations < MAX_ITERATIONS; ++*iterations) {
        if (stops(p, (double)*iterations / MAX_ITERATIONS))
            return false;
        if (slope(p, lm->f, lm->J, 1e-15) <= 1e-12)
            break;
        status = gsl_multifit_nlinear_iterate(lm);
        if (status || gsl_multifit_nlinear_test(1e-12, 0, 0, &reason, lm) == GSL_SUCCESS)
            break; /* no step is better, or steps are below the last digits */
    }
    memcpy(start->u, lm->x->data, p->parameters * sizeof *start->u);
    bool minimum = slope(p, lm->f, lm->J, 1e-12) < 1e-5;
    double r[P_MAX][P_MAX], norm[P_MAX];
    bool finite = residuals(p, start->u, NULL, p->scratch, &start->rss);
    orthogonalise(p->scratch, p->n, p->parameters, r, norm);
    return finite && minimum && is_determined(p->parameters, r, norm);
}

static int no_convergence(const struct problem *p)
{
    static const char *const hints[] = {
        [ASSAY_LAW_POWER] = "is there a trend?",
        [ASSAY_LAW_EXP_POWER] = "are all y between 0 and 1?",
        [ASSAY_LAW_LOG_LINEAR] = "try the linear space",
        [ASSAY_LAW_SATURATING] =
            "do the points level off? if not, log_linear or power describe them",
    };
    return assay_fail(ASSAY_ECONVERGE,
        "fit: %s in %s space does not converge on these %zu points; %s", laws[p->law].name,
        space_names[p->space], p->n, hints[p->law]);
}

/* The share of the work that looking for starts is, about. */
static const double searched = 0.4;

static int least_squares(struct problem *p, struct start *best, int *iterations)
{
    struct starts starts;
    double *memory = calloc(2 * p->n, sizeof *memory);
    gsl_multifit_nlinear_parameters parameters = gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_workspace *lm =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &parameters, p->n, p->parameters);
    int status = ASSAY_OK;
    if (!memory || !lm) {
        status = assay_fail(ASSAY_ENOMEM, "fit: out of memory for %zu points", p->n);
        goto cleanup;
    }
    p->to = searched;
    find_starts(p, memory, memory + p->n, &starts);
    best->rss = INFINITY;
    for (size_t i = 0; i < starts.count && p->status == ASSAY_OK; i++) {
        int steps;
        p->from = p->to;
        p->to = searched + (1 - searched) * (double)(i + 1) / (double)starts.count;
        if (polish(p, lm, &starts.at[i], &steps) && starts.at[i].rss < best->rss) {
            *best = starts.at[i];
            *iterations = steps;
        }
    }
    status = p->status;
    if (status == ASSAY_OK && isinf(best->rss))
        status = no_convergence(p);
cleanup:
    gsl_multifit_nlinear_free(lm);
    free(memory);
    return status;
}

/* ------------------------------------------------------------------ points in, results out */

static int check_arguments(assay_law law, assay_fit_space space, const double *x,
    const double *weights, size_t n, double level)
{
    if (space == ASSAY_SPACE_LOGLOG && (law == ASSAY_LAW_LOG_LINEAR || law == ASSAY_LAW_SATURATING))
        return assay_fail(
            ASSAY_EINVAL, "fit: %s has no loglog space; it is linear or log", laws[law].name);
    if (!(level > 0 && level < 1))
        return assay_fail(ASSAY_EINVAL, "fit: level must lie between 0 and 1, got %g", level);
    for (size_t i = 0; i < n; i++) {
        if (x[i] <= 0)
            return assay_fail(
                ASSAY_EINVAL, "fit: x must be positive, point %zu (from 0) has %g", i, x[i]);
        if (weights && (!(weights[i] >= 0) || isinf(weights[i])))
            return assay_fail(ASSAY_EINVAL,
                "fit: weights must be finite and >= 0, point %zu (from 0) has %g", i, weights[i]);
    }
    return ASSAY_OK;
}

/* What is fitted: NaN or infinite where y is outside the space's domain. */
static double target_of(assay_law law, assay_fit_space space, double y)
{
    if (space == ASSAY_SPACE_LINEAR)
        return y;
    double t = y > 0 ? log(y) : NAN;
    if (law == ASSAY_LAW_EXP_POWER && space == ASSAY_SPACE_LOGLOG)
        t = t < 0 ? log(-t) : NAN;
    return t;
}

static void take_points(
    struct problem *p, const double *x, const double *y, const double *weights, size_t n)
{
    double sum = 0, sum_log = 0, sum_target = 0;
    p->n = 0;
    for (size_t i = 0; i < n; i++) {
        double t = target_of(p->law, p->space, y[i]), w = weights ? weights[i] : 1;
        if (!isfinite(x[i]) || !isfinite(t) || w == 0)
            continue;
        double z = p->law == ASSAY_LAW_LOG_LINEAR ? log10(x[i]) : log(x[i]);
        p->x[p->n] = x[i];
        p->y[p->n] = y[i];
        p->weight[p->n] = w;
        p->z[p->n] = z;
        p->target[p->n++] = t;
        sum += w;
        sum_log += w * z;
        sum_target += w * t;
    }
    p->centre = sum_log / sum;
    p->target_mean = sum_target / sum;
    p->tss = 0;
    for (size_t i = 0; i < p->n; i++) {
        p->z[i] -= p->centre;
        p->tss += p->weight[i] * (p->target[i] - p->target_mean) * (p->target[i] - p->target_mean);
    }
}

static size_t distinct_x(const struct problem *p)
{
    double seen[P_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->n && count < P_MAX; i++) {
        size_t j = 0;
        while (j < count && seen[j] != p->x[i])
            j++;
        if (j == count)
            seen[count++] = p->x[i];
    }
    return count;
}

static int check_points(const struct problem *p, size_t n)
{
    if (p->n < p->parameters)
        return assay_fail(ASSAY_EINVAL,
            "fit: %s needs at least %zu points; of %zu, %zu can be used in %s space",
            laws[p->law].name, p->parameters, n, p->n, space_names[p->space]);
    if (distinct_x(p) < p->parameters)
        return assay_fail(ASSAY_EINVAL, "fit: %s needs points at %zu different x, got %zu",
            laws[p->law].name, p->parameters, distinct_x(p));
    bool informative = p->law != ASSAY_LAW_EXP_POWER && p->law != ASSAY_LAW_POWER;
    for (size_t i = 0; i < p->n && !informative; i++)
        informative = p->y[i] != 0 && !(p->law == ASSAY_LAW_EXP_POWER && p->y[i] == 1);
    if (!informative)
        return assay_fail(ASSAY_EINVAL, "fit: all y are 0%s, which tells nothing about %s",
            p->law == ASSAY_LAW_EXP_POWER ? " or 1" : "", laws[p->law].name);
    return ASSAY_OK;
}

static double t_quantile(const assay_fit *fit)
{
    return fit->points > fit->parameters
               ? gsl_cdf_tdist_Qinv((1 - fit->level) / 2, (double)(fit->points - fit->parameters))
               : NAN;
}

/* Covariance of (a, b, c): rss / (n - parameters) T (J^T J)^-1 T^T. */
static bool report_parameters(struct problem *p, const double *u, assay_fit *out)
{
    double t[P_MAX][P_MAX], r[P_MAX][P_MAX], gram[P_MAX][P_MAX], norm[P_MAX];
    size_t k = p->parameters;
    natural(p, u, out->value, t);
    residuals(p, u, NULL, p->scratch, &out->rss);
    orthogonalise(p->scratch, p->n, k, r, norm);
    if (!is_determined(k, r, norm))
        return false;
    inverse_gram(k, r, norm, gram);
    double variance = p->n > k ? out->rss / (double)(p->n - k) : NAN, reach = t_quantile(out);
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++)
                for (size_t m = 0; m < k; m++)
                    sum += t[i][l] * gram[l][m] * t[j][m];
            out->covariance[i][j] = variance * sum;
        }
        double se = sqrt(fmax(out->covariance[i][i], 0));
        if (isnan(out->covariance[i][i]))
            se = NAN;
        out->low[i] = out->value[i] - reach * se;
        out->high[i] = out->value[i] + reach * se;
        if (!isfinite(out->value[i]) ||
            (i == 0 && out->value[0] == 0 && p->law != ASSAY_LAW_LOG_LINEAR))
            return false; /* beyond the range of doubles */
    }
    return true;
}

static void report_errors(const struct problem *p, assay_fit *out)
{
    double n = (double)p->n, sum = 0, squares = 0;
    for (size_t i = 0; i < p->n; i++) {
        p->scratch[i] = fabs(assay_fit_value(out, p->x[i]) - p->y[i]);
        sum += p->scratch[i];
        out->max_abs_error = fmax(out->max_abs_error, p->scratch[i]);
    }
    out->mean_abs_error = sum / n;
    for (size_t i = 0; i < p->n; i++) {
        double d = p->scratch[i] - out->mean_abs_error;
        squares += d * d;
    }
    out->sd_abs_error = sqrt(squares / n);
    out->aic = n * log(out->rss / n) + 2 * (double)(p->parameters + 1);
    out->r2 = p->tss > 0 ? 1 - out->rss / p->tss : NAN;
}

static int solve(struct problem *p, assay_fit *out)
{
    struct start best = {.sign = p->law == ASSAY_LAW_EXP_POWER ? -1 : 1};
    if (is_linear(p)) {
        straight_line(p->z, p->target, p->weight, p->n, best.u);
    } else {
        int status = least_squares(p, &best, &out->iterations);
        if (status)
            return status;
    }
    p->sign = best.sign;
    if (!report_parameters(p, best.u, out))
        return no_convergence(p);
    report_errors(p, out);
    return ASSAY_OK;
}

int assay_fit_law(assay_law law, assay_fit_space space, const double *x, const double *y,
    const double *weights, size_t n, double level, const assay_progress *progress, assay_fit *out)
{
    if (space == ASSAY_SPACE_DEFAULT)
        space = ASSAY_SPACE_LINEAR;
    int status = check_arguments(law, space, x, weights, n, level);
    if (status)
        return status;
    double *memory = malloc((5 + P_MAX) * (n + 1) * sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "fit: out of memory for %zu points", n);
    struct problem p = {.law = law,
        .space = space,
        .parameters = laws[law].parameters,
        .x = memory,
        .y = memory + n,
        .weight = memory + 2 * n,
        .z = memory + 3 * n,
        .target = memory + 4 * n,
        .scratch = memory + 5 * n,
        .progress = progress};
    take_points(&p, x, y, weights, n);
    status = check_points(&p, n);
    assay_fit fit = {.law = law,
        .space = space,
        .parameters = p.parameters,
        .level = level,
        .points = p.n,
        .dropped = n - p.n};
    if (!status)
        status = solve(&p, &fit);
    if (!status)
        *out = fit;
    free(memory);
    return status;
}

/* ------------------------------------------------------------------ using a fit */

/* The law at x and its gradient by (a, b, c). */
static double value_and_gradient(const assay_fit *fit, double x, double *gradient)
{
    double a = fit->value[0], b = fit->value[1];
    if (fit->law == ASSAY_LAW_LOG_LINEAR) {
        gradient[0] = 1;
        gradient[1] = log10(x);
        return a + b * log10(x);
    }
    double power = pow(x, b);
    gradient[0] = power;
    gradient[1] = a * power * log(x);
    gradient[2] = 1;
    if (fit->law == ASSAY_LAW_POWER)
        return a * power;
    if (fit->law == ASSAY_LAW_SATURATING)
        return fit->value[2] + a * power;
    double value = exp(a * power);
    gradient[0] *= value;
    gradient[1] *= value;
    return value;
}

double assay_fit_value(const assay_fit *fit, double x)
{
    double gradient[P_MAX];
    return value_and_gradient(fit, x, gradient);
}

int assay_fit_forecast(const assay_fit *fit, double x, assay_interval *out)
{
    if (!(x > 0) || isinf(x))
        return assay_fail(ASSAY_EINVAL, "forecast: x must be positive and finite, got %g", x);
    double gradient[P_MAX], variance = 0;
    double estimate = value_and_gradient(fit, x, gradient);
    for (size_t i = 0; i < fit->parameters; i++)
        for (size_t j = 0; j < fit->parameters; j++)
            variance += gradient[i] * fit->covariance[i][j] * gradient[j];
    double reach = variance < 0 ? 0 : t_quantile(fit) * sqrt(variance);
    *out = (assay_interval){.estimate = estimate,
        .low = estimate - reach,
        .high = estimate + reach,
        .p = NAN,
        .df = (double)(fit->points - fit->parameters),
        .n = fit->points};
    return ASSAY_OK;
}

void assay_fit_text(const assay_fit *fit, const char *markup, char *out, size_t size)
{
    bool gnuplot = strcmp(markup, "gnuplot") == 0;
    const char *open = gnuplot ? "{" : "", *close = gnuplot ? "}" : "";
    double a = fit->value[0], b = fit->value[1];
    switch (fit->law) {
    case ASSAY_LAW_POWER:
        snprintf(out, size, "%.3g x^%s%.3g%s", a, open, b, close);
        break;
    case ASSAY_LAW_EXP_POWER:
        snprintf(out, size, "exp(%.3g x^%s%.3g%s)", a, open, b, close);
        break;
    case ASSAY_LAW_LOG_LINEAR:
        snprintf(out, size, "%.3g %c %.3g %s x", a, b < 0 ? '-' : '+', fabs(b),
            gnuplot ? "log_{10}" : "log10");
        break;
    case ASSAY_LAW_SATURATING:
        snprintf(out, size, "%.3g %c %.3g x^%s%.3g%s", fit->value[2], a < 0 ? '-' : '+', fabs(a),
            open, b, close);
        break;
    }
}
