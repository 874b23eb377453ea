/* Metrics of samples; see metrics.h. */
#include "methods/diffusion/metrics.h"

#include <gsl/gsl_cblas.h>
#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/pca.h"
#include "core/distance.h"
#include "core/status.h"

/* ---- checks ---- */

static int check_finite(const assay_matrix *x, const char *name)
{
    size_t bad = 0;
    for (size_t i = 0; i < x->rows; i++) {
        bool finite = true;
        for (size_t j = 0; j < x->cols; j++)
            finite &= isfinite(*assay_matrix_at(x, i, j)) != 0;
        bad += !finite;
    }
    if (bad > 0)
        return assay_fail(ASSAY_EINVAL,
            "%s has %zu rows that are not finite, of %zu (drop_nonfinite leaves them out)", name,
            bad, x->rows);
    return ASSAY_OK;
}

static int check_pair(const assay_matrix *x, const assay_matrix *y, size_t least)
{
    if (x->rows < least || y->rows < least)
        return assay_fail(ASSAY_EINVAL, "X and Y must have at least %zu rows, got %zu and %zu",
            least, x->rows, y->rows);
    if (x->cols != y->cols)
        return assay_fail(
            ASSAY_EINVAL, "X and Y must have as many columns, got %zu and %zu", x->cols, y->cols);
    const int status = check_finite(x, "X");
    return status == ASSAY_OK ? check_finite(y, "Y") : status;
}

static int check_power(double p)
{
    if (!(p >= 1 && isfinite(p)))
        return assay_fail(ASSAY_EINVAL, "p must be at least 1, got %g", p);
    return ASSAY_OK;
}

/* ---- paired ---- */

int assay_diffusion_rmse(const assay_matrix *x, const assay_matrix *ref, double *out)
{
    const int status = check_pair(x, ref, 1);
    double sum = 0;
    if (status != ASSAY_OK)
        return status;
    if (x->rows != ref->rows)
        return assay_fail(
            ASSAY_EINVAL, "X and Xref must be paired, got %zu and %zu rows", x->rows, ref->rows);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++) {
            const double e = *assay_matrix_at(x, i, j) - *assay_matrix_at(ref, i, j);
            sum += e * e;
        }
    *out = sqrt(sum / (double)(x->rows * x->cols));
    return ASSAY_OK;
}

/* ---- Frechet ---- */

static double trace(const assay_matrix *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->rows; i++)
        sum += *assay_matrix_at(c, i, i);
    return sum;
}

/* c = a b, or a b^T; all n x n and contiguous */
static void multiply(
    const assay_matrix *a, const assay_matrix *b, enum CBLAS_TRANSPOSE of_b, assay_matrix *c)
{
    const int n = (int)a->rows;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, of_b, n, n, n, 1, a->data, (int)a->stride, b->data,
        (int)b->stride, 0, c->data, (int)c->stride);
}

/* tr (A^(1/2) B A^(1/2))^(1/2) = sum of roots of the eigenvalues of R B R^T with R = L^(1/2) V for
 * A = V^T L V; work: 3 n x n matrices */
static int trace_of_root(
    const assay_matrix *a, const assay_matrix *b, assay_matrix work[3], double *values, double *out)
{
    assay_matrix *root = &work[0], *product = &work[1], *whole = &work[2];
    const size_t n = a->rows;
    assay_matrix_copy(a, whole);
    int status = assay_symmetric_eigen(whole, values, root);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            *assay_matrix_at(root, i, j) *= sqrt(fmax(values[i], 0));
    multiply(root, b, CblasNoTrans, product);
    multiply(product, root, CblasTrans, whole);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const double mean = (*assay_matrix_at(whole, i, j) + *assay_matrix_at(whole, j, i)) / 2;
            *assay_matrix_at(whole, i, j) = *assay_matrix_at(whole, j, i) = mean;
        }
    status = assay_symmetric_eigen(whole, values, NULL);
    *out = 0;
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        *out += sqrt(fmax(values[i], 0));
    return status;
}

int assay_diffusion_frechet_moments(
    const double *m1, const assay_matrix *c1, const double *m2, const assay_matrix *c2, double *out)
{
    const size_t d = c1->rows;
    double *memory = malloc((3 * d * d + d + 1) * sizeof *memory), root = 0, distance = 0;
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu x %zu covariances", d, d);
    assay_matrix work[3];
    for (size_t k = 0; k < 3; k++)
        work[k] = assay_matrix_view(memory + k * d * d, d, d);
    const int status = trace_of_root(c1, c2, work, memory + 3 * d * d, &root);
    for (size_t j = 0; j < d; j++)
        distance += (m1[j] - m2[j]) * (m1[j] - m2[j]);
    if (status == ASSAY_OK)
        *out = distance + trace(c1) + trace(c2) - 2 * root;
    free(memory);
    return status;
}

static int rank_of(const assay_matrix *c, assay_matrix *work, double *values, size_t *rank)
{
    assay_matrix_copy(c, work);
    const int status = assay_symmetric_eigen(work, values, NULL);
    *rank = 0;
    while (status == ASSAY_OK && *rank < c->rows &&
           values[*rank] > 1e-12 * (double)c->rows * values[0])
        ++*rank;
    return status;
}

int assay_diffusion_frechet(const assay_matrix *x, const assay_matrix *y,
    const assay_progress *progress, double *out, size_t *ranks)
{
    const size_t d = x->cols;
    int status = check_pair(x, y, 2);
    if (status != ASSAY_OK)
        return status;
    double *memory = malloc((3 * d * d + 3 * d + 1) * sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu x %zu covariances", d, d);
    double *mean = memory + 3 * d * d;
    assay_matrix c[3];
    for (size_t k = 0; k < 3; k++)
        c[k] = assay_matrix_view(memory + k * d * d, d, d);
    const double share = (double)x->rows / (double)(x->rows + y->rows);
    assay_progress_stretch first = {progress, 0, share}, second = {progress, share, 1};
    const assay_progress of_x = assay_progress_of(&first), of_y = assay_progress_of(&second);
    if ((status = assay_moments(x, &of_x, mean, &c[0])) == ASSAY_OK &&
        (status = assay_moments(y, &of_y, mean + d, &c[1])) == ASSAY_OK)
        status = assay_diffusion_frechet_moments(mean, &c[0], mean + d, &c[1], out);
    for (size_t k = 0; k < 2 && ranks && status == ASSAY_OK; k++)
        status = rank_of(&c[k], &c[2], mean + 2 * d, &ranks[k]);
    free(memory);
    return status;
}

/* ---- Wasserstein ---- */

/* a and b sorted: both quantile functions are constant between the merged breakpoints i/n and j/m.
 */
static double between_sorted(const double *a, size_t n, const double *b, size_t m, double p)
{
    double sum = 0;
    size_t at = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        const size_t end_a = (i + 1) * m, end_b = (j + 1) * n; /* breakpoints, times n m */
        const double off = fabs(a[i] - b[j]);
        const size_t end = end_a < end_b ? end_a : end_b;
        const double width = (double)(end - at) / ((double)n * (double)m);
        sum += width * (p == 1 ? off : p == 2 ? off * off : pow(off, p));
        at = end;
        i += end == end_a;
        j += end == end_b;
    }
    return sum;
}

int assay_diffusion_wasserstein_1d(
    const double *a, size_t n, const double *b, size_t m, double p, double *out)
{
    const int status = check_power(p);
    if (status != ASSAY_OK)
        return status;
    if (n < 1 || m < 1)
        return assay_fail(ASSAY_EINVAL, "a and b must not be empty, got %zu and %zu", n, m);
    for (size_t i = 0; i < n + m; i++)
        if (!isfinite(i < n ? a[i] : b[i - n]))
            return assay_fail(ASSAY_EINVAL, "a and b must be finite");
    double *sorted = malloc((n + m) * sizeof *sorted);
    if (!sorted)
        return assay_fail(ASSAY_ENOMEM, "no memory to sort %zu values", n + m);
    memcpy(sorted, a, n * sizeof *a);
    memcpy(sorted + n, b, m * sizeof *b);
    gsl_sort(sorted, 1, n);
    gsl_sort(sorted + n, 1, m);
    *out = between_sorted(sorted, n, sorted + n, m, p);
    free(sorted);
    return ASSAY_OK;
}

void assay_diffusion_directions(assay_rng *rng, assay_matrix *directions)
{
    for (size_t i = 0; i < directions->rows; i++) {
        double *row = assay_matrix_row(directions, i);
        assay_rng_fill_normal(rng, row, directions->cols);
        const double length = cblas_dnrm2((int)directions->cols, row, 1);
        cblas_dscal((int)directions->cols, 1 / length, row, 1);
    }
}

static int check_directions(const assay_matrix *directions, size_t d)
{
    if (directions->cols != d || directions->rows < 1)
        return assay_fail(ASSAY_EINVAL,
            "projections must have %zu columns and a row, got %zu x %zu", d, directions->rows,
            directions->cols);
    for (size_t i = 0; i < directions->rows; i++) {
        const double length = cblas_dnrm2((int)d, assay_matrix_row(directions, i), 1);
        if (!(fabs(length - 1) <= 1e-6))
            return assay_fail(
                ASSAY_EINVAL, "projections[%zu] must have length 1, got %.8g", i + 1, length);
    }
    return ASSAY_OK;
}

static void project(const assay_matrix *x, const double *direction, double *out)
{
    cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)x->rows, (int)x->cols, 1, x->data, (int)x->stride,
        direction, 1, 0, out, 1);
    gsl_sort(out, 1, x->rows);
}

int assay_diffusion_sliced_wasserstein(const assay_matrix *x, const assay_matrix *y,
    const assay_matrix *directions, double p, const assay_progress *progress, double *out)
{
    int status = check_pair(x, y, 1);
    if (status != ASSAY_OK || (status = check_power(p)) != ASSAY_OK ||
        (status = check_directions(directions, x->cols)) != ASSAY_OK)
        return status;
    double *a = malloc((x->rows + y->rows) * sizeof *a), *b = a ? a + x->rows : NULL, sum = 0;
    if (!a)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu projections", x->rows + y->rows);
    for (size_t k = 0; k < directions->rows && status == ASSAY_OK; k++) {
        project(x, assay_matrix_row(directions, k), a);
        project(y, assay_matrix_row(directions, k), b);
        sum += between_sorted(a, x->rows, b, y->rows, p);
        status = assay_progress_report(progress, (double)(k + 1), (double)directions->rows);
    }
    *out = pow(sum / (double)directions->rows, 1 / p);
    free(a);
    return status;
}

/* ---- kernels ---- */

/* The sum of k(a, y_j) over rows first.. of y. */
static double kernel_row(
    const double *a, const assay_matrix *y, size_t first, const double *bandwidths, size_t count)
{
    double sum = 0;
    for (size_t j = first; j < y->rows; j++) {
        const double square = assay_squared_distance(a, assay_matrix_row(y, j), y->cols);
        for (size_t h = 0; h < count; h++)
            sum += exp(-square / (2 * bandwidths[h] * bandwidths[h]));
    }
    return sum / (double)count;
}

int assay_diffusion_mmd2(const assay_matrix *x, const assay_matrix *y, const double *bandwidths,
    size_t count, const assay_progress *progress, double *out)
{
    int status = check_pair(x, y, 2);
    if (status != ASSAY_OK)
        return status;
    if (count < 1)
        return assay_fail(ASSAY_EINVAL, "bandwidths must not be empty");
    for (size_t h = 0; h < count; h++)
        if (!(bandwidths[h] > 0 && isfinite(bandwidths[h])))
            return assay_fail(ASSAY_EINVAL, "bandwidths[%zu] must be greater than 0, got %g", h + 1,
                bandwidths[h]);
    const double n = (double)x->rows, m = (double)y->rows;
    double within_x = 0, within_y = 0, between = 0;
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++) {
        within_x += 2 * kernel_row(assay_matrix_row(x, i), x, i + 1, bandwidths, count);
        between += kernel_row(assay_matrix_row(x, i), y, 0, bandwidths, count);
        status = assay_progress_report(progress, (double)i, n + m / 2);
    }
    for (size_t i = 0; i < y->rows && status == ASSAY_OK; i++) {
        within_y += 2 * kernel_row(assay_matrix_row(y, i), y, i + 1, bandwidths, count);
        status = assay_progress_report(progress, n + (double)i / 2, n + m / 2);
    }
    *out = within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * between / (n * m);
    return status;
}

int assay_diffusion_median_distance(const assay_matrix *y, size_t most, double *out)
{
    const size_t n = y->rows < most ? y->rows : most;
    if (n < 2)
        return assay_fail(ASSAY_EINVAL, "a median distance needs at least 2 rows, got %zu", n);
    double *all = malloc(n * (n - 1) / 2 * sizeof *all);
    size_t count = 0;
    if (!all)
        return assay_fail(ASSAY_ENOMEM, "no memory for the distances of %zu rows", n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            all[count++] = sqrt(
                assay_squared_distance(assay_matrix_row(y, i), assay_matrix_row(y, j), y->cols));
    gsl_sort(all, 1, count);
    *out = gsl_stats_median_from_sorted_data(all, 1, count);
    free(all);
    if (*out == 0)
        return assay_fail(
            ASSAY_EINVAL, "the median distance of the reference rows is 0: give bandwidths");
    return ASSAY_OK;
}

/* ---- neighbours ---- */

/* The distance of a to its k-th neighbour among the rows of y but `self`; nearest: k values */
static double neighbour(
    const double *a, const assay_matrix *y, size_t self, size_t k, double *nearest)
{
    size_t found = 0;
    for (size_t j = 0; j < y->rows; j++) {
        const double square =
            j == self ? INFINITY : assay_squared_distance(a, assay_matrix_row(y, j), y->cols);
        if (j == self || (found == k && square >= nearest[k - 1]))
            continue;
        size_t at = found < k ? found++ : k - 1;
        for (; at > 0 && nearest[at - 1] > square; at--)
            nearest[at] = nearest[at - 1];
        nearest[at] = square;
    }
    return sqrt(nearest[k - 1]);
}

int assay_diffusion_knn_kl(const assay_matrix *x, const assay_matrix *y, size_t k,
    const assay_progress *progress, double *out)
{
    int status = check_pair(x, y, 2);
    if (status != ASSAY_OK)
        return status;
    if (k < 1 || k > x->rows - 1 || k > y->rows)
        return assay_fail(ASSAY_EINVAL, "k must be in 1..%zu, got %zu",
            x->rows - 1 < y->rows ? x->rows - 1 : y->rows, k);
    double *nearest = malloc(k * sizeof *nearest), sum = 0;
    if (!nearest)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", k);
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++) {
        const double *row = assay_matrix_row(x, i);
        const double rho = neighbour(row, x, i, k, nearest);
        const double nu = neighbour(row, y, y->rows, k, nearest);
        if (!(rho > 0 && nu > 0))
            status = assay_fail(ASSAY_EINVAL,
                "row %zu of X has %zu equal rows: the k-th neighbour is at distance 0", i + 1, k);
        else
            sum += log(nu / rho);
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)(i + 1), (double)x->rows);
    }
    *out = (double)x->cols / (double)x->rows * sum + log((double)y->rows / (double)(x->rows - 1));
    free(nearest);
    return status;
}

/* ---- slopes ---- */

int assay_loglog_slope(const double *nfe, const double *err, size_t n, double *out)
{
    double mx = 0, my = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(nfe[i] > 0 && err[i] > 0 && isfinite(nfe[i]) && isfinite(err[i])))
            return assay_fail(ASSAY_EINVAL,
                "nfe and err must be finite and greater than 0, got %g and %g at %zu", nfe[i],
                err[i], i + 1);
        mx += log(nfe[i]) / (double)n;
        my += log(err[i]) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (log(nfe[i]) - mx) * (log(nfe[i]) - mx);
        xy += (log(nfe[i]) - mx) * (log(err[i]) - my);
    }
    if (!(xx > 0))
        return assay_fail(ASSAY_EINVAL, "a slope needs at least 2 different nfe");
    *out = xy / xx;
    return ASSAY_OK;
}
