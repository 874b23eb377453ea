/*
 * make bench: each figure as a ratio (or a time against its goal) measured in one run of this
 * program, on the machine and disk at hand. Nothing here is asserted: figures are for reading.
 *
 *     bench ASSAY-PROGRAM SOURCE-DIRECTORY
 *
 * Where two things are compared they take turns, and the medians are compared.
 */
#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"
#include "methods/diffusion/usf.h"
#include "models/gmm.h"
#include "models/gmm_noise.h"
#include "store/store.h"

extern char **environ;

enum { REPEATS = 5, ROWS = 200000, MEASURES = 4, EMPTY_CELLS = 4000, STARTS = 40 };

typedef struct bench {
    const char *assay, *source;
    char directory[64];
} bench;

static void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, assay_errmsg());
    exit(1);
}

static void must(int status, const char *what)
{
    if (status)
        die(what);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Wall seconds of a program run to its end with its output thrown away (or kept in `into`). */
static double spawn_seconds(const char *const *arguments, const char *into)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(
        &actions, STDOUT_FILENO, into ? into : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    double start = now();
    /* posix_spawn leaves the strings alone, though its type does not say so */
    if (posix_spawnp(
            &pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ))
        return NAN;
    waitpid(pid, &status, 0);
    double seconds = now() - start;
    posix_spawn_file_actions_destroy(&actions);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? seconds : NAN;
}

static void path_in(const bench *b, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", b->directory, name);
}

static void write_file(const char *path, const char *format, ...)
{
    FILE *file = fopen(path, "w");
    va_list args;
    if (!file)
        die(path);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

static void report(
    const char *what, const char *ours, const char *peer, double ratio, const char *goal)
{
    printf("%-44s %14s %14s %9.3g   %s\n", what, ours, peer, ratio, goal);
    fflush(stdout);
}

/* ---- rows logged from Lua against a raw prepared INSERT ---- */

static double raw_insert(const bench *b, const char *create, const char *insert, bool wide)
{
    char path[128];
    path_in(b, "raw.db", path, sizeof path);
    unlink(path);
    sqlite3 *db;
    sqlite3_stmt *statement;
    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    sqlite3_exec(db, create, NULL, NULL, NULL);
    double start = now();
    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    sqlite3_prepare_v2(db, insert, -1, &statement, NULL);
    for (int row = 0; row < ROWS; row++)
        for (int m = 0; m < (wide ? 1 : MEASURES); m++) {
            sqlite3_bind_int64(statement, 1, 1);
            sqlite3_bind_int64(statement, 2, row);
            for (int j = 0; wide && j < MEASURES; j++)
                sqlite3_bind_double(statement, 3 + j, row * 0.5 + j);
            if (!wide) {
                sqlite3_bind_int64(statement, 3, m);
                sqlite3_bind_double(statement, 4, row * 0.5 + m);
            }
            sqlite3_step(statement);
            sqlite3_reset(statement);
        }
    sqlite3_finalize(statement);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    double seconds = now() - start;
    sqlite3_close(db);
    unlink(path);
    return seconds;
}

static double logged_rows(const bench *b)
{
    char script[128], database[128];
    path_in(b, "rows.lua", script, sizeof script);
    path_in(b, "rows.db", database, sizeof database);
    unlink(database);
    write_file(script,
        "local assay = require 'assay'\n"
        "return assay.experiment { name = 'rows', run = function(cell)\n"
        "  for i = 1, %d do cell:log { a = i * 0.5, b = i * 0.5 + 1, c = i * 0.5 + 2, d = i * 0.5 "
        "+ 3 } end\n"
        "end }\n",
        ROWS);
    const char *const arguments[] = {b->assay, "run", script, "--db", database, "--quiet", NULL};
    double seconds = spawn_seconds(arguments, NULL);
    unlink(database);
    return seconds;
}

static void bench_rows(const bench *b)
{
    double ours[REPEATS], same[REPEATS], wide[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        ours[i] = logged_rows(b);
        same[i] = raw_insert(b,
            "CREATE TABLE value (cell INTEGER, seq INTEGER, metric INTEGER, value ANY, PRIMARY KEY "
            "(cell, seq, metric)) STRICT, WITHOUT ROWID",
            "INSERT INTO value VALUES (?, ?, ?, ?)", false);
        wide[i] = raw_insert(b,
            "CREATE TABLE w (cell INTEGER, seq INTEGER, a REAL, b REAL, c REAL, d REAL)",
            "INSERT INTO w VALUES (?, ?, ?, ?, ?, ?)", true);
    }
    double t = median(ours, REPEATS), s = median(same, REPEATS), w = median(wide, REPEATS);
    char us[32], peer[32];
    snprintf(us, sizeof us, "%.3g rows/s", ROWS / t);
    snprintf(peer, sizeof peer, "%.3g rows/s", ROWS / s);
    report("log rows of 4 measures / same table, raw", us, peer, s / t, ">= 0.5");
    snprintf(peer, sizeof peer, "%.3g rows/s", ROWS / w);
    report("log rows of 4 measures / one wide row, raw", us, peer, w / t, "(for scale)");
}

/* ---- overhead of an empty cell ---- */

static void bench_cells(const bench *b)
{
    char script[128], database[128];
    double seconds[3];
    path_in(b, "empty.lua", script, sizeof script);
    path_in(b, "empty.db", database, sizeof database);
    write_file(script,
        "return require 'assay'.experiment { name = 'empty', replicates = %d, run = function() end "
        "}\n",
        EMPTY_CELLS);
    const char *const arguments[] = {
        b->assay, "run", script, "-j", "1", "--db", database, "--quiet", NULL};
    for (int i = 0; i < 3; i++) {
        unlink(database);
        seconds[i] = spawn_seconds(arguments, NULL);
    }
    unlink(database);
    double ms = 1e3 * median(seconds, 3) / EMPTY_CELLS;
    char us[32];
    snprintf(us, sizeof us, "%.3f ms", ms);
    report("empty cell, one worker", us, "1 ms", ms, "< 1");
}

/* ---- start-up ---- */

static void bench_start(const bench *b)
{
    double seconds[STARTS];
    const char *const arguments[] = {b->assay, "--version", NULL};
    for (int i = 0; i < STARTS; i++)
        seconds[i] = spawn_seconds(arguments, NULL);
    double ms = 1e3 * median(seconds, STARTS);
    char us[32];
    snprintf(us, sizeof us, "%.2f ms", ms);
    report("assay --version", us, "10 ms", ms / 10, "< 1");
}

/* ---- first paint on a large database ---- */

enum { RUNS = 10000, CELLS = 10, CELL_ROWS = 25 }; /* x 4 measures: 10^7 values */

static void fill_run(assay_store *store, int64_t metric[MEASURES])
{
    int64_t run;
    const assay_run_new new = {.experiment = "monkeys",
        .path = "/tmp/monkeys.lua",
        .method = "monkeys",
        .script = "return 1",
        .params = "{\"data\":\"sat\"}",
        .describe = "{}",
        .versions = "{}",
        .seed = 1,
        .replicates = CELLS,
        .workers = 2};
    must(assay_store_run_create(store, &new, &run), "create");
    must(assay_store_run_claim(store, run, 2), "claim");
    for (int64_t c = 0; c < CELLS; c++) {
        must(assay_store_cell_create(store, run, c, "{\"data\":\"sat\"}", c + 1), "cell");
        must(assay_store_cell_start(store, run, c), "start");
        for (int64_t row = 0; row < CELL_ROWS; row++)
            for (int64_t m = 0; m < MEASURES; m++)
                must(assay_store_value_number(store, run, c, row, metric[m], 0.5), "value");
        must(assay_store_cell_finish(store, run, c, ASSAY_CELL_DONE, 0.1, NULL), "finish");
    }
    must(assay_store_run_finish(store, run, ASSAY_RUN_DONE, 1, NULL), "done");
}

static void fill_database(const char *path)
{
    static const char *const names[MEASURES] = {"k", "coverage", "low", "high"};
    int64_t metric[MEASURES];
    assay_store *store;
    must(assay_store_open(path, ASSAY_STORE_CREATE, &store), "open");
    for (int run = 0; run < RUNS; run++) {
        if (run % 500 == 0)
            must(assay_store_begin(store), "begin");
        for (int m = 0; run == 0 && m < MEASURES; m++)
            must(assay_store_metric(store, names[m], &metric[m]), "metric");
        fill_run(store, metric);
        if (run % 500 == 499)
            must(assay_store_commit(store), "commit");
    }
    assay_store_close(store);
}

/* A whole process that paints a view once and leaves: start-up and first paint together. */
static void bench_paint(const bench *b)
{
    static const char *const views[][2] = {
        {"first paint, experiments (10^7 values)", ":save-screen /dev/null\n:quit\n"},
        {"first paint, list of 10,000 runs", ":runs\n:save-screen /dev/null\n:quit\n"}};
    char database[128], script[128];
    path_in(b, "large.db", database, sizeof database);
    path_in(b, "paint", script, sizeof script);
    fill_database(database);
    for (size_t v = 0; v < 2; v++) {
        double seconds[STARTS];
        write_file(script, "%s", views[v][1]);
        const char *const arguments[] = {
            b->assay, "tui", "--script", script, "--db", database, NULL};
        for (int i = 0; i < STARTS; i++)
            seconds[i] = spawn_seconds(arguments, NULL);
        double ms = 1e3 * median(seconds, STARTS);
        char us[32];
        snprintf(us, sizeof us, "%.1f ms", ms);
        report(views[v][0], us, "50 ms", ms / 50, "< 1");
    }
    unlink(database);
}

/* ---- scripts that time themselves ---- */

/* What one prints: seconds a pass and, where results are compared, a number of the result. */
typedef struct timing {
    double seconds, result;
} timing;

static timing run_timed(const char *const *arguments, const char *path)
{
    timing t = {NAN, NAN};
    if (isnan(spawn_seconds(arguments, path)))
        return t;
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%lf %lf", &t.seconds, &t.result) < 1)
        t.seconds = NAN;
    if (file)
        fclose(file);
    return t;
}

/* Two of them, in turns. */
static void compare_scripts(const bench *b, const char *what, const char *const *us,
    const char *const *peer, const char *goal)
{
    char path[128], of_us[32], of_them[32];
    double ours[REPEATS], theirs[REPEATS], difference = 0;
    path_in(b, "timing", path, sizeof path);
    for (int i = 0; i < REPEATS; i++) {
        const timing mine = run_timed(us, path), other = run_timed(peer, path);
        ours[i] = mine.seconds;
        theirs[i] = other.seconds;
        difference = fmax(difference, fabs(mine.result - other.result)); /* NaN: not compared */
    }
    double t = median(ours, REPEATS), p = median(theirs, REPEATS);
    snprintf(of_us, sizeof of_us, "%.3g ms", 1e3 * t);
    snprintf(of_them, sizeof of_them, "%.3g ms", 1e3 * p);
    report(what, of_us, of_them, p / t, difference < 1e-6 ? goal : "RESULTS DIFFER");
}

static void bench_pass_at_k(const bench *b)
{
    char lua[4096], python[4096];
    snprintf(lua, sizeof lua, "%s/tests/bench/pass_at_k.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/pass_at_k.py", b->source);
    const char *const us[] = {b->assay, "lua", lua, "vectorised", NULL};
    const char *const textbook[] = {b->assay, "lua", lua, "textbook", NULL};
    const char *const human_eval[] = {"/usr/bin/python3", python, "loop", NULL};
    const char *const vectorised[] = {"/usr/bin/python3", python, "vectorised", NULL};
    compare_scripts(b, "pass@k / textbook double loop in Lua", us, textbook, ">= 20");
    compare_scripts(b, "pass@k / human-eval's loop in numpy", us, human_eval, ">= 20");
    compare_scripts(b, "pass@k / lgamma-free vectorised numpy", us, vectorised, "(for scale)");
}

/* ---- the battery for yes/no series, 10^6 answers ---- */

static void bench_binary_battery(const bench *b)
{
    char lua[4096], python[4096];
    snprintf(lua, sizeof lua, "%s/tests/bench/binary_battery.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/binary_battery.py", b->source);
    const char *const array[] = {b->assay, "lua", lua, "array", NULL};
    const char *const numpy_array[] = {"/usr/bin/python3", python, "array", NULL};
    const char *const list[] = {b->assay, "lua", lua, "list", NULL};
    const char *const numpy_list[] = {"/usr/bin/python3", python, "list", NULL};
    compare_scripts(b, "yes/no battery / the same in numpy", array, numpy_array, ">= 2");
    compare_scripts(b, "yes/no battery of a list / numpy of a list", list, numpy_list, ">= 2");
}

/* ---- utilities: chrF of 40 x 40 texts ---- */

static void bench_chrf(const bench *b)
{
    char lua[4096], python[4096];
    snprintf(lua, sizeof lua, "%s/tests/bench/chrf.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/chrf.py", b->source);
    const char *const us[] = {b->assay, "lua", lua, "seconds", NULL};
    const char *const peer[] = {"/usr/bin/python3", python, "seconds", NULL};
    compare_scripts(b, "chrF of all pairs / sacreBLEU's way in Python", us, peer, ">= 20");
}

/* ---- ranking models ---- */

static void bench_onebench(const bench *b)
{
    static const char *const tasks[][3] = {
        {"pairs", "count pairs, 56 models x 2462 / numpy", "(for scale)"},
        {"ilsr", "I-LSR, 56 models / choix's in numpy", ">= 1"},
        {"mm", "MM, 56 models / the same in numpy", "(for scale)"}};
    char lua[4096], python[4096];
    snprintf(lua, sizeof lua, "%s/tests/bench/onebench.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/onebench.py", b->source);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        const char *const us[] = {b->assay, "lua", lua, tasks[i][0], NULL};
        const char *const peer[] = {"/usr/bin/python3", python, tasks[i][0], b->source, NULL};
        compare_scripts(b, tasks[i][1], us, peer, tasks[i][2]);
    }
}

/* ---- a budget for 200 groups, and 100 learning curves of 6 points ---- */

static void bench_equitable(const bench *b)
{
    static const char *const tasks[][3] = {
        {"allocate", "level allocation, 200 groups / SciPy's SLSQP", ">= 100"},
        {"fit", "100 learning curves / SciPy's curve_fit", ">= 1"}};
    char lua[4096], python[4096];
    snprintf(lua, sizeof lua, "%s/tests/bench/equitable.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/equitable.py", b->source);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        const char *const us[] = {b->assay, "lua", lua, tasks[i][0], NULL};
        const char *const peer[] = {"/usr/bin/python3", python, tasks[i][0], NULL};
        compare_scripts(b, tasks[i][1], us, peer, tasks[i][2]);
    }
}

/* ---- random views of 2,000 images of 28 x 28 ---- */

static void bench_augment(const bench *b)
{
    char lua[4096], python[4096];
    snprintf(lua, sizeof lua, "%s/tests/bench/augment.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/augment.py", b->source);
    const char *const us[] = {b->assay, "lua", lua, NULL};
    const char *const peer[] = {"/usr/bin/python3", python, NULL};
    compare_scripts(b, "RandAugment and cutout, 2,000 images / Pillow", us, peer, ">= 2");
}

/* ---- parts of diffusion samplers, and what shifted times cost ---- */

static void bench_diffusion(const bench *b)
{
    static const char *const tasks[][3] = {
        {"pick", "shifted times of 512 states / torch's windows", ">= 20"},
        {"flow", "a Gaussian's flow, 512 x 784 / torch's einsum", ">= 2"},
        {"net", "2M with an MLP, 256 x 196 / torch", "(for scale)"}};
    char lua[4096], python[4096], net[128];
    snprintf(lua, sizeof lua, "%s/tests/bench/diffusion.lua", b->source);
    snprintf(python, sizeof python, "%s/tests/bench/diffusion.py", b->source);
    path_in(b, "denoiser.safetensors", net, sizeof net);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        const char *const us[] = {b->assay, "lua", lua, tasks[i][0], net, NULL};
        const char *const peer[] = {"/usr/bin/python3", python, tasks[i][0], net, NULL};
        compare_scripts(b, tasks[i][1], us, peer, tasks[i][2]);
    }
    const char *const shifted[] = {b->assay, "lua", lua, "shifted", NULL};
    const char *const plain[] = {b->assay, "lua", lua, "plain", NULL};
    compare_scripts(b, "DDIM with shifted times / without", shifted, plain, ">= 0.95");
}

/* ---- mixtures: 64 full components in 32 dimensions, 10^5 points ---- */

enum { COMPONENTS = 64, DIM = 32, POINTS = 100000, SQUARE = 512 };

/* K weights, K x d means, K x d x d covariances I + F F^T / d, one behind the other. */
static double *random_mixture(assay_rng *rng, size_t K, size_t d)
{
    double *weights = calloc(K * (1 + d + d * d), sizeof *weights);
    double factor[DIM * DIM];
    if (!weights || d > DIM)
        die("mixture");
    double *means = weights + K, *covariances = means + K * d;
    const int n = (int)d;
    assay_rng_fill_normal(rng, means, K * d);
    for (size_t k = 0; k < K; k++) {
        double *s = covariances + k * d * d;
        weights[k] = 1.0 / (double)K;
        assay_rng_fill_normal(rng, factor, d * d);
        for (size_t i = 0; i < d; i++)
            s[i * d + i] = 1;
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1.0 / n, factor, n, factor, n,
            1, s, n);
    }
    return weights;
}

static assay_gmm *make_mixture(const double *weights, size_t K, size_t d)
{
    const assay_gmm_parameters p = {.components = K,
        .dim = d,
        .weights = weights,
        .means = weights + K,
        .kind = ASSAY_COVARIANCE_FULL,
        .covariances = weights + K + K * d};
    assay_gmm *g;
    must(assay_gmm_new(&p, &g), "mixture");
    return g;
}

static assay_gmm *wide_mixture(assay_rng *rng)
{
    double *parameters = random_mixture(rng, COMPONENTS, DIM);
    assay_gmm *g = make_mixture(parameters, COMPONENTS, DIM);
    free(parameters);
    return g;
}

enum { TIMES = 10 };

static double dgemm_operations(void)
{
    return 2.0 * TIMES * SQUARE * SQUARE * SQUARE;
}

/* Seconds of so many multiplications and additions in one large dgemm's pace. */
static double dgemm_seconds(double *square, double operations)
{
    double *a = square, *b = a + SQUARE * SQUARE, *c = b + SQUARE * SQUARE;
    const double start = now();
    for (int i = 0; i < TIMES; i++)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SQUARE, SQUARE, SQUARE, 1, a, SQUARE,
            b, SQUARE, 0, c, SQUARE);
    return (now() - start) * operations / dgemm_operations();
}

static double fit_seconds(const assay_matrix *x, size_t iterations)
{
    assay_gmm_fit_options o = assay_gmm_fit_defaults(COMPONENTS);
    assay_gmm_fit_result result;
    assay_rng rng = assay_rng_seed(2);
    o.max_iterations = iterations;
    o.tolerance = 0;
    const double start = now();
    must(assay_gmm_fit(x, &o, &rng, &result), "fit");
    assay_gmm_fit_free(&result);
    return now() - start;
}

/* A score has two products of a d x d matrix and a vector for each point and component; so has an
 * iteration of EM, the seconds of which are the difference between 3 and 1. */
static void bench_mixture(void)
{
    const double operations = 4.0 * POINTS * COMPONENTS * DIM * DIM;
    const assay_gmm_level level = {0.7, 0.7, ASSAY_GMM_ALL, 1};
    double scores[REPEATS], limits[REPEATS], iterations[REPEATS];
    double *square = calloc(3 * SQUARE * SQUARE, sizeof *square);
    assay_rng rng = assay_rng_seed(1);
    assay_gmm *g = wide_mixture(&rng);
    assay_matrix x, score;
    must(assay_matrix_alloc(POINTS, DIM, &x), "points");
    must(assay_matrix_alloc(POINTS, DIM, &score), "score");
    must(assay_gmm_sample(g, &level, &rng, NULL, &x, NULL), "sample");
    if (!square)
        die("mixture");
    assay_rng_fill_normal(&rng, square, 2 * SQUARE * SQUARE);
    for (size_t i = 0; i < REPEATS; i++) {
        double start = now();
        must(assay_gmm_evaluate(g, &level, &x, &(assay_gmm_values){.score = &score}), "score");
        scores[i] = now() - start;
        limits[i] = dgemm_seconds(square, operations);
        iterations[i] = (fit_seconds(&x, 3) - fit_seconds(&x, 1)) / 2;
    }
    const double limit = median(limits, REPEATS), of_score = median(scores, REPEATS);
    const double of_fit = median(iterations, REPEATS);
    char ours[32], theirs[32];
    snprintf(theirs, sizeof theirs, "dgemm %.2f s", limit);
    snprintf(ours, sizeof ours, "%.2f s", of_score);
    report("scores, 64 components x 32 x 10^5", ours, theirs, limit / of_score, ">= 0.5");
    snprintf(ours, sizeof ours, "%.2f s", of_fit);
    report("an iteration of EM, the same", ours, theirs, limit / of_fit, ">= 0.5");
    assay_matrix_free(&x);
    assay_matrix_free(&score);
    assay_gmm_free(g);
    free(square);
}

/* ---- diffusion samplers: CPU seconds, the best of several, because neighbours disturb the others
 * ---- */

enum {
    CALLS = 20,
    SMALL_ROWS = 512,
    SMALL_DIM = 16,
    SMALL_COMPONENTS = 30,
    USF_ROWS = 256,
    USF_CALLS = 10
};

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* DPM-Solver++(2M) of CALLS calls, or the schedule. */
static double sample_seconds(const assay_diffusion_model *model, const assay_usf_schedule *schedule,
    const assay_matrix *noise, assay_matrix *x, size_t times)
{
    assay_sampler_options o = assay_sampler_defaults();
    double best = INFINITY;
    o.steps = CALLS;
    for (size_t i = 0; i < times; i++) {
        assay_sampler_result r;
        must(assay_matrix_copy(noise, x), "noise");
        const double start = cpu_now();
        must(schedule ? assay_usf_sample(model, schedule, NULL, NULL, x, &r)
                      : assay_diffusion_sample(model, &o, x, &r),
            "sample");
        best = fmin(best, cpu_now() - start);
        assay_sampler_result_free(&r);
    }
    return best;
}

static void write_doubles(
    const bench *b, const char *name, const double *x, size_t n, const char *mode)
{
    char path[128];
    path_in(b, name, path, sizeof path);
    FILE *file = fopen(path, mode);
    if (!file || fwrite(x, sizeof *x, n, file) != n || fclose(file))
        die(path);
}

/* The largest difference from the peer's samples; NAN when there are none. */
static double off_by(const bench *b, const assay_matrix *x)
{
    char path[128];
    double most = 0, theirs;
    path_in(b, "sampler.out", path, sizeof path);
    FILE *file = fopen(path, "r");
    for (size_t i = 0; file && i < x->rows * x->cols; i++)
        most = fread(&theirs, sizeof theirs, 1, file) == 1 ? fmax(most, fabs(theirs - x->data[i]))
                                                           : NAN;
    if (file)
        fclose(file);
    return file ? most : NAN;
}

static double peer_seconds(const bench *b, int n, int steps, const char *what)
{
    char script[512], rows[16], dim[16], components[16], calls[16], path[128];
    double seconds;
    snprintf(script, sizeof script, "%s/tests/bench/sampler.py", b->source);
    snprintf(rows, sizeof rows, "%d", n);
    snprintf(dim, sizeof dim, "%d", SMALL_DIM);
    snprintf(components, sizeof components, "%d", SMALL_COMPONENTS);
    snprintf(calls, sizeof calls, "%d", steps);
    path_in(b, "sampler.seconds", path, sizeof path);
    const char *const command[] = {
        "/usr/bin/python3", script, b->directory, rows, dim, components, calls, what, NULL};
    if (isnan(spawn_seconds(command, path)))
        return NAN;
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%lf", &seconds) != 1)
        seconds = NAN;
    if (file)
        fclose(file);
    return seconds;
}

/* Steps of order 3 of the noise prediction with pseudo correctors, uniform in t. */
static void make_schedule(const assay_schedule *schedule, assay_usf_schedule *s)
{
    static double t[USF_CALLS + 1];
    static assay_usf_step step[USF_CALLS];
    const assay_usf_plan plan = {.order = 3,
        .corrector = ASSAY_CORRECTOR_PSEUDO,
        .lower_order_final = true,
        .t_start = 1,
        .t_end = 1e-3};
    *s = (assay_usf_schedule){.t = t, .step = step};
    must(assay_usf_from(schedule, &plan, USF_CALLS, s), "schedule");
}

static void bench_sampler_peer(const bench *b, const assay_schedule *schedule, bool searched)
{
    enum { TURNS = 3, PARAMETERS = SMALL_COMPONENTS * (1 + SMALL_DIM + SMALL_DIM * SMALL_DIM) };
    const int rows = searched ? USF_ROWS : SMALL_ROWS;
    assay_rng rng = assay_rng_seed(3);
    double *parameters = random_mixture(&rng, SMALL_COMPONENTS, SMALL_DIM);
    assay_gmm *g = make_mixture(parameters, SMALL_COMPONENTS, SMALL_DIM);
    assay_gmm_noise context = {
        .gmm = g, .schedule = schedule, .level = {.class = ASSAY_GMM_ALL, .guidance = 1}};
    const assay_diffusion_model model = {
        assay_gmm_noise_predict, &context, ASSAY_PREDICT_NOISE, schedule, 1};
    assay_usf_schedule decisions;
    assay_matrix noise, x;
    double mine = INFINITY, theirs = INFINITY;
    char ours[32], peer[32], goal[64];
    make_schedule(schedule, &decisions);
    must(assay_matrix_alloc((size_t)rows, SMALL_DIM, &noise), "noise");
    must(assay_matrix_alloc((size_t)rows, SMALL_DIM, &x), "samples");
    assay_rng_fill_normal(&rng, noise.data, noise.rows * SMALL_DIM);
    write_doubles(b, "sampler.in", parameters, PARAMETERS, "w");
    write_doubles(b, "sampler.in", noise.data, noise.rows * SMALL_DIM, "a");
    for (size_t i = 0; i < TURNS; i++) {
        const double seconds =
            peer_seconds(b, rows, searched ? USF_CALLS : CALLS, searched ? "usf" : "2m");
        theirs = isnan(seconds) ? NAN : fmin(theirs, seconds);
        mine = fmin(mine, sample_seconds(&model, searched ? &decisions : NULL, &noise, &x, 10));
    }
    snprintf(ours, sizeof ours, "%.1f ms", 1e3 * mine);
    snprintf(peer, sizeof peer, "torch %.1f ms", 1e3 * theirs);
    snprintf(goal, sizeof goal, "%s (differ by %.1e)", searched ? ">= 10" : ">= 5", off_by(b, &x));
    report(searched ? "solver schedule, 256 x 16, 30 components"
                    : "DPM-Solver++(2M), 512 x 16, 30 components",
        ours, peer, theirs / mine, goal);
    assay_gmm_noise_free(&context);
    assay_matrix_free(&noise);
    assay_matrix_free(&x);
    assay_gmm_free(g);
    free(parameters);
}

/* All that a run does besides the products of its model is in the other half. */
static void bench_sampler_limit(const assay_schedule *schedule)
{
    enum { TURNS = 3 };
    const double operations = (double)CALLS * 4.0 * POINTS * COMPONENTS * DIM * DIM;
    assay_rng rng = assay_rng_seed(4);
    assay_gmm *g = wide_mixture(&rng);
    assay_gmm_noise context = {
        .gmm = g, .schedule = schedule, .level = {.class = ASSAY_GMM_ALL, .guidance = 1}};
    const assay_diffusion_model model = {
        assay_gmm_noise_predict, &context, ASSAY_PREDICT_NOISE, schedule, 1};
    double mine = INFINITY, limit = INFINITY, *square = calloc(3 * SQUARE * SQUARE, sizeof *square);
    char ours[32], peer[32];
    assay_matrix noise, x;
    must(assay_matrix_alloc(POINTS, DIM, &noise), "noise");
    must(assay_matrix_alloc(POINTS, DIM, &x), "samples");
    if (!square)
        die("sampler");
    assay_rng_fill_normal(&rng, noise.data, POINTS * DIM);
    assay_rng_fill_normal(&rng, square, 2 * SQUARE * SQUARE);
    for (size_t i = 0; i < TURNS; i++) {
        const double start = cpu_now();
        dgemm_seconds(square, operations);
        limit = fmin(limit, (cpu_now() - start) * operations / dgemm_operations());
        mine = fmin(mine, sample_seconds(&model, NULL, &noise, &x, 1));
    }
    snprintf(ours, sizeof ours, "%.1f s", mine);
    snprintf(peer, sizeof peer, "dgemm %.1f s", limit);
    report("the same (2M), 10^5 x 32, 64 components", ours, peer, limit / mine, ">= 0.5");
    assay_gmm_noise_free(&context);
    assay_matrix_free(&noise);
    assay_matrix_free(&x);
    assay_gmm_free(g);
    free(square);
}

static void bench_sampler(const bench *b)
{
    assay_schedule schedule;
    const assay_schedule_options o = assay_schedule_defaults(ASSAY_SCHEDULE_VP_LINEAR);
    must(assay_schedule_init(&schedule, &o), "schedule");
    bench_sampler_peer(b, &schedule, false);
    bench_sampler_peer(b, &schedule, true);
    bench_sampler_limit(&schedule);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench ASSAY-PROGRAM SOURCE-DIRECTORY\n");
        return 2;
    }
    bench b = {.assay = argv[1], .source = argv[2], .directory = "./bench.XXXXXX"};
    if (!mkdtemp(b.directory))
        return 1;
    printf("%-44s %14s %14s %9s   %s\n", "", "assay", "peer or goal", "ratio", "goal");
    openblas_set_num_threads(1);
    bench_start(&b);
    bench_cells(&b);
    bench_rows(&b);
    bench_pass_at_k(&b);
    bench_binary_battery(&b);
    bench_chrf(&b);
    bench_onebench(&b);
    bench_equitable(&b);
    bench_augment(&b);
    bench_diffusion(&b);
    bench_paint(&b);
    bench_mixture();
    bench_sampler(&b);
    char clean[128];
    snprintf(clean, sizeof clean, "rm -rf '%s'", b.directory);
    return system(clean) != 0;
}
