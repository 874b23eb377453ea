/*
 * What methods that learn from groups of rollouts share: a group is the n rollouts of one prompt,
 * with rewards r, their mean m and their standard deviation s (divisor n - ddof).
 */
#ifndef ASSAY_METHODS_ROLLOUT_ROLLOUT_H
#define ASSAY_METHODS_ROLLOUT_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum assay_advantage_kind {
    ASSAY_ADVANTAGE_GRPO,    /* (r - m) / (s + eps)  (Shao et al., arXiv:2402.03300) */
    ASSAY_ADVANTAGE_DR_GRPO, /* r - m  (Liu et al., arXiv:2503.20783) */
    ASSAY_ADVANTAGE_RLOO, /* r less the mean of the others  (Ahmadian et al., arXiv:2402.14740) */
    ASSAY_ADVANTAGE_RAFT, /* max(r, 0): only good rollouts count  (Dong et al., arXiv:2304.06767) */
    ASSAY_ADVANTAGE_REINFORCE, /* r - baseline */
    ASSAY_ADVANTAGE_KINDS
} assay_advantage_kind;

/* The names, ending with NULL. */
extern const char *const assay_advantage_names[];

typedef struct assay_advantage_options {
    assay_advantage_kind kind;
    size_t ddof;     /* less than the size of every group of several */
    double eps;      /* >= 0 */
    bool raw;        /* grpo, dr_grpo, rloo: a group of one has its reward, not 0 */
    bool best;       /* raft: 1 for a group's highest rewards if these are > 0, else 0 */
    bool batch;      /* reinforce: the baseline is the mean of all rewards */
    double baseline; /* reinforce, unless `batch` */
} assay_advantage_options;

/* A group whose rewards are equal has mean `mean`, sd 0 and, for grpo, dr_grpo and rloo,
 * advantages of exactly 0: rounding of the mean, divided by eps, would be no small number. */
typedef struct assay_reward_group {
    size_t size;
    double low, high, mean, sd;
} assay_reward_group;

/*
 * advantage[i] of reward[i], |reward| <= 1e100, which is of group[i] < groups; group NULL: i / (n /
 * groups). Every group has a reward; n >= 1. *effective is the share of groups that have different
 * rewards. Messages count rewards from 1.
 */
int assay_rollout_advantage(const double *reward, const size_t *group, size_t n, size_t groups,
    const assay_advantage_options *options, double *advantage, assay_reward_group *stats,
    double *effective);

#endif
