/* Schedules against their definitions and their own inverses. */
#include "core/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/status.h"

#define ok(call) assert_int_equal((call), ASSAY_OK)

static void near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%.17g instead of %.17g", got, wanted);
}

static assay_schedule of_kind(assay_schedule_kind kind)
{
    assay_schedule s;
    const assay_schedule_options o = assay_schedule_defaults(kind);
    ok(assay_schedule_init(&s, &o));
    return s;
}

static void inverse_of_lambda(void **state)
{
    (void)state;
    for (int kind = 0; kind <= ASSAY_SCHEDULE_DISCRETE; kind++) {
        assay_schedule s = of_kind((assay_schedule_kind)kind);
        double before = INFINITY;
        for (int i = 0; i <= 1000; i++) {
            const double t = 1e-3 + (s.t_max - 1e-3) * i / 1000;
            double log_alpha, sigma, lambda, back;
            ok(assay_schedule_eval(&s, t, &log_alpha, &sigma, &lambda));
            ok(assay_schedule_inverse_lambda(&s, lambda, &back));
            near(back, t, 1e-10 * fmax(1, t));
            near(exp(lambda) * sigma, exp(log_alpha), 1e-12);
            if (kind != ASSAY_SCHEDULE_EDM)
                near(exp(2 * log_alpha) + sigma * sigma, 1, 1e-14);
            assert_true(lambda < before);
            before = lambda;
        }
        assay_schedule_free(&s);
    }
}

/* vp_linear: -(1/2) times the integral of beta(t) = beta_min + t (beta_max - beta_min) */
static void linear_is_an_integral(void **state)
{
    (void)state;
    enum { STEPS = 100000 };
    const assay_schedule s = of_kind(ASSAY_SCHEDULE_VP_LINEAR);
    double integral = 0, log_alpha;
    for (int i = 0; i < STEPS; i++)
        integral += (0.1 + 19.9 * (0.7 * (i + 0.5) / STEPS)) * 0.7 / STEPS;
    ok(assay_schedule_eval(&s, 0.7, &log_alpha, NULL, NULL));
    near(log_alpha, -integral / 2, 1e-9);
}

static void ends(void **state)
{
    (void)state;
    assay_schedule s = of_kind(ASSAY_SCHEDULE_VP_LINEAR);
    double sigma, lambda, t;
    ok(assay_schedule_eval(&s, 0, NULL, &sigma, &lambda));
    assert_true(sigma == 0 && isinf(lambda) && lambda > 0);
    ok(assay_schedule_eval(&s, 1e-12, NULL, &sigma, NULL));
    near(sigma, sqrt(1e-13 + 9.95e-24), 1e-20); /* to all digits, where 1 - alpha^2 has lost them */
    ok(assay_schedule_inverse_lambda(&s, -400, &t));
    assert_true(isfinite(t) && t > 1);
    assay_schedule_options o = assay_schedule_defaults(ASSAY_SCHEDULE_VP_LINEAR);
    o.beta_max = o.beta_min; /* constant beta */
    ok(assay_schedule_init(&s, &o));
    ok(assay_schedule_eval(&s, 0.3, NULL, NULL, &lambda));
    ok(assay_schedule_inverse_lambda(&s, lambda, &t));
    near(t, 0.3, 1e-14);
}

static void refusals(void **state)
{
    (void)state;
    assay_schedule s;
    assay_schedule_options o = assay_schedule_defaults(ASSAY_SCHEDULE_DISCRETE);
    o.n = 1;
    assert_int_equal(assay_schedule_init(&s, &o), ASSAY_EINVAL);
    o.n = 1000;
    o.beta_end = 1;
    assert_int_equal(assay_schedule_init(&s, &o), ASSAY_EINVAL);
    const double steep[] = {0.9999999, 0.9999999, 0.9999999};
    o.n = 3;
    o.betas = steep; /* lambda < -5.1 from the first step on */
    assert_int_equal(assay_schedule_init(&s, &o), ASSAY_EINVAL);
    o = assay_schedule_defaults(ASSAY_SCHEDULE_VP_COSINE);
    o.s = 1;
    assert_int_equal(assay_schedule_init(&s, &o), ASSAY_EINVAL);
    s = of_kind(ASSAY_SCHEDULE_EDM);
    assert_int_equal(assay_schedule_eval(&s, NAN, NULL, NULL, NULL), ASSAY_EINVAL);
    assert_int_equal(assay_schedule_eval(&s, INFINITY, NULL, NULL, NULL), ASSAY_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inverse_of_lambda),
        cmocka_unit_test(linear_is_an_integral),
        cmocka_unit_test(ends),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
