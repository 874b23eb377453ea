/*
 * Balancing classes by rows between neighbours (SMOTE) and its descendants, by copies, and by
 * thinning and cleaning.
 *
 *   SMOTE, SMOTE-NC, SMOTE-N   Chawla, Bowyer, Hall, Kegelmeyer 2002 (arXiv 1106.1813)
 *   Borderline-SMOTE 1, 2      Han, Wang, Mao 2005
 *   ADASYN                     He, Bai, Garcia, Li 2008
 *   Safe-level-SMOTE           Bunkhumpornpat, Sinapiromsaran, Lursinsap 2009
 *   Tomek links                Tomek 1976
 *   edited nearest neighbours  Wilson 1972
 *   one-sided selection        Kubat, Matwin 1997
 *
 * Rows are compared by Euclidean distance; row i is no neighbour of its own, another row with the
 * same values is one at distance 0, and equal distances go to the lower row. Labels are classes
 * from 0. Where not said otherwise every class but the largest (of equal ones: the lowest) is
 * enlarged.
 *
 * New rows are first planned: base, partner and gap of each, with which they are
 * x_base + gap (x_partner - x_base). One gap a row: the pseudo-code of the paper draws one for each
 * attribute, which leaves the segment between the two rows that its text describes.
 */
#ifndef ASSAY_METHODS_BALANCE_SMOTE_H
#define ASSAY_METHODS_BALANCE_SMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/rng.h"

enum { ASSAY_MOST_CLASSES = 1 << 16 };

/* Rows to be made from rows of X. */
typedef struct assay_synthetic {
    size_t rows, capacity;
    size_t gaps;            /* gaps of a row: 1, or one for each column */
    size_t *base, *partner; /* rows of X */
    double *gap;            /* rows x gaps */
    size_t *label;
    size_t k;    /* neighbours used; fewer than asked for only with clip_k. 0: none was needed */
    bool barren; /* Borderline: a class had no row in danger, so nothing was made of it */
} assay_synthetic;

void assay_synthetic_free(assay_synthetic *s);

/* out [s->rows, X->cols]; rounded[j] (or NULL): column j is rounded to whole numbers. */
int assay_synthetic_rows(const assay_matrix *X, const assay_synthetic *s,
    const unsigned char *rounded, assay_threads *pool, assay_matrix *out);

typedef enum assay_amount_kind {
    ASSAY_AMOUNT_RATIO,   /* up to amount x the rows of the largest class, bases drawn with
                             replacement */
    ASSAY_AMOUNT_PERCENT, /* below 100: one row for that share of the bases; from 100 on
                             floor(amount / 100) rows for every base */
    ASSAY_AMOUNT_ROWS     /* so many rows, bases drawn with replacement */
} assay_amount_kind;

typedef enum assay_smote_kind {
    ASSAY_SMOTE,
    ASSAY_SMOTE_COPIES, /* over-sampling with replacement: the partner is the base, the gap 0 */
    ASSAY_SMOTE_BORDERLINE1,
    ASSAY_SMOTE_BORDERLINE2,
    ASSAY_SMOTE_ADASYN,
    ASSAY_SMOTE_SAFE_LEVEL
} assay_smote_kind;

typedef struct assay_smote_options {
    assay_smote_kind kind;
    size_t k; /* partners of a row */
    size_t m; /* Borderline: neighbours in the whole set that tell danger */
    assay_amount_kind amount_kind;
    double amount;
    double majority_share;  /* Borderline 2: share of rows towards other classes, in [0, 1] */
    bool clip_k;            /* k beyond what there is becomes what there is, instead of an error */
    bool gap_per_attribute; /* a gap for each column, as the pseudo-code */
    bool standardise;       /* distances of columns with mean 0 and variance 1 over all rows */
    bool only;              /* of one class alone: */
    size_t minority;
    assay_threads *pool; /* any pool gives the same rows */
    const assay_progress *progress;
} assay_smote_options;

assay_smote_options assay_smote_defaults(void); /* SMOTE, k = 5, m = 10, ratio 1, share 0.5 */

/* The plan for X [n, d] with labels y[n]; one draw is taken of the stream, from which streams for
 * blocks of rows are split. */
int assay_smote(const assay_matrix *X, const size_t *y, const assay_smote_options *options,
    assay_rng *rng, assay_synthetic *out);

/* Rows for T bases by percent: *total, and *per_base each (1 below 100, for some of them). */
int assay_smote_count(size_t T, double amount, size_t *total, size_t *per_base);

/* x_base + gap (x_partner - x_base) for given draws: partner = neighbour[base k + col] among the
 * rows of `pool`, steps of step x gap. base[n] rows of X, col[n] in 0..k-1. out [n, d]. */
int assay_smote_core(const assay_matrix *X, const size_t *neighbour, size_t k, const size_t *base,
    const size_t *col, const double *gap, size_t n, double step, const assay_matrix *pool,
    assay_matrix *out);

/* ---- the rows of one class and what is around them ---- */

/* rows of y equal to label, rising; *T of them. row[n]. */
void assay_class_rows(const size_t *y, size_t n, size_t label, size_t *row, size_t *T);

/* For each of the T rows: how many of its k neighbours in the whole set have another class. */
int assay_foreign_neighbours(const assay_matrix *X, const size_t *y, const size_t *row, size_t T,
    size_t k, assay_threads *pool, const assay_progress *progress, size_t *foreign);

typedef enum assay_border {
    ASSAY_BORDER_SAFE,
    ASSAY_BORDER_DANGER,
    ASSAY_BORDER_NOISE
} assay_border;

/* foreign = m: noise; m/2 <= foreign < m: danger. */
assay_border assay_border_of(size_t foreign, size_t m);

/* r = foreign / k, density = r / sum r, count = density x n rounded to even at halves, so that
 * their sum may differ from n. ASSAY_EINVAL where all r are 0. */
int assay_adasyn_counts(
    const size_t *foreign, size_t T, size_t k, double n, double *r, double *density, size_t *count);

/* The gap for a base and a partner of safe levels p and q (rows of their class among the k
 * neighbours) from u in [0, 1). False: no row. */
bool assay_safe_gap(size_t p, size_t q, double u, double *gap);

/* ---- nominal columns: codes are whole numbers from 0 ---- */

/* The median over columns of Xc of the standard deviation (divisor T), and distance^2 = squared
 * differences + med^2 for each column of Xn that differs. distance [T, T] or NULL. Xc has columns.
 */
int assay_smotenc_distance(
    const assay_matrix *Xc, const assay_matrix *Xn, double *med, assay_matrix *distance);

/* neighbour[T, k] by that distance. */
int assay_smotenc_neighbours(const assay_matrix *Xc, const assay_matrix *Xn, size_t k,
    const assay_progress *progress, size_t *neighbour);

/* The most frequent code of each column among given rows of Xn; equally frequent: the lowest, or,
 * with a stream, one of them at random. code[cols]. */
int assay_vote(
    const assay_matrix *Xn, const size_t *row, size_t rows, assay_rng *ties, double *code);

/* Value differences (Stanfill and Waltz 1986; Cost and Salzberg 1993) of the codes of each column
 * of X [n, f] with labels y: delta_f(a, b) = sum over classes |n_ac / n_a - n_bc / n_b|. A code
 * that is in no row has a profile of zeros. */
typedef struct assay_vdm {
    size_t features;
    size_t *codes;  /* of each feature */
    double **delta; /* codes x codes each */
} assay_vdm;

/* codes (or NULL): how many codes each feature has at least. */
int assay_vdm_new(const assay_matrix *X, const size_t *y, const size_t *codes, assay_vdm *out);
void assay_vdm_free(assay_vdm *vdm);

/* sum over features delta_f^2, without a root */
double assay_vdm_distance(const assay_vdm *vdm, const double *a, const double *b);

/* neighbour[T, k] among the given rows of X, as positions in `row`. */
int assay_vdm_neighbours(const assay_vdm *vdm, const assay_matrix *X, const size_t *row, size_t T,
    size_t k, const assay_progress *progress, size_t *neighbour);

/* SMOTE-NC and, where every column is nominal, SMOTE-N: nominal[j] tells which columns of X are.
 * Rows of the plan and out_rows [s->rows, d], which the caller frees. With ties_at_random, votes of
 * SMOTE-NC that are tied are drawn. SMOTE-N has no gaps: rows of a base are all the same. */
int assay_smotenc(const assay_matrix *X, const size_t *y, const unsigned char *nominal,
    bool ties_at_random, const assay_smote_options *options, assay_rng *rng, assay_synthetic *out,
    assay_matrix *out_rows);

/* ---- thinning and cleaning: keep[n] is 1 for rows that stay ---- */

/* min(n_major, max(1, round(100 n_minor / percent))) */
int assay_undersample_size(size_t n_minor, size_t n_major, double percent, size_t *size);

/* `size` rows of the largest class stay, drawn without replacement; all, where it has fewer. */
int assay_undersample(const size_t *y, size_t n, size_t size, assay_rng *rng, unsigned char *keep);

/* Pairs i < j, nearest to each other, of different classes: pair[2 n] at most, *pairs of them. */
int assay_tomek_links(const assay_matrix *X, const size_t *y, assay_threads *pool,
    const assay_progress *progress, size_t *pair, size_t *pairs);

/* Without the member of the largest class of each pair, or, with both, without the pairs. */
int assay_tomek_clean(const size_t *y, size_t n, const size_t *pair, size_t pairs, bool both,
    bool allow_empty, unsigned char *keep);

typedef enum assay_enn_rule {
    ASSAY_ENN_ALL, /* a row goes if any of its k neighbours has another class */
    ASSAY_ENN_MODE /* if the most frequent class of them (equally frequent: the lowest) is another
                    */
} assay_enn_rule;

/* cleaned[c] (for c < classes): whether rows of class c may go. */
int assay_enn(const assay_matrix *X, const size_t *y, size_t k, assay_enn_rule rule,
    const unsigned char *cleaned, size_t classes, bool allow_empty, assay_threads *pool,
    const assay_progress *progress, unsigned char *keep);

/* Row `seed` of the largest class, all rows of the others, and those of the largest class that the
 * nearest of these misclassifies; then without rows of the largest class in Tomek links. */
int assay_one_sided_selection(const assay_matrix *X, const size_t *y, size_t seed, bool allow_empty,
    assay_threads *pool, const assay_progress *progress, unsigned char *keep);

/* Sizes of the classes 0 .. *classes - 1 of labels (caller frees), the largest and the smallest
 * that has a row. ASSAY_EINVAL for fewer than two classes with rows. */
int assay_class_sizes(
    const size_t *y, size_t n, size_t **size, size_t *classes, size_t *largest, size_t *smallest);

#endif
