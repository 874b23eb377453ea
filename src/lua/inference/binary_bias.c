/*
 * Tests of yes/no series for Lua (methods/inference/binary_bias.h). A series is a list of 1 and 0
 * (or true and false); with batches, a list of such lists.
 */
#include "lua/args.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/stats.h"
#include "methods/inference/binary_bias.h"

/* ---- series ---- */

typedef struct series {
    const unsigned char *x;
    const size_t *length; /* of each batch */
    size_t batches, n;
} series;

static series one_batch(lua_State *L, int at, const char *name)
{
    series s = {.batches = 1};
    s.x = assay_arg_flags(L, at, name, &s.n);
    size_t *length = assay_lua_scratch(L, 1, sizeof *length);
    *length = s.n;
    s.length = length;
    return s;
}

static series several_batches(lua_State *L, int at)
{
    if (lua_type(L, at) != LUA_TTABLE)
        assay_arg_error(L, "x must be a list of batches, got a %s", luaL_typename(L, at));
    series s = {.batches = (size_t)luaL_len(L, at)};
    size_t *length = assay_lua_scratch(L, s.batches, sizeof *length);
    for (size_t b = 0; b < s.batches; b++) {
        if (lua_geti(L, at, (lua_Integer)b + 1) != LUA_TTABLE)
            assay_arg_error(L, "x[%zu] must be a list of answers (a batch), got a %s", b + 1,
                luaL_typename(L, -1));
        length[b] = (size_t)luaL_len(L, -1);
        s.n += length[b];
        lua_pop(L, 1);
    }
    unsigned char *x = assay_lua_scratch(L, s.n, 1);
    s.x = x;
    s.length = length;
    for (size_t b = 0; b < s.batches; x += length[b++]) {
        const int top = lua_gettop(L);
        size_t count;
        lua_geti(L, at, (lua_Integer)b + 1);
        const char *name = lua_pushfstring(L, "x[%d]", (int)(b + 1));
        const unsigned char *batch = assay_arg_flags(L, top + 1, name, &count);
        memcpy(x, batch, count < length[b] ? count : length[b]);
        lua_settop(L, top);
    }
    return s;
}

static void push_answers(lua_State *L, const unsigned char *x, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static assay_binary_opts battery_options(lua_State *L, int at)
{
    return (assay_binary_opts){
        .streak_max = (size_t)assay_opt_integer(L, at, "streak_max", 4, 1, ASSAY_BINARY_STREAK_MAX),
        .lags = (size_t)assay_opt_integer(L, at, "lags", 3, 1, ASSAY_BINARY_LAGS_MAX),
        .block = (size_t)assay_opt_integer(L, at, "block", 3, 1, ASSAY_BINARY_BLOCK_MAX)};
}

/* ---- the battery ---- */

static void set_pair(lua_State *L, const char *name, double a, double b)
{
    const double both[2] = {a, b};
    assay_set_vector(L, name, both, 2);
}

static void set_rates(lua_State *L, const assay_binary_report *r)
{
    assay_set_integer(L, "n", (int64_t)r->n);
    assay_set_integer(L, "yes", (int64_t)r->yes);
    assay_set_number(L, "yes_rate", r->rate);
    set_pair(L, "yes_wilson95", r->low, r->high);
    assay_set_number(L, "p_uniform", r->p_uniform);
}

static void set_transitions(lua_State *L, const assay_binary_report *r)
{
    lua_createtable(L, 2, 0);
    for (int a = 0; a < 2; a++) {
        assay_push_indices(L, r->transition[a], 2, 0);
        lua_rawseti(L, -2, a + 1);
    }
    lua_setfield(L, -2, "transitions");
    set_pair(L, "p_yes_after", r->rate_after[0], r->rate_after[1]);
    lua_createtable(L, 0, 5);
    assay_set_number(L, "G", r->order1.g);
    assay_set_number(L, "chi2", r->order1.chi2);
    assay_set_integer(L, "dof", (int64_t)r->order1.dof);
    assay_set_number(L, "p_G", r->order1.p_g);
    assay_set_number(L, "p_chi2", r->order1.p_chi2);
    lua_setfield(L, -2, "independence");
    lua_createtable(L, 0, 3);
    assay_set_number(L, "G", r->order2.g);
    assay_set_integer(L, "dof", (int64_t)r->order2.dof);
    assay_set_number(L, "p", r->order2.p_g);
    lua_setfield(L, -2, "markov_order2");
}

static void set_runs(lua_State *L, const assay_binary_report *r)
{
    lua_createtable(L, 0, 6);
    assay_set_integer(L, "count", (int64_t)r->runs);
    assay_set_number(L, "expected", r->runs_expected);
    assay_set_number(L, "variance", r->runs_variance);
    assay_set_number(L, "z", r->runs_z);
    assay_set_number(L, "p_normal", r->p_runs);
    if (!isnan(r->p_runs_exact))
        assay_set_number(L, "p_exact", r->p_runs_exact);
    lua_setfield(L, -2, "runs");
    lua_createtable(L, 0, 5);
    assay_set_number(L, "rate", r->alternation);
    assay_set_number(L, "p_fair", r->p_alternation);
    assay_set_number(L, "expected_given_counts", r->alternation_expected);
    assay_set_number(L, "negative_recency", r->recency);
    assay_set_number(L, "p_negative_recency", r->p_recency);
    lua_setfield(L, -2, "alternation");
}

static void set_streaks(lua_State *L, const assay_binary_report *r)
{
    lua_createtable(L, (int)r->streak_bins, 0);
    for (size_t i = 0; i < r->streak_bins; i++) {
        lua_createtable(L, 0, 4);
        assay_set_integer(L, "length", (int64_t)i + 1);
        assay_set_integer(L, "n", (int64_t)r->streak[i]);
        assay_set_integer(L, "switch", (int64_t)r->streak_switches[i]);
        assay_set_number(L, "rate", (double)r->streak_switches[i] / (double)r->streak[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "streak");
    assay_set_number(L, "streak_slope", r->streak_slope);
}

static void set_randomness(lua_State *L, const assay_binary_report *r)
{
    assay_set_vector(L, "autocorrelation", r->autocorrelation, r->lags);
    assay_set_number(L, "ljung_box", r->ljung_box);
    assay_set_number(L, "p_ljung_box", r->p_ljung_box);
    lua_createtable(L, 0, 6);
    assay_set_integer(L, "size", (int64_t)r->block);
    assay_push_indices(L, r->block_count, (size_t)1 << r->block, 0);
    lua_setfield(L, -2, "counts");
    assay_set_number(L, "chi2", r->block_chi2);
    assay_set_integer(L, "dof", ((int64_t)1 << r->block) - 1);
    assay_set_number(L, "p", r->p_block);
    assay_set_number(L, "entropy", r->block_entropy);
    lua_setfield(L, -2, "blocks");
    lua_createtable(L, 0, 2);
    assay_set_integer(L, "length", (int64_t)r->longest_run);
    assay_set_number(L, "p_at_least", r->p_longest_run);
    lua_setfield(L, -2, "longest_run");
}

static void set_verdict(lua_State *L, const assay_binary_report *r, double alpha)
{
    static const char *const names[ASSAY_BINARY_QUESTIONS] = {
        "uniform", "independent", "markov", "no_negative_recency"};
    double adjusted[ASSAY_BINARY_QUESTIONS];
    bool holds[ASSAY_BINARY_QUESTIONS], all = true;
    assay_arg_status(L, assay_binary_verdict(r, alpha, adjusted, holds));
    lua_createtable(L, 0, ASSAY_BINARY_QUESTIONS + 2);
    lua_createtable(L, 0, ASSAY_BINARY_QUESTIONS);
    for (int i = 0; i < ASSAY_BINARY_QUESTIONS; i++)
        assay_set_number(L, names[i], adjusted[i]);
    lua_setfield(L, -2, "adjusted");
    for (int i = 0; i < ASSAY_BINARY_QUESTIONS; i++) {
        assay_set_boolean(L, names[i], holds[i]);
        all = all && holds[i];
    }
    assay_set_boolean(L, "random", all);
    lua_setfield(L, -2, "verdict");
}

/* binary_battery(x [, {batches=false, streak_max=4, lags=3, block=3, alpha=0.05}]) */
static int binary_battery(lua_State *L)
{
    static const char *const known[] = {"batches", "streak_max", "lags", "block", "alpha", NULL};
    assay_opts_check(L, 2, known);
    const double alpha = assay_opt_number(L, 2, "alpha", 0.05, ASSAY_POSITIVE, ASSAY_BELOW_1);
    const assay_binary_opts o = battery_options(L, 2);
    const series s =
        assay_opt_boolean(L, 2, "batches", false) ? several_batches(L, 1) : one_batch(L, 1, "x");
    assay_binary_report *r = assay_lua_scratch(L, 1, sizeof *r);
    assay_arg_status(L, assay_binary_battery(s.x, s.length, s.batches, &o, r));
    lua_createtable(L, 0, 20);
    set_rates(L, r);
    set_transitions(L, r);
    set_runs(L, r);
    set_streaks(L, r);
    set_randomness(L, r);
    set_verdict(L, r, alpha);
    return 1;
}

/* ---- exact distributions ---- */

/* runs_pmf(n1, n0): {runs = list, p = list} over the numbers of runs that can be */
static int runs_pmf(lua_State *L)
{
    const size_t n1 = (size_t)assay_arg_integer(L, 1, "n1", 0, 10000000);
    const size_t n0 = (size_t)assay_arg_integer(L, 2, "n0", 0, 10000000);
    const size_t fewer = n1 < n0 ? n1 : n0, least = fewer > 0 ? 2 : 1;
    const size_t most = fewer == 0 ? 1 : n1 == n0 ? 2 * n1 : 2 * fewer + 1;
    double *pmf = assay_lua_doubles(L, n1 + n0 + 1);
    assay_arg_status(L, assay_runs_pmf(n1, n0, pmf));
    lua_createtable(L, 0, 2);
    lua_createtable(L, (int)(most - least + 1), 0);
    for (size_t r = least; r <= most; r++) {
        lua_pushinteger(L, (lua_Integer)r);
        lua_rawseti(L, -2, (lua_Integer)(r - least + 1));
    }
    lua_setfield(L, -2, "runs");
    assay_set_vector(L, "p", pmf + least, most - least + 1);
    return 1;
}

/* longest_run_cdf(n, m): a list, or for a number m a number */
static int longest_run_cdf(lua_State *L)
{
    const size_t n = (size_t)assay_arg_integer(L, 1, "n", 1, 100000000);
    const bool single = lua_type(L, 2) == LUA_TNUMBER;
    size_t count = 0;
    const double *given = assay_arg_numbers(L, 2, "m", &count);
    size_t *m = assay_lua_scratch(L, count, sizeof *m);
    double *cdf = assay_lua_doubles(L, count);
    for (size_t i = 0; i < count; i++) {
        if (!(given[i] >= 0 && given[i] <= 0x1p53 && given[i] == floor(given[i])))
            assay_arg_error(
                L, "m[%zu] must be a whole number of at least 0, got %.14g", i + 1, given[i]);
        m[i] = (size_t)given[i];
    }
    assay_arg_status(L, assay_longest_run_cdf(n, m, count, cdf));
    if (single)
        lua_pushnumber(L, cdf[0]);
    else
        assay_push_vector(L, cdf, count);
    return 1;
}

/* ---- rates ---- */

/* temperature_rate(p, {temperature=}): the rate, and whether it is 1/2 by definition only */
static int temperature_rate(lua_State *L)
{
    static const char *const known[] = {"temperature", NULL};
    assay_opts_check(L, 2, known);
    const double p = assay_arg_number(L, 1, "p", 0, 1);
    const double t = assay_opt_required(L, 2, "temperature", 0, INFINITY);
    double rate = 0;
    assay_arg_status(L, assay_temperature_rate(p, t, &rate));
    lua_pushnumber(L, rate);
    lua_pushboolean(L, isinf(t) && (p == 0 || p == 1));
    return 2;
}

/* fit_temperature(temperatures, yes, n) */
static int fit_temperature(lua_State *L)
{
    size_t m = 0;
    assay_temperature_fit fit;
    const double *t = assay_arg_vector(L, 1, "temperatures", &m);
    const double *y = assay_arg_vector_of(L, 2, "yes", m);
    const double *n = assay_arg_vector_of(L, 3, "n", m);
    assay_arg_status(L, assay_fit_temperature(t, y, n, m, &fit));
    lua_createtable(L, 0, 6);
    assay_set_number(L, "delta", fit.delta);
    assay_set_number(L, "se", fit.se);
    assay_set_number(L, "rate", 1 / (1 + exp(-fit.delta)));
    assay_set_number(L, "chi2", fit.chi2);
    assay_set_integer(L, "dof", (int64_t)fit.dof);
    assay_set_number(L, "p", fit.p);
    return 1;
}

static double condition_number(lua_State *L, int at, const char *key)
{
    static const char *const known[] = {"yes", "n", NULL};
    assay_opts_check(L, at, known);
    return assay_opt_required(L, at, key, 0, ASSAY_FINITE);
}

/* compare_rates({yes=, n=}, {yes=, n=}) */
static int compare_rates(lua_State *L)
{
    assay_rate_test test;
    assay_arg_status(
        L, assay_compare_rates(condition_number(L, 1, "yes"), condition_number(L, 1, "n"),
               condition_number(L, 2, "yes"), condition_number(L, 2, "n"), &test));
    lua_createtable(L, 0, 4);
    assay_set_number(L, "difference", test.difference);
    assay_set_number(L, "z", test.z);
    assay_set_number(L, "p_z", test.p_z);
    assay_set_number(L, "p_fisher", test.p_fisher);
    return 1;
}

/* homogeneity(counts) */
static int homogeneity(lua_State *L)
{
    const assay_matrix counts = assay_arg_matrix(L, 1, "counts");
    double chi2 = 0, p = 0;
    size_t dof = 0;
    assay_arg_status(L, assay_homogeneity(&counts, &chi2, &dof, &p));
    lua_createtable(L, 0, 3);
    assay_set_number(L, "chi2", chi2);
    assay_set_integer(L, "dof", (int64_t)dof);
    assay_set_number(L, "p", p);
    return 1;
}

/* ---- replies ---- */

typedef struct vocabulary {
    const char *const *yes, *const *no;
} vocabulary;

/* An option that is a word or a list of words, as a list that ends with NULL. The table keeps the
 * strings. Pushes values that keep the memory. */
static const char *const *words_option(
    lua_State *L, int at, const char *key, const char *const *absent)
{
    if (!assay_opt_push(L, at, key))
        return absent;
    const int value = lua_gettop(L);
    const bool single = lua_type(L, value) == LUA_TSTRING;
    if (!single && lua_type(L, value) != LUA_TTABLE)
        assay_arg_error(
            L, "%s must be a word or a list of words, got a %s", key, luaL_typename(L, value));
    const size_t count = single ? 1 : (size_t)luaL_len(L, value);
    const char **words = assay_lua_scratch(L, count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++) {
        if (single)
            lua_pushvalue(L, value);
        else
            lua_geti(L, value, (lua_Integer)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            assay_arg_error(
                L, "%s[%zu] must be a word, got a %s", key, i + 1, luaL_typename(L, -1));
        words[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    words[count] = NULL;
    return words;
}

static vocabulary words_options(lua_State *L, int at)
{
    static const char *const yes[] = {"yes", NULL}, *const no[] = {"no", NULL};
    return (vocabulary){words_option(L, at, "yes", yes), words_option(L, at, "no", no)};
}

static const char *const word_options[] = {"yes", "no", NULL};

/* parse_binary(text [, {yes="yes", no="no"}]): 1, 0 or nil */
static int parse_binary(lua_State *L)
{
    assay_opts_check(L, 2, word_options);
    int value = -1;
    const char *text = assay_arg_string(L, 1, "text");
    const vocabulary v = words_options(L, 2);
    assay_arg_status(L, assay_parse_binary(text, v.yes, v.no, &value));
    if (value < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, value);
    return 1;
}

/* Pushes the answers of a list, and returns how many pieces had none. */
static size_t push_list(lua_State *L, const char *text, vocabulary v)
{
    size_t n = 0, other = 0;
    const size_t cap = strlen(text); /* no answer is shorter than a byte */
    unsigned char *x = assay_lua_scratch(L, cap, 1);
    assay_arg_status(L, assay_parse_binary_list(text, v.yes, v.no, x, cap, &n, &other));
    push_answers(L, x, n);
    lua_remove(L, -2);
    return other;
}

/* parse_binary_list(text [, {yes="yes", no="no"}]): the answers, and how many pieces had none */
static int parse_binary_list(lua_State *L)
{
    assay_opts_check(L, 2, word_options);
    const char *text = assay_arg_string(L, 1, "text");
    const vocabulary v = words_options(L, 2);
    const size_t other = push_list(L, text, v);
    lua_pushinteger(L, (lua_Integer)other);
    return 2;
}

/* ask(prompt, {n=, temperature=}) leaves its list of n replies at the index that is returned. */
static int ask(lua_State *L, size_t n)
{
    lua_pushvalue(L, 1);
    lua_getfield(L, 2, "prompt");
    lua_createtable(L, 0, 2);
    assay_set_integer(L, "n", (int64_t)n);
    lua_getfield(L, 2, "temperature");
    lua_setfield(L, -2, "temperature");
    lua_call(L, 2, 1);
    if (!lua_istable(L, -1))
        assay_arg_error(L, "ask must return a list of replies, got a %s", luaL_typename(L, -1));
    if ((size_t)luaL_len(L, -1) != n)
        assay_arg_error(L, "ask must return %zu replies, got %d", n, (int)luaL_len(L, -1));
    return lua_gettop(L);
}

static const char *reply_at(lua_State *L, int replies, size_t i)
{
    if (lua_geti(L, replies, (lua_Integer)i + 1) != LUA_TSTRING)
        assay_arg_error(
            L, "reply %zu of ask must be a text, got a %s", i + 1, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

/* One answer a reply: into the list at `list`; returns how many could not be parsed. */
static size_t collect_answers(lua_State *L, int replies, size_t n, vocabulary v, int list)
{
    size_t unparsable = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        int value = -1;
        assay_arg_status(L, assay_parse_binary(reply_at(L, replies, i), v.yes, v.no, &value));
        unparsable += value < 0;
        if (value >= 0) {
            lua_pushinteger(L, value);
            lua_rawseti(L, list, (lua_Integer)++kept);
        }
        lua_settop(L, list);
    }
    return unparsable;
}

/* A list of answers a reply. */
static size_t collect_batches(lua_State *L, int replies, size_t n, vocabulary v, int list)
{
    size_t unparsable = 0;
    for (size_t i = 0; i < n; i++) {
        unparsable += push_list(L, reply_at(L, replies, i), v);
        lua_rawseti(L, list, (lua_Integer)i + 1);
        lua_settop(L, list);
    }
    return unparsable;
}

/* collect_binary(ask, {prompt=, n=, mode="one_shot"|"few_shot", temperature=, yes="yes", no="no"}):
 * {x = answers or batches, asked = n, unparsable = replies or pieces without an answer} */
static int collect_binary(lua_State *L)
{
    static const char *const known[] = {"prompt", "n", "mode", "temperature", "yes", "no", NULL};
    static const char *const modes[] = {"one_shot", "few_shot", NULL};
    if (lua_type(L, 1) != LUA_TFUNCTION)
        assay_arg_error(L, "ask must be a function (prompt, {n=, temperature=}), got a %s",
            luaL_typename(L, 1));
    assay_opts_check(L, 2, known);
    if (!assay_opt_string(L, 2, "prompt", NULL))
        assay_arg_error(L, "prompt must be given");
    assay_opt_number(L, 2, "temperature", 1, 0, INFINITY); /* is a number, if it is there */
    const size_t n = (size_t)assay_opt_integer(L, 2, "n", 0, 1, 10000000);
    if (n == 0)
        assay_arg_error(L, "n must be given");
    const bool few = assay_opt_choice(L, 2, "mode", 0, modes) == 1;
    const vocabulary v = words_options(L, 2);
    const int replies = ask(L, n);
    lua_newtable(L);
    const int list = lua_gettop(L);
    const size_t unparsable =
        few ? collect_batches(L, replies, n, v, list) : collect_answers(L, replies, n, v, list);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, list);
    lua_setfield(L, -2, "x");
    assay_set_integer(L, "asked", (int64_t)n);
    assay_set_integer(L, "unparsable", (int64_t)unparsable);
    return 1;
}

/* ---- generators and references ---- */

/* binary_chain{n=, rng=, switch={.55, .6, .65, .7}, p_first=0.5, batches=}: a list, or with
 * batches a list of so many lists */
static int binary_chain(lua_State *L)
{
    static const char *const known[] = {"n", "rng", "switch", "p_first", "batches", NULL};
    static const double people[] = {0.55, 0.6, 0.65, 0.7};
    assay_opts_check(L, 1, known);
    const size_t n = (size_t)assay_opt_integer(L, 1, "n", -1, 0, 100000000);
    if (n == (size_t)-1)
        assay_arg_error(L, "n must be given");
    const int64_t batches = assay_opt_integer(L, 1, "batches", 0, 1, 10000000);
    const double p_first = assay_opt_number(L, 1, "p_first", 0.5, 0, 1);
    assay_rng *rng = assay_required_rng(L, 1);
    size_t levels = sizeof people / sizeof *people;
    const double *chance =
        assay_opt_push(L, 1, "switch") ? assay_arg_numbers(L, -1, "switch", &levels) : people;
    unsigned char *x = assay_lua_scratch(L, n, 1);
    if (batches > 0)
        lua_createtable(L, (int)batches, 0);
    for (int64_t b = 0; b < (batches > 0 ? batches : 1); b++) {
        assay_arg_status(L, assay_binary_chain(rng, n, p_first, chance, levels, x));
        push_answers(L, x, n);
        if (batches > 0)
            lua_rawseti(L, -2, b + 1);
    }
    return 1;
}

/* The shape that n and batches give: one series of n, so many batches of n, or batches of the
 * lengths of a list. Pushes values that keep the memory. */
static series reference_shape(lua_State *L)
{
    series s = {.batches = 1};
    const int64_t n = assay_opt_integer(L, 1, "n", 0, 1, 100000000);
    const bool given = assay_opt_push(L, 1, "batches");
    if (given && lua_type(L, -1) == LUA_TTABLE) {
        if (n > 0)
            assay_arg_error(L, "batches as a list of lengths leaves no n to give");
        s.length = assay_arg_indices(L, -1, "batches", 0, 100000001, &s.batches);
    } else {
        if (n == 0)
            assay_arg_error(L, "n must be given");
        s.batches = (size_t)assay_opt_integer(L, 1, "batches", 1, 1, 10000000);
        size_t *length = assay_lua_scratch(L, s.batches, sizeof *length);
        for (size_t b = 0; b < s.batches; b++)
            length[b] = (size_t)n;
        s.length = length;
    }
    for (size_t b = 0; b < s.batches; b++)
        s.n += s.length[b];
    if (s.n == 0 || s.n > 100000000)
        assay_arg_error(L, "a series must have 1..10^8 answers, got %zu", s.n);
    return s;
}

/* Column j without its NaNs. */
static size_t column_of(const assay_matrix *m, size_t j, double *column)
{
    size_t n = 0;
    for (size_t i = 0; i < m->rows; i++)
        if (!isnan(*assay_matrix_at(m, i, j)))
            column[n++] = *assay_matrix_at(m, i, j);
    return n;
}

/* statistics = {NAME = {mean=, low=, high=}} in the table on top */
static void set_envelopes(lua_State *L, const assay_matrix *m, double level, double *column)
{
    lua_createtable(L, 0, ASSAY_BINARY_STATISTICS);
    for (size_t j = 0; j < m->cols; j++) {
        const double ends[2] = {(1 - level) / 2, (1 + level) / 2};
        double bounds[2] = {(double)NAN, (double)NAN};
        const size_t n = column_of(m, j, column);
        if (n > 0)
            assay_arg_status(L, assay_quantiles(column, n, ends, 2, bounds));
        lua_createtable(L, 0, 3);
        assay_set_number(L, "mean", assay_mean(column, n));
        assay_set_number(L, "low", bounds[0]);
        assay_set_number(L, "high", bounds[1]);
        lua_setfield(L, -2, assay_binary_statistic_name(j));
    }
    lua_setfield(L, -2, "statistics");
}

/* rejected = {TEST = share of series with p <= alpha} in the table on top */
static void set_rejections(lua_State *L, const assay_matrix *p, double alpha)
{
    lua_createtable(L, 0, ASSAY_BINARY_TESTS);
    for (size_t j = 0; j < p->cols; j++) {
        double count = 0;
        for (size_t i = 0; i < p->rows; i++)
            count += *assay_matrix_at(p, i, j) <= alpha;
        assay_set_number(L, assay_binary_test_name(j), count / (double)p->rows);
    }
    lua_setfield(L, -2, "rejected");
}

/* The series that option `series` gives, at least reps times n long, or NULL. */
static const unsigned char *series_option(lua_State *L, bool wanted, size_t n, size_t reps)
{
    size_t length = 0;
    const bool given = assay_opt_push(L, 1, "series");
    if (given != wanted)
        assay_arg_error(L, "series belongs to the source \"series\", which needs it");
    if (!given)
        return NULL;
    const unsigned char *x = assay_arg_flags(L, -1, "series", &length);
    if (length / reps < n)
        assay_arg_error(
            L, "series must have reps * %zu = %zu answers, got %zu", n, reps * n, length);
    return x;
}

/* random_reference{n=, batches=, reps=1000, source="philox"|"os"|"series", rng=, series=,
 * level=0.95, alpha=0.05, streak_max=4, lags=3, block=3, progress=} */
static int random_reference(lua_State *L)
{
    static const char *const known[] = {"n", "batches", "reps", "source", "rng", "series", "level",
        "alpha", "streak_max", "lags", "block", "progress", NULL};
    static const char *const sources[] = {"philox", "os", "series", NULL};
    enum { PHILOX, OS, SERIES };
    assay_opts_check(L, 1, known);
    const assay_binary_opts o = battery_options(L, 1);
    const double level = assay_opt_number(L, 1, "level", 0.95, ASSAY_POSITIVE, ASSAY_BELOW_1);
    const double alpha = assay_opt_number(L, 1, "alpha", 0.05, ASSAY_POSITIVE, ASSAY_BELOW_1);
    const size_t reps = (size_t)assay_opt_integer(L, 1, "reps", 1000, 1, 10000000);
    const int source = assay_opt_choice(L, 1, "source", PHILOX, sources);
    assay_rng *rng = source == PHILOX ? assay_required_rng(L, 1) : NULL;
    const series s = reference_shape(L);
    const unsigned char *x = series_option(L, source == SERIES, s.n, reps);
    assay_matrix statistics = assay_push_matrix(L, reps, ASSAY_BINARY_STATISTICS);
    assay_matrix p = assay_push_matrix(L, reps, ASSAY_BINARY_TESTS);
    double *column = assay_lua_doubles(L, reps);
    assay_lua_report report;
    assay_lua_report_begin(L, 1, &report);
    assay_lua_report_end(&report, assay_binary_reference(s.length, s.batches, &o, reps, rng, x,
                                      &report.progress, &statistics, &p));
    lua_createtable(L, 0, 3);
    assay_set_integer(L, "reps", (int64_t)reps);
    set_envelopes(L, &statistics, level, column);
    set_rejections(L, &p, alpha);
    return 1;
}

const luaL_Reg assay_lua_binary_bias[] = {
    {"binary_battery", binary_battery},
    {"runs_pmf", runs_pmf},
    {"longest_run_cdf", longest_run_cdf},
    {"temperature_rate", temperature_rate},
    {"fit_temperature", fit_temperature},
    {"compare_rates", compare_rates},
    {"homogeneity", homogeneity},
    {"parse_binary", parse_binary},
    {"parse_binary_list", parse_binary_list},
    {"collect_binary", collect_binary},
    {"binary_chain", binary_chain},
    {"random_reference", random_reference},
    {NULL, NULL},
};
