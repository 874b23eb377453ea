/* Top-k against a full stable sort, over many arrays with many ties. */
#include "core/topk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "core/status.h"

/* Insertion sort of the indices, largest value first; equal values keep their order. */
static void sort_all(const double *x, size_t n, size_t *index)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && x[index[at - 1]] < x[i]; at--)
            index[at] = index[at - 1];
        index[at] = i;
    }
}

static void equals_the_head_of_a_stable_sort(void **state)
{
    (void)state;
    enum { LARGEST = 40 };
    assay_rng rng = assay_rng_seed(1);
    for (int round = 0; round < 5000; round++) {
        double x[LARGEST];
        size_t n = 1 + (size_t)assay_rng_below(&rng, LARGEST);
        size_t k = (size_t)assay_rng_below(&rng, n + 1), values = 1 + n / 3;
        size_t sorted[LARGEST], top[LARGEST];
        for (size_t i = 0; i < n; i++)
            x[i] = (double)assay_rng_below(&rng, values);
        sort_all(x, n, sorted);
        assert_int_equal(assay_topk(x, n, k, top), ASSAY_OK);
        assert_memory_equal(top, sorted, k * sizeof *top);
    }
}

static void ranks_infinities_and_zeros(void **state)
{
    (void)state;
    const double x[] = {-INFINITY, 0.0, INFINITY, -0.0, INFINITY};
    const size_t expected[] = {2, 4, 1, 3, 0};
    size_t top[5];
    assert_int_equal(assay_topk(x, 5, 5, top), ASSAY_OK);
    assert_memory_equal(top, expected, sizeof top);
}

static void refuses_nan_and_too_many(void **state)
{
    (void)state;
    const double x[] = {1, NAN};
    size_t top[3];
    assert_int_equal(assay_topk(x, 2, 1, top), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "topk: value 1 (from 0) is NaN");
    assert_int_equal(assay_topk(x, 1, 2, top), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "topk: k must be in 0..1, got 2");
    assert_int_equal(assay_topk(NULL, 0, 0, NULL), ASSAY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_head_of_a_stable_sort),
        cmocka_unit_test(ranks_infinities_and_zeros),
        cmocka_unit_test(refuses_nan_and_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
