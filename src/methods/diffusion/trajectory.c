/*
 * The plane of a trajectory; see gaussian.h. A row's states are few (one a step) and long, so that
 * their principal components come from the products of states with each other.
 */
#include <math.h>
#include <stdlib.h>

#include "core/pca.h"
#include "core/status.h"
#include "methods/diffusion/gaussian.h"

static double product(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += a[j] * b[j];
    return sum;
}

/* The two largest eigenvalues' share of the trace of the states' centred products. */
static int plane_fraction(const assay_matrix *states, size_t n, size_t row, assay_matrix *gram,
    double *values, double *out)
{
    const size_t d = states[0].cols;
    double total = 0, both = 0, whole = 0;
    for (size_t s = 0; s < n; s++) {
        values[s] = 0;
        for (size_t t = 0; t < n; t++) {
            *assay_matrix_at(gram, s, t) =
                product(assay_matrix_row(&states[s], row), assay_matrix_row(&states[t], row), d);
            values[s] += *assay_matrix_at(gram, s, t) / (double)n;
        }
        whole += values[s] / (double)n;
    }
    for (size_t s = 0; s < n; s++)
        for (size_t t = 0; t < n; t++)
            *assay_matrix_at(gram, s, t) += whole - values[s] - values[t];
    const int status = assay_symmetric_eigen(gram, values, NULL);
    for (size_t s = 0; s < n && status == ASSAY_OK; s++) {
        total += fmax(values[s], 0);
        both += s < 2 ? fmax(values[s], 0) : 0;
    }
    *out = total > 0 ? both / total : 1;
    return status;
}

/* x_t ~ a x_first + b x_last: normal equations of two unknowns; with dependent ends, the first
 * alone. */
static double rotate(
    const double *x, const double *first, const double *last, size_t d, double *a, double *b)
{
    const double ff = product(first, first, d), fl = product(first, last, d),
                 ll = product(last, last, d), fx = product(first, x, d), lx = product(last, x, d);
    const double determinant = ff * ll - fl * fl;
    if (determinant > 1e-14 * ff * ll) {
        *a = (ll * fx - fl * lx) / determinant;
        *b = (ff * lx - fl * fx) / determinant;
    } else {
        *a = ff > 0 ? fx / ff : 0;
        *b = 0;
    }
    double error = 0;
    for (size_t j = 0; j < d; j++) {
        const double off = x[j] - *a * first[j] - *b * last[j];
        error += off * off;
    }
    return error;
}

static void rotate_all(
    const assay_matrix *states, size_t n, size_t row, const assay_trajectory_plane *out)
{
    const size_t d = states[0].cols;
    double error = 0, total = 0, a, b;
    for (size_t t = 0; t < n; t++) {
        const double *x = assay_matrix_row(&states[t], row);
        error += rotate(
            x, assay_matrix_row(&states[0], row), assay_matrix_row(&states[n - 1], row), d, &a, &b);
        total += product(x, x, d);
        if (out->a)
            *assay_matrix_at(out->a, t, row) = a;
        if (out->b)
            *assay_matrix_at(out->b, t, row) = b;
    }
    if (out->r2)
        out->r2[row] = total > 0 ? 1 - error / total : 1;
}

int assay_trajectory_plane_of(
    const assay_matrix *states, size_t n_states, const assay_trajectory_plane *out)
{
    if (n_states < 3)
        return assay_fail(
            ASSAY_EINVAL, "a plane needs at least 3 states of a trajectory, got %zu", n_states);
    for (size_t t = 1; t < n_states; t++)
        if (states[t].rows != states[0].rows || states[t].cols != states[0].cols)
            return assay_fail(ASSAY_EINVAL,
                "states of a trajectory must have one shape: state %zu is %zu x %zu, the first "
                "%zu x %zu",
                t + 1, states[t].rows, states[t].cols, states[0].rows, states[0].cols);
    assay_matrix gram = {0};
    double *values = calloc(n_states, sizeof *values);
    int status = values ? assay_matrix_alloc(n_states, n_states, &gram)
                        : assay_fail(ASSAY_ENOMEM, "no memory for %zu states", n_states);
    for (size_t i = 0; i < states[0].rows && status == ASSAY_OK; i++) {
        double fraction;
        status = plane_fraction(states, n_states, i, &gram, values, &fraction);
        if (out->fraction)
            out->fraction[i] = fraction;
        rotate_all(states, n_states, i, out);
    }
    assay_matrix_free(&gram);
    free(values);
    return status;
}
