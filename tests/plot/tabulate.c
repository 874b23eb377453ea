/* Tables: each format against what its reader expects, and means by hand. */
#include "rows.h"

#include <jansson.h>

#include "plot/tabulate.h"

static char *table_of(const assay_table *rows, const assay_tabulate_options *options)
{
    char *text;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (assay_tabulate(rows, options, memory))
        fail_msg("%s", assay_errmsg());
    fclose(memory);
    return text;
}

static void prints(
    const char *rows_text, const assay_tabulate_options *options, const char *expected)
{
    assay_table *rows = rows_of(rows_text);
    char *text = table_of(rows, options);
    assert_string_equal(text, expected);
    free(text);
    assay_table_free(rows);
}

static const char small[] = "na_me k v\na&b,c 1 0.3333333333333333\n\"q\"|x 20 -1.5e-07\n- 3 nan\n";

static void rows_in_every_format(void **state)
{
    (void)state;
    prints(small, &(assay_tabulate_options){.format = "text"},
        "na_me   k         v\n"
        "a&b,c   1    0.3333\n"
        "\"q\"|x  20  -1.5e-07\n"
        "-       3       nan\n");
    prints(small, &(assay_tabulate_options){.format = "latex"},
        "% needs \\usepackage{booktabs}\n\\begin{tabular}{lrr}\n\\toprule\n"
        "na\\_me & k & v \\\\\n\\midrule\n"
        "a\\&b,c & $1$ & $0.3333$ \\\\\n"
        "\\textquotedbl{}q\\textquotedbl{}\\textbar{}x & $20$ & $-1.5 \\times 10^{-7}$ \\\\\n"
        "-- & $3$ & $\\mathrm{NaN}$ \\\\\n"
        "\\bottomrule\n\\end{tabular}\n");
    prints(small, &(assay_tabulate_options){.format = "markdown"},
        "| na\\_me | k | v |\n|:---|---:|---:|\n"
        "| a&amp;b,c | 1 | 0.3333 |\n| \"q\"\\|x | 20 | -1.5e-07 |\n| - | 3 | nan |\n");
    prints(small, &(assay_tabulate_options){.format = "csv"},
        "na_me,k,v\n\"a&b,c\",1,0.3333333333333333\n\"\"\"q\"\"|x\",20,-1.5e-07\n,3,nan\n");
    prints(small, &(assay_tabulate_options){.format = "json"},
        "[\n {\"na_me\": \"a&b,c\", \"k\": 1, \"v\": 0.3333333333333333},"
        "\n {\"na_me\": \"\\\"q\\\"|x\", \"k\": 20, \"v\": -1.5e-07},"
        "\n {\"na_me\": null, \"k\": 3, \"v\": null}\n]\n");
}

static void columns_and_digits_are_chosen(void **state)
{
    (void)state;
    static const char *const columns[] = {"v", "k"};
    prints(small,
        &(assay_tabulate_options){
            .format = "csv", .columns = columns, .column_count = 2, .digits = 2},
        "v,k\n0.33,1\n-1.5e-07,20\nnan,3\n");
    prints("k v\n", &(assay_tabulate_options){.format = "json"}, "[]\n");
    prints("k v\n", &(assay_tabulate_options){.format = "text"}, "k  v\n");
}

/* Units 1, 2, 3 (the first from two rows): mean 2, half width t / sqrt(3) with the quantile of t of
 * 2 degrees of freedom, 0.95 / sqrt(2 * 0.975 * 0.025). */
static const char replicated[] = "cell replicate model v w\n"
                                 "0 0 b 0 1\n0 0 b 2 nan\n1 1 b 2 -\n2 2 b 3 5\n"
                                 "3 0 a 7 -\n";

static void means_are_over_units(void **state)
{
    (void)state;
    static const char *const by[] = {"model"};
    assay_tabulate_options options = {.format = "text", .by = by, .by_count = 1};
    prints(replicated, &options,
        "model          v       w\n"
        "b      2.0 ± 2.5  3 ± 25\n"
        "a              7       -\n");
    options.format = "latex";
    prints(replicated, &options,
        "% needs \\usepackage{booktabs}\n\\begin{tabular}{lrr}\n\\toprule\nmodel & v & w \\\\\n"
        "\\midrule\nb & $2.0 \\pm 2.5$ & $3 \\pm 25$ \\\\\na & $7$ & -- \\\\\n"
        "\\bottomrule\n\\end{tabular}\n");
}

static void rows_of_other_measures_make_no_group(void **state)
{
    (void)state;
    static const char *const by[] = {"model"}, *const columns[] = {"v"};
    assay_tabulate_options options = {
        .format = "text", .by = by, .by_count = 1, .columns = columns, .column_count = 1};
    prints("model v w replicate\na 1 - 1\nb - 5 1\n- 3 - 1\nc nan - 1\n", &options,
        "model  v\n"
        "a      1\n"
        "c      -\n");
}

static void means_are_exact_where_programs_read(void **state)
{
    (void)state;
    static const char *const by[] = {"model"}, *const columns[] = {"v"};
    assay_tabulate_options options = {
        .format = "json", .by = by, .by_count = 1, .columns = columns, .column_count = 1};
    assay_table *rows = rows_of(replicated);
    char *text = table_of(rows, &options), model[8];
    double mean, half;
    json_t *root = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(root), 2);
    json_t *v = json_object_get(json_array_get(root, 0), "v");
    assert_near(json_number_value(json_object_get(v, "mean")), 2, 1e-12);
    assert_near(json_number_value(json_object_get(v, "ci95")),
        0.95 / sqrt(2 * 0.975 * 0.025) / sqrt(3), 1e-9);
    assert_int_equal(json_integer_value(json_object_get(v, "units")), 3);
    v = json_object_get(json_array_get(root, 1), "v");
    assert_true(json_is_null(json_object_get(v, "ci95")));
    json_decref(root);
    free(text);
    options.format = "csv";
    text = table_of(rows, &options);
    assert_int_equal(
        sscanf(text, "model,v,v_ci95,v_units\n%7[a-z],%lf,%lf,3\na,7,,1\n", model, &mean, &half),
        3);
    assert_near(half, 0.95 / sqrt(2 * 0.975 * 0.025) / sqrt(3), 1e-9);
    assert_non_null(strstr(text, "\na,7,,1\n"));
    free(text);
    assay_table_free(rows);
}

static void half_widths_set_the_decimals(void **state)
{
    (void)state;
    static const char *const by[] = {"g"};
    assay_tabulate_options options = {.format = "csv", .by = by, .by_count = 1};
    options.format = "text";
    /* two units at +-d: half width d t, t = tan(0.475 pi) = 12.7062 of one degree of freedom */
    prints("replicate g v\n0 1 1000\n1 1 1002\n", &options, "g          v\n1  1001 ± 13\n");
    prints("replicate g v\n0 1 100000\n1 1 100200\n", &options,
        "g              v\n1  100100 ± 1271\n");
    prints("replicate g v\n0 1 1\n1 1 1\n", &options, "g      v\n1  1 ± 0\n");
    prints("replicate g v\n0 1 1e-12\n1 1 3e-12\n", &options,
        "g                v\n1  2e-12 ± 1.3e-11\n");
    options.digits = 1;
    prints("replicate g v\n0 1 1.01\n1 1 1.03\n", &options, "g          v\n1  1.0 ± 0.1\n");
}

static void refuse(const assay_tabulate_options *options, int status, const char *message)
{
    assay_table *rows = rows_of(replicated);
    char *text;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    assert_int_equal(assay_tabulate(rows, options, memory), status);
    fclose(memory);
    if (!strstr(assay_errmsg(), message))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), message);
    assert_int_equal(size, 0);
    free(text);
    assay_table_free(rows);
}

static void errors_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const none[] = {"modle"}, *const v[] = {"v"}, *const model[] = {"model"};
    refuse(&(assay_tabulate_options){.format = "html"}, ASSAY_EINVAL,
        "no format \"html\" (there are:");
    refuse(&(assay_tabulate_options){.columns = none, .column_count = 1}, ASSAY_ENOTFOUND,
        "no column \"modle\" (did you mean \"model\"?)");
    refuse(&(assay_tabulate_options){.by = none, .by_count = 1}, ASSAY_ENOTFOUND, "\"modle\"");
    refuse(&(assay_tabulate_options){.by = v, .by_count = 1, .columns = model, .column_count = 1},
        ASSAY_EINVAL, "\"model\" holds texts, which have no mean");
    refuse(&(assay_tabulate_options){.by = model, .by_count = 1, .unit = "seed"}, ASSAY_ENOTFOUND,
        "\"seed\"");
    refuse(&(assay_tabulate_options){.digits = 18}, ASSAY_EINVAL, "1..17, got 18");
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        return;
    assay_table *rows = rows_of(replicated);
    assert_int_equal(
        assay_tabulate(rows, &(assay_tabulate_options){.format = "csv"}, full), ASSAY_EIO);
    fclose(full);
    assay_table_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_every_format),
        cmocka_unit_test(columns_and_digits_are_chosen),
        cmocka_unit_test(means_are_over_units),
        cmocka_unit_test(rows_of_other_measures_make_no_group),
        cmocka_unit_test(means_are_exact_where_programs_read),
        cmocka_unit_test(half_widths_set_the_decimals),
        cmocka_unit_test(errors_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
