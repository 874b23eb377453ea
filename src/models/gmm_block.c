/*
 * Kernels of mixtures; see gmm_block.h. BLAS is at its best in products larger than a component of
 * 16 dimensions and a block need, and the C library takes one exponential at a time. gmm_kernel.h
 * has the code, once for each width of vectors; the choice is made where the program runs, so that
 * it needs no more of the processor than the rest of the library.
 */
#include "models/gmm_block.h"

#include <math.h>

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define WIDTH 8
#define ROWS 8
#define MULTIPLY_ADD(a, b, c)                                                                      \
    ((NAME(vector))_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#include "models/gmm_kernel.h"

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 4
#define ROWS 4
#define MULTIPLY_ADD(a, b, c)                                                                      \
    ((NAME(vector))_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#include "models/gmm_kernel.h"
#endif

#define NAME(x) x##_any
#define TARGET
#define WIDTH 2
#define ROWS 4
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#include "models/gmm_kernel.h"

const assay_gmm_kernels *assay_gmm_kernels_for(size_t width)
{
#if defined __x86_64__ && defined __GNUC__
    __builtin_cpu_init();
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (width >= 8 && avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &kernels_avx512;
    if (width >= 4 && avx2)
        return &kernels_avx2;
#else
    (void)width;
#endif
    return &kernels_any;
}
