/*
 * policy: the clipped policy-gradient loss of tokens that were drawn (policy.h), less `entropy`
 * times the entropy of the row, as one loss of logits x [M, V]:
 *
 *     sum_m w_m (loss(log p_m[label_m]) - entropy H(p_m)),   p = softmax(x),
 *     d log p[y] / dx_j = [j = y] - p_j,   dH / dx_j = -p_j (log p_j + H).
 *
 * Log-probabilities are of the whole softmax at temperature 1, made in double.
 */
#include "models/net/policy.h"

#include "models/net/kernel.h"

static int check(const assay_node *node, size_t rows, size_t classes)
{
    const assay_op_options *o = &node->options;
    if (!o->labels || o->n_labels != rows || !o->old || !o->advantage)
        return assay_node_fail(
            node, "labels, old and advantage must have one number for each of %zu rows of x", rows);
    if (o->weights && o->n_weights != rows)
        return assay_node_fail(
            node, "weights must have one number for each of %zu rows of x", rows);
    if (!(o->clip_low >= 0 && o->clip_high >= 0 && o->kl >= 0 && isfinite(o->kl) &&
            isfinite(o->entropy)))
        return assay_node_fail(node,
            "clip_low, clip_high and kl must be at least 0, got %g, %g, %g; entropy finite, got %g",
            o->clip_low, o->clip_high, o->kl, o->entropy);
    if (o->kl > 0 && !o->reference)
        return assay_node_fail(node, "kl needs the reference's log-probabilities");
    for (size_t r = 0; r < rows; r++) {
        if (o->labels[r] < -1 || o->labels[r] >= (int64_t)classes)
            return assay_node_fail(node,
                "labels[%zu] must be in 0..%zu, or -1 to ignore it, got %d", r + 1, classes - 1,
                (int)o->labels[r]);
        if (o->labels[r] >= 0 && !(isfinite(o->old[r]) && isfinite(o->advantage[r]) &&
                                     (!(o->kl > 0) || isfinite(o->reference[r]))))
            return assay_node_fail(
                node, "old, advantage and reference of row %zu must be finite", r + 1);
    }
    return ASSAY_OK;
}

/* One row, its gradient into dx. */
static double row_loss(
    const assay_op_options *o, size_t r, const real *x, size_t classes, double weight, real *dx)
{
    double high = (double)x[0], sum = 0, mean = 0;
    for (size_t j = 1; j < classes; j++)
        high = fmax(high, (double)x[j]);
    for (size_t j = 0; j < classes; j++)
        sum += exp((double)x[j] - high);
    const double z = high + log(sum);
    for (size_t j = 0; o->entropy != 0 && j < classes; j++)
        mean += exp((double)x[j] - z) * (double)x[j];
    const double entropy = o->entropy != 0 ? z - mean : 0;
    double slope;
    const size_t label = (size_t)o->labels[r];
    const assay_policy_token token = {(double)x[label] - z, o->old[r], o->advantage[r],
        o->kl > 0 ? o->reference[r] : 0, o->clip_low, o->clip_high, o->kl};
    const double loss = assay_policy_loss(&token, &slope);
    for (size_t j = 0; j < classes; j++) {
        const double log_p = (double)x[j] - z, p = exp(log_p);
        const double by_entropy = o->entropy != 0 ? o->entropy * p * (log_p + entropy) : 0;
        dx[j] = (real)(weight * (slope * ((j == label) - p) + by_entropy));
    }
    return weight * (loss - o->entropy * entropy);
}

static int policy_forward(assay_tape *tape, assay_node *node)
{
    const assay_op_options *o = &node->options;
    const assay_tensor *x = input(tape, node, 0);
    const size_t rows = tensor_rows(x), classes = tensor_cols(x);
    real *y;
    int status = check(node, rows, classes);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, 1, 1, &y);
    if (status != ASSAY_OK)
        return status;
    real *dx = node->saved[0] = assay_arena_alloc(&tape->arena, rows * classes, sizeof *dx);
    if (!dx)
        return ASSAY_ENOMEM;
    memset(dx, 0, rows * classes * sizeof *dx);
    const real *logits = input(tape, node, 0)->data;
    for (size_t r = 0; r < rows; r++)
        if (o->labels[r] >= 0)
            node->loss += row_loss(o, r, logits + r * classes, classes,
                o->weights ? o->weights[r] : 1, dx + r * classes);
    *y = (real)node->loss;
    return ASSAY_OK;
}

static int policy_backward(assay_tape *tape, const assay_node *node)
{
    const real g = output_grad(tape, node)[0], *slope = node->saved[0];
    real *dx = input_grad(tape, node, 0);
    for (size_t i = 0; dx && i < tensor_size(input(tape, node, 0)); i++)
        dx[i] += g * slope[i];
    return ASSAY_OK;
}

const assay_op assay_op_policy = {.name = "policy",
    .inputs = {"x"},
    .required = 1,
    .options = "labels weights old advantage reference clip_low clip_high kl entropy",
    .loss = true,
    .forward = policy_forward,
    .backward = policy_backward};
