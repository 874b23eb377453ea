/*
 * Kernels of neighbours; see panel.h. panel_kernel.h has the code, once for each width of vectors;
 * the choice is made where the program runs.
 */
#include "core/panel.h"

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define WIDTH 16
#define ROWS 12
#define MULTIPLY_ADD(a, b, c) ((NAME(floats))_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define BITS(a, b) ((uint32_t)_mm512_cmp_ps_mask((__m512)(a), (__m512)(b), _CMP_LE_OQ))
#define BITS2(a, b) ((uint32_t)_mm512_cmp_pd_mask((__m512d)(a), (__m512d)(b), _CMP_LE_OQ))
#define LARGER(a, b) ((NAME(doubles))_mm512_max_pd((__m512d)(a), (__m512d)(b)))
#include "core/panel_kernel.h"

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define ROWS 6
#define MULTIPLY_ADD(a, b, c) ((NAME(floats))_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define BITS(a, b)                                                                                 \
    ((uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)(a), (__m256)(b), _CMP_LE_OQ)))
#define BITS2(a, b)                                                                                \
    ((uint32_t)_mm256_movemask_pd(_mm256_cmp_pd((__m256d)(a), (__m256d)(b), _CMP_LE_OQ)))
#define LARGER(a, b) ((NAME(doubles))_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#include "core/panel_kernel.h"
#endif

#define NAME(x) x##_any
#define TARGET
#define WIDTH 4
#define ROWS 6
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define BITS(a, b)                                                                                 \
    ((uint32_t)((a)[0] <= (b)[0]) | (uint32_t)((a)[1] <= (b)[1]) << 1 |                            \
        (uint32_t)((a)[2] <= (b)[2]) << 2 | (uint32_t)((a)[3] <= (b)[3]) << 3)
#define BITS2(a, b) ((uint32_t)((a)[0] <= (b)[0]) | (uint32_t)((a)[1] <= (b)[1]) << 1)
#define LARGER(a, b)                                                                               \
    ((NAME(doubles)){(a)[0] > (b)[0] ? (a)[0] : (b)[0], (a)[1] > (b)[1] ? (a)[1] : (b)[1]})
#include "core/panel_kernel.h"

const assay_panel_kernels *assay_panel_kernels_for(size_t width)
{
#if defined __x86_64__ && defined __GNUC__
    __builtin_cpu_init();
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (width >= 16 && avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &kernels_avx512;
    if (width >= 8 && avx2)
        return &kernels_avx2;
#else
    (void)width;
#endif
    return &kernels_any;
}

void assay_panel_pack(const float *rows, size_t n, size_t cols, float factor, float *panels)
{
    for (size_t first = 0; first < n; first += ASSAY_PANEL, panels += cols * ASSAY_PANEL)
        for (size_t c = 0; c < cols; c++)
            for (size_t l = 0; l < ASSAY_PANEL; l++)
                panels[c * ASSAY_PANEL + l] =
                    first + l < n ? factor * rows[(first + l) * cols + c] : 0;
}
