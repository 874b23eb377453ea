/* assay.balance: sampling of point clouds (methods/balance/pointsp.h). */
#include "methods/balance/pointsp.h"

#include <string.h>

#include "core/cloud.h"
#include "core/fps.h"
#include "lua/args.h"
#include "lua/balance/balance.h"
#include "lua/engine.h"

enum { NEIGHBOURS = 20 };

assay_matrix assay_lua_cloud_argument(lua_State *L)
{
    luaL_checkstack(L, 40, NULL);
    const assay_matrix P = assay_arg_matrix(L, 1, "P");
    assay_arg_status(L, assay_cloud_check(&P));
    return P;
}

static int free_matrix(lua_State *L)
{
    assay_matrix_free(lua_touserdata(L, 1));
    return 0;
}

assay_matrix *assay_lua_own_matrix(lua_State *L)
{
    return assay_lua_owner(L, sizeof(assay_matrix), free_matrix);
}

void assay_lua_push_owned(lua_State *L, assay_matrix *from)
{
    const assay_matrix to = assay_push_matrix(L, from->rows, from->cols);
    memcpy(to.data, from->data, from->rows * from->cols * sizeof *to.data);
    assay_matrix_free(from);
}

static size_t read_k(lua_State *L, int at)
{
    return (size_t)assay_opt_integer(L, at, "k", NEIGHBOURS, 2, INT64_MAX);
}

static size_t read_m(lua_State *L)
{
    return (size_t)assay_arg_integer(L, 2, "m", 1, INT64_MAX);
}

/* Option start, from 1, or SIZE_MAX and the stream that draws it. */
static size_t read_start(lua_State *L, int at, size_t n, assay_rng **rng)
{
    const int64_t start = assay_opt_integer(L, at, "start", 0, 1, (int64_t)n);
    *rng = assay_opt_rng(L, at, "rng");
    if (start == 0 && !*rng)
        assay_arg_error(L, "start or rng must be given");
    if (start > 0)
        *rng = NULL;
    return start > 0 ? (size_t)start - 1 : SIZE_MAX;
}

/* ---- key points ---- */

/* fps(P, m, {start=, rng=}): {index=, covering_radius=, radius=} */
static int fps(lua_State *L)
{
    static const char *const known[] = {"start", "rng", NULL};
    assay_rng *rng = NULL;
    luaL_checkstack(L, 40, NULL);
    const assay_matrix P = assay_arg_matrix(L, 1, "P");
    const size_t m = read_m(L);
    assay_opts_check(L, 3, known);
    size_t start = read_start(L, 3, P.rows, &rng);
    if (m > P.rows)
        assay_arg_error(L, "m must be in 1..%zu (points), got %zu", P.rows, m);
    if (rng)
        start = (size_t)assay_rng_below(rng, P.rows);
    size_t *index = assay_lua_scratch(L, m, sizeof *index);
    double *radius = assay_lua_doubles(L, m);
    assay_arg_status(L, assay_fps(&P, m, start, NULL, assay_lua_progress(L), index, radius));
    lua_createtable(L, 0, 3);
    assay_push_indices(L, index, m, 1);
    lua_setfield(L, -2, "index");
    assay_set_number(L, "covering_radius", radius[m - 1]);
    assay_set_vector(L, "radius", radius, m);
    return 1;
}

/* keypoint_weights(P [, {k=20}]): {weights=, isolation=, counts=, threshold=} */
static int keypoint_weights(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    size_t *count = assay_lua_scratch(L, P.rows, sizeof *count);
    double *weight = assay_lua_doubles(L, P.rows), *isolation = assay_lua_doubles(L, P.rows);
    double threshold = 0;
    assay_arg_status(L, assay_keypoint_weights(&P, read_k(L, 2), assay_lua_progress(L), count,
                            weight, isolation, &threshold, NULL));
    lua_createtable(L, 0, 4);
    assay_set_vector(L, "weights", weight, P.rows);
    assay_set_vector(L, "isolation", isolation, P.rows);
    assay_push_indices(L, count, P.rows, 0);
    lua_setfield(L, -2, "counts");
    assay_set_number(L, "threshold", threshold);
    return 1;
}

/* The rows that `flags` says have the value, from 1. */
static void push_flagged(lua_State *L, const unsigned char *flags, size_t n, unsigned char value)
{
    size_t *row = assay_lua_scratch(L, n, sizeof *row), rows = 0;
    for (size_t i = 0; i < n; i++)
        if (flags[i] == value)
            row[rows++] = i;
    assay_push_indices(L, row, rows, 1);
    lua_remove(L, -2);
}

/* ffps(P, m, {k=20, keep=0.95, start=, rng=}): {index=, removed=} */
static int ffps(lua_State *L)
{
    static const char *const known[] = {"k", "keep", "start", "rng", NULL};
    assay_rng *rng = NULL;
    const assay_matrix P = assay_lua_cloud_argument(L);
    const size_t m = read_m(L);
    assay_opts_check(L, 3, known);
    const double keep = assay_opt_number(L, 3, "keep", 0.95, ASSAY_POSITIVE, 1);
    const size_t start = read_start(L, 3, P.rows, &rng);
    if (m > P.rows)
        assay_arg_error(L, "m must be in 1..%zu (points), got %zu", P.rows, m);
    size_t *index = assay_lua_scratch(L, m, sizeof *index);
    unsigned char *kept = assay_lua_scratch(L, P.rows, 1);
    assay_arg_status(
        L, assay_ffps(&P, m, read_k(L, 3), keep, start, rng, assay_lua_progress(L), index, kept));
    lua_createtable(L, 0, 2);
    assay_push_indices(L, index, m, 1);
    lua_setfield(L, -2, "index");
    push_flagged(L, kept, P.rows, 0);
    lua_setfield(L, -2, "removed");
    return 1;
}

static void push_index(lua_State *L, const size_t *index, size_t m)
{
    lua_createtable(L, 0, 1);
    assay_push_indices(L, index, m, 1);
    lua_setfield(L, -2, "index");
}

/* wrs(P, m, {k=20, replace=true, rng=}): {index=} */
static int wrs(lua_State *L)
{
    static const char *const known[] = {"k", "replace", "rng", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    const size_t m = read_m(L);
    assay_opts_check(L, 3, known);
    const bool replace = assay_opt_boolean(L, 3, "replace", true);
    assay_rng *rng = assay_required_rng(L, 3);
    size_t *count = assay_lua_scratch(L, P.rows, sizeof *count);
    double *weight = assay_lua_doubles(L, P.rows);
    assay_arg_status(L, assay_keypoint_weights(&P, read_k(L, 3), assay_lua_progress(L), count,
                            weight, NULL, NULL, NULL));
    size_t *index = assay_lua_scratch(L, m, sizeof *index);
    assay_arg_status(L, assay_wrs(weight, P.rows, m, replace, rng, index));
    push_index(L, index, m);
    return 1;
}

/* wrs_core(weights, draws [, {replace=true, m=}]): {index=} */
static int wrs_core(lua_State *L)
{
    static const char *const known[] = {"replace", "m", NULL};
    size_t n = 0, draws = 0;
    const double *weight = assay_arg_vector(L, 1, "weights", &n);
    const double *draw = assay_arg_vector(L, 2, "draws", &draws);
    assay_opts_check(L, 3, known);
    const bool replace = assay_opt_boolean(L, 3, "replace", true);
    const size_t m = (size_t)assay_opt_integer(L, 3, "m", (int64_t)draws, 1, INT64_MAX);
    if (draws != (replace ? m : n))
        assay_arg_error(L, "draws must have %zu values, one for each %s, got %zu", replace ? m : n,
            replace ? "of m" : "weight", draws);
    size_t *index = assay_lua_scratch(L, m, sizeof *index);
    assay_arg_status(L, assay_wrs_core(weight, n, draw, m, replace, index));
    push_index(L, index, m);
    return 1;
}

/* ---- numbers of points ---- */

/* resample_ratio(u [, {min=0.5, max=2}]): a number, or a list of them */
static int resample_ratio(lua_State *L)
{
    static const char *const known[] = {"min", "max", NULL};
    const bool one = lua_type(L, 1) == LUA_TNUMBER;
    size_t n = 0;
    const double *u = assay_arg_numbers(L, 1, "u", &n);
    assay_opts_check(L, 2, known);
    const double least = assay_opt_number(L, 2, "min", 0.5, ASSAY_POSITIVE, ASSAY_FINITE);
    const double most = assay_opt_number(L, 2, "max", 2, least, ASSAY_FINITE);
    double *ratio = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++) {
        if (!(u[i] >= 0 && u[i] <= 1))
            assay_arg_error(L, "u[%zu] must be in 0..1, got %g", i + 1, u[i]);
        ratio[i] = assay_resample_ratio(least, most, u[i]);
    }
    if (one)
        lua_pushnumber(L, ratio[0]);
    else
        assay_push_vector(L, ratio, n);
    return 1;
}

/* balance, drawn when it isn't given */
static double read_balance(lua_State *L, int at, assay_rng *rng)
{
    const double drawn = assay_rng_uniform(rng);
    return assay_opt_number(L, at, "balance", drawn, 0, 1);
}

static void push_thinned(
    lua_State *L, const assay_matrix *P, double ratio, double balance, assay_rng *rng)
{
    size_t *keep = assay_lua_scratch(L, P->rows, sizeof *keep), kept = 0;
    assay_arg_status(L, assay_downsample(P, ratio, balance, rng, keep, &kept));
    assay_lua_push_rows(L, P, keep, kept);
}

/* downsample(P, {ratio=, balance=, rng=}): matrix */
static int downsample(lua_State *L)
{
    static const char *const known[] = {"ratio", "balance", "rng", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const double ratio = assay_opt_required(L, 2, "ratio", 0, 1);
    assay_rng *rng = assay_required_rng(L, 2);
    const double balance = read_balance(L, 2, rng);
    push_thinned(L, &P, ratio, balance, rng);
    return 1;
}

/* downsample_core(P, {ratio=, balance=, center=, keys=}): {keep=, n_drop=, pool=} */
static int downsample_core(lua_State *L)
{
    static const char *const known[] = {"ratio", "balance", "center", "keys", NULL};
    size_t n = 0, drop = 0, pool = 0, kept = 0;
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const double ratio = assay_opt_required(L, 2, "ratio", 0, 1);
    const double balance = assay_opt_required(L, 2, "balance", 0, 1);
    const int64_t centre = assay_opt_integer(L, 2, "center", 0, 1, (int64_t)P.rows);
    if (centre == 0)
        assay_arg_error(L, "center must be given");
    assay_arg_status(L, assay_downsample_counts(P.rows, ratio, balance, &drop, &pool));
    if (!assay_opt_push(L, 2, "keys"))
        assay_arg_error(L, "keys must be given");
    const double *keys = assay_arg_vector(L, -1, "keys", &n);
    if (n < pool)
        assay_arg_error(L, "keys must have at least %zu values (the pool), got %zu", pool, n);
    size_t *keep = assay_lua_scratch(L, P.rows, sizeof *keep);
    assay_arg_status(
        L, assay_downsample_core(&P, ratio, balance, (size_t)centre - 1, keys, keep, &kept));
    lua_createtable(L, 0, 3);
    assay_push_indices(L, keep, kept, 1);
    lua_setfield(L, -2, "keep");
    assay_set_integer(L, "n_drop", (int64_t)drop);
    assay_set_integer(L, "pool", (int64_t)pool);
    return 1;
}

static assay_upsample_options read_upsample(lua_State *L, int at)
{
    return (assay_upsample_options){.k = read_k(L, at),
        .exclude_self = assay_opt_boolean(L, at, "exclude_self", false),
        .progress = assay_lua_progress(L)};
}

static void push_denser(lua_State *L, const assay_matrix *P, double ratio,
    const assay_upsample_options *o, assay_rng *rng)
{
    assay_matrix *out = assay_lua_own_matrix(L);
    const size_t more = (size_t)((ratio - 1) * (double)P->rows);
    assay_arg_status(L, assay_upsample(P, more, o, rng, out));
    assay_lua_push_owned(L, out);
}

/* Ratios that clouds may be resampled by lie between these, both left out. */
static const double LEAST_RATIO = 0.25, MOST_RATIO = 4;

static double read_ratio(lua_State *L, int at, const char *key, double absent)
{
    const double ratio = assay_opt_number(L, at, key, absent, -ASSAY_FINITE, ASSAY_FINITE);
    if (!(ratio > LEAST_RATIO && ratio < MOST_RATIO))
        assay_arg_error(L, "%s must be greater than %g and less than %g, got %g", key, LEAST_RATIO,
            MOST_RATIO, ratio);
    return ratio;
}

/* upsample(P, {ratio=, k=20, exclude_self=false, rng=}): matrix */
static int upsample(lua_State *L)
{
    static const char *const known[] = {"ratio", "k", "exclude_self", "rng", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    assay_opt_required(L, 2, "ratio", 1, ASSAY_FINITE);
    const double ratio = read_ratio(L, 2, "ratio", 1);
    const assay_upsample_options o = read_upsample(L, 2);
    push_denser(L, &P, ratio, &o, assay_required_rng(L, 2));
    return 1;
}

/* resample(P, {ratio= | min=0.5, max=2, balance=, k=20, exclude_self=false, rng=}): matrix, ratio
 */
static int resample(lua_State *L)
{
    static const char *const known[] = {
        "ratio", "min", "max", "balance", "k", "exclude_self", "rng", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const double least = read_ratio(L, 2, "min", 0.5), most = read_ratio(L, 2, "max", 2);
    if (least > most)
        assay_arg_error(L, "min must be at most max, %g, got %g", most, least);
    assay_rng *rng = assay_required_rng(L, 2);
    const double drawn = assay_resample_ratio(least, most, assay_rng_uniform(rng));
    const double ratio = read_ratio(L, 2, "ratio", drawn), balance = read_balance(L, 2, rng);
    const assay_upsample_options o = read_upsample(L, 2);
    if (ratio <= 1)
        push_thinned(L, &P, ratio, balance, rng);
    else
        push_denser(L, &P, ratio, &o, rng);
    lua_pushnumber(L, ratio);
    return 2;
}

/* fill_up(P, {n=1024, k=20, exclude_self=false, rng=}): matrix */
static int fill_up(lua_State *L)
{
    static const char *const known[] = {"n", "k", "exclude_self", "rng", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const size_t n = (size_t)assay_opt_integer(L, 2, "n", 1024, 1, (int64_t)1e9);
    const assay_upsample_options o = read_upsample(L, 2);
    assay_rng *rng = assay_required_rng(L, 2);
    assay_matrix *out = assay_lua_own_matrix(L);
    assay_arg_status(L, assay_fill_up(&P, n, &o, rng, out));
    assay_lua_push_owned(L, out);
    return 1;
}

/* ---- tangent planes ---- */

/* Neighbours and their squared distances; pushes what keeps them. */
static size_t *read_neighbours(lua_State *L, int at, const assay_matrix *P, size_t *k, double **d2)
{
    *k = read_k(L, at);
    if (*k > P->rows)
        assay_arg_error(L, "k must be in 2..%zu (points), got %zu", P->rows, *k);
    size_t *nbr = assay_lua_scratch(L, P->rows * *k, sizeof *nbr);
    *d2 = assay_lua_doubles(L, P->rows * *k);
    assay_arg_status(L, assay_cloud_neighbours(P, *k, assay_lua_progress(L), nbr, *d2));
    return nbr;
}

/* pc_normals(P [, {k=20}]): matrix */
static int pc_normals(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    size_t k = 0;
    double *d2 = NULL;
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const size_t *nbr = read_neighbours(L, 2, &P, &k, &d2);
    assay_matrix N = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_pc_normals(&P, nbr, k, &N));
    return 1;
}

/* tangent_interpolate(P, {k=20, normals=, neighbor=}): matrix */
static int tangent_interpolate(lua_State *L)
{
    static const char *const known[] = {"k", "normals", "neighbor", NULL};
    size_t k = 0, n = 0;
    double *d2 = NULL;
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const size_t *nbr = read_neighbours(L, 2, &P, &k, &d2);
    assay_matrix N;
    if (assay_opt_push(L, 2, "normals")) {
        N = assay_arg_matrix(L, -1, "normals");
    } else {
        N = assay_push_matrix(L, P.rows, 3);
        assay_arg_status(L, assay_pc_normals(&P, nbr, k, &N));
    }
    if (N.rows != P.rows || N.cols != 3)
        assay_arg_error(
            L, "normals must be %zu x 3 as P is, got %zu x %zu", P.rows, N.rows, N.cols);
    assay_arg_status(L, assay_cloud_check(&N));
    if (!assay_opt_push(L, 2, "neighbor"))
        assay_arg_error(L, "neighbor must be given");
    const size_t *pick = assay_arg_indices(L, -1, "neighbor", 1, k, &n);
    if (n != P.rows)
        assay_arg_error(L, "neighbor must have %zu values as P has points, got %zu", P.rows, n);
    assay_matrix out = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_tangent_interpolate(&P, nbr, d2, k, &N, pick, &out));
    return 1;
}

/* pc_descriptor(P [, {bins=32}]): a row */
static int pc_descriptor(lua_State *L)
{
    static const char *const known[] = {"bins", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const size_t bins = (size_t)assay_opt_integer(L, 2, "bins", 32, 1, 1 << 20);
    const assay_matrix out = assay_push_matrix(L, 1, assay_pc_descriptor_size(bins));
    assay_arg_status(L, assay_pc_descriptor(&P, bins, out.data));
    return 1;
}

const luaL_Reg assay_lua_points[] = {
    {"fps", fps},
    {"ffps", ffps},
    {"wrs", wrs},
    {"wrs_core", wrs_core},
    {"keypoint_weights", keypoint_weights},
    {"resample_ratio", resample_ratio},
    {"resample", resample},
    {"downsample", downsample},
    {"downsample_core", downsample_core},
    {"upsample", upsample},
    {"fill_up", fill_up},
    {"pc_normals", pc_normals},
    {"tangent_interpolate", tangent_interpolate},
    {"pc_descriptor", pc_descriptor},
    {NULL, NULL},
};
