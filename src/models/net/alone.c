/* One node alone; see alone.h. Leaves live in the arena of the tape that the node is on. */
#include <stdlib.h>

#include "models/net/kernel.h"
#ifdef ASSAY_NET_DOUBLE
#undef assay_op_alone
#include "models/net/alone.h"
#define assay_op_alone assay_op_alone_double
#else
#include "models/net/alone.h"

void assay_alone_free(assay_alone_result *result)
{
    free(result->y);
    free(result->norm2);
    for (int i = 0; i < ASSAY_NODE_INPUTS; i++)
        free(result->grad[i]);
    *result = (assay_alone_result){0};
}
#endif

static int to_doubles(const real *from, size_t n, double **out)
{
    *out = malloc(n * sizeof **out);
    if (!*out)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu numbers", n);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = (double)from[i];
    return ASSAY_OK;
}

static real *to_reals(assay_tape *tape, const double *from, size_t n)
{
    real *out = assay_arena_alloc(&tape->arena, n, sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = (real)from[i];
    return out;
}

static int add_leaf(assay_tape *tape, const assay_alone_input *in, int *value)
{
    *value = -1;
    if (!in->data)
        return ASSAY_OK;
    const size_t size = in->rows * in->cols;
    assay_tensor x = {to_reals(tape, in->data, size), {in->rows, in->cols}, 2};
    if (in->vector)
        x = (assay_tensor){x.data, {in->cols}, 1};
    real *grad = in->wants_grad ? assay_arena_alloc(&tape->arena, size, sizeof *grad) : NULL;
    if (!x.data || (in->wants_grad && !grad))
        return ASSAY_ENOMEM;
    if (grad)
        memset(grad, 0, size * sizeof *grad);
    return assay_tape_leaf(tape, &x, grad, value);
}

static int backward(assay_tape *tape, const assay_alone_call *call, int out)
{
    const assay_tensor y = assay_tape_value(tape, out);
    if (!call->grad_output)
        return assay_tape_backward(tape, out, NULL);
    if (call->grad_rows != y.n[0] || call->grad_cols != y.n[1])
        return assay_fail(ASSAY_EINVAL,
            "net: node 0 (%s): grad_output [%zu, %zu] and y [%zu, %zu] don't fit: equal shapes",
            assay_ops[call->op]->name, call->grad_rows, call->grad_cols, y.n[0], y.n[1]);
    const real *g = to_reals(tape, call->grad_output, y.n[0] * y.n[1]);
    return g ? assay_tape_backward(tape, out, g) : ASSAY_ENOMEM;
}

static int take_results(assay_tape *tape, const assay_alone_call *call, const int *in, int out,
    assay_alone_result *result)
{
    const assay_tensor y = assay_tape_value(tape, out);
    result->rows = y.n[0];
    result->cols = y.n[1];
    result->loss = assay_tape_loss(tape, out);
    int status = to_doubles(y.data, y.n[0] * y.n[1], &result->y);
    for (int i = 0; i < ASSAY_NODE_INPUTS && status == ASSAY_OK; i++)
        if (in[i] >= 0 && assay_tape_grad(tape, in[i]))
            status = to_doubles(assay_tape_grad(tape, in[i]), call->in[i].rows * call->in[i].cols,
                &result->grad[i]);
    if (status != ASSAY_OK || !call->example)
        return status;
    result->norm2 = calloc(call->examples, sizeof *result->norm2);
    if (!result->norm2)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu norms", call->examples);
    return assay_tape_norm2(tape, call->example, call->n_example, call->examples, result->norm2);
}

int assay_op_alone(const assay_alone_call *call, assay_alone_result *result)
{
    *result = (assay_alone_result){0};
    assay_tape *tape = NULL;
    int in[ASSAY_NODE_INPUTS], out = -1, status = assay_tape_new(&tape);
    if (status != ASSAY_OK)
        return status;
    if (call->random)
        assay_tape_random(tape, call->seed, 0, 0);
    for (int i = 0; i < ASSAY_NODE_INPUTS && status == ASSAY_OK; i++)
        status = add_leaf(tape, &call->in[i], &in[i]);
    if (status == ASSAY_OK)
        status = assay_tape_apply(tape, call->op, in, &call->options, &out);
    if (status == ASSAY_OK)
        status = backward(tape, call, out);
    if (status == ASSAY_OK)
        status = take_results(tape, call, in, out, result);
    assay_tape_free(tape);
    return status;
}
