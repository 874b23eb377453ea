/*
 * Leaving the terminal: a forked, orphaned process prepares the run while it still can print, tells
 * its caller that the run stands or why not, and only then becomes a session of its own.
 *
 * The fork comes first, before a script is loaded or a database opened, so that nothing that must
 * not cross a fork (SQLite's handles) does.
 */
#include "run/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"
#include "run/machine.h"

struct report {
    int status;
    int64_t run;
    char message[4096];
};

static void write_report(int fd, const struct report *report)
{
    const char *at = (const char *)report;
    size_t left = sizeof *report;
    while (left) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno != EINTR)
            return; /* nobody waits for it any more */
        if (n > 0) {
            at += n;
            left -= (size_t)n;
        }
    }
}

static bool read_report(int fd, struct report *report)
{
    char *at = (char *)report;
    size_t left = sizeof *report;
    while (left) {
        ssize_t n = read(fd, at, left);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        if (n > 0) {
            at += n;
            left -= (size_t)n;
        }
    }
    return true;
}

static void turn_to_null(void)
{
    int null = assay_machine_null();
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close(null);
}

void assay_detached(int fd, int64_t run)
{
    fflush(NULL);
    setsid();
    turn_to_null();
    struct report report = {.status = ASSAY_OK, .run = run};
    write_report(fd, &report);
    close(fd);
}

/* Nothing of the caller's stays open (pipes whose other end waits for their end, its database), and
 * no handler of its own is left. */
static void forget_caller(int keep)
{
    if (keep > 3)
        close_range(3, (unsigned)keep - 1, 0);
    close_range((unsigned)keep + 1, ~0u, 0);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void be_detached(assay_detach_body body, void *context, bool silent, int fd)
{
    if (fork())
        _exit(0); /* the one that goes on is init's child, not the caller's */
    forget_caller(fd);
    if (silent)
        turn_to_null();
    int status = body(context, fd);
    if (status) {
        struct report report = {.status = status};
        snprintf(report.message, sizeof report.message, "%s", assay_errmsg());
        write_report(fd, &report);
    }
    fflush(NULL);
    _exit(status ? 1 : 0);
}

int assay_detach(assay_detach_body body, void *context, bool silent, int64_t *run)
{
    int ends[2];
    close(assay_machine_null()); /* so that no end of the pipe is a standard stream */
    if (pipe2(ends, O_CLOEXEC))
        return assay_fail(ASSAY_EIO, "can't make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_detached(body, context, silent, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return assay_fail(ASSAY_EIO, "can't start the run's process: %s", strerror(errno));
    }
    waitpid(pid, NULL, 0);
    struct report report;
    bool told = read_report(ends[0], &report);
    close(ends[0]);
    if (!told)
        return assay_fail(ASSAY_EIO, "the run's process ended before it had taken the run");
    *run = report.run;
    return report.status ? assay_fail(report.status, "%s", report.message) : ASSAY_OK;
}
