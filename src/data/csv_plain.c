/* See csv_plain.h. */
#include "data/csv_plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/decimal.h"

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define AVX512                                                                                     \
    __attribute__((                                                                                \
        target("avx512f,avx512bw,avx512vl,avx512dq,avx512cd,avx2,bmi,bmi2,lzcnt,popcnt")))

/* Bytes whose fields are looked for at a time; numbers at a time, eights of them; the most digits
 * with a point, and without. */
enum { STRETCH = 2048, BATCH = 256, EIGHT = 8, MOST_DIGITS = 26, MOST_WHOLE = 15 };

/* Of batch.places: there is no point; the bit of the sign, and the others. */
enum { NO_POINT = 32, SIGN = 31, PLACES = 63 };

typedef struct batch {
    uint32_t ends[STRETCH + EIGHT]; /* where in the stretch commas and LFs are */
    uint64_t digits[BATCH][2];      /* four times the value of 8 digits, the first lowest */
    uint32_t places[BATCH];         /* digits behind the point, and the sign */
} batch;

/* The rounding of eight numbers of the batch, from i on; bit j: out[j] is left to others. */
typedef unsigned round_eight(const batch *b, size_t i, double *out);

/* Offsets of commas and LFs in p[size]; returns how many. */
AVX2 static size_t find_ends(const char *p, size_t size, uint32_t *ends)
{
    const __m256i comma = _mm256_set1_epi8(','), lf = _mm256_set1_epi8('\n');
    size_t count = 0;
    for (size_t i = 0; i < size; i += 64) {
        uint64_t found = 0;
        for (int half = 0; half < 64; half += 32) {
            const __m256i x = _mm256_loadu_si256((const void *)(p + i + half));
            const __m256i is =
                _mm256_or_si256(_mm256_cmpeq_epi8(x, comma), _mm256_cmpeq_epi8(x, lf));
            found |= (uint64_t)(uint32_t)_mm256_movemask_epi8(is) << half;
        }
        found = size - i < 64 ? _bzhi_u64(found, (unsigned)(size - i)) : found;
        const size_t before = count;
        count += (size_t)__builtin_popcountll(found);
        for (size_t j = 0; j < 4 || found; j++) { /* four are usual, and no branch tells */
            ends[before + j] = (uint32_t)(i + _tzcnt_u64(found));
            found = _blsr_u64(found);
        }
    }
    return count;
}

/* The last n bytes of a vector are set. */
AVX2 static inline __m256i last_bytes(unsigned n)
{
    static const int64_t edge[8] = {[4] = -1, -1, -1, -1};
    return _mm256_loadu_si256((const void *)((const char *)edge + n));
}

/* Digits and places of the number [start, stop), into number i of the batch; false: it is not
 * plain, or has a point though it must not. */
AVX2 static inline __attribute__((always_inline)) bool collect_one(
    const char *start, const char *stop, bool may_have_point, batch *b, size_t i)
{
    const bool negative = *start == '-';
    const char *const first = start + negative;
    const unsigned length = (unsigned)(stop - first);
    const __m256i bytes = _mm256_loadu_si256((const void *)(stop - 32));
    const unsigned point =
        _lzcnt_u32((unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('.'))));
    unsigned places = point, digits = length - 1, before = digits - point;
    if (point >= length) {
        places = NO_POINT;
        digits = before = length;
        if ((digits > MOST_WHOLE) | (negative & (*first == '0')))
            return false;
    } else if (!may_have_point) {
        return false;
    }
    if ((digits - 1 >= MOST_DIGITS) | ((*first == '0') & (before > 1)))
        return false;
    const __m256i closed = _mm256_blendv_epi8(
        _mm256_loadu_si256((const void *)(stop - 33)), bytes, last_bytes(places));
    const __m256i ones =
        _mm256_and_si256(_mm256_sub_epi8(closed, _mm256_set1_epi8('0')), last_bytes(digits));
    const __m256i others = _mm256_subs_epu8(ones, _mm256_set1_epi8(9));
    const __m256i twos = _mm256_maddubs_epi16(ones, _mm256_set1_epi16(10 | 1 << 8));
    const __m256i fours = _mm256_madd_epi16(twos, _mm256_set1_epi32(100 | 1 << 16));
    const __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
    const __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(10000 | 1 << 16));
    _mm_storeu_si128((void *)b->digits[i], eights);
    b->places[i] = places | (uint32_t)negative << SIGN;
    return _mm256_testz_si256(others, others);
}

/* Up to n numbers that end at p + ends[0] and so on, the first of column *column and from `start`
 * on; returns how many are plain and at their place in a row. */
AVX2 static size_t collect(const assay_csv_plain *text, const char *p, const char *start,
    const uint32_t *ends, size_t n, size_t *column, batch *b)
{
    const unsigned char *const fractions = text->fractions;
    const size_t last = text->columns - 1;
    size_t at = *column, i = 0;
    for (; i < n; i++) {
        const char *const stop = p + ends[i];
        if (at < last) {
            if ((*stop != ',') | !collect_one(start, stop, fractions[at], b, i))
                break;
            at++;
        } else {
            const char *const end = stop - (stop[-1] == '\r');
            if ((*stop != '\n') | !collect_one(start, end, fractions[at], b, i))
                break;
            at = 0;
        }
        start = stop + 1;
    }
    *column = at;
    return i;
}

/* One number of the batch; false: it has more than 19 digits. */
static bool round_one(const batch *b, size_t i, double *out)
{
    const uint64_t over = (uint32_t)b->digits[i][0], top = b->digits[i][0] >> 32;
    const uint64_t m = top * 10000000000000000 + (uint32_t)b->digits[i][1] * (uint64_t)100000000 +
                       (b->digits[i][1] >> 32);
    const unsigned places = b->places[i] & PLACES;
    double size;
    if (over > 0 || top >= 1000 || !decimal_scale(m, places == NO_POINT ? 0 : -(int)places, &size))
        return false;
    *out = decimal_signed(b->places[i] >> SIGN, size);
    return true;
}

static unsigned round_singly(const batch *b, size_t i, double *out)
{
    unsigned left = 0;
    for (unsigned j = 0; j < EIGHT; j++)
        left |= (unsigned)!round_one(b, i + j, &out[j]) << j;
    return left;
}

/* The upper half of the 128 bits of a b. */
AVX512 static inline __m512i multiply_high(__m512i a, __m512i b)
{
    const __m512i a_up = _mm512_srli_epi64(a, 32), b_up = _mm512_srli_epi64(b, 32);
    const __m512i low = _mm512_mul_epu32(a, b), high = _mm512_mul_epu32(a_up, b_up);
    const __m512i one = _mm512_add_epi64(_mm512_mul_epu32(a_up, b), _mm512_srli_epi64(low, 32));
    const __m512i other = _mm512_add_epi64(
        _mm512_mul_epu32(a, b_up), _mm512_and_si512(one, _mm512_set1_epi64(0xFFFFFFFF)));
    return _mm512_add_epi64(
        high, _mm512_add_epi64(_mm512_srli_epi64(one, 32), _mm512_srli_epi64(other, 32)));
}

/* Of 32 words those at the places in the last five bits. */
AVX512 static inline __m512i looked_up(const uint64_t words[32], __m512i places)
{
    const __m512i first =
        _mm512_permutex2var_epi64(_mm512_loadu_si512(words), places, _mm512_loadu_si512(words + 8));
    const __m512i second = _mm512_permutex2var_epi64(
        _mm512_loadu_si512(words + 16), places, _mm512_loadu_si512(words + 24));
    return _mm512_mask_blend_epi64(
        _mm512_test_epi64_mask(places, _mm512_set1_epi64(16)), first, second);
}

/* decimal_quotient of eight m and k. *left gets the bits of those that need more than 64 bits of
 * 5^-k; ties are among them, as the product with fewer bits falls short of one. */
AVX512 static inline __m512i quotients(__m512i m, __m512i k, __mmask8 *left)
{
    const __m512i one = _mm512_set1_epi64(1), low_bits = _mm512_set1_epi64(0x1FF);
    const __m512i by = looked_up(decimal_inverse[0], k);
    const __m512i up = _mm512_lzcnt_epi64(m), shifted = _mm512_sllv_epi64(m, up);
    const __m512i high = multiply_high(shifted, by);
    *left = _mm512_cmpeq_epi64_mask(_mm512_and_si512(high, low_bits), low_bits);
    const __m512i top = _mm512_srli_epi64(high, 63);
    const __m512i bits = _mm512_srlv_epi64(high, _mm512_add_epi64(top, _mm512_set1_epi64(9)));
    const __m512i kept = _mm512_srli_epi64(_mm512_add_epi64(bits, _mm512_and_si512(bits, one)), 1);
    /* 63 + top - up + floor(log2(10^-k)) + bias - 1 */
    const __m512i down = _mm512_srli_epi64(
        _mm512_add_epi64(_mm512_mul_epu32(k, _mm512_set1_epi64(217706)), _mm512_set1_epi64(65535)),
        16);
    const __m512i exponent = _mm512_sub_epi64(
        _mm512_add_epi64(top, _mm512_set1_epi64(63 + DBL_MAX_EXP - 2)), _mm512_add_epi64(down, up));
    return _mm512_add_epi64(_mm512_slli_epi64(exponent, DBL_MANT_DIG - 1), kept);
}

AVX512 static unsigned round_together(const batch *b, size_t i, double *out)
{
    const __m512i first = _mm512_loadu_si512(b->digits[i]);
    const __m512i second = _mm512_loadu_si512(b->digits[i + 4]);
    const __m512i head =
        _mm512_permutex2var_epi64(first, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), second);
    const __m512i tail =
        _mm512_permutex2var_epi64(first, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), second);
    const __m512i m = _mm512_add_epi64(
        _mm512_add_epi64(
            _mm512_mullo_epi64(_mm512_srli_epi64(head, 32), _mm512_set1_epi64(10000000000000000)),
            _mm512_mul_epu32(tail, _mm512_set1_epi64(100000000))),
        _mm512_srli_epi64(tail, 32));
    /* with the first digits uppermost, those beyond 19 are a large number */
    const __mmask8 over =
        _mm512_cmpge_epu64_mask(_mm512_ror_epi64(head, 32), _mm512_set1_epi64(1000));
    const __m512i marked = _mm512_cvtepu32_epi64(_mm256_loadu_si256((const void *)(b->places + i)));
    const __m512i places = _mm512_and_si512(marked, _mm512_set1_epi64(PLACES));
    const __m512d sign =
        _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_srli_epi64(marked, SIGN), 63));
    const __mmask8 whole = _mm512_testn_epi64_mask(places, _mm512_set1_epi64(PLACES - NO_POINT)) |
                           _mm512_testn_epi64_mask(m, m);
    __mmask8 left;
    const __m512d fractions = _mm512_castsi512_pd(quotients(m, places, &left));
    const __m512d sizes = _mm512_mask_cvtepu64_pd(fractions, whole, m);
    _mm512_storeu_pd(out, _mm512_or_pd(sizes, sign));
    return over | (left & (unsigned)~whole);
}

/* A batch of n numbers, the first of which begins at `start`, into out. */
static inline void round_batch(const assay_csv_plain *text, const batch *b, const char *p,
    const char *start, const uint32_t *ends, size_t n, round_eight *eight, double *out)
{
    for (size_t i = 0; i < n; i += EIGHT) {
        for (unsigned left = eight(b, i, out + i); left; left &= left - 1) {
            const size_t j = i + (unsigned)__builtin_ctz(left);
            if (j < n && !round_one(b, j, &out[j]))
                out[j] = strtod_l(j ? p + ends[j - 1] + 1 : start, NULL, text->locale);
        }
    }
}

static inline size_t take(
    const assay_csv_plain *text, size_t most, double *out, const char **behind, round_eight *eight)
{
    batch b;
    memset(b.digits, 0, sizeof b.digits); /* eights of which not all are there */
    memset(b.places, 0, sizeof b.places);
    const char *start = text->from;
    size_t column = 0, taken = 0;
    *behind = text->from;
    for (const char *p = text->from; p < text->end; p += STRETCH) {
        const size_t left = (size_t)(text->end - p);
        const size_t fields = find_ends(p, left < STRETCH ? left : STRETCH, b.ends);
        for (size_t done = 0; done < fields;) {
            const size_t wanted = fields - done < BATCH ? fields - done : BATCH;
            const size_t room = most * text->columns - taken, n = wanted < room ? wanted : room;
            const size_t got = collect(text, p, start, b.ends + done, n, &column, &b);
            round_batch(text, &b, p, start, b.ends + done, got, eight, out + taken);
            taken += got;
            done += got;
            if (done > column)
                *behind = p + b.ends[done - column - 1] + 1;
            if (got < n || taken == most * text->columns)
                return taken / text->columns;
            start = p + b.ends[done - 1] + 1;
        }
    }
    return taken / text->columns;
}

static size_t take_avx2(const assay_csv_plain *text, size_t most, double *out, const char **behind)
{
    return take(text, most, out, behind, round_singly);
}

static size_t take_avx512(
    const assay_csv_plain *text, size_t most, double *out, const char **behind)
{
    return take(text, most, out, behind, round_together);
}

assay_csv_plain_take *assay_csv_plain_for(size_t width)
{
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                      __builtin_cpu_supports("bmi2"); /* lzcnt and popcnt are older */
    if (width >= 8 && avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
        return take_avx512;
    return width >= 4 && avx2 ? take_avx2 : NULL;
}

#else

assay_csv_plain_take *assay_csv_plain_for(size_t width)
{
    (void)width;
    return NULL;
}

#endif
