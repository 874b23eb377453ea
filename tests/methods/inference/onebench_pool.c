/* Pools thinned out, made up and searched: exact counts, distributions, identities. */
#include "methods/inference/onebench.h"

#include "../check.h"

enum { MODELS = 8, ITEMS = 50 };

/* Score = strength + ease, a tenth of the cells missing. */
static void fill(double *y, bool gaps)
{
    assay_rng rng = assay_rng_seed(1);
    for (size_t i = 0; i < MODELS; i++)
        for (size_t j = 0; j < ITEMS; j++) {
            y[i * ITEMS + j] = (double)i + 0.01 * (double)j;
            if (gaps && assay_rng_below(&rng, 10) == 0)
                y[i * ITEMS + j] = NAN;
        }
}

static size_t measured(const double *y, size_t i, size_t first, size_t end)
{
    size_t n = 0;
    for (size_t j = first; j < end; j++)
        n += !isnan(y[i * ITEMS + j]);
    return n;
}

/* What is left is what was there. */
static void check_kept(const double *y, const double *before)
{
    for (size_t i = 0; i < MODELS * ITEMS; i++)
        assert_true(isnan(y[i]) || y[i] == before[i]);
}

static void cells_go_by_the_row(void **state)
{
    (void)state;
    const double fractions[] = {0, 0.1, 0.7, 0.95, 1};
    for (size_t f = 0; f < 5; f++) {
        double y[MODELS * ITEMS], before[MODELS * ITEMS];
        assay_rng rng = assay_rng_seed(f);
        fill(y, true);
        memcpy(before, y, sizeof y);
        assay_matrix scores = assay_matrix_view(y, MODELS, ITEMS);
        const assay_sparsify_opts o = {.mode = ASSAY_SPARSIFY_CELLS, .fraction = fractions[f]};
        ok(assay_sparsify(&scores, &o, &rng));
        check_kept(y, before);
        for (size_t i = 0; i < MODELS; i++) {
            const size_t n = measured(before, i, 0, ITEMS);
            const double gone = ceil(fractions[f] * (double)n - 1e-9);
            assert_int_equal(measured(y, i, 0, ITEMS), n - (size_t)gone);
        }
    }
}

static void items_go_for_all(void **state)
{
    (void)state;
    double y[MODELS * ITEMS], before[MODELS * ITEMS];
    assay_rng rng = assay_rng_seed(2);
    fill(y, false);
    memcpy(before, y, sizeof y);
    assay_matrix scores = assay_matrix_view(y, MODELS, ITEMS);
    const assay_sparsify_opts o = {.mode = ASSAY_SPARSIFY_ITEMS, .fraction = 0.9};
    ok(assay_sparsify(&scores, &o, &rng));
    check_kept(y, before);
    for (size_t i = 0; i < MODELS; i++)
        assert_int_equal(measured(y, i, 0, ITEMS), 5); /* (1 - 0.9) 50, in spite of rounding */
    for (size_t j = 0; j < ITEMS; j++)
        for (size_t i = 1; i < MODELS; i++)
            assert_true(isnan(y[i * ITEMS + j]) == isnan(y[j]));
}

static void models_go_by_the_group(void **state)
{
    (void)state;
    double y[MODELS * ITEMS], before[MODELS * ITEMS];
    size_t group[ITEMS], left[2] = {0};
    assay_rng rng = assay_rng_seed(3);
    fill(y, false);
    memcpy(before, y, sizeof y);
    for (size_t j = 0; j < ITEMS; j++)
        group[j] = j < 20 ? 4 : 9;
    assay_matrix scores = assay_matrix_view(y, MODELS, ITEMS);
    const assay_sparsify_opts o = {.mode = ASSAY_SPARSIFY_MODELS, .fraction = 0.3, .group = group};
    ok(assay_sparsify(&scores, &o, &rng));
    check_kept(y, before);
    for (size_t i = 0; i < MODELS; i++) {
        const size_t a = measured(y, i, 0, 20), b = measured(y, i, 20, ITEMS);
        assert_true((a == 0 || a == 20) && (b == 0 || b == 30));
        left[0] += a > 0;
        left[1] += b > 0;
    }
    assert_true(left[0] == 5 && left[1] == 5); /* of 8, ceil(2.4) are gone */
}

/* P(kept) as the header has it, at both corners and over all. */
static void confounding_follows_its_law(void **state)
{
    (void)state;
    enum { DRAWS = 3000 };
    const double kappa = 3, q = 0.2;
    double corners[3] = {0}, share = 0;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        double y[MODELS * ITEMS];
        assay_rng rng = assay_rng_seed(draw);
        fill(y, false);
        assay_matrix scores = assay_matrix_view(y, MODELS, ITEMS);
        const assay_sparsify_opts o = {
            .mode = ASSAY_SPARSIFY_CONFOUNDED, .fraction = 1 - q, .kappa = kappa};
        ok(assay_sparsify(&scores, &o, &rng));
        corners[0] += !isnan(y[0]);                    /* weakest, hardest */
        corners[1] += !isnan(y[ITEMS - 1]);            /* weakest, easiest */
        corners[2] += !isnan(y[(MODELS - 1) * ITEMS]); /* strongest, hardest */
        for (size_t i = 0; i < MODELS; i++)
            share += (double)measured(y, i, 0, ITEMS) / (MODELS * ITEMS);
    }
    const double s = 0.5 - 0.5 / MODELS, d = 0.5 - 0.5 / ITEMS;
    const double likely = 2 * q / (1 + exp(-4 * kappa * s * d));
    const double rare = 2 * q / (1 + exp(4 * kappa * s * d));
    close_to(corners[0] / DRAWS, rare, 4 * sqrt(rare * (1 - rare) / DRAWS));
    close_to(corners[1] / DRAWS, likely, 4 * sqrt(likely * (1 - likely) / DRAWS));
    close_to(corners[2] / DRAWS, likely, 4 * sqrt(likely * (1 - likely) / DRAWS));
    close_to(share / DRAWS, q, 0.002);
}

static void sparsify_refuses(void **state)
{
    (void)state;
    double y[] = {1, 2, 3, INFINITY};
    assay_matrix scores = assay_matrix_view(y, 2, 2);
    assay_rng rng = assay_rng_seed(1);
    refuses(assay_sparsify(&scores, &(assay_sparsify_opts){0}, &rng), "scores[2][2]");
    y[3] = 4;
    refuses(assay_sparsify(&scores, &(assay_sparsify_opts){.fraction = 1.5}, &rng),
        "fraction must be in 0..1, got 1.5");
    refuses(assay_sparsify(&scores, &(assay_sparsify_opts){.fraction = NAN}, &rng), "got nan");
    refuses(assay_sparsify(&scores, &(assay_sparsify_opts){.kappa = INFINITY}, &rng), "kappa");
}

static void informative_items_are_nearest_the_middle(void **state)
{
    (void)state;
    double y[2 * 20], seen[20] = {0};
    assay_matrix scores = assay_matrix_view(y, 2, 20);
    assay_rng rng = assay_rng_seed(4);
    for (size_t j = 0; j < 20; j++) {
        y[j] = j == 3 ? (double)NAN : (double)j; /* the mean is j: 3 has none */
        y[20 + j] = y[j];
    }
    for (int draw = 0; draw < 2000; draw++) {
        size_t index[2];
        ok(assay_informative_items(&scores, 2, 3, 10.2, &rng, index));
        assert_true(index[0] != index[1]);
        seen[index[0]]++;
        seen[index[1]]++;
    }
    for (size_t j = 0; j < 20;
         j++) /* the six nearest 10.2 are 8..13, each in a third of the draws */
        close_to(seen[j] / 2000, j >= 8 && j <= 13 ? 1.0 / 3 : 0, 0.05);
    size_t all[19];
    ok(assay_informative_items(&scores, 19, 10, 0, &rng, all));
    refuses(assay_informative_items(&scores, 20, 10, 0, &rng, all),
        "m must be in 1..19 (items with a score), got 20");
    refuses(assay_informative_items(&scores, 0, 10, 0, &rng, all), "got 0");
}

static void synthetic_pools_are_as_told(void **state)
{
    (void)state;
    enum { M = 5, N = 20000 };
    double *y = malloc(M * N * sizeof *y), truth[M];
    assay_matrix scores = assay_matrix_view(y, M, N);
    assay_rng rng = assay_rng_seed(5);
    size_t binary = 0;
    assert_non_null(y);
    ok(assay_synthetic_pool(ASSAY_POOL_GUMBEL, 0.5, 0, &rng, &scores, truth));
    for (size_t i = 0; i < M; i++) {
        double sum = 0;
        assert_true(truth[i] == 0.5 * (double)i);
        for (size_t j = 0; j < N; j++)
            sum += y[i * N + j];
        /* Gumbel: location + Euler's constant, variance pi^2 / 6 */
        close_to(sum / N, truth[i] + 0.57721566490153286, 4 * 1.2825 / sqrt(N));
    }
    ok(assay_synthetic_pool(ASSAY_POOL_GAUSSIAN, 0, 0.25, &rng, &scores, truth));
    for (size_t i = 1; i < M; i++)
        assert_true(truth[i] > truth[i - 1] && truth[i] < 1 && truth[0] >= 0);
    for (size_t j = 0; j < N; j++) {
        /* no dispersion: numeric items are the truth, binary ones a threshold on it */
        bool threshold = true, numeric = true;
        for (size_t i = 0; i < M; i++) {
            threshold = threshold && (y[i * N + j] == 0 || y[i * N + j] == 1) &&
                        (i == 0 || y[i * N + j] >= y[(i - 1) * N + j]);
            numeric = numeric && y[i * N + j] == truth[i];
        }
        assert_true(threshold != numeric);
        binary += threshold;
    }
    close_to((double)binary / N, 0.25, 4 * sqrt(0.25 * 0.75 / N));
    refuses(assay_synthetic_pool(ASSAY_POOL_GUMBEL, -1, 0, &rng, &scores, truth), "dispersion");
    refuses(assay_synthetic_pool(ASSAY_POOL_GUMBEL, 1, 2, &rng, &scores, truth), "binary");
    free(y);
}

static void search_is_by_cosine(void **state)
{
    (void)state;
    double e[] = {1, 0, /**/ 10, 10, /**/ 0, 0, /**/ -3, 0, /**/ 2, 0.1};
    const double query[] = {5, 0}, none[] = {0, 0};
    const assay_matrix embeddings = assay_matrix_view(e, 5, 2);
    const size_t wanted[] = {0, 4, 1, 2, 3};
    size_t index[5];
    double similarity[5];
    ok(assay_item_search(&embeddings, query, 5, index, similarity));
    assert_memory_equal(index, wanted, sizeof wanted);
    close_to(similarity[0], 1, 1e-15);
    close_to(similarity[2], sqrt(0.5), 1e-15);
    close_to(similarity[3], 0, 0);
    close_to(similarity[4], -1, 1e-15);
    refuses(assay_item_search(&embeddings, none, 2, index, similarity), "query");
    refuses(
        assay_item_search(&embeddings, query, 6, index, similarity), "k must be in 1..5, got 6");
    e[3] = NAN;
    refuses(assay_item_search(&embeddings, query, 2, index, similarity), "embeddings[2]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_go_by_the_row),
        cmocka_unit_test(items_go_for_all),
        cmocka_unit_test(models_go_by_the_group),
        cmocka_unit_test(confounding_follows_its_law),
        cmocka_unit_test(sparsify_refuses),
        cmocka_unit_test(informative_items_are_nearest_the_middle),
        cmocka_unit_test(synthetic_pools_are_as_told),
        cmocka_unit_test(search_is_by_cosine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
