/* What the files of onebench share. */
#ifndef ASSAY_METHODS_INFERENCE_ONEBENCH_CHECKS_H
#define ASSAY_METHODS_INFERENCE_ONEBENCH_CHECKS_H

#include "core/matrix.h"

/* Finite or NaN; "WHO: scores[2][7] ..." */
int assay_scores_check(const char *who, const assay_matrix *scores);

/* Square, finite, at least 0, the diagonal 0. */
int assay_counts_check(const char *who, const char *name, const assay_matrix *counts);

#endif
