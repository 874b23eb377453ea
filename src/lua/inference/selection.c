/*
 * selection_curves(log [, options]): coverage and every selector over a log of graded samples, and
 * resample_log, from which intervals over samples come.
 */
#include "lua/args.h"
#include "lua/inference/evidence.h"
#include "lua/inference/inference.h"
#include "lua/inference/log.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/stats.h"
#include "core/status.h"
#include "methods/inference/monkeys.h"

/* ---- results ---- */

enum { COVERAGE, MAJORITY, BEST_OF_N, WEIGHTED_MAJORITY, MBR, X_MBR, CHECKLIST, CHOPS, CURVES };

static const char *const curve_names[] = {
    "coverage", "majority", "best_of_n", "weighted_majority", "mbr", "x_mbr", "checklist", "chops"};

static bool are_weights(const assay_sample_log *log)
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

static size_t most_samples(const assay_graded *graded, size_t problems)
{
    size_t most = 0;
    for (size_t i = 0; i < problems; i++)
        most = graded[i].samples > most ? graded[i].samples : most;
    return most;
}

/* The rng, which is needed where something is drawn. */
static assay_rng rng_option(lua_State *L, int at, const bool *computed, size_t most)
{
    const assay_rng *rng = assay_opt_rng(L, at, "rng");
    const char *drawn = computed[WEIGHTED_MAJORITY] ? "the weighted vote"
                        : computed[MBR]             ? "MBR"
                        : computed[CHOPS]           ? "the judge's choice"
                        : computed[MAJORITY] && most > ASSAY_MAJORITY_EXACT_MAX
                            ? "a vote of more than 400 samples"
                            : NULL;
    if (drawn && !rng)
        assay_arg_error(L, "rng must be given: %s is estimated by random permutations", drawn);
    return rng ? *rng : assay_rng_seed(0);
}

/* per_problem = {NAME = problems x nk} in the table on top */
static void push_matrices(
    lua_State *L, const bool *computed, size_t problems, size_t nk, assay_matrix *m)
{
    lua_createtable(L, 0, CURVES);
    for (int c = 0; c < CURVES; c++)
        if (computed[c]) {
            m[c] = assay_push_matrix(L, problems, nk);
            lua_setfield(L, -2, curve_names[c]);
        }
    lua_setfield(L, -2, "per_problem");
}

static assay_matrix *wanted(assay_matrix *m, const bool *computed, int c)
{
    return computed[c] ? &m[c] : NULL;
}

/*
 * Result: k, problems (their names), per_problem = {NAME = problems x k}, and for every curve NAME
 * that the log and the options allow NAME, NAME_se and oracle_gap.NAME.
 */
static int selection_curves(lua_State *L)
{
    static const char *const known[] = {"k", "reward", "is_equiv", "permutations", "rng",
        "progress", "utility", "text", "cross", "cross_weight", "checks", "check_weights", "judge",
        "judge_draws", NULL};
    assay_opts_check(L, 2, known);
    luaL_checkstack(L, 60, NULL);
    assay_sample_log log = assay_lua_log(L, 1);
    assay_lua_log_grades(&log, 2);
    const assay_graded *graded = assay_lua_log_group(&log);
    const assay_evidence evidence = assay_lua_evidence(L, &log, 2);
    size_t nk = 0;
    const double *k = assay_lua_k(L, 2, fewest_samples(graded, log.problems), &nk);
    const bool computed[CURVES] = {true, log.has_answers, log.reward != NULL,
        log.has_answers && are_weights(&log), evidence.mbr, evidence.x_mbr, evidence.checklist,
        evidence.chops};
    const assay_rng rng = rng_option(L, 2, computed, most_samples(graded, log.problems));
    double *scratch = assay_lua_doubles(L, 2 * nk + log.problems);
    assay_lua_report report;
    assay_matrix m[CURVES];
    assay_lua_report_begin(L, 2, &report);
    lua_createtable(L, 0, 24);
    const int result = lua_gettop(L);
    push_matrices(L, computed, log.problems, nk, m);
    const assay_selection out = {&m[COVERAGE], wanted(m, computed, MAJORITY),
        wanted(m, computed, BEST_OF_N), wanted(m, computed, WEIGHTED_MAJORITY)};
    const assay_evidence_curves compared = {wanted(m, computed, MBR), wanted(m, computed, X_MBR),
        wanted(m, computed, CHECKLIST), wanted(m, computed, CHOPS)};
    assay_lua_report_end(
        &report, assay_selection_curves(graded, log.problems, k, nk, evidence.permutations, &rng,
                     &report.progress, (assay_selection[]){out}));
    if (evidence.mbr || evidence.checklist || evidence.chops)
        assay_lua_evidence_curves(&evidence, graded, k, nk, &rng, &report, &compared);
    lua_settop(L, result);
    assay_lua_set_k(L, k, nk);
    lua_pushvalue(L, log.ids);
    lua_setfield(L, result, "problems");
    for (int c = 0; c < CURVES; c++)
        if (computed[c])
            set_curve(L, curve_names[c], &m[c], scratch);
    set_gaps(L, m, computed, scratch);
    return 1;
}

/* ---- resampling ---- */

/* One drawn row: where it comes from, and which copy of its problem it belongs to (0: the problem
 * itself). */
typedef struct drawn_row {
    size_t row, copy;
} drawn_row;

typedef struct drawing {
    const size_t *row, *start; /* rows by problem */
    bool problems, samples;    /* what is drawn with replacement */
    drawn_row *out;
    size_t count;
} drawing;

static void draw_problem(drawing *d, size_t p, size_t copy, assay_rng *rng)
{
    const size_t n = d->start[p + 1] - d->start[p];
    for (size_t i = 0; i < n; i++) {
        const size_t from = d->samples ? assay_rng_below(rng, n) : i;
        d->out[d->count++] = (drawn_row){d->row[d->start[p] + from], copy};
    }
}

static size_t longest_problem(const size_t *start, size_t problems)
{
    size_t most = 0;
    for (size_t p = 0; p < problems; p++)
        most = start[p + 1] - start[p] > most ? start[p + 1] - start[p] : most;
    return most;
}

static drawing draw_rows(
    lua_State *L, const assay_sample_log *log, const char *over, assay_rng *rng)
{
    const assay_log_rows rows = assay_lua_log_rows(log, ASSAY_LOG_ALL);
    size_t *copies = assay_lua_scratch(L, log->problems, sizeof *copies);
    drawing d = {.row = rows.row,
        .start = rows.start,
        .problems = over[0] != 's',
        .samples = over[0] != 'p',
        .out = assay_lua_scratch(
            L, longest_problem(rows.start, log->problems) * log->problems, sizeof(drawn_row))};
    memset(copies, 0, log->problems * sizeof *copies);
    for (size_t i = 0; i < log->problems; i++) {
        const size_t p = d.problems ? assay_rng_below(rng, log->problems) : i;
        draw_problem(&d, p, copies[p]++, rng);
    }
    return d;
}

/* The name of a drawn row's problem: its own, or NAME#COPY for a further copy. */
static void push_problem(lua_State *L, const assay_sample_log *log, const drawn_row *d)
{
    lua_rawgeti(L, log->ids, (lua_Integer)log->problem[d->row] + 1);
    if (d->copy > 0) {
        lua_pushfstring(L, "%s#%I", luaL_tolstring(L, -1, NULL), (LUAI_UACINT)(d->copy + 1));
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
}

/* The drawn rows of the column `name`, whose first value (any) is on top and is popped. */
static void set_column(
    lua_State *L, const assay_sample_log *log, const drawing *d, const char *name)
{
    const int result = lua_gettop(L);
    lua_createtable(L, d->count < INT32_MAX ? (int)d->count : 0, 0);
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(name, "problem") == 0)
            push_problem(L, log, &d->out[i]);
        else
            assay_lua_log_field(log, d->out[i].row, name);
        lua_rawseti(L, result + 1, (lua_Integer)i + 1);
    }
    lua_setfield(L, result, name);
}

/* Push the table whose keys are the columns' names: the log itself, or its first row. */
static void push_names(lua_State *L, const assay_sample_log *log)
{
    if (log->columns)
        lua_pushvalue(L, log->at);
    else
        lua_geti(L, log->at, 1);
}

/*
 * resample_log(log, {rng=, over="samples"|"problems"|"both"}): columns by name. Rows that are lists
 * of the log's first row's fields; the copies of a problem that is drawn again are problems of
 * their own.
 */
static int resample_log(lua_State *L)
{
    static const char *const known[] = {"rng", "over", NULL};
    static const char *const choices[] = {"samples", "problems", "both", NULL};
    assay_opts_check(L, 2, known);
    luaL_checkstack(L, 40, NULL);
    const char *over = choices[assay_opt_choice(L, 2, "over", 0, choices)];
    assay_rng *rng = assay_required_rng(L, 2);
    const assay_sample_log log = assay_lua_log(L, 1);
    const drawing d = draw_rows(L, &log, over, rng);
    push_names(L, &log);
    const int names = lua_gettop(L);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, names);) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            assay_arg_error(L, "log must have names as keys, got a %s", luaL_typename(L, -1));
        lua_pushvalue(L, -2); /* the result, above its key */
        set_column(L, &log, &d, lua_tostring(L, -2));
        lua_pop(L, 1);
    }
    return 1;
}

const luaL_Reg assay_lua_selection[] = {
    {"selection_curves", selection_curves},
    {"resample_log", resample_log},
    {NULL, NULL},
};
