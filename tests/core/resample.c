/* Drawing with replacement: exact positions, frequencies, and the ends of the range. */
#include "core/resample.h"

#include "../methods/check.h"

static void draws_fall_where_the_cumulative_sum_says(void **state)
{
    (void)state;
    const double w[] = {0, 1, 0, 2, 1, 0},
                 draws[] = {0, 0.2499, 0.25, 0.7499, 0.75, 0.9999999999999999};
    const size_t wanted[] = {1, 1, 3, 3, 4, 4};
    size_t index[6];
    ok(assay_resample(w, 6, 6, ASSAY_RESAMPLE_MULTINOMIAL, draws, index));
    assert_memory_equal(index, wanted, sizeof wanted);
}

/* floor or ceil of k w_i copies, whatever the draw. */
static void systematic_copies_are_bounded(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    for (int trial = 0; trial < 500; trial++) {
        double w[9], sum = 0, seen[9] = {0};
        const size_t k = 1 + assay_rng_below(&rng, 30);
        size_t index[30];
        for (size_t i = 0; i < 9; i++)
            sum += w[i] = assay_rng_below(&rng, 3) == 0 ? 0 : assay_rng_uniform(&rng);
        w[4] += 0.1;
        sum += 0.1;
        ok(assay_resample_draw(w, 9, k, ASSAY_RESAMPLE_SYSTEMATIC, &rng, index));
        for (size_t j = 0; j < k; j++)
            seen[index[j]]++;
        for (size_t i = 0; i < 9; i++) {
            const double expected = (double)k * w[i] / sum;
            assert_true(seen[i] >= floor(expected - 1e-9) && seen[i] <= ceil(expected + 1e-9));
            assert_true(w[i] > 0 || seen[i] == 0);
        }
    }
}

static void frequencies_are_the_weights(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    const double w[] = {1, 0, 5, 4};
    double seen[4] = {0};
    size_t *index = malloc(DRAWS * sizeof *index);
    assay_rng rng = assay_rng_seed(2);
    assert_non_null(index);
    ok(assay_resample_draw(w, 4, DRAWS, ASSAY_RESAMPLE_MULTINOMIAL, &rng, index));
    for (size_t j = 0; j < DRAWS; j++)
        seen[index[j]]++;
    for (size_t i = 0; i < 4; i++) {
        const double p = w[i] / 10;
        close_to(seen[i] / DRAWS, p, 4 * sqrt(p * (1 - p) / DRAWS));
    }
    free(index);
}

static void log_weights(void **state)
{
    (void)state;
    double w[3];
    ok(assay_normalise_log_weights((double[]){8000, 7999, -1e5}, 3, w));
    close_to(w[0], 1 / (1 + exp(-1)), 1e-15);
    close_to(w[0] + w[1], 1, 1e-15);
    assert_true(w[2] == 0);
    ok(assay_normalise_log_weights((double[]){-INFINITY, 3, -INFINITY}, 3, w));
    assert_true(w[0] == 0 && w[1] == 1 && w[2] == 0);
    ok(assay_normalise_log_weights((double[]){-INFINITY, -INFINITY}, 2, w));
    assert_true(w[0] == 0.5 && w[1] == 0.5);
    ok(assay_normalise_log_weights((double[]){INFINITY, 3, INFINITY}, 3, w));
    assert_true(w[0] == 0.5 && w[1] == 0 && w[2] == 0.5);
    refuses(assay_normalise_log_weights((double[]){0, NAN}, 2, w), "log weight 2 must be a number");
}

static void refusals(void **state)
{
    (void)state;
    const double none[] = {0, 0}, negative[] = {1, -1}, endless[] = {1, INFINITY}, w[] = {1, 1};
    const double half[] = {0.5}, outside[] = {1}, nan[] = {NAN};
    size_t index[1];
    refuses(assay_resample(none, 2, 1, 0, half, index), "sum greater than 0, got 0");
    refuses(assay_resample(negative, 2, 1, 0, half, index),
        "weights[2] must be finite and at least 0, got -1");
    refuses(assay_resample(endless, 2, 1, 0, half, index), "weights[2]");
    refuses(assay_resample(w, 2, 1, 0, outside, index), "draws[1] must be in [0, 1), got 1");
    refuses(assay_resample(w, 2, 1, 0, nan, index), "got nan");
    refuses(assay_resample(w, 0, 1, 0, half, index), "at least 1 weight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_fall_where_the_cumulative_sum_says),
        cmocka_unit_test(systematic_copies_are_bounded),
        cmocka_unit_test(frequencies_are_the_weights),
        cmocka_unit_test(log_weights),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
