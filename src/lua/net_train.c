/*
 * net:train, and what a trained net gives: averaged weights, a denoiser's noise.
 *
 * No error of a script's function leaves through the training loop, which owns memory: it is kept,
 * the loop ends, and the error is raised then.
 */
#include <math.h>
#include <string.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/net.h"
#include "models/net/fit.h"
#include "models/net_noise.h"

enum { X = 2, Y = 3, OPTIONS = 4, MOST_GROUPS = 64 };

static const char *const known[] = {"loss", "smoothing", "delta", "epochs", "steps", "batch",
    "accumulate", "order", "seed", "threads", "resume", "optimizer", "lr", "momentum", "nesterov",
    "beta1", "beta2", "eps", "weight_decay", "clip", "schedule", "warmup", "last", "every",
    "factor", "milestones", "groups", "ema", "weights", "sampler", "on_step", "eval", "prediction",
    "noise", "t_min", "t_max", "progress", NULL};

/* The loop's context; numbers are stack indices, 0: not given. */
struct training {
    lua_State *L;
    assay_net_handle *self;
    int sampler, on_step, judge, evals;
    assay_net_loss loss;
    assay_net_data eval; /* x.rows 0: none */
    size_t epoch, steps; /* steps of an epoch, of all */
    size_t n;            /* examples */
    const assay_progress *interrupt;
    bool stopped;
};

/* ---- options ---- */

static size_t whole(lua_State *L, const char *name, int64_t absent, int64_t least)
{
    return (size_t)assay_opt_integer(L, OPTIONS, name, absent, least, INT32_MAX);
}

/* {["head.*"] = {lr=, weight_decay=}} would have no order: a list of {match=, lr=, weight_decay=}
 */
static const assay_param_group *read_groups(lua_State *L, size_t *n)
{
    static const char *const of_group[] = {"match", "lr", "weight_decay", NULL};
    *n = 0;
    if (!assay_opt_push(L, OPTIONS, "groups"))
        return NULL;
    const int list = lua_gettop(L);
    if (!lua_istable(L, list))
        assay_arg_error(L, "groups must be a list of tables, got a %s", luaL_typename(L, list));
    *n = (size_t)luaL_len(L, list);
    if (*n > MOST_GROUPS)
        assay_arg_error(L, "groups must be at most %d, got %zu", MOST_GROUPS, *n);
    assay_param_group *groups = assay_lua_scratch(L, *n + 1, sizeof *groups);
    for (size_t g = 0; g < *n; g++) {
        luaL_checkstack(L, 8, NULL);
        lua_geti(L, list, (lua_Integer)g + 1); /* stays, with its texts */
        const int at = lua_gettop(L);
        assay_opts_check(L, at, of_group);
        groups[g].pattern = assay_opt_string(L, at, "match", NULL);
        if (!groups[g].pattern)
            assay_arg_error(L, "groups[%zu].match must be given", g + 1);
        groups[g].lr = assay_opt_number(L, at, "lr", NAN, 0, ASSAY_FINITE);
        groups[g].weight_decay = assay_opt_number(L, at, "weight_decay", NAN, 0, ASSAY_FINITE);
    }
    return groups;
}

static int function_option(lua_State *L, const char *name)
{
    if (!assay_opt_push(L, OPTIONS, name)) {
        lua_pop(L, 1);
        return 0;
    }
    if (!lua_isfunction(L, -1))
        assay_arg_error(L, "%s must be a function, got a %s", name, luaL_typename(L, -1));
    return lua_gettop(L);
}

/* prediction and what goes with it; NULL when nothing is to be denoised */
static const assay_fit_denoise *read_denoise(lua_State *L, assay_net_loss *loss)
{
    static const char *const predictions[] = {"eps", "x0", "v", NULL};
    const bool denoises = assay_opt_push(L, OPTIONS, "prediction");
    lua_pop(L, 1);
    const bool noise = assay_opt_push(L, OPTIONS, "noise");
    if (denoises != noise)
        assay_arg_error(L, "prediction and noise (a schedule) go together");
    if (!denoises) {
        lua_pop(L, 1);
        return NULL;
    }
    assay_fit_denoise *d = assay_lua_scratch(L, 1, sizeof *d);
    d->schedule = assay_arg_schedule(L, lua_gettop(L) - 1, "noise");
    d->prediction =
        (assay_net_prediction)(assay_opt_choice(L, OPTIONS, "prediction", 0, predictions) + 1);
    d->t_min = assay_opt_number(
        L, OPTIONS, "t_min", 1e-3 * d->schedule->t_max, ASSAY_POSITIVE, d->schedule->t_max);
    d->t_max = assay_opt_number(
        L, OPTIONS, "t_max", d->schedule->t_max, ASSAY_POSITIVE, d->schedule->t_max);
    if (assay_opt_choice(L, OPTIONS, "loss", 0, (const char *const[]){"mse", "huber", NULL}))
        loss->kind = ASSAY_LOSS_HUBER;
    else
        loss->kind = ASSAY_LOSS_MSE;
    loss->delta = assay_opt_number(L, OPTIONS, "delta", 1, ASSAY_POSITIVE, ASSAY_FINITE);
    return d;
}

static size_t read_steps(lua_State *L, const assay_fit_options *o, size_t n)
{
    const bool steps = assay_opt_push(L, OPTIONS, "steps");
    const bool epochs = assay_opt_push(L, OPTIONS, "epochs");
    lua_pop(L, 2);
    if (steps == epochs)
        assay_arg_error(L, "one of epochs and steps must be given");
    return steps ? whole(L, "steps", 0, 1)
                 : whole(L, "epochs", 0, 1) * assay_fit_epoch(o, n ? n : 1);
}

static assay_fit_options read_options(lua_State *L, const assay_net *net, size_t n)
{
    static const char *const orders[] = {"permutation", "replacement", NULL};
    assay_fit_options o = ASSAY_FIT_DEFAULTS;
    const int kind = assay_opt_choice(L, OPTIONS, "optimizer", ASSAY_ADAMW, assay_optimiser_names);
    o.batch = whole(L, "batch", 64, 1);
    o.accumulate = whole(L, "accumulate", 1, 1);
    o.steps = read_steps(L, &o, n);
    o.order = (assay_fit_order)assay_opt_choice(L, OPTIONS, "order", 0, orders);
    o.seed = (uint64_t)assay_opt_integer(L, OPTIONS, "seed", (int64_t)net->seed, 0, INT64_MAX);
    o.resume = assay_opt_boolean(L, OPTIONS, "resume", false);
    o.training.optimiser = assay_opt_optimiser(L, OPTIONS, (assay_optimiser_kind)kind, o.steps);
    o.training.ema = assay_opt_number(L, OPTIONS, "ema", 0, 0, ASSAY_BELOW_1);
    return o;
}

static void read_eval(lua_State *L, struct training *t, bool denoises)
{
    if (!assay_opt_push(L, OPTIONS, "eval")) {
        lua_pop(L, 1);
        return;
    }
    const int at = lua_gettop(L);
    if (denoises || t->judge)
        assay_arg_error(L, "eval is not for %s", t->judge ? "a loss of one's own" : "denoisers");
    if (!lua_istable(L, at))
        assay_arg_error(L, "eval must be {x, y}, got a %s", luaL_typename(L, at));
    lua_geti(L, at, 1);
    lua_geti(L, at, 2);
    t->eval = assay_arg_net_data(L, at + 1, at + 2, t->self->net, &t->loss, 0, false);
    assay_arg_status(L, assay_net_check(t->self->net, &t->loss, &t->eval));
    lua_newtable(L);
    t->evals = lua_gettop(L);
}

/* ---- the script's functions ---- */

/* Call what is below `arguments` values; a failure is kept. The script may have called the net in
 * another coroutine, which hooks must not be called in. */
static int call(struct training *t, int arguments, int results)
{
    const int status = lua_pcall(t->L, arguments, results, 0);
    t->self->L = t->L;
    return status == LUA_OK ? ASSAY_OK : assay_lua_net_keep(t->L, t->self);
}

struct drawn {
    size_t n, most, *index, *count;
    double *weight;
};

/* Arguments: what to fill, the sampler's two results. */
static int read_drawn(lua_State *L)
{
    const struct drawn *d = lua_touserdata(L, 1);
    size_t n = 0, n_weights = 0;
    const size_t *index = assay_arg_indices(L, 2, "sampler's indices", 1, d->n, &n);
    if (n > d->most || n < 1)
        luaL_error(L, "net: sampler must give 1..%d indices, got %d", (int)d->most, (int)n);
    memcpy(d->index, index, n * sizeof *index);
    *d->count = n;
    if (lua_isnil(L, 3))
        return 0;
    const double *weight = assay_arg_vector(L, 3, "sampler's weights", &n_weights);
    if (n_weights != n)
        luaL_error(L, "net: sampler gave %d indices and %d weights", (int)n, (int)n_weights);
    memcpy(d->weight, weight, n * sizeof *weight);
    return 0;
}

static int sample(void *context, uint64_t step, assay_rng *rng, size_t most, size_t *index,
    double *weight, size_t *count)
{
    struct training *t = context;
    struct drawn drawn = {t->n, most, index, count, weight};
    lua_State *L = t->L;
    lua_pushcfunction(L, read_drawn);
    lua_pushlightuserdata(L, &drawn);
    lua_pushvalue(L, t->sampler);
    lua_pushinteger(L, (lua_Integer)step);
    assay_push_rng(L, *rng);
    const int status = call(t, 2, 2);
    if (status == ASSAY_OK)
        return call(t, 3, 0);
    lua_pop(L, 2);
    return status;
}

/* A step whose loss is the script's, for a protected call. */
struct judged {
    uint64_t step;
    const size_t *index;
    const assay_matrix *outputs;
    double *loss;
    assay_matrix *slope;
};

/* Arguments: what is judged, the function. */
static int ask_judge(lua_State *L)
{
    const struct judged *j = lua_touserdata(L, 1);
    const size_t n = j->outputs->rows, cols = j->outputs->cols;
    lua_pushvalue(L, 2);
    assay_matrix outputs = assay_push_matrix(L, n, cols);
    assay_matrix_copy(j->outputs, &outputs);
    assay_push_indices(L, j->index, n, 1);
    lua_pushinteger(L, (lua_Integer)j->step);
    lua_call(L, 3, 2);
    if (lua_type(L, -2) != LUA_TNUMBER)
        luaL_error(
            L, "net: loss must give a number and its gradient, got a %s", luaL_typename(L, -2));
    *j->loss = lua_tonumber(L, -2);
    const int at = lua_gettop(L);
    const assay_matrix slope = assay_arg_matrix(L, at, "gradient of loss");
    if (slope.rows != n || slope.cols != cols)
        luaL_error(L, "net: the gradient of loss must be %d x %d as outputs, got %d x %d", (int)n,
            (int)cols, (int)slope.rows, (int)slope.cols);
    assay_matrix_copy(&slope, j->slope);
    return 0;
}

static int judge(void *context, uint64_t step, const size_t *index, size_t n,
    const assay_matrix *outputs, double *loss, assay_matrix *slope)
{
    (void)n;
    struct training *t = context;
    struct judged judged = {step, index, outputs, loss, slope};
    lua_pushcfunction(t->L, ask_judge);
    lua_pushlightuserdata(t->L, &judged);
    lua_pushvalue(t->L, t->judge);
    return call(t, 2, 0);
}

static int push_eval(struct training *t, uint64_t step)
{
    lua_State *L = t->L;
    assay_net *net = t->self->net;
    double loss = 0, right = 0;
    assay_matrix out = {0};
    int status = assay_net_losses(net, &t->loss, &t->eval, t->interrupt, &loss, NULL, NULL);
    if (status == ASSAY_OK && t->loss.kind == ASSAY_LOSS_CE)
        status = assay_matrix_alloc(t->eval.x.rows, assay_net_outputs(net), &out);
    if (status == ASSAY_OK && out.data)
        status = assay_net_predict(net, &t->eval.x, SIZE_MAX, t->interrupt, &out);
    size_t counted = 0;
    for (size_t i = 0; status == ASSAY_OK && i < out.rows; i++) {
        const double *row = assay_matrix_row(&out, i);
        size_t best = 0;
        for (size_t j = 1; j < out.cols; j++)
            best = row[j] > row[best] ? j : best;
        counted += t->eval.labels[i] >= 0;
        right += (int64_t)best == t->eval.labels[i];
    }
    assay_matrix_free(&out);
    if (status != ASSAY_OK)
        return status;
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)step);
    lua_setfield(L, -2, "step");
    lua_pushnumber(L, (double)step / (double)t->epoch);
    lua_setfield(L, -2, "epoch");
    lua_pushnumber(L, loss);
    lua_setfield(L, -2, "loss");
    if (counted) {
        lua_pushnumber(L, right / (double)counted);
        lua_setfield(L, -2, "accuracy");
    }
    lua_rawseti(L, t->evals, (lua_Integer)lua_rawlen(L, t->evals) + 1);
    return ASSAY_OK;
}

static void exchange(float **a, float **b)
{
    float *kept = *a;
    *a = *b;
    *b = kept;
}

/* With averaged weights, when there are any. */
static int evaluate(struct training *t, uint64_t step)
{
    assay_net *net = t->self->net;
    const bool averages = net->state.average != NULL;
    if (averages)
        exchange(&net->params.w, &net->state.average);
    const int status = push_eval(t, step);
    if (averages)
        exchange(&net->params.w, &net->state.average);
    return status;
}

static int on_step(void *context, uint64_t step, double loss, bool *stop)
{
    struct training *t = context;
    lua_State *L = t->L;
    int status = ASSAY_OK;
    if (t->evals && (step % t->epoch == 0 || step == t->steps))
        status = evaluate(t, step);
    if (status != ASSAY_OK || !t->on_step)
        return status;
    lua_pushvalue(L, t->on_step);
    lua_pushinteger(L, (lua_Integer)step);
    lua_pushnumber(L, loss);
    lua_pushvalue(L, 1);
    status = call(t, 3, 1);
    if (status != ASSAY_OK)
        return status;
    *stop = t->stopped = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    return ASSAY_OK;
}

/* ---- train ---- */

static void push_result(
    lua_State *L, const struct training *t, const double *losses, uint64_t start)
{
    const size_t done = (size_t)(t->self->net->state.step - start);
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, (lua_Integer)t->self->net->state.step);
    lua_setfield(L, -2, "steps");
    if (done) {
        lua_pushnumber(L, losses[done - 1]);
        lua_setfield(L, -2, "loss");
    }
    assay_push_vector(L, losses, done);
    lua_setfield(L, -2, "losses");
    lua_pushboolean(L, t->stopped);
    lua_setfield(L, -2, "stopped");
    if (t->evals) {
        lua_pushvalue(L, t->evals);
        lua_setfield(L, -2, "evals");
    }
}

static void set_threads(lua_State *L, assay_net_handle *self)
{
    const int64_t threads = assay_opt_integer(L, OPTIONS, "threads", 1, 1, 256);
    if (threads > 1 && self->calls_lua)
        assay_arg_error(
            L, "threads must be 1 where the input of a layer is hooked, got %d", (int)threads);
    if (self->net->busy)
        assay_arg_error(L, "the net is being trained");
    assay_arg_status(L, assay_net_threads(self->net, (size_t)threads));
}

/* The option loss as a function, which takes no part in what the named losses are told; 0: it is
 * none. */
static int own_loss(lua_State *L)
{
    static const char *const others[] = {"smoothing", "delta", "weights", "accumulate",
        "prediction", "noise", "t_min", "t_max", NULL};
    if (!assay_opt_push(L, OPTIONS, "loss") || !lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        return 0;
    }
    const int at = lua_gettop(L);
    for (size_t i = 0; others[i]; i++) {
        if (assay_opt_push(L, OPTIONS, others[i]))
            assay_arg_error(L, "%s is not for a loss of one's own", others[i]);
        lua_pop(L, 1);
    }
    return at;
}

/* net:train(x, y [, options]): {steps=, loss=, losses=, stopped=, evals=} */
int assay_lua_net_train(lua_State *L)
{
    assay_net_handle *self = assay_arg_net(L);
    struct training t = {.L = L, .self = self};
    assay_net_data data = {0};
    assay_lua_report report;
    luaL_checkstack(L, 200, NULL);
    assay_opts_check(L, OPTIONS, known);
    t.judge = own_loss(L);
    const assay_fit_denoise *denoise = t.judge ? NULL : read_denoise(L, &t.loss);
    if (t.judge) {
        data.x = assay_arg_matrix(L, X, "x");
        if (!lua_isnil(L, Y))
            assay_arg_error(L, "y must be nil for a loss of one's own");
    } else if (denoise) {
        data.x = assay_arg_matrix(L, X, "x");
        if (!lua_isnil(L, Y))
            assay_arg_error(L, "y must be nil for a denoiser");
        if (assay_opt_push(L, OPTIONS, "weights"))
            assay_arg_error(L, "weights are not for denoisers (a sampler may give them)");
    } else {
        t.loss = assay_opt_net_loss(L, OPTIONS, self->net);
        data = assay_arg_net_data(L, X, Y, self->net, &t.loss, OPTIONS, true);
    }
    assay_fit_options o = read_options(L, self->net, data.x.rows);
    o.loss = t.loss;
    o.denoise = denoise;
    o.training.groups = read_groups(L, &o.training.n_groups);
    t.sampler = function_option(L, "sampler");
    t.on_step = function_option(L, "on_step");
    t.epoch = assay_fit_epoch(&o, data.x.rows ? data.x.rows : 1);
    t.steps = o.steps;
    t.n = data.x.rows;
    read_eval(L, &t, denoise != NULL);
    o.sample = t.sampler ? sample : NULL;
    o.on_step = t.on_step || t.evals ? on_step : NULL;
    o.judge = t.judge ? judge : NULL;
    o.context = &t;
    set_threads(L, self);
    double *losses = assay_lua_doubles(L, o.steps);
    const uint64_t start = o.resume ? self->net->state.step : 0;
    assay_lua_report_begin(L, OPTIONS, &report);
    o.progress = &report.progress;
    t.interrupt = report.interrupt;
    assay_lua_net_end(self, &report, assay_net_fit(self->net, &data, &o, losses));
    push_result(L, &t, losses, start);
    return 1;
}

/* ---- what is left ---- */

/* net:averaged(): a net with the weights that ema averaged */
int assay_lua_net_averaged(lua_State *L)
{
    const assay_net_handle *self = assay_arg_net(L);
    if (!self->net->state.average)
        assay_arg_error(L, "there are no averaged weights: train with ema");
    assay_net_handle *copy = assay_lua_push_net(L);
    assay_arg_status(L, assay_net_clone(self->net, &copy->net));
    memcpy(copy->net->params.w, self->net->state.average, self->net->params.length * sizeof(float));
    return 1;
}

/* eps of x0: (x - alpha x0) / sigma; of v: (alpha v + sigma x) / (alpha^2 + sigma^2) */
static double eps_of(assay_net_prediction what, double out, double x, double alpha, double sigma)
{
    return what == ASSAY_NET_PREDICTS_EPS ? out
           : what == ASSAY_NET_PREDICTS_X0
               ? (x - alpha * out) / sigma
               : (alpha * out + sigma * x) / (alpha * alpha + sigma * sigma);
}

static int noise_free(lua_State *L)
{
    assay_net_noise_free(lua_touserdata(L, 1));
    return 0;
}

/* net:eps(x, t, {noise=}): the noise that a trained denoiser sees in x at t */
int assay_lua_net_eps(lua_State *L)
{
    static const char *const of_eps[] = {"noise", NULL};
    assay_net_handle *self = assay_arg_net(L);
    assay_opts_check(L, OPTIONS, of_eps);
    if (!assay_opt_push(L, OPTIONS, "noise"))
        assay_arg_error(L, "noise (a schedule) must be given");
    const assay_schedule *schedule = assay_arg_schedule(L, lua_gettop(L), "noise");
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    const double *t = assay_arg_vector_of(L, 3, "t", x.rows);
    if (self->net->prediction == ASSAY_NET_PREDICTS_NOTHING)
        assay_arg_error(L, "the net was not trained to denoise (train with prediction and noise)");
    if (x.rows > 0 && assay_net_time_inputs(self->net, x.cols) == 0)
        assay_arg_status(L, assay_net_refuse_denoiser(self->net, x.cols));
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    const int result = lua_gettop(L);
    assay_net_noise *noise = assay_lua_owner(L, sizeof *noise, noise_free);
    noise->net = self->net;
    int status = assay_net_noise_predict(noise, &x, t, x.rows, &out);
    for (size_t i = 0; i < x.rows && status == ASSAY_OK; i++) {
        double log_alpha = 0, sigma = 0;
        status = assay_schedule_eval(schedule, t[i], &log_alpha, &sigma, NULL);
        for (size_t j = 0; j < out.cols; j++) {
            double *at = assay_matrix_at(&out, i, j);
            *at = eps_of(
                self->net->prediction, *at, *assay_matrix_at(&x, i, j), exp(log_alpha), sigma);
        }
    }
    assay_lua_net_status(L, self, status);
    lua_pushvalue(L, result);
    return 1;
}
