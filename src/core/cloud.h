/* Point clouds: matrices of n x 3 finite numbers. */
#ifndef ASSAY_CORE_CLOUD_H
#define ASSAY_CORE_CLOUD_H

#include "core/matrix.h"

/* At least one row, 3 columns, all finite; else ASSAY_EINVAL with row and column (from 1). */
int assay_cloud_check(const assay_matrix *P);

/* The bounding box centred at 0, its longest side 2 (ModelNet40-C's normalize, arXiv 2201.12296).
 * out [n, 3] may be P. ASSAY_EINVAL: the extent is zero. */
int assay_cloud_normalize(const assay_matrix *P, assay_matrix *out);

/* index[rows]: the rows of P nearest to centre[3], nearest first, of equally near ones the lower;
 * scratch[n]. ASSAY_EINVAL: more rows than P has. */
int assay_cloud_nearest(
    const assay_matrix *P, const double *centre, size_t rows, double *scratch, size_t *index);

#endif
