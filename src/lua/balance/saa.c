/*
 * assay.balance: sample adaptive augmentation (methods/balance/saa.h).
 *
 * What assay.balance.saa makes is a table of its options, history, flags and seen, whose metatable
 * has the methods: a script can look at it, and keep it.
 */
#include "methods/balance/saa.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/balance/balance.h"

#define SELECTION "assay.saa"

static const double log_floor = 1e-8;

/* ---- steps ---- */

static double weight_option(lua_State *L, int at)
{
    return assay_opt_number(L, at, "weight", 0.999, 0, 1);
}

/* history_update(history, index, loss [, {weight=0.999}]): a list */
static int history_update(lua_State *L)
{
    static const char *const known[] = {"weight", NULL};
    size_t n = 0, m = 0, losses = 0;
    const double *before = assay_arg_vector(L, 1, "history", &n);
    assay_opts_check(L, 4, known);
    const double weight = weight_option(L, 4);
    const size_t *index = assay_arg_indices(L, 2, "index", 1, n, &m);
    const double *loss = assay_arg_vector(L, 3, "loss", &losses);
    if (losses != m)
        assay_arg_error(L, "loss must have %d values as index has, got %d", (int)m, (int)losses);
    double *history = assay_lua_doubles(L, n);
    memcpy(history, before, n * sizeof *history);
    assay_arg_status(L, assay_history_update(history, n, index, loss, m, weight));
    assay_push_vector(L, history, n);
    return 1;
}

static size_t bins_option(lua_State *L, int at)
{
    return (size_t)assay_opt_integer(L, at, "bins", 256, 2, 1 << 24);
}

/* Otsu's threshold of x, or of log10(x + 1e-8), in terms of x. Pushes a value. */
static double otsu_of(lua_State *L, const double *x, size_t n, size_t bins, bool logarithm)
{
    double *y = assay_lua_doubles(L, n), threshold = 0;
    for (size_t i = 0; i < n; i++) {
        if (logarithm && x[i] < 0)
            assay_arg_error(L, "x[%d] must be at least 0, got %g", (int)i + 1, x[i]);
        y[i] = logarithm ? log10(x[i] + log_floor) : x[i];
    }
    assay_arg_status(L, assay_otsu(y, n, bins, &threshold));
    return logarithm ? pow(10, threshold) - log_floor : threshold;
}

/* otsu(x [, {bins=256, log=false}]): {threshold=, n_naive=} */
static int otsu(lua_State *L)
{
    static const char *const known[] = {"bins", "log", NULL};
    size_t n = 0, naive = 0;
    const double *x = assay_arg_vector(L, 1, "x", &n);
    assay_opts_check(L, 2, known);
    const double threshold =
        otsu_of(L, x, n, bins_option(L, 2), assay_opt_boolean(L, 2, "log", false));
    for (size_t i = 0; i < n; i++)
        naive += x[i] < threshold;
    lua_createtable(L, 0, 2);
    assay_set_number(L, "threshold", threshold);
    assay_set_integer(L, "n_naive", (int64_t)naive);
    return 1;
}

static void push_flags(lua_State *L, const unsigned char *flag, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, flag[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* naive_update(flags, history, {threshold=}): {flags=, count=} */
static int naive_update(lua_State *L)
{
    static const char *const known[] = {"threshold", NULL};
    size_t n = 0, flags = 0, count = 0;
    const unsigned char *before = assay_arg_flags(L, 1, "flags", &flags);
    const double *history = assay_arg_vector(L, 2, "history", &n);
    assay_opts_check(L, 3, known);
    if (flags != n)
        assay_arg_error(L, "flags must have %d values as history has, got %d", (int)n, (int)flags);
    const double threshold = assay_opt_required(L, 3, "threshold", -ASSAY_FINITE, ASSAY_FINITE);
    unsigned char *flag = assay_lua_scratch(L, n + 1, 1);
    memcpy(flag, before, n);
    assay_arg_status(L, assay_naive_update(flag, history, n, threshold, &count));
    lua_createtable(L, 0, 2);
    push_flags(L, flag, n);
    lua_setfield(L, -2, "flags");
    assay_set_integer(L, "count", (int64_t)count);
    return 1;
}

/* ---- losses ---- */

/* A matrix as contiguous memory. Pushes values. */
static const double *logits_argument(lua_State *L, int at, const char *name, assay_matrix *m)
{
    *m = assay_arg_matrix(L, at, name);
    double *x = assay_lua_doubles(L, m->rows * m->cols + 1);
    for (size_t i = 0; i < m->rows; i++)
        memcpy(x + i * m->cols, assay_matrix_row(m, i), m->cols * sizeof *x);
    return x;
}

static struct assay_fixmatch_options fixmatch_options(lua_State *L, size_t classes)
{
    static const char *const known[] = {"tau", "thresholds", "lambda", "temperature", NULL};
    size_t n = classes;
    assay_opts_check(L, 3, known);
    struct assay_fixmatch_options o = {
        .tau = assay_opt_number(L, 3, "tau", 0.95, ASSAY_POSITIVE, 1),
        .lambda = assay_opt_number(L, 3, "lambda", 1, ASSAY_POSITIVE, ASSAY_FINITE),
        .temperature = assay_opt_number(L, 3, "temperature", 0, ASSAY_POSITIVE, ASSAY_FINITE)};
    if (assay_opt_push(L, 3, "thresholds"))
        o.thresholds = assay_arg_vector(L, -1, "thresholds", &n);
    if (n != classes)
        assay_arg_error(
            L, "thresholds must have %d values as there are classes, got %d", (int)classes, (int)n);
    return o;
}

/* fixmatch_loss(weak, strong [, {tau=0.95, thresholds=, lambda=1, temperature=}]): {loss=, mask=,
 * pseudo_label=, confidence=, sample_loss=, grad_strong=} */
static int fixmatch_loss(lua_State *L)
{
    assay_matrix w, s;
    luaL_checkstack(L, 20, NULL);
    const double *weak = logits_argument(L, 1, "weak", &w),
                 *strong = logits_argument(L, 2, "strong", &s);
    if (w.rows != s.rows || w.cols != s.cols)
        assay_arg_error(L, "strong must be %d x %d as weak is, got %d x %d", (int)w.rows,
            (int)w.cols, (int)s.rows, (int)s.cols);
    const size_t n = w.rows, classes = w.cols;
    const struct assay_fixmatch_options o = fixmatch_options(L, classes);
    unsigned char *mask = assay_lua_scratch(L, n + 1, 1);
    size_t *label = assay_lua_scratch(L, n + 1, sizeof *label);
    double *each = assay_lua_doubles(L, n), *confidence = assay_lua_doubles(L, n), loss = 0;
    lua_createtable(L, 0, 6);
    const assay_matrix grad = assay_push_matrix(L, n, classes);
    assay_arg_status(L, assay_fixmatch_loss(weak, strong, n, classes, &o, &loss, grad.data, mask,
                            label, each, confidence));
    lua_setfield(L, -2, "grad_strong");
    assay_set_number(L, "loss", loss);
    push_flags(L, mask, n);
    lua_setfield(L, -2, "mask");
    assay_push_indices(L, label, n, 1);
    lua_setfield(L, -2, "pseudo_label");
    assay_set_vector(L, "confidence", confidence, n);
    assay_set_vector(L, "sample_loss", each, n);
    return 1;
}

/* flexmatch_thresholds(state, {classes=, tau=0.95, warmup=true, map="convex"}): {beta=, threshold=}
 */
static int flexmatch_thresholds(lua_State *L)
{
    static const char *const known[] = {"classes", "tau", "warmup", "map", NULL};
    static const char *const maps[] = {"convex", "linear", "concave", NULL};
    size_t n = 0;
    assay_opts_check(L, 2, known);
    const size_t classes = (size_t)assay_opt_required(L, 2, "classes", 1, ASSAY_MOST_CLASSES);
    const size_t *state = assay_arg_indices(L, 1, "state", 0, classes + 1, &n);
    const struct assay_flexmatch_options o = {
        .tau = assay_opt_number(L, 2, "tau", 0.95, ASSAY_POSITIVE, 1),
        .no_warmup = !assay_opt_boolean(L, 2, "warmup", true),
        .map = (assay_flexmatch_map)assay_opt_choice(L, 2, "map", 0, maps)};
    double *beta = assay_lua_doubles(L, classes), *threshold = assay_lua_doubles(L, classes);
    assay_arg_status(L, assay_flexmatch_thresholds(state, n, classes, &o, beta, threshold));
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "beta", beta, classes);
    assay_set_vector(L, "threshold", threshold, classes);
    return 1;
}

/* ema_alpha(it [, {m=0.999}]) */
static int ema_alpha(lua_State *L)
{
    static const char *const known[] = {"m", NULL};
    const double it = assay_arg_number(L, 1, "it", 0, ASSAY_FINITE);
    assay_opts_check(L, 2, known);
    lua_pushnumber(L, assay_ema_alpha(it, assay_opt_number(L, 2, "m", 0.999, 0, 1)));
    return 1;
}

/* cosine_7_16(it, total) */
static int cosine_7_16(lua_State *L)
{
    const double total = assay_arg_number(L, 2, "total", ASSAY_POSITIVE, ASSAY_FINITE);
    lua_pushnumber(L, assay_cosine_7_16(assay_arg_number(L, 1, "it", 0, total), total));
    return 1;
}

/* ---- the selection ---- */

static const char *const selection_options[] = {
    "n", "weight", "bins", "unseen", "log", "selector", "threshold", "share", "rng", NULL};

enum selector { OTSU, THRESHOLD, QUANTILE, RANDOM, ALL, NONE };

static enum selector selector_option(lua_State *L)
{
    static const char *const selectors[] = {
        "otsu", "threshold", "quantile", "random", "all", "none", NULL};
    return (enum selector)assay_opt_choice(L, 1, "selector", OTSU, selectors);
}

static bool unseen_are_regular(lua_State *L)
{
    static const char *const words[] = {"naive", "regular", NULL};
    return assay_opt_choice(L, 1, "unseen", 0, words) == 1;
}

static void set_zeros(lua_State *L, const char *name, size_t n, bool integers)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        if (integers)
            lua_pushinteger(L, 0);
        else
            lua_pushnumber(L, 0);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

/* What a selector needs. */
static void check_selector(lua_State *L)
{
    const enum selector selector = selector_option(L);
    if (selector == THRESHOLD)
        assay_opt_required(L, 1, "threshold", -ASSAY_FINITE, ASSAY_FINITE);
    if (selector == QUANTILE || selector == RANDOM)
        assay_opt_required(L, 1, "share", 0, 1);
    if (selector == RANDOM)
        assay_required_rng(L, 1);
}

/* saa{n=, weight=0.999, bins=256, unseen="naive", log=false, selector="otsu", threshold=, share=,
 * rng=} */
static int saa(lua_State *L)
{
    assay_opts_check(L, 1, selection_options);
    const int64_t n = assay_opt_integer(L, 1, "n", -1, 1, INT32_MAX);
    if (n < 0)
        assay_arg_error(L, "n must be given");
    weight_option(L, 1);
    bins_option(L, 1);
    unseen_are_regular(L);
    assay_opt_boolean(L, 1, "log", false);
    check_selector(L);
    lua_newtable(L);
    for (size_t i = 0; selection_options[i]; i++) {
        lua_getfield(L, 1, selection_options[i]);
        lua_setfield(L, -2, selection_options[i]);
    }
    set_zeros(L, "history", (size_t)n, false);
    set_zeros(L, "flags", (size_t)n, true);
    set_zeros(L, "seen", (size_t)n, true);
    luaL_setmetatable(L, SELECTION);
    return 1;
}

static const double *history_of(lua_State *L, size_t *n)
{
    if (!lua_istable(L, 1))
        assay_arg_error(
            L, "a selection of assay.balance.saa is needed, got a %s", luaL_typename(L, 1));
    lua_getfield(L, 1, "history");
    return assay_arg_vector(L, -1, "history", n);
}

/* sel:update(index, loss) */
static int selection_update(lua_State *L)
{
    size_t n = 0, m = 0, losses = 0;
    const double *before = history_of(L, &n);
    double *history = assay_lua_doubles(L, n);
    memcpy(history, before, n * sizeof *history);
    const size_t *index = assay_arg_indices(L, 2, "index", 1, n, &m);
    const double *loss = assay_arg_vector(L, 3, "loss", &losses);
    if (losses != m)
        assay_arg_error(L, "loss must have %d values as index has, got %d", (int)m, (int)losses);
    assay_arg_status(L, assay_history_update(history, n, index, loss, m, weight_option(L, 1)));
    lua_getfield(L, 1, "history");
    lua_getfield(L, 1, "seen");
    for (size_t i = 0; i < m; i++) {
        lua_pushnumber(L, history[index[i]]);
        lua_rawseti(L, -3, (lua_Integer)index[i] + 1);
        lua_pushinteger(L, 1);
        lua_rawseti(L, -2, (lua_Integer)index[i] + 1);
    }
    return 0;
}

/* The threshold over the histories that count. */
static double threshold_of(lua_State *L, enum selector selector, const double *counted, size_t m)
{
    double threshold = -INFINITY;
    if (selector == ALL)
        return INFINITY;
    if (selector == THRESHOLD)
        return assay_opt_required(L, 1, "threshold", -ASSAY_FINITE, ASSAY_FINITE);
    if (m > 0 && selector == OTSU)
        return otsu_of(L, counted, m, bins_option(L, 1), assay_opt_boolean(L, 1, "log", false));
    if (m > 0 && selector == QUANTILE)
        assay_arg_status(
            L, assay_quantile(counted, m, assay_opt_required(L, 1, "share", 0, 1), &threshold));
    return threshold;
}

static void select_at_random(lua_State *L, unsigned char *flag, size_t n)
{
    const double share = assay_opt_required(L, 1, "share", 0, 1);
    const size_t k = (size_t)floor(share * (double)n + 0.5);
    size_t *chosen = assay_lua_scratch(L, n + 1, sizeof *chosen);
    assay_arg_status(L, assay_rng_sample(assay_required_rng(L, 1), n, k, chosen));
    memset(flag, 0, n);
    for (size_t i = 0; i < k; i++)
        flag[chosen[i]] = 1;
}

/* sel:select(): {threshold=, naive_share=} */
static int selection_select(lua_State *L)
{
    size_t n = 0, flags = 0, seens = 0, m = 0, count = 0;
    luaL_checkstack(L, 20, NULL);
    const double *history = history_of(L, &n);
    unsigned char *flag = assay_lua_scratch(L, n + 1, 1);
    lua_getfield(L, 1, "flags");
    const unsigned char *before = assay_arg_flags(L, -1, "flags", &flags);
    lua_getfield(L, 1, "seen");
    const unsigned char *seen = assay_arg_flags(L, -1, "seen", &seens);
    if (flags != n || seens != n)
        assay_arg_error(L, "history, flags and seen must have as many values");
    memcpy(flag, before, n);
    const bool leave_out = unseen_are_regular(L);
    const enum selector selector = selector_option(L);
    double *counted = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        if (seen[i] || !leave_out)
            counted[m++] = history[i];
    const double threshold = threshold_of(L, selector, counted, m);
    if (selector == RANDOM)
        select_at_random(L, flag, n);
    else
        assay_arg_status(L, assay_naive_update(flag, history, n, threshold, &count));
    count = 0;
    for (size_t i = 0; i < n; i++) {
        flag[i] = flag[i] && (seen[i] || !leave_out);
        count += flag[i];
    }
    push_flags(L, flag, n);
    lua_setfield(L, 1, "flags");
    lua_createtable(L, 0, 2);
    if (isfinite(threshold))
        assay_set_number(L, "threshold", threshold);
    assay_set_number(L, "naive_share", (double)count / (double)n);
    return 1;
}

static const luaL_Reg methods[] = {
    {"update", selection_update},
    {"select", selection_select},
    {NULL, NULL},
};

void assay_lua_saa_type(lua_State *L)
{
    luaL_newmetatable(L, SELECTION);
    lua_newtable(L);
    assay_lua_register_methods(L, "sel", methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

const luaL_Reg assay_lua_saa[] = {
    {"saa", saa},
    {"history_update", history_update},
    {"otsu", otsu},
    {"naive_update", naive_update},
    {"fixmatch_loss", fixmatch_loss},
    {"flexmatch_thresholds", flexmatch_thresholds},
    {"ema_alpha", ema_alpha},
    {"cosine_7_16", cosine_7_16},
    {NULL, NULL},
};
