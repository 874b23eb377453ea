/*
 * Plain decimal numbers in text, eight digits at a time, to the nearest double (ties to even): what
 * strtod gives, many times faster. Clinger's observation (PLDI 1990) serves numbers whose digits
 * and power of ten are doubles, as one multiplication of them is rounded once; digits behind a
 * point are multiplied by a reciprocal of 128 bits. What is none of these is left to strtod.
 * Private to this directory.
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

/* The same of four. */
static inline int decimal_four(uint32_t digits)
{
    const uint32_t pairs = digits * 10 + (digits >> 8);
    return (int)((pairs & 0xFF) * 100 + (pairs >> 16 & 0xFF));
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

enum { DECIMAL_POWERS = 27 };

/* 2^b / 5^k, rounded up, for k from 1 on; b so that the first bit is set. The first 64 bits, then
 * the others. */
static const uint64_t decimal_inverse[2][32] = {
    {0, 0xCCCCCCCCCCCCCCCC, 0xA3D70A3D70A3D70A, 0x83126E978D4FDF3B, 0xD1B71758E219652B,
        0xA7C5AC471B478423, 0x8637BD05AF6C69B5, 0xD6BF94D5E57A42BC, 0xABCC77118461CEFC,
        0x89705F4136B4A597, 0xDBE6FECEBDEDD5BE, 0xAFEBFF0BCB24AAFE, 0x8CBCCC096F5088CB,
        0xE12E13424BB40E13, 0xB424DC35095CD80F, 0x901D7CF73AB0ACD9, 0xE69594BEC44DE15B,
        0xB877AA3236A4B449, 0x9392EE8E921D5D07, 0xEC1E4A7DB69561A5, 0xBCE5086492111AEA,
        0x971DA05074DA7BEE, 0xF1C90080BAF72CB1, 0xC16D9A0095928A27, 0x9ABE14CD44753B52,
        0xF79687AED3EEC551, 0xC612062576589DDA, 0x9E74D1B791E07E48},
    {0, 0xCCCCCCCCCCCCCCCD, 0x3D70A3D70A3D70A4, 0x645A1CAC083126EA, 0xD3C36113404EA4A9,
        0x0FCF80DC33721D54, 0xA63F9A49C2C1B110, 0x3D32907604691B4D, 0xFDC20D2B36BA7C3E,
        0x31680A88F8953031, 0xB573440E5A884D1C, 0xF78F69A51539D749, 0xF93F87B7442E45D4,
        0x2865A5F206B06FBA, 0x538484C19EF38C95, 0x0F9D37014BF60A11, 0x4C2EBE687989A9B4,
        0x09BEFEB9FAD487C3, 0x3AFF322E62439FD0, 0x2B31E9E3D06C32E6, 0x88F4BB1CA6BCF585,
        0xD3F6FC16EBCA5E04, 0x5324C68B12DD6339, 0x75B7053C0F178294, 0xC4926A9672793543,
        0x3A83DDBD83F52205, 0x95364AFE032A819E, 0x775EA264CF55347E}};

/* m / 10^k for 0 < k <= 27 and m > 0, rounded once, after Lemire (Software: Practice and Experience
 * 2021, algorithm 1): the product of m and 128 bits of 5^-k, of which the first 64 nearly always
 * tell. In this range the 128 bits always do, and doubles are never subnormal. Nothing branches on
 * the digits, which would be mispredicted. */
static inline double decimal_quotient(uint64_t m, unsigned k)
{
    __extension__ typedef unsigned __int128 wide;
    const int up = __builtin_clzll(m);
    const wide first = (wide)(m << up) * decimal_inverse[0][k];
    uint64_t high = (uint64_t)(first >> 64), low = (uint64_t)first;
    if ((high & 0x1FF) == 0x1FF) {
        const uint64_t more = (uint64_t)(((wide)(m << up) * decimal_inverse[1][k]) >> 64);
        low += more;
        high += low < more;
    }
    const unsigned top = (unsigned)(high >> 63);
    uint64_t kept = high >> (top + 9); /* 53 bits and one for rounding */
    /* a tie, which only 5^k below 2^64 / 2^53 can make, goes to even */
    if (low <= 1 && k <= 4 && (kept & 3) == 1 && kept << (top + 9) == high)
        kept &= ~(uint64_t)1;
    kept = (kept + (kept & 1)) >> 1;
    /* floor(log2(10^-k)) = (217706 * -k) >> 16 */
    const int exponent = -(int)((217706 * k + 65535) >> 16) + 63 + (int)top - up + DBL_MAX_EXP - 1;
    /* the first of 53 bits is added to the exponent, and so is a carry out of them */
    const uint64_t bits = ((uint64_t)(exponent - 1) << (DBL_MANT_DIG - 1)) + kept;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* -size or size, without a branch, which signs that look random would mispredict. */
static inline double decimal_signed(bool negative, double size)
{
    uint64_t bits;
    memcpy(&bits, &size, sizeof bits);
    bits |= (uint64_t)negative << 63;
    memcpy(&size, &bits, sizeof size);
    return size;
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
    else if (exponent < 0 && exponent >= -DECIMAL_POWERS)
        *value = decimal_quotient(m, (unsigned)-exponent);
    else if (small && exponent >= 0 && exponent <= 22)
        *value = (double)m * power[exponent];
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
    *value = decimal_signed(negative, size);
    return p;
}

#endif
