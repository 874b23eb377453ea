/*
 * Weights laid out for products with few rows, as sampling with a cache of keys and values has
 * them: one row a sequence, many times over with the same weights. BLAS would lay them out anew in
 * each product, for matrices larger than these. Each number of a product is one sum over the
 * columns in ascending order, fused or not as the processor has it, so that a row's bits do not
 * depend on the other rows.
 */
#ifndef ASSAY_MODELS_NET_PACKED_H
#define ASSAY_MODELS_NET_PACKED_H

#include <stddef.h>

enum { ASSAY_PACKED_PANEL = 32 };

typedef struct assay_packed {
    const float *w; /* where they came from [out, in]; only compared */
    size_t out, in;
    float *panels; /* [ceil(out / ASSAY_PACKED_PANEL)][in][ASSAY_PACKED_PANEL], zeros beyond out */
} assay_packed;

/* Of w [out, in]. ASSAY_ENOMEM. */
int assay_packed_make(const float *w, size_t out, size_t in, assay_packed *packed);
void assay_packed_free(assay_packed *packed);

/* y [rows, out] = x [rows, in] w^T + bias [out] (NULL: none) */
typedef void assay_packed_multiply_with(
    const assay_packed *packed, const float *x, size_t rows, const float *bias, float *y);
assay_packed_multiply_with assay_packed_multiply;

/* By vectors of at most `width` numbers (16, 8 or fewer) that the processor has. */
assay_packed_multiply_with *assay_packed_multiply_for(size_t width);

#endif
