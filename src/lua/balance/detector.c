/*
 * assay.balance: a one-stage detector on the outputs of a net (methods/balance/detector.h).
 *
 *     local t = b.detector_targets(scenes.boxes, scenes.labels, anchors)
 *     net:train(scenes.images, nil, {steps=600, loss=function(outputs, index)
 *         local r = b.detector_loss(outputs, index, {classes=10, shapes=3, target=t.target,
 *             delta=t.delta, guided=true})
 *         return r.loss, r.grad
 *     end})
 */
#include "lua/balance/detection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/args.h"
#include "methods/balance/detector.h"

/* ---- targets ---- */

/* Scene i of the lists at 1 and 2: boxes and labels, left on the stack. */
static assay_matrix read_scene(lua_State *L, size_t i, const int **labels)
{
    lua_geti(L, 1, (lua_Integer)i + 1);
    const int at = lua_gettop(L);
    const assay_matrix boxes = assay_arg_matrix(L, at, lua_pushfstring(L, "boxes[%d]", (int)i + 1));
    lua_geti(L, 2, (lua_Integer)i + 1);
    const int own = lua_gettop(L);
    *labels = assay_arg_targets(
        L, own, lua_pushfstring(L, "labels[%d]", (int)i + 1), boxes.rows, "its boxes");
    return boxes;
}

/* The codes of positive anchors; 0 elsewhere. */
static int encode(
    const assay_matrix *boxes, const assay_matrix *anchors, const size_t *object, double *codes)
{
    int status = ASSAY_OK;
    for (size_t a = 0; a < anchors->rows && !status; a++) {
        if (object[a] == SIZE_MAX)
            continue;
        const assay_matrix box = assay_matrix_view(assay_matrix_row(boxes, object[a]), 1, 4),
                           anchor = assay_matrix_view(assay_matrix_row(anchors, a), 1, 4);
        assay_matrix code = assay_matrix_view(codes + 4 * a, 1, 4);
        status = assay_box_encode(&box, &anchor, assay_box_code_weights, &code);
    }
    return status;
}

/* detector_targets(boxes, labels, anchors [, {foreground=0.5, background=0.4, low_quality=true}]):
 * {target=, delta=, n_fg=, n_bg=} of lists of scenes */
static int detector_targets(lua_State *L)
{
    static const char *const known[] = {"foreground", "background", "low_quality", NULL};
    luaL_checkstack(L, 40, NULL);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    const size_t n = (size_t)luaL_len(L, 1);
    if ((size_t)luaL_len(L, 2) != n)
        assay_arg_error(
            L, "labels must have %zu lists as boxes has, got %zu", n, (size_t)luaL_len(L, 2));
    const assay_matrix anchors = assay_arg_matrix(L, 3, "anchors");
    assay_opts_check(L, 4, known);
    const assay_match_options o = assay_opt_match(L, 4);
    const size_t A = anchors.rows;
    int *target = assay_lua_scratch(L, A + 1, sizeof *target);
    size_t *object = assay_lua_scratch(L, A + 1, sizeof *object), n_fg = 0, n_bg = 0;
    lua_createtable(L, 0, 4);
    const int result = lua_gettop(L);
    const assay_matrix targets = assay_push_matrix(L, n, A);
    lua_setfield(L, result, "target");
    const assay_matrix codes = assay_push_matrix(L, n, 4 * A);
    lua_setfield(L, result, "delta");
    for (size_t i = 0; i < n; i++) {
        const int *labels = NULL;
        const assay_matrix boxes = read_scene(L, i, &labels);
        assay_arg_status(
            L, assay_match_anchors(&boxes, labels, &anchors, &o, target, object, NULL));
        assay_arg_status(L, encode(&boxes, &anchors, object, assay_matrix_row(&codes, i)));
        for (size_t a = 0; a < A; a++) {
            *assay_matrix_at(&targets, i, a) = target[a];
            n_fg += target[a] > 0;
            n_bg += target[a] == ASSAY_TARGET_BACKGROUND;
        }
        lua_settop(L, result);
    }
    assay_set_integer(L, "n_fg", (int64_t)n_fg);
    assay_set_integer(L, "n_bg", (int64_t)n_bg);
    return 1;
}

/* ---- the loss ---- */

enum { AT = 3 };

static assay_matrix matrix_option(lua_State *L, int at, const char *key)
{
    if (!assay_opt_push(L, at, key))
        assay_arg_error(L, "%s must be given", key);
    return assay_arg_matrix(L, lua_gettop(L), key);
}

static size_t whole_option(lua_State *L, int at, const char *key)
{
    return (size_t)assay_opt_required(L, at, key, 1, 1e6);
}

static assay_detector_head read_head(lua_State *L, int at, size_t outputs)
{
    assay_detector_head head = {
        .classes = whole_option(L, at, "classes"), .shapes = whole_option(L, at, "shapes")};
    head.positions = outputs / (head.shapes * (head.classes + 4));
    if (head.positions * head.shapes * (head.classes + 4) != outputs)
        assay_arg_error(L,
            "outputs must have a multiple of %zu columns, shapes (classes + 4), got %zu",
            head.shapes * (head.classes + 4), outputs);
    return head;
}

/* Of the examples `index`: targets as whole numbers, codes as rows. */
static const int *gather_targets(
    lua_State *L, const assay_matrix *from, const size_t *index, size_t n)
{
    int *target = assay_lua_scratch(L, n * from->cols + 1, sizeof *target);
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < from->cols; a++) {
            const double t = *assay_matrix_at(from, index[i], a);
            if (!(t >= -1 && t <= 1e6 && t == floor(t)))
                assay_arg_error(L, "target[%zu][%zu] must be a whole number in -1..1000000, got %g",
                    index[i] + 1, a + 1, t);
            target[i * from->cols + a] = (int)t;
        }
    return target;
}

static assay_matrix gather_codes(
    lua_State *L, const assay_matrix *from, const size_t *index, size_t n)
{
    const assay_matrix codes =
        assay_matrix_view(assay_lua_doubles(L, n * from->cols + 1), n, from->cols);
    for (size_t i = 0; i < n; i++)
        memcpy(assay_matrix_row(&codes, i), assay_matrix_row(from, index[i]),
            from->cols * sizeof *codes.data);
    return codes;
}

static void check_known(lua_State *L, assay_det_loss_kind kind)
{
    static const char *const own[] = {"classes", "shapes", "target", "delta", "kind", "guided",
        "multiplier", "beta", "class_weights"};
    const char *known[32];
    size_t n = 0;
    for (; n < sizeof own / sizeof *own; n++)
        known[n] = own[n];
    for (const char *const *of = assay_det_loss_own_options[kind]; *of; of++)
        known[n++] = *of;
    known[n] = NULL;
    assay_opts_check(L, AT, known);
}

static void set_result(lua_State *L, const assay_detector_loss_result *r, int grad)
{
    lua_createtable(L, 0, 8);
    assay_set_number(L, "loss", r->loss);
    assay_set_number(L, "cls_loss", r->classes.loss);
    assay_set_number(L, "reg_loss", r->boxes);
    assay_set_number(L, "scale", r->scale);
    assay_set_number(L, "normalizer", r->classes.normaliser);
    assay_set_integer(L, "n_pos", (int64_t)r->classes.n_pos);
    lua_pushvalue(L, grad);
    lua_setfield(L, -2, "grad");
}

/* detector_loss(outputs, index, {classes=, shapes=, target=, delta=, kind="bce", guided=false,
 * multiplier=1, beta=0.11, and the options of the kind}): {loss=, grad=, cls_loss=, reg_loss=,
 * scale=, normalizer=, n_pos=} */
static int detector_loss(lua_State *L)
{
    assay_detector_loss_options o = ASSAY_DETECTOR_LOSS_DEFAULTS;
    assay_detector_loss_result r;
    size_t n = 0;
    luaL_checkstack(L, 80, NULL);
    const assay_matrix outputs = assay_arg_matrix(L, 1, "outputs");
    o.kind = lua_istable(L, AT)
                 ? (assay_det_loss_kind)assay_opt_choice(L, AT, "kind", 0, assay_det_loss_names)
                 : ASSAY_DET_BCE;
    check_known(L, o.kind);
    const assay_detector_head head = read_head(L, AT, outputs.cols);
    const assay_matrix targets = matrix_option(L, AT, "target");
    const assay_matrix codes = matrix_option(L, AT, "delta");
    const size_t *index = assay_arg_indices(L, 2, "index", 1, targets.rows, &n);
    const size_t A = assay_head_anchors(&head);
    if (n != outputs.rows)
        assay_arg_error(
            L, "index must have %zu numbers as outputs has rows, got %zu", outputs.rows, n);
    if (targets.cols != A || codes.cols != 4 * A || codes.rows != targets.rows)
        assay_arg_error(L, "target and delta must have %zu and %zu columns, got %zu and %zu", A,
            4 * A, targets.cols, codes.cols);
    o.guided = assay_opt_boolean(L, AT, "guided", false);
    o.multiplier = assay_opt_number(L, AT, "multiplier", 1, ASSAY_POSITIVE, ASSAY_FINITE);
    o.beta = assay_opt_number(L, AT, "beta", o.beta, ASSAY_POSITIVE, ASSAY_FINITE);
    assay_opt_det_loss(L, AT, o.kind, n * A, head.classes, &o.classes);
    int table = 0;
    double *state =
        o.kind == ASSAY_DET_GHM ? assay_opt_ghm_state(L, AT, o.classes.bins, &table) : NULL;
    const int *target = gather_targets(L, &targets, index, n);
    const assay_matrix code = gather_codes(L, &codes, index, n);
    assay_matrix slope = assay_push_matrix(L, n, outputs.cols);
    const int grad = lua_gettop(L);
    assay_arg_status(L, assay_detector_loss(&head, &outputs, target, &code, &o, state, &r, &slope));
    if (state)
        assay_lua_set_list(L, table, state, o.classes.bins);
    set_result(L, &r, grad);
    return 1;
}

/* ---- detections ---- */

static void push_detection(lua_State *L, const assay_detection *d, size_t image)
{
    lua_createtable(L, 0, 4);
    assay_set_integer(L, "image", (int64_t)image + 1);
    assay_set_integer(L, "class", (int64_t)d->label);
    assay_set_number(L, "score", d->score);
    assay_set_vector(L, "box", d->box, 4);
}

/* detections(outputs, anchors, {classes=, shapes=, threshold=0.05, top=200, iou=0.5, most=50}) */
static int detections(lua_State *L)
{
    static const char *const known[] = {
        "classes", "shapes", "threshold", "top", "iou", "most", NULL};
    assay_detect_options o = ASSAY_DETECT_DEFAULTS;
    luaL_checkstack(L, 40, NULL);
    const assay_matrix outputs = assay_arg_matrix(L, 1, "outputs");
    const assay_matrix anchors = assay_arg_matrix(L, 2, "anchors");
    assay_opts_check(L, AT, known);
    const assay_detector_head head = read_head(L, AT, outputs.cols);
    o.threshold = assay_opt_number(L, AT, "threshold", o.threshold, 0, ASSAY_BELOW_1);
    o.top = (size_t)assay_opt_integer(L, AT, "top", (int64_t)o.top, 1, INT32_MAX);
    o.iou = assay_opt_number(L, AT, "iou", o.iou, 0, 1);
    o.most = (size_t)assay_opt_integer(L, AT, "most", (int64_t)o.most, 1, 1 << 20);
    assay_detection *found = assay_lua_scratch(L, o.most, sizeof *found);
    lua_Integer all = 0;
    lua_newtable(L);
    for (size_t i = 0; i < outputs.rows; i++) {
        size_t n = 0;
        assay_arg_status(
            L, assay_detect(&head, assay_matrix_row(&outputs, i), &anchors, &o, found, &n));
        for (size_t k = 0; k < n; k++) {
            push_detection(L, &found[k], i);
            lua_rawseti(L, -2, ++all);
        }
    }
    return 1;
}

const luaL_Reg assay_lua_detector[] = {
    {"detector_targets", detector_targets},
    {"detector_loss", detector_loss},
    {"detections", detections},
    {NULL, NULL},
};
