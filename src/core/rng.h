/*
 * The one source of randomness: Philox4x32-10 of Random123 (Salmon et al., SC 2011), counter-based,
 * so that a stream is a value: copying the struct copies the stream, and no draw depends on any
 * other stream.
 *
 * A stream is named by 128 bits, the 64-bit Philox key and the upper 64 bits of its counter; the
 * lower 64 bits count blocks of four 32-bit words. A child's 128 bits are Threefry4x32-20 of the
 * parent's 128 bits and the child's id: another function than the one that generates, so that no
 * child's name appears among its parent's output.
 */
#ifndef ASSAY_CORE_RNG_H
#define ASSAY_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct assay_rng {
    uint32_t key[2];
    uint32_t nonce[2];
    uint64_t block;    /* the next block to generate */
    uint32_t word[4];  /* the current block */
    unsigned position; /* words of it already used, 4: none left */
} assay_rng;

/* The root stream of a seed. */
assay_rng assay_rng_seed(uint64_t seed);

/* Independent children; the parent is not advanced. Equal (parent, id) gives the equal child; an id
 * and a name never give the same child. */
assay_rng assay_rng_split(const assay_rng *rng, uint64_t id);
assay_rng assay_rng_split_name(const assay_rng *rng, const char *name);

uint32_t assay_rng_u32(assay_rng *rng);
uint64_t assay_rng_u64(assay_rng *rng);

/* Uniform in [0, bound) without bias (Lemire 2019); bound >= 1. */
uint64_t assay_rng_below(assay_rng *rng, uint64_t bound);

/* Uniform in [0, 1) with 53 random bits; the _open form lies in (0, 1), with 52. */
double assay_rng_uniform(assay_rng *rng);
double assay_rng_uniform_open(assay_rng *rng);

/* Distributions (GSL's samplers over this stream). Parameters out of their range give
 * ASSAY_EINVAL through the checked forms of the Lua layer; here they are the caller's duty and
 * asserted. */
double assay_rng_normal(assay_rng *rng);                                /* mean 0, variance 1 */
double assay_rng_exponential(assay_rng *rng, double rate);              /* rate > 0 */
double assay_rng_gamma(assay_rng *rng, double shape, double scale);     /* both > 0 */
double assay_rng_beta(assay_rng *rng, double a, double b);              /* both > 0 */
uint64_t assay_rng_binomial(assay_rng *rng, uint64_t n, double p);      /* 0 <= p <= 1 */
uint64_t assay_rng_poisson(assay_rng *rng, double mean);                /* 0 <= mean <= 2^62 */
/* successes among `draws` <= good + bad < 2^64 without replacement, in O(the smallest of good, bad,
 * draws and what is not drawn) time */
uint64_t assay_rng_hypergeometric(assay_rng *rng, uint64_t good, uint64_t bad, uint64_t draws);

/* An index in 0..n-1 with probability weights[i] / sum. ASSAY_EINVAL for n = 0, a negative or
 * non-finite weight, or a sum of 0. */
int assay_rng_categorical(assay_rng *rng, const double *weights, size_t n, size_t *index);

/* n independent draws of the above by Walker's alias method: O(size + n). */
int assay_rng_categorical_many(
    assay_rng *rng, const double *weights, size_t size, size_t n, size_t *indices);

void assay_rng_fill_uniform(assay_rng *rng, double *out, size_t n);
void assay_rng_fill_normal(assay_rng *rng, double *out, size_t n);

/* A uniform permutation of 0..n-1 (Fisher-Yates). */
void assay_rng_permutation(assay_rng *rng, size_t n, size_t *out);

/* k of 0..n-1 without replacement, in random order: every k-sequence is equally likely.
 * ASSAY_EINVAL for k > n. O(k) time and memory (Floyd) when k is much smaller than n. */
int assay_rng_sample(assay_rng *rng, size_t n, size_t k, size_t *out);

#endif
