/* Differences of texts: the shortest by brute force, and a diff that is applied gives the other
 * text. */
#include "core/linediff.h"

#include <stdio.h>

#include "../methods/check.h"
#include "core/rng.h"

enum { MOST = 40 };

/* Lines of a longest common subsequence, by its recurrence. */
static size_t common_lines(const char *a, const char *b)
{
    static size_t length[MOST + 1][MOST + 1];
    const char *lines_a[MOST], *lines_b[MOST];
    size_t n = 0, m = 0;
    for (; *a; a += strcspn(a, "\n") + 1)
        lines_a[n++] = a;
    for (; *b; b += strcspn(b, "\n") + 1)
        lines_b[m++] = b;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0)
                length[i][j] = 0;
            else if (lines_a[i - 1][0] == lines_b[j - 1][0])
                length[i][j] = length[i - 1][j - 1] + 1;
            else
                length[i][j] =
                    length[i - 1][j] > length[i][j - 1] ? length[i - 1][j] : length[i][j - 1];
        }
    return length[n][m];
}

/* Follow the hunks of a diff over a; `out` becomes b. */
static void apply(const char *a, const char *diff, char *out)
{
    size_t line = 1;
    diff += strcspn(diff, "\n") + 1; /* --- */
    diff += strcspn(diff, "\n") + 1; /* +++ */
    while (*diff) {
        size_t length = strcspn(diff, "\n") + 1, start = 0, count = 1;
        if (diff[0] == '@') {
            int read = sscanf(diff, "@@ -%zu,%zu", &start, &count);
            start += read == 2 && count == 0; /* of nothing: after that line */
            for (; line < start; line++, a += strcspn(a, "\n") + 1)
                out += sprintf(out, "%.*s", (int)strcspn(a, "\n") + 1, a);
        } else {
            if (diff[0] != '-')
                out += sprintf(out, "%.*s", (int)length - 1, diff + 1);
            if (diff[0] != '+') {
                assert_memory_equal(diff + 1, a, length - 1);
                a += strcspn(a, "\n") + 1;
                line++;
            }
        }
        diff += length;
    }
    strcpy(out, a);
}

static void random_text(assay_rng *rng, char *out)
{
    size_t n = assay_rng_below(rng, MOST), letters = 1 + assay_rng_below(rng, 6);
    for (size_t i = 0; i < n; i++)
        out += sprintf(out, "%c\n", 'a' + (int)assay_rng_below(rng, letters));
    *out = '\0';
}

static void it_is_the_shortest_and_gives_the_other(void **state)
{
    assay_rng rng = assay_rng_seed(1);
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        char a[4 * MOST], b[4 * MOST], made[8 * MOST], *diff;
        size_t added, removed, common;
        random_text(&rng, a);
        random_text(&rng, b);
        ok(assay_line_diff(a, b, "a", "b", (size_t)trial % 4, &diff, &added, &removed));
        common = common_lines(a, b);
        assert_int_equal(removed, strlen(a) / 2 - common);
        assert_int_equal(added, strlen(b) / 2 - common);
        if (strcmp(a, b) == 0) {
            assert_string_equal(diff, "");
        } else {
            apply(a, diff, made);
            assert_string_equal(made, b);
        }
        free(diff);
    }
}

/* As diff -u writes them. */
static void it_is_written_as_diff_does(void **state)
{
    char *diff;
    (void)state;
    ok(assay_line_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "a", "b", 3,
        &diff, NULL, NULL));
    assert_string_equal(diff, "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    free(diff);
    ok(assay_line_diff("", "x\n", "a", "b", 3, &diff, NULL, NULL));
    assert_string_equal(diff, "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
    free(diff);
    ok(assay_line_diff("x\n", "", "a", "b", 3, &diff, NULL, NULL));
    assert_string_equal(diff, "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
    free(diff);
    ok(assay_line_diff("a\nb", "a\nb\n", "a", "b", 3, &diff, NULL, NULL));
    assert_string_equal(
        diff, "--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
    free(diff);
    ok(assay_line_diff("same", "same", "a", "b", 3, &diff, NULL, NULL));
    assert_string_equal(diff, "");
    free(diff);
}

static void texts_with_nothing_in_common_are_one_change(void **state)
{
    enum { LINES = 4000 };
    char *a = malloc(LINES * 8), *b = malloc(LINES * 8), *diff;
    size_t added, removed, at = 0;
    (void)state;
    for (int i = 0; i < LINES; i++) {
        sprintf(a + at, "a%05d\n", i);
        at += (size_t)sprintf(b + at, "b%05d\n", i);
    }
    ok(assay_line_diff(a, b, "a", "b", 3, &diff, &added, &removed));
    assert_int_equal(added, LINES);
    assert_int_equal(removed, LINES);
    free(diff);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_shortest_and_gives_the_other),
        cmocka_unit_test(it_is_written_as_diff_does),
        cmocka_unit_test(texts_with_nothing_in_common_are_one_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
