/* What the tests of figures share: cmocka's headers, tables from text, and figures from both. */
#ifndef ASSAY_TESTS_PLOT_ROWS_H
#define ASSAY_TESTS_PLOT_ROWS_H

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
#include "plot/figure.h"

/* cmocka's own compares floats */
#define assert_near(a, b, tolerance)                                                               \
    do {                                                                                           \
        double got_ = (a), expected_ = (b);                                                        \
        if (!(fabs(got_ - expected_) <= (tolerance)))                                              \
            fail_msg("%.17g is not %.17g", got_, expected_);                                       \
    } while (0)

/* "k y\n1 0.5\n2 -\n": columns, then rows; "-" is missing, what is no number is a text. */
static inline assay_table *rows_of(const char *text)
{
    assay_table *table = assay_table_new();
    char *copy = strdup(text), *line_end, *word_end;
    size_t row = 0;
    for (char *line = strtok_r(copy, "\n", &line_end); line;
         line = strtok_r(NULL, "\n", &line_end)) {
        size_t column = 0;
        if (row++ > 0)
            assert_int_equal(assay_table_append(table), ASSAY_OK);
        for (char *word = strtok_r(line, " ", &word_end); word;
             word = strtok_r(NULL, " ", &word_end)) {
            char *end;
            double number = strtod(word, &end);
            if (row == 1)
                assert_int_equal(assay_table_column(table, word, &column), ASSAY_OK);
            else if (!*end)
                assert_int_equal(assay_table_set_number(table, column, number), ASSAY_OK);
            else if (strcmp(word, "-") != 0)
                assert_int_equal(assay_table_set_text(table, column, word), ASSAY_OK);
            column++;
        }
    }
    free(copy);
    return table;
}

static inline assay_figure *figure_of(const char *json)
{
    assay_figure *figure;
    if (assay_figure_parse(json, &figure))
        fail_msg("%s: %s", json, assay_errmsg());
    return figure;
}

static inline assay_series_set *series_of(const assay_figure *figure, const assay_table *rows)
{
    assay_series_set *set;
    if (assay_figure_series(figure, rows, &set))
        fail_msg("%s", assay_errmsg());
    return set;
}

/* y = f(x) at x = 1..n for each series, as a set. */
static inline assay_series_set *curves(
    const assay_figure *figure, size_t series, size_t n, double (*f)(size_t series, double x))
{
    assay_table *table = assay_table_new();
    size_t s_column, x_column, y_column;
    assert_int_equal(assay_table_column(table, "s", &s_column), ASSAY_OK);
    assert_int_equal(assay_table_column(table, "x", &x_column), ASSAY_OK);
    assert_int_equal(assay_table_column(table, "y", &y_column), ASSAY_OK);
    for (size_t s = 0; s < series; s++)
        for (size_t i = 1; i <= n; i++) {
            assert_int_equal(assay_table_append(table), ASSAY_OK);
            assert_int_equal(assay_table_set_integer(table, s_column, (long long)s), ASSAY_OK);
            assert_int_equal(assay_table_set_number(table, x_column, (double)i), ASSAY_OK);
            assert_int_equal(assay_table_set_number(table, y_column, f(s, (double)i)), ASSAY_OK);
        }
    assay_series_set *set = series_of(figure, table);
    assay_table_free(table);
    return set;
}

#endif
