/* Logs of other programs as samples: lm-evaluation-harness in the shapes that its versions wrote,
 * and outputs of batches; samples without a verdict; lists instead of lines; and writing. */
#include "data/samples.h"

#include <math.h>

#include "core/status.h"
#include "scratch.h"

static assay_samples_found found;

static assay_table *import(const char *text, const assay_samples_options *options)
{
    assay_table *table = NULL;
    write_bytes(text, strlen(text));
    if (assay_samples_import(path, options, &table, &found))
        fail_msg("%s", assay_errmsg());
    return table;
}

static void assert_refused(
    const char *text, const assay_samples_options *options, const char *message)
{
    assay_table *table = NULL;
    char expected[512];
    write_bytes(text, strlen(text));
    assert_int_equal(assay_samples_import(path, options, &table, NULL), ASSAY_EFORMAT);
    assert_null(table);
    snprintf(expected, sizeof expected, "%s%s", path, message);
    assert_string_equal(assay_errmsg(), expected);
}

/* The table as it is written, for comparison as a whole. */
static void assert_written(const assay_table *table, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(assay_samples_write(out, table), ASSAY_OK);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- lm-evaluation-harness ---- */

#define GSM(doc, filter, text, answer, verdict)                                                    \
    "{\"doc_id\": " #doc ", \"doc\": {\"question\": \"q\", \"answer\": \"a #### 4\"}, "            \
    "\"target\": \"4\", \"arguments\": {\"gen_args_0\": {\"arg_0\": \"q\"}}, \"resps\": [[\"" text \
    "\"]], \"filtered_resps\": [\"" answer "\"], \"filter\": \"" filter                            \
    "\", \"metrics\": [\"exact_match\"], \"doc_hash\": \"x\", \"prompt_hash\": \"y\", "            \
    "\"target_hash\": \"z\", \"exact_match\": " #verdict "}\n"

static void takes_one_filter(void **state)
{
    (void)state;
    const char *text =
        GSM(0, "strict-match", "so #### 4", "4", 1.0) GSM(1, "strict-match", "5", "[invalid]", 0.0)
            GSM(0, "flexible-extract", "so #### 4", "4", 1.0)
                GSM(1, "flexible-extract", "5", "5", 0.0);
    assay_table *t = import(text, NULL);
    assert_written(t, "{\"problem\": 0, \"sample\": 1, \"correct\": true, \"text\": \"so #### 4\", "
                      "\"answer\": \"4\", \"target\": \"4\"}\n"
                      "{\"problem\": 1, \"sample\": 1, \"correct\": false, \"text\": \"5\", "
                      "\"target\": \"4\"}\n");
    assert_string_equal(found.form, "lm-evaluation-harness");
    assert_string_equal(found.filter, "strict-match");
    assert_string_equal(found.metric, "exact_match");
    assert_int_equal(found.filtered, 2);
    assert_int_equal(found.ungraded, 0);
    assay_table_free(t);
    t = import(text, &(assay_samples_options){.filter = "flexible-extract"});
    assert_int_equal(assay_table_rows(t), 2);
    size_t answer;
    assert_int_equal(assay_table_find(t, "answer", &answer), ASSAY_OK);
    assert_string_equal(assay_table_get(t, 1, answer).text, "5");
    assay_table_free(t);
    assert_refused(text, &(assay_samples_options){.filter = "loose"},
        ": holds no samples; each line must be an object {\"problem\": ..., \"correct\": ...}");
}

/* Two logs of the same task, one behind the other: two samples of each document. */
static void counts_repeated_documents(void **state)
{
    (void)state;
    assay_table *t = import(GSM(3, "none", "a", "1", 0) GSM(4, "none", "b", "2", 1)
                                GSM(3, "none", "c", "3", 1) GSM(4, "none", "d", "4", 0),
        NULL);
    const double sample[] = {1, 1, 2, 2}, correct[] = {0, 1, 1, 0};
    assert_int_equal(assay_table_rows(t), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(assay_table_get(t, i, 1).number == sample[i]);
        assert_true(assay_table_get(t, i, 2).number == correct[i]);
    }
    assay_table_free(t);
}

/* The first versions wrote one indented list, without the names of filters and metrics. */
static void reads_the_list_of_early_versions(void **state)
{
    (void)state;
    static const char text[] =
        "[\n  {\n    \"doc_id\": 0,\n    \"doc\": {\"query\": \"q\"},\n    \"target\": 1,\n"
        "    \"arguments\": [[\"q\", \" a\"], [\"q\", \" b\"]],\n"
        "    \"resps\": [[[-1.5, false]], [[-0.5, true]]],\n"
        "    \"filtered_resps\": [[-1.5, false], [-0.5, true]],\n"
        "    \"acc\": 1.0,\n    \"acc_norm\": 0.0\n  },\n"
        "  {\n    \"doc_id\": 1,\n    \"doc\": {},\n    \"target\": 0,\n"
        "    \"resps\": [[[-0.25, true]], [[-2, false]]],\n"
        "    \"filtered_resps\": [[-3, true], [-2, false]],\n    \"acc\": 0.0, \"acc_norm\": "
        "1.0}\n]\n";
    assay_table *t = import(text, NULL);
    assert_written(t, "{\"problem\": 0, \"sample\": 1, \"correct\": true, \"logprob\": -0.5, "
                      "\"answer\": 1, \"target\": 1, \"acc_norm\": 0.0}\n"
                      "{\"problem\": 1, \"sample\": 1, \"correct\": false, \"logprob\": -2.0, "
                      "\"answer\": 1, \"target\": 0, \"acc_norm\": 1.0}\n");
    assert_string_equal(found.metric, "acc");
    assay_table_free(t);
    /* judged by another choice than the likeliest: then there is no answer */
    t = import(text, &(assay_samples_options){.metric = "acc_norm"});
    assert_written(t, "{\"problem\": 0, \"sample\": 1, \"correct\": false, \"logprob\": -0.5, "
                      "\"target\": 1, \"acc\": 1.0}\n"
                      "{\"problem\": 1, \"sample\": 1, \"correct\": true, \"logprob\": -2.0, "
                      "\"target\": 0, \"acc\": 0.0}\n");
    assay_table_free(t);
}

/* Then numbers and truth within responses were written as texts. */
static void reads_numbers_written_as_texts(void **state)
{
    (void)state;
    assay_table *t =
        import("{\"doc_id\": 7, \"doc\": {}, \"target\": \"0\", \"arguments\": {}, "
               "\"resps\": [[[\"-0.5\", \"True\"]], [[\"-1.5\", \"False\"]]], "
               "\"filtered_resps\": [[\"-0.5\", \"True\"], [\"-1.5\", \"False\"]], \"acc\": 1.0}\n",
            NULL);
    assert_written(t, "{\"problem\": 7, \"sample\": 1, \"correct\": true, \"logprob\": -0.5, "
                      "\"answer\": 0, \"target\": \"0\"}\n");
    assay_table_free(t);
}

#define UNNAMED(doc, answer, verdict)                                                              \
    "{\"doc_id\": " #doc                                                                           \
    ", \"target\": \"4\", \"resps\": [[\"t\"]], \"filtered_resps\": [\"" answer                    \
    "\"], \"exact_match\": " #verdict "}\n"

static void filters_without_names_are_asked_for(void **state)
{
    (void)state;
    const char *text =
        UNNAMED(0, "x", 0.0) UNNAMED(1, "4", 1.0) UNNAMED(0, "4", 1.0) UNNAMED(1, "4", 1.0);
    assert_refused(text, NULL,
        ":3: doc_id 0 was met before: if these are filters, which this log does not name, the "
        "filter "
        "\"1\" takes the first line of every document, \"2\" the second");
    const char *const filters[] = {"1", "2"};
    for (size_t i = 0; i < 2; i++) {
        assay_table *t = import(text, &(assay_samples_options){.filter = filters[i]});
        assert_int_equal(assay_table_rows(t), 2);
        assert_int_equal(found.filtered, 2);
        assert_true(assay_table_get(t, 0, 2).number == (double)i);
        assay_table_free(t);
    }
}

/* A task that repeats: with one verdict for all responses none of them is judged. */
static void repeats_are_samples(void **state)
{
    (void)state;
    assay_table *t = import("{\"doc_id\": 0, \"target\": \"4\", \"resps\": [[\"a 4\", \"b 5\"]], "
                            "\"filtered_resps\": [[\"4\", \"5\"]], \"exact_match\": [1.0, 0.0]}\n"
                            "{\"doc_id\": 1, \"target\": \"4\", \"resps\": [[\"c\", \"d\"]], "
                            "\"filtered_resps\": [\"4\"], \"exact_match\": 1.0}\n",
        NULL);
    assert_written(t, "{\"problem\": 0, \"sample\": 1, \"correct\": true, \"text\": \"a 4\", "
                      "\"answer\": \"4\", \"target\": \"4\"}\n"
                      "{\"problem\": 0, \"sample\": 2, \"correct\": false, \"text\": \"b 5\", "
                      "\"answer\": \"5\", \"target\": \"4\"}\n"
                      "{\"problem\": 1, \"sample\": 1, \"text\": \"c\", \"target\": \"4\"}\n"
                      "{\"problem\": 1, \"sample\": 2, \"text\": \"d\", \"target\": \"4\"}\n");
    assert_int_equal(found.ungraded, 2);
    assay_table_free(t);
}

#define SCORES(rest)                                                                               \
    "{\"doc_id\": 0, \"resps\": [[\"t\"]], \"filtered_resps\": [\"t\"], " rest "}\n"

static void metrics_must_judge(void **state)
{
    (void)state;
    assay_table *t = import(SCORES("\"rouge\": 0.25, \"prompt_level_strict_acc\": true"), NULL);
    assert_string_equal(found.metric, "prompt_level_strict_acc");
    assay_table_free(t);
    assert_refused(SCORES("\"rouge\": 0.25, \"a\": 1, \"b\": false"), NULL,
        ":1: which metric is 1 for what is correct and 0 for what is wrong? Name one of: rouge, a, "
        "b");
    assert_refused(SCORES("\"rouge\": 0.25"), &(assay_samples_options){.metric = "rouge"},
        ":1: the metric \"rouge\" is neither 1 (correct) nor 0 (wrong)");
    assert_refused(SCORES("\"acc\": 1"), &(assay_samples_options){.metric = "exact"},
        ":1: there is no metric \"exact\"; there are: acc");
    assert_refused(SCORES("\"acc\": 1") SCORES("\"acc\": 0.5"), NULL,
        ":2: doc_id 0 was met before: if these are filters, which this log does not name, the "
        "filter "
        "\"1\" takes the first line of every document, \"2\" the second");
    assert_refused("{\"doc_id\": \"a\", \"resps\": [[\"t\"]], \"acc\": 1}\n", NULL,
        ":1: doc_id must be an integer, got a text");
    assert_refused(SCORES("\"acc\": 1") "{\"problem\": 1, \"correct\": true}\n", NULL,
        ":2: is not of the form lm-evaluation-harness, which line 1 has");
}

/* ---- batches ---- */

#define BATCH(id, body)                                                                            \
    "{\"id\": \"batch_req_1\", \"custom_id\": \"" id "\", \"response\": {\"status_code\": 200, "   \
    "\"request_id\": \"r\", \"body\": " body "}, \"error\": null}\n"

static void reads_chats(void **state)
{
    (void)state;
    assay_table *t = import(
        BATCH("p1",
            "{\"id\": \"c\", \"object\": \"chat.completion\", \"created\": 1, \"model\": \"m\", "
            "\"choices\": [{\"index\": 1, \"message\": {\"role\": \"assistant\", \"content\": "
            "\"second\"}, \"logprobs\": {\"content\": [{\"token\": \"s\", \"logprob\": -0.5, "
            "\"bytes\": [115], \"top_logprobs\": []}, {\"token\": \"e\", \"logprob\": -0.25, "
            "\"top_logprobs\": []}]}, \"finish_reason\": \"stop\"}, {\"index\": 0, \"message\": "
            "{\"role\": \"assistant\", \"content\": \"first\", \"reasoning_content\": \"hm\"}, "
            "\"logprobs\": null, \"finish_reason\": \"length\"}], \"usage\": {\"prompt_tokens\": "
            "9, "
            "\"completion_tokens\": 12, \"total_tokens\": 21}}") BATCH("p2",
            "{\"model\": \"m\", \"choices\": [{\"index\": 0, \"message\": {\"role\": "
            "\"assistant\", "
            "\"content\": null, \"refusal\": \"no\"}, \"finish_reason\": \"stop\"}], \"usage\": "
            "{\"prompt_tokens\": 4, \"completion_tokens\": 3}}")
            BATCH("p1", "{\"choices\": [{\"index\": 0, \"message\": {\"content\": \"third\"}}]}"),
        NULL);
    assert_written(t,
        "{\"problem\": \"p1\", \"sample\": 1, \"text\": \"first\", \"prompt_tokens\": 9, "
        "\"finish\": "
        "\"length\", \"reasoning\": \"hm\", \"model\": \"m\"}\n"
        "{\"problem\": \"p1\", \"sample\": 2, \"text\": \"second\", \"prompt_tokens\": 9, "
        "\"finish\": "
        "\"stop\", \"model\": \"m\", \"tokens\": 2, \"logprob\": -0.75}\n"
        "{\"problem\": \"p2\", \"sample\": 1, \"text\": \"\", \"prompt_tokens\": 4, \"finish\": "
        "\"stop\", \"model\": \"m\", \"tokens\": 3}\n"
        "{\"problem\": \"p1\", \"sample\": 3, \"text\": \"third\"}\n");
    assert_string_equal(found.form, "batch");
    assert_int_equal(found.ungraded, 4);
    assay_table_free(t);
}

/* Completions of texts, here without the envelope, as some servers write them. */
static void reads_completions(void **state)
{
    (void)state;
    assay_table *t = import(
        "{\"custom_id\": 5, \"response\": {\"object\": \"text_completion\", \"choices\": "
        "[{\"text\": "
        "\" 4\", \"index\": 0, \"logprobs\": {\"tokens\": [\" 4\"], \"token_logprobs\": [null, "
        "-0.125], "
        "\"top_logprobs\": null, \"text_offset\": [0]}, \"finish_reason\": \"stop\"}], \"usage\": "
        "{\"prompt_tokens\": 2, \"completion_tokens\": 1}}, \"error\": null}\n",
        NULL);
    assert_written(t,
        "{\"problem\": 5, \"sample\": 1, \"text\": \" 4\", \"tokens\": 1, \"logprob\": "
        "-0.125, \"prompt_tokens\": 2, \"finish\": \"stop\"}\n");
    assay_table_free(t);
}

static void failed_requests_are_named(void **state)
{
    (void)state;
    const char *text = BATCH("a",
        "{\"choices\": [{\"text\": \"x\"}]}") "{\"custom_id\": \"b\", \"response\": null, "
                                              "\"error\": {\"code\": \"batch_expired\", "
                                              "\"message\": \"too late\"}}\n"
                                              "{\"custom_id\": \"c\", \"response\": "
                                              "{\"status_code\": 429, \"body\": {\"error\": "
                                              "{\"message\": \"slow down\"}}}, \"error\": null}\n";
    assert_refused(text, NULL, ":2: the request \"b\" failed: too late");
    assay_table *t = import(text, &(assay_samples_options){.skip_failed = true});
    assert_int_equal(assay_table_rows(t), 1);
    assert_int_equal(found.failed, 2);
    assay_table_free(t);
    assert_refused(strchr(text, '\n') + 1, &(assay_samples_options){.skip_failed = true},
        ": holds no samples; each line must be an object {\"problem\": ..., \"correct\": ...}");
    assert_refused(strstr(text, "{\"custom_id\": \"c\""), NULL,
        ":1: the request \"c\" failed with status 429: slow down");
}

static void wrong_answers_are_refused(void **state)
{
    (void)state;
    assert_refused(
        BATCH("a", "{\"choices\": 3}"), NULL, ":1: choices must be a list, got an integer");
    assert_refused(BATCH("a", "{\"usage\": {}}"), NULL, ":1: choices must be a list, got none");
    assert_refused(
        BATCH("a", "{\"choices\": [7]}"), NULL, ":1: choices[0] must be an object, got an integer");
    assert_refused(BATCH("a", "{\"choices\": [{\"index\": 0}]}"), NULL,
        ":1: choices[0].text must be a text, got none");
    assert_refused(BATCH("a", "{\"choices\": [{\"message\": \"x\"}]}"), NULL,
        ":1: choices[0].message must be an object, got a text");
    assert_refused(BATCH("a", "{\"choices\": [{\"message\": {\"content\": [1]}}]}"), NULL,
        ":1: choices[0].message.content must be a text, got a list");
    assert_refused(BATCH("a", "{\"choices\": [{\"text\": \"x\", \"logprobs\": {\"token_logprobs\": "
                              "[\"a\"]}}]}"),
        NULL, ":1: choices[0].logprobs must be numbers, got a text");
    assert_refused("{\"custom_id\": 1.5, \"response\": {}}\n", NULL,
        ":1: custom_id must be a text or an integer, got a number");
}

/* ---- plain ---- */

static void samples_may_wait_for_their_verdict(void **state)
{
    (void)state;
    assay_table *t = import("{\"problem\": 1, \"text\": \"a\"}\n"
                            "{\"problem\": 1, \"answer\": 2, \"correct\": null}\n"
                            "{\"problem\": 1, \"answer\": 2, \"correct\": true}\n",
        NULL);
    assert_written(t, "{\"problem\": 1, \"sample\": 1, \"text\": \"a\"}\n"
                      "{\"problem\": 1, \"sample\": 2, \"answer\": 2}\n"
                      "{\"problem\": 1, \"sample\": 3, \"answer\": 2, \"correct\": true}\n");
    assert_int_equal(found.ungraded, 2);
    assert_string_equal(found.form, "plain");
    assay_table_free(t);
}

static void lists_are_read_like_lines(void **state)
{
    (void)state;
    assay_table *t =
        import("\xef\xbb\xbf \n[{\"problem\": 1, \"correct\": true},{\"problem\":\n 1, "
               "\"correct\": false}\n]\n\n",
            NULL);
    assert_int_equal(assay_table_rows(t), 2);
    assay_table_free(t);
    assert_refused("[{\"problem\": 1, \"correct\": true},\n\n{\"problem\": 1}]", NULL,
        ":3: \"correct\" (true or false) is missing");
    assert_refused("[\n7]", NULL, ":2: the list must hold objects");
    assert_refused(
        "[{\"problem\": 1, \"correct\": true},]", NULL, ":1: the list must hold objects");
    assert_refused(
        "[{\"problem\": 1, \"correct\": true}\n{}]", NULL, ":2: ',' or ']' must follow an object");
    assert_refused(
        "[{\"problem\": 1, \"correct\": true}", NULL, ":1: ',' or ']' must follow an object");
    assert_refused(
        "[{\"problem\": 1, \"correct\": true}]\n]", NULL, ":2: nothing may follow the list");
    assert_refused("[{\"problem\": 1,\n \"correct\": tru}]", NULL, ":2: invalid token near 'tru'");
    assert_refused("[]", NULL,
        ": holds no samples; each line must be an object {\"problem\": ..., \"correct\": ...}");
    assert_refused("\xef{\"problem\": 1, \"correct\": true}", NULL, ":1: is not UTF-8 text");
}

static void what_json_lacks_is_not_written(void **state)
{
    (void)state;
    assay_table *t = import("{\"problem\": 1, \"correct\": true, \"reward\": 0.1}\n", NULL);
    size_t column;
    assert_int_equal(assay_table_find(t, "reward", &column), ASSAY_OK);
    assert_int_equal(assay_table_set_number(t, column, NAN), ASSAY_OK);
    assert_written(t, "{\"problem\": 1, \"sample\": 1, \"correct\": true}\n");
    assert_int_equal(assay_table_set_number(t, column, -INFINITY), ASSAY_OK);
    FILE *out = fopen(path, "wb");
    assert_int_equal(assay_samples_write(out, t), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "samples: row 1, \"reward\": JSON has no infinity");
    assert_int_equal(ftell(out), 0);
    assert_int_equal(assay_table_set_text(t, column, "\xff"), ASSAY_OK);
    assert_int_equal(assay_samples_write(out, t), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "samples: row 1, \"reward\" is not UTF-8");
    fclose(out);
    assay_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_one_filter),
        cmocka_unit_test(counts_repeated_documents),
        cmocka_unit_test(reads_the_list_of_early_versions),
        cmocka_unit_test(reads_numbers_written_as_texts),
        cmocka_unit_test(filters_without_names_are_asked_for),
        cmocka_unit_test(repeats_are_samples),
        cmocka_unit_test(metrics_must_judge),
        cmocka_unit_test(reads_chats),
        cmocka_unit_test(reads_completions),
        cmocka_unit_test(failed_requests_are_named),
        cmocka_unit_test(wrong_answers_are_refused),
        cmocka_unit_test(samples_may_wait_for_their_verdict),
        cmocka_unit_test(lists_are_read_like_lines),
        cmocka_unit_test(what_json_lacks_is_not_written),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
