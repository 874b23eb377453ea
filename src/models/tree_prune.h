/* Pruning of a grown tree, for tree.c. */
#ifndef ASSAY_MODELS_TREE_PRUNE_H
#define ASSAY_MODELS_TREE_PRUNE_H

#include "models/tree.h"

int assay_tree_prune(
    const assay_matrix *X, const size_t *y, const assay_tree_options *options, assay_tree *tree);

#endif
