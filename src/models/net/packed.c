/* See packed.h. packed_kernel.h has the product, once for each width of vectors; the choice is made
 * where the program runs. */
#include "models/net/packed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define WIDTH 16
#define ROWS 8
#define MULTIPLY_ADD(a, b, c) ((NAME(vector))_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#include "models/net/packed_kernel.h"

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define ROWS 6
#define MULTIPLY_ADD(a, b, c) ((NAME(vector))_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#include "models/net/packed_kernel.h"
#endif

#define NAME(x) x##_any
#define TARGET
#define WIDTH 4
#define ROWS 4
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#include "models/net/packed_kernel.h"

assay_packed_multiply_with *assay_packed_multiply_for(size_t width)
{
#if defined __x86_64__ && defined __GNUC__
    __builtin_cpu_init();
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (width >= 16 && avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return multiply_avx512;
    if (width >= 8 && avx2)
        return multiply_avx2;
#else
    (void)width;
#endif
    return multiply_any;
}

void assay_packed_multiply(
    const assay_packed *packed, const float *x, size_t rows, const float *bias, float *y)
{
    assay_packed_multiply_for(SIZE_MAX)(packed, x, rows, bias, y);
}

int assay_packed_make(const float *w, size_t out, size_t in, assay_packed *packed)
{
    const size_t panels = (out + ASSAY_PACKED_PANEL - 1) / ASSAY_PACKED_PANEL;
    *packed = (assay_packed){.w = w, .out = out, .in = in};
    packed->panels =
        aligned_alloc(64, panels * (in + !in) * ASSAY_PACKED_PANEL * sizeof *packed->panels + 64);
    if (!packed->panels)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu x %zu weights", out, in);
    for (size_t i = 0; i < panels * ASSAY_PACKED_PANEL; i++) {
        float *const panel = packed->panels + i / ASSAY_PACKED_PANEL * in * ASSAY_PACKED_PANEL;
        for (size_t p = 0; p < in; p++)
            panel[p * ASSAY_PACKED_PANEL + i % ASSAY_PACKED_PANEL] = i < out ? w[i * in + p] : 0;
    }
    return ASSAY_OK;
}

void assay_packed_free(assay_packed *packed)
{
    free(packed->panels);
    packed->panels = NULL;
}
