/*
 * Requests and answers of OpenAI's protocol; see endpoint_wire.h.
 *
 * A request's seed comes from the sampling's seed and the number of its first sample through a
 * stream: seeds that differ by one, as users choose them, then share no sample's seed.
 */
#include "models/endpoint_wire.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "core/status.h"
#include "data/completion.h"

enum { SECRET = 12 }; /* shorter keys are the dummies that local servers want */

/* ---- asking ---- */

static void set_number(json_t *object, const char *name, double x)
{
    if (!isnan(x))
        json_object_set_new(object, name, json_real(x));
}

static void set_stop(json_t *object, const assay_endpoint_sampling *sampling)
{
    if (sampling->stops == 0)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < sampling->stops; i++)
        json_array_append_new(list, json_string(sampling->stop[i]));
    json_object_set_new(object, "stop", list);
}

/* What a sample depends on, but for prompt and seed. */
static json_t *common(
    const assay_endpoint_options *options, const assay_endpoint_sampling *sampling)
{
    json_t *o = json_object();
    json_object_set_new(o, "model", json_string(options->model));
    set_number(o, "temperature", sampling->temperature);
    set_number(o, "top_p", sampling->top_p);
    set_number(o, "min_p", sampling->min_p);
    if (sampling->max_tokens > 0)
        json_object_set_new(o, "max_tokens", json_integer(sampling->max_tokens));
    set_stop(o, sampling);
    if (sampling->logprobs)
        json_object_set_new(o, "logprobs", options->text ? json_integer(1) : json_true());
    if (sampling->extra) {
        json_t *extra = json_loads(sampling->extra, 0, NULL);
        json_object_update(o, extra);
        json_decref(extra);
    }
    return o;
}

char *assay_endpoint_identity(const assay_endpoint_options *options,
    const assay_endpoint_sampling *sampling, const json_t *prompt)
{
    json_t *o = common(options, sampling), *all = json_object();
    json_object_set_new(all, "journal", json_string("assay.models.endpoint 1"));
    json_object_set_new(all, "url", json_string(options->url));
    json_object_set_new(all, "kind", json_string(options->text ? "text" : "chat"));
    json_object_set_new(all, "request", o);
    json_object_set(all, "prompt", (json_t *)(uintptr_t)prompt);
    if (sampling->seed >= 0)
        json_object_set_new(all, "seed", json_integer(sampling->seed));
    char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(all);
    return text;
}

int64_t assay_endpoint_seed(int64_t seed, size_t first)
{
    assay_rng root = assay_rng_seed((uint64_t)seed), stream = assay_rng_split(&root, first);
    return (int64_t)(assay_rng_u32(&stream) >> 1);
}

static json_t *messages_of(const json_t *prompt)
{
    if (!json_is_string(prompt))
        return json_incref((json_t *)(uintptr_t)prompt);
    return json_pack("[{s:s, s:O}]", "role", "user", "content", prompt);
}

char *assay_endpoint_request(const assay_endpoint_options *options,
    const assay_endpoint_sampling *sampling, const json_t *prompt, size_t first, size_t count)
{
    json_t *o = common(options, sampling);
    if (options->text)
        json_object_set(o, "prompt", (json_t *)(uintptr_t)prompt);
    else
        json_object_set_new(o, "messages", messages_of(prompt));
    if (count > 1)
        json_object_set_new(o, "n", json_integer((json_int_t)count));
    if (sampling->seed >= 0)
        json_object_set_new(o, "seed", json_integer(assay_endpoint_seed(sampling->seed, first)));
    json_object_set_new(o, "stream", json_false());
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    return text;
}

/* ---- the key ---- */

void assay_endpoint_blot(char *text, const char *key)
{
    size_t length = key ? strlen(key) : 0;
    if (length < SECRET)
        return;
    for (char *at = text; (at = strstr(at, key)); at += length)
        memset(at, '*', length);
}

static json_t *blotted(const char *text, const char *key)
{
    char *copy = strdup(text);
    if (copy)
        assay_endpoint_blot(copy, key);
    json_t *value = copy ? json_string(copy) : NULL;
    free(copy);
    return value;
}

/* ---- answers ---- */

static int set(json_t *row, const char *name, json_t *value)
{
    return json_object_set_new(row, name, value) ? assay_fail(ASSAY_ENOMEM, "out of memory")
                                                 : ASSAY_OK;
}

static int set_text(json_t *row, const char *name, const char *text, const char *key)
{
    return text ? set(row, name, blotted(text, key)) : ASSAY_OK;
}

static int set_count(json_t *row, const char *name, long long count)
{
    return count >= 0 ? set(row, name, json_integer(count)) : ASSAY_OK;
}

static int fill_row(
    json_t *row, const assay_completions *all, size_t i, size_t used, const char *key)
{
    const assay_completion *one = &all->items[i];
    int status = set_text(row, "text", one->text, key);
    if (!status)
        status = set_text(row, "finish", one->finish, key);
    if (!status)
        status = set_text(row, "reasoning", one->reasoning, key);
    if (!status)
        status = set_text(row, "model", all->model, key);
    if (!status)
        status = set_count(row, "tokens", one->tokens);
    if (!status && isfinite(one->logprob))
        status = set(row, "logprob", json_real(one->logprob));
    if (!status)
        status = set_count(row, "prompt_tokens", all->prompt);
    if (!status)
        status = set_count(row, "completion_tokens", all->completion);
    return status ? status : set_count(row, "request", (long long)used);
}

static int read_rows(const assay_completions *all, size_t first, size_t count, int64_t seed,
    const char *key, json_t *rows)
{
    size_t used = all->count < count ? all->count : count;
    int status = ASSAY_OK;
    for (size_t i = 0; i < used && !status; i++) {
        json_t *row = json_object();
        status = set_count(row, "sample", (long long)(first + i));
        if (!status)
            status = set_count(row, "seed", seed);
        if (!status)
            status = fill_row(row, all, i, used, key);
        if (json_array_append_new(rows, row) && !status)
            status = assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    return status;
}

int assay_endpoint_answer(const char *body, size_t size, size_t first, size_t count, int64_t seed,
    const char *key, json_t **rows)
{
    json_error_t error;
    assay_completions all;
    *rows = NULL;
    json_t *root = json_loadb(body, size, 0, &error);
    if (!root)
        return assay_fail(ASSAY_EFORMAT, "the answer is not JSON");
    int status = assay_completions_read(root, &all);
    if (status == ASSAY_EFORMAT && assay_completions_error(root)) {
        char why[512];
        assay_endpoint_reason(body, size, key, why, sizeof why);
        status = assay_fail(ASSAY_EFORMAT, "%s", why);
    }
    if (!status && all.count == 0)
        status = assay_fail(ASSAY_EFORMAT, "choices is an empty list");
    if (!status)
        *rows = json_array();
    if (!status)
        status = *rows ? read_rows(&all, first, count, seed, key, *rows)
                       : assay_fail(ASSAY_ENOMEM, "out of memory");
    assay_completions_free(&all);
    if (status) {
        json_decref(*rows);
        *rows = NULL;
    }
    json_decref(root);
    return status;
}

/* In one line: what steers a terminal becomes a space. */
static void flatten(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (iscntrl(*c))
            *c = ' ';
}

void assay_endpoint_reason(
    const char *body, size_t size, const char *key, char *out, size_t out_size)
{
    json_t *root = json_loadb(body, size, JSON_DECODE_ANY, NULL);
    const char *message = root ? assay_completions_error(root) : NULL;
    char *copy = message ? strdup(message) : body ? strndup(body, size) : NULL;
    if (copy) {
        assay_endpoint_blot(copy, key);
        flatten(copy);
    }
    snprintf(out, out_size, "%.300s", copy ? copy : "");
    free(copy);
    json_decref(root);
}
