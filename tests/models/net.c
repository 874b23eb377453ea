/* The tape as nets use it, in single precision: what a node alone can't show. */
#include "models/net/tape.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "core/status.h"
#include "models/net/optimiser.h"

#define ok(call) assert_int_equal((call), ASSAY_OK)

enum { ROWS = 6, IN = 5, HIDDEN = 7, OUT = 3, SIZE = HIDDEN * IN + HIDDEN + OUT * HIDDEN + OUT };

static void refuses(int status, const char *words)
{
    assert_int_equal(status, ASSAY_EINVAL);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), words);
}

static void fill(uint64_t seed, float *x, size_t n)
{
    assay_rng rng = assay_rng_seed(seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)assay_rng_normal(&rng);
}

static int matrix(assay_tape *tape, float *x, size_t rows, size_t cols, float *grad)
{
    int value;
    ok(assay_tape_leaf(tape, &(assay_tensor){x, {rows, cols}, 2}, grad, &value));
    return value;
}

static int apply(assay_tape *tape, assay_op_id op, int a, int b, int c, const assay_op_options *o)
{
    int value;
    ok(assay_tape_apply(tape, op, (const int[]){a, b, c, -1, -1}, o, &value));
    return value;
}

/* A two-layer net with dropout on rows first .. first + rows - 1 of a batch; its summed loss. */
static int mlp(assay_tape *tape, float *w, float *grad, float *x, const int32_t *labels,
    size_t first, size_t rows)
{
    assay_op_options o = ASSAY_OP_DEFAULTS;
    o.p = 0.3;
    o.labels = labels + first;
    o.n_labels = rows;
    o.sum = true;
    assay_tape_random(tape, 11, 4, first);
    const int in = matrix(tape, x + first * IN, rows, IN, NULL);
    const int w1 = matrix(tape, w, HIDDEN, IN, grad);
    size_t at = HIDDEN * IN;
    const int b1 = matrix(tape, w + at, 1, HIDDEN, grad + at);
    at += HIDDEN;
    const int w2 = matrix(tape, w + at, OUT, HIDDEN, grad + at);
    at += OUT * HIDDEN;
    const int b2 = matrix(tape, w + at, 1, OUT, grad + at);
    const int hidden = apply(tape, ASSAY_OP_LINEAR, in, w1, b1, &o);
    const int active = apply(tape, ASSAY_OP_GELU, hidden, -1, -1, &o);
    const int dropped = apply(tape, ASSAY_OP_DROPOUT, active, -1, -1, &o);
    const int logits = apply(tape, ASSAY_OP_LINEAR, dropped, w2, b2, &o);
    return apply(tape, ASSAY_OP_SOFTMAX_CE, logits, -1, -1, &o);
}

static const int32_t labels[ROWS] = {0, 2, 1, 1, 0, 2};

/* Loss and gradient of the batch in shards of `rows` rows. */
static double batch(assay_tape *tape, float *w, float *x, size_t rows, float *grad)
{
    double loss = 0;
    memset(grad, 0, SIZE * sizeof *grad);
    for (size_t first = 0; first < ROWS; first += rows) {
        assay_tape_reset(tape);
        const int value = mlp(tape, w, grad, x, labels, first, rows);
        loss += assay_tape_loss(tape, value);
        ok(assay_tape_backward(tape, value, NULL));
    }
    return loss;
}

/* Whole against shards, whose dropout must be the same; and against differences of the loss. */
static void shards_and_differences(void **state)
{
    (void)state;
    float w[SIZE], x[ROWS * IN], whole[SIZE], parts[SIZE], unused[SIZE];
    assay_tape *tape;
    fill(1, w, SIZE);
    fill(2, x, ROWS * IN);
    ok(assay_tape_new(&tape));
    const double loss = batch(tape, w, x, ROWS, whole);
    assert_true(fabs(batch(tape, w, x, 2, parts) - loss) < 1e-5 * loss);
    for (size_t i = 0; i < SIZE; i++) {
        assert_true(fabsf(parts[i] - whole[i]) < 1e-5F);
        const float kept = w[i];
        w[i] = kept + 1e-2F;
        const double above = batch(tape, w, x, ROWS, unused);
        w[i] = kept - 1e-2F;
        const double below = batch(tape, w, x, ROWS, unused);
        w[i] = kept;
        assert_true(
            fabs((above - below) / 2e-2 - (double)whole[i]) < 2e-3 * fmax(1, fabs(whole[i])));
    }
    assay_tape_free(tape);
}

static void same_bits_without_allocation(void **state)
{
    (void)state;
    float w[SIZE], x[ROWS * IN], first[SIZE], again[SIZE];
    assay_tape *tape;
    fill(1, w, SIZE);
    fill(2, x, ROWS * IN);
    ok(assay_tape_new(&tape));
    batch(tape, w, x, ROWS, first);
    batch(tape, w, x, ROWS, again);
    const size_t held = assay_tape_memory(tape);
    for (int i = 0; i < 20; i++)
        batch(tape, w, x, ROWS, again);
    assert_int_equal(assay_tape_memory(tape), held);
    assert_memory_equal(first, again, sizeof first);
    assert_true(assay_tape_flops(tape) == 2.0 * ROWS * (IN * HIDDEN + HIDDEN * OUT));
    assay_tape_free(tape);
}

/* Norms of examples of a whole net against batches of one. */
static void norms_of_examples(void **state)
{
    (void)state;
    float w[SIZE], x[ROWS * IN], grad[SIZE] = {0};
    double norm2[ROWS];
    const size_t example[ROWS] = {0, 1, 2, 3, 4, 5};
    assay_tape *tape;
    fill(3, w, SIZE);
    fill(4, x, ROWS * IN);
    ok(assay_tape_new(&tape));
    ok(assay_tape_backward(tape, mlp(tape, w, grad, x, labels, 0, ROWS), NULL));
    ok(assay_tape_norm2(tape, example, ROWS, ROWS, norm2));
    for (size_t e = 0; e < ROWS; e++) {
        double sum = 0;
        memset(grad, 0, sizeof grad);
        assay_tape_reset(tape);
        ok(assay_tape_backward(tape, mlp(tape, w, grad, x, labels, e, 1), NULL));
        for (size_t i = 0; i < SIZE; i++)
            sum += (double)grad[i] * (double)grad[i];
        assert_true(fabs(norm2[e] - sum) < 1e-4 * sum);
    }
    assay_tape_free(tape);
}

/* A value that two nodes read collects both gradients: d(x * x + x) = 2 x + 1. */
static void branches_add_up(void **state)
{
    (void)state;
    float x[2] = {3, -2}, grad[2] = {0};
    assay_tape *tape;
    ok(assay_tape_new(&tape));
    const int leaf = matrix(tape, x, 1, 2, grad);
    const int copy = apply(tape, ASSAY_OP_SCALE, leaf, -1, -1, NULL);
    const int square = apply(tape, ASSAY_OP_MUL, copy, copy, -1, NULL);
    ok(assay_tape_backward(tape, apply(tape, ASSAY_OP_ADD, square, copy, -1, NULL), NULL));
    assert_true(grad[0] == 7 && grad[1] == -3);
    assay_tape_free(tape);
}

/* A value that the same operation reads twice gets its gradient twice: the one that writes first
 * and the one that adds to it. */
static void first_and_later_gradients(void **state)
{
    (void)state;
    enum { N = 2 * 2 * 6 * 18 };
    static const struct {
        assay_op_id op;
        size_t k, stride, rows_of_w;
    } ops[] = {{ASSAY_OP_RELU, 1, 0, 0}, {ASSAY_OP_GELU, 1, 0, 0}, {ASSAY_OP_SWIGLU, 1, 0, 0},
        {ASSAY_OP_LAYERNORM, 1, 0, 0}, {ASSAY_OP_SCALE, 1, 0, 0}, {ASSAY_OP_DROPOUT, 1, 0, 0},
        {ASSAY_OP_TRANSPOSE, 1, 0, 0}, {ASSAY_OP_SLICE, 1, 0, 0}, {ASSAY_OP_MAXPOOL, 2, 0, 0},
        {ASSAY_OP_MAXPOOL, 3, 2, 0}, {ASSAY_OP_AVGPOOL, 2, 0, 0}, {ASSAY_OP_UPSAMPLE, 1, 0, 0},
        {ASSAY_OP_LINEAR, 1, 0, 3}, {ASSAY_OP_CONV2D, 3, 0, 4}, {ASSAY_OP_CONV2D, 1, 0, 4},
        {ASSAY_OP_CONV2D, 2, 2, 4}, {ASSAY_OP_CONV2D_TRANSPOSE, 3, 0, 2}};
    static float x[N], w[1 << 10], once[N], twice[N];
    fill(8, x, N);
    fill(9, w, sizeof w / sizeof *w);
    assay_tape *tape;
    ok(assay_tape_new(&tape));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        assay_op_options o = ASSAY_OP_DEFAULTS;
        o.shape[0] = 2;
        o.shape[1] = 6;
        o.shape[2] = 18;
        o.k = ops[i].k;
        o.stride = ops[i].stride;
        o.pad = ops[i].k == 3 && ops[i].rows_of_w;
        o.scale = 1.5;
        o.first = 3;
        o.count = ops[i].op == ASSAY_OP_SLICE ? 100 : 0;
        const size_t patch = (ops[i].op == ASSAY_OP_CONV2D ? 2 : 3) * o.k * o.k;
        const size_t cols = ops[i].op == ASSAY_OP_LINEAR ? N / 2 : patch;
        for (int times = 1; times <= 2; times++) {
            float *grad = times == 1 ? once : twice;
            memset(grad, 0, sizeof once);
            assay_tape_reset(tape);
            const int leaf = matrix(tape, x, 2, N / 2, grad);
            const int kernel =
                ops[i].rows_of_w ? matrix(tape, w, ops[i].rows_of_w, cols, NULL) : -1;
            const int value = apply(tape, ASSAY_OP_SCALE, leaf, -1, -1, NULL);
            int out = apply(tape, ops[i].op, value, kernel, -1, &o);
            if (times == 2)
                out = apply(tape, ASSAY_OP_ADD, out, apply(tape, ops[i].op, value, kernel, -1, &o),
                    -1, NULL);
            const int squares = apply(
                tape, ASSAY_OP_MUL, out, apply(tape, ASSAY_OP_STOP, out, -1, -1, NULL), -1, NULL);
            ok(assay_tape_backward(tape, squares, NULL));
        }
        for (size_t j = 0; j < N; j++) /* of 2 y stop(2 y) it is four times that of y stop(y) */
            if (!(fabsf(twice[j] - 4 * once[j]) <= 1e-4F * fmaxf(1, fabsf(twice[j]))))
                fail_msg("%s: gradient %zu is %g, not %g", assay_op_name(ops[i].op), j,
                    (double)twice[j], 4 * (double)once[j]);
    }
    assay_tape_free(tape);
}

/* What the result doesn't depend on has a gradient of 0. */
static void gradients_of_what_is_unused(void **state)
{
    (void)state;
    float x[2] = {3, -2}, grad[2] = {0};
    assay_tape *tape;
    ok(assay_tape_new(&tape));
    const int leaf = matrix(tape, x, 1, 2, grad);
    const int used = apply(tape, ASSAY_OP_SCALE, leaf, -1, -1, NULL);
    const int unused = apply(tape, ASSAY_OP_MUL, used, used, -1, NULL);
    const int result = apply(tape, ASSAY_OP_SCALE, used, -1, -1, NULL);
    ok(assay_tape_backward(tape, result, NULL));
    assert_true(grad[0] == 1 && grad[1] == 1);
    assert_true(assay_tape_grad(tape, unused)[0] == 0 && assay_tape_grad(tape, unused)[1] == 0);
    assay_tape_free(tape);
}

static void refusals(void **state)
{
    (void)state;
    float x[4] = {1, 2, 3, 4}, grad[4] = {0};
    double norm2[2];
    const size_t example[2] = {0, 1}, beyond[2] = {0, 2};
    int value;
    assay_tape *tape;
    ok(assay_tape_new(&tape));
    refuses(assay_tape_leaf(tape, &(assay_tensor){x, {2, 0}, 2}, NULL, &value), "dimension 2");
    refuses(
        assay_tape_leaf(tape, &(assay_tensor){NULL, {2, 2}, 2}, NULL, &value), "must have data");
    refuses(
        assay_tape_leaf(tape, &(assay_tensor){x, {1 << 20, 1 << 20}, 2}, NULL, &value), "at most");
    const int in = matrix(tape, x, 2, 2, NULL), w = matrix(tape, x, 2, 2, grad);
    refuses(assay_tape_backward(tape, in, NULL), "value of a node");
    refuses(assay_tape_apply(tape, ASSAY_OPS, (int[]){in, -1, -1, -1, -1}, NULL, &value),
        "there is no operation");
    refuses(assay_tape_apply(tape, ASSAY_OP_RELU, (int[]){9, -1, -1, -1, -1}, NULL, &value),
        "node 0 (relu): input 0 must be a value of this tape, got 9");
    refuses(assay_tape_apply(tape, ASSAY_OP_RELU, (int[]){in, in, -1, -1, -1}, NULL, &value),
        "input 1");
    const int first = apply(tape, ASSAY_OP_LINEAR, in, w, -1, NULL);
    const int second = apply(tape, ASSAY_OP_LINEAR, first, w, -1, NULL);
    ok(assay_tape_backward(tape, second, NULL));
    refuses(assay_tape_backward(tape, second, NULL), "walked back already");
    refuses(assay_tape_norm2(tape, example, 2, 2, norm2),
        "node 0 (linear): tied parameter: w is used by node 1 too");
    refuses(
        assay_tape_norm2(tape, beyond, 2, 2, norm2), "example of row 1 must be less than 2, got 2");
    assay_tape_reset(tape);
    const int table = matrix(tape, x, 2, 2, grad), data = matrix(tape, x, 2, 2, NULL);
    const int turned = apply(tape, ASSAY_OP_TRANSPOSE, table, -1, -1, NULL);
    ok(assay_tape_backward(tape, apply(tape, ASSAY_OP_LINEAR, data, turned, -1, NULL), NULL));
    refuses(assay_tape_norm2(tape, example, 2, 2, norm2), "w is made by node 0");
    assay_tape_free(tape);
    assay_tape_free(NULL);
}

/* Own exp, tanh, log1p and erf against libm's in double. */
static void exponentials(void **state)
{
    (void)state;
    for (double at = -87; at <= 88; at += 0.00137) {
        const float x = (float)at;
        const double exact = exp((double)x);
        assert_true(fabs((double)real_exp(x) - exact) <= 2 * 1.2e-7 * exact);
    }
    for (double at = -12; at <= 12; at += 0.00037) {
        const float x = (float)at;
        const double exact = tanh((double)x);
        assert_true(fabs((double)real_tanh(x) - exact) <= 4 * 1.2e-7 * fabs(exact));
    }
    for (double at = 0; at <= 1; at += 0.000037) {
        const float x = (float)at;
        const double exact = log1p((double)x);
        assert_true(fabs((double)real_log1p(x) - exact) <= 2 * 1.2e-7 * exact);
    }
    for (double at = -5; at <= 5; at += 0.00017) {
        const float x = (float)at;
        const double exact = erf((double)x);
        assert_true(fabs((double)real_erf(x) - exact) <= 4 * 1.2e-7 * fabs(exact));
    }
    assert_true(real_erf(INFINITY) == 1 && real_erf(-INFINITY) == -1 && isnan(real_erf(NAN)));
    assert_true(real_exp(-100) == 0 && real_exp(-INFINITY) == 0 && real_exp(0) == 1);
    assert_true(real_exp(INFINITY) == real_exp(88) && isfinite(real_exp(88)));
    assert_true(isnan(real_exp(NAN)) && isnan(real_tanh(NAN)));
    assert_true(real_sigmoid(-200) >= 0 && real_sigmoid(200) == 1);
}

static void clipping(void **state)
{
    (void)state;
    enum { N = 3 * 4096 + 5 };
    float *g = malloc(N * sizeof *g);
    assert_non_null(g);
    for (size_t i = 0; i < N; i++)
        g[i] = 2;
    const double norm = sqrt(4.0 * N);
    assert_true(fabs(assay_clip_norm(g, N, INFINITY) - norm) < 1e-12 * norm && g[N - 1] == 2);
    assert_true(fabs(assay_clip_norm(g, N, norm / 2) - norm) < 1e-12 * norm);
    assert_true(fabsf(g[0] - 1) < 1e-6F && fabsf(g[N - 1] - 1) < 1e-6F);
    free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_and_differences),
        cmocka_unit_test(same_bits_without_allocation),
        cmocka_unit_test(norms_of_examples),
        cmocka_unit_test(branches_add_up),
        cmocka_unit_test(first_and_later_gradients),
        cmocka_unit_test(gradients_of_what_is_unused),
        cmocka_unit_test(refusals),
        cmocka_unit_test(exponentials),
        cmocka_unit_test(clipping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
