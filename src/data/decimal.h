/*
 * Plain decimal numbers in text, eight digits at a time, to the nearest double (ties to even): what
 * strtod gives, many times faster. Clinger's observation (PLDI 1990) serves numbers whose digits
 * and power of ten are doubles, as one multiplication or division of them is rounded once; more
 * digits are divided as integers of 128 bits. What is none of these is left to strtod. Private to
 * this directory.
 */
#ifndef ASSAY_DATA_DECIMAL_H
#define ASSAY_DATA_DECIMAL_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "data/swap.h"

enum { ASSAY_DECIMAL_AHEAD = 8 }; /* bytes behind a text that must be readable */

/* The value of eight digits, the first in the lowest byte. */
static inline uint64_t decimal_eight(uint64_t digits)
{
    const uint64_t pairs = digits * 10 + (digits >> 8), mask = 0x000000FF000000FF;
    return (uint32_t)(((pairs & mask) * 0x000F424000000064 +
                          ((pairs >> 16) & mask) * 0x0000271000000001) >>
                      32);
}

/* *m = *m * 10^n + the value of the n digits at p; returns p + n. *m wraps around when they are too
 * many. */
static inline const char *decimal_digits(const char *p, uint64_t *m)
{
    static const uint64_t power[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    for (;; p += 8) {
        uint64_t bytes;
        memcpy(&bytes, p, sizeof bytes);
        assay_from_little_endian(&bytes, 1, sizeof bytes);
        bytes ^= 0x3030303030303030;
        const uint64_t others =
            (((bytes & 0x7F7F7F7F7F7F7F7F) + 0x7676767676767676) | bytes) & 0x8080808080808080;
        if (others) {
            const unsigned n = (unsigned)__builtin_ctzll(others) / 8;
            *m = *m * power[n] + decimal_eight((bytes << 8) << (56 - 8 * n));
            return p + n;
        }
        *m = *m * 100000000 + decimal_eight(bytes);
    }
}

/* m / 10^k for 0 < k <= 27, rounded once: with both shifted to 64 bits, their quotient has 62 or
 * 63, and whether a rest remains decides ties. */
static inline double decimal_quotient(uint64_t m, unsigned k)
{
    __extension__ typedef unsigned __int128 wide;
    static const uint64_t fives[28] = {1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u,
        1953125u, 9765625u, 48828125u, 244140625u, 1220703125u, 6103515625u, 30517578125u,
        152587890625u, 762939453125u, 3814697265625u, 19073486328125u, 95367431640625u,
        476837158203125u, 2384185791015625u, 11920928955078125u, 59604644775390625u,
        298023223876953125u, 1490116119384765625u, 7450580596923828125u};
    const uint64_t five = fives[k]; /* 5^k */
    const int up = __builtin_clzll(m), across = __builtin_clzll(five);
    const uint64_t divisor = five << across;
    const wide dividend = (wide)(m << up) << 62;
    const uint64_t quotient = (uint64_t)(dividend / divisor);
    const bool rest = (uint64_t)dividend != quotient * divisor;
    const int drop = 64 - __builtin_clzll(quotient) - DBL_MANT_DIG;
    const uint64_t half = (uint64_t)1 << (drop - 1), low = quotient & (2 * half - 1);
    uint64_t kept = quotient >> drop;
    kept += low > half || (low == half && (rest || (kept & 1)));
    /* m / 10^k = quotient 2^(across - up - 62 - k) */
    const uint64_t bits = (uint64_t)(DBL_MAX_EXP - 1 + drop + across - up - 62 - (int)k) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return (double)kept * power;
}

/* m 10^exponent; false where it takes more than this. */
static inline bool decimal_scale(uint64_t m, int exponent, double *value)
{
    static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool small = m <= (uint64_t)1 << DBL_MANT_DIG;
    if (FLT_EVAL_METHOD != 0)
        return false;
    if (m == 0)
        *value = 0;
    else if (small && exponent <= 0 && exponent >= -22)
        *value = (double)m / power[-exponent];
    else if (small && exponent > 0 && exponent <= 22)
        *value = (double)m * power[exponent];
    else if (exponent < 0 && exponent >= -27)
        *value = decimal_quotient(m, (unsigned)-exponent);
    else
        return false;
    return true;
}

/* A number -?D(.d+)?([eE][+-]?d+)? at p, D without leading zeros: its value, whether it is a whole
 * number (without point or exponent, at most 15 digits, not -0), and what is behind it. NULL: it is
 * something else, or more than 19 digits, or out of reach, and slower means must tell. */
static inline const char *decimal_number(const char *p, double *value, bool *whole)
{
    const bool negative = *p == '-';
    const char *const first = p + negative;
    uint64_t m = 0;
    int exponent = 0;
    p = decimal_digits(first, &m);
    ptrdiff_t digits = p - first;
    if ((digits == 0) | ((digits > 1) & (*first == '0')))
        return NULL;
    *whole = *p != '.' && (*p | 32) != 'e';
    if (*whole) {
        *value = negative ? -(double)m : (double)m;
        return digits <= 15 && !(negative && m == 0) ? p : NULL;
    }
    if (*p == '.') {
        const char *const fraction = ++p;
        p = decimal_digits(p, &m);
        if (p == fraction)
            return NULL;
        digits += p - fraction;
        exponent = (int)(fraction - p);
    }
    if (digits > 19)
        return NULL;
    if ((*p | 32) == 'e') {
        uint64_t e = 0;
        const bool down = p[1] == '-';
        const char *const start = p + 1 + (down || p[1] == '+');
        p = decimal_digits(start, &e);
        if (p == start || p - start > 4)
            return NULL;
        exponent += down ? -(int)e : (int)e;
    }
    double size;
    if (!decimal_scale(m, exponent, &size))
        return NULL;
    *value = negative ? -size : size;
    return p;
}

#endif
