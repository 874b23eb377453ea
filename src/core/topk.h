/* The k largest of n values. */
#ifndef ASSAY_CORE_TOPK_H
#define ASSAY_CORE_TOPK_H

#include <stddef.h>

/* Indices of the k largest values, largest first; equal values keep the order of their indices.
 * O(n log k), no allocation. ASSAY_EINVAL for k > n or a NaN. */
int assay_topk(const double *x, size_t n, size_t k, size_t *index);

#endif
