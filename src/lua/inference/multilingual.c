/*
 * Temperatures, pools and selection by evidence for Lua (methods/inference/multilingual.h). What
 * calls back into Lua stands here alone: pools of any generator, utilities and choices of a judge.
 */
#include "lua/args.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/inference/multilingual.h"

/* ---- tokens ---- */

/* temperature_softmax(logits [, {temperature=1}]) */
static int temperature_softmax(lua_State *L)
{
    static const char *const known[] = {"temperature", NULL};
    size_t n = 0;
    assay_opts_check(L, 2, known);
    const double *logits = assay_arg_vector(L, 1, "logits", &n);
    const double t = assay_opt_number(L, 2, "temperature", 1, 0, INFINITY);
    double *p = assay_lua_doubles(L, n);
    assay_arg_status(L, assay_temperature_softmax(logits, n, t, p));
    assay_push_vector(L, p, n);
    return 1;
}

/* min_p_filter(p [, {min_p=0.1}]): {p = list, kept = how many} */
static int min_p_filter(lua_State *L)
{
    static const char *const known[] = {"min_p", NULL};
    size_t n = 0, kept = 0;
    assay_opts_check(L, 2, known);
    const double *p = assay_arg_vector(L, 1, "p", &n);
    const double min_p = assay_opt_number(L, 2, "min_p", 0.1, 0, 1);
    double *out = assay_lua_doubles(L, n);
    assay_arg_status(L, assay_min_p_filter(p, n, min_p, out, &kept));
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "p", out, n);
    assay_set_integer(L, "kept", (int64_t)kept);
    return 1;
}

/* sample_token(logits, {rng=, temperature=1, min_p=0, top_p=1, min_p_first=false}): its position
 * and its probability */
static int sample_token(lua_State *L)
{
    static const char *const known[] = {
        "rng", "temperature", "min_p", "top_p", "min_p_first", NULL};
    size_t n = 0, index = 0;
    assay_opts_check(L, 2, known);
    const double *logits = assay_arg_vector(L, 1, "logits", &n);
    const assay_token_opts o = {
        .temperature = assay_opt_number(L, 2, "temperature", 1, 0, INFINITY),
        .min_p = assay_opt_number(L, 2, "min_p", 0, 0, 1),
        .top_p = assay_opt_number(L, 2, "top_p", 1, ASSAY_POSITIVE, 1),
        .min_p_first = assay_opt_boolean(L, 2, "min_p_first", false)};
    assay_rng *rng = assay_required_rng(L, 2);
    double *p = assay_lua_doubles(L, n);
    assay_arg_status(L, assay_token_probabilities(logits, n, &o, p));
    assay_arg_status(L, assay_sample_index(p, n, assay_rng_uniform(rng), &index));
    lua_pushinteger(L, (lua_Integer)index + 1);
    lua_pushnumber(L, p[index]);
    return 2;
}

/* ---- plans and pools ---- */

static const char *const strategies[] = {
    "single", "multi", "schedule", "hedged", "hedged_schedule", NULL};

/* The temperatures that the options at `at` plan; pushes values that keep them. */
static const double *plan(lua_State *L, int at, size_t *n)
{
    assay_plan_opts o = {.n = (size_t)assay_opt_integer(L, at, "n", 0, 1, 10000000),
        .strategy = (assay_plan_strategy)assay_opt_choice(
            L, at, "strategy", ASSAY_PLAN_SINGLE, strategies)};
    const bool schedule =
        o.strategy == ASSAY_PLAN_SCHEDULE || o.strategy == ASSAY_PLAN_HEDGED_SCHEDULE;
    if (o.n == 0)
        assay_arg_error(L, "n must be given");
    if (schedule) {
        o.t_min = assay_opt_required(L, at, "t_min", 0, ASSAY_FINITE);
        o.t_max = assay_opt_required(L, at, "t_max", 0, ASSAY_FINITE);
    } else if (o.strategy == ASSAY_PLAN_MULTI) {
        size_t given = 0;
        if (!assay_opt_push(L, at, "temperatures"))
            assay_arg_error(L, "temperatures must be given");
        o.temperatures = assay_arg_vector(L, -1, "temperatures", &given);
        if (given != o.n)
            assay_arg_error(L, "temperatures must have n = %zu values, got %zu", o.n, given);
    } else {
        o.temperature = assay_opt_required(L, at, "temperature", 0, INFINITY);
    }
    double *temperatures = assay_lua_doubles(L, o.n);
    assay_arg_status(L, assay_sampling_plan(&o, temperatures));
    *n = o.n;
    return temperatures;
}

static void push_plan(lua_State *L, int at, const double *temperatures, size_t n)
{
    lua_createtable(L, 0, 3);
    assay_set_vector(L, "temperatures", temperatures, n);
    assay_set_number(L, "min_p", assay_opt_number(L, at, "min_p", 0, 0, 1));
}

/* sampling_plan{n=, strategy="single", temperature=, t_min=, t_max=, temperatures=, min_p=0} */
static int sampling_plan(lua_State *L)
{
    static const char *const known[] = {
        "n", "strategy", "temperature", "t_min", "t_max", "temperatures", "min_p", NULL};
    size_t n = 0;
    assay_opts_check(L, 1, known);
    const double *temperatures = plan(L, 1, &n);
    push_plan(L, 1, temperatures, n);
    return 1;
}

/*
 * pool(generate, {rng=, and the options of sampling_plan}): {samples = list, temperatures = list,
 * min_p =}; sample j is what generate(temperature, min_p, rng) returns, with the child j of rng.
 */
static int pool(lua_State *L)
{
    static const char *const known[] = {
        "n", "strategy", "temperature", "t_min", "t_max", "temperatures", "min_p", "rng", NULL};
    size_t n = 0;
    if (lua_type(L, 1) != LUA_TFUNCTION)
        assay_arg_error(L, "generate must be a function (temperature, min_p, rng), got a %s",
            luaL_typename(L, 1));
    assay_opts_check(L, 2, known);
    const assay_rng *rng = assay_required_rng(L, 2);
    const double *temperatures = plan(L, 2, &n);
    const double min_p = assay_opt_number(L, 2, "min_p", 0, 0, 1);
    push_plan(L, 2, temperatures, n);
    lua_createtable(L, (int)n, 0);
    for (size_t j = 0; j < n; j++) {
        lua_pushvalue(L, 1);
        lua_pushnumber(L, temperatures[j]);
        lua_pushnumber(L, temperatures[j] == 0 ? 0 : min_p);
        assay_push_rng(L, assay_rng_split(rng, j + 1));
        lua_call(L, 3, 1);
        if (lua_isnil(L, -1))
            assay_arg_error(L, "generate must return a sample, got nil for sample %zu", j + 1);
        lua_rawseti(L, -2, (lua_Integer)j + 1);
    }
    lua_setfield(L, -2, "samples");
    return 1;
}

/* ---- utilities ---- */

static const char *const metrics[] = {"exact", "token_f1", "chrf", "edit", NULL};

assay_utility assay_lua_utility(lua_State *L, int at, const char *key)
{
    return (assay_utility)assay_opt_choice(L, at, key, ASSAY_UTILITY_CHRF, metrics);
}

const char **assay_lua_texts(lua_State *L, int at, const char *name, size_t *n)
{
    if (lua_type(L, at) != LUA_TTABLE)
        assay_arg_error(L, "%s must be a list of texts, got a %s", name, luaL_typename(L, at));
    at = lua_absindex(L, at);
    *n = (size_t)luaL_len(L, at);
    const char **texts = assay_lua_scratch(L, *n ? *n : 1, sizeof *texts);
    for (size_t i = 0; i < *n; i++) {
        if (lua_geti(L, at, (lua_Integer)i + 1) != LUA_TSTRING)
            assay_arg_error(
                L, "%s[%zu] must be a text, got a %s", name, i + 1, luaL_typename(L, -1));
        texts[i] = lua_tostring(L, -1); /* which the list keeps */
        lua_pop(L, 1);
    }
    return texts;
}

/* utility(hyps, refs [, {metric="chrf", progress=}]): a matrix */
static int utility(lua_State *L)
{
    static const char *const known[] = {"metric", "progress", NULL};
    size_t nh = 0, nr = 0;
    assay_opts_check(L, 3, known);
    const char **hyps = assay_lua_texts(L, 1, "hyps", &nh);
    const char **refs = assay_lua_texts(L, 2, "refs", &nr);
    const assay_utility metric = assay_lua_utility(L, 3, "metric");
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_matrix out = assay_push_matrix(L, nh, nr);
    assay_lua_report_end(
        &report, assay_utility_matrix(hyps, nh, refs, nr, metric, &report.progress, &out));
    return 1;
}

/* What judge(i, j) says of candidate i shown first: 0..1. Candidates are at index 1, judge at 2. */
static double judged(lua_State *L, size_t i, size_t j)
{
    lua_pushvalue(L, 2);
    lua_geti(L, 1, (lua_Integer)i + 1);
    lua_geti(L, 1, (lua_Integer)j + 1);
    lua_call(L, 2, 1);
    const double score = assay_arg_number(L, -1, "the judge's score", 0, 1);
    lua_pop(L, 1);
    return score;
}

/* judge_utility(candidates, judge): u[i][j] = (judge(i, j) + 1 - judge(j, i)) / 2, nan where i = j
 */
static int judge_utility(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TTABLE)
        assay_arg_error(L, "candidates must be a list, got a %s", luaL_typename(L, 1));
    if (lua_type(L, 2) != LUA_TFUNCTION)
        assay_arg_error(
            L, "judge must be a function (first, second), got a %s", luaL_typename(L, 2));
    const size_t n = (size_t)luaL_len(L, 1);
    const assay_matrix u = assay_push_matrix(L, n, n);
    for (size_t i = 0; i < n; i++) {
        *assay_matrix_at(&u, i, i) = (double)NAN;
        for (size_t j = i + 1; j < n; j++) {
            const double score = (judged(L, i, j) + 1 - judged(L, j, i)) / 2;
            *assay_matrix_at(&u, i, j) = score;
            *assay_matrix_at(&u, j, i) = 1 - score;
        }
    }
    return 1;
}

/* ---- selection ---- */

static int push_choice(lua_State *L, const double *scores, size_t n, size_t index)
{
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "scores", scores, n);
    assay_set_integer(L, "index", (int64_t)index + 1);
    return 1;
}

/* mbr(u [, {include_self=true}]) */
static int mbr(lua_State *L)
{
    static const char *const known[] = {"include_self", NULL};
    size_t index = 0;
    assay_opts_check(L, 2, known);
    const assay_matrix u = assay_arg_matrix(L, 1, "u");
    const bool self = assay_opt_boolean(L, 2, "include_self", true);
    double *scores = assay_lua_doubles(L, u.rows);
    assay_arg_status(L, assay_mbr(&u, NULL, 0, self, scores, &index));
    return push_choice(L, scores, u.rows, index);
}

/* x_mbr(u_candidates, u_cross [, {cross_weight=1, include_self=true}]) */
static int x_mbr(lua_State *L)
{
    static const char *const known[] = {"cross_weight", "include_self", NULL};
    size_t index = 0;
    assay_opts_check(L, 3, known);
    const assay_matrix u = assay_arg_matrix(L, 1, "u_candidates");
    const assay_matrix cross = assay_arg_matrix(L, 2, "u_cross");
    const double weight = assay_opt_number(L, 3, "cross_weight", 1, 0, ASSAY_FINITE);
    const bool self = assay_opt_boolean(L, 3, "include_self", true);
    double *scores = assay_lua_doubles(L, u.rows);
    assay_arg_status(L, assay_mbr(&u, &cross, weight, self, scores, &index));
    return push_choice(L, scores, u.rows, index);
}

/* The permutations that are given (1-based rows), or NULL. */
static const size_t *permutations_option(lua_State *L, int at, size_t n, size_t *count)
{
    if (!assay_opt_push(L, at, "permutations"))
        return NULL;
    const assay_matrix given = assay_arg_matrix(L, -1, "permutations");
    if (given.cols != n)
        assay_arg_error(L, "permutations must have %zu columns as u has, got %zu", n, given.cols);
    size_t *perm = assay_lua_scratch(L, given.rows * n, sizeof *perm);
    for (size_t i = 0; i < given.rows * n; i++) {
        const double x = *assay_matrix_at(&given, i / n, i % n);
        if (!(x >= 1 && x <= (double)n && x == floor(x)))
            assay_arg_error(L, "permutations[%zu][%zu] must be a whole number in 1..%zu, got %.14g",
                i / n + 1, i % n + 1, n, x);
        perm[i] = (size_t)x - 1;
    }
    *count = given.rows;
    return perm;
}

/* mbr_curve(u, quality, {rng= | permutations=, draws=100, u_cross=, cross_weight=1,
 * include_self=true, progress=}): a list, the mean quality of the choice among k = 1.. of them */
static int mbr_curve(lua_State *L)
{
    static const char *const known[] = {"rng", "permutations", "draws", "u_cross", "cross_weight",
        "include_self", "progress", NULL};
    assay_opts_check(L, 3, known);
    const assay_matrix u = assay_arg_matrix(L, 1, "u");
    const double *quality = assay_arg_vector_of(L, 2, "quality", u.rows);
    const double weight = assay_opt_number(L, 3, "cross_weight", 1, 0, ASSAY_FINITE);
    const bool self = assay_opt_boolean(L, 3, "include_self", true);
    const size_t draws = (size_t)assay_opt_integer(L, 3, "draws", 100, 1, 10000000);
    assay_matrix cross = {0};
    if (assay_opt_push(L, 3, "u_cross"))
        cross = assay_arg_matrix(L, -1, "u_cross");
    size_t nperm = 0;
    const size_t *perm = permutations_option(L, 3, u.rows, &nperm);
    assay_rng *rng = perm ? NULL : assay_required_rng(L, 3);
    double *mean = assay_lua_doubles(L, u.rows);
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(&report, perm ? assay_mbr_curve(&u, &cross, weight, self, quality, perm,
                                             nperm, &report.progress, mean)
                                       : assay_mbr_curve_draw(&u, &cross, weight, self, quality,
                                             draws, rng, &report.progress, mean));
    assay_push_vector(L, mean, u.rows);
    return 1;
}

/* select_best(rewards): its position */
static int select_best(lua_State *L)
{
    size_t n = 0, index = 0;
    const double *rewards = assay_arg_vector(L, 1, "rewards", &n);
    assay_arg_status(L, assay_select_best(rewards, n, &index));
    lua_pushinteger(L, (lua_Integer)index + 1);
    return 1;
}

/* checklist_select(checks [, {weights=}]) */
static int checklist_select(lua_State *L)
{
    static const char *const known[] = {"weights", NULL};
    size_t index = 0;
    assay_opts_check(L, 2, known);
    const assay_matrix checks = assay_arg_matrix(L, 1, "checks");
    const double *weights =
        assay_opt_push(L, 2, "weights") ? assay_arg_vector_of(L, -1, "weights", checks.cols) : NULL;
    double *scores = assay_lua_doubles(L, checks.rows);
    assay_arg_status(L, assay_checklist_select(&checks, weights, scores, &index));
    return push_choice(L, scores, checks.rows, index);
}

/* ---- pools and comparisons ---- */

/* hope_risk(quality, greedy) */
static int hope_risk(lua_State *L)
{
    assay_hope_risk_result r;
    const assay_matrix quality = assay_arg_matrix(L, 1, "quality");
    const double *greedy = assay_arg_vector_of(L, 2, "greedy", quality.rows);
    assay_arg_status(L, assay_hope_risk(&quality, greedy, &r));
    lua_createtable(L, 0, 5);
    assay_set_number(L, "hope", r.hope);
    assay_set_number(L, "risk", r.risk);
    assay_set_number(L, "hope_percent", r.hope_percent);
    assay_set_number(L, "risk_percent", r.risk_percent);
    assay_set_number(L, "mean_gain", r.mean_gain);
    return 1;
}

static void set_win_rate(lua_State *L, double wins, double ties, double losses)
{
    assay_win_rate_result r;
    assay_arg_status(L, assay_win_rate(wins, ties, losses, &r));
    const double wilson[2] = {r.low, r.high};
    assay_set_number(L, "win_rate", r.win_rate);
    assay_set_vector(L, "wilson95", wilson, 2);
    assay_set_number(L, "win_minus_loss", r.win_minus_loss);
}

/* win_rate{wins=, ties=0, losses=} */
static int win_rate(lua_State *L)
{
    static const char *const known[] = {"wins", "ties", "losses", NULL};
    assay_opts_check(L, 1, known);
    const double wins = assay_opt_required(L, 1, "wins", 0, ASSAY_FINITE);
    const double ties = assay_opt_number(L, 1, "ties", 0, 0, ASSAY_FINITE);
    const double losses = assay_opt_required(L, 1, "losses", 0, ASSAY_FINITE);
    lua_createtable(L, 0, 3);
    set_win_rate(L, wins, ties, losses);
    return 1;
}

/* win_rate_swapped(a_first, a_second) */
static int win_rate_swapped(lua_State *L)
{
    size_t n = 0, seconds = 0;
    assay_swapped_result r;
    const double *first = assay_arg_vector(L, 1, "a_first", &n);
    const double *second = assay_arg_vector(L, 2, "a_second", &seconds);
    if (seconds != n)
        assay_arg_error(L, "a_second must have %zu values as a_first has, got %zu", n, seconds);
    assay_arg_status(L, assay_win_rate_swapped(first, second, n, &r));
    lua_createtable(L, 0, 8);
    set_win_rate(L, r.wins, r.ties, r.losses);
    assay_set_integer(L, "wins", (int64_t)r.wins);
    assay_set_integer(L, "ties", (int64_t)r.ties);
    assay_set_integer(L, "losses", (int64_t)r.losses);
    assay_set_number(L, "position_bias", r.position_bias);
    assay_set_number(L, "consistent", r.consistent);
    return 1;
}

/* ---- CHOPS ---- */

/* Option `order` (1-based), a random order of option `rng`, or NULL: as they stand. Pushes values
 * that keep it. */
static const uint32_t *order_option(lua_State *L, int at, size_t n)
{
    size_t count = 0;
    const size_t *given = NULL;
    if (assay_opt_push(L, at, "order")) {
        given = assay_arg_indices(L, -1, "order", 1, n, &count);
        if (count != n)
            assay_arg_error(L, "order must have %zu numbers, one a candidate, got %zu", n, count);
    } else {
        assay_rng *rng = assay_opt_rng(L, at, "rng");
        if (!rng)
            return NULL;
        size_t *drawn = assay_lua_scratch(L, n ? n : 1, sizeof *drawn);
        assay_rng_permutation(rng, n, drawn);
        given = drawn;
    }
    uint32_t *order = assay_lua_scratch(L, n ? n : 1, sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)given[i];
    return order;
}

static void push_prompt(lua_State *L, const char *task, const char *const *candidates, size_t n,
    const uint32_t *order, size_t max_points)
{
    char *message = NULL;
    assay_arg_status(L, assay_chops_prompt(task, candidates, n, order, max_points, &message));
    lua_pushstring(L, message);
    free(message);
}

static size_t points_option(lua_State *L, int at)
{
    return (size_t)assay_opt_integer(L, at, "max_points", 8, 1, 1000);
}

/* chops_prompt(task, candidates [, {order=, max_points=8}]) */
static int chops_prompt(lua_State *L)
{
    static const char *const known[] = {"order", "max_points", NULL};
    size_t n = 0;
    assay_opts_check(L, 3, known);
    const char *task = assay_arg_string(L, 1, "task");
    const char **candidates = assay_lua_texts(L, 2, "candidates", &n);
    push_prompt(L, task, candidates, n, order_option(L, 3, n), points_option(L, 3));
    return 1;
}

static void push_parsed(
    lua_State *L, const char *reply, size_t n, const uint32_t *order, size_t fallback)
{
    size_t index = 0;
    bool parsed = false;
    assay_arg_status(L, assay_chops_parse(reply, n, order, fallback, &index, &parsed));
    lua_createtable(L, 0, 4);
    assay_set_integer(L, "index", (int64_t)index + 1);
    assay_set_boolean(L, "parsed", parsed);
}

/* chops_parse(text, {n=, order=, fallback=1}): {index=, parsed=} */
static int chops_parse(lua_State *L)
{
    static const char *const known[] = {"n", "order", "fallback", NULL};
    assay_opts_check(L, 2, known);
    const char *text = assay_arg_string(L, 1, "text");
    const size_t n = (size_t)assay_opt_integer(L, 2, "n", 0, 1, 1000000);
    if (n == 0)
        assay_arg_error(L, "n must be given");
    const size_t fallback = (size_t)assay_opt_integer(L, 2, "fallback", 1, 1, (int64_t)n) - 1;
    push_parsed(L, text, n, order_option(L, 2, n), fallback);
    return 1;
}

/*
 * chops_select(task, candidates, ask [, {order=, rng=, fallback=1, max_points=8}]): one call
 * ask(message) whose text is parsed: {index=, parsed=, reply=}.
 */
static int chops_select(lua_State *L)
{
    static const char *const known[] = {"order", "rng", "fallback", "max_points", NULL};
    size_t n = 0;
    assay_opts_check(L, 4, known);
    const char *task = assay_arg_string(L, 1, "task");
    const char **candidates = assay_lua_texts(L, 2, "candidates", &n);
    if (n == 0)
        assay_arg_error(L, "candidates must have at least 1 text, got none");
    if (lua_type(L, 3) != LUA_TFUNCTION)
        assay_arg_error(L, "ask must be a function (message), got a %s", luaL_typename(L, 3));
    const size_t fallback = (size_t)assay_opt_integer(L, 4, "fallback", 1, 1, (int64_t)n) - 1;
    const size_t points = points_option(L, 4);
    const uint32_t *order = order_option(L, 4, n);
    lua_pushvalue(L, 3);
    push_prompt(L, task, candidates, n, order, points);
    lua_call(L, 1, 1);
    const int reply = lua_gettop(L);
    if (lua_type(L, reply) != LUA_TSTRING)
        assay_arg_error(L, "ask must return a text, got a %s", luaL_typename(L, reply));
    push_parsed(L, lua_tostring(L, reply), n, order, fallback);
    lua_pushvalue(L, reply);
    lua_setfield(L, -2, "reply");
    return 1;
}

const luaL_Reg assay_lua_multilingual[] = {
    {"temperature_softmax", temperature_softmax},
    {"min_p_filter", min_p_filter},
    {"sample_token", sample_token},
    {"sampling_plan", sampling_plan},
    {"pool", pool},
    {"utility", utility},
    {"judge_utility", judge_utility},
    {"mbr", mbr},
    {"x_mbr", x_mbr},
    {"mbr_curve", mbr_curve},
    {"select_best", select_best},
    {"checklist_select", checklist_select},
    {"hope_risk", hope_risk},
    {"win_rate", win_rate},
    {"win_rate_swapped", win_rate_swapped},
    {"chops_prompt", chops_prompt},
    {"chops_parse", chops_parse},
    {"chops_select", chops_select},
    {NULL, NULL},
};
