/* A directory for a test, experiments written into it, and runs of them. Definitions stand here
 * because each test program is one file. */
#ifndef TESTS_RUN_FIXTURE_H
#define TESTS_RUN_FIXTURE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/status.h"
#include "run/bytes.h"
#include "run/run.h"

/* Do limits of memory work here? Not under the address sanitizer and valgrind. */
static inline bool memory_can_be_limited(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return false;
#else
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_DATA, &(struct rlimit){1 << 20, 1 << 20});
        volatile char *memory = malloc(64 << 20);
        _exit(memory != NULL);
    }
    int status = 1;
    waitpid(child, &status, 0);
    return status == 0;
#endif
}

/* 3 x 4 cells of 6 rows: row i has i, a i^2, a uniform number, and a text. */
#define PLAIN                                                                                      \
    "local assay = require 'assay'\n"                                                              \
    "return assay.experiment {\n"                                                                  \
    "  name = 'plain',\n"                                                                          \
    "  params = { a = { default = {1, 2, 3} }, n = { default = 6, min = 1 } },\n"                  \
    "  replicates = 4,\n"                                                                          \
    "  run = function(cell)\n"                                                                     \
    "    local rng = cell:rng('x')\n"                                                              \
    "    for i = 1, cell.params.n do\n"                                                            \
    "      cell:log { i = i, square = cell.params.a * i * i, u = rng:uniform(), kind = 'k' .. i "  \
    "}\n"                                                                                          \
    "    end\n"                                                                                    \
    "  end,\n"                                                                                     \
    "}\n"

/* The same cells, where RUN is what one does. */
#define WITH_RUN(NAME, RUN)                                                                        \
    "local assay = require 'assay'\n"                                                              \
    "return assay.experiment {\n"                                                                  \
    "  name = '" NAME "',\n"                                                                       \
    "  params = { a = { default = {1, 2, 3} } },\n"                                                \
    "  replicates = 2,\n"                                                                          \
    "  run = function(cell)\n" RUN "\n"                                                            \
    "  end,\n"                                                                                     \
    "}\n"

static char directory[64];
static char database[96];

static inline int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/assay-run-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(database, sizeof database, "%s/assay.db", directory);
    return 0;
}

static inline int remove_entry(const char *path, const struct stat *s, int flag, struct FTW *ftw)
{
    (void)s, (void)flag, (void)ftw;
    return remove(path);
}

static inline int remove_directory(void **state)
{
    (void)state;
    return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write DIRECTORY/NAME and give its path, which is valid until the next call. */
static inline const char *write_file(const char *name, const char *text)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static inline assay_run_options options_with(int workers)
{
    return (assay_run_options){.database = database, .seed = 1, .workers = workers, .quiet = true};
}

static inline void expect_ok(int status)
{
    if (status != ASSAY_OK)
        fail_msg("status %d: %s", status, assay_errmsg());
}

/* Run a script to its end. */
static inline int64_t run_script(
    const char *text, const assay_run_options *options, assay_run_state expected)
{
    int64_t run;
    assay_run_state state;
    expect_ok(assay_run_start(write_file("experiment.lua", text), options, &run, &state));
    assert_string_equal(assay_run_state_name(state), assay_run_state_name(expected));
    return run;
}

static inline assay_store *open_store(void)
{
    assay_store *store;
    expect_ok(assay_store_open(database, ASSAY_STORE_WRITE, &store));
    return store;
}

static inline assay_run_info get_info(int64_t run)
{
    assay_store *store = open_store();
    assay_run_info info;
    expect_ok(assay_store_run_get(store, run, &info));
    assay_store_close(store);
    return info;
}

static inline void expect_cell_error(int64_t run, int64_t index, const char *part)
{
    assay_store *store = open_store();
    assay_cell_info info;
    expect_ok(assay_store_cell_get(store, run, index, &info));
    const char *error = info.error ? info.error : "";
    if (!strstr(error, part))
        fail_msg("cell %lld: \"%s\" does not have \"%s\"", (long long)index, error, part);
    assay_cell_info_clear(&info);
    assay_store_close(store);
}

static inline void expect_equal_rows(int64_t a, int64_t b)
{
    assay_store *store = open_store();
    bool equal;
    char difference[512] = "";
    expect_ok(assay_store_rows_compare(store, a, b, &equal, difference, sizeof difference));
    assay_store_close(store);
    if (!equal)
        fail_msg("runs %lld and %lld differ: %s", (long long)a, (long long)b, difference);
}

#endif
