/*
 * Gaussian mixtures at any noise level; see gmm.h.
 *
 * Covariances are kept as eigenvalues, so that a noise level changes d numbers a component and no
 * factorisation: S = U^T diag(l) U + c (I - U^T U), with U (r x d) of orthonormal rows. Without U
 * the axes are the coordinates; r < d is a low rank with the residual variance c.
 *
 * Points come in blocks of 64, transposed, so that each loop over a block is one over consecutive
 * numbers and both products with U are gmm_block.h's or dgemm's. Where the variances of a level are
 * within a factor of 1e4, one product with the inverse U^T diag(1 / v) U takes the place of two.
 * The mean is subtracted before the product: the expansion |x|^2 - 2 x m + |m|^2 would lose all
 * digits at tiny noise.
 */
#include "models/gmm.h"

#include <gsl/gsl_eigen.h> /* brings the declarations of CBLAS, too, and clashes with cblas.h */
#include <gsl/gsl_math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/gmm_block.h"

enum {
    BLOCK = ASSAY_GMM_BLOCK,
    SMALL =
        64 /* the most dimensions that the kernels multiply; beyond, BLAS blocks for the caches */
};

#define LOG_2PI 1.8378770664093454836

struct assay_gmm {
    size_t components, dim, rank, classes;
    double *weights, *log_weights; /* K */
    double *means;                 /* K x d */
    size_t *class;                 /* K, or NULL */
    double *axes;                  /* K x rank x d (one for all when tied), or NULL */
    size_t axes_step;              /* doubles from one component's axes to the next */
    double *variances;             /* K x rank */
    double *residual;              /* K: the variance outside of the axes, when rank < dim */
};

/* ---- making ---- */

static int check_finite(const char *name, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return assay_fail(ASSAY_EINVAL, "%s must be finite, got %g", name, values[i]);
    return ASSAY_OK;
}

static int check_variances(const char *name, const double *values, size_t n, size_t per_component)
{
    for (size_t i = 0; i < n; i++)
        if (!(values[i] >= 0 && isfinite(values[i])))
            return assay_fail(ASSAY_EINVAL,
                "%s of component %zu must be finite and at least 0, got %g", name,
                i / per_component + 1, values[i]);
    return ASSAY_OK;
}

static int set_weights(assay_gmm *g, const double *weights)
{
    double sum = 0;
    for (size_t k = 0; k < g->components; k++) {
        if (!(weights[k] >= 0 && isfinite(weights[k])))
            return assay_fail(ASSAY_EINVAL, "weights[%zu] must be finite and at least 0, got %g",
                k + 1, weights[k]);
        sum += weights[k];
    }
    if (fabs(sum - 1) > 1e-6)
        return assay_fail(ASSAY_EINVAL, "the sum of weights must be 1, got %.8g", sum);
    for (size_t k = 0; k < g->components; k++) {
        g->weights[k] = weights[k] / sum;
        g->log_weights[k] = log(g->weights[k]);
    }
    return ASSAY_OK;
}

static int set_classes(assay_gmm *g, const size_t *classes)
{
    if (!classes)
        return ASSAY_OK;
    g->class = calloc(g->components, sizeof *g->class);
    if (!g->class)
        return assay_fail(ASSAY_ENOMEM, "no memory for the classes of a mixture");
    for (size_t k = 0; k < g->components; k++) {
        g->class[k] = classes[k];
        if (classes[k] >= g->classes)
            g->classes = classes[k] + 1;
    }
    return ASSAY_OK;
}

static int check_symmetric(const double *s, size_t d, size_t component)
{
    double largest = 0;
    for (size_t i = 0; i < d * d; i++)
        largest = fmax(largest, fabs(s[i]));
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++)
            if (!(fabs(s[i * d + j] - s[j * d + i]) <= 1e-9 * largest))
                return assay_fail(ASSAY_EINVAL,
                    "the covariance of component %zu is not symmetric: %g at (%zu, %zu), %g at "
                    "(%zu, %zu)",
                    component + 1, s[i * d + j], i + 1, j + 1, s[j * d + i], j + 1, i + 1);
    return ASSAY_OK;
}

/* s (n x n, overwritten) = V^T diag(values) V with the rows of V (n x n), values falling. */
static int decompose(double *s, size_t n, double *values, double *vectors)
{
    int status = ASSAY_OK;
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(n);
    gsl_matrix *columns = gsl_matrix_alloc(n, n);
    if (!work || !columns) {
        status = assay_fail(ASSAY_ENOMEM, "no memory to decompose %zu x %zu numbers", n, n);
        goto cleanup;
    }
    gsl_matrix_view of = gsl_matrix_view_array(s, n, n);
    gsl_vector_view eigenvalues = gsl_vector_view_array(values, n);
    if (gsl_eigen_symmv(&of.matrix, &eigenvalues.vector, columns, work)) {
        status = assay_fail(ASSAY_ECONVERGE, "the eigenvalues of a covariance did not converge");
        goto cleanup;
    }
    gsl_eigen_symmv_sort(&eigenvalues.vector, columns, GSL_EIGEN_SORT_VAL_DESC);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            vectors[i * n + j] = gsl_matrix_get(columns, j, i);
cleanup:
    gsl_matrix_free(columns);
    gsl_eigen_symmv_free(work);
    return status;
}

static int check_eigenvalues(const double *values, size_t n, size_t component)
{
    if (values[n - 1] < -1e-9 * fabs(values[0]))
        return assay_fail(ASSAY_EINVAL,
            "the covariance of component %zu is not positive semidefinite: it has the eigenvalue "
            "%g",
            component + 1, values[n - 1]);
    return ASSAY_OK;
}

/* One covariance (d x d, overwritten) into component k. */
static int set_full(assay_gmm *g, size_t k, double *s)
{
    const size_t d = g->dim;
    int status = check_symmetric(s, d, k);
    if (status == ASSAY_OK)
        status = decompose(s, d, g->variances + k * d, g->axes + k * g->axes_step);
    return status == ASSAY_OK ? check_eigenvalues(g->variances + k * d, d, k) : status;
}

/* D + F F^T of component k */
static void sum_low_rank(const assay_gmm_parameters *p, size_t k, double *s)
{
    const size_t d = p->dim, r = p->rank;
    const double *f = p->factors + k * d * r;
    memset(s, 0, d * d * sizeof *s);
    for (size_t i = 0; i < d; i++)
        s[i * d + i] = p->covariances[k * d + i];
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            for (size_t h = 0; h < r; h++)
                s[i * d + j] += f[i * r + h] * f[j * r + h];
}

static int set_matrices(assay_gmm *g, const assay_gmm_parameters *p)
{
    const size_t d = g->dim, distinct = p->kind == ASSAY_COVARIANCE_TIED ? 1 : g->components;
    int status = ASSAY_OK;
    double *s = calloc(d * d, sizeof *s);
    if (!s)
        return assay_fail(ASSAY_ENOMEM, "no memory for a covariance of %zu dimensions", d);
    for (size_t k = 0; k < distinct && status == ASSAY_OK; k++) {
        if (p->kind == ASSAY_COVARIANCE_LOW_RANK)
            sum_low_rank(p, k, s);
        else
            memcpy(s, p->covariances + k * d * d, d * d * sizeof *s);
        status = set_full(g, k, s);
    }
    for (size_t k = distinct; k < g->components && status == ASSAY_OK; k++)
        memcpy(g->variances + k * d, g->variances, d * sizeof *g->variances);
    free(s);
    return status;
}

/* Gram-Schmidt, twice, of row i against those before it; false when nothing is left. */
static bool orthonormalise(double *rows, size_t i, size_t d)
{
    double *row = rows + i * d;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t j = 0; j < i; j++)
            cblas_daxpy(
                (int)d, -cblas_ddot((int)d, row, 1, rows + j * d, 1), rows + j * d, 1, row, 1);
        const double norm = cblas_dnrm2((int)d, row, 1);
        if (!(norm > 1e-8))
            return false;
        cblas_dscal((int)d, 1 / norm, row, 1);
    }
    return true;
}

/*
 * c I + F F^T by the eigenvalues of F^T F (r x r): the axes are F v / |F v|. Directions that F
 * hardly has (their variance is lost in rounding) become any direction of variance c.
 */
static int set_factors(assay_gmm *g, const assay_gmm_parameters *p, size_t k)
{
    const size_t d = g->dim, r = p->rank;
    const double *f = p->factors + k * d * r, c = p->covariances[k * d];
    double *axes = g->axes + k * g->axes_step, *variances = g->variances + k * r;
    double *gram = calloc(2 * r * r, sizeof *gram), *vectors = gram + r * r;
    if (!gram)
        return assay_fail(ASSAY_ENOMEM, "no memory for factors of rank %zu", r);
    const int in = (int)r, id = (int)d;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, in, id, 1, f, in, f, in, 0, gram, in);
    const int status = decompose(gram, r, variances, vectors);
    const double largest = variances[0];
    if (status == ASSAY_OK)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, in, id, in, 1, vectors, in, f, in, 0,
            axes, id);
    for (size_t i = 0; i < r && status == ASSAY_OK; i++) {
        const double length = cblas_dnrm2(id, axes + i * d, 1);
        bool kept = length * length > 1e-13 * largest && length > 0;
        if (kept) {
            cblas_dscal(id, 1 / length, axes + i * d, 1);
            kept = orthonormalise(axes, i, d);
        }
        for (size_t axis = 0; !kept && axis < d; axis++) {
            memset(axes + i * d, 0, d * sizeof *axes);
            axes[i * d + axis] = 1;
            if (orthonormalise(axes, i, d))
                break;
        }
        variances[i] = c + (kept ? length * length : 0);
    }
    g->residual[k] = c;
    free(gram);
    return status;
}

static bool equal_within(const double *values, size_t components, size_t d)
{
    for (size_t k = 0; k < components; k++)
        for (size_t j = 1; j < d; j++)
            if (values[k * d + j] != values[k * d])
                return false;
    return true;
}

static int set_low_rank(assay_gmm *g, const assay_gmm_parameters *p)
{
    int status = check_variances("the variances", p->covariances, p->components * p->dim, p->dim);
    if (status == ASSAY_OK)
        status = check_finite("factors", p->factors, p->components * p->dim * p->rank);
    if (status != ASSAY_OK || g->rank == p->dim)
        return status == ASSAY_OK ? set_matrices(g, p) : status;
    for (size_t k = 0; k < g->components && status == ASSAY_OK; k++)
        status = set_factors(g, p, k);
    return status;
}

static int set_covariances(assay_gmm *g, const assay_gmm_parameters *p)
{
    const size_t K = g->components, d = g->dim;
    switch (p->kind) {
    case ASSAY_COVARIANCE_SPHERICAL:
        for (size_t i = 0; i < K * d; i++)
            g->variances[i] = p->covariances[i / d];
        return check_variances("the variance", p->covariances, K, 1);
    case ASSAY_COVARIANCE_DIAGONAL:
        memcpy(g->variances, p->covariances, K * d * sizeof *g->variances);
        return check_variances("the variances", p->covariances, K * d, d);
    case ASSAY_COVARIANCE_LOW_RANK:
        return set_low_rank(g, p);
    case ASSAY_COVARIANCE_FULL:
    case ASSAY_COVARIANCE_TIED:
        break;
    }
    const size_t distinct = p->kind == ASSAY_COVARIANCE_TIED ? 1 : K;
    const int status = check_finite("covariances", p->covariances, distinct * d * d);
    return status == ASSAY_OK ? set_matrices(g, p) : status;
}

static int allocate(assay_gmm *g, const assay_gmm_parameters *p)
{
    const size_t K = p->components, d = p->dim;
    const bool rotated =
        p->kind != ASSAY_COVARIANCE_SPHERICAL && p->kind != ASSAY_COVARIANCE_DIAGONAL;
    const size_t sets = p->kind == ASSAY_COVARIANCE_TIED ? 1 : K;
    const bool thin = p->kind == ASSAY_COVARIANCE_LOW_RANK && equal_within(p->covariances, K, d);
    g->components = K;
    g->dim = d;
    g->rank = thin ? p->rank : d;
    g->weights = calloc(2 * K, sizeof(double));
    g->means = calloc(K * d, sizeof(double));
    g->variances = calloc(K * g->rank, sizeof(double));
    g->residual = calloc(K, sizeof(double));
    if (rotated) {
        g->axes = calloc(sets * g->rank * d, sizeof(double));
        g->axes_step = sets > 1 ? g->rank * d : 0;
    }
    if (!g->weights || !g->means || !g->variances || !g->residual || (rotated && !g->axes))
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu components of %zu dimensions", K, d);
    g->log_weights = g->weights + K;
    return ASSAY_OK;
}

static int check_shape(const assay_gmm_parameters *p)
{
    const size_t most = (size_t)1 << 20;
    if (p->components < 1 || p->components > most || p->dim < 1 || p->dim > 1 << 14)
        return assay_fail(ASSAY_EINVAL,
            "a mixture has 1..%zu components of 1..%d dimensions, got %zu and %zu", most, 1 << 14,
            p->components, p->dim);
    if (p->kind == ASSAY_COVARIANCE_LOW_RANK && (p->rank < 1 || p->rank > p->dim))
        return assay_fail(
            ASSAY_EINVAL, "the rank must be in 1..%zu, the dimensions, got %zu", p->dim, p->rank);
    if (!(p->floor >= 0 && isfinite(p->floor)))
        return assay_fail(ASSAY_EINVAL, "floor must be finite and at least 0, got %g", p->floor);
    return ASSAY_OK;
}

static void raise_variances(assay_gmm *g, double floor)
{
    for (size_t i = 0; i < g->components * g->rank; i++)
        g->variances[i] = fmax(g->variances[i], floor);
    for (size_t k = 0; k < g->components; k++)
        g->residual[k] = fmax(g->residual[k], floor);
}

int assay_gmm_new(const assay_gmm_parameters *p, assay_gmm **out)
{
    *out = NULL;
    int status = check_shape(p);
    if (status != ASSAY_OK)
        return status;
    assay_gmm *g = calloc(1, sizeof *g);
    if (!g)
        return assay_fail(ASSAY_ENOMEM, "no memory for a mixture");
    if ((status = allocate(g, p)) != ASSAY_OK ||
        (status = set_weights(g, p->weights)) != ASSAY_OK ||
        (status = check_finite("means", p->means, p->components * p->dim)) != ASSAY_OK ||
        (status = set_classes(g, p->classes)) != ASSAY_OK ||
        (status = set_covariances(g, p)) != ASSAY_OK) {
        assay_gmm_free(g);
        return status;
    }
    memcpy(g->means, p->means, p->components * p->dim * sizeof *g->means);
    raise_variances(g, p->floor);
    *out = g;
    return ASSAY_OK;
}

void assay_gmm_free(assay_gmm *g)
{
    if (!g)
        return;
    free(g->weights);
    free(g->means);
    free(g->class);
    free(g->axes);
    free(g->variances);
    free(g->residual);
    free(g);
}

/* ---- what it is ---- */

size_t assay_gmm_components(const assay_gmm *g)
{
    return g->components;
}

size_t assay_gmm_dim(const assay_gmm *g)
{
    return g->dim;
}

size_t assay_gmm_classes(const assay_gmm *g)
{
    return g->classes;
}

size_t assay_gmm_class(const assay_gmm *g, size_t component)
{
    return g->class ? g->class[component] : 0;
}

const double *assay_gmm_weights(const assay_gmm *g)
{
    return g->weights;
}

const double *assay_gmm_means(const assay_gmm *g)
{
    return g->means;
}

void assay_gmm_covariance(const assay_gmm *g, size_t k, double *out)
{
    const size_t d = g->dim, r = g->rank;
    const double *l = g->variances + k * r;
    const double outside = r < d ? g->residual[k] : 0;
    memset(out, 0, d * d * sizeof *out);
    for (size_t i = 0; i < d; i++)
        out[i * d + i] = g->axes ? outside : l[i];
    if (!g->axes)
        return;
    const double *axes = g->axes + k * g->axes_step;
    for (size_t h = 0; h < r; h++)
        cblas_dger(CblasRowMajor, (int)d, (int)d, l[h] - outside, axes + h * d, 1, axes + h * d, 1,
            out, (int)d);
}

int assay_gmm_moments(const assay_gmm *g, double *mean, assay_matrix *covariance)
{
    const size_t d = g->dim;
    double *s = calloc(d * d + d, sizeof *s), *off = s + d * d;
    if (!s)
        return assay_fail(ASSAY_ENOMEM, "no memory for a covariance of %zu dimensions", d);
    memset(mean, 0, d * sizeof *mean);
    for (size_t k = 0; k < g->components; k++)
        for (size_t j = 0; j < d; j++)
            mean[j] += g->weights[k] * g->means[k * d + j];
    for (size_t i = 0; i < d; i++)
        memset(assay_matrix_row(covariance, i), 0, d * sizeof(double));
    for (size_t k = 0; k < g->components; k++) {
        assay_gmm_covariance(g, k, s);
        for (size_t j = 0; j < d; j++)
            off[j] = g->means[k * d + j] - mean[j];
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++)
                *assay_matrix_at(covariance, i, j) +=
                    g->weights[k] * (s[i * d + j] + off[i] * off[j]);
    }
    free(s);
    return ASSAY_OK;
}

/* ---- evaluation ---- */

static bool in_class(const assay_gmm *g, size_t k, int class)
{
    return class == ASSAY_GMM_ALL || (g->class && g->class[k] == (size_t) class);
}

static int check_level(const assay_gmm *g, const assay_gmm_level *level, int class)
{
    if (!(level->alpha >= 0 && level->sigma >= 0 && level->alpha + level->sigma > 0 &&
            isfinite(level->alpha) && isfinite(level->sigma)))
        return assay_fail(ASSAY_EINVAL,
            "alpha and sigma must be finite, at least 0 and not both 0, got %g and %g",
            level->alpha, level->sigma);
    double weight = 0;
    for (size_t k = 0; k < g->components; k++)
        weight += in_class(g, k, class) ? g->weights[k] : 0;
    if (!(weight > 0))
        return assay_fail(ASSAY_EINVAL, "the mixture has no component of class %d", class + 1);
    return ASSAY_OK;
}

/* What evaluation needs of a level, and the memory of one block. With a level for each point, what
 * depends on it has a number for each of the block's columns in place of one. */
typedef struct evaluation {
    const assay_gmm *g;
    size_t columns;        /* BLOCK when each point has its level, or 1 */
    double *alpha, *sigma; /* BLOCK */
    size_t coordinates;    /* of a component: rank, and d more for what is outside of the axes */
    size_t kept;           /* doubles from one component's coordinates to the next; 0: shared */
    double *log_constant;  /* K x columns: ln w_k - (ln det + d ln 2 pi) / 2, -inf outside of the
                              class */
    double *precision;     /* K x (rank + 1) x columns: 1 / (alpha^2 l + sigma^2), the last for the
                              outside */
    double *factor;        /* (rank + 1) x columns */
    const assay_gmm_kernels *kernels;
    bool small;             /* the kernels multiply */
    bool inverted;          /* by inverses */
    double *inverse;        /* K x d x d */
    double *x, *difference; /* d x BLOCK */
    double *coordinate;     /* K x coordinates x BLOCK */
    double *log_joint;      /* K x BLOCK, then responsibilities */
    double *gradient;       /* d x BLOCK */
    double *log_density;    /* BLOCK */
} evaluation;

/* Column c of component k's precisions and constant; weight: that of all in the class. */
static int set_component(
    evaluation *e, const assay_gmm_level *level, size_t k, double weight, size_t c)
{
    const assay_gmm *g = e->g;
    const size_t r = g->rank;
    const double a2 = level->alpha * level->alpha, s2 = level->sigma * level->sigma;
    double *precision = e->precision + k * (r + 1) * e->columns + c, log_det = 0;
    for (size_t h = 0; h < r + (r < g->dim); h++) {
        const double l = h < r ? fmax(g->variances[k * r + h], 0) : g->residual[k];
        const double v = a2 * l + s2;
        if (!(v >= 1e-280 && v <= 1e280))
            return assay_fail(ASSAY_EINVAL,
                "component %zu has the variance %g at alpha = %g, sigma = %g, beyond "
                "1e-280..1e280",
                k + 1, v, level->alpha, level->sigma);
        precision[h * e->columns] = 1 / v;
        log_det += (h < r ? 1 : (double)(g->dim - r)) * log(v);
    }
    e->log_constant[k * e->columns + c] =
        g->log_weights[k] - log(weight) - (log_det + (double)g->dim * LOG_2PI) / 2;
    return ASSAY_OK;
}

static int set_level(evaluation *e, const assay_gmm_level *level, int class, size_t c)
{
    const assay_gmm *g = e->g;
    double weight = 0;
    for (size_t k = 0; k < g->components; k++)
        weight += in_class(g, k, class) ? g->weights[k] : 0;
    for (size_t k = 0; k < g->components; k++) {
        const bool in = in_class(g, k, class) && g->weights[k] > 0;
        const int status = in ? set_component(e, level, k, weight, c) : ASSAY_OK;
        if (status != ASSAY_OK)
            return status;
        if (!in)
            e->log_constant[k * e->columns + c] = -INFINITY;
    }
    return ASSAY_OK;
}

/* Column c becomes column `from`. */
static void copy_level(evaluation *e, size_t from, size_t c)
{
    const size_t K = e->g->components;
    for (size_t i = 0; i < K * (e->g->rank + 1); i++)
        e->precision[i * BLOCK + c] = e->precision[i * BLOCK + from];
    for (size_t k = 0; k < K; k++)
        e->log_constant[k * BLOCK + c] = e->log_constant[k * BLOCK + from];
}

/* The levels of a block's points: `rows` of them, the last for the rest of the columns, or one. */
static int set_levels(evaluation *e, const assay_gmm_level *level, size_t rows, int class)
{
    for (size_t c = 0; c < BLOCK; c++) {
        const assay_gmm_level *at = e->columns == 1 ? level : &level[c < rows ? c : rows - 1];
        e->alpha[c] = at->alpha;
        e->sigma[c] = at->sigma;
        if (c >= e->columns)
            continue;
        size_t same = 0;
        while (same < c && !(e->alpha[same] == at->alpha && e->sigma[same] == at->sigma))
            same++;
        if (same < c)
            copy_level(e, same, c);
        const int status = same == c ? set_level(e, at, class, c) : ASSAY_OK;
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

void assay_gmm_workspace_free(assay_gmm_workspace *w)
{
    free(w->memory);
    *w = (assay_gmm_workspace){0};
}

static int workspace_grow(assay_gmm_workspace *w, size_t needed)
{
    if (needed <= w->capacity)
        return ASSAY_OK;
    assay_gmm_workspace_free(w);
    const size_t lines = (needed + 7) / 8; /* of the cache, so that no vector crosses two */
    w->memory = aligned_alloc(64, 64 * lines);
    if (!w->memory)
        return assay_fail(ASSAY_ENOMEM, "no memory to evaluate a mixture");
    memset(w->memory, 0, 64 * lines);
    w->capacity = needed;
    return ASSAY_OK;
}

/* keep: the coordinates of all components, for gradients; mixed: a level for each point */
static int evaluation_open(
    evaluation *e, const assay_gmm *g, bool keep, bool mixed, assay_gmm_workspace *workspace)
{
    const size_t K = g->components, d = g->dim, r = g->rank, columns = mixed ? BLOCK : 1;
    *e = (evaluation){.g = g,
        .columns = columns,
        .kernels = assay_gmm_kernels_for(8),
        .small = g->axes && r == d && d <= SMALL && !mixed};
    e->coordinates = r < d ? r + d : d;
    e->kept = keep ? e->coordinates * BLOCK : 0;
    const size_t blocks = 3 * d + (keep ? K : 1) * e->coordinates + K + 3;
    const size_t inverses = e->small && keep ? K * d * d : 0;
    const int status =
        workspace_grow(workspace, (K * (r + 2) + r + 1) * columns + blocks * BLOCK + inverses);
    if (status != ASSAY_OK)
        return status;
    e->x = workspace->memory;
    e->difference = e->x + d * BLOCK;
    e->gradient = e->difference + d * BLOCK;
    e->coordinate = e->gradient + d * BLOCK;
    e->log_joint = e->coordinate + (keep ? K : 1) * e->coordinates * BLOCK;
    e->log_density = e->log_joint + K * BLOCK;
    e->alpha = e->log_density + BLOCK;
    e->sigma = e->alpha + BLOCK;
    e->precision = e->sigma + BLOCK;
    e->log_constant = e->precision + K * (r + 1) * columns;
    e->factor = e->log_constant + K * columns;
    e->inverse = e->factor + (r + 1) * columns;
    return ASSAY_OK;
}

/* The inverses of the level's covariances, when they lose no digits that count. */
static void set_inverses(evaluation *e)
{
    const assay_gmm *g = e->g;
    const size_t d = g->dim;
    double least = INFINITY, most = 0;
    for (size_t k = 0; k < g->components; k++)
        for (size_t h = 0; h < d && e->log_constant[k] > -INFINITY; h++) {
            least = fmin(least, e->precision[k * (d + 1) + h]);
            most = fmax(most, e->precision[k * (d + 1) + h]);
        }
    e->inverted = most <= 1e4 * least;
    for (size_t k = 0; k < g->components && e->inverted; k++) {
        if (e->log_constant[k] == -INFINITY)
            continue;
        e->kernels->invert(
            g->axes + k * g->axes_step, d, e->precision + k * (d + 1), e->difference, e->gradient);
        for (size_t i = 0; i < d; i++)
            memcpy(e->inverse + (k * d + i) * d, e->gradient + i * BLOCK, d * sizeof(double));
    }
}

/* c (m x BLOCK) = beta c + scale op(a) b */
static void multiply(enum CBLAS_TRANSPOSE op, size_t m, size_t inner, double scale, const double *a,
    size_t lda, const double *b, double beta, double *c)
{
    cblas_dgemm(CblasRowMajor, op, CblasNoTrans, (int)m, BLOCK, (int)inner, scale, a, (int)lda, b,
        BLOCK, beta, c, BLOCK);
}

/* out = x - alpha mu_k */
static void subtract_mean(const evaluation *e, size_t k, double *restrict out)
{
    const size_t d = e->g->dim;
    const double *restrict alpha = e->alpha;
    for (size_t j = 0; j < d; j++) {
        const double mean = e->g->means[k * d + j];
        const double *restrict x = e->x + j * BLOCK;
        for (size_t i = 0; i < BLOCK; i++)
            out[j * BLOCK + i] = x[i] - alpha[i] * mean;
    }
}

/* The number of column i: one for each of them, or one for all. */
static inline double of_column(const double *values, size_t columns, size_t i)
{
    return values[columns == 1 ? 0 : i];
}

static inline void add_squares_of(size_t columns, const double *restrict z, size_t rows,
    const double *restrict precision, size_t step, double *restrict q)
{
    for (size_t h = 0; h < rows; h++)
        for (size_t i = 0; i < BLOCK; i++)
            q[i] += z[h * BLOCK + i] * z[h * BLOCK + i] *
                    of_column(precision + h * step * columns, columns, i);
}

/* q += sum over rows of z^2 precision (step 0: one for all rows) */
static void add_squares(const evaluation *e, const double *z, size_t rows, const double *precision,
    size_t step, double *q)
{
    if (e->columns == 1)
        add_squares_of(1, z, rows, precision, step, q);
    else
        add_squares_of(BLOCK, z, rows, precision, step, q);
}

/* The coordinates of component k along its axes, then outside of them; ln (w_k p_k). */
static void visit_component(evaluation *e, size_t k)
{
    const assay_gmm *g = e->g;
    const size_t d = g->dim, r = g->rank;
    double *z = e->coordinate + k * e->kept, q[BLOCK] = {0};
    if (e->inverted) {
        e->kernels->solve(e->inverse + k * d * d, d, e->x, e->alpha[0], g->means + k * d,
            e->log_constant[k], e->difference, z, e->log_joint + k * BLOCK);
        return;
    }
    const double *precision = e->precision + k * (r + 1) * e->columns;
    if (e->small) {
        e->kernels->project(g->axes + k * g->axes_step, d, e->x, e->alpha[0], g->means + k * d,
            precision, e->log_constant[k], e->difference, z, e->log_joint + k * BLOCK);
        return;
    }
    if (!g->axes) {
        subtract_mean(e, k, z);
    } else {
        const double *axes = g->axes + k * g->axes_step;
        double *difference = r < d ? z + r * BLOCK : e->difference;
        subtract_mean(e, k, difference);
        multiply(CblasNoTrans, r, d, 1, axes, d, difference, 0, z);
        if (r < d) {
            multiply(CblasTrans, d, r, -1, axes, d, z, 1, difference);
            add_squares(e, difference, d, precision + r * e->columns, 0, q);
        }
    }
    add_squares(e, z, r, precision, 1, q);
    for (size_t i = 0; i < BLOCK; i++)
        e->log_joint[k * BLOCK + i] =
            of_column(e->log_constant + k * e->columns, e->columns, i) - q[i] / 2;
}

/* Where every density underflows to 0 with its logarithm, too, the point is beyond 1e150 standard
 * deviations: the nearest mean by the largest coordinate takes it. */
static void settle_beyond(evaluation *e, size_t i)
{
    const assay_gmm *g = e->g;
    size_t nearest = 0;
    double least = INFINITY;
    for (size_t k = 0; k < g->components; k++) {
        double far = 0;
        const double precision =
            of_column(e->precision + k * (g->rank + 1) * e->columns, e->columns, i);
        const bool in = e->log_constant[k * e->columns] > -INFINITY;
        for (size_t j = 0; j < g->dim && in; j++) {
            const double off = e->x[j * BLOCK + i] - e->alpha[i] * g->means[k * g->dim + j];
            far = fmax(far, fabs(off) * sqrt(precision));
        }
        if (in && far < least) {
            least = far;
            nearest = k;
        }
        e->log_joint[k * BLOCK + i] = 0;
    }
    e->log_joint[nearest * BLOCK + i] = 1;
    e->log_density[i] = -INFINITY;
}

/* ln p = ln sum_k exp(ln w_k p_k); the joints become responsibilities. */
static void normalise(evaluation *e)
{
    const size_t K = e->g->components;
    double largest[BLOCK], sum[BLOCK];
    e->kernels->maximum(e->log_joint, K, largest);
    e->kernels->normalise(e->log_joint, K, largest, sum);
    for (size_t i = 0; i < BLOCK; i++)
        if (largest[i] == -INFINITY)
            settle_beyond(e, i);
        else
            e->log_density[i] = largest[i] + log(sum[i]);
}

static inline void weigh_of(size_t columns, const double *restrict factor, size_t step,
    const double *restrict joint, const double *restrict z, size_t rows, double *restrict out)
{
    for (size_t h = 0; h < rows; h++)
        for (size_t i = 0; i < BLOCK; i++)
            out[h * BLOCK + i] +=
                of_column(factor + h * step * columns, columns, i) * joint[i] * z[h * BLOCK + i];
}

/* out += factor joint z for each of the rows (step 0: one factor for all rows) */
static void weigh(const evaluation *e, const double *factor, size_t step, const double *joint,
    const double *z, size_t rows, double *out)
{
    if (e->columns == 1)
        weigh_of(1, factor, step, joint, z, rows, out);
    else
        weigh_of(BLOCK, factor, step, joint, z, rows, out);
}

/* What the coordinates of component k count for in the gradient, or in the mean of x_0. */
static void set_factors_of(evaluation *e, size_t k, bool denoise)
{
    const assay_gmm *g = e->g;
    const size_t r = g->rank;
    const double *precision = e->precision + k * (r + 1) * e->columns;
    for (size_t h = 0; h < r + (r < g->dim); h++) {
        const double l = h < r ? fmax(g->variances[k * r + h], 0) : g->residual[k];
        for (size_t i = h * e->columns; i < (h + 1) * e->columns; i++)
            e->factor[i] =
                denoise ? e->alpha[i - h * e->columns] * l * precision[i] : -precision[i];
    }
}

/* out += the part of component k, sum of r_k (sign / v) z along the axes; scaled by alpha l when it
 * is the mean of x_0 given x that is wanted. */
static void add_gradient(evaluation *e, size_t k, bool denoise, double *restrict out)
{
    const assay_gmm *g = e->g;
    const size_t d = g->dim, r = g->rank;
    const double *restrict joint = e->log_joint + k * BLOCK;
    const double *axes = g->axes ? g->axes + k * g->axes_step : NULL;
    const double *z = e->coordinate + k * e->kept;
    if (e->inverted) {
        e->kernels->take(d, joint, z, out);
        return;
    }
    set_factors_of(e, k, denoise);
    if (e->small) {
        e->kernels->lift(axes, d, e->factor, joint, z, e->difference, out);
    } else if (g->axes) {
        memset(e->difference, 0, r * BLOCK * sizeof *e->difference);
        weigh(e, e->factor, 1, joint, z, r, e->difference);
        multiply(CblasTrans, d, r, 1, axes, d, e->difference, 1, out);
    } else {
        weigh(e, e->factor, 1, joint, z, r, out);
    }
    if (r < d)
        weigh(e, e->factor + r * e->columns, 0, joint, z + r * BLOCK, d, out);
    for (size_t j = 0; j < d && denoise; j++)
        for (size_t i = 0; i < BLOCK; i++)
            out[j * BLOCK + i] += joint[i] * g->means[k * d + j];
}

static void gradient(evaluation *e, bool denoise)
{
    memset(e->gradient, 0, e->g->dim * BLOCK * sizeof *e->gradient);
    for (size_t k = 0; k < e->g->components; k++) {
        const double *joint = e->log_joint + k * BLOCK;
        size_t i = 0;
        while (i < BLOCK && !(joint[i] > 0))
            i++;
        if (i < BLOCK)
            add_gradient(e, k, denoise, e->gradient);
    }
}

/* Rows [first, first + rows) as columns; the rest of the block repeats the last. */
static void load_block(evaluation *e, const assay_matrix *x, size_t first, size_t rows)
{
    for (size_t i = 0; i < BLOCK; i++) {
        const double *row = assay_matrix_row(x, first + (i < rows ? i : rows - 1));
        for (size_t j = 0; j < x->cols; j++)
            e->x[j * BLOCK + i] = row[j];
    }
}

/* How results join those that are there: out = keep out + scale values. */
typedef struct blend {
    double keep, scale;
} blend;

/* by_column: numbers that multiply each column, too, or NULL */
static void store_rows(const double *columns, size_t width, blend by, const double *by_column,
    size_t first, size_t rows, assay_matrix *out)
{
    for (size_t i = 0; i < rows; i++) {
        double *row = assay_matrix_row(out, first + i);
        const double scale = by.scale * (by_column ? -by_column[i] : 1);
        for (size_t j = 0; j < width; j++)
            row[j] = (by.keep == 0 ? 0 : by.keep * row[j]) + scale * columns[j * BLOCK + i];
    }
}

static void evaluate_block(
    evaluation *e, const assay_matrix *x, size_t first, const assay_gmm_values *out, blend by)
{
    const size_t d = e->g->dim, rows = x->rows - first < BLOCK ? x->rows - first : BLOCK;
    load_block(e, x, first, rows);
    for (size_t k = 0; k < e->g->components; k++)
        if (e->log_constant[k * e->columns] > -INFINITY)
            visit_component(e, k);
        else
            for (size_t i = 0; i < BLOCK; i++)
                e->log_joint[k * BLOCK + i] = -INFINITY;
    normalise(e);
    if (out->log_density)
        memcpy(out->log_density + first, e->log_density, rows * sizeof(double));
    if (out->responsibilities)
        store_rows(e->log_joint, e->g->components, (blend){0, 1}, NULL, first, rows,
            out->responsibilities);
    if (out->score || out->eps)
        gradient(e, false);
    if (out->score)
        store_rows(e->gradient, d, by, NULL, first, rows, out->score);
    if (out->eps) /* -sigma score */
        store_rows(e->gradient, d, by, e->sigma, first, rows, out->eps);
    if (out->denoised) {
        gradient(e, true);
        store_rows(e->gradient, d, by, NULL, first, rows, out->denoised);
    }
}

/* Blocks between two reports: about a millisecond of the work of one point. */
static size_t report_blocks(const assay_gmm *g)
{
    enum { STEPS = 1 << 20 };
    return 1 + STEPS / (BLOCK * (1 + g->components * (1 + g->dim + g->dim * g->rank)));
}

static int evaluate_class(const assay_gmm *g, const assay_gmm_level *levels, size_t n, int class,
    const assay_matrix *x, const assay_gmm_values *out, blend by, assay_gmm_workspace *workspace)
{
    evaluation e;
    const size_t stretch = BLOCK * report_blocks(g);
    int status = ASSAY_OK;
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        status = check_level(g, &levels[i], class);
    if (status == ASSAY_OK)
        status = evaluation_open(&e, g, out->score || out->eps || out->denoised, n > 1, workspace);
    if (status == ASSAY_OK && n == 1)
        status = set_levels(&e, levels, 1, class);
    if (status == ASSAY_OK && n == 1 && e.small && (out->score || out->eps) && !out->denoised)
        set_inverses(&e);
    for (size_t first = 0; first < x->rows && status == ASSAY_OK; first += BLOCK) {
        if (n > 1)
            status = set_levels(&e, levels + first, n - first, class);
        if (status == ASSAY_OK)
            evaluate_block(&e, x, first, out, by);
        if (status == ASSAY_OK && (first + BLOCK) % stretch == 0)
            status = assay_progress_report(out->progress, (double)first, (double)x->rows);
    }
    return status;
}

static int check_points(const assay_gmm *g, const assay_matrix *x)
{
    if (x->cols != g->dim && x->rows > 0)
        return assay_fail(ASSAY_EINVAL,
            "x must have %zu columns, the mixture's dimensions, got %zu", g->dim, x->cols);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL, "x[%zu][%zu] must be finite, got %g", i + 1, j + 1,
                    *assay_matrix_at(x, i, j));
    return ASSAY_OK;
}

static int check_result(const assay_matrix *m, const char *name, size_t rows, size_t cols)
{
    if (m && (m->rows != rows || m->cols != cols))
        return assay_fail(ASSAY_EINVAL, "%s must be %zu x %zu, got %zu x %zu", name, rows, cols,
            m->rows, m->cols);
    return ASSAY_OK;
}

int assay_gmm_evaluate(const assay_gmm *g, const assay_gmm_level *level, const assay_matrix *x,
    const assay_gmm_values *out)
{
    assay_gmm_workspace workspace = {0};
    const int status = assay_gmm_evaluate_with(g, level, 1, x, out, &workspace);
    assay_gmm_workspace_free(&workspace);
    return status;
}

int assay_gmm_evaluate_with(const assay_gmm *g, const assay_gmm_level *levels, size_t n,
    const assay_matrix *x, const assay_gmm_values *out, assay_gmm_workspace *workspace)
{
    int status;
    const size_t rows = x->rows, d = g->dim;
    const int class = levels->class;
    if ((status = check_points(g, x)) != ASSAY_OK ||
        (status = check_result(out->responsibilities, "responsibilities", rows, g->components)) ||
        (status = check_result(out->score, "score", rows, d)) ||
        (status = check_result(out->eps, "eps", rows, d)) ||
        (status = check_result(out->denoised, "denoised", rows, d)))
        return status;
    if (n != 1 && n != rows)
        return assay_fail(
            ASSAY_EINVAL, "there must be 1 level or one a row, %zu, got %zu", rows, n);
    const double guidance = class == ASSAY_GMM_ALL ? 1 : levels->guidance;
    if (!isfinite(guidance))
        return assay_fail(ASSAY_EINVAL, "guidance must be finite, got %g", guidance);
    assay_progress_stretch halves[] = {{out->progress, 0, 0.5}, {out->progress, 0.5, 1}};
    const assay_progress half[] = {assay_progress_of(&halves[0]), assay_progress_of(&halves[1])};
    assay_gmm_values of_class = *out;
    if (guidance != 1)
        of_class.progress = &half[0];
    status = evaluate_class(g, levels, n, class, x, &of_class, (blend){0, guidance}, workspace);
    if (status != ASSAY_OK || guidance == 1)
        return status;
    const assay_gmm_values linear = {
        .score = out->score, .eps = out->eps, .denoised = out->denoised, .progress = &half[1]};
    return evaluate_class(
        g, levels, n, ASSAY_GMM_ALL, x, &linear, (blend){1, 1 - guidance}, workspace);
}

int assay_gmm_logpdf(const assay_gmm *g, const assay_matrix *x, double *out)
{
    const assay_gmm_level itself = {1, 0, ASSAY_GMM_ALL, 1};
    return assay_gmm_evaluate(g, &itself, x, &(assay_gmm_values){.log_density = out});
}

/* ---- sampling ---- */

/* x = alpha mu + sqrt(b) (z - U^T U z) + U^T sqrt(a) U z for a normal z */
static void draw(const assay_gmm *g, const assay_gmm_level *level, size_t k, assay_rng *rng,
    double *restrict z, double *restrict x)
{
    const size_t d = g->dim, r = g->rank;
    const double a2 = level->alpha * level->alpha, s2 = level->sigma * level->sigma;
    assay_rng_fill_normal(rng, z, d);
    const double outside = r < d ? sqrt(a2 * g->residual[k] + s2) : 0;
    for (size_t j = 0; j < d; j++)
        x[j] = level->alpha * g->means[k * d + j] + outside * z[j];
    for (size_t h = 0; h < r; h++) {
        const double deviation = sqrt(a2 * fmax(g->variances[k * r + h], 0) + s2);
        if (!g->axes) {
            x[h] += deviation * z[h];
            continue;
        }
        const double *axis = g->axes + k * g->axes_step + h * d;
        const double along = r < d ? cblas_ddot((int)d, axis, 1, z, 1) : z[h];
        cblas_daxpy((int)d, (deviation - outside) * along, axis, 1, x, 1);
    }
}

/* The components of all rows before any row's numbers. */
static int draw_components(const assay_gmm *g, const double *weights, assay_rng *rng,
    const assay_progress *progress, size_t *which, size_t n)
{
    enum { ROWS = 1 << 18 };
    int status = ASSAY_OK;
    for (size_t first = 0; first < n && status == ASSAY_OK; first += ROWS) {
        const size_t rows = n - first < ROWS ? n - first : ROWS;
        status = assay_rng_categorical_many(rng, weights, g->components, rows, which + first);
        if (status == ASSAY_OK && rows == ROWS)
            status = assay_progress_report(progress, 0, (double)n);
    }
    return status;
}

int assay_gmm_sample(const assay_gmm *g, const assay_gmm_level *level, assay_rng *rng,
    const assay_progress *progress, assay_matrix *x, size_t *component)
{
    int status = check_result(x, "x", x->rows, g->dim);
    if (status != ASSAY_OK || (status = check_level(g, level, level->class)) != ASSAY_OK)
        return status;
    double *z = calloc(g->dim + g->components, sizeof *z), *weights = z + g->dim;
    size_t *which = calloc(x->rows + 1, sizeof *which);
    if (!z || !which) {
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu draws", x->rows);
        goto cleanup;
    }
    for (size_t k = 0; k < g->components; k++)
        weights[k] = in_class(g, k, level->class) ? g->weights[k] : 0;
    status = draw_components(g, weights, rng, progress, which, x->rows);
    const size_t stretch = BLOCK * report_blocks(g);
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++) {
        draw(g, level, which[i], rng, z, assay_matrix_row(x, i));
        if ((i + 1) % stretch == 0)
            status = assay_progress_report(progress, (double)(i + 1), (double)x->rows);
    }
    if (component && status == ASSAY_OK)
        memcpy(component, which, x->rows * sizeof *which);
cleanup:
    free(which);
    free(z);
    return status;
}
