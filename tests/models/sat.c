/* The verifier against all assignments, and walks against what a formula allows. */
#include "models/sat.h"

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

static void refuses(int status, const char *words)
{
    assert_int_equal(status, ASSAY_EINVAL);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), words);
}

static bool satisfies(const assay_sat_problem *p, const unsigned char *value)
{
    for (size_t i = 0; i < assay_sat_clauses(p); i++) {
        bool any = false;
        for (size_t j = 0; j < 3; j++) {
            const int literal = assay_sat_literal(p, i, j);
            any = any || (literal > 0 ? value[literal - 1] : !value[-literal - 1]);
        }
        if (!any)
            return false;
    }
    return true;
}

/* Solutions among all 2^variables assignments, by the literals, while the verifier is compared. */
static size_t solutions(const assay_sat_problem *p)
{
    size_t count = 0;
    unsigned char value[16];
    for (unsigned bits = 0; bits < 1u << assay_sat_variables(p); bits++) {
        for (size_t v = 0; v < assay_sat_variables(p); v++)
            value[v] = bits >> v & 1;
        const bool wanted = satisfies(p, value);
        assert_true(assay_sat_verify(p, value) == wanted);
        count += wanted;
    }
    return count;
}

static void clauses_are_uniform(void **state)
{
    (void)state;
    enum { VARIABLES = 5, CLAUSES = 20000, TRIPLES = 10 };
    assay_rng rng = assay_rng_seed(1);
    assay_sat_problem *p;
    size_t seen[1 << VARIABLES] = {0}, negative = 0;
    ok(assay_sat_problem_new(&rng, VARIABLES, CLAUSES, &p));
    for (size_t i = 0; i < CLAUSES; i++) {
        unsigned variables = 0;
        for (size_t j = 0; j < 3; j++) {
            const int literal = assay_sat_literal(p, i, j);
            negative += literal < 0;
            variables |= 1u << (abs(literal) - 1);
        }
        seen[variables]++;
    }
    size_t triples = 0;
    for (unsigned s = 0; s < 1 << VARIABLES; s++)
        if (seen[s] > 0) { /* 2000 each, sd 42 */
            triples++;
            assert_true(fabs((double)seen[s] - CLAUSES / TRIPLES) < 200);
        }
    assert_int_equal(triples, TRIPLES); /* three distinct variables, every choice of them */
    assert_true(fabs((double)negative - 30000) < 600);
    assay_sat_problem_free(p);
}

/* Random formulas on both sides of the threshold: what is solved has a solution, and at this size
 * everything that has one is solved by some of 200 walks. */
static void solves_exactly_what_can_be_solved(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    size_t satisfiable = 0;
    for (int trial = 0; trial < 40; trial++) {
        assay_sat_problem *p;
        assay_sat_workspace *w;
        ok(assay_sat_problem_new(&rng, 10, 46, &p));
        ok(assay_sat_workspace_new(p, &w));
        const bool can = solutions(p) > 0;
        bool any = false;
        for (int s = 0; s < 200; s++) {
            bool solved;
            size_t used;
            ok(assay_sat_walk(p, &rng, 100, 0.5, w, &solved, &used));
            assert_true(solved == satisfies(p, assay_sat_assignment(w)));
            assert_true(solved ? used <= 100 : used == 100);
            any = any || solved;
        }
        assert_true(any == can);
        satisfiable += can;
        assay_sat_workspace_free(w);
        assay_sat_problem_free(p);
    }
    assert_true(satisfiable > 5 && satisfiable < 35);
}

/* All eight sign patterns over one triple: no assignment satisfies them. */
static void never_solves_a_contradiction(void **state)
{
    (void)state;
    int literals[8][3];
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 3; j++)
            literals[i][j] = i >> j & 1 ? -(j + 1) : j + 1;
    assay_sat_problem *p;
    const assay_rng rng = assay_rng_seed(3);
    unsigned char solved[500];
    double used[500];
    ok(assay_sat_problem_from(&literals[0][0], 4, 8, &p));
    assert_int_equal(solutions(p), 0);
    ok(assay_sat_sample(p, &rng, 0, 500, 50, 0.5, NULL, solved, used));
    for (int i = 0; i < 500; i++)
        assert_true(!solved[i] && used[i] == 50);
    assay_sat_problem_free(p);
}

/* Few clauses, each made true by a hidden assignment. */
static void nearly_always_solves_a_planted_easy_formula(void **state)
{
    (void)state;
    enum { VARIABLES = 100, CLAUSES = 250, SAMPLES = 200 };
    static int literals[CLAUSES][3];
    unsigned char hidden[VARIABLES], solved[SAMPLES];
    double used[SAMPLES];
    assay_rng rng = assay_rng_seed(4);
    assay_sat_problem *p;
    int successes = 0;
    for (int v = 0; v < VARIABLES; v++)
        hidden[v] = (unsigned char)assay_rng_below(&rng, 2);
    for (int i = 0; i < CLAUSES; i++) {
        size_t variable[3];
        ok(assay_rng_sample(&rng, VARIABLES, 3, variable));
        for (int j = 0; j < 3; j++) {
            const bool truth = j == 0 ? true : assay_rng_below(&rng, 2);
            literals[i][j] = (hidden[variable[j]] == truth ? 1 : -1) * ((int)variable[j] + 1);
        }
    }
    ok(assay_sat_problem_from(&literals[0][0], VARIABLES, CLAUSES, &p));
    assert_true(assay_sat_verify(p, hidden));
    ok(assay_sat_sample(p, &rng, 0, SAMPLES, 2000, 0.5, NULL, solved, used));
    for (int i = 0; i < SAMPLES; i++)
        successes += solved[i];
    assert_true(successes >= SAMPLES - 2);
    assay_sat_problem_free(p);
}

/* SKC walks choose by breaks and noise: with one unsatisfied clause and one variable of it that
 * breaks nothing, that one is flipped, whatever the noise. The formula has the solutions of x1: its
 * other clauses hold x2 and x3 where they are. */
static void takes_the_move_that_breaks_nothing(void **state)
{
    (void)state;
    static const int literals[] = {1, 2, 3, -2, 4, 5, -2, 4, -5, -2, -4, 5, -2, -4, -5, -3, 4, 5,
        -3, 4, -5, -3, -4, 5, -3, -4, -5};
    assay_sat_problem *p;
    assay_sat_workspace *w;
    assay_rng rng = assay_rng_seed(5);
    int one_flip = 0;
    ok(assay_sat_problem_from(literals, 5, 9, &p));
    ok(assay_sat_workspace_new(p, &w));
    for (int s = 0; s < 400; s++) {
        bool solved;
        size_t used;
        assay_rng peek = rng; /* the start, as a walk without flips has it */
        ok(assay_sat_walk(p, &peek, 0, 1, w, &solved, &used));
        const unsigned char *value = assay_sat_assignment(w);
        const bool only_first = !value[0] && !value[1] && !value[2];
        ok(assay_sat_walk(p, &rng, 1, 1, w, &solved, &used));
        if (only_first) {
            assert_true(solved && used == 1);
            one_flip++;
        }
    }
    assert_true(one_flip > 20);
    assay_sat_workspace_free(w);
    assay_sat_problem_free(p);
}

/* Clauses in which the variable's literal is the only true one. */
static size_t count_breaks(const assay_sat_problem *p, const unsigned char *value, size_t variable)
{
    size_t count = 0;
    for (size_t i = 0; i < assay_sat_clauses(p); i++) {
        size_t truths = 0, own = 0;
        for (size_t j = 0; j < 3; j++) {
            const int literal = assay_sat_literal(p, i, j);
            const size_t v = (size_t)abs(literal) - 1;
            const bool is_true = value[v] == (literal > 0);
            truths += is_true;
            own += is_true && v == variable;
        }
        count += truths == 1 && own == 1;
    }
    return count;
}

static void keeps_count_of_breaks(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(12);
    assay_sat_problem *p;
    assay_sat_workspace *w;
    bool solved;
    size_t used;
    ok(assay_sat_problem_new(&rng, 30, 140, &p));
    ok(assay_sat_workspace_new(p, &w));
    for (size_t flips = 0; flips < 60; flips++) {
        ok(assay_sat_walk(p, &rng, flips, 0.5, w, &solved, &used));
        for (size_t v = 0; v < 30; v++)
            assert_int_equal(assay_sat_breaks(w, v), count_breaks(p, assay_sat_assignment(w), v));
    }
    assay_sat_workspace_free(w);
    assay_sat_problem_free(p);
}

/* One clause, false at the start: each of its variables is as good, and each is taken a third of
 * the time, with noise and without. With x1 wanted false by another clause, noise takes it all the
 * same, and never without noise. */
static void ties_are_broken_at_random(void **state)
{
    (void)state;
    static const int alone[] = {1, 2, 3}, held[] = {1, 2, 3, -1, 4, 5, -2, 4, 5, -3, 4, 5};
    assay_rng rng = assay_rng_seed(13);
    for (int formula = 0; formula < 2; formula++)
        for (int noise = 0; noise < 2; noise++) {
            int flipped[3] = {0}, starts = 0;
            assay_sat_problem *p;
            assay_sat_workspace *w;
            ok(assay_sat_problem_from(formula ? held : alone, 5, formula ? 4 : 1, &p));
            ok(assay_sat_workspace_new(p, &w));
            for (int s = 0; s < 40000; s++) {
                bool solved;
                size_t used;
                assay_rng peek = rng;
                ok(assay_sat_walk(p, &peek, 0, 0, w, &solved, &used));
                const unsigned char *v = assay_sat_assignment(w);
                const bool wanted = !v[0] && !v[1] && !v[2] && !v[3] && !v[4];
                ok(assay_sat_walk(p, &rng, 1, noise, w, &solved, &used));
                starts += wanted;
                for (int j = 0; j < 3 && wanted; j++)
                    flipped[j] += v[j];
            }
            for (int j = 0; j < 3; j++) /* sd 17 */
                assert_true(abs(3 * flipped[j] - starts) < 3 * 80);
            assay_sat_workspace_free(w);
            assay_sat_problem_free(p);
        }
}

/* Without noise the variable that breaks least is taken, even where all break something. */
static void greedy_takes_the_fewest_breaks(void **state)
{
    (void)state;
    /* all false: clause 1 is unsatisfied; flipping x1 breaks 2 clauses, x2 1, x3 2 */
    static const int literals[] = {1, 2, 3, -1, 4, 5, -1, 4, 6, -2, 4, 5, -3, 4, 5, -3, 4, 6};
    assay_rng rng = assay_rng_seed(14);
    assay_sat_problem *p;
    assay_sat_workspace *w;
    int starts = 0, others = 0;
    ok(assay_sat_problem_from(literals, 6, 6, &p));
    ok(assay_sat_workspace_new(p, &w));
    for (int noise = 0; noise < 2; noise++) {
        for (int s = 0; s < 20000; s++) {
            bool solved;
            size_t used;
            assay_rng peek = rng;
            ok(assay_sat_walk(p, &peek, 0, 0, w, &solved, &used));
            const unsigned char *v = assay_sat_assignment(w);
            bool wanted = true;
            for (int j = 0; j < 6; j++)
                wanted = wanted && !v[j];
            ok(assay_sat_walk(p, &rng, 1, noise, w, &solved, &used));
            starts += wanted && noise == 0;
            if (wanted && noise == 0)
                assert_true(!v[0] && v[1] && !v[2]);
            others += wanted && noise == 1 && !v[1];
        }
    }
    assert_true(starts > 200 && others > 100);
    assay_sat_workspace_free(w);
    assay_sat_problem_free(p);
}

static void samples_do_not_depend_on_order(void **state)
{
    (void)state;
    enum { SAMPLES = 64 };
    assay_rng rng = assay_rng_seed(6);
    const assay_rng stream = assay_rng_seed(7), other = assay_rng_seed(8);
    assay_sat_problem *p;
    unsigned char all[SAMPLES], part[SAMPLES], different[SAMPLES];
    double all_used[SAMPLES], part_used[SAMPLES], different_used[SAMPLES];
    ok(assay_sat_problem_new(&rng, 50, 190, &p));
    ok(assay_sat_sample(p, &stream, 0, SAMPLES, 300, 0.5, NULL, all, all_used));
    for (int first = SAMPLES - 16; first >= 0; first -= 16) /* backwards, in parts */
        ok(assay_sat_sample(
            p, &stream, (uint64_t)first, 16, 300, 0.5, NULL, part + first, part_used + first));
    assert_memory_equal(part, all, sizeof all);
    assert_memory_equal(part_used, all_used, sizeof all_used);
    ok(assay_sat_sample(p, &other, 0, SAMPLES, 300, 0.5, NULL, different, different_used));
    assert_memory_not_equal(different_used, all_used, sizeof all_used);
    assay_sat_problem_free(p);
}

static int stop_soon(void *context, double done, double total)
{
    int *calls = context;
    assert_true(done >= 0 && done <= total);
    return ++*calls == 3;
}

/* A walk that would go on for hours, one start that costs much: either is stopped in between. */
static void long_walks_are_stopped(void **state)
{
    (void)state;
    static const int contradiction[] = {
        1, 2, 3, -1, 2, 3, 1, -2, 3, 1, 2, -3, -1, -2, 3, -1, 2, -3, 1, -2, -3, -1, -2, -3};
    assay_rng rng = assay_rng_seed(15);
    assay_sat_problem *p;
    unsigned char solved[4];
    double used[4];
    int calls = 0;
    const assay_progress progress = {stop_soon, &calls};
    ok(assay_sat_problem_from(contradiction, 3, 8, &p));
    assert_int_equal(assay_sat_sample(p, &rng, 0, 1, (size_t)1 << 40, 0.5, &progress, solved, used),
        ASSAY_ECANCELLED);
    assert_int_equal(calls, 3);
    assay_sat_problem_free(p);
    calls = 0;
    ok(assay_sat_problem_new(&rng, 300000, 900000, &p));
    assert_int_equal(
        assay_sat_sample(p, &rng, 0, 4, 1, 0.5, &progress, solved, used), ASSAY_ECANCELLED);
    assert_int_equal(calls, 3);
    assay_sat_problem_free(p);
}

static int stop_at_once(void *context, double done, double total)
{
    (void)context;
    return done >= 0 && total > 0;
}

static void has_its_edges(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(9);
    assay_sat_problem *p;
    assay_sat_workspace *w;
    bool solved;
    size_t used;
    unsigned char one;
    double flips;
    static const int twice[] = {1, -1, 2}, outside[] = {1, 2, 4}, zero[] = {1, 2, 0};
    refuses(assay_sat_problem_new(&rng, 2, 5, &p), "variables must be in 3..");
    refuses(assay_sat_problem_new(&rng, 5, (size_t)1 << 30, &p), "clauses must be in 0..");
    refuses(assay_sat_problem_from(twice, 3, 1, &p), "clause 1 has variable 1 twice");
    refuses(assay_sat_problem_from(outside, 3, 1, &p), "literal 4 of clause 1");
    refuses(assay_sat_problem_from(zero, 3, 1, &p), "literal 0 of clause 1");
    ok(assay_sat_problem_new(&rng, 3, 0, &p)); /* nothing to satisfy */
    ok(assay_sat_workspace_new(p, &w));
    ok(assay_sat_walk(p, &rng, 10, 0, w, &solved, &used));
    assert_true(solved && used == 0);
    refuses(assay_sat_walk(p, &rng, 10, 1.1, w, &solved, &used), "noise must be in 0..1, got 1.1");
    refuses(
        assay_sat_walk(p, &rng, 10, -0.1, w, &solved, &used), "noise must be in 0..1, got -0.1");
    refuses(assay_sat_walk(p, &rng, 10, NAN, w, &solved, &used), "noise must be in 0..1");
    assay_sat_workspace_free(w);
    assay_sat_problem_free(p);
    /* without flips a sample is a guess: each of 8 assignments but one solves a single clause */
    int successes = 0;
    static const int clause[] = {1, -2, 3};
    ok(assay_sat_problem_from(clause, 3, 1, &p));
    ok(assay_sat_workspace_new(p, &w));
    for (int i = 0; i < 4000; i++) {
        ok(assay_sat_walk(p, &rng, 0, 0.5, w, &solved, &used));
        assert_true(used == 0);
        successes += solved;
    }
    assert_true(abs(successes - 3500) < 90);
    const assay_progress progress = {stop_at_once, NULL};
    assert_int_equal(
        assay_sat_sample(p, &rng, 0, 1, 5, 0.5, &progress, &one, &flips), ASSAY_ECANCELLED);
    assay_sat_workspace_free(w);
    assay_sat_problem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clauses_are_uniform),
        cmocka_unit_test(solves_exactly_what_can_be_solved),
        cmocka_unit_test(never_solves_a_contradiction),
        cmocka_unit_test(nearly_always_solves_a_planted_easy_formula),
        cmocka_unit_test(takes_the_move_that_breaks_nothing),
        cmocka_unit_test(keeps_count_of_breaks),
        cmocka_unit_test(ties_are_broken_at_random),
        cmocka_unit_test(greedy_takes_the_fewest_breaks),
        cmocka_unit_test(samples_do_not_depend_on_order),
        cmocka_unit_test(long_walks_are_stopped),
        cmocka_unit_test(has_its_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
