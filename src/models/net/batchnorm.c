/*
 * Batch-norm (Ioffe and Szegedy, arXiv:1502.03167): n = (x - mu) r with r = 1 / sqrt(var + eps),
 * y = gain n + bias, of each channel (of vectors: each column).
 *
 * On a tape with random keys, which is a training's, mu and var are those of the M numbers that the
 * channel has in all rows (var by M), so a batch must not be cut into shards. On others they are
 * the inputs mean and variance, which a training moves towards those of its batches: see
 * assay_shards_track. A channel of one number alone has no variance, and is an error in training.
 *
 * Backward, with the gradient g of y and sums over the channel:
 *     dgain = sum g n,   dbias = sum g,   dx = gain r (g - dbias / M - n dgain / M),
 * the last two terms in training only.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, GAIN, BIAS, MEAN, VARIANCE };
enum { NORMALISED, RATE, BATCH }; /* saved: rows x cols, channels, 2 x channels or NULL */

struct layout {
    size_t rows, cols, channels, area;
};

static int layout_of(const assay_tape *tape, const assay_node *node, struct layout *l)
{
    size_t height = 1, width = 1;
    const assay_tensor *x = input(tape, node, X);
    *l = (struct layout){tensor_rows(x), tensor_cols(x), tensor_cols(x), 1};
    if (node->options.shape[0] == 0)
        return ASSAY_OK;
    const int status = assay_node_image(tape, node, &l->channels, &height, &width);
    l->area = height * width;
    return status;
}

static int check(const assay_tape *tape, const assay_node *node, const struct layout *l)
{
    for (int slot = GAIN; slot <= VARIANCE; slot++)
        if (has_input(node, slot) && tensor_size(input(tape, node, slot)) != l->channels)
            return assay_node_mismatch(
                tape, node, X, slot, "one number a channel (or column) of x");
    if (!(node->options.eps > 0))
        return assay_node_fail(node, "eps must be greater than 0, got %g", node->options.eps);
    if (tape->random && l->rows * l->area < 2)
        return assay_node_fail(node, "a batch must have at least 2 numbers a channel in training");
    return ASSAY_OK;
}

/* sum of a channel over rows, of x or of x y */
static double channel_sum(const struct layout *l, const real *x, const real *y, size_t c)
{
    double sum = 0;
    for (size_t r = 0; r < l->rows; r++) {
        const size_t at = r * l->cols + c * l->area;
        sum += (double)(y ? row_dot(x + at, y + at, l->area) : row_sum(x + at, l->area));
    }
    return sum;
}

/* out = a x + b of a channel */
static void channel_affine(
    const struct layout *l, size_t c, const real *x, real a, real b, real *out)
{
    for (size_t r = 0; r < l->rows; r++) {
        const real *restrict from = x + r * l->cols + c * l->area;
        real *restrict to = out + r * l->cols + c * l->area;
        for (size_t i = 0; i < l->area; i++)
            to[i] = a * from[i] + b;
    }
}

/* n and r of a channel by its own numbers, whose mean and variance by M - 1 go to `batch`. */
static void normalise_batch(
    const struct layout *l, size_t c, const real *x, double eps, real *n, real *rate, real *batch)
{
    const double m = (double)(l->rows * l->area), mean = channel_sum(l, x, NULL, c) / m;
    channel_affine(l, c, x, 1, (real)-mean, n);
    const double squares = channel_sum(l, n, n, c);
    *rate = (real)(1 / sqrt(squares / m + eps));
    batch[c] = (real)mean;
    batch[l->channels + c] = (real)(squares / (m - 1));
    channel_affine(l, c, n, *rate, 0, n);
}

static int batchnorm_forward(assay_tape *tape, assay_node *node)
{
    struct layout l;
    real *y;
    int status = layout_of(tape, node, &l);
    if (status == ASSAY_OK)
        status = check(tape, node, &l);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, l.rows, l.cols, &y);
    if (status != ASSAY_OK)
        return status;
    real *n = assay_arena_alloc(&tape->arena, l.rows * l.cols, sizeof *n);
    real *rate = assay_arena_alloc(&tape->arena, l.channels, sizeof *rate);
    real *batch = assay_arena_alloc(&tape->arena, 2 * l.channels, sizeof *batch);
    if (!n || !rate || !batch)
        return ASSAY_ENOMEM;
    const real *x = input(tape, node, X)->data;
    const real *mean = has_input(node, MEAN) ? input(tape, node, MEAN)->data : NULL;
    const real *variance = has_input(node, VARIANCE) ? input(tape, node, VARIANCE)->data : NULL;
    for (size_t c = 0; c < l.channels; c++) {
        const double var = variance ? (double)variance[c] : 1, eps = node->options.eps;
        rate[c] = (real)(1 / sqrt(var + eps));
        if (tape->random)
            normalise_batch(&l, c, x, eps, n, &rate[c], batch);
        else
            channel_affine(&l, c, x, rate[c], mean ? -mean[c] * rate[c] : 0, n);
        channel_affine(&l, c, n, has_input(node, GAIN) ? input(tape, node, GAIN)->data[c] : 1,
            has_input(node, BIAS) ? input(tape, node, BIAS)->data[c] : 0, y);
    }
    node->saved[NORMALISED] = n;
    node->saved[RATE] = rate;
    node->saved[BATCH] = tape->random ? batch : NULL;
    return ASSAY_OK;
}

/* dx (+)= a (g - b - n d) of a channel */
static void put_channel_grad(const struct layout *l, size_t c, const real *g, const real *n, real a,
    real b, real d, real *dx, bool first)
{
    for (size_t r = 0; r < l->rows; r++) {
        const size_t at = r * l->cols + c * l->area;
        const real *restrict up = g + at, *restrict x = n + at;
        real *restrict to = dx + at;
        if (first)
            for (size_t i = 0; i < l->area; i++)
                to[i] = a * (up[i] - b - x[i] * d);
        else
            for (size_t i = 0; i < l->area; i++)
                to[i] += a * (up[i] - b - x[i] * d);
    }
}

/* Of the leaves whose gradients are wanted. */
struct gradients {
    real *gain, *bias, *mean, *variance;
};

/* sum = sum g, sum_n = sum g n, scale = gain r of a channel: what is given and not of the batch has
 * gradients, too, -scale sum by mean and -scale r sum_n / 2 by variance. */
static void add_gradients(const struct gradients *d, size_t c, bool given, double scale,
    double rate, double sum, double sum_n)
{
    if (d->gain)
        d->gain[c] += (real)sum_n;
    if (d->bias)
        d->bias[c] += (real)sum;
    if (d->mean && given)
        d->mean[c] -= (real)(scale * sum);
    if (d->variance && given)
        d->variance[c] -= (real)(scale * rate * sum_n / 2);
}

static int batchnorm_backward(assay_tape *tape, const assay_node *node)
{
    struct layout l;
    layout_of(tape, node, &l);
    const real *g = output_grad(tape, node), *n = node->saved[NORMALISED],
               *rate = node->saved[RATE];
    const real *gain = has_input(node, GAIN) ? input(tape, node, GAIN)->data : NULL;
    const struct gradients d = {input_grad(tape, node, GAIN), input_grad(tape, node, BIAS),
        input_grad(tape, node, MEAN), input_grad(tape, node, VARIANCE)};
    const bool given = node->saved[BATCH] == NULL;
    const double m = (double)(l.rows * l.area);
    bool first;
    real *dx = input_grad_first(tape, node, X, &first);
    for (size_t c = 0; c < l.channels; c++) {
        const double sum = channel_sum(&l, g, NULL, c), sum_n = channel_sum(&l, g, n, c);
        const real scale = (gain ? gain[c] : 1) * rate[c];
        add_gradients(&d, c, given, (double)scale, (double)rate[c], sum, sum_n);
        if (dx)
            put_channel_grad(&l, c, g, n, scale, given ? 0 : (real)(sum / m),
                given ? 0 : (real)(sum_n / m), dx, first);
    }
    return ASSAY_OK;
}

/* Outside of training, where examples don't mix. */
static int batchnorm_norm2(
    assay_tape *tape, const assay_node *node, const struct assay_examples *examples, double *norm2)
{
    struct layout l;
    layout_of(tape, node, &l);
    const real *g = output_grad(tape, node), *n = node->saved[NORMALISED];
    const bool gain = input_grad(tape, node, GAIN), bias = input_grad(tape, node, BIAS);
    for (size_t e = 0; e < examples->n; e++)
        for (size_t c = 0; c < l.channels; c++) {
            double dgain = 0, dbias = 0;
            for (size_t i = examples->start[e]; i < examples->start[e + 1]; i++) {
                const size_t at = examples->row[i] * l.cols + c * l.area;
                dgain += (double)row_dot(g + at, n + at, l.area);
                dbias += (double)row_sum(g + at, l.area);
            }
            norm2[e] += (gain ? dgain * dgain : 0) + (bias ? dbias * dbias : 0);
        }
    return ASSAY_OK;
}

const real *assay_batchnorm_statistics(const assay_node *node)
{
    return node->op == &assay_op_batchnorm ? node->saved[BATCH] : NULL;
}

const assay_op assay_op_batchnorm = {.name = "batchnorm",
    .inputs = {"x", "gain", "bias", "mean", "variance"},
    .required = 1,
    .options = "eps shape",
    .forward = batchnorm_forward,
    .backward = batchnorm_backward,
    .norm2 = batchnorm_norm2};
