/*
 * A journal is a file of JSON lines: first the identity, then an answer a line, each a list of
 * samples. It only grows, so that no stop at any moment takes away what was in it. The lock is
 * flock's: a dead process has none.
 */
#include "models/endpoint_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/sha256.h"
#include "core/status.h"

static int failed(const char *what)
{
    return assay_fail(ASSAY_EIO, "the journal of samples can't be %s: %s", what, strerror(errno));
}

int assay_journal_open(const char *directory, const char *identity, int *file)
{
    char name[ASSAY_SHA256_HEX + 8];
    int place = assay_directory_make(directory);
    if (place < 0)
        return assay_fail(
            ASSAY_EIO, "%s, where samples are kept, can't be made: %s", directory, strerror(errno));
    assay_sha256_hex(identity, strlen(identity), name);
    strcat(name, ".jsonl");
    *file = openat(place, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = errno;
    close(place);
    errno = error;
    if (*file < 0)
        return failed("opened");
    if (flock(*file, LOCK_EX | LOCK_NB) == 0)
        return ASSAY_OK;
    int status = errno == EWOULDBLOCK ? assay_fail(ASSAY_EBUSY, "another process has the journal")
                                      : failed("locked");
    close(*file);
    *file = -1;
    return status;
}

void assay_journal_close(int file)
{
    if (file >= 0)
        close(file);
}

static int write_all(int file, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(file, text, size);
        if (n < 0 && errno != EINTR)
            return failed("written");
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return ASSAY_OK;
}

/* A whole line, or nothing. */
static int add_line(int file, char *text)
{
    struct stat before;
    size_t length = strlen(text);
    if (fstat(file, &before))
        return failed("read");
    text[length] = '\n'; /* where the end was: one write */
    int status = write_all(file, text, length + 1);
    text[length] = '\0';
    if (!status && fdatasync(file) && errno != EINVAL && errno != EROFS)
        status = failed("written");
    if (status && ftruncate(file, before.st_size))
        return status;
    return status;
}

int assay_journal_add(int file, const json_t *rows)
{
    char *text = json_dumps(rows, JSON_COMPACT | JSON_REAL_PRECISION(17));
    int status = text ? add_line(file, text) : assay_fail(ASSAY_ENOMEM, "out of memory");
    free(text);
    return status;
}

static int take_line(const char *line, size_t length, int (*take)(void *, json_t *), void *context)
{
    json_t *rows = json_loadb(line, length, 0, NULL);
    int status = json_is_array(rows) ? take(context, rows) : ASSAY_OK;
    json_decref(rows);
    return status;
}

/* *whole: where the last whole line ends. */
static int read_lines(
    FILE *in, const char *identity, off_t *whole, int (*take)(void *, json_t *), void *context)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int status = ASSAY_OK;
    *whole = 0;
    while (!status && (length = getline(&line, &room, in)) > 0 && line[length - 1] == '\n') {
        size_t text = (size_t)length - 1;
        if (*whole == 0 && (text != strlen(identity) || memcmp(line, identity, text) != 0))
            status = assay_fail(ASSAY_EFORMAT, "a journal of samples belongs to another question");
        else if (*whole > 0)
            status = take_line(line, text, take, context);
        *whole += length;
    }
    free(line);
    return status;
}

int assay_journal_read(
    int file, const char *identity, int (*take)(void *context, json_t *rows), void *context)
{
    off_t whole = 0;
    int copy = fcntl(file, F_DUPFD_CLOEXEC, 0);
    FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (!in) {
        close(copy);
        return failed("read");
    }
    rewind(in);
    int status = read_lines(in, identity, &whole, take, context);
    if (!status && ferror(in))
        status = failed("read");
    fclose(in);
    if (!status && ftruncate(file, whole))
        status = failed("mended");
    if (status || whole > 0)
        return status;
    size_t length = strlen(identity);
    char *first = malloc(length + 1);
    if (!first)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    memcpy(first, identity, length + 1);
    status = add_line(file, first);
    free(first);
    return status;
}
