/* Solvers against the closed flow of one Gaussian, against each other where they must agree, and
 * against a model that counts its calls. */
#include "methods/diffusion/sample.h"

#include "../check.h"
#include "methods/diffusion/solver.h"

enum { POINTS = 3, DIM = 2 };

/* N(mean, diag(variance)) as a model of any type; counts its calls. */
typedef struct gaussian {
    double mean[DIM], variance[DIM];
    assay_prediction type;
    const assay_schedule *schedule;
    size_t calls, fails_at; /* the call that gives NaN */
} gaussian;

static int predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    gaussian *g = context;
    g->calls++;
    for (size_t i = 0; i < x->rows; i++) {
        assay_noise_level l;
        ok(assay_noise_level_at(g->schedule, t[nt == 1 ? 0 : i], &l));
        for (size_t j = 0; j < x->cols; j++) {
            const double v = l.alpha * l.alpha * g->variance[j] + l.sigma * l.sigma;
            const double at = *assay_matrix_at(x, i, j),
                         eps = l.sigma * (at - l.alpha * g->mean[j]) / v,
                         x0 = g->mean[j] +
                              l.alpha * g->variance[j] / v * (at - l.alpha * g->mean[j]);
            const double all[] = {eps, x0, l.alpha * eps - l.sigma * x0, -eps / l.sigma};
            *assay_matrix_at(out, i, j) = g->calls == g->fails_at ? NAN : all[g->type];
        }
    }
    return ASSAY_OK;
}

static const double start[POINTS * DIM] = {1, .5, -.7, 1.2, 0, -1};

static assay_schedule schedule_of(assay_schedule_kind kind)
{
    assay_schedule s;
    const assay_schedule_options o = assay_schedule_defaults(kind);
    ok(assay_schedule_init(&s, &o));
    return s;
}

static gaussian wide(const assay_schedule *s)
{
    return (gaussian){.mean = {1, -2}, .variance = {4, .25}, .schedule = s};
}

static int try_sample(gaussian *g, const assay_sampler_options *o, double *x, size_t *nfe)
{
    const assay_diffusion_model model = {predict, g, g->type, g->schedule, 1};
    assay_matrix m = assay_matrix_view(x, POINTS, DIM);
    assay_sampler_result r;
    memcpy(x, start, sizeof start);
    g->calls = 0;
    const int status = assay_diffusion_sample(&model, o, &m, &r);
    if (status == ASSAY_OK)
        assert_int_equal(r.nfe, g->calls);
    if (nfe)
        *nfe = r.nfe;
    assay_sampler_result_free(&r);
    return status;
}

static void sample(gaussian *g, const assay_sampler_options *o, double *x)
{
    if (try_sample(g, o, x, NULL) != ASSAY_OK)
        fail_msg("%s", assay_errmsg());
}

static void exact_flow(const gaussian *g, double from, double to, double *x)
{
    assay_noise_level a, b;
    ok(assay_noise_level_at(g->schedule, from, &a));
    ok(assay_noise_level_at(g->schedule, to, &b));
    for (size_t i = 0; i < POINTS * DIM; i++) {
        const double mean = g->mean[i % DIM], v = g->variance[i % DIM];
        x[i] = b.alpha * mean + sqrt((b.alpha * b.alpha * v + b.sigma * b.sigma) /
                                     (a.alpha * a.alpha * v + a.sigma * a.sigma)) *
                                    (start[i] - a.alpha * mean);
    }
}

static double rmse(const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < POINTS * DIM; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum / (POINTS * DIM));
}

static assay_sampler_options options(const char *solver, int order)
{
    assay_sampler_options o = assay_sampler_defaults();
    o.solver = solver;
    o.order = order;
    o.spacing = ASSAY_SPACING_LOGSNR;
    o.lower_order_final = ASSAY_LOWER_NEVER;
    o.t_start = 1;
    o.t_end = 0.01;
    return o;
}

static double error_of(assay_sampler_options o, size_t steps)
{
    double x[POINTS * DIM], exact[POINTS * DIM];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    o.steps = steps;
    sample(&g, &o, x);
    exact_flow(&g, o.t_start, o.t_end, exact);
    return rmse(x, exact);
}

/* ---- convergence ---- */

typedef struct convergence {
    const char *solver;
    int order;
    assay_sampler_method method;
    assay_d2 d2;
    double slope, error; /* at 96 calls, where the specification has it */
} convergence;

/* Slopes that an independent implementation measured between 96 and 192 calls. Singlestep order 3
 * is the form without the lower orders at the end, which would cost it its order. */
static void converges_with_its_order(void **state)
{
    static const convergence all[] = {
        {"ddim", 1, ASSAY_MULTISTEP, 0, .99, 2.20e-2},
        {"dpmpp", 2, ASSAY_MULTISTEP, 0, 2.00, 4.66e-4},
        {"dpmpp", 2, ASSAY_SINGLESTEP, 0, 1.98, 0},
        {"dpmpp", 3, ASSAY_SINGLESTEP_FIXED, 0, 2.80, 0},
        {"dpmpp", 3, ASSAY_MULTISTEP, ASSAY_D2_REFERENCE, 2.03, 0},
        {"dpmpp", 3, ASSAY_MULTISTEP, ASSAY_D2_EXACT, 3.87, 3.20e-6},
        {"dpm", 2, ASSAY_MULTISTEP, 0, 2.00, 0},
        {"dpm", 2, ASSAY_SINGLESTEP, 0, 2.02, 0},
        {"dpm", 3, ASSAY_SINGLESTEP_FIXED, 0, 3.15, 0},
        {"deis", 2, ASSAY_MULTISTEP, 0, 2.94, 0},
        {"unipc", 2, ASSAY_MULTISTEP, 0, 3.00, 0},
        {"unipc", 3, ASSAY_MULTISTEP, 0, 3.86, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assay_sampler_options o = options(all[i].solver, all[i].order);
        o.method = all[i].method;
        o.d2 = all[i].d2;
        const double coarse = error_of(o, 96), slope = log2(coarse / error_of(o, 192));
        print_message("# %s order %d: slope %.3f, rmse %.3g\n", o.solver, o.order, slope, coarse);
        close_to(slope, all[i].slope, 0.15);
        if (all[i].error > 0)
            close_to(coarse, all[i].error, 0.02 * all[i].error);
    }
}

/* By theory: ipndm loses its order to a start of order 1; both forms of PNDM are of second order
 * (Liu et al. 2022, theorem 3.1), whatever the order of their extrapolation. */
static void baselines_converge(void **state)
{
    static const convergence all[] = {
        {"ipndm", 4, 0, 0, 2, 0},
        {"s_pndm", 2, 0, 0, 2, 0},
        {"f_pndm", 4, 0, 0, 2, 0},
        {"deis", 3, 0, 0, 4, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const assay_sampler_options o = options(all[i].solver, all[i].order);
        const double slope = log2(error_of(o, 96) / error_of(o, 192));
        print_message("# %s order %d: slope %.3f\n", o.solver, o.order, slope);
        close_to(slope, all[i].slope, 0.5);
    }
}

static void adaptive_error_follows_its_tolerance(void **state)
{
    double before = INFINITY;
    (void)state;
    for (double rtol = 0.05; rtol > 1e-4; rtol /= 8) {
        assay_sampler_options o = options("dpmpp", 3);
        o.method = ASSAY_ADAPTIVE;
        o.rtol = rtol;
        o.atol = rtol / 6;
        const double error = error_of(o, 1);
        assert_true(error < before / 2 && error < 3 * rtol);
        before = error;
    }
}

/* ---- agreements ---- */

static void solvers_of_order_one_are_ddim(void **state)
{
    double ddim[POINTS * DIM], x[POINTS * DIM];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    assay_sampler_options o = options("ddim", 1);
    (void)state;
    sample(&g, &o, ddim);
    for (size_t k = 0; k < 2; k++) {
        o.solver = k ? "dpm" : "dpmpp";
        sample(&g, &o, x);
        close_to(rmse(x, ddim), 0, 1e-12);
    }
}

static void random_solvers_of_order_one_are_ddpm(void **state)
{
    double ddpm[POINTS * DIM], x[POINTS * DIM];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    assay_rng rng = assay_rng_seed(7), again = rng;
    assay_sampler_options o = options("ddpm", 1);
    (void)state;
    o.rng = &rng;
    sample(&g, &o, ddpm);
    o.solver = "sde_dpmpp";
    o.rng = &again;
    sample(&g, &o, x);
    close_to(rmse(x, ddpm), 0, 1e-12);
}

static void exact_third_order_is_the_predictor_of_unipc(void **state)
{
    double a[POINTS * DIM], b[POINTS * DIM];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    assay_sampler_options o = options("dpmpp", 3);
    (void)state;
    o.d2 = ASSAY_D2_EXACT;
    sample(&g, &o, a);
    o.solver = "unipc";
    o.corrector = false;
    sample(&g, &o, b);
    close_to(rmse(a, b), 0, 1e-12);
}

/* The data prediction of a point is the point: x_t = (sigma_t/sigma_s) x + (alpha_t - alpha_s
 * sigma_t/sigma_s) mu, whatever the steps. */
static void a_constant_data_prediction_is_integrated_exactly(void **state)
{
    static const assay_schedule_kind kinds[] = {
        ASSAY_SCHEDULE_VP_LINEAR, ASSAY_SCHEDULE_VP_COSINE, ASSAY_SCHEDULE_DISCRETE};
    (void)state;
    for (size_t k = 0; k < 3; k++)
        for (int order = 1; order <= 3; order++)
            for (int method = ASSAY_MULTISTEP; method <= ASSAY_SINGLESTEP_FIXED; method++) {
                double x[POINTS * DIM], exact[POINTS * DIM];
                assay_schedule s = schedule_of(kinds[k]);
                gaussian g = {.mean = {1, -2}, .schedule = &s};
                assay_sampler_options o = options("dpmpp", order);
                o.t_start = 0.9;
                o.method = (assay_sampler_method)method;
                o.steps = (size_t)order;
                sample(&g, &o, x);
                exact_flow(&g, 0.9, 0.01, exact);
                close_to(rmse(x, exact), 0, 1e-10);
                assay_schedule_free(&s);
            }
}

static void every_parameterisation_gives_the_same(void **state)
{
    double noise[POINTS * DIM], x[POINTS * DIM];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        assay_sampler_options o = options(k ? "dpm" : "dpmpp", 2);
        g.type = ASSAY_PREDICT_NOISE;
        sample(&g, &o, noise);
        for (int type = ASSAY_PREDICT_X_START; type <= ASSAY_PREDICT_SCORE; type++) {
            g.type = (assay_prediction)type;
            sample(&g, &o, x);
            close_to(rmse(x, noise), 0, 1e-9);
        }
    }
}

static void inversion_returns(void **state)
{
    double error[2];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        double x[POINTS * DIM];
        gaussian g = wide(&s);
        const assay_diffusion_model model = {predict, &g, g.type, g.schedule, 1};
        assay_matrix m = assay_matrix_view(x, POINTS, DIM);
        assay_sampler_result r;
        assay_sampler_options o = options("dpmpp", 2);
        memcpy(x, start, sizeof start);
        o.steps = k ? 200 : 100;
        ok(assay_diffusion_sample(&model, &o, &m, &r));
        assay_sampler_result_free(&r);
        o.invert = true;
        o.t_start = 0.01;
        o.t_end = 1;
        ok(assay_diffusion_sample(&model, &o, &m, &r));
        assay_sampler_result_free(&r);
        error[k] = rmse(x, start);
    }
    close_to(log2(error[0] / error[1]), 2, 0.2);
}

/* ---- distributions ---- */

/* With x_s ~ N(m, v) a linear model makes one step of ddim, eta > 0, N(m', v') with a recursion in
 * closed form. */
static void random_steps_obey_their_recursion(void **state)
{
    enum { DRAWS = 20000, STEPS = 6 };
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = {.mean = {1.5}, .variance = {0.3}, .schedule = &s};
    const assay_diffusion_model model = {predict, &g, ASSAY_PREDICT_NOISE, &s, 1};
    assay_rng rng = assay_rng_seed(11);
    assay_sampler_options o = options("ddim", 1);
    assay_matrix x;
    double t[STEPS + 1], mean = 0, variance = 1, sum = 0, squares = 0;
    (void)state;
    o.eta = 0.7;
    o.steps = STEPS;
    o.rng = &rng;
    ok(assay_matrix_alloc(DRAWS, 1, &x));
    assay_rng_fill_normal(&rng, x.data, DRAWS);
    assay_sampler_result r;
    ok(assay_diffusion_sample(&model, &o, &x, &r));
    memcpy(t, r.timesteps, sizeof t);
    assay_sampler_result_free(&r);
    for (size_t i = 0; i < STEPS; i++) {
        assay_noise_level a, b;
        ok(assay_noise_level_at(&s, t[i], &a));
        ok(assay_noise_level_at(&s, t[i + 1], &b));
        const double v = a.alpha * a.alpha * 0.3 + a.sigma * a.sigma, ratio = a.alpha / b.alpha;
        const double noise = 0.7 * b.sigma / a.sigma * sqrt(1 - ratio * ratio);
        /* x_0 = p + q x, e = (x - alpha x_0)/sigma */
        const double q = a.alpha * 0.3 / v, p = 1.5 * (1 - q * a.alpha);
        const double along = sqrt(b.sigma * b.sigma - noise * noise) / a.sigma;
        const double slope = b.alpha * q + along * (1 - a.alpha * q);
        mean = slope * mean + p * (b.alpha - along * a.alpha);
        variance = slope * slope * variance + noise * noise;
    }
    for (size_t i = 0; i < DRAWS; i++)
        sum += x.data[i];
    for (size_t i = 0; i < DRAWS; i++)
        squares += (x.data[i] - sum / DRAWS) * (x.data[i] - sum / DRAWS);
    close_to(sum / DRAWS, mean, 4 * sqrt(variance / DRAWS));
    close_to(squares / (DRAWS - 1), variance, 4 * variance * sqrt(2.0 / DRAWS));
    assay_matrix_free(&x);
}

/* ---- what is reported and refused ---- */

static void the_trajectory_passes_its_nodes(void **state)
{
    double x[POINTS * DIM];
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    const assay_diffusion_model model = {predict, &g, g.type, &s, 1};
    assay_matrix m = assay_matrix_view(x, POINTS, DIM);
    assay_sampler_result r;
    assay_sampler_options o = options("dpmpp", 3);
    (void)state;
    o.method = ASSAY_SINGLESTEP;
    o.steps = 400;
    o.trajectory = true;
    memcpy(x, start, sizeof start);
    ok(assay_diffusion_sample(&model, &o, &m, &r));
    assert_int_equal(r.nodes, 135);
    assert_int_equal(r.orders[0], 3);
    assert_int_equal(r.orders[133], 1);
    assert_memory_equal(r.trajectory, start, sizeof start);
    assert_memory_equal(r.trajectory + 134 * POINTS * DIM, x, sizeof x);
    for (size_t i = 0; i < r.nodes; i += 10) {
        double exact[POINTS * DIM];
        exact_flow(&g, 1, r.timesteps[i], exact);
        close_to(rmse(r.trajectory + i * POINTS * DIM, exact), 0, 1e-3);
    }
    assay_sampler_result_free(&r);
}

static void refuse(gaussian *g, const assay_sampler_options *o, int status, const char *word)
{
    double x[POINTS * DIM];
    assert_int_equal(try_sample(g, o, x, NULL), status);
    if (!strstr(assay_errmsg(), word))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), word);
}

static void refuses_with_the_reason(void **state)
{
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    assay_sampler_options o = options("dpmpp", 3);
    (void)state;
    o.steps = 2;
    refuse(&g, &o, ASSAY_EINVAL, "steps must be at least the order, 3, got 2");
    o = options("dpmpp", 4);
    refuse(&g, &o, ASSAY_EINVAL, "order must be in 1..3");
    o = options("dpmpp", 2);
    o.steps = 0;
    refuse(&g, &o, ASSAY_EINVAL, "steps");
    o = options("dpmpp", 2);
    o.t_end = 0;
    refuse(&g, &o, ASSAY_EINVAL, "t_end");
    o = options("dpmpp", 2);
    o.timesteps = (const double[]){1, 0.5, 0.6};
    o.n_timesteps = 3;
    refuse(&g, &o, ASSAY_EINVAL, "strictly decreasing: 0.6 comes after 0.5");
    o = options("dpm", 2);
    o.threshold = ASSAY_THRESHOLD_DYNAMIC;
    refuse(&g, &o, ASSAY_EINVAL, "predicts noise");
    o = options("dpmpp", 2);
    o.threshold = ASSAY_THRESHOLD_DYNAMIC;
    o.ratio = 0;
    refuse(&g, &o, ASSAY_EINVAL, "ratio");
    o = options("sde_dpmpp", 2);
    refuse(&g, &o, ASSAY_EINVAL, "needs draws or rng");
    o = options("ddim", 1);
    o.eta = 1.5;
    refuse(&g, &o, ASSAY_EINVAL, "eta must be in 0..1");
    o = options("dpmpp", 2);
    o.eta = 0.5;
    refuse(&g, &o, ASSAY_EINVAL, "eta");
    o = options("heun", 2);
    refuse(&g, &o, ASSAY_EINVAL, "edm");
    o = options("nothing", 2);
    refuse(&g, &o, ASSAY_ENOTFOUND, "nothing");
    o = options("dpmpp", 2);
    g.fails_at = 5;
    refuse(&g, &o, ASSAY_ENONFINITE, "step 5");
}

/* Explodes by 1e40 a call: stops before numbers overflow. */
static int explode(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out)
{
    (void)context, (void)t, (void)nt;
    for (size_t i = 0; i < x->rows * x->cols; i++)
        out->data[i] = -1e40 * (x->data[i] + 1);
    return ASSAY_OK;
}

static void divergence_stops(void **state)
{
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    const assay_diffusion_model model = {explode, NULL, ASSAY_PREDICT_NOISE, &s, 1};
    const assay_sampler_options o = options("dpm", 2);
    double x[] = {1, 2};
    assay_matrix m = assay_matrix_view(x, 1, 2);
    assay_sampler_result r;
    (void)state;
    assert_int_equal(assay_diffusion_sample(&model, &o, &m, &r), ASSAY_ENONFINITE);
    assert_non_null(strstr(assay_errmsg(), "diverged at step"));
    assay_sampler_result_free(&r);
}

static void no_rows_call_nothing(void **state)
{
    assay_schedule s = schedule_of(ASSAY_SCHEDULE_VP_LINEAR);
    gaussian g = wide(&s);
    const assay_diffusion_model model = {predict, &g, g.type, &s, 1};
    assay_matrix none = assay_matrix_view(NULL, 0, 2);
    assay_sampler_result r;
    const assay_sampler_options o = options("dpmpp", 2);
    (void)state;
    ok(assay_diffusion_sample(&model, &o, &none, &r));
    assert_int_equal(g.calls, 0);
    assert_int_equal(r.nfe, 0);
    assay_sampler_result_free(&r);
}

/* ---- phi ---- */

/* phi_k(z) = int_0^1 e^((1-u) z) u^(k-1) / (k-1)! du, here by Simpson's rule. */
static double phi_integral(double z, int k)
{
    enum { PIECES = 4000 };
    double sum = 0;
    for (int i = 0; i <= PIECES; i++) {
        const double u = (double)i / PIECES, weight = i == 0 || i == PIECES ? 1 : i % 2 ? 4 : 2;
        sum += weight * exp((1 - u) * z) * pow(u, k - 1);
    }
    return sum / (3.0 * PIECES) / tgamma(k);
}

static void phi_is_its_integral(void **state)
{
    static const double at[] = {
        0, 1e-6, -1e-6, .4999, .5001, -.5001, 1.999, 2.001, -2.001, 3, -3, -9};
    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        double phi[4];
        ok(assay_phi(at[i], 4, phi));
        for (int k = 1; k <= 4; k++)
            close_to(phi[k - 1], phi_integral(at[i], k), 1e-12 * fmax(1, phi[k - 1]));
    }
    assert_int_equal(assay_phi(NAN, 2, &(double){0}), ASSAY_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converges_with_its_order),
        cmocka_unit_test(baselines_converge),
        cmocka_unit_test(adaptive_error_follows_its_tolerance),
        cmocka_unit_test(solvers_of_order_one_are_ddim),
        cmocka_unit_test(random_solvers_of_order_one_are_ddpm),
        cmocka_unit_test(exact_third_order_is_the_predictor_of_unipc),
        cmocka_unit_test(a_constant_data_prediction_is_integrated_exactly),
        cmocka_unit_test(every_parameterisation_gives_the_same),
        cmocka_unit_test(inversion_returns),
        cmocka_unit_test(random_steps_obey_their_recursion),
        cmocka_unit_test(the_trajectory_passes_its_nodes),
        cmocka_unit_test(refuses_with_the_reason),
        cmocka_unit_test(divergence_stops),
        cmocka_unit_test(no_rows_call_nothing),
        cmocka_unit_test(phi_is_its_integral),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
