/*
 * What an architecture plugs into: the table of parameters, batches in shards, training steps. The
 * architecture here is a two-layer net with dropout, built on a tape by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/parallel.h"
#include "core/status.h"
#include "models/net/training.h"

#define ok(call)                                                                                   \
    do {                                                                                           \
        const int status_ = (call);                                                                \
        if (status_ != ASSAY_OK)                                                                   \
            fail_msg("%s", assay_errmsg());                                                        \
    } while (0)

static void refuses(int status, int wanted, const char *words)
{
    assert_int_equal(status, wanted);
    if (!strstr(assay_errmsg(), words))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), words);
}

/* ---- the pool ---- */

static int mark(void *context, size_t i)
{
    ((unsigned char *)context)[i]++;
    return i % 7 == 3 ? assay_fail(ASSAY_EINVAL, "job %zu", i) : ASSAY_OK;
}

static void pool_runs_each_once(void **state)
{
    (void)state;
    const size_t threads[] = {1, 2, 3, 7, 64};
    assay_threads *pool;
    for (size_t t = 0; t < 5; t++) {
        ok(assay_threads_new(threads[t], &pool));
        for (int again = 0; again < 50; again++) {
            unsigned char done[100] = {0}, once[100];
            memset(once, 1, sizeof once);
            refuses(assay_threads_run(pool, 100, mark, done), ASSAY_EINVAL, "job 3");
            assert_memory_equal(done, once, sizeof done);
        }
        assay_threads_free(pool);
    }
    refuses(assay_threads_new(0, &pool), ASSAY_EINVAL, "threads must be in 1..256, got 0");
    assert_null(pool);
    unsigned char done[3] = {0};
    ok(assay_threads_run(NULL, 3, mark, done));
    assert_int_equal(done[2], 1);
}

/* ---- parameters ---- */

static void table(void **state)
{
    (void)state;
    assay_params p = {0}, copy;
    size_t w, b, at;
    ok(assay_params_add(
        &p, "dense1.weight", 2, (size_t[]){3, 5}, ASSAY_PARAM_TRAINABLE | ASSAY_PARAM_DECAY, &w));
    ok(assay_params_add(&p, "dense1.bias", 1, (size_t[]){3}, ASSAY_PARAM_TRAINABLE, &b));
    assert_int_equal(p.at[w].off, 0);
    assert_int_equal(p.at[b].off, 16);
    assert_int_equal(p.length, 32);
    assert_int_equal(assay_params_size(&p), 18);
    assert_int_equal((uintptr_t)p.w % 64, 0);
    const assay_rng rng = assay_rng_seed(1);
    assay_params_set(&p, w, ASSAY_INIT_UNIFORM, 0.5, &rng);
    assay_params_set(&p, b, ASSAY_INIT_CONSTANT, 2, &rng);
    assert_true(p.w[15] == 0 && p.w[16] == 2 && p.w[18] == 2 && p.w[19] == 0);
    for (size_t i = 0; i < 15; i++)
        assert_true(fabsf(p.w[i]) <= 0.5F && p.w[i] != 0);
    const float first = p.w[0];
    /* growing keeps values; values depend on the name alone */
    for (int i = 0; i < 40; i++) {
        const char name[] = {(char)('A' + i), 0};
        ok(assay_params_add(&p, name, 1, (size_t[]){100}, 0, NULL));
    }
    assert_true(p.w[0] == first && p.w[16] == 2);
    assay_params_set(&p, w, ASSAY_INIT_UNIFORM, 0.5, &rng);
    assert_true(p.w[0] == first);
    ok(assay_params_find(&p, "dense1.bias", &at));
    assert_int_equal(at, b);
    ok(assay_params_copy(&p, &copy));
    assert_int_equal(copy.length, p.length);
    assert_memory_equal(copy.w, p.w, p.length * sizeof(float));
    assert_int_equal(assay_params_learning(&p), 18);
    assert_int_equal(assay_params_flag(&p, "dense1.*", ASSAY_PARAM_FROZEN, true), 2);
    assert_int_equal(assay_params_learning(&p), 0);
    assert_int_equal(assay_params_learning(&copy), 18);
    refuses(assay_params_find(&p, "dense2.bias", &at), ASSAY_ENOTFOUND, "dense1.weight");
    refuses(
        assay_params_add(&p, "dense1.bias", 1, (size_t[]){3}, 0, NULL), ASSAY_EINVAL, "already");
    refuses(assay_params_add(&p, "", 1, (size_t[]){3}, 0, NULL), ASSAY_EINVAL, "1..47 bytes");
    refuses(assay_params_add(&p, "x", 2, (size_t[]){3, 0}, 0, NULL), ASSAY_EINVAL, "dimension 2");
    refuses(assay_params_add(&p, "x", 2, (size_t[]){1 << 20, 1 << 20}, 0, NULL), ASSAY_EINVAL,
        "at most");
    assay_params_free(&copy);
    assay_params_free(&p);
}

static void normal_has_its_moments(void **state)
{
    (void)state;
    enum { N = 20000 };
    assay_params p = {0};
    const assay_rng rng = assay_rng_seed(5);
    double sum = 0, squares = 0;
    ok(assay_params_add(&p, "w", 1, (size_t[]){N}, 0, NULL));
    assay_params_set(&p, 0, ASSAY_INIT_NORMAL, 0.02, &rng);
    for (size_t i = 0; i < N; i++) {
        sum += (double)p.w[i];
        squares += (double)p.w[i] * (double)p.w[i];
    }
    assert_true(fabs(sum / N) < 5 * 0.02 / sqrt(N));
    assert_true(fabs(squares / N / 4e-4 - 1) < 5 * sqrt(2.0 / N));
    assay_params_free(&p);
}

/* ---- a net ---- */

enum { IN = 6, HIDDEN = 33, OUT = 4, BATCH = 90, MOST_ROWS = 40 };

struct net {
    assay_params params;
    float *x;
    int32_t *labels;
    size_t rows[BATCH], first[BATCH]; /* of each example */
    size_t total;
    int sabotage; /* an example whose shard fails, or -1 */
    bool blow_up;
};

static int build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value)
{
    const struct net *net = user;
    if (net->sabotage >= (int)shard->first && net->sabotage < (int)(shard->first + shard->count))
        return assay_fail(ASSAY_EINVAL, "sabotage in shard %zu", shard->index);
    int x = -1;
    float *rows = net->x + shard->first_row * IN;
    int status = assay_tape_leaf(tape, &(assay_tensor){rows, {shard->rows, IN}, 2}, NULL, &x);
    assay_op_options o = ASSAY_OP_DEFAULTS;
    o.p = 0.25;
    o.scale = net->blow_up ? 3e38 : 1;
    o.labels = net->labels + shard->first_row;
    o.n_labels = shard->rows;
    o.sum = true;
    const struct {
        assay_op_id op;
        int w, b;
    } layers[] = {{ASSAY_OP_LINEAR, 0, 1}, {ASSAY_OP_GELU, -1, -1}, {ASSAY_OP_DROPOUT, -1, -1},
        {ASSAY_OP_LINEAR, 2, 3}, {ASSAY_OP_SCALE, -1, -1}, {ASSAY_OP_SOFTMAX_CE, -1, -1}};
    for (size_t i = 0; i < sizeof layers / sizeof *layers && status == ASSAY_OK; i++) {
        const int in[ASSAY_NODE_INPUTS] = {x, layers[i].w < 0 ? -1 : param[layers[i].w],
            layers[i].b < 0 ? -1 : param[layers[i].b], -1, -1};
        status = assay_tape_apply(tape, layers[i].op, in, &o, &x);
    }
    *value = x;
    return status;
}

static void make(struct net *net, bool ragged)
{
    *net = (struct net){.sabotage = -1};
    const unsigned matrix = ASSAY_PARAM_TRAINABLE | ASSAY_PARAM_DECAY;
    assay_params *p = &net->params;
    ok(assay_params_add(p, "dense1.weight", 2, (size_t[]){HIDDEN, IN}, matrix, NULL));
    ok(assay_params_add(p, "dense1.bias", 1, (size_t[]){HIDDEN}, ASSAY_PARAM_TRAINABLE, NULL));
    ok(assay_params_add(p, "dense2.weight", 2, (size_t[]){OUT, HIDDEN}, matrix, NULL));
    ok(assay_params_add(p, "dense2.bias", 1, (size_t[]){OUT}, ASSAY_PARAM_TRAINABLE, NULL));
    assay_rng rng = assay_rng_seed(3);
    for (size_t i = 0; i < p->count; i++)
        assay_params_set(p, i, ASSAY_INIT_UNIFORM, 0.4, &rng);
    for (size_t e = 0; e < BATCH; e++) {
        net->first[e] = net->total;
        net->rows[e] = ragged ? 1 + assay_rng_below(&rng, MOST_ROWS) : MOST_ROWS / 2;
        net->total += net->rows[e];
    }
    net->x = malloc(net->total * IN * sizeof *net->x);
    net->labels = malloc(net->total * sizeof *net->labels);
    assert_true(net->x && net->labels);
    for (size_t i = 0; i < net->total * IN; i++)
        net->x[i] = (float)assay_rng_normal(&rng);
    for (size_t i = 0; i < net->total; i++)
        net->labels[i] = (int32_t)assay_rng_below(&rng, OUT + 1) - 1;
}

static void drop(struct net *net)
{
    assay_params_free(&net->params);
    free(net->x);
    free(net->labels);
}

static assay_batch batch_of(const struct net *net)
{
    double counted = 0;
    for (size_t i = 0; i < net->total; i++)
        counted += net->labels[i] >= 0;
    return (assay_batch){.examples = BATCH,
        .rows = net->rows,
        .scale = 1 / counted,
        .random = true,
        .seed = 9,
        .step = 1};
}

static void counts_of_shards(void **state)
{
    (void)state;
    const struct {
        size_t examples, rows, shards;
    } cases[] = {{1, 1000, 1}, {64, 1, 1}, {256, 1, 1}, {257, 1, 2}, {64, 32, 8}, {3, 10000, 3},
        {10000, 1, 16}, {64, 64, 16}};
    size_t rows[10000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t e = 0; e < cases[i].examples; e++)
            rows[e] = cases[i].rows;
        assay_batch batch = {.examples = cases[i].examples, .rows = rows};
        assert_int_equal(assay_shards_of(&batch), cases[i].shards);
        batch.whole = true;
        assert_int_equal(assay_shards_of(&batch), 1);
    }
    const assay_batch images = {.examples = 64, .positions = 28 * 28};
    assert_int_equal(assay_shards_of(&images), 16);
    const assay_batch small = {.examples = 3, .positions = 100};
    assert_int_equal(assay_shards_of(&small), 2);
}

/* Shards against one shard: dropout is the same, sums differ by rounding alone. */
static void sharded_as_whole(void **state)
{
    (void)state;
    for (int ragged = 0; ragged < 2; ragged++) {
        struct net net;
        float *parts, *whole;
        double loss, of_whole, most = 0, scale = 0;
        assay_shards *shards;
        make(&net, ragged);
        ok(assay_params_buffer(&net.params, &parts));
        ok(assay_params_buffer(&net.params, &whole));
        ok(assay_shards_new(2, &shards));
        assay_batch batch = batch_of(&net);
        assert_in_range(assay_shards_of(&batch), 6, 8);
        ok(assay_shards_loss(shards, &net.params, build, &net, &batch, &loss, parts));
        batch.whole = true;
        ok(assay_shards_loss(shards, &net.params, build, &net, &batch, &of_whole, whole));
        assert_true(fabs(loss - of_whole) < 1e-6 * loss);
        for (size_t i = 0; i < net.params.length; i++) {
            most = fmax(most, fabs((double)parts[i] - (double)whole[i]));
            scale = fmax(scale, fabs((double)whole[i]));
        }
        assert_true(scale > 0 && most < 1e-5 * scale);
        free(parts);
        free(whole);
        assay_shards_free(shards);
        drop(&net);
    }
}

/* ---- training ---- */

static assay_training_options adamw(void)
{
    assay_training_options o = {.optimiser = ASSAY_OPTIMISER_DEFAULTS, .ema = 0.9};
    o.optimiser.kind = ASSAY_ADAMW;
    o.optimiser.lr = 3e-3;
    o.optimiser.weight_decay = 0.1;
    o.optimiser.clip = 0.5;
    return o;
}

static void train(struct net *net, size_t threads, int steps, float *average)
{
    assay_training t;
    assay_shards *shards;
    const assay_training_options o = adamw();
    double loss, first = 0;
    ok(assay_shards_new(threads, &shards));
    ok(assay_training_new(&net->params, &o, &t));
    for (int i = 0; i < steps; i++) {
        const assay_batch batch = batch_of(net);
        ok(assay_training_add(&t, shards, build, net, &batch));
        ok(assay_training_step(&t, shards, &loss));
        first = i == 0 ? loss : first;
    }
    ok(assay_training_finish(&t));
    assert_true(loss < first);
    assert_int_equal(t.step, steps);
    memcpy(average, t.average, net->params.length * sizeof *average);
    assay_training_free(&t);
    assay_shards_free(shards);
}

static void same_bits_at_any_threads(void **state)
{
    (void)state;
    const size_t threads[] = {1, 2, 3, 7, 64};
    struct net first, other;
    float average[2][1024];
    make(&first, true);
    train(&first, 1, 50, average[0]);
    for (size_t i = 1; i < 5; i++) {
        make(&other, true);
        train(&other, threads[i], 50, average[1]);
        assert_memory_equal(other.params.w, first.params.w, first.params.length * sizeof(float));
        assert_memory_equal(average[1], average[0], first.params.length * sizeof(float));
        drop(&other);
    }
    drop(&first);
}

/* Two halves of a batch that count half each are the batch, but for the masks' rounding: none, as
 * rows keep their keys. */
static void accumulated_as_whole(void **state)
{
    (void)state;
    struct net whole, half;
    assay_shards *shards;
    assay_training a, b;
    const assay_training_options o = adamw();
    double loss, of_halves;
    make(&whole, false);
    make(&half, false);
    ok(assay_shards_new(1, &shards));
    ok(assay_training_new(&whole.params, &o, &a));
    ok(assay_training_new(&half.params, &o, &b));
    assay_batch batch = batch_of(&whole);
    ok(assay_training_add(&a, shards, build, &whole, &batch));
    ok(assay_training_step(&a, shards, &loss));
    float *x = half.x;
    int32_t *labels = half.labels;
    batch.examples = BATCH / 2;
    for (int i = 0; i < 2; i++) {
        half.x = x + (size_t)i * half.total / 2 * IN;
        half.labels = labels + (size_t)i * half.total / 2;
        ok(assay_training_add(&b, shards, build, &half, &batch));
    }
    ok(assay_training_step(&b, shards, &of_halves));
    assert_true(fabs(loss - of_halves) < 1e-6 * loss);
    for (size_t i = 0; i < whole.params.length; i++)
        assert_true(fabsf(a.grad[i] - b.grad[i]) < 1e-6F);
    half.x = x;
    half.labels = labels;
    assay_training_free(&a);
    assay_training_free(&b);
    assay_shards_free(shards);
    drop(&whole);
    drop(&half);
}

/* Zero gradients: w_t = w_0 (1 - lr wd)^t for what decays, and a group's own rate. */
static void decay_and_groups(void **state)
{
    (void)state;
    struct net net, start;
    assay_training t;
    assay_shards *shards;
    assay_training_options o = adamw();
    const assay_param_group groups[] = {{"dense2.*", 0.05, NAN}, {"*", NAN, 0.4}};
    o.groups = groups;
    o.n_groups = 2;
    make(&net, false);
    make(&start, false);
    for (size_t i = 0; i < net.total; i++)
        net.labels[i] = 0;
    ok(assay_shards_new(1, &shards));
    ok(assay_training_new(&net.params, &o, &t));
    assay_batch batch = batch_of(&net);
    batch.scale = 0;
    for (int i = 0; i < 20; i++) {
        ok(assay_training_add(&t, shards, build, &net, &batch));
        ok(assay_training_step(&t, shards, NULL));
    }
    const double kept[] = {pow(1 - 3e-3 * 0.4, 20), 1, pow(1 - 0.05 * 0.1, 20), 1};
    for (size_t p = 0; p < 4; p++)
        for (size_t i = 0; i < net.params.at[p].size; i++) {
            const size_t at = net.params.at[p].off + i;
            assert_true(
                fabs((double)net.params.w[at] - kept[p] * (double)start.params.w[at]) < 1e-6);
        }
    assay_training_free(&t);
    o.groups = &(assay_param_group){"head.*", 1, 0};
    o.n_groups = 1;
    refuses(assay_training_new(&net.params, &o, &t), ASSAY_EINVAL, "no parameter's name matches");
    assay_shards_free(shards);
    drop(&net);
    drop(&start);
}

static void frozen_stays(void **state)
{
    (void)state;
    struct net net, start;
    float average[1024];
    make(&net, false);
    make(&start, false);
    assert_int_equal(assay_params_flag(&net.params, "dense1.*", ASSAY_PARAM_FROZEN, true), 2);
    train(&net, 2, 5, average);
    const size_t second = net.params.at[2].off;
    assert_memory_equal(net.params.w, start.params.w, second * sizeof(float));
    assert_true(net.params.w[second] != start.params.w[second]);
    drop(&net);
    drop(&start);
}

static void divergence_is_named(void **state)
{
    (void)state;
    struct net net;
    assay_training t;
    assay_shards *shards;
    const assay_training_options o = adamw();
    make(&net, false);
    ok(assay_shards_new(2, &shards));
    ok(assay_training_new(&net.params, &o, &t));
    const assay_batch batch = batch_of(&net);
    refuses(assay_training_step(&t, shards, NULL), ASSAY_EINVAL, "at least one batch");
    ok(assay_training_add(&t, shards, build, &net, &batch));
    ok(assay_training_step(&t, shards, NULL));
    net.blow_up = true;
    ok(assay_training_add(&t, shards, build, &net, &batch));
    const float kept = net.params.w[0];
    refuses(assay_training_step(&t, shards, NULL), ASSAY_ECONVERGE,
        "at step 2 with learning rate 0.003");
    assert_true(net.params.w[0] == kept && t.step == 1);
    net.params.w[3] = NAN;
    refuses(assay_training_finish(&t), ASSAY_ECONVERGE, "\"dense1.weight\" has a weight of nan");
    net.sabotage = 50;
    refuses(assay_training_add(&t, shards, build, &net, &batch), ASSAY_EINVAL, "sabotage in shard");
    assay_training_free(&t);
    assay_shards_free(shards);
    drop(&net);
}

/* ---- examples ---- */

struct gathered {
    const assay_params *params;
    double norm2[BATCH], sum[1024], loss[BATCH];
    float *grads;
};

static int gather(void *user, size_t example, double loss, float *grad)
{
    struct gathered *all = user;
    const size_t n = all->params->length;
    all->loss[example] = loss;
    memcpy(all->grads + example * n, grad, n * sizeof *grad);
    for (size_t i = 0; i < n; i++)
        all->norm2[example] += (double)grad[i] * (double)grad[i];
    return ASSAY_OK;
}

/* Explicit gradients add up to the batch's; their norms are those of one walk back. */
static void examples_one_by_one(void **state)
{
    (void)state;
    struct net net;
    assay_shards *shards;
    double norm2[BATCH], loss, sum = 0;
    struct gathered all = {0};
    float *grad;
    make(&net, true);
    all.params = &net.params;
    for (size_t e = 0; e < BATCH; e++) /* an example of ignored rows only is no example */
        net.labels[net.first[e]] = (int32_t)(e % OUT);
    const assay_batch batch = batch_of(&net);
    all.grads = calloc(BATCH * net.params.length, sizeof *all.grads);
    assert_non_null(all.grads);
    ok(assay_params_buffer(&net.params, &grad));
    ok(assay_shards_new(3, &shards));
    ok(assay_shards_loss(shards, &net.params, build, &net, &batch, &loss, grad));
    ok(assay_shards_norm2(shards, &net.params, build, &net, &batch, norm2));
    ok(assay_shards_each(shards, &net.params, build, &net, &batch, gather, &all));
    for (size_t e = 0; e < BATCH; e++) {
        sum += all.loss[e];
        assert_true(fabs(norm2[e] - all.norm2[e]) < 1e-4 * all.norm2[e]);
        for (size_t i = 0; i < net.params.length; i++)
            all.sum[i] += (double)all.grads[e * net.params.length + i];
    }
    assert_true(fabs(sum - loss) < 1e-6 * loss);
    for (size_t i = 0; i < net.params.length; i++)
        assert_true(fabs(all.sum[i] - (double)grad[i]) < 1e-6);
    free(all.grads);
    free(grad);
    assay_shards_free(shards);
    drop(&net);
}

/* ---- hooks ---- */

static int halve(void *context, uint64_t step, const float *w, float *effective, size_t n)
{
    ++*(int *)context;
    for (size_t i = 0; i < n; i++)
        effective[i] = (float)step * w[i] / 2;
    return ASSAY_OK;
}

static int triple(void *context, uint64_t step, const float *w, float *grad, size_t n)
{
    (void)context;
    (void)step;
    (void)w;
    for (size_t i = 0; i < n; i++)
        grad[i] *= 3;
    return ASSAY_OK;
}

/* With f(w) = w / 2 and b(g) = 3 g: loss and gradient are those at the halved weight, times 3. */
static void hooks(void **state)
{
    (void)state;
    struct net net;
    assay_shards *shards;
    float *hooked, *plain;
    double loss, same, norm2[BATCH];
    int calls = 0;
    make(&net, true);
    const assay_batch batch = batch_of(&net);
    ok(assay_params_buffer(&net.params, &hooked));
    ok(assay_params_buffer(&net.params, &plain));
    ok(assay_shards_new(2, &shards));
    assay_param *w2 = &net.params.at[2];
    w2->hook = (assay_weight_hook){halve, triple, &calls};
    ok(assay_shards_loss(shards, &net.params, build, &net, &batch, &loss, hooked));
    assert_int_equal(calls, 1);
    refuses(assay_shards_norm2(shards, &net.params, build, &net, &batch, norm2), ASSAY_EINVAL,
        "\"dense2.weight\"");
    w2->hook = (assay_weight_hook){0};
    for (size_t i = 0; i < w2->size; i++)
        net.params.w[w2->off + i] /= 2;
    ok(assay_shards_loss(shards, &net.params, build, &net, &batch, &same, plain));
    assert_true(loss == same);
    for (size_t i = 0; i < net.params.length; i++) {
        const bool mapped = i >= w2->off && i < w2->off + w2->size;
        assert_true(hooked[i] == (mapped ? 3 * plain[i] : plain[i]));
    }
    free(hooked);
    free(plain);
    assay_shards_free(shards);
    drop(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_runs_each_once),
        cmocka_unit_test(table),
        cmocka_unit_test(normal_has_its_moments),
        cmocka_unit_test(counts_of_shards),
        cmocka_unit_test(sharded_as_whole),
        cmocka_unit_test(same_bits_at_any_threads),
        cmocka_unit_test(accumulated_as_whole),
        cmocka_unit_test(decay_and_groups),
        cmocka_unit_test(frozen_stays),
        cmocka_unit_test(divergence_is_named),
        cmocka_unit_test(examples_one_by_one),
        cmocka_unit_test(hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
