/*
 * Every matrix product of the engine, by BLAS in one thread: with several, its sums are in another
 * order from run to run. Parallelism is over shards, above this.
 */
#include "models/net/kernel.h"

#include <cblas.h>

void assay_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha,
    const real *a, size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc)
{
    const CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans;
    const CBLAS_TRANSPOSE tb = transpose_b ? CblasTrans : CblasNoTrans;
#ifdef ASSAY_NET_DOUBLE
    cblas_dgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb,
        beta, c, (int)ldc);
#else
    cblas_sgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb,
        beta, c, (int)ldc);
#endif
}
