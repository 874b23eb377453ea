/* The kernels of neighbours at every width that this processor has, against plain loops. */
#include "core/panel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/distance.h"
#include "core/kdtree.h"
#include "core/rng.h"

static const size_t widths[] = {4, 8, 16};

enum { MOST_COLS = 37, QUERIES = 2 * ASSAY_PANEL_QUERIES };

static void compares_as_a_loop(void **state)
{
    (void)state;
    float query[QUERIES * MOST_COLS], rows[ASSAY_PANEL * MOST_COLS];
    float panel[ASSAY_PANEL * MOST_COLS], norm[ASSAY_PANEL], most[QUERIES];
    uint32_t near[QUERIES];
    assay_rng rng = assay_rng_seed(1);
    for (size_t cols = 1; cols <= MOST_COLS; cols += 4)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            for (size_t i = 0; i < QUERIES * cols; i++)
                query[i] = (float)(int)assay_rng_below(&rng, 9) - 4; /* sums are exact */
            for (size_t i = 0; i < ASSAY_PANEL * cols; i++)
                rows[i] = (float)(int)assay_rng_below(&rng, 9) - 4;
            for (size_t l = 0; l < ASSAY_PANEL; l++)
                norm[l] = l == 30 ? INFINITY : (float)l;
            for (size_t i = 0; i < QUERIES; i++)
                most[i] = i == 1 ? -INFINITY : i == 2 ? INFINITY : (float)i;
            assay_panel_pack(rows, 31, cols, -2, panel);
            assay_panel_kernels_for(widths[w])->compare(
                query, QUERIES, cols, panel, norm, most, near);
            for (size_t i = 0; i < QUERIES; i++)
                for (size_t l = 0; l < ASSAY_PANEL; l++) {
                    float sum = norm[l];
                    for (size_t c = 0; c < cols && l < 31; c++)
                        sum -= 2 * query[i * cols + c] * rows[l * cols + c];
                    assert_int_equal(near[i] >> l & 1, sum <= most[i]);
                }
        }
}

static void measures_as_a_loop(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (size_t count = 1; count <= ASSAY_PANEL; count++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            const size_t cols = 1 + count % 5;
            assay_matrix x;
            assay_kdtree *tree;
            double point[5], worst[ASSAY_PANEL], squared[ASSAY_PANEL];
            assert_int_equal(assay_matrix_alloc(count, cols, &x), 0);
            for (size_t i = 0; i < count * cols; i++)
                x.data[i] = assay_rng_normal(&rng);
            for (size_t c = 0; c < cols; c++)
                point[c] = 2 * assay_rng_normal(&rng);
            for (size_t i = 0; i < ASSAY_PANEL; i++)
                worst[i] = 3 * assay_rng_uniform(&rng);
            assert_int_equal(assay_kdtree_new(&x, ASSAY_PANEL, &tree), 0);
            const assay_panel_kernels *kernels = assay_panel_kernels_for(widths[w]);
            const double most =
                assay_squared_distance(point, assay_matrix_row(&x, tree->order[count / 2]), cols);
            uint32_t near = kernels->leaf(tree->points, count, cols, point, most, squared);
            assert_int_equal((uint64_t)near >> count, 0);
            for (size_t i = 0; i < count; i++) {
                const double *row = assay_matrix_row(&x, tree->order[i]);
                assert_true(squared[i] == assay_squared_distance(point, row, cols));
                assert_int_equal(near >> i & 1, squared[i] <= most);
            }
            double box[10];
            for (size_t c = 0; c < cols; c++) {
                box[c] = point[c];
                box[cols + c] = point[c] + 0.5;
            }
            near = kernels->reach(tree->points, count, cols, box, worst);
            assert_int_equal((uint64_t)near >> count, 0);
            for (size_t i = 0; i < count; i++) {
                const double *row = assay_matrix_row(&x, tree->order[i]);
                double sum = 0;
                for (size_t c = 0; c < cols; c++) {
                    const double gap = fmax(fmax(box[c] - row[c], row[c] - box[cols + c]), 0);
                    sum += gap * gap;
                }
                assert_int_equal(near >> i & 1, sum <= worst[i]);
            }
            assay_kdtree_free(tree);
            assay_matrix_free(&x);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_as_a_loop),
        cmocka_unit_test(measures_as_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
