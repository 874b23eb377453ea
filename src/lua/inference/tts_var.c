/*
 * Search over the paths of a coarse-to-fine sampler, for Lua (methods/inference/tts_var.h).
 *
 * A model in Lua keeps each path as one value, its state, which step returns anew; copies of a path
 * share the value, so that step must not change the one it gets. A testbed's model stays in C.
 */
#include "lua/args.h"
#include "lua/canvas.h"
#include "lua/inference/inference.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/kmeans.h"
#include "core/status.h"
#include "methods/inference/tts_var.h"

/* ---- parts ---- */

/* A list of numbers of paths, at least 1 each (which the primitive says of 0). Pushes one value. */
static const size_t *counts_argument(lua_State *L, int at, const char *name, size_t *n)
{
    return assay_arg_indices(L, at, name, 0, SIZE_MAX, n);
}

/* batch_schedule{n=1, base=}: a list */
static int batch_schedule(lua_State *L)
{
    static const char *const known[] = {"n", "base", NULL};
    assay_opts_check(L, 1, known);
    const size_t n = (size_t)assay_opt_integer(L, 1, "n", 1, 1, INT32_MAX);
    size_t scales = ASSAY_TTS_SCALES;
    const size_t *base = assay_tts_base;
    if (assay_opt_push(L, 1, "base"))
        base = counts_argument(L, -1, "base", &scales);
    size_t *kept = assay_lua_scratch(L, scales, sizeof *kept);
    assay_arg_status(L, assay_batch_schedule(base, scales, n, kept));
    assay_push_indices(L, kept, scales, 0);
    return 1;
}

/* schedule_cost(kept, cost): {generated=, cost=, reductions=, one=, ratio=} */
static int schedule_cost(lua_State *L)
{
    size_t scales = 0, costs = 0;
    double total = 0, one = 0;
    const size_t *kept = counts_argument(L, 1, "kept", &scales);
    const double *cost = assay_arg_vector(L, 2, "cost", &costs);
    if (costs != scales)
        assay_arg_error(L, "cost must have %zu numbers as kept has, got %zu", scales, costs);
    size_t *generated = assay_lua_scratch(L, scales, sizeof *generated);
    assay_arg_status(L, assay_schedule_cost(kept, cost, scales, generated, &total));
    for (size_t s = 0; s < scales; s++)
        one += cost[s];
    lua_createtable(L, 0, 5);
    assay_push_indices(L, generated, scales, 0);
    lua_setfield(L, -2, "generated");
    assay_set_number(L, "cost", total);
    assay_set_number(L, "one", one);
    assay_set_number(L, "ratio", total / one);
    lua_newtable(L);
    for (size_t s = 1, n = 0; s < scales; s++)
        if (kept[s] < kept[s - 1]) {
            lua_pushinteger(L, (lua_Integer)s + 1);
            lua_rawseti(L, -2, (lua_Integer)++n);
        }
    lua_setfield(L, -2, "reductions");
    return 1;
}

static const char *const potentials[] = {"value", "diff", "max", "sum", "topk", NULL};
static const assay_potential_kind potential_kinds[] = {ASSAY_POTENTIAL_VALUE, ASSAY_POTENTIAL_DIFF,
    ASSAY_POTENTIAL_MAX, ASSAY_POTENTIAL_SUM, ASSAY_POTENTIAL_TOPK};

/* Options kind and top; topk needs top. */
static assay_potential_kind potential_options(lua_State *L, int at, size_t *top)
{
    const assay_potential_kind kind =
        potential_kinds[assay_opt_choice(L, at, "kind", 0, potentials)];
    *top = (size_t)assay_opt_integer(L, at, "top", 0, 1, INT32_MAX);
    if (kind == ASSAY_POTENTIAL_TOPK && *top == 0)
        assay_arg_error(L, "top must be given for kind \"topk\"");
    return kind;
}

static double lambda_option(lua_State *L, int at)
{
    return assay_opt_number(L, at, "lambda", 10, -ASSAY_FINITE, ASSAY_FINITE);
}

/* potential(reward, history [, {kind="value", lambda=10, top=}]): {potential=, weights=} */
static int potential(lua_State *L)
{
    static const char *const known[] = {"kind", "lambda", "top", NULL};
    assay_opts_check(L, 3, known);
    size_t n = 0, top = 0;
    const double *reward = assay_arg_vector(L, 1, "reward", &n);
    const assay_matrix history = assay_arg_matrix(L, 2, "history");
    const assay_potential_kind kind = potential_options(L, 3, &top);
    const double lambda = lambda_option(L, 3);
    double *value = assay_lua_doubles(L, n), *weight = assay_lua_doubles(L, n);
    assay_arg_status(L, assay_potential(reward, &history, n, kind, lambda, top, value, weight));
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "potential", value, n);
    assay_set_vector(L, "weights", weight, n);
    return 1;
}

static const char *const resamplings[] = {"multinomial", "systematic", NULL};
static const assay_resample_kind resample_kinds[] = {
    ASSAY_RESAMPLE_MULTINOMIAL, ASSAY_RESAMPLE_SYSTEMATIC};

/* Option draws, of `wanted` numbers (0: any; their number is given back), or else from rng. Pushes
 * one value. */
static const double *draws_option(lua_State *L, int at, size_t *wanted)
{
    size_t n = 0;
    if (assay_opt_push(L, at, "draws")) {
        const double *draws = assay_arg_vector(L, -1, "draws", &n);
        if (*wanted != 0 && n != *wanted)
            assay_arg_error(L, "draws must have %zu numbers, got %zu", *wanted, n);
        *wanted = n;
        return draws;
    }
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    if (!rng)
        assay_arg_error(L, "either draws or rng must be given");
    double *draws = assay_lua_doubles(L, *wanted);
    assay_rng_fill_uniform(rng, draws, *wanted);
    return draws;
}

/* resample(weights, {k=, kind="multinomial", draws=, rng=}): a list of positions */
static int resample(lua_State *L)
{
    static const char *const known[] = {"k", "kind", "draws", "rng", NULL};
    assay_opts_check(L, 2, known);
    size_t n = 0, k = (size_t)assay_opt_integer(L, 2, "k", 0, 1, INT32_MAX);
    const double *weights = assay_arg_vector(L, 1, "weights", &n);
    const assay_resample_kind kind = resample_kinds[assay_opt_choice(L, 2, "kind", 0, resamplings)];
    const bool systematic = kind == ASSAY_RESAMPLE_SYSTEMATIC;
    const bool drawn = assay_opt_push(L, 2, "draws");
    lua_pop(L, 1);
    if (k == 0 && (systematic || !drawn))
        assay_arg_error(L, "k must be given");
    size_t wanted = systematic ? 1 : k;
    const double *draws = draws_option(L, 2, &wanted);
    k = systematic ? k : wanted;
    size_t *index = assay_lua_scratch(L, k, sizeof *index);
    assay_arg_status(L, assay_resample(weights, n, k, kind, draws, index));
    assay_push_indices(L, index, k, 1);
    return 1;
}

/* Option k within the rows of the features. */
static size_t clusters_option(lua_State *L, int at, const assay_matrix *features)
{
    if (features->rows == 0)
        assay_arg_error(L, "features must have at least 1 row, got none");
    if (!assay_opt_push(L, at, "k"))
        assay_arg_error(L, "k must be given");
    const size_t k = (size_t)assay_arg_integer(L, -1, "k", 1, (int64_t)features->rows);
    lua_pop(L, 1);
    return k;
}

/* kmeans_pp(features, {k=, draws=, rng=}): a list of rows */
static int kmeans_pp(lua_State *L)
{
    static const char *const known[] = {"k", "draws", "rng", NULL};
    assay_opts_check(L, 2, known);
    const assay_matrix features = assay_arg_matrix(L, 1, "features");
    size_t k = clusters_option(L, 2, &features);
    size_t *index = assay_lua_scratch(L, k, sizeof *index);
    const double *draws = draws_option(L, 2, &k);
    assay_arg_status(L, assay_kmeans_pp(&features, k, draws, index));
    assay_push_indices(L, index, k, 1);
    return 1;
}

/* diversity_select(features, {k=, init=, restarts=10, rng=}): {index=, labels=, centers=, inertia=}
 */
static int diversity_select(lua_State *L)
{
    static const char *const known[] = {"k", "init", "restarts", "rng", NULL};
    assay_opts_check(L, 2, known);
    const assay_matrix features = assay_arg_matrix(L, 1, "features");
    const size_t k = clusters_option(L, 2, &features), rows = features.rows;
    const size_t restarts = (size_t)assay_opt_integer(L, 2, "restarts", 10, 1, 1000000);
    assay_rng *rng = assay_opt_rng(L, 2, "rng");
    const size_t *init = NULL;
    if (assay_opt_push(L, 2, "init")) {
        size_t n = 0;
        init = assay_arg_indices(L, -1, "init", 1, rows, &n);
        if (n != k)
            assay_arg_error(L, "init must have k = %zu rows, got %zu", k, n);
    }
    if (!init && !rng && k < rows)
        assay_arg_error(L, "either init or rng must be given");
    size_t *index = assay_lua_scratch(L, k, sizeof *index);
    size_t *label = assay_lua_scratch(L, rows, sizeof *label);
    double inertia = 0;
    lua_createtable(L, 0, 4);
    assay_matrix centres = assay_push_matrix(L, k, features.cols);
    assay_arg_status(L, assay_diversity_select(
                            &features, k, init, restarts, rng, index, label, &centres, &inertia));
    lua_setfield(L, -2, "centers");
    assay_push_indices(L, index, k, 1);
    lua_setfield(L, -2, "index");
    assay_push_indices(L, label, rows, 1);
    lua_setfield(L, -2, "labels");
    assay_set_number(L, "inertia", inertia);
    return 1;
}

/* patch_pca(patches): a list, a number a patch */
static int patch_pca(lua_State *L)
{
    const assay_matrix patches = assay_arg_matrix(L, 1, "patches");
    double *score = assay_lua_doubles(L, patches.rows);
    assay_arg_status(L, assay_patch_pca(&patches, score));
    assay_push_vector(L, score, patches.rows);
    return 1;
}

/* The images' patches in one matrix, which is pushed. */
static assay_matrix stack_images(lua_State *L, size_t images)
{
    assay_matrix all = {0};
    for (size_t i = 0; i < images; i++) {
        char name[48];
        const int top = lua_gettop(L);
        snprintf(name, sizeof name, "images[%zu]", i + 1);
        lua_geti(L, 1, (lua_Integer)i + 1);
        const assay_matrix image = assay_arg_matrix(L, -1, name);
        if (i == 0) {
            all = assay_push_matrix(L, images * image.rows, image.cols);
            lua_insert(L, top + 1);
            lua_settop(L, top + 1);
        }
        if (image.rows * images != all.rows || image.cols != all.cols)
            assay_arg_error(L, "%s must be %zu x %zu as the first, got %zu x %zu", name,
                all.rows / images, all.cols, image.rows, image.cols);
        for (size_t l = 0; l < image.rows; l++)
            memcpy(assay_matrix_row(&all, i * image.rows + l), assay_matrix_row(&image, l),
                image.cols * sizeof *all.data);
        if (i > 0)
            lua_settop(L, top);
    }
    return all;
}

/* patch_features(images [, {kind="pca"}]): a matrix, a row an image */
static int patch_features(lua_State *L)
{
    static const char *const known[] = {"kind", NULL};
    static const char *const names[] = {"pca", "pca_all", "pool", NULL};
    static const assay_patch_features kinds[] = {
        ASSAY_PATCH_PCA, ASSAY_PATCH_PCA_ALL, ASSAY_PATCH_POOL};
    assay_opts_check(L, 2, known);
    const assay_patch_features kind = kinds[assay_opt_choice(L, 2, "kind", 0, names)];
    const size_t images = lua_istable(L, 1) ? (size_t)luaL_len(L, 1) : 0;
    if (images == 0)
        assay_arg_error(L, "images must be a list of matrices, got %s",
            lua_istable(L, 1) ? "none" : luaL_typename(L, 1));
    const assay_matrix all = stack_images(L, images);
    assay_matrix out =
        assay_push_matrix(L, images, kind == ASSAY_PATCH_POOL ? all.cols : all.rows / images);
    assay_arg_status(L, assay_patch_features_of(&all, images, kind, &out));
    return 1;
}

/* reward_consistency(history): {spearman=, pearson=} */
static int reward_consistency(lua_State *L)
{
    const assay_matrix history = assay_arg_matrix(L, 1, "history");
    double *spearman = assay_lua_doubles(L, history.cols);
    double *pearson = assay_lua_doubles(L, history.cols);
    assay_arg_status(L, assay_reward_consistency(&history, spearman, pearson));
    lua_createtable(L, 0, 2);
    assay_set_vector(L, "spearman", spearman, history.cols);
    assay_set_vector(L, "pearson", pearson, history.cols);
    return 1;
}

/* ---- models in Lua ---- */

/* States are the elements 1.. of the table at `states`. An error of a function is kept at `error`.
 */
typedef struct lua_model {
    lua_State *L;
    int model, states, moved, features, error;
    bool failed;
} lua_model;

/* Calls the function on the stack with its `arguments`, for one result. */
static int call(lua_model *m, int arguments)
{
    if (lua_pcall(m->L, arguments, 1, 0) == LUA_OK)
        return ASSAY_OK;
    m->failed = true;
    lua_replace(m->L, m->error);
    return assay_fail(ASSAY_ESCRIPT, "a function of the model failed");
}

static int fail_result(lua_model *m, const char *function, const char *wanted)
{
    lua_pushfstring(
        m->L, "model.%s must return %s, got %s", function, wanted, luaL_typename(m->L, -1));
    const char *message = lua_tostring(m->L, -1);
    const int status = assay_fail(ASSAY_EINVAL, "%s", message);
    lua_pop(m->L, 2);
    return status;
}

static int store_state(lua_model *m, const char *function, size_t path)
{
    if (lua_isnil(m->L, -1))
        return fail_result(m, function, "a path's state");
    lua_rawseti(m->L, m->states, (lua_Integer)path + 1);
    return ASSAY_OK;
}

static int lua_begin(void *context, size_t paths, assay_rng *rng)
{
    lua_model *m = context;
    int status = ASSAY_OK;
    for (size_t p = 0; p < paths && !status; p++) {
        lua_getfield(m->L, m->model, "init");
        assay_push_rng(m->L, assay_rng_split(rng, p));
        status = call(m, 1);
        if (!status)
            status = store_state(m, "init", p);
    }
    return status;
}

static void push_call(lua_model *m, const char *function, size_t path, size_t scale)
{
    lua_getfield(m->L, m->model, function);
    lua_rawgeti(m->L, m->states, (lua_Integer)path + 1);
    lua_pushinteger(m->L, (lua_Integer)scale);
}

static int lua_step(void *context, size_t path, size_t scale, assay_rng *rng)
{
    lua_model *m = context;
    push_call(m, "step", path, scale);
    assay_push_rng(m->L, *rng);
    const int status = call(m, 3);
    return status ? status : store_state(m, "step", path);
}

static int lua_reward(void *context, size_t path, size_t scale, double *reward)
{
    lua_model *m = context;
    push_call(m, "reward", path, scale);
    const int status = call(m, 2);
    if (status)
        return status;
    if (lua_type(m->L, -1) != LUA_TNUMBER)
        return fail_result(m, "reward", "a number");
    *reward = lua_tonumber(m->L, -1);
    lua_pop(m->L, 1);
    return ASSAY_OK;
}

/* Reads the list on top under pcall: what it refuses is an error of the model's. */
static int read_features(lua_State *L)
{
    size_t *n = lua_touserdata(L, 2);
    const double **x = lua_touserdata(L, 3);
    *x = assay_arg_vector(L, 1, "features", n);
    return 1;
}

static int lua_features(void *context, size_t path, size_t scale, const double **x, size_t *n)
{
    lua_model *m = context;
    push_call(m, "features", path, scale);
    int status = call(m, 2);
    if (status)
        return status;
    lua_pushcfunction(m->L, read_features);
    lua_insert(m->L, -2);
    lua_pushlightuserdata(m->L, n);
    lua_pushlightuserdata(m->L, (void *)x);
    status = call(m, 3);
    if (!status)
        lua_replace(m->L, m->features); /* which keeps the memory */
    return status;
}

static int lua_select(void *context, const size_t *parent, size_t n)
{
    lua_model *m = context;
    const size_t before = (size_t)lua_rawlen(m->L, m->states);
    for (size_t p = 0; p < n; p++) {
        lua_rawgeti(m->L, m->states, (lua_Integer)parent[p] + 1);
        lua_rawseti(m->L, m->moved, (lua_Integer)p + 1);
    }
    for (size_t p = 0; p < n; p++) {
        lua_rawgeti(m->L, m->moved, (lua_Integer)p + 1);
        lua_rawseti(m->L, m->states, (lua_Integer)p + 1);
    }
    for (size_t p = n; p < before; p++) {
        lua_pushnil(m->L);
        lua_rawseti(m->L, m->states, (lua_Integer)p + 1);
    }
    return ASSAY_OK;
}

static void check_function(lua_State *L, int model, const char *name, bool needed)
{
    const int type = lua_getfield(L, model, name);
    if (type != LUA_TFUNCTION && (needed || type != LUA_TNIL))
        assay_arg_error(L, "model.%s must be a function, got a %s", name, lua_typename(L, type));
    lua_pop(L, 1);
}

/* Option model: a table of functions. Pushes what the calls keep. */
static assay_path_model lua_model_option(lua_State *L, lua_model *m)
{
    static const char *const known[] = {"init", "step", "features", "reward", NULL};
    if (!assay_opt_push(L, 1, "model"))
        assay_arg_error(L, "model must be given");
    m->L = L;
    m->model = lua_gettop(L);
    assay_opts_check(L, m->model, known);
    check_function(L, m->model, "init", true);
    check_function(L, m->model, "step", true);
    check_function(L, m->model, "reward", true);
    check_function(L, m->model, "features", false);
    const bool has_features = lua_getfield(L, m->model, "features") != LUA_TNIL;
    lua_pop(L, 1);
    lua_newtable(L);
    m->states = lua_gettop(L);
    lua_newtable(L);
    m->moved = lua_gettop(L);
    lua_pushnil(L);
    m->features = lua_gettop(L);
    lua_pushnil(L);
    m->error = lua_gettop(L);
    luaL_checkstack(L, 16, NULL);
    return (assay_path_model){
        m, lua_begin, lua_step, lua_reward, has_features ? lua_features : NULL, lua_select};
}

/* ---- the testbed's model ---- */

static int canvas_begin(void *context, size_t paths, assay_rng *rng)
{
    (void)rng;
    return assay_canvas_begin(context, paths);
}

static int canvas_step(void *context, size_t path, size_t scale, assay_rng *rng)
{
    return assay_canvas_step(context, path, scale, rng);
}

static int canvas_reward(void *context, size_t path, size_t scale, double *reward)
{
    (void)scale;
    *reward = assay_canvas_reward(context, path);
    return ASSAY_OK;
}

/* What is drawn so far. */
static int canvas_features(void *context, size_t path, size_t scale, const double **x, size_t *n)
{
    (void)scale;
    *x = assay_canvas_state(context, path, n);
    return ASSAY_OK;
}

static int canvas_select(void *context, const size_t *parent, size_t n)
{
    assay_canvas_select(context, parent, n);
    return ASSAY_OK;
}

/* The canvas that the option model is, or NULL. Pushes one value. */
static assay_canvas *canvas_option(lua_State *L)
{
    assay_opt_push(L, 1, "model");
    return assay_lua_test_canvas(L, -1);
}

/* ---- the search ---- */

/* Option `key`, scales from 0, as flags; `absent` (ends with SIZE_MAX) without it. */
static bool *scales_option(lua_State *L, const char *key, size_t scales, const size_t *absent)
{
    size_t n = 0;
    bool *flags = assay_lua_scratch(L, scales, sizeof *flags);
    memset(flags, 0, scales * sizeof *flags);
    if (assay_opt_push(L, 1, key)) {
        const size_t *scale = assay_arg_indices(L, -1, key, 0, scales, &n);
        for (size_t i = 0; i < n; i++)
            flags[scale[i]] = true;
        return flags;
    }
    for (; *absent != SIZE_MAX; absent++)
        flags[*absent] = true;
    return flags;
}

static void push_ancestors(
    lua_State *L, const assay_tts_result *r, const size_t *kept, size_t scales)
{
    const size_t widest = kept[0];
    lua_createtable(L, (int)scales, 0);
    for (size_t s = 0; s < scales; s++) {
        size_t n = 0;
        while (n < widest && r->ancestor[s * widest + n] != SIZE_MAX)
            n++;
        assay_push_indices(L, r->ancestor + s * widest, n, 1);
        lua_rawseti(L, -2, (lua_Integer)s + 1);
    }
}

/* What the primitive allocated is freed by a box on the stack, whatever raises meanwhile. */
static int free_result(lua_State *L)
{
    assay_tts_result_free(lua_touserdata(L, 1));
    return 0;
}

static void read_schedule(lua_State *L, assay_tts_opts *o)
{
    static const size_t default_extract[] = {2, 5, SIZE_MAX}, default_resample[] = {6, 9, SIZE_MAX};
    static const size_t none[] = {SIZE_MAX};
    const size_t *base = assay_tts_base;
    const size_t n = (size_t)assay_opt_integer(L, 1, "n", 1, 1, 1000000);
    o->scales = ASSAY_TTS_SCALES;
    const bool given = assay_opt_push(L, 1, "base");
    if (given)
        base = counts_argument(L, -1, "base", &o->scales);
    size_t *kept = assay_lua_scratch(L, o->scales, sizeof *kept);
    assay_arg_status(L, assay_batch_schedule(base, o->scales, n, kept));
    o->kept = kept;
    o->extract = scales_option(L, "extract", o->scales, given ? none : default_extract);
    o->resample = scales_option(L, "resample", o->scales, given ? none : default_resample);
    if (assay_opt_push(L, 1, "reward_scales"))
        o->reward = scales_option(L, "reward_scales", o->scales, none);
    if (assay_opt_push(L, 1, "cost")) {
        size_t costs = 0;
        o->cost = assay_arg_vector(L, -1, "cost", &costs);
        if (costs != o->scales)
            assay_arg_error(
                L, "cost must have %zu numbers, one a scale, got %zu", o->scales, costs);
    }
}

static void push_state(lua_State *L, const assay_canvas *canvas, const lua_model *m, size_t path)
{
    size_t n = 0;
    if (!canvas) {
        lua_rawgeti(L, m->states, (lua_Integer)path + 1);
        return;
    }
    const double *x = assay_canvas_state(canvas, path, &n);
    assay_push_vector(L, x, n);
}

static void push_search(lua_State *L, const assay_tts_opts *o, const assay_tts_result *r)
{
    lua_createtable(L, 0, 8);
    const int result = lua_gettop(L);
    assay_set_number(L, "reward", r->reward);
    assay_set_number(L, "cost", r->cost);
    assay_set_integer(L, "index", (int64_t)r->best + 1);
    assay_push_indices(L, o->kept, o->scales, 0);
    lua_setfield(L, result, "kept");
    assay_matrix history = assay_push_matrix(L, r->history.rows, r->history.cols);
    assay_matrix_copy(&r->history, &history);
    lua_setfield(L, result, "history");
    push_ancestors(L, r, o->kept, o->scales);
    lua_setfield(L, result, "ancestors");
}

/* tts_var{model=, n=1, base=, cost=, extract=, resample=, reward_scales=, kind="value", lambda=10,
 * top=, resampling="multinomial", restarts=10, final="best", rng=, progress=}: {best=, reward=,
 * history=, ancestors=, cost=, kept=, index=} */
static int tts_var(lua_State *L)
{
    static const char *const known[] = {"model", "n", "base", "cost", "extract", "resample",
        "reward_scales", "kind", "lambda", "top", "resampling", "restarts", "final", "rng",
        "progress", NULL};
    static const char *const finals[] = {"best", "sample", NULL};
    assay_opts_check(L, 1, known);
    assay_tts_opts o = {.lambda = lambda_option(L, 1),
        .resampling = resample_kinds[assay_opt_choice(L, 1, "resampling", 0, resamplings)],
        .restarts = (size_t)assay_opt_integer(L, 1, "restarts", 10, 1, 1000000),
        .sample_last = assay_opt_choice(L, 1, "final", 0, finals) == 1};
    o.kind = potential_options(L, 1, &o.top);
    assay_rng *rng = assay_required_rng(L, 1);
    lua_model m = {.L = L};
    assay_canvas *canvas = canvas_option(L);
    const assay_path_model model = canvas ? (assay_path_model){canvas, canvas_begin, canvas_step,
                                                canvas_reward, canvas_features, canvas_select}
                                          : lua_model_option(L, &m);
    read_schedule(L, &o);
    if (canvas && assay_canvas_scales(canvas) != o.scales)
        assay_arg_error(L, "base must have %zu scales as the model, got %zu",
            assay_canvas_scales(canvas), o.scales);
    assay_tts_result *r = assay_lua_owner(L, sizeof(assay_tts_result), free_result);
    assay_lua_report report;
    assay_lua_report_begin(L, 1, &report);
    o.progress = &report.progress;
    const int status = assay_tts_var(&model, &o, rng, r);
    if (m.failed) {
        lua_pushvalue(L, m.error);
        return lua_error(L);
    }
    assay_lua_report_end(&report, status);
    push_search(L, &o, r);
    push_state(L, canvas, &m, r->best);
    lua_setfield(L, -2, "best");
    assay_tts_result_free(r);
    return 1;
}

const luaL_Reg assay_lua_tts_var[] = {
    {"tts_var", tts_var},
    {"batch_schedule", batch_schedule},
    {"schedule_cost", schedule_cost},
    {"potential", potential},
    {"resample", resample},
    {"kmeans_pp", kmeans_pp},
    {"diversity_select", diversity_select},
    {"patch_pca", patch_pca},
    {"patch_features", patch_features},
    {"reward_consistency", reward_consistency},
    {NULL, NULL},
};
