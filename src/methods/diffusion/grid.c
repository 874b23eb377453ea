/* Time grids, and how a number of model calls is divided among steps; see sample.h. */
#include <math.h>
#include <stdlib.h>

#include "core/status.h"
#include "methods/diffusion/solver.h"

/* (a^(1/p) + u (b^(1/p) - a^(1/p)))^p */
static double between_roots(double a, double b, double p, double u)
{
    const double low = pow(a, 1 / p), high = pow(b, 1 / p);
    return pow(low + u * (high - low), p);
}

static int check_ends(double t0, double t1, size_t n)
{
    if (n < 1)
        return assay_fail(ASSAY_EINVAL, "steps must be at least 1, got %zu", n);
    if (!(t0 > 0 && isfinite(t0)))
        return assay_fail(ASSAY_EINVAL, "t_start must be finite and greater than 0, got %g", t0);
    if (!(t1 > 0 && isfinite(t1)))
        return assay_fail(ASSAY_EINVAL,
            "t_end must be finite and greater than 0 (lambda is infinite at 0), got %g", t1);
    return ASSAY_OK;
}

int assay_diffusion_timesteps(const assay_schedule *s, assay_spacing spacing, double t0, double t1,
    size_t n, double rho, double *out)
{
    double first, last;
    int status = check_ends(t0, t1, n);
    if (status != ASSAY_OK ||
        (status = assay_schedule_eval(s, t0, NULL, NULL, &first)) != ASSAY_OK ||
        (status = assay_schedule_eval(s, t1, NULL, NULL, &last)) != ASSAY_OK)
        return status;
    if (spacing == ASSAY_SPACING_KARRAS && !(rho > 0 && isfinite(rho)))
        return assay_fail(ASSAY_EINVAL, "rho must be greater than 0, got %g", rho);
    out[0] = t0;
    out[n] = t1;
    for (size_t i = 1; i < n && status == ASSAY_OK; i++) {
        const double u = (double)i / (double)n;
        if (spacing == ASSAY_SPACING_TIME_UNIFORM)
            out[i] = t0 + u * (t1 - t0);
        else if (spacing == ASSAY_SPACING_TIME_QUADRATIC)
            out[i] = between_roots(t0, t1, 2, u);
        else if (spacing == ASSAY_SPACING_LOGSNR)
            status = assay_schedule_inverse_lambda(s, first + u * (last - first), &out[i]);
        else
            status = assay_schedule_inverse_lambda(
                s, -log(between_roots(exp(-first), exp(-last), rho, u)), &out[i]);
    }
    return status;
}

int assay_karras_sigmas(double sigma_min, double sigma_max, double rho, size_t n, double *out)
{
    if (n < 1)
        return assay_fail(ASSAY_EINVAL, "n must be at least 1, got %zu", n);
    if (!(sigma_min > 0 && sigma_min < sigma_max && isfinite(sigma_max)))
        return assay_fail(ASSAY_EINVAL, "0 < sigma_min < sigma_max is needed, got %g and %g",
            sigma_min, sigma_max);
    if (!(rho > 0 && isfinite(rho)))
        return assay_fail(ASSAY_EINVAL, "rho must be greater than 0, got %g", rho);
    for (size_t i = 0; i < n; i++)
        out[i] = between_roots(sigma_max, sigma_min, rho, n > 1 ? (double)i / (double)(n - 1) : 0);
    return ASSAY_OK;
}

int assay_singlestep_orders(size_t nfe, int order, int *out, size_t *n)
{
    if (nfe < 1)
        return assay_fail(ASSAY_EINVAL, "steps must be at least 1, got %zu", nfe);
    if (order < 1 || order > 3)
        return assay_fail(ASSAY_EINVAL, "order must be in 1..3, got %d", order);
    size_t k = 0, left = nfe;
    if (order == 3 && nfe % 3 == 0) { /* ..., 2, 1 in place of the last 3 */
        while (left > 3) {
            out[k++] = 3;
            left -= 3;
        }
        out[k++] = 2;
        left = 1;
    }
    while (left > 0) {
        out[k] = left < (size_t)order ? (int)left : order;
        left -= (size_t)out[k++];
    }
    *n = k;
    return ASSAY_OK;
}

/* ---- the grid of a run ---- */

static int check_direction(const assay_run *run, const double *t, size_t n)
{
    const bool up = run->o.invert;
    for (size_t i = 1; i < n; i++)
        if (!(up ? t[i] > t[i - 1] : t[i] < t[i - 1]))
            return assay_fail(ASSAY_EINVAL, "timesteps must be strictly %s%s: %g comes after %g",
                up ? "increasing" : "decreasing", up ? " with invert" : "", t[i], t[i - 1]);
    return ASSAY_OK;
}

int assay_run_times(assay_run *run, const double *t, size_t n_times)
{
    int status = check_direction(run, t, n_times);
    if (status != ASSAY_OK)
        return status;
    run->node = calloc(n_times, sizeof *run->node);
    if (!run->node)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu times", n_times);
    for (size_t i = 0; i < n_times && status == ASSAY_OK; i++)
        status = assay_noise_level_at(run->schedule, t[i], &run->node[i]);
    run->intervals = n_times - 1;
    return status;
}

int assay_run_grid(assay_run *run, size_t n)
{
    const assay_sampler_options *o = &run->o;
    if (o->timesteps) {
        if (o->n_timesteps != n + 1)
            return assay_fail(
                ASSAY_EINVAL, "%zu steps need %zu timesteps, got %zu", n, n + 1, o->n_timesteps);
        const double last = o->timesteps[o->invert ? 0 : n];
        const int status = check_ends(o->timesteps[o->invert ? n : 0], last, n);
        return status == ASSAY_OK ? assay_run_times(run, o->timesteps, n + 1) : status;
    }
    double *t = calloc(n + 1, sizeof *t);
    if (!t)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu steps", n);
    int status =
        assay_diffusion_timesteps(run->schedule, o->spacing, o->t_start, o->t_end, n, o->rho, t);
    if (status == ASSAY_OK)
        status = assay_run_times(run, t, n + 1);
    free(t);
    return status;
}
