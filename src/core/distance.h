/* The squared Euclidean distance, in the order that all of core counts on: dimension by dimension. */
#ifndef ASSAY_CORE_DISTANCE_H
#define ASSAY_CORE_DISTANCE_H

#include <stddef.h>

static inline double assay_squared_distance(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        const double gap = a[j] - b[j];
        sum += gap * gap;
    }
    return sum;
}

#endif
