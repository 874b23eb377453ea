/* Farthest points against the plain loop over all rows, on clouds, lattices with ties and copies;
 * and against the best of all choices. */
#include "core/fps.h"

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

static double distance(const assay_matrix *p, size_t a, size_t b)
{
    double sum = 0;
    for (size_t j = 0; j < p->cols; j++) {
        const double gap = *assay_matrix_at(p, a, j) - *assay_matrix_at(p, b, j);
        sum += gap * gap;
    }
    return sum;
}

static void plain_loop(const assay_matrix *p, size_t m, size_t start, const unsigned char *keep,
    size_t *index, double *radius)
{
    double *nearest = malloc(p->rows * sizeof *nearest);
    assert_non_null(nearest);
    for (size_t i = 0; i < p->rows; i++)
        nearest[i] = keep && !keep[i] ? -2 : INFINITY;
    for (size_t c = 0, row = start; c < m; c++) {
        index[c] = row;
        for (size_t i = 0; i < p->rows; i++)
            if (nearest[i] >= 0)
                nearest[i] = fmin(nearest[i], distance(p, i, index[c]));
        nearest[row] = -1;
        row = SIZE_MAX;
        for (size_t i = 0; i < p->rows; i++)
            if (nearest[i] >= 0 && (row == SIZE_MAX || nearest[i] > nearest[row]))
                row = i;
        radius[c] = row == SIZE_MAX ? 0 : sqrt(nearest[row]);
    }
    free(nearest);
}

static void equals(const assay_matrix *p, size_t m, size_t start, const unsigned char *keep)
{
    size_t *expected = malloc(m * sizeof *expected), *index = malloc(m * sizeof *index);
    double *radii = malloc(m * sizeof *radii), *radius = malloc(m * sizeof *radius);
    assert_true(expected && index && radii && radius);
    plain_loop(p, m, start, keep, expected, radii);
    assert_int_equal(assay_fps(p, m, start, keep, NULL, index, radius), ASSAY_OK);
    assert_memory_equal(index, expected, m * sizeof *index);
    assert_memory_equal(radius, radii, m * sizeof *radius);
    for (size_t i = 1; i < m; i++)
        assert_true(radius[i] <= radius[i - 1]);
    free(expected);
    free(index);
    free(radii);
    free(radius);
}

static void clouds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        assay_rng rng = assay_rng_seed(seed);
        const size_t rows = 20 + (size_t)assay_rng_below(&rng, 1500);
        const size_t cols = 1 + (size_t)assay_rng_below(&rng, 4);
        assay_matrix p;
        assert_int_equal(assay_matrix_alloc(rows, cols, &p), ASSAY_OK);
        unsigned char *keep = malloc(rows);
        for (size_t i = 0; i < rows; i++) {
            keep[i] = assay_rng_below(&rng, 4) > 0;
            for (size_t j = 0; j < cols; j++)
                *assay_matrix_at(&p, i, j) = assay_rng_normal(&rng);
        }
        keep[rows / 2] = 1;
        equals(&p, rows / 3, (size_t)assay_rng_below(&rng, rows), NULL);
        equals(&p, rows / 3, rows / 2, keep);
        equals(&p, rows, 0, NULL);
        free(keep);
        assay_matrix_free(&p);
    }
}

static void lattices_with_copies(void **state)
{
    (void)state;
    for (size_t side = 1; side <= 6; side++) {
        const size_t rows = 2 * side * side * side;
        assay_matrix p;
        assert_int_equal(assay_matrix_alloc(rows, 3, &p), ASSAY_OK);
        for (size_t i = 0; i < rows; i++) {
            const size_t c = i * 5 % (rows / 2); /* every point comes twice, in no order */
            *assay_matrix_at(&p, i, 0) = (double)(c % side);
            *assay_matrix_at(&p, i, 1) = (double)(c / side % side);
            *assay_matrix_at(&p, i, 2) = (double)(c / side / side);
        }
        equals(&p, rows, rows - 1, NULL);
        assay_matrix_free(&p);
    }
}

/* The covering radius is at most twice the least possible (Gonzalez 1985). */
static void twice_the_optimum(void **state)
{
    (void)state;
    enum { N = 9 };
    for (uint64_t seed = 1; seed <= 30; seed++) {
        assay_rng rng = assay_rng_seed(seed);
        double x[2 * N], radius[3], least = INFINITY;
        size_t index[3];
        for (size_t i = 0; i < 2 * N; i++)
            x[i] = assay_rng_uniform(&rng);
        const assay_matrix p = assay_matrix_view(x, N, 2);
        for (size_t a = 0; a < N; a++)
            for (size_t b = a; b < N; b++)
                for (size_t c = b; c < N; c++) {
                    double worst = 0;
                    for (size_t i = 0; i < N; i++)
                        worst = fmax(worst,
                            fmin(distance(&p, i, a), fmin(distance(&p, i, b), distance(&p, i, c))));
                    least = fmin(least, sqrt(worst));
                }
        assert_int_equal(assay_fps(&p, 3, 0, NULL, NULL, index, radius), ASSAY_OK);
        assert_true(radius[2] <= 2 * least && radius[2] >= least);
    }
}

static int stop(void *context, double done, double total)
{
    (void)context;
    (void)total;
    return done > 0;
}

static void bad_input(void **state)
{
    (void)state;
    double x[] = {0, 0, 1, 0, 2, INFINITY};
    const assay_matrix two = assay_matrix_view(x, 2, 2), three = assay_matrix_view(x, 3, 2);
    const unsigned char keep[] = {1, 0};
    size_t index[3];
    const struct {
        const assay_matrix *p;
        size_t m, start;
        const unsigned char *keep;
        const char *words;
    } cases[] = {{&two, 0, 0, NULL, "m must be in 1..2 (points), got 0"},
        {&two, 3, 0, NULL, "m must be in 1..2 (points), got 3"},
        {&two, 1, 2, NULL, "start must be in 1..2 (points), got 3"},
        {&two, 2, 0, keep, "m must be in 1..1 (points that are kept), got 2"},
        {&two, 1, 1, keep, "start must be a point that is kept, got 2"},
        {&three, 1, 0, NULL, "points must be finite, row 3, column 2 is inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            assay_fps(cases[i].p, cases[i].m, cases[i].start, cases[i].keep, NULL, index, NULL),
            ASSAY_EINVAL);
        if (!strstr(assay_errmsg(), cases[i].words))
            fail_msg("\"%s\" lacks \"%s\"", assay_errmsg(), cases[i].words);
    }
}

static void can_be_stopped(void **state)
{
    (void)state;
    double x[400];
    size_t index[400];
    for (size_t i = 0; i < 400; i++)
        x[i] = (double)i;
    const assay_matrix p = assay_matrix_view(x, 400, 1);
    const assay_progress progress = {stop, NULL};
    assert_int_equal(assay_fps(&p, 400, 0, NULL, &progress, index, NULL), ASSAY_ECANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clouds),
        cmocka_unit_test(lattices_with_copies),
        cmocka_unit_test(twice_the_optimum),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(can_be_stopped),
    };
    return cmocka_run_group_tests_name("fps", tests, NULL, NULL);
}
