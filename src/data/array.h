/*
 * Dense arrays of numbers as files hold them: any rank, row-major (the last position varies fastest).
 * Elements stay in the file's type, in this machine's byte order, so that nothing is rounded and a
 * set of images takes a byte a pixel; whoever computes asks for doubles or floats.
 */
#ifndef ASSAY_DATA_ARRAY_H
#define ASSAY_DATA_ARRAY_H

#include <stddef.h>

enum { ASSAY_ARRAY_MAX_RANK = 16 };

typedef enum assay_element {
    ASSAY_BOOL, /* one byte, 0 or 1 */
    ASSAY_U8,
    ASSAY_I8,
    ASSAY_U16,
    ASSAY_I16,
    ASSAY_U32,
    ASSAY_I32,
    ASSAY_U64,
    ASSAY_I64,
    ASSAY_F32,
    ASSAY_F64
} assay_element;

typedef struct assay_array {
    assay_element type;
    size_t rank; /* 0: one number */
    size_t shape[ASSAY_ARRAY_MAX_RANK];
    void *data; /* assay_array_count elements */
} assay_array;

size_t assay_element_size(assay_element type);
const char *assay_element_name(assay_element type); /* "u8", "f64", ... */
/* The type by name; ASSAY_ENOTFOUND with those there are. */
int assay_element_find(const char *name, assay_element *type);

/* Zeroed. ASSAY_EINVAL for a rank above ASSAY_ARRAY_MAX_RANK, ASSAY_ENOMEM when it doesn't fit. */
int assay_array_alloc(assay_element type, size_t rank, const size_t *shape, assay_array *out);
void assay_array_free(assay_array *array); /* one that is all zero is fine */

size_t assay_array_count(const assay_array *array); /* elements */

/* Element i, row-major. */
double assay_array_at(const assay_array *array, size_t i);

/* All elements into out[count]. ASSAY_EINVAL when an integer is beyond 2^53 (doubles), or a number
 * of an integer type beyond 2^24 (floats), which the type asked for does not hold; f64 to float
 * rounds. */
int assay_array_doubles(const assay_array *array, double *out);
int assay_array_floats(const assay_array *array, float *out);

/* Element i of the array := x. ASSAY_EINVAL when the array's type does not hold x (300 or 0.5 in
 * u8); f32 rounds. */
int assay_array_set(assay_array *array, size_t i, double x);

#endif
