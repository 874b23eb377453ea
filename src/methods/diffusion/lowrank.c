/*
 * Mixtures of low rank, fitted, and their flow; see gaussian.h.
 *
 * A component is N(m_k, C_k) with C_k = U_k diag(L_k) U_k^T of rank r. For expectation-maximisation
 * the left-out directions have the variance of the ridge, s: L_k = max(lambda, s) for the r largest
 * eigenvalues lambda of the weighted covariance is then the likeliest (Tipping and Bishop 1999),
 * and the density is that of the singular components at sigma = sqrt(s), whose L is less by s.
 */
#include <cblas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kmeans.h"
#include "core/pca.h"
#include "core/status.h"
#include "methods/diffusion/gaussian.h"

/* ---- flow ---- */

typedef struct row_flow {
    const assay_gmm_lowrank *m;
    int status;
} row_flow;

/* With u = ln sigma: dx/du = -sigma^2 s(x, sigma). */
static int velocity(double u, const double *x, double *dxdu, void *context)
{
    row_flow *f = context;
    const double sigma = exp(u);
    const assay_matrix at = assay_matrix_view((double *)(size_t)x, 1, f->m->dim);
    assay_matrix out = assay_matrix_view(dxdu, 1, f->m->dim);
    f->status = assay_gmm_lowrank_score(f->m, sigma, &at, &out);
    for (size_t j = 0; j < f->m->dim; j++)
        dxdu[j] *= -sigma * sigma;
    return f->status == ASSAY_OK ? GSL_SUCCESS : GSL_EBADFUNC;
}

static int flow_row(gsl_odeiv2_driver *driver, row_flow *f, double from, double to, double *row)
{
    double u = log(from);
    gsl_odeiv2_driver_reset_hstart(driver, to < from ? -1e-3 : 1e-3);
    const int code = from == to ? GSL_SUCCESS : gsl_odeiv2_driver_apply(driver, &u, log(to), row);
    if (f->status != ASSAY_OK)
        return f->status;
    if (code != GSL_SUCCESS)
        return assay_fail(
            ASSAY_ECONVERGE, "the flow stopped at sigma %g: %s", exp(u), gsl_strerror(code));
    return ASSAY_OK;
}

static int check_flow(double from, double to, double rtol, double atol)
{
    if (!(from > 0 && to > 0 && isfinite(from) && isfinite(to)))
        return assay_fail(ASSAY_EINVAL,
            "from and to must be finite and greater than 0 (sigmas), got %g and %g", from, to);
    if (!(rtol >= 0 && atol >= 0 && rtol + atol > 0))
        return assay_fail(ASSAY_EINVAL,
            "rtol and atol must be at least 0 and not both 0, got %g and %g", rtol, atol);
    return ASSAY_OK;
}

int assay_gmm_flow(const assay_gmm_lowrank *m, double from, double to, double rtol, double atol,
    const assay_matrix *x, const assay_progress *progress, assay_matrix *out)
{
    row_flow f = {m, ASSAY_OK};
    int status = check_flow(from, to, rtol, atol);
    if (status == ASSAY_OK && x->rows > 0 && x->cols != m->dim)
        status = assay_fail(
            ASSAY_EINVAL, "x must have %zu columns as the mixture, got %zu", m->dim, x->cols);
    if (status != ASSAY_OK || x->rows == 0)
        return status;
    gsl_odeiv2_system system = {velocity, NULL, m->dim, &f};
    gsl_odeiv2_driver *driver =
        gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rkf45, 1e-3, atol, rtol);
    if (!driver)
        return assay_fail(ASSAY_ENOMEM, "no memory to integrate %zu dimensions", m->dim);
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++) {
        memcpy(assay_matrix_row(out, i), assay_matrix_row(x, i), m->dim * sizeof(double));
        status = flow_row(driver, &f, from, to, assay_matrix_row(out, i));
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)(i + 1), (double)x->rows);
    }
    gsl_odeiv2_driver_free(driver);
    return status;
}

/* ---- fits ---- */

void assay_gmm_lowrank_free(assay_gmm_lowrank *m)
{
    free(m->weights);
    free(m->means);
    free(m->vectors);
    free(m->eigenvalues);
    *m = (assay_gmm_lowrank){0};
}

typedef struct fit {
    const assay_matrix *x;
    double ridge;
    assay_gmm_lowrank *m;
    assay_matrix share;            /* n x K: of each row in each component */
    assay_matrix weighted;         /* n x d */
    assay_matrix covariance, axes; /* d x d */
    double *values, *joint;        /* d, n */
} fit;

static int check_fit(const assay_matrix *x, const assay_gmm_lowrank_options *o)
{
    if (o->components < 1 || o->components > x->rows)
        return assay_fail(ASSAY_EINVAL, "components must be in 1..%zu (rows of x), got %zu",
            x->rows, o->components);
    if (o->rank < 1 || o->rank > x->cols)
        return assay_fail(ASSAY_EINVAL, "rank must be in 1..%zu, got %zu", x->cols, o->rank);
    if (!(o->ridge >= 0 && isfinite(o->ridge)))
        return assay_fail(ASSAY_EINVAL, "ridge must be at least 0, got %g", o->ridge);
    for (size_t i = 0; i < x->rows * x->cols; i++) {
        const double value = *assay_matrix_at(x, i / x->cols, i % x->cols);
        if (!isfinite(value))
            return assay_fail(ASSAY_EINVAL, "x[%zu][%zu] must be finite, got %g", i / x->cols + 1,
                i % x->cols + 1, value);
    }
    return ASSAY_OK;
}

static int open_fit(fit *f, const assay_gmm_lowrank_options *o)
{
    const size_t n = f->x->rows, d = f->x->cols, K = o->components, r = o->rank;
    *f->m = (assay_gmm_lowrank){.components = K,
        .dim = d,
        .rank = r,
        .weights = calloc(K, sizeof(double)),
        .means = calloc(K * d, sizeof(double)),
        .vectors = calloc(K * d * r, sizeof(double)),
        .eigenvalues = calloc(K * r, sizeof(double))};
    f->values = calloc(d, sizeof *f->values);
    f->joint = calloc(n, sizeof *f->joint);
    if (!f->m->weights || !f->m->means || !f->m->vectors || !f->m->eigenvalues || !f->values ||
        !f->joint)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu components", K);
    int status = assay_matrix_alloc(n, K, &f->share);
    if (status == ASSAY_OK && (status = assay_matrix_alloc(n, d, &f->weighted)) == ASSAY_OK &&
        (status = assay_matrix_alloc(d, d, &f->covariance)) == ASSAY_OK)
        status = assay_matrix_alloc(d, d, &f->axes);
    return status;
}

static void close_fit(fit *f)
{
    assay_matrix_free(&f->share);
    assay_matrix_free(&f->weighted);
    assay_matrix_free(&f->covariance);
    assay_matrix_free(&f->axes);
    free(f->values);
    free(f->joint);
}

/* mean_k and the rows less it, times the root of their share in k; the sum of the shares */
static double weigh(fit *f, size_t k)
{
    const assay_matrix *x = f->x;
    double *mean = f->m->means + k * x->cols, sum = 0;
    memset(mean, 0, x->cols * sizeof *mean);
    for (size_t i = 0; i < x->rows; i++) {
        const double share = *assay_matrix_at(&f->share, i, k);
        sum += share;
        for (size_t j = 0; j < x->cols; j++)
            mean[j] += share * *assay_matrix_at(x, i, j);
    }
    for (size_t j = 0; j < x->cols && sum > 0; j++)
        mean[j] /= sum;
    for (size_t i = 0; i < x->rows; i++) {
        const double root = sqrt(*assay_matrix_at(&f->share, i, k));
        for (size_t j = 0; j < x->cols; j++)
            *assay_matrix_at(&f->weighted, i, j) = root * (*assay_matrix_at(x, i, j) - mean[j]);
    }
    return sum;
}

/* Mean, weight and principal components of k. Clusters (hard) have the divisor n_k - 1 and the
 * ridge added, shares (soft) are those of the likelihood. */
static int update(fit *f, size_t k, bool hard)
{
    const size_t n = f->x->rows, d = f->x->cols, r = f->m->rank;
    const double sum = weigh(f, k), divisor = hard ? fmax(sum - 1, 1) : sum;
    f->m->weights[k] = sum / (double)n;
    if (!(sum > 0))
        return ASSAY_OK; /* weight 0: it counts for nothing */
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)d, (int)n, 1 / divisor,
        f->weighted.data, (int)d, 0, f->covariance.data, (int)d);
    const int status = assay_symmetric_eigen(&f->covariance, f->values, &f->axes);
    for (size_t h = 0; h < r && status == ASSAY_OK; h++) {
        f->m->eigenvalues[k * r + h] =
            hard ? fmax(f->values[h], 0) + f->ridge : fmax(f->values[h], f->ridge);
        for (size_t j = 0; j < d; j++)
            f->m->vectors[(k * d + j) * r + h] = *assay_matrix_at(&f->axes, h, j);
    }
    return status;
}

static int update_all(fit *f, bool hard)
{
    int status = ASSAY_OK;
    for (size_t k = 0; k < f->m->components && status == ASSAY_OK; k++)
        status = update(f, k, hard);
    return status;
}

static int start(fit *f, const assay_gmm_lowrank_options *o, assay_rng *rng)
{
    const size_t n = f->x->rows;
    assay_matrix centres = assay_matrix_view(f->m->means, o->components, f->x->cols);
    struct assay_kmeans_result result;
    size_t *label = calloc(n, sizeof *label);
    if (!label)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", n);
    const struct assay_kmeans_options options = {.progress = o->progress};
    int status = assay_kmeans(f->x, &options, rng, &centres, label, NULL, &result);
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        *assay_matrix_at(&f->share, i, label[i]) = 1;
    free(label);
    return status == ASSAY_OK ? update_all(f, true) : status;
}

/* ln of component k's density of every row, into f->joint */
static int log_densities(fit *f, size_t k)
{
    const size_t d = f->m->dim, r = f->m->rank;
    double one = 1, *inner = calloc(r, sizeof *inner);
    if (!inner)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu directions", r);
    for (size_t h = 0; h < r; h++)
        inner[h] = fmax(f->m->eigenvalues[k * r + h] - f->ridge, 0);
    const assay_gmm_lowrank alone = {.components = 1,
        .dim = d,
        .rank = r,
        .weights = &one,
        .means = f->m->means + k * d,
        .vectors = f->m->vectors + k * d * r,
        .eigenvalues = inner};
    const int status = assay_gmm_lowrank_logpdf(&alone, sqrt(f->ridge), f->x, f->joint);
    free(inner);
    return status;
}

/* Shares of the rows become their responsibilities. */
static int expect(fit *f)
{
    const size_t n = f->x->rows, K = f->m->components;
    for (size_t k = 0; k < K; k++) {
        const double weight = f->m->weights[k];
        const int status = weight > 0 ? log_densities(f, k) : ASSAY_OK;
        if (status != ASSAY_OK)
            return status;
        for (size_t i = 0; i < n; i++)
            *assay_matrix_at(&f->share, i, k) = weight > 0 ? f->joint[i] + log(weight) : -INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        double *row = assay_matrix_row(&f->share, i), largest = -INFINITY, sum = 0;
        for (size_t k = 0; k < K; k++)
            largest = fmax(largest, row[k]);
        for (size_t k = 0; k < K; k++)
            sum += row[k] = exp(row[k] - largest);
        for (size_t k = 0; k < K; k++)
            row[k] /= sum;
    }
    return ASSAY_OK;
}

int assay_gmm_lowrank_fit(const assay_matrix *x, const assay_gmm_lowrank_options *o, assay_rng *rng,
    assay_gmm_lowrank *out)
{
    *out = (assay_gmm_lowrank){0};
    fit f = {.x = x, .ridge = o->ridge > 0 ? o->ridge : 1e-5, .m = out};
    int status = check_fit(x, o);
    if (status == ASSAY_OK)
        status = open_fit(&f, o);
    if (status == ASSAY_OK)
        status = start(&f, o, rng);
    for (size_t i = 0; i < o->iterations && status == ASSAY_OK; i++) {
        status = expect(&f);
        if (status == ASSAY_OK)
            status = update_all(&f, false);
        if (status == ASSAY_OK)
            status = assay_progress_report(o->progress, (double)(i + 1), (double)o->iterations);
    }
    close_fit(&f);
    if (status != ASSAY_OK)
        assay_gmm_lowrank_free(out);
    return status;
}
