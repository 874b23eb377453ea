/*
 * Mixtures by expectation-maximisation; see gmm.h.
 *
 * Small variances are bounded in the maximisation (eigenvalues below the floor are raised to it,
 * which is the constrained maximum), not added to: the likelihood then never falls, and a fall is a
 * fault that the tests find.
 */
#include "models/gmm.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/distance.h"
#include "core/status.h"

enum { LLOYD_ITERATIONS = 5, ROWS = 256, MOST_ITERATIONS = 1000000 };

#define LOST 1e-3 /* points: a component that has fewer is set anew */

/* One fit's memory. */
typedef struct em {
    const assay_matrix *x;
    const assay_gmm_fit_options *o;
    size_t n, d, K;
    double *weights, *means, *covariances; /* of the model that is being made */
    double *count;                         /* K: sum of responsibilities */
    double *unlikely;                      /* n: the least is the worst explained point */
    double *centred;                       /* ROWS x d */
    double spread;                         /* the mean variance of x's columns */
    assay_matrix responsibilities;         /* n x K */
    size_t repaired;
    double done; /* of iterations_of all starts */
} em;

/* The iterations of a start count with the start itself and the last look at the points. */
static double iterations_of(const em *m, size_t starts)
{
    return (double)starts * ((double)m->o->max_iterations + 2);
}

/* An iteration is an expectation and a maximisation, half of it each. */
static int tell(const em *m, double part)
{
    return assay_progress_report(m->o->progress, m->done + part, iterations_of(m, m->o->restarts));
}

/* Progress of the expectation: em is the context. */
static int tell_expectation(void *context, double done, double total)
{
    return tell(context, 0.5 * done / total) != ASSAY_OK;
}

/* Row i of n: time to tell? */
static bool is_due(size_t i)
{
    enum { EVERY = 4096 };
    return i % EVERY == 0;
}

assay_gmm_fit_options assay_gmm_fit_defaults(size_t components)
{
    return (assay_gmm_fit_options){.components = components,
        .kind = ASSAY_COVARIANCE_FULL,
        .max_iterations = 200,
        .tolerance = 1e-6,
        .floor = 1e-6,
        .restarts = 1};
}

/* The numbers of one model's covariances. */
static size_t covariance_size(const em *m)
{
    switch (m->o->kind) {
    case ASSAY_COVARIANCE_SPHERICAL:
        return m->K;
    case ASSAY_COVARIANCE_DIAGONAL:
        return m->K * m->d;
    case ASSAY_COVARIANCE_TIED:
        return m->d * m->d;
    default:
        return m->K * m->d * m->d;
    }
}

static size_t count_parameters(const em *m)
{
    const size_t triangle = m->d * (m->d + 1) / 2;
    const size_t of_means = m->K - 1 + m->K * m->d;
    if (m->o->kind == ASSAY_COVARIANCE_FULL)
        return of_means + m->K * triangle;
    return of_means + (m->o->kind == ASSAY_COVARIANCE_TIED ? triangle : covariance_size(m));
}

/* ---- the start ---- */

/* Each next centre is a point drawn by its squared distance from the nearest before it (Arthur and
 * Vassilvitskii 2007). */
static int seed_centres(em *m, assay_rng *rng)
{
    double *nearest = m->unlikely;
    size_t chosen = (size_t)assay_rng_below(rng, m->n);
    for (size_t i = 0; i < m->n; i++)
        nearest[i] = INFINITY;
    for (size_t k = 0; k < m->K; k++) {
        const double *centre = assay_matrix_row(m->x, chosen);
        memcpy(m->means + k * m->d, centre, m->d * sizeof(double));
        double sum = 0;
        for (size_t i = 0; i < m->n; i++) {
            nearest[i] =
                fmin(nearest[i], assay_squared_distance(assay_matrix_row(m->x, i), centre, m->d));
            sum += nearest[i];
            const int stop = is_due(i) ? tell(m, 0) : ASSAY_OK;
            if (stop != ASSAY_OK)
                return stop;
        }
        if (k + 1 == m->K)
            break;
        if (!(sum > 0))
            return assay_fail(ASSAY_EINVAL,
                "%zu components need as many different points, x has %zu", m->K, k + 1);
        const int status = assay_rng_categorical(rng, nearest, m->n, &chosen);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

/* One-hot responsibilities of the nearest centre. */
static int assign(em *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const double *x = assay_matrix_row(m->x, i);
        double *r = assay_matrix_row(&m->responsibilities, i), least = INFINITY;
        size_t best = 0;
        for (size_t k = 0; k < m->K; k++) {
            const double distance = assay_squared_distance(x, m->means + k * m->d, m->d);
            if (distance < least) {
                least = distance;
                best = k;
            }
            r[k] = 0;
        }
        r[best] = 1;
        m->unlikely[i] = -least;
        const int stop = is_due(i) ? tell(m, 0) : ASSAY_OK;
        if (stop != ASSAY_OK)
            return stop;
    }
    return ASSAY_OK;
}

/* ---- maximisation ---- */

static void update_means(em *m)
{
    const size_t n = m->n, d = m->d, K = m->K;
    memset(m->count, 0, K * sizeof *m->count);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < K; k++)
            m->count[k] += *assay_matrix_at(&m->responsibilities, i, k);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)K, (int)d, (int)n, 1,
        m->responsibilities.data, (int)m->responsibilities.stride, m->x->data, (int)m->x->stride, 0,
        m->means, (int)d);
    for (size_t k = 0; k < K; k++)
        for (size_t j = 0; j < d && m->count[k] >= LOST; j++)
            m->means[k * d + j] /= m->count[k];
}

static int lloyd(em *m)
{
    for (int i = 0; i < LLOYD_ITERATIONS; i++) {
        const int status = assign(m);
        if (status != ASSAY_OK)
            return status;
        update_means(m);
        for (size_t k = 0; k < m->K; k++)
            if (m->count[k] < LOST)
                return ASSAY_OK; /* the maximisation repairs it */
    }
    return assign(m);
}

/* sqrt(r_ik) (x_i - mu_k) of the rows from `first` on, those of responsibility 0 left out */
static size_t centre_rows(em *m, size_t k, size_t first)
{
    const size_t d = m->d, end = first + ROWS < m->n ? first + ROWS : m->n;
    const double *mean = m->means + k * d;
    size_t rows = 0;
    for (size_t i = first; i < end; i++) {
        const double weight = sqrt(*assay_matrix_at(&m->responsibilities, i, k));
        const double *x = assay_matrix_row(m->x, i);
        double *row = m->centred + rows * d;
        if (weight == 0)
            continue;
        for (size_t j = 0; j < d; j++)
            row[j] = weight * (x[j] - mean[j]);
        rows++;
    }
    return rows;
}

static double mean_of(const double *v, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += v[j];
    return sum / (double)d;
}

static void symmetrise(double *s, size_t d)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++)
            s[i * d + j] = s[j * d + i] = (s[i * d + j] + s[j * d + i]) / 2;
}

/* The sums of r_ik (x_i - mu_k)(x_i - mu_k)^T, or of what the kind has of it, over ROWS rows. */
static void add_scatter(em *m, size_t k, size_t first)
{
    const size_t d = m->d, rows = centre_rows(m, k, first);
    const bool tied = m->o->kind == ASSAY_COVARIANCE_TIED;
    const double *c = m->centred;
    if (rows == 0)
        return;
    if (tied || m->o->kind == ASSAY_COVARIANCE_FULL)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)d, (int)d, (int)rows, 1, c,
            (int)d, c, (int)d, 1, m->covariances + (tied ? 0 : k * d * d), (int)d);
    for (size_t i = 0; i < rows * d && m->o->kind == ASSAY_COVARIANCE_DIAGONAL; i++)
        m->covariances[k * d + i % d] += c[i] * c[i];
    if (m->o->kind == ASSAY_COVARIANCE_SPHERICAL)
        m->covariances[k] += cblas_ddot((int)(rows * d), c, 1, c, 1);
}

/* The sums become means. */
static void scale_scatter(em *m, size_t k)
{
    const size_t d = m->d;
    if (m->o->kind == ASSAY_COVARIANCE_SPHERICAL)
        m->covariances[k] /= m->count[k] * (double)d;
    for (size_t j = 0; j < d && m->o->kind == ASSAY_COVARIANCE_DIAGONAL; j++)
        m->covariances[k * d + j] /= m->count[k];
    if (m->o->kind != ASSAY_COVARIANCE_FULL)
        return;
    for (size_t i = 0; i < d * d; i++)
        m->covariances[k * d * d + i] /= m->count[k];
    symmetrise(m->covariances + k * d * d, d);
}

/* Rows outside, components inside: a block of rows is read from memory once. */
static int update_covariances(em *m)
{
    const size_t size = covariance_size(m);
    memset(m->covariances, 0, size * sizeof *m->covariances);
    for (size_t first = 0; first < m->n; first += ROWS) {
        for (size_t k = 0; k < m->K; k++)
            if (m->count[k] >= LOST)
                add_scatter(m, k, first);
        const int stop = tell(m, 0.5 + 0.5 * (double)first / (double)m->n);
        if (stop != ASSAY_OK)
            return stop;
    }
    if (m->o->kind != ASSAY_COVARIANCE_TIED)
        return ASSAY_OK;
    for (size_t i = 0; i < size; i++)
        m->covariances[i] /= (double)m->n;
    symmetrise(m->covariances, m->d);
    return ASSAY_OK;
}

/* The point that is explained worst, which no other repair may take. */
static size_t take_worst(em *m)
{
    size_t worst = 0;
    for (size_t i = 1; i < m->n; i++)
        if (m->unlikely[i] < m->unlikely[worst])
            worst = i;
    m->unlikely[worst] = INFINITY;
    return worst;
}

/* Component k, on the worst point, as wide as the data. */
static void repair(em *m, size_t k)
{
    const size_t d = m->d;
    memcpy(m->means + k * d, assay_matrix_row(m->x, take_worst(m)), d * sizeof(double));
    m->count[k] = 1;
    m->repaired++;
    if (m->o->kind == ASSAY_COVARIANCE_SPHERICAL)
        m->covariances[k] = m->spread;
    for (size_t j = 0; j < d; j++) {
        if (m->o->kind == ASSAY_COVARIANCE_DIAGONAL)
            m->covariances[k * d + j] = m->spread;
        else if (m->o->kind == ASSAY_COVARIANCE_FULL)
            m->covariances[(k * d + j) * d + j] = m->spread;
    }
}

static int maximise(em *m, assay_gmm **out)
{
    update_means(m);
    const int status = update_covariances(m);
    if (status != ASSAY_OK)
        return status;
    double total = 0;
    for (size_t k = 0; k < m->K; k++) {
        if (m->count[k] < LOST)
            repair(m, k);
        else
            scale_scatter(m, k);
        total += m->count[k];
    }
    for (size_t k = 0; k < m->K; k++)
        m->weights[k] = m->count[k] / total;
    const assay_gmm_parameters p = {.components = m->K,
        .dim = m->d,
        .weights = m->weights,
        .means = m->means,
        .kind = m->o->kind,
        .covariances = m->covariances,
        .floor = m->o->floor};
    return assay_gmm_new(&p, out);
}

/* ---- expectation, and the loop ---- */

/* *mean: the mean log-likelihood; the points' own become what `repair` looks at. */
static int expect(em *m, const assay_gmm *g, double *mean)
{
    const assay_gmm_level itself = {1, 0, ASSAY_GMM_ALL, 1};
    const assay_progress progress = {tell_expectation, m};
    const assay_gmm_values values = {.log_density = m->unlikely,
        .responsibilities = &m->responsibilities,
        .progress = &progress};
    const int status = assay_gmm_evaluate(g, &itself, m->x, &values);
    *mean = status == ASSAY_OK ? mean_of(m->unlikely, m->n) : 0;
    return status;
}

static int start(em *m, assay_rng *rng)
{
    if (m->o->start) {
        memcpy(m->means, m->o->start, m->K * m->d * sizeof(double));
        return assign(m);
    }
    const int status = seed_centres(m, rng);
    return status == ASSAY_OK ? lloyd(m) : status;
}

/* One start to its end. */
static int iterate(em *m, assay_rng *rng, assay_gmm_fit_result *r)
{
    int status = start(m, rng);
    m->repaired = 0;
    if (status == ASSAY_OK)
        status = maximise(m, &r->gmm);
    m->done++;
    for (size_t repaired = 0; status == ASSAY_OK; r->iterations++) {
        if ((status = expect(m, r->gmm, &r->trace[r->iterations])) != ASSAY_OK)
            break;
        const double gain =
            r->iterations ? r->trace[r->iterations] - r->trace[r->iterations - 1] : INFINITY;
        r->converged = gain < m->o->tolerance && repaired == m->repaired;
        if (r->converged || r->iterations == m->o->max_iterations)
            break;
        if ((status = tell(m, 0.5)) != ASSAY_OK)
            break;
        repaired = m->repaired;
        assay_gmm_free(r->gmm);
        r->gmm = NULL;
        status = maximise(m, &r->gmm);
        m->done++;
    }
    r->repaired = m->repaired;
    return status;
}

static int check(const assay_matrix *x, const assay_gmm_fit_options *o)
{
    if (x->cols < 1)
        return assay_fail(ASSAY_EINVAL, "x must have at least 1 column, got %zu", x->cols);
    if (o->components < 1 || o->components > x->rows)
        return assay_fail(ASSAY_EINVAL, "components must be in 1..%zu, the points, got %zu",
            x->rows, o->components);
    if (o->kind == ASSAY_COVARIANCE_LOW_RANK)
        return assay_fail(ASSAY_EINVAL, "a low-rank covariance can't be fitted");
    if (o->max_iterations < 1 || o->max_iterations > MOST_ITERATIONS || o->restarts < 1)
        return assay_fail(ASSAY_EINVAL,
            "max_iterations must be in 1..%d and restarts at least 1, got %zu and %zu",
            MOST_ITERATIONS, o->max_iterations, o->restarts);
    if (!(o->floor > 0 && isfinite(o->floor) && o->tolerance >= 0))
        return assay_fail(ASSAY_EINVAL,
            "floor must be greater than 0 and finite and tolerance at least 0, got %g and %g",
            o->floor, o->tolerance);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL, "x[%zu][%zu] must be finite, got %g", i + 1, j + 1,
                    *assay_matrix_at(x, i, j));
    for (size_t i = 0; o->start && i < o->components * x->cols; i++)
        if (!isfinite(o->start[i]))
            return assay_fail(ASSAY_EINVAL, "start must be finite, got %g", o->start[i]);
    return ASSAY_OK;
}

static void em_close(em *m)
{
    assay_matrix_free(&m->responsibilities);
    free(m->weights);
}

static int em_open(em *m, const assay_matrix *x, const assay_gmm_fit_options *o)
{
    *m = (em){.x = x, .o = o, .n = x->rows, .d = x->cols, .K = o->components};
    const size_t covariances = covariance_size(m);
    int status = assay_matrix_alloc(m->n, m->K, &m->responsibilities);
    if (status != ASSAY_OK)
        return status;
    m->weights =
        calloc(2 * m->K + m->K * m->d + m->n + ROWS * m->d + covariances, sizeof *m->weights);
    if (!m->weights) {
        em_close(m);
        return assay_fail(ASSAY_ENOMEM, "no memory to fit %zu components", m->K);
    }
    m->count = m->weights + m->K;
    m->means = m->count + m->K;
    m->unlikely = m->means + m->K * m->d;
    m->centred = m->unlikely + m->n;
    m->covariances = m->centred + ROWS * m->d;
    for (size_t j = 0; j < m->d; j++) {
        double mean = 0;
        for (size_t i = 0; i < m->n; i++)
            mean += *assay_matrix_at(x, i, j) / (double)m->n;
        for (size_t i = 0; i < m->n; i++)
            m->spread += pow(*assay_matrix_at(x, i, j) - mean, 2) / (double)(m->n * m->d);
    }
    return ASSAY_OK;
}

int assay_gmm_fit(const assay_matrix *x, const assay_gmm_fit_options *o, assay_rng *rng,
    assay_gmm_fit_result *out)
{
    *out = (assay_gmm_fit_result){0};
    em m;
    int status = check(x, o);
    if (status == ASSAY_OK)
        status = em_open(&m, x, o);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < o->restarts && status == ASSAY_OK; i++) {
        assay_rng stream = assay_rng_split(rng, i);
        m.done = iterations_of(&m, i);
        assay_gmm_fit_result r = {.trace = calloc(o->max_iterations + 1, sizeof(double))};
        status = r.trace ? iterate(&m, &stream, &r)
                         : assay_fail(ASSAY_ENOMEM, "no memory for the trace of a fit");
        if (status == ASSAY_OK &&
            (!out->gmm || r.trace[r.iterations] > out->trace[out->iterations])) {
            assay_gmm_fit_free(out);
            *out = r;
        } else {
            assay_gmm_fit_free(&r);
        }
    }
    if (status == ASSAY_OK) {
        out->log_likelihood = out->trace[out->iterations] * (double)m.n;
        out->parameters = count_parameters(&m);
        out->bic = (double)out->parameters * log((double)m.n) - 2 * out->log_likelihood;
    } else {
        assay_gmm_fit_free(out);
    }
    em_close(&m);
    return status;
}

void assay_gmm_fit_free(assay_gmm_fit_result *result)
{
    assay_gmm_free(result->gmm);
    free(result->trace);
    *result = (assay_gmm_fit_result){0};
}
