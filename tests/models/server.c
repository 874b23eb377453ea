/*
 * An OpenAI-compatible server for tests that misbehaves on request. It listens on a free port of
 * 127.0.0.1, prints it, and ends when its standard input does (or after two minutes).
 *
 *     server DIRECTORY        each request becomes a line "MODEL N SEED IN_FLIGHT" of
 * DIRECTORY/requests
 *
 * The model's name says how it behaves: KIND, or KIND:K for the first K requests of that model.
 * Behaving well it gives n choices with the text PROMPT/SEED/INDEX, of 2 tokens each, whose
 * log-probabilities sum to -0.75. The model "calculator" says what A * B of a prompt is, wrongly
 * where the index is odd.
 *
 * A process for each connection; what they count together is in shared memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MODELS = 64, LARGEST = 1 << 20, SECONDS = 120 };

static struct shared {
    atomic_int in_flight, port;
    struct {
        char name[64];
        atomic_int requests;
    } models[MODELS];
} * shared;

static int log_file, connection;
static bool within; /* a request */

struct request {
    char *bytes; /* head and body */
    char *body, *key;
    json_t *json;
    const char *model;
    int number; /* of the model's requests, from 1 */
};

/* ---- reading ---- */

/* The head's field, up to the end of its line, or NULL; the caller frees it. */
static char *field(const char *head, const char *name)
{
    const char *line = strcasestr(head, name);
    if (!line)
        return NULL;
    line += strlen(name);
    line += strspn(line, " ");
    return strndup(line, strcspn(line, "\r\n"));
}

static size_t length_of(const char *head)
{
    char *text = field(head, "\nContent-Length:");
    size_t length = text ? strtoul(text, NULL, 10) : 0;
    free(text);
    return length;
}

/* What a server of plain http says to one who begins with TLS's greeting. */
static void refuse_tls(const char *bytes)
{
    static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    if (bytes[0] == 0x16 && send(connection, refusal, sizeof refusal - 1, MSG_NOSIGNAL) > 0)
        _exit(0);
}

/* One request, whole; false when the client is gone. */
static bool read_request(struct request *q)
{
    size_t size = 0, wanted = LARGEST;
    q->bytes = malloc(LARGEST + 1);
    q->body = NULL;
    while (q->bytes && size < wanted && size < LARGEST) {
        ssize_t n = recv(connection, q->bytes + size, LARGEST - size, 0);
        if (n <= 0)
            return false;
        size += (size_t)n;
        q->bytes[size] = '\0';
        refuse_tls(q->bytes);
        char *end = q->body ? NULL : strstr(q->bytes, "\r\n\r\n");
        if (end) {
            q->body = end + 4;
            wanted = (size_t)(q->body - q->bytes) + length_of(q->bytes);
        }
    }
    q->key = field(q->bytes, "\nAuthorization:");
    q->json = json_loads(q->body, 0, NULL);
    const char *model = json_string_value(json_object_get(q->json, "model"));
    q->model = model ? model : "none";
    return true;
}

static int count_request(const char *model)
{
    for (int i = 0; i < MODELS; i++) {
        if (!shared->models[i].name[0])
            snprintf(shared->models[i].name, sizeof shared->models[i].name, "%s", model);
        if (strcmp(shared->models[i].name, model) == 0)
            return atomic_fetch_add(&shared->models[i].requests, 1) + 1;
    }
    return 1;
}

static void log_request(const struct request *q)
{
    char line[256];
    json_t *seed = json_object_get(q->json, "seed"), *n = json_object_get(q->json, "n");
    int size = snprintf(line, sizeof line, "%s %lld %lld %d\n", q->model,
        n ? (long long)json_integer_value(n) : 1, seed ? (long long)json_integer_value(seed) : -1,
        atomic_load(&shared->in_flight));
    if (write(log_file, line, (size_t)size) != size)
        _exit(1);
}

/* ---- answering ---- */

/* The present request is over as soon as its answer begins: what a client sends next comes after.
 */
static void leave(void)
{
    if (within)
        atomic_fetch_sub(&shared->in_flight, 1);
    within = false;
}

static _Noreturn void hang_up(void)
{
    leave();
    _exit(0);
}

static void put(const char *bytes, size_t size)
{
    leave();
    while (size > 0) {
        ssize_t n = send(connection, bytes, size, MSG_NOSIGNAL);
        if (n <= 0)
            hang_up();
        bytes += n;
        size -= (size_t)n;
    }
}

static void answer(int status, const char *more, const char *body)
{
    char head[512];
    int size = snprintf(head, sizeof head,
        "HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
        status, strlen(body), more);
    put(head, (size_t)size);
    put(body, strlen(body));
}

static void refuse(int status, const char *more, const char *why)
{
    char body[512];
    snprintf(body, sizeof body, "{\"error\": {\"message\": \"%s\", \"type\": \"test\"}}", why);
    answer(status, more, body);
}

static const char *prompt_of(const json_t *q)
{
    const json_t *messages = json_object_get(q, "messages");
    size_t n = json_array_size(messages);
    const json_t *last = n ? json_object_get(json_array_get(messages, n - 1), "content")
                           : json_object_get(q, "prompt");
    return json_string_value(last) ? json_string_value(last) : "";
}

static json_t *logprobs_of(const json_t *q, bool chat)
{
    const json_t *wanted = json_object_get(q, "logprobs");
    if (!wanted)
        return json_null();
    return chat ? json_pack("{s:[{s:s,s:f},{s:s,s:f}]}", "content", "token", "a", "logprob", -0.5,
                      "token", "b", "logprob", -0.25)
                : json_pack("{s:[s,s],s:[f,f]}", "tokens", "a", "b", "token_logprobs", -0.5, -0.25);
}

static json_t *choice(const struct request *q, int index, const char *more)
{
    char text[4096], seed[32] = "-";
    int a, b;
    const json_t *given = json_object_get(q->json, "seed");
    bool chat = json_object_get(q->json, "messages") != NULL;
    if (given)
        snprintf(seed, sizeof seed, "%lld", (long long)json_integer_value(given));
    snprintf(text, sizeof text, "%.3900s/%s/%d%s", prompt_of(q->json), seed, index, more);
    if (strcmp(q->model, "calculator") == 0 &&
        sscanf(prompt_of(q->json), "%*[^0-9]%d * %d", &a, &b) == 2)
        snprintf(text, sizeof text, "%d * %d is %d", a, b, a * b + index % 2);
    json_t *o = json_pack("{s:i,s:s,s:o}", "index", index, "finish_reason", "stop", "logprobs",
        logprobs_of(q->json, chat));
    if (chat)
        json_object_set_new(
            o, "message", json_pack("{s:s,s:s}", "role", "assistant", "content", text));
    else
        json_object_set_new(o, "text", json_string(text));
    return o;
}

static void answer_choices(const struct request *q, int count, const char *more)
{
    json_t *list = json_array();
    for (int i = count - 1; i >= 0; i--) /* in any order: the index counts */
        json_array_append_new(list, choice(q, i, more));
    json_t *o = json_pack("{s:s,s:o,s:{s:i,s:i}}", "model", "the-real-name", "choices", list,
        "usage", "prompt_tokens", 10, "completion_tokens", 2 * count);
    char *text = json_dumps(o, 0);
    answer(200, "", text);
    free(text);
    json_decref(o);
}

static void answer_huge(void)
{
    char block[1 << 14];
    memset(block, ' ', sizeof block);
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
    put(head, sizeof head - 1);
    for (int i = 0; i < 4096; i++)
        put(block, sizeof block);
    hang_up();
}

static void misbehave(const struct request *q, const char *kind, int n)
{
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\": [";
    char text[256];
    if (strcmp(kind, "slow") == 0) {
        sleep(60);
    } else if (strcmp(kind, "lazy") == 0) {
        usleep(150000);
        answer_choices(q, n, "");
    } else if (strcmp(kind, "busy") == 0) {
        refuse(429, "", "slow down");
    } else if (strcmp(kind, "later") == 0) {
        refuse(429, "Retry-After: 1\r\n", "slow down");
    } else if (strcmp(kind, "tomorrow") == 0) {
        refuse(429, "Retry-After: 86400\r\n", "quota used up");
    } else if (strcmp(kind, "broken") == 0) {
        refuse(500, "", "out of\\nluck");
    } else if (strcmp(kind, "cut") == 0) {
        put(cut, sizeof cut - 1);
        hang_up();
    } else if (strcmp(kind, "gone") == 0) {
        hang_up();
    } else if (strcmp(kind, "garbage") == 0) {
        answer(200, "", "{\"choices\": [{\"text\": ");
    } else if (strcmp(kind, "odd") == 0) {
        answer(200, "", "{\"choices\": [{\"index\": 0, \"message\": {\"content\": 7}}]}");
    } else if (strcmp(kind, "polite") == 0) {
        refuse(200, "", "sorry");
    } else if (strcmp(kind, "none") == 0) {
        answer(200, "", "{\"choices\": []}");
    } else if (strcmp(kind, "one") == 0) { /* whatever n says */
        answer_choices(q, 1, "");
    } else if (strcmp(kind, "fewer") == 0) {
        answer_choices(q, n > 2 ? 2 : 1, "");
    } else if (strcmp(kind, "more") == 0) {
        answer_choices(q, n + 2, "");
    } else if (strcmp(kind, "single") == 0 && n > 1) {
        refuse(400, "", "n must be 1");
    } else if (strcmp(kind, "huge") == 0) {
        answer_huge();
    } else if (strcmp(kind, "redirect") == 0) {
        snprintf(text, sizeof text, "Location: http://127.0.0.1:%d/v1/other\r\n",
            atomic_load(&shared->port));
        answer(307, text, "");
    } else if (strcmp(kind, "tells") == 0) { /* repeats the key, in a text and in an error */
        snprintf(text, sizeof text, " %s", q->key ? q->key : "no key");
        answer_choices(q, n, text);
    } else if (strcmp(kind, "shut") == 0) {
        snprintf(text, sizeof text, "wrong key %s", q->key ? q->key : "(none)");
        refuse(401, "", text);
    } else {
        answer_choices(q, n, "");
    }
}

static void serve_request(const struct request *q)
{
    char kind[64];
    const json_t *asked = json_object_get(q->json, "n");
    int n = asked ? (int)json_integer_value(asked) : 1;
    snprintf(kind, sizeof kind, "%s", q->model);
    char *colon = strchr(kind, ':');
    int times = colon ? atoi(colon + 1) : 0;
    if (colon)
        *colon = '\0';
    misbehave(q, colon && q->number > times ? "well" : kind, n);
}

static void serve_connection(void)
{
    struct request q;
    int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    alarm(SECONDS);
    while (read_request(&q)) {
        q.number = count_request(q.model);
        atomic_fetch_add(&shared->in_flight, 1);
        within = true;
        log_request(&q);
        serve_request(&q);
        leave();
        json_decref(q.json);
        free(q.key);
        free(q.bytes);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    char path[4096];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    snprintf(path, sizeof path, "%s/requests", argc > 1 ? argv[1] : ".");
    log_file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (log_file < 0 || shared == MAP_FAILED || listener < 0 ||
        bind(listener, (struct sockaddr *)&address, size) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&address, &size)) {
        perror("server");
        return 1;
    }
    setpgid(0, 0);
    signal(SIGCHLD, SIG_IGN);
    alarm(SECONDS);
    atomic_store(&shared->port, ntohs(address.sin_port));
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct pollfd watched[] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    for (;;) {
        if (poll(watched, 2, -1) < 0 && errno != EINTR)
            return 1;
        if (watched[1].revents && getpgrp() == getpid())
            kill(0, SIGTERM); /* the connections, too */
        if (watched[1].revents)
            return 0;
        connection = watched[0].revents ? accept(listener, NULL, NULL) : -1;
        if (connection < 0)
            continue;
        if (fork() == 0)
            serve_connection();
        close(connection);
    }
}
