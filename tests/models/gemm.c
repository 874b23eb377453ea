/*
 * Matrix products of the engine: the portable ones have the bits of the plain loop over k for every
 * element; BLAS's are close to it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "models/net/kernel.h"

enum { MOST = 150, ROOM = MOST * (MOST + 8) };

typedef struct problem {
    bool ta, tb;
    size_t m, n, k, lda, ldb, ldc;
    float alpha, beta;
} problem;

static float a[ROOM], b[ROOM], c[ROOM], expected[ROOM];

static void draw(assay_rng *rng, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)assay_rng_normal(rng);
}

/* One sum an element, in ascending order; volatile: nothing is kept in more digits. */
static void plain_loop(const problem *p)
{
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            volatile float sum = 0, product;
            for (size_t q = 0; q < p->k; q++) {
                product = (p->ta ? a[q * p->lda + i] : a[i * p->lda + q]) *
                          (p->tb ? b[j * p->ldb + q] : b[q * p->ldb + j]);
                sum = sum + product;
            }
            product = p->alpha * sum;
            volatile float kept = p->beta == 0 ? 0 : p->beta * expected[i * p->ldc + j];
            expected[i * p->ldc + j] = p->beta == 0 ? product : product + kept;
        }
}

static problem draw_problem(assay_rng *rng, size_t most)
{
    static const float alphas[] = {1, -0.5F, 0.3F}, betas[] = {0, 1, 0.7F};
    problem p = {.ta = assay_rng_below(rng, 2),
        .tb = assay_rng_below(rng, 2),
        .m = 1 + assay_rng_below(rng, most),
        .n = 1 + assay_rng_below(rng, most),
        .k = 1 + assay_rng_below(rng, most),
        .alpha = alphas[assay_rng_below(rng, 3)],
        .beta = betas[assay_rng_below(rng, 3)]};
    p.lda = (p.ta ? p.m : p.k) + assay_rng_below(rng, 8);
    p.ldb = (p.tb ? p.k : p.n) + assay_rng_below(rng, 8);
    p.ldc = p.n + assay_rng_below(rng, 8);
    return p;
}

static void multiply(const problem *p, assay_gemm_kind kind)
{
    assay_gemm(
        kind, p->ta, p->tb, p->m, p->n, p->k, p->alpha, a, p->lda, b, p->ldb, p->beta, c, p->ldc);
}

static void portable_is_the_plain_loop(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    for (int round = 0; round < 300; round++) {
        const problem p = draw_problem(&rng, round < 200 ? 20 : MOST);
        draw(&rng, a, ROOM);
        draw(&rng, b, ROOM);
        draw(&rng, c, ROOM);
        memcpy(expected, c, sizeof c);
        plain_loop(&p);
        multiply(&p, ASSAY_GEMM_PORTABLE);
        assert_memory_equal(c, expected, sizeof c); /* also what is between the rows */
    }
}

static void blas_is_close(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (int round = 0; round < 40; round++) {
        const problem p = draw_problem(&rng, MOST);
        draw(&rng, a, ROOM);
        draw(&rng, b, ROOM);
        draw(&rng, c, ROOM);
        memcpy(expected, c, sizeof c);
        plain_loop(&p);
        multiply(&p, ASSAY_GEMM_BLAS);
        for (size_t i = 0; i < ROOM; i++)
            assert_true(fabsf(c[i] - expected[i]) < 1e-3F);
    }
}

static void beta_0_overwrites_nan(void **state)
{
    (void)state;
    const problem p = {.m = 3, .n = 70, .k = 2, .lda = 2, .ldb = 70, .ldc = 70, .alpha = 1};
    for (int kind = ASSAY_GEMM_BLAS; kind <= ASSAY_GEMM_PORTABLE; kind++) {
        for (size_t i = 0; i < ROOM; i++) {
            a[i] = b[i] = 1;
            c[i] = (float)NAN;
        }
        multiply(&p, (assay_gemm_kind)kind);
        for (size_t i = 0; i < p.m * p.n; i++)
            assert_true(c[i] == 2);
    }
}

/* A row by itself has the bits that it has among others. */
static void rows_do_not_know_each_other(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(3);
    problem p = draw_problem(&rng, MOST);
    p.ta = false;
    p.m = MOST;
    p.lda = p.k;
    p.beta = 0;
    draw(&rng, a, ROOM);
    draw(&rng, b, ROOM);
    multiply(&p, ASSAY_GEMM_PORTABLE);
    memcpy(expected, c, sizeof c);
    for (size_t i = 0; i < MOST; i++) {
        float row[MOST];
        assay_gemm(ASSAY_GEMM_PORTABLE, false, p.tb, 1, p.n, p.k, p.alpha, a + i * p.lda, p.lda, b,
            p.ldb, 0, row, p.n);
        assert_memory_equal(row, expected + i * p.ldc, p.n * sizeof *row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable_is_the_plain_loop),
        cmocka_unit_test(blas_is_close),
        cmocka_unit_test(beta_0_overwrites_nan),
        cmocka_unit_test(rows_do_not_know_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
