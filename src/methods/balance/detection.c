/*
 * Losses of dense detectors (detection.h). All kinds are one walk over blocks of anchors: the terms
 * of all pairs as if no class were on, in vectors, then those that are on. OHEM and biased
 * sampling first choose, image by image; GHM first counts gradient norms.
 */
#include "methods/balance/detection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/balance/internal.h"

/* ---- the method ---- */

int assay_optimal_bias(
    double n_fg, double n_bg, size_t classes, double *prior, double *bias, double *threshold)
{
    if (!(n_fg > 0 && isfinite(n_fg)))
        return assay_fail(ASSAY_EINVAL,
            "no foreground anchor in the data set: n_fg must be at least 1, got %g", n_fg);
    if (!(n_bg >= 0 && isfinite(n_bg)))
        return assay_fail(ASSAY_EINVAL, "n_bg must be at least 0, got %g", n_bg);
    if (classes < 1)
        return assay_fail(ASSAY_EINVAL, "classes must be at least 1, got 0");
    if (classes == 1 && n_bg == 0)
        return assay_fail(ASSAY_EINVAL, "n_bg must be at least 1 for one class, got 0");
    *threshold = n_fg / (n_fg + n_bg);
    *prior = n_fg / ((n_fg + n_bg) * (double)classes);
    *bias = -log((1 - *prior) / *prior);
    return ASSAY_OK;
}

static double softplus(double z)
{
    return fmax(z, 0) + log1p(exp(-fabs(z)));
}

int assay_initial_bce(double prior, double bias, size_t classes, double *loss)
{
    if (!(prior >= 0 && prior <= 1))
        return assay_fail(ASSAY_EINVAL, "prior must be in 0..1, got %g", prior);
    if (!isfinite(bias))
        return assay_fail(ASSAY_EINVAL, "bias must be finite, got %g", bias);
    if (classes < 1)
        return assay_fail(ASSAY_EINVAL, "classes must be at least 1, got 0");
    *loss = (double)classes * (prior * softplus(-bias) + (1 - prior) * softplus(bias));
    return ASSAY_OK;
}

int assay_guided_scale(double cls, double reg, double multiplier, double *scale)
{
    if (!isfinite(cls) || !isfinite(reg))
        return assay_fail(ASSAY_ENONFINITE,
            "the losses must be finite, got %g of classes and %g of boxes", cls, reg);
    if (cls < 0 || reg < 0)
        return assay_fail(ASSAY_EINVAL,
            "the losses must be at least 0, got %g of classes and %g of boxes", cls, reg);
    if (!(multiplier > 0 && isfinite(multiplier)))
        return assay_fail(
            ASSAY_EINVAL, "multiplier must be greater than 0 and finite, got %g", multiplier);
    *scale = cls > 0 && reg > 0 ? multiplier * reg / cls : 0;
    return ASSAY_OK;
}

int assay_effective_weights(const double *count, size_t classes, double beta, double *weight)
{
    double sum = 0;
    if (!(beta >= 0 && beta <= 1))
        return assay_fail(ASSAY_EINVAL, "beta must be in 0..1, got %g", beta);
    for (size_t c = 0; c < classes; c++) {
        if (!(count[c] >= 1 && isfinite(count[c])))
            return assay_fail(
                ASSAY_EINVAL, "counts[%zu] must be at least 1, got %g", c + 1, count[c]);
        weight[c] = beta < 1 ? (1 - beta) / -expm1(count[c] * log(beta)) : 1 / count[c];
        sum += weight[c];
    }
    for (size_t c = 0; c < classes; c++)
        weight[c] *= (double)classes / sum;
    return ASSAY_OK;
}

/* ---- a batch ---- */

enum { PAIRS = 512, ARRAYS = 7 };

/* Some anchors of the batch, and of each of their pairs z, p, 1 - p and ln(1 + e^-|z|); what stands
 * before BCE, their product, and its derivative by the logit. */
struct block {
    size_t first, rows, most;
    double *z, *p, *q, *l, *weight, *loss, *slope;
};

struct batch {
    assay_det_loss_kind kind;
    const assay_matrix *z;
    const int *target;
    const assay_det_loss_options *o;
    double *accumulated; /* S of GHM, or NULL */
    assay_det_loss_result *r;
    assay_matrix *grad, *weight; /* or NULL */

    /* in use */
    unsigned char *chosen; /* A; NULL: all that are not ignored */
    struct block block;
    double *bin_weight; /* bins */
};

static int check_targets(const struct batch *b)
{
    for (size_t a = 0; a < b->z->rows; a++) {
        const int t = b->target[a];
        if (t < -1 || (t > 0 && (size_t)t > b->z->cols))
            return assay_fail(ASSAY_EINVAL,
                "target[%zu] must be -1, 0 or a class in 1..%zu, got %d", a + 1, b->z->cols, t);
        b->r->n_pos += t > 0;
        b->r->n_valid += t >= 0;
    }
    return ASSAY_OK;
}

static int check_logits(const struct batch *b)
{
    for (size_t a = 0; a < b->z->rows; a++)
        for (size_t c = 0; c < b->z->cols; c++)
            if (!isfinite(*assay_matrix_at(b->z, a, c)))
                return assay_fail(ASSAY_ENONFINITE,
                    "the logit of anchor %zu, class %zu must be finite, got %g", a + 1, c + 1,
                    *assay_matrix_at(b->z, a, c));
    return ASSAY_OK;
}

static int check_class_weights(const struct batch *b)
{
    for (size_t c = 0; b->o->class_weight && c < b->z->cols; c++)
        if (!(b->o->class_weight[c] >= 0 && isfinite(b->o->class_weight[c])))
            return assay_fail(ASSAY_EINVAL,
                "class_weights[%zu] must be finite and at least 0, got %g", c + 1,
                b->o->class_weight[c]);
    return ASSAY_OK;
}

static int check_options(const struct batch *b)
{
    const assay_det_loss_options *o = b->o;
    if (b->z->cols < 1)
        return assay_fail(ASSAY_EINVAL, "logits must have at least 1 class, got 0");
    if (o->images < 1 || b->z->rows % o->images != 0)
        return assay_fail(
            ASSAY_EINVAL, "images must divide the %zu anchors, got %zu", b->z->rows, o->images);
    if (b->kind == ASSAY_DET_FOCAL && !(o->gamma >= 0 && isfinite(o->gamma)))
        return assay_fail(ASSAY_EINVAL, "gamma must be finite and at least 0, got %g", o->gamma);
    if (b->kind == ASSAY_DET_FOCAL && !(o->alpha >= 0 && o->alpha <= 1))
        return assay_fail(ASSAY_EINVAL, "alpha must be in 0..1, got %g", o->alpha);
    if (b->kind == ASSAY_DET_BIASED && !o->draws)
        return assay_fail(ASSAY_EINVAL, "draws of biased sampling must be given");
    return check_class_weights(b);
}

static int make_block(struct block *k, size_t classes)
{
    k->most = classes < PAIRS ? PAIRS / classes : 1;
    const size_t size = k->most * classes;
    k->z = malloc(ARRAYS * size * sizeof *k->z);
    if (!k->z)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu classes", classes);
    k->p = k->z + size;
    k->q = k->p + size;
    k->l = k->q + size;
    k->weight = k->l + size;
    k->loss = k->weight + size;
    k->slope = k->loss + size;
    return ASSAY_OK;
}

/* The anchors from `first` on, as many as fit. */
static struct block *block_at(struct batch *b, size_t first)
{
    struct block *k = &b->block;
    const size_t left = b->z->rows - first, C = b->z->cols;
    k->first = first;
    k->rows = left < k->most ? left : k->most;
    for (size_t i = 0; i < k->rows; i++)
        memcpy(k->z + i * C, assay_matrix_row(b->z, first + i), C * sizeof *k->z);
    assay_logistic_terms(k->z, k->rows * C, k->p, k->q, k->l);
    return k;
}

/* max(z, 0) - z y + ln(1 + e^-|z|) of pair i */
static double bce_of(const struct block *k, size_t i, bool on)
{
    return fmax(on ? -k->z[i] : k->z[i], 0) + k->l[i];
}

static bool takes_part(const struct batch *b, size_t anchor)
{
    return b->chosen ? b->chosen[anchor] : b->target[anchor] >= 0;
}

/* Which class is on, as a column; C: none. */
static size_t hot(const struct batch *b, size_t anchor)
{
    return b->target[anchor] > 0 ? (size_t)b->target[anchor] - 1 : b->z->cols;
}

static double anchor_factor(const struct batch *b, size_t anchor)
{
    const int t = b->target[anchor];
    return b->o->class_weight && t > 0 ? b->o->class_weight[t - 1] : 1;
}

/* ---- choosing, image by image ---- */

static void plain_losses(struct batch *b, double *loss)
{
    const size_t C = b->z->cols;
    for (size_t first = 0; first < b->z->rows; first += b->block.rows) {
        const struct block *k = block_at(b, first);
        for (size_t i = 0; i < k->rows; i++) {
            const size_t on = hot(b, first + i);
            loss[first + i] = 0;
            for (size_t c = 0; c < C; c++)
                loss[first + i] += bce_of(k, i * C + c, c == on);
        }
    }
}

static int choose_hard(const struct batch *b, const double *loss, size_t first, size_t n)
{
    const assay_det_loss_options *o = b->o;
    assay_matrix boxes;
    if (o->hardest == 0)
        return assay_choose_hard(b->target + first, loss + first, n, o->ratio, b->chosen + first);
    if (!o->boxes || (o->boxes->rows != n && o->boxes->rows != b->z->rows))
        return assay_fail(ASSAY_EINVAL, "boxes must have %zu rows, one for each anchor, got %zu", n,
            o->boxes ? o->boxes->rows : 0);
    const int status =
        assay_matrix_sub(o->boxes, o->boxes->rows == n ? 0 : first, n, 0, o->boxes->cols, &boxes);
    return status ? status
                  : assay_choose_hard_regions(b->target + first, loss + first, &boxes, n,
                        o->hardest, o->overlap, b->chosen + first);
}

static int choose_biased(const struct batch *b, size_t first, size_t n)
{
    const assay_det_loss_options *o = b->o;
    if (o->iou)
        return assay_sample_anchors_by_iou(b->target + first, o->draws + first, o->iou + first, n,
            o->size, o->fraction, o->iou_bins, o->iou_most, b->chosen + first);
    return assay_sample_anchors(
        b->target + first, o->draws + first, n, o->size, o->fraction, b->chosen + first);
}

static int choose(struct batch *b)
{
    const size_t A = b->z->rows, n = A / b->o->images;
    double *loss = NULL;
    int status = ASSAY_OK;
    b->chosen = calloc(A + 1, 1);
    if (b->kind == ASSAY_DET_OHEM)
        loss = malloc((A + 1) * sizeof *loss);
    if (!b->chosen || (b->kind == ASSAY_DET_OHEM && !loss))
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu anchors", A);
    if (!status && loss)
        plain_losses(b, loss);
    for (size_t first = 0; first < A && !status; first += n)
        status = loss ? choose_hard(b, loss, first, n) : choose_biased(b, first, n);
    free(loss);
    return status;
}

/* ---- gradient norms ---- */

static size_t bin_of(double norm, size_t bins)
{
    const double at = norm * (double)bins;
    return at < (double)bins ? (size_t)at : bins - 1;
}

static int check_bins(size_t bins, double momentum)
{
    if (bins < 1)
        return assay_fail(ASSAY_EINVAL, "bins must be at least 1, got 0");
    if (!(momentum >= 0 && momentum < 1))
        return assay_fail(
            ASSAY_EINVAL, "momentum must be at least 0 and less than 1, got %g", momentum);
    return ASSAY_OK;
}

/* From the counts of n norms: S = momentum S + (1 - momentum) count for bins with some, which get
 * the weight n / S / (their number). */
static void weigh_bins(double *count, size_t bins, double momentum, double n, double *accumulated)
{
    double filled = 0;
    for (size_t i = 0; i < bins; i++)
        filled += count[i] > 0;
    for (size_t i = 0; i < bins; i++) {
        if (count[i] == 0)
            continue;
        const double S = (accumulated ? momentum * accumulated[i] : 0) + (1 - momentum) * count[i];
        if (accumulated)
            accumulated[i] = S;
        count[i] = n / S / filled;
    }
}

static int count_norms(struct batch *b)
{
    const size_t C = b->z->cols, bins = b->o->bins;
    size_t at = 0;
    int status = check_bins(bins, b->o->momentum);
    if (status)
        return status;
    b->bin_weight = calloc(bins, sizeof *b->bin_weight);
    if (!b->bin_weight)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu bins", bins);
    for (size_t first = 0; first < b->z->rows; first += b->block.rows) {
        const struct block *k = block_at(b, first);
        for (size_t i = 0; i < k->rows * C; i++) {
            const size_t a = first + i / C;
            if (b->target[a] < 0)
                continue;
            const size_t bin = bin_of(i % C == hot(b, a) ? k->q[i] : k->p[i], bins);
            b->bin_weight[bin]++;
            if (b->o->bin_of_pair)
                b->o->bin_of_pair[at++] = bin;
        }
    }
    weigh_bins(b->bin_weight, bins, b->o->momentum, (double)(b->r->n_valid * C), b->accumulated);
    return ASSAY_OK;
}

/* ---- terms ---- */

static double power(double x, double gamma)
{
    return gamma == 2 ? x * x : gamma == 1 ? x : gamma == 0 ? 1 : pow(x, gamma);
}

/* With f = 1 - p_t, the probability of what it is not: w = alpha_t f^gamma, and the derivative of
 * w BCE by z is sign w (gamma (1 - f) BCE + f), sign -1 for what is on. */
static double focal_slope(double w, double gamma, double f, double rest, double bce)
{
    return w * (gamma * rest * bce + f);
}

static void weigh_off(const struct batch *b, struct block *k, size_t n)
{
    const double gamma = b->o->gamma, alpha = 1 - b->o->alpha;
    for (size_t i = 0; i < n; i++)
        k->weight[i] = 1;
    if (b->kind == ASSAY_DET_FOCAL && gamma == 2)
        for (size_t i = 0; i < n; i++)
            k->weight[i] = alpha * k->p[i] * k->p[i];
    else if (b->kind == ASSAY_DET_FOCAL)
        for (size_t i = 0; i < n; i++)
            k->weight[i] = alpha * power(k->p[i], gamma);
    else if (b->kind == ASSAY_DET_GHM)
        for (size_t i = 0; i < n; i++)
            k->weight[i] = b->bin_weight[bin_of(k->p[i], b->o->bins)];
}

/* All pairs of the block as if no class were on. */
static void all_off(const struct batch *b, struct block *k, size_t n)
{
    const double gamma = b->o->gamma;
    weigh_off(b, k, n);
    for (size_t i = 0; i < n; i++) {
        const double bce = (k->z[i] > 0 ? k->z[i] : 0) + k->l[i];
        k->loss[i] = k->weight[i] * bce;
        k->slope[i] = k->weight[i] * k->p[i];
        if (b->kind == ASSAY_DET_FOCAL)
            k->slope[i] = focal_slope(k->weight[i], gamma, k->p[i], k->q[i], bce);
    }
}

/* Pair i is on. */
static void turn_on(const struct batch *b, struct block *k, size_t i)
{
    const double bce = bce_of(k, i, true), f = k->q[i];
    const bool focal = b->kind == ASSAY_DET_FOCAL;
    const double w = focal                      ? b->o->alpha * power(f, b->o->gamma)
                     : b->kind == ASSAY_DET_GHM ? b->bin_weight[bin_of(f, b->o->bins)]
                                                : 1;
    k->weight[i] = w;
    k->loss[i] = w * bce;
    k->slope[i] = -(focal ? focal_slope(w, b->o->gamma, f, k->p[i], bce) : w * f);
}

/* Row i of the block into the results, `inverse` what normalises; the sum over its classes. */
static double put_anchor(const struct batch *b, struct block *k, size_t i, double inverse)
{
    const size_t C = b->z->cols, a = k->first + i, on = hot(b, a), at = i * C;
    const double factor = anchor_factor(b, a);
    double sum = 0;
    if (on < C)
        turn_on(b, k, at + on);
    for (size_t c = 0; c < C; c++)
        sum += k->loss[at + c];
    for (size_t c = 0; c < C && b->grad; c++)
        *assay_matrix_at(b->grad, a, c) = factor * inverse * k->slope[at + c];
    for (size_t c = 0; c < C && b->weight; c++)
        *assay_matrix_at(b->weight, a, c) = factor * k->weight[at + c];
    return factor * sum;
}

static void clear_row(const struct batch *b, size_t a)
{
    if (b->grad)
        memset(assay_matrix_row(b->grad, a), 0, b->z->cols * sizeof(double));
    if (b->weight)
        memset(assay_matrix_row(b->weight, a), 0, b->z->cols * sizeof(double));
}

static double normaliser_of(const struct batch *b)
{
    const assay_det_loss_result *r = b->r;
    size_t positive = 0;
    switch (b->kind) {
    case ASSAY_DET_BCE:
    case ASSAY_DET_FOCAL:
        return (double)(r->n_pos + b->o->images);
    case ASSAY_DET_GHM:
        return fmax(1, (double)(r->n_valid * b->z->cols));
    case ASSAY_DET_OHEM:
        return fmax(1, (double)(b->o->hardest ? r->n_chosen : r->n_pos));
    case ASSAY_DET_BIASED:
        break;
    }
    for (size_t a = 0; a < b->z->rows; a++)
        positive += b->chosen[a] && b->target[a] > 0;
    return fmax(1, (double)(b->o->by_positive ? positive : r->n_chosen));
}

static void sum_terms(struct batch *b)
{
    double sum = 0;
    for (size_t a = 0; a < b->z->rows; a++)
        b->r->n_chosen += takes_part(b, a);
    b->r->normaliser = normaliser_of(b);
    for (size_t first = 0; first < b->z->rows; first += b->block.rows) {
        struct block *k = block_at(b, first);
        all_off(b, k, k->rows * b->z->cols);
        for (size_t i = 0; i < k->rows; i++)
            if (takes_part(b, first + i))
                sum += put_anchor(b, k, i, 1 / b->r->normaliser);
            else
                clear_row(b, first + i);
    }
    b->r->loss = sum / b->r->normaliser;
}

int assay_det_loss(assay_det_loss_kind kind, const assay_matrix *logits, const int *target,
    const assay_det_loss_options *options, double *accumulated, assay_det_loss_result *result,
    assay_matrix *grad, assay_matrix *weight)
{
    struct batch b = {.kind = kind,
        .z = logits,
        .target = target,
        .o = options,
        .accumulated = accumulated,
        .r = result,
        .grad = grad,
        .weight = weight};
    *result = (assay_det_loss_result){0};
    int status = check_options(&b);
    if (!status)
        status = check_targets(&b);
    if (!status)
        status = check_logits(&b);
    if (status)
        return status;
    status = make_block(&b.block, logits->cols);
    if (status)
        return status;
    if (kind == ASSAY_DET_OHEM || kind == ASSAY_DET_BIASED)
        status = choose(&b);
    else if (kind == ASSAY_DET_GHM)
        status = count_norms(&b);
    if (!status)
        sum_terms(&b);
    free(b.block.z);
    free(b.chosen);
    free(b.bin_weight);
    return status;
}

/* ---- boxes ---- */

int assay_ghm_box_loss(const assay_matrix *x, double mu, size_t bins, double momentum,
    double *accumulated, double *loss, assay_matrix *grad, assay_matrix *weight)
{
    const double n = (double)x->rows * (double)x->cols;
    int status = check_bins(bins, momentum);
    if (!status && !(mu > 0 && isfinite(mu)))
        status = assay_fail(ASSAY_EINVAL, "mu must be greater than 0 and finite, got %g", mu);
    for (size_t i = 0; i < x->rows * x->cols && !status; i++)
        if (!isfinite(*assay_matrix_at(x, i / x->cols, i % x->cols)))
            status = assay_fail(ASSAY_ENONFINITE, "delta[%zu][%zu] must be finite, got %g",
                i / x->cols + 1, i % x->cols + 1, *assay_matrix_at(x, i / x->cols, i % x->cols));
    double *count = status ? NULL : calloc(bins, sizeof *count);
    if (!status && !count)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu bins", bins);
    *loss = 0;
    for (int pass = 0; pass < 2 && !status; pass++) {
        for (size_t i = 0; i < x->rows; i++)
            for (size_t j = 0; j < x->cols; j++) {
                const double d = *assay_matrix_at(x, i, j), root = hypot(d, mu);
                const size_t bin = bin_of(fabs(d) / root, bins);
                if (pass == 0) {
                    count[bin]++;
                    continue;
                }
                *loss += count[bin] * (root - mu) / n;
                if (grad)
                    *assay_matrix_at(grad, i, j) = count[bin] * d / root / n;
                if (weight)
                    *assay_matrix_at(weight, i, j) = count[bin];
            }
        if (pass == 0)
            weigh_bins(count, bins, momentum, n, accumulated);
    }
    free(count);
    return status;
}
