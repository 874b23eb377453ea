/* assay.balance: new rows for small classes (methods/balance/smote.h). */
#include "lua/balance/balance.h"

#include <math.h>
#include <string.h>

#include "lua/args.h"
#include "lua/engine.h"

/* A plan and its rows, owned by Lua. */
struct made {
    assay_synthetic plan;
    assay_matrix rows;
};

static int made_free(lua_State *L)
{
    struct made *m = lua_touserdata(L, 1);
    assay_synthetic_free(&m->plan);
    assay_matrix_free(&m->rows);
    return 0;
}

static struct made *push_made(lua_State *L)
{
    struct made *m = lua_newuserdatauv(L, sizeof *m, 0);
    *m = (struct made){0};
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, made_free);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return m;
}

/* ---- options ---- */

/* amount, n or ratio: at most one of them. */
static void read_amount(lua_State *L, int at, assay_smote_options *o)
{
    static const struct {
        const char *key;
        assay_amount_kind kind;
        double most;
    } ways[] = {{"amount", ASSAY_AMOUNT_PERCENT, 1e9}, {"n", ASSAY_AMOUNT_ROWS, 1e9},
        {"ratio", ASSAY_AMOUNT_RATIO, 1e6}};
    int given = 0;
    for (int i = 0; i < 3; i++) {
        if (!assay_opt_push(L, at, ways[i].key))
            continue;
        lua_pop(L, 1);
        given++;
        o->amount_kind = ways[i].kind;
        o->amount = ways[i].kind == ASSAY_AMOUNT_ROWS
                        ? (double)assay_opt_integer(L, at, "n", 0, 0, (int64_t)1e9)
                        : assay_opt_number(L, at, ways[i].key, 0, 0, ways[i].most);
    }
    if (given > 1)
        assay_arg_error(L, "give one of amount, n and ratio");
}

/* Options that are absent of a function keep their defaults. Pushes what keeps them. */
static assay_smote_options read_options(lua_State *L, int at, assay_smote_kind kind)
{
    static const char *const gaps[] = {"row", "attribute", NULL};
    static const char *const scales[] = {"none", "standard", NULL};
    assay_smote_options o = assay_smote_defaults();
    o.kind = kind;
    o.k = (size_t)assay_opt_integer(L, at, "k", (int64_t)o.k, 1, INT64_MAX);
    o.m = (size_t)assay_opt_integer(L, at, "m", (int64_t)o.m, 1, INT64_MAX);
    o.majority_share = assay_opt_number(L, at, "majority_share", o.majority_share, 0, 1);
    o.gap_per_attribute = assay_opt_choice(L, at, "gap", 0, gaps) == 1;
    o.standardise = assay_opt_choice(L, at, "scale", 0, scales) == 1;
    o.clip_k = assay_opt_boolean(L, at, "clip_k", false);
    const int64_t minority = assay_opt_integer(L, at, "minority", -1, 0, ASSAY_MOST_CLASSES - 1);
    o.only = minority >= 0;
    o.minority = o.only ? (size_t)minority : 0;
    read_amount(L, at, &o);
    o.pool = assay_lua_pool(L, at);
    o.progress = assay_lua_progress(L);
    return o;
}

/* ---- results ---- */

static void set_plan(lua_State *L, const assay_synthetic *s)
{
    const assay_matrix parents = assay_push_matrix(L, s->rows, 2);
    for (size_t i = 0; i < s->rows; i++) {
        *assay_matrix_at(&parents, i, 0) = (double)(s->base[i] + 1);
        *assay_matrix_at(&parents, i, 1) = (double)(s->partner[i] + 1);
    }
    lua_setfield(L, -2, "parents");
    if (s->gaps == 1) {
        assay_push_vector(L, s->gap, s->rows);
    } else {
        const assay_matrix gap = assay_push_matrix(L, s->rows, s->gaps);
        memcpy(gap.data, s->gap, s->rows * s->gaps * sizeof *s->gap);
    }
    lua_setfield(L, -2, "gap");
    assay_set_integer(L, "n_synthetic", (int64_t)s->rows);
    assay_set_integer(L, "k", (int64_t)s->k);
}

/* Rows of X, then room for those of the plan. Pushes the matrix. */
static assay_matrix push_whole(
    lua_State *L, const assay_lua_set *set, const assay_synthetic *s, assay_matrix *added)
{
    const size_t n = set->X.rows, d = set->X.cols;
    const assay_matrix whole = assay_push_matrix(L, n + s->rows, d);
    for (size_t i = 0; i < n; i++)
        memcpy(assay_matrix_row(&whole, i), assay_matrix_row(&set->X, i), d * sizeof *whole.data);
    *added = assay_matrix_view(whole.data + n * d, s->rows, d);
    return whole;
}

static size_t *push_labels(lua_State *L, const assay_lua_set *set, const assay_synthetic *s)
{
    const size_t n = set->X.rows;
    size_t *y = assay_lua_scratch(L, n + s->rows + 1, sizeof *y);
    memcpy(y, set->y, n * sizeof *y);
    if (s->rows > 0)
        memcpy(y + n, s->label, s->rows * sizeof *y);
    return y;
}

/* {X=, y=, parents=, gap=, n_synthetic=, k=}; the matrix is at `matrix`. */
static void push_result(
    lua_State *L, const assay_lua_set *set, const assay_synthetic *s, int matrix)
{
    const size_t *y = push_labels(L, set, s);
    lua_createtable(L, 0, 8);
    lua_pushvalue(L, matrix);
    lua_setfield(L, -2, "X");
    assay_push_indices(L, y, set->X.rows + s->rows, 0);
    lua_setfield(L, -2, "y");
    set_plan(L, s);
}

/* The plan of the options, and its rows below those of X. */
static struct made *make(lua_State *L, const assay_lua_set *set, const assay_smote_options *o,
    assay_rng *rng, int *matrix, assay_matrix *whole)
{
    struct made *made = push_made(L);
    const unsigned char *rounded = assay_lua_columns(L, 3, "round", set->X.cols);
    assay_matrix added = {0};
    assay_arg_status(L, assay_smote(&set->X, set->y, o, rng, &made->plan));
    *whole = push_whole(L, set, &made->plan, &added);
    *matrix = lua_gettop(L);
    assay_arg_status(L, assay_synthetic_rows(&set->X, &made->plan, rounded, o->pool, &added));
    return made;
}

static int resample(lua_State *L, const char *const *known, assay_smote_kind kind)
{
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    const assay_smote_options o = read_options(L, 3, kind);
    assay_rng *rng = assay_lua_stream(L, 3);
    assay_matrix whole;
    int matrix = 0;
    const struct made *made = make(L, &set, &o, rng, &matrix, &whole);
    push_result(L, &set, &made->plan, matrix);
    if (kind == ASSAY_SMOTE_BORDERLINE1 || kind == ASSAY_SMOTE_BORDERLINE2)
        assay_set_boolean(L, "no_danger", made->plan.barren);
    return 1;
}

#define AMOUNT "amount", "n", "ratio", "minority"
#define PARTNERS "k", "clip_k", "gap", "scale"
#define REST "round", "threads", "rng"

/* smote(X, y, {k=5, amount= | n= | ratio=1, rng=}): {X=, y=, parents=, gap=, n_synthetic=, k=} */
static int smote(lua_State *L)
{
    static const char *const known[] = {AMOUNT, PARTNERS, REST, NULL};
    return resample(L, known, ASSAY_SMOTE);
}

static int adasyn(lua_State *L)
{
    static const char *const known[] = {AMOUNT, PARTNERS, REST, NULL};
    return resample(L, known, ASSAY_SMOTE_ADASYN);
}

static int safe_level_smote(lua_State *L)
{
    static const char *const known[] = {AMOUNT, PARTNERS, REST, NULL};
    return resample(L, known, ASSAY_SMOTE_SAFE_LEVEL);
}

static int borderline_smote(lua_State *L)
{
    static const char *const known[] = {
        AMOUNT, PARTNERS, REST, "kind", "m", "majority_share", NULL};
    const int64_t kind = lua_istable(L, 3) ? assay_opt_integer(L, 3, "kind", 1, 1, 2) : 1;
    return resample(L, known, kind == 2 ? ASSAY_SMOTE_BORDERLINE2 : ASSAY_SMOTE_BORDERLINE1);
}

/* oversample(X, y, {amount= | n= | ratio=1, rng=}): copies */
static int oversample(lua_State *L)
{
    static const char *const known[] = {AMOUNT, "threads", "rng", NULL};
    return resample(L, known, ASSAY_SMOTE_COPIES);
}

/* ---- nominal columns ---- */

static int nominal(lua_State *L, const char *const *known, bool all)
{
    static const char *const ties[] = {"lowest", "random", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    const assay_smote_options o = read_options(L, 3, ASSAY_SMOTE);
    const bool random = assay_opt_choice(L, 3, "ties", 0, ties) == 1;
    const unsigned char *flags = assay_lua_columns(L, 3, "nominal", set.X.cols);
    if (!all && !flags)
        assay_arg_error(L, "nominal must be a list of columns, got nil");
    if (!all && !memchr(flags, 0, set.X.cols))
        assay_arg_error(
            L, "X must have at least 1 continuous column, got none (smoten is for those)");
    if (all) {
        unsigned char *every = assay_lua_scratch(L, set.X.cols + 1, 1);
        memset(every, 1, set.X.cols + 1);
        flags = every;
    }
    assay_rng *rng = assay_lua_stream(L, 3);
    const unsigned char *rounded = assay_lua_columns(L, 3, "round", set.X.cols);
    struct made *made = push_made(L);
    assay_matrix added;
    assay_arg_status(
        L, assay_smotenc(&set.X, set.y, flags, random, &o, rng, &made->plan, &made->rows));
    push_whole(L, &set, &made->plan, &added);
    const int matrix = lua_gettop(L);
    for (size_t i = 0; i < added.rows; i++)
        for (size_t j = 0; j < added.cols; j++) {
            const double x = *assay_matrix_at(&made->rows, i, j);
            *assay_matrix_at(&added, i, j) = rounded && rounded[j] ? floor(x + 0.5) : x;
        }
    push_result(L, &set, &made->plan, matrix);
    return 1;
}

static int smotenc(lua_State *L)
{
    static const char *const known[] = {
        AMOUNT, "k", "clip_k", "gap", "round", "rng", "nominal", "ties", NULL};
    return nominal(L, known, false);
}

static int smoten(lua_State *L)
{
    static const char *const known[] = {AMOUNT, "k", "clip_k", "rng", NULL};
    return nominal(L, known, true);
}

/* ---- SMOTE, then cleaning ---- */

/* The set that SMOTE makes, and what of it is kept. */
static int smote_then(lua_State *L, bool tomek)
{
    static const char *const links[] = {AMOUNT, PARTNERS, REST, "allow_empty", NULL};
    static const char *const edits[] = {AMOUNT, PARTNERS, REST, "allow_empty", "enn_k", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, tomek ? links : edits);
    const assay_smote_options o = read_options(L, 3, ASSAY_SMOTE);
    const size_t enn_k = (size_t)assay_opt_integer(L, 3, "enn_k", 3, 1, INT64_MAX);
    const bool allow_empty = assay_opt_boolean(L, 3, "allow_empty", false);
    assay_rng *rng = assay_lua_stream(L, 3);
    assay_matrix whole;
    int matrix = 0;
    const struct made *made = make(L, &set, &o, rng, &matrix, &whole);
    const assay_lua_set larger = {whole, push_labels(L, &set, &made->plan)};
    const size_t n = whole.rows;
    unsigned char *keep = assay_lua_scratch(L, n + 1, 1);
    if (tomek) {
        size_t *pair = assay_lua_scratch(L, 2 * n + 1, sizeof *pair), pairs = 0;
        assay_arg_status(L, assay_tomek_links(&whole, larger.y, o.pool, o.progress, pair, &pairs));
        assay_arg_status(L, assay_tomek_clean(larger.y, n, pair, pairs, true, allow_empty, keep));
    } else {
        if (enn_k >= n)
            assay_arg_error(L, "enn_k must be in 1..%zu (other rows), got %zu", n - 1, enn_k);
        unsigned char *every = assay_lua_scratch(L, ASSAY_MOST_CLASSES, 1);
        memset(every, 1, ASSAY_MOST_CLASSES);
        assay_arg_status(L, assay_enn(&whole, larger.y, enn_k, ASSAY_ENN_ALL, every,
                                ASSAY_MOST_CLASSES, allow_empty, o.pool, o.progress, keep));
    }
    assay_lua_push_kept(L, &larger, keep);
    set_plan(L, &made->plan);
    return 1;
}

static int smote_tomek(lua_State *L)
{
    return smote_then(L, true);
}

static int smote_enn(lua_State *L)
{
    return smote_then(L, false);
}

const luaL_Reg assay_lua_resampling[] = {
    {"smote", smote},
    {"smotenc", smotenc},
    {"smoten", smoten},
    {"borderline_smote", borderline_smote},
    {"adasyn", adasyn},
    {"safe_level_smote", safe_level_smote},
    {"oversample", oversample},
    {"smote_enn", smote_enn},
    {"smote_tomek", smote_tomek},
    {NULL, NULL},
};
