/* Neighbours against a full sort of all distances, over data with ties, copies and offsets. */
#include "core/neighbours.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/kdtree.h"
#include "core/rng.h"
#include "core/status.h"

struct pair {
    double squared;
    size_t row;
};

static int compare(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->squared != y->squared)
        return x->squared < y->squared ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void by_sorting(const assay_matrix *query, const assay_matrix *data, size_t k,
    bool exclude_self, size_t *index, double *squared)
{
    struct pair *all = malloc(data->rows * sizeof *all);
    assert_non_null(all);
    for (size_t i = 0; i < query->rows; i++) {
        size_t n = 0;
        for (size_t r = 0; r < data->rows; r++) {
            if (exclude_self && r == i)
                continue;
            double sum = 0;
            for (size_t j = 0; j < data->cols; j++) {
                const double gap = *assay_matrix_at(query, i, j) - *assay_matrix_at(data, r, j);
                sum += gap * gap;
            }
            all[n++] = (struct pair){sum, r};
        }
        qsort(all, n, sizeof *all, compare);
        for (size_t j = 0; j < k; j++) {
            index[i * k + j] = all[j].row;
            squared[i * k + j] = all[j].squared;
        }
    }
    free(all);
}

enum kind { INTEGERS, SPREAD, FAR, COPIES, TINY, KINDS };

static double number(enum kind kind, assay_rng *rng, size_t row, size_t col)
{
    switch (kind) {
    case INTEGERS: /* many ties */
        return (double)assay_rng_below(rng, 5);
    case FAR: /* clusters far from one another and from 0 */
        return 1e8 * (double)(1 + row % 3) + assay_rng_uniform(rng);
    case COPIES:
        return (double)((row % 7) * (col + 1)) * 0.1;
    case TINY:
        return 1e-200 * assay_rng_uniform(rng);
    default:
        return assay_rng_normal(rng) * (double)(col + 1);
    }
}

static assay_matrix fill(enum kind kind, assay_rng *rng, size_t rows, size_t cols)
{
    assay_matrix m;
    assert_int_equal(assay_matrix_alloc(rows, cols, &m), ASSAY_OK);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            *assay_matrix_at(&m, i, j) = number(kind, rng, i, j);
    return m;
}

static void equals(const assay_matrix *query, const assay_matrix *data, size_t k, bool exclude_self)
{
    const size_t n = query->rows * k;
    size_t *expected = malloc(n * sizeof *expected), *index = malloc(n * sizeof *index);
    double *distances = malloc(n * sizeof *distances), *squared = malloc(n * sizeof *squared);
    assert_true(expected && index && distances && squared);
    by_sorting(query, data, k, exclude_self, expected, distances);
    const assay_neighbours_method methods[] = {
        ASSAY_NEIGHBOURS_AUTO, ASSAY_NEIGHBOURS_BLOCKS, ASSAY_NEIGHBOURS_TREE};
    const size_t threads[] = {1, 2, 8};
    for (size_t m = 0; m < 3; m++)
        for (size_t t = 0; t < 3; t++) {
            assay_threads *pool;
            assert_int_equal(assay_threads_new(threads[t], &pool), ASSAY_OK);
            const struct assay_neighbours_options o = {
                .method = methods[m], .exclude_self = exclude_self, .pool = pool};
            assert_int_equal(assay_neighbours(query, data, k, &o, index, squared), ASSAY_OK);
            assert_memory_equal(index, expected, n * sizeof *index);
            assert_memory_equal(squared, distances, n * sizeof *squared);
            assay_threads_free(pool);
        }
    free(expected);
    free(index);
    free(distances);
    free(squared);
}

static void equals_sorting(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    const size_t cols[] = {1, 3, 9, 30};
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t c = 0; c < 4; c++) {
            assay_matrix data = fill(kind, &rng, 301, cols[c]);
            assay_matrix query = fill(kind, &rng, 140, cols[c]);
            equals(&query, &data, 4, false);
            equals(&data, &data, 7, true);
            equals(&query, &data, 48, false); /* the largest list in order, and the smallest heap */
            equals(&query, &data, 49, false);
            assay_matrix_free(&data);
            assay_matrix_free(&query);
        }
}

static void every_size(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (size_t rows = 1; rows < 70; rows += 4) {
        assay_matrix data = fill(INTEGERS, &rng, rows, 2);
        equals(&data, &data, rows, false);
        if (rows > 1)
            equals(&data, &data, rows - 1, true);
        assay_matrix_free(&data);
    }
}

/* A window of a larger matrix. */
static void strides(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(3);
    assay_matrix whole = fill(SPREAD, &rng, 90, 9), part;
    assert_int_equal(assay_matrix_sub(&whole, 5, 80, 2, 4, &part), ASSAY_OK);
    equals(&part, &part, 3, true);
    assay_matrix_free(&whole);
}

static void tree_holds_every_row_once(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(4);
    assay_matrix data = fill(INTEGERS, &rng, 500, 3);
    assay_kdtree *tree;
    assert_int_equal(assay_kdtree_new(&data, 5, &tree), ASSAY_OK);
    int seen[500] = {0};
    for (size_t i = 0; i < tree->nodes; i++) {
        const assay_kdtree_node *node = &tree->node[i];
        for (size_t r = node->first; r < node->first + node->count; r++) {
            assert_true(assay_kdtree_box(tree, i, assay_matrix_row(&data, tree->order[r])) == 0);
            seen[tree->order[r]] += node->left == 0;
        }
        assert_true(node->left != 0 || node->count <= 5);
    }
    for (size_t r = 0; r < 500; r++)
        assert_int_equal(seen[r], 1);
    assay_kdtree_free(tree);
    assay_matrix_free(&data);
}

static int stop(void *context, double done, double total)
{
    (void)total;
    (void)context;
    return done > 0;
}

static void refuses(const assay_matrix *query, const assay_matrix *data, size_t k,
    const struct assay_neighbours_options *o, int expected, const char *words)
{
    size_t index[64];
    assert_int_equal(assay_neighbours(query, data, k, o, index, NULL), expected);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" lacks \"%s\"", assay_errmsg(), words);
}

static void bad_input(void **state)
{
    (void)state;
    double x[] = {0, 1, 2, 3, 4, 5};
    const assay_matrix data = assay_matrix_view(x, 3, 2), other = assay_matrix_view(x, 2, 3);
    const assay_matrix one = assay_matrix_view(x, 1, 2), none = assay_matrix_view(x, 0, 2);
    const struct assay_neighbours_options others = {.exclude_self = true};
    refuses(&data, &data, 0, NULL, ASSAY_EINVAL, "k must be in 1..3, got 0");
    refuses(&data, &data, 4, NULL, ASSAY_EINVAL, "k must be in 1..3, got 4");
    refuses(&data, &data, 3, &others, ASSAY_EINVAL, "k must be in 1..2, got 3");
    refuses(&data, &none, 1, NULL, ASSAY_EINVAL, "k must be in 1..0, got 1");
    refuses(&other, &data, 1, NULL, ASSAY_EINVAL, "same columns, got 3 and 2");
    refuses(&one, &data, 1, &others, ASSAY_EINVAL, "query must be the data, got 1 rows and 3");
    double bad[] = {0, 1, NAN, 3};
    const assay_matrix nan = assay_matrix_view(bad, 2, 2);
    refuses(&data, &nan, 1, NULL, ASSAY_EINVAL, "data must be finite, row 2, column 1 is nan");
    refuses(&nan, &data, 1, NULL, ASSAY_EINVAL, "query must be finite, row 2, column 1 is nan");
}

static void can_be_stopped(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(5);
    assay_matrix data = fill(SPREAD, &rng, 20000, 2);
    const assay_progress progress = {stop, NULL};
    const struct assay_neighbours_options o = {.progress = &progress};
    size_t *index = malloc(data.rows * sizeof *index);
    assert_int_equal(assay_neighbours(&data, &data, 1, &o, index, NULL), ASSAY_ECANCELLED);
    free(index);
    assay_matrix_free(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_sorting),
        cmocka_unit_test(every_size),
        cmocka_unit_test(strides),
        cmocka_unit_test(tree_holds_every_row_once),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(can_be_stopped),
    };
    return cmocka_run_group_tests_name("neighbours", tests, NULL, NULL);
}
