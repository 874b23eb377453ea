/*
 * The server; see serve.h. libmicrohttpd speaks HTTP; here are the requests, their checks, and the
 * answers. Clients that say nothing for a minute are let go.
 */
#include "run/serve.h"

#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "core/status.h"
#include "data/lines.h"

enum { CONNECTIONS = 200, SILENCE = 60 /* seconds */, STOPS = 16 };

struct assay_serve {
    assay_serve_options options;
    struct MHD_Daemon *daemon;
    char url[320];
    bool local;
    unsigned long long answers; /* so far: each has an id */
};

/* What a connection's request is, while it arrives. */
struct arrival {
    char *body;
    size_t size;
    bool too_large;
};

/* ---- answers ---- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(body);
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static json_t *error_json(const char *message)
{
    json_t *text = json_string(message);
    return json_pack("{s:{s:o,s:s,s:n,s:n}}", "error", "message",
        text ? text : json_string("(not UTF-8)"), "type", "invalid_request_error", "param", "code");
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status)
{
    return reply(connection, status, error_json(assay_errmsg()));
}

static enum MHD_Result list_models(const assay_serve *self, struct MHD_Connection *connection)
{
    return reply(connection, MHD_HTTP_OK,
        json_pack("{s:s,s:[{s:s,s:s,s:i,s:s}]}", "object", "list", "data", "id", self->options.name,
            "object", "model", "created", 0, "owned_by", "assay"));
}

static json_t *item(const json_t *choice, const char *name)
{
    return json_object_get(choice, name);
}

static json_t *copied(const json_t *value)
{
    return value ? json_deep_copy(value) : json_null();
}

/* Log-probabilities as a chat has them, and as completions of texts have them. */
static json_t *logprobs_json(const json_t *choice, bool chat)
{
    const json_t *pieces = item(choice, "pieces"), *logprobs = item(choice, "logprobs");
    if (!json_is_array(pieces) || !json_is_array(logprobs))
        return json_null();
    if (!chat)
        return json_pack("{s:o,s:o,s:n}", "tokens", copied(pieces), "token_logprobs",
            copied(logprobs), "top_logprobs");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(pieces); i++)
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:[]}", "token", copied(json_array_get(pieces, i)), "logprob",
                      copied(json_array_get(logprobs, i)), "top_logprobs"));
    return json_pack("{s:o}", "content", list);
}

static json_t *choice_json(const json_t *choice, size_t index, bool chat, bool logprobs)
{
    json_t *o = json_pack("{s:i,s:o,s:o}", "index", (int)index, "finish_reason",
        copied(item(choice, "finish")), "logprobs",
        logprobs ? logprobs_json(choice, chat) : json_null());
    if (chat)
        json_object_set_new(o, "message",
            json_pack("{s:s,s:o}", "role", "assistant", "content", copied(item(choice, "text"))));
    else
        json_object_set_new(o, "text", copied(item(choice, "text")));
    return o;
}

static json_t *answer_json(assay_serve *self, const json_t *answer, bool chat, bool logprobs)
{
    const json_t *choices = json_object_get(answer, "choices"), *choice;
    json_int_t prompt = json_integer_value(json_object_get(answer, "prompt_tokens")),
               completion = 0;
    json_t *list = json_array();
    char id[64];
    size_t i;
    json_array_foreach(choices, i, choice)
    {
        json_array_append_new(list, choice_json(choice, i, chat, logprobs));
        completion += json_integer_value(item(choice, "tokens"));
    }
    snprintf(id, sizeof id, "%s-%llu", chat ? "chatcmpl" : "cmpl", ++self->answers);
    return json_pack("{s:s,s:s,s:I,s:s,s:o,s:{s:I,s:I,s:I}}", "id", id, "object",
        chat ? "chat.completion" : "text_completion", "created", (json_int_t)time(NULL), "model",
        self->options.name, "choices", list, "usage", "prompt_tokens", prompt, "completion_tokens",
        completion, "total_tokens", prompt + completion);
}

/* ---- requests ---- */

static int wrong(const char *name, const char *wanted, const json_t *got)
{
    return assay_fail(ASSAY_EINVAL, "%s must be %s, got %s", name, wanted, assay_json_kind(got));
}

static bool is_given(const json_t *value)
{
    return value && !json_is_null(value);
}

static int take_number(
    const json_t *body, const char *name, double absent, double most, json_t *out)
{
    const json_t *value = json_object_get(body, name);
    double x = is_given(value) ? json_number_value(value) : absent;
    if (is_given(value) && !json_is_number(value))
        return wrong(name, "a number", value);
    if (!(x >= 0) || x > most)
        return assay_fail(ASSAY_EINVAL, "%s must be in 0..%g, got %g", name, most, x);
    json_object_set_new(out, name, json_real(x));
    return ASSAY_OK;
}

static int take_integer(const json_t *body, const char *field, const char *name, json_int_t absent,
    json_int_t least, json_int_t most, json_t *out)
{
    const json_t *value = json_object_get(body, field);
    json_int_t x = is_given(value) ? json_integer_value(value) : absent;
    if (is_given(value) && !json_is_integer(value))
        return wrong(field, "an integer", value);
    if (x < least || x > most)
        return assay_fail(ASSAY_EINVAL, "%s must be in %lld..%lld, got %lld", field,
            (long long)least, (long long)most, (long long)x);
    json_object_set_new(out, name, json_integer(x));
    return ASSAY_OK;
}

static int take_stop(const json_t *body, json_t *out)
{
    const json_t *value = json_object_get(body, "stop"), *text;
    json_t *list = json_array();
    size_t i;
    json_object_set_new(out, "stop", list);
    if (json_is_string(value))
        json_array_append(list, (json_t *)(uintptr_t)value);
    else if (is_given(value) && !json_is_array(value))
        return wrong("stop", "a text or a list of texts", value);
    json_array_foreach(value, i, text)
    {
        if (!json_is_string(text))
            return wrong("stop", "a list of texts", text);
        json_array_append(list, (json_t *)(uintptr_t)text);
    }
    json_array_foreach(list, i, text)
    {
        if (json_string_length(text) == 0)
            return assay_fail(ASSAY_EINVAL, "stop must not be empty");
    }
    return json_array_size(list) <= STOPS
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "stop must be at most %d texts", STOPS);
}

/* true and false of a chat; a number of a text's completion, of which only the chosen token's is
 * offered. */
static int take_logprobs(const json_t *body, bool *logprobs)
{
    const json_t *value = json_object_get(body, "logprobs");
    *logprobs = json_is_true(value) || json_is_integer(value);
    if (is_given(value) && !json_is_boolean(value) && !json_is_integer(value))
        return wrong("logprobs", "true, false or an integer", value);
    return ASSAY_OK;
}

/* Fields that would change an answer, unless they ask for nothing. */
static int check_not_offered(const json_t *body)
{
    static const char *const names[] = {"stream", "echo", "best_of", "suffix", "tools", "functions",
        "presence_penalty", "frequency_penalty", "logit_bias", "response_format", "top_k"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(body, names[i]);
        bool nothing = !is_given(value) || json_is_false(value) ||
                       (json_is_number(value) && json_number_value(value) == 0) ||
                       (json_is_integer(value) && strcmp(names[i], "best_of") == 0 &&
                           json_integer_value(value) == 1) ||
                       ((json_is_object(value) || json_is_array(value)) &&
                           !json_object_size(value) && !json_array_size(value));
        if (!nothing)
            return assay_fail(ASSAY_EINVAL, "%s is not offered", names[i]);
    }
    return ASSAY_OK;
}

static int take_messages(const json_t *body, json_t *out)
{
    json_t *messages = json_object_get(body, "messages"), *message;
    size_t i;
    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return assay_fail(ASSAY_EINVAL, "messages must be a list of at least one message");
    json_array_foreach(messages, i, message)
    {
        if (!json_is_string(json_object_get(message, "role")) ||
            !json_is_string(json_object_get(message, "content")))
            return assay_fail(
                ASSAY_EINVAL, "messages[%zu] must have a role and a content, both texts", i);
    }
    message = json_array_get(messages, json_array_size(messages) - 1);
    json_object_set(out, "messages", messages);
    json_object_set(out, "prompt", json_object_get(message, "content"));
    return ASSAY_OK;
}

static int take_prompt(const json_t *body, bool chat, json_t *out)
{
    json_t *prompt = json_object_get(body, "prompt");
    if (chat)
        return take_messages(body, out);
    if (!json_is_string(prompt))
        return prompt ? wrong("prompt", "a text", prompt)
                      : assay_fail(ASSAY_EINVAL, "prompt must be given, a text");
    json_object_set(out, "prompt", prompt);
    return ASSAY_OK;
}

static json_int_t any_seed(void)
{
    uint32_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)time(NULL);
    return seed;
}

/* The request as the model gets it. */
static int take_request(
    const assay_serve *self, const json_t *body, bool chat, json_t *out, bool *logprobs)
{
    bool newer = is_given(json_object_get(body, "max_completion_tokens"));
    int status = take_prompt(body, chat, out);
    if (!status)
        status = check_not_offered(body);
    if (!status)
        status = take_integer(body, "n", "n", 1, 1, ASSAY_SERVE_CHOICES, out);
    if (!status)
        status = take_integer(body, newer ? "max_completion_tokens" : "max_tokens", "max_tokens",
            self->options.max_tokens, 1, 1 << 20, out);
    if (!status)
        status = take_integer(body, "seed", "seed", any_seed(), 0, INT64_MAX, out);
    if (!status)
        status = take_number(body, "temperature", 1, 100, out);
    if (!status)
        status = take_number(body, "top_p", 1, 1, out);
    if (!status)
        status = take_number(body, "min_p", 0, 1, out);
    if (!status)
        status = take_stop(body, out);
    if (!status)
        status = take_logprobs(body, logprobs);
    json_object_set_new(out, "logprobs", json_boolean(*logprobs));
    return status;
}

static enum MHD_Result complete(
    assay_serve *self, struct MHD_Connection *connection, const json_t *body, bool chat)
{
    bool logprobs = false;
    json_t *request = json_object(), *answer = NULL;
    int status = take_request(self, body, chat, request, &logprobs);
    char *question = status ? NULL : json_dumps(request, JSON_REAL_PRECISION(17));
    json_decref(request);
    char *text = question ? self->options.complete(self->options.context, question) : NULL;
    free(question);
    if (text)
        answer = json_loads(text, 0, NULL);
    free(text);
    if (!answer)
        return refuse(connection, MHD_HTTP_BAD_REQUEST);
    json_t *whole = answer_json(self, answer, chat, logprobs);
    json_decref(answer);
    return reply(connection, MHD_HTTP_OK, whole);
}

static enum MHD_Result take_post(
    assay_serve *self, struct MHD_Connection *connection, bool chat, const struct arrival *arrival)
{
    json_error_t error;
    unsigned status = MHD_HTTP_BAD_REQUEST;
    json_t *body = json_loadb(arrival->body ? arrival->body : "", arrival->size, 0, &error);
    const char *model = json_string_value(json_object_get(body, "model"));
    enum MHD_Result result;
    if (!body)
        assay_fail(ASSAY_EFORMAT, "the request is not JSON: %s", error.text);
    else if (!json_is_object(body))
        assay_fail(ASSAY_EFORMAT, "the request must be an object, got %s", assay_json_kind(body));
    else if (!model)
        assay_fail(ASSAY_EINVAL, "model must be given, a text");
    else if (strcmp(model, self->options.name) != 0) {
        status = MHD_HTTP_NOT_FOUND;
        assay_fail(ASSAY_ENOTFOUND, "there is no model \"%.64s\" here, only \"%.64s\"", model,
            self->options.name);
    } else
        status = MHD_HTTP_OK;
    result =
        status == MHD_HTTP_OK ? complete(self, connection, body, chat) : refuse(connection, status);
    json_decref(body);
    return result;
}

/* ---- connections ---- */

static enum MHD_Result route(assay_serve *self, struct MHD_Connection *connection, const char *path,
    const char *method, const struct arrival *arrival)
{
    bool chat = strcmp(path, "/v1/chat/completions") == 0;
    bool text = strcmp(path, "/v1/completions") == 0, models = strcmp(path, "/v1/models") == 0;
    const char *wanted = models ? MHD_HTTP_METHOD_GET : MHD_HTTP_METHOD_POST;
    if (!chat && !text && !models) {
        assay_fail(ASSAY_ENOTFOUND,
            "there is no %.64s here, only /v1/models, /v1/completions and "
            "/v1/chat/completions",
            path);
        return refuse(connection, MHD_HTTP_NOT_FOUND);
    }
    if (strcmp(method, wanted) != 0) {
        assay_fail(ASSAY_EINVAL, "%s wants %s", path, wanted);
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
    }
    if (arrival->too_large) {
        assay_fail(ASSAY_EINVAL, "a request may have %d bytes", ASSAY_SERVE_LARGEST);
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    }
    return models ? list_models(self, connection) : take_post(self, connection, chat, arrival);
}

static void add_bytes(struct arrival *arrival, const char *data, size_t size)
{
    char *grown = NULL;
    if (arrival->size + size <= ASSAY_SERVE_LARGEST)
        grown = realloc(arrival->body, arrival->size + size);
    if (!grown) {
        arrival->too_large = true;
        return;
    }
    memcpy(grown + arrival->size, data, size);
    arrival->body = grown;
    arrival->size += size;
}

/* libmicrohttpd calls this for the head, for each piece of the body, and at its end. */
static enum MHD_Result take(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *size, void **state)
{
    struct arrival *arrival = *state;
    (void)version;
    if (!arrival) {
        *state = calloc(1, sizeof *arrival);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        if (!arrival->too_large)
            add_bytes(arrival, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return route(context, connection, path, method, arrival);
}

static void forget(void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
    struct arrival *arrival = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (arrival)
        free(arrival->body);
    free(arrival);
    *state = NULL;
}

/* ---- listening ---- */

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
               127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static void name_url(assay_serve *self, int file)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[128] = "?", port[16] = "?";
    if (getsockname(file, (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
            NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = strchr(host, ':') != NULL;
    snprintf(self->url, sizeof self->url, "http://%s%s%s:%s/v1", six ? "[" : "", host,
        six ? "]" : "", port);
    self->local = is_loopback((struct sockaddr *)&address);
}

static int open_socket(const assay_serve_options *o, int *file)
{
    struct addrinfo wanted = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[16];
    int on = 1;
    snprintf(port, sizeof port, "%d", o->port);
    int error = getaddrinfo(o->host, port, &wanted, &found);
    if (error)
        return assay_fail(
            ASSAY_EINVAL, "there is no address \"%s\": %s", o->host, gai_strerror(error));
    *file = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*file >= 0)
        setsockopt(*file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int status = ASSAY_OK;
    if (*file < 0 || bind(*file, found->ai_addr, found->ai_addrlen) || listen(*file, 128)) {
        status = assay_fail(
            ASSAY_EIO, "can't listen on %s, port %d: %s", o->host, o->port, strerror(errno));
        if (*file >= 0)
            close(*file);
    }
    freeaddrinfo(found);
    return status;
}

int assay_serve_start(const assay_serve_options *options, assay_serve **out)
{
    int file = -1;
    *out = NULL;
    assay_serve *self = calloc(1, sizeof *self);
    if (!self)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    self->options = *options;
    int status = open_socket(options, &file);
    if (!status) {
        name_url(self, file);
        self->daemon = MHD_start_daemon(MHD_USE_AUTO, 0, NULL, NULL, take, self,
            MHD_OPTION_LISTEN_SOCKET, file, MHD_OPTION_NOTIFY_COMPLETED, forget, NULL,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)SILENCE, MHD_OPTION_END);
        if (!self->daemon) {
            close(file);
            status = assay_fail(ASSAY_EIO, "the HTTP server can't start");
        }
    }
    if (status)
        free(self);
    else
        *out = self;
    return status;
}

const char *assay_serve_url(const assay_serve *self)
{
    return self->url;
}

int assay_serve_is_local(const assay_serve *self)
{
    return self->local;
}

int assay_serve_step(assay_serve *self, int milliseconds)
{
    return MHD_run_wait(self->daemon, milliseconds) == MHD_YES
               ? ASSAY_OK
               : assay_fail(ASSAY_EIO, "the HTTP server failed");
}

void assay_serve_stop(assay_serve *self)
{
    if (self)
        MHD_stop_daemon(self->daemon);
    free(self);
}
