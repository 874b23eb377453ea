/* The catalogue is whole: every entry has what is shown of it, and its files are there. */
#include "methods/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/status.h"

static void families_are_those_of_the_design(void **state)
{
    (void)state;
    static const char *const names[] = {
        "inference", "diffusion", "selection", "mixing", "rollout", "balance", "network"};
    assert_int_equal(assay_family_count(), sizeof names / sizeof *names);
    for (size_t i = 0; i < assay_family_count(); i++) {
        assert_string_equal(assay_family_at(i)->name, names[i]);
        assert_true(strlen(assay_family_at(i)->title) > 0);
    }
    assert_null(assay_family_at(assay_family_count()));
}

static void check_paper(const assay_paper *paper)
{
    assert_true(strlen(paper->title) > 0 && strlen(paper->authors) > 0);
    assert_true(paper->year >= 1990 && paper->year <= 2100);
    assert_true(strspn(paper->arxiv, "0123456789.") == strlen(paper->arxiv));
    assert_true(strchr(paper->arxiv, '.') == paper->arxiv + 4); /* YYMM.NNNNN */
}

static int has_family(const char *name)
{
    for (size_t i = 0; i < assay_family_count(); i++)
        if (strcmp(assay_family_at(i)->name, name) == 0)
            return 1;
    return 0;
}

static void exists(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void exists(const char *format, ...)
{
    char path[1024];
    const char *source = getenv("srcdir");
    int used = snprintf(path, sizeof path, "%s/", source ? source : ".");
    va_list args;
    va_start(args, format);
    vsnprintf(path + used, sizeof path - (size_t)used, format, args);
    va_end(args);
    if (access(path, R_OK) != 0)
        fail_msg("%s is not there", path);
}

static void entries_are_whole(void **state)
{
    (void)state;
    assert_true(assay_method_count() > 0);
    assert_null(assay_method_at(assay_method_count()));
    for (size_t i = 0; i < assay_method_count(); i++) {
        const assay_method *m = assay_method_at(i), *found = NULL;
        assert_int_equal(assay_method_find(m->slug, &found), ASSAY_OK);
        assert_ptr_equal(found, m); /* slugs are unique */
        assert_true(has_family(m->family));
        assert_true(strlen(m->summary) > 0 && m->summary[strlen(m->summary) - 1] != '.');
        assert_non_null(m->functions[0]);
        check_paper(&m->paper);
        if (m->companion.title)
            check_paper(&m->companion);
        if (m->experiment)
            exists("experiments/%s", m->experiment);
        exists("tests/golden/%s.json", m->slug);
    }
}

static void unknown_slugs_are_suggested(void **state)
{
    (void)state;
    const assay_method *found = NULL;
    assert_int_equal(assay_method_find("monkey", &found), ASSAY_ENOTFOUND);
    assert_string_equal(assay_errmsg(), "no method \"monkey\" (did you mean \"monkeys\"?)");
    assert_null(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_those_of_the_design),
        cmocka_unit_test(entries_are_whole),
        cmocka_unit_test(unknown_slugs_are_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
