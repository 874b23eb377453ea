/* Files are written whole or not at all; what stands in their place says how. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../methods/check.h"
#include "core/status.h"

static int enter(void **state)
{
    static char place[] = "/tmp/assay-file-XXXXXX";
    *state = place;
    return mkdtemp(place) && chdir(place) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    static const char *const names[] = {"a", "b", "link", "dir/c", "dir/link"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    rmdir("dir");
    return chdir("/") || rmdir(*state); /* nothing else was left behind */
}

static int put(const char *path, const char *text)
{
    return assay_file_write(AT_FDCWD, path, text, strlen(text), 0640);
}

static void assert_holds(const char *path, const char *text)
{
    char read[64] = "";
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t size = fread(read, 1, sizeof read - 1, in);
    fclose(in);
    assert_int_equal(size, strlen(text));
    assert_string_equal(read, text);
}

static int mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (int)(info.st_mode & 0777);
}

static void test_new_and_old(void **state)
{
    (void)state;
    assert_int_equal(put("a", "one, and more"), ASSAY_OK);
    assert_int_equal(mode_of("a"), 0640);
    chmod("a", 0600);
    assert_int_equal(put("a", "two"), ASSAY_OK);
    assert_holds("a", "two");
    assert_int_equal(mode_of("a"), 0600);
    assert_int_equal(put("b", ""), ASSAY_OK);
    assert_holds("b", "");
}

static void test_links_stay(void **state)
{
    (void)state;
    struct stat info;
    mkdir("dir", 0700);
    assert_int_equal(put("dir/c", "before"), ASSAY_OK);
    assert_int_equal(symlink("c", "dir/link"), 0);
    assert_int_equal(symlink("dir/link", "link"), 0);
    assert_int_equal(put("link", "after"), ASSAY_OK);
    assert_holds("dir/c", "after");
    assert_int_equal(lstat("link", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    int directory = open("dir", O_RDONLY | O_DIRECTORY);
    assert_int_equal(assay_file_write(directory, "link", "x", 1, 0600), ASSAY_OK);
    close(directory);
    assert_holds("dir/c", "x");
}

static void test_failures(void **state)
{
    (void)state;
    mkdir("dir", 0700);
    assert_int_equal(put("dir", "x"), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "can't write dir: it is a directory"));
    assert_int_equal(put("nowhere/a", "x"), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "nowhere/a: No such file"));
    assert_int_equal(put("/dev/full", "x"), ASSAY_EIO);
    assert_non_null(strstr(assay_errmsg(), "No space left"));
    assert_int_equal(put("/dev/null", "x"), ASSAY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_and_old),
        cmocka_unit_test(test_links_stay),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
