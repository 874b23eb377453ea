/* Jobs of a pool call BLAS at the same moment, which a build of it that isn't made for that answers
 * with wrong products. What the pool itself promises is tested where batches are (models/shards).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <cmocka.h>

#include "core/parallel.h"
#include "core/status.h"

enum { SIDE = 40, JOBS = 2, RUNS = 20000 };

struct products {
    float a[JOBS][SIDE * SIDE], expected[JOBS][SIDE * SIDE], got[JOBS][SIDE * SIDE];
    size_t wrong[JOBS];
};

static void square(const float *a, float *product)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, SIDE, SIDE, SIDE, 1, a, SIDE, a, SIDE, 0,
        product, SIDE);
}

static int job(void *context, size_t i)
{
    struct products *p = context;
    square(p->a[i], p->got[i]);
    p->wrong[i] += memcmp(p->got[i], p->expected[i], sizeof p->got[i]) != 0;
    return ASSAY_OK;
}

static void products_of_two_jobs_are_right(void **state)
{
    (void)state;
    struct products *p = calloc(1, sizeof *p);
    assert_non_null(p);
    for (size_t j = 0; j < JOBS; j++) {
        for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
            p->a[j][i] = (float)((i * 7919 + j * 104729) % 1009) / 1009;
        square(p->a[j], p->expected[j]);
    }
    assay_threads *pool;
    assert_int_equal(assay_threads_new(JOBS, &pool), ASSAY_OK);
    assert_int_equal(
        assay_threads_count(pool), openblas_get_parallel() == OPENBLAS_SEQUENTIAL ? 1 : JOBS);
    for (size_t run = 0; run < RUNS; run++)
        assert_int_equal(assay_threads_run(pool, JOBS, job, p), ASSAY_OK);
    for (size_t j = 0; j < JOBS; j++)
        assert_int_equal(p->wrong[j], 0);
    assay_threads_free(pool);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_two_jobs_are_right),
    };
    return cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
}
