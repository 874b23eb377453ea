/* Precision and recall of ranked lists, and the area under their curve. */
#ifndef ASSAY_CORE_PRECISION_H
#define ASSAY_CORE_PRECISION_H

#include <stddef.h>

/* hit[n], the best first, is 1 for what is relevant; `relevant` >= 1 is how many there are in all.
 * After each item: recall[n] = hits / relevant, precision[n] = hits / items. */
void assay_precision_curve(
    const unsigned char *hit, size_t n, size_t relevant, double *recall, double *precision);

/* The area under the curve whose precision is the best at that recall or a greater one. */
double assay_precision_area(const double *recall, const double *precision, size_t n);

/* The mean of that precision at the recalls 0, 1/10, ..., 1 (0 where it is not reached): the PASCAL
 * VOC 2007 measure. */
double assay_precision_eleven(const double *recall, const double *precision, size_t n);

#endif
