/* Labels by measured variance against a search of the whole window; the transfer against its meaning. */
#include "methods/diffusion/time_shift.h"

#include "../check.h"

enum { LABELS = 1000 };

static void linear_alpha_bar(double *out)
{
    double beta[LABELS], product = 1;
    ok(assay_schedule_betas(ASSAY_BETA_LINEAR, 1e-4, 0.02, LABELS, beta));
    for (size_t i = 0; i < LABELS; i++)
        out[i] = product *= 1 - beta[i];
}

static size_t brute_force(const double *a, double v, size_t j, size_t window, size_t cutoff)
{
    size_t best = j;
    double least = INFINITY;
    for (size_t t = 0; t < LABELS && j > cutoff; t++) {
        const double off = (v - (1 - a[t])) * (v - (1 - a[t]));
        if (t + window / 2 >= j && t <= j + window / 2 && off < least) {
            least = off;
            best = t;
        }
    }
    return best;
}

static void picks_the_nearest_of_the_window(void **state)
{
    double a[LABELS];
    assay_rng rng = assay_rng_seed(1);
    (void)state;
    linear_alpha_bar(a);
    for (size_t k = 0; k < 1000; k++) {
        const double v = 1.2 * assay_rng_uniform(&rng);
        const size_t j = assay_rng_below(&rng, LABELS), window = assay_rng_below(&rng, 300);
        size_t picked;
        ok(assay_ts_pick(a, LABELS, &v, 1, j, window, 100, &picked));
        assert_int_equal(picked, brute_force(a, v, j, window, 100));
    }
}

static void picks_rise_with_the_variance(void **state)
{
    double a[LABELS], v[200];
    size_t picked[200];
    (void)state;
    linear_alpha_bar(a);
    for (size_t i = 0; i < 200; i++)
        v[i] = (double)i / 200;
    ok(assay_ts_pick(a, LABELS, v, 200, 500, 400, 0, picked));
    for (size_t i = 1; i < 200; i++)
        assert_true(picked[i] >= picked[i - 1]);
    assert_int_equal(picked[0], 300);
}

/* A state of data variance V has variance A V + 1 - A >= 1 - A: its label is never put back. */
static void data_variance_pushes_up(void **state)
{
    double a[LABELS];
    (void)state;
    linear_alpha_bar(a);
    for (size_t t = 1; t < LABELS; t++)
        for (double V = 0.05; V <= 1; V += 0.19) {
            const double v = a[t] * V + 1 - a[t];
            size_t picked;
            ok(assay_ts_pick(a, LABELS, &v, 1, t, 80, 0, &picked));
            assert_true(picked >= t);
        }
}

static void pure_noise_finds_its_label(void **state)
{
    enum { DIM = 1000000 };
    double a[LABELS], *x = malloc(DIM * sizeof *x);
    assay_rng rng = assay_rng_seed(2);
    (void)state;
    linear_alpha_bar(a);
    assert_non_null(x);
    for (size_t t = 100; t <= 400; t += 100) {
        const assay_matrix m = assay_matrix_view(x, 1, DIM);
        double v;
        size_t picked;
        assay_rng_fill_normal(&rng, x, DIM);
        for (size_t j = 0; j < DIM; j++)
            x[j] *= sqrt(1 - a[t]);
        ok(assay_ts_variance(&m, &v));
        ok(assay_ts_pick(a, LABELS, &v, 1, t, 200, 0, &picked));
        assert_true(picked + 4 >= t && picked <= t + 4);
    }
    free(x);
}

/* sqrt(A) x_0 + sqrt(1 - A) e becomes sqrt(A') x_0 + sqrt(1 - A') e */
static void transfers_exactly(void **state)
{
    enum { ROWS = 5, DIM = 3 };
    double x[ROWS * DIM], x0[ROWS * DIM], e[ROWS * DIM], out[ROWS * DIM];
    const double from[ROWS] = {0.9, 0.5, 1e-3, 0.3, 0.7}, to[ROWS] = {0.95, 0.1, 0.999, 0.3, 0.7001};
    assay_rng rng = assay_rng_seed(3);
    (void)state;
    assay_rng_fill_normal(&rng, x0, ROWS * DIM);
    assay_rng_fill_normal(&rng, e, ROWS * DIM);
    for (size_t i = 0; i < ROWS * DIM; i++)
        x[i] = sqrt(from[i / DIM]) * x0[i] + sqrt(1 - from[i / DIM]) * e[i];
    const assay_matrix mx = assay_matrix_view(x, ROWS, DIM), me = assay_matrix_view(e, ROWS, DIM);
    assay_matrix mo = assay_matrix_view(out, ROWS, DIM);
    assay_pndm_transfer(&mx, &me, from, to, &mo);
    for (size_t i = 0; i < ROWS * DIM; i++)
        close_to(out[i], sqrt(to[i / DIM]) * x0[i] + sqrt(1 - to[i / DIM]) * e[i], 1e-12);
}

static void grids(void **state)
{
    size_t label[200], n;
    (void)state;
    ok(assay_ts_timesteps(LABELS, 10, ASSAY_TS_REFERENCE, label, &n));
    assert_int_equal(n, 9);
    assert_int_equal(label[8], 801);
    ok(assay_ts_timesteps(LABELS, 10, ASSAY_TS_FULL, label, &n));
    assert_int_equal(n, 10);
    assert_int_equal(label[9], 901);
    ok(assay_ts_timesteps(LABELS, 5, ASSAY_TS_QUAD, label, &n));
    assert_int_equal(n, 5);
    assert_int_equal(label[0], 1);
    assert_int_equal(label[2], 201);
    assert_int_equal(label[4], 801);
    refuses(assay_ts_timesteps(LABELS, 1, ASSAY_TS_FULL, label, &n), "steps must be in 2..1000, got 1");
    refuses(assay_ts_timesteps(LABELS, 1001, ASSAY_TS_FULL, label, &n), "got 1001");
}

/* 1, 1 + k, .. up to N with k = N / S rounded down may be more labels than were asked for. */
static void grids_fit_their_room(void **state)
{
    (void)state;
    for (size_t n_train = 2; n_train <= 130; n_train++)
        for (size_t steps = 2; steps <= n_train; steps++)
            for (assay_ts_grid grid = ASSAY_TS_REFERENCE; grid <= ASSAY_TS_QUAD; grid++) {
                const size_t most = assay_ts_timesteps_most(n_train, steps), k = n_train / steps;
                size_t *label = malloc(most * sizeof *label), n = 0, expected = 0;
                assert_non_null(label);
                for (size_t at = 1; at <= n_train; at += k)
                    expected++;
                expected -= grid == ASSAY_TS_REFERENCE || 1 + (expected - 1) * k == n_train;
                if (grid == ASSAY_TS_QUAD || expected > 0) {
                    ok(assay_ts_timesteps(n_train, steps, grid, label, &n));
                    assert_true(n <= most && label[n - 1] < n_train);
                    assert_true(grid == ASSAY_TS_QUAD || n == expected);
                }
                free(label);
            }
    assert_int_equal(assay_ts_timesteps_most(LABELS, 600), 1000);
    assert_int_equal(assay_ts_timesteps_most(LABELS, LABELS + 1), 0);
}

static void refuses_one_column(void **state)
{
    double x = 1, v;
    const assay_matrix m = assay_matrix_view(&x, 1, 1);
    (void)state;
    refuses(assay_ts_variance(&m, &v), "at least 2 columns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_the_nearest_of_the_window),
        cmocka_unit_test(picks_rise_with_the_variance),
        cmocka_unit_test(data_variance_pushes_up),
        cmocka_unit_test(pure_noise_finds_its_label),
        cmocka_unit_test(transfers_exactly),
        cmocka_unit_test(grids),
        cmocka_unit_test(grids_fit_their_room),
        cmocka_unit_test(refuses_one_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
