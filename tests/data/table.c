/* Tables: what was set is read back, what was not is missing; order and text of entries. */
#include "data/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/status.h"
#include "core/suggest.h"

static void reads_back_what_was_set(void **state)
{
    (void)state;
    assay_table *t = assay_table_new();
    size_t k, name, late;
    assert_int_equal(assay_table_column(t, "k", &k), ASSAY_OK);
    assert_int_equal(assay_table_column(t, "name", &name), ASSAY_OK);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "t%d", i % 7);
        assert_int_equal(assay_table_append(t), ASSAY_OK);
        assert_int_equal(assay_table_set_integer(t, k, i), ASSAY_OK);
        if (i % 2)
            assert_int_equal(assay_table_set_text(t, name, text), ASSAY_OK);
    }
    assert_int_equal(assay_table_column(t, "late", &late), ASSAY_OK);
    assert_int_equal(assay_table_set_number(t, late, NAN), ASSAY_OK);
    assert_int_equal(assay_table_rows(t), 1000);
    assert_int_equal(assay_table_columns(t), 3);
    assert_int_equal((int)assay_table_get(t, 500, k).number, 500);
    assert_int_equal(assay_table_get(t, 500, name).kind, ASSAY_DATUM_MISSING);
    assert_string_equal(assay_table_get(t, 501, name).text, "t4");
    assert_ptr_equal(assay_table_get(t, 501, name).text, assay_table_get(t, 515, name).text);
    assert_int_equal(assay_table_get(t, 998, late).kind, ASSAY_DATUM_MISSING);
    assert_int_equal(assay_table_get(t, 999, late).kind, ASSAY_DATUM_NUMBER);
    assert_true(isnan(assay_table_get(t, 999, late).number));
    assay_table_free(t);
}

static void refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    assay_table *t = assay_table_new();
    size_t c, found;
    assert_int_equal(assay_table_column(t, "coverage", &c), ASSAY_OK);
    assert_int_equal(assay_table_set_number(t, c, 1), ASSAY_EINVAL); /* no row yet */
    assert_int_equal(assay_table_append(t), ASSAY_OK);
    assert_int_equal(assay_table_set_integer(t, c, (1LL << 53) + 1), ASSAY_EINVAL);
    assert_int_equal(assay_table_find(t, "covrage", &found), ASSAY_ENOTFOUND);
    assert_non_null(strstr(assay_errmsg(), "did you mean \"coverage\"?"));
    assay_table_free(t);
}

static void entries_are_ordered(void **state)
{
    (void)state;
    const assay_datum order[] = {
        {ASSAY_DATUM_MISSING, NAN, NULL},
        {ASSAY_DATUM_NUMBER, -INFINITY, NULL},
        {ASSAY_DATUM_INTEGER, 2, NULL},
        {ASSAY_DATUM_NUMBER, 10, NULL},
        {ASSAY_DATUM_NUMBER, NAN, NULL},
        {ASSAY_DATUM_TEXT, NAN, "a"},
        {ASSAY_DATUM_TEXT, NAN, "b"},
    };
    const int count = sizeof order / sizeof *order;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            assert_int_equal(assay_datum_compare(&order[i], &order[j]), (i > j) - (i < j));
}

static void text_is_short_and_exact(void **state)
{
    (void)state;
    const struct {
        assay_datum datum;
        const char *text;
    } cases[] = {
        {{ASSAY_DATUM_NUMBER, 0.1, NULL}, "0.1"},
        {{ASSAY_DATUM_NUMBER, 1.0 / 3, NULL}, "0.3333333333333333"},
        {{ASSAY_DATUM_NUMBER, 100, NULL}, "100"},
        {{ASSAY_DATUM_INTEGER, 9007199254740992.0, NULL}, "9007199254740992"},
        {{ASSAY_DATUM_NUMBER, 1e300, NULL}, "1e+300"},
        {{ASSAY_DATUM_NUMBER, -INFINITY, NULL}, "-inf"},
        {{ASSAY_DATUM_NUMBER, NAN, NULL}, "nan"},
        {{ASSAY_DATUM_MISSING, NAN, NULL}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        assay_datum_text(&cases[i].datum, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void suggests_the_nearest_name(void **state)
{
    (void)state;
    const char *const known[] = {"bootstrap", "k", "rng"};
    char hint[64];
    assert_int_equal(assay_edit_distance("bootstap", "bootstrap"), 1);
    assert_int_equal(assay_edit_distance("Kitten", "sitting"), 3);
    assert_int_equal(assay_edit_distance("ab", "ba"), 1);
    assay_suggest("botstrap", known, 3, hint, sizeof hint);
    assert_string_equal(hint, " (did you mean \"bootstrap\"?)");
    assay_suggest("temperature", known, 3, hint, sizeof hint);
    assert_string_equal(hint, " (there are: bootstrap, k, rng)");
    assay_suggest("temperature", known, 3, hint, 30);
    assert_string_equal(hint, " (there are: bootstrap, ...)");
    assay_suggest("x", known, 0, hint, sizeof hint);
    assert_string_equal(hint, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_set),
        cmocka_unit_test(refuses_what_it_cannot_hold),
        cmocka_unit_test(entries_are_ordered),
        cmocka_unit_test(text_is_short_and_exact),
        cmocka_unit_test(suggests_the_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
