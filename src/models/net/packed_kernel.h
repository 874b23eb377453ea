/*
 * The product of packed.h for one width of vectors; packed.c includes this once for each, with the
 * macros NAME, TARGET, WIDTH (numbers in a vector), ROWS (even; held at once, in ROWS x 2 vectors)
 * and MULTIPLY_ADD, which end here.
 */
typedef float NAME(vector) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float NAME(loose)
    __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

/* y (count rows of 2 WIDTH numbers, `down` apart) of x (rows `in` apart) and the panel's columns */
#define ROWS_OF(count)                                                                             \
    {                                                                                              \
        NAME(vector) sum[2 * (count)] = {{0}};                                                     \
        for (size_t p = 0; p < in; p++) {                                                          \
            const NAME(vector) left = *(const NAME(loose) *)(panel + p * ASSAY_PACKED_PANEL);      \
            const NAME(vector) right =                                                             \
                *(const NAME(loose) *)(panel + p * ASSAY_PACKED_PANEL + WIDTH);                    \
            _Pragma("GCC unroll 8") for (size_t i = 0; i < (count); i++)                           \
            {                                                                                      \
                const NAME(vector) one = x[i * in + p] - (NAME(vector)){0};                        \
                sum[2 * i] = MULTIPLY_ADD(one, left, sum[2 * i]);                                  \
                sum[2 * i + 1] = MULTIPLY_ADD(one, right, sum[2 * i + 1]);                         \
            }                                                                                      \
        }                                                                                          \
        _Pragma("GCC unroll 16") for (size_t i = 0; i < 2 * (count); i++) *                        \
            (NAME(loose) *)(y + i / 2 * down + i % 2 * WIDTH) = sum[i] + bias[i % 2];              \
        x += (count)*in;                                                                           \
        y += (count)*down;                                                                         \
        rows -= (count);                                                                           \
    }

/* All rows by 2 WIDTH outputs; `offset` has their biases. */
TARGET static void NAME(columns)(const float *panel, size_t in, const float *x, size_t rows,
    const float *offset, float *y, size_t down)
{
    const NAME(vector)
        bias[2] = {*(const NAME(loose) *)offset, *(const NAME(loose) *)(offset + WIDTH)};
    while (rows >= ROWS)
        ROWS_OF(ROWS)
    if (rows >= ROWS / 2)
        ROWS_OF(ROWS / 2)
    while (rows > 0)
        ROWS_OF(1)
}

TARGET static void NAME(multiply)(
    const assay_packed *packed, const float *x, size_t rows, const float *bias, float *y)
{
    for (size_t first = 0; first < packed->out; first += ASSAY_PACKED_PANEL) {
        const size_t used =
            packed->out - first < ASSAY_PACKED_PANEL ? packed->out - first : ASSAY_PACKED_PANEL;
        float offset[ASSAY_PACKED_PANEL] = {0};
        if (bias)
            memcpy(offset, bias + first, used * sizeof *offset);
        for (size_t c = 0; c < used; c += 2 * WIDTH) {
            const float *const panel = packed->panels + first * packed->in + c;
            if (used - c >= 2 * WIDTH) {
                NAME(columns)(panel, packed->in, x, rows, offset + c, y + first + c, packed->out);
                continue;
            }
            for (size_t r = 0; r < rows; r++) { /* fewer outputs than the vectors have */
                float out[2 * WIDTH];
                NAME(columns)(panel, packed->in, x + r * packed->in, 1, offset + c, out, 0);
                memcpy(y + r * packed->out + first + c, out, (used - c) * sizeof *out);
            }
        }
    }
}

#undef ROWS_OF
#undef NAME
#undef TARGET
#undef WIDTH
#undef ROWS
#undef MULTIPLY_ADD
