/* Precision and recall (precision.h). */
#include "core/precision.h"

#include <math.h>

void assay_precision_curve(
    const unsigned char *hit, size_t n, size_t relevant, double *recall, double *precision)
{
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        hits += hit[i] != 0;
        recall[i] = (double)hits / (double)relevant;
        precision[i] = (double)hits / (double)(i + 1);
    }
}

double assay_precision_area(const double *recall, const double *precision, size_t n)
{
    double area = 0, best = 0;
    for (size_t i = n; i-- > 0;) {
        best = fmax(best, precision[i]);
        area += (recall[i] - (i > 0 ? recall[i - 1] : 0)) * best;
    }
    return area;
}

double assay_precision_eleven(const double *recall, const double *precision, size_t n)
{
    double sum = 0;
    for (int at = 0; at <= 10; at++) {
        double best = 0;
        for (size_t i = 0; i < n; i++)
            if (recall[i] >= at / 10.0)
                best = fmax(best, precision[i]);
        sum += best;
    }
    return sum / 11;
}
