/*
 * Naive Bayes: columns are independent within a class, continuous ones Gaussian, nominal ones
 * multinomial with one more row of each code (Laplace).
 *
 * A class's variance has the divisor n_c, and 1e-9 times the largest variance of a continuous
 * column over all rows is added to each, so that a constant column divides by nothing of 0.
 */
#ifndef ASSAY_MODELS_NAIVE_BAYES_H
#define ASSAY_MODELS_NAIVE_BAYES_H

#include <stddef.h>

#include "core/matrix.h"

typedef struct assay_naive_bayes {
    size_t classes, cols, minority; /* minority: the smallest class that has a row */
    double *log_prior;              /* -inf: a class without rows */
    double *mean, *variance;        /* classes x cols */
    size_t *codes;                  /* of each column; 0: continuous */
    size_t *first;                  /* of each nominal column, where its table begins */
    double *log_code;               /* classes x codes for each */
    double *log_unseen;             /* classes x cols: of a code that is in no row */
} assay_naive_bayes;

/* X [n, d] finite, labels y[n], of at least 2 classes. nominal (NULL: none) flags columns of codes.
 * prior_odds > 0 of the smallest class against the other one, where there are two; 0: as in y. */
int assay_naive_bayes_fit(const assay_matrix *X, const size_t *y, const unsigned char *nominal,
    double prior_odds, assay_naive_bayes *out);
void assay_naive_bayes_free(assay_naive_bayes *model);

/* posterior [rows of Q, classes]. A code that is in no row of X has the probability of the one row
 * more. */
int assay_naive_bayes_posterior(
    const assay_naive_bayes *model, const assay_matrix *Q, assay_matrix *posterior);

#endif
