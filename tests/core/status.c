/* The message of the last failure: kept per thread, cut when too long, safe to be built from
 * itself. */
#include "core/status.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void keeps_code_and_message(void **state)
{
    (void)state;
    assert_int_equal(
        assay_fail(ASSAY_EINVAL, "smote: k must be in 1..%d, got %d", 4, 7), ASSAY_EINVAL);
    assert_string_equal(assay_errmsg(), "smote: k must be in 1..4, got 7");
}

static void may_quote_the_last_message(void **state)
{
    (void)state;
    assay_fail(ASSAY_EIO, "inner");
    assay_fail(ASSAY_EIO, "outer: %s", assay_errmsg());
    assert_string_equal(assay_errmsg(), "outer: inner");
}

static void cuts_what_is_too_long(void **state)
{
    (void)state;
    assay_fail(ASSAY_EIO, "%10000d", 1);
    assert_int_equal(strlen(assay_errmsg()), 4095);
}

static void *fail_elsewhere(void *unused)
{
    assert_string_equal(assay_errmsg(), "");
    assay_fail(ASSAY_EIO, "elsewhere");
    return unused;
}

static void threads_do_not_share(void **state)
{
    (void)state;
    pthread_t thread;
    assay_fail(ASSAY_EIO, "here");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(assay_errmsg(), "here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_code_and_message),
        cmocka_unit_test(may_quote_the_last_message),
        cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(threads_do_not_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
