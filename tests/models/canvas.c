/* Coarse-to-fine draws against the mixture's own density and moments; softmax regression at its
 * optimum. */
#include "models/canvas.h"

#include "../methods/check.h"

enum { DIM = 5, COMPONENTS = 3, SCALES = 3, CLASSES = 2 };

static const size_t blocks[SCALES] = {1, 1, 3};

/* Random components with covariance F F' + I / 4. */
static assay_gmm *draw_mixture(assay_rng *rng)
{
    double weights[] = {0.5, 0.3, 0.2}, means[COMPONENTS * DIM], f[DIM * DIM];
    double s[COMPONENTS * DIM * DIM];
    assay_gmm *g;
    assay_rng_fill_normal(rng, means, COMPONENTS * DIM);
    for (size_t k = 0; k < COMPONENTS; k++) {
        assay_rng_fill_normal(rng, f, DIM * DIM);
        for (size_t i = 0; i < DIM; i++)
            for (size_t j = 0; j < DIM; j++) {
                double sum = i == j ? 0.25 : 0;
                for (size_t l = 0; l < DIM; l++)
                    sum += f[i * DIM + l] * f[j * DIM + l];
                s[(k * DIM + i) * DIM + j] = sum;
            }
    }
    const assay_gmm_parameters p = {.components = COMPONENTS,
        .dim = DIM,
        .weights = weights,
        .means = means,
        .kind = ASSAY_COVARIANCE_FULL,
        .covariances = s};
    ok(assay_gmm_new(&p, &g));
    return g;
}

static double reward_weights[CLASSES * DIM] = {1, -1, 0.5, 0, 2, /**/ -1, 0, 0.25, 1, 0};
static const double reward_bias[CLASSES] = {0.5, -0.25};

static assay_canvas *canvas_of(const assay_gmm *g, const double *noise)
{
    const assay_matrix weights = assay_matrix_view(reward_weights, CLASSES, DIM);
    const assay_canvas_parameters p = {.gmm = g,
        .blocks = blocks,
        .scales = SCALES,
        .weights = &weights,
        .bias = reward_bias,
        .class = 1,
        .noise = noise};
    assay_canvas *c;
    ok(assay_canvas_new(&p, &c));
    return c;
}

static void draw_path(assay_canvas *c, size_t path, const assay_rng *rng)
{
    for (size_t s = 0; s < SCALES; s++) {
        const assay_rng of_scale = assay_rng_split(rng, s);
        ok(assay_canvas_step(c, path, s, &of_scale));
    }
}

static void density_is_the_mixtures(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    assay_gmm *g = draw_mixture(&rng);
    assay_canvas *c = canvas_of(g, NULL);
    ok(assay_canvas_begin(c, 20));
    for (size_t p = 0; p < 20; p++) {
        const assay_rng of_path = assay_rng_split(&rng, p);
        size_t n;
        double x[DIM], wanted;
        draw_path(c, p, &of_path);
        memcpy(x, assay_canvas_state(c, p, &n), sizeof x);
        assert_int_equal(n, DIM);
        const assay_matrix point = assay_matrix_view(x, 1, DIM);
        ok(assay_gmm_logpdf(g, &point, &wanted));
        close_to(assay_canvas_log_density(c, p), wanted, 1e-9);
    }
    assay_canvas_free(c);
    assay_gmm_free(g);
}

/* Mean and covariance of many draws. */
static void draws_are_exact(void **state)
{
    (void)state;
    enum { DRAWS = 40000 };
    assay_rng rng = assay_rng_seed(2);
    assay_gmm *g = draw_mixture(&rng);
    assay_canvas *c = canvas_of(g, NULL);
    double mean[DIM], s[DIM * DIM], sum[DIM] = {0}, products[DIM * DIM] = {0};
    assay_matrix covariance = assay_matrix_view(s, DIM, DIM);
    ok(assay_gmm_moments(g, mean, &covariance));
    for (size_t i = 0; i < DRAWS; i++) {
        const assay_rng of_path = assay_rng_split(&rng, i);
        size_t n;
        ok(assay_canvas_begin(c, 1));
        draw_path(c, 0, &of_path);
        const double *x = assay_canvas_state(c, 0, &n);
        for (size_t j = 0; j < DIM; j++) {
            sum[j] += x[j] - mean[j];
            for (size_t l = 0; l < DIM; l++)
                products[j * DIM + l] += (x[j] - mean[j]) * (x[l] - mean[l]);
        }
    }
    for (size_t j = 0; j < DIM; j++) {
        close_to(sum[j] / DRAWS, 0, 5 * sqrt(s[j * DIM + j] / DRAWS));
        for (size_t l = 0; l < DIM; l++) /* kurtosis of these mixtures is below 5 */
            close_to(products[j * DIM + l] / DRAWS, s[j * DIM + l],
                5 * sqrt(4 * s[j * DIM + j] * s[l * DIM + l] / DRAWS));
    }
    assay_canvas_free(c);
    assay_gmm_free(g);
}

static void rewards_and_copies(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(3);
    const double noise[SCALES] = {0, 2, 0};
    assay_gmm *g = draw_mixture(&rng);
    assay_canvas *c = canvas_of(g, noise);
    size_t n;
    double seen[SCALES];
    ok(assay_canvas_begin(c, 3));
    for (size_t p = 0; p < 3; p++)
        for (size_t s = 0; s < SCALES; s++) {
            const assay_rng of_path = assay_rng_split(&rng, p),
                            of_scale = assay_rng_split(&of_path, s);
            ok(assay_canvas_step(c, p, s, &of_scale));
            const double *x = assay_canvas_state(c, p, &n);
            double logit[CLASSES];
            assert_int_equal(n, s < 2 ? s + 1 : DIM);
            for (size_t i = 0; i < CLASSES; i++) {
                logit[i] = reward_bias[i];
                for (size_t j = 0; j < n; j++)
                    logit[i] += reward_weights[i * DIM + j] * x[j];
            }
            const double exact = -log1p(exp(logit[0] - logit[1]));
            if (s != 1)
                close_to(assay_canvas_reward(c, p), exact, 1e-12);
            else
                assert_true(fabs(assay_canvas_reward(c, p) - exact) > 1e-3);
        }
    for (size_t p = 0; p < 3; p++)
        seen[p] = assay_canvas_reward(c, p);
    assay_canvas_select(c, (size_t[]){2, 0, 2}, 3);
    assert_true(assay_canvas_reward(c, 0) == seen[2] && assay_canvas_reward(c, 1) == seen[0] &&
                assay_canvas_reward(c, 2) == seen[2]);
    refuses(assay_canvas_step(c, 0, 1, &rng), "path 1 is not before scale 1");
    assay_canvas_free(c);
    assay_gmm_free(g);
}

static void canvas_refuses(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(4);
    assay_gmm *g = draw_mixture(&rng);
    const assay_matrix weights = assay_matrix_view(reward_weights, CLASSES, DIM);
    const assay_matrix narrow = assay_matrix_view(reward_weights, CLASSES, 3);
    assay_canvas_parameters p = {
        .gmm = g, .blocks = blocks, .scales = 2, .weights = &weights, .bias = reward_bias};
    assay_canvas *c;
    refuses(
        assay_canvas_new(&p, &c), "blocks must add up to the 5 coordinates of the mixture, got 2");
    p.scales = SCALES;
    p.class = 2;
    refuses(assay_canvas_new(&p, &c), "class must be in 1..2, got 3");
    p.class = 0;
    p.weights = &narrow;
    refuses(assay_canvas_new(&p, &c), "5 weights a class, got 3");
    p.weights = &weights;
    p.noise = (double[]){0, -1, 0};
    refuses(assay_canvas_new(&p, &c), "noise[2]");
    p.noise = NULL;
    p.blocks = (size_t[]){5, 0, 0};
    refuses(assay_canvas_new(&p, &c), "blocks[2] must be at least 1, got 0");
    assay_gmm_free(g);
}

/* At the optimum the gradient vanishes: sums over rows of (p - y) x + ridge w, computed here. And
 * with no columns but the bias, p is the share of each class. */
static void softmax_is_at_its_optimum(void **state)
{
    (void)state;
    enum { ROWS = 200, COLS = 3, K = 3 };
    assay_rng rng = assay_rng_seed(5);
    double x[ROWS * COLS], w[K * COLS], bias[K], logp[ROWS * K], gradient;
    size_t label[ROWS], count[K] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        label[i] = (size_t)assay_rng_below(&rng, K);
        count[label[i]]++;
        for (size_t j = 0; j < COLS; j++)
            x[i * COLS + j] = assay_rng_normal(&rng) * (double)(j + 1) + (label[i] == j);
    }
    const assay_matrix points = assay_matrix_view(x, ROWS, COLS);
    assay_matrix weights = assay_matrix_view(w, K, COLS), out = assay_matrix_view(logp, ROWS, K);
    ok(assay_softmax_fit(&points, label, 0.01, 5000, 1e-9, NULL, &weights, bias, &gradient));
    assert_true(gradient <= 1e-9);
    ok(assay_softmax_log_probability(&points, &weights, bias, &out));
    for (size_t k = 0; k < K; k++)
        for (size_t j = 0; j < COLS; j++) {
            double sum = 0.01 * w[k * COLS + j];
            for (size_t i = 0; i < ROWS; i++)
                sum += (exp(logp[i * K + k]) - (label[i] == k)) * x[i * COLS + j] / ROWS;
            close_to(sum, 0, 1e-8);
        }
    const assay_matrix nothing = {ROWS, 0, 0, x};
    assay_matrix no_weights = {K, 0, 0, w};
    ok(assay_softmax_fit(&nothing, label, 0, 1000, 1e-10, NULL, &no_weights, bias, &gradient));
    for (size_t k = 1; k < K; k++)
        close_to(bias[k] - bias[0], log((double)count[k] / (double)count[0]), 1e-8);
    label[3] = K;
    refuses(assay_softmax_fit(&points, label, 0, 10, 0, NULL, &weights, bias, &gradient),
        "labels[4] must be less than 3 classes, got 3");
    label[3] = 0;
    x[4] = NAN;
    refuses(assay_softmax_fit(&points, label, 0, 10, 0, NULL, &weights, bias, &gradient),
        "x[2][2] must be finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(density_is_the_mixtures),
        cmocka_unit_test(draws_are_exact),
        cmocka_unit_test(rewards_and_copies),
        cmocka_unit_test(canvas_refuses),
        cmocka_unit_test(softmax_is_at_its_optimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
