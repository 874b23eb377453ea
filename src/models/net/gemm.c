/*
 * Every matrix product of the engine. By BLAS it is done in one thread: with several, its sums are
 * in another order from run to run. Parallelism is over shards, above this.
 *
 * The portable product is for finding faults, and for a BLAS whose blocks differ: each number of C
 * is one sum, from 0, over k in ascending order, every product and every sum rounded by itself. So
 * its bits depend neither on the sizes of the matrices (a row's are the same in any batch) nor on
 * the processor. Tiles of C keep their sums on the stack while panels of B pass by.
 */
#include "models/net/kernel.h"

#include <cblas.h>

enum { TILE_ROWS = 16, TILE_COLS = 64, PANEL = 32 };

/* No fused multiply and add, which rounds once. */
#ifdef __clang__
#define ROUND_EACH
#pragma STDC FP_CONTRACT OFF
#else
#define ROUND_EACH __attribute__((optimize("fp-contract=off")))
#endif

typedef struct operand {
    const real *x;
    size_t down, right; /* steps between rows and columns */
} operand;

static operand operand_of(const real *x, size_t ld, bool transposed)
{
    return (operand){x, transposed ? 1 : ld, transposed ? ld : 1};
}

/* sum [rows][TILE_COLS] += a [rows, k] b [k, cols] */
ROUND_EACH static void add_panel(operand a, operand b, size_t rows, size_t cols, size_t k,
    real sum[restrict TILE_ROWS][TILE_COLS])
{
    real panel[PANEL][TILE_COLS];
    for (size_t p = 0; p < k; p++)
        for (size_t j = 0; j < cols; j++)
            panel[p][j] = b.x[p * b.down + j * b.right];
    for (size_t i = 0; i < rows; i++)
        for (size_t p = 0; p < k; p++) {
            const real x = a.x[i * a.down + p * a.right];
            for (size_t j = 0; j < cols; j++)
                sum[i][j] += x * panel[p][j];
        }
}

ROUND_EACH static void portable_tile(operand a, operand b, size_t rows, size_t cols, size_t k,
    real alpha, real beta, real *c, size_t ldc)
{
    real sum[TILE_ROWS][TILE_COLS] = {{0}};
    for (size_t p = 0; p < k; p += PANEL) {
        const operand at = {a.x + p * a.right, a.down, a.right};
        const operand bt = {b.x + p * b.down, b.down, b.right};
        add_panel(at, bt, rows, cols, k - p < PANEL ? k - p : PANEL, sum);
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            const real product = alpha * sum[i][j];
            c[i * ldc + j] = beta == 0 ? product : product + beta * c[i * ldc + j];
        }
}

static void portable(
    operand a, operand b, size_t m, size_t n, size_t k, real alpha, real beta, real *c, size_t ldc)
{
    for (size_t i = 0; i < m; i += TILE_ROWS)
        for (size_t j = 0; j < n; j += TILE_COLS) {
            const operand rows = {a.x + i * a.down, a.down, a.right};
            const operand cols = {b.x + j * b.right, b.down, b.right};
            portable_tile(rows, cols, m - i < TILE_ROWS ? m - i : TILE_ROWS,
                n - j < TILE_COLS ? n - j : TILE_COLS, k, alpha, beta, c + i * ldc + j, ldc);
        }
}

void assay_gemm(assay_gemm_kind kind, bool transpose_a, bool transpose_b, size_t m, size_t n,
    size_t k, real alpha, const real *a, size_t lda, const real *b, size_t ldb, real beta, real *c,
    size_t ldc)
{
    const CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans;
    const CBLAS_TRANSPOSE tb = transpose_b ? CblasTrans : CblasNoTrans;
    if (kind == ASSAY_GEMM_PORTABLE) {
        portable(operand_of(a, lda, transpose_a), operand_of(b, ldb, transpose_b), m, n, k, alpha,
            beta, c, ldc);
        return;
    }
#ifdef ASSAY_NET_DOUBLE
    cblas_dgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb,
        beta, c, (int)ldc);
#else
    cblas_sgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb,
        beta, c, (int)ldc);
#endif
}
