/*
 * Scaling laws: fits with parameter intervals, AIC and forecasts.
 *
 *   power        y = a x^b
 *   exp_power    y = exp(a x^b)          (a < 0; Brown et al. 2024, eq. 2)
 *   log_linear   y = a + b log10 x
 *   saturating   y = c + a x^b           (b < 0: c is what remains in the limit)
 *
 * Residuals are taken in one of three spaces: linear (y), log (log y), or loglog (power: log y
 * against log x; exp_power: log(-log y) against log x), which are ordinary least squares where the
 * law is linear there, and Levenberg-Marquardt (GSL) elsewhere, from several starts, keeping the
 * best. log_linear and saturating have no loglog space.
 */
#ifndef ASSAY_CORE_FIT_H
#define ASSAY_CORE_FIT_H

#include <stddef.h>

#include "core/progress.h"
#include "core/stats.h"

typedef enum assay_law {
    ASSAY_LAW_POWER,
    ASSAY_LAW_EXP_POWER,
    ASSAY_LAW_LOG_LINEAR,
    ASSAY_LAW_SATURATING
} assay_law;

typedef enum assay_fit_space {
    ASSAY_SPACE_DEFAULT, /* linear; monkeys' own default is log */
    ASSAY_SPACE_LINEAR,
    ASSAY_SPACE_LOG,
    ASSAY_SPACE_LOGLOG
} assay_fit_space;

enum { ASSAY_FIT_MAX_PARAMETERS = 3 };

typedef struct assay_fit {
    assay_law law;
    assay_fit_space space;
    size_t parameters;                      /* how many of the following count */
    double value[ASSAY_FIT_MAX_PARAMETERS]; /* a, b, (c) */
    double low[ASSAY_FIT_MAX_PARAMETERS];   /* intervals at `level` (t with n - parameters df) */
    double high[ASSAY_FIT_MAX_PARAMETERS];
    double covariance[ASSAY_FIT_MAX_PARAMETERS][ASSAY_FIT_MAX_PARAMETERS];
    double level;
    double rss; /* in the space of the fit */
    double aic; /* n log(rss / n) + 2 (parameters + 1), in the space of the fit */
    double r2;  /* 1 - rss / tss, in the space of the fit */
    /* of |law(x) - y| over the used points; the sd with divisor n */
    double mean_abs_error, sd_abs_error, max_abs_error;
    size_t points;  /* used */
    size_t dropped; /* not finite, outside the space's domain, or of weight 0 */
    int iterations;
} assay_fit;

/* "power", "exp_power", "log_linear", "saturating"; ASSAY_EINVAL lists them for another name. */
int assay_law_parse(const char *name, assay_law *law);
const char *assay_law_name(assay_law law);
const char *assay_law_parameter(assay_law law, size_t i); /* "a", "b", "c" */

/* x > 0. weights (>= 0, on squared residuals) may be NULL. ASSAY_EINVAL: fewer usable points than
 * parameters; points all at one x or without information about the law (all y equal to 0 or 1 for
 * exp_power). ASSAY_ECONVERGE: no minimum exists (saturating: points that do not level off fit ever
 * better as b goes to 0). With exactly as many points as parameters the intervals are NaN. *out is
 * written only on success. progress may be NULL; it is told shares of 1. */
int assay_fit_law(assay_law law, assay_fit_space space, const double *x, const double *y,
    const double *weights, size_t n, double level, const assay_progress *progress, assay_fit *out);

double assay_fit_value(const assay_fit *fit, double x);

/* The law at x with the interval of its mean by the delta method at the fit's level. */
int assay_fit_forecast(const assay_fit *fit, double x, assay_interval *out);

/* The law as text with its numbers, for instance "exp(-3.99 x^{-0.352})": `markup` "plain" or
 * "gnuplot" (enhanced text). */
void assay_fit_text(const assay_fit *fit, const char *markup, char *out, size_t size);

#endif
