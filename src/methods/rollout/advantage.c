/* Advantages of rollouts from the rewards of their group; see rollout.h. */
#include <math.h>

#include "core/status.h"
#include "methods/rollout/rollout.h"

const char *const assay_advantage_names[] = {"grpo", "dr_grpo", "rloo", "raft", "reinforce", NULL};

static size_t group_of(const size_t *group, size_t i, size_t size)
{
    return group ? group[i] : i / size;
}

static int check(const double *reward, size_t n, const assay_advantage_options *o)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "advantage: there must be at least 1 reward, got none");
    for (size_t i = 0; i < n; i++)
        if (!(fabs(reward[i]) <= 1e100))
            return assay_fail(ASSAY_EINVAL,
                "advantage: rewards[%zu] must be in -1e100..1e100, got %g", i + 1, reward[i]);
    if (!(o->eps >= 0 && isfinite(o->eps)))
        return assay_fail(
            ASSAY_EINVAL, "advantage: eps must be finite and at least 0, got %g", o->eps);
    return ASSAY_OK;
}

/* Two passes, for the mean and then what is around it. */
static int describe(const double *reward, const size_t *group, size_t n, size_t groups, size_t ddof,
    assay_reward_group *stats)
{
    const size_t size = n / groups;
    for (size_t k = 0; k < groups; k++)
        stats[k] = (assay_reward_group){0, INFINITY, -INFINITY, 0, 0};
    for (size_t i = 0; i < n; i++) {
        assay_reward_group *g = &stats[group_of(group, i, size)];
        g->size++;
        g->low = fmin(g->low, reward[i]);
        g->high = fmax(g->high, reward[i]);
        g->mean += reward[i];
    }
    for (size_t k = 0; k < groups; k++) {
        assay_reward_group *g = &stats[k];
        if (g->size > 1 && ddof >= g->size)
            return assay_fail(ASSAY_EINVAL,
                "advantage: ddof must be less than the size of each group, %zu, got %zu", g->size,
                ddof);
        g->mean = g->low < g->high ? g->mean / (double)g->size : g->low;
    }
    for (size_t i = 0; i < n; i++) {
        assay_reward_group *g = &stats[group_of(group, i, size)];
        g->sd += (reward[i] - g->mean) * (reward[i] - g->mean);
    }
    for (size_t k = 0; k < groups; k++)
        stats[k].sd =
            stats[k].low < stats[k].high ? sqrt(stats[k].sd / (double)(stats[k].size - ddof)) : 0;
    return ASSAY_OK;
}

static double advantage_of(
    double r, const assay_reward_group *g, const assay_advantage_options *o, double baseline)
{
    if (o->kind == ASSAY_ADVANTAGE_REINFORCE)
        return r - baseline;
    if (o->kind == ASSAY_ADVANTAGE_RAFT)
        return o->best ? (r > 0 && r == g->high) : fmax(r, 0);
    if (g->size == 1)
        return o->raw ? r : 0;
    if (g->low == g->high)
        return 0;
    if (o->kind == ASSAY_ADVANTAGE_GRPO) /* rewards of 1e-200 differ, their squares don't */
        return g->sd + o->eps > 0 ? (r - g->mean) / (g->sd + o->eps) : 0;
    const double size = (double)g->size;
    return o->kind == ASSAY_ADVANTAGE_RLOO ? (r - g->mean) * (size / (size - 1)) : r - g->mean;
}

int assay_rollout_advantage(const double *reward, const size_t *group, size_t n, size_t groups,
    const assay_advantage_options *options, double *advantage, assay_reward_group *stats,
    double *effective)
{
    int status = check(reward, n, options);
    if (status == ASSAY_OK)
        status = describe(reward, group, n, groups, options->ddof, stats);
    if (status != ASSAY_OK)
        return status;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += reward[i];
    const double baseline = options->batch ? sum / (double)n : options->baseline;
    for (size_t i = 0; i < n; i++)
        advantage[i] =
            advantage_of(reward[i], &stats[group_of(group, i, n / groups)], options, baseline);
    size_t differ = 0;
    for (size_t k = 0; k < groups; k++)
        differ += stats[k].low < stats[k].high;
    *effective = (double)differ / (double)groups;
    return ASSAY_OK;
}
