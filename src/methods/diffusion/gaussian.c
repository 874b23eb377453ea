/*
 * One Gaussian: fit, flow, score, denoiser; see gaussian.h.
 *
 * All of them are one linear map: a y + U diag(h - a) U^T y about a centre, with a for the
 * directions outside of U. So each is a pair of products over blocks of rows, and only its h and a
 * differ.
 */
#include "methods/diffusion/gaussian.h"

#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/pca.h"
#include "core/status.h"

enum { BLOCK = 512, WIDEST_COVARIANCE = 4096 };

/* ---- fits ---- */

/* LAPACK's singular values by divide and conquer, which OpenBLAS has; the last argument is the
 * length of the text, as Fortran passes it. */
extern void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda,
    double *s, double *u, const int *ldu, double *vt, const int *ldvt, double *work,
    const int *lwork, int *iwork, int *info, size_t);

void assay_gaussian_free(assay_gaussian *g)
{
    free(g->mean);
    free(g->eigenvalues);
    assay_matrix_free(&g->vectors);
    *g = (assay_gaussian){0};
}

static int check_rank(const assay_gaussian_options *o, size_t most, size_t *rank)
{
    *rank = o && o->truncate ? o->rank : most;
    if (*rank > most)
        return assay_fail(ASSAY_EINVAL, "rank must be in 0..%zu, got %zu", most, *rank);
    return ASSAY_OK;
}

static int allocate(size_t dim, size_t rank, assay_gaussian *g)
{
    *g = (assay_gaussian){.dim = dim, .rank = rank};
    g->mean = calloc(dim + 1, sizeof *g->mean);
    g->eigenvalues = calloc(rank + 1, sizeof *g->eigenvalues);
    if (!g->mean || !g->eigenvalues)
        return assay_fail(ASSAY_ENOMEM, "no memory for a Gaussian in %zu dimensions", dim);
    return assay_matrix_alloc(dim, rank, &g->vectors);
}

/* Of all variances (falling, n of them; those of other directions are 0) and their vectors (rows).
 */
static void keep_leading(assay_gaussian *g, bool isotropic, const double *variances, size_t n,
    const double *vectors, size_t stride)
{
    double left = 0;
    for (size_t k = 0; k < n; k++) {
        const double variance = fmax(variances[k], 0);
        g->trace += variance;
        left += k < g->rank ? 0 : variance;
    }
    for (size_t k = 0; k < g->rank; k++) {
        g->eigenvalues[k] = fmax(variances[k], 0);
        for (size_t j = 0; j < g->dim; j++)
            *assay_matrix_at(&g->vectors, j, k) = vectors[k * stride + j];
    }
    if (isotropic && g->rank < g->dim)
        g->residual = left / (double)(g->dim - g->rank);
}

/* covariance is overwritten */
static int fit_eigen(assay_gaussian *g, bool isotropic, assay_matrix *covariance)
{
    const size_t d = g->dim;
    assay_matrix vectors = {0};
    double *values = calloc(d + 1, sizeof *values);
    int status = values ? assay_matrix_alloc(d, d, &vectors)
                        : assay_fail(ASSAY_ENOMEM, "no memory for %zu variances", d);
    if (status == ASSAY_OK)
        status = assay_symmetric_eigen(covariance, values, &vectors);
    if (status == ASSAY_OK)
        keep_leading(g, isotropic, values, d, vectors.data, d);
    assay_matrix_free(&vectors);
    free(values);
    return status;
}

static int check_rows(const assay_matrix *x)
{
    if (x->rows < 2)
        return assay_fail(ASSAY_EINVAL, "a Gaussian needs at least 2 rows, got %zu", x->rows);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL, "x[%zu][%zu] must be finite, got %g", i + 1, j + 1,
                    *assay_matrix_at(x, i, j));
    return ASSAY_OK;
}

static void column_means(const assay_matrix *x, double *mean)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            mean[j] += *assay_matrix_at(x, i, j) / (double)x->rows;
}

/* What Fortran sees of the rows, column after column, is their transpose (d x n): its left singular
 * vectors, column after column, are the directions as rows. */
static int singular_values(double *centred, size_t n, size_t d, double *values, double *directions)
{
    const int rows = (int)d, cols = (int)n, least = (int)(n < d ? n : d);
    int info = 0, ask = -1, *whole = calloc(8 * (size_t)least, sizeof *whole);
    double *right = calloc((size_t)least * n, sizeof *right), best = 0, *work = NULL;
    if (whole && right)
        dgesdd_("S", &rows, &cols, centred, &rows, values, directions, &rows, right, &least, &best,
            &ask, whole, &info, 1);
    const int size = (int)best;
    if (whole && right)
        work = calloc((size_t)size + 1, sizeof *work);
    int status = ASSAY_OK;
    if (!work)
        status = assay_fail(ASSAY_ENOMEM, "no memory for the singular values of %zu rows", n);
    else
        dgesdd_("S", &rows, &cols, centred, &rows, values, directions, &rows, right, &least, work,
            &size, whole, &info, 1);
    if (status == ASSAY_OK && info != 0)
        status = assay_fail(ASSAY_ECONVERGE, "the singular values of a fit did not converge");
    free(work);
    free(right);
    free(whole);
    return status;
}

static int fit_singular(const assay_matrix *x, const assay_gaussian_options *o, assay_gaussian *g)
{
    const size_t n = x->rows, d = x->cols, least = n < d ? n : d;
    if (n > INT32_MAX || d > INT32_MAX)
        return assay_fail(ASSAY_EINVAL, "a fit of %zu x %zu numbers is too large", n, d);
    double *centred = calloc(n * d + 1, sizeof *centred), *values = calloc(least, sizeof *values),
           *directions = calloc(least * d + 1, sizeof *directions);
    int status = centred && values && directions
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "no memory for the singular values of %zu rows", n);
    if (status == ASSAY_OK) {
        if (!o->centred)
            column_means(x, g->mean);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++)
                centred[i * d + j] = *assay_matrix_at(x, i, j) - g->mean[j];
        status = singular_values(centred, n, d, values, directions);
    }
    if (status == ASSAY_OK) {
        for (size_t k = 0; k < least; k++)
            values[k] *= values[k] / (double)(n - 1);
        keep_leading(g, o->isotropic, values, least, directions, d);
    }
    free(directions);
    free(values);
    free(centred);
    return status;
}

/* X^T X / (n - 1), out zeroed by the caller */
static int second_moments(const assay_matrix *x, const assay_progress *progress, assay_matrix *out)
{
    const int d = (int)x->cols;
    int status = ASSAY_OK;
    for (size_t first = 0; first < x->rows && status == ASSAY_OK; first += BLOCK) {
        const size_t rows = x->rows - first < BLOCK ? x->rows - first : BLOCK;
        const double *block = assay_matrix_row(x, first);
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, d, d, (int)rows,
            1 / (double)(x->rows - 1), block, (int)x->stride, block, (int)x->stride, 1, out->data,
            (int)out->stride);
        status = assay_progress_report(progress, (double)(first + rows), (double)x->rows);
    }
    return status;
}

static int fit_covariance(const assay_matrix *x, const assay_gaussian_options *o,
    const assay_progress *progress, assay_gaussian *g)
{
    assay_matrix covariance = {0};
    int status = assay_matrix_alloc(x->cols, x->cols, &covariance);
    if (status == ASSAY_OK && o->centred)
        status = second_moments(x, progress, &covariance);
    else if (status == ASSAY_OK)
        status = assay_moments(x, progress, g->mean, &covariance);
    if (status == ASSAY_OK)
        status = fit_eigen(g, o->isotropic, &covariance);
    assay_matrix_free(&covariance);
    return status;
}

int assay_gaussian_fit(const assay_matrix *x, const assay_gaussian_options *o,
    const assay_progress *progress, assay_gaussian *g)
{
    static const assay_gaussian_options plain = {0};
    *g = (assay_gaussian){0};
    size_t rank;
    int status = check_rows(x);
    if (status != ASSAY_OK)
        return status;
    const size_t d = x->cols, most = d < x->rows - 1 ? d : x->rows - 1;
    if ((status = check_rank(o, most, &rank)) == ASSAY_OK)
        status = allocate(d, rank, g);
    if (status == ASSAY_OK)
        status = x->rows < d || d > WIDEST_COVARIANCE
                     ? fit_singular(x, o ? o : &plain, g)
                     : fit_covariance(x, o ? o : &plain, progress, g);
    if (status != ASSAY_OK)
        assay_gaussian_free(g);
    return status;
}

static int check_symmetric(const assay_matrix *c)
{
    double largest = 0;
    for (size_t i = 0; i < c->rows; i++)
        for (size_t j = 0; j < c->rows; j++)
            largest = fmax(largest, fabs(*assay_matrix_at(c, i, j)));
    for (size_t i = 0; i < c->rows; i++)
        for (size_t j = 0; j <= i; j++) {
            const double a = *assay_matrix_at(c, i, j), b = *assay_matrix_at(c, j, i);
            if (!(fabs(a - b) <= 1e-9 * largest && isfinite(largest)))
                return assay_fail(ASSAY_EINVAL,
                    "cov must be symmetric and finite: [%zu][%zu] is %g, [%zu][%zu] is %g", i + 1,
                    j + 1, a, j + 1, i + 1, b);
        }
    return ASSAY_OK;
}

int assay_gaussian_from_moments(const double *mean, const assay_matrix *covariance,
    const assay_gaussian_options *o, assay_gaussian *g)
{
    *g = (assay_gaussian){0};
    size_t rank;
    assay_matrix copy = {0};
    const size_t d = covariance->rows;
    if (covariance->cols != d)
        return assay_fail(ASSAY_EINVAL, "cov must be square, got %zu x %zu", d, covariance->cols);
    int status = check_symmetric(covariance);
    if (status == ASSAY_OK && (status = check_rank(o, d, &rank)) == ASSAY_OK &&
        (status = allocate(d, rank, g)) == ASSAY_OK &&
        (status = assay_matrix_alloc(d, d, &copy)) == ASSAY_OK &&
        (status = assay_matrix_copy(covariance, &copy)) == ASSAY_OK) {
        memcpy(g->mean, mean, d * sizeof *mean);
        status = fit_eigen(g, o && o->isotropic, &copy);
    }
    assay_matrix_free(&copy);
    if (status != ASSAY_OK)
        assay_gaussian_free(g);
    return status;
}

/* ---- the linear map ---- */

/* out = base mu + outside y + U diag(inside - outside) U^T y with y = x - centre mu */
typedef struct linear_map {
    double centre, base, outside;
    const double *inside; /* r */
} linear_map;

static int check_shape(const assay_gaussian *g, const assay_matrix *x)
{
    if (x->rows > 0 && x->cols != g->dim)
        return assay_fail(
            ASSAY_EINVAL, "x must have %zu columns as the Gaussian, got %zu", g->dim, x->cols);
    return ASSAY_OK;
}

/* y (rows x d) and its coordinates c (rows x r) */
static void project(const assay_gaussian *g, const assay_matrix *x, size_t first, size_t rows,
    double centre, double *y, double *c)
{
    const size_t d = g->dim;
    for (size_t i = 0; i < rows; i++) {
        const double *row = assay_matrix_row(x, first + i);
        for (size_t j = 0; j < d; j++)
            y[i * d + j] = row[j] - centre * g->mean[j];
    }
    if (g->rank > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)g->rank, (int)d, 1,
            y, (int)d, g->vectors.data, (int)g->vectors.stride, 0, c, (int)g->rank);
}

/* With all directions inside, nothing is left of y: its rounding errors aren't multiplied. */
static void lift(const assay_gaussian *g, const linear_map *map, size_t rows, const double *y,
    const double *c, double *scaled, double *out, size_t stride)
{
    const size_t d = g->dim, r = g->rank;
    const double outside = r < d ? map->outside : 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            out[i * stride + j] =
                map->base * g->mean[j] + (outside != 0 ? outside * y[i * d + j] : 0);
    if (r == 0)
        return;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < r; k++)
            scaled[i * r + k] = (map->inside[k] - outside) * c[i * r + k];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)d, (int)r, 1, scaled,
        (int)r, g->vectors.data, (int)g->vectors.stride, 1, out, (int)stride);
}

/* n_maps of equal centre */
static int apply(const assay_gaussian *g, const linear_map *maps, size_t n_maps,
    const assay_matrix *x, assay_matrix *out)
{
    const size_t d = g->dim, r = g->rank, block = x->rows < BLOCK ? x->rows : BLOCK;
    const int status = check_shape(g, x);
    if (status != ASSAY_OK)
        return status;
    double *memory = malloc((block * (d + 2 * r) + 1) * sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows of %zu dimensions", block, d);
    double *y = memory, *c = y + block * d, *scaled = c + block * r;
    for (size_t first = 0; first < x->rows; first += BLOCK) {
        const size_t rows = x->rows - first < BLOCK ? x->rows - first : BLOCK;
        project(g, x, first, rows, maps[0].centre, y, c);
        for (size_t m = 0; m < n_maps; m++)
            lift(g, &maps[m], rows, y, c, scaled, assay_matrix_row(&out[m], first), out[m].stride);
    }
    free(memory);
    return ASSAY_OK;
}

static bool has_flat_direction(const assay_gaussian *g)
{
    bool flat = g->rank < g->dim && g->residual == 0;
    for (size_t k = 0; k < g->rank; k++)
        flat |= g->eigenvalues[k] == 0;
    return flat;
}

/* ---- flow ---- */

typedef struct level {
    double alpha, sigma;
} level;

static int level_at(const assay_schedule *s, double t, const char *name, level *out)
{
    if (!s) {
        *out = (level){1, t};
        if (!(t >= 0 && isfinite(t)))
            return assay_fail(
                ASSAY_EINVAL, "%s must be finite and at least 0 (a sigma), got %g", name, t);
        return ASSAY_OK;
    }
    const int status = assay_schedule_eval(s, t, &out->alpha, &out->sigma, NULL);
    out->alpha = exp(out->alpha);
    return status;
}

/* How far coordinates of variance L spread from level a to b; 0 / 0 where nothing moves is 1. */
static double spread(level a, level b, double variance)
{
    const double to = b.alpha * b.alpha * variance + b.sigma * b.sigma,
                 from = a.alpha * a.alpha * variance + a.sigma * a.sigma;
    return to == from ? 1 : sqrt(to / from);
}

static int flow_map(const assay_gaussian *g, level a, level b, double *inside, linear_map *map)
{
    if (a.sigma == 0 && b.sigma > 0 && has_flat_direction(g))
        return assay_fail(ASSAY_EINVAL,
            "sigma is 0 where the flow starts, which needs a variance above 0 in every direction");
    for (size_t k = 0; k < g->rank; k++)
        inside[k] = spread(a, b, g->eigenvalues[k]);
    *map = (linear_map){a.alpha, b.alpha, spread(a, b, g->residual), inside};
    return ASSAY_OK;
}

/* The flow from one time to each of several. */
static int flow_from(const assay_gaussian *g, const assay_schedule *s, double start,
    const double *times, size_t n_times, const assay_matrix *x, assay_matrix *out)
{
    level from, to;
    int status = level_at(s, start, "from", &from);
    if (status != ASSAY_OK)
        return status;
    linear_map *maps = calloc(n_times, sizeof *maps);
    double *inside = calloc(n_times * g->rank + 1, sizeof *inside);
    if (!maps || !inside)
        status = assay_fail(ASSAY_ENOMEM, "no memory for a flow to %zu times", n_times);
    for (size_t m = 0; m < n_times && status == ASSAY_OK; m++) {
        status = level_at(s, times[m], "to", &to);
        if (status == ASSAY_OK)
            status = flow_map(g, from, to, inside + m * g->rank, &maps[m]);
    }
    if (status == ASSAY_OK)
        status = apply(g, maps, n_times, x, out);
    free(maps);
    free(inside);
    return status;
}

int assay_gaussian_flow(const assay_gaussian *g, const assay_schedule *s, double from, double to,
    const assay_matrix *x, assay_matrix *out)
{
    return flow_from(g, s, from, &to, 1, x, out);
}

int assay_gaussian_flow_path(const assay_gaussian *g, const assay_schedule *s, const double *times,
    size_t n_times, const assay_matrix *x, assay_matrix *out)
{
    if (n_times < 1)
        return assay_fail(ASSAY_EINVAL, "a path needs at least 1 time, got %zu", n_times);
    return flow_from(g, s, times[0], times, n_times, x, out);
}

/* ---- scores ---- */

static double total_variance(const assay_gaussian *g)
{
    double sum = (double)(g->dim - g->rank) * g->residual;
    for (size_t k = 0; k < g->rank; k++)
        sum += g->eigenvalues[k];
    return sum;
}

/* In place of sigma^2 where C is divided by it. */
static double radius(const assay_gaussian *g, assay_gaussian_score_kind kind, double sigma)
{
    const bool regular = kind == ASSAY_SCORE_EXPAND1_REG || kind == ASSAY_SCORE_EXPAND2_REG;
    return sigma * sigma + (regular ? total_variance(g) / 2 : 0);
}

bool assay_gaussian_score_diverges(
    const assay_gaussian *g, assay_gaussian_score_kind kind, double sigma)
{
    double largest = g->rank < g->dim ? g->residual : 0;
    for (size_t k = 0; k < g->rank; k++)
        largest = fmax(largest, g->eigenvalues[k]);
    return kind != ASSAY_SCORE_EXACT && kind != ASSAY_SCORE_ISOTROPIC &&
           radius(g, kind, sigma) < largest;
}

/* The score's factor in a direction of this variance. */
static double slope(assay_gaussian_score_kind kind, double variance, double square, double divisor)
{
    const double share = variance / divisor;
    switch (kind) {
    case ASSAY_SCORE_EXPAND1:
    case ASSAY_SCORE_EXPAND1_REG:
        return -(1 - share) / square;
    case ASSAY_SCORE_EXPAND2:
    case ASSAY_SCORE_EXPAND2_REG:
        return -(1 - share + share * share) / square;
    case ASSAY_SCORE_ISOTROPIC:
        return -1 / square;
    default:
        return -1 / (variance + square);
    }
}

int assay_gaussian_score(const assay_gaussian *g, assay_gaussian_score_kind kind, double sigma,
    const assay_matrix *x, assay_matrix *out)
{
    const bool at_data = sigma == 0 && kind == ASSAY_SCORE_EXACT && !has_flat_direction(g);
    if (!(sigma > 0 && isfinite(sigma)) && !at_data)
        return assay_fail(ASSAY_EINVAL, "sigma must be greater than 0%s, got %g",
            kind == ASSAY_SCORE_EXACT ? " (or 0 where every direction has a variance above 0)" : "",
            sigma);
    double *inside = malloc((g->rank + 1) * sizeof *inside);
    if (!inside)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu directions", g->rank);
    const double square = sigma * sigma, divisor = radius(g, kind, sigma);
    for (size_t k = 0; k < g->rank; k++)
        inside[k] = slope(kind, g->eigenvalues[k], square, divisor);
    const linear_map map = {1, 0, slope(kind, g->residual, square, divisor), inside};
    const int status = apply(g, &map, 1, x, out);
    free(inside);
    return status;
}

int assay_gaussian_denoise(
    const assay_gaussian *g, double sigma, const assay_matrix *x, assay_matrix *out)
{
    if (!(sigma >= 0 && isfinite(sigma)))
        return assay_fail(ASSAY_EINVAL, "sigma must be finite and at least 0, got %g", sigma);
    double *inside = malloc((g->rank + 1) * sizeof *inside);
    if (!inside)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu directions", g->rank);
    for (size_t k = 0; k <= g->rank; k++) { /* the last: outside */
        const double variance = k < g->rank ? g->eigenvalues[k] : g->residual;
        inside[k] = variance > 0 ? variance / (variance + sigma * sigma) : 0;
    }
    const linear_map map = {1, 1, inside[g->rank], inside};
    const int status = apply(g, &map, 1, x, out);
    free(inside);
    return status;
}

int assay_gaussian_modes_at(
    const assay_gaussian *g, double sigma_T, double sigma, const assay_gaussian_modes *out)
{
    if (!(sigma_T > 0 && isfinite(sigma_T) && sigma >= 0 && isfinite(sigma)))
        return assay_fail(ASSAY_EINVAL,
            "sigmas must be finite, the first above 0 and the others at least 0, got %g and %g",
            sigma_T, sigma);
    for (size_t k = 0; k < g->rank; k++) {
        const double L = g->eigenvalues[k], here = sqrt(L + sigma * sigma),
                     start = sqrt(L + sigma_T * sigma_T);
        if (out->state)
            out->state[k] = here / start;
        if (out->denoised)
            out->denoised[k] = L > 0 ? L / (here * start) : 0;
        if (out->perturbation)
            out->perturbation[k] = L > 0 ? sqrt(L) / here : 0;
    }
    return ASSAY_OK;
}
