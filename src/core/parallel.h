/*
 * A pool of threads that run the same function for i = 0..n-1. Thread k of P takes k, k + P, ...:
 * which thread does what is fixed, and a job whose result depends on i alone gives the same bits at
 * any number of threads. The caller is thread 0, so that a pool of one thread, which NULL is too,
 * starts none.
 *
 * Jobs may call BLAS, which then runs in the job's thread alone. Where the OpenBLAS that is loaded
 * can't be called by several threads at once (its sequential build), a pool has one thread: slower,
 * with the same results.
 */
#ifndef ASSAY_CORE_PARALLEL_H
#define ASSAY_CORE_PARALLEL_H

#include <stddef.h>

enum { ASSAY_MOST_THREADS = 256 };

typedef struct assay_threads assay_threads;

typedef int assay_job(void *context, size_t i);

/* threads in 1..ASSAY_MOST_THREADS; the caller's BLAS becomes single-threaded. */
int assay_threads_new(size_t threads, assay_threads **out);
void assay_threads_free(assay_threads *pool);
size_t assay_threads_count(const assay_threads *pool);

/* All of them run, whatever some return; the status and message are those of the smallest i that
 * failed. Not to be called from within a job. */
int assay_threads_run(assay_threads *pool, size_t n, assay_job *job, void *context);

#endif
