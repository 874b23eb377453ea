/* THE table of solvers. */
#include <string.h>

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
