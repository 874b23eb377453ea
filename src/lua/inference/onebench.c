/*
 * One pool of test items, for Lua (methods/inference/onebench.h).
 *
 * A table of scores is a matrix, or a nested list in which nil is not measured. What reads files
 * and picks items is Lua, in assay/pool.lua.
 */
#include "lua/args.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/rank.h"
#include "core/status.h"
#include "methods/inference/onebench.h"

static assay_matrix scores_argument(lua_State *L)
{
    return assay_arg_matrix_with_gaps(L, 1, "scores");
}

static void copy_matrix(const assay_matrix *from, assay_matrix *to)
{
    for (size_t i = 0; i < from->rows; i++)
        memcpy(assay_matrix_row(to, i), assay_matrix_row(from, i), from->cols * sizeof *from->data);
}

/* ---- orders ---- */

/* to_pairwise(scores): {wins=, ties=, counts=wins + ties, comparisons=} */
static int to_pairwise(lua_State *L)
{
    const assay_matrix scores = scores_argument(L);
    lua_createtable(L, 0, 4);
    const int result = lua_gettop(L);
    assay_matrix counts = assay_push_matrix(L, scores.rows, scores.rows);
    assay_matrix wins = assay_push_matrix(L, scores.rows, scores.rows);
    assay_matrix ties = assay_push_matrix(L, scores.rows, scores.rows);
    assay_arg_status(L, assay_to_pairwise(&scores, &wins, &ties));
    double comparisons = 0;
    for (size_t i = 0; i < scores.rows; i++)
        for (size_t j = 0; j < scores.rows; j++) {
            const double won = *assay_matrix_at(&wins, i, j), tied = *assay_matrix_at(&ties, i, j);
            *assay_matrix_at(&counts, i, j) = won + tied;
            comparisons += won + tied / 2;
        }
    lua_setfield(L, result, "ties");
    lua_setfield(L, result, "wins");
    lua_setfield(L, result, "counts");
    assay_set_number(L, "comparisons", comparisons);
    return 1;
}

/* What a primitive allocated is freed by a box on the stack, whatever raises meanwhile. */
static int free_top1(lua_State *L)
{
    assay_top1_free(lua_touserdata(L, 1));
    return 0;
}

static int free_rankings(lua_State *L)
{
    assay_ranking_free(lua_touserdata(L, 1));
    return 0;
}

/* to_top1(scores): {winner={...}, losers={{...}, ...}} */
static int to_top1(lua_State *L)
{
    const assay_matrix scores = scores_argument(L);
    assay_top1_list *list = assay_lua_owner(L, sizeof *list, free_top1);
    assay_arg_status(L, assay_to_top1(&scores, list));
    lua_createtable(L, 0, 2);
    const int result = lua_gettop(L), room = list->count < INT32_MAX ? (int)list->count : 0;
    lua_createtable(L, room, 0);
    lua_createtable(L, room, 0);
    for (size_t r = 0; r < list->count; r++) {
        lua_pushinteger(L, (lua_Integer)list->record[r].winner + 1);
        lua_rawseti(L, -3, (lua_Integer)r + 1);
        assay_push_indices(L, list->record[r].losers, list->record[r].n, 1);
        lua_rawseti(L, -2, (lua_Integer)r + 1);
    }
    lua_setfield(L, result, "losers");
    lua_setfield(L, result, "winner");
    assay_top1_free(list);
    return 1;
}

/* to_rankings(scores): a list of rankings */
static int to_rankings(lua_State *L)
{
    const assay_matrix scores = scores_argument(L);
    assay_ranking_list *list = assay_lua_owner(L, sizeof *list, free_rankings);
    assay_arg_status(L, assay_to_rankings(&scores, list));
    lua_createtable(L, list->count < INT32_MAX ? (int)list->count : 0, 0);
    for (size_t r = 0; r < list->count; r++) {
        assay_push_indices(L, list->ranking[r].order, list->ranking[r].n, 1);
        lua_rawseti(L, -2, (lua_Integer)r + 1);
    }
    assay_ranking_free(list);
    return 1;
}

/* to_matches(scores): a matrix, a match {i, j, result} a row */
static int to_matches(lua_State *L)
{
    size_t n = 0;
    const assay_matrix scores = scores_argument(L);
    assay_arg_status(L, assay_to_matches(&scores, NULL, &n));
    assay_match *match = assay_lua_scratch(L, n, sizeof *match);
    assay_matrix out = assay_push_matrix(L, n, 3);
    assay_arg_status(L, assay_to_matches(&scores, match, &n));
    for (size_t m = 0; m < n; m++) {
        double *row = assay_matrix_row(&out, m);
        row[0] = (double)match[m].i + 1;
        row[1] = (double)match[m].j + 1;
        row[2] = match[m].result;
    }
    return 1;
}

/* comparison_components(counts): {components={{...}, ...}, component={...}} */
static int comparison_components(lua_State *L)
{
    const assay_matrix counts = assay_arg_matrix(L, 1, "counts");
    size_t *component = assay_lua_scratch(L, counts.rows, sizeof *component), n = 0;
    assay_arg_status(L, assay_comparison_components(&counts, component, &n));
    lua_createtable(L, 0, 2);
    lua_createtable(L, (int)n, 0);
    for (size_t c = 0; c < n; c++) {
        lua_newtable(L);
        for (size_t i = 0, members = 0; i < counts.rows; i++)
            if (component[i] == c) {
                lua_pushinteger(L, (lua_Integer)i + 1);
                lua_rawseti(L, -2, (lua_Integer)++members);
            }
        lua_rawseti(L, -2, (lua_Integer)c + 1);
    }
    lua_setfield(L, -2, "components");
    assay_push_indices(L, component, counts.rows, 1);
    lua_setfield(L, -2, "component");
    return 1;
}

/* ---- Plackett-Luce ---- */

static const char *const method_names[] = {"ilsr", "lsr", "mm", "newton", NULL};
static const assay_pl_method methods[] = {
    ASSAY_PL_ILSR, ASSAY_PL_LSR, ASSAY_PL_MM, ASSAY_PL_NEWTON};

typedef enum data_kind { DATA_DENSE, DATA_PAIRS, DATA_TOP1, DATA_RANKINGS } data_kind;

/* The data at argument 1; its memory is on the stack. */
typedef struct luce_data {
    data_kind kind;
    size_t models;
    assay_matrix counts;
    assay_top1 *record;
    assay_ranking *ranking;
    size_t n;
} luce_data;

/* Option items, or 0: as many as the data name. */
static size_t items_option(lua_State *L, int at)
{
    return (size_t)assay_opt_integer(L, at, "items", 0, 1, 20000);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The limit of the numbers of models: those there are, or else a bound of all. */
static size_t model_limit(size_t items)
{
    return items ? items : 20000;
}

/* Pairs {winner, loser}, counted. */
static void read_pairs(lua_State *L, luce_data *d, size_t items)
{
    const assay_matrix pairs = assay_arg_matrix(L, 1, "data");
    if (pairs.rows > 0 && pairs.cols != 2)
        assay_arg_error(L, "data must be pairs {winner, loser}, got rows of %zu", pairs.cols);
    size_t *model = assay_lua_scratch(L, 2 * pairs.rows, sizeof *model);
    for (size_t p = 0; p < 2 * pairs.rows; p++) {
        const double m = *assay_matrix_at(&pairs, p / 2, p % 2);
        if (!(m >= 1 && m <= (double)model_limit(items) && m == floor(m)))
            assay_arg_error(L, "data[%zu][%zu] must be an integer in 1..%zu, got %.14g", p / 2 + 1,
                p % 2 + 1, model_limit(items), isnan(m) ? (double)NAN : m);
        model[p] = (size_t)m - 1;
        d->models = larger(d->models, (size_t)m);
    }
    d->models = items ? items : d->models;
    d->counts = assay_push_matrix(L, d->models, d->models);
    for (size_t p = 0; p < pairs.rows; p++) {
        if (model[2 * p] == model[2 * p + 1])
            assay_arg_error(
                L, "data[%zu] must be two models, got %zu twice", p + 1, model[2 * p] + 1);
        *assay_matrix_at(&d->counts, model[2 * p], model[2 * p + 1]) += 1;
    }
}

/* List number i of the table at `at`, as model numbers from 0, kept in the table at `kept`. */
static const size_t *read_models(
    lua_State *L, int at, int kept, const char *name, size_t i, size_t limit, size_t *n)
{
    char list_name[64];
    snprintf(list_name, sizeof list_name, "%s[%zu]", name, i + 1);
    lua_geti(L, at, (lua_Integer)i + 1);
    const size_t *models = assay_arg_indices(L, -1, list_name, 1, limit, n);
    lua_rawseti(L, kept, (lua_Integer)i + 1);
    lua_pop(L, 1);
    return models;
}

static size_t largest_of(const size_t *models, size_t n, size_t most)
{
    for (size_t i = 0; i < n; i++)
        most = larger(most, models[i] + 1);
    return most;
}

static void read_top1(lua_State *L, luce_data *d, size_t items)
{
    if (!lua_istable(L, 1))
        assay_arg_error(L, "data must be {winner=, losers=}, got a %s", luaL_typename(L, 1));
    assay_opt_push(L, 1, "winner");
    const size_t *winner = assay_arg_indices(L, -1, "data.winner", 1, model_limit(items), &d->n);
    assay_opt_push(L, 1, "losers");
    const int losers = lua_gettop(L);
    if (!lua_istable(L, losers) || (size_t)luaL_len(L, losers) != d->n)
        assay_arg_error(L, "data.losers must be a list of %zu lists, as data.winner has", d->n);
    d->record = assay_lua_scratch(L, d->n, sizeof *d->record);
    lua_newtable(L);
    const int kept = lua_gettop(L);
    for (size_t r = 0; r < d->n; r++) {
        assay_top1 *record = &d->record[r];
        record->winner = winner[r];
        record->losers =
            read_models(L, losers, kept, "data.losers", r, model_limit(items), &record->n);
        d->models = larger(largest_of(record->losers, record->n, winner[r] + 1), d->models);
    }
    d->models = items ? items : d->models;
}

static void read_rankings(lua_State *L, luce_data *d, size_t items)
{
    if (!lua_istable(L, 1))
        assay_arg_error(L, "data must be a list of rankings, got a %s", luaL_typename(L, 1));
    d->n = (size_t)luaL_len(L, 1);
    d->ranking = assay_lua_scratch(L, d->n, sizeof *d->ranking);
    lua_newtable(L);
    const int kept = lua_gettop(L);
    for (size_t r = 0; r < d->n; r++) {
        assay_ranking *ranking = &d->ranking[r];
        ranking->order = read_models(L, 1, kept, "data", r, model_limit(items), &ranking->n);
        d->models = largest_of(ranking->order, ranking->n, d->models);
    }
    d->models = items ? items : d->models;
}

static luce_data data_argument(lua_State *L)
{
    static const char *const kinds[] = {"pairwise_dense", "pairwise", "top1", "rankings", NULL};
    const size_t items = items_option(L, 2);
    luce_data d = {.kind = (data_kind)assay_opt_choice(L, 2, "data", 0, kinds)};
    if (d.kind == DATA_PAIRS) {
        read_pairs(L, &d, items);
    } else if (d.kind == DATA_TOP1) {
        read_top1(L, &d, items);
    } else if (d.kind == DATA_RANKINGS) {
        read_rankings(L, &d, items);
    } else {
        d.counts = assay_arg_matrix(L, 1, "counts");
        d.models = d.counts.rows;
        if (items && items != d.models)
            assay_arg_error(L, "items must be %zu as counts has rows, got %zu", d.models, items);
    }
    return d;
}

static int run_luce(const luce_data *d, const assay_pl_opts *o, double *theta, assay_pl_info *info)
{
    if (d->kind == DATA_TOP1)
        return assay_pl_top1(d->models, d->record, d->n, o, theta, info);
    if (d->kind == DATA_RANKINGS)
        return assay_pl_rankings(d->models, d->ranking, d->n, o, theta, info);
    return assay_pl_pairwise_dense(&d->counts, o, theta, info);
}

static void push_luce(lua_State *L, const double *theta, const assay_pl_info *info, size_t models)
{
    lua_createtable(L, 0, 6);
    assay_set_vector(L, "theta", theta, models);
    assay_set_number(L, "log_likelihood", info->log_likelihood);
    assay_set_integer(L, "iterations", (int64_t)info->iterations);
    if (!isnan(info->change))
        assay_set_number(L, "change", info->change);
    if (info->se)
        assay_set_vector(L, "se", info->se, models);
    lua_newtable(L);
    for (size_t i = 0, n = 0; i < models; i++)
        if (info->unmeasured[i]) {
            lua_pushinteger(L, (lua_Integer)i + 1);
            lua_rawseti(L, -2, (lua_Integer)++n);
        }
    lua_setfield(L, -2, "unmeasured");
}

/* plackett_luce(data [, {data="pairwise_dense", items=, alpha=0.01, method="ilsr", tol=1e-8,
 * max_iter=1000, init=, se=false, progress=}]) */
static int plackett_luce(lua_State *L)
{
    static const char *const known[] = {
        "data", "items", "alpha", "method", "tol", "max_iter", "init", "se", "progress", NULL};
    assay_opts_check(L, 2, known);
    const luce_data d = data_argument(L);
    assay_pl_opts o = {.alpha = assay_opt_number(L, 2, "alpha", 0.01, 0, ASSAY_FINITE),
        .method = methods[assay_opt_choice(L, 2, "method", 0, method_names)],
        .tol = assay_opt_number(L, 2, "tol", 1e-8, ASSAY_POSITIVE, ASSAY_FINITE),
        .max_iter = (size_t)assay_opt_integer(L, 2, "max_iter", 1000, 1, INT32_MAX)};
    if (assay_opt_push(L, 2, "init")) {
        size_t n = 0;
        o.init = assay_arg_vector(L, -1, "init", &n);
        if (n != d.models)
            assay_arg_error(L, "init must have %zu numbers, one a model, got %zu", d.models, n);
    }
    double *theta = assay_lua_doubles(L, d.models);
    assay_pl_info info = {.unmeasured = assay_lua_scratch(L, d.models, sizeof *info.unmeasured)};
    if (assay_opt_boolean(L, 2, "se", false))
        info.se = assay_lua_doubles(L, d.models);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    o.progress = &report.progress;
    assay_lua_report_end(&report, run_luce(&d, &o, theta, &info));
    push_luce(L, theta, &info, d.models);
    return 1;
}

/* ---- baselines ---- */

static assay_matrix square_argument(lua_State *L, int at, const char *name)
{
    const assay_matrix m = assay_arg_matrix(L, at, name);
    if (m.rows != m.cols)
        assay_arg_error(L, "%s must be square, got %zu x %zu", name, m.rows, m.cols);
    return m;
}

/* bradley_terry(wins, ties [, {scale=400, base=10, init=1000, alpha=0}]) */
static int bradley_terry(lua_State *L)
{
    static const char *const known[] = {"scale", "base", "init", "alpha", NULL};
    assay_opts_check(L, 3, known);
    const assay_matrix wins = square_argument(L, 1, "wins"), ties = square_argument(L, 2, "ties");
    const double scale = assay_opt_number(L, 3, "scale", 400, ASSAY_POSITIVE, ASSAY_FINITE);
    const double base = assay_opt_number(L, 3, "base", 10, 1, ASSAY_FINITE);
    const double init = assay_opt_number(L, 3, "init", 1000, -ASSAY_FINITE, ASSAY_FINITE);
    const double alpha = assay_opt_number(L, 3, "alpha", 0, 0, ASSAY_FINITE);
    double *rating = assay_lua_doubles(L, wins.rows);
    assay_arg_status(L, assay_bradley_terry_rating(&wins, &ties, scale, base, init, alpha, rating));
    assay_push_vector(L, rating, wins.rows);
    return 1;
}

/* A row {i, j, result} of the matches. */
static assay_match match_of(lua_State *L, const assay_matrix *rows, size_t m, size_t limit)
{
    const double *row = assay_matrix_row(rows, m);
    for (size_t k = 0; k < 2; k++)
        if (!(row[k] >= 1 && row[k] <= (double)limit && row[k] == floor(row[k])))
            assay_arg_error(L, "matches[%zu][%zu] must be an integer in 1..%zu, got %.14g", m + 1,
                k + 1, limit, isnan(row[k]) ? (double)NAN : row[k]);
    return (assay_match){(size_t)row[0] - 1, (size_t)row[1] - 1, row[2]};
}

static void shuffle(assay_rng *rng, assay_match *match, size_t n)
{
    for (size_t m = n; m > 1; m--) {
        const size_t other = (size_t)assay_rng_below(rng, m);
        const assay_match kept = match[m - 1];
        match[m - 1] = match[other];
        match[other] = kept;
    }
}

/* elo(matches [, {k=4, scale=400, base=10, init=1000, items=, rng=}]) */
static int elo(lua_State *L)
{
    static const char *const known[] = {"k", "scale", "base", "init", "items", "rng", NULL};
    assay_opts_check(L, 2, known);
    const assay_elo_opts o = {assay_opt_number(L, 2, "k", 4, 0, ASSAY_FINITE),
        assay_opt_number(L, 2, "scale", 400, ASSAY_POSITIVE, ASSAY_FINITE),
        assay_opt_number(L, 2, "base", 10, 1, ASSAY_FINITE),
        assay_opt_number(L, 2, "init", 1000, -ASSAY_FINITE, ASSAY_FINITE)};
    size_t models = items_option(L, 2);
    assay_rng *rng = assay_opt_rng(L, 2, "rng");
    const assay_matrix rows = assay_arg_matrix(L, 1, "matches");
    if (rows.rows > 0 && rows.cols != 3)
        assay_arg_error(L, "matches must be rows {i, j, result}, got rows of %zu", rows.cols);
    assay_match *match = assay_lua_scratch(L, rows.rows, sizeof *match);
    const size_t limit = model_limit(models);
    for (size_t m = 0; m < rows.rows; m++) {
        match[m] = match_of(L, &rows, m, limit);
        models = larger(models, larger(match[m].i, match[m].j) + 1);
    }
    if (rng)
        shuffle(rng, match, rows.rows);
    double *rating = assay_lua_doubles(L, models);
    assay_arg_status(L, assay_elo(match, rows.rows, models, &o, rating));
    assay_push_vector(L, rating, models);
    return 1;
}

typedef int vote(const assay_matrix *wins, const assay_matrix *ties, double *score);

static int push_vote(lua_State *L, vote *primitive)
{
    const assay_matrix wins = square_argument(L, 1, "wins"), ties = square_argument(L, 2, "ties");
    double *score = assay_lua_doubles(L, wins.rows);
    assay_arg_status(L, primitive(&wins, &ties, score));
    assay_push_vector(L, score, wins.rows);
    return 1;
}

/* borda(wins, ties), dowdall(wins, ties) */
static int borda(lua_State *L)
{
    return push_vote(L, assay_borda);
}

static int dowdall(lua_State *L)
{
    return push_vote(L, assay_dowdall);
}

/* Option groups, one an item, or NULL. */
static const size_t *groups_option(lua_State *L, int at, size_t items)
{
    size_t n = 0;
    if (!assay_opt_push(L, at, "groups"))
        return NULL;
    const size_t *group = assay_arg_groups(L, -1, "groups", &n);
    if (n != items)
        assay_arg_error(L, "groups must have %zu entries, one an item, got %zu", items, n);
    return group;
}

/* mean_score(scores [, {groups=}]): {mean=, normalized=} */
static int mean_score(lua_State *L)
{
    static const char *const known[] = {"groups", NULL};
    assay_opts_check(L, 2, known);
    const assay_matrix scores = scores_argument(L);
    const size_t *group = groups_option(L, 2, scores.cols);
    double *mean = assay_lua_doubles(L, scores.rows);
    double *normalized = assay_lua_doubles(L, scores.rows);
    assay_arg_status(L, assay_mean_score(&scores, group, mean, normalized));
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "mean", mean, scores.rows);
    assay_set_vector(L, "normalized", normalized, scores.rows);
    return 1;
}

/* ---- agreement ---- */

/* Two vectors of equal length at arguments 1 and 2. */
static const double *two_vectors(lua_State *L, const double **b, size_t *n)
{
    size_t nb = 0;
    const double *a = assay_arg_vector(L, 1, "a", n);
    *b = assay_arg_vector(L, 2, "b", &nb);
    if (nb != *n)
        assay_arg_error(L, "b must have %zu values as a has, got %zu", *n, nb);
    return a;
}

/* kendall_tau(a, b) */
static int kendall_tau(lua_State *L)
{
    size_t n = 0;
    double tau = 0;
    const double *b = NULL, *a = two_vectors(L, &b, &n);
    assay_arg_status(L, assay_kendall_tau(a, b, n, &tau));
    lua_pushnumber(L, tau);
    return 1;
}

/* top_k_precision(a, b, {k=}) */
static int top_k_precision(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    assay_opts_check(L, 3, known);
    size_t n = 0;
    double precision = 0;
    const double *b = NULL, *a = two_vectors(L, &b, &n);
    const int64_t k = assay_opt_integer(L, 3, "k", 0, 1, INT64_MAX);
    assay_arg_status(L, assay_top_k_precision(a, b, n, (size_t)k, &precision));
    lua_pushnumber(L, precision);
    return 1;
}

/* rank_distance(a, b) */
static int rank_distance(lua_State *L)
{
    size_t n = 0;
    double distance = 0;
    const double *b = NULL, *a = two_vectors(L, &b, &n);
    assay_arg_status(L, assay_rank_distance(a, b, n, &distance));
    lua_pushnumber(L, distance);
    return 1;
}

/* separability(counts, {rng=, alpha=0.01, method="ilsr"}): {share=, consistent=, pairs=} */
static int separability(lua_State *L)
{
    static const char *const known[] = {"rng", "alpha", "method", NULL};
    assay_opts_check(L, 2, known);
    const assay_matrix counts = square_argument(L, 1, "counts");
    const size_t n = counts.rows;
    assay_rng *rng = assay_required_rng(L, 2);
    const assay_pl_opts o = {.alpha = assay_opt_number(L, 2, "alpha", 0.01, 0, ASSAY_FINITE),
        .method = methods[assay_opt_choice(L, 2, "method", 0, method_names)]};
    assay_matrix first = assay_push_matrix(L, n, n), second = assay_push_matrix(L, n, n);
    double *theta = assay_lua_doubles(L, 3 * n), share = 0;
    size_t consistent = 0;
    assay_arg_status(L, assay_comparisons_split(&counts, rng, &first, &second));
    assay_arg_status(L, assay_pl_pairwise_dense(&first, &o, theta, NULL));
    assay_arg_status(L, assay_pl_pairwise_dense(&second, &o, theta + n, NULL));
    assay_arg_status(L, assay_pl_pairwise_dense(&counts, &o, theta + 2 * n, NULL));
    assay_arg_status(
        L, assay_separability(theta, theta + n, theta + 2 * n, n, &share, &consistent));
    lua_createtable(L, 0, 3);
    assay_set_number(L, "share", share);
    assay_set_integer(L, "consistent", (int64_t)consistent);
    assay_set_integer(L, "pairs", (int64_t)(n * (n - 1) / 2));
    return 1;
}

/* ---- pools ---- */

/* sparsify(scores, {fraction=, mode="cells", kappa=8, groups=, rng=}): a matrix */
static int sparsify(lua_State *L)
{
    static const char *const known[] = {"fraction", "mode", "kappa", "groups", "rng", NULL};
    static const char *const modes[] = {"cells", "items", "models", "confounded", NULL};
    static const assay_sparsify_mode mode_of[] = {ASSAY_SPARSIFY_CELLS, ASSAY_SPARSIFY_ITEMS,
        ASSAY_SPARSIFY_MODELS, ASSAY_SPARSIFY_CONFOUNDED};
    assay_opts_check(L, 2, known);
    const assay_matrix scores = scores_argument(L);
    const assay_sparsify_opts o = {.mode = mode_of[assay_opt_choice(L, 2, "mode", 0, modes)],
        .fraction = assay_opt_required(L, 2, "fraction", 0, 1),
        .kappa = assay_opt_number(L, 2, "kappa", 8, -ASSAY_FINITE, ASSAY_FINITE),
        .group = groups_option(L, 2, scores.cols)};
    assay_rng *rng = assay_required_rng(L, 2);
    assay_matrix out = assay_push_matrix(L, scores.rows, scores.cols);
    copy_matrix(&scores, &out);
    assay_arg_status(L, assay_sparsify(&out, &o, rng));
    return 1;
}

/* score_subset(scores [, {items=, models=, measured=0}]): {scores=, models=, items=} */
static int score_subset(lua_State *L)
{
    static const char *const known[] = {"items", "models", "measured", NULL};
    assay_opts_check(L, 2, known);
    const assay_matrix scores = scores_argument(L);
    const int64_t measured = assay_opt_integer(L, 2, "measured", 0, 0, INT64_MAX);
    size_t items = scores.cols, rows = scores.rows, kept = 0;
    const size_t *item = NULL, *model = NULL;
    if (assay_opt_push(L, 2, "items"))
        item = assay_arg_indices(L, -1, "items", 1, scores.cols, &items);
    if (assay_opt_push(L, 2, "models"))
        model = assay_arg_indices(L, -1, "models", 1, scores.rows, &rows);
    size_t *row = assay_lua_scratch(L, rows, sizeof *row);
    size_t *col = assay_lua_scratch(L, items, sizeof *col);
    for (size_t j = 0; j < items; j++)
        col[j] = item ? item[j] : j;
    for (size_t i = 0; i < rows; i++) {
        row[kept] = model ? model[i] : i;
        int64_t n = 0;
        for (size_t j = 0; j < items; j++)
            n += !isnan(*assay_matrix_at(&scores, row[kept], col[j]));
        kept += n >= measured;
    }
    lua_createtable(L, 0, 3);
    assay_matrix out = assay_push_matrix(L, kept, items);
    for (size_t i = 0; i < kept; i++)
        for (size_t j = 0; j < items; j++)
            *assay_matrix_at(&out, i, j) = *assay_matrix_at(&scores, row[i], col[j]);
    lua_setfield(L, -2, "scores");
    assay_push_indices(L, row, kept, 1);
    lua_setfield(L, -2, "models");
    assay_push_indices(L, col, items, 1);
    lua_setfield(L, -2, "items");
    return 1;
}

/* informative_items(scores, {m=, factor=10, middle=0.5, rng=}): a list of items */
static int informative_items(lua_State *L)
{
    static const char *const known[] = {"m", "factor", "middle", "rng", NULL};
    assay_opts_check(L, 2, known);
    const assay_matrix scores = scores_argument(L);
    const size_t factor = (size_t)assay_opt_integer(L, 2, "factor", 10, 1, INT32_MAX);
    const double middle = assay_opt_number(L, 2, "middle", 0.5, -ASSAY_FINITE, ASSAY_FINITE);
    assay_rng *rng = assay_required_rng(L, 2);
    if (!assay_opt_push(L, 2, "m"))
        assay_arg_error(L, "m must be given");
    const size_t m = (size_t)assay_arg_integer(L, -1, "m", 1, INT64_MAX);
    size_t *index = assay_lua_scratch(L, m < scores.cols ? m : scores.cols, sizeof *index);
    assay_arg_status(L, assay_informative_items(&scores, m, factor, middle, rng, index));
    assay_push_indices(L, index, m, 1);
    return 1;
}

/* synthetic_pool{models=100, items=1000, distribution="gaussian", dispersion=0.1, binary=0.5,
 * rng=}: {scores=, truth=} */
static int synthetic_pool(lua_State *L)
{
    static const char *const known[] = {
        "models", "items", "distribution", "dispersion", "binary", "rng", NULL};
    static const char *const names[] = {"gaussian", "gumbel", NULL};
    static const assay_pool_distribution kinds[] = {ASSAY_POOL_GAUSSIAN, ASSAY_POOL_GUMBEL};
    assay_opts_check(L, 1, known);
    const size_t models = (size_t)assay_opt_integer(L, 1, "models", 100, 1, 20000);
    const size_t items = (size_t)assay_opt_integer(L, 1, "items", 1000, 1, 100000000);
    const int kind = assay_opt_choice(L, 1, "distribution", 0, names);
    const double dispersion = assay_opt_number(L, 1, "dispersion", 0.1, 0, ASSAY_FINITE);
    const double binary = assay_opt_number(L, 1, "binary", 0.5, 0, 1);
    assay_rng *rng = assay_required_rng(L, 1);
    double *truth = assay_lua_doubles(L, models);
    lua_createtable(L, 0, 2);
    const int result = lua_gettop(L);
    assay_matrix scores = assay_push_matrix(L, models, items);
    assay_arg_status(L, assay_synthetic_pool(kinds[kind], dispersion, binary, rng, &scores, truth));
    lua_setfield(L, result, "scores");
    assay_set_vector(L, "truth", truth, models);
    return 1;
}

/* item_search(embeddings, query [, {k=10}]): {index=, similarity=}; k at most the number of items
 */
static int item_search(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    assay_opts_check(L, 3, known);
    size_t dim = 0;
    const assay_matrix embeddings = assay_arg_matrix(L, 1, "embeddings");
    const double *query = assay_arg_vector(L, 2, "query", &dim);
    if (embeddings.rows == 0)
        assay_arg_error(L, "embeddings must have at least 1 item, got none");
    if (dim != embeddings.cols)
        assay_arg_error(
            L, "query must have %zu numbers as an embedding, got %zu", embeddings.cols, dim);
    const int64_t absent = embeddings.rows < 10 ? (int64_t)embeddings.rows : 10;
    const size_t k = (size_t)assay_opt_integer(L, 3, "k", absent, 1, (int64_t)embeddings.rows);
    size_t *index = assay_lua_scratch(L, k, sizeof *index);
    double *similarity = assay_lua_doubles(L, k);
    assay_arg_status(L, assay_item_search(&embeddings, query, k, index, similarity));
    lua_createtable(L, 0, 2);
    assay_push_indices(L, index, k, 1);
    lua_setfield(L, -2, "index");
    assay_set_vector(L, "similarity", similarity, k);
    return 1;
}

const luaL_Reg assay_lua_onebench[] = {
    {"to_pairwise", to_pairwise},
    {"to_top1", to_top1},
    {"to_rankings", to_rankings},
    {"to_matches", to_matches},
    {"comparison_components", comparison_components},
    {"plackett_luce", plackett_luce},
    {"bradley_terry", bradley_terry},
    {"elo", elo},
    {"borda", borda},
    {"dowdall", dowdall},
    {"mean_score", mean_score},
    {"kendall_tau", kendall_tau},
    {"top_k_precision", top_k_precision},
    {"rank_distance", rank_distance},
    {"separability", separability},
    {"sparsify", sparsify},
    {"score_subset", score_subset},
    {"informative_items", informative_items},
    {"synthetic_pool", synthetic_pool},
    {"item_search", item_search},
    {NULL, NULL},
};
