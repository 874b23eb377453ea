/* assay.diffusion.teleport_sample (methods/diffusion/teleport.h) for Lua. */
#include "lua/args.h"
#include "lua/diffusion/diffusion.h"
#include "lua/diffusion/gaussian.h"
#include "lua/module.h"
#include "lua/report.h"

#include <math.h>

#include "core/status.h"
#include "methods/diffusion/teleport.h"

/* One Gaussian, or a list of them. */
static const assay_gaussian *read_gaussians(lua_State *L, int at, size_t *n)
{
    const bool list = lua_istable(L, at) && luaL_len(L, at) > 0;
    *n = list ? (size_t)luaL_len(L, at) : 1;
    assay_gaussian *g = assay_lua_scratch(L, *n, sizeof *g);
    for (size_t k = 0; k < *n; k++) {
        char name[40];
        snprintf(name, sizeof name, list ? "gauss[%zu]" : "gauss", k + 1);
        if (list)
            lua_geti(L, at, (lua_Integer)k + 1);
        g[k] = assay_arg_gaussian(L, list ? -1 : at, name);
    }
    return g;
}

static void read_skip(
    lua_State *L, int at, const assay_matrix *z, size_t gaussians, assay_teleport_options *o)
{
    const size_t steps = o->sampler.steps;
    o->sampler.steps = (size_t)assay_opt_integer(L, at, "n", (int64_t)steps, 1, INT32_MAX);
    if (assay_opt_push(L, at, "n") && assay_opt_push(L, at, "steps"))
        assay_arg_error(L, "n and steps are one thing: give one of them");
    o->skip = (size_t)assay_opt_integer(L, at, "skip", 0, 0, INT32_MAX);
    o->sigma_skip = assay_opt_number(L, at, "sigma_skip", NAN, ASSAY_POSITIVE, ASSAY_FINITE);
    o->t_skip = assay_opt_number(L, at, "t_skip", NAN, ASSAY_POSITIVE, ASSAY_FINITE);
    if (assay_opt_push(L, at, "skip") && !(isnan(o->sigma_skip) && isnan(o->t_skip)))
        assay_arg_error(L, "give one of skip, sigma_skip and t_skip, not more");
    o->restart = assay_opt_boolean(L, at, "restart", false);
    if (assay_opt_push(L, at, "classes")) {
        size_t n = 0;
        o->classes = assay_arg_indices(L, -1, "classes", 1, gaussians, &n);
        if (n != z->rows)
            assay_arg_error(L, "classes must have %zu values, one a row, got %zu", z->rows, n);
    } else if (gaussians > 1) {
        assay_arg_error(L, "a list of Gaussians needs classes, which tell the one of each row");
    }
}

/* On edm the ends are sigma_max and sigma_min, on other schedules t_start and t_end. */
static void check_ends(lua_State *L, int at, const assay_schedule *s)
{
    static const char *const names[2][2] = {{"sigma_max", "sigma_min"}, {"t_start", "t_end"}};
    const bool edm = s && s->kind == ASSAY_SCHEDULE_EDM;
    for (int k = 0; k < 2; k++) {
        if (assay_opt_push(L, at, names[edm][k]))
            assay_arg_error(L, "%s is not an end of sampling on this schedule: use %s",
                names[edm][k], names[!edm][k]);
        lua_pop(L, 1);
    }
}

/* teleport_sample(model, z, gauss [, options]): {x=, nfe=, sigma_skip=, ...} */
static int teleport_sample(lua_State *L)
{
    static const char *const known[] = {
        ASSAY_SAMPLER_OPTIONS, "n", "skip", "sigma_skip", "t_skip", "restart", "classes", NULL};
    size_t gaussians = 0;
    assay_opts_check(L, 4, known);
    luaL_checkstack(L, 60, NULL);
    const assay_diffusion_model *model = assay_opt_denoiser(L, 1, 4);
    const assay_matrix z = assay_arg_matrix(L, 2, "z");
    const assay_gaussian *g = read_gaussians(L, 3, &gaussians);
    assay_teleport_options o = assay_teleport_defaults(model->schedule);
    check_ends(L, 4, model->schedule);
    assay_opt_sampler(L, 4, true, &o.sampler);
    read_skip(L, 4, &z, gaussians, &o);
    assay_matrix x = assay_push_matrix(L, z.rows, z.cols);
    const int matrix = lua_gettop(L);
    double sigma_skip = 0;
    assay_sampler_result *r = assay_lua_sampler_result(L);
    assay_lua_report report;
    assay_lua_report_begin(L, 4, &report);
    o.sampler.progress = &report.progress;
    const int status = assay_teleport_sample(model, g, gaussians, &o, &z, &x, &sigma_skip, r);
    if (status == ASSAY_ESCRIPT)
        assay_lua_denoiser_status(L, status);
    assay_lua_report_end(&report, status);
    assay_push_sampled(L, r, &x, matrix);
    assay_set_number(L, "sigma_skip", sigma_skip);
    return 1;
}

static const luaL_Reg functions[] = {
    {"teleport_sample", teleport_sample},
    {NULL, NULL},
};

void assay_lua_teleport(lua_State *L)
{
    assay_lua_register(L, functions);
}
