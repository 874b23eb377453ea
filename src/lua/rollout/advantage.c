/* assay.rollout.advantage: what a group's rewards say of each of its rollouts. */
#include <math.h>

#include "lua/args.h"
#include "lua/rollout/rollout.h"
#include "methods/rollout/rollout.h"

/* Groups by name or number, or of equal size, or all in one; NULL: of equal size. */
static const size_t *read_groups(lua_State *L, size_t n, size_t *groups)
{
    const size_t *group = NULL;
    *groups = 1;
    if (assay_opt_push(L, 2, "group")) {
        size_t given = 0;
        group = assay_arg_groups(L, lua_gettop(L), "group", &given);
        if (given != n)
            assay_arg_error(
                L, "group must have %d values as rewards has, got %d", (int)n, (int)given);
        for (size_t i = 0; i < n; i++)
            *groups = group[i] >= *groups ? group[i] + 1 : *groups;
    }
    if (assay_opt_push(L, 2, "group_size")) {
        const size_t size = (size_t)assay_arg_integer(L, lua_gettop(L), "group_size", 1, INT32_MAX);
        if (group)
            assay_arg_error(L, "give either group or group_size, not both");
        if (n % size != 0)
            assay_arg_error(L, "group_size must divide the %d rewards, got %d", (int)n, (int)size);
        *groups = n / size;
    }
    return group;
}

/* baseline = "none", "batch", or a number that the caller keeps */
static void read_baseline(lua_State *L, assay_advantage_options *o)
{
    static const char *const names[] = {"none", "batch", NULL};
    if (!assay_opt_push(L, 2, "baseline"))
        return;
    if (o->kind != ASSAY_ADVANTAGE_REINFORCE)
        assay_arg_error(L, "baseline is of kind = \"reinforce\"");
    if (lua_type(L, -1) == LUA_TNUMBER)
        o->baseline = assay_arg_number(L, lua_gettop(L), "baseline", -1e100, 1e100);
    else
        o->batch = assay_arg_choice(L, lua_gettop(L), "baseline", names) == 1;
}

static assay_advantage_options read_options(lua_State *L)
{
    static const char *const singletons[] = {"zero", "raw", NULL};
    static const char *const accepted[] = {"positive", "best", NULL};
    assay_advantage_options o = {
        .kind = (assay_advantage_kind)assay_opt_choice(L, 2, "kind", 0, assay_advantage_names)};
    o.ddof = (size_t)assay_opt_integer(L, 2, "ddof", 1, 0, INT32_MAX);
    o.eps = assay_opt_number(L, 2, "eps", 1e-6, 0, ASSAY_FINITE);
    o.raw = assay_opt_choice(L, 2, "singleton", 0, singletons) == 1;
    o.best = assay_opt_choice(L, 2, "accept", 0, accepted) == 1;
    if (o.best && o.kind != ASSAY_ADVANTAGE_RAFT)
        assay_arg_error(L, "accept is of kind = \"raft\"");
    read_baseline(L, &o);
    return o;
}

/* advantage(rewards [, {group=, group_size=, kind="grpo", ddof=1, eps=1e-6, singleton="zero",
 * accept="positive", baseline="none"}]) */
static int advantage(lua_State *L)
{
    static const char *const known[] = {
        "group", "group_size", "kind", "ddof", "eps", "singleton", "accept", "baseline", NULL};
    size_t n = 0, groups = 0;
    double effective = 0;
    assay_opts_check(L, 2, known);
    luaL_checkstack(L, 32, NULL);
    const assay_advantage_options o = read_options(L);
    const double *reward = assay_arg_vector(L, 1, "rewards", &n);
    const size_t *group = read_groups(L, n, &groups);
    double *out = assay_lua_doubles(L, n + 2 * groups), *mean = out + n, *sd = mean + groups;
    assay_reward_group *stats = assay_lua_scratch(L, groups, sizeof *stats);
    assay_arg_status(
        L, assay_rollout_advantage(reward, group, n, groups, &o, out, stats, &effective));
    for (size_t k = 0; k < groups; k++) {
        mean[k] = stats[k].mean;
        sd[k] = stats[k].sd;
    }
    lua_createtable(L, 0, 4);
    assay_set_vector(L, "advantage", out, n);
    assay_set_vector(L, "mean", mean, groups);
    assay_set_vector(L, "std", sd, groups);
    assay_set_number(L, "effective_ratio", effective);
    return 1;
}

const luaL_Reg assay_lua_rollout_advantage[] = {
    {"advantage", advantage},
    {NULL, NULL},
};
