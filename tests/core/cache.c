/*
 * The cache: processes that race for one entry, makers that die, files that lie, places that can't
 * be written, and what trimming takes and leaves. Who has built is counted in a file of its own.
 */
#include "core/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 512, HEAD = 120 };

static const char content[] = "weights \0 and biases";

typedef struct fixture {
    char top[64], directory[128];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    snprintf(f->top, sizeof f->top, "/tmp/assay-cache-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    snprintf(f->directory, sizeof f->directory, "%s/deep/er", f->top);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    char command[PATH];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", f->top, f->top);
    int status = system(command);
    free(f);
    return status;
}

/* The name of entry i. */
static const char *name_of(int i)
{
    static char hex[ASSAY_SHA256_HEX];
    assay_sha256_hex(&i, sizeof i, hex);
    return hex;
}

static char *path_of(const fixture *f, int i, const char *suffix, char out[PATH])
{
    snprintf(out, PATH, "%s/%s%s", f->directory, name_of(i), suffix);
    return out;
}

static assay_cache_entry begin(const fixture *f, int i)
{
    assay_cache_entry e;
    assert_int_equal(assay_cache_begin(f->directory, name_of(i), NULL, &e), ASSAY_OK);
    return e;
}

static void make(const fixture *f, int i, const void *data, size_t size)
{
    assay_cache_entry e = begin(f, i);
    assert_null(e.data);
    assert_string_equal(e.reason, "");
    if (assay_cache_put(&e, data, size))
        fail_msg("%s", assay_errmsg());
    assay_cache_end(&e);
    assay_cache_end(&e);
}

static bool has(const fixture *f, int i)
{
    assay_cache_entry e = begin(f, i);
    bool found = e.data != NULL;
    if (found) {
        assert_int_equal(e.size, sizeof content);
        assert_memory_equal(e.data, content, sizeof content);
    }
    assay_cache_end(&e);
    return found;
}

static bool is_there(const fixture *f, int i, const char *suffix)
{
    char path[PATH];
    return access(path_of(f, i, suffix, path), F_OK) == 0;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one process ---- */

static void keeps(void **state)
{
    fixture *f = *state;
    assert_false(has(f, 1));
    make(f, 1, content, sizeof content);
    assert_true(has(f, 1));
    assert_false(has(f, 2));
    assert_true(is_there(f, 1, ".entry"));
    assert_false(is_there(f, 1, ".lock"));
    assert_false(is_there(f, 1, ".tmp"));
    make(f, 3, "", 0);
    assay_cache_entry e = begin(f, 3);
    assert_non_null(e.data);
    assert_int_equal(e.size, 0);
    assay_cache_drop(&e);
    assay_cache_end(&e);
    assert_false(is_there(f, 3, ".entry"));
}

static void finds_its_place(void **state)
{
    (void)state;
    char path[PATH_MAX];
    setenv("HOME", "/home/me", 1);
    setenv("XDG_CACHE_HOME", "/var/c", 1);
    assert_int_equal(assay_cache_directory(path, sizeof path), ASSAY_OK);
    assert_string_equal(path, "/var/c/assay");
    setenv("XDG_CACHE_HOME", "relative", 1);
    assert_int_equal(assay_cache_directory(path, sizeof path), ASSAY_OK);
    assert_string_equal(path, "/home/me/.cache/assay");
    assert_int_equal(assay_cache_directory(path, 10), ASSAY_ENOTFOUND);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(assay_cache_directory(path, sizeof path), ASSAY_ENOTFOUND);
    assert_non_null(strstr(assay_errmsg(), "set XDG_CACHE_HOME or HOME"));
}

/* ---- many ---- */

/* A process of its own: 0 when it has the right content; it notes in `builds` when it made it. */
static pid_t fork_user(const fixture *f, int builds, int milliseconds)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    assay_cache_entry e;
    if (assay_cache_begin(f->directory, name_of(1), NULL, &e))
        _exit(1);
    if (!e.data) {
        nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
        _exit(write(builds, "b", 1) != 1 || assay_cache_put(&e, content, sizeof content) ? 2 : 0);
    }
    _exit(e.size == sizeof content && memcmp(e.data, content, e.size) == 0 ? 0 : 3);
}

static void builds_once(void **state)
{
    fixture *f = *state;
    char path[PATH];
    pid_t users[8];
    snprintf(path, sizeof path, "%s/builds", f->top);
    for (int round = 0; round < 5; round++) {
        int builds = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
        for (int i = 0; i < 8; i++)
            users[i] = fork_user(f, builds, 30);
        for (int i = 0; i < 8; i++) {
            int status;
            assert_int_equal(waitpid(users[i], &status, 0), users[i]);
            assert_int_equal(status, 0);
        }
        assert_int_equal(lseek(builds, 0, SEEK_END), 1);
        close(builds);
        assert_int_equal(unlink(path_of(f, 1, ".entry", path)), 0);
        snprintf(path, sizeof path, "%s/builds", f->top);
    }
}

/* Makers that come and go at once, and keep nothing: never two at a time, also when one gets the
 * lock's file just as another removes it. The file `inside` can be made by one only. */
static void makers_are_alone(void **state)
{
    fixture *f = *state;
    char inside[PATH];
    pid_t makers[8];
    snprintf(inside, sizeof inside, "%s/inside", f->top);
    for (int i = 0; i < 8; i++)
        if ((makers[i] = fork()) == 0) {
            for (double end = now() + 0.5; now() < end;) {
                assay_cache_entry e;
                if (assay_cache_begin(f->directory, name_of(1), NULL, &e) || e.data)
                    _exit(1);
                int fd = open(inside, O_CREAT | O_EXCL | O_RDWR, 0600);
                if (fd < 0)
                    _exit(2);
                unlink(inside);
                close(fd);
                assay_cache_end(&e);
            }
            _exit(0);
        }
    for (int i = 0; i < 8; i++) {
        int status;
        waitpid(makers[i], &status, 0);
        assert_int_equal(status, 0);
    }
}

/* A process that takes the lock, says so, and never ends by itself. */
static pid_t fork_maker(const fixture *f)
{
    int said[2];
    char byte;
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0) {
        assay_cache_entry e;
        assay_cache_begin(f->directory, name_of(1), NULL, &e);
        assay_cache_tell(&e, 3, 8);
        byte = e.data ? 'd' : 'm';
        if (write(said[1], &byte, 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    close(said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    assert_int_equal(byte, 'm');
    close(said[0]);
    return pid;
}

static void takes_over_from_the_dead(void **state)
{
    fixture *f = *state;
    char path[PATH];
    snprintf(path, sizeof path, "%s/builds", f->top);
    int builds = open(path, O_RDWR | O_CREAT | O_APPEND, 0600), status;
    pid_t maker = fork_maker(f);
    pid_t users[2] = {fork_user(f, builds, 0), fork_user(f, builds, 0)};
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    assert_int_equal(waitpid(users[0], &status, WNOHANG), 0);
    assert_int_equal(waitpid(users[1], &status, WNOHANG), 0);
    double start = now();
    kill(maker, SIGKILL);
    waitpid(maker, &status, 0);
    for (int i = 0; i < 2; i++) {
        waitpid(users[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_true(now() - start < 5);
    assert_int_equal(lseek(builds, 0, SEEK_END), 1);
    close(builds);
}

typedef struct heard {
    int calls;
    double done, total;
} heard;

static int listen_some(void *context, double done, double total)
{
    heard *h = context;
    h->done = done;
    h->total = total;
    return ++h->calls == 3;
}

static void waiting_hears_and_gives_up(void **state)
{
    fixture *f = *state;
    pid_t maker = fork_maker(f);
    heard h = {0};
    const assay_progress waiting = {listen_some, &h};
    assay_cache_entry e;
    assert_int_equal(assay_cache_begin(f->directory, name_of(1), &waiting, &e), ASSAY_ECANCELLED);
    assert_null(e.data);
    assert_int_equal(h.calls, 3);
    assert_true(h.done == 3 && h.total == 8);
    assay_cache_end(&e);
    kill(maker, SIGKILL);
    waitpid(maker, NULL, 0);
    assert_false(has(f, 1));
}

/* ---- files that lie ---- */

static size_t read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(out, 1, size, file);
    fclose(file);
    return n;
}

static void write_file(const char *path, const char *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void every_byte_counts(void **state)
{
    fixture *f = *state;
    char path[PATH], good[512], bad[512];
    make(f, 1, content, sizeof content);
    path_of(f, 1, ".entry", path);
    size_t size = read_file(path, good, sizeof good);
    assert_int_equal(size, HEAD + sizeof content);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit += 7) {
            memcpy(bad, good, size);
            bad[i] ^= (char)(1 << bit);
            write_file(path, bad, size);
            if (has(f, 1))
                fail_msg("byte %zu was changed and not missed", i);
        }
    for (size_t n = 0; n < size; n++) {
        write_file(path, good, n);
        assert_false(has(f, 1));
    }
    memcpy(bad, good, size);
    bad[size] = 0;
    write_file(path, bad, size + 1);
    assert_false(has(f, 1));
    make(f, 1, content, sizeof content); /* made again over the bad one */
    assert_true(has(f, 1));
}

static void refuses_what_is_no_entry(void **state)
{
    fixture *f = *state;
    char path[PATH], other[PATH];
    make(f, 1, content, sizeof content);
    path_of(f, 1, ".entry", path);
    assert_int_equal(rename(path, path_of(f, 2, ".entry", other)), 0);
    assert_false(has(f, 2)); /* whole, but somebody else's */
    unlink(other);
    make(f, 1, content, sizeof content);
    assert_int_equal(symlink(path, other), 0);
    assert_false(has(f, 2));
    unlink(other);
    assert_int_equal(mkfifo(other, 0600), 0);
    assert_false(has(f, 2)); /* and does not wait for a writer */
    make(f, 2, content, sizeof content);
    assert_true(has(f, 2));
    /* a head that claims 2^40 bytes */
    unlink(other);
    char head[HEAD];
    uint64_t claim = (uint64_t)1 << 40;
    read_file(path, head, HEAD);
    memcpy(head + 8 + 8, name_of(2), 64);
    memcpy(head + HEAD - sizeof claim, &claim, sizeof claim);
    write_file(other, head, HEAD);
    assert_false(has(f, 2));
}

/* ---- places that can't be written ---- */

static void assert_not_kept(const char *directory, const char *why)
{
    assay_cache_entry e;
    assert_int_equal(assay_cache_begin(directory, name_of(1), NULL, &e), ASSAY_OK);
    assert_null(e.data);
    if (!strstr(e.reason, why) || !strstr(e.reason, directory))
        fail_msg("\"%s\" is not in \"%s\"", why, e.reason);
    assert_int_equal(assay_cache_put(&e, content, sizeof content), ASSAY_EIO);
    assert_string_equal(assay_errmsg(), e.reason);
    assay_cache_end(&e);
}

static void works_without_a_place(void **state)
{
    fixture *f = *state;
    assert_not_kept("/dev/null/assay", "Not a directory");
    assert_not_kept("/proc/assay", "No such file");
    make(f, 1, content, sizeof content);
    if (geteuid() != 0) {
        chmod(f->directory, 0500);
        assert_true(has(f, 1));
        char path[PATH];
        assert_int_equal(unlink(path_of(f, 1, ".entry", path)), -1);
        chmod(f->directory, 0700);
        unlink(path);
        chmod(f->directory, 0500);
        assert_not_kept(f->directory, "Permission denied");
    }
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_leaves_nothing(void **state)
{
    fixture *f = *state;
    char *large = calloc(1, 100000);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    assay_cache_entry e = begin(f, 1);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int status = assay_cache_put(&e, large, 100000);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "File too large"));
    assay_cache_end(&e);
    assert_false(is_there(f, 1, ".entry"));
    assert_false(is_there(f, 1, ".tmp"));
    assert_false(is_there(f, 1, ".lock"));
    free(large);
}

/* ---- trimming ---- */

static void set_used(const fixture *f, int i, time_t when)
{
    char path[PATH];
    const struct timespec times[2] = {{when, 0}, {when, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path_of(f, i, ".entry", path), times, 0), 0);
}

static void make_five(const fixture *f)
{
    static const time_t used[] = {300, 100, 500, 200, 400};
    for (int i = 0; i < 5; i++) {
        make(f, i, content, sizeof content);
        set_used(f, i, 1000000 + used[i]);
    }
}

static assay_cache_trimmed trim(const fixture *f, uint64_t limit)
{
    assay_cache_trimmed t;
    if (assay_cache_trim(f->directory, limit, &t))
        fail_msg("%s", assay_errmsg());
    return t;
}

static void the_least_recently_used_go(void **state)
{
    fixture *f = *state;
    const uint64_t each = HEAD + sizeof content;
    assay_cache_trimmed t = trim(f, 0);
    assert_true(t.entries == 0 && t.removed == 0 && t.left == 0 && t.freed == 0);
    make_five(f);
    t = trim(f, 5 * each);
    assert_true(t.entries == 5 && t.removed == 0 && t.left == 5 * each);
    assert_true(has(f, 1)); /* the oldest; used now */
    t = trim(f, 3 * each + each - 1);
    assert_true(t.removed == 2 && t.freed == 2 * each && t.left == 3 * each && t.busy == 0);
    assert_false(is_there(f, 3, ".entry"));
    assert_false(is_there(f, 0, ".entry"));
    assert_true(has(f, 1) && has(f, 2) && has(f, 4));
    t = trim(f, 0);
    assert_true(t.entries == 3 && t.removed == 3 && t.left == 0);
}

static void what_is_in_use_stays(void **state)
{
    fixture *f = *state;
    char path[PATH];
    make_five(f);
    /* 1 is read, 3 is made again by another process */
    int reader = open(path_of(f, 1, ".entry", path), O_RDONLY);
    assert_int_equal(flock(reader, LOCK_SH), 0);
    int maker = open(path_of(f, 3, ".lock", path), O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(maker, LOCK_EX), 0);
    int fresh = open(path_of(f, 3, ".tmp", path), O_RDWR | O_CREAT, 0600);
    close(fresh);
    assay_cache_trimmed t = trim(f, 0);
    assert_true(t.entries == 5 && t.removed == 3 && t.busy == 2);
    assert_true(t.left == 2 * (HEAD + sizeof content));
    assert_true(is_there(f, 1, ".entry") && is_there(f, 3, ".entry"));
    assert_true(is_there(f, 3, ".tmp") && is_there(f, 3, ".lock"));
    close(reader);
    close(maker);
    t = trim(f, 0);
    assert_true(t.removed == 2 && t.busy == 0);
}

static void what_the_dead_left_goes(void **state)
{
    fixture *f = *state;
    char path[PATH], foreign[PATH];
    make(f, 1, content, sizeof content);
    write_file(path_of(f, 2, ".tmp", path), "half", 4);
    write_file(path_of(f, 2, ".lock", path), "", 0);
    snprintf(foreign, sizeof foreign, "%s/notes.txt", f->directory);
    write_file(foreign, "mine", 4);
    assay_cache_trimmed t = trim(f, 1 << 20);
    assert_true(t.entries == 1 && t.removed == 0 && t.freed == 4);
    assert_false(is_there(f, 2, ".tmp"));
    assert_false(is_there(f, 2, ".lock"));
    assert_int_equal(access(foreign, F_OK), 0);
    assert_true(has(f, 1));
    assert_int_equal(assay_cache_trim(foreign, 0, &t), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "Not a directory"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps),
        TEST(builds_once),
        TEST(makers_are_alone),
        TEST(takes_over_from_the_dead),
        TEST(waiting_hears_and_gives_up),
        TEST(every_byte_counts),
        TEST(refuses_what_is_no_entry),
        TEST(works_without_a_place),
        TEST(a_full_disk_leaves_nothing),
        TEST(the_least_recently_used_go),
        TEST(what_is_in_use_stays),
        TEST(what_the_dead_left_goes),
        cmocka_unit_test(finds_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
