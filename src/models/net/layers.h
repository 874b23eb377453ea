/*
 * The layers of a sequential net: read from JSON, checked shape by shape, laid out as a flat
 * program that one function (graph.c) puts on a tape. A residual block is three of its entries:
 * open, what is inside, add.
 *
 *     {"input": [1, 28, 28], "layers": [{"type": "conv", "out": 8, "k": 3, "pad": 1},
 *       {"type": "relu"}, {"type": "residual", "layers": [...]}, {"type": "flatten"},
 *       {"type": "dense", "out": 10}]}
 *
 * A layer is named by its type and how many of that type came before: conv1, relu1, conv2; its
 * parameters conv1.weight, conv1.bias.
 */
#ifndef ASSAY_MODELS_NET_LAYERS_H
#define ASSAY_MODELS_NET_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/net/op.h"
#include "models/net/params.h"

enum { ASSAY_LAYER_NAME = 24 };

/* Vectors have n = {size, 1, 1}; images n = {channels, height, width}. */
typedef struct assay_layer_shape {
    size_t n[3];
    bool image;
} assay_layer_shape;

typedef enum assay_layer_role {
    ASSAY_LAYER_OP,
    ASSAY_LAYER_FLATTEN,
    ASSAY_LAYER_TIME,  /* the last column's sinusoidal embedding in its place */
    ASSAY_LAYER_OPEN,  /* remember the value, */
    ASSAY_LAYER_ADD,   /* add it, */
    ASSAY_LAYER_CONCAT /* or put it before this one's channels */
} assay_layer_role;

typedef struct assay_layer {
    char name[ASSAY_LAYER_NAME];
    assay_layer_role role;
    assay_op_id op;
    assay_op_options options;
    int w, b; /* parameters in the table, or -1 */
    int mean, variance; /* of batchnorm: parameters that a training tracks, or -1 */
    assay_layer_shape in, out;
    const struct assay_value_hook *hook; /* of its input; the caller's */
} assay_layer;

typedef struct assay_layers {
    assay_layer *at;
    size_t count, room;
    assay_layer_shape input, output;
} assay_layers;

/* Parse, adding parameters to the table and giving them their initial values (PyTorch's: uniform in
 * 1 / sqrt(inputs); gains 1). At most `most` numbers in all parameters. ASSAY_EINVAL names the
 * layer and what is wrong with which shapes. *out is set in any case. */
int assay_layers_parse(
    const char *json, const assay_rng *rng, size_t most, assay_params *params, assay_layers *out);
void assay_layers_free(assay_layers *layers);

/* Does a layer mix the examples of a batch in training? */
bool assay_layers_mix(const assay_layers *layers);

/* A layer by name; ASSAY_ENOTFOUND lists them. */
int assay_layers_find(const assay_layers *layers, const char *name, size_t *index);

static inline size_t assay_layer_size(const assay_layer_shape *shape)
{
    return shape->n[0] * shape->n[1] * shape->n[2];
}

#endif
