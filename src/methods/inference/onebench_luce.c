/*
 * Plackett-Luce scores of models from pairs, top-1 records and rankings; see onebench.h.
 *
 * A ranking is as many choices as it has places less one: its a-th model is preferred to those
 * after it. So pairs are kept as a matrix of counts, and all else as choices of one among several.
 *
 * Luce spectral ranking (Maystre and Grossglauser 2015): at the maximum of the likelihood the
 * weights w = exp theta are the stationary distribution of a Markov chain whose rate from l to i is
 *
 *   A[l,i] = alpha + sum over choices of i against l of 1 / (sum of w over the set)
 *
 * I-LSR solves for it and puts it in for w until nothing changes. The distribution is found by
 * Grassmann, Taksar and Heyman's elimination and not by an LU factorisation: it has no subtraction,
 * so that the smallest weight is as exact as the largest, however far theta spreads.
 */
#include "methods/inference/onebench.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/inference/onebench_checks.h"

/* LAPACK's Cholesky factorisation, solution and inverse, which OpenBLAS has; the last argument is
 * the length of the text, as Fortran passes it. */
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
extern void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a,
    const int *lda, double *b, const int *ldb, int *info, size_t);
extern void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);

static const char who[] = "plackett_luce";

/* Either counts or choices. Arrays have `models` values, `square` models x models. */
typedef struct luce {
    size_t models;
    const assay_matrix *counts;
    const assay_top1 *choice;
    size_t choices;
    assay_pl_opts o;
    double *wins, *weight, *exposure, *theta, *gradient, *step, *share;
    assay_matrix square;
} luce;

/* ---- what every method needs ---- */

static double sum_abs_difference(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(a[i] - b[i]);
    return sum;
}

static void centre(double *theta, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += theta[i];
    for (size_t i = 0; i < n; i++)
        theta[i] -= sum / (double)n;
}

/* w = exp theta, scaled to the sum `models`. */
static void weights_of(const double *theta, size_t n, double *w)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, theta[i]);
    for (size_t i = 0; i < n; i++)
        sum += w[i] = exp(theta[i] - largest);
    for (size_t i = 0; i < n; i++)
        w[i] *= (double)n / sum;
}

/* theta = log w, centred; false when a weight has underflowed. */
static bool theta_of(const double *w, size_t n, double *theta)
{
    for (size_t i = 0; i < n; i++) {
        if (!(w[i] > 0 && isfinite(w[i])))
            return false;
        theta[i] = log(w[i]);
    }
    centre(theta, n);
    return true;
}

static double set_weight(const assay_top1 *c, const double *w)
{
    double sum = w[c->winner];
    for (size_t l = 0; l < c->n; l++)
        sum += w[c->losers[l]];
    return sum;
}

static int fail_underflow(const luce *l)
{
    return assay_fail(ASSAY_ECONVERGE,
        "%s: theta spreads so far that weights underflow; use method \"newton\"%s", who,
        l->o.alpha > 0 ? " or a greater alpha" : " or alpha > 0");
}

/* ---- the spectral methods ---- */

static void chain_of(const luce *l, const double *w, assay_matrix *rate)
{
    const size_t n = l->models;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            *assay_matrix_at(rate, i, j) = l->o.alpha;
    for (size_t i = 0; i < n && l->counts; i++)
        for (size_t j = i + 1; j < n; j++) {
            const double sum = w[i] + w[j];
            *assay_matrix_at(rate, j, i) += *assay_matrix_at(l->counts, i, j) / sum;
            *assay_matrix_at(rate, i, j) += *assay_matrix_at(l->counts, j, i) / sum;
        }
    for (size_t c = 0; c < l->choices; c++) {
        const double share = 1 / set_weight(&l->choice[c], w);
        for (size_t k = 0; k < l->choice[c].n; k++)
            *assay_matrix_at(rate, l->choice[c].losers[k], l->choice[c].winner) += share;
    }
}

/* pi, up to its scale, of a chain given by its off-diagonal rates (the diagonal is not read), which
 * are destroyed. The state n is taken out: what went through it goes from i to j at the rate
 * A[i,n] A[n,j] / sum A[n,.]; then pi_n = sum_{i<n} pi_i A[i,n] / sum A[n,.]. */
static void stationary(assay_matrix *a, double *pi)
{
    for (size_t n = a->rows - 1; n > 0; n--) {
        double out = 0;
        for (size_t j = 0; j < n; j++)
            out += *assay_matrix_at(a, n, j);
        for (size_t i = 0; i < n; i++)
            *assay_matrix_at(a, i, n) /= out;
        cblas_dger(CblasRowMajor, (int)n, (int)n, 1, assay_matrix_at(a, 0, n), (int)a->stride,
            assay_matrix_row(a, n), 1, a->data, (int)a->stride);
    }
    pi[0] = 1;
    for (size_t n = 1; n < a->rows; n++)
        pi[n] = cblas_ddot((int)n, pi, 1, assay_matrix_at(a, 0, n), (int)a->stride);
}

static int spectral_step(luce *l, double *next)
{
    weights_of(l->theta, l->models, l->weight);
    chain_of(l, l->weight, &l->square);
    stationary(&l->square, l->weight);
    return theta_of(l->weight, l->models, next) ? ASSAY_OK : fail_underflow(l);
}

/* ---- minorisation-maximisation ---- */

/* sum over the choices that i stands in of 1 / (sum of w over the set) */
static void exposures(const luce *l, const double *w, double *exposure)
{
    memset(exposure, 0, l->models * sizeof *exposure);
    for (size_t i = 0; i < l->models && l->counts; i++)
        for (size_t j = i + 1; j < l->models; j++) {
            const double share =
                (*assay_matrix_at(l->counts, i, j) + *assay_matrix_at(l->counts, j, i)) /
                (w[i] + w[j]);
            exposure[i] += share;
            exposure[j] += share;
        }
    for (size_t c = 0; c < l->choices; c++) {
        const assay_top1 *choice = &l->choice[c];
        const double share = 1 / set_weight(choice, w);
        exposure[choice->winner] += share;
        for (size_t k = 0; k < choice->n; k++)
            exposure[choice->losers[k]] += share;
    }
}

static int mm_step(luce *l, double *next)
{
    weights_of(l->theta, l->models, l->weight);
    exposures(l, l->weight, l->exposure);
    for (size_t i = 0; i < l->models; i++)
        l->weight[i] = (l->wins[i] + l->o.alpha) / (l->exposure[i] + l->o.alpha);
    return theta_of(l->weight, l->models, next) ? ASSAY_OK : fail_underflow(l);
}

/* ---- the likelihood and its derivatives ---- */

static double log_sigmoid(double x)
{
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static double sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

/* i beat j a times and was beaten b times; information is minus the Hessian. Outputs may be NULL.
 */
static double add_pair(const double *theta, size_t i, size_t j, double a, double b,
    double *gradient, assay_matrix *information)
{
    const double difference = theta[i] - theta[j];
    const double p = sigmoid(difference), q = sigmoid(-difference), curvature = (a + b) * p * q;
    if (gradient) {
        gradient[i] += a * q - b * p;
        gradient[j] -= a * q - b * p;
    }
    if (information) {
        *assay_matrix_at(information, i, i) += curvature;
        *assay_matrix_at(information, j, j) += curvature;
        *assay_matrix_at(information, i, j) -= curvature;
        *assay_matrix_at(information, j, i) -= curvature;
    }
    return (a > 0 ? a * log_sigmoid(difference) : 0) + (b > 0 ? b * log_sigmoid(-difference) : 0);
}

static size_t member(const assay_top1 *c, size_t k)
{
    return k == 0 ? c->winner : c->losers[k - 1];
}

/* share has room for the set: exp theta_k / sum. */
static double add_choice(const double *theta, const assay_top1 *c, double *share, double *gradient,
    assay_matrix *information)
{
    double largest = -INFINITY, sum = 0;
    for (size_t k = 0; k <= c->n; k++)
        largest = fmax(largest, theta[member(c, k)]);
    for (size_t k = 0; k <= c->n; k++)
        sum += share[k] = exp(theta[member(c, k)] - largest);
    if (gradient)
        gradient[c->winner] += 1;
    for (size_t k = 0; k <= c->n && gradient; k++)
        gradient[member(c, k)] -= share[k] / sum;
    for (size_t k = 0; k <= c->n && information; k++) {
        double *row = assay_matrix_row(information, member(c, k));
        row[member(c, k)] += share[k] / sum;
        for (size_t m = 0; m <= c->n; m++)
            row[member(c, m)] -= share[k] / sum * (share[m] / sum);
    }
    return theta[c->winner] - largest - log(sum);
}

/* The log-likelihood of the data; gradient and information may be NULL. */
static double likelihood(
    const luce *l, const double *theta, double *gradient, assay_matrix *information)
{
    double sum = 0;
    if (gradient)
        memset(gradient, 0, l->models * sizeof *gradient);
    if (information)
        memset(information->data, 0, l->models * l->models * sizeof *information->data);
    for (size_t i = 0; i < l->models && l->counts; i++)
        for (size_t j = i + 1; j < l->models; j++) {
            const double a = *assay_matrix_at(l->counts, i, j),
                         b = *assay_matrix_at(l->counts, j, i);
            if (a > 0 || b > 0)
                sum += add_pair(theta, i, j, a, b, gradient, information);
        }
    for (size_t c = 0; c < l->choices; c++)
        sum += add_choice(theta, &l->choice[c], l->share, gradient, information);
    return sum;
}

/* alpha sum(theta - exp theta), added to value, gradient and information */
static double add_prior(
    const luce *l, const double *theta, double *gradient, assay_matrix *information)
{
    double sum = 0;
    for (size_t i = 0; i < l->models && l->o.alpha > 0; i++) {
        sum += l->o.alpha * (theta[i] - exp(theta[i]));
        if (gradient)
            gradient[i] += l->o.alpha * (1 - exp(theta[i]));
        if (information)
            *assay_matrix_at(information, i, i) += l->o.alpha * exp(theta[i]);
    }
    return sum;
}

/* ---- Newton's method ---- */

/* step = H^-1 gradient, after scaling to a unit diagonal, which keeps models apart that are
 * measured often and rarely. Without a prior a constant is H's null vector: sqrt(diagonal), when
 * scaled, which is given the eigenvalue 1; the gradient has nothing along it. */
static int newton_direction(luce *l)
{
    const size_t n = l->models;
    assay_matrix *h = &l->square;
    double *scale = l->exposure, trace = 0;
    for (size_t i = 0; i < n; i++) {
        scale[i] = sqrt(fmax(*assay_matrix_at(h, i, i), DBL_MIN));
        trace += scale[i] * scale[i];
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            double *entry = assay_matrix_at(h, i, j);
            *entry = *entry / scale[i] / scale[j] +
                     (l->o.alpha > 0 ? 0 : scale[i] / trace * scale[j]) + (i == j ? 1e-9 : 0);
        }
        l->step[i] = l->gradient[i] / scale[i];
    }
    const int order = (int)n, one = 1;
    int info = 0;
    dpotrf_("U", &order, h->data, &order, &info, 1);
    if (info == 0)
        dpotrs_("U", &order, &one, h->data, &order, l->step, &order, &info, 1);
    if (info != 0)
        return assay_fail(ASSAY_ECONVERGE, "%s: the likelihood has no curvature left at model %d",
            who, info > 0 ? info : 1);
    for (size_t i = 0; i < n; i++)
        l->step[i] /= scale[i];
    return ASSAY_OK;
}

static int newton_step(luce *l, double *next)
{
    const size_t n = l->models;
    double here = likelihood(l, l->theta, l->gradient, &l->square);
    here += add_prior(l, l->theta, l->gradient, &l->square);
    const int status = newton_direction(l);
    if (status)
        return status;
    for (double length = 1; length > 1e-12; length /= 2) {
        for (size_t i = 0; i < n; i++)
            next[i] = l->theta[i] + length * l->step[i];
        const double there = likelihood(l, next, NULL, NULL) + add_prior(l, next, NULL, NULL);
        if (there >= here - 1e-12 * fabs(here)) {
            if (l->o.alpha == 0)
                centre(next, n);
            return ASSAY_OK;
        }
    }
    memcpy(next, l->theta, n * sizeof *next); /* rounding hides any further rise */
    return ASSAY_OK;
}

/* ---- standard errors ---- */

/* P H P, P = I - 11'/n; H is symmetric, so that its rows' means are its columns', too. */
static void centre_both(assay_matrix *h, double *mean)
{
    const size_t n = h->rows;
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        mean[i] = 0;
        for (size_t j = 0; j < n; j++)
            mean[i] += *assay_matrix_at(h, i, j) / (double)n;
        total += mean[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            *assay_matrix_at(h, i, j) += total - mean[i] - mean[j];
}

/* The information on the space of sum 0 is P H P. A constant gets the eigenvalue s, whose part of
 * the inverse, 1 / (s n) everywhere, is taken off again. */
static int standard_errors(luce *l, const double *theta, double *se)
{
    const size_t n = l->models;
    assay_matrix *h = &l->square;
    const int order = (int)n;
    int info = 0;
    double s = 0;
    if (n == 1) {
        se[0] = 0;
        return ASSAY_OK;
    }
    likelihood(l, theta, NULL, h);
    weights_of(theta, n, l->weight);
    for (size_t i = 0; i < n; i++)
        *assay_matrix_at(h, i, i) += l->o.alpha * l->weight[i];
    centre_both(h, l->exposure);
    for (size_t i = 0; i < n; i++)
        s += *assay_matrix_at(h, i, i) / (double)n;
    for (size_t i = 0; i < n * n; i++)
        h->data[i] += s / (double)n;
    dpotrf_("U", &order, h->data, &order, &info, 1);
    if (info == 0)
        dpotri_("U", &order, h->data, &order, &info, 1);
    if (info != 0)
        return assay_fail(ASSAY_ECONVERGE,
            "%s: no standard errors, the information about model %d vanishes", who, info);
    for (size_t i = 0; i < n; i++)
        se[i] = sqrt(fmax(*assay_matrix_at(h, i, i) - 1 / (s * (double)n), 0));
    return ASSAY_OK;
}

/* ---- checks ---- */

static int check_options(const assay_pl_opts *o, size_t models)
{
    if (models == 0)
        return assay_fail(ASSAY_EINVAL, "%s: there must be at least 1 model, got 0", who);
    if (models > 20000)
        return assay_fail(ASSAY_EINVAL, "%s: at most 20000 models, got %zu", who, models);
    if (!(o->alpha >= 0 && isfinite(o->alpha)))
        return assay_fail(ASSAY_EINVAL, "%s: alpha must be finite and at least 0, got %g", who,
            isnan(o->alpha) ? (double)NAN : o->alpha);
    if (!(o->tol >= 0 && isfinite(o->tol)))
        return assay_fail(ASSAY_EINVAL, "%s: tol must be finite and at least 0, got %g", who,
            isnan(o->tol) ? (double)NAN : o->tol);
    for (size_t i = 0; i < models && o->init; i++)
        if (!isfinite(o->init[i]))
            return assay_fail(
                ASSAY_EINVAL, "%s: init[%zu] must be finite, got %g", who, i + 1, o->init[i]);
    return ASSAY_OK;
}

static int check_set(
    const char *noun, size_t number, const assay_top1 *set, size_t models, size_t *mark)
{
    for (size_t k = 0; k <= set->n; k++) {
        const size_t model = member(set, k);
        if (model >= models)
            return assay_fail(ASSAY_EINVAL, "%s: %s %zu has model %zu, but there are %zu models",
                who, noun, number, model + 1, models);
        if (mark[model] == number)
            return assay_fail(
                ASSAY_EINVAL, "%s: %s %zu has model %zu twice", who, noun, number, model + 1);
        mark[model] = number;
    }
    return ASSAY_OK;
}

/* `noun` is what the user calls the sets: records or rankings. */
static int check_sets(const char *noun, const assay_top1 *set, size_t sets, size_t models)
{
    int status = ASSAY_OK;
    size_t *mark = calloc(models + 1, sizeof *mark);
    if (!mark)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu models", who, models);
    for (size_t c = 0; c < sets && !status; c++)
        status = check_set(noun, c + 1, &set[c], models, mark);
    free(mark);
    return status;
}

/* "{1, 2}, {3}" */
static void list_components(
    const size_t *component, size_t models, size_t n, char *text, size_t size)
{
    size_t used = 0;
    for (size_t c = 0; c < n && used + 40 < size; c++) {
        bool first = true;
        used += (size_t)snprintf(text + used, size - used, "%s{", c ? ", " : "");
        for (size_t i = 0; i < models && used + 40 < size; i++)
            if (component[i] == c) {
                used +=
                    (size_t)snprintf(text + used, size - used, "%s%zu", first ? "" : ", ", i + 1);
                first = false;
            }
        used += (size_t)snprintf(text + used, size - used, "}");
    }
    if (used + 40 >= size)
        snprintf(text + used, size - used, " ...");
}

/* Uses l->square. */
static int check_connected(luce *l)
{
    char text[400];
    size_t n = 0, *component = calloc(l->models, sizeof *component);
    if (!component)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu models", who, l->models);
    for (size_t c = 0; c < l->choices; c++)
        for (size_t k = 0; k < l->choice[c].n; k++)
            *assay_matrix_at(&l->square, l->choice[c].winner, l->choice[c].losers[k]) = 1;
    int status = assay_comparison_components(l->counts ? l->counts : &l->square, component, &n);
    if (!status && n > 1) {
        list_components(component, l->models, n, text, sizeof text);
        status = assay_fail(ASSAY_EINVAL,
            "%s: alpha must be greater than 0 (0.01, say) here, got 0: wins do not lead from every "
            "model to every other, models fall into %zu groups %s",
            who, n, text);
    }
    free(component);
    return status;
}

/* ---- the loop ---- */

typedef int step_function(luce *l, double *next);

static int iterate(luce *l, double *theta, assay_pl_info *info)
{
    static step_function *const steps[] = {spectral_step, spectral_step, mm_step, newton_step};
    const size_t n = l->models, most = l->o.method == ASSAY_PL_LSR ? 1 : l->o.max_iter;
    if (n == 1) {
        theta[0] = 0;
        return ASSAY_OK;
    }
    for (size_t i = 0; i < n; i++)
        l->theta[i] = l->o.init ? l->o.init[i] : 0;
    for (size_t it = 0; it < most; it++) {
        int status = assay_progress_report(l->o.progress, (double)it, (double)most);
        if (!status)
            status = steps[l->o.method](l, theta);
        if (status)
            return status;
        info->iterations = it + 1;
        info->change = sum_abs_difference(theta, l->theta, n);
        memcpy(l->theta, theta, n * sizeof *theta);
        if (info->change <= l->o.tol * (double)n)
            break;
    }
    if (l->o.method == ASSAY_PL_LSR)
        info->change = NAN;
    else if (!(info->change <= l->o.tol * (double)n))
        return assay_fail(ASSAY_ECONVERGE,
            "%s: not converged after %zu iterations: theta still changed by %g in all, more than "
            "tol times %zu models",
            who, most, info->change, n);
    centre(theta, n);
    return ASSAY_OK;
}

static void count_wins(const luce *l, bool *unmeasured)
{
    memset(l->exposure, 0, l->models * sizeof *l->exposure); /* here: comparisons */
    for (size_t i = 0; i < l->models && l->counts; i++)
        for (size_t j = 0; j < l->models; j++) {
            const double c = *assay_matrix_at(l->counts, i, j);
            l->wins[i] += c;
            l->exposure[i] += c;
            l->exposure[j] += c;
        }
    for (size_t c = 0; c < l->choices; c++) {
        l->wins[l->choice[c].winner] += l->choice[c].n > 0;
        for (size_t k = 0; k <= l->choice[c].n; k++)
            l->exposure[member(&l->choice[c], k)] += l->choice[c].n > 0;
    }
    for (size_t i = 0; i < l->models && unmeasured; i++)
        unmeasured[i] = l->exposure[i] == 0;
}

static int rank_models(luce *l, const assay_pl_opts *o, double *theta, assay_pl_info *info)
{
    const size_t n = l->models;
    assay_pl_info local = {0};
    assay_pl_info *told = info ? info : &local;
    l->o = o ? *o : (assay_pl_opts){0};
    l->o.tol = l->o.tol == 0 ? 1e-8 : l->o.tol;
    l->o.max_iter = l->o.max_iter ? l->o.max_iter : 1000;
    int status = check_options(&l->o, n);
    if (status)
        return status;
    double *memory = calloc(7 * n, sizeof *memory);
    status = assay_matrix_alloc(n, n, &l->square);
    if (!memory || status) {
        status = assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu models", who, n);
        goto cleanup;
    }
    double **const arrays[] = {
        &l->wins, &l->weight, &l->exposure, &l->theta, &l->gradient, &l->step, &l->share};
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++)
        *arrays[a] = memory + a * n;
    count_wins(l, told->unmeasured);
    if (l->o.alpha == 0)
        status = check_connected(l);
    if (!status)
        status = iterate(l, theta, told);
    if (!status)
        told->log_likelihood = likelihood(l, theta, NULL, NULL);
    if (!status && told->se)
        status = standard_errors(l, theta, told->se);
cleanup:
    free(memory);
    assay_matrix_free(&l->square);
    return status;
}

int assay_pl_pairwise_dense(
    const assay_matrix *counts, const assay_pl_opts *o, double *theta, assay_pl_info *info)
{
    luce l = {.models = counts->rows, .counts = counts};
    const int status = assay_counts_check(who, "counts", counts);
    return status ? status : rank_models(&l, o, theta, info);
}

int assay_pl_top1(size_t models, const assay_top1 *record, size_t records, const assay_pl_opts *o,
    double *theta, assay_pl_info *info)
{
    luce l = {.models = models, .choice = record, .choices = records};
    const int status = check_sets("record", record, records, models);
    return status ? status : rank_models(&l, o, theta, info);
}

/* The stages of the rankings; choice has room for all. */
static size_t choices_of(const assay_ranking *ranking, size_t rankings, assay_top1 *choice)
{
    size_t choices = 0;
    for (size_t r = 0; r < rankings; r++)
        for (size_t a = 0; a + 1 < ranking[r].n; a++)
            choice[choices++] =
                (assay_top1){ranking[r].order[a], ranking[r].order + a + 1, ranking[r].n - a - 1};
    return choices;
}

int assay_pl_rankings(size_t models, const assay_ranking *ranking, size_t rankings,
    const assay_pl_opts *o, double *theta, assay_pl_info *info)
{
    luce l = {.models = models};
    size_t places = rankings;
    for (size_t r = 0; r < rankings; r++)
        places += ranking[r].n;
    assay_top1 *choice = calloc(places + 1, sizeof *choice);
    if (!choice)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu places", who, places);
    size_t whole = 0;
    for (size_t r = 0; r < rankings; r++)
        if (ranking[r].n > 0)
            choice[whole++] =
                (assay_top1){ranking[r].order[0], ranking[r].order + 1, ranking[r].n - 1};
    int status = check_sets("ranking", choice, whole, models);
    l.choice = choice;
    l.choices = choices_of(ranking, rankings, choice);
    if (!status)
        status = rank_models(&l, o, theta, info);
    free(choice);
    return status;
}
