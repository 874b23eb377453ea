/*
 * Statistics of replicates: means, quantiles, intervals and the tests behind claims.
 *
 * Every interval is two-sided at `level` (0 < level < 1, for instance 0.95). NaN among the inputs is
 * an error (ASSAY_EINVAL, naming the index), never silently dropped: the caller decides.
 */
#ifndef ASSAY_CORE_STATS_H
#define ASSAY_CORE_STATS_H

#include <stddef.h>

#include "core/progress.h"
#include "core/rng.h"

typedef struct assay_interval {
    double estimate, low, high;
    double p;  /* two-sided p of the null hypothesis named by the function; NaN where none */
    double df; /* degrees of freedom of a t interval, else NaN */
    size_t n;  /* observations (pairs, where paired) */
} assay_interval;

double assay_mean(const double *x, size_t n);         /* pairwise summation; NaN for n = 0 */
double assay_variance(const double *x, size_t n);     /* divisor n - 1, two passes; NaN for n < 2 */
double assay_sd(const double *x, size_t n);

/* Quantile q in [0, 1], linear interpolation of order statistics (type 7, as R and numpy). */
int assay_quantile(const double *x, size_t n, double q, double *out);
int assay_quantiles(const double *x, size_t n, const double *q, size_t nq, double *out);

/* mean +- t_{n-1} sd / sqrt(n); p tests mean = mu0. n = 1 gives low = -inf, high = +inf, p = NaN;
 * zero variance gives low = high = mean and p = 0 or 1. */
int assay_t_interval(
    const double *x, size_t n, double mu0, double level, assay_interval *out);

/* The t interval of a[i] - b[i]; p tests difference = 0. */
int assay_paired_interval(
    const double *a, const double *b, size_t n, double level, assay_interval *out);

/* Welch's interval of mean(a) - mean(b); p tests difference = 0. Needs 2 of each for a finite one. */
int assay_welch_interval(
    const double *a, size_t na, const double *b, size_t nb, double level, assay_interval *out);

/* Wilson's score interval of a proportion (Wilson 1927), without continuity correction.
 * 0 <= successes <= trials, trials > 0. */
int assay_wilson_interval(double successes, double trials, double level, assay_interval *out);

/* Holm's step-down correction of n p values for their number: adjusted[i] <= alpha are the tests that
 * reject at the family-wise level alpha. A NaN is no test and stays NaN. */
int assay_holm(const double *p, size_t n, double *adjusted);

/* Percentile bootstrap of a statistic over n observations, `resamples` >= 1 draws from rng. The
 * statistic gets the indices of one resample and returns its value (NaN: that resample is an error).
 * `progress`, which may be NULL, is told of resamples. */
typedef double (*assay_statistic)(void *context, const size_t *index, size_t n);
int assay_bootstrap_interval(assay_statistic statistic, void *context, size_t n, size_t resamples,
    double level, assay_rng *rng, const assay_progress *progress, assay_interval *out);

/* The same for the mean of x. */
int assay_bootstrap_mean(const double *x, size_t n, size_t resamples, double level, assay_rng *rng,
    const assay_progress *progress, assay_interval *out);

#endif
