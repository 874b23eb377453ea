/*
 * hook: a value passed through functions of the caller's, y = f(x), dx = b(x, dy): quantised or
 * noisy inputs of a layer. The engine knows no method; what the functions draw is theirs, keyed by
 * the place that they are told. In double it is the identity, as gradient checks leave hooks out.
 */
#include "models/net/kernel.h"

#ifndef ASSAY_NET_DOUBLE
static assay_hook_place place_of(const assay_tape *tape, const assay_node *node)
{
    const assay_tensor *y = output(tape, node);
    return (assay_hook_place){
        tape->random ? tape->step : 0, tape->first_row, tensor_rows(y), tensor_cols(y)};
}
#endif

static int hook_forward(assay_tape *tape, assay_node *node)
{
    const assay_tensor *x = input(tape, node, 0);
    real *y;
    if (!node->options.hook || !node->options.hook->forward)
        return assay_node_fail(node, "hook must be given");
    const int status = assay_node_output(tape, node, tensor_rows(x), tensor_cols(x), &y);
    if (status != ASSAY_OK)
        return status;
    x = input(tape, node, 0);
#ifdef ASSAY_NET_DOUBLE
    memcpy(y, x->data, tensor_size(x) * sizeof *y);
    return ASSAY_OK;
#else
    const assay_value_hook *hook = node->options.hook;
    const assay_hook_place place = place_of(tape, node);
    return hook->forward(hook->context, &place, x->data, y);
#endif
}

static int hook_backward(assay_tape *tape, const assay_node *node)
{
    const real *g = output_grad(tape, node);
    real *dx = input_grad(tape, node, 0);
    const size_t size = tensor_size(output(tape, node));
    if (!dx)
        return ASSAY_OK;
#ifndef ASSAY_NET_DOUBLE
    const assay_value_hook *hook = node->options.hook;
    if (hook->backward) {
        const assay_hook_place place = place_of(tape, node);
        real *mapped = assay_arena_alloc(&tape->arena, size, sizeof *mapped);
        if (!mapped)
            return ASSAY_ENOMEM;
        const int status =
            hook->backward(hook->context, &place, input(tape, node, 0)->data, g, mapped);
        if (status != ASSAY_OK)
            return status;
        g = mapped;
    }
#endif
    for (size_t i = 0; i < size; i++)
        dx[i] += g[i];
    return ASSAY_OK;
}

const assay_op assay_op_hook = {.name = "hook",
    .inputs = {"x"},
    .required = 1,
    .options = "",
    .forward = hook_forward,
    .backward = hook_backward};
