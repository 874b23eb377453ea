/*
 * Curves of selectors that compare samples with each other, or that ask. MBR is estimated along
 * random permutations, whose first k samples are a uniform k-subset; so is the judge's choice, with
 * as many calls as there are draws and values of k. A checklist is a reward, and so exact.
 */
#include "lua/inference/evidence.h"

#include <lauxlib.h>
#include <math.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/inference/inference.h"

enum { COMPARED_MAX = 4000 }; /* samples of a problem: utilities take the square of it */

/* ---- options ---- */

/* The texts of all rows. Those that are numbers become texts, kept by a table that stays pushed. */
static const char **read_texts(const assay_sample_log *log, const char *name)
{
    lua_State *L = log->L;
    const char **text = assay_lua_scratch(L, log->rows, sizeof *text);
    lua_newtable(L);
    const int kept = lua_gettop(L);
    for (size_t i = 0; i < log->rows; i++) {
        const int type = assay_lua_log_field(log, i, name);
        const bool missing =
            type == LUA_TNIL || (type == LUA_TNUMBER && isnan(lua_tonumber(L, -1)));
        if (!missing && type != LUA_TSTRING && type != LUA_TNUMBER)
            assay_arg_error(L, "%s of row %zu must be a text or a number, got a %s", name, i + 1,
                luaL_typename(L, -1));
        text[i] = missing ? "" : lua_tostring(L, -1);
        lua_rawseti(L, kept, (lua_Integer)i + 1);
    }
    return text;
}

/* Option `text`, or the column that there is. */
static const char *text_name(lua_State *L, const assay_sample_log *log, int options)
{
    const char *name = assay_opt_string(L, options, "text", NULL);
    const char *const usual[] = {"answer", "text"};
    for (int i = 0; !name && i < 2; i++) {
        if (assay_lua_log_field(log, 0, usual[i]) != LUA_TNIL)
            name = usual[i];
        lua_pop(L, 1);
    }
    if (!name)
        assay_arg_error(L, "utility and judge need texts: the log has neither answer nor text");
    return name;
}

/* The checks of row i into the row of a matrix. */
static void read_checks(const assay_sample_log *log, size_t i, int names, double *row, size_t n)
{
    lua_State *L = log->L;
    for (size_t q = 0; q < n; q++) {
        lua_geti(L, names, (lua_Integer)q + 1);
        const char *name = assay_arg_string(L, -1, "each of checks");
        const int type = assay_lua_log_field(log, i, name);
        if (type != LUA_TBOOLEAN && type != LUA_TNUMBER)
            assay_arg_error(L, "%s of row %zu must be true, false or a number in 0..1, got a %s",
                name, i + 1, luaL_typename(L, -1));
        row[q] = type == LUA_TBOOLEAN ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
        lua_pop(L, 2);
    }
}

/* Each row's weighted mean over the columns that option `checks` lists; evidence has none. */
static double *read_scores(lua_State *L, const assay_sample_log *log, int options)
{
    const bool given = assay_opt_push(L, options, "checks");
    const int names = lua_gettop(L);
    if (!given)
        return NULL;
    if (lua_type(L, names) != LUA_TTABLE || luaL_len(L, names) == 0)
        assay_arg_error(L, "checks must be a list of columns");
    const size_t n = (size_t)luaL_len(L, names);
    const double *weights = assay_opt_push(L, options, "check_weights")
                                ? assay_arg_vector_of(L, -1, "check_weights", n)
                                : NULL;
    double *score = assay_lua_doubles(L, log->rows), *row = assay_lua_doubles(L, n);
    const assay_matrix checks = assay_matrix_view(row, 1, n);
    size_t index;
    for (size_t i = 0; i < log->rows; i++) {
        score[i] = 0;
        if (log->evidence && log->evidence[i])
            continue;
        read_checks(log, i, names, row, n);
        const int status = assay_checklist_select(&checks, weights, &score[i], &index);
        if (status)
            assay_arg_error(L, "row %zu: %s", i + 1, assay_errmsg());
    }
    return score;
}

static int read_judge(lua_State *L, int options)
{
    if (!assay_opt_push(L, options, "judge"))
        return 0;
    if (lua_type(L, -1) != LUA_TFUNCTION)
        assay_arg_error(
            L, "judge must be a function (problem, texts), got a %s", luaL_typename(L, -1));
    return lua_gettop(L);
}

assay_evidence assay_lua_evidence(lua_State *L, const assay_sample_log *log, int options)
{
    assay_evidence e = {.log = log};
    luaL_checkstack(L, 40, NULL);
    e.mbr = assay_opt_push(L, options, "utility");
    e.x_mbr = e.mbr && log->evidence;
    if (log->evidence && !e.mbr)
        assay_arg_error(L, "cross needs a utility to compare its evidence by");
    e.utility = assay_lua_utility(L, options, "utility");
    e.cross_weight = assay_opt_number(L, options, "cross_weight", 1, 0, ASSAY_FINITE);
    e.permutations = (size_t)assay_opt_integer(L, options, "permutations", 100, 1, 10000000);
    e.judge_draws = (size_t)assay_opt_integer(L, options, "judge_draws", 1, 1, 1000000);
    e.judge = read_judge(L, options);
    e.chops = e.judge != 0;
    e.score = read_scores(L, log, options);
    e.checklist = e.score != NULL;
    if (e.mbr || e.chops)
        e.text = read_texts(log, text_name(L, log, options));
    return e;
}

/* ---- one problem ---- */

typedef struct pool {
    const assay_evidence *e;
    const assay_graded *graded;
    const size_t *row;      /* of the log, one a sample */
    const size_t *evidence; /* rows */
    size_t n, m, id;
    assay_rng rng;
} pool;

static const char **texts_of(const pool *p, const size_t *rows, size_t n)
{
    const char **texts = assay_lua_scratch(p->e->log->L, n ? n : 1, sizeof *texts);
    for (size_t i = 0; i < n; i++)
        texts[i] = p->e->text[rows[i]];
    return texts;
}

static assay_matrix utilities(const pool *p, const size_t *against, size_t m)
{
    lua_State *L = p->e->log->L;
    const char **candidates = texts_of(p, p->row, p->n), **others = texts_of(p, against, m);
    assay_matrix u = assay_push_matrix(L, p->n, m);
    assay_arg_status(L, assay_utility_matrix(candidates, p->n, others, m, p->e->utility, NULL, &u));
    return u;
}

/* MBR, and with evidence X-MBR, over the same permutations. */
static void mbr_rows(const pool *p, const double *k, size_t nk, double *mbr, double *x_mbr)
{
    lua_State *L = p->e->log->L;
    const assay_matrix u = utilities(p, p->row, p->n);
    double *quality = assay_lua_doubles(L, p->n), *mean = assay_lua_doubles(L, p->n);
    for (size_t i = 0; i < p->n; i++)
        quality[i] = p->graded->correct[i];
    for (int cross = 0; cross < (x_mbr ? 2 : 1); cross++) {
        assay_rng rng = assay_rng_split_name(&p->rng, "mbr");
        const assay_matrix x = cross ? utilities(p, p->evidence, p->m) : (assay_matrix){0};
        assay_arg_status(L, assay_mbr_curve_draw(&u, &x, p->e->cross_weight, true, quality,
                                p->e->permutations, &rng, NULL, mean));
        for (size_t j = 0; j < nk; j++)
            (cross ? x_mbr : mbr)[j] = mean[(size_t)k[j] - 1];
    }
}

static void checklist_row(const pool *p, const double *k, size_t nk, double *out)
{
    lua_State *L = p->e->log->L;
    double *score = assay_lua_doubles(L, p->n);
    for (size_t i = 0; i < p->n; i++)
        score[i] = p->e->score[p->row[i]];
    assay_arg_status(L, assay_best_of_n(score, p->graded->correct, p->n, k, nk, out, NULL));
}

/* judge(problem, texts) of the first k in `order`: whether its choice is correct. */
static double judged(const pool *p, const size_t *order, size_t k)
{
    lua_State *L = p->e->log->L;
    const int top = lua_gettop(L);
    lua_pushvalue(L, p->e->judge);
    lua_rawgeti(L, p->e->log->ids, (lua_Integer)p->id + 1);
    lua_createtable(L, (int)k, 0);
    for (size_t i = 0; i < k; i++) {
        lua_pushstring(L, p->e->text[p->row[order[i]]]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_call(L, 2, 1);
    const int64_t choice =
        assay_arg_integer(L, -1, "the judge's choice (a position)", 1, (int64_t)k);
    lua_settop(L, top);
    return p->graded->correct[order[choice - 1]];
}

static void chops_row(const pool *p, const double *k, size_t nk, double *out)
{
    assay_rng rng = assay_rng_split_name(&p->rng, "judge");
    size_t *order = assay_lua_scratch(p->e->log->L, p->n, sizeof *order);
    for (size_t j = 0; j < nk; j++) {
        double correct = 0;
        for (size_t r = 0; r < p->e->judge_draws; r++) {
            assay_rng_permutation(&rng, p->n, order);
            correct += judged(p, order, (size_t)k[j]);
        }
        out[j] = correct / (double)p->e->judge_draws;
    }
}

static double *row_or_null(const assay_matrix *m, size_t i)
{
    return m ? assay_matrix_row(m, i) : NULL;
}

static void problem_rows(
    const pool *p, const double *k, size_t nk, const assay_evidence_curves *out)
{
    lua_State *L = p->e->log->L;
    if ((p->e->mbr || p->e->chops) && p->n + p->m > COMPARED_MAX)
        assay_arg_error(L, "utility and judge take at most %d samples a problem, got %zu",
            COMPARED_MAX, p->n + p->m);
    if (out->mbr)
        mbr_rows(p, k, nk, row_or_null(out->mbr, p->id), row_or_null(out->x_mbr, p->id));
    if (out->checklist)
        checklist_row(p, k, nk, row_or_null(out->checklist, p->id));
    if (out->chops)
        chops_row(p, k, nk, row_or_null(out->chops, p->id));
}

void assay_lua_evidence_curves(const assay_evidence *e, const assay_graded *graded, const double *k,
    size_t nk, const assay_rng *rng, assay_lua_report *report, const assay_evidence_curves *out)
{
    lua_State *L = e->log->L;
    const size_t problems = e->log->problems;
    const assay_log_rows candidates = assay_lua_log_rows(e->log, ASSAY_LOG_GRADED);
    const assay_log_rows evidence = assay_lua_log_rows(e->log, ASSAY_LOG_EVIDENCE);
    const int top = lua_gettop(L);
    for (size_t i = 0; i < problems; i++) {
        const pool p = {.e = e,
            .graded = &graded[i],
            .id = i,
            .row = candidates.row + candidates.start[i],
            .n = candidates.start[i + 1] - candidates.start[i],
            .evidence = evidence.row + evidence.start[i],
            .m = evidence.start[i + 1] - evidence.start[i],
            .rng = assay_rng_split(rng, graded[i].id)};
        problem_rows(&p, k, nk, out);
        lua_settop(L, top);
        assay_lua_report_end(
            report, assay_progress_report(&report->progress, (double)(i + 1), (double)problems));
    }
}
