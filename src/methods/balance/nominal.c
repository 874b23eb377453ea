/*
 * SMOTE-NC and SMOTE-N (smote.h). Distances with nominal columns are of no vector space, so that
 * neighbours are found by looking at all rows of the class.
 *
 * imbalanced-learn 0.10 adds med^2 / 2 for a nominal feature that differs; here it is med^2, which
 * the worked example of the paper asks for.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/balance/internal.h"

enum { MOST_CODES = 1 << 20 };

/* ---- neighbours by any distance ---- */

typedef double distance_function(const void *context, size_t i, size_t j);

/* Row j at `squared` among the nearest so far; later rows lose ties. */
static void insert(double *squared, size_t *index, size_t k, size_t *found, double d, size_t j)
{
    size_t at = *found < k ? (*found)++ : k - 1;
    for (; at > 0 && squared[at - 1] > d; at--) {
        squared[at] = squared[at - 1];
        index[at] = index[at - 1];
    }
    squared[at] = d;
    index[at] = j;
}

static int nearest_by(distance_function *distance, const void *context, size_t T, size_t k,
    const assay_progress *progress, size_t *neighbour)
{
    double *squared = malloc(k * sizeof *squared);
    int status = squared ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", k);
    for (size_t i = 0; i < T && !status; i++) {
        size_t found = 0;
        if (i % 64 == 0)
            status = assay_progress_report(progress, (double)i, (double)T);
        for (size_t j = 0; j < T; j++) {
            const double d = j == i ? INFINITY : distance(context, i, j);
            if (j != i && (found < k || d < squared[k - 1]))
                insert(squared, neighbour + i * k, k, &found, d, j);
        }
    }
    free(squared);
    return status;
}

/* ---- SMOTE-NC ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double deviation(const assay_matrix *X, size_t column)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < X->rows; i++)
        mean += *assay_matrix_at(X, i, column);
    mean /= (double)X->rows;
    for (size_t i = 0; i < X->rows; i++)
        squares += pow(*assay_matrix_at(X, i, column) - mean, 2);
    return sqrt(squares / (double)X->rows);
}

static int median_deviation(const assay_matrix *Xc, double *med)
{
    const size_t d = Xc->cols;
    if (d == 0)
        return assay_fail(ASSAY_EINVAL,
            "X must have at least 1 continuous column, got none (SMOTE-N, smoten, is for those)");
    if (Xc->rows == 0)
        return assay_fail(ASSAY_EINVAL, "X must have at least 1 row, got none");
    double *s = malloc(d * sizeof *s);
    if (!s)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu columns", d);
    for (size_t j = 0; j < d; j++)
        s[j] = deviation(Xc, j);
    qsort(s, d, sizeof *s, compare_doubles);
    *med = d % 2 ? s[d / 2] : (s[d / 2 - 1] + s[d / 2]) / 2;
    free(s);
    return ASSAY_OK;
}

struct mixed {
    const assay_matrix *Xc, *Xn;
    double med;
};

static double mixed_squared(const void *context, size_t i, size_t j)
{
    const struct mixed *m = context;
    const double *a = assay_matrix_row(m->Xc, i), *b = assay_matrix_row(m->Xc, j);
    double sum = 0;
    size_t differ = 0;
    for (size_t c = 0; c < m->Xc->cols; c++)
        sum += (a[c] - b[c]) * (a[c] - b[c]);
    for (size_t c = 0; c < m->Xn->cols; c++)
        differ += *assay_matrix_at(m->Xn, i, c) != *assay_matrix_at(m->Xn, j, c);
    return sum + (double)differ * m->med * m->med;
}

static int check_mixed(const assay_matrix *Xc, const assay_matrix *Xn)
{
    if (Xc->rows != Xn->rows && Xn->cols > 0)
        return assay_fail(
            ASSAY_EINVAL, "Xn must have %zu rows as Xc has, got %zu", Xc->rows, Xn->rows);
    return assay_check_finite(Xc);
}

int assay_smotenc_distance(
    const assay_matrix *Xc, const assay_matrix *Xn, double *med, assay_matrix *distance)
{
    int status = check_mixed(Xc, Xn);
    if (!status)
        status = median_deviation(Xc, med);
    const struct mixed m = {Xc, Xn, status ? 0 : *med};
    for (size_t i = 0; distance && i < Xc->rows && !status; i++)
        for (size_t j = 0; j < Xc->rows; j++)
            *assay_matrix_at(distance, i, j) = sqrt(mixed_squared(&m, i, j));
    return status;
}

int assay_smotenc_neighbours(const assay_matrix *Xc, const assay_matrix *Xn, size_t k,
    const assay_progress *progress, size_t *neighbour)
{
    struct mixed m = {Xc, Xn, 0};
    int status = check_mixed(Xc, Xn);
    if (!status)
        status = assay_check_minority(Xc->rows);
    if (!status)
        status = assay_check_k("k", &k, Xc->rows - 1, false, "other rows of the class");
    if (!status)
        status = median_deviation(Xc, &m.med);
    return status ? status : nearest_by(mixed_squared, &m, Xc->rows, k, progress, neighbour);
}

/* Votes of one column; code[rows] and votes[rows] are scratch. */
static double vote(const assay_matrix *Xn, size_t column, const size_t *row, size_t rows,
    assay_rng *ties, double *code, size_t *votes)
{
    size_t codes = 0, best = 0, tied = 0;
    for (size_t i = 0; i < rows; i++) {
        const double x = *assay_matrix_at(Xn, row[i], column);
        size_t at = 0;
        while (at < codes && code[at] != x)
            at++;
        if (at == codes) {
            code[codes] = x;
            votes[codes++] = 0;
        }
        votes[at]++;
    }
    for (size_t c = 1; c < codes; c++)
        if (votes[c] > votes[best] || (votes[c] == votes[best] && code[c] < code[best]))
            best = c;
    if (!ties)
        return code[best];
    for (size_t c = 0; c < codes; c++)
        if (votes[c] == votes[best])
            code[tied++] = code[c];
    return code[assay_rng_below(ties, tied)];
}

int assay_vote(
    const assay_matrix *Xn, const size_t *row, size_t rows, assay_rng *ties, double *code)
{
    double *codes = malloc(rows * sizeof *codes + 1);
    size_t *votes = malloc(rows * sizeof *votes + 1);
    int status = codes && votes && rows > 0
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "no memory for %zu votes", rows);
    for (size_t j = 0; j < Xn->cols && !status; j++)
        code[j] = vote(Xn, j, row, rows, ties, codes, votes);
    free(codes);
    free(votes);
    return status;
}

/* ---- SMOTE-N ---- */

static int count_codes(const assay_matrix *X, size_t column, size_t *codes)
{
    for (size_t i = 0; i < X->rows; i++) {
        const double x = *assay_matrix_at(X, i, column);
        if (!(x >= 0 && x < MOST_CODES && x == floor(x)))
            return assay_fail(ASSAY_EINVAL,
                "codes of nominal columns must be whole numbers in 0..%d, got %g in row %zu",
                MOST_CODES - 1, x, i + 1);
        *codes = (size_t)x >= *codes ? (size_t)x + 1 : *codes;
    }
    return ASSAY_OK;
}

/* delta of one column; profile [codes, classes] */
static int value_differences(const assay_matrix *X, const size_t *y, size_t column, size_t codes,
    size_t classes, double *delta)
{
    double *profile = calloc(codes * classes + codes, sizeof *profile);
    if (!profile)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu codes", codes);
    double *total = profile + codes * classes;
    for (size_t i = 0; i < X->rows; i++) {
        const size_t code = (size_t)*assay_matrix_at(X, i, column);
        profile[code * classes + y[i]]++;
        total[code]++;
    }
    for (size_t a = 0; a < codes; a++)
        for (size_t c = 0; c < classes; c++)
            profile[a * classes + c] /= total[a] > 0 ? total[a] : 1;
    for (size_t a = 0; a < codes; a++)
        for (size_t b = 0; b < codes; b++) {
            double sum = 0;
            for (size_t c = 0; c < classes; c++)
                sum += fabs(profile[a * classes + c] - profile[b * classes + c]);
            delta[a * codes + b] = sum;
        }
    free(profile);
    return ASSAY_OK;
}

int assay_vdm_new(const assay_matrix *X, const size_t *y, const size_t *codes, assay_vdm *out)
{
    size_t *sizes = NULL, classes = 0, largest = 0, smallest = 0;
    *out = (assay_vdm){.features = X->cols};
    int status = assay_class_sizes(y, X->rows, &sizes, &classes, &largest, &smallest);
    free(sizes);
    if (status)
        return status;
    out->codes = calloc(X->cols + 1, sizeof *out->codes);
    out->delta = calloc(X->cols + 1, sizeof *out->delta);
    if (!out->codes || !out->delta)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu columns", X->cols);
    for (size_t f = 0; f < X->cols && !status; f++) {
        out->codes[f] = codes ? codes[f] : 0;
        status = count_codes(X, f, &out->codes[f]);
        if (status)
            break;
        out->delta[f] = calloc(out->codes[f] * out->codes[f] + 1, sizeof *out->delta[f]);
        status = out->delta[f] ? value_differences(X, y, f, out->codes[f], classes, out->delta[f])
                               : assay_fail(ASSAY_ENOMEM, "no memory for %zu codes", out->codes[f]);
    }
    if (status)
        assay_vdm_free(out);
    return status;
}

void assay_vdm_free(assay_vdm *vdm)
{
    for (size_t f = 0; vdm->delta && f < vdm->features; f++)
        free(vdm->delta[f]);
    free(vdm->delta);
    free(vdm->codes);
    *vdm = (assay_vdm){0};
}

double assay_vdm_distance(const assay_vdm *vdm, const double *a, const double *b)
{
    double sum = 0;
    for (size_t f = 0; f < vdm->features; f++) {
        const double d = vdm->delta[f][(size_t)a[f] * vdm->codes[f] + (size_t)b[f]];
        sum += d * d;
    }
    return sum;
}

struct coded {
    const assay_vdm *vdm;
    const assay_matrix *X;
    const size_t *row;
};

static double coded_distance(const void *context, size_t i, size_t j)
{
    const struct coded *c = context;
    return assay_vdm_distance(
        c->vdm, assay_matrix_row(c->X, c->row[i]), assay_matrix_row(c->X, c->row[j]));
}

int assay_vdm_neighbours(const assay_vdm *vdm, const assay_matrix *X, const size_t *row, size_t T,
    size_t k, const assay_progress *progress, size_t *neighbour)
{
    const struct coded c = {vdm, X, row};
    int status = assay_check_minority(T);
    if (!status)
        status = assay_check_k("k", &k, T - 1, false, "other rows of the class");
    return status ? status : nearest_by(coded_distance, &c, T, k, progress, neighbour);
}

/* ---- whole sets ---- */

/* The columns of X of one sort, all rows given. */
static int columns_of(const assay_matrix *X, const size_t *row, size_t rows,
    const unsigned char *nominal, unsigned char sort, assay_matrix *out)
{
    size_t columns = 0;
    for (size_t j = 0; j < X->cols; j++)
        columns += nominal[j] == sort;
    const int status = assay_matrix_alloc(rows, columns, out);
    for (size_t i = 0; i < rows && !status; i++)
        for (size_t j = 0, to = 0; j < X->cols; j++)
            if (nominal[j] == sort)
                *assay_matrix_at(out, i, to++) = *assay_matrix_at(X, row[i], j);
    return status;
}

struct nominal_work {
    const assay_matrix *X;
    const unsigned char *nominal;
    const assay_smote_options *o;
    const assay_vdm *vdm; /* NULL: there are continuous columns */
    bool ties_at_random;
};

/* The base's k neighbours vote, with SMOTE-N the base too. code[d] */
static int new_row(const struct nominal_work *w, const size_t *member, const size_t *neighbour,
    size_t k, size_t base, size_t *voter, assay_rng *rng, assay_synthetic *s, double *code,
    double *row)
{
    const size_t i = s->rows++;
    const size_t col = assay_rng_below(rng, k);
    s->base[i] = member[base];
    s->partner[i] = member[neighbour[base * k + col]];
    for (size_t j = 0; j < k; j++)
        voter[j] = member[neighbour[base * k + j]];
    voter[k] = member[base];
    const int status = assay_vote(
        w->X, voter, w->vdm ? k + 1 : k, w->ties_at_random && !w->vdm ? rng : NULL, code);
    for (size_t g = 0; g < s->gaps; g++)
        s->gap[i * s->gaps + g] = w->vdm ? 0 : assay_rng_uniform(rng);
    const double *a = assay_matrix_row(w->X, s->base[i]);
    const double *b = assay_matrix_row(w->X, s->partner[i]);
    for (size_t j = 0; j < w->X->cols; j++)
        row[j] = w->nominal[j] ? code[j]
                               : a[j] + s->gap[i * s->gaps + (s->gaps > 1 ? j : 0)] * (b[j] - a[j]);
    return status;
}

static int find_near(
    const struct nominal_work *w, const size_t *member, size_t T, size_t k, size_t *neighbour)
{
    if (w->vdm)
        return assay_vdm_neighbours(w->vdm, w->X, member, T, k, w->o->progress, neighbour);
    assay_matrix Xc = {0}, Xn = {0};
    int status = columns_of(w->X, member, T, w->nominal, 0, &Xc);
    if (!status)
        status = columns_of(w->X, member, T, w->nominal, 1, &Xn);
    if (!status)
        status = assay_smotenc_neighbours(&Xc, &Xn, k, w->o->progress, neighbour);
    assay_matrix_free(&Xc);
    assay_matrix_free(&Xn);
    return status;
}

/* Rows of one class; out grows by them. */
static int enlarge(const struct nominal_work *w, const size_t *y, size_t label, size_t T,
    size_t largest, const assay_rng *own, assay_synthetic *s, assay_matrix *out)
{
    size_t total = 0, per_base = 0, k = w->o->k;
    size_t *member = NULL, *neighbour = NULL, *which = NULL, *voter = NULL;
    double *code = NULL;
    const size_t d = w->X->cols;
    int status = assay_wanted(w->o, T, T, largest, &total, &per_base);
    if (status || total == 0)
        return status;
    status = assay_check_minority(T);
    if (!status)
        status = assay_check_k("k", &k, T - 1, w->o->clip_k, "other rows of the class");
    if (!status)
        status = assay_synthetic_reserve(s, total);
    if (status)
        return status;
    double *grown = realloc(out->data, (s->rows + total) * d * sizeof *grown + 1);
    out->data = grown ? grown : out->data;
    member = malloc(w->X->rows * sizeof *member);
    neighbour = malloc(T * k * sizeof *neighbour);
    which = malloc(total * sizeof *which);
    voter = malloc((k + 1) * sizeof *voter);
    code = malloc(d * sizeof *code + 1);
    if (!grown || !member || !neighbour || !which || !voter || !code) {
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu new rows", total);
        goto cleanup;
    }
    assay_rng rng = *own;
    assay_class_rows(y, w->X->rows, label, member, &T);
    status = find_near(w, member, T, k, neighbour);
    if (!status && per_base > 0)
        status = assay_bases_by_percent(T, total, per_base, w->o->amount, &rng, which);
    for (size_t j = 0; j < total && !status; j++) {
        const size_t base = per_base > 0 ? which[j] : assay_rng_below(&rng, T);
        s->label[s->rows] = label;
        status = new_row(w, member, neighbour, k, base, voter, &rng, s, code, grown + s->rows * d);
    }
    s->k = s->k == 0 || k < s->k ? k : s->k;
cleanup:
    free(member);
    free(neighbour);
    free(which);
    free(voter);
    free(code);
    return status;
}

static int check_columns(const assay_matrix *X, const unsigned char *nominal, bool *all)
{
    int status = assay_check_finite(X);
    *all = true;
    for (size_t j = 0; j < X->cols && !status; j++) {
        size_t codes = 0;
        *all = *all && nominal[j];
        if (nominal[j])
            status = count_codes(X, j, &codes);
    }
    return status;
}

int assay_smotenc(const assay_matrix *X, const size_t *y, const unsigned char *nominal,
    bool ties_at_random, const assay_smote_options *options, assay_rng *rng, assay_synthetic *out,
    assay_matrix *out_rows)
{
    *out = (assay_synthetic){.gaps = options->gap_per_attribute ? X->cols : 1};
    *out_rows = (assay_matrix){.cols = X->cols, .stride = X->cols};
    size_t *size = NULL, classes = 0, largest = 0, smallest = 0;
    assay_vdm vdm = {0};
    bool all = false;
    int status = check_columns(X, nominal, &all);
    if (!status)
        status = assay_class_sizes(y, X->rows, &size, &classes, &largest, &smallest);
    if (!status && options->only && (options->minority >= classes || !size[options->minority]))
        status =
            assay_fail(ASSAY_EINVAL, "minority must be a class of y, got %zu", options->minority);
    if (!status && all)
        status = assay_vdm_new(X, y, NULL, &vdm);
    const assay_rng root = assay_rng_split(rng, assay_rng_u64(rng));
    const struct nominal_work work = {X, nominal, options, all ? &vdm : NULL, ties_at_random};
    for (size_t c = 0; c < classes && !status; c++) {
        const assay_rng own = assay_rng_split(&root, c);
        if (size[c] > 0 && (options->only ? c == options->minority : c != largest))
            status = enlarge(&work, y, c, size[c], size[largest], &own, out, out_rows);
    }
    out_rows->rows = out->rows;
    if (status) {
        assay_synthetic_free(out);
        assay_matrix_free(out_rows);
    }
    assay_vdm_free(&vdm);
    free(size);
    return status;
}
