/* The Gaussian's closed forms against each other and against what they mean; scores of training
 * rows and of mixtures of low rank against direct sums. */
#include "methods/diffusion/gaussian.h"

#include "../check.h"
#include "models/gmm.h"

enum { D = 6, ROWS = 40 };

static void fill(assay_rng *rng, double *x, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = scale * assay_rng_normal(rng);
}

/* Rows whose columns vary unequally and together. */
static void draw_rows(assay_rng *rng, double *x, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (double)(j + 1) * assay_rng_normal(rng) +
                           (j > 0 ? 0.5 * x[i * D + j - 1] : 0) + (double)j - 2;
}

static assay_gaussian fit(const assay_gaussian_options *o)
{
    double x[ROWS * D];
    assay_gaussian g;
    assay_rng rng = assay_rng_seed(7);
    draw_rows(&rng, x, ROWS);
    const assay_matrix rows = assay_matrix_view(x, ROWS, D);
    ok(assay_gaussian_fit(&rows, o, NULL, &g));
    return g;
}

static void near(const assay_matrix *a, const assay_matrix *b, double tol)
{
    for (size_t i = 0; i < a->rows; i++)
        for (size_t j = 0; j < a->cols; j++)
            close_to(*assay_matrix_at(a, i, j), *assay_matrix_at(b, i, j),
                tol * (1 + fabs(*assay_matrix_at(b, i, j))));
}

#define MATRIX(name, rows)                                                                         \
    double name##_data[(rows)*D];                                                                  \
    assay_matrix name = assay_matrix_view(name##_data, rows, D)

static const assay_gaussian_options kinds[] = {
    {0}, {true, 3, false, false}, {true, 3, false, true}, {true, 0, false, true}};

static void flows_are_a_group(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        assay_gaussian g = fit(&kinds[k]);
        assay_rng rng = assay_rng_seed(1);
        MATRIX(x, 5);
        MATRIX(direct, 5);
        MATRIX(half, 5);
        MATRIX(whole, 5);
        fill(&rng, x_data, 5 * D, 80);
        ok(assay_gaussian_flow(&g, NULL, 80, 0.3, &x, &direct));
        ok(assay_gaussian_flow(&g, NULL, 80, 4, &x, &half));
        ok(assay_gaussian_flow(&g, NULL, 4, 0.3, &half, &whole));
        near(&whole, &direct, 1e-12);
        ok(assay_gaussian_flow(&g, NULL, 0.3, 80, &direct, &whole));
        near(&whole, &x, 1e-12);
        ok(assay_gaussian_flow(&g, NULL, 5, 5, &x, &whole));
        near(&whole, &x, 1e-12);
        assay_gaussian_free(&g);
    }
}

/* In x / alpha a schedule is the same flow in sigma / alpha. */
static void schedules_are_sigmas_over_alpha(void **state)
{
    assay_schedule s;
    double a0, s0, a1, s1;
    (void)state;
    const assay_schedule_options o = assay_schedule_defaults(ASSAY_SCHEDULE_VP_LINEAR);
    ok(assay_schedule_init(&s, &o));
    ok(assay_schedule_eval(&s, 1, &a0, &s0, NULL));
    ok(assay_schedule_eval(&s, 0.2, &a1, &s1, NULL));
    for (size_t k = 0; k < 4; k++) {
        assay_gaussian g = fit(&kinds[k]);
        assay_rng rng = assay_rng_seed(2);
        MATRIX(x, 5);
        MATRIX(unscaled, 5);
        MATRIX(got, 5);
        MATRIX(wanted, 5);
        fill(&rng, x_data, 5 * D, 1);
        for (size_t i = 0; i < 5 * D; i++)
            unscaled_data[i] = x_data[i] / exp(a0);
        ok(assay_gaussian_flow(&g, &s, 1, 0.2, &x, &got));
        ok(assay_gaussian_flow(&g, NULL, s0 / exp(a0), s1 / exp(a1), &unscaled, &wanted));
        for (size_t i = 0; i < 5 * D; i++)
            wanted_data[i] *= exp(a1);
        near(&got, &wanted, 1e-12);
        assay_gaussian_free(&g);
    }
    assay_schedule_free(&s);
}

/* D = x + sigma^2 s, and the flow's slope is -sigma s. */
static void score_denoiser_and_flow_agree(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        assay_gaussian g = fit(&kinds[k]);
        assay_rng rng = assay_rng_seed(3);
        MATRIX(x, 5);
        MATRIX(score, 5);
        MATRIX(data, 5);
        MATRIX(up, 5);
        MATRIX(down, 5);
        const double sigma = 1.7, h = 1e-4;
        fill(&rng, x_data, 5 * D, 3);
        ok(assay_gaussian_score(&g, ASSAY_SCORE_EXACT, sigma, &x, &score));
        ok(assay_gaussian_denoise(&g, sigma, &x, &data));
        ok(assay_gaussian_flow(&g, NULL, sigma, sigma + h, &x, &up));
        ok(assay_gaussian_flow(&g, NULL, sigma, sigma - h, &x, &down));
        for (size_t i = 0; i < 5 * D; i++) {
            close_to(data_data[i], x_data[i] + sigma * sigma * score_data[i], 1e-10);
            close_to((up_data[i] - down_data[i]) / (2 * h), -sigma * score_data[i], 1e-6);
        }
        assay_gaussian_free(&g);
    }
}

/* N(0, 80^2) ends with variances L 6400 / (6400 + L) and mean mu (1 - sqrt(L / (6400 + L))). */
static void noise_is_pushed_to_the_data(void **state)
{
    enum { MANY = 20000 };
    assay_gaussian g = fit(NULL);
    assay_matrix z, x;
    assay_rng rng = assay_rng_seed(4);
    (void)state;
    ok(assay_matrix_alloc(MANY, D, &z));
    ok(assay_matrix_alloc(MANY, D, &x));
    fill(&rng, z.data, (size_t)MANY * D, 80);
    ok(assay_gaussian_flow(&g, NULL, 80, 0, &z, &x));
    for (size_t k = 0; k < D; k++) {
        const double L = g.eigenvalues[k], variance = L * 6400 / (6400 + L);
        double mean = 0, sum = 0, squares = 0;
        for (size_t j = 0; j < D; j++)
            mean += g.mean[j] * *assay_matrix_at(&g.vectors, j, k);
        for (size_t i = 0; i < MANY; i++) {
            double c = 0;
            for (size_t j = 0; j < D; j++)
                c += *assay_matrix_at(&x, i, j) * *assay_matrix_at(&g.vectors, j, k);
            sum += c / MANY;
            squares += c * c / MANY;
        }
        close_to(sum, mean * (1 - sqrt(L / (6400 + L))), 4 * sqrt(variance / MANY));
        close_to((squares - sum * sum) / variance, 1, 4 * sqrt(2.0 / MANY));
    }
    assay_matrix_free(&x);
    assay_matrix_free(&z);
    assay_gaussian_free(&g);
}

/* Where nothing is left out, fewer directions are as good as all. */
static void rank_is_enough(void **state)
{
    double rows_data[4 * D];
    assay_gaussian all, some;
    assay_rng rng = assay_rng_seed(5);
    (void)state;
    draw_rows(&rng, rows_data, 4);
    double wide[8 * D];
    memcpy(wide, rows_data, sizeof rows_data); /* twice the same rows: rank 3 of 6 */
    memcpy(wide + 4 * D, rows_data, sizeof rows_data);
    const assay_matrix rows = assay_matrix_view(wide, 8, D);
    ok(assay_gaussian_fit(&rows, NULL, NULL, &all));
    ok(assay_gaussian_fit(&rows,
        &(assay_gaussian_options){.truncate = true, .rank = 3, .isotropic = false}, NULL, &some));
    assert_int_equal(all.rank, D);
    MATRIX(x, 3);
    MATRIX(a, 3);
    MATRIX(b, 3);
    fill(&rng, x_data, 3 * D, 80);
    ok(assay_gaussian_flow(&all, NULL, 80, 2, &x, &a));
    ok(assay_gaussian_flow(&some, NULL, 80, 2, &x, &b));
    near(&a, &b, 1e-9);
    assay_gaussian_free(&all);
    assay_gaussian_free(&some);
}

/* Fewer rows than columns: singular values instead of a covariance, the same Gaussian. */
static void few_rows_by_singular_values(void **state)
{
    double data[5 * D], mean[D];
    assay_gaussian g, other;
    assay_matrix covariance;
    assay_rng rng = assay_rng_seed(6);
    (void)state;
    draw_rows(&rng, data, 5);
    const assay_matrix rows = assay_matrix_view(data, 5, D);
    ok(assay_gaussian_fit(&rows,
        &(assay_gaussian_options){.truncate = true, .rank = 2, .isotropic = true}, NULL, &g));
    ok(assay_matrix_alloc(D, D, &covariance));
    memset(mean, 0, sizeof mean);
    for (size_t i = 0; i < 5 * D; i++)
        mean[i % D] += data[i] / 5;
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < D * D; j++)
            covariance.data[j] +=
                (data[i * D + j / D] - mean[j / D]) * (data[i * D + j % D] - mean[j % D]) / 4;
    ok(assay_gaussian_from_moments(mean, &covariance,
        &(assay_gaussian_options){.truncate = true, .rank = 2, .isotropic = true}, &other));
    close_to(g.residual, other.residual, 1e-12 * other.trace);
    close_to(g.trace, other.trace, 1e-12 * other.trace);
    double trace = 0;
    for (size_t j = 0; j < D; j++)
        trace += covariance.data[j * D + j];
    close_to(g.trace, trace, 1e-12 * trace);
    close_to(g.residual, (trace - g.eigenvalues[0] - g.eigenvalues[1]) / (D - 2), 1e-12 * trace);
    MATRIX(x, 3);
    MATRIX(a, 3);
    MATRIX(b, 3);
    fill(&rng, x_data, 3 * D, 5);
    ok(assay_gaussian_denoise(&g, 2, &x, &a));
    ok(assay_gaussian_denoise(&other, 2, &x, &b));
    near(&a, &b, 1e-12);
    refuses(assay_gaussian_fit(&rows,
                &(assay_gaussian_options){.truncate = true, .rank = 5, .isotropic = false}, NULL,
                &(assay_gaussian){0}),
        "rank must be in 0..4, got 5");
    assay_matrix_free(&covariance);
    assay_gaussian_free(&g);
    assay_gaussian_free(&other);
}

/* ---- training rows ---- */

static void copies_of_a_row_are_isotropic(void **state)
{
    double train_data[7 * D];
    assay_rng rng = assay_rng_seed(8);
    (void)state;
    fill(&rng, train_data, D, 1);
    for (size_t i = D; i < 7 * D; i++)
        train_data[i] = train_data[i % D];
    const assay_matrix train = assay_matrix_view(train_data, 7, D);
    MATRIX(x, 5);
    MATRIX(score, 5);
    fill(&rng, x_data, 5 * D, 3);
    ok(assay_delta_score(&train, 0.8, &x, &score));
    for (size_t i = 0; i < 5 * D; i++)
        close_to(score_data[i], (train_data[i % D] - x_data[i]) / 0.64, 1e-12);
}

static void training_rows_by_their_sum(void **state)
{
    double train_data[9 * D];
    assay_rng rng = assay_rng_seed(18);
    (void)state;
    fill(&rng, train_data, 9 * D, 2);
    const assay_matrix train = assay_matrix_view(train_data, 9, D);
    MATRIX(x, 5);
    MATRIX(score, 5);
    fill(&rng, x_data, 5 * D, 2);
    ok(assay_delta_score(&train, 1.5, &x, &score));
    for (size_t i = 0; i < 5; i++) {
        double sum = 0, pull[D] = {0};
        for (size_t r = 0; r < 9; r++) {
            double square = 0;
            for (size_t j = 0; j < D; j++)
                square += pow(x_data[i * D + j] - train_data[r * D + j], 2);
            const double weight = exp(-square / (2 * 2.25));
            sum += weight;
            for (size_t j = 0; j < D; j++)
                pull[j] += weight * train_data[r * D + j];
        }
        for (size_t j = 0; j < D; j++)
            close_to(score_data[i * D + j], (pull[j] / sum - x_data[i * D + j]) / 2.25, 1e-10);
    }
}

static void training_rows_look_gaussian_from_afar(void **state)
{
    double train_data[ROWS * D];
    assay_rng rng = assay_rng_seed(7);
    (void)state;
    draw_rows(&rng, train_data, ROWS);
    const assay_matrix train = assay_matrix_view(train_data, ROWS, D);
    assay_gaussian g = fit(NULL);
    const double sigma = 20 * sqrt(g.eigenvalues[0]);
    MATRIX(x, 5);
    MATRIX(a, 5);
    MATRIX(b, 5);
    MATRIX(whole, ROWS);
    fill(&rng, x_data, 5 * D, sigma);
    ok(assay_delta_score(&train, sigma, &x, &a));
    ok(assay_gaussian_score(&g, ASSAY_SCORE_EXACT, sigma, &x, &b));
    double error = 0, total = 0;
    for (size_t i = 0; i < 5 * D; i++) {
        error += (a_data[i] - b_data[i]) * (a_data[i] - b_data[i]);
        total += b_data[i] * b_data[i];
    }
    assert_true(sqrt(error / total) < 1e-3);
    ok(assay_delta_score(&train, 0.002, &train, &whole)); /* each row is the nearest to itself */
    for (size_t i = 0; i < ROWS * D; i++)
        close_to(whole_data[i], 0, 1e-6);
    assay_gaussian_free(&g);
}

/* ---- mixtures of low rank ---- */

enum { K = 3, R = 2 };

typedef struct mixture {
    double weights[K], means[K * D], vectors[K * D * R], eigenvalues[K * R], covs[K * D * D];
    assay_gmm_lowrank m;
    assay_gmm *full;
} mixture;

static void draw_mixture(mixture *m)
{
    assay_rng rng = assay_rng_seed(9);
    fill(&rng, m->means, K * D, 2);
    for (size_t k = 0; k < K; k++) {
        double x[ROWS * D];
        assay_gaussian g;
        draw_rows(&rng, x, ROWS);
        const assay_matrix rows = assay_matrix_view(x, ROWS, D);
        ok(assay_gaussian_fit(&rows,
            &(assay_gaussian_options){.truncate = true, .rank = R, .isotropic = false}, NULL, &g));
        m->weights[k] = (double)(k + 1) / 6;
        memcpy(m->vectors + k * D * R, g.vectors.data, sizeof(double) * D * R);
        memcpy(m->eigenvalues + k * R, g.eigenvalues, sizeof(double) * R);
        for (size_t j = 0; j < D * D; j++) {
            m->covs[k * D * D + j] = 0;
            for (size_t h = 0; h < R; h++)
                m->covs[k * D * D + j] += g.vectors.data[j / D * R + h] * g.eigenvalues[h] *
                                          g.vectors.data[j % D * R + h];
        }
        assay_gaussian_free(&g);
    }
    m->m = (assay_gmm_lowrank){K, D, R, m->weights, m->means, m->vectors, m->eigenvalues};
    const assay_gmm_parameters p = {.components = K,
        .dim = D,
        .weights = m->weights,
        .means = m->means,
        .kind = ASSAY_COVARIANCE_FULL,
        .covariances = m->covs};
    ok(assay_gmm_new(&p, &m->full));
}

static void low_rank_is_the_full_mixture(void **state)
{
    mixture m;
    assay_rng rng = assay_rng_seed(10);
    (void)state;
    draw_mixture(&m);
    for (double sigma = 0.3; sigma < 50; sigma *= 5) {
        const assay_gmm_level level = {1, sigma, ASSAY_GMM_ALL, 1};
        double p[90], q[90];
        MATRIX(x, 90);
        MATRIX(a, 90);
        MATRIX(b, 90);
        fill(&rng, x_data, 90 * D, 3 + sigma);
        ok(assay_gmm_lowrank_score(&m.m, sigma, &x, &a));
        ok(assay_gmm_lowrank_logpdf(&m.m, sigma, &x, p));
        ok(assay_gmm_evaluate(
            m.full, &level, &x, &(assay_gmm_values){.score = &b, .log_density = q}));
        near(&a, &b, 1e-9);
        for (size_t i = 0; i < 90; i++)
            close_to(p[i], q[i], 1e-9 * fabs(q[i]));
    }
    assay_gmm_free(m.full);
}

static void one_component_is_explained(void **state)
{
    assay_gaussian g = fit(NULL);
    double one = 1, value;
    assay_rng rng = assay_rng_seed(11);
    (void)state;
    const assay_gmm_lowrank m = {1, D, D, &one, g.mean, g.vectors.data, g.eigenvalues};
    MATRIX(x, 30);
    MATRIX(a, 30);
    MATRIX(b, 30);
    fill(&rng, x_data, 30 * D, 4);
    ok(assay_gmm_lowrank_score(&m, 0.7, &x, &a));
    ok(assay_gaussian_score(&g, ASSAY_SCORE_EXACT, 0.7, &x, &b));
    ok(assay_explained_variance(&a, &b, &value));
    close_to(value, 1, 1e-12);
    ok(assay_gmm_flow(&m, 80, 0.5, 1e-9, 1e-12, &x, NULL, &a));
    ok(assay_gaussian_flow(&g, NULL, 80, 0.5, &x, &b));
    near(&a, &b, 1e-6);
    assay_gaussian_free(&g);
}

/* Expectation-maximisation raises the likelihood of what k-means began with. */
static void fits_grow_likelier(void **state)
{
    enum { N = 300 };
    mixture m;
    double x_data[N * D], p[N], before = -INFINITY;
    size_t component[N];
    assay_rng rng = assay_rng_seed(12);
    assay_matrix x = assay_matrix_view(x_data, N, D);
    (void)state;
    draw_mixture(&m);
    ok(assay_gmm_sample(
        m.full, &(assay_gmm_level){1, 0.3, ASSAY_GMM_ALL, 1}, &rng, NULL, &x, component));
    for (size_t iterations = 0; iterations < 6; iterations += 2) {
        assay_gmm_lowrank f;
        double sum = 0, weights = 0;
        const assay_gmm_lowrank_options o = {
            .components = K, .rank = R, .ridge = 0.09, .iterations = iterations};
        assay_rng own = assay_rng_seed(3);
        ok(assay_gmm_lowrank_fit(&x, &o, &own, &f));
        for (size_t i = 0; i < K * R; i++)
            f.eigenvalues[i] = fmax(f.eigenvalues[i] - 0.09, 0);
        ok(assay_gmm_lowrank_logpdf(&f, 0.3, &x, p));
        for (size_t i = 0; i < N; i++)
            sum += p[i];
        for (size_t k = 0; k < K; k++)
            weights += f.weights[k];
        close_to(weights, 1, 1e-12);
        assert_true(sum > before);
        before = sum;
        assay_gmm_lowrank_free(&f);
    }
    assay_gmm_free(m.full);
}

/* Of one component the likeliest variances are those of the data (divisor n), the ridge at least.
 */
static void one_component_is_fitted_exactly(void **state)
{
    double data[ROWS * D];
    assay_rng rng = assay_rng_seed(7);
    assay_gmm_lowrank f;
    (void)state;
    draw_rows(&rng, data, ROWS);
    const assay_matrix rows = assay_matrix_view(data, ROWS, D);
    assay_gaussian g = fit(NULL);
    const assay_gmm_lowrank_options o = {
        .components = 1, .rank = D, .ridge = g.eigenvalues[D - 2], .iterations = 1};
    ok(assay_gmm_lowrank_fit(&rows, &o, &rng, &f));
    for (size_t k = 0; k < D; k++)
        close_to(f.eigenvalues[k], fmax(g.eigenvalues[k] * (ROWS - 1) / ROWS, o.ridge), 1e-10);
    assay_gmm_lowrank_free(&f);
    assay_gaussian_free(&g);
}

/* ---- trajectories ---- */

/* Coordinates that are orthogonal about their means: 9 + 4 of 14. */
static void planes_hold_their_share(void **state)
{
    static const double sign[4][3] = {{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
    double data[4 * D] = {0}, fraction;
    assay_matrix path[4];
    (void)state;
    for (size_t t = 0; t < 4; t++) {
        data[t * D] = 10;
        for (size_t k = 0; k < 3; k++)
            data[t * D + 1 + k] = (double)(3 - k) * sign[t][k];
        path[t] = assay_matrix_view(data + t * D, 1, D);
    }
    ok(assay_trajectory_plane_of(path, 4, &(assay_trajectory_plane){.fraction = &fraction}));
    close_to(fraction, 13.0 / 14, 1e-12);
}

/* With one variance x_t is a combination of its ends; with two, it stays in a plane of the mean. */
static void trajectories_lie_in_planes(void **state)
{
    enum { T = 9 };
    const double sigmas[T] = {80, 40, 20, 10, 5, 2, 1, 0.5, 0};
    double memory[T * 4 * D], fraction[4], r2[4];
    assay_matrix path[T];
    assay_gaussian g =
        fit(&(assay_gaussian_options){.truncate = true, .rank = 0, .isotropic = true});
    assay_rng rng = assay_rng_seed(13);
    (void)state;
    MATRIX(x, 4);
    fill(&rng, x_data, 4 * D, 80);
    for (size_t t = 0; t < T; t++)
        path[t] = assay_matrix_view(memory + t * 4 * D, 4, D);
    memset(g.mean, 0, D * sizeof *g.mean);
    ok(assay_gaussian_flow_path(&g, NULL, sigmas, T, &x, path));
    ok(assay_trajectory_plane_of(path, T, &(assay_trajectory_plane){fraction, r2, NULL, NULL}));
    for (size_t i = 0; i < 4; i++) {
        close_to(fraction[i], 1, 1e-12);
        close_to(r2[i], 1, 1e-12);
    }
    refuses(assay_trajectory_plane_of(path, 2, &(assay_trajectory_plane){0}), "at least 3 states");
    assay_gaussian_free(&g);
}

/* A kick ends as the modes say, and so do states. */
static void modes_are_the_flow(void **state)
{
    assay_gaussian g = fit(NULL);
    double state_factor[D], denoised[D], kick[D];
    (void)state;
    ok(assay_gaussian_modes_at(&g, 80, 3, &(assay_gaussian_modes){state_factor, denoised, kick}));
    for (size_t k = 0; k < D; k++) {
        MATRIX(x, 2);
        MATRIX(out, 2);
        for (size_t j = 0; j < D; j++) {
            x_data[j] = g.mean[j];
            x_data[D + j] = g.mean[j] + 0.5 * *assay_matrix_at(&g.vectors, j, k);
        }
        ok(assay_gaussian_flow(&g, NULL, 3, 0, &x, &out));
        double moved = 0;
        for (size_t j = 0; j < D; j++)
            moved += (out_data[D + j] - out_data[j]) * *assay_matrix_at(&g.vectors, j, k);
        close_to(moved, 0.5 * kick[k], 1e-12);
        ok(assay_gaussian_flow(&g, NULL, 80, 3, &x, &out));
        ok(assay_gaussian_denoise(&g, 3, &out, &x));
        moved = 0;
        for (size_t j = 0; j < D; j++)
            moved += (x_data[D + j] - x_data[j]) * *assay_matrix_at(&g.vectors, j, k);
        close_to(moved, 0.5 * denoised[k], 1e-12);
        close_to(state_factor[k] * g.eigenvalues[k] / (g.eigenvalues[k] + 9), denoised[k], 1e-12);
    }
    assay_gaussian_free(&g);
}

static void refusals(void **state)
{
    assay_gaussian g = fit(&kinds[1]), whole = fit(NULL);
    MATRIX(x, 2);
    MATRIX(out, 2);
    (void)state;
    memset(x_data, 0, sizeof x_data);
    refuses(assay_gaussian_flow(&g, NULL, 0, 1, &x, &out), "a variance above 0 in every direction");
    ok(assay_gaussian_flow(&whole, NULL, 0, 1, &x, &out));
    ok(assay_gaussian_flow(&g, NULL, 0, 0, &x, &out));
    near(&out, &x, 1e-12);
    refuses(
        assay_gaussian_score(&g, ASSAY_SCORE_EXACT, 0, &x, &out), "sigma must be greater than 0");
    ok(assay_gaussian_score(&whole, ASSAY_SCORE_EXACT, 0, &x, &out));
    refuses(assay_gaussian_score(&whole, ASSAY_SCORE_EXPAND1, 0, &x, &out), "greater than 0");
    refuses(assay_gaussian_flow(&g, NULL, -1, 1, &x, &out), "from must be finite");
    assert_true(assay_gaussian_score_diverges(&g, ASSAY_SCORE_EXPAND1, 0.1));
    assert_false(assay_gaussian_score_diverges(&g, ASSAY_SCORE_EXPAND1, 100));
    assert_false(assay_gaussian_score_diverges(&g, ASSAY_SCORE_EXACT, 0.1));
    refuses(assay_gaussian_fit(&(assay_matrix){1, D, D, x_data}, NULL, NULL, &(assay_gaussian){0}),
        "at least 2 rows, got 1");
    assay_gaussian_free(&g);
    assay_gaussian_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_are_a_group),
        cmocka_unit_test(schedules_are_sigmas_over_alpha),
        cmocka_unit_test(score_denoiser_and_flow_agree),
        cmocka_unit_test(noise_is_pushed_to_the_data),
        cmocka_unit_test(rank_is_enough),
        cmocka_unit_test(few_rows_by_singular_values),
        cmocka_unit_test(copies_of_a_row_are_isotropic),
        cmocka_unit_test(training_rows_by_their_sum),
        cmocka_unit_test(training_rows_look_gaussian_from_afar),
        cmocka_unit_test(low_rank_is_the_full_mixture),
        cmocka_unit_test(one_component_is_explained),
        cmocka_unit_test(fits_grow_likelier),
        cmocka_unit_test(one_component_is_fitted_exactly),
        cmocka_unit_test(planes_hold_their_share),
        cmocka_unit_test(trajectories_lie_in_planes),
        cmocka_unit_test(modes_are_the_flow),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
