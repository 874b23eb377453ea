/*
 * make bench: what the families share against its peers: neighbours and k-means against
 * scikit-learn, farthest points against Open3D. CPU seconds of one thread on both sides, the best
 * of several; the answers (sums of distances, inertia, a sum of chosen coordinates) are compared.
 *
 *     core SOURCE-DIRECTORY
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peer.h"
#include "core/fps.h"
#include "core/kmeans.h"
#include "core/neighbours.h"
#include "core/rng.h"
#include "core/status.h"

enum { TURNS = 3, NEIGHBOURS = 5 };

typedef struct job {
    const char *name, *words; /* of the peer: what to do */
    size_t rows, cols, k;
    double goal;
    double (*run)(const assay_matrix *x, const struct job *task); /* the answer */
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

static double neighbours(const assay_matrix *x, const job *task)
{
    size_t *index = allocate(x->rows * task->k, sizeof *index);
    double *squared = allocate(x->rows * task->k, sizeof *squared), sum = 0;
    const struct assay_neighbours_options others = {.exclude_self = true};
    must(assay_neighbours(x, x, task->k, &others, index, squared), task->name);
    for (size_t i = 0; i < x->rows * task->k; i++)
        sum += sqrt(squared[i]);
    free(index);
    free(squared);
    return sum;
}

/* Twenty iterations from the first k rows. */
static double kmeans(const assay_matrix *x, const job *task)
{
    assay_matrix centres;
    must(assay_matrix_alloc(task->k, x->cols, &centres), task->name);
    for (size_t c = 0; c < task->k; c++)
        memcpy(assay_matrix_row(&centres, c), assay_matrix_row(x, c), x->cols * sizeof(double));
    size_t *label = allocate(x->rows, sizeof *label);
    struct assay_kmeans_result result;
    const struct assay_kmeans_options o = {.max_iterations = 20};
    must(assay_kmeans_lloyd(x, &o, &centres, label, NULL, &result), task->name);
    free(label);
    assay_matrix_free(&centres);
    return result.inertia;
}

static double farthest(const assay_matrix *x, const job *task)
{
    size_t *index = allocate(task->k, sizeof *index);
    double sum = 0;
    must(assay_fps(x, task->k, 0, NULL, NULL, index, NULL), task->name);
    for (size_t i = 0; i < task->k; i++)
        sum += *assay_matrix_at(x, index[i], 0);
    free(index);
    return sum;
}

static const job tasks[] = {
    {"5 neighbours, 100,000 x 3", "kd_tree", 100000, 3, NEIGHBOURS, 1.5, neighbours},
    {"5 neighbours, 20,000 x 30", "brute", 20000, 30, NEIGHBOURS, 1.5, neighbours},
    {"k-means, 50,000 x 64, k = 256", "kmeans", 50000, 64, 256, 1.5, kmeans},
    {"k-means, 400 x 16, k = 8", "kmeans", 400, 16, 8, 1.5, kmeans},
    {"farthest points, 100,000 x 3, 1,024", "fps", 100000, 3, 1024, 3, farthest},
};

/* Clusters of normal points, written for the peer as rows of doubles. */
static assay_matrix draw(const job *task, const char *file)
{
    enum { CLUSTERS = 300 };
    assay_matrix x;
    must(assay_matrix_alloc(task->rows, task->cols, &x), task->name);
    assay_rng rng = assay_rng_seed(task->rows);
    double *centre = allocate(CLUSTERS * task->cols, sizeof *centre);
    for (size_t i = 0; i < CLUSTERS * task->cols; i++)
        centre[i] = 3 * assay_rng_normal(&rng);
    for (size_t i = 0; i < task->rows; i++) {
        const size_t c = (size_t)assay_rng_below(&rng, CLUSTERS);
        for (size_t j = 0; j < task->cols; j++)
            *assay_matrix_at(&x, i, j) = centre[c * task->cols + j] + assay_rng_normal(&rng);
    }
    free(centre);
    FILE *out = fopen(file, "wb");
    if (!out ||
        fwrite(x.data, sizeof(double), task->rows * task->cols, out) != task->rows * task->cols ||
        fclose(out))
        must(assay_fail(ASSAY_EIO, "can't write %s", file), task->name);
    return x;
}

static void compare(const job *task, const char *file, bench_peer *peer)
{
    assay_matrix x = draw(task, file);
    char line[512];
    double ours = INFINITY, theirs = INFINITY, answer = 0, now, peer_answer;
    snprintf(line, sizeof line, "%s %zu %zu %s", task->words, task->cols, task->k, file);
    for (int i = 0; i < TURNS; i++) {
        const double start = bench_cpu_seconds();
        answer = task->run(&x, task);
        ours = fmin(ours, bench_cpu_seconds() - start);
        if (!bench_peer_ask(peer, line, &now, &peer_answer))
            continue;
        theirs = fmin(theirs, now);
        if (fabs(peer_answer - answer) > 1e-6 * fabs(answer))
            printf(
                "  %s: the peer's answer is %.10g, ours %.10g\n", task->name, peer_answer, answer);
    }
    bench_report_ms(task->name, ours, theirs, task->goal);
    assay_matrix_free(&x);
}

int main(int argc, char **argv)
{
    char file[] = "/tmp/assay-bench-XXXXXX";
    const int fd = mkstemp(file);
    if (argc != 2 || fd < 0) {
        fputs("usage: core SOURCE-DIRECTORY\n", stderr);
        return 2;
    }
    close(fd);
    openblas_set_num_threads(1);
    bench_peer peer = bench_peer_start(argv[1], "core.py");
    puts("neighbours, k-means, farthest points: CPU ms of one thread");
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        compare(&tasks[i], file, &peer);
    unlink(file);
    return 0;
}
