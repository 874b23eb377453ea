/*
 * Sums along rows in eight partial sums and down columns in blocks of 64: they vectorise, and their
 * order is fixed by the lengths alone. Private to this directory.
 */
#ifndef ASSAY_MODELS_NET_LANES_H
#define ASSAY_MODELS_NET_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "models/net/real.h"

enum { LANES = 8, COLUMN_BLOCK = 64 };

/* Eight numbers; gcc and clang make of them what the processor has. */
typedef real lanes __attribute__((vector_size(LANES * sizeof(real))));

#ifdef ASSAY_NET_DOUBLE
typedef int64_t marks __attribute__((vector_size(LANES * sizeof(real)))); /* of comparisons */
#else
typedef int32_t marks __attribute__((vector_size(LANES * sizeof(real))));
#endif

static inline lanes lanes_at(const real *x)
{
    lanes v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* The up to seven numbers behind the last whole eight, and `rest` where there are none. */
static inline lanes lanes_tail(const real *x, size_t n, real rest)
{
    real part[LANES] = {rest, rest, rest, rest, rest, rest, rest, rest};
    memcpy(part, x, n * sizeof *part);
    return lanes_at(part);
}

static inline void lanes_put(lanes v, real *x)
{
    memcpy(x, &v, sizeof v);
}

static inline lanes lanes_pick(marks m, lanes where, lanes elsewhere)
{
    return (lanes)(((marks)where & m) | ((marks)elsewhere & ~m));
}

static inline real lanes_sum(lanes v)
{
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

static inline real row_sum(const real *x, size_t n)
{
    lanes part = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        part += lanes_at(x + i);
    if (i < n)
        part += lanes_tail(x + i, n - i, 0);
    return lanes_sum(part);
}

static inline real row_dot(const real *x, const real *y, size_t n)
{
    lanes part = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        part += lanes_at(x + i) * lanes_at(y + i);
    if (i < n)
        part += lanes_tail(x + i, n - i, 0) * lanes_tail(y + i, n - i, 0);
    return lanes_sum(part);
}

/* The largest of n >= 1 numbers. One that is NaN may be passed over. */
static inline real row_max(const real *x, size_t n)
{
    real most[LANES], high = x[0];
    size_t i = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        most[lane] = x[0];
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            most[lane] = x[i + lane] > most[lane] ? x[i + lane] : most[lane];
    for (; i < n; i++)
        high = x[i] > high ? x[i] : high;
    for (size_t lane = 0; lane < LANES; lane++)
        high = most[lane] > high ? most[lane] : high;
    return high;
}

/* sum[c] += the sum of column c of x [rows, cols], rows `stride` apart */
static inline void add_column_sums(
    const real *restrict x, size_t rows, size_t cols, size_t stride, real *restrict sum)
{
    for (size_t first = 0; first < cols; first += COLUMN_BLOCK) {
        real part[COLUMN_BLOCK] = {0};
        const size_t width = cols - first < COLUMN_BLOCK ? cols - first : COLUMN_BLOCK;
        if (width == COLUMN_BLOCK)
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < COLUMN_BLOCK; c++)
                    part[c] += x[r * stride + first + c];
        else
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < width; c++)
                    part[c] += x[r * stride + first + c];
        for (size_t c = 0; c < width; c++)
            sum[first + c] += part[c];
    }
}

/* y (+)= factor x: the shape that most gradients have. */
static inline void put_scaled(
    size_t n, real factor, const real *restrict x, real *restrict y, bool first)
{
    if (first)
        for (size_t i = 0; i < n; i++)
            y[i] = factor * x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] += factor * x[i];
}

/* y (+)= a b */
static inline void put_product(
    size_t n, const real *restrict a, const real *restrict b, real *restrict y, bool first)
{
    if (first)
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] * b[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] += a[i] * b[i];
}

#endif
