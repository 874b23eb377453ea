/*
 * A cell's process must not touch SQLite: it was forked from one that has the database open, and
 * would release its locks. So it asks another process of this program, `assay export samples`, and
 * reads what that prints.
 */
#include "run/imported.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"
#include "data/samples.h"
#include "run/frame.h"

extern char **environ;

static int start_export(const char *database, const char *name, int from[2], pid_t *pid)
{
    const char *const words[] = {
        "assay", "export", "samples", "--db", database, "--", name, NULL};
    posix_spawn_file_actions_t actions;
    if (pipe2(from, O_CLOEXEC))
        return assay_fail(ASSAY_EIO, "no pipe for the samples: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    /* posix_spawn leaves the words alone, though its type does not say so */
    int error = posix_spawn(
        pid, "/proc/self/exe", &actions, NULL, (char *const *)(uintptr_t)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(from[1]);
    if (error) {
        close(from[0]);
        return assay_fail(ASSAY_EIO, "can't ask for the samples: %s", strerror(error));
    }
    return ASSAY_OK;
}

int assay_imported_samples(void *context, const char *name, assay_table **out)
{
    const assay_frame_writer *writer = context;
    int from[2], how = 0;
    pid_t pid;
    char path[32];
    int status = start_export(writer->database, name, from, &pid);
    if (status)
        return status;
    snprintf(path, sizeof path, "/dev/fd/%d", from[0]);
    status = assay_samples_read(path, out);
    close(from[0]);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return status;
    if (status == ASSAY_OK)
        assay_table_free(*out);
    *out = NULL;
    return assay_fail(ASSAY_ENOTFOUND,
        "%s has no log of samples \"%s\" that can be read ('assay import samples FILE --name %s' "
        "makes one)",
        writer->database, name, name);
}
