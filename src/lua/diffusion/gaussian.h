/* Gaussians as arguments of Lua calls. */
#ifndef ASSAY_LUA_DIFFUSION_GAUSSIAN_H
#define ASSAY_LUA_DIFFUSION_GAUSSIAN_H

#include <lua.h>

#include "methods/diffusion/gaussian.h"

/* A fit, {mean, cov [, rank, residual="none"]}, {mean, vectors, eigenvalues [, rank, residual]} or
 * {mean, rank=0}. Pushes values that keep it. */
assay_gaussian assay_arg_gaussian(lua_State *L, int at, const char *name);

#endif
