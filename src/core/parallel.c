/*
 * The pool of threads; see parallel.h. They sleep between runs, each counting the runs it has seen.
 *
 * Which build of OpenBLAS is loaded is the system's choice at run time. Its sequential build may
 * not be called by two threads at once: it hands both the same buffer, and products come out wrong.
 * The OpenMP build keeps a number of threads for each calling thread, the other one for the
 * process.
 */
#include "core/parallel.h"

#include <cblas.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/status.h"

enum { MESSAGE = 1024 };

struct failure {
    int status;
    size_t i;
    char message[MESSAGE];
};

struct worker {
    assay_threads *pool;
    size_t index;
    pthread_t thread;
    struct failure failure;
};

struct assay_threads {
    pthread_mutex_t mutex;
    pthread_cond_t start, done;
    size_t threads, started, ready, busy;
    uint64_t run;
    bool leave;
    assay_job *job;
    void *context;
    size_t n;
    struct worker worker[];
};

static void work(
    size_t first, size_t stride, size_t n, assay_job *job, void *context, struct failure *failure)
{
    failure->status = ASSAY_OK;
    for (size_t i = first; i < n; i += stride) {
        const int status = job(context, i);
        if (status == ASSAY_OK || failure->status != ASSAY_OK)
            continue;
        failure->status = status;
        failure->i = i;
        snprintf(failure->message, sizeof failure->message, "%s", assay_errmsg());
    }
}

static void *serve(void *argument)
{
    struct worker *self = argument;
    assay_threads *pool = self->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    openblas_set_num_threads(1);
    pool->ready++;
    pthread_cond_signal(&pool->done);
    for (;;) {
        while (!pool->leave && pool->run == seen)
            pthread_cond_wait(&pool->start, &pool->mutex);
        if (pool->leave)
            break;
        seen = pool->run;
        pthread_mutex_unlock(&pool->mutex);
        work(self->index, pool->threads, pool->n, pool->job, pool->context, &self->failure);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals go to the caller's thread, as without a pool. */
static int start(struct worker *worker)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int error = pthread_create(&worker->thread, NULL, serve, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

int assay_threads_new(size_t threads, assay_threads **out)
{
    *out = NULL;
    if (threads < 1 || threads > ASSAY_MOST_THREADS)
        return assay_fail(
            ASSAY_EINVAL, "threads must be in 1..%d, got %zu", ASSAY_MOST_THREADS, threads);
    openblas_set_num_threads(1);
    if (openblas_get_parallel() == OPENBLAS_SEQUENTIAL)
        threads = 1;
    assay_threads *pool = calloc(1, sizeof *pool + threads * sizeof pool->worker[0]);
    if (!pool)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu threads", threads);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = threads;
    for (pool->started = 1; pool->started < threads; pool->started++) {
        struct worker *worker = &pool->worker[pool->started];
        worker->pool = pool;
        worker->index = pool->started;
        if (start(worker) != 0) {
            const size_t started = pool->started;
            assay_threads_free(pool);
            return assay_fail(
                ASSAY_ENOMEM, "thread %zu of %zu could not be started", started + 1, threads);
        }
    }
    pthread_mutex_lock(&pool->mutex);
    while (pool->ready + 1 < threads)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    *out = pool;
    return ASSAY_OK;
}

void assay_threads_free(assay_threads *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->leave = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t k = 1; k < pool->started; k++)
        pthread_join(pool->worker[k].thread, NULL);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->done);
    free(pool);
}

size_t assay_threads_count(const assay_threads *pool)
{
    return pool ? pool->threads : 1;
}

static int first_failure(const assay_threads *pool)
{
    const struct failure *first = NULL;
    for (size_t k = 0; k < pool->threads; k++) {
        const struct failure *failure = &pool->worker[k].failure;
        if (failure->status != ASSAY_OK && (!first || failure->i < first->i))
            first = failure;
    }
    return first ? assay_fail(first->status, "%s", first->message) : ASSAY_OK;
}

int assay_threads_run(assay_threads *pool, size_t n, assay_job *job, void *context)
{
    struct failure failure;
    if (assay_threads_count(pool) == 1 || n <= 1) {
        work(0, 1, n, job, context, &failure);
        return failure.status == ASSAY_OK ? ASSAY_OK
                                          : assay_fail(failure.status, "%s", failure.message);
    }
    pthread_mutex_lock(&pool->mutex);
    pool->job = job;
    pool->context = context;
    pool->n = n;
    pool->busy = pool->threads - 1;
    pool->run++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    work(0, pool->threads, n, job, context, &pool->worker[0].failure);
    pthread_mutex_lock(&pool->mutex);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    return first_failure(pool);
}
