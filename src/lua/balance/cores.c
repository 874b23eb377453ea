/*
 * assay.balance: the steps of the methods without chance, from given draws, and what tells how each
 * row of a class lies (methods/balance/smote.h).
 */
#include "lua/balance/balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/neighbours.h"
#include "core/status.h"
#include "lua/args.h"
#include "lua/engine.h"

static const size_t *required_indices(
    lua_State *L, int at, const char *key, size_t limit, size_t *n)
{
    if (!assay_opt_push(L, at, key))
        assay_arg_error(L, "%s must be given", key);
    return assay_arg_indices(L, -1, key, 1, limit, n);
}

/* Fields of equal length. */
static void check_draws(lua_State *L, const char *name, size_t n, size_t wanted)
{
    if (n != wanted)
        assay_arg_error(L, "%s must have %zu values as base has, got %zu", name, wanted, n);
}

/* base, neighbor and gap. */
struct draws {
    size_t n;
    const size_t *base, *col;
    const double *gap;
};

static struct draws read_draws(lua_State *L, int at, size_t T, size_t k)
{
    struct draws d = {0};
    size_t n = 0;
    d.base = required_indices(L, at, "base", T, &d.n);
    d.col = required_indices(L, at, "neighbor", k, &n);
    check_draws(L, "neighbor", n, d.n);
    if (!assay_opt_push(L, at, "gap"))
        assay_arg_error(L, "gap must be given");
    d.gap = assay_arg_vector(L, -1, "gap", &n);
    check_draws(L, "gap", n, d.n);
    return d;
}

static size_t read_k(lua_State *L, int at, const char *key, int64_t absent, size_t most)
{
    const int64_t k = assay_opt_integer(L, at, key, absent, 1, (int64_t)most);
    if (k > (int64_t)most)
        assay_arg_error(L, "%s must be in 1..%zu, got %lld", key, most, (long long)k);
    return (size_t)k;
}

/* Rows of distances as indices from 1. */
static void push_neighbours(lua_State *L, const size_t *index, size_t T, size_t k)
{
    lua_createtable(L, (int)T, 0);
    for (size_t i = 0; i < T; i++) {
        assay_push_indices(L, index + i * k, k, 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void check_rows(lua_State *L, size_t rows)
{
    if (rows < 2)
        assay_arg_error(L, "X must have at least 2 rows, got %zu", rows);
}

/* knn(X, {k=5, threads=1}): {index=, distance=} */
static int knn(lua_State *L)
{
    static const char *const known[] = {"k", "threads", NULL};
    luaL_checkstack(L, 40, NULL);
    const assay_matrix X = assay_arg_matrix(L, 1, "X");
    assay_opts_check(L, 2, known);
    check_rows(L, X.rows);
    const size_t k = read_k(L, 2, "k", 5, X.rows - 1);
    size_t *index = assay_lua_scratch(L, X.rows * k, sizeof *index);
    const struct assay_neighbours_options how = {
        .exclude_self = true, .pool = assay_lua_pool(L, 2), .progress = assay_lua_progress(L)};
    const assay_matrix distance = assay_push_matrix(L, X.rows, k);
    const int matrix = lua_gettop(L);
    assay_arg_status(L, assay_neighbours(&X, &X, k, &how, index, distance.data));
    for (size_t i = 0; i < X.rows * k; i++)
        distance.data[i] = sqrt(distance.data[i]);
    lua_createtable(L, 0, 2);
    push_neighbours(L, index, X.rows, k);
    lua_setfield(L, -2, "index");
    lua_pushvalue(L, matrix);
    lua_setfield(L, -2, "distance");
    return 1;
}

static const size_t *own_neighbours(lua_State *L, const assay_matrix *X, size_t k)
{
    size_t *index = assay_lua_scratch(L, X->rows * k, sizeof *index);
    const struct assay_neighbours_options how = {
        .exclude_self = true, .progress = assay_lua_progress(L)};
    assay_arg_status(L, assay_neighbours(X, X, k, &how, index, NULL));
    return index;
}

/* smote_core(X, {k=5, base=, neighbor=, gap=}): {X=} */
static int smote_core(lua_State *L)
{
    static const char *const known[] = {"k", "base", "neighbor", "gap", NULL};
    luaL_checkstack(L, 40, NULL);
    const assay_matrix X = assay_arg_matrix(L, 1, "X");
    assay_opts_check(L, 2, known);
    check_rows(L, X.rows);
    const size_t k = read_k(L, 2, "k", 5, X.rows - 1);
    const struct draws d = read_draws(L, 2, X.rows, k);
    const size_t *index = own_neighbours(L, &X, k);
    lua_createtable(L, 0, 1);
    assay_matrix out = assay_push_matrix(L, d.n, X.cols);
    assay_arg_status(L, assay_smote_core(&X, index, k, d.base, d.col, d.gap, d.n, 1, &X, &out));
    lua_setfield(L, -2, "X");
    return 1;
}

/* smote_count(T, {amount=}): {n_synthetic=, per_base=} */
static int smote_count(lua_State *L)
{
    static const char *const known[] = {"amount", NULL};
    const int64_t T = assay_arg_integer(L, 1, "T", 0, (int64_t)1e12);
    assay_opts_check(L, 2, known);
    size_t total = 0, per_base = 0;
    assay_arg_status(L, assay_smote_count((size_t)T, assay_opt_required(L, 2, "amount", 0, 1e9),
                            &total, &per_base));
    lua_createtable(L, 0, 2);
    assay_set_integer(L, "n_synthetic", (int64_t)total);
    assay_set_integer(L, "per_base", (int64_t)per_base);
    return 1;
}

/* ---- nominal ---- */

static void mixed_arguments(lua_State *L, assay_matrix *Xc, assay_matrix *Xn)
{
    luaL_checkstack(L, 40, NULL);
    *Xc = assay_arg_matrix(L, 1, "Xc");
    *Xn = assay_arg_matrix(L, 2, "Xn");
    if (Xc->rows != Xn->rows)
        assay_arg_error(L, "Xn must have %zu rows as Xc has, got %zu", Xc->rows, Xn->rows);
}

/* Pushes {med=, distance=}. */
static void push_mixed_distance(lua_State *L, const assay_matrix *Xc, const assay_matrix *Xn)
{
    double med = 0;
    lua_createtable(L, 0, 6);
    assay_matrix distance = assay_push_matrix(L, Xc->rows, Xc->rows);
    assay_arg_status(L, assay_smotenc_distance(Xc, Xn, &med, &distance));
    lua_setfield(L, -2, "distance");
    assay_set_number(L, "med", med);
}

static int smotenc_distance(lua_State *L)
{
    assay_matrix Xc, Xn;
    mixed_arguments(L, &Xc, &Xn);
    push_mixed_distance(L, &Xc, &Xn);
    return 1;
}

/* smotenc_core(Xc, Xn, {k=5, base=, neighbor=, gap=}): {med=, distance=, neighbors=, Xc_new=,
 * Xn_new=} */
static int smotenc_core(lua_State *L)
{
    static const char *const known[] = {"k", "base", "neighbor", "gap", NULL};
    assay_matrix Xc, Xn;
    mixed_arguments(L, &Xc, &Xn);
    assay_opts_check(L, 3, known);
    check_rows(L, Xc.rows);
    const size_t k = read_k(L, 3, "k", 5, Xc.rows - 1);
    const struct draws d = read_draws(L, 3, Xc.rows, k);
    size_t *index = assay_lua_scratch(L, Xc.rows * k, sizeof *index);
    assay_arg_status(L, assay_smotenc_neighbours(&Xc, &Xn, k, assay_lua_progress(L), index));
    push_mixed_distance(L, &Xc, &Xn);
    push_neighbours(L, index, Xc.rows, k);
    lua_setfield(L, -2, "neighbors");
    assay_matrix out = assay_push_matrix(L, d.n, Xc.cols);
    assay_arg_status(L, assay_smote_core(&Xc, index, k, d.base, d.col, d.gap, d.n, 1, &Xc, &out));
    lua_setfield(L, -2, "Xc_new");
    const assay_matrix codes = assay_push_matrix(L, d.n, Xn.cols);
    for (size_t i = 0; i < d.n; i++)
        assay_arg_status(
            L, assay_vote(&Xn, index + d.base[i] * k, k, NULL, assay_matrix_row(&codes, i)));
    lua_setfield(L, -2, "Xn_new");
    return 1;
}

static int vdm_free(lua_State *L)
{
    assay_vdm_free(lua_touserdata(L, 1));
    return 0;
}

static assay_vdm *push_vdm(lua_State *L, const assay_lua_set *set, const size_t *codes)
{
    assay_vdm *vdm = lua_newuserdatauv(L, sizeof *vdm, 0);
    *vdm = (assay_vdm){0};
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, vdm_free);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    assay_arg_status(L, assay_vdm_new(&set->X, set->y, codes, vdm));
    return vdm;
}

/* The rows of option `minority`, by default the smallest class. */
static const size_t *minority_rows(lua_State *L, int at, const assay_lua_set *set, size_t *T)
{
    size_t *size = NULL, classes = 0, largest = 0, smallest = 0;
    const int status = assay_class_sizes(set->y, set->X.rows, &size, &classes, &largest, &smallest);
    free(size);
    assay_arg_status(L, status);
    const int64_t minority =
        assay_opt_integer(L, at, "minority", (int64_t)smallest, 0, (int64_t)classes - 1);
    size_t *row = assay_lua_scratch(L, set->X.rows, sizeof *row);
    assay_class_rows(set->y, set->X.rows, (size_t)minority, row, T);
    if (*T == 0)
        assay_arg_error(L, "minority must be a class of y, got %lld", (long long)minority);
    return row;
}

static void push_delta(lua_State *L, const assay_vdm *vdm)
{
    lua_createtable(L, (int)vdm->features, 0);
    for (size_t f = 0; f < vdm->features; f++) {
        const assay_matrix m = assay_push_matrix(L, vdm->codes[f], vdm->codes[f]);
        memcpy(m.data, vdm->delta[f], vdm->codes[f] * vdm->codes[f] * sizeof *m.data);
        lua_rawseti(L, -2, (lua_Integer)f + 1);
    }
}

static void push_vdm_distance(
    lua_State *L, const assay_vdm *vdm, const assay_matrix *X, const size_t *row, size_t T)
{
    const assay_matrix m = assay_push_matrix(L, T, T);
    for (size_t i = 0; i < T; i++)
        for (size_t j = 0; j < T; j++)
            *assay_matrix_at(&m, i, j) =
                assay_vdm_distance(vdm, assay_matrix_row(X, row[i]), assay_matrix_row(X, row[j]));
}

/* Rows that the base and its neighbours vote for. */
static void push_voted(lua_State *L, const assay_matrix *X, const size_t *row, const size_t *index,
    size_t k, const size_t *base, size_t n)
{
    size_t *voter = assay_lua_scratch(L, k + 1, sizeof *voter);
    const assay_matrix m = assay_push_matrix(L, n, X->cols);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++)
            voter[j] = row[index[base[i] * k + j]];
        voter[k] = row[base[i]];
        assay_arg_status(L, assay_vote(X, voter, k + 1, NULL, assay_matrix_row(&m, i)));
    }
    lua_remove(L, -2);
}

/* smoten_core(X, y, {minority=, k=5, base=, n_categories=}): {delta=, distance=, neighbors=,
 * X_new=} */
static int smoten_core(lua_State *L)
{
    static const char *const known[] = {"minority", "k", "base", "n_categories", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t T = 0, n = 0, features = 0;
    const size_t *row = minority_rows(L, 3, &set, &T), *codes = NULL;
    check_rows(L, T);
    const size_t k = read_k(L, 3, "k", 5, T - 1);
    const size_t *base = required_indices(L, 3, "base", T, &n);
    if (assay_opt_push(L, 3, "n_categories")) {
        codes = assay_arg_indices(L, -1, "n_categories", 0, 1 << 20, &features);
        if (features != set.X.cols)
            assay_arg_error(L, "n_categories must have %zu values as X has columns, got %zu",
                set.X.cols, features);
    }
    const assay_vdm *vdm = push_vdm(L, &set, codes);
    size_t *index = assay_lua_scratch(L, T * k, sizeof *index);
    assay_arg_status(L, assay_vdm_neighbours(vdm, &set.X, row, T, k, assay_lua_progress(L), index));
    lua_createtable(L, 0, 4);
    push_delta(L, vdm);
    lua_setfield(L, -2, "delta");
    push_vdm_distance(L, vdm, &set.X, row, T);
    lua_setfield(L, -2, "distance");
    push_neighbours(L, index, T, k);
    lua_setfield(L, -2, "neighbors");
    push_voted(L, &set.X, row, index, k, base, n);
    lua_setfield(L, -2, "X_new");
    return 1;
}

/* ---- surroundings ---- */

static const size_t *foreign_counts(
    lua_State *L, const assay_lua_set *set, const size_t *row, size_t T, size_t k)
{
    size_t *foreign = assay_lua_scratch(L, T, sizeof *foreign);
    assay_arg_status(L,
        assay_foreign_neighbours(&set->X, set->y, row, T, k, NULL, assay_lua_progress(L), foreign));
    return foreign;
}

/* safe_level(X, y, {minority=, k=5}): {level=} */
static int safe_level(lua_State *L)
{
    static const char *const known[] = {"minority", "k", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t T = 0;
    const size_t *row = minority_rows(L, 3, &set, &T);
    const size_t k = read_k(L, 3, "k", 5, set.X.rows - 1);
    const size_t *foreign = foreign_counts(L, &set, row, T, k);
    size_t *level = assay_lua_scratch(L, T, sizeof *level);
    for (size_t i = 0; i < T; i++)
        level[i] = k - foreign[i];
    lua_createtable(L, 0, 1);
    assay_push_indices(L, level, T, 0);
    lua_setfield(L, -2, "level");
    return 1;
}

/* adasyn_counts(X, y, {minority=, k=5, n=}): {r=, density=, counts=} */
static int adasyn_counts(lua_State *L)
{
    static const char *const known[] = {"minority", "k", "n", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t T = 0;
    const size_t *row = minority_rows(L, 3, &set, &T);
    const size_t k = read_k(L, 3, "k", 5, set.X.rows - 1);
    const double n = assay_opt_required(L, 3, "n", 0, 1e9);
    const size_t *foreign = foreign_counts(L, &set, row, T, k);
    double *r = assay_lua_doubles(L, T), *density = assay_lua_doubles(L, T);
    size_t *counts = assay_lua_scratch(L, T, sizeof *counts);
    assay_arg_status(L, assay_adasyn_counts(foreign, T, k, n, r, density, counts));
    lua_createtable(L, 0, 3);
    assay_set_vector(L, "r", r, T);
    assay_set_vector(L, "density", density, T);
    assay_push_indices(L, counts, T, 0);
    lua_setfield(L, -2, "counts");
    return 1;
}

/* Danger rows, as positions in the minority, and the words for all. Pushes two values. */
static const size_t *push_kinds(
    lua_State *L, const size_t *foreign, size_t T, size_t m, size_t *dangers)
{
    static const char *const words[] = {"safe", "danger", "noise"};
    size_t *danger = assay_lua_scratch(L, T, sizeof *danger);
    *dangers = 0;
    lua_createtable(L, (int)T, 0);
    for (size_t i = 0; i < T; i++) {
        const assay_border border = assay_border_of(foreign[i], m);
        if (border == ASSAY_BORDER_DANGER)
            danger[(*dangers)++] = i;
        lua_pushstring(L, words[border]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return danger;
}

assay_matrix assay_lua_push_rows(
    lua_State *L, const assay_matrix *X, const size_t *row, size_t n)
{
    const assay_matrix out = assay_push_matrix(L, n, X->cols);
    for (size_t i = 0; i < n; i++)
        memcpy(assay_matrix_row(&out, i), assay_matrix_row(X, row[i]), X->cols * sizeof *out.data);
    return out;
}

/* Rows from danger rows towards `pool`, for given draws. Pushes one matrix. */
static void push_towards(lua_State *L, const assay_matrix *border, const assay_matrix *pool,
    const size_t *index, size_t k, const struct draws *d, double step)
{
    assay_matrix out = assay_push_matrix(L, d->n, border->cols);
    assay_arg_status(
        L, assay_smote_core(border, index, k, d->base, d->col, d->gap, d->n, step, pool, &out));
}

/* borderline_core(X, y, {minority=, m=10, k=5, base=, neighbor=, gap=}): base among danger rows */
static int borderline_core(lua_State *L)
{
    static const char *const known[] = {"minority", "m", "k", "base", "neighbor", "gap", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t T = 0, dangers = 0, others = 0;
    const size_t *row = minority_rows(L, 3, &set, &T);
    check_rows(L, T);
    const size_t m = read_k(L, 3, "m", 10, set.X.rows - 1);
    const size_t k = read_k(L, 3, "k", 5, T - 1);
    const size_t *foreign = foreign_counts(L, &set, row, T, m);
    const size_t *danger = push_kinds(L, foreign, T, m, &dangers);
    const int kinds = lua_gettop(L);
    const struct draws d = read_draws(L, 3, dangers, k);
    size_t *other = assay_lua_scratch(L, set.X.rows, sizeof *other);
    for (size_t i = 0; i < set.X.rows; i++)
        if (set.y[i] != set.y[row[0]])
            other[others++] = i;
    if (k > others)
        assay_arg_error(L, "k must be in 1..%zu (rows of other classes), got %zu", others, k);
    const assay_matrix minority = assay_lua_push_rows(L, &set.X, row, T);
    const assay_matrix majority = assay_lua_push_rows(L, &set.X, other, others);
    const assay_matrix border = assay_lua_push_rows(L, &minority, danger, dangers);
    const size_t *own = own_neighbours(L, &minority, k);
    size_t *near = assay_lua_scratch(L, dangers * k + 1, sizeof *near);
    size_t *far = assay_lua_scratch(L, dangers * k + 1, sizeof *far);
    for (size_t i = 0; i < dangers; i++)
        memcpy(near + i * k, own + danger[i] * k, k * sizeof *near);
    const struct assay_neighbours_options how = {.progress = assay_lua_progress(L)};
    if (dangers > 0)
        assay_arg_status(L, assay_neighbours(&border, &majority, k, &how, far, NULL));
    lua_createtable(L, 0, 4);
    assay_push_indices(L, foreign, T, 0);
    lua_setfield(L, -2, "n_major_neighbors");
    lua_pushvalue(L, kinds);
    lua_setfield(L, -2, "kind");
    push_towards(L, &border, &minority, near, k, &d, 1);
    lua_setfield(L, -2, "synthetic_borderline1");
    push_towards(L, &border, &majority, far, k, &d, 0.5);
    lua_setfield(L, -2, "synthetic_to_majority_borderline2");
    return 1;
}

const luaL_Reg assay_lua_balance_cores[] = {
    {"knn", knn},
    {"smote_core", smote_core},
    {"smote_count", smote_count},
    {"smotenc_core", smotenc_core},
    {"smotenc_distance", smotenc_distance},
    {"smoten_core", smoten_core},
    {"borderline_core", borderline_core},
    {"adasyn_counts", adasyn_counts},
    {"safe_level", safe_level},
    {NULL, NULL},
};
