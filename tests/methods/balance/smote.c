/* The tools of balancing below Lua: areas and ranks against counting pairs, neighbours in the whole
 * set with more equal rows than neighbours, safe gaps at their ends, pruning's estimates of the
 * textbook. */
#include "methods/balance/smote.h"

#include "../check.h"
#include "core/roc.h"
#include "models/tree.h"

/* The share of pairs that are in order, ties as a half. */
static void auc_counts_pairs(void **state)
{
    (void)state;
    enum { N = 60 };
    assay_rng rng = assay_rng_seed(3);
    double score[N], won = 0, pairs = 0, auc = 0;
    unsigned char label[N];
    for (size_t i = 0; i < N; i++) {
        score[i] = (double)assay_rng_below(&rng, 12);
        label[i] = i % 3 == 0;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            if (label[i] && !label[j]) {
                won += score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
                pairs++;
            }
    ok(assay_roc_auc(score, label, N, &auc));
    close_to(auc, won / pairs, 1e-14);
}

/* Seven equal rows: the neighbours of the last are the lowest of the others. */
static void equal_rows_are_neighbours(void **state)
{
    (void)state;
    double x[9] = {0, 0, 0, 0, 0, 0, 0, 5, 6};
    const size_t y[9] = {0, 0, 1, 1, 1, 1, 1, 0, 0}, row[3] = {0, 2, 6};
    const assay_matrix X = assay_matrix_view(x, 9, 1);
    size_t foreign[3];
    ok(assay_foreign_neighbours(&X, y, row, 3, 3, NULL, NULL, foreign));
    assert_int_equal(foreign[0], 2); /* 1, 2, 3 */
    assert_int_equal(foreign[1], 2); /* 0, 1, 3 */
    assert_int_equal(foreign[2], 2); /* 0, 1, 2 */
}

static void safe_gaps_end_where_they_should(void **state)
{
    (void)state;
    double gap = -1;
    assert_false(assay_safe_gap(0, 0, 0.5, &gap));
    assert_true(assay_safe_gap(3, 0, 0.5, &gap));
    close_to(gap, 0, 0);
    assert_true(assay_safe_gap(2, 2, 0.25, &gap));
    close_to(gap, 0.25, 0);
    assert_true(assay_safe_gap(4, 2, 1, &gap)); /* ratio 2: [0, 1/2] */
    close_to(gap, 0.5, 1e-15);
    assert_true(assay_safe_gap(1, 4, 0, &gap)); /* ratio 1/4: [3/4, 1] */
    close_to(gap, 0.75, 1e-15);
    assert_true(assay_safe_gap(1, 4, 1, &gap));
    close_to(gap, 1, 1e-15);
}

/* Upper limits at 25 percent (Quinlan 1993): 0.206 of 6, 0.143 of 9, 0.750 of 1, 0.157 of 16
 * with 1. */
static void added_errors_are_those_of_the_book(void **state)
{
    (void)state;
    static const double n[] = {6, 9, 1, 16}, e[] = {0, 0, 0, 1},
                        limit[] = {0.206, 0.143, 0.750, 0.157};
    for (int i = 0; i < 4; i++) {
        double more = 0;
        ok(assay_c45_add_errors(n[i], e[i], 0.25, &more));
        close_to((more + e[i]) / n[i], limit[i], 5e-4);
    }
    double more = 0;
    refuses(assay_c45_add_errors(4, 5, 0.25, &more), "errors must be in 0..n = 4, got 5");
}

/* Any pool gives the same plan. */
static void threads_do_not_change_a_plan(void **state)
{
    (void)state;
    enum { N = 400 };
    assay_rng rng = assay_rng_seed(8);
    double x[N * 3];
    size_t y[N];
    for (size_t i = 0; i < N; i++)
        y[i] = i % 10 == 0;
    for (size_t i = 0; i < N * 3; i++)
        x[i] = (double)assay_rng_below(&rng, 9); /* ties */
    const assay_matrix X = assay_matrix_view(x, N, 3);
    assay_smote_options o = assay_smote_defaults();
    o.amount_kind = ASSAY_AMOUNT_ROWS;
    o.amount = 5000;
    assay_synthetic one, many;
    assay_rng a = assay_rng_seed(1);
    ok(assay_smote(&X, y, &o, &a, &one));
    for (size_t threads = 2; threads <= 8; threads *= 4) {
        assay_rng b = assay_rng_seed(1);
        ok(assay_threads_new(threads, &o.pool));
        ok(assay_smote(&X, y, &o, &b, &many));
        assert_int_equal(many.rows, 5000);
        assert_memory_equal(one.base, many.base, 5000 * sizeof *one.base);
        assert_memory_equal(one.partner, many.partner, 5000 * sizeof *one.partner);
        assert_memory_equal(one.gap, many.gap, 5000 * sizeof *one.gap);
        assay_synthetic_free(&many);
        assay_threads_free(o.pool);
    }
    assay_synthetic_free(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auc_counts_pairs),
        cmocka_unit_test(equal_rows_are_neighbours),
        cmocka_unit_test(safe_gaps_end_where_they_should),
        cmocka_unit_test(added_errors_are_those_of_the_book),
        cmocka_unit_test(threads_do_not_change_a_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
