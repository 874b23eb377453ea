/*
 * OpenAI's protocol over HTTP (libmicrohttpd), for a model that is a function: what `assay serve`
 * listens with. One request at a time, in the thread that calls.
 *
 *   GET  /v1/models
 *   POST /v1/completions        prompt: a text
 *   POST /v1/chat/completions   messages: the last one's content is the prompt
 *
 * Of a request's fields n, temperature, top_p, min_p, max_tokens (max_completion_tokens), seed,
 * stop and logprobs are heard, and their ranges checked; those that would change an answer and are
 * not offered (stream, best_of, echo, penalties, tools, ...) are refused unless they ask for
 * nothing; others are ignored, as the protocol has it.
 */
#ifndef ASSAY_RUN_SERVE_H
#define ASSAY_RUN_SERVE_H

#include <stddef.h>

typedef struct assay_serve_options {
    const char *name;     /* of the model */
    const char *host;     /* an address of this machine */
    int port;             /* 0: any that is free */
    long long max_tokens; /* where a request says nothing */
    /*
     * Complete a request. It is JSON: {"prompt": text, "messages": [...] of a chat, "n",
     * "temperature", "top_p", "min_p", "max_tokens", "seed" (always there), "stop": [text...],
     * "logprobs": boolean}. The answer, which the server frees, is JSON, too: {"choices": [{"text",
     * "finish": "stop" or "length", "tokens": number, "pieces": [text...] and "logprobs":
     * [number...] of each token, as far as it can}...], "prompt_tokens": number}, n choices. NULL:
     * it can't, assay_errmsg says why.
     */
    char *(*complete)(void *context, const char *request);
    void *context;
} assay_serve_options;

typedef struct assay_serve assay_serve;

enum { ASSAY_SERVE_LARGEST = 1 << 20 /* bytes of a request */, ASSAY_SERVE_CHOICES = 128 };

/* Listen. ASSAY_EINVAL: no such address; ASSAY_EIO: it is taken, ...; ASSAY_ENOMEM. The texts must
 * outlive the server. */
int assay_serve_start(const assay_serve_options *options, assay_serve **out);
const char *assay_serve_url(const assay_serve *serve); /* "http://127.0.0.1:8080/v1" */
/* Does the address belong to this machine alone? */
int assay_serve_is_local(const assay_serve *serve);

/* Wait for what comes, at most so many milliseconds, and answer it. ASSAY_EIO when that fails. */
int assay_serve_step(assay_serve *serve, int milliseconds);
void assay_serve_stop(assay_serve *serve);

#endif
