/*
 * assay.diffusion: solver schedules (methods/diffusion/usf.h) for Lua. A schedule is a plain table
 * of decisions, {timesteps=, orders=, prediction=, starts=, derivs=, correctors=, afs=}, so that it
 * can be kept as JSON.
 */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/usf.h"

static const char *const relaxes[] = {
    "none", "dpmsolver-2", "unipc-bh1", "unipc-bh2", "0.5exp", "-0.5exp", "linear", NULL};
static const char *const predictions[] = {"noise", "data", NULL};
static const char *const correctors[] = {"none", "pseudo", "implicit", NULL};
static const char *const starts_with[] = {"none", "zero_x0", "mean_x0", NULL};
static const char *const spacings[] = {"time_uniform", "logsnr", "time_quadratic", "karras", NULL};

/* ---- reading ---- */

/* The nodes of the list on top of the stack. */
static void read_active(lua_State *L, assay_usf_derivative *d)
{
    if (!lua_istable(L, -1))
        assay_arg_error(L, "active must be a list of nodes, got a %s", luaL_typename(L, -1));
    d->n = (size_t)luaL_len(L, -1);
    if (d->n > ASSAY_USF_ACTIVE)
        assay_arg_error(L, "active must have at most %d nodes, got %zu", ASSAY_USF_ACTIVE, d->n);
    for (size_t j = 0; j < d->n; j++) {
        lua_geti(L, -1, (lua_Integer)j + 1);
        d->active[j] = (int)assay_arg_integer(L, -1, "active", -1000, 1000);
        lua_pop(L, 1);
    }
}

/* {active=, relax=, coef=} on top of the stack */
static void read_derivative(lua_State *L, assay_usf_derivative *d)
{
    static const char *const known[] = {"active", "relax", "coef", NULL};
    const int at = lua_gettop(L);
    *d = (assay_usf_derivative){0};
    if (!lua_istable(L, at))
        assay_arg_error(
            L, "derivs must have tables {active=, ...}, got a %s", luaL_typename(L, at));
    assay_opts_check(L, at, known);
    assay_opt_push(L, at, "active");
    read_active(L, d);
    lua_pop(L, 1);
    d->relax = (assay_usf_relax)assay_opt_choice(L, at, "relax", 0, relaxes);
    d->coef = assay_opt_number(L, at, "coef", 0, -ASSAY_FINITE, ASSAY_FINITE);
    lua_settop(L, at);
}

/* The list of order - 1 derivatives on top of the stack. */
static void read_derivatives(lua_State *L, assay_usf_taylor *f)
{
    if (!lua_istable(L, -1))
        assay_arg_error(L, "derivs must be a list, got a %s", luaL_typename(L, -1));
    const lua_Integer n = luaL_len(L, -1);
    if (n != f->order - 1 || n > ASSAY_USF_ORDER)
        assay_arg_error(L, "order %d needs %d derivs, got %d", f->order, f->order - 1, (int)n);
    for (lua_Integer k = 0; k < n; k++) {
        lua_geti(L, -1, k + 1);
        read_derivative(L, &f->derivative[k]);
        lua_pop(L, 1);
    }
}

/* false, or {type=, start=, order=, derivs=}, on top of the stack */
static void read_corrector(lua_State *L, assay_usf_step *step)
{
    static const char *const known[] = {"type", "start", "order", "derivs", NULL};
    const int at = lua_gettop(L);
    step->corrector = ASSAY_CORRECTOR_NONE;
    if (!lua_toboolean(L, at))
        return;
    assay_opts_check(L, at, known);
    step->corrector = (assay_usf_corrector_kind)assay_opt_choice(L, at, "type", 1, correctors);
    step->correction.start = (int)assay_opt_integer(L, at, "start", -2, -1000, 1000);
    step->correction.order = (int)assay_opt_integer(L, at, "order", 2, 1, ASSAY_USF_ORDER + 1);
    assay_opt_push(L, at, "derivs");
    read_derivatives(L, &step->correction);
    lua_settop(L, at);
}

/* Element i of list `key`, on top of the stack. */
static void push_element(lua_State *L, int at, const char *key, size_t i)
{
    lua_getfield(L, at, key);
    if (lua_istable(L, -1))
        lua_geti(L, -1, (lua_Integer)i + 1);
    else
        lua_pushnil(L);
    lua_remove(L, -2);
}

static void check_length(lua_State *L, int at, const char *key, size_t n, bool needed)
{
    lua_getfield(L, at, key);
    if (!lua_istable(L, -1) && (needed || !lua_isnil(L, -1)))
        assay_arg_error(L, "%s must be a list of %zu values", key, n);
    if (lua_istable(L, -1) && (size_t)luaL_len(L, -1) != n)
        assay_arg_error(
            L, "%s must have %zu values, one a step, got %d", key, n, (int)luaL_len(L, -1));
    lua_pop(L, 1);
}

static void read_step(lua_State *L, int at, size_t i, assay_usf_step *step)
{
    *step = (assay_usf_step){.predictor.start = -1};
    push_element(L, at, "orders", i);
    step->predictor.order = (int)assay_arg_integer(L, -1, "orders", 1, ASSAY_USF_ORDER);
    push_element(L, at, "prediction", i);
    step->data = assay_arg_choice(L, -1, "prediction", predictions) == 1;
    push_element(L, at, "starts", i);
    if (!lua_isnil(L, -1))
        step->predictor.start = (int)assay_arg_integer(L, -1, "starts", -1000, 1000);
    push_element(L, at, "derivs", i);
    read_derivatives(L, &step->predictor);
    push_element(L, at, "correctors", i);
    read_corrector(L, step);
    lua_pop(L, 5);
}

/* The table at `at`; values are pushed that keep the memory. */
static assay_usf_schedule read_schedule(lua_State *L, int at)
{
    static const char *const known[] = {"timesteps", "orders", "prediction", "starts", "derivs",
        "correctors", "afs", "corrector_type", NULL};
    assay_usf_schedule s = {0};
    size_t times = 0;
    if (!lua_istable(L, at))
        assay_arg_error(L, "decisions must be a table, got a %s", luaL_typename(L, at));
    assay_opts_check(L, at, known);
    luaL_checkstack(L, 24, NULL);
    lua_getfield(L, at, "timesteps");
    const double *t = assay_arg_vector(L, -1, "timesteps", &times);
    if (times < 2)
        assay_arg_error(L, "timesteps must have at least 2 values, got %zu", times);
    s.n = times - 1;
    check_length(L, at, "orders", s.n, true);
    check_length(L, at, "prediction", s.n, true);
    check_length(L, at, "derivs", s.n, true);
    check_length(L, at, "starts", s.n, false);
    check_length(L, at, "correctors", s.n, false);
    s.t = assay_lua_doubles(L, times);
    memcpy(s.t, t, times * sizeof *t);
    s.step = assay_lua_scratch(L, s.n, sizeof *s.step);
    for (size_t i = 0; i < s.n; i++)
        read_step(L, at, i, &s.step[i]);
    s.afs = (assay_usf_afs)assay_opt_choice(L, at, "afs", 0, starts_with);
    assay_arg_status(L, assay_usf_check(&s));
    return s;
}

/* ---- writing ---- */

static void push_derivatives(lua_State *L, const assay_usf_taylor *f)
{
    lua_createtable(L, f->order, 0);
    for (int k = 0; k + 1 < f->order; k++) {
        const assay_usf_derivative *d = &f->derivative[k];
        lua_createtable(L, 0, 3);
        lua_createtable(L, (int)d->n, 0);
        for (size_t j = 0; j < d->n; j++) {
            lua_pushinteger(L, d->active[j]);
            lua_rawseti(L, -2, (lua_Integer)j + 1);
        }
        lua_setfield(L, -2, "active");
        if (d->relax != ASSAY_RELAX_NONE) {
            lua_pushstring(L, relaxes[d->relax]);
            lua_setfield(L, -2, "relax");
        }
        if (d->relax == ASSAY_RELAX_LINEAR) {
            lua_pushnumber(L, d->coef);
            lua_setfield(L, -2, "coef");
        }
        lua_rawseti(L, -2, k + 1);
    }
}

static void push_corrector(lua_State *L, assay_usf_corrector_kind kind, const assay_usf_taylor *f)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, correctors[kind]);
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, f->start);
    lua_setfield(L, -2, "start");
    lua_pushinteger(L, f->order);
    lua_setfield(L, -2, "order");
    push_derivatives(L, f);
    lua_setfield(L, -2, "derivs");
}

static void push_schedule(lua_State *L, const assay_usf_schedule *s)
{
    static const char *const lists[] = {"orders", "prediction", "starts", "derivs", "correctors"};
    lua_createtable(L, 0, 7);
    const int table = lua_gettop(L);
    assay_push_vector(L, s->t, s->n + 1);
    lua_setfield(L, table, "timesteps");
    lua_pushstring(L, starts_with[s->afs]);
    lua_setfield(L, table, "afs");
    for (int k = 0; k < 5; k++) {
        lua_createtable(L, (int)s->n, 0);
        for (size_t i = 0; i < s->n; i++) {
            const assay_usf_step *step = &s->step[i];
            if (k == 0)
                lua_pushinteger(L, step->predictor.order);
            else if (k == 1)
                lua_pushstring(L, predictions[step->data]);
            else if (k == 2)
                lua_pushinteger(L, step->predictor.start);
            else if (k == 3)
                push_derivatives(L, &step->predictor);
            else if (step->corrector == ASSAY_CORRECTOR_NONE)
                lua_pushboolean(L, 0);
            else
                push_corrector(L, step->corrector, &step->correction);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_setfield(L, table, lists[k]);
    }
}

/* ---- parts ---- */

/* taylor_weights(lambdas, {start=-1, active=, derivative=1}): one weight an active node */
static int taylor_weights(lua_State *L)
{
    static const char *const known[] = {"start", "active", "derivative", NULL};
    size_t n = 0;
    const double *lambda = assay_arg_vector(L, 1, "lambdas", &n);
    assay_opts_check(L, 2, known);
    const int64_t count = (int64_t)n;
    const int64_t start = assay_opt_integer(L, 2, "start", -1, -count, -1);
    const int derivative = (int)assay_opt_integer(L, 2, "derivative", 1, 1, ASSAY_USF_ACTIVE);
    assay_usf_derivative d = {0};
    double difference[ASSAY_USF_ACTIVE], w[ASSAY_USF_ACTIVE];
    if (!assay_opt_push(L, 2, "active"))
        assay_arg_error(L, "active must be given");
    read_active(L, &d);
    for (size_t j = 0; j < d.n; j++) {
        if (d.active[j] > -1 || d.active[j] < -count)
            assay_arg_error(L, "active must be in -%zu..-1, got %d", n, d.active[j]);
        difference[j] = lambda[count + d.active[j]] - lambda[count + start];
    }
    assay_arg_status(L, assay_usf_taylor_weights(difference, d.n, derivative, w));
    assay_push_vector(L, w, d.n);
    return 1;
}

/* relax_factor(kind, h [, coef=0]); a list of h gives a list */
static int relax_factor(lua_State *L)
{
    const assay_usf_relax kind = (assay_usf_relax)assay_arg_choice(L, 1, "kind", relaxes);
    const double coef =
        lua_isnoneornil(L, 3) ? 0 : assay_arg_number(L, 3, "coef", -ASSAY_FINITE, ASSAY_FINITE);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        const double h = assay_arg_number(L, 2, "h", -ASSAY_FINITE, ASSAY_FINITE);
        lua_pushnumber(L, assay_usf_relax_factor(kind, h, coef));
        return 1;
    }
    size_t n = 0;
    const double *h = assay_arg_vector(L, 2, "h", &n);
    double *out = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        out[i] = assay_usf_relax_factor(kind, h[i], coef);
    assay_push_vector(L, out, n);
    return 1;
}

/* usf_corrector(start, order, derivs): the corrector of that predictor */
static int usf_corrector(lua_State *L)
{
    assay_usf_taylor predictor = {0}, correction;
    predictor.start = (int)assay_arg_integer(L, 1, "start", -ASSAY_USF_DEPTH + 1, -1);
    predictor.order = (int)assay_arg_integer(L, 2, "order", 1, ASSAY_USF_ORDER);
    lua_settop(L, 3);
    read_derivatives(L, &predictor);
    assay_usf_correct(&predictor, &correction);
    push_corrector(L, ASSAY_CORRECTOR_PSEUDO, &correction);
    return 1;
}

/* usf_nfe(decisions): its model calls */
static int usf_nfe(lua_State *L)
{
    const assay_usf_schedule s = read_schedule(L, 1);
    lua_pushinteger(L, (lua_Integer)assay_usf_nfe(&s));
    return 1;
}

/* Options that this solver has no use for are mistakes. */
static void check_from(lua_State *L, const char *const *solvers, int solver)
{
    enum { MULTISTEP = 1, SINGLESTEP = 2, UNIPC = 4, DDIM = 8 };
    static const struct {
        const char *option, *readers;
        unsigned set;
    } options[] = {
        {"order", "multistep, singlestep, unipc", MULTISTEP | SINGLESTEP | UNIPC},
        {"solver_type", "multistep, singlestep", MULTISTEP | SINGLESTEP},
        {"variant", "unipc", UNIPC},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!(options[i].set & 1u << solver) && assay_opt_push(L, 1, options[i].option))
            assay_arg_error(L, "%s is not an option of %s; solvers that read it: %s",
                options[i].option, solvers[solver], options[i].readers);
}

/* usf_from{schedule=, solver=, order=2, steps=, ...}: the decisions of a known solver */
static int usf_from(lua_State *L)
{
    static const char *const known[] = {"schedule", "solver", "order", "steps", "spacing",
        "t_start", "t_end", "rho", "prediction", "solver_type", "variant", "corrector",
        "lower_order_final", NULL};
    static const char *const solvers[] = {"multistep", "singlestep", "unipc", "ddim", NULL};
    static const char *const solver_types[] = {"dpmsolver", "taylor", NULL};
    static const char *const variants[] = {"bh1", "bh2", NULL};
    assay_opts_check(L, 1, known);
    if (!assay_opt_push(L, 1, "schedule"))
        assay_arg_error(L, "schedule must be given");
    const assay_schedule *schedule = assay_arg_schedule(L, lua_gettop(L), "schedule");
    const int solver = assay_opt_choice(L, 1, "solver", 0, solvers);
    const int64_t steps = assay_opt_integer(L, 1, "steps", 0, 1, 100000);
    if (steps == 0)
        assay_arg_error(L, "steps must be given");
    const bool unipc = solver == 2;
    check_from(L, solvers, solver);
    assay_usf_plan plan = {.solver = unipc         ? ASSAY_USF_UNIPC
                                     : solver == 1 ? ASSAY_USF_SINGLESTEP
                                                   : ASSAY_USF_MULTISTEP,
        .order = solver == 3 ? 1 : (int)assay_opt_integer(L, 1, "order", 2, 1, ASSAY_USF_ORDER),
        .data = assay_opt_choice(L, 1, "prediction", 1, predictions) == 1,
        .corrector = (assay_usf_corrector_kind)assay_opt_choice(L, 1, "corrector", 0, correctors),
        .lower_order_final = assay_opt_boolean(L, 1, "lower_order_final", true),
        .t_start = assay_opt_number(L, 1, "t_start", schedule->t_max, -INFINITY, INFINITY),
        .t_end =
            assay_opt_number(L, 1, "t_end", assay_sampler_t_end(schedule), -INFINITY, INFINITY),
        .spacing = (assay_spacing)assay_opt_choice(L, 1, "spacing", 0, spacings),
        .rho = assay_opt_number(L, 1, "rho", 7, ASSAY_POSITIVE, ASSAY_FINITE)};
    const bool bh1 = assay_opt_choice(L, 1, "variant", 1, variants) == 0;
    const bool taylor = assay_opt_choice(L, 1, "solver_type", 0, solver_types) == 1;
    plan.relax = unipc    ? (bh1 ? ASSAY_RELAX_UNIPC_BH1 : ASSAY_RELAX_UNIPC_BH2)
                 : taylor ? ASSAY_RELAX_NONE
                          : ASSAY_RELAX_DPMSOLVER_2;
    assay_usf_schedule s = {.t = assay_lua_doubles(L, (size_t)steps + 1),
        .step = assay_lua_scratch(L, (size_t)steps, sizeof *s.step)};
    assay_arg_status(L, assay_usf_from(schedule, &plan, (size_t)steps, &s));
    push_schedule(L, &s);
    return 1;
}

/* ---- sampling ---- */

static int result_free(lua_State *L)
{
    assay_sampler_result_free(lua_touserdata(L, 1));
    return 0;
}

/* usf_sample(model, xT, decisions [, {mean_x0=}]): {x=, nfe=} */
static int usf_sample(lua_State *L)
{
    static const char *const known[] = {"mean_x0", "schedule", "progress", NULL};
    assay_opts_check(L, 4, known);
    const assay_diffusion_model *model = assay_opt_denoiser(L, 1, 4);
    const assay_matrix from = assay_arg_matrix(L, 2, "xT");
    const assay_usf_schedule s = read_schedule(L, 3);
    const double *mean = NULL;
    size_t d = 0;
    if (assay_opt_push(L, 4, "mean_x0")) {
        mean = assay_arg_vector(L, -1, "mean_x0", &d);
        if (d != from.cols)
            assay_arg_error(L, "mean_x0 must have %zu values, got %zu", from.cols, d);
    }
    assay_matrix x = assay_push_matrix(L, from.rows, from.cols);
    const int matrix = lua_gettop(L);
    for (size_t i = 0; i < x.rows; i++)
        memcpy(assay_matrix_row(&x, i), assay_matrix_row(&from, i), x.cols * sizeof(double));
    assay_sampler_result *r = assay_lua_owner(L, sizeof *r, result_free);
    assay_lua_report report;
    assay_lua_report_begin(L, 4, &report);
    const int status = assay_usf_sample(model, &s, mean, &report.progress, &x, r);
    if (status == ASSAY_ESCRIPT)
        assay_lua_denoiser_status(L, status);
    assay_lua_report_end(&report, status);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, matrix);
    lua_setfield(L, -2, "x");
    lua_pushinteger(L, (lua_Integer)r->nfe);
    lua_setfield(L, -2, "nfe");
    lua_pushinteger(L, (lua_Integer)r->nfe_net);
    lua_setfield(L, -2, "nfe_net");
    return 1;
}

/* ---- search ---- */

static assay_usf_search_options read_search(lua_State *L, int at, const assay_usf_schedule *s)
{
    if (!assay_opt_push(L, at, "schedule"))
        assay_arg_error(L, "schedule must be given");
    const assay_schedule *schedule = assay_arg_schedule(L, lua_gettop(L), "schedule");
    assay_usf_search_options o = assay_usf_search_defaults(schedule, s ? assay_usf_nfe(s) : 0);
    o.t_start = assay_opt_number(
        L, at, "t_start", s ? s->t[0] : schedule->t_max, ASSAY_POSITIVE, ASSAY_FINITE);
    o.t_end = assay_opt_number(L, at, "t_end", s ? s->t[s->n] : assay_sampler_t_end(schedule),
        ASSAY_POSITIVE, ASSAY_FINITE);
    o.evo_prob = assay_opt_number(L, at, "evo_prob", o.evo_prob, 0, 1);
    o.afs = assay_opt_boolean(L, at, "afs", false);
    o.free = s && assay_opt_boolean(L, at, "free", false);
    return o;
}

/* usf_mutate(decisions, {schedule=, rng=, ...}) */
static int usf_mutate(lua_State *L)
{
    static const char *const known[] = {
        "schedule", "rng", "t_start", "t_end", "evo_prob", "afs", "free", NULL};
    assay_opts_check(L, 2, known);
    const assay_usf_schedule s = read_schedule(L, 1);
    const assay_usf_search_options o = read_search(L, 2, &s);
    assay_usf_genome *child = assay_lua_scratch(L, 1, sizeof *child);
    assay_arg_status(L, assay_usf_mutate(&s, &o, assay_required_rng(L, 2), child));
    push_schedule(L, &child->schedule);
    return 1;
}

/* usf_crossover(a, b, {schedule=, rng=}) */
static int usf_crossover(lua_State *L)
{
    static const char *const known[] = {
        "schedule", "rng", "t_start", "t_end", "evo_prob", "afs", "free", NULL};
    assay_opts_check(L, 3, known);
    const assay_usf_schedule a = read_schedule(L, 1), b = read_schedule(L, 2);
    const assay_usf_search_options o = read_search(L, 3, &a);
    assay_usf_genome *child = assay_lua_scratch(L, 1, sizeof *child);
    assay_arg_status(L, assay_usf_crossover(&a, &b, &o, assay_required_rng(L, 3), child));
    push_schedule(L, &child->schedule);
    return 1;
}

typedef struct objective {
    lua_State *L;
    int function, error;
} objective;

static int call_objective(void *context, const assay_usf_schedule *s, double *value)
{
    objective *o = context;
    lua_State *L = o->L;
    lua_pushvalue(L, o->function);
    push_schedule(L, s);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_replace(L, o->error);
        return assay_fail(ASSAY_ESCRIPT, "the objective failed");
    }
    *value = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : NAN;
    lua_pop(L, 1);
    return ASSAY_OK;
}

static int population_free(lua_State *L)
{
    assay_usf_population_free(lua_touserdata(L, 1));
    return 0;
}

static void push_genomes(lua_State *L, const assay_usf_population *p)
{
    lua_createtable(L, (int)p->n, 0);
    for (size_t i = 0; i < p->n; i++) {
        lua_createtable(L, 0, 2);
        push_schedule(L, &p->genome[i].schedule);
        lua_setfield(L, -2, "decisions");
        lua_pushnumber(L, p->genome[i].value);
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* usf_search{schedule=, nfe=, objective=, evaluations=, rng=, ...}: {best=, value=, history=, ...}
 */
static int usf_search(lua_State *L)
{
    static const char *const known[] = {"schedule", "nfe", "objective", "evaluations", "rng",
        "t_start", "t_end", "rank_bar", "evo_prob", "afs", "select", "predictor", "progress", NULL};
    assay_opts_check(L, 1, known);
    luaL_checkstack(L, 40, NULL);
    assay_usf_search_options o = read_search(L, 1, NULL);
    const int64_t nfe = assay_opt_integer(L, 1, "nfe", 0, 1, ASSAY_USF_STEPS);
    if (nfe == 0)
        assay_arg_error(L, "nfe must be given");
    o.nfe = (size_t)nfe;
    o.evaluations = (size_t)assay_opt_integer(L, 1, "evaluations", 400, 1, 1000000);
    o.rank_bar = (size_t)assay_opt_integer(L, 1, "rank_bar", (int64_t)o.rank_bar, 1, 100000);
    o.select = assay_opt_boolean(L, 1, "select", true);
    o.predictor = assay_opt_boolean(L, 1, "predictor", false);
    assay_rng *rng = assay_required_rng(L, 1);
    if (!assay_opt_push(L, 1, "objective") || !lua_isfunction(L, -1))
        assay_arg_error(L, "objective must be a function (decisions)");
    objective f = {L, lua_gettop(L), lua_gettop(L) + 1};
    lua_pushnil(L);
    assay_usf_population *p = assay_lua_owner(L, sizeof *p, population_free);
    assay_lua_report report;
    assay_lua_report_begin(L, 1, &report);
    o.progress = &report.progress;
    const int status = assay_usf_search(call_objective, &f, &o, rng, p);
    if (status == ASSAY_ESCRIPT) {
        lua_pushvalue(L, f.error);
        return lua_error(L);
    }
    assay_lua_report_end(&report, status);
    lua_createtable(L, 0, 8);
    push_schedule(L, &p->genome[0].schedule);
    lua_setfield(L, -2, "best");
    lua_pushnumber(L, p->genome[0].value);
    lua_setfield(L, -2, "value");
    push_schedule(L, &p->best_by_hand->schedule);
    lua_setfield(L, -2, "best_handmade");
    lua_pushnumber(L, p->best_by_hand->value);
    lua_setfield(L, -2, "handmade_value");
    lua_pushinteger(L, (lua_Integer)p->handmade);
    lua_setfield(L, -2, "handmade");
    assay_push_vector(L, p->history, p->n);
    lua_setfield(L, -2, "history");
    assay_push_vector(L, p->values, p->n);
    lua_setfield(L, -2, "values");
    push_genomes(L, p);
    lua_setfield(L, -2, "population");
    return 1;
}

/* ---- predictors ---- */

#define PREDICTOR "assay.usf_predictor"

enum { NOISE_SCHEDULE = 1 };

static int predictor_free(lua_State *L)
{
    assay_usf_predictor **p = luaL_checkudata(L, 1, PREDICTOR);
    assay_usf_predictor_free(*p);
    *p = NULL;
    return 0;
}

static int predictor_tostring(lua_State *L)
{
    lua_pushliteral(L, "predictor of schedules");
    return 1;
}

/* A list of decisions; pushes what keeps them. */
static const assay_usf_schedule *const *read_schedules(lua_State *L, int at, size_t *n)
{
    if (!lua_istable(L, at))
        assay_arg_error(L, "schedules must be a list of decisions, got a %s", luaL_typename(L, at));
    *n = (size_t)luaL_len(L, at);
    assay_usf_schedule *all = assay_lua_scratch(L, *n + 1, sizeof *all);
    const assay_usf_schedule **list = assay_lua_scratch(L, *n + 1, sizeof *list);
    lua_newtable(L); /* holds the memory of each */
    const int keeper = lua_gettop(L);
    for (size_t i = 0; i < *n; i++) {
        lua_geti(L, at, (lua_Integer)i + 1);
        const int top = lua_gettop(L);
        all[i] = read_schedule(L, top);
        list[i] = &all[i];
        for (int k = lua_gettop(L); k > top; k--)
            luaL_ref(L, keeper);
        lua_settop(L, top - 1);
    }
    return list;
}

/* usf_predictor_train{schedule=, schedules=, values=, rng=, steps=350, pairs=256, rate=3e-3}:
 * predictor, loss */
static int usf_predictor_train(lua_State *L)
{
    static const char *const known[] = {"schedule", "schedules", "values", "rng", "steps", "pairs",
        "rate", "progress", NULL};
    size_t n = 0, values = 0;
    double loss = 0;
    assay_opts_check(L, 1, known);
    luaL_checkstack(L, 40, NULL);
    if (!assay_opt_push(L, 1, "schedule"))
        assay_arg_error(L, "schedule must be given");
    const assay_schedule *noise = assay_arg_schedule(L, lua_gettop(L), "schedule");
    const int noise_at = lua_gettop(L);
    assay_opt_push(L, 1, "schedules");
    const assay_usf_schedule *const *all = read_schedules(L, lua_gettop(L), &n);
    assay_opt_push(L, 1, "values");
    const double *value = assay_arg_vector(L, -1, "values", &values);
    if (values != n)
        assay_arg_error(L, "values must have %zu numbers, one a schedule, got %zu", n, values);
    assay_rng *rng = assay_required_rng(L, 1);
    assay_usf_predictor_options o = {
        .steps = (size_t)assay_opt_integer(L, 1, "steps", 350, 1, 1000000),
        .pairs = (size_t)assay_opt_integer(L, 1, "pairs", 256, 1, 1000000),
        .rate = assay_opt_number(L, 1, "rate", 3e-3, ASSAY_POSITIVE, ASSAY_FINITE)};
    assay_usf_predictor **p = lua_newuserdatauv(L, sizeof *p, 1);
    *p = NULL;
    luaL_setmetatable(L, PREDICTOR);
    const int result = lua_gettop(L);
    lua_pushvalue(L, noise_at);
    lua_setiuservalue(L, result, NOISE_SCHEDULE);
    assay_arg_status(L, assay_usf_predictor_new(noise, rng, p));
    assay_lua_report report;
    assay_lua_report_begin(L, 1, &report);
    o.progress = &report.progress;
    assay_lua_report_end(&report, assay_usf_predictor_train(*p, all, value, n, &o, rng, &loss));
    lua_pushvalue(L, result);
    lua_pushnumber(L, loss);
    return 2;
}

/* usf_predictor_score(predictor, schedules): a list, less is better */
static int usf_predictor_score(lua_State *L)
{
    size_t n = 0;
    assay_usf_predictor **p = luaL_testudata(L, 1, PREDICTOR);
    if (!p || !*p)
        assay_arg_error(L, "predictor must be one of usf_predictor_train, got a %s", luaL_typename(L, 1));
    const assay_usf_schedule *const *all = read_schedules(L, 2, &n);
    double *score = assay_lua_doubles(L, n);
    assay_arg_status(L, assay_usf_predictor_score(*p, all, n, score));
    assay_push_vector(L, score, n);
    return 1;
}

static const luaL_Reg functions[] = {
    {"taylor_weights", taylor_weights},
    {"relax_factor", relax_factor},
    {"usf_corrector", usf_corrector},
    {"usf_nfe", usf_nfe},
    {"usf_from", usf_from},
    {"usf_sample", usf_sample},
    {"usf_mutate", usf_mutate},
    {"usf_crossover", usf_crossover},
    {"usf_search", usf_search},
    {"usf_predictor_train", usf_predictor_train},
    {"usf_predictor_score", usf_predictor_score},
    {NULL, NULL},
};

void assay_lua_usf(lua_State *L)
{
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    assay_lua_class(L, PREDICTOR, "predictor", no_methods, predictor_free, predictor_tostring);
    assay_lua_register(L, functions);
}
