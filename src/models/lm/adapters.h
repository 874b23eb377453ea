/*
 * What changes a model in place: low-rank adapters (LoRA, Hu et al., arXiv:2106.09685),
 * sub-networks of shared weights (elastic supernets), frozen parameters.
 *
 * An adapter adds alpha / rank (x A^T) B^T to a linear layer; several can stand beside each other,
 * of which each block uses one or none. A sub-network has the first d columns of the residual
 * stream, the first heads (their size stays), the first layers and the hidden width of its d; it
 * reads and trains the whole's weights.
 */
#ifndef ASSAY_MODELS_LM_ADAPTERS_H
#define ASSAY_MODELS_LM_ADAPTERS_H

#include "models/lm/lm.h"

/* Add adapters to the layers of `targets` (bit i: assay_lm_target_names[i]) of every block, freeze
 * all that was there, and use the first. The function of the model stays: A ~ N(0, 1 / in), B = 0;
 * or with `zero` A = 0, B ~ N(0, 1 / rank). Once a model. */
int assay_lm_add_adapters(assay_lm *lm, const assay_lm_adapters *adapters, uint64_t seed);

/* Use adapter `index` in block `layer` (SIZE_MAX: in all), or none: index SIZE_MAX. Those that no
 * block uses are frozen. */
int assay_lm_use_adapter(assay_lm *lm, size_t layer, size_t index);

/* Add what the adapters in use do to the weights, set those to do nothing, and use none. */
int assay_lm_merge(assay_lm *lm);

/* The sub-network that all calls use from now on; 0: as large as the whole. */
int assay_lm_slice(assay_lm *lm, size_t d, size_t layers, size_t heads);

/* Freeze the parameters whose names match, or let them learn; ASSAY_ENOTFOUND: none matches. */
int assay_lm_freeze(assay_lm *lm, const char *pattern, bool frozen);

#endif
