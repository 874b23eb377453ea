/*
 * A sequential net on a tape: the build function that shards.h asks for, in both precisions.
 * Private to this directory.
 */
#ifndef ASSAY_MODELS_NET_GRAPH_H
#define ASSAY_MODELS_NET_GRAPH_H

#include "core/matrix.h"
#include "models/net/layers.h"
#include "models/net/shards.h"

typedef struct assay_graph {
    const assay_layers *layers;
    size_t stop; /* the layer whose output is the value, or layers->count */
    assay_matrix x;
    const size_t *index; /* row of x (of labels, of targets) of each example; NULL: first + it */
    size_t first;
    bool loss; /* the value is a loss: `loss_op` with its options, summed */
    assay_op_id loss_op;
    double smoothing, delta;
    const int32_t *labels;
    assay_matrix targets;
    const double *weights; /* of each example of the batch, or NULL */
    float *input_grad;     /* examples x inputs; NULL: none. Not in double. */
} assay_graph;

int assay_graph_build(
    void *user, assay_tape *tape, const int *param, const assay_shard *shard, int *value);

#ifndef ASSAY_NET_DOUBLE
struct assay_tape_double;
int assay_graph_build_double(void *user, struct assay_tape_double *tape, const int *param,
    const assay_shard *shard, int *value);

struct assay_net;
struct assay_net_loss;
struct assay_net_data;

/* All examples of the data in their order, the loss at the end. */
assay_graph assay_net_graph(const struct assay_net *net, const struct assay_net_loss *loss,
    const struct assay_net_data *data);

/* What the sum of an example's terms is multiplied by to be its loss; examples that count. */
double assay_net_share(const struct assay_net *net, const struct assay_net_loss *loss);
double assay_net_counted(const struct assay_net_loss *loss, const struct assay_net_data *data);
#endif

#endif
