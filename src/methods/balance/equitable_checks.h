/* What allocations refuse, in the same words. */
#ifndef ASSAY_METHODS_BALANCE_EQUITABLE_CHECKS_H
#define ASSAY_METHODS_BALANCE_EQUITABLE_CHECKS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

/* At least one group, budget >= 0, and cost (or NULL) > 0. */
static inline int assay_check_budget(const char *who, size_t k, double budget, const double *cost)
{
    if (k == 0)
        return assay_fail(ASSAY_EINVAL, "%s: there must be at least 1 group", who);
    if (!(budget >= 0 && isfinite(budget)))
        return assay_fail(ASSAY_EINVAL, "%s: budget must be at least 0, got %g", who, budget);
    for (size_t g = 0; g < k && cost; g++)
        if (!(cost[g] > 0 && isfinite(cost[g])))
            return assay_fail(ASSAY_EINVAL, "%s: cost of group %zu must be greater than 0, got %g",
                who, g + 1, cost[g]);
    return ASSAY_OK;
}

/* x (or NULL) of n finite numbers >= 0, with some > 0 where so said. */
static inline int assay_check_not_negative(
    const char *who, const char *name, const double *x, size_t n, bool some)
{
    double sum = 0;
    for (size_t g = 0; g < n && x; g++) {
        if (!(x[g] >= 0 && isfinite(x[g])))
            return assay_fail(ASSAY_EINVAL, "%s: %s of group %zu must be at least 0, got %g", who,
                name, g + 1, x[g]);
        sum += x[g];
    }
    if (some && x && sum == 0)
        return assay_fail(ASSAY_EINVAL, "%s: %s must not be 0 for every group", who, name);
    return ASSAY_OK;
}

#endif
