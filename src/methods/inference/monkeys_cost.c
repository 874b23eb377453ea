/* What repeated sampling costs: FLOPs, prices, and curves of coverage against total cost (Sec. 2.3
 * and 3.3 of the paper in monkeys.h). */
#include "methods/inference/monkeys.h"

#include <math.h>

#include "core/status.h"

/* ---- FLOPs and prices ---- */

static int check_at_least_0(const char *who, const char *name, double value)
{
    if (value >= 0 && isfinite(value))
        return ASSAY_OK;
    return assay_fail(
        ASSAY_EINVAL, "%s: %s must be a finite number of at least 0, got %g", who, name, value);
}

static int check_size(const assay_lm_size *m)
{
    int status = check_at_least_0("flops", "params", m->params);
    if (status == ASSAY_OK)
        status = check_at_least_0("flops", "layers", m->layers);
    if (status == ASSAY_OK)
        status = check_at_least_0("flops", "dim", m->dim);
    return status;
}

int assay_flops_per_token(const assay_lm_size *m, double t, double *flops)
{
    int status = check_size(m);
    if (status == ASSAY_OK)
        *flops = 2 * (m->params + 2 * m->layers * m->dim * t);
    return status;
}

/* sum_{t = from+1 .. from+count} 2 (params + 2 layers dim t): linear in t, so count times its mean.
 */
static double flops_of_tokens(const assay_lm_size *m, double from, double count)
{
    const double mean_t = from + (count + 1) / 2;
    return count * 2 * (m->params + 2 * m->layers * m->dim * mean_t);
}

int assay_inference_flops(
    const assay_lm_size *m, size_t prompt, size_t decode, double completions, double *total)
{
    int status = check_size(m);
    if (status == ASSAY_OK)
        status = check_at_least_0("flops", "completions", completions);
    if (status == ASSAY_OK)
        *total = flops_of_tokens(m, 0, (double)prompt) +
                 completions * flops_of_tokens(m, (double)prompt, (double)decode);
    return status;
}

int assay_api_cost(const assay_token_price *price, double problems, double attempts, double *total)
{
    const struct {
        const char *name;
        double value;
    } arguments[] = {
        {"prompt_price", price->prompt},
        {"completion_price", price->completion},
        {"prompt_tokens", price->prompt_tokens},
        {"completion_tokens", price->completion_tokens},
        {"problems", problems},
        {"attempts", attempts},
    };
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        int status = check_at_least_0("api_cost", arguments[i].name, arguments[i].value);
        if (status != ASSAY_OK)
            return status;
    }
    const double prompts = price->prompt_cached ? fmin(attempts, 1) : attempts;
    const double prompt = price->prompt * price->prompt_tokens / 1e6;
    const double completion = price->completion * price->completion_tokens / 1e6;
    *total = problems * (prompts * prompt + attempts * completion);
    return ASSAY_OK;
}

/* ---- Curves ---- */

static int check_cost(const char *who, const char *name, const double *cost, size_t m)
{
    if (m == 0)
        return assay_fail(ASSAY_EINVAL, "%s: %s must have at least 1 point, got 0", who, name);
    for (size_t i = 0; i < m; i++) {
        if (!(cost[i] > 0 && isfinite(cost[i])))
            return assay_fail(ASSAY_EINVAL,
                "%s: %s must be positive and finite, got %g at number %zu", who, name, cost[i],
                i + 1);
        if (i > 0 && cost[i] <= cost[i - 1])
            return assay_fail(ASSAY_EINVAL, "%s: %s must be ascending, got %g after %g", who, name,
                cost[i], cost[i - 1]);
    }
    return ASSAY_OK;
}

static double interpolate(const double *cost, const double *coverage, size_t m, double at)
{
    if (!(at >= cost[0] && at <= cost[m - 1]))
        return (double)NAN;
    size_t low = 0, high = m - 1;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (cost[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    if (at == cost[high])
        return coverage[high];
    const double share = log(at / cost[low]) / log(cost[high] / cost[low]);
    return coverage[low] + share * (coverage[high] - coverage[low]);
}

int assay_cost_curve(const double *cost, const double *coverage, size_t m, const double *at,
    size_t count, double *out)
{
    int status = check_cost("cost_curve", "cost", cost, m);
    for (size_t i = 0; status == ASSAY_OK && i < count; i++)
        out[i] = interpolate(cost, coverage, m, at[i]);
    return status;
}

/* The next larger of two ascending lists' elements, from positions *i and *j. */
static double merge_next(
    const double *a, size_t na, size_t *i, const double *b, size_t nb, size_t *j)
{
    const double x = *i < na ? a[*i] : (double)INFINITY, y = *j < nb ? b[*j] : (double)INFINITY;
    const double next = fmin(x, y);
    *i += x == next;
    *j += y == next;
    return next;
}

/* Between two neighbouring costs both curves are linear in log cost, so their difference is too and
 * its sign changes at most once, at a root in closed form. A stretch of equal curves is crossed
 * where it begins. */
int assay_cost_crossings(const double *cost_a, const double *coverage_a, size_t ma,
    const double *cost_b, const double *coverage_b, size_t mb, assay_crossing *crossing,
    size_t *count)
{
    int status = check_cost("cost_crossings", "cost of a", cost_a, ma);
    if (status == ASSAY_OK)
        status = check_cost("cost_crossings", "cost of b", cost_b, mb);
    if (status != ASSAY_OK)
        return status;
    const double first = fmax(cost_a[0], cost_b[0]);
    const double last = fmin(cost_a[ma - 1], cost_b[mb - 1]);
    double before_cost = 0, before = 0; /* the last point where the curves differed, or its root */
    double root = 0;
    *count = 0;
    for (size_t i = 0, j = 0; i < ma || j < mb;) {
        const double at = merge_next(cost_a, ma, &i, cost_b, mb, &j);
        if (at < first || at > last)
            continue;
        const double difference =
            interpolate(cost_a, coverage_a, ma, at) - interpolate(cost_b, coverage_b, mb, at);
        if (difference == 0) {
            root = root > 0 ? root : at;
            continue;
        }
        if (before * difference < 0) {
            const double share = before / (before - difference);
            const double where = root > 0 ? root : before_cost * exp(share * log(at / before_cost));
            crossing[(*count)++] =
                (assay_crossing){where, interpolate(cost_a, coverage_a, ma, where), difference > 0};
        }
        before = difference;
        before_cost = at;
        root = 0;
    }
    return ASSAY_OK;
}
