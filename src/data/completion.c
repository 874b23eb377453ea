/*
 * Completions out of JSON; see completion.h.
 *
 * Servers differ: fields that say nothing are null, absent or empty, indices may be missing, and a
 * count of tokens is that of a request, not of a choice. What is not told stays untold: a request's
 * tokens are a choice's only when it is the only one.
 */
#include "data/completion.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/lines.h"

/* How deep the position of a choice may be: no server gives as many. */
enum { MOST_CHOICES = 1 << 20 };

struct placed {
    long long index;
    size_t at;
    assay_completion completion;
};

static int by_index(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int wrong(size_t choice, const char *field, const char *wanted, const json_t *got)
{
    return assay_fail(ASSAY_EFORMAT, "choices[%zu].%s must be %s, got %s", choice, field, wanted,
        got ? assay_json_kind(got) : "none");
}

static const char *text_or_null(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static long long count_or_none(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

/* A sum of numbers; null entries (the first token of an echo has no probability) count as tokens.
 */
static int add_logprob(size_t choice, const json_t *value, assay_completion *out)
{
    if (!json_is_number(value) && !json_is_null(value))
        return wrong(choice, "logprobs", "numbers", value);
    if (json_is_number(value))
        out->logprob += json_number_value(value);
    out->tokens++;
    return ASSAY_OK;
}

static int read_logprobs(size_t choice, const json_t *logprobs, assay_completion *out)
{
    const json_t *list = json_object_get(logprobs, "token_logprobs"), *entry;
    bool chat = !json_is_array(list);
    if (chat)
        list = json_object_get(logprobs, "content");
    if (!json_is_array(list) || json_array_size(list) == 0)
        return ASSAY_OK;
    size_t i;
    int status = ASSAY_OK;
    out->logprob = 0;
    out->tokens = 0;
    json_array_foreach(list, i, entry)
    {
        if (!status)
            status = add_logprob(choice, chat ? json_object_get(entry, "logprob") : entry, out);
    }
    return status;
}

static int read_text(size_t choice, const json_t *object, assay_completion *out)
{
    const json_t *message = json_object_get(object, "message");
    const json_t *text = json_object_get(message ? message : object, message ? "content" : "text");
    if (message && !json_is_object(message))
        return wrong(choice, "message", "an object", message);
    if (text && !json_is_string(text) && !json_is_null(text))
        return wrong(choice, message ? "message.content" : "text", "a text", text);
    if (!message && !text)
        return wrong(choice, "text", "a text", text);
    out->text = json_is_string(text) ? json_string_value(text) : "";
    out->reasoning = text_or_null(message, "reasoning_content");
    if (!out->reasoning)
        out->reasoning = text_or_null(message, "reasoning");
    return ASSAY_OK;
}

static int read_choice(size_t at, const json_t *object, struct placed *out)
{
    if (!json_is_object(object))
        return assay_fail(
            ASSAY_EFORMAT, "choices[%zu] must be an object, got %s", at, assay_json_kind(object));
    long long index = count_or_none(object, "index");
    *out = (struct placed){.index = index >= 0 ? index : (long long)at,
        .at = at,
        .completion = {NULL, NULL, NULL, NAN, -1}};
    out->completion.finish = text_or_null(object, "finish_reason");
    int status = read_text(at, object, &out->completion);
    return status ? status
                  : read_logprobs(at, json_object_get(object, "logprobs"), &out->completion);
}

static int read_choices(const json_t *choices, assay_completions *out)
{
    size_t n = json_array_size(choices);
    if (n > MOST_CHOICES)
        return assay_fail(ASSAY_EFORMAT, "choices are %zu, more than %d", n, MOST_CHOICES);
    struct placed *placed = calloc(n ? n : 1, sizeof *placed);
    out->items = calloc(n ? n : 1, sizeof *out->items);
    int status = placed && out->items ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t i = 0; i < n && !status; i++)
        status = read_choice(i, json_array_get(choices, i), &placed[i]);
    if (!status) {
        qsort(placed, n, sizeof *placed, by_index);
        for (size_t i = 0; i < n; i++)
            out->items[i] = placed[i].completion;
        out->count = n;
    }
    free(placed);
    return status;
}

int assay_completions_read(const json_t *body, assay_completions *out)
{
    *out = (assay_completions){.prompt = -1, .completion = -1};
    const json_t *choices = json_object_get(body, "choices");
    const json_t *usage = json_object_get(body, "usage");
    if (!json_is_object(body))
        return assay_fail(ASSAY_EFORMAT, "must be an object, got %s", assay_json_kind(body));
    if (!json_is_array(choices))
        return assay_fail(ASSAY_EFORMAT, "choices must be a list, got %s",
            choices ? assay_json_kind(choices) : "none");
    int status = read_choices(choices, out);
    if (status) {
        assay_completions_free(out);
        return status;
    }
    out->model = text_or_null(body, "model");
    out->prompt = count_or_none(usage, "prompt_tokens");
    out->completion = count_or_none(usage, "completion_tokens");
    if (out->count == 1 && out->completion >= 0)
        out->items[0].tokens = out->completion;
    return ASSAY_OK;
}

void assay_completions_free(assay_completions *completions)
{
    free(completions->items);
    completions->items = NULL;
    completions->count = 0;
}

const char *assay_completions_error(const json_t *body)
{
    const json_t *error = json_object_get(body, "error");
    if (json_is_string(error))
        return json_string_value(error);
    const char *message = text_or_null(error, "message");
    return message ? message : text_or_null(body, "message");
}
