/*
 * make bench: SMOTE, its descendants and the cleaners against imbalanced-learn, from rows and
 * classes to the larger or smaller set; CPU time of one thread, which a busy machine hardly
 * changes, then wall time of two. The answers are compared: rows made and the distances of the
 * neighbours that SMOTE draws from, or the sum of the positions that are kept.
 *
 * The first goal was set where the peer took 0.4 s. Where it takes a tenth of that, both are near
 * what writing 48 MB takes, and no 20 is left to win.
 *
 *     balance SOURCE-DIRECTORY
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/peer.h"
#include "core/neighbours.h"
#include "core/rng.h"
#include "core/status.h"
#include "methods/balance/smote.h"

enum { TURNS = 3 };

typedef struct set {
    assay_matrix x;
    size_t *y;
} set;

typedef struct job {
    const char *name, *words; /* of the peer: what to do */
    size_t rows, cols;
    double rare; /* share of class 1 */
    double goal;
    assay_smote_kind kind;
    double (*run)(const set *data, const struct job *task, assay_threads *pool); /* the answer */
    double (*more)(const set *data); /* of the answer, not timed; or NULL */
} job;

static void must(int status, const char *what)
{
    if (status == ASSAY_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, assay_errmsg());
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    must(memory ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory"), "memory");
    return memory;
}

/* The rows that were there and the new ones, with their classes, as one set. */
static double enlarge(const set *data, const job *task, assay_threads *pool)
{
    assay_smote_options o = assay_smote_defaults();
    assay_synthetic plan;
    assay_rng rng = assay_rng_seed(1);
    const size_t n = data->x.rows, d = data->x.cols;
    o.kind = task->kind;
    o.pool = pool;
    must(assay_smote(&data->x, data->y, &o, &rng, &plan), task->name);
    assay_matrix whole;
    must(assay_matrix_alloc(n + plan.rows, d, &whole), task->name);
    size_t *labels = malloc((n + plan.rows) * sizeof *labels);
    must(labels ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory"), task->name);
    memcpy(whole.data, data->x.data, n * d * sizeof *whole.data);
    memcpy(labels, data->y, n * sizeof *labels);
    memcpy(labels + n, plan.label, plan.rows * sizeof *labels);
    assay_matrix added = assay_matrix_view(whole.data + n * d, plan.rows, d);
    must(assay_synthetic_rows(&data->x, &plan, NULL, pool, &added), task->name);
    const double rows = (double)(n + plan.rows);
    assay_synthetic_free(&plan);
    free(labels);
    assay_matrix_free(&whole);
    return rows;
}

static double distances(const set *data)
{
    enum { K = 5 };
    const struct assay_neighbours_options others = {.exclude_self = true};
    size_t *row = allocate(data->x.rows, sizeof *row), rare = 0;
    double sum = 0;
    assay_matrix x;
    assay_class_rows(data->y, data->x.rows, 1, row, &rare);
    must(assay_matrix_alloc(rare, data->x.cols, &x), "rows");
    for (size_t i = 0; i < rare; i++)
        memcpy(
            assay_matrix_row(&x, i), assay_matrix_row(&data->x, row[i]), x.cols * sizeof *x.data);
    size_t *index = allocate(rare * K, sizeof *index);
    double *squared = allocate(rare * K, sizeof *squared);
    must(assay_neighbours(&x, &x, K, &others, index, squared), "neighbours");
    for (size_t i = 0; i < rare * K; i++)
        sum += sqrt(squared[i]);
    assay_matrix_free(&x);
    free(row);
    free(index);
    free(squared);
    return sum;
}

/* The kept rows, with their classes, as a set of their own. */
static double clean(const set *data, const job *task, assay_threads *pool)
{
    const size_t n = data->x.rows, d = data->x.cols;
    unsigned char *keep = allocate(n, 1);
    if (strcmp(task->words, "tomek") == 0) {
        size_t *pair = allocate(2 * n, sizeof *pair), pairs = 0;
        must(assay_tomek_links(&data->x, data->y, pool, NULL, pair, &pairs), task->name);
        must(assay_tomek_clean(data->y, n, pair, pairs, false, false, keep), task->name);
        free(pair);
    } else {
        static const unsigned char largest[] = {1, 0};
        must(assay_enn(&data->x, data->y, 3, ASSAY_ENN_ALL, largest, 2, false, pool, NULL, keep),
            task->name);
    }
    double *x = malloc(n * d * sizeof *x), sum = 0;
    size_t *y = malloc(n * sizeof *y), rows = 0;
    must(x && y ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory"), task->name);
    for (size_t i = 0; i < n; i++) {
        if (!keep[i])
            continue;
        memcpy(x + rows * d, assay_matrix_row(&data->x, i), d * sizeof *x);
        y[rows++] = data->y[i];
        sum += (double)i;
    }
    free(x);
    free(y);
    free(keep);
    return sum;
}

#define MADE(kind) kind, enlarge, NULL
#define KEPT ASSAY_SMOTE, clean, NULL

static const job tasks[] = {
    {"SMOTE, 1 % of 100,000 x 30", "smote", 100000, 30, 0.01, 20, ASSAY_SMOTE, enlarge, distances},
    {"SMOTE, 10 % of 100,000 x 30", "smote", 100000, 30, 0.1, 3, ASSAY_SMOTE, enlarge, distances},
    {"SMOTE, 30 % of 100,000 x 30", "smote", 100000, 30, 0.3, 3, ASSAY_SMOTE, enlarge, distances},
    {"SMOTE, 10 % of 100,000 x 3", "smote", 100000, 3, 0.1, 3, ASSAY_SMOTE, enlarge, distances},
    {"SMOTE, 30 % of 100,000 x 3", "smote", 100000, 3, 0.3, 3, ASSAY_SMOTE, enlarge, distances},
    {"Borderline, 10 % of 20,000 x 30", "borderline", 20000, 30, 0.1, 3,
        MADE(ASSAY_SMOTE_BORDERLINE1)},
    {"ADASYN, 10 % of 20,000 x 30", "adasyn", 20000, 30, 0.1, 3, MADE(ASSAY_SMOTE_ADASYN)},
    {"Tomek links, 20,000 x 30", "tomek", 20000, 30, 0.3, 3, KEPT},
    {"ENN, 20,000 x 30", "enn", 20000, 30, 0.3, 3, KEPT},
    {"Borderline, 10 % of 100,000 x 3", "borderline", 100000, 3, 0.1, 3,
        MADE(ASSAY_SMOTE_BORDERLINE1)},
    {"ADASYN, 10 % of 100,000 x 3", "adasyn", 100000, 3, 0.1, 3, MADE(ASSAY_SMOTE_ADASYN)},
    {"Tomek links, 100,000 x 3", "tomek", 100000, 3, 0.3, 3, KEPT},
    {"ENN, 100,000 x 3", "enn", 100000, 3, 0.3, 3, KEPT},
};

/* Two overlapping clouds, written for the peer as rows of doubles with the class last. */
static set draw(const job *task, const char *file)
{
    set data = {.y = allocate(task->rows, sizeof *data.y)};
    assay_rng rng = assay_rng_seed(task->rows);
    FILE *out = fopen(file, "wb");
    must(out ? ASSAY_OK : assay_fail(ASSAY_EIO, "can't write %s", file), task->name);
    must(assay_matrix_alloc(task->rows, task->cols, &data.x), task->name);
    for (size_t i = 0; i < task->rows; i++) {
        double *x = assay_matrix_row(&data.x, i);
        data.y[i] = assay_rng_uniform(&rng) < task->rare;
        const double y = (double)data.y[i];
        for (size_t j = 0; j < task->cols; j++)
            x[j] = assay_rng_normal(&rng) + (j < 3 ? y : 0);
        fwrite(x, sizeof *x, task->cols, out);
        fwrite(&y, sizeof y, 1, out);
    }
    must(fclose(out) ? assay_fail(ASSAY_EIO, "can't write %s", file) : ASSAY_OK, task->name);
    return data;
}

static double wall_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One thread by its CPU time, more by the clock on the wall; balance.py does the same. */
static void compare_at(size_t threads, const job *task, const set *data, double more,
    const char *file, bench_peer *peer)
{
    double ours = INFINITY, theirs = INFINITY, now, answer = 0, peer_answer;
    double (*clock)(void) = threads == 1 ? bench_cpu_seconds : wall_seconds;
    assay_threads *pool = NULL;
    char line[512], name[96];
    must(assay_threads_new(threads, &pool), task->name);
    snprintf(line, sizeof line, "%s %zu %zu %s", task->words, task->cols, threads, file);
    snprintf(name, sizeof name, "%s, %s", task->name, threads == 1 ? "CPU" : "2 threads");
    for (int turn = 0; turn < TURNS; turn++) {
        const double start = clock();
        answer = task->run(data, task, pool) + more;
        ours = fmin(ours, clock() - start);
        if (!bench_peer_ask(peer, line, &now, &peer_answer))
            continue;
        theirs = fmin(theirs, now);
        if (fabs(peer_answer - answer) > 1e-6 * fabs(answer))
            printf(
                "  %s: the peer's answer is %.10g, ours %.10g\n", task->name, peer_answer, answer);
    }
    assay_threads_free(pool);
    bench_report_ms(name, ours, theirs, task->goal);
}

static void compare(const job *task, const char *file, bench_peer *peer)
{
    set data = draw(task, file);
    const double more = task->more ? task->more(&data) : 0;
    for (size_t threads = 1; threads <= 2; threads++)
        compare_at(threads, task, &data, more, file, peer);
    assay_matrix_free(&data.x);
    free(data.y);
}

int main(int argc, char **argv)
{
    char file[] = "/tmp/assay-bench-XXXXXX";
    const int fd = mkstemp(file);
    if (argc != 2 || fd < 0) {
        fputs("usage: balance SOURCE-DIRECTORY\n", stderr);
        return 2;
    }
    close(fd);
    openblas_set_num_threads(1);
    bench_peer peer = bench_peer_start(argv[1], "balance.py");
    puts("classes out of balance: CPU ms of one thread, wall ms of two");
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        compare(&tasks[i], file, &peer);
    unlink(file);
    return 0;
}
