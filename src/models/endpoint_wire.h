/* What goes to a server and comes back, without any network. Part of endpoint.c; not installed. */
#ifndef ASSAY_MODELS_ENDPOINT_WIRE_H
#define ASSAY_MODELS_ENDPOINT_WIRE_H

#include <jansson.h>

#include "models/endpoint.h"

/* What is asked, without the number of samples, as canonical JSON; the caller frees it. NULL when
 * memory ran out. */
char *assay_endpoint_identity(const assay_endpoint_options *options,
    const assay_endpoint_sampling *sampling, const json_t *prompt);

/* The request for `count` samples from number `first` on; the caller frees it. */
char *assay_endpoint_request(const assay_endpoint_options *options,
    const assay_endpoint_sampling *sampling, const json_t *prompt, size_t first, size_t count);

/* The seed of the request whose first sample is `first`: below 2^31, as servers want it. */
int64_t assay_endpoint_seed(int64_t seed, size_t first);

/*
 * The samples of an answer, at most `count`, as a list of objects {"sample": number, "text": ...}.
 * ASSAY_EFORMAT when it is no answer; ASSAY_ENOMEM.
 */
int assay_endpoint_answer(const char *body, size_t size, size_t first, size_t count, int64_t seed,
    const char *key, json_t **rows);

/* What the server says of an error, in one line and without the key. */
void assay_endpoint_reason(
    const char *body, size_t size, const char *key, char *out, size_t out_size);

/* Overwrite every occurrence of the key, if it is long enough to be a secret. */
void assay_endpoint_blot(char *text, const char *key);

#endif
