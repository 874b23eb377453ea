/*
 * A population whose groups differ in heredity: polygenic scores learnt from people of several
 * groups, where those of one help the others only partly.
 *
 * Frequencies after Balding and Nichols (1995): ancestral p0 ~ U(0.05, 0.95) at each locus, in
 * group g Beta(p0 (1 - F) / F, (1 - p0)(1 - F) / F) with the group's F_ST = F, kept within
 * 0.005..0.995. A genotype is Binomial(2, p), a phenotype genotypes (less 2 p) times effects, plus
 * N(0, 1 - h2); effects of group g at the causal loci are rho b_0 + sqrt(1 - rho^2) b_g, normal,
 * scaled to a heritability of sum 2 p (1 - p) beta^2 = h2.
 *
 * A group's score is learnt from its own people with weight 1 and the others' with weight `others`:
 * ridge regression, or the loci one by one with those of |z| below a threshold left out. Products
 * X'X of all people are kept, so that a part of a group costs the smaller of it and what is left
 * out.
 */
#ifndef ASSAY_MODELS_POLYGENIC_H
#define ASSAY_MODELS_POLYGENIC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/matrix.h"
#include "core/rng.h"

/* freq [groups, loci] for F_ST of each group in (0, 1). One ancestral frequency a locus. */
int assay_balance_balding_nichols(
    size_t loci, size_t groups, const double *fst, assay_rng *rng, assay_matrix *freq);

/* X [n, loci] of genotypes 0, 1, 2; freq[loci] in [0, 1]. */
int assay_balance_genotypes(
    const double *freq, size_t loci, size_t n, assay_rng *rng, assay_matrix *X);

/* Expected R^2 of a score learnt from n people, h2 n h2 / (n h2 + M) (Daetwyler, Villanueva,
 * Woolliams 2008) for M effective segments; refined: the smaller root r of M r^2 - (n h2 + M) r + n
 * h2^2 = 0, where what the score explains is no longer noise. */
int assay_prs_expected_r2(double n, double h2, double segments, bool refined, double *r2);

/* The mean benefit over all n of treating the ceil(share n) highest scores; ties: lower index. */
int assay_targeting_benefit(
    const double *score, const double *benefit, size_t n, double share, double *out);

typedef enum assay_score_kind { ASSAY_SCORE_RIDGE, ASSAY_SCORE_MARGINAL } assay_score_kind;
typedef enum assay_health_kind {
    ASSAY_HEALTH_R2,     /* squared correlation of score and phenotype */
    ASSAY_HEALTH_BENEFIT /* the mean over all people of the phenotype of those of the top share by
                            score: treating a person is worth his liability, in deviations */
} assay_health_kind;

struct assay_polygenic_options {
    size_t groups, loci, causal; /* causal 0: all loci */
    const double *fst, *h2;      /* of each group */
    double rho;                  /* effects shared between groups, in 0..1 */
    assay_score_kind score;
    double others;    /* weight of other groups' people, >= 0 */
    double ridge;     /* lambda > 0 */
    double threshold; /* marginal: |z| */
    bool standardise; /* genotypes divided by sqrt(2 p (1 - p)) */
    assay_health_kind measure;
    double treated;          /* benefit: the top share */
    size_t validation, test; /* people of each group for performance, and for reports */
};

typedef struct assay_polygenic assay_polygenic;

/* loci 250, causal 60, rho 0.3, ridge, others 0.3, lambda 120, threshold 2, R^2, treated 0.2, 400
 * people for validation and 2000 for test; groups, fst and h2 must be given. */
struct assay_polygenic_options assay_polygenic_defaults(void);

int assay_polygenic_new(
    const struct assay_polygenic_options *options, assay_rng *rng, assay_polygenic **out);
void assay_polygenic_free(assay_polygenic *world);
size_t assay_polygenic_groups(const assay_polygenic *world);
size_t assay_polygenic_loci(const assay_polygenic *world);
size_t assay_polygenic_size(const assay_polygenic *world, size_t g);

/* n people of group g: X [n, loci] of genotypes less 2 p (divided, where standardised), y[n]. */
int assay_polygenic_draw(
    const assay_polygenic *world, size_t g, size_t n, assay_rng *rng, assay_matrix *X, double *y);

/* n more people of g to learn from. Person i of a group is the same whatever was collected when. */
int assay_polygenic_collect(assay_polygenic *world, size_t g, size_t n);

/* The performance of g's score learnt from sizes[h] of the people of each group h, drawn without
 * replacement, on its people for validation, or for test. */
int assay_polygenic_performance(assay_polygenic *world, size_t g, const size_t *sizes,
    assay_rng *rng, bool on_test, double *value);

#endif
