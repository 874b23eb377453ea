/*
 * selection_curves(log, {k=, reward=, is_equiv=, permutations=, rng=, progress=}): coverage and
 * every selector over a log of graded samples.
 *
 * A log is a list of rows {problem=, answer=, correct=, reward=}, or a table of such columns.
 * Answers are equal when they are identical, or when is_equiv(a, b) says so. An empty answer (nil,
 * "" or NaN: it could not be parsed) belongs to its problem's class 0, which is wrong. What a class
 * is, right or wrong, its samples say, and they must agree.
 */
#include "lua/args.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/stats.h"
#include "core/status.h"
#include "methods/inference/monkeys.h"

/* ---- reading ---- */

typedef struct sample_log {
    lua_State *L;
    int at;       /* stack index of the log */
    bool columns; /* else rows */
    size_t rows;
    size_t *problem; /* per row, from 0 in order of appearance */
    size_t *class;   /* per row, within its problem; 0: empty */
    unsigned char *correct;
    double *reward; /* or NULL */
    bool has_answers;
    size_t problems;
    int ids; /* stack index of the list of problems' names */
} sample_log;

/* Push field `name` of row i, or nil. */
static int push_field(const sample_log *log, size_t i, const char *name)
{
    lua_State *L = log->L;
    if (log->columns) {
        if (lua_getfield(L, log->at, name) == LUA_TNIL)
            return LUA_TNIL;
        if (lua_type(L, -1) != LUA_TTABLE && lua_type(L, -1) != LUA_TUSERDATA)
            assay_arg_error(L, "log.%s must be a list (a column)", name);
        lua_geti(L, -1, (lua_Integer)i + 1);
    } else {
        if (lua_geti(L, log->at, (lua_Integer)i + 1) != LUA_TTABLE)
            assay_arg_error(
                L, "row %zu of the log must be a table, got a %s", i + 1, luaL_typename(L, -1));
        lua_getfield(L, -1, name);
    }
    lua_remove(L, -2);
    return lua_type(L, -1);
}

static void read_shape(sample_log *log)
{
    lua_State *L = log->L;
    if (lua_type(L, log->at) != LUA_TTABLE)
        assay_arg_error(L, "log must be a list of rows or a table of columns, got a %s",
            luaL_typename(L, log->at));
    log->columns = lua_getfield(L, log->at, "problem") != LUA_TNIL;
    log->rows = (size_t)luaL_len(L, log->columns ? -1 : log->at);
    lua_pop(L, 1);
    if (log->rows == 0)
        assay_arg_error(L, "log must have at least 1 row, got none");
}

/* Replace the text or number on top by its number in the map at `map`, a new one if it is not there
 * yet: *count is then one more. */
static size_t number_of(lua_State *L, int map, size_t *count)
{
    lua_pushvalue(L, -1);
    if (lua_rawget(L, map) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushinteger(L, (lua_Integer)++ * count);
        lua_rawset(L, map);
        lua_pop(L, 1);
        return *count;
    }
    const size_t number = (size_t)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return number;
}

static void read_problems(sample_log *log)
{
    lua_State *L = log->L;
    log->problem = assay_lua_scratch(L, log->rows, sizeof *log->problem);
    lua_newtable(L);
    log->ids = lua_gettop(L);
    lua_newtable(L);
    const int map = lua_gettop(L);
    for (size_t i = 0; i < log->rows; i++) {
        push_field(log, i, "problem");
        if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1))
            assay_arg_error(L, "problem of row %zu must be a text or an integer, got a %s", i + 1,
                luaL_typename(L, -1));
        const size_t before = log->problems;
        lua_pushvalue(L, -1);
        log->problem[i] = number_of(L, map, &log->problems) - 1;
        if (log->problems > before)
            lua_rawseti(L, log->ids, (lua_Integer)log->problems);
        else
            lua_pop(L, 1);
    }
}

static void read_correct(sample_log *log)
{
    lua_State *L = log->L;
    log->correct = assay_lua_scratch(L, log->rows, 1);
    for (size_t i = 0; i < log->rows; i++) {
        const int type = push_field(log, i, "correct");
        const double x = lua_tonumber(L, -1);
        if (type == LUA_TNIL || (type == LUA_TNUMBER && isnan(x)))
            assay_arg_error(L, "correct of row %zu is missing: the sample must be graded", i + 1);
        if (type != LUA_TBOOLEAN && !(type == LUA_TNUMBER && (x == 0 || x == 1)))
            assay_arg_error(L, "correct of row %zu must be true or false (or 1 or 0), got a %s",
                i + 1, luaL_typename(L, -1));
        log->correct[i] = (unsigned char)(type == LUA_TBOOLEAN ? lua_toboolean(L, -1) : x == 1);
        lua_pop(L, 1);
    }
}

/* The column that the option names, "reward" by default; false: none. Absent by default is fine. */
static void read_rewards(sample_log *log, int options)
{
    lua_State *L = log->L;
    const bool named = assay_opt_push(L, options, "reward");
    if (named && lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        return;
    const char *name = named ? assay_arg_string(L, -1, "reward") : "reward";
    if (!named && push_field(log, 0, name) == LUA_TNIL)
        return;
    log->reward = assay_lua_doubles(L, log->rows);
    for (size_t i = 0; i < log->rows; i++) {
        if (push_field(log, i, name) != LUA_TNUMBER || isnan(lua_tonumber(L, -1)))
            assay_arg_error(L, "%s of row %zu must be a number, got %s", name, i + 1,
                luaL_tolstring(L, -1, NULL));
        log->reward[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

/* The class among 1..count whose representative equals the answer on top, by is_equiv; or 0. */
static size_t equivalent_class(lua_State *L, int is_equiv, int representatives, size_t count)
{
    for (size_t j = 1; is_equiv && j <= count; j++) {
        lua_pushvalue(L, is_equiv);
        lua_rawgeti(L, representatives, (lua_Integer)j);
        lua_pushvalue(L, -3);
        lua_call(L, 2, 1);
        const bool equal = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (equal)
            return j;
    }
    return 0;
}

/* The class of the answer on top within the problem whose map {answer = class, [representatives]}
 * is at `map`; pops the answer. */
static size_t class_of(lua_State *L, int map, int representatives, int is_equiv)
{
    const size_t count = (size_t)lua_rawlen(L, representatives);
    lua_pushvalue(L, -1);
    size_t class = lua_rawget(L, map) == LUA_TNIL ? 0 : (size_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (class == 0) {
        class = equivalent_class(L, is_equiv, representatives, count);
        if (class == 0) {
            class = count + 1;
            lua_pushvalue(L, -1);
            lua_rawseti(L, representatives, (lua_Integer) class);
        }
        lua_pushvalue(L, -1);
        lua_pushinteger(L, (lua_Integer) class);
        lua_rawset(L, map);
    }
    lua_pop(L, 1);
    return class;
}

/* Push the table of problem p in the list at `tables`, a new one the first time. */
static void push_table_of(lua_State *L, int tables, size_t p)
{
    if (lua_rawgeti(L, tables, (lua_Integer)p + 1) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, tables, (lua_Integer)p + 1);
}

static bool is_empty_answer(lua_State *L)
{
    return lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) == 0) ||
           (lua_type(L, -1) == LUA_TNUMBER && isnan(lua_tonumber(L, -1)));
}

static void read_answers(sample_log *log, int options)
{
    lua_State *L = log->L;
    log->class = assay_lua_scratch(L, log->rows, sizeof *log->class);
    const int is_equiv = assay_opt_push(L, options, "is_equiv") ? lua_gettop(L) : 0;
    if (is_equiv && !lua_isfunction(L, is_equiv))
        assay_arg_error(L, "is_equiv must be a function (a, b)");
    lua_newtable(L);
    const int maps = lua_gettop(L);
    lua_newtable(L);
    const int lists = lua_gettop(L);
    for (size_t i = 0; i < log->rows; i++) {
        push_field(log, i, "answer");
        log->class[i] = 0;
        if (!is_empty_answer(L)) {
            if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
                assay_arg_error(L, "answer of row %zu must be a text or a number, got a %s", i + 1,
                    luaL_typename(L, -1));
            push_table_of(L, maps, log->problem[i]);
            push_table_of(L, lists, log->problem[i]);
            lua_pushvalue(L, -3);
            log->class[i] = class_of(L, lists + 2, lists + 3, is_equiv);
            log->has_answers = true;
        }
        lua_settop(L, lists);
    }
}

/* ---- grouping by problem ---- */

/* The stream's id of the problem whose name is on top; pops it. An integer is its own, a text its
 * FNV-1a hash, so that neither depends on the other problems. */
static uint64_t stream_id(lua_State *L)
{
    uint64_t id = 0xcbf29ce484222325;
    if (lua_isinteger(L, -1)) {
        id = (uint64_t)lua_tointeger(L, -1);
    } else {
        size_t size = 0;
        const char *text = lua_tolstring(L, -1, &size);
        for (size_t i = 0; i < size; i++)
            id = (id ^ (unsigned char)text[i]) * 0x100000001b3;
    }
    lua_pop(L, 1);
    return id;
}

/* What the classes are, from their samples; an empty answer can't be a correct one. */
static void judge_classes(
    const sample_log *log, size_t row, unsigned char *class_correct, unsigned char *judged)
{
    const size_t class = log->class[row];
    if (class == 0 && log->correct[row])
        assay_arg_error(log->L, "row %zu of the log has an empty answer that is correct", row + 1);
    if (judged[class] && class_correct[class] != log->correct[row])
        assay_arg_error(log->L,
            "row %zu of the log says that an answer is %s, but an equal one of its problem is %s",
            row + 1, log->correct[row] ? "correct" : "wrong",
            class_correct[class] ? "correct" : "wrong");
    judged[class] = 1;
    class_correct[class] = log->correct[row];
}

/* The rows by problem, in the order of the log. */
static assay_graded *group(const sample_log *log)
{
    lua_State *L = log->L;
    const size_t rows = log->rows, problems = log->problems;
    assay_graded *graded = assay_lua_scratch(L, problems, sizeof *graded);
    size_t *next = assay_lua_scratch(L, problems + 1, sizeof *next);
    size_t *answer = assay_lua_scratch(L, rows, sizeof *answer);
    unsigned char *correct = assay_lua_scratch(L, rows, 1);
    double *reward = log->reward ? assay_lua_doubles(L, rows) : NULL;
    /* a problem has at most one class more than samples: its classes start at first sample +
     * problem */
    unsigned char *class_correct = assay_lua_scratch(L, rows + problems, 1);
    unsigned char *judged = assay_lua_scratch(L, rows + problems, 1);
    memset(graded, 0, problems * sizeof *graded);
    memset(next, 0, (problems + 1) * sizeof *next);
    memset(class_correct, 0, rows + problems);
    memset(judged, 0, rows + problems);
    for (size_t i = 0; i < rows; i++)
        graded[log->problem[i]].samples++;
    for (size_t p = 0; p < problems; p++) {
        lua_rawgeti(L, log->ids, (lua_Integer)p + 1);
        graded[p].id = stream_id(L);
        graded[p].correct = correct + next[p];
        graded[p].reward = reward ? reward + next[p] : NULL;
        graded[p].answer = log->has_answers ? answer + next[p] : NULL;
        graded[p].class_correct = class_correct + next[p] + p;
        graded[p].classes = graded[p].samples + 1;
        next[p + 1] = next[p] + graded[p].samples;
    }
    for (size_t i = 0; i < rows; i++) {
        const size_t p = log->problem[i], first = (size_t)(graded[p].correct - correct);
        const size_t to = next[p]++;
        correct[to] = log->correct[i];
        answer[to] = log->class[i];
        if (reward)
            reward[to] = log->reward[i];
        if (log->has_answers)
            judge_classes(log, i, class_correct + first + p, judged + first + p);
    }
    return graded;
}

/* ---- results ---- */

enum { COVERAGE, MAJORITY, BEST_OF_N, WEIGHTED_MAJORITY, CURVES };

static const char *const curve_names[] = {"coverage", "majority", "best_of_n", "weighted_majority"};

static bool are_weights(const sample_log *log)
{
    for (size_t i = 0; log->reward && i < log->rows; i++)
        if (!(log->reward[i] >= 0 && isfinite(log->reward[i])))
            return false;
    return log->reward != NULL;
}

/* NAME = means over problems, NAME_se their standard errors, in the table on top; scratch has room
 * for 2 nk and a column. */
static void set_curve(lua_State *L, const char *name, const assay_matrix *m, double *scratch)
{
    double *mean = scratch, *se = scratch + m->cols, *column = scratch + 2 * m->cols;
    for (size_t j = 0; j < m->cols; j++) {
        for (size_t i = 0; i < m->rows; i++)
            column[i] = *assay_matrix_at(m, i, j);
        mean[j] = assay_mean(column, m->rows);
        se[j] = assay_sd(column, m->rows) / sqrt((double)m->rows);
    }
    assay_push_vector(L, mean, m->cols);
    lua_setfield(L, -2, name);
    assay_push_vector(L, se, m->cols);
    lua_pushfstring(L, "%s_se", name);
    lua_insert(L, -2);
    lua_rawset(L, -3);
}

/* oracle_gap = {NAME = mean coverage - mean success} in the table on top */
static void set_gaps(lua_State *L, const assay_matrix *m, const bool *computed, double *gap)
{
    lua_createtable(L, 0, CURVES - 1);
    for (int c = MAJORITY; c < CURVES; c++) {
        if (!computed[c])
            continue;
        for (size_t j = 0; j < m[c].cols; j++) {
            gap[j] = 0;
            for (size_t i = 0; i < m[c].rows; i++)
                gap[j] += *assay_matrix_at(&m[COVERAGE], i, j) - *assay_matrix_at(&m[c], i, j);
            gap[j] /= (double)m[c].rows;
        }
        assay_push_vector(L, gap, m[c].cols);
        lua_setfield(L, -2, curve_names[c]);
    }
    lua_setfield(L, -2, "oracle_gap");
}

static double fewest_samples(const assay_graded *graded, size_t problems)
{
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < problems; i++)
        fewest = graded[i].samples < fewest ? graded[i].samples : fewest;
    return (double)fewest;
}

static sample_log read_log(lua_State *L, int at, int options)
{
    sample_log log = {.L = L, .at = at};
    read_shape(&log);
    read_problems(&log);
    read_correct(&log);
    read_rewards(&log, options);
    read_answers(&log, options);
    return log;
}

/*
 * Result: k, problems (their names), per_problem = {NAME = problems x k}, and for every curve NAME
 * that the log allows (coverage always; majority with answers; best_of_n with rewards;
 * weighted_majority with both and no negative reward) NAME, NAME_se and oracle_gap.NAME.
 */
static int selection_curves(lua_State *L)
{
    static const char *const known[] = {
        "k", "reward", "is_equiv", "permutations", "rng", "progress", NULL};
    assay_opts_check(L, 2, known);
    const sample_log log = read_log(L, 1, 2);
    const assay_graded *graded = group(&log);
    const size_t permutations = (size_t)assay_opt_integer(L, 2, "permutations", 100, 1, 10000000);
    size_t nk = 0, longest = 0;
    const double *k = assay_lua_k(L, 2, fewest_samples(graded, log.problems), &nk);
    for (size_t i = 0; i < log.problems; i++)
        longest = graded[i].samples > longest ? graded[i].samples : longest;
    const bool computed[CURVES] = {
        true, log.has_answers, log.reward != NULL, log.has_answers && are_weights(&log)};
    const bool draws =
        computed[WEIGHTED_MAJORITY] || (computed[MAJORITY] && longest > ASSAY_MAJORITY_EXACT_MAX);
    const assay_rng *rng = assay_opt_rng(L, 2, "rng"), unused = assay_rng_seed(0);
    if (draws && !rng)
        assay_arg_error(L, "rng must be given: %s is estimated by random permutations",
            computed[WEIGHTED_MAJORITY] ? "the weighted vote" : "a vote of more than 400 samples");
    double *scratch = assay_lua_doubles(L, 2 * nk + log.problems);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    lua_createtable(L, 0, 12);
    const int result = lua_gettop(L);
    lua_createtable(L, 0, CURVES);
    assay_matrix m[CURVES];
    for (int c = 0; c < CURVES; c++)
        if (computed[c]) {
            m[c] = assay_push_matrix(L, log.problems, nk);
            lua_setfield(L, -2, curve_names[c]);
        }
    lua_setfield(L, result, "per_problem");
    assay_selection out = {&m[COVERAGE], computed[MAJORITY] ? &m[MAJORITY] : NULL,
        computed[BEST_OF_N] ? &m[BEST_OF_N] : NULL,
        computed[WEIGHTED_MAJORITY] ? &m[WEIGHTED_MAJORITY] : NULL};
    assay_lua_report_end(&report, assay_selection_curves(graded, log.problems, k, nk, permutations,
                                      rng ? rng : &unused, &report.progress, &out));
    assay_lua_set_k(L, k, nk);
    lua_pushvalue(L, log.ids);
    lua_setfield(L, result, "problems");
    for (int c = 0; c < CURVES; c++)
        if (computed[c])
            set_curve(L, curve_names[c], &m[c], scratch);
    set_gaps(L, m, computed, scratch);
    return 1;
}

const luaL_Reg assay_lua_selection[] = {
    {"selection_curves", selection_curves},
    {NULL, NULL},
};
