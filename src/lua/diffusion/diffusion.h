/* Mixtures, noise schedules and models as arguments of Lua calls. */
#ifndef ASSAY_LUA_DIFFUSION_H
#define ASSAY_LUA_DIFFUSION_H

#include <lua.h>

#include "methods/diffusion/sample.h"
#include "core/rng.h"
#include "models/gmm.h"
#include "core/schedule.h"

/* A userdata, or a table that becomes one. Pushes one value that keeps it. */
const assay_gmm *assay_arg_gmm(lua_State *L, int at, const char *name);
const assay_schedule *assay_arg_schedule(lua_State *L, int at, const char *name);

/* A model: assay.diffusion.model, gmm_eps, cfg, ...; anything that is called as f(x, t) and has a
 * field schedule; or, with the schedule that `schedule_at` (a stack index, 0: none) holds, a
 * function. The last two predict noise, or what their field `type` says. Pushes one value that
 * keeps it. */
assay_diffusion_model *assay_arg_denoiser(lua_State *L, int at, const char *name, int schedule_at);

enum { ASSAY_BY_LABEL = -1 }; /* in place of schedule_at: the model is called with labels */

/* Options draws, a list of matrices, and rng. Pushes values that keep them. */
void assay_opt_draws(
    lua_State *L, int at, const assay_matrix **draws, size_t *n_draws, assay_rng **rng);

/* Raises the error that a Lua model left when a primitive came back with ASSAY_ESCRIPT; then as
 * assay_arg_status. */
void assay_lua_denoiser_status(lua_State *L, int status);

/* The same at argument `at`, with the option schedule of the table at `options`, which only what
 * has none of its own may have. */
assay_diffusion_model *assay_opt_denoiser(lua_State *L, int at, int options);

/* The options of sample, which others take as well; those absent keep what *o has. One that is
 * given and that the solver, its method or its grid would not read is an error; with `ends`, the
 * caller reads t_start, t_end, sigma_min and sigma_max. Pushes values that keep them. */
#define ASSAY_SAMPLER_OPTIONS                                                                      \
    "solver", "order", "method", "steps", "spacing", "rho", "timesteps", "t_start", "t_end",       \
        "solver_type", "d2", "lower_order_final", "denoise_to_zero", "invert", "threshold", "eta", \
        "draws", "rng", "variant", "predict_x0", "corrector", "atol", "rtol", "h_init", "theta",   \
        "t_err", "sigma_min", "sigma_max", "s_churn", "s_tmin", "s_tmax", "s_noise", "trajectory", \
        "schedule", "progress"
void assay_opt_sampler(lua_State *L, int at, bool ends, assay_sampler_options *o);
/* A result that is freed when Lua collects it, pushed. */
assay_sampler_result *assay_lua_sampler_result(lua_State *L);
/* Pushes the table of sample; the samples x are at `matrix`. */
void assay_push_sampled(
    lua_State *L, const assay_sampler_result *r, const assay_matrix *x, int matrix);

/* More functions for the table on top of the stack. */
void assay_lua_denoiser(lua_State *L);
void assay_lua_sampler(lua_State *L);
void assay_lua_diffusion_metrics(lua_State *L);
void assay_lua_usf(lua_State *L);
void assay_lua_time_shift(lua_State *L);
void assay_lua_gaussian(lua_State *L);
void assay_lua_scores(lua_State *L);
void assay_lua_teleport(lua_State *L);

/* Options class and scale of the table at `at` into a level. */
void assay_opt_guidance(lua_State *L, int at, const assay_gmm *g, assay_gmm_level *level);

#endif
