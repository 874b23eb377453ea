/* Gaussian teleportation; see teleport.h. Nothing is sampled here: the flow's end is where the
 * driver of sample.h begins, on what is left of the grid. */
#include "methods/diffusion/teleport.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

assay_teleport_options assay_teleport_defaults(const assay_schedule *s)
{
    assay_sampler_options o = assay_sampler_defaults();
    const bool edm = s->kind == ASSAY_SCHEDULE_EDM;
    o.solver = edm ? "heun" : "dpmpp";
    o.spacing = edm ? ASSAY_SPACING_KARRAS : ASSAY_SPACING_TIME_UNIFORM;
    o.steps = 18;
    return (assay_teleport_options){.sampler = o, .sigma_skip = NAN, .t_skip = NAN};
}

typedef struct teleport {
    const assay_schedule *schedule;
    assay_sampler_options o;
    bool sigmas; /* the solver has a grid of Karras sigmas that ends at 0 */
    assay_noise_level start, skip;
    double *grid; /* of the whole way, when steps of it are left out */
} teleport;

static int check_options(const assay_teleport_options *o)
{
    const int given = (o->skip > 0) + !isnan(o->sigma_skip) + !isnan(o->t_skip);
    if (given > 1)
        return assay_fail(ASSAY_EINVAL, "give one of skip, sigma_skip and t_skip, not more");
    if (o->skip > 0 && o->skip >= o->sampler.steps)
        return assay_fail(ASSAY_EINVAL, "skip must be less than the %zu steps, got %zu",
            o->sampler.steps, o->skip);
    if (o->sampler.invert || o->sampler.timesteps)
        return assay_fail(ASSAY_EINVAL,
            o->sampler.invert ? "a flow from noise to data can't be inverted"
                              : "timesteps are made from the schedule here, they can't be given");
    return ASSAY_OK;
}

/* On edm sigma_max and sigma_min are the ends, on others t_start and t_end. */
static int find_ends(teleport *t)
{
    assay_sampler_options *o = &t->o;
    const assay_solver *solver = assay_solver_find(o->solver);
    if (!solver)
        return assay_fail(ASSAY_ENOTFOUND, "there is no solver \"%.60s\"", o->solver);
    t->sigmas = solver->traits & ASSAY_SOLVER_SIGMAS;
    if (t->schedule->kind == ASSAY_SCHEDULE_EDM) {
        o->t_start = o->sigma_max;
        o->t_end = o->sigma_min;
    } else {
        if (isnan(o->t_start))
            o->t_start = t->schedule->t_max;
        if (isnan(o->t_end))
            o->t_end = assay_sampler_t_end(t->schedule);
    }
    if (!(o->t_start > o->t_end && o->t_end > 0))
        return assay_fail(ASSAY_EINVAL, "sampling must go down to a time above 0, got %g to %g",
            o->t_start, o->t_end);
    return assay_noise_level_at(t->schedule, o->t_start, &t->start);
}

/* Times of the whole way, and the driver gets those from node `skip` on. */
static int skip_steps(teleport *t, size_t skip)
{
    assay_sampler_options *o = &t->o;
    const size_t n = o->steps;
    t->grid = calloc(n + 1, sizeof *t->grid);
    if (!t->grid)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu steps", n);
    int status = t->sigmas ? assay_karras_sigmas(o->sigma_min, o->sigma_max, o->rho, n, t->grid)
                           : assay_diffusion_timesteps(
                                 t->schedule, o->spacing, o->t_start, o->t_end, n, o->rho, t->grid);
    if (status != ASSAY_OK)
        return status;
    o->timesteps = t->grid + skip;
    o->n_timesteps = n + 1 - skip;
    return assay_noise_level_at(t->schedule, t->grid[skip], &t->skip);
}

/* A new grid from this time. */
static int skip_to(teleport *t, const char *name, double given, double time)
{
    assay_sampler_options *o = &t->o;
    if (!(time > o->t_end && time <= o->t_start))
        return assay_fail(ASSAY_EINVAL,
            "%s must be between the ends of sampling (times %g and %g), got %g (time %g)", name,
            o->t_end, o->t_start, given, time);
    if (t->sigmas)
        o->sigma_max = time;
    else
        o->t_start = time;
    return assay_noise_level_at(t->schedule, time, &t->skip);
}

static int find_skip(teleport *t, const assay_teleport_options *o)
{
    double time = o->sigma_skip;
    t->skip = t->start;
    if (o->skip > 0)
        return skip_steps(t, o->skip);
    if (!isnan(o->t_skip))
        return skip_to(t, "t_skip", o->t_skip, o->t_skip);
    if (isnan(o->sigma_skip))
        return ASSAY_OK;
    if (!(o->sigma_skip > 0 && isfinite(o->sigma_skip)))
        return assay_fail(ASSAY_EINVAL, "sigma_skip must be greater than 0, got %g", o->sigma_skip);
    if (t->schedule->kind != ASSAY_SCHEDULE_EDM) {
        const int status = assay_schedule_inverse_lambda(t->schedule, -log(o->sigma_skip), &time);
        if (status != ASSAY_OK)
            return status;
    }
    return skip_to(t, "sigma_skip", o->sigma_skip, time);
}

static void scale_rows(const assay_matrix *z, double by, assay_matrix *x)
{
    for (size_t i = 0; i < z->rows; i++)
        for (size_t j = 0; j < z->cols; j++)
            *assay_matrix_at(x, i, j) = by * *assay_matrix_at(z, i, j);
}

/* x = the flow of x from the start to where the solver begins; rows of one class together. */
static int flow_rows(const teleport *t, const assay_gaussian *g, size_t n_gaussians,
    const size_t *classes, assay_matrix *x)
{
    const size_t d = x->cols;
    size_t *rows = calloc(x->rows + 1, sizeof *rows);
    double *memory = calloc(2 * x->rows * d + 1, sizeof *memory);
    int status =
        rows && memory ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu rows", x->rows);
    for (size_t k = 0; k < (classes ? n_gaussians : 1) && status == ASSAY_OK; k++) {
        size_t n = 0;
        for (size_t i = 0; i < x->rows; i++)
            if (!classes || classes[i] == k)
                rows[n++] = i;
        const assay_matrix from = assay_matrix_view(memory, n, d);
        assay_matrix to = assay_matrix_view(memory + n * d, n, d);
        for (size_t i = 0; i < n; i++)
            memcpy(assay_matrix_row(&from, i), assay_matrix_row(x, rows[i]), d * sizeof(double));
        status = assay_gaussian_flow(&g[k], t->schedule, t->start.t, t->skip.t, &from, &to);
        for (size_t i = 0; i < n && status == ASSAY_OK; i++)
            memcpy(assay_matrix_row(x, rows[i]), assay_matrix_row(&to, i), d * sizeof(double));
    }
    free(rows);
    free(memory);
    return status;
}

static int check_inputs(const assay_gaussian *g, size_t n_gaussians,
    const assay_teleport_options *o, const assay_matrix *z)
{
    if (n_gaussians < 1)
        return assay_fail(ASSAY_EINVAL, "a Gaussian is needed, got none");
    for (size_t k = 0; k < n_gaussians; k++)
        if (z->rows > 0 && g[k].dim != z->cols)
            return assay_fail(ASSAY_EINVAL, "z must have %zu columns as the Gaussian, got %zu",
                g[k].dim, z->cols);
    for (size_t i = 0; i < z->rows && o->classes; i++)
        if (o->classes[i] >= n_gaussians)
            return assay_fail(ASSAY_EINVAL, "row %zu has class %zu of %zu Gaussians", i + 1,
                o->classes[i] + 1, n_gaussians);
    return check_options(o);
}

int assay_teleport_sample(const assay_diffusion_model *model, const assay_gaussian *gaussians,
    size_t n_gaussians, const assay_teleport_options *o, const assay_matrix *z, assay_matrix *x,
    double *sigma_skip, assay_sampler_result *result)
{
    *result = (assay_sampler_result){0};
    teleport t = {.schedule = model->schedule, .o = o->sampler};
    if (!t.schedule)
        return assay_fail(ASSAY_EINVAL, "the model has no schedule: it is called with labels");
    int status = check_inputs(gaussians, n_gaussians, o, z);
    if (status == ASSAY_OK)
        status = find_ends(&t);
    if (status == ASSAY_OK)
        status = find_skip(&t, o);
    if (status == ASSAY_OK) {
        const bool jump = t.skip.t != t.start.t;
        scale_rows(z, jump && o->restart ? t.skip.sigma : t.start.sigma, x);
        if (jump && !o->restart)
            status = flow_rows(&t, gaussians, n_gaussians, o->classes, x);
    }
    if (status == ASSAY_OK)
        status = assay_diffusion_sample(model, &t.o, x, result);
    if (status == ASSAY_OK && sigma_skip)
        *sigma_skip = t.skip.sigma / t.skip.alpha;
    free(t.grid);
    return status;
}
