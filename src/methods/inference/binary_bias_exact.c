/*
 * Exact distributions behind the battery.
 *
 * Runs of n1 ones and n0 zeros in random order, with C = C(n1 + n0, n1):
 *
 *   P(R = 2j)     = 2 C(n1-1, j-1) C(n0-1, j-1) / C
 *   P(R = 2j + 1) = [C(n1-1, j) C(n0-1, j-1) + C(n1-1, j-1) C(n0-1, j)] / C
 *
 * The longest run of n fair flips is >= m exactly when m - 1 neighbours in a row are equal, and n
 * flips have n - 1 independent fair "equal" flags. With a = m - 1 and g(N) the chance that N flags
 * hold a successes in a row,
 *
 *   g(N) = 0 for N < a,   g(a) = 2^-a,   g(N) = g(N-1) + (1 - g(N-a-1)) 2^-(a+1)
 *
 * which adds positive numbers only: a chance of 2^-1000 comes out as such. Feller (An introduction
 * to probability theory I, XIII.7) has it without a loop: with the root of least modulus of the
 * denominator of the generating function, x = 1 + d, d = (1 + d)^(a+1) 2^-(a+1),
 *
 *   1 - g(N) ~ (1 - d) / (1 - a d) (1 + d)^-(N+1)
 *
 * The other roots' parts vanish as 2^-N does (0.38^N for a = 2): beyond a + 256 flags it is exact
 * to a double's digits.
 */
#include "methods/inference/binary_bias.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>

#include "core/status.h"

/* ---- runs ---- */

/* log n!, one table for all the coefficients of a call */
static double *log_factorials(size_t most)
{
    double *table = malloc((most + 1) * sizeof *table);
    if (!table)
        return NULL;
    for (size_t i = 0; i <= most; i++)
        table[i] = lgamma((double)i + 1);
    return table;
}

static double log_choose(const double *log_factorial, size_t n, size_t k)
{
    return k > n ? -INFINITY : log_factorial[n] - log_factorial[k] - log_factorial[n - k];
}

static double runs_probability(const double *lf, size_t n1, size_t n0, size_t r)
{
    const double all = log_choose(lf, n1 + n0, n1);
    const size_t j = r / 2;
    if (r % 2 == 0)
        return 2 * exp(log_choose(lf, n1 - 1, j - 1) + log_choose(lf, n0 - 1, j - 1) - all);
    return exp(log_choose(lf, n1 - 1, j) + log_choose(lf, n0 - 1, j - 1) - all) +
           exp(log_choose(lf, n1 - 1, j - 1) + log_choose(lf, n0 - 1, j) - all);
}

int assay_runs_pmf(size_t n1, size_t n0, double *pmf)
{
    const size_t most = 10000000;
    if (n1 > most || n0 > most || n1 + n0 < 1 || n1 + n0 > most)
        return assay_fail(
            ASSAY_EINVAL, "runs_pmf: n1 + n0 must be in 1..10^7, got %zu and %zu", n1, n0);
    for (size_t r = 0; r <= n1 + n0; r++)
        pmf[r] = 0;
    if (n1 == 0 || n0 == 0) {
        pmf[1] = 1;
        return ASSAY_OK;
    }
    double *lf = log_factorials(n1 + n0);
    if (!lf)
        return assay_fail(ASSAY_ENOMEM, "runs_pmf: out of memory");
    for (size_t r = 2; r <= n1 + n0; r++)
        pmf[r] = runs_probability(lf, n1, n0, r);
    free(lf);
    return ASSAY_OK;
}

/* ---- the longest run ---- */

/* g(flags) for a successes in a row by the recurrence; past[N mod (a + 1)] keeps g(N). */
static double few_flags(size_t flags, size_t a, double *past)
{
    const double step = ldexp(1, -(int)(a + 1));
    if (flags < a)
        return 0;
    for (size_t i = 0; i < a; i++)
        past[i] = 0;
    past[a] = ldexp(1, -(int)a);
    double g = past[a];
    for (size_t n = a + 1; n <= flags; n++) {
        double *oldest = &past[n % (a + 1)]; /* g(n - a - 1), to be replaced by g(n) */
        g = fmin(1, g + (1 - *oldest) * step);
        *oldest = g;
    }
    return g;
}

/* The same for a > 1 by the root 1 + d of the generating function's denominator. */
static double many_flags(size_t flags, size_t a)
{
    const double step = ldexp(1, -(int)(a + 1)), power = (double)(a + 1);
    double d = step, error;
    do { /* Newton's method, which comes from below: the function is convex */
        const double value = step * exp(power * log1p(d));
        error = (value - d) / (1 - power * value / (1 + d));
        d += error;
    } while (error > 1e-10 * d);
    return -expm1(log1p(-d) - log1p(-(double)a * d) - ((double)flags + 1) * log1p(d));
}

int assay_longest_run_tail(size_t n, size_t m, double *p)
{
    enum { SMALLEST = 1100, FEW = 256 }; /* 2^-1100 is 0 as a double */
    double past[SMALLEST];
    if (n < 1 || n > 100000000)
        return assay_fail(ASSAY_EINVAL, "longest_run_cdf: n must be in 1..10^8, got %zu", n);
    if (m <= 1)
        *p = 1;
    else if (m > n || m > SMALLEST)
        *p = 0;
    else if (m == 2) /* any of the flags */
        *p = -expm1(-(double)(n - 1) * M_LN2);
    else if (n - m < FEW)
        *p = few_flags(n - 1, m - 1, past);
    else
        *p = many_flags(n - 1, m - 1);
    return ASSAY_OK;
}

int assay_longest_run_cdf(size_t n, const size_t *m, size_t nm, double *cdf)
{
    for (size_t i = 0; i < nm; i++) {
        double tail;
        const int status = assay_longest_run_tail(n, m[i] < n ? m[i] + 1 : n + 1, &tail);
        if (status)
            return status;
        cdf[i] = 1 - tail;
    }
    return ASSAY_OK;
}

/* ---- the fair coin ---- */

/* At 1/2 the outcomes no likelier than y are those no closer to n/2: both tails. */
double assay_fair_coin_p(size_t y, size_t n)
{
    const size_t fewer = y < n - y ? y : n - y;
    return fmin(1, 2 * gsl_cdf_binomial_P((unsigned)fewer, 0.5, (unsigned)n));
}
