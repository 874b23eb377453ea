/*
 * One node alone, forward and backward, from doubles and to doubles in either precision: what tests
 * and assay.net.op look at.
 */
#ifndef ASSAY_MODELS_NET_ALONE_H
#define ASSAY_MODELS_NET_ALONE_H

#include "models/net/op.h"

typedef struct assay_alone_input {
    const double *data; /* NULL: left out */
    size_t rows, cols;
    bool vector;     /* one row, shown as [cols] in messages */
    bool wants_grad; /* false: data, or a frozen weight */
} assay_alone_input;

typedef struct assay_alone_call {
    assay_op_id op;
    assay_alone_input in[ASSAY_NODE_INPUTS];
    assay_op_options options;
    const double *grad_output; /* of grad_rows x grad_cols; NULL: ones */
    size_t grad_rows, grad_cols;
    bool random; /* dropout draws, keyed by seed */
    uint64_t seed;
    const size_t *example; /* of each row, for norm2; NULL: none is made */
    size_t n_example, examples;
} assay_alone_call;

typedef struct assay_alone_result {
    size_t rows, cols;
    double *y;                       /* rows x cols */
    double loss;                     /* of a loss */
    double *grad[ASSAY_NODE_INPUTS]; /* shaped as the inputs; NULL: none */
    double *norm2;                   /* examples; NULL: none */
} assay_alone_result;

/* *result is set in any case, and freed with assay_alone_free. */
int assay_op_alone(const assay_alone_call *call, assay_alone_result *result);
int assay_op_alone_double(const assay_alone_call *call, assay_alone_result *result);
void assay_alone_free(assay_alone_result *result);

#endif
