/* Streams against the known answers of Random123, and distributions against their closed forms. All
 * seeds are fixed: a test that passes does so always. P-values are bounded below by 1e-3. */
#include "core/rng.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <Random123/threefry.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

#include "core/status.h"

/* tests/kat_vectors of Random123 1.14 (D. E. Shaw Research), its lines "philox4x32 10": counter,
 * key, result. */
static const struct {
    uint32_t counter[4], key[2], result[4];
} philox_vectors[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

/* The same file's lines "threefry4x32 20". */
static const struct {
    uint32_t counter[4], key[4], result[4];
} threefry_vectors[] = {
    {{0, 0, 0, 0}, {0, 0, 0, 0}, {0x9c6ca96a, 0xe17eae66, 0xfc10ecd4, 0x5256a7d8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
        {0x2a881696, 0x57012287, 0xf6c7446e, 0xa16a6732}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
        {0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89},
        {0x59cd1dbb, 0xb8879579, 0x86b5d00c, 0xac8b6d84}},
};

static void emits_the_known_philox_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof philox_vectors / sizeof *philox_vectors; i++) {
        const uint32_t *c = philox_vectors[i].counter, *k = philox_vectors[i].key;
        assay_rng rng = {.key = {k[0], k[1]},
            .nonce = {c[2], c[3]},
            .block = c[0] | (uint64_t)c[1] << 32,
            .position = 4};
        for (int j = 0; j < 4; j++)
            assert_int_equal(assay_rng_u32(&rng), philox_vectors[i].result[j]);
    }
}

/* The children rest on Random123's Threefry, here against its own vectors, and then on how rng.h
 * says that they are made. */
static void names_children_by_threefry(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof threefry_vectors / sizeof *threefry_vectors; i++) {
        threefry4x32_ctr_t c;
        threefry4x32_key_t k;
        memcpy(c.v, threefry_vectors[i].counter, sizeof c.v);
        memcpy(k.v, threefry_vectors[i].key, sizeof k.v);
        c = threefry4x32_R(20, c, k);
        assert_memory_equal(c.v, threefry_vectors[i].result, sizeof c.v);
    }
    assay_rng parent = {.key = {1, 2}, .nonce = {3, 4}, .position = 4};
    assay_rng child = assay_rng_split(&parent, 0x0000000700000005u);
    threefry4x32_ctr_t c = {{5, 7, 2, 0}};
    threefry4x32_key_t k = {{1, 2, 3, 4}};
    c = threefry4x32_R(20, c, k);
    const uint32_t name[4] = {child.key[0], child.key[1], child.nonce[0], child.nonce[1]};
    assert_memory_equal(name, c.v, sizeof name);
    /* a name: its eight bytes at a time, little-endian, then its length */
    const threefry4x32_ctr_t absorbed[] = {
        {{0x74736574, 0x7a5f676e, 3, 0}}, {{0x0000006f, 0, 3, 1}}, {{9, 0, 4, 0}}};
    for (int i = 0; i < 3; i++) {
        threefry4x32_ctr_t next = threefry4x32_R(20, absorbed[i], k);
        memcpy(k.v, next.v, sizeof k.v);
    }
    child = assay_rng_split_name(&parent, "testng_zo");
    const uint32_t by_name[4] = {child.key[0], child.key[1], child.nonce[0], child.nonce[1]};
    assert_memory_equal(by_name, k.v, sizeof by_name);
    assert_int_equal(child.block, 0);
    assert_int_equal(child.position, 4);
}

static void wide_words_are_two_narrow_ones(void **state)
{
    (void)state;
    assay_rng narrow = assay_rng_seed(1), wide = narrow;
    for (int i = 0; i < 100; i++) {
        uint64_t low = assay_rng_u32(&narrow), high = assay_rng_u32(&narrow);
        assert_true(assay_rng_u64(&wide) == (low | high << 32));
    }
    assay_rng last = {.block = UINT64_MAX, .position = 4}; /* the counter wraps, the nonce stays */
    for (int i = 0; i < 4; i++)
        assay_rng_u32(&last);
    assert_int_equal(assay_rng_u32(&last), philox_vectors[0].result[0]);
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Among n random 64-bit words an equal pair has probability n^2 / 2^65: none here. */
static void assert_all_distinct(uint64_t *words, size_t n)
{
    qsort(words, n, sizeof *words, compare_words);
    for (size_t i = 1; i < n; i++)
        assert_true(words[i - 1] != words[i]);
}

/* 60,000 children and grandchildren by id, by name and by seed, and 40,000 of the parent's own
 * words: neither first words nor names (key, nonce) are met twice. */
static void children_are_unlike_each_other_and_their_parent(void **state)
{
    (void)state;
    enum { EACH = 20000, COUNT = 5 * EACH };
    uint64_t *first = calloc(COUNT, sizeof *first), *named = calloc(COUNT, sizeof *named);
    assay_rng root = assay_rng_seed(0), words = root, child = assay_rng_split(&root, 3);
    for (size_t i = 0; i < EACH; i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        assay_rng family[3] = {assay_rng_split(&root, i), assay_rng_split_name(&root, name),
            assay_rng_split(&child, i)};
        for (size_t j = 0; j < 3; j++) {
            named[j * EACH + i] = (uint64_t)family[j].nonce[0] << 32 | family[j].key[0];
            first[j * EACH + i] = assay_rng_u64(&family[j]);
        }
        named[3 * EACH + i] = first[3 * EACH + i] = assay_rng_u64(&words);
        named[4 * EACH + i] = first[4 * EACH + i] = assay_rng_u64(&words);
    }
    assert_all_distinct(first, COUNT);
    assert_all_distinct(named, COUNT);
    free(first);
    free(named);
}

static int same_stream(assay_rng a, assay_rng b)
{
    return assay_rng_u64(&a) == assay_rng_u64(&b) && assay_rng_u64(&a) == assay_rng_u64(&b);
}

static void splitting_depends_on_the_name_alone(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(42), advanced = rng;
    for (int i = 0; i < 7; i++)
        assay_rng_u32(&advanced);
    assay_rng before = advanced;
    assert_true(same_stream(assay_rng_split(&rng, 9), assay_rng_split(&advanced, 9)));
    assert_true(
        same_stream(assay_rng_split_name(&rng, "task"), assay_rng_split_name(&rng, "task")));
    assert_true(same_stream(before, advanced)); /* splitting took nothing from the parent */
    const char *const names[] = {"", "t", "task", "tasks", "12345678", "123456781234567", "t\x01",
        "1234567812345678", "123456789", "task/1", "\xc3\xa9t\xc3\xa9"};
    const size_t count = sizeof names / sizeof *names;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            assert_int_equal(same_stream(assay_rng_split_name(&rng, names[i]),
                                 assay_rng_split_name(&rng, names[j])),
                i == j);
    assert_false(same_stream(assay_rng_split_name(&rng, ""), assay_rng_split(&rng, 0)));
    assert_false(same_stream(assay_rng_seed(1), assay_rng_seed(2)));
    assert_false(same_stream(assay_rng_split(&rng, 1), assay_rng_split(&rng, 1ull << 32)));
}

static void a_copy_is_the_same_stream(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(7);
    assay_rng_u32(&rng); /* within a block */
    assay_rng copy = rng;
    double x[100], y[100];
    assay_rng_fill_normal(&rng, x, 100);
    assay_rng_fill_normal(&copy, y, 100);
    assert_memory_equal(x, y, sizeof x);
    assert_true(same_stream(rng, copy));
}

static double chi_square_p(const double *observed, const double *expected, size_t cells)
{
    double chi2 = 0;
    for (size_t i = 0; i < cells; i++)
        chi2 += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
    return gsl_cdf_chisq_Q(chi2, (double)(cells - 1));
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov's asymptotic tail, 2 sum (-1)^{j-1} exp(-2 j^2 n D^2). */
static double kolmogorov_p(double *x, size_t n, double (*cdf)(double))
{
    double d = 0, p = 0;
    qsort(x, n, sizeof *x, ascending);
    for (size_t i = 0; i < n; i++) {
        double f = cdf(x[i]);
        d = fmax(d, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
    }
    for (int j = 1; j < 100; j++)
        p += (j % 2 ? 2 : -2) * exp(-2.0 * j * j * (double)n * d * d);
    return p;
}

enum { DRAWS = 40000 };

static double draw_open(assay_rng *r)
{
    return assay_rng_uniform_open(r);
}
static double draw_exponential(assay_rng *r)
{
    return assay_rng_exponential(r, 2.5);
}
static double draw_gamma(assay_rng *r)
{
    return assay_rng_gamma(r, 2.5, 3);
}
static double draw_gamma_small(assay_rng *r)
{
    return assay_rng_gamma(r, 0.3, 2);
}
static double draw_beta(assay_rng *r)
{
    return assay_rng_beta(r, 2, 5);
}
static double draw_beta_small(assay_rng *r)
{
    return assay_rng_beta(r, 0.25, 0.5);
}
static double cdf_uniform(double x)
{
    return x;
}
static double cdf_normal(double x)
{
    return gsl_cdf_ugaussian_P(x);
}
static double cdf_exponential(double x)
{
    return -expm1(-2.5 * x);
}
static double cdf_gamma(double x)
{
    return gsl_cdf_gamma_P(x, 2.5, 3);
}
static double cdf_gamma_small(double x)
{
    return gsl_cdf_gamma_P(x, 0.3, 2);
}
static double cdf_beta(double x)
{
    return gsl_cdf_beta_P(x, 2, 5);
}
static double cdf_beta_small(double x)
{
    return gsl_cdf_beta_P(x, 0.25, 0.5);
}

static const struct {
    const char *name;
    double (*draw)(assay_rng *);
    double (*cdf)(double);
    double mean, variance, fourth; /* central moments */
} continuous[] = {
    {"uniform", assay_rng_uniform, cdf_uniform, 0.5, 1.0 / 12, 1.0 / 80},
    {"open", draw_open, cdf_uniform, 0.5, 1.0 / 12, 1.0 / 80},
    {"normal", assay_rng_normal, cdf_normal, 0, 1, 3},
    {"exponential", draw_exponential, cdf_exponential, 0.4, 0.16, 9 * 0.4 * 0.4 * 0.4 * 0.4},
    {"gamma", draw_gamma, cdf_gamma, 7.5, 22.5, (3 + 6 / 2.5) * 22.5 * 22.5},
    {"gamma < 1", draw_gamma_small, cdf_gamma_small, 0.6, 1.2, (3 + 6 / 0.3) * 1.2 * 1.2},
    {"beta", draw_beta, cdf_beta, 2.0 / 7, 10 / 392.0, 2.88 * (10 / 392.0) * (10 / 392.0)},
    {"beta < 1", draw_beta_small, cdf_beta_small, 1.0 / 3, 8 / 63.0,
        21 / 11.0 * (8 / 63.0) * (8 / 63.0)},
};

static void continuous_draws_follow_their_laws(void **state)
{
    (void)state;
    double *x = calloc(DRAWS, sizeof *x);
    for (size_t c = 0; c < sizeof continuous / sizeof *continuous; c++) {
        assay_rng rng = assay_rng_seed(100 + c);
        double sum = 0, squares = 0;
        for (size_t i = 0; i < DRAWS; i++) {
            x[i] = continuous[c].draw(&rng);
            sum += x[i];
            squares += (x[i] - continuous[c].mean) * (x[i] - continuous[c].mean);
        }
        double v = continuous[c].variance;
        double mean_z = (sum / DRAWS - continuous[c].mean) / sqrt(v / DRAWS);
        double variance_z = (squares / DRAWS - v) / sqrt((continuous[c].fourth - v * v) / DRAWS);
        double p = kolmogorov_p(x, DRAWS, continuous[c].cdf);
        if (fabs(mean_z) > 3.5 || fabs(variance_z) > 3.5 || p < 1e-3)
            fail_msg("%s: mean %.2f se off, variance %.2f se off, Kolmogorov p = %g",
                continuous[c].name, mean_z, variance_z, p);
    }
    free(x);
}

static void uniforms_stay_inside_their_bounds(void **state)
{
    (void)state;
    assay_rng largest = {.word = {~0u, ~0u, ~0u, ~0u}, .position = 0}, smallest = {.position = 0};
    assay_rng again = largest, below = smallest;
    assert_true(assay_rng_uniform(&largest) == 1 - 0x1p-53);
    assert_true(assay_rng_uniform(&smallest) == 0);
    assert_true(assay_rng_uniform_open(&again) == 1 - 0x1p-53);
    assert_true(assay_rng_uniform_open(&below) == 0x1p-53);
    assay_rng rng = assay_rng_seed(5);
    double low = 1, high = 0;
    for (int i = 0; i < 100000; i++) {
        double u = assay_rng_uniform(&rng);
        low = fmin(low, u);
        high = fmax(high, u);
    }
    assert_true(low >= 0 && low < 1e-3 && high < 1 && high > 1 - 1e-3);
}

static void normals_do_not_tie(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    double *x = calloc(COUNT, sizeof *x);
    assay_rng rng = assay_rng_seed(31);
    assay_rng_fill_normal(&rng, x, COUNT);
    qsort(x, COUNT, sizeof *x, ascending);
    size_t ties = 0;
    for (size_t i = 1; i < COUNT; i++)
        ties += x[i] == x[i - 1];
    assert_int_equal(ties, 0);
    free(x);
}

/* Bounds up to 2^64 - 1, one of them where 64-bit words modulo the bound would favour the lower
 * half two to one. */
static void bounded_integers_are_unbiased(void **state)
{
    (void)state;
    const uint64_t bounds[] = {1, 2, 3, 10, 1000003, 0xC000000000000000u, UINT64_MAX};
    enum { CELLS = 6 };
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        assay_rng rng = assay_rng_seed(b);
        double observed[CELLS] = {0}, expected[CELLS] = {0};
        size_t cells = bounds[b] < CELLS ? (size_t)bounds[b] : CELLS;
        for (int i = 0; i < 60000; i++) {
            uint64_t x = assay_rng_below(&rng, bounds[b]);
            assert_true(x < bounds[b]);
            observed[(size_t)((double)x / (double)bounds[b] * (double)cells) % cells]++;
        }
        for (uint64_t i = 0; i < 10 && bounds[b] == 10; i++)
            expected[i * cells / 10] += 6000;
        for (size_t i = 0; i < cells && bounds[b] != 10; i++)
            expected[i] = 60000.0 / (double)cells;
        if (cells > 1)
            assert_true(chi_square_p(observed, expected, cells) > 1e-3);
    }
    double residue[3] = {0}, thirds[3] = {20000, 20000, 20000};
    assay_rng rng = assay_rng_seed(9);
    for (int i = 0; i < 60000; i++)
        residue[assay_rng_below(&rng, 0xC000000000000000u) % 3]++;
    assert_true(chi_square_p(residue, thirds, 3) > 1e-3);
}

typedef uint64_t (*integer_draw)(assay_rng *);
typedef double (*integer_pmf)(unsigned);

static uint64_t draw_binomial(assay_rng *r)
{
    return assay_rng_binomial(r, 20, 0.3);
}
static uint64_t draw_binomial_large(assay_rng *r)
{
    return assay_rng_binomial(r, 100, 0.7);
}
static uint64_t draw_poisson(assay_rng *r)
{
    return assay_rng_poisson(r, 3.5);
}
static uint64_t draw_hypergeometric(assay_rng *r)
{
    return assay_rng_hypergeometric(r, 12, 18, 9);
}
static uint64_t draw_hypergeometric_most(assay_rng *r)
{
    return assay_rng_hypergeometric(r, 12, 18, 25);
}
static uint64_t draw_hypergeometric_few_good(assay_rng *r)
{
    return assay_rng_hypergeometric(r, 5, 40, 20);
}
static uint64_t draw_hypergeometric_few_bad(assay_rng *r)
{
    return assay_rng_hypergeometric(r, 40, 5, 20);
}
static double pmf_binomial(unsigned k)
{
    return gsl_ran_binomial_pdf(k, 0.3, 20);
}
static double pmf_binomial_large(unsigned k)
{
    return gsl_ran_binomial_pdf(k, 0.7, 100);
}
static double pmf_poisson(unsigned k)
{
    return gsl_ran_poisson_pdf(k, 3.5);
}
static double pmf_hypergeometric(unsigned k)
{
    return gsl_ran_hypergeometric_pdf(k, 12, 18, 9);
}
static double pmf_hypergeometric_most(unsigned k)
{
    return gsl_ran_hypergeometric_pdf(k, 12, 18, 25);
}
static double pmf_hypergeometric_few_good(unsigned k)
{
    return gsl_ran_hypergeometric_pdf(k, 5, 40, 20);
}
static double pmf_hypergeometric_few_bad(unsigned k)
{
    return gsl_ran_hypergeometric_pdf(k, 40, 5, 20);
}

/* Chi-square over the values expected at least ten times, the others together in one cell. */
static double integer_p(integer_draw draw, integer_pmf pmf, uint64_t seed)
{
    enum { LARGEST = 128 };
    double count[LARGEST] = {0}, observed[LARGEST + 1] = {0}, expected[LARGEST + 1] = {0};
    assay_rng rng = assay_rng_seed(seed);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t k = draw(&rng);
        assert_true(k < LARGEST);
        count[k]++;
    }
    size_t cells = 1;
    for (unsigned k = 0; k < LARGEST; k++) {
        size_t cell = DRAWS * pmf(k) >= 10 ? cells++ : 0;
        observed[cell] += count[k];
        expected[cell] += DRAWS * pmf(k);
    }
    if (expected[0] < 1) /* nothing is rare: the first cell does not count */
        return chi_square_p(observed + 1, expected + 1, cells - 1);
    return chi_square_p(observed, expected, cells);
}

static void integer_draws_follow_their_laws(void **state)
{
    (void)state;
    const struct {
        const char *name;
        integer_draw draw;
        integer_pmf pmf;
    } cases[] = {
        {"binomial", draw_binomial, pmf_binomial},
        {"binomial, many", draw_binomial_large, pmf_binomial_large},
        {"poisson", draw_poisson, pmf_poisson},
        {"hypergeometric", draw_hypergeometric, pmf_hypergeometric},
        {"hypergeometric, most", draw_hypergeometric_most, pmf_hypergeometric_most},
        {"hypergeometric, few good", draw_hypergeometric_few_good, pmf_hypergeometric_few_good},
        {"hypergeometric, few bad", draw_hypergeometric_few_bad, pmf_hypergeometric_few_bad},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double p = integer_p(cases[i].draw, cases[i].pmf, 200 + i);
        if (p < 1e-3)
            fail_msg("%s: chi-square p = %g", cases[i].name, p);
    }
}

/* z-scores of mean and variance of `count` draws that are nearly normal. */
static void assert_moments(
    const char *name, const double *x, int count, double mean, double variance)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++) {
        sum += x[i] - mean;
        squares += (x[i] - mean) * (x[i] - mean);
    }
    double mean_z = sum / count / sqrt(variance / count);
    double variance_z = (squares / count / variance - 1) / sqrt(2.0 / count);
    if (fabs(mean_z) > 3.5 || fabs(variance_z) > 3.5)
        fail_msg("%s: mean %.2f se off, variance %.2f se off", name, mean_z, variance_z);
}

/* Sizes beyond the int arithmetic of GSL's samplers. */
static void integer_draws_are_right_when_large(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    const double n[] = {0x1p24 + 1, 1e8, 4e9, 0x1p52}, p[] = {0.5, 0.3, 0.5, 1e-6};
    double x[COUNT];
    for (size_t c = 0; c < 4; c++) {
        assay_rng rng = assay_rng_seed(300 + c);
        for (int i = 0; i < COUNT; i++)
            x[i] = (double)assay_rng_binomial(&rng, (uint64_t)n[c], p[c]);
        assert_moments("binomial", x, COUNT, n[c] * p[c], n[c] * p[c] * (1 - p[c]));
    }
    const double means[] = {50, 2e6, 1e12};
    for (size_t c = 0; c < 3; c++) {
        assay_rng rng = assay_rng_seed(310 + c);
        for (int i = 0; i < COUNT; i++)
            x[i] = (double)assay_rng_poisson(&rng, means[c]);
        assert_moments("poisson", x, COUNT, means[c], means[c]);
    }
    const double big = 1e15; /* variance draws p (1 - p) (N - draws) / (N - 1) */
    assay_rng rng = assay_rng_seed(320);
    for (int i = 0; i < COUNT; i++)
        x[i] = (double)assay_rng_hypergeometric(&rng, (uint64_t)big, 3 * (uint64_t)big, 500);
    assert_moments("hypergeometric", x, COUNT, 125, 500 * 0.25 * 0.75);
}

static void integer_draws_keep_their_edges(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(0);
    assert_true(assay_rng_binomial(&rng, 0, 0.5) == 0);
    assert_true(assay_rng_binomial(&rng, 10, 0) == 0);
    assert_true(assay_rng_binomial(&rng, 10, 1) == 10);
    assert_true(assay_rng_binomial(&rng, UINT64_MAX, 1) == UINT64_MAX);
    assert_true(assay_rng_binomial(&rng, 1ull << 40, 0) == 0);
    assert_true(assay_rng_poisson(&rng, 0) == 0);
    assert_true(assay_rng_hypergeometric(&rng, 0, 5, 3) == 0);
    assert_true(assay_rng_hypergeometric(&rng, 5, 0, 3) == 3);
    assert_true(assay_rng_hypergeometric(&rng, 5, 7, 12) == 5);
    assert_true(assay_rng_hypergeometric(&rng, 5, 7, 0) == 0);
    for (int i = 0; i < 1000; i++)
        assert_in_range(assay_rng_hypergeometric(&rng, 5, 7, 9), 2, 5);
}

static void categorical_draws_follow_their_weights(void **state)
{
    (void)state;
    const double weights[] = {0, 1e308, 0.5e308, 0, 1.5e308, 0.01e308, 0};
    enum { SIZE = 7 };
    double one[SIZE] = {0}, many[SIZE] = {0}, expected[4], seen[2][4];
    size_t *drawn = calloc(DRAWS, sizeof *drawn);
    assay_rng rng = assay_rng_seed(11);
    for (int i = 0; i < DRAWS; i++) {
        size_t index;
        assert_int_equal(assay_rng_categorical(&rng, weights, SIZE, &index), ASSAY_OK);
        one[index]++;
    }
    assert_int_equal(assay_rng_categorical_many(&rng, weights, SIZE, DRAWS, drawn), ASSAY_OK);
    for (int i = 0; i < DRAWS; i++)
        many[drawn[i]]++;
    size_t cells = 0;
    for (size_t i = 0; i < SIZE; i++) {
        if (weights[i] == 0) {
            assert_true(one[i] == 0 && many[i] == 0);
            continue;
        }
        expected[cells] = DRAWS * (weights[i] / 1e308 / 3.01);
        seen[0][cells] = one[i];
        seen[1][cells++] = many[i];
    }
    assert_true(chi_square_p(seen[0], expected, 4) > 1e-3);
    assert_true(chi_square_p(seen[1], expected, 4) > 1e-3);
    free(drawn);
}

static void categorical_takes_a_single_weight_and_no_draws(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(12);
    double one = 5e-324, thirds[3] = {1, 1, 1};
    size_t index[30];
    assert_int_equal(assay_rng_categorical(&rng, &one, 1, index), ASSAY_OK);
    assert_int_equal(index[0], 0);
    assert_int_equal(assay_rng_categorical_many(&rng, thirds, 3, 30, index), ASSAY_OK);
    for (int i = 0; i < 30; i++)
        assert_in_range(index[i], 0, 2);
    assert_int_equal(assay_rng_categorical_many(&rng, &one, 1, 0, NULL), ASSAY_OK);
}

/* The largest uniform reaches the last positive weight, and never one of 0 behind it, however the
 * sums round. */
static void categorical_stays_within_positive_weights(void **state)
{
    (void)state;
    assay_rng weigh = assay_rng_seed(14);
    for (int round = 0; round < 2000; round++) {
        double weights[8] = {0};
        for (int i = 0; i < 6; i++)
            weights[i] = assay_rng_uniform_open(&weigh);
        assay_rng largest = {.word = {~0u, ~0u, ~0u, ~0u}, .position = 0};
        size_t index;
        assert_int_equal(assay_rng_categorical(&largest, weights, 8, &index), ASSAY_OK);
        assert_int_equal(index, 5);
    }
}

static void categorical_refuses_bad_weights(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(0);
    size_t index;
    const double negative[] = {1, -0.5}, zero[] = {0, 0}, nan[] = {1, 2, NAN}, inf[] = {INFINITY};
    assert_int_equal(assay_rng_categorical(&rng, negative, 2, &index), ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "categorical: weight 1 (from 0) must be finite and >= 0, got -0.5");
    assert_int_equal(assay_rng_categorical(&rng, zero, 2, &index), ASSAY_EINVAL);
    assert_int_equal(assay_rng_categorical(&rng, nan, 3, &index), ASSAY_EINVAL);
    assert_int_equal(assay_rng_categorical(&rng, inf, 1, &index), ASSAY_EINVAL);
    assert_int_equal(assay_rng_categorical(&rng, zero, 0, &index), ASSAY_EINVAL);
    assert_int_equal(assay_rng_categorical_many(&rng, negative, 2, 1, &index), ASSAY_EINVAL);
}

/* The rank of an order of 0..n-1 among all n! (or of k of n among all k-sequences). */
static size_t rank_of(const size_t *x, size_t n, size_t k)
{
    size_t rank = 0;
    for (size_t i = 0; i < k; i++) {
        size_t smaller = x[i];
        for (size_t j = 0; j < i; j++) {
            assert_true(x[j] != x[i]);
            smaller -= x[j] < x[i];
        }
        assert_true(x[i] < n);
        rank = rank * (n - i) + smaller;
    }
    return rank;
}

static void all_orders_are_equally_likely(void **state)
{
    (void)state;
    double observed[24] = {0}, expected[24];
    size_t order[4];
    assay_rng rng = assay_rng_seed(21);
    for (int i = 0; i < 24000; i++) {
        assay_rng_permutation(&rng, 4, order);
        observed[rank_of(order, 4, 4)]++;
    }
    for (int i = 0; i < 24; i++)
        expected[i] = 1000;
    assert_true(chi_square_p(observed, expected, 24) > 1e-3);
    assay_rng_permutation(&rng, 1, order);
    assert_int_equal(order[0], 0);
    assay_rng_permutation(&rng, 0, NULL);
}

/* 3 of 7 goes the dense way, 3 of 30 the sparse one: every k-sequence is equally likely. */
static void all_samples_are_equally_likely(void **state)
{
    (void)state;
    const size_t sizes[] = {7, 30}, sequences[] = {7 * 6 * 5, 30 * 29 * 28};
    for (int c = 0; c < 2; c++) {
        double *observed = calloc(sequences[c], sizeof *observed);
        double *expected = calloc(sequences[c], sizeof *expected);
        assay_rng rng = assay_rng_seed(22 + (uint64_t)c);
        size_t chosen[3], draws = 20 * sequences[c];
        for (size_t i = 0; i < draws; i++) {
            assert_int_equal(assay_rng_sample(&rng, sizes[c], 3, chosen), ASSAY_OK);
            observed[rank_of(chosen, sizes[c], 3)]++;
        }
        for (size_t i = 0; i < sequences[c]; i++)
            expected[i] = 20;
        assert_true(chi_square_p(observed, expected, sequences[c]) > 1e-3);
        free(observed);
        free(expected);
    }
}

static void samples_are_distinct_at_every_size(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(23);
    const size_t n[] = {1, 10, 10, 1000, 100000, SIZE_MAX}, k[] = {1, 10, 0, 125, 12500, 2000};
    for (size_t c = 0; c < sizeof n / sizeof *n; c++) {
        size_t *chosen = calloc(k[c] + 1, sizeof *chosen);
        uint64_t *copy = calloc(k[c] + 1, sizeof *copy);
        assert_int_equal(assay_rng_sample(&rng, n[c], k[c], chosen), ASSAY_OK);
        for (size_t i = 0; i < k[c]; i++) {
            assert_true(chosen[i] < n[c]);
            copy[i] = chosen[i];
        }
        assert_all_distinct(copy, k[c]);
        free(chosen);
        free(copy);
    }
    size_t out[3];
    assert_int_equal(assay_rng_sample(&rng, 2, 3, out), ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "sample: k must be in 0..2 (the number to draw from), got 3");
}

enum { PER_THREAD = 3000, STREAMS = 8 };

struct thread_work {
    uint64_t id;
    double out[PER_THREAD];
};

static void *draw_everything(void *context)
{
    struct thread_work *work = context;
    assay_rng root = assay_rng_seed(99), rng = assay_rng_split(&root, work->id);
    for (size_t i = 0; i + 5 <= PER_THREAD; i += 5) {
        work->out[i] = assay_rng_normal(&rng);
        work->out[i + 1] = assay_rng_gamma(&rng, 0.5, 1);
        work->out[i + 2] = assay_rng_beta(&rng, 0.5, 4);
        work->out[i + 3] = (double)assay_rng_binomial(&rng, 1000, 0.4);
        work->out[i + 4] = (double)assay_rng_poisson(&rng, 40);
    }
    return NULL;
}

static void threads_draw_what_one_would(void **state)
{
    (void)state;
    struct thread_work *alone = calloc(STREAMS, sizeof *alone);
    struct thread_work *together = calloc(STREAMS, sizeof *together);
    pthread_t threads[STREAMS];
    for (size_t i = 0; i < STREAMS; i++) {
        alone[i].id = together[i].id = i;
        draw_everything(&alone[i]);
    }
    for (size_t i = 0; i < STREAMS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw_everything, &together[i]), 0);
    for (size_t i = 0; i < STREAMS; i++)
        pthread_join(threads[i], NULL);
    assert_memory_equal(alone, together, STREAMS * sizeof *alone);
    free(alone);
    free(together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emits_the_known_philox_words),
        cmocka_unit_test(names_children_by_threefry),
        cmocka_unit_test(wide_words_are_two_narrow_ones),
        cmocka_unit_test(children_are_unlike_each_other_and_their_parent),
        cmocka_unit_test(splitting_depends_on_the_name_alone),
        cmocka_unit_test(a_copy_is_the_same_stream),
        cmocka_unit_test(continuous_draws_follow_their_laws),
        cmocka_unit_test(uniforms_stay_inside_their_bounds),
        cmocka_unit_test(normals_do_not_tie),
        cmocka_unit_test(bounded_integers_are_unbiased),
        cmocka_unit_test(integer_draws_follow_their_laws),
        cmocka_unit_test(integer_draws_are_right_when_large),
        cmocka_unit_test(integer_draws_keep_their_edges),
        cmocka_unit_test(categorical_draws_follow_their_weights),
        cmocka_unit_test(categorical_takes_a_single_weight_and_no_draws),
        cmocka_unit_test(categorical_stays_within_positive_weights),
        cmocka_unit_test(categorical_refuses_bad_weights),
        cmocka_unit_test(all_orders_are_equally_likely),
        cmocka_unit_test(all_samples_are_equally_likely),
        cmocka_unit_test(samples_are_distinct_at_every_size),
        cmocka_unit_test(threads_draw_what_one_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
