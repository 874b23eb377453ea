/* The kernels of mixtures, in each width that this processor has, against plain sums in long
 * double. */
#include "models/gmm_block.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"

enum { BLOCK = ASSAY_GMM_BLOCK, MOST = 21 };

static const size_t widths[] = {2, 4, 8}, dims[] = {1, 3, 4, 8, 13, 16, MOST};

static void near(double got, long double wanted, double tolerance)
{
    if (!(fabsl(got - wanted) <= tolerance))
        fail_msg("%.17g instead of %.17g", got, (double)wanted);
}

/* Calls `check` with every width of which this processor has kernels: a narrower stands in for one
 * that it lacks. */
static void with_each(void (*check)(const assay_gmm_kernels *, size_t d))
{
    for (size_t w = 0; w < 3; w++) {
        const assay_gmm_kernels *kernels = assay_gmm_kernels_for(widths[w]);
        assert_true(kernels->width <= widths[w]);
        for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
            check(kernels, dims[i]);
    }
}

static void check_project(const assay_gmm_kernels *kernels, size_t d)
{
    static double axes[MOST * MOST], x[MOST * BLOCK], difference[MOST * BLOCK], z[MOST * BLOCK];
    double mean[MOST], precision[MOST], log_joint[BLOCK];
    assay_rng rng = assay_rng_seed(d);
    assay_rng_fill_normal(&rng, axes, d * d);
    assay_rng_fill_normal(&rng, x, d * BLOCK);
    assay_rng_fill_normal(&rng, mean, d);
    for (size_t h = 0; h < d; h++)
        precision[h] = 0.5 + (double)h;
    kernels->project(axes, d, x, 0.5, mean, precision, -3, difference, z, log_joint);
    for (size_t i = 0; i < BLOCK; i++) {
        long double q = 0;
        for (size_t h = 0; h < d; h++) {
            long double along = 0;
            for (size_t j = 0; j < d; j++)
                along += (long double)axes[h * d + j] * (x[j * BLOCK + i] - 0.5L * mean[j]);
            near(z[h * BLOCK + i], along, 1e-13);
            near(difference[h * BLOCK + i], x[h * BLOCK + i] - 0.5L * mean[h], 1e-15);
            q += along * along * precision[h];
        }
        near(log_joint[i], -3 - q / 2, 1e-14 * (double)(1 + q) * 10);
    }
}

static void project(void **state)
{
    (void)state;
    with_each(check_project);
}

/* The inverse, what solves with it gives, and what is taken from sums. */
static void check_solve(const assay_gmm_kernels *kernels, size_t d)
{
    static double axes[MOST * MOST], x[MOST * BLOCK], difference[MOST * BLOCK], z[MOST * BLOCK],
        scaled[MOST * BLOCK], wide[MOST * BLOCK], inverse[MOST * MOST], out[MOST * BLOCK];
    double mean[MOST], precision[MOST], weight[BLOCK], log_joint[BLOCK];
    assay_rng rng = assay_rng_seed(200 + d);
    assay_rng_fill_normal(&rng, axes, d * d);
    assay_rng_fill_normal(&rng, x, d * BLOCK);
    assay_rng_fill_normal(&rng, mean, d);
    assay_rng_fill_normal(&rng, weight, BLOCK);
    for (size_t h = 0; h < d; h++)
        precision[h] = 0.5 + (double)h;
    for (size_t i = 0; i < d * BLOCK; i++)
        out[i] = 7;
    kernels->invert(axes, d, precision, scaled, wide);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            long double wanted = 0;
            for (size_t h = 0; h < d; h++)
                wanted += (long double)axes[h * d + i] * precision[h] * axes[h * d + j];
            near(wide[i * BLOCK + j], wanted, 1e-14 * (double)(d * d));
            inverse[i * d + j] = wide[i * BLOCK + j];
        }
    x[0] = 1e200; /* squares overflow */
    kernels->solve(inverse, d, x, 0.5, mean, -3, difference, z, log_joint);
    kernels->take(d, weight, z, out);
    assert_true(log_joint[0] == -INFINITY);
    for (size_t i = 1; i < BLOCK; i++) {
        long double q = 0;
        for (size_t h = 0; h < d; h++) {
            long double wanted = 0;
            for (size_t j = 0; j < d; j++)
                wanted += (long double)inverse[h * d + j] * (x[j * BLOCK + i] - 0.5L * mean[j]);
            near(z[h * BLOCK + i], wanted, 1e-12 * (double)(d * d));
            near(out[h * BLOCK + i], 7 - weight[i] * wanted, 1e-12 * (double)(d * d));
            q += wanted * difference[h * BLOCK + i];
        }
        near(log_joint[i], -3 - q / 2, 1e-12 * (double)(1 + d * d + q));
    }
}

static void solve(void **state)
{
    (void)state;
    with_each(check_solve);
}

static void check_lift(const assay_gmm_kernels *kernels, size_t d)
{
    static double axes[MOST * MOST], z[MOST * BLOCK], scaled[MOST * BLOCK], out[MOST * BLOCK];
    double by[MOST], weight[BLOCK];
    assay_rng rng = assay_rng_seed(100 + d);
    assay_rng_fill_normal(&rng, axes, d * d);
    assay_rng_fill_normal(&rng, z, d * BLOCK);
    assay_rng_fill_normal(&rng, by, d);
    assay_rng_fill_normal(&rng, weight, BLOCK);
    for (size_t i = 0; i < d * BLOCK; i++)
        out[i] = 7;
    kernels->lift(axes, d, by, weight, z, scaled, out);
    for (size_t i = 0; i < BLOCK; i++)
        for (size_t j = 0; j < d; j++) {
            long double wanted = 7;
            for (size_t h = 0; h < d; h++)
                wanted += (long double)axes[h * d + j] * by[h] * z[h * BLOCK + i] * weight[i];
            near(out[j * BLOCK + i], wanted, 1e-13);
        }
}

static void lift(void **state)
{
    (void)state;
    with_each(check_lift);
}

/* Exponents over hundreds, and a row of probability 0. */
static void check_normalise(const assay_gmm_kernels *kernels, size_t rows)
{
    static double joint[MOST * BLOCK], given[MOST * BLOCK];
    double largest[BLOCK], sum[BLOCK];
    assay_rng rng = assay_rng_seed(200 + rows);
    assay_rng_fill_normal(&rng, given, rows * BLOCK);
    for (size_t i = 0; i < rows * BLOCK; i++)
        joint[i] = given[i] = i / BLOCK == 3 ? -INFINITY : 5 + 40 * given[i];
    kernels->maximum(joint, rows, largest);
    kernels->normalise(joint, rows, largest, sum);
    for (size_t i = 0; i < BLOCK; i++) {
        long double wanted = 0;
        double most = -INFINITY;
        for (size_t k = 0; k < rows; k++)
            most = fmax(most, given[k * BLOCK + i]);
        assert_true(largest[i] == most);
        for (size_t k = 0; k < rows; k++)
            wanted += exp(given[k * BLOCK + i] - most);
        near(sum[i], wanted, 1e-14);
        for (size_t k = 0; k < rows; k++) {
            const long double part = exp(given[k * BLOCK + i] - most) / wanted;
            near(joint[k * BLOCK + i], part, 2e-15 * (double)part);
        }
    }
}

static void normalise(void **state)
{
    (void)state;
    with_each(check_normalise);
}

/* With 0 as the largest, rows 0 and x become 1 and e^x over their sum. */
static void exponentials(void **state)
{
    (void)state;
    for (size_t w = 0; w < 3; w++)
        for (double x = 0; x > -707; x -= 0.37 * BLOCK) {
            double joint[2 * BLOCK] = {0}, largest[BLOCK] = {0}, sum[BLOCK];
            for (size_t i = 0; i < BLOCK; i++)
                joint[BLOCK + i] = fmax(x - 0.37 * (double)i, -707);
            const double first = joint[BLOCK], last = joint[2 * BLOCK - 1];
            assay_gmm_kernels_for(widths[w])->normalise(joint, 2, largest, sum);
            near(joint[BLOCK] / joint[0], exp(first), 1e-15 * exp(first));
            near(joint[2 * BLOCK - 1] / joint[BLOCK - 1], exp(last), 1e-15 * exp(last));
        }
}

static void extremes(void **state)
{
    (void)state;
    for (size_t w = 0; w < 3; w++) {
        double joint[3 * BLOCK] = {0}, largest[BLOCK] = {0}, sum[BLOCK];
        joint[BLOCK] = -720;
        joint[BLOCK + 1] = -1e300;
        joint[BLOCK + 2] = -INFINITY;
        joint[BLOCK + 3] = NAN;
        assay_gmm_kernels_for(widths[w])->normalise(joint, 3, largest, sum);
        for (size_t i = 0; i < 3; i++) {
            assert_true(joint[BLOCK + i] == 0);
            assert_true(joint[i] == 0.5);
            assert_true(sum[i] == 2);
        }
        assert_true(isnan(joint[3]) && isnan(sum[3]));
        assert_true(sum[4] == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(project), cmocka_unit_test(solve),
        cmocka_unit_test(lift), cmocka_unit_test(normalise), cmocka_unit_test(exponentials),
        cmocka_unit_test(extremes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
