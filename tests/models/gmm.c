/* Mixtures against direct summation, finite differences, and the moments of their own draws. */
#include "models/gmm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/status.h"

#define ok(call) assert_int_equal((call), ASSAY_OK)

enum { K = 3, D = 4, R = 2, MOST = 200 };

static void near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%.17g instead of %.17g", got, wanted);
}

static void refuses(int status, const char *words)
{
    assert_int_equal(status, ASSAY_EINVAL);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), words);
}

/* A mixture of a kind, and its covariances K x D x D as they should be. */
typedef struct known {
    assay_gmm *g;
    double weights[K], means[K * D], covariances[K * D * D];
} known;

static const size_t classes[K] = {0, 1, 1};

/* low: with equal variances, the O(d rank) way */
static known make(assay_covariance kind, bool low)
{
    known m = {.weights = {0.2, 0.5, 0.3}};
    assay_rng rng = assay_rng_seed(5);
    double variances[K * D], factors[K * D * D], given[K * D * D];
    assay_rng_fill_normal(&rng, m.means, K * D);
    assay_rng_fill_normal(&rng, factors, K * D * D);
    for (size_t i = 0; i < K * D; i++)
        variances[i] = 0.1 + (low || kind == ASSAY_COVARIANCE_SPHERICAL ? 0.2 * (double)(i / D)
                                                                        : 0.1 * (double)i);
    const bool dense = kind >= ASSAY_COVARIANCE_FULL;
    const size_t rank = kind == ASSAY_COVARIANCE_LOW_RANK ? R : D;
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j < D; j++) {
                const size_t of = kind == ASSAY_COVARIANCE_TIED ? 0 : k;
                double s = i == j ? variances[of * D + i] : 0;
                for (size_t h = 0; h < rank && dense; h++)
                    s += factors[(of * D + i) * rank + h] * factors[(of * D + j) * rank + h];
                m.covariances[(k * D + i) * D + j] = s;
            }
    memcpy(given, dense ? m.covariances : variances, dense ? sizeof given : sizeof variances);
    if (kind == ASSAY_COVARIANCE_LOW_RANK)
        memcpy(given, variances, sizeof variances);
    for (size_t k = 0; k < K && kind == ASSAY_COVARIANCE_SPHERICAL; k++)
        given[k] = variances[k * D];
    const assay_gmm_parameters p = {.components = K,
        .dim = D,
        .weights = m.weights,
        .means = m.means,
        .kind = kind,
        .covariances = given,
        .factors = factors,
        .rank = R,
        .classes = classes};
    ok(assay_gmm_new(&p, &m.g));
    return m;
}

/* s (D x D) becomes its Cholesky factor. */
static void cholesky(double s[D][D])
{
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = s[i][j];
            for (size_t h = 0; h < j; h++)
                sum -= s[i][h] * s[j][h];
            s[i][j] = i == j ? sqrt(sum) : sum / s[j][j];
        }
}

/* w_k N(x; alpha mu_k, alpha^2 S_k + sigma^2 I) and E[x_0 | x, k] */
static double component(
    const known *m, size_t k, double alpha, double sigma, const double *x, double *posterior)
{
    double c[D][D], z[D], log_p = log(m->weights[k]) - D * log(2 * M_PI) / 2;
    const double *s = m->covariances + k * D * D;
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++)
            c[i][j] = alpha * alpha * s[i * D + j] + (i == j ? sigma * sigma : 0);
    cholesky(c);
    for (size_t i = 0; i < D; i++) {
        z[i] = x[i] - alpha * m->means[k * D + i];
        for (size_t j = 0; j < i; j++)
            z[i] -= c[i][j] * z[j];
        z[i] /= c[i][i];
        log_p -= z[i] * z[i] / 2 + log(c[i][i]);
    }
    for (size_t i = D; i-- > 0;) { /* C^{-1} (x - alpha mu) */
        for (size_t j = i + 1; j < D; j++)
            z[i] -= c[j][i] * z[j];
        z[i] /= c[i][i];
    }
    for (size_t i = 0; i < D; i++) {
        posterior[i] = m->means[k * D + i];
        for (size_t j = 0; j < D; j++)
            posterior[i] += alpha * s[i * D + j] * z[j];
    }
    return exp(log_p);
}

static double density(
    const known *m, int class, double alpha, double sigma, const double *x, double *denoised)
{
    double sum = 0, weight = 0, posterior[D];
    memset(denoised, 0, D * sizeof *denoised);
    for (size_t k = 0; k < K; k++) {
        if (class != ASSAY_GMM_ALL && classes[k] != (size_t) class)
            continue;
        const double p = component(m, k, alpha, sigma, x, posterior);
        sum += p;
        weight += m->weights[k];
        for (size_t j = 0; j < D; j++)
            denoised[j] += p * posterior[j];
    }
    for (size_t j = 0; j < D; j++)
        denoised[j] /= sum;
    return sum / weight;
}

/* Densities, posterior means, scores (finite differences, and the identity with the mean). */
static void check_level(const known *m, double alpha, double sigma, int class)
{
    enum { N = 70 }; /* a block and some */
    double data[N * D], log_p[N], r[N * K], score[N * D], eps[N * D], mean[N * D];
    assay_rng rng = assay_rng_seed(9);
    assay_rng_fill_normal(&rng, data, N * D);
    assay_matrix x = assay_matrix_view(data, N, D), to_r = assay_matrix_view(r, N, K),
                 to_score = assay_matrix_view(score, N, D), to_eps = assay_matrix_view(eps, N, D),
                 to_mean = assay_matrix_view(mean, N, D);
    const assay_gmm_level level = {alpha, sigma, class, 1};
    const assay_gmm_values out = {log_p, &to_r, &to_score, &to_eps, &to_mean, NULL};
    ok(assay_gmm_evaluate(m->g, &level, &x, &out));
    double alone[N * D]; /* gradients alone, which may be computed another way */
    assay_matrix to_alone = assay_matrix_view(alone, N, D);
    ok(assay_gmm_evaluate(m->g, &level, &x, &(assay_gmm_values){.score = &to_alone}));
    for (size_t i = 0; i < N * D; i++)
        near(alone[i], score[i], 1e-11 * (1 + fabs(score[i])));
    for (size_t i = 0; i < N; i++) {
        double wanted[D], ignored[D], sum = 0;
        near(log_p[i], log(density(m, class, alpha, sigma, data + i * D, wanted)), 1e-10);
        for (size_t j = 0; j < D; j++) {
            near(mean[i * D + j], wanted[j], 1e-9 * (1 + fabs(wanted[j])));
            double up[D], down[D];
            memcpy(up, data + i * D, sizeof up);
            memcpy(down, up, sizeof up);
            up[j] += 1e-5;
            down[j] -= 1e-5;
            const double slope = (log(density(m, class, alpha, sigma, up, ignored)) -
                                     log(density(m, class, alpha, sigma, down, ignored))) /
                                 2e-5;
            near(score[i * D + j], slope, 1e-5 * (1 + fabs(slope)));
            near(eps[i * D + j], -sigma * score[i * D + j], 1e-12 * fabs(slope));
            near(alpha * mean[i * D + j], data[i * D + j] + sigma * sigma * score[i * D + j], 1e-9);
        }
        for (size_t k = 0; k < K; k++)
            sum += r[i * K + k];
        near(sum, 1, 1e-14);
        assert_true(class != 0 || (r[i * K + 1] == 0 && r[i * K + 2] == 0));
    }
}

static void densities_and_gradients(void **state)
{
    (void)state;
    for (int kind = 0; kind <= ASSAY_COVARIANCE_LOW_RANK; kind++)
        for (int low = 0; low <= (kind == ASSAY_COVARIANCE_LOW_RANK); low++) {
            const known m = make((assay_covariance)kind, low);
            check_level(&m, 1, 0, ASSAY_GMM_ALL);
            check_level(&m, 0.6, 0.8, ASSAY_GMM_ALL);
            check_level(&m, 1, 3, 1);
            check_level(&m, 0.9, 0.4, 0);
            double s[D * D];
            for (size_t k = 0; k < K; k++) {
                assay_gmm_covariance(m.g, k, s);
                for (size_t i = 0; i < D * D; i++)
                    near(s[i], m.covariances[k * D * D + i], 1e-13);
            }
            assay_gmm_free(m.g);
        }
}

/* A point, as a function of the noise: nothing overflows, and the limits are those of the theory.
 */
static void far_and_tiny(void **state)
{
    (void)state;
    const double weights[] = {0.5, 0.5}, means[] = {-1, 1}, none[] = {0, 0}, one[] = {1, 1};
    assay_gmm_parameters p = {.components = 2,
        .dim = 1,
        .weights = weights,
        .means = means,
        .kind = ASSAY_COVARIANCE_SPHERICAL,
        .covariances = none};
    assay_gmm *points, *unit;
    ok(assay_gmm_new(&p, &points));
    p.covariances = one;
    ok(assay_gmm_new(&p, &unit));
    double at[3], log_p, score, mean, r[2];
    assay_matrix x = assay_matrix_view(at, 1, 1), to_score = assay_matrix_view(&score, 1, 1),
                 to_mean = assay_matrix_view(&mean, 1, 1), to_r = assay_matrix_view(r, 1, 2);
    const assay_gmm_values out = {&log_p, &to_r, &to_score, NULL, &to_mean, NULL};
    const double distances[] = {1e3, 1e6, 1e100, 1e160, 1e300};
    for (size_t i = 0; i < 5; i++) {
        at[0] = distances[i];
        ok(assay_gmm_evaluate(unit, &(assay_gmm_level){1, 0, ASSAY_GMM_ALL, 1}, &x, &out));
        assert_true(!isnan(log_p) && (i > 2 || isfinite(log_p)));
        near(score / (1 - at[0]), 1, 1e-12);
        assert_true(i > 1 ? r[0] + r[1] == 1 : r[1] == 1); /* beyond, x - mu rounds to x */
    }
    assert_true(log_p == -INFINITY); /* 1e300 */
    at[0] = 1e6;
    ok(assay_gmm_evaluate(unit, &(assay_gmm_level){1, 0, ASSAY_GMM_ALL, 1}, &x, &out));
    near(log_p, -pow(1e6 - 1, 2) / 2 - log(2 * M_PI) / 2 - log(2), 1e-3);
    for (double sigma = 1e-2; sigma >= 1e-9; sigma /= 10) { /* points of no width */
        at[0] = 1 + 0.5 * sigma;
        const double z = (at[0] - 1) / sigma;
        ok(assay_gmm_evaluate(points, &(assay_gmm_level){1, sigma, ASSAY_GMM_ALL, 1}, &x, &out));
        near(log_p, -z * z / 2 - log(sigma) - log(2 * M_PI) / 2 - log(2), 1e-12);
        near(score * sigma, -z, 1e-12);
        near(mean, 1, 0);
    }
    at[0] = 0.3; /* all noise: the mean of x_0, and the responsibilities of the prior */
    ok(assay_gmm_evaluate(points, &(assay_gmm_level){0, 1, ASSAY_GMM_ALL, 1}, &x, &out));
    near(mean, 0, 1e-15);
    near(r[0], 0.5, 1e-15);
    at[0] = 3;
    ok(assay_gmm_evaluate(points, &(assay_gmm_level){1, 1e8, ASSAY_GMM_ALL, 1}, &x, &out));
    near(mean, 0, 1e-14);
    assay_gmm_free(points);
    assay_gmm_free(unit);
}

/* Far from a mixture of full covariances its nearest components draw, and nothing is NaN. */
static void far_from_full(void **state)
{
    (void)state;
    const known m = make(ASSAY_COVARIANCE_FULL, false);
    for (double distance = 1e3; distance < 1e300; distance *= 1e50) {
        double at[D] = {distance, -distance, distance / 2, distance}, score[D], log_p;
        assay_matrix x = assay_matrix_view(at, 1, D), to_score = assay_matrix_view(score, 1, D);
        ok(assay_gmm_evaluate(m.g, &(assay_gmm_level){0.7, 0.7, ASSAY_GMM_ALL, 1}, &x,
            &(assay_gmm_values){.log_density = &log_p, .score = &to_score}));
        assert_true(log_p < 0);
        for (size_t j = 0; j < D; j++)
            assert_true(isfinite(score[j]) && fabs(score[j]) < 100 * distance);
    }
    assay_gmm_free(m.g);
}

static void guidance(void **state)
{
    (void)state;
    const known m = make(ASSAY_COVARIANCE_FULL, false);
    double at[D] = {0.5, -1, 0.25, 2}, part[3][3][D];
    assay_matrix x = assay_matrix_view(at, 1, D);
    const assay_gmm_level levels[3] = {
        {0.7, 0.5, ASSAY_GMM_ALL, 1}, {0.7, 0.5, 1, 1}, {0.7, 0.5, 1, 6}};
    for (size_t l = 0; l < 3; l++) {
        assay_matrix score = assay_matrix_view(part[l][0], 1, D),
                     eps = assay_matrix_view(part[l][1], 1, D),
                     mean = assay_matrix_view(part[l][2], 1, D);
        ok(assay_gmm_evaluate(
            m.g, &levels[l], &x, &(assay_gmm_values){NULL, NULL, &score, &eps, &mean, NULL}));
    }
    for (size_t what = 0; what < 3; what++) /* c + w (c - u) with w = scale - 1 */
        for (size_t j = 0; j < D; j++) {
            const double u = part[0][what][j], c = part[1][what][j];
            assert_true(fabs(c - u) > 1e-4);
            near(part[2][what][j], c + 5 * (c - u), 1e-12 * (1 + fabs(u) + fabs(c)) * 10);
        }
    refuses(assay_gmm_evaluate(m.g, &(assay_gmm_level){1, 1, 2, 1}, &x, &(assay_gmm_values){0}),
        "no component of class 3");
    assay_gmm_free(m.g);
}

/* Draws have the moments of the level: alpha mean, alpha^2 cov + sigma^2 I. */
/* A level for each row gives what the row's level gives alone, whatever its neighbours' are. */
static void levels_of_rows(void **state)
{
    (void)state;
    enum { N = 150 };
    double data[N * D], together[N * D], alone[D], log_p[N], log_one;
    assay_gmm_level levels[N];
    assay_gmm_workspace workspace = {0};
    assay_rng rng = assay_rng_seed(11);
    assay_rng_fill_normal(&rng, data, N * D);
    assay_matrix x = assay_matrix_view(data, N, D), all = assay_matrix_view(together, N, D),
                 one = assay_matrix_view(alone, 1, D);
    for (int kind = 0; kind <= ASSAY_COVARIANCE_LOW_RANK; kind++)
        for (int class = -1; class <= 1; class ++) {
            const known m = make((assay_covariance)kind, kind == ASSAY_COVARIANCE_LOW_RANK);
            for (size_t i = 0; i < N; i++) {
                const double angle = 0.1 + 1.4 * (double)((7 * i) % 23) / 23;
                levels[i] = (assay_gmm_level){cos(angle), sin(angle), class, class < 1 ? 1 : 3};
            }
            ok(assay_gmm_evaluate_with(m.g, levels, N, &x,
                &(assay_gmm_values){.log_density = log_p, .eps = &all}, &workspace));
            for (size_t i = 0; i < N; i++) {
                const assay_matrix row = assay_matrix_view(data + i * D, 1, D);
                ok(assay_gmm_evaluate(m.g, &levels[i], &row,
                    &(assay_gmm_values){.log_density = &log_one, .eps = &one}));
                near(log_p[i], log_one, 1e-12 * (1 + fabs(log_one)));
                for (size_t j = 0; j < D; j++)
                    near(together[i * D + j], alone[j], 1e-12 * (1 + fabs(alone[j])));
            }
            ok(assay_gmm_evaluate_with(
                m.g, levels, N, &x, &(assay_gmm_values){.denoised = &all}, &workspace));
            for (size_t i = 0; i < N; i++) {
                const assay_matrix row = assay_matrix_view(data + i * D, 1, D);
                ok(assay_gmm_evaluate(
                    m.g, &levels[i], &row, &(assay_gmm_values){.denoised = &one}));
                for (size_t j = 0; j < D; j++)
                    near(together[i * D + j], alone[j], 1e-12 * (1 + fabs(alone[j])));
            }
            refuses(assay_gmm_evaluate_with(
                        m.g, levels, N - 1, &x, &(assay_gmm_values){.denoised = &all}, &workspace),
                "1 level or one a row, 150, got 149");
            assay_gmm_free(m.g);
        }
    assay_gmm_workspace_free(&workspace);
}

static void draws(void **state)
{
    (void)state;
    enum { N = 100000 };
    for (int kind = 0; kind <= ASSAY_COVARIANCE_LOW_RANK; kind++) {
        const known m = make((assay_covariance)kind, kind == ASSAY_COVARIANCE_LOW_RANK);
        double mean[D], cov[D * D], first[D] = {0}, second[D][D] = {{0}};
        assay_matrix to_cov = assay_matrix_view(cov, D, D), x;
        ok(assay_matrix_alloc(N, D, &x));
        ok(assay_gmm_moments(m.g, mean, &to_cov));
        assay_rng rng = assay_rng_seed(11);
        ok(assay_gmm_sample(m.g, &(assay_gmm_level){0.8, 0.3, ASSAY_GMM_ALL, 1}, &rng, NULL, &x, NULL));
        for (size_t i = 0; i < N; i++)
            for (size_t a = 0; a < D; a++) {
                first[a] += *assay_matrix_at(&x, i, a) / N;
                for (size_t b = 0; b < D; b++)
                    second[a][b] += (*assay_matrix_at(&x, i, a) - 0.8 * mean[a]) *
                                    (*assay_matrix_at(&x, i, b) - 0.8 * mean[b]) / N;
            }
        for (size_t a = 0; a < D; a++) {
            const double va = 0.64 * cov[a * D + a] + 0.09;
            near(first[a], 0.8 * mean[a], 4.5 * sqrt(va / N));
            for (size_t b = 0; b < D; b++) { /* the sd of a product, for tails as a normal's */
                const double vb = 0.64 * cov[b * D + b] + 0.09;
                const double wanted = 0.64 * cov[a * D + b] + (a == b ? 0.09 : 0);
                near(second[a][b], wanted, 6 * sqrt((va * vb + wanted * wanted) / N));
            }
        }
        assay_matrix_free(&x);
        assay_gmm_free(m.g);
    }
}

/* ---- fits ---- */

static assay_matrix clusters(size_t n, double apart, size_t *component)
{
    const double weights[] = {0.5, 0.3, 0.2};
    const double means[] = {0, 0, apart, 0, 0, apart};
    const double covs[] = {1, 0.5, 0.5, 1, 0.5, 0, 0, 2, 1, -0.3, -0.3, 0.4};
    const assay_gmm_parameters p = {.components = 3,
        .dim = 2,
        .weights = weights,
        .means = means,
        .kind = ASSAY_COVARIANCE_FULL,
        .covariances = covs};
    assay_gmm *g;
    assay_matrix x;
    assay_rng rng = assay_rng_seed(21);
    ok(assay_gmm_new(&p, &g));
    ok(assay_matrix_alloc(n, 2, &x));
    ok(assay_gmm_sample(g, &(assay_gmm_level){1, 0, ASSAY_GMM_ALL, 1}, &rng, NULL, &x, component));
    assay_gmm_free(g);
    return x;
}

static void check_trace(const assay_gmm_fit_result *r)
{
    for (size_t i = 1; i <= r->iterations && r->repaired == 0; i++)
        assert_true(r->trace[i] >= r->trace[i - 1] - 1e-12 * fabs(r->trace[i]));
}

/* Clusters that don't touch: EM's answer is each cluster's own mean and covariance. */
static void separated(void **state)
{
    (void)state;
    enum { N = 3000 };
    static size_t of[N];
    assay_matrix x = clusters(N, 60, of);
    const assay_covariance kinds[] = {ASSAY_COVARIANCE_SPHERICAL, ASSAY_COVARIANCE_DIAGONAL,
        ASSAY_COVARIANCE_FULL, ASSAY_COVARIANCE_TIED};
    double count[3] = {0}, mean[3][2] = {{0}}, s[3][2][2] = {{{0}}}, pooled[2][2] = {{0}};
    for (size_t i = 0; i < N; i++) {
        count[of[i]]++;
        for (size_t j = 0; j < 2; j++)
            mean[of[i]][j] += *assay_matrix_at(&x, i, j);
    }
    for (size_t k = 0; k < 3; k++)
        for (size_t j = 0; j < 2; j++)
            mean[k][j] /= count[k];
    for (size_t i = 0; i < N; i++)
        for (size_t a = 0; a < 2; a++)
            for (size_t b = 0; b < 2; b++) {
                const size_t k = of[i];
                const double product = (*assay_matrix_at(&x, i, a) - mean[k][a]) *
                                       (*assay_matrix_at(&x, i, b) - mean[k][b]);
                s[k][a][b] += product / count[k];
                pooled[a][b] += product / N;
            }
    for (size_t c = 0; c < 4; c++) {
        assay_gmm_fit_options o = assay_gmm_fit_defaults(3);
        assay_gmm_fit_result r;
        assay_rng rng = assay_rng_seed(1);
        o.kind = kinds[c];
        o.tolerance = 1e-12;
        ok(assay_gmm_fit(&x, &o, &rng, &r));
        check_trace(&r);
        assert_true(r.converged);
        for (size_t k = 0; k < 3; k++) {
            const double *means = assay_gmm_means(r.gmm);
            size_t found = 0;
            for (size_t f = 1; f < 3; f++)
                if (hypot(means[2 * f] - mean[k][0], means[2 * f + 1] - mean[k][1]) <
                    hypot(means[2 * found] - mean[k][0], means[2 * found + 1] - mean[k][1]))
                    found = f;
            near(means[2 * found], mean[k][0], 1e-9);
            near(assay_gmm_weights(r.gmm)[found], count[k] / N, 1e-9);
            double cov[4];
            assay_gmm_covariance(r.gmm, found, cov);
            const double both = (s[k][0][0] + s[k][1][1]) / 2;
            near(cov[0],
                o.kind == ASSAY_COVARIANCE_TIED        ? pooled[0][0]
                : o.kind == ASSAY_COVARIANCE_SPHERICAL ? both
                                                       : s[k][0][0],
                1e-8);
            near(cov[1],
                o.kind == ASSAY_COVARIANCE_TIED   ? pooled[0][1]
                : o.kind == ASSAY_COVARIANCE_FULL ? s[k][0][1]
                                                  : 0,
                1e-8);
        }
        assay_gmm_fit_free(&r);
    }
    assay_matrix_free(&x);
}

static void bic_finds_three(void **state)
{
    (void)state;
    assay_matrix x = clusters(1500, 6, NULL);
    double least = INFINITY;
    size_t best = 0;
    for (size_t k = 1; k <= 5; k++) {
        assay_gmm_fit_options o = assay_gmm_fit_defaults(k);
        assay_gmm_fit_result r;
        assay_rng rng = assay_rng_seed(2);
        o.restarts = 3;
        ok(assay_gmm_fit(&x, &o, &rng, &r));
        check_trace(&r);
        assert_int_equal(r.parameters, 6 * k - 1);
        if (r.bic < least) {
            least = r.bic;
            best = k;
        }
        assay_gmm_fit_free(&r);
    }
    assert_int_equal(best, 3);
    assay_matrix_free(&x);
}

/* Overlapping clusters: the likelihood never falls, nor does the floor give way. */
static void monotone(void **state)
{
    (void)state;
    assay_matrix x = clusters(400, 2, NULL);
    for (int kind = 0; kind <= ASSAY_COVARIANCE_TIED; kind++)
        for (size_t k = 1; k <= 12; k += 3) {
            assay_gmm_fit_options o = assay_gmm_fit_defaults(k);
            assay_gmm_fit_result r;
            assay_rng rng = assay_rng_seed(3 + k);
            o.kind = (assay_covariance)kind;
            o.floor = 0.05;
            ok(assay_gmm_fit(&x, &o, &rng, &r));
            check_trace(&r);
            double s[4];
            for (size_t c = 0; c < k; c++) {
                assay_gmm_covariance(r.gmm, c, s);
                const double half = (s[0] + s[3]) / 2;
                const double least = half - hypot((s[0] - s[3]) / 2, s[1]);
                assert_true(least >= 0.05 - 1e-12);
            }
            assay_gmm_fit_free(&r);
        }
    assay_matrix_free(&x);
}

static int stop_at_twelfth(void *context, double done, double total)
{
    (void)total;
    (void)done;
    return ++*(int *)context == 12;
}

static void edges(void **state)
{
    (void)state;
    double data[] = {1, 2, 3, 4, 5, 5, 5, 5};
    assay_matrix x = assay_matrix_view(data, 8, 1), equal = assay_matrix_view(data + 4, 4, 1);
    assay_gmm_fit_options o = assay_gmm_fit_defaults(9);
    assay_gmm_fit_result r;
    assay_rng rng = assay_rng_seed(1);
    refuses(assay_gmm_fit(&x, &o, &rng, &r), "components must be in 1..8");
    o.components = 2;
    refuses(assay_gmm_fit(&equal, &o, &rng, &r), "x has 1");
    o.components = 1; /* singular: held by the floor */
    ok(assay_gmm_fit(&equal, &o, &rng, &r));
    double s;
    assay_gmm_covariance(r.gmm, 0, &s);
    near(s, o.floor, 1e-18);
    assay_gmm_fit_free(&r);
    int calls = 0;
    const assay_progress progress = {stop_at_twelfth, &calls};
    o.components = 2;
    o.progress = &progress;
    o.tolerance = 0;
    assert_int_equal(assay_gmm_fit(&x, &o, &rng, &r), ASSAY_ECANCELLED);
    assert_null(r.gmm);
    o.progress = NULL;
    data[2] = NAN;
    refuses(assay_gmm_fit(&x, &o, &rng, &r), "x[3][1] must be finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(densities_and_gradients),
        cmocka_unit_test(far_and_tiny),
        cmocka_unit_test(far_from_full),
        cmocka_unit_test(guidance),
        cmocka_unit_test(levels_of_rows),
        cmocka_unit_test(draws),
        cmocka_unit_test(separated),
        cmocka_unit_test(bic_finds_three),
        cmocka_unit_test(monotone),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests_name("gmm", tests, NULL, NULL);
}
