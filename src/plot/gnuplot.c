/*
 * The gnuplot process.
 *
 * Its input is a socket and not a pipe: writing to a gnuplot that died must be an error (EPIPE) and
 * not a signal that ends a user's terminal session. posix_spawn reports a missing program as its
 * return value. It leads its own process group, so that Ctrl-C in the terminal does not reach it.
 */
#include "plot/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"

extern char **environ;

struct assay_gnuplot {
    pid_t pid;
    int in, out, err;
    char words[1024]; /* the start of what it said on stderr */
    size_t said;
};

static const char install[] = "figures need gnuplot: apt-get install gnuplot-nox";

static bool executable(const char *path)
{
    return access(path, X_OK) == 0;
}

/* The first executable `name` on PATH. */
static bool search_path(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");
    for (const char *start = path ? path : "/usr/local/bin:/usr/bin:/bin", *end; start;
         start = end) {
        end = strchr(start, ':');
        int length = end ? (int)(end - start) : (int)strlen(start);
        int n = snprintf(out, size, "%.*s%s%s", length, start, length ? "/" : "./", name);
        if (n > 0 && (size_t)n < size && executable(out))
            return true;
        end = end ? end + 1 : NULL;
    }
    return false;
}

int assay_gnuplot_path(char *out, size_t size)
{
    const char *wanted = getenv("ASSAY_GNUPLOT");
    if (wanted && wanted[0]) {
        snprintf(out, size, "%s", wanted);
        if (strchr(wanted, '/') ? executable(wanted) : search_path(wanted, out, size))
            return ASSAY_OK;
        return assay_fail(ASSAY_ENOTFOUND,
            "ASSAY_GNUPLOT is \"%s\", which can't be run; %s, or unset ASSAY_GNUPLOT", wanted,
            install);
    }
    snprintf(out, size, "%s", ASSAY_GNUPLOT);
    if ((strchr(ASSAY_GNUPLOT, '/') && executable(ASSAY_GNUPLOT)) ||
        search_path("gnuplot", out, size))
        return ASSAY_OK;
    return assay_fail(ASSAY_ENOTFOUND, "gnuplot was not found; %s", install);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* fds: the child's stdin, stdout and stderr; -1: /dev/null. directory may be NULL. */
static int spawn(
    const char *program, char *const *arguments, const char *directory, const int *fds, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    int error = directory ? posix_spawn_file_actions_addchdir_np(&actions, directory) : 0;
    for (int i = 0; i < 3 && !error; i++)
        error = fds[i] < 0 ? posix_spawn_file_actions_addopen(
                                 &actions, i, "/dev/null", i ? O_WRONLY : O_RDONLY, 0)
                           : posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (!error)
        error = posix_spawn(pid, program, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error == ENOENT || error == EACCES)
        return assay_fail(ASSAY_ENOTFOUND, "%s: %s; %s", program, strerror(error), install);
    return error ? assay_fail(ASSAY_EIO, "%s could not be started: %s", program, strerror(error))
                 : ASSAY_OK;
}

/* gnuplot's complaint as one line: without the caret lines and the blank ones. */
static void tidy(char *words)
{
    char *to = words;
    bool space = true;
    for (const char *from = words; *from; from++) {
        bool blank = *from == '\n' || *from == ' ' || *from == '\t' || *from == '^';
        if (!blank)
            *to++ = *from;
        else if (!space)
            *to++ = ' ';
        space = blank;
    }
    while (to > words && to[-1] == ' ')
        to--;
    *to = '\0';
}

/* Keep the last of what fits. */
static void keep_words(char *words, size_t size, size_t *said, const char *text, size_t n)
{
    if (n > size - 1) {
        text += n - (size - 1);
        n = size - 1;
    }
    if (*said + n > size - 1) {
        size_t drop = *said + n - (size - 1);
        memmove(words, words + drop, *said - drop);
        *said -= drop;
    }
    memcpy(words + *said, text, n);
    *said += n;
    words[*said] = '\0';
}

static void read_words(int fd, char *words, size_t size)
{
    char text[512];
    size_t said = 0;
    ssize_t n;
    words[0] = '\0';
    while ((n = read(fd, text, sizeof text)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            keep_words(words, size, &said, text, (size_t)n);
    tidy(words);
}

static int wait_for(pid_t pid)
{
    int how = 0;
    while (waitpid(pid, &how, 0) < 0)
        if (errno != EINTR)
            return 0; /* somebody else reaped it: its files tell whether it worked */
    return how;
}

int assay_gnuplot_run(const char *directory, const char *script)
{
    char program[4096], words[1024], name[512];
    int said[2];
    int status = assay_gnuplot_path(program, sizeof program);
    if (status)
        return status;
    if (pipe2(said, O_CLOEXEC))
        return assay_fail(ASSAY_EIO, "no pipe to gnuplot: %s", strerror(errno));
    snprintf(name, sizeof name, "./%s", script); /* not an option, whatever its first letter */
    char *arguments[] = {program, name, NULL};
    const int fds[] = {-1, -1, said[1]};
    pid_t pid;
    status = spawn(program, arguments, directory, fds, &pid);
    close_fd(&said[1]);
    if (!status) {
        read_words(said[0], words, sizeof words);
        int how = wait_for(pid);
        if (WIFSIGNALED(how))
            status =
                assay_fail(ASSAY_EIO, "gnuplot was ended by signal %d %s", WTERMSIG(how), words);
        else if (how)
            status = assay_fail(ASSAY_EIO, "gnuplot failed: %s", words);
    }
    close_fd(&said[0]);
    return status;
}

static int open_channels(int *in, int *out, int *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) || pipe2(out, O_CLOEXEC) ||
        pipe2(err, O_CLOEXEC))
        return assay_fail(ASSAY_EIO, "no pipe to gnuplot: %s", strerror(errno));
    const int ours[] = {in[0], out[0], err[0]};
    for (size_t i = 0; i < 3; i++)
        fcntl(ours[i], F_SETFL, O_NONBLOCK);
    return ASSAY_OK;
}

int assay_gnuplot_start(assay_gnuplot **out)
{
    char program[4096];
    int in[2] = {-1, -1}, text[2] = {-1, -1}, err[2] = {-1, -1};
    *out = NULL;
    int status = assay_gnuplot_path(program, sizeof program);
    if (status)
        return status;
    assay_gnuplot *gnuplot = calloc(1, sizeof *gnuplot);
    if (!gnuplot)
        return assay_fail(ASSAY_ENOMEM, "out of memory for gnuplot");
    status = open_channels(in, text, err);
    if (!status) {
        char *arguments[] = {program, NULL};
        const int fds[] = {in[1], text[1], err[1]};
        status = spawn(program, arguments, NULL, fds, &gnuplot->pid);
    }
    close_fd(&in[1]);
    close_fd(&text[1]);
    close_fd(&err[1]);
    if (status) {
        close_fd(&in[0]);
        close_fd(&text[0]);
        close_fd(&err[0]);
        free(gnuplot);
        return status;
    }
    gnuplot->in = in[0];
    gnuplot->out = text[0];
    gnuplot->err = err[0];
    *out = gnuplot;
    return ASSAY_OK;
}

void assay_gnuplot_stop(assay_gnuplot *gnuplot)
{
    if (!gnuplot)
        return;
    close_fd(&gnuplot->in);
    close_fd(&gnuplot->out);
    close_fd(&gnuplot->err);
    kill(gnuplot->pid, SIGKILL); /* it keeps nothing that would need a graceful end */
    wait_for(gnuplot->pid);
    free(gnuplot);
}

static int died(assay_gnuplot *gnuplot, const char *how)
{
    tidy(gnuplot->words);
    return assay_fail(ASSAY_EIO, "gnuplot %s%s%s", how, gnuplot->said ? ": " : "", gnuplot->words);
}

/* Everything that stands in stderr now; false when it is closed. */
static bool listen_to(assay_gnuplot *gnuplot)
{
    char text[512];
    ssize_t n;
    while ((n = read(gnuplot->err, text, sizeof text)) > 0)
        keep_words(gnuplot->words, sizeof gnuplot->words, &gnuplot->said, text, (size_t)n);
    return n < 0;
}

int assay_gnuplot_exchange(
    assay_gnuplot *gnuplot, const char *commands, size_t size, unsigned char *reply, size_t want)
{
    enum { PATIENCE = 5000 }; /* ms without a byte in either direction */
    size_t sent = 0, got = 0;
    bool hears = true;
    gnuplot->said = 0;
    gnuplot->words[0] = '\0';
    while (sent < size || got < want) {
        struct pollfd channels[] = {{gnuplot->out, POLLIN, 0},
            {hears ? gnuplot->err : -1, POLLIN, 0}, {sent < size ? gnuplot->in : -1, POLLOUT, 0}};
        int ready = poll(channels, 3, PATIENCE);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return died(gnuplot, "does not answer");
        if (channels[1].revents)
            hears = listen_to(gnuplot);
        if (channels[2].revents) {
            ssize_t n = send(gnuplot->in, commands + sent, size - sent, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                listen_to(gnuplot);
                return died(gnuplot, "ended");
            }
            sent += n > 0 ? (size_t)n : 0;
        }
        if (channels[0].revents) {
            unsigned char surplus;
            ssize_t n = read(
                gnuplot->out, got < want ? reply + got : &surplus, got < want ? want - got : 1);
            if (n == 0) {
                listen_to(gnuplot);
                return died(gnuplot, "ended");
            }
            got += n > 0 ? (size_t)n : 0;
            if (got > want)
                return died(gnuplot, "answered more than was asked");
        }
    }
    return ASSAY_OK;
}
