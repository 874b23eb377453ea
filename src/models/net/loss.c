/*
 * Losses: one number, the mean (or the sum) over what counts, summed in double. Each keeps in
 * forward the gradient by its input, already divided by the count, so that backward is one product.
 *
 * softmax_ce   log sum exp(x) - sum_j q_j x_j a row, q = (1 - s) onehot + s / classes with
 * smoothing s; the mean is over the rows whose label isn't -1, whatever their weights bce_logits
 * max(x, 0) - x y + log(1 + e^-|x|), y in [0, 1] mse          (x - y)^2 huber        d^2 / 2 within
 * delta of the target, delta (|d| - delta / 2) outside
 * gaussian_nll ((x - y)^2 e^-v + v + log 2 pi) / 2 for the mean x and the log-variance v
 * kl           KL(p_ref || p) a row, p and p_ref the softmax of x and of the reference
 * reverse_kl   KL(p || p_ref)
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { X, TARGETS, LOG_VARIANCE };

static int begin(assay_tape *tape, assay_node *node, size_t size, real **y, real **slope)
{
    const int status = assay_node_output(tape, node, 1, 1, y);
    if (status != ASSAY_OK)
        return status;
    *slope = node->saved[0] = assay_arena_alloc(&tape->arena, size, sizeof **slope);
    return *slope ? ASSAY_OK : ASSAY_ENOMEM;
}

/* d (+)= g slope of one input; NULL: none is kept for it */
static void put_slope(assay_tape *tape, const assay_node *node, int slot, real g, const real *slope)
{
    bool first;
    real *d = input_grad_first(tape, node, slot, &first);
    if (d && slope)
        put_scaled(tensor_size(input(tape, node, slot)), g, slope, d, first);
}

static int loss_backward(assay_tape *tape, const assay_node *node)
{
    const real g = output_grad(tape, node)[0];
    put_slope(tape, node, X, g, node->saved[0]);
    put_slope(tape, node, TARGETS, node->saved[1] ? g : -g,
        node->saved[1] ? node->saved[1] : node->saved[0]);
    put_slope(tape, node, LOG_VARIANCE, g, node->saved[2]);
    return ASSAY_OK;
}

/* ---- softmax cross-entropy ---- */

/* options.weights: one for each row of x, or none. */
static int check_weights(const assay_tape *tape, const assay_node *node)
{
    const assay_op_options *o = &node->options;
    const size_t rows = tensor_rows(input(tape, node, X));
    if (!o->weights)
        return ASSAY_OK;
    if (o->n_weights != rows)
        return assay_node_fail(node,
            "weights must have one number for each of %zu rows of x, got %zu", rows, o->n_weights);
    for (size_t r = 0; r < rows; r++)
        if (!(o->weights[r] >= 0 && o->weights[r] <= 3e38))
            return assay_node_fail(
                node, "weights[%zu] must be finite and at least 0, got %g", r + 1, o->weights[r]);
    return ASSAY_OK;
}

static double row_weight(const assay_node *node, size_t row)
{
    return node->options.weights ? node->options.weights[row] : 1;
}

static int check_labels(const assay_tape *tape, const assay_node *node, size_t *counted)
{
    const assay_op_options *o = &node->options;
    const size_t rows = tensor_rows(input(tape, node, X)),
                 classes = tensor_cols(input(tape, node, X));
    if (!o->labels || o->n_labels != rows)
        return assay_node_fail(node,
            "labels must have one class for each of %zu rows of x, got %zu", rows,
            o->labels ? o->n_labels : 0);
    if (!(o->smoothing >= 0 && o->smoothing < 1))
        return assay_node_fail(
            node, "smoothing must be at least 0 and less than 1, got %g", o->smoothing);
    *counted = 0;
    for (size_t r = 0; r < rows; r++) {
        if (o->labels[r] < -1 || o->labels[r] >= (int64_t)classes)
            return assay_node_fail(node,
                "labels[%zu] must be in 0..%zu, or -1 to ignore it, got %d", r + 1, classes - 1,
                (int)o->labels[r]);
        *counted += o->labels[r] >= 0;
    }
    return *counted || o->sum ? check_weights(tape, node)
                              : assay_node_fail(node, "labels are all -1: no row is counted");
}

/* The loss of one row, and p - q in `slope`. -infinity is an impossible class; a row of nothing
 * else has no distribution, and gives NaN here. */
static double row_ce(
    const real *restrict x, size_t classes, size_t label, double smoothing, real *restrict slope)
{
    const real high = row_max(x, classes);
    double part[LANES] = {0}, smooth = 0;
    for (size_t j = 0; j < classes; j++)
        slope[j] = real_exp(x[j] - high);
    size_t j = 0;
    for (; j + LANES <= classes; j += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            part[lane] += (double)slope[j + lane];
    for (; j < classes; j++)
        part[j % LANES] += (double)slope[j];
    const double sum =
        ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (j = 0; smoothing > 0 && j < classes; j++)
        smooth += (double)(x[j] - high) / (double)classes;
    const real share = (real)(1 / sum), spread = (real)(smoothing / (double)classes);
    for (j = 0; j < classes; j++)
        slope[j] = slope[j] * share - spread;
    slope[label] -= (real)(1 - smoothing);
    const double fit = (1 - smoothing) * (double)(x[label] - high);
    return log(sum) - fit - (smoothing > 0 ? smoothing * smooth : 0);
}

static bool has_support(const real *x, size_t classes)
{
    for (size_t j = 0; j < classes; j++)
        if (x[j] != -(real)INFINITY)
            return true;
    return false;
}

static int softmax_ce_forward(assay_tape *tape, assay_node *node)
{
    const assay_op_options *o = &node->options;
    size_t counted = 0;
    real *y, *slope;
    int status = check_labels(tape, node, &counted);
    const assay_tensor *x = input(tape, node, X);
    const size_t rows = tensor_rows(x), classes = tensor_cols(x);
    if (status == ASSAY_OK)
        status = begin(tape, node, rows * classes, &y, &slope);
    if (status != ASSAY_OK)
        return status;
    for (size_t r = 0; r < rows; r++, slope += classes) {
        const double weight = row_weight(node, r) / (o->sum ? 1 : (double)counted);
        if (o->labels[r] < 0) {
            memset(slope, 0, classes * sizeof *slope);
            continue;
        }
        const real *logits = x->data + r * classes;
        if (!has_support(logits, classes))
            return assay_node_fail(
                node, "row %zu of x has an empty support: all are -infinity", r + 1);
        node->loss += weight * row_ce(logits, classes, (size_t)o->labels[r], o->smoothing, slope);
        for (size_t j = 0; j < classes; j++)
            slope[j] *= (real)weight;
    }
    *y = (real)node->loss;
    return ASSAY_OK;
}

/* ---- elementwise losses ---- */

/* Value and slope of one element, for x and its target. */
typedef double element_loss(real x, real target, double delta, real *slope);

static int pairwise(assay_tape *tape, assay_node *node, element_loss *loss)
{
    const assay_tensor *x = input(tape, node, X), *target = input(tape, node, TARGETS);
    const size_t size = tensor_size(x);
    real *y, *slope;
    if (tensor_rows(x) != tensor_rows(target) || size != tensor_size(target))
        return assay_node_mismatch(tape, node, X, TARGETS, "equal shapes");
    int status = check_weights(tape, node);
    if (status == ASSAY_OK)
        status = begin(tape, node, size, &y, &slope);
    if (status != ASSAY_OK)
        return status;
    const size_t rows = tensor_rows(x), cols = tensor_cols(x);
    const double share = node->options.sum ? 1 : 1 / (double)size;
    double sum = 0;
    for (size_t r = 0, i = 0; r < rows; r++) {
        const double weight = row_weight(node, r);
        const real scale = (real)(share * weight);
        for (const size_t end = i + cols; i < end; i++) {
            sum += weight * loss(x->data[i], target->data[i], node->options.delta, slope + i);
            slope[i] *= scale;
        }
    }
    node->loss = sum * share;
    *y = (real)node->loss;
    return ASSAY_OK;
}

static double bce(real x, real target, double delta, real *slope)
{
    (void)delta;
    *slope = real_sigmoid(x) - target;
    return (double)((x > 0 ? x : 0) - x * target) + (double)real_log1p(real_exp(x > 0 ? -x : x));
}

static double squared(real x, real target, double delta, real *slope)
{
    (void)delta;
    *slope = 2 * (x - target);
    return (double)(x - target) * (double)(x - target);
}

static double huber(real x, real target, double delta, real *slope)
{
    const double d = (double)x - (double)target;
    *slope = (real)(d > delta ? delta : (d < -delta ? -delta : d));
    return fabs(d) <= delta ? d * d / 2 : delta * (fabs(d) - delta / 2);
}

static int bce_logits_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, X), *target = input(tape, node, TARGETS);
    for (size_t i = 0; i < tensor_size(target); i++)
        if (!(target->data[i] >= 0 && target->data[i] <= 1))
            return assay_node_fail(
                node, "targets[%zu] must be in 0..1, got %g", i + 1, (double)target->data[i]);
    const int status = pairwise(tape, node, bce);
    if (status != ASSAY_OK || !tape->value[node->in[TARGETS]].wants_grad)
        return status;
    const size_t size = tensor_size(x);
    real *slope = node->saved[1] = assay_arena_alloc(&tape->arena, size, sizeof *slope);
    for (size_t i = 0; slope && i < size; i++)
        slope[i] = -x->data[i] * (real)(row_weight(node, i / tensor_cols(x)) *
                                        (node->options.sum ? 1 : 1 / (double)size));
    return slope ? ASSAY_OK : ASSAY_ENOMEM;
}

static int mse_forward(assay_tape *tape, assay_node *node)
{
    return pairwise(tape, node, squared);
}

static int huber_forward(assay_tape *tape, assay_node *node)
{
    if (!(node->options.delta > 0))
        return assay_node_fail(node, "delta must be greater than 0, got %g", node->options.delta);
    return pairwise(tape, node, huber);
}

/* ---- of distributions ---- */

static int gaussian_nll_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *v = input(tape, node, LOG_VARIANCE);
    if (tensor_rows(v) != tensor_rows(input(tape, node, X)) ||
        tensor_size(v) != tensor_size(input(tape, node, X)))
        return assay_node_mismatch(tape, node, X, LOG_VARIANCE, "equal shapes");
    const int status = pairwise(tape, node, squared); /* shapes and memory */
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, X)->data, *target = input(tape, node, TARGETS)->data;
    const size_t size = tensor_size(v);
    const double share = node->options.sum ? 1 : 1 / (double)size;
    real *slope = node->saved[0];
    real *slope_v = node->saved[2] = assay_arena_alloc(&tape->arena, size, sizeof *slope_v);
    if (!slope_v)
        return ASSAY_ENOMEM;
    double sum = 0;
    for (size_t i = 0; i < size; i++) {
        const double d = (double)x[i] - (double)target[i], precision = exp(-(double)v->data[i]);
        const double weight = row_weight(node, i / tensor_cols(v));
        sum += weight * (d * d * precision + (double)v->data[i] + 1.8378770664093454836) / 2;
        slope[i] = (real)(share * weight * d * precision);
        slope_v[i] = (real)(share * weight * (1 - d * d * precision) / 2);
    }
    node->loss = sum * share;
    output(tape, node)->data[0] = (real)node->loss;
    return ASSAY_OK;
}

/* log of the sum of exponentials of a row */
static double log_sum(const real *x, size_t n)
{
    double high = (double)x[0], sum = 0;
    for (size_t j = 1; j < n; j++)
        high = fmax(high, (double)x[j]);
    for (size_t j = 0; j < n; j++)
        sum += exp((double)x[j] - high);
    return high + log(sum);
}

/* KL(p || q) of a row of logits a and b; d/da = p (log p - log q - KL), d/db = q - p */
static double row_kl(const real *a, const real *b, size_t n, double share, real *da, real *db)
{
    const double za = log_sum(a, n), zb = log_sum(b, n);
    double kl = 0;
    for (size_t j = 0; j < n; j++) {
        const double log_p = (double)a[j] - za, log_q = (double)b[j] - zb, p = exp(log_p);
        kl += p > 0 ? p * (log_p - log_q) : 0;
        db[j] = (real)(share * (exp(log_q) - p));
    }
    for (size_t j = 0; j < n; j++) {
        const double log_p = (double)a[j] - za, p = exp(log_p);
        da[j] = p > 0 ? (real)(share * p * (log_p - ((double)b[j] - zb) - kl)) : 0;
    }
    return kl;
}

static int divergence(assay_tape *tape, assay_node *node, bool reverse)
{
    const assay_tensor *x = input(tape, node, X), *ref = input(tape, node, TARGETS);
    const size_t rows = tensor_rows(x), n = tensor_cols(x);
    real *y, *dx;
    if (tensor_rows(ref) != rows || tensor_cols(ref) != n)
        return assay_node_mismatch(tape, node, X, TARGETS, "equal shapes");
    int status = check_weights(tape, node);
    if (status == ASSAY_OK)
        status = begin(tape, node, rows * n, &y, &dx);
    if (status != ASSAY_OK)
        return status;
    real *dref = node->saved[1] = assay_arena_alloc(&tape->arena, rows * n, sizeof *dref);
    if (!dref)
        return ASSAY_ENOMEM;
    for (size_t at = 0, r = 0; r < rows; r++, at += n) {
        const real *a = x->data + at, *b = ref->data + at;
        const double share = row_weight(node, r) / (node->options.sum ? 1 : (double)rows);
        if (!has_support(a, n) || !has_support(b, n))
            return assay_node_fail(node, "row %zu has an empty support: all are -infinity", r + 1);
        node->loss += share * (reverse ? row_kl(a, b, n, share, dx + at, dref + at)
                                       : row_kl(b, a, n, share, dref + at, dx + at));
    }
    *y = (real)node->loss;
    return ASSAY_OK;
}

static int kl_forward(assay_tape *tape, assay_node *node)
{
    return divergence(tape, node, false);
}

static int reverse_kl_forward(assay_tape *tape, assay_node *node)
{
    return divergence(tape, node, true);
}

const assay_op assay_op_gaussian_nll = {.name = "gaussian_nll",
    .inputs = {"x", "targets", "log_variance"},
    .required = 3,
    .options = "weights sum",
    .loss = true,
    .forward = gaussian_nll_forward,
    .backward = loss_backward};

const assay_op assay_op_kl = {.name = "kl",
    .inputs = {"x", "reference"},
    .required = 2,
    .options = "weights sum",
    .loss = true,
    .forward = kl_forward,
    .backward = loss_backward};

const assay_op assay_op_reverse_kl = {.name = "reverse_kl",
    .inputs = {"x", "reference"},
    .required = 2,
    .options = "weights sum",
    .loss = true,
    .forward = reverse_kl_forward,
    .backward = loss_backward};

const assay_op assay_op_softmax_ce = {.name = "softmax_ce",
    .inputs = {"x"},
    .required = 1,
    .options = "labels weights smoothing sum",
    .loss = true,
    .forward = softmax_ce_forward,
    .backward = loss_backward};

const assay_op assay_op_bce_logits = {.name = "bce_logits",
    .inputs = {"x", "targets"},
    .required = 2,
    .options = "weights sum",
    .loss = true,
    .forward = bce_logits_forward,
    .backward = loss_backward};

const assay_op assay_op_mse = {.name = "mse",
    .inputs = {"x", "targets"},
    .required = 2,
    .options = "weights sum",
    .loss = true,
    .forward = mse_forward,
    .backward = loss_backward};

const assay_op assay_op_huber = {.name = "huber",
    .inputs = {"x", "targets"},
    .required = 2,
    .options = "delta weights sum",
    .loss = true,
    .forward = huber_forward,
    .backward = loss_backward};
