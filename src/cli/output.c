/*
 * Output goes to a file beside its place, which is renamed once it is whole; a link does so without
 * replacing a file that appeared meanwhile.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"

static int io_error(const char *path)
{
    return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
}

static const char *temporary_directory(void)
{
    const char *directory = getenv("TMPDIR");
    return directory && *directory ? directory : "/tmp";
}

/* DIRECTORY/.assay.XXXXXX.SUFFIX, made; its descriptor or -1. */
static int make_temporary(const char *directory, const char *suffix, char **path)
{
    int file = -1;
    if (asprintf(path, "%s/.assay.XXXXXX.%s", directory, suffix) < 0) {
        *path = NULL;
        assay_fail(ASSAY_ENOMEM, "out of memory");
        return -1;
    }
    file = mkstemps(*path, (int)strlen(suffix) + 1);
    if (file < 0) {
        assay_fail(ASSAY_EIO, "nothing can be written in %s: %s", directory, strerror(errno));
        free(*path);
        *path = NULL;
    }
    return file;
}

static int copy(int from, int to, const char *name)
{
    static char buffer[1 << 16];
    for (ssize_t n; (n = read(from, buffer, sizeof buffer)) != 0;) {
        if (n < 0)
            return io_error(name);
        for (ssize_t done = 0; done < n;) {
            const ssize_t written = write(to, buffer + done, (size_t)(n - done));
            if (written < 0)
                return io_error(name);
            done += written;
        }
    }
    return ASSAY_OK;
}

static void forget(cli_output *out)
{
    if (out->stream > STDOUT_FILENO)
        close(out->stream);
    free(out->temporary);
    free(out->path);
    *out = (cli_output){.stream = -1};
}

/* Where a stream goes, else the path with links followed, so that a link is not replaced itself. */
static int find_place(const char *path, cli_output *out)
{
    struct stat info;
    const bool there = stat(path, &info) == 0;
    if (strcmp(path, "-") == 0) {
        out->stream = STDOUT_FILENO;
        return ASSAY_OK;
    }
    if (there && S_ISDIR(info.st_mode))
        return assay_fail(ASSAY_EINVAL, "%s is a directory", path);
    if (there && !S_ISREG(info.st_mode)) {
        out->stream = open(path, O_WRONLY | O_CLOEXEC);
        return out->stream < 0 ? io_error(path) : ASSAY_OK;
    }
    if (there && !out->replace)
        return assay_fail(ASSAY_EINVAL, "%s exists; --force replaces it", path);
    out->path = there ? realpath(path, NULL) : strdup(path);
    return out->path ? ASSAY_OK : io_error(path);
}

int cli_output_open(const char *path, const char *suffix, bool replace, cli_output *out)
{
    *out = (cli_output){.stream = -1, .replace = replace};
    int status = find_place(path, out), file = -1;
    char *directory = NULL;
    if (!status && out->path) {
        const char *slash = strrchr(out->path, '/');
        directory = slash ? strndup(out->path, (size_t)(slash - out->path + (slash == out->path)))
                          : strdup(".");
        status = directory ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    if (!status) {
        file =
            make_temporary(directory ? directory : temporary_directory(), suffix, &out->temporary);
        status = file < 0 ? ASSAY_EIO : ASSAY_OK;
    }
    free(directory);
    if (file >= 0) {
        const mode_t mask = umask(0);
        umask(mask);
        if (out->path && fchmod(file, 0666 & ~mask))
            status = io_error(out->temporary);
        close(file);
    }
    if (status)
        cli_output_drop(out);
    return status;
}

void cli_output_drop(cli_output *out)
{
    if (out->temporary)
        unlink(out->temporary);
    forget(out);
}

static int move_to_place(cli_output *out)
{
    if (out->replace)
        return rename(out->temporary, out->path) ? io_error(out->path) : ASSAY_OK;
    if (link(out->temporary, out->path) == 0)
        return unlink(out->temporary) ? io_error(out->temporary) : ASSAY_OK;
    if (errno == EEXIST)
        return assay_fail(ASSAY_EINVAL, "%s exists; --force replaces it", out->path);
    return rename(out->temporary, out->path) ? io_error(out->path) : ASSAY_OK; /* has no links */
}

int cli_output_publish(cli_output *out)
{
    int status = ASSAY_OK;
    if (out->path) {
        status = move_to_place(out);
    } else {
        const int file = open(out->temporary, O_RDONLY | O_CLOEXEC);
        status = file < 0 ? io_error(out->temporary) : copy(file, out->stream, "the output");
        if (file >= 0)
            close(file);
    }
    if (status || !out->path)
        cli_output_drop(out);
    else
        forget(out);
    return status;
}

int cli_input_open(const char *path, const char *suffix, char **out, bool *copied)
{
    struct stat info;
    const bool standard = strcmp(path, "-") == 0;
    *copied = false;
    *out = NULL;
    if (!standard && (stat(path, &info) || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        *out = strdup(path); /* what is wrong with it, its reader says */
        return *out ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    const int from = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return io_error(path);
    const int to = make_temporary(temporary_directory(), suffix, out);
    int status = to < 0 ? ASSAY_EIO : copy(from, to, standard ? "the standard input" : path);
    if (to >= 0)
        close(to);
    if (!standard)
        close(from);
    *copied = to >= 0;
    if (status && *out) {
        unlink(*out);
        free(*out);
        *out = NULL;
        *copied = false;
    }
    return status;
}
