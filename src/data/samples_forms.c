/*
 * What lm-evaluation-harness and batches of OpenAI-compatible servers log, as plain samples.
 *
 * A line of the harness is one document under one filter. `resps` holds, for each request that the
 * document took, the responses to it (more than one where the task repeats); `filtered_resps` what
 * the filter left: one answer, or one a response. Its metrics judge what was left, so with many
 * responses and one verdict no single response is judged: those samples stay ungraded. Some
 * versions write all numbers and truth values within responses as texts.
 */
#include "data/samples_forms.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/completion.h"
#include "data/lines.h"

assay_samples_form assay_samples_form_of(json_t *object)
{
    if (json_object_get(object, "problem"))
        return ASSAY_SAMPLES_PLAIN;
    if (json_object_get(object, "doc_id") &&
        (json_object_get(object, "resps") || json_object_get(object, "filtered_resps")))
        return ASSAY_SAMPLES_HARNESS;
    if (json_object_get(object, "custom_id") &&
        (json_object_get(object, "response") || json_object_get(object, "error")))
        return ASSAY_SAMPLES_BATCH;
    return ASSAY_SAMPLES_PLAIN;
}

const char *assay_samples_form_name(assay_samples_form form)
{
    static const char *const names[] = {"plain", "lm-evaluation-harness", "batch"};
    return names[form];
}

/* json_object_set_new that tells. A value that could not be made is no memory, too. */
static int set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) ? assay_fail(ASSAY_ENOMEM, "out of memory")
                                                    : ASSAY_OK;
}

/* A further reference. */
static json_t *share(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

static bool among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* ---- lm-evaluation-harness: metrics ---- */

static const char *const no_metric[] = {"doc_id", "doc", "target", "arguments", "resps",
    "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash", "task", NULL};
/* Columns of a samples table: a metric of that name that says nothing of correctness is left out.
 */
static const char *const taken[] = {
    "problem", "sample", "correct", "answer", "text", "tokens", "logprob", NULL};

static bool is_verdict(const json_t *value)
{
    return json_is_boolean(value) || (json_is_number(value) && (json_number_value(value) == 0 ||
                                                                   json_number_value(value) == 1));
}

/* A verdict, or a list of them, one a response. */
static bool judges(const json_t *value)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        return is_verdict(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_verdict(json_array_get(value, i)))
            return false;
    return true;
}

static bool is_metric(json_t *object, const char *name)
{
    const json_t *listed = json_object_get(object, "metrics"), *entry;
    size_t i;
    if (!json_is_array(listed))
        return !among(name, no_metric);
    json_array_foreach(
        listed, i, entry) if (json_is_string(entry) &&
                              strcmp(json_string_value(entry), name) == 0) return true;
    return false;
}

static void list_metrics(json_t *object, char *out, size_t size)
{
    const char *name;
    json_t *value;
    size_t used = 0;
    *out = '\0';
    json_object_foreach(object, name, value)
    {
        if (is_metric(object, name) && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%.64s", used ? ", " : "", name);
    }
}

/* The only metric that judges, or NULL. */
static const char *only_metric(json_t *object)
{
    const char *name, *found = NULL;
    json_t *value;
    size_t count = 0;
    json_object_foreach(object, name, value)
    {
        if (is_metric(object, name) && judges(value)) {
            found = name;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

int assay_samples_metric(json_t *object, const char *wanted, const char **metric)
{
    static const char *const usual[] = {"exact_match", "acc", "pass@1"};
    char names[256];
    *metric = wanted;
    if (wanted && judges(json_object_get(object, wanted)) && !among(wanted, no_metric))
        return ASSAY_OK;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !wanted && !*metric; i++)
        if (judges(json_object_get(object, usual[i])))
            *metric = usual[i];
    if (!wanted && !*metric)
        *metric = only_metric(object);
    if (*metric && !wanted)
        return ASSAY_OK;
    list_metrics(object, names, sizeof names);
    if (wanted && json_object_get(object, wanted) && !among(wanted, no_metric))
        return assay_fail(
            ASSAY_EFORMAT, "the metric \"%s\" is neither 1 (correct) nor 0 (wrong)", wanted);
    if (wanted)
        return assay_fail(ASSAY_EFORMAT, "there is no metric \"%s\"; there are: %s", wanted,
            names[0] ? names : "none");
    return assay_fail(ASSAY_EFORMAT,
        "which metric is 1 for what is correct and 0 for what is wrong? Name one of: %s",
        names[0] ? names : "(there are none)");
}

/* ---- lm-evaluation-harness: responses ---- */

static bool read_number(const json_t *value, double *out)
{
    char *end;
    const char *text = json_string_value(value);
    *out = json_number_value(value);
    if (!text)
        return json_is_number(value);
    *out = strtod(text, &end);
    return end != text && *end == '\0' && !isnan(*out);
}

/* [log-likelihood, is it the greedy continuation] */
static bool is_likelihood(const json_t *value)
{
    double number;
    const json_t *greedy = json_array_get(value, 1);
    const char *word = json_string_value(greedy);
    if (json_array_size(value) != 2 || !read_number(json_array_get(value, 0), &number))
        return false;
    return json_is_boolean(greedy) ||
           (word && (strcmp(word, "True") == 0 || strcmp(word, "False") == 0));
}

/* Of the choices of a document the likeliest, counted from 0. */
static int add_choice(json_t *object, const json_t *filtered, const char *metric, json_t *row)
{
    size_t n = json_array_size(filtered), best = 0;
    double most = -INFINITY, number;
    for (size_t i = 0; i < n; i++) {
        const json_t *choice = json_array_get(filtered, i);
        if (!is_likelihood(choice))
            return assay_fail(ASSAY_EFORMAT,
                "filtered_resps[%zu] must be [log-likelihood, greedy], got %s", i,
                assay_json_kind(choice));
        read_number(json_array_get(choice, 0), &number);
        if (number > most || i == 0) {
            most = number;
            best = i;
        }
    }
    /* other metrics than acc choose otherwise, and acc_mutual_info doubles the requests */
    bool chosen =
        n > 1 && strcmp(metric, "acc") == 0 && !json_object_get(object, "acc_mutual_info");
    int status = isfinite(most) ? set(row, "logprob", json_real(most)) : ASSAY_OK;
    return status || !chosen ? status : set(row, "answer", json_integer((json_int_t)best));
}

/* Response j of k, where there is one text or one a response. */
static const json_t *response(const json_t *list, size_t j, size_t k)
{
    const json_t *first = json_array_get(list, 0);
    if (json_is_array(first))
        return json_array_size(first) == k ? json_array_get(first, j) : NULL;
    return k == 1 ? first : NULL;
}

/* What a filter of the harness leaves where it finds no answer. */
static bool is_answer(const json_t *value)
{
    const char *text = json_string_value(value);
    return json_is_number(value) || (text && strcmp(text, "[invalid]") != 0);
}

static int add_response(json_t *object, size_t j, size_t k, json_t *row)
{
    const json_t *text = response(json_object_get(object, "resps"), j, k);
    const json_t *answer = response(json_object_get(object, "filtered_resps"), j, k);
    int status = ASSAY_OK;
    if (json_is_string(text))
        status = set(row, "text", share(text));
    if (!status && is_answer(answer))
        status = set(row, "answer", share(answer));
    return status;
}

static int add_verdict(json_t *object, const char *metric, size_t j, size_t k, json_t *row)
{
    const json_t *value = json_object_get(object, metric);
    if (json_is_array(value))
        value = json_array_size(value) == k ? json_array_get(value, j) : NULL;
    else if (k > 1)
        value = NULL;
    if (!value)
        return ASSAY_OK;
    return set(row, "correct", json_boolean(json_is_true(value) || json_number_value(value) == 1));
}

/* What was wanted and, of a document with one response, the other metrics. */
static int add_columns(json_t *object, const char *metric, bool alone, json_t *row)
{
    const char *name;
    json_t *value;
    int status = ASSAY_OK;
    json_object_foreach(object, name, value)
    {
        bool target =
            strcmp(name, "target") == 0 && (json_is_string(value) || json_is_number(value));
        bool other = alone && is_metric(object, name) && strcmp(name, metric) != 0 &&
                     !among(name, taken) && (json_is_number(value) || json_is_boolean(value));
        if (!status && (target || other))
            status = set(row, name, json_incref(value));
    }
    return status;
}

static int add_document(json_t *object, const char *metric, size_t j, size_t k, json_t *rows)
{
    const json_t *filtered = json_object_get(object, "filtered_resps");
    json_t *row = json_object();
    int status = set(row, "problem", json_incref(json_object_get(object, "doc_id")));
    if (!status)
        status = add_verdict(object, metric, j, k, row);
    if (!status)
        status = is_likelihood(json_array_get(filtered, 0))
                     ? add_choice(object, filtered, metric, row)
                     : add_response(object, j, k, row);
    if (!status)
        status = add_columns(object, metric, k == 1, row);
    if (json_array_append_new(rows, row) && !status)
        status = assay_fail(ASSAY_ENOMEM, "out of memory");
    return status;
}

int assay_samples_harness(json_t *object, const char *metric, json_t *rows)
{
    const json_t *resps = json_object_get(object, "resps"), *first = json_array_get(resps, 0);
    int status = ASSAY_OK;
    if (!json_is_integer(json_object_get(object, "doc_id")))
        return assay_fail(ASSAY_EFORMAT, "doc_id must be an integer, got %s",
            assay_json_kind(json_object_get(object, "doc_id")));
    if (resps && !json_is_array(resps))
        return assay_fail(ASSAY_EFORMAT, "resps must be a list, got %s", assay_json_kind(resps));
    size_t k = json_is_array(first) && json_array_size(first) > 1 && !is_likelihood(first)
                   ? json_array_size(first)
                   : 1;
    for (size_t j = 0; j < k && !status; j++)
        status = add_document(object, metric, j, k, rows);
    return status;
}

/* ---- batches ---- */

static int set_text(json_t *row, const char *name, const char *text)
{
    return text ? set(row, name, json_string(text)) : ASSAY_OK;
}

static int add_completion(
    const json_t *id, const assay_completions *all, const assay_completion *one, json_t *rows)
{
    json_t *row = json_object();
    int status = set(row, "problem", share(id));
    if (!status)
        status = set_text(row, "text", one->text);
    if (!status && one->tokens >= 0)
        status = set(row, "tokens", json_integer(one->tokens));
    if (!status && !isnan(one->logprob))
        status = set(row, "logprob", json_real(one->logprob));
    if (!status && all->prompt >= 0)
        status = set(row, "prompt_tokens", json_integer(all->prompt));
    if (!status)
        status = set_text(row, "finish", one->finish);
    if (!status)
        status = set_text(row, "reasoning", one->reasoning);
    if (!status)
        status = set_text(row, "model", all->model);
    if (json_array_append_new(rows, row) && !status)
        status = assay_fail(ASSAY_ENOMEM, "out of memory");
    return status;
}

/* Nothing came: *failed, and the message of why. */
static int request_failed(json_t *object, const json_t *body, bool *failed)
{
    const json_t *id = json_object_get(object, "custom_id");
    json_int_t code =
        json_integer_value(json_object_get(json_object_get(object, "response"), "status_code"));
    const char *why = assay_completions_error(object);
    if (!why)
        why = assay_completions_error(body);
    *failed = true;
    char status[32] = "";
    if (code)
        snprintf(status, sizeof status, " with status %lld", (long long)code);
    return assay_fail(ASSAY_EFORMAT, "the request \"%s\" failed%s: %s",
        json_is_string(id) ? json_string_value(id) : "?", status, why ? why : "no answer");
}

int assay_samples_batch(json_t *object, bool *failed, json_t *rows)
{
    const json_t *id = json_object_get(object, "custom_id");
    const json_t *response = json_object_get(object, "response"), *error = NULL;
    const json_t *body = json_object_get(response, "body");
    json_int_t code = json_integer_value(json_object_get(response, "status_code"));
    *failed = false;
    if (!json_is_string(id) && !json_is_integer(id))
        return assay_fail(
            ASSAY_EFORMAT, "custom_id must be a text or an integer, got %s", assay_json_kind(id));
    error = json_object_get(object, "error");
    if (!body)
        body = response; /* some servers leave the envelope out */
    if ((error && !json_is_null(error)) || !json_is_object(body) || (code && code != 200) ||
        json_object_get(body, "error"))
        return request_failed(object, body, failed);
    assay_completions all;
    int status = assay_completions_read(body, &all);
    for (size_t i = 0; i < all.count && !status; i++)
        status = add_completion(id, &all, &all.items[i], rows);
    assay_completions_free(&all);
    return status;
}
