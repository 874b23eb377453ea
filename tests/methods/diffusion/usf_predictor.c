/* The predictor of schedules: its gradient against differences, and rules that it can learn. */
#include "methods/diffusion/usf.h"

#include <cblas.h>

#include "../check.h"
#include "core/rank.h"

enum { N = 120 };

typedef struct fixture {
    assay_schedule noise;
    assay_usf_genome genome[N];
    const assay_usf_schedule *list[N];
} fixture;

/* Mutants of one schedule of `steps` calls, a third of them of one call fewer. */
static void draw(fixture *f, uint64_t seed, size_t steps)
{
    assay_rng rng = assay_rng_seed(seed);
    const assay_schedule_options o = assay_schedule_defaults(ASSAY_SCHEDULE_VP_LINEAR);
    ok(assay_schedule_init(&f->noise, &o));
    for (size_t i = 0; i < N; i++) {
        const size_t n = steps - (i % 3 == 0);
        double t[ASSAY_USF_STEPS + 1];
        assay_usf_step step[ASSAY_USF_STEPS] = {0};
        assay_usf_schedule s = {.t = t, .step = step};
        const assay_usf_plan plan = {.solver = ASSAY_USF_MULTISTEP,
            .order = 1 + (int)(i % 2),
            .t_start = 1,
            .t_end = 1e-3,
            .rho = 7};
        const assay_usf_search_options search = assay_usf_search_defaults(&f->noise, n);
        ok(assay_usf_from(&f->noise, &plan, n, &s));
        ok(assay_usf_mutate(&s, &search, &rng, &f->genome[i]));
        ok(assay_usf_mutate(&f->genome[i].schedule, &search, &rng, &f->genome[i]));
        f->list[i] = &f->genome[i].schedule;
    }
}

static void gradient_is_the_difference(void **state)
{
    static fixture f;
    assay_usf_predictor *p;
    double worst;
    (void)state;
    draw(&f, 1, 5);
    for (uint64_t seed = 1; seed < 3; seed++) {
        assay_rng rng = assay_rng_seed(seed);
        ok(assay_usf_predictor_new(&f.noise, &rng, &p));
        ok(assay_usf_predictor_gradcheck(p, f.list, 5, 41, 1e-5, &worst));
        close_to(worst, 0, 1e-6);
        assay_usf_predictor_free(p);
    }
}

/* Trained on the first 90, asked about the others: Kendall's tau. */
static double learns(const fixture *f, const double *value)
{
    assay_usf_predictor *p;
    double score[N], loss, tau;
    assay_rng rng = assay_rng_seed(5);
    ok(assay_usf_predictor_new(&f->noise, &rng, &p));
    ok(assay_usf_predictor_train(p, f->list, value, 90, NULL, &rng, &loss));
    ok(assay_usf_predictor_score(p, f->list + 90, N - 90, score));
    ok(assay_kendall_tau(score, value + 90, N - 90, &tau));
    assay_usf_predictor_free(p);
    return tau;
}

static void rules_are_learned(void **state)
{
    static fixture f;
    double data[N], early[N], noise[N];
    assay_rng rng = assay_rng_seed(6);
    (void)state;
    draw(&f, 2, 6);
    for (size_t i = 0; i < N; i++) {
        data[i] = early[i] = 0;
        for (size_t s = 0; s < f.list[i]->n; s++)
            data[i] += f.list[i]->step[s].data ? 1 + 0.1 * (double)s : 0; /* where counts */
        early[i] = -f.list[i]->t[1] + 0.01 * f.list[i]->t[2];
        noise[i] = assay_rng_uniform(&rng);
    }
    assert_true(learns(&f, data) > 0.7);
    assert_true(learns(&f, early) > 0.7);
    assert_true(fabs(learns(&f, noise)) < 0.4);
}

/* A schedule's score is its own, beside whatever others. */
static void scores_are_their_own(void **state)
{
    static fixture f;
    double all[N], one;
    assay_usf_predictor *p;
    assay_rng rng = assay_rng_seed(7);
    (void)state;
    draw(&f, 3, 6);
    ok(assay_usf_predictor_new(&f.noise, &rng, &p));
    ok(assay_usf_predictor_score(p, f.list, N, all));
    for (size_t i = 0; i < N; i += 7) {
        ok(assay_usf_predictor_score(p, f.list + i, 1, &one));
        close_to(one, all[i], 1e-12);
    }
    refuses(assay_usf_predictor_train(p, f.list, all, 1, NULL, &rng, NULL), "at least 2 schedules");
    all[1] = NAN;
    refuses(assay_usf_predictor_train(p, f.list, all, 3, NULL, &rng, NULL), "values[2]");
    assay_usf_predictor_free(p);
}

int main(void)
{
    openblas_set_num_threads(1); /* as the program has it: products here are small */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_is_the_difference),
        cmocka_unit_test(rules_are_learned),
        cmocka_unit_test(scores_are_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
