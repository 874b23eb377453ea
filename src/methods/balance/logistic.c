/*
 * The terms of the binary cross-entropy of logits (internal.h), four at a time: the C library's
 * take most of the time of a detector's loss otherwise. This file has the network engine's compiler
 * flags. With e = e^-|z|
 *
 *     p = 1 / (1 + e) or e / (1 + e),   ln(1 + e) = 2 artanh f,   f = e / (2 + e) <= 1/3,
 *
 * by its series.
 */
#include <stdint.h>
#include <string.h>

#include "methods/balance/internal.h"

enum { WIDTH = 4, TERMS = 17 };

typedef double vector __attribute__((vector_size(WIDTH * sizeof(double))));
typedef int64_t bits __attribute__((vector_size(WIDTH * sizeof(double))));

static inline vector pick(bits where, vector a, vector b)
{
    return (vector)(((bits)a & where) | ((bits)b & ~where));
}

/* e^x for x <= 0 within 2 ulp, 0 below -708; NaN stays. x = n ln 2 + r with |r| <= ln 2 / 2, the
 * Taylor polynomial of degree 13, n added to the exponent. 1.5 2^52 rounds: the sum's low bits are
 * n. */
static inline vector exponential(vector x)
{
    static const double inverse[] = {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
        1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1};
    const vector zero = {0};
    const bits tiny = x < -708.0;
    x = pick(tiny, zero, x);
    const vector shifted = x * 0x1.71547652b82fep+0 + 0x1.8p52, n = shifted - 0x1.8p52;
    const vector r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
    vector sum = 1.0 / 6227020800 - zero;
    for (size_t i = 0; i < sizeof inverse / sizeof *inverse; i++)
        sum = sum * r + inverse[i];
    const vector power = (vector)(((bits)shifted + 1023) << 52);
    return pick(tiny, zero, sum * power);
}

/* ln(1 + e) for e in [0, 1] */
static inline vector log_one_more(vector e)
{
    const vector f = e / (2 + e), g = f * f;
    vector sum = f - f;
    for (int i = TERMS; i >= 0; i--)
        sum = sum * g + 1.0 / (2 * i + 1);
    return 2 * f * sum;
}

static inline void four(const double *z, double *p, double *q, double *l)
{
    vector x;
    memcpy(&x, z, sizeof x);
    const bits above = x > 0;
    const vector e = exponential(pick(above, -x, x)), low = e / (1 + e), high = 1 / (1 + e);
    const vector up = pick(above, high, low), down = pick(above, low, high);
    const vector soft = log_one_more(e);
    memcpy(p, &up, sizeof up);
    memcpy(q, &down, sizeof down);
    memcpy(l, &soft, sizeof soft);
}

void assay_logistic_terms(
    const double *z, size_t n, double *restrict p, double *restrict q, double *restrict l)
{
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        four(z + i, p + i, q + i, l + i);
    if (i == n)
        return;
    double rest[4][WIDTH] = {{0}};
    memcpy(rest[0], z + i, (n - i) * sizeof *z);
    four(rest[0], rest[1], rest[2], rest[3]);
    memcpy(p + i, rest[1], (n - i) * sizeof *p);
    memcpy(q + i, rest[2], (n - i) * sizeof *q);
    memcpy(l + i, rest[3], (n - i) * sizeof *l);
}
