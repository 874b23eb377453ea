/* Axes: places and values are inverses, ticks are round and inside, labels say their value. */
#include "rows.h"

#include <math.h>

#include "plot/axis.h"
#include "plot/escape.h"

static void places_and_values_are_inverses(void **state)
{
    (void)state;
    const assay_axis linear = {-2, 6, false, false}, log = {0.1, 1000, true, false};
    assert_near(assay_axis_place(&linear, 0), 0.25, 1e-15);
    assert_near(assay_axis_place(&log, 1), 0.25, 1e-15);
    assert_near(assay_axis_value(&log, 0.5), 10, 1e-12);
    assert_near(assay_axis_value(&linear, 1), 6, 1e-15);
    assert_true(isnan(assay_axis_place(&log, 0)));
}

/* Any axis: labels read back as their values, ticks rise, lie inside, and are few. */
static void check_ticks(assay_axis axis, size_t target)
{
    assay_tick ticks[ASSAY_AXIS_TICKS];
    size_t n = assay_axis_ticks(&axis, target, ticks);
    if (n < 1 || n > 2 * target + 4)
        fail_msg("%zu ticks of %zu on %g..%g", n, target, axis.lo, axis.hi);
    for (size_t i = 0; i < n; i++) {
        double shown = strtod(ticks[i].label, NULL),
               step = n > 1 ? ticks[1].value - ticks[0].value : 1;
        if (fabs(shown - ticks[i].value) > 1e-6 * fabs(step))
            fail_msg(
                "%.17g is labelled %s on %g..%g", ticks[i].value, ticks[i].label, axis.lo, axis.hi);
        double place = assay_axis_place(&axis, ticks[i].value);
        assert_true(place >= -1e-6 && place <= 1 + 1e-6);
        assert_true(i == 0 || ticks[i].value > ticks[i - 1].value);
    }
}

static void ticks_are_round_and_inside(void **state)
{
    (void)state;
    for (int e = -12; e <= 12; e++)
        for (double width = 1.1; width < 12; width *= 1.37)
            for (size_t target = 2; target < 12; target += 3) {
                double scale = pow(10, e);
                check_ticks((assay_axis){0.3 * scale, (0.3 + width) * scale, false, false}, target);
                check_ticks((assay_axis){-width * scale, scale, false, false}, target);
                check_ticks((assay_axis){scale, scale * pow(10, width), true, false}, target);
                check_ticks((assay_axis){1.3 * scale, 1.3 * scale * width, true, false}, target);
            }
    check_ticks((assay_axis){100000, 100001, false, false}, 5);
}

static void known_ticks(void **state)
{
    (void)state;
    assay_tick ticks[ASSAY_AXIS_TICKS];
    assay_axis unit = {0, 1, false, false}, samples = {0.7, 14000, true, false},
               wide = {1e-3, 1e9, true, false};
    assert_int_equal(assay_axis_ticks(&unit, 5, ticks), 6);
    assert_string_equal(ticks[1].label, "0.2");
    assert_int_equal(assay_axis_ticks(&samples, 8, ticks), 5);
    assert_string_equal(ticks[4].label, "10000");
    assert_false(ticks[4].decade);
    assert_int_equal(assay_axis_ticks(&wide, 6, ticks), 5); /* 10^-3, 0, 3, 6, 9 */
    assert_true(ticks[4].decade);
    assert_int_equal(ticks[4].exponent, 9);
    assert_string_equal(ticks[0].label, "1e-3");
}

static void constants_get_a_range(void **state)
{
    (void)state;
    static const double values[] = {0, 5, -3, 1e300, 1e-300};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assay_point point = {values[i], values[i], values[i], values[i], 1};
        assay_series series = {.points = &point, .count = 1};
        assay_series_set set = {.series = &series, .count = 1};
        assay_figure figure = {.xmin = NAN, .xmax = NAN, .ymin = NAN, .ymax = NAN};
        assay_axis x, y;
        assay_axis_ranges(&figure, &set, &x, &y);
        assert_true(x.lo < values[i] && values[i] < x.hi);
        assert_true(isfinite(x.lo) && isfinite(x.hi));
    }
}

static void bounds_of_the_figure_win(void **state)
{
    (void)state;
    assay_point points[] = {{1, 5, 5, 5, 1}, {9, 6, 6, 6, 1}};
    assay_series series = {.points = points, .count = 2};
    assay_series_set set = {.series = &series, .count = 1};
    assay_figure figure = {.xmin = 0, .xmax = NAN, .ymin = 20, .ymax = NAN};
    assay_axis x, y;
    assay_axis_ranges(&figure, &set, &x, &y);
    assert_true(x.lo == 0);
    assert_near(x.hi, 9 + 0.04 * 8, 1e-12);
    assert_true(y.lo == 20 && y.hi > 20);
}

/* Three groups have three ticks, however much room there is; a zoom between two has others. */
static void whole_numbers_have_whole_ticks(void **state)
{
    (void)state;
    assay_point points[] = {{1, 0.1, 0.1, 0.1, 1}, {2, 0.7, 0.7, 0.7, 1}, {3, 0.2, 0.2, 0.2, 1}};
    assay_series series = {.points = points, .count = 3};
    assay_series_set set = {.series = &series, .count = 1};
    assay_figure figure = {.xmin = NAN, .xmax = NAN, .ymin = NAN, .ymax = NAN};
    assay_axis x, y;
    assay_tick ticks[ASSAY_AXIS_TICKS];
    assay_axis_ranges(&figure, &set, &x, &y);
    assert_int_equal(assay_axis_ticks(&x, 8, ticks), 3);
    assert_string_equal(ticks[0].label, "1");
    assert_string_equal(ticks[1].label, "2");
    assert_true(assay_axis_ticks(&y, 8, ticks) > 4);
    figure.xmin = 1.2;
    figure.xmax = 1.8;
    assay_axis_ranges(&figure, &set, &x, &y);
    assert_true(assay_axis_ticks(&x, 8, ticks) > 2);
    points[1].x = 1.5;
    figure.xmin = figure.xmax = NAN;
    assay_axis_ranges(&figure, &set, &x, &y);
    assert_true(assay_axis_ticks(&x, 8, ticks) > 3);
}

static void escaped(const char *text, assay_markup markup, const char *expected)
{
    char *out;
    size_t size;
    FILE *memory = open_memstream(&out, &size);
    assay_escape(text, markup, memory);
    fclose(memory);
    assert_string_equal(out, expected);
    free(out);
}

static void special_characters_show_as_they_are(void **state)
{
    (void)state;
    escaped("a_b 5% {x} & #1 \\ ^~$", ASSAY_MARKUP_LATEX,
        "a\\_b 5\\% \\{x\\} \\& \\#1 \\textbackslash{} \\textasciicircum{}\\textasciitilde{}\\$");
    escaped("it's a_b^{@}&~\\", ASSAY_MARKUP_ENHANCED, "it''s a\\_b\\^\\{\\@\\}\\&\\~\\\\");
    escaped("a|b*c", ASSAY_MARKUP_MARKDOWN, "a\\|b\\*c");
    escaped("tab\there \xff\xc3\xa9\xc0\x80", ASSAY_MARKUP_PLAIN, "tab here ?\xc3\xa9??");
    assert_int_equal(assay_utf8_columns("\xc3\xa9t\xc3\xa9"), 3);
    assert_int_equal(assay_utf8_length("\xe2\x82"), 0); /* cut short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_and_values_are_inverses),
        cmocka_unit_test(ticks_are_round_and_inside),
        cmocka_unit_test(known_ticks),
        cmocka_unit_test(constants_get_a_range),
        cmocka_unit_test(bounds_of_the_figure_win),
        cmocka_unit_test(whole_numbers_have_whole_ticks),
        cmocka_unit_test(special_characters_show_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
