/*
 * Runs side by side. The intervals are scipy's: of last values 1, 2, 4 against 1.5, 3, 4.5 over
 * three replicates (scipy.stats.ttest_rel and ttest_ind(equal_var=False), with
 * .confidence_interval()).
 */
#include "../store/fixture.h"

#include "run/diff.h"

static const double first[] = {1, 2, 4}, second[] = {1.5, 3, 4.5};

typedef struct plan {
    const char *experiment, *script, *params, *swept; /* swept: the parameter's second value */
    uint64_t seed;
    const double *last;   /* of the cells of each replicate */
    const char *words[2]; /* values of a measure that is a text, or NULL */
} plan;

/* Three replicates; each cell logs a measure that starts at 100 and ends at its value. */
static int64_t add_run(assay_store *store, const plan *what)
{
    assay_run_new new = {.experiment = what->experiment,
        .path = "/x.lua",
        .script = what->script,
        .params = what->params,
        .describe = "{}",
        .versions = "{\"assay\":\"1\"}",
        .seed = what->seed,
        .replicates = 3,
        .workers = 1};
    int64_t run, m = metric(store, "error"), t = metric(store, "t"), w = metric(store, "method");
    char cell[128];
    assert_ok(assay_store_run_create(store, &new, &run));
    for (int i = 0; i < 3; i++) {
        snprintf(cell, sizeof cell, "{\"lr\":%s,\"n\":5}", what->swept);
        assert_ok(assay_store_cell_create(store, run, i, cell, i + 1));
    }
    assert_ok(assay_store_run_claim(store, run, 1));
    for (int i = 0; i < 3; i++) {
        assert_ok(assay_store_cell_start(store, run, i));
        for (int row = 0; row < 4; row++) {
            const char *word = what->words[row % 2];
            double last = what->last[i] + (row % 2 ? 0 : 10);
            assert_ok(assay_store_value_integer(store, run, i, row, t, row));
            assert_ok(assay_store_value_number(store, run, i, row, m, row < 2 ? 100 : last));
            if (word)
                assert_ok(assay_store_value_text(store, run, i, row, w, word, strlen(word)));
        }
        assert_ok(assay_store_cell_finish(store, run, i, ASSAY_CELL_DONE, 1, NULL));
    }
    assert_ok(assay_store_run_finish(store, run, ASSAY_RUN_DONE, 1, NULL));
    return run;
}

static const plan base = {"walk", "a\nb\n", "{\"lr\":0.1,\"n\":5}", "0.1", 7, first, {0}},
                  other = {"walk", "a\nc\nd\n", "{\"lr\":0.2,\"n\":5}", "0.2", 7, second, {0}};

static assay_diff *compare(assay_store *store, int64_t a, int64_t b, assay_diff_options options)
{
    assay_diff *diff;
    assert_ok(assay_diff_runs(store, (int64_t[]){a, b}, 2, &options, &diff));
    return diff;
}

static const char *setting(const assay_diff *diff, const char *name, size_t run)
{
    for (size_t i = 0; i < diff->setting_count; i++)
        if (strcmp(diff->settings[i].name, name) == 0)
            return diff->settings[i].values[run];
    return NULL;
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(1, fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}

static void only_what_differs_is_told(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t a = add_run(store, &base), b = add_run(store, &other);
    assay_diff *diff = compare(store, a, b, (assay_diff_options){0});
    assert_int_equal(diff->setting_count, 2);
    assert_string_equal(setting(diff, "lr", 0), "0.1");
    assert_string_equal(setting(diff, "lr", 1), "0.2");
    assert_string_equal(setting(diff, "script", 1), "+2 -1 lines");
    assert_string_equal(diff->labels[0], "lr=0.1");
    assert_string_equal(diff->labels[1], "lr=0.2");
    assay_diff_free(diff);
    char *text;
    assert_ok(assay_diff_script(store, a, b, &text));
    assert_string_equal(text, "--- run 1\n+++ run 2\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n");
    free(text);
}

static void runs_with_one_seed_are_paired(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t a = add_run(store, &base), b = add_run(store, &other);
    assay_diff *diff = compare(store, a, b, (assay_diff_options){0});
    assert_int_equal(diff->measure_count, 1);
    assert_int_equal(diff->same_count, 1); /* t */
    const assay_diff_measure *m = &diff->measures[0];
    assert_string_equal(m->name, "error");
    assert_string_equal(m->group, "");
    assert_true(diff->paired[1]);
    assert_near(m->mean[0].estimate, 7. / 3);
    assert_near(m->mean[0].low, -1.4612497004061);
    assert_near(m->mean[1].estimate, 3);
    assert_near(m->difference[1].estimate, 2. / 3);
    assert_near(m->difference[1].low, -0.05044212165188);
    assert_near(m->difference[1].high, 1.3837754549852);
    assert_near(m->difference[1].p, 0.05719095841794);
    assert_near(m->p_holm[1], m->difference[1].p);
    assert_int_equal(m->difference[1].n, 3);
    assay_diff_free(diff);
}

static void runs_with_other_seeds_are_not(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    plan seeded = other;
    seeded.seed = 8;
    int64_t a = add_run(store, &base), b = add_run(store, &seeded);
    assay_diff *diff = compare(store, a, b, (assay_diff_options){0});
    const assay_interval *d = &diff->measures[0].difference[1];
    assert_false(diff->paired[1]);
    assert_near(d->estimate, 2. / 3);
    assert_near(d->low, -2.7655587910);
    assert_near(d->high, 4.0988921243);
    assert_near(d->p, 0.6182685822);
    assay_diff_free(diff);
}

static void rows_are_taken_as_asked(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t a = add_run(store, &base), b = add_run(store, &other);
    /* a cell's rows are 100, 100, x + 10, x */
    static const struct {
        assay_diff_take take;
        double mean;
    } expected[] = {{ASSAY_DIFF_LAST, 7. / 3}, {ASSAY_DIFF_MIN, 7. / 3}, {ASSAY_DIFF_MAX, 100},
        {ASSAY_DIFF_MEAN, (210 + 14. / 3) / 4}};
    for (size_t i = 0; i < 4; i++) {
        assay_diff *diff = compare(store, a, b, (assay_diff_options){.take = expected[i].take});
        if (expected[i].take == ASSAY_DIFF_MAX)
            assert_int_equal(diff->same_count, 2);
        else
            assert_near(diff->measures[0].mean[0].estimate, expected[i].mean);
        assay_diff_free(diff);
    }
}

static void texts_and_columns_make_groups(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    plan a_plan = base, b_plan = other;
    a_plan.words[0] = b_plan.words[0] = "plain";
    a_plan.words[1] = "ours";
    b_plan.words[1] = "theirs";
    int64_t a = add_run(store, &a_plan), b = add_run(store, &b_plan);
    assay_diff *diff = compare(store, a, b, (assay_diff_options){0});
    double plain = 0, ours = 0;
    for (size_t i = 0; i < diff->measure_count; i++) {
        const assay_diff_measure *m = &diff->measures[i];
        if (strcmp(m->name, "error") != 0)
            continue;
        if (strcmp(m->group, "plain") == 0)
            plain = m->difference[1].estimate;
        if (strcmp(m->group, "ours") == 0) {
            ours = m->mean[0].estimate;
            assert_int_equal(m->mean[1].n, 0);
            assert_int_equal(m->difference[1].n, 0);
        }
    }
    assert_near(plain, 2. / 3);
    assert_near(ours, 7. / 3);
    assay_diff_free(diff);
    const char *by[] = {"t"};
    diff = compare(store, a, b, (assay_diff_options){.by = by, .by_count = 1});
    bool found = false;
    for (size_t i = 0; i < diff->measure_count; i++)
        found = found || strcmp(diff->measures[i].group, "t = 2, plain") == 0 ||
                strcmp(diff->measures[i].group, "plain, t = 2") == 0;
    assert_true(found);
    assay_diff_free(diff);
    by[0] = "tt";
    assert_fails(assay_diff_runs(store, (int64_t[]){a, b}, 2,
                     &(assay_diff_options){.by = by, .by_count = 1}, &diff),
        ASSAY_ENOTFOUND, "tt");
}

static void labels_are_never_equal(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t runs[4];
    assay_diff *diff;
    runs[0] = add_run(store, &base);
    runs[1] = add_run(store, &base);
    runs[2] = add_run(store, &other);
    runs[3] = add_run(store, &other);
    assert_ok(assay_store_run_label(store, runs[3], "mine"));
    assert_ok(assay_diff_runs(store, runs, 4, NULL, &diff));
    assert_string_equal(diff->labels[0], "run 1 (lr=0.1)");
    assert_string_equal(diff->labels[1], "run 2 (lr=0.1)");
    assert_string_equal(diff->labels[2], "lr=0.2");
    assert_string_equal(diff->labels[3], "mine");
    assert_true(diff->measures[0].difference[1].n == 3); /* p of 0 +- 0 is 1 */
    assert_true(diff->measures[0].difference[1].p == 1);
    assay_diff_free(diff);
    assert_ok(assay_diff_runs(store, runs, 2, NULL, &diff));
    assert_string_equal(diff->labels[0], "run 1");
    assert_int_equal(diff->measure_count, 0);
    assert_int_equal(diff->same_count, 2);
    assay_diff_free(diff);
}

static void cells_in_common_are_compared(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    plan a_plan = base, b_plan = other;
    a_plan.params = "{\"lr\":[0.1,0.3],\"n\":5}"; /* swept: part of the cell's key */
    b_plan.params = "{\"lr\":[0.2,0.3],\"n\":5}";
    int64_t a = add_run(store, &a_plan), b = add_run(store, &b_plan);
    assay_diff *diff = compare(store, a, b, (assay_diff_options){0});
    assert_true(diff->unmatched);
    assert_near(diff->measures[0].difference[1].low, -2.7655587910); /* Welch's */
    assay_diff_free(diff);
    b_plan.swept = "0.1";
    b = add_run(store, &b_plan);
    diff = compare(store, a, b, (assay_diff_options){0});
    assert_false(diff->unmatched);
    assert_near(diff->measures[0].difference[1].p, 0.05719095841794);
    assay_diff_free(diff);
}

static double number_at(const assay_table *table, size_t row, const char *name)
{
    size_t column;
    assert_ok(assay_table_find(table, name, &column));
    assay_datum datum = assay_table_get(table, row, column);
    return datum.kind == ASSAY_DATUM_MISSING ? NAN : datum.number;
}

static void measures_make_a_table(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t a = add_run(store, &base), b = add_run(store, &other);
    assay_diff *diff = compare(store, a, b, (assay_diff_options){0});
    assay_table *table;
    assert_ok(assay_diff_table(diff, &table));
    assert_int_equal(assay_table_rows(table), 2);
    assert_near(number_at(table, 0, "run"), (double)a);
    assert_near(number_at(table, 0, "mean"), 7. / 3);
    assert_near(number_at(table, 0, "low"), -1.4612497004061);
    assert_true(isnan(number_at(table, 0, "difference"))); /* the base has none */
    assert_near(number_at(table, 1, "mean"), 3);
    assert_near(number_at(table, 1, "difference"), 2. / 3);
    assert_near(number_at(table, 1, "p"), diff->measures[0].difference[1].p);
    assert_near(number_at(table, 1, "n"), 3);
    assay_table_free(table);
    assay_diff_free(diff);
}

static void bad_calls_are_told(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t a = add_run(store, &base), many[40] = {0};
    assay_diff *diff;
    assay_diff_take take;
    assert_fails(assay_diff_runs(store, &a, 1, NULL, &diff), ASSAY_EINVAL, "2 to 32 runs");
    assert_fails(assay_diff_runs(store, many, 40, NULL, &diff), ASSAY_EINVAL, "got 40");
    assert_fails(
        assay_diff_runs(store, (int64_t[]){a, a}, 2, NULL, &diff), ASSAY_EINVAL, "with itself");
    assert_fails(
        assay_diff_runs(store, (int64_t[]){a, 99}, 2, NULL, &diff), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_diff_take_parse("first", &take), ASSAY_EINVAL, "last, mean, min and max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(only_what_differs_is_told),
        store_test(runs_with_one_seed_are_paired),
        store_test(runs_with_other_seeds_are_not),
        store_test(rows_are_taken_as_asked),
        store_test(texts_and_columns_make_groups),
        store_test(labels_are_never_equal),
        store_test(cells_in_common_are_compared),
        store_test(measures_make_a_table),
        store_test(bad_calls_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
