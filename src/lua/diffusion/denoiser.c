/*
 * assay.diffusion: the models that samplers call. A model is called as model(x, t), where t is one
 * time or one a row, gives the noise prediction, and carries its schedule: model.schedule.
 *
 * All are one class of userdata around an assay_diffusion_model. A Lua function is called once for
 * the whole batch; its errors do not leave through the primitive, which owns memory, but wait in
 * the registry until that has returned.
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/engine.h"
#include "lua/module.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "lua/net.h"
#include "models/gmm_noise.h"
#include "models/net/checkpoint.h"
#include "models/net_noise.h"

#define MODEL "assay.denoiser"

enum { SCHEDULE = 1, FIRST = 2, SECOND = 3, USER_VALUES = 3 };

typedef struct lua_model {
    lua_State *L; /* of the call that is running */
    int function; /* reference in the registry */
} lua_model;

typedef struct denoiser {
    assay_diffusion_model view;
    lua_model lua;
    assay_gmm_noise gmm;
    assay_net_noise net;
    assay_cfg_model cfg;
    assay_classifier_model classifier;
} denoiser;

static const char *const types[] = {"noise", "x_start", "v", "score", NULL};

static int denoiser_free(lua_State *L)
{
    denoiser *d = lua_touserdata(L, 1);
    assay_gmm_noise_free(&d->gmm);
    assay_net_noise_free(&d->net);
    assay_net_free(d->net.net);
    d->net.net = NULL;
    assay_cfg_free(&d->cfg);
    assay_classifier_free(&d->classifier);
    luaL_unref(L, LUA_REGISTRYINDEX, d->lua.function);
    d->lua.function = LUA_NOREF;
    return 0;
}

static denoiser *push_denoiser(lua_State *L)
{
    denoiser *d = lua_newuserdatauv(L, sizeof *d, USER_VALUES);
    *d = (denoiser){.lua.function = LUA_NOREF};
    luaL_setmetatable(L, MODEL);
    return d;
}

/* The model on top of the stack keeps the value at `at`. */
static void keep(lua_State *L, int at, int which)
{
    lua_pushvalue(L, at);
    lua_setiuservalue(L, -2, which);
}

/* ---- Lua functions ---- */

static const char error_key; /* its address is the key */

typedef struct batch {
    lua_model *model;
    const assay_matrix *x;
    const double *t;
    size_t nt;
    assay_matrix *out;
} batch;

/* (batch): calls the function and reads its matrix, protected. */
static int call_protected(lua_State *L)
{
    const batch *b = lua_touserdata(L, 1);
    const size_t n = b->x->rows, d = b->x->cols;
    lua_rawgeti(L, LUA_REGISTRYINDEX, b->model->function);
    const assay_matrix x = assay_push_matrix(L, n, d);
    for (size_t i = 0; i < n; i++)
        memcpy(assay_matrix_row(&x, i), assay_matrix_row(b->x, i), d * sizeof(double));
    if (b->nt == 1)
        lua_pushnumber(L, b->t[0]);
    else
        assay_push_vector(L, b->t, b->nt);
    lua_call(L, 2, 1);
    const assay_matrix got = assay_arg_matrix(L, -1, "the model's result");
    if (got.rows != n || got.cols != d)
        assay_arg_error(L, "the model's result must be %zu x %zu as x, got %zu x %zu", n, d,
            got.rows, got.cols);
    for (size_t i = 0; i < n; i++)
        memcpy(assay_matrix_row(b->out, i), assay_matrix_row(&got, i), d * sizeof(double));
    return 0;
}

static int call_lua(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    lua_model *m = context;
    lua_State *L = m->L;
    batch b = {m, x, t, nt, out};
    if (!lua_checkstack(L, 8))
        return assay_fail(ASSAY_ENOMEM, "no stack for a model");
    lua_pushcfunction(L, call_protected);
    lua_pushlightuserdata(L, &b);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
        return ASSAY_OK;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
    return assay_fail(ASSAY_ESCRIPT, "a model failed");
}

void assay_lua_denoiser_status(lua_State *L, int status)
{
    if (status == ASSAY_ESCRIPT && lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key) != LUA_TNIL) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
        lua_error(L);
    }
    assay_arg_status(L, status);
}

/* A model of the function (or what can be called) at `at`, with the schedule at `schedule`. */
static denoiser *push_function_model(lua_State *L, int at, int schedule, assay_prediction type)
{
    at = lua_absindex(L, at);
    const assay_schedule *s = NULL;
    if (schedule != ASSAY_BY_LABEL)
        s = assay_arg_schedule(L, schedule, "schedule");
    else
        lua_pushnil(L);
    denoiser *d = push_denoiser(L);
    keep(L, -2, SCHEDULE);
    lua_remove(L, -2);
    lua_pushvalue(L, at);
    d->lua.function = luaL_ref(L, LUA_REGISTRYINDEX);
    d->view = (assay_diffusion_model){call_lua, &d->lua, type, s, 1};
    return d;
}

/* The functions below it run in this state from now on, and its interrupt stops what runs. */
static void enter(lua_State *L, denoiser *d, int at)
{
    at = lua_absindex(L, at);
    d->lua.L = L;
    d->gmm.progress = d->net.progress = assay_lua_progress(L);
    for (int child = FIRST; child <= SECOND; child++) {
        lua_getiuservalue(L, at, child);
        denoiser *below = luaL_testudata(L, -1, MODEL);
        if (below)
            enter(L, below, -1);
        lua_pop(L, 1);
    }
}

static bool is_callable(lua_State *L, int at)
{
    if (lua_isfunction(L, at))
        return true;
    const bool callable = luaL_getmetafield(L, at, "__call") != LUA_TNIL;
    if (callable)
        lua_pop(L, 1);
    return callable;
}

/* Field `key` of what may not have fields, on top of the stack. */
static bool push_field(lua_State *L, int at, const char *key)
{
    at = lua_absindex(L, at);
    if (lua_istable(L, at) || luaL_getmetafield(L, at, "__index") != LUA_TNIL) {
        lua_settop(L, lua_istable(L, at) ? lua_gettop(L) : lua_gettop(L) - 1);
        lua_getfield(L, at, key);
        return !lua_isnil(L, -1);
    }
    lua_pushnil(L);
    return false;
}

static assay_prediction type_of(lua_State *L, int at)
{
    assay_prediction type = ASSAY_PREDICT_NOISE;
    if (push_field(L, at, "type") && lua_type(L, -1) == LUA_TSTRING)
        type = (assay_prediction)assay_arg_choice(L, -1, "type", types);
    lua_pop(L, 1);
    return type;
}

assay_diffusion_model *assay_arg_denoiser(lua_State *L, int at, const char *name, int schedule_at)
{
    at = lua_absindex(L, at);
    denoiser *d = luaL_testudata(L, at, MODEL);
    if (d) {
        lua_pushvalue(L, at);
    } else {
        if (!is_callable(L, at))
            assay_arg_error(
                L, "%s must be a model or a function (x, t), got a %s", name, luaL_typename(L, at));
        const bool has_own = push_field(L, at, "schedule");
        const int own = lua_gettop(L);
        if (!has_own && schedule_at == 0)
            assay_arg_error(L, "%s has no schedule (see assay.diffusion.model)", name);
        d = push_function_model(L, at, has_own ? own : schedule_at, type_of(L, at));
        lua_remove(L, own);
    }
    enter(L, d, -1);
    return &d->view;
}

assay_diffusion_model *assay_opt_denoiser(lua_State *L, int at, int options)
{
    const bool given = assay_opt_push(L, options, "schedule");
    const int schedule = lua_gettop(L);
    const denoiser *d = luaL_testudata(L, at, MODEL);
    const bool own = d ? d->view.schedule != NULL : push_field(L, at, "schedule");
    if (given && own)
        assay_arg_error(L, "schedule is for a function that has none: this model has its own");
    return assay_arg_denoiser(L, at, "model", given ? schedule : 0);
}

/* model{f, schedule=, type="noise"} */
static int model(lua_State *L)
{
    static const char *const known[] = {"schedule", "type", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_rawgeti(L, 1, 1);
    const int function = lua_gettop(L);
    if (!is_callable(L, function))
        assay_arg_error(
            L, "the first element must be a function (x, t), got a %s", luaL_typename(L, function));
    lua_newtable(L); /* the options without the function */
    const int options = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == 1)
            lua_pop(L, 1);
        else {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, options);
        }
    }
    assay_opts_check(L, options, known);
    const int type = assay_opt_choice(L, options, "type", 0, types);
    if (!assay_opt_push(L, options, "schedule"))
        assay_arg_error(L, "schedule must be given");
    push_function_model(L, function, lua_gettop(L), (assay_prediction)type);
    return 1;
}

/* ---- mixtures ---- */

static denoiser *push_mixture(lua_State *L, const assay_gmm *g, int mixture)
{
    denoiser *d = push_denoiser(L);
    keep(L, mixture, FIRST);
    d->gmm.gmm = g;
    d->view =
        (assay_diffusion_model){assay_gmm_noise_predict, &d->gmm, ASSAY_PREDICT_NOISE, NULL, 1};
    return d;
}

/* gmm_eps(gmm, schedule [, {class=, scale=1}]): model(x, t) */
static int gmm_eps(lua_State *L)
{
    static const char *const known[] = {"class", "scale", NULL};
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const int mixture = lua_gettop(L);
    const assay_schedule *s = assay_arg_schedule(L, 2, "schedule");
    assay_opts_check(L, 3, known);
    denoiser *d = push_mixture(L, g, mixture);
    keep(L, mixture + 1, SCHEDULE);
    d->gmm.schedule = d->view.schedule = s;
    assay_opt_guidance(L, 3, g, &d->gmm.level);
    const double scale = d->gmm.level.guidance;
    d->view.cost = d->gmm.level.class != ASSAY_GMM_ALL && scale != 0 && scale != 1 ? 2 : 1;
    return 1;
}

/* gmm_eps_index(gmm, alpha_bar): model(x, t) with labels t, real numbers in 0..N-1 */
static int gmm_eps_index(lua_State *L)
{
    size_t n = 0;
    const assay_gmm *g = assay_arg_gmm(L, 1, "gmm");
    const int mixture = lua_gettop(L);
    const double *given = assay_arg_vector(L, 2, "alpha_bar", &n);
    double *alpha_bar = assay_lua_doubles(L, n + 1); /* the list may change */
    const int kept = lua_gettop(L);
    if (n < 2)
        assay_arg_error(L, "alpha_bar must have at least 2 values, got %zu", n);
    for (size_t i = 0; i < n; i++) {
        alpha_bar[i] = given[i];
        if (!(given[i] > 0 && given[i] < 1))
            assay_arg_error(L, "alpha_bar[%zu] must be between 0 and 1, got %f", i + 1, given[i]);
    }
    denoiser *d = push_mixture(L, g, mixture);
    keep(L, kept, SECOND);
    d->gmm.alpha_bar = alpha_bar;
    d->gmm.n = n;
    d->gmm.level = (assay_gmm_level){.class = ASSAY_GMM_ALL, .guidance = 1};
    return 1;
}

/* ---- nets ---- */

/* A copy, which what the net learns later doesn't change; or the net of a file. */
static void read_net(lua_State *L, int at, denoiser *d)
{
    const assay_net_handle *given = luaL_testudata(L, at, ASSAY_LUA_NET);
    if (!given && lua_type(L, at) != LUA_TSTRING)
        assay_arg_error(L, "net must be a net or the path of its file, got a %s", luaL_typename(L, at));
    if (given && given->hooks)
        assay_arg_error(L, "net has hooks, which a model's copy of it can't call");
    assay_arg_status(L, given ? assay_net_clone(given->net, &d->net.net)
                              : assay_net_load(lua_tostring(L, at), &d->net.net));
}

/* What it predicts: as it was trained, or as the option says where a file doesn't. */
static assay_prediction net_prediction(lua_State *L, int at, const assay_net *net)
{
    static const char *const names[] = {"eps", "x0", "v", NULL};
    static const assay_prediction kinds[] = {
        ASSAY_PREDICT_NOISE, ASSAY_PREDICT_X_START, ASSAY_PREDICT_V};
    const int trained = (int)net->prediction - (int)ASSAY_NET_PREDICTS_EPS;
    const int chosen = assay_opt_choice(L, at, "prediction", trained, names);
    if (chosen < 0)
        assay_arg_error(L, "the net was not trained to denoise here: prediction must be given");
    if (trained >= 0 && chosen != trained)
        assay_arg_error(
            L, "the net was trained to predict %s, not %s", names[trained], names[chosen]);
    return kinds[chosen];
}

static denoiser *push_net(lua_State *L)
{
    static const char *const known[] = {"prediction", NULL};
    const assay_schedule *s = assay_arg_schedule(L, 2, "schedule");
    const int schedule_at = lua_gettop(L);
    assay_opts_check(L, 3, known);
    denoiser *d = push_denoiser(L);
    keep(L, schedule_at, SCHEDULE);
    read_net(L, 1, d);
    d->view = (assay_diffusion_model){
        assay_net_noise_predict, &d->net, net_prediction(L, 3, d->net.net), s, 1};
    return d;
}

/* net_eps(net, schedule [, {prediction=}]): model(x, t) */
static int net_eps(lua_State *L)
{
    push_net(L);
    return 1;
}

/* net_eps_index(net, schedule [, {prediction=}]): model(x, t) with labels t, real numbers in 0..N-1,
 * of a discrete schedule of N steps */
static int net_eps_index(lua_State *L)
{
    denoiser *d = push_net(L);
    if (d->view.schedule->kind != ASSAY_SCHEDULE_DISCRETE)
        assay_arg_error(L, "labels need a discrete schedule");
    d->net.labels = d->view.schedule->n;
    d->view.schedule = NULL;
    lua_pushnil(L);
    lua_setiuservalue(L, -2, SCHEDULE);
    return 1;
}

/* ---- guidance ---- */

/* cfg(unconditional, conditional, scale): e = u + scale (c - u) */
static int cfg(lua_State *L)
{
    const assay_diffusion_model *u = assay_arg_denoiser(L, 1, "unconditional", 0);
    const int first = lua_gettop(L);
    const assay_diffusion_model *c = assay_arg_denoiser(L, 2, "conditional", 0);
    const double scale = assay_arg_number(L, 3, "scale", -ASSAY_FINITE, ASSAY_FINITE);
    denoiser *d = push_denoiser(L);
    keep(L, first, FIRST);
    keep(L, first + 1, SECOND);
    lua_getiuservalue(L, first + 1, SCHEDULE);
    lua_setiuservalue(L, -2, SCHEDULE);
    assay_arg_status(L, assay_cfg_init(&d->cfg, u, c, scale));
    d->view = assay_cfg_view(&d->cfg);
    return 1;
}

/* classifier(model, gradient, scale): e = e - scale sigma gradient(x, t) */
static int classifier(lua_State *L)
{
    const assay_diffusion_model *m = assay_arg_denoiser(L, 1, "model", 0);
    const int first = lua_gettop(L);
    lua_getiuservalue(L, first, SCHEDULE);
    const assay_diffusion_model *gradient = assay_arg_denoiser(L, 2, "gradient", first + 1);
    const double scale = assay_arg_number(L, 3, "scale", -ASSAY_FINITE, ASSAY_FINITE);
    denoiser *d = push_denoiser(L);
    keep(L, first, FIRST);
    keep(L, first + 2, SECOND);
    keep(L, first + 1, SCHEDULE);
    assay_arg_status(
        L, assay_classifier_init(&d->classifier, m, gradient->predict, gradient->context, scale));
    d->view = assay_classifier_view(&d->classifier);
    return 1;
}

/* ---- what it is ---- */

/* model(x, t): the noise prediction; t a number, or one a row */
static int denoiser_call(lua_State *L)
{
    denoiser *d = luaL_checkudata(L, 1, MODEL);
    const assay_matrix x = assay_arg_matrix(L, 2, "x");
    const bool one = lua_type(L, 3) == LUA_TNUMBER;
    const double *t = assay_arg_vector_of(L, 3, "t", one ? 1 : x.rows);
    enter(L, d, 1);
    assay_matrix out = assay_push_matrix(L, x.rows, x.cols);
    if (x.rows > 0)
        assay_lua_denoiser_status(
            L, assay_diffusion_noise(&d->view, &x, t, one ? 1 : x.rows, &out));
    return 1;
}

/* model.schedule, model.gmm */
static int denoiser_index(lua_State *L)
{
    denoiser *d = luaL_checkudata(L, 1, MODEL);
    const char *key = luaL_checkstring(L, 2);
    if (strcmp(key, "schedule") == 0)
        lua_getiuservalue(L, 1, SCHEDULE);
    else if (strcmp(key, "gmm") == 0 && d->gmm.gmm)
        lua_getiuservalue(L, 1, FIRST);
    else if (strcmp(key, "type") == 0)
        lua_pushstring(L, types[ASSAY_PREDICT_NOISE]); /* what calling it gives */
    else
        lua_pushnil(L);
    return 1;
}

static int denoiser_tostring(lua_State *L)
{
    const denoiser *d = luaL_checkudata(L, 1, MODEL);
    lua_pushfstring(L, "model that predicts %s", types[d->view.type]);
    return 1;
}

static const luaL_Reg functions[] = {
    {"gmm_eps", gmm_eps},
    {"gmm_eps_index", gmm_eps_index},
    {"net_eps", net_eps},
    {"net_eps_index", net_eps_index},
    {"model", model},
    {"cfg", cfg},
    {"classifier", classifier},
    {NULL, NULL},
};

void assay_lua_denoiser(lua_State *L)
{
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    assay_lua_class(L, MODEL, "model", no_methods, denoiser_free, denoiser_tostring);
    luaL_getmetatable(L, MODEL);
    lua_pushcfunction(L, denoiser_index);
    lua_setfield(L, -2, "__index");
    assay_lua_push_function(L, "model", denoiser_call);
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
    assay_lua_register(L, functions);
}
