/*
 * Selecting one of k answers without an oracle (Sec. 4.1 and App. D of the paper in monkeys.h).
 *
 * The paper draws 100 random k-subsets for each k. Here majority vote and best-of-N are exact
 * expectations over all subsets, and where that does not go, one pass over a random permutation
 * serves every k, its first k elements being a uniform k-subset.
 *
 * The exact vote. For a largest count x, multiply over the classes j, m_j samples each,
 *
 *   sum_{i<x} C(m_j, i) z^i  +  C(m_j, x) z^x y r^[j correct]
 *
 * The coefficient of z^k y^t counts the subsets of k samples in which t classes tie at x; the
 * derivative in r at r = 1 adds up how many of them are correct, and over t that is the chance that
 * a correct one wins. One product thus serves every k and every correct class, where the textbook
 * sum over the winning class needs one each. All terms are positive and bounded by
 * C(400, 200) = 10^119, so that plain doubles hold them.
 */
#include "methods/inference/monkeys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* ---- Checks ---- */

/* Messages name the function as scripts know it. */
static const char *vote_name(const double *weight)
{
    return weight ? "weighted_vote" : "majority_vote";
}

/* So that it prints as "nan", whatever the bits. */
static double unsigned_nan(double x)
{
    return isnan(x) ? (double)NAN : x;
}

static int check_k(const char *who, const double *k, size_t nk, size_t n)
{
    for (size_t j = 0; j < nk; j++) {
        if (!(k[j] >= 1 && k[j] <= (double)n && k[j] == floor(k[j])))
            return assay_fail(ASSAY_EINVAL,
                "%s: k = %.17g (number %zu) must be a whole number in 1..%zu (the samples)", who,
                k[j], j + 1, n);
        if (j > 0 && k[j] < k[j - 1])
            return assay_fail(
                ASSAY_EINVAL, "%s: k must be ascending, got %.0f after %.0f", who, k[j], k[j - 1]);
    }
    return ASSAY_OK;
}

static int check_votes(
    const char *who, const size_t *answer, const double *weight, size_t n, size_t classes)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "%s: there must be at least 1 answer, got 0", who);
    for (size_t i = 0; i < n; i++) {
        if (answer[i] >= classes)
            return assay_fail(ASSAY_EINVAL,
                "%s: answer %zu is class %zu, but class_correct has %zu classes", who, i + 1,
                answer[i] + 1, classes);
        if (weight && !(weight[i] >= 0 && isfinite(weight[i])))
            return assay_fail(ASSAY_EINVAL,
                "%s: weight %g of answer %zu must be finite and at least 0", who,
                unsigned_nan(weight[i]), i + 1);
    }
    return ASSAY_OK;
}

/* ---- Majority vote, exactly ---- */

/* C(n, k) / C(n, k-1) times the value before: fill row[0..limit] with C(n, i). */
static void binomials(size_t n, size_t limit, double *row)
{
    row[0] = 1;
    for (size_t i = 1; i <= limit; i++)
        row[i] = i <= n ? row[i - 1] * (double)(n - i + 1) / (double)i : 0;
}

/* Polynomials in z (degree <= top) for t = 0.. classes tied at the largest count: `all` counts the
 * subsets, `right` adds up their correct tied classes. Row t starts at t * (top + 1). */
typedef struct tally {
    double *all, *right;
    size_t top;           /* largest degree kept: the largest k */
    size_t degree, tied;  /* largest ones present */
    const double *choose; /* of the class at hand: C(m, i) */
} tally;

/* Multiply row t by the class's terms below x and, for a class that reaches x, add what row t-1
 * sends up through its x-th term. In place: from high to low degree, and rows from high to low. */
static void multiply_row(tally *p, size_t t, size_t x, size_t last_low, bool reaches, bool correct)
{
    const size_t width = p->top + 1;
    const double *below_all = p->all, *below_right = p->right;
    double *all = p->all + t * width, *right = p->right + t * width;
    if (t > 0) {
        below_all = all - width;
        below_right = right - width;
    }
    for (size_t d = p->degree + 1; d-- > 0;) {
        const size_t last = last_low < d ? last_low : d;
        double sum_all = 0, sum_right = 0;
        for (size_t i = 0; i <= last; i++) {
            sum_all += p->choose[i] * all[d - i];
            sum_right += p->choose[i] * right[d - i];
        }
        if (reaches && t > 0 && d >= x) {
            const double tied = p->choose[x] * below_all[d - x];
            sum_all += tied;
            sum_right += p->choose[x] * below_right[d - x] + (correct ? tied : 0);
        }
        all[d] = sum_all;
        right[d] = sum_right;
    }
}

/* Multiply by the polynomial of a class of m samples for the largest count x. */
static void multiply_class(tally *p, size_t m, size_t x, bool correct)
{
    const bool reaches = m >= x;
    const size_t most = reaches ? x : m;
    p->degree = p->degree + most < p->top ? p->degree + most : p->top;
    p->tied += reaches;
    for (size_t t = p->tied + 1; t-- > 0;)
        multiply_row(p, t, x, reaches ? x - 1 : m, reaches, correct);
}

/* Add to wins[d] the subsets of d samples, largest count x, in which a correct class wins. */
static void add_wins(tally *p, const size_t *count, const unsigned char *correct, size_t classes,
    size_t x, const double *choose, double *wins)
{
    const size_t width = p->top + 1;
    size_t rows = 1;
    for (size_t j = 0; j < classes; j++)
        rows += count[j] >= x;
    memset(p->all, 0, rows * width * sizeof *p->all);
    memset(p->right, 0, rows * width * sizeof *p->right);
    p->all[0] = 1;
    p->degree = p->tied = 0;
    for (size_t j = 0; j < classes; j++) {
        p->choose = choose + j * width;
        if (count[j] > 0)
            multiply_class(p, count[j], x, correct[j]);
    }
    for (size_t t = 1; t <= p->tied; t++)
        for (size_t d = x; d <= p->top; d++)
            wins[d] += p->right[t * width + d] / (double)t;
}

static int check_classes(const double *count, const unsigned char *correct, size_t classes,
    size_t *n, size_t *largest_correct)
{
    double total = 0, largest = 0;
    for (size_t j = 0; j < classes; j++) {
        if (!(count[j] >= 0 && count[j] == floor(count[j]) && isfinite(count[j])))
            return assay_fail(ASSAY_EINVAL,
                "majority_vote: count %g of class %zu must be a whole number of at least 0",
                count[j], j + 1);
        total += count[j];
        if (correct[j])
            largest = fmax(largest, count[j]);
    }
    if (total < 1)
        return assay_fail(ASSAY_EINVAL, "majority_vote: there must be at least 1 answer, got 0");
    if (total > ASSAY_MAJORITY_EXACT_MAX)
        return assay_fail(ASSAY_EINVAL,
            "majority_vote: the exact expectation takes at most %d answers, got %.0f; use the "
            "method \"permutation\"",
            (int)ASSAY_MAJORITY_EXACT_MAX, total);
    *n = (size_t)total;
    *largest_correct = (size_t)largest;
    return ASSAY_OK;
}

int assay_majority_exact(const double *count, const unsigned char *correct, size_t classes,
    const double *k, size_t nk, double *acc)
{
    size_t n = 0, largest = 0;
    int status = check_classes(count, correct, classes, &n, &largest);
    if (status == ASSAY_OK)
        status = check_k("majority_vote", k, nk, n);
    if (status != ASSAY_OK || nk == 0)
        return status;
    const size_t top = (size_t)k[nk - 1], width = top + 1;
    size_t used = 0; /* at most n classes have samples */
    for (size_t j = 0; j < classes; j++)
        used += count[j] > 0;
    double *memory = calloc((2 * (used + 1) + used + 2) * width, sizeof *memory);
    size_t *samples = calloc(used, sizeof *samples);
    unsigned char *right = calloc(used, 1);
    if (!memory || !samples || !right) {
        status = assay_fail(ASSAY_ENOMEM, "majority_vote: no memory for %zu classes", used);
        goto cleanup;
    }
    tally p = {.all = memory, .right = memory + (used + 1) * width, .top = top};
    double *choose = memory + 2 * (used + 1) * width, *wins = choose + used * width;
    double *subsets = wins + width;
    for (size_t j = 0, u = 0; j < classes; j++) {
        if (count[j] == 0)
            continue;
        samples[u] = (size_t)count[j];
        right[u] = correct[j] != 0;
        binomials(samples[u], top, choose + u * width);
        u++;
    }
    for (size_t x = 1; x <= largest && x <= top; x++)
        add_wins(&p, samples, right, used, x, choose, wins);
    binomials(n, top, subsets);
    for (size_t j = 0; j < nk; j++)
        acc[j] = wins[(size_t)k[j]] / subsets[(size_t)k[j]];
cleanup:
    free(memory);
    free(samples);
    free(right);
    return status;
}

/* ---- A vote as it grows ---- */

/* Sums per class and the classes that lead. A class is touched or leads only if its mark is the
 * present round's, so that a new vote starts without clearing. */
typedef struct vote {
    double *sum;
    size_t *touched, *leads; /* marks */
    size_t round, lead;
    double largest;
    size_t leaders, correct_leaders;
} vote;

static const double tie = 1e-12; /* sums in another order differ by roundings */

static int vote_alloc(const char *who, size_t classes, vote *v)
{
    *v = (vote){0};
    v->sum = calloc(classes, sizeof *v->sum);
    v->touched = calloc(classes, sizeof *v->touched);
    v->leads = calloc(classes, sizeof *v->leads);
    if (v->sum && v->touched && v->leads)
        return ASSAY_OK;
    return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu classes", who, classes);
}

static void vote_free(vote *v)
{
    free(v->sum);
    free(v->touched);
    free(v->leads);
}

static void vote_start(vote *v)
{
    v->round++;
    v->leaders = v->correct_leaders = 0;
    v->largest = -1;
}

static void vote_add(vote *v, size_t class, double weight, bool correct)
{
    if (v->touched[class] != v->round) {
        v->touched[class] = v->round;
        v->sum[class] = 0;
    }
    v->sum[class] += weight;
    const double sum = v->sum[class];
    if (sum > v->largest + tie * sum) {
        v->lead++; /* all former leaders lose their mark */
        v->leaders = v->correct_leaders = 0;
    } else if (sum < v->largest * (1 - tie) || v->leads[class] == v->lead) {
        return;
    }
    v->largest = fmax(v->largest, sum);
    v->leads[class] = v->lead;
    v->leaders++;
    v->correct_leaders += correct;
}

static double vote_success(const vote *v)
{
    return (double)v->correct_leaders / (double)v->leaders;
}

/* ---- Permutations ---- */

/* Running means and squared deviations over permutations. */
typedef struct spread {
    double *mean, *squares;
    size_t seen;
} spread;

static void spread_add(spread *s, size_t at, double value)
{
    const double delta = value - s->mean[at];
    s->mean[at] += delta / (double)s->seen;
    s->squares[at] += delta * (value - s->mean[at]);
}

static void spread_finish(const spread *s, size_t n, double *sd)
{
    for (size_t i = 0; sd && i < n; i++)
        sd[i] = s->seen > 1 ? sqrt(s->squares[i] / (double)(s->seen - 1)) : (double)NAN;
}

static void follow_permutation(vote *v, const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, const size_t *order, spread *s)
{
    vote_start(v);
    s->seen++;
    for (size_t i = 0; i < n; i++) {
        const size_t class = answer[order[i]];
        vote_add(v, class, weight ? weight[order[i]] : 1, class_correct[class]);
        spread_add(s, i, vote_success(v));
    }
}

static int check_permutation(
    const char *who, const size_t *order, size_t n, size_t number, size_t *mark)
{
    for (size_t i = 0; i < n; i++) {
        if (order[i] >= n || mark[order[i]] == number)
            return assay_fail(ASSAY_EINVAL,
                "%s: permutation %zu is not a permutation of 1..%zu: see its element %zu", who,
                number, n, i + 1);
        mark[order[i]] = number;
    }
    return ASSAY_OK;
}

/* The permutations given in perm, or drawn from rng. */
static int vote_over_permutations(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const size_t *perm, size_t nperm,
    assay_rng *rng, double *acc, double *sd)
{
    const char *who = vote_name(weight);
    int status = check_votes(who, answer, weight, n, classes);
    if (status == ASSAY_OK && nperm < 1)
        status = assay_fail(ASSAY_EINVAL, "%s: there must be at least 1 permutation, got 0", who);
    if (status != ASSAY_OK)
        return status;
    vote v;
    double *squares = calloc(n, sizeof *squares);
    size_t *order = calloc(n, sizeof *order);
    status = vote_alloc(who, classes, &v);
    if (!squares || !order)
        status = assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu answers", who, n);
    memset(acc, 0, n * sizeof *acc);
    spread s = {acc, squares, 0};
    for (size_t r = 0; r < nperm && status == ASSAY_OK; r++) {
        if (perm)
            status = check_permutation(who, perm + r * n, n, r + 1, order);
        else
            assay_rng_permutation(rng, n, order);
        if (status == ASSAY_OK)
            follow_permutation(
                &v, answer, weight, n, class_correct, perm ? perm + r * n : order, &s);
    }
    if (status == ASSAY_OK)
        spread_finish(&s, n, sd);
    vote_free(&v);
    free(squares);
    free(order);
    return status;
}

int assay_vote_permutation(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const size_t *perm, size_t nperm,
    double *acc, double *sd)
{
    return vote_over_permutations(
        answer, weight, n, class_correct, classes, perm, nperm, NULL, acc, sd);
}

int assay_vote_permutation_draw(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, size_t nperm, assay_rng *rng, double *acc,
    double *sd)
{
    return vote_over_permutations(
        answer, weight, n, class_correct, classes, NULL, nperm, rng, acc, sd);
}

/* ---- Subsets ---- */

static double subset_success(vote *v, const size_t *answer, const double *weight,
    const unsigned char *class_correct, const size_t *subset, size_t k)
{
    vote_start(v);
    for (size_t i = 0; i < k; i++) {
        const size_t class = answer[subset[i]];
        vote_add(v, class, weight ? weight[subset[i]] : 1, class_correct[class]);
    }
    return vote_success(v);
}

int assay_vote_subsets(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const size_t *subset, size_t k,
    size_t count, double *success)
{
    const char *who = vote_name(weight);
    int status = check_votes(who, answer, weight, n, classes);
    if (status == ASSAY_OK && (k < 1 || k > n))
        status = assay_fail(ASSAY_EINVAL, "%s: k must be in 1..%zu, got %zu", who, n, k);
    if (status != ASSAY_OK)
        return status;
    vote v;
    status = vote_alloc(who, classes, &v);
    for (size_t r = 0; r < count && status == ASSAY_OK; r++) {
        const size_t *one = subset + r * k;
        for (size_t i = 0; i < k && status == ASSAY_OK; i++)
            if (one[i] >= n)
                status = assay_fail(ASSAY_EINVAL,
                    "%s: subset %zu has sample %zu, but there are %zu", who, r + 1, one[i] + 1, n);
        if (status == ASSAY_OK)
            success[r] = subset_success(&v, answer, weight, class_correct, one, k);
    }
    vote_free(&v);
    return status;
}

int assay_vote_subsets_draw(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const double *k, size_t nk, size_t draws,
    assay_rng *rng, double *acc, double *sd)
{
    const char *who = vote_name(weight);
    int status = check_votes(who, answer, weight, n, classes);
    if (status == ASSAY_OK)
        status = check_k(who, k, nk, n);
    if (status == ASSAY_OK && draws < 1)
        status = assay_fail(ASSAY_EINVAL, "%s: draws must be at least 1, got 0", who);
    if (status != ASSAY_OK)
        return status;
    vote v;
    size_t *subset = calloc(n, sizeof *subset);
    status = vote_alloc(who, classes, &v);
    if (!subset)
        status = assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu answers", who, n);
    for (size_t j = 0; j < nk && status == ASSAY_OK; j++) {
        const size_t size = (size_t)k[j];
        double mean = 0, squares = 0;
        spread s = {&mean, &squares, 0};
        for (size_t r = 0; r < draws && status == ASSAY_OK; r++) {
            status = assay_rng_sample(rng, n, size, subset);
            s.seen++;
            if (status == ASSAY_OK)
                spread_add(&s, 0, subset_success(&v, answer, weight, class_correct, subset, size));
        }
        acc[j] = mean;
        spread_finish(&s, 1, sd ? sd + j : NULL);
    }
    vote_free(&v);
    free(subset);
    return status;
}

/* The next k-subset of 0..n-1 in lexicographic order; false after the last. */
static bool next_subset(size_t *subset, size_t k, size_t n)
{
    size_t i = k;
    while (i > 0 && subset[i - 1] == n - k + i - 1)
        i--;
    if (i == 0)
        return false;
    subset[i - 1]++;
    for (; i < k; i++)
        subset[i] = subset[i - 1] + 1;
    return true;
}

static double number_of_subsets(size_t n, size_t k)
{
    double count = 1;
    for (size_t i = 0; i < k && i < n - k && count <= 1e18; i++)
        count = count * (double)(n - i) / (double)(i + 1);
    return round(count);
}

int assay_vote_all_subsets(const size_t *answer, const double *weight, size_t n,
    const unsigned char *class_correct, size_t classes, const double *k, size_t nk, double *acc)
{
    static const double most = 1e6;
    const char *who = vote_name(weight);
    int status = check_votes(who, answer, weight, n, classes);
    if (status == ASSAY_OK)
        status = check_k(who, k, nk, n);
    for (size_t j = 0; j < nk && status == ASSAY_OK; j++)
        if (number_of_subsets(n, (size_t)k[j]) > most)
            status = assay_fail(ASSAY_EINVAL,
                "%s: k = %.0f of n = %zu has %.3g subsets, more than 10^6; use the "
                "method \"permutation\"",
                who, k[j], n, number_of_subsets(n, (size_t)k[j]));
    if (status != ASSAY_OK)
        return status;
    vote v;
    size_t *subset = calloc(n, sizeof *subset);
    status = vote_alloc(who, classes, &v);
    if (!subset)
        status = assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu answers", who, n);
    for (size_t j = 0; j < nk && status == ASSAY_OK; j++) {
        const size_t size = (size_t)k[j];
        double sum = 0, count = 0;
        for (size_t i = 0; i < size; i++)
            subset[i] = i;
        do {
            sum += subset_success(&v, answer, weight, class_correct, subset, size);
            count++;
        } while (next_subset(subset, size, n));
        acc[j] = sum / count;
    }
    vote_free(&v);
    free(subset);
    return status;
}

/* ---- Best of N ---- */

typedef struct rewarded {
    double reward, correctness;
} rewarded;

static int best_first(const void *a, const void *b)
{
    const double x = ((const rewarded *)a)->reward, y = ((const rewarded *)b)->reward;
    return (x < y) - (x > y);
}

/* Replace each correctness by the mean of its group of equal rewards, which makes ties disappear.
 */
static void average_ties(rewarded *r, size_t n)
{
    for (size_t first = 0, last; first < n; first = last) {
        double sum = 0;
        for (last = first; last < n && r[last].reward == r[first].reward; last++)
            sum += r[last].correctness;
        for (size_t i = first; i < last; i++)
            r[i].correctness = sum / (double)(last - first);
    }
}

/* Rank i (best is 0) is the best of k with chance [C(n-i, k) - C(n-i-1, k)] / C(n, k), that is
 * k/(n-i) of the chance C(n-i, k) / C(n, k) that no better one is among them. */
static void best_of(const rewarded *r, size_t n, size_t k, double *acc, double *value)
{
    double none_better = 1, correct = 0, reward = 0;
    for (size_t i = 0; i + k <= n && none_better > 0; i++) {
        const double chance = none_better * (double)k / (double)(n - i);
        correct += chance * r[i].correctness;
        reward += chance * r[i].reward;
        none_better *= (double)(n - i - k) / (double)(n - i);
    }
    *acc = correct;
    *value = reward;
}

int assay_best_of_n(const double *reward, const unsigned char *correct, size_t n, const double *k,
    size_t nk, double *acc, double *value)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "best_of_n: there must be at least 1 sample, got 0");
    for (size_t i = 0; i < n; i++)
        if (isnan(reward[i]) || reward[i] == INFINITY)
            return assay_fail(ASSAY_EINVAL,
                "best_of_n: reward %g of sample %zu must be a number below +inf",
                unsigned_nan(reward[i]), i + 1);
    int status = check_k("best_of_n", k, nk, n);
    if (status != ASSAY_OK)
        return status;
    rewarded *ranked = calloc(n, sizeof *ranked);
    if (!ranked)
        return assay_fail(ASSAY_ENOMEM, "best_of_n: no memory for %zu samples", n);
    for (size_t i = 0; i < n; i++)
        ranked[i] = (rewarded){reward[i], correct[i] != 0};
    qsort(ranked, n, sizeof *ranked, best_first);
    average_ties(ranked, n);
    for (size_t j = 0; j < nk; j++) {
        double mean, expected;
        best_of(ranked, n, (size_t)k[j], &mean, &expected);
        if (acc)
            acc[j] = mean;
        if (value)
            value[j] = expected;
    }
    free(ranked);
    return status;
}

/* ---- All curves of a graded log ---- */

static int coverage_row(const assay_graded *p, const double *k, size_t nk, double *row)
{
    double n = (double)p->samples, c = 0;
    for (size_t i = 0; i < p->samples; i++)
        c += p->correct[i] != 0;
    return assay_pass_at_k(&n, &c, 1, k, nk, NULL, row, NULL);
}

/* Votes at k from the curve over all prefixes of permutations. */
static int permutation_row(const assay_graded *p, const double *weight, size_t permutations,
    assay_rng rng, const double *k, size_t nk, double *row)
{
    double *prefix = calloc(p->samples, sizeof *prefix);
    if (!prefix)
        return assay_fail(ASSAY_ENOMEM, "selection_curves: no memory for %zu samples", p->samples);
    int status = assay_vote_permutation_draw(p->answer, weight, p->samples, p->class_correct,
        p->classes, permutations, &rng, prefix, NULL);
    for (size_t j = 0; j < nk && status == ASSAY_OK; j++)
        row[j] = prefix[(size_t)k[j] - 1];
    free(prefix);
    return status;
}

static int majority_row(const assay_graded *p, size_t permutations, const assay_rng *rng,
    const double *k, size_t nk, double *row)
{
    if (p->samples > ASSAY_MAJORITY_EXACT_MAX)
        return permutation_row(
            p, NULL, permutations, assay_rng_split_name(rng, "majority"), k, nk, row);
    double *count = calloc(p->classes, sizeof *count);
    if (!count)
        return assay_fail(ASSAY_ENOMEM, "selection_curves: no memory for %zu classes", p->classes);
    int status = check_votes("selection_curves", p->answer, NULL, p->samples, p->classes);
    for (size_t i = 0; i < p->samples && status == ASSAY_OK; i++)
        count[p->answer[i]]++;
    if (status == ASSAY_OK)
        status = assay_majority_exact(count, p->class_correct, p->classes, k, nk, row);
    free(count);
    return status;
}

static int problem_curves(const assay_graded *p, size_t i, const double *k, size_t nk,
    size_t permutations, const assay_rng *rng, assay_selection *out)
{
    const assay_rng own = assay_rng_split(rng, p->id);
    int status = check_k("selection_curves", k, nk, p->samples);
    if (status == ASSAY_OK && out->coverage)
        status = coverage_row(p, k, nk, assay_matrix_row(out->coverage, i));
    if (status == ASSAY_OK && out->majority)
        status = majority_row(p, permutations, &own, k, nk, assay_matrix_row(out->majority, i));
    if (status == ASSAY_OK && out->best_of_n)
        status = assay_best_of_n(
            p->reward, p->correct, p->samples, k, nk, assay_matrix_row(out->best_of_n, i), NULL);
    if (status == ASSAY_OK && out->weighted_majority)
        status = permutation_row(p, p->reward, permutations, assay_rng_split_name(&own, "weighted"),
            k, nk, assay_matrix_row(out->weighted_majority, i));
    return status;
}

int assay_selection_curves(const assay_graded *problem, size_t problems, const double *k, size_t nk,
    size_t permutations, const assay_rng *rng, const assay_progress *progress, assay_selection *out)
{
    if (problems == 0)
        return assay_fail(
            ASSAY_EINVAL, "selection_curves: there must be at least 1 problem, got 0");
    for (size_t i = 0; i < problems; i++) {
        if ((out->best_of_n || out->weighted_majority) && !problem[i].reward)
            return assay_fail(ASSAY_EINVAL, "selection_curves: problem %zu has no rewards", i + 1);
        if ((out->majority || out->weighted_majority) && !problem[i].answer)
            return assay_fail(ASSAY_EINVAL, "selection_curves: problem %zu has no answers", i + 1);
    }
    int status = ASSAY_OK;
    for (size_t i = 0; i < problems && status == ASSAY_OK; i++) {
        status = problem_curves(&problem[i], i, k, nk, permutations ? permutations : 100, rng, out);
        if (status != ASSAY_OK)
            return assay_fail(status, "problem %zu: %s", i + 1, assay_errmsg());
        status = assay_progress_report(progress, (double)(i + 1), (double)problems);
    }
    return status;
}
