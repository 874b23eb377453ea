/* What the tests of readers share: one temporary file. */
#ifndef ASSAY_TESTS_DATA_SCRATCH_H
#define ASSAY_TESTS_DATA_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/assay-data-XXXXXX";

static inline int make_path(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 || close(file);
}

static inline int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static inline void write_bytes(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

#endif
