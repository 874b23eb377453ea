/*
 * The kernels of panel.h for one width of vectors; panel.c includes this once for each, with the
 * macros NAME, TARGET, WIDTH (floats in a vector), ROWS (queries at once, in ROWS x 2 vectors),
 * MULTIPLY_ADD, BITS and BITS2 (where a vector of floats, of doubles, is at most another, as bits)
 * and LARGER (of doubles), which end here.
 */
typedef float NAME(floats) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float NAME(packed) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));
typedef double NAME(doubles) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef double NAME(loose)
    __attribute__((vector_size(WIDTH * sizeof(float)), aligned(8), may_alias));

TARGET static void NAME(compare)(const float *query, size_t count, size_t cols, const float *panel,
    const float *norm, const float *most, uint32_t *near)
{
    for (size_t i = 0; i < count; i++)
        near[i] = 0;
    for (size_t at = 0; at < ASSAY_PANEL; at += 2 * WIDTH) {
        const NAME(floats) norms[2] = {
            *(const NAME(packed) *)(norm + at), *(const NAME(packed) *)(norm + at + WIDTH)};
        for (size_t first = 0; first < count; first += ROWS) {
            const float *x = query + first * cols;
            NAME(floats) sum[ROWS][2];
            _Pragma("GCC unroll 16") for (size_t i = 0; i < ROWS; i++)
            {
                sum[i][0] = norms[0];
                sum[i][1] = norms[1];
            }
            for (size_t c = 0; c < cols; c++) {
                const NAME(floats) left = *(const NAME(packed) *)(panel + c * ASSAY_PANEL + at);
                const NAME(floats) right =
                    *(const NAME(packed) *)(panel + c * ASSAY_PANEL + at + WIDTH);
                _Pragma("GCC unroll 16") for (size_t i = 0; i < ROWS; i++)
                {
                    const NAME(floats) one = x[i * cols + c] - (NAME(floats)){0};
                    sum[i][0] = MULTIPLY_ADD(one, left, sum[i][0]);
                    sum[i][1] = MULTIPLY_ADD(one, right, sum[i][1]);
                }
            }
            _Pragma("GCC unroll 16") for (size_t i = 0; i < ROWS; i++)
            {
                const NAME(floats) limit = most[first + i] - (NAME(floats)){0};
                near[first + i] |= (BITS(sum[i][0], limit) | BITS(sum[i][1], limit) << WIDTH) << at;
            }
        }
    }
}

TARGET static uint32_t NAME(leaf)(const double *points, size_t count, size_t cols,
    const double *point, double most, double *squared)
{
    const NAME(doubles) limit = most - (NAME(doubles)){0};
    uint32_t near = 0;
    for (size_t at = 0; at < count; at += WIDTH / 2) {
        NAME(doubles) sum = {0};
        for (size_t c = 0; c < cols; c++) {
            const NAME(doubles) gap = point[c] - *(const NAME(loose) *)(points + c * count + at);
            sum += gap * gap;
        }
        *(NAME(loose) *)(squared + at) = sum;
        near |= BITS2(sum, limit) << at;
    }
    return near & (0xffffffffu >> (ASSAY_PANEL - count));
}

TARGET static uint32_t NAME(reach)(const double *points, size_t count, size_t cols,
    const double *box, const double *most)
{
    const NAME(doubles) zero = {0};
    uint32_t near = 0;
    for (size_t at = 0; at < count; at += WIDTH / 2) {
        NAME(doubles) sum = zero;
        for (size_t c = 0; c < cols; c++) {
            const NAME(doubles) point = *(const NAME(loose) *)(points + c * count + at);
            const NAME(doubles) below = box[c] - point, above = point - box[cols + c];
            const NAME(doubles) gap = LARGER(LARGER(below, above), zero);
            sum += gap * gap;
        }
        near |= BITS2(sum, *(const NAME(loose) *)(most + at)) << at;
    }
    return near & (0xffffffffu >> (ASSAY_PANEL - count));
}

static const assay_panel_kernels NAME(kernels) = {NAME(compare), NAME(leaf), NAME(reach)};

#undef NAME
#undef TARGET
#undef WIDTH
#undef ROWS
#undef MULTIPLY_ADD
#undef BITS
#undef BITS2
#undef LARGER
