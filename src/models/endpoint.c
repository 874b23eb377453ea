/*
 * The sampling of a server: which requests, when, and what comes of them. See endpoint.h.
 *
 * A prompt's samples are asked for in blocks of `batch` numbers, so that the requests of a run that
 * was stopped and of one that was not are the same. A prompt is begun when there is room for its
 * requests; its journal stays locked until its last answer. Prompts whose journal another process
 * has are put off: each process brings what it has begun to its end, so none waits for a circle.
 *
 * A server that ignores n, as some do, gives itself away by its first answer, one that refuses n by
 * its status; from then on every request asks for one sample. The first sample of a request has the
 * same seed either way.
 */
#include "models/endpoint.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/rng.h"
#include "core/status.h"
#include "data/lines.h"
#include "models/endpoint_journal.h"
#include "models/endpoint_wire.h"

enum { MOST_IN_FLIGHT = 1024, FEW_RETRIES = 2 /* of a server that never answered */ };

static const double longest_backoff = 60, longest_retry_after = 600;

struct assay_endpoint {
    assay_endpoint_options options; /* texts are copies */
    char *address;                  /* of the requests */
    char *key, *authorization;      /* or NULL */
    bool local;
};

struct prompt {
    json_t *value;
    char *identity;
    json_t **rows; /* n, by number */
    size_t missing;
    int journal; /* locked while it is begun, else -1 */
};

struct request {
    struct request *next;
    struct prompt *prompt;
    size_t first, count;
    int attempts;
    double not_before;
    char *body, *answer;
    size_t size, largest;
    bool too_large;
    CURL *easy;
    char why[CURL_ERROR_SIZE]; /* curl's words for a failure; may be empty */
};

struct run {
    const assay_endpoint *self;
    const assay_endpoint_sampling *sampling;
    struct prompt *prompts;
    size_t count, begun;      /* prompts[begun..] were not looked at */
    size_t *busy, busy_count; /* put off */
    struct request *waiting;  /* in the order in which they come about */
    struct request **last;
    struct request *flying; /* a list, too */
    size_t in_flight;
    CURLM *multi;
    struct curl_slist *headers;
    bool answered, several, single; /* the server: ever; n > 1; never n > 1 */
    assay_rng jitter;
    double look_again, told; /* when to try busy journals; when progress was told */
    size_t received;
    int status; /* the first failure: what is in flight may still arrive */
    char message[1024];
    assay_endpoint_usage usage;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory");
}

/* Keep the first failure. */
static void fail_run(struct run *r, int status)
{
    if (r->status)
        return;
    r->status = status;
    snprintf(r->message, sizeof r->message, "%s", assay_errmsg());
}

/* ---- the endpoint ---- */

static bool host_is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

/* What the URL may be; *local: it names this machine. */
static int check_url(const assay_endpoint_options *o, bool *local)
{
    char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL;
    int status = ASSAY_OK;
    CURLU *url = curl_url();
    if (!url)
        return no_memory();
    if (curl_url_set(url, CURLUPART_URL, o->url, 0) ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0))
        status = assay_fail(
            ASSAY_EINVAL, "url must be like \"http://127.0.0.1:8000/v1\", which it is not");
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        status =
            assay_fail(ASSAY_EINVAL, "url must begin with http:// or https://, got %s", scheme);
    else if (curl_url_get(url, CURLUPART_HOST, &host, 0))
        status = assay_fail(ASSAY_EINVAL, "url names no host");
    else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
             curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK)
        status = assay_fail(ASSAY_EINVAL, "url must hold no password and no \"?\": a key comes "
                                          "from the environment (option key)");
    else {
        *local = host_is_local(host);
        if (o->key && strcmp(scheme, "http") == 0 && !*local && !o->insecure)
            status = assay_fail(ASSAY_EINVAL,
                "the key would go to %s readable for all on the way: use https://, or the option "
                "insecure",
                host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(query);
    curl_url_cleanup(url);
    return status;
}

static int check_numbers(const assay_endpoint_options *o)
{
    if (o->in_flight > MOST_IN_FLIGHT)
        return assay_fail(
            ASSAY_EINVAL, "in_flight must be in 1..%d, got %zu", MOST_IN_FLIGHT, o->in_flight);
    if (!(o->backoff >= 0) || !(o->timeout >= 0) || o->backoff > 1e6 || o->timeout > 1e6)
        return assay_fail(ASSAY_EINVAL, "backoff and timeout must be in 0..1e6 seconds");
    if (!(o->prompt_price >= 0) || !(o->completion_price >= 0) || isinf(o->prompt_price) ||
        isinf(o->completion_price))
        return assay_fail(ASSAY_EINVAL, "prices must be finite and at least 0");
    return ASSAY_OK;
}

static int read_key(assay_endpoint *self)
{
    const char *name = self->options.key;
    if (!name)
        return ASSAY_OK;
    const char *key = getenv(name);
    if (!key || !*key)
        return assay_fail(ASSAY_ENOTFOUND,
            "the environment variable %s, which should hold the key, is not set", name);
    for (const char *c = key; *c; c++)
        if (*c <= ' ' || *c > '~')
            return assay_fail(ASSAY_EINVAL,
                "the environment variable %s holds a blank or a character that is none of ASCII",
                name);
    size_t size = strlen(key) + sizeof "Authorization: Bearer ";
    self->key = strdup(key);
    self->authorization = malloc(size);
    if (!self->key || !self->authorization)
        return no_memory();
    snprintf(self->authorization, size, "Authorization: Bearer %s", key);
    return ASSAY_OK;
}

static int copy_text(const char *text, const char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return *copy || !text ? ASSAY_OK : no_memory();
}

static void set_defaults(assay_endpoint_options *o)
{
    o->in_flight = o->in_flight ? o->in_flight : 8;
    o->batch = o->batch ? o->batch : 8;
    o->retries = o->retries < 0 ? 0 : o->retries ? o->retries : 8;
    o->backoff = o->backoff > 0 ? o->backoff : 1;
    o->timeout = o->timeout > 0 ? o->timeout : 600;
    o->largest = o->largest ? o->largest : (size_t)64 << 20;
}

static int copy_options(assay_endpoint *self, const assay_endpoint_options *options)
{
    assay_endpoint_options *o = &self->options;
    *o = *options;
    o->url = o->model = o->key = o->journal = NULL;
    if (copy_text(options->url, &o->url) || copy_text(options->model, &o->model) ||
        copy_text(options->key, &o->key) || copy_text(options->journal, &o->journal))
        return ASSAY_ENOMEM;
    set_defaults(o);
    char *url = (char *)(uintptr_t)o->url;
    for (size_t end = strlen(url); end > 0 && url[end - 1] == '/'; end--)
        url[end - 1] = '\0';
    size_t size = strlen(o->url) + sizeof "/chat/completions";
    self->address = malloc(size);
    if (!self->address)
        return no_memory();
    snprintf(self->address, size, "%s/%scompletions", o->url, o->text ? "" : "chat/");
    return ASSAY_OK;
}

int assay_endpoint_new(const assay_endpoint_options *options, assay_endpoint **out)
{
    *out = NULL;
    if (!options->url || !*options->url)
        return assay_fail(ASSAY_EINVAL, "url must be given");
    if (!options->model || !*options->model)
        return assay_fail(ASSAY_EINVAL, "model must be given");
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return assay_fail(ASSAY_EIO, "libcurl can't start");
    assay_endpoint *self = calloc(1, sizeof *self);
    int status = self ? check_url(options, &self->local) : no_memory();
    if (!status)
        status = check_numbers(options);
    if (!status)
        status = copy_options(self, options);
    if (!status)
        status = read_key(self);
    if (!status)
        *out = self;
    else if (self)
        assay_endpoint_free(self);
    else
        curl_global_cleanup();
    return status;
}

void assay_endpoint_free(assay_endpoint *self)
{
    if (!self)
        return;
    const char *const texts[] = {
        self->options.url, self->options.model, self->options.key, self->options.journal};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free((char *)(uintptr_t)texts[i]);
    free(self->address);
    free(self->key);
    free(self->authorization);
    free(self);
    curl_global_cleanup();
}

int assay_endpoint_directory(char *out, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int used;
    if (data && data[0] == '/')
        used = snprintf(out, size, "%s/assay/samples", data);
    else if (home && home[0] == '/')
        used = snprintf(out, size, "%s/.local/share/assay/samples", home);
    else
        return assay_fail(ASSAY_ENOTFOUND,
            "there is no place where samples could be kept: set XDG_DATA_HOME or HOME");
    if (used < 0 || (size_t)used >= size)
        return assay_fail(
            ASSAY_ENOTFOUND, "the path of kept samples is longer than %zu bytes", size);
    return ASSAY_OK;
}

/* ---- requests ---- */

static void free_request(struct request *q)
{
    free(q->body);
    free(q->answer);
    free(q);
}

static int add_request(struct run *r, struct prompt *p, size_t first, size_t count)
{
    struct request *q = calloc(1, sizeof *q);
    if (!q)
        return no_memory();
    q->prompt = p;
    q->first = first;
    q->count = count;
    *r->last = q;
    r->last = &q->next;
    return ASSAY_OK;
}

/* Take the first that may start, or NULL. */
static struct request *take_ready(struct run *r, double time)
{
    for (struct request **at = &r->waiting; *at; at = &(*at)->next)
        if ((*at)->not_before <= time) {
            struct request *q = *at;
            *at = q->next;
            if (r->last == &q->next)
                r->last = at;
            q->next = NULL;
            return q;
        }
    return NULL;
}

static void put_back(struct run *r, struct request *q)
{
    free(q->answer);
    q->answer = NULL;
    q->size = 0;
    q->next = NULL;
    *r->last = q;
    r->last = &q->next;
}

static size_t take_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct request *q = context;
    size_t size = one * count;
    if (size > q->largest - q->size) {
        q->too_large = true;
        return 0;
    }
    char *grown = realloc(q->answer, q->size + size + 1);
    if (!grown)
        return 0;
    memcpy(grown + q->size, bytes, size);
    q->answer = grown;
    q->size += size;
    return size;
}

static bool set_up(struct run *r, struct request *q)
{
    const assay_endpoint *self = r->self;
    CURL *e = q->easy;
    return !curl_easy_setopt(e, CURLOPT_URL, self->address) &&
           !curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers) &&
           !curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(q->body)) &&
           !curl_easy_setopt(e, CURLOPT_POSTFIELDS, q->body) &&
           !curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_bytes) &&
           !curl_easy_setopt(e, CURLOPT_WRITEDATA, q) && !curl_easy_setopt(e, CURLOPT_PRIVATE, q) &&
           !curl_easy_setopt(e, CURLOPT_ERRORBUFFER, q->why) &&
           !curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 30000L) &&
           !curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(1000 * self->options.timeout)) &&
           !(self->local && curl_easy_setopt(e, CURLOPT_PROXY, ""));
}

static int start(struct run *r, struct request *q)
{
    q->body = assay_endpoint_request(
        &r->self->options, r->sampling, q->prompt->value, q->first, q->count);
    q->easy = curl_easy_init();
    q->largest = r->self->options.largest;
    q->too_large = false;
    q->why[0] = '\0';
    if (!q->body || !q->easy || !set_up(r, q) || curl_multi_add_handle(r->multi, q->easy)) {
        curl_easy_cleanup(q->easy);
        free_request(q);
        return no_memory();
    }
    q->next = r->flying;
    r->flying = q;
    r->in_flight++;
    r->usage.requests++;
    r->usage.retries += q->attempts > 0;
    q->attempts++;
    return ASSAY_OK;
}

/* A server that gives one sample a request gets them asked one by one. */
static int start_or_split(struct run *r, struct request *q)
{
    int status = ASSAY_OK;
    if (r->single)
        for (; q->count > 1 && !status; q->count--)
            status = add_request(r, q->prompt, q->first + q->count - 1, 1);
    if (status) {
        free_request(q);
        return status;
    }
    return start(r, q);
}

static void land(struct run *r, struct request *q)
{
    for (struct request **at = &r->flying; *at; at = &(*at)->next)
        if (*at == q) {
            *at = q->next;
            break;
        }
    curl_multi_remove_handle(r->multi, q->easy);
    curl_easy_cleanup(q->easy);
    q->easy = NULL;
    q->next = NULL;
    free(q->body);
    q->body = NULL;
    r->in_flight--;
}

/* ---- prompts ---- */

struct taking {
    struct run *run;
    struct prompt *prompt;
};

/* Rows of an answer, from the journal or from the server: each number once. */
static int take_rows(void *context, json_t *rows)
{
    struct taking *t = context;
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        json_int_t number = json_integer_value(json_object_get(row, "sample"));
        if (number < 1 || (uint64_t)number > t->run->sampling->n ||
            !json_is_string(json_object_get(row, "text")) || t->prompt->rows[number - 1])
            continue;
        t->prompt->rows[number - 1] = json_incref(row);
        t->prompt->missing--;
        t->run->received++;
    }
    return ASSAY_OK;
}

static void finish_prompt(struct prompt *p)
{
    if (p->missing > 0)
        return;
    assay_journal_close(p->journal);
    p->journal = -1;
}

/* A request for each run of missing numbers within a block. */
static int ask_missing(struct run *r, struct prompt *p)
{
    size_t n = r->sampling->n, batch = r->self->options.batch, first = 0;
    int status = ASSAY_OK;
    while (first < n && !status) {
        size_t end = first;
        while (end < n && !p->rows[end] && end / batch == first / batch)
            end++;
        if (end > first)
            status = add_request(r, p, first + 1, end - first);
        first = end > first ? end : first + 1;
    }
    return status;
}

/* ASSAY_EBUSY: another process has its journal. */
static int begin_prompt(struct run *r, struct prompt *p)
{
    const char *directory = r->self->options.journal;
    struct taking taking = {r, p};
    size_t before = r->received;
    int status = ASSAY_OK;
    if (directory)
        status = assay_journal_open(directory, p->identity, &p->journal);
    if (!status && directory)
        status = assay_journal_read(p->journal, p->identity, take_rows, &taking);
    r->usage.kept += r->received - before;
    if (status)
        return status;
    finish_prompt(p);
    return ask_missing(r, p);
}

/* Begin another prompt; *began: there was one. */
static int begin_next(struct run *r, double time, bool *began)
{
    int status = ASSAY_EBUSY;
    *began = false;
    while (status == ASSAY_EBUSY && r->begun < r->count) {
        size_t i = r->begun++;
        status = begin_prompt(r, &r->prompts[i]);
        if (status == ASSAY_EBUSY)
            r->busy[r->busy_count++] = i;
        *began = status == ASSAY_OK;
    }
    if (status != ASSAY_EBUSY || r->busy_count == 0 || time < r->look_again)
        return status == ASSAY_EBUSY ? ASSAY_OK : status;
    r->look_again = time + 0.2;
    for (size_t i = 0; i < r->busy_count && status == ASSAY_EBUSY; i++) {
        status = begin_prompt(r, &r->prompts[r->busy[i]]);
        if (status == ASSAY_OK) {
            r->busy[i] = r->busy[--r->busy_count];
            *began = true;
            r->look_again = time;
        }
    }
    return status == ASSAY_EBUSY ? ASSAY_OK : status;
}

/* ---- answers ---- */

/* "the server http://127.0.0.1:8000/v1", without what a URL could hide. */
static int server_failed(const struct run *r, int status, const char *how, const char *why)
{
    return assay_fail(status, "%s %s%s%s", r->self->options.url, how, *why ? ": " : "", why);
}

static double wait_before(struct run *r, const struct request *q, double retry_after)
{
    double backoff = r->self->options.backoff * exp2(q->attempts - 1);
    if (!(backoff < longest_backoff))
        backoff = longest_backoff;
    backoff *= 0.5 + 0.5 * assay_rng_uniform(&r->jitter);
    return backoff > retry_after ? backoff : retry_after;
}

/* The request goes back into the queue, or its failure is the run's. */
static int try_again(struct run *r, struct request *q, double retry_after)
{
    int most = r->self->options.retries;
    if (!r->answered && most > FEW_RETRIES && retry_after <= 0)
        most = FEW_RETRIES;
    if (q->attempts > most || r->status || retry_after > longest_retry_after) {
        char why[512];
        snprintf(why, sizeof why, "%s", assay_errmsg());
        int attempts = q->attempts;
        free_request(q);
        if (retry_after > longest_retry_after)
            return assay_fail(ASSAY_EIO, "%s (it asks to wait for %.0f s)", why, retry_after);
        return assay_fail(ASSAY_EIO, "%s (after %d attempts)", why, attempts);
    }
    q->not_before = now() + wait_before(r, q, retry_after);
    put_back(r, q);
    return ASSAY_OK;
}

static int take_answer(struct run *r, struct request *q)
{
    json_t *rows;
    struct taking taking = {r, q->prompt};
    int64_t seed = r->sampling->seed < 0 ? -1 : assay_endpoint_seed(r->sampling->seed, q->first);
    int status =
        assay_endpoint_answer(q->answer, q->size, q->first, q->count, seed, r->self->key, &rows);
    if (status == ASSAY_EFORMAT) {
        char why[512];
        snprintf(why, sizeof why, "%s", assay_errmsg());
        server_failed(r, ASSAY_EFORMAT, "gives an answer that is none", why);
        return try_again(r, q, 0);
    }
    size_t got = status ? 0 : json_array_size(rows);
    if (!status && r->self->options.journal)
        status = assay_journal_add(q->prompt->journal, rows);
    if (!status)
        status = take_rows(&taking, rows);
    json_decref(rows);
    r->several = r->several || got > 1;
    r->single = r->single || (got == 1 && q->count > 1 && !r->several);
    r->answered = true;
    if (!status && got < q->count)
        status = add_request(r, q->prompt, q->first + got, q->count - got);
    finish_prompt(q->prompt);
    free_request(q);
    return status;
}

static int take_refusal(struct run *r, struct request *q, long code, double retry_after)
{
    char how[64], why[512];
    bool no_several = q->count > 1 && !r->several && (code == 400 || code == 422);
    bool passing = code == 408 || code == 425 || code == 429 || code >= 500;
    assay_endpoint_reason(q->answer, q->size, r->self->key, why, sizeof why);
    snprintf(how, sizeof how, "answers with status %ld", code);
    server_failed(r, ASSAY_EIO, how, why);
    r->answered = true;
    if (passing)
        return try_again(r, q, retry_after);
    if (no_several && !r->status) {
        r->single = true;
        put_back(r, q);
        return ASSAY_OK;
    }
    if (code >= 300 && code < 400)
        server_failed(r, ASSAY_EIO, "redirects to another address, which is not followed",
            "give that address as url, if you trust it");
    free_request(q);
    return ASSAY_EIO;
}

static bool is_passing(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
        return true;
    default:
        return false;
    }
}

static void no_answer(struct run *r, const struct request *q, CURLcode result)
{
    char why[CURL_ERROR_SIZE + 64];
    snprintf(why, sizeof why, "%s%s", *q->why ? q->why : curl_easy_strerror(result),
        result == CURLE_SSL_CONNECT_ERROR ? " (does the server speak https, or http?)" : "");
    server_failed(r, ASSAY_EIO, "does not answer", why);
}

static int take_end(struct run *r, CURL *easy, CURLcode result)
{
    struct request *q;
    long code = 0;
    curl_off_t retry_after = 0;
    char limit[64];
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&q);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    land(r, q);
    if (result == CURLE_OK && code == 200)
        return take_answer(r, q);
    if (result == CURLE_OK)
        return take_refusal(r, q, code, (double)retry_after);
    if (q->too_large) {
        snprintf(limit, sizeof limit, "gives an answer of more than %zu bytes",
            r->self->options.largest);
        free_request(q);
        return server_failed(r, ASSAY_EIO, limit, "");
    }
    no_answer(r, q, result);
    if (is_passing(result))
        return try_again(r, q, 0);
    free_request(q);
    return ASSAY_EIO;
}

/* ---- the run ---- */

static int fill(struct run *r)
{
    double time = now();
    bool more = true;
    int status = ASSAY_OK;
    while (more && !status && r->in_flight < r->self->options.in_flight) {
        struct request *q = take_ready(r, time);
        if (q)
            status = start_or_split(r, q);
        else
            status = begin_next(r, time, &more);
    }
    return status;
}

static bool is_over(const struct run *r)
{
    if (r->status)
        return r->in_flight == 0;
    return r->in_flight == 0 && !r->waiting && r->begun == r->count && r->busy_count == 0;
}

/* Milliseconds until something is due, at most those in which a cancel must be seen. */
static int pause_of(const struct run *r)
{
    double time = now(), until = time + 0.2;
    for (const struct request *q = r->waiting; q && !r->status; q = q->next)
        if (q->not_before > time && q->not_before < until)
            until = q->not_before;
    return (int)ceil(1000 * (until - time));
}

static void take_ends(struct run *r)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(r->multi, &left)))
        if (message->msg == CURLMSG_DONE) {
            int status = take_end(r, message->easy_handle, message->data.result);
            if (status)
                fail_run(r, status);
        }
}

/* Progress, twenty times a second. */
static int tell(struct run *r, const assay_progress *progress)
{
    double time = now();
    if (time < r->told + 0.05 && !is_over(r))
        return ASSAY_OK;
    r->told = time;
    return assay_progress_report(
        progress, (double)r->received, (double)r->count * (double)r->sampling->n);
}

static int loop(struct run *r, const assay_progress *progress)
{
    while (!is_over(r)) {
        int running, status = r->status ? ASSAY_OK : fill(r);
        if (status)
            fail_run(r, status);
        if (curl_multi_perform(r->multi, &running))
            return assay_fail(ASSAY_EIO, "libcurl's multi interface failed");
        take_ends(r);
        status = tell(r, progress);
        if (status)
            return status;
        if (!is_over(r))
            curl_multi_poll(r->multi, NULL, 0, pause_of(r), NULL);
    }
    return r->status ? assay_fail(r->status, "%s", r->message) : ASSAY_OK;
}

/* ---- in and out ---- */

static int by_identity(const void *a, const void *b)
{
    const struct prompt *const *x = a, *const *y = b;
    int order = strcmp((*x)->identity, (*y)->identity);
    return order ? order : (*x > *y) - (*x < *y);
}

static int check_distinct(const struct run *r)
{
    const struct prompt **sorted = calloc(r->count, sizeof *sorted);
    int status = sorted ? ASSAY_OK : no_memory();
    for (size_t i = 0; i < r->count && !status; i++)
        sorted[i] = &r->prompts[i];
    if (!status)
        qsort(sorted, r->count, sizeof *sorted, by_identity);
    for (size_t i = 1; i < r->count && !status; i++)
        if (strcmp(sorted[i - 1]->identity, sorted[i]->identity) == 0)
            status = assay_fail(ASSAY_EINVAL,
                "prompts %td and %td are equal: they would have the same samples",
                sorted[i - 1] - r->prompts + 1, sorted[i] - r->prompts + 1);
    free(sorted);
    return status;
}

static int read_prompt(struct run *r, size_t i, const char *text)
{
    struct prompt *p = &r->prompts[i];
    p->value = json_loads(text, JSON_DECODE_ANY, NULL);
    bool messages = json_is_array(p->value) && json_array_size(p->value) > 0;
    if (!json_is_string(p->value) && (r->self->options.text || !messages))
        return assay_fail(ASSAY_EINVAL, "prompts[%zu] must be %s", i + 1,
            r->self->options.text ? "a text" : "a text or a list of messages");
    p->identity = assay_endpoint_identity(&r->self->options, r->sampling, p->value);
    p->rows = calloc(r->sampling->n, sizeof *p->rows);
    p->missing = r->sampling->n;
    return p->identity && p->rows ? ASSAY_OK : no_memory();
}

static int check_sampling(const assay_endpoint_sampling *s)
{
    if (s->n < 1)
        return assay_fail(ASSAY_EINVAL, "n must be at least 1");
    json_t *extra = s->extra ? json_loads(s->extra, 0, NULL) : NULL;
    bool object = !s->extra || json_is_object(extra);
    static const char *const own[] = {"n", "seed", "stream", "messages", "prompt", "model"};
    const char *taken = NULL;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        taken = json_object_get(extra, own[i]) ? own[i] : taken;
    json_decref(extra);
    if (!object)
        return assay_fail(ASSAY_EINVAL, "extra must be a JSON object");
    return taken ? assay_fail(ASSAY_EINVAL, "extra can't set \"%s\"", taken) : ASSAY_OK;
}

static int prepare(struct run *r, const char *const *prompts)
{
    int status = check_sampling(r->sampling);
    r->last = &r->waiting;
    r->jitter = assay_rng_seed((uint64_t)(1e6 * now()) ^ (uint64_t)getpid() << 40);
    r->prompts = calloc(r->count ? r->count : 1, sizeof *r->prompts);
    r->busy = calloc(r->count ? r->count : 1, sizeof *r->busy);
    if (!status && (!r->prompts || !r->busy))
        status = no_memory();
    for (size_t i = 0; r->prompts && i < r->count; i++)
        r->prompts[i].journal = -1;
    for (size_t i = 0; i < r->count && !status; i++)
        status = read_prompt(r, i, prompts[i]);
    if (!status && r->count > 1)
        status = check_distinct(r);
    if (status)
        return status;
    r->multi = curl_multi_init();
    r->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (r->headers)
        r->headers->next = curl_slist_append(NULL, "Expect:");
    if (r->self->authorization && r->headers && r->headers->next)
        r->headers->next->next = curl_slist_append(NULL, r->self->authorization);
    bool whole =
        r->headers && r->headers->next && (!r->self->authorization || r->headers->next->next);
    return r->multi && whole ? ASSAY_OK : no_memory();
}

static void clean_up(struct run *r)
{
    while (r->flying) {
        struct request *q = r->flying;
        land(r, q);
        free_request(q);
    }
    while (r->waiting) {
        struct request *q = r->waiting;
        r->waiting = q->next;
        free_request(q);
    }
    curl_multi_cleanup(r->multi);
    curl_slist_free_all(r->headers);
    for (size_t i = 0; r->prompts && i < r->count; i++) {
        struct prompt *p = &r->prompts[i];
        assay_journal_close(p->journal);
        for (size_t j = 0; p->rows && j < r->sampling->n; j++)
            json_decref(p->rows[j]);
        free(p->rows);
        free(p->identity);
        json_decref(p->value);
    }
    free(r->prompts);
    free(r->busy);
}

/* A row's tokens: its own where they are told, else its part of the request's. */
static void add_usage(struct run *r, json_t *row)
{
    const assay_endpoint_options *o = &r->self->options;
    double shares = fmax(1, json_number_value(json_object_get(row, "request")));
    double prompt = json_number_value(json_object_get(row, "prompt_tokens")) / shares;
    const json_t *own = json_object_get(row, "tokens");
    double completion = own ? json_number_value(own)
                            : json_number_value(json_object_get(row, "completion_tokens")) / shares;
    double cost = 1e-6 * (prompt * o->prompt_price + completion * o->completion_price);
    r->usage.prompt_tokens += prompt;
    r->usage.completion_tokens += completion;
    r->usage.cost += cost;
    if (o->prompt_price > 0 || o->completion_price > 0)
        json_object_set_new(row, "cost", json_real(cost));
}

/* The columns that any row has, in this order. */
static int make_columns(struct run *r, assay_table *table)
{
    static const char *const names[] = {"text", "tokens", "logprob", "cost", "finish",
        "prompt_tokens", "reasoning", "seed", "model"};
    size_t column;
    int status = assay_table_column(table, "problem", &column);
    if (!status)
        status = assay_table_column(table, "sample", &column);
    for (size_t k = 0; k < sizeof names / sizeof *names && !status; k++) {
        bool any = false;
        for (size_t i = 0; i < r->count && !any; i++)
            for (size_t j = 0; j < r->sampling->n && !any; j++)
                any = json_object_get(r->prompts[i].rows[j], names[k]) != NULL;
        if (any)
            status = assay_table_column(table, names[k], &column);
    }
    return status;
}

static int add_row(assay_table *table, size_t i, const char *problem, json_t *row)
{
    const char *name;
    json_t *value;
    size_t column;
    int status = assay_table_append(table);
    if (!status)
        status = problem ? assay_table_set_text(table, 0, problem)
                         : assay_table_set_integer(table, 0, (long long)i + 1);
    json_object_foreach(row, name, value)
    {
        if (!status && assay_table_find(table, name, &column) == ASSAY_OK)
            status = assay_json_entry(table, "an answer", i + 1, name, value);
    }
    return status;
}

static int make_table(struct run *r, const char *const *problems, assay_table **out)
{
    assay_table *table = assay_table_new();
    int status = table ? ASSAY_OK : no_memory();
    for (size_t i = 0; i < r->count; i++)
        for (size_t j = 0; j < r->sampling->n; j++)
            add_usage(r, r->prompts[i].rows[j]);
    if (!status)
        status = make_columns(r, table);
    for (size_t i = 0; i < r->count && !status; i++)
        for (size_t j = 0; j < r->sampling->n && !status; j++)
            status = add_row(table, i, problems ? problems[i] : NULL, r->prompts[i].rows[j]);
    if (status)
        assay_table_free(table);
    else
        *out = table;
    return status;
}

int assay_endpoint_sample(assay_endpoint *self, const char *const *prompts,
    const char *const *problems, size_t count, const assay_endpoint_sampling *sampling,
    const assay_progress *progress, assay_table **out, assay_endpoint_usage *usage)
{
    struct run r = {.self = self, .sampling = sampling, .count = count};
    *out = NULL;
    int status = prepare(&r, prompts);
    if (!status)
        status = loop(&r, progress);
    if (!status)
        status = make_table(&r, problems, out);
    r.usage.samples = r.received;
    if (usage)
        *usage = r.usage;
    clean_up(&r);
    return status;
}
