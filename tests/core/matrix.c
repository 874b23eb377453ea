/* Matrices: zeroed and sized when allocated, parts that share memory, copies between strides. */
#include "core/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/status.h"

static void fill(assay_matrix *m)
{
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++)
            *assay_matrix_at(m, i, j) = (double)(10 * i + j);
}

static void allocates_zeros(void **state)
{
    (void)state;
    assay_matrix m;
    assert_int_equal(assay_matrix_alloc(3, 4, &m), ASSAY_OK);
    assert_int_equal(m.rows, 3);
    assert_int_equal(m.cols, 4);
    assert_int_equal(m.stride, 4);
    for (size_t i = 0; i < 12; i++)
        assert_true(m.data[i] == 0);
    assay_matrix_free(&m);
    assert_null(m.data);
    assay_matrix_free(&m);
    assay_matrix_free(NULL);
}

static void takes_empty_shapes(void **state)
{
    (void)state;
    const size_t shapes[][2] = {{0, 0}, {0, 5}, {5, 0}};
    for (int i = 0; i < 3; i++) {
        assay_matrix m, part;
        assert_int_equal(assay_matrix_alloc(shapes[i][0], shapes[i][1], &m), ASSAY_OK);
        assert_non_null(m.data);
        assert_int_equal(assay_matrix_sub(&m, 0, m.rows, 0, m.cols, &part), ASSAY_OK);
        assert_int_equal(assay_matrix_copy(&m, &part), ASSAY_OK);
        assay_matrix_free(&m);
    }
}

static void refuses_what_memory_cannot_hold(void **state)
{
    (void)state;
    assay_matrix m;
    assert_int_equal(assay_matrix_alloc(SIZE_MAX / 8, 3, &m), ASSAY_ENOMEM);
    assert_null(m.data);
    assert_int_equal(assay_matrix_alloc((size_t)1 << 32, (size_t)1 << 32, &m), ASSAY_ENOMEM);
}

static void a_part_shares_the_memory(void **state)
{
    (void)state;
    assay_matrix m, part, inner;
    assert_int_equal(assay_matrix_alloc(4, 5, &m), ASSAY_OK);
    fill(&m);
    assert_int_equal(assay_matrix_sub(&m, 1, 3, 2, 2, &part), ASSAY_OK);
    assert_int_equal(part.stride, 5);
    assert_true(*assay_matrix_at(&part, 0, 0) == 12);
    assert_true(*assay_matrix_at(&part, 2, 1) == 33);
    assert_int_equal(assay_matrix_sub(&part, 1, 1, 1, 1, &inner), ASSAY_OK);
    *assay_matrix_at(&inner, 0, 0) = -1;
    assert_true(*assay_matrix_at(&m, 2, 3) == -1);
    assay_matrix_free(&m);
}

static void a_part_stays_inside(void **state)
{
    (void)state;
    double data[6] = {0};
    assay_matrix m = assay_matrix_view(data, 2, 3), part;
    assert_int_equal(assay_matrix_sub(&m, 1, 2, 0, 3, &part), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "2 rows from row 1 (from 0) leave a matrix of 2 rows");
    assert_int_equal(assay_matrix_sub(&m, 0, 2, 2, 2, &part), ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "2 columns from column 2 (from 0) leave a matrix of 3 columns");
    assert_int_equal(assay_matrix_sub(&m, 3, 0, 0, 3, &part), ASSAY_EINVAL);
    assert_int_equal(assay_matrix_sub(&m, 1, SIZE_MAX, 0, 1, &part), ASSAY_EINVAL);
    assert_int_equal(assay_matrix_sub(&m, 2, 0, 0, 3, &part), ASSAY_OK);
    assert_int_equal(part.rows, 0);
}

static void copies_between_strides(void **state)
{
    (void)state;
    double data[4] = {1, 2, 3, 4};
    assay_matrix from = assay_matrix_view(data, 2, 2), to, whole;
    assert_int_equal(assay_matrix_alloc(3, 4, &whole), ASSAY_OK);
    assert_int_equal(assay_matrix_sub(&whole, 1, 2, 1, 2, &to), ASSAY_OK);
    assert_int_equal(assay_matrix_copy(&from, &to), ASSAY_OK);
    const double expected[12] = {0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0};
    assert_memory_equal(whole.data, expected, sizeof expected);
    assert_int_equal(assay_matrix_copy(&from, &whole), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "cannot copy a matrix of 2 x 2 to one of 3 x 4");
    assay_matrix_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates_zeros),
        cmocka_unit_test(takes_empty_shapes),
        cmocka_unit_test(refuses_what_memory_cannot_hold),
        cmocka_unit_test(a_part_shares_the_memory),
        cmocka_unit_test(a_part_stays_inside),
        cmocka_unit_test(copies_between_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
