/* Byte order of arrays in place. From and to are the same thing. */
#ifndef ASSAY_DATA_SWAP_H
#define ASSAY_DATA_SWAP_H

#include <stdbool.h>
#include <stddef.h>

static inline bool assay_is_little_endian(void)
{
    const unsigned short one = 1;
    return *(const unsigned char *)&one == 1;
}

static inline void assay_swap_bytes(void *data, size_t count, size_t size)
{
    unsigned char *p = data;
    for (size_t i = 0; i < count && size > 1; i++, p += size)
        for (size_t j = 0; j < size / 2; j++) {
            unsigned char byte = p[j];
            p[j] = p[size - 1 - j];
            p[size - 1 - j] = byte;
        }
}

static inline void assay_from_big_endian(void *data, size_t count, size_t size)
{
    if (assay_is_little_endian())
        assay_swap_bytes(data, count, size);
}

static inline void assay_from_little_endian(void *data, size_t count, size_t size)
{
    if (!assay_is_little_endian())
        assay_swap_bytes(data, count, size);
}

#endif
