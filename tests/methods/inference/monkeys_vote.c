/* Votes and best-of-N against enumeration of all subsets and closed forms. */
#include "methods/inference/monkeys.h"

#include <pthread.h>

#include "../check.h"

enum { MAX = 400 };
static double upto[MAX]; /* 1, 2, .. */

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < MAX; i++)
        upto[i] = i + 1;
    return 0;
}

static unsigned ones(unsigned bits)
{
    unsigned count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* Chance that the heaviest class of the samples in `bits` is correct. */
static double winner(unsigned bits, const size_t *answer, const double *weight, size_t n,
    const unsigned char *correct, size_t classes)
{
    double sum[8] = {0}, largest = 0, tied = 0, right = 0;
    bool there[8] = {false};
    for (size_t i = 0; i < n; i++)
        if (bits >> i & 1) {
            sum[answer[i]] += weight ? weight[i] : 1;
            there[answer[i]] = true;
        }
    for (size_t j = 0; j < classes; j++)
        largest = fmax(largest, sum[j]);
    for (size_t j = 0; j < classes; j++)
        if (there[j] && sum[j] > largest - 1e-9) {
            tied++;
            right += correct[j];
        }
    return right / tied;
}

static void enumerate(const size_t *answer, const double *weight, size_t n,
    const unsigned char *correct, size_t classes, double *acc)
{
    double subsets[16] = {0};
    memset(acc, 0, n * sizeof *acc);
    for (unsigned bits = 1; bits < 1u << n; bits++) {
        const unsigned k = ones(bits);
        subsets[k - 1]++;
        acc[k - 1] += winner(bits, answer, weight, n, correct, classes);
    }
    for (size_t k = 0; k < n; k++)
        acc[k] /= subsets[k];
}

static void tally(const size_t *answer, size_t n, double *count, size_t classes)
{
    memset(count, 0, classes * sizeof *count);
    for (size_t i = 0; i < n; i++)
        count[answer[i]]++;
}

typedef struct votes {
    size_t n, classes, answer[10];
    double weight[10], count[5];
    unsigned char correct[5];
} votes;

/* Weights in eighths, so that ties are common, zero among them. */
static votes draw_votes(assay_rng *rng, size_t most)
{
    votes v = {.n = 1 + assay_rng_below(rng, most), .classes = 1 + assay_rng_below(rng, 5)};
    for (size_t j = 0; j < v.classes; j++)
        v.correct[j] = (unsigned char)assay_rng_below(rng, 2);
    for (size_t i = 0; i < v.n; i++) {
        v.answer[i] = assay_rng_below(rng, v.classes);
        v.weight[i] = (double)assay_rng_below(rng, 5) / 8;
    }
    tally(v.answer, v.n, v.count, v.classes);
    return v;
}

static void exact_majority_is_enumeration(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    for (int trial = 0; trial < 300; trial++) {
        const votes v = draw_votes(&rng, 8);
        double wanted[8], acc[8];
        enumerate(v.answer, NULL, v.n, v.correct, v.classes, wanted);
        ok(assay_majority_exact(v.count, v.correct, v.classes, upto, v.n, acc));
        for (size_t k = 0; k < v.n; k++)
            close_to(acc[k], wanted[k], 1e-13);
    }
}

static void exact_majority_has_published_values(void **state)
{
    (void)state;
    const double count[] = {4, 3, 3, 2}, k[] = {1, 2, 3, 5, 7, 9, 11};
    const double wanted[] = {0.25, 0.25, 0.245454545454545, 0.240530303030303, 0.224747474747475,
        0.206060606060606, 0.111111111111111};
    const unsigned char correct[] = {0, 1, 0, 0};
    double acc[7];
    ok(assay_majority_exact(count, correct, 4, k, 7, acc));
    for (int i = 0; i < 7; i++)
        close_to(acc[i], wanted[i], 1e-14);
}

/* log of C(n, k) */
static double lchoose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Two classes, odd k: P(X > k/2), X correct ones among k drawn without replacement. At the largest
 * n that is allowed. */
static void two_classes_are_hypergeometric(void **state)
{
    (void)state;
    const double count[] = {170, 230};
    const unsigned char correct[] = {1, 0};
    double acc[MAX];
    ok(assay_majority_exact(count, correct, 2, upto, MAX, acc));
    for (int k = 1; k <= MAX; k += 2) {
        double tail = 0;
        for (int x = (k + 1) / 2; x <= k && x <= 170; x++)
            if (k - x <= 230)
                tail += exp(lchoose(170, x) + lchoose(230, k - x) - lchoose(400, k));
        close_to(acc[k - 1], tail, 1e-10);
    }
    close_to(acc[0], 170.0 / 400, 1e-14);
    assert_true(acc[MAX - 1] == 0);
}

/* Many classes at n = 400, several of them correct, against permutations. */
static void exact_majority_holds_at_400(void **state)
{
    (void)state;
    enum { CLASSES = 40, PERMUTATIONS = 4000 };
    size_t answer[MAX];
    double count[CLASSES], acc[MAX], estimate[MAX];
    unsigned char correct[CLASSES];
    assay_rng rng = assay_rng_seed(2);
    for (int i = 0; i < MAX; i++) {
        const double u = assay_rng_uniform(&rng);
        answer[i] = (size_t)(CLASSES * u * u);
    }
    for (int j = 0; j < CLASSES; j++)
        correct[j] = j % 3 == 1;
    tally(answer, MAX, count, CLASSES);
    ok(assay_majority_exact(count, correct, CLASSES, upto, MAX, acc));
    ok(assay_vote_permutation_draw(
        answer, NULL, MAX, correct, CLASSES, PERMUTATIONS, &rng, estimate, NULL));
    for (int k = 0; k < MAX; k++)
        close_to(estimate[k], acc[k], 4.5 * sqrt(acc[k] * (1 - acc[k]) / PERMUTATIONS) + 1e-3);
}

/* Each sample its own class: any k of n ties, so that success is the share of correct classes. */
static void singletons_always_tie(void **state)
{
    (void)state;
    double count[MAX], acc[MAX];
    unsigned char correct[MAX];
    for (int i = 0; i < MAX; i++) {
        count[i] = 1;
        correct[i] = i < 100;
    }
    ok(assay_majority_exact(count, correct, MAX, upto, MAX, acc));
    for (int k = 0; k < MAX; k++)
        close_to(acc[k], 0.25, 1e-11);
}

/* All n! orders, by the counter of factorial digits. */
static size_t all_orders(size_t n, size_t *perm)
{
    size_t count = 1;
    for (size_t i = 2; i <= n; i++)
        count *= i;
    for (size_t r = 0; r < count; r++) {
        size_t *order = perm + r * n, rest = r;
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        for (size_t i = n; i > 1; i--) {
            const size_t j = rest % i, swap = order[i - 1];
            rest /= i;
            order[i - 1] = order[j];
            order[j] = swap;
        }
    }
    return count;
}

static void all_orders_give_the_exact_vote(void **state)
{
    (void)state;
    static size_t perm[720 * 6];
    assay_rng rng = assay_rng_seed(3);
    for (int trial = 0; trial < 60; trial++) {
        const votes v = draw_votes(&rng, 6);
        double wanted[6], acc[6], exact[6];
        const size_t orders = all_orders(v.n, perm);
        ok(assay_vote_permutation(
            v.answer, NULL, v.n, v.correct, v.classes, perm, orders, acc, NULL));
        ok(assay_majority_exact(v.count, v.correct, v.classes, upto, v.n, exact));
        for (size_t k = 0; k < v.n; k++)
            close_to(acc[k], exact[k], 1e-12);
        enumerate(v.answer, v.weight, v.n, v.correct, v.classes, wanted);
        ok(assay_vote_permutation(
            v.answer, v.weight, v.n, v.correct, v.classes, perm, orders, acc, NULL));
        for (size_t k = 0; k < v.n; k++)
            close_to(acc[k], wanted[k], 1e-12);
    }
}

static void all_subsets_are_enumeration(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(4);
    for (int trial = 0; trial < 100; trial++) {
        const votes v = draw_votes(&rng, 10);
        double wanted[10], acc[10];
        enumerate(v.answer, v.weight, v.n, v.correct, v.classes, wanted);
        ok(assay_vote_all_subsets(v.answer, v.weight, v.n, v.correct, v.classes, upto, v.n, acc));
        for (size_t k = 0; k < v.n; k++)
            close_to(acc[k], wanted[k], 1e-12);
        enumerate(v.answer, NULL, v.n, v.correct, v.classes, wanted);
        ok(assay_vote_all_subsets(v.answer, NULL, v.n, v.correct, v.classes, upto, v.n, acc));
        for (size_t k = 0; k < v.n; k++)
            close_to(acc[k], wanted[k], 1e-12);
    }
}

/* Sums in another order, 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1, tie. */
static void roundings_do_not_break_ties(void **state)
{
    (void)state;
    const size_t answer[] = {0, 0, 0, 1, 1, 1}, order[] = {0, 1, 2, 5, 4, 3};
    const double weight[] = {0.1, 0.2, 0.3, 0.1, 0.2, 0.3};
    const unsigned char correct[] = {1, 0};
    double acc[6];
    assert_true(0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1);
    ok(assay_vote_permutation(answer, weight, 6, correct, 2, order, 1, acc, NULL));
    close_to(acc[4], 1, 0);
    close_to(acc[5], 0.5, 0);
}

static void drawn_subsets_estimate_the_exact_vote(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    const size_t answer[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 3}, subset[] = {0, 1, 4, 4, 5, 9};
    const double count[] = {4, 3, 2, 1}, k[] = {1, 3, 3, 10};
    const unsigned char correct[] = {0, 1, 0, 1};
    double acc[4], sd[4], exact[4], each[2];
    assay_rng rng = assay_rng_seed(6);
    ok(assay_majority_exact(count, correct, 4, k, 4, exact));
    ok(assay_vote_subsets_draw(answer, NULL, 10, correct, 4, k, 4, DRAWS, &rng, acc, sd));
    for (int j = 0; j < 4; j++)
        close_to(acc[j], exact[j], 4 * sd[j] / sqrt(DRAWS) + 1e-12);
    close_to(sd[0], sqrt(0.4 * 0.6), 0.01);
    ok(assay_vote_subsets(answer, NULL, 10, correct, 4, subset, 3, 2, each));
    assert_true(each[0] == 0 && each[1] == 1);
}

/* Expectation over all subsets of best-of-N with ties, and of the largest reward. */
static void best_of_n_is_enumeration(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(7);
    for (int trial = 0; trial < 60; trial++) {
        const size_t n = 1 + assay_rng_below(&rng, 9);
        double reward[9], acc[9], value[9], subsets[9] = {0}, wanted[9] = {0}, largest[9] = {0};
        unsigned char correct[9];
        for (size_t i = 0; i < n; i++) {
            reward[i] = (double)assay_rng_below(&rng, 4) - 1.5;
            correct[i] = (unsigned char)assay_rng_below(&rng, 2);
        }
        for (unsigned bits = 1; bits < 1u << n; bits++) {
            double best = -INFINITY, tied = 0, right = 0;
            for (size_t i = 0; i < n; i++)
                if (bits >> i & 1)
                    best = fmax(best, reward[i]);
            for (size_t i = 0; i < n; i++)
                if (bits >> i & 1 && reward[i] == best) {
                    tied++;
                    right += correct[i];
                }
            subsets[ones(bits) - 1]++;
            wanted[ones(bits) - 1] += right / tied;
            largest[ones(bits) - 1] += best;
        }
        ok(assay_best_of_n(reward, correct, n, upto, n, acc, value));
        for (size_t k = 0; k < n; k++) {
            close_to(acc[k], wanted[k] / subsets[k], 1e-13);
            close_to(value[k], largest[k] / subsets[k], 1e-13);
        }
    }
}

static void best_of_n_has_its_identities(void **state)
{
    (void)state;
    enum { N = 60 };
    double oracle[N], flat[N], noise[N], acc[N], value[N], pass[N], n = N, c = 0;
    unsigned char correct[N];
    assay_rng rng = assay_rng_seed(8);
    for (int i = 0; i < N; i++) {
        correct[i] = assay_rng_below(&rng, 5) == 0;
        oracle[i] = correct[i];
        flat[i] = 3;
        noise[i] = i == 7 ? -INFINITY : assay_rng_normal(&rng);
        c += correct[i];
    }
    ok(assay_pass_at_k(&n, &c, 1, upto, N, NULL, pass, NULL));
    ok(assay_best_of_n(oracle, correct, N, upto, N, acc, NULL));
    for (int k = 0; k < N; k++)
        close_to(acc[k], pass[k], 1e-13);
    ok(assay_best_of_n(flat, correct, N, upto, N, acc, value));
    for (int k = 0; k < N; k++) {
        close_to(acc[k], pass[0], 1e-13);
        close_to(value[k], 3, 1e-13);
    }
    ok(assay_best_of_n(noise, correct, N, upto, N, acc, value));
    assert_true(value[0] == -INFINITY && isfinite(value[1])); /* one of two is always better */
    for (int k = 2; k < N; k++)
        assert_true(value[k] >= value[k - 1]);
    ok(assay_best_of_n(noise, correct, 1, upto, 1, acc, value)); /* n = 1 is pass@1 */
    close_to(acc[0], correct[0], 0);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    const size_t answer[] = {0, 1, 2}, order[] = {1, 1};
    const unsigned char correct[] = {1, 0};
    const double weight[] = {1, -0.5, 1}, two[] = {1, 2}, k[] = {1, 4}, many[] = {300, 101};
    const double nan_reward[] = {0, NAN, 1}, inf_reward[] = {0, 1, INFINITY}, half[] = {1.5, 1};
    size_t wide[30] = {0};
    const double middle = 15;
    double acc[3], sd[3];
    refuses(assay_vote_permutation(answer, NULL, 3, correct, 2, order, 1, acc, sd),
        "answer 3 is class 3, but class_correct has 2 classes");
    refuses(assay_vote_permutation(answer, weight, 2, correct, 2, order, 1, acc, sd),
        "weight -0.5 of answer 2");
    refuses(assay_vote_permutation(answer, NULL, 2, correct, 2, order, 1, acc, sd),
        "permutation 1 is not a permutation of 1..2");
    refuses(assay_vote_permutation(answer, NULL, 2, correct, 2, order, 0, acc, sd),
        "at least 1 permutation");
    refuses(assay_vote_all_subsets(answer, NULL, 2, correct, 2, k, 2, acc),
        "k = 4 (number 2) must be a whole number in 1..2");
    refuses(assay_vote_all_subsets(wide, NULL, 30, correct, 2, &middle, 1, acc), "more than 10^6");
    refuses(assay_majority_exact(many, correct, 2, two, 1, acc), "at most 400 answers, got 401");
    refuses(assay_majority_exact(half, correct, 2, two, 1, acc), "count 1.5 of class 1");
    refuses(assay_majority_exact(two, correct, 0, two, 1, acc), "at least 1 answer");
    refuses(assay_best_of_n(nan_reward, correct, 2, k, 1, acc, NULL), "reward nan of sample 2");
    refuses(assay_best_of_n(inf_reward, correct, 3, k, 1, acc, NULL), "reward inf of sample 3");
    refuses(assay_best_of_n(nan_reward, correct, 0, k, 1, acc, NULL), "at least 1 sample");
}

/* ---- a graded log, whole and divided among threads ---- */

enum { PROBLEMS = 24, SAMPLES = 450, CLASSES = 7, POINTS = 4, THREADS = 8 };

typedef struct graded_log {
    assay_graded problem[PROBLEMS];
    size_t answer[PROBLEMS][SAMPLES];
    double reward[PROBLEMS][SAMPLES];
    unsigned char correct[PROBLEMS][SAMPLES], class_correct[CLASSES];
} graded_log;

static graded_log gradeds;
static const double points[POINTS] = {1, 10, 100, 450};

static void fill_log(graded_log *g)
{
    assay_rng rng = assay_rng_seed(9);
    g->class_correct[2] = 1;
    for (size_t i = 0; i < PROBLEMS; i++) {
        for (size_t s = 0; s < SAMPLES; s++) {
            g->answer[i][s] = assay_rng_below(&rng, CLASSES);
            g->correct[i][s] = g->class_correct[g->answer[i][s]];
            g->reward[i][s] = assay_rng_uniform(&rng);
        }
        g->problem[i] = (assay_graded){.id = 1000 - i,
            .samples = SAMPLES,
            .correct = g->correct[i],
            .reward = g->reward[i],
            .answer = g->answer[i],
            .class_correct = g->class_correct,
            .classes = CLASSES};
    }
}

typedef struct part {
    size_t first, count;
    double curve[4][PROBLEMS][POINTS];
} part;

static void *compute_part(void *argument)
{
    part *p = argument;
    const assay_rng rng = assay_rng_seed(10);
    assay_matrix m[4];
    for (int i = 0; i < 4; i++)
        m[i] = assay_matrix_view(p->curve[i][p->first], p->count, POINTS);
    assay_selection out = {&m[0], &m[1], &m[2], &m[3]};
    ok(assay_selection_curves(
        gradeds.problem + p->first, p->count, points, POINTS, 0, &rng, NULL, &out));
    return NULL;
}

static void one_and_eight_threads_agree_bitwise(void **state)
{
    (void)state;
    static part whole = {.count = PROBLEMS}, parts[THREADS];
    pthread_t thread[THREADS];
    fill_log(&gradeds);
    compute_part(&whole);
    for (int t = 0; t < THREADS; t++) {
        parts[t].first = (size_t)t * PROBLEMS / THREADS;
        parts[t].count = PROBLEMS / THREADS;
        assert_int_equal(pthread_create(&thread[t], NULL, compute_part, &parts[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(thread[t], NULL);
        for (int i = 0; i < 4; i++)
            assert_memory_equal(parts[t].curve[i][parts[t].first], whole.curve[i][parts[t].first],
                sizeof whole.curve[i][0] * parts[t].count);
    }
    /* and the curves are those of the primitives */
    double pass[POINTS], best[POINTS], n = SAMPLES, c = 0;
    for (int s = 0; s < SAMPLES; s++)
        c += gradeds.correct[3][s];
    ok(assay_pass_at_k(&n, &c, 1, points, POINTS, NULL, pass, NULL));
    ok(assay_best_of_n(gradeds.reward[3], gradeds.correct[3], SAMPLES, points, POINTS, best, NULL));
    assert_memory_equal(whole.curve[0][3], pass, sizeof pass);
    assert_memory_equal(whole.curve[2][3], best, sizeof best);
    close_to(whole.curve[1][3][0], c / SAMPLES, 0.2); /* k = 1 of 100 permutations */
    close_to(whole.curve[3][3][0], c / SAMPLES, 0.2);
}

/* Up to 400 samples the majority is exact. */
static void short_logs_are_voted_exactly(void **state)
{
    (void)state;
    double count[CLASSES], exact[3], row[3];
    assay_matrix m = assay_matrix_view(row, 1, 3);
    assay_selection out = {.majority = &m};
    const assay_rng rng = assay_rng_seed(10);
    fill_log(&gradeds);
    assay_graded one = gradeds.problem[5];
    one.samples = 200;
    tally(one.answer, 200, count, CLASSES);
    ok(assay_majority_exact(count, one.class_correct, CLASSES, points, 3, exact));
    ok(assay_selection_curves(&one, 1, points, 3, 0, &rng, NULL, &out));
    assert_memory_equal(row, exact, sizeof row);
    refuses(assay_selection_curves(&one, 1, points, POINTS, 0, &rng, NULL, &out),
        "problem 1: selection_curves: k = 450 (number 4) must be a whole number in 1..200");
    one.answer = NULL;
    refuses(assay_selection_curves(&one, 1, points, 3, 0, &rng, NULL, &out),
        "problem 1 has no answers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_majority_is_enumeration),
        cmocka_unit_test(exact_majority_has_published_values),
        cmocka_unit_test(two_classes_are_hypergeometric),
        cmocka_unit_test(exact_majority_holds_at_400),
        cmocka_unit_test(singletons_always_tie),
        cmocka_unit_test(all_orders_give_the_exact_vote),
        cmocka_unit_test(all_subsets_are_enumeration),
        cmocka_unit_test(roundings_do_not_break_ties),
        cmocka_unit_test(drawn_subsets_estimate_the_exact_vote),
        cmocka_unit_test(best_of_n_is_enumeration),
        cmocka_unit_test(best_of_n_has_its_identities),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(one_and_eight_threads_agree_bitwise),
        cmocka_unit_test(short_logs_are_voted_exactly),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
