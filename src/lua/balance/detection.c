/*
 * assay.balance: dense detectors (methods/balance/boxes.h, detection.h, average_precision.h).
 * Anchors and boxes are numbered from 1, classes too; targets are 0 for background, -1 for ignored.
 */
#include "lua/balance/detection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lua/args.h"
#include "methods/balance/average_precision.h"

/* ---- the method ---- */

/* optimal_bias(n_fg, n_bg [, {classes=1}]): {prior=, bias=, threshold=} */
static int optimal_bias(lua_State *L)
{
    static const char *const known[] = {"classes", NULL};
    const double n_fg = assay_arg_number(L, 1, "n_fg", 0, ASSAY_FINITE);
    const double n_bg = assay_arg_number(L, 2, "n_bg", 0, ASSAY_FINITE);
    assay_opts_check(L, 3, known);
    const int64_t classes = assay_opt_integer(L, 3, "classes", 1, 1, INT32_MAX);
    double prior, bias, threshold;
    assay_arg_status(L, assay_optimal_bias(n_fg, n_bg, (size_t)classes, &prior, &bias, &threshold));
    lua_createtable(L, 0, 3);
    assay_set_number(L, "prior", prior);
    assay_set_number(L, "bias", bias);
    assay_set_number(L, "threshold", threshold);
    return 1;
}

/* initial_bce(prior, bias [, {classes=1}]): a number, or a list for a list of biases */
static int initial_bce(lua_State *L)
{
    static const char *const known[] = {"classes", NULL};
    size_t n = 0;
    const bool one = lua_type(L, 2) == LUA_TNUMBER;
    const double prior = assay_arg_number(L, 1, "prior", 0, 1);
    const double *bias = assay_arg_numbers(L, 2, "bias", &n);
    assay_opts_check(L, 3, known);
    const size_t classes = (size_t)assay_opt_integer(L, 3, "classes", 1, 1, INT32_MAX);
    double *loss = assay_lua_doubles(L, n + 1);
    for (size_t i = 0; i < n; i++)
        assay_arg_status(L, assay_initial_bce(prior, bias[i], classes, &loss[i]));
    if (one)
        lua_pushnumber(L, loss[0]);
    else
        assay_push_vector(L, loss, n);
    return 1;
}

/* guided_scale(cls_loss, reg_loss [, {multiplier=1}]): {scale=, scaled_loss=} */
static int guided_scale(lua_State *L)
{
    static const char *const known[] = {"multiplier", NULL};
    const double cls = assay_arg_number(L, 1, "cls_loss", 0, ASSAY_FINITE);
    const double reg = assay_arg_number(L, 2, "reg_loss", 0, ASSAY_FINITE);
    double scale = 0;
    assay_opts_check(L, 3, known);
    assay_arg_status(
        L, assay_guided_scale(cls, reg,
               assay_opt_number(L, 3, "multiplier", 1, ASSAY_POSITIVE, ASSAY_FINITE), &scale));
    lua_createtable(L, 0, 2);
    assay_set_number(L, "scale", scale);
    assay_set_number(L, "scaled_loss", scale * cls);
    return 1;
}

/* effective_weights(counts [, {beta=0.9999}]) */
static int effective_weights(lua_State *L)
{
    static const char *const known[] = {"beta", NULL};
    size_t n = 0;
    const double *count = assay_arg_vector(L, 1, "counts", &n);
    assay_opts_check(L, 2, known);
    double *weight = assay_lua_doubles(L, n + 1);
    assay_arg_status(
        L, assay_effective_weights(count, n, assay_opt_number(L, 2, "beta", 0.9999, 0, 1), weight));
    assay_push_vector(L, weight, n);
    return 1;
}

/* ---- boxes ---- */

/* A list as long as the rows of `of`; pushes a value that keeps it. */
static const double *vector_like(lua_State *L, int at, const char *name, const char *of, size_t n)
{
    size_t got = 0;
    const double *x = assay_arg_vector(L, at, name, &got);
    if (got != n)
        assay_arg_error(
            L, "%s must have %zu numbers, one for each of %s, got %zu", name, n, of, got);
    return x;
}

const int *assay_arg_targets(lua_State *L, int at, const char *name, size_t n, const char *of)
{
    const double *x = vector_like(L, at, name, of, n);
    int *target = assay_lua_scratch(L, n + 1, sizeof *target);
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] >= -1 && x[i] <= 1e6 && x[i] == floor(x[i])))
            assay_arg_error(
                L, "%s[%zu] must be a whole number in -1..1000000, got %.14g", name, i + 1, x[i]);
        target[i] = (int)x[i];
    }
    return target;
}

static void push_ints(lua_State *L, const int *x, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void set_ints(lua_State *L, const char *name, const int *x, size_t n)
{
    push_ints(L, x, n);
    lua_setfield(L, -2, name);
}

/* box_iou(boxes, anchors): a matrix */
static int box_iou(lua_State *L)
{
    const assay_matrix a = assay_arg_matrix(L, 1, "boxes");
    const assay_matrix b = assay_arg_matrix(L, 2, "anchors");
    assay_matrix iou = assay_push_matrix(L, a.rows, b.rows);
    assay_arg_status(L, assay_box_overlaps(&a, &b, &iou));
    return 1;
}

/* match: the object of each positive anchor, -1 for background, -2 for ignored */
static void set_match(lua_State *L, const int *target, const size_t *object, size_t n)
{
    lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, target[i] > 0 ? (lua_Integer)object[i] + 1 : target[i] < 0 ? -2 : -1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "match");
}

assay_match_options assay_opt_match(lua_State *L, int at)
{
    assay_match_options o = ASSAY_MATCH_DEFAULTS;
    o.foreground = assay_opt_number(L, at, "foreground", o.foreground, 0, 1);
    o.background = assay_opt_number(L, at, "background", fmin(o.background, o.foreground), 0, 1);
    o.low_quality = assay_opt_boolean(L, at, "low_quality", o.low_quality);
    return o;
}

/* match_anchors(boxes, anchors [, {labels=, foreground=0.5, background=0.4, low_quality=true}]):
 * {match=, target=, iou=, best=, n_fg=, n_bg=} */
static int match_anchors(lua_State *L)
{
    static const char *const known[] = {"labels", "foreground", "background", "low_quality", NULL};
    luaL_checkstack(L, 40, NULL);
    const assay_matrix boxes = assay_arg_matrix(L, 1, "boxes");
    const assay_matrix anchors = assay_arg_matrix(L, 2, "anchors");
    assay_opts_check(L, 3, known);
    const assay_match_options o = assay_opt_match(L, 3);
    const int *labels = NULL;
    if (assay_opt_push(L, 3, "labels"))
        labels = assay_arg_targets(L, lua_gettop(L), "labels", boxes.rows, "boxes");
    const size_t A = anchors.rows;
    int *target = assay_lua_scratch(L, A + 1, sizeof *target);
    size_t *object = assay_lua_scratch(L, A + 1, sizeof *object), n_fg = 0, n_bg = 0;
    double *best = assay_lua_doubles(L, A + 1);
    assay_arg_status(L, assay_match_anchors(&boxes, labels, &anchors, &o, target, object, best));
    for (size_t a = 0; a < A; a++) {
        n_fg += target[a] > 0;
        n_bg += target[a] == ASSAY_TARGET_BACKGROUND;
    }
    lua_createtable(L, 0, 6);
    set_match(L, target, object, A);
    set_ints(L, "target", target, A);
    assay_matrix iou = assay_push_matrix(L, boxes.rows, A);
    assay_arg_status(L, assay_box_overlaps(&boxes, &anchors, &iou));
    lua_setfield(L, -2, "iou");
    assay_set_vector(L, "best", best, A);
    assay_set_integer(L, "n_fg", (int64_t)n_fg);
    assay_set_integer(L, "n_bg", (int64_t)n_bg);
    return 1;
}

static const double *read_weights(lua_State *L, int at)
{
    size_t n = 0;
    if (!assay_opt_push(L, at, "weights"))
        return assay_box_code_weights;
    const double *weights = assay_arg_vector(L, -1, "weights", &n);
    if (n != 4)
        assay_arg_error(L, "weights must have 4 numbers, got %zu", n);
    return weights;
}

typedef int code_function(const assay_matrix *from, const assay_matrix *anchors,
    const double weights[4], assay_matrix *to);

static int code(lua_State *L, const char *name, code_function *convert)
{
    static const char *const known[] = {"weights", NULL};
    const assay_matrix from = assay_arg_matrix(L, 1, name);
    const assay_matrix anchors = assay_arg_matrix(L, 2, "anchors");
    assay_opts_check(L, 3, known);
    const double *weights = read_weights(L, 3);
    assay_matrix to = assay_push_matrix(L, from.rows, 4);
    assay_arg_status(L, convert(&from, &anchors, weights, &to));
    return 1;
}

/* box_encode(boxes, anchors [, {weights={10, 10, 5, 5}}]): delta */
static int box_encode(lua_State *L)
{
    return code(L, "boxes", assay_box_encode);
}

/* box_decode(delta, anchors [, {weights={10, 10, 5, 5}}]): boxes */
static int box_decode(lua_State *L)
{
    return code(L, "delta", assay_box_decode);
}

/* smooth_l1(x [, {beta=0.11}]): values, slopes */
static int smooth_l1(lua_State *L)
{
    static const char *const known[] = {"beta", NULL};
    size_t n = 0;
    const double *x = assay_arg_numbers(L, 1, "x", &n);
    assay_opts_check(L, 2, known);
    const double beta = assay_opt_number(L, 2, "beta", 0.11, ASSAY_POSITIVE, ASSAY_FINITE);
    double *value = assay_lua_doubles(L, 2 * n + 1);
    for (size_t i = 0; i < n; i++)
        value[i] = assay_smooth_l1(x[i], beta, &value[n + i]);
    assay_push_vector(L, value, n);
    assay_push_vector(L, value + n, n);
    return 2;
}

/* nms(boxes, scores [, {iou=0.5, most=}]): {keep=} */
static int nms(lua_State *L)
{
    static const char *const known[] = {"iou", "most", NULL};
    const assay_matrix boxes = assay_arg_matrix(L, 1, "boxes");
    const double *scores = vector_like(L, 2, "scores", "boxes", boxes.rows);
    assay_opts_check(L, 3, known);
    const double iou = assay_opt_number(L, 3, "iou", 0.5, 0, 1);
    const int64_t most = assay_opt_integer(L, 3, "most", INT64_MAX, 0, INT64_MAX);
    size_t *keep = assay_lua_scratch(L, boxes.rows + 1, sizeof *keep), kept = 0;
    assay_arg_status(L, assay_nms(&boxes, scores, iou, (size_t)most, keep, &kept));
    lua_createtable(L, 0, 1);
    assay_push_indices(L, keep, kept, 1);
    lua_setfield(L, -2, "keep");
    return 1;
}

/* ---- choices ---- */

static void set_chosen(lua_State *L, const char *name, const unsigned char *chosen,
    const int *target, int sort, size_t n)
{
    lua_Integer found = 0;
    lua_newtable(L);
    for (size_t i = 0; i < n; i++) {
        if (!chosen[i] || (sort == 0 && target[i] != 0) || (sort > 0 && target[i] <= 0))
            continue;
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_rawseti(L, -2, ++found);
    }
    lua_setfield(L, -2, name);
}

/* n uniform numbers of the option rng. */
static const double *make_draws(lua_State *L, int at, size_t n)
{
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    if (!rng)
        assay_arg_error(L, "draws or rng must be given");
    double *draws = assay_lua_doubles(L, n + 1);
    for (size_t i = 0; i < n; i++)
        draws[i] = assay_rng_uniform(rng);
    return draws;
}

static const double *read_overlaps(lua_State *L, int at, size_t n)
{
    return assay_opt_push(L, at, "iou") ? vector_like(L, lua_gettop(L), "iou", "anchors", n) : NULL;
}

#define BIASED "size", "fraction", "rng", "iou", "iou_bins", "iou_most"

/* With the draws that are there, or those of the option rng. */
static void read_biased(lua_State *L, int at, size_t n, assay_det_loss_options *o)
{
    o->size = (size_t)assay_opt_integer(L, at, "size", (int64_t)o->size, 1, INT32_MAX);
    o->fraction = assay_opt_number(L, at, "fraction", o->fraction, 0, 1);
    o->iou = read_overlaps(L, at, n);
    o->iou_bins = (size_t)assay_opt_integer(L, at, "iou_bins", (int64_t)o->iou_bins, 1, INT32_MAX);
    o->iou_most = assay_opt_number(L, at, "iou_most", o->iou_most, ASSAY_POSITIVE, 1);
    if (!o->draws)
        o->draws = make_draws(L, at, n);
}

/* sample_anchors(target, draws or nil [, {size=256, fraction=0.5, rng=, iou=, iou_bins=3,
 * iou_most=0.5}]): {foreground=, background=, chosen=} */
static int sample_anchors(lua_State *L)
{
    static const char *const known[] = {BIASED, NULL};
    assay_det_loss_options o = ASSAY_DET_LOSS_DEFAULTS;
    size_t n = 0;
    luaL_checkstack(L, 40, NULL);
    assay_arg_vector(L, 1, "target", &n);
    const int *target = assay_arg_targets(L, 1, "target", n, "anchors");
    assay_opts_check(L, 3, known);
    o.draws = lua_isnil(L, 2) ? NULL : vector_like(L, 2, "draws", "anchors", n);
    read_biased(L, 3, n, &o);
    unsigned char *chosen = assay_lua_scratch(L, n + 1, 1);
    assay_arg_status(L, o.iou
                            ? assay_sample_anchors_by_iou(target, o.draws, o.iou, n, o.size,
                                  o.fraction, o.iou_bins, o.iou_most, chosen)
                            : assay_sample_anchors(target, o.draws, n, o.size, o.fraction, chosen));
    lua_createtable(L, 0, 3);
    set_chosen(L, "foreground", chosen, target, 1, n);
    set_chosen(L, "background", chosen, target, 0, n);
    set_chosen(L, "chosen", chosen, target, -1, n);
    return 1;
}

/* ---- losses ---- */

const char *const assay_det_loss_names[] = {"bce", "focal", "ghm", "ohem", "biased", NULL};

static const char *const of_bce[] = {NULL}, *const of_focal[] = {"gamma", "alpha", NULL},
                         *const of_ghm[] = {"bins", "momentum", "state", NULL},
                         *const of_ohem[] = {"ratio", "hardest", "boxes", "overlap", NULL},
                         *const of_biased[] = {BIASED, "draws", "normalize", NULL};
const char *const *const assay_det_loss_own_options[] = {
    of_bce, of_focal, of_ghm, of_ohem, of_biased};

double *assay_opt_ghm_state(lua_State *L, int at, size_t bins, int *table)
{
    size_t n = 0;
    if (!assay_opt_push(L, at, "state"))
        lua_newtable(L);
    *table = lua_gettop(L);
    if (!lua_istable(L, *table))
        assay_arg_error(L, "state must be a table, got a %s", luaL_typename(L, *table));
    const double *before = assay_arg_vector(L, *table, "state", &n);
    if (n != 0 && n != bins)
        assay_arg_error(
            L, "state must have %zu numbers, one for each bin, or none, got %zu", bins, n);
    double *state = assay_lua_doubles(L, bins);
    for (size_t i = 0; i < bins; i++) {
        state[i] = n ? before[i] : 0;
        if (!(state[i] >= 0 && isfinite(state[i])))
            assay_arg_error(L, "state[%zu] must be finite and at least 0, got %g", i + 1, state[i]);
    }
    return state;
}

void assay_lua_set_list(lua_State *L, int at, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, x[i]);
        lua_rawseti(L, at, (lua_Integer)i + 1);
    }
}

void assay_opt_det_loss(lua_State *L, int at, assay_det_loss_kind kind, size_t anchors,
    size_t classes, assay_det_loss_options *o)
{
    static const char *const normalisers[] = {"chosen", "positive", NULL};
    if (assay_opt_push(L, at, "class_weights"))
        o->class_weight = vector_like(L, lua_gettop(L), "class_weights", "the classes", classes);
    if (kind == ASSAY_DET_FOCAL) {
        o->gamma = assay_opt_number(L, at, "gamma", o->gamma, 0, ASSAY_FINITE);
        o->alpha = assay_opt_number(L, at, "alpha", o->alpha, 0, 1);
    } else if (kind == ASSAY_DET_GHM) {
        o->bins = (size_t)assay_opt_integer(L, at, "bins", (int64_t)o->bins, 1, 1 << 20);
        o->momentum = assay_opt_number(L, at, "momentum", o->momentum, 0, ASSAY_BELOW_1);
    } else if (kind == ASSAY_DET_OHEM) {
        o->ratio = assay_opt_number(L, at, "ratio", o->ratio, 0, ASSAY_FINITE);
        o->hardest = (size_t)assay_opt_integer(L, at, "hardest", 0, 1, INT32_MAX);
        o->overlap = assay_opt_number(L, at, "overlap", o->overlap, 0, 1);
        if (assay_opt_push(L, at, "boxes")) {
            assay_matrix *boxes = assay_lua_scratch(L, 1, sizeof *boxes);
            *boxes = assay_arg_matrix(L, lua_gettop(L) - 1, "boxes");
            o->boxes = boxes;
        }
    } else if (kind == ASSAY_DET_BIASED) {
        if (assay_opt_push(L, at, "draws"))
            o->draws = vector_like(L, lua_gettop(L), "draws", "the rows of logits", anchors);
        read_biased(L, at, anchors, o);
        o->by_positive = assay_opt_choice(L, at, "normalize", 0, normalisers) == 1;
    }
}

static void set_result(lua_State *L, const assay_det_loss_result *r, int grad, int weight)
{
    lua_createtable(L, 0, 10);
    assay_set_number(L, "loss", r->loss);
    assay_set_number(L, "normalizer", r->normaliser);
    assay_set_integer(L, "n_pos", (int64_t)r->n_pos);
    assay_set_integer(L, "n_valid", (int64_t)r->n_valid);
    lua_pushvalue(L, grad);
    lua_setfield(L, -2, "grad");
    lua_pushvalue(L, weight);
    lua_setfield(L, -2, "weights");
}

/* Anchors whose weights are not all 0, for the kinds that choose. */
static void set_selected(lua_State *L, const assay_matrix *weight)
{
    lua_Integer found = 0;
    lua_newtable(L);
    for (size_t a = 0; a < weight->rows; a++) {
        bool any = false;
        for (size_t c = 0; c < weight->cols; c++)
            any = any || *assay_matrix_at(weight, a, c) != 0;
        if (!any)
            continue;
        lua_pushinteger(L, (lua_Integer)a + 1);
        lua_rawseti(L, -2, ++found);
    }
    lua_setfield(L, -2, "selected");
}

static void check_known(lua_State *L, int at, assay_det_loss_kind kind)
{
    const char *known[16] = {"images", "class_weights"};
    size_t n = 2;
    for (const char *const *own = assay_det_loss_own_options[kind]; *own; own++)
        known[n++] = *own;
    known[n] = NULL;
    assay_opts_check(L, at, known);
}

/* det_loss(kind, logits, target [, options of the kind]): {loss=, grad=, weights=, normalizer=,
 * n_pos=, n_valid=, selected=, bins=, accumulated=, state=} */
static int det_loss(lua_State *L)
{
    assay_det_loss_options o = ASSAY_DET_LOSS_DEFAULTS;
    assay_det_loss_result r;
    luaL_checkstack(L, 60, NULL);
    const assay_det_loss_kind kind =
        (assay_det_loss_kind)assay_arg_choice(L, 1, "kind", assay_det_loss_names);
    const assay_matrix z = assay_arg_matrix(L, 2, "logits");
    const int *target = assay_arg_targets(L, 3, "target", z.rows, "the rows of logits");
    check_known(L, 4, kind);
    o.images = (size_t)assay_opt_integer(L, 4, "images", 1, 1, INT32_MAX);
    assay_opt_det_loss(L, 4, kind, z.rows, z.cols, &o);
    double *state = NULL;
    int table = 0;
    if (kind == ASSAY_DET_GHM) {
        state = assay_opt_ghm_state(L, 4, o.bins, &table);
        o.bin_of_pair = assay_lua_scratch(L, z.rows * z.cols + 1, sizeof *o.bin_of_pair);
    }
    assay_matrix grad = assay_push_matrix(L, z.rows, z.cols);
    assay_matrix weight = assay_push_matrix(L, z.rows, z.cols);
    const int at = lua_gettop(L);
    assay_arg_status(L, assay_det_loss(kind, &z, target, &o, state, &r, &grad, &weight));
    set_result(L, &r, at - 1, at);
    if (kind == ASSAY_DET_OHEM || kind == ASSAY_DET_BIASED)
        set_selected(L, &weight);
    if (kind != ASSAY_DET_GHM)
        return 1;
    assay_lua_set_list(L, table, state, o.bins);
    assay_push_indices(L, o.bin_of_pair, r.n_valid * z.cols, 0);
    lua_setfield(L, -2, "bins");
    assay_set_vector(L, "accumulated", state, o.bins);
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "state");
    return 1;
}

/* ghm_box_loss(delta [, {mu=0.02, bins=10, momentum=0.7, state=}]): {loss=, grad=, weights=,
 * accumulated=, state=} */
static int ghm_box_loss(lua_State *L)
{
    static const char *const known[] = {"mu", "bins", "momentum", "state", NULL};
    luaL_checkstack(L, 40, NULL);
    const assay_matrix x = assay_arg_matrix(L, 1, "delta");
    assay_opts_check(L, 2, known);
    const double mu = assay_opt_number(L, 2, "mu", 0.02, ASSAY_POSITIVE, ASSAY_FINITE);
    const size_t bins = (size_t)assay_opt_integer(L, 2, "bins", 10, 1, 1 << 20);
    const double momentum = assay_opt_number(L, 2, "momentum", 0.7, 0, ASSAY_BELOW_1);
    int table = 0;
    double *state = assay_opt_ghm_state(L, 2, bins, &table), loss = 0;
    lua_createtable(L, 0, 5);
    assay_matrix grad = assay_push_matrix(L, x.rows, x.cols);
    lua_setfield(L, -2, "grad");
    assay_matrix weight = assay_push_matrix(L, x.rows, x.cols);
    lua_setfield(L, -2, "weights");
    assay_arg_status(L, assay_ghm_box_loss(&x, mu, bins, momentum, state, &loss, &grad, &weight));
    assay_lua_set_list(L, table, state, bins);
    assay_set_number(L, "loss", loss);
    assay_set_vector(L, "accumulated", state, bins);
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "state");
    return 1;
}

/* ---- average precision ---- */

/* Element i of the list at `at`, {image=, class=1, box=}; it is left on the stack. */
static void read_found(lua_State *L, int at, const char *name, size_t i, size_t *image,
    size_t *label, double *score, double box[4])
{
    char field[64];
    size_t n = 0;
    lua_geti(L, at, (lua_Integer)i + 1);
    const int own = lua_gettop(L);
    if (!lua_istable(L, own))
        assay_arg_error(L, "%s[%zu] must be a table, got a %s", name, i + 1, luaL_typename(L, own));
    snprintf(field, sizeof field, "%s[%zu].image", name, i + 1);
    lua_getfield(L, own, "image");
    *image = (size_t)assay_arg_integer(L, own + 1, field, 0, (int64_t)1 << 53);
    lua_getfield(L, own, "class");
    snprintf(field, sizeof field, "%s[%zu].class", name, i + 1);
    *label = lua_isnil(L, own + 2) ? 1 : (size_t)assay_arg_integer(L, own + 2, field, 1, INT32_MAX);
    lua_getfield(L, own, "score");
    snprintf(field, sizeof field, "%s[%zu].score", name, i + 1);
    if (score)
        *score = assay_arg_number(L, own + 3, field, -ASSAY_FINITE, ASSAY_FINITE);
    lua_getfield(L, own, "box");
    snprintf(field, sizeof field, "%s[%zu].box", name, i + 1);
    const double *b = assay_arg_vector(L, own + 4, field, &n);
    if (n != 4)
        assay_arg_error(L, "%s must have 4 numbers x1, y1, x2, y2, got %zu", field, n);
    memcpy(box, b, 4 * sizeof *box);
    lua_settop(L, own - 1);
}

static size_t list_length(lua_State *L, int at, const char *name)
{
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a list of tables, got a %s", name, luaL_typename(L, at));
    return (size_t)luaL_len(L, at);
}

/* The option iou: a number, a list, or "coco" for 0.5, 0.55, ..., 0.95. */
static const double *read_thresholds(lua_State *L, int at, size_t *n)
{
    static const double coco[] = {.5, .55, .6, .65, .7, .75, .8, .85, .9, .95}, usual[] = {0.5};
    *n = 1;
    if (!assay_opt_push(L, at, "iou"))
        return usual;
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "coco") == 0) {
        *n = sizeof coco / sizeof *coco;
        return coco;
    }
    const double *iou = assay_arg_numbers(L, lua_gettop(L), "iou", n);
    if (*n == 0)
        assay_arg_error(L, "iou must have at least 1 number, got 0");
    return iou;
}

static void push_curve(lua_State *L, const assay_matrix *from)
{
    const assay_matrix to = assay_push_matrix(L, from->rows, 3);
    for (size_t i = 0; i < from->rows; i++)
        memcpy(assay_matrix_row(&to, i), assay_matrix_row(from, i), 3 * sizeof *to.data);
}

struct curve {
    assay_matrix at;
};

static int curve_free(lua_State *L)
{
    struct curve *curve = lua_touserdata(L, 1);
    assay_matrix_free(&curve->at);
    return 0;
}

/* average_precision(detections, objects [, {iou=0.5, interpolation="all", class=1}]): {ap=, all=,
 * eleven=, classes=, hit=, curve=} */
static int average_precision(lua_State *L)
{
    static const char *const known[] = {"iou", "interpolation", "class", NULL};
    static const char *const interpolations[] = {"all", "11", NULL};
    luaL_checkstack(L, 40, NULL);
    const size_t n = list_length(L, 1, "detections"), m = list_length(L, 2, "objects");
    assay_opts_check(L, 3, known);
    const bool eleven = assay_opt_choice(L, 3, "interpolation", 0, interpolations) == 1;
    const int64_t label = assay_opt_integer(L, 3, "class", 1, 1, INT32_MAX);
    size_t thresholds = 0;
    const double *iou = read_thresholds(L, 3, &thresholds);
    assay_detection *d = assay_lua_scratch(L, n + 1, sizeof *d);
    assay_object *o = assay_lua_scratch(L, m + 1, sizeof *o);
    unsigned char *hit = assay_lua_scratch(L, n + 1, 1);
    for (size_t i = 0; i < n; i++)
        read_found(L, 1, "detections", i, &d[i].image, &d[i].label, &d[i].score, d[i].box);
    for (size_t i = 0; i < m; i++)
        read_found(L, 2, "objects", i, &o[i].image, &o[i].label, NULL, o[i].box);
    assay_average_precision sum = {0}, one;
    struct curve *curve = assay_lua_owner(L, sizeof *curve, curve_free);
    for (size_t t = 0; t < thresholds; t++) {
        assay_arg_status(L, assay_detection_precision(d, n, o, m, iou[t], &one, t ? NULL : hit,
                                (size_t)label, t ? NULL : &curve->at));
        sum.area += one.area / (double)thresholds;
        sum.eleven += one.eleven / (double)thresholds;
    }
    lua_createtable(L, 0, 6);
    assay_set_number(L, "ap", eleven ? sum.eleven : sum.area);
    assay_set_number(L, "all", sum.area);
    assay_set_number(L, "eleven", sum.eleven);
    assay_set_integer(L, "classes", (int64_t)one.classes);
    push_curve(L, &curve->at);
    lua_setfield(L, -2, "curve");
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushboolean(L, hit[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "hit");
    return 1;
}

const luaL_Reg assay_lua_detection[] = {
    {"optimal_bias", optimal_bias},
    {"initial_bce", initial_bce},
    {"guided_scale", guided_scale},
    {"effective_weights", effective_weights},
    {"box_iou", box_iou},
    {"match_anchors", match_anchors},
    {"box_encode", box_encode},
    {"box_decode", box_decode},
    {"smooth_l1", smooth_l1},
    {"nms", nms},
    {"sample_anchors", sample_anchors},
    {"det_loss", det_loss},
    {"ghm_box_loss", ghm_box_loss},
    {"average_precision", average_precision},
    {NULL, NULL},
};
