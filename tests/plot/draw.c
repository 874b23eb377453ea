/* Drawings in characters: dots lie where the values are, text where it belongs. */
#include "rows.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static assay_raster *raster;

static int open_raster(void **state)
{
    (void)state;
    return assay_raster_open(&raster);
}

static int close_raster(void **state)
{
    (void)state;
    assay_raster_close(raster);
    return 0;
}

static assay_screen draw(
    const assay_figure *figure, const assay_series_set *set, size_t rows, size_t cols, bool ascii)
{
    assay_screen screen;
    if (assay_figure_draw(raster, figure, set, rows, cols, ascii, &screen))
        fail_msg("%s", assay_errmsg());
    assert_int_equal(screen.rows, rows);
    assert_int_equal(screen.cols, cols);
    return screen;
}

static bool is_braille(const assay_glyph *glyph)
{
    return glyph->code > 0x2800 && glyph->code <= 0x28ff;
}

/* Is the pixel (x, y) of the braille dots lit, in pixels of the whole screen? */
static bool lit(const assay_screen *screen, size_t x, size_t y)
{
    static const unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const assay_glyph *glyph = &screen->cells[y / 4 * screen->cols + x / 2];
    return is_braille(glyph) && (glyph->code & bits[y % 4][x % 2]);
}

static char *text_of(const assay_screen *screen)
{
    char *text;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    assert_int_equal(assay_screen_print(screen, memory, false), ASSAY_OK);
    fclose(memory);
    return text;
}

static void shows(const assay_screen *screen, const char *what)
{
    char *text = text_of(screen);
    if (!strstr(text, what))
        fail_msg("no \"%s\" in\n%s", what, text);
    free(text);
}

static double identity(size_t s, double x)
{
    return x + 0.0 * (double)s;
}

static double cube(size_t s, double x)
{
    return x * x * x + 0.0 * (double)s;
}

static double wave(size_t s, double x)
{
    return sin(x / 1000 + (double)s);
}

static double apart(size_t s, double x)
{
    return 10 * (double)s + 0 * x;
}

/* The dots of a figure that fills its axes from corner to corner. The plot's rectangle is found by
 * its axis characters: its left column has the only vertical bars, its bottom row the corner. */
static void is_diagonal(const char *more, double (*f)(size_t, double), double last)
{
    char json[256];
    snprintf(json, sizeof json,
        "{\"name\": \"d\", \"x\": \"x\", \"y\": \"y\", \"xrange\": [1, 100], \"yrange\": [1, "
        "%g]%s}",
        last, more);
    assay_figure *figure = figure_of(json);
    assay_series_set *set = curves(figure, 1, 100, f);
    assay_screen screen = draw(figure, set, 24, 80, false);
    size_t corner = 0;
    double bias = 0;
    while (screen.cells[corner].code != 0x2514)
        corner++;
    size_t bottom = corner / screen.cols, left = corner % screen.cols + 1, top = 0;
    while (screen.cells[top * screen.cols + left - 1].code != 0x2524)
        top++; /* the first tick of the y axis: the top, as yrange ends on a tick */
    size_t width = 2 * (screen.cols - 1 - left), height = 4 * (bottom - top), dots = 0;
    for (size_t x = 0; x < width; x++)
        for (size_t y = 0; y < height; y++)
            if (lit(&screen, 2 * left + x, 4 * top + y)) {
                double expected = (double)(height - 1) * (1 - (double)x / (double)(width - 1));
                /* gnuplot rounds the ends of each segment, in x and y, and then its dots */
                bias += (double)y - expected;
                if (fabs((double)y - expected) > 2)
                    fail_msg("the dot (%zu, %zu) is not on the diagonal (%g)", x, y, expected);
                dots++;
            }
    assert_near(bias / (double)dots, 0, 0.5);
    assert_true(dots >= width); /* no column of dots is empty */
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void a_straight_line_lights_the_diagonal(void **state)
{
    (void)state;
    is_diagonal("", identity, 100);
    is_diagonal(", \"logx\": true, \"logy\": true", identity, 100);
    is_diagonal(", \"logx\": true, \"logy\": true", cube, 1e6);
}

static double spikes(size_t s, double x)
{
    (void)s;
    return x == 31234 ? 1 : x == 71234 ? -1 : 0;
}

/* One point among a hundred thousand still reaches the top, and one the bottom. */
static void thinning_keeps_extremes(void **state)
{
    (void)state;
    assay_figure *figure =
        figure_of("{\"name\": \"s\", \"x\": \"x\", \"y\": \"y\", \"yrange\": [-1, 1]}");
    assay_series_set *set = curves(figure, 1, 100000, spikes);
    assay_screen screen = draw(figure, set, 23, 80, false);
    size_t rows[32] = {0}, used = 0;
    for (size_t i = 0; i < screen.rows * screen.cols; i++)
        if (is_braille(&screen.cells[i]))
            rows[i / screen.cols]++;
    for (size_t row = 0; row < screen.rows; row++)
        used += rows[row] > 0;
    assert_int_equal(rows[1], 1); /* under the label of the y axis */
    assert_int_equal(used, screen.rows - 4);
    assert_true(rows[10] > 60);
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static const char two_series[] =
    "{\"name\": \"t\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\", \"title\": \"Wide \xe2\x80\x93 "
    "open\","
    "\"xlabel\": \"samples a problem\", \"lines\": [{\"y\": 5, \"label\": \"oracle\"}]}";

static void text_stands_around_the_dots(void **state)
{
    (void)state;
    assay_figure *figure = figure_of(two_series);
    assay_series_set *set = curves(figure, 2, 9, apart);
    set->skipped = 3;
    assay_screen screen = draw(figure, set, 24, 80, false);
    shows(&screen, "Wide \xe2\x80\x93 open");
    shows(&screen, "samples a problem");
    shows(&screen, "(3 rows not shown)");
    shows(&screen, "s = 0");
    shows(&screen, "s = 1");
    shows(&screen, "oracle");
    shows(&screen, "10\xe2\x94\xa4"); /* a tick of the y axis */
    /* series 1 lies above series 0, each in its own colour */
    int first[2] = {-1, -1};
    for (size_t i = 0; i < screen.rows * screen.cols; i++) {
        int s = screen.cells[i].series;
        if (is_braille(&screen.cells[i]) && s >= 0 && first[s] < 0)
            first[s] = (int)(i / screen.cols);
    }
    assert_true(first[1] >= 0 && first[0] > first[1] + 5);
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

/* A point of each facet lies where the common axes put it, in its own picture. */
static void facets_share_their_axes(void **state)
{
    (void)state;
    assay_figure *figure = figure_of(
        "{\"name\": \"f\", \"x\": \"x\", \"y\": \"y\", \"facet\": \"t\", \"style\": \"points\", "
        "\"xrange\": [0, 4], \"yrange\": [0, 4]}");
    assay_table *rows = rows_of("t x y\na 1 1\nb 2 2\nc 3 3\nd 4 4\ne 0 0\n");
    assay_series_set *set = series_of(figure, rows);
    assay_screen screen = draw(figure, set, 24, 80, false);
    assert_int_equal(screen.plot_count, 5);
    static const double places[] = {0.25, 0.5, 0.75, 1, 0};
    for (size_t f = 0; f < 5; f++) {
        const struct assay_plot_place *plot = &screen.plots[f];
        assert_true(plot->top + plot->height <= screen.rows);
        assert_true(plot->left + plot->width <= screen.cols);
        assert_int_equal(plot->width, screen.plots[0].width);
        assert_int_equal(plot->height, screen.plots[0].height);
        size_t dots = 0, x = 0, y = 0;
        for (size_t i = 0; i < 4 * plot->height; i++)
            for (size_t j = 0; j < 2 * plot->width; j++)
                if (lit(&screen, 2 * plot->left + j, 4 * plot->top + i)) {
                    dots++;
                    x = j;
                    y = i;
                }
        assert_int_equal(dots, 1);
        assert_near((double)x, places[f] * (double)(2 * plot->width - 1), 0.5);
        assert_near((double)y, (1 - places[f]) * (double)(4 * plot->height - 1), 0.5);
    }
    assay_screen_free(&screen);
    screen = draw(figure, set, 8, 30, true); /* not all of them have room */
    assert_true(screen.plot_count > 0 && screen.plot_count < 5);
    shows(&screen, "more");
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(figure);
}

static void ascii_is_ascii(void **state)
{
    (void)state;
    assay_figure *figure = figure_of(two_series);
    assay_series_set *set = curves(figure, 2, 9, apart);
    assay_screen screen = draw(figure, set, 20, 60, true);
    for (size_t i = 0; i < screen.rows * screen.cols; i++)
        assert_in_range(screen.cells[i].code, ' ', 126);
    shows(&screen, "xxxxxxxx");
    shows(&screen, "oooooooo");
    shows(&screen, "o s = 0");
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void bands_and_laws_are_drawn(void **state)
{
    (void)state;
    assay_figure *figure =
        figure_of("{\"name\": \"b\", \"x\": \"x\", \"y\": \"y\", \"band\": \"minmax\","
                  "\"fit\": \"power\", \"xrange\": [1, 100], \"yrange\": [0, 20], \"logx\": true}");
    assay_table *rows = rows_of("replicate x y\n0 1 1\n1 1 3\n0 4 2\n1 4 6\n0 10 4\n1 10 6\n");
    assay_series_set *set = series_of(figure, rows);
    assay_screen screen = draw(figure, set, 24, 80, true);
    size_t counts[128] = {0}, right = 0;
    for (size_t i = 0; i < screen.rows * screen.cols; i++)
        if (screen.cells[i].series == 0) {
            counts[screen.cells[i].code]++;
            right += screen.cells[i].code == '-' && i % screen.cols > 50;
        }
    assert_true(counts['o'] > 20);
    assert_true(counts['.'] > 8);
    assert_true(
        right > 8); /* the law goes on to the end of the axis, the mean ends in its middle */
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(figure);
}

static void odd_figures_draw(void **state)
{
    (void)state;
    static const struct {
        size_t series, points, rows, cols;
        double (*f)(size_t, double);
        const char *more;
    } cases[] = {
        {30, 5, 24, 80, wave, ""},
        {200, 3, 12, 40, apart, ""},
        {1, 1, 24, 80, identity, ""},
        {1, 1, 6, 24, identity, ", \"logx\": true, \"logy\": true"},
        {1, 9, 7, 25, apart, ""},
        {1, 100000, 24, 80, wave, ""},
        {1, 100000, 50, 200, wave, ", \"style\": \"points\""},
        {3, 9, 24, 80, wave, ", \"title\": \"\xe6\xbc\xa2\xe5\xad\x97 \\u0007\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[256];
        snprintf(json, sizeof json,
            "{\"name\": \"odd\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\"%s}", cases[i].more);
        assay_figure *figure = figure_of(json);
        assay_series_set *set = curves(figure, cases[i].series, cases[i].points, cases[i].f);
        for (int ascii = 0; ascii < 2; ascii++) {
            assay_screen screen = draw(figure, set, cases[i].rows, cases[i].cols, ascii);
            size_t coloured = 0;
            for (size_t c = 0; c < screen.rows * screen.cols; c++)
                coloured += screen.cells[c].series >= 0;
            assert_true(coloured > 0);
            assay_screen_free(&screen);
        }
        assay_series_set_free(set);
        assay_figure_free(figure);
    }
}

/* Nothing of the data lies inside of the axes: an empty plot, not an error. */
static void data_outside_of_the_axes_draw_nothing(void **state)
{
    (void)state;
    assay_figure *figure =
        figure_of("{\"name\": \"o\", \"x\": \"x\", \"y\": \"y\", \"yrange\": [1000, 2000]}");
    assay_series_set *set = curves(figure, 1, 9, identity);
    assay_screen screen = draw(figure, set, 12, 40, false);
    for (size_t i = 0; i < screen.rows * screen.cols; i++)
        assert_false(is_braille(&screen.cells[i]));
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void no_data_is_said(void **state)
{
    (void)state;
    assay_figure *figure =
        figure_of("{\"name\": \"e\", \"x\": \"x\", \"y\": \"y\", \"logx\": true}");
    assay_series_set *set = curves(figure, 0, 0, identity);
    assay_screen screen = draw(figure, set, 12, 40, false);
    shows(&screen, "no data yet");
    assay_screen_free(&screen);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void small_screens_are_refused(void **state)
{
    (void)state;
    assay_figure *figure = figure_of("{\"name\": \"e\", \"x\": \"x\", \"y\": \"y\"}");
    assay_series_set *set = curves(figure, 1, 3, identity);
    assay_screen screen;
    assert_int_equal(assay_figure_draw(raster, figure, set, 5, 80, false, &screen), ASSAY_EINVAL);
    assert_non_null(strstr(assay_errmsg(), "at least 6 rows and 24 columns"));
    assert_int_equal(assay_figure_draw(raster, figure, set, 24, 23, false, &screen), ASSAY_EINVAL);
    assert_null(screen.cells);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void colours_are_those_of_the_palette(void **state)
{
    (void)state;
    assay_glyph cells[] = {{'a', 0, false}, {'b', 0, false}, {'c', -1, true}, {' ', -1, false}};
    assay_screen screen = {.rows = 1, .cols = 4, .cells = cells};
    char *text;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    assert_int_equal(assay_screen_print(&screen, memory, true), ASSAY_OK);
    fclose(memory);
    assert_string_equal(text, "\033[0;38;5;32mab\033[0;1mc\033[0m\n");
    free(text);
    assert_int_equal(assay_plot_color256(12), assay_plot_color256(0));
}

/* A stand-in for gnuplot that dies at once, or says something else, is an error that quotes it. */
static void a_broken_gnuplot_is_an_error(void **state)
{
    (void)state;
    assay_figure *figure = figure_of("{\"name\": \"e\", \"x\": \"x\", \"y\": \"y\"}");
    assay_series_set *set = curves(figure, 1, 3, identity);
    assay_raster *broken;
    assay_screen screen;
    setenv("ASSAY_GNUPLOT", "/nonexistent", 1);
    assert_int_equal(assay_raster_open(&broken), ASSAY_ENOTFOUND);
    assert_null(broken);
    assert_non_null(strstr(assay_errmsg(), "apt-get install gnuplot-nox"));
    char script[] = "/tmp/assay-draw-XXXXXX";
    int fd = mkstemp(script);
    FILE *file = fdopen(fd, "w");
    fputs("#!/bin/sh\nread line\necho 'no terminal pbm' >&2\n", file);
    fclose(file);
    chmod(script, 0700);
    setenv("ASSAY_GNUPLOT", script, 1);
    assert_int_equal(assay_raster_open(&broken), ASSAY_OK);
    assert_int_equal(assay_figure_draw(broken, figure, set, 24, 80, false, &screen), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "no terminal pbm"));
    unsetenv("ASSAY_GNUPLOT");
    /* and once it is there, the same raster works */
    assert_int_equal(assay_figure_draw(broken, figure, set, 24, 80, false, &screen), ASSAY_OK);
    assay_screen_free(&screen);
    assay_raster_close(broken);
    unlink(script);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_straight_line_lights_the_diagonal),
        cmocka_unit_test(thinning_keeps_extremes),
        cmocka_unit_test(text_stands_around_the_dots),
        cmocka_unit_test(facets_share_their_axes),
        cmocka_unit_test(ascii_is_ascii),
        cmocka_unit_test(bands_and_laws_are_drawn),
        cmocka_unit_test(odd_figures_draw),
        cmocka_unit_test(data_outside_of_the_axes_draw_nothing),
        cmocka_unit_test(no_data_is_said),
        cmocka_unit_test(small_screens_are_refused),
        cmocka_unit_test(colours_are_those_of_the_palette),
        cmocka_unit_test(a_broken_gnuplot_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_raster, close_raster);
}
