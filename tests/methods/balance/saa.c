/* Augmentation and selection below Lua: halves as often as they should be, pixels that come from
 * one view or the other, what operations leave alone, and that the average of splits' variances is
 * Otsu's. */
#include "methods/balance/saa.h"

#include "../check.h"

#include <stdlib.h>

#include "core/augment.h"

enum { H = 9, W = 7, SIZE = H * W };

static assay_image image_of(unsigned char *data)
{
    return (assay_image){H, W, 1, data};
}

static void fill(unsigned char *data, size_t n, uint64_t seed)
{
    assay_rng rng = assay_rng_seed(seed);
    for (size_t i = 0; i < n; i++)
        data[i] = (unsigned char)assay_rng_below(&rng, 256);
}

/* The best of all splits between bins, by two passes. */
static double slow_otsu(const double *x, size_t n, size_t bins)
{
    double low = x[0], high = x[0], best = -1, threshold = 0;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    const double width = (high - low) / (double)bins;
    for (size_t b = 0; b + 1 < bins; b++) {
        double w[2] = {0}, m[2] = {0};
        for (size_t i = 0; i < n; i++) {
            size_t bin = (size_t)((x[i] - low) / width);
            bin = bin < bins ? bin : bins - 1;
            w[bin > b] += 1;
            m[bin > b] += low + ((double)bin + 0.5) * width;
        }
        const double between = w[0] * w[1] * pow(m[0] / w[0] - m[1] / w[1], 2);
        if (between > best * (1 + 1e-12)) {
            best = between;
            threshold = low + ((double)b + 0.5) * width;
        }
    }
    return threshold;
}

static void otsu_is_the_best_split(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (int trial = 0; trial < 20; trial++) {
        double x[300], threshold = 0;
        for (size_t i = 0; i < 300; i++)
            x[i] = assay_rng_exponential(&rng, 1) + (i % 4 ? 0 : 3);
        ok(assay_otsu(x, 300, 64, &threshold));
        close_to(threshold, slow_otsu(x, 300, 64), 1e-9);
    }
    const double huge[2] = {-1e308, 1e308}, tight[2] = {1, 1 + 2e-16};
    double threshold = 0;
    ok(assay_otsu(huge, 2, 256, &threshold)); /* a range that is no number: all alike */
    ok(assay_otsu(tight, 2, 256, &threshold));
    close_to(threshold, 1, 1e-15);
}

/* Every pixel is of one of two views at its place; the left half as often as the upper one. */
static void halves_are_fair(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    unsigned char data[SIZE], one[SIZE], two[SIZE], mixed[SIZE];
    fill(data, SIZE, 1);
    const assay_image in = image_of(data);
    assay_image first = image_of(one), second = image_of(two), out = image_of(mixed);
    const struct assay_diverse_options o = {.strong = {.n = 0, .cutout = 1}};
    size_t left = 0, told = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        assay_rng rng = assay_rng_seed(i), a = assay_rng_split(&rng, 0),
                  b = assay_rng_split(&rng, 1);
        ok(assay_rand_augment(&in, &o.strong, &a, &first));
        ok(assay_rand_augment(&in, &o.strong, &b, &second));
        ok(assay_diverse_augment(&in, &o, &rng, &out));
        bool is_left = true, is_top = true;
        for (size_t p = 0; p < SIZE; p++) {
            is_left = is_left && mixed[p] == (p % W < W / 2 ? two : one)[p];
            is_top = is_top && mixed[p] == (p / W < H / 2 ? two : one)[p];
        }
        assert_true(is_left || is_top);
        told += is_left != is_top;
        left += is_left && !is_top;
    }
    assert_true(told > DRAWS / 2);
    close_to((double)left / (double)told, 0.5, 4 * 0.5 / sqrt((double)told) + 0.01);
}

static void operations_have_identities(void **state)
{
    (void)state;
    unsigned char data[SIZE], result[SIZE];
    fill(data, SIZE, 3);
    const assay_image in = image_of(data);
    assay_image out = image_of(result);
    static const struct {
        assay_augment op;
        double magnitude;
    } same[] = {{ASSAY_AUGMENT_IDENTITY, 0}, {ASSAY_AUGMENT_BRIGHTNESS, 1},
        {ASSAY_AUGMENT_CONTRAST, 1}, {ASSAY_AUGMENT_SHARPNESS, 1}, {ASSAY_AUGMENT_COLOUR, 0.2},
        {ASSAY_AUGMENT_POSTERIZE, 8}, {ASSAY_AUGMENT_SOLARIZE, 256}, {ASSAY_AUGMENT_ROTATE, 0},
        {ASSAY_AUGMENT_SHEAR_X, 0}, {ASSAY_AUGMENT_SHEAR_Y, 0}, {ASSAY_AUGMENT_TRANSLATE_X, 0},
        {ASSAY_AUGMENT_TRANSLATE_Y, 0}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ok(assay_augment_op(same[i].op, &in, same[i].magnitude, &out));
        assert_memory_equal(result, data, SIZE);
    }
    ok(assay_augment_op(ASSAY_AUGMENT_ROTATE, &in, 180, &out));
    for (size_t p = 0; p < SIZE; p++)
        assert_int_equal(result[p], data[SIZE - 1 - p]);
    ok(assay_augment_op(ASSAY_AUGMENT_TRANSLATE_X, &in, 1.0 / W, &out));
    for (size_t p = 0; p < SIZE; p++)
        assert_int_equal(result[p], p % W == W - 1 ? 0 : data[p + 1]);
    refuses(assay_augment_op(ASSAY_AUGMENT_ROTATE, &in, NAN, &out), "magnitude must be in");
    const assay_image empty = {0, 0, 1, data};
    refuses(assay_augment_op(ASSAY_AUGMENT_ROTATE, &empty, 0, &out), "must have pixels");
    const assay_image two = {H, W, 2, data};
    refuses(assay_augment_op(ASSAY_AUGMENT_ROTATE, &two, 0, &out), "1 or 3 channels");
}

/* Larger than what stands on the stack, with the same draws. */
static void large_images_are_like_small_ones(void **state)
{
    (void)state;
    enum { SIDE = 96, ALL = SIDE * SIDE * 3 };
    unsigned char *data = malloc(3 * ALL);
    const struct assay_rand_augment_options o = {.n = 4, .cutout = 0.5};
    fill(data, ALL, 4);
    const assay_image in = {SIDE, SIDE, 3, data};
    assay_image a = {SIDE, SIDE, 3, data + ALL}, b = {SIDE, SIDE, 3, data + 2 * ALL};
    for (uint64_t i = 0; i < 50; i++) {
        assay_rng first = assay_rng_seed(i), second = first;
        ok(assay_rand_augment(&in, &o, &first, &a));
        ok(assay_rand_augment(&in, &o, &second, &b));
        assert_memory_equal(a.data, b.data, ALL);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(otsu_is_the_best_split),
        cmocka_unit_test(halves_are_fair),
        cmocka_unit_test(operations_have_identities),
        cmocka_unit_test(large_images_are_like_small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
