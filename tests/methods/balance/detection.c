/* Dense detectors below Lua: terms of the cross-entropy against the C library, gradients of every
 * loss against differences, suppression and precision against the plainest code, chances of a
 * biased choice, refusals. */
#include "methods/balance/detection.h"

#include "../check.h"
#include "core/precision.h"
#include "core/rng.h"
#include "methods/balance/average_precision.h"
#include "methods/balance/internal.h"

enum { A = 24, C = 5 };

static double relative(double got, double wanted)
{
    return fabs(got - wanted) / (wanted == 0 ? 1 : fabs(wanted));
}

/* At all sizes of z, and all lengths of what is left behind whole vectors. */
static void terms_are_those_of_the_c_library(void **state)
{
    (void)state;
    enum { N = 4003 };
    double z[N], p[N], q[N], l[N], worst = 0;
    for (size_t i = 0; i < N; i++)
        z[i] = ((double)i - N / 2) * (i % 2 ? 0.5 : 0.01);
    for (size_t n = N - 8; n <= N; n++)
        assay_logistic_terms(z, n, p, q, l);
    for (size_t i = 0; i < N; i++) {
        const double e = exp(-fabs(z[i]));
        if (fabs(z[i]) > 700)
            continue;
        worst = fmax(worst, relative(p[i], z[i] > 0 ? 1 / (1 + e) : e / (1 + e)));
        worst = fmax(worst, relative(q[i], z[i] > 0 ? e / (1 + e) : 1 / (1 + e)));
        worst = fmax(worst, relative(l[i], log1p(e)));
    }
    close_to(worst, 0, 1e-15);
    close_to(l[1], 0, 0); /* z = -1000 */
    close_to(p[1], 0, 0);
    close_to(q[1], 1, 0);
}

/* ---- gradients ---- */

struct problem {
    double z[A * C], boxes[A * 4], draws[A], iou[A], weight[C];
    int target[A];
};

static struct problem problem_of(uint64_t seed)
{
    struct problem p;
    assay_rng rng = assay_rng_seed(seed);
    for (size_t i = 0; i < A * C; i++)
        p.z[i] = 2 * assay_rng_normal(&rng) - 1;
    for (size_t a = 0; a < A; a++) {
        p.target[a] = a % 4 == 1 ? (int)(a / 4 % C) + 1 : a % 9 == 8 ? -1 : 0;
        p.draws[a] = assay_rng_uniform(&rng);
        p.iou[a] = 0.5 * assay_rng_uniform(&rng);
        for (size_t k = 0; k < 4; k++)
            p.boxes[4 * a + k] = (k > 1 ? 4 : 0) + 6 * assay_rng_uniform(&rng);
    }
    for (size_t c = 0; c < C; c++)
        p.weight[c] = 0.5 + assay_rng_uniform(&rng);
    return p;
}

/* Central differences; weights of GHM and choices don't move with so small a step. */
static void check_gradient(
    assay_det_loss_kind kind, const struct problem *given, const assay_det_loss_options *o)
{
    const double h = 1e-6;
    struct problem p = *given;
    double slope[A * C], weights[A * C];
    const assay_matrix z = assay_matrix_view(p.z, A, C);
    assay_matrix grad = assay_matrix_view(slope, A, C), weight = assay_matrix_view(weights, A, C);
    assay_det_loss_result r, up, down;
    ok(assay_det_loss(kind, &z, p.target, o, NULL, &r, &grad, &weight));
    for (size_t i = 0; i < A * C; i++) {
        const double at = p.z[i];
        p.z[i] = at + h;
        ok(assay_det_loss(kind, &z, p.target, o, NULL, &up, NULL, NULL));
        p.z[i] = at - h;
        ok(assay_det_loss(kind, &z, p.target, o, NULL, &down, NULL, NULL));
        p.z[i] = at;
        close_to(slope[i], (up.loss - down.loss) / (2 * h), 1e-5 * fmax(fabs(slope[i]), 1e-3));
    }
}

static void gradients_are_differences(void **state)
{
    (void)state;
    const struct problem p = problem_of(3);
    const assay_matrix boxes = assay_matrix_view((double *)p.boxes, A, 4);
    assay_det_loss_options o = ASSAY_DET_LOSS_DEFAULTS;
    o.images = 2;
    o.draws = p.draws;
    o.size = 5;
    check_gradient(ASSAY_DET_BCE, &p, &o);
    check_gradient(ASSAY_DET_FOCAL, &p, &o);
    check_gradient(ASSAY_DET_GHM, &p, &o);
    check_gradient(ASSAY_DET_OHEM, &p, &o);
    check_gradient(ASSAY_DET_BIASED, &p, &o);
    o.class_weight = p.weight;
    o.gamma = 0.7;
    o.by_positive = true;
    o.iou = p.iou;
    o.hardest = 4;
    o.boxes = &boxes;
    check_gradient(ASSAY_DET_BCE, &p, &o);
    check_gradient(ASSAY_DET_FOCAL, &p, &o);
    check_gradient(ASSAY_DET_OHEM, &p, &o);
    check_gradient(ASSAY_DET_BIASED, &p, &o);
}

static void box_gradients_are_differences(void **state)
{
    (void)state;
    const double h = 1e-7, mu = 0.3;
    double x[12], slope[12], loss = 0, up = 0, down = 0;
    assay_rng rng = assay_rng_seed(4);
    for (size_t i = 0; i < 12; i++)
        x[i] = assay_rng_normal(&rng);
    const assay_matrix X = assay_matrix_view(x, 3, 4);
    assay_matrix grad = assay_matrix_view(slope, 3, 4);
    ok(assay_ghm_box_loss(&X, mu, 10, 0.7, NULL, &loss, &grad, NULL));
    for (size_t i = 0; i < 12; i++) {
        const double at = x[i];
        x[i] = at + h;
        ok(assay_ghm_box_loss(&X, mu, 10, 0.7, NULL, &up, NULL, NULL));
        x[i] = at - h;
        ok(assay_ghm_box_loss(&X, mu, 10, 0.7, NULL, &down, NULL, NULL));
        x[i] = at;
        close_to(slope[i], (up - down) / (2 * h), 1e-6);
        double d = 0;
        const double l = assay_smooth_l1(at, 0.4, &d);
        close_to(d,
            (assay_smooth_l1(at + h, 0.4, NULL) - assay_smooth_l1(at - h, 0.4, NULL)) / (2 * h),
            1e-6);
        assert_true(l >= 0);
    }
}

/* ---- suppression ---- */

/* Kept: no earlier kept box overlaps it too much, by the definition. */
static void suppression_is_greedy(void **state)
{
    (void)state;
    enum { N = 300 };
    double b[4 * N], score[N];
    size_t keep[N], kept = 0;
    assay_rng rng = assay_rng_seed(11);
    for (size_t i = 0; i < N; i++) {
        score[i] = (double)assay_rng_below(&rng, 40); /* ties */
        for (size_t k = 0; k < 2; k++) {
            b[4 * i + k] = 30 * assay_rng_uniform(&rng);
            b[4 * i + k + 2] = b[4 * i + k] + (i % 50 == 7 ? 0 : 12 * assay_rng_uniform(&rng));
        }
    }
    const assay_matrix boxes = assay_matrix_view(b, N, 4);
    for (double iou = 0; iou <= 1; iou += 0.125) {
        bool in[N] = {false}, settled[N] = {false};
        ok(assay_nms(&boxes, score, iou, N, keep, &kept));
        size_t count = 0;
        for (size_t turn = 0; turn < N; turn++) {
            size_t best = N;
            for (size_t i = 0; i < N; i++)
                if (!settled[i] && (best == N || score[i] > score[best]))
                    best = i;
            settled[best] = in[best] = true;
            for (size_t j = 0; j < N; j++)
                if (j != best && in[j] && assay_box_iou(b + 4 * j, b + 4 * best) > iou)
                    in[best] = false;
            if (in[best])
                assert_int_equal(keep[count++], best);
        }
        assert_int_equal(kept, count);
    }
    ok(assay_nms(&boxes, score, 0.5, 3, keep, &kept));
    assert_int_equal(kept, 3);
    score[5] = NAN;
    refuses(assay_nms(&boxes, score, 0.5, N, keep, &kept), "scores[6] must be a number");
}

/* ---- matching ---- */

static void matching_is_by_definition(void **state)
{
    (void)state;
    enum { N = 4, M = 200 };
    double b[4 * N], a[4 * M], best[M];
    const int labels[N] = {3, 1, 2, 7};
    int target[M];
    size_t object[M];
    assay_rng rng = assay_rng_seed(5);
    for (size_t i = 0; i < N + M; i++) {
        double *box = i < N ? b + 4 * i : a + 4 * (i - N);
        for (size_t k = 0; k < 2; k++) {
            box[k] = (double)assay_rng_below(&rng, 20);
            box[k + 2] = box[k] + 4 + (double)assay_rng_below(&rng, 4); /* ties */
        }
    }
    const assay_matrix boxes = assay_matrix_view(b, N, 4), anchors = assay_matrix_view(a, M, 4);
    const assay_match_options o = ASSAY_MATCH_DEFAULTS;
    ok(assay_match_anchors(&boxes, labels, &anchors, &o, target, object, best));
    double most[N] = {0};
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < M; j++)
            most[i] = fmax(most[i], assay_box_iou(b + 4 * i, a + 4 * j));
    for (size_t j = 0; j < M; j++) {
        size_t own = 0;
        bool saved = false;
        for (size_t i = 0; i < N; i++) {
            const double iou = assay_box_iou(b + 4 * i, a + 4 * j);
            own = iou > assay_box_iou(b + 4 * own, a + 4 * j) ? i : own;
            saved = saved || (iou == most[i] && iou > 0);
        }
        const double iou = assay_box_iou(b + 4 * own, a + 4 * j);
        close_to(best[j], iou, 0);
        assert_int_equal(target[j], iou >= 0.5 || saved ? labels[own] : iou < 0.4 ? 0 : -1);
        assert_true(object[j] == (target[j] > 0 ? own : SIZE_MAX));
    }
}

/* ---- chances ---- */

/* Each of 20 background anchors is chosen as often as any other: chi-square of 19 degrees, whose
 * 1e-4 point is 50.8 (choices without replacement vary less). */
static void choices_are_uniform(void **state)
{
    (void)state;
    enum { N = 24, REPEATS = 20000 };
    int target[N] = {1, 1, 2, -1};
    double draws[N], count[N] = {0}, chi2 = 0;
    unsigned char chosen[N];
    assay_rng rng = assay_rng_seed(6);
    for (size_t r = 0; r < REPEATS; r++) {
        for (size_t i = 0; i < N; i++)
            draws[i] = assay_rng_uniform(&rng);
        ok(assay_sample_anchors(target, draws, N, 8, 0.25, chosen));
        size_t positive = 0, background = 0;
        for (size_t i = 0; i < N; i++) {
            count[i] += chosen[i];
            positive += chosen[i] && target[i] > 0;
            background += chosen[i] && target[i] == 0;
        }
        assert_int_equal(positive, 2);
        assert_int_equal(background, 6);
    }
    assert_true(count[3] == 0);
    for (size_t i = 4; i < N; i++)
        chi2 += pow(count[i] - 0.3 * REPEATS, 2) / (0.3 * REPEATS);
    assert_true(chi2 < 50.8);
    for (size_t i = 0; i < 3; i++)
        close_to(count[i], REPEATS * 2 / 3.0, 4 * sqrt(REPEATS * 2 / 9.0));
}

/* As many of each bin; bins that lack some are made up for by the rest. */
static void overlaps_are_balanced(void **state)
{
    (void)state;
    enum { N = 60 };
    int target[N] = {1, 1};
    double draws[N], iou[N];
    unsigned char chosen[N];
    size_t count[3] = {0};
    assay_rng rng = assay_rng_seed(7);
    for (size_t i = 0; i < N; i++) {
        draws[i] = assay_rng_uniform(&rng);
        iou[i] = i < 44 ? 0.01 : i < 57 ? 0.2 : 0.4;
    }
    ok(assay_sample_anchors_by_iou(target, draws, iou, N, 20, 0.5, 3, 0.5, chosen));
    for (size_t i = 2; i < N; i++)
        count[i < 44 ? 0 : i < 57 ? 1 : 2] += chosen[i];
    assert_int_equal(count[2], 3);             /* all there are of 6 */
    assert_int_equal(count[0] + count[1], 15); /* 6 each, and 3 more */
    assert_true(count[0] >= 6 && count[1] >= 6 && chosen[0] && chosen[1]);
}

/* ---- precision ---- */

/* The curve's area by the definition: for each relevant item, the best precision from there on. */
static void precision_by_definition(void **state)
{
    (void)state;
    enum { N = 40, RELEVANT = 23 };
    unsigned char hit[N];
    double recall[N], precision[N], area = 0;
    for (size_t i = 0; i < N; i++)
        hit[i] = i * 7 % 5 < 2;
    assay_precision_curve(hit, N, RELEVANT, recall, precision);
    for (size_t i = 0; i < N; i++) {
        double best = 0;
        for (size_t j = i; j < N; j++) {
            size_t hits = 0;
            for (size_t k = 0; k <= j; k++)
                hits += hit[k];
            best = fmax(best, (double)hits / (double)(j + 1));
        }
        area += hit[i] ? best / RELEVANT : 0;
    }
    close_to(assay_precision_area(recall, precision, N), area, 1e-15);
    close_to(assay_precision_area(recall, precision, 0), 0, 0);
    for (size_t i = 0; i < N; i++)
        hit[i] = i < 3;
    assay_precision_curve(hit, N, 10, recall, precision);
    close_to(assay_precision_eleven(recall, precision, N), 4 / 11.0, 1e-15); /* recall 0.3 counts */
}

static void refusals(void **state)
{
    (void)state;
    double z[2] = {0, 1}, a[8] = {0, 0, 2, 2, 0, 0, 3, 3}, flat[4] = {0, 0, 0, 2}, out[8], scale;
    int target[2] = {0, 2};
    const assay_matrix Z = assay_matrix_view(z, 2, 1), anchors = assay_matrix_view(a, 2, 4),
                       degenerate = assay_matrix_view(flat, 1, 4);
    assay_matrix code = assay_matrix_view(out, 2, 4);
    assay_det_loss_options o = ASSAY_DET_LOSS_DEFAULTS;
    assay_det_loss_result r;
    assay_match_options m = ASSAY_MATCH_DEFAULTS;
    refuses(assay_optimal_bias(0, 5, 1, out, out, out), "no foreground anchor in the data set");
    refuses(assay_optimal_bias(1, 5, 0, out, out, out), "classes must be at least 1");
    refuses(assay_det_loss(ASSAY_DET_BCE, &Z, target, &o, NULL, &r, NULL, NULL),
        "target[2] must be -1, 0 or a class in 1..1, got 2");
    target[1] = 1;
    o.images = 3;
    refuses(assay_det_loss(ASSAY_DET_BCE, &Z, target, &o, NULL, &r, NULL, NULL),
        "images must divide the 2 anchors, got 3");
    o.images = 1;
    refuses(assay_det_loss(ASSAY_DET_BIASED, &Z, target, &o, NULL, &r, NULL, NULL), "draws");
    o.draws = out;
    out[0] = out[1] = 0;
    o.size = 1;
    o.fraction = 1.5;
    refuses(assay_det_loss(ASSAY_DET_BIASED, &Z, target, &o, NULL, &r, NULL, NULL),
        "fraction must be in 0..1, got 1.5");
    z[1] = NAN;
    assert_int_equal(
        assay_det_loss(ASSAY_DET_BCE, &Z, target, &o, NULL, &r, NULL, NULL), ASSAY_ENONFINITE);
    m.background = 0.6;
    refuses(assay_match_anchors(&anchors, NULL, &anchors, &m, target, NULL, NULL),
        "background must be in 0..0.5 (foreground), got 0.6");
    m.background = 0.4;
    refuses(assay_match_anchors(&degenerate, NULL, &anchors, &m, target, NULL, NULL),
        "boxes[1] must have a width and a height");
    refuses(assay_box_encode(&degenerate, &anchors, assay_box_code_weights, &code),
        "boxes must have 2 rows as anchors has, got 1");
    assert_int_equal(assay_guided_scale(NAN, 1, 1, &scale), ASSAY_ENONFINITE);
    refuses(assay_guided_scale(1, 1, 0, &scale), "multiplier must be greater than 0");
    close_to(assay_box_iou(flat, a), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_those_of_the_c_library),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(box_gradients_are_differences),
        cmocka_unit_test(suppression_is_greedy),
        cmocka_unit_test(matching_is_by_definition),
        cmocka_unit_test(choices_are_uniform),
        cmocka_unit_test(overlaps_are_balanced),
        cmocka_unit_test(precision_by_definition),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
