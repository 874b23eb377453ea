/* Declarations and series: what is accepted, what an error says, and means and bands by hand. */
#include "rows.h"

static void refuse(const char *json, const char *rows_text, int status, const char *message);

static void reads_every_field(void **state)
{
    (void)state;
    assay_figure *f =
        figure_of("{\"name\": \"c\", \"title\": \"T\", \"x\": \"k\", \"y\": \"v\","
                  "\"by\": [\"a\", \"b\"], \"unit\": \"seed\", \"xlabel\": \"X\","
                  "\"ylabel\": \"Y\", \"logx\": true, \"logy\": false, \"band\": \"sd\","
                  "\"fit\": \"power\", \"fit_space\": \"log\", \"style\": \"points\","
                  "\"key\": \"left\", \"xrange\": [1, null], \"yrange\": [0, 1],"
                  "\"where\": {\"t\": 0.6, \"m\": \"llama\", \"ok\": true},"
                  "\"lines\": [{\"y\": 0.5, \"label\": \"half\"}, 1]}");
    assert_string_equal(f->name, "c");
    assert_string_equal(f->title, "T");
    assert_string_equal(f->x, "k");
    assert_string_equal(f->y, "v");
    assert_int_equal(f->by_count, 2);
    assert_string_equal(f->by[1], "b");
    assert_string_equal(f->unit, "seed");
    assert_string_equal(f->xlabel, "X");
    assert_string_equal(f->ylabel, "Y");
    assert_true(f->logx && !f->logy);
    assert_int_equal(f->band, ASSAY_BAND_SD);
    assert_string_equal(f->fit, "power");
    assert_string_equal(f->fit_space, "log");
    assert_string_equal(f->style, "points");
    assert_string_equal(f->key, "left");
    assert_true(f->xmin == 1 && isnan(f->xmax) && f->ymin == 0 && f->ymax == 1);
    assert_int_equal(f->where_count, 3);
    assert_string_equal(f->where[0].column, "t");
    assert_string_equal(f->where[0].value, "0.6");
    assert_string_equal(f->where[1].value, "llama");
    assert_string_equal(f->where[2].value, "true");
    assert_int_equal(f->line_count, 2);
    assert_string_equal(f->lines[0].label, "half");
    assert_true(f->lines[1].y == 1);
    assay_figure_free(f);
}

static void has_defaults(void **state)
{
    (void)state;
    assay_figure *f = figure_of(
        "{\"name\": \"c\", \"x\": \"k\", \"y\": \"v\", \"by\": \"a\", \"where\": [], \"lines\": {},"
        "\"title\": null}");
    assert_string_equal(f->unit, "replicate");
    assert_int_equal(f->by_count, 1);
    assert_int_equal(f->band, ASSAY_BAND_NONE);
    assert_true(isnan(f->xmin) && isnan(f->xmax) && isnan(f->ymin) && isnan(f->ymax));
    assert_null(f->title);
    assert_null(f->style);
    assay_figure_free(f);
}

#define WITH(fields) "{\"name\": \"c\", \"x\": \"k\", \"y\": \"v\", " fields "}"

static void errors_name_figure_and_field(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{\"x\": \"k\"}", "a figure has no name"},
        {"{\"name\": \"a/b\", \"x\": \"k\", \"y\": \"v\"}",
            "figure \"a/b\": name must have no \"/\""},
        {"{\"name\": \"\"}", "a figure's name must be a text of 1 to 100 characters"},
        {"[1]", "a figure must be a table with names, got a list"},
        {"{\"name\": \"c\", \"y\": \"v\"}", "figure \"c\": x is missing"},
        {"{\"name\": \"c\", \"x\": \"v\"}", "figure \"c\": y is missing"},
        {WITH("\"bnd\": \"sd\""),
            "figure \"c\": there is no field \"bnd\" (did you mean \"band\"?)"},
        {WITH("\"band\": \"ci99\""),
            "figure \"c\": band must be \"ci95\", \"sd\", \"minmax\" or \"none\", got \"ci99\""},
        {WITH("\"logx\": 1"), "figure \"c\": logx must be true or false, got a number"},
        {WITH("\"by\": [1]"), "figure \"c\": by must be the name of a column"},
        {WITH("\"title\": {}"), "figure \"c\": title must be a text, got a table with names"},
        {WITH("\"fit\": \"cubic\""), "figure \"c\": fit: "},
        {WITH("\"fit_space\": \"log\""), "figure \"c\": fit_space needs fit"},
        {WITH("\"xrange\": [1]"), "figure \"c\": xrange must be a list of two numbers, got a list"},
        {WITH("\"yrange\": [2, 1]"), "figure \"c\": yrange must rise, got 2 to 1"},
        {WITH("\"xrange\": [0, 1], \"logx\": true"),
            "figure \"c\": xrange must be above 0 with logx"},
        {WITH("\"lines\": [-1], \"logy\": true"), "figure \"c\": lines must be above 0 with logy"},
        {WITH("\"lines\": [{\"y\": 1, \"text\": \"a\"}]"), "there is no field \"text\""},
        {WITH("\"lines\": [{\"label\": \"a\"}]"),
            "figure \"c\": lines must be a list of numbers or of"},
        {WITH("\"where\": {\"a\": []}"), "figure \"c\": where must be numbers, texts and booleans"},
        {WITH("\"style\": \"bars\""), "\"lines\", \"points\" or \"linespoints\", got \"bars\""},
        {WITH("\"key\": \"up\""), "\"left\", \"right\", \"below\" or \"off\", got \"up\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_figure *figure;
        assert_int_equal(assay_figure_parse(cases[i].json, &figure), ASSAY_EINVAL);
        assert_null(figure);
        if (!strstr(assay_errmsg(), cases[i].message))
            fail_msg(
                "%s: \"%s\" does not say \"%s\"", cases[i].json, assay_errmsg(), cases[i].message);
    }
    assay_figure *figure;
    assert_int_equal(assay_figure_parse("{\"name\"", &figure), ASSAY_EFORMAT);
}

/* Rows of one replicate are averaged first: units (0 + 2) / 2 = 1, 2 and 3 have mean 2 and standard
 * deviation 1; the quantile of t with 2 degrees of freedom is (2 p - 1) / sqrt(2 p (1 - p)). */
static const char three_units[] = "replicate k v\n"
                                  "0 1 0\n0 1 2\n1 1 2\n2 1 3\n"
                                  "0 2 5\n";

static void check_band(const char *band, double low, double high)
{
    char json[128];
    snprintf(json, sizeof json, WITH("\"band\": \"%s\""), band);
    assay_figure *f = figure_of(json);
    assay_table *rows = rows_of(three_units);
    assay_series_set *set = series_of(f, rows);
    assert_int_equal(set->count, 1);
    assert_string_equal(set->series[0].label, "");
    assert_int_equal(set->series[0].count, 2);
    const assay_point *p = set->series[0].points;
    assert_near(p[0].y, 2, 1e-12);
    assert_near(p[0].low, low, 1e-12);
    assert_near(p[0].high, high, 1e-12);
    assert_int_equal(p[0].units, 3);
    assert_true(p[1].x == 2 && p[1].y == 5 && p[1].low == 5 && p[1].high == 5 && p[1].units == 1);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

static void bands_are_those_of_units(void **state)
{
    (void)state;
    const double half = 0.95 / sqrt(2 * 0.975 * 0.025) / sqrt(3);
    check_band("ci95", 2 - half, 2 + half);
    check_band("sd", 1, 3);
    check_band("minmax", 1, 3);
    check_band("none", 2, 2);
}

static void rows_are_units_where_no_column_says_otherwise(void **state)
{
    (void)state;
    assay_figure *f = figure_of(WITH("\"band\": \"sd\""));
    assay_table *rows = rows_of("k v\n1 1\n1 3\n1 5\n");
    assay_series_set *set = series_of(f, rows);
    assert_int_equal(set->series[0].points[0].units, 3);
    assert_near(set->series[0].points[0].low, 1, 1e-12); /* sd = 2 */
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

static void groups_are_named_and_ordered(void **state)
{
    (void)state;
    assay_figure *f = figure_of(WITH("\"by\": [\"model\", \"t\"]"));
    assay_table *rows = rows_of("model t k v\nsmall 10 1 1\nsmall 9 2 1\nsmall 9 1 2\nlarge 9 1 3\n"
                                "large - 1 4\n");
    assay_series_set *set = series_of(f, rows);
    static const char *const labels[] = {
        "small, t = 9", "small, t = 10", "large, no t", "large, t = 9"};
    assert_int_equal(set->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(set->series[i].label, labels[i]);
    assert_int_equal(set->series[0].count, 2);
    assert_true(set->series[0].points[0].x == 1 && set->series[0].points[1].x == 2);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

/* Each facet is what the figure is with that value alone, with all groups in one order. */
static void facets_are_figures_of_one_value(void **state)
{
    (void)state;
    static const char rows_text[] =
        "replicate t m k v\n1 2 b 1 1\n2 2 b 1 3\n1 2 b 2 4\n1 0.5 a 1 7\n1 0.5 b 1 9\n"
        "1 0.5 b 2 -\n1 2 b 4 8\n";
    static const char *const labels[] = {"t = 0.5", "t = 2"}, *const values[] = {"0.5", "2"};
    assay_figure *f = figure_of(WITH("\"by\": \"m\", \"facet\": \"t\", \"band\": \"ci95\""));
    assay_table *rows = rows_of(rows_text);
    assay_series_set *set = series_of(f, rows);
    assert_int_equal(set->facet_count, 2);
    assert_int_equal(set->count, 2);
    assert_string_equal(set->series[0].label, "b");
    assert_int_equal(set->series[0].count + set->series[1].count, 0);
    for (size_t i = 0; i < 2; i++) {
        char json[256];
        snprintf(json, sizeof json,
            WITH("\"by\": \"m\", \"band\": \"ci95\", \"where\": {\"t\": %s}"), values[i]);
        assay_figure *alone = figure_of(json);
        assay_series_set *expected = series_of(alone, rows), *facet = set->facets[i].set;
        assert_string_equal(set->facets[i].label, labels[i]);
        assert_int_equal(facet->count, 2);
        for (size_t s = 0; s < facet->count; s++) {
            size_t e = 0;
            while (e < expected->count &&
                   strcmp(expected->series[e].label, facet->series[s].label) != 0)
                e++;
            assert_string_equal(facet->series[s].label, set->series[s].label);
            assert_int_equal(
                facet->series[s].count, e < expected->count ? expected->series[e].count : 0);
            if (facet->series[s].count)
                assert_memory_equal(facet->series[s].points, expected->series[e].points,
                    facet->series[s].count * sizeof(assay_point));
        }
        assay_series_set_free(expected);
        assay_figure_free(alone);
    }
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

static void too_many_facets_are_refused(void **state)
{
    (void)state;
    char text[1024] = "t k v\n";
    for (int i = 0; i <= ASSAY_FIGURE_FACETS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d 1 1\n", i);
    refuse(WITH("\"facet\": \"t\""), text, ASSAY_EINVAL, "\"t\" has 37 values");
    refuse(WITH("\"facet\": \"u\""), text, ASSAY_ENOTFOUND, "facet: ");
}

static void what_axes_cannot_show_is_counted(void **state)
{
    (void)state;
    assay_figure *f = figure_of(WITH("\"logx\": true"));
    assay_table *rows = rows_of("k v\n0 1\n1 nan\n1 inf\n- 1\n1 -\n1 word\n-1 2\n10 7\n");
    assay_series_set *set = series_of(f, rows);
    assert_int_equal(set->skipped, 5); /* what was not logged is not counted */
    assert_int_equal(set->count, 1);
    assert_int_equal(set->series[0].count, 1);
    assert_true(set->series[0].points[0].y == 7);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

static void where_selects(void **state)
{
    (void)state;
    assay_figure *f = figure_of(WITH("\"where\": {\"t\": 0.1, \"m\": \"a\"}"));
    assay_table *rows = rows_of("t m k v\n0.1 a 1 1\n0.1 b 2 2\n0.2 a 3 3\n0.1 a 4 4\n");
    assay_series_set *set = series_of(f, rows);
    assert_int_equal(set->series[0].count, 2);
    assert_true(set->series[0].points[1].x == 4);
    assert_int_equal(set->skipped, 0);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

static void refuse(const char *json, const char *rows_text, int status, const char *message)
{
    assay_figure *f = figure_of(json);
    assay_table *rows = rows_of(rows_text);
    assay_series_set *set;
    assert_int_equal(assay_figure_series(f, rows, &set), status);
    assert_null(set);
    if (!strstr(assay_errmsg(), message))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), message);
    assay_table_free(rows);
    assay_figure_free(f);
}

/* A run of some parts of an experiment lacks the rows, and with them the columns, of the others. */
static void a_part_that_did_not_run_is_empty(void **state)
{
    (void)state;
    assay_figure *f = figure_of(
        "{\"name\": \"c\", \"x\": \"depth\", \"y\": \"loss\", \"where\": {\"part\": \"deep\"}}");
    assay_table *rows = rows_of("part k v\nwide 1 1\n");
    assay_series_set *set;
    assert_int_equal(assay_figure_series(f, rows, &set), ASSAY_OK);
    assert_int_equal(set->count, 0);
    assert_int_equal(assay_figure_export(f, set, "txt", "/nowhere/c"), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(),
        "figure \"c\" has no data yet: no row where part = deep has a finite depth and loss");
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

static void missing_columns_are_errors(void **state)
{
    (void)state;
    refuse(WITH("\"by\": \"modle\""), "model k v\na 1 1\n", ASSAY_ENOTFOUND,
        "figure \"c\": by: there is no column \"modle\" (did you mean \"model\"?)");
    refuse(WITH("\"where\": {\"seven\": 1}"), "k v\n1 1\n", ASSAY_ENOTFOUND,
        "figure \"c\": where: there is no column \"seven\" (there are: k, v)");
    refuse(WITH("\"unit\": \"seed\""), "k v\n1 1\n", ASSAY_ENOTFOUND, "figure \"c\": unit: ");
    refuse("{\"name\": \"c\", \"x\": \"k\", \"y\": \"w\"}", "k v\n1 1\n", ASSAY_ENOTFOUND,
        "figure \"c\": y: ");
    refuse("{\"name\": \"c\", \"x\": \"k\", \"y\": \"v\"}", "k v\na 1\nb 1\n", ASSAY_EINVAL,
        "the column \"k\" holds texts");
}

static void no_rows_give_no_series(void **state)
{
    (void)state;
    assay_figure *f = figure_of(WITH("\"by\": \"model\""));
    assay_table *none = rows_of(""), *empty = rows_of("model k v\na 1 nan\n");
    assay_series_set *set = series_of(f, none);
    assert_int_equal(set->count, 0);
    assay_series_set_free(set);
    set = series_of(f, empty);
    assert_int_equal(set->count, 0);
    assert_int_equal(set->skipped, 1);
    assay_series_set_free(set);
    assay_table_free(none);
    assay_table_free(empty);
    assay_figure_free(f);
}

static void fits_a_law_or_says_why_not(void **state)
{
    (void)state;
    assay_figure *f =
        figure_of(WITH("\"fit\": \"power\", \"fit_space\": \"loglog\", \"by\": \"s\""));
    assay_table *rows = rows_of("s k v\n1 1 3\n1 4 6\n1 16 12\n2 1 1\n");
    assay_series_set *set = series_of(f, rows);
    assert_true(set->series[0].fitted);
    assert_near(set->series[0].fit.value[0], 3, 1e-9); /* 3 sqrt(x) */
    assert_near(set->series[0].fit.value[1], 0.5, 1e-9);
    assert_null(set->series[0].fit_error);
    assert_false(set->series[1].fitted);
    assert_non_null(set->series[1].fit_error);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(f);
}

/* 1, 2, 6, 3, 8 over three: the ends stay, the others are means of three. Over five the middle is
 * the mean of all and its neighbours are still means of three, for as many count on either side. */
static void smooths_over_neighbours(void **state)
{
    static const double y[] = {1, 2, 6, 3, 8}, three[] = {1, 3, 11. / 3, 17. / 3, 8},
                        five[] = {1, 3, 4, 17. / 3, 8};
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        assay_point points[5];
        assay_series series = {.points = points, .count = 5};
        assay_series_set set = {.series = &series, .count = 1};
        for (int i = 0; i < 5; i++)
            points[i] = (assay_point){i, y[i], y[i] - 1, y[i] + 2, 3};
        assay_series_smooth(&set, 1);
        for (int i = 0; i < 5; i++)
            assert_true(points[i].y == y[i]);
        assay_series_smooth(&set, wide ? 5 : 3);
        for (int i = 0; i < 5; i++) {
            double wanted = wide ? five[i] : three[i];
            assert_true(fabs(points[i].y - wanted) < 1e-12);
            assert_true(fabs(points[i].low - (wanted - 1)) < 1e-12);
            assert_true(fabs(points[i].high - (wanted + 2)) < 1e-12);
            assert_true(points[i].x == i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(errors_name_figure_and_field),
        cmocka_unit_test(bands_are_those_of_units),
        cmocka_unit_test(rows_are_units_where_no_column_says_otherwise),
        cmocka_unit_test(groups_are_named_and_ordered),
        cmocka_unit_test(facets_are_figures_of_one_value),
        cmocka_unit_test(too_many_facets_are_refused),
        cmocka_unit_test(what_axes_cannot_show_is_counted),
        cmocka_unit_test(where_selects),
        cmocka_unit_test(a_part_that_did_not_run_is_empty),
        cmocka_unit_test(smooths_over_neighbours),
        cmocka_unit_test(missing_columns_are_errors),
        cmocka_unit_test(no_rows_give_no_series),
        cmocka_unit_test(fits_a_law_or_says_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
