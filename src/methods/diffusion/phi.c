/* The phi functions of exponential integrators (Hochbruck and Ostermann 2010, eq. 2.10), here of a
 * real z. The recurrence loses eps / |z|^k, so that small z go by the series. */
#include <math.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

/* sum over j of z^j / (j + k)! */
static double phi_series(double z, int k)
{
    double term = 1, sum;
    for (int i = 2; i <= k; i++)
        term /= i;
    sum = term;
    for (int j = 1; j < 40; j++) {
        term *= z / (j + k);
        sum += term;
    }
    return sum;
}

int assay_phi(double z, int kmax, double *out)
{
    if (!isfinite(z))
        return assay_fail(ASSAY_EINVAL, "h must be finite, got %g", z);
    if (kmax < 1 || kmax > 12)
        return assay_fail(ASSAY_EINVAL, "kmax must be in 1..12, got %d", kmax);
    double factorial = 1;
    for (int k = 1; k <= kmax; k++) {
        if (fabs(z) <= 2)
            out[k - 1] = phi_series(z, k);
        else
            out[k - 1] = k == 1 ? expm1(z) / z : (out[k - 2] - 1 / factorial) / z;
        factorial *= k;
    }
    return ASSAY_OK;
}
