/*
 * rope: rotary positions (Su et al., arXiv:2104.09864). Rows are [q, k, v] as attention takes them;
 * of each head's q and k the pairs (2 i, 2 i + 1) turn by the angle position * 10000^(-2 i / d),
 * v stays. Backward turns the gradient by the opposite angle.
 */
#include "models/net/kernel.h"

struct turns {
    size_t rows, cols, heads, d;
    real *cosine, *sine; /* of position p and pair i at [p * d / 2 + i] */
};

static int check(const assay_tape *tape, const assay_node *node, struct turns *t)
{
    const assay_op_options *o = &node->options;
    const assay_tensor *x = input(tape, node, 0);
    *t = (struct turns){.rows = tensor_rows(x), .cols = tensor_cols(x), .heads = o->heads};
    if (t->heads < 1 || t->cols % (3 * t->heads) != 0 || t->cols / 3 / t->heads % 2 != 0)
        return assay_node_fail(node,
            "x must have 3 * heads * d columns (q, k, v), d even, got %zu for %zu heads", t->cols,
            t->heads);
    t->d = t->cols / 3 / t->heads;
    if (!o->labels || o->n_labels != t->rows)
        return assay_node_fail(node, "rows must have a position for each of %zu rows of x, got %zu",
            t->rows, o->labels ? o->n_labels : 0);
    for (size_t r = 0; r < t->rows; r++)
        if (o->labels[r] < 0 || o->labels[r] > 1 << 20)
            return assay_node_fail(node, "rows[%zu] must be a position in 1..%d, got %d", r + 1,
                (1 << 20) + 1, (int)o->labels[r] + 1);
    return ASSAY_OK;
}

static int make_turns(assay_tape *tape, const assay_node *node, struct turns *t)
{
    size_t positions = 0;
    const size_t pairs = t->d / 2;
    for (size_t r = 0; r < t->rows; r++)
        if ((size_t)node->options.labels[r] >= positions)
            positions = (size_t)node->options.labels[r] + 1;
    t->cosine = assay_arena_alloc(&tape->arena, positions * pairs, sizeof *t->cosine);
    t->sine = assay_arena_alloc(&tape->arena, positions * pairs, sizeof *t->sine);
    if (!t->cosine || !t->sine)
        return ASSAY_ENOMEM;
    for (size_t i = 0; i < pairs; i++) {
        const double frequency = pow(10000, -2.0 * (double)i / (double)t->d);
        for (size_t p = 0; p < positions; p++) {
            t->cosine[p * pairs + i] = (real)cos((double)p * frequency);
            t->sine[p * pairs + i] = (real)sin((double)p * frequency);
        }
    }
    return ASSAY_OK;
}

/* y (+)= x turned by `sign` times the angles */
static void turn(
    const assay_node *node, const struct turns *t, const real *x, real sign, bool add, real *y)
{
    const size_t pairs = t->d / 2;
    for (size_t r = 0; r < t->rows; r++, x += t->cols, y += t->cols) {
        const real *c = t->cosine + (size_t)node->options.labels[r] * pairs;
        const real *s = t->sine + (size_t)node->options.labels[r] * pairs;
        for (size_t h = 0; h < 2 * t->heads; h++)
            for (size_t i = 0; i < pairs; i++) {
                const size_t at = h * t->d + 2 * i;
                const real a = x[at] * c[i] - sign * x[at + 1] * s[i];
                const real b = x[at + 1] * c[i] + sign * x[at] * s[i];
                y[at] = add ? y[at] + a : a;
                y[at + 1] = add ? y[at + 1] + b : b;
            }
        for (size_t i = 2 * t->heads * t->d; i < t->cols; i++)
            y[i] = add ? y[i] + x[i] : x[i];
    }
}

static int rope_forward(assay_tape *tape, assay_node *node)
{
    struct turns *t = assay_arena_alloc(&tape->arena, 1, sizeof *t);
    real *y;
    int status = t ? check(tape, node, t) : ASSAY_ENOMEM;
    if (status == ASSAY_OK)
        status = make_turns(tape, node, t);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, t->rows, t->cols, &y);
    if (status != ASSAY_OK)
        return status;
    node->saved[0] = t;
    turn(node, t, input(tape, node, 0)->data, 1, false, y);
    return ASSAY_OK;
}

static int rope_backward(assay_tape *tape, const assay_node *node)
{
    turn(node, node->saved[0], output_grad(tape, node), -1, true, input_grad(tape, node, 0));
    return ASSAY_OK;
}

const assay_op assay_op_rope = {.name = "rope",
    .inputs = {"x"},
    .required = 1,
    .options = "heads rows",
    .forward = rope_forward,
    .backward = rope_backward};
