/*
 * The cache's files; see cache.h.
 *
 * Locks are flock's: they belong to the open file, so the kernel releases a dead maker's, and no
 * other file that a process closes takes them away (as POSIX's record locks would). A lock's file
 * is removed while its lock is held; who then gets a lock on a file that has no name any more tries
 * again. When an entry was last used is its modification time, set when it is read: access times
 * are not kept on many file systems.
 */
#include "core/cache.h"

#include "core/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_NAME = ASSAY_SHA256_HEX + 8, NAME = ASSAY_SHA256_HEX - 1 };

#define ENTRY ".entry"
#define LOCK ".lock"
#define TEMPORARY ".tmp"

/* In the machine's own byte order, which `order` tells. No padding. */
struct head {
    char magic[8];
    uint64_t order;
    char name[64];
    unsigned char digest[ASSAY_SHA256_SIZE]; /* of the data */
    uint64_t size;                           /* of the data */
};

static const char magic[8] = {'A', 'S', 'S', 'A', 'Y', 'C', '1', '\n'};
static const uint64_t byte_order = 0x0102030405060708;

int assay_cache_directory(char *out, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int used;
    if (cache && cache[0] == '/')
        used = snprintf(out, size, "%s/assay", cache);
    else if (home && home[0] == '/')
        used = snprintf(out, size, "%s/.cache/assay", home);
    else
        return assay_fail(
            ASSAY_ENOTFOUND, "there is no place for the cache: set XDG_CACHE_HOME or HOME");
    if (used < 0 || (size_t)used >= size)
        return assay_fail(ASSAY_ENOTFOUND, "the path of the cache is longer than %zu bytes", size);
    return ASSAY_OK;
}

static const char *file_name(char out[FILE_NAME], const char *name, const char *suffix)
{
    snprintf(out, FILE_NAME, "%.64s%s", name, suffix);
    return out;
}

/* ---- the directory ---- */

static int open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- reading ---- */

static bool read_all(int file, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(file, (char *)data + done, size - done);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void digest_of(const void *data, size_t size, unsigned char digest[ASSAY_SHA256_SIZE])
{
    assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_update(&sha, data, size);
    assay_sha256_final(&sha, digest);
}

static struct head head_of(const char *name, const void *data, size_t size)
{
    struct head head = {.order = byte_order, .size = size};
    memcpy(head.magic, magic, sizeof magic);
    memcpy(head.name, name, sizeof head.name);
    digest_of(data, size, head.digest);
    return head;
}

/* The file's size, not what its head says, decides how much memory is asked for. */
static bool read_entry(int file, assay_cache_entry *e)
{
    struct stat info;
    struct head head;
    if (fstat(file, &info) || !S_ISREG(info.st_mode) || info.st_size < (off_t)sizeof head ||
        !read_all(file, &head, sizeof head))
        return false;
    size_t size = (size_t)info.st_size - sizeof head;
    if (head.size != size)
        return false;
    unsigned char *data = malloc(size ? size : 1);
    if (data && read_all(file, data, size)) {
        struct head found = head_of(e->name, data, size);
        if (memcmp(&found, &head, sizeof head) == 0) {
            e->data = data;
            e->size = size;
            return true;
        }
    }
    free(data);
    return false;
}

/* The shared lock tells assay_cache_trim that somebody reads; without it the reading goes well all
 * the same. */
static bool get(assay_cache_entry *e)
{
    char file_buffer[FILE_NAME];
    int file = openat(e->directory, file_name(file_buffer, e->name, ENTRY),
        O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (file < 0)
        return false;
    flock(file, LOCK_SH | LOCK_NB);
    bool found = read_entry(file, e);
    if (found) {
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
        futimens(file, times); /* refused in somebody else's cache */
    }
    close(file);
    return found;
}

/* ---- the lock ---- */

static bool still_has_name(int directory, const char *file, int fd)
{
    struct stat here, there;
    return fstat(fd, &here) == 0 && fstatat(directory, file, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* ASSAY_OK; ASSAY_EBUSY when another process has it (`told`: what it wrote); ASSAY_EIO with errno.
 */
static int try_lock(int directory, const char *name, int *lock, double told[2])
{
    char file_buffer[FILE_NAME];
    const char *file = file_name(file_buffer, name, LOCK);
    for (;;) {
        int fd = openat(directory, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return ASSAY_EIO;
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            int status = errno == EWOULDBLOCK ? ASSAY_EBUSY : ASSAY_EIO, error = errno;
            if (pread(fd, told, 2 * sizeof *told, 0) != 2 * sizeof *told)
                told[0] = told[1] = 0;
            close(fd);
            errno = error;
            return status;
        }
        if (still_has_name(directory, file, fd)) {
            *lock = fd;
            return ASSAY_OK;
        }
        close(fd);
    }
}

static void unlock(int directory, const char *name, int lock)
{
    char file[FILE_NAME];
    unlinkat(directory, file_name(file, name, LOCK), 0);
    close(lock);
}

/* Signals end the sleep early, so that a cancelled cell is heard at once. */
static int wait_for_lock(assay_cache_entry *e, const assay_progress *waiting)
{
    const long shortest = 5000000, longest = 100000000; /* ns */
    double told[2] = {0, 0};
    for (long pause = shortest;; pause = pause * 3 / 2 < longest ? pause * 3 / 2 : longest) {
        int status = try_lock(e->directory, e->name, &e->lock, told);
        if (status != ASSAY_EBUSY)
            return status;
        if (assay_progress_report(waiting, told[0], told[1]))
            return ASSAY_ECANCELLED;
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

/* ---- the caller's side ---- */

static void can_not_keep(assay_cache_entry *e, const char *directory)
{
    snprintf(e->reason, sizeof e->reason, "the cache %s can't be written: %s", directory,
        strerror(errno));
}

int assay_cache_begin(
    const char *directory, const char *name, const assay_progress *waiting, assay_cache_entry *out)
{
    *out = (assay_cache_entry){.directory = -1, .lock = -1};
    snprintf(out->name, sizeof out->name, "%s", name);
    out->directory = open_directory(directory);
    if (out->directory >= 0 && get(out))
        return ASSAY_OK;
    if (out->directory < 0)
        out->directory = assay_directory_make(directory);
    if (out->directory < 0) {
        can_not_keep(out, directory);
        return ASSAY_OK;
    }
    int status = wait_for_lock(out, waiting);
    if (status == ASSAY_ECANCELLED) {
        assay_cache_end(out);
        return status;
    }
    if (status == ASSAY_EIO)
        can_not_keep(out, directory);
    else if (!get(out)) /* nobody has made it meanwhile */
        assay_cache_tell(out, 0, 0);
    return ASSAY_OK;
}

void assay_cache_tell(const assay_cache_entry *e, double done, double total)
{
    const double told[2] = {done, total};
    if (e->lock >= 0 && pwrite(e->lock, told, sizeof told, 0) < 0)
        return; /* a full disk: those who wait hear nothing */
}

static bool write_all(int file, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(file, (const char *)data + done, size - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_file(int directory, const char *file, const struct head *head, const void *data)
{
    int fd = openat(directory, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool written =
        write_all(fd, head, sizeof *head) && write_all(fd, data, head->size) && fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

int assay_cache_put(assay_cache_entry *e, const void *data, size_t size)
{
    char temporary[FILE_NAME], entry[FILE_NAME];
    if (e->lock < 0)
        return assay_fail(ASSAY_EIO, "%s", e->reason);
    const struct head head = head_of(e->name, data, size);
    file_name(temporary, e->name, TEMPORARY);
    file_name(entry, e->name, ENTRY);
    if (write_file(e->directory, temporary, &head, data) &&
        renameat(e->directory, temporary, e->directory, entry) == 0)
        return ASSAY_OK;
    int error = errno;
    unlinkat(e->directory, temporary, 0);
    return assay_fail(
        ASSAY_EIO, "the cache's entry %s can't be written: %s", entry, strerror(error));
}

void assay_cache_end(assay_cache_entry *e)
{
    free(e->data);
    if (e->lock >= 0)
        unlock(e->directory, e->name, e->lock);
    if (e->directory >= 0)
        close(e->directory);
    e->data = NULL;
    e->directory = e->lock = -1;
}

void assay_cache_drop(const assay_cache_entry *e)
{
    char file[FILE_NAME];
    if (e->directory >= 0)
        unlinkat(e->directory, file_name(file, e->name, ENTRY), 0);
}

/* ---- trimming ---- */

struct kept {
    char name[ASSAY_SHA256_HEX];
    struct timespec used;
    uint64_t size;
};

struct listing {
    struct kept *entries;
    size_t count, capacity;
};

static int oldest_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    if (x->used.tv_nsec != y->used.tv_nsec)
        return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool is_name(const char *file, const char *suffix)
{
    return strspn(file, "0123456789abcdef") == NAME && strcmp(file + NAME, suffix) == 0;
}

static int add(struct listing *list, const char *file, const struct stat *info)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct kept *larger = realloc(list->entries, capacity * sizeof *larger);
        if (!larger)
            return assay_fail(ASSAY_ENOMEM, "cache: not enough memory for %zu entries", capacity);
        list->entries = larger;
        list->capacity = capacity;
    }
    struct kept *e = &list->entries[list->count++];
    *e = (struct kept){.used = info->st_mtim, .size = (uint64_t)info->st_size};
    memcpy(e->name, file, NAME);
    return ASSAY_OK;
}

/* A temporary file or a lock's: whoever has its lock is alive and needs it. */
static void remove_left_over(int directory, const char *left, uint64_t *freed)
{
    char file_buffer[FILE_NAME];
    const char *file = file_name(file_buffer, left, TEMPORARY);
    struct stat info;
    double told[2];
    int lock;
    if (try_lock(directory, left, &lock, told))
        return;
    if (fstatat(directory, file, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        unlinkat(directory, file, 0) == 0)
        *freed += (uint64_t)info.st_size;
    unlock(directory, left, lock);
}

static int list_entries(DIR *stream, struct listing *list, assay_cache_trimmed *out)
{
    int directory = dirfd(stream), status = ASSAY_OK;
    struct dirent *file;
    while (status == ASSAY_OK && (file = readdir(stream))) {
        struct stat info;
        if (is_name(file->d_name, TEMPORARY) || is_name(file->d_name, LOCK))
            remove_left_over(directory, file->d_name, &out->freed);
        if (!is_name(file->d_name, ENTRY) ||
            fstatat(directory, file->d_name, &info, AT_SYMLINK_NOFOLLOW))
            continue;
        status = add(list, file->d_name, &info);
        out->left += (uint64_t)info.st_size;
        out->entries++;
    }
    return status;
}

/* ASSAY_EBUSY when somebody reads it. */
static int remove_unread(int directory, const char *name)
{
    char file_buffer[FILE_NAME];
    const char *file = file_name(file_buffer, name, ENTRY);
    int status = ASSAY_OK, fd = openat(directory, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        status = ASSAY_EBUSY;
    else if (unlinkat(directory, file, 0) && errno != ENOENT)
        status = assay_fail(
            ASSAY_EIO, "the cache's entry %s can't be removed: %s", file, strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

static int remove_entry(int directory, const char *name)
{
    double told[2];
    int lock, status = try_lock(directory, name, &lock, told);
    if (status == ASSAY_EIO)
        return assay_fail(
            status, "the cache's entry %s can't be removed: %s", name, strerror(errno));
    if (status == ASSAY_OK) {
        status = remove_unread(directory, name);
        unlock(directory, name, lock);
    }
    return status;
}

static int remove_oldest(
    int directory, const struct listing *list, uint64_t limit, assay_cache_trimmed *out)
{
    for (size_t i = 0; i < list->count && out->left > limit; i++) {
        const struct kept *e = &list->entries[i];
        int status = remove_entry(directory, e->name);
        if (status == ASSAY_EBUSY) {
            out->busy++;
            continue;
        }
        if (status)
            return status;
        out->left -= e->size;
        out->freed += e->size;
        out->removed++;
    }
    return ASSAY_OK;
}

int assay_cache_trim(const char *directory, uint64_t limit, assay_cache_trimmed *out)
{
    struct listing list = {0};
    *out = (assay_cache_trimmed){0};
    DIR *stream = opendir(directory);
    if (!stream && errno == ENOENT)
        return ASSAY_OK;
    if (!stream)
        return assay_fail(ASSAY_EIO, "%s: %s", directory, strerror(errno));
    int status = list_entries(stream, &list, out);
    if (status == ASSAY_OK) {
        if (list.count)
            qsort(list.entries, list.count, sizeof *list.entries, oldest_first);
        status = remove_oldest(dirfd(stream), &list, limit, out);
    }
    free(list.entries);
    closedir(stream);
    return status;
}
