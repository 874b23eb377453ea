/* Every file of the corpora, and every one that ever made a target fail, once through its target;
 * and each of them cut short and with a byte changed at many places, which needs no fuzzer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/rng.h"
#include "fuzz/targets.h"

enum { CHANGES = 30 };

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

/* A copy of its own size each time, so that a sanitizer sees what is read beyond it. */
static void run_copy(const fuzz_target *target, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    target->run(copy, size);
    free(copy);
}

static void replay_file(const fuzz_target *target, const char *path)
{
    size_t size;
    uint8_t *data = read_file(path, &size);
    assay_rng rng = assay_rng_seed(size);
    run_copy(target, data, size);
    for (int i = 0; i < CHANGES && size > 0; i++) {
        run_copy(target, data, (size_t)assay_rng_below(&rng, size));
        size_t at = (size_t)assay_rng_below(&rng, size);
        uint8_t was = data[at];
        data[at] = (uint8_t)assay_rng_below(&rng, 256);
        run_copy(target, data, size);
        data[at] = was;
    }
    free(data);
}

static void replay(void **state)
{
    const fuzz_target *target = *state;
    char directory[4096], path[8192];
    const char *srcdir = getenv("srcdir");
    int files = 0;
    snprintf(directory, sizeof directory, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
        target->name);
    DIR *corpus = opendir(directory);
    assert_non_null(corpus);
    for (struct dirent *entry; (entry = readdir(corpus));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        replay_file(target, path);
        files++;
    }
    closedir(corpus);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    assert_true(files > 0);
    assert_true(used.ru_maxrss < 1L << 20); /* KiB: no header was believed */
}

int main(void)
{
    struct CMUnitTest tests[64];
    fuzz_prepare();
    for (size_t i = 0; i < fuzz_target_count; i++)
        tests[i] = (struct CMUnitTest){.name = fuzz_targets[i].name,
            .test_func = replay,
            .initial_state = (void *)(uintptr_t)&fuzz_targets[i]};
    int failed = _cmocka_run_group_tests("fuzz", tests, fuzz_target_count, NULL, NULL);
    fuzz_clean();
    return failed;
}
