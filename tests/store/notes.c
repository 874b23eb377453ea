/* Notes, artifacts, claims and fits come back as they were stored. */
#include "fixture.h"

static void notes_come_oldest_first(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 2), other = make_run(store, "other", 1);
    assay_note_list list;
    assert_ok(assay_store_note(store, run, 1, "first"));
    assert_ok(assay_store_note(store, other, 0, "elsewhere"));
    assert_ok(assay_store_note(store, run, -1, "second, of the run: \xc3\xa9"));
    assert_ok(assay_store_note(store, run, 0, ""));
    assert_ok(assay_store_notes(store, run, 0, &list));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.notes[0].text, "first");
    assert_int_equal(list.notes[0].index, 1);
    assert_true(list.notes[0].time > 1.7e9);
    assert_string_equal(list.notes[1].text, "second, of the run: \xc3\xa9");
    assert_int_equal(list.notes[1].index, -1);
    assert_string_equal(list.notes[2].text, "");
    assay_note_list_free(&list);
    assert_ok(assay_store_notes(store, run, 2, &list));
    assert_int_equal(list.count, 2);
    assay_note_list_free(&list);
    assert_ok(assay_store_notes(store, 99, 0, &list));
    assert_int_equal(list.count, 0);
    assert_fails(assay_store_note(store, 99, -1, "x"), ASSAY_ENOTFOUND, "no run 99");
    assert_fails(assay_store_note(store, run, -2, "x"), ASSAY_EINVAL, "CHECK");
}

static void artifacts_are_replaced_by_name(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 2);
    const char old[] = {1, 0, 2, 0, 3}, new[] = {9, 0, 8};
    assay_artifact_list list;
    void *data;
    size_t size;
    assert_ok(assay_store_artifact(store, run, 1, "grid", "image/pgm", old, sizeof old));
    assert_ok(assay_store_artifact(store, run, 0, "empty", "text/plain", NULL, 0));
    assert_ok(assay_store_artifact(store, run, 0, "grid", "image/pgm", old, sizeof old));
    assert_ok(assay_store_artifact(store, run, 1, "grid", "image/x", new, sizeof new));
    assert_ok(assay_store_artifacts(store, run, &list));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.artifacts[0].name, "empty");
    assert_int_equal(list.artifacts[0].size, 0);
    assert_int_equal(list.artifacts[2].index, 1);
    assert_string_equal(list.artifacts[2].type, "image/x");
    assert_int_equal(list.artifacts[2].size, 3);
    assay_artifact_list_free(&list);
    assert_ok(assay_store_artifact_get(store, run, 1, "grid", &data, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(data, new, 3);
    free(data);
    assert_ok(assay_store_artifact_get(store, run, 0, "empty", &data, &size));
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
    free(data);
    assert_fails(assay_store_artifact_get(store, run, -1, "grid", &data, &size), ASSAY_ENOTFOUND,
        "no artifact \"grid\"");
    assert_fails(assay_store_artifact(store, 99, -1, "a", "b", "c", 1), ASSAY_ENOTFOUND, "no run");
}

static void claims_are_replaced_together(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 0);
    assay_claim_result results[] = {
        {.name = (char *)"grows",
            .text = (char *)"it grows",
            .verdict = (char *)"supported",
            .estimate = 0.25,
            .low = -INFINITY,
            .high = 0.5,
            .p = 1e-9,
            .n = 5,
            .test = (char *)"paired t",
            .message = NULL},
        {.name = (char *)"bends",
            .text = NULL,
            .verdict = (char *)"error",
            .estimate = NAN,
            .low = NAN,
            .high = NAN,
            .p = NAN,
            .n = 0,
            .test = NULL,
            .message = (char *)"why"},
    };
    assay_claim_list list = {results, 2}, back;
    assert_ok(assay_store_claims_put(store, run, &list));
    assert_ok(assay_store_claims_get(store, run, &back));
    assert_int_equal(back.count, 2);
    assert_string_equal(back.claims[0].name, "grows");
    assert_string_equal(back.claims[0].text, "it grows");
    assert_string_equal(back.claims[0].verdict, "supported");
    assert_string_equal(back.claims[0].test, "paired t");
    assert_null(back.claims[0].message);
    assert_true(back.claims[0].estimate == 0.25 && back.claims[0].low == -INFINITY);
    assert_true(back.claims[0].high == 0.5 && back.claims[0].p == 1e-9 && back.claims[0].n == 5);
    assert_null(back.claims[1].text);
    assert_true(isnan(back.claims[1].estimate) && isnan(back.claims[1].p));
    assert_string_equal(back.claims[1].message, "why");
    assay_claim_list_clear(&back);

    list.count = 1;
    assert_ok(assay_store_claims_put(store, run, &list));
    assert_ok(assay_store_claims_get(store, run, &back));
    assert_int_equal(back.count, 1);
    assay_claim_list_clear(&back);
    /* one that fails leaves the old ones */
    results[0].name = (char *)"other";
    results[1].verdict = NULL;
    list.count = 2;
    assert_int_equal(assay_store_claims_put(store, run, &list), ASSAY_EINVAL);
    assert_ok(assay_store_claims_get(store, run, &back));
    assert_int_equal(back.count, 1);
    assert_string_equal(back.claims[0].name, "grows");
    assay_claim_list_clear(&back);
    results[1].verdict = (char *)"error";
    assert_fails(assay_store_claims_put(store, 99, &list), ASSAY_ENOTFOUND, "no run 99");
}

static void fits_are_kept_by_series(void **state)
{
    assay_store *store = ((fixture *)*state)->store;
    int64_t run = make_run(store, "monkeys", 0);
    char *json;
    assert_ok(assay_store_fit_put(store, run, "coverage", "0.6", "{\"b\":1}"));
    assert_ok(assay_store_fit_put(store, run, "coverage", "1", "{\"b\":2}"));
    assert_ok(assay_store_fit_put(store, run, "coverage", "0.6", "{\"b\":3}"));
    assert_ok(assay_store_fit_get(store, run, "coverage", "0.6", &json));
    assert_string_equal(json, "{\"b\":3}");
    free(json);
    assert_int_equal(query(store, "SELECT count(*) FROM fit"), 2);
    assert_fails(
        assay_store_fit_get(store, run, "coverage", "2", &json), ASSAY_ENOTFOUND, "no fit");
    assert_fails(assay_store_fit_put(store, 99, "f", "s", "{}"), ASSAY_ENOTFOUND, "no run 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(notes_come_oldest_first),
        store_test(artifacts_are_replaced_by_name),
        store_test(claims_are_replaced_together),
        store_test(fits_are_kept_by_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
