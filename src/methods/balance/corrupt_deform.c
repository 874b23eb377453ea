/* Deformations of clouds by lattices of control points; see corrupt.h. */
#include "methods/balance/corrupt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cloud.h"
#include "core/distance.h"
#include "core/status.h"

enum { MOST_SIDE = 16 };

/* ---- free form ---- */

/* B_i(u) = (degree over i) u^i (1 - u)^(degree - i), for i = 0..degree, by de Casteljau's rule. */
static void bernstein(double u, size_t degree, double *b)
{
    b[0] = 1;
    for (size_t d = 1; d <= degree; d++) {
        b[d] = u * b[d - 1];
        for (size_t i = d - 1; i > 0; i--)
            b[i] = (1 - u) * b[i] + u * b[i - 1];
        b[0] *= 1 - u;
    }
}

static bool is_inside(const double *x)
{
    return fabs(x[0]) <= 1 && fabs(x[1]) <= 1 && fabs(x[2]) <= 1;
}

static void add_lattice(const size_t side[3], const assay_matrix *mu, const double *x, double *out)
{
    double b[3][MOST_SIDE];
    for (size_t a = 0; a < 3; a++) {
        bernstein((x[a] + 1) / 2, side[a] - 1, b[a]);
        out[a] = x[a];
    }
    for (size_t i = 0, row = 0; i < side[0]; i++)
        for (size_t j = 0; j < side[1]; j++)
            for (size_t k = 0; k < side[2]; k++, row++) {
                const double weight = 2 * b[0][i] * b[1][j] * b[2][k];
                for (size_t a = 0; a < 3; a++)
                    out[a] += weight * *assay_matrix_at(mu, row, a);
            }
}

int assay_corrupt_ffd(
    const assay_matrix *P, const size_t side[3], const assay_matrix *mu, assay_matrix *out)
{
    const int status = assay_cloud_check(P);
    if (status)
        return status;
    for (size_t a = 0; a < 3; a++)
        if (side[a] < 1 || side[a] > MOST_SIDE)
            return assay_fail(ASSAY_EINVAL, "displacement must have 1..%d points a side, got %zu",
                MOST_SIDE, side[a]);
    if (mu->rows != side[0] * side[1] * side[2] || mu->cols != 3)
        return assay_fail(ASSAY_EINVAL, "the displacements must be %zu x 3, got %zu x %zu",
            side[0] * side[1] * side[2], mu->rows, mu->cols);
    for (size_t i = 0; i < P->rows; i++) {
        const double *row = assay_matrix_row(P, i), x[3] = {row[0], row[1], row[2]};
        if (is_inside(x))
            add_lattice(side, mu, x, assay_matrix_row(out, i));
        else
            memcpy(assay_matrix_row(out, i), x, sizeof x);
    }
    return ASSAY_OK;
}

/* ---- radial basis functions ---- */

/* LAPACK's solution by LU factorisation, which OpenBLAS has. */
extern void dgesv_(const int *n, const int *nrhs, double *a, const int *lda, int *pivots, double *b,
    const int *ldb, int *info);

static double basis(bool inverse, const double *a, const double *b)
{
    const double root = sqrt(assay_squared_distance(a, b, 3) + ASSAY_RBF_RADIUS * ASSAY_RBF_RADIUS);
    return inverse ? 1 / root : root;
}

/* Of the lattice, x fastest. */
static void control_point(size_t side, size_t c, double *x)
{
    for (size_t a = 0; a < 3; a++, c /= side)
        x[a] = -1 + 2 * (double)(c % side) / (double)(side - 1);
}

/* The symmetric system [Phi, [1 X]; [1 X]^T, 0] of size n + 4. */
static void fill_system(bool inverse, const double *control, size_t n, double *m)
{
    const size_t size = n + 4;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            m[i * size + j] = basis(inverse, control + 3 * i, control + 3 * j);
        for (size_t a = 0; a < 4; a++)
            m[i * size + n + a] = m[(n + a) * size + i] = a ? control[3 * i + a - 1] : 1;
    }
}

static void map(const struct assay_matrix *P, bool inverse, const double *control, size_t n,
    const double *weight, assay_matrix *out)
{
    const size_t size = n + 4;
    for (size_t i = 0; i < P->rows; i++) {
        const double *row = assay_matrix_row(P, i), x[3] = {row[0], row[1], row[2]};
        double *y = assay_matrix_row(out, i);
        for (size_t a = 0; a < 3; a++) {
            const double *affine = weight + a * size + n;
            y[a] = x[a] + affine[0] + affine[1] * x[0] + affine[2] * x[1] + affine[3] * x[2];
        }
        for (size_t c = 0; c < n; c++) {
            const double phi = basis(inverse, x, control + 3 * c);
            for (size_t a = 0; a < 3; a++)
                y[a] += weight[a * size + c] * phi;
        }
    }
}

/* weight: three columns of n + 4. */
static int solve(
    bool inverse, const double *control, size_t n, const assay_matrix *move, double *weight)
{
    const int size = (int)n + 4, columns = 3;
    const size_t rows = n + 4;
    int info = 0;
    double *m = calloc(rows * rows, sizeof *m);
    int *pivots = calloc(rows, sizeof *pivots);
    int status =
        m && pivots ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu control points", n);
    if (!status) {
        fill_system(inverse, control, n, m);
        for (size_t c = 0; c < n; c++)
            for (size_t a = 0; a < 3; a++)
                weight[a * rows + c] = *assay_matrix_at(move, c, a);
        dgesv_(&size, &columns, m, &size, pivots, weight, &size, &info);
        if (info != 0)
            status = assay_fail(ASSAY_ECONVERGE, "the control points' system is singular");
    }
    free(m);
    free(pivots);
    return status;
}

int assay_corrupt_rbf(
    const assay_matrix *P, bool inverse, size_t side, const assay_matrix *move, assay_matrix *out)
{
    int status = assay_cloud_check(P);
    if (status)
        return status;
    if (side < 2 || side > MOST_SIDE)
        return assay_fail(ASSAY_EINVAL, "grid must be in 2..%d, got %zu", MOST_SIDE, side);
    const size_t n = side * side * side;
    if (move->rows != n || move->cols != 3)
        return assay_fail(ASSAY_EINVAL,
            "the moves must be %zu x 3 for a grid of %zu, got %zu x %zu", n, side, move->rows,
            move->cols);
    double *control = calloc(3 * n, sizeof *control), *weight = calloc(3 * (n + 4), sizeof *weight);
    if (!control || !weight)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu control points", n);
    for (size_t c = 0; c < n && !status; c++)
        control_point(side, c, control + 3 * c);
    if (!status)
        status = solve(inverse, control, n, move, weight);
    if (!status)
        map(P, inverse, control, n, weight, out);
    free(control);
    free(weight);
    return status;
}

void assay_rbf_moves(const double *alpha, const double *gamma, double amplitude, assay_matrix *out)
{
    for (size_t c = 0; c < out->rows; c++) {
        double *move = assay_matrix_row(out, c);
        move[0] = amplitude * cos(alpha[c]) * sin(gamma[c]);
        move[1] = amplitude * sin(alpha[c]) * sin(gamma[c]);
        move[2] = amplitude * cos(gamma[c]);
    }
}
