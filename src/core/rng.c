/*
 * Random streams: words from Philox4x32-10, names of children from Threefry4x32-20, distributions
 * from GSL's samplers reading those words.
 *
 *   block n of a stream:  Philox(counter = {n, n >> 32, nonce[0], nonce[1]}, key)
 *   child:                Threefry(key = the parent's 128 bits, counter = {id, id >> 32, tag, 0})
 *
 * GSL sees a stream through a gsl_rng on the stack whose state is the assay_rng itself: nothing is
 * allocated and nothing is seeded. Where GSL's integer samplers count in int (binomial, Poisson),
 * larger parameters are first brought into its range by exact recursions.
 */
#include "core/rng.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <Random123/philox.h>
#include <Random123/threefry.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "core/status.h"

__extension__ typedef unsigned __int128 uint128;

/* What a Threefry call derives a stream from, so that no two kinds can meet. */
enum domain { DOMAIN_SEED = 1, DOMAIN_ID, DOMAIN_NAME_CHUNK, DOMAIN_NAME_LENGTH };

static assay_rng derive(const uint32_t key[2], const uint32_t nonce[2], uint64_t message,
    enum domain domain, uint32_t index)
{
    threefry4x32_key_t k = {{key[0], key[1], nonce[0], nonce[1]}};
    threefry4x32_ctr_t c = {
        {(uint32_t)message, (uint32_t)(message >> 32), (uint32_t)domain, index}};
    threefry4x32_ctr_t name = threefry4x32_R(20, c, k);
    return (assay_rng){
        .key = {name.v[0], name.v[1]}, .nonce = {name.v[2], name.v[3]}, .position = 4};
}

assay_rng assay_rng_seed(uint64_t seed)
{
    static const uint32_t zero[2] = {0, 0};
    return derive(zero, zero, seed, DOMAIN_SEED, 0);
}

assay_rng assay_rng_split(const assay_rng *rng, uint64_t id)
{
    return derive(rng->key, rng->nonce, id, DOMAIN_ID, 0);
}

/* The name's bytes are absorbed eight at a time, little-endian and zero-padded, then its length. */
assay_rng assay_rng_split_name(const assay_rng *rng, const char *name)
{
    size_t length = strlen(name);
    assay_rng child = *rng;
    for (size_t i = 0; i < length; i += 8) {
        uint64_t chunk = 0;
        for (size_t j = 0; j < 8 && i + j < length; j++)
            chunk |= (uint64_t)(unsigned char)name[i + j] << (8 * j);
        child = derive(child.key, child.nonce, chunk, DOMAIN_NAME_CHUNK, (uint32_t)(i / 8));
    }
    return derive(child.key, child.nonce, length, DOMAIN_NAME_LENGTH, 0);
}

uint32_t assay_rng_u32(assay_rng *rng)
{
    if (rng->position >= 4) {
        philox4x32_key_t k = {{rng->key[0], rng->key[1]}};
        philox4x32_ctr_t c = {
            {(uint32_t)rng->block, (uint32_t)(rng->block >> 32), rng->nonce[0], rng->nonce[1]}};
        c = philox4x32_R(10, c, k);
        memcpy(rng->word, c.v, sizeof rng->word);
        rng->block++;
        rng->position = 0;
    }
    return rng->word[rng->position++];
}

uint64_t assay_rng_u64(assay_rng *rng)
{
    uint64_t low = assay_rng_u32(rng);
    return low | (uint64_t)assay_rng_u32(rng) << 32;
}

uint64_t assay_rng_below(assay_rng *rng, uint64_t bound)
{
    assert(bound >= 1);
    uint128 product = (uint128)assay_rng_u64(rng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = -bound % bound; /* 2^64 mod bound */
        while ((uint64_t)product < threshold)
            product = (uint128)assay_rng_u64(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

double assay_rng_uniform(assay_rng *rng)
{
    return (double)(assay_rng_u64(rng) >> 11) * 0x1p-53;
}

/* 52 bits: with 53 the largest x + 1/2 would round up to 1. */
double assay_rng_uniform_open(assay_rng *rng)
{
    return ((double)(assay_rng_u64(rng) >> 12) + 0.5) * 0x1p-52;
}

static unsigned long gsl_word(void *state)
{
    return assay_rng_u32(state);
}

static double gsl_uniform(void *state)
{
    return assay_rng_uniform(state);
}

static const gsl_rng_type stream_type = {.name = "assay",
    .max = UINT32_MAX,
    .min = 0,
    .size = sizeof(assay_rng),
    .get = gsl_word,
    .get_double = gsl_uniform};

static gsl_rng as_gsl(assay_rng *rng)
{
    return (gsl_rng){&stream_type, rng};
}

/* Leva's ratio of uniforms, because GSL's ziggurat yields only 2^31 distinct values: a million
 * draws would already contain hundreds of ties. */
double assay_rng_normal(assay_rng *rng)
{
    gsl_rng g = as_gsl(rng);
    return gsl_ran_gaussian_ratio_method(&g, 1);
}

double assay_rng_exponential(assay_rng *rng, double rate)
{
    assert(rate > 0);
    gsl_rng g = as_gsl(rng);
    return gsl_ran_exponential(&g, 1 / rate);
}

double assay_rng_gamma(assay_rng *rng, double shape, double scale)
{
    assert(shape > 0 && scale > 0);
    gsl_rng g = as_gsl(rng);
    return gsl_ran_gamma(&g, shape, scale);
}

double assay_rng_beta(assay_rng *rng, double a, double b)
{
    assert(a > 0 && b > 0);
    gsl_rng g = as_gsl(rng);
    return gsl_ran_beta(&g, a, b);
}

/*
 * While n is large, draw the i-th smallest of n uniforms, a Beta(i, n + 1 - i), and go on with the
 * side of it where p lies (Relles 1972). GSL's sampler squares distances from the mode in int,
 * which overflows 20 standard deviations out when n is beyond 2^24.
 */
uint64_t assay_rng_binomial(assay_rng *rng, uint64_t n, double p)
{
    assert(p >= 0 && p <= 1);
    uint64_t successes = 0;
    while (n > 1u << 24 && p > 0 && p < 1) {
        uint64_t i = n / 2 + 1;
        double x = assay_rng_beta(rng, (double)i, (double)(n + 1 - i));
        if (x > p) {
            n = i - 1;
            p /= x;
        } else {
            successes += i;
            n -= i;
            p = x < 1 ? (p - x) / (1 - x) : 0;
        }
    }
    if (p <= 0 || p >= 1)
        return p <= 0 ? successes : successes + n;
    gsl_rng g = as_gsl(rng);
    return successes + gsl_ran_binomial(&g, p, (unsigned)n);
}

/*
 * While the mean is large, draw the time of the m-th event, a Gamma(m): if it is after `mean`, the
 * m - 1 events before it are uniform up to it, else m events happened and the rest of the time
 * remains (Ahrens and Dieter 1974).
 */
uint64_t assay_rng_poisson(assay_rng *rng, double mean)
{
    assert(mean >= 0 && mean <= 0x1p62);
    uint64_t events = 0;
    while (mean > 0x1p20) {
        uint64_t m = (uint64_t)(mean * 0.875);
        double time = assay_rng_gamma(rng, (double)m, 1);
        if (time > mean)
            return events + assay_rng_binomial(rng, m - 1, mean / time);
        events += m;
        mean -= time;
    }
    gsl_rng g = as_gsl(rng);
    return events + (mean > 0 ? gsl_ran_poisson(&g, mean) : 0);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Draw one by one in exact integers. The distribution is symmetric in (good, draws) and
 * complements, so that the loop runs over the smallest of good, bad, draws and what is not drawn.
 */
uint64_t assay_rng_hypergeometric(assay_rng *rng, uint64_t good, uint64_t bad, uint64_t draws)
{
    uint64_t total = good + bad;
    assert(total >= good && draws <= total);
    if (smaller(good, bad) < smaller(draws, total - draws)) {
        uint64_t swap = good;
        good = draws;
        draws = swap;
    }
    uint64_t loops = smaller(draws, total - draws), left = good;
    for (uint64_t i = 0; i < loops && left > 0; i++)
        left -= assay_rng_below(rng, total - i) < left;
    return draws == loops ? good - left : left;
}

/* The sum of weights[i] / largest, which cannot overflow. */
static int check_weights(const double *weights, size_t n, double *largest, double *sum)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "categorical: there are no weights");
    *largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0) || isinf(weights[i]))
            return assay_fail(ASSAY_EINVAL,
                "categorical: weight %zu (from 0) must be finite and >= 0, got %g", i, weights[i]);
        *largest = fmax(*largest, weights[i]);
    }
    if (*largest == 0)
        return assay_fail(ASSAY_EINVAL, "categorical: all %zu weights are 0", n);
    *sum = 0;
    for (size_t i = 0; i < n; i++)
        *sum += weights[i] / *largest;
    return ASSAY_OK;
}

int assay_rng_categorical(assay_rng *rng, const double *weights, size_t n, size_t *index)
{
    double largest, sum;
    int status = check_weights(weights, n, &largest, &sum);
    if (status)
        return status;
    double left = assay_rng_uniform(rng) * sum;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] == 0)
            continue;
        *index = i; /* rounding may leave a remainder behind the last positive weight */
        left -= weights[i] / largest;
        if (left < 0)
            break;
    }
    return ASSAY_OK;
}

/* Vose's tables: column i keeps i with probability keep[i], else gives alias[i]. `queue` holds the
 * columns below the mean from its start and those above from its end. */
static void alias_tables(const double *weights, size_t size, double largest, double sum,
    double *keep, size_t *alias, size_t *queue)
{
    size_t small = 0, large = size;
    for (size_t i = 0; i < size; i++) {
        keep[i] = weights[i] / largest / sum * (double)size;
        alias[i] = i;
        queue[keep[i] < 1 ? small++ : --large] = i;
    }
    while (small > 0 && large < size) {
        size_t low = queue[--small], high = queue[large];
        alias[low] = high;
        keep[high] -= 1 - keep[low];
        if (keep[high] < 1) {
            large++;
            queue[small++] = high;
        }
    }
    /* What rounding left over is 1 but for rounding, if it may be drawn at all. */
    size_t heaviest = 0;
    for (size_t i = 1; i < size; i++)
        heaviest = weights[i] > weights[heaviest] ? i : heaviest;
    while (small > 0) {
        size_t i = queue[--small];
        keep[i] = weights[i] > 0;
        alias[i] = heaviest;
    }
    for (; large < size; large++)
        keep[queue[large]] = 1;
}

int assay_rng_categorical_many(
    assay_rng *rng, const double *weights, size_t size, size_t n, size_t *indices)
{
    double largest, sum;
    int status = check_weights(weights, size, &largest, &sum);
    if (status)
        return status;
    double *keep = calloc(size, sizeof *keep);
    size_t *alias = calloc(size, sizeof *alias);
    size_t *queue = calloc(size, sizeof *queue);
    if (!keep || !alias || !queue) {
        status = assay_fail(ASSAY_ENOMEM, "categorical: out of memory for %zu weights", size);
        goto cleanup;
    }
    alias_tables(weights, size, largest, sum, keep, alias, queue);
    for (size_t i = 0; i < n; i++) {
        size_t column = (size_t)assay_rng_below(rng, size);
        indices[i] = assay_rng_uniform(rng) < keep[column] ? column : alias[column];
    }
cleanup:
    free(keep);
    free(alias);
    free(queue);
    return status;
}

void assay_rng_fill_uniform(assay_rng *rng, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = assay_rng_uniform(rng);
}

void assay_rng_fill_normal(assay_rng *rng, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = assay_rng_normal(rng);
}

/* The first k places of a Fisher-Yates shuffle of x[0..n-1], from the front. */
static void shuffle_prefix(assay_rng *rng, size_t *x, size_t n, size_t k)
{
    for (size_t i = 0; i < k && i + 1 < n; i++) {
        size_t j = i + (size_t)assay_rng_below(rng, n - i);
        size_t swap = x[i];
        x[i] = x[j];
        x[j] = swap;
    }
}

void assay_rng_permutation(assay_rng *rng, size_t n, size_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = i;
    shuffle_prefix(rng, out, n, n);
}

static int sample_dense(assay_rng *rng, size_t n, size_t k, size_t *out)
{
    size_t *all = malloc(n * sizeof *all);
    if (!all)
        return assay_fail(ASSAY_ENOMEM, "sample: out of memory for %zu indices", n);
    for (size_t i = 0; i < n; i++)
        all[i] = i;
    shuffle_prefix(rng, all, n, k);
    memcpy(out, all, k * sizeof *out);
    free(all);
    return ASSAY_OK;
}

/* A set of sizes below SIZE_MAX, open addressing in a power of two of slots that never fills; a
 * slot holds its member plus 1. */
static bool insert(size_t *slots, unsigned bits, size_t member)
{
    size_t mask = ((size_t)1 << bits) - 1;
    size_t i = (size_t)(member * 0x9E3779B97F4A7C15u >> (64 - bits));
    while (slots[i] != 0 && slots[i] != member + 1)
        i = (i + 1) & mask;
    bool is_new = slots[i] == 0;
    slots[i] = member + 1;
    return is_new;
}

/* Floyd's subset (Bentley and Floyd 1987), which is uniform as a set but not in its order; hence
 * the shuffle. */
static int sample_sparse(assay_rng *rng, size_t n, size_t k, size_t *out)
{
    unsigned bits = 3;
    while ((size_t)1 << bits < 2 * k)
        bits++;
    size_t *slots = calloc((size_t)1 << bits, sizeof *slots);
    if (!slots)
        return assay_fail(ASSAY_ENOMEM, "sample: out of memory for %zu indices", k);
    for (size_t i = 0; i < k; i++) {
        size_t last = n - k + i;
        size_t j = (size_t)assay_rng_below(rng, last + 1);
        out[i] = insert(slots, bits, j) ? j : last;
        if (out[i] == last)
            insert(slots, bits, last);
    }
    free(slots);
    shuffle_prefix(rng, out, k, k);
    return ASSAY_OK;
}

int assay_rng_sample(assay_rng *rng, size_t n, size_t k, size_t *out)
{
    if (k > n)
        return assay_fail(
            ASSAY_EINVAL, "sample: k must be in 0..%zu (the number to draw from), got %zu", n, k);
    if (k == 0)
        return ASSAY_OK;
    return k > n / 8 ? sample_dense(rng, n, k, out) : sample_sparse(rng, n, k, out);
}
