/* k-means against plain Lloyd iterations in double precision, against the best of all partitions,
 * and against published values. */
#include "core/kmeans.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/status.h"

static double distance(const assay_matrix *a, size_t i, const assay_matrix *b, size_t j)
{
    double sum = 0;
    for (size_t c = 0; c < a->cols; c++) {
        const double gap = *assay_matrix_at(a, i, c) - *assay_matrix_at(b, j, c);
        sum += gap * gap;
    }
    return sum;
}

/* No cluster may become empty. */
static size_t plain_lloyd(
    const assay_matrix *x, assay_matrix *centres, size_t most, size_t *label, double *inertia)
{
    const size_t k = centres->rows;
    size_t iterations = 0;
    memset(label, 0xff, x->rows * sizeof *label);
    while (iterations < most) {
        bool same = true;
        for (size_t i = 0; i < x->rows; i++) {
            size_t best = 0;
            for (size_t c = 1; c < k; c++)
                if (distance(x, i, centres, c) < distance(x, i, centres, best))
                    best = c;
            same = same && best == label[i];
            label[i] = best;
        }
        if (same)
            break;
        for (size_t c = 0; c < k; c++)
            for (size_t j = 0; j < x->cols; j++) {
                double sum = 0, count = 0;
                for (size_t i = 0; i < x->rows; i++)
                    if (label[i] == c) {
                        sum += *assay_matrix_at(x, i, j);
                        count++;
                    }
                assert_true(count > 0);
                *assay_matrix_at(centres, c, j) = sum / count;
            }
        iterations++;
    }
    *inertia = 0;
    for (size_t i = 0; i < x->rows; i++)
        *inertia += distance(x, i, centres, label[i]);
    return iterations;
}

static assay_matrix draw(assay_rng *rng, size_t rows, size_t cols, double offset)
{
    assay_matrix m;
    assert_int_equal(assay_matrix_alloc(rows, cols, &m), ASSAY_OK);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            *assay_matrix_at(&m, i, j) =
                offset + assay_rng_normal(rng) + 3 * (double)((i * (j + 3)) % 5);
    return m;
}

static void first_rows(const assay_matrix *x, assay_matrix *centres)
{
    for (size_t c = 0; c < centres->rows; c++)
        memcpy(assay_matrix_row(centres, c), assay_matrix_row(x, c), x->cols * sizeof(double));
}

static void equals_plain_iterations(void **state)
{
    (void)state;
    const size_t ks[] = {1, 2, 7, 16, 33};
    for (size_t round = 0; round < 10; round++) {
        assay_rng rng = assay_rng_seed(round);
        const size_t n = 700, k = ks[round % 5], d = 1 + round;
        assay_matrix x = draw(&rng, n, d, round % 2 ? 1e6 : 0), expected, centres;
        assert_int_equal(assay_matrix_alloc(k, d, &expected), ASSAY_OK);
        assert_int_equal(assay_matrix_alloc(k, d, &centres), ASSAY_OK);
        size_t *label = malloc(n * sizeof *label), *labels = malloc(n * sizeof *labels);
        for (size_t most = 1; most <= 64; most *= 4) {
            first_rows(&x, &expected);
            first_rows(&x, &centres);
            double inertia;
            const size_t iterations = plain_lloyd(&x, &expected, most, labels, &inertia);
            struct assay_kmeans_result result;
            const struct assay_kmeans_options o = {.max_iterations = most};
            assert_int_equal(assay_kmeans_lloyd(&x, &o, &centres, label, NULL, &result), ASSAY_OK);
            assert_memory_equal(label, labels, n * sizeof *label);
            assert_int_equal(result.iterations, iterations);
            assert_int_equal(result.converged, iterations < most);
            assert_true(fabs(result.inertia / inertia - 1) < 1e-9);
        }
        free(label);
        free(labels);
        assay_matrix_free(&x);
        assay_matrix_free(&expected);
        assay_matrix_free(&centres);
    }
}

static void same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    enum { N = 3001, D = 5, K = 20 };
    assay_rng rng = assay_rng_seed(11);
    assay_matrix x = draw(&rng, N, D, 0), centres[3];
    size_t *label[3];
    struct assay_kmeans_result result[3] = {{0}};
    for (size_t t = 0; t < 3; t++) {
        const size_t threads[] = {1, 2, 7};
        assay_threads *pool;
        assert_int_equal(assay_threads_new(threads[t], &pool), ASSAY_OK);
        const struct assay_kmeans_options o = {.pool = pool, .restarts = 3};
        assay_rng draws = assay_rng_seed(5);
        label[t] = malloc(N * sizeof *label[t]);
        assert_int_equal(assay_matrix_alloc(K, D, &centres[t]), ASSAY_OK);
        assert_int_equal(
            assay_kmeans(&x, &o, &draws, &centres[t], label[t], NULL, &result[t]), ASSAY_OK);
        assert_memory_equal(label[t], label[0], N * sizeof *label[t]);
        assert_memory_equal(centres[t].data, centres[0].data, K * D * sizeof(double));
        assert_true(result[t].inertia == result[0].inertia);
        assay_threads_free(pool);
    }
    for (size_t t = 0; t < 3; t++) {
        free(label[t]);
        assay_matrix_free(&centres[t]);
    }
    assay_matrix_free(&x);
}

static void fifty_restarts_find_the_best_partition(void **state)
{
    (void)state;
    enum { N = 8, K = 3, ALL = 6561 };
    size_t found = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assay_rng rng = assay_rng_seed(seed);
        double x[2 * N], c[2 * K], best = INFINITY;
        for (size_t i = 0; i < 2 * N; i++)
            x[i] = assay_rng_normal(&rng);
        for (size_t code = 0; code < ALL; code++) {
            double sum[K][2] = {{0}}, count[K] = {0}, inertia = 0;
            for (size_t i = 0, rest = code; i < N; i++, rest /= 3) {
                sum[rest % 3][0] += x[2 * i];
                sum[rest % 3][1] += x[2 * i + 1];
                count[rest % 3]++;
            }
            for (size_t i = 0, rest = code; i < N; i++, rest /= 3) {
                const double a = x[2 * i] - sum[rest % 3][0] / count[rest % 3];
                const double b = x[2 * i + 1] - sum[rest % 3][1] / count[rest % 3];
                inertia += a * a + b * b;
            }
            best = fmin(best, inertia);
        }
        const assay_matrix points = assay_matrix_view(x, N, 2);
        assay_matrix centres = assay_matrix_view(c, K, 2);
        size_t label[N];
        double squared[N], sum = 0;
        struct assay_kmeans_result result;
        const struct assay_kmeans_options o = {.restarts = 50};
        assert_int_equal(
            assay_kmeans(&points, &o, &rng, &centres, label, squared, &result), ASSAY_OK);
        assert_true(result.inertia > best - 1e-12);
        found += result.inertia < best + 1e-12;
        for (size_t i = 0; i < N; i++)
            sum += squared[i];
        assert_true(fabs(sum - result.inertia) < 1e-12);
    }
    assert_true(found >= 18); /* some optima are reached from no three of the points */
}

/* Ten points in three groups; the values are those of an independent implementation. */
static double ten[] = {-0.508, -0.139, 0.342, 0.252, -0.242, -0.284, -0.331, 0.057, 3.375, 3.007,
    3.277, 3.126, 3.602, 2.197, -3.852, 2.921, -2.745, 2.836, -2.83, 2.531};

static void reference_values(void **state)
{
    (void)state;
    const assay_matrix x = assay_matrix_view(ten, 10, 2);
    size_t index[4], label[10];
    assert_int_equal(assay_kmeans_pp(&x, 4, (double[]){0.55, 0.2, 0.9, 0.4}, index), ASSAY_OK);
    assert_memory_equal(index, ((size_t[]){5, 2, 9, 6}), sizeof index);
    double start[6];
    memcpy(start, ten, sizeof start);
    assay_matrix centres = assay_matrix_view(start, 3, 2);
    struct assay_kmeans_result result;
    assert_int_equal(assay_kmeans_lloyd(&x, NULL, &centres, label, NULL, &result), ASSAY_OK);
    assert_memory_equal(label, ((size_t[]){2, 2, 2, 2, 1, 1, 1, 0, 0, 0}), sizeof label);
    assert_true(fabs(result.inertia - 1.97995975) < 1e-9);
}

static void empty_clusters(void **state)
{
    (void)state;
    double x[] = {0, 1, 2, 10, 11, 30};
    const assay_matrix points = assay_matrix_view(x, 6, 1);
    size_t label[6];
    struct assay_kmeans_result result;
    /* nothing is nearest to 1000: 30, the farthest from its centre, goes there */
    double start[] = {1, 10.5, 1000}, kept[] = {1, 10.5, 1000};
    assay_matrix centres = assay_matrix_view(start, 3, 1), others = assay_matrix_view(kept, 3, 1);
    assert_int_equal(assay_kmeans_lloyd(&points, NULL, &centres, label, NULL, &result), ASSAY_OK);
    assert_memory_equal(label, ((size_t[]){0, 0, 0, 1, 1, 2}), sizeof label);
    assert_true(start[0] == 1 && start[1] == 10.5 && start[2] == 30 && result.converged);
    const struct assay_kmeans_options keep = {.keep_empty = true};
    assert_int_equal(assay_kmeans_lloyd(&points, &keep, &others, label, NULL, &result), ASSAY_OK);
    assert_memory_equal(label, ((size_t[]){0, 0, 0, 1, 1, 1}), sizeof label);
    assert_true(kept[1] == 17 && kept[2] == 1000 && result.converged);
}

static void copies_of_one_point(void **state)
{
    (void)state;
    double x[10] = {0}, c[3], draws[] = {0.5, 0, 0.99};
    const assay_matrix points = assay_matrix_view(x, 10, 1);
    assay_matrix centres = assay_matrix_view(c, 3, 1);
    size_t index[3], label[10], count[3] = {0};
    assert_int_equal(assay_kmeans_pp(&points, 3, draws, index), ASSAY_OK);
    assert_memory_equal(index, ((size_t[]){5, 0, 1}), sizeof index);
    assay_rng rng = assay_rng_seed(1);
    struct assay_kmeans_result result;
    assert_int_equal(assay_kmeans(&points, NULL, &rng, &centres, label, NULL, &result), ASSAY_OK);
    for (size_t i = 0; i < 10; i++)
        count[label[i]]++;
    assert_true(count[0] && count[1] && count[2] && result.inertia == 0);
}

static void bad_input(void **state)
{
    (void)state;
    double x[] = {0, 1, 2, NAN}, c[8] = {0};
    const assay_matrix points = assay_matrix_view(x, 3, 1), nan = assay_matrix_view(x, 4, 1);
    const assay_matrix none = assay_matrix_view(x, 0, 1);
    assay_matrix four = assay_matrix_view(c, 4, 1), wide = assay_matrix_view(c, 2, 2);
    assay_matrix two = assay_matrix_view(c, 2, 1);
    size_t label[4];
    struct assay_kmeans_result result;
    const struct {
        const assay_matrix *x;
        assay_matrix *centres;
        const char *words;
    } cases[] = {{&points, &four, "k must be in 1..3 (rows), got 4"},
        {&points, &wide, "must have the 1 columns of x, got 2"},
        {&nan, &two, "x must be finite, row 4, column 1 is nan"},
        {&none, &two, "must have rows and columns, got 0 x 1"}};
    assay_rng rng = assay_rng_seed(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            assay_kmeans_lloyd(cases[i].x, NULL, cases[i].centres, label, NULL, &result),
            ASSAY_EINVAL);
        assert_non_null(strstr(assay_errmsg(), cases[i].words));
        assert_int_equal(
            assay_kmeans(cases[i].x, NULL, &rng, cases[i].centres, label, NULL, &result),
            ASSAY_EINVAL);
        assert_non_null(strstr(assay_errmsg(), cases[i].words));
    }
    c[1] = INFINITY;
    assert_int_equal(assay_kmeans_lloyd(&points, NULL, &two, label, NULL, &result), ASSAY_EINVAL);
    assert_non_null(strstr(assay_errmsg(), "centres must be finite, row 2, column 1 is inf"));
    assert_int_equal(assay_kmeans_pp(&points, 2, (double[]){0, 1}, label), ASSAY_EINVAL);
    assert_non_null(strstr(assay_errmsg(), "draws must be in [0, 1), draw 2 is 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_plain_iterations),
        cmocka_unit_test(same_bits_at_any_number_of_threads),
        cmocka_unit_test(fifty_restarts_find_the_best_partition),
        cmocka_unit_test(reference_values),
        cmocka_unit_test(empty_clusters),
        cmocka_unit_test(copies_of_one_point),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests_name("kmeans", tests, NULL, NULL);
}
