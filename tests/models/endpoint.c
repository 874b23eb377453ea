/*
 * Sampling a server that behaves and one that does not (tests/models/server.c): what comes, what is
 * asked again and what is not, what a stop leaves behind, and where the key never is.
 */
#include "models/endpoint.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/status.h"
#include "models/endpoint_wire.h"

static const char secret[] = "sk-0123456789abcdef-do-not-tell";

static char directory[] = "/tmp/assay-endpoint-XXXXXX", url[64];
static int server_in = -1;
static pid_t server;

/* ---- the server ---- */

static int start_server(void **state)
{
    (void)state;
    char path[4096];
    int in[2], out[2];
    const char *build = getenv("builddir");
    snprintf(path, sizeof path, "%s/tests/models/server", build ? build : ".");
    if (!mkdtemp(directory) || pipe(in) || pipe(out))
        return 1;
    server = fork();
    if (server == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        execl(path, path, directory, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server_in = in[1];
    char port[16] = "";
    ssize_t n = read(out[0], port, sizeof port - 1);
    close(out[0]);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", atoi(port));
    setenv("ASSAY_TEST_KEY", secret, 1);
    return n <= 0;
}

static void remove_files(const char *path)
{
    char name[4096];
    DIR *files = opendir(path);
    for (struct dirent *entry; files && (entry = readdir(files));) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (files)
        closedir(files);
    rmdir(path);
}

static int stop_server(void **state)
{
    (void)state;
    int how;
    close(server_in);
    waitpid(server, &how, 0);
    remove_files(directory);
    return 0;
}

/* How many requests of the model there were, and the most at a time. */
static int requests_of(const char *model, int *most)
{
    char path[256], line[256], name[128];
    long long n, seed;
    int together, count = 0;
    snprintf(path, sizeof path, "%s/requests", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    if (most)
        *most = 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%127s %lld %lld %d", name, &n, &seed, &together) == 4 &&
            strcmp(name, model) == 0) {
            count++;
            if (most && together > *most)
                *most = together;
        }
    fclose(file);
    return count;
}

/* ---- sampling it ---- */

static const char *const prompts[] = {
    "\"a\"", "[{\"role\": \"user\", \"content\": \"b\"}]", "\"c\""};
enum { PROMPTS = 3 };

static assay_endpoint *endpoint(const assay_endpoint_options *more)
{
    assay_endpoint_options options = *more;
    assay_endpoint *e = NULL;
    options.url = url;
    if (!options.model)
        options.model = "well";
    options.backoff = options.backoff > 0 ? options.backoff : 0.01;
    if (assay_endpoint_new(&options, &e))
        fail_msg("%s", assay_errmsg());
    return e;
}

#define ENDPOINT(...) endpoint(&(assay_endpoint_options){__VA_ARGS__})

static assay_endpoint_sampling of(size_t n, int64_t seed)
{
    assay_endpoint_sampling sampling = ASSAY_ENDPOINT_SAMPLING;
    sampling.n = n;
    sampling.seed = seed;
    return sampling;
}

/* Samples all prompts; the endpoint goes. */
static assay_table *sample(
    assay_endpoint *e, const assay_endpoint_sampling *how, assay_endpoint_usage *usage)
{
    assay_table *table = NULL;
    assay_endpoint_usage unused;
    if (assay_endpoint_sample(
            e, prompts, NULL, PROMPTS, how, NULL, &table, usage ? usage : &unused))
        fail_msg("%s", assay_errmsg());
    assay_endpoint_free(e);
    return table;
}

static void assert_fails(assay_endpoint *e, int status, const char *words)
{
    assay_table *table;
    const assay_endpoint_sampling how = of(4, 1);
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, PROMPTS, &how, NULL, &table, NULL), status);
    assert_null(table);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), words);
    assert_null(strstr(assay_errmsg(), secret));
    assay_endpoint_free(e);
}

static const char *text_of(const assay_table *table, size_t row)
{
    size_t column;
    assert_int_equal(assay_table_find(table, "text", &column), ASSAY_OK);
    return assay_table_get(table, row, column).text;
}

static double number_of(const assay_table *table, size_t row, const char *name)
{
    size_t column;
    assert_int_equal(assay_table_find(table, name, &column), ASSAY_OK);
    assay_datum d = assay_table_get(table, row, column);
    assert_true(d.kind == ASSAY_DATUM_INTEGER || d.kind == ASSAY_DATUM_NUMBER);
    return d.number;
}

/* The texts of n samples a prompt where requests had `batch`: prompt, the request's seed, index. */
static void assert_texts(const assay_table *table, size_t n, size_t batch, int64_t seed)
{
    char expected[128];
    assert_int_equal(assay_table_rows(table), PROMPTS * n);
    for (size_t i = 0; i < PROMPTS * n; i++) {
        size_t sample = i % n, first = sample / batch * batch;
        snprintf(expected, sizeof expected, "%c/%lld/%zu", (char)('a' + i / n),
            (long long)assay_endpoint_seed(seed, first + 1), sample - first);
        assert_string_equal(text_of(table, i), expected);
        assert_true(number_of(table, i, "problem") == (double)(i / n + 1));
        assert_true(number_of(table, i, "sample") == (double)(sample + 1));
    }
}

static void assert_same_texts(const assay_table *a, const assay_table *b)
{
    assert_int_equal(assay_table_rows(a), assay_table_rows(b));
    for (size_t i = 0; i < assay_table_rows(a); i++)
        assert_string_equal(text_of(a, i), text_of(b, i));
}

/* ---- requests as the protocol has them ---- */

static void requests_are_what_the_protocol_says(void **state)
{
    (void)state;
    const char *const stop[] = {"\n\n", "Q:"};
    assay_endpoint_options options = {.url = "http://h/v1", .model = "m"};
    assay_endpoint_sampling how = of(9, -1);
    how.stop = stop;
    how.stops = 2;
    how.temperature = 0.5;
    how.top_p = 0.25;
    how.max_tokens = 64;
    how.logprobs = true;
    how.extra = "{\"top_k\": 40}";
    json_t *prompt = json_string("6 * 7?");
    char *text = assay_endpoint_request(&options, &how, prompt, 1, 3);
    assert_string_equal(text, "{\"logprobs\":true,\"max_tokens\":64,\"messages\":[{\"content\":\"6 "
                              "* 7?\",\"role\":\"user\"}],"
                              "\"model\":\"m\",\"n\":3,\"stop\":[\"\\n\\n\",\"Q:\"],\"stream\":"
                              "false,\"temperature\":0.5,\"top_"
                              "k\":40,\"top_p\":0.25}");
    free(text);
    options.text = true;
    how = of(1, 7);
    how.min_p = 0.5;
    how.logprobs = true;
    char expected[256];
    text = assay_endpoint_request(&options, &how, prompt, 1, 1);
    snprintf(expected, sizeof expected,
        "{\"logprobs\":1,\"min_p\":0.5,\"model\":\"m\",\"prompt\":\"6 * "
        "7?\",\"seed\":%lld,\"stream\":"
        "false}",
        (long long)assay_endpoint_seed(7, 1));
    assert_string_equal(text, expected);
    free(text);
    json_decref(prompt);
    for (size_t first = 1; first < 1000; first++) { /* neighbours share no seed */
        assert_in_range(assay_endpoint_seed(7, first), 0, INT32_MAX);
        assert_true(assay_endpoint_seed(7, first + 1) != assay_endpoint_seed(8, first));
        assert_true(assay_endpoint_seed(7, first) != assay_endpoint_seed(7, first + 1));
    }
}

/* ---- a server that behaves ---- */

static void samples_stand_in_their_order(void **state)
{
    (void)state;
    assay_endpoint_usage usage;
    assay_endpoint_sampling how = of(5, 3);
    how.logprobs = true;
    assay_table *t =
        sample(ENDPOINT(.batch = 2, .in_flight = 4, .prompt_price = 3, .completion_price = 5), &how,
            &usage);
    assert_texts(t, 5, 2, 3);
    for (size_t i = 0; i < 15; i++) {
        assert_true(number_of(t, i, "tokens") == 2);
        assert_true(fabs(number_of(t, i, "logprob") + 0.75) < 1e-12);
        assert_true(number_of(t, i, "prompt_tokens") == 10);
        /* the fifth is alone in its request, the others share 10 tokens of prompt */
        double prompt = i % 5 == 4 ? 10 : 5;
        assert_true(fabs(number_of(t, i, "cost") - 1e-6 * (3 * prompt + 5 * 2)) < 1e-18);
    }
    assert_int_equal(usage.requests, 9);
    assert_int_equal(usage.retries, 0);
    assert_int_equal(usage.samples, 15);
    assert_true(usage.prompt_tokens == 90 && usage.completion_tokens == 30);
    assert_true(fabs(usage.cost - 1e-6 * (3 * 90 + 5 * 30)) < 1e-15);
    assay_table_free(t);
}

static void texts_are_completed(void **state)
{
    (void)state;
    static const char *const text[] = {"\"2 + 2 =\""}, *const names[] = {"sum"};
    assay_endpoint *e = ENDPOINT(.text = true);
    assay_table *t;
    const assay_endpoint_sampling how = of(2, -1);
    assert_int_equal(assay_endpoint_sample(e, text, names, 1, &how, NULL, &t, NULL), ASSAY_OK);
    assert_string_equal(text_of(t, 1), "2 + 2 =/-/1");
    assert_string_equal(assay_table_get(t, 0, 0).text, "sum");
    assay_table_free(t);
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, 3, &how, NULL, &t, NULL), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "prompts[2] must be a text");
    assay_endpoint_free(e);
}

static void many_are_in_flight_but_not_more(void **state)
{
    (void)state;
    int most;
    const assay_endpoint_sampling how = of(8, 1);
    assay_table_free(sample(ENDPOINT(.model = "lazy", .batch = 1, .in_flight = 6), &how, NULL));
    assert_int_equal(requests_of("lazy", &most), 24);
    assert_in_range(most, 2, 6);
}

/* ---- what passes ---- */

static void what_passes_is_tried_again(void **state)
{
    (void)state;
    static const char *const models[] = {
        "busy:2", "broken:2", "cut:2", "gone:2", "garbage:2", "odd:2", "none:2"};
    const assay_endpoint_sampling how = of(4, 9);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        assay_endpoint_usage usage;
        assay_table *t = sample(ENDPOINT(.model = models[i], .batch = 2), &how, &usage);
        assert_texts(t, 4, 2, 9);
        assert_int_equal(usage.retries, 2);
        assert_int_equal(requests_of(models[i], NULL), 8);
        assay_table_free(t);
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void retry_after_is_heard(void **state)
{
    (void)state;
    const assay_endpoint_sampling how = of(1, 9);
    double before = seconds();
    assay_table *t = sample(ENDPOINT(.model = "later:1"), &how, NULL);
    assert_true(seconds() - before >= 1);
    assert_texts(t, 1, 1, 9);
    assay_table_free(t);
    assert_fails(ENDPOINT(.model = "tomorrow"), ASSAY_EIO,
        "answers with status 429: quota used up (it asks to wait for 86400 s)");
}

static void timeouts_are_tried_again(void **state)
{
    (void)state;
    const assay_endpoint_sampling how = of(1, 9);
    assay_table *t = sample(ENDPOINT(.model = "slow:1", .timeout = 1.5), &how, NULL);
    assert_texts(t, 1, 1, 9);
    assert_in_range(requests_of("slow:1", NULL), 4, 12);
    assay_table_free(t);
}

/* ---- what does not ---- */

static void what_stays_wrong_is_not_tried_for_ever(void **state)
{
    (void)state;
    assert_fails(ENDPOINT(.model = "broken", .retries = 3, .in_flight = 1), ASSAY_EIO,
        "answers with status 500: out of luck (after 4 attempts)");
    assert_int_equal(requests_of("broken", NULL), 4);
    assert_fails(ENDPOINT(.model = "garbage", .retries = -1, .in_flight = 1), ASSAY_EIO,
        "gives an answer that is none: the answer is not JSON (after 1 attempts)");
    assert_fails(ENDPOINT(.model = "odd", .retries = 1, .in_flight = 1), ASSAY_EIO,
        "choices[0].message.content must be a text, got an integer");
    assert_fails(ENDPOINT(.model = "polite", .retries = 1, .in_flight = 1), ASSAY_EIO,
        "gives an answer that is none: sorry (after 2 attempts)");
    assert_fails(ENDPOINT(.model = "shut", .key = "ASSAY_TEST_KEY", .in_flight = 1), ASSAY_EIO,
        "answers with status 401: wrong key Bearer *****");
    assert_int_equal(requests_of("shut", NULL), 1);
    assert_fails(ENDPOINT(.model = "redirect", .in_flight = 1), ASSAY_EIO,
        "redirects to another address, which is not followed");
    assert_int_equal(requests_of("redirect", NULL), 1);
    assert_fails(ENDPOINT(.model = "huge", .largest = 1 << 20, .in_flight = 1), ASSAY_EIO,
        "gives an answer of more than 1048576 bytes");
    assert_int_equal(requests_of("huge", NULL), 1);
}

static void nobody_there_is_told_soon(void **state)
{
    (void)state;
    assay_endpoint *e;
    assay_table *t;
    const assay_endpoint_sampling how = of(1, 1);
    const assay_endpoint_options options = {
        .url = "http://127.0.0.1:1/v1/", .model = "m", .backoff = 0.01};
    assert_int_equal(assay_endpoint_new(&options, &e), ASSAY_OK);
    assert_int_equal(assay_endpoint_sample(e, prompts, NULL, 1, &how, NULL, &t, NULL), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "http://127.0.0.1:1/v1 does not answer: "));
    assert_non_null(strstr(assay_errmsg(), "(after 3 attempts)"));
    assay_endpoint_free(e);
}

/* A port of plain http under an https address. */
static void http_is_no_https(void **state)
{
    (void)state;
    char address[80];
    assay_endpoint *e;
    assay_table *t;
    const assay_endpoint_sampling how = of(1, 1);
    snprintf(address, sizeof address, "https%s", url + strlen("http"));
    const assay_endpoint_options options = {.url = address, .model = "m", .backoff = 0.01};
    assert_int_equal(assay_endpoint_new(&options, &e), ASSAY_OK);
    assert_int_equal(assay_endpoint_sample(e, prompts, NULL, 1, &how, NULL, &t, NULL), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), address));
    assert_non_null(strstr(assay_errmsg(), " does not answer: "));
    assert_non_null(strstr(assay_errmsg(), "(does the server speak https, or http?)"));
    assay_endpoint_free(e);
}

/* ---- n ---- */

static void servers_that_ignore_n_are_asked_more_often(void **state)
{
    (void)state;
    static const char *const models[] = {"one", "single"};
    const assay_endpoint_sampling how = of(5, 4);
    for (size_t i = 0; i < 2; i++) {
        assay_table *t =
            sample(ENDPOINT(.model = models[i], .batch = 4, .in_flight = 8), &how, NULL);
        assert_texts(t, 5, 1, 4);
        /* each prompt's first request may be out, for four, before the first answer is there */
        assert_in_range(requests_of(models[i], NULL), 15, 18);
        assay_table_free(t);
    }
}

static void wrong_counts_are_put_right(void **state)
{
    (void)state;
    const assay_endpoint_sampling how = of(5, 4);
    assay_table *t = sample(ENDPOINT(.model = "more", .batch = 2), &how, NULL);
    assert_texts(t, 5, 2, 4);
    assay_table_free(t);
    t = sample(ENDPOINT(.model = "fewer", .batch = 5), &how, NULL);
    assert_int_equal(assay_table_rows(t), 15);
    char expected[64];
    static const int first[] = {1, 1, 3, 3, 5}, index[] = {0, 1, 0, 1, 0};
    for (size_t i = 0; i < 5; i++) {
        snprintf(expected, sizeof expected, "a/%lld/%d",
            (long long)assay_endpoint_seed(4, (size_t)first[i]), index[i]);
        assert_string_equal(text_of(t, i), expected);
    }
    assay_table_free(t);
}

/* ---- stopping ---- */

static int stop_after(void *context, double done, double total)
{
    const double *limit = context;
    return done >= *limit && total == 24;
}

static void a_cancel_is_heard(void **state)
{
    (void)state;
    double at_once = 0, before = seconds();
    const assay_progress progress = {stop_after, &at_once};
    const assay_endpoint_sampling how = of(8, 1);
    assay_endpoint *e = ENDPOINT(.model = "slow");
    assay_table *t;
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, 3, &how, &progress, &t, NULL), ASSAY_ECANCELLED);
    assert_true(seconds() - before < 20); /* the server would take 60 */
    assay_endpoint_free(e);
}

static char kept[64];

static void make_kept(const char *name)
{
    snprintf(kept, sizeof kept, "%s-%s", directory, name);
}

static void what_came_is_not_asked_again(void **state)
{
    (void)state;
    make_kept("resumed");
    double some = 5;
    const assay_progress progress = {stop_after, &some};
    assay_endpoint_sampling how = of(8, 1);
    assay_endpoint_usage first, second, third;
    assay_endpoint *e = ENDPOINT(.model = "lazy:1000", .batch = 2, .in_flight = 2, .journal = kept);
    assay_table *t, *again;
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, 3, &how, &progress, &t, &first), ASSAY_ECANCELLED);
    assert_in_range(first.samples, 5, 23);
    assert_int_equal(assay_endpoint_sample(e, prompts, NULL, 3, &how, NULL, &t, &second), ASSAY_OK);
    assert_texts(t, 8, 2, 1);
    assert_int_equal(second.kept, first.samples);
    assert_int_equal(2 * second.requests, 24 - first.samples);
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, 3, &how, NULL, &again, &third), ASSAY_OK);
    assert_same_texts(t, again);
    assert_int_equal(third.requests, 0);
    assert_int_equal(third.kept, 24);
    assert_true(third.completion_tokens == second.completion_tokens);
    assay_table_free(again);
    how.n = 11; /* more samples: the first eight are there */
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, 3, &how, NULL, &again, &third), ASSAY_OK);
    assert_texts(again, 11, 2, 1);
    assert_int_equal(third.requests, 6);
    how.n = 8;
    how.temperature = 0.5; /* another question */
    assay_table_free(again);
    assert_int_equal(
        assay_endpoint_sample(e, prompts, NULL, 3, &how, NULL, &again, &third), ASSAY_OK);
    assert_int_equal(third.kept, 0);
    assay_table_free(again);
    assay_table_free(t);
    assay_endpoint_free(e);
    remove_files(kept);
}

/* Cut every journal in its last line, as a dying machine would. */
static void tear(void)
{
    char name[4096];
    struct stat about;
    DIR *files = opendir(kept);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        snprintf(name, sizeof name, "%s/%s", kept, entry->d_name);
        if (stat(name, &about) == 0 && S_ISREG(about.st_mode))
            assert_int_equal(truncate(name, about.st_size - 7), 0);
    }
    closedir(files);
}

static void torn_journals_are_mended(void **state)
{
    (void)state;
    make_kept("torn");
    const assay_endpoint_sampling how = of(4, 6);
    assay_endpoint_usage usage;
    assay_table *t = sample(ENDPOINT(.batch = 2, .journal = kept), &how, NULL);
    for (int i = 0; i < 2; i++) {
        tear();
        assay_table *again = sample(ENDPOINT(.batch = 2, .journal = kept), &how, &usage);
        assert_same_texts(t, again);
        assert_int_equal(usage.kept, 6);
        assert_int_equal(usage.requests, 3);
        assay_table_free(again);
        assay_table_free(sample(ENDPOINT(.batch = 2, .journal = kept), &how, &usage));
        assert_int_equal(usage.kept, 12); /* what came then stands in lines of its own */
    }
    assay_table_free(t);
    remove_files(kept);
}

static pid_t sample_beside(const char *model)
{
    pid_t pid = fork();
    if (pid == 0) {
        const assay_endpoint_sampling how = of(8, 2);
        assay_endpoint *e = ENDPOINT(.model = model, .batch = 2, .in_flight = 2, .journal = kept);
        assay_table *t;
        int status = assay_endpoint_sample(e, prompts, NULL, 3, &how, NULL, &t, NULL);
        assay_table_free(t);
        assay_endpoint_free(e);
        _exit(status ? 1 : 0);
    }
    return pid;
}

/* Two processes with the same questions: each is asked once. */
static void two_processes_share_what_comes(void **state)
{
    (void)state;
    make_kept("shared");
    const assay_endpoint_sampling how = of(8, 2);
    int how_ended;
    pid_t other = sample_beside("lazy:1001");
    assay_table *t = sample(
        ENDPOINT(.model = "lazy:1001", .batch = 2, .in_flight = 2, .journal = kept), &how, NULL);
    waitpid(other, &how_ended, 0);
    assert_true(WIFEXITED(how_ended) && WEXITSTATUS(how_ended) == 0);
    assert_texts(t, 8, 2, 2);
    assert_int_equal(requests_of("lazy:1001", NULL), 12);
    assay_table_free(t);
    remove_files(kept);
}

/* Killed while it samples: what came is there, and the rest comes. */
static void a_kill_loses_nothing(void **state)
{
    (void)state;
    make_kept("killed");
    const assay_endpoint_sampling how = of(8, 2);
    assay_endpoint_usage usage;
    pid_t other = sample_beside("lazy:1002");
    for (int i = 0; i < 1000 && requests_of("lazy:1002", NULL) < 5; i++)
        usleep(20000);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    assay_table *t = sample(
        ENDPOINT(.model = "lazy:1002", .batch = 2, .in_flight = 2, .journal = kept), &how, &usage);
    assert_texts(t, 8, 2, 2);
    assert_in_range(usage.kept, 4, 22);
    assert_int_equal(2 * usage.requests, 24 - usage.kept);
    assay_table_free(t);
    remove_files(kept);
}

/* Every journal ends with a whole line. */
static void assert_whole_lines(void)
{
    char name[4096];
    int journals = 0;
    DIR *files = opendir(kept);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", kept, entry->d_name);
        FILE *file = fopen(name, "r");
        assert_non_null(file);
        assert_int_equal(fseek(file, -1, SEEK_END), 0);
        assert_int_equal(fgetc(file), '\n');
        fclose(file);
        journals++;
    }
    closedir(files);
    assert_true(journals > 0);
}

/* Files may not grow beyond what a question and an answer or two take. */
static int sample_with_little_room(const assay_endpoint_sampling *how)
{
    assay_table *t = NULL;
    const struct rlimit most = {.rlim_cur = 800, .rlim_max = 800};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &most))
        return 2;
    assay_endpoint *e = ENDPOINT(.model = "full", .batch = 1, .in_flight = 2, .journal = kept);
    const int status = assay_endpoint_sample(e, prompts, NULL, 3, how, NULL, &t, NULL);
    const bool told =
        strstr(assay_errmsg(), "the journal of samples can't be written: File too large");
    assay_table_free(t);
    assay_endpoint_free(e);
    return status == ASSAY_EIO && told ? 0 : 1;
}

/* A disk that is full stops the run with its reason; what was kept is whole, and is not asked
 * again. */
static void a_full_disk_is_told(void **state)
{
    (void)state;
    make_kept("full");
    const assay_endpoint_sampling how = of(40, 2);
    assay_endpoint_usage usage;
    int ended;
    const pid_t other = fork();
    if (other == 0)
        _exit(sample_with_little_room(&how));
    waitpid(other, &ended, 0);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    assert_whole_lines();
    assay_table *t = sample(
        ENDPOINT(.model = "full", .batch = 1, .in_flight = 2, .journal = kept), &how, &usage);
    assert_texts(t, 40, 1, 2);
    assert_true(usage.kept > 0);
    assert_int_equal(usage.requests, 120 - usage.kept);
    assay_table_free(t);
    remove_files(kept);
}

static void an_impossible_place_is_told(void **state)
{
    (void)state;
    make_kept("file");
    FILE *file = fopen(kept, "w");
    fclose(file);
    assert_fails(ENDPOINT(.journal = kept), ASSAY_EIO, ", where samples are kept, can't be made: ");
    unlink(kept);
}

/* ---- the key ---- */

static void assert_not_within(const char *path)
{
    char name[4096];
    static char bytes[1 << 20];
    DIR *files = opendir(path);
    size_t seen = 0;
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FILE *file = fopen(name, "r");
        size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
        if (file)
            fclose(file);
        assert_null(memmem(bytes, n, secret, strlen(secret)));
        assert_null(memmem(bytes, n, secret + 3, 10));
        seen += n;
    }
    closedir(files);
    assert_true(seen > 100);
}

static void the_key_goes_nowhere_else(void **state)
{
    (void)state;
    make_kept("key");
    const assay_endpoint_sampling how = of(2, 2);
    assay_table *t =
        sample(ENDPOINT(.model = "tells", .key = "ASSAY_TEST_KEY", .journal = kept), &how, NULL);
    for (size_t i = 0; i < 6; i++) { /* it did come: the server saw and repeated it */
        assert_non_null(strstr(text_of(t, i), " Bearer *****"));
        assert_null(strstr(text_of(t, i), secret));
    }
    assert_not_within(kept);
    assay_table_free(t);
    remove_files(kept);
    t = sample(ENDPOINT(.model = "tells"), &how, NULL);
    assert_non_null(strstr(text_of(t, 0), " no key"));
    assay_table_free(t);
}

/* ---- arguments ---- */

static void assert_refused(const assay_endpoint_options *options, int status, const char *message)
{
    assay_endpoint *e;
    assert_int_equal(assay_endpoint_new(options, &e), status);
    assert_null(e);
    assert_string_equal(assay_errmsg(), message);
}

#define REFUSED(status, message, ...)                                                              \
    assert_refused(&(assay_endpoint_options){__VA_ARGS__}, status, message)

static void wrong_options_are_named(void **state)
{
    (void)state;
    REFUSED(ASSAY_EINVAL, "url must be given", .model = "m");
    REFUSED(ASSAY_EINVAL, "model must be given", .url = "http://h/v1");
    REFUSED(ASSAY_EINVAL, "url must be like \"http://127.0.0.1:8000/v1\", which it is not",
        .url = "127.0.0.1:8000/v1", .model = "m");
    REFUSED(ASSAY_EINVAL, "url must begin with http:// or https://, got file",
        .url = "file:///etc/passwd", .model = "m");
    REFUSED(ASSAY_EINVAL,
        "url must hold no password and no \"?\": a key comes from the environment (option key)",
        .url = "http://me:secret@h/v1", .model = "m");
    REFUSED(ASSAY_EINVAL,
        "url must hold no password and no \"?\": a key comes from the environment (option key)",
        .url = "http://h/v1?api-key=secret", .model = "m");
    REFUSED(ASSAY_EINVAL,
        "the key would go to h readable for all on the way: use https://, or the option insecure",
        .url = "http://h/v1", .model = "m", .key = "ASSAY_TEST_KEY");
    REFUSED(ASSAY_ENOTFOUND,
        "the environment variable ASSAY_NO_KEY, which should hold the key, is not set",
        .url = "https://h/v1", .model = "m", .key = "ASSAY_NO_KEY");
    setenv("ASSAY_ODD_KEY", "sk-\r\nX-Other: 1", 1);
    REFUSED(ASSAY_EINVAL,
        "the environment variable ASSAY_ODD_KEY holds a blank or a character that is none of ASCII",
        .url = "https://h/v1", .model = "m", .key = "ASSAY_ODD_KEY");
    REFUSED(ASSAY_EINVAL, "in_flight must be in 1..1024, got 1025", .url = "http://h/v1",
        .model = "m", .in_flight = 1025);
    REFUSED(ASSAY_EINVAL, "prices must be finite and at least 0", .url = "http://h/v1",
        .model = "m", .prompt_price = -1);
}

static void wrong_questions_are_named(void **state)
{
    (void)state;
    static const char *const twice[] = {"\"a\"", "\"b\"", "\"a\""}, *const empty[] = {"[]"};
    assay_endpoint *e = ENDPOINT(.model = "well");
    assay_endpoint_sampling how = of(1, -1);
    assay_table *t;
    assert_int_equal(assay_endpoint_sample(e, twice, NULL, 3, &how, NULL, &t, NULL), ASSAY_EINVAL);
    assert_string_equal(
        assay_errmsg(), "prompts 1 and 3 are equal: they would have the same samples");
    assert_int_equal(assay_endpoint_sample(e, empty, NULL, 1, &how, NULL, &t, NULL), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "prompts[1] must be a text or a list of messages");
    how.extra = "[1]";
    assert_int_equal(assay_endpoint_sample(e, twice, NULL, 1, &how, NULL, &t, NULL), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "extra must be a JSON object");
    how.extra = "{\"seed\": 1}";
    assert_int_equal(assay_endpoint_sample(e, twice, NULL, 1, &how, NULL, &t, NULL), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "extra can't set \"seed\"");
    how.extra = NULL;
    assert_int_equal(assay_endpoint_sample(e, twice, NULL, 0, &how, NULL, &t, NULL), ASSAY_OK);
    assert_int_equal(assay_table_rows(t), 0);
    assay_table_free(t);
    assay_endpoint_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_what_the_protocol_says),
        cmocka_unit_test(samples_stand_in_their_order),
        cmocka_unit_test(texts_are_completed),
        cmocka_unit_test(many_are_in_flight_but_not_more),
        cmocka_unit_test(what_passes_is_tried_again),
        cmocka_unit_test(retry_after_is_heard),
        cmocka_unit_test(timeouts_are_tried_again),
        cmocka_unit_test(what_stays_wrong_is_not_tried_for_ever),
        cmocka_unit_test(nobody_there_is_told_soon),
        cmocka_unit_test(http_is_no_https),
        cmocka_unit_test(servers_that_ignore_n_are_asked_more_often),
        cmocka_unit_test(wrong_counts_are_put_right),
        cmocka_unit_test(a_cancel_is_heard),
        cmocka_unit_test(what_came_is_not_asked_again),
        cmocka_unit_test(torn_journals_are_mended),
        cmocka_unit_test(two_processes_share_what_comes),
        cmocka_unit_test(a_kill_loses_nothing),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(an_impossible_place_is_told),
        cmocka_unit_test(the_key_goes_nowhere_else),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(wrong_questions_are_named),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
