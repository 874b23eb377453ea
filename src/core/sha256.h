/* SHA-256 (FIPS 180-4): names content by its digest; here nothing is secret. */
#ifndef ASSAY_CORE_SHA256_H
#define ASSAY_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { ASSAY_SHA256_SIZE = 32, ASSAY_SHA256_HEX = 65 /* with the terminating zero */ };

typedef struct assay_sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes so far */
    unsigned char block[64];
} assay_sha256;

void assay_sha256_init(assay_sha256 *sha);
void assay_sha256_update(assay_sha256 *sha, const void *data, size_t size);
void assay_sha256_final(assay_sha256 *sha, unsigned char digest[ASSAY_SHA256_SIZE]);

/* The same as 64 lower-case hexadecimal digits. */
void assay_sha256_final_hex(assay_sha256 *sha, char hex[ASSAY_SHA256_HEX]);
void assay_sha256_hex(const void *data, size_t size, char hex[ASSAY_SHA256_HEX]);

#endif
