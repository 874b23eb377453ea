/*
 * Starting runs by asking the program for it, in a process of its own: nothing of a run lives in
 * the interface.
 */
#include "tui/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"

extern char **environ;

struct launch {
    struct tui_job job;
    char **words; /* argv of the program, NULL at the end */
    char output[2048];
    int64_t run;
    void (*started)(struct tui *tui, struct tui_view *view, int64_t run);
};

static void read_output(struct launch *launch, int file)
{
    ssize_t length = pread(file, launch->output, sizeof launch->output - 1, 0);
    launch->output[length > 0 ? length : 0] = '\0';
}

static int spawn(char **words, int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int error = posix_spawn(child, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Its words go to a file in memory, not a pipe: a run that kept the pipe would keep us waiting. */
static int launch(struct tui_job *job)
{
    struct launch *self = (struct launch *)job;
    pid_t child;
    int code = 0, status = ASSAY_OK, output = memfd_create("assay", MFD_CLOEXEC);
    if (output < 0)
        return assay_fail(ASSAY_EIO, "can't make a file in memory: %s", strerror(errno));
    int error = spawn(self->words, output, &child);
    if (error) {
        status = assay_fail(ASSAY_EIO, "can't start %s: %s", self->words[0], strerror(error));
        goto cleanup;
    }
    while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
    }
    read_output(self, output);
    long long run = 0;
    const char *words = strncmp(self->output, "assay: ", 7) == 0 ? self->output + 7 : self->output;
    if (code != 0)
        status = assay_fail(ASSAY_EINVAL, "%.*s", (int)strcspn(words, "\n"),
            *words ? words : "the run could not be started, and did not say why");
    else if (sscanf(self->output, "run %lld", &run) != 1)
        status = assay_fail(ASSAY_EFORMAT, "the run was started but did not tell its number");
    self->run = run;
cleanup:
    close(output);
    return status;
}

static void free_words(char **words)
{
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}

static void launched(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct launch *self = (struct launch *)job;
    if (job->status != ASSAY_OK)
        tui_failed(tui);
    self->started(tui, view, job->status == ASSAY_OK ? self->run : 0);
    free_words(self->words);
}

static char **copy_words(const char *program, const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    char **out = calloc(count + 2, sizeof *out);
    bool whole = out && (out[0] = strdup(program));
    for (size_t i = 0; whole && i < count; i++)
        whole = (out[i + 1] = strdup(words[i]));
    if (whole)
        return out;
    free_words(out);
    return NULL;
}

int tui_launch(struct tui *tui, struct tui_view *view, const char *const *words,
    void (*started)(struct tui *tui, struct tui_view *view, int64_t run))
{
    struct launch *job = calloc(1, sizeof *job);
    if (!job || !(job->words = copy_words(tui_program(tui), words))) {
        free(job);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    job->job.work = launch;
    job->job.done = launched;
    job->job.view = view->serial;
    job->started = started;
    return tui_aside(tui, &job->job);
}
