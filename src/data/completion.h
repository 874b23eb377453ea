/*
 * What a server with OpenAI's protocol answers: the completions of one request, as a chat
 * ("chat.completion") or of a text ("text_completion"). Logs of batches hold the same objects.
 *
 *   choices[]   index, finish_reason, and
 *     chat      message.content, message.reasoning_content or .reasoning,
 * logprobs.content[].logprob text      text, logprobs.token_logprobs[] usage       prompt_tokens,
 * completion_tokens model
 */
#ifndef ASSAY_DATA_COMPLETION_H
#define ASSAY_DATA_COMPLETION_H

#include <jansson.h>
#include <stddef.h>

typedef struct assay_completion {
    const char *text;      /* "" when there is none (a refusal, a call of a tool) */
    const char *reasoning; /* what a model thought before it, apart from the text; or NULL */
    const char *finish;    /* "stop", "length", ...; or NULL */
    double logprob;        /* of all its tokens together; NaN: not told */
    long long tokens;      /* -1: not told */
} assay_completion;

typedef struct assay_completions {
    size_t count;
    assay_completion *items;      /* in the order of their index */
    const char *model;            /* or NULL */
    long long prompt, completion; /* tokens of the whole request; -1: not told */
} assay_completions;

/* Texts belong to `body` and live as long as it. ASSAY_EFORMAT names the field that is not as
 * above; ASSAY_ENOMEM. */
int assay_completions_read(const json_t *body, assay_completions *out);
void assay_completions_free(assay_completions *completions);

/* What an {"error": ...} says, or NULL: its message, or itself when it is a text. Belongs to
 * `body`. */
const char *assay_completions_error(const json_t *body);

#endif
