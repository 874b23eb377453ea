/*
 * Plans of new rows: classes, bases, partners, gaps (smote.h). Every kind is the same walk over the
 * classes to be enlarged; a kind decides on the bases, and may bend the gap.
 */
#include "methods/balance/smote.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/neighbours.h"
#include "core/status.h"
#include "methods/balance/internal.h"

/* Rows of one stream; also the unit of work of a thread. */
enum { BLOCK = 1024 };

assay_smote_options assay_smote_defaults(void)
{
    return (assay_smote_options){.kind = ASSAY_SMOTE,
        .k = 5,
        .m = 10,
        .amount_kind = ASSAY_AMOUNT_RATIO,
        .amount = 1,
        .majority_share = 0.5};
}

void assay_synthetic_free(assay_synthetic *s)
{
    free(s->base);
    free(s->partner);
    free(s->gap);
    free(s->label);
    *s = (assay_synthetic){0};
}

/* ---- classes ---- */

int assay_class_sizes(
    const size_t *y, size_t n, size_t **size, size_t *classes, size_t *largest, size_t *smallest)
{
    size_t most = 0, present = 0;
    *size = NULL;
    for (size_t i = 0; i < n; i++)
        most = y[i] > most ? y[i] : most;
    if (most >= ASSAY_MOST_CLASSES)
        return assay_fail(
            ASSAY_EINVAL, "y must be in 0..%d, got %zu", ASSAY_MOST_CLASSES - 1, most);
    *classes = most + 1;
    size_t *count = calloc(*classes, sizeof *count);
    if (!count)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu classes", *classes);
    for (size_t i = 0; i < n; i++)
        count[y[i]]++;
    *largest = *smallest = SIZE_MAX;
    for (size_t c = 0; c < *classes; c++) {
        if (count[c] == 0)
            continue;
        present++;
        if (*largest == SIZE_MAX || count[c] > count[*largest])
            *largest = c;
        if (*smallest == SIZE_MAX || count[c] <= count[*smallest])
            *smallest = c;
    }
    if (present < 2) {
        free(count);
        return assay_fail(ASSAY_EINVAL, "y must have at least 2 classes, got %zu", present);
    }
    *size = count;
    return ASSAY_OK;
}

void assay_class_rows(const size_t *y, size_t n, size_t label, size_t *row, size_t *T)
{
    *T = 0;
    for (size_t i = 0; i < n; i++)
        if (y[i] == label)
            row[(*T)++] = i;
}

int assay_check_finite(const assay_matrix *X)
{
    for (size_t i = 0; i < X->rows; i++)
        for (size_t j = 0; j < X->cols; j++)
            if (!isfinite(*assay_matrix_at(X, i, j)))
                return assay_fail(ASSAY_EINVAL, "X must be finite, got %g in row %zu, column %zu",
                    *assay_matrix_at(X, i, j), i + 1, j + 1);
    return ASSAY_OK;
}

/* ---- amounts ---- */

static double rounded(double x)
{
    return floor(x + 0.5);
}

int assay_smote_count(size_t T, double amount, size_t *total, size_t *per_base)
{
    if (!(amount >= 0 && amount <= 1e9))
        return assay_fail(ASSAY_EINVAL, "amount must be in 0..1e+09 percent, got %g", amount);
    *per_base = amount < 100 ? 1 : (size_t)floor(amount / 100);
    if (T > 0 && *per_base > (SIZE_MAX >> 8) / T)
        return assay_fail(
            ASSAY_EINVAL, "amount must leave room, got %g percent of %zu rows", amount, T);
    *total = amount < 100 ? (size_t)rounded((double)T * amount / 100) : T * *per_base;
    return ASSAY_OK;
}

/* Rows wanted of `bases` bases in a class of T rows, where the largest has `largest`. */
int assay_wanted(const assay_smote_options *o, size_t bases, size_t T, size_t largest,
    size_t *total, size_t *per_base)
{
    *per_base = 0;
    if (o->amount_kind == ASSAY_AMOUNT_PERCENT)
        return assay_smote_count(bases, o->amount, total, per_base);
    if (!(o->amount >= 0 && o->amount <= 1e12))
        return assay_fail(ASSAY_EINVAL, "%s must be at least 0 and finite, got %g",
            o->amount_kind == ASSAY_AMOUNT_RATIO ? "ratio" : "n", o->amount);
    const double rows = o->amount_kind == ASSAY_AMOUNT_ROWS
                            ? o->amount
                            : rounded(o->amount * (double)largest) - (double)T;
    *total = rows > 0 ? (size_t)rows : 0;
    return ASSAY_OK;
}

int assay_check_k(const char *name, size_t *k, size_t most, bool clip, const char *of)
{
    if (*k == 0)
        return assay_fail(ASSAY_EINVAL, "%s must be at least 1, got 0", name);
    if (*k > most && !clip)
        return assay_fail(ASSAY_EINVAL, "%s must be in 1..%zu (%s), got %zu", name, most, of, *k);
    *k = *k > most ? most : *k;
    return ASSAY_OK;
}

int assay_check_minority(size_t T)
{
    if (T < 2)
        return assay_fail(
            ASSAY_EINVAL, "minority class has %zu row%s, needs at least 2", T, T == 1 ? "" : "s");
    return ASSAY_OK;
}

/* ---- the plan grows ---- */

int assay_synthetic_reserve(assay_synthetic *s, size_t more)
{
    const size_t need = s->rows + more;
    if (need < more || need > SIZE_MAX / 64 / s->gaps)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu new rows", more);
    if (need <= s->capacity)
        return ASSAY_OK;
    size_t *base = realloc(s->base, need * sizeof *base);
    s->base = base ? base : s->base;
    size_t *partner = realloc(s->partner, need * sizeof *partner);
    s->partner = partner ? partner : s->partner;
    size_t *label = realloc(s->label, need * sizeof *label);
    s->label = label ? label : s->label;
    double *gap = realloc(s->gap, need * s->gaps * sizeof *gap);
    s->gap = gap ? gap : s->gap;
    if (!base || !partner || !label || !gap)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu new rows", more);
    s->capacity = need;
    return ASSAY_OK;
}

/* One class: which rows are bases, and who their partners are. */
struct drawing {
    const assay_smote_options *o;
    assay_synthetic *s;
    const assay_rng *root;
    size_t first, total; /* rows of the plan */
    size_t label;
    const size_t *member; /* rows of X of the class */
    const size_t *base;   /* positions in member; which[i] is one of these */
    size_t bases;
    const size_t *which; /* the base of each row; NULL: drawn */
    size_t k;
    const size_t *neighbour;    /* of each base: k positions in member */
    const size_t *foreign_near; /* of each base: k rows of X of other classes, or NULL */
    const size_t *level;        /* of each member, safe level, or NULL */
};

/* Row j goes to the other classes, evenly spread over all. */
static bool towards_others(const struct drawing *d, size_t j)
{
    const double share = d->o->majority_share;
    return d->foreign_near && floor((double)(j + 1) * share) > floor((double)j * share);
}

static void draw_gaps(
    const struct drawing *d, size_t j, size_t base, size_t partner, bool others, assay_rng *rng)
{
    double *gap = d->s->gap + (d->first + j) * d->s->gaps;
    for (size_t g = 0; g < d->s->gaps; g++) {
        const double u = assay_rng_uniform(rng);
        gap[g] = others ? u / 2 : u;
        if (d->level && !assay_safe_gap(d->level[base], d->level[partner], u, &gap[g]))
            gap[g] = NAN; /* no row */
    }
}

static int draw_block(void *context, size_t block)
{
    const struct drawing *d = context;
    assay_synthetic *s = d->s;
    assay_rng rng = assay_rng_split(d->root, block);
    const size_t end = (block + 1) * BLOCK < d->total ? (block + 1) * BLOCK : d->total;
    for (size_t j = block * BLOCK; j < end; j++) {
        const size_t at = d->which ? d->which[j] : assay_rng_below(&rng, d->bases);
        const size_t base = d->base ? d->base[at] : at, i = d->first + j;
        s->base[i] = d->member[base];
        s->label[i] = d->label;
        if (d->o->kind == ASSAY_SMOTE_COPIES) {
            s->partner[i] = s->base[i];
            for (size_t g = 0; g < s->gaps; g++)
                s->gap[i * s->gaps + g] = 0;
            continue;
        }
        const size_t col = assay_rng_below(&rng, d->k);
        const bool others = towards_others(d, j);
        const size_t partner = d->neighbour[at * d->k + col];
        s->partner[i] = others ? d->foreign_near[at * d->k + col] : d->member[partner];
        draw_gaps(d, j, base, partner, others, &rng);
    }
    return ASSAY_OK;
}

/* Rows that safe levels forbid leave the plan. */
static void drop_forbidden(assay_synthetic *s, size_t first)
{
    size_t to = first;
    for (size_t i = first; i < s->rows; i++) {
        if (isnan(s->gap[i * s->gaps]))
            continue;
        s->base[to] = s->base[i];
        s->partner[to] = s->partner[i];
        s->label[to] = s->label[i];
        memmove(s->gap + to * s->gaps, s->gap + i * s->gaps, s->gaps * sizeof *s->gap);
        to++;
    }
    s->rows = to;
}

static int draw_rows(struct drawing *d)
{
    const int status = assay_synthetic_reserve(d->s, d->total);
    if (status)
        return status;
    d->first = d->s->rows;
    d->s->rows += d->total;
    const int drawn = assay_threads_run(d->o->pool, (d->total + BLOCK - 1) / BLOCK, draw_block, d);
    if (!drawn && d->level)
        drop_forbidden(d->s, d->first);
    return drawn;
}

/* which[total] for amounts in percent. */
int assay_bases_by_percent(
    size_t bases, size_t total, size_t per_base, double amount, assay_rng *rng, size_t *which)
{
    if (amount < 100)
        return assay_rng_sample(rng, bases, total, which);
    for (size_t j = 0; j < total; j++)
        which[j] = j / per_base;
    return ASSAY_OK;
}

/* base: the rows that have a count; which: count[i] times the place of row i among them. */
static size_t bases_by_count(const size_t *count, size_t T, size_t *base, size_t *which)
{
    size_t j = 0, bases = 0;
    for (size_t i = 0; i < T; i++) {
        for (size_t c = 0; c < count[i]; c++)
            which[j++] = bases;
        if (count[i] > 0)
            base[bases++] = i;
    }
    return bases;
}

/* ---- one class ---- */

struct class_work {
    size_t *member, *base, *which, *neighbour, *foreign, *foreign_near, *count;
    double *r, *density;
    assay_matrix rows, border, others;
};

static void free_work(struct class_work *w)
{
    free(w->member);
    free(w->base);
    free(w->which);
    free(w->neighbour);
    free(w->foreign);
    free(w->foreign_near);
    free(w->count);
    free(w->r);
    free(w->density);
    assay_matrix_free(&w->rows);
    assay_matrix_free(&w->border);
    assay_matrix_free(&w->others);
}

static bool needs_surroundings(assay_smote_kind kind)
{
    return kind >= ASSAY_SMOTE_BORDERLINE1;
}

/* Borderline: the bases are the rows in danger. */
static int find_border(const assay_matrix *X, const size_t *y, size_t T, size_t m, size_t label,
    struct class_work *w, struct drawing *d)
{
    w->base = malloc((T + 1) * sizeof *w->base);
    if (!w->base)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", T);
    d->base = w->base;
    d->bases = 0;
    for (size_t i = 0; i < T; i++)
        if (assay_border_of(w->foreign[i], m) == ASSAY_BORDER_DANGER)
            w->base[d->bases++] = i;
    if (d->o->kind == ASSAY_SMOTE_BORDERLINE1 || d->bases == 0)
        return ASSAY_OK;
    size_t *row = malloc(X->rows * sizeof *row), others = 0;
    if (!row)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", X->rows);
    for (size_t i = 0; i < X->rows; i++)
        if (y[i] != label)
            row[others++] = i;
    int status = assay_matrix_gather(X, row, others, &w->others);
    if (!status)
        status = assay_matrix_gather(&w->rows, w->base, d->bases, &w->border);
    w->foreign_near = calloc(d->bases * d->k, sizeof *w->foreign_near);
    if (!status && !w->foreign_near)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", d->bases * d->k);
    size_t k = d->k;
    if (!status)
        status = assay_check_k("k", &k, others, false, "rows of other classes");
    const struct assay_neighbours_options how = {.pool = d->o->pool, .progress = d->o->progress};
    if (!status)
        status = assay_neighbours(&w->border, &w->others, d->k, &how, w->foreign_near, NULL);
    for (size_t i = 0; i < d->bases * d->k && !status; i++)
        w->foreign_near[i] = row[w->foreign_near[i]];
    d->foreign_near = w->foreign_near;
    free(row);
    return status;
}

/* Partners of the bases, which may be few of the class. */
static int find_neighbours(struct class_work *w, struct drawing *d)
{
    w->neighbour = malloc(d->bases * d->k * sizeof *w->neighbour);
    if (!w->neighbour)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu neighbours", d->bases * d->k);
    d->neighbour = w->neighbour;
    if (d->base)
        return assay_neighbours_around(
            &w->rows, d->base, d->bases, d->k, d->o->pool, d->o->progress, w->neighbour);
    const struct assay_neighbours_options how = {
        .exclude_self = true, .pool = d->o->pool, .progress = d->o->progress};
    return assay_neighbours(&w->rows, &w->rows, d->k, &how, w->neighbour, NULL);
}

static int adasyn_bases(size_t T, size_t k, struct class_work *w, struct drawing *d)
{
    w->r = malloc(T * sizeof *w->r);
    w->density = malloc(T * sizeof *w->density);
    w->count = malloc(T * sizeof *w->count);
    if (!w->r || !w->density || !w->count)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", T);
    const int status =
        assay_adasyn_counts(w->foreign, T, k, (double)d->total, w->r, w->density, w->count);
    if (status)
        return status;
    d->total = 0;
    for (size_t i = 0; i < T; i++)
        d->total += w->count[i];
    w->which = malloc((d->total + 1) * sizeof *w->which);
    w->base = malloc(T * sizeof *w->base);
    if (!w->which || !w->base)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", d->total);
    d->which = w->which;
    if (d->total > 0) {
        d->bases = bases_by_count(w->count, T, w->base, w->which);
        d->base = w->base;
    }
    return ASSAY_OK;
}

/* The neighbourhoods that a kind asks about in the whole set; m for Borderline, else k. */
static int look_around(
    const assay_matrix *X, const size_t *y, size_t T, struct class_work *w, struct drawing *d)
{
    const bool border =
        d->o->kind == ASSAY_SMOTE_BORDERLINE1 || d->o->kind == ASSAY_SMOTE_BORDERLINE2;
    size_t around = border ? d->o->m : d->k;
    int status =
        assay_check_k(border ? "m" : "k", &around, X->rows - 1, d->o->clip_k, "other rows");
    if (status)
        return status;
    w->foreign = malloc(T * sizeof *w->foreign);
    if (!w->foreign)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", T);
    status = assay_foreign_neighbours(
        X, y, w->member, T, around, d->o->pool, d->o->progress, w->foreign);
    if (status)
        return status;
    if (border)
        return find_border(X, y, T, around, d->label, w, d);
    if (d->o->kind == ASSAY_SMOTE_ADASYN)
        return adasyn_bases(T, around, w, d);
    for (size_t i = 0; i < T; i++)
        w->foreign[i] = around - w->foreign[i];
    d->level = w->foreign;
    return ASSAY_OK;
}

static int choose_bases(struct class_work *w, struct drawing *d, size_t per_base, assay_rng *rng)
{
    if (d->which || per_base == 0 || d->total == 0)
        return ASSAY_OK;
    w->which = malloc(d->total * sizeof *w->which);
    if (!w->which)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", d->total);
    d->which = w->which;
    return assay_bases_by_percent(d->bases, d->total, per_base, d->o->amount, rng, w->which);
}

/* X are the rows that distances are of. */
static int enlarge(const assay_matrix *X, const size_t *y, size_t label, size_t T, size_t largest,
    const assay_smote_options *o, const assay_rng *root, assay_synthetic *s)
{
    struct class_work w = {0};
    assay_rng rng = assay_rng_split_name(root, "bases");
    struct drawing d = {.o = o, .s = s, .root = root, .label = label, .bases = T, .k = o->k};
    size_t per_base = 0;
    int status = assay_wanted(o, T, T, largest, &d.total, &per_base);
    if (status || d.total == 0)
        return status;
    w.member = malloc(X->rows * sizeof *w.member);
    if (!w.member) {
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", X->rows);
        goto cleanup;
    }
    assay_class_rows(y, X->rows, label, w.member, &T);
    d.member = w.member;
    if (o->kind != ASSAY_SMOTE_COPIES) {
        status = assay_check_minority(T);
        if (!status)
            status = assay_check_k("k", &d.k, T - 1, o->clip_k, "other rows of the class");
        if (!status)
            status = assay_matrix_gather(X, w.member, T, &w.rows);
        if (!status && needs_surroundings(o->kind))
            status = look_around(X, y, T, &w, &d);
        if (!status && d.bases == 0)
            s->barren = true;
        if (status || d.bases == 0)
            goto cleanup;
        if (o->kind == ASSAY_SMOTE_BORDERLINE1 || o->kind == ASSAY_SMOTE_BORDERLINE2)
            status = assay_wanted(o, d.bases, T, largest, &d.total, &per_base);
        if (!status)
            status = find_neighbours(&w, &d);
        s->k = s->k == 0 || d.k < s->k ? d.k : s->k;
    }
    if (!status)
        status = choose_bases(&w, &d, per_base, &rng);
    if (!status)
        status = draw_rows(&d);
cleanup:
    free_work(&w);
    return status;
}

/* Columns with mean 0 and variance 1 (constant ones: 0). */
static int standardised(const assay_matrix *X, assay_matrix *out)
{
    const int status = assay_matrix_alloc(X->rows, X->cols, out);
    for (size_t j = 0; j < X->cols && !status; j++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < X->rows; i++)
            mean += *assay_matrix_at(X, i, j) / (double)X->rows;
        for (size_t i = 0; i < X->rows; i++) {
            const double gap = *assay_matrix_at(X, i, j) - mean;
            squares += gap * gap / (double)X->rows;
        }
        const double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        for (size_t i = 0; i < X->rows; i++)
            *assay_matrix_at(out, i, j) = (*assay_matrix_at(X, i, j) - mean) * scale;
    }
    return status;
}

int assay_smote(const assay_matrix *X, const size_t *y, const assay_smote_options *options,
    assay_rng *rng, assay_synthetic *out)
{
    *out = (assay_synthetic){.gaps = options->gap_per_attribute ? X->cols : 1};
    size_t *size = NULL, classes = 0, largest = 0, smallest = 0;
    assay_matrix scaled = {0};
    int status = assay_check_finite(X);
    if (!status)
        status = assay_class_sizes(y, X->rows, &size, &classes, &largest, &smallest);
    if (!status && options->only && (options->minority >= classes || !size[options->minority]))
        status =
            assay_fail(ASSAY_EINVAL, "minority must be a class of y, got %zu", options->minority);
    if (!status && options->standardise)
        status = standardised(X, &scaled);
    const assay_rng root = assay_rng_split(rng, assay_rng_u64(rng));
    for (size_t c = 0; c < classes && !status; c++) {
        const assay_rng own = assay_rng_split(&root, c);
        if (size[c] > 0 && (options->only ? c == options->minority : c != largest))
            status = enlarge(options->standardise ? &scaled : X, y, c, size[c], size[largest],
                options, &own, out);
    }
    if (status)
        assay_synthetic_free(out);
    assay_matrix_free(&scaled);
    free(size);
    return status;
}

/* ---- rows ---- */

struct filling {
    const assay_matrix *X;
    const assay_synthetic *s;
    const unsigned char *rounded;
    assay_matrix *out;
};

static int fill_block(void *context, size_t block)
{
    const struct filling *f = context;
    const assay_synthetic *s = f->s;
    const size_t end = (block + 1) * BLOCK < s->rows ? (block + 1) * BLOCK : s->rows;
    for (size_t i = block * BLOCK; i < end; i++) {
        const double *a = assay_matrix_row(f->X, s->base[i]);
        const double *b = assay_matrix_row(f->X, s->partner[i]);
        const double *gap = s->gap + i * s->gaps;
        double *row = assay_matrix_row(f->out, i);
        for (size_t j = 0; j < f->X->cols; j++)
            row[j] = a[j] + gap[s->gaps > 1 ? j : 0] * (b[j] - a[j]);
        for (size_t j = 0; j < f->X->cols && f->rounded; j++)
            row[j] = f->rounded[j] ? rounded(row[j]) : row[j];
    }
    return ASSAY_OK;
}

int assay_synthetic_rows(const assay_matrix *X, const assay_synthetic *s,
    const unsigned char *rounded_columns, assay_threads *pool, assay_matrix *out)
{
    struct filling f = {X, s, rounded_columns, out};
    return assay_threads_run(pool, (s->rows + BLOCK - 1) / BLOCK, fill_block, &f);
}

int assay_smote_core(const assay_matrix *X, const size_t *neighbour, size_t k, const size_t *base,
    const size_t *col, const double *gap, size_t n, double step, const assay_matrix *pool,
    assay_matrix *out)
{
    for (size_t i = 0; i < n; i++) {
        if (base[i] >= X->rows || col[i] >= k)
            return assay_fail(ASSAY_EINVAL,
                "base and neighbour must be in 1..%zu and 1..%zu, got %zu and %zu", X->rows, k,
                base[i] + 1, col[i] + 1);
        const double *a = assay_matrix_row(X, base[i]);
        const double *b = assay_matrix_row(pool, neighbour[base[i] * k + col[i]]);
        for (size_t j = 0; j < X->cols; j++)
            *assay_matrix_at(out, i, j) = a[j] + step * gap[i] * (b[j] - a[j]);
    }
    return ASSAY_OK;
}
