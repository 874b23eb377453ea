/*
 * Rank correlations.
 *
 * tau-b counts pairs: with n0 = n(n-1)/2, those tied in a (n1), in b (n2) and in both (n3), and
 * those in opposite order (d), tau-b = (n0 - n1 - n2 + n3 - 2d) / sqrt((n0 - n1)(n0 - n2)). After
 * sorting by (a, b), d is the number of exchanges of a merge sort by b (Knight, JASA 61, 1966).
 */
#include "core/rank.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/stats.h"
#include "core/status.h"

static int check_numbers(const char *who, const char *name, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return assay_fail(
                ASSAY_EINVAL, "%s: %s[%zu] must be a number, got nan", who, name, i + 1);
    return ASSAY_OK;
}

typedef struct pair {
    double a, b;
} pair;

static int by_a_then_b(const void *p, const void *q)
{
    const pair *x = p, *y = q;
    if (x->a != y->a)
        return x->a > y->a ? 1 : -1;
    return (x->b > y->b) - (x->b < y->b);
}

static uint64_t pairs_of(uint64_t n)
{
    return n * (n - 1) / 2;
}

/* Sorts x[0..n) by b and counts the pairs that were in falling order. */
static uint64_t sort_by_b(pair *x, pair *scratch, size_t n)
{
    if (n < 2)
        return 0;
    const size_t half = n / 2;
    uint64_t falling = sort_by_b(x, scratch, half) + sort_by_b(x + half, scratch, n - half);
    size_t i = 0, j = half;
    for (size_t at = 0; at < n; at++) {
        if (j == n || (i < half && x[i].b <= x[j].b)) {
            scratch[at] = x[i++];
        } else {
            falling += half - i;
            scratch[at] = x[j++];
        }
    }
    for (size_t at = 0; at < n; at++)
        x[at] = scratch[at];
    return falling;
}

/* Pairs equal in a, and those equal in both; x is sorted by (a, b). */
static void count_ties(const pair *x, size_t n, uint64_t *in_a, uint64_t *in_both)
{
    *in_a = *in_both = 0;
    for (size_t i = 0, same_a = 0, same = 0; i < n; i++) {
        const bool a = i > 0 && x[i].a == x[i - 1].a;
        same_a = a ? same_a + 1 : 0;
        same = a && x[i].b == x[i - 1].b ? same + 1 : 0;
        *in_a += same_a;
        *in_both += same;
    }
}

static uint64_t ties_in_b(const pair *x, size_t n)
{
    uint64_t ties = 0;
    for (size_t i = 1, same = 0; i < n; i++) {
        same = x[i].b == x[i - 1].b ? same + 1 : 0;
        ties += same;
    }
    return ties;
}

int assay_kendall_tau(const double *a, const double *b, size_t n, double *tau)
{
    int status = check_numbers("kendall_tau", "a", a, n);
    if (!status)
        status = check_numbers("kendall_tau", "b", b, n);
    *tau = NAN;
    if (status || n < 2)
        return status;
    pair *x = calloc(2 * n, sizeof *x);
    if (!x)
        return assay_fail(ASSAY_ENOMEM, "kendall_tau: no memory for %zu pairs", n);
    for (size_t i = 0; i < n; i++)
        x[i] = (pair){a[i], b[i]};
    qsort(x, n, sizeof *x, by_a_then_b);
    uint64_t in_a, in_both;
    count_ties(x, n, &in_a, &in_both);
    const uint64_t opposite = sort_by_b(x, x + n, n), in_b = ties_in_b(x, n), all = pairs_of(n);
    free(x);
    const double ordered_a = (double)(all - in_a), ordered_b = (double)(all - in_b);
    if (in_a < all && in_b < all)
        *tau = ((double)(all - in_a - in_b + in_both) - 2 * (double)opposite) /
               sqrt(ordered_a * ordered_b);
    return ASSAY_OK;
}

typedef struct placed {
    double value;
    size_t at;
} placed;

static int by_value(const void *p, const void *q)
{
    const placed *x = p, *y = q;
    return (x->value > y->value) - (x->value < y->value);
}

static int ranks(const char *who, const char *name, const double *x, size_t n, double *rank)
{
    const int status = check_numbers(who, name, x, n);
    if (status || n == 0)
        return status;
    placed *order = calloc(n, sizeof *order);
    if (!order)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu ranks", who, n);
    for (size_t i = 0; i < n; i++)
        order[i] = (placed){x[i], i};
    qsort(order, n, sizeof *order, by_value);
    for (size_t first = 0, last; first < n; first = last) {
        for (last = first + 1; last < n && order[last].value == order[first].value;)
            last++;
        for (size_t i = first; i < last; i++)
            rank[order[i].at] = 0.5 * (double)(first + last + 1);
    }
    free(order);
    return ASSAY_OK;
}

int assay_ranks(const double *x, size_t n, double *rank)
{
    return ranks("ranks", "x", x, n, rank);
}

/* Neither vector may hold NaN or an infinity. */
static double correlation(const double *a, const double *b, size_t n)
{
    const double mean_a = assay_mean(a, n), mean_b = assay_mean(b, n);
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
        ab += (a[i] - mean_a) * (b[i] - mean_b);
    }
    return n > 1 && aa > 0 && bb > 0 ? ab / (sqrt(aa) * sqrt(bb)) : (double)NAN;
}

static int check_finite(const char *name, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return assay_fail(ASSAY_EINVAL, "pearson: %s[%zu] must be finite, got %s", name, i + 1,
                isnan(x[i]) ? "nan" : "an infinity");
    return ASSAY_OK;
}

int assay_pearson(const double *a, const double *b, size_t n, double *r)
{
    int status = check_finite("a", a, n);
    if (!status)
        status = check_finite("b", b, n);
    if (!status)
        *r = correlation(a, b, n);
    return status;
}

int assay_spearman(const double *a, const double *b, size_t n, double *rho)
{
    double *rank = calloc(2 * (n ? n : 1), sizeof *rank);
    if (!rank)
        return assay_fail(ASSAY_ENOMEM, "spearman: no memory for %zu ranks", n);
    int status = ranks("spearman", "a", a, n, rank);
    if (!status)
        status = ranks("spearman", "b", b, n, rank + n);
    if (!status)
        *rho = correlation(rank, rank + n, n);
    free(rank);
    return status;
}
