/* THE table of solvers, and which options are not for all of them. */
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

enum { SOLVERS = 15 };

static const assay_solver *const solvers[SOLVERS] = {
    &assay_solver_dpmpp,
    &assay_solver_dpm,
    &assay_solver_sde_dpmpp,
    &assay_solver_sde_dpm,
    &assay_solver_ddim,
    &assay_solver_ddpm,
    &assay_solver_unipc,
    &assay_solver_deis,
    &assay_solver_ipndm,
    &assay_solver_s_pndm,
    &assay_solver_f_pndm,
    &assay_solver_euler,
    &assay_solver_heun,
    &assay_solver_usf,
    &assay_solver_ts,
};

const assay_solver *assay_solver_find(const char *name)
{
    for (size_t i = 0; i < SOLVERS; i++)
        if (strcmp(solvers[i]->name, name) == 0)
            return solvers[i];
    return NULL;
}

size_t assay_solver_count(void)
{
    return SOLVERS;
}

const char *assay_solver_name(size_t i)
{
    return i < SOLVERS ? solvers[i]->name : NULL;
}

/* ---- options ---- */

/* An option is read by solvers with one of the traits `by` (0: by all) and without `not_by`. */
typedef struct option_readers {
    const char *option;
    unsigned by, not_by;
} option_readers;

enum { NOISY = ASSAY_SOLVER_RANDOM | ASSAY_SOLVER_ETA | ASSAY_SOLVER_SIGMAS };

static const option_readers options[] = {
    {"solver_type", ASSAY_SOLVER_TYPE, 0},
    {"d2", ASSAY_SOLVER_METHODS, 0},
    {"lower_order_final", ASSAY_SOLVER_LOWER, 0},
    {"threshold", ASSAY_SOLVER_DATA, 0},
    {"eta", ASSAY_SOLVER_ETA, 0},
    {"variant", ASSAY_SOLVER_VARIANT, 0},
    {"predict_x0", ASSAY_SOLVER_CORRECTOR, 0},
    {"corrector", ASSAY_SOLVER_CORRECTOR, 0},
    {"atol", ASSAY_SOLVER_METHODS, 0},
    {"rtol", ASSAY_SOLVER_METHODS, 0},
    {"h_init", ASSAY_SOLVER_METHODS, 0},
    {"theta", ASSAY_SOLVER_METHODS, 0},
    {"t_err", ASSAY_SOLVER_METHODS, 0},
    {"draws", NOISY, 0},
    {"rng", NOISY, 0},
    {"sigma_min", ASSAY_SOLVER_SIGMAS, 0},
    {"sigma_max", ASSAY_SOLVER_SIGMAS, 0},
    {"s_churn", ASSAY_SOLVER_SIGMAS, 0},
    {"s_tmin", ASSAY_SOLVER_SIGMAS, 0},
    {"s_tmax", ASSAY_SOLVER_SIGMAS, 0},
    {"s_noise", ASSAY_SOLVER_SIGMAS, 0},
    {"spacing", 0, ASSAY_SOLVER_SIGMAS},
    {"t_start", 0, ASSAY_SOLVER_SIGMAS},
    {"t_end", 0, ASSAY_SOLVER_SIGMAS},
};

static bool reads(const assay_solver *s, const option_readers *o)
{
    return (o->by == 0 || s->traits & o->by) && !(s->traits & o->not_by);
}

/* "dpmpp, dpm", or "all others but euler, heun": what readers have in common, in few words. */
static void name_readers(const option_readers *o, char *out, size_t size)
{
    const bool most = o->by == 0;
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < SOLVERS && at < size; i++)
        if (reads(solvers[i], o) != most)
            at += (size_t)snprintf(out + at, size - at, "%s%s",
                at > 0 ? ", "
                : most ? "all but "
                       : "",
                solvers[i]->name);
}

int assay_solver_check_option(const char *solver, const char *option)
{
    const assay_solver *s = assay_solver_find(solver);
    char readers[160];
    if (!s)
        return assay_fail(ASSAY_ENOTFOUND, "there is no solver \"%.60s\"", solver);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].option, option) == 0 && !reads(s, &options[i])) {
            name_readers(&options[i], readers, sizeof readers);
            return assay_fail(ASSAY_EINVAL, "%s is not an option of %s; solvers that read it: %s",
                option, s->name, readers);
        }
    return ASSAY_OK;
}
