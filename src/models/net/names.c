/* The table of operations in words, for those who name them. Both precisions have the same. */
#include <stdio.h>
#include <string.h>

#include "models/net/kernel.h"

const char *const assay_gemm_names[] = {"blas", "portable", NULL};

int assay_op_parse(const char *name, assay_op_id *op)
{
    char list[1024];
    size_t at = 0;
    for (int i = 0; i < ASSAY_OPS; i++) {
        if (i == ASSAY_OP_HOOK) /* takes functions of C */
            continue;
        if (strcmp(assay_ops[i]->name, name) == 0) {
            *op = (assay_op_id)i;
            return ASSAY_OK;
        }
        at += (size_t)snprintf(
            list + at, sizeof list - at, "%s%s", i ? ", " : "", assay_ops[i]->name);
    }
    return assay_fail(
        ASSAY_ENOTFOUND, "net: there is no operation \"%s\" (there are: %s)", name, list);
}

const char *assay_op_name(assay_op_id op)
{
    return assay_ops[op]->name;
}

const char *assay_op_input(assay_op_id op, int slot)
{
    return slot < ASSAY_NODE_INPUTS ? assay_ops[op]->inputs[slot] : NULL;
}

const char *assay_op_option_names(assay_op_id op)
{
    return assay_ops[op]->options;
}

bool assay_op_is_loss(assay_op_id op)
{
    return assay_ops[op]->loss;
}
