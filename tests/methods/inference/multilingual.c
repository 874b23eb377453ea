/* Temperatures, utilities and selection against closed forms, plain definitions and plurality
 * votes. */
#include "methods/inference/multilingual.h"

#include <float.h>

#include "../check.h"

enum { MOST = 8 };

/* ---- tokens ---- */

static void softmax_has_its_limits(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    double logits[6], shifted[6], p[6], q[6], sum = 0;
    for (int i = 0; i < 6; i++) {
        logits[i] = 3 * assay_rng_normal(&rng);
        shifted[i] = logits[i] + 1000;
    }
    ok(assay_temperature_softmax(logits, 6, 0.7, p));
    ok(assay_temperature_softmax(shifted, 6, 0.7, q));
    for (int i = 0; i < 6; i++) {
        sum += p[i];
        close_to(p[i], q[i], 1e-12);
        close_to(log(p[i] / p[0]), (logits[i] - logits[0]) / 0.7, 1e-10);
    }
    close_to(sum, 1, 1e-15);
    ok(assay_temperature_softmax(logits, 6, 1e7, p));
    for (int i = 0; i < 6; i++)
        close_to(p[i], p[0], 1e-6);
    ok(assay_temperature_softmax((double[]){1, 3, 3}, 3, 0, p));
    assert_true(p[0] == 0 && p[1] == 1 && p[2] == 0); /* the first largest */
    ok(assay_temperature_softmax((double[]){1, INFINITY, INFINITY, -INFINITY}, 4, 2, p));
    assert_true(p[0] == 0 && p[1] == 0.5 && p[2] == 0.5 && p[3] == 0);
    ok(assay_temperature_softmax((double[]){1, 5, -INFINITY}, 3, INFINITY, p));
    assert_true(p[0] == 0.5 && p[1] == 0.5 && p[2] == 0);
}

static void softmax_refuses(void **state)
{
    (void)state;
    double p[2];
    refuses(assay_temperature_softmax((double[]){1, 2}, 2, -1, p),
        "temperature must be at least 0, got -1");
    refuses(assay_temperature_softmax((double[]){1, NAN}, 2, 1, p), "logits[2] must be a number");
    refuses(assay_temperature_softmax((double[]){-INFINITY, -INFINITY}, 2, 1, p),
        "must not all be -inf");
    refuses(assay_temperature_softmax(p, 0, 1, p), "at least 1 value");
}

static void min_p_keeps_nested_sets(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(2);
    for (int round = 0; round < 200; round++) {
        double p[MOST], once[MOST], twice[MOST], narrower[MOST];
        size_t kept, again, fewer, mode = 0;
        for (int i = 0; i < MOST; i++)
            p[i] = assay_rng_exponential(&rng, 1);
        for (size_t i = 1; i < MOST; i++)
            mode = p[i] > p[mode] ? i : mode;
        const double min_p = assay_rng_uniform(&rng);
        ok(assay_min_p_filter(p, MOST, min_p, once, &kept));
        ok(assay_min_p_filter(once, MOST, min_p, twice, &again));
        ok(assay_min_p_filter(p, MOST, (1 + min_p) / 2, narrower, &fewer));
        assert_int_equal(kept, again);
        for (int i = 0; i < MOST; i++) {
            close_to(once[i], twice[i], 1e-15);
            assert_int_equal(once[i] > 0, p[i] >= min_p * p[mode]);
            assert_true(narrower[i] == 0 || once[i] > 0);
        }
        ok(assay_min_p_filter(p, MOST, 1, once, &kept));
        assert_true(kept == 1 && once[mode] == 1); /* greedy */
        ok(assay_min_p_filter(p, MOST, 0, once, &kept));
        assert_int_equal(kept, MOST);
    }
    double p[2] = {0.5, 0.5};
    size_t kept;
    refuses(assay_min_p_filter(p, 2, 1.1, p, &kept), "min_p must be in 0..1, got 1.1");
    refuses(assay_min_p_filter(p, 2, NAN, p, &kept), "min_p must be in 0..1");
    refuses(assay_min_p_filter((double[]){0, 0}, 2, 0, p, &kept), "positive, finite sum");
    refuses(assay_min_p_filter((double[]){1, -1}, 2, 0, p, &kept), "p[2] must be at least 0");
}

static void top_p_takes_the_likeliest(void **state)
{
    (void)state;
    const double p[] = {0.1, 0.4, 0.25, 0.25};
    double out[4];
    size_t kept;
    ok(assay_top_p_filter(p, 4, 0.5, out, &kept));
    assert_int_equal(kept, 2);
    close_to(out[1], 0.4 / 0.65, 1e-15);
    close_to(out[2], 0.25 / 0.65, 1e-15); /* the first of the tie */
    ok(assay_top_p_filter(p, 4, 0.4, out, &kept));
    assert_int_equal(kept, 1);
    ok(assay_top_p_filter(p, 4, 1, out, &kept));
    assert_int_equal(kept, 4);
    refuses(assay_top_p_filter(p, 4, 0, out, &kept), "top_p must be greater than 0");
}

/* Another set than the temperature first: logits 0, -2 keep both at T = 2 with min_p .3, one at 1.
 */
static void the_order_of_min_p_matters(void **state)
{
    (void)state;
    const double logits[] = {0, -2};
    double p[2];
    ok(assay_token_probabilities(
        logits, 2, &(assay_token_opts){.temperature = 2, .min_p = 0.3}, p));
    close_to(p[1], 1 / (1 + exp(1)), 1e-15);
    ok(assay_token_probabilities(
        logits, 2, &(assay_token_opts){.temperature = 2, .min_p = 0.3, .min_p_first = true}, p));
    assert_true(p[0] == 1 && p[1] == 0);
    ok(assay_token_probabilities(
        logits, 2, &(assay_token_opts){.temperature = 1, .top_p = 0.5}, p));
    assert_true(p[0] == 1);
    ok(assay_token_probabilities((double[]){1, 1}, 2,
        &(assay_token_opts){.temperature = 1, .top_p = 0.5, .min_p_first = true}, p));
    assert_true(p[0] == 1);
}

static void draws_are_the_inverse_cdf(void **state)
{
    (void)state;
    const double p[] = {0, 1, 0, 3, 0};
    const double u[] = {0, 0.2499, 0.25, 0.9999999999999999};
    const size_t wanted[] = {1, 1, 3, 3};
    size_t index;
    for (int i = 0; i < 4; i++) {
        ok(assay_sample_index(p, 5, u[i], &index));
        assert_int_equal(index, wanted[i]);
    }
    refuses(assay_sample_index(p, 5, 1, &index), "u must be in 0..1 without 1");
    refuses(assay_sample_index(p, 1, 0.5, &index), "positive, finite sum");
}

static void plans(void **state)
{
    (void)state;
    double t[4];
    ok(assay_sampling_plan(
        &(assay_plan_opts){
            .n = 4, .strategy = ASSAY_PLAN_HEDGED_SCHEDULE, .t_min = 0.5, .t_max = 1.5},
        t));
    close_to(t[0], 0, 0);
    close_to(t[1] + t[2] + t[3], 3, 1e-15);
    close_to(t[3], 1.5, 0);
    ok(assay_sampling_plan(
        &(assay_plan_opts){.n = 1, .strategy = ASSAY_PLAN_SCHEDULE, .t_min = 0.2, .t_max = 1}, t));
    close_to(t[0], 0.2, 0);
    ok(assay_sampling_plan(
        &(assay_plan_opts){.n = 1, .strategy = ASSAY_PLAN_HEDGED_SCHEDULE, .t_max = 1}, t));
    close_to(t[0], 0, 0);
    refuses(assay_sampling_plan(&(assay_plan_opts){.n = 0}, t), "n must be at least 1");
    refuses(assay_sampling_plan(&(assay_plan_opts){.n = 2, .temperature = -1}, t),
        "temperature must be at least 0");
    refuses(assay_sampling_plan(
                &(assay_plan_opts){
                    .n = 1, .strategy = ASSAY_PLAN_MULTI, .temperatures = (double[]){NAN}},
                t),
        "each of temperatures must be at least 0");
    refuses(assay_sampling_plan(
                &(assay_plan_opts){.n = 2, .strategy = ASSAY_PLAN_SCHEDULE, .t_max = -1}, t),
        "t_max must be");
}

/* ---- utilities ---- */

static double utility(const char *a, const char *b, assay_utility u)
{
    double value;
    assay_matrix out = assay_matrix_view(&value, 1, 1);
    ok(assay_utility_matrix(&a, 1, &b, 1, u, NULL, &out));
    return value;
}

/* chrF of two texts without white space by its definition, on byte n-grams. */
static double plain_chrf(const char *a, const char *b)
{
    double precision = 0, recall = 0, orders = 0;
    const size_t na = strlen(a), nb = strlen(b);
    for (size_t o = 1; o <= 6 && o <= na && o <= nb; o++) {
        bool taken[64] = {false};
        double both = 0;
        for (size_t i = 0; i + o <= na; i++)
            for (size_t j = 0; j + o <= nb; j++)
                if (!taken[j] && memcmp(a + i, b + j, o) == 0) {
                    taken[j] = true;
                    both++;
                    break;
                }
        precision += both / (double)(na - o + 1);
        recall += both / (double)(nb - o + 1);
        orders++;
    }
    if (orders == 0)
        return na == nb;
    return precision + recall > 0 ? 5 * precision * recall / (4 * precision + recall) / orders : 0;
}

static size_t plain_distance(const char *a, const char *b)
{
    if (!*a || !*b)
        return strlen(a) + strlen(b);
    if (*a == *b)
        return plain_distance(a + 1, b + 1);
    const size_t skip = plain_distance(a + 1, b), add = plain_distance(a, b + 1);
    const size_t replace = plain_distance(a + 1, b + 1), less = skip < add ? skip : add;
    return 1 + (replace < less ? replace : less);
}

static void random_text(assay_rng *rng, size_t most, const char *letters, char *out)
{
    const size_t n = assay_rng_below(rng, most + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = letters[assay_rng_below(rng, strlen(letters))];
    out[n] = '\0';
}

static void utilities_are_their_definitions(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(3);
    for (int round = 0; round < 500; round++) {
        char a[32], b[32];
        random_text(&rng, 24, "abc", a);
        random_text(&rng, 24, "abc", b);
        close_to(utility(a, b, ASSAY_UTILITY_CHRF), plain_chrf(a, b), 1e-12);
        a[6] = b[6] = '\0';
        const size_t la = strlen(a), lb = strlen(b), longer = la > lb ? la : lb;
        close_to(utility(a, b, ASSAY_UTILITY_EDIT),
            longer ? 1 - (double)plain_distance(a, b) / (double)longer : 1, 1e-15);
        for (int u = 0; u < 4; u++) {
            close_to(utility(a, a, (assay_utility)u), 1, 1e-15);
            if (u != ASSAY_UTILITY_CHRF)
                close_to(utility(a, b, (assay_utility)u), utility(b, a, (assay_utility)u), 1e-15);
        }
    }
}

/* A matrix is its pairs, whatever else stands in it. */
static void a_matrix_is_its_pairs(void **state)
{
    (void)state;
    const char *const hyp[] = {"la maison bleue", "la la maison", "", " ", "das Haus"};
    const char *const ref[] = {"la maison", "das blaue Haus", "  ", "maison la la"};
    double values[20];
    assay_matrix out = assay_matrix_view(values, 5, 4);
    for (int u = 0; u < 4; u++) {
        ok(assay_utility_matrix(hyp, 5, ref, 4, (assay_utility)u, NULL, &out));
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < 4; j++)
                close_to(
                    *assay_matrix_at(&out, i, j), utility(hyp[i], ref[j], (assay_utility)u), 0);
    }
    close_to(utility("la la maison", "maison la la", ASSAY_UTILITY_TOKEN_F1), 1, 0); /* a bag */
    close_to(utility("la la maison", "la maison", ASSAY_UTILITY_TOKEN_F1), 0.8, 1e-15);
    close_to(utility(" ", "", ASSAY_UTILITY_CHRF), 1, 0);
    close_to(utility(" ", "", ASSAY_UTILITY_EDIT), 0, 0);
    assay_matrix small = assay_matrix_view(values, 1, 1);
    refuses(assay_utility_matrix(hyp, 5, ref, 4, ASSAY_UTILITY_EXACT, NULL, &small),
        "out must be 5 x 4");
}

/* Code points: one letter of four differs, though it has two, three or four bytes. */
static void characters_are_code_points(void **state)
{
    (void)state;
    static const char *const letters[] = {
        "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xff", "\xc3", "\xed\xa0\x80"};
    for (size_t i = 0; i < 3; i++) {
        char a[16];
        snprintf(a, sizeof a, "ab%sd", letters[i]);
        close_to(utility("abcd", a, ASSAY_UTILITY_EDIT), 0.75, 1e-15);
        close_to(utility("abcd", a, ASSAY_UTILITY_CHRF), (3.0 / 4 + 1.0 / 3) / 4, 1e-15);
    }
    close_to(utility(letters[3], letters[4], ASSAY_UTILITY_EDIT), 0, 0); /* not UTF-8: bytes */
    close_to(utility("\xc0\xaf", "/", ASSAY_UTILITY_EDIT), 0, 0); /* an overlong form is two */
    close_to(
        utility(letters[5], "\xed", ASSAY_UTILITY_EDIT), 1.0 / 3, 1e-15); /* a surrogate is three */
    close_to(utility("a\xe3\x80\x80"
                     "b",
                 "ab", ASSAY_UTILITY_CHRF),
        1, 1e-15); /* ideographic space */
    close_to(utility("a\xc2\xa0"
                     "b",
                 "b a", ASSAY_UTILITY_TOKEN_F1),
        1, 1e-15);
}

static int stop(void *context, double done, double total)
{
    (void)context;
    (void)total;
    return done == 2;
}

static void a_matrix_can_be_stopped(void **state)
{
    (void)state;
    const char *const texts[] = {"a", "b", "c"};
    double values[9];
    assay_matrix out = assay_matrix_view(values, 3, 3);
    assert_int_equal(assay_utility_matrix(texts, 3, texts, 3, ASSAY_UTILITY_CHRF,
                         &(assay_progress){stop, NULL}, &out),
        ASSAY_ECANCELLED);
}

/* ---- selection ---- */

static void exact_mbr_is_the_plurality(void **state)
{
    (void)state;
    static const char *const names[] = {"7", "9", "12", "x"};
    assay_rng rng = assay_rng_seed(4);
    for (int round = 0; round < 1000; round++) {
        const size_t n = 1 + assay_rng_below(&rng, MOST);
        const char *answer[MOST];
        size_t class[MOST], votes[4] = {0}, best = 0, index;
        double values[MOST * MOST], scores[MOST];
        for (size_t i = 0; i < n; i++) {
            class[i] = assay_rng_below(&rng, 4);
            answer[i] = names[class[i]];
            votes[class[i]]++;
        }
        for (size_t i = 1; i < n; i++)
            if (votes[class[i]] > votes[class[best]])
                best = i;
        assay_matrix u = assay_matrix_view(values, n, n);
        ok(assay_utility_matrix(answer, n, answer, n, ASSAY_UTILITY_EXACT, NULL, &u));
        ok(assay_mbr(&u, NULL, 0, true, scores, &index));
        assert_int_equal(index, best);
        close_to(scores[index], (double)votes[class[best]] / (double)n, 1e-15);
    }
}

static void draw_utilities(assay_rng *rng, assay_matrix *u, bool ones)
{
    for (size_t i = 0; i < u->rows; i++)
        for (size_t j = 0; j < u->cols; j++)
            *assay_matrix_at(u, i, j) = ones && i == j ? 1 : assay_rng_uniform(rng);
}

static void cross_evidence_has_its_limits(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(5);
    for (int round = 0; round < 300; round++) {
        const size_t n = 2 + assay_rng_below(&rng, MOST - 1), m = 1 + assay_rng_below(&rng, 4);
        double own[MOST * MOST], other[MOST * 4], scores[MOST], plain[MOST], mean[MOST] = {0};
        size_t index, plain_index, best;
        assay_matrix u = assay_matrix_view(own, n, n), x = assay_matrix_view(other, n, m);
        draw_utilities(&rng, &u, true);
        draw_utilities(&rng, &x, false);
        ok(assay_mbr(&u, NULL, 7, true, plain, &plain_index));
        ok(assay_mbr(&u, &x, 0, true, scores, &index));
        assert_int_equal(index, plain_index);
        for (size_t i = 0; i < n; i++) {
            close_to(scores[i], plain[i], 1e-15);
            for (size_t j = 0; j < m; j++)
                mean[i] += *assay_matrix_at(&x, i, j) / (double)m;
        }
        ok(assay_select_best(mean, n, &best));
        ok(assay_mbr(&u, &x, 1e9, true, scores, &index));
        assert_int_equal(index, best);
        close_to(scores[index], mean[best], 1e-7);
        ok(assay_mbr(&u, NULL, 0, false, scores, &index)); /* u(y, y) = 1 for all */
        assert_int_equal(index, plain_index);
        for (size_t i = 0; i < n; i++)
            *assay_matrix_at(&u, i, i) = (double)NAN;
        ok(assay_mbr(&u, NULL, 0, false, scores, &index)); /* a judge's: not looked at */
        assert_int_equal(index, plain_index);
        refuses(assay_mbr(&u, NULL, 0, true, scores, &index), "u[1][1] must be finite, got nan");
    }
}

static void selection_refuses(void **state)
{
    (void)state;
    double cells[6] = {1, 1, 1, 1, 1, 1}, scores[3];
    size_t index;
    assay_matrix one = assay_matrix_view(cells, 1, 1), wide = assay_matrix_view(cells, 2, 3),
                 none = {0};
    refuses(assay_mbr(&one, NULL, 0, false, scores, &index), "there must be evidence");
    ok(assay_mbr(&one, &one, 1, false, scores, &index));
    refuses(assay_mbr(&one, &one, 0, false, scores, &index), "there must be evidence");
    refuses(assay_mbr(&wide, NULL, 0, false, scores, &index), "u must be square");
    ok(assay_mbr(&wide, &none, 1, true, scores, &index));
    refuses(assay_mbr(&none, NULL, 0, true, scores, &index), "at least 1 candidate");
    refuses(assay_mbr(&wide, &one, 1, true, scores, &index), "u_cross must have 2 rows");
    refuses(assay_mbr(&wide, &wide, -1, true, scores, &index), "cross_weight must be at least 0");
    cells[4] = INFINITY;
    refuses(assay_mbr(&wide, NULL, 0, true, scores, &index), "u[2][2] must be finite, got inf");
    refuses(assay_mbr(&one, &(assay_matrix){1, 2, 2, cells + 3}, 1, true, scores, &index),
        "u_cross[1][2]");
    refuses(assay_select_best(cells, 0, &index), "at least 1 reward");
    refuses(assay_select_best((double[]){1, NAN}, 2, &index), "rewards[2] must be a number");
    ok(assay_select_best((double[]){-INFINITY, 2, INFINITY}, 3, &index));
    assert_int_equal(index, 2);
}

static void checklists_are_weighted_means(void **state)
{
    (void)state;
    double cells[] = {1, 0, 1, 0, 1, 1}, scores[2];
    const double weights[] = {2, 1, 0};
    assay_matrix checks = assay_matrix_view(cells, 2, 3), none = {0};
    size_t index;
    ok(assay_checklist_select(&checks, weights, scores, &index));
    close_to(scores[0], 2.0 / 3, 1e-15);
    close_to(scores[1], 1.0 / 3, 1e-15);
    assert_int_equal(index, 0);
    ok(assay_checklist_select(&checks, NULL, scores, &index));
    close_to(scores[1], 2.0 / 3, 1e-15);
    assert_int_equal(index, 0); /* equal scores */
    refuses(
        assay_checklist_select(&checks, (double[]){0, 0, 0}, scores, &index), "must not sum to 0");
    refuses(assay_checklist_select(&checks, (double[]){1, -1, 1}, scores, &index),
        "weights[2] must be");
    refuses(
        assay_checklist_select(&none, NULL, scores, &index), "at least 1 candidate and 1 check");
    cells[5] = 2;
    refuses(assay_checklist_select(&checks, NULL, scores, &index),
        "checks[2][3] must be in 0..1, got 2");
}

/* ---- curves ---- */

/* Every k-subset's choice, ties with equal chance, against all 720 permutations. */
static void mbr_curves_are_means_over_subsets(void **state)
{
    (void)state;
    enum { N = 6, ORDERS_OF_N = 720 };
    assay_rng rng = assay_rng_seed(6);
    static size_t perm[ORDERS_OF_N * N];
    size_t count = 0;
    for (size_t code = 0; code < 46656 && count < ORDERS_OF_N; code++) { /* 6^6 */
        size_t seen = 0, rest = code;
        for (size_t i = 0; i < N; i++, rest /= N) {
            perm[count * N + i] = rest % N;
            seen |= (size_t)1 << rest % N;
        }
        count += seen == 63;
    }
    assert_int_equal(count, ORDERS_OF_N);
    for (int round = 0; round < 40; round++) {
        double own[N * N], other[N * 2], quality[N], mean[N], wanted[N + 1] = {0},
                                                                         subsets[N + 1] = {0};
        assay_matrix u = assay_matrix_view(own, N, N), x = assay_matrix_view(other, N, 2);
        const bool self = round % 2, cross = round % 3 == 0;
        for (size_t i = 0; i < N * N; i++)
            own[i] = (double)assay_rng_below(&rng, 3) / 2; /* ties are common */
        for (size_t i = 0; i < N * 2; i++)
            other[i] = (double)assay_rng_below(&rng, 3) / 2;
        for (size_t i = 0; i < N; i++)
            quality[i] = assay_rng_uniform(&rng);
        for (unsigned bits = 1; bits < 64; bits++) {
            double best = -1, sum = 0, tied = 0, k = 0;
            for (size_t i = 0; i < N; i++)
                if (bits >> i & 1) {
                    double score = 0;
                    k++;
                    for (size_t j = 0; j < N; j++)
                        if (bits >> j & 1 && (self || i != j))
                            score += own[i * N + j];
                    if (cross)
                        score += 0.5 * (other[2 * i] + other[2 * i + 1]);
                    if (score > best)
                        best = score, sum = tied = 0;
                    if (score == best)
                        sum += quality[i], tied++;
                }
            wanted[(size_t)k] += sum / tied;
            subsets[(size_t)k]++;
        }
        ok(assay_mbr_curve(
            &u, cross ? &x : NULL, 0.5, self, quality, perm, ORDERS_OF_N, NULL, mean));
        for (size_t k = 1; k <= N; k++)
            close_to(mean[k - 1], wanted[k] / subsets[k], 1e-12);
    }
}

static void mbr_curves_refuse_and_stop(void **state)
{
    (void)state;
    double cells[] = {1, 0, 0, 1}, quality[] = {1, 0}, mean[2];
    assay_matrix u = assay_matrix_view(cells, 2, 2), wide = assay_matrix_view(cells, 1, 2);
    assay_rng rng = assay_rng_seed(7);
    const size_t perm[] = {0, 2};
    ok(assay_mbr_curve_draw(&u, NULL, 0, true, quality, 1000, &rng, NULL, mean));
    close_to(mean[0], 0.5, 0);   /* each is first as often */
    close_to(mean[1], 0.5, 0.1); /* a tie: the first of the permutation */
    refuses(assay_mbr_curve_draw(&u, NULL, 0, true, quality, 0, &rng, NULL, mean),
        "at least 1 permutation");
    refuses(assay_mbr_curve(&u, NULL, 0, true, quality, perm, 1, NULL, mean),
        "permutation 1 must hold");
    refuses(
        assay_mbr_curve(&wide, NULL, 0, true, quality, perm, 1, NULL, mean), "u must be square");
    refuses(assay_mbr_curve(&u, &wide, 1, true, quality, perm, 1, NULL, mean),
        "u_cross must have 2 rows");
    refuses(
        assay_mbr_curve(&u, NULL, NAN, true, quality, perm, 1, NULL, mean), "cross_weight must be");
    refuses(assay_mbr_curve(&u, NULL, 0, true, (double[]){1, NAN}, perm, 1, NULL, mean),
        "quality[2] must be");
    cells[1] = (double)NAN;
    refuses(assay_mbr_curve(&u, NULL, 0, false, quality, perm, 1, NULL, mean),
        "u[1][2] must be finite");
    cells[1] = 0;
    assert_int_equal(assay_mbr_curve_draw(
                         &u, NULL, 0, true, quality, 9, &rng, &(assay_progress){stop, NULL}, mean),
        ASSAY_ECANCELLED);
}

/* ---- pools and comparisons ---- */

/* With the greedy answer in the pool hope is not negative and risk not positive. */
static void hedged_pools_bracket_greedy(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(8);
    double cells[40 * 5], greedy[40];
    assay_matrix q = assay_matrix_view(cells, 40, 5), none = {0};
    assay_hope_risk_result r;
    for (size_t i = 0; i < 40; i++) {
        for (size_t j = 0; j < 5; j++)
            *assay_matrix_at(&q, i, j) = assay_rng_uniform(&rng);
        greedy[i] = *assay_matrix_at(&q, i, 0);
    }
    ok(assay_hope_risk(&q, greedy, &r));
    assert_true(r.hope > 0 && r.risk < 0 && r.mean_gain > r.risk && r.mean_gain < r.hope);
    double zeros[40] = {0};
    ok(assay_hope_risk(&q, zeros, &r));
    assert_true(isnan(r.hope_percent) && isnan(r.risk_percent));
    refuses(assay_hope_risk(&none, greedy, &r), "at least 1 prompt and 1 sample");
    greedy[2] = (double)NAN;
    refuses(assay_hope_risk(&q, greedy, &r), "greedy[3] must be finite");
    greedy[2] = 0;
    cells[6] = INFINITY;
    refuses(assay_hope_risk(&q, greedy, &r), "quality[2][2] must be finite");
}

static void win_rates(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(9);
    assay_win_rate_result r;
    for (int round = 0; round < 200; round++) {
        ok(assay_win_rate((double)assay_rng_below(&rng, 5), (double)assay_rng_below(&rng, 5),
            1 + (double)assay_rng_below(&rng, 5), &r));
        assert_true(0 <= r.low && r.low <= r.win_rate && r.win_rate <= r.high && r.high <= 1);
    }
    refuses(assay_win_rate(0, 0, 0, &r), "at least 1 comparison, got 0");
    refuses(assay_win_rate(1, -1, 3, &r), "must be at least 0 and finite");
    /* against itself: whatever the judge's place bias, first + second = 1 */
    double first[50], second[50];
    assay_swapped_result s;
    for (int i = 0; i < 50; i++) {
        first[i] = (double)assay_rng_below(&rng, 3) / 2;
        second[i] = 1 - first[i];
    }
    ok(assay_win_rate_swapped(first, second, 50, &s));
    close_to(s.ties, 50, 0);
    ok(assay_win_rate(s.wins, s.ties, s.losses, &r));
    close_to(r.win_rate, 0.5, 0);
    ok(assay_win_rate_swapped((double[]){1, 1}, (double[]){0, 0}, 2, &s));
    assert_true(s.position_bias == 1 && s.consistent == 0 && s.ties == 2);
    refuses(assay_win_rate_swapped(first, second, 0, &s), "at least 1 prompt");
    refuses(assay_win_rate_swapped((double[]){1, 2}, second, 2, &s),
        "scores of prompt 2 must be in 0..1");
}

/* ---- CHOPS ---- */

/* Every index comes back under every order of up to 6 candidates. */
static void choices_survive_every_order(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 6; n++) {
        size_t orders = 1, met = 0;
        for (size_t i = 0; i < n; i++)
            orders *= n;
        for (size_t code = 0; code < orders; code++) {
            uint32_t order[6];
            size_t rest = code, seen = 0;
            for (size_t i = 0; i < n; i++, rest /= n) {
                order[i] = (uint32_t)(rest % n);
                seen |= (size_t)1 << order[i];
            }
            if (seen != ((size_t)1 << n) - 1)
                continue;
            met++;
            for (size_t place = 0; place < n; place++) {
                char reply[64];
                size_t index;
                bool parsed;
                snprintf(reply, sizeof reply, "[[1]] then [[ %zu ]]", place + 1);
                ok(assay_chops_parse(reply, n, order, 0, &index, &parsed));
                assert_true(parsed && index == order[place]);
            }
        }
        assert_int_equal(met, (size_t)tgamma((double)n + 1));
    }
}

static void replies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t index;
        bool parsed;
    } cases[] = {{"[[2]] ... [[3", 1, true}, {"[[0]]", 3, false}, {"[[-1]]", 3, false},
        {"[[99999999999999999999999]]", 3, false}, {"[[[2]]]", 1, true},
        {"[[2]] {\"choice\": 3}", 1, true}, {"{\"choice\": 1} {\"choice\": 3}", 2, true},
        {"{\"choice\": \"2\"}", 3, false}, {"so {\"checks\": {\"a\": 1}, \"choice\": 2}.", 1, true},
        {"{\"choice\": 2", 3, false}, {"[ [2] ]", 3, false}, {"{\"choice\": 9}", 3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t index;
        bool parsed;
        ok(assay_chops_parse(cases[i].text, 4, NULL, 3, &index, &parsed));
        if (index != cases[i].index || parsed != cases[i].parsed)
            fail_msg("\"%s\" is %zu, %d", cases[i].text, index, parsed);
    }
    size_t index;
    bool parsed;
    refuses(assay_chops_parse("", 4, NULL, 4, &index, &parsed), "fallback must be in 1..4, got 5");
    refuses(assay_chops_parse("", 0, NULL, 0, &index, &parsed), "1..10^6 candidates");
    refuses(assay_chops_parse("", 2, (uint32_t[]){0, 0}, 0, &index, &parsed),
        "each of 1..2 once, got 1 at place 2");
}

static void messages_show_the_order(void **state)
{
    (void)state;
    const char *const candidates[] = {"eins", "zwei"};
    char *message;
    ok(assay_chops_prompt("Zaehle!", candidates, 2, (uint32_t[]){1, 0}, 8, &message));
    assert_non_null(strstr(message, "Task:\nZaehle!\n"));
    assert_non_null(strstr(message, "[1]\nzwei\n\n[2]\neins\n"));
    assert_non_null(strstr(message, "at most 8 points"));
    assert_non_null(strstr(message, "end with [[number]]"));
    free(message);
    refuses(
        assay_chops_prompt("", candidates, 2, (uint32_t[]){1, 2}, 8, &message), "got 3 at place 2");
    refuses(
        assay_chops_prompt("", candidates, 2, NULL, 0, &message), "max_points must be at least 1");
    assert_null(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_has_its_limits),
        cmocka_unit_test(softmax_refuses),
        cmocka_unit_test(min_p_keeps_nested_sets),
        cmocka_unit_test(top_p_takes_the_likeliest),
        cmocka_unit_test(the_order_of_min_p_matters),
        cmocka_unit_test(draws_are_the_inverse_cdf),
        cmocka_unit_test(plans),
        cmocka_unit_test(utilities_are_their_definitions),
        cmocka_unit_test(a_matrix_is_its_pairs),
        cmocka_unit_test(characters_are_code_points),
        cmocka_unit_test(a_matrix_can_be_stopped),
        cmocka_unit_test(exact_mbr_is_the_plurality),
        cmocka_unit_test(cross_evidence_has_its_limits),
        cmocka_unit_test(selection_refuses),
        cmocka_unit_test(checklists_are_weighted_means),
        cmocka_unit_test(mbr_curves_are_means_over_subsets),
        cmocka_unit_test(mbr_curves_refuse_and_stop),
        cmocka_unit_test(hedged_pools_bracket_greedy),
        cmocka_unit_test(win_rates),
        cmocka_unit_test(choices_survive_every_order),
        cmocka_unit_test(replies),
        cmocka_unit_test(messages_show_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
