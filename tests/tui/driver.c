/*
 * What the tests of the screens run:
 *
 *     driver fill DB SCRIPT.lua    a database in which every moment and duration is fixed
 *     driver many DB RUNS VALUES   one with many runs, VALUES values among them
 *     driver large DB BYTES        adds an artifact that takes long to read: a table of so many bytes
 *     driver tui DB [SCRIPT]       the TUI, by a script or on the terminal (--ascii before DB)
 *     driver paint DB              milliseconds from nothing to the first screen of the runs
 *     driver keys                  the keymap: names of requests and their keys
 *     driver run --detach ...      what the TUI asks the program to do
 *     driver resume --detach ...
 */
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"
#include "lua/engine.h"
#include "run/run.h"
#include "store/store.h"
#include "tui/frame.h"
#include "tui/tui.h"

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void must(int status)
{
    if (status != ASSAY_OK) {
        fprintf(stderr, "driver: %s\n", assay_errmsg());
        exit(1);
    }
}

static void sql(assay_store *store, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(assay_store_sqlite(store), text, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "driver: %s: %s\n", message, text);
        exit(1);
    }
}

/* ---- fill ---- */

enum { GRID = 2, REPLICATES = 3, POINTS = 7 };

static const double biases[GRID] = {0.3, 0.6};

/* The share of heads after n throws, made up: it comes nearer to the bias as 1/sqrt(n). */
static void log_rows(assay_store *store, int64_t run, int64_t cell, double bias, int64_t replicate)
{
    int64_t n, share, distance;
    must(assay_store_metric(store, "n", &n));
    must(assay_store_metric(store, "share", &share));
    must(assay_store_metric(store, "distance", &distance));
    for (int i = 0; i < POINTS; i++) {
        double throws = pow(4, i),
               off = (double)(replicate - 2) * 0.5 * bias / sqrt(throws) + 0.02 / throws;
        must(assay_store_value_integer(store, run, cell, i, n, (int64_t)throws));
        must(assay_store_value_number(store, run, cell, i, share, bias + off));
        must(assay_store_value_number(store, run, cell, i, distance, fabs(off)));
    }
}

struct plan {
    const char *preset, *params;
    assay_run_state state;
    int ended, failed; /* cells */
};

static int64_t make_run(assay_store *store, const assay_run_new *new, const struct plan *plan)
{
    int64_t run;
    char params[128];
    must(assay_store_run_create(store, new, &run));
    for (int i = 0; i < GRID * REPLICATES; i++) {
        snprintf(params, sizeof params,
            "{\"bias\":%g,\"fail\":false,\"stream\":\"shared\",\"throws\":4096}", biases[i % GRID]);
        must(assay_store_cell_create(store, run, i, params, i / GRID + 1));
    }
    if (plan->state == ASSAY_RUN_QUEUED)
        return run;
    must(assay_store_run_claim(store, run, 2));
    for (int i = 0; i < plan->ended; i++) {
        bool fails = i >= plan->ended - plan->failed;
        must(assay_store_cell_start(store, run, i));
        log_rows(store, run, i, biases[i % GRID], i / GRID + 1);
        must(assay_store_cell_finish(store, run, i, fails ? ASSAY_CELL_FAILED : ASSAY_CELL_DONE,
            1.25 + i,
            fails ? "coin.lua:33: the coin rolled under the table\nstack traceback:\n"
                    "\t[C]: in function 'error'\n\tcoin.lua:33: in function <coin.lua:19>"
                  : NULL));
        must(assay_store_note(
            store, run, i, i == 1 ? "größe 測定 \x1b[31m\xff" : "thrown 4096 times"));
    }
    if (plan->state == ASSAY_RUN_RUNNING)
        must(assay_store_cell_start(store, run, plan->ended));
    else
        must(assay_store_run_finish(store, run,
            plan->state == ASSAY_RUN_INTERRUPTED ? ASSAY_RUN_DONE : plan->state, 12.5, NULL));
    return run;
}

static void put_claims(assay_store *store, int64_t run)
{
    assay_claim_result claims[] = {
        {(char *)"near", (char *)"the last share is within 0.1 of the bias", (char *)"supported",
            0.0061, 0.0049, 0.0072, 0.0004, 3, (char *)"t over replicate", NULL},
        {(char *)"fair", (char *)"the coin is fair", (char *)"not supported", 0.3, 0.28, 0.32, 1e-9,
            3, (char *)"t over replicate",
            (char *)"the interval of the share, 0.28 to 0.32, does not hold 0.5"},
        {(char *)"shrinks", (char *)"four times the throws halve the distance from the bias",
            (char *)"inconclusive", 0.51, 0.2, 0.8, 0.4, 3, (char *)"paired t over replicate",
            (char *)"three replicates are few"},
        {(char *)"broken", (char *)"a check that errs", (char *)"error", NAN, NAN, NAN, NAN, 0,
            NULL, (char *)"coin.lua:50: attempt to index a nil value"},
    };
    must(assay_store_claims_put(
        store, run, &(assay_claim_list){claims, sizeof claims / sizeof *claims}));
}

static void put_text(assay_store *store, int64_t run, int64_t cell, const char *name,
    const char *type, const char *text)
{
    must(assay_store_artifact(store, run, cell, name, type, text, strlen(text)));
}

/* In cell 2: a PNG of 24 x 16 pixels (red, green and blue above a ramp of greys), a spiral as a
 * table, a table without points, and a helix in two steps as lists. */
static void put_forms(assay_store *store, int64_t run)
{
    static const unsigned char png[] = {0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00,
        0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x18, 0x00, 0x00, 0x00, 0x10, 0x08,
        0x02, 0x00, 0x00, 0x00, 0x83, 0x46, 0x28, 0xc2, 0x00, 0x00, 0x00, 0x65, 0x49, 0x44, 0x41,
        0x54, 0x78, 0xda, 0x63, 0xf8, 0xcf, 0xc0, 0x80, 0x15, 0x31, 0x90, 0x2a, 0x31, 0x6a, 0xd0,
        0x88, 0x36, 0x08, 0x08, 0xb8, 0xb9, 0xb9, 0xc5, 0xc4, 0xc4, 0x14, 0x15, 0x15, 0x75, 0x74,
        0x74, 0xcc, 0xcd, 0xcd, 0x9d, 0x9c, 0x9c, 0x7c, 0x7d, 0x7d, 0x23, 0x22, 0x22, 0x92, 0x93,
        0x93, 0xf3, 0xf2, 0xf2, 0x2a, 0x2b, 0x2b, 0x5b, 0x5b, 0x5b, 0x27, 0x4c, 0x98, 0x30, 0x7b,
        0xf6, 0xec, 0x65, 0xcb, 0x96, 0x6d, 0xdc, 0xb8, 0x71, 0xcf, 0x9e, 0x3d, 0xc7, 0x8f, 0x1f,
        0xbf, 0x74, 0xe9, 0xd2, 0xdd, 0xbb, 0x77, 0x5f, 0xbc, 0x78, 0xf1, 0xf9, 0xf3, 0xe7, 0xff,
        0xff, 0x47, 0x0d, 0x1a, 0xd9, 0x06, 0x01, 0x00, 0xb9, 0x3e, 0xdd, 0x28, 0x76, 0x33, 0x3c,
        0x44, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
    char text[8192] = "x,y,arm\n";
    size_t used = strlen(text);
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%.4f,%.4f,%s\n",
            i % 2 ? i * cos(i / 15.) : -i * cos(i / 15.),
            i % 2 ? i * sin(i / 15.) : -i * sin(i / 15.), i % 2 ? "one" : "other");
    must(assay_store_artifact(store, run, 2, "colours", "image/png", png, sizeof png));
    put_text(store, run, 2, "spiral", "text/csv", text);
    put_text(store, run, 2, "models", "text/tab-separated-values",
        "model\tscore\tremark\nsmall\t0.5\tfast, \"good\"\nlarge\t0.75\tslow\n");
    for (int step = 9; step <= 10; step++) {
        used = 0;
        for (int i = 0; i < 150; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s[%.3f, %.3f, %.3f]",
                i ? ", " : "[", cos(i / 8.), sin(i / 8.), i * step / 100.);
        snprintf(text + used, sizeof text - used, "]");
        put_text(store, run, 2, step == 9 ? "helix-9" : "helix-10", "application/json", text);
    }
}

static void put_artifacts(assay_store *store, int64_t run)
{
    static const char text[] = "A text that a cell kept.\nIts second line is long enough to be "
                               "wrapped where the screen is not wide enough for all of it.\n";
    unsigned char image[64 * 48 + 64], bytes[40];
    int head = snprintf((char *)image, sizeof image, "P5\n# black is 0\n64 48\n255\n");
    for (int cell = 0; cell < 2; cell++) {
        for (int y = 0; y < 48; y++)
            for (int x = 0; x < 64; x++)
                image[head + 64 * y + x] = (unsigned char)(cell ? 255 - 4 * x : 5 * y);
        must(assay_store_artifact(
            store, run, cell, "ramp", "image/x-portable-graymap", image, (size_t)head + 64 * 48));
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(7 * i);
    must(assay_store_artifact(store, run, 0, "words", "text/plain", text, sizeof text - 1));
    must(assay_store_artifact(
        store, run, 1, "bytes", "application/octet-stream", bytes, sizeof bytes));
    put_forms(store, run);
}

/* 2026-01-01 00:00 UTC and an hour for each run; the host is one that is not this one. */
static void fix_times(assay_store *store)
{
    sql(store, "UPDATE run SET created = 1767225600 + 3600 * id, started = 1767225601 + 3600 * id,"
               " finished = CASE WHEN state IN ('queued', 'running') THEN 0 ELSE 1767225613.5 + "
               "3600 * id END,"
               " heartbeat = 4000000000, claimed = 0, host = 'cluster', pid = 4711, pid_start = 1,"
               " elapsed = CASE state WHEN 'queued' THEN 0 WHEN 'running' THEN 95 ELSE 12.5 END,"
               " uuid = printf('%08d-0000-4000-8000-000000000000', id)");
    sql(store,
        "UPDATE run SET state = 'running', cells_done = 4, heartbeat = 1767250000, elapsed = 7,"
        " finished = 0 WHERE id = 5"); /* its process is gone */
    sql(store, "UPDATE note SET time = 1767229200 + 60 * id");
}

static void fill(const char *path, const char *script)
{
    static const struct plan plans[] = {
        {"full", "{\"bias\":[0.3,0.6],\"throws\":4096}", ASSAY_RUN_DONE, 6, 0},
        {NULL, "{\"bias\":[0.3,0.6],\"throws\":4096,\"fail\":true}", ASSAY_RUN_FAILED, 6, 2},
        {NULL, "{\"bias\":[0.3,0.6],\"throws\":64}", ASSAY_RUN_CANCELLED, 3, 0},
        {"quick", "{\"bias\":[0.3,0.6],\"throws\":100}", ASSAY_RUN_QUEUED, 0, 0},
        {"quick", "{\"bias\":[0.3,0.6],\"throws\":100}", ASSAY_RUN_INTERRUPTED, 4, 0},
        {"full", "{\"bias\":[0.3,0.6],\"stream\":\"own\",\"throws\":100000}", ASSAY_RUN_RUNNING, 4,
            0},
    };
    assay_experiment *experiment;
    assay_store *store;
    must(assay_experiment_open(script, NULL, ASSAY_LOAD_LIST, &experiment));
    must(assay_store_open(path, ASSAY_STORE_CREATE, &store));
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        assay_run_new new = {.experiment = "coin",
            .path = "/home/ada/experiments/inference/coin.lua",
            .method = "monkeys",
            .script = assay_experiment_script(experiment),
            .preset = plans[i].preset,
            .params = plans[i].params,
            .describe = assay_experiment_describe(experiment),
            .versions = "{}",
            .seed = 1,
            .replicates = REPLICATES,
            .workers = 2};
        int64_t run = make_run(store, &new, &plans[i]);
        if (plans[i].state == ASSAY_RUN_DONE) {
            put_claims(store, run);
            put_artifacts(store, run);
        }
    }
    fix_times(store);
    assay_store_close(store);
    assay_experiment_close(experiment);
}

/* ---- large ---- */

static void large(const char *path, size_t size)
{
    char *text = malloc(size + 64);
    size_t used = 0;
    assay_store *store;
    if (!text)
        must(assay_fail(ASSAY_ENOMEM, "out of memory"));
    for (unsigned long i = 0; used < size; i++)
        used += (size_t)sprintf(text + used, "{\"x\": %lu, \"y\": %lu}\n", i, i * i % 9973);
    must(assay_store_open(path, ASSAY_STORE_WRITE, &store));
    must(assay_store_artifact(store, 1, 2, "large", "application/jsonl", text, used));
    assay_store_close(store);
    free(text);
}

/* ---- many ---- */

static void many(const char *path, long runs, long values)
{
    char text[2048];
    long cells = 10, rows = values / (runs * cells * 2);
    int64_t metric, run;
    assay_store *store;
    must(assay_store_open(path, ASSAY_STORE_CREATE, &store));
    must(assay_store_metric(store, "n", &metric));
    must(assay_store_metric(store, "share", &metric));
    assay_run_new new = {.experiment = "coin",
        .path = "/coin.lua",
        .method = "monkeys",
        .script = "return 1",
        .params = "{\"bias\":0.5}",
        .describe = "{}",
        .versions = "{}",
        .seed = 1,
        .replicates = 10,
        .workers = 2};
    must(assay_store_begin(store));
    for (long i = 0; i < runs; i++) {
        must(assay_store_run_create(store, &new, &run));
        for (int64_t cell = 0; cell < cells; cell++)
            must(assay_store_cell_create(store, run, cell, "{\"bias\":0.5}", cell + 1));
    }
    must(assay_store_commit(store));
    snprintf(text, sizeof text,
        "PRAGMA synchronous = off;"
        "WITH RECURSIVE seq (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM seq WHERE i + 1 < %ld)"
        " INSERT INTO value SELECT cell.id, i, metric.id, i * 0.5 FROM cell, seq, metric"
        " ORDER BY cell.id, i, metric.id;"
        "UPDATE cell SET state = 'done', rows = %ld, elapsed = 1;"
        "UPDATE run SET state = 'done', cells_done = 10, rows = %ld, elapsed = 10;",
        rows, rows, rows * cells);
    sql(store, text);
    assay_store_close(store);
}

/* ---- screens ---- */

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static void paint(const char *database)
{
    struct assay_tui_options options = {.database = database, .script = "-"};
    struct tui *tui;
    double start = milliseconds();
    must(tui_frame_open(&options, &tui));
    tui_frame_draw(tui);
    double first = milliseconds() - start;
    must(tui_frame_settle(tui, 60000)); /* the experiments, which are looked for aside */
    must(tui_open(tui, &tui_runs_view, NULL));
    start = milliseconds();
    must(tui_frame_settle(tui, 60000)); /* the runs' order is read aside */
    double runs = milliseconds() - start;
    start = milliseconds();
    tui_frame_key(tui, 'G');
    tui_frame_draw(tui);
    double end = milliseconds() - start;
    start = milliseconds();
    must(tui_command(tui, "run"));
    tui_frame_draw(tui);
    double run = milliseconds() - start;
    tui_frame_close(tui);
    printf("first screen %.1f ms, runs %.1f ms, their end %.1f ms, a run %.1f ms\n", first, runs,
        end, run);
}

/* ---- run --detach --db=FILE [--preset=P] [--replicates=N] [--seed=N] [--workers=N] SCRIPT
 * NAME=VALUE... ---- */

static const char *option(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 ? word + length : NULL;
}

static int run(int argc, char **argv)
{
    assay_setting settings[64];
    assay_run_options options = {.settings = settings, .seed = 1, .detach = true, .quiet = true};
    const char *file = NULL, *value;
    int64_t id;
    assay_run_state state;
    for (int i = 0; i < argc && options.setting_count < 64; i++) {
        if ((value = option(argv[i], "--db=")))
            options.database = value;
        else if ((value = option(argv[i], "--preset=")))
            options.preset = value;
        else if ((value = option(argv[i], "--replicates=")))
            options.replicates = atoi(value);
        else if ((value = option(argv[i], "--seed=")))
            options.seed = (uint64_t)atoll(value);
        else if ((value = option(argv[i], "--workers=")))
            options.workers = atoi(value);
        else if (argv[i][0] != '-' && !file)
            file = argv[i];
        else if (argv[i][0] != '-') {
            char *equals = strchr(argv[i], '=');
            *equals = '\0';
            settings[options.setting_count++] = (assay_setting){argv[i], equals + 1};
        }
    }
    if (assay_run_start(file, &options, &id, &state) != ASSAY_OK) {
        fprintf(stderr, "assay: %s\n", assay_errmsg());
        return 1;
    }
    printf("run %lld started\n", (long long)id);
    return 0;
}

static int print_keys(void)
{
    for (size_t i = 0; i < tui_keymap_size; i++)
        printf("%s %s\n", tui_keymap[i].name, tui_keymap[i].keys);
    return 0;
}

/* ---- resume --detach --db=FILE RUN [--cell=N] ---- */

static int resume(int argc, char **argv)
{
    assay_run_options options = {.detach = true, .quiet = true};
    const char *value;
    int64_t id = 0;
    assay_run_state state;
    for (int i = 0; i < argc; i++) {
        if ((value = option(argv[i], "--db=")))
            options.database = value;
        else if ((value = option(argv[i], "--cell="))) {
            options.one_cell = true;
            options.cell = atoll(value);
        } else if (argv[i][0] != '-')
            id = atoll(argv[i]);
    }
    if (assay_run_resume(id, &options, &state) != ASSAY_OK) {
        fprintf(stderr, "assay: %s\n", assay_errmsg());
        return 1;
    }
    printf("run %lld goes on\n", (long long)id);
    return 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    bool ascii = argc > 2 && strcmp(argv[2], "--ascii") == 0;
    char **rest = argv + 2 + ascii;
    int count = argc - 2 - ascii;
    if (strcmp(command, "run") == 0)
        return run(count, rest);
    if (strcmp(command, "resume") == 0)
        return resume(count, rest);
    if (strcmp(command, "keys") == 0)
        return print_keys();
    if (strcmp(command, "sanitized") == 0)
        return !SANITIZED;
    if (count < 1)
        return 2;
    if (strcmp(command, "tui") == 0)
        return assay_tui(
            &(struct assay_tui_options){rest[0], count > 1 ? rest[1] : NULL, NULL, ascii});
    if (strcmp(command, "fill") == 0)
        fill(rest[0], rest[1]);
    else if (strcmp(command, "many") == 0)
        many(rest[0], atol(rest[1]), atol(rest[2]));
    else if (strcmp(command, "large") == 0 && count > 1)
        large(rest[0], strtoul(rest[1], NULL, 10));
    else if (strcmp(command, "paint") == 0)
        paint(rest[0]);
    else
        return 2;
    return 0;
}
