/* What the tests of methods share: cmocka and three words. */
#ifndef ASSAY_TESTS_METHODS_CHECK_H
#define ASSAY_TESTS_METHODS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/status.h"

#define ok(call) assert_int_equal((call), ASSAY_OK)

static inline void close_to(double got, double wanted, double tol)
{
    if (!(fabs(got - wanted) <= tol))
        fail_msg("got %.17g, wanted %.17g within %g", got, wanted, tol);
}

/* The call was refused as invalid, and its message says these words. */
static inline void refuses(int status, const char *words)
{
    assert_int_equal(status, ASSAY_EINVAL);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), words);
}

#endif
