/* SHA-256 as in FIPS 180-4, sections 4.1.2 (functions), 4.2.2 (constants), 5.1.1 (padding) and
 * 6.2.2 (the hash). Names are those of the standard. */
#include "core/sha256.h"

#include <string.h>

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
/* clang-format off */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void schedule(const unsigned char *block, uint32_t W[64])
{
    for (int t = 0; t < 16; t++)
        W[t] = load(block + 4 * t);
    for (int t = 16; t < 64; t++) {
        uint32_t x = W[t - 15], y = W[t - 2];
        uint32_t s0 = rotr(x, 7) ^ rotr(x, 18) ^ x >> 3;
        uint32_t s1 = rotr(y, 17) ^ rotr(y, 19) ^ y >> 10;
        W[t] = s1 + W[t - 7] + s0 + W[t - 16];
    }
}

static void compress(uint32_t state[8], const unsigned char *block)
{
    uint32_t W[64], v[8]; /* v: the working variables a..h */
    schedule(block, W);
    memcpy(v, state, sizeof v);
    for (int t = 0; t < 64; t++) {
        uint32_t a = v[0], e = v[4];
        uint32_t S1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
        uint32_t S0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
        uint32_t Ch = (e & v[5]) ^ (~e & v[6]);
        uint32_t Maj = (a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]);
        uint32_t T1 = v[7] + S1 + Ch + K[t] + W[t], T2 = S0 + Maj;
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += T1;
        v[0] = T1 + T2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

void assay_sha256_init(assay_sha256 *sha)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
        0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sha->state, start, sizeof start);
    sha->size = 0;
}

void assay_sha256_update(assay_sha256 *sha, const void *data, size_t size)
{
    const unsigned char *from = data;
    size_t used = (size_t)(sha->size % sizeof sha->block);
    sha->size += size;
    while (size > 0) {
        size_t part = sizeof sha->block - used < size ? sizeof sha->block - used : size;
        memcpy(sha->block + used, from, part);
        from += part;
        size -= part;
        used += part;
        if (used == sizeof sha->block) {
            compress(sha->state, sha->block);
            used = 0;
        }
    }
}

void assay_sha256_final(assay_sha256 *sha, unsigned char digest[ASSAY_SHA256_SIZE])
{
    static const unsigned char padding[64] = {0x80};
    unsigned char length[8];
    uint64_t bits = sha->size * 8;
    size_t used = (size_t)(sha->size % 64);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    assay_sha256_update(sha, padding, used < 56 ? 56 - used : 120 - used);
    assay_sha256_update(sha, length, sizeof length);
    for (int i = 0; i < ASSAY_SHA256_SIZE; i++)
        digest[i] = (unsigned char)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

void assay_sha256_final_hex(assay_sha256 *sha, char hex[ASSAY_SHA256_HEX])
{
    unsigned char digest[ASSAY_SHA256_SIZE];
    assay_sha256_final(sha, digest);
    for (int i = 0; i < ASSAY_SHA256_SIZE; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * ASSAY_SHA256_SIZE] = '\0';
}

void assay_sha256_hex(const void *data, size_t size, char hex[ASSAY_SHA256_HEX])
{
    assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_update(&sha, data, size);
    assay_sha256_final_hex(&sha, hex);
}
