/*
 * Gaussian teleportation (Wang and Vastola 2024, arXiv 2412.09726): the first, noisy part of
 * sampling by the closed flow of the data's Gaussian (gaussian.h), at no model call, and the rest
 * by any solver of sample.h.
 *
 *   skip        the first k intervals of the solver's own grid are left out: heun of n steps then
 * calls 2 (n - k) - 1 times, others n - k times sigma_skip  the solver's whole budget is spent on a
 * new grid from there to the end
 */
#ifndef ASSAY_METHODS_DIFFUSION_TELEPORT_H
#define ASSAY_METHODS_DIFFUSION_TELEPORT_H

#include "methods/diffusion/gaussian.h"
#include "methods/diffusion/sample.h"

typedef struct assay_teleport_options {
    /* From t_start to t_end, on edm from sigma_max to sigma_min, whatever the solver. trajectory
     * and timesteps of the result begin where the solver does. Not invert, not timesteps. */
    assay_sampler_options sampler;
    size_t skip; /* < steps */
    double
        sigma_skip; /* sigma / alpha, between the ends; NAN: not given. One of the three at most */
    double t_skip;  /* the same as a time; NAN: not given */
    bool restart;   /* plain noise of the scale there in place of the flow, to compare with */
    const size_t
        *classes; /* NULL: the first Gaussian is that of all rows; else the one of each row */
} assay_teleport_options;

assay_teleport_options assay_teleport_defaults(const assay_schedule *s); /* heun (edm), dpmpp */

/* x_T = sigma z for the sigma at the start and standard normal z (n x d). x (n x d, not z): the
 * samples. sigma_skip (may be NULL): sigma / alpha where the solver began. skip 0 is the plain
 * solver, bit by bit. */
int assay_teleport_sample(const assay_diffusion_model *model, const assay_gaussian *gaussians,
    size_t n_gaussians, const assay_teleport_options *o, const assay_matrix *z, assay_matrix *x,
    double *sigma_skip, assay_sampler_result *result);

#endif
