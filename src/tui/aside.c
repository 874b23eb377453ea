/*
 * Work that may take long, each piece in a thread of its own. There are few (a view has one at a
 * time), so threads are made as needed. A thread that is still at work when the program leaves is
 * left behind with its queue: nobody waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/status.h"
#include "tui/frame.h"

struct tui_queue {
    pthread_mutex_t lock;
    struct tui_job *ended;
    size_t busy;
    int wake[2];
};

struct work {
    struct tui_queue *queue;
    struct tui_job *job;
};

int tui_queue_new(struct tui_queue **out)
{
    struct tui_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    if (pipe2(queue->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(queue);
        return assay_fail(ASSAY_EIO, "can't make a pipe");
    }
    pthread_mutex_init(&queue->lock, NULL);
    *out = queue;
    return ASSAY_OK;
}

void tui_queue_free(struct tui_queue *queue)
{
    if (tui_queue_busy(queue))
        return;
    close(queue->wake[0]);
    close(queue->wake[1]);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static void *run(void *argument)
{
    struct work work = *(struct work *)argument;
    free(argument);
    work.job->status = work.job->work(work.job);
    if (work.job->status != ASSAY_OK)
        snprintf(work.job->message, sizeof work.job->message, "%s", assay_errmsg());
    pthread_mutex_lock(&work.queue->lock);
    work.job->next = work.queue->ended;
    work.queue->ended = work.job;
    ssize_t written = write(work.queue->wake[1], "", 1);
    (void)written; /* a full pipe wakes as well */
    pthread_mutex_unlock(&work.queue->lock);
    return NULL;
}

/* Signals are the frame's: the threads are born with them blocked. */
int tui_queue_start(struct tui_queue *queue, struct tui_job *job)
{
    struct work *work = malloc(sizeof *work);
    pthread_t thread;
    sigset_t all, before;
    if (!work)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    *work = (struct work){queue, job};
    pthread_mutex_lock(&queue->lock);
    queue->busy++;
    pthread_mutex_unlock(&queue->lock);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, run, work);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        pthread_detach(thread);
        return ASSAY_OK;
    }
    pthread_mutex_lock(&queue->lock);
    queue->busy--;
    pthread_mutex_unlock(&queue->lock);
    free(work);
    return assay_fail(ASSAY_ENOMEM, "can't start a thread");
}

struct tui_job *tui_queue_take(struct tui_queue *queue)
{
    char bytes[64];
    while (read(queue->wake[0], bytes, sizeof bytes) > 0) {
    }
    pthread_mutex_lock(&queue->lock);
    struct tui_job *job = queue->ended;
    if (job) {
        queue->ended = job->next;
        queue->busy--;
    }
    pthread_mutex_unlock(&queue->lock);
    return job;
}

size_t tui_queue_busy(struct tui_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t busy = queue->busy;
    pthread_mutex_unlock(&queue->lock);
    return busy;
}

int tui_queue_wake(const struct tui_queue *queue)
{
    return queue->wake[0];
}
