/* What the store's tests share: a directory of their own, a store in it, a run with cells. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/status.h"
#include "store/store.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        int status_ = (call);                                                                      \
        if (status_ != ASSAY_OK)                                                                   \
            fail_msg("%s: status %d: %s", #call, status_, assay_errmsg());                         \
    } while (0)

/* The call fails with this status, and the message has these words. */
#define assert_fails(call, expected, words)                                                        \
    do {                                                                                           \
        int status_ = (call);                                                                      \
        assert_int_equal(status_, expected);                                                       \
        if (!strstr(assay_errmsg(), words))                                                        \
            fail_msg("\"%s\" is not in: %s", words, assay_errmsg());                               \
    } while (0)

typedef struct fixture {
    char directory[64];
    char path[128];
    assay_store *store;
} fixture;

static inline void remove_directory(const char *name)
{
    char path[512];
    DIR *directory = opendir(name);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        unlink(path);
    }
    if (directory)
        closedir(directory);
    rmdir(name);
}

/* A directory without a store. */
static inline int make_directory(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    strcpy(f->directory, "/tmp/assay-store-XXXXXX");
    if (!f || !mkdtemp(f->directory))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/assay.db", f->directory);
    *state = f;
    return 0;
}

static inline int make_store(void **state)
{
    if (make_directory(state) != 0)
        return -1;
    fixture *f = *state;
    return assay_store_open(f->path, ASSAY_STORE_CREATE, &f->store);
}

static inline int remove_store(void **state)
{
    fixture *f = *state;
    assay_store_close(f->store);
    chmod(f->directory, 0755);
    remove_directory(f->directory);
    free(f);
    return 0;
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, make_store, remove_store)
#define directory_test(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_store)

/* A run of `experiment` with cells 0..cells-1, whose parameter is their index. */
static inline int64_t make_run(assay_store *store, const char *experiment, int64_t cells)
{
    assay_run_new new = {
        .experiment = experiment,
        .path = "/tmp/x.lua",
        .method = "monkeys",
        .script = "return 1",
        .preset = "quick",
        .params = "{\"size\":1}",
        .describe = "{\"figures\":[{\"name\":\"coverage\"}]}",
        .versions = "{\"assay\":\"0.1.0\"}",
        .seed = UINT64_MAX,
        .replicates = 2,
        .workers = 4,
    };
    int64_t run;
    assert_ok(assay_store_run_create(store, &new, &run));
    for (int64_t i = 0; i < cells; i++) {
        char params[64];
        snprintf(params, sizeof params, "{\"size\":%d}", (int)i);
        assert_ok(assay_store_cell_create(store, run, i, params, i % 2 + 1));
    }
    return run;
}

static inline int64_t metric(assay_store *store, const char *name)
{
    int64_t id;
    assert_ok(assay_store_metric(store, name, &id));
    return id;
}

/* The one integer that a query gives. */
static inline int64_t query(assay_store *store, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(assay_store_sqlite(store), sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(assay_store_sqlite(store)));
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

#endif
