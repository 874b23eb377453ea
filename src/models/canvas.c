/*
 * Coarse-to-fine sampling of a mixture; see canvas.h.
 *
 * With Cholesky factors S_k = L_k L_k' a draw's standardised coordinates z_k = L_k^-1 (x - mu_k)
 * come row by row: z of a new coordinate needs only those before it. A path keeps z_k of every
 * component, so that a scale costs the rows of its block and no factorisation.
 */
#include "models/canvas.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

struct assay_canvas {
    size_t components, dim, scales, classes, class;
    size_t *start;                 /* scales + 1 */
    double *means, *factors;       /* K x d; K x d x d, lower triangular */
    double *log_weights;           /* K */
    double *reward, *bias, *noise; /* classes x d, classes, scales */
    size_t paths, capacity, each;  /* doubles of a path: x (d), z (K d), log p (K), drawn, noise */
    double *state, *moved;         /* capacity x each */
};

static double *path_at(const assay_canvas *c, size_t path)
{
    return c->state + path * c->each;
}

static double *log_densities(const assay_canvas *c, double *path)
{
    return path + c->dim * (1 + c->components);
}

/* ---- the factors ---- */

/* In place, of the lower triangle; false when it is not positive definite. */
static bool cholesky(double *s, size_t d)
{
    for (size_t j = 0; j < d; j++) {
        double *row = s + j * d;
        for (size_t i = 0; i < j; i++)
            row[i] = (row[i] - cblas_ddot((int)i, row, 1, s + i * d, 1)) / s[i * d + i];
        const double left = row[j] - cblas_ddot((int)j, row, 1, row, 1);
        if (!(left > 0))
            return false;
        row[j] = sqrt(left);
    }
    return true;
}

static int check_parameters(const assay_canvas_parameters *p, size_t dim)
{
    size_t sum = 0;
    for (size_t s = 0; s < p->scales; s++) {
        if (p->blocks[s] == 0)
            return assay_fail(ASSAY_EINVAL, "blocks[%zu] must be at least 1, got 0", s + 1);
        if (p->noise && !(p->noise[s] >= 0 && isfinite(p->noise[s])))
            return assay_fail(ASSAY_EINVAL, "noise[%zu] must be finite and at least 0", s + 1);
        sum += p->blocks[s] <= dim ? p->blocks[s] : dim + 1;
    }
    if (sum != dim)
        return assay_fail(ASSAY_EINVAL,
            "blocks must add up to the %zu coordinates of the mixture, got %zu", dim, sum);
    if (p->weights->cols != dim)
        return assay_fail(ASSAY_EINVAL, "the reward must have %zu weights a class, got %zu", dim,
            p->weights->cols);
    if (p->class >= p->weights->rows)
        return assay_fail(
            ASSAY_EINVAL, "class must be in 1..%zu, got %zu", p->weights->rows, p->class + 1);
    return ASSAY_OK;
}

static int fill(assay_canvas *c, const assay_canvas_parameters *p)
{
    memcpy(c->means, assay_gmm_means(p->gmm), c->components * c->dim * sizeof *c->means);
    for (size_t k = 0; k < c->components; k++) {
        c->log_weights[k] = log(assay_gmm_weights(p->gmm)[k]);
        assay_gmm_covariance(p->gmm, k, c->factors + k * c->dim * c->dim);
        if (!cholesky(c->factors + k * c->dim * c->dim, c->dim))
            return assay_fail(ASSAY_EINVAL, "component %zu of the mixture is singular", k + 1);
    }
    for (size_t s = 0; s < c->scales; s++) {
        c->start[s + 1] = c->start[s] + p->blocks[s];
        c->noise[s] = p->noise ? p->noise[s] : 0;
    }
    for (size_t i = 0; i < c->classes; i++)
        memcpy(c->reward + i * c->dim, assay_matrix_row(p->weights, i), c->dim * sizeof *c->reward);
    memcpy(c->bias, p->bias, c->classes * sizeof *c->bias);
    return ASSAY_OK;
}

int assay_canvas_new(const assay_canvas_parameters *p, assay_canvas **out)
{
    const size_t K = assay_gmm_components(p->gmm), d = assay_gmm_dim(p->gmm);
    int status = check_parameters(p, d);
    *out = NULL;
    if (status)
        return status;
    assay_canvas *c = calloc(1, sizeof *c);
    if (!c)
        return assay_fail(ASSAY_ENOMEM, "no memory for a canvas");
    *c = (assay_canvas){.components = K,
        .dim = d,
        .scales = p->scales,
        .classes = p->weights->rows,
        .class = p->class,
        .each = d * (1 + K) + K + 2};
    c->start = calloc(c->scales + 1, sizeof *c->start);
    c->means = calloc(K * d, sizeof *c->means);
    c->factors = calloc(K * d * d, sizeof *c->factors);
    c->log_weights = calloc(K, sizeof *c->log_weights);
    c->reward = calloc(c->classes * d, sizeof *c->reward);
    c->bias = calloc(c->classes, sizeof *c->bias);
    c->noise = calloc(c->scales, sizeof *c->noise);
    if (!c->start || !c->means || !c->factors || !c->log_weights || !c->reward || !c->bias ||
        !c->noise)
        status = assay_fail(ASSAY_ENOMEM, "no memory for a canvas of %zu coordinates", d);
    if (!status)
        status = fill(c, p);
    if (status) {
        assay_canvas_free(c);
        return status;
    }
    *out = c;
    return ASSAY_OK;
}

void assay_canvas_free(assay_canvas *c)
{
    if (!c)
        return;
    free(c->start);
    free(c->means);
    free(c->factors);
    free(c->log_weights);
    free(c->reward);
    free(c->bias);
    free(c->noise);
    free(c->state);
    free(c->moved);
    free(c);
}

size_t assay_canvas_scales(const assay_canvas *c)
{
    return c->scales;
}

size_t assay_canvas_dim(const assay_canvas *c)
{
    return c->dim;
}

/* ---- paths ---- */

int assay_canvas_begin(assay_canvas *c, size_t paths)
{
    if (paths > c->capacity) {
        free(c->state);
        free(c->moved);
        c->capacity = 0;
        c->state = calloc(paths * c->each, sizeof *c->state);
        c->moved = calloc(paths * c->each, sizeof *c->moved);
        if (!c->state || !c->moved)
            return assay_fail(ASSAY_ENOMEM, "no memory for %zu paths", paths);
        c->capacity = paths;
    }
    c->paths = paths;
    for (size_t p = 0; p < paths; p++) {
        double *path = path_at(c, p);
        memset(path, 0, c->each * sizeof *path);
        memcpy(log_densities(c, path), c->log_weights, c->components * sizeof *path);
    }
    return ASSAY_OK;
}

static int draw_component(const assay_canvas *c, double *path, assay_rng *rng, size_t *k)
{
    const double *log_p = log_densities(c, path);
    double probability[64], *p = probability, largest = -INFINITY;
    if (c->components > 64 && !(p = malloc(c->components * sizeof *p)))
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu components", c->components);
    for (size_t i = 0; i < c->components; i++)
        largest = fmax(largest, log_p[i]);
    for (size_t i = 0; i < c->components; i++)
        p[i] = exp(log_p[i] - largest);
    const int status = assay_rng_categorical(rng, p, c->components, k);
    if (p != probability)
        free(p);
    return status;
}

/* x_j given the coordinates before it, of component k. */
static void draw_coordinate(const assay_canvas *c, double *path, size_t k, size_t j, assay_rng *rng)
{
    const double *row = c->factors + (k * c->dim + j) * c->dim;
    double *z = path + c->dim * (1 + k);
    z[j] = assay_rng_normal(rng);
    path[j] = c->means[k * c->dim + j] + cblas_ddot((int)j + 1, row, 1, z, 1);
}

/* z_j of every component, and what it adds to their log densities. */
static void condition(const assay_canvas *c, double *path, size_t j)
{
    double *log_p = log_densities(c, path);
    for (size_t k = 0; k < c->components; k++) {
        const double *row = c->factors + (k * c->dim + j) * c->dim;
        double *z = path + c->dim * (1 + k);
        z[j] = (path[j] - c->means[k * c->dim + j] - cblas_ddot((int)j, row, 1, z, 1)) / row[j];
        log_p[k] -= 0.5 * z[j] * z[j] + log(row[j]) + 0.91893853320467274178; /* ln sqrt(2 pi) */
    }
}

int assay_canvas_step(assay_canvas *c, size_t path, size_t scale, const assay_rng *rng)
{
    double *p = path_at(c, path);
    assay_rng of_draw = assay_rng_split_name(rng, "draw");
    assay_rng of_noise = assay_rng_split_name(rng, "noise");
    size_t k = 0;
    if (path >= c->paths || scale >= c->scales || p[c->each - 2] != (double)c->start[scale])
        return assay_fail(ASSAY_EINVAL, "path %zu is not before scale %zu", path + 1, scale);
    const int status = draw_component(c, p, &of_draw, &k);
    for (size_t j = c->start[scale]; j < c->start[scale + 1] && !status; j++)
        draw_coordinate(c, p, k, j, &of_draw);
    for (size_t j = c->start[scale]; j < c->start[scale + 1] && !status; j++)
        condition(c, p, j);
    p[c->each - 2] = (double)c->start[scale + 1];
    p[c->each - 1] = c->noise[scale] * assay_rng_normal(&of_noise);
    return status;
}

static double log_sum_exp(const double *x, size_t n)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - largest);
    return largest + log(sum);
}

double assay_canvas_reward(const assay_canvas *c, size_t path)
{
    const double *p = path_at(c, path);
    const int drawn = (int)p[c->each - 2];
    double largest = -INFINITY, sum = 0, own = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < c->classes; i++) {
            const double logit = c->bias[i] + cblas_ddot(drawn, c->reward + i * c->dim, 1, p, 1);
            if (pass == 0)
                largest = fmax(largest, logit);
            else
                sum += exp(logit - largest);
            own = i == c->class ? logit : own;
        }
    return own - largest - log(sum) + p[c->each - 1];
}

const double *assay_canvas_state(const assay_canvas *c, size_t path, size_t *count)
{
    const double *p = path_at(c, path);
    *count = (size_t)p[c->each - 2];
    return p;
}

double assay_canvas_log_density(const assay_canvas *c, size_t path)
{
    return log_sum_exp(log_densities(c, path_at(c, path)), c->components);
}

void assay_canvas_select(assay_canvas *c, const size_t *parent, size_t n)
{
    for (size_t p = 0; p < n; p++)
        memcpy(c->moved + p * c->each, path_at(c, parent[p]), c->each * sizeof *c->moved);
    double *const before = c->state;
    c->state = c->moved;
    c->moved = before;
    c->paths = n;
}

/* ---- softmax regression ---- */

/* Rows of logits become log-probabilities. */
static void normalise_rows(assay_matrix *logits)
{
    for (size_t i = 0; i < logits->rows; i++) {
        double *row = assay_matrix_row(logits, i);
        const double sum = log_sum_exp(row, logits->cols);
        for (size_t j = 0; j < logits->cols; j++)
            row[j] -= sum;
    }
}

/* Weights and bias of a class are a row of d + 1. */
static void log_probabilities(const assay_matrix *x, const double *w, assay_matrix *out)
{
    const size_t d = x->cols, classes = out->cols;
    for (size_t i = 0; i < out->rows; i++)
        for (size_t j = 0; j < classes; j++)
            *assay_matrix_at(out, i, j) = w[j * (d + 1) + d];
    if (d > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)x->rows, (int)classes, (int)d, 1,
            x->data, (int)x->stride, w, (int)d + 1, 1, out->data, (int)out->stride);
    normalise_rows(out);
}

/* Of the mean negative log-likelihood with the ridge. */
static void softmax_gradient(const assay_matrix *x, const size_t *label, double ridge,
    const double *w, assay_matrix *p, double *gradient)
{
    const size_t n = x->rows, d = x->cols, classes = p->cols;
    log_probabilities(x, w, p);
    for (size_t j = 0; j < classes; j++) {
        memcpy(gradient + j * (d + 1), w + j * (d + 1), d * sizeof *gradient);
        cblas_dscal((int)d, ridge, gradient + j * (d + 1), 1);
        gradient[j * (d + 1) + d] = 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < classes; j++) {
            double *e = assay_matrix_at(p, i, j);
            *e = (exp(*e) - (label[i] == j)) / (double)n;
            gradient[j * (d + 1) + d] += *e;
        }
    if (d > 0)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)classes, (int)d, (int)n, 1,
            p->data, (int)p->stride, x->data, (int)x->stride, 1, gradient, (int)d + 1);
}

static double largest_of(const double *x, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(x[i]));
    return largest;
}

/* Barzilai and Borwein (1988): the step that the last two gradients suggest, s's / s'y. */
static void descend(double *w, double *gradient, double *before, double *step, size_t n, bool first)
{
    double ss = 0, sy = 0;
    for (size_t i = 0; i < n && !first; i++) {
        const double y = gradient[i] - before[i];
        ss += step[i] * step[i];
        sy += step[i] * y;
    }
    const double rate = !first && sy > 0 ? ss / sy : 1;
    for (size_t i = 0; i < n; i++) {
        step[i] = -rate * gradient[i];
        w[i] += step[i];
        before[i] = gradient[i];
    }
}

static int check_softmax(const assay_matrix *x, const size_t *label, const assay_matrix *weights)
{
    if (x->rows == 0 || weights->cols != x->cols)
        return assay_fail(
            ASSAY_EINVAL, "x must have at least 1 row and as many columns as weights");
    for (size_t i = 0; i < x->rows; i++) {
        if (label[i] >= weights->rows)
            return assay_fail(ASSAY_EINVAL, "labels[%zu] must be less than %zu classes, got %zu",
                i + 1, weights->rows, label[i]);
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL, "x[%zu][%zu] must be finite", i + 1, j + 1);
    }
    return ASSAY_OK;
}

int assay_softmax_fit(const assay_matrix *x, const size_t *label, double ridge, size_t steps,
    double tol, const assay_progress *progress, assay_matrix *weights, double *bias,
    double *gradient)
{
    const size_t d = x->cols, classes = weights->rows, n = classes * (d + 1);
    assay_matrix p = {0};
    int status = check_softmax(x, label, weights);
    if (status)
        return status;
    double *memory = calloc(4 * n, sizeof *memory);
    status = assay_matrix_alloc(x->rows, classes, &p);
    if (!memory || status) {
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu classes", classes);
        goto cleanup;
    }
    double *w = memory, *g = memory + n, *before = g + n, *step = before + n;
    *gradient = INFINITY;
    for (size_t t = 0; t <= steps && !status; t++) {
        softmax_gradient(x, label, ridge, w, &p, g);
        *gradient = largest_of(g, n);
        if (*gradient <= tol || t == steps)
            break;
        descend(w, g, before, step, n, t == 0);
        status = assay_progress_report(progress, (double)t, (double)steps);
    }
    for (size_t j = 0; j < classes; j++) {
        memcpy(assay_matrix_row(weights, j), w + j * (d + 1), d * sizeof *w);
        bias[j] = w[j * (d + 1) + d];
    }
cleanup:
    free(memory);
    assay_matrix_free(&p);
    return status;
}

int assay_softmax_log_probability(
    const assay_matrix *x, const assay_matrix *weights, const double *bias, assay_matrix *out)
{
    if (weights->cols != x->cols || out->rows != x->rows || out->cols != weights->rows)
        return assay_fail(ASSAY_EINVAL, "x must have %zu columns as the weights, got %zu",
            weights->cols, x->cols);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < weights->rows; j++)
            *assay_matrix_at(out, i, j) = bias[j] + cblas_ddot((int)x->cols, assay_matrix_row(x, i),
                                                        1, assay_matrix_row(weights, j), 1);
    normalise_rows(out);
    return ASSAY_OK;
}
