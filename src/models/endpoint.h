/*
 * A language model behind an OpenAI-compatible server (vLLM, llama.cpp, Ollama, ...), sampled
 * through libcurl's multi interface with many requests in flight.
 *
 * A sample is known by what was asked (the server, the model, the prompt, how it is sampled) and by
 * its number, from 1 within its prompt. What arrives is kept at once in a journal, a file for each
 * thing that can be asked; a later call, of another process too, asks only for numbers that are not
 * there. So a run that was stopped, killed or failed goes on where it was, and none pays twice.
 *
 * Results stand in the order of (prompt, sample), whatever arrived first. Waiting and its jitter
 * have no influence on them. Whether the same seed gives the same text is the server's doing.
 *
 * The key comes out of the environment, goes to the server alone, and appears in no message,
 * journal or result: where a server repeats it, it is blotted out. Redirects are not followed,
 * certificates are verified, and a key does not travel unencrypted to another machine.
 */
#ifndef ASSAY_MODELS_ENDPOINT_H
#define ASSAY_MODELS_ENDPOINT_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/progress.h"
#include "data/table.h"

typedef struct assay_endpoint assay_endpoint;

/* Zero (NULL, false) is the default of every field but url and model. */
typedef struct assay_endpoint_options {
    const char *url;     /* of the API: "http://127.0.0.1:8000/v1" */
    const char *model;   /* as the server calls it */
    bool text;           /* /completions of a text instead of /chat/completions */
    const char *key;     /* the NAME of the environment variable that holds the key; NULL: no key */
    bool insecure;       /* send the key over http:// to another machine */
    size_t in_flight;    /* requests at a time, 8; at most 1024 */
    size_t batch;        /* samples that a request asks for at most, 8; 1: never ask for several */
    int retries;         /* of a request, 8; -1: none */
    double backoff;      /* seconds before the first retry, 1; doubles up to 60 */
    double timeout;      /* seconds that a request may take, 600 */
    size_t largest;      /* bytes that an answer may have, 64 MiB */
    const char *journal; /* the directory of journals; NULL: nothing is kept */
    double prompt_price, completion_price; /* for 10^6 tokens, in any currency; both 0: no cost */
} assay_endpoint_options;

/* Numbers that are NaN, and max_tokens 0 and seed -1, are not sent: the server has its own. */
typedef struct assay_endpoint_sampling {
    size_t n; /* samples a prompt, at least 1 */
    double temperature, top_p, min_p;
    int64_t max_tokens, seed; /* seed in 0..2^63 - 1; each request gets one of its own from it */
    const char *const *stop;
    size_t stops;
    bool logprobs;
    const char *extra; /* a JSON object of further fields of the request; or NULL */
} assay_endpoint_sampling;

#define ASSAY_ENDPOINT_SAMPLING                                                                    \
    {                                                                                              \
        .n = 1, .temperature = NAN, .top_p = NAN, .min_p = NAN, .seed = -1                         \
    }

typedef struct assay_endpoint_usage {
    size_t samples, kept;                          /* all, and those that the journal had */
    size_t requests, retries;                      /* of this call */
    double prompt_tokens, completion_tokens, cost; /* of all samples, kept ones too */
} assay_endpoint_usage;

/* ASSAY_EINVAL names the option; ASSAY_ENOTFOUND: the key's variable is not set; ASSAY_ENOMEM. */
int assay_endpoint_new(const assay_endpoint_options *options, assay_endpoint **out);
void assay_endpoint_free(assay_endpoint *endpoint);

/*
 * n samples of each of `count` prompts. A prompt is JSON: a text, or for a chat a list of messages.
 * No two are equal (they would have the same samples). `problems` names them, NULL: 1, 2, ...
 *
 * The new table, which the caller frees, has the columns problem, sample, text and, as far as the
 * server tells, finish, tokens, logprob, prompt_tokens (of the request that the sample came with),
 * cost, reasoning, model, seed (of that request). It is a log of samples without verdict.
 *
 * 429, 5xx, cut connections, answers that make no sense and timeouts are tried again, after what
 * Retry-After says or with exponential back-off; others end the call when what is in flight has
 * arrived. ASSAY_EINVAL; ASSAY_EIO: the server failed, or the journal could not be written (the
 * message says which and why; what arrived is kept); ASSAY_EFORMAT: an answer that is none;
 * ASSAY_ECANCELLED within a second; ASSAY_ENOMEM.
 */
int assay_endpoint_sample(assay_endpoint *endpoint, const char *const *prompts,
    const char *const *problems, size_t count, const assay_endpoint_sampling *sampling,
    const assay_progress *progress, assay_table **out, assay_endpoint_usage *usage);

/* Where journals are unless the caller has a better place: $XDG_DATA_HOME/assay/samples, or
 * ~/.local/share/assay/samples. ASSAY_ENOTFOUND when neither is set. */
int assay_endpoint_directory(char *out, size_t size);

#endif
