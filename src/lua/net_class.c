/*
 * A net as a Lua value: parameters, outputs, losses, gradients, hooks, files.
 *
 *     local net = assay.net.mlp{784, 256, 10, seed = 1}
 *     net:train(X, y, {epochs = 3}); net:predict(Xv); net:grad(X, y)["dense1.weight"]
 *
 * X has a row an example (an image: channels, rows and columns one behind the other); y is a list
 * of classes from 0 for the loss "ce", else a matrix.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/net.h"
#include "models/net/checkpoint.h"

enum { KEPT = 1, FUNCTIONS = 2 }; /* user values: an error that a hook raised; hooks' functions */

/* ---- the value ---- */

assay_net_handle *assay_lua_push_net(lua_State *L)
{
    assay_net_handle *self = lua_newuserdatauv(L, sizeof *self, 2);
    *self = (assay_net_handle){.L = L};
    luaL_setmetatable(L, ASSAY_LUA_NET);
    lua_newtable(L);
    lua_setiuservalue(L, -2, FUNCTIONS);
    return self;
}

assay_net_handle *assay_arg_net(lua_State *L)
{
    assay_net_handle *self = luaL_checkudata(L, 1, ASSAY_LUA_NET);
    self->L = L;
    return self;
}

/* The net is argument 1 wherever an error is kept or raised. */
int assay_lua_net_keep(lua_State *L, assay_net_handle *self)
{
    (void)self;
    lua_setiuservalue(L, 1, KEPT);
    return assay_fail(ASSAY_ESCRIPT, "net: a function of the script failed");
}

static void raise_kept(lua_State *L)
{
    if (lua_getiuservalue(L, 1, KEPT) != LUA_TNIL) {
        lua_pushnil(L);
        lua_setiuservalue(L, 1, KEPT);
        lua_error(L);
    }
    lua_pop(L, 1);
}

void assay_lua_net_status(lua_State *L, assay_net_handle *self, int status)
{
    (void)self;
    raise_kept(L);
    assay_arg_status(L, status);
}

void assay_lua_net_end(assay_net_handle *self, assay_lua_report *report, int status)
{
    (void)self;
    raise_kept(report->L);
    assay_lua_report_end(report, status);
}

/* ---- reading ---- */

static const char *const losses[] = {
    "ce", "bce", "mse", "huber", "gaussian_nll", "kl", "reverse_kl", NULL};

assay_net_loss assay_opt_net_loss(lua_State *L, int at, const assay_net *net)
{
    assay_net_loss loss = ASSAY_NET_LOSS_DEFAULTS;
    loss.kind = (assay_net_loss_kind)assay_opt_choice(L, at, "loss", 0, losses);
    if (!assay_opt_push(L, at, "loss") && assay_net_outputs(net) == 1)
        assay_arg_error(L, "loss must be given for a net of one output (bce, mse, huber)");
    lua_pop(L, 1);
    loss.smoothing = assay_opt_number(L, at, "smoothing", 0, 0, ASSAY_BELOW_1);
    loss.delta = assay_opt_number(L, at, "delta", 1, ASSAY_POSITIVE, ASSAY_FINITE);
    return loss;
}

static void read_labels(lua_State *L, int at, assay_net_data *data)
{
    const double *y = assay_arg_vector(L, at, "y", &data->n_labels);
    int32_t *labels = assay_lua_scratch(L, data->n_labels, sizeof *labels);
    for (size_t i = 0; i < data->n_labels; i++) {
        if (!(y[i] == floor(y[i]) && fabs(y[i]) < INT32_MAX))
            assay_arg_error(L, "y[%zu] must be a class, a whole number, got %.14g", i + 1, y[i]);
        labels[i] = (int32_t)y[i];
    }
    data->labels = labels;
}

/* A matrix, or a list of numbers: one column. */
static assay_matrix read_targets(lua_State *L, int at)
{
    bool list = false;
    size_t n = 0;
    if (lua_istable(L, at)) {
        list = lua_geti(L, at, 1) == LUA_TNUMBER;
        lua_pop(L, 1);
    }
    if (!list)
        return assay_arg_matrix(L, at, "y");
    const double *y = assay_arg_vector(L, at, "y", &n);
    return assay_matrix_view((double *)y, n, 1); /* read only */
}

assay_net_data assay_arg_net_data(lua_State *L, int x, int y, const assay_net *net,
    const assay_net_loss *loss, int options, bool weights)
{
    (void)net;
    assay_net_data data = {.x = assay_arg_matrix(L, x, "x")};
    luaL_checkstack(L, 16, NULL);
    if (loss->kind == ASSAY_LOSS_CE)
        read_labels(L, y, &data);
    else
        data.targets = read_targets(L, y);
    if (weights && assay_opt_push(L, options, "weights"))
        data.weights = assay_arg_vector(L, lua_gettop(L), "weights", &data.n_weights);
    return data;
}

/* Arguments (self, X, y, options) of the methods below. */
enum { X = 2, Y = 3, LAST = 4 };

struct call {
    assay_net_handle *self;
    assay_net *net;
    assay_net_loss loss;
    assay_net_data data;
    assay_lua_report report;
};

#define LOSS_OPTIONS "loss", "smoothing", "delta", "progress"

static struct call *begin(lua_State *L, const char *const *known, bool weights)
{
    assay_net_handle *self = assay_arg_net(L);
    struct call *c = assay_lua_scratch(L, 1, sizeof *c);
    assay_opts_check(L, LAST, known);
    *c = (struct call){.self = self, .net = self->net};
    c->loss = assay_opt_net_loss(L, LAST, self->net);
    c->data = assay_arg_net_data(L, X, Y, self->net, &c->loss, LAST, weights);
    assay_lua_report_begin(L, LAST, &c->report);
    return c;
}

static void end(struct call *c, int status)
{
    assay_lua_net_end(c->self, &c->report, status);
}

static const char *const of_loss[] = {LOSS_OPTIONS, NULL};

/* ---- parameters ---- */

/* A parameter's numbers from a flat buffer: a list, or a matrix whose rows are its first dimension.
 */
static void push_param(lua_State *L, const assay_param *p, const double *w)
{
    if (p->rank == 1) {
        assay_push_vector(L, w, p->size);
        return;
    }
    const assay_matrix m = assay_push_matrix(L, p->n[0], p->size / p->n[0]);
    memcpy(m.data, w, p->size * sizeof *w);
}

/* A flat buffer as doubles; pushes the memory. */
static double *widen(lua_State *L, const float *flat, size_t n)
{
    double *out = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        out[i] = (double)flat[i];
    return out;
}

/* The value at `at` as a parameter's numbers. */
static void read_param(lua_State *L, int at, const char *name, const assay_param *p, double *out)
{
    if (p->rank == 1) {
        size_t n = 0;
        const double *x = assay_arg_vector(L, at, name, &n);
        if (n != p->size)
            assay_arg_error(L, "%s must have %zu numbers, got %zu", name, p->size, n);
        memcpy(out, x, n * sizeof *out);
        return;
    }
    const assay_matrix m = assay_arg_matrix(L, at, name);
    if (m.rows != p->n[0] || m.cols != p->size / p->n[0])
        assay_arg_error(L, "%s must be %zu x %zu, got %zu x %zu", name, p->n[0], p->size / p->n[0],
            m.rows, m.cols);
    for (size_t i = 0; i < m.rows; i++)
        memcpy(out + i * m.cols, assay_matrix_row(&m, i), m.cols * sizeof *out);
}

static size_t find_param(lua_State *L, int at, const assay_net *net)
{
    size_t index = 0;
    assay_arg_status(L, assay_params_find(&net->params, assay_arg_string(L, at, "name"), &index));
    return index;
}

/* net:params(): {{name=, shape=, size=, learns=, decays=}, ...} */
static int params(lua_State *L)
{
    const assay_net *net = assay_arg_net(L)->net;
    lua_createtable(L, (int)net->params.count, 0);
    for (size_t i = 0; i < net->params.count; i++) {
        const assay_param *p = &net->params.at[i];
        lua_createtable(L, 0, 5);
        lua_pushstring(L, p->name);
        lua_setfield(L, -2, "name");
        assay_push_indices(L, p->n, (size_t)p->rank, 0);
        lua_setfield(L, -2, "shape");
        lua_pushinteger(L, (lua_Integer)p->size);
        lua_setfield(L, -2, "size");
        lua_pushboolean(L, assay_param_learns(p));
        lua_setfield(L, -2, "learns");
        lua_pushboolean(L, (p->flags & ASSAY_PARAM_DECAY) != 0);
        lua_setfield(L, -2, "decays");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* net:layers(): {{name=, shape=}, ...} in their order, blocks where they end */
static int layers(lua_State *L)
{
    const assay_net *net = assay_arg_net(L)->net;
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < net->layers.count; i++) {
        const assay_layer *layer = &net->layers.at[i];
        if (!*layer->name)
            continue;
        lua_createtable(L, 0, 2);
        lua_pushstring(L, layer->name);
        lua_setfield(L, -2, "name");
        assay_push_indices(L, layer->out.n, layer->out.image ? 3 : 1, 0);
        lua_setfield(L, -2, "shape");
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int get(lua_State *L)
{
    const assay_net *net = assay_arg_net(L)->net;
    const assay_param *p = &net->params.at[find_param(L, 2, net)];
    push_param(L, p, widen(L, net->params.w + p->off, p->size));
    return 1;
}

static int set(lua_State *L)
{
    assay_net *net = assay_arg_net(L)->net;
    const assay_param *p = &net->params.at[find_param(L, 2, net)];
    double *w = assay_lua_doubles(L, p->size);
    read_param(L, 3, "value", p, w);
    for (size_t i = 0; i < p->size; i++)
        if (!isfinite(w[i]))
            assay_arg_error(L, "value must be finite, got %g at %zu", w[i], i + 1);
    for (size_t i = 0; i < p->size; i++)
        net->params.w[p->off + i] = (float)w[i];
    return 0;
}

/* net:freeze(pattern [, frozen=true]): how many parameters match */
static int freeze(lua_State *L)
{
    assay_net *net = assay_arg_net(L)->net;
    const char *pattern = assay_arg_string(L, 2, "pattern");
    const bool on = lua_isnil(L, 3) || assay_arg_boolean(L, 3, "frozen");
    const size_t matched = assay_params_flag(&net->params, pattern, ASSAY_PARAM_FROZEN, on);
    if (matched == 0)
        assay_arg_error(L, "no parameter's name matches \"%s\"", pattern);
    lua_pushinteger(L, (lua_Integer)matched);
    return 1;
}

/* ---- outputs and losses ---- */

static int outputs(lua_State *L, size_t stop)
{
    assay_net_handle *self = assay_arg_net(L);
    assay_lua_report report;
    const assay_layers *l = &self->net->layers;
    const assay_matrix x = assay_arg_matrix(L, X, "x");
    const size_t cols =
        stop < l->count ? assay_layer_size(&l->at[stop].out) : assay_net_outputs(self->net);
    assay_matrix out = assay_push_matrix(L, x.rows, cols);
    const int result = lua_gettop(L);
    assay_lua_report_begin(L, 3, &report);
    assay_lua_net_end(
        self, &report, assay_net_predict(self->net, &x, stop, &report.progress, &out));
    lua_pushvalue(L, result);
    return 1;
}

/* net:predict(x [, {progress=}]) */
static int predict(lua_State *L)
{
    static const char *const known[] = {"progress", NULL};
    assay_opts_check(L, 3, known);
    return outputs(L, SIZE_MAX);
}

/* net:features(x, {layer=, progress=}) */
static int features(lua_State *L)
{
    static const char *const known[] = {"layer", "progress", NULL};
    size_t stop = 0;
    assay_opts_check(L, 3, known);
    const char *layer = assay_opt_string(L, 3, "layer", NULL);
    if (!layer)
        assay_arg_error(L, "layer must be given");
    assay_arg_status(L, assay_layers_find(&assay_arg_net(L)->net->layers, layer, &stop));
    return outputs(L, stop);
}

/* net:loss(x, y [, {loss=, weights=, per_example=false}]) */
static int loss(lua_State *L)
{
    static const char *const known[] = {LOSS_OPTIONS, "weights", "per_example", NULL};
    struct call *c = begin(L, known, true);
    double mean = 0;
    const bool each = assay_opt_boolean(L, LAST, "per_example", false);
    double *values = each ? assay_lua_doubles(L, c->data.x.rows) : NULL;
    end(c, assay_net_losses(c->net, &c->loss, &c->data, &c->report.progress, &mean, values, NULL));
    if (each)
        assay_push_vector(L, values, c->data.x.rows);
    else
        lua_pushnumber(L, mean);
    return 1;
}

/* net:last_layer(x, y [, {loss=}]): slope, the gradient of each example's loss by the outputs (p -
 * y for ce), and features, the inputs of the last dense layer; their products are its weight's
 * gradient */
static int last_layer(lua_State *L)
{
    struct call *c = begin(L, of_loss, false);
    double mean = 0;
    const assay_layers *l = &c->net->layers;
    const assay_layer *last = &l->at[l->count - 1];
    if (last->role != ASSAY_LAYER_OP || last->op != ASSAY_OP_LINEAR)
        assay_arg_error(L, "the last layer must be dense, it is %s", last->name);
    const size_t rows = c->data.x.rows;
    lua_createtable(L, 0, 2);
    const int result = lua_gettop(L);
    assay_matrix slope = assay_push_matrix(L, rows, assay_net_outputs(c->net));
    lua_setfield(L, result, "slope");
    assay_matrix h = assay_push_matrix(L, rows, last->in.n[0]);
    lua_setfield(L, result, "features");
    int status =
        assay_net_losses(c->net, &c->loss, &c->data, &c->report.progress, &mean, NULL, &slope);
    if (status == ASSAY_OK && l->count > 1)
        status = assay_net_predict(c->net, &c->data.x, l->count - 2, &c->report.progress, &h);
    else if (status == ASSAY_OK)
        status = assay_matrix_copy(&c->data.x, &h);
    end(c, status);
    lua_pushvalue(L, result);
    return 1;
}

/* ---- gradients ---- */

/* A table of parameters that learn, by name. */
static void push_params(lua_State *L, const assay_net *net, const double *flat)
{
    lua_createtable(L, 0, (int)net->params.count);
    for (size_t i = 0; i < net->params.count; i++) {
        const assay_param *p = &net->params.at[i];
        if (!assay_param_learns(p))
            continue;
        push_param(L, p, flat + p->off);
        lua_setfield(L, -2, p->name);
    }
}

/* net:grad(x, y [, {loss=, weights=}]): by name, and the loss */
static int grad(lua_State *L)
{
    static const char *const known[] = {LOSS_OPTIONS, "weights", NULL};
    struct call *c = begin(L, known, true);
    double mean = 0;
    const size_t n = c->net->params.length;
    float *out = assay_lua_scratch(L, n, sizeof *out);
    end(c, assay_net_grad(c->net, &c->loss, &c->data, &c->report.progress, &mean, out));
    push_params(L, c->net, widen(L, out, n));
    lua_pushnumber(L, mean);
    return 2;
}

/* net:input_grad(x, y [, {loss=}]) */
static int input_grad(lua_State *L)
{
    struct call *c = begin(L, of_loss, false);
    assay_matrix out = assay_push_matrix(L, c->data.x.rows, c->data.x.cols);
    const int result = lua_gettop(L);
    end(c, assay_net_input_grad(c->net, &c->loss, &c->data, &c->report.progress, &out));
    lua_pushvalue(L, result);
    return 1;
}

/* net:example_grad_norms(x, y [, {loss=}]) */
static int example_grad_norms(lua_State *L)
{
    struct call *c = begin(L, of_loss, false);
    double *norm = assay_lua_doubles(L, c->data.x.rows);
    end(c, assay_net_example_norms(c->net, &c->loss, &c->data, &c->report.progress, norm));
    assay_push_vector(L, norm, c->data.x.rows);
    return 1;
}

/* The positions of the parameters in the option `params`, a list of names; all that learn without.
 */
static const size_t *read_chosen(lua_State *L, const assay_net *net, size_t *n, size_t *size)
{
    size_t *chosen = assay_lua_scratch(L, net->params.count + 1, sizeof *chosen);
    *n = *size = 0;
    if (assay_opt_push(L, LAST, "params")) {
        const int list = lua_gettop(L);
        if (!lua_istable(L, list) || (size_t)luaL_len(L, list) > net->params.count)
            assay_arg_error(L, "params must be a list of names of parameters");
        for (lua_Integer i = 1; i <= luaL_len(L, list); i++, lua_pop(L, 1)) {
            lua_geti(L, list, i);
            chosen[(*n)++] = find_param(L, lua_gettop(L), net);
        }
    } else {
        for (size_t i = 0; i < net->params.count; i++)
            if (assay_param_learns(&net->params.at[i]))
                chosen[(*n)++] = i;
    }
    for (size_t i = 0; i < *n; i++)
        *size += net->params.at[chosen[i]].size;
    return chosen;
}

/* net:example_grads(x, y [, {loss=, params=, project=, seed=0}]): a row an example */
static int example_grads(lua_State *L)
{
    static const char *const known[] = {LOSS_OPTIONS, "params", "project", "seed", NULL};
    struct call *c = begin(L, known, false);
    size_t n, size;
    const size_t *chosen = read_chosen(L, c->net, &n, &size);
    const size_t k = (size_t)assay_opt_integer(L, LAST, "project", 0, 1, 1 << 20);
    const uint64_t seed = (uint64_t)assay_opt_integer(L, LAST, "seed", 0, 0, INT64_MAX);
    assay_matrix out = assay_push_matrix(L, c->data.x.rows, k ? k : size);
    const int result = lua_gettop(L);
    end(c, assay_net_example_grads(
               c->net, &c->loss, &c->data, chosen, n, k, seed, &c->report.progress, &out));
    lua_pushvalue(L, result);
    return 1;
}

/* The option v, a table of parameters by name, as flat doubles. */
static double *read_direction(lua_State *L, const assay_net *net)
{
    double *v = assay_lua_doubles(L, net->params.length);
    memset(v, 0, net->params.length * sizeof *v);
    if (!assay_opt_push(L, LAST, "v") || !lua_istable(L, -1))
        assay_arg_error(L, "v must be a table of parameters by name, as grad gives it");
    const int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        size_t index = 0;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        assay_arg_status(L, assay_params_find(&net->params, name, &index));
        const assay_param *p = &net->params.at[index];
        if (!assay_param_learns(p))
            assay_arg_error(L, "v: \"%s\" is frozen", name);
        const int top = lua_gettop(L);
        read_param(L, top, name, p, v + p->off);
        lua_settop(L, top);
    }
    return v;
}

/* net:hvp(x, y, {v=, loss=}) */
static int hvp(lua_State *L)
{
    static const char *const known[] = {LOSS_OPTIONS, "v", NULL};
    struct call *c = begin(L, known, false);
    const double *v = read_direction(L, c->net);
    double *out = assay_lua_doubles(L, c->net->params.length);
    end(c, assay_net_hvp(c->net, &c->loss, &c->data, &c->report.progress, v, out));
    push_params(L, c->net, out);
    return 1;
}

/* net:gradcheck(x, y [, {loss=, eps=1e-5, most=}]) */
static int gradcheck(lua_State *L)
{
    static const char *const known[] = {LOSS_OPTIONS, "eps", "most", NULL};
    struct call *c = begin(L, known, false);
    assay_gradcheck_result r;
    const double eps = assay_opt_number(L, LAST, "eps", 1e-5, 1e-9, 1);
    const size_t most = (size_t)assay_opt_integer(L, LAST, "most", 0, 1, INT32_MAX);
    end(c, assay_net_gradcheck(c->net, &c->loss, &c->data, eps, most, &c->report.progress, &r));
    lua_createtable(L, 0, 3);
    lua_pushnumber(L, r.differences);
    lua_setfield(L, -2, "differences");
    lua_pushnumber(L, r.single);
    lua_setfield(L, -2, "single");
    lua_pushstring(L, c->net->params.at[r.worst].name);
    lua_setfield(L, -2, "worst");
    return 1;
}

/* ---- hooks ---- */

/* One parameter's or one layer's pair of functions, kept in the user value FUNCTIONS under `name`.
 */
typedef struct assay_lua_hook {
    struct assay_lua_hook *next;
    assay_net_handle *self;
    assay_value_hook value;
    size_t rows, cols; /* of a parameter */
    char name[ASSAY_PARAM_NAME];
} assay_lua_hook;

static void push_floats(lua_State *L, const float *x, size_t rows, size_t cols)
{
    const assay_matrix m = assay_push_matrix(L, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        m.data[i] = (double)x[i];
}

/* What a protected call works on: the hook's function `which` of matrices, and step, to out. */
struct hooked {
    assay_lua_hook *hook;
    const char *which;
    const float *a, *b;
    float *out;
    uint64_t step;
    size_t rows, cols;
};

static int call_hook(lua_State *L)
{
    const struct hooked *h = lua_touserdata(L, 1);
    lua_getfield(L, 2, h->which);
    push_floats(L, h->a, h->rows, h->cols);
    if (h->b)
        push_floats(L, h->b, h->rows, h->cols);
    lua_pushinteger(L, (lua_Integer)h->step);
    lua_call(L, h->b ? 3 : 2, 1);
    const assay_matrix *m = assay_lua_test_matrix(L, -1);
    const assay_matrix got = m ? *m : assay_arg_matrix(L, -1, h->which);
    if (got.rows != h->rows || got.cols != h->cols)
        luaL_error(L, "net: %s of the hook of %s must give %d x %d, got %d x %d", h->which,
            h->hook->name, (int)h->rows, (int)h->cols, (int)got.rows, (int)got.cols);
    for (size_t i = 0; i < h->rows * h->cols; i++)
        h->out[i] = (float)*assay_matrix_at(&got, i / h->cols, i % h->cols);
    return 0;
}

static int run_hook(struct hooked *h)
{
    lua_State *L = h->hook->self->L;
    lua_pushcfunction(L, call_hook);
    lua_pushlightuserdata(L, h);
    lua_getiuservalue(L, 1, FUNCTIONS);
    lua_getfield(L, -1, h->hook->name);
    lua_remove(L, -2);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? ASSAY_OK : assay_lua_net_keep(L, h->hook->self);
}

static int weight_forward(void *context, uint64_t step, const float *w, float *effective, size_t n)
{
    (void)n;
    assay_lua_hook *hook = context;
    return run_hook(
        &(struct hooked){hook, "forward", w, NULL, effective, step, hook->rows, hook->cols});
}

static int weight_backward(void *context, uint64_t step, const float *w, float *g, size_t n)
{
    (void)n;
    assay_lua_hook *hook = context;
    return run_hook(&(struct hooked){hook, "backward", w, g, g, step, hook->rows, hook->cols});
}

static int input_forward(void *context, const assay_hook_place *at, const float *x, float *y)
{
    return run_hook(&(struct hooked){context, "forward", x, NULL, y, at->step, at->rows, at->cols});
}

static int input_backward(
    void *context, const assay_hook_place *at, const float *x, const float *dy, float *dx)
{
    return run_hook(&(struct hooked){context, "backward", x, dy, dx, at->step, at->rows, at->cols});
}

/* The hook of that name, made when it isn't there; freed with the net. */
static assay_lua_hook *hook_named(lua_State *L, assay_net_handle *self, const char *name)
{
    for (assay_lua_hook *hook = self->hooks; hook; hook = hook->next)
        if (strcmp(hook->name, name) == 0)
            return hook;
    assay_lua_hook *hook = calloc(1, sizeof *hook);
    if (!hook)
        luaL_error(L, "not enough memory");
    snprintf(hook->name, sizeof hook->name, "%s", name);
    hook->self = self;
    hook->next = self->hooks;
    return self->hooks = hook;
}

/* Keep the functions at argument 3 (nil: none) under the name; is there a forward, a backward? */
static bool keep_functions(lua_State *L, const char *name, bool *backward)
{
    static const char *const known[] = {"forward", "backward", NULL};
    if (!lua_isnil(L, 3)) {
        assay_opts_check(L, 3, known);
        if (!assay_opt_push(L, 3, "forward") || !lua_isfunction(L, -1))
            assay_arg_error(L, "forward must be a function");
        *backward = assay_opt_push(L, 3, "backward");
        if (*backward && !lua_isfunction(L, -1))
            assay_arg_error(L, "backward must be a function");
    }
    lua_getiuservalue(L, 1, FUNCTIONS);
    lua_pushvalue(L, 3);
    lua_setfield(L, -2, name);
    return !lua_isnil(L, 3);
}

/* net:weight_hook(name, {forward=, backward=} or nil) */
static int weight_hook(lua_State *L)
{
    assay_net_handle *self = assay_arg_net(L);
    bool backward = false;
    assay_param *p = &self->net->params.at[find_param(L, 2, self->net)];
    const bool on = keep_functions(L, p->name, &backward);
    p->hook = (assay_weight_hook){0};
    if (on) {
        assay_lua_hook *hook = hook_named(L, self, p->name);
        hook->rows = p->rank > 1 ? p->n[0] : 1;
        hook->cols = p->size / hook->rows;
        p->hook = (assay_weight_hook){weight_forward, backward ? weight_backward : NULL, hook};
    }
    return 0;
}

static bool has_input_hooks(const assay_net *net)
{
    for (size_t i = 0; i < net->layers.count; i++)
        if (net->layers.at[i].hook)
            return true;
    return false;
}

/* net:linear_hook(layer, {forward=, backward=} or nil): of the layer's input */
static int linear_hook(lua_State *L)
{
    assay_net_handle *self = assay_arg_net(L);
    bool backward = false;
    size_t index = 0;
    const char *name = assay_arg_string(L, 2, "layer");
    assay_arg_status(L, assay_layers_find(&self->net->layers, name, &index));
    assay_layer *layer = &self->net->layers.at[index];
    if (layer->w < 0)
        assay_arg_error(L, "layer must be one with a weight, got %s", name);
    const bool on = keep_functions(L, layer->name, &backward);
    layer->hook = NULL;
    if (on) {
        assay_lua_hook *hook = hook_named(L, self, layer->name);
        hook->value = (assay_value_hook){input_forward, backward ? input_backward : NULL, hook};
        layer->hook = &hook->value;
    }
    self->calls_lua = has_input_hooks(self->net);
    return 0;
}

/* ---- copies and files ---- */

/* net:clone(), without hooks */
static int clone(lua_State *L)
{
    const assay_net_handle *self = assay_arg_net(L);
    assay_net_handle *copy = assay_lua_push_net(L);
    assay_arg_status(L, assay_net_clone(self->net, &copy->net));
    return 1;
}

/* net:set_gemm("blas"|"portable") */
static int set_gemm(lua_State *L)
{
    const assay_net_handle *self = assay_arg_net(L);
    assay_net_set_gemm(
        self->net, (assay_gemm_kind)assay_arg_choice(L, 2, "gemm", assay_gemm_names));
    return 0;
}

static int save(lua_State *L)
{
    const assay_net *net = assay_arg_net(L)->net;
    assay_arg_status(L, assay_net_save(net, assay_arg_string(L, 2, "path")));
    return 0;
}

/* net:restore(path): the weights of a file of the same architecture */
static int restore(lua_State *L)
{
    assay_net *net = assay_arg_net(L)->net;
    assay_arg_status(L, assay_net_restore(net, assay_arg_string(L, 2, "path")));
    return 0;
}

unsigned char *assay_lua_net_bytes(lua_State *L, int at, size_t *size)
{
    const assay_net_handle *self = luaL_testudata(L, at, ASSAY_LUA_NET);
    unsigned char *bytes = NULL;
    if (!self || !self->net)
        return NULL;
    assay_arg_status(L, assay_net_encode(self->net, &bytes, size));
    return bytes;
}

bool assay_lua_net_from_bytes(lua_State *L, const void *bytes, size_t size)
{
    assay_net_handle *self = assay_lua_push_net(L);
    if (assay_net_decode(bytes, size, "net", &self->net) == ASSAY_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

/* ---- the class ---- */

static int net_free(lua_State *L)
{
    assay_net_handle *self = luaL_checkudata(L, 1, ASSAY_LUA_NET);
    assay_net_free(self->net);
    self->net = NULL;
    while (self->hooks) {
        assay_lua_hook *next = self->hooks->next;
        free(self->hooks);
        self->hooks = next;
    }
    return 0;
}

static int net_tostring(lua_State *L)
{
    const assay_net *net = assay_arg_net(L)->net;
    lua_pushfstring(L, "net of %d layers, %I parameters", (int)net->layers.count,
        (LUAI_UACINT)assay_params_size(&net->params));
    return 1;
}

static const luaL_Reg methods[] = {
    {"averaged", assay_lua_net_averaged},
    {"clone", clone},
    {"set_gemm", set_gemm},
    {"eps", assay_lua_net_eps},
    {"example_grad_norms", example_grad_norms},
    {"example_grads", example_grads},
    {"features", features},
    {"freeze", freeze},
    {"get", get},
    {"grad", grad},
    {"gradcheck", gradcheck},
    {"hvp", hvp},
    {"input_grad", input_grad},
    {"last_layer", last_layer},
    {"layers", layers},
    {"linear_hook", linear_hook},
    {"loss", loss},
    {"params", params},
    {"predict", predict},
    {"restore", restore},
    {"save", save},
    {"set", set},
    {"train", assay_lua_net_train},
    {"weight_hook", weight_hook},
    {NULL, NULL},
};

void assay_lua_net_class(lua_State *L)
{
    assay_lua_class(L, ASSAY_LUA_NET, "net", methods, net_free, net_tostring);
}
