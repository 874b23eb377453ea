/*
 * assay.net: the network engine for Lua (models/net): nets (net_build.c, net_class.c, net_train.c),
 * and here one operation alone and the optimisers, for tests and teaching:
 *
 *     local r = assay.net.op("linear", {x=X, w=W, b=b}, {grad_output=G})     r.y, r.dx, r.dw, r.db
 *     local w = assay.net.optimizer("adamw", w, grads, {lr=0.01})            w[t] after step t
 *
 * Both run in double unless precision="single" asks for the engine's own. Labels and token ids are
 * data, from 0; positions (rows of gather, first of slice) count from 1.
 */
#include "lua/args.h"
#include "lua/module.h"
#include "lua/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "models/net/alone.h"
#include "models/net/optimiser.h"

/* The double build's, whose header would rename its types here. */
void assay_optimiser_step_double(const assay_optimiser_options *options, uint64_t step, size_t n,
    double *w, const double *grad, double *m, double *v, const unsigned char *decay);
double assay_clip_norm_double(double *g, size_t n, double most);

#define RESULT "assay.net.result"

enum { NAME = 1, INPUTS = 2, OPTIONS = 3, MOST_OPTIONS = 16 };

static const char *const precisions[] = {"double", "single", NULL};

/* ---- reading ---- */

/* A list of numbers is a vector, all else a matrix. */
static bool is_vector(lua_State *L, int at)
{
    if (luaL_testudata(L, at, ASSAY_LUA_ROW))
        return true;
    if (!lua_istable(L, at))
        return false;
    const bool vector = lua_geti(L, at, 1) == LUA_TNUMBER;
    lua_pop(L, 1);
    return vector;
}

/* The value on top as contiguous numbers; its memory stays on the stack. */
static assay_alone_input read_input(lua_State *L, const char *name)
{
    const int at = lua_gettop(L);
    luaL_checkstack(L, 16, NULL);
    if (is_vector(L, at)) {
        size_t n = 0;
        const double *x = assay_arg_vector(L, at, name, &n);
        return (assay_alone_input){x, 1, n, true, true};
    }
    const assay_matrix m = assay_arg_matrix(L, at, name);
    if (m.rows == 0 || m.cols == 0)
        assay_arg_error(L, "%s is empty", name);
    double *x = assay_lua_doubles(L, m.rows * m.cols);
    for (size_t i = 0; i < m.rows; i++)
        memcpy(x + i * m.cols, assay_matrix_row(&m, i), m.cols * sizeof *x);
    return (assay_alone_input){x, m.rows, m.cols, false, true};
}

/* The inputs that the operation has; a loss may have its targets among the options. */
static void read_inputs(lua_State *L, assay_alone_call *call)
{
    const char *known[ASSAY_NODE_INPUTS + 1] = {NULL};
    for (int i = 0; i < ASSAY_NODE_INPUTS; i++)
        known[i] = assay_op_input(call->op, i);
    if (!lua_istable(L, INPUTS))
        assay_arg_error(L, "inputs must be a table, got %s", luaL_typename(L, INPUTS));
    assay_opts_check(L, INPUTS, known);
    for (int i = 0; known[i]; i++) {
        bool data = false;
        if (!assay_opt_push(L, INPUTS, known[i])) {
            if (strcmp(known[i], "targets") != 0 || !assay_opt_push(L, OPTIONS, "targets"))
                continue;
            data = true;
        }
        call->in[i] = read_input(L, known[i]);
        call->in[i].wants_grad = !data;
    }
}

/* The options that the operation reads, and those of this function. */
static void check_options(lua_State *L, assay_op_id op)
{
    char names[128], *rest = NULL;
    const char *known[MOST_OPTIONS + 1] = {
        "precision", assay_op_is_loss(op) ? NULL : "grad_output"};
    int n = assay_op_is_loss(op) ? 1 : 2;
    if (assay_op_input(op, 1) && strcmp(assay_op_input(op, 1), "targets") == 0)
        known[n++] = "targets";
    if (op == ASSAY_OP_LINEAR)
        known[n++] = "frozen";
    if (op == ASSAY_OP_DROPOUT || op == ASSAY_OP_FAKEQUANT || op == ASSAY_OP_BATCHNORM)
        known[n++] = "seed";
    if (!assay_op_is_loss(op))
        known[n++] = "example";
    snprintf(names, sizeof names, "%s", assay_op_option_names(op));
    for (char *name = strtok_r(names, " ", &rest); name && n < MOST_OPTIONS;
         name = strtok_r(NULL, " ", &rest))
        known[n++] = name;
    known[n] = NULL;
    assay_opts_check(L, OPTIONS, known);
}

/* Whole numbers from `base` as int32 from 0; -1 stands for an ignored label. */
static void read_labels(lua_State *L, const char *name, int base, assay_op_options *o)
{
    if (!assay_opt_push(L, OPTIONS, name))
        return;
    const double *x = assay_arg_vector(L, lua_gettop(L), name, &o->n_labels);
    int32_t *labels = assay_lua_scratch(L, o->n_labels, sizeof *labels);
    for (size_t i = 0; i < o->n_labels; i++) {
        if (!(x[i] == floor(x[i]) && fabs(x[i]) < INT32_MAX))
            assay_arg_error(L, "%s[%zu] must be a whole number, got %.14g", name, i + 1, x[i]);
        labels[i] = (int32_t)x[i] - base;
    }
    o->labels = labels;
}

static const size_t *read_sizes(lua_State *L, const char *name, size_t *n)
{
    *n = 0;
    return assay_opt_push(L, OPTIONS, name)
               ? assay_arg_indices(L, lua_gettop(L), name, 0, SIZE_MAX, n)
               : NULL;
}

static size_t size_option(lua_State *L, const char *name, size_t absent, int64_t least)
{
    return (size_t)assay_opt_integer(L, OPTIONS, name, (int64_t)absent, least, INT32_MAX);
}

static void read_numbers_of(lua_State *L, assay_op_options *o)
{
    o->eps = assay_opt_number(L, OPTIONS, "eps", o->eps, ASSAY_POSITIVE, ASSAY_FINITE);
    o->scale = assay_opt_number(L, OPTIONS, "scale", o->scale, -ASSAY_FINITE, ASSAY_FINITE);
    o->p = assay_opt_number(L, OPTIONS, "p", o->p, 0, ASSAY_BELOW_1);
    o->slope = assay_opt_number(L, OPTIONS, "slope", o->slope, -ASSAY_FINITE, ASSAY_FINITE);
    o->smoothing = assay_opt_number(L, OPTIONS, "smoothing", 0, 0, ASSAY_BELOW_1);
    o->delta = assay_opt_number(L, OPTIONS, "delta", o->delta, ASSAY_POSITIVE, ASSAY_FINITE);
    o->k = size_option(L, "k", o->k, 1);
    o->stride = size_option(L, "stride", 0, 1);
    o->pad = size_option(L, "pad", 0, 0);
    o->dilation = size_option(L, "dilation", 0, 1);
    o->groups = size_option(L, "groups", o->groups, 1);
    o->heads = size_option(L, "heads", o->heads, 1);
    o->first = size_option(L, "first", 1, 1) - 1;
    o->count = size_option(L, "count", 0, 1);
    o->causal = assay_opt_boolean(L, OPTIONS, "causal", false);
    o->blocks = size_option(L, "blocks", 0, 1);
    o->clip_low = assay_opt_number(L, OPTIONS, "clip_low", o->clip_low, 0, INFINITY);
    o->clip_high = assay_opt_number(L, OPTIONS, "clip_high", o->clip_high, 0, INFINITY);
    o->kl = assay_opt_number(L, OPTIONS, "kl", 0, 0, ASSAY_FINITE);
    o->entropy = assay_opt_number(L, OPTIONS, "entropy", 0, -ASSAY_FINITE, ASSAY_FINITE);
    o->sum = assay_opt_boolean(L, OPTIONS, "sum", false);
    o->bits = assay_opt_number(L, OPTIONS, "bits", o->bits, -ASSAY_FINITE, ASSAY_FINITE);
    o->exponent = size_option(L, "exponent", 0, 1);
    o->mantissa = size_option(L, "mantissa", 0, 1);
    o->group = size_option(L, "group", 0, 1);
    o->block = size_option(L, "block", 0, 1);
    o->tensor = assay_opt_boolean(L, OPTIONS, "tensor", false);
    o->symmetric = assay_opt_boolean(L, OPTIONS, "symmetric", true);
    o->mask = assay_opt_boolean(L, OPTIONS, "mask", false);
    o->noise = assay_opt_boolean(L, OPTIONS, "noise", false);
    o->clip = assay_opt_number(L, OPTIONS, "clip", o->clip, -ASSAY_FINITE, ASSAY_FINITE);
}

/* attend: a square matrix, nonzero where the row's position sees the column's */
static void read_attend(lua_State *L, assay_op_options *o)
{
    if (!assay_opt_push(L, OPTIONS, "attend"))
        return;
    const assay_matrix m = assay_arg_matrix(L, lua_gettop(L), "attend");
    if (m.rows == 0 || m.rows != m.cols)
        assay_arg_error(L, "attend must be square, got %zu x %zu", m.rows, m.cols);
    unsigned char *attend = assay_lua_scratch(L, m.rows * m.cols, 1);
    for (size_t i = 0; i < m.rows * m.cols; i++)
        attend[i] = *assay_matrix_at(&m, i / m.cols, i % m.cols) != 0;
    o->attend = attend;
    o->attend_side = m.rows;
}

/* A number a label, or none. */
static const double *read_column(lua_State *L, const char *name, size_t n)
{
    size_t count = 0;
    if (!assay_opt_push(L, OPTIONS, name))
        return NULL;
    const double *x = assay_arg_vector(L, lua_gettop(L), name, &count);
    if (count != n)
        assay_arg_error(L, "%s must have %zu numbers, one a label, got %zu", name, n, count);
    return x;
}

static void read_options(lua_State *L, assay_alone_call *call)
{
    assay_op_options *o = &call->options;
    read_numbers_of(L, o);
    read_labels(L, "labels", 0, o);
    read_labels(L, "rows", 1, o);
    if (assay_opt_push(L, OPTIONS, "weights"))
        o->weights = assay_arg_vector(L, lua_gettop(L), "weights", &o->n_weights);
    o->lengths = read_sizes(L, "lengths", &o->n_lengths);
    read_attend(L, o);
    o->old = read_column(L, "old", o->n_labels);
    o->advantage = read_column(L, "advantage", o->n_labels);
    o->reference = read_column(L, "reference", o->n_labels);
    size_t n = 0;
    const size_t *shape = read_sizes(L, "shape", &n);
    if (shape && n != 3)
        assay_arg_error(L, "shape must be {channels, height, width}, got %zu numbers", n);
    if (shape)
        memcpy(o->shape, shape, sizeof o->shape);
    if (assay_opt_boolean(L, OPTIONS, "frozen", false))
        call->in[1].wants_grad = call->in[2].wants_grad = false;
    const int64_t seed = assay_opt_integer(L, OPTIONS, "seed", -1, 0, INT64_MAX);
    call->random = seed >= 0;
    call->seed = (uint64_t)seed;
    call->example = read_sizes(L, "example", &call->n_example);
    for (size_t i = 0; i < call->n_example; i++)
        if (call->example[i] >= call->n_example)
            assay_arg_error(L, "example[%zu] must be in 0..%zu for as many rows, got %zu", i + 1,
                call->n_example - 1, call->example[i]);
        else if (call->example[i] >= call->examples)
            call->examples = call->example[i] + 1;
    if (assay_opt_push(L, OPTIONS, "grad_output")) {
        const assay_alone_input g = read_input(L, "grad_output");
        call->grad_output = g.data;
        call->grad_rows = g.rows;
        call->grad_cols = g.cols;
    }
}

/* ---- one operation ---- */

static int result_free(lua_State *L)
{
    assay_alone_free(luaL_checkudata(L, 1, RESULT));
    return 0;
}

static void push_numbers(lua_State *L, const double *x, size_t rows, size_t cols, bool vector)
{
    if (vector) {
        assay_push_vector(L, x, cols);
        return;
    }
    const assay_matrix m = assay_push_matrix(L, rows, cols);
    memcpy(m.data, x, rows * cols * sizeof *x);
}

static void push_result(lua_State *L, const assay_alone_call *call, const assay_alone_result *r)
{
    lua_newtable(L);
    if (assay_op_is_loss(call->op)) {
        lua_pushnumber(L, r->loss);
        lua_setfield(L, -2, "loss");
    } else {
        push_numbers(L, r->y, r->rows, r->cols, false);
        lua_setfield(L, -2, "y");
    }
    for (int i = 0; i < ASSAY_NODE_INPUTS; i++) {
        if (!r->grad[i])
            continue;
        lua_pushfstring(L, "d%s", assay_op_input(call->op, i));
        push_numbers(L, r->grad[i], call->in[i].rows, call->in[i].cols, call->in[i].vector);
        lua_settable(L, -3);
    }
    if (r->norm2) {
        assay_push_vector(L, r->norm2, call->examples);
        lua_setfield(L, -2, "norm2");
    }
}

/* op(name, inputs [, options]) */
static int op(lua_State *L)
{
    assay_alone_call call = {.options = ASSAY_OP_DEFAULTS};
    assay_arg_status(L, assay_op_parse(assay_arg_string(L, NAME, "name"), &call.op));
    check_options(L, call.op);
    luaL_checkstack(L, 100, NULL);
    const int precision = assay_opt_choice(L, OPTIONS, "precision", 0, precisions);
    read_inputs(L, &call);
    read_options(L, &call);
    assay_alone_result *result = lua_newuserdatauv(L, sizeof *result, 0);
    *result = (assay_alone_result){0};
    luaL_setmetatable(L, RESULT);
    assay_arg_status(
        L, precision == 0 ? assay_op_alone_double(&call, result) : assay_op_alone(&call, result));
    push_result(L, &call, result);
    return 1;
}

/* ---- optimisers ---- */

const char *const assay_optimiser_names[] = {"sgd", "adam", "adamw", NULL};

assay_optimiser_options assay_opt_optimiser(
    lua_State *L, int at, assay_optimiser_kind kind, size_t steps)
{
    static const char *const schedules[] = {"constant", "cosine", "linear", "step", NULL};
    assay_optimiser_options o = ASSAY_OPTIMISER_DEFAULTS;
    o.kind = kind;
    o.lr = assay_opt_number(L, at, "lr", o.kind == ASSAY_SGD ? 0.01 : 1e-3, 0, ASSAY_FINITE);
    o.momentum = assay_opt_number(L, at, "momentum", 0, 0, ASSAY_BELOW_1);
    o.nesterov = assay_opt_boolean(L, at, "nesterov", false);
    o.beta1 = assay_opt_number(L, at, "beta1", o.beta1, 0, ASSAY_BELOW_1);
    o.beta2 = assay_opt_number(L, at, "beta2", o.beta2, 0, ASSAY_BELOW_1);
    o.eps = assay_opt_number(L, at, "eps", o.eps, ASSAY_POSITIVE, ASSAY_FINITE);
    o.weight_decay =
        assay_opt_number(L, at, "weight_decay", o.kind == ASSAY_ADAMW ? 0.01 : 0, 0, ASSAY_FINITE);
    o.clip = assay_opt_number(L, at, "clip", o.clip, ASSAY_POSITIVE, INFINITY);
    o.schedule = (assay_rate_schedule)assay_opt_choice(L, at, "schedule", 0, schedules);
    o.warmup = (size_t)assay_opt_integer(L, at, "warmup", 0, 0, INT32_MAX);
    o.steps = steps ? steps : (size_t)assay_opt_integer(L, at, "steps", 0, 1, INT32_MAX);
    o.last = assay_opt_number(L, at, "last", 0, 0, 1);
    o.every = (size_t)assay_opt_integer(L, at, "every", 1, 1, INT32_MAX);
    o.factor = assay_opt_number(L, at, "factor", 1, ASSAY_POSITIVE, 1);
    if (assay_opt_push(L, at, "milestones"))
        o.milestones = assay_arg_indices(L, -1, "milestones", 0, INT32_MAX, &o.n_milestones);
    assay_arg_status(L, assay_optimiser_check(&o));
    return o;
}

static assay_optimiser_options read_optimiser(lua_State *L)
{
    static const char *const known[] = {"lr", "momentum", "nesterov", "beta1", "beta2", "eps",
        "weight_decay", "clip", "schedule", "warmup", "steps", "last", "every", "factor",
        "milestones", "precision", NULL};
    enum { AT = 4 };
    assay_opts_check(L, AT, known);
    return assay_opt_optimiser(
        L, AT, (assay_optimiser_kind)assay_arg_choice(L, 1, "name", assay_optimiser_names), 0);
}

/* All steps in double, one row of `trace` each. */
static void trace_double(const assay_optimiser_options *o, const double *start, double *scratch,
    assay_matrix grads, assay_matrix trace)
{
    const size_t n = grads.cols;
    double *w = scratch, *m = w + n, *v = m + n, *g = v + n;
    memcpy(w, start, n * sizeof *w);
    memset(m, 0, 2 * n * sizeof *m);
    for (size_t t = 0; t < grads.rows; t++) {
        memcpy(g, assay_matrix_row(&grads, t), n * sizeof *g);
        assay_clip_norm_double(g, n, o->clip);
        assay_optimiser_step_double(o, t + 1, n, w, g, m, v, NULL);
        memcpy(assay_matrix_row(&trace, t), w, n * sizeof *w);
    }
}

static void trace_single(const assay_optimiser_options *o, const double *start, real *scratch,
    assay_matrix grads, assay_matrix trace)
{
    const size_t n = grads.cols;
    real *w = scratch, *m = w + n, *v = m + n, *g = v + n;
    memset(m, 0, 2 * n * sizeof *m);
    for (size_t i = 0; i < n; i++)
        w[i] = (real)start[i];
    for (size_t t = 0; t < grads.rows; t++) {
        for (size_t i = 0; i < n; i++)
            g[i] = (real)*assay_matrix_at(&grads, t, i);
        assay_clip_norm(g, n, o->clip);
        assay_optimiser_step(o, t + 1, n, w, g, m, v, NULL);
        for (size_t i = 0; i < n; i++)
            *assay_matrix_at(&trace, t, i) = (double)w[i];
    }
}

/* optimizer(name, w, grads [, options]): the parameters after each step, a row each */
static int optimizer(lua_State *L)
{
    size_t n = 0;
    const assay_optimiser_options o = read_optimiser(L);
    const int precision = assay_opt_choice(L, 4, "precision", 0, precisions);
    const double *w = assay_arg_vector(L, 2, "w", &n);
    const assay_matrix grads = assay_arg_matrix(L, 3, "grads");
    if (grads.rows > 0 && grads.cols != n)
        assay_arg_error(
            L, "grads must have %zu columns, one a number of w, got %zu", n, grads.cols);
    void *scratch = assay_lua_scratch(L, 4 * n, sizeof(double));
    const assay_matrix trace = assay_push_matrix(L, grads.rows, n);
    if (precision == 0)
        trace_double(&o, w, scratch, grads, trace);
    else
        trace_single(&o, w, scratch, grads, trace);
    return 1;
}

static const luaL_Reg net[] = {
    {"op", op},
    {"optimizer", optimizer},
    {NULL, NULL},
};

int assay_lua_net(lua_State *L)
{
    luaL_newmetatable(L, RESULT);
    lua_pushcfunction(L, result_free);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    assay_lua_net_class(L);
    lua_newtable(L);
    assay_lua_register(L, net);
    assay_lua_register(L, assay_lua_net_builders);
    return 1;
}
