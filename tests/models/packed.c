/* Products with weights that are laid out once: against sums in double, at every width of vectors;
 * the bits of a row are the same in any batch and at any width that fuses. */
#include "models/net/packed.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "core/status.h"

enum { MOST_ROWS = 21, MOST_OUT = 130, MOST_IN = 70 };

static float w[MOST_OUT * MOST_IN], x[MOST_ROWS * MOST_IN], bias[MOST_OUT];

static void fill(assay_rng *rng, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)assay_rng_normal(rng);
}

/* Numbers behind y stay, and each is within the rounding of in + 1 sums. */
static void assert_product(
    const assay_packed *packed, size_t width, size_t rows, const float *added, float *y)
{
    const size_t out = packed->out, in = packed->in;
    y[rows * out] = 77;
    assay_packed_multiply_for(width)(packed, x, rows, added, y);
    assert_true(y[rows * out] == 77);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < out; o++) {
            double sum = added ? (double)added[o] : 0, size = fabs(sum);
            for (size_t p = 0; p < in; p++) {
                const double term = (double)x[r * in + p] * (double)w[o * in + p];
                sum += term;
                size += fabs(term);
            }
            if (!(fabs((double)y[r * out + o] - sum) <= (double)(in + 1) * FLT_EPSILON * size))
                fail_msg("%zu x %zu x %zu, width %zu: row %zu, output %zu is %.9g, not %.9g", rows,
                    out, in, width, r, o, (double)y[r * out + o], sum);
        }
}

static void products_are_those_of_doubles(void **state)
{
    (void)state;
    static const size_t widths[] = {16, 8, 4}, outs[] = {1, 7, 16, 31, 32, 33, 64, 100, 130},
                        ins[] = {1, 3, 48, 70};
    static float y[MOST_ROWS * MOST_OUT + 1];
    assay_rng rng = assay_rng_seed(3);
    fill(&rng, w, MOST_OUT * MOST_IN);
    fill(&rng, x, MOST_ROWS * MOST_IN);
    fill(&rng, bias, MOST_OUT);
    for (size_t o = 0; o < sizeof outs / sizeof *outs; o++)
        for (size_t i = 0; i < sizeof ins / sizeof *ins; i++) {
            assay_packed packed;
            assert_int_equal(assay_packed_make(w, outs[o], ins[i], &packed), ASSAY_OK);
            for (size_t rows = 0; rows <= MOST_ROWS; rows++)
                for (size_t k = 0; k < 3; k++)
                    assert_product(&packed, widths[k], rows, rows % 2 ? bias : NULL, y);
            assay_packed_free(&packed);
        }
}

static void bits_are_a_rows_own(void **state)
{
    (void)state;
    static float all[MOST_ROWS * MOST_OUT], one[MOST_OUT], other[MOST_ROWS * MOST_OUT];
    assay_rng rng = assay_rng_seed(4);
    assay_packed packed;
    fill(&rng, w, MOST_OUT * MOST_IN);
    fill(&rng, x, MOST_ROWS * MOST_IN);
    assert_int_equal(assay_packed_make(w, MOST_OUT, MOST_IN, &packed), ASSAY_OK);
    for (size_t width = 4; width <= 16; width *= 2) {
        assay_packed_multiply_with *const multiply = assay_packed_multiply_for(width);
        multiply(&packed, x, MOST_ROWS, bias, all);
        for (size_t r = 0; r < MOST_ROWS; r++) {
            multiply(&packed, x + r * MOST_IN, 1, bias, one);
            assert_memory_equal(one, all + r * MOST_OUT, sizeof one);
        }
        if (width == 16) {
            assay_packed_multiply_for(8)(&packed, x, MOST_ROWS, bias, other);
            assert_memory_equal(other, all, sizeof all);
        }
    }
    assay_packed_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_doubles),
        cmocka_unit_test(bits_are_a_rows_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
