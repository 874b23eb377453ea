/* See file.h. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"

enum { MOST_LINKS = 8 };

static int failed(const char *path)
{
    return assay_fail(ASSAY_EIO, "can't write %s: %s", path, strerror(errno));
}

/* Closes the file, too. */
static int write_all(int file, const char *path, const void *data, size_t size)
{
    const char *at = data;
    int status = ASSAY_OK;
    while (size && status == ASSAY_OK) {
        ssize_t n = write(file, at, size);
        if (n >= 0) {
            at += n;
            size -= (size_t)n;
        } else if (errno != EINTR) {
            status = failed(path);
        }
    }
    if (close(file) != 0 && status == ASSAY_OK)
        status = failed(path);
    return status;
}

/* What a chain of links leads to, relative to `directory`; the caller frees. */
static char *follow(int directory, const char *path)
{
    char to[4096];
    char *at = strdup(path);
    for (int i = 0; at && i < MOST_LINKS; i++) {
        ssize_t length = readlinkat(directory, at, to, sizeof to - 1);
        const char *slash = strrchr(at, '/');
        char *next = NULL;
        if (length < 0)
            return at;
        to[length] = '\0';
        int before = *to == '/' || !slash ? 0 : (int)(slash - at) + 1;
        if (asprintf(&next, "%.*s%s", before, at, to) < 0)
            next = NULL;
        free(at);
        at = next;
    }
    return at;
}

static int replace(int directory, const char *path, const void *data, size_t size, mode_t mode)
{
    char *fresh = NULL;
    if (asprintf(&fresh, "%s.new-%ld", path, (long)getpid()) < 0)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    int file = openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int status = file < 0 ? failed(path) : write_all(file, path, data, size);
    if (status == ASSAY_OK && renameat(directory, fresh, directory, path) != 0)
        status = failed(path);
    if (status != ASSAY_OK && file >= 0)
        unlinkat(directory, fresh, 0);
    free(fresh);
    return status;
}

int assay_file_write(int directory, const char *path, const void *data, size_t size, int mode)
{
    struct stat info;
    bool there = fstatat(directory, path, &info, 0) == 0;
    if (there && S_ISDIR(info.st_mode))
        return assay_fail(ASSAY_EIO, "can't write %s: it is a directory", path);
    if (there && !S_ISREG(info.st_mode)) {
        int file = openat(directory, path, O_WRONLY | O_CLOEXEC);
        return file < 0 ? failed(path) : write_all(file, path, data, size);
    }
    if (there && faccessat(directory, path, W_OK, 0) != 0)
        return failed(path); /* its place could be taken, but that is not what its owner wants */
    char *place = follow(directory, path);
    int status =
        place ? replace(directory, place, data, size, there ? info.st_mode & 0777 : (mode_t)mode)
              : assay_fail(ASSAY_ENOMEM, "out of memory");
    free(place);
    return status;
}
